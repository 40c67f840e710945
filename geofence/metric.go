package geofence

import "math"

// The WGS-84 ellipsoid.
const (
	semiMajorM = 6378137.0
	ecc2       = 0.00669437999014131699613723354004
)

// dmPerE7 turns a radius of curvature in metres into decimetres per 1e-7 degree.
const dmPerE7 = 10 * math.Pi / 180 * 1e-7

const e7 = 1e7

// frame measures around one point. Lengths are in decimetres, coordinates are differences to the point in degrees x 1e7.
//
// A length between the point and q is taken with the radii at the latitude half way between the two, which is right
// to the second order. The radii are linear in that latitude to 1e-6 within 20 km, so one sine and cosine serve all
// segments around a point. Because the radii belong to the point asked about, not to a segment, a long segment needs
// no vertices in between: RFC 7946 makes it straight in degrees, and its nearest point is found on just that line.
type frame struct {
	p       Point
	kx, kxd float64 // decimetres per 1e-7 degree of longitude, and its growth with the latitude of the other point
	ky, kyd float64 // the same of latitude
}

func newFrame(p Point) frame {
	phi := float64(p.LatE7) / e7 * (math.Pi / 180)
	sin, cos := math.Sincos(phi)
	w2 := 1 - ecc2*sin*sin
	n := semiMajorM / math.Sqrt(w2) // radius across the meridian
	m := n * (1 - ecc2) / w2        // radius along it
	const half = math.Pi / 180 / e7 / 2
	return frame{
		p:  p,
		kx: n * cos * dmPerE7, kxd: -m * sin * dmPerE7 * half,
		ky: m * dmPerE7, kyd: 3 * m * ecc2 * sin * cos / w2 * dmPerE7 * half,
	}
}

// offset is q as seen from the frame's point, in degrees x 1e7. It is exact.
func (f *frame) offset(q Point) (dlon, dlat float64) {
	return float64(q.LonE7) - float64(f.p.LonE7), float64(q.LatE7) - float64(f.p.LatE7)
}

// vector is an offset in decimetres, east and north.
func (f *frame) vector(dlon, dlat float64) (x, y float64) {
	return dlon * (f.kx + f.kxd*dlat), dlat * (f.ky + f.kyd*dlat)
}

// length2 is the square of an offset's length.
func (f *frame) length2(dlon, dlat float64) float64 {
	x, y := f.vector(dlon, dlat)
	return x*x + y*y
}

// lean is how much shorter a degree of longitude becomes by one decimetre away from the equator, as a share of itself.
func (f *frame) lean() float64 { return 2 * math.Abs(f.kxd) / (f.kx * f.ky) }

// foot is the point of the segment a-b next to the frame's point: its offset, where it is on the segment (0 at a, 1
// at b) and the square of its distance.
func (f *frame) foot(a, b Point) (dlon, dlat, t, d2 float64) {
	ax, ay := f.offset(a)
	sx, sy := float64(b.LonE7)-float64(a.LonE7), float64(b.LatE7)-float64(a.LatE7)
	mx, my := sx*f.kx, sy*f.ky
	if l2 := mx*mx + my*my; l2 > 0 {
		t = -(ax*f.kx*mx + ay*f.ky*my) / l2
		t = max(0, min(1, t))
	}
	dlon, dlat = ax+t*sx, ay+t*sy
	if t == 1 { // exact, where a + (b - a) may not be
		dlon, dlat = f.offset(b)
	}
	return dlon, dlat, t, f.length2(dlon, dlat)
}

// bearing is the direction from the offset point back to the frame's point, whole degrees from true north.
func (f *frame) bearing(dlon, dlat float64) int16 {
	x, y := f.vector(dlon, dlat)
	if x == 0 && y == 0 {
		return 0
	}
	deg := int(math.Round(math.Atan2(-x, -y) * (180 / math.Pi)))
	return int16((deg + 360) % 360)
}

// DistanceDM is the distance between two points in decimetres, by the radii of the WGS-84 ellipsoid at the latitude
// half way between them: within a millimetre of the geodesic at 1 km, within a metre at 50 km.
func DistanceDM(a, b Point) int64 {
	mid := newFrame(Point{LatE7: int32((int64(a.LatE7) + int64(b.LatE7)) / 2)})
	dlon, dlat := math.Abs(float64(a.LonE7)-float64(b.LonE7)), float64(a.LatE7)-float64(b.LatE7)
	dlon = min(dlon, 360*e7-dlon)
	return int64(math.Round(math.Hypot(dlon*mid.kx, dlat*mid.ky)))
}

// cross is the sign-exact cross product of a-b and a-p: above 0 where p is to the left of the line from a to b.
// Zones are refused where an edge is longer than maxEdgeDM, so the products stay far below 2^63.
func cross(a, b, p Point) int64 {
	return (int64(b.LonE7)-int64(a.LonE7))*(int64(p.LatE7)-int64(a.LatE7)) -
		(int64(b.LatE7)-int64(a.LatE7))*(int64(p.LonE7)-int64(a.LonE7))
}

func sign(v int64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// meeting says how two segments touch.
type meeting uint8

const (
	apart    meeting = iota
	touching         // an end of one lies on the other
	crossing         // they cross between their ends
	overlap          // they share more than a point
)

// meet tells how a-b and c-d touch, exactly.
func meet(a, b, c, d Point) meeting {
	if !segmentBox(a, b).overlaps(segmentBox(c, d)) {
		return apart
	}
	sc, sd := sign(cross(a, b, c)), sign(cross(a, b, d))
	sa, sb := sign(cross(c, d, a)), sign(cross(c, d, b))
	switch {
	case sc*sd > 0 || sa*sb > 0:
		return apart
	case sc == 0 && sd == 0: // on one line, and their boxes touch
		ca, cb := segmentBox(a, b), segmentBox(c, d)
		if max(ca.minLon, cb.minLon) == min(ca.maxLon, cb.maxLon) && max(ca.minLat, cb.minLat) == min(ca.maxLat, cb.maxLat) {
			return touching
		}
		return overlap
	case sc == 0 || sd == 0 || sa == 0 || sb == 0:
		return touching
	}
	return crossing
}
