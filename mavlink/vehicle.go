package mavlink

import (
	"math"
	"slices"
)

// SystemState is what the fleet remembers of one system id. Times are µs, 0 where the thing has not been heard.
type SystemState struct {
	System     uint8            `json:"system"`
	Components []ComponentState `json:"components"` // by component id
	Vehicle    VehicleState     `json:"vehicle"`
	BootMS     [clocks]uint32   `json:"boot_ms"` // newest time since boot of each series, 0 unknown
	Position   PositionState    `json:"position"`
	Flight     FlightState      `json:"flight"`
	Presses    []PressState     `json:"presses"`  // oldest first
	Targets    []TargetState    `json:"targets"`  // in order of appearance
	Captures   []CaptureState   `json:"captures"` // in order of appearance
}

// ComponentState is what the fleet remembers of one component, vehicle or not.
type ComponentState struct {
	Component uint8  `json:"component"`
	TypeKnown bool   `json:"type_known"` // it has sent a HEARTBEAT
	Type      uint8  `json:"type"`       // MAV_TYPE
	SeqKnown  bool   `json:"seq_known"`
	Seq       uint8  `json:"seq"`
	Frames    uint64 `json:"frames"`
	Gaps      uint64 `json:"gaps"` // frames missing in the sequence
	Link      string `json:"link"`
	Address   string `json:"address"`
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

func (s *SystemState) clone() SystemState {
	c := *s
	c.Components = slices.Clone(s.Components)
	c.Presses = slices.Clone(s.Presses)
	c.Targets = slices.Clone(s.Targets)
	c.Captures = slices.Clone(s.Captures)
	return c
}

func (s *SystemState) track() Track { return Track(s.System) }

// component is the memory of a component, made at its first frame. It is valid until the next one is made.
func (s *SystemState) component(id uint8) *ComponentState {
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
func (s *SystemState) station() bool {
	return !s.Vehicle.Exists && slices.ContainsFunc(s.Components, func(c ComponentState) bool { return c.TypeKnown && c.Type == typeGCS })
}

// The pair of ids that SiK radios put on the frames that they inject, with a sequence of their own making ("3", "D").
const radioSystem, radioComponent = 51, 68

// maxGap is the longest run of missing frames that is a gap; more is a new start of the sender.
const maxGap = 64

// count takes note of a frame in the component's sequence. A number at most maxGap behind is a late frame or a copy
// over another link.
func (c *ComponentState) count(fr *Frame) {
	c.Frames++
	if fr.SysID == radioSystem && fr.CompID == radioComponent {
		return
	}
	if c.SeqKnown {
		ahead := fr.Seq - c.Seq
		if ahead == 0 || -ahead <= maxGap {
			return
		}
		if missing := ahead - 1; missing <= maxGap {
			c.Gaps += uint64(missing)
		}
	}
	c.Seq, c.SeqKnown = fr.Seq, true
}

// heartbeat folds a HEARTBEAT. The first one of an autopilot makes the system a vehicle.
func (f *Fleet) heartbeat(s *SystemState, fr *Frame, p []byte, out *News) {
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
	f.due = min(f.due, fr.At+f.staleUS)

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
func (f *Fleet) change(s *SystemState, kind ChangeKind, at int64, out *News) {
	if f.ignored(s) {
		return
	}
	out.Changes = append(out.Changes, Change{At: at, Track: s.track(), Vehicle: f.names[s.System], Kind: kind})
}

// The series of times since boot that an autopilot sends. Each is compared with itself only: some firmware stamps
// GLOBAL_POSITION_INT with the time of the GPS solution, up to a second behind the others.
const (
	clockSystemTime = iota
	clockAttitude
	clockPosition
	clocks
)

const (
	wrapMS    = 600_000 // around the end of 32 bits, 49.7 days, going back is a wrap
	reorderMS = 5_000   // going back by less is a late frame, by more a reboot
)

// clock folds a time since boot. late tells that a newer one of its series has been heard, so that what came with it
// is old; a reboot makes the fleet forget where the vehicle was.
func (f *Fleet) clock(s *SystemState, series int, ms uint32, at int64, out *News) (late bool) {
	if ms == 0 {
		return false // not filled in
	}
	newest := s.BootMS[series]
	if ms < newest && !(newest > math.MaxUint32-wrapMS && ms < wrapMS) {
		if newest-ms < reorderMS {
			return true
		}
		f.forget(s)
		f.change(s, ChangeReboot, at, out)
	}
	s.BootMS[series] = ms
	return false
}

// forget drops what does not outlive the autopilot's memory.
func (f *Fleet) forget(s *SystemState) {
	s.BootMS = [clocks]uint32{}
	s.Position = PositionState{}
	s.Vehicle.Landed, s.Vehicle.LandedAt = 0, 0
	s.Vehicle.Main, s.Vehicle.Pack = noBattery(), noBattery()
	s.Flight.Anchored, s.Flight.LowSince = false, 0
	s.Targets, s.Captures = nil, nil
}

// sysStatus folds a SYS_STATUS.
func (b *Battery) sysStatus(p []byte) {
	m := ReadSysStatus(p)
	mv := int32(m.VoltageBattery)
	if mv == math.MaxUint16 {
		mv = 0
	}
	b.set(m.BatteryRemaining, mv)
}

// batteryStatus folds a BATTERY_STATUS of the first pack: cell voltages, or the whole in the first of them, the unused
// ones 65535.
func (b *Battery) batteryStatus(p []byte) {
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
	b.set(m.BatteryRemaining, sum)
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
