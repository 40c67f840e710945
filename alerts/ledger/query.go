package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"riverwatch/alerts"
)

// Filter says which part of a list is wanted.
type Filter struct {
	State string // of alerts: "" all, "active" all but closed, or a state; of other lists ""
	Limit int    // up to 1000; 0: 100
	After string // the "next" of the page before, "" for the first page
}

// The sizes of a page, and of an alert's timeline.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Alert is an alert as it is now.
type Alert struct {
	ID        string             `json:"id"`
	Station   string             `json:"station"`
	State     alerts.State       `json:"state"`
	Owner     uint32             `json:"owner"`      // a person's number, 0 for nobody
	OwnerName string             `json:"owner_name"` // "" for nobody, or erased
	OpenedAt  alerts.Time        `json:"opened_at"`
	UpdatedAt alerts.Time        `json:"updated_at"`
	Rule      string             `json:"rule"`
	Severity  alerts.Severity    `json:"severity"`
	Kind      alerts.Kind        `json:"kind"`
	Subject   string             `json:"subject"` // what a station alert is about
	Zone      string             `json:"zone"`
	ZoneKind  string             `json:"zone_kind"`
	Distance  alerts.Decimetres  `json:"distance_m"`
	Bearing   alerts.Bearing     `json:"bearing_deg"`
	Side      string             `json:"side"`
	Certainty string             `json:"certainty"`
	Verified  bool               `json:"verified"`
	Sightings int                `json:"sightings"`
	Outcome   string             `json:"outcome"`
	Lat       *alerts.Degrees    `json:"lat"` // with Lon and CE90 of the newest sighting that has a position
	Lon       *alerts.Degrees    `json:"lon"`
	CE90      *alerts.Decimetres `json:"ce90_m"`
	Sighting  *alerts.Sighting   `json:"sighting"` // that says where the alert is; null for the station's own
	N         int64              `json:"n"`        // the event of the newest transition
}

// Detail is an alert with its history.
type Detail struct {
	Alert
	Timeline []Entry           `json:"timeline"` // oldest first, the newest 1000
	Earlier  bool              `json:"earlier"`  // there is more before
	Notices  []Notice          `json:"notices"`  // as they stand, in the order of their transitions, the newest 1000
	People   map[uint32]string `json:"people"`   // names of those who did what is in Timeline
}

// Entry is one event of an alert's timeline: a transition, a notice (what became of it) or a note.
type Entry struct {
	N    int64           `json:"n"`
	At   alerts.Time     `json:"at"`
	Kind string          `json:"kind"` // "transition", "notice", "note"
	Data json.RawMessage `json:"data"` // of the event; of a note without the client's key
	Note string          `json:"note,omitempty"`
}

// Sighting is a sighting with the alert that it belongs to.
type Sighting struct {
	alerts.Sighting
	Alert string // "" for none
}

// MarshalJSON gives the sighting as in a transition, then verified and alert.
func (s Sighting) MarshalJSON() ([]byte, error) {
	more, err := json.Marshal(struct {
		Verified bool   `json:"verified"`
		Alert    string `json:"alert"`
	}{s.Verified, s.Alert})
	if err != nil {
		return nil, err
	}
	b := s.AppendJSON(nil)
	b[len(b)-1] = ','
	return append(b, more[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON gives.
func (s *Sighting) UnmarshalJSON(b []byte) error {
	var more struct {
		Verified bool   `json:"verified"`
		Alert    string `json:"alert"`
	}
	if err := json.Unmarshal(b, &s.Sighting); err != nil {
		return err
	}
	err := json.Unmarshal(b, &more)
	s.Verified, s.Alert = more.Verified, more.Alert
	return err
}

// alertStates is what a filter may name; the two special ones are handled apart.
var alertStates = map[string]bool{
	string(alerts.Open): true, string(alerts.Acknowledged): true, string(alerts.EnRoute): true,
	string(alerts.Intercepted): true, string(alerts.Closed): true,
}

const alertColumns = `SELECT a.first, a.state, a.owner, coalesce(p.name, ''), a.opened_at, a.lat, a.lon, a.ce90, e.n, e.data
	FROM alerts a JOIN events e ON e.n = a.last LEFT JOIN people p ON p.number = a.owner `

// An entry is a fact or words; a request without words is only the cause of a transition. A mark has no subject: its
// note is found by the alert that its answer named. What was refused did not happen, and the client's key is not for
// others. Both halves come in the order of their indexes, so that of a long history only its end is read.
const (
	timelineQuery = `SELECT e.n, ` + entryColumns + ` FROM events e
		WHERE e.subject = ?1 AND e.kind IN ('transition', 'notice', 'request') AND ` + entryTold + `
	UNION ALL
	SELECT q.n, ` + entryColumns + ` FROM requests q JOIN events e ON e.n = q.n
		WHERE q.alert = ?1 AND q.alert <> '' AND e.subject <> ?1 AND ` + entryTold + `
	ORDER BY 1 DESC LIMIT ?2`
	entryColumns = `e.at, e.kind, CASE e.kind WHEN 'request' THEN json_remove(e.data, '$.key') ELSE e.data END, coalesce(e.personal, '')`
	entryTold    = `e.personal IS NOT '' AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.n = e.n AND json_valid(CAST(r.reply AS TEXT))
		AND coalesce(json_extract(CASE WHEN json_valid(CAST(r.reply AS TEXT)) THEN CAST(r.reply AS TEXT) END, '$.refused'), '') <> '')`
)

// Alerts lists alerts, the newest opened first, and gives the cursor of the next page, "" at the end.
func (l *Ledger) Alerts(f Filter) ([]Alert, string, error) {
	where, args := `WHERE a.first < ?`, []any{}
	switch {
	case f.State == "active":
		where += ` AND a.state <> 'closed'`
	case alertStates[f.State]:
		where += ` AND a.state = ?`
		args = append(args, f.State)
	case f.State != "":
		return nil, "", fmt.Errorf("%w: state %.40q: give active, open, acknowledged, en_route, intercepted or closed", ErrFilter, f.State)
	}
	f.State = ""
	return page(l, f, alertColumns+where+` ORDER BY a.first DESC`, args, scanAlert)
}

// Alert gives one alert with its history, ErrNotFound where there is none with that id.
func (l *Ledger) Alert(id string) (d Detail, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("alert %q: %w", id, err)
		}
	}()
	// One transaction: the alert, its timeline and its notices are of one moment.
	r, err := l.readers.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return d, err
	}
	defer r.Rollback()
	if _, err := scanAlert(r.QueryRow(alertColumns+`WHERE a.id = ?`, id), &d.Alert); err != nil {
		return d, notFound(err)
	}
	entries, err := list(r, timelineQuery, []any{id, maxLimit + 1}, scanEntry)
	if err != nil {
		return d, err
	}
	if d.Earlier = len(entries) > maxLimit; d.Earlier {
		entries = entries[:maxLimit]
	}
	slices.Reverse(entries)
	d.Timeline = entries
	notices, err := list(r, `SELECT key, recipient, state, at, tries, reason, next FROM notices WHERE alert = ? ORDER BY n DESC LIMIT ?`,
		[]any{id, maxLimit}, scanNotice)
	if err != nil {
		return d, err
	}
	slices.Reverse(notices)
	d.Notices = notices
	d.People = map[uint32]string{}
	for i := range d.Timeline {
		var who struct {
			By uint32 `json:"by"`
		}
		if err := json.Unmarshal(d.Timeline[i].Data, &who); err != nil {
			return d, err
		}
		if _, known := d.People[who.By]; known || who.By == 0 {
			continue
		}
		var name sql.NullString
		if err := r.QueryRow(`SELECT name FROM people WHERE number = ?`, who.By).Scan(&name); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return d, err
		}
		d.People[who.By] = name.String
	}
	return d, nil
}

// OpenAlerts counts the alerts that are not closed by severity; each severity is there, at 0 too.
func (l *Ledger) OpenAlerts() (map[alerts.Severity]int, error) {
	n := map[alerts.Severity]int{alerts.Low: 0, alerts.Medium: 0, alerts.High: 0, alerts.Critical: 0}
	rows, err := l.readers.Query(`SELECT severity, count(*) FROM alerts WHERE state <> 'closed' GROUP BY severity`)
	if err != nil {
		return nil, fmt.Errorf("count open alerts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var severity alerts.Severity
		var count int
		if err := rows.Scan(&severity, &count); err != nil {
			return nil, fmt.Errorf("count open alerts: %w", err)
		}
		n[severity] = count
	}
	return n, rows.Err()
}

// OpenSince is when the oldest alert that is not closed was opened; false where there is none. Sessions from then on
// are kept.
func (l *Ledger) OpenSince() (since alerts.Time, ok bool, err error) {
	var at sql.NullInt64
	if err := l.readers.QueryRow(`SELECT min(opened_at) FROM alerts WHERE state <> 'closed'`).Scan(&at); err != nil {
		return 0, false, fmt.Errorf("oldest open alert: %w", err)
	}
	return alerts.Time(at.Int64), at.Valid, nil
}

// Sightings lists sightings, newest first.
func (l *Ledger) Sightings(f Filter) ([]Sighting, string, error) {
	return page(l, f, `SELECT s.first, e.data, s.alert FROM sightings s JOIN events e ON e.n = s.last WHERE s.first < ? ORDER BY s.first DESC`, nil,
		func(row scanner, s *Sighting) (cursor int64, err error) {
			var data []byte
			var alert string
			if err := row.Scan(&cursor, &data, &alert); err != nil {
				return 0, err
			}
			err = json.Unmarshal(data, s)
			s.Alert = alert
			return cursor, err
		})
}

// Sorties lists sorties, newest first.
func (l *Ledger) Sorties(f Filter) ([]Sortie, string, error) {
	return page(l, f, `SELECT s.first, e.data FROM sorties s JOIN events e ON e.n = s.last WHERE s.first < ? ORDER BY s.first DESC`, nil, scanJSON[Sortie])
}

// ZoneEvents lists zone events, newest first.
func (l *Ledger) ZoneEvents(f Filter) ([]ZoneEvent, string, error) {
	return page(l, f, `SELECT z.n, e.data FROM zone_events z JOIN events e ON e.n = z.n WHERE z.n < ? ORDER BY z.n DESC`, nil, scanJSON[ZoneEvent])
}

// Events gives up to limit events after n, in their order: what a stream that was cut off, or a command post, reads on
// with. A limit of 0 is 1000.
func (l *Ledger) Events(after int64, limit int) ([]Stored, error) {
	if limit <= 0 || limit > maxLimit {
		limit = maxLimit
	}
	events, err := list(l.readers, `SELECT n, at, kind, subject, data, coalesce(personal, '') FROM events WHERE n > ? ORDER BY n LIMIT ?`,
		[]any{after, limit}, func(row scanner, s *Stored) (int64, error) {
			return s.N, row.Scan(&s.N, &s.At, &s.Kind, &s.Subject, (*[]byte)(&s.Data), &s.Personal)
		})
	if err != nil {
		return nil, fmt.Errorf("events after %d: %w", after, err)
	}
	return events, nil
}

// scanner is a row; a scan function fills a value from it and gives the value's place in its list.
type scanner interface{ Scan(dst ...any) error }

type scan[T any] func(row scanner, into *T) (cursor int64, err error)

func scanAlert(row scanner, a *Alert) (cursor int64, err error) {
	var data []byte
	if err := row.Scan(&cursor, &a.State, &a.Owner, &a.OwnerName, &a.OpenedAt, &a.Lat, &a.Lon, &a.CE90, &a.N, &data); err != nil {
		return 0, err
	}
	tr, err := readTransition(data)
	a.ID, a.Station, a.UpdatedAt, a.Rule, a.Severity, a.Kind, a.Subject = tr.Alert, tr.Station, tr.At, tr.Rule, tr.Severity, tr.Kind, tr.Subject
	a.Zone, a.ZoneKind, a.Distance, a.Bearing, a.Side = tr.Zone, tr.ZoneKind, tr.Distance, tr.Bearing, tr.Side
	a.Certainty, a.Verified, a.Sightings, a.Outcome, a.Sighting = tr.Certainty, tr.Verified, tr.Sightings, tr.Outcome, tr.Sighting
	return cursor, err
}

func scanEntry(row scanner, e *Entry) (int64, error) {
	err := row.Scan(&e.N, &e.At, &e.Kind, (*[]byte)(&e.Data), &e.Note)
	if e.Kind == "request" {
		e.Kind = "note"
	}
	return e.N, err
}

func scanNotice(row scanner, n *Notice) (int64, error) {
	return 0, row.Scan(&n.Key, &n.Recipient, &n.State, &n.At, &n.Tries, &n.Reason, &n.Next)
}

func scanJSON[T any](row scanner, v *T) (cursor int64, err error) {
	var data []byte
	if err := row.Scan(&cursor, &data); err != nil {
		return 0, err
	}
	return cursor, json.Unmarshal(data, v)
}

// page reads one page of a list whose query takes the cursor first and is ordered from the newest.
func page[T any](l *Ledger, f Filter, query string, args []any, scan scan[T]) (items []T, next string, err error) {
	if f.State != "" {
		return nil, "", fmt.Errorf("%w: this list has no states", ErrFilter)
	}
	before := int64(1<<63 - 1)
	if f.After != "" {
		if before, err = strconv.ParseInt(f.After, 10, 64); err != nil || before <= 0 || f.After != strconv.FormatInt(before, 10) {
			return nil, "", fmt.Errorf("%w: after %.40q: give the next of the page before", ErrFilter, f.After)
		}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	var cursors []int64
	items, err = list(l.readers, query+` LIMIT ?`, append(append([]any{before}, args...), limit+1), func(row scanner, v *T) (int64, error) {
		cursor, err := scan(row, v)
		cursors = append(cursors, cursor)
		return cursor, err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read ledger: %w", err)
	}
	if len(items) > limit {
		items, next = items[:limit], strconv.FormatInt(cursors[limit-1], 10)
	}
	return items, next, nil
}

// list reads all rows of a query.
func list[T any](from interface {
	Query(query string, args ...any) (*sql.Rows, error)
}, query string, args []any, scan scan[T]) ([]T, error) {
	rows, err := from.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := []T{} // in JSON a list, not null
	for rows.Next() {
		items = append(items, *new(T))
		if _, err := scan(rows, &items[len(items)-1]); err != nil {
			return nil, err
		}
	}
	return items, rows.Err()
}
