package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"riverwatch/mavlink"
)

// Options are what a Listener needs to know.
type Options struct {
	Links []Config // with different names
	Own   mavlink.OwnID
	// OneShot says whether frames of a message id may never be repeated by their sender, so that the queue takes them
	// before others. It is called under the queue's lock: it must be quick, and must not call the Listener. nil: none.
	OneShot func(id uint32) bool
	LastAt  int64 // the station's last known time, µs; station time begins after it
	// Vehicles are those whose frames are held to something. Signatures is what was known of their streams when the
	// station was last running.
	Vehicles   []mavlink.VehicleIdentity
	Signatures []mavlink.SignatureState
	// Log and Registerer may be nil. Clock is the wall clock, nil for time.Now; what passes between two of its
	// readings is measured by the monotonic clock.
	Log        *zap.Logger
	Registerer prometheus.Registerer
	Clock      func() time.Time
}

// Listener is the live source of frames: all links of a station, and its own frames. It is safe for concurrent use;
// Next is for one goroutine.
type Listener struct {
	clock      *clock
	queue      *queue
	identities *identities
	asker      *asker
	lines      []*line
	log        *zap.Logger
	ready      chan struct{}
	untried    atomic.Int64
	running    atomic.Bool
	beat       beat
	reopen     time.Duration // reopenEvery, but in tests
}

// New checks the links and returns a Listener that has not opened any of them yet.
func New(o Options) (*Listener, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.OneShot == nil {
		o.OneShot = func(uint32) bool { return false }
	}
	l := &Listener{clock: newClock(o.Clock), log: o.Log, ready: make(chan struct{}), reopen: reopenEvery}
	l.clock.set(o.LastAt)
	l.queue = newQueue(o.Own, o.OneShot, l.clock, o.LastAt)
	l.identities = newIdentities(o.Vehicles, o.Signatures)
	l.asker = newAsker(o.Own, o.Log)
	names := map[string]bool{}
	var mistakes []error
	for i, cfg := range o.Links {
		if cfg.Baud == 0 {
			cfg.SetDefaults()
		}
		if cfg.Name == "" || names[cfg.Name] {
			mistakes = append(mistakes, fmt.Errorf("link %d: the name %q is empty or taken: give it one of its own", i+1, cfg.Name))
		}
		names[cfg.Name] = true
		if err := check(cfg); err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		if cfg.Mode == ModeRequest && (o.Own.System == 0 || o.Own.System == groundStation) {
			mistakes = append(mistakes, fmt.Errorf("link %q: nothing is requested under system id %d: give the station another", cfg.Name, o.Own.System))
			continue
		}
		l.asker.needed = l.asker.needed || cfg.Mode == ModeRequest
		l.lines = append(l.lines, newLine(l, i, cfg))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	l.untried.Store(int64(len(l.lines)) + 1) // one for Run itself
	l.beat.init(l)
	if o.Registerer != nil {
		if err := o.Registerer.Register(newCollector(l)); err != nil {
			return nil, fmt.Errorf("register the metrics of the links: %w", err)
		}
	}
	return l, nil
}

// Run opens all links, reads them, and opens again those that die, until ctx ends. Then it closes them and queues the
// `end` frame; Next hands out what is left and gives io.EOF. It can be called once.
func (l *Listener) Run(ctx context.Context) error {
	if l.running.Swap(true) {
		return errors.New("run the links: they have been run already")
	}
	var all sync.WaitGroup
	for _, ln := range l.lines {
		all.Go(func() { ln.run(ctx) })
	}
	l.tried()
	if l.asker.needed {
		all.Go(func() { l.asker.run(ctx, l.clock.stamp) })
	}
	l.beat.run(ctx)
	all.Wait()
	l.beat.refused()
	l.beat.say()
	l.queue.end()
	return nil
}

// tried counts down the links of which it is not known yet whether they open.
func (l *Listener) tried() {
	if l.untried.Add(-1) == 0 {
		close(l.ready)
	}
}

// Ready is closed when Run has tried to open every link, whether they did or not: see Status.
func (l *Listener) Ready() <-chan struct{} { return l.ready }

// Addrs are the addresses that listening links are bound to, by the link's name.
func (l *Listener) Addrs() map[string]string {
	all := map[string]string{}
	for _, ln := range l.lines {
		if st := ln.status(); ln.listens() && st.Up {
			all[st.Name] = st.Address
		}
	}
	return all
}

// Next waits for frames and hands out all that are queued, in one batch, which is to be released. It gives io.EOF once
// Run has ended and nothing is queued; for that, its ctx must outlive Run's.
func (l *Listener) Next(ctx context.Context) (mavlink.Batch, error) { return l.queue.next(ctx) }

// Own queues an own frame, all its parts at once. When it returns nil the frame will be handed out. It fails where
// body cannot be encoded, where the fold has left 4,096 own frames lying, and after the end.
func (l *Listener) Own(kind mavlink.OwnKind, number uint32, body any) error {
	if err := l.queue.tell(kind, number, body); err != nil {
		return fmt.Errorf("queue an own frame: %w", err)
	}
	return nil
}

// SetVehicles holds all frames that are read from now on to vehicles: when it returns, none that was held to the ones
// before is on its way into the queue. So that no frame goes by a plan that is laxer than how it was let in, a caller
// that changes the plan as well sets for each vehicle the stricter of old and new, queues the plan, and then sets the
// new.
func (l *Listener) SetVehicles(vehicles []mavlink.VehicleIdentity) { l.identities.set(vehicles) }

// Signatures is how far the streams of signed frames have come, by system, component and link id.
func (l *Listener) Signatures() []mavlink.SignatureState { return l.identities.state() }

// Reanchor begins a new session: its time at the wall clock, or right after the last frame where that is later, and its
// origins anew, which are told again as they are heard. Frames that are queued already stay as they are.
func (l *Listener) Reanchor() {
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	l.clock.set(q.lastAt)
	q.origins.reset()
	l.beat.stepTold.Store(0) // a session tells by itself how far it is from the wall clock
}

// Status is how the links are doing, in the order of their configuration.
func (l *Listener) Status() []LinkStatus {
	all := make([]LinkStatus, len(l.lines))
	for i, ln := range l.lines {
		all[i] = ln.status()
	}
	return all
}
