package mavlink

import "math"

// PositionState is what the autopilot has said of where it is and how well it knows.
type PositionState struct {
	Known    bool  `json:"known"` // Fix holds the last believed position
	Fix      Fix   `json:"fix"`
	GlobalAt int64 `json:"global_at"` // last GLOBAL_POSITION_INT, believed or not
	HeightAt int64 `json:"height_at"` // last height above home, which is good without a position too
	HeightMM int32 `json:"height_mm"`
	HomeMM   int32 `json:"home_mm"` // home above mean sea level, from the same message

	GPSHeard uint8  `json:"gps_heard"` // GPS_RAW_INTs, up to 255
	GPSSince int64  `json:"gps_since"` // the first of them
	GPSAt    int64  `json:"gps_at"`
	FixType  uint8  `json:"fix_type"`
	HAccMM   int32  `json:"h_acc_mm"` // 0 not sent
	HDOP     uint16 `json:"hdop"`     // x 100, 0 unknown

	EstimatorAt  int64 `json:"estimator_at"`
	EstimatorBad bool  `json:"estimator_bad"` // it says that it has no absolute position
}

const (
	positionMaxAge = 10_000_000 // older: neither a position nor a word on one
	goodMaxAge     = 2_000_000
	rawAfter       = 5_000_000 // GPS_RAW_INT counts as a position after this long without a GLOBAL_POSITION_INT
	gpsStream      = 3         // so many GPS_RAW_INT make a stream that can be missed; fewer were asked for one by one

	fix2D = 2
	fix3D = 3

	goodHAccMM     = 10_000
	degradedHAccMM = 50_000
	goodHDOP       = 250
	degradedHDOP   = 1_000 // HDOP 10 at 5 m of range error: 50 m

	maxHeightMM = 100_000_000 // |height above home| beyond 100 km is a filler
)

// fresh says whether what was heard at since is at most maxAge old; since 0: not heard.
func fresh(at, since, maxAge int64) bool { return since != 0 && at-since <= maxAge }

// last is the vehicle's position, if it is young enough to go by.
func (p *PositionState) last(at int64) (*Fix, bool) {
	return &p.Fix, p.Known && at-p.Fix.At <= positionMaxAge
}

// height is the height above home in mm, if it is young enough to go by.
func (p *PositionState) height(at int64) (int32, bool) {
	return p.HeightMM, fresh(at, p.HeightAt, positionMaxAge)
}

// refusePoint says why no point on earth can be meant by these coordinates, degrees x 1e7.
func refusePoint(lat, lon int64) (why Reject, refused bool) {
	switch {
	case lat == math.MaxInt32, lat == math.MinInt32, lon == math.MaxInt32, lon == math.MinInt32:
		return RejectSentinel, true
	case lat == 0 && lon == 0:
		return RejectZero, true
	case lat < -90e7, lat > 90e7, lon < -180e7, lon > 180e7:
		return RejectRange, true
	}
	return 0, false
}

// globalPosition folds a GLOBAL_POSITION_INT. The message has no flag that says whether it is good, and autopilots go
// on sending it without a position: 0/0, or the last one (PROTOCOL 4).
func (f *Fleet) globalPosition(s *SystemState, fr *Frame, p []byte, out *News) {
	if !f.speaks(s, fr.CompID) {
		out.Rejected[RejectComponent]++
		return
	}
	m := ReadGlobalPositionInt(p)
	if f.clock(s, clockPosition, m.TimeBootMs, fr.At, out) {
		out.Rejected[RejectStale]++
		return
	}
	s.Position.GlobalAt = fr.At
	if m.RelativeAlt > -maxHeightMM && m.RelativeAlt < maxHeightMM {
		s.Position.HeightAt, s.Position.HeightMM = fr.At, m.RelativeAlt
		s.Position.HomeMM = m.Alt - m.RelativeAlt
		s.Flight.low(fr.At, m.RelativeAlt)
	}
	f.believe(s, &Fix{
		At: fr.At, LatE7: m.Lat, LonE7: m.Lon, AltMM: m.Alt, RelAltMM: m.RelativeAlt,
		VNorthCM: m.Vx, VEastCM: m.Vy, HeadingCD: heading(m.Hdg),
	}, out)
	f.flight(s, fr.At, out)
}

// heading is a heading or course in centidegrees, 0..35999 or 65535.
func heading(cd uint16) uint16 {
	if cd == 36000 {
		return 0
	}
	if cd > 36000 {
		return math.MaxUint16
	}
	return cd
}

// gps folds a GPS_RAW_INT: how good the position is, and the position itself where the autopilot sends no other.
func (f *Fleet) gps(s *SystemState, fr *Frame, p []byte, out *News) {
	m, ps := ReadGPSRawInt(p), &s.Position
	if ps.GPSHeard == 0 {
		ps.GPSSince = fr.At
	}
	if ps.GPSHeard < math.MaxUint8 {
		ps.GPSHeard++
	}
	ps.GPSAt, ps.FixType = fr.At, m.FixType
	ps.HAccMM = int32(min(m.HAcc, math.MaxInt32))
	ps.HDOP = m.Eph
	if m.Eph == math.MaxUint16 {
		ps.HDOP = 0
	}
	if m.FixType < fix3D || fr.At-max(ps.GlobalAt, ps.GPSSince) <= rawAfter {
		return
	}
	fix := Fix{At: fr.At, LatE7: m.Lat, LonE7: m.Lon, AltMM: m.Alt, HeadingCD: math.MaxUint16}
	if ps.HeightAt != 0 {
		fix.RelAltMM = m.Alt - ps.HomeMM
	}
	if m.Vel != math.MaxUint16 && m.Cog <= 36000 {
		sin, cos := math.Sincos(float64(m.Cog) / 100 * math.Pi / 180)
		fix.VNorthCM = clampCM(float64(m.Vel) * cos)
		fix.VEastCM = clampCM(float64(m.Vel) * sin)
	}
	f.believe(s, &fix, out)
}

func clampCM(v float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v))))
}

// believe takes a position over as a fix, or counts why it does not.
func (f *Fleet) believe(s *SystemState, fix *Fix, out *News) {
	why, refused := refusePoint(int64(fix.LatE7), int64(fix.LonE7))
	if !refused {
		why, refused = s.Position.unfit(fix.At)
	}
	if !refused && f.ignored(s) {
		why, refused = RejectIgnored, true
	}
	if refused {
		out.Rejected[why]++
		return
	}
	fix.Track = s.track()
	fix.Quality, fix.HAccMM = s.Position.quality(fix.At)
	fix.Airborne = s.airborne(fix.At)
	s.Position.Known, s.Position.Fix = true, *fix
	if s.Flight.Flying {
		s.Flight.count(fix)
	}
	out.Fixes = append(out.Fixes, *fix)
}

// unfit says why a position of now is none, by what the GPS last said.
func (p *PositionState) unfit(at int64) (why Reject, refused bool) {
	switch {
	case fresh(at, p.GPSAt, positionMaxAge):
		return RejectNoFix, p.FixType < fix2D
	case p.GPSHeard >= gpsStream:
		return RejectStale, true
	}
	return 0, false
}

// quality is how far a position of now may be believed (PROTOCOL 4), and its accuracy as the GPS states it, 0 unknown.
func (p *PositionState) quality(at int64) (q Quality, hAccMM int32) {
	if !fresh(at, p.GPSAt, positionMaxAge) {
		return QualityDegraded, 0
	}
	switch {
	case p.HAccMM > degradedHAccMM, p.HAccMM == 0 && p.HDOP > degradedHDOP:
		return QualityBad, p.HAccMM
	case p.FixType < fix3D, p.HAccMM > goodHAccMM, p.HAccMM == 0 && (p.HDOP == 0 || p.HDOP > goodHDOP),
		p.EstimatorBad && fresh(at, p.EstimatorAt, positionMaxAge):
		return QualityDegraded, p.HAccMM
	}
	return QualityGood, p.HAccMM
}

// The flags of EKF_STATUS_REPORT and ESTIMATOR_STATUS. Their low bits agree; 1024 does not (PROTOCOL 4).
const (
	flagPosHorizAbs      = 16
	flagEKFConstPosMode  = 128
	flagEKFUninitialized = 1024
)

// estimator folds EKF_STATUS_REPORT or ESTIMATOR_STATUS: whether the filter has an absolute position at all.
func (p *PositionState) estimator(fr *Frame, payload []byte) {
	p.EstimatorAt = fr.At
	if fr.MsgID == idEKFStatusReport {
		flags := ReadEKFStatusReport(payload).Flags
		p.EstimatorBad = flags&flagPosHorizAbs == 0 || flags&(flagEKFConstPosMode|flagEKFUninitialized) != 0
		return
	}
	p.EstimatorBad = ReadEstimatorStatus(payload).Flags&flagPosHorizAbs == 0
}
