package link

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// reason says why a frame was refused or lost. The words are labels of the metrics and part of the log (mavlink.
// RefusedCount).
type reason uint8

const (
	badCRC reason = iota
	unknownID
	truncated
	oversize
	version
	signature // from here on: frames refused because of who sent them, or as whom
	unsigned
	replayed
	future
	ownID
	secret
	pinned
	lostQueue // from here on: frames that were fine, and lost
	lostOrigin
	lostFlood
	lostKernel
	reasons
	admitted = reasons // no reason at all
)

var reasonNames = [reasons]string{
	"crc", "unknown_id", "truncated", "oversize", "version", "signature", "unsigned", "replayed", "future", "own_id",
	"secret", "pinned", "queue", "origin", "flood", "kernel",
}

// refusedReasons are those that a refused frame tells, in order of their names: all but unknown_id, whose frames are
// in the log themselves.
var refusedReasons = [...]reason{
	badCRC, lostFlood, future, lostKernel, lostOrigin, oversize, ownID, pinned, lostQueue, replayed, secret, signature,
	truncated, unsigned, version,
}

// blames says whether it is worth knowing whose frame was refused for r.
func (r reason) blames() bool { return signature <= r && r < lostQueue }

// culprit is who sent the newest frame that was refused for a reason.
type culprit struct {
	at      int64          // station time, µs; 0: nobody
	system  uint8          // 0: whatever it sent was not read
	address string         // of a source,
	from    netip.AddrPort // or of what did not become one, not spelled out until somebody asks
}

func (c *culprit) where() string {
	if c.from.IsValid() {
		return netip.AddrPortFrom(c.from.Addr().Unmap(), c.from.Port()).String()
	}
	return c.address
}

// tally is what one reader has counted since it last added it to its link's counters.
type tally struct {
	frames  uint64
	skipped uint64
	by      [reasons]uint64
	system  [reasons]uint8 // of the newest frame refused, where the reason blames
}

// counters are a link's, for the metrics, the status and the refused frames alike.
type counters struct {
	frames  atomic.Uint64
	skipped atomic.Uint64
	by      [reasons]atomic.Uint64

	mu     sync.Mutex // taken for refused frames only
	newest [reasons]culprit
}

// blame counts n frames, the newest of which is who's.
func (c *counters) blame(r reason, n uint64, who culprit) {
	c.mu.Lock()
	c.newest[r] = who
	c.mu.Unlock()
	c.by[r].Add(n) // last, so that whoever sees the count knows whose they are
}

func (c *counters) culprit(r reason) culprit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest[r]
}

// add empties t, of a source at address that was read at at, into c.
func (c *counters) add(t *tally, address string, at int64) {
	if t.frames > 0 {
		c.frames.Add(t.frames)
	}
	if t.skipped > 0 {
		c.skipped.Add(t.skipped)
	}
	for i, n := range t.by {
		switch r := reason(i); {
		case n == 0:
		case r.blames():
			c.blame(r, n, culprit{at: at, system: t.system[r], address: address})
		default:
			c.by[r].Add(n)
		}
	}
	*t = tally{}
}
