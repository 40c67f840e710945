package mavlink

import "sync/atomic"

// Frame is one MAVLink frame as received, verified and stamped. It is a value; Raw is valid until the batch that
// holds it is released.
type Frame struct {
	At     int64  // station time, µs since the Unix epoch, UTC; never before the previous frame's
	Origin uint16 // index into the session's origins (link and source address); 0 in a foreign log; OriginOwn: ours
	SysID  uint8
	CompID uint8
	Seq    uint8
	MsgID  uint32
	// Checksum is the CRC at its end: a stream knows a frame that comes again by it, without a look at Raw, which may lie
	// in another core's cache.
	Checksum uint16
	Signed   bool   // its signature was verified: by the listener, or for a log by its reader
	Raw      []byte // as received: what is recorded, and what live and replay both decode
}

// OriginOwn marks a frame that the station itself made: a beat or one of the TUNNEL kinds of own.go. A listener sets it
// on what it makes, a reader of sessions on the frames of the manifest's own id and on the beats it adds. Frames of
// the same id in a foreign log are a stranger's and do not carry it.
const OriginOwn = 0xFFFF

// Batch is a run of frames handed from a source to the fold and then to the committer. It is a value around counted
// memory: whoever keeps it beyond the call that handed it over calls Retain, and each holder calls Release once.
type Batch struct {
	Frames []Frame
	arena  *Arena
}

// Retain adds a holder.
func (b Batch) Retain() {
	if b.arena != nil {
		b.arena.refs.Add(1)
	}
}

// Release gives up one hold. After the last one the memory behind Frames is used again.
func (b Batch) Release() {
	if b.arena != nil && b.arena.refs.Add(-1) == 0 && b.arena.free != nil {
		b.arena.free(b.arena)
	}
}

// Bytes is the number of raw bytes in the batch, what a log grows by without its stamps.
func (b Batch) Bytes() int {
	n := 0
	for i := range b.Frames {
		n += len(b.Frames[i].Raw)
	}
	return n
}

// Arena is the memory that a batch is built in. A source keeps a few and fills them in turn.
type Arena struct {
	Frames []Frame
	Buf    []byte
	refs   atomic.Int32
	free   func(*Arena)
}

// NewArena returns an empty arena; free, which may be nil, is called with it when its batch has been released by all.
func NewArena(free func(*Arena)) *Arena { return &Arena{free: free} }

// Append copies f, its raw bytes included, to the end of the arena.
func (a *Arena) Append(f Frame) {
	start := len(a.Buf)
	a.Buf = append(a.Buf, f.Raw...)
	f.Raw = a.Buf[start:len(a.Buf):len(a.Buf)]
	a.Frames = append(a.Frames, f)
}

// Room is the place of the next frame, for a source that builds it there: what lies in it is of no account, and it is
// no part of the arena until Frames is made longer by one. It is good until Frames changes.
func (a *Arena) Room() *Frame {
	n := len(a.Frames)
	if n == cap(a.Frames) {
		a.Frames = append(a.Frames, Frame{})[:n]
	}
	return &a.Frames[:n+1][n]
}

// Reset empties the arena and keeps its memory.
func (a *Arena) Reset() { a.Frames, a.Buf = a.Frames[:0], a.Buf[:0] }

// Batch hands the arena's frames out with one hold on them. The arena must not be touched until it has been freed.
func (a *Arena) Batch() Batch {
	a.refs.Store(1)
	return Batch{Frames: a.Frames, arena: a}
}
