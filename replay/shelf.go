package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	nameLayout = "20060102T150405.000000Z"
	newPrefix  = ".new-"  // a folder that is being built
	gonePrefix = ".gone-" // a folder that is being removed
)

// Entry is a session on the shelf.
type Entry struct {
	Name    string
	Dir     string
	Started time.Time // UTC, whole µs
}

// List returns the sessions in root, oldest first. A root that is not there has none.
func List(root string) ([]Entry, error) {
	found, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	var all []Entry
	for _, d := range found {
		started, err := time.Parse(nameLayout, d.Name())
		if err != nil || !d.IsDir() {
			continue // not ours
		}
		all = append(all, Entry{Name: d.Name(), Dir: filepath.Join(root, d.Name()), Started: started})
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// sizes gives the bytes of each session's files, of those listed by List. What several sessions share counts as the
// newest one's: the oldest go first, and it goes with the last of them.
func sizes(all []Entry) (bytes []int64, err error) {
	bytes = make([]int64, len(all))
	shared := map[inode]bool{}
	for i, e := range slices.Backward(all) {
		if bytes[i], err = sizeOf(e.Dir, shared); err != nil {
			return nil, err
		}
	}
	return bytes, nil
}

// inode is a file, whatever its names.
type inode struct{ device, number uint64 }

// sizeOf is how many bytes a folder's files have, those with several names only where they are not in shared yet.
func sizeOf(dir string, shared map[inode]bool) (bytes int64, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			id := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // the types differ between systems
			if shared[id] {
				continue
			}
			shared[id] = true
		}
		bytes += info.Size()
	}
	return bytes, nil
}

// Policy says which sessions may go.
type Policy struct {
	Keep     time.Duration    // older ones go; 0: no limit
	MaxBytes int64            // above this in all the oldest go; 0: no limit
	Now      time.Time        // what age is counted to
	Kept     func(Entry) bool // never one of these; nil: none
}

// Sweep removes the sessions that the policy does not keep, oldest first, and what a crash left of removing one. The newest session is never removed: it is, or may be, the open one. It returns the names of those removed.
func Sweep(root string, p Policy) (removed []string, err error) {
	all, err := List(root)
	if err != nil {
		return nil, err
	}
	if err := clearLeftovers(root, gonePrefix); err != nil {
		return nil, fmt.Errorf("sweep sessions: %w", err)
	}
	each, err := sizes(all)
	if err != nil {
		return nil, fmt.Errorf("sweep sessions: %w", err)
	}
	var bytes int64
	for _, n := range each {
		bytes += n
	}
	for i, e := range all {
		tooOld := p.Keep > 0 && p.Now.Sub(e.Started) > p.Keep
		tooMuch := p.MaxBytes > 0 && bytes > p.MaxBytes
		if i == len(all)-1 || !(tooOld || tooMuch) || (p.Kept != nil && p.Kept(e)) {
			continue
		}
		// By a rename first: a session that is half gone must not look like one.
		gone := filepath.Join(root, gonePrefix+e.Name)
		if err := os.Rename(e.Dir, gone); err != nil {
			return removed, fmt.Errorf("sweep sessions: %w", err)
		}
		removed = append(removed, e.Name)
		bytes -= each[i]
		if err := os.RemoveAll(gone); err != nil {
			return removed, fmt.Errorf("sweep sessions: %w", err)
		}
	}
	return removed, nil
}

// clearLeftovers removes the folders under the given prefix, which a crash left behind.
func clearLeftovers(root, prefix string) error {
	found, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, d := range found {
		name, ok := strings.CutPrefix(d.Name(), prefix)
		if _, err := time.Parse(nameLayout, name); !ok || err != nil {
			continue // not ours
		}
		if err := os.RemoveAll(filepath.Join(root, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// FreeBytes returns how much the file system that dir is on has left for this user.
func FreeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

func sessionName(at int64) string { return time.UnixMicro(at).UTC().Format(nameLayout) }
