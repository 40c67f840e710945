package link

import (
	"slices"
	"testing"
	"time"

	"riverwatch/mavlink"
)

// TestAForgersTextsStarveNobodyWhoCanBeToldFromHim: of a drone's one-shot frames 50 a second are taken. Whoever forges
// its id uses that up, unless what he sends is refused before, or is counted apart.
func TestAForgersTextsStarveNobodyWhoCanBeToldFromHim(t *testing.T) {
	const forged = 2000
	now := func(b *bench, i int) int64 { return ticksAt(b.clock.stamp()) + int64(i) }
	sure := func(raw []byte) func(*bench, int) []byte {
		return func(b *bench, i int) []byte { return sign(raw, 83, keyOne, 1, now(b, i)) }
	}
	plain := func(raw []byte) func(*bench, int) []byte { return func(*bench, int) []byte { return raw } }
	for name, tc := range map[string]struct {
		vehicle mavlink.VehicleIdentity
		forged  func(b *bench, i int) []byte
		own     func(b *bench, i int) []byte
		from    string // the forger
		reason  string // of what is refused of him
		refused uint64
		heard   int // of the drone's three
	}{
		"nothing tells them apart": {mavlink.VehicleIdentity{}, plain(text(1, 0)), plain(text(1, 9)), "192.0.2.66:1", "flood", forged - 50 + 3, 0},
		"another address":          {mavlink.VehicleIdentity{Address: "192.0.2.7"}, plain(text(1, 0)), plain(text(1, 9)), "192.0.2.66:1", "pinned", forged, 3},
		"no signature":             {required(1, &keyOne), plain(text(1, 0)), sure(text(1, 9)), "192.0.2.7:1", "unsigned", forged, 3},
		"another key": {required(1, &keyOne), func(b *bench, i int) []byte { return sign(text(1, 0), 83, keyTwo, 1, now(b, i)) },
			sure(text(1, 9)), "192.0.2.7:1", "signature", forged, 3},
		"no signature where it is preferred": {mavlink.VehicleIdentity{Signing: mavlink.SigningPrefer, Key: &keyOne}, plain(text(1, 0)), sure(text(1, 9)),
			"192.0.2.7:1", "flood", forged - 50, 3},
	} {
		t.Run(name, func(t *testing.T) {
			tc.vehicle.System = 1
			b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{tc.vehicle}})
			forger, drone := b.source(0, tc.from), b.source(0, "192.0.2.7:2")
			for i := range forged {
				b.send(forger, tc.forged(b, i))
			}
			for i := range 3 {
				b.send(drone, tc.own(b, i))
			}
			b.drain()
			heard := 0
			for _, f := range b.frames {
				if f.Seq == 9 {
					heard++
				}
			}
			if heard != tc.heard || b.count("b", tc.reason) != tc.refused {
				t.Errorf("%d of its texts are heard, want %d; %d %s, want %d: %+v", heard, tc.heard, b.count("b", tc.reason), tc.reason, tc.refused, b.Status()[0])
			}
		})
	}
}

// TestWhateverComesOnTheWireHasAReason gives a link every kind of bad frame: each is counted under its word, or is taken
// in to be judged by the fold, and none takes a good one with it.
func TestWhateverComesOnTheWireHasAReason(t *testing.T) {
	good := heartbeat(1, 1)
	change := func(raw []byte, edit func(b []byte)) []byte {
		raw = slices.Clone(raw)
		edit(raw)
		return raw
	}
	for name, tc := range map[string]struct {
		raw    func(b *bench) []byte
		reason string // "" taken
		n      uint64
	}{
		"a bit flipped":           {func(*bench) []byte { return change(good, func(b []byte) { b[12] ^= 1 }) }, "crc", 1},
		"of another message":      {func(*bench) []byte { return change(good, func(b []byte) { b[7] = 1 }) }, "crc", 1},
		"an unknown flag":         {func(*bench) []byte { return fix(change(good, func(b []byte) { b[2] = 2 }), 50) }, "version", 1},
		"of an unknown id":        {func(*bench) []byte { return unknown(1, 1) }, "unknown_id", 1},
		"its end cut off":         {func(*bench) []byte { return good[:len(good)-3] }, "truncated", 1},
		"our own id":              {func(*bench) []byte { return frame(245, 191, 1, 0, 50, 0, 0, 0, 0, 18, 8, 0, 4, 3) }, "own_id", 1},
		"a secret key":            {func(*bench) []byte { return frame(255, 190, 1, 256, 71, make([]byte, 42)...) }, "secret", 1},
		"unsigned":                {func(*bench) []byte { return heartbeat(2, 1) }, "unsigned", 1},
		"signed by another":       {func(b *bench) []byte { return signedBeat(2, 1, keyTwo, ticksAt(b.clock.stamp())) }, "signature", 1},
		"a year old":              {func(b *bench) []byte { return signedBeat(2, 1, keyOne, ticksAt(b.clock.stamp())-365*24*3600*100_000) }, "replayed", 1},
		"of the future":           {func(b *bench) []byte { return signedBeat(2, 1, keyOne, ticksAt(b.clock.stamp())+301*100_000) }, "future", 1},
		"from elsewhere":          {func(*bench) []byte { return heartbeat(3, 1) }, "pinned", 1},
		"cut within a rune":       {func(*bench) []byte { return frame(1, 1, 1, 253, 83, append([]byte{6}, "SIGHTING 1 \xe4\xba"...)...) }, "", 0},
		"numbers that are none":   {func(*bench) []byte { return frame(1, 1, 1, 30, 39, 1, 0, 0, 0, 0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0xFF) }, "", 0},
		"a message without bytes": {func(*bench) []byte { return frame(1, 1, 1, 33, 104, 0) }, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{required(2, &keyOne), {System: 3, Address: "192.0.2.9"}}})
			src := b.source(0, "192.0.2.7:1")
			b.send(src, tc.raw(b))
			b.pass(3 * time.Second)
			src.tick(b.clock.stamp())
			b.send(src, heartbeat(9, 77))
			b.drain()
			st := b.Status()[0]
			if tc.reason == "" && len(st.Errors) != 0 || tc.reason != "" && (st.Errors[tc.reason] != tc.n || len(st.Errors) != 1) {
				t.Errorf("%+v, want %d %q", st.Errors, tc.n, tc.reason)
			}
			if d := b.seqs(9); len(d) != 1 || d[0] != 77 {
				t.Errorf("the good frame after it is not there: %+v", b.frames)
			}
			want := 1
			if tc.reason == "" || tc.reason == "unknown_id" {
				want++
			}
			if len(b.frames) != want {
				t.Errorf("%d frames are handed out, want %d: %+v", len(b.frames), want, b.frames)
			}
		})
	}
}
