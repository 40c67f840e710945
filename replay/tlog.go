package replay

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"riverwatch/mavlink"
)

const (
	stampLen  = 8
	maxRecord = stampLen + mavlink.MaxFrame
	window    = 2*maxRecord + stampLen + 16 // a record, the one that confirms it, and room for a third header

	// endOfTime is 2100-01-01, µs: a later stamp is taken for bytes that are none. There is no lower bound but 1970,
	// because recorders without a clock count from there.
	endOfTime = 4102444800_000000

	year2000 = 946684800_000000

	secondUS = int64(time.Second / time.Microsecond)
	dayUS    = 24 * 3600 * secondUS

	msgSetupSigning = 256 // carries the secret key: never handed on
)

// FileStats is what reading one log has met so far. Frames, Bad and Unknown have no frame in common.
type FileStats struct {
	Path          string
	Frames        uint64 // verified
	Bad           uint64 // wrong CRC (or flags that no dialect knows) in a record of the right length: passed over
	Unknown       uint64 // ids outside the dialect: handed on, believed by nobody
	Secret        uint64 // SETUP_SIGNING frames, verified but passed over; they are among Frames
	SkippedBytes  uint64 // between records, no frame
	TrailingBytes uint64 // after the last record; known at the end of the file
	ClockSteps    uint64 // steps of a foreign clock that shifted the rest of the file
}

// scanner finds the records in a stream of bytes, in chunks, without copying them. It takes its place again after
// anything that is no record: a plausible stamp, a start byte and a CRC that holds make one.
type scanner struct {
	r     io.Reader
	pool  *pool
	chunk *chunk
	pos   int
	end   int
	eof   bool  // nothing more comes from r,
	err   error // because of this

	trusted bool // the log was written by a Recorder: what stands in line is a record, its stamp whatever it is
	stats   FileStats
	last    int64 // stamp of the last record
	any     bool  // there was one
	stray   int   // bytes since the last record that are no frame
	readSum int64 // bytes read from r
}

func newScanner(r io.Reader, p *pool) *scanner { return &scanner{r: r, pool: p} }

// next reads the next record that is verified or of an unknown id into f, with its stamp for the time: known says which.
// io.EOF after the last. Raw is valid as long as the chunk that it points into is held.
func (s *scanner) next(f *mavlink.Frame) (known bool, err error) {
	for {
		if s.end-s.pos < window && !s.eof {
			s.fill()
		}
		if s.end == s.pos {
			s.stats.TrailingBytes, s.stray = s.stats.TrailingBytes+uint64(s.stray), 0
			return false, s.err
		}
		b := s.chunk.buf[s.pos:s.end]
		stamp, ok := stampOf(b)
		if !ok {
			s.skip(b)
			continue
		}
		n, verdict := f.Read(b[stampLen:])
		// Right behind another record a CRC that holds is enough.
		if verdict == mavlink.Good && s.stray == 0 {
			s.pos += stampLen + n
			s.last, s.any = stamp, true
			s.stats.Frames++
			f.At = stamp
			return true, nil
		}
		if n == 0 || !s.believable(stamp, verdict, b[stampLen+n:]) {
			s.skip(b)
			continue
		}
		s.stats.SkippedBytes, s.stray = s.stats.SkippedBytes+uint64(s.stray), 0
		s.pos += stampLen + n
		s.last, s.any = stamp, true
		f.At = stamp
		switch verdict {
		case mavlink.Good:
			s.stats.Frames++
			return true, nil
		case mavlink.UnknownID:
			s.stats.Unknown++
			return false, nil
		default:
			s.stats.Bad++ // its length was right: the next record follows
		}
	}
}

// believable decides whether what looks like a record is one. Right behind another record a CRC that holds is enough.
// After stray bytes the eight bytes before a frame need not be its stamp, so they must fit the last one or be borne out
// by the next record. A frame that cannot be verified is believed where its end is.
func (s *scanner) believable(stamp int64, v mavlink.Verdict, after []byte) bool {
	inLine := s.stray == 0
	fits := s.any && near(stamp, s.last)
	if v == mavlink.Good {
		return inLine || fits || (!s.any && stamp >= year2000) || confirmed(stamp, after)
	}
	if s.trusted && inLine && v == mavlink.UnknownID {
		return true
	}
	return (inLine || fits) && headerFits(stamp, after)
}

// confirmed reports whether a verified record with a stamp near the given one follows.
func confirmed(stamp int64, after []byte) bool {
	next, ok := stampOf(after)
	if !ok || !near(next, stamp) {
		return false
	}
	n, ok := mavlink.FrameLen(after[stampLen:])
	return ok && stampLen+n <= len(after) && mavlink.Check(after[stampLen:stampLen+n]) == mavlink.Good
}

// skip passes over bytes that cannot begin a record, at least one.
func (s *scanner) skip(b []byte) {
	n := 1
	for n+stampLen < len(b) && b[n+stampLen] != startV1 && b[n+stampLen] != startV2 {
		n++
	}
	if n+stampLen >= len(b) && s.eof {
		n = len(b)
	}
	s.pos += n
	s.stray += n
}

// fill gets the next chunk and begins it with what is left of this one. After an error what came before it is still
// handed out.
func (s *scanner) fill() {
	next := s.pool.chunk()
	n := 0
	if s.chunk != nil {
		n = copy(next.buf, s.chunk.buf[s.pos:s.end])
		s.chunk.release()
	}
	s.chunk, s.pos, s.end = next, 0, n
	for empty := 0; s.end < len(next.buf); {
		m, err := s.r.Read(next.buf[s.end:])
		s.end += m
		s.readSum += int64(m)
		switch {
		case err == io.EOF:
			s.eof, s.err = true, err
			return
		case err != nil:
			s.eof, s.err = true, fmt.Errorf("read at byte %d: %w", s.readSum, err)
			return
		case m > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				s.eof, s.err = true, fmt.Errorf("read at byte %d: %w", s.readSum, io.ErrNoProgress)
				return
			}
		}
	}
}

// close gives the memory back; records handed out stay valid while their batches are held.
func (s *scanner) close() {
	if s.chunk != nil {
		s.chunk.release()
		s.chunk = nil
	}
	s.pos, s.end, s.eof, s.err = 0, 0, true, io.EOF
}

const (
	startV1 = 0xFE
	startV2 = 0xFD
)

// stampOf reads a plausible stamp that a start byte follows.
func stampOf(b []byte) (stamp int64, ok bool) {
	if len(b) <= stampLen || (b[stampLen] != startV1 && b[stampLen] != startV2) {
		return 0, false
	}
	u := binary.BigEndian.Uint64(b)
	return int64(u), u < endOfTime
}

// headerFits reports whether b begins with a stamp near the given one and a start byte, as far as it goes: a log may
// end within a record.
func headerFits(stamp int64, b []byte) bool {
	if len(b) > stampLen && b[stampLen] != startV1 && b[stampLen] != startV2 {
		return false
	}
	var lo, hi [stampLen]byte
	n := copy(lo[:], b)
	copy(hi[:], b)
	for i := n; i < stampLen; i++ {
		hi[i] = 0xFF
	}
	l, h := binary.BigEndian.Uint64(lo[:]), binary.BigEndian.Uint64(hi[:])
	return l <= uint64(stamp+dayUS) && h >= uint64(max(stamp-dayUS, 0))
}

// near says that two stamps may stand in one recording.
func near(a, b int64) bool { return a-b <= dayUS && b-a <= dayUS }

// appendRecord appends f as a record of a log.
func appendRecord(dst []byte, f *mavlink.Frame) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(f.At))
	return append(dst, f.Raw...)
}
