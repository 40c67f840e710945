package link

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// datagrams reads many datagrams in one system call. ipv4.PacketConn serves sockets of both families here: a batch is
// read by recvmmsg(2), and each address says its own family.
type datagrams struct {
	conn     *ipv4.PacketConn
	messages []ipv4.Message
}

func newDatagrams(conn *net.UDPConn) *datagrams {
	d := &datagrams{conn: ipv4.NewPacketConn(conn), messages: make([]ipv4.Message, batchSize)}
	memory := make([]byte, batchSize*datagramBytes) // pages that no datagram reaches are never touched
	for i := range d.messages {
		d.messages[i].Buffers = [][]byte{memory[i*datagramBytes : (i+1)*datagramBytes]}
	}
	return d
}

// read waits for at least one datagram and returns how many came.
func (d *datagrams) read() (int, error) { return d.conn.ReadBatch(d.messages, 0) }

// at is the i-th datagram of the last read, valid until the next.
func (d *datagrams) at(i int) ([]byte, netip.AddrPort) {
	m := &d.messages[i]
	from, _ := m.Addr.(*net.UDPAddr)
	return m.Buffers[0][:m.N], from.AddrPort()
}

// grantedBuffer is the receive buffer that the kernel granted, in the terms in which it is asked for: Linux doubles
// that for its own bookkeeping and gives back the double, see socket(7).
func grantedBuffer(conn *net.UDPConn) int64 {
	size := 0
	control(conn, func(fd int) { size, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF) })
	return int64(size / 2)
}

func control(conn *net.UDPConn, f func(fd int)) {
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // the socket is closed: f has nothing to say
	}
}

// kernelDrops follows the counter of the datagrams that the kernel threw away because the socket's buffer was full.
// SO_RXQ_OVFL would tell it with the next datagram that gets in, so the end of a flood not before the next one begins;
// the socket's line in /proc/net/udp or udp6 says it at once.
type kernelDrops struct {
	inode []byte
	last  uint32
}

func newKernelDrops(conn *net.UDPConn) *kernelDrops {
	d := &kernelDrops{}
	control(conn, func(fd int) {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			d.inode = strconv.AppendUint(nil, st.Ino, 10)
		}
	})
	return d
}

// more is how many there were since it was asked last.
func (d *kernelDrops) more() uint64 {
	now, ok := d.read("/proc/self/net/udp")
	if !ok {
		now, ok = d.read("/proc/self/net/udp6")
	}
	if !ok {
		return 0
	}
	more := now - d.last // the kernel's counter has 32 bits, and wraps like this one
	d.last = now
	return uint64(more)
}

func (d *kernelDrops) read(table string) (uint32, bool) {
	data, err := os.ReadFile(table)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(data) {
		if drops, ok := dropsOf(line, d.inode); ok {
			return drops, true
		}
	}
	return 0, false
}

// dropsOf reads one line of /proc/net/udp; the inode is its tenth column, the drops are its last.
func dropsOf(line, inode []byte) (uint32, bool) {
	columns := bytes.Fields(line)
	if len(columns) < 13 || !bytes.Equal(columns[9], inode) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(columns[12]), 10, 64) // printed signed by older kernels
	return uint32(n), err == nil
}
