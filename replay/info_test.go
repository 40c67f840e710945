package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sharedData is where recorded flights lie beside the project; tests that need them skip where they are not.
const sharedData = "../../shared/data"

func needData(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(sharedData, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs a recorded flight that is not here: %v", err)
	}
	return path
}

func TestInfoGivesTheFiguresThatThreeOtherReadersAgreeOn(t *testing.T) {
	data, err := os.ReadFile(needData(t, "tlog.json"))
	if err != nil {
		t.Fatal(err)
	}
	var logs []struct {
		File      string            `json:"file"`
		Frames    uint64            `json:"frames"`
		Bad       uint64            `json:"bad_frames"`
		Unknown   uint64            `json:"unknown_frames"`
		Skipped   uint64            `json:"skipped_bytes"`
		Trailing  uint64            `json:"trailing_bytes"`
		Start     string            `json:"start"`
		DurationS float64           `json:"duration_s"`
		Systems   map[string]uint64 `json:"systems"`
		Messages  map[string]uint64 `json:"messages"`
		Bounds    []float64         `json:"bounds_swne"`
	}
	if err := json.Unmarshal(data, &logs); err != nil {
		t.Fatal(err)
	}
	if len(logs) < 7 {
		t.Fatalf("tlog.json tells of %d logs, want 7 or more", len(logs))
	}
	for _, want := range logs {
		t.Run(filepath.Base(want.File), func(t *testing.T) {
			got, err := Inspect(needData(t, want.File))
			if err != nil {
				t.Fatal(err)
			}
			figures := func(frames, bad, unknown, skipped, trailing uint64, start string) string {
				return fmt.Sprint("frames ", frames, " bad ", bad, " unknown ", unknown, " skipped ", skipped, " trailing ", trailing, " start ", start)
			}
			if g, w := figures(got.Frames, got.BadFrames, got.UnknownFrames, got.SkippedBytes, got.TrailingBytes, got.Start),
				figures(want.Frames, want.Bad, want.Unknown, want.Skipped, want.Trailing, want.Start); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
			start, err1 := time.Parse(time.RFC3339Nano, got.Start)
			end, err2 := time.Parse(time.RFC3339Nano, got.End)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if d := end.Sub(start).Seconds(); d < want.DurationS-0.0006 || d > want.DurationS+0.0006 {
				t.Errorf("duration %.6f s, want %.3f", d, want.DurationS)
			}
			if got.ClockSteps != 0 {
				t.Errorf("%d clock steps in a log that has none", got.ClockSteps)
			}
			systems := make(map[string]uint64)
			for _, s := range got.Systems {
				systems[fmt.Sprintf("%d/%d", s.System, s.Component)] = s.Frames
			}
			if d := cmp.Diff(want.Systems, systems); d != "" {
				t.Errorf("systems (-want +got):\n%s", d)
			}
			messages := make(map[string]uint64)
			for _, m := range got.Messages {
				messages[fmt.Sprint(m.ID)] = m.Frames
			}
			if d := cmp.Diff(want.Messages, messages); d != "" {
				t.Errorf("messages (-want +got):\n%s", d)
			}
			var bounds []float64
			if b := got.Bounds; b != nil {
				bounds = []float64{b.South, b.West, b.North, b.East}
			}
			if d := cmp.Diff(want.Bounds, bounds); d != "" {
				t.Errorf("bounds (-want +got):\n%s", d)
			}
		})
	}
}

func TestInfoIsOneJSONObjectWithEveryKeyInTheOrderOfItsContract(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, path, heartbeats(1, 3, t0, secondUS)...)
	info, err := Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	info.File = "a.tlog"
	got, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"file":"a.tlog","frames":3,"bad_frames":0,"unknown_frames":0,"skipped_bytes":0,"trailing_bytes":0,"clock_steps":0,` +
		`"start":"2026-11-23T07:50:00.000000Z","end":"2026-11-23T07:50:02.000000Z",` +
		`"systems":[{"system":1,"component":1,"frames":3}],"messages":[{"id":0,"name":"HEARTBEAT","frames":3}],"bounds":null}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	text := info.Text()
	for _, say := range []string{"a.tlog", "3 frames", "2s", "system 1 component 1", "0 HEARTBEAT"} {
		if !strings.Contains(text, say) {
			t.Errorf("the text does not say %q:\n%s", say, text)
		}
	}
}

func TestWhatIsNoFlightLogIsRefusedWithReasonAndRemedy(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := string(records(heartbeats(1, 4, t0, secondUS)...))
	bare := string(heartbeats(1, 1, t0, secondUS)[0].Raw)
	empty := filepath.Join(dir, "folder")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, reason string }{
		{put("empty.tlog", ""), "empty"},
		{empty, "no session"},
		{put("flight.BIN", log), "DataFlash"},
		{put("flight.ulg", log), "ULog"},
		{put("zones.kml", log), "KML"},
		{put("mission.plan", log), "plan"},
		{put("a.tlog", "\xA3\x95\x80\x80"+log), "DataFlash"},
		{put("b.tlog", "ULog\x01\x12\x35\x01"+log), "ULog"},
		{put("c.tlog", "\x1F\x8B\x08\x00"+log), "gzip"},
		{put("d.tlog", "\xD4\xC3\xB2\xA1\x02\x00"), "packet capture"},
		{put("e.tlog", "<?xml version=\"1.0\"?><kml/>"), "XML"},
		{put("f.tlog", "\xEF\xBB\xBF{\"fileType\":\"Plan\"}"), "JSON"},
		{put("g.tlog", "Losi XXX4.0 0 0 0 255 1 河"), "text"},
		{put("h.tlog", bare+bare), "without time stamps"},
		{put("i.tlog", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C"), "no MAVLink record"},
		{put("j.tlog", log[:20]), "no MAVLink record"},
		{os.DevNull, "not a regular file"},
	} {
		_, err := Inspect(c.path)
		checkRefused(t, c.path, c.reason, err)
		_, err = Open(ReaderOptions{Paths: []string{c.path}})
		checkRefused(t, c.path, c.reason, err)
	}
	for name, reason := range map[string]string{
		"tlog/notatlog_eagletree.fdr": "Eagle Tree", "tlog/notatlog_spektrum.TLM": "Spektrum", "dataflash/ardusub_small.BIN": "DataFlash",
		"ulog/pyulog_sample_log_small.ulg": "ULog", "zones/PolygonGood.kml": "KML", "zones/SectionTest.plan": "plan",
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			path := needData(t, name)
			_, err := Inspect(path)
			checkRefused(t, path, reason, err)
			// Under a name that tells nothing, the content does.
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			path = put("x.tlog", string(data))
			_, err = Inspect(path)
			checkRefused(t, path, "", err)
		})
	}
	if _, err := Inspect(filepath.Join(dir, "absent.tlog")); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNotALog) {
		t.Errorf("an absent file: %v", err)
	}
}

func checkRefused(t *testing.T, path, reason string, err error) {
	t.Helper()
	var e *NotALogError
	if !errors.As(err, &e) || !errors.Is(err, ErrNotALog) {
		t.Errorf("%s: got error %v, want a refusal", path, err)
		return
	}
	if !strings.Contains(e.Reason, reason) || e.Remedy == "" || !strings.Contains(err.Error(), path) {
		t.Errorf("%s: got %q, want it to name the file, %q and a remedy", path, err, reason)
	}
}

func TestBoundsAreOfPositionsOnEarth(t *testing.T) {
	var x box
	for _, p := range [][2]int32{{0, 0}, {1 << 30, 0}, {-90e7 - 1, 0}, {0, -180e7 - 1}, {-1 << 31, -1 << 31}, {1<<31 - 1, 1<<31 - 1}} {
		if x.add(p[0], p[1]); x.bounds() != nil {
			t.Fatalf("%v is within bounds: %v", p, x.bounds())
		}
	}
	x.add(-90e7, 180e7)
	if x.bounds() == nil {
		t.Error("the pole is not on Earth")
	}
}
