package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"go.uber.org/goleak"

	"riverwatch/mavlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)

// hop is a short flight: 2 s armed, 4 s up, 20 s there and back over about 100 m, 6 s down, 2 s armed, 10 s of rest.
func hop() Plan {
	a := Point{Lat: 37.25, Lon: 111.95}
	return Plan{
		Start: start, Length: 44 * time.Second,
		Drones: []Drone{{
			System: 7, Name: "wren", Route: []Point{a, a.offset(100, 0)}, SpeedMS: 10, AltM: 12, GroundM: 700, Laps: 1, Rest: 10 * time.Second,
		}},
	}
}

func TestAPatrolIsTheSameToTheByteEachTime(t *testing.T) {
	record := func() []byte {
		var b bytes.Buffer
		for s := range Ciyao(start).Steps() {
			if s.After > 2*time.Minute {
				break
			}
			fmt.Fprintf(&b, "%d %d %x\n", s.After, s.System, s.Raw)
		}
		return b.Bytes()
	}
	a, b := record(), record()
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Errorf("two recordings of %d and %d bytes differ", len(a), len(b))
	}
}

func TestEveryFrameIsGoodInOrderAndCountedByItsComponent(t *testing.T) {
	plan := Ciyao(start)
	plan.Length = 2 * time.Minute
	type from struct{ system, component uint8 }
	seq := map[from]uint8{}
	ids := map[uint32]int{}
	var last time.Duration
	for s := range plan.Steps() {
		if v := mavlink.Check(s.Raw); v != mavlink.Good {
			t.Fatalf("after %v: %x is %v", s.After, s.Raw, v)
		}
		f := mavlink.Parse(s.Raw)
		who := from{f.SysID, f.CompID}
		if f.Seq != seq[who] || f.SysID != s.System {
			t.Fatalf("after %v: system %d component %d has sequence %d, want %d", s.After, f.SysID, f.CompID, f.Seq, seq[who])
		}
		seq[who]++
		ids[f.MsgID]++
		if s.After < last {
			t.Fatalf("%v comes after %v", s.After, last)
		}
		last = s.After
	}
	// 3 drones, 120 s: autopilot and camera beat once a second.
	for id, want := range map[uint32]int{0: 720, 1: 360, 2: 360, 24: 360, 30: 1800, 33: 1800, 245: 360, 253: 5, 180: 5, 276: 6} {
		if ids[id] != want {
			t.Errorf("%d frames of message %d, want %d", ids[id], id, want)
		}
		delete(ids, id)
	}
	if len(ids) != 0 {
		t.Errorf("and messages %v", ids)
	}
}

// messages decodes what a plan sends.
func messages(t *testing.T, p Plan, each func(after time.Duration, system, component uint8, m any)) {
	t.Helper()
	for s := range p.Steps() {
		m, err := mavlink.Decode(s.Raw)
		if err != nil {
			t.Fatal(err)
		}
		f := mavlink.Parse(s.Raw)
		each(s.After, f.SysID, f.CompID, m)
	}
}

func TestADroneArmsClimbsFliesThereAndBackLandsRestsAndStartsAgain(t *testing.T) {
	home := hop().Drones[0].Route[0]
	var armed, landed, battery []string
	note := func(list *[]string, after time.Duration, what any) {
		word := fmt.Sprint(what)
		if n := len(*list); n == 0 || !strings.HasSuffix((*list)[n-1], " "+word) {
			*list = append(*list, fmt.Sprintf("%ds %s", int(after.Seconds()), word))
		}
	}
	farthest, highest := 0.0, int32(0)
	messages(t, hop(), func(after time.Duration, _, component uint8, m any) {
		switch m := m.(type) {
		case *ardupilotmega.MessageHeartbeat:
			if component == autopilot {
				note(&armed, after, m.BaseMode&ardupilotmega.MAV_MODE_FLAG_SAFETY_ARMED != 0)
			}
		case *ardupilotmega.MessageExtendedSysState:
			note(&landed, after, m.LandedState)
		case *ardupilotmega.MessageSysStatus:
			if after%(11*time.Second) == 0 {
				note(&battery, after, m.BatteryRemaining)
			}
		case *ardupilotmega.MessageGlobalPositionInt:
			at := Point{Lat: float64(m.Lat) / 1e7, Lon: float64(m.Lon) / 1e7}
			farthest, highest = max(farthest, home.Distance(at)), max(highest, m.RelativeAlt)
			if m.RelativeAlt == 0 && home.Distance(at) > 0.1 {
				t.Errorf("after %v it stands %.1f m from home", after, home.Distance(at))
			}
			if m.Alt-m.RelativeAlt != 700_000 {
				t.Errorf("after %v: home is %d mm above the sea", after, m.Alt-m.RelativeAlt)
			}
		}
	})
	for _, tc := range []struct{ what, got, want string }{
		{"armed", strings.Join(armed, ", "), "0s true, 34s false"},
		{"landed", strings.Join(landed, ", "), "0s MAV_LANDED_STATE_ON_GROUND, 2s MAV_LANDED_STATE_TAKEOFF, 6s MAV_LANDED_STATE_IN_AIR, 26s MAV_LANDED_STATE_LANDING, 32s MAV_LANDED_STATE_ON_GROUND"},
		{"battery", strings.Join(battery, ", "), "0s 100, 11s 77, 22s 55, 33s 32"},
		{"farthest", fmt.Sprintf("%.0f m", farthest), "100 m"},
		{"highest", fmt.Sprint(highest), "12000"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %s, want %s", tc.what, tc.got, tc.want)
		}
	}
	again := hop()
	again.Length = 46 * time.Second
	rearmed := false
	messages(t, again, func(after time.Duration, _, _ uint8, m any) {
		if b, ok := m.(*ardupilotmega.MessageHeartbeat); ok && after == 45*time.Second {
			rearmed = rearmed || b.BaseMode&ardupilotmega.MAV_MODE_FLAG_SAFETY_ARMED != 0
		}
	})
	if !rearmed {
		t.Error("it does not fly again after its rest")
	}
}

func TestAPressIsWhatThePOIScriptSends(t *testing.T) {
	p := hop()
	at := Point{Lat: 37.2512345, Lon: 111.9554321}
	p.Tags = []Tag{{System: 7, After: 10 * time.Second, At: at}, {System: 7, After: 11 * time.Second, At: at}}
	var got []string
	messages(t, p, func(after time.Duration, system, component uint8, m any) {
		switch m.(type) {
		case *ardupilotmega.MessageStatustext, *ardupilotmega.MessageCameraFeedback:
			got = append(got, fmt.Sprintf("%v %d/%d %+v", after, system, component, m))
		}
	})
	want := []string{
		"10s 7/1 &{Severity:MAV_SEVERITY_INFO Text:POI 37.2512345, 111.9554321, 700.00 (asml) Id:0 ChunkSeq:0}",
		"10s 7/1 &{TimeUsec:70000000 TargetSystem:0 CamIdx:0 ImgIdx:1 Lat:372512345 Lng:1119554321 AltMsl:70000 AltRel:70000 Roll:0 Pitch:0 Yaw:0 FocLen:0 Flags:CAMERA_FEEDBACK_PHOTO CompletedCaptures:1}",
		"11s 7/1 &{Severity:MAV_SEVERITY_INFO Text:POI 37.2512345, 111.9554321, 700.00 (asml) Id:0 ChunkSeq:0}",
		"11s 7/1 &{TimeUsec:71000000 TargetSystem:0 CamIdx:0 ImgIdx:1 Lat:372512345 Lng:1119554321 AltMsl:70000 AltRel:70000 Roll:0 Pitch:0 Yaw:0 FocLen:0 Flags:CAMERA_FEEDBACK_PHOTO CompletedCaptures:2}",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestACameraTracksForAWhileThenGoesIdle(t *testing.T) {
	p := hop()
	p.Tags = []Tag{{System: 7, After: 9400 * time.Millisecond, At: Point{37.251, 111.95}, Source: Tracking}}
	var got []string
	messages(t, p, func(after time.Duration, _, component uint8, m any) {
		if s, ok := m.(*ardupilotmega.MessageCameraTrackingGeoStatus); ok {
			got = append(got, fmt.Sprintf("%v %d %d %d", after, component, s.TrackingStatus, s.Lat))
			if !math.IsNaN(float64(s.VelN)) {
				t.Errorf("it claims to know a velocity: %v", s.VelN)
			}
		}
	})
	want := "10s 100 1 372510000, 11s 100 1 372510000, 12s 100 1 372510000, 13s 100 1 372510000, 14s 100 1 372510000, 14.4s 100 0 0"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

func TestTheDemosTagsLieAsItSaysAroundTheExampleGates(t *testing.T) {
	data, err := os.ReadFile("../../configs/ciyao.geojson")
	if err != nil {
		t.Fatal(err)
	}
	var zones struct {
		Features []struct {
			Properties struct {
				ID, Kind string
				Radius   float64 `json:"radius_m"`
				Width    float64 `json:"width_m"`
			}
			Geometry struct{ Coordinates json.RawMessage }
		}
	}
	if err := json.Unmarshal(data, &zones); err != nil {
		t.Fatal(err)
	}
	// nearest gives the gate or bank whose edge is nearest, and how far that is (negative inside).
	nearest := func(p Point) (id string, edge float64) {
		edge = math.Inf(1)
		for _, f := range zones.Features {
			var line [][2]float64
			switch f.Properties.Kind {
			case "gate":
				line = make([][2]float64, 1)
				err = json.Unmarshal(f.Geometry.Coordinates, &line[0])
			case "bank":
				err = json.Unmarshal(f.Geometry.Coordinates, &line)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range line {
				d := p.Distance(Point{line[i][1], line[i][0]}) - f.Properties.Radius
				if f.Properties.Kind == "bank" && i > 0 {
					d = toSegment(p, Point{line[i-1][1], line[i-1][0]}, Point{line[i][1], line[i][0]}) - f.Properties.Width
				}
				if f.Properties.Kind == "gate" && d < 50 { // a gate goes before the bank that it crosses
					return f.Properties.ID, d
				}
				if d < edge {
					id, edge = f.Properties.ID, d
				}
			}
		}
		return id, edge
	}
	tags := Ciyao(start).Tags
	for i, want := range []struct {
		zone      string
		low, high float64 // of the distance to its edge
	}{
		{"gate-1", 0, 10}, {"gate-5", -35, 0}, {"gate-1", 0, 20}, {"ciyao", -40, 0}, {"", 200, 5000}, {"ciyao", -40, 0},
	} {
		zone, edge := nearest(tags[i].At)
		if edge < want.low || edge > want.high || want.zone != "" && zone != want.zone {
			t.Errorf("tag %d is %.1f m from the edge of %s, want %s and %v to %v", i+1, edge, zone, want.zone, want.low, want.high)
		}
	}
	if tags[0].After > 6*time.Second {
		t.Errorf("the first tag comes after %v", tags[0].After)
	}
	if d := tags[0].At.Distance(tags[2].At); d > 50 {
		t.Errorf("the repeated tag is %.0f m from the first", d)
	}
	// A drone tags what it can see.
	plan := Ciyao(start)
	for i, tag := range plan.Tags {
		for _, d := range plan.Drones {
			s := d.pose(tag.After)
			if away := s.at.Distance(tag.At); d.System == tag.System && (away > 1000 || s.phase != patrolling) {
				t.Errorf("at tag %d %s is %.0f m away, in phase %d", i+1, d.Name, away, s.phase)
			}
		}
	}
}

// toSegment is the distance from p to the way from a to b, in metres.
func toSegment(p, a, b Point) float64 {
	n, e := delta(a, b)
	pn, pe := delta(a, p)
	share := 0.0
	if l := n*n + e*e; l > 0 {
		share = min(max((pn*n+pe*e)/l, 0), 1)
	}
	return math.Hypot(pn-share*n, pe-share*e)
}

func TestAPlanThatCannotBeFlownIsRefusedWithAllReasons(t *testing.T) {
	p := hop()
	p.Start = time.Time{}
	p.Drones = append(p.Drones, Drone{System: 7, Name: "twin", Route: []Point{{91, 0}, {91, 0}}})
	p.Tags = []Tag{{System: 9}}
	err := p.Check()
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"start is missing", "system 7 is taken", "leads nowhere", "not on the earth", "speed", "tag 1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if err := send(t.Context(), p, Options{}, nil); err == nil {
		t.Error("send took it")
	}
	if err := send(t.Context(), hop(), Options{Speed: math.NaN()}, nil); err == nil {
		t.Error("send took a speed that is none")
	}
}

func TestSendKeepsTheTimeOfTheSteps(t *testing.T) {
	for _, speed := range []float64{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			began, sent := time.Now(), 0
			p := hop()
			err := send(t.Context(), p, Options{Speed: speed}, func(_ uint8, datagram []byte) error {
				if f := mavlink.Parse(datagram); f.MsgID == 33 {
					want := time.Duration(float64(sent) * float64(tick) / speed)
					if got := time.Since(began); got != want {
						t.Fatalf("speed %v: position %d left after %v, want %v", speed, sent, got, want)
					}
					sent++
				}
				return nil
			})
			if err != nil || sent != 44*5 {
				t.Errorf("speed %v: %d positions, %v", speed, sent, err)
			}
		})
	}
}

func TestASenderThatWasHeldUpDoesNotCatchUpInABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, sent := time.Now(), 0
		err := send(t.Context(), hop(), Options{Coalesce: true}, func(uint8, []byte) error {
			if sent++; sent == 10 {
				time.Sleep(time.Minute) // the laptop sleeps: time in this bubble is not real
			}
			return nil
		})
		if took := time.Since(began); err != nil || took < time.Minute+40*time.Second {
			t.Errorf("44 s of patrol and a minute of sleep took %v, %v", took, err)
		}
	})
}

func TestSendEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		p := hop()
		p.Length = 0
		if err := send(ctx, p, Options{}, func(uint8, []byte) error { return nil }); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestCoalescedDatagramsHoldTheSameFramesInFewerDatagrams(t *testing.T) {
	p := Ciyao(start)
	p.Length = 30 * time.Second
	run := func(coalesce bool) (datagrams int, frames map[uint8][]byte) {
		frames = map[uint8][]byte{}
		synctest.Test(t, func(t *testing.T) {
			err := send(t.Context(), p, Options{Coalesce: coalesce}, func(system uint8, d []byte) error {
				datagrams++
				frames[system] = append(frames[system], d...)
				if n, ok := mavlink.FrameLen(d); !ok || !coalesce && n != len(d) || len(d) > maxDatagram {
					t.Errorf("a datagram of %d bytes begins with a frame of %d", len(d), n)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		return datagrams, frames
	}
	single, one := run(false)
	joined, many := run(true)
	if joined != 3*30*5 || single <= 2*joined {
		t.Errorf("%d datagrams single, %d coalesced", single, joined)
	}
	for system, b := range one {
		if !bytes.Equal(b, many[system]) {
			t.Errorf("system %d sent other bytes", system)
		}
	}
}

func TestAPatrolArrivesOverARealSocketFromOneSourcePerDrone(t *testing.T) {
	sock, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sock.Close() }()
	p := Ciyao(start)
	p.Length = 2 * time.Second
	sent := make(chan error, 1)
	go func() {
		sent <- Send(t.Context(), p, Options{To: sock.LocalAddr().String(), Speed: 20, Coalesce: true})
	}()
	source := map[uint8]string{}
	buf := make([]byte, 65536)
	for range 3 * 2 * 5 {
		n, from, err := sock.ReadFromUDP(buf)
		if err != nil {
			t.Fatal(err)
		}
		system := mavlink.Parse(buf[:n]).SysID
		if before := source[system]; before != "" && before != from.String() {
			t.Errorf("system %d moved from %s to %s", system, before, from)
		}
		source[system] = from.String()
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if len(source) != 3 || source[1] == source[2] || source[2] == source[3] {
		t.Errorf("sources: %v", source)
	}
}

func TestNobodyHasToListen(t *testing.T) {
	sock, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to := sock.LocalAddr().String()
	if err := sock.Close(); err != nil {
		t.Fatal(err)
	}
	p := hop()
	p.Length = time.Second
	if err := Send(t.Context(), p, Options{To: to, Speed: 20}); err != nil {
		t.Error(err)
	}
	if err := Send(t.Context(), p, Options{To: "nowhere"}); err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("an address without a port: %v", err)
	}
}

func BenchmarkSteps(b *testing.B) {
	b.ReportAllocs()
	frames := 0
	for b.Loop() {
		p := Ciyao(start)
		p.Length = 10 * time.Second
		for range p.Steps() {
			frames++
		}
	}
	b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
}
