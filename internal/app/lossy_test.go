package app

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// TestALossyLinkLosesNoSightingAndNoZoneEvent folds a real flight as it was and as a bad radio would have brought it: a
// tenth of its frames lost, others late or twice. Loss spares the photos: a message that is sent once and lost is lost.
func TestALossyLinkLosesNoSightingAndNoZoneEvent(t *testing.T) {
	flight, err := os.ReadFile(yanwu)
	if err != nil {
		t.Skipf("skipped: the shared flight logs are not here: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "station.yaml")
	yaml := `station: {name: yanwu}
vehicles: [{name: egret-1, system: 11}]
zones: [{file: gates.geojson, crs: wgs84}]
sightings: {sources: [photo]}
rules: [{name: crossing, near: [gate], severity: high}]
`
	zones := `{"type":"FeatureCollection","features":[
		{"type":"Feature","properties":{"id":"gate-a","kind":"gate","radius_m":60},"geometry":{"type":"Point","coordinates":[111.9503,37.2498]}},
		{"type":"Feature","properties":{"id":"gate-b","kind":"gate","radius_m":40},"geometry":{"type":"Point","coordinates":[111.9500,37.2511]}}]}`
	clean, bad := filepath.Join(dir, "clean.tlog"), filepath.Join(dir, "bad.tlog")
	if err := errors.Join(os.WriteFile(file, []byte(yaml), 0o600), os.WriteFile(filepath.Join(dir, "gates.geojson"), []byte(zones), 0o600),
		os.WriteFile(clean, flight, 0o600), os.WriteFile(bad, lossy(flight), 0o600)); err != nil {
		t.Fatal(err)
	}
	j, err := judgeOf(file)
	if err != nil {
		t.Fatal(err)
	}
	want, loss := told(t, j, clean)
	if len(want.sightings) < 30 || len(want.events) < 6 || loss != 0 {
		t.Fatalf("the clean log tells %d sightings and the zone events %v, and lost %.1f %%", len(want.sightings), want.events, loss)
	}
	got, loss := told(t, j, bad)
	if !slices.Equal(got.events, want.events) {
		t.Errorf("zone events:\n%v\nof the clean log:\n%v", got.events, want.events)
	}
	if len(got.sightings) != len(want.sightings) {
		t.Fatalf("%d sightings, %d in the clean log", len(got.sightings), len(want.sightings))
	}
	for i := range want.sightings {
		a, b := &got.sightings[i], &want.sightings[i]
		apart := geofence.DistanceDM(geofence.Point{LatE7: int32(a.Lat), LonE7: int32(a.Lon)}, geofence.Point{LatE7: int32(b.Lat), LonE7: int32(b.Lon)})
		if a.Source != b.Source || a.Located != b.Located || a.Basis != b.Basis || apart > int64(min(a.CE90, b.CE90)) {
			t.Errorf("sighting %d: %s\nin the clean log %s\n%d dm apart", i, a.AppendJSON(nil), b.AppendJSON(nil), apart)
		}
	}
	if math.Abs(loss-10) > 1 {
		t.Errorf("a tenth was lost, and %.1f %% is shown", loss)
	}
}

// tale is what a log tells under a plan, in its order.
type tale struct {
	sightings []alerts.Sighting
	events    []string // zone and event
}

// told folds a log and gives its tale, and the loss of the autopilot's stream in percent.
func told(t *testing.T, j *watch.Judge, path string) (all tale, loss float64) {
	t.Helper()
	frames, err := replay.Open(replay.ReaderOptions{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Close()
	w := watch.New(watch.Options{Station: "-", WhatIf: j})
	err = w.Run(t.Context(), frames, func(_ mavlink.Batch, e *watch.Effects) error {
		all.sightings = append(all.sightings, e.Sightings...)
		for _, z := range e.ZoneEvents {
			all.events = append(all.events, z.Zone+" "+z.Event)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w.Vehicles() {
		for _, s := range v.Streams {
			if v.System == 11 && s.Component == 1 {
				return all, s.LossPercent
			}
		}
	}
	t.Fatal("the autopilot has no stream")
	return all, 0
}

// lossy is a flight log over a bad radio: one frame in ten is not in it, one in twenty is there twice, and one in ten
// comes up to three places late, under the stamp of its arrival.
func lossy(log []byte) (out []byte) {
	luck := rand.New(rand.NewPCG(23, 11))
	type record struct {
		at    uint64
		raw   []byte
		place float64
	}
	var all []record
	for len(log) > 8 {
		n, ok := mavlink.FrameLen(log[8:])
		if !ok || len(log) < 8+n {
			break
		}
		r := record{binary.BigEndian.Uint64(log), log[8 : 8+n], float64(len(all))}
		log = log[8+n:]
		photo := mavlink.Parse(r.raw).MsgID == 180
		switch p := luck.Float64(); {
		case p < 0.10 && !photo:
			r.raw = nil
		case p >= 0.10 && p < 0.15:
			twin := r
			twin.place += 2.5
			all = append(all, twin)
		case p >= 0.15 && p < 0.25 && !photo:
			r.place += 1.5 + 2*luck.Float64()
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b record) int {
		switch {
		case a.place < b.place:
			return -1
		case a.place > b.place:
			return 1
		}
		return 0
	})
	at := uint64(0)
	for _, r := range all {
		if at = max(at, r.at); r.raw != nil {
			out = append(binary.BigEndian.AppendUint64(out, at), r.raw...)
		}
	}
	return out
}
