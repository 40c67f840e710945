package watch

import (
	"encoding/json"
	"errors"
	"fmt"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// stateFormat is the format of State's JSON.
const stateFormat = 1

// State is everything that the fold remembers between two frames. A session starts with one (start.json).
type State struct {
	Format  int                   `json:"format"`
	At      int64                 `json:"at"`   // of the newest frame
	Plan    string                `json:"plan"` // digest, "" before the first plan
	Inbox   mavlink.OwnInbox      `json:"inbox"`
	Fleet   mavlink.FleetState    `json:"fleet"`
	Zones   geofence.TrackerState `json:"zones"`
	Presses []Press               `json:"presses"` // of the last 30 s, oldest first
	Book    alerts.BookState      `json:"book"`
	Links   []LinkState           `json:"links"`   // in order of first mention
	Hearing int64                 `json:"hearing"` // since when at least one link has been up; 0: none is
	Trouble []string              `json:"trouble"` // subjects told by trouble frames that are on
}

// LinkState is what the fold knows of a link.
type LinkState struct {
	Name  string `json:"name"`
	Up    bool   `json:"up"`
	Since int64  `json:"since"`
	Told  bool   `json:"told"` // its being down is an alert
}

// State gives what the watch remembers as JSON.
func (w *Watch) State() ([]byte, error) {
	s := w.s
	s.Format = stateFormat
	s.Fleet, s.Zones, s.Book = w.fleet.State(), w.zones.State(), w.book.State()
	out, err := json.Marshal(&s)
	if err != nil {
		return nil, fmt.Errorf("save state: %w", err)
	}
	return out, nil
}

// ErrOtherFormat says that a state of another version was read: the book was kept, the memory of fleet and zones
// begins anew.
var ErrOtherFormat = errors.New("state of another format: alerts are kept, fleet and zone memory begins anew")

// Restore replaces what the watch remembers with what State gave. The plan that the state names must be among
// Options.Plans.
func (w *Watch) Restore(saved []byte) error {
	var s State
	var head struct {
		Format int             `json:"format"`
		At     int64           `json:"at"`
		Plan   string          `json:"plan"`
		Book   json.RawMessage `json:"book"`
	}
	if err := json.Unmarshal(saved, &head); err != nil {
		return fmt.Errorf("restore state: %w", err)
	}
	var other error
	if head.Format == stateFormat {
		if err := json.Unmarshal(saved, &s); err != nil {
			return fmt.Errorf("restore state: %w", err)
		}
	} else {
		other = ErrOtherFormat
		s.At, s.Plan = head.At, head.Plan
		if err := json.Unmarshal(head.Book, &s.Book); err != nil {
			return fmt.Errorf("restore the alerts of a state of format %d: %w", head.Format, err)
		}
	}
	if s.Plan != "" && w.o.WhatIf == nil {
		j := w.o.Plans(s.Plan)
		if j == nil {
			return fmt.Errorf("restore state: its plan %.8s is missing", s.Plan)
		}
		w.judgeBy(j)
	}
	w.s = s
	w.book.Restore(s.Book)
	if other == nil {
		w.fleet.Restore(s.Fleet)
		w.zones.Restore(s.Zones)
	}
	w.s.Fleet, w.s.Zones, w.s.Book = mavlink.FleetState{}, geofence.TrackerState{}, alerts.BookState{} // they live in their own homes
	return other
}
