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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"riverwatch/configs"
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
	seconds := 5
	if b.long {
		seconds = 30
	}
	for _, x := range []intake{
		{rate: intakeRate, frames: 1, seconds: seconds, all: true},
		{rate: intakeRate / 20, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate / 2, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate, frames: 20, seconds: seconds, all: true},
		{rate: intakeRate, frames: 60, seconds: 5},
	} {
		x, err := b.offer(ctx, x)
		if err != nil {
			return err
		}
		b.tellIntake(x)
	}
	return b.offerNode(ctx, seconds)
}

// offerNode loads gomavlib's Node, built from a module of its own: it needs one that riverwatch does not.
func (b *bench) offerNode(ctx context.Context, seconds int) (err error) {
	program := filepath.Join(b.dir, "node")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("internal", "bench", "testdata", "node")
	if out, err := build.CombinedOutput(); err != nil {
		b.figure("gomavlib Node", fmt.Sprintf("not measured, it could not be built: %s", bytes.TrimSpace(out)), "", true)
		return nil
	}
	to, _, err := fourLinks()
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
	b.figure(fmt.Sprintf("%d datagrams/s of 1 frame for %d s: lost by gomavlib Node, which neither records nor folds", intakeRate, seconds),
		fmt.Sprintf("%.1f %% of %d", 100*float64(sent.Datagrams-frames)/float64(sent.Datagrams), sent.Datagrams), "", true)
	return node.Wait()
}

// fourLinks are addresses, and the station's links there.
func fourLinks() (to []string, links string, err error) {
	for i := range intakeSockets {
		_, udp, err := freeAddresses()
		if err != nil {
			return nil, "", err
		}
		to = append(to, udp)
		links += fmt.Sprintf("  - {name: field%d, udp: %q}\n", i+1, udp)
	}
	return to, links, nil
}

// newLoad is so many datagrams of vehicles whose streams are as fast as that needs.
func newLoad(rate, frames, seconds int, to []string) sim.Load {
	return sim.Load{
		Traffic: sim.Traffic{
			Vehicles: intakeVehicles, Start: time.Now(), PressEvery: 30 * time.Second,
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
	lost      map[string]float64 // by reason; of reason kernel, datagrams
	granted   float64            // bytes of socket buffer
	answers   []time.Duration    // of the console, while it was loaded
	beatsLate time.Duration      // the longest time between two beats in the log
	cpu       time.Duration      // of the station
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
	to, links, err := fourLinks()
	if err != nil {
		return x, err
	}
	p, err := b.startStation(ctx, dir, links)
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
	x.lost, x.granted = all.by("riverwatch_frames_dropped_total", "reason"), all.sum("riverwatch_socket_buffer_bytes")/intakeSockets
	running = false
	if err := p.stop(); err != nil {
		return x, err
	}
	return x, x.account(load, filepath.Join(dir, "sessions"))
}

// startStation starts a station with these links and waits until it is ready.
func (b *bench) startStation(ctx context.Context, dir, links string) (*process, error) {
	program, err := b.program(ctx, false)
	if err != nil {
		return nil, err
	}
	p := &process{errors: &bytes.Buffer{}}
	if p.http, _, err = freeAddresses(); err != nil {
		return nil, err
	}
	zones, err := configs.Example.ReadFile("ciyao.geojson")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "riverwatch.yaml")
	err = errors.Join(os.WriteFile(filepath.Join(dir, "ciyao.geojson"), zones, 0o600),
		os.WriteFile(config, fmt.Appendf(nil, `station: {name: bench, data_dir: %q}
http: {listen: %q}
links:
%szones:
  - {file: ciyao.geojson, crs: wgs84}
rules:
  - {name: crossing, near: [gate, bank], severity: high}
`, dir, p.http, links), 0o600))
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(program, "run", "--config", config)
	p.cmd.Stderr = p.errors
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for ; ; time.Sleep(time.Millisecond) {
		if answer, err := http.Get("http://" + p.http + "/-/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				p.ready = time.Since(begun)
				return p, nil
			}
		}
		if err := ctx.Err(); err != nil || time.Since(begun) > time.Minute {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // its output can be read only then
			return nil, fmt.Errorf("the station is not ready after %v: %s", time.Since(begun), p.errors)
		}
	}
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
	return sent, json.Unmarshal(told, &sent)
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

// series are the values of a page of metrics, by name and labels as they stand there.
type series map[string]float64

func (p *process) series() (series, error) {
	answer, err := http.Get("http://" + p.http + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	text, err := io.ReadAll(answer.Body)
	all := series{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			all[line[:at]], _ = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64) // the station writes numbers
		}
	}
	return all, err
}

func (s series) sum(name string) (sum float64) {
	for key, v := range s {
		if key == name || strings.HasPrefix(key, name+"{") {
			sum += v
		}
	}
	return sum
}

// by adds the values of name up by a label.
func (s series) by(name, label string) map[string]float64 {
	sums, value := map[string]float64{}, regexp.MustCompile(label+`="([^"]*)"`)
	for key, v := range s {
		if m := value.FindStringSubmatch(key); m != nil && strings.HasPrefix(key, name+"{") && v > 0 {
			sums[m[1]] += v
		}
	}
	return sums
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

// reasons are the losses in words.
func (x *intake) reasons() string {
	var all []string
	for reason, n := range x.lost {
		all = append(all, fmt.Sprintf("%s %.0f", reason, n))
	}
	slices.Sort(all)
	if all == nil {
		return "none"
	}
	return strings.Join(all, ", ")
}

func (b *bench) tellIntake(x intake) {
	asked := ""
	if x.all {
		asked = "0 %"
	}
	what := fmt.Sprintf("%d datagrams/s of %d frames for %d s: ", x.rate, x.frames, x.seconds)
	tell := func(name, asked string, met bool, format string, args ...any) {
		b.figure(what+name, fmt.Sprintf(format, args...), asked, met)
	}
	lost := x.fate.Lost()
	tell("sent by a process beside it", "", true, "%.0f/s, %.2f million frames/s", x.sent.PerSecond(), x.sent.PerSecond()*float64(x.frames)/1e6)
	tell("frames lost", asked, lost == 0, "%.3f %%", 100*float64(lost)/float64(x.fate.Sent))
	tell("one-shot frames lost", "0", x.fate.ShotsLost() == 0, "%d of %d", x.fate.ShotsLost(), x.fate.OneShots)
	tell("counted as lost (kernel: datagrams)", "", true, "%s", x.reasons())
	tell("lost of a vehicle's frames", "", true, "%.2f to %.2f %%", 100*x.least, 100*x.most)
	tell("doubled, late, strange frames", "0", x.fate.Doubled+x.fate.Late+x.strange == 0, "%d, %d, %d", x.fate.Doubled, x.fate.Late, x.strange)
	tell("answers of the console meanwhile", "", true, "p50 %s, worst %s", nanoseconds(float64(percentile(x.answers, 50))), nanoseconds(float64(percentile(x.answers, 100))))
	tell("longest time between beats", "", true, "%s", nanoseconds(float64(x.beatsLate)))
	tell("socket buffer granted, of 4 MiB", "", true, "%s", mib(x.granted))
	tell("the station's processor time and memory", "", true, "%.2f cores, %s, %d sessions", x.cpu.Seconds()/x.sent.Took.Seconds(), mib(float64(x.resident)), x.sessions)
}
