package geofence

import "math"

// aroundDM is how far around a place the rims are listed that are near to it. The list is as good as it is short: a
// drone at 12 m/s needs a new one each ten seconds or so, and a river has some ten edges in it.
const aroundDM = 2_000

// mostEdges is how many edges a list has at most. Where more are around, the index is asked each time.
const mostEdges = 300

// nearby is what lies around a place, in a plane with the place at its origin: decimetres to the east and the north by
// the radii there. It answers most questions of a track that comes back to the same few edges five times a second,
// and it knows how far it can be wrong; what it cannot tell for sure is asked of the index.
type nearby struct {
	home   Point
	kx, ky float64
	free   float64   // from home to any rim that is not listed, at least
	doubt  float64   // what a distance to a listed rim may be off by
	rims   []stretch // those of one zone in a row
	edges  []plain
}

// stretch is a circle, or some edges of a zone with the box around them.
type stretch struct {
	zone                   int32
	kind                   stretchKind
	lo, hi                 int32   // its edges
	seg                    int32   // of the first of them
	x, y, radius           float64 // a circle
	minX, minY, maxX, maxY float64
}

type stretchKind uint8

const (
	rimOfZone  stretchKind = iota
	rimOfBank              // its line
	rimOfSight             // where a gate that has max_unseen comes into sight
)

// plain is an edge in the plane: from x, y on by dx, dy, and one over the square of its length.
type plain struct{ x, y, dx, dy, inverse float64 }

// forget makes n know nothing, not even that there is nothing.
func (n *nearby) forget() { n.rims, n.edges, n.free = n.rims[:0], n.edges[:0], 0 }

// place is p in the plane.
func (n *nearby) place(p Point) (x, y float64) {
	return (float64(p.LonE7) - float64(n.home.LonE7)) * n.kx, (float64(p.LatE7) - float64(n.home.LatE7)) * n.ky
}

// rest is how far it is from a place in the plane to any rim that is not listed, at least.
func (n *nearby) rest(x, y float64) float64 { return n.free - math.Sqrt(x*x+y*y) }

// survey lists anew what is near to f's point.
func (n *nearby) survey(x *Index, f *frame, candidates []int32) []int32 {
	n.home, n.kx, n.ky = f.p, f.kx, f.ky
	n.rims, n.edges, n.free = n.rims[:0], n.edges[:0], aroundDM
	// Distances are rounded to decimetres where they are decided on, and the radii change on the way. Between a place y
	// north of home and one d from there they are those of up to y+d/2 north of home: a distance of up to aroundDM is off
	// by d*(y+d/2) times lean, some 1.5 aroundDM^2.
	n.doubt = 2 + 6*aroundDM*aroundDM*f.lean()
	around := pointBox(f.p).grow(aroundDM)
	candidates = x.rims.overlapping(around, candidates[:0])
	for _, z := range candidates {
		s := &x.shapes[z]
		switch {
		case s.radius > 0:
			n.circle(z, rimOfZone, f, s.center, s.radius)
		case s.runs == nil:
			n.line(x, z, s.lo, s.hi, around)
		default:
			first := len(candidates)
			candidates = s.runs.overlapping(around, candidates)
			for _, leaf := range candidates[first:] {
				lo := s.lo + leaf*fan
				n.line(x, z, lo, min(lo+fan, s.hi), around)
			}
			candidates = candidates[:first]
		}
	}
	candidates = x.watched.overlapping(around, candidates[:0])
	for _, z := range candidates {
		if s := &x.shapes[z]; s.radius > 0 {
			n.circle(z, rimOfSight, f, s.center, s.radius+s.seen)
		} else {
			n.free = min(n.free, x.toRim(z, f, s.seen, n.free))
		}
	}
	if len(n.edges) > mostEdges {
		n.rims, n.edges = n.rims[:0], n.edges[:0]
	}
	if len(n.rims) == 0 {
		n.free = x.clearance(&x.watched, f, x.clearance(&x.rims, f, clearDM))
	}
	n.free = n.free*0.98 - n.doubt // as far as clearDM the radii at home are right to 1 %
	return candidates
}

// circle lists a circle if its rim is near. It is right as seen from home, wherever its middle is. From a place at u, v
// the middle at x, y is off by lean/2 times u*y-v*x, which its own distance bounds, and u*v.
func (n *nearby) circle(z int32, kind stretchKind, f *frame, center Point, radius float64) {
	x, y := f.vector(f.offset(center))
	if d := math.Sqrt(x*x+y*y) - radius; math.Abs(d) < 1.02*aroundDM {
		n.doubt = max(n.doubt, 2+aroundDM*(6*aroundDM+radius)*f.lean())
		n.rims = append(n.rims, stretch{
			zone: z, kind: kind, x: x, y: y, radius: radius, minX: x - radius, minY: y - radius, maxX: x + radius, maxY: y + radius,
		})
	}
}

// line lists a zone's segments from the first to the last whose boxes meet around.
func (n *nearby) line(x *Index, z, lo, hi int32, around box) {
	for ; lo < hi && !x.segs[lo].box().overlaps(around); lo++ {
	}
	for ; lo < hi && !x.segs[hi-1].box().overlaps(around); hi-- {
	}
	if lo == hi || len(n.edges) > mostEdges {
		return
	}
	r := stretch{zone: z, seg: lo, lo: int32(len(n.edges)), minX: math.Inf(1), minY: math.Inf(1), maxX: math.Inf(-1), maxY: math.Inf(-1)}
	if x.shapes[z].bank {
		r.kind = rimOfBank
	}
	for _, s := range x.segs[lo:hi] {
		ax, ay := n.place(s.a)
		bx, by := n.place(s.b)
		e := plain{x: ax, y: ay, dx: bx - ax, dy: by - ay}
		if l2 := e.dx*e.dx + e.dy*e.dy; l2 > 0 {
			e.inverse = 1 / l2
		}
		n.edges = append(n.edges, e)
		r.minX, r.maxX = min(r.minX, ax, bx), max(r.maxX, ax, bx)
		r.minY, r.maxY = min(r.minY, ay, by), max(r.maxY, ay, by)
	}
	r.hi = int32(len(n.edges))
	n.rims = append(n.rims, r)
}

// nearest is the spot of zone z's segments next to f, see Index.
func (n *nearby) nearest(x *Index, z int32, f *frame) spot {
	best := spot{d2: math.Inf(1), seg: -1}
	for i := range n.rims {
		if r := &n.rims[i]; r.zone == z {
			x.nearestOf(r.seg, r.seg+r.hi-r.lo, f, &best)
		}
	}
	if rest := n.rest(n.place(f.p)); rest > 0 && best.d2 < rest*rest {
		return best
	}
	return x.nearest(z, f, math.Inf(1))
}

// signed and toLine are those of Index.
func (n *nearby) signed(x *Index, z int32, f *frame) int64 {
	if x.shapes[z].radius > 0 {
		return x.signed(z, f)
	}
	return x.signedAt(z, f, n.nearest(x, z, f))
}

func (n *nearby) toLine(x *Index, z int32, f *frame) (d int64, side int) {
	return x.sideAt(z, f, n.nearest(x, z, f))
}

// meets says whether the way from a to b touches zone z's line or boundary, as Index does.
func (n *nearby) meets(x *Index, z int32, a, b Point) bool {
	ax, ay := n.place(a)
	bx, by := n.place(b)
	way := math.Sqrt((bx-ax)*(bx-ax) + (by-ay)*(by-ay))
	if n.rest(bx, by) <= way {
		return x.meets(z, a, b)
	}
	for i := range n.rims {
		r := &n.rims[i]
		switch {
		case r.zone != z || r.kind == rimOfSight:
		case r.radius > 0:
			dx, dy := bx-r.x, by-r.y
			return math.Abs(math.Sqrt(dx*dx+dy*dy)-r.radius)-n.doubt <= way && x.meets(z, a, b)
		case x.anyMeets(r.seg, r.seg+r.hi-r.lo, a, b):
			return true
		}
	}
	return false
}

// beyond says whether all of r is farther from a place than limit.
func (r *stretch) beyond(x, y, limit float64) bool {
	dx, dy := max(r.minX-x, x-r.maxX, 0), max(r.minY-y, y-r.maxY, 0)
	return dx*dx+dy*dy > limit*limit
}

// distance2 is the square of the distance from a place to the nearest of r's edges, at most limit.
func (n *nearby) distance2(r *stretch, x, y, limit float64) float64 {
	edges := n.edges[r.lo:r.hi]
	for i := range edges {
		e := &edges[i]
		px, py := x-e.x, y-e.y
		t := max(0, min(1, (px*e.dx+py*e.dy)*e.inverse)) // no branches: which end is nearer cannot be foretold
		px, py = px-t*e.dx, py-t*e.dy
		limit = min(limit, px*px+py*py)
	}
	return limit
}

// glance says how far a track at a place is from the next thing that may happen to it: way is how far the way to there
// and on from there may be without meeting what it has not met, still how far it may go on from there before being near
// to, or away from, a zone by its margin makes a difference. Doubts are taken off. Either is negative where something may
// have happened already.
func (tr *track) glance(x, y, margin float64) (way, still float64) {
	n := &tr.nearby
	way = n.rest(x, y)
	still = way - margin // so that no zone whose margin reaches out of the list is judged by it
	listed := 0
	for i := 0; i < len(n.rims); {
		r := &n.rims[i]
		v := tr.visit(r.zone)
		if r.kind == rimOfSight {
			v = nil
		}
		d := math.Inf(1)
		if r.radius > 0 {
			if i++; v != nil || !r.beyond(x, y, max(way, still+margin)+n.doubt) {
				dx, dy := x-r.x, y-r.y
				d = math.Sqrt(dx*dx+dy*dy) - r.radius
			}
		} else {
			z := r.zone
			for ; i < len(n.rims) && n.rims[i].zone == z && n.rims[i].radius == 0; i++ {
				if r := &n.rims[i]; v != nil || !r.beyond(x, y, max(way, still+margin)+n.doubt) {
					d = n.distance2(r, x, y, d)
				}
			}
			d = math.Sqrt(d)
		}
		rim := math.Abs(d) - n.doubt
		switch {
		case v == nil:
			way = min(way, rim)
			if r.kind == rimOfBank {
				still = min(still, rim-margin)
			}
		case r.kind == rimOfBank:
			listed++
			still = min(still, margin-n.doubt-d)
			if !v.met {
				way = min(way, rim)
			}
		case v.deep:
			way = min(way, rim)
		default:
			listed++
			still = min(still, margin-n.doubt-math.Abs(d))
		}
	}
	for i := range tr.visits {
		v := &tr.visits[i]
		if v.timing {
			return -1, -1
		}
		if !v.deep {
			listed--
		}
	}
	if listed < 0 { // of a zone that is not near, and yet the track is not sure to be inside
		return -1, -1
	}
	return way, still
}

// visit is the track's visit to a zone, nil where there is none.
func (tr *track) visit(zone int32) *visit {
	for i := range tr.visits {
		if tr.visits[i].zone == zone {
			return &tr.visits[i]
		}
	}
	return nil
}
