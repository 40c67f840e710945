package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// planFormat is the format of a plan's JSON.
const planFormat = 2

// Plan is what the fold judges by. It holds no secrets, addresses or names of people.
type Plan struct {
	Format  int                  `json:"format"`
	Fleet   mavlink.FleetPlan    `json:"fleet"`
	Zones   []geofence.Zone      `json:"zones"`
	Sight   geofence.SightLimits `json:"sight"` // zero: the defaults
	Terrain []geofence.TileRef   `json:"terrain,omitempty"`
	Book    alerts.Plan          `json:"book"`
}

// Judge is a plan ready to judge by. It is immutable and may be shared.
type Judge struct {
	Plan    *Plan
	JSON    []byte // canonical
	Digest  string // hex SHA-256 of JSON
	Index   *geofence.Index
	Terrain *geofence.Terrain // nil: none
}

// Compile makes a plan ready: its canonical JSON, its digest, the index over its zones. The plan names the tiles of
// terrain, which may be nil.
func Compile(p Plan, terrain *geofence.Terrain) (*Judge, error) {
	p.Format, p.Sight, p.Terrain = planFormat, p.Sight.WithDefaults(), terrain.Refs()
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("compile plan: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return &Judge{
		Plan: &p, JSON: canonical, Digest: hex.EncodeToString(sum[:]), Index: geofence.NewIndex(p.Zones), Terrain: terrain,
	}, nil
}

// ErrOtherPlan says that a plan of another version was read.
var ErrOtherPlan = errors.New("a plan of another format")

// ReadPlan compiles a plan from its canonical JSON, as a session keeps it. tile gives the bytes of a terrain tile that
// the plan judges by, by the hex SHA-256 of them; it may be nil where no plan does.
func ReadPlan(canonical []byte, tile func(sha256 string) ([]byte, error)) (*Judge, error) {
	var p Plan
	var head struct { // of any version
		Format int `json:"format"`
	}
	if err := json.Unmarshal(canonical, &head); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if head.Format != planFormat {
		return nil, fmt.Errorf("read plan: %w: it has %d, this version knows %d", ErrOtherPlan, head.Format, planFormat)
	}
	if err := json.Unmarshal(canonical, &p); err != nil { // a member that it does not know is not canonical, see below
		return nil, fmt.Errorf("read plan: %w", err)
	}
	terrain, err := readTerrain(p.Terrain, tile)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	j, err := Compile(p, terrain)
	if err == nil && !bytes.Equal(j.JSON, canonical) {
		err = fmt.Errorf("read plan: %s is not its canonical form; the file was changed", j.Digest[:8])
	}
	return j, err
}

// readTerrain is the terrain of these very tiles, nil for none.
func readTerrain(refs []geofence.TileRef, tile func(sha256 string) ([]byte, error)) (*geofence.Terrain, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	if tile == nil {
		return nil, fmt.Errorf("it judges by terrain tile %s and no tiles are at hand; name their folder in terrain.dir", refs[0].Name)
	}
	tiles := make([]*geofence.Tile, len(refs))
	for i, ref := range refs {
		data, err := tile(ref.SHA256)
		if err != nil {
			return nil, fmt.Errorf("terrain tile %s: %w", ref.Name, err)
		}
		if tiles[i], err = geofence.ParseTile(ref.Name, data); err != nil {
			return nil, err
		}
		if tiles[i].Ref() != ref {
			return nil, fmt.Errorf("terrain tile %s is not the one that the plan judges by: its SHA-256 is %.8s, not %.8s; put that one back", ref.Name, tiles[i].Ref().SHA256, ref.SHA256)
		}
	}
	return geofence.NewTerrain(tiles), nil
}
