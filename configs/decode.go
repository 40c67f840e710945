package configs

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills a configuration from a syntax tree. goccy's own decoder stops at the first mistake; this one goes on,
// reports each, and remembers where every path stands so that later checks can point at it.
type decoder struct {
	env    func(name string) (string, bool)
	report func(at place, path, what, remedy string)
	places map[string]place
}

// place is a position in the file, 1-based.
type place struct{ line, column int }

// notYet holds the keys that the product knows but this version does not, list indexes left out.
var notYet = map[string]bool{
	"rules[].ack_within": true, "rules[].progress_within": true,
	"privacy": true, "checkpoints": true, "shifts": true, "people": true, "accounts": true,
}

// setDefaults calls SetDefaults on v and on the structs in it, innermost first.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			setDefaults(v.Field(i))
		}
	}
	if d, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
}

// field is a key of a struct: where it goes, and whether its value may hold ${ENV}.
type field struct {
	key   string
	index []int
	env   bool
}

// fields lists the keys of t; those of an inline struct are t's own. A field without a yaml tag goes by its name.
func fields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || key == "-":
		case option == "inline":
			for _, in := range fields(f.Type) {
				in.index = append([]int{i}, in.index...)
				all = append(all, in)
			}
		default:
			if key == "" {
				key = strings.ToLower(f.Name)
			}
			all = append(all, field{key, []int{i}, option == "env"})
		}
	}
	return all
}

// value decodes n into v. at is where a complaint about the value as a whole points.
func (d *decoder) value(path string, at place, n ast.Node, v reflect.Value, env bool) {
	d.places[path] = at
	switch n := n.(type) {
	case *ast.NullNode: // "key:" with nothing behind it leaves the default
		return
	case *ast.AliasNode, *ast.AnchorNode:
		d.report(at, path, "anchors and aliases are not supported", "write the value out")
		return
	case *ast.TagNode:
		d.report(at, path, fmt.Sprintf("the tag %s is not supported", n.Start.Value), "remove it")
		return
	}
	wrong := func(want, remedy string) {
		d.report(at, path, fmt.Sprintf("is %s, not %s", kindOf(n), want), remedy)
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		d.duration(path, at, n, v)
	case v.Kind() == reflect.Pointer: // what need not be there at all
		there := reflect.New(v.Type().Elem())
		setDefaults(there.Elem())
		d.value(path, at, n, there.Elem(), env)
		v.Set(there)
	case v.Kind() == reflect.Struct:
		if !d.mapping(path, n, v) {
			wrong("a group of keys", "write its keys under it, each in a line of its own and indented, or as {key: value}")
		}
	case v.Kind() == reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			wrong("a list", `write one "- " line for each, or [a, b]`)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
		for i, item := range list.Values {
			setDefaults(v.Index(i))
			sub := fmt.Sprintf("%s[%d]", path, i)
			if _, null := item.(*ast.NullNode); null || item == nil {
				at := at
				if i < len(list.Entries) && list.Entries[i].Start != nil {
					at = place{list.Entries[i].Start.Position.Line, list.Entries[i].Start.Position.Column}
				}
				d.report(at, sub, "is empty", "fill it in or remove it")
				continue
			}
			d.value(sub, start(item), item, v.Index(i), false)
		}
	case v.Kind() == reflect.String:
		s, ok := text(n)
		if !ok {
			wrong("a text", "write one text, in quotes where it looks like something else")
			return
		}
		d.text(path, at, s, v, env)
	case v.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			wrong("true or false", "write true or false without quotes")
			return
		}
		v.SetBool(b.Value)
	default:
		d.number(path, at, n, v)
	}
}

// mapping decodes the keys of a group; false where n is no group.
func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) bool {
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		return false
	}
	known := fields(v.Type())
	seen := map[string]place{}
	for _, e := range entries {
		at := start(e.Key)
		key := e.Key.GetToken().Value
		sub := key
		if path != "" {
			sub = path + "." + key
		}
		if before, again := seen[key]; again {
			d.report(at, sub, fmt.Sprintf("is set in line %d already", before.line), "remove one of the two")
			continue
		}
		seen[key] = at
		i := 0
		for i < len(known) && known[i].key != key {
			i++
		}
		if i == len(known) {
			d.unknown(at, sub, key, known)
			continue
		}
		if e.Value == nil {
			d.places[sub] = at
			continue
		}
		if _, null := e.Value.(*ast.NullNode); !null {
			if _, scalar := e.Value.(ast.ScalarNode); scalar {
				at = start(e.Value)
			}
		}
		d.value(sub, at, e.Value, v.FieldByIndex(known[i].index), known[i].env)
	}
	return true
}

func (d *decoder) unknown(at place, path, key string, known []field) {
	if _, merge := notYet[withoutIndexes(path)]; merge {
		d.report(at, path, "is not in this version", "remove it")
		return
	}
	keys := make([]string, len(known))
	for i, f := range known {
		keys[i] = f.key
	}
	remedy := "use " + strings.Join(keys, ", ")
	if near := nearest(key, keys); near != "" {
		remedy = fmt.Sprintf("did you mean %s?", near)
	}
	d.report(at, path, "unknown key", remedy)
}

func (d *decoder) text(path string, at place, s string, v reflect.Value, env bool) {
	if env {
		whole, what, remedy := expand(s, d.env)
		if what != "" {
			d.report(at, path, what, remedy)
			return
		}
		s = whole
	} else if strings.Contains(s, "${") {
		d.report(at, path, "${...} is only for values that may hold a secret", "write the value out")
		return
	}
	if strings.ContainsRune(s, 0) {
		d.report(at, path, "holds a NUL character", "remove it")
		return
	}
	v.SetString(s)
}

func (d *decoder) duration(path string, at place, n ast.Node, v reflect.Value) {
	s, ok := text(n)
	if !ok {
		d.report(at, path, fmt.Sprintf("is %s, not a duration", kindOf(n)), "give it a unit: 500ms, 10s, 15m, 2h, 30d")
		return
	}
	parsed, err := ParseDuration(s)
	if err != nil {
		d.report(at, path, err.Error(), "write it as 500ms, 10s, 15m, 2h or 30d")
		return
	}
	v.SetInt(int64(parsed))
}

func (d *decoder) number(path string, at place, n ast.Node, v reflect.Value) {
	var f float64
	whole := false
	switch n := n.(type) {
	case *ast.IntegerNode:
		whole = true
		switch i := n.Value.(type) {
		case int64:
			f = float64(i)
		case uint64:
			f = float64(i)
		}
	case *ast.FloatNode:
		f = n.Value
	default:
		d.report(at, path, fmt.Sprintf("is %s, not a number", kindOf(n)), "write a number, without quotes and unit")
		return
	}
	switch {
	case v.CanFloat():
		v.SetFloat(f)
	case v.CanInt():
		// Nothing here needs more, and so far a float64 is exact.
		if !whole || math.Abs(f) > math.MaxInt32 || v.OverflowInt(int64(f)) {
			d.report(at, path, fmt.Sprintf("%v is not a whole number of sensible size", f), "write a whole number, without quotes and unit")
			return
		}
		v.SetInt(int64(f))
	case v.CanUint():
		if most := math.Pow(2, float64(min(v.Type().Bits(), 32))) - 1; !whole || f < 0 || f > most {
			d.report(at, path, fmt.Sprintf("%v is not a whole number from 0 to %.0f", f, most), "write one, without quotes and unit")
			return
		}
		v.SetUint(uint64(f))
	default:
		panic("configs: no decoding of " + v.Type().String())
	}
}

// text is the value of a text, plain, quoted or in a block.
func text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// kindOf names what a node is to a reader.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a group of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.InfinityNode, *ast.NanNode:
		return "no finite number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "something else"
}

// start is where a node begins. A block mapping's own token is its first colon, so its first key counts.
func start(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		n = m.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column}
	}
	return place{1, 1}
}

func withoutIndexes(path string) string {
	var b strings.Builder
	inside := false
	for _, r := range path {
		if r == ']' {
			inside = false
		}
		if !inside {
			b.WriteRune(r)
		}
		if r == '[' {
			inside = true
		}
	}
	return b.String()
}

// nearest is the key that a reader most likely meant, or "".
func nearest(word string, keys []string) string {
	best, at := "", 3
	for _, k := range keys {
		if d := distance(strings.ToLower(word), k); d < at && d*2 < max(len(k), 3) {
			best, at = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with their neighbour (optimal string alignment).
// Words of unlike length are far apart without a look, so that a key of a megabyte costs nothing.
func distance(a, b string) int {
	if len(a) > len(b)+3 {
		return len(a)
	}
	var before, row []int
	for j := range len(b) + 1 {
		row = append(row, j)
	}
	for i := range len(a) {
		next := []int{i + 1}
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			cost = min(cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			next = append(next, cost)
		}
		before, row = row, next
	}
	return row[len(b)]
}
