package app

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"riverwatch/internal/watch"
	"riverwatch/replay"
)

// tilesIn is where a station keeps the terrain that its plans judge by, so that its sessions stay complete when the
// files that it was read from are replaced.
func tilesIn(dataDir string) replay.Tiles {
	return replay.Tiles{Dir: filepath.Join(dataDir, "terrain")}
}

// keepTerrain makes sure that the station's folder has what a plan judges by, and gives the digests of it.
func keepTerrain(tiles replay.Tiles, j *watch.Judge) (digests []string, err error) {
	for _, ref := range j.Plan.Terrain {
		if err := tiles.Keep(ref.SHA256, j.Terrain.Data(ref.SHA256)); err != nil {
			return nil, err
		}
		digests = append(digests, ref.SHA256)
	}
	return digests, nil
}

// tileOf finds the terrain of a session's plans: in its folder, or in that of the station whose data folder it lies in.
func tileOf(session *replay.Session) func(digest string) ([]byte, error) {
	station := tilesIn(filepath.Join(session.Dir, "..", ".."))
	return func(digest string) ([]byte, error) {
		data, err := session.Tile(digest)
		if !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
		if data, err = station.Read(digest); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("it is neither in the session's folder nor in %s; put the file with SHA-256 %s there, as %s.hgt", station.Dir, digest, digest)
		}
		return data, err
	}
}
