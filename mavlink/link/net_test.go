package link

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"riverwatch/mavlink"
)

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func listenTCP(t *testing.T, address string) net.Listener {
	t.Helper()
	at, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { at.Close() })
	return at
}

func accept(t *testing.T, at net.Listener) net.Conn {
	t.Helper()
	c, err := at.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, w io.Writer, b ...[]byte) {
	t.Helper()
	if _, err := w.Write(slices.Concat(b...)); err != nil {
		t.Fatal(err)
	}
}

// seqs are the sequence numbers of a system's frames in their order.
func (s *station) seqs(system uint8) []uint8 {
	all := []uint8{}
	for _, f := range s.frames {
		if f.SysID == system {
			all = append(all, f.Seq)
		}
	}
	return all
}

func upTo(n int) []uint8 {
	all := make([]uint8, n)
	for i := range all {
		all[i] = uint8(i)
	}
	return all
}

func addrPort(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func needIPv6(t *testing.T) {
	t.Helper()
	at, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("skipped: this machine has no IPv6 loopback:", err)
	}
	at.Close()
}

func TestThirtyFramesInTenDatagramsAreThirtyFrames(t *testing.T) {
	for _, tt := range []struct{ listen, from string }{
		{"127.0.0.1:0", "127.0.0.1"}, {"localhost:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.1"},
		{"[::1]:0", "::1"}, {"[::]:0", "::1"}, {"[::]:0", "127.0.0.1"}, {":0", "127.0.0.1"},
	} {
		t.Run(tt.listen+" from "+tt.from, func(t *testing.T) {
			if strings.Contains(tt.listen+tt.from, "::") {
				needIPv6(t)
			}
			s := run(t, Config{Name: "field", UDP: tt.listen})
			_, port, _ := net.SplitHostPort(s.Addrs()["field"])
			c := dial(t, "udp", net.JoinHostPort(tt.from, port))
			for i := uint8(0); i < 30; i += 3 {
				send(t, c, heartbeat(1, i), heartbeat(1, i+1), heartbeat(1, i+2))
			}
			s.until("30 frames", func() bool { return len(s.frames) >= 30 })
			s.finish()
			if d := cmp.Diff(upTo(30), s.seqs(1)); d != "" {
				t.Error(d)
			}
			notes := bodies[mavlink.OriginNote](s, mavlink.OwnOrigin)
			if len(notes) != 1 || notes[0].Address != c.LocalAddr().String() || notes[0].Link != "field" {
				t.Errorf("origins %+v, sent from %s", notes, c.LocalAddr())
			}
		})
	}
}

func TestAnIPv4WildcardDoesNotTakeIPv6(t *testing.T) {
	needIPv6(t)
	s := run(t, Config{Name: "four", UDP: "0.0.0.0:0"})
	if a := s.Addrs()["four"]; !strings.HasPrefix(a, "0.0.0.0:") {
		t.Errorf("listens on %s", a)
	}
}

func TestAFrameSplitOverTwoDatagramsOfOneSourceIsWhole(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"})
	c := dial(t, "udp", s.Addrs()["field"])
	whole := text(1, 1)
	n := 0
	for cut := 1; cut < len(whole); cut++ {
		send(t, c, heartbeat(2, 0), whole[:cut])
		send(t, c, whole[cut:], heartbeat(2, 1))
		n++
	}
	s.until("all texts", func() bool { return len(s.frames) >= 3*n })
	s.finish()
	if got := len(s.seqs(1)); got != n || s.Status()[0].SkippedBytes != 0 {
		t.Errorf("%d of %d whole, %+v", got, n, s.Status()[0])
	}
}

func TestTwoSourcesInterleavedAreNotMixedUp(t *testing.T) {
	s := run(t, Config{Name: "field", UDP: "127.0.0.1:0"})
	a, b := dial(t, "udp", s.Addrs()["field"]), dial(t, "udp", s.Addrs()["field"])
	for i := range uint8(50) {
		x, y := text(1, i), text(2, i)
		send(t, a, x[:20])
		send(t, b, y[:20])
		send(t, a, x[20:])
		send(t, b, y[20:])
	}
	s.until("100 frames", func() bool { return len(s.frames) >= 100 })
	s.finish()
	if d := cmp.Diff([][]uint8{upTo(50), upTo(50)}, [][]uint8{s.seqs(1), s.seqs(2)}); d != "" {
		t.Error(d)
	}
	if n := len(bodies[mavlink.OriginNote](s, mavlink.OwnOrigin)); n != 2 || s.Status()[0].Sources != 0 {
		t.Errorf("%d origins, status %+v", n, s.Status()[0])
	}
}

func TestASocketTellsSixtyFourSourcesApartAndHearsAll(t *testing.T) {
	b := byHand(t)
	p := peers{line: b.lines[0], by: map[netip.AddrPort]*source{}}
	for i := range 200 {
		p.of(addrPort(t, fmt.Sprintf("192.0.2.1:%d", i+1))).datagram(heartbeat(uint8(i), 0), b.clock.stamp())
		b.pass(time.Millisecond)
		p.of(addrPort(t, "192.0.2.2:9")).datagram(text(250, uint8(i))[:30], b.clock.stamp())
		p.of(addrPort(t, "192.0.2.2:9")).datagram(text(250, uint8(i))[30:], b.clock.stamp())
	}
	b.drain()
	if len(p.by) != maxPeers || b.Status()[0].Sources != maxPeers {
		t.Errorf("%d sources, %d told", len(p.by), b.Status()[0].Sources)
	}
	if len(b.frames) != 400-150 { // the texts beyond 50 a second are a flood
		t.Errorf("%d frames", len(b.frames))
	}
	b.pass(61 * time.Second)
	p.sweep(b.clock.stamp())
	if len(p.by) != 0 || b.Status()[0].Sources != 0 {
		t.Errorf("%d sources after a minute of silence", len(p.by))
	}
}

func TestACutTailIsCountedOnceNothingFollowsIt(t *testing.T) {
	b := byHand(t)
	p := peers{line: b.lines[0], by: map[netip.AddrPort]*source{}}
	src := p.of(addrPort(t, "192.0.2.1:1"))
	src.datagram(heartbeat(1, 0)[:15], b.clock.stamp())
	p.sweep(b.clock.stamp())
	if n := b.count("b", "truncated"); n != 0 {
		t.Errorf("given up at once: %d", n)
	}
	b.pass(2 * time.Second)
	p.sweep(b.clock.stamp())
	if n := b.count("b", "truncated"); n != 1 {
		t.Errorf("truncated %d", n)
	}
}

func TestWhatComesFromElsewhereThanAllowedIsDropped(t *testing.T) {
	s := run(t, Config{Name: "u", UDP: "127.0.0.1:0", Allow: []string{"192.0.2.0/24"}},
		Config{Name: "ok", UDP: "127.0.0.1:0", Allow: []string{"192.0.2.0/24", "127.0.0.1/32"}},
		Config{Name: "t", TCPListen: "127.0.0.1:0", Allow: []string{"192.0.2.0/24"}})
	outsider := dial(t, "udp", s.Addrs()["u"])
	send(t, outsider, heartbeat(1, 0))
	refused := dial(t, "tcp", s.Addrs()["t"])
	if _, err := refused.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
	send(t, dial(t, "udp", s.Addrs()["ok"]), heartbeat(2, 0))
	s.until("what was refused", func() bool { return len(s.frames) > 0 && s.count("u", "pinned") == 1 && s.count("t", "pinned") == 1 })
	s.finish()
	if len(s.frames) != 1 || s.frames[0].SysID != 2 {
		t.Errorf("frames %+v", s.frames)
	}
	for i, conn := range map[int]net.Conn{0: outsider, 2: refused} {
		by := s.Status()[i].RefusedBy
		if len(by) != 1 || by[0].Reason != "pinned" || by[0].System != 0 || by[0].Address != conn.LocalAddr().String() {
			t.Errorf("refused by %+v, want %s", by, conn.LocalAddr())
		}
	}
	want := []mavlink.RefusedCount{{Link: "t", Reason: "pinned", N: 1}, {Link: "u", Reason: "pinned", N: 1}}
	var got []mavlink.RefusedCount
	for _, n := range bodies[mavlink.RefusedNote](s, mavlink.OwnRefused) {
		got = append(got, n.Counts...)
	}
	slices.SortFunc(got, func(x, y mavlink.RefusedCount) int { return strings.Compare(x.Link, y.Link) })
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestATCPLinkConnectsReadsAndConnectsAgain(t *testing.T) {
	router := listenTCP(t, "127.0.0.1:0")
	s := listener(t, Options{Links: []Config{{Name: "router", TCP: router.Addr().String()}}})
	s.start()
	c := accept(t, router)
	whole := text(1, 7)
	for cut := range len(whole) {
		send(t, c, whole[:cut])
		send(t, c, whole[cut:])
	}
	for _, x := range slices.Concat(heartbeat(2, 1), heartbeat(2, 2)) {
		send(t, c, []byte{x})
	}
	s.until("all frames", func() bool { return len(s.seqs(2)) == 2 })
	if n := uint64(len(s.seqs(1))) + s.count("router", "flood"); n != uint64(len(whole)) {
		t.Errorf("%d frames of %d", n, len(whole))
	}
	c.Close()
	send(t, accept(t, router), heartbeat(2, 3))
	s.until("a frame of the next connection", func() bool { return len(s.seqs(2)) == 3 })
	s.finish()
	want := []mavlink.LinkNote{{Link: "router", Up: true}, {Link: "router"}, {Link: "router", Up: true}}
	if d := cmp.Diff(want, bodies[mavlink.LinkNote](s, mavlink.OwnLink)); d != "" {
		t.Error(d)
	}
}

func TestATCPLinkWhosePeerIsAbsentIsDownUntilItComes(t *testing.T) {
	router := listenTCP(t, "127.0.0.1:0")
	address := router.Addr().String()
	router.Close()
	s := run(t, Config{Name: "router", TCP: address})
	if st := s.Status()[0]; st.Up || st.Error == "" {
		t.Errorf("status %+v", st)
	}
	c := accept(t, listenTCP(t, address))
	send(t, c, heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	if d := cmp.Diff([]mavlink.LinkNote{{Link: "router"}, {Link: "router", Up: true}}, bodies[mavlink.LinkNote](s, mavlink.OwnLink)); d != "" {
		t.Error(d)
	}
	if st := s.Status()[0]; !st.Up || st.Error != "" || st.Address != address {
		t.Errorf("status %+v", st)
	}
	s.finish()
}

func TestATCPListenerTakesSeveralClientsButNotAnyNumber(t *testing.T) {
	s := run(t, Config{Name: "in", TCPListen: "127.0.0.1:0"})
	address := s.Addrs()["in"]
	clients := make([]net.Conn, maxClients)
	for i := range clients {
		clients[i] = dial(t, "tcp", address)
		send(t, clients[i], heartbeat(uint8(i+1), 0)[:10])
	}
	for i, c := range clients {
		send(t, c, heartbeat(uint8(i+1), 0)[10:])
	}
	s.until("a frame of each", func() bool { return len(s.frames) == maxClients })
	if n := s.Status()[0].Sources; n != maxClients {
		t.Errorf("%d sources", n)
	}
	if _, err := dial(t, "tcp", address).Read(make([]byte, 1)); err == nil {
		t.Error("one client too many has its connection")
	}
	clients[0].Close()
	s.until("its place is free", func() bool { return s.Status()[0].Sources < maxClients })
	send(t, dial(t, "tcp", address), heartbeat(100, 0))
	s.until("a frame of the new client", func() bool { return len(s.seqs(100)) == 1 })
	s.finish()
	if n := len(bodies[mavlink.OriginNote](s, mavlink.OwnOrigin)); n != maxClients+1 {
		t.Errorf("%d origins", n)
	}
}

func TestNothingIsEverWritten(t *testing.T) {
	router := listenTCP(t, "127.0.0.1:0")
	s := run(t, Config{Name: "router", TCP: router.Addr().String()}, Config{Name: "in", TCPListen: "127.0.0.1:0"}, Config{Name: "field", UDP: "127.0.0.1:0"})
	conns := []net.Conn{accept(t, router), dial(t, "tcp", s.Addrs()["in"]), dial(t, "udp", s.Addrs()["field"])}
	for i, c := range conns {
		send(t, c, heartbeat(uint8(i+1), 0))
	}
	s.until("a frame of each and two beats", func() bool { return len(s.frames) == 3 && s.beats >= 2 })
	s.finish()
	for i, c := range conns {
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 100)); n != 0 || err == nil {
			t.Errorf("connection %d was sent %d bytes", i, n)
		}
	}
}

func TestAPortThatIsTakenIsTriedAgain(t *testing.T) {
	holder, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	address := holder.LocalAddr().String()
	s := run(t, Config{Name: "field", UDP: address})
	if st := s.Status()[0]; st.Up || !strings.Contains(st.Error, "give another port") || len(s.Addrs()) != 0 {
		t.Errorf("status %+v", st)
	}
	holder.Close()
	s.until("the link is up", func() bool { return s.Status()[0].Up })
	send(t, dial(t, "udp", address), heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	s.finish()
}

func TestEveryMetricIsThereFromTheStart(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	listener(t, Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Registerer: reg})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			fmt.Fprint(&got, f.GetName())
			for _, l := range m.GetLabel() {
				fmt.Fprintf(&got, " %s=%s", l.GetName(), l.GetValue())
			}
			fmt.Fprintln(&got, "", m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
	}
	want, err := os.ReadFile("testdata/metrics.golden")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error(d)
	}
	if _, err := New(Options{Registerer: reg}); err == nil {
		t.Error("registered twice")
	}
}

func TestMetricsFollowTheCounters(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s := listener(t, Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Registerer: reg})
	s.start()
	c := dial(t, "udp", s.Addrs()["field"])
	send(t, c, heartbeat(1, 0), []byte("garbage"), heartbeat(1, 1))
	send(t, c, unknown(1, 0))
	s.until("three frames", func() bool { return len(s.frames) == 3 })
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP riverwatch_frames_total Frames received whose checksum holds, queued or not.
# TYPE riverwatch_frames_total counter
riverwatch_frames_total{link="field"} 2
# HELP riverwatch_link_up 1 while the link is open.
# TYPE riverwatch_link_up gauge
riverwatch_link_up{link="field"} 1
# HELP riverwatch_skipped_bytes_total Bytes received that belong to no frame.
# TYPE riverwatch_skipped_bytes_total counter
riverwatch_skipped_bytes_total{link="field"} 7
`), "riverwatch_frames_total", "riverwatch_link_up", "riverwatch_skipped_bytes_total")
	if err != nil {
		t.Error(err)
	}
	s.finish()
	if st := s.Status()[0]; st.Up || st.Errors["unknown_id"] != 1 {
		t.Errorf("status %+v", st)
	}
	if b, err := json.Marshal(s.Status()[0]); err != nil || !strings.Contains(string(b), `"skipped_bytes":7`) {
		t.Errorf("%s, %v", b, err)
	}
}
