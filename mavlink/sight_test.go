package mavlink

import (
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

// turning is a vehicle at rest whose heading turns at a rate, deg/s, with a camera that looks ahead and 30 down; it tells
// each every 0.4 s, heading and gimbal half a step apart, until heading has become the given one.
func turning(t *testing.T, rate, heading float64) (x *field, headingAt func(ago time.Duration) float64) {
	x = newField(t, testPlan())
	x.hover(1, 100)
	const steps = 8
	end := x.at + steps*400_000 + 200_000
	headingAt = func(ago time.Duration) float64 {
		return math.Mod(heading-rate*(float64(end-x.at)/1e6+ago.Seconds())+720, 360)
	}
	for range steps {
		x.send(1, 1, copter(true))
		x.send(1, 1, goodGPS())
		x.places(100, headingAt(0))
		x.wait(200 * time.Millisecond)
		x.send(1, 1, x.gimbal(0, -30, 0, nan, 32))
		x.wait(200 * time.Millisecond)
	}
	x.wait(200 * time.Millisecond)
	return x, headingAt
}

func TestTheLineOfSightIsThatOfTheTagsTime(t *testing.T) {
	// 30 deg/s over north; 0.2 s is 6 deg, or 31 m at 300 m (PROTOCOL 2.4).
	for _, rate := range []float64{30, -30} {
		x, headingAt := turning(t, rate, rate*0.8) // 6 and 12 degrees on either side of north at its last two words
		for _, ms := range []int{650, 700, 800, 950, 1000, 1100, 1350, 1400} {
			ago := time.Duration(ms) * time.Millisecond
			ray, ok := x.aims(ago)
			if !ok {
				t.Fatalf("%v ago: no ray", ago)
			}
			looksAt(t, ago.String()+" ago", &ray, -30, headingAt(ago), 0.01)
			if ray.SigmaYaw > 2.001*deg {
				t.Errorf("%v ago, in between: %v deg", ago, ray.SigmaYaw/deg)
			}
		}
		// After the last heading it is held, and may have turned since.
		for _, ms := range []int{400, 200, 0} {
			ago := time.Duration(ms) * time.Millisecond
			gap := 600*time.Millisecond - ago
			ray, ok := x.aims(ago)
			if !ok {
				t.Fatalf("%v ago: no ray", ago)
			}
			looksAt(t, ago.String()+" ago", &ray, -30, headingAt(600*time.Millisecond), 0.01)
			if want := math.Hypot(2, 30*gap.Seconds()); math.Abs(ray.SigmaYaw/deg-want) > 0.02 {
				t.Errorf("%v after the last heading: error %v deg, want %v", gap, ray.SigmaYaw/deg, want)
			}
			if math.Abs(ray.SigmaPitch/deg-1) > 1e-6 {
				t.Errorf("its pitch did not move: %v deg", ray.SigmaPitch/deg)
			}
		}
		// Nor is a time known exactly that nobody told.
		ray, _ := x.fleet.aim(x.track(1), 1, Stamp{At: x.at - 800_000, Uncertainty: 1_000_000})
		if want := math.Hypot(2, 15); math.Abs(ray.SigmaYaw/deg-want) > 0.02 {
			t.Errorf("within a second: error %v deg, want %v", ray.SigmaYaw/deg, want)
		}
	}
}

func TestAGimbalIsFollowedBetweenItsSamples(t *testing.T) {
	// From 20 deg left of north to 40 right, while it goes down from 10 to 40, in the earth's frame and in the vehicle's.
	for _, flags := range []all.GIMBAL_DEVICE_FLAGS{32, 64} {
		x := flying(t, testPlan())
		x.wait(2 * time.Second)
		x.send(1, 1, x.gimbal(0, -10, -20, nan, flags))
		x.places(100, 0)
		x.wait(800 * time.Millisecond)
		x.send(1, 1, x.gimbal(0, -40, 40, nan, flags))
		x.places(100, 0)
		for _, c := range []struct {
			ago        int // ms
			pitch, yaw float64
			within     float64
		}{{800, -10, -20, 0.001}, {400, -25, 10, 4}, {0, -40, 40, 0.001}} {
			ray, ok := x.aims(time.Duration(c.ago) * time.Millisecond)
			if !ok {
				t.Fatalf("%d ms ago: no ray", c.ago)
			}
			looksAt(t, "between", &ray, c.pitch, c.yaw, c.within)
		}
		// Straight through: half of the turn from the one to the other.
		a, _ := x.aims(800 * time.Millisecond)
		m, _ := x.aims(400 * time.Millisecond)
		b, _ := x.aims(0)
		va, vm, vb := vec{a.North, a.East, a.Down}, vec{m.North, m.East, m.Down}, vec{b.North, b.East, b.Down}
		if d := math.Acos(va.dot(vm)) - math.Acos(vm.dot(vb)); math.Abs(d) > 2*deg {
			t.Errorf("the middle is %v deg off the middle", d/deg)
		}
		// 200 ms behind the last sample, at 37.5 deg/s down and 75 to the right.
		x.wait(200 * time.Millisecond)
		ray, ok := x.aims(0)
		if !ok {
			t.Fatal("no ray 0.2 s behind the last sample")
		}
		looksAt(t, "held", &ray, -40, 40, 0.001)
		if p, y := math.Hypot(1, 7.5), math.Hypot(2, 15); math.Abs(ray.SigmaPitch/deg-p) > 0.01 || math.Abs(ray.SigmaYaw/deg-y) > 0.01 {
			t.Errorf("held: %v, %v deg; want %v, %v", ray.SigmaPitch/deg, ray.SigmaYaw/deg, p, y)
		}
	}
	// Two frames cannot be mixed: the nearer sample counts.
	x := flying(t, testPlan())
	x.wait(2 * time.Second)
	x.places(100, 90)
	x.send(1, 1, x.gimbal(0, -30, 0, nan, 32))
	x.wait(800 * time.Millisecond)
	x.places(100, 90)
	x.send(1, 1, x.gimbal(0, -30, 0, nan, 64))
	for ago, yaw := range map[time.Duration]float64{500 * time.Millisecond: 90, 300 * time.Millisecond: 0} {
		ray, ok := x.aims(ago)
		if !ok {
			t.Fatalf("%v ago: no ray", ago)
		}
		looksAt(t, ago.String(), &ray, -30, yaw, 0.001)
	}
}

func TestAnAirframesAttitudeIsFollowedBetweenItsSamples(t *testing.T) {
	p := testPlan()
	p.Vehicles[0].Camera = CameraPlan{Mount: MountFixed, PitchMDeg: -45_000}
	x := flying(t, p)
	x.wait(2 * time.Second)
	for i := range 7 {
		x.places(100, nan)
		x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS(), Yaw: float32(halfTurn(float64(350+6*i) * deg))})
		x.wait(200 * time.Millisecond)
	}
	ray, ok := x.aims(700 * time.Millisecond)
	if !ok {
		t.Fatal("no ray")
	}
	looksAt(t, "over north", &ray, -45, 11, 0.001)
	ray, _ = x.aims(0)
	looksAt(t, "held", &ray, -45, 26, 0.001)
	if want := math.Hypot(2, 6); math.Abs(ray.SigmaYaw/deg-want) > 0.01 {
		t.Errorf("held: %v deg, want %v", ray.SigmaYaw/deg, want)
	}
}

func TestThePositionIsThatOfTheTagsTime(t *testing.T) {
	x := flying(t, testPlan())
	x.wait(2 * time.Second)
	start := x.at
	send := func() { // 15 m/s to the north-east, climbing at 2 m/s
		s := float64(x.at-start) / 1e6
		p := x.position(12*s, 9*s, 100+2*s)
		p.Vx, p.Vy = 1200, 900
		x.send(1, 1, p)
		x.send(1, 1, x.gimbal(0, -45, 0, 50, 32))
	}
	for range 4 {
		send()
		x.wait(500 * time.Millisecond)
	}
	for _, c := range []struct {
		ago  int     // ms
		upOf float64 // seconds of climb
	}{{1600, .4}, {1250, .75}, {1000, 1}, {600, 1.4}, {300, 1.5}, {0, 1.5}} {
		ray, ok := x.aims(time.Duration(c.ago) * time.Millisecond)
		if !ok {
			t.Fatalf("%d ms ago: no ray", c.ago)
		}
		s := float64(x.at-start)/1e6 - float64(c.ago)/1000
		n, e := offset(homeLat, homeLon, ray.LatE7, ray.LonE7)
		if math.Abs(n-12*s) > 0.03 || math.Abs(e-9*s) > 0.03 {
			t.Errorf("%d ms ago: at %.2f, %.2f m, want %.2f, %.2f", c.ago, n, e, 12*s, 9*s)
		}
		if up := 100 + 2*c.upOf; math.Abs(float64(ray.AboveHomeMM)/1000-up) > 0.01 || ray.AMSLMM != ray.AboveHomeMM+740_000 {
			t.Errorf("%d ms ago: %d mm up, %d mm above the sea, want %.2f m", c.ago, ray.AboveHomeMM, ray.AMSLMM, up)
		}
		if ray.SigmaPosM != 3 {
			t.Errorf("%d ms ago: %v m", c.ago, ray.SigmaPosM)
		}
	}
	if ray, _ := x.fleet.aim(x.track(1), 1, Stamp{At: x.at, Uncertainty: 400_000}); math.Abs(ray.SigmaPosM-math.Hypot(3, 15*.2)) > 1e-9 {
		t.Errorf("0.4 s of doubt at 15 m/s: %v m", ray.SigmaPosM)
	}

	// A jump has no middle.
	x.send(1, 1, x.position(5000, 0, 100))
	x.send(1, 1, x.gimbal(0, -45, 0, 50, 32))
	near, _ := x.aims(100 * time.Millisecond)
	far, _ := x.aims(400 * time.Millisecond)
	if n, _ := offset(homeLat, homeLon, near.LatE7, near.LonE7); math.Abs(n-5000) > 0.1 {
		t.Errorf("soon before the jump's end: %v m", n)
	}
	if n, _ := offset(homeLat, homeLon, far.LatE7, far.LonE7); math.Abs(n-18) > 0.1 {
		t.Errorf("soon after its beginning: %v m", n)
	}
}

func TestPlacesNearTheDateLineAndThePoles(t *testing.T) {
	a, b := Place{LatE7: 10e7, LonE7: 180e7 - 100}, Place{LatE7: 10e7, LonE7: -180e7 + 300}
	if p := a.between(&b, 0.75); p.LonE7 != -180e7+200 {
		t.Errorf("east over the date line: %d", p.LonE7)
	}
	if p := b.between(&a, 0.75); p.LonE7 != 180e7 && p.LonE7 != -180e7 {
		t.Errorf("west onto the date line: %d", p.LonE7)
	}
	if lat, lon := displaced(0, 180e7, 0, 100); lat != 0 || lon > -179e7 || lon < -180e7 {
		t.Errorf("100 m east of the date line: %d, %d", lat, lon)
	}
	for _, lat := range []int32{90e7, -90e7, 89_9999990} {
		if n, e := displaced(lat, 5, 80, 80); n != lat || e != 5 {
			t.Errorf("from %d: %d, %d", lat, n, e)
		}
	}
	lat, lon := displaced(homeLat, homeLon, 70, -40)
	if n, e := offset(homeLat, homeLon, lat, lon); math.Abs(n-70) > 0.02 || math.Abs(e+40) > 0.02 {
		t.Errorf("70 m north, 40 m west: %v, %v", n, e)
	}
}

func TestSamplesFarFromTheTagGiveNoRay(t *testing.T) {
	fill := func() *field {
		x := flying(t, testPlan())
		x.wait(3 * time.Second)
		x.places(100, 0)
		x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
		return x
	}
	x := fill()
	if _, ok := x.aims(time.Second); !ok {
		t.Error("none 1 s before")
	}
	if ray, ok := x.aims(1001 * time.Millisecond); ok {
		t.Errorf("1.001 s before: %+v", ray)
	}
	x.wait(time.Second)
	if _, ok := x.aims(0); !ok {
		t.Error("none 1 s after")
	}
	x.wait(time.Millisecond)
	if ray, ok := x.aims(0); ok {
		t.Errorf("1.001 s after: %+v", ray)
	}
	x.places(100, 0)
	if ray, ok := x.aims(0); ok {
		t.Errorf("1.001 s after the gimbal: %+v", ray)
	}
	x = fill()
	x.wait(1001 * time.Millisecond)
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 64))
	if ray, ok := x.aims(0); ok {
		t.Errorf("1.001 s after the position: %+v", ray)
	}
	// In a gap of 3 s there is a second in the middle of which nothing is known.
	x = fill()
	x.wait(3 * time.Second)
	x.places(100, 0)
	x.send(1, 1, x.gimbal(0, -45, 0, nan, 32))
	for ago, want := range map[int]bool{900: true, 1100: false, 1900: false, 2100: true} {
		if _, ok := x.aims(time.Duration(ago) * time.Millisecond); ok != want {
			t.Errorf("%d ms into the gap: a ray: %v", ago, ok)
		}
	}
	// After a reboot nothing of before counts.
	x = fill()
	p := x.position(0, 0, 100)
	p.TimeBootMs = 100
	x.send(1, 1, p)
	if ray, ok := x.aims(0); ok {
		t.Errorf("after a reboot: %+v", ray)
	}
}

func TestAHistoryReachesBackTwoSecondsAtAnyRate(t *testing.T) {
	var s TrackState
	for _, every := range []int64{20_000, 50_000, 100_000, 200_000, 500_000} {
		for _, dated := range []bool{false, true} {
			var h History[Tilt]
			at := int64(fieldStart)
			for range 1000 {
				at += every
				boot := uint32(0)
				if dated {
					boot = uint32((at - fieldStart) / 1000)
				}
				*h.add(at, boot) = Tilt{Yaw: int32((at - fieldStart) / 1000)}
			}
			if len(h.Samples) != historyLen || h.Samples[h.Newest].At != at {
				t.Fatalf("every %d µs: %d samples, the newest of %d", every, len(h.Samples), h.Samples[h.Newest].At)
			}
			for ago := int64(0); ago < 2_100_000; ago += 7_000 {
				m, ok := h.at(&s, at-ago)
				if !ok {
					t.Fatalf("every %d µs: nothing of %d µs ago", every, ago)
				}
				got := float64(m.a.Yaw) + m.f*float64(m.b.Yaw-m.a.Yaw) + m.gap*1000
				if want := float64(at-ago-fieldStart) / 1000; math.Abs(got-want) > 1.001 {
					t.Fatalf("every %d µs, %d µs ago: %v, want %v", every, ago, got, want)
				}
			}
		}
	}
	// A radio that hands over half a second of samples at once.
	var h History[Tilt]
	for i := range 100 {
		*h.add(fieldStart+int64(i/10)*500_000, uint32(1000+i*50)) = Tilt{Yaw: int32(i)}
	}
	if span := h.Samples[h.Newest].BootMS - h.Samples[(h.Newest+1)%historyLen].BootMS; span < 2000 {
		t.Errorf("in bursts they reach back %d ms", span)
	}
}

func TestQuaternions(t *testing.T) {
	// Yaw 90, then nose down 30, then rolled: the boresight does not see the roll.
	for _, roll := range []float64{0, 40, -170} {
		v := turned(roll*deg, -30*deg, 90*deg).boresight()
		if math.Abs(v.n) > 1e-12 || math.Abs(v.e-math.Cos(30*deg)) > 1e-12 || math.Abs(v.d-0.5) > 1e-12 {
			t.Errorf("roll %v: %+v", roll, v)
		}
	}
	a, b := turned(0, -0.2, 3.0), turned(0, -0.2, -3.0) // the short way is over south
	for _, f := range []float64{0, 0.25, 0.5, 1} {
		if v := a.between(b, f).boresight(); math.Abs(halfTurn(v.yaw()-3.0-f*(2*math.Pi-6))) > 1e-9 {
			t.Errorf("%v of the way: yaw %v", f, v.yaw())
		}
		minus := quat{-b.w, -b.x, -b.y, -b.z}
		if v := a.between(minus, f).boresight(); math.Abs(halfTurn(v.yaw()-3.0-f*(2*math.Pi-6))) > 1e-9 {
			t.Errorf("%v of the way to the same attitude told otherwise: yaw %v", f, v.yaw())
		}
	}
	if q := a.between(a, 0.3); math.Abs(q.w-a.w)+math.Abs(q.x-a.x)+math.Abs(q.y-a.y)+math.Abs(q.z-a.z) > 1e-12 {
		t.Errorf("between two equal ones: %+v", q)
	}
}

func TestAGimbalOnAClockOfItsOwnIsDatedByIt(t *testing.T) {
	// Switched on three seconds after the autopilot, and told over a link that keeps every other message for 0.15 s.
	x := newField(t, testPlan())
	x.hover(1, 100)
	truth := func(at int64) float64 { return float64(at-fieldStart) / 1e6 * 20 } // deg/s
	for i := range 30 {
		sent := x.at
		m := x.gimbal(0, -30, truth(sent), nan, 64)
		m.TimeBootMs -= 3000
		late := time.Duration(i%2) * 150 * time.Millisecond
		x.wait(late)
		x.send(1, 154, m)
		x.wait(200*time.Millisecond - late)
		x.places(100, 0)
	}
	for ago := 100 * time.Millisecond; ago < 900*time.Millisecond; ago += 70 * time.Millisecond {
		ray, ok := x.aims(ago)
		if !ok {
			t.Fatalf("%v ago: no ray", ago)
		}
		// 3 deg off is what the late half of the messages would be by their arrival.
		want := truth(x.at - ago.Microseconds())
		if ago < 200*time.Millisecond {
			want = truth(x.at - 200_000) // held
		}
		looksAt(t, ago.String()+" ago", &ray, -30, want, 0.1)
	}
}
