package geofence

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Index finds zones. It does not change once made and may be read by many.
type Index struct {
	zones  []Zone
	shapes []shape
	segs   []segment // of all lines and rings, zone by zone

	byID  []int32 // zones, in the order of their ids
	gates []gate  // those that have max_unseen, never seen

	rims    forest // what a track can meet: the lines of banks, the boundaries of the others
	reaches forest // what a sighting can be near to: the zone, its width and its alert distance
	watched forest // what sees a gate that has max_unseen: its boundary, seen_dm outwards
}

type segment struct{ a, b Point }

func (s segment) box() box { return segmentBox(s.a, s.b) }

// shape is a zone made ready: what is asked of it at every turn, close together. A circle has no segments.
type shape struct {
	center Point   // of a circle
	radius float64 // dm, 0: no circle
	seen   float64 // dm, of a gate that has max_unseen
	lo, hi int32   // its segments
	bank   bool
	closed bool    // a bank whose last point is its first
	runs   pyramid // over its segments, fan to a leaf; nil for a few segments
}

// forest is a pyramid over zones.
type forest struct {
	zone    []int32 // of a leaf
	tree    pyramid
	sighted bool // its rims are not the zones' own, but lie seen_dm outside of them
}

// NewIndex makes zones, which must have come from Parse, ready to be asked about. It keeps the slice.
func NewIndex(zones []Zone) *Index {
	x := &Index{zones: zones, shapes: make([]shape, len(zones))}
	n := 0
	for i := range zones {
		n += max(0, len(zones[i].Line)-1)
		for _, polygon := range zones[i].Polygons {
			for _, ring := range polygon {
				n += max(0, len(ring)-1)
			}
		}
	}
	x.segs = make([]segment, 0, n)
	rims, reaches := make([]box, len(zones)), make([]box, len(zones))
	var watched []int32
	var seen []box
	for i := range zones {
		z, s := &zones[i], &x.shapes[i]
		s.center, s.radius, s.seen, s.bank = z.Center, float64(z.RadiusDM), float64(z.SeenDM), z.Kind == Bank
		s.lo = int32(len(x.segs))
		x.segs = appendSegments(x.segs, z.Line)
		for _, polygon := range z.Polygons {
			for _, ring := range polygon {
				x.segs = appendSegments(x.segs, ring)
			}
		}
		s.hi = int32(len(x.segs))
		if n := len(z.Line); n > 3 {
			s.closed = z.Line[0] == z.Line[n-1]
		}
		b := noBox()
		if z.RadiusDM > 0 {
			b = pointBox(z.Center).grow(float64(z.RadiusDM))
		}
		s.runs, b = segmentRuns(x.segs[s.lo:s.hi], b)
		rims[i] = b
		reaches[i] = b.grow(float64(z.WidthDM) + float64(z.AlertDistanceDM) + 1)
		if z.MaxUnseenUS > 0 {
			watched, seen = append(watched, int32(i)), append(seen, b.grow(float64(z.SeenDM)+1))
			x.gates = append(x.gates, gate{zone: int32(i), last: unwatched, maxUnseen: z.MaxUnseenUS})
		}
	}
	x.rims, x.reaches, x.watched = newForest(nil, rims), newForest(nil, reaches), newForest(watched, seen)
	x.watched.sighted = true
	x.byID = make([]int32, len(zones))
	for i := range x.byID {
		x.byID[i] = int32(i)
	}
	slices.SortFunc(x.byID, func(a, b int32) int {
		return cmp.Or(strings.Compare(zones[a].ID, zones[b].ID), cmp.Compare(a, b))
	})
	return x
}

// Find gives the place of the zone of that id among the zones that the index was made of.
func (x *Index) Find(id string) (zone int, ok bool) {
	i, ok := slices.BinarySearchFunc(x.byID, id, func(z int32, id string) int { return strings.Compare(x.zones[z].ID, id) })
	if !ok {
		return 0, false
	}
	return int(x.byID[i]), true
}

func appendSegments(segs []segment, line []Point) []segment {
	for i := 1; i < len(line); i++ {
		segs = append(segs, segment{line[i-1], line[i]})
	}
	return segs
}

// segmentRuns is the pyramid over segments, where it is worth having one, and b joined with all of them.
func segmentRuns(segs []segment, b box) (pyramid, box) {
	if len(segs) <= 2*fan {
		for _, s := range segs {
			b = b.join(segmentBox(s.a, s.b))
		}
		return nil, b
	}
	leaves := make([]box, 0, (len(segs)+fan-1)/fan)
	for run := range slices.Chunk(segs, fan) {
		leaf := noBox()
		for _, s := range run {
			leaf = leaf.join(segmentBox(s.a, s.b))
		}
		leaves, b = append(leaves, leaf), b.join(leaf)
	}
	return newPyramid(leaves), b
}

// newForest is a forest over zones (nil: all) with these boxes.
func newForest(zones []int32, boxes []box) forest {
	if len(boxes) == 0 {
		return forest{}
	}
	order := alongHilbert(boxes)
	sorted := make([]box, len(order))
	for i, o := range order {
		sorted[i] = boxes[o]
		if zones != nil {
			order[i] = zones[o]
		}
	}
	return forest{zone: order, tree: newPyramid(sorted)}
}

// overlapping appends to out the zones whose boxes meet b.
func (f *forest) overlapping(b box, out []int32) []int32 {
	if len(f.zone) == 0 {
		return out
	}
	n := len(out)
	out = f.tree.overlapping(b, out)
	for i := n; i < len(out); i++ {
		out[i] = f.zone[out[i]]
	}
	return out
}

// spot is the place on a zone's line or boundary that is next to a frame's point.
type spot struct {
	dlon, dlat float64 // as seen from the frame's point
	d2         float64 // square of the distance, dm
	seg        int32   // -1 where nothing is nearer than the limit
	t          float64
}

// nearest is the spot of zone z's segments next to f, if the square of its distance is below limit. Where two segments are
// equally near it is on the first of them, whatever order they are looked at in.
func (x *Index) nearest(z int32, f *frame, limit float64) spot {
	s := &x.shapes[z]
	best := spot{d2: limit, seg: -1}
	if s.runs == nil {
		x.nearestOf(s.lo, s.hi, f, &best)
		return best
	}
	var w walk
	for s.runs.startNear(&w, f, best.d2); w.n > 0; {
		level, i := w.pop()
		switch {
		case f.nearer2(&s.runs[level][i]) >= best.d2:
		case level == 0:
			lo := s.lo + int32(i*fan)
			x.nearestOf(lo, min(lo+fan, s.hi), f, &best)
		default:
			s.runs.openNear(&w, level, i, f, best.d2)
		}
	}
	return best
}

func (x *Index) nearestOf(lo, hi int32, f *frame, best *spot) {
	for i := lo; i < hi; i++ {
		s := &x.segs[i]
		if dlon, dlat, t, d2 := f.foot(s.a, s.b); d2 < best.d2 || d2 == best.d2 && i < best.seg {
			*best = spot{dlon, dlat, d2, i, t}
		}
	}
}

// contains says whether p is inside zone z's polygons, by the parity of the edges east of it.
func (x *Index) contains(z int32, p Point) bool {
	s := &x.shapes[z]
	if s.runs == nil {
		return x.east(s.lo, s.hi, p)
	}
	odd := false
	var w walk
	for s.runs.start(&w); w.n > 0; {
		level, i := w.pop()
		b := &s.runs[level][i]
		switch {
		case p.LatE7 < b.minLat || p.LatE7 >= b.maxLat || p.LonE7 > b.maxLon:
		case level == 0:
			lo := s.lo + int32(i*fan)
			odd = odd != x.east(lo, min(lo+fan, s.hi), p)
		default:
			s.runs.open(&w, level, i)
		}
	}
	return odd
}

// east says whether an odd number of the segments cross the ray from p to the east.
func (x *Index) east(lo, hi int32, p Point) bool {
	odd := false
	for i := lo; i < hi; i++ {
		if crossesEast(x.segs[i].a, x.segs[i].b, p) {
			odd = !odd
		}
	}
	return odd
}

// crossesEast says whether the edge a-b crosses the ray from p to the east. An edge owns its southern end.
func crossesEast(a, b, p Point) bool {
	up := b.LatE7 > p.LatE7
	if (a.LatE7 > p.LatE7) == up {
		return false
	}
	c := cross(a, b, p)
	return c != 0 && (c > 0) == up
}

// meets says whether the way from a to b touches zone z's line or boundary, or, for a circle, the circle.
func (x *Index) meets(z int32, a, b Point) bool {
	s := &x.shapes[z]
	if s.radius > 0 {
		f := newFrame(s.center)
		_, _, _, d2 := f.foot(a, b)
		return dm(d2) <= int64(s.radius)
	}
	way := segmentBox(a, b)
	if s.runs == nil {
		return x.anyMeets(s.lo, s.hi, a, b)
	}
	var w walk
	for s.runs.start(&w); w.n > 0; {
		level, i := w.pop()
		switch {
		case !s.runs[level][i].overlaps(way):
		case level == 0:
			lo := s.lo + int32(i*fan)
			if x.anyMeets(lo, min(lo+fan, s.hi), a, b) {
				return true
			}
		default:
			s.runs.open(&w, level, i)
		}
	}
	return false
}

func (x *Index) anyMeets(lo, hi int32, a, b Point) bool {
	for i := lo; i < hi; i++ {
		if meet(x.segs[i].a, x.segs[i].b, a, b) != apart {
			return true
		}
	}
	return false
}

// dm is a distance, given its square, rounded to whole decimetres: nothing is decided on more.
func dm(d2 float64) int64 { return int64(math.Round(math.Sqrt(d2))) }

// signed is the distance of f's point to zone z's boundary, negative inside, for circles and polygons.
func (x *Index) signed(z int32, f *frame) int64 {
	if s := &x.shapes[z]; s.radius > 0 {
		return dm(f.length2(f.offset(s.center))) - int64(s.radius)
	}
	return x.signedAt(z, f, x.nearest(z, f, math.Inf(1)))
}

// signedAt is signed of a polygon, given the spot of its boundary next to f.
func (x *Index) signedAt(z int32, f *frame, at spot) int64 {
	d := dm(at.d2)
	if d != 0 && x.contains(z, f.p) {
		return -d
	}
	return d
}

// toLine is the distance of f's point to bank z's line, and the side it is on: 1 left, -1 right, 0 on the line.
func (x *Index) toLine(z int32, f *frame) (d int64, side int, at spot) {
	at = x.nearest(z, f, math.Inf(1))
	d, side = x.sideAt(z, f, at)
	return d, side, at
}

// sideAt is toLine, given the spot of the line next to f.
func (x *Index) sideAt(z int32, f *frame, at spot) (d int64, side int) {
	if d = dm(at.d2); d != 0 {
		side = x.side(z, f.p, at)
	}
	return d, side
}

// side is the side of bank z's line that p is on, seen from the spot of the line next to it. Next to a vertex the two
// segments may disagree, where the line turns by more than a right angle: then p is on the outer side of the turn.
func (x *Index) side(z int32, p Point, at spot) int {
	s := &x.shapes[z]
	before, after := at.seg, at.seg
	switch {
	case at.t == 0 && at.seg > s.lo:
		before--
	case at.t == 0 && s.closed:
		before = s.hi - 1
	case at.t == 1 && at.seg < s.hi-1:
		after++
	case at.t == 1 && s.closed:
		after = s.lo
	}
	u, v := x.segs[before], x.segs[after]
	su, sv := sign(cross(u.a, u.b, p)), sign(cross(v.a, v.b, p))
	if su != sv {
		if turn := sign(cross(u.a, u.b, v.b)); turn != 0 {
			return -turn
		}
	}
	if su == 0 {
		return sv
	}
	return su
}

func sideName(side int) Side {
	switch side {
	case 1:
		return LeftOf
	case -1:
		return RightOf
	}
	return OnLine
}

// clearance is a lower bound for the distance in dm from f's point to any rim of the forest, at most limit.
func (x *Index) clearance(rims *forest, f *frame, limit float64) float64 {
	if len(rims.zone) == 0 {
		return limit
	}
	limit2 := limit * limit
	var w walk
	for rims.tree.startNear(&w, f, limit2); w.n > 0; {
		level, i := w.pop()
		if f.nearer2(&rims.tree[level][i]) >= limit2 {
			continue
		}
		if level > 0 {
			rims.tree.openNear(&w, level, i, f, limit2)
			continue
		}
		z, out := rims.zone[i], 0.0
		if rims.sighted {
			out = x.shapes[z].seen
		}
		if d := x.toRim(z, f, out, limit); d < limit {
			limit, limit2 = d, d*d
		}
	}
	return limit
}

// toRim is the distance in dm from f's point to zone z's rim, or to the rim that lies so far outside of it, if it is
// below limit. Inside a polygon the rim outside of it is farther away than this says: short is safe.
func (x *Index) toRim(z int32, f *frame, out, limit float64) float64 {
	if s := &x.shapes[z]; s.radius > 0 {
		return math.Abs(math.Sqrt(f.length2(f.offset(s.center))) - s.radius - out)
	}
	return math.Abs(math.Sqrt(x.nearest(z, f, (limit+out)*(limit+out)).d2) - out)
}
