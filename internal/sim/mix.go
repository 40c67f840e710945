package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/mavlink"
)

// kind is one message of the mix: how often it comes, from which component, and how an encoded one is made another.
type kind struct {
	perSecond int
	component uint8
	sample    message.Message
	placed    bool // it tells where the vehicle is
	patch     func(p payload, m *moment)

	id      uint32
	extra   byte
	size    int // how far into the payload sample or patch reach; zeros at the end are not sent
	encoded [255]byte
}

// payload is a message's whole payload. Fields lie in the order of the wire: by size of their type, then as defined.
type payload []byte

func (p payload) u16(at int, v uint16)  { binary.LittleEndian.PutUint16(p[at:], v) }
func (p payload) i16(at int, v int16)   { p.u16(at, uint16(v)) }
func (p payload) u32(at int, v uint32)  { binary.LittleEndian.PutUint32(p[at:], v) }
func (p payload) i32(at int, v int32)   { p.u32(at, uint32(v)) }
func (p payload) u64(at int, v uint64)  { binary.LittleEndian.PutUint64(p[at:], v) }
func (p payload) f32(at int, v float64) { p.u32(at, math.Float32bits(float32(v))) }

// moment is a vehicle at the time of one frame.
type moment struct {
	after   time.Duration
	bootUS  uint64
	start   int64 // Traffic.Start, µs
	noise   uint64
	presses uint16

	// Of a kind that is placed.
	latE7, lonE7, relMM int32
	north, east         int16 // cm/s
	heading             float64
	headingCD           uint16
}

func (m *moment) bootMS() uint32 { return uint32(m.bootUS / 1000) }
func (m *moment) altMM() int32   { return groundM*1000 + m.relMM }

// some is one of n, and jitter a small value around 0 up to ±1; of each i another.
func (m *moment) some(i, n int) int          { return int(m.noise>>(8*i)&0xFFFF) % n }
func (m *moment) jitter(i int) float64       { return float64(int16(m.noise>>(8*i))) / 32768 }
func (m *moment) around(v, i, by int) uint16 { return uint16(v - by + m.some(i, 2*by)) }

// The kinds of a press, which are not part of the mix; they come last in makeKinds.
const (
	kindText  = 25
	kindPhoto = 26
)

const gimbalUnit = 154

// makeKinds is what an ArduPilot copter sends with the usual stream rates, 77 frames in a second.
func makeKinds() []kind {
	beat := func(kind ardupilotmega.MAV_TYPE, of ardupilotmega.MAV_AUTOPILOT, mode ardupilotmega.MAV_MODE_FLAG, custom uint32) message.Message {
		return &ardupilotmega.MessageHeartbeat{Type: kind, Autopilot: of, BaseMode: mode, CustomMode: custom, SystemStatus: ardupilotmega.MAV_STATE_ACTIVE, MavlinkVersion: 3}
	}
	const flying = ardupilotmega.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | ardupilotmega.MAV_MODE_FLAG_STABILIZE_ENABLED |
		ardupilotmega.MAV_MODE_FLAG_GUIDED_ENABLED | ardupilotmega.MAV_MODE_FLAG_AUTO_ENABLED | ardupilotmega.MAV_MODE_FLAG_SAFETY_ARMED
	const sensors = ardupilotmega.MAV_SYS_STATUS_SENSOR_3D_GYRO | ardupilotmega.MAV_SYS_STATUS_SENSOR_3D_ACCEL |
		ardupilotmega.MAV_SYS_STATUS_SENSOR_GPS | ardupilotmega.MAV_SYS_STATUS_SENSOR_BATTERY
	cells := [10]uint16{4010, 4011, 4009, 4012, 4010, 4008, 65535, 65535, 65535, 65535}
	kinds := []kind{
		{perSecond: 1, component: autopilot, sample: beat(ardupilotmega.MAV_TYPE_QUADROTOR, ardupilotmega.MAV_AUTOPILOT_ARDUPILOTMEGA, flying, modeAuto)},
		{perSecond: 1, component: camera, sample: beat(ardupilotmega.MAV_TYPE_CAMERA, ardupilotmega.MAV_AUTOPILOT_INVALID, 0, 0)},
		{perSecond: 1, component: gimbalUnit, sample: beat(ardupilotmega.MAV_TYPE_GIMBAL, ardupilotmega.MAV_AUTOPILOT_INVALID, 0, 0)},
		{perSecond: 1, component: autopilot, sample: &ardupilotmega.MessageExtendedSysState{LandedState: ardupilotmega.MAV_LANDED_STATE_IN_AIR}},
		{perSecond: 10, component: autopilot, placed: true, sample: &ardupilotmega.MessageAttitude{}, patch: func(p payload, m *moment) {
			p.u32(0, m.bootMS())
			p.f32(4, 0.02*m.jitter(0))
			p.f32(8, -0.2+0.02*m.jitter(1))
			p.f32(12, math.Remainder(m.heading, 2*math.Pi))
			for i := range 3 {
				p.f32(16+4*i, 0.05*m.jitter(2+i))
			}
		}},
		{perSecond: 10, component: autopilot, placed: true, sample: &ardupilotmega.MessageGlobalPositionInt{}, patch: func(p payload, m *moment) {
			p.u32(0, m.bootMS())
			p.i32(4, m.latE7)
			p.i32(8, m.lonE7)
			p.i32(12, m.altMM())
			p.i32(16, m.relMM)
			p.i16(20, m.north)
			p.i16(22, m.east)
			p.i16(24, int16(5*m.jitter(0)))
			p.u16(26, m.headingCD)
		}},
		{perSecond: 5, component: autopilot, placed: true, sample: &ardupilotmega.MessageGpsRawInt{
			FixType: ardupilotmega.GPS_FIX_TYPE_RTK_FLOAT, Eph: 70, Epv: 110, SatellitesVisible: 18, HAcc: 400, VAcc: 700, VelAcc: 150,
		}, patch: func(p payload, m *moment) {
			p.u64(0, m.bootUS)
			p.i32(8, m.latE7)
			p.i32(12, m.lonE7)
			p.i32(16, m.altMM())
			p.u16(24, 100*flightMS)
			p.u16(26, m.headingCD)
			p.i32(30, m.altMM()-geoidDropM*1000)
		}},
		{perSecond: 5, component: autopilot, placed: true, sample: &ardupilotmega.MessageVfrHud{Groundspeed: flightMS, Throttle: 38}, patch: func(p payload, m *moment) {
			p.f32(0, flightMS+m.jitter(0))
			p.f32(8, float64(m.altMM())/1000+0.1*m.jitter(1))
			p.f32(12, 0.1*m.jitter(2))
			p.u16(16, m.headingCD/100)
		}},
		{perSecond: 5, component: autopilot, placed: true, sample: &ardupilotmega.MessageGimbalDeviceAttitudeStatus{
			Flags: ardupilotmega.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | ardupilotmega.GIMBAL_DEVICE_FLAGS_PITCH_LOCK | ardupilotmega.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME,
			Q:     [4]float32{0.866, 0, -0.5, 0}, GimbalDeviceId: 1,
		}, patch: func(p payload, m *moment) {
			p.u32(0, m.bootMS())
			p.f32(20, 0.01*m.jitter(0))
			p.f32(24, 0.01*m.jitter(1))
		}},
		{perSecond: 4, component: autopilot, sample: &ardupilotmega.MessageSysStatus{
			OnboardControlSensorsPresent: sensors, OnboardControlSensorsEnabled: sensors, OnboardControlSensorsHealth: sensors, BatteryRemaining: 71,
		}, patch: func(p payload, m *moment) {
			p.u16(12, m.around(310, 0, 60))
			p.u16(14, m.around(24060, 1, 80))
			p.u16(16, m.around(1850, 3, 200))
		}},
		{perSecond: 4, component: autopilot, sample: &ardupilotmega.MessageServoOutputRaw{Port: 0, Servo9Raw: 1500}, patch: func(p payload, m *moment) {
			p.u32(0, uint32(m.bootUS))
			for i := range 4 {
				p.u16(4+2*i, m.around(1480, i, 120))
			}
		}},
		{perSecond: 4, component: autopilot, sample: &ardupilotmega.MessageRcChannels{
			Chan1Raw: 1500, Chan2Raw: 1500, Chan3Raw: 1500, Chan4Raw: 1500, Chan5Raw: 1750, Chan6Raw: 1500, Chan7Raw: 1100, Chan8Raw: 1100, Chancount: 16, Rssi: 210,
		}, patch: func(p payload, m *moment) {
			p.u32(0, m.bootMS())
			p.u16(4, m.around(1500, 0, 3))
			p.u16(6, m.around(1500, 1, 3))
		}},
		{perSecond: 4, component: autopilot, sample: &ardupilotmega.MessageRawImu{Zacc: -1000, Xmag: 210, Ymag: -40, Zmag: 430, Temperature: 4510}, patch: func(p payload, m *moment) {
			p.u64(0, m.bootUS)
			for i := range 3 {
				p.i16(8+2*i, int16(40*m.jitter(i))-int16(i/2*1000))
				p.i16(14+2*i, int16(30*m.jitter(3+i)))
			}
		}},
		{perSecond: 3, component: autopilot, sample: &ardupilotmega.MessageEkfStatusReport{
			CompassVariance: 0.03, Flags: ardupilotmega.EKF_ATTITUDE | ardupilotmega.EKF_VELOCITY_HORIZ | ardupilotmega.EKF_VELOCITY_VERT |
				ardupilotmega.EKF_POS_HORIZ_REL | ardupilotmega.EKF_POS_HORIZ_ABS | ardupilotmega.EKF_POS_VERT_ABS,
		}, patch: func(p payload, m *moment) {
			for i := range 3 {
				p.f32(4*i, 0.05+0.04*m.jitter(i))
			}
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageVibration{}, patch: func(p payload, m *moment) {
			p.u64(0, m.bootUS)
			for i := range 3 {
				p.f32(8+4*i, 8+4*m.jitter(i))
			}
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageScaledPressure{PressDiff: 0, Temperature: 3120}, patch: func(p payload, m *moment) {
			p.u32(0, m.bootMS())
			p.f32(4, 921.4+0.05*m.jitter(0))
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageNavControllerOutput{}, patch: func(p payload, m *moment) {
			p.f32(0, 2*m.jitter(0))
			p.f32(4, -11+m.jitter(1))
			p.f32(8, 0.3*m.jitter(2))
			p.f32(16, 0.8*m.jitter(3))
			p.u16(24, uint16(m.some(4, 900)))
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageBatteryStatus{
			Temperature: 3150, Voltages: cells, CurrentConsumed: 2400, EnergyConsumed: 2080, BatteryRemaining: 71,
		}, patch: func(p payload, m *moment) {
			p.u32(0, uint32(2400+m.after.Seconds()*5))
			for i := range 6 {
				p.u16(10+2*i, m.around(4010, i, 15))
			}
			p.u16(30, m.around(1850, 2, 200))
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessagePowerStatus{Flags: ardupilotmega.MAV_POWER_STATUS_BRICK_VALID}, patch: func(p payload, m *moment) {
			p.u16(0, m.around(5120, 0, 60))
			p.u16(2, m.around(5080, 2, 200))
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageMeminfo{Freemem: 65535}, patch: func(p payload, m *moment) {
			p.u32(4, 190_000+uint32(m.some(0, 60_000)))
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageSystemTime{}, patch: func(p payload, m *moment) {
			p.u64(0, uint64(m.start+m.after.Microseconds()))
			p.u32(8, m.bootMS())
		}},
		{perSecond: 1, component: autopilot, sample: &ardupilotmega.MessageTimesync{}, patch: func(p payload, m *moment) {
			p.u64(8, m.bootUS*1000)
		}},
		{perSecond: 2, component: autopilot, sample: &ardupilotmega.MessageAhrs{}, patch: func(p payload, m *moment) {
			for i := range 7 {
				p.f32(4*i, 0.004*m.jitter(i%6))
			}
		}},
		{perSecond: 1, component: autopilot, placed: true, sample: &ardupilotmega.MessageTerrainReport{TerrainHeight: groundM, CurrentHeight: 60, Spacing: 100, Loaded: 320}, patch: func(p payload, m *moment) {
			p.i32(0, m.latE7)
			p.i32(4, m.lonE7)
			p.f32(12, float64(m.relMM)/1000+m.jitter(0))
		}},
		{perSecond: 1, component: autopilot, sample: &ardupilotmega.MessageMissionCurrent{Total: 40, MissionState: ardupilotmega.MISSION_STATE_ACTIVE}, patch: func(p payload, m *moment) {
			p.u16(0, uint16(1+int(m.after.Seconds())/30%40))
		}},
		kindText: {component: autopilot, placed: true, sample: &ardupilotmega.MessageStatustext{Severity: ardupilotmega.MAV_SEVERITY_INFO}, patch: func(p payload, m *moment) {
			clear(p[1:51])
			t := p[1:1:51]
			t = append(t, "POI "...)
			t = strconv.AppendFloat(t, float64(m.latE7)/1e7, 'f', 7, 64)
			t = append(t, ", "...)
			t = strconv.AppendFloat(t, float64(m.lonE7)/1e7, 'f', 7, 64)
			t = append(t, ", "...)
			t = strconv.AppendFloat(t, groundM, 'f', 2, 64)
			_ = append(t, " (asml)"...)
		}},
		kindPhoto: {component: autopilot, placed: true, sample: &ardupilotmega.MessageCameraFeedback{
			ImgIdx: 1, AltMsl: groundM * 100, AltRel: groundM * 100, CompletedCaptures: 1,
		}, patch: func(p payload, m *moment) {
			p.u64(0, m.bootUS)
			p.i32(8, m.latE7)
			p.i32(12, m.lonE7)
			p.u16(45, m.presses)
		}},
	}
	for i := range kinds {
		kinds[i].encode()
	}
	return kinds
}

// encode makes the sample's bytes.
func (k *kind) encode() {
	raw, err := mavlink.AppendFrame(nil, 0, 1, k.component, k.sample)
	if err != nil {
		panic(fmt.Sprintf("sim: %T cannot be encoded: %v", k.sample, err)) // all samples are made above
	}
	k.id = k.sample.GetID()
	copy(k.encoded[:], mavlink.Payload(raw))
	rw := message.ReadWriter{Message: k.sample}
	if err := rw.Initialize(); err != nil {
		panic(fmt.Sprintf("sim: %T: %v", k.sample, err))
	}
	k.extra = rw.CRCExtra()
	k.size = len(mavlink.Payload(raw))
	if k.patch != nil {
		for _, fill := range []byte{0x55, 0xAA} { // no patch happens to write both
			var p [255]byte
			for i := range p {
				p[i] = fill
			}
			k.patch(p[:], &moment{})
			k.size = max(k.size, len(bytes.TrimRight(p[:], string([]byte{fill}))))
		}
	}
}

// append appends the frame of k at m to dst.
func (k *kind) append(dst []byte, seq, system uint8, m *moment) []byte {
	const header, crc = 10, 2
	at := len(dst)
	dst = append(dst, 0xFD, 0, 0, 0, seq, system, k.component, byte(k.id), byte(k.id>>8), byte(k.id>>16))
	dst = append(dst, k.encoded[:k.size]...)
	p := dst[at+header:]
	if k.patch != nil {
		k.patch(payload(p), m)
	}
	n := len(p)
	for n > 1 && p[n-1] == 0 {
		n--
	}
	dst[at+1] = byte(n)
	dst = dst[:at+header+n]
	return binary.LittleEndian.AppendUint16(dst, mavlink.CRC(dst[at+1:], k.extra))
}
