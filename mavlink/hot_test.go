package mavlink

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// hotReaders are the readers by the message of gomavlib that each must equal: as a struct of the same fields, or as a
// map of them where it gives them another shape.
var hotReaders = []struct {
	m    message.Message
	read func([]byte) any
}{
	{&all.MessageHeartbeat{}, func(p []byte) any { return ReadHeartbeat(p) }},
	{&all.MessageSysStatus{}, func(p []byte) any { return ReadSysStatus(p) }},
	{&all.MessageSystemTime{}, func(p []byte) any { return ReadSystemTime(p) }},
	{&all.MessageGpsRawInt{}, func(p []byte) any { return ReadGPSRawInt(p) }},
	{&all.MessageAttitude{}, func(p []byte) any { return ReadAttitude(p) }},
	{&all.MessageGlobalPositionInt{}, func(p []byte) any { return ReadGlobalPositionInt(p) }},
	{&all.MessageBatteryStatus{}, func(p []byte) any { return ReadBatteryStatus(p) }},
	{&all.MessageCameraFeedback{}, func(p []byte) any { return ReadCameraFeedback(p) }},
	{&all.MessageEkfStatusReport{}, func(p []byte) any { return ReadEKFStatusReport(p) }},
	{&all.MessageEstimatorStatus{}, func(p []byte) any { return ReadEstimatorStatus(p) }},
	{&all.MessageExtendedSysState{}, func(p []byte) any { return ReadExtendedSysState(p) }},
	{&all.MessageStatustext{}, func(p []byte) any { return ReadStatusText(p) }},
	{&all.MessageCameraImageCaptured{}, func(p []byte) any { return ReadCameraImageCaptured(p) }},
	{&all.MessageGnssIntegrity{}, func(p []byte) any { return ReadGNSSIntegrity(p) }},
	{&all.MessageCameraTrackingGeoStatus{}, func(p []byte) any { return ReadCameraTrackingGeoStatus(p) }},
	{&all.MessageGimbalDeviceAttitudeStatus{}, func(p []byte) any { return ReadGimbalDeviceAttitudeStatus(p) }},
	{&all.MessageMountOrientation{}, func(p []byte) any { return ReadMountOrientation(p) }},
	{&all.MessageMountStatus{}, func(p []byte) any { return ReadMountStatus(p) }},
	{&all.MessageCameraFovStatus{}, func(p []byte) any { return ReadCameraFovStatus(p) }},
	{&all.MessageTerrainReport{}, func(p []byte) any { return ReadTerrainReport(p) }},
	{&all.MessageAltitude{}, func(p []byte) any { return ReadAltitude(p) }},
	{&all.MessageRcChannels{}, func(p []byte) any {
		m := ReadRCChannels(p)
		fields := map[string]any{"TimeBootMs": m.TimeBootMs, "Chancount": m.Chancount, "Rssi": m.Rssi}
		for i, us := range m.Raw {
			fields[fmt.Sprintf("Chan%dRaw", i+1)] = us
		}
		return fields
	}},
	{&all.MessageButtonChange{}, func(p []byte) any {
		m := ReadButtonChange(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "LastChangeMs": m.LastChangeMs, "State": m.State}
	}},
	{&all.MessageNamedValueFloat{}, func(p []byte) any {
		m := ReadNamedValue(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "Name": upToNUL(m.Name[:]), "Value": math.Float32frombits(m.Bits)}
	}},
	{&all.MessageNamedValueInt{}, func(p []byte) any {
		m := ReadNamedValue(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "Name": upToNUL(m.Name[:]), "Value": int32(m.Bits)}
	}},
	{&all.MessageCommandInt{}, func(p []byte) any {
		m := ReadCommandInt(p)
		return map[string]any{"Param1": m.Param1, "Param2": m.Param2, "Param3": m.Param3, "Param4": m.Param4, "X": m.X, "Y": m.Y, "Z": m.Z,
			"Command": m.Command, "TargetSystem": m.TargetSystem, "TargetComponent": m.TargetComponent,
			"Frame": m.Frame, "Current": m.Current, "Autocontinue": m.Autocontinue}
	}},
	{&all.MessageCommandLong{}, func(p []byte) any {
		m := ReadCommandLong(p)
		return map[string]any{"Param1": m.Param1, "Param2": m.Param2, "Param3": m.Param3, "Param4": m.Param4, "Param5": m.Param5,
			"Param6": m.Param6, "Param7": m.Param7, "Command": m.Command, "TargetSystem": m.TargetSystem,
			"TargetComponent": m.TargetComponent, "Confirmation": m.Confirmation}
	}},
}

// leftOut are the fields that a reader leaves to gomavlib.
var leftOut = map[string]bool{
	"OnboardControlSensorsPresentExtended": true, "OnboardControlSensorsEnabledExtended": true,
	"OnboardControlSensorsHealthExtended": true, "FileUrl": true,
}

// FuzzHotReadersReadWhatGomavlibReads gives both the payload as each version of the protocol would carry it.
func FuzzHotReadersReadWhatGomavlibReads(f *testing.F) {
	for i := range hotReaders {
		for _, p := range []string{"", "\x01", "\xff\xff\xff", strings.Repeat("\x01\x02\x03\x04\xfd\xfe\xff", 30),
			strings.Repeat("\x00\x00\xc0\x7f", 20), "\x06POI 37.2500000, 111.9500000, 800.00 (asml)", strings.Repeat("\x00", 60), strings.Repeat("\xff", 255)} {
			f.Add(uint8(i), []byte(p), i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, payload []byte, v1 bool) {
		h := hotReaders[int(which)%len(hotReaders)]
		payload = payload[:min(255, len(payload))]
		e := knownDialect().lookup(h.m.GetID())
		var raw []byte
		if v1 && e.id <= 255 {
			raw = append([]byte{startV1, byte(len(payload)), 1, 1, 1, byte(e.id)}, payload...)
			raw = binary.LittleEndian.AppendUint16(raw, CRC(raw[1:], e.extra))
		} else {
			raw = appendV2(nil, 1, 1, 1, e, payload)
		}
		if v := Check(raw); v != Good {
			t.Fatalf("%x is %v", raw, v)
		}
		before := slices.Clone(raw)
		m, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := h.read(Payload(raw)), reflect.ValueOf(m).Elem()
		for i := range theirs.NumField() {
			name := theirs.Type().Field(i).Name
			if leftOut[name] {
				continue
			}
			o := fieldOf(ours, name)
			if !o.IsValid() {
				t.Fatalf("%T: no field %s", h.m, name)
			}
			if !sameValue(o, theirs.Field(i)) {
				t.Errorf("%T.%s: %v, gomavlib %v, of %x", h.m, name, o, theirs.Field(i), raw)
			}
		}
		if !slices.Equal(raw, before) {
			t.Errorf("%x was written to", before)
		}
	})
}

func upToNUL(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

func fieldOf(read any, name string) reflect.Value {
	if m, ok := read.(map[string]any); ok {
		return reflect.ValueOf(m[name])
	}
	if n, ok := strings.CutSuffix(name, "Id"); ok {
		name = n + "ID"
	}
	return reflect.ValueOf(read).FieldByName(name)
}

func sameValue(ours, theirs reflect.Value) bool {
	switch ours.Kind() {
	case reflect.Array:
		for i := range ours.Len() {
			if !sameValue(ours.Index(i), theirs.Index(i)) {
				return false
			}
		}
		return ours.Len() == theirs.Len()
	case reflect.String:
		return ours.String() == theirs.String()
	case reflect.Slice:
		return string(ours.Bytes()) == theirs.String()
	case reflect.Float32:
		return math.Float32bits(float32(ours.Float())) == math.Float32bits(float32(theirs.Float())) || math.IsNaN(ours.Float()) && math.IsNaN(theirs.Float())
	case reflect.Int8, reflect.Int16, reflect.Int32:
		if theirs.CanUint() { // an enumeration: gomavlib reads it unsigned
			return uint8(ours.Int()) == uint8(theirs.Uint()) && theirs.Uint() < 256
		}
		return ours.Int() == theirs.Int()
	default:
		if theirs.CanInt() { // an enumeration again
			return ours.Uint() == uint64(theirs.Int())
		}
		return ours.Uint() == theirs.Uint()
	}
}

func TestHotReadersAllocateNothing(t *testing.T) {
	long, short := make([]byte, 255), []byte{1, 2, 3}
	var sink int
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range [][]byte{long, short} {
			sink += int(ReadHeartbeat(p).Type) + int(ReadSysStatus(p).Load) + int(ReadSystemTime(p).TimeBootMs) + int(ReadGPSRawInt(p).Lat) +
				int(ReadAttitude(p).TimeBootMs) + int(ReadGlobalPositionInt(p).Lat) + int(ReadBatteryStatus(p).ID) + int(ReadCameraFeedback(p).Lat) +
				int(ReadEKFStatusReport(p).Flags) + int(ReadEstimatorStatus(p).Flags) + int(ReadExtendedSysState(p).LandedState) +
				len(ReadStatusText(p).Text) + int(ReadCameraImageCaptured(p).Lat) + int(ReadCameraTrackingGeoStatus(p).Lat) +
				int(ReadRCChannels(p).TimeBootMs) + int(ReadButtonChange(p).TimeBootMs) + int(ReadNamedValue(p).TimeBootMs) +
				int(ReadCommandInt(p).Command) + int(ReadCommandLong(p).Command)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sink == 0 {
		t.Error("nothing was read")
	}
}
