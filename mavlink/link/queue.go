package link

import (
	"context"
	"errors"
	"io"
	"sync"

	"riverwatch/mavlink"
)

// The bounds of the queue, in frames.
const (
	capacity      = 65536            // of links; one-shot frames are taken up to here
	ordinaryLimit = capacity / 4 * 3 // ordinary frames are taken up to here
	originLimit   = capacity / 2     // and of one origin up to here, while others are heard
	ownLimit      = 4096             // own frames, in places of their own
)

const (
	second          = 1_000_000 // µs
	oneShotsPerSec  = 50        // of one system, verified ones apart
	spareArenas     = 4
	spareArenaBytes = 1 << 20 // an arena that a flood has grown beyond this is given back to the runtime
)

var (
	errEnded = errors.New("the listener has ended")
	errFull  = errors.New("4096 own frames wait already: the fold has stopped taking them")
)

// queue is the one place where frames of all links and own frames get their order and their time. Next swaps the
// arena that is being filled for an empty one, so what the queue holds is one arena, and emptying it costs nothing.
type queue struct {
	id      mavlink.OwnID
	oneShot func(uint32) bool
	clock   *clock
	wake    chan struct{} // holds one token while there is something to hand out

	mu      sync.Mutex
	filling *mavlink.Arena
	spare   []*mavlink.Arena
	swaps   uint64 // tells whether an origin's held is of this arena
	frames  int    // of links, in filling
	own     int    // own frames, in filling
	lastAt  int64
	ended   bool

	seq      uint8  // of our own frames, as on any MAVLink channel
	number   uint32 // of the own frames that the listener itself makes
	beat     []byte
	note     []byte
	origins  origins
	oneShots [2][256]*limiter // of frames without and with a verified signature, by system: a forger uses up his own only
}

func newQueue(id mavlink.OwnID, oneShot func(uint32) bool, c *clock, lastAt int64) *queue {
	q := &queue{id: id, oneShot: oneShot, clock: c, wake: make(chan struct{}, 1), lastAt: lastAt}
	q.filling = mavlink.NewArena(q.recycle)
	q.origins.reset()
	return q
}

// offer gives f, a frame of src, its time and its place, or says why it has none. Where f's (system, component) speaks
// from elsewhere than before, the origin frame that says so goes right before it, however often that is: who said what
// must be known of every frame.
func (q *queue) offer(src *source, f *mavlink.Frame, known bool) reason {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := max(src.stamp, q.lastAt)
	o := q.origins.of(src, at)
	othersHeard := q.origins.heard(o, at)
	room, moves := 1, known && q.origins.moves(o, f.SysID, f.CompID)
	switch {
	case !moves:
	case o.named:
		room++
	default:
		room += originParts
	}
	if o.swap != q.swaps {
		o.swap, o.held = q.swaps, 0
	}
	if known && q.oneShot(f.MsgID) {
		if q.frames+room > capacity {
			return lostQueue
		}
		verified := 0
		if f.Signed {
			verified = 1
		}
		l := &q.oneShots[verified][f.SysID]
		if *l == nil {
			*l = newLimiter(oneShotsPerSec)
		}
		if !(*l).allow(at) {
			return lostFlood
		}
	} else {
		if q.frames+room > ordinaryLimit {
			return lostQueue
		}
		if othersHeard && o.held+room > originLimit {
			return lostOrigin
		}
	}
	before := len(q.filling.Frames)
	if moves && !q.announce(o, f, at) {
		return lostQueue // the names of link and device would have to be 30 kB long
	}
	f.At, f.Origin = at, q.origins.told(f.SysID, f.CompID)
	q.append(f)
	placed := len(q.filling.Frames) - before
	q.frames += placed
	o.held += placed
	return admitted
}

// announce queues the origin frame that goes before f.
func (q *queue) announce(o *origin, f *mavlink.Frame, at int64) bool {
	if o.named {
		q.note = mavlink.AppendOrigin(q.note[:0], q.id, q.seq, q.nextNumber(), o.index, f.SysID, f.CompID)
		q.seq++
		q.placeOne(q.note, at)
	} else {
		frames, err := q.encode(mavlink.OwnOrigin, q.nextNumber(), o.note(f))
		if err != nil {
			return false
		}
		q.place(frames, at)
		o.named = true
	}
	q.origins.spoken[speaker(f.SysID, f.CompID)] = o.index
	return true
}

// tell queues an own frame in all its parts, or none of it.
func (q *queue) tell(kind mavlink.OwnKind, number uint32, body any) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tellLocked(kind, number, body)
}

// tellOwn is tell for the own frames that the listener makes by itself, which it numbers by itself.
func (q *queue) tellOwn(kind mavlink.OwnKind, body any) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tellLocked(kind, q.nextNumber(), body)
}

func (q *queue) tellLocked(kind mavlink.OwnKind, number uint32, body any) error {
	if q.ended {
		return errEnded
	}
	frames, err := q.encode(kind, number, body)
	if err != nil {
		return err
	}
	if q.own+len(frames) > ownLimit {
		return errFull
	}
	q.own += len(frames)
	q.place(frames, max(q.clock.stamp(), q.lastAt))
	return nil
}

// heartbeat queues one beat. Where the fold has taken nothing for so long that even the own places are full there is
// none: the log has nothing to say about that time.
func (q *queue) heartbeat() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || q.own >= ownLimit {
		return
	}
	q.beat = mavlink.AppendBeat(q.beat[:0], q.id, q.seq)
	q.seq++
	q.own++
	q.placeOne(q.beat, max(q.clock.stamp(), q.lastAt))
}

// end queues the last frame; nothing comes after it.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.own = 0 // there is always a place for the end
	_ = q.tellLocked(mavlink.OwnEnd, q.nextNumber(), mavlink.EndNote{Reason: "stop"})
	q.ended = true
	q.signal()
}

func (q *queue) nextNumber() uint32 {
	q.number++
	return q.number
}

func (q *queue) encode(kind mavlink.OwnKind, number uint32, body any) ([][]byte, error) {
	frames, err := mavlink.OwnFrames(q.id, q.seq, kind, number, body)
	q.seq += uint8(len(frames)) // wraps, as a sequence number does
	return frames, err
}

func (q *queue) place(own [][]byte, at int64) {
	for _, raw := range own {
		q.placeOne(raw, at)
	}
}

func (q *queue) placeOne(raw []byte, at int64) {
	f := mavlink.Parse(raw)
	f.At, f.Origin = at, mavlink.OriginOwn
	q.append(&f)
}

func (q *queue) append(f *mavlink.Frame) {
	q.lastAt = f.At
	q.filling.Append(*f)
	if len(q.filling.Frames) == 1 {
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next waits for frames and hands out all that are queued.
func (q *queue) next(ctx context.Context) (mavlink.Batch, error) {
	for {
		q.mu.Lock()
		if len(q.filling.Frames) > 0 {
			b := q.swap()
			q.mu.Unlock()
			return b, nil
		}
		ended := q.ended
		q.mu.Unlock()
		if ended {
			return mavlink.Batch{}, io.EOF
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return mavlink.Batch{}, ctx.Err()
		}
	}
}

func (q *queue) swap() mavlink.Batch {
	full := q.filling
	if n := len(q.spare); n > 0 {
		q.filling, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		q.filling = mavlink.NewArena(q.recycle)
	}
	q.frames, q.own = 0, 0
	q.swaps++
	return full.Batch()
}

// recycle takes back the memory of a batch that everyone has released.
func (q *queue) recycle(a *mavlink.Arena) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < spareArenas && cap(a.Buf) <= spareArenaBytes {
		a.Reset()
		q.spare = append(q.spare, a)
	}
}

// length is the number of frames that wait, own frames among them.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.filling.Frames)
}

// limiter lets at most n things happen in any second of station time.
type limiter struct {
	times []int64 // when the last n happened
	next  int     // the oldest of them
}

func newLimiter(n int) *limiter {
	l := &limiter{times: make([]int64, n)}
	for i := range l.times {
		l.times[i] = -second
	}
	return l
}

func (l *limiter) ready(at int64) bool { return at-l.times[l.next] >= second }

func (l *limiter) allow(at int64) bool {
	if !l.ready(at) {
		return false
	}
	l.times[l.next] = at
	l.next = (l.next + 1) % len(l.times)
	return true
}
