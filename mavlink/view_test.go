package mavlink

import (
	"testing"
	"time"
)

// TestAVehicleShowsWhyItIsNotToBeBelieved reads what the API shows of a track from the track's memory.
func TestAVehicleShowsWhyItIsNotToBeBelieved(t *testing.T) {
	const at = 1_795_420_200_000_000
	for _, tt := range []struct {
		name    string
		change  func(*TrackState)
		suspect string
		skewS   float64 // 0: null
		lost    uint64
	}{
		{"nothing", func(*TrackState) {}, "", 0, 0},
		{"a jump some seconds ago", func(s *TrackState) { s.Trust.SuspectSince, s.Trust.Why = at-3_000_000, "jump" }, "jump", 0, 0},
		{"deceived just now, no position since", func(s *TrackState) { s.Trust.SpoofedAt = at - 1 }, "spoofing", 0, 0},
		{"deceived, after a jump", func(s *TrackState) {
			s.Trust.SuspectSince, s.Trust.Why, s.Trust.SpoofedAt = at-3_000_000, "jump", at-1
		}, "spoofing", 0, 0},
		{"a word against its position that is old", func(s *TrackState) { s.Trust.GlitchAt = at - positionMaxAge - 1 }, "", 0, 0},
		{"a clock that is behind", func(s *TrackState) { s.Clock.UTC = UTCState{Skewed: true, SkewUS: -37_449_000} }, "", -37.4, 0},
		{"a clock that agrees", func(s *TrackState) { s.Clock.UTC = UTCState{Known: true, OffsetUS: 4_000_000} }, "", 0, 0},
		{"tags that never came", func(s *TrackState) { s.LostTags = 3 }, "", 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFleet(&FleetPlan{Vehicles: []VehiclePlan{{Name: "egret-1", System: 1}}})
			s := newTrack(1, 0)
			s.Vehicle.Exists, s.Vehicle.Component, s.Vehicle.Heard = true, 1, at
			tt.change(s)
			f.Restore(FleetState{Systems: []SystemState{{System: 1}}, Tracks: []TrackState{*s}})
			views := f.Vehicles(at)
			if len(views) != 1 {
				t.Fatalf("%d vehicles", len(views))
			}
			v := views[0]
			if v.Suspect != tt.suspect || v.LostTags != tt.lost {
				t.Errorf("suspect %q, %d tags lost; want %q, %d", v.Suspect, v.LostTags, tt.suspect, tt.lost)
			}
			if (v.ClockSkewS == nil) != (tt.skewS == 0) || v.ClockSkewS != nil && *v.ClockSkewS != tt.skewS {
				t.Errorf("clock skew %v, want %v", v.ClockSkewS, tt.skewS)
			}
		})
	}
}

func TestWhatContradictsAPositionIsShownUntilItIsTrustedAgain(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	shown := func() string {
		for _, v := range x.fleet.Vehicles(x.at) {
			if v.System == 1 {
				return v.Suspect
			}
		}
		t.Fatal("the vehicle is not shown")
		return ""
	}
	north := x.flight(0, 4*time.Second)
	if got := shown(); got != "" {
		t.Errorf("in quiet flight: %q", got)
	}
	north = x.flight(north+80, 4*time.Second)
	if got := shown(); got != "jump" {
		t.Errorf("4 s after a jump: %q", got)
	}
	x.flight(north, 3*time.Second)
	if got := shown(); got != "" {
		t.Errorf("7 s after a jump: %q", got)
	}
}
