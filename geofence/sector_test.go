package geofence

import (
	"math"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// at is the sector's point at a distance and a share of the half width, -1 to 1.
func (s *Sector) at(dm, share float64) Point {
	f := newFrame(s.From)
	sin, cos := math.Sincos((s.BearingDeg + share*s.HalfWidthDeg) * math.Pi / 180)
	return moved(&f, dm*sin, dm*cos)
}

// drone at 0,0, looks north-east from 200 m to 1000 m, 5 degrees to each side; gates of 30 m
func TestARayTouchesWhatItsSectorMeets(t *testing.T) {
	s := Sector{From: place0, BearingDeg: 45, HalfWidthDeg: 5, MinDM: 2000, MaxDM: 10_000}
	for _, test := range []struct {
		name        string
		range_, deg float64 // of the gate's centre, metres and degrees
		reach       int32
		want        []Near
	}{
		{"under the drone", 0, 0, 0, nil},
		{"before the sector", 169, 45, 0, nil},
		{"touches its near end", 170, 45, 0, []Near{{SignedDM: 0, BearingDeg: 45, Certainty: Possible}}},
		{"a metre short of it", 168, 45, 10, nil},
		{"in the alert distance of its near end", 169, 45, 10, []Near{{SignedDM: 10, BearingDeg: 45, Certainty: Possible}}},
		{"on the middle line", 500, 45, 0, []Near{{SignedDM: -300, BearingDeg: 0, Certainty: Possible}}},
		{"beyond its far end", 1031, 45, 0, nil},
		{"touches its far end", 1030, 45, 0, []Near{{SignedDM: 0, BearingDeg: 225, Certainty: Possible}}},
		{"beside it", 500, 45 + 5 + 3.6, 0, nil},
		{"touches its side", 500, 45 + 5 + 3.4, 0, []Near{{SignedDM: -3, BearingDeg: 320, Certainty: Possible}}},
		{"beside it, within the alert distance", 500, 45 + 5 + 4, 100, []Near{{SignedDM: 49, BearingDeg: 320, Certainty: Possible}}},
		{"behind the drone", 500, 225, 0, nil},
	} {
		sin, cos := math.Sincos(test.deg * math.Pi / 180)
		x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: offsetM(place0, test.range_*sin, test.range_*cos), RadiusDM: 300, AlertDistanceDM: test.reach}})
		got := x.NearSector(s, nil)
		for i := range got {
			if got[i].SignedDM == -300 { // where the point is the centre's, a centimetre makes the bearing
				got[i].BearingDeg = 0
			}
		}
		if diff := gocmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

//	bank, runs north, 20 m wide on each side
//
// drone  ===> |        the ray ends before, on, or beyond it
func TestARayIsOnTheSideOfABankThatItIsOn(t *testing.T) {
	x := NewIndex([]Zone{{ID: "b", Kind: Bank, WidthDM: 200, AlertDistanceDM: 100, Line: []Point{offsetM(place0, 0, -900), offsetM(place0, 0, 900)}}})
	for _, test := range []struct {
		from, to float64 // along the ray, metres; the line is at 500
		want     []Near
	}{
		{100, 469, nil},
		{100, 470, []Near{{SignedDM: 100, BearingDeg: 270, Side: LeftOf, Certainty: Possible}}},
		{100, 490, []Near{{SignedDM: -100, BearingDeg: 270, Side: LeftOf, Certainty: Possible}}},
		{100, 900, []Near{{SignedDM: -200, BearingDeg: 0, Side: OnLine, Certainty: Possible}}},
		{515, 900, []Near{{SignedDM: -50, BearingDeg: 90, Side: RightOf, Certainty: Possible}}},
		{531, 900, nil},
	} {
		got := x.NearSector(Sector{offsetM(place0, -500, 0), 90, 0.01, int64(test.from * 10), int64(test.to * 10)}, nil)
		if diff := gocmp.Diff(test.want, got); diff != "" {
			t.Errorf("from %v to %v m (-want +got):\n%s", test.from, test.to, diff)
		}
	}
}

// However far away the ray crosses the line, it does so on it.
func TestARayThatCrossesALineIsOnIt(t *testing.T) {
	for _, lat := range []int32{0, 37, 60, 75} {
		for deg := 5.0; deg < 360; deg += 20 {
			s := Sector{Point{lat * e7, 1119500000}, deg, 3, 0, 15_000}
			line := []Point{s.at(14_000, -3), s.at(14_300, 3)}
			got := NewIndex([]Zone{{ID: "b", Kind: Bank, WidthDM: 50, Line: line}}).NearSector(s, nil)
			if len(got) != 1 || got[0].Side != OnLine || got[0].SignedDM != -50 {
				t.Errorf("latitude %d, %v degrees: %+v", lat, deg, got)
			}
		}
	}
}

func TestARayInsideAnAreaIsInIt(t *testing.T) {
	area := Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{squareRing(place0, 2000)}}}
	hole := Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{squareRing(place0, 2000), squareRing(place0, 500)}}}
	for _, test := range []struct {
		zone     Zone
		from, to float64 // north of place0
		want     []Near
	}{
		{area, 600, 1500, []Near{{SignedDM: -14_000, BearingDeg: 0, Certainty: Possible}}},
		{area, 600, 5000, []Near{{SignedDM: -14_000, BearingDeg: 0, Certainty: Possible}}},
		{area, 2100, 5000, nil},
		{hole, 100, 400, nil},
		{hole, 100, 600, []Near{{SignedDM: 0, BearingDeg: 0, Certainty: Possible}}},
		{hole, 700, 5000, []Near{{SignedDM: -2000, BearingDeg: 0, Certainty: Possible}}},
	} {
		got := NewIndex([]Zone{test.zone}).NearSector(Sector{place0, 0, 0.001, int64(test.from * 10), int64(test.to * 10)}, nil)
		if diff := gocmp.Diff(test.want, got); diff != "" {
			t.Errorf("from %v to %v m, %d rings (-want +got):\n%s", test.from, test.to, len(test.zone.Polygons[0]), diff)
		}
	}
}

// The closed form against the obvious: the distance at some thousand points of the sector.
func TestRaysAreJudgedAsPointByPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(70).Draw(t, "c")
		zone := anyZone(t, 0, c)
		x := NewIndex([]Zone{zone})
		at := placeOf(t, &zone)
		s := Sector{
			From: anyOffset(t, at, 1200), BearingDeg: rapid.Float64Range(-360, 720).Draw(t, "bearing"),
			HalfWidthDeg: rapid.OneOf(rapid.Float64Range(0, 10), rapid.Float64Range(0, 180), rapid.SampledFrom([]float64{0, 90, 180})).Draw(t, "width"),
			MinDM:        rapid.Int64Range(0, 12_000).Draw(t, "min"),
		}
		s.MaxDM = s.MinDM + rapid.Int64Range(0, 15_000).Draw(t, "length")
		got := x.NearSector(s, nil)
		least := math.Inf(1)
		const rings, angles = 60, 80
		for r := range rings + 1 {
			for a := range angles + 1 {
				p := s.at(float64(s.MinDM)+float64(s.MaxDM-s.MinDM)*float64(r)/rings, float64(2*a)/angles-1)
				least = min(least, float64(signedFrom(x, 0, p)))
			}
		}
		reach := float64(zone.AlertDistanceDM)
		sampling := (math.Hypot(float64(s.MaxDM-s.MinDM)/rings, float64(s.MaxDM)*s.HalfWidthDeg/angles*math.Pi/90))/2 + 3
		switch {
		case len(got) == 0 && least < reach-3:
			t.Fatalf("far, and a point of it is %v from %s, D %v: %+v", least, zone.Kind, reach, s)
		case len(got) == 0:
			return
		case got[0].Certainty != Possible || float64(got[0].SignedDM) > reach:
			t.Fatalf("%+v", got)
		case least-sampling > reach:
			t.Fatalf("near, and no point of it is nearer than %v to %s, D %v: %+v", least, zone.Kind, reach, s)
		case float64(max(got[0].SignedDM, 0)) > max(least, 0)+3, float64(max(got[0].SignedDM, 0)) < max(least-sampling, 0):
			t.Fatalf("distance %d, point by point %v (to %v) from %s: %+v", got[0].SignedDM, least, sampling, zone.Kind, s)
		}
	})
}

// The way from a wedge to a segment against the obvious, in the plane: no sample of either is nearer, and it is as long
// as it is told to be.
func TestTheNearestPointOfASectorIsInItAndNoOtherIsNearer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.OneOf(rapid.SampledFrom([]float64{0, 30, 60, 90}), rapid.Float64Range(0, 90)).Draw(t, "width")
		least := rapid.SampledFrom([]float64{0, 50, 90}).Draw(t, "min")
		w := wedge{cosB: 1, min: least, max: 100}
		if turn := rapid.SampledFrom([]float64{0, 0, 1}).Draw(t, "turn"); turn != 0 {
			w.sinB, w.cosB = math.Sincos(turn)
		}
		w.sin, w.cos = math.Sincos(width * math.Pi / 180)
		place := rapid.OneOf(rapid.Float64Range(-200, 200), rapid.SampledFrom([]float64{-120, -60, 0, 60, 120}))
		ae, an, be, bn := place.Draw(t, "ae"), place.Draw(t, "an"), place.Draw(t, "be"), place.Draw(t, "bn")
		c := closest{d2: math.Inf(1)}
		w.toSegment(ae, an, be, bn, &c)

		x, y := c.e*w.sinB+c.n*w.cosB, c.e*w.cosB-c.n*w.sinB
		if r := math.Hypot(x, y); r < w.min-1e-6 || r > w.max+1e-6 || r > 1e-6 && math.Abs(math.Atan2(y, x)) > width*math.Pi/180+1e-6 {
			t.Fatalf("%v, %v is not in the wedge", x, y)
		}
		seg := newRim(ae, an, be, bn)
		if d2 := seg.distance2(c.e, c.n); math.Abs(math.Sqrt(d2)-math.Sqrt(c.d2)) > 1e-5 {
			t.Fatalf("told %v, it is %v", math.Sqrt(c.d2), math.Sqrt(d2))
		}
		for i := range 41 {
			for j := range 41 {
				sin, cos := math.Sincos(width * math.Pi / 180 * (float64(j)/20 - 1))
				r := w.min + (w.max-w.min)*float64(i)/40
				qx, qy := r*cos, r*sin
				if d2 := seg.distance2(qx*w.sinB+qy*w.cosB, qx*w.cosB-qy*w.sinB); math.Sqrt(d2) < math.Sqrt(c.d2)-1e-6 {
					t.Fatalf("%v, %v is %v away, %v is told", qx, qy, math.Sqrt(d2), math.Sqrt(c.d2))
				}
			}
		}
	})
}

// |         ray along a bank, and away from one behind the drone
// | ^
// | |
//
//	o
func TestARayAlongABankDoesNotMeetIt(t *testing.T) {
	bank := Zone{ID: "b", Kind: Bank, WidthDM: 200, Line: []Point{offsetM(place0, -25, -900), offsetM(place0, -25, 900)}}
	behind := Zone{ID: "c", Kind: Bank, WidthDM: 200, Line: []Point{offsetM(place0, -25, -300), offsetM(place0, 25, -300)}}
	if got := NewIndex([]Zone{bank, behind}).NearSector(Sector{place0, 0, 0, 0, 15_000}, nil); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	for i := range bank.Line {
		bank.Line[i] = offsetM(bank.Line[i], 10, 0)
	}
	if got := NewIndex([]Zone{bank, behind}).NearSector(Sector{place0, 0, 0, 0, 15_000}, nil); len(got) != 1 || got[0].SignedDM != -50 || got[0].Side != RightOf {
		t.Errorf("%+v", got)
	}
}

func TestARayThatIsNoneIsNearToNothing(t *testing.T) {
	x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 150}})
	for _, s := range []Sector{
		{Point{math.MaxInt32, 0}, 0, 1, 0, 1000},
		{place0, math.NaN(), 1, 0, 1000},
		{place0, math.Inf(1), 1, 0, 1000},
		{place0, 0, math.NaN(), 0, 1000},
		{place0, 0, -1, 0, 1000},
		{place0, 0, 1, 1001, 1000},
		{place0, 0, 1, -10, -5},
		{Point{90 * e7, 0}, 0, 1, 0, 1000},
	} {
		if got := x.NearSector(s, nil); len(got) > 0 {
			t.Errorf("%+v: %+v", s, got)
		}
	}
	for _, s := range []Sector{{place0, 0, 400, -5, math.MaxInt64}, {place0, 0, 0, 0, 0}} {
		if got := x.NearSector(s, nil); len(got) != 1 {
			t.Errorf("%+v: %+v", s, got)
		}
	}
}
