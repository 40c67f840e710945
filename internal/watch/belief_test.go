package watch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/alerts"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// A claimant is one of several drones that speak as system 1.
type claimant struct {
	p      *tape
	origin uint16
	booted int64 // before start, µs
	lat    int32
	seq    uint8
}

func (c *claimant) says(at int64, m message.Message) {
	c.p.t.Helper()
	raw, err := mavlink.AppendFrame(nil, c.seq, 1, 1, m)
	if err != nil {
		c.p.t.Fatal(err)
	}
	c.seq++
	c.p.own(at, mavlink.OwnOrigin, 0, mavlink.OriginNote{
		Origin: c.origin, System: 1, Component: 1, Link: []string{"", "field", "radio"}[c.origin], Address: fmt.Sprintf("192.0.2.%d:14550", c.origin),
	})
	c.p.frame(at, raw, c.origin)
}

// second is what it says in a second that begins at so many seconds after start.
func (c *claimant) second(n int64) {
	at := start + n*second + int64(c.origin)*10_000
	boot := uint32((n*second + c.booted) / 1000)
	c.says(at, &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 209, SystemStatus: 4})
	c.says(at, &all.MessageGpsRawInt{FixType: 3, Lat: c.lat, Lon: gate1Lon, Eph: 80, HAcc: 900})
	for i := range uint32(4) {
		c.says(at+int64(i)*250_000, &all.MessageGlobalPositionInt{TimeBootMs: boot + 250*i, Lat: c.lat, Lon: gate1Lon, Alt: 760_000, RelativeAlt: 60_000})
	}
}

// seconds has beats and what the drones say from one second to another.
func (p *tape) seconds(from, to int64, flock ...*claimant) {
	for n := from; n < to; n++ {
		p.beat(start + n*second)
		for _, c := range flock {
			c.second(n)
		}
	}
	slices.SortStableFunc(p.frames, func(a, b mavlink.Frame) int { return int(a.At - b.At) })
}

// TestADisputeFromItsBeginningToItsEnd has a press before it, presses in it, a restart, a link down, a new name, and the
// silence of both.
func TestADisputeFromItsBeginningToItsEnd(t *testing.T) {
	j := riverPlan(t, func(p *watch.Plan) { p.Zones = p.Zones[:1] })
	renamed := riverPlan(t, func(p *watch.Plan) { p.Zones = p.Zones[:1]; p.Fleet.Vehicles[0].Name = "heron-1" })
	p := &tape{t: t}
	p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	for _, link := range []string{"field", "radio"} {
		p.own(start, mavlink.OwnLink, 0, mavlink.LinkNote{Link: link, Up: true})
	}
	a, b := &claimant{p: p, origin: 1, booted: 3600 * second, lat: gate1Lat}, &claimant{p: p, origin: 2, booted: 60 * second, lat: gate1Lat + 200_000, seq: 77}
	p.seconds(0, 20, a)
	a.says(start+10*second+900_000, poiPoint(1, gate1Lat, gate1Lon))
	p.seconds(20, 60, a, b)
	a.says(start+40*second+900_000, poiPoint(2, gate1Lat+100, gate1Lon))
	a.says(start+40*second+900_000, poiText("POI 37.2740100, 112.0050000, 700.00 (asml)")) // of the same press
	b.says(start+42*second+900_000, poiPoint(1, gate1Lat, gate1Lon+100))
	p.own(start+55*second, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: renamed.Digest})
	// The station is off from 60 to 80, and radio is down until 200.
	p.own(start+80*second, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "field", Up: true})
	p.own(start+80*second, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "radio"})
	p.seconds(80, 200, a)
	p.own(start+200*second, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "radio", Up: true})
	p.seconds(200, 205, a)
	p.seconds(205, 220, a, b) // it was there all the time
	p.seconds(220, 2100)      // and both are switched off
	slices.SortStableFunc(p.frames, func(x, y mavlink.Frame) int { return int(x.At - y.At) })

	for _, cut := range []bool{false, true} {
		w := newWatch(j, renamed)
		var e watch.Effects
		for i := range p.frames {
			if cut && (i%5 == 0 || p.frames[i].At == start+80*second) {
				w = restarted(t, w, j, renamed)
			}
			w.Apply(&p.frames[i], &e)
		}
		var told []string
		for i := range e.Transitions {
			tr := &e.Transitions[i]
			line := fmt.Sprint((int64(tr.At)-start)/second, " ", tr.Kind, " ", tr.Subject, tr.Event)
			if s := tr.Sighting; s != nil {
				line += fmt.Sprint(" ", s.Vehicle, " ", tr.Verified, " ", tr.Sightings)
			}
			told = append(told, line)
		}
		want := []string{
			"10 sighting opened egret-1 true 1", "25 identity_conflict egret-1opened", "40 sighting opened egret-1 false 1", "42 sighting sighted egret-1#2 false 2",
			"55 identity_conflict egret-1closed", "55 identity_conflict heron-1opened", "90 trouble link radioopened", "200 trouble link radioclosed",
			"230 vehicle_lost heron-1opened", "2020 identity_conflict heron-1closed",
		}
		if !slices.Equal(told, want) {
			t.Errorf("with restarts %v: told\n%s", cut, strings.Join(told, "\n"))
		}
	}
}

// TestADroneInDisputeIsLostWhenNobodyIsHeardWhoMayBeIt has one of two silent, then the other as well, then both booted
// while the station is off.
func TestADroneInDisputeIsLostWhenNobodyIsHeardWhoMayBeIt(t *testing.T) {
	j := riverPlan(t, func(p *watch.Plan) { p.Zones = p.Zones[:1] })
	for _, back := range [][]int{{0, 1}, {0}, {1}} {
		p := &tape{t: t}
		p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
		for _, link := range []string{"field", "radio"} {
			p.own(start, mavlink.OwnLink, 0, mavlink.LinkNote{Link: link, Up: true})
		}
		flock := []*claimant{
			{p: p, origin: 1, booted: 3600 * second, lat: gate1Lat}, {p: p, origin: 2, booted: 60 * second, lat: gate1Lat + 200_000, seq: 77},
		}
		p.seconds(0, 40, flock...)
		p.seconds(40, 60, flock[0])
		p.seconds(60, 80, flock[1])
		p.seconds(80, 100)
		p.seconds(100, 110, flock...)
		p.seconds(110, 130, flock[1])
		var again []*claimant
		for _, i := range back {
			again = append(again, &claimant{p: p, origin: flock[i].origin, booted: -700*second + int64(i)*20_000, lat: flock[i].lat})
		}
		p.seconds(730, 850, again...)
		want := []string{"5 identity_conflict egret-1opened", "90 vehicle_lost egret-1opened", "100 vehicle_lost egret-1closed"}
		if len(back) == 1 {
			want = append(want, "790 identity_conflict egret-1closed")
		}
		for _, cut := range []bool{false, true} {
			w := newWatch(j)
			var e watch.Effects
			for i := range p.frames {
				if cut && i%5 == 0 || p.frames[i].At == start+730*second {
					w = restarted(t, w, j)
				}
				w.Apply(&p.frames[i], &e)
			}
			var told []string
			for _, tr := range e.Transitions {
				told = append(told, fmt.Sprint((int64(tr.At)-start)/second, " ", tr.Kind, " ", tr.Subject, tr.Event))
			}
			if !slices.Equal(told, want) {
				t.Errorf("%v come back, with restarts %v: told\n%s", back, cut, strings.Join(told, "\n"))
			}
			var names []string
			for _, v := range w.Vehicles() {
				if v.System == 1 {
					names = append(names, v.Name)
				}
			}
			if all := []string{"egret-1", "egret-1#2"}; !slices.Equal(names, all[:len(back)]) {
				t.Errorf("%v come back: there are %v", back, names)
			}
		}
	}
}

// TestADirectionFromASuspectPlaceIsWideAndAPointTakesItsPlace follows one press from a ray near the horizon to the
// point that the script tells.
func TestADirectionFromASuspectPlaceIsWideAndAPointTakesItsPlace(t *testing.T) {
	j := riverPlan(t, func(p *watch.Plan) {
		everySource(p)
		p.Zones = p.Zones[:1]
	})
	var widths [2]alerts.Decidegrees
	for i, glitch := range []all.EKF_STATUS_FLAGS{831, 831 | 32768} {
		p := &tape{t: t}
		p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
		for n := range int64(20) {
			at := start + n*second/5
			for _, m := range honest(at)[:6] {
				switch m := m.(type) {
				case *all.MessageGlobalPositionInt:
					m.Lat, m.Lon = gate1Lat, gate1Lon-80_000 // some 700 m to the west, looking east
				case *all.MessageGpsRawInt:
					m.Lat, m.Lon = gate1Lat, gate1Lon-80_000
				case *all.MessageGimbalDeviceAttitudeStatus:
					m.Q = [4]float32{0.99966, 0, -0.02618, 0} // 3 degrees down
				}
				p.says(at, 1, m)
			}
			p.says(at, 1, &all.MessageEkfStatusReport{Flags: glitch})
		}
		at := start + 4*second
		p.says(at, 1, &all.MessageStatustext{Severity: 6, Text: "SIGHTING 3 person"})
		p.says(at+second, 1, poiPoint(1, gate1Lat, gate1Lon))
		var e watch.Effects
		w := newWatch(j)
		for k := range p.frames {
			w.Apply(&p.frames[k], &e)
		}
		ts := slices.DeleteFunc(slices.Clone(e.Transitions), func(tr alerts.Transition) bool { return tr.Kind != alerts.OfSighting })
		if len(ts) != 2 || ts[0].Event != alerts.Opened || ts[1].Event != alerts.Refined || ts[0].Alert != ts[1].Alert || ts[1].Sightings != 1 {
			t.Fatalf("flags %d: told %v", glitch, ts)
		}
		suspect := i == 1
		first, second := ts[0].Line(nil), ts[1].Line(nil)
		if !strings.Contains(first, " possible: 3 x person by statustext of egret-1, direction only: bearing ") || strings.Contains(first, "POSITION SUSPECT") != suspect {
			t.Errorf("the direction: %s", first)
		}
		if !strings.Contains(second, " at 37.2740000 112.0050000 ±") || strings.Contains(second, "direction only") || strings.Contains(second, "POSITION SUSPECT") != suspect {
			t.Errorf("the point: %s", second)
		}
		if s := ts[1].Sighting; !s.Located || s.Ray != nil || s.Suspect != suspect || suspect && s.CE90 < 1500 {
			t.Errorf("the point: %s", s.AppendJSON(nil))
		}
		widths[i] = ts[0].Sighting.Ray.HalfWidth
	}
	if widths[0] > 100 || widths[1] < widths[0]+100 {
		t.Errorf("the half widths are %d and, from a suspect place, %d tenths of a degree", widths[0], widths[1])
	}
}
