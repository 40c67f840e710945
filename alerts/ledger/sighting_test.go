package ledger

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
)

// sightings of every shape: a point by a camera's ray, a direction only, one without anything.
func shapes() []alerts.Sighting {
	return []alerts.Sighting{{
		ID: "s-point", At: start, Vehicle: "egret-1", Source: "rc_switch", Kind: "person", Located: true, Lat: 372412345, Lon: 1119512345, CE90: 182,
		Basis: "ray", Count: 3, TimeSource: "boot", Uncertainty: 200, Ground: "surface", Ellipse: &alerts.Ellipse{Major: 240, Minor: 91, Bearing: 120}, Verified: true,
	}, {
		ID: "s-direction", At: start + 1, Vehicle: "egret-1", Source: "rc_switch", Kind: "person", Basis: "ray", TimeSource: "receive", Uncertainty: 4200,
		Suspect: true, Ray: &alerts.Ray{Lat: -5, Lon: -1799999999, Bearing: 1234, HalfWidth: 56, Min: 4000, Max: 15000}, Verified: true,
	}, {
		ID: "s-nothing", At: start + 2, Vehicle: "egret-1", Source: "button", Kind: "person", Basis: "none", TimeSource: "utc", Uncertainty: 100, Verified: true,
	}}
}

func TestNothingOfASightingIsLost(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir)
	want := shapes()
	c := &Changes{Sightings: want}
	for i := range want {
		tr := opened(uint64(i+1), "a-"+want[i].ID)
		told := want[i]
		tr.Sighting = &told
		c.Transitions = append(c.Transitions, tr)
	}
	commit(t, l, c)
	page, _, err := l.Sightings(Filter{})
	if err != nil || len(page) != len(want) {
		t.Fatal(len(page), err)
	}
	for i := range want {
		got := page[len(want)-1-i]
		if diff := cmp.Diff(Sighting{Sighting: want[i], Alert: "a-" + want[i].ID}, got); diff != "" {
			t.Errorf("in the list of sightings (-want +got):\n%s", diff)
		}
		var again Sighting
		if line, err := json.Marshal(got); err != nil || json.Unmarshal(line, &again) != nil || !cmp.Equal(got, again) {
			t.Errorf("as the API gives it (%v):\n%s", err, cmp.Diff(got, again))
		}
		inTransition := want[i]
		inTransition.Verified = false // the transition says it of the alert
		d, err := l.Alert("a-" + want[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&inTransition, d.Sighting); diff != "" {
			t.Errorf("in the alert (-want +got):\n%s", diff)
		}
		var line struct{ Sighting *alerts.Sighting }
		if err := json.Unmarshal(d.Timeline[0].Data, &line); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&inTransition, line.Sighting); diff != "" {
			t.Errorf("in the timeline (-want +got):\n%s", diff)
		}
	}
}

func TestTheStationsOwnAlertHasNoSighting(t *testing.T) {
	l := openIn(t, t.TempDir())
	tr := opened(1, "a")
	tr.Kind, tr.Subject, tr.Sighting = alerts.OfIdentityConflict, "egret-1", nil
	commit(t, l, &Changes{Transitions: []alerts.Transition{tr}})
	list, _, err := l.Alerts(Filter{})
	if err != nil || len(list) != 1 || list[0].Sighting != nil || list[0].Subject != "egret-1" {
		t.Errorf("%+v %v", list, err)
	}
}

// A ledger of an earlier version holds sightings that say less. They are read as they are, without a change of schema,
// and give way when the log that they are in is folded anew.
func TestSightingsThatAnEarlierVersionWroteAreReadAndGiveWay(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir)
	const sighting = `{"id":"s-a","at":"2026-11-23T07:50:00.123456Z","vehicle":"egret-1","source":"poi_script","kind":"person",` +
		`"lat":37.2412345,"lon":111.9512345,"ce90_m":8.0,"basis":"target"`
	const line = `{"seq":1,"at":"2026-11-23T07:50:00.123456Z","alert":"a","rule":"crossing","severity":"high","from":"","to":"open",` +
		`"zone":"gate-3","zone_kind":"gate","distance_m":12.3,"bearing_deg":87,"side":"left","certainty":"likely","verified":true,` +
		`"sightings":1,"sighting":` + sighting + `},"event":"opened","kind":"sighting","also":[],"by":0,"outcome":"","station":"yanwu","plan":"9f2c01aa"}`
	var old alerts.Transition
	if err := json.Unmarshal([]byte(line), &old); err != nil {
		t.Fatal(err)
	}
	_, err := l.write(func(t *tx) error {
		n, err := t.append(event{at: old.At, kind: "sighting", subject: "s-a", data: []byte(sighting + `,"verified":true}`)})
		if err == nil {
			_, err = t.exec(`INSERT INTO sightings (first, last, id, alert) VALUES (?, ?, 's-a', 'a')`, n, n)
		}
		if err == nil {
			n, err = t.append(event{at: old.At, kind: "transition", subject: "a", data: []byte(line)})
		}
		if err == nil {
			_, err = t.exec(`INSERT INTO transitions (station, seq, n) VALUES ('yanwu', 1, ?)`, n)
		}
		if err == nil {
			err = t.alert(&old, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openIn(t, dir)
	want := alerts.Sighting{
		ID: "s-a", At: old.At, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true,
		Lat: 372412345, Lon: 1119512345, CE90: 80, Basis: "target", Verified: true,
	}
	check := func(want alerts.Sighting) {
		t.Helper()
		page, _, err := l.Sightings(Filter{})
		if diff := cmp.Diff([]Sighting{{Sighting: want, Alert: "a"}}, page); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	check(want)
	list, _, err := l.Alerts(Filter{})
	if err != nil || len(list) != 1 || list[0].Sighting == nil || list[0].Sighting.ID != "s-a" || list[0].Sighting.TimeSource != "" {
		t.Fatalf("%+v %v", list, err)
	}
	// Recovery folds the log again.
	again := want
	again.TimeSource, again.Uncertainty = "receive", 1000
	tr := old
	tr.Sighting = &again
	commit(t, l, &Changes{Sightings: []alerts.Sighting{again}, Transitions: []alerts.Transition{tr}})
	check(again)
	if l.LastSeq() != 1 || l.Verify(t.Context()) != nil {
		t.Errorf("seq %d, chain %v", l.LastSeq(), l.Verify(t.Context()))
	}
}
