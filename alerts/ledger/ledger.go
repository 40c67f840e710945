package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	_ "modernc.org/sqlite" // the "sqlite" driver

	"riverwatch/alerts"
)

// FileName is the ledger's file in the data directory; beside it stand SQLite's -wal and -shm while it is open.
const FileName = "riverwatch.db"

var (
	// ErrUnavailable: nothing was stored, because the disk is full or fails. The same call may succeed later.
	ErrUnavailable = errors.New("the ledger cannot be written")
	// ErrKeyReused: the key of a request was used before, for another request.
	ErrKeyReused = errors.New("the idempotency key was used for another request")
	// ErrNotFound: the ledger does not hold what was asked for.
	ErrNotFound = errors.New("not in the ledger")
	// ErrFilter: a list was asked for with a state or a cursor that does not exist.
	ErrFilter = errors.New("no such list")
)

// Options is what a ledger is opened with.
type Options struct {
	Dir     string           // an existing directory that no other process writes to
	Station string           // whose transitions LastSeq counts
	Now     func() time.Time // nil: time.Now
	Log     *zap.Logger      // nil: silent
}

// Ledger is an open ledger. All methods may be called at any time from any goroutine until Close.
type Ledger struct {
	o       Options
	path    string
	id      string
	writers *sql.DB // of one connection: conn
	readers *sql.DB

	mu       sync.Mutex // one writer
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	files    [2]os.FileInfo // the file and its write-ahead log as opened, see inPlace
	commits  int
	copier   *checkpointer

	headMu  sync.Mutex
	headN   int64
	chain   []byte
	lastSeq uint64
	grown   chan struct{}
	growing bool // grown is about to be closed
}

// Stored is one event as it is stored.
type Stored struct {
	N        int64           `json:"n"`
	At       alerts.Time     `json:"at"`
	Kind     string          `json:"kind"`
	Subject  string          `json:"subject"`
	Data     json.RawMessage `json:"data"`
	Personal string          `json:"-"` // a name or a note; "" where there is none or it was erased
}

// Open opens the ledger of a data directory. It makes the file where there is none and brings an older one to the
// present schema, after a copy; a newer one is refused.
func Open(o Options) (*Ledger, error) {
	return open(o, schema)
}

func open(o Options, steps []string) (_ *Ledger, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	path, err := filepath.Abs(filepath.Join(o.Dir, FileName))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open ledger %q: %w", path, err)
		}
	}()
	if err := touch(path); err != nil { // readable for its owner only: it holds people's names
		return nil, err
	}
	l := &Ledger{o: o, path: path, prepared: map[string]*sql.Stmt{}, grown: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	l.writers, err = connect(path, "rwc", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "journal_size_limit(67108864)", "wal_autocheckpoint(16000)")
	if err != nil {
		return nil, err
	}
	l.writers.SetMaxOpenConns(1)
	if l.conn, err = l.writers.Conn(context.Background()); err != nil {
		return nil, fmt.Errorf("%w: is it a riverwatch ledger? restore it from a backup", err)
	}
	from, err := migrate(l.conn, path, steps)
	if err != nil {
		return nil, err
	}
	if l.files[0], err = os.Stat(path); err != nil {
		return nil, err
	}
	copier, err := connect(path, "rw", "synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	l.copier = newCheckpointer(copier, o.Log)
	if l.readers, err = connect(path, "ro", "query_only(ON)"); err != nil {
		return nil, err
	}
	l.readers.SetMaxOpenConns(4)
	l.readers.SetMaxIdleConns(4)
	if err := l.load(); err != nil {
		return nil, err
	}
	if from != len(steps) {
		o.Log.Info("ledger has a new schema", zap.String("file", path), zap.Int("from", from), zap.Int("to", len(steps)))
	}
	return l, syncPath(o.Dir)
}

func connect(path, mode string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path) // a relative one would be taken for the URI's host
	if err != nil {
		return nil, err
	}
	// Ten seconds is far above the longest write.
	q := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String())
}

// load reads the head and writes the first event of a new ledger.
func (l *Ledger) load() error {
	ctx := context.Background()
	err := l.conn.QueryRowContext(ctx, `SELECT n, chain FROM events ORDER BY n DESC LIMIT 1`).Scan(&l.headN, &l.chain)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		l.chain = make([]byte, 32)
		l.id = randomWord()
		_, err := l.write(func(t *tx) error {
			if _, err := t.exec(`INSERT INTO meta (key, value) VALUES ('id', ?)`, l.id); err != nil {
				return err
			}
			data, err := json.Marshal(map[string]string{"id": l.id, "station": l.o.Station})
			if err != nil {
				return err
			}
			_, err = t.append(event{at: l.now(), kind: "ledger", subject: l.id, data: data})
			return err
		})
		return err
	case err != nil:
		return err
	}
	if err := l.conn.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'id'`).Scan(&l.id); err != nil {
		return err
	}
	return l.conn.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM transitions WHERE station = ?`, l.o.Station).Scan(&l.lastSeq)
}

// Close moves everything into the one file and closes it. Calls under way end first; later ones fail.
func (l *Ledger) Close() error {
	var errs []error
	if l.readers != nil {
		errs = append(errs, l.readers.Close())
	}
	if l.copier != nil {
		errs = append(errs, l.copier.close())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.prepared {
		errs = append(errs, s.Close())
	}
	clear(l.prepared)
	if l.conn != nil {
		if err := l.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if l.writers != nil {
		errs = append(errs, l.writers.Close()) // the last connection checkpoints the write-ahead log
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close ledger %q: %w", l.path, err)
	}
	return nil
}

// ID is the ledger's short name, made with its file: `<ledger>-<n>` names an event in the live stream.
func (l *Ledger) ID() string { return l.id }

// Head is the newest event's number and its chain in hex.
func (l *Ledger) Head() (n int64, chain string) {
	l.headMu.Lock()
	defer l.headMu.Unlock()
	return l.headN, hex.EncodeToString(l.chain)
}

// LastSeq is the highest seq of the station's transitions in the ledger, 0 for none.
func (l *Ledger) LastSeq() uint64 {
	l.headMu.Lock()
	defer l.headMu.Unlock()
	return l.lastSeq
}

// Grown gives a channel that is closed soon after the next event is stored (20 ms). Take it before reading Events: then
// nothing is missed between the two.
func (l *Ledger) Grown() <-chan struct{} {
	l.headMu.Lock()
	defer l.headMu.Unlock()
	return l.grown
}

// Copy writes the ledger of a data directory as it is now to a new file at path, which must not exist yet. The ledger
// may be open meanwhile, in this process or another.
func Copy(ctx context.Context, dir, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up ledger to %q: %w", path, err)
		}
	}()
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%w: give a new directory", os.ErrExist)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := connect(filepath.Join(dir, FileName), "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := copyTo(ctx, conn, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func (l *Ledger) now() alerts.Time { return alerts.Time(l.o.Now().UnixMicro()) }

// randomWord is 16 lower-case letters and digits that nobody can guess (80 bits).
func randomWord() string {
	b := make([]byte, 10)
	rand.Read(b) // never fails: the program ends if the system has no randomness
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
