package mavlink

import (
	"bytes"
	"slices"
)

// PressState is one press of a POI switch, kept so that its other messages get its key.
type PressState struct {
	At       int64       `json:"at"`
	LatE7    int64       `json:"lat_e7"`
	LonE7    int64       `json:"lon_e7"`
	Captures uint16      `json:"captures"` // the script's counter, 0 while only the text has been heard
	Key      EvidenceKey `json:"key"`
}

// PressCount is how far the counter of the POI script has come, to know of presses that were never heard.
type PressCount struct {
	Heard    int64  `json:"heard"` // last CAMERA_FEEDBACK of a press, 0 none
	Captures uint16 `json:"captures"`
	Texts    uint16 `json:"texts"` // presses since then of which only the text has been heard
}

const (
	pressWindow = 30_000_000 // messages of one press, over slow links too, come within this
	maxPresses  = 8

	// The script runs on 32-bit floats: in its text a longitude of 112 degrees is off by up to 1e-5 degrees, while
	// CAMERA_FEEDBACK has the integers.
	pressApartE7 = 150

	// maxLost is the longest run of missing tags that a counter's jump tells of; more is a new beginning of the counter.
	maxLost = 1_000
)

// isPOI says whether a text is one that mount-poi.lua sends for a press: ^POI -?\d. Its failures begin with "POI:".
// Of a text in chunks the first one counts.
func isPOI(m StatusText) bool {
	t := m.Text
	if len(t) < 5 || string(t[:4]) != "POI " || m.ID != 0 && m.ChunkSeq != 0 {
		return false
	}
	if t[4] == '-' {
		return len(t) > 5 && isDigit(t[5])
	}
	return isDigit(t[4])
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// poiText folds a text that isPOI has passed: "POI <lat>, <lon>, <alt> (asml)", degrees and metres, is a press of
// ArduPilot's mount-poi.lua at that point on the ground.
func (f *Fleet) poiText(s *TrackState, fr *Frame, m StatusText, out *News) {
	if !f.heeds(s, fr.CompID, SourcePOIScript, out) {
		return
	}
	t := tag{source: SourcePOIScript, basis: BasisTarget, seen: s.undated(fr.At), camera: fr.CompID, verified: f.verified(s, fr)}
	key := EvidenceKey{MsgID: idStatusText, Track: s.Track(), Comp: fr.CompID}
	var ok bool
	if t.lat, t.lon, ok = parsePOI(m.Text); !ok {
		out.reject(RejectUndecodable)
		t.none, t.key = true, key
		t.key.N = fnv1a(m.Text)
		f.tell(s, fr.At, &t, out)
		return
	}
	key.LatE7, key.LonE7 = clampE7(t.lat), clampE7(t.lon)
	t.key, _ = s.press(fr.At, t.lat, t.lon, 0, key)
	f.tell(s, fr.At, &t, out)
}

// poiFeedback folds the CAMERA_FEEDBACK of a press.
func (f *Fleet) poiFeedback(s *TrackState, fr *Frame, m *CameraFeedback, out *News) {
	if !f.heeds(s, fr.CompID, SourcePOIScript, out) {
		return
	}
	lat, lon := int64(m.Lat), int64(m.Lng)
	t := tag{source: SourcePOIScript, basis: BasisTarget, lat: lat, lon: lon, seen: s.usecTime(fr.At, m.TimeUsec), camera: fr.CompID, verified: f.verified(s, fr)}
	key := EvidenceKey{MsgID: idCameraFeedback, Track: s.Track(), N: uint64(m.CompletedCaptures), LatE7: m.Lat, LonE7: m.Lng}
	var told bool
	t.key, told = s.press(fr.At, lat, lon, m.CompletedCaptures, key)
	f.lost(s, fr.At, SourcePOIScript, s.PressCount.count(fr.At, m.CompletedCaptures, told), out)
	f.tell(s, fr.At, &t, out)
}

// press returns the key of the press that a message at this point belongs to: that of the press's first message. byText
// says that only its text had been heard.
func (s *TrackState) press(at, lat, lon int64, captures uint16, key EvidenceKey) (k EvidenceKey, byText bool) {
	s.Presses = slices.DeleteFunc(s.Presses, func(p PressState) bool { return at-p.At > pressWindow })
	for i := len(s.Presses) - 1; i >= 0; i-- {
		p := &s.Presses[i]
		same := p.Captures == captures || p.Captures == 0 || captures == 0
		if same && abs(p.LatE7-lat) <= pressApartE7 && abs(p.LonE7-lon) <= pressApartE7 {
			byText = p.Captures == 0
			p.Captures = max(p.Captures, captures)
			return p.Key, byText
		}
	}
	if len(s.Presses) == maxPresses {
		s.Presses = slices.Delete(s.Presses, 0, 1)
	}
	s.Presses = append(s.Presses, PressState{At: at, LatE7: lat, LonE7: lon, Captures: captures, Key: key})
	if captures == 0 && s.PressCount.Texts < maxLost {
		s.PressCount.Texts++
	}
	return key, false
}

// count takes note of the script's counter and returns how many presses before this one were never heard, neither by
// their feedback nor by their text. told says that this one has been heard by its text.
func (c *PressCount) count(at int64, captures uint16, told bool) (lost uint32) {
	if told && c.Texts > 0 {
		c.Texts--
	}
	ahead := int16(captures - c.Captures)
	switch {
	case c.Heard == 0, ahead < 0 && at-c.Heard > pressWindow, ahead > maxLost: // the script has begun anew
		c.Texts = 0
	case ahead <= 0: // a copy, or a late one
		return 0
	case int(ahead)-1 > int(c.Texts):
		lost = uint32(ahead) - 1 - uint32(c.Texts)
		c.Texts = 0
	default:
		c.Texts -= uint16(ahead) - 1
	}
	c.Heard, c.Captures = at, captures
	return lost
}

// lost tells that tags of a source were sent and never heard.
func (f *Fleet) lost(s *TrackState, at int64, source Source, n uint32, out *News) {
	if n > 0 {
		s.LostTags += uint64(n)
		out.LostTags = append(out.LostTags, LostTag{At: at, Track: s.Track(), Vehicle: f.names[s.System], Source: source, N: n})
	}
}

// parsePOI reads the point in a text that isPOI has passed. A longitude at the very end of a full text may have been
// cut there, and does not count.
func parsePOI(text []byte) (lat, lon int64, ok bool) {
	lat, rest, ok := parseE7(text[len("POI "):])
	if !ok || len(rest) == 0 || rest[0] != ',' {
		return 0, 0, false
	}
	lon, rest, ok = parseE7(bytes.TrimLeft(rest[1:], " "))
	if len(rest) == 0 {
		ok = ok && len(text) < textLen
	} else {
		ok = ok && (rest[0] == ',' || rest[0] == ' ')
	}
	return lat, lon, ok
}

const textLen = 50 // of STATUSTEXT.text

// parseE7 reads a decimal number as a multiple of 1e-7, rounded; what it cannot hold becomes too large for any angle.
func parseE7(b []byte) (e7 int64, rest []byte, ok bool) {
	const huge = 1 << 30
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	i := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		e7 = min(e7*10+int64(b[i]-'0'), huge)
	}
	if ok = i > 0; !ok {
		return 0, b, false
	}
	places := 0
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && isDigit(b[i]); i++ {
			switch {
			case places < 7:
				e7 = e7*10 + int64(b[i]-'0')
			case places == 7 && b[i] >= '5':
				e7++
			}
			places++
		}
	}
	for ; places < 7; places++ {
		e7 *= 10
	}
	if negative {
		e7 = -e7
	}
	return e7, b[i:], true
}
