package mavlink

import (
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

// TestNoRealFlightIsSuspect folds the real logs: nothing in them was deceived, frozen or out of place, the simulation at
// three times the pace of the clock included.
func TestNoRealFlightIsSuspect(t *testing.T) {
	for _, log := range []string{
		"ardusub_attitude_only.tlog", "ardusub_small.tlog", "bluerobotics_00025.tlog", "codelever_2013-10-13_16-58-51.tlog",
		"codelever_2013-10-13_18-50-10.tlog", "dronekit_log_upload_test.tlog", "sitl_yanwu_patrol.tlog",
	} {
		f, told := NewFleet(&FleetPlan{StaleUS: 3_000_000, LostUS: 10_000_000}), &News{}
		frames := readLog(t, log)
		for i := range frames {
			f.Advance(frames[i].At, told)
			f.Apply(&frames[i], told)
		}
		for _, c := range told.Changes {
			if c.Kind == ChangeSuspect || c.Kind == ChangeTrusted {
				t.Errorf("%s: %v %s %d s into it", log, c.Kind, c.Why, (c.At-frames[0].At)/sec)
			}
		}
		for _, fix := range told.Fixes {
			if fix.Suspect {
				t.Fatalf("%s: %+v", log, fix)
			}
		}
	}
}

func TestARealFlightThatIsBentIsSuspect(t *testing.T) {
	const log = "codelever_2013-10-13_16-58-51.tlog"
	for name, c := range map[string]struct {
		bend func(n int, m *GlobalPositionInt)
		why  string
	}{
		"drawn 300 m aside for a while": {func(n int, m *GlobalPositionInt) {
			if n > 400 && n < 500 {
				m.Lat += 27_000
			}
		}, "jump"},
		"standing still for half of it": {func(n int, m *GlobalPositionInt) {
			if n > 400 {
				m.Lat, m.Lon, m.Vx = 400000000, -960000000, 500
			}
		}, "jump"},
	} {
		f, told := NewFleet(&FleetPlan{StaleUS: 3_000_000, LostUS: 10_000_000}), &News{}
		frames := readLog(t, log)
		n := 0
		for i := range frames {
			fr := frames[i]
			if fr.MsgID == idGlobalPositionInt {
				m := ReadGlobalPositionInt(Payload(fr.Raw))
				c.bend(n, &m)
				n++
				raw, err := AppendFrame(nil, fr.Seq, fr.SysID, fr.CompID, &all.MessageGlobalPositionInt{
					TimeBootMs: m.TimeBootMs, Lat: m.Lat, Lon: m.Lon, Alt: m.Alt, RelativeAlt: m.RelativeAlt, Vx: m.Vx, Vy: m.Vy, Vz: m.Vz, Hdg: m.Hdg,
				})
				if err != nil {
					t.Fatal(err)
				}
				fr.Raw = raw
			}
			f.Advance(fr.At, told)
			f.Apply(&fr, told)
		}
		why := ""
		for _, ch := range told.Changes {
			if ch.Kind == ChangeSuspect && why == "" {
				why = ch.Why
			}
		}
		if why != c.why {
			t.Errorf("%s: %q", name, why)
		}
	}
}
