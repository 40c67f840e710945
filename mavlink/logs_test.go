package mavlink

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// readLog gives the frames of a real flight log with the stamps of its recorder. A record that is not one good frame is
// stepped over.
func readLog(t testing.TB, name string) []Frame {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", "tlog", name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("skipped: the flight log %s is not here", path)
	}
	var frames []Frame
	last := int64(0)
	for len(b) > 8 {
		n, ok := FrameLen(b[8:])
		if !ok || len(b) < 8+n {
			b = b[1:]
			continue
		}
		switch Check(b[8 : 8+n]) {
		case Good:
		case NotAFrame:
			b = b[1:]
			continue
		default:
			b = b[8+n:]
			continue
		}
		fr := Parse(b[8 : 8+n : 8+n])
		fr.At = max(last, int64(binary.BigEndian.Uint64(b)))
		last = fr.At
		frames = append(frames, fr)
		b = b[8+n:]
	}
	return frames
}
