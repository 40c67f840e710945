package mavlink

import (
	"testing"

	"pgregory.net/rapid"
)

// TestAShortcutLeadsWhereTheLongWayDoes folds the same steps with shortcuts and without.
func TestAShortcutLeadsWhereTheLongWayDoes(outer *testing.T) {
	taken := 0
	rapid.Check(outer, func(t *rapid.T) {
		quick, long := NewFleet(testPlan()), NewFleet(testPlan())
		steps := drawSteps(t, outer)
		at := steps[len(steps)-1].at
		for i, fr := range quietFlight(outer) {
			fr.At = at + int64(i)*10_000
			fr.SysID = rapid.SampledFrom([]uint8{1, 2, 9}).Draw(t, "quiet")
			steps = append(steps, step{at: fr.At, frame: &fr})
		}
		for i := range steps {
			s := &steps[i]
			if s.frame != nil && quick.shortcuts[s.frame.SysID].places[s.frame.CompID] != 0 {
				taken++
			}
			long.shortcuts = [256]shortcut{}
			var a, b News
			s.apply(quick, &a)
			s.apply(long, &b)
			if a, b := asJSON(t, &a), asJSON(t, &b); a != b {
				t.Fatalf("step %d tells %s, by the long way %s", i, a, b)
			}
			if a, b := asJSON(t, quick.State()), asJSON(t, long.State()); a != b {
				t.Fatalf("step %d leaves %s, by the long way %s", i, a, b)
			}
		}
	})
	if taken < 100 {
		outer.Errorf("%d frames took a shortcut", taken)
	}
}

func TestMoreStreamsThanOneCountsDoNotHaveAllVehiclesLookedAt(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	x.fleet.Advance(x.at, &x.last)
	due := x.fleet.due
	for comp := range uint8(100) {
		x.at++
		x.send(1, 1, goodGPS())
		x.send(1, 100+comp, text("I am here"))
		if x.fleet.due != due {
			t.Fatalf("the stream of component %d has everybody looked at", 100+comp)
		}
	}
	if n := len(x.track(1).Streams); n != maxStreams {
		t.Errorf("%d streams", n)
	}
}
