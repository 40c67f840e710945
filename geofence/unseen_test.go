package geofence

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const minute = int64(60e6)

func watchedGates() *Index {
	return NewIndex([]Zone{
		{ID: "plain", Kind: Gate, Center: place0, RadiusDM: 150},
		{ID: "west", Kind: Gate, Center: place0, RadiusDM: 150, MaxUnseenUS: 30 * minute, SeenDM: 1500},
		{ID: "east", Kind: Gate, Polygons: [][][]Point{{squareRing(offsetM(place0, 1000, 0), 50)}}, MaxUnseenUS: 60 * minute, SeenDM: 2000},
	})
}

func TestAGateIsUnseenOnceAndSeenAgainOnce(t *testing.T) {
	tracker := NewTracker(watchedGates())
	fly := func(at int64, east float64, airborne bool) {
		p := offsetM(place0, east, 0)
		tracker.Observe(Fix{At: at, Track: 7, LatE7: p.LatE7, LonE7: p.LonE7, Airborne: airborne}, nil)
	}
	ask := func(at, hearing int64, want ...Unseen) {
		t.Helper()
		if diff := gocmp.Diff(want, tracker.Unseen(at, hearing, nil)); diff != "" {
			t.Fatalf("at %d min (-want +got):\n%s", at/minute, diff)
		}
	}
	ask(10*minute, 10*minute) // the watch starts
	ask(40*minute, 0)         // 30 minutes are not more than 30 minutes
	ask(40*minute+1, 0, Unseen{At: 40*minute + 1, Zone: 1, Since: 10 * minute})
	ask(41*minute, 0)
	fly(50*minute, 166, true) // 151 m from west's edge
	fly(51*minute, 160, false)
	ask(52*minute, 0)
	fly(53*minute, 164, true)
	ask(54*minute, 0, Unseen{At: 54 * minute, Zone: 1, Since: 53 * minute, Over: true})
	fly(60*minute, 760, true) // 190 m from east's edge
	ask(83*minute, 0)
	ask(84*minute, 0, Unseen{At: 84 * minute, Zone: 1, Since: 53 * minute})
	ask(120*minute, 100*minute) // nothing was heard until then
	ask(160*minute, 100*minute)
	ask(161*minute, 100*minute, Unseen{At: 161 * minute, Zone: 2, Since: 100 * minute})
	fly(162*minute, 0, true)
	fly(163*minute, 980, true)
	ask(300*minute, 100*minute,
		Unseen{At: 300 * minute, Zone: 1, Since: 162 * minute, Over: true}, Unseen{At: 300 * minute, Zone: 1, Since: 162 * minute},
		Unseen{At: 300 * minute, Zone: 2, Since: 163 * minute, Over: true}, Unseen{At: 300 * minute, Zone: 2, Since: 163 * minute})
}

// The heap against the definition, asked of every gate every time.
func TestUnseenIsAsTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := make([]Zone, rapid.IntRange(1, 20).Draw(t, "gates"))
		for i := range zones {
			zones[i] = Zone{ID: string(rune('a' + i)), Kind: Gate, Center: offsetM(place0, float64(i)*100, 0), RadiusDM: 100,
				MaxUnseenUS: rapid.Int64Range(1, 40).Draw(t, "max") * 1e6, SeenDM: rapid.Int32Range(10, 2000).Draw(t, "seen")}
		}
		x := NewIndex(zones)
		tracker := NewTracker(x)
		last, isTold := make([]int64, len(zones)), make([]bool, len(zones))
		var at, hearing int64
		seenAgain := make([]bool, len(zones))
		started := false
		for range 60 {
			at += rapid.Int64Range(0, 5e6).Draw(t, "dt")
			if rapid.IntRange(0, 9).Draw(t, "deaf") == 0 {
				hearing = at
			}
			p := offsetM(place0, rapid.Float64Range(-300, 2300).Draw(t, "east"), 0)
			f := Fix{At: at, LatE7: p.LatE7, LonE7: p.LonE7, Airborne: rapid.Bool().Draw(t, "airborne")}
			tracker.Observe(f, nil)
			frame := newFrame(p)
			for i := range zones {
				if f.Airborne && x.signed(int32(i), &frame) <= int64(zones[i].SeenDM) {
					last[i], seenAgain[i], isTold[i] = at, seenAgain[i] || isTold[i], false
				} else if !started && last[i] == 0 {
					last[i] = at
				}
			}
			started = true
			var want []Unseen
			for i := range zones {
				if seenAgain[i] {
					want = append(want, Unseen{At: at, Zone: i, Since: last[i], Over: true})
					seenAgain[i] = false
				}
				if since := max(last[i], hearing); !isTold[i] && at-since > zones[i].MaxUnseenUS {
					want = append(want, Unseen{At: at, Zone: i, Since: since})
					isTold[i] = true
				}
			}
			if diff := gocmp.Diff(want, tracker.Unseen(at, hearing, nil)); diff != "" {
				t.Fatalf("at %d (-definition +heap):\n%s", at, diff)
			}
			if n := len(tracker.gates.due); n > 2*len(zones) {
				t.Fatalf("%d turns wait for %d gates", n, len(zones))
			}
		}
	})
}
