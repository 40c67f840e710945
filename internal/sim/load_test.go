package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"testing"
	"time"
)

func smallLoad() Load {
	return Load{
		Traffic: Traffic{Vehicles: 7, Start: start, Times: 4, PressEvery: time.Second},
		To:      []string{"127.0.0.1:9"}, PerSecond: 1000, Frames: 3, Datagrams: 1000,
	}
}

// framesOf are the frames of a load in the order in which they are sent.
func framesOf(l Load) (all [][]byte) {
	s := newStream(l.Traffic)
	for d := range l.Datagrams {
		v, n := l.vehicle(d)
		for i := range l.frames() {
			all = append(all, s.frame(nil, v, n+int64(i)))
		}
	}
	return all
}

func TestAnAccountOfWhatAllCameIsClean(t *testing.T) {
	l := smallLoad()
	a := NewAccount(l, Sent{Datagrams: l.Datagrams})
	for _, raw := range framesOf(l) {
		a.Frame(raw)
	}
	all := a.All()
	if all.Sent != 3000 || all.Lost() != 0 || all.Doubled+all.Late+a.Strange() != 0 || all.OneShots == 0 || all.ShotsLost() != 0 {
		t.Errorf("%+v, %d strange", all, a.Strange())
	}
}

func TestAnAccountKnowsWhatWasLostDoubledOrLate(t *testing.T) {
	l := smallLoad()
	a := NewAccount(l, Sent{Datagrams: l.Datagrams})
	frames := framesOf(l)
	shots := int64(0)
	var late [][]byte
	for i, raw := range frames {
		switch {
		case i >= 300 && i < 2700 && raw[5] == 3: // system 3 is away for more than three turns of its sequence numbers
			if v, _ := vehicleOf(3); a.stream.spot(v, int64(i/21*3+i%3)).press > 0 {
				shots++
			}
		case raw[5] == 5 && i < 100:
			late = append(late, raw)
		default:
			a.Frame(raw)
		}
	}
	a.Frame(frames[2999])
	for _, raw := range late {
		a.Frame(raw)
	}
	strange := bytes.Clone(frames[0])
	strange[len(strange)-1]++
	a.Frame(strange)
	three, five := a.Vehicles()[2], a.Vehicles()[4]
	if three.Lost() < 300 || three.Late != 0 || three.ShotsLost() != shots || shots == 0 {
		t.Errorf("system 3: %+v, %d one-shots lost", three, shots)
	}
	if five.Lost() != 0 || five.Late != int64(len(late)) {
		t.Errorf("system 5: %+v", five)
	}
	all := a.All()
	if all.Lost() != three.Lost() || all.Doubled != 1 || a.Strange() != 1 || all.Late != five.Late {
		t.Errorf("%+v, %d strange", all, a.Strange())
	}
	if least, most := a.Spread(); least != 0 || most != float64(three.Lost())/float64(three.Sent) {
		t.Errorf("spread %v to %v", least, most)
	}
}

func TestALoadArrivesAsItWasSent(t *testing.T) {
	var conns []net.PacketConn
	l := Load{Traffic: Traffic{Vehicles: 5, Start: start}, PerSecond: 20_000, Frames: 4, Datagrams: 500}
	for range 3 {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
		l.To = append(l.To, c.LocalAddr().String())
	}
	asked, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	if err := SendAsAsked(t.Context(), bytes.NewReader(asked), &told); err != nil {
		t.Fatal(err)
	}
	var sent Sent
	if err := json.Unmarshal(told.Bytes(), &sent); err != nil {
		t.Fatal(err)
	}
	if sent.Datagrams != 500 || sent.Took < 20*time.Millisecond {
		t.Errorf("%+v", sent)
	}
	a := NewAccount(l, sent)
	buf := make([]byte, 65536)
	for i, c := range conns {
		for d := range 500 { // all are in the sockets' buffers by now
			if v, _ := l.vehicle(d); v%3 != i {
				continue
			}
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			for rest := buf[:n]; len(rest) > 0; {
				size := int(rest[1]) + 12
				a.Frame(rest[:size])
				rest = rest[size:]
			}
		}
	}
	if all := a.All(); all.Sent != 2000 || all.Lost()+all.Late+all.Doubled+a.Strange() != 0 {
		t.Errorf("%+v, %d strange", all, a.Strange())
	}
}

func TestALoadEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if sent, err := smallLoad().Send(ctx); err == nil || sent.Datagrams != 0 {
		t.Errorf("%+v, %v", sent, err)
	}
}

func TestALoadStaysOnTheLoopbackAndHasAnEnd(t *testing.T) {
	for _, change := range []func(*Load){
		func(l *Load) { l.To = nil },
		func(l *Load) { l.To = []string{"192.0.2.1:14550"} },
		func(l *Load) { l.To = []string{"127.0.0.1"} },
		func(l *Load) { l.PerSecond = 0 },
		func(l *Load) { l.Frames = 201 },
		func(l *Load) { l.Datagrams = 0 },
		func(l *Load) { l.Traffic.Vehicles = 0 },
	} {
		l := smallLoad()
		if change(&l); l.Check() == nil {
			t.Errorf("%+v passes", l)
		}
		if _, err := l.Send(t.Context()); err == nil {
			t.Errorf("%+v was sent", l)
		}
	}
}
