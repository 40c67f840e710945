package mavlink

import "math"

// WGS-84, EPSG:7030.
const (
	earthA  = 6_378_137.0
	earthE2 = 6.694_379_990_14e-3

	radPerE7 = math.Pi / 180 * 1e-7
)

// offset is the way from a to b in metres north and east, by the ellipsoid's radii of curvature at their mean latitude:
// good to centimetres over the ranges of a sighting. The differences of E7 coordinates are exact.
func offset(aLat, aLon, bLat, bLon int32) (north, east float64) {
	dLat, dLon := int64(bLat)-int64(aLat), int64(bLon)-int64(aLon)
	switch {
	case dLon > 180e7:
		dLon -= 360e7
	case dLon < -180e7:
		dLon += 360e7
	}
	tenths := math.Abs(float64(aLat)+float64(bLat)) / 2e6
	i := min(int(tenths), len(degrees)-2)
	f, p, q := tenths-float64(i), &degrees[i], &degrees[i+1]
	return float64(dLat) * (p.lat + f*(q.lat-p.lat)), float64(dLon) * (p.lon + f*(q.lon-p.lon))
}

// degrees are the lengths of 1e-7 degrees of latitude and of longitude in metres, for each tenth of a degree from the
// equator to a pole. In between a straight line is off by less than a millionth of a degree of latitude.
var degrees = func() (d [901]struct{ lat, lon float64 }) {
	for i := range d {
		sin, cos := math.Sincos(float64(i) * math.Pi / 1800)
		w := 1 - earthE2*sin*sin
		n := earthA / math.Sqrt(w)
		d[i].lat, d[i].lon = radPerE7*n*(1-earthE2)/w, radPerE7*n*cos
	}
	return d
}()

// distanceMM is the way over ground between two points, mm.
func distanceMM(aLat, aLon, bLat, bLon int32) int64 {
	north, east := offset(aLat, aLon, bLat, bLon)
	return int64(math.Sqrt(north*north+east*east)*1000 + 0.5)
}

// The error of a point that a camera on a drone was aimed at (PROTOCOL 2.4, 2.6), 1 sigma.
const (
	sigmaPitch  = math.Pi / 180     // 1 deg
	sigmaYaw    = 2 * math.Pi / 180 // 2 deg
	sigmaHeight = 10.0              // m: above home is not above the ground that is looked at
	sigmaPos    = 3.0               // m, of a vehicle that does not state its own

	minTargetDM     = 50
	maxTargetDM     = 1_500
	unknownTargetDM = 300 // without a vehicle position to work with
)

// targetSigmas are the errors, 1 sigma in m, of a target that a vehicle heightM above home sees rangeM away over ground:
// along the line of sight (h sp / sin2 d)2 + (sh / tan d)2 + spos2, across it (range sy)2 + spos2, with d the depression
// and range = h / tan d.
func targetSigmas(heightM, rangeM, posM float64) (along, across float64) {
	h, r := max(heightM, 1), rangeM
	return math.Hypot(math.Hypot((h*h+r*r)/h*sigmaPitch, sigmaHeight*r/h), posM), math.Hypot(r*sigmaYaw, posM)
}

// targetCE90DM is the radius, in dm, that holds with 90 % a target that a vehicle heightM above home sees at the
// offset north, east (m).
func targetCE90DM(heightM, north, east, posM float64) int32 {
	return targetDM(ce90(targetSigmas(heightM, math.Hypot(north, east), posM)))
}

// targetEllipse is the ellipse that holds the same target with 90 %. Its axes lie along and across the line of sight.
func targetEllipse(heightM, north, east, posM float64) Ellipse {
	along, across := targetSigmas(heightM, math.Hypot(north, east), posM)
	bearing := math.Atan2(east, north) / deg
	if along < across {
		along, across, bearing = across, along, bearing+90
	}
	return Ellipse{
		MajorDM: targetDM(along * axis90), MinorDM: targetDM(across * axis90),
		BearingDeg: int16((int(math.Round(bearing)) + 360) % 180),
	}
}

// axis90 is half an axis of the ellipse that holds a bivariate normal error with 90 %, in sigmas: sqrt(2 ln 10).
const axis90 = 2.145966

// targetDM is a radius in dm, within what is believed of a target's.
func targetDM(m float64) int32 {
	return int32(max(minTargetDM, min(maxTargetDM, math.Round(m*10))))
}

// ce90 is the radius of the circle that holds a bivariate normal error of these sigmas with 90 %:
// a (1.6449 + 0.3 c2 + 0.2011 c3), a the greater sigma, c = less / greater. It is exact for a line (1.6449) and a circle
// (2.1460), and within 0.5 % in between.
func ce90(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if a == 0 {
		return 0
	}
	c := b / a
	return a * (1.6449 + 0.3*c*c + 0.2011*c*c*c)
}

// CE90 is the radius of the circle that holds a bivariate normal error of these two sigmas with 90 %, in their unit.
func CE90(a, b float64) float64 { return ce90(a, b) }

// statedCE90DM is the radius of a 1-sigma horizontal accuracy that a sender states, in dm; ok is false where it states
// none (NaN) or an impossible one.
func statedCE90DM(sigmaM float32) (dm int32, ok bool) {
	const maxM = 10_000
	if !(sigmaM > 0 && sigmaM <= maxM) {
		return 0, false
	}
	return int32(max(minTargetDM, math.Round(ce90(float64(sigmaM), float64(sigmaM))*10))), true
}

// unknownHeightMM stands for the height of a vehicle that has not told it: a usual one on patrol.
const unknownHeightMM = 100_000

// aroundVehicleDM is the radius, in dm, around the vehicle's own position that stands for what it took a photo of: twice
// its height above home, 50 m to 500 m.
func aroundVehicleDM(heightMM int32) int32 {
	return max(500, min(5_000, heightMM/50))
}

// insteadOfTargetDM is the same for a target that somebody pointed at without a usable point. The camera may look far
// ahead: five times the height (11 deg of depression), 150 m to 1500 m, the range beyond which no target is believed.
func insteadOfTargetDM(heightMM int32) int32 {
	return max(1_500, min(15_000, heightMM/20))
}
