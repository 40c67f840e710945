package mavlink

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"pgregory.net/rapid"
)

const sec = int64(1_000_000)

// only is the only track of a system.
func (x *field) only(sys uint8) *TrackState {
	x.t.Helper()
	if n := len(x.fleet.tracks[sys]); n != 1 {
		x.t.Fatalf("%d tracks of system %d", n, sys)
	}
	return x.fleet.tracks[sys][0]
}

// boot is the vehicle's time since boot in tests: it was switched on a minute before the field began.
func (x *field) boot(ago time.Duration) uint32 {
	return uint32((x.at-fieldStart-ago.Microseconds())/1000) + 60_000
}

// ticks makes the vehicle tell its time since boot n times, 100 ms apart, each with its delay, in turn.
func (x *field) ticks(n int, delays ...time.Duration) {
	x.t.Helper()
	for i := range n {
		x.wait(100 * time.Millisecond)
		x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.boot(delays[i%len(delays)])})
	}
}

func TestATimeSinceBootIsSetAgainstOurClockByTheQuickestFrame(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(50, 400*time.Millisecond, 40*time.Millisecond, 900*time.Millisecond)
	s := x.only(1)
	for _, ago := range []time.Duration{0, 100 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second} {
		got := s.bootTime(x.at, x.boot(ago))
		want := Stamp{At: min(x.at, x.at-ago.Microseconds()+40_000), Source: TimeBoot, Uncertainty: bootUncertain}
		if got != want {
			t.Errorf("%v ago: %+v, want %+v", ago, got, want)
		}
	}
	if got, want := s.undated(x.at), (Stamp{x.at, TimeReceived, 1_000_000}); got != want {
		t.Errorf("undated: %+v, want %+v", got, want)
	}
	x.ticks(3, 2500*time.Millisecond) // a link that stutters: what comes without a date may be as late,
	x.ticks(300, 40*time.Millisecond, 90*time.Millisecond)
	if got, want := s.undated(x.at), (Stamp{x.at, TimeReceived, 2_460_000}); got != want {
		t.Errorf("undated: %+v, want %+v", got, want)
	}
	x.ticks(600, 40*time.Millisecond, 90*time.Millisecond) // until that is a minute ago
	if got, want := s.undated(x.at), (Stamp{x.at, TimeReceived, 1_000_000}); got != want {
		t.Errorf("undated: %+v, want %+v", got, want)
	}
}

func TestTheQuickestFrameIsForgottenAfterAMinute(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(1, 0)
	x.ticks(250, 300*time.Millisecond)
	s := x.only(1)
	late := func() int64 { return s.bootTime(x.at, x.boot(time.Second)).At - (x.at - sec) }
	if got := late(); got != 0 {
		t.Errorf("after 25 s off by %d µs", got)
	}
	x.ticks(400, 300*time.Millisecond)
	if got := late(); got != 300_000 {
		t.Errorf("after 65 s off by %d µs", got)
	}
	x.wait(2 * time.Minute)
	x.ticks(1, 400*time.Millisecond)
	if got := late(); got != 400_000 {
		t.Errorf("after two minutes of silence off by %d µs", got)
	}
}

// TestTheOffsetIsTheLeastDelay holds for any delays: an instant comes out later than it was by no more than the quickest
// frame of the last half minute was on its way, and never earlier than it was.
func TestTheOffsetIsTheLeastDelay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		begin := rapid.Uint32().Draw(rt, "time since boot")
		booted := int64(fieldStart) - int64(begin)*1000
		var b BootClock
		sent, at := int64(fieldStart), int64(fieldStart)
		type heard struct{ at, delay int64 }
		var all []heard
		for range rapid.IntRange(1, 80).Draw(rt, "frames") {
			sent += rapid.Int64Range(1, 3*1000).Draw(rt, "pause") * 1000
			delay := rapid.Int64Range(0, 4000).Draw(rt, "delay") * 1000
			at = max(at, sent+delay)
			b.hear(at, uint32((sent-booted)/1000))
			all = append(all, heard{at, at - sent})
			least := int64(math.MaxInt64)
			for _, h := range all {
				if at-h.at < stretchUS {
					least = min(least, h.delay)
				}
			}
			if off := b.place(at, ((sent-booted)/1000)%(1<<32)*1000) - sent; off < 0 || off > least {
				rt.Fatalf("off by %d µs, the quickest frame was %d µs on its way", off, least)
			}
			ago := rapid.Int64Range(0, 9000).Draw(rt, "ago") * 1000
			if off := b.place(at, sent-ago-booted) - (sent - ago); off < 0 || off > least {
				rt.Fatalf("%d µs before: off by %d µs", ago, off)
			}
		}
	})
}

func TestAClockThatWrapsGoesOn(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.second(1, true, 0, 0, 60)
	x.told = News{}
	ms := uint32(math.MaxUint32 - 2_000)
	s := x.only(1)
	x.fleet.forget(s)
	for range 60 { // 3 s before the wrap to 3 s after it
		x.wait(100 * time.Millisecond)
		if !s.clockFits(ms, x.at) {
			t.Fatalf("%d does not fit", ms)
		}
		x.send(1, 1, &all.MessageAttitude{TimeBootMs: ms})
		ms += 100
	}
	ms -= 100
	for _, ago := range []uint32{0, 1_000, 3_500, 5_900} { // the last two from before the wrap
		if got := s.bootTime(x.at, ms-ago); got.At != x.at-int64(ago)*1000 || got.Source != TimeBoot {
			t.Errorf("%d ms ago: %d µs ago, %+v", ago, x.at-got.At, got)
		}
	}
	if slices.Contains(x.kinds(), ChangeReboot) {
		t.Error("a wrap is taken for a reboot")
	}
}

func TestARebootBeginsTheClockAnew(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(20, 0)
	s := x.only(1)
	if s.Clock.FirstHeard != fieldStart {
		t.Fatalf("first heard %d", s.Clock.FirstHeard)
	}
	x.told = News{}
	x.wait(20 * time.Second)
	if s.clockFits(3_000, x.at) {
		t.Error("a boot fits the clock of the one before")
	}
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 3_000})
	if kinds := x.kinds(); len(kinds) == 0 || kinds[len(kinds)-1] != ChangeReboot {
		t.Errorf("it tells %v", kinds)
	}
	x.wait(time.Second)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 4_000})
	if got := s.bootTime(x.at, 3_500); got.At != x.at-sec/2 || got.Source != TimeBoot {
		t.Errorf("%+v at %d", got, x.at)
	}
	if s.Clock.FirstHeard != fieldStart {
		t.Error("a reboot moves the instant at which the vehicle was first heard")
	}
}

func TestARebootThatNobodyNoticedDatesNothingFromTheBootBefore(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 9_000})
	x.wait(25 * time.Second)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 10_000}) // the clock has not gone back
	if got := x.only(1).bootTime(x.at, 9_500); got.At != x.at-sec/2 {
		t.Errorf("dated %d µs ago", x.at-got.At)
	}
}

func TestATimeSinceBootIsHeldToTheTracksLife(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(50, 0) // 5 s
	s := x.only(1)
	for name, c := range map[string]struct {
		ms   uint32
		want Stamp
	}{
		"not dated":                    {0, Stamp{x.at, TimeReceived, 1_000_000}},
		"now":                          {x.boot(0), Stamp{x.at, TimeBoot, 200_000}},
		"3 s ago":                      {x.boot(3 * time.Second), Stamp{x.at - 3*sec, TimeBoot, 200_000}},
		"when the vehicle was heard":   {x.boot(5 * time.Second), Stamp{fieldStart, TimeBoot, 200_000}},
		"2 s before":                   {x.boot(7 * time.Second), Stamp{fieldStart, TimeBoot, 2_000_000}},
		"31 s ago, of another clock":   {x.boot(31 * time.Second), Stamp{x.at, TimeReceived, 1_000_000}},
		"in 0.1 s":                     {x.boot(-100 * time.Millisecond), Stamp{x.at, TimeBoot, 200_000}},
		"in 3 s":                       {x.boot(-3 * time.Second), Stamp{x.at, TimeBoot, 3_000_000}},
		"in 11 s, of another clock":    {x.boot(-11 * time.Second), Stamp{x.at, TimeReceived, 1_000_000}},
		"half a round of 32 bits away": {x.boot(0) + 1<<31, Stamp{x.at, TimeReceived, 1_000_000}},
	} {
		if got := s.bootTime(x.at, c.ms); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	silent := newField(t, testPlan())
	silent.send(1, 1, copter(false))
	for _, got := range []Stamp{silent.track(1).bootTime(silent.at, 5), silent.track(1).usecTime(silent.at, 5000)} {
		if got != received(silent.at) {
			t.Errorf("of a clock never heard: %+v", got)
		}
	}
}

func TestTheVehiclesUTCIsUsedWhereItIsSane(t *testing.T) {
	const year = 365 * 86_400 * sec
	for name, c := range map[string]struct {
		unix   func(sent int64) int64
		ago    int64 // of an event 1 s ago: where it is put
		source TimeSource
		skew   int64
		known  bool
	}{
		"equal to ours":           {func(sent int64) int64 { return sent }, sec, TimeUTC, 0, false},
		"told 150 ms on the way":  {func(sent int64) int64 { return sent - 150_000 }, sec + 150_000, TimeUTC, 0, false},
		"4.9 s behind":            {func(sent int64) int64 { return sent - 4_900_000 }, sec + 4_900_000, TimeUTC, 0, false},
		"50 ms ahead, by jitter":  {func(sent int64) int64 { return sent + 50_000 }, sec, TimeUTC, 0, false},
		"4.9 s ahead of arrival":  {func(sent int64) int64 { return sent + 4_900_000 }, sec, TimeBoot, 0, false},
		"5.1 s behind":            {func(sent int64) int64 { return sent - 5_100_000 }, sec, TimeBoot, -5_100_000, true},
		"an hour ahead":           {func(sent int64) int64 { return sent + 3600*sec }, sec, TimeBoot, 3600 * sec, true},
		"23 h behind":             {func(sent int64) int64 { return sent - 23*3600*sec }, sec, TimeBoot, -23 * 3600 * sec, true},
		"25 h behind":             {func(sent int64) int64 { return sent - 25*3600*sec }, sec, TimeBoot, 0, false},
		"25 h ahead":              {func(sent int64) int64 { return sent + 25*3600*sec }, sec, TimeBoot, 0, false},
		"not known":               {func(int64) int64 { return 0 }, sec, TimeBoot, 0, false},
		"since boot, as of 1970":  {func(int64) int64 { return 60 * sec }, sec, TimeBoot, 0, false},
		"2019, a GPS week behind": {func(int64) int64 { return utcFrom - 1 }, sec, TimeBoot, 0, false},
		"the far future":          {func(int64) int64 { return fieldStart + 80*year }, sec, TimeBoot, 0, false},
		"beyond 63 bits":          {func(int64) int64 { return -1 }, sec, TimeBoot, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(false))
			x.ticks(100, 0)
			x.send(1, 1, &all.MessageSystemTime{TimeBootMs: x.boot(0), TimeUnixUsec: uint64(c.unix(x.at))})
			x.restart(testPlan())
			s := x.only(1)
			got := s.bootTime(x.at, x.boot(time.Second))
			if got.At != x.at-c.ago || got.Source != c.source {
				t.Errorf("an event 1 s ago: %+v, %d µs ago", got, x.at-got.At)
			}
			if us, known := s.Clock.skew(); us != c.skew || known != c.known {
				t.Errorf("skew %d, %v", us, known)
			}
			// What comes without a date lies on the same time line: it arrived with the newest attitude.
			if got, want := s.undated(x.at).At, s.bootTime(x.at, x.boot(0)).At; got != want {
				t.Errorf("undated %d µs from what was sent at the same time", got-want)
			}
			x.send(1, 1, &all.MessageSystemTime{TimeBootMs: x.boot(0)})
			if got := s.bootTime(x.at, x.boot(time.Second)); got.Source != TimeBoot || got.At != x.at-sec {
				t.Errorf("after it has lost the time: %+v", got)
			}
		})
	}
}

func TestALogWithStampsOf1970VouchesForNoUTC(t *testing.T) {
	x := newField(t, testPlan())
	x.at = 100 * sec
	x.send(1, 1, copter(false))
	x.wait(time.Second)
	x.send(1, 1, &all.MessageSystemTime{TimeBootMs: 101_000, TimeUnixUsec: uint64(x.at)})
	s := x.only(1)
	if _, skewed := s.Clock.skew(); skewed || s.bootTime(x.at, 101_000).Source != TimeBoot {
		t.Errorf("%+v", s.Clock.UTC)
	}
	if got := s.usecTime(x.at, 1<<62); got != received(x.at) {
		t.Errorf("%+v", got)
	}
}

func TestASystemTimeThatWaitedMakesNoClockWrong(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(100, 0)
	x.send(1, 1, &all.MessageSystemTime{TimeBootMs: x.boot(8 * time.Second), TimeUnixUsec: uint64(x.at - 8*sec)})
	s := x.only(1)
	if us, known := s.Clock.skew(); known {
		t.Errorf("a skew of %d µs", us)
	}
	if got, want := s.bootTime(x.at, x.boot(0)), (Stamp{x.at, TimeUTC, utcUncertain}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMicrosecondsAreReadByTheirMagnitude(t *testing.T) {
	sane := func(x *field) { // UTC is ours, told 30 ms after
		x.send(1, 1, &all.MessageSystemTime{TimeBootMs: x.boot(0), TimeUnixUsec: uint64(x.at - 30_000)})
	}
	skewed := func(x *field) { // an hour ahead
		x.send(1, 1, &all.MessageSystemTime{TimeBootMs: x.boot(0), TimeUnixUsec: uint64(x.at + 3600*sec)})
	}
	none := func(*field) {}
	booted := func(x *field, ago int64) uint64 { return uint64(x.at-fieldStart-ago) + 60_000_000 }
	unix := func(x *field, ago int64) uint64 { return uint64(x.at - ago) }
	for name, c := range map[string]struct {
		utc    func(*field)
		usec   func(*field) uint64
		ago    int64
		source TimeSource
	}{
		"0":                                   {none, func(*field) uint64 { return 0 }, 0, TimeReceived},
		"since boot":                          {none, func(x *field) uint64 { return booted(x, 1_234_567) }, 1_234_567, TimeBoot},
		"since boot, with UTC":                {sane, func(x *field) uint64 { return booted(x, sec) }, sec + 30_000, TimeUTC},
		"since another boot":                  {none, func(x *field) uint64 { return booted(x, 40*sec) }, 0, TimeReceived},
		"since 1970, no SYSTEM_TIME":          {none, func(x *field) uint64 { return unix(x, 2*sec) }, 2 * sec, TimeUTC},
		"since 1970, 6 s off, no SYSTEM_TIME": {none, func(x *field) uint64 { return unix(x, 6*sec) }, 0, TimeReceived},
		"since 1970, in 2 s":                  {none, func(x *field) uint64 { return unix(x, -2*sec) }, 0, TimeUTC},
		"since 1970, with UTC":                {sane, func(x *field) uint64 { return unix(x, sec) }, sec, TimeUTC},
		"since 1970, 8 s ago, with UTC":       {sane, func(x *field) uint64 { return unix(x, 8*sec) }, 8 * sec, TimeUTC},
		"since 1970, 50 s ago, with UTC":      {sane, func(x *field) uint64 { return unix(x, 50*sec) }, 0, TimeReceived},
		"by a clock an hour ahead":            {skewed, func(x *field) uint64 { return unix(x, sec-3600*sec) }, sec, TimeBoot},
		"right, though SYSTEM_TIME is not":    {skewed, func(x *field) uint64 { return unix(x, sec) }, 0, TimeReceived},
		"2010":                                {none, func(*field) uint64 { return unixFrom }, 0, TimeReceived},
		"just below, 40 years since boot":     {none, func(*field) uint64 { return unixFrom - 1 }, 0, TimeReceived},
		"64 bits":                             {sane, func(*field) uint64 { return math.MaxUint64 }, 0, TimeReceived},
		"63 bits":                             {skewed, func(*field) uint64 { return math.MaxInt64 }, 0, TimeReceived},
	} {
		x := newField(t, testPlan())
		x.send(1, 1, copter(false))
		x.ticks(100, 0)
		c.utc(x)
		got := x.only(1).usecTime(x.at, c.usec(x))
		ago := c.ago
		if c.source == TimeReceived { // on the same time line as what is dated
			ago = x.at - x.only(1).undated(x.at).At
		}
		if x.at-got.At != ago || got.Source != c.source {
			t.Errorf("%s: %d µs ago, by %s, want %d, %s", name, x.at-got.At, got.Source, ago, c.source)
		}
	}
}

func TestMicrosecondsOf32BitsAreUnwrapped(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	ms := uint32(0)
	for _, up := range []uint32{1 * 60_000, 71 * 60_000, 72 * 60_000, 72*60_000 + 3_000, 48 * 3_600_000} { // each wrap is 71 min 34.967 s
		x.wait(time.Duration(up-ms) * time.Millisecond)
		ms = up
		x.send(1, 1, &all.MessageAttitude{TimeBootMs: ms})
		s := x.only(1)
		for _, ago := range []int64{0, 1, 2 * sec, 28 * sec} {
			micros := uint64(ms)*1000 - uint64(ago)
			if got := s.usecTime(x.at, micros); got.At != x.at-ago || got.Source != TimeBoot {
				t.Errorf("%d ms up, 64 bits, %d µs ago: %d, %s", ms, ago, x.at-got.At, got.Source)
			}
			if got := s.usecTime(x.at, uint64(uint32(micros))); got.At != x.at-ago || got.Source != TimeBoot {
				t.Errorf("%d ms up, 32 bits, %d µs ago: %d, %s", ms, ago, x.at-got.At, got.Source)
			}
		}
	}
}

func TestEachComponentHasAClockOfItsOwn(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.ticks(100, 0)
	s := x.only(1)
	camera := func(ago time.Duration) uint32 { return x.boot(ago) - 8_000 } // switched on 8 s after the autopilot
	if got := s.componentTime(100, x.at, camera(time.Second)); got != received(x.at) {
		t.Errorf("the first one: %+v", got)
	}
	x.wait(time.Second)
	s.componentTime(100, x.at, camera(0))
	if got, want := s.componentTime(100, x.at, camera(2*time.Second)), (Stamp{x.at - 2*sec, TimeBoot, bootUncertain}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := s.componentTime(1, x.at, x.boot(time.Second)); got.At != x.at-sec {
		t.Errorf("the autopilot's: %+v at %d", got, x.at)
	}
	x.wait(5 * time.Second)
	if got := s.componentTime(100, x.at, 500); got != received(x.at) {
		t.Errorf("the first one after its reboot: %+v", got)
	}
	x.restart(testPlan())
	s = x.only(1)
	x.wait(time.Second)
	s.componentTime(100, x.at, 1_500)
	if got := s.componentTime(100, x.at, 1_000); got.At != x.at-sec/2 {
		t.Errorf("after a restart: %+v at %d", got, x.at)
	}
	for comp := range 200 {
		s.componentTime(uint8(comp+2), x.at, 5)
	}
	if len(s.Clock.Others) > maxClocks {
		t.Errorf("%d clocks", len(s.Clock.Others))
	}
}

func TestWhatTimeSinceBootFitsATrack(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	s := x.only(1)
	if !s.clockFits(12_345, x.at) {
		t.Error("where nothing is known, nothing fits")
	}
	x.ticks(10, 0)
	x.wait(time.Second)
	for name, c := range map[string]struct {
		ms   uint32
		fits bool
	}{
		"not dated":                         {0, true},
		"a second on":                       {x.boot(0), true},
		"late by 4 s":                       {x.boot(4 * time.Second), true},
		"queued for 9 s":                    {x.boot(9 * time.Second), true},
		"switched on 12 s later":            {x.boot(12 * time.Second), false},
		"just switched on":                  {500, false},
		"switched on 9 s earlier":           {x.boot(-9 * time.Second), true},
		"of a simulation 25 times as fast":  {x.boot(-24 * time.Second), true},
		"switched on a minute earlier":      {x.boot(-time.Minute), false},
		"switched on 30 days earlier":       {x.boot(0) + 30*86_400_000, false},
		"of a clock that does not run":      {s.Clock.Boot.NewestMS, true},
		"of a clock that runs half as fast": {x.boot(500 * time.Millisecond), true},
	} {
		if got := s.clockFits(c.ms, x.at); got != c.fits {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// received is the stamp of something of which nothing but its frame's arrival is known.
func received(at int64) Stamp {
	return Stamp{At: at, Source: TimeReceived, Uncertainty: receivedUncertain}
}
