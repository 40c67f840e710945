package link

import (
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"

	"riverwatch/mavlink"
)

func TestASerialPortIsAnswered(t *testing.T) {
	radio, device := pty(t)
	s := run(t, Config{Name: "radio", Serial: device, Baud: 57600})
	send(t, radio, heartbeat(1, 0))
	s.until("a frame", func() bool { return len(s.frames) == 1 })
	if err := s.Reply(mavlink.Reply{Origin: s.frames[0].Origin, Command: 31005, System: 1}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := radio.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mavlink.Decode(buf[:n])
	if ack, ok := m.(*common.MessageCommandAck); err != nil || !ok || ack.Command != 31005 {
		t.Errorf("%+v %v", m, err)
	}
	s.finish()
}

func TestASerialPortThatTakesNothingDoesNotKeepTheStationFromEnding(t *testing.T) {
	radio, device := pty(t)
	s := run(t, Config{Name: "radio", Serial: device, Baud: 57600})
	ln := s.lines[0]
	if err := ln.send(device, make([]byte, 1<<20)); err != nil { // more than a terminal holds
		t.Fatal(err)
	}
	send(t, radio, heartbeat(1, 0))
	s.until("it is heard while the write hangs", func() bool { return len(s.frames) == 1 })
	ended := make(chan struct{})
	go func() { s.finish(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the station does not end")
	}
}
