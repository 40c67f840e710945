package mavlink

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"pgregory.net/rapid"
)

func TestWhatNeverCountsNeverDoes(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	x.send(255, 190, beatOf(6, 8))
	never := []message.Message{
		&all.MessageAdsbVehicle{IcaoAddress: 1, Lat: homeLat, Lon: homeLon, Altitude: 1000, Callsign: "SIGHT", Flags: 0xFFFF},
		&all.MessageOpenDroneIdBasicId{TargetSystem: 245, TargetComponent: 191}, &all.MessageOpenDroneIdLocation{Latitude: homeLat, Longitude: homeLon},
		&all.MessageOpenDroneIdAuthentication{}, &all.MessageOpenDroneIdSelfId{Description: "SIGHTING 3 person"},
		&all.MessageOpenDroneIdSystem{OperatorLatitude: homeLat, OperatorLongitude: homeLon}, &all.MessageOpenDroneIdOperatorId{OperatorId: "SIGHTING"},
		&all.MessageOpenDroneIdArmStatus{Error: "SIGHTING 3 person"}, &all.MessageOpenDroneIdMessagePack{}, &all.MessageOpenDroneIdSystemUpdate{OperatorLatitude: homeLat, OperatorLongitude: homeLon},
		&all.MessageLandingTarget{TargetNum: 1, Distance: 50, X: 1, Y: 1, PositionValid: 1},
		&all.MessageFollowTarget{Lat: homeLat, Lon: homeLon, EstCapabilities: 1}, &all.MessageUtmGlobalPosition{Lat: homeLat, Lon: homeLon, FlightState: 3},
		&all.MessageAisVessel{Mmsi: 412000000, Lat: homeLat, Lon: homeLon, Name: "SIGHTING 3"},
		&all.MessageCameraTrigger{Seq: 1}, &all.MessageCameraTrackingImageStatus{TrackingStatus: 1, PointX: 0.5, PointY: 0.5},
		&all.MessageV2Extension{TargetSystem: 245, TargetComponent: 191, MessageType: 31005}, &all.MessageParamValue{ParamId: "SIGHT", ParamValue: 3},
		&all.MessageNamedValueFloat{Name: "SIGHTED", Value: 3}, &all.MessageDebugVect{Name: "SIGHT", X: 3},
		&all.MessageStatustext{Text: "POI: unable to find terrain within 10000 m"}, &all.MessageStatustext{Text: "PreArm: SIGHT"},
		&all.MessageCommandAck{Command: 31005, TargetSystem: 245, TargetComponent: 191},
		&all.MessageCommandLong{TargetSystem: 1, TargetComponent: 1, Command: 195, Param5: 37.25, Param6: 111.95},  // region of interest
		&all.MessageCommandLong{TargetSystem: 1, TargetComponent: 1, Command: 2000, Param3: 1},                     // shutter
		&all.MessageCommandLong{TargetSystem: 245, TargetComponent: 191, Command: 31010, Param5: 37.25, Param6: 1}, // USER_1
		&all.MessageMissionItemInt{TargetSystem: 245, TargetComponent: 191, Command: 31005, X: homeLat, Y: homeLon},
		&all.MessageTunnel{TargetSystem: 245, TargetComponent: 191, PayloadType: 200}, &all.MessageTargetAbsolute{Lat: homeLat, Lon: homeLon},
		&all.MessageMemoryVect{}, &all.MessageVfrHud{Groundspeed: 3}, &all.MessageRcChannelsRaw{Chan7Raw: 1950},
	}
	for range 2 { // values change, and change again
		for _, who := range [][2]uint8{{1, 1}, {1, 100}, {255, 190}, {9, 1}} {
			for _, m := range never {
				n := x.send(who[0], who[1], m)
				if len(n.Evidence)+len(n.Replies)+len(n.LostTags) != 0 {
					t.Errorf("%T of %d/%d: %+v, replies %+v", m, who[0], who[1], n.Evidence, n.Replies)
				}
				x.wait(300 * time.Millisecond)
				if len(x.last.Evidence) != 0 {
					t.Errorf("after %T of %d/%d: %+v", m, who[0], who[1], x.last.Evidence)
				}
			}
		}
	}
	for _, m := range []message.Message{ // a ground station tags by command only
		text("POI 37.2510000, 111.9500000, 690.00 (asml)"), text("SIGHTING 3 person"), pressed(9, homeLat, homeLon), channels(9, 1950),
		&all.MessageButtonChange{TimeBootMs: 9, LastChangeMs: 9, State: 2}, &all.MessageNamedValueInt{Name: "SIGHT", Value: 9},
		&all.MessageCameraImageCaptured{CaptureResult: 1, Lat: homeLat, Lon: homeLon, ImageIndex: 5},
		&all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: homeLat, Lon: homeLon},
	} {
		if n := x.send(255, 190, m); len(n.Evidence) != 0 {
			t.Errorf("%T of a ground station: %+v", m, n.Evidence)
		}
	}
}

// aimedPlan has a vehicle whose camera looks 45 degrees down, straight ahead.
func aimedPlan() *FleetPlan {
	p := pressPlan()
	c := CameraConfig{Mount: MountFixed, PitchDeg: -45}
	p.Vehicles[0].Camera = c.plan()
	return p
}

func TestATagWithoutAPointOfItsOwnCarriesTheCamerasLineOfSight(t *testing.T) {
	for name, c := range map[string]struct {
		press []message.Message
		ray   bool
	}{
		"a text":                {[]message.Message{text("SIGHTING 1 person")}, true},
		"a button":              {[]message.Message{&all.MessageButtonChange{TimeBootMs: 62_000, LastChangeMs: 61_990, State: 2}}, true},
		"a value":               {[]message.Message{&all.MessageNamedValueInt{Name: "SIGHT"}, &all.MessageNamedValueInt{Name: "SIGHT", Value: 1}}, true},
		"a photo":               {[]message.Message{&all.MessageCameraImageCaptured{CaptureResult: 1, Lat: homeLat, Lon: homeLon, ImageIndex: 5}}, true},
		"a press without point": {[]message.Message{pressed(1, 0, 0)}, true},
		"a press with a point":  {[]message.Message{pressed(1, homeLat+5000, homeLon)}, false},
	} {
		x := newField(t, aimedPlan())
		for range 3 {
			x.second(1, true, 0, 0, 60)
			x.send(1, 1, &all.MessageAttitude{TimeBootMs: uint32((x.at-fieldStart)/1000) + 60_000, Yaw: math.Pi / 2})
		}
		x.send(1, 1, x.position(0, 0, 60))
		for _, m := range c.press {
			x.send(1, 1, m)
		}
		e := x.told.Evidence
		if len(e) != 1 || (e[0].Ray != nil) != c.ray || !e[0].Located {
			t.Fatalf("%s: %+v", name, e)
		}
		if r := e[0].Ray; c.ray && (e[0].Basis != BasisVehicle || e[0].CE90DM < 500 || math.Abs(r.Down-math.Sqrt2/2) > 1e-3 || math.Abs(r.East-math.Sqrt2/2) > 1e-3) {
			t.Errorf("%s: %+v along %+v", name, e[0], *r)
		}
	}
	p := aimedPlan()
	p.Options.Photo = &PhotoOptions{Position: PositionVehicle}
	x := newField(t, p)
	x.hover(1, 60)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 61_000})
	if e := x.send(1, 1, &all.MessageCameraImageCaptured{CaptureResult: 1, Lat: homeLat, Lon: homeLon, ImageIndex: 5}).Evidence; len(e) != 1 || e[0].Ray != nil {
		t.Errorf("photos of what is below: %+v", e)
	}
}

func TestATagFromASuspectPositionIsLabelledAndWide(t *testing.T) {
	for name, m := range map[string]message.Message{
		"by the vehicle": text("SIGHTING 1 person"), "by a point": pressed(1, homeLat+5000, homeLon),
		"a photo": &all.MessageCameraImageCaptured{CaptureResult: 1, Lat: homeLat, Lon: homeLon, ImageIndex: 5},
	} {
		x := newField(t, pressPlan())
		x.hover(1, 60)
		x.fleet.tracks[1][0].Trust.SuspectSince = x.at
		if e := x.send(1, 1, m).Evidence; len(e) != 1 || !e[0].Suspect || e[0].CE90DM < suspectCE90DM || e[0].Ellipse != (Ellipse{}) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestATagOutsideTheTheatreStandsWhereItsVehicleIs(t *testing.T) {
	p := pressPlan()
	p.Theatre = &Theatre{SouthE7: 370000000, NorthE7: 380000000, WestE7: 1110000000, EastE7: 1130000000}
	x := newField(t, p)
	x.hover(1, 60)
	n := x.send(1, 1, pressed(1, 1119500000/2, 372500000))
	if e := n.Evidence; len(e) != 1 || e[0].Basis != BasisVehicle || e[0].LatE7 != homeLat || n.Rejected[RejectOutside] != 1 {
		t.Errorf("%+v, rejected %v", e, n.Rejected)
	}
}

func TestAVehicleThatMovesWidensTheCircleAroundIt(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	m := x.position(0, 0, 60)
	m.Vx = 2000 // 20 m/s, 5 s ago and uncertain by 1 s
	x.send(1, 1, m)
	x.wait(5 * time.Second)
	if e := x.send(1, 1, text("SIGHTING 1 person")).Evidence; len(e) != 1 || e[0].CE90DM != 3_000+1_200 {
		t.Errorf("%+v", e)
	}
}

// drawTag is a message of some source, sane or not.
func drawTag(rt *rapid.T) message.Message {
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
	lat := []int32{homeLat, homeLat + 4000, 0, math.MaxInt32, math.MinInt32, 900_000_001, -900_000_000}[pick("lat", 7)]
	lon := []int32{homeLon, homeLon - 4000, 0, math.MaxInt32, 1_800_000_001, -1_800_000_000}[pick("lon", 6)]
	number := []float32{0, 1, -1, 60, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 3e38, 1e-40}[pick("number", 9)]
	boot := []uint32{0, 1, 59_000, 61_000, 62_000, 70_000, math.MaxUint32}[pick("boot", 7)]
	usec := []uint64{0, 1, 61_000_000, math.MaxUint32, fieldStart, fieldStart + 4_000_000, fieldStart - 86_400_000_000, 1 << 52, math.MaxUint64}[pick("usec", 9)]
	n := int32(pick("n", 40))
	words := []string{"SIGHTING 3 boat", "sighting 9999 \xb4\xac", "POI 37.2510000, 111.9500000, 1", "POI 99999, 1, 1", "\xe8\x88", strings.Repeat("sighting 1 ", 5)[:50]}[pick("words", 6)]
	switch pick("what", 14) {
	case 0:
		return &all.MessageStatustext{Text: words, Id: uint16(n % 3), ChunkSeq: uint8(n % 5)}
	case 1:
		return &all.MessageCameraFeedback{TimeUsec: usec, ImgIdx: 1, Lat: lat, Lng: lon, AltMsl: number, AltRel: number, CompletedCaptures: uint16(n)}
	case 2:
		return &all.MessageCameraFeedback{TimeUsec: usec, ImgIdx: uint16(n), Lat: lat, Lng: lon, AltMsl: 1, AltRel: number, Yaw: number}
	case 3:
		return &all.MessageCameraImageCaptured{TimeUtc: usec, TimeBootMs: boot, Lat: lat, Lon: lon, RelativeAlt: lat, ImageIndex: n, CaptureResult: all.MAV_BOOL(n % 2)}
	case 4:
		return &all.MessageCameraTrackingGeoStatus{TrackingStatus: all.CAMERA_TRACKING_STATUS_FLAGS(n % 12), Lat: lat, Lon: lon, HAcc: number}
	case 5, 6, 12, 13:
		return &all.MessageRcChannels{TimeBootMs: boot % 2, Chancount: uint8(n), Chan7Raw: []uint16{0, 1000, 1000, 1000, 1500, 1950, 1950, 1950, math.MaxUint16}[pick("us", 9)]}
	case 7:
		return &all.MessageButtonChange{TimeBootMs: boot, LastChangeMs: boot + uint32(n), State: uint8(n)}
	case 8:
		return &all.MessageNamedValueFloat{TimeBootMs: boot, Name: "SIGHT", Value: number}
	case 9:
		return &all.MessageNamedValueInt{TimeBootMs: boot, Name: "SIGHT", Value: n}
	case 10:
		return &all.MessageCommandInt{TargetSystem: 245, TargetComponent: uint8(n % 2 * 191), Command: 31005, X: lat, Y: lon, Frame: all.MAV_FRAME(n % 12)}
	default:
		return &all.MessageCommandLong{TargetSystem: 245, Command: 31005, Param5: number, Param6: []float32{number, 111.95, 0}[n%3], Confirmation: uint8(n)}
	}
}

func TestNoFramesMakeEvidenceThatCannotBe(t *testing.T) {
	kinds := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		p := pressPlan()
		p.Options.RCSwitch.Edge = EdgeBoth
		if rapid.Bool().Draw(rt, "aimed") {
			p.Vehicles[0].Camera = aimedPlan().Vehicles[0].Camera
		}
		x := newField(t, p)
		pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
		first := map[uint8]int64{}
		for range rapid.IntRange(10, 80).Draw(rt, "frames") {
			before := len(x.told.Evidence)
			sys, comp := []uint8{1, 1, 1, 2, 9, 255}[pick("system", 6)], []uint8{1, 1, 1, 100, 190}[pick("component", 5)]
			if first[sys] == 0 {
				first[sys] = x.at
			}
			switch pick("kind", 4) {
			case 0:
				m := x.position(float64(pick("north", 3)*50), 0, []float64{-3, 0, 60, 4000}[pick("up", 4)])
				m.Vx, m.Vy = int16(pick("vx", 2)*32767), int16(-pick("vy", 2)*32768)
				x.send(sys, 1, m)
			case 1:
				x.send(sys, 1, []message.Message{
					copter(true), goodGPS(), &all.MessageAttitude{TimeBootMs: uint32((x.at-fieldStart)/1000) + 60_000, Yaw: 1},
					&all.MessageSystemTime{TimeUnixUsec: uint64(x.at), TimeBootMs: uint32((x.at-fieldStart)/1000) + 60_000},
				}[pick("what else", 4)])
			default:
				m := drawTag(rt)
				if id := m.GetID(); id == idCommandInt || id == idCommandLong {
					sys, comp = 255, []uint8{190, 190, 190, 1}[pick("sender", 4)]
					if first[sys] == 0 {
						first[sys] = x.at
					}
				}
				x.send(sys, comp, m)
			}
			x.wait([]time.Duration{0, 0, 50 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 40 * time.Second}[pick("wait", 6)])
			for _, e := range x.told.Evidence[before:] {
				if fault := impossible(&e, first[e.Track.System()]); fault != "" {
					rt.Fatalf("%s: %+v", fault, e)
				}
				kinds[string(e.Source)] = true
			}
			for _, r := range x.told.Replies {
				if r.Command != 31005 || r.Result != 0 && r.Result != 2 || r.System != 255 || r.Component != 190 {
					rt.Fatalf("reply %+v", r)
				}
			}
		}
		asJSON(rt, x.told)
		asJSON(rt, x.fleet.State())
	})
	if len(kinds) != 8 && !t.Failed() {
		t.Errorf("the frames brought about only %v", kinds)
	}
}

// impossible says what is wrong with a piece of evidence of a track that was first heard at the instant first.
func impossible(e *Evidence, first int64) string {
	_, off := refusePoint(int64(e.LatE7), int64(e.LonE7))
	switch {
	case e.Located && off:
		return "off the earth"
	case e.Located && (e.CE90DM < minTargetDM || e.CE90DM > 100_000):
		return "a radius of nothing or of everything"
	case e.Located == (e.Basis == BasisNone), !e.Located && (e.CE90DM != 0 || e.LatE7 != 0 || e.LonE7 != 0 || e.Ray != nil):
		return "half a position"
	case !utf8.ValidString(e.Kind) || !IsKind(e.Kind):
		return "no kind"
	case e.Count < 0 || e.Count > 999:
		return "no count"
	case e.Seen.At > e.At:
		return "seen after it was told"
	case e.Seen.At < first:
		return fmt.Sprintf("seen before the vehicle was heard at %d", first)
	case e.Seen.Uncertainty < 0 || e.Seen.Source == "":
		return "no time"
	case e.Key == EvidenceKey{}:
		return "no key"
	case e.Ellipse != Ellipse{} && (e.Ellipse.MinorDM <= 0 || e.Ellipse.MajorDM < e.Ellipse.MinorDM || e.Ellipse.BearingDeg < 0 || e.Ellipse.BearingDeg > 179):
		return "no ellipse"
	}
	if r := e.Ray; r != nil {
		for _, v := range []float64{r.North, r.East, r.Down, r.SigmaPitch, r.SigmaYaw, r.SigmaPosM} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return "a line of sight without a number"
			}
		}
		if _, off := refusePoint(int64(r.LatE7), int64(r.LonE7)); off {
			return "a line of sight from off the earth"
		}
	}
	return ""
}

func TestSourcesRestoredAtAnyCutGoOnAsIfNothingHadBeen(t *testing.T) {
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		x := newField(t, pressPlan())
		pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
		var steps []step
		for i := range rapid.IntRange(5, 40).Draw(rt, "frames") {
			x.at += []int64{0, 50_000, 300_000, 2_000_000, 40_000_000}[pick("wait", 5)]
			sys, m := uint8(1), drawTag(rt)
			if i%4 == 0 {
				m = x.position(0, 0, 60)
			} else if id := m.GetID(); id == idCommandInt || id == idCommandLong {
				sys = 255
			}
			fr := x.frame(sys, []uint8{1, 190}[sys/255], m)
			steps = append(steps, step{at: x.at, frame: &fr})
		}
		whole := NewFleet(pressPlan())
		want := fold(rt, whole, steps)
		last := asJSON(rt, whole.State())
		before := NewFleet(pressPlan())
		for cut := range steps {
			f := restarted(t, before, pressPlan())
			if got := fold(rt, f, steps[cut:]); strings.Join(got, "\n") != strings.Join(want[cut:], "\n") {
				rt.Fatalf("cut before step %d: it tells\n%s\ninstead of\n%s", cut, strings.Join(got, "\n"), strings.Join(want[cut:], "\n"))
			}
			if got := asJSON(rt, f.State()); got != last {
				rt.Fatalf("cut before step %d: it remembers\n%s\ninstead of\n%s", cut, got, last)
			}
			fold(rt, before, steps[cut:cut+1])
		}
		told += strings.Count(strings.Join(want, ""), `"Evidence":[{`)
	})
	if told < 50 && !t.Failed() {
		t.Errorf("only %d pieces of evidence were told", told)
	}
}

func TestAQuietStreamOfASourceAllocatesNothing(t *testing.T) {
	x := newField(t, pressPlan())
	x.hover(1, 60)
	var frames []Frame
	for _, m := range []message.Message{
		channels(0, 1000), &all.MessageNamedValueFloat{Name: "SIGHT"}, &all.MessageNamedValueFloat{Name: "TEMP", Value: 3}, &all.MessageSysStatus{},
		&all.MessageButtonChange{TimeBootMs: 5, LastChangeMs: 5},
	} {
		x.send(1, 1, m)
		frames = append(frames, x.frame(1, 1, m))
	}
	var news News
	if n := testing.AllocsPerRun(100, func() {
		for i := range frames {
			x.at += 10_000
			frames[i].At = x.at
			x.fleet.Advance(x.at, &news)
			x.fleet.fold(x.fleet.tracks[1][0], x.fleet.reading(frames[i].MsgID), &frames[i], Payload(frames[i].Raw), &news)
		}
	}); n != 0 || len(news.Evidence) != 0 {
		t.Errorf("%v allocations, %d pieces of evidence", n, len(news.Evidence))
	}
}
