package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSweepTakesTheOldestFirstAndNeverTheNewestOrAKeptOne(t *testing.T) {
	const hour = 3600 * secondUS
	now := time.UnixMicro(t0).Add(10 * time.Hour)
	one := int64(0) // bytes of a session, all are equal
	for _, c := range []struct {
		name   string
		policy func() Policy
		want   string // hours of those that are left
	}{
		{"no limits", func() Policy { return Policy{Now: now} }, "0 1 2 3 4"},
		{"by age", func() Policy { return Policy{Now: now, Keep: 8 * time.Hour} }, "2 3 4"},
		{"by age, all", func() Policy { return Policy{Now: now, Keep: time.Hour} }, "4"},
		{"by size", func() Policy { return Policy{Now: now, MaxBytes: 3 * one} }, "2 3 4"},
		{"by size, all", func() Policy { return Policy{Now: now, MaxBytes: 1} }, "4"},
		{"kept", func() Policy {
			return Policy{Now: now, MaxBytes: 3 * one, Kept: func(e Entry) bool { return e.Started.Hour() == 7 }}
		}, "0 3 4"},
		{"all kept", func() Policy { return Policy{Now: now, Keep: 1, MaxBytes: 1, Kept: func(Entry) bool { return true }} }, "0 1 2 3 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for i := range int64(5) {
				dir := filepath.Join(root, sessionName(t0+i*hour))
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				writeLog(t, filepath.Join(dir, logName), heartbeats(1, 30, t0+i*hour, 1)...)
				writeBytes(t, filepath.Join(dir, manifestName), []byte("{}"))
			}
			if err := os.Mkdir(filepath.Join(root, gonePrefix+"20261123T010000.000000Z"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "notes.txt"), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			before, err := List(root)
			if err != nil || len(before) != 5 {
				t.Fatalf("%d sessions, %v", len(before), err)
			}
			each, err := sizes(before)
			if err != nil {
				t.Fatal(err)
			}
			one = each[0]
			removed, err := Sweep(root, c.policy())
			if err != nil {
				t.Fatal(err)
			}
			after, err := List(root)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, e := range after {
				left = append(left, string('0'+byte(e.Started.Sub(time.UnixMicro(t0))/time.Hour)))
			}
			if got := strings.Join(left, " "); got != c.want || len(removed)+len(after) != 5 {
				t.Errorf("left %s, want %s; removed %v", got, c.want, removed)
			}
			files, err := os.ReadDir(root)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != len(after)+1 {
				t.Errorf("the folder has %v", files)
			}
			if newest := after[len(after)-1]; newest.Name != "20261123T115000.000000Z" {
				t.Errorf("newest %+v", newest)
			}
		})
	}
}

func TestAShelfThatIsNotThereHasNoSessions(t *testing.T) {
	root := filepath.Join(t.TempDir(), "absent")
	if all, err := List(root); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	if removed, err := Sweep(root, Policy{}); err != nil || len(removed) != 0 {
		t.Errorf("%v %v", removed, err)
	}
	if _, err := FreeBytes(root); err == nil || !strings.Contains(err.Error(), root) {
		t.Errorf("free space of nothing: %v", err)
	}
}

func TestFreeBytesTellsOfADiskThatHasRoom(t *testing.T) {
	dir := t.TempDir()
	before, err := FreeBytes(dir)
	if err != nil || before == 0 || before > 1<<60 {
		t.Errorf("%d bytes, %v", before, err)
	}
}
