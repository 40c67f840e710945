package geofence

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// flight makes fixes of track 1 from places given in metres east and north of place0.
type flight struct {
	fixes []Fix
	at    int64
}

func (f *flight) to(seconds, east, north float64) *flight {
	f.at += int64(seconds * 1e6)
	p := offsetM(place0, east, north)
	f.fixes = append(f.fixes, Fix{At: f.at, Track: 1, LatE7: p.LatE7, LonE7: p.LonE7, Airborne: true})
	return f
}

func (f *flight) accuracy(mm int32) *flight {
	for i := range f.fixes {
		f.fixes[i].HAccMM = mm
	}
	return f
}

func observe(x *Index, fixes []Fix) []Event {
	t := NewTracker(x)
	var out []Event
	for _, f := range fixes {
		out = t.Observe(f, out)
	}
	return out
}

// words is events as "seconds kind zone side", one a line.
func words(x *Index, events []Event) string {
	var b strings.Builder
	for _, e := range events {
		id := "-"
		if e.Zone >= 0 {
			id = x.zones[e.Zone].ID
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%g %s %s %s", float64(e.At)/1e6, e.Kind, id, e.Side), " ") + "\n")
	}
	return b.String()
}

func TestFlightsGiveTheEventsOfTheRules(t *testing.T) {
	gate := Zone{ID: "gate", Kind: Gate, Center: place0, RadiusDM: 150}
	square := Zone{ID: "area", Kind: Area, Polygons: [][][]Point{{squareRing(place0, 100)}}}
	narrow := Zone{ID: "narrow", Kind: Gate, Polygons: [][][]Point{{offsetCorners(0, -2, 0, 2, 300, 2, 300, -2)}}}
	bank := Zone{ID: "bank", Kind: Bank, Line: []Point{offsetM(place0, 0, -300), offsetM(place0, 0, 300)}, WidthDM: 50}
	start := func() *flight { return new(flight).to(1, -60, 0) }
	tests := []struct {
		name string
		zone Zone
		path *flight
		want string
	}{
		{"a pass at 25 m/s through a gate 30 m wide", gate, start().to(1, -35, 0).to(1, -10, 0).to(1, 15, 0).to(1, 40, 0).to(1, 65, 0), "1 seen_outside -\n5 crossed gate\n"},
		{"a pass no fix of which is inside", gate, start().to(1, -26, 0).to(1, 26, 0).to(1, 60, 0), "1 seen_outside -\n3 crossed gate\n"},
		{"a pass by the edge, which the path does not touch", gate, start().to(1, -26, 16).to(1, 26, 16).to(1, 60, 16), "1 seen_outside -\n"},
		{"a pass by the edge, which the path just touches", gate, start().to(1, -30, 15).to(1, 30, 15).to(1, 60, 15), "1 seen_outside -\n3 crossed gate\n"},
		{"into the gate, to stay", gate, start().to(1, -10, 0).to(1, 0, 0).to(1, 2, 0).to(0.9, 0, 0).to(0.1, 1, 0).to(1, 0, 0), "1 seen_outside -\n5 entered gate\n"},
		{"into the gate and out within 3 s", gate, start().to(1, -10, 0).to(1, 0, 0).to(0.9, -26, 0).to(5, -30, 0), "1 seen_outside -\n3.9 crossed gate\n"},
		{"out by less than h does not end a stay", gate, start().to(1, -10, 0).to(1, -24, 0).to(1, -10, 0).to(1, -24, 0).to(1, -10, 0), "1 seen_outside -\n5 entered gate\n"},
		{"out, after 3 s of fixes that all say so", gate, start().to(1, 0, 0).to(3, 0, 0).to(1, 26, 0).to(2, 24, 0).to(1, 26, 0).to(2.9, 27, 0).to(0.1, 28, 0), "1 seen_outside -\n5 entered gate\n12 left gate\n"},
		{"first seen inside, then out", gate, new(flight).to(1, 0, 0).to(1, 26, 0).to(1, 40, 0).to(2, 60, 0), "1 seen_inside gate\n5 left gate\n"},
		{"a poor fix doubts more", gate, new(flight).to(1, 0, 0).to(1, 26, 0).to(4, 44, 0).to(1, 46, 0).to(3, 46, 0).accuracy(15_000), "1 seen_inside gate\n10 left gate\n"},
		{"on the line counts as inside", gate, new(flight).to(1, 15, 0), "1 seen_inside gate\n"},
		{"ten metres outside are not more than h", gate, start().to(1, 0, 0).to(3, 25, 0).to(1, 25, 0), "1 seen_outside -\n5 entered gate\n"},
		{"silence over a gate says nothing", gate, start().to(10.1, 60, 0).to(1, 70, 0), "1 seen_outside -\n"},
		{"ten seconds are no silence", gate, start().to(10, 60, 0).to(1, 70, 0), "1 seen_outside -\n11 crossed gate\n"},
		{"silence inside a gate starts the clock anew", gate, start().to(1, 0, 0).to(11, 0, 0).to(2.9, 0, 0).to(0.1, 0, 0), "1 seen_outside -\n16 entered gate\n"},
		{"silence after a short visit forgets it", gate, start().to(1, 0, 0).to(11, 60, 0).to(1, 61, 0), "1 seen_outside -\n"},
		{"left in silence, told once it is heard for 3 s", gate, new(flight).to(1, 0, 0).to(60, 500, 0).to(2.9, 510, 0).to(0.1, 510, 0), "1 seen_inside gate\n64 left gate\n"},
		{"a silence in between starts leaving anew", gate, new(flight).to(1, 0, 0).to(1, 26, 0).to(11, 40, 0).to(2.9, 50, 0).to(0.1, 50, 0), "1 seen_inside gate\n16 left gate\n"},
		{"first seen within a wide bank, far from its line", Zone{ID: "wide", Kind: Bank, Line: bank.Line, WidthDM: 400}, new(flight).to(1, 39, 0).to(1, 41, 0), "1 seen_inside wide right\n"},
		{"a jump of 20 km in a second is no path", gate, new(flight).to(1, -10_000, 0).to(1, 10_000, 0).to(1, 10_010, 0), "1 seen_outside -\n"},
		{"across the corner of an area", square, new(flight).to(1, 80, 130).to(1, 130, 80).to(1, 200, 80), "1 seen_outside -\n"},
		{"through the corner of an area", square, new(flight).to(1, 60, 130).to(1, 130, 60).to(1, 200, 60), "1 seen_outside -\n2 crossed area\n"},
		{"over a gate of four metres", narrow, new(flight).to(1, 50, -40).to(1, 50, -20).to(1, 50, 20).to(1, 50, 40), "1 seen_outside -\n3 crossed narrow\n"},
		{"two passages, two events", narrow, new(flight).to(1, 50, -40).to(1, 50, 40).to(1, 50, -40), "1 seen_outside -\n2 crossed narrow\n3 crossed narrow\n"},
		{"over a bank", bank, new(flight).to(1, -30, 0).to(1, -5, 0).to(1, 9, 0).to(1, 11, 0).to(1, 30, 0), "1 seen_outside -\n4 crossed bank right\n"},
		{"over a bank between two fixes", bank, new(flight).to(1, -30, 0).to(1, 30, 0).to(1, -30, 0), "1 seen_outside -\n2 crossed bank right\n3 crossed bank left\n"},
		{"over a bank and back before it counts", bank, new(flight).to(1, -30, 0).to(1, 9, 0).to(1, -30, 0), "1 seen_outside -\n"},
		{"a bank crossed slowly is crossed once", bank, new(flight).to(1, -30, 0).to(5, -5, 0).to(5, 5, 0).to(5, -5, 0).to(5, 5, 0).to(5, 20, 0).to(1, 30, 0), "1 seen_outside -\n26 crossed bank right\n"},
		{"around the end of a bank", bank, new(flight).to(1, -30, 280).to(1, -5, 303).to(1, 5, 303).to(1, 30, 280).to(1, 30, 200), "1 seen_outside -\n"},
		{"a bank crossed in silence", bank, new(flight).to(1, -30, 0).to(11, 30, 0).to(1, 40, 0), "1 seen_outside -\n"},
		{"first seen on a bank", bank, new(flight).to(1, -3, 0).to(1, 11, 0).to(1, -11, 0), "1 seen_inside bank left\n3 crossed bank left\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := NewIndex([]Zone{test.zone})
			if diff := gocmp.Diff(test.want, words(x, observe(x, test.path.fixes))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func offsetCorners(v ...float64) []Point {
	var ring []Point
	for i := 0; i < len(v); i += 2 {
		ring = append(ring, offsetM(place0, v[i], v[i+1]))
	}
	return append(ring, ring[0])
}

// A drone hovers on the edge of a gate for ten minutes; its fixes scatter by 5 m (one sigma), far more than a
// receiver does from one second to the next.
func TestHoveringOnTheBoundaryDoesNotFlutter(t *testing.T) {
	for seed := range uint32(50) {
		for _, rate := range []float64{1, 5, 10} {
			random := func() float64 { // the sum of twelve uniform numbers, less six, is near enough to a normal one
				sum := -6.0
				for range 12 {
					seed = seed*1664525 + 1013904223
					sum += float64(seed) / (1 << 32)
				}
				return sum
			}
			f := new(flight).to(1, -60, 0)
			for range int(600 * rate) {
				// A normal number beyond 2 sigma outwards on the x axis would be outside by more than h: so it is bounded.
				f.to(1/rate, -15+max(-9, min(9, 5*random())), 5*max(-1, min(1, random()/3)))
			}
			x := NewIndex([]Zone{{ID: "gate", Kind: Gate, Center: place0, RadiusDM: 150}})
			counts := map[EventKind]int{}
			for _, e := range observe(x, f.fixes) {
				counts[e.Kind]++
			}
			if diff := gocmp.Diff(map[EventKind]int{SeenOutside: 1, Entered: 1}, counts); diff != "" {
				t.Fatalf("seed %d, %v Hz (-want +got):\n%s", seed, rate, diff)
			}
		}
	}
}

// anyFlight is a walk of several tracks among zones: steps of up to 60 m, stops, jumps, silences, poor fixes.
func anyFlight(t *rapid.T, c Point, zones []Zone) []Fix {
	fixes := make([]Fix, 0, 200)
	at := int64(0)
	places := make([]Point, 3)
	for i := range places {
		places[i] = anyOffset(t, c, 3000)
		if len(zones) > 0 && rapid.Bool().Draw(t, "at a zone") {
			places[i] = anyOffset(t, zoneBox(&zones[rapid.IntRange(0, len(zones)-1).Draw(t, "zone")]).middle(), 100)
		}
	}
	for range rapid.IntRange(1, 150).Draw(t, "fixes") {
		track := rapid.IntRange(0, 2).Draw(t, "track")
		step := rapid.SampledFrom([]float64{0, 3, 30, 60, 60, 400}).Draw(t, "step")
		places[track] = anyOffset(t, places[track], step)
		at += rapid.SampledFrom([]int64{0, 200_000, 1_000_000, 1_000_000, 1_500_000, 3_000_000, 11_000_000}).Draw(t, "dt")
		fixes = append(fixes, Fix{
			At: at, Track: uint16(track * 300), LatE7: places[track].LatE7, LonE7: places[track].LonE7,
			HAccMM: rapid.SampledFrom([]int32{0, 1000, 8000, 40_000}).Draw(t, "h_acc"), Airborne: rapid.Bool().Draw(t, "airborne"),
		})
	}
	return fixes
}

// told is all that a tracker says of a flight, with the gates asked about at each fix.
type told struct {
	events []Event
	unseen []Unseen
}

func (o *told) fix(t *Tracker, f Fix) {
	o.events = t.Observe(f, o.events)
	o.unseen = t.Unseen(f.At, 0, o.unseen)
}

func TestCachesAndRestoresChangeNoEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		zones := anyZones(t, c)
		x := NewIndex(zones)
		fixes := anyFlight(t, c, zones)

		var plain, looked, restored told
		a, b := NewTracker(x), NewTracker(x)
		for _, f := range fixes {
			plain.fix(a, f)
			if page := b.tracks[f.Track>>8]; page != nil {
				page[f.Track&0xff].reach, page[f.Track&0xff].sound = -1, false // judge every fix by the index
			}
			looked.fix(b, f)
		}
		if diff := gocmp.Diff(looked, plain, gocmp.AllowUnexported(told{})); diff != "" {
			t.Fatalf("with the clearance cache (-without +with):\n%s", diff)
		}
		if diff := gocmp.Diff(b.State(), a.State()); diff != "" {
			t.Fatalf("state with the clearance cache (-without +with):\n%s", diff)
		}

		cut := rapid.IntRange(0, len(fixes)).Draw(t, "cut")
		r := NewTracker(x)
		for i, f := range fixes {
			if i == cut {
				r = restoredFrom(t, x, r)
			}
			restored.fix(r, f)
		}
		if diff := gocmp.Diff(plain, restored, gocmp.AllowUnexported(told{})); diff != "" {
			t.Fatalf("restored at fix %d (-straight +restored):\n%s", cut, diff)
		}
		if diff := gocmp.Diff(a.State(), r.State()); diff != "" {
			t.Fatalf("state after a restore at fix %d (-straight +restored):\n%s", cut, diff)
		}
	})
}

func restoredFrom(t interface{ Fatal(...any) }, x *Index, r *Tracker) *Tracker {
	b, err := json.Marshal(r.State())
	if err != nil {
		t.Fatal(err)
	}
	var s TrackerState
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	again := NewTracker(x)
	again.Restore(s)
	if b2, err := json.Marshal(again.State()); err != nil || string(b2) != string(b) {
		t.Fatal("a state does not come back as it was:", string(b), string(b2), err)
	}
	return again
}

func TestAPassageIsCrossedOrEnteredAndLeftInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		zones := anyZones(t, c)
		x := NewIndex(zones)
		fixes := anyFlight(t, c, zones)
		inside := map[[2]int]bool{}
		seen := map[uint16]bool{}
		tracker := NewTracker(x)
		var events []Event
		for _, f := range fixes {
			events = tracker.Observe(f, events[:0])
			if first := !seen[f.Track]; first != (len(events) > 0 && (events[0].Kind == SeenInside || events[0].Kind == SeenOutside)) {
				t.Fatalf("first fix %v, events %v", first, events)
			}
			seen[f.Track] = true
			frame := newFrame(Point{f.LatE7, f.LonE7})
			h := max(100, float64(f.HAccMM)*0.02)
			if !slices.IsSortedFunc(events, func(a, b Event) int { return a.Zone - b.Zone }) {
				t.Fatalf("events not by zone: %v", events)
			}
			for _, e := range events {
				if e.Kind == SeenOutside {
					if len(events) != 1 || e.Zone != -1 {
						t.Fatalf("seen outside, and yet %v", events)
					}
					continue
				}
				key := [2]int{int(f.Track), e.Zone}
				if x.zones[e.Zone].Kind == Bank {
					d, side, _ := x.toLine(int32(e.Zone), &frame)
					if (e.Kind == Crossed && float64(d) <= h) || e.Side != sideName(side) || e.Kind != Crossed && e.Kind != SeenInside {
						t.Fatalf("a bank %d dm away, h %v: %v", d, h, e)
					}
					continue
				}
				d := float64(x.signed(int32(e.Zone), &frame))
				switch {
				case e.Kind == SeenInside && !inside[key] && d <= 0:
					inside[key] = true
				case e.Kind == Entered && !inside[key] && d <= h:
					inside[key] = true
				case e.Kind == Left && inside[key] && d > h:
					inside[key] = false
				case e.Kind == Crossed && !inside[key] && d > h:
				default:
					t.Fatalf("%v while inside is %v and the zone %v dm away, h %v", e, inside[key], d, h)
				}
			}
		}
	})
}

func TestTracksThatStayAwayGiveNoEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		radius := rapid.Float64Range(10, 200).Draw(t, "radius")
		zones := []Zone{
			{ID: "circle", Kind: Gate, Center: place0, RadiusDM: int32(radius * 10)},
			{ID: "polygon", Kind: Area, Polygons: [][][]Point{{circleRing(place0, radius*10, 24)}}},
			{ID: "bank", Kind: Bank, WidthDM: 10, Line: []Point{offsetM(place0, -radius, 0), offsetM(place0, radius, 0)}},
		}
		f := new(flight)
		angle := 0.0
		for range 100 { // around the zones, chords and all at least 10.5 m away
			angle += rapid.Float64Range(-0.2, 0.2).Draw(t, "turn")
			r := rapid.Float64Range(1, 1.5).Draw(t, "r") * (radius + 10.5) / math.Cos(0.2)
			f.to(rapid.Float64Range(0, 4).Draw(t, "dt"), r*math.Cos(angle), r*math.Sin(angle))
		}
		if got := observe(NewIndex(zones), f.fixes); len(got) != 1 || got[0].Kind != SeenOutside {
			t.Fatalf("events: %v", got)
		}
	})
}

// What the tracker relies on: nothing is nearer than the clearance, and it is not short without need.
func TestNoRimIsNearerThanTheClearance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		x := NewIndex(anyZones(t, c))
		p := anyOffset(t, c, 5000)
		f := newFrame(p)
		limit := rapid.SampledFrom([]float64{100, 1000, clearDM}).Draw(t, "limit")
		rims, watched := limit, limit
		for z := range x.zones {
			var d float64 // to the rim, positive
			if x.zones[z].Kind == Bank {
				line, _, _ := x.toLine(int32(z), &f)
				d = float64(line)
			} else {
				d = math.Abs(float64(x.signed(int32(z), &f)))
			}
			rims = min(rims, d)
			if x.zones[z].MaxUnseenUS > 0 {
				watched = min(watched, math.Abs(float64(x.signed(int32(z), &f))-1500))
			}
		}
		if got := x.clearance(&x.rims, &f, limit); math.Abs(got-rims) > 0.6 {
			t.Fatalf("clearance %.2f dm, the nearest rim is at %v", got, rims)
		}
		if got := x.clearance(&x.watched, &f, limit); got > watched+0.6 {
			t.Fatalf("clearance %.2f dm, the nearest place where a gate comes into sight is at %v", got, watched)
		}
	})
}

func TestMemoryOutlivesAChangeOfPlan(t *testing.T) {
	gate := func(id string, east float64) Zone {
		return Zone{ID: id, Kind: Gate, Center: offsetM(place0, east, 0), RadiusDM: 150, MaxUnseenUS: 60e6, SeenDM: 1500}
	}
	old := NewTracker(NewIndex([]Zone{gate("gone", 0), gate("kept", 5), {ID: "turned", Kind: Area, Polygons: [][][]Point{{squareRing(place0, 50)}}}}))
	f := new(flight).to(1, 0, 0).to(1, 0, 0).to(1, 60, 0).to(1, 60, 0).to(2, 60, 0)
	old.Observe(f.fixes[0], nil)
	old.Observe(f.fixes[1], nil)
	old.Unseen(2e6, 0, nil)

	x := NewIndex([]Zone{{ID: "turned", Kind: Bank, WidthDM: 1, Line: []Point{offsetM(place0, 300, 0), offsetM(place0, 300, 9)}}, gate("new", 2000), gate("kept", 5)})
	now := NewTracker(x)
	now.Restore(old.State())
	var events []Event
	for _, fix := range f.fixes[2:] {
		events = now.Observe(fix, events)
	}
	if got, want := words(x, events), "6 left kept\n"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	if got := now.Unseen(65e6, 0, nil); len(got) != 0 { // "new" is watched from the first question on
		t.Errorf("unseen: %v", got)
	}
	if got := now.Unseen(67e6, 0, nil); len(got) != 1 || x.zones[got[0].Zone].ID != "kept" || got[0].Since != 6e6 {
		t.Errorf("unseen: %v", got)
	}
}

func TestAPositionThatIsNoneIsPassedOver(t *testing.T) {
	tracker := NewTracker(NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 150}}))
	if got := tracker.Observe(Fix{At: 1, LatE7: math.MaxInt32, LonE7: math.MinInt32}, nil); len(got) > 0 {
		t.Error(got)
	}
	if got := tracker.Observe(Fix{At: 2, LatE7: place0.LatE7, LonE7: place0.LonE7}, nil); len(got) != 1 || got[0].Kind != SeenInside {
		t.Error(got)
	}
}

// Whatever a track was about to do to a zone, a broken fix ends it untold, and the track begins anew where it is.
func TestABrokenFixIsAFirstFixAgain(t *testing.T) {
	gate := Zone{ID: "gate", Kind: Gate, Center: place0, RadiusDM: 150}
	bank := Zone{ID: "bank", Kind: Bank, WidthDM: 50, Line: []Point{offsetM(place0, 0, -900), offsetM(place0, 0, 900)}}
	x, b := NewIndex([]Zone{gate}), NewIndex([]Zone{bank})
	for _, test := range []struct {
		name string
		x    *Index
		way  *flight // the fix at second 20 is broken
		want string
	}{
		{"over the gate", x, new(flight).to(19, -100, 0).to(1, 100, 0).to(5, 120, 0), "19 seen_outside -\n20 seen_outside -\n"},
		{"out of the gate", x, new(flight).to(19, 0, 0).to(1, 100, 0).to(5, 120, 0), "19 seen_inside gate\n20 seen_outside -\n"},
		{"into the gate", x, new(flight).to(19, 100, 0).to(1, 0, 0).to(5, 0, 0), "19 seen_outside -\n20 seen_inside gate\n"},
		{"into it and out again", x, new(flight).to(19, 100, 0).to(1, 0, 0).to(1, 100, 0).to(4, 100, 0), "19 seen_outside -\n20 seen_inside gate\n25 left gate\n"},
		{"about to enter", x, new(flight).to(17, 100, 0).to(1, 0, 0).to(2, 0, 0).to(4, 0, 0), "17 seen_outside -\n20 seen_inside gate\n"},
		{"about to enter, then out again", x, new(flight).to(18, 0.1, 100).to(1, 0, 0).to(1, 0, 0).to(1, 100, 0).to(1, 100, 0).to(2, 100, 0),
			"18 seen_outside -\n20 seen_inside gate\n24 left gate\n"},
		{"about to leave", x, new(flight).to(17, 0, 0).to(1, 100, 0).to(2, 100, 0).to(5, 100, 0), "17 seen_inside gate\n20 seen_outside -\n"},
		{"stays far away", x, new(flight).to(19, 4000, 0).to(1, 4001, 0).to(1, 4002, 0), "19 seen_outside -\n20 seen_outside -\n"},
		{"over the bank", b, new(flight).to(19, -100, 0).to(1, 100, 0).to(5, 120, 0), "19 seen_outside -\n20 seen_outside -\n"},
		{"on the bank", b, new(flight).to(18, -100, 0).to(1, 1, 0).to(1, 2, 0).to(1, 100, 0), "18 seen_outside -\n20 seen_inside bank right\n"},
	} {
		for i := range test.way.fixes {
			test.way.fixes[i].Broken = test.way.fixes[i].At == 20e6
		}
		tracker := NewTracker(test.x)
		var broken []Event
		for _, f := range test.way.fixes {
			if f.Broken {
				tracker.Break(f.Track)
				f.Broken = false
			}
			broken = tracker.Observe(f, broken)
		}
		if got := words(test.x, broken); got != test.want {
			t.Errorf("%s, by Break:\n%swant:\n%s", test.name, got, test.want)
		}
		if got := words(test.x, observe(test.x, test.way.fixes)); got != test.want {
			t.Errorf("%s:\n%swant:\n%s", test.name, got, test.want)
		}
	}
}
