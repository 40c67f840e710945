package geofence

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// sightAt looks so many degrees below the horizon, on a bearing.
func sightAt(from Point, depression, bearing float64) Sight {
	sinD, cosD := math.Sincos(depression * math.Pi / 180)
	sinB, cosB := math.Sincos(bearing * math.Pi / 180)
	return Sight{From: from, North: cosD * cosB, East: cosD * sinB, Down: sinD}
}

// Distance and direction to the point are those of the geodesic.
func TestFlatGroundIsMetWhereGeometrySays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := anyPoint(80).Draw(t, "from")
		depression, bearing := rapid.Float64Range(2, 90).Draw(t, "depression"), rapid.Float64Range(0, 360).Draw(t, "bearing")
		height := rapid.Float64Range(1, 300).Draw(t, "height")
		s := sightAt(from, depression, bearing)
		p, rangeM, ok := s.Flat(height)
		want := height / math.Tan(depression*math.Pi/180)
		if !ok || math.Abs(rangeM-want) > 1e-6*(1+want) {
			t.Fatalf("%v m away, want %v", rangeM, want)
		}
		if got := geodesicDM(from, p) / 10; math.Abs(got-want) > 0.02+want*1e-6 {
			t.Fatalf("the point is %v m away, want %v", got, want)
		}
		f := newFrame(from)
		x, y := f.vector(f.offset(p))
		across := (x*math.Cos(bearing*math.Pi/180) - y*math.Sin(bearing*math.Pi/180)) / 10
		if math.Abs(across) > 0.02 {
			t.Fatalf("%v m beside the line of sight", across)
		}
	})
}

func TestASightThatMeetsNoGroundHasNoPoint(t *testing.T) {
	for _, test := range []struct {
		s      Sight
		height float64
	}{
		{sightAt(place0, 30, 0), 0}, {sightAt(place0, 30, 0), -5}, {sightAt(place0, 30, 0), math.NaN()},
		{sightAt(place0, 0, 0), 100}, {sightAt(place0, -10, 0), 100}, {Sight{place0, math.NaN(), 0, 1}, 100},
		{sightAt(place0, 1e-9, 0), 100}, {sightAt(Point{89.9999 * e7, 0}, 5, 0), 100},
	} {
		if p, _, ok := test.s.Flat(test.height); ok {
			t.Errorf("%+v from %v m: %v", test.s, test.height, p)
		}
	}
	s := sightAt(Point{0, 179.9999 * e7}, 45, 90)
	if p, _, ok := s.Flat(100); !ok || p.LonE7 > -179.99*e7 {
		t.Errorf("beyond the antimeridian: %v %v", p, ok)
	}
}

// The axes lie along and across the sight; bearings are those of a line, 0 to 179.
func TestTheGreaterAxisLiesWhereTheErrorIs(t *testing.T) {
	for _, test := range []struct {
		bearing       float64
		along, across float64
		want          Ellipse
	}{
		{30, 20, 10, Ellipse{MajorDM: 429, MinorDM: 215, BearingDeg: 30}},
		{30, 10, 20, Ellipse{MajorDM: 429, MinorDM: 215, BearingDeg: 120}},
		{210, 20, 10, Ellipse{MajorDM: 429, MinorDM: 215, BearingDeg: 30}},
		{359.7, 20, 10, Ellipse{MajorDM: 429, MinorDM: 215}},
		{95, 10, 20, Ellipse{MajorDM: 429, MinorDM: 215, BearingDeg: 5}},
		{179.6, 20, 10, Ellipse{MajorDM: 429, MinorDM: 215}},
		{90, math.Inf(1), 10, Ellipse{MajorDM: 1e12, MinorDM: 215, BearingDeg: 90}},
	} {
		s := sightAt(place0, 30, test.bearing)
		p, _, _ := s.Flat(100)
		test.want.Center = p
		if got := s.EllipseOf(p, test.along, test.across); got != test.want {
			t.Errorf("bearing %v, %v along and %v across: %+v, want %+v", test.bearing, test.along, test.across, got, test.want)
		}
		if got := s.EllipseOf(place0, test.along, test.across); got.BearingDeg != test.want.BearingDeg {
			t.Errorf("below the camera, bearing %v: %+v", test.bearing, got)
		}
	}
}

// camera at 500 m, looks east, 30 degrees down
// zones by their distance east, with their surfaces
func TestTheWaterIsThatOfTheZoneThatIsMet(t *testing.T) {
	const amsl = 500.0
	zone := func(id string, kind Kind, east, north, surface float64) Zone {
		mm := int64(surface * 1000)
		z := Zone{ID: id, Kind: kind, SurfaceAMSLMM: &mm}
		switch c := offsetM(place0, east, north); kind {
		case Gate:
			z.Center, z.RadiusDM = c, 300
		case Bank:
			z.WidthDM, z.Line = 300, []Point{offsetM(c, 0, -500), offsetM(c, 0, 500)}
		case Area:
			z.Polygons = [][][]Point{{squareRing(c, 100)}}
		}
		return z
	}
	dry := Zone{ID: "dry", Kind: Gate, Center: offsetM(place0, 173, 0), RadiusDM: 300}
	for _, test := range []struct {
		name  string
		zones []Zone
		maxM  float64
		want  float64 // height above the water; NaN: none
	}{
		{"the zone that it meets", []Zone{zone("a", Gate, 173, 0, 400)}, 1500, 100},
		{"rather than one that it misses", []Zone{zone("a", Gate, 900, 0, 380), zone("b", Gate, 173, 0, 400)}, 1500, 100},
		{"the nearest of two that it misses", []Zone{zone("a", Gate, 900, 0, 380), zone("b", Gate, 400, 0, 400)}, 1500, 100},
		{"each measured where its own water is met", []Zone{zone("a", Gate, 173, 0, 350), zone("b", Gate, 173, 0, 400)}, 1500, 100},
		{"a gate before a bank before an area", []Zone{zone("c", Area, 173, 0, 399), zone("b", Bank, 173, 0, 398), zone("a", Gate, 173, 0, 400)}, 1500, 100},
		{"a bank before an area", []Zone{zone("c", Area, 173, 0, 399), zone("b", Bank, 173, 0, 400)}, 1500, 100},
		{"of like ones the higher water, met first", []Zone{zone("b", Gate, 173, 0, 399), zone("a", Gate, 173, 0, 400)}, 1500, 100},
		{"of equal ones it does not matter", []Zone{zone("b", Gate, 173, 0, 400), zone("a", Gate, 173, 0, 400)}, 1500, 100},
		{"not a zone too far from what is met", []Zone{zone("a", Gate, 173, 1600, 400)}, 1500, math.NaN()},
		{"nor water met too far away", []Zone{zone("a", Gate, 173, 0, 400)}, 170, math.NaN()},
		{"nor a zone that says nothing", []Zone{dry}, 1500, math.NaN()},
		{"no zones", nil, 1500, math.NaN()},
		{"the camera is below the water", []Zone{zone("a", Gate, 173, 0, 510)}, 1500, -10},
		{"of one zone, not of the other", []Zone{zone("a", Gate, 20, 0, 510), zone("b", Gate, 900, 0, 400)}, 1500, 100},
		{"of a zone elsewhere", []Zone{zone("a", Gate, 1600, 0, 510)}, 1500, math.NaN()},
	} {
		s := sightAt(place0, 30, 90)
		got, ok := NewIndex(test.zones).Surface(&s, amsl, test.maxM)
		if ok == math.IsNaN(test.want) || ok && math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v %v, want %v", test.name, got, ok, test.want)
		}
	}
	level := sightAt(place0, 0, 90)
	if h, ok := NewIndex([]Zone{zone("a", Gate, 173, 0, 400)}).Surface(&level, amsl, 1500); ok {
		t.Errorf("the horizon meets water %v m below", h)
	}
}

func TestTheLimitsOfASightAreChecked(t *testing.T) {
	var c SightConfig
	c.SetDefaults()
	if got, want := c.Limits(), (SightLimits{6000, 15_000, 1500}); got != want || (SightLimits{}).WithDefaults() != want || (SightConfig{}).Limits() != want {
		t.Errorf("defaults %+v", got)
	}
	if got := (SightConfig{7.5, 1200.3, 99}).Limits(); got != (SightLimits{7500, 12_003, 990}) {
		t.Errorf("%+v", got)
	}
	for _, test := range []struct {
		c    SightConfig
		want string
	}{
		{SightConfig{6, 1500, 150}, ""},
		{SightConfig{}, ""},
		{SightConfig{0.5, 1500, 150}, "[min_depression_deg]"},
		{SightConfig{-6, 49, 9}, "[min_depression_deg max_range_m max_ce90_m]"},
		{SightConfig{61, 20_000, 1e9}, "[min_depression_deg max_range_m max_ce90_m]"},
		{SightConfig{math.NaN(), math.Inf(1), math.NaN()}, "[min_depression_deg max_range_m max_ce90_m]"},
	} {
		paths := []string{}
		test.c.Check(func(path, what, remedy string) {
			if what == "" || remedy == "" {
				t.Errorf("%s: %q, %q", path, what, remedy)
			}
			paths = append(paths, path)
		})
		if got := fmt.Sprint(paths); got != test.want && (test.want != "" || len(paths) > 0) {
			t.Errorf("%+v: %s, want %s", test.c, got, test.want)
		}
	}
	for dir, bad := range map[string]bool{"": false, "srtm": false, "/data/N37E111.hgt": true, "tiles.ZIP": true} {
		n := 0
		TerrainConfig{dir}.Check(func(path, _, _ string) {
			n++
			if path != "dir" {
				t.Error(path)
			}
		})
		if (n > 0) != bad {
			t.Errorf("%q: %d mistakes", dir, n)
		}
	}
}
