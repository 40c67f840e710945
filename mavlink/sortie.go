package mavlink

import (
	"fmt"
	"math"
)

// FlightState is the sortie that a vehicle is on, and what its landing is told by.
type FlightState struct {
	Flying   bool   `json:"flying"`
	Disc     uint8  `json:"disc"` // the track's at take-off: part of the sortie's name
	TookOff  int64  `json:"took_off"`
	DistMM   int64  `json:"dist_mm"`
	MaxAltMM int32  `json:"max_alt_mm"`
	Fixes    uint32 `json:"fixes"`
	Anchored bool   `json:"anchored"` // the last point that the distance was counted to:
	LatE7    int32  `json:"lat_e7"`
	LonE7    int32  `json:"lon_e7"`
	LowSince int64  `json:"low_since"` // height below lowMM from here on, 0: not low
}

// MAV_LANDED_STATE.
const (
	landedOnGround = 1
	landedInAir    = 2
	landedTakeoff  = 3
	landedLanding  = 4
)

const (
	landedMaxAge = 10_000_000 // an EXTENDED_SYS_STATE older than this no longer decides
	airborneMM   = 3_000
	lowMM        = 1_500
	lowFor       = 5_000_000

	// A sortie's distance grows by the way from anchor to anchor at least so far apart: adding up the noise of a hover
	// at 10 Hz would make kilometres.
	anchorMM = 1_000
)

// saysLanded is the vehicle's own word on whether it flies, 0 where it sends none that is known.
func (s *TrackState) saysLanded(at int64) uint8 {
	if s.Vehicle.Landed > landedLanding || !fresh(at, s.Vehicle.LandedAt, landedMaxAge) {
		return 0
	}
	return s.Vehicle.Landed
}

// airborne says whether the vehicle is armed and off the ground: by its own word, else by its height above home. What
// drives or swims never is, however high the bank it climbs.
func (s *TrackState) airborne(at int64) bool {
	if !s.Vehicle.armed() || onTheGround(s.Vehicle.Type) {
		return false
	}
	switch s.saysLanded(at) {
	case landedInAir, landedTakeoff, landedLanding:
		return true
	case landedOnGround:
		return false
	}
	return fresh(at, s.Position.HeightAt, positionMaxAge) && s.Position.HeightMM > airborneMM
}

// landed says whether a vehicle that flew is down. Silence alone never says so.
func (s *TrackState) landed(at int64) bool {
	if !s.Vehicle.armed() {
		return true
	}
	if word := s.saysLanded(at); word != 0 {
		return word == landedOnGround
	}
	return s.Flight.LowSince != 0 && s.Position.HeightAt-s.Flight.LowSince >= lowFor
}

// flight tells take-off and landing by what is known at the instant at.
func (f *Fleet) flight(s *TrackState, at int64, out *News) {
	switch {
	case !s.Flight.Flying && s.airborne(at):
		s.Flight = FlightState{Flying: true, Disc: s.Disc, TookOff: at, LowSince: s.Flight.LowSince}
		if fix, ok := s.Position.last(at); ok {
			s.Flight.count(fix)
		}
		f.due = math.MinInt64 // its silence counts from now on
		f.tellSortie(s, 0, out)
	case s.Flight.Flying && s.landed(at):
		f.land(s, at, out)
	}
}

// land ends the sortie.
func (f *Fleet) land(s *TrackState, at int64, out *News) {
	f.tellSortie(s, at, out)
	s.Flight = FlightState{LowSince: s.Flight.LowSince}
}

func (f *Fleet) tellSortie(s *TrackState, landed int64, out *News) {
	if f.ignored(s) {
		return
	}
	out.Sorties = append(out.Sorties, Sortie{
		ID: s.sortieID(), Track: s.Track(), Vehicle: f.name(s), TookOff: s.Flight.TookOff, Landed: landed,
		DistDM: (s.Flight.DistMM + 50) / 100, MaxAltMM: s.Flight.MaxAltMM, Fixes: s.Flight.Fixes,
	})
}

// sortieID names the sortie that s is on, "" on the ground.
func (s *TrackState) sortieID() string {
	if !s.Flight.Flying {
		return ""
	}
	if s.Flight.Disc != 0 {
		return fmt.Sprintf("%d#%d-%d", s.System, s.Flight.Disc+1, s.Flight.TookOff)
	}
	return fmt.Sprintf("%d-%d", s.System, s.Flight.TookOff)
}

// count adds a fix to the sortie.
func (fl *FlightState) count(fix *Fix) {
	fl.Fixes++
	fl.MaxAltMM = max(fl.MaxAltMM, fix.RelAltMM)
	if fix.Quality < QualityDegraded {
		return
	}
	if !fl.Anchored {
		fl.Anchored, fl.LatE7, fl.LonE7 = true, fix.LatE7, fix.LonE7
		return
	}
	if d := distanceMM(fl.LatE7, fl.LonE7, fix.LatE7, fix.LonE7); d >= anchorMM {
		fl.DistMM += d
		fl.LatE7, fl.LonE7 = fix.LatE7, fix.LonE7
	}
}

// low keeps how long the vehicle has been near the height of its home.
func (fl *FlightState) low(at int64, heightMM int32) {
	switch {
	case heightMM >= lowMM:
		fl.LowSince = 0
	case fl.LowSince == 0:
		fl.LowSince = at
	}
}
