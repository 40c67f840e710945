package geofence

import (
	"fmt"
	"math"
	"runtime"
	"testing"
)

// river is a bank 100 km long with 2,000 vertices and meanders of 4 km and 300 m, and seven gates across it.
func river() []Zone {
	line := make([]Point, 2000)
	for i := range line {
		line[i] = riverAt(float64(i)*50, 0)
	}
	zones := []Zone{{ID: "bank", Kind: Bank, Line: line, WidthDM: 300}}
	for i := range 7 {
		zones = append(zones, Zone{ID: fmt.Sprint("gate-", i+1), Kind: Gate, Center: riverAt(float64(i+1)*12_000, 0), RadiusDM: 300, MaxUnseenUS: 3600e6, SeenDM: 1500})
	}
	return zones
}

// riverAt is the point so many metres along the river and beside it.
func riverAt(along, beside float64) Point {
	return offsetM(place0, 600*math.Sin(along/4000*2*math.Pi)+60*math.Sin(along/300*2*math.Pi)+beside, along-50_000)
}

// district is n zones, gates and small areas, each 300 m from the next, around place0.
func district(n int) []Zone {
	side := int(math.Ceil(math.Sqrt(float64(n))))
	zones := make([]Zone, n)
	for i := range zones {
		c := offsetM(place0, float64(i%side-side/2)*300, float64(i/side-side/2)*300)
		z := Zone{ID: fmt.Sprint("zone-", i)}
		switch i % 3 {
		case 0:
			z.Kind, z.Center, z.RadiusDM = Gate, c, 150
		case 1:
			z.Kind, z.Polygons = Area, [][][]Point{{circleRing(c, 500, 12)}}
		case 2:
			z.Kind, z.WidthDM = Bank, 50
			for k := range 10 {
				z.Line = append(z.Line, offsetM(c, float64(k)*10, 20*math.Sin(float64(k))))
			}
		}
		zones[i] = z
	}
	return zones
}

// patrols is fixes of a hundred drones at 5 Hz and 12 m/s, as they come in: along the river, beside and across it.
func patrols(at func(along, beside float64) Point) []Fix {
	const drones, rounds = 100, 1000
	fixes := make([]Fix, 0, drones*rounds)
	for r := range rounds {
		for d := range drones {
			along := float64(d)*900 + float64(r)*2.4
			beside := 40*float64(d%8-4) + 60*math.Sin(along/500)
			p := at(along, beside)
			fixes = append(fixes, Fix{At: int64(r)*200_000 + int64(d), Track: uint16(d + 1), LatE7: p.LatE7, LonE7: p.LonE7, HAccMM: 1200, Airborne: true})
		}
	}
	return fixes
}

func straight(along, beside float64) Point { return offsetM(place0, beside+along/10, along-30_000) }

func benchmarkFixes(b *testing.B, zones []Zone, fixes []Fix) {
	tracker := NewTracker(NewIndex(zones))
	var events []Event
	shift := int64(0)
	for i := range fixes { // the first round makes the tracks
		events = tracker.Observe(fixes[i], events[:0])
	}
	b.ReportAllocs()
	b.ResetTimer()
	i := len(fixes)
	for b.Loop() {
		if i == len(fixes) {
			i, shift = 0, shift+int64(3600e6)
		}
		f := fixes[i]
		f.At += shift
		events = tracker.Observe(f, events[:0])
		i++
	}
}

func BenchmarkFixAgainstTheRiver(b *testing.B) { benchmarkFixes(b, river(), patrols(riverAt)) }

func BenchmarkFixAgainst(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n, "zones"), func(b *testing.B) { benchmarkFixes(b, district(n), patrols(straight)) })
	}
}

// A fix that must be looked at: no clearance is kept.
func BenchmarkFixWithoutClearanceAgainst(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n, "zones"), func(b *testing.B) {
			tracker := NewTracker(NewIndex(district(n)))
			fixes := patrols(straight)
			var events []Event
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f := fixes[i%len(fixes)]
				f.At = int64(i)
				events = tracker.Observe(f, events[:0])
				tr := &tracker.tracks[f.Track>>8][f.Track&0xff]
				tr.reach, tr.sound = -1, false
				i++
			}
		})
	}
}

func BenchmarkNear(b *testing.B) {
	run := func(name string, zones []Zone, at func(along, beside float64) Point) {
		b.Run(name, func(b *testing.B) {
			x := NewIndex(zones)
			fixes := patrols(at)
			var out []Near
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f := &fixes[i%len(fixes)]
				out = x.Near(Point{f.LatE7, f.LonE7}, 300, out[:0])
				i += 101
			}
		})
	}
	run("river", river(), riverAt)
	for _, n := range []int{10, 1000, 100_000} {
		run(fmt.Sprint(n, "zones"), district(n), straight)
	}
}

func BenchmarkUnseenNothingDue(b *testing.B) {
	tracker := NewTracker(NewIndex(river()))
	tracker.Unseen(1, 0, nil)
	var out []Unseen
	b.ReportAllocs()
	for b.Loop() {
		out = tracker.Unseen(2, 0, out[:0])
	}
}

func BenchmarkParseAndIndex100000Zones(b *testing.B) {
	data, err := ToGeoJSON(district(100_000))
	if err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	for range 3 { // what pools still hold goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&before)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var zones []Zone
	var x *Index
	for b.Loop() {
		var problems []Problem
		if zones, problems = Parse("district.geojson", data, WGS84); len(problems) > 0 {
			b.Fatal(problems[0])
		}
		x = NewIndex(zones)
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
	runtime.KeepAlive(x)
	runtime.KeepAlive(data)
}

func BenchmarkIndex100000Zones(b *testing.B) {
	zones := district(100_000)
	b.ReportAllocs()
	for b.Loop() {
		NewIndex(zones)
	}
}

// A sighting by camera: its ellipse, or where there is none its sector, against a river with both its banks and gates.
func BenchmarkNearByCamera(b *testing.B) {
	zones := river()
	other := make([]Point, len(zones[0].Line))
	for i := range other {
		other[i] = riverAt(float64(i)*50, 80)
	}
	zones = append(zones, Zone{ID: "other", Kind: Bank, Line: other, WidthDM: 300, AlertDistanceDM: 200})
	fixes := patrols(riverAt)
	for _, set := range []struct {
		name  string
		zones []Zone
	}{{"river", zones}, {"100000zones", district(100_000)}} {
		x := NewIndex(set.zones)
		for _, e := range []Ellipse{{MajorDM: 250, MinorDM: 130}, {MajorDM: 700, MinorDM: 280}, {MajorDM: 1900, MinorDM: 500}} {
			b.Run(fmt.Sprintf("%s/ellipse%dm", set.name, e.MajorDM/10), func(b *testing.B) {
				var out []Near
				b.ReportAllocs()
				i, found := 0, 0
				for b.Loop() {
					f := &fixes[i*101%len(fixes)]
					e.Center, e.BearingDeg = Point{f.LatE7, f.LonE7}, int16(i%180)
					out = x.NearEllipse(e, out[:0])
					found += len(out)
					i++
				}
				b.ReportMetric(float64(found)/float64(i), "zones/op")
			})
		}
		b.Run(set.name+"/sector", func(b *testing.B) {
			var out []Near
			b.ReportAllocs()
			i, found := 0, 0
			for b.Loop() {
				f := &fixes[i*101%len(fixes)]
				out = x.NearSector(Sector{Point{f.LatE7, f.LonE7}, float64(i * 7 % 360), 3.5, 5000, 15_000}, out[:0])
				found += len(out)
				i++
			}
			b.ReportMetric(float64(found)/float64(i), "zones/op")
		})
	}
}
