package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

// The alerts that are open in testdata/data-of-format-1.tgz, the data folder that a station left which ran the version
// before signing. It had two lives. In the first three drones flew 6 s of the demonstration's patrol, one of them tagged
// somebody at gate 1, and lead-2 marked another at gate 5 and acknowledged it; in the second another mark was made there.
const (
	earlierTag  = "ce82gxanreajz6rk" // open
	earlierMark = "gst01z58r25tvhvn" // acknowledged, of two sightings
	earlierSeq  = 4
)

// leftByEarlierVersion gives a configuration whose data folder an earlier version has left.
func leftByEarlierVersion(t *testing.T) (file string) {
	t.Helper()
	file = writeConfig(t)
	packed, err := os.Open("testdata/data-of-format-1.tgz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unzip, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(unzip); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return file
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dataOf(file), filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			var data bytes.Buffer
			if _, err = io.Copy(&data, in); err == nil {
				err = os.WriteFile(path, data.Bytes(), 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAStationGoesOnWhereAnEarlierVersionEnded: its alerts stand as people left them, numbers go on, nothing is told
// twice; and so do the lives after, which recover from a session of this version.
func TestAStationGoesOnWhereAnEarlierVersionEnded(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, file string)
		says string
	}{
		{"it was stopped", func(*testing.T, string) {}, "another version"},
		{"it was killed", func(t *testing.T, file string) {
			dirs := sessionsOf(t, file)
			path := filepath.Join(dirs[len(dirs)-1], transcriptName)
			if err := os.Rename(path, path+".part"); err != nil {
				t.Fatal(err)
			}
		}, "not ended"},
		{"the ledger is lost", func(t *testing.T, file string) {
			if err := os.Remove(filepath.Join(dataOf(file), ledger.FileName)); err != nil {
				t.Fatal(err)
			}
		}, "the ledger is new"},
		{"the sessions are lost", func(t *testing.T, file string) {
			if err := os.RemoveAll(filepath.Join(dataOf(file), "sessions")); err != nil {
				t.Fatal(err)
			}
		}, "the ledger knows otherwise"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := leftByEarlierVersion(t)
			c.harm(t, file)
			core, said := observer.New(zapcore.WarnLevel)
			s := openStation(t, file, zap.New(core))
			standing := fmt.Sprint(s.watch.Standing())
			at := s.watch.At()
			s.Close()
			if want := fmt.Sprint(map[string]alerts.State{earlierTag: alerts.Open, earlierMark: "acknowledged"}); standing != want {
				t.Errorf("standing %s, want %s", standing, want)
			}
			var words []string
			for _, l := range said.All() {
				if words = append(words, l.Message); l.Level > zapcore.WarnLevel {
					t.Errorf("complains: %s %v", l.Message, l.ContextMap())
				}
			}
			if !strings.Contains(strings.Join(words, "\n"), c.says) {
				t.Errorf("said %q, want words with %q", words, c.says)
			}
			if earlier := sessionsOf(t, file); len(earlier) > 0 {
				info, err := os.Stat(filepath.Join(earlier[len(earlier)-1], "flight.tlog"))
				if err != nil || info.Size() == 0 || at == 0 {
					t.Errorf("time goes on from %d, the log has %v", at, info)
				}
			}

			act := func(r *running, alert, act, body string) {
				t.Helper()
				if status := post(t, r.Addr(), "/api/v1/alerts/"+alert+"/"+act, "", body, nil); status != http.StatusOK {
					t.Errorf("%s: %d", act, status)
				}
			}
			var mark, again marked
			r := startStation(t, file)
			seq := r.watch.Seq()
			if seq != earlierSeq && c.says != "the ledger is new" {
				t.Errorf("the numbers go on from %d, want %d", seq, earlierSeq)
			}
			post(t, r.Addr(), "/api/v1/sightings", "", atGate5, &mark)
			act(r, earlierTag, "acknowledge", `{"by":"lead-1"}`)
			act(r, earlierMark, "en_route", `{"by":"lead-2"}`)
			r.stop()
			r = startStation(t, file)
			if got := r.watch.Seq(); got != seq+3 {
				t.Errorf("after %d and three more transitions the next life is at %d", seq, got)
			}
			post(t, r.Addr(), "/api/v1/sightings", "", atGate5, &again)
			if again.Alert != mark.Alert {
				t.Errorf("in the next life a sighting there joined %s, want %s", again.Alert, mark.Alert)
			}
			act(r, earlierTag, "close", `{"outcome":"helped","by":"lead-1"}`)
			act(r, earlierMark, "intercept", `{"by":"lead-2"}`)
			r.stop()
			l, err := ledger.Open(ledger.Options{Dir: dataOf(file), Station: "demo"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := l.Verify(t.Context()); err != nil {
				t.Errorf("the audit chain: %v", err)
			}
			if want := seq + 6; l.LastSeq() != want {
				t.Errorf("the ledger is at %d, want %d", l.LastSeq(), want)
			}
			for i, dir := range sessionsOf(t, file) {
				err := Replay(t.Context(), ReplayOptions{Paths: []string{dir}, Verify: true, Out: io.Discard, Err: io.Discard})
				if earlier := strings.Contains(readFile(t, filepath.Join(dir, "manifest.json")), `"program": "earlier"`); errors.Is(err, errOtherVersion) != earlier || !earlier && err != nil {
					t.Errorf("verify session %d: %v", i, err)
				}
			}
		})
	}
}

func TestASessionOfAnEarlierVersionIsReplayedByThatOne(t *testing.T) {
	file := leftByEarlierVersion(t)
	dir := sessionsOf(t, file)[0]
	for _, verify := range []bool{false, true} {
		err := Replay(t.Context(), ReplayOptions{Paths: []string{dir}, Verify: verify, Out: io.Discard, Err: io.Discard})
		if !errors.Is(err, errOtherVersion) || !strings.Contains(err.Error(), "earlier: replay it as it was with that version, or judge its frames anew with --config FILE") {
			t.Errorf("verify %v: %v", verify, err)
		}
	}
	// As a what-if it is a log like any other.
	got, _ := replayed(t, ReplayOptions{Paths: []string{dir}, Config: file})
	if len(got) != 2 || got[0].Zone != "gate-1" || got[1].Zone != "gate-5" || got[0].Station != "demo" {
		t.Errorf("what if: %v", got)
	}
}
