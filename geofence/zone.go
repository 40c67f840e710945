package geofence

// Point is a WGS-84 position in degrees x 1e7.
type Point struct {
	LatE7 int32 `json:"lat_e7"`
	LonE7 int32 `json:"lon_e7"`
}

// Kind is what a zone is.
type Kind string

// The kinds of zone, in the order in which they go before one another.
const (
	Gate Kind = "gate" // a river crossing: circle or polygon
	Bank Kind = "bank" // a line with a width on each side
	Area Kind = "area" // one or more polygons
)

// Zone is one fence, checked and in WGS-84: what the plan holds. Exactly one of RadiusDM, Line and Polygons is set.
type Zone struct {
	ID              string      `json:"id"`
	Name            string      `json:"name"`
	Kind            Kind        `json:"kind"`
	Center          Point       `json:"center,omitzero"` // of a circle
	RadiusDM        int32       `json:"radius_dm,omitempty"`
	Line            []Point     `json:"line,omitempty"`
	WidthDM         int32       `json:"width_dm,omitempty"`  // on each side of Line
	Polygons        [][][]Point `json:"polygons,omitempty"`  // polygon, ring (first outer, then holes), closed: first point = last
	LeftName        string      `json:"left_name,omitempty"` // of a bank's sides, seen along the line
	RightName       string      `json:"right_name,omitempty"`
	AlertDistanceDM int32       `json:"alert_distance_dm,omitempty"`
	SurfaceAMSLMM   *int64      `json:"surface_amsl_mm,omitempty"`
	Severity        string      `json:"severity,omitempty"` // "" : the rule's
	MaxUnseenUS     int64       `json:"max_unseen_us,omitempty"`
	SeenDM          int32       `json:"seen_dm,omitempty"`
}

// CRS is the coordinate system that a zone file was drawn in.
type CRS string

// The systems that a file may declare.
const (
	WGS84 CRS = "wgs84"
	GCJ02 CRS = "gcj02"
	BD09  CRS = "bd09"
)

// Problem is one mistake in a zone file.
type Problem struct {
	File    string
	Line    int // 1-based, 0 where it cannot be told
	Column  int
	Feature string // id, or "#3" (the third feature) where it has none
	What    string // what is wrong
	Remedy  string // what to do
	Warning bool   // does not stop the file from being used
}

// Fix is a position to test against the zones.
type Fix struct {
	At           int64 // µs
	Track        uint16
	LatE7, LonE7 int32
	HAccMM       int32 // 0 unknown
	Airborne     bool
	Broken       bool // nothing is known of the way from the track's fix before
}

// EventKind is what a track did to a zone.
type EventKind string

// The zone events of DESIGN 11.
const (
	SeenInside  EventKind = "seen_inside"
	SeenOutside EventKind = "seen_outside"
	Entered     EventKind = "entered"
	Left        EventKind = "left"
	Crossed     EventKind = "crossed"
)

// Event is one zone event.
type Event struct {
	At    int64
	Track uint16
	Zone  int // index into the zones that the index was made of
	Kind  EventKind
	Side  Side // of a bank: the side the track is on now
}

// Side is the side of a bank, seen along its line.
type Side string

// The sides; NoSide is that of a zone that is not a bank.
const (
	NoSide  Side = ""
	LeftOf  Side = "left"
	RightOf Side = "right"
	OnLine  Side = "on"
)

// Certainty says how surely a sighting is within a zone's alert distance.
type Certainty string

// The certainties of DESIGN 11, surest first; Far is "not near".
const (
	Certain  Certainty = "certain"
	Likely   Certainty = "likely"
	Possible Certainty = "possible"
	Far      Certainty = ""
)

// Near is what a zone says of a sighting.
type Near struct {
	Zone       int   // index into the zones that the index was made of
	SignedDM   int64 // distance to the boundary, negative inside, 0 on it
	BearingDeg int16 // from true north, from the zone to the sighting, 0..359
	Side       Side
	Certainty  Certainty
}

// Unseen tells that a gate has been without an airborne drone for its max_unseen, or no longer is.
type Unseen struct {
	At    int64
	Zone  int
	Since int64 // last seen, or the start of the watch
	Over  bool  // false: unseen from now; true: seen again
}
