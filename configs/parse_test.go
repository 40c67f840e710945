package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"riverwatch/alerts"
	"riverwatch/alerts/notify"
	"riverwatch/geofence"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
	"riverwatch/replay"
)

// smallest is the smallest useful file, as the contract prints it.
const smallest = `station: {name: yanwu, timezone: Asia/Shanghai, data_dir: data}
http:    {listen: "127.0.0.1:8070"}                # public_url, token_file
links:
  - {name: field,  udp: "0.0.0.0:14550"}          # listens
  - {name: radio,  serial: /dev/ttyUSB0, baud: 57600}
  - {name: router, tcp: "192.0.2.10:5760"}        # connects; tcp_listen: listens
vehicles:
  - {name: egret-1, system: 1}
unknown_vehicles: unverified                       # or: ignore
zones:
  - {file: ciyao.geojson, crs: wgs84}              # wgs84 | gcj02 | bd09; required
sightings: {sources: [poi_script, tracking_geo, mark]}
rules:
  - {name: crossing, near: [gate, bank], severity: high}
notify:
  - {name: post, webhook: "http://127.0.0.1:9000/notice"}
`

// testEnv knows one variable.
func testEnv(name string) (string, bool) {
	if name == "POST_KEY" {
		return "swordfish", true
	}
	return "", false
}

func TestTheSmallestUsefulFileGivesTheDefaults(t *testing.T) {
	got, problems := Parse("conf/station.yaml", []byte(smallest), testEnv)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	if got.Station.Location.String() != "Asia/Shanghai" {
		t.Errorf("location %v", got.Station.Location)
	}
	want := &Config{
		Station: Station{Name: "yanwu", Timezone: "Asia/Shanghai", DataDir: filepath.Join("conf", "data")},
		HTTP:    HTTP{Listen: "127.0.0.1:8070"},
		Links: []link.Config{
			{Name: "field", UDP: "0.0.0.0:14550", Baud: 57600},
			{Name: "radio", Serial: "/dev/ttyUSB0", Baud: 57600},
			{Name: "router", TCP: "192.0.2.10:5760", Baud: 57600},
		},
		Mavlink: mavlink.Config{
			Vehicles:        []mavlink.VehicleConfig{{Name: "egret-1", System: 1}},
			UnknownVehicles: "unverified",
			Fleet:           mavlink.LivenessConfig{Stale: 3 * time.Second, Lost: 10 * time.Second},
			Sightings:       mavlink.SightingsConfig{Sources: []mavlink.Source{"poi_script", "tracking_geo", "mark"}},
			Own:             mavlink.OwnID{System: 245, Component: 191},
		},
		Zones: []geofence.Config{{File: filepath.Join("conf", "ciyao.geojson"), CRS: geofence.WGS84}},
		Rules: []alerts.RuleConfig{{
			Name: "crossing", Near: []string{"gate", "bank"}, Severity: alerts.High, MinCertainty: "possible",
			Merge: alerts.MergeConfig{WithinM: 300, Quiet: 15 * time.Minute},
		}},
		Camera:   geofence.SightConfig{MinDepressionDeg: 6, MaxRangeM: 1500, MaxCE90M: 150},
		Notify:   []notify.Config{{Name: "post", Webhook: "http://127.0.0.1:9000/notice", Deadline: time.Hour, Timeout: 10 * time.Second}},
		Sessions: replay.Config{Keep: 30 * 24 * time.Hour, MaxGiB: 50, MinFreeMiB: 512},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.IgnoreFields(Station{}, "Location")); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// Each testdata/*.txtar holds configurations and, under the same name with .problems, what must be said about them.
func TestEveryMistakeIsToldAtOnceWithItsPlaceAndRemedy(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, f := range archive.Files {
			if name, ok := strings.CutSuffix(f.Name, ".problems"); ok {
				want[name] = string(f.Data)
			}
		}
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".yaml") {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+f.Name, func(t *testing.T) {
				_, problems := Parse(f.Name, f.Data, testEnv)
				var got strings.Builder
				for _, p := range problems {
					got.WriteString(p.String() + "\n")
				}
				if diff := cmp.Diff(want[f.Name], got.String()); diff != "" {
					t.Errorf("problems (-want +got):\n%s\ngot:\n%s", diff, got.String())
				}
				if strings.Contains(got.String(), "swordfish") {
					t.Error("a secret is shown")
				}
			})
		}
	}
}

func TestASecretComesFromTheEnvironment(t *testing.T) {
	c, problems := Parse("c.yaml", []byte(strings.ReplaceAll(smallest, "9000/notice", "9000/notice?key=${POST_KEY}")), testEnv)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if want := "http://127.0.0.1:9000/notice?key=swordfish"; c.Notify[0].Webhook != want {
		t.Errorf("webhook %q, want %q", c.Notify[0].Webhook, want)
	}
}

func TestATokenFileIsForNobodyElse(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		mode    os.FileMode
		content string
		want    string // "" : accepted
	}{
		"as it should be":           {0o600, token + "\n", ""},
		"read only":                 {0o400, token, ""},
		"readable by the group":     {0o640, token, "can be read by others (mode 0640): chmod 600 "},
		"readable by everyone":      {0o604, token, "can be read by others (mode 0604): chmod 600 "},
		"empty":                     {0o600, "\n", "does not hold one token of 16 characters or more: openssl rand -hex 32 > "},
		"short enough to be tried":  {0o600, "letmein", "does not hold one token"},
		"a file of something else":  {0o600, token + "\n" + token, "does not hold one token"},
		"a file of some other size": {0o600, strings.Repeat(token, 64), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "token")
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, tt.mode); err != nil {
				t.Fatal(err)
			}
			conf := filepath.Join(dir, "c.yaml")
			text := strings.ReplaceAll(smallest, `http:    {listen: "127.0.0.1:8070"}`, `http: {listen: "0.0.0.0:8070", token_file: token}`)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, problems := Load(conf)
			if tt.want == "" {
				if len(problems) > 0 || c.HTTP.Token != token {
					t.Errorf("token %q, problems %v", c.HTTP.Token, problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want) {
				t.Fatalf("problems %v, want one with %q", problems, tt.want)
			}
			if p := problems[0]; p.Line != 2 || p.Column != 44 || p.Path != "http.token_file" {
				t.Errorf("said at %d:%d of %s", p.Line, p.Column, p.Path)
			}
			if strings.Contains(problems[0].String(), token) {
				t.Error("the token is shown")
			}
		})
	}
}

func TestAMissingFileIsSaidPlainly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	c, problems := Load(path)
	want := path + ": cannot be opened: no such file or directory: name a configuration file that can be read"
	if c != nil || len(problems) != 1 || problems[0].String() != want {
		t.Errorf("got %v, want %q", problems, want)
	}
}

func TestDurationsAreGosPlusDays(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"3s": 3 * time.Second, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "500ms": 500 * time.Millisecond, "0d": 0, "-1s": -time.Second,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "15", "3 s", "-1d", "1.5d", "1d-1h", "1d24h", "99999d", "1d1d", "1w", "d5h"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q is taken for %v", in, got)
		}
	}
}

var commented = regexp.MustCompile(`(?m)^( *)# ( *(?:- |[a-z_0-9]+:))`)

func TestTheExampleHasEveryKeyAndNoMistake(t *testing.T) {
	data, err := Example.ReadFile("riverwatch.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := Parse("riverwatch.example.yaml", data, testEnv); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	// A key in a comment is one to be used: without the # it is as right as the others.
	head, body, _ := bytes.Cut(data, []byte("\nstation:"))
	whole := slices.Concat(head, []byte("\nstation:"), commented.ReplaceAll(body, []byte("$1$2")))
	c, problems := Parse("riverwatch.example.yaml", whole, testEnv)
	for _, p := range problems {
		if !p.Warning || !strings.Contains(p.Remedy, "sources") { // options of sources that are off
			t.Errorf("problem with what is in comments: %s", p)
		}
	}
	shown := map[string]bool{}
	for place := range c.places {
		shown[withoutIndexes(place)] = true
	}
	var missing []string
	var walk func(path string, v reflect.Type)
	walk = func(path string, v reflect.Type) {
		for _, f := range fields(v) {
			at := path + f.key
			if !shown[at] && !shown[strings.Replace(at, "vehicles[].", "sightings.", 1)] { // options of sources go for both
				missing = append(missing, at)
			}
			ft := v.FieldByIndex(f.index).Type
			if ft.Kind() == reflect.Slice {
				at, ft = at+"[]", ft.Elem()
			}
			if ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			if ft.Kind() == reflect.Struct {
				walk(at+".", ft)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	if len(missing) > 0 {
		t.Errorf("keys that the example does not show: %v", missing)
	}
}

func TestTheExampleShowsTheDefaults(t *testing.T) {
	data, err := Example.ReadFile("riverwatch.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example, _ := Parse("c.yaml", data, testEnv)
	bare, _ := Parse("c.yaml", []byte("station: {name: yanwu, timezone: Asia/Shanghai}\nnotify: [{name: a, log: true}]\nrules: [{name: a, near: [gate], severity: high}]"), testEnv)
	example.Mavlink.Vehicles, example.Links, example.Zones = nil, nil, nil
	bare.Rules[0].Name, bare.Rules[0].Near = "crossing", []string{"gate", "bank"}
	example.Rules = example.Rules[:1]
	bare.Notify[0].Name = "journal"
	example.Notify[0].Webhook, example.Notify[0].Log, example.Notify[0].Name = "", true, "journal"
	example.Notify = example.Notify[:1]
	if diff := cmp.Diff(bare, example, cmpopts.IgnoreUnexported(Config{}), cmpopts.IgnoreFields(Station{}, "Location")); diff != "" {
		t.Errorf("defaults (-are +shown):\n%s", diff)
	}
}

func TestWhatNeedNotBeThereIsAbsentOrWhole(t *testing.T) {
	for text, want := range map[string]*mavlink.TheatreConfig{
		"":                    nil,
		"fleet: {theatre: ~}": nil,
		"fleet: {theatre: {south: 37, west: 111.5, north: 38, east: 112}}": {South: new(37.0), West: new(111.5), North: new(38.0), East: new(112.0)},
		"fleet: {theatre: {south: 0, west: -1.0e1, north: 1, east: 0}}":    {South: new(0.0), West: new(-10.0), North: new(1.0), East: new(0.0)},
	} {
		c, problems := Parse("c.yaml", []byte(smallest+text), testEnv)
		if diff := cmp.Diff(want, c.Mavlink.Fleet.Theatre); diff != "" || len(problems) > 0 {
			t.Errorf("%s: problems %v (-want +got):\n%s", text, problems, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		smallest, "", "#", "a", "- a", "a: 1\na: 2", "links: [{udp: 1}]", "links:\n - {name: a, udp: ':0', allow: [x]}", "fleet: {stale: 1d, lost: 3}",
		"a: &a 1\nb: *a", "? a\n: b", "station: !!str x", "station: |\n  x", "<<: {a: 1}", "---\n---\na: 1", "%YAML 1.2\n---\na: 1", "\t", "a: [", "notify: [{webhook: 'http://a:b@c?key=${X}'}]",
		"vehicles: [{pins: {link: a, uid2: ~}, key_file: x, signing: no, camera: {pitch_deg: .inf}, rc_switch: {channel: 1e9}}]", "fleet: {theatre: {south: {}}}",
		"sightings: {statustext: {pattern: '(', words: [{}, ~]}, accept_commands: [{link: ~}]}", "camera: {max_range_m: -.inf}\nterrain: [dir]",
		"own: {system: -1, component: 1e3}", "sessions: {keep: .inf, max_gib: .nan}", "zones: [~, {}]", "station:\n", "\ufeffstation: {}", "a: \"\\u0000\"", strings.Repeat("- ", 80), strings.Repeat("[", 80),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := Parse("f.yaml", data, testEnv)
		if c == nil && !Broken(problems) {
			t.Error("neither a configuration nor a reason")
		}
		for _, p := range problems {
			if p.What == "" || p.Line < 1 || p.Column < 1 || p.File != "f.yaml" {
				t.Errorf("a problem without place or reason: %+v", p)
			}
			if strings.Contains(p.String(), "swordfish") {
				t.Errorf("a secret is shown: %s", p)
			}
		}
		if _, again := Parse("f.yaml", data, testEnv); !cmp.Equal(problems, again) {
			t.Error("a second look finds something else")
		}
	})
}
