package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// row is one line of the table: a figure, or a comparison where it has a base.
type row struct {
	section  string
	work     string
	ours     string // figure with its unit
	base     string
	baseName string
	ratio    float64 // how many times better ours is, the median of the rounds; 0: no comparison
	best     float64 // of the rounds
	least    float64 // the ratio that is asked for, 0: none
	asked    string  // of a figure: what is asked for, "" nothing
	short    bool    // of a figure: it falls short of that
}

func (b *bench) add(r row) {
	r.section = b.section
	b.rows = append(b.rows, r)
	fmt.Fprintf(b.progress, "         %s: %s\n", r.work, r.told())
}

// figure adds a row without a baseline. met says whether it is what is asked for; asked "" stands for nothing.
func (b *bench) figure(work, ours, asked string, met bool) {
	b.add(row{work: work, ours: ours, asked: asked, short: asked != "" && !met})
}

func (r *row) told() string {
	if r.ratio == 0 {
		return r.ours
	}
	return fmt.Sprintf("%s, %s %s: %.1f times", r.ours, r.baseName, r.base, r.ratio)
}

// verdict says how a row stands to what is asked for.
func (r *row) verdict() string {
	switch {
	case r.least == 0 && r.asked == "":
		return ""
	case r.short, r.least > 0 && r.ratio < r.least:
		return "**short**"
	}
	return "yes"
}

// table is all rows in Markdown.
func (b *bench) table() string {
	var t strings.Builder
	fmt.Fprintf(&t, "%s/%s, %d cores, %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	t.WriteString("| work | riverwatch | baseline | | times | asked for | met |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for i := range b.rows {
		r := &b.rows[i]
		times, asked := "", r.asked
		if r.ratio > 0 {
			times = times3(r.ratio)
		}
		if r.least > 0 {
			asked = times3(r.least) + " times"
		}
		fmt.Fprintf(&t, "| %s: %s | %s | %s | %s | %s | %s | %s |\n", r.section, r.work, r.ours, r.baseName, r.base, times, asked, r.verdict())
	}
	return t.String()
}

// tooSlow lists the ratios whose best round is below half of what is asked for.
func (b *bench) tooSlow() (all []error) {
	if len(b.rows) == 0 {
		all = append(all, errors.New("nothing was measured"))
	}
	for i := range b.rows {
		if r := &b.rows[i]; r.least > 0 && r.best < r.least/2 {
			all = append(all, fmt.Errorf("%s: %s: %.2f times %s in the best of %d rounds; %.3g are asked for, half of that is the least",
				r.section, r.work, r.best, r.baseName, b.rounds(), r.least))
		}
	}
	return all
}

func nanoseconds(ns float64) string {
	switch {
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	}
	return fmt.Sprintf("%.2f s", ns/1e9)
}

// times3 is a ratio in three digits or, above a hundred, whole.
func times3(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
