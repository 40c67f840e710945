package app

import (
	"fmt"
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

// Load reads a configuration and its zone files. What is wrong with them comes as one *MistakesError.
func Load(file string) (*configs.Config, []geofence.Zone, error) {
	c, zones, problems := Check(file)
	if configs.Broken(problems) {
		return nil, nil, &MistakesError{problems}
	}
	return c, zones, nil
}

// Check reads a configuration and its zone files and gives every mistake and warning in them.
func Check(file string) (*configs.Config, []geofence.Zone, []configs.Problem) {
	c, problems := configs.Load(file)
	if c == nil {
		return nil, nil, problems
	}
	zones, more := c.LoadZones()
	return c, zones, append(problems, more...)
}

// plan is what the fold judges by under a configuration.
func plan(c *configs.Config, zones []geofence.Zone) watch.Plan {
	p := watch.Plan{Fleet: *c.Mavlink.Plan(), Zones: zones, Book: alerts.Plan{Rules: []alerts.Rule{}, Recipients: []string{}}}
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

// Describe tells in a few lines what a configuration watches.
func Describe(c *configs.Config, zones []geofence.Zone) string {
	var b strings.Builder
	count := map[geofence.Kind]int{}
	for i := range zones {
		count[zones[i].Kind]++
	}
	fmt.Fprintf(&b, "station %s: %s, %s, %s, %s, %s, %s, %s\n", c.Station.Name, some(len(c.Links), "link"),
		some(len(c.Mavlink.Vehicles), "vehicle"), some(count[geofence.Gate], "gate"), some(count[geofence.Bank], "bank"),
		some(count[geofence.Area], "area"), some(len(c.Rules), "rule"), some(len(c.Notify), "recipient"))
	for _, r := range c.Rules {
		what := "a sighting"
		if len(r.Kinds) > 0 {
			what += " of " + strings.Join(r.Kinds, " or ")
		}
		if len(r.Sources) > 0 {
			what += " by " + strings.Join(r.Sources, " or ")
		}
		where := strings.Join(r.Near, " or ")
		if len(r.Zones) > 0 {
			where += " " + strings.Join(r.Zones, " or ")
		}
		fmt.Fprintf(&b, "rule %s: %s near %s, %s or surer, is a %s alert\n", r.Name, what, where, r.MinCertainty, r.Severity)
	}
	return b.String()
}

// some counts things: "1 link", "2 links".
func some(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprint(n, " ", thing)
}
