package app

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"riverwatch/alerts"
	"riverwatch/configs"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// shown gives the series of some metrics that are not 0, and how many there are in all.
func shown(t *testing.T, r *prometheus.Registry, names ...string) (values map[string]float64, series int) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]float64{}
	for _, f := range families {
		for _, name := range names {
			if f.GetName() != "riverwatch_"+name {
				continue
			}
			for _, m := range f.GetMetric() {
				series++
				key := name
				for _, l := range m.GetLabel() {
					key += " " + l.GetValue()
				}
				if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); v != 0 {
					values[key] = v
				}
			}
		}
	}
	return values, series
}

func hearingOf(t *testing.T) (*prometheus.Registry, *metrics) {
	t.Helper()
	r := prometheus.NewRegistry()
	return r, newMetrics(r, &configs.Config{Links: []link.Config{{Name: "field"}, {Name: "radio"}}}, "test")
}

func stream(name string, frames, lost, copies, late uint64) mavlink.StreamView {
	return mavlink.StreamView{Component: 1, Link: name, Address: "192.0.2.1:1", Frames: frames, Lost: lost, Duplicates: copies, OutOfOrder: late}
}

func TestHowVehiclesAreHeardIsCountedByHowMuchItGrows(t *testing.T) {
	r, m := hearingOf(t)
	egret := func(streams ...mavlink.StreamView) []mavlink.VehicleView {
		return []mavlink.VehicleView{{Name: "egret-1", System: 1, Known: true, Verified: true, Streams: streams}}
	}
	all := []string{"stream_frames_total", "sequence_lost_total", "duplicate_frames_total", "out_of_order_frames_total"}
	for i, step := range []struct {
		name string
		see  []mavlink.VehicleView
		want map[string]float64
	}{
		{"what an earlier life has heard does not count", egret(stream("field", 1000, 100, 10, 1)), map[string]float64{}},
		{"what comes now does", egret(stream("field", 1090, 110, 12, 4)), map[string]float64{
			"stream_frames_total field egret-1": 90, "sequence_lost_total field egret-1": 10, "duplicate_frames_total field egret-1": 2, "out_of_order_frames_total field egret-1": 3,
		}},
		{"a late frame makes a counter wait, not fall", egret(stream("field", 1091, 109, 12, 5)), map[string]float64{
			"stream_frames_total field egret-1": 91, "sequence_lost_total field egret-1": 10, "duplicate_frames_total field egret-1": 2, "out_of_order_frames_total field egret-1": 4,
		}},
		{"and what was waited for is not counted again", egret(stream("field", 1092, 111, 12, 5), stream("radio", 7, 1, 0, 0)), map[string]float64{
			"stream_frames_total field egret-1": 92, "sequence_lost_total field egret-1": 11, "duplicate_frames_total field egret-1": 2, "out_of_order_frames_total field egret-1": 4,
			"stream_frames_total radio egret-1": 7, "sequence_lost_total radio egret-1": 1,
		}},
		{"a stream that went and came again begins anew", egret(stream("field", 5, 1, 0, 0)), map[string]float64{
			"stream_frames_total field egret-1": 97, "sequence_lost_total field egret-1": 12, "duplicate_frames_total field egret-1": 2, "out_of_order_frames_total field egret-1": 4,
			"stream_frames_total radio egret-1": 7, "sequence_lost_total radio egret-1": 1,
		}},
	} {
		m.look(&snapshot{plan: "9f2c", open: make([]int, 4), vehicles: step.see})
		got, n := shown(t, r, all...)
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d, %s (-want +got):\n%s", i, step.name, diff)
		}
		if want := 4 * (2 + 3); n != want { // egret-1 and the others, over each link; and links that are not configured
			t.Errorf("step %d: %d series, want %d", i, n, want)
		}
	}
}

func TestStrangersShareOneLabel(t *testing.T) {
	r, m := hearingOf(t)
	m.look(&snapshot{plan: "9f2c", open: make([]int, 4)})
	var crowd []mavlink.VehicleView
	for i := range 250 {
		crowd = append(crowd, mavlink.VehicleView{Name: fmt.Sprint("system-", i), System: uint8(i), Streams: []mavlink.StreamView{
			stream("field", 2, 1, 0, 0), stream(fmt.Sprint("link-", i), 3, 0, 0, 0),
		}})
	}
	crowd = append(crowd, mavlink.VehicleView{Name: "egret-1#2", System: 251, Disc: 1, Known: true, Streams: []mavlink.StreamView{stream("field", 2, 1, 0, 0)}})
	m.look(&snapshot{plan: "9f2c", open: make([]int, 4), vehicles: crowd})
	got, n := shown(t, r, "stream_frames_total", "sequence_lost_total")
	want := map[string]float64{"stream_frames_total field other": 502, "stream_frames_total other other": 750, "sequence_lost_total field other": 251}
	if diff := cmp.Diff(want, got); diff != "" || n != 6 {
		t.Errorf("%d series\n%s", n, diff)
	}
}

func TestDoubtsAndClocksOfConfiguredVehiclesAreGauges(t *testing.T) {
	r, m := hearingOf(t)
	skew := -37.4
	names := []string{"vehicle_clock_skew_seconds", "vehicle_doubted"}
	m.look(&snapshot{plan: "9f2c", open: make([]int, 4), vehicles: []mavlink.VehicleView{
		{Name: "egret-1", System: 1, Known: true, Conflict: true, ClockSkewS: &skew},
		{Name: "egret-2", System: 2, Known: true, Verified: true, Suspect: "jump"},
		{Name: "egret-3", System: 3, Known: true, Verified: true, State: "unheard"},
		{Name: "system-9", System: 9, ClockSkewS: &skew, Suspect: "jump"},
	}})
	got, n := shown(t, r, names...)
	want := map[string]float64{
		"vehicle_clock_skew_seconds egret-1": skew, "vehicle_doubted conflict egret-1": 1, "vehicle_doubted unverified egret-1": 1, "vehicle_doubted suspect egret-2": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || n != 3+9 {
		t.Errorf("%d series\n%s", n, diff)
	}
	m.look(&snapshot{plan: "9f2c", open: make([]int, 4)}) // a reload has dropped them all
	if got, n := shown(t, r, names...); n != 0 {
		t.Errorf("%d series of vehicles that are no more: %v", n, got)
	}
}

func TestConfiguredVehiclesAreAtZeroBeforeThePlanIsInForce(t *testing.T) {
	r := prometheus.NewRegistry()
	c := &configs.Config{Links: []link.Config{{Name: "field"}}, Mavlink: mavlink.Config{Vehicles: []mavlink.VehicleConfig{{Name: "egret-1", System: 1}}}}
	m := newMetrics(r, c, "test")
	m.look(&snapshot{open: make([]int, 4)})
	got, n := shown(t, r, "sequence_lost_total", "vehicle_clock_skew_seconds", "vehicle_doubted")
	if want := 3 + 1 + 3; len(got) != 0 || n != want {
		t.Errorf("%d series, want %d at 0: %v", n, want, got)
	}
}

func TestLostTagsAndTheNewAlertsAreCounted(t *testing.T) {
	r, m := hearingOf(t)
	m.count(&watch.Effects{
		LostTags:    []mavlink.LostTag{{Source: mavlink.SourcePhoto, N: 3}, {Source: mavlink.SourcePhoto, N: 1}, {Source: mavlink.SourcePOIScript, N: 2}},
		Transitions: []alerts.Transition{{Event: alerts.Opened, Kind: alerts.OfIdentityConflict, Severity: alerts.High}},
	})
	got, _ := shown(t, r, "tags_lost_total", "alerts_total")
	want := map[string]float64{"tags_lost_total photo": 4, "tags_lost_total poi_script": 2, "alerts_total identity_conflict high": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, n := shown(t, r, "evidence_total"); n != 3*len(mavlink.Sources()) {
		t.Errorf("%d series of evidence", n)
	}
}
