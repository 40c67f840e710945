package mavlink

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/bluenviron/gomavlib/v3/pkg/frame"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// seeds are byte strings that a splitter must survive, and those that fuzzing of others has found.
func seeds(f *testing.F) [][]byte {
	a, b := heartbeat(f, 1, 1), position(f, 2, 1)
	all := [][]byte{
		nil, {startV2}, {startV1, 0}, a, b, textV1, signed(b), unknown("x"), flipped(a), b[:20],
		cat(a, b[:20], b[25:], a), cat(unknown("yy"), a), cat([]byte("text"), textV1, []byte("\xfe\xfd\xfe"), b),
		bytes.Repeat([]byte{startV1}, 600), bytes.Repeat([]byte{startV2}, 600), bytes.Repeat([]byte{startV2, 0, 0}, 300),
	}
	files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "data", "vectors", "fuzz", "*"))
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			quoted, ok := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
			if !ok {
				continue
			}
			s, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			all = append(all, []byte(s))
		}
	}
	return all
}

// FuzzAStreamReadsTheSameHoweverItIsCut also holds what is true of any bytes: what is emitted lies in them in order, and no
// byte is counted twice.
func FuzzAStreamReadsTheSameHoweverItIsCut(f *testing.F) {
	for i, b := range seeds(f) {
		f.Add(b, uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var whole, cut Splitter
		var a, b collector
		whole.Feed(in, a.emit)
		for rest := in; len(rest) > 0; {
			n := min(len(rest), r.IntN(1+r.IntN(400)))
			cut.Feed(rest[:n], b.emit)
			rest = rest[n:]
		}
		if !bytes.Equal(whole.held, cut.held) {
			t.Errorf("held %x when fed at once, %x in pieces", whole.held, cut.held)
		}
		whole.Flush(a.emit)
		cut.Flush(b.emit)
		if !reflect.DeepEqual(a.all, b.all) || whole.Tally != cut.Tally {
			t.Errorf("at once %+v %s\nin pieces %+v %s", whole.Tally, show(a.all), cut.Tally, show(b.all))
		}
		holds(t, in, a.all, whole.Tally)
	})
}

func FuzzDatagramsOfAnyBytes(f *testing.F) {
	for i, b := range seeds(f) {
		f.Add(b, uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var s Splitter
		var c collector
		for rest := in; len(rest) > 0; {
			n := min(len(rest), r.IntN(1+r.IntN(400)))
			s.Datagram(rest[:n], c.emit)
			rest = rest[n:]
		}
		s.Flush(c.emit)
		holds(t, in, c.all, s.Tally)
	})
}

func holds(t *testing.T, in []byte, all []got, tally Tally) {
	t.Helper()
	at, frames, unknowns, bytesOut := 0, 0, 0, 0
	for _, g := range all {
		i := bytes.Index(in[at:], g.raw)
		if i < 0 {
			t.Fatalf("emitted %x, which is not in what is left of the input", g.raw)
		}
		at += i + len(g.raw)
		bytesOut += len(g.raw)
		switch {
		case g.v == Good && Check(g.raw) == Good:
			frames++
		case g.v == UnknownID && Check(g.raw) == UnknownID:
			unknowns++
		default:
			t.Fatalf("emitted %x as %v, which is %v", g.raw, g.v, Check(g.raw))
		}
	}
	if tally.Frames != uint64(frames) || tally.Unknown != uint64(unknowns) {
		t.Errorf("tally %+v, but %d frames and %d of unknown ids", tally, frames, unknowns)
	}
	if left := len(in) - bytesOut; tally.SkippedBytes > uint64(left) || left > 0 && tally.SkippedBytes+tally.BadCRC+tally.BadVersion+tally.Truncated == 0 {
		t.Errorf("tally %+v, but %d bytes were not emitted", tally, left)
	}
}

// FuzzIntactFramesAreFound sends intact frames among garbage, frames cut short and frames with a wrong bit. Each intact
// one comes out, unless bytes before it happen to make another frame that reaches into it.
func FuzzIntactFramesAreFound(f *testing.F) {
	for i := range uint64(64) {
		f.Add(i, uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, parts uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		type span struct {
			from, to int
			v        Verdict
		}
		var in []byte
		var intact []span
		for range parts {
			raw := randomFrame(r)
			switch r.IntN(6) {
			case 0:
				in = append(in, random(r, r.IntN(50))...)
			case 1:
				in = append(in, raw[:r.IntN(len(raw))]...)
			case 2:
				cut := r.IntN(len(raw))
				in = append(append(in, raw[:cut]...), raw[min(len(raw), cut+1+r.IntN(8)):]...)
			case 3:
				raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
				in = append(in, raw...)
			default:
				intact = append(intact, span{len(in), len(in) + len(raw), Good})
				in = append(in, raw...)
			}
		}
		var emitted []span
		var s Splitter
		base := uintptr(unsafe.Pointer(unsafe.SliceData(in)))
		s.scan(in, len(in), endFinal, func(raw []byte, v Verdict) {
			from := int(uintptr(unsafe.Pointer(unsafe.SliceData(raw))) - base)
			emitted = append(emitted, span{from, from + len(raw), v})
		})
		k := 0
		for _, want := range intact {
			for k < len(emitted) && emitted[k].to <= want.from {
				k++
			}
			if k == len(emitted) || emitted[k].from >= want.to || emitted[k].v != Good {
				t.Fatalf("the frame at bytes %d to %d of %x was not found", want.from, want.to, in)
			}
		}
	})
}

// FuzzCleanFramesReadAsGomavlibReadsThem holds the splitter equal to gomavlib's frame.Reader where nothing is wrong.
func FuzzCleanFramesReadAsGomavlibReadsThem(f *testing.F) {
	for i := range uint64(32) {
		f.Add(i, uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		var in []byte
		for range n {
			in = append(in, randomFrame(r)...)
		}
		var stream, datagram Splitter
		var a, b collector
		for rest := in; len(rest) > 0; {
			k := 1 + r.IntN(len(rest))
			stream.Feed(rest[:k], a.emit)
			rest = rest[k:]
		}
		datagram.Datagram(in, b.emit)
		if want := (Tally{Frames: uint64(n)}); stream.Tally != want || datagram.Tally != want || !reflect.DeepEqual(a.all, b.all) {
			t.Fatalf("tally of %d frames: as a stream %+v, as a datagram %+v", n, stream.Tally, datagram.Tally)
		}
		theirs := &frame.Reader{BufByteReader: bufio.NewReader(bytes.NewReader(in))}
		if err := theirs.Initialize(); err != nil {
			t.Fatal(err)
		}
		for i, g := range a.all {
			fr, err := theirs.Read()
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			ours := Parse(g.raw)
			raw, isRaw := fr.GetMessage().(*message.MessageRaw)
			v2, isV2 := fr.(*frame.V2Frame)
			if !isRaw || ours.SysID != fr.GetSystemID() || ours.CompID != fr.GetComponentID() || ours.Seq != fr.GetSequenceNumber() ||
				ours.MsgID != raw.ID || Signed(g.raw) != (isV2 && v2.IsSigned()) {
				t.Fatalf("frame %d: %+v, gomavlib %+v", i, ours, fr)
			}
			if p := Payload(g.raw); !bytes.Equal(p, raw.Payload) && (isV2 || !bytes.HasPrefix(raw.Payload, p)) {
				t.Fatalf("frame %d: payload %x, gomavlib %x", i, p, raw.Payload)
			}
		}
		if _, err := theirs.Read(); !errors.Is(err, io.EOF) {
			t.Fatalf("gomavlib finds more than %d frames: %v", n, err)
		}
	})
}
