package replay

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"pgregory.net/rapid"

	"riverwatch/mavlink"
)

// randomLogs writes one to three logs, sessions among them, with all that readers meet: runs of frames at every rate,
// garbage, damaged and unknown and signed frames, secrets, pauses and clocks that were set. draw gives a number below n.
func randomLogs(t testing.TB, dir string, draw func(n int) int) (paths []string) {
	t.Helper()
	for i := range 1 + draw(3) {
		system := uint8(1 + i)
		at := t0 + int64(draw(60))*secondUS
		session := draw(4) == 0
		var frames []mavlink.Frame
		var log []byte
		put := func(all ...mavlink.Frame) {
			frames = append(frames, all...)
			log = append(log, records(all...)...)
			at = all[len(all)-1].At + 1
		}
		for range 1 + draw(12) {
			one := heartbeats(system, 1, at, 0)[0]
			switch draw(10) {
			case 0:
				log = append(log, bytes.Repeat([]byte{0x55, startV2, 9}, draw(120))...)
			case 1:
				log = append(log, records(damaged(one))...)
			case 2:
				put(unknown(at, draw(40)))
			case 3:
				put(signed(one))
			case 4:
				put(frame(at, 255, 190, 0, &all.MessageSetupSigning{TargetSystem: system}))
			case 5:
				at += int64(1+draw(1300)) * secondUS
			case 6:
				if !session { // the recorder's clock was set; a station's time never goes back
					at += []int64{-2, -3600, 2 * 86400}[draw(3)] * secondUS
				}
			default:
				put(heartbeats(system, 1+draw(2500), at, []int64{1, 900, 40_000, 700_000}[draw(4)])...)
			}
		}
		put(heartbeats(system, 3, at, secondUS)...)
		if session {
			paths = append(paths, recordSession(t, filepath.Join(dir, fmt.Sprint("sessions", i)), at, frames))
			continue
		}
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i, ".tlog")))
		writeBytes(t, paths[i], log[:len(log)-draw(30)])
	}
	return paths
}

func sameFrame(a, b mavlink.Frame) bool {
	raw := bytes.Equal(a.Raw, b.Raw)
	a.Raw, b.Raw = nil, nil
	return raw && reflect.DeepEqual(a, b)
}

func TestReadAheadOrNotTheFramesAreTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		paths := randomLogs(t, t.TempDir(), func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "n") })
		o := ReaderOptions{Paths: paths}
		if rapid.Bool().Draw(r, "bounded") {
			o.From, o.To = t0+30*secondUS, t0+3000*secondUS
		}
		read := func(ahead bool) (frames []mavlink.Frame, figures string) {
			asked := uint8(0) // what a signature judge remembers depends on the order
			o.Admit = func(f *mavlink.Frame) bool {
				asked++
				f.Signed = mavlink.Signed(f.Raw) && asked%2 == 0
				return asked%7 != 3
			}
			logs, err := Open(o)
			if err != nil {
				r.Fatal(err)
			}
			if ahead {
				a := ReadAhead(logs)
				defer a.Close()
				frames = drain(t, a)
			} else {
				frames = drain(t, logs)
			}
			done, total := logs.Progress()
			return frames, fmt.Sprint(logs.Stats(), done, total)
		}
		direct, figures := read(false)
		ahead, too := read(true)
		if !slices.EqualFunc(direct, ahead, sameFrame) || figures != too {
			r.Errorf("%d frames, %s; read ahead %d, %s; or they differ", len(direct), figures, len(ahead), too)
		}
	})
}

// TestSeveralLogsAreMergedAsTheSimplestMergeWould: of the next frames of all logs the earliest, of those the first log's.
func TestSeveralLogsAreMergedAsTheSimplestMergeWould(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		paths := randomLogs(t, t.TempDir(), func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "n") })
		read := func(paths ...string) []mavlink.Frame {
			frames, err := newReader(paths, readerMode{foreign: true})
			if err != nil {
				r.Fatal(err)
			}
			return drain(t, frames)
		}
		var each [][]mavlink.Frame
		for _, path := range paths {
			each = append(each, read(path))
		}
		var want []mavlink.Frame
		for {
			next := -1
			for i := range each {
				if len(each[i]) > 0 && (next < 0 || each[i][0].At < each[next][0].At) {
					next = i
				}
			}
			if next < 0 {
				break
			}
			want = append(want, each[next][0])
			each[next] = each[next][1:]
		}
		if got := read(paths...); !slices.EqualFunc(got, want, sameFrame) {
			r.Errorf("%d frames, the simplest merge gives %d, and they differ", len(got), len(want))
		}
	})
}
