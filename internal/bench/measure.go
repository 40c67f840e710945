package main

import (
	"context"
	"io"
	"slices"
	"time"
)

// bench is one run of the program.
type bench struct {
	options
	progress io.Writer
	dir      string // for what a section writes; emptied at the end
	section  string
	rows     []row
}

// side is one of two ways to do a work: do does it n times and says how many units (frames, fixes) that was.
type side struct {
	name string
	do   func(n int) (units int, err error)
}

// rounds of a comparison: a smoke takes the best of three, else the median of all counts.
func (b *bench) rounds() int {
	if b.smoke {
		return 3
	}
	return 7
}

// slice is how long one side is measured in one round at least.
func (b *bench) slice() time.Duration {
	if b.smoke {
		return 100 * time.Millisecond
	}
	return 300 * time.Millisecond
}

// compare measures ours against a baseline in interleaved rounds and adds a row: nanoseconds a unit of both, and how many
// times faster ours is. least is the ratio that is asked for, 0 for none.
func (b *bench) compare(ctx context.Context, work string, ours, base side, least float64) error {
	nOurs, err := b.calibrate(ours)
	if err != nil {
		return err
	}
	nBase, err := b.calibrate(base)
	if err != nil {
		return err
	}
	var a, z, ratios []float64
	for range b.rounds() {
		if err := ctx.Err(); err != nil {
			return err
		}
		x, err := timed(ours, nOurs)
		if err != nil {
			return err
		}
		y, err := timed(base, nBase)
		if err != nil {
			return err
		}
		a, z, ratios = append(a, x), append(z, y), append(ratios, y/x)
	}
	b.add(row{
		work: work, ours: nanoseconds(median(a)), base: nanoseconds(median(z)), baseName: base.name,
		ratio: median(ratios), best: slices.Max(ratios), least: least,
	})
	return nil
}

// calibrate finds how often a side does its work in one slice.
func (b *bench) calibrate(s side) (n int, err error) {
	for n = 1; ; {
		begun := time.Now()
		if _, err := s.do(n); err != nil {
			return 0, err
		}
		took := time.Since(begun)
		if took >= b.slice()/2 {
			return max(1, int(float64(n)*float64(b.slice())/float64(took))), nil
		}
		n *= max(2, min(100, int(b.slice()/2/max(took, time.Microsecond))))
	}
}

// timed is how many nanoseconds a unit takes.
func timed(s side, n int) (float64, error) {
	begun := time.Now()
	units, err := s.do(n)
	if err != nil {
		return 0, err
	}
	return float64(time.Since(begun).Nanoseconds()) / float64(max(units, 1)), nil
}

// median of a list that is not empty; it is sorted by it.
func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}
