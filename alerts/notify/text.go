package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"riverwatch/alerts"
)

// Text is one line for people that says what a transition is about, with its time in the given zone: how urgent and
// where, what happened, the place, when. People appear as numbers: names stay in the ledger.
func Text(t *alerts.Transition, zone *time.Location) string {
	var b strings.Builder
	if !t.Verified && (t.Kind == alerts.OfSighting || t.Kind == alerts.OfVehicleLost) {
		b.WriteString("UNVERIFIED ")
	}
	fmt.Fprintf(&b, "%s %s: %s", strings.ToUpper(string(t.Severity)), headline(t), what(t))
	if t.Kind == alerts.OfSighting {
		b.WriteString(where(t))
	} else if t.Zone != "" && t.Zone != t.Subject {
		b.WriteString(", near " + t.Zone)
	}
	switch s := t.Sighting; {
	case s != nil && s.Ray != nil:
		fmt.Fprintf(&b, "; the camera was at %s, %s (WGS-84)", degrees(s.Ray.Lat), degrees(s.Ray.Lon))
	case s != nil && s.Located && fromAircraft(s):
		fmt.Fprintf(&b, "; %s, %s (WGS-84) is the position of the aircraft, %s somewhere within %s", degrees(s.Lat), degrees(s.Lon), cmp.Or(counted(s), "target"), spread(s))
	case s != nil && s.Located:
		fmt.Fprintf(&b, "; %s, %s (WGS-84) %s", degrees(s.Lat), degrees(s.Lon), spread(s))
	case t.Kind == alerts.OfVehicleLost && t.Event != alerts.DidClose:
		b.WriteString("; its last position is on the page") // the transition knows the zone only
	}
	if r := remedy(t); r != "" && t.To != alerts.Closed {
		b.WriteString("; " + r)
	}
	b.WriteString("; " + time.UnixMicro(int64(t.At)).In(zone).Format("2006-01-02 15:04:05 -07:00"))
	if s := t.Sighting; s != nil && s.Uncertainty > 2000 {
		b.WriteString(seen(s, zone))
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, b.String())
}

// Place is what people call a zone, and of a bank its sides; what is empty is called by its id, left and right.
type Place struct{ Name, Left, Right string }

// called is t with the zones in it by the names that people have for them; t itself stays as it is.
func called(t *alerts.Transition, place func(zone string) Place) *alerts.Transition {
	if place == nil {
		return t
	}
	side := func(zone, side string) string {
		switch p := place(zone); side {
		case "left":
			return cmp.Or(p.Left, side)
		case "right":
			return cmp.Or(p.Right, side)
		}
		return side
	}
	c := *t
	c.Zone, c.Side = cmp.Or(place(t.Zone).Name, t.Zone), side(t.Zone, t.Side)
	if t.Kind == alerts.OfGateUnseen {
		c.Subject = cmp.Or(place(t.Subject).Name, t.Subject)
	}
	c.Also = slices.Clone(t.Also)
	for i := range c.Also {
		n := &c.Also[i]
		n.Zone, n.Side = cmp.Or(place(n.Zone).Name, n.Zone), side(n.Zone, n.Side) // both of the id
	}
	return &c
}

// headline is what the alert is about: a zone, a vehicle, or the station itself.
func headline(t *alerts.Transition) string {
	switch {
	case t.Kind == alerts.OfTrouble:
		return "station " + t.Station
	case t.Kind != alerts.OfSighting && t.Subject != "":
		return t.Subject
	case t.Zone != "":
		return t.Zone
	}
	return "no zone"
}

// causes are the station's own alerts: what is wrong, and what ended it when they close themselves.
var causes = map[alerts.Kind]struct{ wrong, over string }{
	alerts.OfVehicleLost:      {"vehicle lost, nothing that counts is heard from it", "vehicle heard again"},
	alerts.OfGateUnseen:       {"no drone has seen the gate for too long", "gate seen again"},
	alerts.OfIdentityConflict: {"identity in dispute, more than one aircraft claims to be this vehicle or it is not where it is pinned", "identity is no longer in dispute"},
	alerts.OfPositionSuspect:  {"position not to be trusted, something contradicts it", "position can be trusted again"},
	alerts.OfTrouble:          {"trouble", "trouble is over"},
}

// remedies are what to do about what is not to be believed.
var remedies = map[alerts.Kind]string{
	alerts.OfIdentityConflict: "ask the crews who flies under this name, check its sightings by radio",
	alerts.OfPositionSuspect:  "ask the pilot where it is, do not go by its place on the map",
}

// remedy is what to do about what is not to be believed as it stands.
func remedy(t *alerts.Transition) string {
	switch s := t.Sighting; {
	case t.Kind != alerts.OfSighting:
		return remedies[t.Kind]
	case !t.Verified:
		return "ask by radio who saw it before anyone goes"
	case s != nil && s.Suspect:
		return "ask the pilot where it was before anyone goes"
	}
	return ""
}

// what says what happened.
func what(t *alerts.Transition) string {
	var subject string
	if t.Kind == alerts.OfSighting {
		subject = sighting(t.Sighting)
	} else {
		cause, known := causes[t.Kind]
		if !known {
			cause.wrong = strings.ReplaceAll(string(t.Kind), "_", " ")
			cause.over = cause.wrong + " is over"
		}
		if t.Kind == alerts.OfTrouble {
			cause.wrong, cause.over = "trouble with "+t.Subject, "trouble with "+t.Subject+" is over"
		}
		if t.Event == alerts.DidClose && t.Outcome == alerts.Cleared {
			return cause.over
		}
		subject = cause.wrong
	}
	by := ""
	if t.By != 0 {
		by = " by person " + strconv.FormatUint(uint64(t.By), 10)
	}
	switch t.Event {
	case alerts.Opened:
		return subject
	case alerts.Sighted:
		return fmt.Sprintf("%s, sighting %d of this alert", subject, t.Sightings)
	case alerts.Refined:
		return subject + ", position refined"
	case alerts.DidAcknowledge:
		return "acknowledged" + by + ": " + subject
	case alerts.DidGo:
		if by == "" {
			return "someone is on the way: " + subject
		}
		return strings.TrimPrefix(by, " by ") + " is on the way: " + subject
	case alerts.DidIntercept:
		return "intercepted" + by + ": " + subject
	case alerts.DidClose:
		return "closed as " + strings.ReplaceAll(t.Outcome, "_", " ") + by + ": " + subject
	case alerts.Reopened:
		return "open again" + by + ": " + subject
	}
	return strings.ReplaceAll(string(t.Event), "_", " ") + by + ": " + subject
}

func sighting(s *alerts.Sighting) string {
	switch {
	case s == nil:
		return "sighting"
	case s.Vehicle == "":
		return counted(s) + " marked by hand"
	}
	return counted(s) + " sighted by " + s.Vehicle
}

// counted is what was seen: "person", "2 people", "3 x boat".
func counted(s *alerts.Sighting) string {
	switch {
	case s.Count <= 1:
		return s.Kind
	case s.Kind == "person":
		return fmt.Sprintf("%d people", s.Count)
	}
	return fmt.Sprintf("%d x %s", s.Count, s.Kind)
}

// spread is how far a point may be off: by the half axes of its ellipse where they are known, else by its radius.
func spread(s *alerts.Sighting) string {
	if e := s.Ellipse; e != nil {
		return fmt.Sprintf("±%s x %s m", metres(e.Major), metres(e.Minor))
	}
	return "±" + metres(s.CE90) + " m"
}

// seen is when a sighting was made, where that is not sure to 2 s, and by how much it may be off.
func seen(s *alerts.Sighting, zone *time.Location) string {
	return fmt.Sprintf("; seen about %s ±%d s", time.UnixMicro(int64(s.At)).In(zone).Format("15:04:05"), (s.Uncertainty+999)/1000)
}

// direction is all that is known of where the target of a ray is.
func direction(s *alerts.Sighting) string {
	from := cmp.Or(s.Vehicle, "the camera")
	bearing := (int64(s.Ray.Bearing) + 5) / 10 % 360
	return fmt.Sprintf("direction only: bearing %d° ±%d° (%s) from %s, %s to %s m away", bearing, (s.Ray.HalfWidth+9)/10, compass(bearing), from, metres(whole(s.Ray.Min)), metres(whole(s.Ray.Max)))
}

// whole rounds to metres: a direction is no surer.
func whole(d alerts.Decimetres) alerts.Decimetres { return (d + 5) / 10 * 10 }

// fromAircraft says that a sighting's position is that of the drone that saw it.
func fromAircraft(s *alerts.Sighting) bool { return s.Basis == "vehicle" }

// where says how the sighting lies to the zone.
func where(t *alerts.Transition) string {
	var parts []string
	ray := t.Sighting != nil && t.Sighting.Ray != nil
	if ray {
		parts = append(parts, direction(t.Sighting))
	}
	switch {
	case ray && t.Zone != "" && t.Distance == 0:
		parts = append(parts, "which meets "+t.Zone)
	case ray && t.Zone != "" && t.Distance != alerts.NoLength: // a side or a bearing of it says nothing of the target
		parts = append(parts, fmt.Sprintf("which passes %s m from %s", metres(whole(t.Distance)), t.Zone))
	case t.Zone == "" || t.Distance == alerts.NoLength:
	case t.Distance == 0: // a bearing from the zone says nothing here
		parts = append(parts, "within "+t.Zone)
	case t.Bearing == alerts.NoBearing:
		parts = append(parts, metres(t.Distance)+" m from "+t.Zone)
	default:
		parts = append(parts, fmt.Sprintf("%s m %s of %s (%d°)", metres(t.Distance), compass(int64(t.Bearing)), t.Zone, t.Bearing))
	}
	if len(parts) > 0 && !ray && t.Side != "" && t.Side != "on" {
		parts[0] += " on its " + t.Side + " side"
	}
	if len(parts) > 0 && t.Sighting != nil && fromAircraft(t.Sighting) {
		parts[0] = "aircraft " + parts[0]
	}
	switch t.Certainty {
	case "":
	case "unlocated":
		parts = append(parts, "position unknown")
	default:
		parts = append(parts, t.Certainty)
	}
	if t.Sighting != nil && t.Sighting.Suspect {
		parts = append(parts, "position suspect")
	}
	if len(t.Also) > 0 {
		names := make([]string, 0, 4)
		for i := range t.Also {
			if i == 3 {
				names = append(names, fmt.Sprintf("%d more", len(t.Also)-i))
				break
			}
			names = append(names, alsoNear(&t.Also[i]))
		}
		parts = append(parts, "also near "+strings.Join(names, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// alsoNear names a further zone, and of a bank the side: "left side of bank ciyao".
func alsoNear(n *alerts.Near) string {
	if n.Side == "" || n.Side == "on" {
		return n.Zone
	}
	name := n.Zone
	if !strings.HasPrefix(name, n.ZoneKind) && !strings.Contains(name, " ") { // not "bank bank-e", nor before a name in words
		name = n.ZoneKind + " " + name
	}
	return n.Side + " side of " + name
}

// compass is the wind nearest to a bearing in degrees.
func compass(bearing int64) string {
	return [...]string{"north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"}[((bearing%360+360+22)%360)/45]
}

// metres are whole from 10 m on: people walk there.
func metres(d alerts.Decimetres) string {
	if d%10 == 0 || d >= 100 {
		return strconv.FormatInt(int64(d+5)/10, 10)
	}
	return strconv.FormatFloat(float64(d)/10, 'f', 1, 64)
}

// degrees are good to a metre, short enough to be read out over a radio. The transition has them whole.
func degrees(d alerts.Degrees) string {
	n := int64(d)
	return strconv.FormatFloat(float64((n+sign(n)*50)/100)/1e5, 'f', 5, 64)
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}
