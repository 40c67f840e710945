package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"riverwatch/mavlink"
)

// The pace at which a link that does not open, or has died, is opened again.
const (
	reopenEvery = time.Second            // what this machine has: sockets to listen on, serial ports
	dialFirst   = 500 * time.Millisecond // other machines: doubled with each failure in a row
	dialLast    = 10 * time.Second
)

// line is one configured link: its counters, whether it is up, and the loop that keeps it open.
type line struct {
	l        *Listener
	index    int
	cfg      Config
	kind     string // the key that it is configured under
	where    string // that key's value
	open     func(context.Context) error
	allow    []netip.Prefix
	counters counters
	sources  atomic.Int64   // live ones
	clients  sync.WaitGroup // of a tcp_listen
	bound    string         // where it listens; it belongs to the loop, as does warned
	warned   int64          // when a client was refused last
	buffer   atomic.Int64   // bytes granted by the kernel
	radio    radio

	mu      sync.Mutex
	state   linkState
	told    linkState          // as the log knows it
	since   int64              // of the state, station time
	trouble string             // why it is down
	outlets map[string]*outlet // by the address of a connection, "" of a socket
	address string             // as bound, or the peer
	// refusedTold is what refused frames have told of, refusedSaid what say has; they belong to the beat.
	refusedTold [reasons]uint64
	refusedSaid [reasons]said
}

type linkState uint8

const (
	untried linkState = iota
	up
	down
)

// newLine takes a configuration that Check has found nothing wrong with.
func newLine(l *Listener, index int, cfg Config) *line {
	ln := &line{l: l, index: index, cfg: cfg, since: l.clock.stamp()}
	for _, t := range cfg.transports() {
		if t.value != "" {
			ln.kind, ln.where = t.key, t.value
		}
	}
	ln.open = map[string]func(context.Context) error{
		"udp": ln.serveUDP, "serial": ln.serveSerial, "tcp": ln.serveTCP, "tcp_listen": ln.serveTCPListen,
	}[ln.kind]
	for _, s := range cfg.Allow {
		ln.allow = append(ln.allow, netip.MustParsePrefix(s).Masked())
	}
	return ln
}

// run keeps the link open until ctx ends.
func (ln *line) run(ctx context.Context) {
	defer ln.close()
	defer ln.clients.Wait()
	failures := 0
	for {
		opened := ln.l.clock.passed()
		err := ln.open(ctx)
		if ctx.Err() != nil {
			return
		}
		ln.setDown(err)
		lived := ln.l.clock.passed() - opened
		wait := max(0, ln.l.reopen-lived)
		if ln.kind == "tcp" {
			if lived > dialLast {
				failures = 0
			}
			wait = min(dialFirst<<failures, dialLast)
			failures = min(failures+1, 5)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// setUp says that the link is open. It comes before the first read, so that the log has the note before the frames.
func (ln *line) setUp(address string) { ln.set(up, address, "") }

func (ln *line) setDown(err error) {
	ln.mu.Lock()
	address := ln.address
	ln.mu.Unlock()
	ln.set(down, address, err.Error())
}

func (ln *line) set(s linkState, address, trouble string) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	first, changed := ln.state == untried, ln.state != s
	ln.state, ln.address, ln.trouble = s, address, trouble
	if changed {
		ln.since = ln.l.clock.stamp()
		log := ln.l.log.With(zap.String("link", ln.cfg.Name), zap.String(ln.kind, ln.where))
		if s == up {
			log.Info("link is up", zap.String("address", address))
		} else {
			log.Warn("link is down and is tried again until it opens", zap.String("reason", trouble))
		}
	}
	ln.tellLocked()
	if first {
		ln.l.tried()
	}
}

// tell queues the link frame that the log still lacks, if any: there may have been no place for it.
func (ln *line) tell() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.tellLocked()
}

func (ln *line) tellLocked() {
	if ln.told == ln.state {
		return
	}
	if ln.l.queue.tellOwn(mavlink.OwnLink, mavlink.LinkNote{Link: ln.cfg.Name, Up: ln.state == up}) == nil {
		ln.told = ln.state
	}
}

// seldom is true at most once a second.
func (ln *line) seldom() bool {
	now := ln.l.clock.stamp()
	if now-ln.warned < second {
		return false
	}
	ln.warned = now
	return true
}

// close is for the end of the listener: down, and nothing to tell, since the log ends there.
func (ln *line) close() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.state == untried {
		ln.l.tried()
	}
	ln.state, ln.told, ln.trouble, ln.since = down, down, "closed", ln.l.clock.stamp()
	ln.sources.Store(0)
}

// allows says whether something from addr may come in.
func (ln *line) allows(addr netip.Addr) bool {
	if len(ln.allow) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range ln.allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// LinkStatus is how a link is doing.
type LinkStatus struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind"`    // udp, serial, tcp or tcp_listen
	Address      string            `json:"address"` // as bound, or the peer; as configured while it has never been open
	Up           bool              `json:"up"`
	Since        time.Time         `json:"since"` // of Up, station time
	Error        string            `json:"error"` // why it is down
	Sources      int               `json:"sources"`
	Frames       uint64            `json:"frames"`  // whose checksum holds, queued or not
	Errors       map[string]uint64 `json:"errors"`  // refused, by reason; those that are not 0
	Dropped      map[string]uint64 `json:"dropped"` // good and lost, by reason; those that are not 0
	SkippedBytes uint64            `json:"skipped_bytes"`
	BufferBytes  int64             `json:"buffer_bytes"` // of the socket as granted; 0: none, or not known
	Radio        *RadioStatus      `json:"radio"`        // null: none heard within the last minute
	RefusedBy    []RefusedBy       `json:"refused_by,omitempty"`
}

// RefusedBy is who sent the newest frame that a link refused for one of the reasons that lie with the sender: signature,
// unsigned, replayed, future, own_id, secret and pinned. LinkStatus.Errors has how many there were, of all senders.
type RefusedBy struct {
	Reason  string    `json:"reason"`
	System  uint8     `json:"system"`  // 0: not known, since the address alone was reason enough
	Address string    `json:"address"` // "ip:port" or a device
	At      time.Time `json:"at"`      // station time
}

func (ln *line) status() LinkStatus {
	ln.mu.Lock()
	st := LinkStatus{
		Name: ln.cfg.Name, Kind: ln.kind, Address: ln.address, Up: ln.state == up,
		Since: time.UnixMicro(ln.since).UTC(), Error: ln.trouble,
	}
	ln.mu.Unlock()
	if st.Address == "" {
		st.Address = ln.where
	}
	st.Sources, st.BufferBytes = int(ln.sources.Load()), ln.buffer.Load()
	st.Radio = ln.radio.last(ln.l.clock.stamp())
	st.Frames, st.SkippedBytes = ln.counters.frames.Load(), ln.counters.skipped.Load()
	st.Errors, st.Dropped = map[string]uint64{}, map[string]uint64{}
	for r := range ln.counters.by {
		n := ln.counters.by[r].Load()
		switch {
		case n == 0:
		case reason(r) < lostQueue:
			st.Errors[reasonNames[r]] = n
		default:
			st.Dropped[reasonNames[r]] = n
		}
	}
	for r := range ln.counters.newest {
		if c := ln.counters.culprit(reason(r)); c.at != 0 {
			st.RefusedBy = append(st.RefusedBy, RefusedBy{reasonNames[r], c.system, c.where(), time.UnixMicro(c.at).UTC()})
		}
	}
	return st
}

// check is Config.Check as one error.
func check(cfg Config) error {
	var all []error
	cfg.Check(func(path, what, remedy string) {
		all = append(all, fmt.Errorf("link %q: %s %s: %s", cfg.Name, path, what, remedy))
	})
	return errors.Join(all...)
}

// listens says whether others come to this link, rather than it going to them.
func (ln *line) listens() bool { return ln.kind == "udp" || ln.kind == "tcp_listen" }
