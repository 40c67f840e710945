package alerts

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeForm is RFC 3339 in UTC with exactly six decimals.
const timeForm = "2006-01-02T15:04:05.000000Z"

// AppendJSON appends the transition's line, without a line end: all keys of the contract, always, in its order. Equal
// transitions give equal bytes.
func (t *Transition) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `{"seq":`...), t.Seq, 10)
	dst = t.At.append(append(dst, `,"at":`...))
	dst = appendWord(dst, "alert", t.Alert)
	dst = appendWord(dst, "rule", t.Rule)
	dst = appendWord(dst, "severity", string(t.Severity))
	dst = appendWord(dst, "from", string(t.From))
	dst = appendWord(dst, "to", string(t.To))
	dst = appendWord(dst, "zone", t.Zone)
	dst = appendWord(dst, "zone_kind", t.ZoneKind)
	dst = t.Distance.append(append(dst, `,"distance_m":`...))
	dst = t.Bearing.append(append(dst, `,"bearing_deg":`...))
	dst = appendWord(dst, "side", t.Side)
	dst = appendWord(dst, "certainty", t.Certainty)
	dst = strconv.AppendBool(append(dst, `,"verified":`...), t.Verified)
	dst = strconv.AppendInt(append(dst, `,"sightings":`...), int64(t.Sightings), 10)
	dst = append(dst, `,"sighting":`...)
	if t.Sighting == nil {
		dst = append(dst, "null"...)
	} else {
		dst = t.Sighting.AppendJSON(dst)
	}
	dst = appendWord(dst, "event", string(t.Event))
	dst = appendWord(dst, "kind", string(t.Kind))
	dst = append(dst, `,"also":[`...)
	for i := range t.Also {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.Also[i].appendJSON(dst)
	}
	dst = strconv.AppendUint(append(dst, `],"by":`...), uint64(t.By), 10)
	dst = appendWord(dst, "outcome", t.Outcome)
	dst = appendWord(dst, "station", t.Station)
	dst = appendWord(dst, "plan", t.Plan)
	return append(dst, '}')
}

// AppendJSON appends the sighting as it stands in a transition; the point of one that is not located is null.
func (s *Sighting) AppendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"id":`...), s.ID)
	dst = s.At.append(append(dst, `,"at":`...))
	dst = appendWord(dst, "vehicle", s.Vehicle)
	dst = appendWord(dst, "source", s.Source)
	dst = appendWord(dst, "kind", s.Kind)
	if s.Located {
		dst = s.Lat.append(append(dst, `,"lat":`...))
		dst = s.Lon.append(append(dst, `,"lon":`...))
		dst = s.CE90.append(append(dst, `,"ce90_m":`...))
	} else {
		dst = append(dst, `,"lat":null,"lon":null,"ce90_m":null`...)
	}
	dst = appendWord(dst, "basis", s.Basis)
	dst = strconv.AppendInt(append(dst, `,"count":`...), int64(s.Count), 10)
	dst = appendWord(dst, "time_source", s.TimeSource)
	dst = strconv.AppendInt(append(dst, `,"time_uncertainty_ms":`...), int64(s.Uncertainty), 10)
	dst = strconv.AppendBool(append(dst, `,"suspect":`...), s.Suspect)
	dst = appendWord(dst, "ground", s.Ground)
	dst = append(dst, `,"ellipse":`...)
	if e := s.Ellipse; e == nil {
		dst = append(dst, "null"...)
	} else {
		dst = e.Major.append(append(dst, `{"major_m":`...))
		dst = e.Minor.append(append(dst, `,"minor_m":`...))
		dst = append(e.Bearing.append(append(dst, `,"bearing_deg":`...)), '}')
	}
	dst = append(dst, `,"ray":`...)
	if r := s.Ray; r == nil {
		dst = append(dst, "null"...)
	} else {
		dst = r.Lat.append(append(dst, `{"lat":`...))
		dst = r.Lon.append(append(dst, `,"lon":`...))
		dst = r.Bearing.append(append(dst, `,"bearing_deg":`...))
		dst = r.HalfWidth.append(append(dst, `,"half_width_deg":`...))
		dst = r.Min.append(append(dst, `,"min_m":`...))
		dst = append(r.Max.append(append(dst, `,"max_m":`...)), '}')
	}
	return append(dst, '}')
}

func (n *Near) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"zone":`...), n.Zone)
	dst = appendWord(dst, "zone_kind", n.ZoneKind)
	dst = n.Distance.append(append(dst, `,"distance_m":`...))
	dst = appendWord(dst, "certainty", n.Certainty)
	return append(dst, '}')
}

// MarshalJSON gives the transition's line.
func (t Transition) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil), nil }

// MarshalJSON gives the sighting as it stands in a transition.
func (s Sighting) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// MarshalJSON gives the zone as it stands in a transition's "also", and its side where it has one.
func (n Near) MarshalJSON() ([]byte, error) {
	b := n.appendJSON(nil)
	if n.Side != "" {
		b = append(appendWord(b[:len(b)-1], "side", n.Side), '}')
	}
	return b, nil
}

// MarshalJSON gives RFC 3339 in UTC with six decimals.
func (t Time) MarshalJSON() ([]byte, error) { return t.append(nil), nil }

// MarshalJSON gives a number with seven decimals.
func (d Degrees) MarshalJSON() ([]byte, error) { return d.append(nil), nil }

// MarshalJSON gives metres with one decimal, null for NoLength.
func (d Decimetres) MarshalJSON() ([]byte, error) { return d.append(nil), nil }

// MarshalJSON gives degrees with one decimal.
func (d Decidegrees) MarshalJSON() ([]byte, error) { return d.append(nil), nil }

// MarshalJSON gives whole degrees, null for NoBearing.
func (b Bearing) MarshalJSON() ([]byte, error) { return b.append(nil), nil }

// String is the time as in JSON, without quotes.
func (t Time) String() string { return time.UnixMicro(int64(t)).UTC().Format(timeForm) }

func (t Time) append(dst []byte) []byte {
	dst = append(dst, '"')
	dst = time.UnixMicro(int64(t)).UTC().AppendFormat(dst, timeForm)
	return append(dst, '"')
}

func (d Degrees) append(dst []byte) []byte {
	n := int64(d)
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = strconv.AppendInt(dst, n/1e7, 10)
	return fmt.Appendf(dst, ".%07d", n%1e7)
}

func (d Decimetres) append(dst []byte) []byte {
	if d == NoLength {
		return append(dst, "null"...)
	}
	n := int64(d)
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = strconv.AppendInt(dst, n/10, 10)
	return append(dst, '.', byte('0'+n%10))
}

func (d Decidegrees) append(dst []byte) []byte { return Decimetres(d).append(dst) }

func (b Bearing) append(dst []byte) []byte {
	if b == NoBearing {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, int64(b), 10)
}

func appendWord(dst []byte, key, word string) []byte {
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return appendString(dst, word)
}

func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always marshals
				panic(err)
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// UnmarshalJSON reads what MarshalJSON gives.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	*t = Time(at.UnixMicro())
	return err
}

// UnmarshalJSON reads a decimal number of degrees exactly.
func (d *Degrees) UnmarshalJSON(b []byte) error {
	n, err := readFixed(string(b), 7)
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = fmt.Errorf("angle %s is beyond ±214 degrees", b)
	}
	*d = Degrees(n)
	return err
}

// UnmarshalJSON reads a decimal number of metres, or null.
func (d *Decimetres) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*d = NoLength
		return nil
	}
	n, err := readFixed(string(b), 1)
	*d = Decimetres(n)
	return err
}

// UnmarshalJSON reads a decimal number of degrees.
func (d *Decidegrees) UnmarshalJSON(b []byte) error {
	n, err := readFixed(string(b), 1)
	*d = Decidegrees(n)
	return err
}

// UnmarshalJSON reads whole degrees, or null.
func (b *Bearing) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*b = NoBearing
		return nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 16)
	*b = Bearing(n)
	return err
}

// readFixed reads a plain decimal number as an integer of its last wanted place, rounding half away from zero.
func readFixed(s string, places int) (int64, error) {
	whole, frac, _ := strings.Cut(s, ".")
	if strings.ContainsAny(s, "eE") || len(frac) > places {
		f, err := strconv.ParseFloat(s, 64)
		return int64(math.Round(f * math.Pow10(places))), err
	}
	return strconv.ParseInt(whole+frac+strings.Repeat("0", places-len(frac)), 10, 64)
}

// transitionJSON is the line as encoding/json reads it.
type transitionJSON struct {
	Seq       uint64     `json:"seq"`
	At        Time       `json:"at"`
	Alert     string     `json:"alert"`
	Rule      string     `json:"rule"`
	Severity  Severity   `json:"severity"`
	From      State      `json:"from"`
	To        State      `json:"to"`
	Zone      string     `json:"zone"`
	ZoneKind  string     `json:"zone_kind"`
	Distance  Decimetres `json:"distance_m"`
	Bearing   Bearing    `json:"bearing_deg"`
	Side      string     `json:"side"`
	Certainty string     `json:"certainty"`
	Verified  bool       `json:"verified"`
	Sightings int        `json:"sightings"`
	Sighting  *Sighting  `json:"sighting"`
	Event     Event      `json:"event"`
	Kind      Kind       `json:"kind"`
	Also      []Near     `json:"also"`
	By        uint32     `json:"by"`
	Outcome   string     `json:"outcome"`
	Station   string     `json:"station"`
	Plan      string     `json:"plan"`
}

// UnmarshalJSON reads a line that AppendJSON wrote.
func (t *Transition) UnmarshalJSON(b []byte) error {
	in := transitionJSON{Distance: NoLength, Bearing: NoBearing} // null does not reach a value's own UnmarshalJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read transition: %w", err)
	}
	if len(in.Also) == 0 {
		in.Also = nil
	}
	*t = Transition{
		Seq: in.Seq, At: in.At, Alert: in.Alert, Rule: in.Rule, Severity: in.Severity, From: in.From, To: in.To,
		Zone: in.Zone, ZoneKind: in.ZoneKind, Distance: in.Distance, Bearing: in.Bearing, Side: in.Side,
		Certainty: in.Certainty, Verified: in.Verified, Sightings: in.Sightings, Sighting: in.Sighting,
		Event: in.Event, Kind: in.Kind, Also: in.Also, By: in.By, Outcome: in.Outcome, Station: in.Station, Plan: in.Plan,
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON gives.
func (s *Sighting) UnmarshalJSON(b []byte) error {
	var in struct {
		ID      string     `json:"id"`
		At      Time       `json:"at"`
		Vehicle string     `json:"vehicle"`
		Source  string     `json:"source"`
		Kind    string     `json:"kind"`
		Lat     *Degrees   `json:"lat"`
		Lon     *Degrees   `json:"lon"`
		CE90    Decimetres `json:"ce90_m"`
		Basis   string     `json:"basis"`

		Count       int32        `json:"count"`
		TimeSource  string       `json:"time_source"`
		Uncertainty Milliseconds `json:"time_uncertainty_ms"`
		Suspect     bool         `json:"suspect"`
		Ground      string       `json:"ground"`
		Ellipse     *Ellipse     `json:"ellipse"`
		Ray         *Ray         `json:"ray"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read sighting: %w", err)
	}
	*s = Sighting{
		ID: in.ID, At: in.At, Vehicle: in.Vehicle, Source: in.Source, Kind: in.Kind, Basis: in.Basis, Count: in.Count,
		TimeSource: in.TimeSource, Uncertainty: in.Uncertainty, Suspect: in.Suspect, Ground: in.Ground, Ellipse: in.Ellipse, Ray: in.Ray,
	}
	if in.Lat != nil && in.Lon != nil {
		s.Located, s.Lat, s.Lon, s.CE90 = true, *in.Lat, *in.Lon, in.CE90
	}
	return nil
}
