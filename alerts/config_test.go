package alerts

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestARuleOfTheConfigurationBecomesOneOfThePlan(t *testing.T) {
	c := RuleConfig{Name: "crossing", Near: []string{"gate"}, Severity: High, Zones: []string{"gate-1"}}
	c.SetDefaults()
	c.Merge.WithinM = 12.34
	want := Rule{Name: "crossing", Near: []string{"gate"}, Severity: High, MinCertainty: "possible", WithinDM: 123, QuietUS: 900_000_000, Zones: []string{"gate-1"}}
	if diff := cmp.Diff(want, c.Rule()); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
	c.Check(func(path, what, _ string) { t.Errorf("%s: %s", path, what) })
}

func TestMistakesInARuleAreReportedUnderTheirKeys(t *testing.T) {
	for title, tt := range map[string]struct {
		spoil func(*RuleConfig)
		want  string
	}{
		"the station's own name":  {func(c *RuleConfig) { c.Name = "gate_unseen" }, "name"},
		"near nothing":            {func(c *RuleConfig) { c.Near = nil }, "near"},
		"near the moon":           {func(c *RuleConfig) { c.Near = []string{"gate", "moon"} }, "near[1]"},
		"a kind twice":            {func(c *RuleConfig) { c.Near = []string{"gate", "gate"} }, "near[1]"},
		"no severity":             {func(c *RuleConfig) { c.Severity = "" }, "severity"},
		"a severity nobody has":   {func(c *RuleConfig) { c.Severity = "urgent" }, "severity"},
		"no certainty":            {func(c *RuleConfig) { c.MinCertainty = "" }, "min_certainty"},
		"the certainty of no fix": {func(c *RuleConfig) { c.MinCertainty = "unlocated" }, "min_certainty"},
		"a negative distance":     {func(c *RuleConfig) { c.Merge.WithinM = -0.1 }, "merge.within_m"},
		"a negative time":         {func(c *RuleConfig) { c.Merge.Quiet = -time.Second }, "merge.quiet"},
		"a kind in capitals":      {func(c *RuleConfig) { c.Kinds = []string{"boat", "Person"} }, "kinds[1]"},
	} {
		t.Run(title, func(t *testing.T) {
			c := RuleConfig{Name: "crossing", Near: []string{"gate"}, Severity: High}
			c.SetDefaults()
			tt.spoil(&c)
			got := ""
			c.Check(func(path, what, remedy string) {
				if what == "" || remedy == "" {
					t.Errorf("%s: %q, remedy %q", path, what, remedy)
				}
				got += path
			})
			if got != tt.want {
				t.Errorf("reported %q, want %q", got, tt.want)
			}
		})
	}
}
