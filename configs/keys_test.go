package configs

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"riverwatch/mavlink"
)

const hexKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// put writes files into a new folder and gives its path.
func put(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// signing is the smallest file, whose vehicle has a key.
var signing = strings.Replace(smallest, "{name: egret-1, system: 1}", "{name: egret-1, system: 1, key_file: egret-1.key}", 1)

func TestASigningKeyIsForNobodyElse(t *testing.T) {
	raw, err := hex.DecodeString(hexKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		mode    os.FileMode
		content string
		want    string // "" : accepted
	}{
		"digits":                      {0o600, hexKey + "\n", ""},
		"digits in capitals":          {0o400, " " + strings.ToUpper(hexKey) + "\r\n", ""},
		"bytes":                       {0o600, string(raw), ""},
		"readable by the group":       {0o640, hexKey, "can be read by others (mode 0640): chmod 600 "},
		"readable by everyone":        {0o604, hexKey, "can be read by others (mode 0604): chmod 600 "},
		"writable by the group":       {0o620, hexKey, "can be read by others (mode 0620): chmod 600 "},
		"all zero":                    {0o600, strings.Repeat("0", 64), "holds an all-zero key, which many programs take for none"},
		"all zero bytes":              {0o600, strings.Repeat("\x00", 32), "holds an all-zero key"},
		"empty":                       {0o600, "", "is no signing key: it has 0 bytes"},
		"half a key":                  {0o600, hexKey[:32], "holds 32 hex digits, a key has 64"},
		"a digit short":               {0o600, hexKey[1:], "is no signing key: it has 63 bytes"},
		"two keys":                    {0o600, hexKey + "\n" + hexKey, "is no signing key: it has 129 bytes"},
		"bytes and a line end":        {0o600, string(raw) + "\n", "is no signing key: it has 33 bytes"},
		"a passphrase":                {0o600, "correct horse battery staple", "is no signing key: it has 28 bytes"},
		"something else, much larger": {0o600, strings.Repeat(hexKey, 100), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := put(t, map[string]string{"egret-1.key": tt.content, "c.yaml": signing})
			if err := os.Chmod(filepath.Join(dir, "egret-1.key"), tt.mode); err != nil {
				t.Fatal(err)
			}
			c, problems := Load(filepath.Join(dir, "c.yaml"))
			v := c.Mavlink.Vehicles[0]
			if tt.want == "" {
				if len(problems) > 0 || v.Key == nil || !bytes.Equal(v.Key[:], raw) {
					t.Errorf("key %x, problems %v", v.Key, problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want) || v.Key != nil {
				t.Fatalf("problems %v, want one with %q", problems, tt.want)
			}
			if p := problems[0]; p.Line != 8 || p.Path != "vehicles[0].key_file" {
				t.Errorf("said at %d:%d of %s", p.Line, p.Column, p.Path)
			}
			if s := problems[0].String(); strings.Contains(s, hexKey[:16]) || strings.Contains(s, "horse") {
				t.Errorf("the key is shown: %s", s)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		dir := put(t, map[string]string{"c.yaml": signing})
		_, problems := Load(filepath.Join(dir, "c.yaml"))
		if want := "egret-1.key cannot be read: create it: (umask 077; openssl rand -hex 32 > "; len(problems) != 1 || !strings.Contains(problems[0].String(), want) {
			t.Errorf("problems %v, want one with %q", problems, want)
		}
	})
}

func TestAKeyOfTwoVehiclesIsTold(t *testing.T) {
	two := strings.Replace(smallest, "{name: egret-1, system: 1}", "{name: egret-1, system: 1, key_file: a.key}\n  - {name: egret-2, system: 2, key_file: b.key}\n  - {name: egret-3, system: 3, key_file: c.key}", 1)
	dir := put(t, map[string]string{"a.key": hexKey, "b.key": strings.ToUpper(hexKey), "c.key": "1" + hexKey[1:], "c.yaml": two})
	for _, name := range []string{"a.key", "b.key", "c.key"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, problems := Load(filepath.Join(dir, "c.yaml"))
	if len(problems) != 1 || !problems[0].Warning || problems[0].Path != "vehicles[1].key_file" || !strings.Contains(problems[0].What, `the key of "egret-1" as well`) {
		t.Errorf("%v", problems)
	}
}

func TestKeysOfALogGoToItsVehicles(t *testing.T) {
	station := strings.Replace(smallest, "  - {name: egret-1, system: 1}\n", `  - {name: egret-1, system: 1}
  - {name: egret-2, system: 2, key_file: own.key, signing: require}
  - {name: egret-3, system: 3, signing: "off"}
`, 1)
	otherKey := strings.Repeat("7f", 32)
	files := map[string]string{
		"c.yaml": station, "own.key": otherKey, "a.key": hexKey, "bad.key": "horse",
		"keys.yaml":     "- {system: 1, key_file: a.key}\n- {system: 2, key_file: a.key}\n- {system: 3, key_file: a.key, signing: require, signing_clock: lax}\n",
		"mistakes.yaml": "- {system: 9, key_file: a.key}\n- {system: 1, key_file: bad.key}\n- {system: 1, key_file: a.key}\n- {system: 3, key_file: a.key}\n- {system: 2, signing: always, signing_clock: none, key_file: a.key}\n- {key_file: a.key}\n- {system: 2}\n- {system: 300, key: a}\n- a.key\n",
		"group.yaml":    "system: 1\nkey_file: a.key\n",
		"empty.yaml":    "# none\n",
		"broken.yaml":   "- {system: 1\n",
	}
	for name, tt := range map[string]struct{ want, keys string }{
		"keys.yaml": {"", "prefer require require"},
		"mistakes.yaml": {`mistakes.yaml:1:12: [0].system: 9 is no vehicle of DIR/c.yaml: name it there, or remove its key here: nobody's word counts as an unknown vehicle's own
mistakes.yaml:2:25: [1].key_file: DIR/bad.key is no signing key: it has 5 bytes: put the 32 bytes of the vehicle's key into it, or their 64 hex digits
mistakes.yaml:3:12: [2].system: 1 has a key already: remove one of the two
mistakes.yaml:4:12: [3].system: vehicle "egret-3" has signing: off, so its key is of no use: say signing: prefer or require, here or there
mistakes.yaml:5:24: [4].signing: "always" is not known: use prefer or require
mistakes.yaml:5:47: [4].signing_clock: "none" is not known: use strict, or lax for a vehicle that has no clock
mistakes.yaml:6:3: [5].system: is missing or 0: give the system id that the vehicle has in the log
mistakes.yaml:7:12: [6].system: 2 has a key already: remove one of the two
mistakes.yaml:8:12: [7].system: 300 is not a whole number from 0 to 255: write one, without quotes and unit
mistakes.yaml:8:17: [7].key: unknown key: use system, key_file, signing, signing_clock
mistakes.yaml:9:3: [8]: is a text, not a group of keys: write its keys under it, each in a line of its own and indented, or as {key: value}
`, ""},
		"group.yaml":  {"group.yaml:1:1: is a group of keys, not a list: write one line for each vehicle: - {system: 1, key_file: egret-1.key}\n", ""},
		"empty.yaml":  {"empty.yaml:1:1: holds no key: write one line for each vehicle: - {system: 1, key_file: egret-1.key}\n", ""},
		"broken.yaml": {"broken.yaml:1:", ""},
		"none.yaml":   {"none.yaml: cannot be opened: no such file or directory: name a file of keys that can be read\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := put(t, files)
			c, problems := Load(filepath.Join(dir, "c.yaml"))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var got strings.Builder
			for _, p := range c.AddKeys(filepath.Join(dir, name)) {
				got.WriteString(p.String() + "\n")
			}
			said := strings.ReplaceAll(strings.ReplaceAll(got.String(), dir+"/"+name, name), dir, "DIR")
			if tt.want == "" && said != "" || !strings.HasPrefix(said, tt.want) || strings.HasSuffix(tt.want, "\n") && said != tt.want {
				t.Errorf("said\n%swant\n%s", said, tt.want)
			}
			if tt.keys == "" {
				return
			}
			var modes []string
			for _, v := range c.Mavlink.Vehicles {
				if v.Key == nil || hex.EncodeToString(v.Key[:]) != hexKey {
					t.Errorf("%s has key %x", v.Name, v.Key)
				}
				mode := v.Signing
				if mode == "" {
					mode = mavlink.SigningPrefer // what a key stands for
				}
				modes = append(modes, string(mode))
			}
			if strings.Join(modes, " ") != tt.keys {
				t.Errorf("signing %v, want %s", modes, tt.keys)
			}
		})
	}
}
