package link

import (
	"riverwatch/mavlink"
)

const (
	sessionOrigins = 0x7F00 // sources that a session tells apart: of two sessions in a row, in turn, the odd and the even indices
	otherOrigin    = 0xFFFE // all further sources of the first link; those of the next have the index below
	otherOrigins   = 256    // links with an index of their own for that
	originParts    = 3      // room that an origin frame with names is given; a long device path needs so many

	// New sources that a link numbers at once, and a second in the long run: less than run out in a session of an hour. A
	// network that gives each packet a port of its own, or a forger of addresses, gets no further.
	newOrigins       = 128
	newOriginsPerSec = 1
)

// origin is one (link, source address) as the session knows it. All of it is guarded by the queue's lock.
type origin struct {
	index   uint16
	line    *line
	address string
	named   bool        // the session has told its link and address
	swap    uint64      // the arena that held counts
	held    int         // its frames in the queue
	heldOf  [256]uint16 // the ordinary ones of them, by system
	replies *limiter
	sent    uint8 // sequence number of the next answer
}

type originKey struct {
	line    int
	address string
}

// origins numbers the sources and keeps where each (system, component) was last told to speak from.
type origins struct {
	renewal uint64 // a source's remembered origin is of this one, or stale
	byKey   map[originKey]*origin
	byIndex []*origin // in the order of their numbers
	before  []*origin // those of the session before, for answers to what it told of last
	others  []*origin // by link
	fresh   []allowance
	spoken  [1 << 16]uint16 // by system and component: the origin last told, 0 none
	newest  *origin         // whoever was heard last,
	heardAt int64           // when,
	elseAt  int64           // and when anyone else was
}

// reset begins anew, with each session: so that a session by itself tells where its speakers are, and so that a
// network in which every packet has a new port does not use the indices up for good.
func (t *origins) reset() {
	t.renewal++
	t.before, t.byIndex = t.byIndex, nil
	t.byKey = map[originKey]*origin{}
	t.others = nil
	t.fresh = nil
	t.spoken = [1 << 16]uint16{}
	t.newest, t.heardAt, t.elseAt = nil, -second, -second
}

// of is the origin of src, from now on.
func (t *origins) of(src *source, at int64) *origin {
	if src.origin != nil && src.renewal == t.renewal {
		return src.origin
	}
	key := originKey{src.line.index, src.address}
	o := t.byKey[key]
	if o == nil {
		if len(t.byIndex) >= sessionOrigins || !t.budget(src.line.index).take(at) {
			return t.other(src.line)
		}
		o = &origin{index: t.number(len(t.byIndex)), line: src.line, address: src.address}
		t.byKey[key] = o
		t.byIndex = append(t.byIndex, o)
	}
	src.origin, src.renewal = o, t.renewal
	return o
}

// number is the index of a session's n-th source.
func (t *origins) number(n int) uint16 { return uint16(1 + 2*n + int(t.turn())) }

// turn is 0 in the first session, 1 in the second, 0 in the third...
func (t *origins) turn() uint16 { return uint16(t.renewal-1) & 1 }

// other stands for the sources of ln that have no index of their own.
func (t *origins) other(ln *line) *origin {
	i := min(ln.index, otherOrigins-1)
	for len(t.others) <= i {
		t.others = append(t.others, nil)
	}
	if t.others[i] == nil {
		t.others[i] = &origin{index: otherOrigin - uint16(i), line: ln, address: "other"}
	}
	return t.others[i]
}

func (t *origins) budget(line int) *allowance {
	for len(t.fresh) <= line {
		t.fresh = append(t.fresh, allowance{left: newOrigins})
	}
	return &t.fresh[line]
}

// find is the source behind an index of this session or the one before; nil for one that stands for many, or for none.
func (t *origins) find(index uint16) *origin {
	all := t.byIndex
	if (index-1)&1 != t.turn() {
		all = t.before
	}
	if n := (int(index) - 1) / 2; index != 0 && n < len(all) {
		return all[n]
	}
	return nil
}

// heard notes that o speaks at at, and says whether any other origin has within the last second.
func (t *origins) heard(o *origin, at int64) bool {
	if o != t.newest {
		t.newest, t.elseAt = o, t.heardAt
	}
	t.heardAt = at
	return at-t.elseAt < second
}

// moves says whether (system, component) speaks from elsewhere than was told.
func (t *origins) moves(o *origin, system, component uint8) bool {
	return t.spoken[speaker(system, component)] != o.index
}

// told is the origin that (system, component) was last told to speak from, 0 for none.
func (t *origins) told(system, component uint8) uint16 { return t.spoken[speaker(system, component)] }

func speaker(system, component uint8) uint16 { return uint16(system)<<8 | uint16(component) }

// note is how the log is told of o for the first time.
func (o *origin) note(f *mavlink.Frame) mavlink.OriginNote {
	return mavlink.OriginNote{Origin: o.index, System: f.SysID, Component: f.CompID, Link: o.line.cfg.Name, Address: o.address}
}

// allowance gives out newOrigins at once and newOriginsPerSec from then on.
type allowance struct {
	left  int64
	since int64 // when left was right, µs
}

func (a *allowance) take(at int64) bool {
	if a.since == 0 {
		a.since = at
	}
	if n := (at - a.since) * newOriginsPerSec / second; n > 0 {
		a.left = min(a.left+n, newOrigins)
		a.since += n * second / newOriginsPerSec
	}
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}
