package mavlink

import (
	"math"
	"slices"
)

// AimState is where a track's cameras look, and the vehicle's own place and attitude of late, so that the line of sight
// of a tag is that of its own time. Nothing is kept for a vehicle without a camera.
type AimState struct {
	Gimbals   []GimbalState     `json:"gimbals"` // by their ids
	Places    History[Place]    `json:"places"`
	Attitudes History[Tilt]     `json:"attitudes"`
	Ground    GroundHeightState `json:"ground"`
	Unsigned  int64             `json:"unsigned"` // when anyone could last have told where a camera looks, of a vehicle whose frames are to be signed; 0: never
}

// Place is a believed position.
type Place struct {
	LatE7     int32   `json:"lat_e7"`
	LonE7     int32   `json:"lon_e7"`
	AltMM     int32   `json:"alt_mm"`
	RelAltMM  int32   `json:"rel_alt_mm"`
	RelKnown  bool    `json:"rel_known"`
	VNorthCM  int16   `json:"v_north_cm"`
	VEastCM   int16   `json:"v_east_cm"`
	HeadingCD uint16  `json:"heading_cd"` // 65535 unknown
	HAccMM    int32   `json:"h_acc_mm"`   // 0 unknown
	Quality   Quality `json:"quality"`
}

// Tilt is an attitude of the airframe, microradians.
type Tilt struct {
	Roll  int32 `json:"roll"`
	Pitch int32 `json:"pitch"`
	Yaw   int32 `json:"yaw"`
}

// GroundHeightState is how high the ground is below the vehicle, as it told last.
type GroundHeightState struct {
	At    int64  `json:"at"` // 0: not told
	MsgID uint32 `json:"msgid"`
	MM    int32  `json:"mm"` // above mean sea level
}

const (
	groundMaxAge  = 10_000_000
	unsignedFor   = 10_000_000 // so long after an unsigned word on a camera no line of sight is the vehicle's own word
	groundApartMM = 500_000    // a TERRAIN_REPORT may answer a question about any other place
	minGroundMM   = -500_000   // no ground lies lower,
	maxGroundMM   = 9_000_000  // or higher

	hitMaxAge  = 1_500_000
	hitApartMM = 10_000_000 // the longest way to the ground that autopilots look for it

	maxSpeed = 80.0 // m/s; what moves faster has jumped (PROTOCOL 4)

	// A compass alone, not held against the motion that a good GNSS sees, is off by more.
	sigmaYawCompass = 5 * deg
)

func (a *AimState) clone() AimState {
	c := *a
	c.Places, c.Attitudes = a.Places.clone(), a.Attitudes.clone()
	c.Gimbals = slices.Clone(a.Gimbals)
	for i := range c.Gimbals {
		c.Gimbals[i].Pointings = c.Gimbals[i].Pointings.clone()
	}
	return c
}

// looks says whether a line of sight of s may ever be asked for and known.
func (f *Fleet) looks(s *TrackState) bool {
	return (len(s.Aim.Gimbals) != 0 || f.cameras[s.System].fixed) && f.sources[s.System] != 0
}

// begin makes the vehicle's last position the first of its history.
func (a *AimState) begin(s *TrackState) {
	if s.Position.Known {
		bootMS := uint32(0)
		if s.Position.Fix.At == s.Position.GlobalAt {
			bootMS = s.Clock.BootMS[clockPosition]
		}
		a.place(s, &s.Position.Fix, bootMS)
	}
}

// place keeps a believed position.
func (a *AimState) place(s *TrackState, fix *Fix, bootMS uint32) {
	// Field by field: what is put together first and copied then waits for its own stores.
	p := a.Places.add(fix.At, bootMS)
	p.LatE7, p.LonE7 = fix.LatE7, fix.LonE7
	p.AltMM, p.RelAltMM = fix.AltMM, fix.RelAltMM
	p.RelKnown = fresh(fix.At, s.Position.HeightAt, positionMaxAge) && fix.RelAltMM > -maxHeightMM && fix.RelAltMM < maxHeightMM
	p.VNorthCM, p.VEastCM = fix.VNorthCM, fix.VEastCM
	p.HeadingCD, p.HAccMM, p.Quality = fix.HeadingCD, fix.HAccMM, fix.Quality
}

// attitude folds an ATTITUDE.
func (f *Fleet) attitude(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadAttitude(p)
	if f.clock(s, clockAttitude, m.TimeBootMs, fr.At, out) || !f.looks(s) {
		return
	}
	t, ok := tiltOf(m.Roll, m.Pitch, m.Yaw)
	switch {
	case ok:
		*s.Aim.Attitudes.add(fr.At, m.TimeBootMs) = t
	case finite(m.Roll, m.Pitch, m.Yaw):
		out.reject(RejectRange)
	default:
		out.reject(RejectNonFinite)
	}
}

func finite(all ...float32) bool {
	for _, v := range all {
		if v-v != 0 { // NaN, or infinite
			return false
		}
	}
	return true
}

// tiltOf takes angles over, in radians.
func tiltOf(roll, pitch, yaw float32) (Tilt, bool) {
	const most = 4 * math.Pi
	if !(roll >= -most && roll <= most && pitch >= -most && pitch <= most && yaw >= -most && yaw <= most) {
		return Tilt{}, false // not a number, or none of an angle
	}
	return Tilt{int32(float64(roll) * 1e6), int32(float64(pitch) * 1e6), int32(float64(yaw) * 1e6)}, true
}

func (t *Tilt) quat() quat {
	return turned(float64(t.Roll)/1e6, float64(t.Pitch)/1e6, float64(t.Yaw)/1e6)
}

// groundHeight folds TERRAIN_REPORT or ALTITUDE: how high the ground is below the vehicle.
func (f *Fleet) groundHeight(s *TrackState, fr *Frame, p []byte, _ *News) {
	fix, here := s.Position.last(fr.At)
	g := &s.Aim.Ground
	var mm float64
	if fr.MsgID == idTerrainReport {
		m := ReadTerrainReport(p)
		if m.Spacing == 0 || m.Loaded == 0 || !here || distanceMM(fix.LatE7, fix.LonE7, m.Lat, m.Lon) > groundApartMM {
			return
		}
		mm = float64(m.TerrainHeight) * 1000
	} else {
		m := ReadAltitude(p)
		// 0 above the ground is what a sender gives that does not know, or of a vehicle that stands: nothing to look by.
		if g.MsgID == idTerrainReport && fresh(fr.At, g.At, groundMaxAge) || !(m.AltitudeTerrain > 0) {
			return
		}
		amsl := float64(m.AltitudeAmsl) * 1000
		if here { // of one datum with the camera's height
			amsl = float64(fix.AltMM)
		}
		mm = amsl - float64(m.AltitudeTerrain)*1000
	}
	if mm > minGroundMM && mm < maxGroundMM {
		*g = GroundHeightState{At: fr.At, MsgID: fr.MsgID, MM: int32(math.Round(mm))}
	}
}

// aim gives the line of sight of the track's camera at an instant, as far as it is known. camera is the component that
// the tag came from.
func (f *Fleet) aim(s *TrackState, camera uint8, when Stamp) (ray Ray, ok bool) {
	if !f.looks(s) {
		return Ray{}, false
	}
	place, ok := s.place(when)
	if !ok {
		return Ray{}, false
	}
	cam := &f.cameras[s.System]
	doubt := float64(max(0, min(when.Uncertainty, maxSkew))) / 2e6 // s, 1 sigma
	var l look
	if cam.fixed {
		l, ok = s.mounted(cam, when.At)
	} else {
		l, ok = s.pointed(cam, camera, when.At)
	}
	if !ok {
		return Ray{}, false
	}
	ray = Ray{
		LatE7: place.LatE7, LonE7: place.LonE7,
		AMSLKnown: place.AltMM > -maxHeightMM && place.AltMM < maxHeightMM, AboveHomeKnown: place.RelKnown,
		North: l.to.n, East: l.to.e, Down: l.to.d,
		SigmaPitch: cam.sigmaPitch, SigmaYaw: cam.sigmaYaw,
		SigmaPosM: math.Hypot((&Fix{HAccMM: place.HAccMM, Quality: place.Quality}).sigmaM(), place.speed()*doubt),
	}
	if ray.AMSLKnown {
		ray.AMSLMM = place.AltMM
	}
	if ray.AboveHomeKnown {
		ray.AboveHomeMM = place.RelAltMM
	}
	if ray.SigmaPitch == 0 {
		ray.SigmaPitch = sigmaPitch
	}
	if ray.SigmaYaw == 0 {
		if ray.SigmaYaw = sigmaYaw; place.Quality < QualityGood {
			ray.SigmaYaw = sigmaYawCompass
		}
	}
	ray.SigmaPitch = min(math.Hypot(ray.SigmaPitch, l.pitchSlip+math.Abs(l.pitchRate)*doubt), math.Pi/2)
	ray.SigmaYaw = min(math.Hypot(ray.SigmaYaw, l.yawSlip+math.Abs(l.yawRate)*doubt), math.Pi)
	if g := &s.Aim.Ground; g.At != 0 && abs(when.At-g.At) <= groundMaxAge {
		ray.GroundKnown, ray.GroundAMSLMM = true, g.MM
	}
	f.hit(s, cam, when.At, &ray)
	return ray, true
}

// hit takes over where the vehicle says that its camera's middle meets the ground: fresh, and not against the line of
// sight, be it that of another camera or older than its message (ArduPilot sends one for 3 s).
func (f *Fleet) hit(s *TrackState, cam *camera, at int64, ray *Ray) {
	var h *Hit
	for i := range s.Aim.Gimbals {
		g := &s.Aim.Gimbals[i]
		if g.Hit == (Hit{}) {
			continue
		}
		t := g.Hit.At
		if g.Hit.BootMS != 0 {
			t = s.bootTime(t, g.Hit.BootMS).At
		}
		if abs(at-t) < hitMaxAge && (h == nil || g.id() == cam.component) {
			h = &g.Hit
		}
	}
	if h == nil || distanceMM(ray.LatE7, ray.LonE7, h.LatE7, h.LonE7) > hitApartMM {
		return
	}
	if ray.AMSLKnown && h.AMSLKnown {
		north, east := offset(ray.LatE7, ray.LonE7, h.LatE7, h.LonE7)
		to := vec{north, east, float64(ray.AMSLMM-h.AMSLMM) / 1000}
		off := math.Acos(max(-1, min(1, to.unit().dot(vec{ray.North, ray.East, ray.Down}))))
		if !(off <= 3*math.Hypot(ray.SigmaPitch, ray.SigmaYaw)) {
			return
		}
	}
	ray.HitKnown, ray.HitLatE7, ray.HitLonE7 = true, h.LatE7, h.LonE7
}
