package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"riverwatch/mavlink"
	"riverwatch/replay"
)

// TestThreeRealLogsAtOnceRaiseWhatReplayDoes sends the beginning of a real autopilot's flight three times at once, at its own
// speed, as systems 11, 12 and 13, and compares what the station raises with a replay of three logs of those systems.
func TestThreeRealLogsAtOnceRaiseWhatReplayDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: takes half a minute")
	}
	flight, err := os.ReadFile(yanwu)
	if err != nil {
		t.Skipf("skipped: the shared flight logs are not here: %v", err)
	}
	t.Parallel()
	dir := t.TempDir()
	var logs []string
	for system := uint8(11); system <= 13; system++ {
		path := filepath.Join(dir, fmt.Sprint(system, ".tlog"))
		if err := os.WriteFile(path, renamed(t, flight, 11, system, 32*time.Second), 0o600); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, path)
	}
	yaml := `station: {name: yanwu}
http: {listen: "127.0.0.1:0"}
links: [{name: field, udp: "127.0.0.1:0"}]
vehicles: [{name: egret-1, system: 11}, {name: egret-2, system: 12}, {name: egret-3, system: 13}]
zones: [{file: gates.geojson, crs: wgs84}]
sightings: {sources: [photo]}
rules: [{name: crossing, near: [gate], severity: high}]
sessions: {min_free_mib: 1}
`
	zones := `{"type":"FeatureCollection","features":[
		{"type":"Feature","properties":{"id":"gate-a","kind":"gate","radius_m":60},"geometry":{"type":"Point","coordinates":[111.9503,37.2498]}},
		{"type":"Feature","properties":{"id":"gate-b","kind":"gate","radius_m":60},"geometry":{"type":"Point","coordinates":[111.9500,37.2511]}}]}`
	file := filepath.Join(dir, "station.yaml")
	if err := errors.Join(os.WriteFile(file, []byte(yaml), 0o600), os.WriteFile(filepath.Join(dir, "gates.geojson"), []byte(zones), 0o600)); err != nil {
		t.Fatal(err)
	}
	want, _ := replayed(t, ReplayOptions{Paths: logs, Config: file})
	if len(want) < 6 {
		t.Fatalf("the replay raises only %d transitions", len(want))
	}

	s := startStation(t, file)
	sent, err := replay.Send(t.Context(), replay.SendOptions{
		Paths: []string{logs[0], logs[0], logs[0]}, Systems: []uint8{11, 12, 13}, To: "udp:" + s.LinkAddrs()["field"], Speed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	heard := fmt.Sprintf("riverwatch_frames_total{link=%q} %d\n", "field", sent.Frames)
	eventually(t, "all that was sent", func() bool { return strings.Contains(get(t, s.Addr(), "/metrics"), heard) })
	s.stop()

	got := written(t, file)
	if len(got) != len(want) {
		t.Fatalf("live raised %d transitions, replay %d", len(got), len(want))
	}
	for i := range want {
		if gist(&got[i]) != gist(&want[i]) || got[i].Sighting.Vehicle != want[i].Sighting.Vehicle {
			t.Errorf("transition %d: live %s of %s, replay %s of %s", i, gist(&got[i]), got[i].Sighting.Vehicle, gist(&want[i]), want[i].Sighting.Vehicle)
		}
		if d := time.Duration((got[i].At - got[0].At) - (want[i].At - want[0].At)); d > 1_000_000 || d < -1_000_000 {
			t.Errorf("transition %d: %d µs apart from its time in replay", i, d)
		}
	}
	recorded, err := replay.Inspect(sessionsOf(t, file)[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, log := range logs {
		info, err := replay.Inspect(log)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range info.Systems {
			if c.System == uint8(11+i) && !slices.Contains(recorded.Systems, c) {
				t.Errorf("system %d component %d: %d frames in the log; recorded %v", c.System, c.Component, c.Frames, recorded.Systems)
			}
		}
	}
	verify(t, file)
}

// renamed gives the beginning of a tlog without damage, with one system's id changed.
func renamed(t *testing.T, log []byte, from, to uint8, length time.Duration) (out []byte) {
	t.Helper()
	began := binary.BigEndian.Uint64(log)
	for len(log) > 8 {
		at := binary.BigEndian.Uint64(log)
		n, ok := mavlink.FrameLen(log[8:])
		if !ok || len(log) < 8+n || at-began > uint64(length.Microseconds()) {
			return out
		}
		raw := slices.Clone(log[8 : 8+n])
		if mavlink.Check(raw) != mavlink.Good {
			t.Fatalf("a frame of the log is damaged at %d", at)
		}
		if mavlink.Parse(raw).SysID == from && from != to {
			message, err := mavlink.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			f := mavlink.Parse(raw)
			if raw, err = mavlink.AppendFrame(nil, f.Seq, to, f.CompID, message); err != nil {
				t.Fatal(err)
			}
		}
		out = append(binary.BigEndian.AppendUint64(out, at), raw...)
		log = log[8+n:]
	}
	return out
}
