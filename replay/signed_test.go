package replay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"riverwatch/mavlink"
)

// TestWhatIsSignedInASessionWasVerified: its station would not have recorded it else. Nobody has looked at a foreign log.
func TestWhatIsSignedInASessionWasVerified(t *testing.T) {
	h := heartbeats(1, 4, t0, 1000)
	all := []mavlink.Frame{h[0], signed(h[1]), h[2], signed(h[3])}
	if mavlink.Check(all[1].Raw) != mavlink.Good {
		t.Fatal("the test's own frame does not hold")
	}
	dir := recordSession(t, filepath.Join(t.TempDir(), "sessions"), t0, all)
	foreign := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, foreign, all...)
	tell := func(frames []mavlink.Frame) string {
		var words []string
		for _, f := range frames {
			if f.Origin != mavlink.OriginOwn {
				words = append(words, fmt.Sprint(f.Signed))
			}
		}
		return strings.Join(words, " ")
	}
	asItWas, _ := sessionFrames(t, dir)
	earlier := recordSession(t, filepath.Join(t.TempDir(), "sessions"), t0, all)
	manifest, err := os.ReadFile(filepath.Join(earlier, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	writeBytes(t, filepath.Join(earlier, manifestName), bytes.Replace(manifest, []byte(`"format": 2`), []byte(`"format": 1`), 1))
	before, _ := sessionFrames(t, earlier)
	for name, c := range map[string]struct {
		frames []mavlink.Frame
		want   string
	}{
		"a session as it was":    {asItWas, "false true false true"},
		"a session in a what-if": {drain(t, open(t, dir)), "false true false true"},
		"one before signatures":  {before, "false false false false"},
		"a foreign log":          {drain(t, open(t, foreign)), "false false false false"},
	} {
		if got := tell(c.frames); got != c.want {
			t.Errorf("%s: signed %s, want %s", name, got, c.want)
		}
	}
}

// TestForeignFramesAreAskedAbout: those of a session are not; all others are in their order and with the time that they
// are handed out with, also those before the time asked for.
func TestForeignFramesAreAskedAbout(t *testing.T) {
	h := heartbeats(1, 6, t0, secondUS)
	foreign := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, foreign, h[0], h[1], unknown(h[1].At+1, 9), h[2], h[3])
	dir := recordSession(t, filepath.Join(t.TempDir(), "sessions"), t0, []mavlink.Frame{h[4], h[5]})
	var asked []string
	r, err := Open(ReaderOptions{Paths: []string{foreign, dir}, From: h[1].At, Admit: func(f *mavlink.Frame) bool {
		asked = append(asked, fmt.Sprint((f.At-t0)/secondUS))
		f.Signed = f.Seq == 3
		return f.Seq != 2
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range drain(t, r) {
		if f.Origin != mavlink.OriginOwn {
			got = append(got, fmt.Sprintf("%d:%d:%v", (f.At-t0)/secondUS, f.MsgID, f.Signed))
		}
	}
	if want := "0 1 1 2 3"; strings.Join(asked, " ") != want {
		t.Errorf("asked about %v, want %s", asked, want)
	}
	if want := "1:0:false 1:16777200:false 3:0:true 4:0:false 5:0:false"; strings.Join(got, " ") != want {
		t.Errorf("handed out %v, want %s", got, want)
	}
	if st := r.Stats()[0]; st.Frames != 4 {
		t.Errorf("%d frames counted: what is not admitted is in the log all the same", st.Frames)
	}
}
