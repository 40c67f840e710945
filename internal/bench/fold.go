package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialect"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/frame"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/internal/sim"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// foldStart is when the traffic of this section begins.
var foldStart = time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)

// fleets are the numbers of vehicles. A MAVLink system id has 8 bits: there can be no more than 254 at once.
var fleets = []int{1, 10, 100, 254}

// benchFold is what a frame costs the fold alone: fleet, zones, alerts. gomavlib has no counterpart; beside it stands
// what gomavlib takes to decode the same frame.
func benchFold(ctx context.Context, b *bench) error {
	judge, err := watch.Compile(foldPlan(), nil)
	if err != nil {
		return err
	}
	if log, err := os.ReadFile(filepath.Join("..", "shared", "data", "tlog", "sitl_yanwu_patrol.tlog")); err == nil {
		if err := b.fold(ctx, "fold a frame of a real log", &flight{judge: judge, frames: framesOf(log)}); err != nil {
			return err
		}
	}
	var flights []*flight
	for _, n := range fleets {
		x, err := trafficOf(judge, n)
		if err != nil {
			return err
		}
		flights = append(flights, x)
		if err := b.fold(ctx, fmt.Sprintf("fold a frame, copters of 77 a second: %d", n), x); err != nil {
			return err
		}
	}
	if err := b.remembers(flights); err != nil {
		return err
	}
	if err := b.growsFlat("a frame folded, of so many speakers (system, component)", []int{1, 100, 1000, 254 * 40}, func(n int) (*flight, error) { return speakersOf(judge, n) }); err != nil {
		return err
	}
	return b.growsFlat("a frame and the note of its other origin, of so many origins", []int{2, 100, 1000, 10_000}, func(n int) (*flight, error) { return originsOf(judge, n) })
}

// foldPlan has two gates and a bank on the vehicles' way.
func foldPlan() watch.Plan {
	return watch.Plan{
		Fleet: mavlink.FleetPlan{
			Vehicles: []mavlink.VehiclePlan{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2}}, Unknown: "unverified",
			Sources: []mavlink.Source{mavlink.SourceMark, mavlink.SourcePOIScript, mavlink.SourceTrackingGeo}, StaleUS: 3_000_000, LostUS: 10_000_000,
		},
		Zones: []geofence.Zone{
			{ID: "gate-1", Name: "Gate 1", Kind: geofence.Gate, Center: geofence.Point{LatE7: 372740000, LonE7: 1120050000}, RadiusDM: 300, SeenDM: 1500},
			{ID: "gate-5", Name: "Gate 5", Kind: geofence.Gate, Center: geofence.Point{LatE7: 372460000, LonE7: 1119350000}, RadiusDM: 300, SeenDM: 1500, MaxUnseenUS: 1_200_000_000},
			{ID: "bank", Name: "River", Kind: geofence.Bank, WidthDM: 400, SeenDM: 1500, Line: []geofence.Point{
				{LatE7: 372740000, LonE7: 1120050000}, {LatE7: 372680000, LonE7: 1120080000}, {LatE7: 372660000, LonE7: 1119950000},
			}},
		},
		Book: alerts.Plan{Recipients: []string{"post"}, Rules: []alerts.Rule{{
			Name: "crossing", Near: []string{"gate", "bank"}, Severity: alerts.High, MinCertainty: "possible", WithinDM: 3000, QuietUS: 900_000_000,
		}}},
	}
}

// flight is frames, and the state that they are folded from.
type flight struct {
	judge  *watch.Judge
	state  []byte // nil: none
	frames []mavlink.Frame
}

// watch is one that remembers what is known before the frames come.
func (x *flight) watch() (*watch.Watch, error) {
	w := watch.New(watch.Options{Station: "bench", Plans: func(string) *watch.Judge { return x.judge }})
	if x.state != nil {
		err := w.Restore(x.state)
		return w, err
	}
	var e watch.Effects
	notes, err := mavlink.OwnFrames(mavlink.DefaultOwnID, 0, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: x.judge.Digest})
	for _, raw := range notes {
		f := mavlink.Parse(raw)
		f.At, f.Origin = x.frames[0].At, mavlink.OriginOwn
		w.Apply(&f, &e)
	}
	return w, err
}

// begin folds the frames before number n and makes what is known then the state of the others.
func (x *flight) begin(n int) error {
	w, err := x.watch()
	if err != nil {
		return err
	}
	x.applyTo(w, x.frames[:n])
	x.state, err = w.State()
	x.frames = x.frames[n:]
	return err
}

func (x *flight) applyTo(w *watch.Watch, frames []mavlink.Frame) {
	var e watch.Effects
	for i := range frames {
		if i%100 == 0 { // as with each batch
			e.Reset()
		}
		w.Apply(&frames[i], &e)
	}
}

// folded is how many nanoseconds a frame takes, over so long at least. What is remembered first is not counted.
func (x *flight) folded(long time.Duration) (float64, error) {
	took, n := time.Duration(0), 0
	for took < long {
		w, err := x.watch()
		if err != nil {
			return 0, err
		}
		begun := time.Now()
		x.applyTo(w, x.frames)
		took += time.Since(begun)
		n += len(x.frames)
	}
	return float64(took.Nanoseconds()) / float64(n), nil
}

// fold compares folding a frame with decoding it.
func (b *bench) fold(ctx context.Context, work string, x *flight) error {
	rw := &dialect.ReadWriter{Dialect: all.Dialect}
	if err := rw.Initialize(); err != nil {
		return err
	}
	var stream []byte
	for i := range x.frames {
		stream = append(stream, x.frames[i].Raw...)
	}
	var ours, base, ratios []float64
	for range b.rounds() {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := x.folded(b.slice() / 6) // and as long again to remember where it begins, some times over
		if err != nil {
			return err
		}
		z, err := timed(side{"gomavlib, decoding", func(n int) (int, error) {
			in := &frame.Reader{BufByteReader: bufio.NewReader(bytes.NewReader(stream)), DialectRW: rw}
			if err := in.Initialize(); err != nil {
				return 0, err
			}
			for range n {
				if _, err := in.Read(); err != nil {
					return 0, err
				}
			}
			return n, nil
		}}, len(x.frames))
		if err != nil {
			return err
		}
		ours, base, ratios = append(ours, a), append(base, z), append(ratios, z/a)
	}
	b.add(row{work: work, ours: nanoseconds(median(ours)), base: nanoseconds(median(base)), baseName: "gomavlib, decoding it", ratio: median(ratios), best: slices.Max(ratios)})
	return nil
}

// growsFlat tells what a frame costs at several sizes of something.
func (b *bench) growsFlat(work string, sizes []int, flightOf func(int) (*flight, error)) error {
	var at, took []string
	for _, n := range sizes {
		x, err := flightOf(n)
		if err != nil {
			return err
		}
		var rounds []float64
		for range b.rounds() {
			ns, err := x.folded(b.slice() / 6)
			if err != nil {
				return err
			}
			rounds = append(rounds, ns)
		}
		at, took = append(at, fmt.Sprint(n)), append(took, nanoseconds(median(rounds)))
	}
	b.figure(work+": "+strings.Join(at, ", "), strings.Join(took, ", "), "", true)
	return nil
}

// pauseMost is the longest that the fold may stand still for a new session's start state.
const pauseMost = 10 * time.Millisecond

// remembers tells what the memory of so many vehicles with cameras comes to. Saving it holds the fold up when a session
// begins, restoring it a start; the view for people is made once a second while somebody looks.
func (b *bench) remembers(flights []*flight) error {
	var at, sizes, heaps, saves, restores, views []string
	most := 0.0
	for i, x := range flights {
		var save, restore, view []float64
		var before, after runtime.MemStats
		for range 2 { // the first only empties the pools of what has been made ready for use again
			runtime.GC()
		}
		runtime.ReadMemStats(&before)
		w, err := x.watch()
		if err != nil {
			return err
		}
		for range 2 {
			runtime.GC()
		}
		runtime.ReadMemStats(&after)
		for range 3 * b.rounds() {
			begun := time.Now()
			saved, err := w.State()
			if err != nil {
				return err
			}
			save = append(save, float64(time.Since(begun)))
			begun = time.Now()
			if w, err = (&flight{judge: x.judge, state: saved}).watch(); err != nil {
				return err
			}
			restore = append(restore, float64(time.Since(begun)))
			begun = time.Now()
			if n := len(w.Vehicles()); n < fleets[i] {
				return fmt.Errorf("%d of %d vehicles", n, fleets[i])
			}
			view = append(view, float64(time.Since(begun)))
		}
		at = append(at, fmt.Sprint(fleets[i]))
		sizes = append(sizes, fmt.Sprintf("%.0f kB", float64(len(x.state))/1e3))
		heaps = append(heaps, fmt.Sprintf("%.0f kB", float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))/1e3))
		saves, restores, views = append(saves, nanoseconds(median(save))), append(restores, nanoseconds(median(restore))), append(views, nanoseconds(median(view)))
		most = max(most, median(save))
	}
	of := " of so many copters: " + strings.Join(at, ", ")
	tell := func(work string, list []string) { b.figure(work+of, strings.Join(list, ", "), "", true) }
	tell("state", sizes)
	tell("heap", heaps)
	b.figure("the fold stands still to save the state"+of, strings.Join(saves, ", "), "10 ms", most < float64(pauseMost))
	tell("to restore the state", restores)
	tell("the view for people", views)
	return nil
}

// framesOf are the good frames of a tlog.
func framesOf(log []byte) (frames []mavlink.Frame) {
	for len(log) > 8 {
		n, ok := mavlink.FrameLen(log[8:])
		if !ok || len(log) < 8+n || mavlink.Check(log[8:8+n]) != mavlink.Good {
			log = log[1:]
			continue
		}
		f := mavlink.Parse(log[8 : 8+n : 8+n])
		f.At = int64(binary.BigEndian.Uint64(log))
		if n := len(frames); n > 0 {
			f.At = max(f.At, frames[n-1].At)
		}
		frames = append(frames, f)
		log = log[8+n:]
	}
	return frames
}

// trafficOf are some 60,000 frames of so many copters that have been heard for two seconds.
func trafficOf(judge *watch.Judge, vehicles int) (*flight, error) {
	const warm = 2 * time.Second
	x, known, log := &flight{judge: judge}, 0, []byte(nil)
	traffic := sim.Traffic{Vehicles: vehicles, Start: foldStart, Length: warm + 60_000*time.Second/time.Duration(vehicles*sim.MixPerSecond)}
	for step := range traffic.Steps() {
		log = append(log, step.Raw...)
		f := mavlink.Parse(log[len(log)-len(step.Raw) : len(log) : len(log)])
		f.At, f.Origin = foldStart.Add(step.After).UnixMicro(), 1
		if x.frames = append(x.frames, f); step.After < warm {
			known = len(x.frames)
		}
	}
	err := x.begin(known)
	return x, err
}

// say adds the next frame of a component.
func (x *flight) say(at time.Duration, seq, system, component uint8, m message.Message) error {
	raw, err := mavlink.AppendFrame(nil, seq, system, component, m)
	f := mavlink.Parse(raw)
	f.At = foldStart.Add(at).UnixMicro()
	x.frames = append(x.frames, f)
	return err
}

// tell adds the note of where a component speaks from.
func (x *flight) tell(at time.Duration, note mavlink.OriginNote) error {
	all, err := mavlink.OwnFrames(mavlink.DefaultOwnID, 0, mavlink.OwnOrigin, 0, note)
	if note.Link == "" {
		all = [][]byte{mavlink.AppendOrigin(nil, mavlink.DefaultOwnID, 0, 0, note.Origin, note.System, note.Component)}
	}
	for _, raw := range all {
		f := mavlink.Parse(raw)
		f.At, f.Origin = foldStart.Add(at).UnixMicro(), mavlink.OriginOwn
		x.frames = append(x.frames, f)
	}
	return err
}

// speaker is number i of those that there can be, 40 components of each vehicle.
func speaker(i int) (system, component uint8) { return uint8(1 + i/40), uint8(1 + i%40) }

// beatOf is the HEARTBEAT of an autopilot, component 1, or of one of the others.
func beatOf(component uint8) *all.MessageHeartbeat {
	if component == 1 {
		return &all.MessageHeartbeat{Type: all.MAV_TYPE_QUADROTOR, Autopilot: all.MAV_AUTOPILOT_ARDUPILOTMEGA, BaseMode: 209, SystemStatus: all.MAV_STATE_ACTIVE}
	}
	return &all.MessageHeartbeat{Type: all.MAV_TYPE_CAMERA, Autopilot: all.MAV_AUTOPILOT_INVALID}
}

// speakersOf has n components of one vehicle or of many speak in turn, each from an address of its own.
func speakersOf(judge *watch.Judge, n int) (*flight, error) {
	x, known := &flight{judge: judge}, 0
	rounds := 3 + max(6, 20_000/n)
	for round := range rounds {
		for i := range n {
			system, component := speaker(i)
			at := time.Duration(round*n+i) * time.Second / time.Duration(n)
			if round == 0 {
				note := mavlink.OriginNote{Origin: uint16(1 + i), System: system, Component: component, Link: "field", Address: fmt.Sprintf("192.0.2.1:%d", 10_000+i)}
				if err := x.tell(at, note); err != nil {
					return nil, err
				}
			}
			if err := x.say(at, uint8(round), system, component, beatOf(component)); err != nil {
				return nil, err
			}
		}
		if round == 2 {
			known = len(x.frames)
		}
	}
	err := x.begin(known)
	return x, err
}

// originsOf has one vehicle speak from two addresses in turn, of n that the session has told.
func originsOf(judge *watch.Judge, n int) (*flight, error) {
	x := &flight{judge: judge}
	for i := range n {
		if err := x.tell(0, mavlink.OriginNote{Origin: uint16(1 + i), Link: "field", Address: fmt.Sprintf("192.0.2.1:%d", 10_000+i)}); err != nil {
			return nil, err
		}
	}
	known := 0
	for i := range 20_000 {
		at := time.Duration(i) * 10 * time.Millisecond
		if err := x.tell(at, mavlink.OriginNote{Origin: uint16(1 + (i%2)*(n-1)), System: 1, Component: 1}); err != nil {
			return nil, err
		}
		if err := x.say(at, uint8(i/2), 1, 1, beatOf(1)); err != nil {
			return nil, err
		}
		if i == 200 {
			known = len(x.frames)
		}
	}
	err := x.begin(known)
	return x, err
}
