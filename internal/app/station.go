package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/alerts/notify"
	"riverwatch/configs"
	"riverwatch/geofence"
	"riverwatch/internal/console"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
	"riverwatch/replay"
)

// limits are what ends a session; tests make them smaller.
type limits struct {
	age   time.Duration
	bytes int64
}

const (
	sessionAge   = time.Hour
	sessionBytes = 256 << 20
	// lookEvery is how often the snapshot for people is made anew, in station time.
	lookEvery = 200 * time.Millisecond
	// aliveWithin is how long the fold may stand still before the station is not healthy; the beat comes each second.
	aliveWithin = 10 * time.Second
)

// Options is what a station is made with.
type Options struct {
	ConfigFile string
	Config     *configs.Config
	Zones      []geofence.Zone
	Log        *zap.Logger
	Version    string
}

// Station is a live station: it listens, records, judges, keeps and tells.
type Station struct {
	o         Options
	unlock    func()
	ledger    *ledger.Ledger
	plans     plans
	watch     *watch.Watch
	listener  *link.Listener
	committer *committer
	notifier  *notify.Notifier
	console   *console.Console
	http      net.Listener
	metrics   *metrics
	snapshot  atomic.Pointer[snapshot]

	onTransition func(*alerts.Transition) // of the demonstration; called by the fold

	reloading sync.Mutex
	config    atomic.Pointer[configs.Config]
	previous  string          // the session before the next one, a folder's name
	unkept    *ledger.Changes // what recovery could not commit
	oneShot   atomic.Pointer[func(id uint32) bool]
	limits    limits
	session   struct {
		began int64
		bytes int64
	}
	lostTags struct { // of the fold's goroutine
		told   int64 // station time
		untold uint32
	}
}

// snapshot is what people see of the fold. It is immutable.
type snapshot struct {
	at       int64
	made     time.Time
	vehicles []mavlink.VehicleView
	zones    []byte                  // GeoJSON
	places   map[string]notify.Place // by zone
	plan     string
	open     []int // alerts not closed, by severity
}

// Open makes a station: it locks the data folder, opens the ledger, recovers what an earlier life left, and takes its
// ports. Run starts it; Close gives everything back where Run is not to be called.
func Open(o Options) (s *Station, err error) {
	s = &Station{o: o, unlock: func() {}, limits: limits{sessionAge, sessionBytes}}
	defer func() {
		if err != nil {
			s.Close()
			s = nil
		}
	}()
	c := o.Config
	s.config.Store(c)
	dir := c.Station.DataDir
	if err := os.MkdirAll(filepath.Join(dir, "sessions"), 0o700); err != nil {
		return s, fmt.Errorf("make the data folder: %w; check station.data_dir and its permissions", err)
	}
	if s.unlock, err = lock(dir); err != nil {
		return s, err
	}
	registry := prometheus.NewRegistry()
	s.metrics = newMetrics(registry, c, o.Version)
	s.ledger, err = ledger.Open(ledger.Options{Dir: dir, Station: c.Station.Name, Now: time.Now, Log: o.Log})
	if err != nil {
		return s, err
	}
	judge, err := compile(c, o.Zones)
	if err != nil {
		return s, err
	}
	if _, err := keepTerrain(s.tiles(), judge); err != nil {
		o.Log.Error("the terrain cannot be kept; sessions that lack it cannot be recovered", zap.Error(err))
	}
	if err := s.recover(); err != nil {
		return s, err
	}
	s.plans.only(s.watch.Judge())
	s.plans.add(judge)
	s.hear(judge)
	s.listener, err = link.New(link.Options{
		Links: c.Links, Own: c.Mavlink.Own, OneShot: func(id uint32) bool { return (*s.oneShot.Load())(id) }, LastAt: s.watch.At(),
		Vehicles: c.Mavlink.Identities(), Signatures: s.watch.Signatures(),
		Log: o.Log.Named("link"), Registerer: registry, Clock: time.Now,
	})
	if err != nil {
		return s, err
	}
	if s.watch.Judge().Digest != judge.Digest {
		if err := s.plans.show(judge); err != nil {
			return s, err
		}
		if err := s.listener.Own(mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: judge.Digest}); err != nil {
			return s, err
		}
	}
	s.notifier = notify.New(notify.Options{
		Recipients: c.Notify, Book: s.ledger, PublicURL: c.HTTP.PublicURL, Zone: c.Station.Location, Place: s.place,
		Log: o.Log.Named("notify"), Registerer: registry,
	})
	s.committer = newCommitter(committerOptions{
		Metrics:  s.metrics,
		Sessions: s.beginSession, Ledger: s.ledger, Plans: &s.plans, Log: o.Log.Named("keep"),
		Free:    func() (uint64, error) { return replay.FreeBytes(dir) },
		MinFree: func() uint64 { return uint64(s.config.Load().Sessions.MinFreeMiB) << 20 },
		Trouble: s.trouble,
		Kept:    s.notifier.Wake,
		Unkept:  s.notifier.Direct,
		Reply:   s.reply,
	})
	if err := s.takeUp(); err != nil {
		return s, err
	}
	s.http, err = net.Listen("tcp", c.HTTP.Listen)
	if err != nil {
		return s, fmt.Errorf("listen for the console: %w; is another station running, or http.listen wrong?", err)
	}
	s.console, err = console.New(console.Options{
		Station: s, Ledger: s.ledger, Token: c.HTTP.Token, PublicURL: c.HTTP.PublicURL, Metrics: metricsHandler(registry),
		Location: c.Station.Location, Log: o.Log.Named("console"), Version: o.Version, Name: c.Station.Name,
	})
	if err != nil {
		return s, err
	}
	s.look(true)
	return s, nil
}

// hear makes the listener take in first what a plan's sources read as events.
func (s *Station) hear(j *watch.Judge) {
	oneShot := mavlink.OneShot(&j.Plan.Fleet)
	s.oneShot.Store(&oneShot)
}

// takeUp goes on where the earlier life ended: it commits what recovery could not, tells the log which links are no
// more, and ends the trouble that ended with that life. What is still amiss will be told again.
func (s *Station) takeUp() error {
	if s.unkept != nil {
		s.committer.commit(s.unkept, nil)
		s.unkept = nil
	}
	configured := map[string]bool{}
	for _, l := range s.o.Config.Links {
		configured[l.Name] = true
	}
	for _, name := range s.watch.Links() {
		if configured[name] {
			continue
		}
		if err := s.listener.Own(mavlink.OwnLink, 0, mavlink.LinkNote{Link: name, Gone: true}); err != nil {
			return err
		}
	}
	for _, subject := range [...]string{troubleRecording, troubleLedger} {
		if s.watch.Troubled(subject) && (subject != troubleLedger || !s.committer.failing) {
			s.trouble(subject, false)
		}
	}
	return nil
}

// Close gives back what Open took. Run does so itself.
func (s *Station) Close() {
	if s.http != nil {
		_ = s.http.Close()
	}
	if s.ledger != nil {
		if err := s.ledger.Close(); err != nil {
			s.o.Log.Error("close the ledger", zap.Error(err))
		}
	}
	s.unlock()
}

// Addr is where the console listens.
func (s *Station) Addr() string { return s.http.Addr().String() }

// LinkAddrs are the addresses that listening links are bound to, by link name, once they are up.
func (s *Station) LinkAddrs() map[string]string { return s.listener.Addrs() }

// Listening is closed when each link has been tried once.
func (s *Station) Listening() <-chan struct{} { return s.listener.Ready() }

// Run is the station's life. It returns when ctx ends and everything admitted by then is folded and written.
func (s *Station) Run(ctx context.Context) error {
	defer s.Close()
	// The parts end in the order of the path: first what brings, then what folds, then what keeps, then who shows.
	rest, stopRest := context.WithCancel(context.Background())
	defer stopRest()
	at := max(time.Now().UnixMicro(), s.watch.At()+1)
	s.session.began = at
	state, err := s.watch.State()
	s.committer.begin(at, s.watch.Judge().Digest, state, err)
	var g errgroup.Group
	fold, stopIntake := context.WithCancel(ctx)
	defer stopIntake()
	g.Go(func() error {
		defer stopIntake()
		return s.listener.Run(fold)
	})
	g.Go(func() error {
		defer stopIntake()
		defer s.committer.close()
		// Not ctx: what was admitted is folded; the listener ends the stream.
		return s.watch.Run(context.Background(), s.listener, s.fold)
	})
	g.Go(func() error {
		defer stopRest()
		s.committer.Run()
		return nil
	})
	g.Go(func() error { return s.notifier.Run(rest) })
	g.Go(func() error {
		defer stopIntake()
		return s.console.Serve(rest, s.http)
	})
	g.Go(func() error { s.sweep(rest); return nil })
	if err := g.Wait(); err != nil {
		return err
	}
	s.o.Log.Info("stopped; everything received is folded and written")
	return nil
}

// fold hands one folded batch on.
func (s *Station) fold(b mavlink.Batch, e *watch.Effects) error {
	if err := e.Err(); err != nil {
		s.o.Log.Error("a plan is missing", zap.Error(err))
	}
	s.metrics.count(e)
	s.tellLostTags(e.LostTags)
	s.session.bytes += int64(b.Bytes() + 8*len(b.Frames))
	wanted := s.committer.push(b, e)
	at := s.watch.At()
	if wanted || at-s.session.began >= s.limits.age.Microseconds() || s.session.bytes >= s.limits.bytes {
		s.session.began, s.session.bytes = at, 0
		state, err := s.watch.State()
		s.committer.begin(at, s.watch.Judge().Digest, state, err)
		s.listener.Reanchor()
	}
	s.look(false) // an alert is no reason to: the committer, which has it now, needs the processor
	if s.onTransition != nil {
		for i := range e.Transitions {
			s.onTransition(&e.Transitions[i])
		}
	}
	return nil
}

// tellLostTags says that somebody tagged something that never came. A vehicle whose counters lie must not fill the disk
// with it: once a second is enough, with what was not told before.
func (s *Station) tellLostTags(lost []mavlink.LostTag) {
	l := &s.lostTags
	for i := range lost {
		t := &lost[i]
		if t.At-l.told < int64(time.Second/time.Microsecond) {
			l.untold += t.N
			continue
		}
		s.o.Log.Warn("tags were sent and never heard: look at the link, and ask the pilot", zap.String("vehicle", t.Vehicle),
			zap.String("source", string(t.Source)), zap.Uint32("lost", t.N), zap.Uint32("others_since_the_last_word", l.untold))
		l.told, l.untold = t.At, 0
	}
}

// look makes the snapshot anew, at most every lookEvery unless it is worth it.
func (s *Station) look(now bool) {
	last := s.snapshot.Load()
	at := s.watch.At()
	judge := s.watch.Judge()
	if last != nil && !now && at-last.at < lookEvery.Microseconds() && last.plan == judge.Digest {
		return
	}
	next := &snapshot{at: at, made: time.Now(), vehicles: s.watch.Vehicles(), plan: judge.Digest, open: s.watch.Open()}
	if last != nil && last.plan == judge.Digest {
		next.zones, next.places = last.zones, last.places
	} else {
		view := s.plans.take(judge.Digest)
		if view == nil { // the plan was in force before this life
			if err := s.plans.show(judge); err != nil {
				s.o.Log.Error("show the zones", zap.Error(err))
			}
			view = s.plans.take(judge.Digest)
		}
		if view != nil {
			next.zones, next.places = view.geojson, view.places
		}
	}
	s.snapshot.Store(next)
	s.metrics.look(next)
}

// beginSession makes a session's folder.
func (s *Station) beginSession(at int64, start []byte, held map[string]*watch.Judge) (*replay.Recorder, error) {
	b := replay.Beginning{Start: start, Plans: map[string][]byte{}, Tiles: s.tiles()}
	for digest, j := range held {
		tiles, err := keepTerrain(b.Tiles, j)
		if err != nil {
			return nil, err
		}
		b.Plans[digest], b.TileRefs = j.JSON, append(b.TileRefs, tiles...)
	}
	n, head := s.ledger.Head()
	c := s.config.Load()
	rec, err := replay.Create(s.sessions(), replay.Manifest{
		Program: s.o.Version, Station: c.Station.Name, Timezone: c.Station.Timezone, Own: c.Mavlink.Own,
		Previous: s.previous, ChainHead: head, LedgerN: uint64(n),
	}, at, b)
	if err == nil {
		s.previous = filepath.Base(rec.Dir())
	}
	return rec, err
}

func (s *Station) sessions() string { return filepath.Join(s.o.Config.Station.DataDir, "sessions") }

func (s *Station) tiles() replay.Tiles { return tilesIn(s.o.Config.Station.DataDir) }

// reply answers a command. One that cannot be answered is sent again by its sender, and answered then.
func (s *Station) reply(r mavlink.Reply) {
	if err := s.listener.Reply(r); err != nil {
		s.o.Log.Debug("a command could not be answered", zap.Uint8("system", r.System), zap.Uint8("component", r.Component), zap.Error(err))
	}
}

func (s *Station) trouble(subject string, on bool) {
	if err := s.listener.Own(mavlink.OwnTrouble, 0, mavlink.TroubleNote{Subject: subject, On: on}); err != nil {
		s.o.Log.Error("tell of trouble", zap.String("subject", subject), zap.Error(err))
	}
}

// sweep lets old sessions go, from time to time.
func (s *Station) sweep(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		policy := s.config.Load().Sessions
		needed, unclosed, err := s.ledger.OpenSince()
		if err != nil {
			s.o.Log.Warn("old sessions stay: the ledger does not say which alerts are open", zap.Error(err))
			unclosed, needed = true, 0
		}
		gone, err := replay.Sweep(s.sessions(), replay.Policy{
			Keep: policy.Keep, MaxBytes: int64(policy.MaxGiB * (1 << 30)), Now: time.Now(),
			// A session of an alert that is not closed stays; it may have gone on for sessionAge after its start.
			Kept: func(e replay.Entry) bool {
				return unclosed && e.Started.Add(sessionAge).UnixMicro() >= int64(needed)
			},
		})
		if err != nil {
			s.o.Log.Warn("old sessions could not be removed", zap.Error(err))
		}
		for _, dir := range gone {
			s.o.Log.Info("an old session has been removed", zap.String("session", dir))
		}
		s.sweepTerrain(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweepTerrain lets the tiles go that no plan of this life names; sessions keep theirs. The committer's goroutine does
// it: it is the one that gives new sessions theirs.
func (s *Station) sweepTerrain(ctx context.Context) {
	err := s.committer.do(ctx, func() error {
		_, err := s.tiles().Sweep(s.plans.tiles())
		return err
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, errStopping) {
		s.o.Log.Warn("terrain tiles that are not needed could not be removed", zap.Error(err))
	}
}

// Vehicles gives the vehicles as the fold saw them last, and when that was.
func (s *Station) Vehicles() (int64, []mavlink.VehicleView) {
	v := s.snapshot.Load()
	return v.at, v.vehicles
}

// Links gives the links as they are.
func (s *Station) Links() []link.LinkStatus { return s.listener.Status() }

// ZonesJSON gives the zones of the plan in force as GeoJSON.
func (s *Station) ZonesJSON() []byte { return s.snapshot.Load().zones }

// place is what people call a zone of the plan in force.
func (s *Station) place(zone string) (p notify.Place) {
	if now := s.snapshot.Load(); now != nil {
		p = now.places[zone]
	}
	return p
}

// Healthy says whether the fold moves.
func (s *Station) Healthy() error {
	if idle := time.Since(s.snapshot.Load().made); idle > aliveWithin {
		return fmt.Errorf("the watch has stood still for %v", idle.Round(time.Second))
	}
	return nil
}

// Ready says whether the station does all of its work.
func (s *Station) Ready() error {
	select {
	case <-s.listener.Ready():
	default:
		return errors.New("the links are being opened")
	}
	return s.Healthy()
}

// lock makes sure that one station works in a data folder.
func lock(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return func() {}, fmt.Errorf("data folder %s is in use by another station; stop that one, or give this one a station.data_dir of its own", dir)
	}
	return func() { _ = f.Close() }, nil
}

var _ console.Station = (*Station)(nil)
