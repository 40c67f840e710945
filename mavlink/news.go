package mavlink

// Track names what the fleet believes to be one aircraft: a system id (low byte) and a discriminator (high byte, 0
// unless two aircraft claim the id).
type Track uint16

// System is the track's MAVLink system id.
func (t Track) System() uint8 { return uint8(t) }

// Quality says how far a position may be believed.
type Quality uint8

// The levels of quality, worst first.
const (
	QualityNone     Quality = iota // no position
	QualityBad                     // a position to show, not to judge by
	QualityDegraded                // 2D fix, h_acc up to 50 m, age up to 10 s
	QualityGood                    // 3D fix or better, h_acc up to 10 m (or HDOP up to 2.5), age up to 2 s
)

// String is the word for q in the API.
func (q Quality) String() string { return [...]string{"none", "bad", "degraded", "good"}[q] }

// Fix is a believed position of a vehicle.
type Fix struct {
	At                int64 // station time, µs
	Track             Track
	LatE7, LonE7      int32  // WGS-84, degrees x 1e7
	AltMM, RelAltMM   int32  // above mean sea level; above home
	VNorthCM, VEastCM int16  // cm/s
	HeadingCD         uint16 // centidegrees from true north, 65535 unknown
	HAccMM            int32  // horizontal accuracy, 0 unknown
	Quality           Quality
	Airborne          bool // armed and (LANDED_STATE in air, or more than 3 m above home)
	Suspect           bool // something contradicts it: Quality is bad at best, and it is shown as such
	Broken            bool // nothing is known of the way here from the track's fix before: after a reboot or a suspect stretch
}

// TimeSource says what an instant rests on.
type TimeSource string

// The sources of time, best first: the vehicle's own UTC, its time since boot set against our clock, the arrival of the
// frame, a person's word.
const (
	TimeUTC      TimeSource = "utc"
	TimeBoot     TimeSource = "boot"
	TimeReceived TimeSource = "receive"
	TimeStated   TimeSource = "stated"
)

// Source is a way to tag a sighting.
type Source string

// The sources of this version, see docs/protocol.md.
const (
	SourcePOIScript   Source = "poi_script"
	SourceTrackingGeo Source = "tracking_geo"
	SourcePhoto       Source = "photo"
	SourceStatusText  Source = "statustext"
	SourceRCSwitch    Source = "rc_switch"
	SourceButton      Source = "button"
	SourceNamedValue  Source = "named_value"
	SourceSpatialUser Source = "spatial_user"
	SourceMark        Source = "mark"
)

// Basis says what a sighting's point rests on.
type Basis string

// The bases: the point of the target itself, a ray, the vehicle's own position, a person's mark, nothing.
const (
	BasisTarget  Basis = "target"
	BasisRay     Basis = "ray"
	BasisVehicle Basis = "vehicle"
	BasisMark    Basis = "mark"
	BasisNone    Basis = "none"
)

// Evidence is one message that says that someone tagged something. One press may give several pieces of evidence
// (a text, a camera message, copies over two links); internal/watch merges them into one sighting.
type Evidence struct {
	At           int64 // of the frame that told of it
	Seen         Stamp // of the tag itself
	Track        Track
	Vehicle      string // configured name, else "system-N"
	Verified     bool
	Suspect      bool // the position that it rests on is not to be trusted: CE90DM is widened for it
	Source       Source
	Kind         string // "person" unless the source knows better
	Count        int32  // how many, 0 where the source does not say
	Key          EvidenceKey
	Located      bool
	LatE7, LonE7 int32
	CE90DM       int32   // radius that holds the target with 90 %, decimetres
	Ellipse      Ellipse // the same, told more closely; zero: the circle of CE90DM
	Basis        Basis
	// Ray is the camera's line of sight at that moment, for a source that gives no point of its own. The point above is
	// then the vehicle's own, for whoever cannot tell where the ray meets the ground.
	Ray *Ray
}

// Ellipse holds a target with 90 %: half axes in decimetres (the greater one first) and the bearing of the greater one
// in degrees from true north, 0..179.
type Ellipse struct {
	MajorDM, MinorDM int32
	BearingDeg       int16
}

// Ray is a line of sight: from where, which way, how well both are known, and what is known of the ground there.
type Ray struct {
	LatE7, LonE7      int32 // of the camera
	AMSLKnown         bool
	AMSLMM            int32 // of the camera, above mean sea level
	AboveHomeKnown    bool
	AboveHomeMM       int32
	North, East, Down float64 // unit vector
	SigmaPitch        float64 // radians, 1 sigma
	SigmaYaw          float64
	SigmaPosM         float64
	GroundKnown       bool // the vehicle told how high the ground is below it:
	GroundAMSLMM      int32
	HitKnown          bool // the vehicle told where its camera's middle meets the ground:
	HitLatE7          int32
	HitLonE7          int32
}

// LostTag tells that tags of a source were sent and never heard, by the counters that the messages carry.
type LostTag struct {
	At      int64
	Track   Track
	Vehicle string
	Source  Source
	N       uint32
}

// Reply is the answer to a command that the station takes, to be sent once what the command asked for is kept.
type Reply struct {
	Origin    uint16 // of the command's frame
	System    uint8  // of the sender, whom the answer is for
	Component uint8
	Command   uint16 // MAV_CMD
	Result    uint8  // MAV_RESULT
}

// EvidenceKey is equal for two messages of one press (PROTOCOL 1.4); the zero key equals nothing.
type EvidenceKey struct {
	MsgID uint32 `json:"msgid"`
	Track Track  `json:"track"`
	Comp  uint8  `json:"comp"`
	N     uint64 `json:"n"`
	LatE7 int32  `json:"lat_e7"`
	LonE7 int32  `json:"lon_e7"`
}

// Change is a turn in a vehicle's life.
type Change struct {
	At      int64
	Track   Track
	Vehicle string
	Kind    ChangeKind
	// Lost only: no other claimant of its id is heard, and one was last heard armed or more than 3 m above home, so the
	// silence matters.
	Missed bool
	Why    string // Suspect only: "frozen", "jump", "glitch", "spoofing", "divergence"
}

// ChangeKind is the kind of a Change.
type ChangeKind uint8

// The kinds of change. Lost is told once per silence; Back only after a Lost.
const (
	ChangeHeard ChangeKind = iota + 1
	ChangeStale
	ChangeLost
	ChangeBack
	ChangeArmed
	ChangeDisarmed
	ChangeMode
	ChangeReboot
	ChangeConflict     // two aircraft, or one that is not the pinned one, claim the identity; told once, for the system
	ChangeConflictOver //
	ChangeSuspect      // its positions contradict something
	ChangeTrusted      // and no longer do
)

// Sortie is one flight of one vehicle. It is told at take-off (Landed 0) and again, with the same ID, at landing.
type Sortie struct {
	ID       string `json:"id"` // "<system>-<take-off, Unix µs>"
	Track    Track  `json:"track"`
	Vehicle  string `json:"vehicle"`
	TookOff  int64  `json:"took_off"`   // µs
	Landed   int64  `json:"landed"`     // µs, 0 while in the air
	DistDM   int64  `json:"dist_dm"`    // over ground, from good and degraded fixes
	MaxAltMM int32  `json:"max_alt_mm"` // above home
	Fixes    uint32 `json:"fixes"`
}

// News is what one frame, or the passing of time, brought. It is reused: Reset empties it and keeps its memory.
type News struct {
	Fixes    []Fix
	Evidence []Evidence
	Changes  []Change
	Sorties  []Sortie
	LostTags []LostTag
	Replies  []Reply
	// Rejected counts positions and evidence that were not believed, by reason.
	Rejected Rejections
	refusals int // the sum of Rejected
}

// Reject is why a position or a piece of evidence was not believed.
type Reject uint8

// The reasons. RejectIgnored: an unknown vehicle where the plan says ignore.
const (
	RejectZero Reject = iota
	RejectSentinel
	RejectRange
	RejectNoFix
	RejectStale
	RejectComponent
	RejectUndecodable
	RejectIgnored
	RejectSourceOff
	RejectOutside          // of the theatre
	RejectEstimator        // the vehicle's own filter has no absolute position
	RejectSender           // a command of somebody whom the plan does not list
	RejectNonFinite        // an attitude or a value that is no number, or infinite
	RejectGarbled          // a text with bytes that are no characters, or with a part missing; it is read as far as it is legible
	RejectReasons   = iota // how many there are
)

// Rejections counts what was not believed, by reason.
type Rejections [RejectReasons]uint32

// String is the reason's label in the metrics.
func (r Reject) String() string {
	return [...]string{"zero", "sentinel", "out_of_range", "no_fix", "stale", "component", "undecodable", "ignored", "source_off", "theatre", "estimator", "sender", "non_finite", "garbled"}[r]
}

// Rejects lists all reasons, for metrics that must be present at 0.
func Rejects() []Reject {
	all := make([]Reject, RejectReasons)
	for i := range all {
		all[i] = Reject(i)
	}
	return all
}

// reject counts what was not believed.
func (n *News) reject(why Reject) {
	n.Rejected[why]++
	n.refusals++
}

// Refused says whether anything was not believed.
func (n *News) Refused() bool { return n.refusals != 0 }

// Empty says whether there is nothing in n.
func (n *News) Empty() bool {
	return len(n.Fixes)|len(n.Changes)|len(n.Evidence)|len(n.Sorties)|len(n.LostTags)|len(n.Replies)|n.refusals == 0
}

// Reset empties n.
func (n *News) Reset() {
	n.Fixes, n.Evidence, n.Changes, n.Sorties = n.Fixes[:0], n.Evidence[:0], n.Changes[:0], n.Sorties[:0]
	n.LostTags, n.Replies = n.LostTags[:0], n.Replies[:0]
	if n.refusals != 0 {
		n.Rejected, n.refusals = Rejections{}, 0
	}
}
