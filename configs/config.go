package configs

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the binary may run where no zone database is installed
	"unicode"
	"unicode/utf8"

	"riverwatch/alerts"
	"riverwatch/alerts/notify"
	"riverwatch/geofence"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
	"riverwatch/replay"
)

// Config is a station's whole configuration, with its defaults filled in and its paths made relative to the working
// directory instead of the file.
type Config struct {
	Station  Station                `yaml:"station"`
	HTTP     HTTP                   `yaml:"http"`
	Links    []link.Config          `yaml:"links"`
	Mavlink  mavlink.Config         `yaml:",inline"` // vehicles, unknown_vehicles, fleet, sightings, own
	Zones    []geofence.Config      `yaml:"zones"`
	Camera   geofence.SightConfig   `yaml:"camera"`
	Terrain  geofence.TerrainConfig `yaml:"terrain"`
	Tiles    []*geofence.Tile       `yaml:"-"` // what LoadTerrain read
	Rules    []alerts.RuleConfig    `yaml:"rules"`
	Notify   []notify.Config        `yaml:"notify"`
	Sessions replay.Config          `yaml:"sessions"`

	file   string
	places map[string]place
}

// Station says who and where the station is.
type Station struct {
	Name     string `yaml:"name"`     // part of every alert's id: [a-z0-9-]{1,32}
	Timezone string `yaml:"timezone"` // IANA name; for texts that people read, everything else is UTC
	DataDir  string `yaml:"data_dir"` // sessions and ledger

	Location *time.Location `yaml:"-"` // Timezone's
}

// HTTP says where the console listens and who may use it.
type HTTP struct {
	Listen    string `yaml:"listen"`     // address:port
	PublicURL string `yaml:"public_url"` // how others reach the console, for links in notices; "": http://LISTEN
	TokenFile string `yaml:"token_file"` // holds the bearer token; 0600
	Token     string `yaml:"-"`          // what Load read from TokenFile
}

// SetDefaults fills in what the configuration need not say.
func (c *Config) SetDefaults() {
	c.Station.Timezone, c.Station.DataDir = "UTC", "data"
	c.HTTP.Listen = "127.0.0.1:8070"
}

var stationName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// check reports every mistake that the values themselves show.
func (c *Config) check(report func(path, what, remedy string)) {
	c.Station.Location = c.Station.check(under("station", report))
	c.HTTP.check(under("http", report))
	c.Mavlink.Check(report)
	c.checkLinkNames(report)
	c.Camera.Check(under("camera", report))
	c.Terrain.Check(under("terrain", report))
	c.Sessions.Check(under("sessions", report))
	for i, l := range c.Links {
		l.Check(under(fmt.Sprintf("links[%d]", i), report))
	}
	link.CheckTogether(c.Links, func(i int, path, what, remedy string) {
		report(fmt.Sprintf("links[%d].%s", i, path), what, remedy)
	})
	for i, z := range c.Zones {
		at := fmt.Sprintf("zones[%d]", i)
		z.Check(under(at, report))
		for _, other := range c.Zones[:i] {
			if z.File != "" && other.File == z.File {
				report(at+".file", z.File+" is listed twice", "remove one")
				break
			}
		}
	}
	for i, r := range c.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		r.Check(under(at, report))
		mavlink.CheckSources(at+".sources", r.Sources, report)
	}
	for i, n := range c.Notify {
		n.Check(under(fmt.Sprintf("notify[%d]", i), report))
	}
	names("links", c.Links, func(l link.Config) string { return l.Name }, report)
	names("vehicles", c.Mavlink.Vehicles, func(v mavlink.VehicleConfig) string { return v.Name }, report)
	names("rules", c.Rules, func(r alerts.RuleConfig) string { return r.Name }, report)
	names("notify", c.Notify, func(n notify.Config) string { return n.Name }, report)
}

// checkLinkNames reports the links that vehicles and senders of commands are held to and that there are not.
func (c *Config) checkLinkNames(report func(path, what, remedy string)) {
	names := make([]string, len(c.Links))
	for i, l := range c.Links {
		names[i] = l.Name
	}
	check := func(path, name string) {
		if name == "" || slices.Contains(names, name) {
			return
		}
		remedy := "use the name of one of links"
		if near := nearest(name, names); near != "" {
			remedy = fmt.Sprintf("did you mean %s?", near)
		}
		report(path, fmt.Sprintf("there is no link %q", name), remedy)
	}
	for i, v := range c.Mavlink.Vehicles {
		check(fmt.Sprintf("vehicles[%d].pins.link", i), v.Pins.Link)
		c.checkPlace(v.Pins, under(fmt.Sprintf("vehicles[%d].pins.address", i), report))
	}
	for i, s := range c.Mavlink.Sightings.AcceptCommands {
		check(fmt.Sprintf("sightings.accept_commands[%d].link", i), s.Link)
	}
}

// warn reports what is no mistake but leaves the station without a use.
func (c *Config) warn(report func(path, what, remedy string)) {
	if len(c.Links) == 0 {
		report("links", "none: no drone is heard", `add one, such as {name: field, udp: "0.0.0.0:14550"}`)
	}
	if len(c.Zones) == 0 {
		report("zones", "none: no sighting is near anything", "add one, such as {file: zones.geojson, crs: wgs84}")
	}
	if len(c.Rules) == 0 {
		report("rules", "none: no sighting becomes an alert", "add one, such as {name: crossing, near: [gate, bank], severity: high}")
	}
	on := slices.Clone(c.Mavlink.Sightings.Sources)
	for _, v := range c.Mavlink.Vehicles {
		on = append(on, v.Sources...)
	}
	for i, r := range c.Rules {
		if len(r.Sources) > 0 && !slices.ContainsFunc(r.Sources, func(s string) bool { return slices.Contains(on, mavlink.Source(s)) }) {
			report(fmt.Sprintf("rules[%d].sources", i), "none of them is on, so the rule never matches", "turn one on in sightings.sources, or remove the rule")
		}
	}
	c.warnSources(report)
}

// under gives a report whose paths start at prefix.
func under(prefix string, report func(path, what, remedy string)) func(path, what, remedy string) {
	return func(path, what, remedy string) {
		if path != "" {
			path = "." + path
		}
		report(prefix+path, what, remedy)
	}
}

// names reports missing, malformed and repeated names of a list. They go into metrics, alerts and one-line messages.
func names[T any](list string, items []T, name func(T) string, report func(path, what, remedy string)) {
	for i, item := range items {
		n, at := name(item), fmt.Sprintf("%s[%d].name", list, i)
		switch {
		case n == "":
			report(at, "is missing", "give it one that people will recognise")
		case utf8.RuneCountInString(n) > 64, strings.TrimSpace(n) != n, strings.ContainsFunc(n, func(r rune) bool { return !unicode.IsPrint(r) }):
			report(at, fmt.Sprintf("%q cannot be a name", n), "use up to 64 printable characters, no space at either end")
		default:
			for j, other := range items[:i] {
				if name(other) == n {
					report(at, fmt.Sprintf("%q is the name of %s[%d] already", n, list, j), "choose another")
					break
				}
			}
		}
	}
}

func (s Station) check(report func(path, what, remedy string)) *time.Location {
	if s.Name == "" {
		report("name", "is missing", "name the station; alerts of several stations are told apart by it")
	} else if !stationName.MatchString(s.Name) {
		report("name", fmt.Sprintf("%q cannot be a station's name", s.Name), "use 1 to 32 of a-z, 0-9 and -")
	}
	location, err := time.LoadLocation(s.Timezone)
	if err != nil || s.Timezone == "" || s.Timezone == "Local" {
		report("timezone", fmt.Sprintf("%q is not a time zone", s.Timezone), "use an IANA name such as Asia/Shanghai, or UTC")
	}
	if s.DataDir == "" {
		report("data_dir", "is empty", "name the folder for sessions and ledger")
	}
	return location
}

func (h HTTP) check(report func(path, what, remedy string)) {
	loopback, ok := listenAddress(h.Listen)
	switch {
	case !ok:
		report("listen", fmt.Sprintf("%q is not an address and port to listen on", h.Listen), `write it as "127.0.0.1:8070", "[::1]:8070" or "0.0.0.0:8070"`)
	case !loopback && h.TokenFile == "":
		report("listen", fmt.Sprintf("%s can be reached from other machines and no token is set", h.Listen),
			"set http.token_file, or listen on 127.0.0.1")
	}
	if h.PublicURL != "" {
		u, err := url.Parse(h.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			report("public_url", "is not an http or https URL without user, query and fragment", `write it as "https://watch.example.org"`)
		}
	}
}

// listenAddress says whether an address to listen on is well formed, and whether only this machine reaches it.
func listenAddress(address string) (loopback, ok bool) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return false, false
	}
	if _, err := strconv.ParseUint(address[i+1:], 10, 16); err != nil {
		return false, false
	}
	switch host := address[:i]; host {
	case "":
		return false, true
	case "localhost":
		return true, true
	default:
		if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
			host = host[1 : len(host)-1]
		} else if strings.Contains(host, ":") {
			return false, false
		}
		ip, err := netip.ParseAddr(host)
		return ip.Unmap().IsLoopback(), err == nil
	}
}
