package app

import (
	"context"
	"errors"
	"fmt"
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
// committed, notices and all. What the ledger knows of alerts beyond the log (recording had stopped) is adopted.
func (s *Station) recover() error {
	entries, err := replay.List(s.sessions())
	if err != nil {
		return fmt.Errorf("look for earlier sessions: %w", err)
	}
	s.watch = s.emptyWatch()
	for _, e := range slices.Backward(entries) {
		err := s.recoverFrom(e.Dir)
		if err == nil {
			break
		}
		s.o.Log.Error("a session cannot be recovered; the one before it is tried", zap.String("session", filepath.Base(e.Dir)), zap.Error(err))
		s.watch = s.emptyWatch()
	}
	if s.watch.Seq() < s.ledger.LastSeq() {
		open, err := s.ledger.Unclosed()
		if err != nil {
			return fmt.Errorf("recover alerts from the ledger: %w", err)
		}
		s.watch.Adopt(s.ledger.LastSeq(), open)
		s.o.Log.Warn("the ledger knows more than the newest session; its open alerts are taken over", zap.Int("alerts", len(open)))
	}
	return nil
}

func (s *Station) emptyWatch() *watch.Watch {
	return watch.New(watch.Options{Station: s.o.Config.Station.Name, Plans: s.plans.find})
}

func (s *Station) recoverFrom(dir string) error {
	cut, err := replay.RepairTail(dir)
	if err != nil {
		return err
	}
	if cut > 0 {
		s.o.Log.Warn("the newest session ended in a torn record, which was cut off", zap.String("session", filepath.Base(dir)), zap.Int64("bytes", cut))
	}
	session, err := replay.OpenSession(dir)
	if err != nil {
		return err
	}
	if m := session.Manifest; m.Station != s.o.Config.Station.Name {
		return fmt.Errorf("it was recorded by station %s, this is %s; give each station a data_dir of its own", m.Station, s.o.Config.Station.Name)
	}
	if err := addPlans(&s.plans, session); err != nil {
		return err
	}
	if err := s.watch.Restore(session.Start); errors.Is(err, watch.ErrOtherFormat) {
		s.o.Log.Warn("recovering over a change of version", zap.Error(err))
	} else if err != nil {
		return err
	}
	frames, err := session.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	var lines [][]byte
	err = s.watch.Run(context.Background(), frames, func(_ mavlink.Batch, e *watch.Effects) error {
		if err := e.Err(); err != nil {
			return err
		}
		for i := range e.Transitions {
			lines = append(lines, e.Transitions[i].AppendJSON(nil))
		}
		if !e.Durable() {
			return nil
		}
		var changes ledger.Changes
		add(&changes, keep(e))
		_, err := s.ledger.Commit(&changes)
		return err
	})
	if err != nil {
		return err
	}
	s.previous = filepath.Base(dir)
	if !session.HasTransitions {
		return replay.WriteTransitions(dir, slices.Values(lines))
	}
	return nil
}

// addPlans compiles the plans that a session holds.
func addPlans(p *plans, session *replay.Session) error {
	digests := make([]string, 0, len(session.Plans))
	for digest := range session.Plans {
		digests = append(digests, digest)
	}
	slices.Sort(digests)
	for _, digest := range digests {
		judge, err := watch.ReadPlan(session.Plans[digest])
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

var _ = alerts.NoState
