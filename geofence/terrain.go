package geofence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Terrain is heights of the ground: SRTM tiles, held in memory. It does not change once made and may be read by many.
type Terrain struct {
	tiles map[corner]*Tile
	refs  []TileRef
	stepM float64 // of a march: the finest spacing of the tiles
}

// TileRef names a tile that a plan judges by.
type TileRef struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // hex
}

// corner is the south-west corner of a tile in whole degrees.
type corner struct{ lat, lon int }

// Tile is one degree by one degree of heights in the format of SRTM .hgt files ("SRTM Topography", USGS 2015): rows
// from north to south and in them columns from west to east, both edges included, big-endian int16 metres above mean
// sea level, -32768 where nothing is known.
type Tile struct {
	ref  TileRef
	at   corner
	side int // samples along an edge
	data []byte
}

const (
	voidHeight   = math.MinInt16
	tileMarginDM = 100_000 // how far from zones terrain matters: as far as a ray is followed
)

// ParseTile reads a tile. Its name says where it is: N37E111.hgt has its south-west corner at 37 N 111 E. The tile
// keeps data, which must not be changed afterwards.
func ParseTile(name string, data []byte) (*Tile, error) {
	at, ok := parseTileName(name)
	if !ok {
		return nil, fmt.Errorf("terrain tile %q: the name does not say where it is; name it by its south-west corner, such as N37E111.hgt", name)
	}
	t := &Tile{at: at, data: data}
	switch len(data) {
	case 1201 * 1201 * 2:
		t.side = 1201
	case 3601 * 3601 * 2:
		t.side = 3601
	default:
		return nil, fmt.Errorf("terrain tile %s: %d bytes are neither 1201 x 1201 nor 3601 x 3601 heights; unpack it, or fetch it again", name, len(data))
	}
	sum := sha256.Sum256(data)
	t.ref = TileRef{Name: name, SHA256: hex.EncodeToString(sum[:])}
	return t, nil
}

// Ref names the tile and what is in it.
func (t *Tile) Ref() TileRef { return t.ref }

func parseTileName(name string) (at corner, ok bool) {
	if len(name) != len("N37E111.hgt") || !strings.HasSuffix(name, ".hgt") {
		return at, false
	}
	lat, okLat := digits(name[1:3])
	lon, okLon := digits(name[4:7])
	switch name[0] {
	case 'S':
		lat = -lat
	case 'N':
	default:
		return at, false
	}
	switch name[3] {
	case 'W':
		lon = -lon
	case 'E':
	default:
		return at, false
	}
	at = corner{lat, lon}
	return at, okLat && okLon && at.name() == name // one name for each place: no S00, no E180
}

func digits(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// name is the name of the tile at c, "" where there can be none.
func (c corner) name() string {
	if c.lat < -90 || c.lat > 89 || c.lon < -180 || c.lon > 179 {
		return ""
	}
	ns, ew, lat, lon := 'N', 'E', c.lat, c.lon
	if lat < 0 {
		ns, lat = 'S', -lat
	}
	if lon < 0 {
		ew, lon = 'W', -lon
	}
	return fmt.Sprintf("%c%02d%c%03d.hgt", ns, lat, ew, lon)
}

// height is the sample of row and column, counted from the north-west.
func (t *Tile) height(row, column int) int16 {
	return int16(binary.BigEndian.Uint16(t.data[2*(row*t.side+column):]))
}

// NewTerrain makes a terrain of tiles. Of two of one name the later one counts.
func NewTerrain(tiles []*Tile) *Terrain {
	t := &Terrain{tiles: make(map[corner]*Tile, len(tiles))}
	for _, tile := range tiles {
		t.tiles[tile.at] = tile
	}
	for _, tile := range tiles {
		if t.tiles[tile.at] != tile {
			continue
		}
		t.refs = append(t.refs, tile.ref)
		if step := max(10, 111_320/float64(tile.side-1)); t.stepM == 0 || step < t.stepM {
			t.stepM = step
		}
	}
	slices.SortFunc(t.refs, func(a, b TileRef) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// Refs names the tiles, in the order of their names. A nil terrain has none.
func (t *Terrain) Refs() []TileRef {
	if t == nil {
		return nil
	}
	return slices.Clone(t.refs)
}

// Data gives the bytes of the tile with this SHA-256 (hex), nil where there is none. They must not be changed.
func (t *Terrain) Data(sha256 string) []byte {
	if t != nil {
		for _, tile := range t.tiles {
			if tile.ref.SHA256 == sha256 {
				return tile.data
			}
		}
	}
	return nil
}

// HeightM is the height of the ground at p above mean sea level, bilinear between the four samples around it. ok is
// false where a tile is missing, or one of the samples.
func (t *Terrain) HeightM(p Point) (m float64, ok bool) {
	if t == nil || !onEarth(p) {
		return 0, false
	}
	lat, lon := floorDiv(p.LatE7), floorDiv(p.LonE7)
	tile := t.tiles[corner{lat, lon}]
	if tile == nil {
		return 0, false
	}
	cells := tile.side - 1
	y := (e7 - (float64(p.LatE7) - float64(lat)*e7)) / e7 * float64(cells) // rows from the northern edge
	x := (float64(p.LonE7) - float64(lon)*e7) / e7 * float64(cells)
	row, column := min(int(y), cells-1), min(int(x), cells-1)
	y, x = y-float64(row), x-float64(column)
	for _, s := range [4]struct {
		row, column int
		weight      float64
	}{{row, column, (1 - y) * (1 - x)}, {row, column + 1, (1 - y) * x}, {row + 1, column, y * (1 - x)}, {row + 1, column + 1, y * x}} {
		if s.weight == 0 {
			continue
		}
		h := tile.height(s.row, s.column)
		if h == voidHeight {
			return 0, false
		}
		m += s.weight * float64(h)
	}
	return m, true
}

// floorDiv is the whole degrees of v, rounded down.
func floorDiv(v int32) int {
	d := int(v) / e7
	if int(v)%e7 < 0 {
		d--
	}
	return d
}

// TilesFor names the tiles within 10 km of the zones, in the order of their names: the terrain that a sighting near
// them can be judged by.
func TilesFor(zones []Zone) []string {
	wanted := map[corner]bool{}
	want := func(b box) {
		if b == noBox() {
			return
		}
		b = b.grow(tileMarginDM)
		for lat := floorDiv(b.minLat); lat <= floorDiv(b.maxLat); lat++ {
			for lon := floorDiv(b.minLon); lon <= floorDiv(b.maxLon); lon++ {
				wanted[corner{lat, lon}] = true
			}
		}
	}
	for i := range zones {
		z := &zones[i]
		if z.RadiusDM > 0 {
			want(pointBox(z.Center).grow(float64(z.RadiusDM)))
		}
		for j := 1; j < len(z.Line); j++ {
			want(segmentBox(z.Line[j-1], z.Line[j]))
		}
		for _, polygon := range z.Polygons {
			b := noBox()
			for _, p := range polygon[0] {
				b = b.join(pointBox(p))
			}
			want(b)
		}
	}
	var names []string
	for c := range wanted {
		if name := c.name(); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
