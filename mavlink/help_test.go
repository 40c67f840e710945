package mavlink

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// got is what a splitter emitted, copied.
type got struct {
	raw []byte
	v   Verdict
}

type collector struct{ all []got }

func (c *collector) emit(raw []byte, v Verdict) { c.all = append(c.all, got{slices.Clone(raw), v}) }

// good returns the emitted frames whose CRC holds, one behind the other.
func (c *collector) good() (n int, joined []byte) {
	for _, g := range c.all {
		if g.v == Good {
			n++
			joined = append(joined, g.raw...)
		}
	}
	return n, joined
}

func frameOf(t testing.TB, seq, sys uint8, m message.Message) []byte {
	t.Helper()
	raw, err := AppendFrame(nil, seq, sys, 1, m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func heartbeat(t testing.TB, seq, sys uint8) []byte {
	return frameOf(t, seq, sys, &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 81, CustomMode: 5, SystemStatus: 4,
		MavlinkVersion: 3})
}

func position(t testing.TB, seq, sys uint8) []byte {
	return frameOf(t, seq, sys, &all.MessageGlobalPositionInt{TimeBootMs: 123456, Lat: 372412345, Lon: 1119512345, Alt: 800123,
		RelativeAlt: 50321, Vx: 312, Vy: -44, Vz: 3, Hdg: 8721})
}

// signed turns an unsigned MAVLink 2 frame into one with 13 bytes of signature that no key made.
func signed(raw []byte) []byte {
	raw = slices.Clone(raw)
	raw[2] |= flagSigned
	id, start := header(raw)
	end := start + int(raw[1])
	binary.LittleEndian.PutUint16(raw[end:], CRC(raw[1:end], knownDialect().lookup(id).extra))
	return append(raw, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
}

// unknown is a MAVLink 2 frame of an id that no dialect has.
func unknown(payload string) []byte {
	return appendV2(nil, 1, 1, 1, entry{id: 0xABCDE, extra: 77}, []byte(payload))
}

// flipped is raw with one bit of its payload's first byte wrong.
func flipped(raw []byte) []byte {
	raw = slices.Clone(raw)
	_, start := header(raw)
	raw[start] ^= 0x10
	return raw
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// randomFrame is a frame that verifies: any message of the dialect, either version, any payload, perhaps signed.
func randomFrame(r *rand.Rand) []byte {
	d := knownDialect()
	for {
		m := all.Dialect.Messages[r.IntN(len(all.Dialect.Messages))]
		e := d.lookup(m.GetID())
		payload := make([]byte, 1+r.IntN(min(255, int(e.base)+8)))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		seq, sys, comp := byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())
		if r.IntN(3) > 0 {
			raw := appendV2(nil, seq, sys, comp, e, payload)
			if r.IntN(4) == 0 {
				raw = signed(raw)
			}
			return raw
		}
		if e.id < 256 {
			raw := append([]byte{startV1, byte(len(payload)), seq, sys, comp, byte(e.id)}, payload...)
			return binary.LittleEndian.AppendUint16(raw, CRC(raw[1:], e.extra))
		}
	}
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
		if r.IntN(16) == 0 {
			b[i] = startV2 + byte(r.IntN(2))
		}
	}
	return b
}

// shared is the path of a file recorded by others; the test is skipped where it is not there.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{"..", "..", "shared", "data"}, path...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("no data of others here: %v", err)
	}
	return p
}

// longMessage fills a frame: 267 bytes unsigned.
func longMessage() message.Message {
	m := &all.MessageFileTransferProtocol{TargetSystem: 1}
	for i := range m.Payload {
		m.Payload[i] = byte(1 + i%200)
	}
	return m
}
