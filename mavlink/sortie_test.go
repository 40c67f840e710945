package mavlink

import (
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

func TestASortieGoesFromTakeOffToLanding(t *testing.T) {
	x := newField(t, testPlan())
	x.second(1, false, 0, 0, 0)
	x.second(1, true, 0, 0, 0)
	x.second(1, true, 0, 0, 2.9)
	if len(x.told.Sorties) != 0 {
		t.Fatalf("flying at 2.9 m: %+v", x.told.Sorties)
	}
	takeOff := x.at
	x.second(1, true, 0, 0, 3.1)
	for i := range 100 { // north at 10 m/s, then down
		x.second(1, true, float64(10*(i+1)), 0, 40)
	}
	x.second(1, true, 1000, 0.3, 0.5)
	x.second(1, false, 1000, 0, 0)
	if len(x.told.Sorties) != 2 {
		t.Fatalf("%+v", x.told.Sorties)
	}
	want := Sortie{ID: "1-1795420003000000", Track: 1, Vehicle: "egret-1", TookOff: takeOff, MaxAltMM: 3_100, Fixes: 1}
	if got := x.told.Sorties[0]; got != want {
		t.Errorf("take-off %+v", got)
	}
	got := x.told.Sorties[1]
	if got.ID != want.ID || got.Landed != takeOff+102_000_000 || got.MaxAltMM != 40_000 || got.Fixes != 102 || got.DistDM < 9_990 || got.DistDM > 10_010 {
		t.Errorf("landing %+v", got)
	}
	if id := x.view(1).Sortie; id != "" {
		t.Errorf("on the ground in sortie %q", id)
	}
}

func TestTheNoiseOfAHoverIsNoDistance(t *testing.T) {
	x := newField(t, testPlan())
	for i := range 600 {
		x.second(1, true, 0.4*float64(i%3-1), 0.4*float64(i%2), 30)
	}
	x.send(1, 1, copter(false))
	if got := x.told.Sorties[1]; got.DistDM != 0 || got.Fixes != 600 {
		t.Errorf("%+v", got)
	}
}

func TestBadPositionsAreNoDistance(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 30)
	x.send(1, 1, &all.MessageGpsRawInt{FixType: 3, HAcc: 80_000})
	x.send(1, 1, x.position(500, 0, 30))
	x.send(1, 1, copter(false))
	if got := x.told.Sorties[1]; got.DistDM != 0 || got.Fixes != 3 {
		t.Errorf("%+v", got)
	}
}

func TestAVehicleThatFliesWithoutHeartbeatLandsAfterHalfAnHour(t *testing.T) {
	x := newField(t, testPlan())
	x.second(1, true, 0, 0, 0)
	x.wait(20 * time.Second) // lost on the ground
	x.send(1, 1, x.position(0, 0, 30))
	if len(x.told.Sorties) != 1 {
		t.Fatalf("%+v", x.told.Sorties)
	}
	x.wait(31 * time.Minute)
	if len(x.told.Sorties) != 2 || x.told.Sorties[1].Landed != x.told.Sorties[0].TookOff {
		t.Errorf("%+v", x.told.Sorties)
	}
}

func TestALandingIsToldByTheVehicleElseByItsHeight(t *testing.T) {
	state := func(s all.MAV_LANDED_STATE) *all.MessageExtendedSysState {
		return &all.MessageExtendedSysState{LandedState: s}
	}
	t.Run("the vehicle's word goes before its height", func(t *testing.T) {
		x := newField(t, testPlan())
		x.send(1, 1, copter(true))
		x.send(1, 1, state(landedOnGround))
		if x.second(1, true, 0, 0, 12); len(x.told.Sorties) != 0 || x.told.Fixes[0].Airborne {
			t.Fatal("took off from a hill 12 m above home while the vehicle says that it stands")
		}
		x.send(1, 1, state(landedTakeoff))
		if len(x.told.Sorties) != 1 {
			t.Fatal("no take-off")
		}
		for range 20 { // over the river, below home
			x.second(1, true, 0, 0, -4)
			x.send(1, 1, state(landedInAir))
		}
		if len(x.told.Sorties) != 1 || !x.view(1).Airborne {
			t.Fatalf("landed below home: %+v", x.told.Sorties)
		}
		x.send(1, 1, state(landedLanding))
		if len(x.told.Sorties) != 1 {
			t.Fatal("landed while landing")
		}
		x.send(1, 1, state(landedOnGround))
		if len(x.told.Sorties) != 2 || x.told.Sorties[1].Landed != x.at {
			t.Errorf("%+v", x.told.Sorties)
		}
	})
	t.Run("without its word, 5 s near the ground", func(t *testing.T) {
		x := newField(t, testPlan())
		x.hover(1, 30)
		for range 5 {
			x.second(1, true, 0, 0, 1)
		}
		x.second(1, true, 0, 0, 1.6) // up again
		for range 5 {
			x.second(1, true, 0, 0, 1)
		}
		if len(x.told.Sorties) != 1 {
			t.Fatal("landed within 5 s")
		}
		if x.second(1, true, 0, 0, 1); len(x.told.Sorties) != 2 {
			t.Error("not landed after 5 s")
		}
	})
	t.Run("a word that is not known is none", func(t *testing.T) {
		x := newField(t, testPlan())
		x.send(1, 1, state(99))
		x.hover(1, 30)
		for range 7 {
			x.send(1, 1, state(99))
			x.second(1, true, 0, 0, 1)
		}
		if len(x.told.Sorties) != 2 {
			t.Errorf("%+v", x.told.Sorties)
		}
	})
	t.Run("what drives does not take off", func(t *testing.T) {
		x := newField(t, testPlan())
		rover := beatOf(10, 3)
		rover.BaseMode = modeFlagCustom | modeFlagArmed
		x.send(1, 1, rover)
		if fixes := x.send(1, 1, x.position(0, 0, 8)).Fixes; fixes[0].Airborne || len(x.told.Sorties) != 0 {
			t.Error("a rover on a dike is airborne")
		}
	})
}

func TestAVehicleLostInTheAirStaysOnItsSortie(t *testing.T) {
	start := func(t *testing.T) *field {
		x := newField(t, testPlan())
		x.hover(1, 30)
		x.wait(29 * time.Minute)
		if len(x.told.Sorties) != 1 || x.view(1).State != "lost" {
			t.Fatalf("after 29 min %+v", x.told.Sorties)
		}
		return x
	}
	t.Run("back in the air", func(t *testing.T) {
		x := start(t)
		x.hover(1, 25)
		if len(x.told.Sorties) != 1 {
			t.Errorf("%+v", x.told.Sorties)
		}
	})
	t.Run("back on the ground", func(t *testing.T) {
		x := start(t)
		x.send(1, 1, copter(false))
		if len(x.told.Sorties) != 2 || x.told.Sorties[1].Landed != x.at {
			t.Errorf("%+v", x.told.Sorties)
		}
	})
	t.Run("never back", func(t *testing.T) {
		x := start(t)
		x.restart(testPlan())
		x.wait(10 * time.Minute)
		if len(x.told.Sorties) != 2 || x.told.Sorties[1].Landed != fieldStart || x.view(1).Sortie != "" {
			t.Errorf("%+v", x.told.Sorties)
		}
	})
}

func TestRealFlightsAreRead(t *testing.T) {
	plan := &FleetPlan{Sources: []Source{SourcePOIScript, SourceTrackingGeo, SourcePhoto}, StaleUS: 3_000_000, LostUS: 10_000_000}
	for _, c := range []struct {
		log              string
		vehicles         []uint8
		fixes, sightings int
		rejected         Rejections
		sorties          int // news of them: two for one that ends
		maxAltM, distM   int // of the last
		armings          int
	}{
		{log: "codelever_2013-10-13_16-58-51.tlog", vehicles: []uint8{1}, fixes: 975, sorties: 2, maxAltM: 100, distM: 1424, armings: 2},
		{log: "codelever_2013-10-13_18-50-10.tlog", vehicles: []uint8{1}, fixes: 1177, sorties: 2, maxAltM: 100, distM: 1309, armings: 2},
		{log: "bluerobotics_00025.tlog", vehicles: []uint8{1}, rejected: Rejections{RejectZero: 724}, armings: 2},
		{log: "ardusub_small.tlog", vehicles: []uint8{1}, fixes: 732, rejected: Rejections{RejectNoFix: 58, RejectComponent: 3}, armings: 2},
		{log: "ardusub_attitude_only.tlog"},
		{log: "dronekit_log_upload_test.tlog", vehicles: []uint8{1}, rejected: Rejections{RejectZero: 9, RejectComponent: 2}},
		{log: "sitl_yanwu_patrol.tlog", vehicles: []uint8{11}, fixes: 890, sightings: 30, rejected: Rejections{RejectZero: 31, RejectNoFix: 1, RejectEstimator: 125}, sorties: 1, armings: 1},
	} {
		t.Run(c.log, func(t *testing.T) {
			f, told := NewFleet(plan), &News{}
			frames := readLog(t, c.log)
			for i := range frames {
				f.Advance(frames[i].At, told)
				f.Apply(&frames[i], told)
			}
			if len(told.Fixes) != c.fixes || told.Rejected != c.rejected || len(told.Evidence) != c.sightings || len(told.Sorties) != c.sorties {
				t.Errorf("%d fixes, %d pieces of evidence, %d news of sorties, rejected %v", len(told.Fixes), len(told.Evidence), len(told.Sorties), told.Rejected)
			}
			var vehicles []uint8
			for _, v := range f.Vehicles(frames[len(frames)-1].At) {
				vehicles = append(vehicles, v.System)
			}
			if !slices.Equal(vehicles, c.vehicles) {
				t.Errorf("vehicles %v", vehicles)
			}
			armings := 0
			for _, ch := range told.Changes {
				if ch.Kind == ChangeArmed || ch.Kind == ChangeDisarmed {
					armings++
				}
			}
			if armings != c.armings {
				t.Errorf("armed or disarmed %d times", armings)
			}
			if c.sorties == 2 {
				if so := told.Sorties[1]; int(so.MaxAltMM/1000) != c.maxAltM || int(so.DistDM/10) != c.distM {
					t.Errorf("sortie %+v", so)
				}
			}
			for _, e := range told.Evidence {
				if e.Source != SourcePhoto || e.Basis != BasisVehicle || !e.Located || e.CE90DM < 500 {
					t.Errorf("evidence %+v", e)
				}
			}
		})
	}
}
