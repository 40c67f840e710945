package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"go.uber.org/zap"
)

const (
	maxClients  = 32 // of one tcp_listen
	dialTimeout = 5 * time.Second
	streamBytes = 64 << 10 // of one read
)

// keepAlive finds a peer that is gone without a word within half a minute. The probes are TCP's own: no byte is
// written.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}

var errPinned = errors.New("the peer is in none of the networks of allow")

// serveTCP connects and reads until the connection ends.
func (ln *line) serveTCP(ctx context.Context) error {
	d := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive}
	conn, err := d.DialContext(ctx, "tcp", ln.where)
	if err != nil {
		return err
	}
	defer conn.Close()
	if !ln.allows(remote(conn).Addr()) {
		ln.counters.blame(pinned, 1, culprit{at: ln.l.clock.stamp(), from: remote(conn)})
		return fmt.Errorf("connect to %s: %w", conn.RemoteAddr(), errPinned)
	}
	ln.setUp(remote(conn).String())
	ln.sources.Add(1)
	return ln.readConn(ctx, conn)
}

// serveTCPListen takes connections until the listener breaks. Those that are there live on, also while it is opened
// again.
func (ln *line) serveTCPListen(ctx context.Context) error {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	at, err := lc.Listen(ctx, "tcp"+family(ln.bindAddress()), ln.bindAddress())
	if err != nil {
		return bindHint(err)
	}
	defer at.Close()
	forget := context.AfterFunc(ctx, func() { at.Close() })
	defer forget()
	ln.bound = at.Addr().String()
	ln.setUp(ln.bound)
	for {
		conn, err := at.Accept()
		if err != nil {
			return err
		}
		switch {
		case !ln.allows(remote(conn).Addr()):
			ln.counters.blame(pinned, 1, culprit{at: ln.l.clock.stamp(), from: remote(conn)})
			conn.Close()
		case ln.sources.Load() >= maxClients:
			conn.Close()
			if ln.seldom() {
				ln.l.log.Warn("client refused: the link has 32 already", zap.String("link", ln.cfg.Name), zap.Stringer("client", conn.RemoteAddr()))
			}
		default:
			ln.sources.Add(1)
			ln.clients.Go(func() {
				defer conn.Close()
				err := ln.readConn(ctx, conn)
				ln.l.log.Debug("client gone", zap.String("link", ln.cfg.Name), zap.Stringer("client", conn.RemoteAddr()), zap.Error(err))
			})
		}
	}
}

// readConn reads one connection, which the caller has counted as a source, to its end.
func (ln *line) readConn(ctx context.Context, conn net.Conn) error {
	forget := context.AfterFunc(ctx, func() { conn.Close() })
	defer forget()
	shut := ln.openOutlet(remote(conn).String(), func(p parcel) error {
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		_, err := conn.Write(p.raw)
		return err
	})
	defer shut()
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	err := ln.readStream(ctx, pausing{conn}, remote(conn).String())
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s has closed the connection", conn.RemoteAddr())
	}
	return err
}

// readStream reads r, whose Read may return nothing now and then, until it fails or ctx ends. The
// caller has counted it as a source.
func (ln *line) readStream(ctx context.Context, r io.Reader, address string) error {
	defer ln.sources.Add(-1)
	src := newSource(ln, address)
	defer src.end()
	buf := make([]byte, streamBytes)
	for {
		n, err := r.Read(buf)
		stamp := ln.l.clock.stamp()
		if n > 0 {
			src.stream(buf[:n], stamp)
		} else {
			src.tick(stamp)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// pausing reads a connection that may be silent: nothing comes of a read once a second.
type pausing struct{ net.Conn }

func (c pausing) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.SetReadDeadline(time.Now().Add(time.Second))
	}
	return n, err
}

func remote(conn net.Conn) netip.AddrPort {
	a, _ := conn.RemoteAddr().(*net.TCPAddr)
	from := a.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
