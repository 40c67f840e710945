package mavlink

import (
	"math"
	"slices"
)

// GimbalState is what one component says, by one kind of message, of where one camera points.
type GimbalState struct {
	MsgID     uint32            `json:"msgid"`
	Component uint8             `json:"component"`
	Device    uint8             `json:"device"` // 1 to 6: told by the autopilot or another manager on its behalf; 0: its own
	Heard     int64             `json:"heard"`
	Pointings History[Pointing] `json:"pointings"`
	Hit       Hit               `json:"hit,omitzero"`
}

// Pointing is an attitude of a camera, a quaternion x 1e9.
type Pointing struct {
	W      int32 `json:"w"`
	X      int32 `json:"x"`
	Y      int32 `json:"y"`
	Z      int32 `json:"z"`
	Earth  bool  `json:"earth"`  // from north, else from the vehicle's heading; from the horizon in either case
	Stowed bool  `json:"stowed"` // retracted, at rest or broken: it looks at nothing
}

// Hit is where CAMERA_FOV_STATUS says that the image's middle lies.
type Hit struct {
	At        int64  `json:"at"`
	BootMS    uint32 `json:"boot_ms"`
	LatE7     int32  `json:"lat_e7"`
	LonE7     int32  `json:"lon_e7"`
	AMSLKnown bool   `json:"amsl_known"`
	AMSLMM    int32  `json:"amsl_mm"`
}

const (
	maxGimbals = 8 // of one track; the one heard longest ago gives way
	maxDevice  = 6 // GIMBAL_DEVICE and camera device ids without a component id of their own

	quatScale = 1e9
)

// GIMBAL_DEVICE_FLAGS.
const (
	gimbalRetract        = 1
	gimbalNeutral        = 2
	gimbalYawLock        = 16
	gimbalYawFromVehicle = 32
	gimbalYawFromEarth   = 64
)

const mountNeutral = 1 // MAV_MOUNT_MODE; 0, retracted, is also what a sender without the field gives

// pointings are the messages that tell where a camera points, the most telling first: 285 names its frame, 265 tells yaw
// in floating point and at times from north, 158 is its old form. The quaternion of 271 comes last: it is sent on
// request, dated by its sending (ArduPilot) and left out by many a camera.
var pointings = [...]uint32{idGimbalAttitude, idMountOrientation, idMountStatus, idCameraFOVStatus}

// gimbal folds what says where a camera looks: GIMBAL_DEVICE_ATTITUDE_STATUS, MOUNT_ORIENTATION, MOUNT_STATUS,
// CAMERA_FOV_STATUS. Any component of the vehicle may say it but a ground station.
func (f *Fleet) gimbal(s *TrackState, fr *Frame, p []byte, out *News) {
	if f.sources[s.System] == 0 || f.ignored(s) || s.station() {
		return
	}
	if c := s.component(fr.CompID); c.TypeKnown && c.Type == typeGCS {
		return
	}
	var is Pointing
	var hit Hit
	var bootMS uint32
	var device uint8
	var ok, wild bool
	switch fr.MsgID {
	case idGimbalAttitude:
		m := ReadGimbalDeviceAttitudeStatus(p)
		bootMS, device = m.TimeBootMs, m.GimbalDeviceID
		is, ok = m.pointing()
		wild = !ok && !finite(m.Q[:]...)
	case idMountOrientation:
		m := ReadMountOrientation(p)
		bootMS = m.TimeBootMs
		is, ok = m.pointing()
	case idMountStatus:
		m := ReadMountStatus(p)
		is, ok = m.pointing()
	case idCameraFOVStatus:
		m := ReadCameraFovStatus(p)
		bootMS, device = m.TimeBootMs, m.CameraDeviceID
		is, ok = m.pointing()
		wild = !finite(m.Q[:]...)
		hit = m.hit()
	}
	if wild { // in 265, NaN says that an angle is not known
		out.reject(RejectNonFinite)
	}
	if device > maxDevice {
		device = 0
	}
	if s = f.cameraOf(s, fr, bootMS); s == nil || !ok && hit == (Hit{}) {
		return
	}
	at := fr.At
	if !f.speaks(s, fr.CompID) || bootMS == 0 { // of another clock than the vehicle's, or undated
		at, bootMS = s.componentTime(fr.CompID, at, bootMS).At, 0
	}
	g := s.Aim.gimbal(fr.MsgID, fr.CompID, device, fr.At)
	if len(s.Aim.Gimbals) == 1 && len(s.Aim.Places.Samples) == 0 {
		s.Aim.begin(s)
	}
	g.Heard = fr.At
	if f.signed[s.System] && !fr.Signed {
		s.Aim.Unsigned = fr.At
	}
	if ok {
		*g.Pointings.add(at, bootMS) = is
	}
	if hit != (Hit{}) {
		hit.At, hit.BootMS = at, bootMS
		g.Hit = hit
	}
}

// cameraOf is the track whose camera a frame tells of. Where several aircraft claim the system id, that is for an
// autopilot's frame the one that it was found to be of, if its clock fits, and for any other component's the one whose
// autopilot, and no other's, speaks from the same place; nil where nothing tells.
func (f *Fleet) cameraOf(s *TrackState, fr *Frame, bootMS uint32) *TrackState {
	tracks := f.tracks[s.System]
	if len(tracks) < 2 {
		return s
	}
	if f.speaks(s, fr.CompID) {
		if s.clockFits(bootMS, fr.At) {
			return s
		}
		return nil
	}
	o := f.spokenFrom(s.System, fr.CompID)
	var owner *TrackState
	for _, t := range tracks {
		if t.Vehicle.Exists && t.from(&o, fr.At, f.staleUS) {
			if owner != nil {
				return nil
			}
			owner = t
		}
	}
	return owner
}

// gimbal is the memory of what a component says of a device in one kind of message, made at its first. They are in the
// order of their ids.
func (a *AimState) gimbal(msg uint32, comp, device uint8, at int64) *GimbalState {
	for i := range a.Gimbals {
		if g := &a.Gimbals[i]; g.MsgID == msg && g.Component == comp && g.Device == device {
			return g
		}
	}
	if len(a.Gimbals) == maxGimbals {
		oldest := 0
		for i := range a.Gimbals {
			if a.Gimbals[i].Heard < a.Gimbals[oldest].Heard {
				oldest = i
			}
		}
		a.Gimbals = slices.Delete(a.Gimbals, oldest, oldest+1)
	}
	g := GimbalState{MsgID: msg, Component: comp, Device: device, Heard: at}
	i := 0
	for i < len(a.Gimbals) && a.Gimbals[i].id() <= g.id() {
		i++
	}
	a.Gimbals = slices.Insert(a.Gimbals, i, g)
	return &a.Gimbals[i]
}

// id is what a configuration calls the gimbal: its device id, 1 to 6, where it has one, else its component's.
func (g *GimbalState) id() uint8 {
	if g.Device != 0 {
		return g.Device
	}
	return g.Component
}

func pointingOf(q quat, earth bool) Pointing {
	return Pointing{
		W: int32(math.Round(q.w * quatScale)), X: int32(math.Round(q.x * quatScale)),
		Y: int32(math.Round(q.y * quatScale)), Z: int32(math.Round(q.z * quatScale)), Earth: earth,
	}
}

func (p *Pointing) quat() quat {
	return quat{float64(p.W), float64(p.X), float64(p.Y), float64(p.Z)}.unit()
}

// pointing reads the frame in the order that the message prescribes. YAW_LOCK is a mode: it tells the frame only where
// neither of the frame's own flags is there (PROTOCOL 2.1).
func (m *GimbalDeviceAttitudeStatus) pointing() (Pointing, bool) {
	if m.Flags&(gimbalRetract|gimbalNeutral) != 0 || m.FailureFlags != 0 {
		return Pointing{Stowed: true}, true
	}
	q, ok := quatOf(m.Q)
	if !ok {
		return Pointing{}, false
	}
	switch {
	case m.Flags&gimbalYawFromVehicle != 0:
		// The heading that the sender itself used, at that very instant, is the best. A value of exactly 0 is that of a
		// sender that sets the flag and does not know the field.
		if d := float64(m.DeltaYaw); d != 0 && math.Abs(d) <= 2*math.Pi {
			return pointingOf(turned(0, 0, d).mul(q), true), true
		}
		return pointingOf(q, false), true
	case m.Flags&gimbalYawFromEarth != 0:
		return pointingOf(q, true), true
	}
	return pointingOf(q, m.Flags&gimbalYawLock != 0), true
}

func (m *MountOrientation) pointing() (Pointing, bool) {
	roll, pitch, yaw, absolute := float64(m.Roll), float64(m.Pitch), float64(m.Yaw), float64(m.YawAbsolute)
	if !angle(roll) { // a mount of two axes; the line of sight does not depend on it
		roll = 0
	}
	switch {
	case !angle(pitch):
	case angle(absolute) && absolute != 0: // exactly 0: a sender that does not know the field
		return pointingOf(turned(roll*deg, pitch*deg, absolute*deg), true), true
	case angle(yaw):
		return pointingOf(turned(roll*deg, pitch*deg, yaw*deg), false), true
	}
	return Pointing{}, false
}

func (m *MountStatus) pointing() (Pointing, bool) {
	roll, pitch, yaw := float64(m.PointingB)/100, float64(m.PointingA)/100, float64(m.PointingC)/100
	switch {
	case m.MountMode == mountNeutral:
		return Pointing{Stowed: true}, true
	case !angle(roll) || !angle(pitch) || !angle(yaw):
		return Pointing{}, false
	}
	return pointingOf(turned(roll*deg, pitch*deg, yaw*deg), false), true
}

// angle says whether an angle in degrees can be meant.
func angle(a float64) bool { return math.Abs(a) <= 360 }

// pointing leaves out the rotation by nothing: cameras that do not know where they look send it.
func (m *CameraFovStatus) pointing() (Pointing, bool) {
	q, ok := quatOf(m.Q)
	return pointingOf(q, true), ok && m.Q != [4]float32{1, 0, 0, 0}
}

// hit is where the message says that the image's middle lies; zero where it says nothing, or "at infinity".
func (m *CameraFovStatus) hit() Hit {
	if _, refused := refusePoint(int64(m.LatImage), int64(m.LonImage)); refused {
		return Hit{}
	}
	h := Hit{LatE7: m.LatImage, LonE7: m.LonImage}
	if m.AltImage > minGroundMM && m.AltImage < maxGroundMM {
		h.AMSLKnown, h.AMSLMM = true, m.AltImage
	}
	return h
}
