package mavlink

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// TextState is a text that comes in chunks, while they come.
type TextState struct {
	Component uint8    `json:"component"`
	ID        uint16   `json:"id"`
	Since     int64    `json:"since"`    // its first chunk heard
	Verified  bool     `json:"verified"` // all of them so far
	Done      bool     `json:"done"`     // it has been looked at; what comes of it now are copies
	End       uint8    `json:"end"`      // how many chunks it has, 0 not known yet
	Chunks    [][]byte `json:"chunks"`   // by number; null: not heard
}

// SaidState is a text that was a press, kept so that its copies get its key.
type SaidState struct {
	Component uint8  `json:"component"`
	Hash      uint64 `json:"hash"`
	At        int64  `json:"at"`
}

const (
	maxChunks = 8 // of a text: 400 bytes; what lies beyond is not looked at
	maxTexts  = 8 // of one track at a time; the oldest ends where one more comes
	maxSaid   = 16

	textPatience = 2_000_000  // after its first chunk a text is taken as it is
	textMemory   = 10_000_000 // and so long its number is its own

	// The same words again within this are a copy over another link; later, somebody pressed again.
	saidWindow = 5_000_000
)

// statusText folds a STATUSTEXT: a press of the POI script, or what the options of the source statustext look for.
func (f *Fleet) statusText(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadStatusText(p)
	listens := f.tagging.rules[s.System].text != nil && f.hears(s, fr.CompID, SourceStatusText)
	poi := isPOI(m)
	switch {
	case poi && !(listens && f.sources[s.System]&setPOIScript == 0):
		f.poiText(s, fr, m, out)
	case !poi && !listens && bytes.HasPrefix(m.Text, []byte("POI ")) && (m.ID == 0 || m.ChunkSeq == 0):
		out.reject(RejectUndecodable) // the script's form without its number
	}
	if !listens {
		return
	}
	if m.ID == 0 {
		f.textSaid(s, fr.CompID, fr.At, fr.At, 0, f.verified(s, fr), m.Text, out)
		return
	}
	s.Texts = slices.DeleteFunc(s.Texts, func(t TextState) bool { return t.Done && fr.At-t.Since > textMemory })
	t := s.textOf(fr.CompID, m.ID)
	if t == nil {
		if len(s.Texts) == maxTexts {
			f.endText(s, &s.Texts[0], fr.At, out)
			s.Texts = slices.Delete(s.Texts, 0, 1)
		}
		s.Texts = append(s.Texts, TextState{Component: fr.CompID, ID: m.ID, Since: fr.At, Verified: true})
		t = &s.Texts[len(s.Texts)-1]
		f.remind(t.Since + textPatience)
	}
	if t.Done {
		return
	}
	t.Verified = t.Verified && f.verified(s, fr)
	t.add(m)
	if t.whole() {
		f.endText(s, t, fr.At, out)
	}
}

func (s *TrackState) textOf(comp uint8, id uint16) *TextState {
	for i := range s.Texts {
		if t := &s.Texts[i]; t.Component == comp && t.ID == id {
			return t
		}
	}
	return nil
}

// add takes a chunk over. One shorter than the field holds a NUL and is the last.
func (t *TextState) add(m StatusText) {
	if m.ChunkSeq >= maxChunks {
		t.End = maxChunks
		return
	}
	n := int(m.ChunkSeq)
	for len(t.Chunks) <= n {
		t.Chunks = append(t.Chunks, nil)
	}
	t.Chunks[n] = append([]byte{}, m.Text...)
	if len(m.Text) < textLen || n == maxChunks-1 {
		t.End = m.ChunkSeq + 1
	}
}

// whole says whether all of the text has come.
func (t *TextState) whole() bool {
	if t.End == 0 || len(t.Chunks) < int(t.End) {
		return false
	}
	for _, c := range t.Chunks[:t.End] {
		if c == nil {
			return false
		}
	}
	return true
}

// joined is the text as far as it has come, with a byte that no text has where a chunk is missing.
func (t *TextState) joined() []byte {
	var all []byte
	for _, c := range t.Chunks {
		if c == nil {
			c = []byte{0xFF}
		}
		all = append(all, c...)
	}
	return all
}

// endTexts ends the texts whose missing chunks are not waited for any longer.
func (f *Fleet) endTexts(s *TrackState, at int64, out *News) (due int64) {
	due = never
	for i := range s.Texts {
		switch t := &s.Texts[i]; {
		case t.Done:
		case at < t.Since+textPatience:
			due = min(due, t.Since+textPatience)
		default:
			f.endText(s, t, at, out)
		}
	}
	return due
}

// endText looks at a text in chunks as far as it has come.
func (f *Fleet) endText(s *TrackState, t *TextState, at int64, out *News) {
	if t.Done {
		return
	}
	text := t.joined()
	t.Done, t.Chunks = true, nil
	f.textSaid(s, t.Component, t.Since, at, t.ID, t.Verified, text, out)
}

// textSaid takes a whole text: one that the pattern matches is a press. since is when its first part was heard.
func (f *Fleet) textSaid(s *TrackState, comp uint8, since, at int64, id uint16, verified bool, text []byte, out *News) {
	r := f.tagging.rules[s.System]
	if r.text == nil || !f.hears(s, comp, SourceStatusText) { // the plan may have changed since
		return
	}
	if f.sources[s.System]&setPOIScript != 0 && isPOI(StatusText{Text: text}) {
		return // told as such
	}
	if !utf8.Valid(text) {
		out.reject(RejectGarbled)
	}
	kind, count, ok := r.readText(text)
	if !ok {
		return
	}
	key := EvidenceKey{MsgID: idStatusText, Track: s.Track(), Comp: comp, N: s.said(comp, fnv1a(text)^uint64(id), since)}
	f.tell(s, at, &tag{
		source: SourceStatusText, kind: kind, count: count, key: key, seen: s.undated(since), camera: comp, verified: verified, none: true,
	}, out)
}

// readText says whether the pattern matches a text, and what its groups say. Texts may be cut within a character, or
// hold another encoding than UTF-8: the pattern sees U+FFFD for what is no character.
func (r *tagRules) readText(text []byte) (kind string, count int32, ok bool) {
	words := string(text)
	if !utf8.ValidString(words) {
		words = strings.ToValidUTF8(words, "\uFFFD")
	}
	m := r.text.FindStringSubmatch(words)
	if m == nil {
		return "", 0, false
	}
	kind = r.textKind
	if r.kindAt >= 0 && m[r.kindAt] != "" {
		kind = r.kindOf(m[r.kindAt])
	}
	if r.countAt >= 0 {
		if n, err := strconv.Atoi(m[r.countAt]); err == nil {
			count = countOf(int64(n))
		}
	}
	return kind, count, true
}

// countOf is how many a number of a message means: 1 to 999, else 0 for not said.
func countOf(n int64) int32 {
	if n < 1 || n > 999 {
		return 0
	}
	return int32(n)
}

// said is the number in the key of a text: equal for copies, another one where somebody presses again.
func (s *TrackState) said(comp uint8, hash uint64, at int64) uint64 {
	s.Said = slices.DeleteFunc(s.Said, func(t SaidState) bool { return at-t.At > saidWindow })
	i := slices.IndexFunc(s.Said, func(t SaidState) bool { return t.Component == comp && t.Hash == hash })
	if i < 0 {
		if len(s.Said) == maxSaid {
			s.Said = slices.Delete(s.Said, 0, 1)
		}
		s.Said = append(s.Said, SaidState{Component: comp, Hash: hash, At: at})
		i = len(s.Said) - 1
	}
	return hash ^ uint64(s.Said[i].At)
}

func cloneTexts(texts []TextState) []TextState {
	c := slices.Clone(texts)
	for i := range c {
		c[i].Chunks = slices.Clone(c[i].Chunks) // the chunks themselves are never written to
	}
	return c
}
