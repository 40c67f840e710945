package link

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

// air is a listener by hand whose links of mode request can be heard.
type air struct {
	*bench
	sent map[string][]message.Message // by address, since they were taken
}

// request gives two links of mode request, "b" and "a", and one that listens, "c".
func request(t *testing.T, legacy bool) *air {
	t.Helper()
	a := &air{bench: byHandWith(t, Options{Links: []Config{
		{Name: "b", UDP: "127.0.0.1:0", Mode: ModeRequest, LegacyStreams: legacy}, {Name: "a", UDP: "127.0.0.1:0", Mode: ModeRequest},
		{Name: "c", UDP: "127.0.0.1:0", Mode: ModeListen},
	}})}
	for _, ln := range a.lines {
		ln.outlets = map[string]*outlet{"": {parcels: make(chan parcel, 10_000), deaf: make(chan struct{}), many: true}}
	}
	return a
}

// fly lets time pass, the asker's ticks with it, and hears what is sent. each is called at every tick.
func (a *air) fly(d time.Duration, each func()) {
	a.t.Helper()
	for range int(d / askTick) {
		if each != nil {
			each()
		}
		a.asker.tick(a.clock.stamp())
		a.pass(askTick)
	}
	a.drain()
	a.collect()
}

func (a *air) collect() {
	a.t.Helper()
	if a.sent == nil {
		a.sent = map[string][]message.Message{}
	}
	for _, ln := range a.lines {
		for len(ln.outlets[""].parcels) > 0 {
			p := <-ln.outlets[""].parcels
			f := mavlink.Parse(p.raw)
			if mavlink.Check(p.raw) != mavlink.Good || f.SysID != mavlink.DefaultOwnID.System || f.CompID != mavlink.DefaultOwnID.Component || mavlink.Signed(p.raw) {
				a.t.Errorf("sent %x", p.raw)
			}
			m, err := mavlink.Decode(p.raw)
			if err != nil {
				a.t.Fatal(err)
			}
			key := ln.cfg.Name + " " + p.to.String()
			a.sent[key] = append(a.sent[key], m)
		}
	}
}

// heartbeats and commands of what was sent to one address; it is forgotten.
func (a *air) taken(key string) (beats int, asked []string) {
	for _, m := range a.sent[key] {
		switch m := m.(type) {
		case *common.MessageHeartbeat:
			if m.Type != common.MAV_TYPE_ONBOARD_CONTROLLER || m.Autopilot != common.MAV_AUTOPILOT_INVALID {
				a.t.Errorf("we pose as %+v", m)
			}
			beats++
		case *common.MessageCommandLong:
			asked = append(asked, fmt.Sprintf("%d/%d: %d of %g every %g, try %d", m.TargetSystem, m.TargetComponent, m.Command, m.Param1, m.Param2, m.Confirmation))
		case *common.MessageRequestDataStream:
			asked = append(asked, fmt.Sprintf("%d/%d: stream %d at %d", m.TargetSystem, m.TargetComponent, m.ReqStreamId, m.ReqMessageRate))
		default:
			a.t.Errorf("sent a %T", m)
		}
	}
	delete(a.sent, key)
	return beats, asked
}

// ack is a COMMAND_ACK of a system's autopilot.
func ack(t testing.TB, system, component uint8, command uint16, result uint8, to mavlink.OwnID) []byte {
	t.Helper()
	raw, err := mavlink.AppendFrame(nil, 0, system, component, &common.MessageCommandAck{
		Command: common.MAV_CMD(command), Result: common.MAV_RESULT(result), TargetSystem: to.System, TargetComponent: to.Component,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func attitude(system uint8, boot uint32) []byte {
	p := make([]byte, 28)
	binary.LittleEndian.PutUint32(p, boot)
	p[27] = 1
	return frame(system, 1, 0, 30, 39, p...)
}

const egret = "192.0.2.1:14550" // a vehicle's address

// vehicle is to be called at every tick: its heartbeat once a second, and what it answers.
func (a *air) vehicle(src *source, system uint8, answers func(m *common.MessageCommandLong) []byte) func() {
	tick, done := 0, 0
	return func() {
		if tick++; tick%5 == 1 {
			a.send(src, heartbeat(system, 0))
		}
		a.collect()
		heard := a.sent[src.line.cfg.Name+" "+src.address]
		fresh := heard[min(done, len(heard)):] // they may have been taken
		done = len(heard)
		for _, m := range fresh {
			if c, ok := m.(*common.MessageCommandLong); ok && answers != nil && c.TargetSystem == system {
				if raw := answers(c); raw != nil {
					a.send(src, raw)
				}
			}
		}
	}
}

// all is what a vehicle that grants everything is asked for.
var all = []string{
	"1/1: 511 of 33 every 500000, try 0", "1/1: 511 of 24 every 1e+06, try 0", "1/1: 511 of 30 every 200000, try 0",
	"1/1: 511 of 285 every 200000, try 0", "1/1: 511 of 271 every 1e+06, try 0", "1/1: 511 of 2 every 2e+06, try 0",
	"1/1: 511 of 230 every 1e+06, try 0", "1/1: 511 of 193 every 1e+06, try 0", "1/1: 511 of 276 every 500000, try 0",
	"1/1: 512 of 148 every 0, try 0",
}

func TestAVehicleIsAskedOnceForWhatTheStationNeeds(t *testing.T) {
	a := request(t, true)
	src := a.source(0, egret)
	grant := func(m *common.MessageCommandLong) []byte {
		return ack(t, 1, 1, uint16(m.Command), 0, mavlink.DefaultOwnID)
	}
	a.fly(30*time.Second, a.vehicle(src, 1, grant))
	beats, asked := a.taken("b " + egret)
	if d := cmp.Diff(all, asked); d != "" || beats != 30 {
		t.Errorf("%d heartbeats, %s", beats, d)
	}
	// Silent: after ten seconds it is not spoken to any more. Back: it may have been switched off.
	a.fly(30*time.Second, nil)
	if beats, asked = a.taken("b " + egret); len(asked) > 0 || beats != 10 {
		t.Errorf("to a silent one: %d heartbeats, %v", beats, asked)
	}
	a.fly(30*time.Second, a.vehicle(src, 1, grant))
	if _, asked = a.taken("b " + egret); cmp.Diff(all, asked) != "" {
		t.Errorf("after silence: %v", asked)
	}
	// Its clock goes back: it has booted.
	a.fly(35*time.Second, a.vehicle(src, 1, grant))
	a.send(src, attitude(1, 500_000))
	a.send(src, attitude(1, 495_000)) // out of order
	a.fly(5*time.Second, a.vehicle(src, 1, grant))
	if _, asked = a.taken("b " + egret); len(asked) > 0 {
		t.Errorf("without a cause: %v", asked)
	}
	a.send(src, attitude(1, 3_000))
	a.fly(5*time.Second, a.vehicle(src, 1, grant))
	if _, asked = a.taken("b " + egret); cmp.Diff(all, asked) != "" {
		t.Errorf("after a reboot: %v", asked)
	}
	for key := range a.sent {
		t.Errorf("something was sent to %s", key)
	}
}

func TestNobodyIsSpokenToWhoIsNoVehicleOrOnALinkThatListens(t *testing.T) {
	a := request(t, true)
	gcs := frame(255, 190, 0, 0, 50, 0, 0, 0, 0, 6, 8, 0, 4, 3)
	camera := frame(1, 100, 0, 0, 50, 0, 0, 0, 0, 30, 8, 0, 4, 3)
	companion := frame(245, 1, 0, 0, 50, 0, 0, 0, 0, 2, 3, 81, 4, 3) // under our own system id
	nobody := frame(0, 1, 0, 0, 50, 0, 0, 0, 0, 2, 3, 81, 4, 3)
	src, quiet := a.source(0, egret), a.source(2, egret)
	a.fly(20*time.Second, func() {
		for _, raw := range [][]byte{gcs, camera, companion, nobody, attitude(1, 1), ack(t, 1, 1, 511, 0, mavlink.DefaultOwnID)} {
			a.send(src, raw)
		}
		a.send(quiet, heartbeat(1, 0))
	})
	if len(a.sent) > 0 {
		t.Errorf("sent %v", a.sent)
	}
}

func TestAPeerThatNeverAnswersIsAskedThreeTimesAMinute(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		a := request(t, legacy)
		a.fly(3*time.Minute, a.vehicle(a.source(0, egret), 1, nil))
		want := []string{"1/1: 511 of 33 every 500000, try 0", "1/1: 511 of 33 every 500000, try 1", "1/1: 511 of 33 every 500000, try 2"}
		if legacy {
			want = append(want, "1/1: stream 2 at 1", "1/1: stream 6 at 2", "1/1: stream 10 at 5", "1/1: stream 12 at 1")
		}
		_, asked := a.taken("b " + egret)
		if d := cmp.Diff(slices.Concat(want, want, want), asked); d != "" {
			t.Error(d)
		}
	}
}

func TestOnlyTheVehiclesOwnAnswerToUsCounts(t *testing.T) {
	a := request(t, false)
	src, liar := a.source(0, egret), a.source(1, "203.0.113.1:1")
	a.fly(6*time.Second, a.vehicle(src, 1, func(m *common.MessageCommandLong) []byte {
		a.send(liar, ack(t, 1, 1, uint16(m.Command), 0, mavlink.DefaultOwnID)) // from elsewhere
		return slices.Concat(
			ack(t, 2, 1, uint16(m.Command), 0, mavlink.DefaultOwnID),                           // of another
			ack(t, 1, 100, uint16(m.Command), 0, mavlink.DefaultOwnID),                         // of a camera
			ack(t, 1, 1, uint16(m.Command), 0, mavlink.OwnID{System: 255, Component: 190}),     // to another
			ack(t, 1, 1, uint16(m.Command), 0, mavlink.OwnID{System: 245, Component: 7}),       //
			ack(t, 1, 1, 400, 0, mavlink.DefaultOwnID),                                         // of another command
			ack(t, 1, 1, uint16(m.Command), 1, mavlink.DefaultOwnID),                           // not now
			ack(t, 1, 1, uint16(m.Command), 5, mavlink.OwnID{System: 245}),                     // in progress
			[]byte{0xFE, 3, 0, 1, 1, 77, byte(m.Command), byte(m.Command >> 8), 0, 0xBA, 0xD0}, // damaged
			fix([]byte{0xFE, 3, 0, 1, 1, 77, 1, 2, 0, 0, 0}, 143),                              // MAVLink 1, of another command
		)
	}))
	if _, asked := a.taken("b " + egret); len(asked) != 3 {
		t.Errorf("asked %v", asked)
	}
}

func TestWhatIsRefusedIsNotAskedAgainAndStreamsComeInstead(t *testing.T) {
	a := request(t, true)
	a.fly(20*time.Second, a.vehicle(a.source(0, egret), 1, func(m *common.MessageCommandLong) []byte {
		if m.Param1 == 24 {
			return nil // it loses that one
		}
		// MAVLink 1 has no target in it.
		return fix([]byte{0xFE, 3, 0, 1, 1, 77, byte(m.Command), byte(m.Command >> 8), 3, 0, 0}, 143)
	}))
	_, asked := a.taken("b " + egret)
	want := slices.Concat(all[:2], []string{"1/1: 511 of 24 every 1e+06, try 1", "1/1: 511 of 24 every 1e+06, try 2"}, all[2:],
		[]string{"1/1: stream 2 at 1", "1/1: stream 6 at 2", "1/1: stream 10 at 5", "1/1: stream 12 at 1"})
	if d := cmp.Diff(want, asked); d != "" {
		t.Error(d)
	}
}

func TestAVehicleIsAskedOverOneLinkAtATime(t *testing.T) {
	a := request(t, false)
	grant := func(m *common.MessageCommandLong) []byte {
		return ack(t, 1, 1, uint16(m.Command), 0, mavlink.DefaultOwnID)
	}
	first, second := a.vehicle(a.source(0, egret), 1, grant), a.vehicle(a.source(1, "198.51.100.1:1"), 1, grant)
	a.fly(20*time.Second, func() { first(); second() })
	if _, asked := a.taken("b " + egret); cmp.Diff(all, asked) != "" {
		t.Errorf("over the first: %v", asked)
	}
	if beats, asked := a.taken("a 198.51.100.1:1"); len(asked) > 0 || beats != 20 {
		t.Errorf("over the second: %d heartbeats, %v", beats, asked)
	}
	a.fly(60*time.Second, second)
	if _, asked := a.taken("a 198.51.100.1:1"); cmp.Diff(all, asked) != "" {
		t.Errorf("after the first has died: %v", asked)
	}
}

// Two drones that share an id give two times since boot in turn.
func TestClocksThatGoBackAllTheTimeAreNoReasonToAskAllTheTime(t *testing.T) {
	a := request(t, false)
	src := a.source(0, egret)
	one := a.vehicle(src, 1, func(m *common.MessageCommandLong) []byte {
		return ack(t, 1, 1, uint16(m.Command), 0, mavlink.DefaultOwnID)
	})
	a.fly(10*time.Minute, func() {
		one()
		a.send(src, attitude(1, 3_000_000))
		a.send(src, attitude(1, 2_000_000))
	})
	if _, asked := a.taken("b " + egret); len(asked) > 10*len(asks) {
		t.Errorf("asked %d times in ten minutes", len(asked))
	}
	a.fly(65*time.Second, one)
	if _, asked := a.taken("b " + egret); cmp.Diff(all, asked) != "" {
		t.Errorf("when that has ended: %v", asked)
	}
}

func TestManyIdsAndAddressesAreNotAskedWithoutBound(t *testing.T) {
	a := request(t, true)
	srcs := make([]*source, 300)
	for i := range srcs {
		srcs[i] = a.source(0, netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), uint16(i+1)).String())
	}
	tick := 0
	a.fly(time.Minute, func() {
		if tick++; tick%5 != 1 {
			return
		}
		for i, src := range srcs { // each poses as all systems, components in turn
			for k := range 10 {
				raw := heartbeat(uint8(i*10+k+tick), 0)
				raw[6] = uint8(1 + tick%3)
				a.send(src, fix(raw, 50))
			}
		}
		for system := range 256 {
			a.send(srcs[0], heartbeat(uint8(system), 0))
		}
	})
	commands, addresses := 0, len(a.sent)
	perAddress := 0
	for key := range a.sent {
		beats, asked := a.taken(key)
		if beats > 60 {
			t.Errorf("%d heartbeats to %s in a minute", beats, key)
		}
		n := 0
		for _, s := range asked {
			if s != "" {
				n++
			}
		}
		commands, perAddress = commands+n, max(perAddress, n)
	}
	if addresses == 0 || addresses > maxPartners {
		t.Errorf("%d addresses are spoken to", addresses)
	}
	if limit := 254 * (askTries + len(legacyStreams)) * 2; commands == 0 || commands > limit || perAddress > 60*(asksPerSec+20*len(legacyStreams)) {
		t.Errorf("%d commands in a minute, %d to one address", commands, perAddress)
	}
}

func TestOneAddressIsAskedTwentyTimesASecond(t *testing.T) {
	a := request(t, false)
	src := a.source(0, egret)
	for i := range 5 {
		for system := range 254 {
			a.send(src, heartbeat(uint8(system+1), 0))
		}
		a.fly(time.Second, nil)
		if _, asked := a.taken("b " + egret); len(asked) > asksPerSec {
			t.Errorf("second %d: %d commands", i, len(asked))
		}
	}
}

// Over a real socket, with the listener's own ticks.
func TestAVehicleOnASocketIsAskedAndGrants(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0", Mode: ModeRequest}, Config{Name: "in", TCPListen: "127.0.0.1:0", Mode: ModeRequest})
	for i, network := range []string{"udp", "tcp"} {
		system := uint8(1 + i)
		c := dial(t, network, s.Addrs()[s.lines[i].cfg.Name])
		send(t, c, heartbeat(system, 0))
		e := ear{t: t, conn: c}
		var asked []uint32
		for len(asked) < len(asks) {
			if m, ok := e.said().(*common.MessageCommandLong); ok {
				if m.TargetSystem != system || m.TargetComponent != 1 {
					t.Errorf("asked %d/%d", m.TargetSystem, m.TargetComponent)
				}
				asked = append(asked, uint32(m.Param1))
				send(t, c, ack(t, system, 1, uint16(m.Command), 0, mavlink.DefaultOwnID))
			}
		}
		if d := cmp.Diff([]uint32{33, 24, 30, 285, 271, 2, 230, 193, 276, 148}, asked); d != "" {
			t.Error(d)
		}
	}
	s.finish()
	for _, n := range s.notes {
		if n.Kind == mavlink.OwnRefused {
			t.Errorf("refused: %s", n.Body)
		}
	}
}

func TestNothingIsRequestedUnderTheIdOfAGroundStation(t *testing.T) {
	for _, system := range []uint8{0, 255} {
		_, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0", Mode: ModeRequest}}, Own: mavlink.OwnID{System: system, Component: 190}})
		if err == nil {
			t.Errorf("system %d may", system)
		}
	}
}
