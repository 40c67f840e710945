package mavlink

// OwnID is the station's own MAVLink identity.
type OwnID struct {
	System    uint8 `json:"system"`
	Component uint8 `json:"component"`
}

// DefaultOwnID is system 245, component 191 (ONBOARD_COMPUTER): never that of a ground station.
var DefaultOwnID = OwnID{System: 245, Component: 191}

// OwnPayloadType is the TUNNEL payload_type of own frames, in the private range.
const OwnPayloadType = 47651

// OwnKind says what an own frame tells. The numbers are part of the session format.
type OwnKind uint8

// The kinds of own frame. The beat is not among them: it is a plain HEARTBEAT.
const (
	OwnOrigin  OwnKind = 1 // OriginNote: from here on a (system, component) speaks from this link and address
	OwnLink    OwnKind = 2 // LinkNote: a link went up or down
	OwnRefused OwnKind = 3 // RefusedNote: what was refused or lost since the last one, by link and reason
	OwnMark    OwnKind = 4 // MarkNote: someone marked a point
	OwnAct     OwnKind = 5 // ActNote: someone acted on an alert
	OwnPlan    OwnKind = 6 // PlanNote: from here on this plan judges
	OwnClock   OwnKind = 7 // ClockNote: the wall clock stepped against station time
	OwnTrouble OwnKind = 8 // TroubleNote: the station is in trouble, or no longer
	OwnEnd     OwnKind = 9 // EndNote: the session ends here on purpose
)

// OriginNote is the body of an OwnOrigin frame. Link and Address are there the first time that a session tells of the
// index, and absent from then on: both empty mean those told before.
type OriginNote struct {
	Origin    uint16 `json:"origin"`
	System    uint8  `json:"system"`
	Component uint8  `json:"component"`
	Link      string `json:"link,omitempty"`
	Address   string `json:"address,omitempty"` // "ip:port", a device path, "other" for the many of a link that are not told apart
}

// LinkNote is the body of an OwnLink frame. The link of a foreign log is "".
type LinkNote struct {
	Link string `json:"link"`
	Up   bool   `json:"up"`
	Gone bool   `json:"gone,omitempty"` // the station has no such link any more
}

// RefusedNote is the body of an OwnRefused frame; Counts is in order of link, then reason.
type RefusedNote struct {
	Counts []RefusedCount `json:"counts"`
}

// RefusedCount counts frames (or datagrams, where no frame could be told) of one link refused or lost for one reason.
type RefusedCount struct {
	Link   string `json:"link"`
	Reason string `json:"reason"`
	N      uint64 `json:"n"`
}

// MarkNote is the body of an OwnMark frame.
type MarkNote struct {
	LatE7  int32  `json:"lat_e7"`
	LonE7  int32  `json:"lon_e7"`
	CE90DM int32  `json:"ce90_dm"`
	Kind   string `json:"kind"`
	By     uint32 `json:"by"` // a person's number, 0 unknown
	At     int64  `json:"at"` // when it was seen, µs; 0: at the frame's own time
}

// ActNote is the body of an OwnAct frame: what a person did to an alert.
type ActNote struct {
	Alert   string `json:"alert"`
	Act     string `json:"act"` // acknowledge, release, en_route, intercept, close, undo
	By      uint32 `json:"by"`
	Outcome string `json:"outcome,omitempty"`
}

// PlanNote is the body of an OwnPlan frame.
type PlanNote struct {
	Digest string `json:"digest"` // hex SHA-256 of the plan's canonical JSON
}

// ClockNote is the body of an OwnClock frame.
type ClockNote struct {
	StepUS int64 `json:"step_us"` // wall clock minus station time, now
}

// TroubleNote is the body of an OwnTrouble frame.
type TroubleNote struct {
	Subject string `json:"subject"` // what is in trouble: "recording", "ledger"
	On      bool   `json:"on"`
}

// EndNote is the body of an OwnEnd frame.
type EndNote struct {
	Reason string `json:"reason"` // "stop": the station was ended; a session that goes on in the next one has no such frame
}
