package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts/ledger"
	"riverwatch/configs"
	"riverwatch/replay"
)

// SendOptions says what to put on the wire, and where; see replay.SendOptions.
type SendOptions = replay.SendOptions

// Send puts flight logs on the wire, true to time.
func Send(ctx context.Context, o SendOptions) (replay.SendStats, error) { return replay.Send(ctx, o) }

// Info tells what is in each log. A file that is no log does not keep the others from being told.
func Info(out io.Writer, paths []string, asJSON bool) error {
	var failed error
	for _, path := range paths {
		info, err := replay.Inspect(path)
		switch {
		case err != nil && failed != nil:
			failed = fmt.Errorf("%w\nriverwatch: %w", failed, err)
		case err != nil:
			failed = err
		case asJSON:
			if err := json.NewEncoder(out).Encode(info); err != nil {
				return err
			}
		default:
			if _, err := fmt.Fprint(out, info.Text()); err != nil {
				return err
			}
		}
	}
	return failed
}

// Broken counts the problems that are more than warnings.
func Broken(problems []configs.Problem) (n int) {
	for _, p := range problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

// Version is the version that the program was built as, with the commit where the toolchain knows it.
func Version(built string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) > 12 {
				return built + "-" + s.Value[:12]
			}
		}
	}
	return built
}

// Debug serves pprof on a loopback address until stop is called.
func Debug(address string, log *zap.Logger) (stop func(), err error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--debug-listen %q: write it as 127.0.0.1:6060", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--debug-listen %q: profiles tell all about the station, so they are served on loopback only, such as 127.0.0.1:6060", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends by Close
	}()
	log.Info("profiles", zap.String("address", "http://"+l.Addr().String()+"/debug/pprof/"))
	return func() { _ = server.Close(); <-done }, nil
}

// Backup copies a station's ledger and ended sessions into dir, also while the station runs.
func Backup(ctx context.Context, config, dir string, out io.Writer) error {
	c, problems := configs.Load(config)
	if configs.Broken(problems) {
		return &MistakesError{problems}
	}
	if inside(dir, c.Station.DataDir) {
		return fmt.Errorf("back up: %s is inside the data folder %s; name a folder elsewhere, best on another disk", dir, c.Station.DataDir)
	}
	if _, err := os.Lstat(filepath.Join(dir, ledger.FileName)); err == nil {
		return fmt.Errorf("back up: %s holds a copy already; name a new folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, err := os.Stat(filepath.Join(c.Station.DataDir, ledger.FileName)); err != nil {
		return fmt.Errorf("back up: %w; the station has not run yet, or --config is another station's", err)
	}
	if err := ledger.Copy(ctx, c.Station.DataDir, filepath.Join(dir, ledger.FileName)); err != nil {
		return err
	}
	entries, err := replay.List(filepath.Join(c.Station.DataDir, "sessions"))
	if err != nil {
		return err
	}
	copied := map[string]string{}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copySession(e.Dir, filepath.Join(dir, "sessions", e.Name), copied); err != nil {
			return fmt.Errorf("back up: %w", err)
		}
	}
	_, err = fmt.Fprintf(out, "backed up to %s: the ledger and %s\n", dir, some(len(entries), "session"))
	return err
}

// inside says whether a path lies in a folder, or is it.
func inside(path, dir string) bool {
	path, errPath := filepath.Abs(path)
	dir, errDir := filepath.Abs(dir)
	rest, err := filepath.Rel(dir, path)
	return errors.Join(errPath, errDir, err) == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// copySession copies a session, the open one as far as it has come: a log may end anywhere. What sessions share they share
// in the copy too: copied has where a tile of terrain went first, by its name, which tells what is in it.
func copySession(from, to string, copied map[string]string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".part" {
			continue // of an open session; a restored station writes it from the log
		}
		target := filepath.Join(to, f.Name())
		if first := copied[f.Name()]; first != "" && os.Link(first, target) == nil {
			continue
		}
		if err := copyFile(filepath.Join(from, f.Name()), target); err != nil {
			return err
		}
		if replay.IsTile(f.Name()) {
			copied[f.Name()] = target
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	if err := out.Sync(); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
