package mavlink

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// sourceReaders give each reader's fields under gomavlib's names.
var sourceReaders = []struct {
	m    message.Message
	read func([]byte) map[string]any
}{
	{&all.MessageRcChannels{}, func(p []byte) map[string]any {
		m := ReadRCChannels(p)
		fields := map[string]any{"TimeBootMs": m.TimeBootMs, "Chancount": m.Chancount, "Rssi": m.Rssi}
		for i, us := range m.Raw {
			fields[fmt.Sprintf("Chan%dRaw", i+1)] = us
		}
		return fields
	}},
	{&all.MessageButtonChange{}, func(p []byte) map[string]any {
		m := ReadButtonChange(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "LastChangeMs": m.LastChangeMs, "State": m.State}
	}},
	{&all.MessageNamedValueFloat{}, func(p []byte) map[string]any {
		m := ReadNamedValue(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "Name": upToNUL(m.Name[:]), "Value": math.Float32frombits(m.Bits)}
	}},
	{&all.MessageNamedValueInt{}, func(p []byte) map[string]any {
		m := ReadNamedValue(p)
		return map[string]any{"TimeBootMs": m.TimeBootMs, "Name": upToNUL(m.Name[:]), "Value": int32(m.Bits)}
	}},
	{&all.MessageCommandInt{}, func(p []byte) map[string]any {
		m := ReadCommandInt(p)
		return map[string]any{"Param1": m.Param1, "Param2": m.Param2, "Param3": m.Param3, "Param4": m.Param4, "X": m.X, "Y": m.Y, "Z": m.Z,
			"Command": m.Command, "TargetSystem": m.TargetSystem, "TargetComponent": m.TargetComponent,
			"Frame": m.Frame, "Current": m.Current, "Autocontinue": m.Autocontinue}
	}},
	{&all.MessageCommandLong{}, func(p []byte) map[string]any {
		m := ReadCommandLong(p)
		return map[string]any{"Param1": m.Param1, "Param2": m.Param2, "Param3": m.Param3, "Param4": m.Param4, "Param5": m.Param5,
			"Param6": m.Param6, "Param7": m.Param7, "Command": m.Command, "TargetSystem": m.TargetSystem,
			"TargetComponent": m.TargetComponent, "Confirmation": m.Confirmation}
	}},
}

func upToNUL(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

func FuzzSourceReadersReadWhatGomavlibReads(f *testing.F) {
	for i := range sourceReaders {
		for _, p := range []string{"", "\x01", strings.Repeat("\x01\x02\x03\x04\xfd\xfe\xff", 8), strings.Repeat("\x00\x00\xc0\x7f", 12), strings.Repeat("\xff", 60),
			"\x01\x02\x03\x04\x00\x00\x80\x3fSIGHT\x00\x00\x00\x00\x00"} {
			f.Add(uint8(i), []byte(p), i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, payload []byte, v1 bool) {
		h := sourceReaders[int(which)%len(sourceReaders)]
		payload = payload[:min(255, len(payload))]
		e := knownDialect().lookup(h.m.GetID())
		var raw []byte
		if v1 && e.id <= 255 {
			raw = append([]byte{startV1, byte(len(payload)), 1, 1, 1, byte(e.id)}, payload...)
			raw = binary.LittleEndian.AppendUint16(raw, CRC(raw[1:], e.extra))
		} else {
			raw = appendV2(nil, 1, 1, 1, e, payload)
		}
		m, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := h.read(Payload(raw)), reflect.ValueOf(m).Elem()
		if len(ours) != theirs.NumField() {
			t.Fatalf("%T has %d fields, the reader %d", m, theirs.NumField(), len(ours))
		}
		for name, v := range ours {
			got, want := reflect.ValueOf(v), theirs.FieldByName(name)
			if got.Kind() == reflect.String && got.String() == want.String() || got.Kind() != reflect.String && sameNumber(got, want) {
				continue
			}
			t.Errorf("%T.%s: %v, gomavlib %v, of %x", m, name, v, want, raw)
		}
	})
}

func sameNumber(ours, theirs reflect.Value) bool {
	if ours.CanUint() && theirs.CanInt() { // an enumeration of gomavlib's own
		return ours.Uint() == uint64(theirs.Int())
	}
	return sameValue(ours, theirs)
}

func TestSourceReadersAllocateNothing(t *testing.T) {
	long, short := make([]byte, 255), []byte{1, 2, 3}
	sink := 0
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range [][]byte{long, short} {
			sink += int(ReadRCChannels(p).TimeBootMs) + int(ReadButtonChange(p).TimeBootMs) + int(ReadNamedValue(p).TimeBootMs) +
				int(ReadCommandInt(p).Command) + int(ReadCommandLong(p).Command)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sink == 0 {
		t.Error("nothing was read")
	}
}
