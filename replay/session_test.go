package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

var testManifest = Manifest{Program: "test", Station: "yanwu", Own: mavlink.OwnID{System: 244, Component: 191},
	Previous: "20261123T065000.000000Z", ChainHead: "ab12", LedgerN: 17}

func digestOf(plan []byte) string {
	sum := sha256.Sum256(plan)
	return hex.EncodeToString(sum[:])
}

// note is an own frame of the test station.
func note(t testing.TB, at int64, kind mavlink.OwnKind, body any) []mavlink.Frame {
	t.Helper()
	parts, err := mavlink.OwnFrames(testManifest.Own, 0, kind, 1, body)
	if err != nil {
		t.Fatal(err)
	}
	var all []mavlink.Frame
	for _, raw := range parts {
		f := mavlink.Parse(raw)
		f.At, f.Origin = at, mavlink.OriginOwn
		all = append(all, f)
	}
	return all
}

func beat(at int64) mavlink.Frame {
	f := mavlink.Parse(mavlink.AppendBeat(nil, testManifest.Own, 0))
	f.At, f.Origin = at, mavlink.OriginOwn
	return f
}

// stationFrames is what a station records: its notes and beats, vehicles of two origins, one unknown id.
func stationFrames(t testing.TB, at int64) []mavlink.Frame {
	t.Helper()
	all := note(t, at, mavlink.OwnLink, mavlink.LinkNote{Link: "field", Up: true})
	all = append(all, note(t, at, mavlink.OwnOrigin, mavlink.OriginNote{Origin: 3, System: 1, Component: 1, Link: "field", Address: "127.0.0.1:4"})...)
	for i, f := range heartbeats(1, 40, at+10, 700_000) {
		if f.Origin = 3; i >= 20 {
			f.Origin = 9
		}
		if i == 20 {
			all = append(all, note(t, f.At, mavlink.OwnOrigin, mavlink.OriginNote{Origin: 9, System: 1, Component: 1, Link: "radio"})...)
		}
		all = append(all, f, beat(f.At+1))
		if i == 10 {
			u := unknown(f.At+2, 25)
			u.Origin = 3
			all = append(all, u)
		}
	}
	return all
}

// batches hands frames out in batches of n.
func batches(frames []mavlink.Frame, n int) (all []mavlink.Batch) {
	for c := range slices.Chunk(frames, n) {
		a := mavlink.NewArena(nil)
		for _, f := range c {
			a.Append(f)
		}
		all = append(all, a.Batch())
	}
	return all
}

// recordSession records frames in batches of seven and returns the session's folder.
func recordSession(t testing.TB, root string, at int64, frames []mavlink.Frame) string {
	t.Helper()
	plan := []byte(`{"zones":[]}`)
	r, err := Create(root, testManifest, at, Beginning{Start: []byte(`{"fold":1}`), Plans: map[string][]byte{digestOf(plan): plan}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches(frames, 7) {
		if err := r.Record(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return r.Dir()
}

func openSession(t testing.TB, dir string) *Session {
	t.Helper()
	s, err := OpenSession(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sessionFrames(t testing.TB, dir string) ([]mavlink.Frame, FileStats) {
	t.Helper()
	r, err := openSession(t, dir).Frames()
	if err != nil {
		t.Fatal(err)
	}
	frames := drain(t, r)
	return frames, r.Stats()[0]
}

func TestASessionGivesBackExactlyWhatWasRecorded(t *testing.T) {
	root := filepath.Join(t.TempDir(), "sessions")
	want := stationFrames(t, t0)
	dir := recordSession(t, root, t0, want)
	if got := filepath.Base(dir); got != "20261123T075000.000000Z" {
		t.Errorf("the folder is %s", got)
	}
	got, st := sessionFrames(t, dir)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("frames (-want +got):\n%s", d)
	}
	if st.Unknown != 1 || st.SkippedBytes+st.TrailingBytes != 0 {
		t.Errorf("stats %+v", st)
	}
	s := openSession(t, dir)
	m := testManifest
	m.Format, m.GoArch, m.Go, m.Started = SessionFormat, runtime.GOARCH, runtime.Version(), "2026-11-23T07:50:00.000000Z"
	if d := cmp.Diff(m, s.Manifest); d != "" {
		t.Errorf("manifest (-want +got):\n%s", d)
	}
	if string(s.Start) != `{"fold":1}` || len(s.Plans) != 1 || s.HasTransitions {
		t.Errorf("session %+v", s)
	}
	if _, err := s.Transitions(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("transitions that are not there: %v", err)
	}
	var keys map[string]any
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"format", "program", "goarch", "go", "station", "own", "previous", "chain_head", "ledger_n", "started"} {
		if _, ok := keys[k]; !ok {
			t.Errorf("the manifest does not tell %q", k)
		}
	}
	info, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Frames != st.Frames || info.UnknownFrames != 1 || info.File != dir {
		t.Errorf("info %+v", info)
	}
}

func TestASessionCutAtAnyByteOfItsLastFourKilobytesLoads(t *testing.T) {
	root := t.TempDir()
	want := stationFrames(t, t0)
	dir := recordSession(t, root, t0, want)
	path := filepath.Join(dir, logName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int{0} // of the records
	for i := range want {
		ends = append(ends, ends[i]+stampLen+len(want[i].Raw))
	}
	if ends[len(ends)-1] != len(whole) {
		t.Fatalf("the log has %d bytes, its records %d", len(whole), ends[len(ends)-1])
	}
	for size := len(whole); size >= max(0, len(whole)-4096); size-- {
		writeBytes(t, path, whole[:size])
		n, exact := slices.BinarySearch(ends, size)
		if !exact {
			n--
		}
		got, st := sessionFrames(t, dir)
		if len(got) != n || (n > 0 && got[n-1].At != want[n-1].At) || st.SkippedBytes != 0 || int(st.TrailingBytes) != size-ends[n] {
			t.Fatalf("cut to %d bytes: %d frames, want %d; %+v", size, len(got), n, st)
		}
		if size%67 != 0 { // a sync of the disk each
			continue
		}
		cut, err := RepairTail(dir)
		if err != nil || int(cut) != size-ends[n] {
			t.Fatalf("cut to %d bytes: repair took %d, want %d; %v", size, cut, size-ends[n], err)
		}
		if st, err := os.Stat(path); err != nil || int(st.Size()) != ends[n] {
			t.Fatalf("repaired to %d bytes, want %d; %v", st.Size(), ends[n], err)
		}
	}
}

func TestWhatIfOverASessionAddsNoBeatsInsideItsSpan(t *testing.T) {
	dir := t.TempDir()
	// The session's own beats come every 0.4 s here, to tell them from those of the reader.
	s := recordSession(t, dir, t0, []mavlink.Frame{beat(t0 + 2_000_000), beat(t0 + 2_400_000), heartbeats(1, 1, t0+4_500_000, 1)[0], beat(t0 + 5_100_000)})
	log := filepath.Join(dir, "a.tlog")
	writeLog(t, log, heartbeats(2, 2, t0+500_000, 6_000_000)...)
	want := "0.5:up 0.5:2 1:beat 2:beat 2:beat 2.4:beat 4.5:1 5.1:beat 6:beat 6.5:2"
	if got := strings.Join(tell(t, drain(t, open(t, log, s))), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Where nothing was recorded between two sessions, that is marked.
	later := recordSession(t, dir, t0+3600*secondUS, []mavlink.Frame{beat(t0 + 3600*secondUS)})
	want = "2:up 2:beat 2.4:beat 4.5:1 5.1:beat 5.1:down 3600:up 3600:beat"
	if got := strings.Join(tell(t, drain(t, open(t, later, s))), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestASessionThatIsDamagedOrNewerIsRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"no manifest", func(d string) error { return os.Remove(filepath.Join(d, manifestName)) }, "no manifest.json in it"},
		{"garbled manifest", func(d string) error { return os.WriteFile(filepath.Join(d, manifestName), []byte("{\"form"), 0o600) }, "manifest.json is damaged"},
		{"empty manifest", func(d string) error { return os.WriteFile(filepath.Join(d, manifestName), []byte("{}"), 0o600) }, "names no format"},
		{"newer", func(d string) error {
			return os.WriteFile(filepath.Join(d, manifestName), []byte(`{"format":3,"own":"otherwise"}`), 0o600)
		}, "format 3, this version reads up to 2"},
		{"no start", func(d string) error { return os.Remove(filepath.Join(d, startName)) }, "start.json"},
		{"no log", func(d string) error { return os.Remove(filepath.Join(d, logName)) }, "flight.tlog"},
		{"another plan", func(d string) error {
			return os.WriteFile(filepath.Join(d, planName(digestOf([]byte(`{"zones":[]}`)))), []byte(`{"zones":[1]}`), 0o600)
		}, "not the one that its name says"},
		{"cut transitions", func(d string) error {
			return os.WriteFile(filepath.Join(d, transitionsName), []byte("{}\n{\"se"), 0o600)
		}, "ends within a line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := recordSession(t, t.TempDir(), t0, stationFrames(t, t0))
			if err := c.damage(dir); err != nil {
				t.Fatal(err)
			}
			s, err := OpenSession(dir)
			if err == nil {
				_, err = s.Frames()
			}
			if err == nil {
				_, err = s.Transitions()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestASessionOfAStationThatSleptForDaysIsWholeToo(t *testing.T) {
	want := []mavlink.Frame{beat(t0), unknown(t0+1, 9), heartbeats(1, 1, t0+3*dayUS, 1)[0], beat(t0 + 3*dayUS)}
	got, _ := sessionFrames(t, recordSession(t, t.TempDir(), t0, want))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("frames (-want +got):\n%s", d)
	}
}

func TestTransitionsAreReplacedWhole(t *testing.T) {
	dir := recordSession(t, t.TempDir(), t0, nil)
	for _, lines := range [][][]byte{nil, {[]byte(`{"seq":1}`), []byte(`{"seq":2}`)}, {[]byte(`{"seq":3}`)}} {
		if err := WriteTransitions(dir, slices.Values(lines)); err != nil {
			t.Fatal(err)
		}
		s := openSession(t, dir)
		got, err := s.Transitions()
		if err != nil || !s.HasTransitions {
			t.Fatalf("%v %v", s.HasTransitions, err)
		}
		if d := cmp.Diff(lines, got); d != "" {
			t.Errorf("lines (-want +got):\n%s", d)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func TestAnEmptySessionIsASession(t *testing.T) {
	dir := recordSession(t, t.TempDir(), t0, nil)
	if frames, _ := sessionFrames(t, dir); len(frames) != 0 {
		t.Errorf("%d frames", len(frames))
	}
	if frames := drain(t, open(t, dir)); len(frames) != 0 {
		t.Errorf("what if: %d frames", len(frames))
	}
	info, err := Inspect(dir)
	if err != nil || info.Start != "" || info.End != "" || info.Frames != 0 {
		t.Errorf("info %+v, %v", info, err)
	}
	if cut, err := RepairTail(dir); cut != 0 || err != nil {
		t.Errorf("repair: %d %v", cut, err)
	}
}

func FuzzASessionLoadsOrSaysWhyNot(f *testing.F) {
	manifest, err := json.Marshal(Manifest{Format: 1, Own: mavlink.DefaultOwnID})
	if err != nil {
		f.Fatal(err)
	}
	plan := []byte(`{"zones":[]}`)
	f.Add(manifest, "plan-"+digestOf(plan)+".json", plan, records(stationFrames(f, t0)...))
	f.Add([]byte(`{"format":1}`), "plan-.json", []byte{}, []byte{0, 1, 2})
	f.Add([]byte(`{"format":"1"}`), transitionsName, []byte("\n\n"), []byte(nil))
	for _, c := range tlogTable() {
		f.Add(manifest, transitionsName, []byte("{}\n"), c.bytes)
	}
	f.Fuzz(func(t *testing.T, manifest []byte, name string, data, log []byte) {
		dir := t.TempDir()
		put := func(name string, data []byte) {
			writeBytes(t, filepath.Join(dir, name), data)
		}
		if name = filepath.Base(name); fs.ValidPath(name) && name != "." && !strings.ContainsRune(name, 0) && len(name) < 200 {
			put(name, data)
		}
		put(manifestName, manifest)
		put(startName, nil)
		put(logName, log)
		s, err := OpenSession(dir)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("not one line: %q", err)
			}
			return
		}
		if _, err := s.Transitions(); err == nil && !s.HasTransitions {
			t.Fatal("transitions from nowhere")
		}
		frames, st := sessionFrames(t, dir)
		cut, err := RepairTail(dir)
		if err != nil || cut != int64(st.TrailingBytes) {
			t.Fatalf("repair took %d of %d: %v", cut, st.TrailingBytes, err)
		}
		again, st := sessionFrames(t, dir)
		if len(again) != len(frames) || st.TrailingBytes != 0 {
			t.Fatalf("%d frames, after the repair %d, %+v", len(frames), len(again), st)
		}
	})
}
