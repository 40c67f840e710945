package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"riverwatch/alerts"
)

// NoticeState is how far a notice has come. All but NoticeQueued are final.
type NoticeState string

// The states of a notice.
const (
	NoticeQueued  NoticeState = "queued"
	NoticeSent    NoticeState = "sent"
	NoticeFailed  NoticeState = "failed"
	NoticeExpired NoticeState = "expired"
)

// Notice is one message to one recipient about one transition.
type Notice struct {
	Key       string      `json:"notice"`
	Recipient string      `json:"recipient"`
	State     NoticeState `json:"state"`
	At        alerts.Time `json:"at"`            // of the state, or of the last try while queued
	Tries     int         `json:"tries"`         // so far, the successful one included
	Reason    string      `json:"reason"`        // of the last failure, "" for none
	Next      alerts.Time `json:"next,omitzero"` // of the next try, 0 for none or at once
}

// Waiting counts the queued notices by recipient.
func (l *Ledger) Waiting() (map[string]int, error) {
	rows, err := l.readers.Query(`SELECT recipient, count(*) FROM notices WHERE state = 'queued' GROUP BY recipient`)
	if err != nil {
		return nil, fmt.Errorf("count queued notices: %w", err)
	}
	defer rows.Close()
	n := map[string]int{}
	for rows.Next() {
		var recipient string
		var count int
		if err := rows.Scan(&recipient, &count); err != nil {
			return nil, fmt.Errorf("count queued notices: %w", err)
		}
		n[recipient] = count
	}
	return n, rows.Err()
}

// Queued gives up to limit transitions, oldest first, that a recipient is still to be told of.
func (l *Ledger) Queued(recipient string, limit int) ([]alerts.Transition, error) {
	queued, _, err := l.QueuedSince(recipient, 0, limit)
	return queued, err
}

// QueuedSince gives up to limit transitions that were committed after event n and that a recipient is still to be told
// of, oldest first, and the event of the last of them (n where there are none).
func (l *Ledger) QueuedSince(recipient string, n int64, limit int) (queued []alerts.Transition, last int64, err error) {
	last = n
	queued, err = list(l.readers, `SELECT q.n, e.data FROM notices q JOIN events e ON e.n = q.n
		WHERE q.state = 'queued' AND q.recipient = ? AND q.n > ? ORDER BY q.n LIMIT ?`, []any{recipient, n, limit},
		func(row scanner, tr *alerts.Transition) (_ int64, err error) {
			var data []byte
			if err := row.Scan(&last, &data); err != nil {
				return 0, err
			}
			*tr, err = readTransition(data)
			return last, err
		})
	if err != nil {
		return nil, n, fmt.Errorf("queued notices of %q: %w", recipient, err)
	}
	return queued, last, nil
}

// NoticeSent records that a queued notice was delivered. A notice that is not queued, or not known, stays as it is.
func (l *Ledger) NoticeSent(key string, at alerts.Time) error {
	return l.notice(key, func(n *Notice) { n.State, n.At, n.Tries, n.Next = NoticeSent, at, n.Tries+1, 0 })
}

// NoticeFailed records a try of a queued notice that failed, and when the next one is due; next 0 fails it for good.
func (l *Ledger) NoticeFailed(key string, at alerts.Time, reason string, next alerts.Time) error {
	return l.notice(key, func(n *Notice) {
		n.At, n.Tries, n.Reason, n.Next = at, n.Tries+1, reason, next
		if next == 0 {
			n.State = NoticeFailed
		}
	})
}

// NoticeExpired records that a queued notice will not be delivered any more, and why.
func (l *Ledger) NoticeExpired(key string, at alerts.Time, reason string) error {
	return l.notice(key, func(n *Notice) { n.State, n.At, n.Reason, n.Next = NoticeExpired, at, reason, 0 })
}

func (l *Ledger) notice(key string, change func(*Notice)) error {
	_, err := l.write(func(t *tx) error {
		n := Notice{Key: key}
		var alert string
		err := t.row(`SELECT alert, recipient, state, tries, reason FROM notices WHERE key = ?`, key).
			Scan(&alert, &n.Recipient, &n.State, &n.Tries, &n.Reason)
		if errors.Is(err, sql.ErrNoRows) || err == nil && n.State != NoticeQueued {
			return nil
		}
		if err != nil {
			return err
		}
		change(&n)
		data, err := json.Marshal(n)
		if err != nil {
			return err
		}
		if _, err := t.append(event{at: n.At, kind: "notice", subject: alert, data: data}); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE notices SET state = ?, at = ?, tries = ?, reason = ?, next = ? WHERE key = ?`,
			string(n.State), int64(n.At), n.Tries, n.Reason, int64(n.Next), key)
		return err
	})
	if err != nil {
		return fmt.Errorf("record notice %q: %w", key, err)
	}
	return nil
}
