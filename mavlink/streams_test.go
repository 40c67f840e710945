package mavlink

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/google/go-cmp/cmp"
)

// numbered sends a frame under a number of the test's choosing.
func (x *field) numbered(sys, comp, seq uint8, m message.Message) *News {
	x.t.Helper()
	x.seq[[2]uint8{sys, comp}] = seq
	return x.send(sys, comp, m)
}

// from makes a component speak from a link and address from here on.
func (x *field) from(sys, comp uint8, origin uint16, link, address string) {
	x.fleet.Origin(OriginNote{Origin: origin, System: sys, Component: comp, Link: link, Address: address})
}

func TestSequenceNumbersTellLossCopiesAndReorder(t *testing.T) {
	type want struct{ frames, lost, duplicates, outOfOrder uint64 }
	for name, c := range map[string]struct {
		sys, comp uint8
		seqs      []uint8
		same      bool // frames of one number are copies
		want      want
	}{
		"none missing":               {1, 1, []uint8{0, 1, 2}, false, want{3, 0, 0, 0}},
		"one missing":                {1, 1, []uint8{0, 2}, false, want{2, 1, 0, 0}},
		"over the wrap":              {1, 1, []uint8{254, 255, 0, 3}, false, want{4, 2, 0, 0}},
		"64 missing":                 {1, 1, []uint8{0, 65}, false, want{2, 64, 0, 0}},
		"65 missing, a new start":    {1, 1, []uint8{0, 66, 67}, false, want{3, 0, 0, 0}},
		"copies":                     {1, 1, []uint8{5, 5, 6, 6, 7}, true, want{3, 0, 2, 0}},
		"late copies":                {1, 1, []uint8{5, 6, 7, 5, 6, 8}, true, want{4, 0, 2, 0}},
		"a late frame":               {1, 1, []uint8{5, 7, 8, 6, 9}, false, want{5, 0, 0, 1}},
		"a late frame, twice":        {1, 1, []uint8{5, 7, 6, 6, 8}, true, want{4, 0, 1, 1}},
		"late over the wrap":         {1, 1, []uint8{254, 1, 255, 0, 2}, false, want{5, 0, 0, 2}},
		"late from before the start": {1, 1, []uint8{5, 4, 6}, false, want{3, 0, 0, 1}},
		"63 late":                    {1, 1, []uint8{0, 64, 1}, false, want{3, 62, 0, 1}},
		"never counted":              {1, 1, []uint8{0, 0, 0}, false, want{3, 0, 0, 0}},
		"begun anew, behind":         {1, 1, []uint8{5, 6, 7, 5, 6, 9}, false, want{6, 2, 0, 0}},
		"begun anew, far behind":     {1, 1, []uint8{100, 0, 1}, false, want{3, 0, 0, 0}},
		"the radio's own":            {51, 68, []uint8{0, 9, 3}, false, want{3, 0, 0, 0}},
		"51 of another kind":         {51, 1, []uint8{0, 9}, false, want{2, 8, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			for i, seq := range c.seqs {
				speed := float32(i)
				if c.same {
					speed = float32(seq)
				}
				x.numbered(c.sys, c.comp, seq, &all.MessageVfrHud{Airspeed: speed})
				x.numbered(c.sys, 77, seq, &all.MessageVfrHud{Airspeed: speed}) // another component's numbers are its own
			}
			for _, st := range x.fleet.State().Tracks[0].Streams {
				if got := (want{st.Frames, st.Lost, st.Duplicates, st.OutOfOrder}); c.sys != radioSystem && got != c.want || st.Component == c.comp && got != c.want {
					t.Errorf("component %d: %+v, want %+v", st.Component, got, c.want)
				}
			}
		})
	}
}

func TestACopyIsNotFoldedAgainUnlessItIsAHeartbeat(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	press := x.frame(1, 1, &all.MessageStatustext{Text: "POI 37.2510000, 111.9500000, 690.00 (asml)"})
	beat := x.frame(1, 1, copter(false))
	for i, want := range []int{1, 0, 0} {
		var news News
		x.fleet.Apply(&press, &news)
		if len(news.Evidence) != want {
			t.Errorf("time %d: %d pieces of evidence", i, len(news.Evidence))
		}
	}
	for i, want := range []int{1, 0} {
		if i == 1 {
			x.wait(5 * time.Second) // stale by now
		}
		beat.At = x.at
		var news News
		x.fleet.Apply(&beat, &news)
		if i == 0 && len(news.Sorties) != want {
			t.Errorf("heartbeat %d: %+v", i, news.Sorties)
		}
		if i == 1 && (len(news.Changes) != 1 || news.Changes[0].Kind != ChangeHeard) {
			t.Errorf("the same heartbeat 5 s later: %+v", news.Changes)
		}
	}
	if st := x.view(1).Streams[0]; st.Duplicates != 3 {
		t.Errorf("%+v", st)
	}
}

func TestCopiesOverTwoLinksAreFoldedOnce(t *testing.T) {
	press := func(i int) message.Message {
		return text(fmt.Sprintf("POI 37.2510%03d, 111.9500000, 690.00 (asml)", 100*i))
	}
	for name, c := range map[string]struct {
		second func(x *field, i int) []byte // the frame of press i as the other link brings it
		after  time.Duration
		want   int // pieces of evidence of 5 presses
	}{
		"the same bytes":                    {func(x *field, i int) []byte { return x.frame(1, 1, press(i)).Raw }, 0, 5},
		"another channel's number":          {func(x *field, i int) []byte { return renumbered(x.t, uint8(100+2*i), press(i)) }, 0, 5},
		"0.7 s later":                       {func(x *field, i int) []byte { return renumbered(x.t, uint8(100+2*i), press(i)) }, 700 * time.Millisecond, 5},
		"0.9 s later":                       {func(x *field, i int) []byte { return renumbered(x.t, uint8(100+2*i), press(i)) }, 900 * time.Millisecond, 10},
		"MAVLink 1 there, its zeros kept":   {func(x *field, i int) []byte { return versionOne(x.t, uint8(100+2*i), press(i)) }, 0, 5},
		"another press at the same instant": {func(x *field, i int) []byte { return renumbered(x.t, uint8(100+2*i), press(5+i)) }, 0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.from(1, 1, 1, "field", "192.0.2.1:1")
			x.hover(1, 60)
			seq := uint8(99)
			x.told = News{}
			for i := range 5 {
				x.from(1, 1, 2, "radio", "/dev/ttyUSB0") // both are alive
				other := Parse(renumbered(t, seq, x.position(0, 0, 61)))
				seq += 2
				x.apply(&other)
				x.from(1, 1, 1, "", "")
				first := x.frame(1, 1, press(i))
				x.seq[[2]uint8{1, 1}]--
				x.apply(&first)
				second := Parse(c.second(x, i))
				x.seq[[2]uint8{1, 1}] = first.Seq + 1
				x.from(1, 1, 2, "", "")
				x.wait(c.after)
				x.apply(&second)
				x.wait(time.Second)
				x.from(1, 1, 1, "", "")
				x.send(1, 1, x.position(0, 0, 60))
			}
			if len(x.told.Evidence) != c.want {
				t.Errorf("%d pieces of evidence, want %d", len(x.told.Evidence), c.want)
			}
			var copies uint64
			for _, st := range x.view(1).Streams {
				copies += st.Duplicates
			}
			if want := uint64(10 - c.want); copies != want {
				t.Errorf("%d copies, want %d: %+v", copies, want, x.view(1).Streams)
			}
		})
	}
}

// renumbered is a frame of system 1, component 1 as another of its channels numbers it.
func renumbered(t testing.TB, seq uint8, m message.Message) []byte {
	t.Helper()
	return frameOf(t, seq, 1, m)
}

func versionOne(t testing.TB, seq uint8, m message.Message) []byte {
	t.Helper()
	raw, err := AppendFrameV1(nil, seq, 1, 1, m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// apply folds a frame of the test's own making.
func (x *field) apply(fr *Frame) *News {
	fr.At = x.at
	x.last.Reset()
	x.fleet.Advance(x.at, &x.last)
	x.fleet.Apply(fr, &x.last)
	x.keep()
	return &x.last
}

func TestAStreamThatIsAloneRemembersNoContent(t *testing.T) {
	x := newField(t, testPlan())
	for range 20 {
		x.second(1, true, 0, 0, 60)
		x.send(1, 154, beatOf(26, 8))
	}
	if n := len(x.fleet.State().Tracks[0].Folded); n != 0 {
		t.Errorf("%d frames remembered", n)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 60)
	for i := range 100 {
		x.from(1, 1, uint16(10+i), "field", fmt.Sprintf("192.0.2.1:%d", 1000+i))
		x.hover(1, 60)
	}
	st := x.fleet.State().Tracks[0]
	if len(st.Streams) != maxStreams || len(st.Folded) > maxFolded {
		t.Fatalf("%d streams, %d contents", len(st.Streams), len(st.Folded))
	}
	seen := map[string]bool{}
	for _, s := range st.Streams {
		seen[s.Address] = true
	}
	for i := 84; i < 100; i++ {
		if !seen[fmt.Sprintf("192.0.2.1:%d", 1000+i)] {
			t.Errorf("stream %d gave way to an older one", i)
		}
	}
}

// mishap is what becomes of frames on a bad radio: one in ten lost, one in twenty doubled, and their order shuffled
// within three. spare names those that arrive all the same.
func mishap(frames []Frame, spare func(*Frame) bool) []Frame {
	r := rand.New(rand.NewPCG(3, 10))
	var out []Frame
	for _, fr := range frames {
		if !spare(&fr) && r.IntN(10) == 0 {
			continue
		}
		out = append(out, fr)
		if r.IntN(20) == 0 {
			out = append(out, fr)
		}
	}
	for i := 0; i+3 <= len(out); i += 3 {
		r.Shuffle(3, func(a, b int) { out[i+a], out[i+b] = out[i+b], out[i+a] })
	}
	at := int64(0)
	for i := range out {
		out[i].At = max(out[i].At, at)
		at = out[i].At
	}
	return out
}

func TestALossyReplayOfARealLogShowsItsLossAndTellsTheSame(t *testing.T) {
	plan := &FleetPlan{Sources: []Source{SourcePOIScript, SourceTrackingGeo, SourcePhoto}, StaleUS: 3_000_000, LostUS: 10_000_000}
	tags := func(fr *Frame) bool { return isTag(fr.MsgID, Payload(fr.Raw)) } // sent once: what is lost of them cannot be made good
	for _, log := range []struct {
		name   string
		system uint8
	}{{"sitl_yanwu_patrol.tlog", 11}, {"ardusub_small.tlog", 1}, {"codelever_2013-10-13_16-58-51.tlog", 1}, {"codelever_2013-10-13_18-50-10.tlog", 1}} {
		t.Run(log.name, func(t *testing.T) {
			fold := func(frames []Frame) (*News, StreamView) {
				f, told := NewFleet(plan), &News{}
				for i := range frames {
					f.Advance(frames[i].At, told)
					f.Apply(&frames[i], told)
				}
				for _, v := range f.Vehicles(frames[len(frames)-1].At) {
					for _, st := range v.Streams {
						if v.System == log.system && st.Component == 1 {
							return told, st
						}
					}
				}
				t.Fatal("no stream of the autopilot")
				return nil, StreamView{}
			}
			frames := readLog(t, log.name)
			clean, was := fold(frames)
			told, is := fold(mishap(frames, tags))
			t.Logf("clean %+v, after it %+v", was, is)
			if loss := is.LossPercent - was.LossPercent; loss < 9 || loss > 11 {
				t.Errorf("%.1f %% lost, of the clean log %.1f %%", is.LossPercent, was.LossPercent)
			}
			if is.Duplicates == 0 || is.OutOfOrder == 0 {
				t.Errorf("%+v", is)
			}
			keys := func(n *News) (k []EvidenceKey) {
				for _, e := range n.Evidence {
					k = append(k, e.Key)
				}
				return k
			}
			if diff := cmp.Diff(keys(clean), keys(told), cmp.Transformer("sorted", sortedKeys)); diff != "" {
				t.Errorf("evidence (-clean +lossy):\n%s", diff)
			}
			if diff := cmp.Diff(turns(clean), turns(told)); diff != "" {
				t.Errorf("turns (-clean +lossy):\n%s", diff)
			}
		})
	}
}

// turns counts what must not come of a bad link.
func turns(n *News) map[ChangeKind]int {
	kinds := map[ChangeKind]int{}
	for _, c := range n.Changes {
		if c.Kind == ChangeReboot || c.Kind == ChangeConflict || c.Kind == ChangeLost || c.Kind == ChangeSuspect {
			kinds[c.Kind]++
		}
	}
	return kinds
}

func sortedKeys(keys []EvidenceKey) map[EvidenceKey]int {
	n := map[EvidenceKey]int{}
	for _, k := range keys {
		n[k]++
	}
	return n
}

func TestNoRealLogHasAConflict(t *testing.T) {
	for _, name := range []string{
		"codelever_2013-10-13_16-58-51.tlog", "codelever_2013-10-13_18-50-10.tlog", "bluerobotics_00025.tlog", "ardusub_small.tlog",
		"ardusub_attitude_only.tlog", "dronekit_log_upload_test.tlog", "sitl_yanwu_patrol.tlog",
	} {
		t.Run(name, func(t *testing.T) {
			f, told := NewFleet(&FleetPlan{Vehicles: []VehiclePlan{{Name: "a", System: 1}, {Name: "b", System: 11}}}), &News{}
			for _, fr := range readLog(t, name) {
				f.Advance(fr.At, told)
				f.Apply(&fr, told)
				if n := len(f.tracks[fr.SysID]); n != 1 {
					t.Fatalf("%d tracks of system %d", n, fr.SysID)
				}
			}
			for _, c := range told.Changes {
				if c.Kind == ChangeConflict || c.Kind == ChangeReboot {
					t.Errorf("it tells %+v", c)
				}
			}
		})
	}
}
