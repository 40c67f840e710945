package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/internal/sim"
	"riverwatch/internal/watch"
)

func dataOf(file string) string { return filepath.Join(filepath.Dir(file), "data") }

// refuse makes the ledger fail to take transitions, as a full disk would, until it is called again with false.
func refuse(t *testing.T, file string, on bool) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dataOf(file), ledger.FileName)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	do := `DROP TRIGGER no_room`
	if on {
		do = `CREATE TRIGGER no_room BEFORE INSERT ON transitions BEGIN SELECT RAISE(ABORT, 'no room'); END`
	}
	if _, err := db.Exec(do); err != nil {
		t.Fatal(err)
	}
}

// receiver holds the notices by their keys: the same one may come again.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	told map[string]string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{told: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		key := q.Header.Get("Idempotency-Key")
		if before := r.told[key]; before != "" && before != string(body) {
			t.Errorf("notice %s was\n%s\nand is\n%s", key, before, body)
		}
		r.told[key] = string(body)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) has(words string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.told {
		if strings.Contains(body, words) {
			return true
		}
	}
	return false
}

// allSent waits until each notice in the ledger has ended.
func allSent(t *testing.T, s *running) {
	t.Helper()
	eventually(t, "the last notice", func() bool {
		waiting, err := s.ledger.Waiting()
		return err == nil && len(waiting) == 0
	})
}

// TestLedgerThatCannotCommit: marks get 507, notices leave all the same, and nothing is lost or doubled when it can
// again, whether in this life or in the next one.
func TestLedgerThatCannotCommit(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			r := newReceiver(t)
			file := writeConfig(t, "{name: station-log, log: true}", fmt.Sprintf("{name: post, webhook: %q}", r.URL))
			people := &clients{t: t}
			s := startStation(t, file)
			refuse(t, file, true)
			if status := post(t, s.Addr(), "/api/v1/sightings", "k1", atGate5, nil); status != http.StatusInsufficientStorage {
				t.Errorf("a mark while the ledger cannot commit: %d", status)
			}
			eventually(t, "the notice of the mark", func() bool { return r.has(`"source":"mark"`) })
			eventually(t, "the notice of the trouble", func() bool { return r.has(`"kind":"trouble"`) })
			if restart {
				s.stop()
				s = startStation(t, file) // and it still cannot commit
			}
			refuse(t, file, false)
			people.all = append(people.all, &asked{path: "/api/v1/sightings", key: "k1", body: atGate5})
			eventually(t, "an answer", func() bool {
				people.ask(t.Context(), http.DefaultClient, s.Addr(), people.all[0])
				return people.all[0].answer != nil
			})
			eventually(t, "the end of the trouble", func() bool {
				return !strings.Contains(get(t, s.Addr(), "/api/v1/alerts?state=active"), `"kind":"trouble"`)
			})
			allSent(t, s)
			s.stop()
			verify(t, file)
			wholeLedger(t, file, people, r.told)
		})
	}
}

// TestTroubleEndsWithTheLifeThatHadIt: recording had stopped when the station ended, and works when it starts again.
func TestTroubleEndsWithTheLifeThatHadIt(t *testing.T) {
	file := writeConfig(t)
	full := strings.Replace(readFile(t, file), "min_free_mib: 1}", "min_free_mib: 999999999}", 1)
	room := readFile(t, file)
	writeFile(t, file, full)
	s := startStation(t, file)
	active := func() string { return get(t, s.Addr(), "/api/v1/alerts?state=active") }
	eventually(t, "the alert", func() bool { return strings.Contains(active(), `"subject":"recording"`) })
	s.stop()
	writeFile(t, file, room)
	s = startStation(t, file)
	eventually(t, "its end", func() bool { return !strings.Contains(active(), `"subject":"recording"`) })
	s.stop()
	verify(t, file)
}

func TestReloadChangesTheRoomThatRecordingLeaves(t *testing.T) {
	file := writeConfig(t)
	s := openStation(t, file, zap.NewNop())
	defer s.Close()
	next := *s.config.Load()
	next.Sessions.MinFreeMiB = 999_999_999
	s.config.Store(&next)
	if err := s.committer.roomToRecord(); err == nil {
		t.Error("the new bound does not count")
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPlanWhoseFrameIsOnItsWayIsHeld: in force is b, and a, which came before b, comes again.
func TestPlanWhoseFrameIsOnItsWayIsHeld(t *testing.T) {
	a, b := &watch.Judge{Digest: "a"}, &watch.Judge{Digest: "b"}
	for _, tt := range []struct {
		name    string
		added   []*watch.Judge
		inForce string
		want    int
	}{
		{"nothing new", []*watch.Judge{a, b}, "b", 1},
		{"the next one", []*watch.Judge{a, b}, "a", 2},
		{"an earlier one again", []*watch.Judge{a, b, a}, "b", 2},
		{"there and back while neither has been folded", []*watch.Judge{a, b, a}, "a", 2},
		{"the same again", []*watch.Judge{a, a, a}, "a", 1},
	} {
		var p plans
		for _, j := range tt.added {
			p.add(j)
		}
		held := p.from(tt.inForce)
		if len(held) != tt.want {
			t.Errorf("%s: holds %d plans, want %d", tt.name, len(held), tt.want)
		}
		if last := tt.added[len(tt.added)-1]; p.find(last.Digest) == nil {
			t.Errorf("%s: the newest plan was forgotten", tt.name)
		}
	}
}

// TestRestartUnderAnEarlierPlan: a session holds two plans, and the next life begins under the second and judges by
// the first; and the other way round, since one of the two is the one in which the first comes first by its digest.
func TestRestartUnderAnEarlierPlan(t *testing.T) {
	for _, order := range [][2]string{{"high", "critical"}, {"critical", "high"}} {
		file := writeConfig(t)
		text := readFile(t, file)
		under := func(severity string) {
			writeFile(t, file, strings.Replace(text, "severity: high", "merge: {within_m: 0, quiet: 0s}, severity: "+severity, 1))
		}
		under(order[0])
		s := startStation(t, file)
		under(order[1])
		if status := post(t, s.Addr(), "/-/reload", "", "", nil); status != http.StatusOK {
			t.Fatalf("reload: %d", status)
		}
		post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
		s.stop()
		for range 2 {
			under(order[0])
			s = startStation(t, file)
			post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
			s.stop()
		}
		verify(t, file)
		var got []string
		for _, line := range transcripts(t, file) {
			var tr alerts.Transition
			if err := json.Unmarshal([]byte(line), &tr); err != nil {
				t.Fatal(err)
			}
			got = append(got, string(tr.Severity))
		}
		if want := []string{order[1], order[0], order[0]}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("judged %v, want %v", got, want)
		}
	}
}

// TestSessionsThatEndAtAnyFrame makes sessions so short that transitions, plans and answers fall on their ends.
func TestSessionsThatEndAtAnyFrame(t *testing.T) {
	r := newReceiver(t)
	file := writeConfig(t, "{name: station-log, log: true}", fmt.Sprintf("{name: post, webhook: %q}", r.URL))
	s := openStation(t, file, zap.NewNop())
	s.limits.bytes = 1500
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Listening()
	people := &clients{t: t}
	var busy sync.WaitGroup
	busy.Go(func() {
		patrol := sim.Ciyao(time.Now())
		patrol.Length = 30 * time.Second
		if err := sim.Send(ctx, patrol, sim.Options{To: s.LinkAddrs()["field"], Speed: 20, Coalesce: true}); err != nil {
			t.Error(err)
		}
	})
	busy.Go(func() {
		text := readFile(t, file)
		for i := range 12 {
			writeFile(t, file, strings.Replace(text, "severity: high", "severity: "+[]string{"critical", "high", "medium"}[i%3], 1))
			if err := s.Reload(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		busy.Go(func() {
			for range 40 {
				people.ask(ctx, http.DefaultClient, s.Addr(), people.next())
			}
		})
	}
	busy.Wait()
	for _, a := range people.all {
		eventually(t, "an answer to "+a.path, func() bool {
			people.ask(ctx, http.DefaultClient, s.Addr(), a)
			return a.answer != nil || t.Failed()
		})
	}
	allSent(t, &running{Station: s})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if n := len(sessionsOf(t, file)); n < 20 {
		t.Errorf("only %d sessions", n)
	}
	verify(t, file)
	wholeLedger(t, file, people, r.told)
	again := startStation(t, file)
	if got, want := again.watch.Seq(), again.ledger.LastSeq(); got != want {
		t.Errorf("after the restart the fold is at seq %d, the ledger at %d", got, want)
	}
}

// TestATornTailIsCutAtTheNextStart: what stands before it is folded as it was, and a whole log is left alone.
func TestATornTailIsCutAtTheNextStart(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	if status := post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil); status != http.StatusCreated {
		t.Fatalf("mark: %d", status)
	}
	s.stop()
	dir := sessionsOf(t, file)[0]
	log := filepath.Join(dir, "flight.tlog")
	whole := readFile(t, log)
	for _, torn := range []int{11, 0, 200} {
		if err := os.Remove(filepath.Join(dir, transcriptName)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, log, whole+strings.Repeat("\xfd", torn))
		again := openStation(t, file, zap.NewNop())
		if got, want := again.watch.Seq(), again.ledger.LastSeq(); got != want || got == 0 {
			t.Errorf("after a tail of %d bytes the fold is at seq %d, the ledger at %d", torn, got, want)
		}
		again.Close()
		if got := readFile(t, log); got != whole {
			t.Errorf("a tail of %d bytes: the log has %d bytes after the start, want %d", torn, len(got), len(whole))
		}
	}
	verify(t, file)
}

// TestNewestSessionIsBroken: an older one is used, and the ledger says what happened since.
func TestNewestSessionIsBroken(t *testing.T) {
	for _, harm := range []struct {
		name string
		do   func(t *testing.T, dir string)
	}{
		{"the manifest is garbled", func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "manifest.json"), "{") }},
		{"the start state is garbled", func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "start.json"), "{") }},
		{"the start state is gone", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "start.json")); err != nil {
				t.Fatal(err)
			}
		}},
		{"the plan is gone", func(t *testing.T, dir string) {
			plans, err := filepath.Glob(filepath.Join(dir, "plan-*.json"))
			if err != nil || len(plans) == 0 {
				t.Fatal(err)
			}
			for _, p := range plans {
				if err := os.Remove(p); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(harm.name, func(t *testing.T) {
			file := writeConfig(t)
			var first, second, third marked
			s := startStation(t, file)
			post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &first)
			s.stop()
			s = startStation(t, file)
			post(t, s.Addr(), "/api/v1/alerts/"+first.Alert+"/close", "", `{"outcome":"helped"}`, nil)
			post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &second)
			s.stop()
			dirs := sessionsOf(t, file)
			harm.do(t, dirs[len(dirs)-1])
			s = startStation(t, file)
			post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &third)
			if third.Alert != second.Alert || second.Alert == first.Alert {
				t.Errorf("alerts %s, %s, %s: want the third in the second", first.Alert, second.Alert, third.Alert)
			}
			if status := post(t, s.Addr(), "/api/v1/alerts/"+first.Alert+"/acknowledge", "", `{}`, nil); status != http.StatusConflict {
				t.Errorf("the closed alert was acknowledged: %d", status)
			}
			s.stop()
			l, err := ledger.Open(ledger.Options{Dir: dataOf(file), Station: "demo"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if n := l.LastSeq(); n != 4 {
				t.Errorf("seq %d after four transitions", n)
			}
			open, err := l.Unclosed()
			if err != nil || len(open) != 1 || open[0].Newest.Seq != 4 || open[0].Newest.Sightings != 2 {
				t.Errorf("open in the ledger: %+v, %v", open, err)
			}
		})
	}
}

// TestALostLedgerDoesNotLoseOpenAlerts: somebody removed the database, the sessions are there.
func TestALostLedgerDoesNotLoseOpenAlerts(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	var mark marked
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &mark)
	s.stop()
	startStation(t, file).stop() // the newest session knows the alert from its start state only
	for _, name := range []string{ledger.FileName, ledger.FileName + "-wal", ledger.FileName + "-shm"} {
		if err := os.Remove(filepath.Join(filepath.Dir(file), "data", name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	s = startStation(t, file)
	var again marked
	if post(t, s.Addr(), "/api/v1/sightings", "", atGate5, &again); again.Alert != mark.Alert {
		t.Errorf("a sighting there joined %s, want the open alert %s", again.Alert, mark.Alert)
	}
	if status := post(t, s.Addr(), "/api/v1/alerts/"+mark.Alert+"/close", "", `{"outcome":"helped","by":"lead-2"}`, nil); status != http.StatusOK {
		t.Errorf("close: %d", status)
	}
	s.stop()
	verify(t, file)
}

// TestAnOlderSessionGetsItsTransitionsToo: recording had stopped in it, and the next one began in the same life.
func TestAnOlderSessionGetsItsTransitionsToo(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
	s.stop()
	s = startStation(t, file)
	s.stop()
	path := filepath.Join(sessionsOf(t, file)[0], transcriptName)
	want := readFile(t, path)
	if err := os.Rename(path, path+".part"); err != nil {
		t.Fatal(err)
	}
	s = startStation(t, file)
	s.stop()
	if got := readFile(t, path); got != want || got == "" {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Stat(path + ".part"); err == nil {
		t.Error("the unfinished file is still there")
	}
	verify(t, file)
}

// TestOneKeyAskedByManyAtOnce: a frame that comes twice would be two marks.
func TestOneKeyAskedByManyAtOnce(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	people := &clients{t: t}
	for i := range 10 {
		a := &asked{path: "/api/v1/sightings", key: fmt.Sprint("k", i), body: atGate5}
		people.all = append(people.all, a)
		var at sync.WaitGroup
		for range 8 {
			at.Go(func() {
				for range 4 {
					people.ask(t.Context(), http.DefaultClient, s.Addr(), a)
				}
			})
		}
		at.Wait()
	}
	s.stop()
	wholeLedger(t, file, people, map[string]string{(&alerts.Transition{Station: "demo", Seq: 1}).Notice("station-log"): "-"})
}

// TestStationEndsHoweverEarly: the end may come before anything has begun, and a start that fails gives all back.
func TestStationEndsHoweverEarly(t *testing.T) {
	file := writeConfig(t)
	open := func() (*Station, error) {
		c, zones, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		return Open(Options{ConfigFile: file, Config: c, Zones: zones, Log: zap.NewNop(), Version: "test"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("ended before it began: %v", err)
	}
	verify(t, file)

	// The console's socket dies under a station that runs.
	if s, err = open(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	<-s.Listening()
	if err := s.http.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "serve the page") {
		t.Errorf("without a console it ended with %v", err)
	}
	verify(t, file)

	// The port is taken: the folder is free again at once.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, file)
	writeFile(t, file, strings.Replace(text, `listen: "127.0.0.1:0"`, fmt.Sprintf("listen: %q", taken.Addr()), 1))
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "another station") {
		t.Errorf("on a port that is taken: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	startStation(t, file)
}

// TestAnAlertIDOfAnyLength is no alert.
func TestAnAlertIDOfAnyLength(t *testing.T) {
	s := startStation(t, writeConfig(t))
	if status := post(t, s.Addr(), "/api/v1/alerts/"+strings.Repeat("x", 20_000)+"/acknowledge", "", `{}`, nil); status != http.StatusNotFound {
		t.Errorf("got %d", status)
	}
	before, _ := s.ledger.Head()
	post(t, s.Addr(), "/api/v1/alerts/"+strings.Repeat("x", 65)+"/acknowledge", "", `{}`, nil)
	if after, _ := s.ledger.Head(); after != before {
		t.Error("the ledger has grown")
	}
}
