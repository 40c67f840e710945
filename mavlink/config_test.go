package mavlink

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheConfigurationBecomesAPlanInTheOrderOfTheIDs(t *testing.T) {
	var c Config
	c.SetDefaults()
	c.Vehicles = []VehicleConfig{
		{Name: "egret-2", System: 2, Sources: []Source{SourceTrackingGeo, SourceMark}},
		{Name: "egret-1", System: 1},
	}
	written := []Source{SourcePOIScript, SourceTrackingGeo, SourceMark}
	want := &FleetPlan{
		Vehicles: []VehiclePlan{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2, Sources: []Source{SourceMark, SourceTrackingGeo}}},
		Unknown:  "unverified",
		Sources:  []Source{SourceMark, SourcePOIScript, SourceTrackingGeo},
		Own:      DefaultOwnID,
		StaleUS:  3_000_000,
		LostUS:   10_000_000,
	}
	if diff := cmp.Diff(want, c.Plan()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(written, c.Sightings.Sources); diff != "" {
		t.Errorf("the configuration itself was sorted:\n%s", diff)
	}
}

func TestMistakesInTheFleetAreReportedUnderTheirKeys(t *testing.T) {
	for title, tt := range map[string]struct {
		spoil func(*Config)
		want  []string
	}{
		"nothing":                     {func(*Config) {}, nil},
		"two drones with one id":      {func(c *Config) { c.Vehicles[1].System = 1 }, []string{"vehicles[1].system"}},
		"two drones without an id":    {func(c *Config) { c.Vehicles[0].System, c.Vehicles[1].System = 0, 0 }, []string{"vehicles[0].system", "vehicles[1].system"}},
		"a drone with our id":         {func(c *Config) { c.Own.System = 2 }, []string{"vehicles[1].system"}},
		"a drone as ground station":   {func(c *Config) { c.Vehicles[0].System = 255 }, []string{"vehicles[0].system"}},
		"us as ground station":        {func(c *Config) { c.Own.System = 255 }, []string{"own.system"}},
		"us as autopilot":             {func(c *Config) { c.Own.Component = 1 }, []string{"own.component"}},
		"the name of an unknown one":  {func(c *Config) { c.Vehicles[0].Name = "system-7" }, []string{"vehicles[0].name"}},
		"lost before stale":           {func(c *Config) { c.Fleet.Lost = c.Fleet.Stale }, []string{"fleet.lost"}},
		"stale between heartbeats":    {func(c *Config) { c.Fleet.Stale = 900 * time.Millisecond }, []string{"fleet.stale"}},
		"a source nobody has":         {func(c *Config) { c.Sightings.Sources[1] = "radar" }, []string{"sightings.sources[1]"}},
		"no source for one drone":     {func(c *Config) { c.Vehicles[0].Sources = []Source{} }, []string{"vehicles[0].sources"}},
		"a policy nobody has":         {func(c *Config) { c.UnknownVehicles = "trust" }, []string{"unknown_vehicles"}},
		"no source at all is allowed": {func(c *Config) { c.Sightings.Sources = nil }, nil},
	} {
		t.Run(title, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.Vehicles = []VehicleConfig{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2}}
			tt.spoil(&c)
			var got []string
			c.Check(func(path, what, remedy string) {
				if what == "" || remedy == "" {
					t.Errorf("%s: %q, remedy %q", path, what, remedy)
				}
				got = append(got, path)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}
