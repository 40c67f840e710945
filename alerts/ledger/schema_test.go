package ledger

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"riverwatch/alerts"
)

func TestAnOlderLedgerIsCopiedAndMigrated(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir)
	commit(t, l, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	newer := append(append([]string{}, schema...), `CREATE TABLE accounts (id INTEGER PRIMARY KEY)`)
	l, err := open(Options{Dir: dir, Station: "yanwu"}, newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.conn.ExecContext(t.Context(), `INSERT INTO accounts VALUES (1)`); err != nil {
		t.Error(err)
	}
	if l.LastSeq() != 1 || l.Verify(t.Context()) != nil {
		t.Error("the events were not taken over")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// This version now finds a newer schema, says so, and can go on with the copy.
	_, err = Open(Options{Dir: dir, Station: "yanwu"})
	copied := filepath.Join(dir, FileName+".schema-1")
	if err == nil || !strings.Contains(err.Error(), "schema 2") || !strings.Contains(err.Error(), "up to 1") || !strings.Contains(err.Error(), copied) {
		t.Fatalf("a newer schema: %v", err)
	}
	if err := os.Rename(copied, filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	if got := openIn(t, dir).LastSeq(); got != 1 {
		t.Errorf("the copy holds transitions up to %d, want 1", got)
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := openIn(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	newer := append(append([]string{}, schema...), `CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER)`)
	if _, err := open(Options{Dir: dir}, newer); err == nil || !strings.Contains(err.Error(), "from 1 to 2") {
		t.Fatalf("migrated: %v", err)
	}
	l := openIn(t, dir) // still of schema 1
	var tables int
	if err := l.readers.QueryRow(`SELECT count(*) FROM sqlite_master WHERE name = 'half'`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("half a migration is left (%v)", err)
	}
}

func TestAFileOfSomethingElseIsRefused(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, path string){
		"another database": func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(`CREATE TABLE meta (a)`); err != nil {
				t.Fatal(err)
			}
		},
		"no database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("this is not a database\n", 500)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			write(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if l, err := Open(Options{Dir: filepath.Dir(path)}); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("opened: %v %v", l, err)
			}
			if _, err := os.Stat(path); err != nil || len(before) == 0 {
				t.Errorf("the file is gone: %v", err)
			}
		})
	}
}

func TestTheLedgersFileIsForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v (%v)", filepath.Base(file), info.Mode(), err)
		}
	}
}
