package geofence

import (
	"cmp"
	"slices"
)

// TrackerState is all that a Tracker remembers, for JSON. Zones go by their ids, so that it outlives a change of plan.
type TrackerState struct {
	Tracks []TrackState `json:"tracks,omitempty"` // by track
	Gates  []GateState  `json:"gates,omitempty"`  // by id
}

// TrackState is what is remembered of one track.
type TrackState struct {
	Track  uint16       `json:"track"`
	At     int64        `json:"at"` // of its last fix
	LatE7  int32        `json:"lat_e7"`
	LonE7  int32        `json:"lon_e7"`
	Visits []VisitState `json:"visits,omitempty"` // by zone id
}

// VisitState is a track's relation to a zone that it is in, or may be about to enter, leave or cross.
type VisitState struct {
	Zone   string `json:"zone"`
	Inside bool   `json:"inside,omitempty"` // a gate or area: entered, or first seen inside
	Timing bool   `json:"timing,omitempty"` // Since holds
	Met    bool   `json:"met,omitempty"`    // a bank: its line was met since the track was surely on Side
	Side   int8   `json:"side,omitempty"`   // a bank: 1 left, -1 right, 0 unknown
	Since  int64  `json:"since,omitempty"`  // inside: first fix surely outside; else: first fix that met the zone
}

// GateState is what is remembered of a gate that has max_unseen.
type GateState struct {
	Zone string `json:"zone"`
	Last int64  `json:"last"` // last seen, or the start of the watch
	Told bool   `json:"told,omitempty"`
	Over bool   `json:"over,omitempty"` // seen again, not yet told
}

// State is the tracker's memory. A tracker that gets it by Restore gives the same events from here on.
func (t *Tracker) State() TrackerState {
	var s TrackerState
	for hi, page := range &t.tracks {
		if page == nil {
			continue
		}
		for lo := range page {
			tr := &page[lo]
			if !tr.known {
				continue
			}
			ts := TrackState{Track: uint16(hi<<8 | lo), At: tr.at, LatE7: tr.last.LatE7, LonE7: tr.last.LonE7}
			for _, v := range tr.visits {
				ts.Visits = append(ts.Visits, VisitState{t.index.zones[v.zone].ID, v.inside, v.timing, v.met, v.side, v.since})
			}
			slices.SortFunc(ts.Visits, func(a, b VisitState) int { return cmp.Compare(a.Zone, b.Zone) })
			s.Tracks = append(s.Tracks, ts)
		}
	}
	for i, w := range t.gates.all {
		if w.last != unwatched {
			s.Gates = append(s.Gates, GateState{t.index.zones[w.zone].ID, w.last, w.told, slices.Contains(t.gates.again, int32(i))})
		}
	}
	slices.SortFunc(s.Gates, func(a, b GateState) int { return cmp.Compare(a.Zone, b.Zone) })
	return s
}

// Restore replaces the tracker's memory by s. What s says of zones that are gone, or have become of another kind, is
// dropped. A track that was seen before and is inside a zone that is new enters it.
func (t *Tracker) Restore(s TrackerState) {
	*t = *NewTracker(t.index)
	for _, ts := range s.Tracks {
		page := t.tracks[ts.Track>>8]
		if page == nil {
			page = new([256]track)
			t.tracks[ts.Track>>8] = page
		}
		tr := track{known: true, at: ts.At, last: Point{ts.LatE7, ts.LonE7}, reach: -1}
		for _, v := range ts.Visits {
			if z, ok := t.index.Find(v.Zone); ok && t.index.shapes[z].bank == (!v.Inside && !v.Timing) {
				tr.visits = append(tr.visits, visit{zone: int32(z), inside: v.Inside, timing: v.Timing, met: v.Met, side: v.Side, since: v.Since})
			}
		}
		slices.SortFunc(tr.visits, func(a, b visit) int { return cmp.Compare(a.zone, b.zone) })
		page[ts.Track&0xff] = tr
	}
	for _, gs := range s.Gates {
		z, ok := t.index.Find(gs.Zone)
		if !ok {
			continue
		}
		if i, ok := t.gates.of(int32(z)); ok {
			t.gates.all[i].last, t.gates.all[i].told = gs.Last, gs.Told
			if gs.Over {
				t.gates.again = append(t.gates.again, int32(i))
			}
		}
	}
}

// Follow makes t, which is new, remember what old does, as Restore(old.State()) would, and old is of no use any more. It
// is for a change of plan while fixes come in: the cost is that of the tracks, of some nanoseconds for each gate that
// has max_unseen, and of a search for each that does not follow the one that it did in the old plan.
func (t *Tracker) Follow(old *Tracker) {
	x, was := t.index, old.index
	t.tracks = old.tracks
	for _, page := range &t.tracks {
		if page == nil {
			continue
		}
		for i := range page {
			tr := &page[i]
			tr.reach, tr.sound, tr.watching = -1, false, tr.watching[:0]
			tr.nearby.forget()
			visits := tr.visits[:0]
			for _, v := range tr.visits {
				if z, ok := x.Find(was.zones[v.zone].ID); ok && x.shapes[z].bank == (!v.inside && !v.timing) {
					v.zone = int32(z)
					visits = append(visits, v)
				}
			}
			slices.SortFunc(visits, func(a, b visit) int { return cmp.Compare(a.zone, b.zone) })
			tr.visits = visits
		}
	}
	place := 0 // of the gate in the old plan
	for i := range t.gates.all {
		w := &t.gates.all[i]
		id := x.zones[w.zone].ID
		if place >= len(old.gates.all) || was.zones[old.gates.all[place].zone].ID != id {
			z, ok := was.Find(id)
			if !ok {
				continue
			}
			if place, ok = old.gates.of(int32(z)); !ok {
				continue
			}
		}
		v := &old.gates.all[place]
		w.last, w.told = v.last, v.told
		if v.last != unwatched && slices.Contains(old.gates.again, int32(place)) {
			t.gates.again = append(t.gates.again, int32(i))
		}
		place++
	}
}

// Told makes t remember that the gate of that id was told as unseen, if it remembers nothing of it.
func (t *Tracker) Told(id string, at int64) {
	z, ok := t.index.Find(id)
	if !ok {
		return
	}
	if i, ok := t.gates.of(int32(z)); ok && t.gates.all[i].last == unwatched {
		t.gates.all[i].last, t.gates.all[i].told = at, true
	}
}
