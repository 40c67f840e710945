package mavlink

import (
	"bufio"
	"bytes"
	"testing"

	gomavdialect "github.com/bluenviron/gomavlib/v3/pkg/dialect"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/frame"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// traffic is a second of what an ArduPilot vehicle sends, about: 60 frames.
func traffic(b testing.TB) (raws [][]byte) {
	send := func(n int, m message.Message) {
		for range n {
			raws = append(raws, frameOf(b, byte(len(raws)), 1, m))
		}
	}
	send(1, &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 81, CustomMode: 5, SystemStatus: 4, MavlinkVersion: 3})
	send(10, &all.MessageAttitude{TimeBootMs: 123456, Roll: 0.1, Pitch: -0.05, Yaw: 1.5, Rollspeed: 0.01, Pitchspeed: 0.02, Yawspeed: 0.3})
	send(10, &all.MessageGlobalPositionInt{TimeBootMs: 123456, Lat: 372412345, Lon: 1119512345, Alt: 800123, RelativeAlt: 50321, Vx: 312, Vy: -44, Vz: 3, Hdg: 8721})
	send(5, &all.MessageGpsRawInt{TimeUsec: 1790000000000000, FixType: 3, Lat: 372412345, Lon: 1119512345, Alt: 800123, Eph: 80, Epv: 120, Vel: 315, Cog: 8720, SatellitesVisible: 14, HAcc: 900, VAcc: 1400, VelAcc: 300})
	send(10, &all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: 123456, Flags: 12, Q: [4]float32{0.9, 0.1, -0.3, 0.2}})
	send(5, &all.MessageVfrHud{Airspeed: 3.2, Groundspeed: 3.1, Heading: 87, Throttle: 45, Alt: 800, Climb: 0.1})
	send(5, &all.MessageSysStatus{OnboardControlSensorsPresent: 0x5321ff, Load: 312, VoltageBattery: 22100, CurrentBattery: 1500, BatteryRemaining: 67})
	send(4, &all.MessageNavControllerOutput{NavRoll: 1, NavBearing: 87, TargetBearing: 87, WpDist: 120})
	send(4, &all.MessageServoOutputRaw{TimeUsec: 123456, Servo1Raw: 1500, Servo2Raw: 1500, Servo3Raw: 1480, Servo4Raw: 1510})
	send(2, &all.MessageEkfStatusReport{Flags: 831, VelocityVariance: 0.1, PosHorizVariance: 0.05})
	send(2, &all.MessageBatteryStatus{Voltages: [10]uint16{22100, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535}, CurrentBattery: 1500, BatteryRemaining: 67})
	send(1, &all.MessageSystemTime{TimeUnixUsec: 1790000000000000, TimeBootMs: 123456})
	send(1, &all.MessageExtendedSysState{LandedState: 2})
	return raws
}

// BenchmarkFrames measures one second of a vehicle's traffic, and gomavlib's reader with full decoding beside it:
// ns/frame is what counts.
func BenchmarkFrames(b *testing.B) {
	raws := traffic(b)
	stream := bytes.Join(raws, nil)
	perFrame := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(raws)), "ns/frame")
	}
	count := 0
	emit := func(raw []byte, v Verdict) { count++ }
	b.Run("datagrams of one frame", func(b *testing.B) {
		var s Splitter
		b.ReportAllocs()
		for b.Loop() {
			for _, raw := range raws {
				s.Datagram(raw, emit)
			}
		}
		perFrame(b)
	})
	b.Run("stream", func(b *testing.B) {
		var s Splitter
		b.ReportAllocs()
		for b.Loop() {
			s.Feed(stream, emit)
		}
		perFrame(b)
	})
	b.Run("stream in reads of 500 bytes", func(b *testing.B) {
		var s Splitter
		reads := pieces(stream, 500)
		b.ReportAllocs()
		for b.Loop() {
			for _, r := range reads {
				s.Feed(r, emit)
			}
		}
		perFrame(b)
	})
	b.Run("stream and hot decode", func(b *testing.B) {
		var s Splitter
		b.ReportAllocs()
		for b.Loop() {
			s.Feed(stream, hotEmit)
		}
		perFrame(b)
	})
	b.Run("gomavlib", func(b *testing.B) {
		rw := &gomavdialect.ReadWriter{Dialect: all.Dialect}
		if err := rw.Initialize(); err != nil {
			b.Fatal(err)
		}
		src := bytes.NewReader(stream)
		in := &frame.Reader{BufByteReader: bufio.NewReader(src), DialectRW: rw}
		if err := in.Initialize(); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			src.Reset(stream)
			for range raws {
				if _, err := in.Read(); err != nil {
					b.Fatal(err)
				}
			}
		}
		perFrame(b)
	})
	if count == 0 {
		b.Fatal("nothing was split")
	}
}

func hotEmit(raw []byte, _ Verdict) {
	f := Parse(raw)
	p := Payload(raw)
	switch f.MsgID {
	case 0:
		sink = ReadHeartbeat(p).CustomMode
	case 1:
		sink = uint32(ReadSysStatus(p).VoltageBattery)
	case 2:
		sink = ReadSystemTime(p).TimeBootMs
	case 24:
		sink = uint32(ReadGPSRawInt(p).Lat)
	case 30:
		sink = ReadAttitude(p).TimeBootMs
	case 33:
		sink = uint32(ReadGlobalPositionInt(p).Lat)
	case 147:
		sink = uint32(ReadBatteryStatus(p).CurrentBattery)
	case 193:
		sink = uint32(ReadEKFStatusReport(p).Flags)
	case 245:
		sink = uint32(ReadExtendedSysState(p).LandedState)
	}
}

var sink uint32

func BenchmarkCRC(b *testing.B) {
	raw := position(b, 1, 1)
	b.SetBytes(int64(len(raw) - 3))
	b.ReportAllocs()
	for b.Loop() {
		sink += uint32(CRC(raw[1:len(raw)-2], 104))
	}
}

func BenchmarkHotDecode(b *testing.B) {
	p := Payload(position(b, 1, 1))
	b.ReportAllocs()
	for b.Loop() {
		sink += uint32(ReadGlobalPositionInt(p).Lat)
	}
}

func BenchmarkGarbage(b *testing.B) {
	for name, x := range map[string][]byte{
		"text":                   bytes.Repeat([]byte("PX4 nsh> "), 7000),
		"start bytes MAVLink 1":  bytes.Repeat([]byte{startV1}, 65000),
		"start bytes MAVLink 2":  bytes.Repeat([]byte{startV2}, 65000),
		"cut and empty unknowns": bytes.Repeat([]byte{startV2, 0, 0}, 21000),
	} {
		b.Run(name, func(b *testing.B) {
			var s Splitter
			b.SetBytes(int64(len(x)))
			for b.Loop() {
				s.Datagram(x, func([]byte, Verdict) {})
			}
		})
	}
}
