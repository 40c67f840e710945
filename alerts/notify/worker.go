package notify

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
)

// worker delivers the notices of one recipient, one after the other.
type worker struct {
	n        *Notifier
	config   Config
	inbox    *inbox
	failures int               // tries in a row that failed
	aside    map[string]aside  // notices that let others go first
	seen     int64             // the book's events up to here hold no news: what they queued takes its turn
	early    map[string]bool   // notices that ended before their turn came
	even     bool              // the book has nothing for the recipient but what was taken from it and what Wake hands on
	newest   map[string]uint64 // by station, the seq of the newest transition taken
}

// aside is a notice that its receiver has answered with an error too often to let it hold up the others.
type aside struct {
	tries int
	due   time.Time // of the next try
}

// job is one notice to be delivered.
type job struct {
	alerts.Transition
	key      string
	fromBook bool
}

func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		jobs, wait, err := w.next()
		if err != nil {
			w.n.o.Log.Warn("queued notices cannot be read, trying again", zap.String("recipient", w.config.Name), zap.Error(err))
		}
		for i := range jobs {
			if !w.early[jobs[i].key] {
				w.deliver(ctx, &jobs[i])
			}
		}
		if len(jobs) == 0 {
			w.pause(ctx, wait, w.inbox.wake)
		}
	}
}

// forever is longer than anything that anybody waits for.
const forever = 365 * 24 * time.Hour

// next gives the notices to deliver now: those that were just kept where nothing else waits, else those in the book, else
// those in memory, then those put aside that are due; and how long to wait for more where there are none. What has ended
// and is still in the book is recorded on the way.
func (w *worker) next() (jobs []job, wait time.Duration, err error) {
	name, now := w.config.Name, w.n.o.Clock()
	wait = forever
	var later []job
	take := func(j job) {
		a, put := w.aside[j.key]
		switch {
		case !put:
			jobs = append(jobs, j)
		case !a.due.After(now):
			later = append(later, j)
		default:
			wait = min(wait, a.due.Sub(now))
		}
	}
	clear(w.early)
	// As a rule nothing waits but what has just been committed. Then the book need not be read: an alert is on its way
	// the sooner.
	if kept, upTo, ok := w.inbox.take(); ok && w.even && len(w.aside) == 0 {
		for _, t := range kept {
			if t.Seq > w.newest[t.Station] { // else the book was read between its commit and Wake
				w.newest[t.Station] = t.Seq
				take(job{t, t.Notice(name), true})
			}
		}
		w.seen = max(w.seen, upTo)
		return jobs, wait, nil
	}
	w.inbox.news()
	w.seen, _ = w.n.o.Book.Head()
	limit := batch + w.inbox.unrecorded() + len(w.aside)
	queued, err := w.n.o.Book.Queued(name, limit)
	w.even = err == nil && len(queued) < limit
	for i := range queued {
		j := job{queued[i], queued[i].Notice(name), true}
		w.newest[j.Station] = max(w.newest[j.Station], j.Seq)
		w.inbox.drop(j.key, name)
		if end, ended := w.inbox.end(j.key); !ended {
			take(j)
		} else if w.n.record(j.key, end) == nil {
			w.inbox.forget(j.key)
		}
	}
	if len(jobs) == 0 {
		for _, t := range w.inbox.next(batch + len(w.aside)) {
			take(job{t, t.Notice(name), false})
		}
	}
	if err != nil || w.inbox.unrecorded() > 0 {
		wait = min(wait, retryBook)
	}
	return append(jobs, later...), wait, err
}

// deliver tries a notice until it has ended, it is put aside, or the context ends.
func (w *worker) deliver(ctx context.Context, j *job) {
	refused := 0
	for ctx.Err() == nil {
		t, left, over := w.attempt(ctx, j)
		if over {
			if t.ok || t.final {
				w.failures = 0
			}
			return
		}
		a, wasAside := w.aside[j.key]
		tries := a.tries
		if !wasAside {
			w.failures++
			tries = w.failures
		}
		wait := min(max(backOff(tries), t.retryAfter), left)
		w.failedTry(j, t.reason, wait)
		if t.refused {
			refused++
		}
		if wasAside || refused >= patience {
			w.aside[j.key] = aside{tries + 1, w.n.o.Clock().Add(wait)}
			return
		}
		w.rest(ctx, j, wait)
	}
}

// attempt tries a notice once, unless its time is up. over: it has ended, or the context has; else it can be tried
// again for as long as is left.
func (w *worker) attempt(ctx context.Context, j *job) (t tried, left time.Duration, over bool) {
	left = time.UnixMicro(int64(j.At)).Add(w.config.Deadline).Sub(w.n.o.Clock())
	if left <= 0 {
		w.end(j, ending{expired, w.n.now(), fmt.Sprintf("not delivered within %v", w.config.Deadline)})
		return t, 0, true
	}
	t = w.n.try(ctx, w.config, j.key, &j.Transition)
	switch {
	case ctx.Err() != nil:
		return t, left, true
	case t.ok:
		w.end(j, ending{sent, w.n.now(), ""})
	case t.final:
		w.end(j, ending{failed, w.n.now(), t.reason})
	}
	return t, left, t.ok || t.final
}

// rest leaves the recipient alone for a while after a notice could not be delivered, but for one try of each that is
// new: somebody may be at a crossing now. Where one gets through, the rest is over.
func (w *worker) rest(ctx context.Context, head *job, wait time.Duration) {
	due := w.n.o.Clock().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-w.inbox.wake:
			if w.deliverNews(ctx, head, due) {
				return
			}
		}
	}
}

// deliverNews tries what came since the worker looked last, up to the first that fails too: the others then wait their
// turn. It says whether the recipient took any.
func (w *worker) deliverNews(ctx context.Context, head *job, due time.Time) (through bool) {
	var fresh []job
	queued, last, err := w.n.o.Book.QueuedSince(w.config.Name, w.seen, batch)
	if err == nil { // a book that cannot be read is told of when the notices' turn comes
		w.seen = last
	}
	w.even = false // what is delivered here is among what was kept
	for i := range queued {
		j := job{queued[i], queued[i].Notice(w.config.Name), true}
		if j.key != head.key && !w.inbox.knows(j.key) {
			fresh = append(fresh, j)
		}
	}
	for _, t := range w.inbox.news() {
		if key := t.Notice(w.config.Name); key != head.key {
			fresh = append(fresh, job{t, key, false})
		}
	}
	for i := range fresh {
		t, _, over := w.attempt(ctx, &fresh[i])
		if ctx.Err() != nil {
			return false
		}
		if !over {
			w.failedTry(&fresh[i], t.reason, max(due.Sub(w.n.o.Clock()), 0))
			break
		}
		w.early[fresh[i].key] = true
		through = through || t.ok || t.final
	}
	return through
}

// failedTry tells people of a try that failed. That it cannot be taken down is no reason not to try again.
func (w *worker) failedTry(j *job, reason string, wait time.Duration) {
	log := w.n.o.Log.With(zap.String("recipient", w.config.Name), zap.String("notice", j.key))
	log.Warn("notice not delivered, trying again", zap.String("reason", reason), zap.Stringer("retry_in", wait.Round(time.Millisecond)))
	if j.fromBook {
		if err := w.n.o.Book.NoticeFailed(j.key, w.n.now(), reason, w.n.now()+alerts.Time(wait.Microseconds())); err != nil {
			log.Warn("a failed try was not recorded", zap.Error(err))
		}
	}
}

// end takes down how a notice ended. One from memory is not in the book yet, so that is remembered until it is.
func (w *worker) end(j *job, e ending) {
	w.n.metrics.count(channelOf(w.config), e.outcome)
	delete(w.aside, j.key)
	fields := []zap.Field{zap.String("recipient", w.config.Name), zap.String("notice", j.key), zap.String("reason", e.reason)}
	if e.outcome == sent {
		w.n.o.Log.Debug("notice sent", fields...)
	} else {
		w.n.o.Log.Error("notice "+string(e.outcome), fields...)
	}
	if !j.fromBook {
		w.inbox.remember(j.key, e)
		w.inbox.drop(j.key, w.config.Name)
		return
	}
	if err := w.n.record(j.key, e); err != nil {
		w.inbox.remember(j.key, e)
		w.n.o.Log.Warn("what became of a notice is not recorded yet", zap.String("notice", j.key), zap.Error(err))
	}
}

// pause waits for d, or until the context ends, or wake.
func (w *worker) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// backOff is how long a recipient is left alone after so many tries in a row that failed: 1 s, 2 s, 4 s ... 60 s.
func backOff(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 10), time.Minute)
}
