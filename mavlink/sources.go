package mavlink

import (
	"math"
	"regexp"
	"strings"
)

// sourceSet is a set of the sources that come from vehicles and command senders.
type sourceSet uint8

const (
	setPOIScript sourceSet = 1 << iota
	setTrackingGeo
	setPhoto
	setStatusText
	setRCSwitch
	setButton
	setNamedValue
	setSpatialUser
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
	case SourceStatusText:
		return setStatusText
	case SourceRCSwitch:
		return setRCSwitch
	case SourceButton:
		return setButton
	case SourceNamedValue:
		return setNamedValue
	case SourceSpatialUser:
		return setSpatialUser
	}
	return 0
}

// OneShot returns which messages the enabled sources of p, or of one of its vehicles, read as events: those that are
// sent once, and so must not be among the first that a full queue turns away. The streams of switches and values are
// none: what one of their messages tells, the next one tells again.
func OneShot(p *FleetPlan) func(id uint32) bool {
	set := sourcesOf(p.Sources)
	for i := range p.Vehicles {
		set |= sourcesOf(p.Vehicles[i].Sources)
	}
	return func(id uint32) bool {
		switch id {
		case idStatusText:
			return set&(setPOIScript|setStatusText) != 0
		case idCameraFeedback:
			return set&(setPOIScript|setPhoto) != 0
		case idCameraImageCaptured:
			return set&setPhoto != 0
		case idCameraTrackingGeo:
			return set&setTrackingGeo != 0
		case idButtonChange:
			return set&setButton != 0
		case idCommandInt, idCommandLong:
			return set&setSpatialUser != 0
		}
		return false
	}
}

// tagging is what the plan says of the sources' options and of who may tag by command.
type tagging struct {
	rules   [256]*tagRules // by system id
	senders []CommandSender
	own     OwnID
}

// tagRules are a vehicle's options, ready for use. A source that has none here, or impossible ones, tells nothing.
type tagRules struct {
	photoRay bool
	text     *regexp.Regexp
	kindAt   int // submatches of text, -1 none
	countAt  int
	textKind string
	words    []KindWord
	rc       *RCSwitchOptions
	button   *ButtonOptions
	value    *NamedValueOptions
}

func newTagging(p *FleetPlan) tagging {
	t := tagging{senders: p.Commands, own: p.Own}
	all := newTagRules(p.Options)
	for i := range t.rules {
		t.rules[i] = all
	}
	for i := range p.Vehicles {
		if v := &p.Vehicles[i]; v.Options != nil {
			t.rules[v.System] = newTagRules(p.Options.with(v.Options))
		}
	}
	return t
}

// newTagRules makes options ready for use. A plan may come from a file: whatever it holds, nothing here fails.
func newTagRules(o SourceOptions) *tagRules {
	r := &tagRules{photoRay: o.Photo == nil || o.Photo.Position != PositionVehicle, kindAt: -1, countAt: -1}
	if t := o.StatusText; t != nil && len(t.Pattern) <= maxPattern {
		if re, err := regexp.Compile(t.Pattern); err == nil {
			r.text, r.kindAt, r.countAt = re, re.SubexpIndex("kind"), re.SubexpIndex("count")
			r.textKind = kindOr(t.Kind)
			for _, w := range t.Words {
				if IsKind(w.Kind) {
					r.words = append(r.words, w)
				}
			}
		}
	}
	if o.RCSwitch != nil && o.RCSwitch.Channel >= 1 && o.RCSwitch.Channel <= maxChannel && o.RCSwitch.DebounceUS >= 0 {
		c := *o.RCSwitch
		c.Kind, c.DebounceUS = kindOr(c.Kind), min(c.DebounceUS, maxDebounce.Microseconds())
		r.rc = &c
	}
	if o.Button != nil && o.Button.Button >= 1 && o.Button.Button <= maxButton {
		b := *o.Button
		b.Kind = kindOr(b.Kind)
		r.button = &b
	}
	if o.NamedValue != nil && o.NamedValue.Name != "" {
		n := *o.NamedValue
		n.Kind = kindOr(n.Kind)
		r.value = &n
	}
	return r
}

func kindOr(word string) string {
	if IsKind(word) {
		return word
	}
	return defaultKind
}

// kindOf is the kind that a captured word means: one of the words that the options list or, where they list none, the
// word itself if it can be a kind.
func (r *tagRules) kindOf(word string) string {
	word = strings.TrimSpace(word)
	for _, w := range r.words {
		if strings.EqualFold(w.Word, word) {
			return w.Kind
		}
	}
	if word = strings.ToLower(word); len(r.words) == 0 && IsKind(word) {
		return word
	}
	return r.textKind
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

// tag is what a message tells of a press, not yet believed. Coordinates are degrees x 1e7.
type tag struct {
	source   Source
	kind     string // "": person
	count    int32
	key      EvidenceKey
	seen     Stamp
	verified bool
	vehicle  string // who tells it, "": the track's own name
	camera   uint8  // the component that it came from
	lat, lon int64
	ce90DM   int32 // 0: by the geometry of vehicle and point
	basis    Basis
	none     bool // there is no usable point, which has been counted where it should have been
	look     bool // the camera's line of sight counts, whether there is a point or not
	alien    bool // the point owes nothing to the vehicle's own position
}

// heeds says whether evidence of this source from this component counts, and counts why where it does not.
func (f *Fleet) heeds(s *TrackState, comp uint8, src Source, out *News) bool {
	switch {
	case f.foreign(s, comp):
		out.reject(RejectComponent)
	case f.sources[s.System]&src.set() == 0:
		out.reject(RejectSourceOff)
	case f.ignored(s):
		out.reject(RejectIgnored)
	default:
		return true
	}
	return false
}

// hears is heeds for a message that is no tag by itself, so that nothing is counted where its source is off.
func (f *Fleet) hears(s *TrackState, comp uint8, src Source) bool {
	return f.sources[s.System]&src.set() != 0 && !f.ignored(s) && !f.foreign(s, comp)
}

// foreign says whether comp is a ground station or one of its parts. Those tag by command only.
func (f *Fleet) foreign(s *TrackState, comp uint8) bool {
	c := s.component(comp)
	return c.TypeKnown && c.Type == typeGCS || s.station()
}

// refuse says why a tag's point is none.
func (f *Fleet) refuse(lat, lon int64) (why Reject, refused bool) {
	if why, refused = refusePoint(lat, lon); refused {
		return why, true
	}
	return RejectOutside, f.outside(lat, lon)
}

// tell gives a tag as evidence. One without a usable point stands where its vehicle is, with the line of sight of its
// camera where that is known, or nowhere: that somebody pressed is not to be lost.
func (f *Fleet) tell(s *TrackState, at int64, t *tag, out *News) {
	e := Evidence{
		At: at, Seen: t.seen, Track: s.Track(), Vehicle: or(t.vehicle, f.names[s.System]), Verified: t.verified,
		Source: t.source, Kind: or(t.kind, defaultKind), Count: t.count, Key: t.key, Basis: BasisNone,
	}
	if !t.none {
		var why Reject
		if why, t.none = f.refuse(t.lat, t.lon); t.none {
			out.reject(why)
		}
	}
	if t.none || t.look {
		if ray, ok := f.aim(s, t.camera, t.seen); ok {
			e.Ray = &ray
			e.Verified = e.Verified && !(f.signed[s.System] && fresh(at, s.Aim.Unsigned, unsignedFor))
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
				e.Ellipse = targetEllipse(float64(height)/1000, north, east, fix.sigmaM())
			}
		}
	case e.Ray != nil, here:
		if !high {
			height = unknownHeightMM
		}
		e.Located, e.Basis, e.CE90DM = true, BasisVehicle, insteadOfTargetDM(height)
		if t.basis == BasisVehicle {
			e.CE90DM = t.ce90DM // a photo that does not say where it was taken
		}
		if e.Ray != nil {
			e.LatE7, e.LonE7 = e.Ray.LatE7, e.Ray.LonE7
		} else {
			e.LatE7, e.LonE7 = fix.LatE7, fix.LonE7
			e.CE90DM = min(e.CE90DM+fix.travelDM(t.seen), maxAroundDM)
		}
	}
	if e.Located && (t.none || !t.alien) && s.suspect(at) {
		e.Suspect, e.CE90DM, e.Ellipse = true, max(e.CE90DM, suspectCE90DM), Ellipse{}
	}
	out.Evidence = append(out.Evidence, e)
}

// maxAroundDM is the greatest radius around a vehicle: that of insteadOfTargetDM.
const maxAroundDM = 15_000

// travelDM is how far the vehicle may have gone between the fix and an instant, dm.
func (fix *Fix) travelDM(seen Stamp) int32 {
	us := abs(seen.At-fix.At) + min(max(seen.Uncertainty, 0), positionMaxAge)
	dm := math.Hypot(float64(fix.VNorthCM), float64(fix.VEastCM)) / 10 * float64(us) / 1e6
	return int32(min(dm, maxAroundDM))
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

// remind makes Advance look at s at the instant due at the latest.
func (f *Fleet) remind(due int64) { f.due = min(f.due, due) }

// overdue concludes what follows in the sources of s from the mere passing of time, and returns when to look again.
func (f *Fleet) overdue(s *TrackState, at int64, out *News) (due int64) {
	return min(f.endTexts(s, at, out), f.settleSwitch(s, at, out))
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
