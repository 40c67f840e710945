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
	if note.System == 0 {
		return
	}
	c := f.system(note.System).component(note.Component)
	c.Link, c.Address = note.Link, note.Address
	f.due = math.MinInt64
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
// that have been silent for half an hour. It costs nothing while nothing is due.
func (f *Fleet) Advance(at int64, out *News) {
	if at < f.due {
		return
	}
	f.due = never
	for _, s := range &f.systems {
		if s != nil && s.Vehicle.Exists {
			f.due = min(f.due, f.watch(s, at, out))
		}
	}
}

// watch concludes what follows from the silence of s and returns when to look again.
func (f *Fleet) watch(s *SystemState, at int64, out *News) (due int64) {
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
				At: at, Track: s.track(), Vehicle: f.names[s.System], Kind: ChangeLost,
				Missed: v.armed() || s.Position.HeightAt != 0 && s.Position.HeightMM > airborneMM,
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

// silentSince is the start of the vehicle's silence: its last heartbeat, or the instant at which its link came up after
// that. hearing is false while that link is down. A link that nobody has told of is up.
func (f *Fleet) silentSince(s *SystemState) (since int64, hearing bool) {
	name := s.component(s.Vehicle.Component).Link
	for i := range f.links {
		if l := &f.links[i]; l.Name == name {
			return max(s.Vehicle.Heard, l.UpAt), l.Up
		}
	}
	return s.Vehicle.Heard, true
}
