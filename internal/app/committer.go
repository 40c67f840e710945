package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

const (
	// writerLag is how many bytes the committer may be behind before recording stops, so that a slow disk does not
	// hold up the fold.
	writerLag = 64 << 20
	// ledgerLag is how many transitions wait in memory while the ledger cannot commit.
	ledgerLag = 10_000
	// syncEvery is how much quiet telemetry a crash may lose.
	syncEvery = time.Second
	// syncBytes is how much of it is synced before that, so that an alert has little more than itself to wait for: with
	// 512 KiB it takes a sixth longer while 100,000 frames a second arrive.
	syncBytes = 32 << 10
	// syncGap is how long the disk is left alone all the same. A slow one has time for alerts then, and one that wears is
	// asked at most 50 times a second; an alert takes no longer than without it, but would with 50 ms.
	syncGap = 20 * time.Millisecond
)

// The subjects of the committer's troubles.
const (
	troubleRecording = "recording"
	troubleLedger    = "ledger"
)

var errStopping = errors.New("the station is stopping")

// item is one batch on its way from the fold to the disk.
type item struct {
	batch   mavlink.Batch
	effects *watch.Effects // nil: nothing that must be kept
	hole    bool           // the batch was let go because the writer is too far behind
	begin   *beginning     // begin a new session after the batch
}

// beginning is what a session starts with.
type beginning struct {
	at    int64
	plan  string
	state []byte
	err   error
}

// committerOptions is what a committer is made with.
type committerOptions struct {
	Sessions func(at int64, start []byte, plans map[string]*watch.Judge) (*replay.Recorder, error)
	Ledger   interface {
		CommitAfter(wait func(), changes ...*ledger.Changes) ([]ledger.Stored, error)
	}
	Plans   *plans
	Free    func() (uint64, error) // bytes free where sessions are kept
	MinFree func() uint64
	Trouble func(subject string, on bool)
	Kept    func(transitions ...alerts.Transition) // after a commit that kept them
	Unkept  func(transitions []alerts.Transition)  // when the ledger cannot commit
	Reply   func(mavlink.Reply)                    // answers a command, once what it asked for is on the disk
	Metrics *metrics                               // nil: none
	Log     *zap.Logger
}

// committer writes what the fold hands it: the log first, synced before any effect that rests on it, then the ledger,
// then whoever waits for an answer. One goroutine, Run, does all of it.
type committer struct {
	o committerOptions

	mu      sync.Mutex
	queue   []item
	bytes   int // of the batches in queue
	closed  bool
	wake    chan struct{}
	wanted  bool                   // a new session, as soon as the fold can say what it starts with
	waiting map[uint32]chan answer // by the number of the own frame
	unkept  map[uint32]bool        // answered by the fold, but the ledger has not kept it yet
	tasks   []func()

	retryEvery time.Duration // how often recording and the ledger are tried again

	// Of Run's goroutine alone.
	rec        *replay.Recorder
	transcript *transcript
	dirty      int // bytes recorded since the last sync
	syncedAt   time.Time
	stopped    string // why recording has stopped, "" while it runs
	retryAt    time.Time
	backlog    ledger.Changes
	failing    bool
	lost       int
}

// answer is what became of a mark or an act.
type answer struct {
	watch.Answer
	err error
}

func newCommitter(o committerOptions) *committer {
	return &committer{o: o, wake: make(chan struct{}, 1), waiting: map[uint32]chan answer{}, unkept: map[uint32]bool{}, retryEvery: 5 * time.Second}
}

// push takes a batch and, where there is something durable in them, a copy of its effects. It never waits for the
// disk. It reports whether the committer wants a new session, for which the caller then calls begin.
func (c *committer) push(b mavlink.Batch, e *watch.Effects) (wantsSession bool) {
	it := item{batch: b}
	if e.Durable() || len(e.Replies) > 0 {
		it.effects = keep(e)
	}
	size := b.Bytes()
	c.mu.Lock()
	if c.bytes+size > writerLag {
		it.batch, it.hole = mavlink.Batch{}, true
		c.o.Metrics.unrecord(b)
	} else {
		b.Retain()
		c.bytes += size
	}
	if n := len(c.queue); !it.hole || it.effects != nil || n == 0 || !c.queue[n-1].hole {
		c.queue = append(c.queue, it) // while the disk hangs, one hole is as good as a thousand
	}
	wantsSession = c.wanted && c.bytes < writerLag/2
	c.mu.Unlock()
	c.signal()
	return wantsSession
}

// begin lets a new session start after everything pushed so far, from the state that the fold has then.
func (c *committer) begin(at int64, plan string, state []byte, err error) {
	c.mu.Lock()
	c.wanted = false
	c.queue = append(c.queue, item{begin: &beginning{at: at, plan: plan, state: state, err: err}})
	c.mu.Unlock()
	c.signal()
}

// await announces that somebody waits for the answer with this number, whose frame is to be queued next. It is false
// if that frame is on its way already.
func (c *committer) await(number uint32) (<-chan answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.waiting[number]; known || c.unkept[number] {
		return nil, false
	}
	ch := make(chan answer, 1)
	c.waiting[number] = ch
	return ch, true
}

// abandon takes an await back: its frame could not be queued.
func (c *committer) abandon(number uint32) {
	c.mu.Lock()
	delete(c.waiting, number)
	c.mu.Unlock()
}

// do runs f on the committer's goroutine, between two items, and waits for it.
func (c *committer) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	if !c.post(func() { done <- f() }) {
		return errStopping
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post is do for whoever does not wait. It is false, and f is not run, where the station is stopping.
func (c *committer) post(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.tasks = append(c.tasks, f)
	c.signal()
	return true
}

// close lets Run return when everything pushed has been written.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
}

func (c *committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run writes until close.
func (c *committer) Run() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		c.mu.Lock()
		work, tasks, closed := c.queue, c.tasks, c.closed
		c.queue, c.tasks = nil, nil
		c.mu.Unlock()
		c.write(work)
		for _, task := range tasks {
			task()
		}
		c.retry(closed)
		if closed && len(work)+len(tasks) == 0 {
			c.finish()
			return
		}
		if len(work) > 0 {
			continue // more may have come meanwhile
		}
		select {
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// write takes everything that has come, up to each new session: one write a batch, one sync and one commit for all.
func (c *committer) write(work []item) {
	for len(work) > 0 {
		n := len(work)
		var changes ledger.Changes
		var answers []watch.Answer
		var replies []mavlink.Reply
		durable, whole := false, true
		for i := range work {
			it := &work[i]
			if it.begin != nil {
				n = i + 1
				break
			}
			recorded := c.record(it)
			if e := it.effects; e != nil {
				durable = true
				if recorded {
					c.transcribe(e.Transitions)
				}
				answers, replies = append(answers, e.Answers...), append(replies, e.Replies...)
				add(&changes, e)
			}
			whole = whole && recorded
		}
		if durable {
			c.commit(&changes, answers)
		} else if since := time.Since(c.syncedAt); since >= syncEvery || c.dirty >= syncBytes && since >= syncGap {
			c.sync()
		}
		c.reply(replies, whole && c.rec != nil || !c.failing)
		if b := work[n-1].begin; b != nil {
			c.session(b)
		}
		work = work[n:]
	}
}

// record writes a batch to the session's log and says whether it is in there.
func (c *committer) record(it *item) bool {
	if it.hole {
		c.stop("the disk cannot keep up with the telemetry")
		return false
	}
	size := it.batch.Bytes()
	if c.rec != nil {
		if err := c.rec.Record(it.batch); err != nil {
			c.spoiled(err)
		} else {
			c.o.Metrics.record(len(it.batch.Frames))
		}
		c.dirty += size
	}
	if c.rec == nil {
		c.o.Metrics.unrecord(it.batch)
	}
	it.batch.Release()
	c.mu.Lock()
	c.bytes -= size
	c.mu.Unlock()
	return c.rec != nil
}

// sync makes what was recorded durable. Where that fails, recording has stopped when it returns.
func (c *committer) sync() {
	if c.rec == nil || c.dirty == 0 {
		return
	}
	if err := c.rec.Sync(); err != nil {
		c.spoiled(err)
	}
	c.dirty, c.syncedAt = 0, time.Now()
}

// stop ends recording, loudly; the watch and the ledger go on.
func (c *committer) stop(why string) {
	if c.stopped == "" {
		c.o.Log.Error("recording has stopped; alerts go on and are kept in the ledger", zap.String("why", why),
			zap.String("remedy", "make room or repair the disk; recording resumes by itself"))
		c.o.Trouble(troubleRecording, true)
	}
	c.stopped, c.retryAt = why, time.Now().Add(c.retryEvery)
	c.finish()
}

// spoiled stops recording after a write that failed. The transitions beside the log may be more than those in it then:
// they are left for the next start to write from the log.
func (c *committer) spoiled(err error) {
	c.transcript.abandon()
	c.transcript = nil
	c.stop(err.Error())
}

// finish closes the session, if one is open, and puts its transitions beside it.
func (c *committer) finish() {
	if c.rec == nil {
		return
	}
	err := c.rec.Close()
	if err == nil {
		err = c.transcript.close()
	} else {
		c.transcript.abandon() // it may say more than the log does
	}
	if err != nil {
		c.o.Log.Error("the session could not be closed well; the next start mends it", zap.String("session", c.rec.Dir()), zap.Error(err))
	}
	c.rec, c.transcript = nil, nil
	c.o.Metrics.recordingIs(false)
}

// session begins a new one, which ends the old one.
func (c *committer) session(b *beginning) {
	c.finish()
	err := b.err
	if err == nil {
		err = c.roomToRecord()
	}
	if err == nil {
		c.rec, err = c.o.Sessions(b.at, b.state, c.o.Plans.from(b.plan))
	}
	if err == nil {
		c.transcript, err = newTranscript(c.rec.Dir())
	}
	if err != nil {
		c.stop(err.Error())
		return
	}
	if c.stopped != "" {
		c.o.Log.Info("recording again", zap.String("session", c.rec.Dir()))
		c.o.Trouble(troubleRecording, false)
	}
	c.stopped = ""
	c.o.Metrics.recordingIs(true)
}

func (c *committer) roomToRecord() error {
	free, err := c.o.Free()
	if least := c.o.MinFree(); err == nil && free < least {
		err = fmt.Errorf("%d MiB are free, sessions.min_free_mib is %d", free>>20, least>>20)
	}
	return err
}

// retry looks after what failed before: the disk's room, a session that could not begin, a ledger that could not commit.
func (c *committer) retry(now bool) {
	if !now && time.Now().Before(c.retryAt) {
		return
	}
	c.retryAt = time.Now().Add(c.retryEvery)
	if c.rec != nil {
		if err := c.roomToRecord(); err != nil {
			c.stop(err.Error())
		}
	} else if c.roomToRecord() == nil {
		c.mu.Lock()
		c.wanted = true
		c.mu.Unlock()
	}
	if c.failing {
		c.commit(&ledger.Changes{}, nil)
	}
}

// commit keeps changes in the ledger, together with those it could not keep before, and answers who waits.
// The ledger makes them ready while the log that they rest on is synced, and commits them when it has been. The sync is
// this goroutine's, because it takes longer: the other one waits until a second processor is awake.
func (c *committer) commit(changes *ledger.Changes, answers []watch.Answer) {
	merge(&c.backlog, changes)
	synced, committed := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := c.o.Ledger.CommitAfter(func() { <-synced }, &c.backlog)
		committed <- err
	}()
	c.sync()
	close(synced)
	err := <-committed
	c.o.Metrics.commit(err)
	if err != nil {
		if !c.failing {
			c.o.Log.Error("the ledger cannot commit; alerts wait in memory and their notices leave all the same", zap.Error(err),
				zap.String("remedy", "make room on the disk of data_dir; it goes on by itself"))
			c.o.Trouble(troubleLedger, true)
		}
		c.failing = true
		c.o.Unkept(changes.Transitions)
		c.backlog.Sightings = last(c.backlog.Sightings, ledgerLag)
		c.backlog.ZoneEvents = last(c.backlog.ZoneEvents, ledgerLag)
		c.backlog.Sorties = last(c.backlog.Sorties, ledgerLag)
		if over := len(c.backlog.Transitions) - ledgerLag; over > 0 {
			c.lost += over
			c.backlog.Transitions = slices.Delete(c.backlog.Transitions, 0, over)
			c.o.Log.Error("too many transitions wait for the ledger; the oldest are only in the session's log", zap.Int("lost", c.lost))
		}
	} else {
		if c.failing {
			c.o.Log.Info("the ledger commits again")
			c.o.Trouble(troubleLedger, false)
		}
		if len(c.backlog.Transitions) > 0 {
			c.o.Kept(c.backlog.Transitions...)
		}
		c.failing, c.backlog = false, ledger.Changes{}
	}
	c.mu.Lock()
	clear(c.unkept)
	for _, a := range c.backlog.Answers {
		c.unkept[a.Number] = true
	}
	for _, a := range answers {
		if ch, ok := c.waiting[a.Number]; ok {
			delete(c.waiting, a.Number)
			ch <- answer{Answer: a, err: err}
		}
	}
	c.mu.Unlock()
}

// temporarilyRejected is MAV_RESULT_TEMPORARILY_REJECTED: the command was right, and is to be sent again later.
const temporarilyRejected = 1

// reply answers commands whose effects are on the disk: in the log, or in the ledger, or in both. Where neither could
// take them they are told to come again: the sighting stands in memory and its notices leave, so nobody is the worse if
// they do not, and if they do, within half a minute it is the same sighting and later one more of the same alert.
func (c *committer) reply(replies []mavlink.Reply, onDisk bool) {
	for _, r := range replies {
		if !onDisk && r.Result == 0 {
			r.Result = temporarilyRejected
		}
		c.o.Reply(r)
	}
}

// last leaves the newest n.
func last[T any](list []T, n int) []T { return slices.Delete(list, 0, max(0, len(list)-n)) }

// transcribe writes the transitions' lines beside the log, for replay to be compared with.
func (c *committer) transcribe(ts []alerts.Transition) {
	if c.rec == nil {
		return
	}
	if err := c.transcript.write(ts); err != nil {
		c.spoiled(err)
	}
}

// keep copies effects out of the fold's reused memory.
func keep(e *watch.Effects) *watch.Effects {
	return &watch.Effects{
		Transitions: slices.Clone(e.Transitions), Sightings: slices.Clone(e.Sightings), ZoneEvents: slices.Clone(e.ZoneEvents),
		Sorties: slices.Clone(e.Sorties), Answers: slices.Clone(e.Answers), Replies: slices.Clone(e.Replies),
	}
}

// add puts effects into the ledger's words.
func add(c *ledger.Changes, e *watch.Effects) {
	c.Transitions = append(c.Transitions, e.Transitions...)
	c.Sightings = append(c.Sightings, e.Sightings...)
	for _, z := range e.ZoneEvents {
		c.ZoneEvents = append(c.ZoneEvents, ledger.ZoneEvent(z))
	}
	for _, s := range e.Sorties {
		c.Sorties = append(c.Sorties, ledger.Sortie{
			ID: s.ID, Vehicle: s.Vehicle, TookOff: alerts.Time(s.TookOff), Landed: alerts.Time(s.Landed),
			DistanceM: float64(s.DistDM) / 10, MaxAltM: float64(s.MaxAltMM) / 1000, Fixes: s.Fixes,
		})
	}
	for _, a := range e.Answers {
		reply, err := json.Marshal(a)
		if err != nil { // words and numbers always marshal
			panic(err)
		}
		c.Answers = append(c.Answers, ledger.Answer{Number: a.Number, Alert: a.Alert, Reply: reply})
	}
}

func merge(into, c *ledger.Changes) {
	into.Transitions = append(into.Transitions, c.Transitions...)
	into.Sightings = append(into.Sightings, c.Sightings...)
	into.ZoneEvents = append(into.ZoneEvents, c.ZoneEvents...)
	into.Sorties = append(into.Sorties, c.Sorties...)
	into.Answers = append(into.Answers, c.Answers...)
}
