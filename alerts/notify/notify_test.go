package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"riverwatch/alerts"
)

func TestANoticeIsTriedAsItsReceiverAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answers []int // the last one stays
		header  []string
		tries   []time.Duration
		end     string
	}{
		"delivered":                {[]int{204}, nil, seconds(0), "sent yanwu/1/post"},
		"after two failures":       {[]int{500, 503, 200}, nil, seconds(0, 1, 3), "sent yanwu/1/post"},
		"not found for a while":    {[]int{404, 404, 200}, nil, seconds(0, 1, 3), "sent yanwu/1/post"},
		"unauthorised is not":      {[]int{401, 403, 405, 200}, nil, seconds(0, 1, 3, 7), "sent yanwu/1/post"},
		"a bad request is final":   {[]int{400}, nil, seconds(0), "failed yanwu/1/post"},
		"gone is final":            {[]int{404, 410}, nil, seconds(0, 1), "failed yanwu/1/post"},
		"too large is final":       {[]int{413}, nil, seconds(0), "failed yanwu/1/post"},
		"not processable is final": {[]int{422}, nil, seconds(0), "failed yanwu/1/post"},
		"a timeout there is not":   {[]int{408, 200}, nil, seconds(0, 1), "sent yanwu/1/post"},
		"too early is not":         {[]int{425, 200}, nil, seconds(0, 1), "sent yanwu/1/post"},
		"too many is not":          {[]int{429, 429, 422}, nil, seconds(0, 1, 3), "failed yanwu/1/post"},
		"a redirect away is not":   {[]int{302, 302, 200}, []string{"Location", "http://login.example/"}, seconds(0, 1, 3), "sent yanwu/1/post"},
		"it asks for 30 seconds":   {[]int{429, 200}, []string{"Retry-After", "30"}, seconds(0, 30), "sent yanwu/1/post"},
		"it asks for a date":       {[]int{503, 200}, []string{"Retry-After", "Sat, 01 Jan 2000 00:01:40 GMT"}, seconds(0, 100), "sent yanwu/1/post"},
		"it asks for less":         {[]int{503, 503, 200}, []string{"Retry-After", "1"}, seconds(0, 1, 3), "sent yanwu/1/post"},
		"it asks for a week":       {[]int{503, 200}, []string{"Retry-After", "604800"}, seconds(0, 600), "sent yanwu/1/post"},
		"it asks for a century":    {[]int{503, 200}, []string{"Retry-After", "Sat, 01 Jan 2100 00:00:00 GMT"}, seconds(0, 600), "sent yanwu/1/post"},
		"it asks for the past":     {[]int{503, 200}, []string{"Retry-After", "Sat, 01 Jan 1999 00:00:00 GMT"}, seconds(0, 1), "sent yanwu/1/post"},
		"it never comes back (1h)": {[]int{503}, nil, append(seconds(0, 1, 3, 7, 15, 31, 63), everyMinute(123, 3600)...), "expired yanwu/1/post"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook(transition(1, "post"))
				answers := c.answers
				rs := &receivers{start: time.Now(), answer: func(*http.Request, string) (*http.Response, error) {
					code := answers[0]
					if len(answers) > 1 {
						answers = answers[1:]
					}
					return status(code, c.header...)
				}}
				_, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
				defer stop()
				time.Sleep(2 * time.Hour) // of the bubble's clock
				synctest.Wait()
				if diff := cmp.Diff(c.tries, rs.times()); diff != "" {
					t.Errorf("tries:\n%s", diff)
				}
				if diff := cmp.Diff([]string{c.end}, b.told()); diff != "" {
					t.Errorf("end:\n%s", diff)
				}
			})
		})
	}
}

func TestASlowReceiverDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "slow", "post"), transition(2, "slow", "post"))
		rs := &receivers{start: time.Now(), answer: func(r *http.Request, _ string) (*http.Response, error) {
			if r.URL.Hostname() == "slow.example" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return status(200)
		}}
		_, stop := running(t, Options{Recipients: []Config{webhook("slow"), webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent yanwu/1/post", "sent yanwu/2/post"}, b.told()); diff != "" {
			t.Error(diff)
		}
		// The slow one is given 10 s a try, and then its pause.
		time.Sleep(12 * time.Second)
		synctest.Wait()
		var slow []time.Duration
		for i, post := range rs.got() {
			if post == "slow.example yanwu/1/slow" {
				slow = append(slow, rs.times()[i])
			}
		}
		if diff := cmp.Diff(seconds(0, 11), slow); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNoticesOfARecipientGoInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []alerts.Transition
		for seq := range uint64(100) {
			all = append(all, transition(seq+1, "post"))
		}
		b := newBook(all...)
		failures := 0
		rs := &receivers{start: time.Now(), answer: func(_ *http.Request, key string) (*http.Response, error) {
			if key == "yanwu/40/post" && failures < 12 { // a receiver that is down for a while
				failures++
				return nil, errors.New("connection refused")
			}
			return status(200)
		}}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		synctest.Wait()
		b.commit(transition(101, "post"))
		n.Wake() // only this one goes first
		<-time.After(50 * time.Minute)
		synctest.Wait()
		var want []string
		for i := range 100 {
			if i == 39 {
				want = append(want, "sent yanwu/101/post")
			}
			want = append(want, fmt.Sprintf("sent yanwu/%d/post", i+1))
		}
		if diff := cmp.Diff(want, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// A person is at the crossing now: the pause that an older notice earned is not for this one.
func TestANewNoticeDoesNotWaitOutTheBackOffOfAnOlderOne(t *testing.T) {
	for name, give := range map[string]func(*Notifier, *book, alerts.Transition){
		"from the book": func(n *Notifier, b *book, t alerts.Transition) { b.commit(t); n.Wake() },
		"from memory":   func(n *Notifier, _ *book, t alerts.Transition) { n.Direct([]alerts.Transition{t}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var old []alerts.Transition
				for seq := range uint64(batch + 8) { // more than are read at once
					old = append(old, transition(seq+1, "post"))
				}
				b := newBook(old...)
				var down atomic.Bool
				down.Store(true)
				rs := &receivers{start: time.Now(), answer: func(*http.Request, string) (*http.Response, error) {
					if down.Load() {
						return nil, errors.New("connection refused")
					}
					return status(200)
				}}
				n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
				defer stop()
				<-time.After(130 * time.Second) // the next try is due at 183 s
				synctest.Wait()
				posted := len(rs.got())
				give(n, b, transition(101, "post"))
				for range 5 {
					n.Wake() // no news: one try is all that it has
					synctest.Wait()
				}
				if diff := cmp.Diff([]string{"post.example yanwu/101/post"}, rs.got()[posted:]); diff != "" {
					t.Fatalf("while it is down:\n%s", diff)
				}
				<-time.After(54 * time.Second) // the common pause went on
				synctest.Wait()
				if got := rs.got(); len(got) != posted+2 || got[posted+1] != "post.example yanwu/1/post" || rs.times()[posted+1] != 183*time.Second {
					t.Fatalf("the back-off did not go on: %v at %v", got[posted+1:], rs.times()[posted+1:])
				}
				down.Store(false)
				give(n, b, transition(102, "post"))
				synctest.Wait()
				want := []string{"post.example yanwu/102/post"} // it gets through, so the others need not wait longer
				for i := range old {
					want = append(want, fmt.Sprintf("post.example yanwu/%d/post", i+1))
				}
				want = append(want, "post.example yanwu/101/post")
				if diff := cmp.Diff(want, rs.got()[posted+2:]); diff != "" {
					t.Errorf("when it is up again:\n%s", diff)
				}
				if got := len(b.told()); name == "from the book" && got != len(old)+2 {
					t.Errorf("%d ended", got)
				}
			})
		})
	}
}

// lateBook is one to which a notice comes while a worker reads it.
type lateBook struct {
	*book
	once sync.Once
	late alerts.Transition
}

func (b *lateBook) Queued(recipient string, limit int) ([]alerts.Transition, error) {
	b.once.Do(func() { b.commit(b.late) })
	return b.book.Queued(recipient, limit)
}

func TestANewNoticeThatWentFirstIsNotSentAgainInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &lateBook{book: newBook(transition(1, "post")), late: transition(2, "post")}
		code := 503
		rs := &receivers{start: time.Now(), answer: func(*http.Request, string) (*http.Response, error) {
			defer func() { code = 200 }()
			return status(code)
		}}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		synctest.Wait()
		n.Wake()
		synctest.Wait()
		if diff := cmp.Diff([]string{"post.example yanwu/1/post", "post.example yanwu/2/post", "post.example yanwu/1/post"}, rs.got()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"sent yanwu/2/post", "sent yanwu/1/post"}, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestALogLineSaysTheUnitOfAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, logs := observer.New(zapcore.WarnLevel)
		rs := &receivers{start: time.Now(), answer: always(503, "Retry-After", "32")}
		_, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: newBook(transition(1, "post")), HTTPClient: &http.Client{Transport: rs}, Log: zap.New(seen)})
		defer stop()
		synctest.Wait()
		if logs.Len() != 1 || logs.All()[0].ContextMap()["retry_in"] != "32s" {
			t.Errorf("logged: %v", logs.All())
		}
	})
}

func TestANoticeThatItsReceiverCannotTakeLetsOthersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"), transition(2, "post"), transition(3, "post"))
		rs := &receivers{start: time.Now(), answer: func(_ *http.Request, key string) (*http.Response, error) {
			if key == "yanwu/1/post" {
				return status(500)
			}
			return status(200)
		}}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		time.Sleep(16 * time.Second) // five tries: 0, 1, 3, 7, 15
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent yanwu/2/post", "sent yanwu/3/post"}, b.told()); diff != "" {
			t.Fatal(diff)
		}
		tries := len(rs.got())
		for range 20 {
			n.Wake() // news for others does not hurry it
			synctest.Wait()
		}
		if got := len(rs.got()); got != tries {
			t.Errorf("tried %d more times without a pause", got-tries)
		}
		b.commit(transition(4, "post"))
		n.Wake()
		synctest.Wait()
		if told := b.told(); told[len(told)-1] != "sent yanwu/4/post" {
			t.Errorf("a later notice waits behind it: %v", told)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if told := b.told(); told[len(told)-1] != "expired yanwu/1/post" {
			t.Errorf("it has not expired: %v", told)
		}
		if got := len(rs.got()); got < tries+50 || got > tries+65 {
			t.Errorf("tried %d times in its last hour", got-tries)
		}
	})
}

func TestQueuedNoticesLeaveAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"))
		rs := &receivers{start: time.Now(), answer: func(r *http.Request, _ string) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		o := Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}}
		_, stop := running(t, o)
		synctest.Wait()
		stop() // in the middle of a try
		if told := b.told(); len(told) > 0 {
			t.Fatalf("a try that was broken off counted: %v", told)
		}
		rs.answer = always(200)
		_, stop = running(t, o)
		defer stop()
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent yanwu/1/post"}, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNoticesOfARecipientThatWentExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post", "gone"), transition(2, "never"))
		rs := &receivers{start: time.Now(), answer: func(r *http.Request, _ string) (*http.Response, error) {
			if r.URL.Hostname() == "gone.example" {
				return status(503)
			}
			return status(200)
		}}
		registry := prometheus.NewRegistry()
		n, stop := running(t, Options{Recipients: []Config{webhook("post"), webhook("gone")}, Book: b, HTTPClient: &http.Client{Transport: rs}, Registerer: registry})
		defer stop()
		time.Sleep(time.Minute)
		n.SetRecipients([]Config{webhook("post"), webhook("new")})
		synctest.Wait()
		told := b.told()
		slices.Sort(told)
		if diff := cmp.Diff([]string{"expired yanwu/1/gone", "expired yanwu/2/never", "sent yanwu/1/post"}, told); diff != "" {
			t.Error(diff)
		}
		b.commit(transition(3, "new", "gone"))
		n.Wake()
		synctest.Wait()
		told = b.told()[3:]
		slices.Sort(told)
		if diff := cmp.Diff([]string{"expired yanwu/3/gone", "sent yanwu/3/new"}, told); diff != "" {
			t.Error(diff)
		}
		err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP riverwatch_notices_queued Notices that wait to be delivered.
# TYPE riverwatch_notices_queued gauge
riverwatch_notices_queued 0
# HELP riverwatch_notices_total Notices by channel and how they ended: sent, failed, expired.
# TYPE riverwatch_notices_total counter
riverwatch_notices_total{channel="log",outcome="expired"} 0
riverwatch_notices_total{channel="log",outcome="failed"} 0
riverwatch_notices_total{channel="log",outcome="sent"} 0
riverwatch_notices_total{channel="none",outcome="expired"} 1
riverwatch_notices_total{channel="none",outcome="failed"} 0
riverwatch_notices_total{channel="none",outcome="sent"} 0
riverwatch_notices_total{channel="webhook",outcome="expired"} 2
riverwatch_notices_total{channel="webhook",outcome="failed"} 0
riverwatch_notices_total{channel="webhook",outcome="sent"} 2
`))
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAChangedRecipientIsReachedAtItsNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"))
		rs := &receivers{start: time.Now(), answer: func(r *http.Request, _ string) (*http.Response, error) {
			if r.URL.Hostname() == "post.example" {
				return nil, errors.New("no route to host")
			}
			return status(200)
		}}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		time.Sleep(10 * time.Minute) // deep in its pause
		moved := webhook("post")
		moved.Webhook = "https://elsewhere.example/"
		n.SetRecipients([]Config{moved})
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent yanwu/1/post"}, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatTheBookCannotTakeIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"))
		var down atomic.Bool
		down.Store(true)
		rs := &receivers{start: time.Now()}
		rs.answer = func(_ *http.Request, key string) (*http.Response, error) {
			if key == "yanwu/3/post" && down.Load() {
				return status(503)
			}
			return status(200)
		}
		registry := prometheus.NewRegistry()
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}, Registerer: registry})
		defer stop()
		synctest.Wait()

		b.breakDown(true)
		pending := []alerts.Transition{transition(2, "post", "unknown"), transition(3, "post"), transition(4, "post")}
		n.Direct(pending[:1])
		synctest.Wait()   // else the fourth may come while the third is being tried, and go first
		n.Direct(pending) // the committer hands over all that waits, each time
		synctest.Wait()
		n.Direct(pending)
		synctest.Wait()
		want := []string{"post.example yanwu/1/post", "post.example yanwu/2/post", "post.example yanwu/3/post"}
		if diff := cmp.Diff(want, rs.got()); diff != "" {
			t.Fatal(diff)
		}
		if got := gauge(t, registry); got != 2 {
			t.Errorf("%v notices wait, want the two in memory", got)
		}

		// The disk has room again: the ledger takes all three, while the third is still being tried.
		b.breakDown(false)
		b.commit(pending...)
		n.Wake()
		synctest.Wait()
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		want = append(want, "post.example yanwu/3/post", "post.example yanwu/4/post")
		if diff := cmp.Diff(want, rs.got()); diff != "" {
			t.Errorf("posts:\n%s", diff)
		}
		told := b.told()
		slices.Sort(told)
		if diff := cmp.Diff([]string{"expired yanwu/2/unknown", "sent yanwu/1/post", "sent yanwu/2/post", "sent yanwu/3/post", "sent yanwu/4/post"}, told); diff != "" {
			t.Errorf("told:\n%s", diff)
		}
		if n.inbox("post").unrecorded() != 0 || gauge(t, registry) != 0 {
			t.Error("something stays in memory")
		}
	})
}

func TestWhatTheBookTakesWhileItWaitsInMemoryIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"))
		var down atomic.Bool
		down.Store(true)
		rs := &receivers{start: time.Now(), answer: func(*http.Request, string) (*http.Response, error) {
			if down.Load() {
				return status(503)
			}
			return status(200)
		}}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		synctest.Wait() // the first notice is being tried, so the next two stay in memory
		pending := []alerts.Transition{transition(2, "post"), transition(3, "post")}
		n.Direct(pending)
		b.commit(pending...)
		n.Wake()
		synctest.Wait() // the second is new and has its try at once
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"post.example yanwu/1/post", "post.example yanwu/2/post", "post.example yanwu/1/post", "post.example yanwu/2/post", "post.example yanwu/3/post"}
		if diff := cmp.Diff(want, rs.got()); diff != "" {
			t.Errorf("posts:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"sent yanwu/1/post", "sent yanwu/2/post", "sent yanwu/3/post"}, b.told()); diff != "" {
			t.Errorf("told:\n%s", diff)
		}
	})
}

func TestWhatTheBookCannotRecordIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(transition(1, "post"), transition(2, "post"))
		b.breakDown(true)
		rs := &receivers{start: time.Now(), answer: always(200)}
		_, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		time.Sleep(time.Minute)
		if got := len(rs.got()); got != 2 {
			t.Fatalf("posted %d times", got)
		}
		synctest.Wait() // the worker asks the book in this very second too
		b.breakDown(false)
		time.Sleep(retryBook)
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent yanwu/1/post", "sent yanwu/2/post"}, b.told()); diff != "" || len(rs.got()) != 2 {
			t.Errorf("posted %d times\n%s", len(rs.got()), diff)
		}
	})
}

func TestMemoryForDirectNoticesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		rs := &receivers{start: time.Now(), answer: always(503)}
		n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
		defer stop()
		var flood []alerts.Transition
		for seq := range uint64(heldInMemory + 500) {
			flood = append(flood, transition(seq+1, "post"))
		}
		n.Direct(flood)
		if got := n.inbox("post").waiting(); got != heldInMemory {
			t.Errorf("%d are in memory, want %d", got, heldInMemory)
		}
	})
}

func TestASecretInAWebhooksURLIsNeverShown(t *testing.T) {
	const secret = "s3cr3t"
	for name, c := range map[string]struct {
		url    string
		answer func(*http.Request, string) (*http.Response, error)
	}{
		"refused":      {"http://" + secret + ":" + secret + "@post.example/hook/" + secret + "?key=" + secret, func(*http.Request, string) (*http.Response, error) { return nil, errors.New("connection refused") }},
		"not found":    {"http://post.example/" + secret, always(404)},
		"failing":      {"http://post.example/" + secret, always(500)},
		"no URL":       {"http://post.example/%zz" + secret, always(200)},
		"no scheme":    {secret, always(200)},
		"bad redirect": {"http://post.example/" + secret, always(307, "Location", "https://post.example/"+secret)},
		"timeout": {"http://post.example/" + secret, func(r *http.Request, _ string) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen, logs := observer.New(zapcore.DebugLevel)
				b := newBook(transition(1, "post"))
				config := webhook("post")
				config.Webhook = c.url
				n := New(Options{Recipients: []Config{config}, Book: b, Log: zap.New(seen), HTTPClient: &http.Client{Transport: &receivers{answer: c.answer}}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := n.Run(ctx); err != nil {
					t.Error(err)
				}
				if logs.Len() == 0 {
					t.Error("nothing was logged")
				}
				for _, entry := range logs.All() {
					if line := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(line, secret) {
						t.Errorf("logged: %s", line)
					}
				}
				tr := transition(1)
				if got := n.try(t.Context(), config, "k", &tr); strings.Contains(got.reason, secret) || got.reason == "" && !got.ok {
					t.Errorf("recorded: %q", got.reason)
				}
			})
		})
	}
}

func TestARedirectIsFollowedOnTheSameHostOnly(t *testing.T) {
	for to, want := range map[string]string{
		"/new":                        "post.example post.example",
		"https://post.example/new":    "post.example",
		"http://evil.example/":        "post.example",
		"http://post.example:81/hook": "post.example",
	} {
		rs := &receivers{}
		rs.answer = func(r *http.Request, _ string) (*http.Response, error) {
			if r.URL.Path == "/hook" && r.URL.Host == "post.example" {
				return status(308, "Location", to)
			}
			if b, err := io.ReadAll(r.Body); err != nil || !json.Valid(b) {
				t.Errorf("to %s: body %q (%v)", to, b, err)
			}
			return status(200)
		}
		n := New(Options{Book: newBook(), HTTPClient: &http.Client{Transport: rs}})
		tr := transition(1)
		n.try(t.Context(), webhook("post"), "", &tr)
		if got := strings.Join(strings.Fields(strings.Join(rs.got(), " ")), " "); got != want {
			t.Errorf("redirected to %s: asked %s, want %s", to, got, want)
		}
	}
}

func TestTheLogIsAChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, logs := observer.New(zapcore.InfoLevel)
		b := newBook(transition(1, "console"))
		_, stop := running(t, Options{Recipients: []Config{{Name: "console", Log: true}}, Book: b, Log: zap.New(seen)})
		defer stop()
		synctest.Wait()
		if logs.Len() != 1 || !strings.HasPrefix(logs.All()[0].Message, "UNVERIFIED HIGH ") || logs.All()[0].ContextMap()["notice"] != "yanwu/1/console" {
			t.Errorf("logged: %v", logs.All())
		}
		if diff := cmp.Diff([]string{"sent yanwu/1/console"}, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}
