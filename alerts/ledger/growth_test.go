package ledger

import (
	"strings"
	"testing"
)

// What is read or written on the way must not cost more in a ledger of ten years: each step of its plan is a search by
// an index or a walk along one, and nothing is sorted.
func TestAnAlertsTimelineIsReadFromItsEndByIndexes(t *testing.T) {
	l := openIn(t, t.TempDir())
	steps, err := list(l.readers, `EXPLAIN QUERY PLAN `+timelineQuery, []any{"a", 10}, func(row scanner, step *string) (int64, error) {
		var id, parent, unused int64
		return id, row.Scan(&id, &parent, &unused, step)
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(steps, "\n")
	for _, wrong := range []string{"SCAN", "TEMP B-TREE"} {
		if strings.Contains(plan, wrong) {
			t.Errorf("%s in the plan:\n%s", wrong, plan)
		}
	}
	for _, index := range []string{"events_of_alert", "requests_of_alert"} {
		if !strings.Contains(plan, index) {
			t.Errorf("index %s is not in the plan:\n%s", index, plan)
		}
	}
}
