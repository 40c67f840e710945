package geofence

import (
	"fmt"
	"slices"
)

// maxEdgeDM is the longest edge that is no slip of the keyboard.
const maxEdgeDM = 2_000_000

// maxTouches is how many places one zone names where it touches itself.
const maxTouches = 3

// lonLat is a position as the file writes it.
func lonLat(p Point) string {
	return fmt.Sprintf("[%.7f, %.7f]", float64(p.LonE7)/e7, float64(p.LatE7)/e7)
}

// strand is one line or ring of a sketch.
type strand struct {
	points  []Point
	offsets []int
}

func (s *sketch) strand(i int) strand {
	from := 0
	if i > 0 {
		from = s.rings[i-1]
	}
	return strand{s.points[from:s.rings[i]], s.offsets[from:s.rings[i]]}
}

// checkEdges reports edges that no one can have meant, and passes over points given twice in a row. The strand's
// points are its own; they are closed up in place.
func (p *parser) checkEdges(s *strand) (ok bool) {
	ok = true
	n := 1
	repeated := 0
	for i := 1; i < len(s.points); i++ {
		a, b := s.points[n-1], s.points[i]
		if a == b {
			if repeated++; repeated == 1 {
				p.report(s.offsets[i], true, "delete one of them", "the point %s is given twice in a row", lonLat(b))
			}
			continue
		}
		wide := int64(a.LonE7) - int64(b.LonE7)
		switch {
		case wide > 180*e7 || wide < -180*e7:
			p.report(s.offsets[i], false, "cut the zone in two at 180 degrees, as RFC 7946, 3.1.9 says", "the edge from %s to %s crosses the antimeridian", lonLat(a), lonLat(b))
			return false
		case DistanceDM(a, b) > maxEdgeDM:
			p.report(s.offsets[i], false, "mend the position that is wrong", "the edge from %s to %s is %d km long", lonLat(a), lonLat(b), DistanceDM(a, b)/10_000)
			ok = false
		}
		s.points[n], s.offsets[n] = b, s.offsets[i]
		n++
	}
	s.points, s.offsets = s.points[:n], s.offsets[:n]
	return ok
}

// checkLine judges a bank's line and returns a copy of it.
func (p *parser) checkLine(s *sketch) []Point {
	line := s.strand(0)
	at := line.offsets[0]
	if !p.checkEdges(&line) {
		return nil
	}
	if len(line.points) < 2 {
		p.report(at, false, "draw it with at least two different points", "the line has no length")
		return nil
	}
	if !p.checkTouches([]strand{line}, Bank) {
		return nil
	}
	return slices.Clone(line.points)
}

// checkPolygons judges a gate's or area's polygons and returns copies of them.
func (p *parser) checkPolygons(s *sketch) [][][]Point {
	strands := p.strands[:0]
	ok := true
	for i := range s.rings {
		ring := s.strand(i)
		ok = p.checkRing(&ring, s) && ok
		strands = append(strands, ring)
	}
	p.strands = strands
	from := 0
	for _, end := range s.polygons {
		if end == from {
			p.report(s.offsets[0], false, "delete it", "a polygon without rings")
			ok = false
		}
		from = end
	}
	if !ok || !p.checkTouches(strands, Area) || !p.checkNesting(strands, s.polygons) {
		return nil
	}
	polygons := make([][][]Point, 0, len(s.polygons))
	from = 0
	for _, end := range s.polygons {
		rings := make([][]Point, 0, end-from)
		for _, r := range strands[from:end] {
			rings = append(rings, slices.Clone(r.points))
		}
		polygons, from = append(polygons, rings), end
	}
	return polygons
}

func (p *parser) checkRing(r *strand, s *sketch) bool {
	if len(r.points) == 0 {
		p.report(s.offsets[0], false, "delete it", "a ring without points")
		return false
	}
	at, n := r.offsets[0], len(r.points)
	closed := r.points[0] == r.points[n-1]
	switch {
	case n < 4 && (closed || n < 3):
		p.report(at, false, "draw at least three corners and repeat the first at the end", "a ring of %d positions has no area", n)
		return false
	case !closed:
		p.report(r.offsets[n-1], false, "repeat the first position "+lonLat(r.points[0])+" at the end", "the ring is not closed: it ends at %s", lonLat(r.points[n-1]))
		return false
	}
	if !p.checkEdges(r) {
		return false
	}
	if len(r.points) < 4 {
		p.report(at, false, "draw at least three different corners", "the ring has no area: its corners are %d", len(r.points)-1)
		return false
	}
	return true
}

// edge is one segment of a zone under check.
type edge struct {
	segment
	strand, index int32
}

// checkTouches reports where the lines and rings of one zone touch themselves or one another. Each edge is compared
// with those whose boxes meet its own, which a pyramid over all of them finds.
func (p *parser) checkTouches(strands []strand, kind Kind) bool {
	edges, boxes := p.edges[:0], p.boxes[:0]
	for i := range strands {
		points := strands[i].points
		for j := 1; j < len(points); j++ {
			edges = append(edges, edge{segment{points[j-1], points[j]}, int32(i), int32(j - 1)})
			boxes = append(boxes, segmentBox(points[j-1], points[j]))
		}
	}
	p.edges, p.boxes = edges, boxes
	found := 0
	compare := func(i, j int) bool {
		a, b := edges[i], edges[j]
		m := meet(a.a, a.b, b.a, b.b)
		if m == apart || m == touching && neighbours(a, b, strands) {
			return true
		}
		what, remedy := touchWords(m, a, b, kind)
		p.report(strands[b.strand].offsets[b.index], false, remedy, "%s: the edge %s to %s %s the edge %s to %s",
			what, lonLat(a.a), lonLat(a.b), touchVerb(m), lonLat(b.a), lonLat(b.b))
		if found++; m != crossing { // the neighbouring edges touch there too
			found = maxTouches
		}
		return found < maxTouches
	}
	n := len(edges)
	if n <= 4*fan {
		for i := range edges {
			for j := i + 1; j < n; j++ {
				if boxes[i].overlaps(boxes[j]) && !compare(i, j) {
					return false
				}
			}
		}
		return found == 0
	}
	tree := newPyramid(boxes)
	var near []int32
	for i := range edges {
		near = tree.overlapping(boxes[i], near[:0])
		for _, j := range near {
			if int(j) > i && !compare(i, int(j)) {
				return false
			}
		}
	}
	return found == 0
}

// neighbours says whether two edges that touch do so because one follows the other.
func neighbours(a, b edge, strands []strand) bool {
	if a.strand != b.strand {
		return false
	}
	points := strands[a.strand].points
	last := int32(len(points) - 2)
	return b.index == a.index+1 && a.b == b.a || a.index == 0 && b.index == last && points[0] == points[last+1]
}

func touchVerb(m meeting) string {
	switch m {
	case crossing:
		return "crosses"
	case overlap:
		return "runs along"
	}
	return "touches"
}

func touchWords(m meeting, a, b edge, kind Kind) (what, remedy string) {
	switch {
	case kind == Bank:
		return "the line meets itself", "draw it without loops, or cut it into two banks: left and right must be clear"
	case a.strand != b.strand && m == crossing:
		return "two rings cross", "draw a hole inside its polygon, and polygons apart from one another"
	case a.strand != b.strand:
		return "two rings touch", "move one of them away, or draw two features"
	case m == crossing:
		return "the ring crosses itself", "put the corners in the order in which one walks around"
	}
	return "the ring touches itself", "move the corner away, or draw two polygons"
}

// checkNesting reports holes outside their polygon and polygons inside one another. The rings do not touch, so one
// corner tells of a whole ring. A pyramid over the rings' boxes finds the candidates.
func (p *parser) checkNesting(strands []strand, polygons []int) bool {
	if len(strands) == 1 {
		return true
	}
	boxes := make([]box, len(strands))
	outer := make([]int, len(strands)) // the outer ring of a ring's polygon
	from := 0
	for _, end := range polygons {
		for i := from; i < end; i++ {
			outer[i], boxes[i] = from, ringBox(strands[i].points)
		}
		from = end
	}
	tree := newPyramid(boxes)
	var near []int32
	ok := true
	for i := range strands {
		corner := strands[i].points[0]
		near = tree.overlapping(pointBox(corner), near[:0])
		inOwn, inHole, inOther, inOthersHole := false, false, false, false
		for _, j := range near {
			if int(j) == i || !ringContains(strands[j].points, corner) {
				continue
			}
			switch {
			case int(j) == outer[i]:
				inOwn = true
			case outer[j] == outer[i]:
				inHole = true
			case outer[j] == int(j):
				inOther = true
			default:
				inOthersHole = true
			}
		}
		at := strands[i].offsets[0]
		switch {
		case outer[i] != i && !inOwn:
			p.report(at, false, "move it inside, or draw it as a polygon of its own", "the hole at %s lies outside its polygon", lonLat(corner))
			ok = false
		case outer[i] != i && inHole:
			p.report(at, false, "delete it", "the hole at %s lies inside another hole", lonLat(corner))
			ok = false
		case outer[i] == i && inOther && !inOthersHole:
			p.report(at, false, "delete it, or draw a hole", "the polygon at %s lies inside another one", lonLat(corner))
			ok = false
		}
	}
	return ok
}

func ringBox(ring []Point) box {
	b := noBox()
	for _, p := range ring {
		b = b.join(pointBox(p))
	}
	return b
}

func ringContains(ring []Point, p Point) bool {
	odd := false
	for i := 1; i < len(ring); i++ {
		if crossesEast(ring[i-1], ring[i], p) {
			odd = !odd
		}
	}
	return odd
}
