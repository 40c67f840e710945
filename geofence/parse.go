package geofence

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// File is a zone file.
type File struct {
	Name string
	Data []byte
	CRS  CRS
}

// String is the problem as a person reads it: FILE:LINE:COLUMN: feature: what: remedy.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	for _, part := range [...]string{p.Feature, p.What, p.Remedy} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	return b.String()
}

// maxProblems bounds what one file can say; the rest is counted.
const maxProblems = 1000

// leastFeature is fewer bytes than any feature of a zone has: so many zones and no more can be in a file.
const leastFeature = 100

// Parse reads one zone file. It is ParseFiles of one.
func Parse(file string, data []byte, crs CRS) ([]Zone, []Problem) {
	return ParseFiles([]File{{Name: file, Data: data, CRS: crs}})
}

// ParseFiles reads the zone files of a plan: GeoJSON by RFC 7946, with the properties of DESIGN 11. It reports every
// mistake, within a file and between them, in the order of the files; warnings among them (Problem.Warning) do not
// stop the zones from being used. The zones are those without a mistake, in WGS-84, in the order of the files.
func ParseFiles(files []File) ([]Zone, []Problem) {
	var zones []Zone
	var problems []Problem
	var places []place
	for i := range files {
		p := parser{file: &files[i], scanner: scanner{data: files[i].Data}, zones: zones, places: places}
		p.parse()
		zones, places, problems = p.zones, p.places, append(problems, p.finish()...)
	}
	return zones, append(problems, together(zones, places)...)
}

// place is where a feature with an id stands.
type place struct {
	id           string
	file         string
	line, column int
	zone         int   // -1: it has mistakes
	center       Point // as in the file
}

// problem is one of the feature.
func (p *place) problem(what, remedy string) Problem {
	return Problem{File: p.file, Line: p.line, Column: p.column, Feature: p.id, What: what, Remedy: remedy}
}

// parser reads one file.
type parser struct {
	scanner
	file     *File
	datum    datum
	zones    []Zone  // of the files before, too
	places   []place // likewise
	problems []Problem
	offsets  []int // of problems
	more     int   // problems beyond maxProblems
	lines    []int // where lines start, from the second on
	features int
	moved    [2]int64 // how far the datum moved points: least, most
	unmoved  int      // zones that the datum left alone

	// Room that is used again for each feature.
	sketch  sketch
	strands []strand
	edges   []edge
	boxes   []box
}

// report notes a mistake at a place of the file; its feature is filled in by the caller.
func (p *parser) report(at int, warning bool, remedy, format string, args ...any) {
	if len(p.problems) >= maxProblems {
		p.more++
		return
	}
	line, column := p.position(at)
	p.offsets = append(p.offsets, at)
	p.problems = append(p.problems, Problem{
		File: p.file.Name, Line: line, Column: column,
		What: fmt.Sprintf(format, args...), Remedy: remedy, Warning: warning,
	})
}

// position is the line and column, 1-based, of a place in the file.
func (p *parser) position(at int) (line, column int) {
	if p.lines == nil {
		p.lines = make([]int, 0, 16)
		for i := 0; ; {
			n := bytes.IndexByte(p.data[i:], '\n')
			if n < 0 {
				break
			}
			i += n + 1
			p.lines = append(p.lines, i)
		}
	}
	at = min(at, len(p.data))
	n := sort.SearchInts(p.lines, at+1)
	start := 0
	if n > 0 {
		start = p.lines[n-1]
	}
	if at-start > 1<<12 { // a file of one long line: bytes will do
		return n + 1, at - start + 1
	}
	return n + 1, utf8.RuneCount(p.data[start:at]) + 1
}

// finish is all problems of the file, by place.
func (p *parser) finish() []Problem {
	order := make([]int, len(p.problems))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.offsets[a], p.offsets[b]) })
	sorted := make([]Problem, 0, len(order)+2)
	for _, i := range order {
		sorted = append(sorted, p.problems[i])
	}
	if p.more > 0 {
		sorted = append(sorted, Problem{File: p.file.Name, What: fmt.Sprintf("and %d more mistakes", p.more), Remedy: "mend the first ones and check again"})
	}
	return append(sorted, p.shifted()...)
}

// shifted tells how far a datum moved the zones, for people to compare with what they know.
func (p *parser) shifted() []Problem {
	if p.datum.forward == nil {
		return nil
	}
	note := func(remedy, format string, args ...any) Problem {
		return Problem{File: p.file.Name, What: fmt.Sprintf(format, args...), Remedy: remedy, Warning: true}
	}
	var notes []Problem
	if p.moved[1] > 0 {
		notes = append(notes, note("compare one zone with a position taken on the ground",
			"moved by %d to %d m from %s to wgs84", (p.moved[0]+5)/10, (p.moved[1]+5)/10, p.file.CRS))
	}
	if p.unmoved > 0 {
		notes = append(notes, note("use crs wgs84 for zones abroad",
			"%d zones lie outside the rectangle that the published %s formula applies to and were not moved", p.unmoved, p.file.CRS))
	}
	return notes
}

func (p *parser) parse() {
	var ok bool
	if p.datum, ok = datumOf(p.file.CRS); !ok {
		p.report(0, false, "state the system that the file was drawn in", "unknown crs %q (wgs84, gcj02, bd09)", p.file.CRS)
		return
	}
	if what, remedy := notGeoJSON(p.file.Name, p.data); what != "" {
		p.report(0, false, remedy, "%s", what)
		return
	}
	if bytes.HasPrefix(p.data, []byte("\xef\xbb\xbf")) {
		p.at = 3
	}
	if p.document() && p.peek() != 0 {
		p.fail(p.at, "something follows after the end")
	}
	if p.what != "" {
		p.report(p.bad, false, "mend the file, or export it again", "not JSON: %s", p.what)
	}
}

// notGeoJSON recognises what people take for a zone file and is not.
func notGeoJSON(name string, data []byte) (what, remedy string) {
	const export = "open it in a map editor and export it as GeoJSON"
	text := bytes.TrimLeft(data, " \t\r\n\xef\xbb\xbf")
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, ".plan"):
		return "a QGroundControl plan is not a zone file", export
	case strings.HasSuffix(lower, ".kml"), strings.HasSuffix(lower, ".kmz"):
		return "KML is not read as a zone file", export
	case len(text) == 0:
		return "the file is empty", "draw at least one zone"
	case text[0] == '<':
		return "this is XML, not GeoJSON", export
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "this is UTF-16, not UTF-8", "save it as UTF-8"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return "this is a zip archive, not GeoJSON", "unpack it"
	}
	return "", ""
}

// document reads the file's one value. Which kind of object it is may be told after its features: it is looked
// through for the type first.
func (p *parser) document() bool {
	start := p.at
	if p.peek() != '{' {
		at := p.at
		if !p.skip() {
			return false
		}
		p.report(at, false, "a zone file is one object of type FeatureCollection", "not a FeatureCollection")
		return true
	}
	var kind string
	features, n, crs, plan := -1, 0, -1, false
	if !p.object(func(key []byte, at int) bool {
		switch string(key) {
		case "type":
			kind = p.word()
			return p.what == ""
		case "features":
			p.space()
			features, n = p.at, 0
			if p.peek() == '[' {
				return p.array(func(int) bool { n++; return p.skipAt(1) })
			}
		case "crs":
			p.space()
			crs = p.at
		case "fileType":
			plan = true
		}
		return p.skip()
	}) {
		return false
	}
	end := p.at
	defer func() { p.at = end }()
	if crs >= 0 {
		p.at = crs
		p.crs()
	}
	switch {
	case kind == "Feature":
		p.at = start
		p.space()
		p.feature()
		return true
	case kind != "FeatureCollection" && plan:
		p.report(start, false, "open it in a map editor and export it as GeoJSON", "this is a QGroundControl plan, not a zone file")
		return true
	case kind != "FeatureCollection":
		p.report(start, false, "a zone file is one object of type FeatureCollection", "not a FeatureCollection (type %q)", kind)
		return true
	case features < 0:
		p.report(start, false, `add "features": [...]`, "a FeatureCollection without features")
		return true
	}
	p.at = features
	if p.peek() != '[' {
		p.report(features, false, "write a list of features", "features is not a list")
		return true
	}
	n = min(n, len(p.data)/leastFeature)
	p.zones, p.places = slices.Grow(p.zones, n), slices.Grow(p.places, n)
	p.array(func(int) bool {
		if p.peek() != '{' {
			p.features++
			p.report(p.at, false, "write an object of type Feature", "feature #%d is not an object", p.features)
			return p.skip()
		}
		p.feature()
		return p.what == ""
	})
	if p.features == 0 {
		p.report(features, false, "draw at least one zone: nothing is watched without", "no zones")
	}
	return true
}

// word reads a string member; anything else is skipped and "".
func (p *parser) word() string {
	if p.peek() != '"' {
		p.skip()
		return ""
	}
	raw, _ := p.text()
	return string(raw)
}

// crs judges the member that RFC 7946 took out of GeoJSON. Programs that still write it mostly name what is the rule.
func (p *parser) crs() {
	at := p.at
	if p.peek() == 'n' {
		p.skip()
		return
	}
	p.skip()
	raw := strings.ToUpper(string(p.data[at:p.at]))
	for _, name := range [...]string{"CRS84", "WGS84", "WGS 84", "EPSG:4326", "EPSG::4326"} {
		if strings.Contains(raw, name) {
			p.report(at, true, "leave it out", "a crs member is not part of GeoJSON (RFC 7946, 4); it names WGS-84 and is ignored")
			return
		}
	}
	p.report(at, false, "export the file in WGS-84 (EPSG:4326) and leave the member out", "a crs member is not part of GeoJSON (RFC 7946, 4), and this one does not name WGS-84")
}
