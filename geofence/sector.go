package geofence

import (
	"math"
	"slices"
)

// Sector is where a target can be of which only the direction is known: seen from From, within HalfWidthDeg of the
// bearing (degrees from true north) and between two distances in decimetres.
type Sector struct {
	From                     Point
	BearingDeg, HalfWidthDeg float64
	MinDM, MaxDM             int64
}

// NearSector is Near for such a target: a zone is possible if any of the sector is within its alert distance, and never
// more. Distance, bearing and side are those of the sector's point nearest to the zone (to a bank's line, to a circle's
// or polygon's middle where the sector meets it): a sector that crosses a bank's line is on it.
func (x *Index) NearSector(s Sector, out []Near) []Near {
	var wedges [2]wedge
	n, ok := s.wedges(&wedges)
	if !ok {
		return out
	}
	var room [32]int32
	first, f, all := len(out), newFrame(s.From), noBox()
	for i := range wedges[:n] {
		b, ok := wedges[i].box(&f)
		if !ok {
			return out
		}
		all = all.join(b)
	}
	for _, z := range x.reaches.overlapping(all, room[:0]) {
		if n := x.judgeWedges(z, &f, wedges[:n], all); n.Certainty != Far {
			out = append(out, n)
		}
	}
	slices.SortFunc(out[first:], x.better)
	return out
}

func (x *Index) judgeWedges(z int32, f *frame, wedges []wedge, all box) Near {
	zone := &x.zones[z]
	reach := int64(zone.AlertDistanceDM)
	far := Near{Zone: int(z)}
	limit := (float64(reach)+float64(zone.WidthDM)+float64(zone.RadiusDM))*1.02 + 5
	best := closest{d2: limit * limit}
	if zone.RadiusDM > 0 {
		best.toPoint(wedges, f, zone.Center)
	} else {
		x.eachSegment(z, all.grow(limit), func(a, b Point) {
			if best.d2 == 0 {
				return
			}
			ae, an := f.flat(a)
			be, bn := f.flat(b)
			for i := range wedges {
				wedges[i].toSegment(ae, an, be, bn, &best)
			}
		})
	}
	met := false
	if len(zone.Polygons) > 0 {
		middle, ok := f.unflat(wedges[0].axis(wedges[0].max))
		if met = best.d2 == 0 || ok && x.contains(z, middle); met {
			boundary := best
			best = closest{d2: math.Inf(1)}
			best.toPoint(wedges, f, centroid(zone.Polygons))
			if q, ok := f.unflat(best.e, best.n); boundary.d2 == 0 && !(ok && x.contains(z, q)) {
				best = boundary
			}
		}
	}
	if math.Sqrt(best.d2) >= limit && !met {
		return far
	}
	q, ok := f.unflat(best.e, best.n)
	if !ok {
		return far
	}
	at := newFrame(q)
	n := x.judge(z, &at, math.MaxInt32)
	if met {
		n.SignedDM = min(n.SignedDM, 0)
	}
	if n.SignedDM > reach {
		return far
	}
	n.Certainty = Possible
	return n
}

// wedge is a sector of at most 90 degrees to each side, in decimetres east and north of its origin by the radii there:
// what is straight in degrees is straight, and a point is right to a decimetre in a kilometre, which is nothing to a
// ray. What is told of its point next to a zone is then measured from that point.
type wedge struct {
	sinB, cosB float64 // of the bearing
	sin, cos   float64 // of the half width
	min, max   float64
}

// wedges are the one or two wedges that s is made of; ok is false where it is none.
func (s *Sector) wedges(w *[2]wedge) (n int, ok bool) {
	width := min(s.HalfWidthDeg, 180)
	if !onEarth(s.From) || !(math.Abs(s.BearingDeg) < 1e6 && width >= 0) || s.MaxDM < 0 || s.MinDM > s.MaxDM {
		return 0, false
	}
	part := func(bearing, width float64) (w wedge) {
		w.sinB, w.cosB = math.Sincos(bearing * (math.Pi / 180))
		w.sin, w.cos = math.Sincos(width * (math.Pi / 180))
		w.min, w.max = float64(max(s.MinDM, 0)), float64(min(s.MaxDM, maxAxisDM))
		return w
	}
	if width <= 90 {
		w[0] = part(s.BearingDeg, width)
		return 1, true
	}
	w[0], w[1] = part(s.BearingDeg-width/2, width/2), part(s.BearingDeg+width/2, width/2)
	return 2, true
}

// axis is the point of the middle line so far from the origin.
func (w *wedge) axis(r float64) (east, north float64) { return r * w.sinB, r * w.cosB }

// box is a box around all of the wedge, as seen from f's point.
func (w *wedge) box(f *frame) (box, bool) {
	near, ok := f.unflat(w.axis(w.min))
	far, ok2 := f.unflat(w.axis(w.max))
	half := math.Sqrt(max(0, (1-w.cos)/2)) // sine of half the half width
	return segmentBox(near, far).grow(2 * w.max * half), ok && ok2
}

// closest is the point of some wedges next to something, and the square of the distance.
type closest struct{ e, n, d2 float64 }

func (c *closest) toPoint(wedges []wedge, f *frame, p Point) {
	e, n := f.flat(p)
	for i := range wedges {
		w := &wedges[i]
		px, py := e*w.sinB+n*w.cosB, e*w.cosB-n*w.sinB
		qx, qy := w.nearest(px, py)
		c.offer(w, qx, qy, px, py)
	}
}

// offer takes the wedge's point q, in its axes, if it is nearer to p than the one so far.
func (c *closest) offer(w *wedge, qx, qy, px, py float64) {
	if d2 := (qx-px)*(qx-px) + (qy-py)*(qy-py); d2 < c.d2 {
		*c = closest{qx*w.sinB + qy*w.cosB, qx*w.cosB - qy*w.sinB, d2}
	}
}

// nearest is the wedge's point next to p, in its axes: x along the middle line, y to the right of it.
func (w *wedge) nearest(px, py float64) (x, y float64) {
	if px >= 0 && math.Abs(py)*w.cos <= px*w.sin {
		r := math.Hypot(px, py)
		if r == 0 {
			return w.min, 0
		}
		k := max(w.min, min(w.max, r)) / r
		return px * k, py * k
	}
	side := math.Copysign(w.sin, py)
	r := max(w.min, min(w.max, px*w.cos+py*side))
	return r * w.cos, r * side
}

// toSegment takes the wedge's point next to the segment a-b. Where they do not meet, the way between them begins or
// ends at an end of the segment, at a corner of the wedge, or at the segment's point next to the origin.
func (w *wedge) toSegment(ae, an, be, bn float64, c *closest) {
	ax, ay := ae*w.sinB+an*w.cosB, ae*w.cosB-an*w.sinB
	bx, by := be*w.sinB+bn*w.cosB, be*w.cosB-bn*w.sinB
	dx, dy := bx-ax, by-ay
	len2 := dx*dx + dy*dy
	foot := func(px, py float64) (t float64) {
		if len2 > 0 {
			t = max(0, min(1, ((px-ax)*dx+(py-ay)*dy)/len2))
		}
		return t
	}
	// The part of the segment between the wedge's two edges.
	t0, t1 := 0.0, 1.0
	for _, h := range [3][2]float64{{w.sin, -w.cos}, {w.sin, w.cos}, {1, 0}} {
		at, along := ax*h[0]+ay*h[1], dx*h[0]+dy*h[1]
		switch {
		case along > 0:
			t0 = max(t0, -at/along)
		case along < 0:
			t1 = min(t1, -at/along)
		case at < 0:
			t1 = -1
		}
	}
	o := foot(0, 0)
	if t0 <= t1 {
		near := max(t0, min(t1, o))
		far := t0
		if math.Abs(t1-near) > math.Abs(t0-near) {
			far = t1
		}
		r := func(t float64) float64 { return math.Hypot(ax+t*dx, ay+t*dy) }
		if r(near) <= w.max && r(far) >= w.min {
			t := near
			if r(near) < w.min { // where the segment leaves the inner circle
				for range 60 {
					if mid := (t + far) / 2; r(mid) < w.min {
						t = mid
					} else {
						far = mid
					}
				}
				t = far
			}
			x, y := ax+t*dx, ay+t*dy
			c.offer(w, x, y, x, y)
			return
		}
	}
	for _, t := range [3]float64{0, 1, o} {
		px, py := ax+t*dx, ay+t*dy
		qx, qy := w.nearest(px, py)
		c.offer(w, qx, qy, px, py)
	}
	for _, r := range [2]float64{w.min, w.max} {
		for _, side := range [2]float64{w.sin, -w.sin} {
			qx, qy := r*w.cos, r*side
			t := foot(qx, qy)
			c.offer(w, qx, qy, ax+t*dx, ay+t*dy)
		}
	}
}
