package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"riverwatch/internal/app"
)

func runCommand() *cobra.Command {
	var config, debug string
	c := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the station: listen, record, judge, alert",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, zones, problems := app.Check(config)
			for _, p := range problems {
				fmt.Fprintln(os.Stderr, p)
			}
			if broken := app.Broken(problems); broken > 0 {
				return fmt.Errorf("%s in the configuration; nothing was started", mistakes(broken))
			}
			hangup := make(chan os.Signal, 1) // before the station is open: a SIGHUP during a long recovery must not end it
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			log := newLog(zapcore.InfoLevel)
			station, err := app.Open(app.Options{ConfigFile: config, Config: c, Zones: zones, Log: log, Version: app.Version(version)})
			if err != nil {
				return err
			}
			if debug != "" {
				stop, err := app.Debug(debug, log)
				if err != nil {
					station.Close()
					if errors.As(err, new(*net.OpError)) {
						return err // rightly called, but the port is taken
					}
					return usageError{err}
				}
				defer stop()
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			var beside sync.WaitGroup
			defer beside.Wait()
			defer cancel()
			beside.Go(func() { reloadOn(ctx, hangup, station) })
			beside.Go(func() { announce(ctx, station, log) })
			return station.Run(ctx)
		},
	}
	configFlag(c, &config)
	c.Flags().StringVar(&debug, "debug-listen", "", "serve pprof on this loopback `ADDR`")
	return c
}

// announce says where the station listens, once it does.
func announce(ctx context.Context, s *app.Station, log *zap.Logger) {
	select {
	case <-s.Listening():
		log.Info("listening", zap.String("console", "http://"+s.Addr()+"/"), zap.Any("links", s.LinkAddrs()))
	case <-ctx.Done():
	}
}

// reloadOn reads the configuration anew at each signal; what is wrong with it, the station logs.
func reloadOn(ctx context.Context, hangup <-chan os.Signal, s *app.Station) {
	for {
		select {
		case <-hangup:
			_ = s.Reload(ctx) // logged there
		case <-ctx.Done():
			return
		}
	}
}

func newLog(level zapcore.Level) *zap.Logger {
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.RFC3339TimeEncoder
	encode := zapcore.NewJSONEncoder(encoder)
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		encoder.EncodeLevel = zapcore.CapitalLevelEncoder
		encode = zapcore.NewConsoleEncoder(encoder)
	}
	return zap.New(zapcore.NewCore(encode, zapcore.Lock(os.Stderr), level))
}
