package link

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"riverwatch/mavlink"
)

const (
	stepTolerance = second / 2  // the wall clock against station time, µs
	refusedCounts = 64          // in one refused frame, which has 255 parts at most
	sayEvery      = time.Minute // of one link and reason
)

// beat is what happens once a second: our heartbeat, and whatever the log ought to know by then.
type beat struct {
	l        *Listener
	byName   []*line
	stepTold atomic.Int64 // µs
}

func (b *beat) init(l *Listener) {
	b.l = l
	b.byName = slices.SortedFunc(slices.Values(l.lines), func(x, y *line) int { return cmp.Compare(x.cfg.Name, y.cfg.Name) })
}

// run beats at once and then once a second until ctx ends.
func (b *beat) run(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for ctx.Err() == nil {
		b.once()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

func (b *beat) once() {
	b.l.queue.heartbeat()
	b.clock()
	for _, ln := range b.l.lines {
		ln.tell()
	}
	b.refused()
	b.say()
}

// clock tells a step of the wall clock, once.
func (b *beat) clock() {
	told := b.stepTold.Load()
	step := b.l.clock.step()
	if d := step - told; d >= -stepTolerance && d <= stepTolerance {
		return
	}
	if b.l.queue.tellOwn(mavlink.OwnClock, mavlink.ClockNote{StepUS: step}) != nil {
		return // no place: the next beat tries again
	}
	b.stepTold.CompareAndSwap(told, step) // a new session may have begun meanwhile
	b.l.log.Warn("the wall clock is away from station time, which does not follow until the next session",
		zap.Duration("by", time.Duration(step)*time.Microsecond))
}

// refused tells what was refused or lost since it was told last.
func (b *beat) refused() {
	var counts []mavlink.RefusedCount
	var from []*uint64
	for _, ln := range b.byName {
		for _, r := range refusedReasons {
			told := &ln.refusedTold[r]
			if n := ln.counters.by[r].Load() - *told; n > 0 {
				counts = append(counts, mavlink.RefusedCount{Link: ln.cfg.Name, Reason: reasonNames[r], N: n})
				from = append(from, told)
			}
		}
	}
	for len(counts) > 0 {
		n := min(len(counts), refusedCounts)
		if b.l.queue.tellOwn(mavlink.OwnRefused, mavlink.RefusedNote{Counts: counts[:n]}) != nil {
			return // no place: they are told together with the next ones
		}
		for i, c := range counts[:n] {
			*from[i] += c.N
		}
		counts, from = counts[n:], from[n:]
	}
}

// said is how much of a link's count for a reason the log that people read has.
type said struct {
	n  uint64
	at time.Duration // when it was said, monotonic
}

// say says the same in the log that people read: at once where a link and reason are new to it or have been quiet, and
// while it goes on once a minute how many more there were. It does not need a place in the queue for that.
func (b *beat) say() {
	now := b.l.clock.passed()
	for _, ln := range b.byName {
		for _, r := range refusedReasons {
			last, n := &ln.refusedSaid[r], ln.counters.by[r].Load()
			if n == last.n || last.n > 0 && now-last.at < sayEvery {
				continue
			}
			fields := []zap.Field{zap.String("link", ln.cfg.Name), zap.String("reason", reasonNames[r]), zap.Uint64("count", n-last.n)}
			who := ln.counters.culprit(r)
			if who.system != 0 {
				fields = append(fields, zap.Uint8("system", who.system))
			}
			if who.at != 0 {
				fields = append(fields, zap.String("address", who.where()))
			}
			b.l.log.Log(level(r), "frames refused or lost", fields...)
			*last = said{n, now}
		}
	}
}

// level keeps the noise that every radio makes out of the log that people read, and does not cry out for copies of
// signed frames, which a router that serves two links makes all day.
func level(r reason) zapcore.Level {
	switch r {
	case badCRC, truncated, oversize, replayed:
		return zap.DebugLevel
	default:
		return zap.WarnLevel
	}
}
