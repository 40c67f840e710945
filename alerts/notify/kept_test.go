package notify

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
)

// TestWhatIsKeptWhileNothingWaitsIsDeliveredOnce: it is taken from Wake's hand, and the book is not read for it; where
// the book was read between the commit and Wake, or is read afterwards, it is not taken again.
func TestWhatIsKeptWhileNothingWaitsIsDeliveredOnce(t *testing.T) {
	first, second, third := []alerts.Transition{transition(1, "post")}, []alerts.Transition{transition(2, "other", "post")}, []alerts.Transition{transition(3, "post")}
	var many []alerts.Transition
	for seq := range uint64(batch + 2) {
		many = append(many, transition(seq+1, "post"))
	}
	for name, tt := range map[string]struct {
		happens func(n *Notifier, b *book)
		want    []string
	}{
		"the book is not read": {func(n *Notifier, _ *book) { n.Wake(first...) }, []string{"post.example yanwu/1/post"}},
		"read before Wake": {func(n *Notifier, b *book) {
			b.commit(first...)
			n.Wake()
			synctest.Wait()
			n.Wake(first...)
		}, []string{"post.example yanwu/1/post"}},
		"read after Wake": {func(n *Notifier, b *book) {
			b.commit(first...)
			n.Wake(first...)
			synctest.Wait()
			n.Wake()
		}, []string{"post.example yanwu/1/post"}},
		"each in its turn": {func(n *Notifier, b *book) {
			for _, ts := range [][]alerts.Transition{first, second, third} {
				b.commit(ts...)
				n.Wake(ts...)
			}
		}, []string{"post.example yanwu/1/post", "post.example yanwu/2/post", "post.example yanwu/3/post"}},
		"more than is handed on": {func(n *Notifier, b *book) {
			b.commit(many...)
			n.Wake(many...)
		}, keysOf(many)},
		"more than is handed on, while one is on its way": {func(n *Notifier, b *book) {
			b.commit(first...)
			n.Wake(first...)
			for _, tr := range many[1:] {
				b.commit(tr)
				n.Wake(tr)
			}
		}, keysOf(many)},
		"by a worker that was changed meanwhile": {func(n *Notifier, b *book) {
			b.commit(first...)
			n.Wake(first...)
			synctest.Wait()
			changed := webhook("post")
			changed.Deadline = 2 * time.Hour
			n.SetRecipients([]Config{changed})
			synctest.Wait()
			for _, ts := range [][]alerts.Transition{second, third} {
				b.commit(ts...)
				n.Wake(ts...)
			}
		}, keysOf(many[:3])},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				rs := &receivers{start: time.Now(), answer: always(200)}
				n, stop := running(t, Options{Recipients: []Config{webhook("post")}, Book: b, HTTPClient: &http.Client{Transport: rs}})
				defer stop()
				synctest.Wait()
				tt.happens(n, b)
				synctest.Wait()
				if diff := cmp.Diff(tt.want, rs.got()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func keysOf(ts []alerts.Transition) (keys []string) {
	for i := range ts {
		keys = append(keys, "post.example "+ts[i].Notice("post"))
	}
	return keys
}
