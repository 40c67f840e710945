package geofence

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Near appends to out every zone that a sighting at p is near to, best first: gates before banks before areas, then
// by certainty, distance and id (DESIGN 11). ce90DM is the radius of the circle that holds the target with 90 %.
//
// The bearing is taken from the boundary's point next to the sighting; for one on or inside the boundary from the
// zone's middle: the circle's centre, the polygons' centroid, the next point of a bank's line. It is 0 where the two
// are one point.
func (x *Index) Near(p Point, ce90DM int64, out []Near) []Near {
	if !onEarth(p) {
		return out
	}
	var room [32]int32
	first, f := len(out), newFrame(p)
	r := max(ce90DM, 0)
	for _, z := range x.reaches.overlapping(pointBox(p).grow(min(float64(r), 2e8)), room[:0]) {
		if n := x.judge(z, &f, r); n.Certainty != Far {
			out = append(out, n)
		}
	}
	slices.SortFunc(out[first:], x.better)
	return out
}

func (x *Index) judge(z int32, f *frame, r int64) Near {
	zone := &x.zones[z]
	n := Near{Zone: int(z)}
	reach := int64(zone.AlertDistanceDM)
	var dlon, dlat float64 // what the bearing is taken from
	switch {
	case zone.Kind == Bank:
		d, side, at := x.toLine(z, f)
		n.SignedDM, n.Side = d-int64(zone.WidthDM), sideName(side)
		dlon, dlat = at.dlon, at.dlat
	case zone.RadiusDM > 0:
		dlon, dlat = f.offset(zone.Center)
		n.SignedDM = dm(f.length2(dlon, dlat)) - int64(zone.RadiusDM)
	default:
		at := x.nearest(z, f, math.Inf(1))
		n.SignedDM = dm(at.d2)
		if n.SignedDM != 0 && x.contains(z, f.p) {
			n.SignedDM = -n.SignedDM
		}
		dlon, dlat = at.dlon, at.dlat
		if n.SignedDM <= 0 {
			dlon, dlat = f.offset(centroid(zone.Polygons))
		}
	}
	switch s := n.SignedDM; {
	case s+r <= reach:
		n.Certainty = Certain
	case s <= reach:
		n.Certainty = Likely
	case s-r <= reach:
		n.Certainty = Possible
	default:
		return n
	}
	n.BearingDeg = f.bearing(dlon, dlat)
	return n
}

func (x *Index) better(a, b Near) int {
	return cmp.Or(
		cmp.Compare(kindRank(x.zones[a.Zone].Kind), kindRank(x.zones[b.Zone].Kind)),
		cmp.Compare(certaintyRank(a.Certainty), certaintyRank(b.Certainty)),
		cmp.Compare(max(a.SignedDM, 0), max(b.SignedDM, 0)), // the distance that a transition tells
		strings.Compare(x.zones[a.Zone].ID, x.zones[b.Zone].ID),
	)
}

func kindRank(k Kind) int {
	switch k {
	case Gate:
		return 0
	case Bank:
		return 1
	}
	return 2
}

func certaintyRank(c Certainty) int {
	switch c {
	case Certain:
		return 0
	case Likely:
		return 1
	}
	return 2
}

// onEarth says whether p is a latitude and a longitude.
func onEarth(p Point) bool {
	return p.LatE7 >= -90*e7 && p.LatE7 <= 90*e7 && p.LonE7 >= -180*e7 && p.LonE7 <= 180*e7
}

// centroid is the middle of the polygons' area, holes left out.
func centroid(polygons [][][]Point) Point {
	o := polygons[0][0][0]
	var area, sumLon, sumLat float64
	for _, rings := range polygons {
		for i, ring := range rings {
			var a, lon, lat float64 // twice the area, six times the moments
			for j := 1; j < len(ring); j++ {
				px, py := float64(ring[j-1].LonE7)-float64(o.LonE7), float64(ring[j-1].LatE7)-float64(o.LatE7)
				qx, qy := float64(ring[j].LonE7)-float64(o.LonE7), float64(ring[j].LatE7)-float64(o.LatE7)
				c := px*qy - qx*py
				a, lon, lat = a+c, lon+(px+qx)*c, lat+(py+qy)*c
			}
			if (a < 0) != (i > 0) { // outer rings count, whichever way they run, and holes count against them
				a, lon, lat = -a, -lon, -lat
			}
			area, sumLon, sumLat = area+a, sumLon+lon, sumLat+lat
		}
	}
	if area <= 0 {
		return o
	}
	return Point{
		LatE7: int32(math.Round(float64(o.LatE7) + sumLat/(3*area))),
		LonE7: int32(math.Round(float64(o.LonE7) + sumLon/(3*area))),
	}
}
