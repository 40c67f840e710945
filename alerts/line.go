package alerts

import (
	"fmt"
	"strings"
	"time"
)

// Line tells the transition in one line for people who read a terminal: when (in the given zone, nil: UTC), how it
// stands, where, how sure, by what.
func (t *Transition) Line(zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-12s %-8s %s", time.UnixMicro(int64(t.At)).In(zone).Format("2006-01-02 15:04:05.000 -07:00"), t.Event, t.Severity, t.Alert)
	if t.Kind != OfSighting {
		fmt.Fprintf(&b, " %s: %s", t.Kind, t.Subject)
	}
	if t.Zone != "" {
		fmt.Fprintf(&b, " %s %s", t.ZoneKind, t.Zone)
	}
	if t.Kind == OfSighting {
		ray := t.Sighting != nil && t.Sighting.Ray != nil // how far a direction passes says nothing of where its target is
		switch {
		case ray && t.Zone != "" && t.Distance == 0:
			b.WriteString(" met by the direction")
		case ray && t.Distance != NoLength:
			fmt.Fprintf(&b, " %d.%d m beside the direction", t.Distance/10, t.Distance%10)
		case t.Zone != "" && t.Distance == 0:
			b.WriteString(" inside")
		case t.Distance != NoLength:
			fmt.Fprintf(&b, " %d.%d m at %d°", t.Distance/10, t.Distance%10, t.Bearing)
		}
		if t.Side != "" && !ray {
			fmt.Fprintf(&b, " %s", t.Side)
		}
		fmt.Fprintf(&b, " %s", t.Certainty)
	}
	if s := t.Sighting; s != nil {
		b.WriteString(": ")
		if s.Count > 0 {
			fmt.Fprintf(&b, "%d x ", s.Count)
		}
		fmt.Fprintf(&b, "%s by %s", s.Kind, s.Source)
		if s.Vehicle != "" {
			fmt.Fprintf(&b, " of %s", s.Vehicle)
		}
		if s.Located {
			if s.Basis == "vehicle" {
				b.WriteString(" somewhere around the aircraft")
			}
			fmt.Fprintf(&b, " at %s %s ±%s m", s.Lat.append(nil), s.Lon.append(nil), s.CE90.append(nil))
		} else if r := s.Ray; r != nil {
			fmt.Fprintf(&b, ", direction only: bearing %s° from %s %s, %d to %d m away", r.Bearing.append(nil), r.Lat.append(nil), r.Lon.append(nil), (r.Min+5)/10, (r.Max+5)/10)
		}
		if s.Suspect {
			b.WriteString(" POSITION SUSPECT")
		}
		if t.Sightings > 1 {
			fmt.Fprintf(&b, " (%d sightings)", t.Sightings)
		}
	}
	if !t.Verified {
		b.WriteString(" UNVERIFIED")
	}
	if t.Outcome != "" {
		fmt.Fprintf(&b, " %s", t.Outcome)
	}
	return b.String()
}
