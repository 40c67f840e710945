package watch

import (
	"math"
	"slices"
	"strconv"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// One press, one sighting (PROTOCOL 1.4): how long evidence of one press may come apart, µs.
const (
	sameKeyFor   = 30_000_000
	samePlaceFor = 3_000_000
	// maxPresses is how many presses of one track are remembered, and as many unverified ones: a flood of tags must not slow
	// the fold down.
	maxPresses = 16
)

// Press is the memory of one sighting while more evidence of it may come.
type Press struct {
	At       int64                 `json:"at"` // of the first evidence
	Track    mavlink.Track         `json:"track"`
	Verified bool                  `json:"verified"`
	Keys     []mavlink.EvidenceKey `json:"keys"`
	Sighting alerts.Sighting       `json:"sighting"`
	Alert    string                `json:"alert"` // that the sighting is in, "" for none
}

// tagged takes one piece of evidence: it belongs to a press of the last 30 s, or is a new sighting.
func (w *Watch) tagged(e *mavlink.Evidence, out *Effects) {
	w.s.Presses = slices.DeleteFunc(w.s.Presses, func(p Press) bool { return e.At-p.At > sameKeyFor })
	at := alerts.Time(e.At)
	s := w.sighting(e)
	for i := range w.s.Presses {
		p := &w.s.Presses[i]
		if !p.holds(e, &s) {
			continue
		}
		out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: string(e.Source), Outcome: "merged"})
		if e.Key != (mavlink.EvidenceKey{}) && !slices.Contains(p.Keys, e.Key) && len(p.Keys) < 16 {
			p.Keys = append(p.Keys, e.Key)
		}
		if better(&s, &p.Sighting) {
			relocate(&p.Sighting, &s)
			p.Alert = w.book.Refine(at, p.Alert, p.Sighting, w.nearSighting(&p.Sighting), &out.Transitions)
			out.Sightings = append(out.Sightings, p.Sighting)
		}
		return
	}
	out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: string(e.Source), Outcome: "sighting"})
	p := Press{At: e.At, Track: e.Track, Verified: e.Verified, Sighting: s}
	if e.Key != (mavlink.EvidenceKey{}) {
		p.Keys = []mavlink.EvidenceKey{e.Key}
	}
	p.Alert = w.sighted(at, &s, out)
	w.remember(p)
}

// sighting is the sighting that a piece of evidence would be by itself. Where it gives a camera's ray, the ground that
// the plan knows decides what the ray is worth: a point, or a direction only.
func (w *Watch) sighting(e *mavlink.Evidence) alerts.Sighting {
	s := alerts.Sighting{
		ID: alerts.Digest("sighting", w.o.Station, alerts.Time(e.At).String(), strconv.Itoa(int(e.Track)), string(e.Source),
			strconv.Itoa(int(e.LatE7)), strconv.Itoa(int(e.LonE7))),
		At: alerts.Time(e.Seen.At), Vehicle: e.Vehicle, Source: string(e.Source), Kind: e.Kind, Basis: string(mavlink.BasisNone), Verified: e.Verified,
		Count: e.Count, TimeSource: string(e.Seen.Source), Uncertainty: alerts.Milliseconds((e.Seen.Uncertainty + 999) / 1000), Suspect: e.Suspect,
	}
	if e.Ray != nil {
		w.looked(&s, e)
		return s
	}
	if e.Located {
		s.Located, s.Lat, s.Lon = true, alerts.Degrees(e.LatE7), alerts.Degrees(e.LonE7)
		s.CE90, s.Basis = alerts.Decimetres(e.CE90DM), string(e.Basis)
		if el := e.Ellipse; el != (mavlink.Ellipse{}) {
			s.Ellipse = &alerts.Ellipse{Major: alerts.Decimetres(el.MajorDM), Minor: alerts.Decimetres(el.MinorDM), Bearing: alerts.Bearing(el.BearingDeg)}
		}
	}
	return s
}

// looked places a sighting by the ray that its evidence gives. From a suspect position the point is no better than the
// evidence says that the vehicle's is, and a direction is as much wider and longer as the plan allows a point to be off.
func (w *Watch) looked(s *alerts.Sighting, e *mavlink.Evidence) {
	look := w.judge.Look(e.Ray)
	s.Basis = string(mavlink.BasisRay)
	if !look.Located {
		r := &look.Sector
		if e.Suspect { // nor is it known from where the direction goes out
			off := w.judge.Plan.Sight.WithDefaults().MaxCE90DM
			r.HalfWidthDeg = min(180, r.HalfWidthDeg+math.Atan2(float64(off), float64(r.MinDM+r.MaxDM)/2)*(180/math.Pi))
			r.MinDM, r.MaxDM = max(0, r.MinDM-off), r.MaxDM+off
		}
		s.Ray = &alerts.Ray{
			Lat: alerts.Degrees(r.From.LatE7), Lon: alerts.Degrees(r.From.LonE7), Bearing: decidegrees(r.BearingDeg), HalfWidth: decidegrees(r.HalfWidthDeg),
			Min: alerts.Decimetres(r.MinDM), Max: alerts.Decimetres(r.MaxDM),
		}
		return
	}
	el := &look.Ellipse
	s.Located, s.Lat, s.Lon, s.Ground = true, alerts.Degrees(el.Center.LatE7), alerts.Degrees(el.Center.LonE7), look.Ground
	s.CE90 = alerts.Decimetres(look.CE90DM)
	if e.Suspect {
		s.CE90 = max(s.CE90, alerts.Decimetres(e.CE90DM))
		return
	}
	s.Ellipse = &alerts.Ellipse{Major: alerts.Decimetres(el.MajorDM), Minor: alerts.Decimetres(el.MinorDM), Bearing: alerts.Bearing(el.BearingDeg)}
}

func decidegrees(deg float64) alerts.Decidegrees { return alerts.Decidegrees(math.Round(deg * 10)) }

// nearSighting asks the zones about a sighting: about its ellipse, its circle, or the sector that it was seen in. They
// get the numbers that the sighting tells, so that whoever reads it can judge again.
func (w *Watch) nearSighting(s *alerts.Sighting) []alerts.Near {
	x := w.judge.Index
	switch {
	case s.Ray != nil:
		r := s.Ray
		return w.words(x.NearSector(geofence.Sector{
			From: point(r.Lat, r.Lon), BearingDeg: float64(r.Bearing) / 10, HalfWidthDeg: float64(r.HalfWidth) / 10, MinDM: int64(r.Min), MaxDM: int64(r.Max),
		}, w.nears[:0]))
	case !s.Located:
		return nil
	case s.Ellipse != nil:
		e := s.Ellipse
		return w.words(x.NearEllipse(geofence.Ellipse{
			Center: point(s.Lat, s.Lon), MajorDM: int64(e.Major), MinorDM: int64(e.Minor), BearingDeg: int16(e.Bearing),
		}, w.nears[:0]))
	}
	return w.words(x.Near(point(s.Lat, s.Lon), int64(s.CE90), w.nears[:0]))
}

// remember keeps a press, in the place of its track's oldest of its kind where there are too many: a forger's push out
// none that was verified.
func (w *Watch) remember(p Press) {
	n, oldest := 0, -1
	for i := range w.s.Presses {
		if w.s.Presses[i].Track == p.Track && w.s.Presses[i].Verified == p.Verified {
			if n++; oldest < 0 {
				oldest = i
			}
		}
	}
	if n >= maxPresses {
		w.s.Presses = slices.Delete(w.s.Presses, oldest, oldest+1)
	}
	w.s.Presses = append(w.s.Presses, p)
}

func (w *Watch) sighted(at alerts.Time, s *alerts.Sighting, out *Effects) string {
	out.Sightings = append(out.Sightings, *s)
	return w.book.Observe(at, *s, w.nearSighting(s), &out.Transitions)
}

// holds says whether the evidence, which by itself would be the sighting s, is of this press.
func (p *Press) holds(e *mavlink.Evidence, s *alerts.Sighting) bool {
	if p.Track != e.Track || p.Verified != e.Verified || p.Sighting.Kind != e.Kind {
		return false
	}
	if slices.Contains(p.Keys, e.Key) {
		return true
	}
	if e.At-p.At > samePlaceFor || slices.ContainsFunc(p.Keys, func(k mavlink.EvidenceKey) bool {
		return k.MsgID == e.Key.MsgID && k.Comp == e.Key.Comp // the same message with another counter: another press
	}) {
		return false
	}
	have := &p.Sighting
	if !have.Located || !s.Located {
		return true // one drone, within seconds, and nothing that tells two presses apart
	}
	return geofence.DistanceDM(point(have.Lat, have.Lon), point(s.Lat, s.Lon)) <= int64(min(have.CE90, s.CE90))
}

// trust is the order in which bases are believed, least first.
var trust = [...]mavlink.Basis{mavlink.BasisNone, mavlink.BasisVehicle, mavlink.BasisRay, mavlink.BasisMark, mavlink.BasisTarget}

// better says whether a sighting locates better than what is known of it: by a better basis, by a point instead of a
// direction, or by the same basis with a radius a third smaller. Less is the noise between two messages of one press and
// not worth telling.
func better(come, have *alerts.Sighting) bool {
	if !come.Located && come.Ray == nil {
		return false
	}
	is, was := slices.Index(trust[:], mavlink.Basis(come.Basis)), slices.Index(trust[:], mavlink.Basis(have.Basis))
	return is > was || is == was && come.Located && (!have.Located || 3*come.CE90 <= 2*have.CE90)
}

// relocate gives have the place of come.
func relocate(have, come *alerts.Sighting) {
	have.Located, have.Lat, have.Lon, have.CE90 = come.Located, come.Lat, come.Lon, come.CE90
	have.Basis, have.Ground, have.Ellipse, have.Ray, have.Suspect = come.Basis, come.Ground, come.Ellipse, come.Ray, come.Suspect
}

// marked takes a point that a person marked. A mark is verified, and never merged into a press: a person meant it.
func (w *Watch) marked(at int64, number uint32, n mavlink.MarkNote, out *Effects) {
	seen, by := n.At, mavlink.TimeStated
	if seen == 0 || seen > at {
		seen, by = at, mavlink.TimeReceived
	}
	s := alerts.Sighting{
		ID: alerts.Digest("mark", w.o.Station, alerts.Time(at).String(), strconv.Itoa(int(number))),
		At: alerts.Time(seen), Source: string(mavlink.SourceMark), Kind: n.Kind, Basis: string(mavlink.BasisMark), Verified: true,
		TimeSource: string(by), Located: true, Lat: alerts.Degrees(n.LatE7), Lon: alerts.Degrees(n.LonE7), CE90: alerts.Decimetres(n.CE90DM),
	}
	a := Answer{Number: number, Sighting: s.ID}
	if !slices.Contains(w.judge.Plan.Fleet.Sources, mavlink.SourceMark) {
		a.Refused, a.Sighting = RefusedMark, ""
		out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: s.Source, Outcome: mavlink.RejectSourceOff.String()})
	} else {
		out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: s.Source, Outcome: "sighting"})
		a.Alert = w.sighted(alerts.Time(at), &s, out)
	}
	out.Answers = append(out.Answers, a)
}

// RefusedMark answers a mark while the plan has the source off.
const RefusedMark alerts.Refusal = "marks_off"
