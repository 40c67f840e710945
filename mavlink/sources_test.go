package mavlink

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

func text(s string) *all.MessageStatustext { return &all.MessageStatustext{Severity: 6, Text: s} }

// pressed is what mount-poi.lua sends beside its text.
func pressed(captures uint16, lat, lng int32) *all.MessageCameraFeedback {
	return &all.MessageCameraFeedback{TimeUsec: 99, ImgIdx: 1, Lat: lat, Lng: lng, AltMsl: 69000, AltRel: 69000, CompletedCaptures: captures}
}

func TestTextsThatArePresses(t *testing.T) {
	for _, c := range []struct {
		text     string
		press    bool
		lat, lon int64
		located  bool
	}{
		{"POI 37.2412345, 111.9512345, 612.34 (asml)", true, 372412345, 1119512345, true},
		{"POI -33.8567844, -151.2152967, -3.00 (asml)", true, -338567844, -1512152967, true},
		{"POI 37.24123456, 111.95123454, 612.34 (asml)", true, 372412346, 1119512345, true}, // rounded
		{"POI 37, 111,", true, 370000000, 1110000000, true},
		{"POI 37.2412345,111.9512345", true, 372412345, 1119512345, true},
		{"POI -0.0000001, 0.5, 1", true, -1, 5000000, true},
		{"POI 99999999999999999999, 111.9, 1", true, 0, 0, true}, // out of range, and no overflow
		{"POI 3 people at the gate", true, 0, 0, false},
		{"POI 37.2412345, ", true, 0, 0, false},
		{"POI 37.2412345, north", true, 0, 0, false},
		{"POI 37.24123450000000000, 111.951234500000000000001", true, 372412345, 0, false}, // cut at 50 bytes
		{"POI: unable to find terrain within 10000 m", false, 0, 0, false},
		{"POI: tracking r=1 p=2 y=3", false, 0, 0, false},
		{"POI -", false, 0, 0, false},
		{"POI", false, 0, 0, false},
		{"POI x", false, 0, 0, false},
		{"xPOI 37.2, 111.9, 1", false, 0, 0, false},
		{"", false, 0, 0, false},
	} {
		m := StatusText{Text: []byte(c.text)[:min(len(c.text), textLen)]}
		if got := isPOI(m); got != c.press {
			t.Errorf("%q: a press: %v", c.text, got)
		}
		if !c.press {
			continue
		}
		lat, lon, ok := parsePOI(m.Text)
		if ok != c.located || ok && c.lat != 0 && (lat != c.lat || lon != c.lon) {
			t.Errorf("%q: %d, %d, %v", c.text, lat, lon, ok)
		}
		if _, refused := refusePoint(lat, lon); ok && c.lat == 0 && !refused {
			t.Errorf("%q: %d, %d is believed", c.text, lat, lon)
		}
	}
	if isPOI(StatusText{Text: []byte("POI 1.0, 2.0, 3"), ID: 7, ChunkSeq: 1}) {
		t.Error("the second chunk of a text is a press")
	}
	if !isPOI(StatusText{Text: []byte("POI 1.0, 2.0, 3"), ID: 7}) {
		t.Error("the first chunk of a text is no press")
	}
}

func TestTheMessagesOfOnePressShareAKey(t *testing.T) {
	const lat, lon = 372510000, 1119500000
	// The script's 32-bit floats put the text up to a metre beside the point.
	said := text("POI 37.2510004, 111.9500093, 690.00 (asml)")
	keys := func(x *field) (keys []EvidenceKey) {
		for _, e := range x.told.Evidence {
			keys = append(keys, e.Key)
		}
		return keys
	}
	for name, order := range map[string][]message.Message{
		"text first":     {said, pressed(1, lat, lon), pressed(1, lat, lon), said},
		"feedback first": {pressed(1, lat, lon), said, said, pressed(1, lat, lon)},
	} {
		x := newField(t, testPlan())
		x.hover(1, 60)
		for i, m := range order {
			x.send(1, 1, m)
			x.wait(4 * time.Second) // slow links
			if i == 1 {
				x.restart(testPlan())
			}
		}
		k := keys(x)
		if len(k) != 4 || k[0] != k[1] || k[0] != k[2] || k[0] != k[3] || k[0] == (EvidenceKey{}) {
			t.Errorf("%s: %+v", name, k)
		}
	}

	x := newField(t, testPlan())
	x.hover(1, 60)
	x.send(1, 1, pressed(1, lat, lon))
	x.send(1, 1, pressed(2, lat, lon)) // pressed again
	x.send(1, 1, pressed(3, lat+200, lon))
	x.wait(40 * time.Second)
	x.send(1, 1, pressed(1, lat+900, lon)) // after a reboot that nobody noticed
	if k := keys(x); len(k) != 4 {
		t.Fatalf("%d pieces of evidence", len(k))
	}
	seen := map[EvidenceKey]bool{}
	for _, k := range keys(x) {
		seen[k] = true
	}
	if len(seen) != 4 {
		t.Errorf("four presses have %d keys", len(seen))
	}

	x = newField(t, testPlan())
	x.send(1, 1, said)
	x.send(1, 1, pressed(1, lat, lon))
	x.send(1, 1, pressed(2, lat, lon)) // pressed again before its text
	x.send(1, 1, said)
	if k := keys(x); k[0] != k[1] || k[2] == k[0] || k[3] != k[2] {
		t.Errorf("two presses: %+v", k)
	}
	x.wait(31 * time.Second)
	x.send(1, 1, pressed(1, lat, lon))
	if k := keys(x); k[4] == k[0] {
		t.Error("a press 31 s later has the key of one before")
	}
}

func TestAPressGivesThePointOnTheGround(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	lat, lon := away(homeLat, homeLon, 60, 0)
	e := x.send(1, 1, pressed(1, lat, lon)).Evidence
	want := Evidence{
		At: x.at, Seen: e[0].Seen, Track: 1, Vehicle: "egret-1", Verified: true, Source: SourcePOIScript, Kind: "person",
		Key:     EvidenceKey{MsgID: 180, Track: 1, N: 1, LatE7: lat, LonE7: lon},
		Located: true, LatE7: lat, LonE7: lon, CE90DM: targetCE90DM(60, 60, 0, 3), Basis: BasisTarget,
		Ellipse: targetEllipse(60, 60, 0, 3),
	}
	if len(e) != 1 || abs(int64(e[0].CE90DM-want.CE90DM)) > 1 {
		t.Fatalf("got  %+v\nwant %+v", e, want)
	}
	// The point is a whole number of 1e-7 degrees, not quite 60 m away.
	if want.CE90DM, want.Ellipse = e[0].CE90DM, e[0].Ellipse; e[0] != want || abs(int64(want.Ellipse.MajorDM-targetEllipse(60, 60, 0, 3).MajorDM)) > 1 {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
	x.wait(11 * time.Second)
	if e := x.send(1, 1, pressed(2, lat, lon)).Evidence; e[0].CE90DM != unknownTargetDM {
		t.Errorf("without a young position %d dm", e[0].CE90DM)
	}
}

func TestTextsThatAreAlmostPressesAreCounted(t *testing.T) {
	for words, want := range map[string]uint32{"POI no fix here": 1, "POI nan, nan, nan": 1, "POI: tracking r=1": 0, "POInt of no return": 0, "landed": 0} {
		x := newField(t, testPlan())
		x.send(1, 1, copter(true))
		if news := x.send(1, 1, text(words)); len(news.Evidence) != 0 || news.Rejected[RejectUndecodable] != want {
			t.Errorf("%q: %d pieces of evidence, counted %d", words, len(news.Evidence), news.Rejected[RejectUndecodable])
		}
	}
}

func TestATagWithoutAUsablePointIsStillTold(t *testing.T) {
	for name, c := range map[string]struct {
		tag    message.Message
		refuse Reject
	}{
		"text of 0/0":            {text("POI 0.0000000, 0.0000000, 0.00 (asml)"), RejectZero},
		"text beyond the pole":   {text("POI 91.0000000, 111.9500000, 0.00 (asml)"), RejectRange},
		"text beyond any number": {text("POI 37.0, 999999999999.0, 0.00 (asml)"), RejectRange},
		"text without a point":   {text("POI 2 persons"), RejectUndecodable},
		"feedback of 0/0":        {pressed(1, 0, 0), RejectZero},
		"target unknown":         {&all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: math.MaxInt32, Lon: math.MaxInt32}, RejectSentinel},
		"target at infinity":     {&all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: math.MinInt32, Lon: math.MinInt32}, RejectSentinel},
		"target at 0/0":          {&all.MessageCameraTrackingGeoStatus{TrackingStatus: 1}, RejectZero},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(true))
			news := x.send(1, 1, c.tag)
			if e := news.Evidence; len(e) != 1 || e[0].Located || e[0].Basis != BasisNone || e[0].CE90DM != 0 || e[0].Key == (EvidenceKey{}) {
				t.Errorf("from nowhere: %+v", e)
			}
			var want Rejections
			if want[c.refuse] = 1; news.Rejected != want {
				t.Errorf("rejected %v", news.Rejected)
			}
			x = newField(t, testPlan())
			x.hover(1, 60)
			if e := x.send(1, 1, c.tag).Evidence; len(e) != 1 || !e[0].Located || e[0].Basis != BasisVehicle ||
				e[0].LatE7 != homeLat || e[0].LonE7 != homeLon || e[0].CE90DM != 3_000 {
				t.Errorf("from a vehicle at 60 m: %+v", e)
			}
		})
	}
}

func TestATagFromAVehicleOfUnknownHeightStandsInAWideCircle(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	for range 7 {
		x.send(1, 1, goodGPS())
		x.wait(time.Second)
	}
	if e := x.send(1, 1, pressed(1, 0, 0)).Evidence; len(e) != 1 || e[0].Basis != BasisVehicle || e[0].CE90DM != 5_000 {
		t.Errorf("%+v", e)
	}
}

func TestACamerasTargetIsToldAtItsBeginningAndAsItGoes(t *testing.T) {
	const active, coasting, failed = trackingActive, trackingCoasting, trackingError
	x := newField(t, testPlan())
	x.hover(1, 60)
	see := func(status uint8, north float64) int {
		x.send(1, 1, copter(true))
		lat, lon := away(homeLat, homeLon, north, 0)
		return len(x.send(1, 100, &all.MessageCameraTrackingGeoStatus{
			TrackingStatus: all.CAMERA_TRACKING_STATUS_FLAGS(status), Lat: lat, Lon: lon, HAcc: 4,
		}).Evidence)
	}
	step := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d pieces of evidence, want %d", what, got, want)
		}
		x.wait(time.Second)
	}
	step("an error", see(active|failed, 10), 0)
	step("a guess, before anything was seen", see(active|coasting, 10), 0)
	step("the beginning", see(active, 10), 1)
	first := x.told.Evidence[0]
	if first.CE90DM != 86 || first.Source != SourceTrackingGeo || first.Key.Comp != 100 || first.Basis != BasisTarget {
		t.Errorf("%+v", first)
	}
	step("the same", see(active, 15), 0)
	step("a guess 70 m on", see(active|coasting, 80), 0)
	step("49 m on", see(active, 59), 0)
	step("51 m on", see(active, 61), 1)
	if k := x.told.Evidence[1].Key; k == first.Key {
		t.Error("51 m on it has the key of the beginning")
	}
	for range 58 {
		step("waiting", see(active, 61), 0)
	}
	step("59 s", see(active, 61), 0)
	step("60 s", see(active, 61), 1)
	step("idle", see(0, 61), 0)
	step("again", see(active, 61), 1)
	x.wait(4 * time.Second)
	step("5 s of silence", see(active, 61), 0)
	x.wait(5 * time.Second)
	step("6 s of silence", see(active, 61), 1)
}

func TestAPointAfterABeginningWithoutOneHasItsKey(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	nowhere := &all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: math.MaxInt32, Lon: math.MaxInt32, HAcc: float32(math.NaN())}
	first := x.send(1, 1, nowhere).Evidence[0]
	x.wait(time.Second)
	if news := x.send(1, 1, nowhere); len(news.Evidence) != 0 || news.Rejected[RejectSentinel] != 1 {
		t.Errorf("still without a point: %+v", news)
	}
	x.send(1, 1, x.position(0, 0, 60))
	e := x.send(1, 1, &all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: homeLat, Lon: homeLon, HAcc: float32(math.NaN())}).Evidence
	if len(e) != 1 || e[0].Key != first.Key || e[0].Basis != BasisTarget || e[0].CE90DM != targetCE90DM(60, 0, 0, 3) {
		t.Errorf("%+v after %+v", e, first)
	}
}

func TestPhotosSayWhereTheAircraftWas(t *testing.T) {
	feedback := func(img uint16, rel float32) *all.MessageCameraFeedback {
		return &all.MessageCameraFeedback{TimeUsec: 1, ImgIdx: img, Lat: homeLat, Lng: homeLon, AltMsl: 800, AltRel: rel, Yaw: 90}
	}
	captured := func(index, rel int32) *all.MessageCameraImageCaptured {
		return &all.MessageCameraImageCaptured{CameraId: 1, Lat: homeLat, Lon: homeLon, RelativeAlt: rel, ImageIndex: index, CaptureResult: 1}
	}
	for name, c := range map[string]struct {
		m    message.Message
		want int32
	}{
		"180 at 60 m":               {feedback(4, 60), 1200},
		"180 at 10 m":               {feedback(4, 10), 500},
		"180 at 400 m":              {feedback(4, 400), 5000},
		"180 without a height":      {feedback(4, float32(math.NaN())), 1600},
		"180 with an absurd height": {feedback(4, float32(math.Inf(1))), 1600},
		"263 at 60 m":               {captured(4, 60_000), 1200},
		"263 from PX4, no terrain":  {captured(4, -1000), 1600},
	} {
		x := newField(t, testPlan())
		x.hover(2, 80)
		e := x.send(2, 1, c.m).Evidence
		if len(e) != 1 || e[0].CE90DM != c.want || e[0].Basis != BasisVehicle || !e[0].Located || e[0].Source != SourcePhoto || e[0].LatE7 != homeLat {
			t.Errorf("%s: %+v", name, e)
		}
	}

	x := newField(t, testPlan())
	told := func(m message.Message) int { return len(x.send(2, 1, m).Evidence) }
	if told(captured(7, 1)) != 1 || told(captured(8, 1)) != 1 {
		t.Error("two photos")
	}
	first, second := x.told.Evidence[0].Key, x.told.Evidence[1].Key
	x.wait(29 * time.Second)
	if told(captured(8, 1)) != 1 || x.last.Evidence[0].Key != second || first == second {
		t.Error("a photo told again is another one")
	}
	if told(captured(7, 1)) != 0 || x.last.Rejected[RejectStale] != 1 {
		t.Error("an old photo told again is a new one")
	}
	x.wait(2 * time.Second)
	if told(captured(8, 1)) != 0 {
		t.Error("a photo told again after 31 s is a new one")
	}
	if told(feedback(65535, 50)) != 1 || told(feedback(0, 50)) != 1 || told(feedback(65535, 50)) != 0 {
		t.Error("16-bit image index over its wrap")
	}
	failed := captured(9, 1)
	failed.CaptureResult = 0
	if told(failed) != 0 || x.last.Rejected != (Rejections{}) {
		t.Error("a photo that failed")
	}
	x.send(2, 1, copter(true))
	x.send(2, 1, &all.MessageAttitude{TimeBootMs: 90_000})
	x.send(2, 1, &all.MessageAttitude{TimeBootMs: 100})
	if told(captured(0, 1)) != 1 {
		t.Error("the first photo after a reboot")
	}
	for i := range uint8(40) { // cameras without end
		m := captured(1, 1)
		m.CameraId = i + 10
		told(m)
	}
	if n := len(x.fleet.State().Tracks[0].Captures); n != maxCameras {
		t.Errorf("%d cameras are remembered", n)
	}
}

func TestTheTwoMeaningsOfCameraFeedback(t *testing.T) {
	press := pressed(3, homeLat, homeLon)
	for name, change := range map[string]func(m *all.MessageCameraFeedback){
		"second image":   func(m *all.MessageCameraFeedback) { m.ImgIdx = 2 },
		"two altitudes":  func(m *all.MessageCameraFeedback) { m.AltRel = 60 },
		"a roll":         func(m *all.MessageCameraFeedback) { m.Roll = -0.1 },
		"a pitch":        func(m *all.MessageCameraFeedback) { m.Pitch = 2 },
		"a yaw":          func(m *all.MessageCameraFeedback) { m.Yaw = 180 },
		"a focal length": func(m *all.MessageCameraFeedback) { m.FocLen = 35 },
	} {
		m := *press
		change(&m)
		x := newField(t, testPlan())
		if news := x.send(1, 1, &m); len(news.Evidence) != 0 || news.Rejected[RejectSourceOff] != 1 {
			t.Errorf("%s: a photo is taken for a press: %+v", name, news.Evidence)
		}
		if e := x.send(2, 1, &m).Evidence; len(e) != 1 || e[0].Source != SourcePhoto {
			t.Errorf("%s: %+v", name, e)
		}
	}
	x := newField(t, testPlan())
	if e := x.send(1, 1, press).Evidence; len(e) != 1 || e[0].Source != SourcePOIScript {
		t.Errorf("%+v", e)
	}
	if news := x.send(2, 1, press); len(news.Evidence) != 0 || news.Rejected[RejectSourceOff] != 1 {
		t.Errorf("egret-2 has photo alone: %+v", news.Evidence)
	}
}

func TestWhoseEvidenceCounts(t *testing.T) {
	poi := text("POI 37.2510000, 111.9500000, 690.00 (asml)")
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.send(1, 100, beatOf(30, 8))
	if e := x.send(1, 100, poi).Evidence; len(e) != 1 || !e[0].Verified {
		t.Errorf("a camera of a planned vehicle: %+v", e)
	}
	x.send(255, 190, beatOf(6, 8))
	for _, comp := range []uint8{190, 1} {
		if news := x.send(255, comp, poi); len(news.Evidence) != 0 || news.Rejected[RejectComponent] != 1 {
			t.Errorf("component %d of a ground station: %+v", comp, news.Evidence)
		}
	}
	x.send(1, 190, beatOf(6, 8))
	if news := x.send(1, 190, poi); len(news.Evidence) != 0 {
		t.Errorf("a ground station under a vehicle's id: %+v", news.Evidence)
	}
	if e := x.send(12, 191, poi).Evidence; len(e) != 1 || e[0].Verified || e[0].Vehicle != "system-12" {
		t.Errorf("a companion never heard before: %+v", e)
	}
	if news := x.send(0, 1, poi); len(news.Evidence) != 0 || news.Rejected[RejectComponent] != 1 {
		t.Errorf("system 0: %+v", news.Evidence)
	}
	if news := x.send(0, 1, text("Mode LOITER")); news.Rejected != (Rejections{}) {
		t.Errorf("a text of system 0: %v", news.Rejected)
	}
}

func TestOneShotIsWhatTheSourcesRead(t *testing.T) {
	for name, c := range map[string]struct {
		sources, own []Source
		want         []uint32
	}{
		"none":         {nil, nil, nil},
		"marks":        {[]Source{SourceMark}, nil, nil},
		"usual":        {[]Source{SourceMark, SourcePOIScript, SourceTrackingGeo}, nil, []uint32{180, 253, 276}},
		"photo of one": {[]Source{SourceTrackingGeo}, []Source{SourcePhoto}, []uint32{180, 263, 276}},
		"texts":        {[]Source{SourceStatusText}, nil, []uint32{253}},
		"streams":      {[]Source{SourceRCSwitch}, []Source{SourceNamedValue}, nil},
		"by hand":      {[]Source{SourceButton}, []Source{SourceSpatialUser}, []uint32{75, 76, 257}},
	} {
		is := OneShot(&FleetPlan{Sources: c.sources, Vehicles: []VehiclePlan{{System: 1, Sources: c.own}}})
		var got []uint32
		for id := range uint32(400) {
			if is(id) {
				got = append(got, id)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", name, got)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

func TestANewPlanTakesEffectAtTheNextFrame(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	p := testPlan()
	p.Vehicles[0].Name, p.Sources = "heron", []Source{SourceMark}
	x.fleet.SetPlan(p)
	if news := x.send(1, 1, pressed(1, homeLat, homeLon)); len(news.Evidence) != 0 || news.Rejected[RejectSourceOff] != 1 {
		t.Errorf("%+v", news)
	}
	if v := x.view(1); v.Name != "heron" || v.Position == nil || !strings.HasPrefix(v.Sortie, "1-") {
		t.Errorf("%+v", v)
	}
}
