package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is the station time of all fakes.
var noon = time.Date(2026, 11, 23, 4, 0, 0, 123456000, time.UTC)

// fakeStation answers as a test tells it to and remembers what it was asked.
type fakeStation struct {
	mu       sync.Mutex
	at       time.Time
	vehicles []mavlink.VehicleView
	links    []link.LinkStatus
	zones    string
	err      error // of Mark, Act and Reload
	sick     error // of Healthy and Ready
	marks    []MarkRequest
	acts     []ActRequest
	reloads  int
	onAct    func(ctx context.Context, r ActRequest) // before the answer
}

func (s *fakeStation) Vehicles() (int64, []mavlink.VehicleView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.UnixMicro(), s.vehicles
}

func (s *fakeStation) Links() []link.LinkStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links
}

func (s *fakeStation) ZonesJSON() []byte { return []byte(s.zones) }

func (s *fakeStation) Mark(_ context.Context, r MarkRequest) (MarkReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = append(s.marks, r)
	return MarkReply{ID: "s-mark", Alert: "a-gate"}, s.err
}

func (s *fakeStation) Act(ctx context.Context, r ActRequest) (ActReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = append(s.acts, r)
	if s.onAct != nil {
		s.onAct(ctx, r)
	}
	if ctx.Err() != nil {
		return ActReply{}, ctx.Err()
	}
	return ActReply{Alert: r.Alert, State: "acknowledged"}, s.err
}

// asked are the acts that were asked for so far.
func (s *fakeStation) asked() []ActRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acts)
}

func (s *fakeStation) Reload(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloads++
	return s.err
}

func (s *fakeStation) Healthy() error { return s.sick }
func (s *fakeStation) Ready() error   { return s.sick }

// fakeLedger is a ledger in memory.
type fakeLedger struct {
	mu        sync.Mutex
	id        string
	events    []ledger.Stored
	grown     chan struct{}
	alerts    []ledger.Alert
	sightings []ledger.Sighting
	filters   []ledger.Filter // as asked for
	reads     int             // of events
	err       error
}

func newFakeLedger() *fakeLedger {
	return &fakeLedger{id: "k3v9", grown: make(chan struct{})}
}

// store adds an event and wakes whoever waits for one.
func (l *fakeLedger) store(kind, subject, data, personal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, ledger.Stored{
		N: int64(len(l.events) + 1), At: alerts.Time(noon.UnixMicro()), Kind: kind, Subject: subject,
		Data: json.RawMessage(data), Personal: personal,
	})
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *fakeLedger) ID() string { return l.id }

func (l *fakeLedger) Head() (int64, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events)), ""
}

func (l *fakeLedger) Grown() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown
}

func (l *fakeLedger) Events(after int64, limit int) ([]ledger.Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	rest := l.events[min(int(after), len(l.events)):]
	return slices.Clone(rest[:min(limit, len(rest))]), l.err
}

func (l *fakeLedger) asked(f ledger.Filter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.filters = append(l.filters, f)
	if f.State == "nonsense" {
		return ledger.ErrFilter
	}
	return l.err
}

func (l *fakeLedger) Alerts(f ledger.Filter) ([]ledger.Alert, string, error) {
	return l.alerts, "7", l.asked(f)
}

func (l *fakeLedger) Alert(id string) (ledger.Detail, error) {
	for _, a := range l.alerts {
		if a.ID == id {
			return ledger.Detail{
				Alert:    a,
				Timeline: []ledger.Entry{{N: 2, At: alerts.Time(noon.UnixMicro()), Kind: "transition", Data: json.RawMessage(`{"event":"opened","by":0}`)}},
				Notices:  []ledger.Notice{}, People: map[uint32]string{},
			}, l.err
		}
	}
	return ledger.Detail{}, errors.Join(ledger.ErrNotFound, l.err)
}

func (l *fakeLedger) Sightings(f ledger.Filter) ([]ledger.Sighting, string, error) {
	return l.sightings, "", l.asked(f)
}
func (l *fakeLedger) Sorties(f ledger.Filter) ([]ledger.Sortie, string, error) {
	return nil, "", l.asked(f)
}
func (l *fakeLedger) ZoneEvents(f ledger.Filter) ([]ledger.ZoneEvent, string, error) {
	return nil, "", l.asked(f)
}

// fakes are a station and a ledger with something in them: one alert at a gate, one vehicle, one link, one zone.
func fakes() (*fakeStation, *fakeLedger) {
	percent, volts, heading := 83, 24.1, 87.0
	lat, lon, ce90 := alerts.Degrees(372741234), alerts.Degrees(1120051234), alerts.Decimetres(80)
	station := &fakeStation{
		at:    noon,
		zones: `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"gate-1","name":"Gate 1","kind":"gate","radius_m":30},"geometry":{"type":"Point","coordinates":[112.005,37.274]}}]}`,
		vehicles: []mavlink.VehicleView{{
			Name: "egret-1", System: 1, Known: true, Verified: true, Type: "quadrotor", Autopilot: "ardupilot", Mode: "AUTO", Status: "active",
			Armed: true, Airborne: true, State: "heard", LastHeard: "2026-11-23T03:59:59.900000Z",
			Position: &mavlink.PositionView{
				Lat: 37.2742, Lon: 112.0052, AltM: 805, RelAltM: 60, HeadingDeg: &heading, GroundSpeedMS: 8, Quality: "good", AgeMS: 120,
			},
			BatteryPercent: &percent, Voltage: &volts, Frames: 1234, SequenceGaps: 5, Link: "field", Address: "127.0.0.1:40001", Sortie: "1-1",
			Violated: []string{}, Streams: []mavlink.StreamView{{
				Component: 1, Link: "field", Address: "127.0.0.1:40001", Frames: 1234, Lost: 5, LossPercent: 0.4, Duplicates: 2, OutOfOrder: 1,
				LastHeard: "2026-11-23T03:59:59.900000Z",
			}},
		}},
		links: []link.LinkStatus{{
			Name: "field", Kind: "udp", Address: "127.0.0.1:14550", Up: true, Since: noon.Add(-time.Hour), Sources: 1, Frames: 1234,
			Errors: map[string]uint64{"crc": 2}, Dropped: map[string]uint64{}, BufferBytes: 425984,
			Radio: &link.RadioStatus{RSSI: level(180), RemoteRSSI: level(172), Noise: level(45), TxBuf: 96, RxErrors: 3, Fixed: 1, At: noon.Add(-time.Second)},
		}},
	}
	l := newFakeLedger()
	l.alerts = []ledger.Alert{{
		ID: "a-gate", Station: "yanwu", State: alerts.Open, OpenedAt: alerts.Time(noon.Add(-time.Minute).UnixMicro()),
		UpdatedAt: alerts.Time(noon.UnixMicro()), Rule: "crossing", Severity: alerts.High, Kind: alerts.OfSighting,
		Zone: "gate-1", ZoneKind: "gate", Distance: 63, Bearing: 87, Certainty: "likely", Verified: true, Sightings: 1,
		Lat: &lat, Lon: &lon, CE90: &ce90, N: 2,
	}}
	l.sightings = []ledger.Sighting{{Alert: "a-gate", Sighting: alerts.Sighting{
		ID: "s-1", At: alerts.Time(noon.UnixMicro()), Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true,
		Lat: lat, Lon: lon, CE90: ce90, Basis: "target", TimeSource: "utc", Uncertainty: 100, Verified: true,
	}}, {Sighting: alerts.Sighting{
		ID: "s-2", At: alerts.Time(noon.Add(-time.Minute).UnixMicro()), Vehicle: "egret-1", Source: "rc_switch", Kind: "person", Count: 2, Located: true,
		Lat: lat - 90000, Lon: lon, CE90: 182, Basis: "ray", TimeSource: "boot", Uncertainty: 200, Ground: "surface", Verified: true,
		Ellipse: &alerts.Ellipse{Major: 240, Minor: 91, Bearing: 120},
	}}, {Sighting: alerts.Sighting{
		ID: "s-3", At: alerts.Time(noon.Add(-2 * time.Minute).UnixMicro()), Vehicle: "egret-1", Source: "rc_switch", Kind: "person", Basis: "ray",
		TimeSource: "receive", Uncertainty: 4200, Suspect: true, Ray: &alerts.Ray{Lat: lat, Lon: lon, Bearing: 1234, HalfWidth: 56, Min: 4000, Max: 15000},
	}}}
	l.alerts[0].Sighting = &l.sightings[0].Sighting
	l.store("ledger", "k3v9", `{"id":"k3v9"}`, "")
	l.store("transition", "a-gate", transition("a-gate", 1), "")
	return station, l
}

func level(n uint8) *uint8 { return &n }

func transition(alert string, seq int) string {
	return `{"seq":` + strconv.Itoa(seq) + `,"at":"2026-11-23T04:00:00.123456Z","alert":"` + alert + `","rule":"crossing","severity":"high","from":"","to":"open",` +
		`"zone":"gate-1","zone_kind":"gate","distance_m":6.3,"bearing_deg":87,"side":"","certainty":"likely","verified":true,"sightings":1,` +
		`"sighting":{"id":"s-1","at":"2026-11-23T04:00:00.123456Z","vehicle":"egret-1","source":"poi_script","kind":"person",` +
		`"lat":37.2741234,"lon":112.0051234,"ce90_m":8.0,"basis":"target","count":0,"time_source":"utc","time_uncertainty_ms":100,"suspect":false,` +
		`"ground":"","ellipse":null,"ray":null},"event":"opened","kind":"sighting","also":[],"by":0,"outcome":"","station":"yanwu","plan":"9f2c01aa"}`
}

// newConsole makes a console over the fakes; change may alter its options.
func newConsole(t *testing.T, s *fakeStation, l *fakeLedger, change func(*Options)) *Console {
	t.Helper()
	o := Options{
		Station: s, Ledger: l, Name: "yanwu", Version: "test", Location: time.FixedZone("Asia/Shanghai", 8*3600),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("riverwatch_build_info 1\n")) }),
		Now:     func() time.Time { return noon },
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// do sends one request to the handler as if it came over the loopback interface.
func do(c *Console, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	r := request(method, target, body, header)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func shanghai(t *testing.T) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Skipf("skipped: the machine has no time zones: %v", err)
	}
	return l
}
