package mavlink

import (
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

func spatialInt(lat, lon int32) *all.MessageCommandInt {
	return &all.MessageCommandInt{TargetSystem: 245, TargetComponent: 191, Command: 31005, X: lat, Y: lon}
}

func spatialLong(lat, lon float64) *all.MessageCommandLong {
	return &all.MessageCommandLong{TargetSystem: 245, TargetComponent: 191, Command: 31005, Param5: float32(lat), Param6: float32(lon)}
}

func TestWhoMayTagByCommandAndWhatIsAnswered(t *testing.T) {
	other := func(change func(m *all.MessageCommandInt)) message.Message {
		m := spatialInt(372510000, 1119500000)
		change(m)
		return m
	}
	nan := math.NaN()
	for name, c := range map[string]struct {
		sys, comp uint8
		m         message.Message
		evidence  int
		result    int // -1: no answer
		reject    Reject
		rejected  uint32
	}{
		"listed":                     {255, 190, spatialInt(372510000, 1119500000), 1, 0, 0, 0},
		"to any component of ours":   {255, 190, other(func(m *all.MessageCommandInt) { m.TargetComponent = 0 }), 1, 0, 0, 0},
		"another component of it":    {255, 191, spatialInt(372510000, 1119500000), 0, -1, RejectSender, 1},
		"another station":            {254, 190, spatialInt(372510000, 1119500000), 0, -1, RejectSender, 1},
		"a drone of ours, not asked": {1, 1, spatialInt(372510000, 1119500000), 0, -1, RejectSender, 1},
		"any component of 200":       {200, 77, spatialInt(372510000, 1119500000), 1, 0, 0, 0},
		"to another component":       {255, 190, other(func(m *all.MessageCommandInt) { m.TargetComponent = 1 }), 0, -1, 0, 0},
		"to a drone":                 {255, 190, other(func(m *all.MessageCommandInt) { m.TargetSystem = 1 }), 0, -1, 0, 0},
		"to all":                     {255, 190, other(func(m *all.MessageCommandInt) { m.TargetSystem = 0 }), 0, -1, 0, 0},
		"another command":            {255, 190, other(func(m *all.MessageCommandInt) { m.Command = 31006 }), 0, -1, 0, 0},
		"arming":                     {255, 190, &all.MessageCommandLong{TargetSystem: 245, TargetComponent: 191, Command: 400, Param1: 1}, 0, -1, 0, 0},
		"in metres":                  {255, 190, other(func(m *all.MessageCommandInt) { m.Frame = 1 }), 0, 2, RejectUndecodable, 1},
		"0/0":                        {255, 190, spatialInt(0, 0), 0, 2, RejectZero, 1},
		"beyond the pole":            {255, 190, spatialInt(910000000, 0), 0, 2, RejectRange, 1},
		"at infinity":                {255, 190, spatialInt(math.MinInt32, math.MinInt32), 0, 2, RejectSentinel, 1},
		"out of the theatre":         {255, 190, spatialInt(1119500000/2, 372510000), 0, 2, RejectOutside, 1},
		"nowhere":                    {255, 190, spatialInt(math.MaxInt32, math.MaxInt32), 1, 0, 0, 0},
		"long":                       {255, 190, spatialLong(37.251, 111.95), 1, 0, 0, 0},
		"long, nowhere":              {255, 190, spatialLong(nan, nan), 1, 0, 0, 0},
		"long, half of it":           {255, 190, spatialLong(37.251, nan), 1, 0, 0, 0},
		"long, beyond anything":      {255, 190, spatialLong(3e38, math.Inf(-1)), 0, 2, RejectRange, 1},
		"long, 0/0":                  {255, 190, spatialLong(0, 0), 0, 2, RejectZero, 1},
	} {
		p := pressPlan()
		p.Commands = append(p.Commands, CommandSender{Name: "boat", System: 200})
		p.Theatre = &Theatre{SouthE7: 360000000, NorthE7: 390000000, WestE7: 1100000000, EastE7: 1130000000}
		p.Unknown = "ignore"
		x := newField(t, p)
		x.hover(1, 60)
		x.send(255, 190, beatOf(6, 8))
		n := x.send(c.sys, c.comp, c.m)
		if len(n.Evidence) != c.evidence || n.Rejected[c.reject] != c.rejected {
			t.Errorf("%s: rejected %v, evidence %+v", name, n.Rejected, n.Evidence)
		}
		if c.result < 0 != (len(n.Replies) == 0) || c.result >= 0 &&
			(len(n.Replies) != 1 || n.Replies[0] != Reply{System: c.sys, Component: c.comp, Command: 31005, Result: uint8(c.result)}) {
			t.Errorf("%s: replies %+v, want %d", name, n.Replies, c.result)
		}
	}
}

func TestACommandedTagIsThatOfItsSender(t *testing.T) {
	x := newField(t, pressPlan())
	e := x.send(255, 190, spatialInt(372510000, 1119500000)).Evidence
	if len(e) != 1 || e[0].Vehicle != "post" || !e[0].Verified || e[0].Track != 255 || e[0].CE90DM != unknownTargetDM || e[0].Basis != BasisTarget || e[0].Suspect {
		t.Errorf("%+v", e)
	}
	// 32-bit floats at 112 degrees are 7.6e-6 degrees apart: 0.68 m at 37 north; with 0.42 m of latitude 0.8 m.
	if e := x.send(255, 190, spatialLong(37.251, 111.95)).Evidence; e[0].CE90DM != unknownTargetDM+8 {
		t.Errorf("COMMAND_LONG: %d dm", e[0].CE90DM)
	}
	if e := x.send(255, 190, spatialInt(math.MaxInt32, math.MaxInt32)).Evidence; e[0].Located || e[0].Basis != BasisNone || e[0].Key == (EvidenceKey{}) {
		t.Errorf("nowhere: %+v", e)
	}
}

func TestRetransmissionsShareAKeyAndAreEachAnswered(t *testing.T) {
	x := newField(t, pressPlan())
	for i := range 3 {
		m := spatialLong(37.251, 111.95)
		m.Confirmation = uint8(i)
		if n := x.send(255, 190, m); len(n.Replies) != 1 {
			t.Errorf("copy %d: replies %+v", i, n.Replies)
		}
		x.wait(700 * time.Millisecond)
	}
	m := spatialLong(37.251, 111.95)
	m.Param1 = 1
	x.send(255, 190, m)
	e := x.told.Evidence
	if len(e) != 4 || e[0].Key != e[1].Key || e[0].Key != e[2].Key || e[3].Key == e[0].Key {
		t.Errorf("%+v", e)
	}
}

func TestASenderIsBelievedOverItsLinkOnly(t *testing.T) {
	p := pressPlan()
	p.Commands = []CommandSender{{Name: "post", System: 255, Link: "radio"}}
	x := newField(t, p)
	if e := x.send(255, 190, spatialInt(372510000, 1119500000)).Evidence; len(e) != 1 || e[0].Verified {
		t.Errorf("in a log of others that does not tell links: %+v", e)
	}
	x.fleet.Origin(OriginNote{Origin: 3, System: 255, Component: 190, Link: "field", Address: "a"})
	if n := x.send(255, 190, spatialInt(372510000, 1119500000)); len(n.Evidence)+len(n.Replies) != 0 || n.Rejected[RejectSender] != 1 {
		t.Errorf("over another link: %+v", n)
	}
	x.fleet.Origin(OriginNote{Origin: 4, System: 255, Component: 190, Link: "radio", Address: "b"})
	if n := x.send(255, 190, spatialInt(372510000, 1119500000)); len(n.Evidence) != 1 || !n.Evidence[0].Verified || len(n.Replies) != 1 {
		t.Errorf("over its link: %+v", n)
	}
}

func TestAnUnknownVehiclesCompanionMayTagIfItIsListedAndAPlannedOnesIsBelievedAsTheVehicle(t *testing.T) {
	p := pressPlan()
	p.Commands = []CommandSender{{Name: "system-12", System: 12}, {Name: "companion", System: 1, Component: 191}}
	x := newField(t, p)
	x.hover(1, 60)
	if e := x.send(12, 191, spatialInt(372510000, 1119500000)).Evidence; len(e) != 1 || !e[0].Verified || e[0].Vehicle != "system-12" {
		t.Errorf("%+v", e)
	}
	if e := x.send(1, 191, spatialInt(math.MaxInt32, 0)).Evidence; len(e) != 1 || e[0].Vehicle != "companion" || !e[0].Located || e[0].Basis != BasisVehicle || e[0].CE90DM != 3_000 {
		t.Errorf("a companion without a point of its own stands where its drone is: %+v", e)
	}
	p.Sources = []Source{SourcePOIScript}
	x.fleet.SetPlan(p)
	if n := x.send(12, 191, spatialInt(372510000, 1119500000)); len(n.Evidence)+len(n.Replies) != 0 || n.Rejected[RejectSourceOff] != 1 {
		t.Errorf("the source is off: %+v", n)
	}
	p.Own = OwnID{}
	p.Sources = []Source{SourceSpatialUser}
	x.fleet.SetPlan(p)
	m := spatialInt(372510000, 1119500000)
	m.TargetSystem, m.TargetComponent = 0, 0
	if n := x.send(12, 191, m); len(n.Evidence)+len(n.Replies) != 0 {
		t.Errorf("a plan without an id of ours: %+v", n)
	}
}
