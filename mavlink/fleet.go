package mavlink

import (
	"math"
	"slices"
	"strconv"
)

// Fleet is what the station believes of the vehicles that it hears: who is there, where, in what state, and what they
// tagged. It is a fold over frames. It knows no clock but the frames' and gives the same News for the same frames.
// It is not safe for concurrent use.
type Fleet struct {
	dialect  *dialect
	readings [denseIDs]readingOf // what is made of a message, by its id

	// Of the plan, by system id.
	names         [256]string
	known         [256]bool
	sources       [256]sourceSet
	cameras       [256]camera
	tagging       tagging
	ignoreUnknown bool
	staleUS       int64
	lostUS        int64
	theatre       *Theatre
	pins          [256]pins
	signed        [256]bool // its frames are to be signed

	systems    [256]*SystemState
	tracks     [256][]*TrackState // by system id, then discriminator; never empty where there is a system
	met        []uint8            // the ids of the systems, in order
	origins    []OriginState      // by number
	signatures []SignatureState   // by system, component, link id
	links      []LinkState
	shortcuts  [256]shortcut // by system id
	due        int64         // no timer is due before this instant
	nowhere    SpeakerState  // where a component speaks from of which nobody told
	late       bool          // the frame that is being folded came by a stream that lags beside another
}

// FleetState is all that a Fleet remembers, and nothing of its plan. Its JSON round trip is exact.
type FleetState struct {
	Links      []LinkState      `json:"links"`      // by name
	Origins    []OriginState    `json:"origins"`    // by number, up to 65,536; those of earlier sessions until their numbers come again
	Systems    []SystemState    `json:"systems"`    // by system id
	Tracks     []TrackState     `json:"tracks"`     // by system id, then discriminator
	Signatures []SignatureState `json:"signatures"` // of verified frames, by system, component and link id; up to 1,024
}

const (
	defaultStaleUS = 3_000_000
	defaultLostUS  = 10_000_000

	never = math.MaxInt64
)

// NewFleet returns a fleet that has heard nothing yet and judges by p.
func NewFleet(p *FleetPlan) *Fleet {
	f := &Fleet{dialect: knownDialect()}
	f.readings = readings(f.dialect)
	f.SetPlan(p)
	return f
}

// SetPlan makes the fleet judge by p from the next frame on. What it remembers of the vehicles lives on.
func (f *Fleet) SetPlan(p *FleetPlan) {
	f.ignoreUnknown = p.Unknown == "ignore"
	f.staleUS, f.lostUS, f.theatre = p.StaleUS, p.LostUS, p.Theatre
	if f.staleUS <= 0 {
		f.staleUS = defaultStaleUS
	}
	if f.lostUS <= 0 {
		f.lostUS = defaultLostUS
	}
	f.tagging = newTagging(p)
	all := sourcesOf(p.Sources)
	for id := range f.names {
		f.names[id], f.known[id], f.sources[id] = "system-"+strconv.Itoa(id), false, all
		f.cameras[id] = camera{}
		f.pins[id], f.signed[id] = pins{}, false
	}
	for i := range p.Vehicles {
		v := &p.Vehicles[i]
		f.names[v.System], f.known[v.System] = v.Name, true
		f.cameras[v.System] = v.Camera.camera()
		f.pins[v.System] = v.Pins.compile()
		f.signed[v.System] = v.Signing == SigningPrefer || v.Signing == SigningRequire
		if v.Sources != nil {
			f.sources[v.System] = sourcesOf(v.Sources)
		}
	}
	f.reckon()
}

// reckon works out anew what follows from plan and memory together.
func (f *Fleet) reckon() {
	f.shortcuts = [256]shortcut{}
	for id, y := range &f.systems {
		if y == nil {
			continue
		}
		f.unsettle(y) // until the next frame has been looked at
		for i := range y.Speakers {
			y.Speakers[i].astray = !f.pins[id].place(&y.Speakers[i])
		}
	}
	f.due = math.MinInt64
}

// Name is what people call the vehicle of a track: its name in the plan, else "system-N", and for a further aircraft of
// that id with "#2", "#3" behind it. It is verified where the plan knows it and nobody else claims to be it.
func (f *Fleet) Name(t Track) (name string, verified bool) {
	name = f.names[t.System()]
	if disc := uint8(t >> 8); disc != 0 {
		name += "#" + strconv.Itoa(int(disc)+1)
	}
	return name, f.standsFor(t.System())
}

// name is Name without its judgement.
func (f *Fleet) name(s *TrackState) string {
	if s.Disc == 0 {
		return f.names[s.System]
	}
	name, _ := f.Name(s.Track())
	return name
}

// LastFix gives the track's last believed position, however old; ok is false where there is none.
func (f *Fleet) LastFix(t Track) (fix Fix, ok bool) {
	for _, s := range f.tracks[t.System()] {
		if s.Track() == t && s.Position.Known {
			return s.Position.Fix, true
		}
	}
	return Fix{}, false
}

// State is a copy of all that the fleet remembers.
func (f *Fleet) State() FleetState {
	st := FleetState{Links: slices.Clone(f.links), Origins: slices.Clone(f.origins), Signatures: slices.Clone(f.signatures)}
	for i := range f.tracks {
		if y := f.systems[i]; y != nil {
			c := *y
			c.Speakers = slices.Clone(y.Speakers)
			st.Systems = append(st.Systems, c)
		}
		for _, s := range f.tracks[i] {
			st.Tracks = append(st.Tracks, s.clone())
		}
	}
	return st
}

// Restore makes the fleet remember st and nothing else. A timer that came due in between fires at the next Advance,
// unless Link tells before it that the vehicle's link has come up.
func (f *Fleet) Restore(st FleetState) {
	f.tracks, f.systems = [256][]*TrackState{}, [256]*SystemState{}
	for i := range st.Tracks {
		s := st.Tracks[i].clone()
		// A file may have been damaged: words that there are not have none.
		s.Vehicle.Standing, s.Position.Fix.Quality = min(s.Vehicle.Standing, StandingLost), min(s.Position.Fix.Quality, QualityGood)
		f.tracks[s.System] = append(f.tracks[s.System], &s)
	}
	for i := range st.Systems {
		y := st.Systems[i]
		y.Speakers = slices.Clone(y.Speakers)
		if f.systems[y.System] = &y; len(f.tracks[y.System]) == 0 {
			f.tracks[y.System] = []*TrackState{newTrack(y.System, 0)}
		}
	}
	f.met = nil
	for id := range f.tracks {
		if len(f.tracks[id]) == 0 {
			continue
		}
		if f.met = append(f.met, uint8(id)); f.systems[id] == nil {
			f.systems[id] = &SystemState{System: uint8(id)}
		}
	}
	f.links, f.origins, f.signatures = slices.Clone(st.Links), slices.Clone(st.Origins), slices.Clone(st.Signatures)
	f.reckon()
}

// Apply folds one frame, whose CRC holds, and adds what it brought to out. Frames of the station itself are not for
// Apply: see Origin and Link. Frames of ids outside the dialect are passed over, since no CRC vouches for them.
// The caller has called Advance with the frame's time.
func (f *Fleet) Apply(fr *Frame, out *News) {
	how := f.reading(fr.MsgID)
	if how == readsNothing {
		return
	}
	w := &f.shortcuts[fr.SysID]
	if place := w.places[fr.CompID]; place != 0 && f.goOn(w, place, how, fr, out) {
		return
	}
	p := Payload(fr.Raw)
	if fr.SysID == 0 {
		// 0 is the address of all systems, no system's own: nothing can be learnt of a sender that gives no name.
		if fr.MsgID == idGlobalPositionInt || isTag(fr.MsgID, p) {
			out.reject(RejectComponent)
		}
		return
	}
	if f.signed[fr.SysID] {
		switch {
		case fr.Signed:
			f.signature(fr)
		case isRadio(fr.MsgID):
			return // anyone's word, under the vehicle's name: the link has heard it
		}
	}
	switch s := f.route(fr, p, out); {
	case s == nil: // a copy of a frame that has been folded already
	case s.Disc != 0:
		f.aside(s, out, func() { f.fold(s, how, fr, p, out) })
	default:
		f.fold(s, how, fr, p, out)
	}
}

// ignored says whether the plan has no ear for s.
func (f *Fleet) ignored(s *TrackState) bool { return f.ignoreUnknown && !f.known[s.System] }

// speaks says whether comp is the autopilot of s: the component whose HEARTBEAT made it a vehicle. A system of the
// plan whose heartbeat has not been heard yet is believed through component 1, the autopilot's usual id, unless that
// has shown itself to be something else.
func (f *Fleet) speaks(s *TrackState, comp uint8) bool {
	if s.Vehicle.Exists {
		return comp == s.Vehicle.Component
	}
	return comp == 1 && f.known[s.System] && !s.component(comp).TypeKnown
}
