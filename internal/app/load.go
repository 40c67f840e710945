package app

import (
	"reflect"
	"strings"

	"riverwatch/alerts"
	"riverwatch/configs"
	"riverwatch/geofence"
	"riverwatch/internal/watch"
)

// MistakesError holds everything that is wrong with a configuration and its zone files.
type MistakesError struct{ Problems []configs.Problem }

// Error gives a line a mistake.
func (e *MistakesError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads a configuration, its zone files and its terrain. What is wrong with them comes as one *MistakesError.
func Load(file string) (*configs.Config, []geofence.Zone, error) {
	c, zones, problems := Check(file)
	if configs.Broken(problems) {
		return nil, nil, &MistakesError{problems}
	}
	return c, zones, nil
}

// Check reads a configuration, its zone files and its terrain, and gives every mistake and warning in them.
func Check(file string) (*configs.Config, []geofence.Zone, []configs.Problem) {
	c, problems := configs.Load(file)
	if c == nil {
		return nil, nil, problems
	}
	zones, more := c.LoadZones()
	problems = append(problems, more...)
	return c, zones, append(problems, c.LoadTerrain(zones)...)
}

// compile makes what the fold judges by under a configuration.
func compile(c *configs.Config, zones []geofence.Zone) (*watch.Judge, error) {
	var terrain *geofence.Terrain
	if len(c.Tiles) > 0 {
		terrain = geofence.NewTerrain(c.Tiles)
	}
	return watch.Compile(plan(c, zones), terrain)
}

func plan(c *configs.Config, zones []geofence.Zone) watch.Plan {
	p := watch.Plan{Fleet: *c.Mavlink.Plan(), Zones: zones, Sight: c.Camera.Limits(), Book: alerts.Plan{Rules: []alerts.Rule{}, Recipients: []string{}}}
	for _, r := range c.Rules {
		p.Book.Rules = append(p.Book.Rules, r.Rule())
	}
	for _, n := range c.Notify {
		p.Book.Recipients = append(p.Book.Recipients, n.Name)
	}
	return p
}

// fixedAtStart names the parts of the configuration that a reload cannot change and that differ.
func fixedAtStart(old, next *configs.Config) (parts []string) {
	for _, part := range []struct {
		name      string
		old, next any
	}{
		{"station", old.Station, next.Station},
		{"http", old.HTTP, next.HTTP},
		{"links", old.Links, next.Links},
		{"own", old.Mavlink.Own, next.Mavlink.Own},
	} {
		if !reflect.DeepEqual(part.old, part.next) {
			parts = append(parts, part.name)
		}
	}
	return parts
}
