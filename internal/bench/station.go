package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"riverwatch/configs"
	"riverwatch/internal/sim"
)

// program builds the static binary, once, and gives its path. With strip it has no symbols.
func (b *bench) program(ctx context.Context, strip bool) (string, error) {
	path, flags := filepath.Join(b.dir, "riverwatch"), ""
	if strip {
		path, flags = path+"-stripped", "-s -w"
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", path, "riverwatch/cmd/riverwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build riverwatch: %w: %s", err, out)
	}
	return path, nil
}

// process is a station in a process of its own, so that what it costs can be told from what its clients and drones do.
type process struct {
	cmd    *exec.Cmd
	http   string // host:port
	udp    string
	ready  time.Duration // from the start of the process to the first 200 of /-/ready
	errors *bytes.Buffer
}

// processConfig is the station's configuration; the verbs are data folder, console and links.
const processConfig = `station: {name: bench, data_dir: %q}
http: {listen: %q}
links:
%svehicles:
  - {name: egret-1, system: 1}
  - {name: egret-2, system: 2}
  - {name: egret-3, system: 3}
zones:
  - {file: ciyao.geojson, crs: wgs84}
rules:
  - {name: crossing, near: [gate, bank], severity: high}
`

// startProcess starts a station on a data folder and waits until it is ready. It listens on the UDP addresses given, or
// else on one of its own.
func (b *bench) startProcess(ctx context.Context, dataDir string, udp ...string) (*process, error) {
	program, err := b.program(ctx, false)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "station-")
	if err != nil {
		return nil, err
	}
	zones, err := configs.Example.ReadFile("ciyao.geojson")
	if err != nil {
		return nil, err
	}
	p := &process{errors: &bytes.Buffer{}}
	if p.http, p.udp, err = freeAddresses(); err != nil {
		return nil, err
	}
	if len(udp) == 0 {
		udp = []string{p.udp}
	}
	links := ""
	for i, address := range udp {
		links += fmt.Sprintf("  - {name: field%d, udp: %q}\n", i+1, address)
	}
	config := filepath.Join(dir, "riverwatch.yaml")
	err = errors.Join(os.WriteFile(filepath.Join(dir, "ciyao.geojson"), zones, 0o600),
		os.WriteFile(config, fmt.Appendf(nil, processConfig, dataDir, p.http, links), 0o600))
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(program, "run", "--config", config)
	p.cmd.Stderr = p.errors
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for ; ; time.Sleep(500 * time.Microsecond) {
		if answer, err := http.Get("http://" + p.http + "/-/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				p.ready = time.Since(begun)
				return p, nil
			}
		}
		if err := ctx.Err(); err != nil || time.Since(begun) > time.Minute {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // its output can be read only then
			return nil, fmt.Errorf("the station is not ready after %v: %s", time.Since(begun), p.errors)
		}
	}
}

// freeAddresses gives addresses that nobody listens on now: of TCP and of UDP.
func freeAddresses() (tcp, udp string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", "", errors.Join(err, l.Close())
	}
	return l.Addr().String(), c.LocalAddr().String(), errors.Join(l.Close(), c.Close())
}

// stop lets the station end well; kill does not.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the station: %w: %s", err, p.errors)
	}
	return nil
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // says that it was killed
	return nil
}

// fly lets so many vehicles of 77 frames a second fly towards the station until stop is called, with so many frames in a
// datagram.
func (p *process) fly(vehicles, perDatagram int) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sendTraffic(ctx, p.udp, vehicles, perDatagram) }()
	return func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

func sendTraffic(ctx context.Context, to string, vehicles, perDatagram int) error {
	type sender struct {
		net.Conn
		datagram []byte
		frames   int
	}
	all := map[uint8]*sender{}
	defer func() {
		for _, c := range all {
			_ = c.Close() // nothing is buffered in it
		}
	}()
	begun := time.Now()
	for s := range (sim.Traffic{Vehicles: vehicles, Start: begun}).Steps() {
		if ahead := s.After - time.Since(begun); ahead > 0 {
			time.Sleep(ahead)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c := all[s.System]
		if c == nil {
			conn, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			c = &sender{Conn: conn}
			all[s.System] = c
		}
		if c.datagram, c.frames = append(c.datagram, s.Raw...), c.frames+1; c.frames < perDatagram {
			continue
		}
		if _, err := c.Write(c.datagram); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		c.datagram, c.frames = c.datagram[:0], 0
	}
	return nil
}

// floorProgram is a Go program that reads datagrams and does nothing with them.
const floorProgram = `package main

import (
	"net"
	"os"
)

func main() {
	c, err := net.ListenPacket("udp", os.Args[1])
	for buf := make([]byte, 2048); err == nil; {
		_, _, err = c.ReadFrom(buf)
	}
	panic(err)
}
`

// startFloor starts the program that only reads what the drones send.
func (b *bench) startFloor(ctx context.Context) (*process, error) {
	source, program := filepath.Join(b.dir, "floor.go"), filepath.Join(b.dir, "floor")
	if err := os.WriteFile(source, []byte(floorProgram), 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, source).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the floor: %w: %s", err, out)
	}
	p := &process{errors: &bytes.Buffer{}}
	var err error
	if _, p.udp, err = freeAddresses(); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(program, p.udp)
	p.cmd.Stderr = p.errors
	return p, p.cmd.Start()
}

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration
	resident int64 // bytes, now
}

// errNoProc: the system does not tell what a process uses.
var errNoProc = errors.New("there is no /proc here that tells what a process uses")

// use reads /proc, see proc(5).
func (p *process) use() (u usage, err error) {
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, fmt.Errorf("%w: %w", errNoProc, err)
	}
	// The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it, in hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u, errNoProc
	}
	for _, f := range fields[11:13] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	if u.resident, err = sumOf(filepath.Join(dir, "status"), "VmRSS:"); err != nil {
		return u, err
	}
	u.resident <<= 10
	return u, nil
}

// sumOf reads the number behind a word at the start of a line.
func sumOf(file, word string) (n int64, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s in %s", word, file)
}

// series are the values of a page of metrics, by name and labels as they stand there.
type series map[string]float64

func (p *process) series() (series, error) {
	answer, err := http.Get("http://" + p.http + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	text, err := io.ReadAll(answer.Body)
	all := series{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			all[line[:at]], _ = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64) // the station writes numbers
		}
	}
	return all, err
}

// sum adds up what stands under a name, where given of those that have these labels, as `reason="kernel"`.
func (s series) sum(name string, labels ...string) (sum float64) {
	for key, v := range s {
		word, rest, _ := strings.Cut(key, "{")
		if word == name && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(rest, l) }) {
			sum += v
		}
	}
	return sum
}

// metric reads a gauge or counter of the station, without labels.
func (p *process) metric(name string) (float64, error) {
	all, err := p.series()
	if err != nil {
		return 0, err
	}
	v, ok := all[name]
	if !ok {
		return 0, fmt.Errorf("the station has no metric %s", name)
	}
	return v, nil
}

// recording waits until the station has begun a session, which it does right after it is ready.
func (p *process) recording(ctx context.Context) error {
	for {
		on, err := p.metric("riverwatch_recording")
		if err != nil || on == 1 {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func mib(bytes float64) string { return fmt.Sprintf("%.1f MiB", bytes/(1<<20)) }
