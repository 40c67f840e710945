package mavlink

import "math"

// ClockState is what the fleet knows of a track's clocks.
type ClockState struct {
	FirstHeard int64            `json:"first_heard"` // station time of the track's first frame: nothing of it is dated earlier
	BootMS     [clocks]uint32   `json:"boot_ms"`     // newest time since boot of each series, 0 unknown
	Boot       BootClock        `json:"boot"`        // the autopilot's, by all its series
	Others     []ComponentClock `json:"others"`      // of components that run on a clock of their own, in order of appearance
	UTC        UTCState         `json:"utc"`
}

// The series of times since boot that an autopilot sends. Each is compared with itself only: some firmware stamps
// GLOBAL_POSITION_INT with the time of the GPS solution, up to a second behind the others.
const (
	clockSystemTime = iota
	clockAttitude
	clockPosition
	clocks
)

const (
	wrapMS    = 600_000 // around the end of 32 bits, 49.7 days, going back is a wrap
	reorderMS = 5_000   // going back by less is a late frame, by more a reboot
)

// clock folds a time since boot. late tells that a newer one of its series has been heard, so that what came with it
// is old; a reboot makes the fleet forget where the vehicle was.
func (f *Fleet) clock(s *TrackState, series int, ms uint32, at int64, out *News) (late bool) {
	if ms == 0 {
		return false // not filled in
	}
	newest := s.Clock.BootMS[series]
	if ms < newest && !(newest > math.MaxUint32-wrapMS && ms < wrapMS) {
		if newest-ms < reorderMS {
			s.Clock.Boot.hear(at, ms) // how late frames come is worth knowing
			return true
		}
		f.forget(s)
		f.change(s, ChangeReboot, at, out)
	}
	s.Clock.BootMS[series] = ms
	s.Clock.Boot.hear(at, ms)
	return false
}

// forget drops what does not outlive a boot.
func (c *ClockState) forget() { *c = ClockState{FirstHeard: c.FirstHeard} }

// BootClock sets a clock that counts from boot against ours. The arrival of a frame less its time since boot is the
// instant of boot plus what the frame was on its way; the least of that in the last 60 s takes jitter and queueing out
// (PROTOCOL 3). Instants are station time, µs.
type BootClock struct {
	NewestMS uint32 `json:"newest_ms"` // the newest time since boot,
	NewestAt int64  `json:"newest_at"` // and when it was heard; 0: never
	OffsetUS int64  `json:"offset_us"` // least arrival less time since boot in this stretch of 30 s and the one before
	LateUS   int64  `json:"late_us"`   // greatest above the least, of the same
	Since    int64  `json:"since"`     // start of this stretch
	LeastUS  int64  `json:"least_us"`  // as OffsetUS, of this stretch
	MostUS   int64  `json:"most_us"`   // as LateUS, of this stretch
}

const (
	stretchUS = 30_000_000
	queuedUS  = 10_000_000 // no frame waits longer on its way: a clock that seems later is another one
	datedUS   = 30_000_000 // nothing is told longer after it happened: what says so is of another clock, or another boot
	wrapUS    = 1000 << 32 // 32 bits of milliseconds
	maxRate   = 30         // simulations run faster than time; one 25 times as fast has been seen
	maxClocks = 16         // components with a clock of their own, per track

	skewedUS  = 5_000_000      // a vehicle's UTC further from ours than this is not used,
	maxSkewUS = 86_400_000_000 // and further than this it is no UTC
	utcFrom   = 1_577_836_800_000_000
	unixFrom  = 1_260_000_000_000_000 // microseconds from here on count from 1970, below from boot

	// What an instant may be off by. A clock set against ours by arrivals keeps the least time on the way as its error,
	// which listening alone cannot measure: a telemetry radio takes some 100 ms. UTC is told a few times a second.
	bootUncertain     = 200_000
	utcUncertain      = 100_000
	receivedUncertain = 1_000_000
)

// within brings a difference of times since boot into half a round of their 32 bits to either side.
func within(us int64) int64 {
	if us > -wrapUS/2 && us <= wrapUS/2 {
		return us // as nearly always, without a division
	}
	switch us %= wrapUS; {
	case us > wrapUS/2:
		us -= wrapUS
	case us <= -wrapUS/2:
		us += wrapUS
	}
	return us
}

// hear takes a time since boot over that came at the instant at; began tells that nothing older counts any more.
func (b *BootClock) hear(at int64, ms uint32) (began bool) {
	late := within(at - int64(ms)*1000 - b.OffsetUS)
	switch {
	case b.NewestAt == 0, late > queuedUS, at-b.Since >= 2*stretchUS:
		// Nothing known, a boot that nobody noticed, or a long silence.
		offset := at - int64(ms)*1000
		*b = BootClock{NewestMS: ms, NewestAt: at, Since: at, OffsetUS: offset, LeastUS: offset}
		return true
	case at-b.Since >= stretchUS:
		offset := b.OffsetUS + late
		b.OffsetUS, b.LeastUS = min(b.LeastUS, offset), offset
		b.LateUS, b.MostUS, b.Since = b.MostUS, 0, at
		late = offset - b.OffsetUS
	}
	switch offset := b.OffsetUS + late; {
	case late < 0:
		b.OffsetUS, b.LeastUS = offset, offset
	case offset < b.LeastUS:
		b.LeastUS = offset
	}
	if late > b.MostUS {
		b.MostUS = late
		b.LateUS = max(b.LateUS, late)
	}
	if int32(ms-b.NewestMS) >= 0 {
		b.NewestMS, b.NewestAt = ms, at
	}
	return false
}

// place gives the instant of a time since boot, in µs, that a frame told of at the instant at.
func (b *BootClock) place(at, bootUS int64) int64 {
	return at - within(at-bootUS-b.OffsetUS)
}

// clockFits says whether a time since boot that came at the instant at can be of this track's clock: at most 10 s older
// than the newest one (late on its way, or of a series that lags), or newer by no more than time has passed, with 10 s
// of queue and a simulation's haste allowed. A wrap fits, a reboot does not; where nothing is known all does.
func (s *TrackState) clockFits(bootMS uint32, at int64) (fits bool) {
	b := &s.Clock.Boot
	if bootMS == 0 || b.NewestAt == 0 {
		return true
	}
	ahead := int64(int32(bootMS-b.NewestMS)) * 1000
	return ahead >= -queuedUS && ahead <= queuedUS+maxRate*(at-b.NewestAt)
}

// Stamp says when something happened.
type Stamp struct {
	At          int64 // station time, µs: never after the frame that told of it, nor before the vehicle was first heard
	Source      TimeSource
	Uncertainty int64 // µs, what At may be off by, as far as it can be told
}

// undated is the stamp of what a message does not date: its arrival, less the time that even the quickest frame is on its
// way where the vehicle's UTC tells that. It is uncertain by what frames of the track came late of late, 1 s at least.
func (s *TrackState) undated(at int64) Stamp {
	c := &s.Clock
	t := at
	if ahead, known := c.ahead(); known {
		t += min(0, ahead)
	}
	return c.stamp(at, t, TimeReceived, max(receivedUncertain, c.Boot.LateUS))
}

// stamp holds an instant to the life of the track so far.
func (c *ClockState) stamp(at, t int64, source TimeSource, uncertainty int64) Stamp {
	in := max(c.FirstHeard, min(at, t))
	return Stamp{At: in, Source: source, Uncertainty: max(uncertainty, t-in, in-t)}
}

// lived says whether an instant can be that of something told of at the instant at.
func lived(at, t int64) bool { return t >= at-datedUS && t <= at+queuedUS }

// bootTime is when something happened that the autopilot dates by the milliseconds since boot; 0: not dated. Its own UTC
// is used where it is sane. What would have happened over 30 s ago is not believed: it is of another clock.
func (s *TrackState) bootTime(at int64, bootMS uint32) Stamp {
	if bootMS == 0 {
		return s.undated(at)
	}
	return s.sinceBoot(at, int64(bootMS)*1000)
}

// sinceBoot is bootTime in µs.
func (s *TrackState) sinceBoot(at, bootUS int64) Stamp {
	c := &s.Clock
	if c.Boot.NewestAt == 0 {
		return s.undated(at)
	}
	t := c.Boot.place(at, bootUS)
	if !lived(at, t) {
		return s.undated(at)
	}
	return c.dated(at, t)
}

// dated is the stamp of an instant of the autopilot's clock, set against ours by arrivals. UTC is the better one, unless
// it has frames arrive before they were sent: then one of the clocks is wrong, and arrivals are all that is sure.
func (c *ClockState) dated(at, t int64) Stamp {
	if ahead, known := c.ahead(); known && ahead <= utcUncertain {
		return c.stamp(at, t+min(0, ahead), TimeUTC, utcUncertain)
	}
	return c.stamp(at, t, TimeBoot, bootUncertain)
}

// ahead is how far the vehicle's UTC is ahead of arrivals. A reboot in between that nobody noticed makes it unknown.
func (c *ClockState) ahead() (us int64, known bool) {
	us = within(c.UTC.OffsetUS - c.Boot.OffsetUS)
	return us, c.UTC.Known && abs(us) <= skewedUS
}

// usecTime is when something happened that the autopilot dates by microseconds, since boot (of 32 bits, which wrap each
// 71.6 min, or of 64) or since 1970; 0: not dated. A time since 1970 is believed within 5 s of arrival, or where
// SYSTEM_TIME has told how far the vehicle's clock is from ours.
func (s *TrackState) usecTime(at int64, usec uint64) Stamp {
	c := &s.Clock
	switch {
	case usec >= unixFrom:
		return s.unixTime(at, usec)
	case usec == 0, c.Boot.NewestAt == 0:
		return s.undated(at)
	case usec <= math.MaxUint32:
		now := at - c.Boot.OffsetUS
		ago := int64(uint32(now+queuedUS-int64(usec))) - queuedUS
		return s.sinceBoot(at, now-ago)
	}
	return s.sinceBoot(at, int64(usec%wrapUS))
}

func (s *TrackState) unixTime(at int64, usec uint64) Stamp {
	c := &s.Clock
	if usec < utcFrom || usec > uint64(max(0, at)+maxSkewUS) {
		return s.undated(at)
	}
	t := int64(usec)
	ahead, known := c.ahead()
	switch {
	case known && lived(at, t-ahead):
		return c.dated(at, t-ahead)
	case !known && !c.UTC.Skewed && abs(at-t) <= skewedUS:
		return c.stamp(at, t, TimeUTC, utcUncertain)
	case c.UTC.Skewed && lived(at, t-c.UTC.SkewUS):
		// The clock is wrong, and we know by how much: the instant is as good as one since boot.
		return c.stamp(at, t-c.UTC.SkewUS, TimeBoot, bootUncertain)
	}
	return s.undated(at)
}

// ComponentClock is the clock of a component that is not the autopilot: a camera, a gimbal.
type ComponentClock struct {
	Component uint8     `json:"component"`
	Boot      BootClock `json:"boot"`
}

// componentTime is bootTime for any component of the track. One that is not the autopilot may have been switched on at
// another time: its own messages alone, those dated by this, say how its clock stands to ours. The first one, and the
// first after a minute of silence, counts as undated.
func (s *TrackState) componentTime(comp uint8, at int64, bootMS uint32) Stamp {
	if comp == s.Vehicle.Component || comp == 1 && !s.Vehicle.Exists {
		return s.bootTime(at, bootMS)
	}
	b := s.Clock.of(comp)
	if b == nil || bootMS == 0 {
		return s.undated(at)
	}
	if b.hear(at, bootMS) {
		return s.undated(at)
	}
	return s.Clock.dated(at, b.place(at, int64(bootMS)*1000))
}

// of is the clock of a component other than the autopilot, nil where there are too many.
func (c *ClockState) of(comp uint8) *BootClock {
	for i := range c.Others {
		if c.Others[i].Component == comp {
			return &c.Others[i].Boot
		}
	}
	if len(c.Others) == maxClocks {
		return nil
	}
	c.Others = append(c.Others, ComponentClock{Component: comp})
	return &c.Others[len(c.Others)-1].Boot
}

// UTCState is what SYSTEM_TIME says of the vehicle's own UTC.
type UTCState struct {
	Known    bool  `json:"known"`     // it is sane and within 5 s of ours:
	OffsetUS int64 `json:"offset_us"` // UTC less time since boot
	Skewed   bool  `json:"skewed"`    // it is sane, and 5 s to a day away:
	SkewUS   int64 `json:"skew_us"`   // the vehicle's UTC less ours
}

// skew is how far the vehicle's UTC is ahead of our clock (negative: behind), in µs; known is false while the two agree
// within 5 s, and where the vehicle does not know the time. While it is known, times are those of arrival.
func (c *ClockState) skew() (us int64, known bool) { return c.UTC.SkewUS, c.UTC.Skewed }

// systemTime folds a SYSTEM_TIME. Autopilots send 0, or time since boot as if it were since 1970, until they know UTC.
func (f *Fleet) systemTime(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadSystemTime(p)
	if f.clock(s, clockSystemTime, m.TimeBootMs, fr.At, out) || m.TimeBootMs == 0 {
		return
	}
	c := &s.Clock
	sent := c.Boot.place(fr.At, int64(m.TimeBootMs)*1000)
	c.UTC = UTCState{}
	if m.TimeUnixUsec < utcFrom || m.TimeUnixUsec > uint64(max(0, fr.At)+maxSkewUS) {
		return
	}
	// Against when it was sent, not against its arrival: a frame that waited makes no clock wrong.
	switch ahead := int64(m.TimeUnixUsec) - sent; {
	case abs(ahead) <= skewedUS:
		c.UTC = UTCState{Known: true, OffsetUS: c.Boot.OffsetUS + ahead}
	case abs(ahead) <= maxSkewUS:
		c.UTC = UTCState{Skewed: true, SkewUS: ahead}
	}
}
