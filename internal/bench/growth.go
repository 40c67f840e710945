package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

const (
	benchStation = "bench"
	openAlerts   = 104    // stand open in a filled ledger: its oldest
	perAlert     = 8      // transitions of each other alert
	longAlert    = 10_000 // transitions of an alert that was sighted again and again
	fillAtOnce   = 4000   // transitions in one commit
	million      = 1_000_000
)

// benchGrowth lets a ledger grow and measures at each size what a station and its pages ask of it.
func benchGrowth(ctx context.Context, b *bench) error {
	sizes := []uint64{1_000, 10_000, 100_000, million}
	if b.long {
		sizes = append(sizes, 10*million)
	}
	works := ledgerWorks()
	took := make([][]float64, len(works))
	var fills, bytes []float64
	for _, size := range sizes {
		begun := time.Now()
		added, err := b.fillLedger(ctx, size)
		if err != nil {
			return err
		}
		fills = append(fills, float64(time.Since(begun).Nanoseconds())/float64(max(added, 1)))
		st, err := os.Stat(filepath.Join(b.ledgerDir(), ledger.FileName))
		if err != nil {
			return err
		}
		bytes = append(bytes, float64(st.Size())/float64(size))
		for i, w := range works {
			ns, err := measureLedger(b.ledgerDir(), size, w)
			if err != nil {
				return fmt.Errorf("%s at %d: %w", w.name, size, err)
			}
			took[i] = append(took[i], ns)
		}
	}
	b.add(row{work: "a transition committed, thousands at once" + atSizes(sizes), ours: written(fills, nanoseconds)})
	b.add(row{work: "the ledger's file, for a transition" + atSizes(sizes), ours: written(bytes, func(n float64) string { return fmt.Sprintf("%.0f B", n) })})
	for i, w := range works {
		b.flat(w.name+atSizes(sizes), took[i], w.noise)
	}
	return b.timelines()
}

// ledgerWork is something that is asked of a ledger, and is to cost the same however much is in it.
type ledgerWork struct {
	name  string
	noise time.Duration // a difference below this is none
	times int
	do    func(l *ledger.Ledger, size uint64, i int) error // l is nil in the one that opens
}

func ledgerWorks() []ledgerWork {
	page := func(f func(*ledger.Ledger, uint64) ledger.Filter, want int) func(*ledger.Ledger, uint64, int) error {
		return func(l *ledger.Ledger, size uint64, _ int) error {
			got, _, err := l.Alerts(f(l, size))
			if err == nil && len(got) != want {
				err = fmt.Errorf("%d alerts, want %d", len(got), want)
			}
			return err
		}
	}
	events := func(back func(l *ledger.Ledger, size uint64) int64) func(*ledger.Ledger, uint64, int) error {
		return func(l *ledger.Ledger, size uint64, _ int) error {
			got, err := l.Events(back(l, size), 200)
			if err == nil && len(got) != 200 {
				err = fmt.Errorf("%d events, want 200", len(got))
			}
			return err
		}
	}
	return []ledgerWork{
		{"open and close a ledger", 2 * time.Millisecond, 5, nil},
		{"the newest 100 alerts", time.Millisecond, 15, page(func(*ledger.Ledger, uint64) ledger.Filter { return ledger.Filter{Limit: 100} }, 100)},
		{"100 alerts of the middle", time.Millisecond, 15, page(func(l *ledger.Ledger, _ uint64) ledger.Filter {
			head, _ := l.Head()
			return ledger.Filter{Limit: 100, After: strconv.FormatInt(head/2+head/4, 10)}
		}, 100)},
		{"the closed ones, 20 of the middle", time.Millisecond, 15, page(func(l *ledger.Ledger, _ uint64) ledger.Filter {
			head, _ := l.Head()
			return ledger.Filter{Limit: 20, State: "closed", After: strconv.FormatInt(head/2, 10)}
		}, 20)},
		{"all that are open, the oldest hundred", time.Millisecond, 15, page(func(*ledger.Ledger, uint64) ledger.Filter {
			return ledger.Filter{State: "active", Limit: 500}
		}, openAlerts)},
		{"one alert and its timeline", time.Millisecond, 30, func(l *ledger.Ledger, size uint64, _ int) error {
			got, err := l.Alert(alertName(size / 2 / perAlert))
			if err == nil && len(got.Timeline) != perAlert {
				err = fmt.Errorf("%d entries, want %d", len(got.Timeline), perAlert)
			}
			return err
		}},
		{"the stream goes on, 200 events from an old number", time.Millisecond, 15, events(func(_ *ledger.Ledger, size uint64) int64 { return int64(size / 3) })},
		{"what is open, as a start asks", time.Millisecond, 15, func(l *ledger.Ledger, _ uint64, _ int) error {
			got, err := l.Unclosed()
			if err == nil && len(got) != openAlerts {
				err = fmt.Errorf("%d alerts, want %d", len(got), openAlerts)
			}
			return err
		}},
		{"a transition committed, alone", 2 * time.Millisecond, 40, func(l *ledger.Ledger, size uint64, i int) error {
			t := transitionOf(size+uint64(i), fmt.Sprint("of-another-", i/perAlert), alerts.DidClose)
			t.Station = "another" // whose numbers the filling does not use
			stored, err := l.Commit(&ledger.Changes{Transitions: []alerts.Transition{t}})
			if err == nil && len(stored) != 1 {
				err = fmt.Errorf("%d events stored, want 1", len(stored))
			}
			return err
		}},
	}
}

// measureLedger is the median time of a work, ns.
func measureLedger(dir string, size uint64, w ledgerWork) (float64, error) {
	open := func() (*ledger.Ledger, error) { return ledger.Open(ledger.Options{Dir: dir, Station: benchStation}) }
	var took []float64
	if w.do == nil {
		for range w.times {
			begun := time.Now()
			l, err := open()
			if err != nil {
				return 0, err
			}
			if err := l.Close(); err != nil {
				return 0, err
			}
			took = append(took, float64(time.Since(begun).Nanoseconds()))
		}
		return median(took), nil
	}
	l, err := open()
	if err != nil {
		return 0, err
	}
	for i := range w.times {
		begun := time.Now()
		if err := w.do(l, size, i); err != nil {
			_ = l.Close() // the first error counts
			return 0, err
		}
		took = append(took, float64(time.Since(begun).Nanoseconds()))
	}
	return median(took), l.Close()
}

// timelines measures how long the history of an alert takes that was sighted often: the newest thousand entries.
func (b *bench) timelines() error {
	l, err := ledger.Open(ledger.Options{Dir: b.ledgerDir(), Station: benchStation})
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // nothing is written
	var took []float64
	sizes := []uint64{longAlert / 10, longAlert}
	for _, n := range sizes {
		var runs []float64
		for range 9 {
			begun := time.Now()
			d, err := l.Alert(longName(n))
			if err == nil && len(d.Timeline) != 1000 {
				err = fmt.Errorf("%d entries, want 1000", len(d.Timeline))
			}
			if err != nil {
				return err
			}
			runs = append(runs, float64(time.Since(begun).Nanoseconds()))
		}
		took = append(took, median(runs))
	}
	b.flat("the newest 1,000 entries of an alert, of "+inWords(sizes), took, 3*time.Millisecond)
	return nil
}

// flat adds a row of times that are to be the same at each size: the last at most twice the first, or within noise of it.
func (b *bench) flat(work string, took []float64, noise time.Duration) {
	first, last := took[0], took[len(took)-1]
	b.figure(work, written(took, nanoseconds), "flat", last <= max(2*first, first+float64(noise)))
}

func (b *bench) ledgerDir() string { return filepath.Join(b.dir, "ledger") }

// fillLedger brings the bench's ledger to that many transitions and says how many it added.
func (b *bench) fillLedger(ctx context.Context, size uint64) (added uint64, err error) {
	if err := os.MkdirAll(b.ledgerDir(), 0o700); err != nil {
		return 0, err
	}
	l, err := ledger.Open(ledger.Options{Dir: b.ledgerDir(), Station: benchStation})
	if err != nil {
		return 0, err
	}
	first := l.LastSeq()
	for from := first; from < size && err == nil; from += fillAtOnce {
		if err = ctx.Err(); err == nil {
			c := fill(from+1, min(size, from+fillAtOnce))
			_, err = l.Commit(&c)
		}
	}
	return size - min(size, first), errors.Join(err, l.Close())
}

// fill makes the transitions of these numbers: a hundred alerts that stay open, one that is sighted ten thousand times
// and one a thousand times, and beside them alerts that are opened, sighted, acknowledged and closed.
func fill(from, to uint64) (c ledger.Changes) {
	for seq := from; seq <= to; seq++ {
		alert, event := alertName((seq-1)/perAlert), alerts.Sighted
		switch seq % perAlert {
		case 1:
			event = alerts.Opened
		case perAlert - 1:
			event = alerts.DidAcknowledge
		case 0:
			event = alerts.DidClose
		}
		switch {
		case seq <= openAlerts:
			alert, event = fmt.Sprint("open-", seq), alerts.Opened
		case seq > 20_000 && seq <= 20_000+longAlert:
			alert = longName(longAlert)
		case seq > 31_000 && seq <= 31_000+longAlert/10:
			alert = longName(longAlert / 10)
		}
		t := transitionOf(seq, alert, event)
		if t.Sighting != nil && event == alerts.Opened {
			c.Sightings = append(c.Sightings, *t.Sighting)
		}
		c.Transitions = append(c.Transitions, t)
	}
	return c
}

func alertName(i uint64) string  { return fmt.Sprint("alert-", i) }
func longName(has uint64) string { return fmt.Sprint("long-", has) }

func transitionOf(seq uint64, alert string, event alerts.Event) alerts.Transition {
	at := alerts.Time(1_793_000_000_000_000 + seq*1_000_000)
	t := alerts.Transition{
		Seq: seq, At: at, Alert: alert, Rule: "crossing", Severity: alerts.High, From: alerts.Open, To: alerts.Open,
		Zone: "gate-3", ZoneKind: "gate", Distance: 123, Bearing: 87, Side: "left", Certainty: "likely", Verified: true, Sightings: 1,
		Sighting: &alerts.Sighting{
			ID: fmt.Sprint("s-", alert), At: at, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true,
			Lat: 372412345, Lon: 1119512345, CE90: 80, Basis: "target", TimeSource: "utc", Uncertainty: 100, Verified: true,
		},
		Event: event, Kind: alerts.OfSighting, Station: benchStation, Plan: "9f2c01aa",
	}
	switch event {
	case alerts.Opened:
		t.From = alerts.NoState
	case alerts.DidAcknowledge:
		t.To, t.By, t.Sighting = alerts.Acknowledged, 1, nil
	case alerts.DidClose:
		t.From, t.To, t.By, t.Outcome, t.Sighting = alerts.Acknowledged, alerts.Closed, 1, "nobody_found", nil
	}
	return t
}

func atSizes(sizes []uint64) string { return ", at " + inWords(sizes) }

// join writes sizes as people do: 1,000, 1 million.
func inWords(sizes []uint64) string {
	words := make([]string, len(sizes))
	for i, n := range sizes {
		switch {
		case n >= million:
			words[i] = fmt.Sprint(n/million, " million")
		case n >= 1000:
			words[i] = fmt.Sprintf("%d,%03d", n/1000, n%1000)
		default:
			words[i] = fmt.Sprint(n)
		}
	}
	return strings.Join(words, " / ")
}

func written(list []float64, write func(float64) string) string {
	words := make([]string, len(list))
	for i, x := range list {
		words[i] = write(x)
	}
	return strings.Join(words, " / ")
}
