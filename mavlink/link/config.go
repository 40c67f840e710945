package link

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultBaud is the rate of a serial link that gives none: that of the common telemetry radios.
const DefaultBaud = 57600

// Config describes one link: one way bytes come in. Exactly one of UDP, Serial, TCP and TCPListen is set.
type Config struct {
	Name      string   `yaml:"name"`       // what people call it; also its label in the metrics
	UDP       string   `yaml:"udp"`        // "address:port" to listen on; IPv6 as "[::]:14550"
	Serial    string   `yaml:"serial"`     // a device, 8N1
	Baud      int      `yaml:"baud"`       // bits per second, of Serial only
	TCP       string   `yaml:"tcp"`        // "host:port" to connect to
	TCPListen string   `yaml:"tcp_listen"` // "address:port" to listen on
	Allow     []string `yaml:"allow"`      // CIDRs that may send here; empty: all
	// Mode is "listen" (or nothing): nothing is sent, or "request": vehicles are asked for what the station needs.
	Mode          string `yaml:"mode"`
	LegacyStreams bool   `yaml:"legacy_streams"` // ask those that know no SET_MESSAGE_INTERVAL by REQUEST_DATA_STREAM
}

// The words of Mode.
const (
	ModeListen  = "listen"
	ModeRequest = "request"
)

// SetDefaults fills in what a link need not say.
func (c *Config) SetDefaults() { c.Baud = DefaultBaud }

// Check reports every mistake in c, each under the key that holds it ("" for the link as a whole).
func (c Config) Check(report func(path, what, remedy string)) {
	var kinds []string
	for _, k := range c.transports() {
		if k.value != "" {
			kinds = append(kinds, k.key)
		}
	}
	switch len(kinds) {
	case 0:
		report("", "says no way in", "give exactly one of udp, serial, tcp and tcp_listen")
	case 1:
	default:
		report(kinds[1], "is a second way in beside "+kinds[0], "one link is one way in: make it two links")
	}
	if c.UDP != "" {
		checkListen("udp", c.UDP, report)
	}
	if c.TCPListen != "" {
		checkListen("tcp_listen", c.TCPListen, report)
	}
	if c.TCP != "" {
		if host, port, err := splitAddress(c.TCP); err != nil || host == "" || port == 0 {
			report("tcp", fmt.Sprintf("%q is not a host and port to connect to", c.TCP), `write it as "192.0.2.10:5760" or "[2001:db8::10]:5760"`)
		}
	}
	switch {
	case c.Serial == "" && c.Baud != DefaultBaud && len(kinds) > 0:
		report("baud", "is for serial links only", "remove it")
	case c.Serial != "" && (c.Baud < 50 || c.Baud > 12_000_000):
		report("baud", fmt.Sprintf("%d is not a rate in bits per second", c.Baud), "give the rate that the radio is set to, often 57600 or 115200")
	}
	if c.Serial != "" && len(c.Allow) > 0 {
		report("allow", "means nothing on a serial link", "remove it")
	}
	if c.Mode != "" && c.Mode != ModeListen && c.Mode != ModeRequest {
		report("mode", fmt.Sprintf("%q is not known", c.Mode), "use listen (nothing is sent) or request (vehicles heard there are asked for what the station needs)")
	}
	if c.LegacyStreams && c.Mode != ModeRequest {
		report("legacy_streams", "is a way to request, and this link does not", "remove it, or set mode: request")
	}
	for i, s := range c.Allow {
		if _, err := netip.ParsePrefix(s); err != nil {
			report(fmt.Sprintf("allow[%d]", i), fmt.Sprintf("%q is not a network", s), `write it as "192.0.2.0/24"; a single address is "192.0.2.7/32"`)
		}
	}
}

// CheckTogether reports the links that claim the place of an earlier one, each by its index and key.
func CheckTogether(links []Config, report func(i int, path, what, remedy string)) {
	type seen struct {
		link int
		key  string
		at   string
	}
	var before []seen
	for i, c := range links {
		for _, k := range c.transports() {
			if k.value == "" {
				continue
			}
			for _, b := range before {
				if b.key == k.key && samePlace(k.key, b.at, k.value) {
					report(i, k.key, fmt.Sprintf("%s is taken by link %q already", k.value, links[b.link].Name),
						"give one of the two another, or remove it")
					break
				}
			}
			before = append(before, seen{i, k.key, k.value})
		}
	}
}

type transport struct{ key, value string }

func (c Config) transports() [4]transport {
	return [4]transport{{"udp", c.UDP}, {"serial", c.Serial}, {"tcp", c.TCP}, {"tcp_listen", c.TCPListen}}
}

// samePlace says whether two links of one kind cannot both have their place: the same device or peer, or listening
// addresses with the same port that are equal or of which one is a wildcard. Port 0 is never taken.
func samePlace(key, a, b string) bool {
	if key == "serial" {
		return a == b
	}
	hostA, portA, errA := splitAddress(a)
	hostB, portB, errB := splitAddress(b)
	if errA != nil || errB != nil || portA != portB || portA == 0 {
		return false
	}
	ipA, errA := netip.ParseAddr(hostA)
	ipB, errB := netip.ParseAddr(hostB)
	switch {
	case key != "tcp" && (hostA == "" || hostB == ""): // every address of both families
		return true
	case key == "tcp" || errA != nil || errB != nil:
		return strings.EqualFold(hostA, hostB)
	}
	both := netip.IPv6Unspecified() // takes the IPv4 addresses as well
	return ipA == ipB || ipA == both || ipB == both || ipA.Is4() == ipB.Is4() && (ipA.IsUnspecified() || ipB.IsUnspecified())
}

func checkListen(key, address string, report func(path, what, remedy string)) {
	const remedy = `write it as "0.0.0.0:14550" (every IPv4 address of this machine), "[::]:14550" or "127.0.0.1:14550"`
	host, _, err := splitAddress(address)
	if err != nil {
		report(key, fmt.Sprintf("%q is not an address and port to listen on", address), remedy)
		return
	}
	if host == "" || host == "localhost" {
		return
	}
	if _, err := netip.ParseAddr(host); err != nil {
		report(key, fmt.Sprintf("%q is not an address of this machine", host), remedy)
	}
}

// splitAddress splits "host:port"; an IPv6 host stands in brackets.
func splitAddress(address string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("no port in %q", address)
	}
	host = address[:i]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	} else if strings.ContainsAny(host, ":[]") {
		return "", 0, fmt.Errorf("an IPv6 address stands in brackets: %q", address)
	}
	if strings.ContainsAny(host, " \t/@") {
		return "", 0, fmt.Errorf("not a host: %q", host)
	}
	n, err := strconv.ParseUint(address[i+1:], 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("not a port: %q", address[i+1:])
	}
	return host, uint16(n), nil
}
