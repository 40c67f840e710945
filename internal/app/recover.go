package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// recover makes the watch as it was when the station ended, however it ended: a restart is a replay. The newest
// session that can be read is folded from its start state to its last whole record; what the ledger lacks of it is
// committed, notices and all. Where the ledger knows of alerts otherwise than the log (recording had stopped, another
// version judges otherwise, the newest session is broken), the ledger is right: that is what people were told.
func (s *Station) recover() error {
	entries, err := replay.List(s.sessions())
	if err != nil {
		return fmt.Errorf("look for earlier sessions: %w", err)
	}
	s.watch = s.emptyWatch()
	recovered, newLedger := false, s.ledger.LastSeq() == 0
	for i, e := range slices.Backward(entries) {
		if recovered {
			if err := transcribe(e.Dir); err != nil && !errors.Is(err, errOtherVersion) {
				s.o.Log.Warn("an earlier session stays without its transitions", zap.String("session", e.Name), zap.Error(err))
			}
			continue
		}
		if err := s.recoverFrom(e.Dir, i == len(entries)-1); err != nil {
			s.o.Log.Error("a session cannot be recovered; the one before it is tried", zap.String("session", e.Name), zap.Error(err))
			s.watch = s.emptyWatch()
			continue
		}
		recovered = true
		s.o.Log.Info("resumed", zap.String("session", e.Name), zap.Uint64("transitions", s.watch.Seq()), zap.Int("alerts_open", len(s.watch.Standing())))
	}
	if s.unkept != nil {
		return nil // the ledger cannot commit now, so that it knows less
	}
	if recovered && newLedger {
		if s.watch.Seq() > 0 {
			s.o.Log.Warn("the ledger is new, the sessions are not: alerts go on from the log; what the old ledger held of people's words is not in this one",
				zap.String("remedy", "if there is a backup, stop the station and put its riverwatch.db in place"))
		}
		return nil
	}
	open, err := s.ledger.Unclosed()
	if err != nil {
		return fmt.Errorf("recover alerts from the ledger: %w", err)
	}
	open = slices.DeleteFunc(open, func(a alerts.Adopted) bool { return a.Newest.Station != s.o.Config.Station.Name })
	standing := map[string]alerts.State{}
	for i := range open {
		standing[open[i].Newest.Alert] = open[i].Newest.To
	}
	if s.watch.Seq() != s.ledger.LastSeq() || !maps.Equal(standing, s.watch.Standing()) {
		s.watch.Adopt(max(s.watch.Seq(), s.ledger.LastSeq()), open)
		s.o.Log.Warn("the ledger knows otherwise than the newest session; its open alerts are taken over", zap.Int("alerts", len(open)))
	}
	return nil
}

func (s *Station) emptyWatch() *watch.Watch {
	return watch.New(watch.Options{Station: s.o.Config.Station.Name, Plans: s.plans.find})
}

func (s *Station) recoverFrom(dir string, isNewest bool) error {
	session, err := replay.OpenSession(dir)
	if err != nil {
		return err
	}
	if m := session.Manifest; m.Station != s.o.Config.Station.Name {
		return fmt.Errorf("it was recorded by station %s, this is %s; give each station a data_dir of its own", m.Station, s.o.Config.Station.Name)
	}
	if other, err := ofOtherVersion(session); err != nil {
		return err
	} else if other {
		return s.carryOver(session)
	}
	if err := addPlans(&s.plans, session); err != nil {
		return err
	}
	if err := s.watch.Restore(session.Start); err != nil {
		return err
	}
	frames, err := session.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	ahead := replay.ReadAhead(frames)
	defer ahead.Close()
	var lines [][]byte
	var happened watch.Effects
	err = s.watch.Run(context.Background(), ahead, func(_ mavlink.Batch, e *watch.Effects) error {
		for i := range e.Transitions {
			lines = append(lines, e.Transitions[i].AppendJSON(nil))
		}
		happened.Transitions = append(happened.Transitions, e.Transitions...)
		happened.ZoneEvents = append(happened.ZoneEvents, e.ZoneEvents...)
		happened.Answers = append(happened.Answers, e.Answers...)
		happened.Sightings = append(happened.Sightings, e.Sightings...)
		happened.Sorties = append(happened.Sorties, e.Sorties...)
		return e.Err()
	})
	// Of each only the newest word counts, which the ledger knows: it would take an older one for news.
	happened.Sightings = newest(happened.Sightings, func(s *alerts.Sighting) string { return s.ID })
	happened.Sorties = newest(happened.Sorties, func(s *mavlink.Sortie) string { return s.ID })
	if !isNewest {
		happened.Sightings, happened.Sorties = nil, nil
	}
	var changes ledger.Changes
	add(&changes, &happened)
	if _, commitErr := s.ledger.Commit(&changes); commitErr != nil {
		if s.unkept == nil {
			s.unkept = &ledger.Changes{}
		}
		merge(s.unkept, &changes) // the committer goes on with them
		s.o.Log.Error("the ledger cannot take what it lacks of the newest session", zap.Error(commitErr))
	}
	if err == nil {
		err = s.repairTail(dir, frames)
	}
	if err != nil {
		return err
	}
	s.previous = filepath.Base(dir)
	if session.HasTransitions {
		return nil
	}
	_ = os.Remove(filepath.Join(dir, transcriptName+".part"))
	return replay.WriteTransitions(dir, slices.Values(lines))
}

// repairTail cuts off the log's torn tail, where the frames, read to their end, have shown one.
func (s *Station) repairTail(dir string, frames *replay.Reader) error {
	torn := uint64(0)
	for _, file := range frames.Stats() {
		torn += file.TrailingBytes
	}
	if torn == 0 {
		return nil // most have none, and a whole log is read again to look for it
	}
	cut, err := replay.RepairTail(dir)
	if cut > 0 {
		s.o.Log.Warn("the newest session ended in a torn record, which was cut off", zap.String("session", filepath.Base(dir)), zap.Int64("bytes", cut))
	}
	return err
}

// newest leaves of those with one id the last.
func newest[T any](list []T, id func(*T) string) []T {
	last := make(map[string]int, len(list))
	for i := range list {
		last[id(&list[i])] = i
	}
	kept := list[:0]
	for i := range list {
		if last[id(&list[i])] == i {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// transcribe puts its transitions beside a session that has none: recording stopped in it, or its end was not written.
func transcribe(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, transcriptName)); err == nil {
		return nil // most have them, and there may be hundreds
	}
	session, err := replay.OpenSession(dir)
	if err != nil {
		return err
	}
	w, frames, err := refold(session)
	if err != nil {
		return err
	}
	defer frames.Close()
	ahead := replay.ReadAhead(frames)
	defer ahead.Close()
	var lines [][]byte
	err = w.Run(context.Background(), ahead, func(_ mavlink.Batch, e *watch.Effects) error {
		for i := range e.Transitions {
			lines = append(lines, e.Transitions[i].AppendJSON(nil))
		}
		return e.Err()
	})
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(dir, transcriptName+".part"))
	return replay.WriteTransitions(dir, slices.Values(lines))
}

// addPlans compiles the plans that a session holds.
func addPlans(p *plans, session *replay.Session) error {
	digests := make([]string, 0, len(session.Plans))
	for digest := range session.Plans {
		digests = append(digests, digest)
	}
	slices.Sort(digests)
	for _, digest := range digests {
		judge, err := watch.ReadPlan(session.Plans[digest], tileOf(session))
		if err != nil {
			return err
		}
		if judge.Digest != digest {
			return fmt.Errorf("plan-%.8s holds plan %.8s; the file was changed", digest, judge.Digest)
		}
		p.add(judge)
	}
	return nil
}
