package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialect"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/tlog"

	"riverwatch/configs"
	"riverwatch/internal/app"
	"riverwatch/internal/sim"
	"riverwatch/mavlink"
)

const (
	replayVehicles = 100
	pressEvery     = time.Minute // sightings and alerts are a part of the work
	longLog        = 10_000_000_000
)

// benchReplay replays logs whole, as `riverwatch replay --config` does: read, verified, judged by fleet, zones and alerts.
// Beside it gomavlib's reader decodes the same files, and judges nothing.
func benchReplay(ctx context.Context, b *bench) error {
	config, err := b.replayConfig()
	if err != nil {
		return err
	}
	length := 2 * time.Minute
	if b.smoke {
		length = 30 * time.Second
	}
	dir := filepath.Dir(config)
	whole, even, odd := filepath.Join(dir, "whole.tlog"), filepath.Join(dir, "even.tlog"), filepath.Join(dir, "odd.tlog")
	for path, of := range map[string]func(system uint8) bool{
		whole: func(uint8) bool { return true },
		even:  func(system uint8) bool { return system%2 == 0 },
		odd:   func(system uint8) bool { return system%2 == 1 },
	} {
		if err := writeTraffic(path, sim.Traffic{Vehicles: replayVehicles, Start: replayStart(), Length: length, PressEvery: pressEvery}, of); err != nil {
			return err
		}
	}
	took, err := b.replayed(ctx, config, "a log of 100 vehicles", 15, whole)
	if err != nil {
		return err
	}
	times := length.Seconds() / took.Seconds()
	b.figure("the same, times real time", fmt.Sprintf("%.0f", times), "2000", times >= 2000)
	if _, err := b.replayed(ctx, config, "two logs of 50 vehicles each, at one time", 15, even, odd); err != nil {
		return err
	}
	if err := b.replayedReal(ctx, config, dir); err != nil || !b.long {
		return err
	}
	return b.replayedLong(ctx, config)
}

func replayStart() time.Time { return time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC) }

// replayConfig writes a configuration with the example's river and all vehicles of the traffic.
func (b *bench) replayConfig() (path string, err error) {
	dir, err := os.MkdirTemp(b.dir, "replay-")
	if err != nil {
		return "", err
	}
	zones, err := configs.Example.ReadFile("ciyao.geojson")
	if err != nil {
		return "", err
	}
	text := "station: {name: bench}\nlinks: [{name: field, udp: \"127.0.0.1:14550\"}]\nzones: [{file: ciyao.geojson, crs: wgs84}]\n" +
		"rules: [{name: crossing, near: [gate, bank], severity: high}]\nvehicles:\n"
	for i := range replayVehicles {
		text += fmt.Sprintf("  - {name: egret-%d, system: %d}\n", i+1, i+1)
	}
	path = filepath.Join(dir, "bench.yaml")
	return path, errors.Join(os.WriteFile(filepath.Join(dir, "ciyao.geojson"), zones, 0o600), os.WriteFile(path, []byte(text), 0o600))
}

// writeTraffic records the vehicles that are wanted of the traffic as a ground station would.
func writeTraffic(path string, t sim.Traffic, wanted func(system uint8) bool) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	start := t.Start.UnixMicro()
	var record []byte
	for s := range t.Steps() {
		if !wanted(s.System) {
			continue
		}
		record = binary.BigEndian.AppendUint64(record[:0], uint64(start+s.After.Microseconds()))
		if _, err := w.Write(append(record, s.Raw...)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// replayed compares the whole replay of logs with decoding them, by the clock and by the time that the cores worked, and
// returns how long one replay takes.
func (b *bench) replayed(ctx context.Context, config, what string, least float64, paths ...string) (time.Duration, error) {
	frames, err := decoded(paths)
	if err != nil {
		return 0, err
	}
	var took, oursCPU, baseCPU time.Duration
	var oursFrames, baseFrames int
	ours := side{"riverwatch", func(n int) (int, error) {
		begun, cpu := time.Now(), cpuTime()
		for range n {
			var told bytes.Buffer
			o := app.ReplayOptions{Paths: paths, Config: config, JSON: true, Out: io.Discard, Err: &told}
			if err := app.Replay(ctx, o); err != nil {
				return 0, err
			}
			if !strings.HasPrefix(told.String(), fmt.Sprintf("%d frames of ", frames)) {
				return 0, fmt.Errorf("%d frames to be judged: %s", frames, told.String())
			}
		}
		took = time.Since(begun) / time.Duration(n)
		oursCPU, oursFrames = oursCPU+cpuTime()-cpu, oursFrames+n*frames
		return n * frames, nil
	}}
	gomavlib := side{"gomavlib, decoding only", func(n int) (int, error) {
		cpu := cpuTime()
		for range n {
			if got, err := decoded(paths); err != nil || got != frames {
				return 0, fmt.Errorf("decoded %d of %d frames: %w", got, frames, err)
			}
		}
		baseCPU, baseFrames = baseCPU+cpuTime()-cpu, baseFrames+n*frames
		return n * frames, nil
	}}
	if err := b.compare(ctx, what+", a frame replayed whole", ours, gomavlib, least); err != nil {
		return 0, err
	}
	x, y := float64(oursCPU)/float64(oursFrames), float64(baseCPU)/float64(baseFrames)
	b.add(row{work: what + ", CPU time a frame", ours: nanoseconds(x), base: nanoseconds(y), baseName: gomavlib.name, ratio: y / x, best: y / x})
	return took, nil
}

// decoded has gomavlib decode logs and counts their frames.
func decoded(paths []string) (frames int, err error) {
	rw := &dialect.ReadWriter{Dialect: all.Dialect}
	if err := rw.Initialize(); err != nil {
		return 0, err
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		r := &tlog.Reader{ByteReader: bufio.NewReaderSize(f, 256<<10), DialectRW: rw}
		err = r.Initialize()
		for ; err == nil; frames++ {
			_, err = r.Read()
		}
		frames--
		if err != io.EOF {
			return 0, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
		if err := f.Close(); err != nil {
			return 0, err
		}
	}
	return frames, nil
}

// cpuTime is how long the cores have worked for this process, in it and in the kernel.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// replayedReal replays a real flight, forty times in a row with the time going on, where the shared data is there.
func (b *bench) replayedReal(ctx context.Context, config, dir string) error {
	log, err := os.ReadFile("../shared/data/tlog/sitl_yanwu_patrol.tlog")
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(b.progress, "         no real log: ../shared/data is not there")
		return nil
	}
	if err != nil {
		return err
	}
	const stamp = 8
	var at []int // of the stamps
	for i := 0; i+stamp < len(log); {
		n, ok := mavlink.FrameLen(log[i+stamp:])
		if !ok || i+stamp+n > len(log) {
			log = log[:i]
			break
		}
		at = append(at, i)
		i += stamp + n
	}
	times := 40
	if b.smoke {
		times = 10
	}
	first, last := binary.BigEndian.Uint64(log[at[0]:]), binary.BigEndian.Uint64(log[at[len(at)-1]:])
	var many []byte
	for range times {
		many = append(many, log...)
		for _, i := range at {
			binary.BigEndian.PutUint64(log[i:], binary.BigEndian.Uint64(log[i:])+last-first+uint64(time.Second/time.Microsecond))
		}
	}
	path := filepath.Join(dir, "real.tlog")
	if err := os.WriteFile(path, many, 0o600); err != nil {
		return err
	}
	_, err = b.replayed(ctx, config, "a real log of one vehicle", 15, path)
	return err
}

// replayedLong replays 10 GB in a process of its own, whose memory the kernel tells.
func (b *bench) replayedLong(ctx context.Context, config string) error {
	program, err := b.program(ctx, false)
	if err != nil {
		return err
	}
	// A minute tells how many bytes a second has.
	path := filepath.Join(filepath.Dir(config), "long.tlog")
	traffic := sim.Traffic{Vehicles: replayVehicles, Start: replayStart(), Length: time.Minute, PressEvery: pressEvery}
	everyone := func(uint8) bool { return true }
	if err := writeTraffic(path, traffic, everyone); err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	traffic.Length = time.Duration(float64(longLog)/float64(st.Size())*60) * time.Second
	defer func() { _ = os.Remove(path) }()
	if err := writeTraffic(path, traffic, everyone); err != nil {
		return err
	}
	if st, err = os.Stat(path); err != nil {
		return err
	}
	replay := exec.CommandContext(ctx, program, "replay", "--config", config, path)
	var told bytes.Buffer
	replay.Stderr = &told
	begun := time.Now()
	if err := replay.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- replay.Wait() }()
	// Not rusage: what the kernel calls a child's greatest size there begins with its parent's.
	peak, every := 0.0, time.NewTicker(20*time.Millisecond)
	defer every.Stop()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-every.C:
			peak = max(peak, peakMB(replay.Process.Pid))
		}
	}
	took := time.Since(begun)
	if err != nil {
		return fmt.Errorf("replay %d bytes: %w: %s", st.Size(), err, told.String())
	}
	frames := replayVehicles * sim.MixPerSecond * traffic.Length.Seconds()
	name := fmt.Sprintf("a log of %.1f GB, %s of 100 vehicles", float64(st.Size())/1e9, traffic.Length)
	b.figure(name+", memory", fmt.Sprintf("%.0f MB", peak), "100 MB", peak > 0 && peak < 100)
	times := traffic.Length.Seconds() / took.Seconds()
	b.figure(name+", replayed", fmt.Sprintf("%.1f s, %s a frame, %.0f MB/s, %.0f times real time",
		took.Seconds(), nanoseconds(float64(took.Nanoseconds())/frames), float64(st.Size())/1e6/took.Seconds(), times),
		"2000 times", times >= 2000)
	return nil
}

// peakMB is the greatest size of a running process so far, 0 where the system does not tell.
func peakMB(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			return kib * 1024 / 1e6
		}
	}
	return 0
}
