package mavlink

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

func channels(bootMS uint32, seven uint16) *all.MessageRcChannels {
	return &all.MessageRcChannels{TimeBootMs: bootMS, Chancount: 16, Chan7Raw: seven}
}

// flick plays samples of a switch, 100 ms each: L low, M middle, H high, 0 a receiver that hears nothing, x no data, space none,
// d and w a SYS_STATUS of a deaf and a working receiver, r a reboot.
func flick(x *field, samples string, dated bool) (presses []int64) {
	x.t.Helper()
	boot := uint32(61_000)
	us := map[rune]uint16{'L': 1000, 'M': 1500, 'H': 1950, '0': 0, 'x': math.MaxUint16}
	before := len(x.told.Evidence)
	start := x.at
	for _, c := range samples {
		switch c {
		case ' ':
		case 'd', 'w':
			m := &all.MessageSysStatus{OnboardControlSensorsPresent: 65536, OnboardControlSensorsEnabled: 65536, BatteryRemaining: 50}
			if c == 'w' {
				m.OnboardControlSensorsHealth = 65536
			}
			x.send(1, 1, m)
		case 'r':
			boot = 100
			p := x.position(0, 0, 60)
			p.TimeBootMs = boot
			x.send(1, 1, p)
		case 'n':
			m := channels(boot, 1950)
			m.Chancount = 0
			x.send(1, 1, m)
		default:
			m := channels(boot, us[c])
			if !dated {
				m.TimeBootMs = 0
			}
			x.send(1, 1, m)
		}
		x.wait(100 * time.Millisecond)
		boot += 100
	}
	x.wait(time.Second)
	for _, e := range x.told.Evidence[before:] {
		presses = append(presses, (e.Seen.At-start)/100_000)
	}
	return presses
}

func TestPressesOfASwitch(t *testing.T) {
	for _, c := range []struct {
		edge, samples string
		want          []int64 // the samples that are presses
	}{
		{EdgeHigh, "LLHHHHLLLL", []int64{2}},
		{EdgeHigh, "LLHHLLLL", []int64{2}},
		{EdgeHigh, "LLHLLLLLL", nil}, // 100 ms
		{EdgeHigh, "LLHLHLHHHHH", []int64{6}},
		{EdgeHigh, "LLHHHHLHHHHH", []int64{2}}, // a bounce of the held switch
		{EdgeHigh, "LLHHHHLLLHHHH", []int64{2, 9}},
		{EdgeHigh, "HHHHHLLLLL", nil},              // it stood there
		{EdgeHigh, "LMMMHHHH", []int64{4}},         // a lever of three positions
		{EdgeHigh, "LLLMMMMLLL", nil},              //
		{EdgeHigh, "L    H    L    ", []int64{5}},  // one sample at 2 Hz
		{EdgeHigh, "L  H  L  H  L", []int64{3, 9}}, //
		{EdgeHigh, "LLH", []int64{2}},              // and no more: it holds as far as can be told
		{EdgeLow, "HHHLLLLLHHHH", []int64{3}},      //
		{EdgeLow, "LLHHHHLLLL", []int64{6}},        //
		{EdgeBoth, "LLHHHHLLLLHHHH", []int64{2, 6, 10}},
		{EdgeBoth, "LLMMMMLLLL", []int64{6}},
		{EdgeHigh, "LLL000HHHH", nil}, // the first sample after a loss is no press
		{EdgeHigh, "LLLxHHHHLLLHHH", []int64{11}},
		{EdgeHigh, "LLLnHHHHLLLHHH", []int64{11}},
		{EdgeHigh, "LLLH0LLLLL", nil}, // lost before it held
		{EdgeHigh, "LLLdHHHHLLHHHHwHHHLLHHH", []int64{20}},
		{EdgeHigh, "LLwLHHHHd", []int64{4}},
		{EdgeHigh, "LLLrHHHHLLHHH", []int64{10}},
		{EdgeHigh, "dHHLLHHHH", nil},
	} {
		for _, dated := range []bool{true, false} {
			p := pressPlan()
			p.Options.RCSwitch.Edge = c.edge
			x := newField(t, p)
			x.hover(1, 60)
			got := flick(x, c.samples, dated)
			if len(got) != len(c.want) {
				t.Errorf("%s %q, dated %v: presses at %d, want %d", c.edge, c.samples, dated, got, c.want)
				continue
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("%s %q, dated %v: presses at %d, want %d", c.edge, c.samples, dated, got, c.want)
				}
			}
		}
	}
}

func TestSamplesThatArriveTogetherAreJudgedByTheirOwnTime(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	x.wait(4 * time.Second)
	for i, us := range []uint16{1000, 1950, 1000, 1000} { // half a second apart, and held up on their way
		x.send(1, 1, channels(62_000+uint32(i)*500, us))
	}
	x.wait(time.Second)
	if e := x.told.Evidence; len(e) != 1 || e[0].At != fieldStart+5_000_000 || e[0].Seen.Source != TimeBoot || e[0].Seen.At != fieldStart+2_500_000 {
		t.Errorf("%+v", e)
	}
	x.send(1, 1, channels(70_000, 1000))
	x.send(1, 1, channels(69_500, 1950)) // a late one
	x.wait(time.Second)
	if e := x.told.Evidence; len(e) != 1 {
		t.Errorf("a sample that was overtaken is a press: %+v", e[1:])
	}
}

func TestASwitchThatTurnedInAGapIsUncertainByIt(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	x.send(1, 1, channels(61_000, 1000))
	x.wait(9 * time.Second)
	x.send(1, 1, channels(70_000, 1950))
	x.wait(time.Second)
	if e := x.told.Evidence; len(e) != 1 || e[0].Seen.Uncertainty != 9_000_000 {
		t.Errorf("%+v", e)
	}
}

func TestASwitchInTheMidstOfTurningOutlivesARestart(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	x.send(1, 1, channels(61_000, 1000))
	x.wait(100 * time.Millisecond)
	x.send(1, 1, channels(61_100, 1950))
	x.restart(pressPlan())
	if n := x.wait(199 * time.Millisecond); len(n.Evidence) != 0 {
		t.Errorf("after 199 ms: %+v", n.Evidence)
	}
	if n := x.wait(time.Millisecond); len(n.Evidence) != 1 {
		t.Errorf("after 200 ms: %d presses", len(n.Evidence))
	}
	x.send(1, 1, channels(62_000, 1000))
	p := pressPlan()
	p.Options.RCSwitch.Channel = 8
	x.fleet.SetPlan(p)
	x.send(1, 1, &all.MessageRcChannels{TimeBootMs: 63_000, Chancount: 16, Chan7Raw: 1000, Chan8Raw: 1950})
	if n := x.wait(time.Second); len(n.Evidence) != 0 {
		t.Errorf("another channel's level is a press: %+v", n.Evidence)
	}
}

func TestOnlyTheAutopilotsChannelsCount(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	for _, us := range []uint16{1000, 1950, 1950, 1950} {
		x.send(1, 42, channels(0, us))
		x.wait(300 * time.Millisecond)
	}
	if len(x.told.Evidence) != 0 {
		t.Errorf("%+v", x.told.Evidence)
	}
}

func TestPressesOfAButton(t *testing.T) {
	type change struct {
		boot, last uint32
		state      uint8
	}
	for name, c := range map[string]struct {
		changes []change
		want    []uint32 // the changes that are presses
	}{
		"told for ten seconds":       {[]change{{100, 90, 2}, {1100, 90, 2}, {9100, 90, 2}}, []uint32{90}},
		"pressed twice":              {[]change{{100, 90, 2}, {300, 290, 0}, {500, 490, 2}, {1500, 490, 2}}, []uint32{90, 490}},
		"the coming up was lost":     {[]change{{100, 90, 2}, {500, 490, 2}}, []uint32{90, 490}},
		"the going down came late":   {[]change{{10, 5, 0}, {300, 290, 0}, {100, 90, 2}}, []uint32{90}},
		"a copy after the coming up": {[]change{{100, 90, 2}, {300, 290, 0}, {100, 90, 2}}, []uint32{90}},
		"another button":             {[]change{{100, 90, 1}, {300, 290, 0}}, nil},
		"another button as well":     {[]change{{100, 90, 2}, {300, 290, 3}, {400, 390, 2}}, []uint32{90}},
		"heard first as it comes up": {[]change{{100, 90, 0}}, nil},
		"after a reboot":             {[]change{{90_000, 89_000, 2}, {100, 90, 2}}, []uint32{89_000, 90}},
		"over the wrap":              {[]change{{math.MaxUint32 - 50, math.MaxUint32 - 60, 0}, {300, 200, 2}}, []uint32{200}},
	} {
		x := newField(t, pressPlan())
		x.hover(1, 60)
		for _, m := range c.changes {
			x.send(1, 1, &all.MessageButtonChange{TimeBootMs: m.boot, LastChangeMs: m.last, State: m.state})
		}
		var got []uint32
		for _, e := range x.told.Evidence {
			got = append(got, uint32(e.Key.N))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: presses %d, want %d", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: presses %d, want %d", name, got, c.want)
			}
		}
	}
	x := newField(t, pressPlan())
	x.hover(1, 60)
	for comp := range uint8(40) { // components without end
		x.send(1, comp+1, &all.MessageButtonChange{TimeBootMs: 1, LastChangeMs: 1, State: 2})
		x.send(1, comp+1, &all.MessageNamedValueInt{TimeBootMs: 1, Name: "SIGHT", Value: 2})
	}
	if st := x.fleet.State().Tracks[0].Switches; len(st.Buttons) != maxSpeakers || len(st.Values) != maxSpeakers {
		t.Errorf("%d components with buttons are remembered, %d with values", len(st.Buttons), len(st.Values))
	}
}

func TestChangesOfANamedValue(t *testing.T) {
	f := func(v float64) *all.MessageNamedValueFloat {
		return &all.MessageNamedValueFloat{Name: "SIGHT", Value: float32(v)}
	}
	i := func(v int32) *all.MessageNamedValueInt { return &all.MessageNamedValueInt{Name: "SIGHT", Value: v} }
	for name, c := range map[string]struct {
		values []message.Message
		want   []int32 // counts of the presses
	}{
		"a counter":                    {[]message.Message{f(0), f(1), f(1), f(2), f(2)}, []int32{1, 2}},
		"a pulse":                      {[]message.Message{f(0), f(3), f(0), f(3), f(3)}, []int32{3, 3}},
		"the first value of a stream":  {[]message.Message{i(5), i(5), i(6)}, []int32{6}},
		"no whole number":              {[]message.Message{f(0), f(2.5)}, []int32{0}},
		"more than can be":             {[]message.Message{i(0), i(1000), i(999)}, []int32{0, 999}},
		"less than none":               {[]message.Message{i(0), i(-1)}, []int32{0}},
		"not a number":                 {[]message.Message{f(0), f(math.NaN()), f(math.Inf(1)), f(math.Inf(-1)), f(math.Copysign(0, -1))}, nil},
		"huge":                         {[]message.Message{f(0), f(3e38)}, []int32{0}},
		"another name":                 {[]message.Message{f(0), &all.MessageNamedValueFloat{Name: "SIGHTS", Value: 1}, &all.MessageNamedValueFloat{Name: "SIGH", Value: 1}}, nil},
		"an integer is another stream": {[]message.Message{f(0), i(0), i(1), f(0)}, []int32{1}},
	} {
		x := newField(t, pressPlan())
		x.hover(1, 60)
		for _, m := range c.values {
			x.send(1, 1, m)
			x.wait(time.Second)
		}
		var got []int32
		for _, e := range x.told.Evidence {
			got = append(got, e.Count)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: counts %d, want %d", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: counts %d, want %d", name, got, c.want)
			}
		}
	}

	// A script that speaks only when it is told to: its first word is a press, if a stream would have been heard before.
	x := newField(t, pressPlan())
	x.hover(1, 60)
	for range 30 {
		x.second(1, true, 0, 0, 60)
	}
	if n := x.send(1, 1, i(1)); len(n.Evidence) != 1 {
		t.Errorf("the first value after 30 s without one: %d pieces of evidence", len(n.Evidence))
	}
	late := func(bootMS uint32, v int32) int {
		return len(x.send(1, 1, &all.MessageNamedValueInt{Name: "SIGHT", Value: v, TimeBootMs: bootMS}).Evidence)
	}
	if late(100_000, 0) != 0 || late(100_600, 0) != 0 || late(100_300, 4) != 1 || late(100_300, 4) != 0 || late(100_700, 0) != 0 {
		t.Error("a value that was overtaken is one press")
	}
}

func TestSwitchesOfASourceThatIsOffAreNotCountedAsTags(t *testing.T) {
	for _, ignore := range []string{"unverified", "ignore"} {
		p := testPlan()
		p.Options, p.Unknown = pressPlan().Options, ignore
		for _, sys := range []uint8{1, 9} {
			x := newField(t, p)
			x.hover(sys, 60)
			rejected := x.told.Rejected
			for _, m := range []message.Message{
				channels(1, 1000), channels(300, 1950), &all.MessageButtonChange{LastChangeMs: 4, State: 2},
				&all.MessageNamedValueInt{Name: "SIGHT"}, &all.MessageNamedValueInt{Name: "SIGHT", Value: 1}, text("SIGHTING 1 person"),
			} {
				x.send(sys, 1, m)
				x.wait(300 * time.Millisecond)
			}
			if len(x.told.Evidence) != 0 || x.told.Rejected != rejected {
				t.Errorf("%s, system %d: %d pieces of evidence, rejected %v", ignore, sys, len(x.told.Evidence), x.told.Rejected)
			}
		}
	}
	if s := strings.Join([]string{RejectSender.String(), RejectOutside.String()}, " "); s != "sender theatre" {
		t.Error(s)
	}
}
