package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tile is a tile of 1201 x 1201 heights, all of them the same, and its digest.
func tile(height byte) (data []byte, digest string) {
	data = bytes.Repeat([]byte{0, height}, 1201*1201)
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

// withTerrain is a configuration with the two tiles near its zones.
func withTerrain(t *testing.T, west, east []byte) (file string) {
	t.Helper()
	file = writeConfig(t)
	dem := filepath.Join(filepath.Dir(file), "dem")
	if err := os.Mkdir(dem, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dem, "N37E111.hgt"), string(west))
	writeFile(t, filepath.Join(dem, "N37E112.hgt"), string(east))
	writeFile(t, filepath.Join(dem, "N50E008.hgt"), "far from all zones, and not read")
	writeFile(t, file, readFile(t, file)+"terrain: {dir: dem}\n")
	return file
}

// TestASessionHasTheTerrainThatJudgedIt, also after a reload with other terrain; the station keeps what its plan needs;
// and a session whose tiles have been lost says where to put them.
func TestASessionHasTheTerrainThatJudgedIt(t *testing.T) {
	west, westSum := tile(10)
	east, eastSum := tile(20)
	higher, higherSum := tile(30)
	file := withTerrain(t, west, east)
	kept := func(dir, prefix string, digest string) bool {
		_, err := os.Stat(filepath.Join(dir, prefix+digest+".hgt"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	station := filepath.Join(dataOf(file), "terrain")

	s := startStation(t, file)
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
	writeFile(t, filepath.Join(filepath.Dir(file), "dem", "N37E111.hgt"), string(higher))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	post(t, s.Addr(), "/api/v1/sightings", "", atGate5, nil)
	s.stop()
	// What it was read from may go: it is in the station's own folder, and the next life, under the same plan, begins.
	s = startStation(t, file)
	eventually(t, "the old tile to go", func() bool { return !kept(station, "", westSum) })
	s.stop()
	sessions := sessionsOf(t, file)
	for _, c := range []struct {
		session int
		digest  string
		want    bool
	}{
		{0, westSum, true}, {0, eastSum, true}, {0, higherSum, true}, {1, westSum, false}, {1, eastSum, true}, {1, higherSum, true},
	} {
		if got := kept(sessions[c.session], "terrain-", c.digest); got != c.want {
			t.Errorf("session %d has tile %.8s: %v", c.session, c.digest, got)
		}
	}
	if !kept(station, "", eastSum) || !kept(station, "", higherSum) {
		t.Error("the station has let go what its plan needs")
	}
	info, err := os.Stat(filepath.Join(sessions[0], "terrain-"+eastSum+".hgt"))
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink != 3 {
		t.Errorf("a tile of the station and two sessions has %d names", st.Nlink)
	}
	verify(t, file)

	// A backup shares them as well, and is complete.
	copied := filepath.Join(t.TempDir(), "copy")
	if err := Backup(t.Context(), file, copied, io.Discard); err != nil {
		t.Fatal(err)
	}
	info, err = os.Stat(filepath.Join(copied, "sessions", filepath.Base(sessions[0]), "terrain-"+eastSum+".hgt"))
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink != 2 {
		t.Errorf("in the copy a tile of two sessions has %d names", st.Nlink)
	}

	again := ReplayOptions{Paths: []string{sessions[1]}, Verify: true, Out: io.Discard, Err: io.Discard}
	if err := os.Remove(filepath.Join(sessions[1], "terrain-"+higherSum+".hgt")); err != nil {
		t.Fatal(err)
	}
	if err := Replay(t.Context(), again); err != nil {
		t.Errorf("with the tile in the station's folder: %v", err)
	}
	if err := os.Remove(filepath.Join(station, higherSum+".hgt")); err != nil {
		t.Fatal(err)
	}
	err = Replay(t.Context(), again)
	if want := "N37E111.hgt: it is neither in the session's folder nor in "; err == nil || !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), "put the file with SHA-256 "+higherSum+" there, as "+higherSum+".hgt") {
		t.Errorf("without the tile: %v", err)
	}
	// The station itself reads it again from where it came.
	s = startStation(t, file)
	s.stop()
	if !kept(station, "", higherSum) {
		t.Error("the tile has not come back")
	}
	verify(t, file)
}

// TestTerrainThatIsMissingDoesNotKeepTheStationFromStarting: its zones are judged without.
func TestTerrainThatIsMissingDoesNotKeepTheStationFromStarting(t *testing.T) {
	file := writeConfig(t)
	if err := os.Mkdir(filepath.Join(filepath.Dir(file), "dem"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, readFile(t, file)+"terrain: {dir: dem}\n")
	startStation(t, file).stop()
	verify(t, file)
}
