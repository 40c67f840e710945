package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/configs"
	"riverwatch/internal/sim"
	"riverwatch/replay"
)

// lifeEnv makes this test binary a station instead: it runs the configuration file that it holds until it is killed.
const lifeEnv = "RIVERWATCH_TEST_STATION"

func TestMain(m *testing.M) {
	if file := os.Getenv(lifeEnv); file != "" {
		if err := life(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func life(file string) error {
	c, zones, err := Load(file)
	if err != nil {
		return err
	}
	s, err := Open(Options{ConfigFile: file, Config: c, Zones: zones, Log: zap.NewNop(), Version: "test"})
	if err != nil {
		return err
	}
	go func() {
		<-s.Listening()
		fmt.Println(s.Addr(), s.LinkAddrs()["field"])
	}()
	return s.Run(context.Background())
}

// writeConfig writes the demonstration's configuration, changed as asked, and its zones into a new folder.
func writeConfig(t *testing.T, change ...string) (file string) {
	t.Helper()
	dir := t.TempDir()
	zones, err := configs.Example.ReadFile("ciyao.geojson")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(append([]string{"timezone: Asia/Shanghai, data_dir: data", "data_dir: data"}, change...)...).
		Replace(fmt.Sprintf(demoConfig, "127.0.0.1:0")) + "sessions: {min_free_mib: 1}\n"
	file = filepath.Join(dir, "riverwatch.yaml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ciyao.geojson"), zones, 0o600), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// running is a station in this process.
type running struct {
	*Station
	t    *testing.T
	stop func()
}

// openStation opens a station without a life: Run or Close it.
func openStation(t *testing.T, file string, log *zap.Logger) *Station {
	t.Helper()
	c, zones, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{ConfigFile: file, Config: c, Zones: zones, Log: log, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func startStation(t *testing.T, file string) *running {
	t.Helper()
	s := openStation(t, file, zaptest.NewLogger(t, zaptest.Level(zapcore.WarnLevel)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	r := &running{Station: s, t: t, stop: func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the station ended with %v", err)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}}
	t.Cleanup(r.stop)
	<-s.Listening()
	return r
}

// startChild starts a station as a process of its own, to be killed. It gives the addresses of its page and its link.
func startChild(t *testing.T, file string) (child *exec.Cmd, addr, field string) {
	t.Helper()
	child = exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), lifeEnv+"="+file)
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(said, &addr, &field); err != nil {
		t.Fatal(err)
	}
	return child, addr, field
}

// post sends JSON to the station and reads the answer into out, which may be nil.
func post(t *testing.T, addr, path, key, body string, out any) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil && response.StatusCode < 300 {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	}
	t.Logf("POST %s %d %s", path, response.StatusCode, answer)
	return response.StatusCode
}

func get(t *testing.T, addr, path string) string {
	t.Helper()
	response, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// eventually waits until ok, and fails after a generous while.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if ok() {
			return
		}
		<-tick.C
	}
	t.Fatalf("waited in vain for: %s", what)
}

type marked struct{ ID, Alert string }

const atGate5 = `{"lat":37.2400,"lon":111.9500,"ce90_m":5,"kind":"person","note":"left bank","by":"lead-2"}`

// TestLiveReplayedAndRestartedTellTheSame is the product's promise, over a real socket: what a station judged live is
// what its sessions give in replay, to the byte, also after a restart in the middle.
func TestLiveReplayedAndRestartedTellTheSame(t *testing.T) {
	file := writeConfig(t)
	patrol := sim.Ciyao(time.Now())
	patrol.Length = 30 * time.Second
	s := startStation(t, file)
	if err := sim.Send(t.Context(), patrol, sim.Options{To: s.LinkAddrs()["field"], Speed: 15, Coalesce: true}); err != nil {
		t.Fatal(err)
	}
	var mark marked
	if status := post(t, s.Addr(), "/api/v1/sightings", "k1", atGate5, &mark); status != http.StatusCreated {
		t.Fatalf("mark: %d", status)
	}
	if mark.Alert == "" || mark.ID == "" {
		t.Fatalf("mark answered %+v", mark)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/acknowledge", "", `{"by":"lead-2"}`, nil); status != http.StatusOK {
		t.Fatalf("acknowledge: %d", status)
	}
	s.stop()
	first := transcripts(t, file)
	if len(first) < 4 {
		t.Fatalf("only %d transitions: %s", len(first), first)
	}

	s = startStation(t, file)
	var again marked
	if status := post(t, s.Addr(), "/api/v1/sightings", "k1", atGate5, &again); status != http.StatusCreated || again != mark {
		t.Errorf("the same key after a restart: %d %+v, want %+v", status, again, mark)
	}
	if status := post(t, s.Addr(), "/api/v1/sightings", "k1", strings.Replace(atGate5, "37.24", "37.25", 1), nil); status != http.StatusUnprocessableEntity {
		t.Errorf("the same key for another mark: %d", status)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/close", "", `{"by":"lead-2"}`, nil); status != http.StatusUnprocessableEntity {
		t.Errorf("close without an outcome: %d", status)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/close", "", `{"outcome":"helped","by":"lead-2","note":"mask and coat"}`, nil); status != http.StatusOK {
		t.Errorf("close: %d", status)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/acknowledge", "", `{"by":"lead-3"}`, nil); status != http.StatusConflict {
		t.Errorf("acknowledge a closed alert: %d", status)
	}
	if status := post(t, s.Addr(), "/api/v1/sightings", "k2", atGate5, &again); status != http.StatusCreated || again.Alert == mark.Alert {
		t.Errorf("after the close: %d, alert %s again", status, again.Alert)
	}
	s.stop()

	for i, line := range transcripts(t, file) {
		var tr alerts.Transition
		if err := json.Unmarshal([]byte(line), &tr); err != nil || tr.Seq != uint64(i+1) {
			t.Errorf("line %d has seq %d (%v)", i+1, tr.Seq, err)
		}
	}
	verify(t, file)
}

func sessionsOf(t *testing.T, file string) (dirs []string) {
	t.Helper()
	entries, err := replay.List(filepath.Join(filepath.Dir(file), "data", "sessions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		dirs = append(dirs, e.Dir)
	}
	return dirs
}

// transcripts gives the transitions that the station wrote, over all sessions.
func transcripts(t *testing.T, file string) (lines []string) {
	t.Helper()
	for _, dir := range sessionsOf(t, file) {
		text, err := os.ReadFile(filepath.Join(dir, transcriptName))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })...)
	}
	return lines
}

// written gives them as transitions.
func written(t *testing.T, file string) (all []alerts.Transition) {
	t.Helper()
	for _, line := range transcripts(t, file) {
		var tr alerts.Transition
		if err := json.Unmarshal([]byte(line), &tr); err != nil {
			t.Fatal(err)
		}
		all = append(all, tr)
	}
	return all
}

func verify(t *testing.T, file string) {
	t.Helper()
	for _, dir := range sessionsOf(t, file) {
		var out bytes.Buffer
		if err := Replay(t.Context(), ReplayOptions{Paths: []string{dir}, Verify: true, Out: &out, Err: io.Discard}); err != nil {
			t.Errorf("verify %s: %v\n%s", filepath.Base(dir), err, out.String())
		}
		if !strings.HasPrefix(out.String(), "equal: ") {
			t.Errorf("verify %s: %s", filepath.Base(dir), out.String())
		}
	}
}

// TestKilledRightAfterAnAcceptedMark kills a station with SIGKILL as soon as it has answered.
func TestKilledRightAfterAnAcceptedMark(t *testing.T) {
	var mu sync.Mutex
	notices := map[string]int{}
	failing := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if failing {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		notices[r.Header.Get("Idempotency-Key")]++
	}))
	defer receiver.Close()
	file := writeConfig(t, "{name: station-log, log: true}", fmt.Sprintf("{name: post, webhook: %q}", receiver.URL))

	child, addr, _ := startChild(t, file)
	var mark marked
	status := post(t, addr, "/api/v1/sightings", "only-once", atGate5, &mark)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	if status != http.StatusCreated {
		t.Fatalf("mark: %d", status)
	}
	mu.Lock()
	failing = false
	mu.Unlock()

	s := startStation(t, file)
	if body := get(t, s.Addr(), "/api/v1/alerts/"+mark.Alert); !strings.Contains(body, mark.ID) {
		t.Errorf("the alert after the restart: %s", body)
	}
	eventually(t, "the notice", func() bool { mu.Lock(); defer mu.Unlock(); return len(notices) > 0 })
	var again marked
	if status := post(t, s.Addr(), "/api/v1/sightings", "only-once", atGate5, &again); status != http.StatusCreated || again != mark {
		t.Errorf("the same request again: %d %+v, want %+v", status, again, mark)
	}
	s.stop()
	mu.Lock()
	defer mu.Unlock()
	if len(notices) != 1 || notices["demo/1/post"] == 0 {
		t.Errorf("notices by key: %v", notices)
	}
	verify(t, file)
}

// TestASecondStationIsRefusedTheFolder also shows that a refused start leaves nothing behind.
func TestASecondStationIsRefusedTheFolder(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	c, zones, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{ConfigFile: file, Config: c, Zones: zones, Log: zap.NewNop()}); err == nil || !strings.Contains(err.Error(), "in use by another station") {
		t.Errorf("a second station on the folder: %v", err)
	}
	s.stop()
	startStation(t, file)
}

func TestReloadTakesEffectInTheLogAndABadOneChangesNothing(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(old, now string) {
		t.Helper()
		if err := os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(now), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func() int { return post(t, s.Addr(), "/-/reload", "", "", nil) }
	rewrite("severity: high", "severity: urgent")
	if status := reload(); status < 400 {
		t.Errorf("a bad configuration was taken: %d", status)
	}
	if metrics := get(t, s.Addr(), "/metrics"); !strings.Contains(metrics, "riverwatch_config_reload_ok 0") {
		t.Error("the gauge does not show the refused reload")
	}
	rewrite(`udp: "127.0.0.1:0"`, `udp: "127.0.0.1:1"`)
	if status := reload(); status < 400 {
		t.Errorf("other links were taken: %d", status)
	}
	var before, after marked
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &before)
	rewrite("severity: high", "severity: critical, merge: {within_m: 0, quiet: 0s}")
	if status := reload(); status >= 300 {
		t.Fatalf("reload: %d", status)
	}
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &after)
	s.stop()
	lines := transcripts(t, file)
	if len(lines) != 2 || !strings.Contains(lines[0], `"severity":"high"`) || !strings.Contains(lines[1], `"severity":"critical"`) || before.Alert == after.Alert {
		t.Errorf("transitions:\n%s", strings.Join(lines, "\n"))
	}
	verify(t, file)
}

// TestFullDiskStopsRecordingAndNothingElse lets the disk seem full for a while.
func TestFullDiskStopsRecordingAndNothingElse(t *testing.T) {
	file := writeConfig(t)
	s := openStation(t, file, zap.NewNop())
	var mu sync.Mutex
	free := uint64(1 << 40)
	setFree := func(n uint64) { mu.Lock(); free = n; mu.Unlock() }
	s.committer.o.Free = func() (uint64, error) { mu.Lock(); defer mu.Unlock(); return free, nil }
	s.committer.retryEvery = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Listening()
	eventually(t, "the first session", func() bool { return len(sessionsOf(t, file)) == 1 })
	open := func() string { return get(t, s.Addr(), "/api/v1/alerts?state=active") }
	setFree(0)
	eventually(t, "the alert", func() bool { return strings.Contains(open(), `"subject":"recording"`) })
	var mark marked
	if status := post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &mark); status != http.StatusCreated {
		t.Errorf("a mark on a full disk: %d", status)
	}
	setFree(1 << 40)
	eventually(t, "the alert's end", func() bool { return !strings.Contains(open(), `"subject":"recording"`) })
	eventually(t, "the second session", func() bool { return len(sessionsOf(t, file)) == 2 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	verify(t, file)
	// The mark is in no log, but in the ledger and in the second session's start state: nothing of it is lost.
	l, err := ledger.Open(ledger.Options{Dir: filepath.Join(filepath.Dir(file), "data"), Station: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err := l.Alert(mark.Alert); err != nil || a.State != alerts.Open {
		t.Errorf("the marked alert: %+v, %v", a.State, err)
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Errorf("the audit chain: %v", err)
	}
}

// TestLedgerKnowsMoreThanTheNewestSession recovers where recording had stopped before the crash.
func TestLedgerKnowsMoreThanTheNewestSession(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	var mark marked
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &mark)
	s.stop()
	if err := os.RemoveAll(filepath.Join(filepath.Dir(file), "data", "sessions")); err != nil {
		t.Fatal(err)
	}
	s = startStation(t, file)
	var second marked
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &second)
	if second.Alert != mark.Alert {
		t.Errorf("a sighting at the same place joined %s, want the alert that the ledger knew, %s", second.Alert, mark.Alert)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/acknowledge", "", `{"by":"lead-2"}`, nil); status != http.StatusOK {
		t.Errorf("acknowledge: %d", status)
	}
	s.stop()
	verify(t, file)
}
