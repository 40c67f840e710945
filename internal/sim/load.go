package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// Load is traffic put on the wire by the clock of a measurement instead of its own: so many datagrams a second, no
// matter how many that are of which vehicle. The vehicles speak in turn, each for one datagram of its next frames, to
// the address that is theirs: vehicle 1 to the first, vehicle 2 to the second, and so round.
//
// It is for measurements on one machine: the addresses are on the loopback, and there is an end.
type Load struct {
	Traffic   Traffic  // its Length does not count
	To        []string // UDP addresses of 127.0.0.0/8, one or more
	PerSecond int      // datagrams, over all addresses
	Frames    int      // in a datagram, all of one vehicle; 0 means 1
	Datagrams int      // after which it ends
}

// Bounds of a load.
const (
	maxDatagrams    = 100_000_000
	maxInDatagram   = 200 // frames
	datagramsAWrite = 64
)

// Sent is what became of a load.
type Sent struct {
	Datagrams int           `json:"datagrams"`
	Took      time.Duration `json:"took"` // from the first to the last
	// Behind is how far the sender was behind its clock at the worst: it then sends as fast as it can.
	Behind time.Duration `json:"behind"`
}

// PerSecond is how many datagrams were sent a second.
func (s Sent) PerSecond() float64 { return float64(s.Datagrams) / s.Took.Seconds() }

// Check returns all that is wrong with l, nil if it can be sent.
func (l Load) Check() error {
	wrong := []error{l.Traffic.Check()}
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if len(l.To) == 0 {
		note("no address: give one or more")
	}
	for _, to := range l.To {
		if at, err := netip.ParseAddrPort(to); err != nil || !at.Addr().Is4() || !at.Addr().IsLoopback() {
			note("address %q: give one of 127.0.0.0/8, with its port: a load does not leave the machine", to)
		}
	}
	if l.PerSecond < 1 || l.PerSecond > 10_000_000 {
		note("%d datagrams a second: give 1 to 10000000", l.PerSecond)
	}
	if l.Frames < 0 || l.Frames > maxInDatagram {
		note("%d frames a datagram: give 1 to %d", l.Frames, maxInDatagram)
	}
	if l.Datagrams < 1 || l.Datagrams > maxDatagrams {
		note("%d datagrams: give 1 to %d", l.Datagrams, maxDatagrams)
	}
	return errors.Join(wrong...)
}

// vehicle is whose frames datagram d holds, from number n on.
func (l *Load) vehicle(d int) (v int, n int64) {
	return d % l.Traffic.Vehicles, int64(d/l.Traffic.Vehicles) * int64(l.frames())
}

func (l *Load) frames() int { return max(l.Frames, 1) }

// sentOf is how many frames of vehicle v are in the first so many datagrams.
func (l *Load) sentOf(v, datagrams int) int64 {
	return int64((datagrams+l.Traffic.Vehicles-1-v)/l.Traffic.Vehicles) * int64(l.frames())
}

// Send sends all of l, or what it can until ctx ends. Nobody has to listen.
func (l Load) Send(ctx context.Context) (Sent, error) {
	if err := l.Check(); err != nil {
		return Sent{}, fmt.Errorf("load: %w", err)
	}
	var outs []*out
	defer func() {
		for _, o := range outs {
			_ = o.conn.Close() // nothing is buffered in a UDP socket that could still fail
		}
	}()
	for _, to := range l.To {
		// A connected socket saves the kernel a look at its routes for each datagram.
		conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
		if err != nil {
			return Sent{}, fmt.Errorf("load: %w", err)
		}
		outs = append(outs, newOut(conn))
	}
	return l.send(ctx, outs)
}

// out is one socket with the datagrams that are to leave by it next.
type out struct {
	conn     *net.UDPConn
	batch    *ipv4.PacketConn
	messages []ipv4.Message
	n        int
}

func newOut(conn *net.UDPConn) *out {
	o := &out{conn: conn, batch: ipv4.NewPacketConn(conn), messages: make([]ipv4.Message, datagramsAWrite)}
	for i := range o.messages {
		o.messages[i] = ipv4.Message{Buffers: [][]byte{nil}}
	}
	return o
}

func (o *out) flush() error {
	for done := 0; done < o.n; {
		n, err := o.batch.WriteBatch(o.messages[done:o.n], 0)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED): // an earlier datagram found nobody
			n = max(n, 0)
		case err != nil:
			return err
		}
		done += n
	}
	o.n = 0
	return nil
}

// breath is how long a sender that has nothing due lets the others have the processor.
const breath = 200 * time.Microsecond

func (l *Load) send(ctx context.Context, outs []*out) (s Sent, err error) {
	stream := newStream(l.Traffic)
	begun := time.Now()
	for s.Datagrams < l.Datagrams {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		s.Took = time.Since(begun)
		due := min(l.Datagrams, 1+int(s.Took.Seconds()*float64(l.PerSecond)))
		if due <= s.Datagrams {
			time.Sleep(breath)
			continue
		}
		s.Behind = max(s.Behind, s.Took-time.Duration(float64(s.Datagrams)/float64(l.PerSecond)*float64(time.Second)))
		due = min(due, s.Datagrams+datagramsAWrite*len(outs)) // more is looked at after the next look at the clock
		for ; s.Datagrams < due; s.Datagrams++ {
			v, n := l.vehicle(s.Datagrams)
			o := outs[v%len(outs)]
			buf := &o.messages[o.n].Buffers[0]
			*buf = (*buf)[:0]
			for i := range l.frames() {
				*buf = stream.frame(*buf, v, n+int64(i))
			}
			if o.n++; o.n == len(o.messages) {
				if err := o.flush(); err != nil {
					return s, fmt.Errorf("load: %w", err)
				}
			}
		}
		for _, o := range outs {
			if err := o.flush(); err != nil {
				return s, fmt.Errorf("load: %w", err)
			}
		}
	}
	s.Took = time.Since(begun)
	return s, nil
}

// SendAsAsked reads a Load in JSON, sends it and writes what was Sent: for a process of its own, which shares no
// runtime with what it loads.
func SendAsAsked(ctx context.Context, in io.Reader, out io.Writer) error {
	var l Load
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	sent, err := l.Send(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(sent)
}
