package link

import (
	"sync/atomic"
	"time"
)

// clock gives station time: an anchor plus the time that has passed on the monotonic clock, so that no step of the
// wall clock moves it. The wall clock is read where the anchor is set, and once a second to see whether it has
// stepped.
type clock struct {
	wall   func() time.Time
	passed func() time.Duration // since some fixed moment; monotonic
	anchor atomic.Int64         // station time at that moment, µs
}

func newClock(wall func() time.Time) *clock {
	base := time.Now()
	return &clock{wall: wall, passed: func() time.Duration { return time.Since(base) }}
}

// set anchors station time at the wall clock, or right after lastAt where that is later.
func (c *clock) set(lastAt int64) {
	c.anchor.Store(max(c.wall().UnixMicro(), lastAt+1) - c.passed().Microseconds())
}

// stamp is station time now, µs.
func (c *clock) stamp() int64 { return c.anchor.Load() + c.passed().Microseconds() }

// step is the wall clock minus station time, now, µs.
func (c *clock) step() int64 { return c.wall().UnixMicro() - c.stamp() }
