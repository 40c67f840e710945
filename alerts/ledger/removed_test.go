package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that was removed can still be written, and everything in it is gone with the process: what is accepted then
// would be lost.
func TestNothingIsAcceptedOnceTheFileWasRemovedOrReplaced(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"the folder is removed": os.RemoveAll,
		"the file is removed":   func(dir string) error { return os.Remove(filepath.Join(dir, FileName)) },
		"its write-ahead log is removed": func(dir string) error {
			return os.Remove(filepath.Join(dir, FileName+"-wal"))
		},
		"another file takes its place": func(dir string) error {
			path := filepath.Join(dir, FileName)
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			l, err := Open(Options{Dir: dir, Station: "yanwu"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if _, err := l.Accept(Request{Key: "before", Kind: "mark"}); err != nil {
				t.Fatal(err)
			}
			if err := spoil(dir); err != nil {
				t.Skipf("this system does not let an open file go: %v", err)
			}
			n, _ := l.Head()
			_, err = l.Accept(Request{Key: "after", Kind: "mark"})
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), FileName) || !strings.Contains(err.Error(), "restart") {
				t.Errorf("a request was accepted into a file that is gone, or refused without file and remedy: %v", err)
			}
			if _, err := l.Commit(&Changes{Sorties: []Sortie{{ID: "s", Vehicle: "egret-1", TookOff: start}}}); !errors.Is(err, ErrUnavailable) {
				t.Errorf("changes were committed into a file that is gone: %v", err)
			}
			if now, _ := l.Head(); now != n {
				t.Errorf("the head moved from %d to %d", n, now)
			}
		})
	}
}

func TestACursorThatNoPageGaveIsRefused(t *testing.T) {
	l := openIn(t, t.TempDir())
	for _, after := range []string{"0", "-1", "+5", "05", " 5", "9223372036854775808", strings.Repeat("9", 20_000)} {
		_, _, err := l.Sightings(Filter{After: after})
		if !errors.Is(err, ErrFilter) {
			t.Errorf("after %.20q gave %v", after, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("the refusal repeats all %d bytes of the cursor", len(after))
		}
	}
}
