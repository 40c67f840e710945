package mavlink

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The readers of this file take the payload of a frame (see Payload), shorter or longer than the message, and allocate
// nothing. A field that lies beyond the payload's end is zero: that is how MAVLink 2 truncates, and how an extension
// field reads that the sender does not know. Fields lie in wire order: by size, largest first, extensions after them.
// Names are those of the dialect (mavlink/mavlink, message_definitions/v1.0) in gomavlib's spelling.

// full returns the first n bytes of p, with zeros for those that p lacks. It must stay small enough to be inlined: that
// keeps pad off the heap and lets the compiler see that n bytes are there.
func full(p []byte, n int) []byte {
	if len(p) >= n {
		return p[:n]
	}
	var pad [64]byte
	copy(pad[:], p)
	return pad[:n]
}

func u16(p []byte, at int) uint16  { return binary.LittleEndian.Uint16(p[at:]) }
func u32(p []byte, at int) uint32  { return binary.LittleEndian.Uint32(p[at:]) }
func u64(p []byte, at int) uint64  { return binary.LittleEndian.Uint64(p[at:]) }
func i16(p []byte, at int) int16   { return int16(u16(p, at)) }
func i32(p []byte, at int) int32   { return int32(u32(p, at)) }
func f32(p []byte, at int) float32 { return math.Float32frombits(u32(p, at)) }

// Heartbeat is HEARTBEAT (0). Enumerations are as in the dialect: MAV_TYPE, MAV_AUTOPILOT, MAV_MODE_FLAG, MAV_STATE.
type Heartbeat struct {
	CustomMode                                              uint32
	Type, Autopilot, BaseMode, SystemStatus, MavlinkVersion uint8
}

// ReadHeartbeat reads a HEARTBEAT.
func ReadHeartbeat(payload []byte) Heartbeat {
	p := full(payload, 9)
	return Heartbeat{
		CustomMode: u32(p, 0), Type: p[4], Autopilot: p[5], BaseMode: p[6], SystemStatus: p[7], MavlinkVersion: p[8],
	}
}

// SysStatus is SYS_STATUS (1) without its extension: voltage in mV (65535 unknown), current in 10 mA and remaining in
// percent (-1 unknown), load in permille, drop rate in 0.01 %.
type SysStatus struct {
	OnboardControlSensorsPresent uint32 // MAV_SYS_STATUS_SENSOR
	OnboardControlSensorsEnabled uint32
	OnboardControlSensorsHealth  uint32
	Load, VoltageBattery         uint16
	CurrentBattery               int16
	DropRateComm, ErrorsComm     uint16
	ErrorsCount1, ErrorsCount2   uint16
	ErrorsCount3, ErrorsCount4   uint16
	BatteryRemaining             int8
}

// ReadSysStatus reads a SYS_STATUS.
func ReadSysStatus(payload []byte) SysStatus {
	p := full(payload, 31)
	return SysStatus{
		OnboardControlSensorsPresent: u32(p, 0), OnboardControlSensorsEnabled: u32(p, 4), OnboardControlSensorsHealth: u32(p, 8),
		Load: u16(p, 12), VoltageBattery: u16(p, 14), CurrentBattery: i16(p, 16), DropRateComm: u16(p, 18),
		ErrorsComm: u16(p, 20), ErrorsCount1: u16(p, 22), ErrorsCount2: u16(p, 24), ErrorsCount3: u16(p, 26),
		ErrorsCount4: u16(p, 28), BatteryRemaining: int8(p[30]),
	}
}

// SystemTime is SYSTEM_TIME (2). TimeUnixUsec is 0 while the vehicle does not know the time.
type SystemTime struct {
	TimeUnixUsec uint64
	TimeBootMs   uint32
}

// ReadSystemTime reads a SYSTEM_TIME.
func ReadSystemTime(payload []byte) SystemTime {
	p := full(payload, 12)
	return SystemTime{TimeUnixUsec: u64(p, 0), TimeBootMs: u32(p, 8)}
}

// GPSRawInt is GPS_RAW_INT (24): degrees x 1e7, mm, HDOP and VDOP x 100, cm/s, centidegrees; HdgAcc in degrees x 1e5.
// Unknown: Eph, Epv, Vel and Cog 65535, satellites 255; an accuracy of 0 was not sent.
type GPSRawInt struct {
	TimeUsec                   uint64 // since the Unix epoch or since boot
	Lat, Lon, Alt              int32
	Eph, Epv, Vel, Cog         uint16
	FixType, SatellitesVisible uint8 // GPS_FIX_TYPE
	AltEllipsoid               int32
	HAcc, VAcc, VelAcc, HdgAcc uint32
	Yaw                        uint16
}

// ReadGPSRawInt reads a GPS_RAW_INT.
func ReadGPSRawInt(payload []byte) GPSRawInt {
	p := full(payload, 52)
	return GPSRawInt{
		TimeUsec: u64(p, 0), Lat: i32(p, 8), Lon: i32(p, 12), Alt: i32(p, 16),
		Eph: u16(p, 20), Epv: u16(p, 22), Vel: u16(p, 24), Cog: u16(p, 26),
		FixType: p[28], SatellitesVisible: p[29],
		AltEllipsoid: i32(p, 30), HAcc: u32(p, 34), VAcc: u32(p, 38), VelAcc: u32(p, 42),
		HdgAcc: u32(p, 46), Yaw: u16(p, 50),
	}
}

// Attitude is ATTITUDE (30), in radians and radians a second.
type Attitude struct {
	TimeBootMs                      uint32
	Roll, Pitch, Yaw                float32
	Rollspeed, Pitchspeed, Yawspeed float32
}

// ReadAttitude reads an ATTITUDE.
func ReadAttitude(payload []byte) Attitude {
	p := full(payload, 28)
	return Attitude{TimeBootMs: u32(p, 0), Roll: f32(p, 4), Pitch: f32(p, 8), Yaw: f32(p, 12),
		Rollspeed: f32(p, 16), Pitchspeed: f32(p, 20), Yawspeed: f32(p, 24)}
}

// GlobalPositionInt is GLOBAL_POSITION_INT (33): degrees x 1e7, mm above mean sea level and above home, cm/s north, east
// and down, centidegrees (65535 unknown). Nothing in it marks a position as invalid.
type GlobalPositionInt struct {
	TimeBootMs       uint32
	Lat, Lon         int32
	Alt, RelativeAlt int32
	Vx, Vy, Vz       int16
	Hdg              uint16
}

// ReadGlobalPositionInt reads a GLOBAL_POSITION_INT.
func ReadGlobalPositionInt(payload []byte) GlobalPositionInt {
	p := full(payload, 28)
	return GlobalPositionInt{TimeBootMs: u32(p, 0), Lat: i32(p, 4), Lon: i32(p, 8), Alt: i32(p, 12), RelativeAlt: i32(p, 16),
		Vx: i16(p, 20), Vy: i16(p, 22), Vz: i16(p, 24), Hdg: u16(p, 26)}
}

// BatteryStatus is BATTERY_STATUS (147): mAh, hJ (100 J), 0.01 degrees C, mV, 10 mA, percent, seconds. Unknown: voltages
// 65535, those of VoltagesExt 0, temperature 32767, time 0, the others -1.
type BatteryStatus struct {
	CurrentConsumed, EnergyConsumed int32
	Temperature                     int16
	Voltages                        [10]uint16
	CurrentBattery                  int16
	ID, BatteryFunction, Type       uint8
	BatteryRemaining                int8
	TimeRemaining                   int32
	ChargeState                     uint8
	VoltagesExt                     [4]uint16
	Mode                            uint8
	FaultBitmask                    uint32
}

// ReadBatteryStatus reads a BATTERY_STATUS.
func ReadBatteryStatus(payload []byte) BatteryStatus {
	p := full(payload, 54)
	b := BatteryStatus{
		CurrentConsumed: i32(p, 0), EnergyConsumed: i32(p, 4), Temperature: i16(p, 8),
		CurrentBattery: i16(p, 30), ID: p[32], BatteryFunction: p[33], Type: p[34], BatteryRemaining: int8(p[35]),
		TimeRemaining: i32(p, 36), ChargeState: p[40], Mode: p[49], FaultBitmask: u32(p, 50),
	}
	for i := range b.Voltages {
		b.Voltages[i] = u16(p, 10+2*i)
	}
	for i := range b.VoltagesExt {
		b.VoltagesExt[i] = u16(p, 41+2*i)
	}
	return b
}

// CameraFeedback is CAMERA_FEEDBACK (180): degrees x 1e7, m, degrees, mm. From a camera its position is the aircraft's;
// from ArduPilot's mount-poi.lua it is the ground point's, with altitudes in centimetres.
type CameraFeedback struct {
	TimeUsec                         uint64
	Lat, Lng                         int32
	AltMsl, AltRel, Roll, Pitch, Yaw float32
	FocLen                           float32
	ImgIdx                           uint16
	TargetSystem, CamIdx, Flags      uint8
	CompletedCaptures                uint16
}

// ReadCameraFeedback reads a CAMERA_FEEDBACK.
func ReadCameraFeedback(payload []byte) CameraFeedback {
	p := full(payload, 47)
	return CameraFeedback{
		TimeUsec: u64(p, 0), Lat: i32(p, 8), Lng: i32(p, 12), AltMsl: f32(p, 16), AltRel: f32(p, 20),
		Roll: f32(p, 24), Pitch: f32(p, 28), Yaw: f32(p, 32), FocLen: f32(p, 36),
		ImgIdx: u16(p, 40), TargetSystem: p[42], CamIdx: p[43], Flags: p[44], CompletedCaptures: u16(p, 45),
	}
}

// EKFStatusReport is EKF_STATUS_REPORT (193) of ArduPilot.
type EKFStatusReport struct {
	VelocityVariance, PosHorizVariance, PosVertVariance float32
	CompassVariance, TerrainAltVariance                 float32
	Flags                                               uint16
	AirspeedVariance                                    float32
}

// ReadEKFStatusReport reads an EKF_STATUS_REPORT.
func ReadEKFStatusReport(payload []byte) EKFStatusReport {
	p := full(payload, 26)
	return EKFStatusReport{VelocityVariance: f32(p, 0), PosHorizVariance: f32(p, 4), PosVertVariance: f32(p, 8),
		CompassVariance: f32(p, 12), TerrainAltVariance: f32(p, 16), Flags: u16(p, 20), AirspeedVariance: f32(p, 22)}
}

// EstimatorStatus is ESTIMATOR_STATUS (230) of PX4: accuracies in m, 1 sigma. Its flag 1024 is not that of
// EKFStatusReport.
type EstimatorStatus struct {
	TimeUsec                                        uint64
	VelRatio, PosHorizRatio, PosVertRatio, MagRatio float32
	HaglRatio, TasRatio                             float32
	PosHorizAccuracy, PosVertAccuracy               float32
	Flags                                           uint16
}

// ReadEstimatorStatus reads an ESTIMATOR_STATUS.
func ReadEstimatorStatus(payload []byte) EstimatorStatus {
	p := full(payload, 42)
	return EstimatorStatus{TimeUsec: u64(p, 0), VelRatio: f32(p, 8), PosHorizRatio: f32(p, 12), PosVertRatio: f32(p, 16),
		MagRatio: f32(p, 20), HaglRatio: f32(p, 24), TasRatio: f32(p, 28),
		PosHorizAccuracy: f32(p, 32), PosVertAccuracy: f32(p, 36), Flags: u16(p, 40)}
}

// ExtendedSysState is EXTENDED_SYS_STATE (245): MAV_VTOL_STATE and MAV_LANDED_STATE.
type ExtendedSysState struct{ VtolState, LandedState uint8 }

// ReadExtendedSysState reads an EXTENDED_SYS_STATE.
func ReadExtendedSysState(payload []byte) ExtendedSysState {
	p := full(payload, 2)
	return ExtendedSysState{VtolState: p[0], LandedState: p[1]}
}

// StatusText is STATUSTEXT (253). A text longer than one message comes in chunks with one ID (not 0) and ChunkSeq from 0.
type StatusText struct {
	Severity uint8  // MAV_SEVERITY
	Text     []byte // up to the first NUL, part of the payload: valid as long as that; may be cut within a character
	ID       uint16
	ChunkSeq uint8
}

// ReadStatusText reads a STATUSTEXT.
func ReadStatusText(payload []byte) StatusText {
	text := payload[min(1, len(payload)):min(51, len(payload))]
	if end := bytes.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	p := full(payload, 54)
	return StatusText{Severity: p[0], Text: text, ID: u16(p, 51), ChunkSeq: p[53]}
}

// CameraImageCaptured is CAMERA_IMAGE_CAPTURED (263) without its file_url: µs since the Unix epoch (0 unknown), ms since
// boot, degrees x 1e7, mm, quaternion w, x, y, z. From PX4, position and attitude are the aircraft's.
type CameraImageCaptured struct {
	TimeUtc                    uint64
	TimeBootMs                 uint32
	Lat, Lon, Alt, RelativeAlt int32
	Q                          [4]float32
	ImageIndex                 int32
	CameraID                   uint8
	CaptureResult              int8
}

// ReadCameraImageCaptured reads a CAMERA_IMAGE_CAPTURED.
func ReadCameraImageCaptured(payload []byte) CameraImageCaptured {
	p := full(payload, 50)
	return CameraImageCaptured{
		TimeUtc: u64(p, 0), TimeBootMs: u32(p, 8), Lat: i32(p, 12), Lon: i32(p, 16), Alt: i32(p, 20), RelativeAlt: i32(p, 24),
		Q: [4]float32{f32(p, 28), f32(p, 32), f32(p, 36), f32(p, 40)}, ImageIndex: i32(p, 44),
		CameraID: p[48], CaptureResult: int8(p[49]),
	}
}

// CameraTrackingGeoStatus is CAMERA_TRACKING_GEO_STATUS (276): where the object is that the camera follows, in
// degrees x 1e7, m, m/s and radians. Unknown numbers are NaN. TrackingStatus is CAMERA_TRACKING_STATUS_FLAGS: 1 active,
// 2 error, 4 moving target, 8 coasting.
type CameraTrackingGeoStatus struct {
	Lat, Lon                       int32
	Alt, HAcc, VAcc                float32
	VelN, VelE, VelD, VelAcc       float32
	Dist, Hdg, HdgAcc              float32
	TrackingStatus, CameraDeviceID uint8
}

// ReadCameraTrackingGeoStatus reads a CAMERA_TRACKING_GEO_STATUS.
func ReadCameraTrackingGeoStatus(payload []byte) CameraTrackingGeoStatus {
	p := full(payload, 50)
	return CameraTrackingGeoStatus{
		Lat: i32(p, 0), Lon: i32(p, 4), Alt: f32(p, 8), HAcc: f32(p, 12), VAcc: f32(p, 16),
		VelN: f32(p, 20), VelE: f32(p, 24), VelD: f32(p, 28), VelAcc: f32(p, 32),
		Dist: f32(p, 36), Hdg: f32(p, 40), HdgAcc: f32(p, 44), TrackingStatus: p[48], CameraDeviceID: p[49],
	}
}
