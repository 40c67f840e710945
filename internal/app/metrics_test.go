package app

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const metricsDoc = "../../docs/metrics.md"

const metricsHead = `# Metrics

` + "`GET /metrics`" + ` in the Prometheus text format. All names of riverwatch are listed here; the labels' values are bounded, and
every series whose labels are known beforehand is there at 0 from the start. This page is a golden file:
` + "`go test ./internal/app -run Metrics -update`" + ` writes it anew. Go's and the process's own metrics come beside them.

| name | type | labels | meaning |
| --- | --- | --- | --- |
`

// TestMetricsAreThoseOfTheirPage reads a fresh station's metrics: what is not there before the first drone is heard is
// not "present at 0 from the start".
func TestMetricsAreThoseOfTheirPage(t *testing.T) {
	s := startStation(t, writeConfig(t))
	page := metricsHead + metricsTable(get(t, s.Addr(), "/metrics"))
	if *update {
		if err := os.WriteFile(metricsDoc, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page); diff != "" {
		t.Error(diff)
	}
}

var series = regexp.MustCompile(`^(riverwatch_\w+?)(?:\{(.*)\})? `)
var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// metricsTable gives a row a metric: name, type, labels with their values, help.
func metricsTable(text string) string {
	type metric struct {
		help, kind string
		labels     map[string][]string
		order      []string
	}
	all := map[string]*metric{}
	var names []string
	for line := range strings.Lines(text) {
		if word := strings.Fields(line); len(word) > 3 && word[0] == "#" && strings.HasPrefix(word[2], "riverwatch_") {
			m := all[word[2]]
			if m == nil {
				m = &metric{labels: map[string][]string{}}
				all[word[2]], names = m, append(names, word[2])
			}
			if word[1] == "HELP" {
				m.help = strings.Join(word[3:], " ")
			} else {
				m.kind = word[3]
			}
			continue
		}
		found := series.FindStringSubmatch(line)
		if found == nil || all[found[1]] == nil {
			continue
		}
		m := all[found[1]]
		for _, l := range label.FindAllStringSubmatch(found[2], -1) {
			if m.labels[l[1]] == nil {
				m.order = append(m.order, l[1])
			}
			if !slices.Contains(m.labels[l[1]], l[2]) {
				m.labels[l[1]] = append(m.labels[l[1]], l[2])
			}
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		m := all[name]
		var labels []string
		for _, l := range m.order {
			if l == "link" || l == "rule" || l == "version" || l == "go" || l == "goarch" {
				labels = append(labels, l) // by configuration or build
				continue
			}
			slices.Sort(m.labels[l])
			labels = append(labels, l+": "+strings.Join(m.labels[l], ", "))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(labels, "; "), m.help)
	}
	return b.String()
}
