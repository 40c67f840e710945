package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"riverwatch/mavlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second // of a test that waits for something to come; it never waits for nothing to come

// frame is a MAVLink 2 frame with a true checksum.
func frame(system, component, seq uint8, id uint32, extra uint8, payload ...byte) []byte {
	b := append([]byte{0xFD, byte(len(payload)), 0, 0, seq, system, component, byte(id), byte(id >> 8), byte(id >> 16)}, payload...)
	crc := mavlink.CRC(b[1:], extra)
	return append(b, byte(crc), byte(crc>>8))
}

func heartbeat(system, seq uint8) []byte {
	return frame(system, 1, seq, 0, 50, 0, 0, 0, 0, 2, 3, 81, 4, 3)
}

func text(system, seq uint8) []byte {
	return frame(system, 1, seq, 253, 83, append([]byte{6}, "POI 37.1, 111.9, 700.0 (asml)"...)...)
}

func unknown(system, seq uint8) []byte { return frame(system, 1, seq, 16_000_000, 0, 1, 2, 3) }

func isText(id uint32) bool { return id == 253 }

// station is a running listener with everything it has handed out.
type station struct {
	*Listener
	t      *testing.T
	stop   context.CancelFunc
	done   chan error
	frames []mavlink.Frame // of links
	notes  []mavlink.OwnMessage
	beats  int
	inbox  mavlink.OwnInbox
}

func listener(t *testing.T, o Options) *station {
	t.Helper()
	if o.Own == (mavlink.OwnID{}) {
		o.Own = mavlink.DefaultOwnID
	}
	if o.Log == nil {
		o.Log = zaptest.NewLogger(t)
	}
	if o.OneShot == nil {
		o.OneShot = isText
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l.reopen = 20 * time.Millisecond
	return &station{Listener: l, t: t}
}

func run(t *testing.T, links ...Config) *station {
	t.Helper()
	s := listener(t, Options{Links: links})
	s.start()
	return s
}

func (s *station) start() {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.done = stop, make(chan error, 1)
	go func() { s.done <- s.Run(ctx) }()
	s.t.Cleanup(func() {
		stop()
		if s.done != nil {
			<-s.done
		}
	})
	select {
	case <-s.Ready():
	case <-time.After(patience):
		s.t.Fatal("not ready")
	}
}

// take takes in one batch.
func (s *station) take(b mavlink.Batch) {
	s.t.Helper()
	last := int64(0)
	for _, f := range b.Frames {
		if f.At < last {
			s.t.Errorf("time goes back from %d to %d", last, f.At)
		}
		last = f.At
		if f.Origin != mavlink.OriginOwn {
			f.Raw = slices.Clone(f.Raw)
			s.frames = append(s.frames, f)
			continue
		}
		if f.MsgID == 0 {
			s.beats++
		}
		if m, ok := s.inbox.Add(&f); ok {
			m.Body = slices.Clone(m.Body)
			s.notes = append(s.notes, m)
		}
	}
	b.Release()
}

// until reads until cond holds.
func (s *station) until(what string, cond func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !cond() {
		b, err := s.Next(ctx)
		if err != nil {
			s.t.Fatalf("%s: %v; %d frames, status %+v", what, err, len(s.frames), s.Status())
		}
		s.take(b)
	}
}

// drain takes what is queued, without waiting.
func (s *station) drain() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		b, err := s.Next(ctx)
		if err != nil {
			if !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
				s.t.Fatal(err)
			}
			return
		}
		s.take(b)
	}
}

// finish ends Run and takes everything up to io.EOF.
func (s *station) finish() {
	s.t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		s.t.Error(err)
	}
	s.done = nil
	for {
		b, err := s.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.take(b)
	}
}

// bodies are the notes of one kind.
func bodies[T any](s *station, kind mavlink.OwnKind) []T {
	s.t.Helper()
	var all []T
	for _, m := range s.notes {
		if m.Kind != kind {
			continue
		}
		var v T
		if err := json.Unmarshal(m.Body, &v); err != nil {
			s.t.Fatalf("body %q: %v", m.Body, err)
		}
		all = append(all, v)
	}
	return all
}

func (s *station) count(link, reason string) uint64 {
	for _, st := range s.Status() {
		if st.Name == link {
			return st.Errors[reason] + st.Dropped[reason]
		}
	}
	return 0
}

func TestNewNamesEveryMistakeAtOnce(t *testing.T) {
	_, err := New(Options{Links: []Config{{Name: "a", UDP: "nowhere"}, {Name: "a", Serial: "/dev/x"}, {Name: "b"}}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"nowhere"`, `"a" is empty or taken`, "no way in"} {
		if !containsText(err, want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestWithoutLinksItIsReadyAtOnceAndEnds(t *testing.T) {
	s := run(t)
	if err := s.Own(mavlink.OwnMark, 7, mavlink.MarkNote{LatE7: 1}); err != nil {
		t.Fatal(err)
	}
	s.finish()
	marks, ends := bodies[mavlink.MarkNote](s, mavlink.OwnMark), bodies[mavlink.EndNote](s, mavlink.OwnEnd)
	if len(marks) != 1 || marks[0].LatE7 != 1 {
		t.Errorf("marks %+v", marks)
	}
	if len(ends) != 1 || ends[0].Reason != "stop" || s.notes[len(s.notes)-1].Kind != mavlink.OwnEnd {
		t.Errorf("the end is not the last note: %+v", s.notes)
	}
	if err := s.Own(mavlink.OwnMark, 8, mavlink.MarkNote{}); !errors.Is(err, errEnded) {
		t.Errorf("own frame after the end: %v", err)
	}
	if err := s.Run(context.Background()); err == nil {
		t.Error("ran twice")
	}
}

func TestWhatIsQueuedIsHandedOutAfterTheEnd(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"})
	c := dial(t, "udp", s.Addrs()["field"])
	for i := range 100 {
		send(t, c, heartbeat(1, uint8(i)))
	}
	s.until("frames", func() bool { return len(s.frames)+s.queue.length() >= 100 || s.Status()[0].Frames == 100 })
	s.finish()
	if len(s.frames) != 100 {
		t.Errorf("%d frames", len(s.frames))
	}
	if _, err := s.Next(context.Background()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestNextHeedsItsContext(t *testing.T) {
	s := listener(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestManySendersAtOnceAreAllAccountedFor(t *testing.T) {
	s := run(t, Config{Name: "a", UDP: "127.0.0.1:0"}, Config{Name: "b", TCPListen: "127.0.0.1:0"})
	const senders, each = 6, 3000
	var all sync.WaitGroup
	for i := range senders {
		network, link := "udp", "a"
		if i%2 == 1 {
			network, link = "tcp", "b"
		}
		c := dial(t, network, s.Addrs()[link])
		all.Go(func() {
			for n := range each {
				if _, err := c.Write(heartbeat(uint8(i%3+1), uint8(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for i := range uint32(200) {
			if err := s.Own(mavlink.OwnMark, i, mavlink.MarkNote{At: int64(i)}); err != nil {
				t.Error(err)
			}
			s.Reanchor()
			s.Status()
		}
	})
	last := int64(0)
	s.until("every frame", func() bool {
		lost := uint64(0)
		for _, st := range s.Status() {
			for _, n := range st.Dropped {
				lost += n
			}
		}
		return uint64(len(s.frames))+lost >= senders*each && len(bodies[mavlink.MarkNote](s, mavlink.OwnMark)) == 200
	})
	all.Wait()
	s.finish()
	for _, f := range s.frames {
		if f.At < last {
			t.Fatal("time goes back between batches")
		}
		last = f.At
	}
}
