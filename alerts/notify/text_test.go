package notify

import (
	"strings"
	"testing"
	"time"

	"riverwatch/alerts"
)

func TestTheTextSaysWhatAPersonMustKnow(t *testing.T) {
	at := alerts.Time(time.Date(2026, 11, 22, 23, 50, 0, 123_456_000, time.UTC).UnixMicro())
	const when = "; 2026-11-23 07:50:00 +08:00"
	const page = "; its last position is on the page"
	const point = "; 37.24123, 111.95123 (WGS-84) ±8 m" + when
	base := alerts.Transition{
		Seq: 1, At: at, Alert: "a", Rule: "crossing", Severity: alerts.High, To: alerts.Open, Zone: "gate-3", ZoneKind: "gate",
		Distance: 123, Bearing: 87, Side: "left", Certainty: "certain", Verified: true, Sightings: 1,
		Sighting: &alerts.Sighting{At: at, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true, Lat: 372412345, Lon: 1119512345, CE90: 80, Basis: "target"},
		Event:    alerts.Opened, Kind: alerts.OfSighting, Station: "yanwu",
	}
	station := func(kind alerts.Kind, subject string) func(*alerts.Transition) {
		return func(t *alerts.Transition) {
			t.Kind, t.Subject, t.Sighting, t.Zone, t.Certainty = kind, subject, nil, "", ""
			t.Distance, t.Bearing, t.Side = alerts.NoLength, alerts.NoBearing, ""
		}
	}
	for _, c := range []struct {
		change func(*alerts.Transition)
		want   string
	}{
		{func(t *alerts.Transition) {}, "HIGH gate-3: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Side, t.Bearing, t.Certainty = "", 0, "possible" }, "HIGH gate-3: person sighted by egret-1, 12 m north of gate-3 (0°), possible" + point},
		{func(t *alerts.Transition) { t.Distance = 0 }, "HIGH gate-3: person sighted by egret-1, within gate-3 on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Distance, t.Side = 0, "on" }, "HIGH gate-3: person sighted by egret-1, within gate-3, certain" + point},
		{func(t *alerts.Transition) { t.Verified, t.Severity = false, alerts.Critical }, "UNVERIFIED CRITICAL gate-3: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain; 37.24123, 111.95123 (WGS-84) ±8 m; ask by radio who saw it before anyone goes" + when},
		{func(t *alerts.Transition) { t.Sighting = mark(*t.Sighting) }, "HIGH gate-3: boat marked by hand, 12 m east of gate-3 (87°) on its left side, certain; 0.00000, -180.00000 (WGS-84) ±0.5 m" + when},
		{func(t *alerts.Transition) {
			t.Zone, t.Distance, t.Bearing, t.Side, t.Certainty = "", alerts.NoLength, alerts.NoBearing, "", "unlocated"
			t.Sighting = &alerts.Sighting{Vehicle: "egret-2", Kind: "person"}
		}, "HIGH no zone: person sighted by egret-2, position unknown" + when},
		{func(t *alerts.Transition) {
			t.Also = []alerts.Near{{Zone: "bank-e"}, {Zone: "bank-w"}}
		}, "HIGH gate-3: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain, also near bank-e, bank-w" + point},
		{func(t *alerts.Transition) {
			t.Also = []alerts.Near{{Zone: "a"}, {Zone: "b"}, {Zone: "c"}, {Zone: "d"}, {Zone: "e"}}
		}, "HIGH gate-3: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain, also near a, b, c, 2 more" + point},
		{func(t *alerts.Transition) {
			t.Also = []alerts.Near{{Zone: "ciyao", ZoneKind: "bank", Side: "left"}, {Zone: "bank-w", ZoneKind: "bank", Side: "right"}, {Zone: "fen", ZoneKind: "bank", Side: "on"}}
		}, "HIGH gate-3: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain, also near left side of bank ciyao, right side of bank-w, fen" + point},
		{func(t *alerts.Transition) { t.Sighting = photo(*t.Sighting) }, "HIGH gate-3: person sighted by egret-1, aircraft 12 m east of gate-3 (87°) on its left side, certain; " +
			"37.24123, 111.95123 (WGS-84) is the position of the aircraft, person somewhere within ±77 m" + when},
		{func(t *alerts.Transition) { t.Event, t.Sightings = alerts.Sighted, 3 }, "HIGH gate-3: person sighted by egret-1, sighting 3 of this alert, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event = alerts.Refined }, "HIGH gate-3: person sighted by egret-1, position refined, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event, t.By = alerts.DidAcknowledge, 4 }, "HIGH gate-3: acknowledged by person 4: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event, t.By = alerts.DidGo, 4 }, "HIGH gate-3: person 4 is on the way: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event = alerts.DidGo }, "HIGH gate-3: someone is on the way: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event = alerts.DidIntercept }, "HIGH gate-3: intercepted: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event, t.By, t.Outcome = alerts.DidClose, 4, "false_alarm" }, "HIGH gate-3: closed as false alarm by person 4: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event = alerts.Reopened }, "HIGH gate-3: open again: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event = alerts.Escalated }, "HIGH gate-3: escalated: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{func(t *alerts.Transition) { t.Event, t.By = alerts.HandedOver, 2 }, "HIGH gate-3: handed over by person 2: person sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain" + point},
		{station(alerts.OfVehicleLost, "egret-1"), "HIGH egret-1: vehicle lost, nothing that counts is heard from it" + page + when},
		{func(t *alerts.Transition) {
			station(alerts.OfVehicleLost, "system-9")(t)
			t.Zone, t.Verified = "gate-3", false
		}, "UNVERIFIED HIGH system-9: vehicle lost, nothing that counts is heard from it, near gate-3" + page + when},
		{func(t *alerts.Transition) {
			station(alerts.OfVehicleLost, "egret-1")(t)
			t.Event, t.Outcome = alerts.DidClose, alerts.Cleared
		}, "HIGH egret-1: vehicle heard again" + when},
		{func(t *alerts.Transition) { station(alerts.OfGateUnseen, "gate-5")(t); t.Zone = "gate-5" }, "HIGH gate-5: no drone has seen the gate for too long" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfGateUnseen, "gate-5")(t)
			t.Event, t.Outcome = alerts.DidClose, alerts.Cleared
		}, "HIGH gate-5: gate seen again" + when},
		{station(alerts.OfTrouble, "recording"), "HIGH station yanwu: trouble with recording" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfTrouble, "recording")(t)
			t.Event, t.Outcome = alerts.DidClose, alerts.Cleared
		}, "HIGH station yanwu: trouble with recording is over" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfTrouble, "recording")(t)
			t.Event, t.By = alerts.DidAcknowledge, 4
		}, "HIGH station yanwu: acknowledged by person 4: trouble with recording" + when},
		{station(alerts.OfIdentityConflict, "egret-1"), "HIGH egret-1: identity in dispute, more than one aircraft claims to be this vehicle or it is not where it is pinned; " +
			"ask the crews who flies under this name, check its sightings by radio" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfIdentityConflict, "egret-1")(t)
			t.Event, t.To, t.Outcome = alerts.DidClose, alerts.Closed, alerts.Cleared
		}, "HIGH egret-1: identity is no longer in dispute" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfPositionSuspect, "egret-2")(t)
			t.Zone = "gate-3"
		}, "HIGH egret-2: position not to be trusted, something contradicts it, near gate-3; ask the pilot where it is, do not go by its place on the map" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfPositionSuspect, "egret-2")(t)
			t.Event, t.By = alerts.DidAcknowledge, 4
		}, "HIGH egret-2: acknowledged by person 4: position not to be trusted, something contradicts it; ask the pilot where it is, do not go by its place on the map" + when},
		{func(t *alerts.Transition) {
			station(alerts.OfPositionSuspect, "egret-2")(t)
			t.Event, t.To, t.Outcome = alerts.DidClose, alerts.Closed, alerts.Cleared
		}, "HIGH egret-2: position can be trusted again" + when},
		{station("a_new_kind", "egret-1"), "HIGH egret-1: a new kind" + when},
		{func(t *alerts.Transition) {
			s := *t.Sighting
			s.Count, s.Ellipse, s.TimeSource, s.Uncertainty = 2, &alerts.Ellipse{Major: 240, Minor: 91, Bearing: 120}, "boot", 2000
			t.Sighting = &s
		}, "HIGH gate-3: 2 people sighted by egret-1, 12 m east of gate-3 (87°) on its left side, certain; 37.24123, 111.95123 (WGS-84) ±24 x 9.1 m" + when},
		{func(t *alerts.Transition) {
			t.Sighting = photo(*t.Sighting)
			t.Sighting.Kind, t.Sighting.Count, t.Sighting.Suspect, t.Sighting.CE90, t.Verified = "boat", 3, true, 1500, false
			t.Sighting.At, t.Sighting.Uncertainty = at-9_000_000, 4200
		}, "UNVERIFIED HIGH gate-3: 3 x boat sighted by egret-1, aircraft 12 m east of gate-3 (87°) on its left side, certain, position suspect; " +
			"37.24123, 111.95123 (WGS-84) is the position of the aircraft, 3 x boat somewhere within ±150 m; ask by radio who saw it before anyone goes" + when + "; seen about 07:49:51 ±5 s"},
		{func(t *alerts.Transition) { t.Sighting, t.Certainty, t.Distance = looked(*t.Sighting), "possible", 0 },
			"HIGH gate-3: person sighted by egret-1, direction only: bearing 123° ±6° (south-east) from egret-1, 400 to 1500 m away, which meets gate-3, possible; the camera was at 37.24000, 111.95000 (WGS-84)" + when},
		{func(t *alerts.Transition) {
			t.Sighting, t.Certainty, t.Also = looked(*t.Sighting), "possible", []alerts.Near{{Zone: "bank-e"}}
			t.Sighting.Ray.Bearing, t.Sighting.Suspect = 3597, true
		}, "HIGH gate-3: person sighted by egret-1, direction only: bearing 0° ±6° (north) from egret-1, 400 to 1500 m away, which passes 12 m from gate-3, possible, position suspect, also near bank-e; " +
			"the camera was at 37.24000, 111.95000 (WGS-84); ask the pilot where it was before anyone goes" + when},
		{func(t *alerts.Transition) { station(alerts.OfVehicleLost, "egret\n1\x1b[31m")(t) }, "HIGH egret 1 [31m: vehicle lost, nothing that counts is heard from it" + page + when},
	} {
		tr := base
		c.change(&tr)
		if got := Text(&tr, time.FixedZone("", 8*3600)); got != c.want {
			t.Errorf("%s\nwant:\n%s", got, c.want)
		}
	}
}

func TestAPersonReadsTheNamesThatPeopleHaveForPlaces(t *testing.T) {
	names := map[string]Place{"ciyao": {"Ciyao river", "Pingyao", "Fenyang"}, "gate-3": {Name: "Gate 3"}}
	place := func(zone string) Place { return names[zone] }
	tr := alerts.Transition{
		Severity: alerts.High, Kind: alerts.OfSighting, Event: alerts.Opened, Verified: true, Zone: "ciyao", ZoneKind: "bank", Side: "left", Certainty: "likely",
		Also:     []alerts.Near{{Zone: "gate-3", ZoneKind: "gate"}, {Zone: "ciyao", ZoneKind: "bank", Side: "right"}, {Zone: "fen", ZoneKind: "bank", Side: "left"}},
		Sighting: &alerts.Sighting{Kind: "person", Vehicle: "egret-1"},
	}
	const want = "HIGH Ciyao river: person sighted by egret-1, within Ciyao river on its Pingyao side, likely, also near Gate 3, Fenyang side of Ciyao river, left side of bank fen; "
	if got := Text(called(&tr, place), time.UTC); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
	if tr.Zone != "ciyao" || tr.Also[0].Zone != "gate-3" {
		t.Error("the transition itself is another now")
	}
	unseen := alerts.Transition{Kind: alerts.OfGateUnseen, Event: alerts.Opened, Subject: "gate-3", Zone: "gate-3", Severity: alerts.Medium}
	if got := Text(called(&unseen, place), time.UTC); !strings.HasPrefix(got, "MEDIUM Gate 3: no drone has seen the gate for too long; ") {
		t.Error(got)
	}
}

func mark(s alerts.Sighting) *alerts.Sighting {
	s.Vehicle, s.Source, s.Kind, s.Lat, s.Lon, s.CE90 = "", "mark", "boat", -5, -1799999999, 5
	return &s
}

func FuzzATextIsOneLine(f *testing.F) {
	f.Add("gate-3", "egret-1", "person", "closed", "sighting", int64(12), int16(3))
	f.Add("", "", "", "", "", int64(alerts.NoLength), int16(-1))
	f.Fuzz(func(t *testing.T, zone, vehicle, thing, event, kind string, distance int64, bearing int16) {
		tr := alerts.Transition{
			Zone: zone, Subject: vehicle, Event: alerts.Event(event), Kind: alerts.Kind(kind), Distance: alerts.Decimetres(distance),
			Bearing: alerts.Bearing(bearing), Sighting: &alerts.Sighting{Vehicle: vehicle, Kind: thing, Located: true},
		}
		if distance%2 == 0 {
			tr.Sighting.Ray = &alerts.Ray{Bearing: alerts.Decidegrees(bearing), Max: alerts.Decimetres(distance)}
		}
		tr.Sighting.Count, tr.Sighting.Uncertainty = int32(bearing), alerts.Milliseconds(distance)
		if text := Text(&tr, time.UTC); strings.ContainsAny(text, "\r\n\t\x00\x1b") || text == "" {
			t.Errorf("%q", text)
		}
	})
}

// looked is a sighting of which only the direction is known.
func looked(s alerts.Sighting) *alerts.Sighting {
	s.Source, s.Basis, s.Located, s.Lat, s.Lon, s.CE90 = "rc_switch", "ray", false, 0, 0, 0
	s.Ray = &alerts.Ray{Lat: 372400000, Lon: 1119500000, Bearing: 1234, HalfWidth: 56, Min: 4000, Max: 15000}
	return &s
}

func photo(s alerts.Sighting) *alerts.Sighting {
	s.Source, s.Basis, s.CE90 = "photo", "vehicle", 770
	return &s
}
