package watch_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/internal/watch"
)

var update = flag.Bool("update", false, "write the golden flights anew")

// TestGoldenFlights holds what the watch makes of two minutes of the demonstration's patrol, with a mark, an act, trouble
// and a link that fails in between. A diff here is a change of behaviour: read it as one.
func TestGoldenFlights(t *testing.T) {
	plans := map[string]func(*watch.Plan){
		"patrol": nil,
		"patrol-likely": func(p *watch.Plan) {
			p.Book.Rules[0].MinCertainty = "likely"
			p.Fleet.Unknown = "ignore"
		},
	}
	for name, change := range plans {
		t.Run(name, func(t *testing.T) {
			j := riverPlan(t, change)
			var got strings.Builder
			var e watch.Effects
			w := newWatch(j)
			for _, f := range flight(t, j, 2*time.Minute, busy) {
				e.Reset()
				w.Apply(&f, &e)
				e.Counts = watch.Counts{}
				for _, line := range render(&e) {
					got.WriteString(line + "\n")
				}
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
