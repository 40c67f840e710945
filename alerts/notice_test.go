package alerts

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNoticesOfTwoStationsNeverHaveOneKey(t *testing.T) {
	a, b := Transition{Station: "a-1", Seq: 2}, Transition{Station: "a", Seq: 1}
	if got, other := a.Notice("x"), b.Notice("2-x"); got == other || got != "a-1/2/x" {
		t.Errorf("keys %q and %q", got, other)
	}
}

// The side of a zone nearby is for texts: the book's state and the ledger keep it, the line does not have it.
func TestTheSideOfAZoneNearbyIsKeptButNotInTheLine(t *testing.T) {
	want := Place{Also: []Near{{Zone: "ciyao", ZoneKind: "bank", Side: "left"}}}
	b, err := json.Marshal(want)
	var got Place
	if err == nil {
		err = json.Unmarshal(b, &got)
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	tr := Transition{Also: want.Also}
	if line := string(tr.AppendJSON(nil)); !strings.Contains(line, `"also":[{"zone":"ciyao","zone_kind":"bank","distance_m":0.0,"certainty":""}]`) {
		t.Error(line)
	}
}
