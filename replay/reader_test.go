package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

// tell draws frames: seconds after t0 and who speaks, "beat", "up", "down" for the own ones.
func tell(t testing.TB, frames []mavlink.Frame) (s []string) {
	t.Helper()
	var in mavlink.OwnInbox
	for i, f := range frames {
		if v := mavlink.Check(f.Raw); v != mavlink.Good && v != mavlink.UnknownID {
			t.Fatalf("frame %d is %v", i, v)
		}
		if i > 0 && f.At < frames[i-1].At {
			t.Fatalf("frame %d goes back in time", i)
		}
		who := fmt.Sprint(f.SysID)
		if f.Origin == mavlink.OriginOwn {
			who = "beat"
			if own, ok := in.Add(&f); ok {
				who = fmt.Sprintf("own%d", own.Kind)
				switch string(own.Body) {
				case `{"link":"","up":true}`:
					who = "up"
				case `{"link":"","up":false}`:
					who = "down"
				}
			}
		}
		s = append(s, fmt.Sprintf("%g:%s", float64(f.At-t0)/1e6, who))
	}
	return s
}

func TestLogsAreMergedByTimeThenByTheirOrderWithBeatsBetween(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.tlog"), filepath.Join(dir, "b.tlog")
	writeLog(t, a, heartbeats(1, 3, t0+500_000, 2*secondUS)...) // 0.5 2.5 4.5
	writeLog(t, b, heartbeats(2, 3, t0+2_500_000, secondUS)...) // 2.5 3.5 4.5
	want := "0.5:up 0.5:1 1:beat 2:beat 2.5:%d 2.5:%d 3:beat 3.5:2 4:beat 4.5:%d 4.5:%d"
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{[]string{a, b}, fmt.Sprintf(want, 1, 2, 1, 2)},
		{[]string{b, a}, fmt.Sprintf(want, 2, 1, 2, 1)},
	} {
		if got := strings.Join(tell(t, drain(t, open(t, c.paths...))), " "); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestAStationThatWasDownDidNotBeat: with beats between its sessions, silence would seem to have been listened to.
func TestAStationThatWasDownDidNotBeat(t *testing.T) {
	root := t.TempDir()
	var paths []string
	for _, at := range []int64{t0 + 500_000, t0 + 20*secondUS} {
		r, err := Create(root, testManifest, at, Beginning{})
		if err != nil {
			t.Fatal(err)
		}
		arena := mavlink.NewArena(nil)
		for _, f := range heartbeats(1, 2, at, 2*secondUS) {
			arena.Append(f)
		}
		if err := errors.Join(r.Record(arena.Batch()), r.Close()); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, r.Dir())
	}
	const want = "0.5:up 0.5:1 2.5:1 20:1 22:1"
	if got := strings.Join(tell(t, drain(t, open(t, paths...))), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAPauseIsMarkedAndHasNoBeats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	h := heartbeats(1, 2, t0, 600*secondUS)
	writeLog(t, path, h[0], h[1])
	if n := len(drain(t, open(t, path))); n != 2+600+1 {
		t.Errorf("ten minutes of silence give %d frames, want each second a beat", n)
	}
	h[1].At++
	writeLog(t, path, h[0], h[1])
	want := "0:up 0:1 0:down 600.000001:up 600.000001:1"
	if got := strings.Join(tell(t, drain(t, open(t, path))), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFromAndToLeaveOutWhatIsNotBetween(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, path, heartbeats(1, 6, t0+500_000, secondUS)...)
	r, err := Open(ReaderOptions{Paths: []string{path}, From: t0 + 1_500_000, To: t0 + 3_500_000})
	if err != nil {
		t.Fatal(err)
	}
	want := "1.5:up 1.5:1 2:beat 2.5:1"
	if got := strings.Join(tell(t, drain(t, r)), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSecretsArePassedOverAndUnknownIDsHandedOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	h := heartbeats(1, 2, t0, 10)
	secret := frame(t0+1, 255, 190, 0, &all.MessageSetupSigning{TargetSystem: 1, SecretKey: [32]uint8{7, 7, 7}})
	writeLog(t, path, h[0], secret, unknown(t0+2, 30), damaged(heartbeats(1, 1, t0+3, 1)[0]), h[1])
	r := open(t, path)
	for _, f := range drain(t, r) {
		if f.MsgID == msgSetupSigning || bytes.Contains(f.Raw, []byte{7, 7, 7}) {
			t.Error("the secret came out")
		}
	}
	want := []FileStats{{Path: path, Frames: 3, Secret: 1, Unknown: 1, Bad: 1}}
	if d := cmp.Diff(want, r.Stats()); d != "" {
		t.Errorf("stats (-want +got):\n%s", d)
	}
	done, total := r.Progress()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if done != st.Size() || total != st.Size() {
		t.Errorf("progress %d of %d, the file has %d", done, total, st.Size())
	}
	info, err := Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Frames != 3 || len(info.Messages) != 2 || info.Messages[1].ID != msgSetupSigning {
		t.Errorf("info does not count it: %+v", info)
	}
}

func TestFramesOfTheOwnIDInAForeignLogAreAStrangers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	own := mavlink.DefaultOwnID
	writeLog(t, path, frame(t0, own.System, own.Component, 0, autopilot()))
	frames := drain(t, open(t, path))
	if f := frames[len(frames)-1]; f.Origin != 0 || f.SysID != own.System {
		t.Errorf("got %+v", f)
	}
}

func TestFramesStayWholeWhileTheirBatchIsHeld(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.tlog"), filepath.Join(dir, "b.tlog")
	const n = 30_000 // several chunks and many batches
	writeLog(t, a, heartbeats(1, n, t0, 900)...)
	writeLog(t, b, heartbeats(2, n, t0+450, 900)...)
	r := open(t, a, b)
	var held []mavlink.Batch
	var frames int
	check := func(b mavlink.Batch) {
		for _, f := range b.Frames {
			if mavlink.Check(f.Raw) != mavlink.Good || mavlink.Parse(f.Raw).SysID != f.SysID {
				t.Fatalf("frame %d of a held batch was overwritten", frames)
			}
			frames++
		}
		b.Release()
	}
	for {
		batch, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		// Batches are given back late and out of order.
		if held = append(held, batch); len(held) == 5 {
			check(held[3])
			held = slices.Delete(held, 3, 4)
		}
	}
	for _, b := range held {
		check(b)
	}
	if want := 2*n + 1 + int(n*900/secondUS); frames < want-1 || frames > want+1 {
		t.Errorf("%d frames, want about %d", frames, want)
	}
}

func TestAReaderStopsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, path, heartbeats(1, 2, t0, secondUS)...)
	r := open(t, path)
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestALongLogIsReadInConstantMemoryWithoutAnAllocationPerFrame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.tlog")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const blocks, perBlock = 1000, 2000 // 60 MB
	block := append(records(heartbeats(1, perBlock, t0, 10_000)...), bytes.Repeat([]byte("junk"), 500)...)
	for range blocks {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r := open(t, path)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	for i := 0; ; i++ {
		b, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
		if i%100 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	runtime.ReadMemStats(&now)
	if st := r.Stats()[0]; st.Frames != blocks*perBlock || st.ClockSteps != blocks-1 {
		t.Errorf("stats %+v", st)
	}
	if peak > before.HeapAlloc+32<<20 {
		t.Errorf("%d bytes in use while reading, %d before", peak, before.HeapAlloc)
	}
	if n := now.Mallocs - before.Mallocs; n > blocks*perBlock/50 {
		t.Errorf("%d allocations for %d frames", n, blocks*perBlock)
	}
}

func TestRealLogsReplayInOrderWithEveryVerifiedFrame(t *testing.T) {
	needData(t, "tlog")
	paths, err := filepath.Glob(filepath.Join(sharedData, "tlog", "*.tlog"))
	if err != nil || len(paths) < 7 {
		t.Fatalf("found %d logs, %v", len(paths), err)
	}
	r := open(t, paths...)
	frames := drain(t, r)
	tell(t, frames)
	foreign := 0
	for _, f := range frames {
		if f.Origin != mavlink.OriginOwn {
			foreign++
		}
	}
	var want uint64
	for _, st := range r.Stats() {
		want += st.Frames + st.Unknown - st.Secret
	}
	if uint64(foreign) != want || want < 100_000 {
		t.Errorf("%d frames, the files have %d", foreign, want)
	}
}
