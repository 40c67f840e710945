package link

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	batchSize     = 32      // datagrams of one read
	datagramBytes = 65535   // the largest there is
	bufferAsked   = 4 << 20 // SO_RCVBUF, bytes: some seconds of a busy field
	maxPeers      = 64      // sources of one socket that are told apart at a time
	peerAge       = 60 * second
)

// serveUDP listens until the socket breaks or ctx ends.
func (ln *line) serveUDP(ctx context.Context) error {
	conn, err := listenUDP(ln.bindAddress())
	if err != nil {
		return bindHint(err)
	}
	defer func() { _ = conn.Close() }()
	// Not a Close: the goroutine that reads is to find the socket's last counts still there.
	forget := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer forget()
	ln.bound = conn.LocalAddr().String()
	if err := conn.SetReadBuffer(bufferAsked); err != nil {
		return fmt.Errorf("size the receive buffer of %s: %w", ln.bound, err)
	}
	granted := grantedBuffer(conn)
	ln.buffer.Store(granted)
	if granted > 0 && granted < bufferAsked {
		ln.l.log.Warn("the kernel grants a smaller receive buffer: bursts may be lost; raise net.core.rmem_max",
			zap.String("link", ln.cfg.Name), zap.Int64("asked", bufferAsked), zap.Int64("granted", granted))
	}
	drops := newKernelDrops(conn)
	defer func() { ln.countDrops(drops) }()
	shut := ln.openOutlet("", func(p parcel) error {
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		_, err := conn.WriteToUDPAddrPort(p.raw, p.to)
		return err
	})
	defer shut()
	ln.setUp(ln.bound)
	return ln.readDatagrams(ctx, conn, drops)
}

// readDatagrams reads until the socket breaks. Once a second the deadline passes, whether anything comes or not.
func (ln *line) readDatagrams(ctx context.Context, conn *net.UDPConn, drops *kernelDrops) error {
	in := newDatagrams(conn)
	peers := peers{line: ln, by: map[netip.AddrPort]*source{}}
	defer peers.sweep(math.MaxInt64)
	for deadline := true; ; {
		if deadline {
			if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil { // it may have ended before the line above, which then undid its sign
				return err
			}
		}
		n, err := in.read()
		stamp := ln.l.clock.stamp()
		switch deadline = errors.Is(err, os.ErrDeadlineExceeded); {
		case deadline:
			peers.sweep(stamp)
			ln.countDrops(drops)
			continue
		case err != nil:
			return err
		}
		var refused uint64
		var newest netip.AddrPort
		for i := range n {
			b, from := in.at(i)
			if !ln.allows(from.Addr()) {
				refused++
				newest = from
				continue
			}
			peers.of(from).datagram(b, stamp)
		}
		if refused > 0 {
			ln.counters.blame(pinned, refused, culprit{at: stamp, from: newest})
		}
	}
}

func (ln *line) countDrops(d *kernelDrops) {
	if n := d.more(); n > 0 {
		ln.counters.by[lostKernel].Add(n)
	}
}

// bindAddress is where to listen: as configured, but where it was before once a port 0 has become a port.
func (ln *line) bindAddress() string {
	if ln.bound != "" {
		return ln.bound
	}
	return ln.where
}

// listenUDP listens on IPv4 for an IPv4 address, on both for "[::]:port" and ":port", else on IPv6. (Left to itself,
// net.ListenUDP takes 0.0.0.0 for both.)
func listenUDP(address string) (*net.UDPConn, error) {
	network := "udp" + family(address)
	at, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP(network, at)
}

// family is the suffix that net's networks have for an address to listen on.
func family(address string) string {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip == netip.IPv6Unspecified(): // a name, or all of this machine's addresses
		return ""
	case ip.Is4():
		return "4"
	default:
		return "6"
	}
}

// bindHint adds what to do about an address that cannot be listened on.
func bindHint(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program listens there: stop it or give another port", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address: give one that it has, or 0.0.0.0 for all", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: ports under 1024 need privileges: give a higher one", err)
	}
	return err
}

// peers are the sources of one socket that are told apart: the 64 heard last, of the last minute. One that comes back
// later is its old self again but for the cut tail of a datagram.
type peers struct {
	line *line
	by   map[netip.AddrPort]*source
}

func (p *peers) of(addr netip.AddrPort) *source {
	if s := p.by[addr]; s != nil {
		return s
	}
	name := netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).String()
	var s *source
	if len(p.by) < maxPeers {
		s = newSource(p.line, name)
		p.line.sources.Add(1)
	} else {
		var oldest netip.AddrPort
		for a, o := range p.by {
			if s == nil || o.stamp < s.stamp {
				oldest, s = a, o
			}
		}
		s.end()
		delete(p.by, oldest)
		s.reuse(name)
	}
	p.by[addr] = s
	return s
}

// sweep forgets those that have not been heard for a minute.
func (p *peers) sweep(now int64) {
	for a, s := range p.by {
		s.tick(now)
		if now-s.stamp > peerAge {
			s.end()
			delete(p.by, a)
			p.line.sources.Add(-1)
		}
	}
}
