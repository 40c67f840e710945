package mavlink

import (
	"math"
	"slices"
)

// TrackState is what the fleet remembers of one track. Times are µs, 0 where the thing has not been heard.
type TrackState struct {
	System     uint8            `json:"system"`
	Disc       uint8            `json:"disc"`       // the discriminator: 0, 1... where several aircraft claim the id
	Components []ComponentState `json:"components"` // by component id
	Streams    []StreamState    `json:"streams"`    // in order of appearance
	Folded     []FoldedState    `json:"folded"`     // in a ring,
	Oldest     uint8            `json:"oldest"`     // whose oldest is this one, once it is full
	Vehicle    VehicleState     `json:"vehicle"`
	Identity   IdentityState    `json:"identity"`
	Clock      ClockState       `json:"clock"`
	Position   PositionState    `json:"position"`
	Trust      TrustState       `json:"trust"`
	Flight     FlightState      `json:"flight"`
	Aim        AimState         `json:"aim"`
	Switches   SwitchState      `json:"switches"`
	Presses    []PressState     `json:"presses"`  // oldest first
	Targets    []TargetState    `json:"targets"`  // in order of appearance
	Captures   []CaptureState   `json:"captures"` // in order of appearance
	PressCount PressCount       `json:"press_count"`
	LostTags   uint64           `json:"lost_tags"` // that were sent and never heard
	Texts      []TextState      `json:"texts"`     // in order of appearance
	Said       []SaidState      `json:"said"`      // oldest first
}

// ComponentState is what the fleet remembers of one component, vehicle or not.
type ComponentState struct {
	Component uint8 `json:"component"`
	TypeKnown bool  `json:"type_known"` // it has sent a HEARTBEAT
	Type      uint8 `json:"type"`       // MAV_TYPE
}

// VehicleState is what the autopilot of a system has said of itself.
type VehicleState struct {
	Exists     bool     `json:"exists"`
	Component  uint8    `json:"component"` // the autopilot's
	Type       uint8    `json:"type"`
	Autopilot  uint8    `json:"autopilot"`
	BaseMode   uint8    `json:"base_mode"`
	CustomMode uint32   `json:"custom_mode"`
	Status     uint8    `json:"status"` // MAV_STATE
	Heard      int64    `json:"heard"`  // last HEARTBEAT
	Standing   Standing `json:"standing"`
	Landed     uint8    `json:"landed"` // MAV_LANDED_STATE
	LandedAt   int64    `json:"landed_at"`
	Main       Battery  `json:"main"` // of SYS_STATUS
	Pack       Battery  `json:"pack"` // of BATTERY_STATUS, the first pack
}

// Battery is what is known of a battery.
type Battery struct {
	Percent int8  `json:"percent"` // -1 unknown
	MV      int32 `json:"mv"`      // -1 unknown
}

func noBattery() Battery { return Battery{Percent: -1, MV: -1} }

func (s *TrackState) clone() TrackState {
	c := *s
	c.Components = slices.Clone(s.Components)
	c.Streams, c.Folded = slices.Clone(s.Streams), slices.Clone(s.Folded)
	c.Presses = slices.Clone(s.Presses)
	c.Targets = slices.Clone(s.Targets)
	c.Captures = slices.Clone(s.Captures)
	c.Clock.Others = slices.Clone(s.Clock.Others)
	c.Switches = s.Switches.clone()
	c.Texts, c.Said = cloneTexts(s.Texts), slices.Clone(s.Said)
	c.Aim = s.Aim.clone()
	return c
}

// Track is the track's name.
func (s *TrackState) Track() Track { return Track(s.System) | Track(s.Disc)<<8 }

// component is the memory of a component, made at its first frame. It is valid until the next one is made.
func (s *TrackState) component(id uint8) *ComponentState {
	i := 0
	for i < len(s.Components) && s.Components[i].Component < id {
		i++
	}
	if i == len(s.Components) || s.Components[i].Component != id {
		s.Components = slices.Insert(s.Components, i, ComponentState{Component: id})
	}
	return &s.Components[i]
}

// station says whether s is a ground station: it has a GCS and no autopilot.
func (s *TrackState) station() bool {
	return !s.Vehicle.Exists && slices.ContainsFunc(s.Components, func(c ComponentState) bool { return c.TypeKnown && c.Type == typeGCS })
}

// heartbeat folds a HEARTBEAT. The first one of an autopilot makes the system a vehicle.
func (f *Fleet) heartbeat(s *TrackState, fr *Frame, p []byte, out *News) {
	hb := ReadHeartbeat(p)
	c := s.component(fr.CompID)
	c.TypeKnown, c.Type = true, hb.Type
	if !isVehicle(hb.Type, hb.Autopilot) {
		return
	}
	v := &s.Vehicle
	switch {
	case !v.Exists, fr.CompID == v.Component:
	case fr.CompID == 1, v.Standing == StandingLost:
		// A companion that poses as an autopilot gives way to the component that has the autopilot's id; a component
		// that has fallen silent gives way to any.
		f.forget(s)
	default:
		return
	}
	first, before := !v.Exists, *v
	v.Exists, v.Component = true, fr.CompID
	v.Type, v.Autopilot, v.Status = hb.Type, hb.Autopilot, hb.SystemStatus
	v.BaseMode, v.CustomMode = hb.BaseMode, hb.CustomMode
	v.Heard, v.Standing = fr.At, StandingHeard
	s.Identity.Signed = fr.Signed
	f.due = min(f.due, fr.At+f.staleUS)
	if want := f.pins[s.System].typ; want != "" {
		f.pin(s.System, &f.systems[s.System].Type, want, typeWord(v.Type), fr.At, out)
	}

	switch {
	case first, before.Standing == StandingStale:
		f.change(s, ChangeHeard, fr.At, out)
	case before.Standing == StandingLost:
		f.change(s, ChangeBack, fr.At, out)
	}
	if !first {
		if v.armed() && !before.armed() {
			f.change(s, ChangeArmed, fr.At, out)
		}
		if !v.armed() && before.armed() {
			f.change(s, ChangeDisarmed, fr.At, out)
		}
		if v.CustomMode != before.CustomMode {
			f.change(s, ChangeMode, fr.At, out)
		}
	}
	f.flight(s, fr.At, out)
}

func (v *VehicleState) armed() bool { return v.BaseMode&modeFlagArmed != 0 }

// change tells a turn in the vehicle's life, unless the plan ignores it.
func (f *Fleet) change(s *TrackState, kind ChangeKind, at int64, out *News) {
	if f.ignored(s) {
		return
	}
	out.Changes = append(out.Changes, Change{At: at, Track: s.Track(), Vehicle: f.name(s), Kind: kind})
}

// forget drops what does not outlive the autopilot's memory.
func (f *Fleet) forget(s *TrackState) {
	s.Clock.forget()
	s.Trust.forget(s.Position.Known)
	s.Position = PositionState{}
	s.Aim = AimState{}
	s.Vehicle.Landed, s.Vehicle.LandedAt = 0, 0
	s.Vehicle.Main, s.Vehicle.Pack = noBattery(), noBattery()
	s.Flight.Anchored, s.Flight.LowSince = false, 0
	s.Targets, s.Captures = nil, nil
	s.PressCount, s.Texts = PressCount{}, nil
	s.Switches.restart()
}

// sysStatus folds a SYS_STATUS.
func (f *Fleet) sysStatus(s *TrackState, _ *Frame, p []byte, _ *News) {
	m := ReadSysStatus(p)
	mv := int32(m.VoltageBattery)
	if mv == math.MaxUint16 {
		mv = 0
	}
	s.Vehicle.Main.set(m.BatteryRemaining, mv)
	f.rcHealth(s, p)
}

// batteryStatus folds a BATTERY_STATUS of the first pack: cell voltages, or the whole in the first of them, the unused
// ones 65535.
func (f *Fleet) batteryStatus(s *TrackState, _ *Frame, p []byte, _ *News) {
	m := ReadBatteryStatus(p)
	if m.ID != 0 {
		return
	}
	sum := int32(0)
	for _, mv := range m.Voltages {
		if mv != math.MaxUint16 {
			sum += int32(mv)
		}
	}
	s.Vehicle.Pack.set(m.BatteryRemaining, sum)
}

// extendedSysState folds an EXTENDED_SYS_STATE.
func (f *Fleet) extendedSysState(s *TrackState, fr *Frame, p []byte, out *News) {
	s.Vehicle.Landed, s.Vehicle.LandedAt = ReadExtendedSysState(p).LandedState, fr.At
	f.flight(s, fr.At, out)
}

// set takes a reading over. No battery has 0 mV: senders without a sensor give it.
func (b *Battery) set(percent int8, mv int32) {
	*b = noBattery()
	if percent >= 0 && percent <= 100 {
		b.Percent = percent
	}
	if mv != 0 {
		b.MV = mv
	}
}
