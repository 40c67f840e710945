package link

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

// ear reads the frames that a connection is sent.
type ear struct {
	t     *testing.T
	conn  net.Conn
	split mavlink.Splitter
	heard [][]byte
}

// next is the next frame, nil where none comes within the time given.
func (e *ear) next(wait time.Duration) []byte {
	e.t.Helper()
	if err := e.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		e.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for len(e.heard) == 0 {
		n, err := e.conn.Read(buf)
		if err != nil {
			return nil
		}
		e.split.Feed(buf[:n], func(raw []byte, v mavlink.Verdict) {
			if v != mavlink.Good {
				e.t.Errorf("sent a frame that is %v: %x", v, raw)
			}
			e.heard = append(e.heard, append([]byte(nil), raw...))
		})
	}
	raw := e.heard[0]
	e.heard = e.heard[1:]
	return raw
}

// said is the next frame's message, from our own id and unsigned.
func (e *ear) said() any {
	e.t.Helper()
	raw := e.next(patience)
	if raw == nil {
		e.t.Fatal("nothing was sent")
	}
	f := mavlink.Parse(raw)
	if f.SysID != mavlink.DefaultOwnID.System || f.CompID != mavlink.DefaultOwnID.Component || mavlink.Signed(raw) {
		e.t.Errorf("sent as %d/%d, signed %v", f.SysID, f.CompID, mavlink.Signed(raw))
	}
	m, err := mavlink.Decode(raw)
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

func TestACommandIsAnsweredWhereItCameFrom(t *testing.T) {
	router := listenTCP(t, "127.0.0.1:0")
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"}, Config{Name: "all", UDP: "[::]:0"}, Config{Name: "in", TCPListen: "127.0.0.1:0"},
		Config{Name: "router", TCP: router.Addr().String()})
	_, port, _ := net.SplitHostPort(s.Addrs()["all"])
	for i, c := range []net.Conn{
		dial(t, "udp", s.Addrs()["field"]), dial(t, "udp", s.Addrs()["field"]), dial(t, "udp", "127.0.0.1:"+port),
		dial(t, "tcp", s.Addrs()["in"]), accept(t, router),
	} {
		send(t, c, heartbeat(uint8(i+1), 0))
		s.until("its frame", func() bool { return len(s.frames) == i+1 })
		for n := range uint8(2) {
			err := s.Reply(mavlink.Reply{Origin: s.frames[i].Origin, System: uint8(i + 1), Component: 190, Command: 31005, Result: n})
			if err != nil {
				t.Fatal(i, err)
			}
		}
		e := ear{t: t, conn: c}
		for n := range 2 {
			want := &common.MessageCommandAck{Command: 31005, Result: common.MAV_RESULT(n), TargetSystem: uint8(i + 1), TargetComponent: 190}
			if d := cmp.Diff(any(want), e.said()); d != "" {
				t.Error(i, d)
			}
		}
		if raw := e.next(10 * time.Millisecond); raw != nil {
			t.Errorf("%d was sent %x as well", i, raw)
		}
	}
	s.finish()
	for _, f := range s.frames {
		if f.MsgID == 77 {
			t.Error("what we sent is in the log")
		}
	}
}

func TestACommandFromTheSessionBeforeIsAnswered(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"})
	first, second := dial(t, "udp", s.Addrs()["field"]), dial(t, "udp", s.Addrs()["field"])
	send(t, first, heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	s.Reanchor()
	send(t, second, heartbeat(2, 0))
	s.until("a frame of the new session", func() bool { return len(s.frames) == 2 })
	if err := s.Reply(mavlink.Reply{Origin: s.frames[0].Origin, System: 1}); err != nil {
		t.Fatal(err)
	}
	if ack := (&ear{t: t, conn: first}).said().(*common.MessageCommandAck); ack.TargetSystem != 1 {
		t.Errorf("%+v", ack)
	}
	s.finish()
}

func TestAnAnswerThatCannotBeSentSaysWhy(t *testing.T) {
	s := run(t, Config{Name: "in", TCPListen: "127.0.0.1:0"}, Config{Name: "field", UDP: "127.0.0.1:0"})
	c := dial(t, "tcp", s.Addrs()["in"])
	send(t, c, heartbeat(1, 0))
	u := dial(t, "udp", s.Addrs()["field"])
	send(t, u, heartbeat(2, 0))
	s.until("two frames", func() bool { return len(s.frames) == 2 })
	origins := map[uint8]uint16{}
	for _, f := range s.frames {
		origins[f.SysID] = f.Origin
	}
	if err := s.Reply(mavlink.Reply{Origin: 999, Command: 31005, System: 7, Component: 8}); !errors.Is(err, errNoOrigin) || !strings.Contains(err.Error(), "31005 of 7/8") {
		t.Error(err)
	}
	n := 0
	for range 3 * repliesPerSec {
		if err := s.Reply(mavlink.Reply{Origin: origins[2]}); err == nil {
			n++
		} else if !errors.Is(err, errManyReply) {
			t.Error(err)
		}
	}
	if n != repliesPerSec {
		t.Errorf("%d answers to one source", n)
	}
	c.Close()
	s.until("the connection is gone", func() bool { return s.Status()[0].Sources == 0 })
	s.until("its way back is gone", func() bool {
		return errors.Is(s.Reply(mavlink.Reply{Origin: origins[1]}), errGone)
	})
	s.finish()
	if err := s.lines[1].send("127.0.0.1:9", nil); !errors.Is(err, errGone) {
		t.Error("after the end:", err)
	}
}

// A peer that takes nothing any more is still heard, and holds nobody up.
func TestAStuckPeerHoldsNobodyUp(t *testing.T) {
	s := run(t, Config{Name: "in", TCPListen: "127.0.0.1:0"})
	stuck := dial(t, "tcp", s.Addrs()["in"])
	send(t, stuck, heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	address, ln := stuck.LocalAddr().String(), s.lines[0]
	big := make([]byte, 8<<20) // more than all buffers between the two hold
	began := time.Now()
	for range 3 * outletParcels {
		if err := ln.send(address, big); errors.Is(err, errStuck) {
			break
		}
	}
	if d := time.Since(began); d > writeTimeout/2 {
		t.Errorf("the caller waited for %v", d)
	}
	s.until("it is given up", func() bool { return errors.Is(ln.send(address, heartbeat(1, 0)), errDeaf) })
	send(t, stuck, heartbeat(1, 1))
	s.until("it is heard all the same", func() bool { return len(s.frames) == 2 })
	s.finish()
}
