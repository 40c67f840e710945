package replay

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"riverwatch/mavlink"
)

// queue is a source of ready batches.
type queue []mavlink.Batch

func (q *queue) Next(context.Context) (mavlink.Batch, error) {
	if len(*q) == 0 {
		return mavlink.Batch{}, io.EOF
	}
	b := (*q)[0]
	*q = (*q)[1:]
	return b, nil
}

func TestPacedFramesComeWhenTheyAreDueAndNoneIsLost(t *testing.T) {
	for _, speed := range []float64{0.5, 1, 20} {
		synctest.Test(t, func(t *testing.T) {
			frames := heartbeats(1, 100, t0, 330_000)
			q := queue(batches(frames, 17))
			p := Pace(&q, speed)
			begin := time.Now()
			n := 0
			for {
				b, err := p.Next(t.Context())
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range b.Frames {
					due := time.Duration(float64(f.At-t0) / speed * 1000)
					if since := time.Since(begin); since < due || since > due+time.Microsecond {
						t.Fatalf("speed %v: frame %d came after %v, due after %v", speed, n, since, due)
					}
					n++
				}
				b.Release()
			}
			if n != len(frames) {
				t.Errorf("%d frames of %d", n, len(frames))
			}
		})
	}
}

func TestPacedFramesThatAreLateComeAtOnceAndPausesAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frames := append(heartbeats(1, 10, t0, secondUS), heartbeats(1, 2, t0+3600*secondUS, secondUS)...)
		q := queue(batches(frames, 100))
		p := Pace(&q, 1)
		want := []struct {
			busy   time.Duration // before asking
			frames int
			waited time.Duration
		}{{0, 1, 0}, {5500 * time.Millisecond, 5, 0}, {0, 1, 500 * time.Millisecond}, {time.Hour, 3, 0}, {0, 1, 0}, {0, 1, time.Second}}
		for i, w := range want {
			<-time.After(w.busy)
			asked := time.Now()
			b, err := p.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Frames) != w.frames || time.Since(asked) != w.waited {
				t.Errorf("%d: %d frames after %v, want %d after %v", i, len(b.Frames), time.Since(asked), w.frames, w.waited)
			}
			b.Release()
		}
		if _, err := p.Next(t.Context()); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestWaitingForAFrameStopsWithTheContextAndLosesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue(batches(heartbeats(1, 2, t0, 60*secondUS), 2))
		p := Pace(&q, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if b, err := p.Next(ctx); err != nil || len(b.Frames) != 1 {
			t.Fatalf("%d frames, %v", len(b.Frames), err)
		}
		if _, err := p.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if b, err := p.Next(t.Context()); err != nil || len(b.Frames) != 1 || b.Frames[0].At != t0+60*secondUS {
			t.Errorf("%d frames, %v", len(b.Frames), err)
		}
	})
}

func TestABatchThatIsSplitIsFreedWhenAllItsPartsAre(t *testing.T) {
	freed := 0
	a := mavlink.NewArena(func(*mavlink.Arena) { freed++ })
	for _, f := range heartbeats(1, 4, t0, 1000) {
		a.Append(f)
	}
	synctest.Test(t, func(t *testing.T) {
		q := queue{a.Batch()}
		p := Pace(&q, 1)
		var parts []mavlink.Batch
		for {
			b, err := p.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, b)
		}
		for i, b := range parts {
			if freed != 0 {
				t.Fatalf("freed before part %d of %d was released", i, len(parts))
			}
			b.Release()
		}
		if freed != 1 || len(parts) != 4 {
			t.Errorf("freed %d times, %d parts", freed, len(parts))
		}
	})
}
