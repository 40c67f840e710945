package configs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"riverwatch/geofence"
)

// flatTile is a tile of 1201 x 1201 heights, all 0.
var flatTile = string(make([]byte, 1201*1201*2))

func TestATileThatIsNoFileHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "N37E111.hgt"), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	c, problems := Parse("c.yaml", []byte(smallest+"terrain: {dir: "+dir+"}\n"), testEnv)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	told := make(chan []Problem, 1)
	go func() {
		told <- c.LoadTerrain([]geofence.Zone{{ID: "g", Kind: geofence.Gate, Center: geofence.Point{LatE7: 375_000_000, LonE7: 1115_000_000}, RadiusDM: 300}})
	}()
	select {
	case problems := <-told:
		if len(problems) != 1 || !strings.Contains(problems[0].String(), "N37E111.hgt is not a regular file") {
			t.Errorf("problems %v", problems)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still reading")
	}
}

func TestTerrainNearZonesIsReadAndWhatIsMissingIsTold(t *testing.T) {
	// A gate in the middle of N37E111, one 300 m from the corner of four.
	zone := func(lat, lon int32) geofence.Zone {
		return geofence.Zone{ID: "g", Kind: geofence.Gate, Center: geofence.Point{LatE7: lat, LonE7: lon}, RadiusDM: 300}
	}
	middle, corner := zone(375_000_000, 1115_000_000), zone(370_020_000, 1110_020_000)
	for name, tt := range map[string]struct {
		files map[string]string // nil: no folder
		zone  geofence.Zone
		tiles string // that are read
		want  string // "" : nothing is said
	}{
		"the one that is needed":  {map[string]string{"N37E111.hgt": flatTile, "N50E008.hgt": "not looked at", "README": ""}, middle, "N37E111.hgt", ""},
		"a name in small letters": {map[string]string{"n37e111.HGT": flatTile}, middle, "N37E111.hgt", ""},
		"none": {map[string]string{}, middle, "",
			"c.yaml:17:16: warning: terrain.dir: no tile N37E111.hgt near the zones: the ground there is judged without: put the unpacked .hgt files into DIR"},
		"one of four": {map[string]string{"N37E111.hgt": flatTile}, corner, "N37E111.hgt",
			"warning: terrain.dir: no tile N36E110.hgt, N36E111.hgt, N37E110.hgt near the zones"},
		"a file that was cut": {map[string]string{"N37E111.hgt": flatTile[1:]}, middle, "",
			"c.yaml:17:16: terrain.dir: DIR/N37E111.hgt: 2884801 bytes are neither 1201 x 1201 nor 3601 x 3601 heights: put the unpacked tile there, or remove it"},
		"no folder": {nil, middle, "", "c.yaml:17:16: terrain.dir: DIR cannot be read: no such file or directory: name the folder that holds the .hgt files; relative paths start at the configuration file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			dem := filepath.Join(dir, "dem")
			if tt.files != nil {
				if err := os.Mkdir(dem, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for f, data := range tt.files {
				if err := os.WriteFile(filepath.Join(dem, f), []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, problems := Parse(filepath.Join(dir, "c.yaml"), []byte(smallest+"terrain: {dir: dem}\n"), testEnv)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			problems = c.LoadTerrain([]geofence.Zone{tt.zone})
			var said, read []string
			for _, p := range problems {
				said = append(said, strings.ReplaceAll(strings.Replace(p.String(), dir+"/c.yaml", "c.yaml", 1), dem, "DIR"))
			}
			for _, tile := range c.Tiles {
				read = append(read, tile.Ref().Name)
			}
			if got := strings.Join(said, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("said %q, want %q", got, tt.want)
			}
			if got := strings.Join(read, " "); got != tt.tiles {
				t.Errorf("read %q, want %q", got, tt.tiles)
			}
		})
	}
}

// A zone out of place, or a river around the world, must not fill the machine.
func TestNoMoreTerrainIsReadThanFits(t *testing.T) {
	dir := t.TempDir()
	for lon := range 80 {
		name := filepath.Join(dir, "N37E0"+string(rune('0'+lon/10))+string(rune('0'+lon%10))+".hgt")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	river := geofence.Zone{ID: "r", Kind: geofence.Bank, Line: []geofence.Point{{LatE7: 375_000_000, LonE7: 5_000_000}, {LatE7: 375_000_000, LonE7: 795_000_000}}}
	c, problems := Parse("c.yaml", []byte(smallest+"terrain: {dir: "+dir+"}\n"), testEnv)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	problems = c.LoadTerrain([]geofence.Zone{river})
	if len(problems) != 1 || problems[0].Warning || !strings.Contains(problems[0].String(), "the zones lie on 80 tiles, more than 64 fit into memory") {
		t.Errorf("problems %v", problems)
	}
}
