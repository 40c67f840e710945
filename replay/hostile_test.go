package replay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestATileThatIsNoFileHoldsNobodyUp: a session folder may come from anyone.
func TestATileThatIsNoFileHoldsNobodyUp(t *testing.T) {
	tiles := Tiles{t.TempDir()}
	hill := keep(t, tiles, "hill")
	path := tiles.path(hill)
	for name, put := range map[string]func() error{
		"a folder": func() error { return os.Mkdir(path, 0o700) },
		"a pipe":   func() error { return syscall.Mkfifo(path, 0o600) },
		"a device": func() error { return os.Symlink("/dev/zero", path) },
		"10 GiB of nothing": func() error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 10<<30))
		},
	} {
		if err := errors.Join(os.Remove(path), put()); err != nil {
			t.Fatal(err)
		}
		if _, err := tiles.Read(hill); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tiles.Read("../../" + hill); err == nil || !strings.Contains(err.Error(), "no SHA-256") {
		t.Errorf("a path for a digest: %v", err)
	}
}

// TestAFileOfASessionThatIsNoneHoldsNobodyUp, whichever it is.
func TestAFileOfASessionThatIsNoneHoldsNobodyUp(t *testing.T) {
	for _, name := range []string{manifestName, startName, logName, planName(digestOf([]byte(`{"zones":[]}`))), transitionsName} {
		dir := recordSession(t, t.TempDir(), t0, heartbeats(1, 4, t0, 1000))
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenSession(dir)
		if err == nil {
			_, err = s.Frames()
		}
		if err == nil {
			_, err = s.Transitions()
		}
		if err == nil || !strings.Contains(err.Error(), name+" is not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
