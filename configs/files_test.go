package configs

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// mustShow lists the metrics that the dashboard must have a panel for.
var mustShow = []string{
	"frames_total", "frame_errors_total", "frames_dropped_total", "fixes_total", "evidence_total", "sightings_total", "zone_events_total", "alerts_total",
	"alerts_open", "notices_total", "build_info", "sequence_lost_total", "stream_frames_total", "duplicate_frames_total", "out_of_order_frames_total",
	"tags_lost_total", "rejected_total", "vehicle_clock_skew_seconds", "vehicle_doubted", "unrecorded_frames_total", "radio_rssi", "radio_noise",
}

// published gives the metrics of the page that the station's tests hold true, each with its labels.
func published(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, row := range tableRow.FindAllStringSubmatch(string(page), -1) {
		labels := []string{}
		for l := range strings.SplitSeq(row[2], ";") {
			name, _, _ := strings.Cut(l, ":")
			if name = strings.TrimSpace(name); name != "" {
				labels = append(labels, name)
			}
		}
		all[row[1]] = labels
	}
	if len(all) < len(mustShow) {
		t.Fatalf("docs/metrics.md lists only %d metrics", len(all))
	}
	return all
}

var (
	tableRow   = regexp.MustCompile("(?m)^\\| `(riverwatch_[a-z_]+)` \\| [a-z]+ \\| ([^|]*) \\|")
	metricName = regexp.MustCompile(`riverwatch_[a-z_]+`)
	grouping   = regexp.MustCompile(`sum by \(([^)]*)\) \((?:rate|increase)?\(?(riverwatch_[a-z_]+)`)
)

// strangers are the metrics of an expression that do not exist, and the labels that it groups them by in vain.
func strangers(known map[string][]string, expr string) []string {
	var all []string
	for _, m := range metricName.FindAllString(expr, -1) {
		if _, ok := known[m]; !ok {
			all = append(all, m)
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ", ") {
			if label != "instance" && !slices.Contains(known[g[2]], label) {
				all = append(all, g[2]+"{"+label+"}")
			}
		}
	}
	return all
}

func TestTheDashboardShowsEveryMetricAndNoOther(t *testing.T) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	data, err := os.ReadFile("grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	known, shown := published(t), map[string]bool{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			for _, s := range strangers(known, target.Expr) {
				t.Errorf("panel %q: no such metric: %s", p.Title, s)
			}
			for _, m := range metricName.FindAllString(target.Expr, -1) {
				shown[m] = true
			}
		}
	}
	for _, m := range mustShow {
		if m = "riverwatch_" + m; !shown[m] {
			t.Errorf("no panel shows %s", m)
		}
	}
}

func TestTheAlertRulesUseMetricsThatExist(t *testing.T) {
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	data, err := os.ReadFile("prometheus-rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	n, known := 0, published(t)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			for _, s := range strangers(known, r.Expr) {
				t.Errorf("%s: no such metric: %s", r.Alert, s)
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: severity, summary or description is missing", r.Alert)
			}
		}
	}
	if n == 0 {
		t.Error("no rules")
	}
}

func TestAMetricThatDoesNotExistIsSeen(t *testing.T) {
	known := published(t)
	for expr, want := range map[string]string{
		`sum by (link) (rate(riverwatch_frames_total[1m]))`:           "[]",
		`sum by (link) (rate(riverwatch_frame_total[1m]))`:            "[riverwatch_frame_total riverwatch_frame_total{link}]",
		`sum by (instance, rule) (riverwatch_alerts_open{a="b"}) > 0`: "[riverwatch_alerts_open{rule}]",
	} {
		if got := fmt.Sprint(strangers(known, expr)); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
	}
}

func TestTheUnitRunsTheCommandsThatExist(t *testing.T) {
	data, err := os.ReadFile("riverwatch.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"\nExecStartPre=/usr/local/bin/riverwatch check --config /etc/riverwatch/riverwatch.yaml\n",
		"\nExecStart=/usr/local/bin/riverwatch run --config /etc/riverwatch/riverwatch.yaml\n",
		"\nExecReload=/bin/kill -HUP $MAINPID\n",
	} {
		if !strings.Contains(string(data), line) {
			t.Errorf("the unit lacks %q", line)
		}
	}
}

// A file that the parser would need gigabytes for is refused before it.
func TestNestingWithoutEndIsRefusedAtOnce(t *testing.T) {
	for title, text := range map[string]string{
		"lists in lists":     strings.Repeat("[", 100_000),
		"groups in groups":   strings.Repeat("a: {", 100_000),
		"over many lines":    strings.Repeat("[\n", 100_000),
		"lists of a block":   strings.Repeat("- ", 100_000),
		"keys of a block":    strings.Repeat("? ", 100_000),
		"steps without end":  stairs(1200),
		"behind a comment":   "# [\n" + strings.Repeat("[", 100),
		"brackets in a text": "station: {name: '" + strings.Repeat("[", 100) + "'}",
	} {
		t.Run(title, func(t *testing.T) {
			start := time.Now()
			c, problems := Parse("c.yaml", []byte(text), testEnv)
			if c != nil || len(problems) != 1 || problems[0].What != "nested too deeply" {
				t.Errorf("problems %v", problems)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	ok := smallest + "# " + strings.Repeat("[", 100) + "\n"
	if _, problems := Parse("c.yaml", []byte(ok), testEnv); len(problems) > 0 {
		t.Errorf("a comment is refused: %v", problems)
	}
}

func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func TestOtherEncodingsAndMarksAreTold(t *testing.T) {
	for title, tt := range map[string]struct{ text, want string }{
		"a byte order mark": {"\ufeff" + smallest, ""},
		"DOS line ends":     {strings.ReplaceAll(smallest, "\n", "\r\n"), ""},
		"Latin-1":           {"station:\n  name: caf\xe9\n", "c.yaml:2:1: not UTF-8: correct the YAML; what stands behind it is not checked yet"},
		"UTF-16":            {"\xff\xfes\x00", "c.yaml:1:1: not UTF-8: correct the YAML; what stands behind it is not checked yet"},
	} {
		t.Run(title, func(t *testing.T) {
			_, problems := Parse("c.yaml", []byte(tt.text), testEnv)
			got := ""
			for _, p := range problems {
				got += p.String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
