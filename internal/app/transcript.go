package app

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"riverwatch/alerts"
)

// transcript is the file of a session's transitions while the session is open. Only a whole one gets its name: after a
// crash the next start writes it from the log.
type transcript struct {
	dir string
	f   *os.File
	w   *bufio.Writer
	buf []byte
}

const transcriptName = "transitions.jsonl"

func newTranscript(dir string) (*transcript, error) {
	f, err := os.OpenFile(filepath.Join(dir, transcriptName+".part"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin the session's transitions: %w", err)
	}
	return &transcript{dir: dir, f: f, w: bufio.NewWriter(f)}, nil
}

func (t *transcript) write(ts []alerts.Transition) error {
	for i := range ts {
		t.buf = append(ts[i].AppendJSON(t.buf[:0]), '\n')
		if _, err := t.w.Write(t.buf); err != nil {
			return fmt.Errorf("write the session's transitions: %w", err)
		}
	}
	return nil
}

// abandon removes the file.
func (t *transcript) abandon() {
	if t == nil {
		return
	}
	_ = t.f.Close()
	_ = os.Remove(t.f.Name())
}

// close gives the file its name.
func (t *transcript) close() error {
	if t == nil {
		return nil
	}
	err := errors.Join(t.w.Flush(), t.f.Sync(), t.f.Close())
	if err == nil {
		err = os.Rename(t.f.Name(), filepath.Join(t.dir, transcriptName))
	}
	if err != nil {
		return fmt.Errorf("keep the session's transitions: %w", err)
	}
	return nil
}
