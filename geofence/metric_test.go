package geofence

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// vincentyM is the geodesic on WGS-84 by Vincenty's inverse formula (Survey Review 176, 1975), in metres.
func vincentyM(latA, lonA, latB, lonB float64) float64 {
	const a, f = 6378137.0, 1 / 298.257223563
	const b = a * (1 - f)
	rad := math.Pi / 180
	u1, u2 := math.Atan((1-f)*math.Tan(latA*rad)), math.Atan((1-f)*math.Tan(latB*rad))
	l := (lonB - lonA) * rad
	s1, c1 := math.Sincos(u1)
	s2, c2 := math.Sincos(u2)
	lambda := l
	for range 100 {
		sl, cl := math.Sincos(lambda)
		ss := math.Hypot(c2*sl, c1*s2-s1*c2*cl)
		if ss == 0 {
			return 0
		}
		cs := s1*s2 + c1*c2*cl
		sigma := math.Atan2(ss, cs)
		sa := c1 * c2 * sl / ss
		ca2 := 1 - sa*sa
		c2m := 0.0
		if ca2 != 0 {
			c2m = cs - 2*s1*s2/ca2
		}
		c := f / 16 * ca2 * (4 + f*(4-3*ca2))
		before := lambda
		lambda = l + (1-c)*f*sa*(sigma+c*ss*(c2m+c*cs*(2*c2m*c2m-1)))
		if math.Abs(lambda-before) < 1e-13 {
			us := ca2 * (a*a - b*b) / (b * b)
			ka := 1 + us/16384*(4096+us*(-768+us*(320-175*us)))
			kb := us / 1024 * (256 + us*(-128+us*(74-47*us)))
			ds := kb * ss * (c2m + kb/4*(cs*(2*c2m*c2m-1)-kb/6*c2m*(4*ss*ss-3)*(4*c2m*c2m-3)))
			return b * ka * (sigma - ds)
		}
	}
	return math.NaN()
}

func geodesicDM(a, b Point) float64 {
	return 10 * vincentyM(float64(a.LatE7)/e7, float64(a.LonE7)/e7, float64(b.LatE7)/e7, float64(b.LonE7)/e7)
}

func anyPoint(maxLat int32) *rapid.Generator[Point] {
	return rapid.Custom(func(t *rapid.T) Point {
		return Point{rapid.Int32Range(-maxLat*e7, maxLat*e7).Draw(t, "lat"), rapid.Int32Range(-179*e7, 179*e7).Draw(t, "lon")}
	})
}

// anyOffset is p moved by up to so many metres each way.
func anyOffset(t *rapid.T, p Point, metres float64) Point {
	return offsetM(p, rapid.Float64Range(-metres, metres).Draw(t, "east"), rapid.Float64Range(-metres, metres).Draw(t, "north"))
}

func TestDistancesAgreeWithTheGeodesicToADecimetre(t *testing.T) {
	for _, test := range []struct {
		maxLat  int32
		metres  float64
		without float64 // error allowed, dm, rounding included
	}{{85, 1000, 0.51}, {60, 10_000, 1}, {45, 50_000, 10}} {
		rapid.Check(t, func(t *rapid.T) {
			a := anyPoint(test.maxLat).Draw(t, "a")
			b := anyOffset(t, a, test.metres*0.7)
			want := geodesicDM(a, b)
			if got := DistanceDM(a, b); math.Abs(float64(got)-want) > test.without {
				t.Fatalf("%v to %v: %d dm, the geodesic is %.2f", a, b, got, want)
			}
			if DistanceDM(a, b) != DistanceDM(b, a) {
				t.Fatal("not the same both ways")
			}
			f := newFrame(a)
			if got := math.Sqrt(f.length2(f.offset(b))); math.Abs(got-want) > test.without {
				t.Fatalf("the frame says %.2f, the geodesic is %.2f", got, want)
			}
		})
	}
	if got := DistanceDM(Point{0, 1799999000}, Point{0, -1799999000}); got != 223 {
		t.Errorf("22 m across the antimeridian are %d dm", got)
	}
}

func TestADistanceOf150MetresIsRightToHalfAMillimetre(t *testing.T) {
	for deg := range 360 {
		sin, cos := math.Sincos(float64(deg) * math.Pi / 180)
		a := Point{370000000, 1119500000}
		b := offsetM(a, 150*sin, 150*cos)
		f := newFrame(a)
		if got, want := math.Sqrt(f.length2(f.offset(b))), geodesicDM(a, b); math.Abs(got-want) > 0.005 {
			t.Errorf("at %d degrees %.5f dm, the geodesic is %.5f", deg, got, want)
		}
	}
}

// A straight line in degrees, 100 km long: its nearest point is found on that line, to a decimetre, without any
// point put in between, because the radii are those at the point asked about.
func TestLongSegmentsNeedNoPointsInBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyPoint(60).Draw(t, "a")
		b := anyOffset(t, a, 100_000)
		at := rapid.Float64Range(0, 1).Draw(t, "along")
		on := Point{a.LatE7 + int32(at*float64(b.LatE7-a.LatE7)), a.LonE7 + int32(at*float64(b.LonE7-a.LonE7))}
		p := anyOffset(t, on, 500)
		f := newFrame(p)
		_, _, _, d2 := f.foot(a, b)
		// The true minimum over points on the straight line, by geodesics: ternary search, d is convex here.
		lat := func(k float64) float64 { return (float64(a.LatE7) + k*float64(b.LatE7-a.LatE7)) / e7 }
		lon := func(k float64) float64 { return (float64(a.LonE7) + k*float64(b.LonE7-a.LonE7)) / e7 }
		d := func(k float64) float64 {
			return 10 * vincentyM(float64(p.LatE7)/e7, float64(p.LonE7)/e7, lat(k), lon(k))
		}
		lo, hi := max(0, at-0.1), min(1, at+0.1)
		if DistanceDM(a, b) < 100_000 {
			lo, hi = 0, 1
		}
		for range 60 {
			m1, m2 := lo+(hi-lo)/3, hi-(hi-lo)/3
			if d(m1) < d(m2) {
				hi = m2
			} else {
				lo = m1
			}
		}
		if want := d(lo); math.Abs(math.Sqrt(d2)-want) > 0.5 {
			t.Fatalf("%v to %v-%v: %.3f dm, truly %.3f", p, a, b, math.Sqrt(d2), want)
		}
	})
}

func TestBearingsAreWholeDegreesFromTrueNorth(t *testing.T) {
	c := Point{372500000, 1119500000}
	for want := range int16(360) {
		sin, cos := math.Sincos(float64(want) * math.Pi / 180)
		p := offsetM(c, 100*sin, 100*cos)
		f := newFrame(p)
		if got := f.bearing(f.offset(c)); got != want {
			t.Errorf("bearing %d, want %d", got, want)
		}
	}
	p := offsetM(c, -0.3, 100) // 359.8 degrees
	f := newFrame(p)
	if got := f.bearing(f.offset(c)); got != 0 {
		t.Errorf("bearing %d just west of north", got)
	}
}

func TestSegmentsMeetAsTheyAreDrawn(t *testing.T) {
	at := func(lon, lat int32) Point { return Point{lat, lon} }
	for _, test := range []struct {
		a, b, c, d Point
		want       meeting
	}{
		{at(0, 0), at(10, 10), at(0, 10), at(10, 0), crossing},
		{at(0, 0), at(10, 0), at(5, 0), at(5, 9), touching},   // T
		{at(0, 0), at(10, 0), at(10, 0), at(10, 9), touching}, // L
		{at(0, 0), at(10, 0), at(10, 0), at(20, 0), touching}, // one after the other
		{at(0, 0), at(10, 0), at(9, 0), at(20, 0), overlap},
		{at(0, 0), at(10, 10), at(2, 2), at(4, 4), overlap},
		{at(0, 0), at(10, 0), at(11, 0), at(20, 0), apart},
		{at(0, 0), at(10, 0), at(0, 1), at(10, 1), apart},
		{at(0, 0), at(10, 10), at(5, 4), at(9, 0), apart},
		{at(-1800000000, -850000000), at(1800000000, 850000000), at(0, 1), at(0, -1), crossing}, // no overflow
	} {
		for _, got := range []meeting{meet(test.a, test.b, test.c, test.d), meet(test.c, test.d, test.a, test.b), meet(test.b, test.a, test.d, test.c)} {
			if got != test.want {
				t.Errorf("%v-%v and %v-%v meet %d, want %d", test.a, test.b, test.c, test.d, got, test.want)
			}
		}
	}
}
