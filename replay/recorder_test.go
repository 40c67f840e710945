package replay

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"riverwatch/mavlink"
)

// faultyFile is a log in memory that fails where it is told to, and knows what a crash would leave of it.
type faultyFile struct {
	data   []byte
	synced int

	writes       int
	failWrite    int // this one fails, counted from 1
	short        int // and leaves so many bytes behind
	silent       bool
	failTruncate bool
	failSync     bool
}

var errDisk = errors.New("no space left on device")

func (f *faultyFile) Write(b []byte) (int, error) {
	if f.writes++; f.writes == f.failWrite {
		n := min(f.short, len(b))
		f.data = append(f.data, b[:n]...)
		if f.silent {
			return n, nil
		}
		return n, errDisk
	}
	f.data = append(f.data, b...)
	return len(b), nil
}

func (f *faultyFile) Truncate(size int64) error {
	if f.failTruncate {
		return errDisk
	}
	f.data = f.data[:size]
	return nil
}

func (f *faultyFile) Sync() error {
	if f.failSync {
		return errDisk
	}
	f.synced = len(f.data)
	return nil
}

func (f *faultyFile) Close() error { return nil }

func TestWhateverWriteFailsTheLogEndsWithAWholeRecordAndTheRecorderTakesNoMore(t *testing.T) {
	all := batches(stationFrames(t, t0), 7)
	for n := 1; n <= len(all); n++ {
		for short := range 60 {
			f := &faultyFile{failWrite: n, short: short, silent: short%2 == 1, failTruncate: short%3 == 1}
			r := &Recorder{dir: "session", file: f}
			frames := 0
			for i, b := range all {
				err := r.Record(b)
				if (err == nil) != (i+1 < n) {
					t.Fatalf("write %d of %d failing: batch %d gave %v", n, len(all), i+1, err)
				}
				if err == nil {
					frames += len(b.Frames)
				}
			}
			if err := r.Sync(); err == nil {
				t.Fatal("a log with a hole was synced without a word")
			}
			if r.Size() > int64(len(f.data)) || (!f.failTruncate && r.Size() != int64(len(f.data))) {
				t.Fatalf("size %d, the file has %d", r.Size(), len(f.data))
			}
			// What a reader finds is what was recorded, and perhaps whole frames of the batch that failed.
			stamps, st := scanAll(t, bytes.NewReader(f.data))
			if len(stamps) < frames || st.SkippedBytes != 0 || (!f.failTruncate && (len(stamps) != frames || st.TrailingBytes != 0)) {
				t.Fatalf("write %d failing after %d bytes: %d frames, %d were recorded; %+v", n, short, len(stamps), frames, st)
			}
			if err := r.Close(); err != nil {
				t.Fatalf("a recorder that failed cannot be abandoned: %v", err)
			}
		}
	}
}

func TestACrashBetweenWriteAndSyncLosesNothingThatWasSynced(t *testing.T) {
	all := batches(stationFrames(t, t0), 7)
	for stop := range len(all) {
		f := new(faultyFile)
		r := &Recorder{dir: "session", file: f}
		synced := 0
		for i, b := range all[:stop+1] {
			if err := r.Record(b); err != nil {
				t.Fatal(err)
			}
			if i < stop {
				if err := r.Sync(); err != nil {
					t.Fatal(err)
				}
				synced += len(b.Frames)
			}
		}
		for size := f.synced; size <= len(f.data); size++ {
			stamps, st := scanAll(t, bytes.NewReader(f.data[:size]))
			if len(stamps) < synced || st.SkippedBytes != 0 {
				t.Fatalf("crash after %d of %d bytes: %d frames, %d were synced; %+v", size, len(f.data), len(stamps), synced, st)
			}
		}
	}
}

func TestAFailedSyncEndsTheRecording(t *testing.T) {
	f := &faultyFile{failSync: true}
	r := &Recorder{dir: "session", file: f}
	b := batches(heartbeats(1, 2, t0, 1), 2)[0]
	if err := r.Record(b); err != nil {
		t.Fatal(err)
	}
	if err := r.Sync(); !errors.Is(err, errDisk) {
		t.Errorf("sync gave %v", err)
	}
	f.failSync = false
	for _, err := range []error{r.Sync(), r.Record(b)} {
		if !errors.Is(err, errDisk) {
			t.Errorf("after a failed sync: %v", err)
		}
	}
}

func TestAnAddedPlanIsInTheSessionAndOnlyUnderItsDigest(t *testing.T) {
	r, err := Create(t.TempDir(), testManifest, t0, Beginning{})
	if err != nil {
		t.Fatal(err)
	}
	plan := []byte(`{"zones":[2]}`)
	if err := r.AddPlan(digestOf(plan), []byte(`{}`)); err == nil {
		t.Error("a plan came in under another one's digest")
	}
	for range 2 { // again is no mistake: a reload may come back to it
		if err := r.AddPlan(digestOf(plan), plan); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if err := r.Record(mavlink.Batch{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed recorder: %v", err)
	}
	s := openSession(t, r.Dir())
	if len(s.Plans) != 1 || string(s.Plans[digestOf(plan)]) != string(plan) {
		t.Errorf("plans %q", s.Plans)
	}
}

func TestASessionIsCreatedWholeOrNotAtAll(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data", "sessions")
	plan := []byte(`{}`)
	for name, c := range map[string]struct {
		m     Manifest
		plans map[string][]byte
	}{
		"another plan": {testManifest, map[string][]byte{digestOf(plan): []byte(`[]`)}},
		"no own id":    {Manifest{Station: "yanwu"}, nil},
	} {
		if _, err := Create(root, c.m, t0, Beginning{Plans: c.plans}); err == nil {
			t.Errorf("%s: created", name)
		}
		if left, err := os.ReadDir(root); err == nil && len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
	dir := recordSession(t, root, t0, nil)
	if _, err := Create(root, testManifest, t0, Beginning{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second session of the same time: %v", err)
	}
	// What a crash left while it was being built is no session, and goes with the next.
	half := filepath.Join(root, newPrefix+"20261123T080000.000000Z")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := List(root)
	if err != nil || len(all) != 1 || all[0].Dir != dir {
		t.Errorf("list %+v, %v", all, err)
	}
	recordSession(t, root, t0+secondUS, nil)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half session is still there: %v", err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("others may look into the session: %v %v", st.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if got := strings.Join(names, " "); got != "flight.tlog manifest.json "+planName(digestOf([]byte(`{"zones":[]}`)))+" start.json" {
		t.Errorf("a session has %s", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	r, err := Create(b.TempDir(), testManifest, t0, Beginning{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	const n = 256
	batch := batches(heartbeats(1, n, t0, 1), n)[0]
	b.SetBytes(int64(batch.Bytes() + n*stampLen))
	b.ReportAllocs()
	frames := 0
	for b.Loop() {
		if err := r.Record(batch); err != nil {
			b.Fatal(err)
		}
		if frames += n; r.size > 64<<20 {
			if err := r.file.Truncate(0); err != nil {
				b.Fatal(err)
			}
			r.size = 0
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
}

// A log whose file was removed can still be written, but nobody will ever read it.
func TestARecorderWhoseLogWasRemovedOrReplacedSaysSo(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"the sessions are removed": func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
		"the log is removed":       func(dir string) error { return os.Remove(filepath.Join(dir, logName)) },
		"a file takes their place": func(dir string) error {
			root := filepath.Dir(dir)
			return errors.Join(os.RemoveAll(root), os.WriteFile(root, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Create(filepath.Join(t.TempDir(), "sessions"), testManifest, t0, Beginning{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			all := batches(stationFrames(t, t0), 7)
			if err := errors.Join(r.Record(all[0]), r.Sync()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(r.Dir()); err != nil {
				t.Skipf("this system does not let an open file go: %v", err)
			}
			if err := errors.Join(r.Record(all[1]), r.Sync()); err == nil || !strings.Contains(err.Error(), r.Dir()) {
				t.Errorf("a log that nobody can read any more was synced: %v", err)
			}
			if r.Record(all[2]) == nil {
				t.Error("the recorder takes more")
			}
		})
	}
}
