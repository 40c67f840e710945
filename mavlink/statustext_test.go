package mavlink

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

func textPlan(o StatusTextOptions) *FleetPlan {
	p := pressPlan()
	p.Options.StatusText = &o
	return p
}

func TestWhatTheWordsOfATextMean(t *testing.T) {
	words := []KindWord{{Word: "船", Kind: "boat"}, {Word: "Person", Kind: "person"}}
	for _, c := range []struct {
		pattern string
		words   []KindWord
		text    string
		press   bool
		kind    string
		count   int32
	}{
		{`^SIGHTING`, nil, "SIGHTING at the bend", true, "swimmer", 0},
		{`^SIGHTING`, nil, "no SIGHTING", false, "", 0},
		{`^SIGHTING (?P<count>\d+) (?P<kind>\w+)`, nil, "SIGHTING 12 Boat", true, "boat", 12},
		{`^SIGHTING (?P<count>\d+) (?P<kind>\w+)`, nil, "SIGHTING 0 boat", true, "boat", 0},
		{`^SIGHTING (?P<count>\d+) (?P<kind>\w+)`, nil, "SIGHTING 1000 boat", true, "boat", 0},
		{`^SIGHTING (?P<count>\d+) (?P<kind>\w+)`, nil, "SIGHTING 99999999999999999999 boat", true, "boat", 0},
		{`^SIGHTING (?P<count>.*) of (?P<kind>.*)`, nil, "SIGHTING many of <script>", true, "swimmer", 0},
		{`^SIGHTING (?P<count>.*) of (?P<kind>.*)`, nil, "SIGHTING -3 of  van ", true, "van", 0},
		{`^SIGHTING (?P<kind>.*)`, nil, "SIGHTING " + strings.Repeat("a", 33), true, "swimmer", 0},
		{`^SIGHTING(?P<kind>x)?`, nil, "SIGHTING", true, "swimmer", 0},
		{`^发现(?P<count>\d+)(?P<kind>.)`, words, "发现3船", true, "boat", 3},
		{`^发现(?P<count>\d+)(?P<kind>.)`, words, "发现3鱼", true, "swimmer", 3},
		{`^SIGHTING (?P<kind>\w+)`, words, "SIGHTING PERSON", true, "person", 0},
		{`^SIGHTING (?P<kind>\w+)`, words, "SIGHTING boat", true, "swimmer", 0}, // not one of the words
		{`^发现(?P<kind>.)`, words, "发现\xe8\x88", true, "swimmer", 0},             // cut within the character
		{`^(?P<kind>.+)有人$`, words, "\xb4\xac有人", true, "swimmer", 0},           // GBK before UTF-8
		{`\x{FFFD}`, nil, "\xb4\xac", true, "swimmer", 0},
		{`\x{FFFD}`, nil, "船", false, "", 0},
	} {
		x := newField(t, textPlan(StatusTextOptions{Pattern: c.pattern, Kind: "swimmer", Words: c.words}))
		x.hover(1, 60)
		e := x.send(1, 1, text(c.text)).Evidence
		if len(e) != 0 != c.press {
			t.Errorf("%q of %q: %+v", c.text, c.pattern, e)
		} else if c.press && (e[0].Kind != c.kind || e[0].Count != c.count || e[0].Source != SourceStatusText || e[0].Basis != BasisVehicle) {
			t.Errorf("%q of %q: %d %s: %+v", c.text, c.pattern, e[0].Count, e[0].Kind, e[0])
		}
	}
}

func TestAPatternThatIsNoneMatchesNothing(t *testing.T) {
	for _, pattern := range []string{`(`, `(?P<kind>`, `a{1001}`, strings.Repeat("a", maxPattern+1)} {
		x := newField(t, textPlan(StatusTextOptions{Pattern: pattern}))
		x.hover(1, 60)
		if n := x.send(1, 1, text("a")); len(n.Evidence) != 0 {
			t.Errorf("%.20q: %+v", pattern, n.Evidence)
		}
	}
}

func chunkOf(id uint16, seq uint8, text string) *all.MessageStatustext {
	return &all.MessageStatustext{Severity: 6, Text: text, Id: id, ChunkSeq: seq}
}

func TestTextsInChunks(t *testing.T) {
	const full = "SIGHTING 5 person, two with heavy packs, close to " // 50 bytes
	if len(full) != textLen {
		t.Fatal(len(full))
	}
	tail := "the second ferry"
	for name, c := range map[string]struct {
		chunks []*all.MessageStatustext
		after  []int64 // ms at which there is a press
	}{
		"in order":               {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 1, tail)}, []int64{100}},
		"the end first":          {[]*all.MessageStatustext{chunkOf(3, 1, tail), chunkOf(3, 0, full)}, []int64{100}},
		"the end is lost":        {[]*all.MessageStatustext{chunkOf(3, 0, full)}, []int64{2000}},
		"the middle is lost":     {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 2, tail)}, []int64{2000}},
		"the beginning is lost":  {[]*all.MessageStatustext{chunkOf(3, 1, tail)}, nil},
		"an end of its own":      {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 1, "")}, []int64{100}},
		"copies":                 {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 0, full), chunkOf(3, 1, tail), chunkOf(3, 0, full), chunkOf(3, 1, tail)}, []int64{200}},
		"two at the same time":   {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(4, 0, full), chunkOf(4, 1, tail), chunkOf(3, 1, tail)}, []int64{200, 300}},
		"far out":                {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 255, tail)}, []int64{2000}},
		"in a single one":        {[]*all.MessageStatustext{chunkOf(3, 0, "SIGHTING 1 boat")}, []int64{0}},
		"without end":            {[]*all.MessageStatustext{chunkOf(3, 0, full), chunkOf(3, 1, full), chunkOf(3, 2, full), chunkOf(3, 3, full), chunkOf(3, 4, full), chunkOf(3, 5, full), chunkOf(3, 6, full), chunkOf(3, 7, full), chunkOf(3, 8, full)}, []int64{700}},
		"a press of the POI":     {[]*all.MessageStatustext{chunkOf(3, 0, "POI 37.2510000, 111.9500000, 690.00 (asml)  sighti"), chunkOf(3, 1, "ng 3")}, []int64{0}},
		"words that are no tag":  {[]*all.MessageStatustext{chunkOf(3, 0, strings.Repeat("quiet ", 9)[:50]), chunkOf(3, 1, tail)}, nil},
		"nine at the same time":  {[]*all.MessageStatustext{chunkOf(1, 0, full), chunkOf(2, 0, "q"+full[1:]), chunkOf(3, 0, "q"+full[1:]), chunkOf(4, 0, "q"+full[1:]), chunkOf(5, 0, "q"+full[1:]), chunkOf(6, 0, "q"+full[1:]), chunkOf(7, 0, "q"+full[1:]), chunkOf(8, 0, "q"+full[1:]), chunkOf(9, 0, "q"+full[1:])}, []int64{800}},
		"zero is no number of a": {[]*all.MessageStatustext{chunkOf(0, 0, full), chunkOf(0, 1, tail)}, []int64{0}},
	} {
		for _, restart := range []bool{false, true} {
			p := pressPlan()
			x := newField(t, p)
			x.hover(1, 60)
			start := x.at
			for i, m := range c.chunks {
				x.send(1, 1, m)
				if restart {
					x.restart(p)
				}
				if i < len(c.chunks)-1 {
					x.wait(100 * time.Millisecond)
				}
			}
			for range 40 {
				x.wait(100 * time.Millisecond)
			}
			var got []int64
			for _, e := range x.told.Evidence {
				got = append(got, (e.At-start)/1000)
				if e.Seen.At > e.At || e.Seen.At < start {
					t.Errorf("%s: seen at %d ms, told at %d ms", name, (e.Seen.At-start)/1000, (e.At-start)/1000)
				}
			}
			if len(got) != len(c.after) {
				t.Errorf("%s: presses after %d ms, want %d", name, got, c.after)
				continue
			}
			for i := range got {
				if got[i] != c.after[i] {
					t.Errorf("%s: presses after %d ms, want %d", name, got, c.after)
				}
			}
		}
	}
}

func TestTheSameWordsAgainAreACopyAtOnceAndAPressLater(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	for _, wait := range []time.Duration{0, 4 * time.Second, 2 * time.Second, time.Second} {
		x.wait(wait)
		x.send(1, 1, text("SIGHTING 1 person"))
	}
	k := x.told.Evidence
	if len(k) != 4 || k[0].Key != k[1].Key || k[2].Key == k[0].Key || k[2].Key != k[3].Key {
		t.Errorf("%+v", k)
	}
	for i := range 60 { // words without end
		x.send(1, 1, text("SIGHTING "+strings.Repeat("1", i%40)+"2"))
	}
	if n := len(x.fleet.State().Tracks[0].Said); n > maxSaid {
		t.Errorf("%d texts are remembered", n)
	}
}

func TestAPressOfTheScriptIsNoTextOfThePattern(t *testing.T) {
	poi := text("POI 37.2510000, 111.9500000, 690.00 (asml)")
	p := textPlan(StatusTextOptions{Pattern: `^POI (?P<count>\d)`, Kind: "boat"})
	x := newField(t, p)
	x.hover(1, 60)
	if e := x.send(1, 1, poi).Evidence; len(e) != 1 || e[0].Source != SourcePOIScript {
		t.Errorf("both sources on: %+v", e)
	}
	p.Sources = []Source{SourceStatusText}
	x.fleet.SetPlan(p)
	if e := x.send(1, 1, poi).Evidence; len(e) != 1 || e[0].Source != SourceStatusText || e[0].Kind != "boat" || e[0].Count != 3 {
		t.Errorf("the pattern alone: %+v", e)
	}
}

func FuzzChunksAreJoined(f *testing.F) {
	f.Add([]byte("\x00SIGHTING 3 boat\x00"), uint8(1))
	f.Add([]byte("\x01\x00"+strings.Repeat("x", 60)+"\x02\xb4\xac\xff"), uint8(7))
	f.Fuzz(func(t *testing.T, script []byte, at uint8) {
		r := newTagRules(SourceOptions{StatusText: &StatusTextOptions{Pattern: `(?P<count>\d+)|(?P<kind>\S+)`, Kind: "person"}})
		var ts TextState
		heard := [][]byte{}
		for len(script) > 0 { // number, then text up to the next byte below 16
			n := script[0]
			text := script[1:]
			if i := bytes.IndexFunc(text, func(c rune) bool { return c < 16 }); i >= 0 {
				text = text[:i]
			}
			script = script[1+len(text):]
			text = text[:min(len(text), textLen)]
			ts.add(StatusText{Text: text, ID: 1, ChunkSeq: n})
			if n < maxChunks {
				heard = append(heard, text)
			}
		}
		text := ts.joined()
		if len(text) > maxChunks*textLen || len(ts.Chunks) > maxChunks {
			t.Fatalf("%d bytes in %d chunks", len(text), len(ts.Chunks))
		}
		if len(heard) > 0 && !bytes.Contains(text, heard[len(heard)-1]) {
			t.Fatalf("%q lacks %q", text, heard[len(heard)-1])
		}
		if ts.whole() && ts.End == 0 {
			t.Fatal("whole without an end")
		}
		for _, b := range [][]byte{text, text[:min(int(at), len(text))]} {
			kind, count, ok := r.readText(b)
			if ok && (!IsKind(kind) || count < 0 || count > 999) || !utf8.ValidString(kind) {
				t.Fatalf("%q: %q, %d", b, kind, count)
			}
		}
	})
}
