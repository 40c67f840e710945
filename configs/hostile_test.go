package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
)

// A pipe that nobody writes to would hold up a start, and a reload for ever.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	with := func(name, from, to string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Replace(smallest, from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, file := range map[string]string{
		"the configuration": pipe,
		"a signing key":     with("key.yaml", "system: 1}", "system: 1, key_file: pipe}"),
		"the token":         with("token.yaml", `http:    {`, `http:    {token_file: pipe, `),
		"the zones":         with("zones.yaml", "ciyao.geojson", "pipe"),
		"a device of zones": with("device.yaml", "ciyao.geojson", os.DevNull),
		"a folder of zones": with("folder.yaml", "ciyao.geojson", "."),
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan []Problem, 1)
			go func() {
				c, problems := Load(file)
				if c != nil {
					_, more := c.LoadZones()
					problems = append(problems, more...)
				}
				told <- problems
			}()
			select {
			case problems := <-told:
				if !strings.Contains(fmt.Sprint(problems), "not a regular file") {
					t.Errorf("problems %v", problems)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("still reading")
			}
		})
	}
}

// Whoever checks a file that is not theirs gets a message that fits on a screen and does nothing to the terminal.
func TestProblemsAreBoundedAndPlain(t *testing.T) {
	var many strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&many, "k%d: 1\n", i)
	}
	for name, data := range map[string]string{
		"a key of half a megabyte":         strings.Repeat("x", 500_000) + ": 1\n",
		"5,000 unknown keys":               many.String(),
		"a key that clears the screen":     "\"a\\e[2J\\nb\u202e\": 1\n",
		"a value that clears the screen":   strings.Replace(smallest, "udp: \"0.0.0.0:14550\"", `udp: "\e[2J\n1"`, 1),
		"a duration of half a megabyte":    smallest + "fleet: {stale: " + strings.Repeat("9", 500_000) + "s}\n",
		"a name of half a megabyte":        strings.Replace(smallest, "name: yanwu", "name: "+strings.Repeat("y", 500_000), 1),
		"a tag of half a megabyte":         smallest + "own: !" + strings.Repeat("t", 500_000) + " 1\n",
		"a webhook of half a megabyte":     strings.Replace(smallest, "http://127.0.0.1:9000/notice", strings.Repeat("h", 500_000), 1),
		"a variable of half a megabyte":    strings.Replace(smallest, "http://127.0.0.1:9000/notice", "${"+strings.Repeat("V", 500_000)+"}", 1),
		"a network address without an end": strings.Replace(smallest, "0.0.0.0:14550", strings.Repeat("1", 500_000), 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse("c.yaml", []byte(data), testEnv)
			if !Broken(problems) {
				t.Fatal("no problem")
			}
			if len(problems) > 1001 {
				t.Errorf("%d problems", len(problems))
			}
			for _, p := range problems {
				if s := p.String(); len(s) > 1000 || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) {
					t.Fatalf("%d bytes: %.200q", len(s), s)
				}
			}
		})
	}
}
