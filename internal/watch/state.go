package watch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// stateFormat is the format of State's JSON.
const stateFormat = 2

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
	Settle  bool                  `json:"settle"`  // the book came from elsewhere: see that the station's own alerts have causes
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
	var other error
	if err := json.Unmarshal(saved, &s); err != nil || s.Format != stateFormat {
		if s, other = carried(saved); !errors.Is(other, ErrOtherFormat) {
			return fmt.Errorf("restore state: %w", cmp.Or(other, err))
		}
	}
	if s.Plan != "" && w.o.WhatIf == nil {
		j := w.o.Plans(s.Plan)
		if j == nil {
			return fmt.Errorf("restore state: its plan %.8s is missing", s.Plan)
		}
		w.judgeBy(j)
	}
	w.s, w.linkDue = s, 0
	for i := range w.s.Presses {
		p := &w.s.Presses[i]
		p.Sighting.Verified = p.Verified // a sighting's JSON does not hold it
	}
	w.book.Restore(s.Book)
	if other == nil {
		w.fleet.Restore(s.Fleet)
		w.zones.Restore(s.Zones)
	} else {
		w.reconcile()
	}
	w.s.Fleet, w.s.Zones, w.s.Book = mavlink.FleetState{}, geofence.TrackerState{}, alerts.BookState{} // they live in their own homes
	return other
}

// carried is what a state of another format has that outlives it, with ErrOtherFormat; nil for one of ours.
func carried(saved []byte) (s State, err error) {
	var head struct {
		Format int             `json:"format"`
		At     int64           `json:"at"`
		Plan   string          `json:"plan"`
		Book   json.RawMessage `json:"book"`
	}
	if err := json.Unmarshal(saved, &head); err != nil || head.Format == stateFormat {
		return s, err
	}
	s.At, s.Plan = head.At, head.Plan
	if err := json.Unmarshal(head.Book, &s.Book); err != nil {
		return s, fmt.Errorf("the alerts of format %d: %w", head.Format, err)
	}
	return s, ErrOtherFormat
}

// reconcile makes links, gates and vehicles remember what the station's own alerts in the book say of them, where the
// book came without them: or the end of a cause would not be seen, and its next time not be told.
func (w *Watch) reconcile() {
	w.s.Settle, w.linkDue = true, 0
	for i := range w.s.Links {
		w.s.Links[i].Told = false
	}
	for _, subject := range w.book.Raised(alerts.OfTrouble) {
		name, ok := strings.CutPrefix(subject, linkSubject)
		if !ok {
			continue
		}
		i := slices.IndexFunc(w.s.Links, func(l LinkState) bool { return l.Name == name })
		if i < 0 {
			i = len(w.s.Links)
			w.s.Links = append(w.s.Links, LinkState{Name: name, Since: w.s.At})
		}
		w.s.Links[i].Told = true
	}

	zones, unseen := w.zones.State(), setOf(w.book.Raised(alerts.OfGateUnseen))
	for i := range zones.Gates {
		g := &zones.Gates[i]
		g.Told = unseen.holds(g.Zone)
		g.Over = g.Over && g.Told
	}
	w.zones.Restore(zones)
	w.recall()

	fleet, lost := w.fleet.State(), w.book.Raised(alerts.OfVehicleLost)
	for i := range fleet.Tracks {
		name, _ := w.fleet.Name(fleet.Tracks[i].Track())
		if slices.Contains(lost, name) {
			fleet.Tracks[i].Vehicle.Standing = mavlink.StandingLost
		}
	}
	w.fleet.Restore(fleet)
}

// recall makes the zones remember of the gates that they know nothing of that they were told as unseen, where the book
// says so.
func (w *Watch) recall() {
	for _, id := range w.book.Raised(alerts.OfGateUnseen) {
		w.zones.Told(id, w.s.At)
	}
}

// set is some words.
type set map[string]bool

func setOf(words []string) set {
	s := make(set, len(words))
	for _, word := range words {
		s[word] = true
	}
	return s
}

func (s set) holds(word string) bool { return s[word] }
