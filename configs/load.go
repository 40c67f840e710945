package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The parser's memory grows with the square of the depth, so a small file could fill the machine.
const (
	maxFile   = 1 << 20 // bytes of a configuration
	maxDepth  = 32      // nested lists and groups
	maxIndent = 256     // spaces at the start of a line
)

// Load reads the configuration at path and the secrets that it names, with the environment of this process. The Config
// is nil only where there is nothing to go on; it may be used only if Broken(problems) is false, except that
// LoadZones may be called in any case, to report everything at once.
func Load(path string) (*Config, []Problem) {
	data, err := readFile(path, maxFile)
	if err != nil {
		return nil, []Problem{{File: path, What: err.Error(), Remedy: "name a configuration file that can be read"}}
	}
	c, problems := Parse(path, data, os.LookupEnv)
	if c == nil {
		return nil, problems
	}
	if c.HTTP.TokenFile != "" {
		token, what, remedy := readToken(c.HTTP.TokenFile)
		if what != "" {
			problems = append(problems, c.problem("http.token_file", what, remedy))
		}
		c.HTTP.Token = token
	}
	for i := range c.Mavlink.Vehicles {
		v := &c.Mavlink.Vehicles[i]
		if v.KeyFile == "" {
			continue
		}
		key, what, remedy := readKey(v.KeyFile)
		if what != "" {
			problems = append(problems, c.problem(fmt.Sprintf("vehicles[%d].key_file", i), what, remedy))
		}
		v.Key = key
		for _, other := range c.Mavlink.Vehicles[:i] {
			if key != nil && other.Key != nil && *other.Key == *key {
				p := c.problem(fmt.Sprintf("vehicles[%d].key_file", i), fmt.Sprintf("holds the key of %q as well: who can speak as the one can speak as the other", other.Name), "give each vehicle a key of its own")
				p.Warning = true
				problems = append(problems, p)
				break
			}
		}
	}
	return c, problems
}

// Parse reads a configuration from data without a look at any other file; file is its name in problems and where
// relative paths start. The Config is nil only where data is no YAML.
func Parse(file string, data []byte, env func(name string) (string, bool)) (*Config, []Problem) {
	c := &Config{file: file, places: map[string]place{}}
	var problems []Problem
	more := 0
	report := func(at place, path, what, remedy string) {
		if len(problems) >= maxProblems {
			more++
			return
		}
		problems = append(problems, Problem{File: file, Line: at.line, Column: at.column, Path: path, What: what, Remedy: remedy})
	}
	root, err := syntax(data)
	if err != nil {
		var bad *syntaxError
		at := place{1, 1}
		if errors.As(err, &bad) {
			at = bad.at
		}
		report(at, "", err.Error(), "correct the YAML; what stands behind it is not checked yet")
		return nil, problems
	}
	setDefaults(reflect.ValueOf(c).Elem())
	d := decoder{env: env, report: report, places: c.places}
	if root != nil {
		d.value("", place{1, 1}, root, reflect.ValueOf(c).Elem(), false)
	}
	refused := len(problems)
	c.resolve(filepath.Dir(file))
	c.check(func(path, what, remedy string) {
		// What could not be decoded has been said; that it is therefore missing would be noise.
		for _, p := range problems[:refused] {
			if p.Path == "" || within(path, p.Path) || within(p.Path, path) {
				return
			}
		}
		if len(problems) >= maxProblems {
			more++
			return
		}
		problems = append(problems, c.problem(path, what, remedy))
	})
	if !Broken(problems) {
		c.warn(func(path, what, remedy string) {
			p := c.problem(path, what, remedy)
			p.Warning = true
			problems = append(problems, p)
		})
	}
	sortProblems(problems)
	if more > 0 {
		problems = append(problems, Problem{File: file, What: fmt.Sprintf("and %d more mistakes", more), Remedy: "mend the first ones and check again"})
	}
	return c, problems
}

// within says whether path is outer or something in it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// problem is a mistake at a path of the configuration, placed at the nearest thing that is in the file.
func (c *Config) problem(path, what, remedy string) Problem {
	p := Problem{File: c.file, Line: 1, Column: 1, Path: path, What: what, Remedy: remedy}
	for at := path; at != ""; {
		if found, ok := c.places[at]; ok {
			p.Line, p.Column = found.line, found.column
			break
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	return p
}

// resolve makes the paths start at dir, the configuration's folder.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.Station.DataDir, &c.HTTP.TokenFile, &c.Terrain.Dir}
	for i := range c.Mavlink.Vehicles {
		paths = append(paths, &c.Mavlink.Vehicles[i].KeyFile)
	}
	for i := range c.Zones {
		paths = append(paths, &c.Zones[i].File)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

type syntaxError struct {
	at   place
	what string
}

func (e *syntaxError) Error() string { return e.what }

// syntax parses data into the one document that it may hold, nil where it is empty.
func syntax(data []byte) (root ast.Node, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if err := plain(data); err != nil {
		return nil, err
	}
	// The parser is another's and has met few broken files; a panic in it is one more way to say "not YAML".
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("not YAML: %v", r)
		}
	}()
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		bad := &syntaxError{place{1, 1}, err.Error()}
		var detailed yaml.Error
		if errors.As(err, &detailed) {
			bad.what = detailed.GetMessage()
			if t := detailed.GetToken(); t != nil && t.Position != nil {
				bad.at = place{t.Position.Line, t.Position.Column}
			}
		}
		return nil, bad
	}
	for _, doc := range f.Docs {
		switch {
		case doc.Body == nil:
		case root != nil:
			return nil, &syntaxError{start(doc.Body), "a second document"}
		default:
			root = doc.Body
		}
	}
	if _, comment := root.(*ast.CommentGroupNode); comment {
		root = nil
	}
	return root, nil
}

// plain refuses what the parser should not even see: other encodings, and nesting beyond any configuration.
func plain(data []byte) error {
	depth, line := 0, 0
	for l := range bytes.Lines(data) {
		line++
		if !utf8.Valid(l) {
			return &syntaxError{place{line, 1}, "not UTF-8"}
		}
		body := bytes.TrimLeft(l, " ")
		deep := len(l)-len(body) > maxIndent
		for rest := body; len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && rest[1] == ' '; rest = bytes.TrimLeft(rest[2:], " ") {
			deep = deep || len(body)-len(rest) > maxDepth*2
		}
		if len(body) > 0 && body[0] == '#' {
			continue
		}
		for _, b := range body {
			switch b {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			deep = deep || depth > maxDepth
		}
		if deep {
			return &syntaxError{place{line, 1}, "nested too deeply"}
		}
	}
	return nil
}

// readFile reads a regular file of up to limit bytes. Anything else may have no end, or keep its reader waiting.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	tooLarge := fmt.Errorf("is larger than %d KiB", limit>>10)
	if limit >= 1<<20 {
		tooLarge = fmt.Errorf("is larger than %d MiB", limit>>20)
	}
	if info.Size() > limit {
		return nil, tooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w", withoutPath(err))
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	if int64(len(data)) > limit { // it has grown meanwhile
		return nil, tooLarge
	}
	return data, nil
}

// withoutPath leaves out the path, which the problem names already.
func withoutPath(err error) error {
	if named := new(fs.PathError); errors.As(err, &named) {
		return named.Err
	}
	return err
}
