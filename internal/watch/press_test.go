package watch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// says adds a message of a vehicle's autopilot.
func (p *tape) says(at int64, system uint8, m message.Message) {
	p.t.Helper()
	raw, err := mavlink.AppendFrame(nil, p.seq, system, 1, m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.seq++
	p.frame(at, raw, 1)
}

// poiText is a press in words, without a place that can be read; poiPoint is one at a place.
func poiText(text string) message.Message { return &ardupilotmega.MessageStatustext{Text: text} }

func poiPoint(number uint16, latE7, lonE7 int32) message.Message {
	return &ardupilotmega.MessageCameraFeedback{ImgIdx: 1, Lat: latE7, Lng: lonE7, AltMsl: 100, AltRel: 100, CompletedCaptures: number}
}

const gate1Lat, gate1Lon = 372740000, 1120050000

// TestOnePressIsOneSighting has an alert line for what each flight tells: the event, the number of sightings, the
// vehicle and whether it is verified.
func TestOnePressIsOneSighting(t *testing.T) {
	tests := []struct {
		name string
		fly  func(p *tape)
		want string
	}{
		{"words without a place, then the place", func(p *tape) {
			p.says(start+second, 1, poiText("POI 7 here"))
			p.says(start+2*second, 1, poiPoint(1, gate1Lat, gate1Lon))
		}, "[opened 1 egret-1 true refined 1 egret-1 true]"},
		{"the place first: words add nothing", func(p *tape) {
			p.says(start+second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+2*second, 1, poiText("POI 7 here"))
		}, "[opened 1 egret-1 true]"},
		{"the same message over a slow link", func(p *tape) {
			p.says(start+second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+30*second, 1, poiPoint(1, gate1Lat, gate1Lon))
		}, "[opened 1 egret-1 true]"},
		{"another press at the same place", func(p *tape) {
			p.says(start+second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+2*second, 1, poiPoint(2, gate1Lat, gate1Lon))
		}, "[opened 1 egret-1 true sighted 2 egret-1 true]"},
		{"another drone at the same place and time", func(p *tape) {
			p.says(start+second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+second, 2, poiPoint(1, gate1Lat, gate1Lon))
		}, "[opened 1 egret-1 true sighted 2 egret-2 true]"},
		{"a drone that nobody knows is another incident", func(p *tape) {
			p.says(start+second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+second, 3, poiPoint(1, gate1Lat, gate1Lon))
		}, "[opened 1 egret-1 true opened 1 system-3 false]"},
		{"a second drone between the two messages of a press", func(p *tape) {
			p.says(start+second, 1, poiText("POI 7 here"))
			p.says(start+second, 2, poiText("POI 7 here"))
			p.says(start+2*second, 1, poiPoint(1, gate1Lat, gate1Lon))
			p.says(start+3*second, 2, poiPoint(1, gate1Lat, gate1Lon+100))
		}, "[opened 1 egret-1 true opened 1 egret-2 true refined 1 egret-1 true refined 1 egret-2 true]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := riverPlan(t, nil)
			p := &tape{t: t}
			p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
			tt.fly(p)
			// The same with a restart before each frame.
			for _, cut := range []bool{false, true} {
				w := newWatch(j)
				var e watch.Effects
				told := []string{}
				for i := range p.frames {
					if cut {
						w = restarted(t, w, j)
					}
					w.Apply(&p.frames[i], &e)
				}
				for i := range e.Transitions {
					tr := &e.Transitions[i]
					told = append(told, fmt.Sprint(tr.Event, " ", tr.Sightings, " ", tr.Sighting.Vehicle, " ", tr.Verified))
				}
				if fmt.Sprint(told) != tt.want {
					t.Errorf("with restarts %v: told %v, want %v", cut, told, tt.want)
				}
				for i := range e.Sightings {
					if s := &e.Sightings[i]; s.Verified != (s.Vehicle != "system-3") {
						t.Errorf("with restarts %v: sighting of %s is verified: %v", cut, s.Vehicle, s.Verified)
					}
				}
			}
		})
	}
}

// TestPressNearNothingIsJudgedAnewAsWhatItWas: the drone is verified, also when the station restarted in between.
func TestPressNearNothingIsJudgedAnewAsWhatItWas(t *testing.T) {
	j := riverPlan(t, func(p *watch.Plan) { p.Book.Rules[0].Sources = []string{"poi_script"} })
	p := &tape{t: t}
	p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	// The drone is far from everything; the words stand where it is, until the point is heard.
	p.says(start, 1, &ardupilotmega.MessageHeartbeat{Type: ardupilotmega.MAV_TYPE_QUADROTOR, Autopilot: ardupilotmega.MAV_AUTOPILOT_ARDUPILOTMEGA})
	p.says(start, 1, &ardupilotmega.MessageGlobalPositionInt{TimeBootMs: 1, Lat: 371000000, Lon: gate1Lon, RelativeAlt: 50_000})
	p.says(start+second, 1, poiText("POI 7 here"))
	w := newWatch(j)
	if got := transitions(t, w, p.frames); len(got) != 0 {
		t.Fatalf("an alert for a drone that is near nothing: %s", got[0].AppendJSON(nil))
	}
	w = restarted(t, w, j)
	p.frames = nil
	p.says(start+2*second, 1, poiPoint(1, 371000100, gate1Lon)) // inside the first one's radius
	p.says(start+2*second, 1, poiPoint(1, gate1Lat, gate1Lon))
	var e watch.Effects
	for i := range p.frames {
		w.Apply(&p.frames[i], &e)
	}
	for i := range e.Sightings {
		if !e.Sightings[i].Verified {
			t.Errorf("a known drone's sighting is not verified: %s", e.Sightings[i].AppendJSON(nil))
		}
	}
	for i := range e.Transitions {
		if !e.Transitions[i].Verified {
			t.Errorf("a known drone's alert is not verified: %s", e.Transitions[i].AppendJSON(nil))
		}
	}
	if len(e.Sightings) == 0 {
		t.Error("no better position was told")
	}
}

// restarted is a watch made anew from what w remembers.
func restarted(t testing.TB, w *watch.Watch, judges ...*watch.Judge) *watch.Watch {
	t.Helper()
	saved, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	next := newWatch(judges...)
	if err := next.Restore(saved); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestFloodOfPressesDoesNotGrowTheMemory presses fifty times a second for a minute at places far apart.
func TestFloodOfPressesDoesNotGrowTheMemory(t *testing.T) {
	j := riverPlan(t, nil)
	p := &tape{t: t}
	p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	for i := range int32(3000) {
		p.says(start+int64(i)*20_000, 1, poiPoint(uint16(i+1), 370000000+i*10_000, gate1Lon))
	}
	w := newWatch(j)
	var e watch.Effects
	for i := range p.frames {
		w.Apply(&p.frames[i], &e)
	}
	if len(e.Sightings) != 3000 {
		t.Errorf("%d sightings", len(e.Sightings))
	}
	saved, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	if len(saved) > 64<<10 {
		t.Errorf("the state has %d bytes", len(saved))
	}
}

// TestQuietFramesDoNotAllocate folds what drones send all the time, far from anything that happens.
func TestQuietFramesDoNotAllocate(t *testing.T) {
	j := riverPlan(t, nil)
	var frames []mavlink.Frame
	for _, f := range flight(t, j, 22*time.Second, nil) {
		switch f.MsgID {
		case 0, 1, 2, 24, 30, 33, 245, 385: // the beat, plan, link and all that the patrol sends but tags
			frames = append(frames, f)
		}
	}
	w := newWatch(j)
	var e watch.Effects
	warm := 0
	for frames[warm].At < start+20*second { // off the ground, out of the gates
		w.Apply(&frames[warm], &e)
		warm++
	}
	quiet := frames[warm:]
	span := 2 * second
	round := int64(0)
	var f mavlink.Frame // where a batch would hold it
	allocs := testing.AllocsPerRun(4, func() {
		for i := range quiet {
			f = quiet[i]
			f.At += round * span
			e.Reset()
			w.Apply(&f, &e)
			if e.Durable() {
				t.Fatalf("frame %d of message %d is not quiet: %v", i, f.MsgID, render(&e))
			}
		}
		round++
	})
	if allocs > 0 {
		t.Errorf("%v allocations in %d quiet frames", allocs, len(quiet))
	}
}
