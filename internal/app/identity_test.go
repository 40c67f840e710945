package app

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"riverwatch/alerts"
	"riverwatch/internal/sim"
)

// TestTwoDronesUnderOneIDAreTwoTracksAndOneAlert flies two drones that both say that they are system 1, switched on at
// the same instant, on either side of a gate: whoever took them for one would see it crossed several times a second.
func TestTwoDronesUnderOneIDAreTwoTracksAndOneAlert(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: takes ten seconds")
	}
	for _, tt := range []struct {
		name  string
		relay bool
	}{
		{"each from a port of its own", false},
		{"both from one port, as behind a router", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "station.yaml")
			yaml := `station: {name: yanwu}
http: {listen: "127.0.0.1:0"}
links: [{name: field, udp: "127.0.0.1:0"}]
vehicles: [{name: egret-1, system: 1}]
zones: [{file: gate.geojson, crs: wgs84}]
rules: [{name: crossing, near: [gate], severity: high}]
sessions: {min_free_mib: 1}
`
			gate := `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"gate-a","kind":"gate","radius_m":60},
				"geometry":{"type":"Point","coordinates":[111.9500,37.2500]}}]}`
			if err := errors.Join(os.WriteFile(file, []byte(yaml), 0o600), os.WriteFile(filepath.Join(dir, "gate.geojson"), []byte(gate), 0o600)); err != nil {
				t.Fatal(err)
			}
			s := startStation(t, file)
			to := s.LinkAddrs()["field"]
			if tt.relay {
				to = relay(t, to)
			}
			began := time.Now()
			for _, lon := range []float64{111.9450, 111.9550} { // 443 m to the west and to the east
				go func() {
					_ = sim.Send(t.Context(), sim.Plan{Start: time.Unix(1_795_420_200, 0), Drones: []sim.Drone{{
						System: 1, Name: "egret-1", SpeedMS: 10, AltM: 60, GroundM: 700, Laps: 3, Ahead: 30 * time.Second,
						Route: []sim.Point{{Lat: 37.2500, Lon: lon}, {Lat: 37.2540, Lon: lon}},
					}}}, sim.Options{To: to})
				}()
			}
			conflict := func() bool { return strings.Contains(get(t, s.Addr(), "/api/v1/alerts"), `"kind":"identity_conflict"`) }
			eventually(t, "an alert of the conflict", conflict)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the alert came after %v", took)
			}
			eventually(t, "two tracks", func() bool { return strings.Contains(get(t, s.Addr(), "/api/v1/vehicles"), `"name":"egret-1#2"`) })
			<-time.After(time.Until(began.Add(12 * time.Second))) // let the mix do what it can
			if v := get(t, s.Addr(), "/api/v1/vehicles"); strings.Contains(v, `"verified":true`) || strings.Contains(v, "egret-1#3") {
				t.Errorf("both tracks are unverified, and there are two:\n%s", v)
			}
			metrics := get(t, s.Addr(), "/metrics")
			for _, event := range []string{"crossed", "entered", "left"} {
				if zero := `riverwatch_zone_events_total{event="` + event + `",kind="gate"} 0`; !strings.Contains(metrics, zero) {
					t.Errorf("the two made a gate %s", event)
				}
			}
			s.stop()
			raised := 0
			for _, tr := range written(t, file) {
				if tr.Kind == alerts.OfIdentityConflict && tr.Event == alerts.Opened {
					raised++
				} else {
					t.Errorf("a transition that nothing happened for: %s", tr.Line(nil))
				}
			}
			if raised != 1 {
				t.Errorf("%d alerts of the conflict", raised)
			}
			verify(t, file)
		})
	}
}

// relay passes all datagrams on to an address, from one port.
func relay(t *testing.T, to string) (address string) {
	t.Helper()
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 65535); ; {
			n, _, err := in.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = out.Write(b[:n])
		}
	}()
	t.Cleanup(func() {
		_, _ = in.Close(), out.Close()
		<-done
	})
	return in.LocalAddr().String()
}
