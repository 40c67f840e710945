package mavlink

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// Signed frames of rust-mavlink and gomavlib with their keys: one of them was altered after it was signed.
func TestThePublishedSignaturesHold(t *testing.T) {
	text, err := os.ReadFile(shared(t, "vectors", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Frames []struct{ Name, Hex, Key, Expect string } `json:"frames"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, v := range vectors.Frames {
		raw := unhex(t, v.Hex)
		if v.Key == "" {
			if SignatureValid(raw, &goodKey) {
				t.Errorf("%s: has no key and a signature that holds", v.Name)
			}
			continue
		}
		key := [32]byte(unhex(t, v.Key))
		outcomes[v.Expect]++
		if want := v.Expect == "ok"; SignatureValid(raw, &key) != want {
			t.Errorf("%s: valid is %v, want %v", v.Name, !want, want)
		}
		raw[len(raw)-1] ^= 1
		if SignatureValid(raw, &key) {
			t.Errorf("%s: holds with a bit flipped", v.Name)
		}
	}
	if outcomes["ok"] < 3 || outcomes["bad signature"] < 1 || len(outcomes) != 2 {
		t.Errorf("the vectors expect %v", outcomes)
	}
}

// sendAs sends a message as if it was verified, or with no signature.
func (x *field) sendAs(verified bool, sys, comp uint8, m message.Message) *News {
	x.t.Helper()
	fr := x.frame(sys, comp, m)
	if verified {
		fr.Raw, fr.Signed = signed(fr.Raw), true
	}
	return x.apply(&fr)
}

func TestATagWhoseCameraAnyoneMayHaveTurnedIsUnverified(t *testing.T) {
	for name, c := range map[string]struct {
		mode   Signing
		gimbal bool // signed
		wait   bool
		want   bool
	}{
		"all is signed":               {SigningPrefer, true, false, true},
		"but the gimbal's word":       {SigningPrefer, false, false, false},
		"but a gimbal's long ago":     {SigningPrefer, false, true, true},
		"where nobody looks at it":    {SigningOff, false, false, true},
		"required, in an older log":   {SigningRequire, false, false, false},
		"required, and so it is":      {SigningRequire, true, false, true},
		"required, and so it is long": {SigningRequire, true, true, true},
	} {
		plan := pressPlan()
		plan.Vehicles[0].Signing = c.mode
		x := newField(t, plan)
		fly := func() {
			x.at += 1_000_000
			for _, m := range []message.Message{copter(true), &all.MessageAttitude{TimeBootMs: x.bootMS()}, x.position(0, 0, 60)} {
				x.sendAs(true, 1, 1, m)
			}
		}
		fly()
		down := x.gimbal(0, -60, 0, 0, all.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME)
		x.sendAs(c.gimbal, 1, 154, down)
		if c.wait {
			for range 11 {
				fly()
			}
			x.sendAs(true, 1, 154, x.gimbal(0, -60, 0, 0, all.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME))
		}
		x.restart(plan)
		e := x.sendAs(true, 1, 1, text("SIGHTING 1 person")).Evidence
		if len(e) != 1 || e[0].Ray == nil || e[0].Verified != c.want {
			t.Errorf("%s: %+v, want verified %v", name, e, c.want)
		}
		point := x.sendAs(true, 1, 1, pressed(1, homeLat+5000, homeLon)).Evidence
		if len(point) != 1 || point[0].Ray != nil || !point[0].Verified {
			t.Errorf("%s: a point of its own owes nothing to the camera: %+v", name, point)
		}
	}
}

func TestAnUnsignedRadioStatusTouchesNothingOfAVehicleThatSigns(t *testing.T) {
	for mode, touched := range map[Signing]bool{SigningOff: true, SigningPrefer: false, SigningRequire: false} {
		plan := testPlan()
		plan.Vehicles[0].Signing = mode
		x := newField(t, plan)
		for range 5 {
			x.sendAs(true, 1, 1, copter(false))
		}
		before := asJSON(t, x.fleet.State())
		for range 70 { // numbers that lead nowhere
			x.seq[[2]uint8{1, 1}] += 90
			x.sendAs(false, 1, 1, &all.MessageRadioStatus{Rssi: 1})
			x.sendAs(false, 1, 1, &all.MessageRadio{Rssi: 1})
		}
		if got := asJSON(t, x.fleet.State()) != before; got != touched {
			t.Errorf("%q: it is touched: %v", mode, got)
		}
	}
}

// TestAFloodFillsNoMemory sends true frames with whatever in them, from whoever: what is kept of them is bounded.
func TestAFloodFillsNoMemory(t *testing.T) {
	ids := []uint32{
		idHeartbeat, idSysStatus, idSystemTime, idGPSRawInt, idAttitude, idGlobalPositionInt, idRCChannels, idCommandInt, idCommandLong, idTerrainReport,
		idAltitude, idBatteryStatus, idAutopilotVersion, idMountStatus, idCameraFeedback, idEKFStatusReport, idEstimatorStatus, idExtendedSysState,
		idNamedValueFloat, idNamedValueInt, idStatusText, idButtonChange, idCameraImageCaptured, idMountOrientation, idCameraFOVStatus,
		idCameraTrackingGeo, idGimbalAttitude, idGNSSIntegrity,
	}
	f := NewFleet(pressPlan())
	seed := uint64(1)
	random := func() uint64 { // of splitmix64
		seed += 0x9E37_79B9_7F4A_7C15
		z := (seed ^ seed>>30) * 0xBF58_476D_1CE4_E5B9
		z = (z ^ z>>27) * 0x94D0_49BB_1331_11EB
		return z ^ z>>31
	}
	at := int64(fieldStart)
	var news News
	send := func(sys uint8) {
		payload := make([]byte, 1+random()%64)
		for i := range payload {
			payload[i] = byte(random())
		}
		raw := appendV2(nil, byte(random()), sys, byte(random()), knownDialect().lookup(ids[random()%uint64(len(ids))]), payload)
		at += 200
		fr := Parse(raw)
		fr.At = at
		if random()%16 == 0 {
			f.Origin(OriginNote{Origin: uint16(random() % 500), System: fr.SysID, Component: fr.CompID, Link: "field", Address: fmt.Sprintf("192.0.2.1:%d", random()%65536)})
		}
		f.Advance(at, &news)
		f.Apply(&fr, &news)
		for _, e := range news.Evidence {
			if e.CE90DM < 0 || e.Ray != nil && math.IsNaN(e.Ray.Down) {
				t.Fatalf("%+v", e)
			}
		}
		news.Reset()
	}
	kept := func() (bytes int) { return len(asJSON(t, f.State())) }
	for range 60_000 {
		send(1)
	}
	first := kept()
	for range 60_000 {
		send(1)
	}
	if again := kept(); again > first+first/4 {
		t.Errorf("of one system %d bytes are kept, and %d after as much again", first, again)
	}
	for _, s := range f.State().Tracks {
		a, w := &s.Aim, &s.Switches
		for what, n := range map[string][2]int{
			"streams": {len(s.Streams), maxStreams}, "copies": {len(s.Folded), maxFolded}, "gimbals": {len(a.Gimbals), maxGimbals},
			"buttons": {len(w.Buttons), maxSpeakers}, "values": {len(w.Values), maxSpeakers}, "texts": {len(s.Texts), maxTexts}, "said": {len(s.Said), maxSaid},
			"targets": {len(s.Targets), maxCameras}, "captures": {len(s.Captures), maxCameras}, "clocks": {len(s.Clock.Others), maxClocks},
			"components": {len(s.Components), 256},
		} {
			if n[0] > n[1] {
				t.Errorf("track %d: %d %s, at most %d", s.Disc, n[0], what, n[1])
			}
		}
	}
	for sys := range 255 * 100 {
		send(uint8(1 + sys%255))
	}
	st := f.State()
	if most := 8 << 20; kept() > most || len(st.Systems) != 255 || len(st.Tracks) > 255*maxTracks || len(st.Origins) > 500 {
		t.Errorf("%d bytes of %d systems, %d tracks, %d origins", kept(), len(st.Systems), len(st.Tracks), len(st.Origins))
	}
	if slices.ContainsFunc(st.Systems, func(y SystemState) bool { return len(y.Speakers) > 256 }) {
		t.Error("more speakers than a system has components")
	}
}

// TestAForgerTurnsADroneIntoADisputeOnlyWhereNothingIsSigned: beside the drone someone sends, under its id and as fast as
// he likes, another clock, another place, a ground station's heartbeat, a turned camera, presses, and the drone's own
// frames again.
func TestAForgerTurnsADroneIntoADisputeOnlyWhereNothingIsSigned(t *testing.T) {
	for mode, safe := range map[Signing]bool{SigningOff: false, SigningPrefer: true, SigningRequire: true} {
		plan := pressPlan()
		plan.Vehicles[0].Signing = mode
		x := newField(t, plan)
		judge := NewSignatureJudge([]SigningKey{{System: 1, Mode: mode, Key: &goodKey}}, nil)
		ticks := uint64(0)
		receive := func(raw []byte) *News {
			fr := Parse(raw)
			fr.At = x.at
			x.last.Reset()
			if v := judge.Judge(raw, x.at); v != SignatureAccepted && v != SignatureVerified {
				return &x.last
			} else if mode != SigningOff {
				fr.Signed = v == SignatureVerified
			}
			return x.apply(&fr)
		}
		var heard [][]byte // by the forger
		own := func(m message.Message) *News {
			fr := x.frame(1, 1, m)
			ticks = max(ticks+1, uint64(x.at-signatureEpoch)/tickUS)
			raw := sign(fr.Raw, goodKey, 1, ticks)
			heard = append(heard, raw)
			return receive(raw)
		}
		forge := func(seq uint8, m message.Message) {
			raw, err := AppendFrame(nil, seq, 1, 1, m)
			if err != nil {
				t.Fatal(err)
			}
			receive(raw)
			receive(sign(raw, otherKey, 1, ticks))
		}
		for i := range 60 {
			x.at += 500_000
			own(copter(true))
			own(goodGPS())
			own(x.position(0, 0, 60))
			forge(uint8(i*7), &all.MessageGlobalPositionInt{TimeBootMs: 5_000_000 + uint32(i), Lat: homeLat + 9_000_000, Lon: homeLon, RelativeAlt: 9_000})
			forge(uint8(i*7+1), &all.MessageAttitude{TimeBootMs: 5_000_000 + uint32(i)})
			forge(uint8(i*7+2), beatOf(6, 8))
			forge(uint8(i*7+3), &all.MessageSystemTime{TimeBootMs: 1, TimeUnixUsec: 1})
			for _, raw := range heard[max(0, len(heard)-9):] {
				receive(raw)
			}
		}
		e := own(text("SIGHTING 1 person")).Evidence
		conflicts := x.count(ChangeConflict)
		if safe {
			fix, ok := x.fleet.LastFix(1)
			if len(e) != 1 || !e[0].Verified || conflicts != 0 || x.count(ChangeSuspect) != 0 || x.count(ChangeReboot) != 0 || !ok || fix.LatE7 != homeLat || x.track(1).station() {
				t.Errorf("%s: %d conflicts, suspect %d, reboots %d, fix %+v, evidence %+v", mode, conflicts, x.count(ChangeSuspect), x.count(ChangeReboot), fix, e)
			}
			continue
		}
		if conflicts != 1 || slices.ContainsFunc(e, func(e Evidence) bool { return e.Verified }) {
			t.Errorf("%s: a forger is not told: %d conflicts, evidence %+v", mode, conflicts, e)
		}
	}
}

// TestAStateThatWasTamperedWithEndsNoStation: a session's start state is a file like any other.
func TestAStateThatWasTamperedWithEndsNoStation(t *testing.T) {
	x := newField(t, pressPlan())
	look := func() {
		for range 20 {
			x.at += 200_000
			x.send(1, 1, copter(true))
			x.send(1, 1, x.position(0, 0, 60))
			x.send(1, 1, &all.MessageAttitude{TimeBootMs: x.bootMS()})
			x.send(1, 154, x.gimbal(0, -60, 0, 0, 32))
		}
		x.send(1, 1, text("SIGHTING 1 person"))
		x.fleet.Vehicles(x.at)
	}
	look()
	for name, tamper := range map[string]func(s *TrackState){
		"a newest sample that is not there": func(s *TrackState) { s.Aim.Places.Newest = historyLen },
		"one before the first":              func(s *TrackState) { s.Aim.Attitudes.Newest = -1 },
		"too many samples": func(s *TrackState) {
			p := &s.Aim.Gimbals[0].Pointings
			p.Samples = append(p.Samples, p.Samples...)
		},
		"no samples":                   func(s *TrackState) { s.Aim.Places.Samples = nil },
		"a standing that there is not": func(s *TrackState) { s.Vehicle.Standing = 9 },
		"a quality that there is not":  func(s *TrackState) { s.Position.Fix.Quality = 9 },
	} {
		st := x.fleet.State()
		if tamper(&st.Tracks[0]); asJSON(t, st) == asJSON(t, x.fleet.State()) {
			t.Errorf("%s: nothing was tampered with", name)
		}
		x.fleet.Restore(st)
		look()
	}
}
