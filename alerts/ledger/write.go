package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
)

// tx is one transaction of the one writer.
type tx struct {
	l       *Ledger
	n       int64
	chain   []byte
	lastSeq uint64
	stored  []Stored

	goesTo map[string]string // by sighting, the alert that the changes say it is in at last
	placed map[string]string // and of those that they added, the alert that they were added with
}

// write runs f in a transaction and makes it durable: all of it or nothing. It gives the events that f stored.
func (l *Ledger) write(f func(*tx) error) ([]Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.headMu.Lock()
	t := &tx{l: l, n: l.headN, chain: l.chain, lastSeq: l.lastSeq}
	l.headMu.Unlock()

	if _, err := t.exec(`BEGIN IMMEDIATE`); err != nil {
		// After a rollback that failed the old transaction is still there.
		if _, undo := t.exec(`ROLLBACK`); undo != nil {
			return nil, err
		}
		if _, err = t.exec(`BEGIN IMMEDIATE`); err != nil {
			return nil, err
		}
	}
	err := f(t)
	if err == nil {
		err = l.inPlace()
	}
	if err == nil {
		_, err = t.exec(`COMMIT`)
	}
	if err != nil {
		// SQLite has rolled back by itself after some failures; then this one only says so.
		if _, undo := t.exec(`ROLLBACK`); undo != nil {
			l.o.Log.Debug("roll back", zap.Error(undo))
		}
		return nil, err
	}
	if len(t.stored) > 0 {
		l.commits++
		l.copier.committed(l.commits)
		l.headMu.Lock()
		l.headN, l.chain, l.lastSeq = t.n, t.chain, t.lastSeq
		if !l.growing {
			l.growing = true
			time.AfterFunc(grownAfter, l.tellGrown)
		}
		l.headMu.Unlock()
	}
	return t.stored, nil
}

// grownAfter is how long readers wait for news. Those that watch are many and people; what was committed is on its way
// to a receiver meanwhile, and has the processor to itself: without the wait, fifty pages made an alert take nearly twice as
// long on two cores. What comes close together is read at once.
const grownAfter = 20 * time.Millisecond

func (l *Ledger) tellGrown() {
	l.headMu.Lock()
	defer l.headMu.Unlock()
	l.growing = false
	close(l.grown)
	l.grown = make(chan struct{})
}

// inPlace says whether what is about to be committed goes into the files that the next start will find. One that was
// removed, or whose folder was, takes writes as before, and everything in it is gone when the process ends.
func (l *Ledger) inPlace() error {
	for i, path := range [...]string{l.path, l.path + "-wal"} {
		now, err := os.Stat(path)
		if l.files[i] == nil { // the write-ahead log comes with the first write, where the file system can have one
			if l.files[i] = now; err != nil {
				continue
			}
		}
		if err != nil || !os.SameFile(now, l.files[i]) {
			return fmt.Errorf("%w: %s was removed or replaced while it was open: restart the station", ErrUnavailable, path)
		}
	}
	return nil
}

// prepare gives the statement for a query, which is compiled once per ledger.
func (t *tx) prepare(query string) (*sql.Stmt, error) {
	if s := t.l.prepared[query]; s != nil {
		return s, nil
	}
	if t.l.conn == nil {
		return nil, sql.ErrConnDone
	}
	s, err := t.l.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.l.prepared[query] = s
	}
	return s, err
}

// exec runs a statement and gives the number of rows that it changed.
func (t *tx) exec(query string, args ...any) (changed int64, err error) {
	s, err := t.prepare(query)
	if err == nil {
		var r sql.Result
		if r, err = s.Exec(args...); err == nil {
			changed, err = r.RowsAffected()
		}
	}
	return changed, unavailable(err)
}

// row is the one row of a query, to be scanned.
func (t *tx) row(query string, args ...any) rowScanner {
	s, err := t.prepare(query)
	if err != nil {
		return failedRow{err}
	}
	return openRow{s.QueryRow(args...)}
}

type rowScanner interface{ Scan(dst ...any) error }

type openRow struct{ *sql.Row }

func (r openRow) Scan(dst ...any) error { return unavailable(r.Row.Scan(dst...)) }

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return unavailable(r.err) }

// unavailable makes ErrUnavailable of every failure of the database; sql.ErrNoRows is an answer, not a failure.
func unavailable(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// append stores an event at the end of the chain and gives its number.
func (t *tx) append(e event) (int64, error) {
	var personal any
	var salt []byte
	words := ""
	if e.personal != nil {
		personal, words, salt = *e.personal, *e.personal, e.salt
		if salt == nil {
			salt = newSalt()
		}
	}
	n, digest := t.n+1, digestOf(salt, words)
	chain := link(t.chain, n, int64(e.at), e.kind, e.subject, e.data, digest)
	_, err := t.exec(`INSERT INTO events (n, at, kind, subject, data, personal, salt, digest, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n, int64(e.at), e.kind, e.subject, string(e.data), personal, salt, digest, chain)
	if err != nil {
		return 0, err
	}
	t.n, t.chain = n, chain
	t.stored = append(t.stored, Stored{N: n, At: e.at, Kind: e.kind, Subject: e.subject, Data: e.data, Personal: words})
	return n, nil
}

func newSalt() []byte {
	salt := make([]byte, 32)
	rand.Read(salt)
	return salt
}
