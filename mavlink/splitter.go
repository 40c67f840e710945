package mavlink

// MaxDatagram is the longest datagram that a Splitter takes, in bytes: what UDP can say of its own length.
const MaxDatagram = 65535

// lookahead is how far a Splitter must see behind a start byte to decide on it: its frame, and the one behind it that
// bears out where a frame of an unknown id ends.
const lookahead = 2 * MaxFrame

// Tally counts what a Splitter has met. A frame counts once, under one reason; the bytes of counted frames are not
// among the skipped ones.
type Tally struct {
	Frames       uint64 // the CRC holds: emitted
	Unknown      uint64 // ids outside the dialect: emitted as UnknownID
	BadCRC       uint64 // the CRC does not hold
	BadVersion   uint64 // the CRC holds or the end is believable, but flags are set that no one knows
	Truncated    uint64 // a frame's beginning whose rest never came
	Oversize     uint64 // datagrams longer than MaxDatagram, refused whole
	SkippedBytes uint64 // bytes that belong to no frame
}

// Splitter finds the frames in what one source sends: call Feed for a stream (TCP, serial), Datagram for datagrams,
// never both. Its zero value is ready. It emits frames whose CRC holds (Good) and those of unknown ids whose end is
// believable (UnknownID); everything else is counted in Tally. raw is valid during the call of emit only.
//
// A start byte begins a frame where the CRC holds. Where it does not, one byte is skipped and the rest looked at again,
// so that garbage, a damaged frame or a false start byte hides no frame behind or inside it. Such a damaged frame is
// counted, once, where it stands right behind another or at the beginning of a datagram, or where it ends at the end of
// what came or before a start byte; elsewhere a start byte is garbage like its neighbours.
//
// What is decided in a stream does not depend on how it was cut into reads. A Splitter holds less than 600 bytes.
type Splitter struct {
	Tally Tally

	// held is the beginning of something that cannot be decided on yet.
	held []byte
	// unsure is true behind skipped bytes: the next start byte does not stand where a frame must begin.
	unsure bool
	// damaged is the number of bytes ahead that belong to a frame counted as damaged; sound says whether another is to
	// begin behind them.
	damaged int
	sound   bool
}

// ending says what is known of the bytes behind those at hand.
type ending uint8

const (
	endOpen     ending = iota // a stream: more may follow at once
	endDatagram               // nothing follows, but a frame may be cut and go on in the next datagram
	endFinal                  // nothing follows
)

// Feed takes the next bytes of a stream.
func (s *Splitter) Feed(b []byte, emit func(raw []byte, v Verdict)) {
	if len(s.held) > 0 {
		// What begins in the held bytes is decided in a copy; from there on no byte is copied.
		held := len(s.held)
		s.held = append(s.held, b[:min(len(b), lookahead)]...)
		n := s.scan(s.held, held, endOpen, emit)
		if n < held {
			s.held = s.held[:copy(s.held, s.held[n:])]
			return
		}
		s.held = s.held[:0]
		b = b[n-held:]
	}
	n := s.scan(b, len(b), endOpen, emit)
	s.hold(b[n:])
}

// Datagram takes one datagram: every frame in it, and the one that began at the end of the datagram before it where the
// joined frame's CRC holds. A caller that knows the time calls Flush first where that datagram is more than 1 s old.
func (s *Splitter) Datagram(b []byte, emit func(raw []byte, v Verdict)) {
	if len(b) == 0 {
		return
	}
	if len(b) > MaxDatagram {
		s.Tally.Oversize++
		return
	}
	if len(s.held) > 0 {
		n, wait := s.join(b, emit)
		if wait {
			return
		}
		b = b[n:]
	} else {
		s.boundary()
	}
	n := s.scan(b, len(b), endDatagram, emit)
	s.hold(b[n:])
}

// Flush gives up waiting for what is to follow held bytes: at the end of a stream, or when it has been silent for a
// second; and where the datagram before is more than a second old. Frames that a false beginning hid are emitted.
func (s *Splitter) Flush(emit func(raw []byte, v Verdict)) {
	s.scan(s.held, len(s.held), endFinal, emit)
	s.held = s.held[:0]
	s.boundary()
}

// Holding reports whether bytes are held back, so that Flush would do something.
func (s *Splitter) Holding() bool { return len(s.held) > 0 }

func (s *Splitter) hold(b []byte) {
	if len(b) == 0 {
		return
	}
	if s.held == nil {
		s.held = make([]byte, 0, 2*lookahead)
	}
	s.held = append(s.held[:0], b...)
}

// boundary notes that a frame may well begin here.
func (s *Splitter) boundary() { s.unsure, s.damaged = false, 0 }

// scan decides on everything that begins in b[:limit] and returns where it stopped: at limit or behind it, or before it
// where what follows b must be seen first.
func (s *Splitter) scan(b []byte, limit int, end ending, emit func([]byte, Verdict)) int {
	d := knownDialect()
	at := 0
	for at < limit {
		rest := b[at:]
		if rest[0] != startV2 && rest[0] != startV1 {
			n := nextStart(rest[:limit-at])
			s.skip(n)
			at += n
			continue
		}
		n, ok := FrameLen(rest)
		if !ok || n > len(rest) {
			if end == endOpen || end == endDatagram && d.mayJoin(rest) && !d.anyFrame(rest[1:]) {
				return at
			}
			s.truncated(len(rest))
			at++
			continue
		}
		raw := rest[:n:n]
		v := d.check(raw)
		switch {
		case v == Good:
			s.Tally.Frames++
		case v == BadCRC:
			if len(rest) == n && end == endOpen && s.damaged == 0 {
				return at // what follows is to say whether its end is believable
			}
			s.badCRC(n, len(rest) == n || isStart(rest[n]))
			at++
			continue
		default:
			yes, decided := d.believable(v, raw, rest[n:], end)
			switch {
			case !decided:
				return at
			case !yes, s.damaged > 0 && s.sound:
				s.skip(1)
				at++
				continue
			case v == UnknownID:
				s.Tally.Unknown++
			default:
				s.Tally.BadVersion++
			}
		}
		s.boundary()
		if v != BadVersion {
			emit(raw, v)
		}
		at += n
	}
	return at
}

// skip passes over n bytes: what is left of a damaged frame first.
func (s *Splitter) skip(n int) {
	if s.damaged > 0 {
		k := min(n, s.damaged)
		s.damaged -= k
		s.unsure = s.damaged > 0 || !s.sound
		n -= k
	}
	if n > 0 {
		s.Tally.SkippedBytes += uint64(n)
		s.unsure = true
	}
}

// badCRC passes over the start byte of n bytes that look like a frame but for their CRC.
func (s *Splitter) badCRC(n int, believable bool) {
	if s.damaged == 0 && (believable || !s.unsure) {
		s.Tally.BadCRC++
		s.damaged, s.sound = n, believable
	}
	s.skip(1)
}

// truncated passes over the start byte of n bytes that may be the beginning of a frame, whose rest will not come.
func (s *Splitter) truncated(n int) {
	if s.damaged == 0 && !s.unsure {
		s.Tally.Truncated++
		s.damaged, s.sound = n, false
	}
	s.skip(1)
}

// join completes a frame that began in the held end of the datagram before with the first used bytes of b. wait: b
// is the middle of it, and held as well.
func (s *Splitter) join(b []byte, emit func([]byte, Verdict)) (used int, wait bool) {
	d := knownDialect()
	held := len(s.held)
	s.held = append(s.held, b[:min(len(b), MaxFrame)]...)
	both := s.held
	s.held = s.held[:0]
	cut := -1
	for at := 0; at < held; at += 1 + nextStart(both[at+1:held]) {
		n, ok := FrameLen(both[at:])
		if !ok || at+n > len(both) {
			if cut < 0 && d.mayJoin(both[at:]) {
				cut = at
			}
			continue
		}
		raw := both[at : at+n : at+n]
		if at+n > held && d.check(raw) == Good {
			s.scan(both[:at], at, endFinal, emit)
			s.boundary()
			s.Tally.Frames++
			emit(raw, Good)
			return at + n - held, false
		}
	}
	if cut >= 0 && !isStart(b[0]) && !d.anyFrame(b) {
		s.scan(both[:cut], cut, endFinal, emit)
		s.held = both[:copy(both, both[cut:])]
		return 0, true
	}
	s.scan(both[:held], held, endFinal, emit)
	s.boundary()
	return 0, false
}

// mayJoin reports whether more bytes could complete b to a frame whose CRC can be checked.
func (d *dialect) mayJoin(b []byte) bool {
	need := headerV2
	if b[0] == startV1 {
		need = headerV1
	}
	if len(b) < need {
		return true
	}
	id, _ := header(b)
	return d.lookup(id).known()
}

// anyFrame reports whether a frame that verifies lies anywhere in b.
func (d *dialect) anyFrame(b []byte) bool {
	for at := nextStart(b); at < len(b); at += 1 + nextStart(b[at+1:]) {
		if n, ok := FrameLen(b[at:]); ok && at+n <= len(b) && d.check(b[at:at+n]) == Good {
			return true
		}
	}
	return false
}

// believable reports whether raw, a frame whose CRC cannot be checked or whose flags are unknown, is one: where its CRC
// holds all the same, or where it ends with what was sent or before a frame that verifies, and hides none: a false start
// byte, or one whose frame has lost bytes, ends before a true one often enough.
func (d *dialect) believable(v Verdict, raw, after []byte, end ending) (yes, decided bool) {
	if id, _ := header(raw); v == BadVersion && d.lookup(id).known() {
		return true, true
	}
	if len(after) == 0 {
		return end != endOpen && !d.anyFrame(raw[1:]), end != endOpen
	}
	if !isStart(after[0]) {
		return false, true
	}
	n, ok := FrameLen(after)
	if !ok || n > len(after) {
		return false, end != endOpen
	}
	return d.check(after[:n]) == Good && !d.anyFrame(raw[1:]), true
}

func isStart(x byte) bool { return x == startV1 || x == startV2 }

// nextStart is the index of the first start byte in b, or len(b).
func nextStart(b []byte) int {
	for i, x := range b {
		if isStart(x) {
			return i
		}
	}
	return len(b)
}
