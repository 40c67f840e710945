package geofence

import (
	"math"
	"slices"
)

// maxAxisDM is the longest half axis that is judged as an ellipse; around a longer one there is no plane to do it in.
const maxAxisDM = 1_000_000

// NearEllipse is Near for a target that an ellipse holds with 90 %: a zone is certain if all of the ellipse is within
// its alert distance, likely if its centre is, possible if any of it is. What is within max(1 dm, 0.5 % of the greater
// half axis) of deciding otherwise is told as possible, and as likely, not certain. For equal axes it is Near.
func (x *Index) NearEllipse(e Ellipse, out []Near) []Near {
	if e.MinorDM >= e.MajorDM || e.MajorDM > maxAxisDM {
		return x.Near(e.Center, e.MajorDM, out)
	}
	if !onEarth(e.Center) {
		return out
	}
	var room [32]int32
	var rims [64]rim
	first, f := len(out), newFrame(e.Center)
	minor := max(e.MinorDM, 1)
	o := oval{a: float64(e.MajorDM), b: float64(minor)}
	o.sin, o.cos = math.Sincos(float64(e.BearingDeg) * (math.Pi / 180))
	for _, z := range x.reaches.overlapping(pointBox(e.Center).grow(o.a), room[:0]) {
		n := x.judge(z, &f, e.MajorDM) // as if the target were in the circle around the ellipse
		if n.Certainty == Far {
			continue
		}
		zone := &x.zones[z]
		reach := int64(zone.AlertDistanceDM)
		if n.Certainty == Likely || n.Certainty == Possible && n.SignedDM-minor > reach {
			limit := float64(reach+int64(zone.WidthDM)+int64(zone.RadiusDM)) + 0.5 // decided on whole decimetres
			s := search{x: x, zone: z, f: &f, oval: &o, limit: limit}
			s.rims = x.rimsAround(z, &f, &o, limit, rims[:0])
			if n.Certainty == Possible && !s.reached() {
				continue
			}
			if n.Certainty == Likely && !s.exceeded() {
				n.Certainty = Certain
			}
		}
		out = append(out, n)
	}
	slices.SortFunc(out[first:], x.better)
	return out
}

// oval is an ellipse in the plane: half axes in decimetres and the direction of the greater one. Around it, what the
// radii of its centre make of degrees is right to a centimetre in a hundred metres.
type oval struct{ a, b, sin, cos float64 }

// axes turns an offset in decimetres, east and north, into one along the greater and the smaller axis.
func (o *oval) axes(east, north float64) (u, v float64) {
	return east*o.sin + north*o.cos, east*o.cos - north*o.sin
}

// holds says whether the point is in the oval.
func (o *oval) holds(u, v float64) bool { return u*u*o.b*o.b+v*v*o.a*o.a <= o.a*o.a*o.b*o.b }

// rim is a piece of what a zone's distance is measured from, in the plane: a segment, or a circle's centre.
type rim struct{ u, v, du, dv, perLen2 float64 }

func newRim(au, av, bu, bv float64) rim {
	r := rim{au, av, bu - au, bv - av, 0}
	if l2 := r.du*r.du + r.dv*r.dv; l2 > 0 {
		r.perLen2 = 1 / l2
	}
	return r
}

func (r *rim) distance2(u, v float64) float64 {
	u, v = u-r.u, v-r.v
	t := max(0, min(1, (u*r.du+v*r.dv)*r.perLen2))
	u, v = u-t*r.du, v-t*r.dv
	return u*u + v*v
}

// rimsAround appends to out the pieces of zone z's rim that any point of the oval around f's point may be within limit
// of, in the oval's axes.
func (x *Index) rimsAround(z int32, f *frame, o *oval, limit float64, out []rim) []rim {
	s := &x.shapes[z]
	if s.radius > 0 {
		u, v := o.axes(f.vector(f.offset(s.center)))
		return append(out, rim{u: u, v: v})
	}
	x.eachSegment(z, pointBox(f.p).grow(o.a+limit), func(a, b Point) {
		au, av := o.axes(f.flat(a))
		bu, bv := o.axes(f.flat(b))
		if max(au, bu) >= -o.a-limit && min(au, bu) <= o.a+limit && max(av, bv) >= -o.b-limit && min(av, bv) <= o.b+limit {
			out = append(out, newRim(au, av, bu, bv))
		}
	})
	return out
}

// flat is q in decimetres east and north by the radii at the frame's point alone, so that what is straight in degrees
// is straight.
func (f *frame) flat(q Point) (east, north float64) {
	dlon, dlat := f.offset(q)
	return dlon * f.kx, dlat * f.ky
}

// eachSegment gives the segments of zone z whose boxes meet b, and a few more.
func (x *Index) eachSegment(z int32, b box, give func(a, b Point)) {
	s := &x.shapes[z]
	some := func(lo, hi int32) {
		for i := lo; i < hi; i++ {
			give(x.segs[i].a, x.segs[i].b)
		}
	}
	if s.runs == nil {
		some(s.lo, s.hi)
		return
	}
	var w walk
	for s.runs.start(&w); w.n > 0; {
		level, i := w.pop()
		switch {
		case !s.runs[level][i].overlaps(b):
		case level == 0:
			lo := s.lo + int32(i*fan)
			some(lo, min(lo+fan, s.hi))
		default:
			s.runs.open(&w, level, i)
		}
	}
}

// search asks for one point of an oval, by halving it: the distance to a rim changes by no more than the way does, so
// the distance at one point of a cell bounds it in the whole cell.
type search struct {
	x     *Index
	zone  int32
	f     *frame
	oval  *oval
	rims  []rim
	limit float64 // of the distance to the rim: the alert distance and the bank's width or the circle's radius
}

// cell is a rectangle along the axes of the oval: its middle and half its sides.
type cell struct{ u, v, hu, hv float64 }

// reached says whether any point of the oval is within the limit. For a polygon the centre must be outside.
func (s *search) reached() bool {
	return s.any(func(_, _, d, h float64) verdict {
		switch {
		case d < s.limit:
			return found
		case d-h >= s.limit:
			return none
		}
		return unclear
	})
}

// exceeded says whether any point of the oval is outside and beyond the limit.
func (s *search) exceeded() bool {
	polygon := len(s.x.zones[s.zone].Polygons) > 0
	return s.any(func(u, v, d, h float64) verdict {
		if d+h < s.limit {
			return none
		}
		inside := polygon && (d > h || d >= s.limit) && s.inside(u, v)
		switch {
		case inside && d > h: // so is all of the cell
			return none
		case d >= s.limit && !inside:
			return found
		}
		return unclear
	})
}

// inside says whether the point is inside the zone's polygons.
func (s *search) inside(u, v float64) bool {
	p, ok := s.f.unflat(u*s.oval.sin+v*s.oval.cos, u*s.oval.cos-v*s.oval.sin)
	return ok && s.x.contains(s.zone, p)
}

type verdict uint8

const (
	unclear verdict = iota
	found
	none
)

// any goes through the cells until judge has found what it looks for. judge gets a point that is both in the cell and
// in the oval, its distance to the rim, and how far from it any other such point can be. Cells too small to be halved
// count as found.
func (s *search) any(judge func(u, v, d, h float64) verdict) bool {
	o := s.oval
	least := max(1, o.a/200) / 2
	stack := make([]cell, 1, 40)
	stack[0] = cell{0, 0, o.a, o.b}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		u, v, h := c.u, c.v, math.Hypot(c.hu, c.hv)
		if !o.holds(u, v) { // the cell's point nearest to the centre is in the oval if any is
			u, v, h = max(c.u-c.hu, min(0, c.u+c.hu)), max(c.v-c.hv, min(0, c.v+c.hv)), 2*h
			if !o.holds(u, v) {
				continue
			}
		}
		d2 := math.Inf(1)
		for i := range s.rims {
			d2 = min(d2, s.rims[i].distance2(u, v))
		}
		switch judge(u, v, math.Sqrt(d2), h) {
		case found:
			return true
		case none:
			continue
		}
		if h <= least {
			return true
		}
		one, other := c, c
		if c.hu >= c.hv {
			one.hu, other.hu = c.hu/2, c.hu/2
			one.u, other.u = c.u-c.hu/2, c.u+c.hu/2
		} else {
			one.hv, other.hv = c.hv/2, c.hv/2
			one.v, other.v = c.v-c.hv/2, c.v+c.hv/2
		}
		stack = append(stack, one, other)
	}
	return false
}
