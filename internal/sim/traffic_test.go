package sim

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"

	"riverwatch/mavlink"
)

func TestTrafficIsGoodInOrderAndCountedByItsComponents(t *testing.T) {
	traffic := Traffic{Vehicles: 254, Start: start, Length: 4 * time.Second, PressEvery: 2 * time.Second}
	type from struct{ system, component uint8 }
	seq, frames := map[from]uint8{}, map[uint8]int{}
	ids := map[uint32]int{}
	var last time.Duration
	for s := range traffic.Steps() {
		if v := mavlink.Check(s.Raw); v != mavlink.Good {
			t.Fatalf("after %v: %x is %v", s.After, s.Raw, v)
		}
		f := mavlink.Parse(s.Raw)
		who := from{f.SysID, f.CompID}
		if next, known := seq[who]; known && f.Seq != next || f.SysID != s.System || f.SysID == 245 {
			t.Fatalf("after %v: %v has sequence %d, want %d", s.After, who, f.Seq, next)
		}
		seq[who] = f.Seq + 1
		frames[f.SysID]++
		ids[f.MsgID]++
		if s.After < last {
			t.Fatalf("%v comes after %v", s.After, last)
		}
		last = s.After
		if _, err := mavlink.Decode(s.Raw); err != nil {
			t.Fatal(err)
		}
	}
	for system, n := range frames {
		if n != 4*MixPerSecond {
			t.Errorf("system %d sent %d frames in 4 s", system, n)
		}
	}
	if len(frames) != 254 || ids[33] < 254*38 || ids[30] < 254*38 || ids[253] < 254 || ids[253]-ids[180] > 1 || ids[180] > ids[253] {
		t.Errorf("%d systems, %v", len(frames), ids)
	}
}

func TestTrafficFliesAlongTheRiverByItsClock(t *testing.T) {
	traffic := Traffic{Vehicles: 3, Start: start, Length: 100 * time.Second, Times: 2}
	s := newStream(traffic)
	before := map[uint8]Point{}
	fixes := 0
	for step := range traffic.Steps() {
		m, err := mavlink.Decode(step.Raw)
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *ardupilotmega.MessageGlobalPositionInt:
			fixes++
			at := Point{float64(m.Lat) / 1e7, float64(m.Lon) / 1e7}
			nearest := math.Inf(1)
			for i := range s.way {
				nearest = min(nearest, at.Distance(Point{s.way[i].latE7 / 1e7, s.way[i].lonE7 / 1e7}))
			}
			if nearest > 100 || m.RelativeAlt < 50_000 || m.Alt-m.RelativeAlt != 745_000 {
				t.Fatalf("after %v: system %d is %.0f m from the river, %d mm up", step.After, step.System, nearest, m.RelativeAlt)
			}
			if was, ok := before[step.System]; ok && at.Distance(was) > flightMS*0.2 {
				t.Fatalf("after %v: system %d jumped by %.1f m", step.After, step.System, at.Distance(was))
			}
			before[step.System] = at
			if want := uint32((bootBefore + step.After).Milliseconds()); m.TimeBootMs != want {
				t.Fatalf("after %v: clock of %d, want %d", step.After, m.TimeBootMs, want)
			}
		case *ardupilotmega.MessageSystemTime:
			if want := start.Add(step.After).UnixMicro(); m.TimeUnixUsec != uint64(want) {
				t.Fatalf("after %v: %d, want %d", step.After, m.TimeUnixUsec, want)
			}
		}
	}
	if fixes != 3*100*2*10 {
		t.Errorf("%d fixes", fixes)
	}
}

func TestTrafficPressesTellOfOnePersonEach(t *testing.T) {
	traffic := Traffic{Vehicles: 5, Start: start, Length: 61 * time.Second, PressEvery: 20 * time.Second}
	texts, photos := map[uint8]int{}, map[uint8]int{}
	for s := range traffic.Steps() {
		m, err := mavlink.Decode(s.Raw)
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *ardupilotmega.MessageStatustext:
			if !strings.HasPrefix(m.Text, "POI 37.") || !strings.HasSuffix(m.Text, " (asml)") {
				t.Errorf("%q", m.Text)
			}
			texts[s.System]++
		case *ardupilotmega.MessageCameraFeedback:
			if photos[s.System]++; m.CompletedCaptures != uint16(photos[s.System]) {
				t.Errorf("%+v", m)
			}
		}
	}
	for system := uint8(1); system <= 5; system++ {
		if texts[system] != 3 || photos[system] != 3 {
			t.Errorf("system %d: %d texts, %d photos in a minute", system, texts[system], photos[system])
		}
	}
}

func TestTrafficIsTheSameToTheByteFromAnywhere(t *testing.T) {
	traffic := Traffic{Vehicles: 7, Start: start, Length: 30 * time.Second, PressEvery: 7 * time.Second}
	s := newStream(traffic)
	i := 0
	for step := range traffic.Steps() {
		v, n := i%7, int64(i/7)
		if got := s.frame(nil, v, n); !bytes.Equal(got, step.Raw) || s.after(v, n) != step.After {
			t.Fatalf("frame %d of vehicle %d: %x, want %x", n, v, got, step.Raw)
		}
		i++
	}
	if i != 7*30*MixPerSecond {
		t.Errorf("%d frames", i)
	}
}

func TestTrafficThatCannotBeSaysWhatIsWrong(t *testing.T) {
	for _, traffic := range []Traffic{
		{}, {Vehicles: 255, Start: start}, {Vehicles: 1}, {Vehicles: 1, Start: start, Times: 10_001},
		{Vehicles: 1, Start: start, PressEvery: time.Millisecond}, {Vehicles: 1, Start: start, River: []Point{{1, 1}}},
		{Vehicles: 1, Start: start, River: []Point{{1, 1}, {91, 1}}},
	} {
		if traffic.Check() == nil {
			t.Errorf("%+v passes", traffic)
		}
	}
}

func BenchmarkTraffic(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for range (Traffic{Vehicles: 100, Start: start, PressEvery: time.Minute}).Steps() {
		if n++; !b.Loop() {
			break
		}
	}
}
