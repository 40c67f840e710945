package replay

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func keep(t *testing.T, tiles Tiles, data string) (digest string) {
	t.Helper()
	digest = digestOfTile([]byte(data))
	if err := tiles.Keep(digest, []byte(data)); err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestASessionKeepsItsTilesWhenTheStationLetsThemGo(t *testing.T) {
	dir := t.TempDir()
	tiles, root := Tiles{filepath.Join(dir, "terrain")}, filepath.Join(dir, "sessions")
	hill, plain := keep(t, tiles, "hill"), keep(t, tiles, "plain")
	keep(t, tiles, "hill") // once more
	r, err := Create(root, testManifest, t0, Beginning{Tiles: tiles, TileRefs: []string{hill}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a plan that comes again brings its tiles again
		if err := r.AddTile(tiles, plain); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	writeBytes(t, filepath.Join(tiles.Dir, ".0123"+terrainSuffix+"-123"), []byte("half"))
	writeBytes(t, filepath.Join(tiles.Dir, "N37E111.hgt"), []byte("somebody's"))
	removed, err := tiles.Sweep(map[string]bool{plain: true})
	if err != nil || !slices.Equal(removed, []string{hill}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	left, err := filepath.Glob(filepath.Join(tiles.Dir, "*"))
	if err != nil || len(left) != 2 || !strings.Contains(left[1], "N37E111") && !strings.Contains(left[0], "N37E111") {
		t.Errorf("left %v, %v", left, err)
	}
	if _, err := tiles.Read(hill); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the tile that went reads %v", err)
	}
	s := openSession(t, r.Dir())
	for digest, want := range map[string]string{hill: "hill", plain: "plain"} {
		if got, err := s.Tile(digest); err != nil || string(got) != want {
			t.Errorf("the session has %q, %v; want %q", got, err, want)
		}
	}
	if _, err := s.Tile(digestOfTile([]byte("sea"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tile that was never there: %v", err)
	}
	if removed, err := (Tiles{filepath.Join(dir, "none")}).Sweep(nil); len(removed) > 0 || err != nil {
		t.Errorf("no folder: %v, %v", removed, err)
	}
}

func TestATileThatWasChangedIsRefused(t *testing.T) {
	tiles := Tiles{t.TempDir()}
	hill := keep(t, tiles, "hill")
	r, err := Create(t.TempDir(), testManifest, t0, Beginning{Tiles: tiles, TileRefs: []string{hill}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	writeBytes(t, tiles.path(hill), []byte("dale"))
	for name, read := range map[string]func(string) ([]byte, error){"station": tiles.Read, "session": openSession(t, r.Dir()).Tile} {
		if data, err := read(hill); err == nil || !strings.Contains(err.Error(), "not the one that its name says") {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

// TestASessionWithoutItsTilesDoesNotBegin: it could not be judged again.
func TestASessionWithoutItsTilesDoesNotBegin(t *testing.T) {
	root := t.TempDir()
	_, err := Create(root, testManifest, t0, Beginning{Tiles: Tiles{t.TempDir()}, TileRefs: []string{digestOfTile(nil)}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if all, err := os.ReadDir(root); err != nil || len(all) > 0 {
		t.Errorf("left behind: %v, %v", all, err)
	}
}

// TestTilesThatSessionsShareAreCountedOnce, with the newest: removing an older one frees nothing of them.
func TestTilesThatSessionsShareAreCountedOnce(t *testing.T) {
	dir := t.TempDir()
	tiles, root := Tiles{filepath.Join(dir, "terrain")}, filepath.Join(dir, "sessions")
	size := int64(100_000)
	hill := keep(t, tiles, string(bytes.Repeat([]byte{1}, int(size))))
	const hour = 3600 * secondUS
	for i := range int64(4) {
		refs := []string{hill}
		if i == 3 {
			refs = nil // the newest needs none
		}
		r, err := Create(root, testManifest, t0+i*hour, Beginning{Tiles: tiles, TileRefs: refs})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	look := func() (with []int, bytes []int64) {
		all, err := List(root)
		if err != nil {
			t.Fatal(err)
		}
		if bytes, err = sizes(all); err != nil {
			t.Fatal(err)
		}
		for i, n := range bytes {
			if n >= size {
				with = append(with, i)
			}
		}
		return with, bytes
	}
	if with, _ := look(); !slices.Equal(with, []int{2}) {
		t.Errorf("the tile is counted with sessions %v of four, want the third alone", with)
	}
	if _, err := tiles.Sweep(nil); err != nil {
		t.Fatal(err)
	}
	with, each := look()
	if !slices.Equal(with, []int{2}) {
		t.Errorf("without the station's own the tile is counted with sessions %v, want the third alone", with)
	}
	// Room for one tile: the three that share it may stay.
	removed, err := Sweep(root, Policy{Now: time.UnixMicro(t0), MaxBytes: size + 4*each[3]})
	if err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if removed, err = Sweep(root, Policy{Now: time.UnixMicro(t0), MaxBytes: size}); err != nil || len(removed) != 3 {
		t.Errorf("with no room for it removed %v, %v; want the three that have it", removed, err)
	}
}

// TestWhereFilesHaveOneNameATileIsCopied: no link can be made across file systems, or onto what is no file.
func TestWhereFilesHaveOneNameATileIsCopied(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "tiles-") //nolint:usetesting // another file system than t.TempDir's
	if err != nil {
		t.Skipf("skipped: there is no second file system here: %v", err)
	}
	defer os.RemoveAll(other)
	tiles := Tiles{other}
	hill := keep(t, tiles, "hill")
	dir := t.TempDir()
	if err := os.Link(tiles.path(hill), filepath.Join(dir, "try")); err == nil {
		t.Skip("skipped: there is no second file system here")
	}
	if err := placeTile(tiles.path(hill), dir, hill); err != nil {
		t.Fatal(err)
	}
	if data, err := readTile(filepath.Join(dir, tileName(hill)), hill); err != nil || string(data) != "hill" {
		t.Errorf("the copy: %q, %v", data, err)
	}
}

// TestAHarmedTileOfTheStationIsKeptAnew: else every session from then on would be without it.
func TestAHarmedTileOfTheStationIsKeptAnew(t *testing.T) {
	tiles := Tiles{t.TempDir()}
	hill := keep(t, tiles, "hill")
	writeBytes(t, tiles.path(hill), []byte("dale"))
	keep(t, tiles, "hill")
	if data, err := tiles.Read(hill); err != nil || string(data) != "hill" {
		t.Errorf("%q, %v", data, err)
	}
}
