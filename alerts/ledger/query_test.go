package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
)

// allIDs reads a list of alerts page by page.
func allIDs(t *testing.T, l *Ledger, f Filter) (ids []string) {
	t.Helper()
	for pages := 0; ; pages++ {
		list, next, err := l.Alerts(f)
		if err != nil || pages > 100 {
			t.Fatal(err, pages)
		}
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		if next == "" {
			return ids
		}
		f.After = next
	}
}

func TestAlertsComeNewestFirstPageByPage(t *testing.T) {
	l := openIn(t, t.TempDir())
	c := &Changes{}
	var all, active, acknowledged, closed []string
	for i := range uint64(10) {
		id := fmt.Sprint("a", i)
		c.Transitions = append(c.Transitions, opened(2*i+1, id))
		all = append([]string{id}, all...)
		switch i % 3 {
		case 0:
			c.Transitions = append(c.Transitions, moved(2*i+2, id, alerts.DidClose, alerts.Open, alerts.Closed, 1))
			closed = append([]string{id}, closed...)
			continue
		case 1:
			c.Transitions = append(c.Transitions, moved(2*i+2, id, alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, 1))
			acknowledged = append([]string{id}, acknowledged...)
		}
		active = append([]string{id}, active...)
	}
	commit(t, l, c)
	for _, limit := range []int{0, 1, 2, 3, 5, 9, 10, 11, 5000} {
		for state, want := range map[string][]string{"": all, "active": active, "acknowledged": acknowledged, "closed": closed, "en_route": nil} {
			if diff := cmp.Diff(want, allIDs(t, l, Filter{State: state, Limit: limit})); diff != "" {
				t.Errorf("state %q by %d:\n%s", state, limit, diff)
			}
		}
	}
	n, err := l.OpenAlerts()
	if diff := cmp.Diff(map[alerts.Severity]int{"low": 0, "medium": 0, "high": len(active), "critical": 0}, n); diff != "" || err != nil {
		t.Errorf("open alerts: %v\n%s", err, diff)
	}
	since, ok, err := l.OpenSince()
	if err != nil || !ok || since != c.Transitions[2].At {
		t.Errorf("open since %v %t (%v), want that of a1: %v", since, ok, err, c.Transitions[2].At)
	}
}

func TestUnclosedAlertsComeWithOwnerAndNewestTransition(t *testing.T) {
	l := openIn(t, t.TempDir())
	lost := opened(2, "lost", "post")
	lost.Kind, lost.Subject, lost.Sighting = alerts.OfVehicleLost, "egret-1", nil
	acknowledged := moved(4, "a", alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, 7)
	commit(t, l, &Changes{Transitions: []alerts.Transition{
		opened(1, "a"), lost, opened(3, "done"), acknowledged, moved(5, "done", alerts.DidClose, alerts.Open, alerts.Closed, 7),
	}})
	open, err := l.Unclosed()
	if diff := cmp.Diff([]alerts.Adopted{{Newest: acknowledged, Owner: 7}, {Newest: lost}}, open); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestAnAlertMovingDoesNotMoveInTheList(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a"), opened(2, "b"), opened(3, "c")}})
	_, next, err := l.Alerts(Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, l, &Changes{Transitions: []alerts.Transition{moved(4, "a", alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, 1), opened(5, "d")}})
	if diff := cmp.Diff([]string{"b", "a"}, allIDs(t, l, Filter{Limit: 1, After: next})); diff != "" {
		t.Errorf("after the first page:\n%s", diff)
	}
}

func TestAnAlertShowsItsNewestTransition(t *testing.T) {
	l := openIn(t, t.TempDir())
	li, err := l.Person("Li")
	if err != nil {
		t.Fatal(err)
	}
	first := opened(1, "a")
	blind := opened(2, "a")
	blind.Event, blind.From, blind.Sightings, blind.Certainty = alerts.Sighted, alerts.Open, 2, "certain"
	blind.Sighting = &alerts.Sighting{ID: "s2", Source: "poi_script", Basis: "none"}
	stored := commit(t, l, &Changes{Transitions: []alerts.Transition{first, blind, moved(3, "a", alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, li)}})
	list, _, err := l.Alerts(Filter{})
	if err != nil {
		t.Fatal(err)
	}
	lat, lon, ce90 := alerts.Degrees(372412345), alerts.Degrees(1119512345), alerts.Decimetres(80)
	want := []Alert{{
		ID: "a", Station: "yanwu", State: alerts.Acknowledged, Owner: li, OwnerName: "Li", OpenedAt: start + 1, UpdatedAt: start + 3,
		Rule: "crossing", Severity: alerts.High, Kind: alerts.OfSighting, Zone: "gate-3", ZoneKind: "gate", Distance: 123, Bearing: 87,
		Side: "left", Certainty: "likely", Verified: true, Sightings: 1, Lat: &lat, Lon: &lon, CE90: &ce90, N: stored[2].N,
	}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
	b, err := json.Marshal(list[0])
	if err != nil || !strings.Contains(string(b), `"distance_m":12.3,"bearing_deg":87,`) || !strings.Contains(string(b), `"lat":37.2412345,"lon":111.9512345,"ce90_m":8.0`) {
		t.Errorf("%s (%v)", b, err)
	}
}

func TestTheOwnerIsWhoMovedFirst(t *testing.T) {
	type step struct {
		event alerts.Event
		to    alerts.State
		by    uint32
		want  uint32
	}
	for name, steps := range map[string][]step{
		"the first keeps it":    {{alerts.DidAcknowledge, alerts.Acknowledged, 1, 1}, {alerts.DidGo, alerts.EnRoute, 2, 1}, {alerts.Sighted, alerts.EnRoute, 0, 1}},
		"a skip makes an owner": {{alerts.DidIntercept, alerts.Intercepted, 3, 3}},
		"a release frees it":    {{alerts.DidAcknowledge, alerts.Acknowledged, 1, 1}, {alerts.Reopened, alerts.Open, 1, 0}, {alerts.DidGo, alerts.EnRoute, 2, 2}},
		"a hand-over moves it":  {{alerts.DidAcknowledge, alerts.Acknowledged, 1, 1}, {alerts.HandedOver, alerts.Acknowledged, 2, 2}},
		"nobody known":          {{alerts.DidAcknowledge, alerts.Acknowledged, 0, 0}, {alerts.DidGo, alerts.EnRoute, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			l := openIn(t, t.TempDir())
			commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
			for i, s := range steps {
				commit(t, l, &Changes{Transitions: []alerts.Transition{moved(uint64(i+2), "a", s.event, alerts.Open, s.to, s.by)}})
				if d, err := l.Alert("a"); err != nil || d.Owner != s.want {
					t.Errorf("step %d: owner is %d (%v), want %d", i, d.Owner, err, s.want)
				}
			}
		})
	}
}

// Wang releases what Li had, and takes it back: the alert is Li's again, as the Book says.
func TestTheOwnerIsWhomTheTransitionNames(t *testing.T) {
	l := openIn(t, t.TempDir())
	for i, s := range []struct {
		event           alerts.Event
		to              alerts.State
		by, owner, want uint32
	}{
		{alerts.Opened, alerts.Open, 0, 0, 0},
		{alerts.DidAcknowledge, alerts.Acknowledged, 1, 1, 1},
		{alerts.Reopened, alerts.Open, 2, 0, 0},
		{alerts.Corrected, alerts.Acknowledged, 2, 1, 1},
		{alerts.DidClose, alerts.Closed, 2, 1, 1},
		{alerts.Reopened, alerts.Acknowledged, 2, 1, 1},
		{alerts.Reopened, alerts.Open, 1, 0, 0},
		{alerts.DidAcknowledge, alerts.Acknowledged, 0, 0, 0},
		{alerts.DidGo, alerts.EnRoute, 2, 2, 2},
		{alerts.Corrected, alerts.Acknowledged, 2, 0, 0},
	} {
		tr := moved(uint64(i+1), "a", s.event, alerts.Open, s.to, s.by)
		tr.Owner = s.owner
		commit(t, l, &Changes{Transitions: []alerts.Transition{tr}})
		if d, err := l.Alert("a"); err != nil || d.Owner != s.want {
			t.Errorf("step %d: owner is %d (%v), want %d", i, d.Owner, err, s.want)
		}
	}
}

func TestATransitionComesBackWithAllThatStandsBesideItsLine(t *testing.T) {
	l := openIn(t, t.TempDir())
	want := opened(1, "a", "post")
	want.Owner = 7
	want.Also = []alerts.Near{{Zone: "gate-5", ZoneKind: "gate", Distance: 10}, {Zone: "ciyao", ZoneKind: "bank", Side: "left"}}
	commit(t, l, &Changes{Transitions: []alerts.Transition{want}})
	queued, err := l.Queued("post", 9)
	if diff := cmp.Diff([]alerts.Transition{want}, queued); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestTheTimelineHasNoWordsOfWhatWasRefusedAndNoKeys(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	for i, reply := range []string{`{"alert":"a","refused":"state"}`, `{"alert":"a","refused":""}`, `{"alert":"a"}`, "no JSON", ""} {
		a, err := l.Accept(Request{Key: fmt.Sprint("secret-", i), Kind: "close", Subject: "a", By: 3, Note: fmt.Sprint("note ", i)})
		if err != nil {
			t.Fatal(err)
		}
		if reply != "" { // the last one is not answered yet
			commit(t, l, &Changes{Answers: []Answer{{Number: a.Number, Alert: "a", Reply: []byte(reply)}}})
		}
	}
	d, err := l.Alert("a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range d.Timeline {
		if e.Kind == "note" {
			got = append(got, e.Note+" "+string(e.Data))
		}
	}
	want := []string{
		`note 1 {"number":2,"act":"close","by":3}`, `note 2 {"number":3,"act":"close","by":3}`,
		`note 3 {"number":4,"act":"close","by":3}`, `note 4 {"number":5,"act":"close","by":3}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueuedSinceGivesWhatWasCommittedAfterAnEvent(t *testing.T) {
	l := openIn(t, t.TempDir())
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a", "post")}})
	head, _ := l.Head()
	stored := commit(t, l, &Changes{Transitions: []alerts.Transition{opened(2, "b", "mail"), opened(3, "c", "post"), opened(4, "d", "post")}})
	for _, c := range []struct {
		since int64
		limit int
		want  []uint64
		last  int64
	}{{0, 9, []uint64{1, 3, 4}, stored[2].N}, {head, 9, []uint64{3, 4}, stored[2].N}, {head, 1, []uint64{3}, stored[1].N}, {stored[2].N, 9, nil, stored[2].N}} {
		list, last, err := l.QueuedSince("post", c.since, c.limit)
		var got []uint64
		for i := range list {
			got = append(got, list[i].Seq)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || last != c.last || err != nil {
			t.Errorf("since %d: last %d, want %d (%v)\n%s", c.since, last, c.last, err, diff)
		}
	}
}

func TestAnAlertsTimelineIsInOrder(t *testing.T) {
	l := openIn(t, t.TempDir())
	li, err := l.Person("Li")
	if err != nil {
		t.Fatal(err)
	}
	accept := func(r Request) uint32 {
		t.Helper()
		a, err := l.Accept(r)
		if err != nil {
			t.Fatal(err)
		}
		return a.Number
	}
	mark := accept(Request{Kind: "mark", By: li, Note: "child in a red jacket"})
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a", "post")}, Answers: []Answer{{Number: mark, Alert: "a", Reply: []byte("{}")}}})
	if err := l.NoticeSent("yanwu/1/post", start); err != nil {
		t.Fatal(err)
	}
	accept(Request{Kind: "acknowledge", Subject: "a", By: li})
	commit(t, l, &Changes{Transitions: []alerts.Transition{moved(2, "a", alerts.DidAcknowledge, alerts.Open, alerts.Acknowledged, li), opened(3, "b")}})
	accept(Request{Kind: "close", Subject: "a", By: li, Note: "handed to the patrol"})
	accept(Request{Kind: "note", Subject: "b", By: li, Note: "of another alert"})
	commit(t, l, &Changes{Transitions: []alerts.Transition{moved(4, "a", alerts.DidClose, alerts.Acknowledged, alerts.Closed, li)}})
	d, err := l.Alert("a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range d.Timeline {
		got = append(got, e.Kind+" "+e.Note)
	}
	want := []string{"note child in a red jacket", "transition ", "notice ", "transition ", "note handed to the patrol", "transition "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[uint32]string{li: "Li"}, d.People); diff != "" {
		t.Error(diff)
	}
	if d.Earlier || d.State != alerts.Closed {
		t.Errorf("earlier %t, state %s", d.Earlier, d.State)
	}
	if _, err := l.Alert("nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an alert that is not there: %v", err)
	}
}

func TestALongTimelineKeepsItsNewestEntries(t *testing.T) {
	l := openIn(t, t.TempDir())
	c := &Changes{}
	for i := range uint64(maxLimit + 5) {
		c.Transitions = append(c.Transitions, opened(i+1, "a", "post"))
	}
	stored := commit(t, l, c)
	d, err := l.Alert("a")
	if err != nil || len(d.Timeline) != maxLimit || !d.Earlier || d.Timeline[maxLimit-1].N != stored[len(stored)-1].N || len(d.Notices) != maxLimit {
		t.Errorf("%d entries, earlier %t, %d notices (%v)", len(d.Timeline), d.Earlier, len(d.Notices), err)
	}
}

func TestAFilterThatDoesNotExistIsRefused(t *testing.T) {
	l := openIn(t, t.TempDir())
	for _, f := range []Filter{{State: "opne"}, {After: "x"}, {After: "1;DROP"}} {
		if _, _, err := l.Alerts(f); !errors.Is(err, ErrFilter) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if _, _, err := l.Sightings(Filter{State: "open"}); !errors.Is(err, ErrFilter) {
		t.Errorf("sightings by state: %v", err)
	}
}

func TestEventsAreReadOnFromAnyPoint(t *testing.T) {
	l := openIn(t, t.TempDir())
	c := &Changes{}
	for i := range uint64(25) {
		c.Transitions = append(c.Transitions, opened(i+1, fmt.Sprint("a", i), "post"))
	}
	want := commit(t, l, c)
	after := want[0].N - 1
	var got []Stored
	for {
		part, err := l.Events(after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		got, after = append(got, part...), part[len(part)-1].N
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events read differ from those that Commit gave:\n%s", diff)
	}
}

func TestNoListIsScanned(t *testing.T) {
	l := openIn(t, t.TempDir())
	for name, query := range map[string]string{
		"all alerts":    alertColumns + `WHERE a.first < 9 ORDER BY a.first DESC LIMIT 9`,
		"active alerts": alertColumns + `WHERE a.first < 9 AND a.state <> 'closed' ORDER BY a.first DESC LIMIT 9`,
		"open alerts":   alertColumns + `WHERE a.first < 9 AND a.state = 'open' ORDER BY a.first DESC LIMIT 9`,
		"queued":        `SELECT e.data FROM notices q JOIN events e ON e.n = q.n WHERE q.state = 'queued' AND q.recipient = 'x' ORDER BY q.n LIMIT 9`,
		"timeline":      strings.NewReplacer("?1", "'a'", "?2", "9").Replace(timelineQuery),
		"oldest open":   `SELECT min(opened_at) FROM alerts WHERE state <> 'closed'`,
	} {
		rows, err := l.readers.Query(`EXPLAIN QUERY PLAN ` + query)
		if err != nil {
			t.Fatal(name, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
			if strings.Contains(step, "TEMP B-TREE") && name != "timeline" || strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "INDEX") {
				t.Errorf("%s: %s", name, step)
			}
		}
		rows.Close()
		t.Log(name, plan)
	}
}
