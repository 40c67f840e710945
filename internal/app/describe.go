package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"riverwatch/configs"
	"riverwatch/geofence"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// Describe tells in a few lines what a configuration watches. Nothing of a secret is in them.
func Describe(c *configs.Config, zones []geofence.Zone) string {
	var b strings.Builder
	count := map[geofence.Kind]int{}
	for i := range zones {
		count[zones[i].Kind]++
	}
	fmt.Fprintf(&b, "station %s: %s, %s, %s, %s, %s, %s, %s\n", c.Station.Name, some(len(c.Links), "link"),
		some(len(c.Mavlink.Vehicles), "vehicle"), some(count[geofence.Gate], "gate"), some(count[geofence.Bank], "bank"),
		some(count[geofence.Area], "area"), some(len(c.Rules), "rule"), some(len(c.Notify), "recipient"))
	for _, l := range c.Links {
		if l.Mode == link.ModeRequest {
			fmt.Fprintf(&b, "link %s: asks the vehicles heard there for what the station needs\n", l.Name)
		}
	}
	p := c.Mavlink.Plan()
	for i := range p.Vehicles {
		describeVehicle(&b, p, &p.Vehicles[i])
	}
	if slices.Contains(p.Sources, mavlink.SourceSpatialUser) {
		for _, s := range p.Commands {
			fmt.Fprintf(&b, "commands of %s (system %d%s) tag, and are answered\n", s.Name, s.System, on(", component %d", s.Component)+on(", link %s", s.Link))
		}
	}
	if t := p.Theatre; t != nil {
		fmt.Fprintf(&b, "theatre: %.4f to %.4f N, %.4f to %.4f E\n", degrees(t.SouthE7), degrees(t.NorthE7), degrees(t.WestE7), degrees(t.EastE7))
	}
	l := c.Camera.Limits()
	fmt.Fprintf(&b, "camera: a point down to %v degrees below the horizon, %v m away and %v m of uncertainty; else a direction\n",
		float64(l.MinDepressionMDeg)/1000, float64(l.MaxRangeDM)/10, float64(l.MaxCE90DM)/10)
	for _, tile := range c.Tiles {
		ref := tile.Ref()
		fmt.Fprintf(&b, "terrain: %s (SHA-256 %.8s)\n", ref.Name, ref.SHA256)
	}
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

// describeVehicle tells of one vehicle: how it is known, and what it may tag with.
func describeVehicle(b *strings.Builder, p *mavlink.FleetPlan, v *mavlink.VehiclePlan) {
	fmt.Fprintf(b, "vehicle %s: system %d", v.Name, v.System)
	if v.Signing != "" && v.Signing != mavlink.SigningOff {
		fmt.Fprintf(b, ", signing %s", v.Signing)
	}
	if pins := on(" link %s", v.Pins.Link) + on(" address %s", v.Pins.Address) + on(" type %s", v.Pins.Type) + on(" uid2 %s", v.Pins.UID2); pins != "" {
		b.WriteString(", held to" + pins)
	}
	if v.Camera.Mount == mavlink.MountFixed {
		b.WriteString(", fixed camera")
	}
	sources := v.Sources
	if sources == nil {
		sources = p.Sources
	}
	words := make([]string, len(sources))
	for i, source := range sources {
		options := optionsOf(source, &p.Options)
		if v.Options != nil {
			options = cmp.Or(optionsOf(source, v.Options), options)
		}
		words[i] = string(source) + options
	}
	fmt.Fprintf(b, "; sightings by %s\n", strings.Join(words, ", "))
}

// optionsOf tells what a source goes by, where it goes by anything.
func optionsOf(s mavlink.Source, o *mavlink.SourceOptions) string {
	switch {
	case s == mavlink.SourcePhoto && o.Photo != nil && o.Photo.Position != "":
		return fmt.Sprintf(" (%s)", o.Photo.Position)
	case s == mavlink.SourceStatusText && o.StatusText != nil:
		return fmt.Sprintf(" (%q)", o.StatusText.Pattern)
	case s == mavlink.SourceRCSwitch && o.RCSwitch != nil:
		return fmt.Sprintf(" (channel %d, %s)", o.RCSwitch.Channel, o.RCSwitch.Edge)
	case s == mavlink.SourceButton && o.Button != nil:
		return fmt.Sprintf(" (button %d)", o.Button.Button)
	case s == mavlink.SourceNamedValue && o.NamedValue != nil:
		return fmt.Sprintf(" (%q)", o.NamedValue.Name)
	}
	return ""
}

// on is words about v, nothing where v is zero.
func on[T comparable](format string, v T) string {
	var zero T
	if v == zero {
		return ""
	}
	return fmt.Sprintf(format, v)
}

func degrees(e7 int32) float64 { return float64(e7) / 1e7 }

// some counts things: "1 link", "2 links".
func some(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprint(n, " ", thing)
}
