package mavlink

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SourceOptions are the options of the sources that have some, as the plan holds them; nil where none are given.
type SourceOptions struct {
	Photo      *PhotoOptions      `json:"photo,omitempty"`
	StatusText *StatusTextOptions `json:"statustext,omitempty"`
	RCSwitch   *RCSwitchOptions   `json:"rc_switch,omitempty"`
	Button     *ButtonOptions     `json:"button,omitempty"`
	NamedValue *NamedValueOptions `json:"named_value,omitempty"`
}

// PhotoOptions say where the subject of a photo is looked for.
type PhotoOptions struct {
	Position string `json:"position"` // PositionRay or PositionVehicle
}

// The positions of a photo: where the camera looked, as far as that is known; below the aircraft.
const (
	PositionRay     = "ray"
	PositionVehicle = "vehicle"
)

// StatusTextOptions say which texts are sightings.
type StatusTextOptions struct {
	Pattern string     `json:"pattern"` // RE2; its groups "kind" and "count" are read
	Kind    string     `json:"kind"`    // where the text gives none that counts
	Words   []KindWord `json:"words,omitempty"`
}

// KindWord is a word of a text and the kind of sighting that it means.
type KindWord struct {
	Word string `json:"word" yaml:"word"`
	Kind string `json:"kind" yaml:"kind"`
}

// RCSwitchOptions say which switch of the transmitter tags.
type RCSwitchOptions struct {
	Channel    uint8  `json:"channel"` // 1 to 18
	Edge       string `json:"edge"`    // EdgeHigh, EdgeLow or EdgeBoth
	DebounceUS int64  `json:"debounce_us"`
	Kind       string `json:"kind"`
}

// The edges of a switch that are presses: it comes to its high position, to its low one, to either.
const (
	EdgeHigh = "high"
	EdgeLow  = "low"
	EdgeBoth = "both"
)

// ButtonOptions say which button of the aircraft tags.
type ButtonOptions struct {
	Button uint8  `json:"button"` // 1 to 8: bit 0 to 7 of BUTTON_CHANGE
	Kind   string `json:"kind"`
}

// NamedValueOptions say which named value tags when it changes.
type NamedValueOptions struct {
	Name string `json:"name"` // 1 to 10 bytes
	Kind string `json:"kind"`
}

// CommandSender may tag by MAV_CMD_SPATIAL_USER_1.
type CommandSender struct {
	Name      string `json:"name"` // what its sightings are told under
	System    uint8  `json:"system"`
	Component uint8  `json:"component"`      // 0: any
	Link      string `json:"link,omitempty"` // that it must be heard on; "": any
}

// SourceOptionsConfig is SourceOptions as a configuration gives them, for all vehicles or for one. A source whose
// struct is empty has no options there.
type SourceOptionsConfig struct {
	Photo      PhotoConfig      `yaml:"photo"`
	StatusText StatusTextConfig `yaml:"statustext"`
	RCSwitch   RCSwitchConfig   `yaml:"rc_switch"`
	Button     ButtonConfig     `yaml:"button"`
	NamedValue NamedValueConfig `yaml:"named_value"`
}

// PhotoConfig is PhotoOptions as a configuration gives them.
type PhotoConfig struct {
	Position string `yaml:"position"` // "": ray
}

// StatusTextConfig is StatusTextOptions as a configuration gives them.
type StatusTextConfig struct {
	Pattern string     `yaml:"pattern"`
	Kind    string     `yaml:"kind"`  // "": person
	Words   []KindWord `yaml:"words"` // what the pattern's group "kind" may say; none: any word that can be a kind
}

// RCSwitchConfig is RCSwitchOptions as a configuration gives them.
type RCSwitchConfig struct {
	Channel  uint8         `yaml:"channel"`
	Edge     string        `yaml:"edge"`     // "": high
	Debounce time.Duration `yaml:"debounce"` // 0: 200 ms
	Kind     string        `yaml:"kind"`     // "": person
}

// ButtonConfig is ButtonOptions as a configuration gives them.
type ButtonConfig struct {
	Button uint8  `yaml:"button"`
	Kind   string `yaml:"kind"` // "": person
}

// NamedValueConfig is NamedValueOptions as a configuration gives them.
type NamedValueConfig struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"` // "": person
}

// CommandSenderConfig is CommandSender as a configuration gives it.
type CommandSenderConfig struct {
	Name      string `yaml:"name"` // "": "system-N"
	System    uint8  `yaml:"system"`
	Component uint8  `yaml:"component"`
	Link      string `yaml:"link"`
}

const (
	defaultKind     = "person"
	defaultDebounce = 200 * time.Millisecond // ArduPilot's own for its auxiliary switches

	maxPattern  = 1_000 // bytes
	maxKind     = 32
	maxWord     = 50
	maxWords    = 64
	maxDebounce = 10 * time.Second
	maxSenders  = 64
	maxChannel  = 18
	maxButton   = 8
	maxName     = 10 // bytes, of NAMED_VALUE
)

// IsKind says whether a word can be the kind of a sighting: 1 to 32 of a-z, 0-9, _ and -.
func IsKind(word string) bool {
	return word != "" && len(word) <= maxKind && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// plan is c as the plan holds it.
func (c *SourceOptionsConfig) plan() SourceOptions {
	var o SourceOptions
	if c.Photo != (PhotoConfig{}) {
		o.Photo = &PhotoOptions{Position: c.Photo.Position}
	}
	if t := &c.StatusText; t.given() {
		o.StatusText = &StatusTextOptions{Pattern: t.Pattern, Kind: or(t.Kind, defaultKind), Words: slices.Clone(t.Words)}
	}
	if r := &c.RCSwitch; *r != (RCSwitchConfig{}) {
		debounce := r.Debounce
		if debounce == 0 {
			debounce = defaultDebounce
		}
		o.RCSwitch = &RCSwitchOptions{Channel: r.Channel, Edge: or(r.Edge, EdgeHigh), DebounceUS: debounce.Microseconds(), Kind: or(r.Kind, defaultKind)}
	}
	if b := c.Button; b != (ButtonConfig{}) {
		o.Button = &ButtonOptions{Button: b.Button, Kind: or(b.Kind, defaultKind)}
	}
	if n := c.NamedValue; n != (NamedValueConfig{}) {
		o.NamedValue = &NamedValueOptions{Name: n.Name, Kind: or(n.Kind, defaultKind)}
	}
	return o
}

// own is plan for one vehicle: nil where it has no options of its own.
func (c *SourceOptionsConfig) own() *SourceOptions {
	if o := c.plan(); o != (SourceOptions{}) {
		return &o
	}
	return nil
}

func (c *StatusTextConfig) given() bool { return c.Pattern != "" || c.Kind != "" || len(c.Words) > 0 }

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// check reports the mistakes in options that are given. path is that of the group that holds them, with its point.
func (c *SourceOptionsConfig) check(path string, report func(path, what, remedy string)) {
	bad := func(key, what, remedy string) { report(path+key, what, remedy) }
	kind := func(key, word string) {
		if word != "" && !IsKind(word) {
			bad(key, fmt.Sprintf("%q is not a kind of sighting", word), "use a word such as person, boat or vehicle")
		}
	}
	if p := c.Photo.Position; p != "" && p != PositionRay && p != PositionVehicle {
		bad("photo.position", fmt.Sprintf("%q is not known", p), "use ray (where the camera looked) or vehicle (below the aircraft)")
	}
	if t := &c.StatusText; t.given() {
		c.checkText(bad)
		kind("statustext.kind", t.Kind)
	}
	if r := &c.RCSwitch; *r != (RCSwitchConfig{}) {
		if r.Channel < 1 || r.Channel > maxChannel {
			bad("rc_switch.channel", fmt.Sprintf("%d is not a channel", r.Channel), "give the number of the switch's channel, 1 to 18")
		}
		if r.Edge != "" && r.Edge != EdgeHigh && r.Edge != EdgeLow && r.Edge != EdgeBoth {
			bad("rc_switch.edge", fmt.Sprintf("%q is not known", r.Edge), "use high, low or both")
		}
		if r.Debounce < 0 || r.Debounce > maxDebounce {
			bad("rc_switch.debounce", "is not between 0s and 10s", "200ms suits a switch")
		}
		kind("rc_switch.kind", r.Kind)
	}
	if b := c.Button; b != (ButtonConfig{}) {
		if b.Button < 1 || b.Button > maxButton {
			bad("button.button", fmt.Sprintf("%d is not a button", b.Button), "give its number, 1 to 8: ArduPilot's BTN_PIN1 is 1")
		}
		kind("button.kind", b.Kind)
	}
	if n := c.NamedValue; n != (NamedValueConfig{}) {
		if n.Name == "" || len(n.Name) > maxName {
			bad("named_value.name", fmt.Sprintf("%q is not a name of 1 to 10 bytes", n.Name), "give the name as the script sends it, such as SIGHT")
		}
		kind("named_value.kind", n.Kind)
	}
}

func (c *SourceOptionsConfig) checkText(bad func(key, what, remedy string)) {
	t := &c.StatusText
	switch re, err := regexp.Compile(t.Pattern); {
	case t.Pattern == "":
		bad("statustext.pattern", "is missing", `give an expression that the texts match, such as '^SIGHTING (?P<count>\d+)'`)
	case len(t.Pattern) > maxPattern:
		bad("statustext.pattern", fmt.Sprintf("is longer than %d bytes", maxPattern), "write a shorter one; texts have 50 bytes each")
	case err != nil:
		bad("statustext.pattern", err.Error(), "write it in RE2 syntax (no look-ahead, no back-references)")
	case re.MatchString(""):
		bad("statustext.pattern", "matches every text", "say what a sighting's text begins with, such as ^SIGHTING")
	}
	if len(t.Words) > maxWords {
		bad("statustext.words", fmt.Sprintf("has more than %d words", maxWords), "leave some out")
	}
	for i, w := range t.Words {
		at := fmt.Sprintf("statustext.words[%d].", i)
		if w.Word == "" || len(w.Word) > maxWord {
			bad(at+"word", "is not a word of 1 to 50 bytes", "give the word as the texts have it")
		}
		if !IsKind(w.Kind) {
			bad(at+"kind", fmt.Sprintf("%q is not a kind of sighting", w.Kind), "use a word such as person, boat or vehicle")
		}
	}
}

// checkSources reports the mistakes in everything about sources: what is on lacks nothing, what is given is right.
func (c *Config) checkSources(report func(path, what, remedy string)) {
	all := c.Sightings.Options.plan()
	c.Sightings.Options.check("sightings.", report)
	lacking(c.Sightings.Sources, SourceOptions{}, all, "sightings.", report)
	if slices.Contains(c.Sightings.Sources, SourceSpatialUser) && len(c.Sightings.AcceptCommands) == 0 {
		report("sightings.accept_commands", "is missing while spatial_user is on", "list who may send sightings, such as {system: 255}, or leave spatial_user out")
	}
	for i := range c.Vehicles {
		v := &c.Vehicles[i]
		at := fmt.Sprintf("vehicles[%d].", i)
		v.Options.check(at, report)
		if v.Sources != nil { // else what they lack has been reported for all
			lacking(v.Sources, all, v.Options.plan(), at, report)
			if slices.Contains(v.Sources, SourceSpatialUser) && len(c.Sightings.AcceptCommands) == 0 {
				report(at+"sources", "has spatial_user on, and nobody may send it", "list who may in sightings.accept_commands, or leave spatial_user out")
			}
		}
	}
	if len(c.Sightings.AcceptCommands) > maxSenders {
		report("sightings.accept_commands", fmt.Sprintf("has more than %d senders", maxSenders), "leave some out")
	}
	for i, s := range c.Sightings.AcceptCommands {
		at := fmt.Sprintf("sightings.accept_commands[%d].", i)
		if s.System == 0 {
			report(at+"system", "is missing or 0", "give the sender's system id, such as 255 of a ground station")
		} else if s.System == c.Own.System {
			report(at+"system", fmt.Sprintf("%d is this station's own id", s.System), "give the sender's")
		}
		if slices.Contains(c.Sightings.AcceptCommands[:i], s) {
			report(strings.TrimSuffix(at, "."), "is there twice", "remove one")
		}
	}
}

// lacking reports the sources that are on and lack an option without which they mean nothing. theirs go before all.
func lacking(on []Source, all, theirs SourceOptions, path string, report func(path, what, remedy string)) {
	o := all.with(&theirs)
	for _, l := range []struct {
		source      Source
		has         bool
		key, remedy string
	}{
		{SourceStatusText, o.StatusText != nil, "statustext.pattern", `give an expression that the texts match, such as '^SIGHTING (?P<count>\d+)'`},
		{SourceRCSwitch, o.RCSwitch != nil, "rc_switch.channel", "give the number of the switch's channel, 1 to 18"},
		{SourceButton, o.Button != nil, "button.button", "give the number of the button, 1 to 8"},
		{SourceNamedValue, o.NamedValue != nil, "named_value.name", "give the name as the script sends it, such as SIGHT"},
	} {
		if slices.Contains(on, l.source) && !l.has {
			report(path+l.key, fmt.Sprintf("is missing while %s is on", l.source), l.remedy+", or leave "+string(l.source)+" out")
		}
	}
}

// with gives o with those of theirs, source by source, in their place.
func (o SourceOptions) with(theirs *SourceOptions) SourceOptions {
	if theirs == nil {
		return o
	}
	if theirs.Photo != nil {
		o.Photo = theirs.Photo
	}
	if theirs.StatusText != nil {
		o.StatusText = theirs.StatusText
	}
	if theirs.RCSwitch != nil {
		o.RCSwitch = theirs.RCSwitch
	}
	if theirs.Button != nil {
		o.Button = theirs.Button
	}
	if theirs.NamedValue != nil {
		o.NamedValue = theirs.NamedValue
	}
	return o
}

// commandSenders are those of the configuration as the plan holds them.
func commandSenders(list []CommandSenderConfig) []CommandSender {
	var all []CommandSender
	for _, c := range list {
		all = append(all, CommandSender{
			Name: or(c.Name, fmt.Sprintf("system-%d", c.System)), System: c.System, Component: c.Component, Link: c.Link,
		})
	}
	return all
}
