package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"riverwatch/alerts"
)

// book is a Book in memory that can be out of order.
type book struct {
	mu     sync.Mutex
	broken bool
	queued map[string][]alerts.Transition
	n      int64
	ns     map[string]int64 // the events of the notices by key
	facts  []string
}

func newBook(transitions ...alerts.Transition) *book {
	b := &book{queued: map[string][]alerts.Transition{}, ns: map[string]int64{}}
	b.commit(transitions...)
	return b
}

func (b *book) commit(transitions ...alerts.Transition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range transitions {
		b.n++
		for _, r := range t.Tell {
			b.ns[t.Notice(r)] = b.n
			b.queued[r] = append(b.queued[r], t)
		}
	}
}

func (b *book) breakDown(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

func (b *book) Waiting() (map[string]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := map[string]int{}
	for r, q := range b.queued {
		if len(q) > 0 {
			n[r] = len(q)
		}
	}
	return n, nil
}

func (b *book) Queued(recipient string, limit int) ([]alerts.Transition, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queued[recipient]
	return slices.Clone(q[:min(limit, len(q))]), nil
}

func (b *book) QueuedSince(recipient string, n int64, limit int) (list []alerts.Transition, last int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last = n
	for _, t := range b.queued[recipient] {
		if at := b.ns[t.Notice(recipient)]; at > n && len(list) < limit {
			list, last = append(list, t), at
		}
	}
	return list, last, nil
}

func (b *book) Head() (int64, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n, ""
}

func (b *book) end(key, fact string, final bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("disk full")
	}
	for r, q := range b.queued {
		for i := range q {
			if q[i].Notice(r) == key {
				b.facts = append(b.facts, fact+" "+key)
				if final {
					b.queued[r] = slices.Delete(slices.Clone(q), i, i+1)
				}
				return nil
			}
		}
	}
	return nil
}

func (b *book) NoticeSent(key string, _ alerts.Time) error { return b.end(key, "sent", true) }
func (b *book) NoticeFailed(key string, _ alerts.Time, reason string, next alerts.Time) error {
	if next == 0 {
		return b.end(key, "failed", true)
	}
	return b.end(key, "tried", false)
}
func (b *book) NoticeExpired(key string, _ alerts.Time, reason string) error {
	return b.end(key, "expired", true)
}

// told gives what the book was told, without the tries that only failed.
func (b *book) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.facts), func(f string) bool { return strings.HasPrefix(f, "tried") })
}

// receivers answers posts in place of the network, and keeps what came: "host key" by the time since its start.
type receivers struct {
	answer func(r *http.Request, key string) (*http.Response, error)
	start  time.Time
	mu     sync.Mutex
	posts  []string
	after  []time.Duration
}

func (rs *receivers) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Header.Get("Idempotency-Key")
	rs.mu.Lock()
	rs.posts = append(rs.posts, r.URL.Hostname()+" "+key)
	rs.after = append(rs.after, time.Since(rs.start))
	rs.mu.Unlock()
	return rs.answer(r, key)
}

func (rs *receivers) got() []string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.Clone(rs.posts)
}

func (rs *receivers) times() []time.Duration {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.Clone(rs.after)
}

func status(code int, header ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader("thanks"))}, nil
}

func always(code int, header ...string) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) { return status(code, header...) }
}

func transition(seq uint64, tell ...string) alerts.Transition {
	return alerts.Transition{
		Seq: seq, At: alerts.Time(time.Now().UnixMicro()), Alert: fmt.Sprint("a", seq), Severity: alerts.High, To: alerts.Open,
		Distance: alerts.NoLength, Bearing: alerts.NoBearing, Event: alerts.Opened, Kind: alerts.OfSighting, Station: "yanwu", Tell: tell,
	}
}

func webhook(name string) Config {
	return Config{Name: name, Webhook: "http://" + name + ".example/hook?key=secret", Deadline: time.Hour, Timeout: 10 * time.Second}
}

// running starts a notifier that is stopped and waited for at the end of the test.
func running(t *testing.T, o Options) (n *Notifier, stop func()) {
	n = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	return n, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// seconds gives whole seconds.
func seconds(n ...int) (d []time.Duration) {
	for _, s := range n {
		d = append(d, time.Duration(s)*time.Second)
	}
	return d
}

// everyMinute gives the times from one second on, a minute apart.
func everyMinute(from, to int) (d []time.Duration) {
	for ; from < to; from += 60 {
		d = append(d, seconds(from)...)
	}
	return d
}

func gauge(t *testing.T, g prometheus.Gatherer) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "riverwatch_notices_queued" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no gauge")
	return 0
}
