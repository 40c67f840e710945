package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// schema holds the steps from one schema number to the next: step 0 makes an empty file one of schema 1. Steps are
// never edited once released, only added.
var schema = []string{`
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE events (
	n        INTEGER PRIMARY KEY,
	at       INTEGER NOT NULL,
	kind     TEXT NOT NULL,
	subject  TEXT NOT NULL,
	data     TEXT NOT NULL,
	personal TEXT,
	salt     BLOB,
	digest   BLOB NOT NULL,
	chain    BLOB NOT NULL
);
CREATE INDEX events_of_alert ON events (subject, n) WHERE kind IN ('transition', 'notice', 'request');

-- INSERT OR REPLACE deletes without asking the trigger for deletes, so a number that is taken is refused here.
CREATE TRIGGER events_append BEFORE INSERT ON events
WHEN NEW.n IS NOT (SELECT coalesce(max(n), 0) + 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'events are numbered without gaps and never replaced'); END;
CREATE TRIGGER events_erase BEFORE UPDATE ON events
WHEN NEW.personal IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.n IS NOT OLD.n OR NEW.at IS NOT OLD.at
	OR NEW.kind IS NOT OLD.kind OR NEW.subject IS NOT OLD.subject OR NEW.data IS NOT OLD.data
	OR NEW.digest IS NOT OLD.digest OR NEW.chain IS NOT OLD.chain
BEGIN SELECT RAISE(ABORT, 'events never change, personal words can only be erased'); END;
CREATE TRIGGER events_keep BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

CREATE TABLE transitions (
	station TEXT NOT NULL,
	seq     INTEGER NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (station, seq)
) WITHOUT ROWID;

-- first and last are the events of the oldest and the newest transition; lat, lon and ce90 are those of the newest
-- sighting that has a position.
CREATE TABLE alerts (
	first     INTEGER PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE,
	last      INTEGER NOT NULL,
	state     TEXT NOT NULL,
	severity  TEXT NOT NULL,
	owner     INTEGER NOT NULL,
	opened_at INTEGER NOT NULL,
	lat       INTEGER,
	lon       INTEGER,
	ce90      INTEGER
);
CREATE INDEX alerts_by_state ON alerts (state);
CREATE INDEX alerts_active ON alerts (first) WHERE state <> 'closed';
CREATE INDEX alerts_open_since ON alerts (opened_at, severity) WHERE state <> 'closed';

CREATE TABLE sightings (
	first    INTEGER PRIMARY KEY,
	id       TEXT NOT NULL UNIQUE,
	last     INTEGER NOT NULL,
	alert    TEXT NOT NULL
);

CREATE TABLE notices (
	key       TEXT PRIMARY KEY,
	n         INTEGER NOT NULL, -- of the transition's event
	alert     TEXT NOT NULL,
	recipient TEXT NOT NULL,
	state     TEXT NOT NULL,
	at        INTEGER NOT NULL,
	tries     INTEGER NOT NULL,
	reason    TEXT NOT NULL,
	next      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX notices_queued ON notices (recipient, n) WHERE state = 'queued';
CREATE INDEX notices_of_alert ON notices (alert, n);

CREATE TABLE sorties (
	first INTEGER PRIMARY KEY,
	id    TEXT NOT NULL UNIQUE,
	last  INTEGER NOT NULL
);

CREATE TABLE zone_events (
	n       INTEGER PRIMARY KEY,
	at      INTEGER NOT NULL,
	vehicle TEXT NOT NULL,
	zone    TEXT NOT NULL,
	event   TEXT NOT NULL,
	UNIQUE (at, vehicle, zone, event)
);

CREATE TABLE people (
	number INTEGER PRIMARY KEY,
	name   TEXT UNIQUE, -- NULL once erased
	n      INTEGER NOT NULL UNIQUE
);

-- match is SHA-256 over the event's salt and the request: it tells a repeated request from a re-used key.
CREATE TABLE requests (
	number INTEGER PRIMARY KEY,
	key    TEXT NOT NULL UNIQUE,
	n      INTEGER NOT NULL UNIQUE,
	match  BLOB, -- NULL once erased
	alert  TEXT NOT NULL,
	reply  BLOB  -- NULL until answered
);
CREATE INDEX requests_of_alert ON requests (alert, n) WHERE alert <> '';
`}

// migrate brings the file at path, open on conn, to the newest schema in steps. A file that holds anything is copied
// first, to `<path>.schema-<its number>`.
func migrate(conn *sql.Conn, path string, steps []string) (from int, err error) {
	ctx := context.Background()
	var tables int
	if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return 0, fmt.Errorf("%w: is it a riverwatch ledger? restore it from a backup", err)
	}
	if tables > 0 {
		err := conn.QueryRowContext(ctx, `SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema'`).Scan(&from)
		if err != nil {
			return 0, fmt.Errorf("%w: it is a database of something else: give an empty data_dir", err)
		}
	}
	copied := path + ".schema-" + strconv.Itoa(from)
	switch {
	case from == len(steps):
		return from, nil
	case from > len(steps):
		return from, fmt.Errorf("it has schema %d, this riverwatch knows schemas up to %d: run the newer riverwatch that wrote it, "+
			"or put the copy that was made before the update (%s.schema-%d) in its place", from, len(steps), path, len(steps))
	case from > 0:
		if err := copyTo(ctx, conn, copied); err != nil {
			return from, fmt.Errorf("copy it before its schema changes: %w", err)
		}
	}
	if _, err := conn.ExecContext(ctx, `BEGIN EXCLUSIVE`); err != nil {
		return from, err
	}
	for i := from; i < len(steps) && err == nil; i++ {
		if _, err = conn.ExecContext(ctx, steps[i]); err != nil {
			err = fmt.Errorf("change its schema from %d to %d: %w", i, i+1, err)
		}
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)`, len(steps))
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		_, undo := conn.ExecContext(ctx, `ROLLBACK`)
		return from, errors.Join(err, undo)
	}
	return from, nil
}

// copyTo writes the database as it is now to a new file at path, all of it or nothing, replacing an older copy.
func copyTo(ctx context.Context, conn *sql.Conn, path string) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// SQLite takes an empty file as the target; made here, because it holds people's names.
	if err := touch(part); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `VACUUM INTO ?`, part); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := syncPath(part); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// syncPath makes what a file or a folder holds durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
