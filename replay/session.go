package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"riverwatch/mavlink"
)

// SessionFormat is the format of session folders that this version writes, and the newest that it reads. In format 1
// nobody had looked at signatures, and each origin note named link and address.
const SessionFormat = 2

const (
	manifestName    = "manifest.json"
	startName       = "start.json"
	logName         = "flight.tlog"
	transitionsName = "transitions.jsonl"
	planPrefix      = "plan-"
	planSuffix      = ".json"

	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// Manifest says what a session is, by whom it was recorded and what came before it.
type Manifest struct {
	Format    int           `json:"format"`  // set by Create
	Program   string        `json:"program"` // version of riverwatch
	GoArch    string        `json:"goarch"`  // set by Create; replay is bit-identical on the same one
	Go        string        `json:"go"`      // set by Create
	Station   string        `json:"station"`
	Timezone  string        `json:"timezone"` // IANA name; of the times that people read
	Own       mavlink.OwnID `json:"own"`
	Previous  string        `json:"previous"`   // name of the session before, "" for the first
	ChainHead string        `json:"chain_head"` // of the audit chain when the session began: shows a cut tail
	LedgerN   uint64        `json:"ledger_n"`   // the event that ChainHead belongs to
	Started   string        `json:"started"`    // set by Create: UTC, as in the folder's name but with - and :
}

// Verified says whether the station verified signatures before it recorded: then what is signed in the log is its
// vehicle's own word, or nobody looks at the signatures of that vehicle.
func (m *Manifest) Verified() bool { return m.Format >= 2 }

// Session is a recorded session, its log excepted: that is read with Frames.
type Session struct {
	Dir            string
	Manifest       Manifest
	Start          []byte            // start.json
	Plans          map[string][]byte // by digest
	HasTransitions bool
}

// errNoSession: the path is no session folder at all.
var errNoSession = errors.New("not a session folder")

// OpenSession reads a session folder. Its plans are checked against their digests, so what it returns is what judged.
func OpenSession(dir string) (*Session, error) {
	m, err := readManifest(dir)
	if errors.Is(err, errNoSession) {
		return nil, fmt.Errorf("open session %s: no %s in it: give a folder of sessions/, such as sessions/20261123T075000.123456Z", dir, manifestName)
	}
	if err != nil {
		return nil, err
	}
	s := &Session{Dir: dir, Manifest: m, Plans: make(map[string][]byte)}
	if s.Start, err = readPlain(filepath.Join(dir, startName)); err != nil {
		return nil, fmt.Errorf("open session: %w: without its start state it cannot be replayed as it was; replay its log with --config", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	for _, e := range entries {
		digest, ok := planDigest(e.Name())
		if !ok {
			if e.Name() == transitionsName {
				s.HasTransitions = true
			}
			continue
		}
		plan, err := readPlain(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("open session: %w", err)
		}
		if err := checkPlan(digest, plan); err != nil {
			return nil, fmt.Errorf("open session: %s: %w: restore it from a backup", filepath.Join(dir, e.Name()), err)
		}
		s.Plans[digest] = plan
	}
	return s, nil
}

// readManifest reads and checks the manifest of a session folder; errNoSession where there is none.
func readManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, manifestName)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return Manifest{}, errNoSession
	}
	data, err := readPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, errNoSession
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("open session: %w", err)
	}
	// The format is told first: the rest of a newer manifest may have another shape.
	var head struct {
		Format int `json:"format"`
	}
	var m Manifest
	if err := json.Unmarshal(data, &head); err != nil {
		return Manifest{}, fmt.Errorf("open session: %s is damaged: %w: restore it from a backup, or replay %s with --config", path, err, logName)
	}
	if head.Format > SessionFormat {
		return Manifest{}, fmt.Errorf("open session: %s has format %d, this version reads up to %d: use the version of riverwatch that recorded it or a newer one",
			path, head.Format, SessionFormat)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("open session: %s is damaged: %w: restore it from a backup, or replay %s with --config", path, err, logName)
	}
	if m.Format < 1 || m.Own.System == 0 {
		return Manifest{}, fmt.Errorf("open session: %s names no format or no own id: restore it from a backup, or replay %s with --config", path, logName)
	}
	return m, nil
}

// Frames reads the session's frames as they were: exact stamps, the station's own frames marked with
// [mavlink.OriginOwn], nothing added. It ends after the last whole record; Stats then tells the bytes of a torn tail.
func (s *Session) Frames() (*Reader, error) {
	return newReader([]string{s.Dir}, readerMode{})
}

// Transitions returns the recorded transitions, one line each, without the newline. A session that has none yet (it was
// not ended, nor recovered) gives an error that wraps [fs.ErrNotExist].
func (s *Session) Transitions() ([][]byte, error) {
	data, err := readPlain(filepath.Join(s.Dir, transitionsName))
	if err != nil {
		return nil, fmt.Errorf("transitions: %w", err)
	}
	if len(data) == 0 {
		return nil, nil
	}
	if data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("transitions: %s ends within a line: restore it from a backup", filepath.Join(s.Dir, transitionsName))
	}
	return bytes.Split(data[:len(data)-1], []byte{'\n'}), nil
}

// RepairTail cuts a session's log after its last whole record, on the disk, and returns how many bytes went. It is for
// the session that a station was recording when it stopped.
func RepairTail(dir string) (cut int64, err error) {
	if _, err := readManifest(dir); err != nil {
		return 0, fmt.Errorf("repair %s: %w", dir, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, logName), os.O_RDWR, 0)
	if err != nil {
		return 0, fmt.Errorf("repair: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	scan := newScanner(file, new(pool))
	var f mavlink.Frame
	for {
		if _, err = scan.next(&f); err != nil {
			break
		}
	}
	if err != io.EOF {
		return 0, fmt.Errorf("repair %s: %w", dir, err)
	}
	cut = int64(scan.stats.TrailingBytes)
	if cut == 0 {
		return 0, nil
	}
	if err := file.Truncate(scan.readSum - cut); err != nil {
		return 0, fmt.Errorf("repair: %w", err)
	}
	if err := file.Sync(); err != nil {
		return 0, fmt.Errorf("repair: %w", err)
	}
	return cut, nil
}

// readPlain reads a file of a session, which may have come from anyone: what is no plain file may have no end, or keep
// its reader waiting.
func readPlain(path string) ([]byte, error) {
	if err := plain(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func plain(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: restore it from a backup", path)
	}
	return err
}

func planName(digest string) string { return planPrefix + digest + planSuffix }

func planDigest(name string) (digest string, ok bool) {
	digest, ok = strings.CutPrefix(name, planPrefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(digest, planSuffix)
}

func checkPlan(digest string, plan []byte) error {
	if sum := sha256.Sum256(plan); hex.EncodeToString(sum[:]) != digest {
		return errors.New("the plan is not the one that its name says")
	}
	return nil
}

func formatTime(at int64) string { return time.UnixMicro(at).UTC().Format(timeLayout) }
