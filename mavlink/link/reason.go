package link

import "sync/atomic"

// reason says why a frame was refused or lost. The words are labels of the metrics and part of the log (mavlink.
// RefusedCount).
type reason uint8

const (
	badCRC reason = iota
	unknownID
	truncated
	oversize
	signature
	unsigned
	replayed
	future
	version
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
	"crc", "unknown_id", "truncated", "oversize", "signature", "unsigned", "replayed", "future", "version", "own_id",
	"secret", "pinned", "queue", "origin", "flood", "kernel",
}

// refusedReasons are those that a refused frame tells, in order of their names: all but unknown_id, whose frames are
// in the log themselves.
var refusedReasons = [...]reason{
	badCRC, lostFlood, future, lostKernel, lostOrigin, oversize, ownID, pinned, lostQueue, replayed, secret, signature,
	truncated, unsigned, version,
}

// tally is what one reader has counted since it last added it to its link's counters.
type tally struct {
	frames  uint64
	skipped uint64
	by      [reasons]uint64
}

// counters are a link's, for the metrics, the status and the refused frames alike.
type counters struct {
	frames  atomic.Uint64
	skipped atomic.Uint64
	by      [reasons]atomic.Uint64
}

// add empties t into c.
func (c *counters) add(t *tally) {
	if t.frames > 0 {
		c.frames.Add(t.frames)
	}
	if t.skipped > 0 {
		c.skipped.Add(t.skipped)
	}
	for r, n := range t.by {
		if n > 0 {
			c.by[r].Add(n)
		}
	}
	*t = tally{}
}
