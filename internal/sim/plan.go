package sim

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Plan is a patrol: who flies, and what is tagged when.
type Plan struct {
	Start  time.Time     // what the drones' clocks show at the first step; not zero
	Length time.Duration // of the whole patrol, 0: endless
	Drones []Drone
	Tags   []Tag
}

// Drone is one copter. It arms at the first point of its route, climbs, flies the route to its end and back Laps
// times, lands where it took off, rests, and begins again with a fresh battery.
type Drone struct {
	System uint8 // MAVLink system id, 1..250
	Name   string
	Route  []Point // at least two points
	// SpeedMS is the speed over ground in m/s, AltM the height above the take-off point in metres, GroundM that
	// point's height above mean sea level in metres.
	SpeedMS, AltM, GroundM float64
	Laps                   int           // at least 1
	Rest                   time.Duration // on the ground, disarmed, between two flights
	// Ahead is how far into its flight, counted from arming, the drone is when the patrol starts. A negative one
	// leaves it waiting on the ground for that long.
	Ahead time.Duration
}

// Point is a WGS-84 position in degrees.
type Point struct{ Lat, Lon float64 }

// Tag is something that a drone's pilot, or its camera, points out.
type Tag struct {
	System uint8         // of the drone that tags
	After  time.Duration // since the start of the patrol
	At     Point         // of the target, on the ground
	Source Source
}

// Source is the way in which a drone tells of a tag.
type Source uint8

const (
	// Press is a flip of the pilot's switch: the STATUSTEXT and the CAMERA_FEEDBACK that ArduPilot's mount-poi.lua
	// sends (docs/protocol.md).
	Press Source = iota
	// Tracking is a camera that follows a target for trackedFor with CAMERA_TRACKING_GEO_STATUS, then goes idle.
	Tracking
)

// How a copter behaves, and how often it reports.
const (
	tick       = 200 * time.Millisecond // 5 Hz
	perSecond  = int64(time.Second / tick)
	armedFor   = 2 * time.Second // on the ground, before take-off and after landing
	climbMS    = 3.0
	descendMS  = 2.0
	bootBefore = time.Minute // power was switched on that long before the patrol's start
	trackedFor = 5 * time.Second
	usedFlight = 0.7 // of the battery, by one whole flight
	maxDrones  = 200 // one tick has room for as many distinct milliseconds
)

// Check returns all that is wrong with p, nil if it can be flown.
func (p Plan) Check() error {
	var wrong []error
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if p.Start.IsZero() {
		note("start is missing: give the time that the drones' clocks show at first")
	}
	if len(p.Drones) == 0 || len(p.Drones) > maxDrones {
		note("%d drones: give 1 to %d", len(p.Drones), maxDrones)
	}
	known := map[uint8]bool{}
	for _, d := range p.Drones {
		switch {
		case d.System < 1 || d.System > 250:
			note("drone %q: system %d: give 1 to 250", d.Name, d.System)
		case known[d.System]:
			note("drone %q: system %d is taken: give each drone its own", d.Name, d.System)
		}
		known[d.System] = true
		if len(d.Route) < 2 || !(routeLength(d.Route) > 0) {
			note("drone %q: the route leads nowhere: give at least two different points", d.Name)
		}
		for _, at := range d.Route {
			if !at.onEarth() {
				note("drone %q: route point %v is not on the earth: give latitude, then longitude, in degrees", d.Name, at)
			}
		}
		if !(d.SpeedMS > 0 && d.SpeedMS <= 50) || !(d.AltM > 0 && d.AltM <= 1000) || d.Laps < 1 || d.Rest < 0 {
			note("drone %q: give a speed of up to 50 m/s, a height of up to 1000 m, a lap or more and a rest that is not negative", d.Name)
		}
	}
	for i, t := range p.Tags {
		if !known[t.System] || t.After < 0 || !t.At.onEarth() || t.Source > Tracking {
			note("tag %d: give the system of one of the drones, a time after the start, a point on the earth and a known source", i+1)
		}
	}
	return errors.Join(wrong...)
}

func (p Point) onEarth() bool { return math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180 }

// Lengths on a sphere are good to 0.3 %, which is plenty for a drone that nobody built.
const metresPerDegree = 111_195.0

// delta is the way from a to b in metres, north and east.
func delta(a, b Point) (north, east float64) {
	mid := (a.Lat + b.Lat) / 2 * math.Pi / 180
	return (b.Lat - a.Lat) * metresPerDegree, (b.Lon - a.Lon) * metresPerDegree * math.Cos(mid)
}

// Distance is the way from p to q over the ground, in metres.
func (p Point) Distance(q Point) float64 { return math.Hypot(delta(p, q)) }

func routeLength(route []Point) (m float64) {
	for i := 1; i < len(route); i++ {
		m += route[i-1].Distance(route[i])
	}
	return m
}

// along returns the point m metres into the route and the heading there in radians from true north.
func along(route []Point, m float64) (at Point, heading float64) {
	for i := 1; i < len(route); i++ {
		a, b := route[i-1], route[i]
		leg := a.Distance(b)
		if m > leg && i < len(route)-1 {
			m -= leg
			continue
		}
		share := 1.0
		if leg > 0 {
			share = min(m/leg, 1)
			north, east := delta(a, b)
			heading = math.Atan2(east, north)
		}
		at = Point{Lat: a.Lat + share*(b.Lat-a.Lat), Lon: a.Lon + share*(b.Lon-a.Lon)}
		break
	}
	return at, heading
}

// pose is all there is to know of a drone at one instant.
type pose struct {
	at               Point
	heading          float64 // radians from true north, 0..2π
	relAltM          float64
	northMS, eastMS  float64
	downMS           float64
	armed            bool
	phase            phase
	batteryRemaining float64 // 0..1
}

type phase uint8

const (
	onGround phase = iota
	takingOff
	patrolling
	landing
)

// pose is where d is, after since the start of the patrol: a function of nothing else, so that a patrol can be looked at from
// any instant on.
func (d *Drone) pose(after time.Duration) pose {
	length := routeLength(d.Route)
	var (
		climb   = d.AltM / climbMS
		cruise  = 2 * length * float64(d.Laps) / d.SpeedMS
		descend = d.AltM / descendMS
		armed   = armedFor.Seconds()
		flight  = armed + climb + cruise + descend + armed
	)
	home, heading := along(d.Route, 0)
	s := pose{at: home, heading: heading, batteryRemaining: 1}
	t := (after + d.Ahead).Seconds()
	if t >= 0 {
		t = math.Mod(t, flight+d.Rest.Seconds())
		s.armed = t < flight
		s.batteryRemaining = 1 - usedFlight*min(t/flight, 1)
	}
	switch t -= armed; {
	case t < 0:
	case t < climb:
		s.phase, s.relAltM, s.downMS = takingOff, t*climbMS, -climbMS
	case t < climb+cruise:
		s.phase, s.relAltM = patrolling, d.AltM
		m := math.Mod((t-climb)*d.SpeedMS, 2*length)
		back := m > length
		if back {
			m = 2*length - m
		}
		s.at, s.heading = along(d.Route, m)
		if back {
			s.heading += math.Pi
		}
		s.northMS, s.eastMS = d.SpeedMS*math.Cos(s.heading), d.SpeedMS*math.Sin(s.heading)
	case t < climb+cruise+descend:
		s.phase, s.relAltM, s.downMS = landing, d.AltM-(t-climb-cruise)*descendMS, descendMS
	}
	s.heading = math.Mod(s.heading+2*math.Pi, 2*math.Pi)
	return s
}
