package link

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"riverwatch/mavlink"
)

func encoded(t *testing.T, system, component uint8, m message.Message) []byte {
	t.Helper()
	raw, err := mavlink.AppendFrame(nil, 0, system, component, m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestARadioBelongsToItsLink(t *testing.T) {
	b := byHandWith(t, Options{Vehicles: []mavlink.VehicleIdentity{required(51, &keyOne)}})
	if b.Status()[0].Radio != nil {
		t.Error("a radio before any was heard")
	}
	src := b.source(0, "/dev/ttyUSB0")
	for _, tc := range []struct {
		raw  []byte
		want string
	}{
		{encoded(t, 51, 68, &common.MessageRadioStatus{Rssi: 190, Remrssi: 188, Txbuf: 97, Noise: 40, Remnoise: 41, Rxerrors: 300, Fixed: 7}),
			`{"rssi":190,"remrssi":188,"noise":40,"remnoise":41,"txbuf_percent":97,"rxerrors":300,"fixed":7,"at":`},
		{encoded(t, 51, 68, &ardupilotmega.MessageRadio{Rssi: 1, Remrssi: 2, Txbuf: 3, Noise: 4, Remnoise: 5, Rxerrors: 6, Fixed: 7}),
			`{"rssi":1,"remrssi":2,"noise":4,"remnoise":5,"txbuf_percent":3,"rxerrors":6,"fixed":7,"at":`},
		{encoded(t, 1, 1, &common.MessageRadioStatus{Rssi: 255, Remrssi: 254, Noise: 255, Remnoise: 255}),
			`{"rssi":null,"remrssi":254,"noise":null,"remnoise":null,"txbuf_percent":0,"rxerrors":0,"fixed":0,"at":`},
		{encoded(t, 1, 1, &common.MessageRadioStatus{}), `{"rssi":0,"remrssi":0,`},
	} {
		b.send(src, tc.raw)
		got, err := json.Marshal(b.Status()[0].Radio)
		if err != nil || !strings.HasPrefix(string(got), tc.want) {
			t.Errorf("%s, want %s", got, tc.want)
		}
	}
	if b.Status()[1].Radio != nil {
		t.Error("the other link has it as well")
	}
	b.drain()
	if len(b.frames) != 4 || b.frames[0].Signed {
		t.Errorf("a radio's own word needs no signature, and has none: %+v", b.frames)
	}
	if b.pass(61 * time.Second); b.Status()[0].Radio != nil {
		t.Error("what it said a minute ago is taken for what is")
	}
}

func TestARadiosMetricsAreThoseThatItKnows(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	b := byHandWith(t, Options{Registerer: reg})
	names := []string{"riverwatch_radio_rssi", "riverwatch_radio_remote_rssi", "riverwatch_radio_noise", "riverwatch_radio_remote_noise",
		"riverwatch_radio_txbuf_percent", "riverwatch_radio_rx_errors", "riverwatch_radio_fixed"}
	if n, err := testutil.GatherAndCount(reg, names...); err != nil || n != 0 {
		t.Errorf("%d before any was heard, %v", n, err)
	}
	b.send(b.source(0, "/dev/ttyUSB0"), encoded(t, 51, 68, &common.MessageRadioStatus{Rssi: 190, Remrssi: 255, Txbuf: 97, Noise: 40, Remnoise: 41, Rxerrors: 300, Fixed: 7}))
	for name, want := range map[string]float64{"rssi": 190, "noise": 40, "remote_noise": 41, "txbuf_percent": 97, "rx_errors": 300, "fixed": 7} {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range families {
			if f.GetName() == "riverwatch_radio_"+name {
				m := f.GetMetric()
				found = len(m) == 1 && m[0].GetGauge().GetValue() == want && m[0].GetLabel()[0].GetValue() == "b"
			}
		}
		if !found {
			t.Errorf("%s is not %v of link b alone", name, want)
		}
	}
	if n, err := testutil.GatherAndCount(reg, names...); err != nil || n != 6 {
		t.Errorf("%d metrics, %v", n, err)
	}
}
