package mavlink

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// bootMS is the vehicle's clock, as x.position has it.
func (x *field) bootMS() uint32 { return uint32((x.at-fieldStart)/1000) + 60_000 }

// places sends a position at rest over home, headed somewhere (NaN: it does not know where to).
func (x *field) places(up, heading float64) {
	x.t.Helper()
	p := x.position(0, 0, up)
	p.Hdg = headingCD(heading)
	x.send(1, 1, p)
}

func headingCD(degrees float64) uint16 {
	if math.IsNaN(degrees) {
		return math.MaxUint16
	}
	return uint16(math.Round(degrees*100)) % 36000
}

// flying is a vehicle in the air with a good position and a camera that has been heard.
func flying(t testing.TB, p *FleetPlan) *field {
	x := newField(t, p)
	x.hover(1, 100)
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
	x.wait(5 * time.Second)
	x.send(1, 1, copter(true))
	x.send(1, 1, goodGPS())
	return x
}

var nan = math.NaN()

func floats(q quat) [4]float32 {
	return [4]float32{float32(q.w), float32(q.x), float32(q.y), float32(q.z)}
}

// gimbal is a GIMBAL_DEVICE_ATTITUDE_STATUS of these angles, degrees.
func (x *field) gimbal(roll, pitch, yaw, deltaYaw float64, flags all.GIMBAL_DEVICE_FLAGS) *all.MessageGimbalDeviceAttitudeStatus {
	return &all.MessageGimbalDeviceAttitudeStatus{
		TimeBootMs: x.bootMS(), Flags: flags, Q: floats(turned(roll*deg, pitch*deg, yaw*deg)),
		DeltaYaw: float32(deltaYaw * deg), DeltaYawVelocity: float32(nan),
	}
}

func (x *field) track(sys uint8) *TrackState { return x.fleet.tracks[sys][0] }

// aims asks for the line of sight of an instant before now that is known exactly.
func (x *field) aims(ago time.Duration) (Ray, bool) {
	return x.fleet.aim(x.track(1), 1, Stamp{At: x.at - ago.Microseconds(), Source: TimeBoot})
}

// ground is where a ray meets flat ground, in metres north and east of the camera.
func (r *Ray) ground(h float64) (north, east float64) {
	return h / r.Down * r.North, h / r.Down * r.East
}

// looksAt checks where a ray looks, degrees.
func looksAt(t testing.TB, title string, r *Ray, pitch, yaw, within float64) {
	t.Helper()
	v := vec{r.North, r.East, r.Down}
	if dp, dy := v.pitch()/deg-pitch, halfTurn(v.yaw()-yaw*deg)/deg; math.Abs(dp) > within || math.Abs(dy) > within {
		t.Errorf("%s: looks %.3f up and %.3f from north, not %.3f and %.3f", title, v.pitch()/deg, v.yaw()/deg, pitch, yaw)
	}
}

// The vectors of PROTOCOL 2.2, for ground 100 m below the camera.
func TestTheRayMeetsTheGroundWhereThePublishedVectorsSay(t *testing.T) {
	for _, c := range []struct {
		heading            float64
		q                  [4]float32
		north, east, slant float64
	}{
		{0, [4]float32{.923880, 0, -.382683, 0}, 100.000, 0, 141.421},
		{90, [4]float32{.923880, 0, -.382683, 0}, 0, 100.000, 141.421},
		{45, [4]float32{.683013, .183013, -.183013, .683013}, -122.474, 122.474, 200.000},
		{350, [4]float32{.836516, -.129410, -.482963, -.224144}, 44.228, -37.111, 115.470},
		{180, [4]float32{.996195, 0, -.087156, 0}, -567.128, 0, 575.877},
	} {
		for _, delta := range []float64{nan, 0, c.heading} {
			x := flying(t, testPlan())
			x.places(100, c.heading)
			g := x.gimbal(0, 0, 0, delta, 32|16)
			g.Q = c.q
			x.send(1, 154, g)
			ray, ok := x.aims(0)
			if !ok {
				t.Fatalf("heading %v, delta yaw %v: no ray", c.heading, delta)
			}
			if !ray.AboveHomeKnown || !ray.AMSLKnown || ray.AMSLMM != 840_000 || ray.LatE7 != homeLat || ray.LonE7 != homeLon {
				t.Errorf("from %+v", ray)
			}
			h := float64(ray.AboveHomeMM) / 1000
			if n, e := ray.ground(h); math.Abs(n-c.north) > 0.1 || math.Abs(e-c.east) > 0.1 || math.Abs(h/ray.Down-c.slant) > 0.1 {
				t.Errorf("heading %v, delta yaw %v: %.3f, %.3f, slant %.3f; want %+v", c.heading, delta, n, e, h/ray.Down, c)
			}
			if math.Abs(ray.SigmaPitch-1*deg) > 1e-12 || math.Abs(ray.SigmaYaw-2*deg) > 1e-12 || ray.SigmaPosM != 3 {
				t.Errorf("errors of %v, %v, %v m", ray.SigmaPitch/deg, ray.SigmaYaw/deg, ray.SigmaPosM)
			}
		}
	}
}

func TestTheFlagsOfAGimbalNameItsFrame(t *testing.T) {
	const pitch, yaw = -30, 40
	earth := map[all.GIMBAL_DEVICE_FLAGS]bool{0: false, 16: true, 32: false, 32 | 16: false, 64: true, 64 | 16: true, 32 | 64: false, 32 | 64 | 16: false}
	for flags, fromNorth := range earth {
		for _, heading := range []float64{0, 90, 200, 350, nan} {
			for _, delta := range []float64{nan, 0, 77, -120, 1000} {
				title := fmt.Sprintf("flags %d, heading %v, delta yaw %v", flags, heading, delta)
				x := flying(t, testPlan())
				x.places(100, heading)
				x.send(1, 1, x.gimbal(5, pitch, yaw, delta, flags|4|8))
				want, known := heading, !math.IsNaN(heading)
				if flags&32 != 0 && (delta == 77 || delta == -120) {
					want, known = delta, true // the sender's own heading, unless it is absent or no angle
				}
				if fromNorth {
					want, known = 0, true
				}
				ray, ok := x.aims(0)
				if ok != known {
					t.Errorf("%s: a ray: %v", title, ok)
				} else if ok {
					looksAt(t, title, &ray, pitch, want+yaw, 1e-3)
				}
			}
		}
	}
}

func TestTheHeadingComesFromTheAttitudeWhereThePositionHasNone(t *testing.T) {
	x := flying(t, testPlan())
	x.places(100, nan)
	x.send(1, 1, x.gimbal(0, -30, 10, nan, 32))
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS(), Roll: 0.3, Pitch: -0.2, Yaw: float32(200 * deg)})
	ray, ok := x.aims(0)
	if !ok {
		t.Fatal("no ray")
	}
	looksAt(t, "by ATTITUDE", &ray, -30, 210, 1e-3)

	x.wait(600 * time.Millisecond)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS(), Yaw: float32(260 * deg)})
	x.places(100, 50) // equally near: the position's own
	x.send(1, 1, x.gimbal(0, -30, 10, nan, 32))
	ray, _ = x.aims(0)
	looksAt(t, "by both", &ray, -30, 60, 1e-3)
	x.wait(200 * time.Millisecond)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS(), Yaw: float32(90 * deg)})
	ray, _ = x.aims(0)
	looksAt(t, "by the nearer one", &ray, -30, 100, 1e-3)
}

func TestOlderMessagesAndFixedCamerasTellWhereTheCameraLooks(t *testing.T) {
	f := func(v float64) float32 { return float32(v) }
	fixed := testPlan()
	fixed.Vehicles[0].Camera = CameraPlan{Mount: MountFixed, PitchMDeg: -60_000, YawMDeg: 90_000}
	level := testPlan()
	level.Vehicles[0].Camera = CameraPlan{Mount: MountFixed, RollMDeg: 20_000}
	for _, heading := range []float64{0, 90, 200, 350} {
		for name, c := range map[string]struct {
			plan       *FleetPlan
			m          message.Message
			pitch, yaw float64
			none       bool
		}{
			"265":                       {m: &all.MessageMountOrientation{Roll: 3, Pitch: -50, Yaw: 20}, pitch: -50, yaw: heading + 20},
			"265, from north":           {m: &all.MessageMountOrientation{Roll: 3, Pitch: -50, Yaw: 20, YawAbsolute: 123}, pitch: -50, yaw: 123},
			"265, only from north":      {m: &all.MessageMountOrientation{Pitch: -50, Yaw: f(nan), YawAbsolute: -10}, pitch: -50, yaw: -10},
			"265 without roll":          {m: &all.MessageMountOrientation{Roll: f(nan), Pitch: -50, Yaw: 20, YawAbsolute: f(nan)}, pitch: -50, yaw: heading + 20},
			"265 without pitch":         {m: &all.MessageMountOrientation{Pitch: f(nan), Yaw: 20, YawAbsolute: 20}, none: true},
			"265 without any yaw":       {m: &all.MessageMountOrientation{Pitch: -50, Yaw: f(nan), YawAbsolute: f(nan)}, none: true},
			"265, yaw absolute absent":  {m: &all.MessageMountOrientation{Pitch: -50, Yaw: f(nan)}, none: true},
			"265 of no angle":           {m: &all.MessageMountOrientation{Pitch: -5000, Yaw: 20}, none: true},
			"158":                       {m: &all.MessageMountStatus{PointingA: -4550, PointingB: 700, PointingC: -9000}, pitch: -45.5, yaw: heading - 90},
			"158 in neutral":            {m: &all.MessageMountStatus{PointingA: -4550, MountMode: 1}, none: true},
			"158 of no angle":           {m: &all.MessageMountStatus{PointingA: math.MinInt32}, none: true},
			"271":                       {m: fov(-30, 75), pitch: -30, yaw: 75},
			"271 that is not filled in": {m: &all.MessageCameraFovStatus{LatImage: math.MaxInt32}, none: true},
			"271 turned by nothing":     {m: &all.MessageCameraFovStatus{LatImage: math.MaxInt32, Q: [4]float32{1}}, none: true},
			"271 without a rotation":    {m: &all.MessageCameraFovStatus{LatImage: math.MaxInt32, Q: [4]float32{f(nan), f(nan), f(nan), f(nan)}}, none: true},
			// Banked 30 degrees to the right, a camera that looks right and 60 down looks straight down.
			"fixed, banked": {plan: fixed, m: &all.MessageAttitude{Roll: f(30 * deg), Yaw: f(heading * deg)}, pitch: -90, yaw: 0},
			"fixed, level":  {plan: fixed, m: &all.MessageAttitude{Yaw: f(heading * deg)}, pitch: -60, yaw: heading + 90},
			// Nose down 25: so does a camera that looks ahead, whatever its own roll.
			"fixed ahead": {plan: level, m: &all.MessageAttitude{Pitch: f(-25 * deg), Yaw: f(heading * deg)}, pitch: -25, yaw: heading},
			// The yaw that the gimbal tells is nothing to a fixed camera.
			"fixed, without attitude": {plan: fixed, m: fov(-30, 75), none: true},
			"attitude of no number":   {plan: fixed, m: &all.MessageAttitude{Pitch: f(math.Inf(1))}, none: true},
		} {
			if c.plan == nil {
				c.plan = testPlan()
			}
			x := flying(t, c.plan)
			x.places(100, heading)
			x.send(1, 1, c.m)
			ray, ok := x.aims(0)
			if ok == c.none {
				t.Errorf("%s, heading %v: a ray: %v", name, heading, ok)
			}
			if !ok || c.none {
				continue
			}
			if c.pitch == -90 {
				if ray.Down < 0.999999 {
					t.Errorf("%s, heading %v: %+v", name, heading, ray)
				}
				continue
			}
			looksAt(t, fmt.Sprintf("%s, heading %v", name, heading), &ray, c.pitch, c.yaw, 0.01)
		}
	}
}

// fov is a CAMERA_FOV_STATUS without an image centre.
func fov(pitch, yaw float64) *all.MessageCameraFovStatus {
	return &all.MessageCameraFovStatus{
		LatCamera: math.MaxInt32, LonCamera: math.MaxInt32, AltCamera: math.MaxInt32,
		LatImage: math.MaxInt32, LonImage: math.MaxInt32, AltImage: math.MaxInt32, Q: floats(turned(0, pitch*deg, yaw*deg)),
	}
}

func TestAGimbalThatIsStowedOrBrokenGivesNoRay(t *testing.T) {
	for name, spoil := range map[string]func(*all.MessageGimbalDeviceAttitudeStatus){
		"retracted": func(m *all.MessageGimbalDeviceAttitudeStatus) { m.Flags |= 1 },
		"neutral":   func(m *all.MessageGimbalDeviceAttitudeStatus) { m.Flags |= 2 },
		"failing":   func(m *all.MessageGimbalDeviceAttitudeStatus) { m.FailureFlags = 1 << 9 },
	} {
		x := flying(t, testPlan())
		x.places(100, 0)
		// Not even by a lesser message: that one does not know.
		x.send(1, 1, &all.MessageMountStatus{PointingA: -4500})
		m := x.gimbal(0, -45, 0, nan, 32)
		spoil(m)
		x.send(1, 1, m)
		if ray, ok := x.aims(0); ok {
			t.Errorf("%s: %+v", name, ray)
		}
		x.wait(400 * time.Millisecond)
		x.places(100, 0)
		x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
		if _, ok := x.aims(0); !ok {
			t.Errorf("%s: no ray when it works again", name)
		}
		if _, ok := x.aims(200 * time.Millisecond); ok {
			t.Errorf("%s: a ray of the time in between", name)
		}
		x.wait(400 * time.Millisecond)
		m.TimeBootMs = x.bootMS()
		x.send(1, 1, m)
		if _, ok := x.aims(200 * time.Millisecond); ok {
			t.Errorf("%s again: a ray of the time in between", name)
		}
	}
	// A quaternion that is none is as good as no message: the next best counts.
	for name, q := range map[string][4]float32{
		"zero": {}, "long": {1, 0, -0.4, 0}, "short": {.9, 0, -.38, 0}, "infinite": {float32(math.Inf(1)), 0, 0, 0}, "no number": {1, float32(nan), 0, 0},
	} {
		x := flying(t, testPlan())
		x.places(100, 0)
		m := x.gimbal(0, 0, 0, nan, 32)
		m.Q = q
		x.send(1, 1, m)
		if ray, ok := x.aims(0); ok {
			t.Errorf("%s: %+v", name, ray)
		}
		x.send(1, 1, &all.MessageMountStatus{PointingA: -4500})
		ray, ok := x.aims(0)
		if !ok {
			t.Fatalf("%s: no ray by MOUNT_STATUS", name)
		}
		looksAt(t, name, &ray, -45, 0, 1e-3)
	}
	// Within 1 % it is rounding.
	x := flying(t, testPlan())
	x.places(100, 0)
	m := x.gimbal(0, -45, 0, nan, 32)
	for i := range m.Q {
		m.Q[i] *= 1.009
	}
	x.send(1, 1, m)
	ray, ok := x.aims(0)
	if !ok {
		t.Fatal("a quaternion 0.9 % long is refused")
	}
	looksAt(t, "0.9 % long", &ray, -45, 0, 1e-3)
}

func TestTheMostTellingMessageOfTheRightGimbalCounts(t *testing.T) {
	x := flying(t, testPlan())
	x.wait(2 * time.Second)
	x.places(100, 0)
	look := func(title string, pitch float64) {
		t.Helper()
		ray, ok := x.aims(0)
		if !ok {
			t.Fatalf("%s: no ray", title)
		}
		looksAt(t, title, &ray, pitch, 0, 0.01)
	}
	x.send(1, 1, fov(-10, 360))
	look("271", -10)
	x.send(1, 1, &all.MessageMountStatus{PointingA: -2000})
	look("158", -20)
	x.send(1, 154, &all.MessageMountOrientation{Pitch: -30})
	look("265", -30)
	x.send(1, 172, x.gimbal(0, -40, 0, nan, 32))
	look("285", -40)
	x.send(1, 171, x.gimbal(0, -50, 0, nan, 32))
	look("285 of a lower id", -50)
	second := x.gimbal(0, -60, 0, nan, 32)
	second.GimbalDeviceId = 2
	x.send(1, 1, second)
	look("285 of device 2", -60)
	first := x.gimbal(0, -70, 0, nan, 32)
	first.GimbalDeviceId = 1
	x.send(1, 1, first)
	look("285 of device 1", -70)
	odd := x.gimbal(0, -80, 0, nan, 32)
	odd.GimbalDeviceId = 200 // no device
	x.send(1, 154, odd)
	look("285 of device 1 still", -70)

	for component, pitch := range map[uint8]float64{171: -50, 2: -60, 172: -40, 154: -80} {
		p := testPlan()
		p.Vehicles[0].Camera.Component = component
		x.fleet.SetPlan(p)
		look(fmt.Sprintf("configured %d", component), pitch)
	}
	p := testPlan()
	p.Vehicles[0].Camera.Component = 173
	x.fleet.SetPlan(p)
	if ray, ok := x.aims(0); ok {
		t.Errorf("a gimbal that is not heard gives %+v", ray)
	}

	// The camera that tagged knows best where it looks itself.
	x = flying(t, testPlan())
	x.places(100, 0)
	x.send(1, 101, fov(-15, 360))
	x.send(1, 100, fov(-25, 360))
	for camera, pitch := range map[uint8]float64{100: -25, 101: -15, 1: -25} {
		ray, ok := x.fleet.aim(x.track(1), camera, Stamp{At: x.at})
		if !ok {
			t.Fatal("no ray")
		}
		looksAt(t, fmt.Sprint("camera ", camera), &ray, pitch, 0, 0.01)
	}
}

func TestNobodyButTheVehicleTellsWhereItsCameraLooks(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 100)
	x.send(1, 190, beatOf(6, 8)) // a ground station under the drone's system id
	x.send(1, 190, x.gimbal(0, -45, 0, nan, 32))
	x.send(255, 190, beatOf(6, 8))
	x.send(255, 190, x.gimbal(0, -45, 0, nan, 32))
	x.send(2, 1, x.gimbal(0, -45, 0, nan, 32))
	if ray, ok := x.aims(0); ok {
		t.Errorf("by others: %+v", ray)
	}
	x.send(1, 154, beatOf(26, 8)) // a gimbal
	x.send(1, 154, x.gimbal(0, -45, 0, nan, 32))
	if _, ok := x.aims(0); !ok {
		t.Error("not by its own gimbal either")
	}
	if n := len(x.track(255).Aim.Gimbals); n != 0 {
		t.Errorf("a ground station has %d gimbals", n)
	}

	p := testPlan()
	p.Sources = []Source{SourceMark}
	x = newField(t, p)
	x.hover(1, 100)
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
	x.send(1, 1, x.position(0, 0, 100))
	if a := &x.track(1).Aim; len(a.Gimbals)+len(a.Places.Samples) != 0 {
		t.Error("a vehicle that nothing is asked of keeps its lines of sight")
	}
}

func TestARayNeedsABelievedPosition(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 64))
	if ray, ok := x.aims(0); ok {
		t.Errorf("without a position: %+v", ray)
	}
	p := x.position(0, 0, 100)
	p.Lat, p.Lon = 0, 0
	x.send(1, 1, p)
	if ray, ok := x.aims(0); ok {
		t.Errorf("from 0/0: %+v", ray)
	}
	x.send(1, 1, x.position(0, 0, 100))
	ray, ok := x.aims(0)
	if !ok {
		t.Fatal("no ray")
	}
	// Nothing vouches for the heading but a compass: no GPS_RAW_INT has been heard.
	if math.Abs(ray.SigmaYaw-5*deg) > 1e-12 || ray.SigmaPosM != 3 {
		t.Errorf("errors of %v deg, %v m", ray.SigmaYaw/deg, ray.SigmaPosM)
	}
	// A GPS that is all there is tells no height above home.
	y := newField(t, testPlan())
	y.send(1, 1, copter(true))
	for range 7 {
		y.send(1, 1, goodGPS())
		y.wait(time.Second)
	}
	y.send(1, 1, goodGPS())
	y.send(1, 1, y.gimbal(0, -45, 0, nan, 64))
	if gps, ok := y.aims(0); !ok || gps.AboveHomeKnown || !gps.AMSLKnown || gps.AMSLMM != 740_000 {
		t.Errorf("by the GPS alone: %v, %+v", ok, gps)
	}
	g := goodGPS()
	g.HAcc = 1500
	x.send(1, 1, g)
	x.wait(200 * time.Millisecond)
	x.send(1, 1, x.position(0, 0, 100))
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 64))
	if ray, _ = x.aims(0); ray.SigmaPosM != 1.5 || math.Abs(ray.SigmaYaw-2*deg) > 1e-12 {
		t.Errorf("with GPS: errors of %v deg, %v m", ray.SigmaYaw/deg, ray.SigmaPosM)
	}
	plan := testPlan()
	plan.Vehicles[0].Camera = CameraPlan{SigmaPitchMDeg: 500, SigmaYawMDeg: 7500}
	x.fleet.SetPlan(plan)
	if ray, _ = x.aims(0); math.Abs(ray.SigmaPitch-0.5*deg) > 1e-12 || math.Abs(ray.SigmaYaw-7.5*deg) > 1e-12 {
		t.Errorf("as configured: %v, %v", ray.SigmaPitch/deg, ray.SigmaYaw/deg)
	}
}
