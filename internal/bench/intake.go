package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"riverwatch/internal/sim"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// loadCommand makes this program a sender of what it reads on its standard input: a process of its own, which shares no
// runtime with the station that it loads.
const loadCommand = "send-load"

const (
	intakeSockets  = 4
	intakeVehicles = 100
	intakeRate     = 200_000 // datagrams a second
)

// benchIntake offers datagrams to a station that records and folds, more than this machine can take as well, and the
// same to gomavlib's Node, which does neither.
func benchIntake(ctx context.Context, b *bench) error {
	const short = 3
	seconds := short
	if b.long {
		seconds = 30
	}
	for _, x := range []intake{
		{rate: intakeRate, frames: 1, seconds: seconds, all: true},
		{rate: intakeRate / 20, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate / 2, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate, frames: 60, seconds: short},
	} {
		x, err := b.offer(ctx, x)
		if err != nil {
			return err
		}
		b.tellIntake(x)
	}
	return b.offerNode(ctx, seconds)
}

// buildNode builds gomavlib's Node from a module of its own: it needs modules that riverwatch does not, which may be out
// of reach.
func (b *bench) buildNode(ctx context.Context) (program, trouble string) {
	program = filepath.Join(b.dir, "node")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("internal", "bench", "testdata", "node")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Sprintf("%v: %s", err, bytes.TrimSpace(out))
	}
	return program, ""
}

// offerNode loads gomavlib's Node.
func (b *bench) offerNode(ctx context.Context, seconds int) (err error) {
	program, trouble := b.buildNode(ctx)
	if trouble != "" {
		b.figure("gomavlib's Node", "not measured, it could not be built: "+trouble, "", true)
		return nil
	}
	to, err := fourSockets()
	if err != nil {
		return err
	}
	node := exec.CommandContext(ctx, program, to...)
	in, err := node.StdinPipe()
	if err != nil {
		return err
	}
	out, err := node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := node.Start(); err != nil {
		return err
	}
	var listening string
	if _, err := fmt.Fscan(out, &listening); err != nil {
		return errors.Join(err, in.Close(), node.Wait())
	}
	sent, err := sendApart(ctx, newLoad(intakeRate, 1, seconds, to))
	if err == nil {
		err = pause(ctx, time.Second) // what it has read it may hand out
	}
	frames := 0
	if err := errors.Join(err, in.Close()); err != nil {
		return errors.Join(err, node.Wait())
	}
	if _, err := fmt.Fscan(out, &frames); err != nil {
		return errors.Join(err, node.Wait())
	}
	b.figure(fmt.Sprintf("%d datagrams/s of 1 frame offered for %d s, %.0f/s sent: lost by gomavlib's Node, which neither records nor folds", intakeRate, seconds, sent.PerSecond()),
		fmt.Sprintf("%.3f %% of %d", 100*float64(sent.Datagrams-frames)/float64(sent.Datagrams), sent.Datagrams), "", true)
	return node.Wait()
}

// fourSockets are addresses to listen on.
func fourSockets() (to []string, err error) {
	for range intakeSockets {
		_, udp, err := freeAddresses()
		if err != nil {
			return nil, err
		}
		to = append(to, udp)
	}
	return to, nil
}

// newLoad is so many datagrams of vehicles whose streams are as fast as that needs.
func newLoad(rate, frames, seconds int, to []string) sim.Load {
	return sim.Load{
		Traffic: sim.Traffic{
			Vehicles: intakeVehicles, Start: time.Now(), PressEvery: 5 * time.Second,
			Times: max(1, rate*frames/(intakeVehicles*sim.MixPerSecond)),
		},
		To: to, PerSecond: rate, Frames: frames, Datagrams: rate * seconds,
	}
}

// intake is one measurement: what is offered, and what came of it.
type intake struct {
	rate, frames, seconds int
	all                   bool // nothing may be lost of it

	sent      sim.Sent
	fate      sim.Fate
	strange   int64
	least     float64 // share of its frames that a vehicle lost
	most      float64
	kernel    int64           // datagrams that found a socket's buffer full
	refused   int64           // frames that found no place in the queue
	aside     int64           // frames folded while recording had stopped
	tags      int64           // frames that tagged something, as the fold counts them
	granted   float64         // bytes of socket buffer
	answers   []time.Duration // of the console, while it was loaded
	beatsLate time.Duration   // the longest time between two beats in the log
	cpu       time.Duration   // of the station
	resident  int64
	sessions  int
}

// offer starts a station, loads it and looks at what it recorded.
func (b *bench) offer(ctx context.Context, x intake) (_ intake, err error) {
	dir, err := os.MkdirTemp(b.dir, "intake-")
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	to, err := fourSockets()
	if err != nil {
		return x, err
	}
	p, err := b.startProcess(ctx, dir, to...)
	if err != nil {
		return x, err
	}
	running := true
	defer func() {
		if running {
			err = errors.Join(err, p.kill())
		}
	}()
	load := newLoad(x.rate, x.frames, x.seconds, to)
	before, err := p.use()
	if err != nil {
		return x, err
	}
	asking, stopAsking := context.WithCancel(ctx)
	asked := make(chan []time.Duration, 1)
	go func() { asked <- askAll(asking, p.http) }()
	x.sent, err = sendApart(ctx, load)
	stopAsking()
	x.answers = <-asked
	if err != nil {
		return x, err
	}
	all, err := p.quiet(ctx)
	if err != nil {
		return x, err
	}
	after, err := p.use()
	if err != nil {
		return x, err
	}
	x.cpu, x.resident = after.cpu-before.cpu, after.resident
	const dropped, tags = "riverwatch_frames_dropped_total", "riverwatch_evidence_total"
	x.kernel = int64(all.sum(dropped, `reason="kernel"`))
	x.refused = int64(all.sum(dropped)) - x.kernel
	x.aside = int64(all.sum("riverwatch_unrecorded_frames_total"))
	x.tags = int64(all.sum(tags) - all.sum(tags, `source="mark"`)) // marks came from the console
	x.granted = all.sum("riverwatch_socket_buffer_bytes") / intakeSockets
	running = false
	if err := p.stop(); err != nil {
		return x, err
	}
	err = x.account(load, filepath.Join(dir, "sessions"))
	return x, err
}

// sendLoad is what this program does under loadCommand; it gives its exit code.
func sendLoad() int {
	if err := sim.SendAsAsked(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// sendApart sends a load from another process.
func sendApart(ctx context.Context, l sim.Load) (sent sim.Sent, err error) {
	self, err := os.Executable()
	if err != nil {
		return sent, err
	}
	asked, err := json.Marshal(l)
	if err != nil {
		return sent, err
	}
	var trouble bytes.Buffer
	sender := exec.CommandContext(ctx, self, loadCommand)
	sender.Stdin, sender.Stderr = bytes.NewReader(asked), &trouble
	told, err := sender.Output()
	if err != nil {
		return sent, fmt.Errorf("the sender: %w: %s", err, trouble.String())
	}
	err = json.Unmarshal(told, &sent)
	return sent, err
}

// account reads what was recorded.
func (x *intake) account(l sim.Load, sessions string) error {
	dirs, err := filepath.Glob(filepath.Join(sessions, "2*"))
	if err != nil {
		return err
	}
	a := sim.NewAccount(l, x.sent)
	beat := int64(0)
	for _, dir := range dirs {
		s, err := replay.OpenSession(dir)
		if err != nil {
			return err
		}
		r, err := s.Frames()
		if err != nil {
			return err
		}
		for {
			batch, err := r.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(err, r.Close())
			}
			for i := range batch.Frames {
				f := &batch.Frames[i]
				if f.Origin != mavlink.OriginOwn {
					a.Frame(f.Raw)
					continue
				}
				if f.MsgID == 0 {
					if beat != 0 {
						x.beatsLate = max(x.beatsLate, time.Duration(f.At-beat)*time.Microsecond)
					}
					beat = f.At
				}
			}
			batch.Release()
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	x.sessions = len(dirs)
	x.fate, x.strange = a.All(), a.Strange()
	x.least, x.most = a.Spread()
	return nil
}

// askAll asks the console for this and that, and marks, until ctx ends, and gives the time of each answer; one that
// failed took for ever.
func askAll(ctx context.Context, at string) (all []time.Duration) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		begun := time.Now()
		var answer *http.Response
		var err error
		switch n % 4 {
		case 0:
			answer, err = http.Get("http://" + at + "/metrics")
		case 1:
			answer, err = http.Get("http://" + at + "/api/v1/vehicles")
		case 2:
			answer, err = http.Get("http://" + at + "/-/healthy")
		case 3:
			answer, err = http.Post("http://"+at+"/api/v1/sightings", "application/json", strings.NewReader(`{"lat": 37.24, "lon": 111.95, "by": "bench"}`))
		}
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			err = errors.Join(err, answer.Body.Close())
			if answer.StatusCode >= 300 {
				err = errors.New(answer.Status)
			}
		}
		took := time.Since(begun)
		if err != nil {
			took = time.Hour
		}
		all = append(all, took)
	}
}

// quiet waits until the station has taken in and folded all that was sent, and the kernel's counter has been read.
func (p *process) quiet(ctx context.Context) (series, error) {
	before := -1.0
	for {
		all, err := p.series()
		if err != nil {
			return nil, err
		}
		now := all.sum("riverwatch_frames_total") + all.sum("riverwatch_frames_dropped_total")
		if now == before && all.sum("riverwatch_queue_frames") < 100 {
			return all, nil
		}
		before = now
		if err := pause(ctx, 2100*time.Millisecond); err != nil { // the kernel's counter is read once a second
			return nil, err
		}
	}
}

func (b *bench) tellIntake(x intake) {
	frames := "frames"
	if x.frames == 1 {
		frames = "frame"
	}
	what := fmt.Sprintf("%d datagrams/s of %d %s offered for %d s, %.0f/s sent: ", x.rate, x.frames, frames, x.seconds, x.sent.PerSecond())
	tell := func(name, asked string, met bool, format string, args ...any) {
		b.figure(what+name, fmt.Sprintf(format, args...), asked, met)
	}
	lost := x.fate.Lost()
	asked := ""
	if x.all {
		asked = "none"
	}
	tell("frames that are not in the log", asked, lost == 0, "%.3f %% of %.1f million; of one vehicle's %.2f to %.2f %%",
		100*float64(lost)/float64(x.fate.Sent), float64(x.fate.Sent)/1e6, 100*x.least, 100*x.most)
	unexplained, wrong := lost-x.kernel*int64(x.frames)-x.refused-x.aside, x.fate.Doubled+x.fate.Late+x.strange
	tell("why, by the station's own counters", "each counted", unexplained == 0 && wrong == 0,
		"%d in %d datagrams that the kernel dropped, %d at the queue, %d folded but not recorded; %d not counted; %d doubled, late or strange",
		x.kernel*int64(x.frames), x.kernel, x.refused, x.aside, unexplained, wrong)
	tell("one-shot frames that did not reach the fold", "none", x.tags == x.fate.OneShots, "%d of %d, %d not in the log",
		x.fate.OneShots-x.tags, x.fate.OneShots, x.fate.ShotsLost())
	tell("the station meanwhile", "", true, "console p50 %s, worst %s; at most %s between beats; %.2f cores, %s, %d sessions",
		nanoseconds(float64(percentile(x.answers, 50))), nanoseconds(float64(percentile(x.answers, 100))), nanoseconds(float64(x.beatsLate)),
		x.cpu.Seconds()/x.sent.Took.Seconds(), mib(float64(x.resident)), x.sessions)
	if x.granted < 4<<20 {
		tell("socket buffer granted", "4 MiB", false, "%s", mib(x.granted))
	}
}
