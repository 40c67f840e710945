package mavlink

import (
	"cmp"
	"math"
	"slices"
)

// Standing is how lately a vehicle has been heard.
type Standing uint8

// The standings of a vehicle.
const (
	StandingHeard Standing = iota
	StandingStale
	StandingLost
)

// String is the word for st in the API.
func (st Standing) String() string { return [...]string{"heard", "stale", "lost"}[st] }

// LinkState is what the fleet remembers of a link.
type LinkState struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	UpAt int64  `json:"up_at"` // when it last came up
}

// maxSortieSilence ends the sortie of a vehicle that fell silent in the air.
const maxSortieSilence = 30 * 60 * 1_000_000

// Origin takes over which link and address a component speaks from, from here on.
func (f *Fleet) Origin(note OriginNote) {
	f.origin(note)
}

// Link takes over that a link went up or down at the instant at. The silence of the vehicles on a link counts from its
// coming up, even where it was believed up already: then the station was away in between. While it is down nothing
// follows from their silence; what was due before is told now. For a link that comes up, call Link before Advance.
func (f *Fleet) Link(at int64, note LinkNote, out *News) {
	if !note.Up {
		f.Advance(at, out)
	}
	i, found := slices.BinarySearchFunc(f.links, note.Link, func(l LinkState, name string) int { return cmp.Compare(l.Name, name) })
	if !found {
		f.links = slices.Insert(f.links, i, LinkState{Name: note.Link})
	}
	l := &f.links[i]
	if l.Up = note.Up; l.Up {
		l.UpAt = at
	}
	f.due = math.MinInt64
}

// Advance lets time pass until at: it tells which vehicles have become stale or lost, and ends the sorties of those
// that have been silent for half an hour. It costs nothing while nothing is due, and then says false.
func (f *Fleet) Advance(at int64, out *News) (due bool) {
	if at < f.due {
		return false
	}
	f.advance(at, out)
	return true
}

func (f *Fleet) advance(at int64, out *News) {
	f.due = never
	for _, i := range f.met {
		if y := f.systems[i]; y.uneasy {
			f.due = min(f.due, f.lull(y, at, out))
			f.tellConflict(y, at, out) // a plan may have ended it
		}
		for _, s := range f.tracks[i] {
			if s.Disc == 0 {
				f.due = min(f.due, f.overdue(s, at, out))
			} else {
				f.aside(s, out, func() { f.due = min(f.due, f.overdue(s, at, out)) })
			}
			if s.Vehicle.Exists && !s.Identity.Tentative {
				f.due = min(f.due, f.watch(s, at, out))
			}
		}
	}
}

// watch concludes what follows from the silence of s and returns when to look again.
func (f *Fleet) watch(s *TrackState, at int64, out *News) (due int64) {
	v := &s.Vehicle
	since, hearing := f.silentSince(s)
	if !hearing {
		return never
	}
	if v.Standing == StandingHeard {
		if at < since+f.staleUS {
			return since + f.staleUS
		}
		v.Standing = StandingStale
		f.change(s, ChangeStale, at, out)
	}
	if v.Standing == StandingStale {
		if at < since+f.lostUS {
			return since + f.lostUS
		}
		v.Standing = StandingLost
		if !f.ignored(s) {
			out.Changes = append(out.Changes, Change{
				At: at, Track: s.Track(), Vehicle: f.name(s), Kind: ChangeLost, Missed: f.missed(s.System),
			})
		}
	}
	if !s.Flight.Flying {
		return never
	}
	if at < since+maxSortieSilence {
		return since + maxSortieSilence
	}
	f.land(s, max(v.Heard, s.Flight.TookOff), out)
	return never
}

// missed says whether the silence of a system matters: nobody is heard any more who claims to be it, for its vehicle may
// be any of them, and one of them was in the air.
func (f *Fleet) missed(system uint8) (missed bool) {
	for _, t := range f.tracks[system] {
		v := &t.Vehicle
		if !v.Exists || t.Identity.Tentative {
			continue
		}
		if v.Standing != StandingLost {
			if _, hearing := f.silentSince(t); hearing {
				return false
			}
		}
		missed = missed || v.armed() || t.Position.HeightAt != 0 && t.Position.HeightMM > airborneMM
	}
	return missed
}

// silentSince is the start of the vehicle's silence: its last heartbeat, or the instant at which a link that carries it
// came up after that. hearing is false while all links that carry it are down. A link that nobody has told of is up.
func (f *Fleet) silentSince(s *TrackState) (since int64, hearing bool) {
	newest := int64(0)
	for i := range s.Streams {
		if st := &s.Streams[i]; st.Component == s.Vehicle.Component {
			newest = max(newest, st.Heard)
		}
	}
	upAt, carried := int64(never), false
	for i := range s.Streams {
		st := &s.Streams[i]
		if st.Component != s.Vehicle.Component || newest-st.Heard > f.lostUS {
			continue // a link that others have taken the place of
		}
		carried = true
		if at, up := f.link(st.Link); up {
			upAt, hearing = min(upAt, at), true
		}
	}
	if !carried {
		return s.Vehicle.Heard, true
	}
	if !hearing {
		return s.Vehicle.Heard, false
	}
	return max(s.Vehicle.Heard, upAt), true
}

// link says whether a link is up, and since when.
func (f *Fleet) link(name string) (upAt int64, up bool) {
	for i := range f.links {
		if l := &f.links[i]; l.Name == name {
			return l.UpAt, l.Up
		}
	}
	return 0, true
}
