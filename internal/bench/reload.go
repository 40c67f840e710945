package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"riverwatch/geofence"
	"riverwatch/internal/sim"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// reload has a hundred drones of 77 frames a second fly towards a listener and a fold, while a plan of 100,000 zones is
// read, compiled and drawn beside them and takes the place of one like it. A frame waits from when the listener has
// stamped it until all that came with it is folded.
func (b *bench) reload(ctx context.Context, zones []geofence.Zone) error {
	old, err := judge(zones[:len(zones)-1])
	if err != nil {
		return err
	}
	data, err := geofence.ToGeoJSON(zones)
	if err != nil {
		return err
	}
	l, err := link.New(link.Options{Links: []link.Config{{Name: "field", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID})
	if err != nil {
		return err
	}
	var plans sync.Map // by digest
	plans.Store(old.Digest, old)
	w := watch.New(watch.Options{Station: "bench", Plans: func(digest string) *watch.Judge {
		j, _ := plans.Load(digest)
		found, _ := j.(*watch.Judge)
		return found
	}})
	listening, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return l.Run(listening) })
	var wait, took time.Duration
	folded := 0
	g.Go(func() error {
		return w.Run(context.Background(), l, func(batch mavlink.Batch, _ *watch.Effects) error {
			now := time.Now().UnixMicro()
			for i := range batch.Frames {
				if f := &batch.Frames[i]; f.Origin != mavlink.OriginOwn {
					folded++
					wait = max(wait, time.Duration(now-f.At)*time.Microsecond)
				}
			}
			return nil
		})
	})
	<-l.Ready()
	sent, err := sim.Sent{}, l.Own(mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: old.Digest})
	if err == nil {
		var all errgroup.Group
		all.Go(func() (err error) {
			sent, err = sendApart(ctx, newLoad(100*sim.MixPerSecond, 1, 5, []string{l.Addrs()["field"]}))
			return err
		})
		all.Go(func() error {
			if err := pause(ctx, 2*time.Second); err != nil {
				return err
			}
			begun := time.Now()
			zones, _ := geofence.Parse("district.geojson", data, geofence.WGS84)
			next, err := judge(zones)
			if err == nil {
				_, err = geofence.ToGeoJSON(zones)
			}
			if err != nil {
				return err
			}
			plans.Store(next.Digest, next)
			took = time.Since(begun)
			return l.Own(mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: next.Digest})
		})
		err = errors.Join(all.Wait(), pause(ctx, 100*time.Millisecond)) // what it has read it may fold
	}
	stop()
	if err := errors.Join(err, g.Wait()); err != nil {
		return err
	}
	if w.Judge() == old {
		return errors.New("the plan of 100,000 zones did not come into force")
	}
	b.figure("reload of 100,000 zones under 7,700 frames/s: a frame waits at most", fmt.Sprintf("%s, %d of %d lost (compiled beside them in %s)",
		nanoseconds(float64(wait)), sent.Datagrams-folded, sent.Datagrams, nanoseconds(float64(took))), "10 ms, none", wait <= 10*time.Millisecond && folded == sent.Datagrams)
	return nil
}

// check has the whole program check a configuration with these zones.
func (b *bench) check(ctx context.Context, zones []geofence.Zone) error {
	program, err := b.program(ctx, false)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "check-")
	if err != nil {
		return err
	}
	data, err := geofence.ToGeoJSON(zones)
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "riverwatch.yaml")
	err = errors.Join(os.WriteFile(filepath.Join(dir, "ciyao.geojson"), data, 0o600),
		os.WriteFile(config, fmt.Appendf(nil, processConfig, dir, "127.0.0.1:0", "  - {name: field, udp: \"127.0.0.1:0\"}\n"), 0o600))
	if err != nil {
		return err
	}
	var times, most []float64
	for range 3 {
		cmd := exec.CommandContext(ctx, program, "check", "--config", config)
		var told bytes.Buffer
		cmd.Stdout, cmd.Stderr = &told, &told
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// Not rusage: what the kernel calls a child's greatest size there begins with its parent's.
		peak, every := 0.0, time.NewTicker(5*time.Millisecond)
		for running := true; running; {
			select {
			case err = <-ended:
				running = false
			case <-every.C:
				peak = max(peak, peakMB(cmd.Process.Pid))
			}
		}
		every.Stop()
		if err != nil {
			return fmt.Errorf("riverwatch check: %w: %s", err, told.String())
		}
		times, most = append(times, float64(time.Since(begun).Nanoseconds())), append(most, peak)
	}
	ns, mb := median(times), median(most)
	b.figure("riverwatch check, 100,000 zones: the whole program", fmt.Sprintf("%s, %.0f MB resident at most", nanoseconds(ns), mb), "2 s, 200 MB", ns <= 2e9 && mb > 0 && mb <= 200)
	return nil
}
