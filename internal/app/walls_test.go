package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The walls of the house: who may import whom, and what the pure packages must not know. A new package or a new
// direction is a change of docs/ARCHITECTURE.md first and of these tables second.

// house is a module as the walls see it; paths of its own packages are relative to the module.
type house struct {
	folders []string // top-level, hidden ones left out
	rooms   []room
}

// room is one package without its tests.
type room struct {
	path  string
	files map[string][]string // base name to direct imports
	deps  []string            // all that is reached
	names []name              // uses of "time" and client_golang
}

// name is a use of another package's name, such as time.Now.
type name struct{ file, pkg, what string }

const metricsPackage = "github.com/prometheus/client_golang"

var (
	topFolders = []string{"cmd", "mavlink", "geofence", "alerts", "replay", "configs", "internal", "docs"}

	// mayImport says which packages of the module each may import directly. What is not here has no place.
	mayImport = map[string][]string{
		"mavlink":          {},
		"geofence":         {},
		"alerts":           {},
		"mavlink/link":     {"mavlink"},
		"alerts/ledger":    {"alerts"},
		"alerts/notify":    {"alerts", "alerts/ledger"},
		"replay":           {"mavlink"},
		"configs":          {"mavlink", "mavlink/link", "geofence", "alerts", "alerts/notify", "replay"},
		"internal/watch":   {"mavlink", "geofence", "alerts"},
		"internal/console": {"mavlink", "mavlink/link", "geofence", "alerts", "alerts/ledger"},
		"internal/sim":     {"mavlink", "geofence"},
		"internal/app": {"mavlink", "mavlink/link", "geofence", "alerts", "alerts/ledger", "alerts/notify", "replay", "configs",
			"internal/watch", "internal/console", "internal/sim"},
		"internal/bench": {"mavlink", "mavlink/link", "geofence", "alerts", "alerts/ledger", "alerts/notify", "replay", "configs",
			"internal/watch", "internal/console", "internal/sim", "internal/app"}, // measures each by itself; nobody imports it
		"cmd/riverwatch": {"internal/app", "configs"},
	}

	pure = []string{"mavlink", "geofence", "alerts", "internal/watch"}

	// impure are the packages, with those below them, that a pure one must not import ...
	impure = []string{"net", "os", "database/sql", "log", "math/rand", "syscall", "go.uber.org/zap", metricsPackage}
	// ... and those that it must not even reach: os and math/rand are behind fmt and rtree and decide nothing there.
	unreachable = []string{"net", "database/sql", "go.uber.org/zap", metricsPackage}
	// harmless are exceptions to both: values, not sockets.
	harmless = []string{"net/netip", "net/url"}

	// clock are the names of package time that read it or wait.
	clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Tick", "Sleep"}

	// onlyIn says where a dependency may be imported.
	onlyIn = map[string][]string{
		"github.com/bluenviron/gomavlib": {"mavlink", "mavlink/link", "internal/sim", "internal/bench"},
		"github.com/paulmach/orb":        {"geofence", "internal/bench"},
		"github.com/spf13/cobra":         {"cmd/riverwatch"},
		"github.com/goccy/go-yaml":       {"configs"},
		"modernc.org/sqlite":             {"alerts/ledger", "internal/bench"},
		"go.bug.st/serial":               {"mavlink/link"},
	}

	// passed are the names of client_golang that may stand outside a metrics.go: those for handing a registry on.
	passed = []string{"Registerer", "Registry", "NewRegistry"}
)

// broken lists every wall that is.
func (h house) broken() []string {
	var all []string
	complain := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, f := range h.folders {
		if !slices.Contains(topFolders, f) {
			complain("folder %s: not one of %s", f, strings.Join(topFolders, ", "))
		}
	}
	for _, r := range h.rooms {
		may, known := mayImport[r.path]
		if !known {
			complain("%s: no such package in the plan of the house", r.path)
		}
		isPure := slices.Contains(pure, r.path)
		for file, imports := range r.files {
			for _, p := range imports {
				own, inside := strings.CutPrefix(p, "riverwatch/")
				if inside && known && !slices.Contains(may, own) {
					complain("%s/%s imports %s", r.path, file, p)
				}
				if isPure && below(p, impure) {
					complain("%s/%s imports %s and is pure", r.path, file, p)
				}
				for dependency, rooms := range onlyIn {
					if below(p, []string{dependency}) && !slices.Contains(rooms, r.path) {
						complain("%s/%s imports %s, which is for %s", r.path, file, p, strings.Join(rooms, ", "))
					}
				}
			}
		}
		for _, n := range r.names {
			switch {
			case n.pkg == "time" && isPure && (n.what == "." || slices.Contains(clock, n.what)):
				complain("%s/%s names time.%s and is pure", r.path, n.file, n.what)
			case below(n.pkg, []string{metricsPackage}) && n.file != "metrics.go" && !slices.Contains(passed, n.what):
				complain("%s/%s names %s of client_golang, which is for metrics.go", r.path, n.file, n.what)
			}
		}
		for _, p := range r.deps {
			if isPure && below(p, unreachable) {
				complain("%s reaches %s and is pure", r.path, p)
			}
		}
	}
	slices.Sort(all)
	return all
}

// below says whether a package is one of roots or beneath one, and not harmless.
func below(path string, roots []string) bool {
	if slices.Contains(harmless, path) {
		return false
	}
	return slices.ContainsFunc(roots, func(root string) bool { return path == root || strings.HasPrefix(path, root+"/") })
}

func TestTheWallsStand(t *testing.T) {
	h := survey(t, filepath.Join("..", ".."))
	for _, complaint := range h.broken() {
		t.Error(complaint)
	}
	if len(h.rooms) < 4 {
		t.Errorf("only %d packages were looked at", len(h.rooms))
	}
}

func TestABrokenWallIsSeen(t *testing.T) {
	in := func(path string, files map[string][]string) house {
		return house{rooms: []room{{path: path, files: files}}}
	}
	for title, tt := range map[string]struct {
		h    house
		want string // "" : nothing is broken
	}{
		"a drawer for everything":        {house{folders: []string{"cmd", "utils"}}, "folder utils: not one of"},
		"the six folders and two more":   {house{folders: topFolders}, ""},
		"a package without a plan":       {in("mavlink/helpers", nil), "mavlink/helpers: no such package"},
		"geometry knows the protocol":    {in("geofence", map[string][]string{"a.go": {"riverwatch/mavlink"}}), "geofence/a.go imports riverwatch/mavlink"},
		"the Book knows its ledger":      {in("alerts", map[string][]string{"a.go": {"riverwatch/alerts/ledger"}}), "alerts/a.go imports riverwatch/alerts/ledger"},
		"the fold knows the wiring":      {in("internal/watch", map[string][]string{"a.go": {"riverwatch/internal/app"}}), "imports riverwatch/internal/app"},
		"a command goes round the app":   {in("cmd/riverwatch", map[string][]string{"a.go": {"riverwatch/replay"}}), "imports riverwatch/replay"},
		"the fold has its three":         {in("internal/watch", map[string][]string{"a.go": {"riverwatch/mavlink", "riverwatch/geofence", "riverwatch/alerts", "slices"}}), ""},
		"a pure package opens a socket":  {in("mavlink", map[string][]string{"a.go": {"net"}}), "imports net and is pure"},
		"a pure package does HTTP":       {in("mavlink", map[string][]string{"a.go": {"net/http"}}), "imports net/http and is pure"},
		"a pure package reads files":     {in("geofence", map[string][]string{"a.go": {"os"}}), "imports os and is pure"},
		"a pure package throws dice":     {in("alerts", map[string][]string{"a.go": {"math/rand/v2"}}), "imports math/rand/v2 and is pure"},
		"a pure package logs":            {in("internal/watch", map[string][]string{"a.go": {"log/slog"}}), "imports log/slog and is pure"},
		"a pure package logs with zap":   {in("internal/watch", map[string][]string{"a.go": {"go.uber.org/zap"}}), "imports go.uber.org/zap and is pure"},
		"a pure package counts":          {in("mavlink", map[string][]string{"metrics.go": {"github.com/prometheus/client_golang/prometheus"}}), "client_golang/prometheus and is pure"},
		"a pure package keeps tables":    {in("alerts", map[string][]string{"a.go": {"database/sql"}}), "imports database/sql and is pure"},
		"addresses are only values":      {in("mavlink", map[string][]string{"a.go": {"net/netip", "netip"}}), ""},
		"the listener has its socket":    {in("mavlink/link", map[string][]string{"a.go": {"net", "os", "riverwatch/mavlink"}}), ""},
		"a detour to the network":        {house{rooms: []room{{path: "geofence", deps: []string{"fmt", "os", "net"}}}}, "geofence reaches net and is pure"},
		"a detour to SQL":                {house{rooms: []room{{path: "alerts", deps: []string{"database/sql/driver"}}}}, "alerts reaches database/sql/driver"},
		"fmt reaches os":                 {house{rooms: []room{{path: "alerts", deps: []string{"fmt", "os", "net/url"}}}}, ""},
		"a pure package reads the clock": {house{rooms: []room{{path: "alerts", names: []name{{"a.go", "time", "Now"}}}}}, "alerts/a.go names time.Now and is pure"},
		"a pure package waits":           {house{rooms: []room{{path: "mavlink", names: []name{{"a.go", "time", "NewTicker"}}}}}, "names time.NewTicker"},
		"a pure package hides the clock": {house{rooms: []room{{path: "mavlink", names: []name{{"a.go", "time", "."}}}}}, "names time.. and is pure"},
		"durations are only values":      {house{rooms: []room{{path: "mavlink", names: []name{{"a.go", "time", "Duration"}}}}}, ""},
		"the wiring reads the clock":     {house{rooms: []room{{path: "internal/app", names: []name{{"a.go", "time", "Now"}}}}}, ""},
		"the protocol leaks":             {in("replay", map[string][]string{"a.go": {"github.com/bluenviron/gomavlib/v3/pkg/tlog"}}), "which is for mavlink, mavlink/link, internal/sim, internal/bench"},
		"the geometry leaks":             {in("internal/console", map[string][]string{"a.go": {"github.com/paulmach/orb/geojson"}}), "which is for geofence"},
		"a flag outside of a command":    {in("internal/app", map[string][]string{"a.go": {"github.com/spf13/cobra"}}), "which is for cmd/riverwatch"},
		"a counter among the work":       {house{rooms: []room{{path: "replay", names: []name{{"a.go", metricsPackage + "/prometheus", "NewCounter"}}}}}, "which is for metrics.go"},
		"a counter in its file":          {house{rooms: []room{{path: "replay", names: []name{{"metrics.go", metricsPackage + "/prometheus", "NewCounter"}}}}}, ""},
		"a registry handed on":           {house{rooms: []room{{path: "replay", names: []name{{"a.go", metricsPackage + "/prometheus", "Registerer"}}}}}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			got := strings.Join(tt.h.broken(), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNamesAreFoundUnderAnyDisguise(t *testing.T) {
	for source, want := range map[string]string{
		`import "time"; var x = time.Now()`:                                                   "time.Now",
		`import "time"; var now = time.Now`:                                                   "time.Now",
		`import clock "time"; var x = clock.Since`:                                            "time.Since",
		`import . "time"; var x = Now()`:                                                      "time..",
		`import "time"; func f(time struct{ Now int }) int { return time.Now }`:               "",
		`import "time"; type T struct{ time struct{ Now int } }; var t T; var _ = t.time.Now`: "",
		`var x = 1`: "",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "a.go", "package a; "+source, 0)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		var got []string
		for _, n := range namesOf("a.go", file) {
			got = append(got, n.pkg+"."+n.what)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: found %v, want %q", source, got, want)
		}
	}
}

// survey reads the module at root: its packages by go list, their files by their syntax.
func survey(t *testing.T, root string) house {
	t.Helper()
	var h house
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			h.folders = append(h.folders, e.Name())
		}
	}
	// -e: a package that does not compile is another test's complaint.
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Deps", "./...")
	list.Dir = root
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir string
			GoFiles, Deps   []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return h
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) == 0 {
			continue
		}
		r := room{path: strings.TrimPrefix(p.ImportPath, "riverwatch/"), files: map[string][]string{}, deps: p.Deps}
		for _, base := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, base), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range file.Imports {
				r.files[base] = append(r.files[base], importPath(s))
			}
			r.names = append(r.names, namesOf(base, file)...)
		}
		h.rooms = append(h.rooms, r)
	}
}

// namesOf lists the uses of names of "time" and client_golang in a file; a dot import is the name ".".
func namesOf(base string, file *ast.File) []name {
	local := map[string]string{} // what the file calls it, to its path
	var found []name
	for _, s := range file.Imports {
		p := importPath(s)
		if p != "time" && !below(p, []string{metricsPackage}) {
			continue
		}
		switch {
		case s.Name == nil:
			local[p[strings.LastIndexByte(p, '/')+1:]] = p
		case s.Name.Name == ".":
			found = append(found, name{base, p, "."})
		default:
			local[s.Name.Name] = p
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// A package's name resolves to nothing in the file; a variable of the same name does.
		if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil && local[id.Name] != "" {
			found = append(found, name{base, local[id.Name], sel.Sel.Name})
		}
		return true
	})
	return found
}

func importPath(s *ast.ImportSpec) string {
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return s.Path.Value
	}
	return p
}
