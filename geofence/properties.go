package geofence

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// properties is what a feature's properties say, before it is judged.
type properties struct {
	at                                               int // -1: missing
	id, name, kind, left, right, severity, maxUnseen textProperty
	radius, width, alertDistance, surface, seen      numberProperty
}

type textProperty struct {
	text  string
	at    int
	given bool
}

type numberProperty struct {
	value float64
	at    int
	given bool
	bad   bool // given, but not a number
}

// property is one of ours, with where it goes.
type property struct {
	key    string
	text   func(*properties) *textProperty
	number func(*properties) *numberProperty
}

var ourProperties = [...]property{
	{key: "id", text: func(p *properties) *textProperty { return &p.id }},
	{key: "name", text: func(p *properties) *textProperty { return &p.name }},
	{key: "kind", text: func(p *properties) *textProperty { return &p.kind }},
	{key: "left_name", text: func(p *properties) *textProperty { return &p.left }},
	{key: "right_name", text: func(p *properties) *textProperty { return &p.right }},
	{key: "severity", text: func(p *properties) *textProperty { return &p.severity }},
	{key: "max_unseen", text: func(p *properties) *textProperty { return &p.maxUnseen }},
	{key: "radius_m", number: func(p *properties) *numberProperty { return &p.radius }},
	{key: "width_m", number: func(p *properties) *numberProperty { return &p.width }},
	{key: "alert_distance_m", number: func(p *properties) *numberProperty { return &p.alertDistance }},
	{key: "surface_amsl_m", number: func(p *properties) *numberProperty { return &p.surface }},
	{key: "seen_m", number: func(p *properties) *numberProperty { return &p.seen }},
}

// properties reads a feature's properties. Keys that are not ours belong to others, unless they look like ours.
func (p *parser) properties(props *properties) bool {
	c := p.peek()
	*props = properties{at: p.at}
	if c != '{' {
		if c != 'n' {
			p.report(p.at, false, "write an object", "properties is not an object")
		}
		return p.skip()
	}
	return p.object(func(key []byte, at int) bool {
		for i := range ourProperties {
			if ours := &ourProperties[i]; string(key) == ours.key {
				return p.property(ours, props, at)
			}
		}
		if near := misspelt(string(key)); near != "" {
			p.report(at, true, "rename it, if "+near+" is meant", "unknown property %q", trimmed(key))
		}
		return p.skip()
	})
}

func (p *parser) property(ours *property, props *properties, at int) bool {
	c := p.peek()
	from := p.at
	if c == 'n' { // null: not given, as map editors write it
		return p.skip()
	}
	var given *bool
	if ours.text != nil {
		given = &ours.text(props).given
	} else {
		given = &ours.number(props).given
	}
	if *given {
		p.report(at, false, "leave one of them", "%s is given twice", ours.key)
		return p.skip()
	}
	*given = true
	if ours.text != nil {
		t := ours.text(props)
		t.at = from
		if c == '"' {
			raw, ok := p.text()
			t.text = string(raw)
			return ok
		}
		ok := p.skip()
		p.report(from, false, fmt.Sprintf(`write it in quotes: %q: "..."`, ours.key), "%s is not a string: %s", ours.key, trimmed(p.data[from:p.at]))
		return ok
	}
	n := ours.number(props)
	n.at = from
	if isNumber(c) {
		v, ok := p.number()
		n.value = v
		return ok
	}
	n.bad = true
	ok := p.skip()
	p.report(from, false, fmt.Sprintf(`write metres as a number without quotes: %q: 30`, ours.key), "%s is not a number: %s", ours.key, trimmed(p.data[from:p.at]))
	return ok
}

// judgeProperties makes the zone that the properties describe. Its kind is "" where the geometry cannot be judged.
func (p *parser) judgeProperties(start int, props *properties, geometry string, outerID []byte) Zone {
	if props.at < 0 {
		props.at = start
	}
	z := Zone{ID: props.id.text, Name: props.name.text, LeftName: props.left.text, RightName: props.right.text}
	p.judgeID(props, outerID)
	if z.Name == "" {
		z.Name = z.ID
	}
	const kinds = "write one of gate, bank, area"
	switch k := Kind(props.kind.text); {
	case k == Gate || k == Bank || k == Area:
		z.Kind = k
	case !props.kind.given:
		p.report(props.at, false, kinds, "no kind")
	case props.kind.text != "" || p.data[props.kind.at] == '"':
		p.report(props.kind.at, false, kinds, "unknown kind %q", trimmed([]byte(props.kind.text)))
	}
	switch v := &props.severity; {
	case slices.Contains([]string{"low", "medium", "high", "critical"}, v.text):
		z.Severity = v.text
	case v.text != "" || v.given && p.data[v.at] == '"':
		p.report(v.at, false, "write one of low, medium, high, critical", "unknown severity %q", trimmed([]byte(v.text)))
	}
	p.judgeLengths(props, geometry, &z)
	p.judgeUnseen(props, &z)
	return z
}

func (p *parser) judgeID(props *properties, outerID []byte) {
	switch id := props.id.text; {
	case id == "" && props.id.given:
		if p.data[props.id.at] == '"' {
			p.report(props.id.at, false, "give it a unique one", "id is empty")
		}
	case id == "" && outerID != nil:
		p.report(props.at, false, "write it into the properties, as a string", "no id in the properties (the feature's own id %s is not used)", trimmed(outerID))
	case id == "":
		p.report(props.at, false, `give it a unique one: "id": "gate-1"`, "no id in the properties")
	case utf8.RuneCountInString(id) > 64:
		p.report(props.id.at, false, "shorten it; name may be long", "id is longer than 64 characters")
	case strings.ContainsFunc(id, unicode.IsControl) || strings.TrimSpace(id) != id:
		p.report(props.id.at, false, "use letters, digits and dashes", "id %q has blanks around it or control characters in it", id)
	}
}

// The longest lengths that are no mistake, in metres.
const (
	maxSizeM  = 20_000
	maxReachM = 50_000
)

func (p *parser) judgeLengths(props *properties, geometry string, z *Zone) {
	circle := z.Kind == Gate && geometry == "Point"
	switch r := &props.radius; {
	case circle:
		z.RadiusDM = p.length(props.at, "radius_m", r, 0.1, maxSizeM, true)
	case r.given && z.Kind != "":
		p.report(r.at, true, "leave it out, or draw the gate as a Point", "radius_m is ignored: it belongs to a gate that is a Point")
	}
	switch w := &props.width; {
	case z.Kind == Bank:
		z.WidthDM = p.length(props.at, "width_m", w, 0.1, maxSizeM, true)
	case w.given && z.Kind != "":
		p.report(w.at, true, "leave it out", "width_m is ignored: it belongs to a bank")
	}
	if z.Kind != Bank && z.Kind != "" && (props.left.given || props.right.given) {
		p.report(max(props.left.at, props.right.at), true, "leave them out", "left_name and right_name are ignored: they belong to a bank")
	}
	z.AlertDistanceDM = p.length(props.at, "alert_distance_m", &props.alertDistance, 0, maxReachM, false)
	if s := &props.surface; s.given && !s.bad {
		if s.value < -500 || s.value > 9000 {
			p.report(s.at, false, "give metres above mean sea level, from -500 to 9000", "surface_amsl_m is %v", s.value)
		} else {
			mm := int64(math.Round(s.value * 1000))
			z.SurfaceAMSLMM = &mm
		}
	}
}

// length judges a length in metres and turns it into decimetres.
func (p *parser) length(at int, key string, n *numberProperty, least, most float64, needed bool) int32 {
	remedy := fmt.Sprintf("give metres, from %v to %v", least, most)
	switch {
	case n.bad:
	case !n.given && needed:
		p.report(at, false, remedy, "no %s", key)
	case !n.given:
	case n.value < 0:
		p.report(n.at, false, remedy, "%s is negative: %v", key, n.value)
	case n.value < least:
		p.report(n.at, false, remedy, "%s is too small: %v", key, n.value)
	case n.value > most:
		p.report(n.at, false, remedy, "%s is too large: %v", key, n.value)
	default:
		return int32(math.Round(n.value * 10))
	}
	return 0
}

func (p *parser) judgeUnseen(props *properties, z *Zone) {
	u := &props.maxUnseen
	seen := p.length(props.at, "seen_m", &props.seen, 1, maxReachM, false)
	if !u.given {
		if props.seen.given {
			p.report(props.seen.at, true, "add max_unseen, or leave it out", "seen_m is ignored: it goes with max_unseen")
		}
		return
	}
	if p.data[u.at] != '"' {
		return // reported as no string
	}
	d, err := parseDuration(u.text)
	switch {
	case err != nil:
		p.report(u.at, false, "write a duration such as 45m, 12h or 2d", "max_unseen: %v", err)
	case d <= 0 || d > 3650*24*time.Hour:
		p.report(u.at, false, "write a duration such as 45m, 12h or 2d", "max_unseen is %q", u.text)
	case z.Kind == Bank || z.Kind == Area:
		p.report(u.at, false, "leave it out, or draw a gate", "max_unseen belongs to a gate")
	default:
		z.MaxUnseenUS, z.SeenDM = d.Microseconds(), 1500
		if props.seen.given {
			z.SeenDM = seen
		}
	}
}

// parseDuration reads a duration as Go writes it, with d for days in front: 1d12h.
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return d + more, nil
}

// misspelt is the property of ours that key was probably meant to be, "" if it is just another's.
func misspelt(key string) string {
	if len(key) > 24 {
		return ""
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(key))
	for i := range ourProperties {
		ours := ourProperties[i].key
		bare := strings.ReplaceAll(ours, "_", "")
		room := 0 // how many letters may differ
		if len(bare) > 5 {
			room = 2
		}
		if distance := editDistance(plain, bare); distance <= room || plain+"m" == bare {
			return ours
		}
	}
	return ""
}

// editDistance is how many letters must be added, taken away, replaced or swapped with their neighbour to turn a into b.
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last = last, slices.Clone(row)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
