package link

import (
	"riverwatch/mavlink"
)

const (
	lastOrigin    = 0xFFFD // indices 1..0xFFFD are one source each
	otherOrigin   = 0xFFFE // all further ones together
	originParts   = 3      // room that an origin frame is given; a long device path needs so many
	originsPerSec = 20     // of one (system, component)
)

// origin is one (link, source address) as the session knows it. All of it is guarded by the queue's lock.
type origin struct {
	index   uint16
	link    string
	address string
	swap    uint64 // the arena that held counts
	held    int    // its frames in the queue
}

type originKey struct {
	line    int
	address string
}

// origins numbers the sources and keeps where each (system, component) was last told to speak from.
type origins struct {
	renewal uint64 // a source's remembered origin is of this one, or stale
	byKey   map[originKey]*origin
	other   *origin
	spoken  [1 << 16]uint16     // by system and component: the origin last told, 0 none
	movers  map[uint16]*limiter // of those that have moved
	newest  *origin             // whoever was heard last,
	heardAt int64               // when,
	others  int64               // and when anyone else was
}

// reset begins anew, with each session: so that a session by itself tells where its speakers are, and so that a
// network in which every packet has a new port does not use the indices up for good.
func (t *origins) reset() {
	t.renewal++
	t.byKey = map[originKey]*origin{}
	t.other = &origin{index: otherOrigin, address: "other"}
	t.spoken = [1 << 16]uint16{}
	t.movers = map[uint16]*limiter{}
	t.newest, t.heardAt, t.others = nil, -second, -second
}

// of is the origin of src, from now on.
func (t *origins) of(src *source) *origin {
	if src.origin != nil && src.renewal == t.renewal {
		return src.origin
	}
	key := originKey{src.line.index, src.address}
	o := t.byKey[key]
	switch {
	case o != nil:
	case len(t.byKey) < lastOrigin:
		o = &origin{index: uint16(len(t.byKey) + 1), link: src.line.cfg.Name, address: src.address}
		t.byKey[key] = o
	default:
		o = t.other
	}
	src.origin, src.renewal = o, t.renewal
	return o
}

// heard notes that o speaks at at, and says whether any other origin has within the last second.
func (t *origins) heard(o *origin, at int64) bool {
	if o != t.newest {
		t.newest, t.others = o, t.heardAt
	}
	t.heardAt = at
	return at-t.others < second
}

// mayMove says whether (system, component) speaks from elsewhere than was told, and may be told to now. One that
// flaps between two addresses is told 20 times in any second; in between its frames go under the origin last told,
// and the newest wins at the next chance.
func (t *origins) mayMove(o *origin, system, component uint8, at int64) bool {
	who := speaker(system, component)
	if t.spoken[who] == o.index {
		return false
	}
	l := t.movers[who]
	return l == nil || l.ready(at)
}

// move tells that (system, component) speaks from o.
func (t *origins) move(o *origin, system, component uint8, at int64) mavlink.OriginNote {
	who := speaker(system, component)
	if t.spoken[who] != 0 { // the first time is no move: most speakers never do
		l := t.movers[who]
		if l == nil {
			l = newLimiter(originsPerSec)
			t.movers[who] = l
		}
		l.allow(at)
	}
	t.spoken[who] = o.index
	return mavlink.OriginNote{Origin: o.index, System: system, Component: component, Link: o.link, Address: o.address}
}

// told is the origin that (system, component) was last told to speak from, 0 for none.
func (t *origins) told(system, component uint8) uint16 { return t.spoken[speaker(system, component)] }

func speaker(system, component uint8) uint16 { return uint16(system)<<8 | uint16(component) }
