// Command riverwatch watches river crossings with patrol drones: it reads their telemetry, and raises an alert when
// somebody is sighted near a gate or a bank. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"riverwatch/internal/app"
)

// version is set at build time by -ldflags "-X main.version=...".
var version = "dev"

func main() { os.Exit(run()) }

// The exit codes that scripts rely on.
const (
	exitFine  = 0
	exitFail  = 1 // it did not work; why and what to do is on stderr
	exitUsage = 2 // the command was called wrongly
)

// usageError is a mistake in how the command was called.
type usageError struct{ error }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:   "riverwatch",
		Short: "Watch river crossings with patrol drones",
		Long: "riverwatch reads the MAVLink telemetry of patrol drones, tests positions against river banks and gates,\n" +
			"and raises an alert when somebody is sighted near a crossing.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(demoCommand(), runCommand(), replayCommand(), infoCommand(), sendCommand(), checkCommand(), backupCommand(), versionCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	c, err := root.ExecuteContextC(ctx)
	var mistakes *app.MistakesError
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "riverwatch: interrupted")
		return exitFail
	case errors.As(err, &mistakes):
		fmt.Fprintln(os.Stderr, mistakes)
		return exitFail
	case errors.As(err, &usage) || isUsage(err):
		fmt.Fprintf(os.Stderr, "riverwatch: %v\nsee: %s --help\n", err, c.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(os.Stderr, "riverwatch: %v\n", err)
		return exitFail
	}
}

// isUsage recognises the errors that cobra makes of wrong calls, which have no type.
func isUsage(err error) bool {
	for _, words := range []string{"unknown command", "required flag(s)", "arg(s), ", "none of the others can be", "if any flags in the group", "at least one of the flags"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// progress shows how far long work has come, on a terminal only.
func progress() func(done, total int64) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	shown := int64(-1)
	return func(done, total int64) {
		if total <= 0 {
			return
		}
		if percent := done * 100 / total; percent != shown {
			shown = percent
			end := ""
			if done == total {
				end = "\r    \r"
			}
			fmt.Fprintf(os.Stderr, "\r%3d %%%s", percent, end)
		}
	}
}
