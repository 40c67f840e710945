package geofence

import (
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
			_, side, _ := NewIndex(b.zones[i:i+1]).toLine(0, &frame)
			if first && d <= int64(z.WidthDM) {
				tell(SeenInside, sideName(side))
			}
			met := path && bruteMeets(z, tr.last, p)
			switch {
			case !path:
				v = &visit{}
			case v == nil:
				before := newFrame(tr.last)
				_, from, _ := NewIndex(b.zones[i:i+1]).toLine(0, &before)
				v = &visit{side: int8(from)}
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
// between: a stop, a turn, a jump, a silence, a poor or a broken fix.
func anyPatrol(t *rapid.T, c Point, zones []Zone) []Fix {
	corners := []Point{c}
	for i := range zones {
		if corners = append(corners, zones[i].Center); zones[i].RadiusDM == 0 {
			corners = append(corners[:len(corners)-1], slices.Concat(lines(&zones[i])...)...)
		}
	}
	var fixes []Fix
	at, acc := int64(0), int32(1000)
	p := rapid.SampledFrom(corners).Draw(t, "start")
	for range rapid.IntRange(1, 12).Draw(t, "legs") {
		to := anyOffset(t, rapid.SampledFrom(corners).Draw(t, "to"), rapid.SampledFrom([]float64{0.3, 12, 40, 200}).Draw(t, "beside"))
		frame := newFrame(p)
		dlon, dlat := frame.offset(to)
		length := max(1, math.Sqrt(frame.length2(dlon, dlat)))
		pace := rapid.SampledFrom([]float64{0.5, 2.4, 2.4, 5, 60}).Draw(t, "pace") * 10
		n := min(60, int(length/pace))
		broken := false
		switch rapid.IntRange(0, 11).Draw(t, "chance") {
		case 0:
			at += 11_000_000
		case 1:
			p = anyOffset(t, p, 9000)
		case 2:
			broken = true
		case 3:
			acc = rapid.SampledFrom([]int32{0, 1000, 8000, 40_000, 300_000}).Draw(t, "h_acc")
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

func TestEveryFixIsJudgedAsByTheRulesAlone(t *testing.T) {
	glanced, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(84).Draw(t, "c")
		zones := anyZones(t, c)
		if rapid.Bool().Draw(t, "a long bank") {
			zones = append(zones, meanders(c))
		}
		x := NewIndex(zones)
		tracker, rules := NewTracker(x), brute{zones, map[uint16]*bruteTrack{}}
		var want, got []Event
		for _, f := range anyPatrol(t, c, zones) {
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
