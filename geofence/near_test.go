package geofence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
	"pgregory.net/rapid"
)

var place0 = Point{372500000, 1119500000}

func squareRing(c Point, halfM float64) []Point {
	return []Point{offsetM(c, -halfM, -halfM), offsetM(c, halfM, -halfM), offsetM(c, halfM, halfM), offsetM(c, -halfM, halfM), offsetM(c, -halfM, -halfM)}
}

// certain if all of the circle of radius r has s <= D, likely if its centre has, possible if any of it has
func TestASightingAtAGateHasTheCertaintyOfItsDistance(t *testing.T) {
	for _, reach := range []int32{0, 200} {
		x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 150, AlertDistanceDM: reach}})
		for _, test := range []struct {
			s    float64 // metres outside the edge of gate and alert distance
			r    int64   // metres
			want Certainty
		}{
			{0, 0, Certain}, {-1, 0, Certain}, {1, 0, Far},
			{0, 5, Likely}, {-1, 5, Likely}, {1, 5, Possible}, {-5, 5, Certain}, {5, 5, Possible}, {5.1, 5, Far}, {-4.9, 5, Likely},
			{0, 30, Likely}, {-1, 30, Likely}, {1, 30, Possible}, {30, 30, Possible}, {30.1, 30, Far},
		} {
			for deg := 0; deg < 360; deg += 30 {
				sin, cos := math.Sincos(float64(deg) * math.Pi / 180)
				d := 15 + float64(reach)/10 + test.s
				got := x.Near(offsetM(place0, d*sin, d*cos), test.r*10, nil)
				var want []Near
				if test.want != Far {
					want = []Near{{SignedDM: int64(math.Round(test.s*10)) + int64(reach), BearingDeg: int16(deg), Certainty: test.want}}
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("s %v m, r %d m, D %d dm, %d degrees (-want +got):\n%s", test.s, test.r, reach, deg, diff)
				}
			}
		}
	}
}

//	west bank of a river that runs north, 20 m wide on each side, alert distance 10 m
//
// left |<-20->|  line  |<-20->| right
func TestABankHasSides(t *testing.T) {
	x := NewIndex([]Zone{{ID: "b", Kind: Bank, Line: []Point{offsetM(place0, 0, -500), place0, offsetM(place0, 0, 500)}, WidthDM: 200, AlertDistanceDM: 100}})
	for _, test := range []struct {
		east, north float64
		want        []Near
	}{
		{-25, 100, []Near{{SignedDM: 50, BearingDeg: 270, Side: LeftOf, Certainty: Certain}}},
		{-5, 100, []Near{{SignedDM: -150, BearingDeg: 270, Side: LeftOf, Certainty: Certain}}},
		{0, 100, []Near{{SignedDM: -200, BearingDeg: 0, Side: OnLine, Certainty: Certain}}},
		{20, 0, []Near{{SignedDM: 0, BearingDeg: 90, Side: RightOf, Certainty: Certain}}},
		{30, 0, []Near{{SignedDM: 100, BearingDeg: 90, Side: RightOf, Certainty: Certain}}},
		{30.1, 0, nil},
		{0, 525, []Near{{SignedDM: 50, BearingDeg: 0, Side: OnLine, Certainty: Certain}}},
		{3, 520, []Near{{SignedDM: 2, BearingDeg: 9, Side: RightOf, Certainty: Certain}}},
	} {
		got := x.Near(offsetM(place0, test.east, test.north), 0, nil)
		for i := range got { // straight on from the end a centimetre makes the side
			if test.east == 0 && test.north > 500 {
				got[i].Side = OnLine
			}
		}
		if diff := gocmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v m east, %v m north (-want +got):\n%s", test.east, test.north, diff)
		}
	}
}

// a sharp turn to the left:  B <---- V
//
//	----> V      right of the whole line is everything beyond V
func TestBeyondASharpTurnThePointIsOnItsOuterSide(t *testing.T) {
	for _, mirrored := range []float64{1, -1} {
		x := NewIndex([]Zone{{ID: "b", Kind: Bank, WidthDM: 1000, Line: []Point{offsetM(place0, -200, 0), place0, offsetM(place0, -200, mirrored*40)}}})
		want := RightOf
		if mirrored < 0 {
			want = LeftOf
		}
		for deg := -80; deg <= 80; deg += 10 {
			sin, cos := math.Sincos(float64(deg) * math.Pi / 180)
			got := x.Near(offsetM(place0, 50*cos, 50*sin), 0, nil)
			if len(got) != 1 || got[0].Side != want {
				t.Errorf("%d degrees beyond the turn: %v, want %s", deg, got, want)
			}
		}
	}
}

func TestInsideAPolygonTheBearingIsFromItsMiddle(t *testing.T) {
	x := NewIndex([]Zone{{ID: "a", Kind: Area, Polygons: [][][]Point{{squareRing(place0, 100)}}, AlertDistanceDM: 500}})
	for _, test := range []struct {
		east, north float64
		want        Near
	}{
		{50, 0, Near{SignedDM: -500, BearingDeg: 90, Certainty: Certain}},
		{0, 0, Near{SignedDM: -1000, BearingDeg: 0, Certainty: Certain}},
		{100, 100, Near{SignedDM: 0, BearingDeg: 45, Certainty: Certain}},
		{-100, 99, Near{SignedDM: 0, BearingDeg: 315, Certainty: Certain}},
		{130, -99, Near{SignedDM: 300, BearingDeg: 90, Certainty: Certain}},
		{130, -140, Near{SignedDM: 500, BearingDeg: 143, Certainty: Certain}},
	} {
		got := x.Near(offsetM(place0, test.east, test.north), 0, nil)
		if diff := gocmp.Diff([]Near{test.want}, got); diff != "" {
			t.Errorf("%v m east, %v m north (-want +got):\n%s", test.east, test.north, diff)
		}
	}
}

func TestTheBestZoneComesFirst(t *testing.T) {
	circle := func(id string, kind Kind, east float64) Zone {
		if kind == Area {
			return Zone{ID: id, Kind: kind, Polygons: [][][]Point{{squareRing(offsetM(place0, east, 0), 20)}}}
		}
		if kind == Bank {
			return Zone{ID: id, Kind: kind, WidthDM: 100, Line: []Point{offsetM(place0, east, -99), offsetM(place0, east, 99)}}
		}
		return Zone{ID: id, Kind: kind, Center: offsetM(place0, east, 0), RadiusDM: 200}
	}
	zones := []Zone{
		circle("area", Area, 0), circle("bank", Bank, 0), circle("g-possible", Gate, 25), circle("g-likely", Gate, 15),
		circle("g-inside-b", Gate, 2), circle("g-inside-a", Gate, 5), circle("g-far", Gate, 500),
	}
	got := NewIndex(zones).Near(place0, 100, []Near{{Zone: 99}})
	ids := []string{}
	for _, n := range got[1:] {
		ids = append(ids, zones[n.Zone].ID)
	}
	if want := "g-inside-a g-inside-b g-likely g-possible bank area"; strings.Join(ids, " ") != want {
		t.Errorf("order %v, want %s", ids, want)
	}
	if got[0].Zone != 99 {
		t.Error("what was in out is gone")
	}
}

// anyRing is a ring around c that does not cross itself: corners at growing angles.
func anyRing(t *rapid.T, c Point, least, most float64) []Point {
	n := rapid.IntRange(3, 40).Draw(t, "corners")
	f := newFrame(c)
	ring := make([]Point, 0, n+1)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		r := rapid.Float64Range(least, most).Draw(t, "r") * 10
		ring = append(ring, moved(&f, r*cos, r*sin))
	}
	ring = append(ring, ring[0])
	if rapid.Bool().Draw(t, "clockwise") {
		slices.Reverse(ring)
	}
	return ring
}

// The index against the obvious: orb's point in polygon, and the least geodesic-checked distance over all segments.
func TestPolygonsAreMeasuredAsByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		polygon := [][]Point{anyRing(t, c, 300, 2000)}
		if rapid.Bool().Draw(t, "hole") {
			polygon = append(polygon, anyRing(t, c, 10, 200))
		}
		x := NewIndex([]Zone{{ID: "a", Kind: Area, Polygons: [][][]Point{polygon}}})
		p := anyOffset(t, c, 3000)
		if rapid.IntRange(0, 5).Draw(t, "corner") == 0 { // the rays through corners are the hard ones
			p.LatE7 = polygon[0][0].LatE7
		}
		f := newFrame(p)
		want := math.Inf(1)
		for _, ring := range polygon {
			for i := 1; i < len(ring); i++ {
				_, _, _, d2 := f.foot(ring[i-1], ring[i])
				want = min(want, d2)
			}
		}
		signed := dm(want)
		if orbContains(polygon, p) {
			signed = -signed
		}
		if got := x.signed(0, &f); got != signed {
			t.Fatalf("signed distance %d, want %d", got, signed)
		}
	})
}

func orbContains(rings [][]Point, p Point) bool {
	var g orb.Polygon
	for _, r := range rings {
		var o orb.Ring
		for _, q := range r {
			o = append(o, orb.Point{float64(q.LonE7), float64(q.LatE7)})
		}
		g = append(g, o)
	}
	return planar.PolygonContains(g, orb.Point{float64(p.LonE7), float64(p.LatE7)})
}

func anyZone(t *rapid.T, i int, c Point) Zone {
	c = anyOffset(t, c, 5000)
	z := Zone{ID: fmt.Sprint("z", i), AlertDistanceDM: rapid.Int32Range(0, 3000).Draw(t, "alert")}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		z.Kind, z.Center, z.RadiusDM = Gate, c, rapid.Int32Range(10, 5000).Draw(t, "radius")
	case 1:
		z.Kind, z.Polygons = Gate, [][][]Point{{anyRing(t, c, 5, 400)}}
	case 2:
		z.Kind, z.WidthDM = Bank, rapid.Int32Range(1, 500).Draw(t, "width")
		for range rapid.IntRange(2, 60).Draw(t, "points") {
			z.Line = append(z.Line, c)
			c = anyOffset(t, c, 300)
		}
	case 3:
		z.Kind, z.Polygons = Area, [][][]Point{{anyRing(t, c, 300, 3000), anyRing(t, c, 20, 200)}, {anyRing(t, offsetM(c, 7000, 0), 300, 2000)}}
	}
	if z.Kind == Gate && rapid.Bool().Draw(t, "watched") {
		z.MaxUnseenUS, z.SeenDM = 60e6, 1500
	}
	return z
}

func anyZones(t *rapid.T, c Point) []Zone {
	zones := make([]Zone, rapid.IntRange(0, 30).Draw(t, "zones"))
	for i := range zones {
		zones[i] = anyZone(t, i, c)
	}
	return zones
}

// The index finds what one finds who asks each zone by itself.
func TestNearFindsAllThatIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyPoint(80).Draw(t, "c")
		x := NewIndex(anyZones(t, c))
		p, r := anyOffset(t, c, 6000), rapid.Int64Range(0, 20_000).Draw(t, "r")
		f := newFrame(p)
		var want []Near
		for z := range x.zones {
			if n := x.judge(int32(z), &f, r); n.Certainty != Far {
				want = append(want, n)
			}
		}
		slices.SortFunc(want, x.better)
		if diff := gocmp.Diff(want, x.Near(p, r, nil)); diff != "" {
			t.Fatalf("near (-each by itself +index):\n%s", diff)
		}
	})
}

func TestThePyramidFindsEveryBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		boxes := make([]box, rapid.IntRange(1, 700).Draw(t, "n"))
		seed := rapid.Uint32().Draw(t, "seed")
		random := func() int32 { seed = seed*1664525 + 1013904223; return int32(seed >> 20) }
		for i := range boxes {
			boxes[i] = segmentBox(Point{random(), random()}, Point{random(), random()})
		}
		q := segmentBox(Point{random(), random()}, Point{random(), random()})
		f := newForest(nil, boxes)
		got := f.overlapping(q, nil)
		slices.SortFunc(got, cmp.Compare[int32])
		var want []int32
		for i, b := range boxes {
			if b.overlaps(q) {
				want = append(want, int32(i))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
	})
}

func TestAPlaceThatIsNoneIsNearToNothing(t *testing.T) {
	x := NewIndex([]Zone{{ID: "g", Kind: Gate, Center: place0, RadiusDM: 150}})
	if got := x.Near(Point{math.MaxInt32, math.MaxInt32}, math.MaxInt64/2, nil); len(got) > 0 {
		t.Error(got)
	}
	if got := x.Near(place0, math.MaxInt64/2, nil); len(got) != 1 || got[0].Certainty != Likely {
		t.Error(got)
	}
	if got := NewIndex(nil).Near(place0, 0, nil); len(got) > 0 {
		t.Error(got)
	}
}
