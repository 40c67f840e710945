package mavlink

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// A way is how frames of an aircraft reach the station. Times are µs since the start of the field.
type way struct {
	origin  uint16
	delay   func(at int64) int64 // nil: 20 ms
	silent  func(at int64) bool
	address func(at int64) string
	loss    float64
	same    bool // it repeats the bytes of the way before, as a router does
	seq     uint8
}

// A journey is what one aircraft of system 1 sends, for some seconds of the field.
type journey struct {
	from, to, booted int64   // s
	rate             float64 // of its clock, 0: as ours
	lag              uint32  // ms, of the clock of its positions
	still, noTime    bool
	speed            float64                 // m/s, as it says, 0: 10
	north, up        func(t float64) float64 // m; nil: that speed to the north, 60 m up
	armed            func(t float64) bool
	also             func(t float64, ms uint32) []said // each 100 ms
	ways             []*way
}

// said is a message of a component.
type said struct {
	comp uint8
	m    message.Message
}

// post is a frame on its way.
type post struct {
	at      int64
	origin  uint16
	address string
	comp    uint8
	raw     []byte
}

func (j *journey) posts(t testing.TB, r *rand.Rand) (out []post) {
	t.Helper()
	rate := j.rate
	if rate == 0 {
		rate = 1
	}
	for n, us := 0, j.from*1e6; us < j.to*1e6; n, us = n+1, us+100_000 {
		s, ms := float64(us)/1e6, uint32(float64(us-j.booted*1e6)*rate/1000)
		speed := j.speed
		if speed == 0 {
			speed = 10
		}
		north, up, armed := speed*s, 60.0, true
		if j.still {
			north, up, armed, speed = 0, 0, false, 0
		}
		if j.north != nil {
			north = j.north(s)
		}
		if j.up != nil {
			up = j.up(s)
		}
		if j.armed != nil {
			armed = j.armed(s)
		}
		lat, lon := away(homeLat, homeLon, north, 0)
		all := []said{{1, &all.MessageAttitude{TimeBootMs: ms, Roll: float32(math.Sin(s)) / 10}}, {}}
		switch n % 10 {
		case 0:
			all[1] = said{1, copter(armed)}
		case 2, 7:
			all[1] = said{1, aPosition(ms-j.lag, lat, lon, up, speed)}
		case 4:
			all[1] = said{1, aGPS(lat, lon)}
		case 5:
			if !j.noTime {
				all[1] = said{1, aTime(ms)}
			}
		}
		if j.also != nil {
			all = append(all, j.also(s, ms)...)
		}
		for _, say := range all {
			if say.m != nil {
				out = j.send(t, r, us, say, out)
			}
		}
	}
	return out
}

func aPosition(ms uint32, lat, lon int32, up, speed float64) message.Message {
	return &all.MessageGlobalPositionInt{
		TimeBootMs: ms, Lat: lat, Lon: lon, Alt: 740_000 + int32(up*1000), RelativeAlt: int32(up * 1000), Vx: int16(speed * 100),
	}
}

func aGPS(lat, lon int32) message.Message {
	g := goodGPS()
	g.Lat, g.Lon = lat, lon
	return g
}

func aTime(ms uint32) message.Message { return &all.MessageSystemTime{TimeBootMs: ms} }

func (j *journey) send(t testing.TB, r *rand.Rand, us int64, say said, out []post) []post {
	t.Helper()
	var raw []byte
	for _, w := range j.ways {
		if !w.same {
			var err error
			if raw, err = AppendFrame(nil, w.seq, 1, say.comp, say.m); err != nil {
				t.Fatal(err)
			}
			if say.comp == 1 {
				w.seq++
			}
		}
		if w.silent != nil && w.silent(us) || w.loss > 0 && r.Float64() < w.loss {
			continue
		}
		p := post{at: us + 20_000, origin: w.origin, address: []string{"", "192.0.2.1:14550", "192.0.2.2:14550", "192.0.2.3:14550"}[w.origin], comp: say.comp, raw: raw}
		if w.delay != nil {
			p.at = us + w.delay(us)
		}
		if w.address != nil {
			p.address = w.address(us)
		}
		out = append(out, p)
	}
	return out
}

// deliver hands over all that the journeys send, with a beat each second. before is called before each frame.
func (x *field) deliver(before func(), js ...*journey) {
	x.t.Helper()
	r, end := rand.New(rand.NewPCG(4, 2)), int64(0)
	var posts []post
	for _, j := range js {
		posts = append(posts, j.posts(x.t, r)...)
		end = max(end, fieldStart+j.to*1_000_000)
	}
	slices.SortStableFunc(posts, func(a, b post) int { return cmp.Compare(a.at, b.at) })
	spoke := [256]string{}
	pass := func(at int64) {
		x.last.Reset()
		x.at = max(x.at, at)
		x.fleet.Advance(x.at, &x.last)
		x.keep()
	}
	for _, p := range posts {
		for beat := x.at - x.at%1_000_000 + 1_000_000; beat <= fieldStart+p.at; beat += 1_000_000 {
			pass(beat)
		}
		before()
		pass(fieldStart + p.at)
		if from := fmt.Sprint(p.origin, p.address); p.origin != 0 && spoke[p.comp] != from {
			spoke[p.comp] = from
			x.from(1, p.comp, p.origin, []string{"", "field", "radio", "third"}[p.origin], p.address)
		}
		fr := Parse(p.raw)
		x.apply(&fr)
	}
	for x.at < end {
		x.wait(time.Second)
	}
}

// story is what was told of who speaks and how it fares, in seconds.
func (x *field) story() string {
	words := map[ChangeKind]string{
		ChangeLost: "lost", ChangeBack: "back", ChangeArmed: "armed", ChangeDisarmed: "disarmed", ChangeReboot: "reboot",
		ChangeConflict: "conflict", ChangeConflictOver: "over", ChangeSuspect: "suspect", ChangeTrusted: "trusted",
	}
	told := []string{}
	for _, c := range x.told.Changes {
		if word := words[c.Kind]; word != "" {
			if c.Track > 255 {
				word += "#" + fmt.Sprint(1+c.Track>>8)
			}
			told = append(told, fmt.Sprintf("%d %s", (c.At-fieldStart)/1_000_000, word))
		}
	}
	return strings.Join(told, ", ")
}

func over(origin uint16, delay time.Duration) *way {
	return &way{origin: origin, delay: func(int64) int64 { return delay.Microseconds() }, seq: uint8(99 * origin)}
}

func (w *way) losing(part float64) *way {
	w.loss = part
	return w
}

func (w *way) quiet(from, to int64) *way {
	w.silent = func(at int64) bool { return at >= from*1e6 && at < to*1e6 }
	return w
}

func (w *way) ports(of func(at int64) int64) *way {
	w.address = func(at int64) string { return fmt.Sprintf("192.0.2.1:%d", 10_000+of(at)) }
	return w
}

// bursts hands over what came in together every so many seconds, a frame each 0.1 ms.
func (w *way) bursts(from, to, every int64) *way {
	w.delay = func(at int64) int64 {
		if at < from*1e6 || at >= to*1e6 {
			return 40_000
		}
		since := (at - from*1e6) % (every * 1e6)
		return every*1e6 - since + since/1000
	}
	return w
}

const fast, slow = 100 * time.Millisecond, 3 * time.Second

// northFrom starts so far north at the time 0 and flies on at 10 m/s.
func northFrom(m float64) func(float64) float64 { return func(t float64) float64 { return m + 10*t } }

// leap is the way north at 10 m/s, and from the 60th second on so much further.
func leap(m float64) func(float64) float64 {
	return func(t float64) float64 {
		if t > 60 {
			return 10*t + m
		}
		return 10 * t
	}
}

// journeys are what a station hears, and what it must believe of it, and no more.
var journeys = []struct {
	name  string
	js    func() []*journey
	story string
	fixes int // good ones of the vehicle itself, at least
}{
	{"two links, one 3 s behind", func() []*journey {
		return []*journey{{to: 100, booted: -3600, ways: []*way{over(1, fast), over(2, slow)}}}
	}, "", 195},
	{"two links, one 3 s behind, both bad", func() []*journey {
		return []*journey{{to: 200, booted: -3600, ways: []*way{over(1, fast).losing(.2), over(2, slow).losing(.3)}}}
	}, "", 310},
	{"the slow link first", func() []*journey {
		return []*journey{{to: 80, booted: -3600, ways: []*way{over(2, slow), over(1, fast).quiet(0, 20)}}}
	}, "", 145},
	{"the fast link gone for a while", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(2, slow), over(1, fast).quiet(40, 80)}}}
	}, "", 225},
	{"a router that mirrors", func() []*journey {
		m := over(1, fast+30*time.Millisecond)
		m.same = true
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast), m}}}
	}, "", 115},
	{"a router that mirrors over a slow link", func() []*journey {
		m := over(2, slow)
		m.same = true
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast), m}}}
	}, "", 115},
	{"take-off and landing over both", func() []*journey {
		up := func(t float64) float64 { return max(0, min(50, 5*(t-40), 5*(110-t))) }
		return []*journey{{
			to: 130, booted: -3600, up: up, armed: func(t float64) bool { return t > 30.5 && t < 112.5 }, ways: []*way{over(1, fast), over(2, slow)},
			also: func(t float64, _ uint32) []said {
				state := all.MAV_LANDED_STATE_ON_GROUND
				if up(t) > 0.3 {
					state = all.MAV_LANDED_STATE_IN_AIR
				}
				return []said{{1, &all.MessageExtendedSysState{LandedState: state}}}
			},
		}}
	}, "31 armed, 113 disarmed", 255},
	{"a radio that delivers every 8 s", func() []*journey {
		return []*journey{{to: 160, booted: -3600, speed: 20, ways: []*way{over(1, 0).bursts(0, 160, 8).losing(.2)}}}
	}, "", 240},
	{"a radio that holds back 25 s, once", func() []*journey {
		return []*journey{{to: 140, booted: -3600, ways: []*way{over(1, 0).bursts(60, 85, 25).losing(.1)}}}
	}, "70 lost, 85 back", 240},
	{"another port each minute", func() []*journey {
		return []*journey{{to: 200, booted: -3600, ways: []*way{over(1, fast).ports(func(at int64) int64 { return at / 60e6 })}}}
	}, "", 395},
	{"another port each 2 s", func() []*journey {
		return []*journey{{to: 100, booted: -3600, ways: []*way{over(1, fast).ports(func(at int64) int64 { return at / 2e6 })}}}
	}, "", 195},
	{"a switch to the slow link", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(1, fast).quiet(60, 120), over(2, slow).quiet(0, 60)}}}
	}, "", 230},
	{"a switch to the fast link", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(1, fast).quiet(0, 60), over(2, slow).quiet(60, 120)}}}
	}, "", 230},
	{"a router that is started anew", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(1, fast).quiet(60, 75).ports(func(at int64) int64 { return at / 70e6 })}}}
	}, "70 lost, 75 back", 205},
	{"a boot on the ground", func() []*journey {
		return []*journey{{to: 60, booted: -3600, still: true, ways: []*way{over(1, fast)}}, {from: 68, to: 120, booted: 66, still: true, ways: []*way{over(1, fast)}}}
	}, "68 reboot", 215},
	{"a boot in the air, one link", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 62, to: 120, booted: 61, ways: []*way{over(1, fast)}}}
	}, "63 reboot", 225},
	{"a boot in the air, two links", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast), over(2, slow)}}, {from: 62, to: 150, booted: 61, ways: []*way{over(1, fast), over(2, slow)}}}
	}, "65 reboot", 280},
	{"another drone 5 s later", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 65, to: 120, booted: -200, north: northFrom(5000), ways: []*way{over(1, fast)}}}
	}, "65 reboot", 220},
	{"another drone a minute later", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 120, to: 180, booted: -200, north: northFrom(5000), ways: []*way{over(1, fast)}}}
	}, "70 lost, 120 reboot, 120 back", 230},
	{"another drone an hour later", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 3660, to: 3720, booted: -200, north: northFrom(-30_000), ways: []*way{over(1, fast)}}}
	}, "70 lost, 3660 back", 230},
	{"a log sent 20 times as fast", func() []*journey {
		return []*journey{{to: 60, booted: -3600, rate: 20, north: func(t float64) float64 { return 200 * t }, ways: []*way{over(1, 0).losing(.05)}}}
	}, "", 105},
	{"a clock 25 times as fast", func() []*journey {
		return []*journey{{to: 120, booted: -10, rate: 25, ways: []*way{over(1, 0).losing(.2)}}}
	}, "", 180},
	{"a clock a fifth as fast", func() []*journey {
		return []*journey{{to: 120, booted: -3600, rate: .2, north: func(t float64) float64 { return 2 * t }, ways: []*way{over(1, 0).losing(.2)}}}
	}, "", 180},
	{"the filter corrects itself by 60 m", func() []*journey {
		return []*journey{{to: 120, booted: -3600, north: leap(60), ways: []*way{over(1, fast)}}}
	}, "60 suspect, 65 trusted", 220},
	{"and by 300 m, over two bad links", func() []*journey {
		return []*journey{{to: 120, booted: -3600, north: leap(300), ways: []*way{over(1, fast).losing(.1), over(2, slow).losing(.1)}}}
	}, "60 suspect, 65 trusted", 200},
	{"no UTC, positions that lag", func() []*journey {
		return []*journey{{to: 120, booted: -3600, noTime: true, lag: 900, ways: []*way{over(1, fast).losing(.1), over(2, 2*time.Second).losing(.1)}}}
	}, "", 200},
	{"parts with clocks and places of their own", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}, also: func(t float64, _ uint32) []said {
			lat, lon := away(homeLat, homeLon, 5000, 0)
			return []said{
				{191, beatOf(18, 8)}, {191, aTime(5)}, {191, &all.MessageAttitude{TimeBootMs: uint32(t * 500)}}, {100, beatOf(30, 8)},
				{100, aPosition(uint32(t*1000), lat, lon, 50, 0)}, {154, beatOf(26, 8)}, {154, &all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: uint32(t * 1000), Q: [4]float32{1}}},
			}
		}}}
	}, "", 115},
	{"two far apart", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(1, fast)}}, {from: 60, to: 120, booted: 50, north: northFrom(8000), ways: []*way{over(2, fast)}}}
	}, "65 conflict", 235},
	{"two 150 m apart, on one bad link", func() []*journey {
		return []*journey{{to: 120, booted: -3600, ways: []*way{over(1, fast).losing(.1)}}, {from: 60, to: 120, booted: 50, north: northFrom(150), ways: []*way{over(1, fast).losing(.1)}}}
	}, "65 conflict", 205},
	{"one of two leaves for a while", func() []*journey {
		return []*journey{{to: 160, booted: -3600, ways: []*way{over(1, fast)}}, {from: 30, to: 160, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast).quiet(60, 90)}}}
	}, "35 conflict, 69 lost#2, 90 back#2", 315},
	{"one of two leaves for long", func() []*journey {
		return []*journey{{to: 200, booted: -3600, ways: []*way{over(1, fast)}}, {from: 30, to: 200, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast).quiet(60, 160)}}}
	}, "35 conflict, 69 lost#2, 120 over, 165 conflict", 395},
	{"two, each on a radio that delivers every 8 s", func() []*journey {
		return []*journey{{to: 100, booted: -3600, ways: []*way{over(1, 0).bursts(0, 100, 8)}}, {to: 100, booted: -60, north: northFrom(3000), ways: []*way{over(2, 0).bursts(3, 100, 8)}}}
	}, "8 reboot, 11 conflict", 170},
	{"a boot, of which one link tells late", func() []*journey {
		return []*journey{
			{to: 60, booted: -3600, ways: []*way{over(1, fast), over(2, 0).bursts(0, 100, 8)}}, {from: 64, to: 120, booted: 62, ways: []*way{over(1, fast), over(2, 0).bursts(0, 100, 8)}},
		}
	}, "67 reboot", 180},
	{"two that both leave", func() []*journey {
		return []*journey{{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 30, to: 60, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast)}}, {from: 1900, to: 1900}}
	}, "35 conflict, 70 lost, 70 lost#2, 1860 over", 115},
	{"two that are both booted while nobody hears them", func() []*journey {
		return []*journey{
			{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 20, to: 60, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast)}},
			{from: 90, to: 200, booted: 80, ways: []*way{over(1, fast).losing(.1)}}, {from: 90, to: 200, booted: 85, north: northFrom(2000), ways: []*way{over(2, fast).losing(.1)}},
		}
	}, "25 conflict, 70 lost, 70 lost#2, 90 reboot, 90 reboot#2, 91 back, 91 back#2", 115},
	{"one of two is booted, the other silent", func() []*journey {
		return []*journey{
			{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 20, to: 50, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast)}},
			{from: 62, to: 150, booted: 61, ways: []*way{over(1, fast)}},
		}
	}, "25 conflict, 59 lost#2, 63 reboot, 110 over", 115},
	{"one of two leaps, the other silent", func() []*journey {
		return []*journey{
			{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 20, to: 50, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast)}},
			{from: 60, to: 150, booted: -3600, north: northFrom(700), ways: []*way{over(1, fast)}},
		}
	}, "25 conflict, 59 lost#2, 63 suspect, 68 trusted, 110 over", 115},
	{"three, of which the first leaves, and a fourth", func() []*journey {
		return []*journey{
			{to: 60, booted: -3600, ways: []*way{over(1, fast)}}, {from: 20, to: 200, booted: 10, north: northFrom(2000), ways: []*way{over(2, fast)}},
			{from: 30, to: 200, booted: -900, north: northFrom(-3000), ways: []*way{over(1, fast)}}, {from: 150, to: 200, booted: 140, north: northFrom(-9000), ways: []*way{over(3, fast)}},
		}
	}, "25 conflict, 69 lost", 115},
}

func TestWhatIsBelievedOfTheFramesOfRealLinks(t *testing.T) {
	for _, c := range journeys {
		t.Run(c.name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.deliver(func() {}, c.js()...)
			if got := x.story(); got != c.story {
				t.Errorf("it tells %q, want %q", got, c.story)
			}
			good := 0
			for _, f := range x.told.Fixes {
				if f.Track == 1 && f.Quality == QualityGood {
					good++
				}
			}
			if good < c.fixes {
				t.Errorf("%d good fixes, want %d", good, c.fixes)
			}
			names := map[uint8]bool{}
			for _, s := range x.fleet.tracks[1] {
				if names[s.Disc] {
					t.Errorf("two tracks are called %#x", uint16(s.Track()))
				}
				names[s.Disc] = true
			}
			if n := len(x.told.Sorties); strings.Contains(c.story, "disarmed") && n != 2 {
				t.Errorf("a take-off and a landing told %d times", n)
			}
		})
	}
}

func TestJourneysRestoredBetweenAllFramesTellTheSame(t *testing.T) {
	for _, c := range journeys {
		if js := c.js(); len(js) == 1 && js[0].to > 60 && testing.Short() {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			whole, cut := newField(t, testPlan()), newField(t, testPlan())
			whole.deliver(func() {}, c.js()...)
			n := 0
			cut.deliver(func() {
				if n++; n%7 == 0 {
					cut.restart(testPlan())
				}
			}, c.js()...)
			if asJSON(t, &whole.told) != asJSON(t, &cut.told) || asJSON(t, whole.fleet.State()) != asJSON(t, cut.fleet.State()) {
				t.Errorf("restored, it tells %q, else %q", cut.story(), whole.story())
			}
		})
	}
}
