package geofence

import (
	"math"
	"slices"
)

// The times and lengths that zone events are decided by (DESIGN 11).
const (
	dwellUS   = 3_000_000  // inside or outside this long
	silenceUS = 10_000_000 // fixes further apart than this have no path between them
	marginMM  = 10_000     // outside by more than this, or by twice the fix's accuracy
	jumpDM    = 50_000     // nor have fixes further apart than this: 500 m/s for the longest silence is no flight
)

// clearDM is how far around a fix the tracker looks for zones at most. It bounds how long a track's clearance may be
// relied on: over this distance the radii at the fix are right to 1 % up to 85 degrees of latitude.
const clearDM = 50_000

// Tracker turns the fixes of tracks into zone events. It belongs to one goroutine.
type Tracker struct {
	index  *Index
	tracks [256]*[256]track // by the high and the low byte of the track
	gates  gates

	candidates []int32
	visits     []visit
}

// track is what the tracker knows of one.
type track struct {
	known bool
	sound bool // visits are what the zones of this index make of last
	at    int64
	last  Point

	// While the track stays within reach of a place in the plane of what is nearby, nothing can change. Negative: the next
	// fix must be looked at. A margin of another length may take that much off.
	x, y   float64
	reach  float64 // dm
	margin float64
	silent int64 // how long no fix may come
	nearby nearby

	visits   []visit // by zone; only zones that the track is in, or may be about to enter, leave or cross
	watching []int32 // gates (places in gates.all) that the track sees
}

// visit is a track's relation to one zone.
type visit struct {
	zone   int32
	inside bool  // of a gate or area: entered, or first seen inside
	timing bool  // of a gate or area: since holds, and the visit may turn
	met    bool  // of a bank: the path has met its line since the track was surely on side
	deep   bool  // of a gate or area: surely inside when it was last looked at, and no rim has been met since
	side   int8  // of a bank: 1 left, -1 right, 0 not known since the last silence
	since  int64 // inside: first fix surely outside again; else: first fix that met the zone
}

// NewTracker returns a tracker that has seen nothing.
func NewTracker(x *Index) *Tracker {
	return &Tracker{index: x, gates: gates{all: slices.Clone(x.gates)}}
}

// Observe appends to out what f does, by zone. Fixes come in the order of their time. A fix that changes nothing costs
// a comparison and allocates nothing.
//
// The rules, where DESIGN 11 leaves room. A track "met" a gate or area when a fix lies in it (signed distance <= 0) or
// when the straight way from the fix before touches it. From then on it either is outside by more than h at a later
// fix, which makes the passage "crossed", or it has not been so for 3 s, which makes it "entered". A fix outside by
// less than h can do neither harm. A bank is only crossed: when a fix lies beyond it by more than h, on another side
// than the last fix that lay off it by more than h, and the way between met the line; whoever flies around its end has
// not crossed it. The first fix of a track gives one seen_inside for each zone it is in, banks included, or one
// seen_outside with Zone -1. Between fixes more than 10 s (or 5 km) apart there is no path: what was inside stays
// inside, all timers begin again, and nothing follows.
//
// A broken fix is a track's first once more: nothing is known of the way to it, nor whether what was before it was so.
// It gives seen_inside or seen_outside, so that whoever pairs entered with left knows that the visit ended unseen.
func (t *Tracker) Observe(f Fix, out []Event) []Event {
	p := Point{f.LatE7, f.LonE7}
	page := t.tracks[f.Track>>8]
	if page == nil {
		if !onEarth(p) {
			return out
		}
		page = new([256]track)
		t.tracks[f.Track>>8] = page
	}
	tr := &page[f.Track&0xff]
	margin := max(marginMM/100, float64(f.HAccMM)*0.02)
	room := tr.reach - math.Abs(margin-tr.margin)
	x, y := tr.nearby.place(p)
	dx, dy := x-tr.x, y-tr.y
	if room > 0 && dx*dx+dy*dy < room*room && !f.Broken && f.At-tr.at <= tr.silent {
		tr.at, tr.last = f.At, p
		if f.Airborne && len(tr.watching) > 0 {
			t.gates.see(tr.watching, f.At)
		}
		return out
	}
	return t.look(tr, f, margin, out)
}

// look does what a fix within reach need not.
func (t *Tracker) look(tr *track, f Fix, margin float64, out []Event) []Event {
	p := Point{f.LatE7, f.LonE7}
	if !onEarth(p) {
		return out
	}
	if tr.sound && !f.Broken && f.At-tr.at <= silenceUS && t.same(tr, p, margin) {
		tr.at, tr.last = f.At, p
		if f.Airborne {
			t.gates.see(tr.watching, f.At)
		}
		return out
	}
	s := step{fix: &f, frame: newFrame(p), marginMM: max(marginMM, 2*int64(f.HAccMM)), margin: margin, from: tr.last, nearby: &tr.nearby}
	return t.judge(tr, &s, out)
}

// same says that nothing changes on the way to p, for as much as what is nearby can tell.
func (t *Tracker) same(tr *track, p Point, margin float64) bool {
	x, y := t.around(tr, p)
	fromX, fromY := tr.nearby.place(tr.last)
	dx, dy := x-fromX, y-fromY
	way, still := tr.glance(x, y, margin)
	if way <= 0 || still <= 0 || dx*dx+dy*dy >= way*way {
		tr.reach = -1
		return false
	}
	tr.x, tr.y, tr.reach, tr.margin = x, y, min(way, still), margin
	return true
}

// around sees to it that what is nearby p is known, and gives p's place in it.
func (t *Tracker) around(tr *track, p Point) (x, y float64) {
	n := &tr.nearby
	if x, y = n.place(p); !tr.sound || n.rest(x, y) < aroundDM/4 && n.home != p {
		f := newFrame(p)
		t.candidates = n.survey(t.index, &f, t.candidates)
		return 0, 0
	}
	return x, y
}

// Break forgets what is known of a track, so that its next fix is its first once more: for a broken fix that is itself
// too poor to be observed.
func (t *Tracker) Break(id uint16) {
	if page := t.tracks[id>>8]; page != nil {
		page[id&0xff] = track{}
	}
}

// step is one fix of a track on its way through the zones.
type step struct {
	fix      *Fix
	frame    frame
	marginMM int64   // h
	margin   float64 // the same in dm
	first    bool    // the track's first fix
	path     bool    // there is a path from the fix before
	from     Point
	nearby   *nearby
}

// outside says whether s is more than h outside.
func (s *step) outside(dm int64) bool { return dm*100 > s.marginMM }

func (t *Tracker) judge(tr *track, s *step, out []Event) []Event {
	f, p := s.fix, s.frame.p
	if f.Broken {
		tr.known, tr.visits = false, tr.visits[:0]
	}
	s.first = !tr.known
	s.path = tr.known && f.At-tr.at <= silenceUS && s.frame.length2(s.frame.offset(tr.last)) <= jumpDM*jumpDM
	way := pointBox(p)
	if s.path {
		way = segmentBox(tr.last, p)
	}
	c := t.index.rims.overlapping(way.grow(float64(s.marginMM)/100+1), t.candidates[:0])
	if s.first {
		c = t.index.reaches.overlapping(pointBox(p), c)
	}
	for i := range tr.visits {
		c = append(c, tr.visits[i].zone)
	}
	slices.Sort(c)
	c = slices.Compact(c)
	t.candidates = c

	events, old := len(out), tr.visits
	visits := t.visits[:0]
	for _, z := range c {
		v := visit{zone: z}
		known := len(old) > 0 && old[0].zone == z
		if known {
			v, old = old[0], old[1:]
		}
		var keep bool
		if t.index.shapes[z].bank {
			keep, out = t.bank(s, &v, known, out)
		} else {
			keep, out = t.region(s, &v, known, out)
		}
		if keep {
			visits = append(visits, v)
		}
	}
	t.visits = visits
	tr.visits = append(tr.visits[:0], visits...)
	if s.first && len(out) == events {
		out = append(out, Event{At: f.At, Track: f.Track, Zone: -1, Kind: SeenOutside})
	}
	tr.known, tr.at, tr.last = true, f.At, p
	t.settle(tr, s)
	return out
}

// region takes one step of a visit to a gate or area.
func (t *Tracker) region(s *step, v *visit, known bool, out []Event) (keep bool, _ []Event) {
	z, at := v.zone, s.fix.At
	d := s.nearby.signed(t.index, z, &s.frame)
	v.deep = float64(d) < -s.margin/2
	tell := func(kind EventKind) {
		out = append(out, Event{At: at, Track: s.fix.Track, Zone: int(z), Kind: kind})
	}
	if s.first {
		if v.inside = d <= 0; v.inside {
			tell(SeenInside)
		}
		return v.inside, out
	}
	if !s.path {
		v.timing, known = false, known && v.inside
	}
	switch {
	case v.inside && !s.outside(d):
		v.timing = false
		return true, out
	case v.inside && !v.timing:
		v.timing, v.since = true, at
		return true, out
	case v.inside && at-v.since < dwellUS:
		return true, out
	case v.inside:
		tell(Left)
		return false, out
	case !known && d > 0 && (!s.path || !s.nearby.meets(t.index, z, s.from, s.frame.p)):
		return false, out
	case s.outside(d):
		tell(Crossed)
		return false, out
	case !known:
		v.timing, v.since = true, at
		return true, out
	case at-v.since >= dwellUS:
		tell(Entered)
		v.inside, v.timing = true, false
		return true, out
	}
	return true, out
}

// bank takes one step of a visit to a bank. A bank has a visit while the track is not surely on one side of it.
func (t *Tracker) bank(s *step, v *visit, known bool, out []Event) (keep bool, _ []Event) {
	z := v.zone
	d, side := s.nearby.toLine(t.index, z, &s.frame)
	away := s.outside(d)
	if s.first && d <= int64(t.index.zones[z].WidthDM) {
		out = append(out, Event{At: s.fix.At, Track: s.fix.Track, Zone: int(z), Kind: SeenInside, Side: sideName(side)})
	}
	if !s.path {
		v.side, v.met = 0, false
		return !away, out
	}
	met := s.nearby.meets(t.index, z, s.from, s.frame.p)
	if !known {
		if away && !met {
			return false, out
		}
		before := newFrame(s.from)
		_, from := s.nearby.toLine(t.index, z, &before)
		v.side = int8(from)
	}
	v.met = v.met || met
	if !away {
		return true, out
	}
	if v.met && v.side != 0 && side != int(v.side) {
		out = append(out, Event{At: s.fix.At, Track: s.fix.Track, Zone: int(z), Kind: Crossed, Side: sideName(side)})
	}
	return false, out
}

// settle notes what the track sees from here and how far from here nothing changes.
func (t *Tracker) settle(tr *track, s *step) {
	x, y := t.around(tr, s.frame.p)
	way, still := tr.glance(x, y, s.margin)
	tr.x, tr.y, tr.reach, tr.margin, tr.sound = x, y, min(way, still), s.margin, true
	tr.silent = math.MaxInt64
	for i := range tr.visits {
		if t.index.shapes[tr.visits[i].zone].bank {
			tr.silent = silenceUS // it forgets which side it came from
		}
	}
	tr.watching = t.gates.seenFrom(t.index, &s.frame, tr.watching[:0])
	if s.fix.Airborne {
		t.gates.see(tr.watching, s.fix.At)
	}
}
