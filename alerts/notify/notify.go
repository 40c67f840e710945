package notify

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"riverwatch/alerts"
)

// Book holds the queued notices and takes down what became of them.
type Book interface {
	// Waiting counts the queued notices by recipient.
	Waiting() (map[string]int, error)
	// Queued gives up to limit transitions, oldest first, that a recipient is still to be told of.
	Queued(recipient string, limit int) ([]alerts.Transition, error)
	// QueuedSince gives those of them that were committed after event n, and the event of the last (n for none).
	QueuedSince(recipient string, n int64, limit int) (queued []alerts.Transition, last int64, err error)
	// Head is the newest event's number.
	Head() (n int64, chain string)
	NoticeSent(key string, at alerts.Time) error
	// NoticeFailed takes down a try that failed and when the next is due; 0 fails the notice for good.
	NoticeFailed(key string, at alerts.Time, reason string, next alerts.Time) error
	NoticeExpired(key string, at alerts.Time, reason string) error
}

// Options is what a Notifier is made with.
type Options struct {
	Recipients []Config
	Book       Book
	PublicURL  string                // where people reach the page, "" for nowhere: then a notice has no link
	Zone       *time.Location        // of the times in texts; nil: UTC
	Place      func(id string) Place // what people call a zone; nil: its id
	Log        *zap.Logger           // nil: silent, and the log channel with it
	Registerer prometheus.Registerer // nil: no metrics
	Clock      func() time.Time      // nil: time.Now
	HTTPClient *http.Client          // nil: http.DefaultTransport's; its redirect policy is replaced
}

const (
	// batch is how many notices a worker takes from the book at once.
	batch = 32
	// heldInMemory bounds, for each recipient, what Direct delivers while the book cannot take it.
	heldInMemory = 10_000
	// retryBook is how soon a book that failed is asked again.
	retryBook = 5 * time.Second
	// longestRest is how long a receiver may ask to be left alone: what asks for a day is rather a proxy's page than the
	// receiver, and every notice behind this one would expire. The robots of chats shut senders out for ten minutes.
	longestRest = 10 * time.Minute
	// patience is how often a receiver may answer one notice with an error before others go first.
	patience = 5
)

// Notifier delivers notices to the recipients.
type Notifier struct {
	o       Options
	client  *http.Client
	metrics *metrics
	changed chan struct{} // of one place: Run looks at the recipients and at the book again

	mu      sync.Mutex
	configs map[string]Config
	inboxes map[string]*inbox // of every recipient that was ever configured
}

// New returns a notifier that Run starts.
func New(o Options) *Notifier {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	n := &Notifier{o: o, client: newClient(o.HTTPClient), changed: make(chan struct{}, 1), inboxes: map[string]*inbox{}}
	n.metrics = newMetrics(o.Registerer, n.queued)
	n.SetRecipients(o.Recipients)
	return n
}

// SetRecipients replaces the recipients. A try under way to one that changed or went is broken off; what is queued for
// one that went expires.
func (n *Notifier) SetRecipients(recipients []Config) {
	n.mu.Lock()
	n.configs = map[string]Config{}
	for _, c := range recipients {
		var def Config
		def.SetDefaults()
		if c.Deadline == 0 {
			c.Deadline = def.Deadline
		}
		if c.Timeout == 0 {
			c.Timeout = def.Timeout
		}
		n.configs[c.Name] = c
		if n.inboxes[c.Name] == nil {
			n.inboxes[c.Name] = newInbox()
		}
		n.inboxes[c.Name].channel = channelOf(c)
	}
	n.mu.Unlock()
	nudge(n.changed)
}

// Wake says that the book has taken new notices: those of the given transitions, which a worker that has nothing else to
// deliver then takes from here, or, where none are given, any. It never blocks on the book or a receiver.
func (n *Notifier) Wake(kept ...alerts.Transition) {
	head, _ := n.o.Book.Head()
	n.mu.Lock()
	defer n.mu.Unlock()
	strangers := len(kept) == 0
	told := map[string][]alerts.Transition{}
	for i := range kept {
		for _, name := range kept[i].Tell {
			told[name] = append(told[name], kept[i])
			if _, configured := n.configs[name]; !configured {
				strangers = true
			}
		}
	}
	for name := range n.configs {
		if list := told[name]; len(list) > 0 || len(kept) == 0 {
			n.inboxes[name].keep(list, head, len(kept) > 0)
			nudge(n.inboxes[name].wake)
		}
	}
	if strangers {
		nudge(n.changed)
	}
}

// Direct delivers the notices of transitions that the book cannot take now, from memory, under the keys that they will
// have. It may be given the same transitions again. Once the book has them, what was delivered is recorded instead of
// being sent again. Beyond 10,000 for one recipient they wait for the book.
func (n *Notifier) Direct(transitions []alerts.Transition) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range transitions {
		for _, name := range transitions[i].Tell {
			if _, configured := n.configs[name]; configured && !n.inboxes[name].add(transitions[i].Notice(name), transitions[i]) {
				n.o.Log.Error("too many notices in memory, the rest waits for the ledger", zap.String("recipient", name))
				return
			}
		}
	}
	for name := range n.configs {
		nudge(n.inboxes[name].wake)
	}
}

// Run delivers until ctx ends. What is queued in the book then leaves at the next Run.
func (n *Notifier) Run(ctx context.Context) error {
	type running struct {
		config Config
		stop   func()
	}
	workers := map[string]running{}
	defer func() {
		for _, w := range workers {
			w.stop()
		}
	}()
	for {
		n.mu.Lock()
		configs := maps.Clone(n.configs)
		n.mu.Unlock()
		for name, w := range workers {
			if configs[name] != w.config {
				w.stop()
				delete(workers, name)
			}
		}
		for name, c := range configs {
			if _, ok := workers[name]; ok {
				continue
			}
			own, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			w := &worker{n: n, config: c, inbox: n.inbox(name), aside: map[string]aside{}, early: map[string]bool{}, newest: map[string]uint64{}}
			go func() {
				defer close(ended)
				w.run(own)
			}()
			workers[name] = running{c, func() { cancel(); <-ended }}
		}
		var again <-chan time.Time
		if err := n.expireStrangers(ctx, configs); err != nil {
			n.o.Log.Warn("notices of recipients that are no longer configured stay queued for now", zap.Error(err))
			again = time.After(retryBook)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.changed:
		case <-again:
		}
	}
}

// expireStrangers ends the queued notices of recipients that are not configured.
func (n *Notifier) expireStrangers(ctx context.Context, configs map[string]Config) error {
	waiting, err := n.o.Book.Waiting()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		if _, configured := configs[name]; configured {
			continue
		}
		in := n.inbox(name)
		for ctx.Err() == nil {
			queued, err := n.o.Book.Queued(name, batch)
			if err != nil || len(queued) == 0 {
				if err != nil {
					return err
				}
				break
			}
			for i := range queued {
				key := queued[i].Notice(name)
				end, known := in.end(key)
				if !known {
					end = ending{outcome: expired, at: n.now(), reason: "the recipient is no longer configured"}
				}
				if err := n.record(key, end); err != nil {
					return err
				}
				in.forget(key)
				if !known {
					n.metrics.count(n.channel(name), expired)
				}
			}
		}
	}
	return nil
}

// record takes down in the book how a notice ended.
func (n *Notifier) record(key string, e ending) error {
	switch e.outcome {
	case sent:
		return n.o.Book.NoticeSent(key, e.at)
	case failed:
		return n.o.Book.NoticeFailed(key, e.at, e.reason, 0)
	case expired:
		return n.o.Book.NoticeExpired(key, e.at, e.reason)
	}
	return fmt.Errorf("a notice cannot end as %q", e.outcome)
}

func (n *Notifier) inbox(name string) *inbox {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inboxes[name] == nil {
		n.inboxes[name] = newInbox()
	}
	return n.inboxes[name]
}

// channel is the channel of a recipient that was configured once.
func (n *Notifier) channel(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inboxes[name].channel
}

// queued counts the notices that wait, in the book or in memory.
func (n *Notifier) queued() (total int, err error) {
	waiting, err := n.o.Book.Waiting()
	for _, count := range waiting {
		total += count
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, in := range n.inboxes {
		total += in.waiting()
	}
	return total, err
}

func (n *Notifier) now() alerts.Time { return alerts.Time(n.o.Clock().UnixMicro()) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // already nudged
	}
}

// outcome is how a notice ended: the label of its metric.
type outcome string

const (
	sent    outcome = "sent"
	failed  outcome = "failed"
	expired outcome = "expired"
)

// ending is how a notice ended, when, and why if not well.
type ending struct {
	outcome outcome
	at      alerts.Time
	reason  string
}
