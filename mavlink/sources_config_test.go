package mavlink

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheOptionsOfSourcesBecomeAPlan(t *testing.T) {
	var c Config
	c.SetDefaults()
	c.Sightings.Sources = Sources()
	c.Sightings.Options = SourceOptionsConfig{
		StatusText: StatusTextConfig{Pattern: `^SIGHTING (?P<kind>\w+)`, Words: []KindWord{{"船", "boat"}}},
		RCSwitch:   RCSwitchConfig{Channel: 7},
		Button:     ButtonConfig{Button: 1, Kind: "boat"},
		NamedValue: NamedValueConfig{Name: "SIGHT"},
	}
	c.Sightings.AcceptCommands = []CommandSenderConfig{{System: 255}, {Name: "post", System: 254, Component: 190, Link: "field"}}
	c.Vehicles = []VehicleConfig{
		{Name: "egret-1", System: 1, Options: SourceOptionsConfig{
			RCSwitch: RCSwitchConfig{Channel: 8, Edge: EdgeBoth, Debounce: 50 * time.Millisecond, Kind: "boat"}, Photo: PhotoConfig{Position: PositionVehicle},
		}},
		{Name: "egret-2", System: 2},
	}
	c.Check(func(path, what, remedy string) { t.Errorf("%s: %s: %s", path, what, remedy) })
	p := c.Plan()
	want := SourceOptions{
		StatusText: &StatusTextOptions{Pattern: `^SIGHTING (?P<kind>\w+)`, Kind: "person", Words: []KindWord{{"船", "boat"}}},
		RCSwitch:   &RCSwitchOptions{Channel: 7, Edge: EdgeHigh, DebounceUS: 200_000, Kind: "person"},
		Button:     &ButtonOptions{Button: 1, Kind: "boat"},
		NamedValue: &NamedValueOptions{Name: "SIGHT", Kind: "person"},
	}
	if diff := cmp.Diff(want, p.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]CommandSender{{Name: "system-255", System: 255}, {Name: "post", System: 254, Component: 190, Link: "field"}}, p.Commands); diff != "" {
		t.Errorf("senders (-want +got):\n%s", diff)
	}
	own := &SourceOptions{
		Photo: &PhotoOptions{Position: PositionVehicle}, RCSwitch: &RCSwitchOptions{Channel: 8, Edge: EdgeBoth, DebounceUS: 50_000, Kind: "boat"},
	}
	if diff := cmp.Diff(own, p.Vehicles[0].Options); diff != "" || p.Vehicles[1].Options != nil {
		t.Errorf("options of one vehicle (-want +got):\n%s", diff)
	}
	f := NewFleet(p)
	if r := f.tagging.rules[1]; r.rc.Channel != 8 || r.photoRay || r.value.Name != "SIGHT" || r.text == nil || r.button.Button != 1 {
		t.Errorf("egret-1 goes by %+v", r)
	}
	if r := f.tagging.rules[2]; r.rc.Channel != 7 || !r.photoRay {
		t.Errorf("egret-2 goes by %+v", r)
	}
}

func TestMistakesInTheOptionsOfSourcesAreReportedUnderTheirKeys(t *testing.T) {
	on := func(c *Config, s ...Source) { c.Sightings.Sources = append(c.Sightings.Sources, s...) }
	for title, tt := range map[string]struct {
		spoil func(*Config)
		want  []string
	}{
		"sources that lack what they look for": {
			func(c *Config) {
				on(c, SourceStatusText, SourceRCSwitch, SourceButton, SourceNamedValue, SourceSpatialUser)
			},
			[]string{"sightings.statustext.pattern", "sightings.rc_switch.channel", "sightings.button.button", "sightings.named_value.name", "sightings.accept_commands"},
		},
		"a vehicle's source that lacks it": {func(c *Config) { c.Vehicles[1].Sources = []Source{SourceButton, SourceSpatialUser} }, []string{"vehicles[1].button.button", "vehicles[1].sources"}},
		"a vehicle's source that all have": {func(c *Config) {
			c.Vehicles[1].Sources, c.Sightings.Options.Button.Button = []Source{SourceButton}, 3
		}, nil},
		"options of a source that is off": {func(c *Config) { c.Sightings.Options.RCSwitch.Channel = 7 }, nil},
		"options that cannot be": {func(c *Config) {
			c.Sightings.Options = SourceOptionsConfig{
				Photo: PhotoConfig{"target"}, StatusText: StatusTextConfig{Kind: "Person"}, RCSwitch: RCSwitchConfig{19, "up", -1, "a b"},
				Button: ButtonConfig{9, "?"}, NamedValue: NamedValueConfig{"SIGHTINGS!!", strings.Repeat("x", 33)},
			}
		}, []string{"sightings.photo.position", "sightings.statustext.pattern", "sightings.statustext.kind", "sightings.rc_switch.channel", "sightings.rc_switch.edge",
			"sightings.rc_switch.debounce", "sightings.rc_switch.kind", "sightings.button.button", "sightings.button.kind", "sightings.named_value.name", "sightings.named_value.kind"}},
		"a pattern that is none":   {func(c *Config) { c.Vehicles[0].Options.StatusText.Pattern = `(?=x)` }, []string{"vehicles[0].statustext.pattern"}},
		"a pattern without end":    {func(c *Config) { c.Vehicles[0].Options.StatusText.Pattern = strings.Repeat("a", 1001) }, []string{"vehicles[0].statustext.pattern"}},
		"a pattern for everything": {func(c *Config) { c.Vehicles[0].Options.StatusText.Pattern = `.*` }, []string{"vehicles[0].statustext.pattern"}},
		"words that mean nothing": {func(c *Config) {
			c.Sightings.Options.StatusText = StatusTextConfig{Pattern: "x", Words: []KindWord{{"", "x"}, {"x", ""}}}
		}, []string{"sightings.statustext.words[0].word", "sightings.statustext.words[1].kind"}},
		"senders that cannot be": {func(c *Config) {
			c.Sightings.AcceptCommands = []CommandSenderConfig{{}, {System: 245}, {System: 7}, {System: 7}}
		}, []string{"sightings.accept_commands[0].system", "sightings.accept_commands[1].system", "sightings.accept_commands[3]"}},
		"more senders than there are": {func(c *Config) {
			for i := range 65 {
				c.Sightings.AcceptCommands = append(c.Sightings.AcceptCommands, CommandSenderConfig{System: uint8(i + 1)})
			}
		}, []string{"sightings.accept_commands"}},
	} {
		t.Run(title, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.Vehicles = []VehicleConfig{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2}}
			tt.spoil(&c)
			var got []string
			c.Check(func(path, what, remedy string) {
				if what == "" || remedy == "" || strings.HasSuffix(remedy, ".") {
					t.Errorf("%s: %q, remedy %q", path, what, remedy)
				}
				got = append(got, path)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPlanOfImpossibleOptionsIsHarmless(t *testing.T) {
	p := pressPlan()
	p.Options = SourceOptions{
		Photo: &PhotoOptions{}, StatusText: &StatusTextOptions{Pattern: "SIGHTING (?P<kind>.*)", Kind: "\xff", Words: []KindWord{{"x", "\xff"}}},
		RCSwitch: &RCSwitchOptions{Channel: 200, DebounceUS: -1}, Button: &ButtonOptions{}, NamedValue: &NamedValueOptions{},
	}
	x := newField(t, p)
	x.hover(1, 60)
	for _, us := range []uint16{1000, 1950, 1950, 1950} {
		x.send(1, 1, channels(0, us))
		x.wait(time.Second)
	}
	if n := x.send(1, 1, text("SIGHTING x")); len(n.Evidence) != 1 || n.Evidence[0].Kind != "x" || len(x.told.Evidence) != 1 {
		t.Errorf("%+v", x.told.Evidence)
	}
	if n := x.send(1, 1, text("SIGHTING \x01")); len(n.Evidence) != 1 || n.Evidence[0].Kind != "person" {
		t.Errorf("%+v", n.Evidence)
	}
	if !slices.Equal(Sources(), slices.Compact(Sources())) || len(Sources()) != 9 {
		t.Errorf("%v", Sources())
	}
}
