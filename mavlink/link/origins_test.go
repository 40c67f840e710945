package link

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"riverwatch/mavlink"
)

func TestAnOriginIsToldRightBeforeTheFirstFrameFromThere(t *testing.T) {
	b := byHand(t)
	x, y := b.source(0, "192.0.2.1:1"), b.source(1, "[2001:db8::1]:2")
	for _, step := range []struct {
		from *source
		raw  []byte
	}{
		{x, heartbeat(1, 0)}, {x, heartbeat(2, 0)}, {y, unknown(1, 0)}, {x, heartbeat(1, 1)}, {y, heartbeat(1, 2)}, {y, heartbeat(1, 3)}, {x, unknown(9, 0)},
	} {
		b.send(step.from, step.raw)
	}
	batch, err := b.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type seen struct{ Origin, System uint16 }
	var got []seen
	for _, f := range batch.Frames {
		if f.Origin == mavlink.OriginOwn {
			got = append(got, seen{Origin: mavlink.OriginOwn})
		} else {
			got = append(got, seen{f.Origin, uint16(f.SysID)})
		}
	}
	own := seen{Origin: mavlink.OriginOwn}
	want := []seen{own, {1, 1}, own, {1, 2}, {1, 1}, {1, 1}, own, {3, 1}, {3, 1}, {0, 9}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b.station.take(batch)
	notes := bodies[mavlink.OriginNote](b.station, mavlink.OwnOrigin)
	if d := cmp.Diff([]mavlink.OriginNote{
		{Origin: 1, System: 1, Component: 1, Link: "b", Address: "192.0.2.1:1"},
		{Origin: 1, System: 2, Component: 1},
		{Origin: 3, System: 1, Component: 1, Link: "a", Address: "[2001:db8::1]:2"},
	}, notes); d != "" {
		t.Error(d)
	}
}

func TestASpeakerThatFlapsIsToldAtEveryTurn(t *testing.T) {
	b := byHand(t)
	x, y := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:2")
	for i := range 500 { // half a second
		from := x
		if i%2 == 1 {
			from = y
		}
		b.send(from, heartbeat(1, uint8(i)))
		b.pass(time.Millisecond)
	}
	b.drain()
	if len(b.frames) != 500 {
		t.Errorf("%d frames", len(b.frames))
	}
	for i, f := range b.frames {
		if want := []*source{x, y}[i%2].origin.index; f.Origin != want {
			t.Fatalf("frame %d: origin %d, want %d", i, f.Origin, want)
		}
	}
	notes := bodies[mavlink.OriginNote](b.station, mavlink.OwnOrigin)
	if len(notes) != 500 {
		t.Fatalf("%d origin frames", len(notes))
	}
	for i, n := range notes {
		if named := n.Link != "" || n.Address != ""; named != (i < 2) {
			t.Fatalf("note %d: %+v", i, n)
		}
	}
}

// A reader of the log knows only what origin frames say. It has to find what the live fold was given.
func TestOriginsCanBeRebuiltFromTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := byHand(t)
		sources := []*source{b.source(0, "192.0.2.1:1"), b.source(0, "192.0.2.2:1"), b.source(1, "192.0.2.1:1")}
		for range rapid.IntRange(1, 200).Draw(rt, "n") {
			src := rapid.SampledFrom(sources).Draw(rt, "source")
			system := uint8(rapid.IntRange(1, 4).Draw(rt, "system"))
			kind := rapid.IntRange(0, 2).Draw(rt, "frame")
			before := len(b.queue.filling.Frames)
			b.send(src, []func(_, _ uint8) []byte{heartbeat, text, unknown}[kind](system, 0))
			// A frame whose checksum vouches for it has the origin of its source, whatever went before.
			if all := b.queue.filling.Frames; kind < 2 && len(all) > before && all[len(all)-1].Origin != src.origin.index {
				rt.Fatalf("a frame of origin %d has %d", src.origin.index, all[len(all)-1].Origin)
			}
			b.pass(time.Duration(rapid.IntRange(0, 40).Draw(rt, "ms")) * time.Millisecond)
		}
		told, named := map[[2]uint8]uint16{}, map[uint16]bool{}
		var inbox mavlink.OwnInbox
		batch, err := b.Next(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		for i := range batch.Frames {
			f := &batch.Frames[i]
			if f.Origin != mavlink.OriginOwn {
				if want := told[[2]uint8{f.SysID, f.CompID}]; f.Origin != want {
					rt.Fatalf("frame %d: origin %d, by the log %d", i, f.Origin, want)
				}
			} else if m, ok := inbox.Add(f); ok {
				n := originNote(rt, m.Body)
				told[[2]uint8{n.System, n.Component}] = n.Origin
				if (n.Link != "") == named[n.Origin] || (n.Address != "") == named[n.Origin] {
					rt.Fatalf("frame %d: %+v, named before: %v", i, n, named[n.Origin])
				}
				named[n.Origin] = true
			}
		}
		batch.Release()
	})
}

func TestOriginsBeyondTheirNumberAreOneALinkAndANewSessionBeginsAnew(t *testing.T) {
	b := byHand(t)
	for i := range sessionOrigins {
		b.queue.origins.byIndex = append(b.queue.origins.byIndex, &origin{index: b.queue.origins.number(i)})
	}
	x, y := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.1:1")
	b.send(x, heartbeat(1, 0))
	b.send(y, heartbeat(1, 1))
	b.send(b.source(0, "192.0.2.1:2"), heartbeat(1, 2))
	b.Reanchor()
	b.send(x, heartbeat(1, 3))
	b.send(y, heartbeat(1, 4))
	b.drain()
	want := []mavlink.OriginNote{
		{Origin: otherOrigin, System: 1, Component: 1, Link: "b", Address: "other"},
		{Origin: otherOrigin - 1, System: 1, Component: 1, Link: "a", Address: "other"},
		{Origin: otherOrigin, System: 1, Component: 1},
		{Origin: 2, System: 1, Component: 1, Link: "b", Address: "192.0.2.1:1"},
		{Origin: 4, System: 1, Component: 1, Link: "a", Address: "192.0.2.1:1"},
	}
	if d := cmp.Diff(want, bodies[mavlink.OriginNote](b.station, mavlink.OwnOrigin)); d != "" {
		t.Error(d)
	}
}

func TestAnOriginFrameHasRoomForItsNames(t *testing.T) {
	b := byHand(t)
	device := "/dev/serial/by-id/" + strings.Repeat("long", 60)
	src := b.source(0, device)
	b.queue.frames = ordinaryLimit - originParts
	if b.send(src, heartbeat(1, 0)); b.count("b", "queue") != 1 {
		t.Error("taken into a queue without room for its origin")
	}
	b.queue.frames--
	b.send(src, heartbeat(1, 1))
	if b.queue.frames != ordinaryLimit || b.count("b", "queue") != 1 {
		t.Errorf("%d places taken", b.queue.frames)
	}
	b.queue.frames = ordinaryLimit - 1 // known by now, but for that component
	if b.send(src, heartbeat(2, 1)); b.count("b", "queue") != 2 {
		t.Error("taken without room for its origin")
	}
	b.queue.frames--
	if b.send(src, heartbeat(2, 1)); b.queue.frames != ordinaryLimit {
		t.Errorf("%d places taken", b.queue.frames)
	}
	b.drain()
	if notes := bodies[mavlink.OriginNote](b.station, mavlink.OwnOrigin); len(notes) != 2 || notes[0].Address != device || notes[1].Address != "" {
		t.Errorf("%+v", notes)
	}
}

// Someone sends under the id of a drone, each packet from a new port.
func TestForgedPortsUseUpNeitherIndicesNorTheQueue(t *testing.T) {
	b := byHand(t)
	drone, other := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:1")
	b.send(drone, heartbeat(1, 0))
	b.send(other, heartbeat(2, 0))
	const forged = 100_000
	for i := range forged { // over an hour
		b.send(b.source(0, "203.0.113.1:"+strconv.Itoa(i)), heartbeat(1, 0))
		b.pass(36 * time.Millisecond)
		b.send(drone, heartbeat(1, 0))
		b.send(other, heartbeat(2, 0))
		if i%1000 == 0 {
			b.drain()
		}
	}
	b.drain()
	if n := len(b.queue.origins.byIndex); n > newOrigins+3600*newOriginsPerSec+2 {
		t.Errorf("%d indices used", n)
	}
	if n := len(b.frames); n != 2+3*forged {
		t.Errorf("%d frames", n)
	}
	for i, f := range b.frames[2:] {
		switch i % 3 {
		case 0:
			if f.Origin == drone.origin.index {
				t.Fatal("a forged frame is the drone's")
			}
		case 1:
			if f.Origin != drone.origin.index {
				t.Fatal("a frame of the drone is not")
			}
		}
	}
	// Those who come to the other link are told apart as ever.
	late := b.source(1, "192.0.2.2:2")
	b.send(late, heartbeat(3, 0))
	if late.origin == nil {
		t.Error("a new source of the other link has no index")
	}
}

func TestTheIndicesOfTwoSessionsInARowAreDifferent(t *testing.T) {
	b := byHand(t)
	x, y := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:2")
	seen := map[uint16]*source{}
	for session := range 5 {
		was := seen
		seen = map[uint16]*source{}
		for _, src := range []*source{x, y} {
			b.send(src, heartbeat(1, 0))
			o := b.queue.origins.find(src.origin.index)
			if o != src.origin || was[o.index] != nil {
				t.Errorf("session %d: index %d is %+v, before %+v", session, o.index, o, was[o.index])
			}
			seen[o.index] = src
		}
		for index, src := range was {
			if o := b.queue.origins.find(index); o == nil || o.address != src.address {
				t.Errorf("session %d: index %d of the one before is %+v", session, index, o)
			}
		}
		b.Reanchor()
	}
	for _, index := range []uint16{0, 5, 6, 999, otherOrigin, otherOrigin - 1, mavlink.OriginOwn} {
		if o := b.queue.origins.find(index); o != nil {
			t.Errorf("index %d is %+v", index, o)
		}
	}
}

func originNote(t *rapid.T, body []byte) (n mavlink.OriginNote) {
	if err := json.Unmarshal(body, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
