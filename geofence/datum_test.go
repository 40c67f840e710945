package geofence

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheOffsetsAreThoseThatOthersPublished(t *testing.T) {
	// github.com/googollee/eviltransform, test vectors: WGS-84, GCJ-02.
	for _, v := range [][4]float64{
		{31.1774276, 121.5272106, 31.17530398364597, 121.531541859215},
		{22.543847, 113.912316, 22.540796131694766, 113.9171764808363},
		{39.911954, 116.377817, 39.91334545536069, 116.38404722455657},
		{39.7392, -104.9903, 39.7392, -104.9903}, // Denver stays where it is
	} {
		if lat, lon := toGCJ02(v[0], v[1]); math.Abs(lat-v[2]) > 1e-9 || math.Abs(lon-v[3]) > 1e-9 {
			t.Errorf("gcj02 of %v, %v is %.9f, %.9f", v[0], v[1], lat, lon)
		}
	}
	// github.com/wandergis/coordtransform, README: (116.404, 39.915) in GCJ-02 is this in BD-09, and in BD-09 that in GCJ-02.
	if lat, lon := gcjToBD09(39.915, 116.404); math.Abs(lat-39.92133699351021) > 1e-9 || math.Abs(lon-116.41036949371029) > 1e-9 {
		t.Errorf("bd09 of 39.915, 116.404 is %.9f, %.9f", lat, lon)
	}
	d, _ := datumOf(BD09)
	gcj := pointOf(toGCJ02(degrees(d.toWGS84(pointOf(39.915, 116.404)))))
	if off := DistanceDM(gcj, pointOf(39.90865673957631, 116.39762729119315)); off > 5 { // theirs is one step, ours exact
		t.Errorf("gcj02 of bd09 39.915, 116.404 is %v, %d dm away", gcj, off)
	}
	// A river town at 40.1 N 124.4 E is moved by 527 m to GCJ-02 and by 1343 m to BD-09 (some
	// implementations of the latter differ by metres).
	town := pointOf(40.1, 124.4)
	for _, want := range []struct {
		forward func(lat, lon float64) (float64, float64)
		metres  int64
	}{{toGCJ02, 527}, {toBD09, 1343}} {
		if got := (DistanceDM(town, pointOf(want.forward(40.1, 124.4))) + 5) / 10; got < want.metres-4 || got > want.metres+4 {
			t.Errorf("moved by %d m, want %d", got, want.metres)
		}
	}
	// Along the patrol's river GCJ-02 is 46 to 67 m north and 556 to 576 m east.
	for _, p := range [][2]float64{{37.287, 112.004}, {37.253, 111.963}, {37.240, 111.950}, {37.228, 111.953}} {
		lat, lon := toGCJ02(p[0], p[1])
		f := newFrame(pointOf(p[0], p[1]))
		east, north := f.vector((lon-p[1])*e7, (lat-p[0])*e7)
		if north < 455 || north > 675 || east < 5555 || east > 5765 {
			t.Errorf("at %v gcj02 is %.0f dm north and %.0f dm east", p, north, east)
		}
	}
}

func degrees(p Point) (lat, lon float64) { return float64(p.LatE7) / e7, float64(p.LonE7) / e7 }

func pointOf(lat, lon float64) Point {
	return Point{int32(math.Round(lat * e7)), int32(math.Round(lon * e7))}
}

func TestThereAndBackIsTheSamePoint(t *testing.T) {
	for _, crs := range []CRS{GCJ02, BD09} {
		d, _ := datumOf(crs)
		rapid.Check(t, func(t *rapid.T) {
			lat, lon := rapid.Float64Range(1, 55.5).Draw(t, "lat"), rapid.Float64Range(72.2, 137.5).Draw(t, "lon")
			got := d.toWGS84(pointOf(d.forward(lat, lon)))
			if want := pointOf(lat, lon); abs(float64(got.LatE7-want.LatE7)) > 1 || abs(float64(got.LonE7-want.LonE7)) > 1 {
				t.Fatalf("%s: %v came back as %v", crs, want, got)
			}
		})
	}
}

// A line that is straight on the map is bent in WGS-84; with points put in between it stays true to a decimetre.
func TestLinesStayWhereTheMapHadThem(t *testing.T) {
	for _, crs := range []CRS{GCJ02, BD09} {
		d, _ := datumOf(crs)
		rapid.Check(t, func(t *rapid.T) {
			a := Point{rapid.Int32Range(20*e7, 53*e7).Draw(t, "lat"), rapid.Int32Range(75*e7, 134*e7).Draw(t, "lon")}
			b := anyOffset(t, a, 10_000)
			line := d.line([]Point{a, b})
			back := d.line([]Point{b, a})
			for i := range line {
				if line[i] != back[len(back)-1-i] {
					t.Fatal("an edge drawn the other way has other points")
				}
			}
			k := rapid.Float64Range(0, 1).Draw(t, "along")
			on := Point{a.LatE7 + int32(math.Round(k*float64(b.LatE7-a.LatE7))), a.LonE7 + int32(math.Round(k*float64(b.LonE7-a.LonE7)))}
			f := newFrame(d.toWGS84(on))
			best := math.Inf(1)
			for i := 1; i < len(line); i++ {
				_, _, _, d2 := f.foot(line[i-1], line[i])
				best = min(best, d2)
			}
			if math.Sqrt(best) > 1 {
				t.Fatalf("%s: %v, %.2f of the way, lies %.2f dm from the line", crs, on, k, math.Sqrt(best))
			}
		})
	}
}

func TestAFileIsMovedAndSaysHowFar(t *testing.T) {
	wgs := pointOf(37.25, 111.95)
	gcj := pointOf(toGCJ02(37.25, 111.95))
	ring := make([]string, 0, 5)
	for _, c := range [][2]float64{{0, 0}, {2000, 0}, {2000, 2000}, {0, 2000}, {0, 0}} {
		p := offsetM(wgs, c[0], c[1])
		ring = append(ring, lonLat(pointOf(toGCJ02(float64(p.LatE7)/e7, float64(p.LonE7)/e7))))
	}
	data := collection(
		feature(`"id":"g","kind":"gate","radius_m":15`, `{"type":"Point","coordinates":`+lonLat(gcj)+`}`),
		feature(`"id":"a","kind":"area"`, polygon("["+strings.Join(ring, ",")+"]")),
		feature(`"id":"b","kind":"bank","width_m":5`, `{"type":"LineString","coordinates":`+fmt.Sprintf("[%s,%s]", ring[0], ring[1])+`}`),
	)
	zones, problems := Parse("gcj.geojson", data, GCJ02)
	if len(zones) != 3 || len(problems) != 1 || !problems[0].Warning || !strings.HasPrefix(problems[0].What, "moved by 5") || !strings.HasSuffix(problems[0].What, " m from gcj02 to wgs84") {
		t.Fatalf("%d zones, problems %v", len(zones), problems)
	}
	if DistanceDM(zones[0].Center, wgs) > 0 || DistanceDM(zones[1].Polygons[0][0][0], wgs) > 0 || zones[2].Line[0] != zones[1].Polygons[0][0][0] {
		t.Errorf("zones are not where they were drawn: %v", zones)
	}
	if n := len(zones[1].Polygons[0][0]); n < 13 {
		t.Errorf("edges of 2 km got no points in between: %d", n)
	}

	abroad := strings.Replace(aGate, "111.95", "11.95", 1)
	_, problems = Parse("gcj.geojson", collection(abroad), GCJ02)
	if len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].What, "outside the rectangle") {
		t.Errorf("abroad: %v", problems)
	}
	_, problems = Parse("z.geojson", collection(aGate), "cgcs2000")
	if len(problems) != 1 || problems[0].Warning || !strings.Contains(problems[0].What, `unknown crs "cgcs2000" (wgs84, gcj02, bd09)`) {
		t.Errorf("unknown crs: %v", problems)
	}
}
