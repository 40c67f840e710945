package watch_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

const rad = math.Pi / 180

// camera is where the rays of these tests begin: 1,100 m above the sea.
const (
	cameraLat, cameraLon = 372500000, 1119500000
	cameraM              = 1100
)

// rayOf is a line of sight so many degrees below the horizon, on a bearing, with the errors of PROTOCOL 2.4 and
// nothing known of heights.
func rayOf(depression, bearing float64) *mavlink.Ray {
	sinD, cosD := math.Sincos(depression * rad)
	sinB, cosB := math.Sincos(bearing * rad)
	return &mavlink.Ray{
		LatE7: cameraLat, LonE7: cameraLon, North: cosD * cosB, East: cosD * sinB, Down: sinD,
		SigmaPitch: 1 * rad, SigmaYaw: 2 * rad, SigmaPosM: 2,
	}
}

// over is r with the ground so far below it, as the vehicle tells it.
func over(r *mavlink.Ray, heightM float64) *mavlink.Ray {
	r.AMSLKnown, r.AMSLMM, r.GroundKnown, r.GroundAMSLMM = true, cameraM*1000, true, int32(math.Round((cameraM-heightM)*1000))
	return r
}

// metres is the way from the camera to p, north and east, by the ellipsoid's radii at the mean latitude.
func metres(p geofence.Point) (north, east float64) {
	const a, e2 = 6378137.0, 0.00669437999014
	sin, cos := math.Sincos((float64(cameraLat) + float64(p.LatE7)) / 2e7 * rad)
	w := 1 - e2*sin*sin
	n := a / math.Sqrt(w)
	return float64(p.LatE7-cameraLat) / 1e7 * rad * n * (1 - e2) / w, float64(p.LonE7-cameraLon) / 1e7 * rad * n * cos
}

// sees is a judge over these zones with these limits.
func sees(t testing.TB, sight geofence.SightLimits, terrain *geofence.Terrain, zones ...geofence.Zone) *watch.Judge {
	t.Helper()
	j, err := watch.Compile(watch.Plan{Sight: sight, Zones: zones, Book: alerts.Plan{}}, terrain)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// unlimited lets nearly everything be a point.
var unlimited = geofence.SightLimits{MinDepressionMDeg: 1, MaxRangeDM: 100_000, MaxCE90DM: 1e9}

// The five vectors of PROTOCOL 2.2, 100 m above flat ground: q of the gimbal in the vehicle's frame, turned by the
// heading, to a point.
func TestTheVectorsOfTheProtocolMeetTheGroundWhereItSays(t *testing.T) {
	j := sees(t, unlimited, nil)
	for _, test := range []struct {
		heading        float64
		q              [4]float64
		n, e, slant    float64
		pitch, yawFrom float64 // what the q says, for whoever reads this
	}{
		{0, [4]float64{.923880, 0, -.382683, 0}, 100, 0, 141.421, -45, 0},
		{90, [4]float64{.923880, 0, -.382683, 0}, 0, 100, 141.421, -45, 0},
		{45, [4]float64{.683013, .183013, -.183013, .683013}, -122.474, 122.474, 200, -30, 90},
		{350, [4]float64{.836516, -.129410, -.482963, -.224144}, 44.228, -37.111, 115.470, -60, -30},
		{180, [4]float64{.996195, 0, -.087156, 0}, -567.128, 0, 575.877, -10, 0},
	} {
		w, x, y, z := test.q[0], test.q[1], test.q[2], test.q[3]
		n, e, d := 1-2*(y*y+z*z), 2*(x*y+w*z), 2*(x*z-w*y) // R(q) (1, 0, 0)
		sin, cos := math.Sincos(test.heading * rad)
		r := rayOf(0, 0)
		r.North, r.East, r.Down = n*cos-e*sin, n*sin+e*cos, d
		r.AboveHomeKnown, r.AboveHomeMM = true, 100_000
		look := j.Look(r)
		north, east := metres(look.Ellipse.Center)
		if !look.Located || look.Ground != watch.GroundHome || math.Hypot(north-test.n, east-test.e) > 0.1 {
			t.Errorf("pitch %v yaw %v heading %v: %v %.3f north %.3f east, want %v, %v", test.pitch, test.yawFrom, test.heading, look.Ground, north, east, test.n, test.e)
		}
		if slant := math.Hypot(math.Hypot(north, east), 100); math.Abs(slant-test.slant) > 0.1 {
			t.Errorf("slant %.3f, want %v", slant, test.slant)
		}
	}
}

// PROTOCOL 2.4's table, by 20,000 draws through the code: pitch, yaw, height and place are disturbed, each ray meets the
// ground where Look says, and nine tenths of the points lie within the CE90.
func TestTheErrorIsThatOfTheTable(t *testing.T) {
	j := sees(t, unlimited, nil)
	for _, test := range []struct {
		depression, rangeM, along, across, ce90 float64
		linear                                  float64 // how far our CE90, which is linear, may be off; below 6 degrees it understates
	}{
		{60, 58, 4, 3, 8, 0.1}, {30, 173, 11, 6, 20, 0.1}, {15, 373, 32, 13, 55, 0.1}, {10, 567, 65, 20, 109, 0.1}, {6, 951, 167, 33, 286, 0.1},
		{5, 1143, 237, 40, 414, 0.1}, {3, 1908, 644, 67, 1425, 0.3},
	} {
		look := j.Look(over(rayOf(test.depression, 30), 100))
		north0, east0 := metres(look.Ellipse.Center)
		if rangeM := math.Hypot(north0, east0); math.Abs(rangeM-test.rangeM) > 0.6 {
			t.Errorf("%v degrees: %.1f m away, want %v", test.depression, rangeM, test.rangeM)
		}
		off := func(what string, got, want, part float64) {
			if math.Abs(got-want) > part*want+0.5 { // the table has whole metres
				t.Errorf("%v degrees: %s %.1f m, the table has %v", test.depression, what, got, want)
			}
		}
		off("CE90", float64(look.CE90DM)/10, test.ce90, test.linear)
		off("greater half axis", float64(look.Ellipse.MajorDM)/10, test.along*2.146, 0.1)
		off("smaller half axis", float64(look.Ellipse.MinorDM)/10, test.across*2.146, 0.1)

		random := rand.New(rand.NewPCG(2, 4))
		const draws = 20_000
		away, inside := make([]float64, draws), 0
		for i := range away {
			r := over(rayOf(test.depression+random.NormFloat64(), 30+2*random.NormFloat64()), 100+5*random.NormFloat64())
			l := j.Look(r)
			if !l.Located {
				away[i] = math.Inf(1)
				continue
			}
			north, east := metres(l.Ellipse.Center)
			north, east = north-north0+2*random.NormFloat64(), east-east0+2*random.NormFloat64()
			away[i] = math.Hypot(north, east)
			if near := sees90(look.Ellipse, north, east); near {
				inside++
			}
		}
		slices.Sort(away)
		off("90 % of the draws", away[draws*9/10], test.ce90, 0.1)
		if share := float64(inside) / draws; test.depression >= 6 && (share < 0.87 || share > 0.92) {
			t.Errorf("%v degrees: the ellipse holds %.1f %%", test.depression, share*100)
		}
	}
}

// sees90 says whether an offset from the ellipse's centre, in metres, is in it.
func sees90(e geofence.Ellipse, north, east float64) bool {
	sin, cos := math.Sincos(float64(e.BearingDeg) * rad)
	return math.Hypot((north*cos+east*sin)/float64(e.MajorDM), (east*cos-north*sin)/float64(e.MinorDM))*10 <= 1
}

// Beyond the limits there is a direction only; near the horizon above all, where the ellipse understates.
func TestNearTheHorizonThereIsADirectionOnly(t *testing.T) {
	defaults, wide := geofence.SightLimits{}, geofence.SightLimits{MaxCE90DM: 50_000}
	for _, test := range []struct {
		name       string
		limits     geofence.SightLimits
		ray        *mavlink.Ray
		located    bool
		minM, maxM float64 // of the sector
		halfWidth  float64
	}{
		{"10 degrees", defaults, over(rayOf(10, 30), 100), true, 0, 0, 0},
		{"6 degrees are too uncertain", defaults, over(rayOf(6.1, 30), 100), false, 593, 1608, 3.29},
		{"unless that is allowed", wide, over(rayOf(6.1, 30), 100), true, 0, 0, 0},
		{"less than 6 are not", wide, over(rayOf(5.9, 30), 100), false, 609, 1500, 3.29},
		{"4 degrees", defaults, over(rayOf(4, 30), 100), false, 750, 1500, 3.29},
		{"the horizon", defaults, over(rayOf(0, 30), 100), false, 750, 1500, 3.29},
		{"the sky", defaults, over(rayOf(-30, 30), 100), false, 750, 1500, 3.29},
		{"too far away", wide, over(rayOf(10, 30), 270), false, 1196, 2032, 3.29},
		{"far away at any depression", defaults, over(rayOf(30, 30), 1000), false, 1572, 1912, 3.29},
		{"no height known", defaults, rayOf(30, 30), false, 0, 1500, 5},
		{"on the ground", defaults, over(rayOf(30, 30), 0), false, 0, 1500, 5},
		{"below the ground", defaults, over(rayOf(30, 30), -10), false, 0, 1500, 5},
		{"place unknown to 100 m", defaults, func() *mavlink.Ray { r := over(rayOf(45, 30), 100); r.SigmaPosM = 100; return r }(), false, 0, 324, 180},
	} {
		look := sees(t, test.limits, nil).Look(test.ray)
		s := look.Sector
		if look.Located != test.located {
			t.Errorf("%s: located %v: %+v", test.name, look.Located, look)
			continue
		}
		if test.located {
			if look.Ground != watch.GroundVehicle || s != (geofence.Sector{}) {
				t.Errorf("%s: %+v", test.name, look)
			}
			continue
		}
		if look.Ground != "" || look.CE90DM != 0 || s.From != (geofence.Point{LatE7: cameraLat, LonE7: cameraLon}) || math.Abs(s.BearingDeg-30) > 1e-6 ||
			math.Abs(float64(s.MinDM)/10-test.minM) > 1 || math.Abs(float64(s.MaxDM)/10-test.maxM) > 1 || math.Abs(s.HalfWidthDeg-test.halfWidth) > 0.1 {
			t.Errorf("%s: %+v, want %v to %v m, %v degrees", test.name, s, test.minM, test.maxM, test.halfWidth)
		}
	}
}

// Of what a camera at 100 m really saw at 10 degrees, the sector that stands for it holds nine tenths.
func TestTheSectorHoldsTheTarget(t *testing.T) {
	j, free := sees(t, geofence.SightLimits{MaxCE90DM: 500}, nil), sees(t, unlimited, nil)
	look := j.Look(over(rayOf(10, 200), 100))
	if look.Located {
		t.Fatal("it is located")
	}
	random := rand.New(rand.NewPCG(2, 6))
	held := 0
	const draws = 5000
	for range draws {
		truth := free.Look(over(rayOf(10+random.NormFloat64(), 200+2*random.NormFloat64()), 100+5*random.NormFloat64()))
		north, east := metres(truth.Ellipse.Center)
		bearing, dm := math.Mod(math.Atan2(east, north)/rad+360, 360), math.Hypot(north, east)*10
		if math.Abs(bearing-look.Sector.BearingDeg) <= look.Sector.HalfWidthDeg && dm >= float64(look.Sector.MinDM) && dm <= float64(look.Sector.MaxDM) {
			held++
		}
	}
	if share := float64(held) / draws; share < 0.87 || share > 0.92 {
		t.Errorf("it holds %.1f %%", share*100)
	}
}

// PROTOCOL 2.3: ground 30 m higher or lower than home, 100 m below, at 30 degrees.
func TestGroundThatIsNotAsHighAsHomeMovesThePoint(t *testing.T) {
	j := sees(t, geofence.SightLimits{}, nil)
	for _, test := range []struct{ above, want float64 }{{0, 173.2}, {30, 121.2}, {-30, 225.2}} {
		r := over(rayOf(30, 0), 100-test.above)
		r.AboveHomeKnown, r.AboveHomeMM = true, 100_000
		look := j.Look(r)
		north, east := metres(look.Ellipse.Center)
		if !look.Located || math.Abs(north-test.want) > 0.1 || math.Abs(east) > 0.1 {
			t.Errorf("ground %v m above home: %.1f m away, want %v", test.above, north, test.want)
		}
	}
}

// plainTile is a tile around the camera, flat at a height.
func plainTile(t testing.TB, heightM int16) ([]byte, *geofence.Tile) {
	t.Helper()
	data := make([]byte, 1201*1201*2)
	for i := 0; i < len(data); i += 2 {
		binary.BigEndian.PutUint16(data[i:], uint16(heightM))
	}
	tile, err := geofence.ParseTile("N37E111.hgt", data)
	if err != nil {
		t.Fatal(err)
	}
	return data, tile
}

// Each ground is given another height, so that the distance tells which one was taken: 45 degrees, as far as high.
func TestTheBestGroundKnownDecides(t *testing.T) {
	_, tile := plainTile(t, cameraM-120)
	water := int64((cameraM - 140) * 1000)
	river := geofence.Zone{ID: "river", Kind: geofence.Gate, Center: geofence.Point{LatE7: cameraLat, LonE7: cameraLon + 10_000}, RadiusDM: 3000, SurfaceAMSLMM: &water}
	everything := func() *mavlink.Ray {
		r := over(rayOf(45, 90), 130)
		r.AboveHomeKnown, r.AboveHomeMM = true, 150_000
		r.HitKnown, r.HitLatE7, r.HitLonE7 = true, cameraLat, cameraLon+12_402 // 110 m east
		return r
	}
	for _, test := range []struct {
		name    string
		without func(r *mavlink.Ray)
		terrain []*geofence.Tile
		zones   []geofence.Zone
		want    string
		eastM   float64
		sigmaM  float64
	}{
		{"where the vehicle says that it looks", func(*mavlink.Ray) {}, []*geofence.Tile{tile}, []geofence.Zone{river}, watch.GroundReported, 110, 5},
		{"not if that is too far", func(r *mavlink.Ray) { r.HitLonE7 += 200_000 }, []*geofence.Tile{tile}, []geofence.Zone{river}, watch.GroundTerrain, 120, 5},
		{"tiles", func(r *mavlink.Ray) { r.HitKnown = false }, []*geofence.Tile{tile}, []geofence.Zone{river}, watch.GroundTerrain, 120, 5},
		{"what the vehicle says of the ground", func(r *mavlink.Ray) { r.HitKnown = false }, nil, []geofence.Zone{river}, watch.GroundVehicle, 130, 5},
		{"the water", func(r *mavlink.Ray) { r.HitKnown, r.GroundKnown = false, false }, nil, []geofence.Zone{river}, watch.GroundSurface, 140, 5},
		{"home", func(r *mavlink.Ray) { r.HitKnown, r.GroundKnown = false, false }, nil, nil, watch.GroundHome, 150, 10},
		{"home, where the camera's height above the sea is not known", func(r *mavlink.Ray) { r.HitKnown, r.AMSLKnown = false, false },
			[]*geofence.Tile{tile}, []geofence.Zone{river}, watch.GroundHome, 150, 10},
	} {
		r := everything()
		test.without(r)
		var terrain *geofence.Terrain
		if test.terrain != nil {
			terrain = geofence.NewTerrain(test.terrain)
		}
		look := sees(t, geofence.SightLimits{}, terrain, test.zones...).Look(r)
		north, east := metres(look.Ellipse.Center)
		if !look.Located || look.Ground != test.want || math.Abs(east-test.eastM) > 0.2 || math.Abs(north) > 0.1 {
			t.Errorf("%s: %s, %.1f m east, %.1f north, want %s, %v", test.name, look.Ground, east, north, test.want, test.eastM)
		}
		along := math.Hypot(math.Hypot(2*test.eastM*rad, test.sigmaM), 2) * 2.146
		if got := float64(look.Ellipse.MajorDM) / 10; math.Abs(got-along) > 0.1 || look.Ellipse.BearingDeg != 90 {
			t.Errorf("%s: half axis %.1f m on %d, want %.1f", test.name, got, look.Ellipse.BearingDeg, along)
		}
	}
}

func TestWhereTheBestGroundSaysNothingIsSeenNoOtherIsAsked(t *testing.T) {
	_, tile := plainTile(t, cameraM+20)
	r := over(rayOf(45, 90), 130)
	r.AboveHomeKnown, r.AboveHomeMM = true, 150_000
	if look := sees(t, geofence.SightLimits{}, geofence.NewTerrain([]*geofence.Tile{tile})).Look(r); look.Located {
		t.Errorf("a camera 20 m under ground has seen %+v", look)
	}
	r.HitKnown, r.HitLatE7, r.HitLonE7, r.Down = true, cameraLat, cameraLon+12_402, -r.Down
	if look := sees(t, geofence.SightLimits{}, nil).Look(r); look.Located {
		t.Errorf("a camera that looks up has seen %+v", look)
	}
}

func TestStraightDownThePointIsBelowTheCamera(t *testing.T) {
	j := sees(t, geofence.SightLimits{}, nil)
	r := over(rayOf(90, 0), 100)
	look := j.Look(r)
	if north, east := metres(look.Ellipse.Center); !look.Located || math.Hypot(north, east) > 0.1 || look.CE90DM != 50 { // sigmas hypot(100 m x 1 deg, 2 m) and 2 m
		t.Errorf("%+v", look)
	}
	r.HitKnown, r.HitLatE7, r.HitLonE7, r.AboveHomeKnown, r.AboveHomeMM = true, cameraLat, cameraLon, true, 100_000
	if again := j.Look(r); again.Ground != watch.GroundReported || again.CE90DM != look.CE90DM {
		t.Errorf("%+v", again)
	}
	r.AboveHomeKnown = false
	if again := j.Look(r); !again.Located || again.CE90DM < 40 {
		t.Errorf("%+v", again)
	}
}

func TestARayThatIsNoneGivesNothing(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	j := sees(t, geofence.SightLimits{}, nil)
	for i, change := range []func(r *mavlink.Ray){
		func(r *mavlink.Ray) { r.North = nan }, func(r *mavlink.Ray) { r.East = inf }, func(r *mavlink.Ray) { r.Down = -inf },
		func(r *mavlink.Ray) { r.North, r.East, r.Down = 0, 0, 0 }, func(r *mavlink.Ray) { r.SigmaPitch = nan },
		func(r *mavlink.Ray) { r.SigmaYaw = -1 }, func(r *mavlink.Ray) { r.SigmaPosM = nan },
	} {
		r := over(rayOf(45, 90), 100)
		change(r)
		if look := j.Look(r); look != (watch.Look{}) {
			t.Errorf("%d: %+v", i, look)
		}
	}
	for i, change := range []func(r *mavlink.Ray){
		func(r *mavlink.Ray) { r.SigmaPitch = inf }, func(r *mavlink.Ray) { r.SigmaYaw = inf }, func(r *mavlink.Ray) { r.SigmaPosM = inf },
	} {
		r := over(rayOf(45, 90), 100)
		change(r)
		if look := j.Look(r); look.Located || !(look.Sector.HalfWidthDeg <= 180) || look.Sector.MinDM > look.Sector.MaxDM || look.Sector.MaxDM > 100_000 {
			t.Errorf("%d: %+v", i, look)
		}
	}
}

func TestAPlanIsReadBackWithItsTerrain(t *testing.T) {
	data, tile := plainTile(t, cameraM-120)
	j := sees(t, geofence.SightLimits{MaxRangeDM: 9000}, geofence.NewTerrain([]*geofence.Tile{tile}))
	if want := (geofence.SightLimits{MinDepressionMDeg: 6000, MaxRangeDM: 9000, MaxCE90DM: 1500}); j.Plan.Sight != want || fmt.Sprint(j.Plan.Terrain) != fmt.Sprint([]geofence.TileRef{tile.Ref()}) {
		t.Fatalf("%+v %+v", j.Plan.Sight, j.Plan.Terrain)
	}
	back, err := watch.ReadPlan(j.JSON, func(sum string) ([]byte, error) {
		if sum != tile.Ref().SHA256 {
			t.Errorf("tile %s is asked for", sum)
		}
		return data, nil
	})
	if err != nil || back.Digest != j.Digest {
		t.Fatal(err)
	}
	r := over(rayOf(45, 90), 130)
	if got, want := back.Look(r), j.Look(r); got != want || got.Ground != watch.GroundTerrain {
		t.Errorf("%+v, before %+v", got, want)
	}
	other, _ := plainTile(t, 5)
	for name, test := range map[string]struct {
		tile func(string) ([]byte, error)
		want string
	}{
		"no tiles at all": {nil, "terrain.dir"},
		"a missing one":   {func(string) ([]byte, error) { return nil, errors.New("is gone; put it back") }, "N37E111.hgt: is gone"},
		"another one":     {func(string) ([]byte, error) { return other, nil }, "not the one"},
		"a cut one":       {func(string) ([]byte, error) { return data[:100], nil }, "100 bytes"},
	} {
		if _, err := watch.ReadPlan(j.JSON, test.tile); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if plain := sees(t, geofence.SightLimits{MaxRangeDM: 9000}, nil); plain.Digest == j.Digest {
		t.Error("terrain does not change the plan")
	}
}

func BenchmarkLook(b *testing.B) {
	_, tile := plainTile(b, cameraM-120)
	water := int64((cameraM - 140) * 1000)
	river := geofence.Zone{ID: "river", Kind: geofence.Gate, Center: geofence.Point{LatE7: cameraLat, LonE7: cameraLon + 10_000}, RadiusDM: 3000, SurfaceAMSLMM: &water}
	for name, j := range map[string]*watch.Judge{
		"terrain": sees(b, geofence.SightLimits{}, geofence.NewTerrain([]*geofence.Tile{tile}), river), "surface": sees(b, geofence.SightLimits{}, nil, river),
	} {
		b.Run(name, func(b *testing.B) {
			r := over(rayOf(20, 90), 130)
			r.GroundKnown = false
			b.ReportAllocs()
			for b.Loop() {
				j.Look(r)
			}
		})
	}
}
