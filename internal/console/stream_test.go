package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"riverwatch/alerts/ledger"
)

// sse is one event as a browser sees it.
type sse struct{ id, name, data string }

// streamOf opens the stream and gives a function that waits for its next event; false when the stream has ended.
func streamOf(t *testing.T, url string, header http.Header) (next func() (sse, bool)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: %d %q", res.StatusCode, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 16<<20)
	return func() (sse, bool) {
		var e sse
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					return e, true
				}
			}
		}
		return e, false
	}
}

// kept waits for the next event that has an id: vehicles and links come by the clock.
func kept(t *testing.T, next func() (sse, bool)) sse {
	t.Helper()
	for {
		e, ok := next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if e.id != "" {
			return e
		}
	}
}

func served(t *testing.T, c *Console) string {
	t.Helper()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s.URL
}

func TestTheStreamBeginsWithASnapshotAndGoesOnWithWhatIsStored(t *testing.T) {
	s, l := fakes()
	next := streamOf(t, served(t, newConsole(t, s, l, nil)), nil)
	first := kept(t, next)
	var snapshot struct {
		Station, Timezone string
		Alerts            []ledger.Alert
		Vehicles, Links   []json.RawMessage
	}
	if err := json.Unmarshal([]byte(first.data), &snapshot); err != nil {
		t.Fatal(err)
	}
	if first.id != "k3v9-2" || first.name != "snapshot" || len(snapshot.Alerts) != 1 || len(snapshot.Vehicles) != 1 || len(snapshot.Links) != 1 ||
		snapshot.Station != "yanwu" || snapshot.Timezone != "Asia/Shanghai" {
		t.Fatalf("the first event is %+v", first)
	}
	l.store("person", "1", `{"number":1}`, "Li")
	l.store("transition", "a-gate", transition("a-gate", 2), "")
	l.store("request", "a-gate", `{"number":1, "key":"k", "act":"close", "by":1}`, "")
	l.store("request", "a-gate", `{"number":2, "key":"k", "act":"close", "by":1}`, "nobody there\nat all")
	l.store("notice", "a-gate", `{"notice": "x", "state": "sent"}`, "")
	for _, want := range []sse{
		{"k3v9-4", "transition", transition("a-gate", 2)},
		{"k3v9-6", "note", `{"at":"2026-11-23T04:00:00.123456Z","alert":"a-gate","note":"nobody there\nat all","of":{"act":"close","by":1}}`},
		{"k3v9-7", "notice", `{"notice":"x","state":"sent"}`},
	} {
		if got := kept(t, next); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestVehiclesAndLinksComeByTheClockWithoutIds(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	c.timing.every = time.Millisecond
	next := streamOf(t, served(t, c), nil)
	kept(t, next)
	for range 3 {
		for _, want := range []string{"vehicles", "links"} {
			if e, ok := next(); !ok || e.name != want || e.id != "" || !strings.Contains(e.data, `"`+want+`":[{`) {
				t.Fatalf("got %+v, want %s", e, want)
			}
		}
	}
}

func TestAStreamGoesOnWhereItWasCut(t *testing.T) {
	s, l := fakes()
	for n := range 3 * streamPage {
		l.store("transition", "a-gate", transition("a-gate", n+2), "")
	}
	url := served(t, newConsole(t, s, l, nil))
	next := streamOf(t, url, http.Header{"Last-Event-Id": {"k3v9-2"}})
	for n := 3; n <= 3*streamPage+2; n++ {
		if e := kept(t, next); e.id != fmt.Sprintf("k3v9-%d", n) || e.name != "transition" {
			t.Fatalf("event %d: %+v", n, e)
		}
	}
	l.store("notice", "a-gate", `{}`, "")
	if e := kept(t, next); e.name != "notice" {
		t.Fatalf("after it has caught up: %+v", e)
	}
}

func TestAStreamThatCannotGoOnBeginsWithASnapshot(t *testing.T) {
	s, l := fakes()
	for n := range maxBehind {
		l.store("transition", "a-gate", transition("a-gate", n+2), "")
	}
	url := served(t, newConsole(t, s, l, nil))
	for name, id := range map[string]string{
		"another ledger": "other-3", "an event to come": "k3v9-9999999", "no number": "k3v9-x", "negative": "k3v9--1", "nonsense": "nonsense", "too far back": "k3v9-1",
	} {
		if e := kept(t, streamOf(t, url, http.Header{"Last-Event-Id": {id}})); e.name != "snapshot" {
			t.Errorf("%s: began with %s", name, e.name)
		}
	}
}

func TestAReaderThatFallsFarBehindGetsASnapshotInsteadOfEverything(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	r := &reader{c: c, at: 2}
	for n := range maxBehind + 1 {
		l.store("transition", "a-gate", transition("a-gate", n+2), "")
	}
	if more, err := r.read(); err != nil || more || !strings.HasPrefix(string(bytes.Join(r.out, nil)), "id: k3v9-2003\nevent: snapshot\n") {
		t.Fatalf("more %v, err %v, %.80q", more, err, r.out)
	}
}

func TestWhatAllPagesAreToldIsReadOnce(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	c.timing.every = time.Hour
	url := served(t, c)
	var pages []func() (sse, bool)
	for range 20 {
		pages = append(pages, streamOf(t, url, nil))
		if e := kept(t, pages[len(pages)-1]); e.name != "snapshot" {
			t.Fatalf("began with %s", e.name)
		}
	}
	const events = 10
	for range events {
		l.store("notice", "a-gate", `{"state":"sent"}`, "")
		for i, next := range pages {
			if e := kept(t, next); e.id != fmt.Sprintf("k3v9-%d", len(l.events)) || e.name != "notice" {
				t.Fatalf("page %d: %+v", i, e)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// The first of them may have found one event of two.
	if l.reads > 2*events {
		t.Errorf("%d pages read the ledger %d times for %d events", len(pages), l.reads, events)
	}
	if len(l.filters) != 1 {
		t.Errorf("%d pages that were opened at once had %d snapshots made, want 1", len(pages), len(l.filters))
	}
}

func TestTheTailTellsWhatTheLedgerDoes(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	text := func(after int) string {
		var b strings.Builder
		for i := range l.events[after:] {
			b.Write(c.encode(&l.events[after+i]))
		}
		return b.String()
	}
	// Between two looks the ledger grows by as much as the tail holds, one more, one less, a little, not at all.
	for _, grown := range []int{0, 1, 3, tailEvents - 1, 1, tailEvents, 0, tailEvents + 1, 7, 3 * tailEvents, 2} {
		for range grown {
			kind := "notice"
			if len(l.events)%3 == 0 {
				kind = "sighting" // not for the stream
			}
			l.store(kind, "a-gate", fmt.Sprintf(`{"n":%d}`, len(l.events)+1), "")
		}
		head := len(l.events)
		for back := range min(head, tailEvents+2) {
			texts, ok, err := c.tail.after(c, int64(head-back))
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				if back < min(head, tailEvents) && back <= grown {
					t.Errorf("after %d more the tail does not reach back %d", grown, back)
				}
				continue
			}
			if got := string(bytes.Join(texts, nil)); len(texts) != back || got != text(head-back) {
				t.Fatalf("after %d more, %d back: %d texts\n%q, want\n%q", grown, back, len(texts), got, text(head-back))
			}
		}
		if _, ok, _ := c.tail.after(c, int64(head-tailEvents-1)); ok {
			t.Error("the tail is longer than it may be")
		}
	}
}

func TestABrowserThatStopsReadingIsCutOffAndOthersDoNotNotice(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	c.timing.writeWithin = 300 * time.Millisecond
	url := served(t, c)

	// It asks for the stream and never reads an answer.
	stuck, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stuck.Close() }()
	if _, err := fmt.Fprintf(stuck, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: k3v9-2\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	next := streamOf(t, url, http.Header{"Last-Event-Id": {"k3v9-2"}})

	// Twenty megabytes are more than the socket's buffers take; then small ones until its time is over.
	data := `{"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for n := 3; n < 23 || c.streams.Load() == 2; n++ {
		if n == 23 {
			data = `{}`
		}
		l.store("notice", "a-gate", data, "")
		if e := kept(t, next); e.id != fmt.Sprintf("k3v9-%d", n) {
			t.Fatalf("the other reader got %s instead of event %d", e.id, n)
		}
	}
	if got := c.streams.Load(); got != 1 {
		t.Errorf("%d streams are open, want the other one", got)
	}
}

func TestOnlySoManyStreamsAreServed(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	url := served(t, c)
	for range maxStreams {
		kept(t, streamOf(t, url, nil))
	}
	res, err := http.Get(url + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", res.StatusCode)
	}
	if got := c.streams.Load(); got != maxStreams {
		t.Errorf("%d streams are counted", got)
	}
}

func TestServeEndsItsStreamsAndReturns(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Serve(ctx, ln) }()
	next := streamOf(t, "http://"+ln.Addr().String(), nil)
	kept(t, next)
	cancel()
	for {
		if _, ok := next(); !ok {
			break
		}
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	s, l := fakes()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := newConsole(t, s, l, nil).Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

func TestARealLedgerFeedsTheStream(t *testing.T) {
	l, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Station: "yanwu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	s, _ := fakes()
	next := streamOf(t, served(t, newConsole(t, s, newFakeLedger(), func(o *Options) { o.Ledger = l })), nil)
	if e := kept(t, next); e.name != "snapshot" || e.id != l.ID()+"-1" {
		t.Fatalf("began with %+v", e)
	}
	if _, err := l.Accept(ledger.Request{Kind: "mark", Note: "by the willow"}); err != nil {
		t.Fatal(err)
	}
	if e := kept(t, next); e.name != "note" || e.id != l.ID()+"-2" || !strings.Contains(e.data, "by the willow") {
		t.Errorf("got %+v", e)
	}
}
