package alerts

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// RuleConfig describes one rule: which sightings near which zones become alerts.
type RuleConfig struct {
	Name         string      `yaml:"name"`
	Near         []string    `yaml:"near"`          // kinds of zone: gate, bank, area
	Severity     Severity    `yaml:"severity"`      // a zone's own wins over it
	MinCertainty string      `yaml:"min_certainty"` // possible, likely or certain
	Merge        MergeConfig `yaml:"merge"`
	Kinds        []string    `yaml:"kinds"`   // of sightings, such as person; empty: all
	Sources      []string    `yaml:"sources"` // of sightings; empty: all that are on
	Zones        []string    `yaml:"zones"`   // ids; empty: all
}

// MergeConfig says when a sighting joins an alert that is not closed instead of opening one.
type MergeConfig struct {
	WithinM float64       `yaml:"within_m"` // from the last sighting, beside both uncertainties
	Quiet   time.Duration `yaml:"quiet"`    // since the last sighting
}

// SetDefaults fills in what a rule need not say.
func (c *RuleConfig) SetDefaults() {
	c.MinCertainty = "possible"
	c.Merge = MergeConfig{WithinM: 300, Quiet: 15 * time.Minute}
}

// The words that only the configuration uses.
var (
	zoneKinds = []string{"gate", "bank", "area"}
	// stationRules cannot name a rule: alerts of the station itself go by these.
	stationRules = []string{"vehicle_lost", "gate_unseen", "recheck_overdue", "identity_conflict", "position_suspect", "trouble"}
)

// Check reports every mistake in c, each under the key that holds it. Sources and zones are checked by whoever knows
// them.
func (c RuleConfig) Check(report func(path, what, remedy string)) {
	if slices.Contains(stationRules, c.Name) {
		report("name", fmt.Sprintf("%q is the name of the station's own alerts", c.Name), "choose another")
	}
	if len(c.Near) == 0 {
		report("near", "is missing", "list kinds of zone: "+strings.Join(zoneKinds, ", "))
	}
	for i, k := range c.Near {
		path := fmt.Sprintf("near[%d]", i)
		if !slices.Contains(zoneKinds, k) {
			report(path, fmt.Sprintf("%q is not a kind of zone", k), "use "+strings.Join(zoneKinds, ", "))
		} else if slices.Contains(c.Near[:i], k) {
			report(path, fmt.Sprintf("%q is there twice", k), "remove one")
		}
	}
	switch {
	case c.Severity == "":
		report("severity", "is missing", "use low, medium, high or critical")
	case !slices.Contains(Severities(), c.Severity):
		report("severity", fmt.Sprintf("%q is not known", c.Severity), "use low, medium, high or critical")
	}
	if !slices.Contains(certainties[1:], c.MinCertainty) {
		report("min_certainty", fmt.Sprintf("%q is not known", c.MinCertainty), "use possible, likely or certain")
	}
	if !(c.Merge.WithinM >= 0 && c.Merge.WithinM <= 100_000) {
		report("merge.within_m", fmt.Sprintf("%v is not a distance in metres from 0 to 100000", c.Merge.WithinM), "300 suits a river bank")
	}
	if c.Merge.Quiet < 0 || c.Merge.Quiet > 7*24*time.Hour {
		report("merge.quiet", "is not between 0s and 7d", "15m suits a patrol")
	}
	for i, k := range c.Kinds {
		if k == "" || strings.Trim(k, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			report(fmt.Sprintf("kinds[%d]", i), fmt.Sprintf("%q is not a kind of sighting", k), "use words such as person, boat or vehicle")
		}
	}
}

// Rule is what the Book judges by.
func (c RuleConfig) Rule() Rule {
	return Rule{
		Name: c.Name, Near: c.Near, Severity: c.Severity, MinCertainty: c.MinCertainty,
		WithinDM: int64(math.Round(c.Merge.WithinM * 10)), QuietUS: c.Merge.Quiet.Microseconds(),
		Kinds: c.Kinds, Sources: c.Sources, Zones: c.Zones,
	}
}
