package app

import (
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/google/go-cmp/cmp"

	"riverwatch/mavlink"
)

var update = flag.Bool("update", false, "write the golden files anew")

const metricsDoc = "../../docs/metrics.md"

const metricsHead = `# Metrics

` + "`GET /metrics`" + ` in the Prometheus text format. All names of riverwatch are listed here; the labels' values are bounded, and
every series whose labels are known beforehand is there at 0 from the start; only ` + "`riverwatch_radio_*`" + ` waits for a radio's word. This page is a golden file:
` + "`go test ./internal/app -run Metrics -update`" + ` writes it anew. Go's and the process's own metrics come beside them.

| name | type | labels | meaning |
| --- | --- | --- | --- |
`

// TestMetricsAreThoseOfTheirPage reads a fresh station's metrics: what is not there before the first drone is heard is
// not "present at 0 from the start". What radios tell, which no 0 stands for, is read once one has spoken.
func TestMetricsAreThoseOfTheirPage(t *testing.T) {
	s := startStation(t, writeConfig(t))
	fresh := metricsTable(get(t, s.Addr(), "/metrics"))
	for name := range fresh {
		if strings.HasPrefix(name, "riverwatch_radio_") {
			t.Errorf("%s is there before any radio spoke", name)
		}
	}
	for name, row := range metricsTable(heardRadio(t, s)) {
		if strings.HasPrefix(name, "riverwatch_radio_") {
			fresh[name] = row
		}
	}
	var rows strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		rows.WriteString(fresh[name])
	}
	page := metricsHead + rows.String()
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

// heardRadio gives the station's metrics when a radio has told it how it is.
func heardRadio(t *testing.T, s *running) string {
	t.Helper()
	raw, err := mavlink.AppendFrame(nil, 0, 51, 68, &common.MessageRadioStatus{Rssi: 180, Remrssi: 172, Noise: 45, Remnoise: 50, Txbuf: 96})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.LinkAddrs()["field"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(raw); err != nil {
		t.Fatal(err)
	}
	var text string
	eventually(t, "the radio's word to be in the metrics", func() bool {
		text = get(t, s.Addr(), "/metrics")
		return strings.Contains(text, "riverwatch_radio_rssi{")
	})
	return text
}

var series = regexp.MustCompile(`^(riverwatch_\w+?)(?:\{(.*)\})? `)
var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// metricsTable gives a row a metric, by its name: name, type, labels with their values, help.
func metricsTable(text string) map[string]string {
	type metric struct {
		help, kind string
		labels     map[string][]string
		order      []string
	}
	all := map[string]*metric{}
	for line := range strings.Lines(text) {
		if word := strings.Fields(line); len(word) > 3 && word[0] == "#" && strings.HasPrefix(word[2], "riverwatch_") {
			m := all[word[2]]
			if m == nil {
				m = &metric{labels: map[string][]string{}}
				all[word[2]] = m
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
	rows := map[string]string{}
	for name, m := range all {
		var labels []string
		for _, l := range m.order {
			if l == "link" || l == "vehicle" || l == "rule" || l == "version" || l == "go" || l == "goarch" {
				labels = append(labels, l) // by configuration or build
				continue
			}
			slices.Sort(m.labels[l])
			labels = append(labels, l+": "+strings.Join(m.labels[l], ", "))
		}
		rows[name] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(labels, "; "), m.help)
	}
	return rows
}
