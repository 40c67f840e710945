//go:build !linux

package link

import (
	"net"
	"net/netip"
)

// datagrams reads one datagram at a time.
type datagrams struct {
	conn   *net.UDPConn
	buffer []byte
	n      int
	from   netip.AddrPort
}

func newDatagrams(conn *net.UDPConn) *datagrams {
	return &datagrams{conn: conn, buffer: make([]byte, datagramBytes)}
}

func (d *datagrams) read() (int, error) {
	var err error
	if d.n, d.from, err = d.conn.ReadFromUDPAddrPort(d.buffer); err != nil {
		return 0, err
	}
	return 1, nil
}

func (d *datagrams) at(int) ([]byte, netip.AddrPort) { return d.buffer[:d.n], d.from }

// grantedBuffer is not known here.
func grantedBuffer(*net.UDPConn) int64 { return 0 }

// kernelDrops is Linux's: elsewhere what the kernel throws away is not counted.
type kernelDrops struct{}

func newKernelDrops(*net.UDPConn) *kernelDrops { return &kernelDrops{} }

func (*kernelDrops) more() uint64 { return 0 }
