package geofence

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
)

// collection wraps features, one to a line, so that feature n stands in line n+1.
func collection(features ...string) []byte {
	return []byte("{\"type\":\"FeatureCollection\",\"features\":[\n" + strings.Join(features, ",\n") + "\n]}")
}

func feature(properties, geometry string) string {
	return `{"type":"Feature","properties":{` + properties + `},"geometry":` + geometry + `}`
}

const (
	aGate   = `{"type":"Feature","properties":{"id":"g1","kind":"gate","radius_m":15},"geometry":{"type":"Point","coordinates":[111.95,37.25]}}`
	aPoint  = `{"type":"Point","coordinates":[111.95,37.25]}`
	aLine   = `{"type":"LineString","coordinates":[[111.95,37.25],[111.96,37.26]]}`
	aSquare = `{"type":"Polygon","coordinates":[[[111.95,37.25],[111.96,37.25],[111.96,37.26],[111.95,37.26],[111.95,37.25]]]}`
)

func polygon(rings ...string) string {
	return `{"type":"Polygon","coordinates":[` + strings.Join(rings, ",") + `]}`
}

func TestEveryKindOfZoneIsRead(t *testing.T) {
	data := collection(
		feature(`"id":"g1","name":"ford","kind":"gate","radius_m":15.04,"alert_distance_m":20,"severity":"high","max_unseen":"1d12h","colour":"#f00"`, aPoint),
		feature(`"id":"g2","kind":"gate","max_unseen":"45m","seen_m":200`, aSquare),
		feature(`"id":"b","kind":"bank","width_m":5,"left_name":"Fenyang","right_name":"Pingyao","surface_amsl_m":741.5,"name":null`, aLine),
		feature(`"id":"a","kind":"area"`, `{"type":"MultiPolygon","coordinates":[[[[111,37,5],[111.01,37,5],[111.01,37.01,5],[111,37,5]]],
			[[[112,37],[112.1,37],[112.1,37.1],[112,37.1],[112,37]],[[112.02,37.02],[112.03,37.02],[112.03,37.03],[112.02,37.02]]]]}`),
	)
	zones, problems := Parse("z.geojson", data, WGS84)
	if len(problems) > 0 {
		t.Fatalf("problems in a sound file: %v", problems)
	}
	surface := int64(741_500)
	at := func(lon, lat float64) Point { return Point{int32(lat*e7 + 0.5), int32(lon*e7 + 0.5)} }
	square := []Point{at(111.95, 37.25), at(111.96, 37.25), at(111.96, 37.26), at(111.95, 37.26), at(111.95, 37.25)}
	want := []Zone{
		{ID: "g1", Name: "ford", Kind: Gate, Center: at(111.95, 37.25), RadiusDM: 150, AlertDistanceDM: 200, Severity: "high", MaxUnseenUS: 36 * 3600e6, SeenDM: 1500},
		{ID: "g2", Name: "g2", Kind: Gate, Polygons: [][][]Point{{square}}, MaxUnseenUS: 45 * 60e6, SeenDM: 2000},
		{ID: "b", Name: "b", Kind: Bank, Line: []Point{at(111.95, 37.25), at(111.96, 37.26)}, WidthDM: 50, LeftName: "Fenyang", RightName: "Pingyao", SurfaceAMSLMM: &surface},
		{ID: "a", Name: "a", Kind: Area, Polygons: [][][]Point{
			{{at(111, 37), at(111.01, 37), at(111.01, 37.01), at(111, 37)}},
			{{at(112, 37), at(112.1, 37), at(112.1, 37.1), at(112, 37.1), at(112, 37)}, {at(112.02, 37.02), at(112.03, 37.02), at(112.03, 37.03), at(112.02, 37.02)}},
		}},
	}
	if diff := cmp.Diff(want, zones); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}

	again, err := ToGeoJSON(zones)
	if err != nil {
		t.Fatal(err)
	}
	back, problems := Parse("again", again, WGS84)
	if diff := cmp.Diff(zones, back); diff != "" || len(problems) > 0 {
		t.Errorf("what ToGeoJSON writes reads differently: %v\n%s", problems, diff)
	}
}

func TestEachMistakeIsToldWithItsPlaceAndRemedy(t *testing.T) {
	gate := func(properties string) string { return feature(`"id":"x","kind":"gate",`+properties, aPoint) }
	area := func(geometry string) string { return feature(`"id":"x","kind":"area"`, geometry) }
	bank := func(coordinates string) string {
		return feature(`"id":"x","kind":"bank","width_m":3`, `{"type":"LineString","coordinates":`+coordinates+`}`)
	}
	const square = `[[111,37],[111.1,37],[111.1,37.1],[111,37.1],[111,37]]`
	tests := []struct {
		name string
		data []byte
		want string // line:column: feature: what, in part | remedy, in part
	}{
		{"cut file", []byte("{\"type\":\n\"Feature\""), `2:10: not JSON: the file ends in the middle | mend`},
		{"trailing comma", []byte(`{"type":"FeatureCollection","features":[],}`), `1:43: not JSON: a string was expected | mend`},
		{"NaN", collection(feature(`"id":"x","kind":"gate","radius_m":NaN`, aPoint)), `2:67: not JSON: NaN and Infinity | mend`},
		{"a second value", []byte(`{"type":"FeatureCollection","features":[` + aGate + `]} []`), `not JSON: something follows after the end | mend`},
		{"empty", []byte(" \n"), `1:1: the file is empty | draw`},
		{"xml", []byte("<?xml version=\"1.0\"?><kml/>"), `1:1: this is XML | export`},
		{"utf-16", []byte("\xff\xfe{\x00"), `1:1: this is UTF-16 | UTF-8`},
		{"a plan", []byte(`{"fileType":"Plan","geoFence":{}}`), `1:1: this is a QGroundControl plan | export`},
		{"a list", []byte(`[1,2]`), `1:1: not a FeatureCollection | FeatureCollection`},
		{"a topology", []byte(`{"type":"Topology","objects":{}}`), `1:1: not a FeatureCollection (type "Topology") | FeatureCollection`},
		{"no features", []byte(`{"type":"FeatureCollection"}`), `1:1: a FeatureCollection without features | features`},
		{"features no list", []byte(`{"type":"FeatureCollection","features":{}}`), `1:40: features is not a list | list`},
		{"no zones", []byte(`{"type":"FeatureCollection","features":[]}`), `1:40: no zones | draw`},
		{"crs", []byte(`{"type":"FeatureCollection","crs":{"properties":{"name":"EPSG:3857"}},"features":[` + aGate + `]}`), `1:35: a crs member is not part of GeoJSON (RFC 7946, 4), and | export`},
		{"crs of WGS-84", []byte(`{"type":"FeatureCollection","crs":{"properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"features":[` + aGate + `]}`), `warning 1:35: a crs member | leave it out`},
		{"a number for a feature", collection("7"), `2:1: feature #1 is not an object | Feature`},
		{"a bare geometry", collection(aPoint), `2:1: #1: not a Feature (type "Point") | Feature`},
		{"no id", collection(feature(`"kind":"gate","radius_m":3`, aPoint)), `2:32: #1: no id in the properties | unique`},
		{"id beside the properties", collection(`{"type":"Feature","id":7,"properties":{"kind":"gate","radius_m":3},"geometry":` + aPoint + `}`), `2:39: #1: no id in the properties (the feature's own id 7 | into the properties`},
		{"id a number", collection(feature(`"id":7,"kind":"gate","radius_m":3`, aPoint)), `2:38: #1: id is not a string: 7 | quotes`},
		{"empty id", collection(feature(`"id":"","kind":"gate","radius_m":3`, aPoint)), `2:38: #1: id is empty | unique`},
		{"long id", collection(feature(`"id":"`+strings.Repeat("水", 65)+`","kind":"gate","radius_m":3`, aPoint)), `longer than 64 | shorten`},
		{"blank around id", collection(feature(`"id":"g ","kind":"gate","radius_m":3`, aPoint)), `2:38: g : id "g " has blanks | letters`},
		{"duplicate id", collection(aGate, aGate), `3:1: g1: the id is already used at z.geojson:2:1 | own`},
		{"no kind", collection(feature(`"id":"x"`, aPoint)), `2:32: x: no kind | gate, bank, area`},
		{"unknown kind", collection(feature(`"id":"x","kind":"door"`, aPoint)), `2:49: x: unknown kind "door" | gate, bank, area`},
		{"no properties", collection(`{"type":"Feature","properties":null,"geometry":` + aPoint + `}`), `2:32: #1: no kind | gate` + "\n" + `2:32: #1: no id | unique`},
		{"no radius", collection(feature(`"id":"x","kind":"gate"`, aPoint)), `2:32: x: no radius_m | metres`},
		{"misspelt radius", collection(gate(`"raduis_m":3`)), `2:32: x: no radius_m | metres` + "\n" + `warning 2:56: x: unknown property "raduis_m" | radius_m`},
		{"radius 0", collection(gate(`"radius_m":0`)), `2:67: x: radius_m is too small: 0 | metres`},
		{"negative radius", collection(gate(`"radius_m":-3`)), `2:67: x: radius_m is negative: -3 | metres`},
		{"huge radius", collection(gate(`"radius_m":1e400`)), `2:67: x: radius_m is too large: +Inf | metres`},
		{"radius in quotes", collection(gate(`"radius_m":"15"`)), `2:67: x: radius_m is not a number: "15" | without quotes`},
		{"radius twice", collection(gate(`"radius_m":15,"radius_m":16`)), `2:70: x: radius_m is given twice | leave one`},
		{"radius of a polygon", collection(feature(`"id":"x","kind":"area","radius_m":3`, aSquare)), `warning 2:67: x: radius_m is ignored | leave`},
		{"no width", collection(feature(`"id":"x","kind":"bank"`, aLine)), `2:32: x: no width_m | metres`},
		{"width of a gate", collection(gate(`"radius_m":3,"width_m":3`)), `warning 2:79: x: width_m is ignored | leave`},
		{"names of sides of a gate", collection(gate(`"radius_m":3,"left_name":"a"`)), `warning 2:81: x: left_name and right_name are ignored | leave`},
		{"negative alert distance", collection(gate(`"radius_m":3,"alert_distance_m":-1`)), `2:88: x: alert_distance_m is negative | metres`},
		{"severity", collection(gate(`"radius_m":3,"severity":"urgent"`)), `2:80: x: unknown severity "urgent" | low`},
		{"surface", collection(gate(`"radius_m":3,"surface_amsl_m":74150`)), `2:86: x: surface_amsl_m is 74150 | sea level`},
		{"max_unseen", collection(gate(`"radius_m":3,"max_unseen":"two days"`)), `2:82: x: max_unseen: "two days" is not a duration | 12h`},
		{"max_unseen 0", collection(gate(`"radius_m":3,"max_unseen":"0s"`)), `2:82: x: max_unseen is "0s" | 12h`},
		{"max_unseen a number", collection(gate(`"radius_m":3,"max_unseen":5`)), `2:82: x: max_unseen is not a string: 5 | quotes`},
		{"max_unseen of an area", collection(feature(`"id":"x","kind":"area","max_unseen":"2d"`, aSquare)), `2:69: x: max_unseen belongs to a gate | gate`},
		{"seen_m alone", collection(gate(`"radius_m":3,"seen_m":5`)), `warning 2:78: x: seen_m is ignored | max_unseen`},
		{"no geometry", collection(feature(`"id":"x","kind":"area"`, "null")), `2:1: x: no geometry | Polygon`},
		{"no coordinates", collection(area(`{"type":"Polygon"}`)), `2:68: x: a geometry without coordinates | Polygon`},
		{"empty coordinates", collection(area(`{"type":"Polygon","coordinates":[]}`)), `2:100: x: empty coordinates | Polygon`},
		{"a gate that is a line", collection(feature(`"id":"x","kind":"gate","radius_m":3`, aLine)), `x: a gate cannot be a LineString | Polygon` + "\n" + `warning 2:67: x: radius_m is ignored | leave`},
		{"an area that is a point", collection(area(aPoint)), `2:68: x: an area cannot be a Point | Polygon`},
		{"a bank of several lines", collection(feature(`"id":"x","kind":"bank","width_m":3`, `{"type":"MultiLineString","coordinates":[[[1,1],[1.1,1]]]}`)), `x: a bank cannot be a MultiLineString | feature of its own`},
		{"nested too little", collection(area(`{"type":"Polygon","coordinates":[[111,37],[111.1,37]]}`)), `2:102: x: the coordinates are not nested | RFC 7946`},
		{"nested too deep", collection(bank(`[[[111,37],[111.1,37]]]`)), `x: the coordinates are not nested | RFC 7946`},
		{"one number", collection(bank(`[[111],[111.1,37]]`)), `x: a position is not a pair of numbers | longitude`},
		{"numbers in quotes", collection(bank(`[["111","37"],[111.1,37]]`)), `x: a position is not a pair of numbers | longitude`},
		{"swapped", collection(bank(`[[37,111],[37,111.1]]`)), `x: latitude 111 is beyond 90 degrees: longitude and latitude look swapped | longitude first`},
		{"latitude", collection(bank(`[[111,237],[111.1,37]]`)), `x: latitude 237 is out of range | second`},
		{"longitude", collection(bank(`[[1110,37],[111.1,37]]`)), `x: longitude 1110 is out of range | first`},
		{"longitude beyond 180", collection(bank(`[[180.1,37],[179.9,37]]`)), `x: longitude 180.1 is out of range | antimeridian`},
		{"antimeridian", collection(bank(`[[179.9,37],[-179.9,37]]`)), `crosses the antimeridian | cut the zone in two`},
		{"pole", collection(bank(`[[111,86],[111.1,86]]`)), `x: latitude 86 is too near to the pole | 85`},
		{"a long edge", collection(bank(`[[111,37],[11.1,37]]`)), `x: the edge from [111.0000000, 37.0000000] to [11.1000000, 37.0000000] is 8892 km long | mend`},
		{"a line of one point", collection(bank(`[[111,37]]`)), `x: the line has no length | two`},
		{"a line of equal points", collection(bank(`[[111,37],[111,37]]`)), `the line has no length | two` + "\n" + `warning 2:125: x: the point [111.0000000, 37.0000000] is given twice | delete`},
		{"a line with a loop", collection(bank(`[[111,37],[111.2,37],[111.1,37.1],[111.1,36.9]]`)), `2:136: x: the line meets itself: the edge [111.0000000, 37.0000000] to [111.2000000, 37.0000000] crosses the edge [111.1000000, 37.1000000] to [111.1000000, 36.9000000] | left and right`},
		{"not closed", collection(area(polygon(`[[111,37],[111.1,37],[111.1,37.1],[111,37.1]]`))), `2:135: x: the ring is not closed: it ends at [111.0000000, 37.1000000] | repeat the first position [111.0000000, 37.0000000]`},
		{"three positions", collection(area(polygon(`[[111,37],[111.1,37],[111,37]]`))), `x: a ring of 3 positions has no area | corners`},
		{"no corners", collection(area(polygon(`[[111,37],[111,37],[111.1,37],[111,37]]`))), `x: the ring has no area | corners` + "\n" + `warning 2:111: x: the point [111.0000000, 37.0000000] is given twice | delete`},
		{"bow tie", collection(area(polygon(`[[111,37],[111.1,37.1],[111.1,37],[111,37.1],[111,37]]`))), `the ring crosses itself: the edge [111.0000000, 37.0000000] to [111.1000000, 37.1000000] crosses the edge [111.1000000, 37.0000000] to [111.0000000, 37.1000000] | order`},
		{"spike", collection(area(polygon(`[[111,37],[111.1,37],[111.1,37.1],[111.1,37],[111,37.1],[111,37]]`))), `the ring touches itself: the edge | corner`},
		{"waist", collection(area(polygon(`[[111,37],[111.1,37],[111.05,37.05],[111.1,37.1],[111,37.1],[111.05,37.05],[111,37]]`))), `the ring touches itself: the edge | two polygons`},
		{"hole outside", collection(area(polygon(square, `[[112,37],[112.1,37],[112.1,37.1],[112,37]]`))), `the hole at [112.0000000, 37.0000000] lies outside its polygon | inside`},
		{"hole across", collection(area(polygon(square, `[[111.05,37.05],[111.2,37.05],[111.2,37.06],[111.05,37.05]]`))), `two rings cross: the edge [111.1000000, 37.0000000] to [111.1000000, 37.1000000] crosses the edge [111.0500000, 37.0500000] | hole inside` + "\n" + `two rings cross: the edge [111.1000000, 37.0000000] to [111.1000000, 37.1000000] crosses the edge [111.2000000, 37.0600000] | hole inside`},
		{"hole in a hole", collection(area(polygon(square, `[[111.02,37.02],[111.08,37.02],[111.08,37.08],[111.02,37.02]]`, `[[111.06,37.04],[111.07,37.04],[111.07,37.05],[111.06,37.04]]`))), `inside another hole | delete`},
		{"polygon in a polygon", collection(area(`{"type":"MultiPolygon","coordinates":[[` + square + `],[[[111.02,37.02],[111.08,37.02],[111.08,37.08],[111.02,37.02]]]]}`)), `the polygon at [111.0200000, 37.0200000] lies inside another one | delete`},
		{"a zone far away", collection(aGate, feature(`"id":"g2","kind":"gate","radius_m":3`, aPoint), feature(`"id":"x","kind":"gate","radius_m":3`, `{"type":"Point","coordinates":[117.95,37.25]}`)), `4:1: x: lies 532 km away from the other zones ("g1" at z.geojson:2:1 and 1 more) | digit`},
		{"a zone swapped", collection(`{"type":"Feature","properties":{"id":"g1","kind":"gate","radius_m":15},"geometry":{"type":"Point","coordinates":[75,37.25]}}`, feature(`"id":"x","kind":"gate","radius_m":3`, `{"type":"Point","coordinates":[37.25,75.01]}`)), `3:1: x: lies 4815 km away | longitude first`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, problems := Parse("z.geojson", test.data, WGS84)
			want := strings.Split(test.want, "\n")
			if len(problems) != len(want) {
				t.Fatalf("%d problems, want %d: %v", len(problems), len(want), problems)
			}
			for _, w := range want {
				what, remedy, _ := strings.Cut(w, " | ")
				warning := strings.HasPrefix(what, "warning ")
				what = strings.TrimPrefix(what, "warning ")
				if !strings.ContainsAny(what[:1], "0123456789") {
					what = " " + what
				} else {
					what = "z.geojson:" + what
				}
				found := false
				for _, p := range problems {
					found = found || strings.Contains(p.String(), what) && strings.Contains(p.Remedy, remedy) && p.Warning == warning
				}
				if !found {
					t.Errorf("no problem says %q with remedy %q (warning: %v): %v", what, remedy, warning, problems)
				}
			}
		})
	}
}

func TestAllMistakesOfAFileAreToldAtOnceInTheirOrder(t *testing.T) {
	data := collection(
		feature(`"id":"a","kind":"gate","radius_m":-1,"severity":"x"`, aPoint),
		feature(`"id":"b","kind":"bank"`, `{"type":"LineString","coordinates":[[37,111],[37,112]]}`),
		aGate,
		feature(`"id":"a","kind":"area"`, polygon(`[[111,37],[111.1,37.1],[111.1,37],[111,37.1],[111,37]]`)),
	)
	zones, problems := Parse("z.geojson", data, WGS84)
	var got []string
	for _, p := range problems {
		what, _, _ := strings.Cut(p.What, ":")
		got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Feature, what))
	}
	want := []string{
		"2 a radius_m is negative", "2 a unknown severity \"x\"", "3 b no width_m", "3 b latitude 111 is beyond 90 degrees",
		"5 a the ring crosses itself", "5 a the id is already used at z.geojson",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if len(zones) != 1 || zones[0].ID != "g1" {
		t.Errorf("sound zones: %v", zones)
	}
}

func TestFilesAreCheckedTogether(t *testing.T) {
	other := strings.Replace(aGate, "37.25", "37.26", 1)
	far := strings.NewReplacer("g1", "g2", "111.95", "121.95").Replace(aGate)
	near := strings.NewReplacer("g1", "g3", "37.25", "37.24").Replace(aGate)
	zones, problems := ParseFiles([]File{
		{"one.geojson", collection(aGate, near), WGS84}, {"two.geojson", collection(other), WGS84}, {"three.geojson", collection(far), WGS84},
	})
	want := []string{
		"two.geojson:2:1: g1: the id is already used at one.geojson:2:1: give each zone an id of its own",
		"three.geojson:2:1: g2: lies 887 km away from the other zones (\"g1\" at one.geojson:2:1 and 2 more): mend its coordinates",
	}
	if len(problems) != len(want) {
		t.Fatalf("problems: %v", problems)
	}
	for i, p := range problems {
		if !strings.HasPrefix(p.String(), want[i]) {
			t.Errorf("problem %d is %q, want %q", i, p, want[i])
		}
	}
	if len(zones) != 4 {
		t.Errorf("%d zones", len(zones))
	}
}

// A river of 700 km is one place: each zone is near to the next.
func TestALongRiverIsOnePlace(t *testing.T) {
	var features []string
	for i := range 50 {
		features = append(features, feature(fmt.Sprintf(`"id":"g%d","kind":"gate","radius_m":3`, i), fmt.Sprintf(`{"type":"Point","coordinates":[%v,37.25]}`, 105+float64(i)*0.2)))
	}
	if _, problems := Parse("z", collection(features...), WGS84); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestProblemsAreBoundedAndTheRestCounted(t *testing.T) {
	features := make([]string, 3000)
	for i := range features {
		features[i] = `{"type":"Feature"}`
	}
	_, problems := Parse("z", collection(features...), WGS84)
	if last := problems[len(problems)-1]; len(problems) != maxProblems+1 || last.What != "and 5000 more mistakes" {
		t.Errorf("%d problems, the last: %v", len(problems), last)
	}
}

func TestAKilometreOfCoordinatesIsReadAsOrbReadsIt(t *testing.T) {
	data := collection(feature(`"id":"b","kind":"bank","width_m":5`, `{"coordinates":[[111.95000004,37.25e0],[1.1196E2,37.260000051],[111.9700000,-0.5,12]],"type":"LineString"}`))
	zones, problems := Parse("z", data, WGS84)
	all, err := geojson.UnmarshalFeatureCollection(data)
	if err != nil {
		t.Fatal(err)
	}
	line := all.Features[0].Geometry.(orb.LineString)
	// The last edge is 4000 km long: that is told, and only that.
	if len(problems) != 1 || !strings.Contains(problems[0].What, "km long") || len(zones) != 0 {
		t.Fatalf("zones %v, problems %v", zones, problems)
	}
	data = []byte(strings.Replace(string(data), "-0.5", "37.27", 1))
	zones, problems = Parse("z", data, WGS84)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	line[2][1] = 37.27
	for i, p := range zones[0].Line {
		if got := toOrb(p); abs(got[0]-line[i][0]) > 0.51e-7 || abs(got[1]-line[i][1]) > 0.51e-7 {
			t.Errorf("position %d is %v, orb reads %v", i, got, line[i])
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

func TestARingOfManyCornersIsCheckedInNoTime(t *testing.T) {
	ring := circleRing(Point{372500000, 1119500000}, 3000, 50_000)
	strands := []strand{{ring, make([]int, len(ring))}}
	p := parser{file: &File{}}
	if !p.checkTouches(strands, Area) {
		t.Fatalf("a round ring touches itself: %v", p.problems)
	}
	ring[20_000], ring[40_000] = ring[40_000], ring[20_000]
	if p.checkTouches(strands, Area) || !strings.Contains(p.problems[0].What, "crosses") {
		t.Errorf("two swapped corners of 50,000 are not found: %v", p.problems)
	}
}

func TestARealRiverWithoutKindsIsRefusedWithItsRemedy(t *testing.T) {
	const name = "../../shared/data/zones/ne10m_fen_river.geojson"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Skipf("no real data here: %v", err)
	}
	zones, problems := Parse("ne10m_fen_river.geojson", data, WGS84)
	if len(zones) > 0 || len(problems) == 0 {
		t.Fatalf("zones %d, problems %v", len(zones), problems)
	}
	for _, p := range problems {
		if p.Line == 0 || p.Remedy == "" || p.Warning || !strings.Contains(p.What, "no kind") && !strings.Contains(p.What, "no id") {
			t.Errorf("problem %v", p)
		}
	}
	// With what is missing, its line is a bank.
	data = []byte(strings.ReplaceAll(string(data), `"dissolve"`, `"id":"fen","kind":"bank","width_m":50,"dissolve"`))
	zones, problems = Parse("ne10m_fen_river.geojson", data, WGS84)
	if len(zones) != 1 || len(zones[0].Line) < 100 {
		t.Errorf("as a bank: %d zones, problems %v", len(zones), problems)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [...]string{
		"", "{", "[]", "\xef\xbb\xbf{}", `{"type":"FeatureCollection","features":[]}`, `{"type":"Feature"}`, strings.Repeat("[", 100),
		`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"\ud800","kind":"area"},"geometry":{"type":"Polygon","coordinates":[[],[[1,2]]]}}]}`,
		`{"type":"Feature","properties":{"severity":"","kind":"","id":null,"max_unseen":"1d-"},"geometry":{"type":"MultiPolygon","coordinates":[[],[[]]]}}`,
		string(collection(aGate, aGate)), string(collection(feature(`"id":"x","kind":"area"`, aSquare), feature(`"id":"y","kind":"bank","width_m":1`, aLine))),
		string(collection(feature(`"id":"x","kind":"area"`, polygon(`[[111,37],[111.1,37.1],[111.1,37],[111,37.1],[111,37]]`)))),
	} {
		f.Add([]byte(seed), uint8(0))
		f.Add([]byte(seed), uint8(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, crs uint8) {
		zones, problems := Parse("f", data, [...]CRS{WGS84, GCJ02, BD09}[crs%3])
		if len(zones) == 0 && len(problems) == 0 {
			t.Fatal("neither zones nor a reason")
		}
		for _, p := range problems {
			if p.What == "" || p.Remedy == "" {
				t.Fatalf("a problem without words or remedy: %+v", p)
			}
		}
		x := NewIndex(zones)
		tracker := NewTracker(x)
		for i := range zones {
			p := zoneBox(&zones[i]).middle()
			x.Near(p, 100, nil)
			tracker.Observe(Fix{At: int64(i) * 1e6, LatE7: p.LatE7, LonE7: p.LonE7, Airborne: true}, nil)
		}
		tracker.Unseen(1e9, 0, nil)
		if _, err := ToGeoJSON(zones); err != nil {
			t.Fatal(err)
		}
	})
}
