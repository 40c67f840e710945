package link

import (
	"fmt"
	"testing"
	"time"
)

// A socket is read for a while before the next one is: with bursts this long the first would fill the queue by itself.
func TestWhatIsTooMuchIsLostEvenlyOverVehicles(t *testing.T) {
	b := byHand(t)
	var sources []*source
	for i := range 4 {
		sources = append(sources, b.source(i%2, fmt.Sprintf("192.0.2.%d:1", 1+i)))
	}
	const vehicles, each, rounds = 100, 3 * ordinaryLimit / 100, 5
	total := uint64(0)
	for round := range rounds {
		b.frames = nil
		for i := range sources {
			i = (i + round) % len(sources)
			for n := range each {
				for v := i; v < vehicles; v += len(sources) {
					b.send(sources[i], heartbeat(uint8(1+v), uint8(n)))
				}
			}
		}
		b.drain()
		came := map[uint8]int{}
		for _, f := range b.frames {
			came[f.SysID]++
		}
		least, most := each, 0
		for v := range vehicles {
			least, most = min(least, came[uint8(1+v)]), max(most, came[uint8(1+v)])
		}
		// In the first round nobody knows yet how much there will be.
		if len(b.frames) < ordinaryLimit*8/10 || round > 0 && most-least > most/5 {
			t.Errorf("round %d: %d frames were taken: %d to %d of each vehicle's %d", round, len(b.frames), least, most, each)
		}
		total += uint64(len(b.frames))
		dropped := b.count("a", "origin") + b.count("a", "queue") + b.count("b", "origin") + b.count("b", "queue")
		if total+dropped != uint64((round+1)*vehicles*each) {
			t.Errorf("round %d: %d taken + %d lost of %d", round, total, dropped, (round+1)*vehicles*each)
		}
		b.pass(20 * time.Millisecond)
	}
}

func TestAQuietVehicleLosesNothingToLoudOnesOfItsOwnLink(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for i := range 2 * capacity {
		b.send(src, heartbeat(uint8(1+i%3), uint8(i)))
		if i%1000 == 0 {
			b.send(src, heartbeat(9, uint8(i/1000)))
		}
	}
	b.drain()
	quiet := 0
	for _, f := range b.frames {
		if f.SysID == 9 {
			quiet++
		}
	}
	if want := (2*capacity + 999) / 1000; quiet != want {
		t.Errorf("%d of its %d frames came", quiet, want)
	}
}

func TestTheWholeQueueIsForOneVehicleAgainOnceOthersAreSilent(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for v := range uint8(50) {
		b.send(src, heartbeat(1+v, 0))
	}
	b.pass(2 * time.Second)
	b.drain()
	for i := range ordinaryLimit {
		b.send(src, heartbeat(1, uint8(i)))
	}
	if n := b.queue.frames; n != ordinaryLimit {
		t.Errorf("%d frames of a single vehicle were taken", n)
	}
}

func TestALongQueueIsHandedOutInPiecesInItsOrder(t *testing.T) {
	b := byHand(t)
	src := b.source(0, "192.0.2.1:1")
	for range 3 { // the second time and the third in memory used before
		const sent = 3*arenaFrames + 100
		for i := range sent {
			b.send(src, heartbeat(1, uint8(i)))
		}
		pieces, next := 0, uint8(0)
		for total := 0; total < sent; pieces++ {
			batch, err := b.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(batch.Frames) > arenaFrames {
				t.Fatalf("a batch of %d frames", len(batch.Frames))
			}
			for _, f := range batch.Frames {
				if f.SysID != 1 {
					continue
				}
				if f.Seq != next {
					t.Fatalf("frame %d of piece %d, want %d", f.Seq, pieces, next)
				}
				next++
				total++
			}
			batch.Release()
		}
		if pieces != 4 || b.queue.frames != 0 {
			t.Errorf("%d pieces, %d frames left", pieces, b.queue.frames)
		}
	}
}

// The share of a vehicle is what it has when there is not enough for all: while others do not need the room it is its own.
func TestABusyVehicleHasTheRoomThatQuietOnesDoNotNeed(t *testing.T) {
	b := byHand(t)
	busy, quiet := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:2")
	for range 3 {
		for i := range 77 * 100 {
			b.send(quiet, heartbeat(uint8(1+i%100), uint8(i)))
		}
		b.drain()
		b.pass(700 * time.Millisecond)
	}
	for i := range originLimit - originParts {
		b.send(busy, heartbeat(101, uint8(i)))
	}
	if n := b.count("b", "origin") + b.count("b", "queue"); n != 0 {
		t.Errorf("%d of its %d frames were lost, in a queue of %d", n, originLimit-originParts, capacity)
	}
	for i := range 77 * 100 {
		b.send(quiet, heartbeat(uint8(1+i%100), uint8(i)))
	}
	if n := b.count("a", "origin") + b.count("a", "queue"); n != 0 {
		t.Errorf("%d frames of quiet ones were lost", n)
	}
}

func TestAForgerDoesNotUseUpTheShareOfTheVehicleThatHeForges(t *testing.T) {
	b := byHand(t)
	forger, drone := b.source(0, "192.0.2.1:1"), b.source(1, "192.0.2.2:2")
	const each = 50
	for i := range each * 1000 {
		system := uint8(1)
		if i%2 == 0 {
			system += uint8(i / 2 % 254)
		}
		b.send(forger, heartbeat(system, uint8(i)))
		if i%1000 == 0 {
			b.send(drone, heartbeat(1, uint8(i/1000)))
		}
	}
	if n := b.count("a", "origin") + b.count("a", "queue"); n != 0 {
		t.Errorf("%d of the real one's %d frames were lost", n, each)
	}
	if b.count("b", "origin") == 0 {
		t.Error("the forger lost nothing")
	}
}
