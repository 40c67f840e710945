package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"riverwatch/alerts/ledger"
	"riverwatch/internal/sim"
)

const (
	readyWithin = 300 * time.Millisecond // of a start with a ledger of a million transitions
	idleMost    = 0.01                   // of one core, with three drones
	idleFor     = 10 * time.Second
	manySession = 1000
	sessionMiB  = 256 // where a station begins the next one
)

// benchSmall weighs the program: its file, its memory and its processor time at rest, and how long it takes to start.
func benchSmall(ctx context.Context, b *bench) error {
	if err := b.sizes(ctx); err != nil {
		return err
	}
	if _, err := b.fillLedger(ctx, million); err != nil {
		return err
	}
	data := filepath.Join(b.dir, "small")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.Link(filepath.Join(b.ledgerDir(), ledger.FileName), filepath.Join(data, ledger.FileName)); err != nil {
		return err
	}
	if err := b.starts(ctx, "start to ready, a ledger of a million transitions", data, (*process).stop); err != nil {
		return err
	}
	if err := b.atRest(ctx, data); err != nil {
		return err
	}
	if err := b.starts(ctx, "start to ready after a kill, the same", data, (*process).kill); err != nil {
		return err
	}
	if err := manySessions(filepath.Join(data, "sessions"), manySession); err != nil {
		return err
	}
	if err := b.starts(ctx, fmt.Sprintf("start to ready, the same and %d sessions", manySession), data, (*process).stop); err != nil {
		return err
	}
	return b.refold(ctx)
}

// sizes tells how large the static binary is.
func (b *bench) sizes(ctx context.Context) error {
	for _, of := range []struct {
		work  string
		strip bool
	}{{"the static binary", false}, {"the static binary without symbols (-s -w)", true}} {
		path, err := b.program(ctx, of.strip)
		if err != nil {
			return err
		}
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		b.figure(of.work, mib(float64(st.Size())), "", true)
	}
	return nil
}

// starts measures starts that follow each other, each ended by end.
func (b *bench) starts(ctx context.Context, work, data string, end func(*process) error) error {
	var took []float64
	for range 5 {
		p, err := b.startProcess(ctx, data)
		if err != nil {
			return err
		}
		took = append(took, float64(p.ready.Nanoseconds()))
		if err := errors.Join(p.recording(ctx), end(p)); err != nil {
			return err
		}
	}
	ready := median(took)
	b.figure(work, nanoseconds(ready), "under 300 ms", ready < float64(readyWithin))
	return nil
}

// atRest tells what a station takes that hears three drones and is watched by nobody. Nearly all of it is the kernel and
// the scheduler that wake a thread for each datagram, so a program that only reads them is measured beside it.
func (b *bench) atRest(ctx context.Context, data string) error {
	for _, perDatagram := range []int{1, 20} {
		work := fmt.Sprintf("processor, three drones of %d frames/s, %d in a datagram", sim.MixPerSecond, perDatagram)
		p, err := b.startProcess(ctx, data)
		if err != nil {
			return err
		}
		ours, err := p.share(ctx, perDatagram)
		if err == nil && perDatagram == 1 {
			err = b.memory(p)
		}
		if err := errors.Join(err, p.stop()); err != nil {
			return err
		}
		if p, err = b.startFloor(ctx); err != nil {
			return err
		}
		floor, err := p.share(ctx, perDatagram)
		if err := errors.Join(err, p.kill()); err != nil {
			return err
		}
		percent := func(x float64) string { return fmt.Sprintf("%.2f %% of a core", 100*x) }
		b.add(row{work: work, ours: percent(ours), base: percent(floor), baseName: "a Go program that only reads them", ratio: floor / ours, asked: "under 1 %", short: ours >= idleMost})
	}
	return nil
}

// share is the part of a core that a process takes while three drones fly towards it.
func (p *process) share(ctx context.Context, perDatagram int) (part float64, err error) {
	land := p.fly(3, perDatagram)
	defer func() { err = errors.Join(err, land()) }()
	if err := pause(ctx, 2*time.Second); err != nil {
		return 0, err
	}
	before, err := p.use()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := pause(ctx, idleFor); err != nil {
		return 0, err
	}
	after, err := p.use()
	return (after.cpu - before.cpu).Seconds() / time.Since(begun).Seconds(), err
}

// memory tells what a station has taken by now.
func (b *bench) memory(p *process) error {
	now, err := p.use()
	if err != nil {
		return err
	}
	heap, err := p.metric("go_memstats_heap_alloc_bytes")
	if err != nil {
		return err
	}
	b.figure("resident memory, three drones", mib(float64(now.resident)), "", true)
	b.figure("of it heap in use", mib(heap), "", true)
	return nil
}

// manySessions makes the sessions on a shelf that many, by copies of the oldest under times before it.
func manySessions(shelf string, n int) error {
	const layout = "20060102T150405.000000Z"
	found, err := os.ReadDir(shelf)
	if err != nil {
		return err
	}
	oldest := found[0].Name()
	started, err := time.Parse(layout, oldest)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(filepath.Join(shelf, oldest))
	if err != nil {
		return err
	}
	for i := range n - len(found) {
		dir := filepath.Join(shelf, started.Add(-time.Duration(i+1)*time.Hour).Format(layout))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(shelf, oldest, f.Name()))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, f.Name()), data, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// refold tells how long the start takes after a kill, where the session that is to be replayed is as long as they get.
func (b *bench) refold(ctx context.Context) error {
	data, err := os.MkdirTemp(b.dir, "refold-")
	if err != nil {
		return err
	}
	p, err := b.startProcess(ctx, data)
	if err != nil {
		return err
	}
	if err := errors.Join(p.recording(ctx), p.kill()); err != nil {
		return err
	}
	shelf := filepath.Join(data, "sessions")
	found, err := os.ReadDir(shelf)
	if err != nil {
		return err
	}
	frames, err := lengthen(filepath.Join(shelf, found[len(found)-1].Name(), "flight.tlog"), sessionMiB<<20)
	if err != nil {
		return err
	}
	if p, err = b.startProcess(ctx, data); err != nil {
		return err
	}
	b.figure(fmt.Sprintf("start to ready after a kill, a session of %d MiB to be replayed", sessionMiB), nanoseconds(float64(p.ready)), "", true)
	b.figure("the same, for a frame", nanoseconds(float64(p.ready)/float64(frames)), "", true)
	if !strings.Contains(p.errors.String(), `"resumed"`) {
		return errors.Join(errors.New("the session was not resumed: "+p.errors.String()), p.stop())
	}
	return p.stop()
}

// lengthen adds frames of a hundred drones to a log until it has that many bytes.
func lengthen(log string, size int64) (frames int, err error) {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return 0, err
	}
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var stamp []byte
	begun := time.Now()
	for s := range (sim.Traffic{Vehicles: 100, Start: begun}).Steps() {
		if at += 8 + int64(len(s.Raw)); at > size {
			break
		}
		stamp = binary.BigEndian.AppendUint64(stamp[:0], uint64(begun.Add(s.After).UnixMicro()))
		_, _ = w.Write(stamp) // Flush says what failed
		_, _ = w.Write(s.Raw)
		frames++
	}
	return frames, errors.Join(w.Flush(), f.Close())
}
