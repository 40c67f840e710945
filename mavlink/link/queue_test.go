package link

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

func containsText(err error, want string) bool { return strings.Contains(err.Error(), want) }

// bench is a listener of two links that is not run: its sources are fed by hand, on a clock set by hand.
type bench struct {
	*station
	wall, passed time.Duration
}

func byHand(t *testing.T) *bench { return byHandWith(t, Options{}) }

func byHandWith(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{wall: 500_000 * time.Hour} // in 2027
	if o.Links == nil {
		o.Links = []Config{{Name: "b", UDP: "127.0.0.1:0"}, {Name: "a", UDP: "127.0.0.1:0"}}
	}
	o.Clock = func() time.Time { return time.Unix(0, 0).Add(b.wall) }
	b.station = listener(t, o)
	b.clock.passed = func() time.Duration { return b.passed }
	b.clock.set(0)
	return b
}

// pass lets time go by on both clocks.
func (b *bench) pass(d time.Duration) { b.wall += d; b.passed += d }

func (b *bench) source(link int, address string) *source { return newSource(b.lines[link], address) }

func (b *bench) send(s *source, raw []byte) { s.datagram(raw, b.clock.stamp()) }

func TestAQueueThatIsNotEmptiedCountsEveryFrameItDoesNotTake(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	const offered = capacity + 1000
	texts := 0
	for i := range offered {
		raw := heartbeat(1, uint8(i))
		if i%100 == 0 {
			raw = text(uint8(1+i/100%200), uint8(i))
			texts++
		}
		b.send(src, raw)
		b.pass(time.Millisecond)
	}
	lost := b.count("b", "queue")
	b.drain()
	if got := uint64(len(b.frames)); got+lost != offered || lost == 0 {
		t.Errorf("%d delivered + %d lost, offered %d", got, lost, offered)
	}
	got := 0
	for _, f := range b.frames {
		if f.MsgID == 253 {
			got++
		}
	}
	if got != texts {
		t.Errorf("%d one-shot frames of %d", got, texts)
	}
	if b.Status()[0].Frames != offered {
		t.Errorf("frames counted: %d", b.Status()[0].Frames)
	}
	b.send(src, heartbeat(1, 0))
	if b.drain(); uint64(len(b.frames))+lost != offered+1 {
		t.Error("an empty queue does not take a frame")
	}
}

func TestOneShotFramesAreTakenUntilTheQueueIsFull(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for i := range 2 * capacity {
		b.send(src, text(uint8(1+i%200), uint8(i)))
		b.pass(time.Millisecond)
	}
	if n := b.queue.frames; n > capacity || n < capacity-originParts {
		t.Errorf("the queue holds %d", n)
	}
}

func TestAQueueKeepsPlacesForOwnFrames(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for i := range capacity {
		b.send(src, heartbeat(1, uint8(i)))
	}
	for i := range ownLimit {
		if err := b.Own(mavlink.OwnMark, uint32(i), mavlink.MarkNote{}); err != nil {
			t.Fatalf("own frame %d: %v", i, err)
		}
	}
	if err := b.Own(mavlink.OwnMark, 0, mavlink.MarkNote{}); !errors.Is(err, errFull) {
		t.Errorf("beyond the own places: %v", err)
	}
	b.beat.once()
	b.drain()
	if n := len(bodies[mavlink.MarkNote](b.station, mavlink.OwnMark)); n != ownLimit || b.beats != 0 {
		t.Errorf("%d own frames, %d beats", n, b.beats)
	}
	b.beat.once()
	b.drain()
	if refused := bodies[mavlink.RefusedNote](b.station, mavlink.OwnRefused); len(refused) != 1 || b.beats != 1 {
		t.Errorf("what had no place was not told later: %+v", refused)
	}
}

func TestOneOriginHoldsHalfTheQueueWhileOthersAreHeard(t *testing.T) {
	b := byHand(t)
	loud, other := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:2")
	b.send(other, heartbeat(2, 0))
	for i := range capacity {
		b.send(loud, heartbeat(1, uint8(i)))
	}
	if b.count("b", "origin") == 0 || loud.origin.held > originLimit {
		t.Errorf("the loud one holds %d of %d", loud.origin.held, capacity)
	}
	before := b.count("a", "origin") + b.count("a", "queue")
	for i := range 1000 {
		b.send(other, heartbeat(2, uint8(i)))
	}
	if n := b.count("a", "origin") + b.count("a", "queue") - before; n != 0 {
		t.Errorf("%d frames of the quiet one were lost", n)
	}
	b.pass(time.Second)
	held := loud.origin.held
	for i := range 1000 {
		b.send(loud, heartbeat(1, uint8(i)))
	}
	if loud.origin.held != held+1000 {
		t.Error("alone, it has no more than half")
	}
	lost := b.count("b", "origin")
	b.drain()
	if got := len(b.frames); uint64(got)+lost != capacity+2001 {
		t.Errorf("%d delivered + %d lost", got, lost)
	}
	if b.send(loud, heartbeat(1, 0)); loud.origin.held != 1 {
		t.Errorf("an emptied queue counts %d of it", loud.origin.held)
	}
}

func TestOneShotFramesAreFiftyASecondAndSystem(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for i := range 300 { // three seconds at 100 Hz
		b.send(src, text(1, uint8(i)))
		b.send(src, heartbeat(1, uint8(i)))
		if i%10 == 0 {
			b.send(src, text(2, uint8(i)))
		}
		b.pass(10 * time.Millisecond)
	}
	b.drain()
	n := map[uint8]int{}
	for _, f := range b.frames {
		if f.MsgID == 253 {
			n[f.SysID]++
		}
	}
	if n[1] != 150 || n[2] != 30 || b.count("b", "flood") != 150 {
		t.Errorf("texts by system %v, flood %d", n, b.count("b", "flood"))
	}
	if len(b.frames) != 300+150+30 {
		t.Errorf("%d frames: a flood of texts took telemetry with it", len(b.frames))
	}
}

func TestWhatMustNotComeInIsCountedAndToldOnceASecond(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	own := mavlink.AppendBeat(nil, mavlink.DefaultOwnID, 0)
	signing := frame(1, 1, 0, 256, 71, make([]byte, 42)...)
	signing[12] = 1 // not all zero, so not cut
	bad := heartbeat(1, 0)
	bad[len(bad)-1] ^= 1
	future := heartbeat(1, 0)
	future[2] = 0x40 // an incompatibility flag of some later version
	for _, raw := range [][]byte{own, fix(signing, 71), bad, fix(future, 50), unknown(1, 0), heartbeat(1, 0)} {
		b.send(src, raw)
	}
	b.lines[1].counters.by[lostKernel].Add(3)
	b.beat.once()
	b.beat.once()
	b.drain()
	if len(b.frames) != 2 || b.frames[0].MsgID != 16_000_000 || b.frames[1].MsgID != 0 {
		t.Errorf("queued: %+v", b.frames)
	}
	want := []mavlink.RefusedNote{{Counts: []mavlink.RefusedCount{
		{Link: "a", Reason: "kernel", N: 3},
		{Link: "b", Reason: "crc", N: 1}, {Link: "b", Reason: "own_id", N: 1}, {Link: "b", Reason: "secret", N: 1}, {Link: "b", Reason: "version", N: 1},
	}}}
	if d := cmp.Diff(want, bodies[mavlink.RefusedNote](b.station, mavlink.OwnRefused)); d != "" {
		t.Error(d)
	}
	if n := b.count("b", "unknown_id"); n != 1 || b.beats != 2 {
		t.Errorf("unknown ids %d, beats %d", n, b.beats)
	}
}

// fix gives raw a true checksum again.
func fix(raw []byte, extra uint8) []byte {
	crc := mavlink.CRC(raw[1:len(raw)-2], extra)
	raw[len(raw)-2], raw[len(raw)-1] = byte(crc), byte(crc>>8)
	return raw
}

func TestManyRefusalsAreToldInSeveralFrames(t *testing.T) {
	var links []Config
	for i := range 40 {
		links = append(links, Config{Name: strings.Repeat("long-", 20) + string(rune('A'+i)), UDP: "127.0.0.1:0"})
	}
	s := listener(t, Options{Links: links})
	for _, ln := range s.lines {
		for _, r := range refusedReasons {
			ln.counters.by[r].Add(1 << 63)
		}
	}
	s.beat.once()
	s.drain()
	n := 0
	for _, note := range bodies[mavlink.RefusedNote](s, mavlink.OwnRefused) {
		n += len(note.Counts)
	}
	if n != len(links)*len(refusedReasons) {
		t.Errorf("%d counts told", n)
	}
}

func TestEveryReasonButUnknownIDIsToldInOrder(t *testing.T) {
	last := ""
	for _, r := range refusedReasons {
		if reasonNames[r] <= last || r == unknownID {
			t.Errorf("%q after %q", reasonNames[r], last)
		}
		last = reasonNames[r]
	}
	if len(refusedReasons) != int(reasons)-1 {
		t.Errorf("%d of %d reasons", len(refusedReasons), reasons)
	}
}

func TestStationTimeNeverGoesBack(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	last := int64(0)
	for _, step := range []struct {
		what         string
		wall, passed time.Duration
		reanchor     bool
		ahead        time.Duration // the frame's time minus the wall clock's
	}{
		{"begin", 0, 0, false, 0},
		{"a second", time.Second, time.Second, false, 0},
		{"the wall clock steps back an hour", -time.Hour, 0, false, time.Hour},
		{"time goes on", time.Second, time.Second, false, time.Hour},
		{"a new session does not go back", 0, 0, true, time.Hour + time.Microsecond},
		{"the wall clock steps forward two", 2 * time.Hour, 0, false, -time.Hour + time.Microsecond},
		{"a new session goes with it", 0, 0, true, 0},
	} {
		b.wall += step.wall
		b.passed += step.passed
		if step.reanchor {
			b.Reanchor()
		}
		b.send(src, heartbeat(1, 0))
		b.drain()
		at := b.frames[len(b.frames)-1].At
		if at < last {
			t.Errorf("%s: back by %d µs", step.what, last-at)
		}
		if got := time.Duration(at)*time.Microsecond - b.wall; got != step.ahead {
			t.Errorf("%s: %v ahead of the wall clock, want %v", step.what, got, step.ahead)
		}
		last = at
	}
	src.datagram(heartbeat(1, 0), last-5) // a read that another one overtook
	b.drain()
	if at := b.frames[len(b.frames)-1].At; at != last {
		t.Errorf("an older stamp became %d after %d", at, last)
	}
}

func TestStationTimeBeginsAfterTheLastFrameOfAll(t *testing.T) {
	future := time.Now().Add(time.Hour).UnixMicro()
	s := listener(t, Options{LastAt: future})
	s.beat.once()
	s.drain()
	notes := bodies[mavlink.ClockNote](s, mavlink.OwnClock)
	if len(notes) != 1 || notes[0].StepUS > -3599*second || notes[0].StepUS < -3601*second {
		t.Errorf("clock notes %+v", notes)
	}
	if s.queue.lastAt <= future {
		t.Error("time began before the last frame")
	}
}

func TestAStepOfTheWallClockIsToldOnceForEachChange(t *testing.T) {
	b := byHand(t)
	for _, ms := range []int{0, 400, 0, 200, 0, 0, -600, 0} { // against station time, second by second
		b.pass(time.Second)
		b.wall += time.Duration(ms) * time.Millisecond
		b.beat.once()
	}
	b.Reanchor()
	b.beat.once()
	b.drain()
	want := []mavlink.ClockNote{{StepUS: 600_000}, {StepUS: 0}}
	if d := cmp.Diff(want, bodies[mavlink.ClockNote](b.station, mavlink.OwnClock)); d != "" {
		t.Error(d)
	}
}

func TestItBeatsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := listener(t, Options{})
		s.start()
		time.Sleep(10*time.Second + time.Millisecond) // the bubble's time, not ours
		synctest.Wait()
		s.drain()
		if s.beats != 11 || len(s.notes) != 0 {
			t.Errorf("%d beats in 10 s, notes %+v", s.beats, s.notes)
		}
		s.finish()
	})
}

func TestMemoryOfReleasedBatchesIsUsedAgain(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	raw := heartbeat(1, 0)
	if n := testing.AllocsPerRun(1000, func() {
		for range 10 {
			b.send(src, raw)
		}
		batch, err := b.Next(t.Context())
		if err != nil || len(batch.Frames) < 10 {
			t.Fatal(err)
		}
		batch.Release()
	}); n != 0 {
		t.Errorf("%v allocations for 10 frames", n)
	}
}

func TestAFrameHiddenBehindAFalseBeginningComesOutAfterASecond(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "/dev/ttyUSB0")
	src.stream(append([]byte{0xFD, 200, 0}, heartbeat(1, 0)...), b.clock.stamp())
	src.tick(b.clock.stamp())
	if b.drain(); len(b.frames) != 0 {
		t.Errorf("nobody waited for the rest: %+v", b.frames)
	}
	b.pass(2 * time.Second)
	src.tick(b.clock.stamp())
	if b.drain(); len(b.frames) != 1 || b.frames[0].At != b.clock.stamp()-2*second {
		t.Errorf("%+v", b.frames)
	}
}

func FuzzNothingFromOutsidePassesForOurs(f *testing.F) {
	f.Add(slices.Concat(heartbeat(1, 0), text(1, 1), unknown(1, 2)), uint8(10), false)
	f.Add(slices.Concat(mavlink.AppendBeat(nil, mavlink.DefaultOwnID, 0), fix(frame(1, 1, 0, 256, 71, 1), 71)), uint8(3), true)
	f.Add([]byte{0xFD, 255, 1, 0xFE, 0, 0}, uint8(1), true)
	f.Fuzz(func(t *testing.T, data []byte, cut uint8, stream bool) {
		l, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID, OneShot: isText})
		if err != nil {
			t.Fatal(err)
		}
		src := newSource(l.lines[0], "192.0.2.1:1")
		for piece := range slices.Chunk(data, int(cut)+1) {
			if stream {
				src.stream(piece, l.clock.stamp())
			} else {
				src.datagram(piece, l.clock.stamp())
			}
		}
		src.end()
		l.queue.end()
		batch, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		queued := uint64(0)
		for _, fr := range batch.Frames {
			ours := fr.SysID == mavlink.DefaultOwnID.System && fr.CompID == mavlink.DefaultOwnID.Component
			if ours != (fr.Origin == mavlink.OriginOwn) || fr.MsgID == setupSigning {
				t.Errorf("queued: %+v", fr)
			}
			if !ours {
				queued++
			}
		}
		st := l.Status()[0]
		if n := queued + st.Dropped["flood"]; n != st.Frames+st.Errors["unknown_id"] {
			t.Errorf("%d queued or lost, status %+v", n, st)
		}
	})
}
