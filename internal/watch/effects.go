package watch

import (
	"context"

	"riverwatch/alerts"
	"riverwatch/mavlink"
)

// Source hands over batches of frames in their order; io.EOF at the end.
type Source interface {
	Next(ctx context.Context) (mavlink.Batch, error)
}

// Recorder keeps batches. It is called by the committer only.
type Recorder interface {
	Record(b mavlink.Batch) error
	Sync() error
}

// Journal keeps effects. It is called by the committer only.
type Journal interface {
	Commit(e *Effects) error
}

// Effects is what folding some frames brought about. It is reused: Reset empties it and keeps its memory.
type Effects struct {
	Transitions []alerts.Transition
	Sightings   []alerts.Sighting
	ZoneEvents  []ZoneEvent
	Sorties     []mavlink.Sortie
	Answers     []Answer
	Replies     []mavlink.Reply   // to commands, to be sent once the effects are kept
	LostTags    []mavlink.LostTag // that were sent and never heard
	Counts      Counts
	MissingPlan string // digest of a plan that a frame names and nobody has
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	*e = Effects{
		Transitions: e.Transitions[:0], Sightings: e.Sightings[:0], ZoneEvents: e.ZoneEvents[:0], Sorties: e.Sorties[:0],
		Answers: e.Answers[:0], Replies: e.Replies[:0], LostTags: e.LostTags[:0], Counts: Counts{Evidence: e.Counts.Evidence[:0]},
	}
}

// Durable says whether there is anything in e that must be kept.
func (e *Effects) Durable() bool {
	return len(e.Transitions)+len(e.Sightings)+len(e.ZoneEvents)+len(e.Sorties)+len(e.Answers) > 0
}

// ZoneEvent is one zone event with the names that people know.
type ZoneEvent struct {
	At       alerts.Time `json:"at"`
	Vehicle  string      `json:"vehicle"`
	Zone     string      `json:"zone"`
	ZoneKind string      `json:"zone_kind"`
	Event    string      `json:"event"`
	Side     string      `json:"side"`
}

// Answer is what the fold says to an action or a mark, under the number of its own frame.
type Answer struct {
	Number   uint32         `json:"number"`
	Refused  alerts.Refusal `json:"refused,omitempty"` // why it was not done; "" when it was
	Alert    string         `json:"alert,omitempty"`   // the alert it went to
	Sighting string         `json:"sighting,omitempty"`
	State    alerts.State   `json:"state,omitempty"` // the alert's state afterwards
}

// Counts is what a batch came to, for the metrics of a live station.
type Counts struct {
	Fixes    uint64
	Rejected [mavlink.RejectReasons]uint64
	Evidence []EvidenceCount
}

// EvidenceCount is one piece of evidence and what became of it: "sighting", "merged" or a reason not to believe it.
type EvidenceCount struct {
	Source  string
	Outcome string
}
