package app

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"

	"riverwatch/alerts"
	"riverwatch/internal/sim"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// patrolLog writes the demonstration's patrol as a ground station would: a tlog.
func patrolLog(t *testing.T, length time.Duration) (path string) {
	t.Helper()
	start := time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)
	patrol := sim.Ciyao(start)
	patrol.Length = length
	var log []byte
	for step := range patrol.Steps() {
		log = binary.BigEndian.AppendUint64(log, uint64(start.Add(step.After).UnixMicro()))
		log = append(log, step.Raw...)
	}
	path = filepath.Join(t.TempDir(), "patrol.tlog")
	if err := os.WriteFile(path, log, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func replayed(t *testing.T, o ReplayOptions) (lines []alerts.Transition, text string) {
	t.Helper()
	var out bytes.Buffer
	o.Out, o.Err, o.JSON = &out, io.Discard, true
	if err := Replay(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var tr alerts.Transition
		if err := json.Unmarshal([]byte(line), &tr); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, tr)
	}
	return lines, out.String()
}

// judgeOf is what a configuration file judges by.
func judgeOf(file string) (*watch.Judge, error) {
	c, zones, err := Load(file)
	if err != nil {
		return nil, err
	}
	return compile(c, zones)
}

// gist is what live and replay must agree on.
func gist(tr *alerts.Transition) string {
	source := ""
	if tr.Sighting != nil {
		source = tr.Sighting.Source
	}
	return fmt.Sprint(tr.Event, " ", tr.Rule, " ", tr.Zone, " ", tr.From, ">", tr.To, " ", tr.Side, " ", tr.Certainty, " ", source)
}

// TestLogSentTrueToTimeRaisesWhatReplayDoes sends a log over UDP to a station at its own speed and faster.
func TestLogSentTrueToTimeRaisesWhatReplayDoes(t *testing.T) {
	log := patrolLog(t, 14*time.Second)
	for _, speed := range []float64{1, 20} {
		t.Run(fmt.Sprint("speed ", speed), func(t *testing.T) {
			t.Parallel()
			file := writeConfig(t)
			want, _ := replayed(t, ReplayOptions{Paths: []string{log}, Config: file})
			if len(want) != 2 {
				t.Fatalf("replay raises %d transitions", len(want))
			}
			s := startStation(t, file)
			sent, err := replay.Send(t.Context(), replay.SendOptions{Paths: []string{log}, To: "udp:" + s.LinkAddrs()["field"], Speed: speed})
			if err != nil {
				t.Fatal(err)
			}
			heard := fmt.Sprintf(`riverwatch_frames_total{link="field"} %d`+"\n", sent.Frames)
			eventually(t, "all that was sent", func() bool { return strings.Contains(get(t, s.Addr(), "/metrics"), heard) })
			s.stop()
			got := written(t, file)
			if len(got) != len(want) {
				t.Fatalf("live raised %d transitions, want %d: %v", len(got), len(want), got)
			}
			info, err := replay.Inspect(log)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC).UnixMicro()
			recorded, err := replay.Inspect(sessionsOf(t, file)[0])
			if err != nil {
				t.Fatal(err)
			}
			liveBegan := firstHeard(t, sessionsOf(t, file)[0])
			for i := range want {
				if gist(&got[i]) != gist(&want[i]) {
					t.Errorf("transition %d: live %s, replay %s", i, gist(&got[i]), gist(&want[i]))
				}
				then, now := float64(int64(want[i].At)-began)/1e6, float64(int64(got[i].At)-liveBegan)*speed/1e6
				if math.Abs(then-now) > max(1, speed/4) {
					t.Errorf("transition %d: %.2f s after the start live, %.2f s in replay", i, now, then)
				}
			}
			for _, c := range info.Systems {
				if !slices.Contains(recorded.Systems, c) {
					t.Errorf("system %d component %d: %d frames in the log; recorded %v", c.System, c.Component, c.Frames, recorded.Systems)
				}
			}
			if sent.Frames != info.Frames {
				t.Errorf("%d frames sent of %d", sent.Frames, info.Frames)
			}
			verify(t, file)
		})
	}
}

// firstHeard is when the first frame of a drone is in a session's log, µs.
func firstHeard(t *testing.T, dir string) int64 {
	t.Helper()
	session, err := replay.OpenSession(dir)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := session.Frames()
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Close()
	for {
		b, err := frames.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			if b.Frames[i].Origin != mavlink.OriginOwn {
				return b.Frames[i].At
			}
		}
	}
}

// TestSessionCutAnywhereInItsTailStillLoads cuts a session's log at every 41st byte of its last 4 kB and folds it; that
// it reads when cut at each is a test of package replay.
func TestSessionCutAnywhereInItsTailStillLoads(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	patrol := sim.Ciyao(time.Now())
	patrol.Length = 6 * time.Second
	if err := sim.Send(t.Context(), patrol, sim.Options{To: s.LinkAddrs()["field"], Speed: 20}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	dir := sessionsOf(t, file)[0]
	log := filepath.Join(dir, "flight.tlog")
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	const step = 41
	for cut := len(whole) - 4096; cut < len(whole); cut += step {
		if err := os.WriteFile(log, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Replay(t.Context(), ReplayOptions{Paths: []string{dir}, Out: io.Discard, Err: io.Discard}); err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
	}
	// And a station that finds it so starts.
	startStation(t, file)
}

func TestReplayOfAForeignLogAsItWasIsRefused(t *testing.T) {
	err := Replay(t.Context(), ReplayOptions{Paths: []string{patrolLog(t, time.Second)}, Out: io.Discard, Err: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyNamesTheFirstDifference(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
	s.stop()
	dir := sessionsOf(t, file)[0]
	path := filepath.Join(dir, transcriptName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"certain"`), []byte(`"likely"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = Replay(t.Context(), ReplayOptions{Paths: []string{dir}, Verify: true, Out: &out, Err: io.Discard})
	if !errors.Is(err, errDiffer) || !strings.Contains(out.String(), "different at transition 1") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

// yanwu is the simulated patrol of the shared data: 30 photos on a square at 37.25 N 111.95 E.
const yanwu = "../../../shared/data/tlog/sitl_yanwu_patrol.tlog"

// TestRealLogRaisesWhatItsPhotosPredict predicts the alerts of a real autopilot's flight from its camera messages, and
// those that a gate 20 m wider adds, and compares.
func TestRealLogRaisesWhatItsPhotosPredict(t *testing.T) {
	if _, err := os.Stat(yanwu); err != nil {
		t.Skipf("skipped: the shared flight logs are not here: %v", err)
	}
	const lat, lon, radius = 37.2510, 111.9506, 60.0
	config := func(radius float64) string {
		dir := t.TempDir()
		zones := fmt.Sprintf(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"gate","kind":"gate","radius_m":%v},
			"geometry":{"type":"Point","coordinates":[%v,%v]}}]}`, radius, lon, lat)
		yaml := `station: {name: yanwu}
links: [{name: field, udp: "127.0.0.1:0"}]
vehicles: [{name: egret-1, system: 11}]
zones: [{file: gate.geojson, crs: wgs84}]
sightings: {sources: [photo], photo: {position: vehicle}}
rules: [{name: crossing, near: [gate], severity: high, min_certainty: likely, merge: {within_m: 0, quiet: 0s}}]
`
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "gate.geojson"), []byte(zones), 0o600),
			os.WriteFile(filepath.Join(dir, "station.yaml"), []byte(yaml), 0o600)); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "station.yaml")
	}
	// The prediction: each CAMERA_FEEDBACK whose aircraft is inside the circle, by plain spherical arithmetic.
	frames, err := replay.Open(replay.ReaderOptions{Paths: []string{yanwu}})
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Close()
	var inside, between []string
	for {
		b, err := frames.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			f := &b.Frames[i]
			if f.MsgID != 180 {
				continue
			}
			m := mavlink.ReadCameraFeedback(mavlink.Payload(f.Raw))
			north := (float64(m.Lat)/1e7 - lat) * 111_000
			east := (float64(m.Lng)/1e7 - lon) * 111_320 * math.Cos(lat*math.Pi/180)
			switch d := math.Hypot(north, east); {
			case d < radius:
				inside = append(inside, alerts.Time(f.At).String())
			case d < radius+20:
				between = append(between, alerts.Time(f.At).String())
			}
		}
	}
	if len(inside) < 2 || len(between) < 2 {
		t.Fatalf("the prediction is of no use: %d inside, %d between", len(inside), len(between))
	}
	narrow, wide := config(radius), config(radius+20)
	got, _ := replayed(t, ReplayOptions{Paths: []string{yanwu}, Config: narrow})
	var at []string
	for i := range got {
		at = append(at, got[i].At.String())
		if got[i].Event != alerts.Opened || got[i].Certainty != "likely" || got[i].Sighting.Basis != "vehicle" || got[i].Station != "-" {
			t.Errorf("got %s", got[i].AppendJSON(nil))
		}
	}
	if !slices.Equal(at, inside) {
		t.Errorf("alerts at %v\npredicted %v", at, inside)
	}

	var out bytes.Buffer
	if err := Replay(t.Context(), ReplayOptions{Paths: []string{yanwu}, Config: narrow, Against: wide, JSON: true, Out: &out, Err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	var added []string
	for line := range strings.Lines(out.String()) {
		var c struct {
			Change string             `json:"change"`
			A      *alerts.Transition `json:"a"`
			B      *alerts.Transition `json:"b"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.Change != "added" || c.A != nil {
			t.Errorf("a difference that was not predicted: %s", line)
			continue
		}
		added = append(added, c.B.At.String())
	}
	if !slices.Equal(added, between) {
		t.Errorf("added at %v\npredicted %v", added, between)
	}
}

// TestEveryRealLogReplays folds all the shared flight logs under the demonstration's zones.
func TestEveryRealLogReplays(t *testing.T) {
	logs, err := filepath.Glob("../../../shared/data/tlog/*.tlog")
	if err != nil || len(logs) == 0 {
		t.Skipf("skipped: the shared flight logs are not here (%v)", err)
	}
	file := writeConfig(t)
	for _, log := range logs {
		if err := Replay(t.Context(), ReplayOptions{Paths: []string{log}, Config: file, Out: io.Discard, Err: io.Discard}); err != nil {
			t.Errorf("%s: %v", filepath.Base(log), err)
		}
	}
}

// BenchmarkReplay folds patrols from logs: read, verify, fleet, zones, alerts. Of two logs of one flight both count.
func BenchmarkReplay(b *testing.B) {
	start := time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)
	three := sim.Ciyao(start)
	three.Length = 20 * time.Minute
	hundred := three
	hundred.Length, hundred.Drones, hundred.Tags = time.Minute, nil, nil
	for id := range uint8(100) {
		d := three.Drones[0]
		d.System = 1 + id
		hundred.Drones = append(hundred.Drones, d)
	}
	dir := b.TempDir()
	write := func(name string, patrol sim.Plan, cameras bool) (path string, frames int) {
		var log []byte
		var looks [256]uint8 // told by each drone's gimbal
		for step := range patrol.Steps() {
			add := func(raw []byte) {
				log = binary.BigEndian.AppendUint64(log, uint64(start.Add(step.After).UnixMicro()))
				log = append(log, raw...)
				frames++
			}
			add(step.Raw)
			if f := mavlink.Parse(step.Raw); cameras && f.MsgID == 30 {
				look, err := mavlink.AppendFrame(nil, looks[f.SysID], f.SysID, 154, &all.MessageGimbalDeviceAttitudeStatus{Flags: 32, Q: [4]float32{0.9, 0, -0.43, 0}})
				if err != nil {
					b.Fatal(err)
				}
				looks[f.SysID]++
				add(look)
			}
		}
		path = filepath.Join(dir, name)
		if err := os.WriteFile(path, log, 0o600); err != nil {
			b.Fatal(err)
		}
		return path, frames
	}
	zones := `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"gate","kind":"gate","radius_m":30},"geometry":{"type":"Point","coordinates":[112.005,37.274]}}]}`
	yaml := "station: {name: bench}\nlinks: [{name: field, udp: \"127.0.0.1:0\"}]\nzones: [{file: gate.geojson, crs: wgs84}]\nrules: [{name: crossing, near: [gate], severity: high}]\n"
	config := filepath.Join(dir, "station.yaml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "gate.geojson"), []byte(zones), 0o600), os.WriteFile(config, []byte(yaml), 0o600)); err != nil {
		b.Fatal(err)
	}
	run := func(name string, frames int, paths ...string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Replay(b.Context(), ReplayOptions{Paths: paths, Config: config, Out: io.Discard, Err: io.Discard}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
		})
	}
	path, n := write("patrol.tlog", three, false)
	again, _ := write("again.tlog", three, false)
	run("patrol", n, path)
	run("two logs of it", 2*n, path, again)
	path, n = write("cameras.tlog", three, true)
	run("with cameras", n, path)
	path, n = write("hundred.tlog", hundred, false)
	run("100 vehicles", n, path)
}
