package mavlink

import (
	"bytes"
	"math"
	"slices"
)

// sourceSet is a set of the sources that come from vehicles.
type sourceSet uint8

const (
	setPOIScript sourceSet = 1 << iota
	setTrackingGeo
	setPhoto
)

func sourcesOf(list []Source) (set sourceSet) {
	for _, s := range list {
		set |= s.set()
	}
	return set
}

func (s Source) set() sourceSet {
	switch s {
	case SourcePOIScript:
		return setPOIScript
	case SourceTrackingGeo:
		return setTrackingGeo
	case SourcePhoto:
		return setPhoto
	}
	return 0
}

// OneShot returns which messages the enabled sources of p, or of one of its vehicles, read as events: those that are
// sent once, and so must not be among the first that a full queue turns away.
func OneShot(p *FleetPlan) func(id uint32) bool {
	set := sourcesOf(p.Sources)
	for i := range p.Vehicles {
		set |= sourcesOf(p.Vehicles[i].Sources)
	}
	return func(id uint32) bool {
		switch id {
		case idStatusText:
			return set&setPOIScript != 0
		case idCameraFeedback:
			return set&(setPOIScript|setPhoto) != 0
		case idCameraImageCaptured:
			return set&setPhoto != 0
		case idCameraTrackingGeo:
			return set&setTrackingGeo != 0
		}
		return false
	}
}

// isTag says whether a message would be evidence if its sender and source were believed.
func isTag(id uint32, p []byte) bool {
	switch id {
	case idStatusText:
		return isPOI(ReadStatusText(p))
	case idCameraFeedback, idCameraImageCaptured, idCameraTrackingGeo:
		return true
	}
	return false
}

// PressState is one press of a POI switch, kept so that its other messages get its key.
type PressState struct {
	At       int64       `json:"at"`
	LatE7    int64       `json:"lat_e7"`
	LonE7    int64       `json:"lon_e7"`
	Captures uint16      `json:"captures"` // the script's counter, 0 while only the text has been heard
	Key      EvidenceKey `json:"key"`
}

// TargetState is an object that a camera follows.
type TargetState struct {
	Component uint8  `json:"component"`
	Camera    uint8  `json:"camera"`
	Open      bool   `json:"open"`
	Heard     int64  `json:"heard"`   // last message that the object is being followed
	N         uint64 `json:"n"`       // of the key
	Told      int64  `json:"told"`    // when evidence was last given
	Located   bool   `json:"located"` // with a position:
	LatE7     int32  `json:"lat_e7"`
	LonE7     int32  `json:"lon_e7"`
}

// CaptureState is the newest photo of a camera.
type CaptureState struct {
	MsgID     uint32 `json:"msgid"`
	Component uint8  `json:"component"`
	Camera    uint8  `json:"camera"`
	Index     int64  `json:"index"`
	Heard     int64  `json:"heard"`
}

const (
	pressWindow = 30_000_000 // messages of one press, over slow links too, come within this
	maxPresses  = 8
	maxCameras  = 16 // per system; the one heard longest ago gives way

	// The script runs on 32-bit floats: in its text a longitude of 112 degrees is off by up to 1e-5 degrees, while
	// CAMERA_FEEDBACK has the integers.
	pressApartE7 = 150

	targetSilence = 5_000_000
	targetAgain   = 60_000_000
	targetMovedMM = 50_000

	photoWindow = 30_000_000 // a photo told again within this is the same piece of evidence
)

// CAMERA_TRACKING_STATUS_FLAGS.
const (
	trackingActive   = 1
	trackingError    = 2
	trackingCoasting = 8
)

// tag is a point that a message gives, not yet believed. Coordinates are degrees x 1e7.
type tag struct {
	source   Source
	key      EvidenceKey
	lat, lon int64
	ce90DM   int32 // 0: by the geometry of vehicle and point
	basis    Basis
	none     bool // there is no point, which has been counted
}

// heeds says whether evidence of this source from this component counts, and counts why where it does not.
func (f *Fleet) heeds(s *SystemState, comp uint8, src Source, out *News) bool {
	c := s.component(comp)
	switch {
	case c.TypeKnown && c.Type == typeGCS, s.station():
		out.Rejected[RejectComponent]++
	case f.sources[s.System]&src.set() == 0:
		out.Rejected[RejectSourceOff]++
	case f.ignored(s):
		out.Rejected[RejectIgnored]++
	default:
		return true
	}
	return false
}

// tell gives a tag as evidence. One whose point cannot be is counted, and stands where its vehicle is, or nowhere: that
// somebody pressed is not to be lost.
func (f *Fleet) tell(s *SystemState, at int64, t *tag, out *News) {
	e := Evidence{
		At: at, Track: s.track(), Vehicle: f.names[s.System], Verified: f.known[s.System],
		Source: t.source, Kind: "person", Key: t.key,
	}
	if !t.none {
		var why Reject
		if why, t.none = refusePoint(t.lat, t.lon); t.none {
			out.Rejected[why]++
		}
	}
	fix, here := s.Position.last(at)
	height, high := s.Position.height(at)
	switch {
	case !t.none:
		e.Located, e.LatE7, e.LonE7, e.Basis, e.CE90DM = true, int32(t.lat), int32(t.lon), t.basis, t.ce90DM
		if e.CE90DM == 0 {
			e.CE90DM = unknownTargetDM
			if here && high {
				north, east := offset(fix.LatE7, fix.LonE7, e.LatE7, e.LonE7)
				e.CE90DM = targetCE90DM(float64(height)/1000, north, east, fix.sigmaM())
			}
		}
	case here:
		e.Located, e.LatE7, e.LonE7, e.Basis = true, fix.LatE7, fix.LonE7, BasisVehicle
		e.CE90DM = t.ce90DM
		if t.basis != BasisVehicle {
			if !high {
				height = unknownHeightMM
			}
			e.CE90DM = insteadOfTargetDM(height)
		}
	default:
		e.Basis = BasisNone
	}
	out.Evidence = append(out.Evidence, e)
}

// sigmaM is how well the vehicle knows where it is, m.
func (fix *Fix) sigmaM() float64 {
	switch {
	case fix.HAccMM > 0:
		return float64(fix.HAccMM) / 1000
	case fix.Quality == QualityBad:
		return degradedHAccMM / 1000
	}
	return sigmaPos
}

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

// statusText folds a STATUSTEXT: "POI <lat>, <lon>, <alt> (asml)", degrees and metres, is a press of ArduPilot's
// mount-poi.lua at that point on the ground.
func (f *Fleet) statusText(s *SystemState, fr *Frame, p []byte, out *News) {
	m := ReadStatusText(p)
	if !isPOI(m) {
		if bytes.HasPrefix(m.Text, []byte("POI ")) && (m.ID == 0 || m.ChunkSeq == 0) {
			out.Rejected[RejectUndecodable]++ // the script's form without its number
		}
		return
	}
	if !f.heeds(s, fr.CompID, SourcePOIScript, out) {
		return
	}
	t := tag{source: SourcePOIScript, basis: BasisTarget}
	key := EvidenceKey{MsgID: idStatusText, Track: s.track(), Comp: fr.CompID}
	var ok bool
	if t.lat, t.lon, ok = parsePOI(m.Text); !ok {
		out.Rejected[RejectUndecodable]++
		t.none, t.key = true, key
		t.key.N = fnv1a(m.Text)
		f.tell(s, fr.At, &t, out)
		return
	}
	key.LatE7, key.LonE7 = clampE7(t.lat), clampE7(t.lon)
	t.key = s.press(fr.At, t.lat, t.lon, 0, key)
	f.tell(s, fr.At, &t, out)
}

// press returns the key of the press that a message at this point belongs to: that of the press's first message.
func (s *SystemState) press(at, lat, lon int64, captures uint16, key EvidenceKey) EvidenceKey {
	s.Presses = slices.DeleteFunc(s.Presses, func(p PressState) bool { return at-p.At > pressWindow })
	for i := len(s.Presses) - 1; i >= 0; i-- {
		p := &s.Presses[i]
		same := p.Captures == captures || p.Captures == 0 || captures == 0
		if same && abs(p.LatE7-lat) <= pressApartE7 && abs(p.LonE7-lon) <= pressApartE7 {
			p.Captures = max(p.Captures, captures)
			return p.Key
		}
	}
	if len(s.Presses) == maxPresses {
		s.Presses = slices.Delete(s.Presses, 0, 1)
	}
	s.Presses = append(s.Presses, PressState{At: at, LatE7: lat, LonE7: lon, Captures: captures, Key: key})
	return key
}

// fnv1a is the 64-bit FNV-1a hash of b: the same text heard over two links gets the same key.
func fnv1a(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func abs(n int64) int64 { return max(n, -n) }

func clampE7(n int64) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, n))) }

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
