package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	terrainPrefix = "terrain-" // of a tile in a session's folder, before its digest
	terrainSuffix = ".hgt"
	maxTile       = 32 << 20 // bytes; the finest have 25 MiB
)

// Tiles is the folder in which a station keeps the elevation tiles that its plans name, each once, under the SHA-256 of
// its bytes: <digest>.hgt. Sessions have them by hard link, so that a session is complete and a hundred of them cost
// one.
type Tiles struct{ Dir string }

// Keep stores a tile of this digest (hex), durably, unless it is there unharmed.
func (t Tiles) Keep(digest string, data []byte) error {
	if _, err := t.Read(digest); err == nil {
		return nil
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return fmt.Errorf("keep a terrain tile: %w", err)
	}
	if err := replaceFile(t.Dir, digest+terrainSuffix, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return fmt.Errorf("keep a terrain tile: %w", err)
	}
	return nil
}

// Read returns the tile with this digest. Where there is none the error wraps [fs.ErrNotExist].
func (t Tiles) Read(digest string) ([]byte, error) { return readTile(t.path(digest), digest) }

// Sweep removes the tiles that needed does not hold, and what a crash left of storing one. Sessions that have one of
// them keep it.
func (t Tiles) Sweep(needed map[string]bool) (removed []string, err error) {
	found, err := os.ReadDir(t.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sweep terrain tiles: %w", err)
	}
	for _, d := range found {
		digest, ok := strings.CutSuffix(d.Name(), terrainSuffix)
		leftover := strings.HasPrefix(d.Name(), ".") && strings.Contains(d.Name(), terrainSuffix+"-")
		if !leftover && !(ok && isDigest(digest) && !needed[digest]) {
			continue // in use, or not ours
		}
		if err := os.Remove(filepath.Join(t.Dir, d.Name())); err != nil {
			return removed, fmt.Errorf("sweep terrain tiles: %w", err)
		}
		if !leftover {
			removed = append(removed, digest)
		}
	}
	return removed, nil
}

func (t Tiles) path(digest string) string { return filepath.Join(t.Dir, digest+terrainSuffix) }

// Tile returns the elevation tile with this digest that the session holds. Where it holds none the error wraps
// [fs.ErrNotExist].
func (s *Session) Tile(digest string) ([]byte, error) {
	return readTile(filepath.Join(s.Dir, tileName(digest)), digest)
}

// AddTile gives the session a tile of the station's, durably; only then may a plan be added that names it. Any
// goroutine may call it.
func (r *Recorder) AddTile(tiles Tiles, digest string) error {
	err := placeTile(tiles.path(digest), r.dir, digest)
	if err == nil {
		err = syncDir(r.dir)
	}
	if err != nil {
		return fmt.Errorf("add terrain tile %s: %w", digest, err)
	}
	return nil
}

// placeTile puts a tile into a session's folder, by hard link, or as a copy where the file system has none.
func placeTile(from, dir, digest string) error {
	to := filepath.Join(dir, tileName(digest))
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	data, err := readTile(from, digest)
	if err != nil {
		return err
	}
	return replaceFile(dir, tileName(digest), func(w io.Writer) error { _, err := w.Write(data); return err })
}

// IsTile says whether a file of a session's folder is an elevation tile, of which sessions have many in common.
func IsTile(name string) bool {
	digest, ok := strings.CutPrefix(strings.TrimSuffix(name, terrainSuffix), terrainPrefix)
	return ok && isDigest(digest)
}

// readTile reads what may be anything: sessions are sent from hand to hand. What is no plain file of a tile's size may
// have no end, or keep its reader waiting.
func readTile(path, digest string) ([]byte, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("read terrain tile: %q is no SHA-256 in hex: the plan that names it was changed; restore it from a backup", digest)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read terrain tile: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxTile {
		return nil, fmt.Errorf("read terrain tile: %s is no file of up to %d MiB: restore it from a backup", path, maxTile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read terrain tile: %w", err)
	}
	if digestOfTile(data) != digest {
		return nil, fmt.Errorf("read terrain tile: %s is not the one that its name says: restore it from a backup", path)
	}
	return data, nil
}

func tileName(digest string) string { return terrainPrefix + digest + terrainSuffix }

func digestOfTile(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}
