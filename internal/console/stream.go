package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

const (
	maxStreams = 64
	// A reader that is further behind than this gets a snapshot instead of every event in between.
	maxBehind = 2000
	// streamPage is how many events are read from the ledger and written at once.
	streamPage = 200
)

// stream serves GET /api/v1/stream. The ledger is the buffer: each reader has a place in it and moves on at its own
// pace, so that the station never waits for a reader, nothing is kept for one, and none can miss an event that
// others, stored a moment earlier or later by someone else, overtook.
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
	s.buf.WriteString("retry: 2000\n\n")
	tick := time.NewTicker(c.timing.every)
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
			s.buf.Write(c.live.now(c))
			second = false
		}
		if s.buf.Len() > 0 {
			if err := rc.SetWriteDeadline(time.Now().Add(c.timing.writeWithin)); err != nil {
				return
			}
			if _, err := s.buf.WriteTo(w); err != nil {
				return // too slow, or gone: it comes back with Last-Event-ID
			}
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
	at    int64 // the newest event that it has, or that a snapshot covered
	stale bool  // it needs a snapshot
	buf   bytes.Buffer
}

// read puts what is new into the buffer and says whether there is more.
func (s *reader) read() (more bool, err error) {
	head, _ := s.c.o.Ledger.Head()
	if s.stale || head-s.at > maxBehind {
		data, err := s.c.snapshot()
		if err != nil {
			return false, err
		}
		s.write(head, "snapshot", data)
		s.at, s.stale = head, false
		return false, nil
	}
	events, err := s.c.o.Ledger.Events(s.at, streamPage)
	if err != nil {
		return false, err
	}
	for i := range events {
		s.at = events[i].N
		if name, data := public(&events[i]); name != "" {
			s.write(s.at, name, data)
		}
	}
	return len(events) == streamPage, nil
}

// write adds one event. Compact JSON has no line break, which is what SSE needs.
func (s *reader) write(n int64, name string, data []byte) {
	fmt.Fprintf(&s.buf, "id: %s-%d\nevent: %s\ndata: %s\n\n", s.c.o.Ledger.ID(), n, name, data)
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
