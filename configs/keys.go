package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"riverwatch/mavlink"
)

// logKey is an entry of a file of keys: how the frames of one system in a flight log are verified. Its keys are those of
// a vehicle in the configuration.
type logKey struct {
	System       uint8           `yaml:"system"`
	KeyFile      string          `yaml:"key_file"`
	Signing      mavlink.Signing `yaml:"signing"`
	SigningClock string          `yaml:"signing_clock"`
}

// AddKeys reads the file of keys at path and gives each to the vehicle of its system, in place of what the configuration
// says of its signing. It is for judging flight logs that others recorded; a station has its keys in its configuration.
func (c *Config) AddKeys(path string) []Problem {
	data, err := readFile(path, maxFile)
	if err != nil {
		return []Problem{{File: path, What: err.Error(), Remedy: "name a file of keys that can be read"}}
	}
	f := &Config{file: path, places: map[string]place{}}
	root, err := syntax(data)
	if err != nil {
		var bad *syntaxError
		at := place{1, 1}
		if errors.As(err, &bad) {
			at = bad.at
		}
		return []Problem{{File: path, Line: at.line, Column: at.column, What: err.Error(), Remedy: "correct the YAML"}}
	}
	var problems []Problem
	d := decoder{env: os.LookupEnv, places: f.places, report: func(at place, path, what, remedy string) {
		if len(problems) < maxProblems {
			problems = append(problems, Problem{File: f.file, Line: at.line, Column: at.column, Path: path, What: what, Remedy: remedy})
		}
	}}
	var keys []logKey
	if root != nil {
		d.value("", place{1, 1}, root, reflect.ValueOf(&keys).Elem(), false)
	}
	const line = "write one line for each vehicle: - {system: 1, key_file: egret-1.key}"
	for i := range problems {
		if problems[i].Path == "" { // it is no list: the key itself, or one entry alone
			problems[i].Remedy = line
		}
	}
	report := func(path, what, remedy string) { problems = append(problems, f.problem(path, what, remedy)) }
	if len(problems) == 0 && len(keys) == 0 {
		report("", "holds no key", line)
	}
	for i, k := range keys {
		if len(problems) >= maxProblems {
			break
		}
		at := fmt.Sprintf("[%d]", i)
		if slices.ContainsFunc(problems, func(p Problem) bool { return within(p.Path, at) }) {
			continue // it could not be read
		}
		c.addKey(k, slices.ContainsFunc(keys[:i], func(other logKey) bool { return other.System == k.System }), filepath.Dir(path), under(at, report))
	}
	sortProblems(problems)
	return problems
}

// addKey gives a key to its vehicle. dir is where relative paths start.
func (c *Config) addKey(k logKey, again bool, dir string, report func(path, what, remedy string)) {
	i := slices.IndexFunc(c.Mavlink.Vehicles, func(v mavlink.VehicleConfig) bool { return v.System == k.System })
	switch {
	case k.System == 0:
		report("system", "is missing or 0", "give the system id that the vehicle has in the log")
		return
	case again:
		report("system", fmt.Sprintf("%d has a key already", k.System), "remove one of the two")
		return
	case i < 0:
		report("system", fmt.Sprintf("%d is no vehicle of %s", k.System, c.file), "name it there, or remove its key here: nobody's word counts as an unknown vehicle's own")
		return
	case k.KeyFile == "":
		report("key_file", "is missing", "name the file that holds the key")
		return
	}
	v := &c.Mavlink.Vehicles[i]
	switch k.Signing {
	case mavlink.SigningPrefer, mavlink.SigningRequire:
		v.Signing = k.Signing
	case "":
		if v.Signing == mavlink.SigningOff {
			report("system", fmt.Sprintf("vehicle %q has signing: off, so its key is of no use", v.Name), "say signing: prefer or require, here or there")
		}
	default:
		report("signing", fmt.Sprintf("%q is not known", k.Signing), "use prefer or require")
	}
	path := k.KeyFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	key, what, remedy := readKey(path)
	if what != "" {
		report("key_file", what, remedy)
	}
	v.KeyFile, v.Key = path, key
	switch k.SigningClock {
	case "":
	case "strict", "lax":
		v.SigningClock = k.SigningClock
	default:
		report("signing_clock", fmt.Sprintf("%q is not known", k.SigningClock), "use strict, or lax for a vehicle that has no clock")
	}
}
