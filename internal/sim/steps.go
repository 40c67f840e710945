package sim

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/mavlink"
)

// Step is one frame and when it leaves its drone.
type Step struct {
	After  time.Duration // since the start of the patrol; never before the previous step's
	System uint8
	Raw    []byte // one whole MAVLink 2 frame, valid until the next step
}

// The components of a drone: its autopilot, which also runs the POI script, and its camera.
const (
	autopilot = 1
	camera    = 100
)

// Steps yields the frames of the patrol in the order of their times: each drone sends position and attitude five times a second, and
// once a second heartbeats, clock, GPS, battery and landed state. It panics if Check does not pass.
func (p Plan) Steps() iter.Seq[Step] {
	if err := p.Check(); err != nil {
		panic(fmt.Sprintf("sim: a plan that does not pass Check: %v", err))
	}
	return func(yield func(Step) bool) {
		craft := make([]craft, len(p.Drones))
		for i := range craft {
			craft[i] = newCraft(&p, &p.Drones[i])
		}
		for n := int64(0); ; n++ {
			for i := range craft {
				// Drones do not speak in chorus: each has its own place in the tick.
				after := time.Duration(n)*tick + time.Duration(i)*tick/time.Duration(len(craft))
				if p.Length > 0 && after >= p.Length {
					return
				}
				if !craft[i].speak(n, after, yield) {
					return
				}
			}
		}
	}
}

// craft is a drone in flight: the part of it that remembers.
type craft struct {
	*Drone
	start    time.Time
	tags     []Tag // its own, in order; those before next are done
	next     int
	captures uint16 // presses so far
	tracked  Tag    // target that the camera follows until trackedTo
	trackTo  time.Duration
	seq      [256]uint8 // next sequence number of each component
	buf      []byte
}

func newCraft(p *Plan, d *Drone) craft {
	c := craft{Drone: d, start: p.Start, trackTo: -1}
	for _, t := range p.Tags {
		if t.System == d.System {
			c.tags = append(c.tags, t)
		}
	}
	slices.SortStableFunc(c.tags, func(a, b Tag) int { return int(a.After - b.After) })
	return c
}

// speak yields what c sends in tick n. It reports whether to go on.
func (c *craft) speak(n int64, after time.Duration, yield func(Step) bool) bool {
	say := func(component uint8, m message.Message) bool {
		raw, err := mavlink.AppendFrame(c.buf[:0], c.seq[component], c.System, component, m)
		if err != nil {
			panic(fmt.Sprintf("sim: %T cannot be encoded: %v", m, err)) // all messages are made below
		}
		c.buf = raw
		c.seq[component]++
		return yield(Step{After: after, System: c.System, Raw: raw})
	}
	sayAll := func(component uint8, ms []message.Message) bool {
		for _, m := range ms {
			if !say(component, m) {
				return false
			}
		}
		return true
	}
	s := c.pose(after)
	if n%perSecond == 0 {
		if !sayAll(autopilot, c.onceASecond(s, after)) || !say(camera, cameraBeat()) {
			return false
		}
	}
	if !sayAll(autopilot, c.fiveTimes(s, after)) {
		return false
	}
	for ; c.next < len(c.tags) && c.tags[c.next].After <= after; c.next++ {
		switch t := c.tags[c.next]; t.Source {
		case Press:
			if !sayAll(autopilot, c.press(t, after)) {
				return false
			}
		case Tracking:
			c.tracked, c.trackTo = t, after+trackedFor
		}
	}
	if c.trackTo >= 0 && (n%perSecond == 0 || after >= c.trackTo) {
		status := c.tracking(s, after < c.trackTo)
		if after >= c.trackTo {
			c.trackTo = -1
		}
		return say(camera, status)
	}
	return true
}

func (c *craft) bootMS(after time.Duration) uint32 {
	return uint32((bootBefore + after).Milliseconds())
}
func (c *craft) bootUS(after time.Duration) uint64 {
	return uint64((bootBefore + after).Microseconds())
}

func e7(degrees float64) int32       { return int32(math.Round(degrees * 1e7)) }
func centi(v float64) int16          { return int16(math.Round(v * 100)) }
func centidegrees(r float64) uint16  { return uint16(math.Round(r*18000/math.Pi)) % 36000 }
func milli(metres float64) int32     { return int32(math.Round(metres * 1000)) }
func (s *pose) groundSpeed() float64 { return math.Hypot(s.northMS, s.eastMS) }

// ArduCopter's numbers for its flight modes.
const (
	modeAuto = 3
	modeLand = 9
)

func (c *craft) onceASecond(s pose, after time.Duration) []message.Message {
	beat := &ardupilotmega.MessageHeartbeat{
		Type: ardupilotmega.MAV_TYPE_QUADROTOR, Autopilot: ardupilotmega.MAV_AUTOPILOT_ARDUPILOTMEGA,
		BaseMode: ardupilotmega.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | ardupilotmega.MAV_MODE_FLAG_STABILIZE_ENABLED |
			ardupilotmega.MAV_MODE_FLAG_AUTO_ENABLED | ardupilotmega.MAV_MODE_FLAG_GUIDED_ENABLED,
		CustomMode: modeAuto, SystemStatus: ardupilotmega.MAV_STATE_STANDBY, MavlinkVersion: 3,
	}
	landed := ardupilotmega.MAV_LANDED_STATE_ON_GROUND
	if s.armed {
		beat.BaseMode |= ardupilotmega.MAV_MODE_FLAG_SAFETY_ARMED
		beat.SystemStatus = ardupilotmega.MAV_STATE_ACTIVE
	}
	switch s.phase {
	case takingOff:
		landed = ardupilotmega.MAV_LANDED_STATE_TAKEOFF
	case patrolling:
		landed = ardupilotmega.MAV_LANDED_STATE_IN_AIR
	case landing:
		landed, beat.CustomMode = ardupilotmega.MAV_LANDED_STATE_LANDING, modeLand
	}
	current := int16(80) // 10 mA: 0.8 A on the ground
	if s.phase != onGround {
		current = 1850
	}
	const sensors = ardupilotmega.MAV_SYS_STATUS_SENSOR_3D_GYRO | ardupilotmega.MAV_SYS_STATUS_SENSOR_3D_ACCEL |
		ardupilotmega.MAV_SYS_STATUS_SENSOR_GPS | ardupilotmega.MAV_SYS_STATUS_SENSOR_BATTERY
	altM := c.GroundM + s.relAltM
	return []message.Message{
		beat,
		&ardupilotmega.MessageSystemTime{
			TimeUnixUsec: uint64(c.start.Add(after).UnixMicro()), TimeBootMs: c.bootMS(after),
		},
		&ardupilotmega.MessageGpsRawInt{
			TimeUsec: c.bootUS(after), FixType: ardupilotmega.GPS_FIX_TYPE_3D_FIX,
			Lat: e7(s.at.Lat), Lon: e7(s.at.Lon), Alt: milli(altM), Eph: 80, Epv: 120,
			Vel: uint16(centi(s.groundSpeed())), Cog: centidegrees(s.heading), SatellitesVisible: 17,
			AltEllipsoid: milli(altM - geoidDropM), HAcc: 1200, VAcc: 1800, VelAcc: 200,
		},
		&ardupilotmega.MessageSysStatus{
			OnboardControlSensorsPresent: sensors, OnboardControlSensorsEnabled: sensors, OnboardControlSensorsHealth: sensors,
			Load: 310, VoltageBattery: uint16(math.Round(21000 + 4200*s.batteryRemaining)), // six cells
			CurrentBattery: current, BatteryRemaining: int8(math.Round(100 * s.batteryRemaining)),
		},
		&ardupilotmega.MessageExtendedSysState{LandedState: landed},
	}
}

// geoidDropM is how far mean sea level lies below the ellipsoid around Fenyang, roughly, by EGM96.
const geoidDropM = 26

func cameraBeat() message.Message {
	return &ardupilotmega.MessageHeartbeat{
		Type: ardupilotmega.MAV_TYPE_CAMERA, Autopilot: ardupilotmega.MAV_AUTOPILOT_INVALID,
		SystemStatus: ardupilotmega.MAV_STATE_ACTIVE, MavlinkVersion: 3,
	}
}

func (c *craft) fiveTimes(s pose, after time.Duration) []message.Message {
	// A copter leans into its way by about a degree for each m/s, and is never quite still.
	sway := math.Sin(2*math.Pi*after.Seconds()/3) * 0.01
	if s.phase == onGround {
		sway = 0
	}
	return []message.Message{
		&ardupilotmega.MessageGlobalPositionInt{
			TimeBootMs: c.bootMS(after), Lat: e7(s.at.Lat), Lon: e7(s.at.Lon),
			Alt: milli(c.GroundM + s.relAltM), RelativeAlt: milli(s.relAltM),
			Vx: centi(s.northMS), Vy: centi(s.eastMS), Vz: centi(s.downMS), Hdg: centidegrees(s.heading),
		},
		&ardupilotmega.MessageAttitude{
			TimeBootMs: c.bootMS(after), Roll: float32(sway), Pitch: float32(-s.groundSpeed()*math.Pi/180 + sway/2),
			Yaw: float32(math.Remainder(s.heading, 2*math.Pi)),
		},
	}
}

// press is what ArduPilot's applet mount-poi.lua sends when the pilot's switch goes up: the point in words, and a
// CAMERA_FEEDBACK whose position is the target's, whose heights are centimetres, and whose counter of images always
// says 1 (docs/protocol.md).
func (c *craft) press(t Tag, after time.Duration) []message.Message {
	c.captures++
	return []message.Message{
		&ardupilotmega.MessageStatustext{
			Severity: ardupilotmega.MAV_SEVERITY_INFO,
			Text:     fmt.Sprintf("POI %.7f, %.7f, %.2f (asml)", t.At.Lat, t.At.Lon, c.GroundM),
		},
		&ardupilotmega.MessageCameraFeedback{
			TimeUsec: c.bootUS(after), ImgIdx: 1, Lat: e7(t.At.Lat), Lng: e7(t.At.Lon),
			AltMsl: float32(c.GroundM * 100), AltRel: float32(c.GroundM * 100), CompletedCaptures: c.captures,
		},
	}
}

// tracking is what the camera says of the target that it follows, or of having none.
func (c *craft) tracking(s pose, active bool) message.Message {
	nan := float32(math.NaN())
	m := &ardupilotmega.MessageCameraTrackingGeoStatus{
		HAcc: nan, VAcc: nan, VelN: nan, VelE: nan, VelD: nan, VelAcc: nan, Dist: nan, Hdg: nan, HdgAcc: nan,
	}
	if active {
		m.TrackingStatus = ardupilotmega.CAMERA_TRACKING_STATUS_FLAGS_ACTIVE
		m.Lat, m.Lon, m.Alt, m.HAcc = e7(c.tracked.At.Lat), e7(c.tracked.At.Lon), float32(c.GroundM), 6
		m.Dist = float32(math.Hypot(s.at.Distance(c.tracked.At), s.relAltM))
	}
	return m
}
