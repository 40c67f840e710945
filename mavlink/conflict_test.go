package mavlink

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// An aircraft speaks as a system of the test's choosing, with a clock, a place and numbers of its own.
type aircraft struct {
	x       *field
	sys     uint8
	booted  int64 // station time
	seq     *uint8
	origin  uint16
	north   float64
	east    float64
	up      float64
	speed   float64 // m/s to the north
	armed   bool
	mode    uint32
	loss    *rand.Rand // one frame in ten is lost; nil: none
	moments int
}

func (x *field) aircraft(seq uint8, booted time.Duration, north float64) *aircraft {
	return &aircraft{x: x, sys: 1, booted: fieldStart - booted.Microseconds(), seq: &seq, north: north, up: 60, speed: 10, armed: true, mode: 5}
}

// over makes the aircraft speak over an origin: 1 and 2 are the test's.
func (a *aircraft) over(origin uint16) *aircraft {
	a.origin = origin
	return a
}

func (a *aircraft) bootMS() uint32 { return uint32((a.x.at - a.booted) / 1000) }

// say sends one message as the aircraft's autopilot.
func (a *aircraft) say(m message.Message) *News {
	x := a.x
	x.t.Helper()
	raw, err := AppendFrame(nil, *a.seq, a.sys, 1, m)
	if err != nil {
		x.t.Fatal(err)
	}
	*a.seq++
	if a.loss != nil && a.loss.IntN(10) == 0 {
		x.last.Reset()
		return &x.last
	}
	if a.origin != 0 {
		x.from(a.sys, 1, a.origin, []string{"", "field", "radio"}[a.origin], []string{"", "192.0.2.1:14550", "192.0.2.2:14550"}[a.origin])
	}
	fr := Parse(raw)
	return x.apply(&fr)
}

// moment is a tenth of a second of the aircraft's traffic: ten times attitude, twice a position, once all else.
func (a *aircraft) moment() {
	a.north += a.speed / 10
	a.say(&all.MessageAttitude{TimeBootMs: a.bootMS(), Roll: float32(a.booted%97) / 100})
	switch a.moments % 10 {
	case 0:
		hb := copter(a.armed)
		hb.CustomMode = a.mode
		a.say(hb)
	case 2, 7:
		lat, lon := away(homeLat, homeLon, a.north, a.east)
		a.say(&all.MessageGlobalPositionInt{
			TimeBootMs: a.bootMS(), Lat: lat, Lon: lon, Alt: 740_000 + int32(a.up*1000), RelativeAlt: int32(a.up * 1000), Vx: int16(a.speed * 100), Hdg: 0,
		})
	case 4:
		g := goodGPS()
		g.Lat, g.Lon = away(homeLat, homeLon, a.north, a.east)
		a.say(g)
	case 5:
		a.say(&all.MessageSystemTime{TimeBootMs: a.bootMS()})
	}
	a.moments++
}

// fly lets time pass with all of them in the air, and ends each tenth of a second 20 ms behind the last one's traffic.
func (x *field) fly(d time.Duration, flock ...*aircraft) {
	x.t.Helper()
	for end := x.at + d.Microseconds(); x.at < end; {
		for _, a := range flock {
			a.moment()
			x.at += 20_000
		}
		x.at += 100_000 - 20_000*int64(len(flock))
		x.last.Reset()
		x.fleet.Advance(x.at, &x.last)
		x.keep()
	}
}

func (x *field) count(kind ChangeKind) (n int) {
	for _, c := range x.told.Changes {
		if c.Kind == kind {
			n++
		}
	}
	return n
}

func TestTwoDronesUnderOneIDAreTwoTracksAndOneConflict(t *testing.T) {
	shared := new(uint8)
	for name, c := range map[string]struct {
		first, second func(x *field) *aircraft
		guessed       bool // whose a heartbeat is
	}{
		"other boots, one port": {
			func(x *field) *aircraft { return x.aircraft(10, time.Hour, 0) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute, 900) }, false},
		"other boots, two ports": {
			func(x *field) *aircraft { return x.aircraft(10, time.Hour, 0).over(1) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute, 900).over(2) }, false},
		"the second booted before": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0).over(1) }, func(x *field) *aircraft { return x.aircraft(150, time.Hour, 900).over(2) }, false},
		"other boots, side by side": {
			func(x *field) *aircraft { return x.aircraft(10, time.Hour, 0) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute, 5) }, false},
		"booted together, one port": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute, 900) }, false},
		"booted together, two ports": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0).over(1) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute, 900).over(2) }, false},
		"booted together, 0.3 s apart": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0) }, func(x *field) *aircraft { return x.aircraft(150, time.Minute+300*time.Millisecond, 300) }, false},
		"booted together, in step": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0) }, func(x *field) *aircraft { return x.aircraft(10, time.Minute, 900) }, false},
		"booted together, in step, two ports": {
			func(x *field) *aircraft { return x.aircraft(10, time.Minute, 0).over(1) }, func(x *field) *aircraft { return x.aircraft(10, time.Minute, 900).over(2) }, false},
		"one counter for both, other boots": {
			func(x *field) *aircraft { a := x.aircraft(0, time.Hour, 0); a.seq = shared; return a },
			func(x *field) *aircraft { a := x.aircraft(0, time.Minute, 900); a.seq = shared; return a }, false},
		"one counter for both, booted together": {
			func(x *field) *aircraft { a := x.aircraft(0, time.Minute, 0); a.seq = shared; return a },
			func(x *field) *aircraft { a := x.aircraft(0, time.Minute, 900); a.seq = shared; return a }, true},
		"other boots, one port, bad radio": {
			func(x *field) *aircraft {
				a := x.aircraft(10, time.Hour, 0)
				a.loss = rand.New(rand.NewPCG(1, 1))
				return a
			},
			func(x *field) *aircraft {
				a := x.aircraft(150, time.Minute, 900)
				a.loss = rand.New(rand.NewPCG(1, 2))
				return a
			}, true},
		"booted together, two ports, bad radio": {
			func(x *field) *aircraft {
				a := x.aircraft(10, time.Minute, 0).over(1)
				a.loss = rand.New(rand.NewPCG(2, 1))
				return a
			},
			func(x *field) *aircraft {
				a := x.aircraft(10, time.Minute, 900).over(2)
				a.loss = rand.New(rand.NewPCG(2, 2))
				return a
			}, false},
		"booted together, one port, bad radio": {
			func(x *field) *aircraft {
				a := x.aircraft(10, time.Minute, 0)
				a.loss = rand.New(rand.NewPCG(3, 1))
				return a
			},
			func(x *field) *aircraft {
				a := x.aircraft(70, time.Minute, 900)
				a.loss = rand.New(rand.NewPCG(3, 2))
				return a
			}, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			*shared = 0
			a, b := c.first(x), c.second(x)
			x.fly(5*time.Second, a)
			if x.count(ChangeConflict) != 0 || !x.view(1).Verified {
				t.Fatalf("a conflict of one: %+v", x.told.Changes)
			}
			b.armed = true
			began := x.at
			x.fly(10*time.Second, a, b)
			var told int64
			for _, ch := range x.told.Changes {
				if ch.Kind == ChangeConflict {
					told = ch.At
					if ch.Track != 1 || ch.Vehicle != "egret-1" {
						t.Errorf("%+v", ch)
					}
				}
			}
			if n := x.count(ChangeConflict); n != 1 {
				t.Fatalf("%d conflicts told", n)
			}
			t.Logf("told after %.1f s", float64(told-began)/1e6)
			x.fly(20*time.Second, a, b)
			if x.count(ChangeConflict) != 1 || x.count(ChangeConflictOver) != 0 {
				t.Errorf("it tells %+v", x.told.Changes)
			}
			x.wellApart(t, a, b)

			var rows []string
			for _, v := range x.fleet.Vehicles(x.at) {
				if v.System == 1 {
					rows = append(rows, v.Name)
					if !v.Conflict || v.Verified || v.State != "heard" && !c.guessed {
						t.Errorf("%+v", v)
					}
				}
			}
			if !slices.Equal(rows, []string{"egret-1", "egret-1#2"}) {
				t.Errorf("vehicles %v", rows)
			}
			if name, verified := x.fleet.Name(0x101); name != "egret-1#2" || verified {
				t.Errorf("%q, verified %v", name, verified)
			}
			if name, verified := x.fleet.Name(1); name != "egret-1" || verified {
				t.Errorf("%q, verified %v", name, verified)
			}
		})
	}
}

// wellApart checks that the trusted fixes of each track are those of one aircraft: each is where the one before says, or
// says that it does not follow from it.
func (x *field) wellApart(t *testing.T, flock ...*aircraft) {
	t.Helper()
	last := map[Track]Fix{}
	n := map[Track]int{}
	for _, fix := range x.told.Fixes {
		if fix.Quality < QualityDegraded {
			continue
		}
		n[fix.Track]++
		if was, ok := last[fix.Track]; ok && !fix.Broken {
			if d := distanceMM(was.LatE7, was.LonE7, fix.LatE7, fix.LonE7); d > 15_000+(fix.At-was.At)/1000*12 {
				t.Errorf("track %#x goes %d m in %.2f s", uint16(fix.Track), d/1000, float64(fix.At-was.At)/1e6)
			}
		}
		last[fix.Track] = fix
	}
	if len(n) != len(flock) {
		t.Errorf("fixes of %v", n)
	}
}

func TestOneDroneOverTwoLinksIsNoConflict(t *testing.T) {
	for name, second := range map[string]func(x *field, a *aircraft) *aircraft{
		"the same bytes": func(x *field, a *aircraft) *aircraft {
			b := *a
			seq := *a.seq
			b.seq = &seq
			return b.over(2)
		},
		"another channel": func(x *field, a *aircraft) *aircraft {
			b := *a
			seq := uint8(177)
			b.seq = &seq
			return b.over(2)
		},
		"another channel of a bad radio": func(x *field, a *aircraft) *aircraft {
			b := *a
			seq := uint8(177)
			b.seq, b.loss = &seq, rand.New(rand.NewPCG(7, 7))
			return b.over(2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			a := x.aircraft(10, time.Minute, 0).over(1)
			x.fly(5*time.Second, a)
			b := second(x, a)
			x.fly(30*time.Second, a, b)
			for _, c := range x.told.Changes {
				if c.Kind != ChangeHeard {
					t.Errorf("it tells %+v", c)
				}
			}
			v := x.view(1)
			if len(x.fleet.tracks[1]) != 1 || len(v.Streams) != 2 || !v.Verified || v.Conflict {
				t.Errorf("%d tracks, %+v", len(x.fleet.tracks[1]), v)
			}
			x.wellApart(t, a)
		})
	}
}

func TestABootInFlightIsToldOnceAndIsNoConflict(t *testing.T) {
	for name, c := range map[string]struct {
		off   time.Duration // how long it is silent
		moved float64
	}{
		"after 5 s of silence":    {5 * time.Second, 20},
		"at once":                 {0, 0},
		"at once, and far away":   {0, 800},
		"an hour later, far away": {time.Hour, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			a := x.aircraft(10, time.Hour, 0)
			x.fly(5*time.Second, a)
			x.wait(c.off)
			before := len(x.told.Fixes)
			b := x.aircraft(99, -time.Duration(x.at-fieldStart)*time.Microsecond-time.Second, c.moved)
			b.booted = x.at - 2_000_000
			x.fly(10*time.Second, b)
			if x.count(ChangeReboot) != 1 || x.count(ChangeConflict) != 0 || len(x.fleet.tracks[1]) != 1 {
				t.Fatalf("%d tracks, it tells %+v", len(x.fleet.tracks[1]), x.told.Changes)
			}
			if len(x.told.Fixes) < before+10 || !x.told.Fixes[before].Broken || x.told.Fixes[before].Track != 1 {
				t.Errorf("%d fixes since, the first %+v", len(x.told.Fixes)-before, x.told.Fixes[before:][:1])
			}
			for _, f := range x.told.Fixes[before+1:] {
				if f.Broken {
					t.Errorf("broken again: %+v", f)
				}
			}
			if v := x.view(1); !v.Verified || v.Conflict || v.State != "heard" {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestAnotherDroneInTheSamePlaceIsNoWayFromHereToThere(t *testing.T) {
	// The battery of one is swapped; another one of the same id flies on, 800 m away, with a clock that was started
	// earlier, a little later, or much later.
	for name, booted := range map[string]time.Duration{"earlier": 3 * time.Hour, "7 s later": time.Hour - 7*time.Second, "later": time.Minute} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.fly(5*time.Second, x.aircraft(10, time.Hour, 0))
			x.wait(20 * time.Second)
			before := len(x.told.Fixes)
			x.fly(8*time.Second, x.aircraft(190, booted, 800))
			if x.count(ChangeConflict) != 0 || len(x.told.Fixes) == before {
				t.Fatalf("%d fixes since, it tells %+v", len(x.told.Fixes)-before, x.told.Changes)
			}
			for _, f := range x.told.Fixes[before:] {
				if f.Quality >= QualityDegraded {
					if !f.Broken {
						t.Errorf("the first fix to judge by: %+v", f)
					}
					break
				}
			}
		})
	}
}

func TestAJumpOfOneDroneIsNoConflict(t *testing.T) {
	for name, c := range map[string]struct {
		lost uint8
		back bool
	}{"no frame lost": {0, false}, "5 lost": {5, false}, "40 lost": {40, false}, "and back again": {0, true}} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			a := x.aircraft(10, time.Minute, 0)
			x.fly(5*time.Second, a)
			a.north += 600
			*a.seq += c.lost
			x.fly(3*time.Second, a)
			if c.back {
				a.north -= 600
			}
			x.fly(30*time.Second, a)
			if x.count(ChangeConflict)+x.count(ChangeReboot) != 0 || len(x.fleet.tracks[1]) != 1 || x.count(ChangeSuspect) == 0 {
				t.Errorf("%d tracks, it tells %+v", len(x.fleet.tracks[1]), x.told.Changes)
			}
		})
	}
}

func TestAConflictIsOverWhenOneHasBeenAloneForAMinute(t *testing.T) {
	for name, survivor := range map[string]int{"the first": 0, "the newcomer": 1} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			flock := []*aircraft{x.aircraft(10, time.Hour, 0).over(1), x.aircraft(150, time.Minute, 900).over(2)}
			x.fly(5*time.Second, flock[0])
			x.fly(10*time.Second, flock...)
			x.fly(59*time.Second, flock[survivor])
			if x.count(ChangeConflict) != 1 || x.count(ChangeConflictOver) != 0 {
				t.Fatalf("it tells %+v", x.told.Changes)
			}
			before := len(x.told.Fixes)
			x.fly(3*time.Second, flock[survivor])
			if x.count(ChangeConflictOver) != 1 || len(x.fleet.tracks[1]) != 1 || x.fleet.tracks[1][0].Disc != 0 {
				t.Fatalf("%d tracks, it tells %+v", len(x.fleet.tracks[1]), x.told.Changes)
			}
			if v := x.view(1); v.Name != "egret-1" || !v.Verified || v.Conflict || v.State != "heard" {
				t.Errorf("%+v", v)
			}
			broken := 0
			for _, f := range x.told.Fixes[before:] {
				if f.Broken {
					broken++
				}
			}
			if broken != survivor {
				t.Errorf("%d broken fixes, want %d", broken, survivor)
			}
			landed := 0
			for _, s := range x.told.Sorties {
				if s.Landed != 0 {
					landed++
				}
			}
			if landed != 1 {
				t.Errorf("the sortie of the one that has gone ended %d times: %+v", landed, x.told.Sorties)
			}
		})
	}
}

func TestAConflictGoesOnWhileTheOthersLinkIsDown(t *testing.T) {
	x := newField(t, testPlan())
	a, b := x.aircraft(10, time.Hour, 0).over(1), x.aircraft(150, time.Minute, 900).over(2)
	x.fly(5*time.Second, a)
	x.fly(10*time.Second, a, b)
	x.fleet.Link(x.at, LinkNote{Link: "radio"}, &x.told)
	x.fly(2*time.Minute, a)
	if x.count(ChangeConflictOver) != 0 || len(x.fleet.tracks[1]) != 2 {
		t.Errorf("%d tracks, it tells %+v", len(x.fleet.tracks[1]), x.told.Changes)
	}
}

func TestTagsInAConflictAreUnverified(t *testing.T) {
	x := newField(t, testPlan())
	a, b := x.aircraft(10, time.Hour, 0).over(1), x.aircraft(150, time.Minute, 900).over(2)
	poi := text("POI 37.2510000, 111.9500000, 690.00 (asml)")
	x.fly(5*time.Second, a)
	if e := a.say(poi).Evidence; len(e) != 1 || !e[0].Verified || e[0].Vehicle != "egret-1" {
		t.Errorf("before: %+v", e)
	}
	b.moment()
	b.moment()
	b.moment()
	if e := b.say(text("POI 37.2520000, 111.9500000, 690.00 (asml)")).Evidence; len(e) != 1 || e[0].Verified {
		t.Errorf("of a newcomer of whom nobody knows who it is: %+v", e)
	}
	x.fly(10*time.Second, a, b)
	if e := a.say(text("POI 37.2530000, 111.9500000, 690.00 (asml)")).Evidence; len(e) != 1 || e[0].Verified || e[0].Vehicle != "egret-1" || e[0].Track != 1 {
		t.Errorf("of the first: %+v", e)
	}
	if e := b.say(text("POI 37.2540000, 111.9500000, 690.00 (asml)")).Evidence; len(e) != 1 || e[0].Verified || e[0].Vehicle != "egret-1#2" || e[0].Track != 0x101 {
		t.Errorf("of the second: %+v", e)
	}
	// A camera on a port of its own could be anybody's, one behind the second's port is the second's.
	x.from(1, 100, 9, "field", "192.0.2.9:1")
	e := x.send(1, 100, &all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: homeLat, Lon: homeLon, HAcc: 3}).Evidence
	if len(e) != 1 || e[0].Verified || e[0].Track != 1 {
		t.Errorf("of a camera: %+v", e)
	}
	x.from(1, 101, 2, "radio", "192.0.2.2:14550")
	e = x.send(1, 101, &all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: homeLat, Lon: homeLon, HAcc: 3}).Evidence
	if len(e) != 1 || e[0].Verified || e[0].Track != 0x101 {
		t.Errorf("of the second's camera: %+v", e)
	}
	tracks := x.fleet.tracks[1]
	for _, c := range []struct {
		after time.Duration // of silence
		comp  uint8
		from  int // as routed
		want  *TrackState
	}{{0, 1, 0, tracks[0]}, {0, 1, 1, tracks[1]}, {0, 100, 0, nil}, {0, 101, 0, tracks[1]}, {4 * time.Second, 101, 0, nil}} {
		s := tracks[c.from]
		fr := Frame{At: x.at + c.after.Microseconds(), SysID: 1, CompID: c.comp}
		if got := x.fleet.cameraOf(s, &fr, s.Clock.BootMS[clockPosition]); got != c.want {
			t.Errorf("after %v: component %d, routed to track %d, tells of another camera", c.after, c.comp, c.from)
		}
	}
}

func TestTheHeartbeatOfASecondDroneOnItsOwnPortDoesNotDisarmTheFirst(t *testing.T) {
	x := newField(t, testPlan())
	a, b := x.aircraft(10, time.Hour, 0).over(1), x.aircraft(150, time.Minute, 900).over(2)
	b.armed, b.up, b.mode = false, 0, 0
	x.fly(5*time.Second, a)
	x.fly(20*time.Second, a, b)
	if x.count(ChangeDisarmed)+x.count(ChangeMode) != 0 || len(x.told.Sorties) != 1 {
		t.Errorf("it tells %+v, sorties %+v", x.told.Changes, x.told.Sorties)
	}
}

func TestAtMostFourTracksClaimAnID(t *testing.T) {
	x := newField(t, testPlan())
	var flock []*aircraft
	for i := range 4 {
		flock = append(flock, x.aircraft(uint8(40*i), time.Duration(i)*time.Hour+time.Minute, float64(1000*i)))
	}
	x.fly(10*time.Second, flock...)
	if n := len(x.fleet.tracks[1]); n != maxTracks {
		t.Fatalf("%d tracks of four drones", n)
	}
	if x.count(ChangeConflict) != 1 {
		t.Errorf("it tells %+v", x.told.Changes)
	}
	flock = append(flock, x.aircraft(200, 9*time.Hour, 9000))
	x.fly(10*time.Second, flock[0], flock[1], flock[2], flock[4])
	if n := len(x.fleet.tracks[1]); n != maxTracks {
		t.Errorf("%d tracks of five drones", n)
	}
}

func TestAStrayClaimPassesWithoutATrace(t *testing.T) {
	x := newField(t, testPlan())
	a := x.aircraft(10, time.Hour, 0)
	x.fly(5*time.Second, a)
	stray := x.aircraft(200, time.Minute, 5000)
	stray.moments = 7
	stray.moment()
	if len(x.fleet.tracks[1]) != 2 {
		t.Fatal("it is not put aside")
	}
	if n := x.heard(); n != 1 {
		t.Errorf("%d vehicles", n)
	}
	x.fly(15*time.Second, a)
	if len(x.fleet.tracks[1]) != 1 || x.count(ChangeConflict)+x.count(ChangeReboot) != 0 || x.fleet.systems[1].uneasy {
		t.Errorf("%d tracks, it tells %+v", len(x.fleet.tracks[1]), x.told.Changes)
	}
	x.wellApart(t, a)
}
