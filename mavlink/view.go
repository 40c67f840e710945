package mavlink

import (
	"math"
	"time"
)

// VehicleView is what the API shows of a vehicle.
type VehicleView struct {
	Name           string        `json:"name"`
	System         uint8         `json:"system"`
	Known          bool          `json:"known"`    // it is in the plan
	Verified       bool          `json:"verified"` // its sightings count as its own
	Type           string        `json:"type"`
	Autopilot      string        `json:"autopilot"`
	Mode           string        `json:"mode"`
	Status         string        `json:"status"` // MAV_STATE
	Armed          bool          `json:"armed"`
	Airborne       bool          `json:"airborne"`
	State          string        `json:"state"`      // heard, stale, lost or, of the plan and silent so far, unheard
	LastHeard      string        `json:"last_heard"` // RFC 3339, UTC; "" for unheard
	Position       *PositionView `json:"position"`   // the last one, however old; null: none since the autopilot started
	BatteryPercent *int          `json:"battery_percent"`
	Voltage        *float64      `json:"voltage"` // V
	SequenceGaps   uint64        `json:"sequence_gaps"`
	Frames         uint64        `json:"frames"`
	Link           string        `json:"link"`
	Address        string        `json:"address"`
	Sortie         string        `json:"sortie"` // the id of the one it is on, or ""
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
	for id, s := range &f.systems {
		switch {
		case s != nil && s.Vehicle.Exists:
			views = append(views, f.view(s, at))
		case f.known[id]:
			views = append(views, VehicleView{Name: f.names[id], System: uint8(id), Known: true, Verified: true, State: "unheard"})
		}
	}
	return views
}

func (f *Fleet) view(s *SystemState, at int64) VehicleView {
	v := &s.Vehicle
	c := s.component(v.Component)
	view := VehicleView{
		Name: f.names[s.System], System: s.System, Known: f.known[s.System], Verified: f.known[s.System],
		Type: typeWord(v.Type), Autopilot: word(autopilots[:], uint32(v.Autopilot), "autopilot "),
		Mode:   modeWord(v.Autopilot, v.Type, v.BaseMode, v.CustomMode),
		Status: word(statuses[:], uint32(v.Status), "status "),
		Armed:  v.armed(), Airborne: s.airborne(at), State: v.Standing.String(),
		LastHeard: time.UnixMicro(v.Heard).UTC().Format("2006-01-02T15:04:05.000000Z"),
		Position:  s.Position.view(at),
		Link:      c.Link, Address: c.Address, Sortie: s.sortieID(),
	}
	for i := range s.Components {
		view.Frames += s.Components[i].Frames
		view.SequenceGaps += s.Components[i].Gaps
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
