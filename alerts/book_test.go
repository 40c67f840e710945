package alerts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const second = Time(1_000_000)

// newBook is a book whose world is flat: one degree x 1e7 is one decimetre.
func newBook(rules ...Rule) *Book {
	b := NewBook(Options{Station: "yanwu", DistanceDM: func(latA, lonA, latB, lonB Degrees) int64 {
		return max(abs(int64(latA)-int64(latB)), abs(int64(lonA)-int64(lonB)))
	}})
	b.SetPlan(&Plan{Rules: rules, Recipients: []string{"post"}}, "0123456789abcdef")
	return b
}

func abs(n int64) int64 { return max(n, -n) }

var crossing = Rule{
	Name: "crossing", Near: []string{"gate", "bank"}, Severity: High, MinCertainty: "possible",
	WithinDM: 3000, QuietUS: 15 * 60 * int64(second),
}

func person(id string, lat Degrees) Sighting {
	return Sighting{ID: id, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true, Lat: lat, CE90: 80, Basis: "target", Verified: true}
}

func atGate(id string) []Near {
	return []Near{
		{Zone: id, ZoneKind: "gate", Distance: 123, Bearing: 87, Side: "", Certainty: "likely"},
		{Zone: "bank-e", ZoneKind: "bank", Distance: 31, Bearing: 90, Side: "left", Certainty: "likely"},
	}
}

func TestTransitionLineIsTheContractToTheByte(t *testing.T) {
	b := newBook(crossing)
	s := person("s1", 372412345)
	s.At, s.Lon = 1795420200123456, 1119512345
	s.Count, s.TimeSource, s.Uncertainty, s.Ellipse = 2, "boot", 120, &Ellipse{Major: 91, Minor: 62, Bearing: 120}
	var out []Transition
	b.Observe(1795420200123456, s, atGate("gate-3"), &out)
	want := `{"seq":1,"at":"2026-11-23T07:50:00.123456Z","alert":"` + out[0].Alert + `","rule":"crossing","severity":"high","from":"","to":"open",` +
		`"zone":"gate-3","zone_kind":"gate","distance_m":12.3,"bearing_deg":87,"side":"","certainty":"likely","verified":true,` +
		`"sightings":1,"sighting":{"id":"s1","at":"2026-11-23T07:50:00.123456Z","vehicle":"egret-1","source":"poi_script","kind":"person",` +
		`"lat":37.2412345,"lon":111.9512345,"ce90_m":8.0,"basis":"target","count":2,"time_source":"boot","time_uncertainty_ms":120,` +
		`"suspect":false,"ground":"","ellipse":{"major_m":9.1,"minor_m":6.2,"bearing_deg":120},"ray":null},"event":"opened","kind":"sighting",` +
		`"also":[{"zone":"bank-e","zone_kind":"bank","distance_m":3.1,"certainty":"likely"}],"by":0,"outcome":"","station":"yanwu","plan":"01234567"}`
	got := string(out[0].AppendJSON(nil))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var back Transition
	if err := json.Unmarshal([]byte(got), &back); err != nil {
		t.Fatal(err)
	}
	if again := string(back.AppendJSON(nil)); again != got {
		t.Errorf("read and written again:\n%s\nwant\n%s", again, got)
	}
}

func TestAbsentValuesAreEmptyWordsAndNulls(t *testing.T) {
	b := newBook(crossing)
	var out []Transition
	b.Raise(second, Cause{Kind: OfTrouble, Subject: "recording"}, &out)
	b.Observe(second, Sighting{ID: "s", Kind: "person", Source: "poi_script", Basis: "none"}, nil, &out)
	for i, want := range []string{
		`"zone":"","zone_kind":"","distance_m":null,"bearing_deg":null,"side":"","certainty":"","verified":true,"sightings":0,"sighting":null`,
		`"distance_m":null,"bearing_deg":null,"side":"","certainty":"unlocated","verified":false,"sightings":1,"sighting":{"id":"s","at":"1970-01-01T00:00:00.000000Z","vehicle":"","source":"poi_script","kind":"person","lat":null,"lon":null,"ce90_m":null,"basis":"none","count":0,"time_source":"","time_uncertainty_ms":0,"suspect":false,"ground":"","ellipse":null,"ray":null}`,
	} {
		if line := string(out[i].AppendJSON(nil)); !strings.Contains(line, want) {
			t.Errorf("line %d is %s\nwant in it %s", i, line, want)
		}
		var back Transition
		if err := json.Unmarshal(out[i].AppendJSON(nil), &back); err != nil || string(back.AppendJSON(nil)) != string(out[i].AppendJSON(nil)) {
			t.Errorf("line %d read again: %s, %v", i, back.AppendJSON(nil), err)
		}
	}
}

func TestSightingJoinsOrOpens(t *testing.T) {
	first := person("a", 0)
	far := func(dm Degrees) Sighting { return person("b", dm) }
	unverified := far(10)
	unverified.Verified = false
	boat := far(10)
	boat.Kind = "boat"
	nowhere := Sighting{ID: "b", Vehicle: "egret-1", Kind: "person", Verified: true}
	tests := []struct {
		name   string
		second Sighting
		after  Time
		joins  bool
	}{
		{"near and soon", far(10), second, true},
		{"as far as within_m and both radii reach", far(3000 + 160), second, true},
		{"a decimetre farther", far(3000 + 161), second, false},
		{"as late as quiet allows", far(10), 900 * second, true},
		{"a moment later", far(10), 900*second + 1, false},
		{"an unverified drone's never joins a verified one", unverified, second, false},
		{"another kind under the same rule is the same incident", boat, second, true},
		{"without a position it cannot be told to be the same", nowhere, second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook(crossing)
			var out []Transition
			id := b.Observe(0, first, atGate("gate-3"), &out)
			got := b.Observe(tt.after, tt.second, atGate("gate-4"), &out)
			if (got == id) != tt.joins {
				t.Fatalf("joins = %v, want %v", got == id, tt.joins)
			}
			if tt.joins && (out[1].Event != Sighted || out[1].Sightings != 2 || out[1].Zone != "gate-4" || out[1].Tell != nil) {
				t.Errorf("joined as %s", out[1].AppendJSON(nil))
			}
			if !tt.joins && (out[1].Event != Opened || out[1].Tell == nil) {
				t.Errorf("opened as %s", out[1].AppendJSON(nil))
			}
		})
	}
}

func TestFirstRuleWithANearZoneWins(t *testing.T) {
	sure := crossing
	sure.Name, sure.MinCertainty, sure.Severity = "sure", "certain", Critical
	only := crossing
	only.Name, only.Zones, only.Kinds = "only", []string{"bank-e"}, []string{"boat"}
	tests := []struct {
		name       string
		rules      []Rule
		kind       string
		nears      []Near
		rule, zone string
		severity   Severity
		also       int
	}{
		{"the first accepts", []Rule{crossing, sure}, "person", atGate("g"), "crossing", "g", High, 1},
		{"the first wants more certainty", []Rule{sure, crossing}, "person", atGate("g"), "crossing", "g", High, 1},
		{"the first wants another kind", []Rule{only, crossing}, "person", atGate("g"), "crossing", "g", High, 1},
		{"the first is restricted to a zone", []Rule{only, crossing}, "boat", atGate("g"), "only", "bank-e", High, 1},
		{"nothing near", []Rule{crossing}, "person", nil, "", "", "", 0},
		{"the zone's own severity wins over the rule's", []Rule{crossing}, "person",
			[]Near{{Zone: "g", ZoneKind: "gate", Certainty: "possible", Severity: Low}}, "crossing", "g", Low, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook(tt.rules...)
			s := person("a", 0)
			s.Kind = tt.kind
			var out []Transition
			if id := b.Observe(0, s, tt.nears, &out); id == "" {
				if tt.rule != "" {
					t.Fatal("no alert")
				}
				return
			}
			got := out[0]
			if got.Rule != tt.rule || got.Zone != tt.zone || got.Severity != tt.severity || len(got.Also) != tt.also {
				t.Errorf("got %s", got.AppendJSON(nil))
			}
		})
	}
}

func TestActsByState(t *testing.T) {
	tests := []struct {
		name    string
		acts    []Deed
		want    State
		refusal Refusal
	}{
		{"acknowledge", []Deed{{Act: Acknowledge, By: 1}}, Acknowledged, Done},
		{"twice", []Deed{{Act: Acknowledge, By: 1}, {Act: Acknowledge, By: 2}}, Acknowledged, RefusedState},
		{"forward may skip", []Deed{{Act: Intercept, By: 1}}, Intercepted, Done},
		{"not backward", []Deed{{Act: Intercept, By: 1}, {Act: Go, By: 1}}, Intercepted, RefusedState},
		{"release gives it back", []Deed{{Act: Go, By: 1}, {Act: Release, By: 1}}, Open, Done},
		{"nothing to release", []Deed{{Act: Release, By: 1}}, Open, RefusedState},
		{"close wants an outcome", []Deed{{Act: Close, By: 1}}, Open, RefusedOutcome},
		{"close", []Deed{{Act: Close, By: 1, Outcome: "helped"}}, Closed, Done},
		{"closed is final", []Deed{{Act: Close, By: 1, Outcome: "helped"}, {Act: Acknowledge, By: 1}}, Closed, RefusedState},
		{"but for undo", []Deed{{Act: Go, By: 1}, {Act: Close, By: 1, Outcome: "helped"}, {Act: Undo, By: 1}}, EnRoute, Done},
		{"undo is one's own", []Deed{{Act: Close, By: 1, Outcome: "helped"}, {Act: Undo, By: 2}}, Closed, RefusedUndo},
		{"undo only once", []Deed{{Act: Acknowledge, By: 1}, {Act: Undo, By: 1}, {Act: Undo, By: 1}}, Open, RefusedUndo},
		{"no such act", []Deed{{Act: "dance", By: 1}}, Open, RefusedAct},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook(crossing)
			var out []Transition
			id := b.Observe(0, person("a", 0), atGate("g"), &out)
			var state State
			var refusal Refusal
			for _, d := range tt.acts {
				d.Alert = id
				b.Advance(second)
				state, refusal = b.Do(second, d, &out)
			}
			if state != tt.want || refusal != tt.refusal {
				t.Errorf("%s %q, want %s %q", state, refusal, tt.want, tt.refusal)
			}
		})
	}
}

func TestUndoEndsAfterAMinuteAndTheAlertIsForgotten(t *testing.T) {
	b := newBook(crossing)
	var out []Transition
	id := b.Observe(0, person("a", 0), atGate("g"), &out)
	b.Do(0, Deed{Alert: id, Act: Close, By: 1, Outcome: "helped"}, &out)
	b.Advance(60 * second)
	if len(b.State().Alerts) != 1 {
		t.Fatal("forgotten too early")
	}
	b.Advance(60*second + 1)
	if _, refusal := b.Do(60*second+1, Deed{Alert: id, Act: Undo, By: 1}, &out); refusal != RefusedUnknown {
		t.Errorf("refusal %q", refusal)
	}
	if next := b.Observe(61*second, person("b", 0), atGate("g"), &out); next == id {
		t.Error("a sighting after the close joined the closed alert")
	}
}

func TestStationAlertIsOneAndClosesItself(t *testing.T) {
	b := newBook()
	var out []Transition
	lost := Cause{Kind: OfVehicleLost, Subject: "egret-1"}
	b.Raise(0, lost, &out)
	b.Raise(second, lost, &out)
	b.Clear(2*second, lost, &out)
	b.Clear(3*second, lost, &out)
	if len(out) != 2 || out[1].To != Closed || out[1].Outcome != Cleared || out[1].Alert != out[0].Alert {
		t.Fatalf("got %v", out)
	}
	b.Advance(3 * second)
	b.Raise(4*second, lost, &out)
	if out[2].Alert == out[0].Alert {
		t.Error("the second time has the first one's id")
	}
}

func TestFloodOfFarTagsDoesNotGrowTheBook(t *testing.T) {
	b := newBook(crossing)
	var out []Transition
	for i := range manyOpen + 100 {
		b.Observe(0, person(fmt.Sprint(i), Degrees(i*10_000)), atGate("g"), &out)
		out = out[:0]
	}
	if n := len(b.State().Alerts); n != manyOpen {
		t.Errorf("%d alerts", n)
	}
	if seq := b.State().Seq; seq != manyOpen+100 {
		t.Errorf("%d transitions: a sighting was dropped", seq)
	}
}

// TestRefinedSightingStaysInItsAlert: one press is one sighting, whatever has come since its first message.
func TestRefinedSightingStaysInItsAlert(t *testing.T) {
	nowhere := func(id string) Sighting {
		return Sighting{ID: id, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Basis: "none", Verified: true}
	}
	tests := []struct {
		name   string
		first  Sighting
		then   func(b *Book, id string, out *[]Transition)
		event  Event // "": nothing is told
		at     string
		number int
	}{
		{"it is the newest", person("a", 0), func(*Book, string, *[]Transition) {}, Refined, "gate-9", 1},
		{"another one came", person("a", 0), func(b *Book, _ string, out *[]Transition) {
			b.Observe(second, person("b", 10), atGate("gate-4"), out)
		}, "", "gate-4", 2},
		{"another one came and neither had a place", nowhere("a"), func(b *Book, _ string, out *[]Transition) {
			b.Observe(second, nowhere("b"), nil, out)
		}, Refined, "gate-9", 2},
		{"it was closed meanwhile", person("a", 0), func(b *Book, id string, out *[]Transition) {
			b.Do(second, Deed{Alert: id, Act: Close, By: 1, Outcome: "helped"}, out)
		}, "", "gate-3", 1},
		{"and forgotten", person("a", 0), func(b *Book, id string, out *[]Transition) {
			b.Do(0, Deed{Alert: id, Act: Close, By: 1, Outcome: "helped"}, out)
			b.Advance(70 * second)
		}, "", "gate-3", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook(crossing)
			var out []Transition
			id := b.Observe(0, tt.first, atGate("gate-3"), &out)
			tt.then(b, id, &out)
			before := len(out)
			if got := b.Refine(2*second, id, person("a", 5), atGate("gate-9"), &out); got != id {
				t.Errorf("it went to alert %s, not %s", got, id)
			}
			if told := len(out) > before; told != (tt.event != "") {
				t.Fatalf("told %v: %s", told, out[len(out)-1].AppendJSON(nil))
			}
			last := &out[len(out)-1]
			if tt.event != "" && last.Event != tt.event || last.Zone != tt.at || last.Sightings != tt.number {
				t.Errorf("the alert is %s", last.AppendJSON(nil))
			}
		})
	}
}

func TestAnAlertNamesTheBestOfManyZones(t *testing.T) {
	b := newBook(crossing)
	var nears []Near
	for i := range 1000 {
		nears = append(nears, Near{Zone: fmt.Sprint("g", i), ZoneKind: "gate", Certainty: "likely"})
	}
	var out []Transition
	b.Observe(0, person("a", 0), nears, &out)
	if also := out[0].Also; len(also) != manyAlso || also[0].Zone != "g1" || out[0].Zone != "g0" {
		t.Errorf("zone %s, also %d zones from %s on", out[0].Zone, len(also), also[0].Zone)
	}
}

// TestUnseenGatesAreNoFlood: only sightings count towards the bound on alerts of sightings.
func TestUnseenGatesAreNoFlood(t *testing.T) {
	b := newBook(crossing)
	var out []Transition
	first := b.Observe(0, person("a", 0), atGate("g"), &out)
	for i := range manyOpen {
		b.Raise(0, Cause{Kind: OfGateUnseen, Subject: fmt.Sprint(i)}, &out)
	}
	if b.Observe(0, person("b", 90_000), atGate("g"), &out) == first {
		t.Error("a sighting nine kilometres off joined the only other one")
	}
}

// BenchmarkAdvance is what each frame pays for time to pass while many alerts are open.
func BenchmarkAdvance(b *testing.B) {
	book := newBook(crossing)
	var out []Transition
	for i := range manyOpen {
		book.Observe(0, person(fmt.Sprint(i), Degrees(i*10_000)), atGate("g"), &out)
		out = out[:0]
	}
	at := Time(0)
	b.ReportAllocs()
	for b.Loop() {
		at++
		book.Advance(at)
	}
}

// TestBookSurvivesJSONAnywhere plays random incidents and saves and restores the book before each step: the
// transitions are the same, gapless in seq, and each alert's states follow on each other.
func TestBookSurvivesJSONAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, cut := newBook(crossing), newBook(crossing)
		var a, b []Transition
		at := Time(0)
		ids := []string{"none"}
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			at += Time(rapid.Int64Range(0, 120).Draw(t, "wait")) * second
			saved, err := json.Marshal(cut.State())
			if err != nil {
				t.Fatal(err)
			}
			var state BookState
			if err := json.Unmarshal(saved, &state); err != nil {
				t.Fatal(err)
			}
			cut.Restore(state)
			var step func(book *Book, out *[]Transition)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				s := person(fmt.Sprint("s", i), Degrees(rapid.IntRange(0, 9000).Draw(t, "lat")))
				s.Verified = rapid.Bool().Draw(t, "verified")
				s.Located = rapid.Bool().Draw(t, "located")
				step = func(book *Book, out *[]Transition) { book.Observe(at, s, atGate("g"), out) }
			case 1:
				d := Deed{Alert: rapid.SampledFrom(ids).Draw(t, "alert"), Act: rapid.SampledFrom(Acts()).Draw(t, "act"), By: rapid.Uint32Range(1, 2).Draw(t, "by"), Outcome: "helped"}
				step = func(book *Book, out *[]Transition) { book.Do(at, d, out) }
			case 2:
				c := Cause{Kind: OfTrouble, Subject: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "subject")}
				if rapid.Bool().Draw(t, "raise") {
					step = func(book *Book, out *[]Transition) { book.Raise(at, c, out) }
				} else {
					step = func(book *Book, out *[]Transition) { book.Clear(at, c, out) }
				}
			default:
				step = func(book *Book, _ *[]Transition) { book.Advance(at) }
			}
			step(plain, &a)
			step(cut, &b)
			for _, tr := range a {
				if !slices.Contains(ids, tr.Alert) {
					ids = append(ids, tr.Alert)
				}
			}
		}
		last := map[string]State{}
		for i := range a {
			x, y := string(a[i].AppendJSON(nil)), string(b[i].AppendJSON(nil))
			if x != y || len(a) != len(b) {
				t.Fatalf("line %d\n%s\n%s", i, x, y)
			}
			if a[i].Seq != uint64(i+1) {
				t.Fatalf("line %d has seq %d", i, a[i].Seq)
			}
			if a[i].From != last[a[i].Alert] {
				t.Fatalf("line %d goes from %q, the alert was in %q", i, a[i].From, last[a[i].Alert])
			}
			last[a[i].Alert] = a[i].To
		}
	})
}
