package link

import (
	"net/netip"

	"riverwatch/mavlink"
)

// setupSigning carries a vehicle's secret key. It is never kept.
const setupSigning = 256

// source is one sender as a reader sees it: a peer's address on a UDP socket, a TCP connection, a serial port while it
// is open. It belongs to the goroutine that reads.
type source struct {
	line    *line
	address string         // "ip:port" or a device
	from    netip.AddrPort // the same, plain; not valid of a device
	split   mavlink.Splitter
	stamp   int64 // of the newest read
	tally   tally

	origin  *origin // as last looked up, under the queue's lock
	renewal uint64
	emit    func(raw []byte, v mavlink.Verdict)

	frames   []gathered // for the queue, which takes them together
	fleeting bool       // they must be taken one by one: their bytes do not last for the whole read
}

func newSource(ln *line, address string) *source {
	s := &source{}
	s.emit = s.take
	s.begin(ln, address)
	return s
}

// reuse makes s a source that has sent nothing yet, and keeps its memory.
func (s *source) reuse(address string) {
	ln, emit, frames := s.line, s.emit, s.frames
	*s = source{emit: emit, frames: frames}
	s.begin(ln, address)
}

func (s *source) begin(ln *line, address string) {
	s.line, s.address = ln, address
	if from, err := netip.ParseAddrPort(address); err == nil {
		s.from = netip.AddrPortFrom(plain(from.Addr()), from.Port())
	}
}

// tailAge is how long bytes whose frame is not complete, or may not be one, are held back.
const tailAge = second

// datagram takes one datagram that was read at stamp.
func (s *source) datagram(b []byte, stamp int64) {
	s.tick(stamp)
	s.stamp = stamp
	s.reading(func() { s.split.Datagram(b, s.emit) })
}

// stream takes the bytes of one read at stamp.
func (s *source) stream(b []byte, stamp int64) {
	s.stamp = stamp
	s.reading(func() { s.split.Feed(b, s.emit) })
}

// tick gives up on held bytes that nothing has followed for a second, and lets go of frames hidden in them.
func (s *source) tick(now int64) {
	if s.split.Holding() && now-s.stamp > tailAge {
		s.end()
	}
}

// end takes what the splitter still holds, under the stamp of its read.
func (s *source) end() {
	s.reading(func() { s.split.Flush(s.emit) })
}

// reading takes in frames by one configuration.
func (s *source) reading(split func()) {
	ids := s.line.l.identities
	ids.reading.RLock()
	s.fleeting = s.split.Holding() // frames that end what was held lie where the next will be held
	split()
	s.offer()
	ids.reading.RUnlock()
	s.count()
}

// gatheredMost is how many frames are offered to the queue at once.
const gatheredMost = 64

func (s *source) offer() {
	if len(s.frames) > 0 {
		s.line.l.queue.offer(s, s.frames, &s.tally)
		s.frames = s.frames[:0]
	}
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
	s.line.counters.add(&s.tally, s.address, s.stamp)
}

// take judges one frame whose checksum holds, or whose id nobody knows. Nothing is learnt from one that is refused.
func (s *source) take(raw []byte, v mavlink.Verdict) {
	f := mavlink.Parse(raw)
	known := v == mavlink.Good
	l := s.line.l
	var r reason
	switch {
	case f.MsgID == setupSigning:
		r = secret
	case f.SysID == l.queue.id.System && f.CompID == l.queue.id.Component:
		r = ownID
	default:
		r = l.identities.admit(s, &f)
	}
	if r != admitted {
		s.tally.by[r]++
		s.tally.system[r] = f.SysID
		return
	}
	if known {
		s.tally.frames++
		s.line.listen(s, &f)
	} else {
		s.tally.by[unknownID]++
	}
	s.frames = append(s.frames, gathered{f, known})
	if s.fleeting || len(s.frames) == gatheredMost {
		s.offer()
	}
}
