package mavlink

import (
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"pgregory.net/rapid"
)

// checkRay is what holds of every line of sight.
func checkRay(t interface{ Fatalf(string, ...any) }, r *Ray) {
	for name, v := range map[string]float64{
		"north": r.North, "east": r.East, "down": r.Down, "sigma pitch": r.SigmaPitch, "sigma yaw": r.SigmaYaw, "sigma position": r.SigmaPosM,
	} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%s of %+v", name, r)
		}
	}
	if n := math.Sqrt(r.North*r.North + r.East*r.East + r.Down*r.Down); math.Abs(n-1) > 1e-9 {
		t.Fatalf("a vector %v long: %+v", n, r)
	}
	if r.SigmaPitch <= 0 || r.SigmaPitch > math.Pi/2 || r.SigmaYaw <= 0 || r.SigmaYaw > math.Pi || r.SigmaPosM <= 0 {
		t.Fatalf("errors of %+v", r)
	}
	if _, refused := refusePoint(int64(r.LatE7), int64(r.LonE7)); refused {
		t.Fatalf("from nowhere: %+v", r)
	}
	if _, refused := refusePoint(int64(r.HitLatE7), int64(r.HitLonE7)); r.HitKnown && refused {
		t.Fatalf("hits nowhere: %+v", r)
	}
	if r.GroundKnown && (r.GroundAMSLMM <= minGroundMM || r.GroundAMSLMM >= maxGroundMM) {
		t.Fatalf("ground in the sky: %+v", r)
	}
}

// drawAim makes what a vehicle with cameras sends, much of it nonsense.
func drawAim(rt *rapid.T, t *testing.T) []step {
	x := newField(t, testPlan())
	odd := []float32{0, 1, -1, 0.5, -0.7071, 6.3, 90, -45, 1e9, 1e38, float32(math.Inf(1)), float32(math.Inf(-1)), float32(nan)}
	coord := []int32{0, homeLat, homeLon, homeLat + 100_000, 90e7, -90e7, 180e7, -180e7, 180e7 + 1, math.MaxInt32, math.MinInt32}
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
	num := func() float32 {
		if pick(3) == 0 {
			return math.Float32frombits(rapid.Uint32().Draw(rt, "bits"))
		}
		return odd[pick(len(odd))]
	}
	quaternion := func() [4]float32 {
		if pick(3) == 0 {
			return [4]float32{num(), num(), num(), num()}
		}
		return floats(turned(float64(pick(7)-3), float64(pick(7)-3), float64(pick(7)-3)))
	}
	here := func() (lat, lon int32) {
		if pick(2) == 0 {
			return homeLat + int32(pick(5))*100, homeLon
		}
		return coord[pick(len(coord))], coord[pick(len(coord))]
	}
	boot := func() uint32 { return []uint32{0, x.bootMS(), x.bootMS(), x.bootMS(), math.MaxUint32}[pick(5)] }
	steps := []step{}
	add := func(comp uint8, m message.Message) {
		fr := x.frame(1, comp, m)
		steps = append(steps, step{at: x.at, frame: &fr})
	}
	add(1, copter(true))
	add(1, goodGPS())
	for range rapid.IntRange(1, 50).Draw(rt, "frames") {
		x.at += []int64{0, 1, 20_000, 100_000, 100_000, 200_000, 400_000, 1_100_000}[pick(8)]
		comp := []uint8{1, 1, 1, 100, 154, 190}[pick(6)]
		switch pick(12) {
		case 0, 1:
			p := x.position(0, 0, float64(pick(100)))
			p.Lat, p.Lon = here()
			p.TimeBootMs, p.Vx, p.Vy, p.Hdg = boot(), int16(pick(65536)-32768), int16(pick(65536)-32768), uint16(pick(65536))
			if pick(3) == 0 {
				p.Alt, p.RelativeAlt = coord[pick(len(coord))], coord[pick(len(coord))]
			}
			add(comp, p)
		case 2, 3:
			add(comp, x.position(float64(pick(9)), float64(pick(9)), 50))
		case 4:
			add(comp, &all.MessageAttitude{TimeBootMs: boot(), Roll: num(), Pitch: num(), Yaw: num()})
		case 5, 6, 7:
			g := &all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: boot(), Q: quaternion(), DeltaYaw: num(), GimbalDeviceId: uint8(pick(8))}
			g.Flags = []all.GIMBAL_DEVICE_FLAGS{32, 32, 64, 16, 0, 1, all.GIMBAL_DEVICE_FLAGS(pick(65536))}[pick(7)]
			add(comp, g)
		case 8:
			add(comp, &all.MessageMountOrientation{TimeBootMs: boot(), Roll: num(), Pitch: num(), Yaw: num(), YawAbsolute: num()})
		case 9:
			add(comp, &all.MessageMountStatus{PointingA: coord[pick(len(coord))], PointingB: 5, PointingC: int32(pick(40000))})
		case 10:
			c := &all.MessageCameraFovStatus{TimeBootMs: boot(), Q: quaternion(), AltImage: coord[pick(len(coord))]}
			c.LatImage, c.LonImage = here()
			add(comp, c)
		case 11:
			lat, lon := here()
			add(comp, []message.Message{
				&all.MessageTerrainReport{Lat: lat, Lon: lon, Spacing: uint16(pick(2) * 100), TerrainHeight: num(), Loaded: 3},
				&all.MessageAltitude{AltitudeAmsl: num(), AltitudeTerrain: num()},
				beatOf(6, 8), goodGPS(), copter(true),
			}[pick(5)])
		}
	}
	return steps
}

func TestNoFramesGiveALineOfSightThatIsNone(t *testing.T) {
	rays, hits, grounds := 0, 0, 0
	plans := []CameraPlan{{}, {Mount: MountFixed, PitchMDeg: -45_000}, {Component: 154}}
	property := func(rt *rapid.T) {
		steps := drawAim(rt, t)
		plan := testPlan()
		plan.Vehicles[0].Camera = rapid.SampledFrom(plans).Draw(rt, "camera")
		look := func(f *Fleet, at int64) string {
			var told []Ray
			for _, ago := range []int64{0, 77_000, 600_000, 1_500_000} {
				for _, doubt := range []int64{0, 1_000_000, math.MaxInt64} {
					if ray, ok := f.aim(f.tracks[1][0], 100, Stamp{At: at - ago, Uncertainty: doubt}); ok {
						checkRay(rt, &ray)
						told = append(told, ray)
						rays++
						if ray.HitKnown {
							hits++
						}
						if ray.GroundKnown {
							grounds++
						}
					}
				}
			}
			return asJSON(rt, told)
		}
		whole := NewFleet(plan)
		var looks []string
		for i := range steps {
			steps[i].apply(whole, &News{})
			looks = append(looks, look(whole, steps[i].at))
		}
		// The memory is exact: a fleet that is saved and restored after each frame sees the same.
		f := NewFleet(plan)
		for i := range steps {
			f = restarted(t, f, plan)
			steps[i].apply(f, &News{})
			if got := look(f, steps[i].at); got != looks[i] {
				rt.Fatalf("step %d: restored it looks at %s, else at %s", i, got, looks[i])
			}
		}
		if a, b := asJSON(rt, whole.State()), asJSON(rt, f.State()); a != b {
			rt.Fatalf("restored: %s\nelse: %s", b, a)
		}
		if a := &f.tracks[1][0].Aim; len(a.Gimbals) > maxGimbals {
			rt.Fatalf("%d gimbals", len(a.Gimbals))
		}
	}
	tried := func() bool { return rays > 0 && hits > 0 && grounds > 0 }
	for tries := 0; !tried() && tries < 20 && !t.Failed(); tries++ { // one round of 100 draws in forty meets no ground
		rapid.Check(t, property)
	}
	if !tried() && !t.Failed() {
		t.Errorf("%d rays, %d with a hit, %d with ground: the property was not tried", rays, hits, grounds)
	}
}

func TestACopyOfTheMemoryDoesNotChange(t *testing.T) {
	x := flying(t, testPlan())
	x.places(100, 0)
	before := x.fleet.State()
	kept := asJSON(t, before)
	for range 40 {
		x.wait(100 * time.Millisecond)
		x.places(90, 10)
		x.send(1, 1, x.gimbal(0, -20, 0, nan, 32))
		x.send(1, 154, x.gimbal(0, -20, 0, nan, 32))
		x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS()})
	}
	if asJSON(t, before) != kept {
		t.Error("a saved state changed with the fleet")
	}
	for i := range 20 {
		x.send(1, uint8(100+i), x.gimbal(0, -20, 0, nan, 32))
	}
	if n := len(x.track(1).Aim.Gimbals); n != maxGimbals {
		t.Errorf("%d gimbals are remembered", n)
	}
}

func TestTheVehicleTellsWhereItsImageMeetsTheGround(t *testing.T) {
	lat, lon := away(homeLat, homeLon, 100, 0) // where a camera 100 m up sees the ground 45 deg down
	at := func(lat, lon, alt int32) *all.MessageCameraFovStatus {
		m := fov(-45, 360)
		m.LatImage, m.LonImage, m.AltImage = lat, lon, alt
		return m
	}
	far, _ := away(homeLat, homeLon, 12_000, 0)
	beside, _ := away(homeLat, homeLon, 140, 0)
	for name, c := range map[string]struct {
		m    *all.MessageCameraFovStatus
		wait time.Duration
		ago  time.Duration
		want bool
	}{
		"fresh":                           {m: at(lat, lon, 740_000), want: true},
		"of unknown height":               {m: at(lat, lon, math.MaxInt32), want: true},
		"a second old":                    {m: at(lat, lon, 740_000), wait: 1400 * time.Millisecond, want: true},
		"too old":                         {m: at(lat, lon, 740_000), wait: 1500 * time.Millisecond},
		"a tag of long before it":         {m: at(lat, lon, 740_000), wait: 0, ago: 900 * time.Millisecond, want: true},
		"unknown":                         {m: at(math.MaxInt32, math.MaxInt32, 0)},
		"at infinity":                     {m: at(math.MinInt32, math.MinInt32, 0)},
		"0/0":                             {m: at(0, 0, 0)},
		"12 km away":                      {m: at(far, lon, math.MaxInt32)},
		"elsewhere than the camera looks": {m: at(lat, homeLon+12_000, 740_000)},
		"a little off":                    {m: at(beside, lon, 740_000)}, // 9.5 deg
	} {
		x := flying(t, testPlan())
		x.wait(2 * time.Second)
		x.places(100, 0)
		x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
		x.wait(800 * time.Millisecond)
		x.places(100, 0)
		x.send(1, 1, c.m)
		x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
		if c.wait > 0 {
			x.wait(c.wait)
			x.places(100, 0)
			x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
		}
		ray, ok := x.aims(c.ago)
		if !ok {
			t.Fatalf("%s: no ray", name)
		}
		if ray.HitKnown != c.want || c.want && (ray.HitLatE7 != lat || ray.HitLonE7 != lon) {
			t.Errorf("%s: %+v", name, ray)
		}
	}
}

func TestTheVehicleTellsHowHighTheGroundIs(t *testing.T) {
	report := func(height float32) *all.MessageTerrainReport {
		return &all.MessageTerrainReport{Lat: homeLat, Lon: homeLon, Spacing: 100, TerrainHeight: height, CurrentHeight: 90, Loaded: 200}
	}
	elsewhere := report(700)
	elsewhere.Lat += 100_000
	unknown := report(700)
	unknown.Spacing = 0
	empty := report(700) // as ArduCopter begins
	empty.Loaded = 0
	f := func(v float64) float32 { return float32(v) }
	for name, c := range map[string]struct {
		send []message.Message
		wait time.Duration
		mm   int32 // 0: not known
	}{
		"terrain report":                   {send: []message.Message{report(731.25)}, mm: 731_250},
		"below the sea":                    {send: []message.Message{report(-12)}, mm: -12_000},
		"ten seconds old":                  {send: []message.Message{report(731)}, wait: 10 * time.Second, mm: 731_000},
		"older":                            {send: []message.Message{report(731)}, wait: 10*time.Second + time.Millisecond},
		"of another place":                 {send: []message.Message{elsewhere}},
		"not known there":                  {send: []message.Message{unknown}},
		"nothing loaded":                   {send: []message.Message{empty}},
		"no number":                        {send: []message.Message{report(f(nan))}},
		"above all mountains":              {send: []message.Message{report(9000)}},
		"altitude":                         {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: 845, AltitudeTerrain: 120}}, mm: 720_000},
		"altitude unknown":                 {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: 845, AltitudeTerrain: -1001}}},
		"altitude of no number":            {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: 845, AltitudeTerrain: f(nan)}}},
		"altitude not filled in":           {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: 845}}},
		"altitude without a height":        {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: f(nan), AltitudeTerrain: 120}}, mm: 720_000},
		"altitude after a terrain report":  {send: []message.Message{report(731), &all.MessageAltitude{AltitudeAmsl: 840, AltitudeTerrain: 120}}, mm: 731_000},
		"altitude before a terrain report": {send: []message.Message{&all.MessageAltitude{AltitudeAmsl: 840, AltitudeTerrain: 120}, report(731)}, mm: 731_000},
	} {
		x := flying(t, testPlan())
		x.places(100, 0) // 840 m above the sea
		for _, m := range c.send {
			x.send(1, 1, m)
		}
		x.wait(c.wait)
		x.places(100, 0)
		x.send(1, 1, x.gimbal(0, -45, 0, nan, 64))
		ray, ok := x.aims(0)
		if !ok {
			t.Fatalf("%s: no ray", name)
		}
		if ray.GroundKnown != (c.mm != 0) || ray.GroundAMSLMM != c.mm {
			t.Errorf("%s: %+v", name, ray)
		}
	}
	x := flying(t, testPlan())
	x.places(100, 0)
	x.send(1, 154, report(700)) // another component
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 64))
	if ray, _ := x.aims(0); ray.GroundKnown {
		t.Errorf("by another component: %+v", ray)
	}
}

// aimTraffic is what tells of lines of sight, over and over: each call of next folds one frame.
func aimTraffic(t testing.TB, plan *FleetPlan) (next func(), x *field) {
	x = flying(t, plan)
	frames := []Frame{
		x.frame(1, 1, x.gimbal(0, -45, 10, 20, 32)), x.frame(1, 154, x.gimbal(0, -45, 10, nan, 64)),
		x.frame(1, 1, &all.MessageAttitude{Roll: 0.1, Yaw: 1}), x.frame(1, 1, &all.MessageMountStatus{PointingA: -4500}),
		x.frame(1, 1, &all.MessageMountOrientation{Pitch: -45}), x.frame(1, 1, fov(-45, 10)),
		x.frame(1, 1, &all.MessageTerrainReport{Lat: homeLat, Lon: homeLon, Spacing: 100, Loaded: 9, TerrainHeight: 700}),
		x.frame(1, 1, &all.MessageGlobalPositionInt{Lat: homeLat, Lon: homeLon, Alt: 800_000, RelativeAlt: 60_000}),
	}
	i := 0
	return func() {
		x.at += 20_000
		fr := &frames[i%len(frames)]
		fr.At, fr.Seq = x.at, uint8(i)
		x.last.Reset()
		x.fleet.Apply(fr, &x.last)
		i++
	}, x
}

func TestFoldingLinesOfSightAllocatesNothing(t *testing.T) {
	next, x := aimTraffic(t, testPlan())
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if a := &x.track(1).Aim; len(a.Gimbals) != 5 || len(a.Attitudes.Samples) != historyLen || a.Ground.At == 0 {
		t.Errorf("%d gimbals, %d attitudes: not everything was folded", len(a.Gimbals), len(a.Attitudes.Samples))
	}
}

func BenchmarkLinesOfSight(b *testing.B) {
	for name, m := range map[string]func(x *field) message.Message{
		"gimbal":            func(x *field) message.Message { return x.gimbal(0, -45, 10, nan, 32) },
		"gimbal, delta yaw": func(x *field) message.Message { return x.gimbal(0, -45, 10, 20, 32) },
		"mount status":      func(*field) message.Message { return &all.MessageMountStatus{PointingA: -4500} },
		"attitude":          func(*field) message.Message { return &all.MessageAttitude{Roll: 0.1, Yaw: 1} },
		"position": func(*field) message.Message {
			return &all.MessageGlobalPositionInt{Lat: homeLat, Lon: homeLon, Alt: 800_000, RelativeAlt: 60_000}
		},
	} {
		for _, camera := range []bool{true, false} {
			if !camera && name != "attitude" && name != "position" {
				continue // these make one
			}
			title := name
			if !camera {
				title += ", no camera"
			}
			b.Run(title, func(b *testing.B) {
				x := newField(b, testPlan())
				x.hover(1, 100)
				if camera {
					x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
				}
				fr := x.frame(1, 1, m(x))
				b.ReportAllocs()
				for b.Loop() {
					x.at += 50_000
					fr.At = x.at
					fr.Seq++
					x.last.Reset()
					x.fleet.Apply(&fr, &x.last)
				}
			})
		}
	}
	b.Run("aim", func(b *testing.B) {
		next, x := aimTraffic(b, testPlan())
		for range 1000 {
			next()
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := x.aims(100 * time.Millisecond); !ok {
				b.Fatal("no ray")
			}
		}
	})
}
