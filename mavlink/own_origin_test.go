package mavlink

import (
	"bytes"
	"encoding/json"
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

// FuzzAnOriginNoteIsReadAsJSON holds the short way to the general one.
func FuzzAnOriginNoteIsReadAsJSON(f *testing.F) {
	for _, text := range []string{
		`{"origin":1,"system":2,"component":3}`, `{"origin":65535,"system":255,"component":0}`, `{"origin":65536,"system":1,"component":1}`,
		`{"origin":1,"system":256,"component":1}`, `{"origin":1,"system":1,"component":256}`, `{"origin":01,"system":1,"component":1}`,
		`{"origin":,"system":1,"component":1}`, `{"origin":-1,"system":1,"component":1}`, `{"origin":1e2,"system":1,"component":1}`,
		`{"origin":123456,"system":1,"component":1}`, `{"origin":1,"system":2,"component":3} `, `{"origin":1,"system":2,"component":3}}`,
		`{"origin":1,"system":2,"component":3,"link":"field","address":"192.0.2.1:1"}`, `{"origin":1,"system":2}`, `{"system":1}`, `{}`, `null`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want OriginNote
		valid := json.Unmarshal(body, &want) == nil
		if got, ok := ReadOrigin(body); ok != valid || ok && got != want {
			t.Errorf("%q is %+v, %v; want %+v, %v", body, got, ok, want, valid)
		}
	})
}

func TestTheFoldReadsAShortOriginNoteWithoutAllocating(t *testing.T) {
	fr := Parse(AppendOrigin(nil, DefaultOwnID, 1, 2, 3, 4, 5))
	fl := NewFleet(testPlan())
	var in OwnInbox
	if n := testing.AllocsPerRun(100, func() {
		own, whole := in.Add(&fr)
		note, ok := ReadOrigin(own.Body)
		if !whole || !ok || note != (OriginNote{Origin: 3, System: 4, Component: 5}) {
			t.Fatalf("%v, %+v, %v", whole, note, ok)
		}
		fl.Origin(note)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
