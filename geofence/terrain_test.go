package geofence

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// tileOf is a tile of 1201 x 1201 samples whose heights are those of f at degrees.
func tileOf(t testing.TB, name string, f func(lat, lon float64) float64) *Tile {
	t.Helper()
	const side = 1201
	at, ok := parseTileName(name)
	if !ok {
		t.Fatalf("%s is no name", name)
	}
	data := make([]byte, side*side*2)
	for row := range side {
		for column := range side {
			h := f(float64(at.lat+1)-float64(row)/(side-1), float64(at.lon)+float64(column)/(side-1))
			binary.BigEndian.PutUint16(data[2*(row*side+column):], uint16(int16(math.Round(h))))
		}
	}
	tile, err := ParseTile(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return tile
}

func TestATileIsReadWhereItsNameSays(t *testing.T) {
	for _, test := range []struct {
		name     string
		lat, lon float64
	}{{"N37E111.hgt", 37.25, 111.75}, {"S01W072.hgt", -0.3, -71.9}, {"N00E000.hgt", 0.5, 0.5}, {"S90W180.hgt", -89.5, -179.5}} {
		// 1,000 m in the south-west corner, 1 m more each 3" east, 2 m more each 3" north: bilinear is exact
		at, _ := parseTileName(test.name)
		terrain := NewTerrain([]*Tile{tileOf(t, test.name, func(lat, lon float64) float64 {
			return 1000 + 1200*(lon-float64(at.lon)) + 2400*(lat-float64(at.lat))
		})})
		p := Point{int32(math.Round(test.lat * e7)), int32(math.Round(test.lon * e7))}
		want := 1000 + 1200*(test.lon-float64(at.lon)) + 2400*(test.lat-float64(at.lat))
		if got, ok := terrain.HeightM(p); !ok || math.Abs(got-want) > 1e-3 {
			t.Errorf("%s: %v %v, want %v", test.name, got, ok, want)
		}
		for _, off := range []Point{{p.LatE7 + e7, p.LonE7}, {p.LatE7 - e7, p.LonE7}, {p.LatE7, p.LonE7 + e7}, {math.MaxInt32, 0}} {
			if got, ok := terrain.HeightM(off); ok {
				t.Errorf("%s knows %v: %v", test.name, off, got)
			}
		}
	}
}

func TestAVoidIsNotAHeight(t *testing.T) {
	const void = -32768
	terrain := NewTerrain([]*Tile{tileOf(t, "N37E111.hgt", func(lat, lon float64) float64 {
		if math.Abs(lat-37.5) < 1e-6 && math.Abs(lon-111.5) < 1e-6 {
			return void
		}
		return 700
	})})
	const sample = 8333
	for _, test := range []struct {
		dlat, dlon int32
		known      bool
	}{{0, 0, false}, {sample / 2, 0, false}, {-sample / 2, sample / 2, false}, {sample + 1, 0, true}, {0, -sample - 9, true}} {
		h, ok := terrain.HeightM(Point{37.5*e7 + test.dlat, 111.5*e7 + test.dlon})
		if ok != test.known || ok && math.Abs(h-700) > 1e-9 {
			t.Errorf("%+v: %v %v", test, h, ok)
		}
	}
	s := Sight{From: offsetM(Point{37.5 * e7, 111.5 * e7}, -300, 0), East: math.Sqrt2 / 2, Down: math.Sqrt2 / 2}
	if _, _, ok := terrain.Meet(&s, 900); !ok {
		t.Error("the ground before the void is not met")
	}
	if p, _, ok := terrain.Meet(&s, 1100); ok {
		t.Errorf("the void is met at %v", p)
	}
}

func TestWhatIsNoTileIsRefusedWithARemedy(t *testing.T) {
	good := make([]byte, 1201*1201*2)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"N37E111.hgt", good[:len(good)-1], "neither 1201 x 1201 nor 3601 x 3601"},
		{"N37E111.hgt", nil, "0 bytes"},
		{"n37e111.hgt", good, "south-west corner"},
		{"N37E111.hgt.zip", good, "south-west corner"},
		{"N37E1111.hgt", good, "south-west corner"},
		{"N90E111.hgt", good, "south-west corner"},
		{"S00E111.hgt", good, "south-west corner"},
		{"N37E180.hgt", good, "south-west corner"},
		{"N37W000.hgt", good, "south-west corner"},
		{"X37E111.hgt", good, "south-west corner"},
		{"N37X111.hgt", good, "south-west corner"},
		{"N+7E111.hgt", good, "south-west corner"},
		{"", good, "south-west corner"},
	} {
		tile, err := ParseTile(test.name, test.data)
		if err == nil || tile != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q, %d bytes: %v, want %q", test.name, len(test.data), err, test.want)
		}
	}
	tile, err := ParseTile("N37E111.hgt", good)
	if err != nil {
		t.Fatal(err)
	}
	if ref := tile.Ref(); ref.Name != "N37E111.hgt" || len(ref.SHA256) != 64 {
		t.Error(ref)
	}
}

func TestTerrainNamesItsTilesInTheirOrder(t *testing.T) {
	flat := func(h float64) func(lat, lon float64) float64 { return func(_, _ float64) float64 { return h } }
	terrain := NewTerrain([]*Tile{tileOf(t, "N38E111.hgt", flat(1)), tileOf(t, "N37E111.hgt", flat(2)), tileOf(t, "N37E111.hgt", flat(3))})
	refs := terrain.Refs()
	if len(refs) != 2 || refs[0].Name != "N37E111.hgt" || refs[1].Name != "N38E111.hgt" || refs[0].SHA256 == refs[1].SHA256 {
		t.Error(refs)
	}
	if h, _ := terrain.HeightM(Point{37.5 * e7, 111.5 * e7}); h != 3 {
		t.Errorf("of two of one name the first counts: %v", h)
	}
	if h, _ := terrain.HeightM(Point{38 * e7, 111.5 * e7}); h != 1 {
		t.Errorf("the edge is the northern tile's: %v", h)
	}
	var none *Terrain
	if none.Refs() != nil {
		t.Error("no terrain has tiles")
	}
}

// camera  o
//
//	     \            ground rises to the north by 1 m in 9.26 (10 m each 3")
//	        \      __/
//	__________\_/--
func TestASightMeetsASlopeWhereGeometrySays(t *testing.T) {
	const perDegree = 12_000.0
	terrain := NewTerrain([]*Tile{tileOf(t, "N37E111.hgt", func(lat, _ float64) float64 { return 500 + perDegree*(lat-37) })})
	from := Point{37.2 * e7, 111.5 * e7}
	f := newFrame(from)
	slope := perDegree / (f.ky * e7 / 10) // m for each m north
	for _, test := range []struct{ depression, azimuth float64 }{{45, 0}, {30, 0}, {10, 0}, {45, 180}, {30, 180}, {20, 90}, {89.9, 0}, {15, 60}} {
		sinD, cosD := math.Sincos(test.depression * math.Pi / 180)
		sinA, cosA := math.Sincos(test.azimuth * math.Pi / 180)
		s := Sight{from, cosD * cosA, cosD * sinA, sinD}
		const above = 100.0
		amsl := 500 + perDegree*0.2 + above
		slant := above / (sinD + cosD*cosA*slope)
		p, h, ok := terrain.Meet(&s, amsl)
		x, y := f.vector(f.offset(p))
		if !ok || math.Hypot(x/10-slant*s.East, y/10-slant*s.North) > 0.3 || math.Abs(h-slant*sinD) > 0.2 {
			t.Errorf("%+v: %v east, %v north, %v above, %v; want %v, %v, %v", test, x/10, y/10, h, ok, slant*s.East, slant*s.North, slant*sinD)
		}
	}
	up := Sight{from, math.Sqrt(3) / 2, 0, -0.5}
	if _, _, ok := terrain.Meet(&up, 5000); ok {
		t.Error("a sight upwards meets the ground")
	}
	if _, h, ok := terrain.Meet(&up, 2000); !ok || h > 0 {
		t.Error("a camera below the ground is above it", h, ok)
	}
	far := Sight{from, -1, 0, 0.001}
	if p, _, ok := terrain.Meet(&far, 4000); ok {
		t.Errorf("the ground is met at %v, beyond 10 km", p)
	}
	edge := Sight{Point{37.01 * e7, 111.5 * e7}, -math.Cos(0.05), 0, math.Sin(0.05)}
	if p, _, ok := terrain.Meet(&edge, 800); ok {
		t.Errorf("the ground is met at %v, where there is no tile", p)
	}
}

// A hill of 200 m between the drone and the plain behind it: what is seen is the hill's near side.
func TestASightMeetsTheHillInTheWay(t *testing.T) {
	top := Point{37.5 * e7, 111.5 * e7}
	f := newFrame(top)
	terrain := NewTerrain([]*Tile{tileOf(t, "N37E111.hgt", func(lat, lon float64) float64 {
		x, y := f.vector(f.offset(Point{int32(math.Round(lat * e7)), int32(math.Round(lon * e7))}))
		return 600 + 200*math.Exp(-(x*x+y*y)/(2*4000*4000)) // sigma 400 m
	})})
	for deg := 0; deg < 360; deg += 30 {
		for _, depression := range []float64{3, 6, 10, 20} {
			sinA, cosA := math.Sincos(float64(deg) * math.Pi / 180)
			sinD, cosD := math.Sincos(depression * math.Pi / 180)
			s := Sight{offsetM(top, -1500*sinA, -1500*cosA), cosD * cosA, cosD * sinA, sinD}
			p, h, ok := terrain.Meet(&s, 750)
			if !ok {
				t.Fatalf("%d degrees, %v below the horizon: no ground", deg, depression)
			}
			// the obvious: metre by metre
			var want Point
			for m := 1.0; ; m++ {
				q, _ := s.after(m)
				if g, _ := terrain.HeightM(q); 750-m*sinD <= g {
					want = q
					break
				}
			}
			if d := DistanceDM(p, want); d > 12 {
				t.Errorf("%d degrees, %v below the horizon: %.1f m off", deg, depression, float64(d)/10)
			}
			if g, _ := terrain.HeightM(p); math.Abs(750-g-h) > 0.2 {
				t.Errorf("%d degrees, %v below the horizon: %v m above the ground, %v told", deg, depression, 750-g, h)
			}
		}
	}
}

func TestTilesAreThoseWithinTenKilometresOfAZone(t *testing.T) {
	for _, test := range []struct {
		name string
		zone Zone
		want []string
	}{
		{"in the middle", Zone{Kind: Gate, Center: Point{37.5 * e7, 111.5 * e7}, RadiusDM: 300}, []string{"N37E111.hgt"}},
		{"9 km north of an edge", Zone{Kind: Gate, Center: Point{37.081 * e7, 111.5 * e7}, RadiusDM: 300}, []string{"N36E111.hgt", "N37E111.hgt"}},
		{"11 km north of it", Zone{Kind: Gate, Center: Point{37.105 * e7, 111.5 * e7}, RadiusDM: 300}, []string{"N37E111.hgt"}},
		{"a corner", Zone{Kind: Area, Polygons: [][][]Point{{squareRing(Point{10, 10}, 50)}}}, []string{"N00E000.hgt", "N00W001.hgt", "S01E000.hgt", "S01W001.hgt"}},
		{"a line", Zone{Kind: Bank, Line: []Point{{37.5 * e7, 111.5 * e7}, {37.5 * e7, 112.5 * e7}}}, []string{"N37E111.hgt", "N37E112.hgt"}},
	} {
		if got := TilesFor([]Zone{test.zone, test.zone}); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if got := TilesFor(nil); len(got) > 0 {
		t.Error(got)
	}
}

func FuzzTile(f *testing.F) {
	const size = 1201 * 1201 * 2
	f.Add("N37E111.hgt", uint32(size), []byte{0x02, 0xbc, 0x80, 0x00}, int32(37.5*e7), int32(111.5*e7))
	f.Add("S90W180.hgt", uint32(3601*3601*2), []byte{0xff}, int32(-90*e7), int32(-180*e7))
	f.Add("S01E179.hgt", uint32(size-2), []byte{}, int32(0), int32(180*e7))
	f.Add("N9", uint32(0), []byte{}, int32(math.MinInt32), int32(math.MaxInt32))
	f.Fuzz(func(t *testing.T, name string, size uint32, pattern []byte, lat, lon int32) {
		data := make([]byte, size%(3601*3601*2+3))
		for i := range data[:min(len(data), 1<<14)] {
			if len(pattern) > 0 {
				data[i] = pattern[i%len(pattern)]
			}
		}
		tile, err := ParseTile(name, data)
		if err != nil {
			return
		}
		if at, ok := parseTileName(name); !ok || at.name() != name {
			t.Fatalf("%q is taken for a name", name)
		}
		terrain := NewTerrain([]*Tile{tile})
		p := Point{lat, lon}
		if h, ok := terrain.HeightM(p); ok && !(h > voidHeight && h <= math.MaxInt16) {
			t.Fatalf("%v m at %v", h, p)
		}
		s := Sight{p, 0.6, 0, 0.8}
		if q, h, ok := terrain.Meet(&s, 9000); ok && (!onEarth(q) || math.IsNaN(h)) {
			t.Fatalf("%v %v", q, h)
		}
	})
}

func BenchmarkSightOverTerrain(b *testing.B) {
	terrain := NewTerrain([]*Tile{tileOf(b, "N37E111.hgt", func(_, _ float64) float64 { return 700 })})
	for _, depression := range []float64{30, 6, 1} {
		b.Run(fmt.Sprint(depression, "degrees"), func(b *testing.B) {
			sin, cos := math.Sincos(depression * math.Pi / 180)
			s := Sight{Point{37.5 * e7, 111.5 * e7}, cos, 0, sin}
			b.ReportAllocs()
			for b.Loop() {
				terrain.Meet(&s, 800)
			}
		})
	}
}
