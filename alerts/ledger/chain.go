package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"riverwatch/alerts"
)

// BrokenError says where the chain of events does not hold any more.
type BrokenError struct {
	N    int64 // the first event that is not what was written
	What string
}

// Error names the event and what to do.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("the ledger is broken at event %d: %s: what stands before it can be trusted; "+
		"keep the file as evidence and restore a backup", e.N, e.What)
}

// link gives chain(n), see the package comment.
func link(prev []byte, n, at int64, kind, subject string, data, digest []byte) []byte {
	b := make([]byte, 0, 160+len(kind)+len(subject))
	b = append(b, prev...)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(kind))), kind...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(subject))), subject...)
	of := sha256.Sum256(data)
	b = append(append(b, of[:]...), digest...)
	sum := sha256.Sum256(b)
	return sum[:]
}

// digestOf gives the digest of personal words.
func digestOf(salt []byte, personal string) []byte {
	sum := sha256.Sum256(append(bytes.Clone(salt), personal...))
	return sum[:]
}

// Verify walks all events and gives a *BrokenError for the first that was changed, removed, added or moved since it
// was written. It reads beside the writer: what is stored meanwhile may or may not be walked.
func (l *Ledger) Verify(ctx context.Context) error {
	headN, head := l.Head()
	rows, err := l.readers.QueryContext(ctx, `SELECT n, at, kind, subject, data, personal, salt, digest, chain FROM events ORDER BY n`)
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	defer rows.Close()
	prev, want := make([]byte, sha256.Size), int64(1)
	for ; rows.Next(); want++ {
		var n, at int64
		var kind, subject string
		var data, personal, salt, digest, chain []byte
		if err := rows.Scan(&n, &at, &kind, &subject, &data, &personal, &salt, &digest, &chain); err != nil {
			return fmt.Errorf("verify ledger: %w", err)
		}
		switch {
		case n != want:
			return &BrokenError{N: want, What: "it is missing"}
		case !bytes.Equal(chain, link(prev, n, at, kind, subject, data, digest)):
			return &BrokenError{N: n, What: "its content does not match the chain"}
		case (personal == nil) != (salt == nil) || personal != nil && !bytes.Equal(digest, digestOf(salt, string(personal))):
			return &BrokenError{N: n, What: "its personal words do not match their digest"}
		case n == headN && hex.EncodeToString(chain) != head:
			return &BrokenError{N: n, What: "the ledger was rewritten while it was open"}
		}
		prev = chain
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	if want <= headN {
		return &BrokenError{N: want, What: "it is missing"}
	}
	return nil
}

// ChainAt gives chain(n) in hex, ErrNotFound where the ledger has no such event: a head that was noted elsewhere (in a
// session's manifest) and is not found, or differs, shows a cut or rewritten ledger.
func (l *Ledger) ChainAt(n int64) (string, error) {
	var chain []byte
	if err := l.readers.QueryRow(`SELECT chain FROM events WHERE n = ?`, n).Scan(&chain); err != nil {
		return "", fmt.Errorf("chain of event %d: %w", n, notFound(err))
	}
	return hex.EncodeToString(chain), nil
}

// Erase removes the personal words of event n (a person's name, the note of a request) from the ledger's file for
// good, and says so in an event of its own. The chain stays verifiable. Erasing again is fine; an event without
// personal words is ErrNotFound. Copies and backups made before still have the words.
func (l *Ledger) Erase(n int64) error {
	_, err := l.write(func(t *tx) error {
		var erased bool
		err := t.row(`SELECT personal IS NULL FROM events WHERE n = ? AND kind IN ('person', 'request')`, n).Scan(&erased)
		if err != nil {
			return notFound(err)
		}
		if erased {
			return nil
		}
		if _, err := t.exec(`UPDATE events SET personal = NULL, salt = NULL WHERE n = ?`, n); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE people SET name = NULL WHERE n = ?`, n); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE requests SET match = NULL WHERE n = ?`, n); err != nil {
			return err
		}
		number := strconv.FormatInt(n, 10)
		_, err = t.append(event{at: l.now(), kind: "erased", subject: number, data: []byte(`{"n":` + number + `}`)})
		return err
	})
	if err != nil {
		return fmt.Errorf("erase personal words of event %d: %w", n, err)
	}
	// secure_delete has overwritten the words in the pages; this removes the pages that the write-ahead log still has.
	l.copier.one.Lock()
	defer l.copier.one.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	var busy, logged, moved int
	if err := l.conn.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &moved); err != nil {
		return fmt.Errorf("erase personal words of event %d: %w: %w", n, ErrUnavailable, err)
	}
	if busy != 0 {
		return fmt.Errorf("erase personal words of event %d: %w: a reader still holds the old state: erase it again", n, ErrUnavailable)
	}
	return nil
}

// event is an event about to be stored.
type event struct {
	at       alerts.Time
	kind     string
	subject  string
	data     []byte
	personal *string // nil: none
	salt     []byte  // 32 random bytes where personal is not nil
}
