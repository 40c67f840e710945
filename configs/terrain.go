package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"riverwatch/geofence"
)

const (
	maxTileFile = 32 << 20 // bytes; one of 3601 x 3601 heights has 25 MiB
	maxTiles    = 64       // of which the finest take 1.6 GiB of memory
	shownTiles  = 4
)

// LoadTerrain reads the elevation tiles near the zones from terrain.dir into Tiles. One that is not there is no mistake:
// the ground there is judged by what is known otherwise.
func (c *Config) LoadTerrain(zones []geofence.Zone) []Problem {
	dir := c.Terrain.Dir
	if dir == "" {
		return nil
	}
	fit := true
	c.Terrain.Check(func(string, string, string) { fit = false }) // Parse has said why
	if !fit {
		return nil
	}
	problem := func(what, remedy string) []Problem { return []Problem{c.problem("terrain.dir", what, remedy)} }
	entries, err := os.ReadDir(dir)
	if err != nil {
		return problem(fmt.Sprintf("%s cannot be read: %v", dir, withoutPath(err)), "name the folder that holds the .hgt files; relative paths start at the configuration file")
	}
	there := map[string]string{} // file by the name that its tile should have
	for _, e := range entries {
		if base, ok := strings.CutSuffix(strings.ToLower(e.Name()), ".hgt"); ok {
			there[strings.ToUpper(base)+".hgt"] = e.Name()
		}
	}
	var names, missing []string
	for _, name := range geofence.TilesFor(zones) {
		if there[name] == "" {
			missing = append(missing, name)
		} else {
			names = append(names, name)
		}
	}
	if len(names) > maxTiles {
		return problem(fmt.Sprintf("the zones lie on %d tiles, more than %d fit into memory", len(names), maxTiles), "give each stretch of the river a station of its own, or look for a zone that is out of place")
	}
	var problems []Problem
	c.Tiles = nil
	for _, name := range names {
		path := filepath.Join(dir, there[name])
		data, err := readFile(path, maxTileFile)
		if err != nil {
			problems = append(problems, problem(path+" "+err.Error(), "put the unpacked tile there, or remove it")...)
			continue
		}
		tile, err := geofence.ParseTile(name, data)
		if err != nil {
			what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "terrain tile "+name+": "), "; ")
			problems = append(problems, problem(path+": "+what, "put the unpacked tile there, or remove it")...)
			continue
		}
		c.Tiles = append(c.Tiles, tile)
	}
	if n := len(missing); n > 0 {
		what := "no tile " + strings.Join(missing[:min(n, shownTiles)], ", ")
		if n > shownTiles {
			what += fmt.Sprintf(" and %d more", n-shownTiles)
		}
		p := problem(what+" near the zones: the ground there is judged without", "put the unpacked .hgt files into "+dir)[0]
		p.Warning = true
		problems = append(problems, p)
	}
	return problems
}
