package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

// post is what a receiver got.
type post struct {
	header http.Header
	body   map[string]json.RawMessage
}

func TestANoticeGoesFromTheLedgerToTheReceiver(t *testing.T) {
	posts := make(chan post)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := post{header: r.Header}
		b, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(b, &p.body)
		}
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, b, err)
		}
		posts <- p
	}))
	defer server.Close()
	l, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Station: "yanwu"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := New(Options{Recipients: []Config{{Name: "post", Webhook: server.URL}}, Book: l, PublicURL: "https://watch.example/", Zone: time.FixedZone("", 8*3600)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()

	lost := transition(1, "post")
	lost.Kind, lost.Subject, lost.Verified = alerts.OfVehicleLost, "egret-1", true
	if _, err := l.Commit(&ledger.Changes{Transitions: []alerts.Transition{lost}}); err != nil {
		t.Fatal(err)
	}
	n.Wake()
	got := <-posts
	for name, want := range map[string]string{"Idempotency-Key": "yanwu/1/post", "User-Agent": "riverwatch", "Content-Type": "application/json"} {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	want := map[string]json.RawMessage{
		"notice": json.RawMessage(`"yanwu/1/post"`), "alert": json.RawMessage(`"a1"`), "url": json.RawMessage(`"https://watch.example/a/a1"`),
		"transition": lost.AppendJSON(nil),
	}
	text, err := json.Marshal(Text(&lost, time.FixedZone("", 8*3600)))
	if err != nil {
		t.Fatal(err)
	}
	want["text"] = text
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("body:\n%s", diff)
	}

	// What the ledger could not take is delivered from memory, and not again when it has it.
	second, third := transition(2, "post"), transition(3, "post")
	n.Direct([]alerts.Transition{second})
	if key := string((<-posts).body["notice"]); key != `"yanwu/2/post"` {
		t.Errorf("delivered %s", key)
	}
	grown := l.Grown()
	if _, err := l.Commit(&ledger.Changes{Transitions: []alerts.Transition{second, third}}); err != nil {
		t.Fatal(err)
	}
	<-grown
	n.Wake()
	if key := string((<-posts).body["notice"]); key != `"yanwu/3/post"` {
		t.Errorf("delivered %s", key)
	}
	for {
		grown := l.Grown()
		waiting, err := l.Waiting()
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			break
		}
		<-grown
	}
	d, err := l.Alert("a2")
	if err != nil || len(d.Notices) != 1 || d.Notices[0].State != ledger.NoticeSent {
		t.Errorf("the notice from memory is %+v (%v)", d.Notices, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
