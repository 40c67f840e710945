package link

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestALinkIsOneWayInAtAGoodAddress(t *testing.T) {
	for title, tt := range map[string]struct {
		c    Config
		want []string // keys complained of; "" is the link as a whole
	}{
		"every IPv4 address":        {Config{UDP: "0.0.0.0:14550"}, nil},
		"every address":             {Config{UDP: ":14550"}, nil},
		"IPv6":                      {Config{UDP: "[::1]:14550"}, nil},
		"IPv6 with a zone":          {Config{UDP: "[fe80::1%eth0]:14550"}, nil},
		"any port":                  {Config{TCPListen: "127.0.0.1:0"}, nil},
		"a host to connect to":      {Config{TCP: "router.example.org:5760"}, nil},
		"networks":                  {Config{UDP: ":1", Allow: []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"}}, nil},
		"a serial port":             {Config{Serial: "/dev/ttyUSB0"}, nil},
		"no way in":                 {Config{}, []string{""}},
		"two ways in":               {Config{UDP: ":1", TCP: "a:1"}, []string{"tcp"}},
		"no port":                   {Config{UDP: "0.0.0.0"}, []string{"udp"}},
		"a port too high":           {Config{UDP: "0.0.0.0:65536"}, []string{"udp"}},
		"a port by name":            {Config{UDP: "0.0.0.0:mavlink"}, []string{"udp"}},
		"IPv6 without brackets":     {Config{UDP: "::1:14550"}, []string{"udp"}},
		"listening on a host":       {Config{TCPListen: "example.org:5760"}, []string{"tcp_listen"}},
		"connecting to nobody":      {Config{TCP: ":5760"}, []string{"tcp"}},
		"connecting to port 0":      {Config{TCP: "192.0.2.1:0"}, []string{"tcp"}},
		"a URL":                     {Config{TCP: "tcp://192.0.2.1:5760"}, []string{"tcp"}},
		"an address, no network":    {Config{UDP: ":1", Allow: []string{"10.0.0.0/8", "192.0.2.7"}}, []string{"allow[1]"}},
		"networks of a serial port": {Config{Serial: "/dev/ttyUSB0", Allow: []string{"10.0.0.0/8"}}, []string{"allow"}},
		"a rate of a socket":        {Config{UDP: ":1", Baud: 9600}, []string{"baud"}},
		"no rate":                   {Config{Serial: "/dev/ttyUSB0", Baud: -1}, []string{"baud"}},
		"listening, in words":       {Config{UDP: ":1", Mode: "listen"}, nil},
		"requesting":                {Config{UDP: ":1", Mode: "request"}, nil},
		"requesting the old way":    {Config{TCP: "a:1", Mode: "request", LegacyStreams: true}, nil},
		"a mode of another kind":    {Config{UDP: ":1", Mode: "Request"}, []string{"mode"}},
		"streams, only listening":   {Config{UDP: ":1", Mode: "listen", LegacyStreams: true}, []string{"legacy_streams"}},
		"streams, by no mode":       {Config{UDP: ":1", LegacyStreams: true}, []string{"legacy_streams"}},
	} {
		t.Run(title, func(t *testing.T) {
			c := tt.c
			if c.Baud == 0 {
				c.SetDefaults()
			}
			var got []string
			c.Check(func(path, what, remedy string) {
				if what == "" || remedy == "" {
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

func TestTwoLinksCannotHaveOnePlace(t *testing.T) {
	for title, tt := range map[string]struct {
		a, b  Config
		clash string // key of b
	}{
		"one address":               {Config{UDP: "127.0.0.1:14550"}, Config{UDP: "127.0.0.1:14550"}, "udp"},
		"one of all addresses":      {Config{UDP: "0.0.0.0:14550"}, Config{UDP: "127.0.0.1:14550"}, "udp"},
		"all of one address":        {Config{TCPListen: "[::1]:1"}, Config{TCPListen: "[::]:1"}, "tcp_listen"},
		"all twice":                 {Config{UDP: ":14550"}, Config{UDP: ":14550"}, "udp"},
		"all of both families":      {Config{UDP: ":14550"}, Config{UDP: "[::1]:14550"}, "udp"},
		"one device":                {Config{Serial: "/dev/ttyUSB0"}, Config{Serial: "/dev/ttyUSB0"}, "serial"},
		"one peer":                  {Config{TCP: "Router:5760"}, Config{TCP: "router:5760"}, "tcp"},
		"two ports":                 {Config{UDP: "0.0.0.0:14550"}, Config{UDP: "0.0.0.0:14551"}, ""},
		"two addresses":             {Config{UDP: "127.0.0.1:14550"}, Config{UDP: "127.0.0.2:14550"}, ""},
		"the IPv6 wildcard is both": {Config{UDP: "0.0.0.0:14550"}, Config{UDP: "[::]:14550"}, "udp"},
		"both families":             {Config{UDP: "0.0.0.0:14550"}, Config{UDP: "[::1]:14550"}, ""},
		"UDP and TCP":               {Config{UDP: "127.0.0.1:5760"}, Config{TCPListen: "127.0.0.1:5760"}, ""},
		"any port twice":            {Config{UDP: "127.0.0.1:0"}, Config{UDP: "127.0.0.1:0"}, ""},
		"two mistakes are no place": {Config{UDP: "x"}, Config{UDP: "x"}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			got := ""
			CheckTogether([]Config{tt.a, tt.b}, func(i int, path, _, _ string) {
				if i != 1 {
					t.Errorf("the first is blamed")
				}
				got += path
			})
			if got != tt.clash {
				t.Errorf("clash %q, want %q", got, tt.clash)
			}
		})
	}
}
