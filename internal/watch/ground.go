package watch

import (
	"math"

	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// Look is what a camera's line of sight comes to on the ground: a point with its ellipse, or where none can be told a
// sector, "direction only".
type Look struct {
	Located bool
	Ellipse geofence.Ellipse // located: holds the target with 90 %
	CE90DM  int64            // located: the radius that does
	Ground  string           // located: what the height of the ground rests on
	Sector  geofence.Sector  // not located: where the target is; of no length where the ray is none
}

// The words for what the height of the ground rests on, best first.
const (
	GroundReported = "reported" // the vehicle told where its camera's middle meets it
	GroundTerrain  = "terrain"  // tiles
	GroundVehicle  = "vehicle"  // the vehicle told how high it is below it
	GroundSurface  = "surface"  // the water of a zone
	GroundHome     = "home"     // as high as the place of take-off
)

// The error of the height above the ground, 1 sigma (PROTOCOL 2.6). Home is not what is looked at.
const (
	sigmaGroundM = 5.0
	sigmaHomeM   = 10.0
)

const (
	sigmas90   = 1.6449 // of one normal error, to both sides, hold 90 %
	sectorFarM = 10_000 // no ray is followed further
	nadir      = 85 * math.Pi / 180
)

// ground is one answer to where a sight meets the ground.
type ground struct {
	word    string
	point   geofence.Point
	rangeM  float64
	heightM float64 // of the camera above the ground there; 0 or less: there is none below it
	sigmaM  float64 // of that
	met     bool    // point and range hold
}

// Look tells where on the ground a camera looks. The best of these decides, and where it says that there is nothing to
// be seen no other is asked: where the vehicle says that its camera's middle meets the ground (if that is within
// reach); terrain tiles; the height of the ground that the vehicle tells; the water surface of the zone that the ray
// meets; the height above home. Heights above the sea are used only with a camera whose own is known.
//
// It is direction only when the ray points less than the plan's depression below the horizon, the point would be
// further than its range or less certain than its CE90, or the camera is not above the ground.
func (j *Judge) Look(r *mavlink.Ray) Look {
	limits := j.Plan.Sight.WithDefaults()
	length := math.Sqrt(r.North*r.North + r.East*r.East + r.Down*r.Down)
	if !(length > 0.5 && length < 2 && r.SigmaPitch >= 0 && r.SigmaYaw >= 0 && r.SigmaPosM >= 0) {
		return Look{}
	}
	s := geofence.Sight{
		From:  geofence.Point{LatE7: r.LatE7, LonE7: r.LonE7},
		North: r.North / length, East: r.East / length, Down: r.Down / length,
	}
	maxM := float64(limits.MaxRangeDM) / 10
	g, ok := j.ground(r, &s, maxM)
	e := geofence.Error{Pitch: r.SigmaPitch, Yaw: r.SigmaYaw, HeightM: g.sigmaM, PosM: r.SigmaPosM}
	low := s.Down <= math.Sin(float64(limits.MinDepressionMDeg)/1000*math.Pi/180)
	if ok && g.met && !low && g.heightM > 0 && g.rangeM <= maxM {
		along, across := e.Spread(g.heightM, g.rangeM)
		if ce90 := math.Round(mavlink.CE90(along, across) * 10); ce90 <= float64(limits.MaxCE90DM) {
			return Look{Located: true, Ellipse: s.EllipseOf(g.point, along, across), CE90DM: int64(ce90), Ground: g.word}
		}
	}
	return Look{Sector: sector(&s, &e, g.heightM, low, maxM)}
}

// ground is the best answer to where the sight meets the ground; ok is false where nothing is known of it.
func (j *Judge) ground(r *mavlink.Ray, s *geofence.Sight, maxM float64) (g ground, ok bool) {
	if r.HitKnown && s.Down > 0 {
		g = ground{word: GroundReported, point: geofence.Point{LatE7: r.HitLatE7, LonE7: r.HitLonE7}, sigmaM: sigmaGroundM, met: true}
		if g.rangeM = float64(geofence.DistanceDM(s.From, g.point)) / 10; g.rangeM <= maxM {
			g.heightM = heightOver(r, s, g.rangeM)
			return g, true
		}
	}
	if r.AMSLKnown {
		amslM := float64(r.AMSLMM) / 1000
		if p, h, ok := j.Terrain.Meet(s, amslM); ok {
			rangeM := float64(geofence.DistanceDM(s.From, p)) / 10
			return ground{GroundTerrain, p, rangeM, h, sigmaGroundM, true}, true
		}
		if r.GroundKnown {
			return level(GroundVehicle, s, amslM-float64(r.GroundAMSLMM)/1000, sigmaGroundM), true
		}
		if h, ok := j.Index.Surface(s, amslM, maxM); ok {
			return level(GroundSurface, s, h, sigmaGroundM), true
		}
	}
	if r.AboveHomeKnown {
		return level(GroundHome, s, float64(r.AboveHomeMM)/1000, sigmaHomeM), true
	}
	return ground{}, false
}

// level is the ground as a level so far below the camera.
func level(word string, s *geofence.Sight, heightM, sigmaM float64) ground {
	p, rangeM, met := s.Flat(heightM)
	return ground{word, p, rangeM, heightM, sigmaM, met}
}

// heightOver is how high the camera is above a point so far away that it is known to look at: what the ray's
// depression makes of the range, or next to the nadir, where that means nothing, the height above home.
func heightOver(r *mavlink.Ray, s *geofence.Sight, rangeM float64) float64 {
	flat := math.Hypot(s.North, s.East)
	if math.Atan2(s.Down, flat) < nadir {
		return rangeM * s.Down / flat
	}
	if r.AboveHomeKnown && r.AboveHomeMM > 0 {
		return float64(r.AboveHomeMM) / 1000
	}
	return max(1, rangeM*math.Tan(nadir))
}

// sector is where the target of a sight without a point can be: 90 % to the sides, and as far as height and depression
// say, given two sigmas of pitch and three of height to either side: what is seen at 5 degrees from 100 m up is not
// below the drone. Whoever looks at the horizon sees no person beyond maxM: there the sector ends at maxM, and begins at
// half of it at the latest, whatever height and pitch say. heightM is 0 or less where it is not known.
func sector(s *geofence.Sight, e *geofence.Error, heightM float64, low bool, maxM float64) geofence.Sector {
	depression := math.Atan2(s.Down, math.Hypot(s.North, s.East))
	near, far := 0.0, float64(sectorFarM)
	if heightM > 0 {
		near, far = reachAt(heightM-3*e.HeightM, depression+2*e.Pitch), reachAt(heightM+3*e.HeightM, depression-2*e.Pitch)
		near, far = max(0, near-2*e.PosM), min(far+2*e.PosM, sectorFarM)
	}
	if low || heightM <= 0 {
		near, far = min(near, maxM/2), min(far, maxM)
	}
	near = min(near, far)
	width := sigmas90 * math.Hypot(e.Yaw, e.PosM/max(near, 50))
	return geofence.Sector{
		From: s.From, BearingDeg: math.Mod(math.Atan2(s.East, s.North)*(180/math.Pi)+360, 360), HalfWidthDeg: min(180, width*(180/math.Pi)),
		MinDM: int64(near * 10), MaxDM: int64(math.Ceil(far * 10)),
	}
}

// reachAt is how far over ground a sight reaches from a height at a depression: not at all without height, for ever at
// the horizon, and straight down to the foot.
func reachAt(heightM, depression float64) float64 {
	switch {
	case heightM <= 0 || depression >= math.Pi/2:
		return 0
	case depression <= 0:
		return math.Inf(1)
	}
	return heightM / math.Tan(depression)
}
