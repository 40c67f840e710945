package alerts

import (
	"strings"
	"testing"
)

func TestALineSaysOfADirectionOnlyWhatItTells(t *testing.T) {
	ray := &Ray{Lat: 372511220, Lon: 1119512996, Bearing: 2228, HalfWidth: 40, Min: 4004, Max: 15000}
	for _, tc := range []struct {
		distance Decimetres
		want     string
	}{
		{0, " bank ciyao met by the direction possible: person by photo of egret-1, direction only: bearing 222.8° from 37.2511220 111.9512996, 400 to 1500 m away"},
		{123, " bank ciyao 12.3 m beside the direction possible: person by photo of egret-1, direction only:"},
	} {
		line := (&Transition{Kind: OfSighting, Event: Opened, Severity: High, Zone: "ciyao", ZoneKind: "bank", Side: "on", Distance: tc.distance, Certainty: "possible", Verified: true,
			Sighting: &Sighting{Kind: "person", Source: "photo", Vehicle: "egret-1", Basis: "ray", Ray: ray}}).Line(nil)
		if !strings.Contains(line, tc.want) {
			t.Errorf("%s\nwant %s", line, tc.want)
		}
	}
}
