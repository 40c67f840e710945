package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one mistake in a configuration or zone file.
type Problem struct {
	File         string
	Line, Column int    // 1-based, 0 where they cannot be told
	Path         string // such as links[1].udp; in a zone file the feature's id
	What         string // what is wrong
	Remedy       string // what to do
	Warning      bool   // the file can be used all the same
}

// String is the problem's line: FILE:LINE:COLUMN: path: what: remedy; "warning" comes before the path of one.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(plainly(p.File))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Warning {
		b.WriteString(": warning")
	}
	for _, part := range []string{p.Path, p.What, p.Remedy} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(plainly(part))
		}
	}
	return b.String()
}

// plainly makes text of somebody's file fit for a terminal: what cannot be seen is escaped, what is long loses its
// middle.
func plainly(s string) string {
	const most = 300 // runes
	plain := unicode.IsGraphic
	if len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most/2]) + " … " + string(runes[len(runes)-most/2:])
	}
	var b strings.Builder
	for _, r := range s {
		if plain(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// maxProblems bounds what one configuration can say; the rest is counted.
const maxProblems = 1000

// Broken says whether any of the problems is more than a warning.
func Broken(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// sortProblems puts the problems of one file in the order in which its reader meets them.
func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
