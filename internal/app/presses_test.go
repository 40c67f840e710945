package app

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/mavlink"
)

// pressScene is a press of mavlink/testdata/presses.txt, whose head says what it holds.
type pressScene struct {
	title  string
	source string
	frames []pressFrame
	want   []string // when (ms since boot), latitude and longitude (degrees x 1e7), basis, kind, count
	asked  int      // how many of the frames are commands for the station from whom it heeds

	file string // the station of its own that hears it,
	s    *running
	conn net.Conn // over this
	seen int64    // when the drone was at boot time 0 by the station's clock, µs
}

type pressFrame struct {
	ms  int64 // since boot
	raw []byte
}

func pressScenes(t *testing.T) (all []*pressScene) {
	t.Helper()
	for line := range strings.Lines(readFile(t, filepath.Join("..", "..", "mavlink", "testdata", "presses.txt"))) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || line[0] == '#':
		case words[0] == "press":
			all = append(all, &pressScene{source: words[1], title: strings.Join(words[1:], " ")})
		case words[0] == "=":
			all[len(all)-1].want = words[1:]
		default:
			ms, err := strconv.ParseInt(words[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatal(err)
			}
			sc := all[len(all)-1]
			sc.frames = append(sc.frames, pressFrame{ms, raw})
			if sc.source == "spatial_user" && raw[5] == 255 && strings.Contains(line, "target=245/") {
				sc.asked++
			}
		}
	}
	return all
}

// hovering is what the copter of the scenes sends twice a second.
func hovering(t *testing.T, ms int64, seq uint8) (frames []pressFrame) {
	t.Helper()
	for i, m := range []message.Message{
		&common.MessageHeartbeat{Type: common.MAV_TYPE_QUADROTOR, Autopilot: common.MAV_AUTOPILOT_ARDUPILOTMEGA, BaseMode: 0x81, CustomMode: 5, SystemStatus: 4, MavlinkVersion: 3},
		&common.MessageGpsRawInt{FixType: 3, Lat: 372500000, Lon: 1119500000, Alt: 740_000, Eph: 90, Epv: 120, Vel: math.MaxUint16, Cog: math.MaxUint16, SatellitesVisible: 14},
		&common.MessageGlobalPositionInt{TimeBootMs: uint32(ms), Lat: 372500000, Lon: 1119500000, Alt: 740_000, RelativeAlt: 60_000, Hdg: 9000},
	} {
		raw, err := mavlink.AppendFrame(nil, seq+uint8(i), 1, 1, m)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, pressFrame{ms, raw})
	}
	return frames
}

// TestEachPressSentToAStationIsOneSightingAtItsPlaceAndTime sends the presses, byte by byte and true to time, to a station
// each: what its API then shows is one sighting, dated as exactly as it says, and one alert. Commands alone are answered.
func TestEachPressSentToAStationIsOneSightingAtItsPlaceAndTime(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: takes ten seconds")
	}
	const yaml = `station: {name: yanwu}
http: {listen: "127.0.0.1:0"}
links: [{name: field, udp: "127.0.0.1:0"}]
vehicles: [{name: egret-1, system: 1}]
zones: [{file: area.geojson, crs: wgs84}]
sightings:
  sources: [poi_script, tracking_geo, photo, statustext, rc_switch, button, named_value, spatial_user, mark]
  statustext: {pattern: '(?i)\bsighting (?P<count>\d+)( (?P<kind>[a-z]+))?'}
  rc_switch: {channel: 7}
  button: {button: 2}
  named_value: {name: SIGHT}
  accept_commands: [{name: post, system: 255, component: 190, link: field}]
rules: [{name: near, near: [area], severity: high}]
sessions: {min_free_mib: 1}
`
	const area = `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"river","kind":"area"},"geometry":
		{"type":"Polygon","coordinates":[[[111.90,37.20],[112.00,37.20],[112.00,37.30],[111.90,37.30],[111.90,37.20]]]}}]}`
	type sent struct {
		pressFrame
		by *pressScene
	}
	var all []sent
	scenes := pressScenes(t)
	for _, sc := range scenes {
		dir := t.TempDir()
		sc.file = filepath.Join(dir, "station.yaml")
		writeFile(t, sc.file, yaml)
		writeFile(t, filepath.Join(dir, "area.geojson"), area)
		sc.s = startStation(t, sc.file)
		conn, err := net.Dial("udp", sc.s.LinkAddrs()["field"])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		sc.conn = conn
		frames := slices.Clone(sc.frames)
		seq := uint8(128)
		for ms, end := int64(60_000), sc.frames[len(sc.frames)-1].ms+3000; ms < end; ms += 500 { // long enough for a cut text
			frames = append(frames, hovering(t, ms, seq)...)
			seq += 3
		}
		for _, f := range frames {
			all = append(all, sent{f, sc})
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return cmp.Compare(a.ms, b.ms) })

	start := time.Now()
	for _, f := range all {
		<-time.After(time.Until(start.Add(time.Duration(f.ms-60_000) * time.Millisecond)))
		if _, err := f.by.conn.Write(f.raw); err != nil {
			t.Fatal(err)
		}
		if f.by.seen == 0 {
			f.by.seen = time.Now().UnixMicro() - 60_000_000
		}
	}

	sources := map[string]bool{}
	for _, sc := range scenes {
		sources[sc.source] = true
		eventually(t, "the sighting of "+sc.title, func() bool { return strings.Contains(get(t, sc.s.Addr(), "/api/v1/sightings"), `"source":`) })
		for range sc.asked {
			if ack, ok := hears(t, sc.conn, 10*time.Second).(*common.MessageCommandAck); !ok || ack.Command != common.MAV_CMD_SPATIAL_USER_1 || ack.Result != common.MAV_RESULT_ACCEPTED {
				t.Errorf("%s: answered %+v", sc.title, ack)
			}
		}
		if m := hears(t, sc.conn, 10*time.Millisecond); m != nil {
			t.Errorf("%s: told %+v", sc.title, m)
		}
		sc.look(t)
		sc.s.stop()
		if told := written(t, sc.file); len(told) != 1 || told[0].Event != "opened" {
			t.Errorf("%s: %d transitions: %v", sc.title, len(told), told)
		}
		verify(t, sc.file)
	}
	for _, s := range mavlink.Sources() {
		if !sources[string(s)] && s != mavlink.SourceMark {
			t.Errorf("no press of %s", s)
		}
	}
}

// look compares what the station shows with what the scene wants.
func (sc *pressScene) look(t *testing.T) {
	t.Helper()
	var page struct {
		Sightings []struct {
			At          time.Time `json:"at"`
			Source      string    `json:"source"`
			Vehicle     string    `json:"vehicle"`
			Kind        string    `json:"kind"`
			Basis       string    `json:"basis"`
			Count       int       `json:"count"`
			Lat         *float64  `json:"lat"`
			Lon         *float64  `json:"lon"`
			TimeSource  string    `json:"time_source"`
			Uncertainty float64   `json:"time_uncertainty_ms"`
			Verified    bool      `json:"verified"`
			Alert       string    `json:"alert"`
		}
	}
	body := get(t, sc.s.Addr(), "/api/v1/sightings")
	if err := json.Unmarshal([]byte(body), &page); err != nil || len(page.Sightings) != 1 {
		t.Errorf("%s: %v, sightings %s", sc.title, err, body)
		return
	}
	is := page.Sightings[0]
	const near = 25e-7 // degrees: the text of the POI script and its camera message round the point in different ways
	if got, want := strings.Join([]string{is.Basis, is.Kind, strconv.Itoa(is.Count)}, " "), strings.Join(sc.want[3:], " "); got != want {
		t.Errorf("%s: got %s, want %s", sc.title, got, want)
	} else if is.Lat == nil || is.Lon == nil {
		if sc.want[1] != "-" {
			t.Errorf("%s is nowhere", sc.title)
		}
	} else if math.Abs(*is.Lat-number(t, sc.want[1])/1e7) > near || math.Abs(*is.Lon-number(t, sc.want[2])/1e7) > near {
		t.Errorf("%s: is at %v %v, want %v", sc.title, *is.Lat, *is.Lon, sc.want[1:3])
	}
	if off := float64(is.At.UnixMicro()-sc.seen)/1000 - number(t, sc.want[0]); math.Abs(off) > is.Uncertainty {
		t.Errorf("%s: dated %.0f ms off, and says that it is off by %.0f ms at most", sc.title, off, is.Uncertainty)
	}
	vehicle, clock := "egret-1", "boot"
	switch sc.source {
	case "spatial_user":
		vehicle, clock = "post", "receive"
	case "poi_script", "statustext", "tracking_geo": // of the script, the text came first
		clock = "receive"
	}
	if is.Source != sc.source || is.Vehicle != vehicle || is.TimeSource != clock || !is.Verified || is.Alert == "" {
		t.Errorf("%s: %s", sc.title, body)
	}
}

func number(t *testing.T, word string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// hears is what the station sends next, nil if it does not within a while.
func hears(t *testing.T, conn net.Conn, wait time.Duration) message.Message {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 300)
	n, err := conn.Read(buf)
	if err != nil {
		return nil
	}
	m, err := mavlink.Decode(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m
}
