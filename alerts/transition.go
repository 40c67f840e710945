package alerts

// Time is an instant, µs since the Unix epoch; in JSON RFC 3339 in UTC with six decimals.
type Time int64

// Degrees is an angle in degrees x 1e7; in JSON a number with seven decimals.
type Degrees int32

// Decimetres is a length; in JSON metres with one decimal. NoLength is null.
type Decimetres int64

// NoLength is the absent length.
const NoLength Decimetres = -1 << 62

// Bearing is an angle in whole degrees from true north; NoBearing is null.
type Bearing int16

// Decidegrees is an angle in tenths of a degree; in JSON degrees with one decimal.
type Decidegrees int32

// Milliseconds is a span of time.
type Milliseconds int64

// NoBearing is the absent bearing.
const NoBearing Bearing = -1

// Severity is how urgent an alert is.
type Severity string

// The severities, least first.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// State is where an alert stands.
type State string

// The states in their order; Closed is final but for an undo. NoState is the "from" of an alert's first transition.
const (
	NoState      State = ""
	Open         State = "open"
	Acknowledged State = "acknowledged"
	EnRoute      State = "en_route"
	Intercepted  State = "intercepted"
	Closed       State = "closed"
)

// Event is what a transition tells.
type Event string

// The events of DESIGN 11.
const (
	Opened         Event = "opened"
	Sighted        Event = "sighted"
	Refined        Event = "refined"
	DidAcknowledge Event = "acknowledged"
	DidGo          Event = "en_route"
	DidIntercept   Event = "intercepted"
	DidClose       Event = "closed"
	Reopened       Event = "reopened"
	Escalated      Event = "escalated"
	HandedOver     Event = "handed_over"
	Split          Event = "split"
	Merged         Event = "merged"
	Corrected      Event = "corrected"
)

// Kind is what an alert is about.
type Kind string

// The kinds of this version.
const (
	OfSighting         Kind = "sighting"
	OfVehicleLost      Kind = "vehicle_lost"
	OfGateUnseen       Kind = "gate_unseen"
	OfIdentityConflict Kind = "identity_conflict" // two aircraft claim one identity, or one that is not the pinned one does
	OfPositionSuspect  Kind = "position_suspect"  // a vehicle's positions contradict something
	OfTrouble          Kind = "trouble"
)

// Sighting is one press: a person (boat, vehicle, ...) tagged from a drone or at the console.
type Sighting struct {
	ID          string       `json:"id"`
	At          Time         `json:"at"`      // when it was seen
	Vehicle     string       `json:"vehicle"` // "" for a mark
	Source      string       `json:"source"`
	Kind        string       `json:"kind"`
	Located     bool         `json:"-"` // false: Lat, Lon and CE90 are null
	Lat         Degrees      `json:"lat"`
	Lon         Degrees      `json:"lon"`
	CE90        Decimetres   `json:"ce90_m"`
	Basis       string       `json:"basis"`
	Count       int32        `json:"count"`       // how many, 0 where nobody said
	TimeSource  string       `json:"time_source"` // what At rests on: utc, boot, receive or stated
	Uncertainty Milliseconds `json:"time_uncertainty_ms"`
	Suspect     bool         `json:"suspect"` // it rests on a position that something contradicts
	Ground      string       `json:"ground"`  // for a point by a camera's ray: what told where the ground is
	Ellipse     *Ellipse     `json:"ellipse"` // what CE90 is the circle of, nil where only the circle is known
	Ray         *Ray         `json:"ray"`     // nil unless all that is known is a direction
	Verified    bool         `json:"-"`
}

// Ellipse holds a target with 90 %: half axes, and the bearing of the greater one, 0 to 179 degrees.
type Ellipse struct {
	Major   Decimetres `json:"major_m"`
	Minor   Decimetres `json:"minor_m"`
	Bearing Bearing    `json:"bearing_deg"`
}

// Ray is a direction in which something was seen: from where, which way and how surely, and from how near to how far.
type Ray struct {
	Lat       Degrees     `json:"lat"`
	Lon       Degrees     `json:"lon"`
	Bearing   Decidegrees `json:"bearing_deg"`
	HalfWidth Decidegrees `json:"half_width_deg"`
	Min       Decimetres  `json:"min_m"`
	Max       Decimetres  `json:"max_m"`
}

// Near is what a zone says of a sighting; in the "also" of a transition's line without bearing and side.
type Near struct {
	Zone      string     `json:"zone"`
	ZoneKind  string     `json:"zone_kind"`
	Distance  Decimetres `json:"distance_m"` // never negative
	Bearing   Bearing    `json:"-"`
	Side      string     `json:"side,omitempty"`
	Certainty string     `json:"certainty"`
	Severity  Severity   `json:"-"` // the zone's own, "" for the rule's
}

// Transition is one change of an alert. AppendJSON gives its line: all keys, in the order of the fields.
type Transition struct {
	Seq       uint64
	At        Time
	Alert     string
	Rule      string
	Severity  Severity
	From, To  State
	Zone      string
	ZoneKind  string
	Distance  Decimetres
	Bearing   Bearing
	Side      string
	Certainty string
	Verified  bool
	Sightings int
	Sighting  *Sighting // null for the station's own alerts
	Event     Event
	Kind      Kind
	Also      []Near
	By        uint32
	Outcome   string
	Station   string
	Plan      string // first eight hex digits of the plan's digest

	// Not part of the line.
	Tell    []string // ids of the recipients to notify, in the plan's order
	Subject string   // what a station alert is about: a vehicle, a gate's id, "recording"; "" for sightings
	Owner   uint32   // whose the alert is now: a person's number, 0 for nobody
}
