package console

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// doubts is a station that has reasons not to believe what it hears: egret-1 has a twin and tags without being
// verified, egret-2 hears a liar's GPS, egret-3's camera looked at the horizon and every tenth of its frames is missing.
func doubts(t *testing.T) (*fakeStation, *fakeLedger) {
	t.Helper()
	s, l := scene(t)
	at := func(ago time.Duration) alerts.Time { return alerts.Time(s.at.Add(-ago).UnixMicro()) }
	l.alerts, l.sightings = nil, nil
	add := func(id, zone string, sev alerts.Severity, ago time.Duration, a ledger.Alert, sight *alerts.Sighting) {
		a.ID, a.Zone, a.Severity, a.Station, a.State, a.Rule = id, zone, sev, "yanwu", alerts.Open, "crossing"
		a.OpenedAt, a.UpdatedAt, a.Sightings, a.Sighting = at(ago), at(ago), 1, sight
		if sight == nil {
			a.Rule, a.Sightings, a.Verified, a.Distance, a.Bearing = "", 0, true, alerts.NoLength, alerts.NoBearing
		} else {
			a.Kind, sight.ID, sight.At, sight.Kind, sight.Verified = alerts.OfSighting, "s-"+id, at(ago), "person", a.Verified
			if sight.Located {
				a.Lat, a.Lon, a.CE90 = &sight.Lat, &sight.Lon, &sight.CE90
			}
			l.sightings = append(l.sightings, ledger.Sighting{Sighting: *sight, Alert: id})
		}
		l.alerts = append(l.alerts, a)
	}
	add("unverified", "gate-1", alerts.High, 8*time.Second, ledger.Alert{ZoneKind: "gate", Distance: 42, Bearing: 87, Certainty: "likely"}, &alerts.Sighting{
		Vehicle: "egret-1", Source: "rc_switch", Count: 3, Located: true, Lat: 372741234, Lon: 1120054234, CE90: 182, Basis: "ray",
		TimeSource: "boot", Uncertainty: 200, Ground: "surface", Ellipse: &alerts.Ellipse{Major: 240, Minor: 91, Bearing: 120},
	})
	add("direction", "ciyao", alerts.High, 50*time.Second, ledger.Alert{ZoneKind: "bank", Distance: 0, Bearing: 0, Side: "left", Certainty: "possible", Verified: true}, &alerts.Sighting{
		Vehicle: "egret-3", Source: "rc_switch", Basis: "ray", TimeSource: "receive", Uncertainty: 4200,
		Ray: &alerts.Ray{Lat: 372110000, Lon: 1119415000, Bearing: 1914, HalfWidth: 56, Min: 4000, Max: 15000},
	})
	add("suspect", "gate-5", alerts.High, 3*time.Minute, ledger.Alert{ZoneKind: "gate", Distance: 0, Bearing: 10, Certainty: "possible", Verified: true}, &alerts.Sighting{
		Vehicle: "egret-2", Source: "photo", Located: true, Lat: 372434000, Lon: 1119414000, CE90: 1500, Basis: "vehicle", TimeSource: "utc", Uncertainty: 100, Suspect: true,
	})
	add("twins", "", alerts.High, 20*time.Second, ledger.Alert{Kind: alerts.OfIdentityConflict, Subject: "egret-1"}, nil)
	add("spoofed", "", alerts.Medium, 4*time.Minute, ledger.Alert{Kind: alerts.OfPositionSuspect, Subject: "egret-2"}, nil)

	skew := -37.4
	stream := func(name string, frames, lost uint64) mavlink.StreamView {
		return mavlink.StreamView{Component: 1, Link: name, Address: "192.0.2.7:14550", Frames: frames, Lost: lost, Duplicates: 4, OutOfOrder: 2}
	}
	v := s.vehicles
	v[0].Verified, v[0].Conflict, v[0].Streams = false, true, []mavlink.StreamView{stream("field", 5000, 12)}
	twin := v[0]
	twin.Name, twin.Disc = "egret-1#2", 1
	twin.Position = &mavlink.PositionView{Lat: 37.2690, Lon: 112.0010, RelAltM: 40, GroundSpeedMS: 5, Quality: "good"}
	v[1].Suspect, v[1].Position.Quality, v[1].State, v[1].ClockSkewS = "spoofing", "bad", "heard", &skew
	v[1].Streams = []mavlink.StreamView{stream("field", 1_000_000, 1), stream("radio", 2000, 35)}
	v[2].State, v[2].Position.Quality, v[2].LostTags = "heard", "good", 2
	v[2].Violated = []string{"heard from radio /dev/ttyUSB0, pinned field 192.0.2.0/24"}
	v[2].Verified, v[2].Streams = false, []mavlink.StreamView{stream("radio", 9000, 1000)}
	v[4].Streams = []mavlink.StreamView{stream("", 500, 0)}
	s.vehicles = append([]mavlink.VehicleView{v[0], twin}, v[1:]...)
	s.links[1] = link.LinkStatus{
		Name: "radio", Kind: "serial", Address: "/dev/ttyUSB0", Up: true, Since: s.at.Add(-time.Hour), Frames: 11000, Errors: map[string]uint64{"signature": 14, "replayed": 3},
		Radio: &link.RadioStatus{RSSI: level(58), Noise: level(44), TxBuf: 31, RxErrors: 812, Fixed: 90},
	}
	return s, l
}

func TestThePageSaysWhatIsNotToBeBelieved(t *testing.T) {
	s, l := doubts(t)
	p := openScene(t, s, l, "/", func(o *Options) { o.Location = shanghai(t) })
	p.see(`.alert.high .copy`, `#vehicles tr.more`, `#map .sight .course`, `#map .sight ellipse`)
	card := func(n int) string {
		return p.text(strings.Replace("#alerts .alert:nth-child(N)", "N", string(rune('0'+n)), 1))
	}
	for _, tc := range []struct{ name, shown, want string }{
		{"unverified", card(1), "Gate 1|3 people at|±\u00a024\u00a0×\u00a09\u00a0m|unverified|seen 8 s ago"},
		{"identity in conflict", card(2), "Identity in dispute: egret-1|2 aircraft say that they are egret-1|Ask the crews who flies as egret-1|check its sightings by radio"},
		{"direction only", card(3), "the direction meets it · possibly near|person, direction only: bearing 191° (south) from egret-3|±\u00a06°, 400 m to 1.50 km away; the drone was at 37.21100, 111.94150|time ±\u00a05\u00a0s"},
		{"suspect", card(4), "position of the aircraft, ±\u00a0150\u00a0m|position suspect"},
		{"suspect vehicle", card(5), "Position not to be trusted: egret-2|its receiver says that its GPS is being deceived|Ask the pilot where egret-2 is"},
		{"vehicles", p.text("#vehicles"), "egret-1#2|✗ in conflict|? unverified|field 0.2\u00a0% missing|radio 10\u00a0% missing|radio 1.7\u00a0% missing|field < 0.1\u00a0% missing|suspect|clock 37 s behind|2 tags lost|heard from radio /dev/ttyUSB0, pinned field"},
		{"links", p.text("#links"), "signal\u00a0180, noise\u00a045|signal\u00a058, noise\u00a044|weak"},
		{"map", get(p, chromedp.Evaluate[string](`document.querySelector('#map').textContent`)), "egret-1 ✗|egret-1#2 ✗|egret-2 (suspect)"},
	} {
		for want := range strings.SplitSeq(tc.want, "|") {
			if !strings.Contains(tc.shown, want) {
				t.Errorf("%s: no %q in\n%s", tc.name, want, tc.shown)
			}
		}
	}
	// What is only a direction must not be offered as a place to go to, nor a suspect one pass for a sure one.
	if n := get(p, chromedp.Evaluate[int](`document.querySelectorAll('#map .sight .point').length`)); n != 2 {
		t.Errorf("the map shows %d points, want those of the two sightings that have one", n)
	}
	for _, scheme := range []string{"light", "dark"} {
		p.shot("doubts-"+scheme, 1280, 800, scheme)
		p.shot("doubts-wide-"+scheme, 1680, 1000, scheme)
		p.shot("doubts-phone-"+scheme, 390, 844, scheme)
		if wide := get(p, chromedp.Evaluate[float64](`document.documentElement.scrollWidth`)); wide > 390 {
			t.Errorf("on a phone of 390 points the page is %v wide", wide)
		}
	}
	if said := p.complaints(); len(said) != 0 {
		t.Errorf("the page complained: %q", said)
	}
}

func TestAnOpenedDirectionShowsItsSectorAndNoPlace(t *testing.T) {
	s, l := doubts(t)
	p := openScene(t, s, l, "/a/direction", func(o *Options) { o.Location = shanghai(t) })
	p.see(`.alert.chosen .where .go button`, `#map .sight.chosen .around`)
	shown := p.text(`.alert.chosen`)
	for _, want := range []string{"±\u00a05\u00a0s, by when it arrived", "direction only"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "map app") {
		t.Errorf("a direction is offered as a place:\n%s", shown)
	}
	p.shot("direction", 1280, 800, "light")
	p.shot("direction-phone", 390, 844, "dark")
}

func TestAVerifiedVehicleSaysSo(t *testing.T) {
	s, l := fakes()
	s.at = time.Now()
	p := openScene(t, s, l, "/", nil)
	p.see(`#vehicles tr.more`)
	if shown := p.text(`#vehicles tr.more`); !strings.Contains(shown, "✓ verified") || !strings.Contains(shown, "field 0.4\u00a0% missing") {
		t.Errorf("it says %q", shown)
	}
}

func TestThePageSaysWhyFramesAreRefusedAndWhatIsLostNow(t *testing.T) {
	s, l := doubts(t)
	p := openScene(t, s, l, "/", nil)
	p.see(`#links tr.more`, `#vehicles tr.more`)
	const why = "the signature does not hold: the drone signs with another key than its key_file"
	if shown := p.text(`#links`); strings.Contains(shown, why) {
		t.Errorf("14 frames of long ago are told as if they went on:\n%s", shown)
	}
	s.mu.Lock()
	s.links = slices.Clone(s.links)
	s.links[1].Errors = map[string]uint64{"signature": 60, "replayed": 3}
	s.vehicles = slices.Clone(s.vehicles)
	s.vehicles[0].Streams = []mavlink.StreamView{{Component: 1, Link: "field", Address: "192.0.2.7:14550", Frames: 5300, Lost: 312}}
	s.mu.Unlock()
	p.see(`#links tr.refused`)
	if shown := p.text(`#links`); !strings.Contains(shown, why) {
		t.Errorf("no %q in\n%s", why, shown)
	}
	shown := p.text(`#vehicles`)
	for _, want := range []string{"field 50\u00a0% missing", "field 0.2\u00a0% missing"} { // egret-1's of the last minute, its twin's of all
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	if shown := p.text(`#hearing`); !strings.Contains(shown, "1 under the same id") {
		t.Errorf("a twin is counted as a drone of its own: %q", shown)
	}
	p.shot("refused", 1280, 800, "light")
	p.shot("refused-phone", 390, 844, "dark")
	if wide := get(p, chromedp.Evaluate[float64](`document.documentElement.scrollWidth`)); wide > 390 {
		t.Errorf("on a phone of 390 points the page is %v wide", wide)
	}
}
