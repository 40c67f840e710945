package replay

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"riverwatch/mavlink"
)

// scanAll reads every record of r.
func scanAll(t testing.TB, r io.Reader) (stamps []int64, st FileStats) {
	t.Helper()
	s := newScanner(r, new(pool))
	defer s.close()
	for {
		var f mavlink.Frame
		known, err := s.next(&f)
		if err == io.EOF {
			return stamps, s.stats
		}
		if err != nil {
			t.Fatal(err)
		}
		if v := mavlink.Check(f.Raw); (v == mavlink.Good) != known || (v == mavlink.UnknownID) == known {
			t.Fatalf("handed out a frame that is %v", v)
		}
		stamps = append(stamps, f.At)
	}
}

// tlogTable is what readers meet in logs. It is also the seed of the fuzz test.
func tlogTable() []tlogCase {
	h := heartbeats(1, 6, t0, secondUS)
	rec := func(i ...int) (b []byte) {
		for _, i := range i {
			b = append(b, records(h[i])...)
		}
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	cut := func(b []byte, n int) []byte { return b[:n] }
	oneRecord := len(rec(0))
	stamp := func(i int) []byte { return rec(i)[:stampLen] }
	early := heartbeats(1, 3, 5*secondUS, secondUS) // a recorder without a clock: 1970
	leap := heartbeats(1, 3, t0+40*dayUS, secondUS)
	bad := records(damaged(h[1]))
	unk := records(unknown(t0+secondUS, 9))
	signed := append([]byte(nil), h[1].Raw...)
	signed[2] |= 0x02 // an incompatibility flag that nobody knows
	version := records(mavlink.Frame{At: h[1].At, Raw: signed})

	return []tlogCase{
		{"whole", rec(0, 1, 2), []int64{0, 1, 2}, FileStats{Frames: 3}},
		{"nothing", nil, nil, FileStats{}},
		{"cut in the last frame", cut(rec(0, 1, 2), 3*oneRecord-1), []int64{0, 1}, FileStats{Frames: 2, TrailingBytes: uint64(oneRecord - 1)}},
		{"cut in the last stamp", cut(rec(0, 1, 2), 2*oneRecord+3), []int64{0, 1}, FileStats{Frames: 2, TrailingBytes: 3}},
		{"stray bytes at the end", join(rec(0), []byte("stray")), []int64{0}, FileStats{Frames: 1, TrailingBytes: 5}},
		{"stray bytes between", join(rec(0), []byte("stray"), rec(1, 2)), []int64{0, 1, 2}, FileStats{Frames: 3, SkippedBytes: 5}},
		{"stray bytes first", join([]byte("stray"), rec(0, 1)), []int64{0, 1}, FileStats{Frames: 2, SkippedBytes: 5}},
		{"a record cut by the next", join(cut(rec(0), oneRecord-4), rec(1, 2)), []int64{1, 2}, FileStats{Frames: 2, SkippedBytes: uint64(oneRecord - 4)}},
		{"a record cut in its stamp", join(rec(0), cut(rec(1), 5), rec(2)), []int64{0, 2}, FileStats{Frames: 2, SkippedBytes: 5}},
		{"stamp written twice", join(rec(0), stamp(1), rec(1, 2)), []int64{0, 1, 2}, FileStats{Frames: 3, SkippedBytes: 8}},
		// Two programs at once: stamp, stamp, frame, frame. The second frame has lost its stamp.
		{"interleaved records", join(rec(0), stamp(1), stamp(2), h[1].Raw, h[2].Raw, rec(3)), []int64{0, 2, 3},
			FileStats{Frames: 3, SkippedBytes: uint64(8 + len(h[2].Raw))}},
		{"console text, a byte a record", join(rec(0), stamp(1), []byte("o"), stamp(1), []byte("k"), rec(2)), []int64{0, 2}, FileStats{Frames: 2, SkippedBytes: 18}},
		{"wrong CRC, right length", join(rec(0), bad, rec(2)), []int64{0, 2}, FileStats{Frames: 2, Bad: 1}},
		{"wrong CRC twice", join(rec(0), bad, bad, rec(2)), []int64{0, 2}, FileStats{Frames: 2, Bad: 2}},
		{"wrong CRC at the end", join(rec(0), bad), []int64{0}, FileStats{Frames: 1, Bad: 1}},
		{"wrong CRC first", join(bad, rec(2, 3)), []int64{2, 3}, FileStats{Frames: 2, Bad: 1}},
		{"wrong CRC, then a torn stamp", join(rec(0), bad, cut(rec(2), 6)), []int64{0}, FileStats{Frames: 1, Bad: 1, TrailingBytes: 6}},
		{"flags that nobody knows", join(rec(0), version, rec(2)), []int64{0, 2}, FileStats{Frames: 2, Bad: 1}},
		{"wrong CRC, wrong length", join(rec(0), bad[:len(bad)-2], rec(2, 3)), []int64{0, 2, 3}, FileStats{Frames: 3, SkippedBytes: uint64(len(bad) - 2)}},
		{"unknown id", join(rec(0), unk, rec(2)), []int64{0, 1, 2}, FileStats{Frames: 2, Unknown: 1}},
		{"unknown id at the end", join(rec(0), unk), []int64{0, 1}, FileStats{Frames: 1, Unknown: 1}},
		{"unknown id without an end", join(rec(0), unk, []byte("??????????"), rec(2, 3)), []int64{0, 2, 3}, FileStats{Frames: 3, SkippedBytes: uint64(len(unk) + 10)}},
		{"zeros after a crash", join(rec(0, 1), make([]byte, 700)), []int64{0, 1}, FileStats{Frames: 2, TrailingBytes: 700}},
		{"stamps in 1970", records(early...), []int64{(5*secondUS - t0) / secondUS, (6*secondUS - t0) / secondUS, (7*secondUS - t0) / secondUS}, FileStats{Frames: 3}},
		{"a clock set in between", join(rec(0), records(leap...), rec(1)), []int64{0, 40 * 86400, 40*86400 + 1, 40*86400 + 2, 1}, FileStats{Frames: 5}},
		// A frame without its stamp after stray bytes: the eight bytes before it read as a time in 1970.
		{"zeros before a frame are no stamp", join(rec(0), []byte("x"), make([]byte, 7), []byte{9}, h[1].Raw, rec(2)), []int64{0, 2},
			FileStats{Frames: 2, SkippedBytes: uint64(9 + len(h[1].Raw))}},
		{"a stamp far off is borne out by the next record", join(rec(0), []byte("x"), records(leap...)), []int64{0, 40 * 86400, 40*86400 + 1, 40*86400 + 2},
			FileStats{Frames: 4, SkippedBytes: 1}},
	}
}

type tlogCase struct {
	name  string
	bytes []byte
	at    []int64 // seconds after t0
	stats FileStats
}

func TestRecordsAreFoundAmongEverythingElseAndAllOfThatIsCounted(t *testing.T) {
	for _, c := range tlogTable() {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(c.bytes), "byte by byte": iotest.OneByteReader(bytes.NewReader(c.bytes)),
				"data with EOF": iotest.DataErrReader(bytes.NewReader(c.bytes)),
			} {
				stamps, st := scanAll(t, r)
				for i := range stamps {
					stamps[i] = (stamps[i] - t0) / secondUS
				}
				if !slices.Equal(stamps, c.at) || st != c.stats {
					t.Errorf("%s: got %v %+v, want %v %+v", name, stamps, st, c.at, c.stats)
				}
			}
		})
	}
}

func TestRecordsAcrossTheEdgesOfChunksAreWhole(t *testing.T) {
	// Junk of each length moves the records over the edge between the first chunk and the second.
	h := heartbeats(1, 20, t0, secondUS)
	one := len(records(h[0]))
	for shift := 0; shift < 2*window; shift += 5 { // 5 and the length of a record have no divisor in common
		junk := bytes.Repeat([]byte{0x55}, chunkSize-window-5*one+shift)
		log := append(records(h[:2]...), junk...)
		log = append(log, records(h[2:]...)...)
		stamps, st := scanAll(t, bytes.NewReader(log))
		if len(stamps) != len(h) || st.SkippedBytes != uint64(len(junk)) || st.TrailingBytes != 0 {
			t.Fatalf("junk of %d bytes: %d frames, %+v", len(junk), len(stamps), st)
		}
	}
}

func TestAReadErrorIsToldWithItsPlaceAfterWhatCameBefore(t *testing.T) {
	broken := errors.New("the disk is broken")
	h := heartbeats(1, 3, t0, secondUS)
	s := newScanner(io.MultiReader(bytes.NewReader(records(h...)), iotest.ErrReader(broken)), new(pool))
	var f mavlink.Frame
	for range h {
		if _, err := s.next(&f); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.next(&f)
	if !errors.Is(err, broken) || !bytes.Contains([]byte(err.Error()), []byte("byte 87")) {
		t.Errorf("got %v", err)
	}
}

func FuzzScannerNeitherPanicsNorHandsOutWhatIsNoFrame(f *testing.F) {
	for _, c := range tlogTable() {
		f.Add(c.bytes, uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		stamps, st := scanAll(t, bytes.NewReader(data))
		if got := uint64(len(stamps)); got != st.Frames+st.Unknown {
			t.Fatalf("%d records, stats %+v", got, st)
		}
		if st.SkippedBytes+st.TrailingBytes > uint64(len(data)) {
			t.Fatalf("more bytes passed over than there are: %+v", st)
		}
		// Whatever there is, whole records put before it are all found.
		h := heartbeats(1, 3, t0, secondUS)
		before := append(records(h...), data...)
		stamps, _ = scanAll(t, bytes.NewReader(before[:len(before)-min(int(cut), len(data))]))
		if len(stamps) < 3 || stamps[0] != h[0].At || stamps[1] != h[1].At || stamps[2] != h[2].At {
			t.Fatalf("lost records: %v", stamps)
		}
	})
}

func TestAForeignClockNeverGoesBackAndItsStepsAreTakenOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		stamps []int64 // seconds
		at     []int64
		steps  int
	}{
		{"steady", []int64{0, 1, 2}, []int64{0, 1, 2}, 0},
		{"ten seconds back are held", []int64{20, 10, 15, 25}, []int64{20, 20, 20, 25}, 0},
		{"more is taken out", []int64{20, 9, 12, 30}, []int64{20, 20, 23, 41}, 1},
		{"a day forward is silence", []int64{0, 86400, 86401}, []int64{0, 86400, 86401}, 0},
		{"more is a clock that was set", []int64{0, 86401, 86402}, []int64{0, 0, 1}, 1},
		{"there and back", []int64{0, 90000, 1, 2}, []int64{0, 0, 0, 1}, 2},
		{"it creeps back", []int64{20, 15, 10, 5, 6}, []int64{20, 20, 20, 20, 21}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k clock
			steps := 0
			for i, s := range c.stamps {
				at, stepped := k.at(t0 + s*secondUS)
				if stepped {
					steps++
				}
				if at != t0+c.at[i]*secondUS {
					t.Errorf("stamp %d: got %d, want %d", s, (at-t0)/secondUS, c.at[i])
				}
			}
			if steps != c.steps {
				t.Errorf("%d steps, want %d", steps, c.steps)
			}
		})
	}
}
