package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// warnSources reports what is said of sources and has no effect: each is a press that nobody would ever hear of.
func (c *Config) warnSources(report func(path, what, remedy string)) {
	s := &c.Mavlink.Sightings
	on := slices.Clone(s.Sources)
	for i, v := range c.Mavlink.Vehicles {
		theirs := v.Sources
		if theirs == nil {
			theirs = s.Sources
		}
		on = append(on, theirs...)
		warnOptions(fmt.Sprintf("vehicles[%d].", i), &v.Options, theirs, "off for this vehicle", "its sources", report)
	}
	warnOptions("sightings.", &s.Options, on, "on for no vehicle", "sources", report)
	if len(s.AcceptCommands) > 0 && !slices.Contains(on, mavlink.SourceSpatialUser) {
		report("sightings.accept_commands", "names who may tag, and spatial_user is off", "add spatial_user to sightings.sources, or leave it out")
	}
}

// warnOptions reports the options of sources that are not among those that are on, and what in a pattern is not read.
func warnOptions(path string, o *mavlink.SourceOptionsConfig, on []mavlink.Source, off, list string, report func(path, what, remedy string)) {
	text := o.StatusText.Pattern != ""
	for _, given := range []struct {
		source mavlink.Source
		is     bool
	}{
		{mavlink.SourcePhoto, o.Photo != (mavlink.PhotoConfig{})},
		{mavlink.SourceStatusText, text},
		{mavlink.SourceRCSwitch, o.RCSwitch != (mavlink.RCSwitchConfig{})},
		{mavlink.SourceButton, o.Button != (mavlink.ButtonConfig{})},
		{mavlink.SourceNamedValue, o.NamedValue != (mavlink.NamedValueConfig{})},
	} {
		if given.is && !slices.Contains(on, given.source) {
			report(path+string(given.source), fmt.Sprintf("has options, and %s is %s", given.source, off), fmt.Sprintf("add %s to %s, or leave them out", given.source, list))
		}
	}
	if !text {
		return
	}
	re, err := regexp.Compile(o.StatusText.Pattern)
	if err != nil {
		return // said already
	}
	for _, group := range re.SubexpNames() {
		if group != "" && group != "kind" && group != "count" {
			report(path+"statustext.pattern", fmt.Sprintf("has a group %q, which nothing reads", group), "name it kind or count, or write ( ) without a name")
		}
	}
	if len(o.StatusText.Words) > 0 && re.SubexpIndex("kind") < 0 {
		report(path+"statustext.words", "translate what the pattern's group kind says, and it has none", "write (?P<kind>...) around the word, or leave words out")
	}
}

// warnTheatre reports the zones that reach out of fleet.theatre: no drone's position there would be believed.
func (c *Config) warnTheatre(zones []geofence.Zone) []Problem {
	theatre := c.Mavlink.Plan().Theatre
	if theatre == nil {
		return nil
	}
	out := func(p geofence.Point) bool {
		return p.LatE7 < theatre.SouthE7 || p.LatE7 > theatre.NorthE7 || p.LonE7 < theatre.WestE7 || p.LonE7 > theatre.EastE7
	}
	var ids []string
	for i := range zones {
		z := &zones[i]
		leaves := z.RadiusDM > 0 && out(z.Center) || slices.ContainsFunc(z.Line, out)
		for _, polygon := range z.Polygons {
			leaves = leaves || len(polygon) > 0 && slices.ContainsFunc(polygon[0], out)
		}
		if leaves {
			ids = append(ids, z.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	const shown = 4
	which := strings.Join(ids[:min(len(ids), shown)], ", ")
	if n := len(ids) - shown; n > 0 {
		which += fmt.Sprintf(" and %d more", n)
	}
	verb := " lie"
	if len(ids) == 1 {
		verb = " lies"
	}
	p := c.problem("fleet.theatre", which+verb+" at least partly outside: no drone is believed to be there", "make the theatre hold every zone and the ways to them, or look for a zone drawn in another datum")
	p.Warning = true
	return []Problem{p}
}
