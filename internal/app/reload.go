package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/replay"
)

// Reload compiles the configuration file anew and lets the watch judge by it from the next frame on. A file with a
// mistake changes nothing.
func (s *Station) Reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	err := s.reload(ctx)
	s.metrics.reloaded(err == nil)
	if err != nil {
		s.o.Log.Error("reload refused; the configuration in force goes on", zap.Error(err))
	} else {
		s.o.Log.Info("reloaded", zap.String("config", s.o.ConfigFile))
	}
	return err
}

func (s *Station) reload(ctx context.Context) error {
	c, zones, err := Load(s.o.ConfigFile)
	if err != nil {
		return err
	}
	if parts := fixedAtStart(s.config.Load(), c); len(parts) > 0 {
		return fmt.Errorf("%s: changed in %s, which is read at start only; restart the station, or change it back", s.o.ConfigFile, strings.Join(parts, ", "))
	}
	judge, err := compile(c, zones)
	if err != nil {
		return err
	}
	if s.snapshot.Load().plan != judge.Digest {
		if err := s.plans.show(judge); err != nil {
			return err
		}
	}
	s.plans.forgetBy(s.forget)
	if err := s.addPlan(ctx, judge); err != nil {
		s.plans.discard(judge.Digest)
		return fmt.Errorf("keep the new plan in the session: %w", err)
	}
	// Around the plan's frame the listener lets in only what both plans believe: what follows the frame is judged by the
	// new plan, what precedes it by the old one, and a session takes what is signed in it for verified.
	old, next := s.config.Load().Mavlink.Identities(), c.Mavlink.Identities()
	s.listener.SetVehicles(stricter(old, next))
	if err := s.listener.Own(mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: judge.Digest}); err != nil {
		s.listener.SetVehicles(old)
		s.plans.discard(judge.Digest)
		return err
	}
	s.listener.SetVehicles(next)
	s.hear(judge)
	s.notifier.SetRecipients(c.Notify)
	s.config.Store(c)
	s.o.Zones = nil // of the start: only its plan needs them
	return nil
}

// forget lets the plans go that were in force before j. A session that began before j came into force may still have to be
// made: it stands in the committer's queue before this does.
func (s *Station) forget(j *watch.Judge) {
	s.committer.post(func() { s.plans.since(j) }) // not where the station is stopping, which forgets all
}

// addPlan keeps a plan in the open session, its terrain first, beside the committer: commits do not wait for a large one.
// A session that begins meanwhile holds the plan from its start.
func (s *Station) addPlan(ctx context.Context, judge *watch.Judge) error {
	var rec *replay.Recorder
	err := s.committer.do(ctx, func() error {
		s.plans.add(judge)
		rec = s.committer.rec
		return nil
	})
	if err != nil || rec == nil {
		return err
	}
	tiles, err := keepTerrain(s.tiles(), judge)
	if err != nil {
		return err
	}
	for _, digest := range tiles {
		if err := rec.AddTile(s.tiles(), digest); err != nil {
			return err
		}
	}
	return rec.AddPlan(judge.Digest, judge.JSON)
}

// stricter holds each vehicle to what both old and next hold it to, as far as signatures go: which frames may claim to be
// its own word must not change but with the plan. Its pins are the newer ones, since the fold looks at them itself.
func stricter(old, next []mavlink.VehicleIdentity) []mavlink.VehicleIdentity {
	both := slices.Clone(next)
	for _, o := range old {
		i := slices.IndexFunc(both, func(v mavlink.VehicleIdentity) bool { return v.System == o.System })
		if i < 0 {
			both = append(both, o)
			continue
		}
		v := &both[i]
		if strictness(o.Signing) > strictness(v.Signing) {
			v.Signing = o.Signing
		}
		if v.Key == nil {
			v.Key = o.Key
		}
		v.LaxClock = v.LaxClock && o.LaxClock
	}
	return both
}

// strictness orders the modes of signing.
func strictness(s mavlink.Signing) int {
	return slices.Index([]mavlink.Signing{mavlink.SigningPrefer, mavlink.SigningRequire}, s)
}
