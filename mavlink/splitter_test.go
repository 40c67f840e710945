package mavlink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestEveryFrameOfADatagramComesOut(t *testing.T) {
	for _, tc := range []struct {
		name      string
		datagrams int
		per       int
		frame     func(i int) []byte
	}{
		{"30 frames in 10 datagrams", 10, 3, func(i int) []byte { return position(t, byte(i), 1) }},
		{"MAVLink 1 and 2 mixed", 10, 3, func(i int) []byte {
			if i%2 == 0 {
				return cat(textV1, nil)
			}
			return heartbeat(t, byte(i), 1)
		}},
		{"signed and unsigned mixed", 10, 3, func(i int) []byte {
			if i%2 == 0 {
				return signed(position(t, byte(i), 2))
			}
			return position(t, byte(i), 1)
		}},
		{"65,507 bytes", 1, 65507 / 21, func(i int) []byte { return heartbeat(t, byte(i), 1) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Splitter
			var c collector
			var sent []byte
			for i := range tc.datagrams {
				var d []byte
				for k := range tc.per {
					d = append(d, tc.frame(i*tc.per+k)...)
				}
				sent = append(sent, d...)
				s.Datagram(d, c.emit)
			}
			if n, came := c.good(); n != tc.datagrams*tc.per || !bytes.Equal(came, sent) {
				t.Errorf("%d of %d frames came out, or not as sent", n, tc.datagrams*tc.per)
			}
			if want := (Tally{Frames: uint64(tc.datagrams * tc.per)}); s.Tally != want {
				t.Errorf("tally %+v, want %+v", s.Tally, want)
			}
		})
	}
}

// textV1 is the MAVLink 1 heartbeat of mavlink/rust-mavlink's tests.
var textV1 = []byte("\xfe\x09\xef\x01\x02\x00\x05\x00\x00\x00\x02\x03\x59\x03\x03\x1f\x50")

// TestWhatASplitterMakesOf runs the same input as one datagram and as a stream that ends.
func TestWhatASplitterMakesOf(t *testing.T) {
	a, b, c := heartbeat(t, 1, 1), position(t, 2, 1), heartbeat(t, 3, 1)
	u := unknown("whatever this may be")
	newer := cat(b)
	newer[2] = 0x02
	newerFixed := fixCRC(newer)
	newUnknown := cat(u)
	newUnknown[2] = 0x02
	for _, tc := range []struct {
		name string
		in   []byte
		want []got
		t    Tally
	}{
		{"nothing", nil, nil, Tally{}},
		{"one byte", []byte{'x'}, nil, Tally{SkippedBytes: 1}},
		{"a start byte alone", []byte{startV2}, nil, Tally{Truncated: 1}},
		{"text", []byte("Init ArduCopter V4.5.7\r\nFree RAM: 1234\r\n"), nil, Tally{SkippedBytes: 40}},
		{"text between frames", cat(a, []byte("PX4 nsh> "), b, []byte("\r\n"), c), []got{{a, Good}, {b, Good}, {c, Good}}, Tally{Frames: 3, SkippedBytes: 11}},
		{"a bit wrong", cat(a, flipped(b), c), []got{{a, Good}, {c, Good}}, Tally{Frames: 2, BadCRC: 1}},
		{"a bit wrong in each of three", cat(flipped(a), flipped(b), flipped(c)), nil, Tally{BadCRC: 3}},
		{"a bit wrong behind text", cat([]byte("boot "), flipped(b), c), []got{{c, Good}}, Tally{Frames: 1, BadCRC: 1, SkippedBytes: 5}},
		{"bytes lost inside a frame", cat(a, b[:20], b[25:], c, a, b), []got{{a, Good}, {c, Good}, {a, Good}, {b, Good}}, Tally{Frames: 4, BadCRC: 1}},
		{"a frame cut short by the next", cat(b[:12], c, a), []got{{c, Good}, {a, Good}}, Tally{Frames: 2, BadCRC: 1}},
		{"a false start byte that would swallow the rest", cat([]byte{startV2, 255, 0, 0, 0, 0, 0, 0, 0, 0}, a, b), []got{{a, Good}, {b, Good}}, Tally{Frames: 2, Truncated: 1}},
		{"a frame inside a damaged one", cat(appendV2(nil, 1, 1, 1, entry{id: idTunnel, extra: 1}, cat([]byte("head"), a, []byte("tail"))), c), []got{{a, Good}, {c, Good}}, Tally{Frames: 2, BadCRC: 1, SkippedBytes: 6}},
		{"an end whose head was lost", cat(b[15:], a), []got{{a, Good}}, Tally{Frames: 1, SkippedBytes: uint64(len(b) - 15)}},
		{"an unknown id at the end", cat(a, u), []got{{a, Good}, {u, UnknownID}}, Tally{Frames: 1, Unknown: 1}},
		{"an unknown id before a frame that verifies", cat(u, a), []got{{u, UnknownID}, {a, Good}}, Tally{Frames: 1, Unknown: 1}},
		{"an unknown id before a damaged frame", cat(u, flipped(a)), nil, Tally{BadCRC: 1, SkippedBytes: uint64(len(u))}},
		{"an unknown id before text", cat(u, []byte("text")), nil, Tally{SkippedBytes: uint64(len(u) + 4)}},
		{"an unknown id that hides a frame", cat(unknown(string(cat([]byte("four"), a, []byte("five!")))), b), []got{{a, Good}, {b, Good}}, Tally{Frames: 2, SkippedBytes: 21}},
		{"an unknown id that is cut", u[:20], nil, Tally{Truncated: 1}},
		{"a flag that nobody knows", cat(a, newerFixed, c), []got{{a, Good}, {c, Good}}, Tally{Frames: 2, BadVersion: 1}},
		{"a flag and an id that nobody knows, at the end", cat(a, newUnknown), []got{{a, Good}}, Tally{Frames: 1, BadVersion: 1}},
		{"a flag that a wrong bit set", cat(a, newer, c), []got{{a, Good}, {c, Good}}, Tally{Frames: 2, BadCRC: 1}},
		{"a frame cut by the end", cat(a, b[:30]), []got{{a, Good}}, Tally{Frames: 1, Truncated: 1}},
	} {
		for _, way := range []string{"datagram", "stream", "stream byte by byte"} {
			t.Run(tc.name+", "+way, func(t *testing.T) {
				var s Splitter
				var c collector
				switch way {
				case "datagram":
					s.Datagram(tc.in, c.emit)
				case "stream":
					s.Feed(tc.in, c.emit)
				default:
					for i := range tc.in {
						s.Feed(tc.in[i:i+1], c.emit)
					}
				}
				s.Flush(c.emit)
				if !reflect.DeepEqual(c.all, tc.want) {
					t.Errorf("emitted %s\nwant    %s", show(c.all), show(tc.want))
				}
				if s.Tally != tc.t {
					t.Errorf("tally %+v\n want %+v", s.Tally, tc.t)
				}
			})
		}
	}
}

func fixCRC(raw []byte) []byte {
	raw = cat(raw)
	id, start := header(raw)
	end := start + int(raw[1])
	crc := CRC(raw[1:end], knownDialect().lookup(id).extra)
	raw[end], raw[end+1] = byte(crc), byte(crc>>8)
	return raw
}

func show(all []got) string {
	var b strings.Builder
	for _, g := range all {
		fmt.Fprintf(&b, "%v:%x ", g.v, g.raw)
	}
	return b.String()
}

func TestFramesCutByDatagramsAreJoined(t *testing.T) {
	a, b, c := heartbeat(t, 1, 1), position(t, 2, 1), signed(position(t, 3, 1))
	long := frameOf(t, 9, 1, longMessage())
	for _, tc := range []struct {
		name string
		in   [][]byte
		want int
		t    Tally
	}{
		{"at every byte", nil, 0, Tally{}}, // below
		{"in two", [][]byte{cat(a, b[:17]), cat(b[17:], c)}, 3, Tally{Frames: 3}},
		{"with an empty one between", [][]byte{b[:17], {}, b[17:]}, 1, Tally{Frames: 1}},
		{"in three", [][]byte{long[:90], long[90:180], cat(long[180:], a)}, 2, Tally{Frames: 2}},
		{"in pieces of 64 bytes", pieces(cat(long, long, a, b, c, long), 64), 6, Tally{Frames: 6}},
		{"the rest never came", [][]byte{cat(a, b[:17]), cat(a, c)}, 3, Tally{Frames: 3, Truncated: 1}},
		{"the middle never came", [][]byte{cat(a, b[:17]), cat(b[25:], c)}, 2, Tally{Frames: 2, Truncated: 1, SkippedBytes: uint64(len(b) - 25)}},
		{"always at the same length", [][]byte{b[:20], b[:20], b[:20]}, 0, Tally{Truncated: 3}},
		{"behind text", [][]byte{cat([]byte("text"), b[:17]), b[17:]}, 1, Tally{Frames: 1, SkippedBytes: 4}},
		{"behind a false start byte", [][]byte{cat([]byte{startV1, 200}, b[:17]), b[17:]}, 1, Tally{Frames: 1, Truncated: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Splitter
			var out collector
			for _, d := range tc.in {
				s.Datagram(d, out.emit)
			}
			s.Flush(out.emit)
			if n, _ := out.good(); n != tc.want || s.Tally != tc.t {
				t.Errorf("%d frames, tally %+v\nwant %d, %+v", n, s.Tally, tc.want, tc.t)
			}
		})
	}
	whole := cat(a, c, b)
	for cut := range whole {
		var s Splitter
		var out collector
		s.Datagram(whole[:cut], out.emit)
		s.Datagram(whole[cut:], out.emit)
		if n, came := out.good(); n != 3 || !bytes.Equal(came, whole) || s.Tally != (Tally{Frames: 3}) {
			t.Errorf("cut at byte %d of %d: %d frames, tally %+v", cut, len(whole), n, s.Tally)
		}
	}
}

func pieces(b []byte, n int) (all [][]byte) {
	for len(b) > n {
		all, b = append(all, b[:n]), b[n:]
	}
	return append(all, b)
}

func TestATailGivenUpIsNotJoined(t *testing.T) {
	var s Splitter
	var c collector
	b := position(t, 1, 1)
	s.Datagram(b[:20], c.emit)
	if !s.Holding() {
		t.Error("a cut frame is not held")
	}
	s.Flush(c.emit)
	s.Datagram(b[20:], c.emit)
	if want := (Tally{Truncated: 1, SkippedBytes: uint64(len(b) - 20)}); s.Tally != want || len(c.all) != 0 {
		t.Errorf("tally %+v, want %+v; emitted %s", s.Tally, want, show(c.all))
	}
}

func TestADatagramLongerThanUDPAllowsIsRefusedWhole(t *testing.T) {
	var s Splitter
	var c collector
	s.Datagram(bytes.Repeat(heartbeat(t, 1, 1), MaxDatagram/21+1), c.emit)
	if want := (Tally{Oversize: 1}); s.Tally != want || len(c.all) != 0 {
		t.Errorf("tally %+v, want %+v; %d frames", s.Tally, want, len(c.all))
	}
}

func TestAFalseStartByteDelaysAStreamByLessThan600Bytes(t *testing.T) {
	var s Splitter
	var c collector
	s.Feed([]byte{startV2, 255, flagSigned, 0, 0, 0, 0, 0xDE, 0xBC, 0x0A}, c.emit)
	var sent int
	for ; len(c.all) == 0 && sent < 100; sent++ {
		s.Feed(heartbeat(t, byte(sent), 1), c.emit)
	}
	if n, _ := c.good(); n != sent || sent*21 > 600 {
		t.Errorf("%d frames came out after %d were sent", n, sent)
	}
}

func TestASplitterHoldsLessThan600Bytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var stream, datagrams Splitter
	drop := func([]byte, Verdict) {}
	for range 20000 {
		b := random(r, r.IntN(40))
		stream.Feed(b, drop)
		datagrams.Datagram(b, drop)
		if len(stream.held) >= 600 || cap(stream.held) > 2*lookahead {
			t.Fatalf("a stream holds %d bytes in %d", len(stream.held), cap(stream.held))
		}
		if len(datagrams.held) >= MaxFrame || cap(datagrams.held) > 2*lookahead {
			t.Fatalf("a datagram's tail has %d bytes in %d", len(datagrams.held), cap(datagrams.held))
		}
	}
}

func TestASplitterAllocatesNothingForAFrame(t *testing.T) {
	raws := traffic(t)
	stream := bytes.Join(raws, nil)
	reads := pieces(stream, 100)
	var one, cut, whole Splitter
	frames := 0
	emit := func([]byte, Verdict) { frames++ }
	cut.Datagram(reads[0], emit) // its memory for what it holds comes once
	whole.Feed(stream[:len(stream)-1], emit)
	if n := testing.AllocsPerRun(20, func() {
		for _, raw := range raws {
			one.Datagram(raw, emit)
		}
		for _, r := range reads {
			cut.Datagram(r, emit)
			whole.Feed(r, emit)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d frames", n, 3*len(raws))
	}
	if want := 21 * 3 * len(raws); frames < want {
		t.Errorf("%d frames of %d came out", frames, want)
	}
}
