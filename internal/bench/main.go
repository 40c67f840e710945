package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// section is one part of the table.
type section struct {
	name  string
	smoke bool // it has ratios that a smoke looks at
	run   func(context.Context, *bench) error
}

// sections in the order of the table.
var sections = []section{
	{name: "wire", smoke: true, run: benchWire},
	{name: "replay", smoke: true, run: benchReplay},
	{name: "fold", run: benchFold},
	{name: "intake", run: benchIntake},
	{name: "zones", smoke: true, run: benchZones},
	{name: "latency", smoke: true, run: benchLatency},
	{name: "growth", run: benchGrowth},
	{name: "pages", run: benchPages},
	{name: "small", run: benchSmall},
}

// options is what the command line says.
type options struct {
	smoke bool
	long  bool
	only  *regexp.Regexp
	out   string
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == loadCommand {
		os.Exit(sendLoad())
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err = run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.smoke, "smoke", false, "the ratios only, best of three; fail below half a target")
	f.BoolVar(&o.long, "long", false, "the long ones too: gigabytes and tens of minutes")
	f.StringVar(&o.out, "out", "", "write the table to `FILE` too")
	only := f.String("only", "", "the sections whose name matches this `REGEXP`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("bench takes no arguments, found %q", f.Args())
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}

// run measures and writes the table; it fails where a section does, or in a smoke where a ratio is too low.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	b := &bench{options: o, progress: progress}
	dir, err := os.MkdirTemp("", "riverwatch-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left of it is the system's to clean
	b.dir = dir
	begun := time.Now()
	var failed []error
	for _, s := range sections {
		if !o.only.MatchString(s.name) || o.smoke && !s.smoke {
			continue
		}
		b.section = s.name
		fmt.Fprintf(progress, "%5.0f s  %s\n", time.Since(begun).Seconds(), s.name)
		if err := s.run(ctx, b); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	table := b.table()
	fmt.Fprint(out, table)
	if o.out != "" {
		failed = append(failed, os.WriteFile(o.out, []byte(table), 0o644))
	}
	if o.smoke {
		failed = append(failed, b.tooSlow()...)
	}
	return errors.Join(failed...)
}
