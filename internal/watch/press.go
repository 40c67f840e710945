package watch

import (
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
	// maxPresses is how many presses of one track are remembered: a flood of tags must not slow the fold down.
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
	for i := range w.s.Presses {
		p := &w.s.Presses[i]
		if !p.holds(e) {
			continue
		}
		out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: string(e.Source), Outcome: "merged"})
		if e.Key != (mavlink.EvidenceKey{}) && !slices.Contains(p.Keys, e.Key) && len(p.Keys) < 16 {
			p.Keys = append(p.Keys, e.Key)
		}
		if better(e, &p.Sighting) {
			locate(&p.Sighting, e)
			nears := w.near(geofence.Point{LatE7: e.LatE7, LonE7: e.LonE7}, int64(e.CE90DM))
			p.Alert = w.book.Refine(at, p.Alert, p.Sighting, nears, &out.Transitions)
			out.Sightings = append(out.Sightings, p.Sighting)
		}
		return
	}
	out.Counts.Evidence = append(out.Counts.Evidence, EvidenceCount{Source: string(e.Source), Outcome: "sighting"})
	s := alerts.Sighting{
		ID: alerts.Digest("sighting", w.o.Station, at.String(), strconv.Itoa(int(e.Track)), string(e.Source),
			strconv.Itoa(int(e.LatE7)), strconv.Itoa(int(e.LonE7))),
		At: at, Vehicle: e.Vehicle, Source: string(e.Source), Kind: e.Kind, Basis: string(mavlink.BasisNone), Verified: e.Verified,
	}
	if e.Located {
		locate(&s, e)
	}
	p := Press{At: e.At, Track: e.Track, Verified: e.Verified, Sighting: s}
	if e.Key != (mavlink.EvidenceKey{}) {
		p.Keys = []mavlink.EvidenceKey{e.Key}
	}
	p.Alert = w.sighted(at, &s, out)
	w.remember(p)
}

// remember keeps a press, in the place of its track's oldest where there are too many.
func (w *Watch) remember(p Press) {
	n, oldest := 0, -1
	for i := range w.s.Presses {
		if w.s.Presses[i].Track == p.Track {
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
	var nears []alerts.Near
	if s.Located {
		nears = w.near(point(s.Lat, s.Lon), int64(s.CE90))
	}
	return w.book.Observe(at, *s, nears, &out.Transitions)
}

// holds says whether the evidence is of this press.
func (p *Press) holds(e *mavlink.Evidence) bool {
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
	s := &p.Sighting
	if !s.Located || !e.Located {
		return true // one drone, within seconds, and nothing that tells two presses apart
	}
	d := geofence.DistanceDM(point(s.Lat, s.Lon), geofence.Point{LatE7: e.LatE7, LonE7: e.LonE7})
	return d <= min(int64(s.CE90), int64(e.CE90DM))
}

// trust is the order in which bases are believed, least first.
var trust = [...]mavlink.Basis{mavlink.BasisNone, mavlink.BasisVehicle, mavlink.BasisRay, mavlink.BasisMark, mavlink.BasisTarget}

// better says whether the evidence locates the sighting better than what is known: by a better basis, or by the same
// one with a radius a third smaller. Less is the noise between two messages of one press and not worth telling.
func better(e *mavlink.Evidence, s *alerts.Sighting) bool {
	if !e.Located {
		return false
	}
	have, come := slices.Index(trust[:], mavlink.Basis(s.Basis)), slices.Index(trust[:], e.Basis)
	return come > have || come == have && 3*int64(e.CE90DM) <= 2*int64(s.CE90)
}

func locate(s *alerts.Sighting, e *mavlink.Evidence) {
	s.Located, s.Lat, s.Lon = true, alerts.Degrees(e.LatE7), alerts.Degrees(e.LonE7)
	s.CE90, s.Basis = alerts.Decimetres(e.CE90DM), string(e.Basis)
}

// marked takes a point that a person marked. A mark is verified, and never merged into a press: a person meant it.
func (w *Watch) marked(at int64, number uint32, n mavlink.MarkNote, out *Effects) {
	seen := n.At
	if seen == 0 || seen > at {
		seen = at
	}
	s := alerts.Sighting{
		ID: alerts.Digest("mark", w.o.Station, alerts.Time(at).String(), strconv.Itoa(int(number))),
		At: alerts.Time(seen), Source: string(mavlink.SourceMark), Kind: n.Kind, Basis: string(mavlink.BasisMark), Verified: true,
		Located: true, Lat: alerts.Degrees(n.LatE7), Lon: alerts.Degrees(n.LonE7), CE90: alerts.Decimetres(n.CE90DM),
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
