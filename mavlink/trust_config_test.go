package mavlink

import (
	"math"
	"reflect"
	"testing"
)

func TestTheTheatreIsCheckedAndPlanned(t *testing.T) {
	deg := func(v float64) *float64 { return &v }
	box := func(s, w, n, e float64) *TheatreConfig {
		return &TheatreConfig{South: deg(s), West: deg(w), North: deg(n), East: deg(e)}
	}
	for name, c := range map[string]struct {
		theatre *TheatreConfig
		paths   []string
	}{
		"none":                    {nil, nil},
		"around the river":        {box(37, 111.7, 37.5, 112.3), nil},
		"across the antimeridian": {box(-20, 177, -12, -178), nil},
		"half the earth":          {box(-90, -90, 90, 90), nil},
		"empty":                   {&TheatreConfig{}, []string{"fleet.theatre.south", "fleet.theatre.west", "fleet.theatre.north", "fleet.theatre.east"}},
		"east missing":            {&TheatreConfig{South: deg(37), West: deg(111), North: deg(38)}, []string{"fleet.theatre.east"}},
		"upside down":             {box(38, 111, 37, 112), []string{"fleet.theatre.south"}},
		"back to front":           {box(37, 112, 38, 111), []string{"fleet.theatre.west"}},
		"lat and lon exchanged":   {box(111, 37, 112, 38), []string{"fleet.theatre.south", "fleet.theatre.north"}},
		"no width":                {box(37, 111, 38, 111), []string{"fleet.theatre.west"}},
		"not finite":              {box(math.NaN(), math.Inf(-1), 38, 112), []string{"fleet.theatre.south", "fleet.theatre.west"}},
	} {
		var cfg Config
		cfg.SetDefaults()
		cfg.Fleet.Theatre = c.theatre
		var paths []string
		cfg.Check(func(path, what, remedy string) {
			if what == "" || remedy == "" {
				t.Errorf("%s: %q, %q", name, what, remedy)
			}
			paths = append(paths, path)
		})
		if !reflect.DeepEqual(paths, c.paths) {
			t.Errorf("%s: mistakes at %v, want %v", name, paths, c.paths)
		}
	}
	cfg := Config{Fleet: LivenessConfig{Theatre: box(-20.1, 177, -12, -178.00000004)}}
	if got, want := *cfg.Plan().Theatre, (Theatre{SouthE7: -201000000, WestE7: 1770000000, NorthE7: -120000000, EastE7: -1780000000}); got != want {
		t.Errorf("plan %+v, want %+v", got, want)
	}
	if (&Config{}).Plan().Theatre != nil {
		t.Error("a theatre out of nothing")
	}
}
