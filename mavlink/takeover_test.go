package mavlink

import (
	"fmt"
	"testing"
	"time"
)

// missed counts the silences that matter.
func (x *field) missed() (n int) {
	for _, c := range x.told.Changes {
		if c.Kind == ChangeLost && c.Missed {
			n++
		}
	}
	return n
}

// deaf lets time pass with the station off: its memory is restored, its links come up, nothing was heard in between.
func (x *field) deaf(d time.Duration) {
	x.t.Helper()
	x.restart(testPlan())
	x.at += d.Microseconds()
	x.last.Reset()
	for _, link := range []string{"", "field", "radio"} {
		x.fleet.Link(x.at, LinkNote{Link: link, Up: true}, &x.last)
	}
	x.keep()
}

func TestDronesInDisputeThatWereBootedUnheardTakeTheirPlaces(t *testing.T) {
	for _, off := range []time.Duration{15 * time.Second, time.Minute, 10 * time.Minute} {
		for _, listened := range []bool{false, true} {
			for _, port := range []string{"two ports", "other ports", "one port"} {
				for _, apart := range []time.Duration{0, 20 * time.Millisecond, 7 * time.Second} {
					for _, back := range []string{"both", "the first", "the second"} {
						t.Run(fmt.Sprintf("%v, listened %v, %s, booted %v apart, %s", off, listened, port, apart, back), func(t *testing.T) {
							x := newField(t, testPlan())
							first, second := uint16(1), uint16(2)
							if port == "one port" {
								second = 1
							}
							x.fly(20*time.Second, x.aircraft(10, time.Hour, 0).over(first), x.aircraft(150, time.Minute, 3000).over(second))
							if n := len(x.fleet.tracks[1]); n != 2 || x.count(ChangeConflict) != 1 {
								t.Fatalf("%d tracks before", n)
							}
							if listened {
								x.wait(off)
							} else {
								x.deaf(off)
							}
							if port == "other ports" {
								first, second = second, first
							}
							a, b := x.aircraft(0, 0, 200).over(first), x.aircraft(0, 0, 3200).over(second)
							a.booted, b.booted = x.at-9_000_000, x.at-9_000_000+apart.Microseconds()
							silences := x.missed()
							if listened && silences != 1 {
								t.Errorf("%d silences told, want one of both", silences)
							}
							flock := []*aircraft{a, b}
							if back == "the first" {
								flock = flock[:1]
							} else if back == "the second" {
								flock = flock[1:]
							}
							if x.fly(15*time.Second, flock...); back == "both" {
								if n := len(x.fleet.tracks[1]); n != 2 || !x.fleet.systems[1].Conflict {
									t.Errorf("%d tracks, conflict %v", n, x.fleet.systems[1].Conflict)
								}
							} else if n := len(x.fleet.tracks[1]); n > 2 {
								t.Errorf("%d tracks", n)
							}
							x.fly(100*time.Second, flock...)
							if n := x.missed() - silences; n != 0 {
								t.Errorf("%d are told lost: %s", n, x.story())
							}
							if n := len(x.fleet.tracks[1]); n != len(flock) || x.fleet.systems[1].Conflict != (n == 2) {
								t.Errorf("%d tracks in the end, conflict %v: %s", n, x.fleet.systems[1].Conflict, x.story())
							}
							for _, s := range x.fleet.tracks[1] {
								if s.Identity.Tentative || s.Disc > 1 || s.Vehicle.Standing != StandingHeard {
									t.Errorf("left are %+v", s.Identity)
								}
							}
							if last := x.told.Changes[len(x.told.Changes)-1]; len(flock) == 2 && last.At > fieldStart+20_000_000+off.Microseconds()+20_000_000 {
								t.Errorf("it does not come to rest: %s", x.story())
							}
						})
					}
				}
			}
		}
	}
}
