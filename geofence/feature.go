package geofence

import (
	"bytes"
	"fmt"
	"math"
)

// feature reads one feature, standing before its opening brace, and keeps its zone where it has no mistake.
func (p *parser) feature() {
	p.features++
	start, first := p.at, len(p.problems)
	var typ string
	g := geometryPlace{at: -1, coordinates: -1}
	props := properties{at: -1}
	var outerID []byte
	if !p.object(func(key []byte, at int) bool {
		switch string(key) {
		case "type":
			typ = p.word()
			return p.what == ""
		case "id":
			p.space()
			from := p.at
			ok := p.skip()
			outerID = p.data[from:p.at]
			return ok
		case "geometry":
			return p.geometry(&g)
		case "properties":
			return p.properties(&props)
		}
		return p.skip()
	}) {
		return
	}
	end := p.at
	defer func() { p.at = end }()

	if typ != "Feature" {
		p.report(start, false, `write "type": "Feature"`, "not a Feature (type %q)", trimmed([]byte(typ)))
	}
	if typ != "Feature" && props.at < 0 { // a bare geometry, most likely
		p.label(first, "")
		return
	}
	z := p.judgeProperties(start, &props, g.typ, outerID)
	if z.Kind != "" {
		p.judgeGeometry(start, &g, &z)
	}

	sound := p.label(first, props.id.text)
	sound = sound && p.more == 0
	if props.id.text == "" {
		return
	}
	pl := place{id: props.id.text, file: p.file.Name, zone: -1}
	pl.line, pl.column = p.position(start)
	if sound {
		pl.zone, pl.center = len(p.zones), zoneBox(&z).middle()
		p.convert(&z)
		p.zones = append(p.zones, z)
	}
	p.places = append(p.places, pl)
}

// label gives the problems from first on the name of the feature, and says whether they are all warnings.
func (p *parser) label(first int, id string) (sound bool) {
	if first == len(p.problems) {
		return true
	}
	label := id
	if label == "" {
		label = fmt.Sprintf("#%d", p.features)
	}
	sound = true
	for i := first; i < len(p.problems); i++ {
		p.problems[i].Feature = label
		sound = sound && p.problems[i].Warning
	}
	return sound
}

// geometryPlace is where a feature's geometry stands.
type geometryPlace struct {
	at, coordinates int // -1: missing
	typ             string
}

// geometry notes where the coordinates are: what they should be depends on members that may come later.
func (p *parser) geometry(g *geometryPlace) bool {
	c := p.peek()
	g.at, g.coordinates, g.typ = p.at, -1, ""
	if c == 'n' {
		g.at = -1
		return p.skip()
	}
	if c != '{' {
		return p.skip()
	}
	return p.object(func(key []byte, at int) bool {
		switch string(key) {
		case "type":
			g.typ = p.word()
			return p.what == ""
		case "coordinates":
			p.space()
			g.coordinates = p.at
		}
		return p.skip()
	})
}

// judgeGeometry reads the geometry of a zone whose kind is known and checks it.
func (p *parser) judgeGeometry(start int, g *geometryPlace, z *Zone) {
	if g.at < 0 {
		p.report(start, false, "draw it: "+wanted(z.Kind), "no geometry")
		return
	}
	var depth int
	switch {
	case g.typ == "Point" && z.Kind == Gate:
		depth = 0
	case g.typ == "LineString" && z.Kind == Bank:
		depth = 1
	case g.typ == "Polygon" && z.Kind != Bank:
		depth = 2
	case g.typ == "MultiPolygon" && z.Kind == Area:
		depth = 3
	case g.typ == "MultiLineString" && z.Kind == Bank, g.typ == "MultiPolygon", g.typ == "MultiPoint", g.typ == "GeometryCollection":
		p.report(g.at, false, "draw each part as a feature of its own; "+wanted(z.Kind), "%s %s cannot be a %s", article(z.Kind), z.Kind, g.typ)
		return
	case g.typ == "":
		p.report(g.at, false, "draw it: "+wanted(z.Kind), "a geometry without a type")
		return
	default:
		p.report(g.at, false, wanted(z.Kind), "%s %s cannot be a %s", article(z.Kind), z.Kind, g.typ)
		return
	}
	if g.coordinates < 0 {
		p.report(g.at, false, "draw it: "+wanted(z.Kind), "a geometry without coordinates")
		return
	}
	p.at = g.coordinates
	s := &p.sketch
	s.reset()
	p.coordinates(s, depth)
	if s.broken {
		return
	}
	if len(s.points) == 0 {
		p.report(g.coordinates, false, "draw it: "+wanted(z.Kind), "empty coordinates")
		return
	}
	switch z.Kind {
	case Bank:
		z.Line = p.checkLine(s)
	default:
		if depth == 0 {
			z.Center = s.points[0]
		} else {
			z.Polygons = p.checkPolygons(s)
		}
	}
}

func article(k Kind) string {
	if k == Area {
		return "an"
	}
	return "a"
}

func wanted(k Kind) string {
	switch k {
	case Gate:
		return "a gate is a Point with radius_m, or a Polygon"
	case Bank:
		return "a bank is a LineString with width_m"
	}
	return "an area is a Polygon or a MultiPolygon"
}

// sketch is a feature's geometry as it was read. It is used again and again.
type sketch struct {
	points   []Point
	offsets  []int // in the file, of points
	rings    []int // where each line or ring ends in points
	polygons []int // where each polygon ends in rings
	broken   bool  // a mistake was reported that makes further checks moot
}

func (s *sketch) reset() {
	s.points, s.offsets, s.rings, s.polygons, s.broken = s.points[:0], s.offsets[:0], s.rings[:0], s.polygons[:0], false
}

// coordinates reads positions nested this deep.
func (p *parser) coordinates(s *sketch, depth int) bool {
	if depth == 0 {
		return p.positionOf(s)
	}
	if p.peek() != '[' {
		if !s.broken {
			p.misnested(p.at)
		}
		s.broken = true
		return p.skip()
	}
	ok := p.array(func(int) bool { return p.coordinates(s, depth-1) })
	switch depth {
	case 1:
		s.rings = append(s.rings, len(s.points))
	case 2:
		s.polygons = append(s.polygons, len(s.rings))
	}
	return ok
}

func (p *parser) misnested(at int) {
	p.report(at, false, "compare with RFC 7946, 3.1: a position is [lon, lat], a ring a list of positions, a polygon a list of rings",
		"the coordinates are not nested as this type of geometry has them")
}

// positionOf reads one position. Of mistakes of this kind the first in a feature is told: they come in droves.
func (p *parser) positionOf(s *sketch) bool {
	c := p.peek()
	at := p.at
	var v [2]float64
	n, strange, misnested := 0, c != '[', isNumber(c)
	if strange {
		p.skip()
	} else if !p.array(func(i int) bool {
		n++
		if c := p.peek(); !isNumber(c) {
			strange, misnested = true, misnested || c == '['
			return p.skip()
		}
		if i > 1 { // height, which zones do not have
			return p.skip()
		}
		f, ok := p.number()
		v[i] = f
		return ok
	}) {
		return false
	}
	if s.broken {
		return true
	}
	s.broken = true
	lon, lat := v[0], v[1]
	switch {
	case misnested:
		p.misnested(at)
	case strange || n < 2:
		p.report(at, false, "write [longitude, latitude] in degrees, as numbers", "a position is not a pair of numbers")
	case math.Abs(lat) > 90 && math.Abs(lat) <= 180 && math.Abs(lon) <= 90:
		p.report(at, false, "GeoJSON has longitude first, then latitude", "latitude %v is beyond 90 degrees: longitude and latitude look swapped", lat)
	case math.Abs(lat) > 90:
		p.report(at, false, "latitudes lie between -90 and 90 degrees (and come second)", "latitude %v is out of range", lat)
	case math.Abs(lon) > 180 && math.Abs(lon) <= 360:
		p.report(at, false, "count longitudes from -180 to 180; cut a zone that crosses the antimeridian in two there", "longitude %v is out of range", lon)
	case math.Abs(lon) > 180:
		p.report(at, false, "longitudes lie between -180 and 180 degrees (and come first)", "longitude %v is out of range", lon)
	case math.Abs(lat) > 85:
		p.report(at, false, "zones lie between 85 degrees south and north", "latitude %v is too near to the pole", lat)
	default:
		s.broken = false
		s.points = append(s.points, Point{LatE7: int32(math.Round(lat * e7)), LonE7: int32(math.Round(lon * e7))})
		s.offsets = append(s.offsets, at)
	}
	return true
}

// convert turns a checked zone into WGS-84.
func (p *parser) convert(z *Zone) {
	if p.datum.forward == nil {
		return
	}
	from := z.Center
	switch {
	case z.RadiusDM > 0:
		z.Center = p.datum.toWGS84(from)
		p.noteShift(from, z.Center)
	case z.Line != nil:
		from = z.Line[0]
		z.Line = p.datum.line(z.Line)
		p.noteShift(from, z.Line[0])
	default:
		from = z.Polygons[0][0][0]
		for _, rings := range z.Polygons {
			for i := range rings {
				rings[i] = p.datum.line(rings[i])
			}
		}
		p.noteShift(from, z.Polygons[0][0][0])
	}
}

func (p *parser) noteShift(from, to Point) {
	if from == to {
		p.unmoved++
		return
	}
	d := DistanceDM(from, to)
	if p.moved[1] == 0 {
		p.moved[0] = d
	}
	p.moved = [2]int64{min(p.moved[0], d), max(p.moved[1], d)}
}

// trimmed is a JSON value as people wrote it, shortened for a message.
func trimmed(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 40 {
		return string(bytes.ToValidUTF8(raw[:40], nil)) + "..."
	}
	return string(raw)
}
