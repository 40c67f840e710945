package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"go.uber.org/zap"

	"riverwatch/internal/watch"
	"riverwatch/replay"
)

// errOtherVersion says that a session's state or plans have a format that this version cannot fold on from.
var errOtherVersion = errors.New("the session was recorded by another version of riverwatch")

// ofOtherVersion says whether the session's state or one of its plans has another format.
func ofOtherVersion(session *replay.Session) (bool, error) {
	start, err := startWithoutPlan(session, 0)
	if err != nil {
		return false, err
	}
	if err := watch.New(watch.Options{}).Restore(start); errors.Is(err, watch.ErrOtherFormat) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	for _, plan := range session.Plans {
		if _, err := watch.ReadPlan(plan, nil); errors.Is(err, watch.ErrOtherPlan) {
			return true, nil
		}
	}
	return false, nil
}

// startWithoutPlan is the session's start state without the plan that judged then, and, where at is not 0, at that time.
func startWithoutPlan(session *replay.Session, at int64) ([]byte, error) {
	var start map[string]json.RawMessage
	if err := json.Unmarshal(session.Start, &start); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	start["plan"] = json.RawMessage(`""`)
	if at != 0 {
		start["at"] = fmt.Appendf(nil, "%d", at)
	}
	return json.Marshal(start)
}

// carryOver takes over from a session of another version what every version can read: the alerts that were open when it
// began, and when it ended. Its log is not folded: this version would judge it by other rules and number its
// transitions otherwise than people were told. What happened in it the ledger knows, up to the last commit.
func (s *Station) carryOver(session *replay.Session) error {
	frames, err := session.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	var at int64
	for {
		b, err := frames.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		at = b.Frames[len(b.Frames)-1].At
		b.Release()
	}
	if err := s.repairTail(session.Dir, frames); err != nil {
		return err
	}
	start, err := startWithoutPlan(session, at)
	if err != nil {
		return err
	}
	if err := s.watch.Restore(start); err != nil && !errors.Is(err, watch.ErrOtherFormat) {
		return err
	}
	s.previous = filepath.Base(session.Dir)
	log := s.o.Log.With(zap.String("session", s.previous), zap.String("version", session.Manifest.Program))
	log.Warn("the newest session was recorded by another version: open alerts go on, the memory of vehicles and zones begins anew")
	if !session.HasTransitions {
		log.Warn("and it was not ended: what happened in its last moments may be missing; stop a station before another version takes its place")
	}
	return nil
}
