package mavlink

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"pgregory.net/rapid"
)

// A step is one thing that watch does with a fleet.
type step struct {
	at     int64
	frame  *Frame
	origin *OriginNote
	link   *LinkNote
}

func (s *step) apply(f *Fleet, out *News) {
	switch {
	case s.origin != nil:
		f.Origin(*s.origin)
	case s.link != nil:
		f.Link(s.at, *s.link, out)
	}
	f.Advance(s.at, out)
	if s.frame != nil {
		f.Apply(s.frame, out)
	}
}

// fold applies steps and returns what each of them told, as JSON.
func fold(t interface{ Fatal(...any) }, f *Fleet, steps []step) []string {
	told := make([]string, len(steps))
	for i := range steps {
		var news News
		steps[i].apply(f, &news)
		told[i] = asJSON(t, &news)
	}
	return told
}

func asJSON(t interface{ Fatal(...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// drawSteps makes a flight in which much happens at once.
func drawSteps(rt *rapid.T, t *testing.T) []step {
	x := newField(t, testPlan())
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
	waits := []int64{0, 0, 0, 100_000, 100_000, 200_000, 200_000, 500_000, 500_000, 500_000, 1_000_000, 1_000_000, 1_000_000, 2_000_000,
		3_000_000, 3_000_000, 5_100_000, 5_100_000, 11_000_000, 31_000_000, 31 * 60_000_000}
	links := []string{"", "field", "radio"}
	var steps []step
	for range rapid.IntRange(1, 60).Draw(rt, "steps") {
		x.at += waits[pick("wait", len(waits))]
		s := step{at: x.at}
		sys, comp := []uint8{1, 1, 1, 2, 9, 255, 0}[pick("system", 7)], []uint8{1, 1, 1, 1, 100, 190}[pick("component", 6)]
		up := []float64{-2, 0, 1, 2, 4, 60}[pick("height", 6)]
		if pick("lost frames", 8) == 0 {
			x.seq[[2]uint8{sys, comp}] += uint8(pick("how many", 100))
		}
		var m message.Message
		switch pick("what", 16) {
		case 0:
			s.origin = &OriginNote{System: sys, Component: comp, Link: links[pick("link", 3)], Address: "a"}
		case 1:
			s.link = &LinkNote{Link: links[pick("link", 3)], Up: pick("up", 2) == 0}
		case 2, 3, 4:
			hb := copter(pick("armed", 3) > 0)
			hb.CustomMode = uint32(pick("mode", 3))
			m = hb
		case 5:
			m = beatOf([]all.MAV_TYPE{6, 30, 10}[pick("type", 3)], []all.MAV_AUTOPILOT{8, 3}[pick("autopilot", 2)])
		case 6, 7, 8:
			p := x.position(float64(pick("north", 5)*20), 0, up)
			switch pick("odd", 8) {
			case 0:
				p.Lat, p.Lon = 0, 0
			case 1:
				p.TimeBootMs = uint32(pick("boot", 10)) * 1000
			}
			m = p
		case 9:
			g := goodGPS()
			g.FixType, g.HAcc = all.GPS_FIX_TYPE(pick("fix", 5)), uint32(pick("accuracy", 4))*20_000
			m = g
		case 10:
			m = &all.MessageExtendedSysState{LandedState: all.MAV_LANDED_STATE(pick("landed", 5))}
		case 11:
			m = text("POI 37.251000" + fmt.Sprint(pick("digit", 3)) + ", 111.9500000, 690.00 (asml)")
		case 12:
			m = pressed(uint16(pick("captures", 3)), 372510000, 1119500000)
		case 13:
			m = &all.MessageCameraImageCaptured{ImageIndex: int32(pick("image", 4)), CaptureResult: 1, Lat: homeLat, Lon: homeLon}
		case 14:
			m = &all.MessageCameraTrackingGeoStatus{
				TrackingStatus: all.CAMERA_TRACKING_STATUS_FLAGS([]uint8{0, 1, 1, 1, 9}[pick("tracking", 5)]),
				Lat:            []int32{homeLat, homeLat + 6000, math.MaxInt32}[pick("where", 3)], Lon: homeLon, HAcc: float32(math.NaN()),
			}
		case 15:
			m = []message.Message{
				&all.MessageSysStatus{VoltageBattery: 15000, BatteryRemaining: int8(pick("percent", 101))},
				&all.MessageEkfStatusReport{Flags: all.EKF_STATUS_FLAGS(pick("flags", 2) * 16)},
				&all.MessageBatteryStatus{BatteryRemaining: 50},
			}[pick("status", 3)]
		}
		if m != nil {
			fr := x.frame(sys, comp, m)
			s.frame = &fr
		}
		steps = append(steps, s)
	}
	return steps
}

// goesOnAfterEachCut folds steps once, and once for each cut with a restart there, and holds what both tell, remember and
// show to be the same. It gives what they tell; each, which may be nil, sees the fleet after every step.
func goesOnAfterEachCut(rt *rapid.T, t *testing.T, plan *FleetPlan, steps []step, each func(*Fleet)) (told []string) {
	whole := NewFleet(plan)
	told = fold(rt, whole, steps)
	last := asJSON(rt, whole.State())
	views := asJSON(rt, whole.Vehicles(steps[len(steps)-1].at))

	before := NewFleet(plan)
	for cut := range steps {
		f := restarted(t, before, plan)
		if got := fold(rt, f, steps[cut:]); strings.Join(got, "\n") != strings.Join(told[cut:], "\n") {
			rt.Fatalf("cut before step %d: it tells\n%s\ninstead of\n%s", cut, strings.Join(got, "\n"), strings.Join(told[cut:], "\n"))
		}
		if got := asJSON(rt, f.State()); got != last {
			rt.Fatalf("cut before step %d: it remembers\n%s\ninstead of\n%s", cut, got, last)
		}
		if got := asJSON(rt, f.Vehicles(steps[len(steps)-1].at)); got != views {
			rt.Fatalf("cut before step %d: it shows\n%s\ninstead of\n%s", cut, got, views)
		}
		fold(rt, before, steps[cut:cut+1])
		if each != nil {
			each(before)
		}
	}
	return told
}

func TestAFleetRestoredAtAnyCutGoesOnAsIfNothingHadBeen(t *testing.T) {
	kinds := map[string]bool{} // what the flights brought about: a property that nothing happens under proves nothing
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt, t)
		plan := testPlan()
		plan.Unknown = rapid.SampledFrom([]string{"unverified", "ignore"}).Draw(rt, "unknown")

		told := goesOnAfterEachCut(rt, t, plan, steps, nil)
		for _, line := range told {
			for _, key := range []string{`"Fixes":[{`, `"Evidence":[{`, `"Changes":[{`, `"landed":0`, `"landed":1`, `"Kind":3`, `"Kind":8`, `"Missed":true`} {
				if strings.Contains(line, key) {
					kinds[key] = true
				}
			}
		}
	})
	if len(kinds) != 8 && !t.Failed() {
		t.Errorf("the flights brought about only %v", kinds)
	}
}

func TestAStateIsACopy(t *testing.T) {
	x := newField(t, testPlan())
	link := func(f *Fleet, up bool) { f.Link(x.at, LinkNote{Link: "field", Up: up}, &x.told) }
	link(x.fleet, true)
	x.hover(1, 60)
	x.send(1, 1, pressed(1, homeLat, homeLon))
	st := x.fleet.State()
	saved := asJSON(t, st)
	link(x.fleet, false)
	x.at += pressWindow + 1
	x.hover(1, 90)
	x.send(1, 77, pressed(2, homeLat+9999, homeLon))
	if asJSON(t, st) != saved {
		t.Error("the fleet goes on writing to a state that it has handed out")
	}
	f := NewFleet(testPlan())
	f.Restore(st)
	link(f, false)
	fr := x.frame(1, 1, copter(false))
	f.Apply(&fr, &x.last)
	if asJSON(t, st) != saved {
		t.Error("a fleet writes to the state that it was restored from")
	}
}

func FuzzApply(f *testing.F) {
	x := newField(f, testPlan())
	for _, m := range []message.Message{
		copter(true), goodGPS(), x.position(10, 10, 60), text("POI 37.2510000, 111.9500000, 690.00 (asml)"), pressed(1, homeLat, homeLon),
		&all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: homeLat, Lon: homeLon, HAcc: float32(math.Inf(1))},
		&all.MessageCameraImageCaptured{CaptureResult: 1, RelativeAlt: math.MaxInt32}, &all.MessageSysStatus{}, &all.MessageBatteryStatus{},
		text("SIGHTING 3 \xe8\x88"), channels(5, 1950), &all.MessageButtonChange{LastChangeMs: 5, State: 2}, &all.MessageNamedValueFloat{Name: "SIGHT", Value: 3},
		spatialInt(homeLat, homeLon), spatialLong(37.25, 111.95),
		&all.MessageExtendedSysState{LandedState: 2}, &all.MessageEkfStatusReport{}, &all.MessageEstimatorStatus{}, &all.MessageSystemTime{}, &all.MessageAttitude{},
	} {
		fr := x.frame(1, 1, m)
		f.Add(uint16(fr.MsgID), uint8(1), uint8(1), Payload(fr.Raw))
	}
	f.Add(uint16(33), uint8(0), uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, id uint16, sys, comp uint8, payload []byte) {
		payload = payload[:min(len(payload), 255)]
		raw := append([]byte{0xFD, byte(len(payload)), 0, 0, 0, sys, comp, byte(id), byte(id >> 8), 0}, payload...)
		fr := Parse(append(raw, 0, 0))
		plan := pressPlan()
		fl, news := NewFleet(plan), &News{}
		x := newField(t, plan)
		x.fleet = fl
		x.hover(1, 60)
		for _, wait := range []int64{0, 1_000_000, 40_000_000} {
			fr.At = x.at + wait
			fl.Advance(fr.At, news)
			fl.Apply(&fr, news)
		}
		for _, fix := range news.Fixes {
			if _, refused := refusePoint(int64(fix.LatE7), int64(fix.LonE7)); refused || fix.Quality == QualityNone || fix.Track.System() == 0 {
				t.Errorf("fix %+v", fix)
			}
		}
		for _, e := range news.Evidence {
			_, refused := refusePoint(int64(e.LatE7), int64(e.LonE7))
			if e.Located && (refused || e.CE90DM < minTargetDM || e.CE90DM > 100_000) || !e.Located && e.CE90DM != 0 || e.Key == (EvidenceKey{}) {
				t.Errorf("evidence %+v", e)
			}
		}
		b := asJSON(t, fl.State())
		asJSON(t, fl.Vehicles(fr.At))
		if got := asJSON(t, restarted(t, fl, plan).State()); got != b {
			t.Errorf("restored %s\nfrom %s", got, b)
		}
	})
}

// The mix of messages of a vehicle that flies and tags nothing.
func quietFlight(t testing.TB) []Frame {
	x := newField(t, testPlan())
	var frames []Frame
	level := &all.MessageAttitude{TimeBootMs: 60_000, Roll: 0.01, Pitch: -0.02, Yaw: 1.5, Rollspeed: 0.001, Pitchspeed: 0.002, Yawspeed: 0.003}
	for _, m := range []message.Message{
		copter(true), goodGPS(), &all.MessageSystemTime{TimeBootMs: 60_000}, &all.MessageSysStatus{VoltageBattery: 15000, BatteryRemaining: 70},
		x.position(3, 4, 60), level, level, x.position(4, 4, 60),
		&all.MessageEkfStatusReport{Flags: 831}, &all.MessageExtendedSysState{LandedState: 2}, &all.MessageVfrHud{}, &all.MessageBatteryStatus{},
		text("Mission: 3 WP"),
	} {
		frames = append(frames, x.frame(1, 1, m))
	}
	return frames
}

// again makes a frame the next one of its sender, at the instant at.
func (f *Frame) again(at int64, seq uint8) {
	f.At, f.Seq = at, seq
	boot := uint32((at-fieldStart)/1000) + 60_000
	switch f.MsgID {
	case idAttitude, idGlobalPositionInt:
		binary.LittleEndian.PutUint32(f.Raw[headerV2:], boot)
	case idSystemTime:
		binary.LittleEndian.PutUint32(f.Raw[headerV2+8:], boot)
	}
}

func TestAQuietFrameIsFoldedWithoutAllocating(t *testing.T) {
	frames := quietFlight(t)
	f, news := NewFleet(testPlan()), &News{}
	at, seq := int64(fieldStart), uint8(0)
	run := func() {
		for i := range frames {
			at += 10_000
			frames[i].again(at, seq)
			seq++
			news.Reset()
			f.Advance(at, news)
			f.Apply(&frames[i], news)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations in %d frames", n, len(frames))
	}
}
