package mavlink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

func ownFrames(t testing.TB, kind OwnKind, number uint32, body any) []Frame {
	t.Helper()
	raws, err := OwnFrames(DefaultOwnID, 250, kind, number, body)
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]Frame, len(raws))
	for i, raw := range raws {
		if v := Check(raw); v != Good {
			t.Fatalf("part %d is %v", i, v)
		}
		frames[i] = Parse(raw)
		frames[i].Origin = OriginOwn
	}
	return frames
}

func TestABeatIsTheHeartbeatOfAnOnboardComputerInService(t *testing.T) {
	raw := AppendBeat([]byte("before"), DefaultOwnID, 9)[len("before"):]
	want, err := AppendFrame(nil, 9, 245, 191, &all.MessageHeartbeat{
		Type: all.MAV_TYPE_ONBOARD_CONTROLLER, Autopilot: all.MAV_AUTOPILOT_INVALID, SystemStatus: all.MAV_STATE_ACTIVE, MavlinkVersion: 3,
	})
	if err != nil || !bytes.Equal(raw, want) || Check(raw) != Good {
		t.Errorf("beat is %x, want %x (%v)", raw, want, err)
	}
	f := Parse(raw)
	var in OwnInbox
	if own, ok := in.Add(&f); ok || in.Dropped != 0 {
		t.Errorf("a beat brought %+v, dropped %d", own, in.Dropped)
	}
}

func TestAnOwnFrameIsTheTunnelMessageThatGomavlibWrites(t *testing.T) {
	f := ownFrames(t, OwnMark, 0x01020304, MarkNote{LatE7: 1, Kind: "person"})[0]
	m := &all.MessageTunnel{PayloadType: OwnPayloadType}
	text := "\x01\x04\x00\x01\x04\x03\x02\x01" + `{"lat_e7":1,"lon_e7":0,"ce90_dm":0,"kind":"person","by":0,"at":0}`
	m.PayloadLength = uint8(copy(m.Payload[:], text))
	want, err := AppendFrame(nil, 250, 245, 191, m)
	if err != nil || !bytes.Equal(f.Raw, want) {
		t.Errorf("own frame is %x\nwant %x (%v)", f.Raw, want, err)
	}
}

func TestOwnMessagesOfAnyLengthComeBack(t *testing.T) {
	for _, n := range []int{0, 1, 117, 118, 119, 237, 238, 239, 1000, 255*120 - 2} {
		text := strings.Repeat("x", n)
		frames := ownFrames(t, OwnAct, 7, text)
		if want := (n + 2 + 119) / 120; len(frames) != want {
			t.Errorf("%d bytes of JSON in %d frames, want %d", n+2, len(frames), want)
		}
		var in OwnInbox
		for i := range frames {
			if frames[i].Seq != 250+uint8(i) {
				t.Errorf("part %d has sequence number %d", i, frames[i].Seq)
			}
			own, ok := in.Add(&frames[i])
			if ok != (i == len(frames)-1) {
				t.Fatalf("part %d of %d: ok %v", i, len(frames), ok)
			}
			if ok && (own.Kind != OwnAct || own.Number != 7 || string(own.Body) != `"`+text+`"`) {
				t.Errorf("%d bytes came back as %+v", n+2, own)
			}
		}
		if !reflect.DeepEqual(in, OwnInbox{}) {
			t.Errorf("the inbox is left as %+v", in)
		}
	}
	if _, err := OwnFrames(DefaultOwnID, 0, OwnAct, 1, strings.Repeat("x", 255*120-1)); err == nil {
		t.Error("30,601 bytes of JSON were taken")
	}
	if _, err := OwnFrames(DefaultOwnID, 0, OwnAct, 1, func() {}); err == nil {
		t.Error("a function was taken")
	}
}

func TestOnlyPartsThatFollowOneAnotherMakeAMessage(t *testing.T) {
	a := ownFrames(t, OwnAct, 1, strings.Repeat("a", 300)) // 3 parts
	b := ownFrames(t, OwnAct, 2, strings.Repeat("b", 300))
	mark := ownFrames(t, OwnMark, 1, strings.Repeat("a", 300))
	one := ownFrames(t, OwnLink, 3, LinkNote{Link: "field", Up: true})[0]
	beat := Parse(AppendBeat(nil, DefaultOwnID, 1))
	edit := func(f Frame, at int, x byte) Frame {
		raw := slices.Clone(f.Raw)
		raw[headerV2+at] = x
		return Parse(fixCRC(raw))
	}
	for _, tc := range []struct {
		name    string
		in      []Frame
		want    string // kind:number of what comes out
		dropped uint64
	}{
		{"in order", []Frame{a[0], a[1], a[2]}, "5:1 ", 0},
		{"with beats between", []Frame{a[0], beat, a[1], beat, a[2]}, "5:1 ", 0},
		{"two behind each other", []Frame{a[0], a[1], a[2], b[0], b[1], b[2]}, "5:1 5:2 ", 0},
		{"one that is whole in one part", []Frame{one}, "2:3 ", 0},
		{"a part missing", []Frame{a[0], a[2], one}, "2:3 ", 1},
		{"a part twice", []Frame{a[0], a[1], a[1], a[2]}, "", 2},
		{"no beginning", []Frame{a[1], a[2]}, "", 2},
		{"no end", []Frame{a[0], a[1], one}, "2:3 ", 1},
		{"of another number", []Frame{a[0], b[1], a[2]}, "", 2},
		{"of another kind", []Frame{a[0], mark[1], a[2]}, "", 2},
		{"of another version", []Frame{edit(one, 5, 2)}, "", 1},
		{"of no kind", []Frame{edit(one, 6, 0)}, "", 1},
		{"of no parts", []Frame{edit(one, 8, 0)}, "", 1},
		{"a part beyond the last", []Frame{edit(one, 7, 1)}, "", 1},
		{"of another payload type", []Frame{edit(one, 0, 0)}, "", 1},
		{"longer than its payload", []Frame{edit(one, 4, 128)}, "", 1},
		{"shorter than its head", []Frame{edit(one, 4, 7)}, "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var in OwnInbox
			out := ""
			for i := range tc.in {
				if own, ok := in.Add(&tc.in[i]); ok {
					out += fmt.Sprintf("%d:%d ", own.Kind, own.Number)
				}
			}
			if out != tc.want || in.Dropped != tc.dropped {
				t.Errorf("got %q, dropped %d; want %q, %d", out, in.Dropped, tc.want, tc.dropped)
			}
		})
	}
}

func TestAnInboxSavedAndRestoredBetweenTwoPartsGoesOn(t *testing.T) {
	frames := slices.Concat(
		ownFrames(t, OwnAct, 1, strings.Repeat("a", 500)), ownFrames(t, OwnPlan, 2, PlanNote{Digest: strings.Repeat("9", 64)}),
		ownFrames(t, OwnRefused, 3, strings.Repeat("c", 300))[1:], ownFrames(t, OwnAct, 4, strings.Repeat("d", 300)),
	)
	run := func(in *OwnInbox, frames []Frame) (out []OwnMessage) {
		for i := range frames {
			if own, ok := in.Add(&frames[i]); ok {
				out = append(out, own)
			}
		}
		return out
	}
	var straight OwnInbox
	want := run(&straight, frames)
	if len(want) != 3 {
		t.Fatalf("%d messages", len(want))
	}
	for cut := range frames {
		var before, after OwnInbox
		out := run(&before, frames[:cut])
		shared := before // as a State holds it while the fold goes on
		saved, err := json.Marshal(shared)
		if err != nil {
			t.Fatal(err)
		}
		run(&before, frames[cut:])
		if again, err := json.Marshal(shared); err != nil || !bytes.Equal(saved, again) {
			t.Fatalf("cut at %d: a copy of the inbox changed from %s to %s", cut, saved, again)
		}
		if err := json.Unmarshal(saved, &after); err != nil {
			t.Fatal(err)
		}
		if out = append(out, run(&after, frames[cut:])...); !reflect.DeepEqual(out, want) || !reflect.DeepEqual(after, straight) {
			t.Errorf("cut at %d: %+v, then %+v", cut, out, after)
		}
	}
}

func FuzzAnInboxTakesAnyTunnel(f *testing.F) {
	for _, n := range []int{5, 300} {
		for _, fr := range ownFrames(f, OwnAct, 1, strings.Repeat("a", n)) {
			f.Add(Payload(fr.Raw), Payload(fr.Raw))
		}
	}
	f.Add([]byte(nil), []byte{0x23, 0xba, 0, 0, 8, 1})
	f.Fuzz(func(t *testing.T, p, q []byte) {
		var in OwnInbox
		for _, p := range [][]byte{p, q, p} {
			fr := Parse(appendV2(nil, 1, 245, 191, knownDialect().lookup(idTunnel), p[:min(255, len(p))]))
			before := in
			own, ok := in.Add(&fr)
			if ok && own.Kind == 0 {
				t.Errorf("kind 0 from %x", p)
			}
			if len(in.Body) > len(before.Body)+ownPart || in.Parts != 0 && in.Next == 0 || in.Parts != 0 && in.Next >= in.Parts {
				t.Errorf("%+v after %+v and %x", in, before, p)
			}
		}
	})
}
