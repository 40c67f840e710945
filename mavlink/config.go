package mavlink

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is the fleet's part of the station's configuration.
type Config struct {
	Vehicles        []VehicleConfig `yaml:"vehicles"`
	UnknownVehicles string          `yaml:"unknown_vehicles"` // "unverified": their sightings alert, labelled; "ignore": counted only
	Fleet           LivenessConfig  `yaml:"fleet"`
	Sightings       SightingsConfig `yaml:"sightings"`
	Own             OwnID           `yaml:"own"`
}

// VehicleConfig names a drone of the station.
type VehicleConfig struct {
	Name    string              `yaml:"name"`
	System  uint8               `yaml:"system"`
	Sources []Source            `yaml:"sources"` // instead of the station's; nil: the station's
	Options SourceOptionsConfig `yaml:",inline"`
	Pins    PinsConfig          `yaml:"pins"`
	Signing Signing             `yaml:"signing"`  // "": off, or prefer where there is a key
	KeyFile string              `yaml:"key_file"` // 0600, 64 hex digits or 32 bytes; read by configs
	Key     *[32]byte           `yaml:"-"`        // what was read from it
	// "strict" (the default): its signed streams begin at our time; "lax": it has no clock, and they may begin at any
	// time after what is known of them.
	SigningClock string       `yaml:"signing_clock"`
	Camera       CameraConfig `yaml:"camera"`
}

// LivenessConfig says after how much silence of its heartbeat a vehicle is stale, and lost, and where vehicles can be.
type LivenessConfig struct {
	Stale   time.Duration  `yaml:"stale"`
	Lost    time.Duration  `yaml:"lost"`
	Theatre *TheatreConfig `yaml:"theatre"` // nil: anywhere
}

// SightingsConfig says which ways to tag a sighting are believed.
type SightingsConfig struct {
	Sources        []Source              `yaml:"sources"`
	Options        SourceOptionsConfig   `yaml:",inline"`
	AcceptCommands []CommandSenderConfig `yaml:"accept_commands"`
}

// Sources lists every source of this version.
func Sources() []Source {
	return []Source{
		SourcePOIScript, SourceTrackingGeo, SourcePhoto, SourceStatusText, SourceRCSwitch, SourceButton, SourceNamedValue, SourceSpatialUser, SourceMark,
	}
}

// CheckSources reports the sources in a list that are not known or listed twice. path is the list's own.
func CheckSources[S ~string](path string, sources []S, report func(path, what, remedy string)) {
	known := Sources()
	for i, s := range sources {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !slices.Contains(known, Source(s)) {
			words := make([]string, len(known))
			for i, k := range known {
				words[i] = string(k)
			}
			report(at, fmt.Sprintf("%q is not a source of sightings", s), "use "+strings.Join(words, ", "))
		} else if slices.Contains(sources[:i], s) {
			report(at, fmt.Sprintf("%q is there twice", s), "remove one")
		}
	}
}

// SetDefaults fills in what the configuration need not say.
func (c *Config) SetDefaults() {
	c.UnknownVehicles = "unverified"
	c.Fleet = LivenessConfig{Stale: 3 * time.Second, Lost: 10 * time.Second}
	c.Sightings = SightingsConfig{Sources: []Source{SourcePOIScript, SourceTrackingGeo, SourceMark}}
	c.Own = DefaultOwnID
}

// Check reports every mistake in c, each under the path that holds it.
func (c Config) Check(report func(path, what, remedy string)) {
	for i, v := range c.Vehicles {
		at := func(key string) string { return fmt.Sprintf("vehicles[%d].%s", i, key) }
		var n int
		if k, _ := fmt.Sscanf(v.Name, "system-%d", &n); k == 1 {
			report(at("name"), fmt.Sprintf("%q is what an unknown vehicle is called", v.Name), "choose another")
		}
		switch {
		case v.System == 0:
			report(at("system"), "is missing or 0", "give the autopilot's system id (ArduPilot MAV_SYSID or SYSID_THISMAV, PX4 MAV_SYS_ID), 1 to 254")
		case v.System == 255:
			report(at("system"), "255 is the id of ground stations", "give the drone an id from 1 to 254")
		case v.System == c.Own.System:
			report(at("system"), fmt.Sprintf("%d is this station's own id", v.System), "change the drone's, or own.system")
		}
		for _, w := range c.Vehicles[:i] {
			if v.System != 0 && w.System == v.System {
				report(at("system"), fmt.Sprintf("%d is the id of vehicle %q already", v.System, w.Name), "give each drone an id of its own")
				break
			}
		}
		if v.Sources != nil && len(v.Sources) == 0 {
			report(at("sources"), "is empty", "list some, or leave it out for those of sightings.sources")
		}
		CheckSources(at("sources"), v.Sources, report)
		v.Camera.check(at, report)
		v.checkIdentity(at, report)
	}
	if c.UnknownVehicles != "unverified" && c.UnknownVehicles != "ignore" {
		report("unknown_vehicles", fmt.Sprintf("%q is not known", c.UnknownVehicles), "use unverified or ignore")
	}
	if c.Fleet.Stale < time.Second {
		report("fleet.stale", "is shorter than the 1 s between two heartbeats", "3s allows for two lost ones")
	}
	if c.Fleet.Lost <= c.Fleet.Stale {
		report("fleet.lost", "is not longer than fleet.stale", "a vehicle is stale first and lost later: 3s and 10s")
	}
	c.Fleet.Theatre.check("fleet.theatre", report)
	CheckSources("sightings.sources", c.Sightings.Sources, report)
	c.checkSources(report)
	if c.Own.System == 0 || c.Own.System == 255 {
		report("own.system", fmt.Sprintf("%d is not an id for this station", c.Own.System),
			"use 1 to 254; 255 is that of ground stations and would keep a drone's link failsafe quiet")
	}
	if c.Own.Component < 2 {
		report("own.component", fmt.Sprintf("%d is not an id for this station", c.Own.Component), "use 2 to 255; 1 is that of autopilots")
	}
}

// Plan is what the fleet judges by.
func (c Config) Plan() *FleetPlan {
	p := &FleetPlan{
		Vehicles: make([]VehiclePlan, 0, len(c.Vehicles)),
		Unknown:  c.UnknownVehicles,
		Sources:  sortedSources(c.Sightings.Sources),
		Options:  c.Sightings.Options.plan(),
		Commands: commandSenders(c.Sightings.AcceptCommands),
		Own:      c.Own,
		StaleUS:  c.Fleet.Stale.Microseconds(),
		LostUS:   c.Fleet.Lost.Microseconds(),
		Theatre:  c.Fleet.Theatre.plan(),
	}
	for _, v := range c.Vehicles {
		p.Vehicles = append(p.Vehicles, VehiclePlan{
			Name: v.Name, System: v.System, Sources: sortedSources(v.Sources), Options: v.Options.own(), Camera: v.Camera.plan(),
			Pins: v.Pins.plan(), Signing: v.signingPlan(),
		})
	}
	slices.SortFunc(p.Vehicles, func(a, b VehiclePlan) int { return cmp.Compare(a.System, b.System) })
	return p
}

func sortedSources(s []Source) []Source {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
