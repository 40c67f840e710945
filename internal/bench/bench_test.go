package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestASmokeFailsBelowHalfOfWhatIsAskedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		row  row
		want string // "": passes
	}{
		"as fast as asked for":         {row{work: "w", ratio: 25, best: 26, least: 25}, ""},
		"short, but more than half":    {row{work: "w", ratio: 13, best: 14, least: 25}, ""},
		"the best of three is enough":  {row{work: "w", ratio: 11, best: 13, least: 25}, ""},
		"below half in each round":     {row{work: "w", ratio: 11, best: 12, least: 25, baseName: "b"}, "w: 12.00 times b in the best of 3 rounds"},
		"nothing is asked for":         {row{work: "w", ratio: 0.1, best: 0.1}, ""},
		"a figure that falls short":    {row{work: "w", ours: "9 s", asked: "1 s", short: true}, ""},
		"not even measured: no ratio?": {row{work: "w", least: 1}, "w: 0.00 times"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{options: options{smoke: true}, progress: io.Discard}
			b.add(tt.row)
			err := errors.Join(b.tooSlow()...)
			if err == nil {
				err = errors.New("")
			}
			if got := err.Error(); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if b := (&bench{}); len(b.tooSlow()) == 0 {
		t.Error("a smoke that measured nothing passes")
	}
}

func TestComparingGivesMediansAndTheRatioOfEachRound(t *testing.T) {
	b := &bench{options: options{smoke: true}, progress: io.Discard}
	busy := func(each time.Duration) func(int) (int, error) {
		return func(n int) (int, error) {
			for begun := time.Now(); time.Since(begun) < time.Duration(n)*each; {
			}
			return n, nil
		}
	}
	if err := b.compare(t.Context(), "w", side{"a", busy(time.Millisecond)}, side{"b", busy(4 * time.Millisecond)}, 2); err != nil {
		t.Fatal(err)
	}
	if r := b.rows[0]; r.ratio < 2 || r.ratio > 8 || r.best < r.ratio {
		t.Errorf("%+v, want about 4 times", r)
	}
	broken := side{"broken", func(int) (int, error) { return 0, errors.New("broken") }}
	if err := b.compare(t.Context(), "w", broken, side{"b", busy(time.Millisecond)}, 2); err == nil {
		t.Error("a side that fails is measured")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.compare(ended, "w", side{"a", busy(time.Millisecond)}, side{"b", busy(time.Millisecond)}, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after an end", err)
	}
}

func TestTheTableSaysWhatFallsShort(t *testing.T) {
	b := &bench{progress: io.Discard, section: "s"}
	b.add(row{work: "fast", ours: "1 ns", base: "30 ns", baseName: "other", ratio: 30, best: 30, least: 25})
	b.add(row{work: "slow", ours: "2 ns", base: "30 ns", baseName: "other", ratio: 15, best: 15, least: 25})
	b.figure("size", "30 MiB", "", true)
	b.figure("start", "400 ms", "300 ms", false)
	for _, want := range []string{
		"| s: fast | 1 ns | other | 30 ns | 30 | 25 times | yes |",
		"| s: slow | 2 ns | other | 30 ns | 15 | 25 times | **short** |",
		"| s: size | 30 MiB |  |  |  |  |  |",
		"| s: start | 400 ms |  |  |  | 300 ms | **short** |",
	} {
		if !strings.Contains(b.table(), want+"\n") {
			t.Errorf("no %q in\n%s", want, b.table())
		}
	}
}

func TestTheCommandLineIsChecked(t *testing.T) {
	if o, err := parse([]string{"-smoke", "-only", "^wire$"}); err != nil || !o.smoke || !o.only.MatchString("wire") || o.only.MatchString("wires") {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"wire"}, {"-only", "("}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
