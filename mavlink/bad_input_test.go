package mavlink

import (
	"math"
	"slices"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// TestBadInputHasAReasonAndMakesNoAlertThatDoesNotSaySo: what it does make stands nowhere, or around the aircraft.
func TestBadInputHasAReasonAndMakesNoAlertThatDoesNotSaySo(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	plan := pressPlan()
	plan.Vehicles[0].Camera = CameraPlan{Mount: MountFixed} // attitudes are read where a camera depends on them
	const nothing Reject = RejectReasons
	for name, c := range map[string]struct {
		comp  uint8
		m     message.Message
		why   Reject
		basis Basis // of what is told, "": nothing
	}{
		"an attitude that is no number":             {1, &all.MessageAttitude{Roll: nan}, RejectNonFinite, ""},
		"an infinite attitude":                      {1, &all.MessageAttitude{Yaw: inf}, RejectNonFinite, ""},
		"an attitude of many turns":                 {1, &all.MessageAttitude{Yaw: 400}, RejectRange, ""},
		"an attitude":                               {1, &all.MessageAttitude{Yaw: 3}, nothing, ""},
		"a gimbal that looks at no number":          {154, &all.MessageGimbalDeviceAttitudeStatus{Q: [4]float32{1, nan, 0, 0}, Flags: 32}, RejectNonFinite, ""},
		"an image of no number":                     {100, &all.MessageCameraFovStatus{Q: [4]float32{inf, 0, 0, 0}, LatImage: math.MaxInt32}, RejectNonFinite, ""},
		"a mount that does not know its yaw":        {1, &all.MessageMountOrientation{Pitch: -30, Yaw: nan, YawAbsolute: nan}, nothing, ""}, // the message's own way to say so
		"a named value that is no number":           {1, &all.MessageNamedValueFloat{TimeBootMs: 9, Name: "SIGHT", Value: nan}, RejectNonFinite, ""},
		"an infinite named value":                   {1, &all.MessageNamedValueFloat{TimeBootMs: 9, Name: "SIGHT", Value: -inf}, RejectNonFinite, ""},
		"another named value that is no number":     {1, &all.MessageNamedValueFloat{TimeBootMs: 9, Name: "TEMP", Value: nan}, nothing, ""},
		"a text that is cut within a character":     {1, text("near the ford SIGHTING 3 \xe4\xba"), RejectGarbled, BasisVehicle},
		"a text in another encoding":                {1, text("\xb4\xac\xd4\xda sighting 1 boat"), RejectGarbled, BasisVehicle},
		"a garbled text of something else":          {1, text("EKF3 \xff\xfe"), RejectGarbled, ""},
		"a text in Chinese":                         {1, text("SIGHTING 3 木河"), nothing, BasisVehicle},
		"a press beyond the pole":                   {1, text("POI 91.0000000, 111.9500000, 690.00 (asml)"), RejectRange, BasisVehicle},
		"a press without its second number":         {1, text("POI 37.25"), RejectUndecodable, BasisVehicle},
		"a press at 0/0":                            {1, pressed(5, 0, 0), RejectZero, BasisVehicle},
		"a press nowhere":                           {1, pressed(5, math.MaxInt32, math.MaxInt32), RejectSentinel, BasisVehicle},
		"a tracked object beyond the pole":          {100, &all.MessageCameraTrackingGeoStatus{TrackingStatus: 1, Lat: 910000000, Lon: homeLon, HAcc: nan}, RejectRange, BasisVehicle},
		"a command at infinity":                     {190, &all.MessageCommandLong{TargetSystem: 245, TargetComponent: 191, Command: 31005, Param5: inf, Param6: 112}, RejectRange, ""},
		"a position from before the one before":     {1, &all.MessageGlobalPositionInt{TimeBootMs: 60_500, Lat: homeLat, Lon: homeLon, Alt: 800_000, RelativeAlt: 60_000}, RejectStale, ""},
		"a position of a part of the vehicle":       {154, &all.MessageGlobalPositionInt{TimeBootMs: 61_000, Lat: homeLat, Lon: homeLon}, RejectComponent, ""},
		"a position beyond the date line":           {1, &all.MessageGlobalPositionInt{TimeBootMs: 61_001, Lat: homeLat, Lon: 1_800_000_001}, RejectRange, ""},
		"a GPS position without a fix that says so": {1, &all.MessageGpsRawInt{FixType: 0, Lat: homeLat, Lon: homeLon}, nothing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, plan)
			x.hover(1, 60)
			system := uint8(1)
			if c.comp == 190 {
				system = 255
			}
			n := x.send(system, c.comp, c.m)
			for _, why := range Rejects() {
				if got, want := n.Rejected[why] == 1, why == c.why; got != want {
					t.Errorf("%d times %s", n.Rejected[why], why)
				}
			}
			if i := slices.IndexFunc(n.Evidence, func(e Evidence) bool { return e.Basis != c.basis }); i >= 0 || len(n.Evidence) == 0 && c.basis != "" {
				t.Errorf("it tells %+v", n.Evidence)
			}
		})
	}
}
