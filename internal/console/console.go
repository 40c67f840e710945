package console

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// Station is what the console asks of the station that runs behind it. All methods are safe for concurrent use and do
// not block for longer than their context allows; those without one answer at once.
type Station interface {
	// Vehicles are all vehicles that the fleet knows, as of at (µs, station time).
	Vehicles() (at int64, vehicles []mavlink.VehicleView)
	Links() []link.LinkStatus
	// ZonesJSON is the zones that are watched, as a GeoJSON FeatureCollection. The caller does not change it.
	ZonesJSON() []byte

	// Mark and Act answer once what they did is on disk. They return the errors of this package.
	Mark(ctx context.Context, r MarkRequest) (MarkReply, error)
	Act(ctx context.Context, r ActRequest) (ActReply, error)
	// Reload reads the configuration again. Its error says what is wrong with it; then nothing has changed.
	Reload(ctx context.Context) error

	// Healthy and Ready say why not, nil if so: the process is worth keeping; it watches.
	Healthy() error
	Ready() error
}

// MarkRequest is a sighting that a person tells of. It has been checked for form.
type MarkRequest struct {
	Lat, Lon float64   // WGS-84 degrees
	CE90M    *float64  // 0..10000 m, nil: not said
	Kind     string    // [a-z_]{1,32}
	Note, By string    // up to 2000 and 64 runes
	At       time.Time // when it was seen; zero: now
	Key      string    // Idempotency-Key, "": none
}

// MarkReply says what became of a mark.
type MarkReply struct {
	ID    string `json:"id"`    // of the sighting
	Alert string `json:"alert"` // that it opened or joined, "" for none
}

// ActRequest is what a person wants to do to an alert. It has been checked for form.
type ActRequest struct {
	Alert, Act        string
	By, Outcome, Note string
	Key               string
}

// ActReply says where the alert stands now.
type ActReply struct {
	Alert string `json:"alert"`
	State string `json:"state"`
}

// Options is what a console is made of.
type Options struct {
	Station   Station
	Ledger    Ledger
	Name      string         // of the station
	Version   string         // of the program
	Location  *time.Location // in which people read times; nil: UTC
	Token     string         // what a client has to send, "": nothing
	PublicURL string         // the address that people use, where it is not the one listened on
	Metrics   http.Handler   // of /metrics
	Log       *zap.Logger    // nil: silent
	Now       func() time.Time
}

// Console serves the HTTP API, the stream and the page.
type Console struct {
	o          Options
	log        *zap.Logger
	token      *[sha256.Size]byte // digest of Options.Token, nil: none
	publicHost string
	sameSite   *http.CrossOriginProtection
	page       page
	live       live
	first      first
	tail       tail
	streams    atomic.Int32  // open ones
	stopping   chan struct{} // closed by Serve at its end: cuts the streams
	handler    http.Handler
	timing     timing
}

// timing is what tests make shorter.
type timing struct {
	every       time.Duration // between two events vehicles and links
	writeWithin time.Duration // that a reader of the stream may take for one write
	actWithin   time.Duration // that the station may take for an answer
}

// untilNext is how long it is to the next moment at which vehicles and links are told, to all readers at once.
func (t *timing) untilNext() time.Duration {
	now := time.Now()
	return now.Truncate(t.every).Add(t.every).Sub(now)
}

// New checks o and makes a console.
func New(o Options) (*Console, error) {
	if o.Station == nil || o.Ledger == nil || o.Metrics == nil {
		return nil, errors.New("console: Station, Ledger and Metrics are needed")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	// Of lines that say the same, 10 in a second and then every thousandth: a flood of requests that all fail, as on a
	// full disk, is not to become one in the log.
	o.Log = o.Log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Second, 10, 1000)
	}))
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	host, origin, err := parsePublicURL(o.PublicURL)
	if err != nil {
		return nil, err
	}
	c := &Console{
		o: o, log: o.Log, publicHost: host, sameSite: http.NewCrossOriginProtection(), page: newPage(),
		stopping: make(chan struct{}),
		timing:   timing{every: time.Second, writeWithin: 10 * time.Second, actWithin: 15 * time.Second},
	}
	if origin != "" {
		if err := c.sameSite.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("http.public_url %q: %w", o.PublicURL, err)
		}
	}
	if o.Token != "" {
		digest := sha256.Sum256([]byte(o.Token))
		c.token = &digest
	}
	c.handler = c.guard(c.routes())
	return c, nil
}

// ServeHTTP answers one request. Serve is how a station uses it; this is for other servers and tests.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Serve answers requests on ln until ctx ends, then cuts the streams, lets other requests finish for up to five
// seconds, and returns nil; or it returns why it cannot serve. It closes ln. It is called once.
func (c *Console) Serve(ctx context.Context, ln net.Listener) error {
	errLog, err := zap.NewStdLogAt(c.log, zap.DebugLevel) // what clients do wrong is their affair
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s := &http.Server{
		Handler: c, ErrorLog: errLog,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	select {
	case err := <-served:
		close(c.stopping)
		return fmt.Errorf("serve the page and the API on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	close(c.stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		err = errors.Join(err, s.Close())
		c.log.Warn("requests were cut off at the end", zap.Error(err))
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page and the API on %s: %w", ln.Addr(), err)
	}
	return nil
}
