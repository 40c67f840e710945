package geofence

import "math"

// GCJ-02 and BD-09 are what Chinese web maps show. Their formulas were never published by those who made them; these
// are the ones in common use (GCJ-02 as in github.com/googollee/eviltransform, BD-09 as in
// github.com/wandergis/coordtransform), good to a metre or two against the real maps. The offset belongs to the mainland: the formulas take a rectangle for it, within
// which points across a border are moved too, and outside of which nothing is.

// outOfChina says whether the formulas leave a position, in degrees, alone.
func outOfChina(lat, lon float64) bool {
	return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271
}

// toGCJ02 turns WGS-84 degrees into GCJ-02.
func toGCJ02(lat, lon float64) (float64, float64) {
	if outOfChina(lat, lon) {
		return lat, lon
	}
	const a, ee = 6378245.0, 0.00669342162296594323 // the Krasovsky ellipsoid
	x, y := lon-105, lat-35
	root := math.Sqrt(math.Abs(x))
	common := 20 * (math.Sin(6*x*math.Pi) + math.Sin(2*x*math.Pi)) * 2 / 3
	dLat := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*root + common +
		(20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi))*2/3 + (160*math.Sin(y/12*math.Pi)+320*math.Sin(y*math.Pi/30))*2/3
	dLon := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*root + common +
		(20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi))*2/3 + (150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3
	sin, cos := math.Sincos(lat * math.Pi / 180)
	magic := 1 - ee*sin*sin
	return lat + dLat*180/(a*(1-ee)/(magic*math.Sqrt(magic))*math.Pi), lon + dLon*180/(a/math.Sqrt(magic)*cos*math.Pi)
}

// toBD09 turns WGS-84 degrees into BD-09.
func toBD09(lat, lon float64) (float64, float64) {
	if outOfChina(lat, lon) {
		return lat, lon
	}
	return gcjToBD09(toGCJ02(lat, lon))
}

// gcjToBD09 turns GCJ-02 degrees into BD-09.
func gcjToBD09(lat, lon float64) (float64, float64) {
	const k = math.Pi * 3000 / 180
	r := math.Hypot(lon, lat) + 0.00002*math.Sin(lat*k)
	sin, cos := math.Sincos(math.Atan2(lat, lon) + 0.000003*math.Cos(lon*k))
	return r*sin + 0.006, r*cos + 0.0065
}

// datum is how to leave a CRS for WGS-84.
type datum struct {
	forward func(lat, lon float64) (float64, float64) // from WGS-84; nil: it is WGS-84
	stride  float64                                   // a straight line of this length in dm stays straight to a decimetre
}

// datumOf knows the CRSs. The offsets bend, so that a line which was straight on the map is not in WGS-84: GCJ-02's by
// waves of 21 km (at 55 degrees north) and 13 m, BD-09's by waves of 7.6 km and 39 m. A chord of length c is off by up
// to c²/8 x amplitude x (2π/wave)²: 6 cm at 600 m, 8 cm at 150 m.
func datumOf(crs CRS) (datum, bool) {
	switch crs {
	case WGS84:
		return datum{}, true
	case GCJ02:
		return datum{toGCJ02, 6000}, true
	case BD09:
		return datum{toBD09, 1500}, true
	}
	return datum{}, false
}

// toWGS84 undoes the offset of p: it looks for the position that the published formula moves to p, until the two agree
// to a thousandth of the last digit kept.
func (d datum) toWGS84(p Point) Point {
	lat, lon := float64(p.LatE7)/e7, float64(p.LonE7)/e7
	if outOfChina(lat, lon) {
		return p
	}
	wLat, wLon := lat, lon
	for range 30 {
		gotLat, gotLon := d.forward(wLat, wLon)
		dLat, dLon := lat-gotLat, lon-gotLon
		wLat, wLon = wLat+dLat, wLon+dLon
		if math.Abs(dLat) < 1e-10 && math.Abs(dLon) < 1e-10 {
			break
		}
	}
	return Point{int32(math.Round(wLat * e7)), int32(math.Round(wLon * e7))}
}

// line turns a line or ring into WGS-84, with points put between where a segment is longer than the datum's stride.
// The points of a segment do not depend on its direction, so that zones that share an edge go on sharing it.
func (d datum) line(line []Point) []Point {
	if d.forward == nil || len(line) == 0 {
		return line
	}
	out := make([]Point, 0, len(line))
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		out = append(out, d.toWGS84(a))
		n := int64(math.Ceil(float64(DistanceDM(a, b)) / d.stride))
		for j := int64(1); j < n; j++ {
			between := func(a, b int32) int32 { return int32((int64(a)*(n-j) + int64(b)*j + n/2) / n) }
			out = append(out, d.toWGS84(Point{between(a.LatE7, b.LatE7), between(a.LonE7, b.LonE7)}))
		}
	}
	return append(out, d.toWGS84(line[len(line)-1]))
}
