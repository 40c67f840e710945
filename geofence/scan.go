package geofence

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// scanner reads JSON where it stands, so that each mistake can be told with its place and 100,000 zones take no
// longer to read than their bytes to look at. encoding/json tells places of tokens only, and slowly; orb/geojson none.
type scanner struct {
	data []byte
	at   int
	bad  int    // where the first mistake of syntax is
	what string // "" while there is none
}

// maxDepth is how deep values may nest; GeoJSON needs 9 levels.
const maxDepth = 64

func (s *scanner) fail(at int, what string) bool {
	if s.what == "" {
		s.bad, s.what = at, what
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// peek is the first byte of the value that comes next, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at == len(s.data) {
		return 0
	}
	return s.data[s.at]
}

func (s *scanner) expect(c byte, what string) bool {
	if got := s.peek(); got != c {
		if s.at == len(s.data) {
			return s.fail(s.at, "the file ends in the middle")
		}
		return s.fail(s.at, what)
	}
	s.at++
	return true
}

// object calls member for each member, standing before its value; member must read it.
func (s *scanner) object(member func(key []byte, at int) bool) bool {
	if !s.expect('{', "an object was expected") {
		return false
	}
	if s.peek() == '}' {
		s.at++
		return true
	}
	for {
		s.space()
		at := s.at
		key, ok := s.text()
		if !ok || !s.expect(':', "a colon was expected after the name of a member") || !member(key, at) {
			return false
		}
		if s.peek() == ',' {
			s.at++
			continue
		}
		return s.expect('}', "a comma or a closing brace was expected")
	}
}

// array calls element for each element, standing before it; element must read it.
func (s *scanner) array(element func(i int) bool) bool {
	if !s.expect('[', "an array was expected") {
		return false
	}
	if s.peek() == ']' {
		s.at++
		return true
	}
	for i := 0; ; i++ {
		if s.space(); !element(i) {
			return false
		}
		if s.peek() == ',' {
			s.at++
			continue
		}
		return s.expect(']', "a comma or a closing bracket was expected")
	}
}

// text reads a string. Where it has no escapes the bytes are those of the file.
func (s *scanner) text() ([]byte, bool) {
	if !s.expect('"', "a string was expected") {
		return nil, false
	}
	from, plain := s.at, true
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == '"':
			raw := s.data[from:s.at]
			s.at++
			if plain {
				return raw, true
			}
			var v string
			if json.Unmarshal(s.data[from-1:s.at], &v) != nil {
				return nil, s.fail(from-1, "a string has an escape that is none")
			}
			return []byte(v), true
		case c == '\\':
			plain = false
			s.at += 2
		case c < ' ':
			return nil, s.fail(s.at, "a line break or control character inside a string")
		case c >= utf8.RuneSelf:
			plain = false // let encoding/json mend what is not UTF-8
			s.at++
		default:
			s.at++
		}
	}
	s.at = len(s.data)
	return nil, s.fail(from-1, "a string without an end")
}

// digits skips decimal digits and says how many.
func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

// skipNumber reads over a number of RFC 8259.
func (s *scanner) skipNumber() bool {
	from := s.at
	if s.data[s.at] == '-' {
		s.at++
	}
	zero := s.at < len(s.data) && s.data[s.at] == '0'
	n := s.digits()
	ok := n == 1 || n > 1 && !zero
	if s.at < len(s.data) && s.data[s.at] == '.' {
		s.at++
		ok = s.digits() > 0 && ok
	}
	if s.at < len(s.data) && s.data[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.data) && (s.data[s.at] == '+' || s.data[s.at] == '-') {
			s.at++
		}
		ok = s.digits() > 0 && ok
	}
	if !ok {
		return s.fail(from, "not a number that JSON knows")
	}
	return true
}

// number reads a number. One too large for a float64 is infinite.
func (s *scanner) number() (float64, bool) {
	s.space()
	from := s.at
	if from == len(s.data) || !s.skipNumber() {
		return 0, s.fail(from, "a number was expected")
	}
	v, _ := strconv.ParseFloat(string(s.data[from:s.at]), 64) // its only error left is the range, and then v is infinite
	return v, true
}

func isNumber(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

// skip reads over a value.
func (s *scanner) skip() bool { return s.skipAt(0) }

func (s *scanner) skipAt(depth int) bool {
	if depth == maxDepth {
		return s.fail(s.at, "nested too deep")
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(func([]byte, int) bool { return s.skipAt(depth + 1) })
	case c == '[':
		return s.array(func(int) bool { return s.skipAt(depth + 1) })
	case c == '"':
		_, ok := s.text()
		return ok
	case isNumber(c):
		return s.skipNumber()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if n := s.at + len(word); n <= len(s.data) && string(s.data[s.at:n]) == word {
			s.at = n
			return true
		}
	}
	switch {
	case s.at == len(s.data):
		return s.fail(s.at, "the file ends in the middle")
	case s.data[s.at] == 'N' || s.data[s.at] == 'I':
		return s.fail(s.at, "NaN and Infinity are not numbers of JSON")
	}
	return s.fail(s.at, "a value was expected")
}
