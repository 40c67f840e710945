package mavlink

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/x25"
)

func TestCRCIsThatOfGomavlibAtEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	b := make([]byte, 600)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for from := range 9 {
		for n := range 300 {
			h := x25.New()
			h.Write(b[from : from+n])
			h.Write([]byte{byte(n)})
			if got := CRC(b[from:from+n], byte(n)); got != h.Sum16() {
				t.Fatalf("CRC of %d bytes is %04x, gomavlib says %04x", n, got, h.Sum16())
			}
		}
	}
}

// TestCRCOfEachSingleBitIsThatOfGomavlib proves more than random bytes do: a CRC is linear in the bits, so that two which
// agree on no bits and on each one alone agree on all.
func TestCRCOfEachSingleBitIsThatOfGomavlib(t *testing.T) {
	b := make([]byte, 272+1)
	for n := range 272 {
		if n > 72 && n < 255 {
			continue // the middle repeats, a word at a time
		}
		for bit := range 8*n + 9 { // of the bytes and of extra; the last lies behind both
			b[bit/8] ^= 1 << (bit % 8)
			extra := b[n]
			h := x25.New()
			h.Write(b[:n])
			h.Write([]byte{extra})
			if got := CRC(b[:n], extra); got != h.Sum16() {
				t.Fatalf("CRC of %d bytes and extra, with bit %d set, is %04x, gomavlib says %04x", n, bit, got, h.Sum16())
			}
			b[bit/8] = 0
		}
	}
}

func TestCRCOfKnownValues(t *testing.T) {
	text, err := os.ReadFile(shared(t, "vectors", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		CRC []struct{ Hex, Out string } `json:"crc16_mcrf4xx"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.CRC) == 0 {
		t.Fatalf("%d vectors: %v", len(vectors.CRC), err)
	}
	for _, v := range vectors.CRC {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		want, err := strconv.ParseUint(v.Out, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			continue // CRC always has the extra byte
		}
		if got := CRC(b[:len(b)-1], b[len(b)-1]); got != uint16(want) {
			t.Errorf("CRC of %s is %04x, want %04x", v.Hex, got, want)
		}
	}
}
