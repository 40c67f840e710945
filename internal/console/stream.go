package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

const (
	maxStreams = 256
	// A reader that is further behind than this gets a snapshot instead of every event in between.
	maxBehind = 2000
	// streamPage is how many events are read from the ledger and written at once.
	streamPage = 200
	// tailEvents is how many of the newest events are kept as they are written, for the readers that are up to date.
	tailEvents = 200
)

// stream serves GET /api/v1/stream. The ledger is the buffer: each reader has a place in it and moves on at its own
// pace, so that the station never waits for a reader, nothing is kept for one, and none can miss an event that
// others, stored a moment earlier or later by someone else, overtook. What all are to be told is read and encoded once.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	if c.streams.Add(1) > maxStreams {
		c.streams.Add(-1)
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, "%d pages are open already: close one", maxStreams)
		return
	}
	defer c.streams.Add(-1)
	ctx := r.Context()
	rc := http.NewResponseController(w)
	// The deadlines of the server are for requests that end.
	_ = rc.SetReadDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy is not to hold events back

	at, resumed := c.resumeAt(r.Header.Get("Last-Event-ID"))
	s := &reader{c: c, at: at, stale: !resumed}
	s.out = append(s.out, []byte("retry: 2000\n\n"))
	// All readers wait for the same moments: one wake of the processor serves them all.
	tick := time.NewTimer(c.timing.untilNext())
	defer tick.Stop()
	second := true // due
	for {
		grown := c.o.Ledger.Grown() // before reading, so that nothing slips in between
		more, err := s.read()
		if err != nil {
			c.log.Warn("a live stream ended because the ledger cannot be read", zap.Error(err))
			return
		}
		if second {
			s.out = append(s.out, c.live.now(c))
			second = false
		}
		if len(s.out) > 0 {
			if err := rc.SetWriteDeadline(time.Now().Add(c.timing.writeWithin)); err != nil {
				return
			}
			for _, text := range s.out {
				if _, err := w.Write(text); err != nil {
					return // too slow, or gone: it comes back with Last-Event-ID
				}
			}
			clear(s.out) // a page that is open for days holds on to nothing
			s.out = s.out[:0]
			if err := rc.Flush(); err != nil {
				return
			}
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.stopping:
			return
		case <-grown:
		case <-tick.C:
			tick.Reset(c.timing.untilNext())
			second = true
		}
	}
}

// resumeAt reads a Last-Event-ID. It is good if it names this ledger and an event that is not too far back.
func (c *Console) resumeAt(id string) (at int64, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 || id[:i] != c.o.Ledger.ID() {
		return 0, false
	}
	at, err := strconv.ParseInt(id[i+1:], 10, 64)
	head, _ := c.o.Ledger.Head()
	return at, err == nil && at >= 0 && at <= head
}

// reader is one client's place in the ledger.
type reader struct {
	c     *Console
	at    int64    // the newest event that it has, or that a snapshot covered
	stale bool     // it needs a snapshot
	out   [][]byte // to be written; it shares them with others
}

// read puts out what is new and says whether there is more.
func (s *reader) read() (more bool, err error) {
	head, _ := s.c.o.Ledger.Head()
	if s.stale || head-s.at > maxBehind {
		first, err := s.c.first.now(s.c)
		if err != nil {
			return false, err
		}
		s.out = append(s.out, first.text)
		s.at, s.stale = first.n, false
		return false, nil
	}
	if head == s.at {
		return false, nil
	}
	texts, ok, err := s.c.tail.after(s.c, s.at)
	if ok || err != nil {
		s.at += int64(len(texts))
		s.out = append(s.out, texts...)
		return false, err
	}
	events, err := s.c.o.Ledger.Events(s.at, streamPage)
	if err != nil {
		return false, err
	}
	for i := range events {
		s.at = events[i].N
		s.out = append(s.out, s.c.encode(&events[i]))
	}
	return len(events) == streamPage, nil
}

// encode is a stored event as the stream tells it, nothing for one that is not for it.
func (c *Console) encode(e *ledger.Stored) []byte {
	name, data := public(e)
	if name == "" {
		return nil
	}
	return c.event(e.N, name, data)
}

// event is one event with its id. Compact JSON has no line break, which is what SSE needs.
func (c *Console) event(n int64, name string, data []byte) []byte {
	return fmt.Appendf(nil, "id: %s-%d\nevent: %s\ndata: %s\n\n", c.o.Ledger.ID(), n, name, data)
}

// tail is the newest events of the ledger as the stream tells them: read and encoded by the first reader that comes for
// them.
type tail struct {
	mu    sync.Mutex
	upTo  int64    // the newest event in texts
	texts [][]byte // of event upTo and those before it
}

// after gives what the stream tells of each event after at, of some of them nothing; ok is false where the tail does not
// reach back so far.
func (t *tail) after(c *Console, at int64) (texts [][]byte, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if head, _ := c.o.Ledger.Head(); head > t.upTo {
		if head-t.upTo > tailEvents { // nobody has asked for long
			t.upTo, t.texts = head-tailEvents, nil
		}
		events, err := c.o.Ledger.Events(t.upTo, streamPage)
		if err != nil {
			return nil, false, err
		}
		for i := range events {
			t.upTo, t.texts = events[i].N, append(t.texts, c.encode(&events[i]))
		}
		t.texts = slices.Delete(t.texts, 0, max(0, len(t.texts)-tailEvents))
	}
	back := max(0, t.upTo-at)
	if back > int64(len(t.texts)) {
		return nil, false, nil
	}
	return slices.Clone(t.texts[len(t.texts)-int(back):]), true, nil
}

// public is what the stream tells of a stored event; name "" for those that are not for it.
func public(e *ledger.Stored) (name string, data []byte) {
	switch e.Kind {
	case "transition", "notice":
		return e.Kind, compact(e.Data)
	case "request":
		if e.Personal == "" {
			return "", nil
		}
		note := struct {
			At    alerts.Time `json:"at"`
			Alert string      `json:"alert"`
			Note  string      `json:"note"`
			Of    struct {
				Act string `json:"act"`
				By  uint32 `json:"by"` // a person's number
			} `json:"of"` // what the words came with
		}{At: e.At, Alert: e.Subject, Note: e.Personal}
		if json.Unmarshal(e.Data, &note.Of) != nil {
			return "", nil // not written by a ledger
		}
		data, err := json.Marshal(note)
		if err != nil {
			return "", nil
		}
		return "note", data
	}
	return "", nil
}

func compact(data []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return []byte("null")
	}
	return b.Bytes()
}

// first is the snapshot as last encoded: when a station has started again, all pages come for it at once.
type first struct {
	mu   sync.Mutex
	made time.Time
	firstView
}

// firstView is a snapshot as the stream tells it, and the event up to which it holds.
type firstView struct {
	n    int64
	text []byte
}

func (f *first) now(c *Console) (firstView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	head, _ := c.o.Ledger.Head() // before the alerts are read: what they have beyond it is told again
	if now := time.Now(); f.text == nil || f.n != head || now.Sub(f.made) >= c.timing.every/2 {
		data, err := c.snapshot()
		if err != nil {
			return firstView{}, err
		}
		f.made, f.firstView = now, firstView{head, c.event(head, "snapshot", data)}
	}
	return f.firstView, nil
}

// live is the vehicles and links as last encoded: once for all readers.
type live struct {
	mu   sync.Mutex
	made time.Time
	text []byte
}

func (l *live) now(c *Console) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.text == nil || now.Sub(l.made) >= c.timing.every/2 {
		var b bytes.Buffer
		at, vehicles := c.o.Station.Vehicles()
		for _, e := range []struct {
			name string
			body any
		}{
			{"vehicles", vehiclesBody{At: alerts.Time(at), Vehicles: list(vehicles)}},
			{"links", linksBody{Links: list(c.o.Station.Links())}},
		} {
			data, err := json.Marshal(e.body)
			if err != nil {
				data = []byte("null") // a NaN from a vehicle must not end the stream for all
				c.log.Error("cannot show "+e.name, zap.Error(err))
			}
			fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", e.name, data)
		}
		l.made, l.text = now, b.Bytes()
	}
	return l.text
}
