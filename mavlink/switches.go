package mavlink

import (
	"bytes"
	"math"
	"slices"
)

// SwitchState is how the switches, buttons and values stand that tag sightings.
type SwitchState struct {
	RC      RCState       `json:"rc"`
	Buttons []ButtonState `json:"buttons"` // by component, in order of appearance
	Values  []ValueState  `json:"values"`  // likewise
}

// RCState is how the switch of the transmitter stands.
type RCState struct {
	Channel   uint8   `json:"channel"`   // that this is about, 0 none yet
	Level     RCLevel `json:"level"`     // that it has been in
	Next      RCLevel `json:"next"`      // that it has come to, and not yet for long; 0: to none
	Since     int64   `json:"since"`     // first sample of Next
	SinceMS   uint32  `json:"since_ms"`  // the same since boot, 0 not dated
	Gap       int64   `json:"gap"`       // µs between that and the sample before it
	Verified  bool    `json:"verified"`  // that sample
	Component uint8   `json:"component"` // that sent it
	BootMS    uint32  `json:"boot_ms"`   // newest sample
	Heard     int64   `json:"heard"`     // likewise
	Deaf      bool    `json:"deaf"`      // SYS_STATUS says that the receiver does not work
}

// RCLevel is a position of a switch, by ArduPilot's thresholds.
type RCLevel uint8

// The positions of a switch.
const (
	RCUnknown RCLevel = iota
	RCLow             // below 1200 µs
	RCMiddle
	RCHigh // above 1800 µs
)

// ButtonState is how the buttons of a component stand.
type ButtonState struct {
	Component uint8  `json:"component"`
	State     uint8  `json:"state"`
	BootMS    uint32 `json:"boot_ms"`
	ChangeMS  uint32 `json:"change_ms"` // newest change
	Told      bool   `json:"told"`
	ToldMS    uint32 `json:"told_ms"` // the change that was last told as a press
}

// ValueState is how a named value of a component stands.
type ValueState struct {
	Component uint8  `json:"component"`
	MsgID     uint32 `json:"msgid"`
	Bits      uint32 `json:"bits"` // of the value, 0 for none
	BootMS    uint32 `json:"boot_ms"`
	Told      bool   `json:"told"`
	ToldMS    uint32 `json:"told_ms"` // newest time of the value that was last told as a press
}

const (
	rcLowBelow  = 1_200 // ArduPilot RC_Channel.h, AUX_SWITCH_PWM_TRIGGER
	rcHighAbove = 1_800
	rcMin       = 800 // no pulse of a transmitter is shorter, or longer than rcMax; receivers without one send such
	rcMax       = 2_200

	sensorRCReceiver = 65_536 // MAV_SYS_STATUS_SENSOR

	maxSpeakers = 8 // components of one vehicle that have buttons or values

	// A first value counts as a press only from a vehicle that has been heard for so long without it: a stream of values
	// would have told it before.
	valueSilence = 30_000_000
)

func (s *SwitchState) clone() SwitchState {
	c := *s
	c.Buttons, c.Values = slices.Clone(s.Buttons), slices.Clone(s.Values)
	return c
}

// restart drops what does not outlive the autopilot's memory. Values may come from a component that goes on.
func (s *SwitchState) restart() {
	s.RC, s.Buttons = RCState{Deaf: s.RC.Deaf}, nil
}

// rcHealth folds what a SYS_STATUS says of the receiver: while it is lost, its channels say nothing of the pilot.
func (f *Fleet) rcHealth(s *TrackState, p []byte) {
	if f.sources[s.System]&setRCSwitch == 0 {
		return
	}
	m := ReadSysStatus(p)
	on := m.OnboardControlSensorsPresent & m.OnboardControlSensorsEnabled
	rc := &s.Switches.RC
	if rc.Deaf = on&^m.OnboardControlSensorsHealth&sensorRCReceiver != 0; rc.Deaf {
		rc.Level, rc.Next = RCUnknown, RCUnknown
	}
}

// rcChannels folds an RC_CHANNELS. Coming to a position of the plan is a press once it has held for the time of
// debouncing, as far as can be told: a sample counts until one comes that differs. So a single sample of a slow stream
// is a press, and samples that come and go within that time are bounces.
func (f *Fleet) rcChannels(s *TrackState, fr *Frame, p []byte, out *News) {
	o := f.tagging.rules[s.System].rc
	if o == nil || !f.hears(s, fr.CompID, SourceRCSwitch) {
		return
	}
	m, rc := ReadRCChannels(p), &s.Switches.RC
	if rc.Channel != o.Channel {
		*rc = RCState{Channel: o.Channel, Deaf: rc.Deaf}
	}
	if m.TimeBootMs != 0 && m.TimeBootMs <= rc.BootMS {
		if rc.BootMS-m.TimeBootMs < reorderMS {
			return // a copy, or a late one
		}
		*rc = RCState{Channel: o.Channel, Deaf: rc.Deaf} // a reboot; a wrap, once in 50 days, may cost a press
	}
	gap := fr.At - rc.Heard
	if rc.Heard == 0 {
		gap = 0
	}
	late := int64(0) // samples may have come together that were taken apart
	if m.TimeBootMs > rc.SinceMS && rc.SinceMS != 0 {
		late = int64(m.TimeBootMs-rc.SinceMS) * 1000
	}
	rc.BootMS, rc.Heard = m.TimeBootMs, fr.At

	now := rcLevel(m.Raw[o.Channel-1])
	switch {
	case rc.Deaf, m.Chancount == 0, now == RCUnknown:
		rc.Level, rc.Next = RCUnknown, RCUnknown
		return
	case rc.Level == RCUnknown: // nothing is known of how it came there
		rc.Level = now
		return
	case rc.Next != RCUnknown && rc.Next != now && late >= o.DebounceUS:
		f.switched(s, fr.At, out)
	}
	switch {
	case now == rc.Level:
		rc.Next = RCUnknown
	case now != rc.Next:
		rc.Next, rc.Since, rc.SinceMS, rc.Gap = now, fr.At, m.TimeBootMs, gap
		rc.Verified, rc.Component = f.verified(s, fr), fr.CompID
		f.remind(rc.Since + o.DebounceUS)
	case late >= o.DebounceUS:
		f.switched(s, fr.At, out)
	}
}

func rcLevel(us uint16) RCLevel {
	switch {
	case us <= rcMin, us >= rcMax: // 0 and 65535, no data, among them
		return RCUnknown
	case us < rcLowBelow:
		return RCLow
	case us > rcHighAbove:
		return RCHigh
	}
	return RCMiddle
}

// settleSwitch takes a position over that the switch has held for the time of debouncing.
func (f *Fleet) settleSwitch(s *TrackState, at int64, out *News) (due int64) {
	rc, o := &s.Switches.RC, f.tagging.rules[s.System].rc
	if rc.Next == RCUnknown {
		return never
	}
	if o == nil || o.Channel != rc.Channel || !f.hears(s, rc.Component, SourceRCSwitch) {
		rc.Next = RCUnknown // another plan judges now
		return never
	}
	if due = rc.Since + o.DebounceUS; at < due {
		return due
	}
	f.switched(s, at, out)
	return never
}

// switched takes the switch's next position over and tells it where it is a press. A press that happened in a gap of
// the stream is dated by its first sample, and uncertain by the gap.
func (f *Fleet) switched(s *TrackState, at int64, out *News) {
	rc, o := &s.Switches.RC, f.tagging.rules[s.System].rc
	rc.Level, rc.Next = rc.Next, RCUnknown
	if !(rc.Level == RCHigh && o.Edge != EdgeLow || rc.Level == RCLow && o.Edge != EdgeHigh) {
		return
	}
	n := uint64(rc.SinceMS)
	if n == 0 {
		n = uint64(rc.Since)
	}
	t := tag{
		source: SourceRCSwitch, kind: o.Kind, seen: s.componentTime(rc.Component, rc.Since, rc.SinceMS), camera: rc.Component, verified: rc.Verified, none: true,
		key: EvidenceKey{MsgID: idRCChannels, Track: s.Track(), Comp: rc.Component, N: n},
	}
	t.seen.Uncertainty = max(t.seen.Uncertainty, rc.Gap)
	f.tell(s, at, &t, out)
}

// button folds a BUTTON_CHANGE: the button of the plan goes down. ArduPilot sends each change again for 10 s.
func (f *Fleet) button(s *TrackState, fr *Frame, p []byte, out *News) {
	o := f.tagging.rules[s.System].button
	if o == nil || !f.hears(s, fr.CompID, SourceButton) {
		return
	}
	m, bit := ReadButtonChange(p), uint8(1)<<(o.Button-1)
	b := s.buttons(fr.CompID)
	if b == nil || m.TimeBootMs < b.BootMS && b.BootMS-m.TimeBootMs >= reorderMS { // the first, or the first after a reboot
		b = s.newButtons(ButtonState{Component: fr.CompID, BootMS: m.TimeBootMs, ChangeMS: m.LastChangeMs, State: m.State})
		if m.State&bit == 0 {
			return
		}
	} else {
		down, same := b.State&bit != 0, b.State == m.State
		switch ahead := int32(m.LastChangeMs - b.ChangeMS); {
		case ahead == 0: // sent again
			return
		case ahead < 0: // overtaken on its way
			if m.State&bit == 0 || b.Told && int32(m.LastChangeMs-b.ToldMS) <= 0 {
				return
			}
		default:
			b.BootMS, b.ChangeMS, b.State = m.TimeBootMs, m.LastChangeMs, m.State
			// Of two messages with the button down, the second is a press where nothing else changed: then its coming up in
			// between was not heard.
			if m.State&bit == 0 || down && !same {
				return
			}
		}
	}
	b.Told, b.ToldMS = true, m.LastChangeMs
	seen := s.componentTime(fr.CompID, fr.At, m.TimeBootMs)
	if f.speaks(s, fr.CompID) {
		seen = s.bootTime(fr.At, m.LastChangeMs)
	}
	f.tell(s, fr.At, &tag{
		source: SourceButton, kind: o.Kind, seen: seen, camera: fr.CompID, verified: f.verified(s, fr), none: true,
		key: EvidenceKey{MsgID: idButtonChange, Track: s.Track(), Comp: fr.CompID, N: uint64(m.LastChangeMs)},
	}, out)
}

func (s *TrackState) buttons(comp uint8) *ButtonState {
	for i := range s.Switches.Buttons {
		if b := &s.Switches.Buttons[i]; b.Component == comp {
			return b
		}
	}
	return nil
}

func (s *TrackState) newButtons(b ButtonState) *ButtonState {
	sw := &s.Switches
	sw.Buttons = slices.DeleteFunc(sw.Buttons, func(o ButtonState) bool { return o.Component == b.Component })
	if len(sw.Buttons) == maxSpeakers {
		sw.Buttons = slices.Delete(sw.Buttons, 0, 1)
	}
	sw.Buttons = append(sw.Buttons, b)
	return &sw.Buttons[len(sw.Buttons)-1]
}

// namedValue folds a NAMED_VALUE_FLOAT or NAMED_VALUE_INT: the value of the plan's name changes to another than 0. It is
// how many were seen, where it can be. Values of 0 and NaN say that nothing is there.
func (f *Fleet) namedValue(s *TrackState, fr *Frame, p []byte, out *News) {
	o := f.tagging.rules[s.System].value
	if o == nil || !f.hears(s, fr.CompID, SourceNamedValue) {
		return
	}
	m := ReadNamedValue(p)
	name := m.Name[:]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	if string(name) != o.Name {
		return
	}
	value := float64(int32(m.Bits))
	if fr.MsgID == idNamedValueFloat {
		value = float64(math.Float32frombits(m.Bits))
	}
	if value-value != 0 { // NaN, or infinite
		out.reject(RejectNonFinite)
		value = 0
	}
	if value == 0 {
		m.Bits = 0
	}
	v := s.value(fr.CompID, fr.MsgID)
	if v == nil {
		v = s.newValue(ValueState{Component: fr.CompID, MsgID: fr.MsgID, Bits: m.Bits, BootMS: m.TimeBootMs})
		if value == 0 || fr.At-s.Clock.FirstHeard < valueSilence {
			return
		}
	} else {
		if m.TimeBootMs != 0 && m.TimeBootMs < v.BootMS && v.BootMS-m.TimeBootMs < reorderMS { // overtaken on its way, or a copy
			if value == 0 || m.Bits == v.Bits || v.Told && m.TimeBootMs <= v.ToldMS {
				return
			}
		} else {
			same := m.Bits == v.Bits
			v.Bits, v.BootMS = m.Bits, m.TimeBootMs
			if value == 0 || same {
				if same && value != 0 {
					v.ToldMS = m.TimeBootMs // as far as the value that was told has gone on
				}
				return
			}
		}
	}
	v.Told, v.ToldMS = true, m.TimeBootMs
	n := uint64(m.TimeBootMs)
	if n == 0 {
		n = uint64(fr.At)
	}
	count := int32(0)
	if value == math.Trunc(value) && math.Abs(value) < 1e6 {
		count = countOf(int64(value))
	}
	f.tell(s, fr.At, &tag{
		source: SourceNamedValue, kind: o.Kind, count: count, seen: s.componentTime(fr.CompID, fr.At, m.TimeBootMs),
		camera: fr.CompID, verified: f.verified(s, fr), none: true,
		key: EvidenceKey{MsgID: fr.MsgID, Track: s.Track(), Comp: fr.CompID, N: n<<20 ^ uint64(m.Bits)},
	}, out)
}

func (s *TrackState) value(comp uint8, msgID uint32) *ValueState {
	for i := range s.Switches.Values {
		if v := &s.Switches.Values[i]; v.Component == comp && v.MsgID == msgID {
			return v
		}
	}
	return nil
}

func (s *TrackState) newValue(v ValueState) *ValueState {
	if len(s.Switches.Values) == maxSpeakers {
		s.Switches.Values = slices.Delete(s.Switches.Values, 0, 1)
	}
	s.Switches.Values = append(s.Switches.Values, v)
	return &s.Switches.Values[len(s.Switches.Values)-1]
}
