package watch_test

import (
	"testing"

	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// TestAForgersPressesPushNoVerifiedOneOutOfMemory: else its copy over a slow link would be another sighting.
func TestAForgersPressesPushNoVerifiedOneOutOfMemory(t *testing.T) {
	j := riverPlan(t, func(p *watch.Plan) { p.Fleet.Vehicles[0].Signing = mavlink.SigningPrefer })
	p := &tape{t: t}
	p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	press := func(at int64) {
		p.says(at, 1, poiPoint(1, gate1Lat, gate1Lon))
		p.frames[len(p.frames)-1].Signed = true
	}
	press(start + second)
	for i := range 100 {
		p.says(start+2*second+int64(i)*20_000, 1, poiPoint(uint16(100+i), 370_000_000+int32(i)*10_000, gate1Lon))
	}
	press(start + 20*second)
	w := newWatch(j)
	var e watch.Effects
	for i := range p.frames {
		w.Apply(&p.frames[i], &e)
	}
	verified, forged := 0, 0
	for _, s := range e.Sightings {
		if s.Verified {
			verified++
		} else {
			forged++
		}
	}
	if verified != 1 || forged != 100 {
		t.Errorf("%d verified sightings, want 1; %d forged, want 100", verified, forged)
	}
}
