package ledger

import (
	"fmt"
	"testing"

	"riverwatch/alerts"
)

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := openIn(b, b.TempDir())
			b.ReportAllocs()
			for seq := uint64(0); b.Loop(); {
				c := &Changes{}
				for range size {
					seq++
					c.Transitions = append(c.Transitions, opened(seq, fmt.Sprint("a", seq/8), "post"))
				}
				if stored, err := l.Commit(c); err != nil || len(stored) != size {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAccept(b *testing.B) {
	l := openIn(b, b.TempDir())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Accept(Request{Kind: "mark", Note: "seen"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAlertsPage reads a page of 100 alerts at the start and at the end of 100,000 transitions.
func BenchmarkAlertsPage(b *testing.B) {
	l := openIn(b, b.TempDir())
	var last string
	for seq := uint64(0); seq < 100_000; {
		c := &Changes{}
		for range 1000 {
			seq++
			t := opened(seq, fmt.Sprint("a", seq/4), "post")
			if seq%4 == 3 {
				t.To = alerts.Closed
			}
			c.Transitions = append(c.Transitions, t)
		}
		commit(b, l, c)
		if seq == 1000 {
			list, _, err := l.Alerts(Filter{Limit: 1})
			if err != nil {
				b.Fatal(err)
			}
			last = fmt.Sprint(list[0].N)
		}
	}
	for name, f := range map[string]Filter{"first": {}, "last": {After: last}, "closed": {State: "closed"}, "active": {State: "active"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := l.Alerts(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Alert("a12345"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := l.Verify(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
