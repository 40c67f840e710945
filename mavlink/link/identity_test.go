package link

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

var (
	keyOne = [32]byte{1}
	keyTwo = [32]byte{2}
)

// sign signs an unsigned frame whose CRC extra is extra (guide/message_signing of mavlink.io).
func sign(raw []byte, extra uint8, key [32]byte, link uint8, ticks int64) []byte {
	raw = slices.Clone(raw)
	raw[2] |= 1
	raw = append(fix(raw, extra), link)
	raw = append(raw, binary.LittleEndian.AppendUint64(nil, uint64(ticks))[:6]...)
	sum := sha256.Sum256(slices.Concat(key[:], raw))
	return append(raw, sum[:6]...)
}

// ticksAt is the time of a signature made at t, µs.
func ticksAt(t int64) int64 {
	return (t - time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()) / 10
}

// signedBeat is a signed heartbeat of a system.
func signedBeat(system, seq uint8, key [32]byte, ticks int64) []byte {
	return sign(heartbeat(system, seq), 50, key, 1, ticks)
}

func required(system uint8, key *[32]byte) mavlink.VehicleIdentity {
	return mavlink.VehicleIdentity{System: system, Signing: mavlink.SigningRequire, Key: key}
}

func TestTwentyFramesOfTwoVehiclesWithTwoKeysInOneDatagram(t *testing.T) {
	s := listener(t, Options{
		Links:    []Config{{Name: "field", UDP: "127.0.0.1:0"}},
		Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne), required(2, &keyTwo)},
	})
	s.start()
	var datagram []byte
	now := ticksAt(time.Now().UnixMicro())
	for i := range uint8(20) {
		datagram = append(datagram, signedBeat(1+i%2, i/2, []([32]byte){keyOne, keyTwo}[i%2], now+int64(i))...)
	}
	c := dial(t, "udp", s.Addrs()["field"])
	send(t, c, datagram)
	s.until("20 frames", func() bool { return len(s.frames) == 20 })
	// Each with the other's key, both without, both in MAVLink 1, both again, both from the future.
	for i, key := range []([32]byte){keyTwo, keyOne} {
		system := uint8(1 + i)
		v1 := []byte{0xFE, 9, 0, system, 1, 0, 0, 0, 0, 0, 2, 3, 81, 4, 3, 0, 0}
		send(t, c, signedBeat(system, 50, key, now+100), heartbeat(system, 51), fix(v1, 50), datagram,
			signedBeat(system, 52, []([32]byte){keyOne, keyTwo}[i], now+600*100_000))
	}
	send(t, c, heartbeat(3, 1))
	s.until("the last", func() bool { return len(s.seqs(3)) == 1 })
	s.finish()
	if d := cmp.Diff([][]uint8{upTo(10), upTo(10)}, [][]uint8{s.seqs(1), s.seqs(2)}); d != "" {
		t.Error(d)
	}
	for _, f := range s.frames {
		if f.Signed != (f.SysID != 3) {
			t.Errorf("signed is %v: %+v", f.Signed, f)
		}
	}
	want := map[string]uint64{"signature": 2, "unsigned": 4, "replayed": 40, "future": 2}
	if st := s.Status()[0]; cmp.Diff(want, st.Errors) != "" || st.Frames != 21 {
		t.Errorf("%+v", st)
	}
	told := map[string]uint64{}
	for _, note := range bodies[mavlink.RefusedNote](s, mavlink.OwnRefused) {
		for _, c := range note.Counts {
			told[c.Reason] += c.N
		}
	}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]mavlink.SignatureState{
		{System: 1, Component: 1, LinkID: 1, Last: uint64(now + 18)}, {System: 2, Component: 1, LinkID: 1, Last: uint64(now + 19)},
	}, s.Signatures()); d != "" {
		t.Error(d)
	}
}

func TestWhatWasVerifiedBeforeARestartIsNotAfterIt(t *testing.T) {
	prefer := mavlink.VehicleIdentity{System: 1, Signing: mavlink.SigningPrefer, Key: &keyOne}
	for name, tc := range map[string]struct {
		lax    bool
		behind time.Duration // of the vehicle's clock
		fresh  bool          // whether its next frame after the restart is taken
	}{
		"with a clock": {false, 0, true}, "without one": {true, 50 * 365 * 24 * time.Hour / 10, true}, "with a clock that is behind": {false, 50 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := prefer
			v.LaxClock = tc.lax
			before := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{v}})
			now := ticksAt(before.clock.stamp() - tc.behind.Microseconds())
			first, second := signedBeat(1, 0, keyOne, now), signedBeat(1, 1, keyOne, now+1)
			before.send(before.source(0, "192.0.2.1:1"), first)
			before.drain()

			after := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{v}, Signatures: before.Signatures()})
			after.pass(20 * time.Second)
			src := after.source(0, "192.0.2.1:2")
			after.send(src, first)
			after.send(src, second)
			after.pass(20 * time.Second) // it signs, so it is held to that for a while
			after.send(src, heartbeat(1, 9))
			after.drain()
			want := []uint8{9}
			if tc.fresh {
				want = []uint8{1, 9}
			}
			if d := cmp.Diff(want, after.seqs(1)); d != "" || after.frames[len(after.frames)-1].Signed || tc.fresh && !after.frames[0].Signed {
				t.Errorf("%s %+v", d, after.frames)
			}
			if n := after.count("b", "replayed"); n != uint64(3-len(want)) {
				t.Errorf("%d replayed", n)
			}
		})
	}
}

// A router that serves two links of ours sends each frame twice, under one link id.
func TestOfTheCopiesOfASignedFrameTheFirstCounts(t *testing.T) {
	b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne)}})
	x, y := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.1:2")
	now := ticksAt(b.clock.stamp())
	for i := range uint8(100) {
		raw := signedBeat(1, i, keyOne, now+int64(i))
		b.send(x, raw)
		b.send(y, raw)
	}
	b.drain()
	if d := cmp.Diff(upTo(100), b.seqs(1)); d != "" || b.count("a", "replayed") != 100 || b.count("b", "replayed") != 0 {
		t.Errorf("%s, %+v", d, b.Status())
	}
	if l := level(replayed); l.String() != "debug" {
		t.Errorf("people are told with level %s", l)
	}
}

func TestAPinnedVehicleIsHeardWhereItIsPinnedTo(t *testing.T) {
	const udp4, udp6, device = "192.0.2.7:14550", "[2001:db8::7]:14550", "/dev/ttyUSB0"
	for _, tc := range []struct {
		pin   mavlink.VehicleIdentity
		heard map[string]bool // by link and address
	}{
		{mavlink.VehicleIdentity{}, map[string]bool{"b " + udp4: true, "a " + udp6: true, "a " + device: true}},
		{mavlink.VehicleIdentity{Link: "a"}, map[string]bool{"a " + udp4: true, "b " + udp4: false, "b " + device: false}},
		{mavlink.VehicleIdentity{Address: "192.0.2.7"}, map[string]bool{"a " + udp4: true, "b 192.0.2.7:9": true, "a 192.0.2.8:14550": false, "a " + udp6: false, "a " + device: false}},
		{mavlink.VehicleIdentity{Address: "::ffff:192.0.2.7"}, map[string]bool{"a " + udp4: true, "a 192.0.2.8:14550": false}},
		{mavlink.VehicleIdentity{Address: udp4}, map[string]bool{"a " + udp4: true, "b 192.0.2.7:9": false}},
		{mavlink.VehicleIdentity{Address: "192.0.2.99/29"}, map[string]bool{"a 192.0.2.97:1": true, "a " + udp4: false}},
		{mavlink.VehicleIdentity{Address: "2001:db8::/32"}, map[string]bool{"a " + udp6: true, "a " + udp4: false}},
		{mavlink.VehicleIdentity{Address: "fe80::1"}, map[string]bool{"a [fe80::1%eth0]:1": true, "a [fe80::2%eth0]:1": false}},
		{mavlink.VehicleIdentity{Address: "[fe80::1]:1"}, map[string]bool{"a [fe80::1%eth0]:1": true, "a [fe80::1%eth0]:2": false}},
		{mavlink.VehicleIdentity{Address: device}, map[string]bool{"a " + device: true, "a /dev/ttyUSB1": false, "a " + udp4: false}},
		{mavlink.VehicleIdentity{Address: "a mistake"}, map[string]bool{"a " + udp4: false, "a " + device: false}},
		{mavlink.VehicleIdentity{Link: "b", Address: "192.0.2.0/24"}, map[string]bool{"b " + udp4: true, "a " + udp4: false, "b 198.51.100.1:1": false}},
	} {
		tc.pin.System = 1
		b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{tc.pin}})
		for from, heard := range tc.heard {
			var name, address string
			if _, err := fmt.Sscan(from, &name, &address); err != nil {
				t.Fatal(err)
			}
			src := b.source(map[string]int{"b": 0, "a": 1}[name], address)
			before := b.count(name, "pinned")
			b.frames = nil
			b.send(src, slices.Concat(heartbeat(1, 1), unknown(1, 2), heartbeat(2, 3)))
			b.drain()
			want, refused := 3, uint64(0)
			if !heard {
				want, refused = 1, 2
			}
			if len(b.frames) != want || b.count(name, "pinned")-before != refused {
				t.Errorf("%+v from %s: %d frames, %d refused", tc.pin, from, len(b.frames), b.count(name, "pinned")-before)
			}
		}
	}
}

func TestPinsHoldOnASocket(t *testing.T) {
	s := listener(t, Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}, {Name: "hall", UDP: "127.0.0.1:0"}}})
	s.start()
	mine, foreign := dial(t, "udp", s.Addrs()["field"]), dial(t, "udp", s.Addrs()["field"])
	elsewhere := dial(t, "udp", s.Addrs()["hall"])
	s.SetVehicles([]mavlink.VehicleIdentity{{System: 1, Link: "field", Address: mine.LocalAddr().String()}})
	for i, c := range []net.Conn{foreign, elsewhere, mine} {
		send(t, c, heartbeat(1, uint8(i)))
	}
	s.until("all three", func() bool {
		return len(s.frames) == 1 && s.count("field", "pinned") == 1 && s.count("hall", "pinned") == 1
	})
	s.SetVehicles(nil)
	send(t, foreign, heartbeat(1, 9))
	s.until("one that is pinned no more", func() bool { return len(s.frames) == 2 })
	if d := cmp.Diff([]uint8{2, 9}, s.seqs(1)); d != "" {
		t.Error(d)
	}
	s.finish()
}

// What stands in the log behind a plan that requires signatures has been held to it: a reader that has let a frame in
// keeps the reload waiting until the frame is queued.
func TestNoFrameOvertakesTheReloadThatForbidsIt(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	b.queue.mu.Lock() // the frame has been judged, and has no place yet
	read := make(chan struct{})
	go func() {
		defer close(read)
		src.datagram(heartbeat(1, 7), 1)
	}()
	for began := time.Now(); b.identities.reading.TryLock(); {
		b.identities.reading.Unlock()
		if time.Since(began) > patience {
			b.queue.mu.Unlock()
			t.Fatal("a reload does not wait for the frame")
		}
	}
	b.queue.mu.Unlock()
	b.SetVehicles([]mavlink.VehicleIdentity{required(1, &keyOne)})
	if err := b.Own(mavlink.OwnPlan, 0, mavlink.PlanNote{}); err != nil {
		t.Fatal(err)
	}
	src2 := b.source(1, "192.0.2.1:2")
	b.send(src2, heartbeat(1, 8))
	<-read
	b.drain()
	if d := cmp.Diff([]uint8{7}, b.seqs(1)); d != "" || len(b.notes) != 2 || b.notes[1].Kind != mavlink.OwnPlan || b.count("a", "unsigned") != 1 {
		t.Errorf("%s, notes %+v, %+v", d, b.notes, b.Status())
	}
}

func BenchmarkAdmitSigned(b *testing.B) {
	l, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID, Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne)}})
	if err != nil {
		b.Fatal(err)
	}
	src := newSource(l.lines[0], "192.0.2.1:1")
	now := ticksAt(l.clock.stamp())
	const n = 1000
	var frames [][]byte
	for i := range n {
		frames = append(frames, signedBeat(1, uint8(i), keyOne, now+int64(i)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i == n {
			i = 0
			l.identities = newIdentities([]mavlink.VehicleIdentity{required(1, &keyOne)}, nil)
			batch, err := l.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
		src.datagram(frames[i], l.clock.stamp())
	}
	if st := l.Status()[0]; len(st.Errors) > 0 {
		b.Error(st)
	}
}
