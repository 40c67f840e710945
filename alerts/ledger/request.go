package ledger

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"riverwatch/alerts"
)

// Request is what a person asks for, to be kept before the fold hears of it.
type Request struct {
	Key     string // the client's idempotency key; "": a fresh one is made
	Kind    string // "mark", or an act
	Subject string // the alert, "" for none
	By      uint32 // a person's number, 0 unknown
	Note    string // their words; they can be erased
	Body    []byte // the request in canonical form, to tell a repeated one from a re-used key; it is not kept
	At      int64  // station time, µs; 0: now
}

// Accepted is what became of a request.
type Accepted struct {
	Number  uint32 // of the own frame that carries the request: unique in the ledger, growing
	Reply   []byte // what was replied to a request that was answered before
	Pending bool   // the request is known and not answered yet
}

// Accept stores a request durably and gives it its number. The same request under the same key is stored once: its
// number, and its reply if there is one, are given again. Another request under a known key is ErrKeyReused.
func (l *Ledger) Accept(r Request) (a Accepted, err error) {
	if r.Key == "" {
		r.Key = randomWord()
	}
	at := alerts.Time(r.At)
	if at == 0 {
		at = l.now()
	}
	_, err = l.write(func(t *tx) error {
		var match, salt []byte
		err := t.row(`SELECT r.number, r.match, r.reply, r.reply IS NULL, e.salt FROM requests r JOIN events e ON e.n = r.n WHERE r.key = ?`, r.Key).
			Scan(&a.Number, &match, &a.Reply, &a.Pending, &salt)
		switch {
		case err == nil:
			if match != nil && !bytes.Equal(match, r.match(salt)) {
				return ErrKeyReused
			}
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if err := t.row(`SELECT coalesce(max(number), 0) + 1 FROM requests`).Scan(&a.Number); err != nil {
			return err
		}
		data, err := json.Marshal(struct {
			Number uint32 `json:"number"`
			Key    string `json:"key"`
			Act    string `json:"act"`
			By     uint32 `json:"by"`
		}{a.Number, r.Key, r.Kind, r.By})
		if err != nil {
			return err
		}
		salt = newSalt()
		n, err := t.append(event{at: at, kind: "request", subject: r.Subject, data: data, personal: &r.Note, salt: salt})
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO requests (number, key, n, match, alert) VALUES (?, ?, ?, ?, ?)`,
			a.Number, r.Key, n, r.match(salt), r.Subject)
		return err
	})
	if err != nil {
		return Accepted{}, fmt.Errorf("accept request %q: %w", r.Kind, err)
	}
	return a, nil
}

func (r *Request) match(salt []byte) []byte {
	b := bytes.Clone(salt)
	for _, part := range [][]byte{[]byte(r.Kind), []byte(r.Subject), r.Body} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// Answer is what the fold made of a request.
type Answer struct {
	Number uint32
	Alert  string // the alert that it went to, "" for none
	Reply  []byte // to be given again to a repeated request
}

// answer stores the first answer to a request; a further one, or one to a request of another ledger, is nothing new.
func (t *tx) answer(a Answer) error {
	reply := a.Reply
	if reply == nil {
		reply = []byte{}
	}
	changed, err := t.exec(`UPDATE requests SET reply = ?, alert = CASE WHEN alert = '' THEN ? ELSE alert END
		WHERE number = ? AND reply IS NULL`, reply, a.Alert, a.Number)
	if err != nil || changed == 0 {
		return err
	}
	readable := json.RawMessage(a.Reply)
	if !json.Valid(readable) {
		if readable, err = json.Marshal(string(a.Reply)); err != nil {
			return err
		}
	}
	data, err := json.Marshal(struct {
		Number uint32          `json:"number"`
		Alert  string          `json:"alert"`
		Reply  json.RawMessage `json:"reply"`
	}{a.Number, a.Alert, readable})
	if err != nil {
		return err
	}
	_, err = t.append(event{at: t.l.now(), kind: "answer", subject: a.Alert, data: data})
	return err
}

// Person gives the number for a person's name, which is made at first use; 0 for no name. Spaces around the name do
// not count. Once a name was erased, the same name is a new person.
func (l *Ledger) Person(name string) (number uint32, err error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return 0, nil
	}
	_, err = l.write(func(t *tx) error {
		err := t.row(`SELECT number FROM people WHERE name = ?`, name).Scan(&number)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := t.row(`SELECT coalesce(max(number), 0) + 1 FROM people`).Scan(&number); err != nil {
			return err
		}
		subject := strconv.FormatUint(uint64(number), 10)
		n, err := t.append(event{at: l.now(), kind: "person", subject: subject, data: []byte(`{"number":` + subject + `}`), personal: &name})
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO people (number, name, n) VALUES (?, ?, ?)`, number, name, n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("number a person: %w", err)
	}
	return number, nil
}

// PersonName is the name behind a person's number; "" for nobody, an unknown number and an erased name.
func (l *Ledger) PersonName(number uint32) (string, error) {
	var name sql.NullString
	err := l.readers.QueryRow(`SELECT name FROM people WHERE number = ?`, number).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("name of person %d: %w", number, err)
	}
	return name.String, nil
}
