package mavlink

import (
	"fmt"
	"math"
)

// Theatre is the box outside which no position is believed, degrees x 1e7. Its edges belong to it. A west edge that is
// greater than the east one makes a box across the antimeridian.
type Theatre struct {
	SouthE7 int32 `json:"south_e7"`
	WestE7  int32 `json:"west_e7"`
	NorthE7 int32 `json:"north_e7"`
	EastE7  int32 `json:"east_e7"`
}

// TheatreConfig is Theatre as a configuration gives it, in degrees; all four are needed.
type TheatreConfig struct {
	South *float64 `yaml:"south"`
	West  *float64 `yaml:"west"`
	North *float64 `yaml:"north"`
	East  *float64 `yaml:"east"`
}

// check reports every mistake in t; path is its own.
func (t *TheatreConfig) check(path string, report func(path, what, remedy string)) {
	if t == nil {
		return
	}
	sound := true
	for _, edge := range []struct {
		key   string
		deg   *float64
		limit float64
	}{{"south", t.South, 90}, {"west", t.West, 180}, {"north", t.North, 90}, {"east", t.East, 180}} {
		at := path + "." + edge.key
		switch {
		case edge.deg == nil:
			report(at, "is missing", "give all four edges in degrees, WGS-84: south, west, north, east")
		case !(math.Abs(*edge.deg) <= edge.limit): // NaN too
			report(at, fmt.Sprintf("%v is not on earth", *edge.deg), fmt.Sprintf("use degrees from -%v to %v", edge.limit, edge.limit))
		default:
			continue
		}
		sound = false
	}
	if !sound {
		return
	}
	if *t.South >= *t.North {
		report(path+".south", fmt.Sprintf("%v is not south of north, %v", *t.South, *t.North), "exchange them")
	}
	width := *t.East - *t.West
	if width < 0 {
		width += 360
	}
	if width == 0 || width > 180 {
		report(path+".west", fmt.Sprintf("from %v east to %v it is %v degrees wide", *t.West, *t.East, width),
			"give the western edge as west; only a box across the antimeridian has a west greater than its east, and none is wider than 180")
	}
}

// plan is t as the fleet judges by it; nil stays nil.
func (t *TheatreConfig) plan() *Theatre {
	if t == nil {
		return nil
	}
	e7 := func(deg *float64) int32 { return int32(math.Round(*deg * 1e7)) }
	return &Theatre{SouthE7: e7(t.South), WestE7: e7(t.West), NorthE7: e7(t.North), EastE7: e7(t.East)}
}

// outside says whether a point, degrees x 1e7, lies outside the plan's theatre; without one nothing does.
func (f *Fleet) outside(lat, lon int64) bool {
	t := f.theatre
	if t == nil {
		return false
	}
	west, east := int64(t.WestE7), int64(t.EastE7)
	in := west <= lon && lon <= east
	if west > east {
		in = west <= lon || lon <= east
	}
	return !in || lat < int64(t.SouthE7) || lat > int64(t.NorthE7)
}
