package replay

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

// received is what came to a socket of this machine, in order.
type received struct {
	conn  *net.UDPConn
	to    string
	done  chan struct{}
	grams [][]byte
}

func listen(t testing.TB) *received {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	r := &received{conn: conn, to: fmt.Sprintf("udp:%s", conn.LocalAddr()), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		buf := make([]byte, 65535)
		for {
			n, err := conn.Read(buf)
			if err != nil || n == 0 { // an empty datagram ends it
				return
			}
			r.grams = append(r.grams, append([]byte(nil), buf[:n]...))
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-r.done
	})
	return r
}

// all returns what came, once everything sent before has.
func (r *received) all(t testing.TB) [][]byte {
	t.Helper()
	conn, err := net.Dial("udp", r.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(nil); err != nil {
		t.Fatal(err)
	}
	<-r.done
	return r.grams
}

func raws(frames ...mavlink.Frame) (all [][]byte) {
	for _, f := range frames {
		all = append(all, f.Raw)
	}
	return all
}

func gcs(at int64) mavlink.Frame {
	return frame(at, 255, 190, 0, &all.MessageHeartbeat{Type: all.MAV_TYPE_GCS, Autopilot: all.MAV_AUTOPILOT_INVALID})
}

func command(at int64, system uint8) mavlink.Frame {
	return frame(at, system, 1, 0, &all.MessageCommandLong{TargetSystem: 0, Command: 400, Param1: 1})
}

func signed(f mavlink.Frame) mavlink.Frame {
	raw := append([]byte(nil), f.Raw...)
	raw[2] |= 1
	raw = append(raw, make([]byte, 13)...)
	extra := 0
	for ; extra < 255; extra++ { // the message's, which only the checksum knows here
		if mavlink.CRC(f.Raw[1:len(f.Raw)-2], byte(extra)) == uint16(f.Raw[len(f.Raw)-2])|uint16(f.Raw[len(f.Raw)-1])<<8 {
			break
		}
	}
	crc := mavlink.CRC(raw[1:len(raw)-15], byte(extra))
	raw[len(raw)-15], raw[len(raw)-14] = byte(crc), byte(crc>>8)
	f.Raw = raw
	return f
}

func TestSendPutsEachFrameIntoADatagramAsReceivedAndWithholdsSecretsAndOwnFrames(t *testing.T) {
	dir := t.TempDir()
	h := heartbeats(1, 4, t0, 100)
	own := mavlink.DefaultOwnID
	tunnel := func(kind uint16) mavlink.Frame {
		return frame(t0+1, own.System, own.Component, 0, &all.MessageTunnel{PayloadType: all.MAV_TUNNEL_PAYLOAD_TYPE(kind), PayloadLength: 1})
	}
	v1, err := mavlink.AppendFrameV1(nil, 0, 1, 1, autopilot())
	if err != nil {
		t.Fatal(err)
	}
	old := mavlink.Parse(v1)
	old.At = t0 + 300
	stranger := tunnel(40000)
	log := filepath.Join(dir, "a.tlog")
	writeLog(t, log, h[0], frame(t0, own.System, own.Component, 0, autopilot()), tunnel(mavlink.OwnPayloadType), stranger,
		frame(t0+2, 255, 190, 0, &all.MessageSetupSigning{}), signed(h[1]), gcs(t0+150), damaged(h[2]), h[3], old, unknown(t0+301, 5))
	rx := listen(t)
	st, err := Send(t.Context(), SendOptions{Paths: []string{log}, To: rx.to})
	if err != nil {
		t.Fatal(err)
	}
	want := raws(h[0], stranger, signed(h[1]), gcs(t0), h[3], old, unknown(t0, 5))
	if d := cmp.Diff(want, rx.all(t)); d != "" {
		t.Errorf("datagrams (-want +got):\n%s", d)
	}
	wantStats := SendStats{Frames: 7, Withheld: 2, Systems: []SystemCount{{1, 1, 4}, {245, 191, 1}, {255, 190, 1}}}
	if d := cmp.Diff(wantStats, st); d != "" {
		t.Errorf("stats (-want +got):\n%s", d)
	}

	// Of a session, the manifest says what is its own.
	session := recordSession(t, dir, t0, append([]mavlink.Frame{beat(t0), h[0], gcs(t0 + 1)}, note(t, t0+2, mavlink.OwnLink, mavlink.LinkNote{Up: true})...))
	rx = listen(t)
	if _, err := Send(t.Context(), SendOptions{Paths: []string{session}, To: rx.to}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(raws(h[0], gcs(t0)), rx.all(t)); d != "" {
		t.Errorf("datagrams of a session (-want +got):\n%s", d)
	}
}

func TestSystemsRenameTheVehicleOfEachLogAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "a.tlog")
	camera := frame(t0+30, 1, 100, 0, &all.MessageHeartbeat{Type: all.MAV_TYPE_CAMERA, Autopilot: all.MAV_AUTOPILOT_INVALID})
	radio := frame(t0+40, 51, 68, 0, &all.MessageRadioStatus{Rssi: 9})
	v1, err := mavlink.AppendFrameV1(nil, 0, 1, 1, autopilot())
	if err != nil {
		t.Fatal(err)
	}
	old := mavlink.Parse(v1)
	old.At = t0 + 50
	frames := append(heartbeats(1, 3, t0, 10), camera, radio, old, gcs(t0+60), gcs(t0+61), gcs(t0+62), gcs(t0+63), gcs(t0+64))
	writeLog(t, log, frames...)
	rx := listen(t)
	st, err := Send(t.Context(), SendOptions{Paths: []string{log, log, log}, To: rx.to, Systems: []uint8{11, 12, 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := []SystemCount{{1, 1, 4}, {1, 100, 1}, {11, 1, 4}, {11, 100, 1}, {12, 1, 4}, {12, 100, 1}, {51, 68, 3}, {255, 190, 15}}
	if d := cmp.Diff(want, st.Systems); d != "" {
		t.Errorf("systems (-want +got):\n%s", d)
	}
	got := rx.all(t)
	if len(got) != 3*len(frames) {
		t.Fatalf("%d datagrams of %d", len(got), 3*len(frames))
	}
	for i, raw := range got {
		f, was := mavlink.Parse(raw), frames[i/3]
		if v := mavlink.Check(raw); v != mavlink.Good || string(mavlink.Payload(raw)) != string(mavlink.Payload(was.Raw)) || f.MsgID != was.MsgID {
			t.Errorf("datagram %d: %v, %x of %x", i, v, raw, was.Raw)
		}
	}
}

func TestSendRefusesWhatCannotBeDoneBeforeItSendsAnything(t *testing.T) {
	dir := t.TempDir()
	plain, sealed, two := filepath.Join(dir, "plain.tlog"), filepath.Join(dir, "signed.tlog"), filepath.Join(dir, "two.tlog")
	h := heartbeats(1, 2, t0, 10)
	writeLog(t, plain, h...)
	writeLog(t, sealed, h[0], signed(h[1]))
	writeLog(t, two, append(h, heartbeats(2, 1, t0+50, 10)...)...)
	notALog := filepath.Join(dir, "x.tlog")
	writeBytes(t, notALog, []byte("not a log"))
	rx := listen(t)
	for _, c := range []struct {
		o    SendOptions
		want string
	}{
		{SendOptions{Paths: []string{sealed}, To: rx.to, Systems: []uint8{9}}, "signed"},
		{SendOptions{Paths: []string{two}, To: rx.to, Systems: []uint8{2}}, "speaks in it already"},
		{SendOptions{Paths: []string{plain}, To: rx.to, Systems: []uint8{2, 3}}, "one a log"},
		{SendOptions{Paths: []string{plain}, To: rx.to, Systems: []uint8{0}}, "everyone"},
		{SendOptions{Paths: []string{plain}, To: rx.to, Speed: -1}, "speed"},
		{SendOptions{Paths: []string{plain, notALog}, To: rx.to}, "text"},
		{SendOptions{To: rx.to}, "none named"},
		{SendOptions{Paths: []string{plain}, To: "tcp:127.0.0.1:1"}, "udp:HOST:PORT"},
		{SendOptions{Paths: []string{plain}, To: "udp:127.0.0.1"}, "missing port"},
		{SendOptions{Paths: []string{plain}, To: "udp:127.0.0.1:0"}, "port 0"},
		{SendOptions{Paths: []string{plain}, To: "udp:192.0.2.1:14550"}, "--remote"},
		{SendOptions{Paths: []string{plain}, To: "udp::14550"}, "--remote"},
	} {
		if _, err := Send(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want it to say %q", c.o, err, c.want)
		}
	}
	if got := rx.all(t); len(got) != 0 {
		t.Errorf("%d datagrams were sent", len(got))
	}
}

func TestToAnotherMachineGoesOnlyTelemetryOfVehicles(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.tlog")
	h := heartbeats(1, 2, t0, 10)
	control := frame(t0+5, 1, 1, 0, &all.MessageManualControl{Target: 2})
	unheard := frame(t0+6, 7, 1, 0, &all.MessageAttitude{Roll: 1})
	// A ground station may use the vehicle's own id.
	inside := frame(t0+7, 1, 190, 0, &all.MessageAttitude{Roll: 2})
	attitude := frame(t0+8, 1, 1, 0, &all.MessageAttitude{Roll: 3})
	writeLog(t, log, h[0], gcs(t0+1), command(t0+2, 255), command(t0+3, 1), unknown(t0+4, 9), control, unheard, inside, attitude, h[1])
	rx := listen(t)
	st, err := Send(t.Context(), SendOptions{Paths: []string{log}, To: rx.to, Remote: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(raws(h[0], attitude, h[1]), rx.all(t)); d != "" {
		t.Errorf("datagrams (-want +got):\n%s", d)
	}
	if st.Frames != 3 || st.Withheld != 7 {
		t.Errorf("stats %+v", st)
	}
}

func TestSendTellsThatNobodyListens(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to := fmt.Sprintf("udp:%s", conn.LocalAddr())
	conn.Close()
	log := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, log, heartbeats(1, 30, t0, 10)...)
	if _, err := Send(t.Context(), SendOptions{Paths: []string{log}, To: to}); err == nil || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("got %v", err)
	}
}

func TestAtTwentyTimesTheSpeedNothingIsLostAndTheTimeIsTrue(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.tlog")
	const n = 9000 // 450 a second for 20 s, three times over
	writeLog(t, log, heartbeats(1, n, t0, 20*secondUS/n)...)
	rx := listen(t)
	var reports []int64
	begin := time.Now()
	st, err := Send(t.Context(), SendOptions{Paths: []string{log, log, log}, To: rx.to, Speed: 20, Systems: []uint8{11, 12, 13},
		Progress: func(done, total int64) { reports = append(reports, total-done) }})
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	if got := rx.all(t); len(got) != 3*n || st.Frames != 3*n {
		t.Errorf("%d datagrams came, %d were sent, of %d", len(got), st.Frames, 3*n)
	}
	if took < 999*time.Millisecond {
		t.Errorf("20 s took %v at twenty times the speed", took)
	}
	if !slices.IsSortedFunc(reports, func(a, b int64) int { return int(b - a) }) || reports[len(reports)-1] != 0 {
		t.Errorf("progress does not reach its end: %d reports", len(reports))
	}
}

func TestFramesThatAreLateLeaveInBurstsWithPausesBetween(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.tlog")
	const n = 4 * batchFrames
	writeLog(t, log, heartbeats(1, n, t0, 1)...)
	rx := listen(t)
	begin := time.Now()
	if _, err := Send(t.Context(), SendOptions{Paths: []string{log}, To: rx.to, Speed: 1e6}); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(begin), 4*(batchFrames/burst-1)*burstPause; took < least {
		t.Errorf("%d frames that were due at once left within %v, want %v or more", n, took, least)
	}
	if got := rx.all(t); len(got) != n {
		t.Errorf("%d datagrams of %d", len(got), n)
	}
}

func TestLogsOfOtherTimesAreSentTogetherAndNeighboursInTheirOrder(t *testing.T) {
	at := func(first, last int64) survey {
		return survey{any: true, first: first * secondUS, last: last * secondUS}
	}
	for _, c := range []struct {
		name string
		all  []survey
		want []int64 // seconds
	}{
		{"one", []survey{at(5, 9)}, []int64{0}},
		{"the same thrice", []survey{at(5, 9), at(5, 9), at(5, 9)}, []int64{0, 0, 0}},
		{"overlapping", []survey{at(5, 9), at(8, 20)}, []int64{0, 0}},
		{"one inside the other", []survey{at(0, 9000), at(10, 20), at(8000, 8001)}, []int64{0, 0, 0}},
		{"ten minutes later", []survey{at(0, 100), at(700, 800)}, []int64{0, 0}},
		{"more", []survey{at(701, 800), at(0, 100)}, []int64{-701, 0}},
		{"an empty one", []survey{at(5000, 5001), {}, at(100, 101)}, []int64{-4900, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shifts(c.all)
			for i := range got {
				got[i] /= secondUS
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestSendStopsWithItsContext(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, log, heartbeats(1, 2, t0, 60*secondUS)...)
	rx := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	st, err := Send(ctx, SendOptions{Paths: []string{log}, To: rx.to, Speed: 1, Progress: func(int64, int64) { cancel() }})
	if err == nil || ctx.Err() == nil || st.Frames != 1 {
		t.Errorf("sent %d frames, %v", st.Frames, err)
	}
}

func TestARealLogSentThriceKeepsItsFramesPerSystem(t *testing.T) {
	path := needData(t, "tlog/dronekit_log_upload_test.tlog")
	info, err := Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	rx := listen(t)
	if _, err := Send(t.Context(), SendOptions{Paths: []string{path, path, path}, To: rx.to, Speed: 20, Systems: []uint8{11, 12, 13}}); err != nil {
		t.Fatal(err)
	}
	got := make(map[uint8]uint64)
	for _, raw := range rx.all(t) {
		if mavlink.Check(raw) != mavlink.Good {
			t.Fatalf("a frame is not good: %x", raw)
		}
		got[mavlink.Parse(raw).SysID]++
	}
	want := make(map[uint8]uint64)
	for _, s := range info.Systems {
		if s.System == 1 {
			for id := uint8(11); id <= 13; id++ {
				want[id] += s.Frames
			}
		} else {
			want[s.System] += 3 * s.Frames
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("frames by system (-want +got):\n%s", d)
	}
}
