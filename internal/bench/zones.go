package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/planar"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// benchZones judges fixes and sightings by zones, and makes many zones ready.
func benchZones(ctx context.Context, b *bench) error {
	river, district := riverZones(), districtZones(100_000)
	// orb asks each zone: the bounds first, then the polygon's every edge. The least are what orb took on a
	// machine of the kind that the targets (30 and 60 ns) were set on, 62 and 116 µs, against those.
	for _, c := range []struct {
		name  string
		zones []geofence.Zone
		at    func(along, beside float64) geofence.Point
		least float64
		asked float64
	}{
		{"a fix against the river set", river, riverPlace, 2000, 30},
		{"a fix against 100,000 zones", district, straightPlace, 1900, 60},
	} {
		fixes := patrolFixes(c.at, 100, 1000)
		if err := b.compare(ctx, c.name, fixSide(c.zones, fixes), orbSide(c.zones, fixes), c.least); err != nil {
			return err
		}
		if ns, err := b.alone(fixSide(c.zones, fixes)); err != nil {
			return err
		} else if !b.smoke {
			b.figure(c.name+", alone", nanoseconds(ns), fmt.Sprintf("%g ns", c.asked), ns <= c.asked)
		}
	}
	fixes := patrolFixes(riverPlace, 100, 1000)
	ours := side{"riverwatch", func(n int) (int, error) {
		sum := int64(0)
		for i := range n {
			f, g := &fixes[i%len(fixes)], &fixes[(i+100)%len(fixes)]
			sum += geofence.DistanceDM(geofence.Point{LatE7: f.LatE7, LonE7: f.LonE7}, geofence.Point{LatE7: g.LatE7, LonE7: g.LonE7})
		}
		return n, positive(float64(sum))
	}}
	base := side{"orb geo.Distance", func(n int) (int, error) {
		sum := 0.0
		for i := range n {
			sum += geo.Distance(orbFix(&fixes[i%len(fixes)]), orbFix(&fixes[(i+100)%len(fixes)]))
		}
		return n, positive(sum)
	}}
	if err := b.compare(ctx, "a distance, to the decimetre", ours, base, 0); err != nil || b.smoke {
		return err
	}
	if err := b.sighting(); err != nil {
		return err
	}
	if err := b.reload(ctx, district); err != nil {
		return err
	}
	if err := b.check(ctx, district); err != nil {
		return err
	}
	return b.zonesGrowth(ctx)
}

// positive keeps a sum from being left out.
func positive(sum float64) error {
	if sum > 0 {
		return nil
	}
	return fmt.Errorf("the distances add up to %v", sum)
}

// alone is the median of what a side takes without a baseline.
func (b *bench) alone(s side) (float64, error) {
	n, err := b.calibrate(s)
	if err != nil {
		return 0, err
	}
	var all []float64
	for range b.rounds() {
		ns, err := timed(s, n)
		if err != nil {
			return 0, err
		}
		all = append(all, ns)
	}
	return median(all), nil
}

// zonesGrowth tells what 10 to 100,000 zones and 1 to 10,000 tracks cost.
func (b *bench) zonesGrowth(ctx context.Context) error {
	for _, n := range []int{10, 100, 1000, 10_000, 100_000} {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := geofence.ToGeoJSON(districtZones(n))
		if err != nil {
			return err
		}
		took, kept, peak, err := parsed(data, n)
		if err != nil {
			return err
		}
		zones, fixes := districtZones(n), patrolFixes(straightPlace, 100, 1000)
		fix, err := b.alone(fixSide(zones, fixes))
		if err != nil {
			return err
		}
		x := geofence.NewIndex(zones)
		var out []geofence.Near
		near, err := b.alone(side{"", func(n int) (int, error) {
			for i := range n {
				f := &fixes[i*101%len(fixes)]
				out = x.Near(geofence.Point{LatE7: f.LatE7, LonE7: f.LonE7}, 300, out[:0])
			}
			return n, nil
		}})
		if err != nil {
			return err
		}
		what, asked, met := fmt.Sprintf("fix %s, near %s, checked and indexed in %s, %.1f MB kept", nanoseconds(fix), nanoseconds(near), nanoseconds(float64(took)), kept), "", true
		if n == 100_000 {
			what, asked, met = what+fmt.Sprintf(", %.0f MB of heap at most, the file's %.0f included", peak, float64(len(data))/1e6), "2 s, 200 MB", took <= 2*time.Second && peak <= 200
		}
		b.figure(fmt.Sprintf("%d zones", n), what, asked, met)
	}
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		ns, err := b.alone(fixSide(riverZones(), patrolFixes(riverPlace, n, max(50, 100_000/n))))
		if err != nil {
			return err
		}
		b.figure(fmt.Sprintf("%d tracks along the river", n), "a fix "+nanoseconds(ns), "", true)
	}
	return nil
}

// parsed checks and indexes a zone file and tells what it took, and how many MB of heap it keeps and took at most.
func parsed(data []byte, n int) (took time.Duration, kept, peak float64, err error) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := float64(m.HeapAlloc) - float64(len(data))
	stop, watched := make(chan struct{}), make(chan float64)
	go func() {
		most, tick := 0.0, time.NewTicker(10*time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, float64(m.HeapAlloc))
			case <-stop:
				watched <- most
				return
			}
		}
	}()
	begun := time.Now()
	zones, problems := geofence.Parse("district.geojson", data, geofence.WGS84)
	x := geofence.NewIndex(zones)
	took = time.Since(begun)
	close(stop)
	peak = (<-watched - before) / 1e6
	if len(problems) > 0 || len(zones) != n {
		return 0, 0, 0, fmt.Errorf("%d of %d zones, problems: %v", len(zones), n, problems)
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	kept = (float64(m.HeapAlloc) - before - float64(len(data))) / 1e6
	runtime.KeepAlive(x)
	runtime.KeepAlive(data)
	return took, kept, peak, nil
}

// folder is a watch with frames made by hand.
type folder struct {
	watch *watch.Watch
	out   watch.Effects
	plans map[string]*watch.Judge
	at    int64
	seq   uint8
	err   error
}

func newFolder(judges ...*watch.Judge) *folder {
	f := &folder{plans: map[string]*watch.Judge{}, at: 1_795_420_200_000_000}
	for _, j := range judges {
		f.plans[j.Digest] = j
	}
	f.watch = watch.New(watch.Options{Station: "bench", Plans: func(digest string) *watch.Judge { return f.plans[digest] }})
	return f
}

func (f *folder) says(system uint8, m message.Message) mavlink.Frame {
	raw, err := mavlink.AppendFrame(nil, f.seq, system, 1, m)
	f.seq++
	return f.frame(raw, err)
}

func (f *folder) frame(raw []byte, err error) mavlink.Frame {
	if err != nil && f.err == nil {
		f.err = err
	}
	frame := mavlink.Parse(raw)
	frame.At = f.at
	return frame
}

func (f *folder) apply(frames ...mavlink.Frame) {
	f.out.Reset()
	for i := range frames {
		f.watch.Apply(&frames[i], &f.out)
	}
}

// plan has the watch judge by j, by a frame as it stands in the log.
func (f *folder) plan(j *watch.Judge) {
	frames, err := mavlink.OwnFrames(mavlink.DefaultOwnID, 0, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	for _, raw := range frames {
		frame := f.frame(raw, err)
		frame.Origin = mavlink.OriginOwn
		f.apply(frame)
	}
}

// judge compiles a plan over zones for a hundred vehicles.
func judge(zones []geofence.Zone) (*watch.Judge, error) {
	p := watch.Plan{
		Zones: zones,
		Fleet: mavlink.FleetPlan{
			Unknown: "unverified", StaleUS: 3e6, LostUS: 10e6, Sources: []mavlink.Source{mavlink.SourceStatusText},
			Options: mavlink.SourceOptions{StatusText: &mavlink.StatusTextOptions{Pattern: `^SIGHTING (?P<count>\d+) (?P<kind>\S+)`, Kind: "person"}},
		},
		Book: alerts.Plan{Recipients: []string{"post"}, Rules: []alerts.Rule{{
			Name: "crossing", Near: []string{"gate", "bank"}, Severity: alerts.High, MinCertainty: "possible", WithinDM: 3000, QuietUS: 900e6,
		}}},
	}
	for i := range 100 {
		p.Fleet.Vehicles = append(p.Fleet.Vehicles, mavlink.VehiclePlan{Name: fmt.Sprint("drone-", i+1), System: uint8(i + 1)})
	}
	return watch.Compile(p, nil)
}

// sighting times the press of a drone that looks at the river: line of sight, zones, alert, transition.
func (b *bench) sighting() error {
	j, err := judge(riverZones())
	if err != nil {
		return err
	}
	f := newFolder(j)
	f.plan(j)
	var times []float64
	p := riverPlace(12_000, 20)
	for i := range 3000 {
		f.at += 6_000_000
		boot := uint32(60_000 + 6000*i)
		f.apply(
			f.says(1, &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 209, SystemStatus: 4, MavlinkVersion: 3}),
			f.says(1, &all.MessageGpsRawInt{FixType: 3, Lat: p.LatE7, Lon: p.LonE7, Eph: 80, HAcc: 900, SatellitesVisible: 14}),
			f.says(1, &all.MessageAttitude{TimeBootMs: boot}),
			f.says(1, &all.MessageGlobalPositionInt{TimeBootMs: boot, Lat: p.LatE7, Lon: p.LonE7, Alt: 760_000, RelativeAlt: 60_000}),
			f.says(1, &all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: boot, Flags: 12 | 32, Q: [4]float32{0.924, 0, -0.383, 0}}),
		)
		press := f.says(1, &all.MessageStatustext{Text: fmt.Sprintf("SIGHTING %d person", i%999+1)})
		begun := time.Now()
		f.apply(press)
		took := float64(time.Since(begun).Nanoseconds())
		if len(f.out.Sightings) != 1 || len(f.out.Transitions) == 0 || f.err != nil {
			return fmt.Errorf("press %d: %d sightings, %d transitions, %w", i, len(f.out.Sightings), len(f.out.Transitions), f.err)
		}
		times = append(times, took)
	}
	ns := median(times)
	b.figure("a sighting's full judgement", nanoseconds(ns), "10 µs", ns <= 10_000)
	return nil
}

// fixSide judges fixes of tracks, again and again an hour later.
func fixSide(zones []geofence.Zone, fixes []geofence.Fix) side {
	tracker := geofence.NewTracker(geofence.NewIndex(zones))
	next, shift := 0, int64(0)
	var events []geofence.Event
	return side{"riverwatch", func(n int) (int, error) {
		for range n {
			if next == len(fixes) {
				next, shift = 0, shift+3600e6
			}
			f := fixes[next]
			f.At += shift
			events = tracker.Observe(f, events[:0])
			next++
		}
		return n, nil
	}}
}

// orbSide asks for each fix which zones it is in.
func orbSide(zones []geofence.Zone, fixes []geofence.Fix) side {
	type zone struct {
		bound    orb.Bound
		polygons orb.MultiPolygon
	}
	shapes := make([]zone, len(zones))
	for i := range zones {
		p := outline(&zones[i])
		shapes[i] = zone{p.Bound(), p}
	}
	next, inside := 0, 0
	return side{"orb PolygonContains", func(n int) (int, error) {
		for range n {
			p := orbFix(&fixes[next%len(fixes)])
			for i := range shapes {
				if shapes[i].bound.Contains(p) && planar.MultiPolygonContains(shapes[i].polygons, p) {
					inside++
				}
			}
			next += 101
		}
		return n, nil
	}}
}

func orbFix(f *geofence.Fix) orb.Point {
	return orb.Point{float64(f.LonE7) / 1e7, float64(f.LatE7) / 1e7}
}

func orbPoint(p geofence.Point) orb.Point {
	return orb.Point{float64(p.LonE7) / 1e7, float64(p.LatE7) / 1e7}
}

// outline is a zone as polygons: a circle with 32 corners, a bank as the strip along its line.
func outline(z *geofence.Zone) orb.MultiPolygon {
	var ring orb.Ring
	switch {
	case z.RadiusDM > 0:
		for i := range 33 {
			sin, cos := math.Sincos(float64(i%32) * math.Pi / 16)
			ring = append(ring, orbPoint(offset(z.Center, float64(z.RadiusDM)/10*sin, float64(z.RadiusDM)/10*cos)))
		}
	case z.Line != nil:
		width := float64(z.WidthDM) / 10
		for _, p := range z.Line {
			ring = append(ring, orbPoint(offset(p, width, 0)))
		}
		for i := range z.Line {
			ring = append(ring, orbPoint(offset(z.Line[len(z.Line)-1-i], -width, 0)))
		}
		ring = append(ring, ring[0])
	default:
		for _, p := range z.Polygons[0][0] {
			ring = append(ring, orbPoint(p))
		}
	}
	return orb.MultiPolygon{{ring}}
}

// middle is where the zones of this section lie.
func middle() geofence.Point { return geofence.Point{LatE7: 372500000, LonE7: 1119500000} }

// offset is p moved by metres east and north, near enough for drawing.
func offset(p geofence.Point, east, north float64) geofence.Point {
	const degree = 111_000 / 1e7
	return geofence.Point{
		LatE7: p.LatE7 + int32(math.Round(north/degree)),
		LonE7: p.LonE7 + int32(math.Round(east/degree/math.Cos(float64(p.LatE7)/1e7*math.Pi/180))),
	}
}

// riverPlace is so many metres along a river that winds by 4 km and 300 m, and beside it.
func riverPlace(along, beside float64) geofence.Point {
	return offset(middle(), 600*math.Sin(along/4000*2*math.Pi)+60*math.Sin(along/300*2*math.Pi)+beside, along-50_000)
}

func straightPlace(along, beside float64) geofence.Point {
	return offset(middle(), beside+along/10, along-30_000)
}

// riverZones is a bank 100 km long with 2,000 vertices, and seven gates across it.
func riverZones() []geofence.Zone {
	bank := geofence.Zone{ID: "bank", Kind: geofence.Bank, WidthDM: 300}
	for i := range 2000 {
		bank.Line = append(bank.Line, riverPlace(float64(i)*50, 0))
	}
	zones := []geofence.Zone{bank}
	for i := range 7 {
		zones = append(zones, geofence.Zone{
			ID: fmt.Sprint("gate-", i+1), Kind: geofence.Gate, Center: riverPlace(float64(i+1)*12_000, 0), RadiusDM: 300, MaxUnseenUS: 3600e6, SeenDM: 1500,
		})
	}
	return zones
}

// districtZones is n gates, small areas and short banks, each 300 m from the next. Every gate has max_unseen.
func districtZones(n int) []geofence.Zone {
	side := int(math.Ceil(math.Sqrt(float64(n))))
	zones := make([]geofence.Zone, n)
	for i := range zones {
		c := offset(middle(), float64(i%side-side/2)*300, float64(i/side-side/2)*300)
		z := geofence.Zone{ID: fmt.Sprint("zone-", i)}
		switch i % 3 {
		case 0:
			z.Kind, z.Center, z.RadiusDM, z.MaxUnseenUS, z.SeenDM = geofence.Gate, c, 150, 3600e6, 500
		case 1:
			ring := make([]geofence.Point, 13)
			for k := range ring {
				sin, cos := math.Sincos(float64(k%12) * math.Pi / 6)
				ring[k] = offset(c, 50*cos, 50*sin)
			}
			z.Kind, z.Polygons = geofence.Area, [][][]geofence.Point{{ring}}
		case 2:
			z.Kind, z.WidthDM = geofence.Bank, 50
			for k := range 10 {
				z.Line = append(z.Line, offset(c, float64(k)*10, 20*math.Sin(float64(k))))
			}
		}
		zones[i] = z
	}
	return zones
}

// patrolFixes is fixes of drones at 5 Hz and 12 m/s, as they come in: along the river, beside and across it.
func patrolFixes(at func(along, beside float64) geofence.Point, drones, rounds int) []geofence.Fix {
	fixes := make([]geofence.Fix, 0, drones*rounds)
	for r := range rounds {
		for d := range drones {
			along := float64(d%100)*900 + float64(d/100)*7 + float64(r)*2.4
			p := at(along, 40*float64(d%8-4)+60*math.Sin(along/500))
			fixes = append(fixes, geofence.Fix{At: int64(r)*200_000 + int64(d), Track: uint16(d + 1), LatE7: p.LatE7, LonE7: p.LonE7, HAccMM: 1200, Airborne: true})
		}
	}
	return fixes
}
