package geofence

import (
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// brute judges fixes by the rules alone, as Observe states them: each fix against every zone and every one of its edges,
// with no tree and nothing kept from one fix to the next but what State holds.
type brute struct {
	zones  []Zone
	tracks map[uint16]*bruteTrack
}

type bruteTrack struct {
	at     int64
	last   Point
	visits map[int]*visit
}

// lines are the lines and rings of a zone.
func lines(z *Zone) (all [][]Point) {
	if z.Line != nil {
		return [][]Point{z.Line}
	}
	for _, polygon := range z.Polygons {
		all = append(all, polygon...)
	}
	return all
}

// bruteSigned is the signed distance in whole decimetres, of a bank that to its line.
func bruteSigned(z *Zone, p Point) int64 {
	f := newFrame(p)
	if z.RadiusDM > 0 {
		return dm(f.length2(f.offset(z.Center))) - int64(z.RadiusDM)
	}
	least, odd := math.Inf(1), false
	for _, line := range lines(z) {
		for i := 1; i < len(line); i++ {
			_, _, _, d2 := f.foot(line[i-1], line[i])
			least = min(least, d2)
			odd = odd != crossesEast(line[i-1], line[i], p)
		}
	}
	if d := dm(least); d == 0 || z.Kind == Bank || !odd {
		return d
	}
	return -dm(least)
}

// bruteSide is the side of bank z that p is on. Of edges that are equally near the first one decides.
func bruteSide(z *Zone, p Point) int {
	f := newFrame(p)
	best := spot{d2: math.Inf(1)}
	for i := 1; i < len(z.Line); i++ {
		if dlon, dlat, t, d2 := f.foot(z.Line[i-1], z.Line[i]); d2 < best.d2 {
			best = spot{dlon, dlat, d2, int32(i - 1), t}
		}
	}
	if dm(best.d2) == 0 {
		return 0
	}
	return NewIndex([]Zone{*z}).side(0, p, best)
}

func bruteMeets(z *Zone, a, b Point) bool {
	if z.RadiusDM > 0 {
		f := newFrame(z.Center)
		_, _, _, d2 := f.foot(a, b)
		return dm(d2) <= int64(z.RadiusDM)
	}
	for _, line := range lines(z) {
		for i := 1; i < len(line); i++ {
			if meet(line[i-1], line[i], a, b) != apart {
				return true
			}
		}
	}
	return false
}

func (b *brute) observe(f Fix, out []Event) []Event {
	p := Point{f.LatE7, f.LonE7}
	tr := b.tracks[f.Track]
	first := tr == nil || f.Broken
	if first {
		tr = &bruteTrack{visits: map[int]*visit{}}
		b.tracks[f.Track] = tr
	}
	s := step{marginMM: max(marginMM, 2*int64(f.HAccMM))}
	frame := newFrame(p)
	path := !first && f.At-tr.at <= silenceUS && frame.length2(frame.offset(tr.last)) <= jumpDM*jumpDM
	told := len(out)
	for i := range b.zones {
		z := &b.zones[i]
		tell := func(kind EventKind, side Side) {
			out = append(out, Event{At: f.At, Track: f.Track, Zone: i, Kind: kind, Side: side})
		}
		d, v := bruteSigned(z, p), tr.visits[i]
		away := s.outside(d)
		if z.Kind == Bank {
			side := bruteSide(z, p)
			if first && d <= int64(z.WidthDM) {
				tell(SeenInside, sideName(side))
			}
			met := path && bruteMeets(z, tr.last, p)
			switch {
			case !path:
				v = &visit{}
			case v == nil:
				v = &visit{side: int8(bruteSide(z, tr.last))}
			}
			v.met = path && (v.met || met)
			if away && v.met && v.side != 0 && int(v.side) != side {
				tell(Crossed, sideName(side))
			}
			if tr.visits[i] = v; away {
				delete(tr.visits, i)
			}
			continue
		}
		touched := d <= 0 || path && bruteMeets(z, tr.last, p)
		if !path && v != nil {
			v.timing = false
			if !v.inside {
				v = nil
			}
		}
		switch {
		case first && d <= 0:
			tell(SeenInside, NoSide)
			v = &visit{inside: true}
		case first, v == nil && !touched:
			v = nil
		case v != nil && v.inside && !away:
			v.timing = false
		case v != nil && v.inside && !v.timing:
			v.timing, v.since = true, f.At
		case v != nil && v.inside:
			if f.At-v.since >= dwellUS {
				tell(Left, NoSide)
				v = nil
			}
		case away:
			tell(Crossed, NoSide)
			v = nil
		case v == nil:
			v = &visit{timing: true, since: f.At}
		case f.At-v.since >= dwellUS:
			tell(Entered, NoSide)
			v.inside, v.timing = true, false
		}
		if tr.visits[i] = v; v == nil {
			delete(tr.visits, i)
		}
	}
	if first && len(out) == told {
		out = append(out, Event{At: f.At, Track: f.Track, Zone: -1, Kind: SeenOutside})
	}
	tr.at, tr.last = f.At, p
	return out
}

// anyPatrol flies along, beside and across the rims of zones at 5 Hz for long stretches, with what patrols meet in
// between: a stop, a turn, a jump, a silence, a poor or a broken fix, and an accuracy that is another with each fix.
func anyPatrol(t *rapid.T, c Point, zones []Zone) []Fix {
	corners := []Point{c}
	for i := range zones {
		if z := &zones[i]; z.RadiusDM > 0 {
			corners = append(corners, z.Center, onRim(z, 0), onRim(z, rapid.Float64Range(0, 7).Draw(t, "rim")), onRim(z, rapid.Float64Range(0, 7).Draw(t, "rim")))
		} else {
			corners = append(corners, slices.Concat(lines(z)...)...)
		}
	}
	var fixes []Fix
	at, acc := int64(0), int32(1000)
	p := rapid.SampledFrom(corners).Draw(t, "start")
	for range rapid.IntRange(1, 12).Draw(t, "legs") {
		to := anyOffset(t, rapid.SampledFrom(corners).Draw(t, "to"), rapid.SampledFrom([]float64{0, 0.3, 10.2, 12, 40, 200}).Draw(t, "beside"))
		if rapid.IntRange(0, 3).Draw(t, "stay") == 0 {
			to = anyOffset(t, p, 15)
		}
		frame := newFrame(p)
		dlon, dlat := frame.offset(to)
		length := max(1, math.Sqrt(frame.length2(dlon, dlat)))
		pace := rapid.SampledFrom([]float64{0.1, 0.5, 2.4, 2.4, 5, 60}).Draw(t, "pace") * 10
		n := min(60, int(length/pace))
		broken := false
		switch rapid.IntRange(0, 11).Draw(t, "chance") {
		case 0:
			at += 11_000_000
		case 1:
			p = anyOffset(t, p, 9000)
		case 2:
			p = to
			dlon, dlat = -dlon, -dlat
		case 3:
			broken = true
		case 4, 5:
			acc = rapid.SampledFrom([]int32{0, 1000, 8000, 40_000, 300_000, 2_000_000}).Draw(t, "h_acc")
		}
		for k := range n {
			at += 200_000
			q := Point{p.LatE7 + int32(dlat*pace/length*float64(k)), p.LonE7 + int32(dlon*pace/length*float64(k))}
			h := acc
			if acc == 8000 { // one that changes with each fix
				h += int32(k%7) * 300
			}
			fixes = append(fixes, Fix{At: at, Track: 1, LatE7: q.LatE7, LonE7: q.LonE7, HAccMM: h, Airborne: true, Broken: broken && k == 0})
		}
		if n > 0 {
			p = Point{fixes[len(fixes)-1].LatE7, fixes[len(fixes)-1].LonE7}
		}
	}
	return fixes
}

// onRim is the point of a circle in that direction, radians from east.
func onRim(z *Zone, direction float64) Point {
	f := newFrame(z.Center)
	sin, cos := math.Sincos(direction)
	p, r := z.Center, float64(z.RadiusDM)
	for range 20 { // the radii change on the way
		p = moved(&f, r*cos, r*sin)
		r -= float64(bruteSigned(z, p)) / 2
	}
	return p
}

// anyHardZones are zones that what is nearby could get wrong: circles and edges that reach far out of it, zones that touch
// each other, corners that are there twice, a line that turns back, and rings of many corners.
func anyHardZones(t *rapid.T, c Point) (zones []Zone) {
	for i := range rapid.SampledFrom([]int{0, 1, 2, 4}).Draw(t, "hard zones") {
		at := evenOffset(t, c, 400)
		z := Zone{ID: fmt.Sprint("hard", i), Kind: Gate}
		switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "kind") { // evenly, as a range is not
		case 0:
			r := rapid.SampledFrom([]int32{1, 100, 20_000, 80_000, 200_000}).Draw(t, "radius")
			f := newFrame(at)
			z.Center, z.RadiusDM = moved(&f, 0.7*float64(r), 0.7*float64(r)), r
		case 1:
			z.Kind, z.WidthDM = Bank, 300
			z.Line = []Point{evenOffset(t, at, 25_000), at, evenOffset(t, at, 25_000), at}
		case 2:
			z.Kind, z.Polygons = Area, [][][]Point{{{at, evenOffset(t, at, 50_000), evenOffset(t, at, 50_000), at}}}
		case 3:
			a, b := offsetM(at, 100, 0), offsetM(at, 100, 100)
			z.Polygons = [][][]Point{{{at, a, a, b, at}}, {{a, a, offsetM(at, 200, 10), b, a}}} // an edge in common
		case 4:
			z.Kind, z.WidthDM = Bank, 20
			z.Line = []Point{at, offsetM(at, 50, 0), offsetM(at, 50, 0), at, offsetM(at, 0, 60)}
		case 5:
			z.Kind, z.Polygons = Area, [][][]Point{{circleRing(at, 600, 300), circleRing(at, 550, 7)}}
		case 6:
			z.Kind, z.WidthDM = Bank, 20
			z.Line = circleRing(at, 900, 2000)
		case 7: // its box holds all, its line is far away
			z.Kind, z.WidthDM = Bank, 20
			by := rapid.SampledFrom([]float64{-3000, 3000}).Draw(t, "by")
			z.Line = []Point{offsetM(at, -20_000, by-20_000), offsetM(at, 20_000, by+20_000)}
		}
		if z.Kind == Gate && rapid.Bool().Draw(t, "watched") {
			z.MaxUnseenUS, z.SeenDM = 60e6, rapid.SampledFrom([]int32{1, 1500, 200_000}).Draw(t, "seen")
		}
		zones = append(zones, z)
	}
	return zones
}

// evenOffset is anyOffset without its liking for small numbers.
func evenOffset(t *rapid.T, p Point, metres float64) Point {
	draw := func(way string) float64 {
		hundredths := make([]int, 201)
		for i := range hundredths {
			hundredths[i] = i - 100
		}
		return metres / 100 * float64(rapid.SampledFrom(hundredths).Draw(t, way))
	}
	return offsetM(p, draw("east"), draw("north"))
}

// What is told from the list is never more than there is, however far the circles and edges in it reach.
func TestAGlanceIsNeverTooFar(t *testing.T) {
	told, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(85).Draw(t, "c")
		if rapid.Bool().Draw(t, "far north") { // where the radii change most
			c.LatE7 = 84.9 * e7
		}
		zones := anyHardZones(t, c)
		x := NewIndex(zones)
		var tr track
		f := newFrame(c)
		tr.nearby.survey(x, &f, nil)
		for range 20 {
			p, margin := evenOffset(t, c, 130), rapid.SampledFrom([]float64{100, 800, 40_000}).Draw(t, "margin")
			tr.visits = tr.visits[:0]
			for i := range zones { // of the banks that it is not surely on one side of, the track has met the line
				if zones[i].Kind == Bank && float64(bruteSigned(&zones[i], p)) <= margin {
					tr.visits = append(tr.visits, visit{zone: int32(i), met: true})
				}
			}
			east, north := tr.nearby.place(p)
			way, still := tr.glance(east, north, margin)
			if all++; way > 0 {
				told++
			}
			for i := range tr.nearby.rims {
				r := &tr.nearby.rims[i]
				d := math.Hypot(east-r.x, north-r.y) - r.radius
				if r.radius == 0 {
					d = math.Sqrt(tr.nearby.distance2(r, east, north, math.Inf(1)))
				}
				if d = math.Abs(d) - tr.nearby.doubt; way > max(d, 0)+1e-6 && (r.kind == rimOfSight || tr.visit(r.zone) == nil) {
					t.Fatalf("%+v: way %.2f, but %.2f to %+v", p, way, d, r)
				}
			}
			for i := range zones {
				z := &zones[i]
				d := bruteSigned(z, p)
				if v := tr.visit(int32(i)); v != nil {
					if still > margin-float64(d) {
						t.Fatalf("%+v: still %.2f, but of the %v dm to %+v only %v are left", p, still, margin, z, margin-float64(d))
					}
					continue
				}
				if rim := math.Abs(float64(d)); way > rim || z.Kind == Bank && still > rim-margin {
					t.Fatalf("%+v: way %.2f, still %.2f, but %.50q lies %v dm away", p, way, still, fmt.Sprintf("%+v", z), d)
				}
				if sight := math.Abs(float64(d - int64(z.SeenDM))); z.MaxUnseenUS > 0 && way > sight {
					t.Fatalf("%+v: way %.2f, but %+v comes into sight %v dm away", p, way, z, sight)
				}
			}
		}
	})
	if told*2 < all {
		t.Errorf("%d of %d glances tell anything", told, all)
	}
}

func TestEveryFixIsJudgedAsByTheRulesAlone(t *testing.T) {
	glanced, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(84).Draw(t, "c")
		zones := anyZones(t, c)
		if rapid.Bool().Draw(t, "a long bank") {
			zones = append(zones, meanders(c))
		}
		zones = append(zones, anyHardZones(t, c)...)
		x := NewIndex(zones)
		tracker, rules := NewTracker(x), brute{zones, map[uint16]*bruteTrack{}}
		var want, got []Event
		for _, f := range anyPatrol(t, c, zones) {
			if !onEarth(Point{f.LatE7, f.LonE7}) {
				continue
			}
			want, got = rules.observe(f, want[:0]), tracker.Observe(f, got[:0])
			if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Fatalf("%+v (-rules +tracker):\n%s", f, diff)
			}
			tr, ref := &tracker.tracks[0][1], rules.tracks[1]
			all++
			if tr.reach >= 0 {
				glanced++
			}
			if len(tr.visits) != len(ref.visits) || tr.at != ref.at || tr.last != ref.last {
				t.Fatalf("%+v: visits %+v, by the rules %+v", f, tr.visits, ref.visits)
			}
			for _, v := range tr.visits {
				w := ref.visits[int(v.zone)]
				if w == nil || v.inside != w.inside || v.timing != w.timing || v.met != w.met || v.side != w.side || v.timing && v.since != w.since {
					t.Fatalf("%+v: visit %+v, by the rules %+v", f, v, w)
				}
			}
			var watching []int32
			frame := newFrame(tr.last)
			if watching = tracker.gates.seenFrom(x, &frame, nil); !slices.Equal(watching, tr.watching) {
				t.Fatalf("%+v: sees the gates %v, keeps %v", f, watching, tr.watching)
			}
		}
	})
	if glanced*2 < all {
		t.Errorf("of %d fixes %d have reach: the test tells little of what is kept", all, glanced)
	}
}

// meanders is a bank of 60 edges of 50 m around c, so that it has a tree of its own.
func meanders(c Point) Zone {
	z := Zone{ID: "meanders", Kind: Bank, WidthDM: 300}
	for i := range 61 {
		z.Line = append(z.Line, offsetM(c, 60*math.Sin(float64(i)), float64(i-30)*40))
	}
	return z
}

func TestFollowingRemembersWhatARestoreDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		zones := anyZones(t, c)
		fixes := anyFlight(t, c, zones)
		var next []Zone // some zones are gone, some moved, some became another kind, and all in another order
		for i := range zones {
			z := zones[i]
			switch rapid.IntRange(0, 7).Draw(t, "change") {
			case 0:
				continue
			case 1:
				z = Zone{ID: z.ID, Kind: Gate, Center: c, RadiusDM: 400, MaxUnseenUS: 5e6, SeenDM: 1500}
			case 2:
				z = Zone{ID: z.ID, Kind: Bank, Line: []Point{c, offsetM(c, 90, 90)}, WidthDM: 50}
			}
			next = append(next, z)
		}
		if rapid.Bool().Draw(t, "shuffled") {
			next = rapid.Permutation(next).Draw(t, "next")
		}
		old, cut := NewTracker(NewIndex(zones)), rapid.IntRange(0, len(fixes)).Draw(t, "cut")
		var o told
		for _, f := range fixes[:cut] {
			o.fix(old, f)
		}
		x := NewIndex(next)
		restored, followed := NewTracker(x), NewTracker(x)
		restored.Restore(old.State())
		followed.Follow(old)
		var a, b told
		for _, f := range fixes[cut:] {
			if diff := gocmp.Diff(restored.State(), followed.State()); diff != "" {
				t.Fatalf("(-restored +followed):\n%s", diff)
			}
			a.fix(restored, f)
			b.fix(followed, f)
		}
		if diff := gocmp.Diff(a, b, gocmp.AllowUnexported(told{})); diff != "" {
			t.Fatalf("(-restored +followed):\n%s", diff)
		}
	})
}
