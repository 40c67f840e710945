package mavlink

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path"
	"testing"
)

// TestRealLogsHaveTheFramesThatOthersCounted takes the frames out of the logs and sends them as datagrams, and as one stream
// in pieces of any length.
func TestRealLogsHaveTheFramesThatOthersCounted(t *testing.T) {
	text, err := os.ReadFile(shared(t, "tlog.json"))
	if err != nil {
		t.Fatal(err)
	}
	var logs []struct {
		File     string
		Frames   uint64 `json:"frames"`
		Bad      uint64 `json:"bad_frames"`
		Trailing int    `json:"trailing_bytes"`
	}
	if err := json.Unmarshal(text, &logs); err != nil || len(logs) == 0 {
		t.Fatalf("%d logs: %v", len(logs), err)
	}
	for _, l := range logs {
		t.Run(path.Base(l.File), func(t *testing.T) {
			b, err := os.ReadFile(shared(t, l.File))
			if err != nil {
				t.Fatal(err)
			}
			want := Tally{Frames: l.Frames, BadCRC: l.Bad}
			drop := func([]byte, Verdict) {}
			var datagrams, stream Splitter
			var sent []byte
			for b = b[:len(b)-l.Trailing]; len(b) > 8; {
				n, ok := FrameLen(b[8:])
				if !ok || 8+n > len(b) {
					t.Fatalf("no frame %d bytes before the end", len(b))
				}
				datagrams.Datagram(b[8:8+n], drop)
				sent = append(sent, b[8:8+n]...)
				b = b[8+n:]
			}
			if datagrams.Tally != want {
				t.Errorf("as datagrams %+v, want %+v", datagrams.Tally, want)
			}
			r := rand.New(rand.NewPCG(5, 5))
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(700))
				stream.Feed(rest[:n], drop)
				rest = rest[n:]
			}
			stream.Flush(drop)
			if stream.Tally != want {
				t.Errorf("as a stream %+v, want %+v", stream.Tally, want)
			}
		})
	}
}
