package notify

import (
	"slices"
	"sync"

	"riverwatch/alerts"
)

// inbox is what the notifier remembers of one recipient beside the book. It outlives the worker.
type inbox struct {
	wake    chan struct{} // of one place
	channel string        // for the metrics, also after the recipient went; guarded by Notifier.mu

	mu     sync.Mutex
	kept   []alerts.Transition // that the book has taken since the worker looked
	upTo   int64               // the event of the book up to which kept is all there is
	look   bool                // the book may have taken more
	direct []alerts.Transition // to be delivered from memory, in order
	keys   map[string]bool     // of direct
	fresh  []alerts.Transition // of direct, not seen by the worker yet
	ended  map[string]ending   // notices that ended and that the book still has as queued, or does not have yet
}

func newInbox() *inbox {
	return &inbox{wake: make(chan struct{}, 1), channel: noChannel, keys: map[string]bool{}, ended: map[string]ending{}}
}

// keep hands on what the book has taken up to its event n; all: that is all that it has taken for this recipient.
func (in *inbox) keep(kept []alerts.Transition, n int64, all bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.upTo = n; all && len(in.kept)+len(kept) <= batch {
		in.kept = append(in.kept, kept...)
	} else {
		in.kept, in.look = nil, true
	}
}

// take gives what the book has taken since it was asked last, and the event up to which that is all; ok is false where
// the book must be asked itself.
func (in *inbox) take() (kept []alerts.Transition, upTo int64, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	kept, upTo, ok = in.kept, in.upTo, !in.look && len(in.direct)+len(in.ended) == 0
	in.kept, in.look = nil, false
	return kept, upTo, ok
}

// add takes a notice to be delivered from memory, once; false: there are too many.
func (in *inbox) add(key string, t alerts.Transition) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if _, done := in.ended[key]; done || in.keys[key] {
		return true
	}
	if len(in.direct)+len(in.ended) >= heldInMemory {
		return false
	}
	in.direct, in.fresh, in.keys[key] = append(in.direct, t), append(in.fresh, t), true
	return true
}

// news gives what was added since it was asked last.
func (in *inbox) news() []alerts.Transition {
	in.mu.Lock()
	defer in.mu.Unlock()
	fresh := in.fresh
	in.fresh = nil
	return fresh
}

// knows says whether a notice is to be delivered from memory or has ended.
func (in *inbox) knows(key string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, ended := in.ended[key]
	return ended || in.keys[key]
}

// drop removes a notice from those to be delivered from memory: it was, or the book has it now.
func (in *inbox) drop(key, recipient string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.keys[key] {
		return
	}
	delete(in.keys, key)
	i := slices.IndexFunc(in.direct, func(t alerts.Transition) bool { return t.Notice(recipient) == key })
	if i == 0 { // as a rule: they go in order
		in.direct[0] = alerts.Transition{}
		in.direct = in.direct[1:]
		return
	}
	in.direct = slices.Delete(in.direct, i, i+1)
}

// next gives up to limit notices to be delivered from memory, oldest first.
func (in *inbox) next(limit int) []alerts.Transition {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.direct[:min(limit, len(in.direct))])
}

func (in *inbox) remember(key string, e ending) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended[key] = e
}

func (in *inbox) forget(key string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.ended, key)
}

func (in *inbox) end(key string) (ending, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	e, ok := in.ended[key]
	return e, ok
}

// unrecorded counts the notices that ended and that the book has not taken down.
func (in *inbox) unrecorded() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.ended)
}

// waiting counts the notices to be delivered from memory.
func (in *inbox) waiting() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.direct)
}
