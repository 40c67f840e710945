package configs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"riverwatch/geofence"
)

// station writes a configuration and zone files into a folder and gives the configuration's path.
func station(t *testing.T, config string, zones map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range zones {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "riverwatch.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func example(t *testing.T, name string) string {
	t.Helper()
	data, err := Example.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTheExamplesLoadWithoutAWord(t *testing.T) {
	for name, text := range map[string]string{"smallest": smallest, "example": example(t, "riverwatch.example.yaml")} {
		t.Run(name, func(t *testing.T) {
			c, problems := Load(station(t, text, map[string]string{"ciyao.geojson": example(t, "ciyao.geojson")}))
			zones, more := c.LoadZones()
			if problems = append(problems, more...); len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			count := map[geofence.Kind]int{}
			for _, z := range zones {
				count[z.Kind]++
			}
			if want := map[geofence.Kind]int{geofence.Gate: 7, geofence.Bank: 1, geofence.Area: 1}; !cmp.Equal(count, want) {
				t.Errorf("zones %v, want %v", count, want)
			}
		})
	}
}

func TestTheExampleZonesSayThatTheyAreIllustrative(t *testing.T) {
	var file struct{ Note, Description string }
	if err := json.Unmarshal([]byte(example(t, "ciyao.geojson")), &file); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{file.Note, file.Description} {
		if !strings.Contains(strings.ToLower(text), "illustrative") || !strings.Contains(text, "survey") {
			t.Errorf("%q does not say so", text)
		}
	}
}

func TestTheGatesOfTheExampleLieOnItsRiver(t *testing.T) {
	zones, _ := geofence.Parse("ciyao.geojson", []byte(example(t, "ciyao.geojson")), geofence.WGS84)
	var river []geofence.Point
	for _, z := range zones {
		if z.Kind == geofence.Bank {
			river = z.Line
		}
	}
	for _, z := range zones {
		if z.Kind != geofence.Gate {
			continue
		}
		if z.RadiusDM < 250 || z.RadiusDM > 400 {
			t.Errorf("%s has a radius of %d dm", z.ID, z.RadiusDM)
		}
		nearest := int64(1 << 62)
		for _, p := range river {
			nearest = min(nearest, geofence.DistanceDM(p, z.Center))
		}
		if nearest > 0 {
			t.Errorf("%s lies %d dm from the nearest bend", z.ID, nearest)
		}
	}
}

func TestMistakesInConfigurationAndZoneFilesComeTogether(t *testing.T) {
	const gate = `{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"id":"gate-1","name":"Gate 1","kind":"gate","radius_m":30},"geometry":{"type":"Point","coordinates":[112.004,37.287]}}]}`
	for title, tt := range map[string]struct {
		config string
		zones  map[string]string
		want   []string // in this order, FOLDER left out
	}{
		"zones that rules speak of": {
			config: `station: {name: yanwu}
links: [{name: a, udp: ":14550"}]
zones: [{file: a.geojson, crs: wgs84}]
rules:
  - {name: a, near: [gate], severity: high, zones: [gate-l, gate-1, gate-1, weir]}
  - {name: b, near: [bank], severity: high, zones: [gate-1]}
`,
			zones: map[string]string{"a.geojson": gate},
			want: []string{
				`riverwatch.yaml:5:53: rules[0].zones[0]: there is no zone "gate-l": did you mean gate-1?`,
				`riverwatch.yaml:5:69: rules[0].zones[2]: "gate-1" is there twice: remove one`,
				`riverwatch.yaml:5:77: rules[0].zones[3]: there is no zone "weir": use the id of a zone in the files under zones`,
				`riverwatch.yaml:6:53: rules[1].zones[0]: "gate-1" is of kind gate, which the rule's near leaves out: add the kind to near, or remove the zone`,
			},
		},
		"files that cannot be read": {
			config: `station: {name: Yan}
links: [{name: a, udp: ":14550"}]
zones:
  - {file: none.geojson, crs: wgs84}
  - {file: fence.kml, crs: wgs84}
  - {file: a.geojson, crs: wgs84}
  - {file: b.geojson, crs: wgs84}
rules: [{name: a, near: [gate], severity: high, zones: [weir]}]
`,
			zones: map[string]string{"a.geojson": gate, "b.geojson": gate},
			want: []string{
				`riverwatch.yaml:1:17: station.name: "Yan" cannot be a station's name: use 1 to 32 of a-z, 0-9 and -`,
				`riverwatch.yaml:5:12: zones[1].file: .kml files are not read by this version: convert it to GeoJSON`,
				`riverwatch.yaml:4:12: zones[0].file: FOLDER/none.geojson cannot be opened: no such file or directory: name a zone file that can be read; relative paths start at the configuration file`,
				`b.geojson:2:2: gate-1: the id is already used at FOLDER/a.geojson:2:2: give each zone an id of its own`,
			},
		},
	} {
		t.Run(title, func(t *testing.T) {
			path := station(t, tt.config, tt.zones)
			c, problems := Load(path)
			_, more := c.LoadZones()
			var got []string
			for _, p := range append(problems, more...) {
				line := strings.TrimPrefix(p.String(), filepath.Dir(path)+"/")
				got = append(got, strings.ReplaceAll(line, filepath.Dir(path), "FOLDER"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
