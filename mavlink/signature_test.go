package mavlink

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/frame"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	goodKey  = [32]byte{1, 2, 3}
	otherKey = [32]byte{9}
)

// noon is when the tests of signing play, µs and ticks.
const (
	noon      = 1_795_000_000_000_000
	noonTicks = (noon - signatureEpoch) / tickUS
	seconds   = 1_000_000 / tickUS // ticks
)

// sign makes a signed frame of an unsigned one with gomavlib's arithmetic.
func sign(raw []byte, key [32]byte, link uint8, ticks uint64) []byte {
	raw = slices.Clone(raw)
	raw[2] |= flagSigned
	id, start := header(raw)
	e := knownDialect().lookup(id)
	end := start + int(raw[1])
	sum := CRC(raw[1:end], e.extra)
	binary.LittleEndian.PutUint16(raw[end:], sum)
	sig := gomavlibSignature(raw, key, link, ticks)
	raw = append(raw, link)
	raw = append(raw, binary.LittleEndian.AppendUint64(nil, ticks)[:6]...)
	return append(raw, sig[:]...)
}

// gomavlibSignature gives what gomavlib signs the header, payload and checksum of raw with.
func gomavlibSignature(raw []byte, key [32]byte, link uint8, ticks uint64) frame.V2Signature {
	f, start := Parse(raw), headerV2
	end := start + int(raw[1])
	return *frame.V2Frame{
		IncompatibilityFlag: raw[2], CompatibilityFlag: raw[3], SequenceNumber: f.Seq, SystemID: f.SysID, ComponentID: f.CompID,
		Message:         &message.MessageRaw{ID: f.MsgID, Payload: raw[start:end]},
		Checksum:        binary.LittleEndian.Uint16(raw[end:]),
		SignatureLinkID: link, SignatureTimestamp: ticks,
	}.GenerateSignature((*frame.V2Key)(&key))
}

// The frames were made by node-mavlink 2.3.0 (MavLinkProtocolV2.sign), an implementation that shares no code with ours.
func TestSignaturesOfAnotherImplementationHold(t *testing.T) {
	key := [32]byte(unhex(t, "c99cec15ffb5daf89a343ada21935e279beb2e4d8e9b8a1a89bd285976b271b8"))
	for _, tc := range []struct {
		raw  string
		link uint8
		at   time.Time
	}{
		{"fd0901002a0701000000050000000203510403a2cd09e077264b232215861db05b42", 9, time.Date(2026, 11, 23, 7, 50, 0, 120e6, time.UTC)},
		{"fd2b01002b0701fd000006504f492033372e323431323334352c203131312e393531323334352c203731322e3530202861736d6c2903cbc8c87b264b2322936507672157",
			200, time.Date(2026, 11, 23, 7, 50, 0, 130e6, time.UTC)},
	} {
		raw := unhex(t, tc.raw)
		if Check(raw) != Good || !SignatureValid(raw, &key) {
			t.Errorf("%s: %v, signature %v", tc.raw, Check(raw), SignatureValid(raw, &key))
		}
		if link, ticks := SignatureStamp(raw); link != tc.link || int64(ticks*tickUS)+signatureEpoch != tc.at.UnixMicro() {
			t.Errorf("%s: link id %d, time %d", tc.raw, link, ticks)
		}
		for i := range raw {
			for bit := range 8 {
				raw[i] ^= 1 << bit
				if SignatureValid(raw, &key) {
					t.Errorf("%s holds with bit %d of byte %d turned", tc.raw, bit, i)
				}
				raw[i] ^= 1 << bit
			}
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyAWholeSignedFrameHasASignatureThatHolds(t *testing.T) {
	raw := sign(heartbeat(t, 1, 1), goodKey, 1, noonTicks)
	if !SignatureValid(raw, &goodKey) {
		t.Fatal("the whole one does not")
	}
	for n := range raw {
		if SignatureValid(raw[:n], &goodKey) {
			t.Errorf("the first %d bytes do", n)
		}
	}
	for what, ok := range map[string]bool{
		"another key": SignatureValid(raw, &otherKey), "no key": SignatureValid(raw, nil), "a byte more": SignatureValid(append(slices.Clone(raw), 0), &goodKey),
		"unsigned": SignatureValid(heartbeat(t, 1, 1), &goodKey), "MAVLink 1": SignatureValid(textV1, &goodKey),
	} {
		if ok {
			t.Errorf("%s: holds", what)
		}
	}
	if link, ticks := SignatureStamp(heartbeat(t, 1, 1)); link != 0 || ticks != 0 {
		t.Error("an unsigned frame has a time")
	}
}

// FuzzSignaturesAreGomavlibs gives both arithmetics the same frame: any header, payload, key and signature.
func FuzzSignaturesAreGomavlibs(f *testing.F) {
	f.Add([]byte{9, 1, 0, 42, 7, 1, 0, 0, 0}, []byte("payload"), []byte("key"), uint8(3), uint64(noonTicks), []byte{}, true)
	f.Add([]byte{}, []byte{}, []byte{}, uint8(0), uint64(0), []byte{1, 2, 3, 4, 5, 6}, false)
	f.Add([]byte{255, 1, 255, 255, 255, 255, 255, 255, 255}, make([]byte, 255), []byte{31: 1}, uint8(255), uint64(1<<48-1), []byte{0}, true)
	f.Fuzz(func(t *testing.T, head, payload, secret []byte, link uint8, ticks uint64, guess []byte, honest bool) {
		payload = payload[:min(255, len(payload))]
		raw := append([]byte{startV2}, full(head, 9)...)
		raw[1], raw[2] = byte(len(payload)), raw[2]|flagSigned
		raw = append(raw, payload...)
		raw = binary.LittleEndian.AppendUint16(raw, uint16(len(secret))) // not looked at: the caller has checked it
		ticks &= 1<<48 - 1
		key := [32]byte(full(secret, 32))
		want := gomavlibSignature(raw, key, link, ticks)
		raw = append(raw, link)
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, ticks)[:6]...)
		sent := want
		if !honest {
			copy(sent[:], guess)
		}
		raw = append(raw, sent[:]...)
		if got := SignatureValid(raw, &key); got != (sent == want) {
			t.Errorf("%x: valid is %v, gomavlib signs with %x", raw, got, want)
		}
		if gotLink, gotTicks := SignatureStamp(raw); gotLink != link || gotTicks != ticks {
			t.Errorf("link id %d and time %d read as %d and %d", link, ticks, gotLink, gotTicks)
		}
	})
}

func TestASignatureIsJudgedByTheRules(t *testing.T) {
	prefer, require := SigningKey{System: 1, Mode: SigningPrefer, Key: &goodKey}, SigningKey{System: 1, Mode: SigningRequire, Key: &goodKey}
	lax := prefer
	lax.LaxClock = true
	off, keyless, zero := prefer, require, require
	off.Mode, keyless.Key, zero.Key = SigningOff, nil, &[32]byte{}
	known := []SignatureState{{System: 1, Component: 1, LinkID: 3, Last: noonTicks - 30*seconds}}
	const year = 365 * 24 * 3600 * seconds
	plain := heartbeat(t, 1, 1)
	at := func(ticks int64) []byte { return sign(plain, goodKey, 3, uint64(noonTicks+ticks)) }
	radio, err := AppendFrame(nil, 1, 1, 68, &all.MessageRadioStatus{Rssi: 100})
	if err != nil {
		t.Fatal(err)
	}
	radioV1, err := AppendFrameV1(nil, 1, 1, 68, &all.MessageRadio{Rssi: 100})
	if err != nil {
		t.Fatal(err)
	}
	v1, err := AppendFrameV1(nil, 1, 1, 1, &all.MessageHeartbeat{Type: all.MAV_TYPE_QUADROTOR})
	if err != nil {
		t.Fatal(err)
	}
	type frames [][]byte
	type verdicts []SignatureVerdict
	for name, tc := range map[string]struct {
		key    SigningKey
		known  []SignatureState
		frames frames
		want   verdicts
	}{
		"good":                                {require, nil, frames{at(0), at(1), at(500)}, verdicts{SignatureVerified, SignatureVerified, SignatureVerified}},
		"another key":                         {prefer, nil, frames{sign(plain, otherKey, 3, noonTicks)}, verdicts{SignatureBad}},
		"a copy, and an older one":            {prefer, nil, frames{at(5), at(5), at(4), at(6)}, verdicts{SignatureVerified, SignatureReplayed, SignatureReplayed, SignatureVerified}},
		"a minute behind on a new stream":     {prefer, nil, frames{at(-60 * seconds)}, verdicts{SignatureVerified}},
		"more on a new stream":                {prefer, nil, frames{at(-60*seconds - 1)}, verdicts{SignatureReplayed}},
		"a year old on a new stream":          {prefer, nil, frames{at(-year)}, verdicts{SignatureReplayed}},
		"a year old from before the epoch":    {prefer, nil, frames{sign(plain, goodKey, 3, 0)}, verdicts{SignatureReplayed}},
		"five minutes ahead":                  {prefer, nil, frames{at(300 * seconds)}, verdicts{SignatureVerified}},
		"more ahead moves nothing":            {prefer, nil, frames{at(0), at(300*seconds + 1), at(year), at(1)}, verdicts{SignatureVerified, SignatureFuture, SignatureFuture, SignatureVerified}},
		"more ahead makes no stream":          {prefer, nil, frames{at(300*seconds + 1), at(0)}, verdicts{SignatureFuture, SignatureVerified}},
		"a wrong key moves nothing":           {prefer, nil, frames{sign(plain, otherKey, 3, noonTicks+100), at(1)}, verdicts{SignatureBad, SignatureVerified}},
		"after a restart, newer than known":   {prefer, known, frames{at(-30*seconds + 1)}, verdicts{SignatureVerified}},
		"after a restart, what was known":     {prefer, known, frames{at(-30 * seconds), at(-40 * seconds)}, verdicts{SignatureReplayed, SignatureReplayed}},
		"after a restart, known and too old":  {prefer, []SignatureState{{1, 1, 3, noonTicks - year}}, frames{at(-year + 1), at(0)}, verdicts{SignatureReplayed, SignatureVerified}},
		"without a clock, any time":           {lax, nil, frames{at(-year), at(-year + 1), at(-year)}, verdicts{SignatureVerified, SignatureVerified, SignatureReplayed}},
		"without a clock, but not the future": {lax, nil, frames{at(year)}, verdicts{SignatureFuture}},
		"without a clock, after a restart":    {lax, known, frames{at(-year), at(-30 * seconds), at(-30*seconds + 1)}, verdicts{SignatureReplayed, SignatureReplayed, SignatureVerified}},
		"unsigned where preferred":            {prefer, nil, frames{plain, v1}, verdicts{SignatureAccepted, SignatureAccepted}},
		"unsigned, known from before only":    {prefer, known, frames{plain}, verdicts{SignatureAccepted}},
		"unsigned from one that signs":        {prefer, nil, frames{at(0), plain, v1, radio, otherComponent(plain)}, verdicts{SignatureVerified, SignatureMissing, SignatureMissing, SignatureAccepted, SignatureAccepted}},
		"a tag from one that signs":           {prefer, nil, frames{at(0), textV1of(t, 1)}, verdicts{SignatureVerified, SignatureAccepted}},
		"unsigned where required":             {require, nil, frames{plain}, verdicts{SignatureMissing}},
		"MAVLink 1 where required":            {require, nil, frames{v1}, verdicts{SignatureMissing}},
		"the radio's own word":                {require, nil, frames{radio, radioV1, sign(radio, otherKey, 3, noonTicks)}, verdicts{SignatureAccepted, SignatureAccepted, SignatureBad}},
		"an id that nobody knows":             {require, nil, frames{unknownOf(1), sign(unknownOf(1), goodKey, 3, noonTicks)}, verdicts{SignatureMissing, SignatureVerified}},
		"not looked at":                       {off, nil, frames{plain, at(0), at(0), sign(plain, otherKey, 3, noonTicks)}, verdicts{0, 0, 0, 0}},
		"another system":                      {require, nil, frames{heartbeat(t, 1, 2), sign(heartbeat(t, 1, 2), goodKey, 3, noonTicks)}, verdicts{0, 0}},
		"required without a key":              {keyless, nil, frames{plain, at(0)}, verdicts{SignatureMissing, SignatureBad}},
		"a key of zeros":                      {zero, nil, frames{sign(plain, [32]byte{}, 3, noonTicks)}, verdicts{SignatureBad}},
		"streams of their own": {prefer, nil, frames{at(5), sign(plain, goodKey, 4, noonTicks), sign(otherComponent(plain), goodKey, 3, noonTicks), at(5)},
			verdicts{SignatureVerified, SignatureVerified, SignatureVerified, SignatureReplayed}},
	} {
		t.Run(name, func(t *testing.T) {
			j := NewSignatureJudge([]SigningKey{tc.key}, tc.known)
			var got verdicts
			for _, raw := range tc.frames {
				got = append(got, j.Judge(raw, noon))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// textV1of is a STATUSTEXT of a system in MAVLink 1.
func textV1of(t *testing.T, system uint8) []byte {
	t.Helper()
	raw, err := AppendFrameV1(nil, 1, system, 1, text("POI 37.2510000, 111.9500000, 690.00 (asml)"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAComponentIsHeldToItsSigningForTenSeconds(t *testing.T) {
	j := NewSignatureJudge([]SigningKey{{System: 1, Mode: SigningPrefer, Key: &goodKey}}, nil)
	plain := heartbeat(t, 1, 1)
	j.Judge(sign(plain, goodKey, 3, noonTicks), noon)
	j.Judge(sign(plain, goodKey, 9, noonTicks), noon+5_000_000)
	for after, want := range map[int64]SignatureVerdict{15_000_000: SignatureMissing, 15_000_001: SignatureAccepted} {
		if got := j.Judge(plain, noon+after); got != want {
			t.Errorf("unsigned after %d µs: %v, want %v", after, got, want)
		}
	}
}

// unknownOf is a frame of an id that is in no dialect.
func unknownOf(system uint8) []byte {
	raw := unknown("abc")
	raw[5] = system
	return raw
}

func otherComponent(raw []byte) []byte {
	raw = slices.Clone(raw)
	raw[6]++
	return raw
}

func TestAStreamThatWasSilentForAMinuteBeginsAnew(t *testing.T) {
	j := NewSignatureJudge([]SigningKey{{System: 1, Mode: SigningRequire, Key: &goodKey}}, nil)
	plain := heartbeat(t, 1, 1)
	held := sign(plain, goodKey, 3, noonTicks+seconds) // heard by an adversary, kept from us
	for _, step := range []struct {
		after time.Duration
		raw   []byte
		want  SignatureVerdict
	}{
		{0, sign(plain, goodKey, 3, noonTicks), SignatureVerified},
		{2 * time.Minute, held, SignatureReplayed},
		{2 * time.Minute, sign(plain, goodKey, 3, noonTicks+90*seconds), SignatureVerified},
		{3 * time.Minute, sign(plain, goodKey, 3, noonTicks+91*seconds), SignatureVerified}, // it lags behind, but talks
	} {
		if got := j.Judge(step.raw, noon+step.after.Microseconds()); got != step.want {
			t.Errorf("after %v: %v, want %v", step.after, got, step.want)
		}
	}
}

func TestOneKeysStreamsDoNotPushOutAnothers(t *testing.T) {
	keys := []SigningKey{{System: 1, Mode: SigningRequire, Key: &goodKey}, {System: 2, Mode: SigningRequire, Key: &otherKey}}
	j := NewSignatureJudge(keys, nil)
	first := sign(heartbeat(t, 1, 1), goodKey, 3, noonTicks)
	j.Judge(first, noon)
	flood := func(at int64, ticks uint64) (made int) {
		for component := range 256 {
			for link := range uint8(8) {
				raw := heartbeat(t, 1, 2)
				raw[6] = uint8(component)
				if j.Judge(sign(raw, otherKey, link, ticks), at) == SignatureVerified {
					made++
				}
			}
		}
		return made
	}
	if n := flood(noon, noonTicks); n != maxSignedStreams/2 {
		t.Errorf("%d streams, its share is %d", n, maxSignedStreams/2)
	}
	if n := flood(noon+30_000_000, noonTicks+30*seconds); n != maxSignedStreams/2 {
		t.Errorf("%d streams went on or were new while all are young", n)
	}
	if j.Judge(first, noon+30_000_000) != SignatureReplayed {
		t.Error("the other system's stream is forgotten")
	}
	// What is older than a minute would be refused anyway: its place is free.
	at := int64(noon + 200_000_000)
	raw := heartbeat(t, 1, 2)
	raw[6] = 255
	if j.Judge(sign(raw, otherKey, 77, noonTicks+200*seconds), at) != SignatureVerified || len(j.State()) != 1+maxSignedStreams/2 {
		t.Errorf("no place became free, %d streams", len(j.State()))
	}
	if j.Judge(first, at) != SignatureReplayed {
		t.Error("the other system's stream is forgotten")
	}
}

func TestAVehicleWithoutAClockLosesNoStream(t *testing.T) {
	j := NewSignatureJudge([]SigningKey{{System: 1, Mode: SigningPrefer, Key: &goodKey, LaxClock: true}}, nil)
	made := 0
	for i := range maxSignedStreams + 10 {
		raw := heartbeat(t, 1, 1)
		raw[6] = uint8(i >> 8)
		if j.Judge(sign(raw, goodKey, uint8(i), 1), noon) == SignatureVerified {
			made++
		}
	}
	if made != maxSignedStreams || len(j.State()) != maxSignedStreams {
		t.Errorf("%d streams", made)
	}
	raw := heartbeat(t, 1, 1)
	raw[6] = 0
	if j.Judge(sign(raw, goodKey, 0, 1), noon) != SignatureReplayed {
		t.Error("the first is forgotten, and can be replayed")
	}
}

// However frames are mixed, delayed and copied, restarts and reloads included: none is verified twice, and none that a
// stream has moved past.
func TestNoFrameIsVerifiedTwice(t *testing.T) {
	plain := heartbeat(t, 1, 1)
	rapid.Check(t, func(t *rapid.T) {
		keys := []SigningKey{{System: 1, Mode: SigningPrefer, Key: &goodKey, LaxClock: rapid.Bool().Draw(t, "lax")}}
		j := NewSignatureJudge(keys, nil)
		type stream struct{ component, link uint8 }
		last := map[stream]uint64{}
		at := int64(noon)
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			at += rapid.Int64Range(0, 90_000_000).Draw(t, "passes")
			switch rapid.IntRange(0, 9).Draw(t, "restart") {
			case 0:
				j = NewSignatureJudge(keys, j.State())
			case 1:
				j.SetKeys(keys)
			}
			s := stream{rapid.Uint8Range(1, 2).Draw(t, "component"), rapid.Uint8Range(0, 2).Draw(t, "link")}
			ticks := uint64((at-signatureEpoch)/tickUS + rapid.Int64Range(-700*seconds, 700*seconds).Draw(t, "ahead"))
			raw := slices.Clone(plain)
			raw[6] = s.component
			if j.Judge(sign(raw, goodKey, s.link, ticks), at) != SignatureVerified {
				continue
			}
			if before, heard := last[s]; heard && ticks <= before {
				t.Fatalf("%v: %d after %d", s, ticks, before)
			}
			last[s] = ticks
		}
		if n := len(j.State()); n != len(last) {
			t.Fatalf("%d streams, verified of %d", n, len(last))
		}
	})
}

func TestTheStateIsInOrderAndComesBackAsItWas(t *testing.T) {
	known := []SignatureState{{1, 1, 9, 50}, {1, 2, 0, 7}, {3, 1, 1, 1 << 47}, {255, 255, 255, 1}}
	j := NewSignatureJudge(nil, []SignatureState{known[2], known[0], known[3], known[1], {1, 1, 9, 49}})
	if d := cmp.Diff(known, j.State()); d != "" {
		t.Error(d)
	}
	if len(NewSignatureJudge(nil, make([]SignatureState, 3*maxSignedStreams)).State()) != 1 {
		t.Error("the same stream is there several times")
	}
}

func BenchmarkJudge(b *testing.B) {
	raw := sign(position(b, 1, 1), goodKey, 3, noonTicks)
	j := NewSignatureJudge([]SigningKey{{System: 1, Mode: SigningRequire, Key: &goodKey}}, nil)
	b.ReportAllocs()
	for b.Loop() {
		j.streams[1] = j.streams[1][:0]
		if j.Judge(raw, noon) != SignatureVerified {
			b.Fatal("not verified")
		}
	}
}
