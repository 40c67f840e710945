package mavlink

import "math"

// PositionState is what the autopilot has said of where it is and how well it knows.
type PositionState struct {
	Known    bool  `json:"known"` // Fix holds the last believed position
	Fix      Fix   `json:"fix"`
	GlobalAt int64 `json:"global_at"` // last GLOBAL_POSITION_INT that was believed
	HeightAt int64 `json:"height_at"` // last height above home, which is good without a position too
	HeightMM int32 `json:"height_mm"`
	HomeMM   int32 `json:"home_mm"` // home above mean sea level, from the same message

	GPSHeard uint8  `json:"gps_heard"` // GPS_RAW_INTs, up to 255
	GPSSince int64  `json:"gps_since"` // the first of them
	GPSAt    int64  `json:"gps_at"`
	FixType  uint8  `json:"fix_type"`
	HAccMM   int32  `json:"h_acc_mm"` // 0 not sent
	HDOP     uint16 `json:"hdop"`     // x 100, 0 unknown

	EstimatorAt     int64   `json:"estimator_at"`
	EstimatorCap    Quality `json:"estimator_cap"`      // the best that its word allows; none: it has no absolute position
	EstimatorHAccMM int32   `json:"estimator_h_acc_mm"` // 0 not sent
}

const (
	positionMaxAge = 10_000_000 // older: neither a position nor a word on one
	goodMaxAge     = 2_000_000
	rawAfter       = 5_000_000 // GPS_RAW_INT counts as a position after this long without a GLOBAL_POSITION_INT to believe
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
func (f *Fleet) globalPosition(s *TrackState, fr *Frame, p []byte, out *News) {
	if !f.speaks(s, fr.CompID) {
		out.reject(RejectComponent)
		return
	}
	m := ReadGlobalPositionInt(p)
	if f.clock(s, clockPosition, m.TimeBootMs, fr.At, out) {
		out.reject(RejectStale)
		return
	}
	if m.RelativeAlt > -maxHeightMM && m.RelativeAlt < maxHeightMM {
		s.Position.HeightAt, s.Position.HeightMM = fr.At, m.RelativeAlt
		s.Position.HomeMM = m.Alt - m.RelativeAlt
		s.Flight.low(fr.At, m.RelativeAlt)
	}
	f.believe(s, &reading{global: true, bootMS: m.TimeBootMs, Fix: Fix{
		At: fr.At, LatE7: m.Lat, LonE7: m.Lon, AltMM: m.Alt, RelAltMM: m.RelativeAlt,
		VNorthCM: m.Vx, VEastCM: m.Vy, HeadingCD: heading(m.Hdg),
	}}, out)
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
func (f *Fleet) gps(s *TrackState, fr *Frame, p []byte, out *News) {
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
	s.compare(fr.At, &m)
	if m.FixType < fix3D || fr.At-max(ps.GlobalAt, ps.GPSSince) <= rawAfter {
		return
	}
	fix := reading{noVelocity: true, Fix: Fix{At: fr.At, LatE7: m.Lat, LonE7: m.Lon, AltMM: m.Alt, HeadingCD: math.MaxUint16}}
	if ps.HeightAt != 0 {
		fix.RelAltMM = m.Alt - ps.HomeMM
	}
	if m.Vel != math.MaxUint16 && m.Cog <= 36000 {
		fix.noVelocity = false
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
func (f *Fleet) believe(s *TrackState, c *reading, out *News) {
	p := &s.Position
	why, refused := refusePoint(int64(c.LatE7), int64(c.LonE7))
	if !refused && f.outside(int64(c.LatE7), int64(c.LonE7)) {
		why, refused = RejectOutside, true
	}
	if !refused {
		why, refused = p.unfit(c)
	}
	if !refused && f.ignored(s) {
		why, refused = RejectIgnored, true
	}
	if !refused && f.trust(s, c, out) {
		why, refused = RejectStale, true
	}
	if refused {
		out.reject(why)
		return
	}
	c.Track = s.Track()
	c.Quality, c.HAccMM = p.quality(c.At)
	if c.Suspect {
		c.Quality = min(c.Quality, QualityBad)
	}
	if s.Trust.MitigatedAt != 0 && fresh(c.At, s.Trust.MitigatedAt, positionMaxAge) {
		c.Quality = min(c.Quality, QualityDegraded)
	}
	c.Airborne = s.airborne(c.At)
	if c.global {
		p.GlobalAt = c.At
	}
	if f.looks(s) {
		s.Aim.place(s, &c.Fix, c.bootMS)
	}
	if s.Flight.Flying {
		s.Flight.count(&c.Fix)
	}
	p.Known, p.Fix = true, c.Fix
	out.Fixes = append(out.Fixes, c.Fix)
}

// unfit says why a position of now is none, by what the GPS and the filter last said. The filter's word is not on what
// the GPS tells by itself.
func (p *PositionState) unfit(c *reading) (why Reject, refused bool) {
	switch {
	case fresh(c.At, p.GPSAt, positionMaxAge):
		if p.FixType < fix2D {
			return RejectNoFix, true
		}
	case p.GPSHeard >= gpsStream:
		return RejectStale, true
	}
	return RejectEstimator, c.global && p.EstimatorCap == QualityNone && fresh(c.At, p.EstimatorAt, positionMaxAge)
}

// quality is how far a position of now may be believed (PROTOCOL 4), and its accuracy as the GPS states it, else the
// filter, 0 unknown.
func (p *PositionState) quality(at int64) (q Quality, hAccMM int32) {
	gps, filter := fresh(at, p.GPSAt, positionMaxAge), fresh(at, p.EstimatorAt, positionMaxAge)
	if gps {
		hAccMM = p.HAccMM
	}
	if filter && hAccMM == 0 {
		hAccMM = p.EstimatorHAccMM
	}
	q = QualityGood
	switch {
	case hAccMM > degradedHAccMM, gps && hAccMM == 0 && p.HDOP > degradedHDOP:
		q = QualityBad
	case !gps, p.FixType < fix3D, hAccMM > goodHAccMM, hAccMM == 0 && (p.HDOP == 0 || p.HDOP > goodHDOP):
		q = QualityDegraded
	}
	switch {
	case !filter:
	case p.EstimatorCap == QualityNone: // then this is the GPS's own
		q = min(q, QualityDegraded)
	default:
		q = min(q, p.EstimatorCap)
	}
	return q, hAccMM
}
