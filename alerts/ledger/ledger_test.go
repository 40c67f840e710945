package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
)

const start = alerts.Time(1_795_000_000_000_000)

// openIn opens a ledger whose clock ticks a second a call.
func openIn(t testing.TB, dir string) *Ledger {
	t.Helper()
	now := time.UnixMicro(int64(start)).UTC()
	l, err := Open(Options{Dir: dir, Station: "yanwu", Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func commit(t testing.TB, l *Ledger, changes ...*Changes) []Stored {
	t.Helper()
	stored, err := l.Commit(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// opened is the opening transition of an alert with one sighting.
func opened(seq uint64, alert string, tell ...string) alerts.Transition {
	return alerts.Transition{
		Seq: seq, At: start + alerts.Time(seq), Alert: alert, Rule: "crossing", Severity: alerts.High, To: alerts.Open,
		Zone: "gate-3", ZoneKind: "gate", Distance: 123, Bearing: 87, Side: "left", Certainty: "likely", Verified: true,
		Sightings: 1, Sighting: &alerts.Sighting{
			ID: "s-" + alert, At: start, Vehicle: "egret-1", Source: "poi_script", Kind: "person",
			Located: true, Lat: 372412345, Lon: 1119512345, CE90: 80, Basis: "target",
		},
		Event: alerts.Opened, Kind: alerts.OfSighting, Station: "yanwu", Plan: "9f2c01aa", Tell: tell,
	}
}

// moved is a later transition of an alert: somebody did something.
func moved(seq uint64, alert string, event alerts.Event, from, to alerts.State, by uint32) alerts.Transition {
	t := opened(seq, alert)
	t.Event, t.From, t.To, t.By, t.Sighting = event, from, to, by, nil
	return t
}

func kinds(stored []Stored) string {
	var words []string
	for _, s := range stored {
		words = append(words, s.Kind)
	}
	return strings.Join(words, " ")
}

func TestTheSameChangesAreStoredOnce(t *testing.T) {
	l := openIn(t, t.TempDir())
	c := &Changes{
		Transitions: []alerts.Transition{opened(1, "a", "post", "log"), moved(2, "a", alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, 0)},
		Sightings:   []alerts.Sighting{{ID: "s-a", At: start, Vehicle: "egret-1", Kind: "person", Verified: true}},
		ZoneEvents:  []ZoneEvent{{At: start, Vehicle: "egret-1", Zone: "gate-3", ZoneKind: "gate", Event: "entered"}},
		Sorties:     []Sortie{{ID: "1-1", Vehicle: "egret-1", TookOff: start}},
	}
	if got, want := kinds(commit(t, l, c)), "sighting transition transition zone_event sortie"; got != want {
		t.Fatalf("stored %s, want %s", got, want)
	}
	if got := commit(t, l, c, c); len(got) != 0 {
		t.Fatalf("stored again: %s", kinds(got))
	}
	c.Transitions = append(c.Transitions, opened(3, "b"))
	c.Sorties[0].Landed, c.Sorties[0].DistanceM = start+60_000_000, 812.5
	c.Sightings[0].Located, c.Sightings[0].Lat = true, 372412345
	if got, want := kinds(commit(t, l, c, c)), "sighting transition sortie"; got != want {
		t.Fatalf("stored %s, want only what is new: %s", got, want)
	}
	if _, err := l.Person("Li"); err != nil { // an event that is no transition
		t.Fatal(err)
	}
	if got := l.LastSeq(); got != 3 {
		t.Errorf("last seq is %d, want 3", got)
	}
	waiting, err := l.Waiting()
	if diff := cmp.Diff(map[string]int{"post": 1, "log": 1}, waiting); diff != "" || err != nil {
		t.Errorf("queued notices: %v\n%s", err, diff)
	}
	sorties, _, err := l.Sorties(Filter{})
	if diff := cmp.Diff(c.Sorties, sorties); diff != "" || err != nil {
		t.Errorf("sorties: %v\n%s", err, diff)
	}
	sightings, _, err := l.Sightings(Filter{})
	if diff := cmp.Diff([]Sighting{{Sighting: c.Sightings[0], Alert: "a"}}, sightings); diff != "" || err != nil {
		t.Errorf("sightings: %v\n%s", err, diff)
	}
	zoneEvents, _, err := l.ZoneEvents(Filter{})
	if diff := cmp.Diff(c.ZoneEvents, zoneEvents); diff != "" || err != nil {
		t.Errorf("zone events: %v\n%s", err, diff)
	}
}

func TestEachCommitIsSynced(t *testing.T) {
	// No test can cut the power; what SQLite promises rests on these two.
	l := openIn(t, t.TempDir())
	var journal string
	var synchronous int
	if err := l.conn.QueryRowContext(t.Context(), `PRAGMA journal_mode`).Scan(&journal); err != nil || journal != "wal" {
		t.Errorf("journal_mode is %s (%v), want wal", journal, err)
	}
	if err := l.conn.QueryRowContext(t.Context(), `PRAGMA synchronous`).Scan(&synchronous); err != nil || synchronous != 2 {
		t.Errorf("synchronous is %d (%v), want 2, FULL", synchronous, err)
	}
}

func TestTransitionsOfTwoStationsWithOneSeqAreBothKept(t *testing.T) {
	l := openIn(t, t.TempDir())
	other := opened(1, "b", "post")
	other.Station = "dukou"
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a", "post"), other}})
	queued, err := l.Queued("post", 10)
	if err != nil || len(queued) != 2 || queued[0].Notice("post") != "yanwu/1/post" || queued[1].Notice("post") != "dukou/1/post" {
		t.Errorf("queued: %v %v", queued, err)
	}
	if l.LastSeq() != 1 {
		t.Errorf("last seq is %d, want this station's: 1", l.LastSeq())
	}
}

func TestALedgerIsTheSameAfterReopening(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir)
	station := opened(2, "lost", "post")
	station.Kind, station.Subject, station.Sighting = alerts.OfVehicleLost, "egret-1", nil
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a"), station}})
	id, seq := l.ID(), l.LastSeq()
	n, chain := l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openIn(t, dir)
	again, againChain := l.Head()
	if l.ID() != id || l.LastSeq() != seq || again != n || againChain != chain {
		t.Errorf("reopened as %s at %d %s with seq %d, was %s at %d %s with %d", l.ID(), again, againChain, l.LastSeq(), id, n, chain, seq)
	}
	queued, err := l.Queued("post", 10)
	if diff := cmp.Diff([]alerts.Transition{station}, queued); diff != "" || err != nil {
		t.Errorf("a queued transition came back changed: %v\n%s", err, diff)
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAClosedLedgerRefusesToWrite(t *testing.T) {
	l := openIn(t, t.TempDir())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(Request{Kind: "mark"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("accepted by a closed ledger: %v", err)
	}
}

func TestARequestIsAcceptedOnceUnderItsKey(t *testing.T) {
	l := openIn(t, t.TempDir())
	mark := Request{Key: "k1", Kind: "mark", By: 2, Note: "red jacket", Body: []byte(`{"lat":37}`)}
	accept := func(r Request) Accepted {
		t.Helper()
		a, err := l.Accept(r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := accept(mark)
	if diff := cmp.Diff(Accepted{Number: 1}, first); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(Accepted{Number: 1, Pending: true}, accept(mark)); diff != "" {
		t.Fatalf("repeated before its answer:\n%s", diff)
	}
	for name, other := range map[string]Request{
		"another body":  {Key: "k1", Kind: "mark", Body: []byte(`{"lat":38}`)},
		"another kind":  {Key: "k1", Kind: "close", Body: mark.Body},
		"another alert": {Key: "k1", Kind: "mark", Subject: "a", Body: mark.Body},
	} {
		if _, err := l.Accept(other); !errors.Is(err, ErrKeyReused) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s under a used key: %v", name, err)
		}
	}
	reply := []byte(`{"id":"s1", "alert":"a"}`)
	commit(t, l, &Changes{Answers: []Answer{{Number: 1, Alert: "a", Reply: reply}, {Number: 1, Reply: []byte("late")}, {Number: 77, Reply: []byte("of another ledger")}}})
	if diff := cmp.Diff(Accepted{Number: 1, Reply: reply}, accept(mark)); diff != "" {
		t.Fatalf("repeated after its answer:\n%s", diff)
	}
	accept(Request{Key: "empty", Kind: "mark"})
	commit(t, l, &Changes{Answers: []Answer{{Number: 2}}})
	if a := accept(Request{Key: "empty", Kind: "mark"}); a.Pending || len(a.Reply) != 0 {
		t.Errorf("answered with an empty reply: %+v", a)
	}
	if a, b := accept(Request{Kind: "mark"}), accept(Request{Kind: "mark"}); a.Number != 3 || b.Number != 4 {
		t.Errorf("two requests without a key got numbers %d and %d, want 3 and 4", a.Number, b.Number)
	}
}

func TestAPersonHasOneNumber(t *testing.T) {
	l := openIn(t, t.TempDir())
	for _, c := range []struct {
		name string
		want uint32
	}{{"", 0}, {"  ", 0}, {"Li", 1}, {"Wang", 2}, {" Li ", 1}} {
		if got, err := l.Person(c.name); err != nil || got != c.want {
			t.Errorf("person %q is %d (%v), want %d", c.name, got, err, c.want)
		}
	}
	for number, want := range map[uint32]string{0: "", 1: "Li", 2: "Wang", 3: ""} {
		if got, err := l.PersonName(number); err != nil || got != want {
			t.Errorf("person %d is %q (%v), want %q", number, got, err, want)
		}
	}
}

func TestNoticesKeepWhatBecameOfThem(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a", "post", "mail", "sms", "gone")}})
	steps := []error{
		l.NoticeFailed("yanwu/1/post", start+1, "503", start+2),
		l.NoticeSent("yanwu/1/post", start+2),
		l.NoticeSent("yanwu/1/post", start+3), // a second worker, late
		l.NoticeFailed("yanwu/1/mail", start+4, "404", 0),
		l.NoticeExpired("yanwu/1/gone", start+5, "no longer configured"),
		l.NoticeSent("yanwu/9/post", start+6), // never queued
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	d, err := l.Alert("a")
	if err != nil {
		t.Fatal(err)
	}
	want := []Notice{
		{Key: "yanwu/1/gone", Recipient: "gone", State: NoticeExpired, At: start + 5, Reason: "no longer configured"},
		{Key: "yanwu/1/mail", Recipient: "mail", State: NoticeFailed, At: start + 4, Tries: 1, Reason: "404"},
		{Key: "yanwu/1/post", Recipient: "post", State: NoticeSent, At: start + 2, Tries: 2, Reason: "503"},
		{Key: "yanwu/1/sms", Recipient: "sms", State: NoticeQueued, At: start + 1},
	}
	if diff := cmp.Diff(want, d.Notices); diff != "" {
		t.Errorf("notices:\n%s", diff)
	}
	if got, want := len(d.Timeline), 1+4; got != want {
		t.Errorf("timeline has %d entries, want the transition and %d facts: %v", got, want-1, d.Timeline)
	}
	waiting, err := l.Waiting()
	if diff := cmp.Diff(map[string]int{"sms": 1}, waiting); diff != "" || err != nil {
		t.Errorf("waiting: %v\n%s", err, diff)
	}
}

func TestAFullDiskStoresNothingAndIsSurvived(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a", "post")}})
	var pages int
	if err := l.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if err := l.conn.QueryRowContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n)).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	n, chain := l.Head()
	big := &Changes{}
	for i := range 200 {
		big.Transitions = append(big.Transitions, opened(uint64(2+i), fmt.Sprint("b", i), "post"))
	}
	if _, err := l.Commit(big); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("commit on a full disk: %v", err)
	}
	if _, err := l.Accept(Request{Key: "k", Kind: "mark", Note: strings.Repeat("x", 100_000)}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("accept on a full disk: %v", err)
	}
	if again, againChain := l.Head(); again != n || againChain != chain || l.LastSeq() != 1 {
		t.Errorf("the head moved to %d, seq %d", again, l.LastSeq())
	}
	limit(1 << 20)
	if a, err := l.Accept(Request{Key: "k", Kind: "mark"}); err != nil || a.Pending || a.Number != 1 {
		t.Errorf("accept after there is room again: %+v %v", a, err)
	}
	if got := commit(t, l, big); len(got) != 200 {
		t.Errorf("stored %d of 200 once there was room again", len(got))
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestGrownTellsOfEveryEvent(t *testing.T) {
	l := openIn(t, t.TempDir())
	n, _ := l.Head()
	grown := l.Grown()
	select {
	case <-grown:
		t.Fatal("told of an event before there was one")
	default:
	}
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	<-grown
	events, err := l.Events(n, 0)
	if err != nil || len(events) != 1 || events[0].Kind != "transition" || events[0].N != n+1 {
		t.Errorf("events after %d: %v %v", n, events, err)
	}
}

func TestABackupIsAWholeLedger(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if err := Copy(t.Context(), filepath.Dir(l.path), path); err != nil {
		t.Fatal(err)
	}
	if err := Copy(t.Context(), filepath.Dir(l.path), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a backup went over another one: %v", err)
	}
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(2, "b")}})
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a backup is readable for others: %v %v", info.Mode(), err)
	}
	b := openIn(t, dir)
	if b.ID() != l.ID() || b.LastSeq() != 1 {
		t.Errorf("the backup is %s up to %d, want %s up to 1", b.ID(), b.LastSeq(), l.ID())
	}
	if err := b.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALedgerIsCopiedFromARelativeDirectoryOpenOrNot(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("data dir?", 0o700); err != nil {
		t.Fatal(err)
	}
	l := openIn(t, "data dir?")
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	for _, name := range []string{"open", "closed"} {
		if name == "closed" {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Copy(t.Context(), "data dir?", filepath.Join(name, FileName)); err != nil {
			t.Errorf("copy of an %s ledger: %v", name, err)
			continue
		}
		if c := openIn(t, name); c.LastSeq() != 1 || c.ID() != l.ID() {
			t.Errorf("the copy of an %s ledger is %s up to %d", name, c.ID(), c.LastSeq())
		}
	}
}
