package mavlink

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func pinnedPlan(p Pins) *FleetPlan {
	plan := testPlan()
	plan.Vehicles[0].Pins = p
	return plan
}

var board = bytes.Repeat([]byte{0xA7}, uid2Len)

func versionOf(uid []byte) *all.MessageAutopilotVersion {
	m := &all.MessageAutopilotVersion{}
	copy(m.Uid2[:], uid)
	return m
}

func TestAPinThatDoesNotHoldIsAConflict(t *testing.T) {
	other := slices.Clone(board)
	other[17]++
	fine := func(x *field) { x.send(1, 1, copter(false)) }
	from := func(link, address string) func(x *field) {
		return func(x *field) { x.from(1, 1, 3, link, address); fine(x) }
	}
	for name, c := range map[string]struct {
		pins  Pins
		bad   func(x *field)
		good  func(x *field)
		words string
	}{
		"its type": {Pins{Type: "quadrotor"}, func(x *field) { x.send(1, 1, beatOf(13, 3)) }, fine, "type is hexarotor, pinned quadrotor"},
		"its board": {Pins{UID2: hex.EncodeToString(board)}, func(x *field) { x.send(1, 1, versionOf(other)) },
			func(x *field) { x.send(1, 1, versionOf(board)) }, "uid2 is " + hex.EncodeToString(other) + ", pinned " + hex.EncodeToString(board)},
		"its link":    {Pins{Link: "field"}, from("radio", "a"), from("field", "a"), "heard from radio a, pinned field"},
		"its address": {Pins{Address: "192.0.2.7"}, from("field", "192.0.2.8:14550"), from("field", "192.0.2.7:9"), "heard from field 192.0.2.8:14550, pinned 192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, pinnedPlan(c.pins))
			x.send(1, 1, copter(false))
			c.good(x)
			if v := x.view(1); !v.Verified || v.Conflict || len(v.Violated) != 0 {
				t.Fatalf("while it holds: %+v", v)
			}
			x.kinds()
			poi := func(digit string) *Evidence {
				news := x.send(1, 1, text("POI 37.25100"+digit+"0, 111.9500000, 690.00 (asml)"))
				if len(news.Evidence) != 1 {
					t.Fatalf("evidence %+v", news.Evidence)
				}
				return &news.Evidence[0]
			}
			if !poi("1").Verified {
				t.Error("unverified while it holds")
			}
			c.bad(x)
			c.bad(x)
			if n := x.count(ChangeConflict); n != 1 {
				t.Fatalf("%d conflicts: %+v", n, x.told.Changes)
			}
			if v := x.view(1); v.Verified || !v.Conflict || !slices.Equal(v.Violated, []string{c.words}) || poi("2").Verified {
				t.Errorf("while it does not: %+v", v)
			}
			x.restart(pinnedPlan(c.pins))
			for range 59 {
				c.good(x)
				x.wait(time.Second)
			}
			if x.count(ChangeConflictOver) != 0 {
				t.Errorf("over after 59 s")
			}
			x.wait(2 * time.Second)
			c.good(x)
			if x.count(ChangeConflictOver) != 1 || x.view(1).Conflict || !x.view(1).Verified || !poi("3").Verified {
				t.Errorf("after 61 s: %+v, %+v", x.told.Changes, x.view(1))
			}

			c.bad(x) // and a plan without the pin
			if x.count(ChangeConflict) != 2 {
				t.Errorf("it tells %+v", x.told.Changes)
			}
			x.fleet.SetPlan(testPlan())
			x.wait(time.Second)
			if x.count(ChangeConflictOver) != 2 || !x.view(1).Verified {
				t.Errorf("after a plan without the pin: %+v", x.told.Changes)
			}
		})
	}
}

func TestWhatIsNotKnownContradictsNoPin(t *testing.T) {
	x := newField(t, pinnedPlan(Pins{Link: "field", Address: "192.0.2.0/24", Type: "quadrotor", UID2: hex.EncodeToString(board)}))
	x.send(1, 1, copter(false)) // in a log of others: no origin
	x.send(1, 1, versionOf(nil))
	x.send(1, 100, beatOf(30, 8)) // its camera is no quadrotor
	x.send(1, 191, beatOf(13, 3)) // nor is what only poses as its autopilot
	if v := x.view(1); v.Conflict || !v.Verified {
		t.Errorf("%+v", v)
	}
}

func TestAPinnedAddressIsANetworkAnAddressAPortOrADevice(t *testing.T) {
	for _, c := range []struct {
		pin, address string
		want         bool
	}{
		{"192.0.2.7", "192.0.2.7:1", true},
		{"192.0.2.7", "192.0.2.8:1", false},
		{"192.0.2.7:14550", "192.0.2.7:14550", true},
		{"192.0.2.7:14550", "192.0.2.7:14551", false},
		{"192.0.2.0/24", "192.0.2.200:1", true},
		{"192.0.2.0/24", "192.0.3.1:1", false},
		{"192.0.2.7", "[::ffff:192.0.2.7]:1", true},
		{"2001:db8::1", "[2001:db8::1]:5", true},
		{"[2001:db8::1]:5", "[2001:db8::1]:6", false},
		{"fe80::1", "[fe80::1%eth0]:5", true},
		{"/dev/ttyUSB0", "/dev/ttyUSB0", true},
		{"/dev/ttyUSB0", "/dev/ttyUSB1", false},
		{"192.0.2.7", "/dev/ttyUSB0", false},
		{"192.0.2.7", "other", false},
		{"192.0.2.7", "", true},
	} {
		p := Pins{Address: c.pin}.compile()
		if got := p.place(&SpeakerState{Link: "field", Address: c.address}); got != c.want {
			t.Errorf("pinned %s, heard from %q: %v", c.pin, c.address, got)
		}
	}
}

func TestAnOriginIsKnownByItsNumberOnceItHasBeenNamed(t *testing.T) {
	x := newField(t, testPlan())
	x.from(1, 1, 5, "field", "192.0.2.1:1")
	x.from(0, 0, 7, "radio", "/dev/ttyUSB0") // named for nobody we listen to
	x.from(2, 1, 5, "", "")
	x.from(1, 1, 7, "", "")
	x.restart(testPlan())
	if o := x.fleet.spokenFrom(2, 1); o.Origin != 5 || o.Link != "field" || o.Address != "192.0.2.1:1" {
		t.Errorf("%+v", o)
	}
	if o := x.fleet.spokenFrom(1, 1); o.Origin != 7 || o.Link != "radio" || o.Address != "/dev/ttyUSB0" {
		t.Errorf("%+v", o)
	}
	x.from(2, 1, 5, "field", "192.0.2.9:1") // the next session numbers anew
	x.from(1, 1, 5, "", "")
	if o := x.fleet.spokenFrom(1, 1); o.Address != "192.0.2.9:1" {
		t.Errorf("%+v", o)
	}
	x.from(1, 1, 99, "", "")
	if o := x.fleet.spokenFrom(1, 1); o.Origin != 99 || o.Link != "" || o.Address != "" {
		t.Errorf("%+v", o)
	}
	if o := x.fleet.spokenFrom(77, 3); o.Component != 3 || o.Origin != 0 {
		t.Errorf("%+v", o)
	}
}

func TestSigningMakesUnsignedFramesUnverified(t *testing.T) {
	for _, c := range []struct {
		mode         Signing
		signed, want bool
	}{
		{"", false, true}, {SigningOff, false, true}, {SigningPrefer, false, false}, {SigningPrefer, true, true},
		{SigningRequire, false, false}, {SigningRequire, true, true},
	} {
		plan := testPlan()
		plan.Vehicles[0].Signing = c.mode
		x := newField(t, plan)
		send := func(m message.Message) *News {
			fr := x.frame(1, 1, m)
			fr.Raw, fr.Signed = signed(fr.Raw), c.signed
			return x.apply(&fr)
		}
		send(copter(false))
		e := send(text("POI 37.2510000, 111.9500000, 690.00 (asml)")).Evidence
		if len(e) != 1 || e[0].Verified != c.want || x.view(1).Verified != c.want {
			t.Errorf("%q, signed %v: evidence %+v, view %v", c.mode, c.signed, e, x.view(1).Verified)
		}
		if keep := c.signed && c.mode != "" && c.mode != SigningOff; len(x.fleet.State().Signatures) > 0 != keep {
			t.Errorf("%q, signed %v: kept %+v", c.mode, c.signed, x.fleet.State().Signatures)
		}
	}
}

// stamped gives a frame a signature of a link and time that no key made.
func stamped(raw []byte, link uint8, ticks uint64) []byte {
	raw = signed(raw)
	s := raw[len(raw)-signatureLen:]
	s[0] = link
	for i := range 6 {
		s[1+i] = byte(ticks >> (8 * i))
	}
	return raw
}

func TestTheNewestSignatureOfEachStreamIsKept(t *testing.T) {
	plan := testPlan()
	plan.Vehicles[0].Signing, plan.Vehicles[1].Signing = SigningRequire, SigningPrefer
	x := newField(t, plan)
	sign := func(sys, comp, link uint8, ticks uint64, verified bool) {
		fr := x.frame(sys, comp, &all.MessageVfrHud{})
		fr.Raw, fr.Signed = stamped(fr.Raw, link, ticks), verified
		x.apply(&fr)
	}
	sign(2, 1, 0, 50, true)
	sign(1, 100, 3, 70, true)
	sign(1, 1, 3, 100, true)
	sign(1, 1, 3, 90, true) // late
	sign(1, 1, 2, 7, true)
	sign(1, 1, 9, 7, false)
	sign(9, 1, 9, 7, true) // not of the plan
	x.restart(plan)
	want := []SignatureState{{1, 1, 2, 7}, {1, 1, 3, 100}, {1, 100, 3, 70}, {2, 1, 0, 50}}
	if diff := cmp.Diff(want, x.fleet.State().Signatures); diff != "" {
		t.Errorf("signatures (-want +got):\n%s", diff)
	}
	for comp := range 5 {
		for link := range 256 {
			sign(1, uint8(10+comp), uint8(link), uint64(1000+256*comp+link), true)
		}
	}
	all := x.fleet.State().Signatures
	// One key's holder pushes out nothing of another's, be that as old as a clock that was never set.
	old := slices.IndexFunc(all, func(s SignatureState) bool { return s.Last <= 1256 })
	if len(all) != maxSignedStreams || old != maxSignedStreams-1 || all[old] != want[3] {
		t.Errorf("%d kept, the first old one is number %d: %+v", len(all), old, all)
	}
}

func FuzzUID2IsWhatGomavlibReads(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 61))
	f.Add(bytes.Repeat([]byte{2}, 90))
	f.Add(make([]byte, 78))
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw := appendV2(nil, 1, 1, 1, knownDialect().lookup(idAutopilotVersion), payload[:min(len(payload), 255)])
		m, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if v, ok := m.(*all.MessageAutopilotVersion); !ok {
			t.Fatalf("%T", m)
		} else if v.Uid2 != [uid2Len]uint8{} {
			want = hex.EncodeToString(v.Uid2[:])
		}
		if got := readUID2(Payload(raw)); got != want {
			t.Errorf("%s, gomavlib %s", got, want)
		}
	})
}

// drawDispute makes a flight in which it is not clear who is who.
func drawDispute(rt *rapid.T, t *testing.T) []step {
	x := newField(t, testPlan())
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
	waits := []int64{0, 20_000, 20_000, 100_000, 100_000, 200_000, 200_000, 200_000, 500_000, 500_000, 1_000_000, 3_100_000, 11_000_000, 61_000_000}
	var flock []*aircraft
	for i := range 3 {
		a := x.aircraft(uint8(pick("number", 3)*20), []time.Duration{time.Hour, time.Hour, 3 * time.Hour, time.Minute}[pick("booted", 4)],
			[]float64{0, 50, 900, 3000}[pick("where", 4)])
		a.origin = uint16(pick("origin", 3))
		if i > 0 && pick("one counter", 4) == 0 {
			a.seq = flock[0].seq
		}
		flock = append(flock, a)
	}
	who, origin := 0, uint16(0)
	var steps []step
	for range rapid.IntRange(1, 80).Draw(rt, "steps") {
		x.at += waits[pick("wait", len(waits))]
		s := step{at: x.at}
		if pick("other", 2) == 0 {
			who = pick("who", 3)
		}
		a := flock[who]
		lat, lon := away(homeLat, homeLon, a.north, a.east)
		var m message.Message
		comp := uint8(1)
		switch pick("what", 16) {
		case 0, 1:
			hb := copter(who != 1)
			hb.Type = []all.MAV_TYPE{2, 2, 2, 13}[pick("type", 4)]
			m = hb
		case 2, 3:
			m = &all.MessageAttitude{TimeBootMs: a.bootMS()}
		case 4, 5, 6, 7:
			m = &all.MessageGlobalPositionInt{TimeBootMs: a.bootMS(), Lat: lat, Lon: lon, RelativeAlt: 60_000}
		case 8:
			m = &all.MessageGpsRawInt{FixType: 3, Lat: lat, Lon: lon, Eph: 90}
		case 9:
			m = &all.MessageSystemTime{TimeBootMs: a.bootMS()}
		case 10:
			m = text("POI 37.251000" + []string{"1", "2"}[pick("digit", 2)] + ", 111.9500000, 690.00 (asml)")
		case 11:
			m = versionOf([][]byte{board, nil, {1}}[pick("board", 3)])
		case 12:
			a.booted = x.at - 1_000_000
			m = &all.MessageSystemTime{TimeBootMs: a.bootMS()}
		case 13:
			s.link = &LinkNote{Link: []string{"field", "radio"}[pick("link", 2)], Up: pick("up", 2) == 0}
		case 14:
			comp, m = 154, beatOf(26, 8)
		case 15:
			a.north += 600
			m = &all.MessageGlobalPositionInt{TimeBootMs: a.bootMS(), Lat: lat, Lon: lon, RelativeAlt: 60_000}
		}
		if m == nil {
			steps = append(steps, s)
			continue
		}
		if a.origin != origin {
			origin = a.origin
			steps = append(steps, step{at: x.at, origin: &OriginNote{
				Origin: origin, System: 1, Component: comp, Link: []string{"", "field", "radio"}[origin], Address: []string{"", "192.0.2.1:1", "192.0.2.2:1"}[origin],
			}})
		}
		if pick("lost", 10) == 0 {
			*a.seq += uint8(1 + pick("how many", 70))
		}
		raw, err := AppendFrame(nil, *a.seq, 1, comp, m)
		if err != nil {
			rt.Fatal(err)
		}
		*a.seq++
		if pick("signed", 2) == 0 {
			raw = stamped(raw, uint8(who), uint64(x.at/10))
		}
		fr := Parse(raw)
		fr.At, fr.Signed = x.at, Signed(raw)
		s.frame = &fr
		for range []int{1, 1, 1, 1, 2}[pick("copies", 5)] {
			steps = append(steps, s)
		}
		if n := len(steps); n > 1 && pick("late", 12) == 0 && steps[n-2].frame != nil && steps[n-1].frame != nil {
			a, b := *steps[n-2].frame, *steps[n-1].frame // which steps before may share
			a.At, b.At = steps[n-1].at, steps[n-2].at
			steps[n-2].frame, steps[n-1].frame = &b, &a
		}
	}
	return steps
}

func TestAFleetRestoredInADisputeGoesOnAsIfNothingHadBeen(t *testing.T) {
	seen := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawDispute(rt, t)
		plan := pinnedPlan([]Pins{{}, {}, {Type: "quadrotor"}, {UID2: hex.EncodeToString(board)}, {Link: "field"}, {Address: "192.0.2.1"}}[rapid.IntRange(0, 5).Draw(rt, "pins")])
		plan.Vehicles[0].Signing = rapid.SampledFrom([]Signing{SigningOff, SigningPrefer}).Draw(rt, "signing")

		told := goesOnAfterEachCut(rt, t, plan, steps, func(f *Fleet) {
			for id, tracks := range f.tracks {
				if len(tracks) > maxTracks || f.systems[id] != nil && len(tracks) == 0 {
					rt.Fatalf("%d tracks of system %d", len(tracks), id)
				}
				for _, s := range tracks {
					seen["tentative"] = seen["tentative"] || s.Identity.Tentative
					seen["contents"] = seen["contents"] || len(s.Folded) > 0
				}
			}
			seen["signatures"] = seen["signatures"] || len(f.signatures) > 0
		})
		for _, line := range told {
			for _, key := range []string{`"Kind":8`, `"Kind":9`, `"Kind":10`, `"Track":257`, `#2"`} {
				seen[key] = seen[key] || strings.Contains(line, key)
			}
		}
	})
	delete(seen, "")
	for what, ok := range seen {
		if !ok && !t.Failed() {
			t.Errorf("the flights brought about no %s", what)
		}
	}
}
