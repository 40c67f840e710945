package mavlink

import "math/bits"

// StreamState is what the fleet remembers of one component of a track as one link brings it from one address. Senders
// number their frames per channel, so each stream has numbers of its own (PROTOCOL 6).
type StreamState struct {
	Component uint8  `json:"component"`
	Link      string `json:"link"`    // "" in a foreign log
	Address   string `json:"address"` // as in OriginNote
	Since     int64  `json:"since"`   // its first frame
	Heard     int64  `json:"heard"`   // its newest
	Vouched   bool   `json:"vouched"` // what it said of clock or place has shown that it is this track's
	LagMS     int32  `json:"lag_ms"`  // how far its newest claim came behind the quickest of the track

	Counting bool              `json:"counting"` // Seq is known
	Seq      uint8             `json:"seq"`
	Seen     uint64            `json:"seen"`   // bit i: number Seq-i has been heard
	Gone     uint64            `json:"gone"`   // bit i: number Seq-i counts as lost
	Checks   [seqWindow]uint16 `json:"checks"` // the CRCs of those seen, by number modulo seqWindow

	Frames     uint64 `json:"frames"` // distinct ones, copies of what another stream brought included
	Lost       uint64 `json:"lost"`   // missing in the sequence
	Duplicates uint64 `json:"duplicates"`
	OutOfOrder uint64 `json:"out_of_order"`
}

const (
	seqWindow = 64
	// maxGap is the longest run of missing frames that is a loss; more is a new start of the sender.
	maxGap = 64
	// maxStreams bounds the streams of a track, each of a component over a link; the one heard longest ago gives way.
	maxStreams = 64
	// liveFor is how lately a stream must have been heard to count beside another.
	liveFor = 1_500_000
)

// The pair of ids that SiK radios put on the frames that they inject, with a sequence of their own making ("3", "D").
const radioSystem, radioComponent = 51, 68

// order is how a frame's number stands to those before it.
type order uint8

const (
	orderNext  order = iota // one of the next, with frames missing in between where it is not the very next
	orderLate               // one from before, for the first time
	orderCopy               // one from before, the same again
	orderFresh              // a start: the first number, or one that the sender's count does not lead to
	orderFree               // the sender does not count
)

// judge says how a frame of this number and CRC follows, and how far ahead it is of the newest. That another frame had
// the number already shows a sender that does not count, or has begun anew.
func (st *StreamState) judge(seq uint8, check uint16) (o order, ahead uint8) {
	ahead = seq - st.Seq
	behind := -ahead
	switch {
	case !st.Counting:
		return orderFresh, 0
	case ahead == 0:
		if st.Checks[seq%seqWindow] == check {
			return orderCopy, 0
		}
		return orderFree, 0
	case ahead <= maxGap+1:
		return orderNext, ahead
	case behind >= seqWindow:
		return orderFresh, 0
	case st.Seen>>behind&1 == 0:
		return orderLate, ahead
	case st.Checks[seq%seqWindow] == check:
		return orderCopy, ahead
	}
	return orderFresh, 0
}

// steady says whether the stream's numbers have followed each other for a while, or since its beginning: where two send
// over one stream, each of them seems to begin anew all the time.
func (st *StreamState) steady() bool {
	const lately, enough = 0xFFFF, 8
	return bits.OnesCount64(st.Seen&lately) >= enough || st.Frames == uint64(bits.OnesCount64(st.Seen))
}

// take counts a frame that judge has passed.
func (st *StreamState) take(o order, ahead, seq uint8, check uint16, at int64) {
	st.Heard = at
	switch o {
	case orderCopy:
		st.Duplicates++
		return
	case orderNext:
		missing := ahead - 1
		st.Lost += uint64(missing)
		st.Seq, st.Seen = seq, st.Seen<<ahead|1
		st.Gone = st.Gone<<ahead | (1<<missing-1)<<1
	case orderLate:
		bit := uint64(1) << -ahead
		st.OutOfOrder++
		st.Seen |= bit
		if st.Gone&bit != 0 {
			st.Gone &^= bit
			st.Lost--
		}
	case orderFresh:
		st.Counting, st.Seq, st.Seen, st.Gone = true, seq, 1, 0
	case orderFree:
	}
	st.Checks[seq%seqWindow] = check
	st.Frames++
}

// lateMS is how far behind a stream must be that has nothing to say of the present beside a quicker one.
const lateMS = 1_000

// overtaken says whether a message that does not say of when it is came by a stream that lags while a quicker one has
// told the same lately: it would take the vehicle's state back to what it was.
func (s *TrackState) overtaken(fr *Frame) bool {
	const lately, beat = 5_000_000, 2_000_000
	switch fr.MsgID {
	case idHeartbeat:
		return fresh(fr.At, s.Vehicle.Heard, beat)
	case idExtendedSysState:
		return fresh(fr.At, s.Vehicle.LandedAt, lately)
	case idGPSRawInt:
		return fresh(fr.At, s.Position.GPSAt, lately)
	case idEKFStatusReport, idEstimatorStatus:
		return fresh(fr.At, s.Position.EstimatorAt, lately)
	}
	return false
}

// stream finds the stream of a component that comes from o, nil where there is none yet; beside tells that another one
// of the component is alive.
func (s *TrackState) stream(comp uint8, o *SpeakerState, at int64) (st *StreamState, beside bool) {
	for i := range s.Streams {
		switch t := &s.Streams[i]; {
		case t.Component != comp:
		case t.comesFrom(o):
			st = t
		case at-t.Heard <= liveFor:
			beside = true
		}
	}
	return st, beside
}

// comesFrom says whether the stream comes from o. Empty words are not worth a comparison.
func (st *StreamState) comesFrom(o *SpeakerState) bool {
	return len(st.Link) == len(o.Link) && len(st.Address) == len(o.Address) &&
		(len(o.Link) == 0 || st.Link == o.Link) && (len(o.Address) == 0 || st.Address == o.Address)
}

// newStream adds a stream. It is valid until the next one is added.
func (s *TrackState) newStream(st StreamState) *StreamState {
	if len(s.Streams) < maxStreams {
		s.Streams = append(s.Streams, st)
		return &s.Streams[len(s.Streams)-1]
	}
	oldest := s.oldestStream()
	s.Folded = nil // it names streams by their places
	s.Streams[oldest] = st
	return &s.Streams[oldest]
}

// oldestStream is the place of the stream that was heard longest ago.
func (s *TrackState) oldestStream() (oldest int) {
	for i := range s.Streams {
		if s.Streams[i].Heard < s.Streams[oldest].Heard {
			oldest = i
		}
	}
	return oldest
}

// resume makes st go on where the same stream, as another track had it, stands now.
func (st *StreamState) resume(other *StreamState) {
	frames, lost, duplicates, late, since := st.Frames, st.Lost, st.Duplicates, st.OutOfOrder, st.Since
	*st = *other
	st.Since = min(st.Since, since)
	st.Frames += frames
	st.Lost += lost
	st.Duplicates += duplicates
	st.OutOfOrder += late
}

// FoldedState is a frame that has been folded while its component was heard over several streams.
type FoldedState struct {
	Hash   uint64 `json:"hash"` // of what the frame says, see content
	At     int64  `json:"at"`
	Stream uint8  `json:"stream"` // its place in TrackState.Streams
}

const (
	// copyWindow is how long after a frame another stream's of the same content is a copy of it. Routers that find
	// copies do so within less than a second, for heartbeats say the same each second (mavlink-router,
	// DeDuplicationPeriod).
	copyWindow = 800_000
	maxFolded  = 64
)

// copied says whether what a frame says was folded lately from another stream, and remembers it where it was not. The
// sequence number and the signature differ between copies; the content does not. A command is none: whether it is heeded
// hangs on the link that it came over, and whoever sent it waits for an answer.
func (s *TrackState) copied(fr *Frame, p []byte, st *StreamState, signed bool) bool {
	if fr.MsgID == idCommandInt || fr.MsgID == idCommandLong {
		return false
	}
	hash, place := content(fr, p), uint8(0)
	if signed {
		hash++ // no copy of an unsigned one: it is worth more
	}
	for i := range s.Streams {
		if &s.Streams[i] == st {
			place = uint8(i)
		}
	}
	// A copy is mostly close behind: newest first, and no further back than one can be.
	for n, i := len(s.Folded), s.newestFolded(); n > 0; n-- {
		c := &s.Folded[i]
		if fr.At-c.At > copyWindow {
			break
		}
		if c.Hash == hash && c.Stream != place {
			return true
		}
		if i--; i < 0 {
			i = len(s.Folded) - 1
		}
	}
	c := FoldedState{Hash: hash, At: fr.At, Stream: place}
	if len(s.Folded) < maxFolded {
		s.Folded, s.Oldest = append(s.Folded, c), 0
	} else {
		s.Folded[s.Oldest%maxFolded] = c
		s.Oldest = (s.Oldest + 1) % maxFolded
	}
	return false
}

// newestFolded is the place of the newest frame in s.Folded.
func (s *TrackState) newestFolded() int {
	if len(s.Folded) < maxFolded || s.Oldest%maxFolded == 0 {
		return len(s.Folded) - 1
	}
	return int(s.Oldest%maxFolded) - 1
}

// content is a hash of what a frame says: component, message and payload, without the zeros at its end that MAVLink 2
// leaves out and MAVLink 1 does not.
func content(fr *Frame, p []byte) uint64 {
	for len(p) > 0 && p[len(p)-1] == 0 {
		p = p[:len(p)-1]
	}
	const odd = 0x9E37_79B9_7F4A_7C15
	h := (uint64(fr.MsgID)<<16 | uint64(fr.CompID)<<8 | uint64(len(p))) * odd
	for len(p) >= 8 {
		h = (bits.RotateLeft64(h, 29) ^ u64(p, 0)) * odd
		p = p[8:]
	}
	if len(p) > 0 {
		var rest [8]byte
		copy(rest[:], p)
		h = (bits.RotateLeft64(h, 29) ^ u64(rest[:], 0)) * odd
	}
	return h ^ h>>32
}
