package mavlink

import "math"

// TrustState is why a track's positions may not be what they look like (PROTOCOL 4). Times are µs, 0 where the thing has
// not been heard.
type TrustState struct {
	SuspectSince int64  `json:"suspect_since"` // 0: not suspect
	Why          string `json:"why"`           // while suspect: what contradicted last, as in Change
	AgreesSince  int64  `json:"agrees_since"`  // while suspect: since when nothing contradicts any more, 0: it still does
	Broken       bool   `json:"broken"`        // the next trusted fix follows from none before

	// The position that the next ones are measured against, about a second old.
	Ref Reference `json:"ref"`

	StillSince int64 `json:"still_since"` // since when GLOBAL_POSITION_INT has told of this very point, and of motion
	StillLat   int32 `json:"still_lat"`
	StillLon   int32 `json:"still_lon"`

	GlitchAt    int64 `json:"glitch_at"`    // the filter's newest word, where it was of a glitch of the GPS
	DivergedAt  int64 `json:"diverged_at"`  // the newest comparison of GPS and filter, where they were far apart
	SpoofedAt   int64 `json:"spoofed_at"`   // a receiver's newest word, where it was of deception:
	MitigatedAt int64 `json:"mitigated_at"` // the same, where the receiver has dealt with it
	Receiver    uint8 `json:"receiver"`     // the id of the receiver that last spoke of either
}

// Reference is a position with its time.
type Reference struct {
	At         int64  `json:"at"` // station time, 0: there is none
	BootMS     uint32 `json:"boot_ms"`
	LatE7      int32  `json:"lat_e7"`
	LonE7      int32  `json:"lon_e7"`
	NorthCM    int16  `json:"north_cm"` // cm/s
	EastCM     int16  `json:"east_cm"`
	NoVelocity bool   `json:"no_velocity"`
}

const (
	agreeFor    = 5_000_000  // a suspect vehicle is trusted again after so long without a contradiction
	frozenFor   = 10_000_000 // the same point to the last bit for longer, in motion
	frozenCMS   = 200
	jumpMS      = 80.0 // m/s: faster than any drone of ours
	jumpM       = 50.0 // m off where its own velocity would have taken it,
	jumpWithin  = 3.0  // s: over a longer silence it may have turned
	refSpacing  = 1.0  // s: a filter's correction of some metres between two samples is no speed
	divergeM    = 100.0
	divergeAged = 2_000_000 // GPS and filter are compared when they are no further apart

	suspectCE90DM = 1_500 // evidence that rests on a suspect position holds its target within no less
)

// forget drops what does not outlive a boot. What is suspect stays so until its positions agree for a while; fixed tells
// that the vehicle had a position, from which the next one does not follow.
func (t *TrustState) forget(fixed bool) {
	*t = TrustState{SuspectSince: t.SuspectSince, Why: t.Why, Broken: t.Broken || fixed}
}

// suspect says whether the track's position must not be trusted now: evidence that rests on it is told as such, and is
// no more exact than suspectCE90DM.
func (s *TrackState) suspect(at int64) bool {
	return s.Trust.SuspectSince != 0 || s.Trust.warned(at) != ""
}

// warned is what the vehicle itself says against its position, "" nothing.
func (t *TrustState) warned(at int64) string {
	switch {
	case t.SpoofedAt|t.GlitchAt|t.DivergedAt == 0:
	case fresh(at, t.SpoofedAt, positionMaxAge):
		return "spoofing"
	case fresh(at, t.GlitchAt, positionMaxAge):
		return "glitch"
	case fresh(at, t.DivergedAt, positionMaxAge):
		return "divergence"
	}
	return ""
}

// A reading is a position that a message gives, not yet believed.
type reading struct {
	Fix
	global     bool   // of GLOBAL_POSITION_INT
	bootMS     uint32 // 0 not dated
	noVelocity bool
}

// trust says whether a position is frozen, which makes it none, and marks one that something contradicts. Each episode
// is told at its first position and, 5 s of agreement later, at its end.
func (f *Fleet) trust(s *TrackState, c *reading, out *News) (frozen bool) {
	t := &s.Trust
	why := t.warned(c.At)
	if c.global && t.frozen(c) {
		frozen = true
		if why == "" {
			why = "frozen"
		}
	} else if t.jumped(c) && why == "" {
		why = "jump"
	}
	switch {
	case why != "":
		t.AgreesSince, t.Why = 0, why
		if t.SuspectSince == 0 {
			t.SuspectSince = c.At
			f.suspected(s, c.At, out)
		}
	case t.SuspectSince == 0:
	case t.AgreesSince == 0:
		t.AgreesSince = c.At
	case c.At-t.AgreesSince >= agreeFor:
		t.SuspectSince, t.AgreesSince, t.Why, t.Broken = 0, 0, "", true
		f.change(s, ChangeTrusted, c.At, out)
	}
	if t.SuspectSince != 0 {
		c.Suspect = true
	} else if t.Broken {
		c.Broken, t.Broken = true, false
	}
	return frozen
}

// suspected tells why positions of s are suspect.
func (f *Fleet) suspected(s *TrackState, at int64, out *News) {
	out.Changes = append(out.Changes, Change{At: at, Track: s.Track(), Vehicle: f.name(s), Kind: ChangeSuspect, Why: s.Trust.Why})
}

// frozen says whether the filter has told of one and the same point for over 10 s and of motion all the while: no
// position is that still.
func (t *TrustState) frozen(c *reading) bool {
	if c.LatE7 != t.StillLat || c.LonE7 != t.StillLon || square(c.VNorthCM)+square(c.VEastCM) <= frozenCMS*frozenCMS {
		t.StillSince, t.StillLat, t.StillLon = c.At, c.LatE7, c.LonE7
		return false
	}
	return c.At-t.StillSince > frozenFor
}

func square(n int16) int64 { return int64(n) * int64(n) }

// jumped says whether a position cannot be reached from the one about a second before it: at over 80 m/s, or, within
// 3 s, 50 m off where the velocities of both lead.
func (t *TrustState) jumped(c *reading) bool {
	r := &t.Ref
	dt := float64(c.At-r.At) / 1e6
	if r.At == 0 || (c.bootMS == 0) != (r.BootMS == 0) {
		// Nothing known; or the GPS's word after the filter's, or the other way round. Only one of them says when it was, and
		// a radio may hand over in an instant what took long.
		r.set(c)
		return false
	}
	if c.bootMS != 0 {
		dt = float64(int32(c.bootMS-r.BootMS)) / 1e3
	}
	const near, slow = 1_500, 2_500 // 17 m each way and 25 m/s make 49 m in the second
	dLat, dLon := int64(c.LatE7)-int64(r.LatE7), int64(c.LonE7)-int64(r.LonE7)
	if dt >= 0 && dt < refSpacing && abs(dLat) < near && abs(dLon) < near &&
		max(square(c.VNorthCM)+square(c.VEastCM), square(r.NorthCM)+square(r.EastCM)) < slow*slow {
		return false
	}
	north, east := offset(r.LatE7, r.LonE7, c.LatE7, c.LonE7)
	if dt >= refSpacing && north*north+east*east > jumpMS*dt*jumpMS*dt {
		r.set(c)
		return true
	}
	if dt <= jumpWithin && !c.noVelocity && !r.NoVelocity {
		dt = max(dt, 0)
		vn, ve := float64(int(r.NorthCM)+int(c.VNorthCM))/200, float64(int(r.EastCM)+int(c.VEastCM))/200
		north, east = north-vn*dt, east-ve*dt
		if north*north+east*east > jumpM*jumpM {
			r.set(c)
			return true
		}
	}
	if dt >= refSpacing {
		r.set(c)
	}
	return false
}

func (r *Reference) set(c *reading) {
	*r = Reference{At: c.At, BootMS: c.bootMS, LatE7: c.LatE7, LonE7: c.LonE7, NorthCM: c.VNorthCM, EastCM: c.VEastCM, NoVelocity: c.noVelocity}
}

// compare sets a position of the GPS against the filter's.
func (s *TrackState) compare(at int64, m *GPSRawInt) {
	p, t := &s.Position, &s.Trust
	if _, refused := refusePoint(int64(m.Lat), int64(m.Lon)); refused || m.FixType < fix3D || !p.Known || p.Fix.At != p.GlobalAt || !fresh(at, p.GlobalAt, divergeAged) {
		return
	}
	const near = 6_000 // 67 m each way
	fix := &p.Fix
	t.DivergedAt = 0
	if abs(int64(m.Lat)-int64(fix.LatE7)) < near && abs(int64(m.Lon)-int64(fix.LonE7)) < near {
		return
	}
	// The filter's position is a little older: the way flown since is no contradiction.
	speed := math.Hypot(float64(fix.VNorthCM), float64(fix.VEastCM)) / 100
	if float64(distanceMM(fix.LatE7, fix.LonE7, m.Lat, m.Lon))/1000 > divergeM+speed*float64(at-fix.At)/1e6 {
		t.DivergedAt = at
	}
}

// GPS_SPOOFING_STATE.
const (
	spoofingMitigated = 2
	spoofingDetected  = 3
)

// integrity folds a GNSS_INTEGRITY. A vehicle may have several receivers: one that hears nothing wrong does not speak for
// the other that does.
func (f *Fleet) integrity(s *TrackState, fr *Frame, p []byte, _ *News) {
	m, t := ReadGNSSIntegrity(p), &s.Trust
	switch {
	case m.SpoofingState == spoofingDetected:
		t.SpoofedAt, t.MitigatedAt, t.Receiver = fr.At, 0, m.ID
	case m.SpoofingState == spoofingMitigated && (t.SpoofedAt == 0 || m.ID == t.Receiver):
		t.SpoofedAt, t.MitigatedAt, t.Receiver = 0, fr.At, m.ID
	case m.ID == t.Receiver:
		t.SpoofedAt, t.MitigatedAt = 0, 0
	}
}

// The flags of EKF_STATUS_REPORT and ESTIMATOR_STATUS. Their low bits agree; 1024 does not (PROTOCOL 4).
const (
	flagPosHorizAbs        = 16
	flagEKFConstPosMode    = 128
	flagEKFUninitialized   = 1024
	flagEKFGPSGlitching    = 32768
	flagEstimatorGPSGlitch = 1024
)

// estimator folds EKF_STATUS_REPORT or ESTIMATOR_STATUS: whether the filter has an absolute position, how well what it
// measures fits it, and whether it finds fault with the GPS. A test ratio or variance above 1 is a measurement that the
// filter turns away.
func (f *Fleet) estimator(s *TrackState, fr *Frame, payload []byte, _ *News) {
	p := &s.Position
	var none, glitch bool
	var velocity, position, compass, accuracy float32
	if fr.MsgID == idEKFStatusReport {
		m := ReadEKFStatusReport(payload)
		none = m.Flags&flagPosHorizAbs == 0 || m.Flags&(flagEKFConstPosMode|flagEKFUninitialized) != 0
		glitch = m.Flags&flagEKFGPSGlitching != 0
		velocity, position, compass = m.VelocityVariance, m.PosHorizVariance, m.CompassVariance
	} else {
		m := ReadEstimatorStatus(payload)
		none = m.Flags&flagPosHorizAbs == 0
		glitch = m.Flags&flagEstimatorGPSGlitch != 0
		velocity, position, compass, accuracy = m.VelRatio, m.PosHorizRatio, m.MagRatio, m.PosHorizAccuracy
	}
	p.EstimatorAt, p.EstimatorHAccMM = fr.At, 0
	switch {
	case none:
		p.EstimatorCap = QualityNone
	case velocity > 1, position > 1: // PX4 sends NaN where it tests nothing
		p.EstimatorCap = QualityBad
	case compass > 1:
		p.EstimatorCap = QualityDegraded
	default:
		p.EstimatorCap = QualityGood
	}
	if accuracy > 0 && accuracy <= maxHAccM {
		p.EstimatorHAccMM = int32(math.Ceil(float64(accuracy) * 1000))
	}
	s.Trust.GlitchAt = 0
	if glitch {
		s.Trust.GlitchAt = fr.At
	}
}

const maxHAccM = 1_000_000 // an accuracy above is a filler
