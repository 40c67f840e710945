package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"riverwatch/alerts"
)

// Changes is what the fold brought about. The committer may collect several and commit them at once.
type Changes struct {
	Transitions []alerts.Transition
	Sightings   []alerts.Sighting
	ZoneEvents  []ZoneEvent
	Sorties     []Sortie
	Answers     []Answer
}

// ZoneEvent is what a vehicle did to a zone.
type ZoneEvent struct {
	At       alerts.Time `json:"at"`
	Vehicle  string      `json:"vehicle"`
	Zone     string      `json:"zone"`
	ZoneKind string      `json:"zone_kind"`
	Event    string      `json:"event"`
	Side     string      `json:"side"` // of a bank: the side the vehicle is on now
}

// Sortie is one flight of one vehicle.
type Sortie struct {
	ID        string      `json:"id"`
	Vehicle   string      `json:"vehicle"`
	TookOff   alerts.Time `json:"took_off"`
	Landed    alerts.Time `json:"landed,omitzero"` // 0, and not in the JSON, while in the air
	DistanceM float64     `json:"distance_m"`      // over ground
	MaxAltM   float64     `json:"max_alt_m"`       // above home
	Fixes     uint32      `json:"fixes"`
}

// Commit stores what is new in the changes in one transaction, each transition with a queued notice for each of its
// recipients, and gives the events that it stored. What the ledger holds already is left out.
func (l *Ledger) Commit(changes ...*Changes) ([]Stored, error) {
	return l.CommitAfter(func() {}, changes...)
}

// CommitAfter is Commit, but for a wait right before the transaction is committed: until then nothing of it is in the
// ledger, however the process or the machine ends. wait is not called where the changes cannot be stored.
func (l *Ledger) CommitAfter(wait func(), changes ...*Changes) ([]Stored, error) {
	stored, err := l.write(func(t *tx) error {
		for _, c := range changes {
			t.goesTo, t.placed = map[string]string{}, map[string]string{}
			for i := range c.Transitions {
				if s := c.Transitions[i].Sighting; s != nil {
					t.goesTo[s.ID] = c.Transitions[i].Alert
				}
			}
			// Sightings go first: the transitions say to which alert they belong.
			if err := each(c.Sightings, t.sighting); err != nil {
				return err
			}
			if err := each(c.Transitions, t.transition); err != nil {
				return err
			}
			if err := each(c.ZoneEvents, t.zoneEvent); err != nil {
				return err
			}
			if err := each(c.Sorties, t.sortie); err != nil {
				return err
			}
			if err := each(c.Answers, func(a *Answer) error { return t.answer(*a) }); err != nil {
				return err
			}
		}
		wait()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("commit to ledger: %w", err)
	}
	return stored, nil
}

func each[T any](list []T, f func(*T) error) error {
	for i := range list {
		if err := f(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) transition(tr *alerts.Transition) error {
	own := tr.Station == t.l.o.Station
	if !own || tr.Seq <= t.lastSeq { // else it is new
		var held bool
		err := t.row(`SELECT EXISTS (SELECT 1 FROM transitions WHERE station = ? AND seq = ?)`, tr.Station, int64(tr.Seq)).Scan(&held)
		if err != nil || held {
			return err
		}
	}
	data, err := transitionData(tr)
	if err != nil {
		return err
	}
	n, err := t.append(event{at: tr.At, kind: "transition", subject: tr.Alert, data: data})
	if err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO transitions (station, seq, n) VALUES (?, ?, ?)`, tr.Station, int64(tr.Seq), n); err != nil {
		return err
	}
	if own {
		t.lastSeq = max(t.lastSeq, tr.Seq)
	}
	if err := t.alert(tr, n); err != nil {
		return err
	}
	for _, recipient := range tr.Tell {
		_, err := t.exec(`INSERT OR IGNORE INTO notices (key, n, alert, recipient, state, at, tries, reason, next)
			VALUES (?, ?, ?, ?, 'queued', ?, 0, '', 0)`, tr.Notice(recipient), n, tr.Alert, recipient, int64(tr.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// alert moves the alert's row to its newest transition. The owner is the one that the transition names. In one that
// names none it is who made the first forward move since the alert was open, or to whom it was handed over; only what
// gives an alert up or takes an action back can leave it without one.
func (t *tx) alert(tr *alerts.Transition, n int64) error {
	var lat, lon, ce90 any
	if s := tr.Sighting; s != nil {
		if s.Located {
			lat, lon, ce90 = int64(s.Lat), int64(s.Lon), int64(s.CE90)
		}
		if t.placed[s.ID] != tr.Alert { // else it was put there just now
			if _, err := t.exec(`UPDATE sightings SET alert = ? WHERE id = ? AND alert <> ?`, tr.Alert, s.ID, tr.Alert); err != nil {
				return err
			}
			delete(t.placed, s.ID)
		}
	}
	owner, named := tr.Owner, tr.Owner != 0 || tr.To == alerts.Open || tr.Event == alerts.Reopened || tr.Event == alerts.Corrected
	if !named {
		owner = tr.By
	}
	_, err := t.exec(`INSERT INTO alerts (first, id, last, state, severity, owner, opened_at, lat, lon, ce90)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET last = excluded.last, state = excluded.state, severity = excluded.severity,
			owner = CASE WHEN alerts.owner = 0 OR ? THEN excluded.owner ELSE alerts.owner END,
			lat = coalesce(excluded.lat, lat), lon = coalesce(excluded.lon, lon), ce90 = coalesce(excluded.ce90, ce90)`,
		n, tr.Alert, n, string(tr.To), string(tr.Severity), owner, int64(tr.At), lat, lon, ce90,
		named || tr.Event == alerts.HandedOver && tr.By != 0)
	return err
}

func (t *tx) sighting(s *alerts.Sighting) error {
	data := s.AppendJSON(nil)
	data = append(data[:len(data)-1], `,"verified":`...)
	if s.Verified {
		data = append(data, "true}"...)
	} else {
		data = append(data, "false}"...)
	}
	added, err := t.upsert("sighting", s.ID, s.At, data,
		`SELECT e.data FROM sightings p JOIN events e ON e.n = p.last WHERE p.id = ?`,
		`UPDATE sightings SET last = ? WHERE id = ?`,
		`INSERT INTO sightings (first, last, id, alert) VALUES (?1, ?1, ?2, ?3) ON CONFLICT (id) DO NOTHING`, t.goesTo[s.ID])
	if added {
		t.placed[s.ID] = t.goesTo[s.ID]
	}
	return err
}

func (t *tx) sortie(s *Sortie) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	at := s.TookOff
	if s.Landed != 0 {
		at = s.Landed
	}
	_, err = t.upsert("sortie", s.ID, at, data,
		`SELECT e.data FROM sorties p JOIN events e ON e.n = p.last WHERE p.id = ?`,
		`UPDATE sorties SET last = ? WHERE id = ?`,
		`INSERT INTO sorties (first, last, id) VALUES (?1, ?1, ?2) ON CONFLICT (id) DO NOTHING`)
	return err
}

// upsert stores an event about something with an id, unless its newest event says the same, and says whether the id is
// new. put adds its row, given the event, the id and more, and does nothing where there is one: as a rule there is none,
// and nothing has to be asked. newest gives the newest event's data, move makes another event the newest.
func (t *tx) upsert(kind, id string, at alerts.Time, data []byte, newest, move, put string, more ...any) (added bool, err error) {
	rows, err := t.exec(put, append([]any{t.n + 1, id}, more...)...)
	if err != nil {
		return false, err
	}
	if added = rows > 0; !added {
		var was []byte
		if err := t.row(newest, id).Scan(&was); err != nil || bytes.Equal(was, data) {
			return false, err
		}
	}
	n, err := t.append(event{at: at, kind: kind, subject: id, data: data})
	if err == nil && !added {
		_, err = t.exec(move, n, id)
	}
	return added, err
}

func (t *tx) zoneEvent(z *ZoneEvent) error {
	var held bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM zone_events WHERE at = ? AND vehicle = ? AND zone = ? AND event = ?)`,
		int64(z.At), z.Vehicle, z.Zone, z.Event).Scan(&held)
	if err != nil || held {
		return err
	}
	data, err := json.Marshal(z)
	if err != nil {
		return err
	}
	n, err := t.append(event{at: z.At, kind: "zone_event", subject: z.Vehicle, data: data})
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO zone_events (n, at, vehicle, zone, event) VALUES (?, ?, ?, ?, ?)`, n, int64(z.At), z.Vehicle, z.Zone, z.Event)
	return err
}

// beside is what an event says of a transition beside its line.
type beside struct {
	Subject string   `json:"subject,omitempty"`
	Tell    []string `json:"tell,omitempty"`
	Owner   uint32   `json:"owner,omitempty"`
	Sides   []string `json:"also_sides,omitempty"` // of the zones in "also", one for each, where any has one
}

func transitionData(tr *alerts.Transition) ([]byte, error) {
	line := tr.AppendJSON(nil)
	b := beside{Subject: tr.Subject, Tell: tr.Tell, Owner: tr.Owner}
	if slices.ContainsFunc(tr.Also, func(n alerts.Near) bool { return n.Side != "" }) {
		for i := range tr.Also {
			b.Sides = append(b.Sides, tr.Also[i].Side)
		}
	}
	more, err := json.Marshal(b)
	if err != nil || string(more) == "{}" {
		return line, err
	}
	line[len(line)-1] = ','
	return append(line, more[1:]...), nil
}

func readTransition(data []byte) (tr alerts.Transition, err error) {
	var more beside
	if err := json.Unmarshal(data, &tr); err != nil {
		return tr, err
	}
	err = json.Unmarshal(data, &more)
	tr.Subject, tr.Tell, tr.Owner = more.Subject, more.Tell, more.Owner
	for i := range min(len(tr.Also), len(more.Sides)) {
		tr.Also[i].Side = more.Sides[i]
	}
	return tr, err
}
