package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"riverwatch/internal/app"
)

func replayCommand() *cobra.Command {
	var o app.ReplayOptions
	var from, to, speed, output string
	c := &cobra.Command{
		Use:   "replay SESSION... | LOG... --config FILE",
		Short: "Run recorded flights through the watch, as it was or what if",
		Long: "Sessions of a station are replayed as they were: by their own plans and people's acts. With --config, sessions\n" +
			"and foreign flight logs (tlog) are judged by FILE, cold; nothing is written and no notice leaves.\n\n" +
			"Signed frames of foreign logs are verified with the vehicles' own key_file, or with --keys, whose FILE has one\n" +
			"line for each vehicle: - {system: 1, key_file: egret-1.key}",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Paths, o.Out, o.Err, o.Progress = args, os.Stdout, os.Stderr, progress()
			if o.JSON, err = jsonl(output, "jsonl"); err != nil {
				return err
			}
			if o.Speed, err = parseSpeed(speed); err != nil {
				return err
			}
			if o.From, err = parseTime("from", from); err != nil {
				return err
			}
			if o.To, err = parseTime("to", to); err != nil {
				return err
			}
			switch {
			case o.To != 0 && o.From >= o.To:
				return usageError{errors.New("--from is not before --to: nothing lies between them")}
			case o.Verify && (o.Config != "" || o.Against != ""):
				return usageError{errors.New("--verify compares a session with what its station wrote; it goes without --config and --against")}
			case o.Verify && (o.From != 0 || o.To != 0):
				return usageError{errors.New("--verify takes the whole session; it goes without --from and --to")}
			case o.Keys != "" && o.Config == "":
				return usageError{errors.New("--keys is for judging flight logs anew; it goes with --config")}
			case o.Against != "" && o.Config == "":
				return usageError{errors.New("--against compares with --config: give both")}
			}
			return app.Replay(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Config, "config", "", "judge everything by this configuration `FILE` (what if)")
	f.StringVar(&o.Against, "against", "", "print what this configuration `FILE` would change")
	f.StringVar(&o.Keys, "keys", "", "verify the signatures in foreign flight logs with the keys that `FILE` lists, not those of --config")
	f.BoolVar(&o.Verify, "verify", false, "compare with the transitions that the station wrote")
	f.StringVar(&from, "from", "", "leave out what is before `TIME` (RFC 3339)")
	f.StringVar(&to, "to", "", "leave out what is from `TIME` on (RFC 3339)")
	f.StringVar(&speed, "speed", "max", "`N` times as fast as it was, or max")
	f.StringVar(&output, "output", "text", "text or jsonl")
	return c
}

func jsonl(output, machine string) (bool, error) {
	if output != "text" && output != machine {
		return false, usageError{fmt.Errorf("--output %q: use text or %s", output, machine)}
	}
	return output == machine, nil
}

func parseSpeed(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0 && n <= 1e6) {
		return 0, usageError{fmt.Errorf("--speed %q: use a number above 0, or max", s)}
	}
	return n, nil
}

func parseTime(flag, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, usageError{fmt.Errorf("--%s %q: write it as 2026-11-23T07:50:00Z or 2026-11-23T15:50:00+08:00", flag, s)}
	}
	return t.UnixMicro(), nil
}
