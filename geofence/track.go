package geofence

import "slices"

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
	known    bool
	at       int64
	last     Point
	visits   []visit // by zone; only zones that the track is in, or may be about to enter, leave or cross
	watching []int32 // gates (places in gates.all) that the track sees

	// Within reach of anchor nothing can change: no rim is nearer. Negative: the next fix must be looked at.
	anchor Point
	kx, ky float64
	reach  float64 // dm, margin not yet taken off
}

// visit is a track's relation to one zone.
type visit struct {
	zone   int32
	inside bool  // of a gate or area: entered, or first seen inside
	timing bool  // of a gate or area: since holds, and the visit may turn
	met    bool  // of a bank: the path has met its line since the track was surely on side
	side   int8  // of a bank: 1 left, -1 right, 0 not known since the last silence
	since  int64 // inside: first fix surely outside again; else: first fix that met the zone
}

// NewTracker returns a tracker that has seen nothing.
func NewTracker(x *Index) *Tracker {
	return &Tracker{index: x, gates: newGates(x)}
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
	room := tr.reach - float64(marginMM)/100
	if h := float64(f.HAccMM) * 0.02; h > float64(marginMM)/100 {
		room = tr.reach - h
	}
	dx := (float64(p.LonE7) - float64(tr.anchor.LonE7)) * tr.kx
	dy := (float64(p.LatE7) - float64(tr.anchor.LatE7)) * tr.ky
	if room > 0 && dx*dx+dy*dy < room*room && !f.Broken {
		tr.at, tr.last = f.At, p
		if f.Airborne && len(tr.watching) > 0 {
			t.gates.see(tr.watching, f.At)
		}
		return out
	}
	if !onEarth(p) {
		return out
	}
	return t.judge(tr, &f, p, out)
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
	marginMM int64 // h
	first    bool  // the track's first fix
	path     bool  // there is a path from the fix before
	from     Point
}

// outside says whether s is more than h outside.
func (s *step) outside(dm int64) bool { return dm*100 > s.marginMM }

func (t *Tracker) judge(tr *track, f *Fix, p Point, out []Event) []Event {
	if f.Broken {
		tr.known, tr.visits = false, tr.visits[:0]
	}
	s := step{
		fix: f, frame: newFrame(p), marginMM: max(marginMM, 2*int64(f.HAccMM)),
		first: !tr.known, from: tr.last,
	}
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

	events, busy, old := len(out), false, tr.visits
	visits := t.visits[:0]
	for _, z := range c {
		v := visit{zone: z}
		known := len(old) > 0 && old[0].zone == z
		if known {
			v, old = old[0], old[1:]
		}
		var keep, open bool
		if t.index.shapes[z].bank {
			keep, out = t.bank(&s, &v, known, out)
			open = keep
		} else {
			keep, open, out = t.region(&s, &v, known, out)
		}
		if keep {
			visits = append(visits, v)
		}
		busy = busy || open
	}
	t.visits = visits
	tr.visits = append(tr.visits[:0], visits...)
	if s.first && len(out) == events {
		out = append(out, Event{At: f.At, Track: f.Track, Zone: -1, Kind: SeenOutside})
	}
	tr.known, tr.at, tr.last = true, f.At, p
	t.settle(tr, &s, busy)
	return out
}

// region takes one step of a visit to a gate or area: keep it, and must the next fix be looked at.
func (t *Tracker) region(s *step, v *visit, known bool, out []Event) (keep, open bool, _ []Event) {
	z, at := v.zone, s.fix.At
	d := t.index.signed(z, &s.frame)
	tell := func(kind EventKind) {
		out = append(out, Event{At: at, Track: s.fix.Track, Zone: int(z), Kind: kind})
	}
	if s.first {
		if v.inside = d <= 0; v.inside {
			tell(SeenInside)
		}
		return v.inside, false, out
	}
	if !s.path {
		v.timing, known = false, known && v.inside
	}
	switch {
	case v.inside && !s.outside(d):
		v.timing = false
		return true, d > 0, out
	case v.inside && !v.timing:
		v.timing, v.since = true, at
		return true, true, out
	case v.inside && at-v.since < dwellUS:
		return true, true, out
	case v.inside:
		tell(Left)
		return false, false, out
	case !known && d > 0 && (!s.path || !t.index.meets(z, s.from, s.frame.p)):
		return false, false, out
	case s.outside(d):
		tell(Crossed)
		return false, false, out
	case !known:
		v.timing, v.since = true, at
		return true, true, out
	case at-v.since >= dwellUS:
		tell(Entered)
		v.inside, v.timing = true, false
		return true, d > 0, out
	}
	return true, true, out
}

// bank takes one step of a visit to a bank. A bank has a visit while the track is not surely on one side of it.
func (t *Tracker) bank(s *step, v *visit, known bool, out []Event) (keep bool, _ []Event) {
	z := v.zone
	d, side, _ := t.index.toLine(z, &s.frame)
	away := s.outside(d)
	if s.first && d <= int64(t.index.zones[z].WidthDM) {
		out = append(out, Event{At: s.fix.At, Track: s.fix.Track, Zone: int(z), Kind: SeenInside, Side: sideName(side)})
	}
	if !s.path {
		v.side, v.met = 0, false
		return !away, out
	}
	met := t.index.meets(z, s.from, s.frame.p)
	if !known {
		if away && !met {
			return false, out
		}
		before := newFrame(s.from)
		_, from, _ := t.index.toLine(z, &before)
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
func (t *Tracker) settle(tr *track, s *step, busy bool) {
	x, reach := t.index, -1.0
	if !busy {
		reach = x.clearance(&x.rims, &s.frame, clearDM)
		reach = x.clearance(&x.watched, &s.frame, reach)*0.98 - 2 // 2 dm: more than what rounding moves
	}
	tr.anchor, tr.kx, tr.ky, tr.reach = s.frame.p, s.frame.kx, s.frame.ky, reach
	tr.watching = t.gates.seenFrom(x, &s.frame, tr.watching[:0])
	if s.fix.Airborne {
		t.gates.see(tr.watching, s.fix.At)
	}
}
