package geofence

import (
	"cmp"
	"math"
	"strings"
)

// Sight is a camera's line of sight: from where and which way.
type Sight struct {
	From              Point
	North, East, Down float64 // unit vector
}

// Ellipse holds a target with 90 %: half axes in decimetres and the bearing of the greater one in degrees from true
// north, 0..179.
type Ellipse struct {
	Center           Point
	MajorDM, MinorDM int64
	BearingDeg       int16
}

// Error is the error of a sight, 1 sigma (PROTOCOL 2.4).
type Error struct {
	Pitch, Yaw float64 // radians
	HeightM    float64 // of the camera above the ground
	PosM       float64 // of the camera over ground
}

// sigma90 is how many sigmas the half axes of the ellipse are that holds a bivariate normal error with 90 %:
// sqrt(-2 ln 0.1).
const sigma90 = 2.145966

// maxMarchM is how far a sight is followed over terrain.
const maxMarchM = 10_000

// Flat is where the sight meets flat ground so many metres below the camera, and how far over ground that is. ok is
// false where it does not: it does not look down, the ground is not below it, or the point is not on earth.
func (s *Sight) Flat(heightM float64) (p Point, rangeM float64, ok bool) {
	if !(heightM > 0 && s.Down > 0) {
		return p, 0, false
	}
	p, ok = s.after(heightM / s.Down)
	return p, heightM / s.Down * math.Hypot(s.North, s.East), ok
}

// after is the place below the point of the sight that is so many metres from the camera.
func (s *Sight) after(slantM float64) (Point, bool) {
	f := newFrame(s.From)
	return f.place(slantM*s.East*10, slantM*s.North*10)
}

// place is the point at so many decimetres east and north of the frame's, the reverse of vector. ok is false where
// that is not on earth, or so far that the frame's radii mean nothing.
func (f *frame) place(east, north float64) (Point, bool) {
	dlat := north / f.ky
	dlat = north / (f.ky + f.kyd*dlat) // the radius depends on the latitude reached, by parts in a hundred thousand
	return f.at(east/(f.kx+f.kxd*dlat), dlat)
}

// unflat is the reverse of flat, on the same terms.
func (f *frame) unflat(east, north float64) (Point, bool) { return f.at(east/f.kx, north/f.ky) }

// at is the point at an offset, the reverse of offset but for rounding.
func (f *frame) at(dlon, dlat float64) (Point, bool) {
	const most = 10 * e7
	lat, lon := math.Round(float64(f.p.LatE7)+dlat), math.Round(float64(f.p.LonE7)+dlon)
	if !(math.Abs(dlon) <= most && math.Abs(dlat) <= most && math.Abs(lat) < 90*e7) {
		return Point{}, false
	}
	if lon > 180*e7 {
		lon -= 360 * e7
	} else if lon < -180*e7 {
		lon += 360 * e7
	}
	return Point{int32(lat), int32(lon)}, true
}

// Spread is the error of a point that lies rangeM over ground from a camera heightM above it, along the line of sight
// and across it, 1 sigma in metres: (h sp / sin2 d)2 + (sh / tan d)2 + spos2 and (range sy)2 + spos2 (PROTOCOL 2.4),
// d the depression at which the camera sees the point.
func (e *Error) Spread(heightM, rangeM float64) (along, across float64) {
	slant2 := heightM*heightM + rangeM*rangeM
	along = math.Hypot(math.Hypot(slant2/heightM*e.Pitch, e.HeightM*rangeM/heightM), e.PosM)
	return along, math.Hypot(rangeM*e.Yaw, e.PosM)
}

// EllipseOf is the ellipse around p that holds the target with 90 %, for an error of these sigmas in metres along and
// across the way from the sight's camera to p, or, where p is the camera's own place, its azimuth.
func (s *Sight) EllipseOf(p Point, along, across float64) Ellipse {
	azimuth := math.Atan2(s.East, s.North)
	f := newFrame(p)
	if x, y := f.vector(f.offset(s.From)); x != 0 || y != 0 {
		azimuth = math.Atan2(-x, -y)
	}
	if across > along {
		along, across = across, along
		azimuth += math.Pi / 2
	}
	deg := int(math.Round(azimuth*(180/math.Pi))) + 720
	const most = 1e12
	return Ellipse{
		Center:  p,
		MajorDM: int64(math.Round(min(along*sigma90*10, most))), MinorDM: int64(math.Round(min(across*sigma90*10, most))),
		BearingDeg: int16(deg % 180),
	}
}

// Meet is where the sight of a camera amslM above mean sea level meets the ground, and how high above it the camera
// is. heightM is 0 or less, and p means nothing, where the camera is not above the ground below it. The sight is
// followed in steps of the tiles' spacing to the first that ends below the ground, and there to a decimetre. ok is
// false where it meets none within 10 km, or comes to where the ground is not known.
func (t *Terrain) Meet(s *Sight, amslM float64) (p Point, heightM float64, ok bool) {
	ground, ok := t.HeightM(s.From)
	if !ok || !(amslM > ground) {
		return s.From, amslM - ground, ok
	}
	if !(s.Down > 0) {
		return p, 0, false
	}
	above := func(slantM float64) (p Point, m float64, ok bool) {
		if p, ok = s.after(slantM); ok {
			ground, ok = t.HeightM(p)
		}
		return p, amslM - slantM*s.Down - ground, ok
	}
	for near, far := 0.0, t.stepM; near < maxMarchM; near, far = far, far+t.stepM {
		p, m, ok := above(far)
		if ok && m > 0 {
			continue
		}
		for far-near > 0.1 { // the ground, or the end of what is known of it
			mid := (near + far) / 2
			if q, m, known := above(mid); known && m > 0 {
				near = mid
			} else {
				far, p, ok = mid, q, known
			}
		}
		return p, far * s.Down, ok
	}
	return p, 0, false
}

// Surface is the height of a camera amslM above mean sea level over the water that the sight meets: over the surface
// (surface_amsl_m) of the zone that is next to where the sight meets just that surface. Of zones at one distance, as of
// all that it meets inside, a gate goes before a bank and a bank before an area, then the nearer, then the id. Neither
// the way to the place nor that from the place to the zone may be longer than maxM. heightM is 0 or less where only zones have a
// surface whose water is not below the camera, which the camera itself is within maxM of. ok is false where there is
// no such zone.
func (x *Index) Surface(s *Sight, amslM, maxM float64) (heightM float64, ok bool) {
	if !onEarth(s.From) || !(maxM > 0 && maxM < 1e6) {
		return 0, false
	}
	type candidate struct {
		unmet, rank int
		s           int64
		rangeM      float64
		id          string
	}
	var best candidate
	var room [32]int32
	for _, z := range x.reaches.overlapping(pointBox(s.From).grow(2*maxM*10), room[:0]) {
		zone := &x.zones[z]
		if zone.SurfaceAMSLMM == nil {
			continue
		}
		c := candidate{rank: kindRank(zone.Kind), id: zone.ID}
		at, h := s.From, amslM-float64(*zone.SurfaceAMSLMM)/1000
		if h > 0 {
			var met bool
			if at, c.rangeM, met = s.Flat(h); !met || c.rangeM > maxM {
				continue
			}
		} else {
			c.unmet = 1
		}
		f := newFrame(at)
		if c.s = max(x.judge(z, &f, 0).SignedDM, 0); float64(c.s) > maxM*10 {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(c.unmet, best.unmet), cmp.Compare(c.s, best.s), cmp.Compare(c.rank, best.rank),
			cmp.Compare(c.rangeM, best.rangeM), strings.Compare(c.id, best.id)) < 0 {
			best, heightM, ok = c, h, true
		}
	}
	return heightM, ok
}
