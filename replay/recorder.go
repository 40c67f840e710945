package replay

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"

	"riverwatch/mavlink"
)

// logFile is what a Recorder needs of its file.
type logFile interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Recorder writes the log of a session. All but AddPlan is called by one goroutine.
type Recorder struct {
	dir  string
	file logFile
	size int64
	buf  []byte
	err  error // why it records no more

	opened os.FileInfo // the file as opened; nil: it is not looked after
}

// Beginning is what a session starts with, beside its manifest.
type Beginning struct {
	Start    []byte            // the state of the fold
	Plans    map[string][]byte // by the SHA-256 of their bytes, in hex
	Tiles    Tiles             // where the terrain tiles are that the plans name
	TileRefs []string          // and their digests
}

// Create begins a session in a new folder of root, named by the time at (µs). Everything that the session begins with
// is on the disk when it returns: the folder is built under another name and takes its own by a rename, so it is there
// whole or not at all. There is one creator at a time.
func Create(root string, m Manifest, at int64, b Beginning) (_ *Recorder, err error) {
	fail := func(err error) (*Recorder, error) { return nil, fmt.Errorf("create session: %w", err) }
	m.Format, m.GoArch, m.Go, m.Started = SessionFormat, runtime.GOARCH, runtime.Version(), formatTime(at)
	if m.Own.System == 0 {
		return fail(errors.New("the manifest names no own id"))
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fail(err)
	}
	dir := filepath.Join(root, sessionName(at))
	if _, err := os.Lstat(dir); err == nil {
		return fail(fmt.Errorf("%s: %w", dir, os.ErrExist))
	}
	temp := filepath.Join(root, newPrefix+sessionName(at))
	if err := clearLeftovers(root, newPrefix); err != nil {
		return fail(err)
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	for digest, plan := range b.Plans {
		if err := checkPlan(digest, plan); err != nil {
			return fail(fmt.Errorf("plan %s: %w", digest, err))
		}
		if err := writeFile(filepath.Join(temp, planName(digest)), plan); err != nil {
			return fail(err)
		}
	}
	for _, digest := range b.TileRefs {
		if err := placeTile(b.Tiles.path(digest), temp, digest); err != nil {
			return fail(err)
		}
	}
	for name, data := range map[string][]byte{startName: b.Start, manifestName: append(manifest, '\n'), logName: nil} {
		if err := writeFile(filepath.Join(temp, name), data); err != nil {
			return fail(err)
		}
	}
	if err := syncDir(temp); err != nil {
		return fail(err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return fail(err)
	}
	if err := syncDir(root); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fail(err)
	}
	opened, err := f.Stat()
	if err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	return &Recorder{dir: dir, file: f, opened: opened}, nil
}

// Record appends the batch's frames to the log, in one write. It is not durable before Sync. After an error nothing of
// the batch is in the log where the disk allows it, the recorder takes no more, and the session is to be ended: a log
// with a hole would not tell what the fold saw.
func (r *Recorder) Record(b mavlink.Batch) error {
	if r.err != nil {
		return r.err
	}
	r.buf = r.buf[:0]
	for i := range b.Frames {
		r.buf = appendRecord(r.buf, &b.Frames[i])
	}
	n, err := r.file.Write(r.buf)
	if err == nil && n < len(r.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		// What is left of the batch, when it cannot be cut off either, is the torn tail that readers expect.
		r.err = fmt.Errorf("record %s: %w", r.dir, errors.Join(err, r.file.Truncate(r.size)))
		return r.err
	}
	r.size += int64(n)
	return nil
}

// Sync returns when all that was recorded is on the disk, in a log that readers will find. After an error the recorder
// takes no more: what the disk then holds is unknown, and a later success would not tell.
func (r *Recorder) Sync() error {
	if r.err != nil {
		return r.err
	}
	if err := errors.Join(r.file.Sync(), r.inPlace()); err != nil {
		r.err = fmt.Errorf("record %s: %w", r.dir, err)
	}
	return r.err
}

// inPlace says whether the log is where it was opened. One that was removed takes writes as before, for nobody.
func (r *Recorder) inPlace() error {
	if r.opened == nil {
		return nil
	}
	now, err := os.Stat(filepath.Join(r.dir, logName))
	if err == nil && !os.SameFile(now, r.opened) {
		err = fmt.Errorf("%s was replaced while it was open", logName)
	}
	return err
}

// AddPlan stores a further plan in the session, durably; only then may frames name it. Any goroutine may call it.
func (r *Recorder) AddPlan(digest string, plan []byte) error {
	if err := checkPlan(digest, plan); err != nil {
		return fmt.Errorf("add plan %s: %w", digest, err)
	}
	if err := replaceFile(r.dir, planName(digest), func(w io.Writer) error { _, err := w.Write(plan); return err }); err != nil {
		return fmt.Errorf("add plan %s: %w", digest, err)
	}
	return nil
}

// Size is the length of the log, bytes.
func (r *Recorder) Size() int64 { return r.size }

// Dir is the session's folder.
func (r *Recorder) Dir() string { return r.dir }

// Close syncs what was recorded and lets go of the file. The recorder takes no more after it.
func (r *Recorder) Close() error {
	if errors.Is(r.err, os.ErrClosed) {
		return nil
	}
	var err error
	if r.err == nil {
		err = r.Sync()
	}
	err = errors.Join(err, r.file.Close())
	r.err = fmt.Errorf("record %s: %w", r.dir, os.ErrClosed)
	if err != nil {
		return fmt.Errorf("close session %s: %w", r.dir, err)
	}
	return nil
}

// WriteTransitions stores the transitions of a session, each a line without its newline, in place of those that it has.
// Either all are there afterwards, or what was there before.
func WriteTransitions(dir string, lines iter.Seq[[]byte]) error {
	err := replaceFile(dir, transitionsName, func(w io.Writer) error {
		for line := range lines {
			if _, err := w.Write(append(line[:len(line):len(line)], '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write transitions: %w", err)
	}
	return nil
}

// writeFile writes a new file and syncs it; the folder is the caller's to sync.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceFile puts what write gives in the place of the file: temporary file, fsync, rename, fsync of the folder.
func replaceFile(dir, name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
