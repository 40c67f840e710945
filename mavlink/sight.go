package mavlink

import "math"

// look is a direction, and how it was changing: at an instant that lies behind (or before) the last sample, it is that
// sample's, and may have slipped since.
type look struct {
	to                 vec
	pitchRate, yawRate float64 // rad/s
	pitchSlip, yawSlip float64 // rad, how far a held sample may be behind
}

// pointed is where a gimbal's camera looked at an instant.
func (s *TrackState) pointed(cam *camera, sender uint8, at int64) (look, bool) {
	for _, msg := range pointings {
		var m moment[Pointing]
		var from *GimbalState
		for i := range s.Aim.Gimbals {
			g := &s.Aim.Gimbals[i]
			if g.MsgID != msg || cam.component != 0 && g.id() != cam.component {
				continue
			}
			// A camera that tells where it looks itself is asked first, then the lowest id.
			own := g.Component == sender && sender != s.Vehicle.Component
			if from != nil && !own {
				continue
			}
			if n, ok := g.Pointings.at(s, at); ok {
				m, from = n, g
				if own {
					break
				}
			}
		}
		if from == nil {
			continue
		}
		if m.a.Stowed || m.b.Stowed {
			return look{}, false
		}
		if l, ok := s.lookOf(&m, at); ok {
			return l, true
		}
	}
	return look{}, false
}

// lookOf turns what a gimbal said around an instant into a direction.
func (s *TrackState) lookOf(m *moment[Pointing], at int64) (l look, ok bool) {
	if m.a.Earth != m.b.Earth {
		m.nearest()
	}
	q := m.a.quat().between(m.b.quat(), m.f)
	if m.ra != nil && !m.ra.Stowed && !m.rb.Stowed && m.ra.Earth == m.rb.Earth {
		l.rates(m.ra.quat().boresight(), m.rb.quat().boresight(), m.span)
	}
	l.pitchSlip, l.yawSlip = math.Abs(l.pitchRate*m.gap), math.Abs(l.yawRate*m.gap)
	if !m.a.Earth {
		yaw, rate, slip, ok := s.heading(at)
		if !ok {
			return look{}, false
		}
		q = turned(0, 0, yaw).mul(q)
		l.yawRate += rate
		l.yawSlip += slip
	}
	l.to = q.boresight()
	return l, true
}

// rates are how fast a direction changed between two samples.
func (l *look) rates(a, b vec, span float64) {
	if span <= 0 {
		return
	}
	l.pitchRate = (b.pitch() - a.pitch()) / span
	const straightDown = 0.02 // of the horizontal part, about 1 deg: its yaw is nothing but noise
	if math.Hypot(a.n, a.e) > straightDown && math.Hypot(b.n, b.e) > straightDown {
		l.yawRate = halfTurn(b.yaw()-a.yaw()) / span
	}
}

// heading is the vehicle's at an instant, radians, how fast it changed, and how far a held one may have slipped: from
// GLOBAL_POSITION_INT or ATTITUDE, whichever is nearer to the instant.
func (s *TrackState) heading(at int64) (yaw, rate, slip float64, ok bool) {
	var gap float64
	if m, found := s.Aim.Places.at(s, at); found && m.a.HeadingCD != math.MaxUint16 && m.b.HeadingCD != math.MaxUint16 {
		a, b := m.a.heading(), m.b.heading()
		yaw, gap, ok = a+m.f*halfTurn(b-a), math.Abs(m.gap), true
		if m.ra != nil && m.ra.HeadingCD != math.MaxUint16 && m.rb.HeadingCD != math.MaxUint16 {
			rate = halfTurn(m.rb.heading()-m.ra.heading()) / m.span
		}
	}
	if m, found := s.Aim.Attitudes.at(s, at); found && (!ok || math.Abs(m.gap) < gap) {
		a, b := float64(m.a.Yaw)/1e6, float64(m.b.Yaw)/1e6
		yaw, gap, rate, ok = a+m.f*halfTurn(b-a), math.Abs(m.gap), 0, true
		if m.ra != nil {
			rate = halfTurn(float64(m.rb.Yaw)/1e6-float64(m.ra.Yaw)/1e6) / m.span
		}
	}
	return yaw, rate, math.Abs(rate * gap), ok
}

func (p *Place) heading() float64 { return float64(p.HeadingCD) / 100 * deg }

// mounted is where a camera without a gimbal looked at an instant.
func (s *TrackState) mounted(cam *camera, at int64) (l look, ok bool) {
	m, ok := s.Aim.Attitudes.at(s, at)
	if !ok {
		return look{}, false
	}
	l.to = m.a.quat().between(m.b.quat(), m.f).mul(cam.mounting).boresight()
	if m.ra != nil {
		l.rates(m.ra.quat().mul(cam.mounting).boresight(), m.rb.quat().mul(cam.mounting).boresight(), m.span)
	}
	l.pitchSlip, l.yawSlip = math.Abs(l.pitchRate*m.gap), math.Abs(l.yawRate*m.gap)
	return l, true
}

// place is where the vehicle was: between two positions, else the last one carried on by the velocity that came with it.
func (s *TrackState) place(when Stamp) (Place, bool) {
	m, ok := s.Aim.Places.at(s, when.At)
	if !ok {
		return Place{}, false
	}
	if m.a != m.b {
		north, east := offset(m.a.LatE7, m.a.LonE7, m.b.LatE7, m.b.LonE7)
		if math.Hypot(north, east) <= maxSpeed*m.span {
			return m.a.between(m.b, m.f), true
		}
		m.nearest()
		return *m.a, true
	}
	p := *m.a
	if v := p.speed(); v <= maxSpeed {
		p.LatE7, p.LonE7 = displaced(p.LatE7, p.LonE7, float64(p.VNorthCM)/100*m.gap, float64(p.VEastCM)/100*m.gap)
	}
	return p, true
}

// speed is the speed over ground that came with a position, m/s.
func (p *Place) speed() float64 {
	return math.Hypot(float64(p.VNorthCM), float64(p.VEastCM)) / 100
}

// between is the place a part f of the way from p to q; what cannot be in between is the worse of the two.
func (p *Place) between(q *Place, f float64) Place {
	at := *p
	part := func(x, y int32) int32 { return x + int32(math.Round(float64(int64(y)-int64(x))*f)) }
	dLon := int64(q.LonE7) - int64(p.LonE7)
	switch {
	case dLon > 180e7:
		dLon -= 360e7
	case dLon < -180e7:
		dLon += 360e7
	}
	at.LatE7 = part(p.LatE7, q.LatE7)
	at.LonE7 = wrapLon(int64(p.LonE7) + int64(math.Round(float64(dLon)*f)))
	at.AltMM, at.RelAltMM = part(p.AltMM, q.AltMM), part(p.RelAltMM, q.RelAltMM)
	at.RelKnown = p.RelKnown && q.RelKnown
	at.HAccMM, at.Quality = max(p.HAccMM, q.HAccMM), min(p.Quality, q.Quality)
	return at
}

// displaced is the point north and east of another, m, by the radii of curvature there. At the poles, where east is no
// direction, it is the same point.
func displaced(lat, lon int32, north, east float64) (int32, int32) {
	sin, cos := math.Sincos(float64(lat) * radPerE7)
	if cos < 1e-3 {
		return lat, lon
	}
	w := 1 - earthE2*sin*sin
	n := earthA / math.Sqrt(w)
	dLat := north / (n * (1 - earthE2) / w) / radPerE7
	dLon := east / (n * cos) / radPerE7
	return lat + int32(math.Round(dLat)), wrapLon(int64(lon) + int64(math.Round(dLon)))
}

func wrapLon(lon int64) int32 {
	switch {
	case lon > 180e7:
		lon -= 360e7
	case lon < -180e7:
		lon += 360e7
	}
	return int32(lon)
}
