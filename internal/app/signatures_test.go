package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"

	"riverwatch/internal/sim"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

var testKey, otherKey = [32]byte{1, 2, 3}, [32]byte{4, 5, 6}

// epoch2015 is where signatures count from, µs.
const epoch2015 = 1_420_070_400_000_000

// sign makes a signed MAVLink 2 frame of an unsigned one, as a vehicle does whose clock shows at (µs).
func sign(raw []byte, key *[32]byte, linkID uint8, at int64) []byte {
	signed := bytes.Clone(raw)
	signed[2] |= 1
	// The checksum is linear, so that what the message adds to it at the end need not be known.
	end := len(raw) - 2
	crc := binary.LittleEndian.Uint16(raw[end:]) ^ mavlink.CRC(raw[1:end], 0) ^ mavlink.CRC(signed[1:end], 0)
	binary.LittleEndian.PutUint16(signed[end:], crc)
	var ticks [8]byte
	binary.LittleEndian.PutUint64(ticks[:], uint64(at-epoch2015)/10)
	signed = append(append(signed, linkID), ticks[:6]...)
	sum := sha256.Sum256(append(key[:len(key):len(key)], signed...))
	return append(signed, sum[:6]...)
}

// patrolFrames are the frames of the demonstration's patrol, those of egret-1 changed.
func patrolFrames(start time.Time, length time.Duration, egret1 func(at int64, raw []byte) []byte) (at []int64, frames [][]byte) {
	patrol := sim.Ciyao(start)
	patrol.Length = length
	last := int64(0)
	for step := range patrol.Steps() {
		now := max(start.Add(step.After).UnixMicro(), last)
		last = now
		raw := step.Raw
		if raw[5] == 1 {
			raw = egret1(now, raw)
		}
		at, frames = append(at, now), append(frames, bytes.Clone(raw))
	}
	return at, frames
}

// signer signs each frame with a time of its own.
func signer(key *[32]byte, late time.Duration) func(at int64, raw []byte) []byte {
	n := int64(0)
	return func(at int64, raw []byte) []byte {
		n += 10
		return sign(raw, key, 7, at+n-late.Microseconds())
	}
}

func writeTlog(t *testing.T, at []int64, frames [][]byte) (path string) {
	t.Helper()
	var log []byte
	for i := range frames {
		log = append(binary.BigEndian.AppendUint64(log, uint64(at[i])), frames[i]...)
	}
	path = filepath.Join(t.TempDir(), "signed.tlog")
	writeFile(t, path, string(log))
	return path
}

// withKey is a configuration whose egret-1 has more to it.
func withKey(t *testing.T, more string) (file string) {
	t.Helper()
	file = writeConfig(t, "{name: egret-1, system: 1}", "{name: egret-1, system: 1"+more+"}")
	for name, key := range map[string]*[32]byte{"right.key": &testKey, "wrong.key": &otherKey} {
		writeFile(t, filepath.Join(filepath.Dir(file), name), fmt.Sprintf("%x\n", *key))
	}
	writeFile(t, filepath.Join(filepath.Dir(file), "keys.yaml"), "- {system: 1, key_file: right.key}\n")
	writeFile(t, filepath.Join(filepath.Dir(file), "lax.yaml"), "- {system: 1, key_file: right.key, signing_clock: lax}\n")
	writeFile(t, filepath.Join(filepath.Dir(file), "required.yaml"), "- {system: 1, key_file: right.key, signing: require}\n")
	return file
}

// TestSignaturesOfAForeignLogAreJudgedAsAListenerWould: egret-1 tags somebody at gate 1 in its first seconds.
func TestSignaturesOfAForeignLogAreJudgedAsAListenerWould(t *testing.T) {
	start := time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)
	const length = 6 * time.Second
	plain := func(_ int64, raw []byte) []byte { return raw }
	log := func(egret1 func(int64, []byte) []byte) string {
		at, frames := patrolFrames(start, length, egret1)
		return writeTlog(t, at, frames)
	}
	good, bare, late := log(signer(&testKey, 0)), log(plain), log(signer(&testKey, time.Hour))
	at, frames := patrolFrames(start, length, signer(&testKey, 0))
	first := slices.IndexFunc(frames, func(raw []byte) bool { return raw[5] == 1 })
	only := writeTlog(t, at[first:first+1], frames[first:first+1])
	n := 0
	log(func(_ int64, raw []byte) []byte { n++; return raw })
	for _, c := range []struct {
		name, log, more, keys string
		alerts, said          string // "verified", "unverified" or nothing
		not                   string
	}{
		{"signed, and nobody looks", good, "", "", "verified", "", "signed"},
		{"signed, and its key is in the configuration", good, ", key_file: right.key", "", "verified", fmt.Sprint(n, " signed frames verified\n"), ""},
		{"signed, and its key is in a file of keys", good, "", "keys.yaml", "verified", fmt.Sprint(n, " signed frames verified\n"), ""},
		{"the file of keys goes before", good, ", key_file: wrong.key", "keys.yaml", "verified", fmt.Sprint(n, " signed frames verified\n"), ""},
		{"signed with another key", good, ", key_file: wrong.key", "", "", fmt.Sprintf("0 signed frames verified; refused: %d with a wrong signature\n", n), ""},
		{"and all of it is", only, ", key_file: wrong.key", "", "", "every frame was refused for its signature: look whether the key is that of this flight", "no frame lies"},
		{"not signed, and not required", bare, ", key_file: right.key", "", "unverified", "", "signed"},
		{"not signed, and required", bare, ", key_file: right.key, signing: require", "", "", fmt.Sprintf("0 signed frames verified; refused: %d without the signature that is required\n", n), ""},
		{"not signed, and required by the file of keys", bare, "", "required.yaml", "", fmt.Sprintf("refused: %d without the signature that is required\n", n), ""},
		{"of an hour ago by its own clock", late, "", "keys.yaml", "", fmt.Sprintf("0 signed frames verified; refused: %d replayed\n", n), ""},
		{"and its clock is known to be wrong", late, "", "lax.yaml", "verified", fmt.Sprint(n, " signed frames verified\n"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := withKey(t, c.more)
			o := ReplayOptions{Paths: []string{c.log}, Config: file, Out: io.Discard}
			if c.keys != "" {
				o.Keys = filepath.Join(filepath.Dir(file), c.keys)
			}
			got, said := judged(t, o)
			if got != c.alerts || !strings.Contains(said, c.said) || c.not != "" && strings.Contains(said, c.not) {
				t.Errorf("alerts %q, want %q; said\n%s", got, c.alerts, said)
			}
		})
	}
	t.Run("the same twice", func(t *testing.T) {
		file := withKey(t, ", key_file: right.key")
		got, said := judged(t, ReplayOptions{Paths: []string{good, good}, Config: file})
		if want := fmt.Sprintf("%d signed frames verified; refused: %d replayed\n", n, n); got != "verified" || !strings.Contains(said, want) {
			t.Errorf("alerts %q; said\n%s", got, said)
		}
	})
	t.Run("against a plan that believes another key", func(t *testing.T) {
		right, wrong := withKey(t, ", key_file: right.key"), withKey(t, ", key_file: wrong.key")
		var out bytes.Buffer
		if err := Replay(t.Context(), ReplayOptions{Paths: []string{good}, Config: right, Against: wrong, Out: &out, Err: io.Discard}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "removed ") {
			t.Errorf("differs by\n%s", got)
		}
	})
}

// judged says whether the alert of the log is a verified one, and what was said beside it.
func judged(t *testing.T, o ReplayOptions) (verified, said string) {
	t.Helper()
	var out, errs bytes.Buffer
	o.Out, o.Err, o.JSON = &out, &errs, true
	if err := Replay(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	switch text := out.String(); {
	case text == "":
		return "", errs.String()
	case strings.Contains(text, `"verified":true`) && !strings.Contains(text, `"verified":false`):
		return "verified", errs.String()
	default:
		return "unverified", errs.String()
	}
}

func TestASessionTakesNoKeys(t *testing.T) {
	file := withKey(t, "")
	startStation(t, file).stop()
	dir := sessionsOf(t, file)[0]
	err := Replay(t.Context(), ReplayOptions{
		Paths: []string{patrolLog(t, time.Second), dir}, Config: file, Keys: filepath.Join(filepath.Dir(file), "keys.yaml"), Out: io.Discard, Err: io.Discard,
	})
	if err == nil || !strings.Contains(err.Error(), "is a session, which takes no --keys: its frames were verified when they were recorded") {
		t.Errorf("got %v", err)
	}
}

// TestNoUnverifiedFrameFollowsAPlanThatAsksForSignatures: a stranger sends frames that look signed all the while that
// signing is turned on and off. In the log they look like verified ones, and replay takes them for that.
func TestNoUnverifiedFrameFollowsAPlanThatAsksForSignatures(t *testing.T) {
	file := withKey(t, `, signing: off`)
	off := readFile(t, file)
	s := startStation(t, file)
	beat, err := mavlink.AppendFrame(nil, 0, 1, 1, &common.MessageHeartbeat{Type: common.MAV_TYPE_QUADROTOR, Autopilot: common.MAV_AUTOPILOT_ARDUPILOTMEGA})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.LinkAddrs()["field"])
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var flood sync.WaitGroup
	flood.Go(func() {
		for {
			select {
			case <-quit:
				return
			default:
				_, _ = conn.Write(sign(beat, &otherKey, 9, time.Now().UnixMicro())) // the station may have ended
			}
		}
	})
	for i := range 60 {
		text := off
		if mode := []string{"prefer", "off", "require"}[i%3]; mode != "off" {
			text = strings.Replace(off, "signing: off", "key_file: right.key, signing: "+mode, 1)
		}
		writeFile(t, file, text)
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(quit)
	flood.Wait()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	verify(t, file)
	looked, signed := 0, 0
	for _, dir := range sessionsOf(t, file) {
		session, err := replay.OpenSession(dir)
		if err != nil {
			t.Fatal(err)
		}
		frames, err := session.Frames()
		if err != nil {
			t.Fatal(err)
		}
		defer frames.Close()
		asked, inbox := false, mavlink.OwnInbox{}
		for {
			b, err := frames.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Frames {
				f := &b.Frames[i]
				if f.Origin != mavlink.OriginOwn {
					if signed++; asked {
						t.Fatalf("frame %d of system %d was let in under a plan that asks for signatures", signed, f.SysID)
					}
				} else if own, ok := inbox.Add(f); ok && own.Kind == mavlink.OwnPlan {
					var note mavlink.PlanNote
					if err := json.Unmarshal(own.Body, &note); err != nil {
						t.Fatal(err)
					}
					looked++
					asked = bytes.Contains(session.Plans[note.Digest], []byte(`"signing":"`))
				}
			}
			b.Release()
		}
	}
	if looked < 30 || signed < 100 {
		t.Errorf("only %d plans and %d frames were looked at", looked, signed)
	}
}

// TestReplayedFramesAreRefusedAfterARestart: what the station knows of a vehicle's signatures outlives it.
func TestReplayedFramesAreRefusedAfterARestart(t *testing.T) {
	file := withKey(t, ", key_file: right.key, signing: require")
	s := startStation(t, file)
	at := time.Now()
	_, frames := patrolFrames(at, 3*time.Second, signer(&testKey, 0))
	var egret1 [][]byte
	for _, raw := range frames {
		if raw[5] == 1 {
			egret1 = append(egret1, raw)
		}
	}
	send := func(s *running) {
		conn, err := net.Dial("udp", s.LinkAddrs()["field"])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, raw := range egret1 {
			if _, err := conn.Write(raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(s *running, metric string) bool {
		return strings.Contains(get(t, s.Addr(), "/metrics"), fmt.Sprintf("%s %d\n", metric, len(egret1)))
	}
	send(s)
	eventually(t, "the frames", func() bool { return count(s, `riverwatch_frames_total{link="field"}`) })
	s.stop()
	for range 2 { // the second life knows it from the log, the third from its start state
		s = startStation(t, file)
		send(s)
		eventually(t, "the copies, refused", func() bool {
			return count(s, `riverwatch_frame_errors_total{link="field",reason="replayed"}`)
		})
		s.stop()
	}
	verify(t, file)
}

func TestTheStricterOfTwoPlansHolds(t *testing.T) {
	const prefer, require, off = mavlink.SigningPrefer, mavlink.SigningRequire, mavlink.SigningOff
	type mode struct {
		signing mavlink.Signing
		key     *[32]byte
		lax     bool
	}
	a, b := &testKey, &otherKey
	for _, c := range []struct{ old, next, want mode }{
		{mode{"", nil, false}, mode{prefer, a, true}, mode{prefer, a, false}},
		{mode{prefer, a, false}, mode{off, nil, false}, mode{prefer, a, false}},
		{mode{require, a, true}, mode{prefer, b, true}, mode{require, b, true}},
		{mode{prefer, a, false}, mode{require, a, false}, mode{require, a, false}},
	} {
		id := func(m mode, link string) []mavlink.VehicleIdentity {
			return []mavlink.VehicleIdentity{{System: 1, Link: link, Signing: m.signing, Key: m.key, LaxClock: m.lax}}
		}
		got := stricter(id(c.old, "old"), id(c.next, "new"))
		if len(got) != 1 || got[0] != id(c.want, "new")[0] {
			t.Errorf("%v and %v: %v, want %v", c.old, c.next, got, c.want)
		}
	}
	gone := []mavlink.VehicleIdentity{{System: 9, Signing: require, Key: a}}
	if got := stricter(gone, nil); len(got) != 1 || got[0] != gone[0] {
		t.Errorf("a vehicle that goes is held to %v until then", got)
	}
}

// TestAWhatIfBelievesNoSignatureThatItsKeyDoesNotHold: the station that recorded the session may have looked at none.
func TestAWhatIfBelievesNoSignatureThatItsKeyDoesNotHold(t *testing.T) {
	start := time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC)
	session := func(key *[32]byte) string {
		at, frames := patrolFrames(start, 6*time.Second, signer(key, 0))
		rec, err := replay.Create(t.TempDir(), replay.Manifest{Station: "yanwu", Own: mavlink.DefaultOwnID}, at[0], replay.Beginning{Start: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		arena := mavlink.NewArena(func(*mavlink.Arena) {})
		for i, raw := range frames {
			f := mavlink.Parse(raw)
			f.At, f.Origin = at[i], 1
			arena.Append(f)
		}
		if err := errors.Join(rec.Record(arena.Batch()), rec.Close()); err != nil {
			t.Fatal(err)
		}
		return rec.Dir()
	}
	for _, c := range []struct {
		name string
		key  *[32]byte
		more string
		want string
	}{
		{"its own key", &testKey, ", key_file: right.key", "verified"},
		{"another key", &otherKey, ", key_file: right.key", "unverified"},
		{"another key, required", &otherKey, ", key_file: right.key, signing: require", "unverified"},
		{"nobody looks", &otherKey, "", "verified"},
	} {
		if got, said := judged(t, ReplayOptions{Paths: []string{session(c.key)}, Config: withKey(t, c.more)}); got != c.want {
			t.Errorf("%s: alerts %q, want %q; said\n%s", c.name, got, c.want, said)
		}
	}
}
