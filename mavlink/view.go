package mavlink

import (
	"cmp"
	"math"
	"time"
)

// VehicleView is what the API shows of a vehicle.
type VehicleView struct {
	Name           string        `json:"name"`
	System         uint8         `json:"system"`
	Known          bool          `json:"known"`    // it is in the plan
	Verified       bool          `json:"verified"` // its sightings count as its own
	Conflict       bool          `json:"conflict"` // it is in dispute who speaks under its system id
	Disc           uint8         `json:"disc"`     // 0, and 1, 2... for further aircraft that claim the id
	Violated       []string      `json:"violated"` // pins that do not hold, in words
	Type           string        `json:"type"`
	Autopilot      string        `json:"autopilot"`
	Mode           string        `json:"mode"`
	Status         string        `json:"status"` // MAV_STATE
	Armed          bool          `json:"armed"`
	Airborne       bool          `json:"airborne"`
	State          string        `json:"state"`        // heard, stale, lost or, of the plan and silent so far, unheard
	LastHeard      string        `json:"last_heard"`   // RFC 3339, UTC; "" for unheard
	Position       *PositionView `json:"position"`     // the last one, however old; null: none since the autopilot started
	Suspect        string        `json:"suspect"`      // why its position is not trusted, as in Change.Why; "": it is
	ClockSkewS     *float64      `json:"clock_skew_s"` // its UTC less ours, s; null: within 5 s, or it does not know the time
	LostTags       uint64        `json:"lost_tags"`    // that it sent and that were never heard
	BatteryPercent *int          `json:"battery_percent"`
	Voltage        *float64      `json:"voltage"`       // V
	SequenceGaps   uint64        `json:"sequence_gaps"` // of all streams together
	Frames         uint64        `json:"frames"`
	Link           string        `json:"link"` // of the autopilot's newest stream
	Address        string        `json:"address"`
	Streams        []StreamView  `json:"streams"` // in order of appearance
	Sortie         string        `json:"sortie"`  // the id of the one it is on, or ""
}

// StreamView is how one link, from one address, brings one component of a vehicle.
type StreamView struct {
	Component   uint8   `json:"component"`
	Link        string  `json:"link"`
	Address     string  `json:"address"`
	Frames      uint64  `json:"frames"`
	Lost        uint64  `json:"lost"`         // missing in the sequence: lost, or kept back by a router
	LossPercent float64 `json:"loss_percent"` // to a tenth
	Duplicates  uint64  `json:"duplicates"`   // brought before, by this stream or another
	OutOfOrder  uint64  `json:"out_of_order"`
	LastHeard   string  `json:"last_heard"` // RFC 3339, UTC
}

// PositionView is a vehicle's last believed position. Its quality fades with its age.
type PositionView struct {
	Lat           float64  `json:"lat"` // WGS-84, degrees
	Lon           float64  `json:"lon"`
	AltM          float64  `json:"alt_m"`     // above mean sea level
	RelAltM       float64  `json:"rel_alt_m"` // above home
	HeadingDeg    *float64 `json:"heading_deg"`
	GroundSpeedMS float64  `json:"ground_speed_ms"`
	Quality       string   `json:"quality"`
	AgeMS         int64    `json:"age_ms"`
}

// Vehicles shows the vehicles heard so far and those of the plan, by system id, as they are known at the instant at.
func (f *Fleet) Vehicles(at int64) []VehicleView {
	views := []VehicleView{}
	for id := range f.tracks {
		heard := false
		for _, s := range f.tracks[id] {
			if s.Vehicle.Exists && !s.Identity.Tentative {
				views, heard = append(views, f.view(s, at)), true
			}
		}
		if !heard && f.known[id] {
			views = append(views, VehicleView{Name: f.names[id], System: uint8(id), Known: true, Verified: true, State: "unheard", Violated: []string{}, Streams: []StreamView{}})
		}
	}
	return views
}

func (f *Fleet) view(s *TrackState, at int64) VehicleView {
	v, y := &s.Vehicle, f.systems[s.System]
	view := VehicleView{
		Name: f.name(s), System: s.System, Known: f.known[s.System], Verified: f.standsFor(s.System) && (!f.signed[s.System] || s.Identity.Signed),
		Conflict: y.Conflict, Disc: s.Disc, Violated: append([]string{}, f.violations(y)...),
		Type: typeWord(v.Type), Autopilot: word(autopilots[:], uint32(v.Autopilot), "autopilot "),
		Mode:   modeWord(v.Autopilot, v.Type, v.BaseMode, v.CustomMode),
		Status: word(statuses[:], uint32(v.Status), "status "),
		Armed:  v.armed(), Airborne: s.airborne(at), State: v.Standing.String(),
		LastHeard: stamp(v.Heard),
		Position:  s.Position.view(at), LostTags: s.LostTags, Streams: make([]StreamView, 0, len(s.Streams)), Sortie: s.sortieID(),
	}
	if s.suspect(at) {
		view.Suspect = cmp.Or(s.Trust.warned(at), s.Trust.Why)
	}
	if us, known := s.Clock.skew(); known {
		skew := math.Round(float64(us)/1e5) / 10
		view.ClockSkewS = &skew
	}
	newest := int64(0)
	for i := range s.Streams {
		st := &s.Streams[i]
		view.Frames += st.Frames
		view.SequenceGaps += st.Lost
		view.Streams = append(view.Streams, st.view())
		if st.Component == v.Component && st.Heard > newest {
			newest, view.Link, view.Address = st.Heard, st.Link, st.Address
		}
	}
	percent, mv := v.Main.Percent, v.Main.MV
	if percent < 0 {
		percent = v.Pack.Percent
	}
	if mv < 0 {
		mv = v.Pack.MV
	}
	if percent >= 0 {
		n := int(percent)
		view.BatteryPercent = &n
	}
	if mv >= 0 {
		volts := float64(mv) / 1000
		view.Voltage = &volts
	}
	return view
}

func (st *StreamState) view() StreamView {
	v := StreamView{
		Component: st.Component, Link: st.Link, Address: st.Address, Frames: st.Frames, Lost: st.Lost,
		Duplicates: st.Duplicates, OutOfOrder: st.OutOfOrder, LastHeard: stamp(st.Heard),
	}
	if st.Lost > 0 {
		v.LossPercent = math.Round(1000*float64(st.Lost)/float64(st.Frames+st.Lost)) / 10
	}
	return v
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z") }

func (p *PositionState) view(at int64) *PositionView {
	if !p.Known {
		return nil
	}
	fix, age := &p.Fix, at-p.Fix.At
	quality := fix.Quality
	switch {
	case age > positionMaxAge:
		quality = min(quality, QualityBad)
	case age > goodMaxAge:
		quality = min(quality, QualityDegraded)
	}
	view := &PositionView{
		Lat: float64(fix.LatE7) / 1e7, Lon: float64(fix.LonE7) / 1e7,
		AltM: float64(fix.AltMM) / 1000, RelAltM: float64(fix.RelAltMM) / 1000,
		GroundSpeedMS: math.Round(math.Hypot(float64(fix.VNorthCM), float64(fix.VEastCM))) / 100,
		Quality:       quality.String(), AgeMS: age / 1000,
	}
	if fix.HeadingCD != math.MaxUint16 {
		deg := float64(fix.HeadingCD) / 100
		view.HeadingDeg = &deg
	}
	return view
}
