package main

import (
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"riverwatch/internal/app"
)

func demoCommand() *cobra.Command {
	o := app.DemoOptions{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a station on a temporary folder with three simulated drones, and a page to watch it on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Log, o.Version = os.Stdout, newLog(zapcore.WarnLevel), app.Version(version)
			return app.Demo(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8070", "where the page is served; another free port is taken if this one is in use")
	return c
}
