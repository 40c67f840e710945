package watch_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"pgregory.net/rapid"

	"riverwatch/alerts"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// told are the messages that the fold reads.
func told() []message.Message {
	return []message.Message{
		&all.MessageHeartbeat{}, &all.MessageSystemTime{}, &all.MessageSysStatus{}, &all.MessageGpsRawInt{}, &all.MessageAttitude{},
		&all.MessageGlobalPositionInt{}, &all.MessageRcChannels{}, &all.MessageCommandInt{}, &all.MessageCommandLong{},
		&all.MessageTerrainReport{}, &all.MessageAltitude{}, &all.MessageBatteryStatus{}, &all.MessageAutopilotVersion{},
		&all.MessageMountStatus{}, &all.MessageCameraFeedback{}, &all.MessageEkfStatusReport{}, &all.MessageEstimatorStatus{},
		&all.MessageExtendedSysState{}, &all.MessageNamedValueFloat{}, &all.MessageNamedValueInt{}, &all.MessageStatustext{},
		&all.MessageButtonChange{}, &all.MessageCameraImageCaptured{}, &all.MessageMountOrientation{}, &all.MessageCameraFovStatus{},
		&all.MessageCameraTrackingGeoStatus{}, &all.MessageGimbalDeviceAttitudeStatus{}, &all.MessageGnssIntegrity{},
	}
}

// fill gives each field of a message a value that an honest sender would not dare to send, or one that it might.
func fill(t *rapid.T, v reflect.Value, near func(name string) (int64, bool)) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		for k := range max(1, arrayLen(f)) {
			e := f
			if f.Kind() == reflect.Array {
				e = f.Index(k)
			}
			switch e.Kind() {
			case reflect.Float32:
				e.SetFloat(rapid.SampledFrom([]float64{0, 1, -1, 0.5, 37.24, 111.95, 400, -90, 1e30, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, name))
			case reflect.String:
				e.SetString(rapid.SampledFrom([]string{
					"", "SIGHT", "POI 37.2740000, 112.0050000, 900.00 (asml)", "POI: gimbal attitude unavailable", "POI 91, 181, 1", "POI -1e", "SIGHTING 3 persons",
					"SIGHTING 99999999999999999999 \xe4\xba", "SIGHTING \xff\xfe", "POI 37.2740000, 112.0050000\x00\x01",
				}).Draw(t, name))
			case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
				n, ok := near(name)
				if !ok || rapid.IntRange(0, 3).Draw(t, "wild") == 0 {
					n = rapid.SampledFrom([]int64{0, 1, -1, 100, math.MaxInt8, math.MinInt16, math.MaxInt16, math.MaxInt32, math.MinInt32, math.MaxInt64}).Draw(t, name)
				}
				e.SetInt(n)
			default:
				n, ok := near(name)
				if !ok || rapid.IntRange(0, 3).Draw(t, "wild") == 0 {
					n = rapid.SampledFrom([]int64{0, 1, 2, 3, 32, 64, 1024, 1900, math.MaxUint8, math.MaxUint16, math.MaxUint32, math.MaxInt64}).Draw(t, name)
				}
				e.SetUint(uint64(n) & (1<<(8*e.Type().Size()-1)*2 - 1))
			}
		}
	}
}

func arrayLen(v reflect.Value) int {
	if v.Kind() == reflect.Array {
		return v.Len()
	}
	return 0
}

// honest are the messages of a drone that hovers 60 m above the gate, its camera down at 45 degrees.
func honest(at int64) []message.Message {
	boot := uint32((at-start)/1000) + 60_000
	q := [4]float32{0.92388, 0, -0.382683, 0}
	return []message.Message{
		&all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 209, SystemStatus: 4},
		&all.MessageSystemTime{TimeUnixUsec: uint64(at), TimeBootMs: boot},
		&all.MessageGpsRawInt{TimeUsec: uint64(at), FixType: 3, Lat: gate1Lat, Lon: gate1Lon, Alt: 760_000, Eph: 80, HAcc: 900},
		&all.MessageGlobalPositionInt{TimeBootMs: boot, Lat: gate1Lat, Lon: gate1Lon, Alt: 760_000, RelativeAlt: 60_000, Hdg: 9000},
		&all.MessageAttitude{TimeBootMs: boot, Yaw: 1.5708},
		&all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: boot, Q: q, Flags: all.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME},
		&all.MessageStatustext{Severity: 6, Text: "SIGHTING 3 persons"},
		&all.MessageRcChannels{TimeBootMs: boot, Chancount: 8, Chan7Raw: 1900},
		&all.MessageRcChannels{TimeBootMs: boot, Chancount: 8, Chan7Raw: 1000},
		&all.MessageButtonChange{TimeBootMs: boot, LastChangeMs: boot, State: 1},
	}
}

// TestNothingThatADroneSendsMakesAnUnlabelledOrImpossibleAlert folds whatever comes, with every source on.
func TestNothingThatADroneSendsMakesAnUnlabelledOrImpossibleAlert(outer *testing.T) {
	j := riverPlan(outer, everySource)
	rapid.Check(outer, func(t *rapid.T) {
		w := newWatch(j)
		p := &tape{t: outer}
		p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
		messages, at, seq := told(), start, [4]uint8{}
		for range rapid.IntRange(1, 120).Draw(t, "frames") {
			at += rapid.SampledFrom([]int64{0, 1000, 100_000, 100_000, 100_000, second, 7 * second, 100 * second}).Draw(t, "later")
			m := messages[rapid.IntRange(0, len(messages)-1).Draw(t, "message")]
			boot := uint32((at-start)/1000) + 60_000
			if rapid.IntRange(0, 3).Draw(t, "honest") > 0 {
				m = rapid.SampledFrom(honest(at)).Draw(t, "what")
			} else {
				fill(t, reflect.ValueOf(m).Elem(), func(name string) (int64, bool) {
					n, ok := map[string]int64{
						"TimeBootMs": int64(boot), "LastChangeMs": int64(boot), "TimeUsec": at, "TimeUtc": at, "TimeUnixUsec": at,
						"Lat": gate1Lat, "Lng": gate1Lon, "Lon": gate1Lon, "LatImage": gate1Lat, "LonImage": gate1Lon, "X": gate1Lat, "Y": gate1Lon,
						"RelativeAlt": 60_000, "Type": 2, "Autopilot": 3, "FixType": 3, "Command": 31005, "TargetSystem": 245, "TargetComponent": 191,
					}[name]
					return n, ok
				})
			}
			system := uint8(rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "system"))
			component := rapid.SampledFrom([]uint8{1, 1, 1, 100, 154}).Draw(t, "component")
			raw, err := mavlink.AppendFrame(nil, seq[system], system, component, m)
			if err != nil {
				t.Fatal(err)
			}
			seq[system] += rapid.SampledFrom([]uint8{1, 1, 1, 1, 0, 3, 100}).Draw(t, "step")
			p.frame(at, raw, 1)
		}
		heard := map[string]alerts.Time{}
		var e watch.Effects
		for i := range p.frames {
			f := &p.frames[i]
			name := []string{"", "egret-1", "egret-2", "system-3"}[f.SysID&3]
			if _, ok := heard[name]; !ok && f.Origin != mavlink.OriginOwn {
				heard[name] = alerts.Time(f.At)
			}
			before, err := w.State()
			if err != nil {
				t.Fatal(err)
			}
			again := newWatch(j)
			if err := again.Restore(before); err != nil {
				t.Fatal(err)
			}
			e.Reset()
			w.Apply(f, &e)
			var same watch.Effects
			again.Apply(f, &same)
			if a, b := render(&e), render(&same); !reflect.DeepEqual(a, b) {
				t.Fatalf("frame %d: %v\nafter save and restore: %v", i, a, b)
			}
			for k := range e.Sightings {
				lawful(t, &e.Sightings[k], alerts.Time(f.At), heard)
			}
			for k := range e.Transitions {
				tr := &e.Transitions[k]
				if line := tr.AppendJSON(nil); !json.Valid(line) || bytes.Contains(line, []byte(`�`)) {
					t.Fatalf("not a line of JSON that people can read: %s", line)
				}
				if tr.Kind == alerts.OfSighting && tr.Certainty == "" {
					t.Fatalf("an alert without its certainty: %s", tr.Line(nil))
				}
				if s := tr.Sighting; s != nil {
					lawful(t, s, tr.At, heard)
				}
			}
		}
	})
}

// lawful holds a sighting to what no drone can make it break.
func lawful(t *rapid.T, s *alerts.Sighting, at alerts.Time, heard map[string]alerts.Time) {
	switch first, ok := heard[s.Vehicle]; {
	case s.At > at:
		t.Fatalf("a sighting from the future: %s at %s", s.AppendJSON(nil), at)
	case ok && s.At < first:
		t.Fatalf("a sighting from before its vehicle was heard at %s: %s", first, s.AppendJSON(nil))
	case s.TimeSource == "" || s.Uncertainty < 0 || s.Kind == "" || s.Source == "" || s.Basis == "":
		t.Fatalf("a sighting without its labels: %s", s.AppendJSON(nil))
	case s.Located && (s.Lat < -90e7 || s.Lat > 90e7 || s.Lon < -180e7 || s.Lon > 180e7 || s.CE90 <= 0 || s.CE90 > 200_000):
		t.Fatalf("a sighting that is nowhere: %s", s.AppendJSON(nil))
	case s.Located && s.Ray != nil, !s.Located && s.Ray == nil && s.Basis != "none":
		t.Fatalf("a sighting whose basis is not what it has: %s", s.AppendJSON(nil))
	}
	if r := s.Ray; r != nil && (r.Lat < -90e7 || r.Lat > 90e7 || r.Lon < -180e7 || r.Lon > 180e7 || r.Bearing < 0 || r.Bearing > 3600 || r.HalfWidth <= 0 || r.Max <= r.Min) {
		t.Fatalf("a direction that is none: %s", s.AppendJSON(nil))
	}
	if e := s.Ellipse; e != nil && (e.Minor <= 0 || e.Major < e.Minor || e.Bearing < 0 || e.Bearing > 179) {
		t.Fatalf("an ellipse that is none: %s", s.AppendJSON(nil))
	}
}

// everySource turns every source on, with its options, for all vehicles.
func everySource(p *watch.Plan) {
	f := &p.Fleet
	f.Sources = mavlink.Sources()
	f.Options = mavlink.SourceOptions{
		Photo:      &mavlink.PhotoOptions{Position: mavlink.PositionRay},
		StatusText: &mavlink.StatusTextOptions{Pattern: `^SIGHTING (?P<count>\d+) (?P<kind>\S+)`, Kind: "person"},
		RCSwitch:   &mavlink.RCSwitchOptions{Channel: 7, Edge: mavlink.EdgeBoth, DebounceUS: 200_000, Kind: "person"},
		Button:     &mavlink.ButtonOptions{Button: 1, Kind: "person"},
		NamedValue: &mavlink.NamedValueOptions{Name: "SIGHT", Kind: "person"},
	}
	f.Commands = []mavlink.CommandSender{{Name: "desk", System: 3}}
	f.Own = mavlink.DefaultOwnID
}
