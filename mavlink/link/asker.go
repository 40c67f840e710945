package link

import (
	"context"
	"sync"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
	"go.uber.org/zap"

	"riverwatch/mavlink"
)

const (
	askTick     = 200 * time.Millisecond
	beatEvery   = second
	silentAfter = 10 * second // of heartbeats: the vehicle is gone, and asked again when it comes back
	askTimeout  = 2 * second  // of one try
	askTries    = 3
	askAgain    = 60 * second // at the earliest: after nothing was answered, and after a sign of a reboot
	asksPerSec  = 20          // to one address: a telemetry radio carries a hundred frames a second, most of them the vehicle's
	maxPartners = 64          // addresses of one link that are spoken to
	bootBack    = 10_000      // ms that a boot clock must go back to be another boot's

	groundStation = 255
)

// The ids of the messages that tell of a vehicle's life.
const (
	idHeartbeat      = 0
	idSystemTime     = 2
	idAttitude       = 30
	idGlobalPosition = 33
	idCommandAck     = 77
)

// asks are what a vehicle is asked for, in this order, with the time between two of them in µs; 0: once.
var asks = [...]struct {
	id       uint32
	interval float32
}{
	{idGlobalPosition, 500_000}, // the fix
	{24, 1_000_000},             // GPS_RAW_INT
	{idAttitude, 200_000},
	{285, 200_000},   // GIMBAL_DEVICE_ATTITUDE_STATUS
	{271, 1_000_000}, // CAMERA_FOV_STATUS, all the time: ArduPilot computes it only while it is asked for
	{idSystemTime, 2_000_000},
	{230, 1_000_000}, // ESTIMATOR_STATUS, PX4's
	{193, 1_000_000}, // EKF_STATUS_REPORT, ArduPilot's
	{276, 500_000},   // CAMERA_TRACKING_GEO_STATUS
	{148, 0},         // AUTOPILOT_VERSION
}

// legacyStreams are what REQUEST_DATA_STREAM has for the same, with rates in Hz.
var legacyStreams = [...]struct {
	stream common.MAV_DATA_STREAM
	rate   uint16
}{
	{common.MAV_DATA_STREAM_EXTENDED_STATUS, 1}, // GPS_RAW_INT
	{common.MAV_DATA_STREAM_POSITION, 2},        // GLOBAL_POSITION_INT
	{common.MAV_DATA_STREAM_EXTRA1, 5},          // ATTITUDE
	{common.MAV_DATA_STREAM_EXTRA3, 1},          // SYSTEM_TIME, the estimator
}

// asker speaks on the links of mode request: a heartbeat once a second to the addresses where an autopilot has been
// heard within ten seconds, and to each autopilot the asks, one at a time. A vehicle is asked at one address at a time,
// the one where it was heard first, until it is silent there: asking over two links would double its traffic. What is
// sent is unsigned, of our own id, and never that of a ground station, whose heartbeat would keep the vehicle's failsafe
// from seeing that the pilot's own station is gone.
//
// A forger can make it speak to 64 addresses of a link at most, and ask 254 systems three times a minute, at most 20
// times a second at one address.
type asker struct {
	id     mavlink.OwnID
	log    *zap.Logger
	needed bool // a link is of mode request

	mu       sync.Mutex
	partners map[originKey]*partner
	count    map[*line]int // of partners
	systems  [256]*inquiry
}

// partner is an address that is spoken to.
type partner struct {
	key   originKey
	line  *line
	heard int64 // the last heartbeat of an autopilot
	beat  int64 // our last
	seq   uint8
	asks  *limiter
}

// inquiry is how far the asking of one vehicle has come.
type inquiry struct {
	system, component uint8
	at                *partner
	heard             int64  // its last heartbeat there
	boot              uint32 // its time since boot, ms; 0: not heard
	began             int64
	due               int64 // of the next try
	step              int   // into asks; len(asks): done
	tries             int   // of this step
	answered          bool  // anything at all
	taken             bool  // a message interval, so streams are not asked for
}

func newAsker(id mavlink.OwnID, log *zap.Logger) *asker {
	return &asker{id: id, log: log, partners: map[originKey]*partner{}, count: map[*line]int{}}
}

// run speaks until ctx ends.
func (a *asker) run(ctx context.Context, now func() int64) {
	t := time.NewTicker(askTick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			a.tick(now())
		}
	}
}

// hear takes in a frame that has come in on a link of mode request.
func (a *asker) hear(src *source, f *mavlink.Frame) {
	switch f.MsgID {
	case idHeartbeat, idCommandAck, idSystemTime, idAttitude, idGlobalPosition:
	default:
		return
	}
	if f.SysID == 0 || f.SysID == a.id.System {
		return
	}
	p := mavlink.Payload(f.Raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.MsgID == idHeartbeat {
		if mavlink.ReadHeartbeat(p).Vehicle() {
			a.heartbeat(src, f.SysID, f.CompID)
		}
		return
	}
	q := a.systems[f.SysID]
	if q == nil || q.component != f.CompID || q.at.key != (originKey{src.line.index, src.address}) {
		return
	}
	switch f.MsgID {
	case idCommandAck:
		a.answer(q, f.Raw, src.stamp)
	case idSystemTime:
		q.alive(mavlink.ReadSystemTime(p).TimeBootMs, src.stamp)
	case idAttitude:
		q.alive(mavlink.ReadAttitude(p).TimeBootMs, src.stamp)
	case idGlobalPosition:
		q.alive(mavlink.ReadGlobalPositionInt(p).TimeBootMs, src.stamp)
	}
}

// heartbeat is an autopilot's.
func (a *asker) heartbeat(src *source, system, component uint8) {
	now := src.stamp
	p := a.partner(src)
	if p == nil {
		return
	}
	p.heard = now
	q := a.systems[system]
	switch {
	case q == nil:
		q = &inquiry{system: system, component: component, at: p, began: now - askAgain}
		a.systems[system] = q
		q.begin(now)
	case now-q.heard > silentAfter: // back, perhaps elsewhere
		q.component, q.at, q.boot = component, p, 0
		q.begin(now)
	case q.at.key != p.key || q.component != component:
		return // one at a time
	}
	q.at, q.heard = p, now
}

// partner is the one behind src, nil where the link has too many.
func (a *asker) partner(src *source) *partner {
	key := originKey{src.line.index, src.address}
	p := a.partners[key]
	if p == nil && a.count[src.line] < maxPartners {
		p = &partner{key: key, line: src.line, asks: newLimiter(asksPerSec)}
		a.partners[key] = p
		a.count[src.line]++
	}
	return p
}

// begin asks from the start, now or a minute after it did so last.
func (q *inquiry) begin(now int64) {
	if q.began <= now { // else it waits for that already
		q.began = max(now, q.began+askAgain)
	}
	q.due, q.step, q.tries, q.answered, q.taken = q.began, 0, 0, false, false
}

// alive hears the vehicle's time since boot. A vehicle that has booted has forgotten what it was asked.
func (q *inquiry) alive(boot uint32, now int64) {
	if int64(boot)+bootBack < int64(q.boot) {
		q.begin(now)
	}
	q.boot = boot
}

// answer takes in a COMMAND_ACK of the vehicle, for the ask at hand.
func (a *asker) answer(q *inquiry, raw []byte, now int64) {
	if q.tries == 0 || q.step == len(asks) {
		return
	}
	m, err := mavlink.Decode(raw)
	if err != nil {
		return
	}
	ack, ok := m.(*common.MessageCommandAck)
	if !ok || ack.Command != command(q.step) {
		return
	}
	if ack.TargetSystem != 0 && (ack.TargetSystem != a.id.System || ack.TargetComponent != 0 && ack.TargetComponent != a.id.Component) {
		return // to someone else
	}
	q.answered = true
	switch ack.Result {
	case common.MAV_RESULT_TEMPORARILY_REJECTED, common.MAV_RESULT_IN_PROGRESS:
		return // the next try
	case common.MAV_RESULT_ACCEPTED:
		q.taken = q.taken || asks[q.step].interval > 0
	}
	a.next(q, now)
}

// tick sends what is due.
func (a *asker) tick(now int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, p := range a.partners {
		switch {
		case now-p.heard > silentAfter:
			delete(a.partners, key)
			a.count[p.line]--
		case now-p.beat >= beatEvery:
			p.beat = now
			a.send(p, func(seq uint8) ([]byte, error) { return mavlink.AppendBeat(nil, a.id, seq), nil })
		}
	}
	for _, q := range &a.systems {
		if q != nil && now-q.heard <= silentAfter {
			a.proceed(q, now)
		}
	}
}

// proceed makes the next try, where one is due.
func (a *asker) proceed(q *inquiry, now int64) {
	if q.step == len(asks) || now < q.due {
		return
	}
	if q.tries == askTries {
		if q.answered {
			a.next(q, now)
			return
		}
		// Nothing at all was answered: it does not hear us, or not yet.
		a.streams(q)
		q.begin(now)
		return
	}
	if !q.at.asks.allow(now) {
		return
	}
	q.tries++
	q.due = now + askTimeout
	ask := asks[q.step]
	a.send(q.at, func(seq uint8) ([]byte, error) {
		return a.frame(seq, &common.MessageCommandLong{
			TargetSystem: q.system, TargetComponent: q.component, Command: command(q.step), Confirmation: uint8(q.tries - 1),
			Param1: float32(ask.id), Param2: ask.interval,
		})
	})
}

// next goes on to the next ask.
func (a *asker) next(q *inquiry, now int64) {
	q.step++
	q.tries, q.due = 0, now
	if q.step < len(asks) {
		a.proceed(q, now)
		return
	}
	if !q.taken {
		a.streams(q)
	}
	a.log.Info("a vehicle has been asked for what the station needs", zap.String("link", q.at.line.cfg.Name),
		zap.String("address", q.at.key.address), zap.Uint8("system", q.system), zap.Bool("grants", q.taken))
}

// streams asks the old way, which has no answer, where the link is to.
func (a *asker) streams(q *inquiry) {
	if !q.at.line.cfg.LegacyStreams {
		return
	}
	for _, s := range legacyStreams {
		a.send(q.at, func(seq uint8) ([]byte, error) {
			return a.frame(seq, &common.MessageRequestDataStream{
				TargetSystem: q.system, TargetComponent: q.component, ReqStreamId: s.stream, ReqMessageRate: s.rate, StartStop: 1,
			})
		})
	}
}

func (a *asker) frame(seq uint8, m message.Message) ([]byte, error) {
	return mavlink.AppendFrame(nil, seq, a.id.System, a.id.Component, m)
}

// send hands a frame to the line. One that is not taken was lost on the way, like others: there will be a next one.
func (a *asker) send(p *partner, build func(seq uint8) ([]byte, error)) {
	raw, err := build(p.seq)
	if err == nil {
		err = p.line.send(p.key.address, raw)
	}
	if err != nil {
		a.log.Debug("not sent", zap.String("link", p.line.cfg.Name), zap.String("address", p.key.address), zap.Error(err))
		return
	}
	p.seq++
}

// command is the MAV_CMD of an ask.
func command(step int) common.MAV_CMD {
	if asks[step].interval == 0 {
		return common.MAV_CMD_REQUEST_MESSAGE
	}
	return common.MAV_CMD_SET_MESSAGE_INTERVAL
}
