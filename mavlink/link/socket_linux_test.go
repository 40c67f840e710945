package link

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"riverwatch/mavlink"
)

// descriptor finds the descriptor of this process's socket that is bound to address.
func descriptor(t *testing.T, network, address string) int {
	t.Helper()
	_, want, _ := net.SplitHostPort(address)
	for fd := range 256 {
		sa, err := unix.Getsockname(fd)
		if err != nil {
			continue
		}
		kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		listens, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		in, ok := sa.(*unix.SockaddrInet4)
		if ok && fmt.Sprint(in.Port) == want && (network == "udp" && kind == unix.SOCK_DGRAM || network == "tcp" && listens == 1) {
			return fd
		}
	}
	t.Fatalf("no socket at %s", address)
	return -1
}

func TestADeadUDPListenerIsNoticedAndReopened(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"})
	address := s.Addrs()["field"]
	send(t, dial(t, "udp", address), heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	// Another file in the socket's place: the socket is gone, and nobody else can get its number.
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := unix.Dup3(int(null.Fd()), descriptor(t, "udp", address), unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	isUp := func() bool { return len(bodies[mavlink.LinkNote](s, mavlink.OwnLink)) == 3 }
	s.until("up, down and up", isUp)
	send(t, dial(t, "udp", address), heartbeat(1, 1))
	s.until("a frame of the new socket", func() bool { return len(s.frames) == 2 })
	s.finish()
	want := []mavlink.LinkNote{{Link: "field", Up: true}, {Link: "field"}, {Link: "field", Up: true}}
	if d := cmp.Diff(want, bodies[mavlink.LinkNote](s, mavlink.OwnLink)); d != "" {
		t.Error(d)
	}
}

func TestADeadTCPListenerIsReopenedAndItsClientsLiveOn(t *testing.T) {
	s := run(t, Config{Name: "in", TCPListen: "127.0.0.1:0"})
	address := s.Addrs()["in"]
	old := dial(t, "tcp", address)
	send(t, old, heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	if err := unix.Shutdown(descriptor(t, "tcp", address), unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	s.until("up, down and up", func() bool { return len(bodies[mavlink.LinkNote](s, mavlink.OwnLink)) == 3 })
	send(t, old, heartbeat(1, 1))
	send(t, dial(t, "tcp", address), heartbeat(2, 0))
	s.until("frames of both", func() bool { return len(s.frames) == 3 })
	s.finish()
}

func TestWhatTheKernelDropsIsCountedExactly(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(listen, func(t *testing.T) {
			if listen[0] == '[' {
				needIPv6(t)
			}
			s := run(t, Config{Name: "field", UDP: listen})
			c := dial(t, "udp", s.Addrs()["field"])
			const sent = 40_000
			s.queue.mu.Lock() // the reader stands still
			for i := range sent {
				send(t, c, heartbeat(1, uint8(i)))
			}
			s.queue.mu.Unlock()
			s.until("all accounted for", func() bool {
				st := s.Status()[0]
				return st.Frames+st.Dropped["kernel"] >= sent
			})
			s.finish()
			st := s.Status()[0]
			if lost := st.Dropped["kernel"]; uint64(len(s.frames))+lost != sent || lost == 0 {
				t.Errorf("%d delivered + %d lost, sent %d", len(s.frames), lost, sent)
			}
			if st.BufferBytes < 1000 || st.BufferBytes > bufferAsked {
				t.Errorf("buffer of %d bytes", st.BufferBytes)
			}
		})
	}
}

func TestTheKernelsCounterIsReadFromItsTable(t *testing.T) {
	const line = "  417: 0100007F:38D6 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 35862 2 0000000000000000 1234      "
	for _, tt := range []struct {
		line, inode string
		drops       uint32
		ok          bool
	}{
		{line, "35862", 1234, true},
		{line, "1234", 0, false},
		{"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops", "35862", 0, false},
		{"", "", 0, false},
		{"1: 2 3 4 5 6 7 8 9 35862 2 0 -1", "35862", 1<<32 - 1, true},
		{"1: 2 3 4 5 6 7 8 9 35862 2 0 x", "35862", 0, false},
	} {
		if drops, ok := dropsOf([]byte(tt.line), []byte(tt.inode)); drops != tt.drops || ok != tt.ok {
			t.Errorf("%q: %d %v", tt.line, drops, ok)
		}
	}
}

// pty is a pseudo-terminal: what is written to the returned file comes out of the device of the returned name.
func pty(t *testing.T) (*os.File, string) {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("skipped: no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { f.Close() })
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("skipped: no pseudo-terminals here:", err)
	}
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return f, fmt.Sprintf("/dev/pts/%d", n)
}

func TestASerialLinkSurvivesUnpluggingAndReplugging(t *testing.T) {
	device := filepath.Join(t.TempDir(), "ttyUSB0")
	plug := func() *os.File {
		radio, name := pty(t)
		if err := os.Symlink(name, device); err != nil {
			t.Fatal(err)
		}
		return radio
	}
	s := run(t, Config{Name: "radio", Serial: device, Baud: 123456})
	if st := s.Status()[0]; st.Up || st.Error == "" {
		t.Errorf("without a device: %+v", st)
	}
	for round := range uint8(3) {
		radio := plug()
		up := int(round)*2 + 2
		s.until("plugged in", func() bool { return len(bodies[mavlink.LinkNote](s, mavlink.OwnLink)) == up })
		whole := heartbeat(1, 2*round)
		for cut := range whole {
			send(t, radio, whole[cut:cut+1])
		}
		send(t, radio, []byte("\xFD\x00garbage\xFE"), heartbeat(1, 2*round+1))
		s.until("its frames", func() bool { return len(s.frames) == int(round)*2+2 })
		if err := os.Remove(device); err != nil {
			t.Fatal(err)
		}
		radio.Close()
		s.until("unplugged", func() bool { return len(bodies[mavlink.LinkNote](s, mavlink.OwnLink)) == up+1 })
	}
	s.finish()
	if d := cmp.Diff(upTo(6), s.seqs(1)); d != "" {
		t.Error(d)
	}
	for i, n := range bodies[mavlink.LinkNote](s, mavlink.OwnLink) {
		if n.Up != (i%2 == 1) {
			t.Errorf("note %d: %+v", i, n)
		}
	}
	if origins := bodies[mavlink.OriginNote](s, mavlink.OwnOrigin); len(origins) != 1 || origins[0].Address != device {
		t.Errorf("origins %+v", origins)
	}
}
