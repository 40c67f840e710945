package geofence

import (
	"cmp"
	"math"
	"slices"
)

// gate is one gate that has max_unseen.
type gate struct {
	zone      int32
	told      bool
	last      int64 // last seen, or the start of the watch; unwatched before either
	maxUnseen int64 // µs
}

const unwatched = math.MinInt64

// gates is what the tracker knows of the gates that have max_unseen.
type gates struct {
	all   []gate  // by zone
	due   []turn  // heap: when a gate that was not told may be due, never later than it is; made by the first Unseen
	begun bool    // it has been made
	again []int32 // gates that were told and have been seen since
	found []int32 // room for seenFrom
}

// turn is the earliest instant after which a gate can be unseen.
type turn struct {
	at   int64
	gate int32
}

// begin starts the watch, at an instant from which time counts for the gates that were not watched before.
func (g *gates) begin(at int64) {
	g.begun, g.due = true, make([]turn, 0, len(g.all))
	for i := range g.all {
		w := &g.all[i]
		if w.last == unwatched {
			w.last = at
		}
		if !w.told {
			g.due = append(g.due, turn{w.last + w.maxUnseen, int32(i)})
		}
	}
	for i := len(g.due)/2 - 1; i >= 0; i-- {
		g.sink(i)
	}
}

// of is the place of a zone's gate in all.
func (g *gates) of(zone int32) (place int, ok bool) {
	return slices.BinarySearchFunc(g.all, zone, func(w gate, z int32) int { return cmp.Compare(w.zone, z) })
}

// see notes that the gates were seen.
func (g *gates) see(seen []int32, at int64) {
	for _, i := range seen {
		w := &g.all[i]
		w.last = max(w.last, at)
		if w.told {
			w.told = false
			g.again = append(g.again, i)
		}
	}
}

// seenFrom appends to out the gates that are seen from f's point.
func (g *gates) seenFrom(x *Index, f *frame, out []int32) []int32 {
	g.found = x.watched.overlapping(pointBox(f.p), g.found[:0])
	for _, z := range g.found {
		if x.signed(z, f) <= int64(x.zones[z].SeenDM) {
			i, _ := g.of(z)
			out = append(out, int32(i))
		}
	}
	return out
}

// Unseen appends to out, by zone, the gates that by now have been without an airborne track within seen_dm for more
// than max_unseen (told once), and those of them that have been seen again. Time counts from the last sight of the
// gate, the first call, or hearingSince, whichever is latest: while no drone is heard at all, pass at for it. Neither
// at nor hearingSince may go back. The cost is that of a comparison when nothing is due.
func (t *Tracker) Unseen(at, hearingSince int64, out []Unseen) []Unseen {
	if g := &t.gates; g.begun && len(g.again) == 0 && (len(g.due) == 0 || g.due[0].at >= at) {
		return out
	}
	return t.unseen(at, hearingSince, out)
}

func (t *Tracker) unseen(at, hearingSince int64, out []Unseen) []Unseen {
	g := &t.gates
	first := len(out)
	if !g.begun {
		g.begin(at)
	}
	for _, i := range g.again {
		w := &g.all[i]
		out = append(out, Unseen{At: at, Zone: int(w.zone), Since: w.last, Over: true})
		g.push(turn{w.last + w.maxUnseen, i})
	}
	g.again = g.again[:0]
	for len(g.due) > 0 && g.due[0].at < at {
		i := g.pop().gate
		w := &g.all[i]
		if w.told {
			continue
		}
		since := max(w.last, hearingSince)
		due := since + w.maxUnseen
		if at <= due {
			g.push(turn{due, i})
			continue
		}
		w.told = true
		out = append(out, Unseen{At: at, Zone: int(w.zone), Since: since})
	}
	slices.SortStableFunc(out[first:], func(a, b Unseen) int { return cmp.Compare(a.Zone, b.Zone) })
	return out
}

// push and pop keep the earliest turn at the front (a binary heap).
func (g *gates) push(t turn) {
	g.due = append(g.due, t)
	for i := len(g.due) - 1; i > 0; {
		up := (i - 1) / 2
		if g.due[up].at <= g.due[i].at {
			return
		}
		g.due[up], g.due[i] = g.due[i], g.due[up]
		i = up
	}
}

func (g *gates) pop() turn {
	front, n := g.due[0], len(g.due)-1
	g.due[0] = g.due[n]
	g.due = g.due[:n]
	g.sink(0)
	return front
}

// sink lets turn i go down to where it belongs.
func (g *gates) sink(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(g.due); c++ {
			if g.due[c].at < g.due[least].at {
				least = c
			}
		}
		if least == i {
			return
		}
		g.due[i], g.due[least] = g.due[least], g.due[i]
		i = least
	}
}
