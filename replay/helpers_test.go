package replay

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"

	"riverwatch/mavlink"
)

// t0 is 2026-11-23T07:50:00Z, µs.
const t0 = int64(1795420200) * secondUS

// frame is one frame of a message.
func frame(at int64, system, component, seq uint8, msg message.Message) mavlink.Frame {
	raw, err := mavlink.AppendFrame(nil, seq, system, component, msg)
	if err != nil {
		panic(err)
	}
	f := mavlink.Parse(raw)
	f.At = at
	return f
}

// heartbeats are n frames of an autopilot, one every step µs.
func heartbeats(system uint8, n int, at, step int64) []mavlink.Frame {
	all := make([]mavlink.Frame, n)
	for i := range all {
		all[i] = frame(at+int64(i)*step, system, 1, uint8(i), autopilot())
	}
	return all
}

func autopilot() message.Message {
	return &all.MessageHeartbeat{Type: all.MAV_TYPE_QUADROTOR, Autopilot: all.MAV_AUTOPILOT_ARDUPILOTMEGA, MavlinkVersion: 3}
}

// unknown is a frame of an id outside the dialect.
func unknown(at int64, n int) mavlink.Frame {
	raw := []byte{startV2, byte(n), 0, 0, 7, 1, 1, 0xF0, 0xFF, 0xFF}
	for i := range n + 2 {
		raw = append(raw, byte(i))
	}
	f := mavlink.Parse(raw)
	f.At = at
	return f
}

// damaged is f with a bit of its payload turned.
func damaged(f mavlink.Frame) mavlink.Frame {
	f.Raw = append([]byte(nil), f.Raw...)
	f.Raw[len(f.Raw)-4] ^= 0x10
	return f
}

// records is a log of the frames.
func records(frames ...mavlink.Frame) (b []byte) {
	for i := range frames {
		b = appendRecord(b, &frames[i])
	}
	return b
}

func writeLog(t testing.TB, path string, frames ...mavlink.Frame) {
	t.Helper()
	writeBytes(t, path, records(frames...))
}

func writeBytes(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drain reads a source to its end; the frames are copies.
func drain(t testing.TB, src Source) []mavlink.Frame {
	t.Helper()
	var all []mavlink.Frame
	for {
		b, err := src.Next(context.Background())
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Frames {
			f.Raw = append([]byte(nil), f.Raw...)
			all = append(all, f)
		}
		b.Release()
	}
}

func open(t testing.TB, paths ...string) *Reader {
	t.Helper()
	r, err := Open(ReaderOptions{Paths: paths})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
