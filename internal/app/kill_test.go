package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/internal/sim"
)

// killRounds is how often TestKilledAtAnyInstant kills; RIVERWATCH_KILL_ROUNDS asks for more.
const killRounds = 4

// asked is one request of a client that tries again under the same key until it is answered.
type asked struct {
	path, key, body string
	status          int
	answer          []byte // "" until there is one
}

// clients are people at work, and what they were answered.
type clients struct {
	t      *testing.T
	mu     sync.Mutex
	all    []*asked
	alerts []string
	n      int
}

// next is a new request or, one time in three, one of before: one of the newest ones, which may be on its way.
func (c *clients) next() *asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) > 0 && rand.IntN(3) == 0 {
		return c.all[len(c.all)-1-rand.IntN(min(4, len(c.all)))]
	}
	c.n++
	a := &asked{key: "key-" + strconv.Itoa(c.n), path: "/api/v1/sightings"}
	a.body = fmt.Sprintf(`{"lat":%.4f,"lon":111.95,"kind":"person","by":"lead-%d"}`, 37.2385+0.003*rand.Float64(), c.n%3)
	if len(c.alerts) > 0 && rand.IntN(2) == 0 {
		act := []string{"acknowledge", "en_route", "release", "close", "undo"}[rand.IntN(5)]
		a.path = "/api/v1/alerts/" + c.alerts[rand.IntN(len(c.alerts))] + "/" + act
		a.body = fmt.Sprintf(`{"by":"lead-%d"}`, c.n%3)
		if act == "close" {
			a.body = `{"by":"lead-1","outcome":"helped"}`
		}
	}
	c.all = append(c.all, a)
	return a
}

// ask sends a request and holds what is answered against what was answered before.
func (c *clients) ask(ctx context.Context, client *http.Client, addr string, a *asked) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+a.path, strings.NewReader(a.body))
	if err != nil {
		c.t.Error(err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", a.key)
	response, err := client.Do(request)
	if err != nil {
		return // killed
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusServiceUnavailable {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusConflict:
	default:
		c.t.Errorf("%s %s: %d %s", a.path, a.body, response.StatusCode, body)
		return
	}
	if a.answer != nil && (a.status != response.StatusCode || !bytes.Equal(a.answer, body)) {
		c.t.Errorf("%s under %s was answered %d %s, and now %d %s", a.path, a.key, a.status, a.answer, response.StatusCode, body)
	}
	a.status, a.answer = response.StatusCode, body
	var mark marked
	if response.StatusCode == http.StatusCreated && json.Unmarshal(body, &mark) == nil && mark.Alert != "" {
		c.alerts = append(c.alerts, mark.Alert)
	}
}

// TestKilledAtAnyInstant kills a station with SIGKILL again and again, while drones fly and people mark and act.
func TestKilledAtAnyInstant(t *testing.T) {
	rounds := killRounds
	if n, err := strconv.Atoi(os.Getenv("RIVERWATCH_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	var mu sync.Mutex
	told := map[string]string{} // body by key
	var well atomic.Bool        // the receiver
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !well.Load() && rand.IntN(8) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		key := r.Header.Get("Idempotency-Key")
		mu.Lock()
		defer mu.Unlock()
		if before, again := told[key]; again && before != string(body) {
			t.Errorf("the notice %s was\n%s\nand is\n%s", key, before, body)
		}
		told[key] = string(body)
	}))
	defer receiver.Close()
	file := writeConfig(t, "{name: station-log, log: true}", fmt.Sprintf("{name: post, webhook: %q}", receiver.URL))
	people := &clients{t: t}
	for range rounds {
		liveAndDie(t, file, people)
	}
	well.Store(true)
	s := startStation(t, file)
	for _, a := range people.all {
		eventually(t, "an answer to "+a.path, func() bool {
			people.ask(t.Context(), http.DefaultClient, s.Addr(), a)
			return a.answer != nil || t.Failed()
		})
	}
	eventually(t, "the last notice", func() bool {
		waiting, err := s.ledger.Waiting()
		return err == nil && len(waiting) == 0
	})
	s.stop()
	verify(t, file)
	wholeLedger(t, file, people, told)
}

// liveAndDie starts a station as a process of its own, keeps it busy and kills it.
func liveAndDie(t *testing.T, file string, people *clients) {
	t.Helper()
	child, addr, field := startChild(t, file)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		// Its error is that of a receiver that is gone.
		_ = sim.Send(ctx, sim.Ciyao(time.Now()), sim.Options{To: field, Speed: 40, Coalesce: true})
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	for range 4 {
		busy.Go(func() {
			for ctx.Err() == nil {
				people.ask(ctx, client, addr, people.next())
			}
		})
	}
	timer := time.NewTimer(time.Duration(20+rand.IntN(500)) * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	stop()
	busy.Wait()
	client.CloseIdleConnections()
}

// wholeLedger holds what the ledger, the sessions, the people and the receiver know against each other.
func wholeLedger(t *testing.T, file string, people *clients, told map[string]string) {
	t.Helper()
	var seq uint64
	for _, line := range transcripts(t, file) {
		var tr alerts.Transition
		if err := json.Unmarshal([]byte(line), &tr); err != nil {
			t.Fatal(err)
		}
		if tr.Seq != seq+1 {
			t.Errorf("in the sessions seq %d follows on %d", tr.Seq, seq)
		}
		seq = tr.Seq
	}
	l, err := ledger.Open(ledger.Options{Dir: filepath.Join(filepath.Dir(file), "data"), Station: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(l.Verify(t.Context())); err != nil {
		t.Error(err)
	}
	var inLedger uint64
	opened, marks, lastState, said := map[string]bool{}, map[string]int{}, map[string]alerts.State{}, map[string]int{}
	for after := int64(0); ; {
		events, err := l.Events(after, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.N
			switch e.Kind {
			case "transition":
				var tr alerts.Transition
				if err := json.Unmarshal(e.Data, &tr); err != nil {
					t.Fatal(err)
				}
				if inLedger++; tr.Seq != inLedger {
					t.Errorf("in the ledger seq %d is number %d", tr.Seq, inLedger)
				}
				if tr.Event == alerts.Opened && opened[tr.Alert] {
					t.Errorf("alert %s was opened twice", tr.Alert)
				}
				if tr.From != lastState[tr.Alert] {
					t.Errorf("seq %d goes from %q, its alert was %q", tr.Seq, tr.From, lastState[tr.Alert])
				}
				opened[tr.Alert], lastState[tr.Alert] = true, tr.To
			case "sighting", "sortie":
				if said[string(e.Data)]++; said[string(e.Data)] > 1 {
					t.Errorf("said again: %s", e.Data)
				}
				if bytes.Contains(e.Data, []byte(`"source":"mark"`)) {
					marks[e.Subject]++
				}
			}
		}
	}
	if inLedger != seq {
		t.Errorf("the ledger has %d transitions, the sessions %d", inLedger, seq)
	}
	wanted := 0
	for _, a := range people.all {
		var mark marked
		if a.status != http.StatusCreated {
			continue
		}
		if err := json.Unmarshal(a.answer, &mark); err != nil {
			t.Fatal(err)
		}
		wanted++
		if marks[mark.ID] != 1 {
			t.Errorf("mark %s is %d times in the ledger", mark.ID, marks[mark.ID])
		}
	}
	if len(marks) != wanted {
		t.Errorf("%d marks in the ledger of %d that were asked for", len(marks), wanted)
	}
	list, _, err := l.Alerts(ledger.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	notices := 0
	for _, a := range list {
		d, err := l.Alert(a.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range d.Notices {
			notices++
			if n.State != ledger.NoticeSent || told[n.Key] == "" {
				t.Errorf("notice %s is %s; the receiver has %q", n.Key, n.State, told[n.Key])
			}
		}
	}
	if notices != len(told) {
		t.Errorf("%d notices in the ledger, the receiver got %d", notices, len(told))
	}
	t.Logf("%d sessions, %d requests, %d transitions, %d notices", len(sessionsOf(t, file)), len(people.all), seq, notices)
}
