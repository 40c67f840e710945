package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/configs"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// fullLedger takes nothing while it is full.
type fullLedger struct {
	full bool
	got  ledger.Changes
}

func (l *fullLedger) CommitAfter(wait func(), all ...*ledger.Changes) ([]ledger.Stored, error) {
	if l.full {
		return nil, errors.New("no room")
	}
	wait()
	for _, c := range all {
		merge(&l.got, c)
	}
	return nil, nil
}

func TestWhatWaitsForTheLedgerIsBounded(t *testing.T) {
	l := &fullLedger{full: true}
	direct, kept := 0, 0
	c := newCommitter(committerOptions{
		Ledger: l, Log: zap.NewNop(), Trouble: func(string, bool) {}, Kept: func(...alerts.Transition) { kept++ },
		Unkept: func(ts []alerts.Transition) { direct += len(ts) },
	})
	const rounds, each = 3, 5000
	for i := range rounds {
		changes := ledger.Changes{
			Transitions: make([]alerts.Transition, each), Sightings: make([]alerts.Sighting, each),
			ZoneEvents: make([]ledger.ZoneEvent, each), Sorties: make([]ledger.Sortie, each),
			Answers: []ledger.Answer{{Number: uint32(i + 1)}},
		}
		for j := range changes.Transitions {
			changes.Transitions[j].Seq = uint64(i*each + j + 1)
		}
		c.commit(&changes, nil)
	}
	if direct != rounds*each || kept != 0 {
		t.Errorf("%d transitions were told directly, the ledger was said to have grown %d times", direct, kept)
	}
	if _, first := c.await(2); first {
		t.Error("a request whose answer waits for the ledger was let in again")
	}
	l.full = false
	c.commit(&ledger.Changes{}, nil)
	for what, n := range map[string]int{
		"transitions": len(l.got.Transitions), "sightings": len(l.got.Sightings),
		"zone events": len(l.got.ZoneEvents), "sorties": len(l.got.Sorties),
	} {
		if n != ledgerLag {
			t.Errorf("%d %s were kept, want %d", n, what, ledgerLag)
		}
	}
	if newest := l.got.Transitions[ledgerLag-1].Seq; newest != rounds*each {
		t.Errorf("the newest transition is %d", newest)
	}
	if _, first := c.await(2); !first || len(l.got.Answers) != rounds || kept != 1 {
		t.Errorf("afterwards: %v, %d answers, told %d times", first, len(l.got.Answers), kept)
	}
}

// TestCommandsAreAnsweredByWhatIsOnTheDisk: a sender that is told to come again does so, and loses nothing by it.
func TestCommandsAreAnsweredByWhatIsOnTheDisk(t *testing.T) {
	const accepted, denied = 0, 2 // MAV_RESULT
	for _, tt := range []struct {
		name            string
		recording, full bool
		broken          bool // the log takes no more
		result, want    uint8
	}{
		{"log and ledger", true, false, false, accepted, accepted},
		{"only the ledger", false, false, false, accepted, accepted},
		{"only the log", true, true, false, accepted, accepted},
		{"neither", false, true, false, accepted, temporarilyRejected},
		{"the ledger, since the log breaks", true, false, true, accepted, accepted},
		{"neither, since the log breaks", true, true, true, accepted, temporarilyRejected},
		{"what was refused stays so", false, true, false, denied, denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &fullLedger{full: tt.full}
			var replies []mavlink.Reply
			c := newCommitter(committerOptions{
				Ledger: l, Log: zap.NewNop(), Trouble: func(string, bool) {}, Kept: func(...alerts.Transition) {}, Unkept: func([]alerts.Transition) {},
				Reply: func(r mavlink.Reply) { replies = append(replies, r) }, Free: func() (uint64, error) { return 0, nil }, MinFree: func() uint64 { return 1 },
			})
			if tt.recording {
				rec, err := replay.Create(t.TempDir(), replay.Manifest{Own: mavlink.DefaultOwnID}, 1, replay.Beginning{Start: []byte("{}")})
				if err != nil {
					t.Fatal(err)
				}
				if c.rec = rec; tt.broken {
					if err := rec.Close(); err != nil {
						t.Fatal(err)
					}
				}
				defer rec.Close()
			}
			r := mavlink.Reply{Origin: 3, System: 255, Component: 190, Command: 31005, Result: tt.result}
			again := r
			again.Command++
			// The press, and a copy that brings nothing but its answer.
			c.push(mavlink.Batch{}, &watch.Effects{Sightings: []alerts.Sighting{{ID: "s"}}, Replies: []mavlink.Reply{r}})
			c.push(mavlink.Batch{}, &watch.Effects{Replies: []mavlink.Reply{again}})
			c.write(c.queue)
			r.Result, again.Result = tt.want, tt.want
			if len(replies) != 2 || replies[0] != r || replies[1] != again {
				t.Errorf("answered %+v, want result %d twice", replies, tt.want)
			}
			if n := len(l.got.Sightings); n > 1 || n == 0 && !tt.full {
				t.Errorf("%d sightings in the ledger", n)
			}
		})
	}
}

// waitingLedger looks at what is the case when it may commit.
type waitingLedger struct{ look func() }

func (l waitingLedger) CommitAfter(wait func(), _ ...*ledger.Changes) ([]ledger.Stored, error) {
	wait()
	l.look()
	return nil, nil
}

// TestTheLedgerCommitsOnceTheLogIsSynced, or once it is known that it cannot be: then recording has stopped, and what the
// alert rests on is in the ledger alone.
func TestTheLedgerCommitsOnceTheLogIsSynced(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("log gone %v", gone), func(t *testing.T) {
			rec, err := replay.Create(t.TempDir(), replay.Manifest{Own: mavlink.DefaultOwnID}, 1, replay.Beginning{Start: []byte("{}")})
			if err != nil {
				t.Fatal(err)
			}
			defer rec.Close()
			var c *committer
			looked, kept := 0, 0
			c = newCommitter(committerOptions{
				Ledger: waitingLedger{func() {
					if looked++; c.dirty != 0 || (c.stopped != "") != gone || (c.rec == nil) != gone {
						t.Errorf("%d bytes are not synced, recording has stopped: %q", c.dirty, c.stopped)
					}
				}},
				Log: zap.NewNop(), Trouble: func(string, bool) {}, Kept: func(ts ...alerts.Transition) { kept += len(ts) },
			})
			c.rec = rec
			if c.transcript, err = newTranscript(rec.Dir()); err != nil {
				t.Fatal(err)
			}
			if gone {
				if err := os.Remove(filepath.Join(rec.Dir(), "flight.tlog")); err != nil {
					t.Fatal(err)
				}
			}
			frame := mavlink.AppendBeat(nil, mavlink.DefaultOwnID, 1)
			c.push(mavlink.Batch{Frames: []mavlink.Frame{{Raw: frame}}}, &watch.Effects{Transitions: []alerts.Transition{{Seq: 1}}})
			c.write(c.queue)
			if looked != 1 || kept != 1 {
				t.Errorf("committed %d times, %d transitions were told", looked, kept)
			}
			c.finish()
		})
	}
}

// TestAHungDiskDoesNotFillTheMemory: the committer does not run here, as one that waits for a disk.
func TestAHungDiskDoesNotFillTheMemory(t *testing.T) {
	c := newCommitter(committerOptions{Log: zap.NewNop()})
	much := mavlink.Batch{Frames: []mavlink.Frame{{Raw: make([]byte, writerLag+1)}}}
	news := &watch.Effects{Answers: []watch.Answer{{Number: 1}}}
	for range 1000 {
		c.push(much, &watch.Effects{})
	}
	c.push(much, news)
	for range 1000 {
		c.push(much, &watch.Effects{})
	}
	if len(c.queue) != 2 || c.bytes != 0 || c.queue[1].effects == nil {
		t.Errorf("%d items and %d bytes wait", len(c.queue), c.bytes)
	}
}

// TestEveryFrameThatIsNotRecordedIsCounted: the writer is too far behind, then the log takes no more, then there is none.
func TestEveryFrameThatIsNotRecordedIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := newCommitter(committerOptions{
		Metrics: newMetrics(registry, &configs.Config{}, ""), Log: zap.NewNop(), Trouble: func(string, bool) {},
		Free: func() (uint64, error) { return 0, nil }, MinFree: func() uint64 { return 1 },
	})
	rec, err := replay.Create(t.TempDir(), replay.Manifest{Own: mavlink.DefaultOwnID}, 1, replay.Beginning{Start: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	c.rec = rec
	defer rec.Close()
	raw, err := mavlink.AppendFrame(nil, 0, 1, 1, &common.MessageHeartbeat{})
	if err != nil {
		t.Fatal(err)
	}
	own := mavlink.Frame{Origin: mavlink.OriginOwn, Raw: raw}
	some := mavlink.Batch{Frames: []mavlink.Frame{{Raw: raw}, own, {Raw: raw}}}
	much := mavlink.Batch{Frames: []mavlink.Frame{{Raw: make([]byte, writerLag+1)}, {Raw: raw}, {Raw: raw}, own}}
	push := func(b mavlink.Batch) {
		c.push(b, &watch.Effects{})
		c.write(c.queue)
		c.queue = nil
	}
	for _, step := range []struct {
		what string
		do   func()
		want float64
	}{
		{"recorded", func() { push(some) }, 0},
		{"the log takes no more", func() {
			if err := rec.Close(); err != nil {
				t.Fatal(err)
			}
			push(some)
		}, 2},
		{"none is open", func() { push(some) }, 4},
		{"too far behind", func() { c.push(much, &watch.Effects{}); push(much) }, 10},
	} {
		if step.do(); testutil.ToFloat64(c.o.Metrics.unrecorded) != step.want || testutil.ToFloat64(c.o.Metrics.recorded) != 3 {
			t.Errorf("%s: %v frames were not recorded and %v were, want %v and 3", step.what,
				testutil.ToFloat64(c.o.Metrics.unrecorded), testutil.ToFloat64(c.o.Metrics.recorded), step.want)
		}
	}
}
