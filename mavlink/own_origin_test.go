package mavlink

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestAShortOriginNoteIsThatOfOwnFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := OwnID{rapid.Uint8().Draw(t, "own system"), rapid.Uint8().Draw(t, "own component")}
		note := OriginNote{Origin: rapid.Uint16().Draw(t, "origin"), System: rapid.Uint8().Draw(t, "system"), Component: rapid.Uint8().Draw(t, "component")}
		seq, number := rapid.Uint8().Draw(t, "seq"), rapid.Uint32().Draw(t, "number")
		want, err := OwnFrames(id, seq, OwnOrigin, number, note)
		if err != nil || len(want) != 1 {
			t.Fatal(len(want), err)
		}
		got := AppendOrigin([]byte("before"), id, seq, number, note.Origin, note.System, note.Component)
		if !bytes.Equal(got, append([]byte("before"), want[0]...)) {
			t.Fatalf("%q, want %q", got, want[0])
		}
	})
	if n := testing.AllocsPerRun(100, func() {
		var memory [MaxFrame]byte
		if len(AppendOrigin(memory[:0], DefaultOwnID, 1, 2, 3, 4, 5)) == 0 {
			t.Error("nothing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
