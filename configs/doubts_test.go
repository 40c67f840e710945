package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatCannotHaveBeenMeantIsWarnedOf(t *testing.T) {
	const sources, vehicle = "sightings: {sources: [poi_script, tracking_geo, mark]}", "{name: egret-1, system: 1}"
	for name, tt := range map[string]struct{ from, to, want string }{ // want "": nothing
		"options of a source that is off": {sources, "sightings: {sources: [mark], rc_switch: {channel: 9}}",
			"c.yaml:12:30: warning: sightings.rc_switch: has options, and rc_switch is on for no vehicle: add rc_switch to sources, or leave them out"},
		"options of a source that is on for a vehicle": {sources, "sightings: {sources: [mark], rc_switch: {channel: 9}}\n#", ""},
		"a vehicle's options of a source that is off for it": {vehicle, "{name: egret-1, system: 1, named_value: {name: SIGHT}}",
			"warning: vehicles[0].named_value: has options, and named_value is off for this vehicle: add named_value to its sources, or leave them out"},
		"commands that nobody takes": {sources, "sightings: {sources: [mark], accept_commands: [{system: 255}]}",
			"warning: sightings.accept_commands: names who may tag, and spatial_user is off: add spatial_user to sightings.sources, or leave it out"},
		"a group with another name": {sources, "sightings: {sources: [statustext], statustext: {pattern: '^SIGHTING (?P<number>[0-9]+)'}}",
			`warning: sightings.statustext.pattern: has a group "number", which nothing reads: name it kind or count, or write ( ) without a name`},
		"words without a group": {sources, "sightings: {sources: [statustext], statustext: {pattern: '^REN', words: [{word: ren, kind: person}]}}",
			"warning: sightings.statustext.words: translate what the pattern's group kind says, and it has none: write (?P<kind>...) around the word, or leave words out"},
		"both groups": {sources, "sightings: {sources: [statustext], statustext: {pattern: '^S (?P<count>[0-9]+) (?P<kind>ren)', words: [{word: ren, kind: person}]}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(smallest, tt.from, tt.to, 1)
			if strings.HasSuffix(tt.to, "#") {
				text = strings.Replace(text, vehicle, "{name: egret-1, system: 1, sources: [rc_switch]}", 1)
			}
			var said []string
			_, problems := Parse("c.yaml", []byte(text), os.LookupEnv)
			for _, p := range problems {
				said = append(said, p.String())
			}
			if got := strings.Join(said, "\n"); tt.want == "" && got != "" || !strings.HasSuffix(got, tt.want) || strings.Count(got, "\n") > 0 {
				t.Errorf("said\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestATheatreThatLeavesZonesOutIsWarnedOf(t *testing.T) {
	const zones = `{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"id":"gate-1","name":"Gate 1","kind":"gate","radius_m":30},"geometry":{"type":"Point","coordinates":[112.004,37.287]}},
 {"type":"Feature","properties":{"id":"ciyao","name":"Ciyao","kind":"bank","width_m":40},"geometry":{"type":"LineString","coordinates":[[112.004,37.287],[112.008,37.268]]}},
 {"type":"Feature","properties":{"id":"field","name":"Field","kind":"area"},"geometry":{"type":"Polygon","coordinates":[[[112.0,37.2],[112.1,37.2],[112.1,37.3],[112.0,37.2]]]}}]}`
	for name, tt := range map[string]struct{ theatre, want string }{
		"around all":  {"{south: 37.1, west: 111.9, north: 37.4, east: 112.2}", ""},
		"elsewhere":   {"{south: 36.0, west: 111.9, north: 36.5, east: 112.2}", "gate-1, ciyao, field lie at least partly outside"},
		"a part only": {"{south: 37.1, west: 111.9, north: 37.4, east: 112.05}", "field lies at least partly outside"},
		"east cut":    {"{south: 37.1, west: 112.006, north: 37.4, east: 112.2}", "gate-1, ciyao, field lie"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := put(t, map[string]string{"ciyao.geojson": zones, "c.yaml": smallest + "fleet: {theatre: " + tt.theatre + "}\n"})
			c, problems := Load(filepath.Join(dir, "c.yaml"))
			if Broken(problems) {
				t.Fatal(problems)
			}
			_, problems = c.LoadZones()
			switch {
			case tt.want == "" && len(problems) == 0:
			case tt.want == "" || len(problems) != 1 || !problems[0].Warning || problems[0].Path != "fleet.theatre" || !strings.HasPrefix(problems[0].What, tt.want):
				t.Errorf("%v, want %q", problems, tt.want)
			}
		})
	}
}
