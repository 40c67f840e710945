package link

import (
	"riverwatch/mavlink"
)

// setupSigning carries a vehicle's secret key. It is never kept.
const setupSigning = 256

// source is one sender as a reader sees it: a peer's address on a UDP socket, a TCP connection, a serial port while it
// is open. It belongs to the goroutine that reads.
type source struct {
	line    *line
	address string // "ip:port" or a device
	split   mavlink.Splitter
	stamp   int64 // of the newest read
	tally   tally

	origin  *origin // as last looked up, under the queue's lock
	renewal uint64
	emit    func(raw []byte, v mavlink.Verdict)
}

func newSource(ln *line, address string) *source {
	s := &source{line: ln, address: address}
	s.emit = s.take
	return s
}

// reuse makes s a source that has sent nothing yet, and keeps its memory.
func (s *source) reuse(address string) {
	*s = source{line: s.line, address: address, emit: s.emit}
}

// tailAge is how long bytes whose frame is not complete, or may not be one, are held back.
const tailAge = second

// datagram takes one datagram that was read at stamp.
func (s *source) datagram(b []byte, stamp int64) {
	s.tick(stamp)
	s.stamp = stamp
	s.split.Datagram(b, s.emit)
	s.count()
}

// stream takes the bytes of one read at stamp.
func (s *source) stream(b []byte, stamp int64) {
	s.stamp = stamp
	s.split.Feed(b, s.emit)
	s.count()
}

// tick gives up on held bytes that nothing has followed for a second, and lets go of frames hidden in them.
func (s *source) tick(now int64) {
	if s.split.Holding() && now-s.stamp > tailAge {
		s.end()
	}
}

// end takes what the splitter still holds, under the stamp of its read.
func (s *source) end() {
	s.split.Flush(s.emit)
	s.count()
}

// count adds what was met to the link's counters.
func (s *source) count() {
	t := &s.split.Tally
	s.tally.skipped += t.SkippedBytes
	s.tally.by[badCRC] += t.BadCRC
	s.tally.by[version] += t.BadVersion
	s.tally.by[truncated] += t.Truncated
	s.tally.by[oversize] += t.Oversize
	*t = mavlink.Tally{}
	s.line.counters.add(&s.tally)
}

// take judges one frame whose checksum holds, or whose id nobody knows.
func (s *source) take(raw []byte, v mavlink.Verdict) {
	f := mavlink.Parse(raw)
	known := v == mavlink.Good
	q := s.line.l.queue
	switch {
	case f.MsgID == setupSigning:
		s.tally.by[secret]++
		return
	case f.SysID == q.id.System && f.CompID == q.id.Component:
		s.tally.by[ownID]++
		return
	case known:
		s.tally.frames++
	default:
		s.tally.by[unknownID]++
	}
	if r := q.offer(s, &f, known); r != admitted {
		s.tally.by[r]++
	}
}
