package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"riverwatch/alerts"
	"riverwatch/configs"
	"riverwatch/internal/sim"
)

// DemoOptions says how the demonstration shows itself.
type DemoOptions struct {
	Listen  string // where the page is served
	Out     io.Writer
	Log     *zap.Logger
	Version string

	told func(line string) // for tests: each line of Out as it is printed
}

// demoConfig is the demonstration's whole configuration; the two verbs are the addresses.
const demoConfig = `station: {name: demo, timezone: Asia/Shanghai, data_dir: data}
http: {listen: %q}
links:
  - {name: field, udp: "127.0.0.1:0"}
vehicles:
  - {name: egret-1, system: 1}
  - {name: egret-2, system: 2}
  - {name: egret-3, system: 3}
zones:
  - {file: ciyao.geojson, crs: wgs84}
rules:
  - {name: crossing, near: [gate, bank], severity: high}
notify:
  - {name: station-log, log: true}
`

// Demo runs a real station on a temporary folder, flies a simulated patrol of three drones over a loopback UDP socket
// to it, and prints what the station raises, until ctx ends.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	dir, err := os.MkdirTemp("", "riverwatch-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	station, err := demoStation(dir, o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	say := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		fmt.Fprintln(o.Out, line)
		if o.told != nil {
			o.told(line)
		}
	}
	zone := station.o.Config.Station.Location
	station.onTransition = func(t *alerts.Transition) { say("%s", t.Line(zone)) }
	var g errgroup.Group
	g.Go(func() error {
		defer stop()
		return station.Run(ctx)
	})
	g.Go(func() error {
		select {
		case <-station.Listening():
		case <-ctx.Done():
			return nil
		}
		to := station.LinkAddrs()["field"]
		say("riverwatch demo: three simulated drones patrol the Ciyao river (the geometry is illustrative)")
		say("listening  links: udp %s  page: http://%s/  metrics: http://%s/metrics", to, station.Addr(), station.Addr())
		say("Ctrl-C ends it; nothing is kept")
		for ctx.Err() == nil { // one patrol after another
			if err := sim.Send(ctx, sim.Ciyao(time.Now()), sim.Options{To: to, Coalesce: true}); err != nil && ctx.Err() == nil {
				stop()
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func demoStation(dir string, o DemoOptions) (*Station, error) {
	zones, err := configs.Example.ReadFile("ciyao.geojson")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "ciyao.geojson"), zones, 0o600); err != nil {
		return nil, fmt.Errorf("write the demonstration's zones: %w", err)
	}
	open := func(listen string) (*Station, error) {
		file := filepath.Join(dir, "riverwatch.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, listen), 0o600); err != nil {
			return nil, fmt.Errorf("write the demonstration's configuration: %w", err)
		}
		c, zones, err := Load(file)
		if err != nil {
			return nil, err
		}
		return Open(Options{ConfigFile: file, Config: c, Zones: zones, Log: o.Log, Version: o.Version})
	}
	station, err := open(o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, splitErr := net.SplitHostPort(o.Listen)
		if splitErr == nil {
			return open(net.JoinHostPort(host, "0"))
		}
	}
	return station, err
}
