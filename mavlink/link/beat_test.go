package link

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"riverwatch/mavlink"
)

// listened is a bench, and what it has logged of refused frames since it was asked last.
func listened(t *testing.T, o Options) (b *bench, said func() []map[string]any) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	o.Log = zap.New(core)
	return byHandWith(t, o), func() []map[string]any {
		var all []map[string]any
		for _, e := range logs.TakeAll() {
			if e.Message != "frames refused or lost" {
				continue
			}
			line := e.ContextMap()
			line["level"] = e.Level.String()
			all = append(all, line)
		}
		return all
	}
}

func TestWhatGoesOnBeingRefusedIsLoggedOnceAMinute(t *testing.T) {
	b, said := listened(t, Options{Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne)}})
	src, noisy := b.source(0, "192.0.2.7:1"), b.source(1, "/dev/ttyUSB0")
	bad := heartbeat(2, 0)
	bad[len(bad)-1] ^= 1
	beat := func(d time.Duration) {
		b.beat.once()
		b.drain()
		b.pass(d)
	}
	for range 181 {
		b.send(src, signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())))
		b.send(noisy, bad)
		beat(time.Second)
	}
	noise := func(n uint64) map[string]any {
		return map[string]any{"level": "debug", "link": "a", "reason": "crc", "count": n}
	}
	drone := func(n uint64, from string) map[string]any {
		return map[string]any{"level": "warn", "link": "b", "reason": "signature", "count": n, "system": uint8(1), "address": from}
	}
	want := []map[string]any{
		noise(1), drone(1, "192.0.2.7:1"), noise(60), drone(60, "192.0.2.7:1"), noise(60), drone(60, "192.0.2.7:1"), noise(60), drone(60, "192.0.2.7:1"),
	}
	if d := cmp.Diff(want, said()); d != "" {
		t.Error(d)
	}
	if n := len(bodies[mavlink.RefusedNote](b.station, mavlink.OwnRefused)); n != 181 {
		t.Errorf("the flight log is told %d times in 181 seconds", n)
	}

	// The rest of a minute comes when the minute is over, and what is quiet says nothing.
	b.send(src, signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())))
	for range 300 {
		beat(time.Second)
	}
	if d := cmp.Diff([]map[string]any{drone(1, "192.0.2.7:1")}, said()); d != "" {
		t.Error(d)
	}

	// After that, what begins again is said at once, with the newest of those that sent it. Neither a new session nor a
	// step of the wall clock makes the minute shorter or longer.
	b.send(src, signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())))
	b.send(b.source(0, "192.0.2.66:1"), signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())))
	beat(time.Second)
	b.wall += 24 * time.Hour
	b.Reanchor()
	b.send(src, signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())))
	beat(58 * time.Second)
	if d := cmp.Diff([]map[string]any{drone(2, "192.0.2.66:1")}, said()); d != "" {
		t.Error(d)
	}
	b.wall -= 48 * time.Hour
	b.pass(time.Second)
	beat(0)
	if d := cmp.Diff([]map[string]any{drone(1, "192.0.2.7:1")}, said()); d != "" {
		t.Error(d)
	}
}

func TestWhatIsRefusedIsLoggedThoughTheQueueHasNoPlaceForItsFrame(t *testing.T) {
	b, said := listened(t, Options{Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne)}})
	for range ownLimit {
		if err := b.Own(mavlink.OwnMark, 0, mavlink.MarkNote{}); err != nil {
			t.Fatal(err)
		}
	}
	b.send(b.source(0, "192.0.2.7:1"), heartbeat(1, 0))
	b.beat.once()
	b.beat.once()
	if got := said(); len(got) != 1 || got[0]["reason"] != "unsigned" || got[0]["count"] != uint64(1) {
		t.Errorf("%+v", got)
	}
	b.drain()
	b.beat.once()
	b.drain()
	want := []mavlink.RefusedNote{{Counts: []mavlink.RefusedCount{{Link: "b", Reason: "unsigned", N: 1}}}}
	if d := cmp.Diff(want, bodies[mavlink.RefusedNote](b.station, mavlink.OwnRefused)); d != "" {
		t.Error(d)
	}
}

func TestWhatIsRefusedIsLoggedWithItsSender(t *testing.T) {
	const drone, device = "192.0.2.7:14550", "/dev/ttyUSB0"
	signed := func(key [32]byte, ahead time.Duration) func(b *bench) []byte {
		return func(b *bench) []byte { return signedBeat(2, 1, key, ticksAt(b.clock.stamp()+ahead.Microseconds())) }
	}
	plain := func(raw []byte) func(*bench) []byte { return func(*bench) []byte { return raw } }
	for reason, tc := range map[string]struct {
		raw   func(b *bench) []byte
		from  string
		as    uint8 // 0: nobody is named
		level string
	}{
		"signature": {signed(keyTwo, 0), drone, 2, "warn"},
		"unsigned":  {plain(heartbeat(2, 1)), device, 2, "warn"},
		"replayed":  {signed(keyOne, -time.Hour), drone, 2, "debug"},
		"future":    {signed(keyOne, time.Hour), drone, 2, "warn"},
		"pinned":    {plain(heartbeat(3, 1)), "[2001:db8::7]:14550", 3, "warn"},
		"own_id":    {plain(frame(245, 191, 1, 0, 50, 0, 0, 0, 0, 18, 8, 0, 4, 3)), drone, 245, "warn"},
		"secret":    {plain(frame(255, 190, 1, 256, 71, make([]byte, 42)...)), drone, 255, "warn"},
		"version":   {plain(fix([]byte{0xFD, 1, 2, 0, 0, 9, 1, 0, 0, 0, 1, 0, 0}, 50)), drone, 0, "warn"},
		"crc":       {plain([]byte{0xFD, 1, 0, 0, 0, 9, 1, 0, 0, 0, 1, 0, 0}), drone, 0, "debug"},
	} {
		t.Run(reason, func(t *testing.T) {
			b, said := listened(t, Options{Vehicles: []mavlink.VehicleIdentity{required(2, &keyOne), {System: 3, Address: "192.0.2.9"}}})
			src := b.source(0, tc.from)
			b.send(b.source(0, "192.0.2.99:1"), tc.raw(b))
			at := b.clock.stamp()
			b.send(src, tc.raw(b))
			b.send(src, heartbeat(9, 1)) // a good one, by which nothing changes
			b.pass(3 * time.Second)
			src.tick(b.clock.stamp())
			b.beat.once()
			want := map[string]any{"level": tc.level, "link": "b", "reason": reason, "count": b.count("b", reason)}
			var by []RefusedBy
			if tc.as != 0 {
				want["system"], want["address"] = tc.as, tc.from
				by = []RefusedBy{{Reason: reason, System: tc.as, Address: tc.from, At: time.UnixMicro(at).UTC()}}
			}
			if d := cmp.Diff([]map[string]any{want}, said()); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(by, b.Status()[0].RefusedBy); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestARefusedFrameCostsNoMemory(t *testing.T) {
	b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{required(1, &keyOne), {System: 2, Address: "192.0.2.9"}}})
	src := b.source(0, "192.0.2.7:1")
	for reason, raw := range map[string][]byte{
		"signature": signedBeat(1, 0, keyTwo, ticksAt(b.clock.stamp())), "unsigned": heartbeat(1, 0), "pinned": heartbeat(2, 0),
	} {
		if n := testing.AllocsPerRun(1000, func() { b.send(src, raw) }); n != 0 || b.count("b", reason) != 1001 {
			t.Errorf("%s: %v allocations, %d refused", reason, n, b.count("b", reason))
		}
	}
}
