package replay

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"riverwatch/mavlink"
)

// pauseUS is the longest silence that time passes through: over a longer one the recorder is taken to have been off.
const pauseUS = int64(10 * time.Minute / time.Microsecond)

// ReaderOptions says what is read.
type ReaderOptions struct {
	Paths []string // logs and session folders
	From  int64    // µs; frames before it are left out
	To    int64    // µs; frames from it on are left out; 0: none
	// Admit, if set, is asked about each frame of a foreign log, in the order in which they would be handed out and those
	// before From included: it sets Signed and says whether the frame is handed out at all. It is not asked about frames
	// of a session whose station has judged them, see [Manifest.Verified].
	Admit func(f *mavlink.Frame) bool
	// Believe, if set, says of a frame of such a session that bears a signature whether it counts as verified: the
	// station may have looked at no signature of that vehicle.
	Believe func(f *mavlink.Frame) bool
}

// Reader hands out the frames of logs in one order, by time and where that is equal by the order of the paths. It is
// used by one goroutine; Progress may be called by others.
type Reader struct {
	mode    readerMode
	admit   func(f *mavlink.Frame) bool
	believe func(f *mavlink.Frame) bool
	from    int64
	to      int64
	sources []*source // in the order of the paths
	waiting []*source // not yet begun, the next one first
	active  []*source // being read, in the order of the paths
	pool    *pool

	last    int64 // time of the last frame handed out
	started bool
	due     int64 // before this time nothing is to be added
	batchNo uint64
	ownSeq  uint8
	inside  int  // session sources that have begun and not ended
	foreign bool // one of the sources is no session
	err     error
	total   int64
	done    atomic.Int64
}

// readerMode is what is done to the frames on the way.
type readerMode struct {
	foreign bool    // straighten the clocks of foreign logs
	adds    bool    // add beats and link notes where no station recorded them
	sender  bool    // set Origin to the index of the path a frame comes from
	shifts  []int64 // added to the time of each path's frames, µs
}

// Open opens logs and session folders for a what-if. All of them are looked at before it returns, so that a file that
// is no flight log is refused here, with a [NotALogError].
//
// To the frames it adds, as own frames (Origin [mavlink.OriginOwn], id [mavlink.DefaultOwnID]): before the first frame
// a link note that the link "" is up; a beat at every whole second between frames, but for the span of a session,
// which has its own, and between sessions alone, where the station was down; and, where nothing was recorded for more than ten minutes, link notes that "" is down and up
// again, with no beats between. The link "" is the recording itself: while it is down no conclusion may be drawn from
// silence, whatever other links there are.
//
// SETUP_SIGNING frames are passed over. Frames of ids outside the dialect are handed on: they tell the time.
func Open(o ReaderOptions) (*Reader, error) {
	r, err := newReader(o.Paths, readerMode{foreign: true, adds: true})
	if err != nil {
		return nil, err
	}
	r.from, r.to, r.admit, r.believe = o.From, o.To, o.Admit, o.Believe
	r.due = math.MinInt64
	return r, nil
}

func newReader(paths []string, mode readerMode) (*Reader, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("open logs: none named: %s", remedyTlog)
	}
	r := &Reader{mode: mode, pool: new(pool)}
	for i, path := range paths {
		s := &source{path: path, index: i, pool: r.pool, foreign: mode.foreign, tagged: mode.sender}
		if i < len(mode.shifts) {
			s.shift = mode.shifts[i]
		}
		found, err := s.peek()
		if err != nil {
			return nil, err
		}
		r.total += s.size
		r.sources = append(r.sources, s)
		r.foreign = r.foreign || s.session == nil
		if found {
			r.waiting = append(r.waiting, s)
		} else {
			r.done.Add(s.size)
		}
	}
	slices.SortStableFunc(r.waiting, func(a, b *source) int { return cmp.Compare(a.first, b.first) })
	return r, nil
}

// Next returns the next frames, at most about a thousand; io.EOF after the last.
func (r *Reader) Next(ctx context.Context) (mavlink.Batch, error) {
	if err := ctx.Err(); err != nil {
		return mavlink.Batch{}, err
	}
	if r.err != nil {
		return mavlink.Batch{}, r.err
	}
	out := r.pool.batch()
	r.batchNo++
	for len(out.arena.Frames) < batchFrames {
		if err := r.run(out); err != nil {
			r.err = err
			r.Close()
			break
		}
	}
	b := out.arena.Batch()
	if len(b.Frames) == 0 {
		b.Release()
		return mavlink.Batch{}, r.err
	}
	return b, nil
}

// run puts frames of the source whose turn it is into the batch, until it is full or another's turn.
func (r *Reader) run(out *outgoing) error {
	s, until, err := r.earliest()
	if err != nil {
		return err
	}
	defer r.tell(s)
	// Frames are read into their places in the batch: copying each costs as much as verifying it.
	f := out.arena.Room()
	for *f = s.frame; ; {
		if err := r.take(s, f, out); err != nil {
			return err
		}
		if len(out.arena.Frames) >= batchFrames {
			_, err := r.advance(s, &s.frame)
			return err
		}
		f = out.arena.Room()
		if more, err := r.advance(s, f); !more {
			return err
		}
		if f.At >= until {
			s.frame = *f
			return nil
		}
	}
}

// earliest returns the source whose frame is next, and the time from which on it is not its turn any more.
func (r *Reader) earliest() (best *source, until int64, err error) {
	for {
		best, until = nil, math.MaxInt64
		for _, s := range r.active {
			switch {
			case best == nil:
				best = s
			case s.frame.At < best.frame.At:
				until = min(until, best.frame.At)
				best = s
			default:
				until = min(until, s.frame.At+1) // of those at one time the first one goes on
			}
		}
		if len(r.waiting) == 0 {
			if best == nil {
				return nil, 0, io.EOF
			}
			return best, until, nil
		}
		s := r.waiting[0]
		if best != nil && best.frame.At < s.first {
			return best, min(until, s.first), nil
		}
		r.waiting = r.waiting[1:]
		if err := s.open(); err != nil {
			return nil, 0, err
		}
		at, _ := slices.BinarySearchFunc(r.active, s, func(a, b *source) int { return cmp.Compare(a.index, b.index) })
		r.active = slices.Insert(r.active, at, s)
		if _, err := r.advance(s, &s.frame); err != nil {
			return nil, 0, err
		}
	}
}

// take makes f, a frame of s that lies in the batch's next place, a part of the batch, with what belongs before it; or
// leaves it out.
func (r *Reader) take(s *source, f *mavlink.Frame, out *outgoing) error {
	if f.At < r.last {
		f.At = r.last
	}
	if r.to != 0 && f.At >= r.to {
		return io.EOF
	}
	if r.admit != nil && !s.verified() && f.Origin != mavlink.OriginOwn && !r.admit(f) {
		return nil
	}
	if r.believe != nil && s.verified() && f.Signed {
		f.Signed = r.believe(f)
	}
	if f.At < r.from {
		return nil
	}
	a := out.arena
	if r.mode.adds && f.At >= r.due {
		taken := *f
		if err := r.add(taken.At, out); err != nil {
			return err
		}
		r.due = (taken.At/secondUS + 1) * secondUS
		f = a.Room()
		*f = taken
	}
	r.started, r.last = true, f.At
	if s.session != nil && !s.begun {
		s.begun = true
		r.inside++
	}
	if s.holds != r.batchNo || s.held != s.scan.chunk {
		s.holds, s.held = r.batchNo, s.scan.chunk
		out.hold(s.held)
	}
	a.Frames = a.Frames[:len(a.Frames)+1]
	return nil
}

// tell brings the progress up to what has been read of s.
func (r *Reader) tell(s *source) {
	n := s.scanned()
	r.done.Add(n - s.told)
	s.told = n
}

// advance moves s to its next frame, f, or lets go of it after the last.
func (r *Reader) advance(s *source, f *mavlink.Frame) (more bool, err error) {
	err = s.advance(f)
	if err != io.EOF {
		return err == nil, err
	}
	r.tell(s)
	r.done.Add(s.size - s.told) // it may have been cut meanwhile
	s.close()
	if s.begun {
		r.inside--
	}
	r.active = slices.DeleteFunc(r.active, func(a *source) bool { return a == s })
	return false, nil
}

// add puts in what belongs between the last frame and one at the given time.
func (r *Reader) add(at int64, out *outgoing) error {
	switch {
	case !r.started:
		return r.addLink(at, true, out)
	case at-r.last > pauseUS:
		if err := r.addLink(r.last, false, out); err != nil {
			return err
		}
		return r.addLink(at, true, out)
	case r.inside > 0, !r.foreign:
		return nil // a station beats by itself, and between its sessions it was down
	}
	for second := (r.last/secondUS + 1) * secondUS; second <= at; second += secondUS {
		a := out.arena
		start := len(a.Buf)
		a.Buf = mavlink.AppendBeat(a.Buf, mavlink.DefaultOwnID, r.ownSeq)
		r.ownSeq++
		f := mavlink.Parse(a.Buf[start:len(a.Buf):len(a.Buf)])
		f.At, f.Origin = second, mavlink.OriginOwn
		a.Frames = append(a.Frames, f)
	}
	return nil
}

func (r *Reader) addLink(at int64, up bool, out *outgoing) error {
	parts, err := mavlink.OwnFrames(mavlink.DefaultOwnID, r.ownSeq, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "", Up: up})
	if err != nil {
		return fmt.Errorf("note of a pause: %w", err)
	}
	for _, raw := range parts {
		f := mavlink.Parse(raw)
		f.At, f.Origin = at, mavlink.OriginOwn
		out.arena.Append(f)
		r.ownSeq++
	}
	return nil
}

// Stats returns what each path has given so far, in their order; complete after io.EOF.
func (r *Reader) Stats() []FileStats {
	all := make([]FileStats, len(r.sources))
	for i, s := range r.sources {
		all[i] = s.stats()
	}
	return all
}

// Progress returns how many bytes have been read, and how many there are.
func (r *Reader) Progress() (done, total int64) { return r.done.Load(), r.total }

// Close lets go of the files. After io.EOF or an error it has nothing left to do; batches stay valid.
func (r *Reader) Close() error {
	for _, s := range r.active {
		s.close()
	}
	r.active, r.waiting = nil, nil
	if r.err == nil {
		r.err = io.EOF
	}
	return nil
}
