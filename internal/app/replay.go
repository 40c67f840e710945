package app

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"riverwatch/alerts"
	"riverwatch/configs"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// ReplayOptions says what is replayed, by what it is judged, and where the transitions go.
type ReplayOptions struct {
	Paths    []string
	Config   string // what if: this configuration judges all of it; "": sessions as they were
	Against  string // the difference that this configuration would have made
	Keys     string // a file of keys, to verify signatures of foreign logs with, beside those of the configuration
	Verify   bool   // as it was: compare with what the station wrote
	From, To int64  // µs; frames outside are left out of a what-if; 0: no bound
	Speed    float64
	JSON     bool
	Out      io.Writer // transitions and verdicts
	Err      io.Writer // remarks
	Progress func(done, total int64)

	zone *time.Location // of the times in texts
	seen struct{ frames, sightings, transitions int }
}

// Replay folds recorded logs as a station would.
func Replay(ctx context.Context, o ReplayOptions) error {
	out := bufio.NewWriter(o.Out)
	var err error
	switch {
	case o.Against != "":
		err = o.against(ctx, out)
	case o.Config != "":
		err = o.coldly(ctx, out)
	default:
		for _, path := range o.Paths {
			err = errors.Join(err, o.asItWas(ctx, path, out))
		}
	}
	return errors.Join(err, out.Flush())
}

// asItWas folds one session by its own start state, plans and acts.
func (o *ReplayOptions) asItWas(ctx context.Context, path string, out *bufio.Writer) error {
	if !isSession(path) {
		return fmt.Errorf("%s is not a session of a station, so nothing in it says by what it was judged; add --config FILE", path)
	}
	session, err := replay.OpenSession(path)
	if err != nil {
		return err
	}
	if o.zone, err = time.LoadLocation(session.Manifest.Timezone); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	w, frames, err := refold(session)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer frames.Close()
	var written [][]byte
	if o.Verify {
		if !session.HasTransitions {
			return fmt.Errorf("%s has no transitions.jsonl to compare with: the station has not ended it yet; stop the station, or let it begin the next session", path)
		}
		if written, err = session.Transitions(); err != nil {
			return err
		}
	}
	ahead := replay.ReadAhead(frames)
	defer ahead.Close()
	n := 0
	var line []byte
	err = w.Run(ctx, o.paced(ahead), func(_ mavlink.Batch, e *watch.Effects) error {
		o.progress(frames)
		if err := e.Err(); err != nil {
			return err
		}
		for i := range e.Transitions {
			if !o.Verify {
				o.print(out, &e.Transitions[i])
				continue
			}
			line = e.Transitions[i].AppendJSON(line[:0])
			if n >= len(written) || !bytes.Equal(line, written[n]) {
				return o.differ(out, n, written, line)
			}
			n++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, s := range frames.Stats() {
		if s.TrailingBytes > 0 {
			fmt.Fprintf(o.Err, "%s: the last %d bytes are a torn record, which is left out\n", path, s.TrailingBytes)
		}
	}
	if o.Verify {
		if n < len(written) {
			return fmt.Errorf("%s: %w", path, o.differ(out, n, written, nil))
		}
		fmt.Fprintf(out, "equal: %d transitions\n", n)
	}
	return nil
}

// refold gives a session's frames and the watch that folded them, as it was at the session's start.
func refold(session *replay.Session) (*watch.Watch, *replay.Reader, error) {
	if other, err := ofOtherVersion(session); err != nil {
		return nil, nil, err
	} else if other {
		return nil, nil, fmt.Errorf("%w, %s: replay it as it was with that version, or judge its frames anew with --config FILE", errOtherVersion, session.Manifest.Program)
	}
	var held plans
	if err := addPlans(&held, session); err != nil {
		return nil, nil, err
	}
	w := watch.New(watch.Options{Station: session.Manifest.Station, Plans: held.find})
	if err := w.Restore(session.Start); err != nil {
		return nil, nil, err
	}
	frames, err := session.Frames()
	return w, frames, err
}

// errDiffer is the verdict of --verify, whose difference has been printed.
var errDiffer = errors.New("the replay differs from what the station wrote; was the session changed, or recorded by another version?")

func (o *ReplayOptions) differ(out *bufio.Writer, n int, written [][]byte, now []byte) error {
	then := []byte("nothing")
	if n < len(written) {
		then = written[n]
	}
	if now == nil {
		now = []byte("nothing")
	}
	fmt.Fprintf(out, "different at transition %d\nwritten:  %s\nreplayed: %s\n", n+1, then, now)
	return errDiffer
}

// isSession says whether path is a folder that a station recorded, not a foreign log.
func isSession(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// whatIf is a configuration that judges logs, and the logs.
type whatIf struct {
	judge      *watch.Judge
	zone       *time.Location // that its readers' clocks show
	signatures *signatures
	frames     *replay.Reader
	watch      *watch.Watch
}

// judgedBy opens the logs to be judged by a configuration file.
func (o *ReplayOptions) judgedBy(file string) (*whatIf, error) {
	c, zones, problems := Check(file)
	if c != nil && o.Keys != "" {
		problems = append(problems, c.AddKeys(o.Keys)...)
	}
	if configs.Broken(problems) {
		return nil, &MistakesError{problems}
	}
	j, err := compile(c, zones)
	if err != nil {
		return nil, err
	}
	w := &whatIf{judge: j, zone: c.Station.Location, signatures: newSignatures(c)}
	station, err := o.station()
	if err != nil {
		return nil, err
	}
	w.watch = watch.New(watch.Options{Station: station, WhatIf: j})
	from := replay.ReaderOptions{Paths: o.Paths, From: o.From, To: o.To}
	if !w.signatures.idle {
		from.Admit, from.Believe = w.signatures.admit, w.signatures.believe
	}
	w.frames, err = replay.Open(from)
	return w, err
}

// station is the name of the station that the logs tell of: "-" unless all of them are sessions of one station.
func (o *ReplayOptions) station() (string, error) {
	station := ""
	for _, path := range o.Paths {
		name := "-"
		if isSession(path) {
			session, err := replay.OpenSession(path)
			if err != nil {
				return "", err
			}
			if o.Keys != "" && session.Manifest.Verified() {
				return "", fmt.Errorf("%s is a session, which takes no --keys: its frames were verified when they were recorded", path)
			}
			name = session.Manifest.Station
		}
		if station != "" && station != name {
			name = "-"
		}
		station = name
	}
	return station, nil
}

// coldly folds logs from nothing under the given configuration.
func (o *ReplayOptions) coldly(ctx context.Context, out *bufio.Writer) error {
	w, err := o.judgedBy(o.Config)
	if err != nil {
		return err
	}
	defer w.frames.Close()
	o.zone = w.zone
	ahead := replay.ReadAhead(w.frames)
	defer ahead.Close()
	err = w.watch.Run(ctx, o.paced(ahead), func(batch mavlink.Batch, e *watch.Effects) error {
		o.progress(w.frames)
		o.count(batch, e)
		for i := range e.Transitions {
			o.print(out, &e.Transitions[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	o.remarks(w)
	return nil
}

// against folds logs under two configurations at once and prints what differs between their transitions. Each reads for
// itself, since the two may believe different signatures: the two keep two cores busy without reading ahead.
func (o *ReplayOptions) against(ctx context.Context, out *bufio.Writer) error {
	wa, err := o.judgedBy(o.Config)
	if err != nil {
		return err
	}
	defer wa.frames.Close()
	wb, err := o.judgedBy(o.Against)
	if err != nil {
		return err
	}
	defer wb.frames.Close()
	o.zone = wa.zone
	var a, b []alerts.Transition
	folds, ctx := errgroup.WithContext(ctx)
	folds.Go(func() error {
		return wa.watch.Run(ctx, o.paced(wa.frames), func(batch mavlink.Batch, e *watch.Effects) error {
			o.progress(wa.frames)
			o.count(batch, e)
			a = append(a, e.Transitions...)
			return nil
		})
	})
	folds.Go(func() error {
		return wb.watch.Run(ctx, wb.frames, func(_ mavlink.Batch, e *watch.Effects) error {
			b = append(b, e.Transitions...)
			return nil
		})
	})
	if err := folds.Wait(); err != nil {
		return err
	}
	for _, c := range compare(a, b) {
		o.printChange(out, &c)
	}
	o.remarks(wa)
	return nil
}

// change is one difference between two plans.
type change struct {
	what string // added, removed, changed
	a, b *alerts.Transition
}

// compare pairs the transitions of two what-ifs over the same frames: the same alert, event and sighting (or, of a
// station alert, time) is the same transition. Their numbers and plans always differ and do not count.
func compare(as, bs []alerts.Transition) []change {
	type key struct {
		alert, sighting string
		event           alerts.Event
		at              alerts.Time
	}
	keyOf := func(t *alerts.Transition) key {
		k := key{alert: t.Alert, event: t.Event, at: t.At}
		if t.Sighting != nil {
			k.sighting = t.Sighting.ID
		}
		return k
	}
	inB := make(map[key]*alerts.Transition, len(bs))
	for i := range bs {
		inB[keyOf(&bs[i])] = &bs[i]
	}
	var out []change
	paired := make(map[key]bool, len(as))
	for i := range as {
		a := &as[i]
		k := keyOf(a)
		b := inB[k]
		paired[k] = true
		switch {
		case b == nil:
			out = append(out, change{what: "removed", a: a})
		case !sameButForPlan(a, b):
			out = append(out, change{what: "changed", a: a, b: b})
		}
	}
	for i := range bs {
		if !paired[keyOf(&bs[i])] {
			out = append(out, change{what: "added", b: &bs[i]})
		}
	}
	slices.SortStableFunc(out, func(x, y change) int { return cmp.Compare(x.at(), y.at()) })
	return out
}

func (c *change) at() alerts.Time {
	if c.a != nil {
		return c.a.At
	}
	return c.b.At
}

func sameButForPlan(a, b *alerts.Transition) bool {
	x, y := *a, *b
	x.Seq, x.Plan, y.Seq, y.Plan = 0, "", 0, ""
	return bytes.Equal(x.AppendJSON(nil), y.AppendJSON(nil))
}

func (o *ReplayOptions) printChange(out *bufio.Writer, c *change) {
	if o.JSON {
		side := func(t *alerts.Transition) []byte {
			if t == nil {
				return []byte("null")
			}
			return t.AppendJSON(nil)
		}
		fmt.Fprintf(out, `{"change":%q,"a":%s,"b":%s}`+"\n", c.what, side(c.a), side(c.b))
		return
	}
	t := c.b
	if t == nil {
		t = c.a
	}
	fmt.Fprintf(out, "%-8s %s\n", c.what, t.Line(o.zone))
	if c.what == "changed" {
		fmt.Fprintf(out, "%-8s %s\n", "  was", c.a.Line(o.zone))
	}
}

// print prints a transition, one outside the asked-for time not at all. What comes true to time is shown at once.
func (o *ReplayOptions) print(out *bufio.Writer, t *alerts.Transition) {
	if int64(t.At) < o.From || o.To != 0 && int64(t.At) >= o.To {
		return
	}
	if o.JSON {
		_, _ = out.Write(append(t.AppendJSON(nil), '\n')) // a Writer keeps its error until the last Flush
	} else {
		fmt.Fprintln(out, t.Line(o.zone))
	}
	if o.Speed != 0 {
		_ = out.Flush()
	}
}

func (o *ReplayOptions) paced(frames watch.Source) watch.Source {
	if o.Speed == 0 {
		return frames
	}
	return replay.Pace(frames, o.Speed)
}

func (o *ReplayOptions) progress(frames *replay.Reader) {
	if o.Progress != nil {
		o.Progress(frames.Progress())
	}
}

// count notes what a what-if has come to, so that one without an alert can be told from one that looked at nothing.
func (o *ReplayOptions) count(b mavlink.Batch, e *watch.Effects) {
	for i := range b.Frames {
		if b.Frames[i].Origin != mavlink.OriginOwn {
			o.seen.frames++
		}
	}
	for i := range e.Counts.Evidence {
		if e.Counts.Evidence[i].Outcome == "sighting" {
			o.seen.sightings++
		}
	}
	o.seen.transitions += len(e.Transitions)
}

// remarks tells on the side what a reader of the results should know of the logs.
func (o *ReplayOptions) remarks(w *whatIf) {
	for _, s := range w.frames.Stats() {
		if s.Bad+s.Unknown+s.SkippedBytes+s.TrailingBytes+s.ClockSteps > 0 {
			fmt.Fprintf(o.Err, "%s: %d frames with a wrong checksum, %d of unknown ids, %d bytes skipped, %d at the end, %d clock steps\n",
				s.Path, s.Bad, s.Unknown, s.SkippedBytes, s.TrailingBytes, s.ClockSteps)
		}
	}
	w.signatures.tell(o.Err)
	if n := w.watch.LeftOut(); n > 0 {
		fmt.Fprintf(o.Err, "%s of people left out: in a what-if nobody answers\n", some(n, "action"))
	}
	fmt.Fprintf(o.Err, "%s of %s judged: %s, %s\n", some(o.seen.frames, "frame"), some(len(o.Paths), "log"),
		some(o.seen.sightings, "sighting"), some(o.seen.transitions, "transition"))
	switch refused := w.signatures.refused(); {
	case o.seen.frames == 0 && refused > 0:
		fmt.Fprintln(o.Err, "every frame was refused for its signature: look whether the key is that of this flight, by --keys or by key_file in the configuration")
	case o.seen.frames == 0:
		fmt.Fprintln(o.Err, "no frame lies in the time asked for: riverwatch info LOG tells when a log begins and ends")
	}
}
