package geofence

import (
	"fmt"
	"math"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// around is the point of an ellipse at an angle from its greater axis, scaled: 1 is its edge.
func (e *Ellipse) around(angle, scale float64) Point {
	f := newFrame(e.Center)
	sin, cos := math.Sincos(angle)
	u, v := scale*cos*float64(e.MajorDM), scale*sin*float64(e.MinorDM)
	sb, cb := math.Sincos(float64(e.BearingDeg) * math.Pi / 180)
	return moved(&f, u*sb+v*cb, u*cb-v*sb)
}

// signedFrom is the signed distance of p to zone z: what the region tests compare with, point by point.
func signedFrom(x *Index, z int32, p Point) int64 {
	f := newFrame(p)
	return x.judge(z, &f, math.MaxInt32).SignedDM
}

//	N
//
// gate  |  ellipse 60 m x 20 m, its greater axis along or across the way to the gate's edge
//
//	(o)--|--<=>      s: from the edge of gate and alert distance to the ellipse's centre
func TestAnEllipseAtAGateHasTheCertaintyOfItsEdge(t *testing.T) {
	const along, across = 60, 20
	for _, reach := range []int32{0, 200} {
		x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 3000, AlertDistanceDM: reach}})
		for _, test := range []struct {
			turn int     // from the way to the gate, degrees
			s    float64 // metres
			want Certainty
		}{
			{0, 61, Far}, {0, 60, Possible}, {0, 59, Possible}, {0, 1, Possible}, {0, 0, Likely}, {0, -1, Likely}, {0, -59, Likely}, {0, -60, Certain}, {0, -61, Certain},
			{90, 21, Far}, {90, 20, Possible}, {90, 19, Possible}, {90, 1, Possible}, {90, 0, Likely}, {90, -1, Likely}, {90, -19, Likely}, {90, -21, Certain},
		} {
			for deg := 0; deg < 360; deg += 30 {
				sin, cos := math.Sincos(float64(deg) * math.Pi / 180)
				d := 300 + float64(reach)/10 + test.s
				got := x.NearEllipse(Ellipse{offsetM(place0, d*sin, d*cos), along * 10, across * 10, int16((deg + test.turn) % 180)}, nil)
				var want []Near
				if test.want != Far {
					want = []Near{{SignedDM: int64(math.Round(test.s*10)) + int64(reach), BearingDeg: int16(deg), Certainty: test.want}}
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("turned by %d, s %v m, D %d dm, %d degrees (-want +got):\n%s", test.turn, test.s, reach, deg, diff)
				}
			}
		}
	}
}

// Whatever its size, a metre decides.
func TestAMetreDecidesWhetherALargeEllipseReachesABank(t *testing.T) {
	x := NewIndex([]Zone{{ID: "b", Kind: Bank, WidthDM: 200, AlertDistanceDM: 100, Line: []Point{offsetM(place0, 0, -900), offsetM(place0, 0, 900)}}})
	for turn := range int16(180) {
		sin, cos := math.Sincos(float64(turn) * math.Pi / 180)
		half := math.Hypot(150*sin, 40*cos) // how far the ellipse reaches to the west
		for _, test := range []struct {
			s    float64
			want Certainty
		}{{half + 1, Far}, {half, Possible}, {half - 1, Possible}, {1, Possible}, {0, Likely}, {-1, Likely}} {
			got := x.NearEllipse(Ellipse{offsetM(place0, 30+test.s, 0), 1500, 400, turn}, nil)
			if len(got) != 1 && test.want != Far || len(got) == 1 && got[0].Certainty != test.want {
				t.Errorf("on %d, %.1f m outside: %+v, want %s", turn, test.s, got, test.want)
			}
		}
	}
}

// A circle that is told as an ellipse is judged as a circle.
func TestAnEllipseOfEqualAxesIsACircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		x := NewIndex(anyZones(t, c))
		p, r := anyOffset(t, c, 6000), rapid.Int64Range(0, 20_000).Draw(t, "r")
		got := x.NearEllipse(Ellipse{p, r, r, rapid.Int16Range(0, 179).Draw(t, "bearing")}, nil)
		if diff := gocmp.Diff(x.Near(p, r, nil), got); diff != "" {
			t.Fatalf("(-circle +ellipse):\n%s", diff)
		}
	})
}

// placeOf is a place on the zone's line or rim, or its middle: near it, things are close.
func placeOf(t *rapid.T, zone *Zone) Point {
	corners := zone.Line
	if len(zone.Polygons) > 0 {
		corners = zone.Polygons[0][0]
	}
	if len(corners) == 0 {
		return zone.Center
	}
	return corners[rapid.IntRange(0, len(corners)-1).Draw(t, "vertex")]
}

// The search against the obvious: the signed distance at some thousand points of the ellipse.
func TestEllipsesAreJudgedAsPointByPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(70).Draw(t, "c")
		zone := anyZone(t, 0, c)
		x := NewIndex([]Zone{zone})
		at := placeOf(t, &zone)
		e := Ellipse{anyOffset(t, at, 800), rapid.Int64Range(10, 8000).Draw(t, "major"), 0, rapid.Int16Range(0, 179).Draw(t, "bearing")}
		e.MinorDM = rapid.Int64Range(0, e.MajorDM).Draw(t, "minor")
		got := x.NearEllipse(e, nil)
		certainty := Far
		if len(got) > 0 {
			certainty = got[0].Certainty
		}
		if e.MinorDM == e.MajorDM {
			return // a circle, judged by the circle's rule
		}
		reach := float64(zone.AlertDistanceDM)
		least, most := math.Inf(1), math.Inf(-1)
		const rings, angles = 24, 120
		for r := range rings + 1 {
			for a := range angles {
				s := float64(signedFrom(x, 0, e.around(2*math.Pi*float64(a)/angles, float64(r)/rings)))
				least, most = min(least, s), max(most, s)
			}
		}
		middle := signedFrom(x, 0, e.Center)
		tolerance := max(1, 0.005*float64(e.MajorDM)) + 2
		sampling := math.Hypot(2*math.Pi/angles, 1.0/rings)/2*float64(e.MajorDM) + 2
		told := fmt.Sprintf("%s: s %d, from %v to %v, D %v, ellipse %+v of %s", certainty, middle, least, most, reach, e, zone.Kind)
		switch likely := middle <= int64(reach); {
		case likely != (certainty == Likely || certainty == Certain):
			t.Fatal("the centre decides what is likely: ", told)
		case certainty == Certain && most > reach+2:
			t.Fatal("certain, and a part is outside: ", told)
		case certainty == Likely && most+sampling <= reach-tolerance:
			t.Fatal("all of it is inside: ", told)
		case certainty == Far && least < reach-2:
			t.Fatal("far, and a part is near: ", told)
		case certainty == Possible && least-sampling > reach+tolerance:
			t.Fatal("nothing of it is near: ", told)
		}
	})
}

// +------------------+   an area with a lake: the ellipse lies around the lake, all its rim is in the area
// |     ( lake )     |
// +------------------+
func TestAHoleInTheMiddleIsNotInside(t *testing.T) {
	ring, lake := squareRing(place0, 1000), squareRing(place0, 20)
	e := Ellipse{place0, 4000, 2000, 30}
	for _, test := range []struct {
		zone Zone
		want Certainty
	}{
		{Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{ring}}}, Certain},
		{Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{ring, lake}}, AlertDistanceDM: 300}, Certain},
		{Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{ring, lake}}, AlertDistanceDM: 150}, Likely}, // its middle is 20 m from the shore
		{Zone{ID: "a", Kind: Area, Polygons: [][][]Point{{ring, lake}}}, Possible},
	} {
		if test.want == Likely {
			e.Center = offsetM(place0, 100, 0)
		}
		got := NewIndex([]Zone{test.zone}).NearEllipse(e, nil)
		e.Center = place0
		if len(got) != 1 || got[0].Certainty != test.want {
			t.Errorf("%d rings, D %d: %v, want %s", len(test.zone.Polygons[0]), test.zone.AlertDistanceDM, got, test.want)
		}
	}
}

func TestAnEllipseThatIsNoneIsNearToNothing(t *testing.T) {
	x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 150}})
	if got := x.NearEllipse(Ellipse{Point{math.MaxInt32, 0}, 100, 10, 0}, nil); len(got) > 0 {
		t.Error(got)
	}
	for _, e := range []Ellipse{{place0, math.MaxInt64 / 2, 0, 0}, {place0, 0, 0, 0}, {place0, -5, -5, 0}, {place0, 300, -5, 32767}} {
		if got := x.NearEllipse(e, nil); len(got) != 1 {
			t.Errorf("%v: %v", e, got)
		}
	}
}
