package mavlink

import (
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// twins are two drones under system id 1, 3 km apart, the second booted 100 s before the first. Each has a gimbal with a
// component id of its own; the first one's looks 30 down, the second one's 60.
type twins struct {
	*field
	numbers [2][256]uint8
	apart   bool // each has an address of its own
}

func (x *twins) says(drone int, comp uint8, m message.Message) {
	x.t.Helper()
	if x.apart {
		address := []string{"192.0.2.1:14550", "192.0.2.2:14550"}[drone]
		x.fleet.Origin(OriginNote{Origin: uint16(drone + 1), System: 1, Component: comp, Link: "field", Address: address})
	}
	x.seq[[2]uint8{1, comp}] = x.numbers[drone][comp]
	x.numbers[drone][comp]++
	x.send(1, comp, m)
}

func (x *twins) fly(seconds int) {
	x.t.Helper()
	for range seconds * 5 {
		for drone := range 2 {
			up, boot := 100.0, x.bootMS()+uint32(drone)*100_000
			p := x.position(float64(drone)*3000, 0, up)
			p.TimeBootMs = boot
			x.says(drone, 1, copter(true))
			x.says(drone, 1, p)
			x.says(drone, 1, &all.MessageAttitude{TimeBootMs: boot})
			g := x.gimbal(0, []float64{-30, -60}[drone], 0, nan, 64)
			g.TimeBootMs = boot
			x.says(drone, 154, g)
		}
		x.wait(200 * time.Millisecond)
	}
}

func TestAGimbalOfTwoDronesUnderOneIDIsUsedOnlyWhereItsDroneIsKnown(t *testing.T) {
	x := &twins{field: newField(t, testPlan()), apart: true}
	for i := range x.numbers[1] {
		x.numbers[1][i] = 120
	}
	x.fly(20)
	if n := len(x.fleet.tracks[1]); n != 2 {
		t.Fatalf("%d tracks", n)
	}
	for _, s := range x.fleet.tracks[1] {
		ray, ok := x.fleet.aim(s, 1, Stamp{At: x.at - 400_000})
		if !ok {
			t.Fatalf("track %d: no ray", s.Disc)
		}
		pitch := -30.0
		if n, _ := offset(homeLat, homeLon, ray.LatE7, ray.LonE7); n > 1000 {
			pitch = -60
		}
		looksAt(t, "its own", &ray, pitch, 0, 0.01)
	}

	// From one address nothing tells whose gimbal speaks.
	x = &twins{field: newField(t, testPlan())}
	for i := range x.numbers[1] {
		x.numbers[1][i] = 120
	}
	x.fly(20)
	if n := len(x.fleet.tracks[1]); n != 2 {
		t.Fatalf("%d tracks from one address", n)
	}
	for _, s := range x.fleet.tracks[1] {
		if ray, ok := x.fleet.aim(s, 1, Stamp{At: x.at - 400_000}); ok {
			t.Errorf("track %d: by nobody knows whose gimbal: %+v", s.Disc, ray)
		}
	}
}
