package link

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"riverwatch/mavlink"
)

// The bounds of the queue, in frames.
const (
	capacity      = 65536            // of links; one-shot frames are taken up to here
	ordinaryLimit = capacity / 4 * 3 // ordinary frames are taken up to here
	originLimit   = capacity / 2     // and of one origin up to here, while others are heard
	ownLimit      = 4096             // own frames, in places of their own
	fairFrom      = capacity / 8     // from here on of one system up to its equal part, where others need the rest
)

const (
	second         = 1_000_000 // µs
	oneShotsPerSec = 50        // of one system, verified ones apart

	// The queue is handed out in pieces of this size at most, all of one size in the end: what a flood needed is used
	// again, and what is beyond spareArenas is given back to the runtime.
	arenaFrames = 4096
	arenaBytes  = 256 << 10
	spareArenas = 16
)

var (
	errEnded = errors.New("the listener has ended")
	errFull  = errors.New("4096 own frames wait already: the fold has stopped taking them")
)

// queue is the one place where frames of all links and own frames get their order and their time. Next takes all that it
// holds at once, and hands it out arena by arena, so that emptying it costs nothing.
type queue struct {
	id      mavlink.OwnID
	oneShot func(uint32) bool
	clock   *clock
	wake    chan struct{} // holds one token while there is something to hand out

	mu      sync.Mutex
	filling *mavlink.Arena
	full    []*mavlink.Arena // before filling
	spare   []*mavlink.Arena
	swaps   uint64 // tells whether what an origin holds is of now
	frames  int    // of links, in full and filling
	own     int    // own frames there
	lastAt  int64
	ended   bool

	seq      uint8  // of our own frames, as on any MAVLink channel
	number   uint32 // of the own frames that the listener itself makes
	beat     []byte
	note     []byte
	origins  origins
	oneShots [2][256]*limiter // of frames without and with a verified signature, by system: a forger uses up his own only
	shares   shares

	taken []*mavlink.Arena // by Next, whose goroutine owns it, to be handed out in turn
}

// gathered is one frame for the queue. It is of this station's dialect, or else not known.
type gathered struct {
	mavlink.Frame
	known bool
}

func newQueue(id mavlink.OwnID, oneShot func(uint32) bool, c *clock, lastAt int64) *queue {
	q := &queue{id: id, oneShot: oneShot, clock: c, wake: make(chan struct{}, 1), lastAt: lastAt}
	q.filling = mavlink.NewArena(q.recycle)
	q.origins.reset()
	return q
}

// offer gives frames of src, in their order, each its time and its place, or counts in t why it has none. Where a
// (system, component) speaks from elsewhere than before, the origin frame that says so goes right before its frame,
// however often that is: who said what must be known of every frame.
func (q *queue) offer(src *source, frames []gathered, t *tally) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := max(src.stamp, q.lastAt)
	o := q.origins.of(src, at)
	othersHeard := q.origins.heard(o, at)
	if o.swap != q.swaps {
		o.swap, o.held, o.heldOf = q.swaps, 0, [256]uint16{}
	}
	for i := range frames {
		if r := q.offerOne(o, &frames[i], at, othersHeard); r != admitted {
			t.by[r]++
		}
	}
}

func (q *queue) offerOne(o *origin, f *gathered, at int64, othersHeard bool) reason {
	room, moves := 1, f.known && q.origins.moves(o, f.SysID, f.CompID)
	switch {
	case !moves:
	case o.named:
		room++
	default:
		room += originParts
	}
	oneShot := f.known && q.oneShot(f.MsgID)
	if oneShot {
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
		q.shares.heard(f.SysID, at)
		switch {
		case q.frames+room > ordinaryLimit:
			return lostQueue
		case othersHeard && o.held+room > originLimit, q.shares.exceeded(f.SysID, int(o.heldOf[f.SysID])+room, q.frames+room):
			return lostOrigin
		}
	}
	before := q.frames
	if moves && !q.announce(o, &f.Frame, at) {
		return lostQueue // the names of link and device would have to be 30 kB long
	}
	f.At, f.Origin = at, q.origins.told(f.SysID, f.CompID)
	q.append(&f.Frame)
	q.frames++
	o.held += q.frames - before
	if !oneShot {
		o.heldOf[f.SysID] += uint16(q.frames - before)
	}
	return admitted
}

// announce queues the origin frame that goes before f.
func (q *queue) announce(o *origin, f *mavlink.Frame, at int64) bool {
	if o.named {
		q.note = mavlink.AppendOrigin(q.note[:0], q.id, q.seq, q.nextNumber(), o.index, f.SysID, f.CompID)
		q.seq++
		q.placeOne(q.note, at)
		q.frames++
	} else {
		frames, err := q.encode(mavlink.OwnOrigin, q.nextNumber(), o.note(f))
		if err != nil {
			return false
		}
		q.place(frames, at)
		q.frames += len(frames)
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
	a := q.filling
	if len(a.Frames) == arenaFrames || len(a.Buf)+len(f.Raw) > arenaBytes {
		q.full = append(q.full, a)
		a = q.arena(arenaFrames, arenaBytes)
		q.filling = a
	}
	a.Append(*f)
	if len(a.Frames) == 1 && len(q.full) == 0 {
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next waits for frames and hands out all that are queued, or the first of them where they are many.
func (q *queue) next(ctx context.Context) (mavlink.Batch, error) {
	for len(q.taken) == 0 {
		q.mu.Lock()
		q.take()
		ended := q.ended
		q.mu.Unlock()
		if len(q.taken) > 0 {
			break
		}
		if ended {
			return mavlink.Batch{}, io.EOF
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return mavlink.Batch{}, ctx.Err()
		}
	}
	if len(q.taken) > 1 {
		// Readers first: what they do not come to, the kernel drops without a look; here one-shot frames are told apart.
		runtime.Gosched()
	}
	b := q.taken[0].Batch()
	q.taken = slices.Delete(q.taken, 0, 1)
	return b, nil
}

// take takes everything out of the queue.
func (q *queue) take() {
	if len(q.filling.Frames) == 0 {
		return
	}
	q.taken = append(append(q.taken, q.full...), q.filling)
	if len(q.full) > 0 {
		q.full = slices.Delete(q.full, 0, len(q.full))
		q.filling = q.arena(arenaFrames, arenaBytes) // a busy time: it will be filled as well
	} else {
		q.filling = q.arena(0, 0)
	}
	q.frames, q.own = 0, 0
	q.swaps++
}

// arena is an empty one, a used one or one with this room.
func (q *queue) arena(frames, bytes int) *mavlink.Arena {
	if n := len(q.spare); n > 0 {
		a := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return a
	}
	a := mavlink.NewArena(q.recycle)
	a.Frames, a.Buf = make([]mavlink.Frame, 0, frames), make([]byte, 0, bytes)
	return a
}

// recycle takes back the memory of a batch that everyone has released.
func (q *queue) recycle(a *mavlink.Arena) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < spareArenas {
		a.Reset()
		q.spare = append(q.spare, a)
	}
}

// length is the number of frames that wait, own frames among them.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.frames + q.own
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
