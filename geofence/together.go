package geofence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// apartDM is how far a zone may lie from all others before it is a mistake.
const apartDM = 2_000_000

// together reports what no zone can tell alone: ids that are used twice, and zones that lie far from all others.
func together(zones []Zone, places []place) []Problem {
	var problems []Problem
	first := make(map[string]int, len(places))
	for i := range places {
		pl := &places[i]
		if j, ok := first[pl.id]; ok {
			problems = append(problems, pl.problem("the id is already used at "+where(&places[j]), "give each zone an id of its own"))
			continue
		}
		first[pl.id] = i
	}
	sound := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.zone < 0 })
	problems = append(problems, farAway(sound)...)
	if len(problems) > maxProblems {
		more := len(problems) - maxProblems
		problems = append(problems[:maxProblems], Problem{File: problems[maxProblems].File, What: fmt.Sprintf("and %d more mistakes", more), Remedy: "mend the first ones and check again"})
	}
	return problems
}

func where(p *place) string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column) }

// farAway reports zones that lie more than 200 km from the rest. The rest is the largest group of zones with no wider
// gap between them, the first of these where they are equally large, so that a long river is one group and a file of
// swapped coordinates another.
func farAway(places []place) []Problem {
	if len(places) < 2 {
		return nil
	}
	all := make([]int, len(places))
	for i := range all {
		all[i] = i
	}
	groups := split(places, all, 0)
	if len(groups) == 1 {
		return nil
	}
	main := groups[0]
	for _, g := range groups[1:] {
		if len(g) > len(main) || len(g) == len(main) && g[0] < main[0] {
			main = g
		}
	}
	bounds := noBox()
	home := make([]bool, len(places))
	for _, i := range main {
		bounds, home[i] = bounds.join(pointBox(places[i].center)), true
	}
	var problems []Problem
	for i := range places {
		if home[i] {
			continue
		}
		c := places[i].center
		what := fmt.Sprintf("lies %d km away from the other zones (%q at %s and %d more)",
			DistanceDM(c, bounds.clamp(c))/10_000, places[main[0]].id, where(&places[main[0]]), len(main)-1)
		remedy := "mend its coordinates: a digit, the sign, or the order (longitude first); zones that are so far apart belong to two stations"
		swapped := Point{LatE7: c.LonE7, LonE7: c.LatE7}
		if onEarth(swapped) && DistanceDM(swapped, bounds.clamp(swapped)) <= apartDM {
			what += ": longitude and latitude look swapped"
			remedy = "GeoJSON has longitude first, then latitude"
		}
		problems = append(problems, places[i].problem(what, remedy))
	}
	return problems
}

// split parts places at gaps wider than apartDM, by latitude and longitude in turn until neither finds one. Each group
// is in order; calm is how many of the two found none before.
func split(places []place, group []int, calm int) [][]int {
	for byLat := true; calm < 2; byLat = !byLat {
		parts := cut(places, group, byLat)
		if len(parts) == 1 {
			calm++
			continue
		}
		var groups [][]int
		for _, part := range parts {
			groups = append(groups, split(places, part, 0)...)
		}
		return groups
	}
	slices.Sort(group)
	return [][]int{group}
}

// cut parts places at gaps along one axis.
func cut(places []place, group []int, byLat bool) [][]int {
	along := func(i int) float64 { return float64(places[i].center.LonE7) }
	perDegree := 1.0
	if byLat {
		along = func(i int) float64 { return float64(places[i].center.LatE7) }
	} else { // a degree of longitude is longest nearest to the equator
		least := 90 * e7
		for _, i := range group {
			least = min(least, math.Abs(float64(places[i].center.LatE7)))
		}
		perDegree = math.Cos(least / e7 * (math.Pi / 180))
	}
	slices.SortFunc(group, func(a, b int) int { return cmp.Or(cmp.Compare(along(a), along(b)), cmp.Compare(a, b)) })
	var parts [][]int
	from := 0
	for i := 1; i < len(group); i++ {
		if gap := (along(group[i]) - along(group[i-1])) * perDegree * (1_112_000 / e7); gap > apartDM {
			parts, from = append(parts, group[from:i]), i
		}
	}
	return append(parts, group[from:])
}

// middle is the middle of b.
func (b box) middle() Point {
	return Point{int32((int64(b.minLat) + int64(b.maxLat)) / 2), int32((int64(b.minLon) + int64(b.maxLon)) / 2)}
}

// clamp is the point of b next to p.
func (b box) clamp(p Point) Point {
	return Point{max(b.minLat, min(b.maxLat, p.LatE7)), max(b.minLon, min(b.maxLon, p.LonE7))}
}

// zoneBox is the box of a zone's points.
func zoneBox(z *Zone) box {
	if z.RadiusDM > 0 {
		return pointBox(z.Center)
	}
	b := ringBox(z.Line)
	for _, rings := range z.Polygons {
		if len(rings) > 0 {
			b = b.join(ringBox(rings[0]))
		}
	}
	return b
}
