package configs

import (
	"fmt"
	"slices"

	"riverwatch/geofence"
)

// maxZoneFile bounds a zone file, in bytes; 100,000 zones take about 50 MiB.
const maxZoneFile = 256 << 20

// LoadZones reads the zone files that the configuration names, checks them each and together, and checks that the zones
// that rules speak of exist. The zones are those without a mistake.
func (c *Config) LoadZones() ([]geofence.Zone, []Problem) {
	var files []geofence.File
	var problems []Problem
	whole := true
	for i, z := range c.Zones {
		fit := true
		z.Check(func(string, string, string) { fit = false }) // Parse has said why
		if !fit {
			whole = false
			continue
		}
		data, err := readFile(z.File, maxZoneFile)
		if err != nil {
			whole = false
			problems = append(problems, c.problem(fmt.Sprintf("zones[%d].file", i), z.File+" "+err.Error(), "name a zone file that can be read; relative paths start at the configuration file"))
			continue
		}
		files = append(files, geofence.File{Name: z.File, Data: data, CRS: z.CRS})
	}
	zones, found := geofence.ParseFiles(files)
	var inFiles []Problem
	for _, p := range found {
		inFiles = append(inFiles, Problem{File: p.File, Line: p.Line, Column: p.Column, Path: p.Feature, What: p.What, Remedy: p.Remedy, Warning: p.Warning})
	}
	// A zone that could not be read is missing for that reason, which has been said.
	if whole && !Broken(inFiles) {
		problems = append(problems, c.missingZones(zones)...)
		problems = append(problems, c.warnTheatre(zones)...)
	}
	sortProblems(problems)
	return zones, append(problems, inFiles...)
}

// missingZones reports the zones that rules speak of and that are in no file.
func (c *Config) missingZones(zones []geofence.Zone) []Problem {
	var problems []Problem
	for i, r := range c.Rules {
		for j, id := range r.Zones {
			at := fmt.Sprintf("rules[%d].zones[%d]", i, j)
			k := slices.IndexFunc(zones, func(z geofence.Zone) bool { return z.ID == id })
			switch {
			case k < 0:
				ids := make([]string, len(zones))
				for i, z := range zones {
					ids[i] = z.ID
				}
				remedy := "use the id of a zone in the files under zones"
				if near := nearest(id, ids); near != "" {
					remedy = fmt.Sprintf("did you mean %s?", near)
				}
				problems = append(problems, c.problem(at, fmt.Sprintf("there is no zone %q", id), remedy))
			case slices.Contains(r.Zones[:j], id):
				problems = append(problems, c.problem(at, fmt.Sprintf("%q is there twice", id), "remove one"))
			case len(r.Near) > 0 && !slices.Contains(r.Near, string(zones[k].Kind)):
				problems = append(problems, c.problem(at, fmt.Sprintf("%q is of kind %s, which the rule's near leaves out", id, zones[k].Kind), "add the kind to near, or remove the zone"))
			}
		}
	}
	return problems
}
