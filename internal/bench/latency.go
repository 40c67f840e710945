package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver that the ledger uses

	"riverwatch/internal/app"
	"riverwatch/internal/sim"
	"riverwatch/mavlink"
)

// How alert latency is measured.
const (
	latencySamples = 400 // of each side, at rest and under load
	latencySmoke   = 100
	latencyWithin  = 5 * time.Second // a sample that takes longer is an error
	latencyPause   = 12 * time.Millisecond
	loadFrames     = 100_100 // a second: 100 drones, 13 times 77 frames each
	loadPages      = 50
	loadDrones     = 100
	inDatagram     = 20 // frames
)

// benchLatency takes the time from a datagram to the answered webhook: the station's, and that of the least that has to
// be done for it, in turn. The floor is the least: a datagram is read, appended to a file and synced, a row is committed
// to SQLite at FULL, a POST is answered; with the same driver, on the same disk, to a receiver of the same kind.
func benchLatency(ctx context.Context, b *bench) (err error) {
	dir, err := os.MkdirTemp(b.dir, "latency-")
	if err != nil {
		return err
	}
	st, err := startLatencyStation(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.stop()) }()
	fl, err := newLatencyFloor(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fl.close()) }()
	if _, _, err := inTurn(ctx, st, fl, 20); err != nil { // connections are made, statements compiled
		return err
	}
	samples := latencySamples
	if b.smoke {
		samples = latencySmoke
	}
	ours, floor, err := inTurn(ctx, st, fl, samples)
	if err != nil {
		return err
	}
	b.latencies("at rest", ours, floor)
	load, err := st.loaded(ctx)
	if err != nil {
		return err
	}
	_, _, err = inTurn(ctx, st, fl, 20)
	if err == nil {
		ours, floor, err = inTurn(ctx, st, fl, samples)
	}
	perSecond, ended := load.stop(st)
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	b.latencies("loaded", ours, floor)
	b.figure(fmt.Sprintf("frames a second taken in meanwhile, %d pages open", loadPages), fmt.Sprintf("%.0f", perSecond),
		fmt.Sprint(loadFrames), perSecond >= 0.99*loadFrames)
	return nil
}

// latencies adds a row for the median and one for the 99th percentile.
func (b *bench) latencies(when string, ours, floor []time.Duration) {
	for _, p := range []struct {
		name    string
		percent int
		times   float64 // the floor may be taken so often
	}{{"p50", 50, 1.5}, {"p99", 99, 2}} {
		a, z := percentile(ours, p.percent), percentile(floor, p.percent)
		ratio := float64(z) / float64(a)
		b.add(row{
			work: fmt.Sprintf("datagram to answered webhook, %s, %s", when, p.name), ours: nanoseconds(float64(a)),
			base: nanoseconds(float64(z)), baseName: "floor", ratio: ratio, best: ratio, least: 1 / p.times,
		})
	}
}

// percentile of a list that is not empty; it is sorted by it.
func percentile(list []time.Duration, percent int) time.Duration {
	slices.Sort(list)
	return list[(len(list)*percent+99)/100-1]
}

// sampled is one side: once sends its n-th datagram and gives the time until the webhook was answered.
type sampled interface {
	once(ctx context.Context, n int) (time.Duration, error)
}

// inTurn takes samples of both sides, one to one. Each gets a pause after it, so that what the station writes when the
// alert is out (that the notice was sent) is not in the way of the floor.
func inTurn(ctx context.Context, ours, base sampled, samples int) (a, z []time.Duration, err error) {
	pause := time.NewTicker(latencyPause)
	defer pause.Stop()
	for n := range samples {
		for _, s := range []struct {
			side sampled
			list *[]time.Duration
		}{{ours, &a}, {base, &z}} {
			took, err := s.side.once(ctx, n)
			if err != nil {
				return nil, nil, err
			}
			*s.list = append(*s.list, took)
			pause.Reset(latencyPause + time.Duration(n%7)*time.Millisecond) // not in step with anything
			select {
			case <-pause.C:
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
	}
	return a, z, nil
}

// receiver is a webhook that answers at once and tells when it has.
type receiver struct {
	server   *http.Server
	url      string
	answered chan time.Time
}

func newReceiver() (*receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + listener.Addr().String() + "/", answered: make(chan time.Time, 16)}
	r.server = &http.Server{ReadHeaderTimeout: latencyWithin, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.WriteHeader(http.StatusNoContent)
		_ = http.NewResponseController(w).Flush()
		r.answered <- time.Now()
	})}
	go func() { _ = r.server.Serve(listener) }() // until close
	return r, nil
}

// after gives the time from begun until the next notice was answered.
func (r *receiver) after(ctx context.Context, begun time.Time) (time.Duration, error) {
	late := time.NewTimer(latencyWithin)
	defer late.Stop()
	select {
	case at := <-r.answered:
		return at.Sub(begun), nil
	case <-late.C:
		return 0, fmt.Errorf("no notice within %v", latencyWithin)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// latencyStation is a station in this process that alerts for each press, and a drone whose pilot presses.
type latencyStation struct {
	receiver *receiver
	stop     func() error
	page     string // address of the console
	field    string // address of the link
	drone    net.Conn
	presses  int
	buf      []byte
}

const latencyConfig = `station: {name: bench, data_dir: data}
http: {listen: "127.0.0.1:0"}
links: [{name: field, udp: "127.0.0.1:0"}]
vehicles: [{name: egret-1, system: 241}, {name: egret-2, system: 242}, {name: egret-3, system: 243}, {name: egret-4, system: 244}]
zones: [{file: area.geojson, crs: wgs84}]
sightings: {sources: [poi_script]}
rules: [{name: everywhere, near: [area], severity: high, merge: {within_m: 1, quiet: 1s}}]
notify: [{name: post, webhook: %q}]
sessions: {min_free_mib: 1}
`

// An area large enough that each press has a place of its own, ninety metres from the others.
const latencyZones = `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"plain","kind":"area"},
"geometry":{"type":"Polygon","coordinates":[[[113,37],[113.4,37],[113.4,37.4],[113,37.4],[113,37]]]}}]}`

func startLatencyStation(ctx context.Context, dir string) (*latencyStation, error) {
	r, err := newReceiver()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "riverwatch.yaml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "area.geojson"), []byte(latencyZones), 0o600),
		os.WriteFile(file, fmt.Appendf(nil, latencyConfig, r.url), 0o600)); err != nil {
		return nil, err
	}
	c, zones, err := app.Load(file)
	if err != nil {
		return nil, err
	}
	station, err := app.Open(app.Options{ConfigFile: file, Config: c, Zones: zones, Log: zap.NewNop(), Version: "bench"})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- station.Run(ctx) }()
	<-station.Listening()
	s := &latencyStation{receiver: r, page: station.Addr(), field: station.LinkAddrs()["field"]}
	s.stop = func() error {
		cancel()
		err := <-ended
		if s.drone != nil {
			err = errors.Join(err, s.drone.Close())
		}
		return errors.Join(err, r.server.Close())
	}
	if s.drone, err = net.Dial("udp", s.field); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// once is one flip of the pilot's switch: the text and the CAMERA_FEEDBACK of mount-poi.lua in one datagram.
func (s *latencyStation) once(ctx context.Context, _ int) (time.Duration, error) {
	s.presses++
	lat, lon := 37.005+float64(s.presses%390)/1000, 113.005+float64(s.presses/390%390)/1000
	system := uint8(241 + s.presses%4) // one alone would come near the 50 tags a second that are taken of it
	s.buf = s.buf[:0]
	for i, m := range []message.Message{
		&ardupilotmega.MessageStatustext{Severity: ardupilotmega.MAV_SEVERITY_INFO, Text: fmt.Sprintf("POI %.7f, %.7f, 745.00 (asml)", lat, lon)},
		&ardupilotmega.MessageCameraFeedback{
			ImgIdx: 1, Lat: int32(lat * 1e7), Lng: int32(lon * 1e7), AltMsl: 74500, AltRel: 74500, CompletedCaptures: uint16(s.presses / 4),
		},
	} {
		var err error
		if s.buf, err = mavlink.AppendFrame(s.buf, uint8(2*s.presses+i), system, 1, m); err != nil {
			return 0, err
		}
	}
	begun := time.Now()
	if _, err := s.drone.Write(s.buf); err != nil {
		return 0, err
	}
	return s.receiver.after(ctx, begun)
}

// load is telemetry on its way to a station, and pages that watch it.
type load struct {
	begun  time.Time
	before float64 // frames that the station had taken in then
	cancel func()
	group  errgroup.Group
}

func (s *latencyStation) loaded(ctx context.Context) (_ *load, err error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{begun: time.Now(), cancel: cancel}
	defer func() {
		if err != nil {
			cancel()
			err = errors.Join(err, l.group.Wait())
		}
	}()
	if l.before, err = s.received(); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{}}
	for range loadPages {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.page+"/api/v1/stream", http.NoBody)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		l.group.Go(func() error {
			_, err := io.Copy(io.Discard, resp.Body)
			return errors.Join(unlessOver(ctx, err), resp.Body.Close())
		})
	}
	traffic := sim.Load{
		Traffic: sim.Traffic{Vehicles: loadDrones, Start: time.Now(), Times: loadFrames / loadDrones / sim.MixPerSecond},
		To:      []string{s.field}, PerSecond: loadFrames / inDatagram, Frames: inDatagram, Datagrams: loadFrames / inDatagram * 3600,
	}
	l.group.Go(func() error {
		_, err := traffic.Send(ctx)
		return unlessOver(ctx, err)
	})
	return l, nil
}

// unlessOver is err, or nil where it is that the context has ended.
func unlessOver(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// received is how many frames the station took in, as its metrics say.
func (s *latencyStation) received() (frames float64, err error) {
	resp, err := http.Get("http://" + s.page + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), `riverwatch_frames_total{link="field"} `); ok {
			return strconv.ParseFloat(n, 64)
		}
	}
	return 0, errors.New("the metrics do not say how many frames came")
}

// stop ends the load and gives how many frames a second the station took in.
func (l *load) stop(s *latencyStation) (perSecond float64, err error) {
	frames, err := s.received()
	perSecond = (frames - l.before) / time.Since(l.begun).Seconds()
	l.cancel()
	return perSecond, errors.Join(err, l.group.Wait())
}

// latencyFloor does the least: see benchLatency.
type latencyFloor struct {
	receiver *receiver
	in       net.PacketConn
	drone    net.Conn
	log      *os.File
	db       *sql.DB
	insert   *sql.Stmt
	client   *http.Client
	ended    chan error
}

func newLatencyFloor(dir string) (_ *latencyFloor, err error) {
	f := &latencyFloor{client: &http.Client{Transport: &http.Transport{}}, ended: make(chan error, 1)}
	if f.receiver, err = newReceiver(); err != nil {
		return nil, err
	}
	if f.in, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if f.drone, err = net.Dial("udp", f.in.LocalAddr().String()); err != nil {
		return nil, err
	}
	if f.log, err = os.OpenFile(filepath.Join(dir, "floor.tlog"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	f.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "floor.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	f.db.SetMaxOpenConns(1)
	if _, err := f.db.Exec(`CREATE TABLE events (n INTEGER PRIMARY KEY, data TEXT NOT NULL)`); err != nil {
		return nil, err
	}
	if f.insert, err = f.db.Prepare(`INSERT INTO events (data) VALUES (?)`); err != nil {
		return nil, err
	}
	go func() { f.ended <- f.serve() }()
	return f, nil
}

// serve is the whole path, for one datagram after the other.
func (f *latencyFloor) serve() error {
	notice := strings.Repeat("x", 900) // about as long as a transition's line and its text
	buf := make([]byte, 2048)
	for {
		n, _, err := f.in.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := f.log.Write(buf[:n]); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(f.log.Fd())); err != nil {
			return err
		}
		if _, err := f.insert.Exec(notice); err != nil {
			return err
		}
		resp, err := f.client.Post(f.receiver.url, "application/json", strings.NewReader(notice))
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func (f *latencyFloor) once(ctx context.Context, n int) (time.Duration, error) {
	datagram := fmt.Appendf(make([]byte, 0, 256), "%0140d", n) // as long as a press
	begun := time.Now()
	if _, err := f.drone.Write(datagram); err != nil {
		return 0, err
	}
	return f.receiver.after(ctx, begun)
}

func (f *latencyFloor) close() error {
	err := f.in.Close()
	err = errors.Join(err, <-f.ended, f.drone.Close(), f.log.Close(), f.db.Close(), f.receiver.server.Close())
	f.client.CloseIdleConnections()
	return err
}
