// Package configs reads the station's configuration: one YAML file, and the zone files, signing keys and terrain that it
// names.
//
// The types of the configuration live beside what they configure (mavlink.Config, link.Config, geofence.Config,
// alerts.RuleConfig, notify.Config, replay.Config), each with SetDefaults and a Check that reports every mistake under
// its key. This package assembles them, owns what belongs to the whole (station, http, names, paths, secrets), and
// turns reports into places in the file:
//
//	cfg, problems := configs.Load("riverwatch.yaml")
//	zones, more := cfg.LoadZones()
//	problems = append(append(problems, more...), cfg.LoadTerrain(zones)...)
//	if configs.Broken(problems) { print each; stop }
//
// It promises that every mistake is found in one go, each as FILE:LINE:COLUMN: path: what: remedy; that nothing of
// a secret is in a Problem; and that a configuration without an error can be compiled into a plan. The YAML is
// strict: unknown keys, keys of other versions, duplicates, aliases and second documents are errors.
package configs
