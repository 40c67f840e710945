package app

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"

	"riverwatch/mavlink"
)

// TestACommandIsAnsweredOnceItsSightingIsKept: a ground station tags a point near gate 5, and again, as one does that has
// not heard the answer to the first.
func TestACommandIsAnsweredOnceItsSightingIsKept(t *testing.T) {
	file := writeConfig(t, "rules:", "sightings: {sources: [spatial_user, mark], accept_commands: [{name: post-gcs, system: 255, component: 190, link: field}]}\nrules:")
	s := startStation(t, file)
	conn, err := net.Dial("udp", s.LinkAddrs()["field"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ask := func(seq, target uint8, command uint16) {
		t.Helper()
		raw, err := mavlink.AppendFrame(nil, seq, 255, 190, &common.MessageCommandInt{
			TargetSystem: target, TargetComponent: 191, Frame: common.MAV_FRAME_GLOBAL, Command: common.MAV_CMD(command), X: 372400000, Y: 1119500000,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	const spatialUser1, setMode = 31005, 176
	ask(0, 245, setMode)    // nothing but a sighting is ever taken,
	ask(1, 1, spatialUser1) // nor what is for others
	for again := range uint8(2) {
		ask(2+again, 245, spatialUser1)
		buf := make([]byte, 300)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("answer %d: %v", again, err)
		}
		m, err := mavlink.Decode(buf[:n])
		ack, ok := m.(*common.MessageCommandAck)
		if f := mavlink.Parse(buf[:n]); err != nil || !ok || f.SysID != 245 || f.CompID != 191 || ack.Command != spatialUser1 ||
			ack.Result != common.MAV_RESULT_ACCEPTED || ack.TargetSystem != 255 || ack.TargetComponent != 190 {
			t.Fatalf("answer %d: %+v, %v", again, m, err)
		}
		// What has been answered is in the ledger.
		if body := get(t, s.Addr(), "/api/v1/sightings"); strings.Count(body, `"source":"spatial_user"`) != 1 {
			t.Errorf("after answer %d: %s", again, body)
		}
	}
	s.stop()
	verify(t, file)
}
