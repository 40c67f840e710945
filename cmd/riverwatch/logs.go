package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"riverwatch/internal/app"
)

func infoCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "info LOG...",
		Short: "Tell what is in flight logs: frames, losses, systems, messages, times, bounds",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			asJSON, err := jsonl(output, "json")
			if err != nil {
				return err
			}
			return app.Info(os.Stdout, args, asJSON)
		},
	}
	c.Flags().StringVar(&output, "output", "text", "text or json (one object a line)")
	return c
}

func sendCommand() *cobra.Command {
	var o app.SendOptions
	var speed, systems string
	c := &cobra.Command{
		Use:   "send LOG... --to udp:HOST:PORT",
		Short: "Put flight logs on the wire, true to time",
		Long: "Sends the frames of flight logs as UDP datagrams, true to time. HOST is loopback unless --remote is given, and\n" +
			"then only telemetry of vehicles is sent: nothing that addresses a vehicle, nothing of a ground station.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Paths, o.Progress = args, progress()
			if o.Speed, err = parseSpeed(speed); err != nil {
				return err
			}
			if systems != "" {
				for _, word := range strings.Split(systems, ",") {
					n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 8)
					if err != nil || n == 0 {
						return usageError{fmt.Errorf("--system %q: use ids from 1 to 255 with commas between, one a log", systems)}
					}
					o.Systems = append(o.Systems, uint8(n))
				}
				if len(o.Systems) != len(args) {
					return usageError{fmt.Errorf("--system gives %d ids for %d logs: give one a log", len(o.Systems), len(args))}
				}
			}
			if host, port, err := net.SplitHostPort(strings.TrimPrefix(o.To, "udp:")); err != nil || host == "" || !strings.HasPrefix(o.To, "udp:") || !isPort(port) {
				return usageError{fmt.Errorf("--to %q: write it as udp:127.0.0.1:14550 or udp:[::1]:14550", o.To)}
			}
			stats, err := app.Send(cmd.Context(), o)
			if stats.Frames == 0 && err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%d frames sent, %d withheld, %d datagrams refused by the other side\n", stats.Frames, stats.Withheld, stats.Refused)
			for _, s := range stats.Systems {
				fmt.Fprintf(os.Stderr, "%12d  system %d component %d\n", s.Frames, s.System, s.Component)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.To, "to", "", "where to: `udp:HOST:PORT`")
	f.StringVar(&speed, "speed", "1", "`N` times as fast as it was, or max")
	f.StringVar(&systems, "system", "", "give each log's vehicle this system id: `N,N,...`, one a log")
	f.BoolVar(&o.Remote, "remote", false, "allow another host than this one")
	if err := c.MarkFlagRequired("to"); err != nil {
		panic(err)
	}
	return c
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func checkCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Tell what a configuration would watch, and every mistake in it and its zones",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, zones, problems := app.Check(config)
			if broken := app.Broken(problems); broken > 0 {
				fmt.Fprintln(os.Stderr, &app.MistakesError{Problems: problems})
				return errors.New(mistakes(broken))
			}
			for _, p := range problems {
				fmt.Fprintln(os.Stderr, p)
			}
			fmt.Print(app.Describe(c, zones))
			return nil
		},
	}
	configFlag(c, &config)
	return c
}

func backupCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy a station's ledger and sessions to DIR, while it runs",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.Backup(cmd.Context(), config, args[0], os.Stdout)
		},
	}
	c.Flags().StringVar(&config, "config", "riverwatch.yaml", "the station's configuration `FILE`")
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell which version this is",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println(app.Version(version)) },
	}
}

func configFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "config", "", "the station's configuration `FILE`")
	if err := c.MarkFlagRequired("config"); err != nil {
		panic(err)
	}
}

func mistakes(n int) string {
	if n == 1 {
		return "1 mistake"
	}
	return strconv.Itoa(n) + " mistakes"
}
