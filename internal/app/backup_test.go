package app

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupIsAStationOfItsOwn copies a running station, restores the copy elsewhere and finds everything there.
func TestBackupIsAStationOfItsOwn(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	var mark marked
	post(t, s.Addr(), "/api/v1/sightings", "k", atGate5, &mark)
	copied := filepath.Join(t.TempDir(), "copy")
	t.Chdir(filepath.Dir(file)) // with a relative data folder, as most have
	var out bytes.Buffer
	if err := Backup(t.Context(), filepath.Base(file), copied, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "the ledger and 1 session") {
		t.Errorf("said %q", out.String())
	}
	for dir, want := range map[string]string{copied: "holds a copy already", "data/backup": "inside the data folder"} {
		if err := Backup(t.Context(), filepath.Base(file), dir, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("backup to %s: %v", dir, err)
		}
	}
	s.stop()

	other := writeConfig(t)
	if err := os.Rename(copied, filepath.Join(filepath.Dir(other), "data")); err != nil {
		t.Fatal(err)
	}
	s = startStation(t, other)
	if body := get(t, s.Addr(), "/api/v1/alerts/"+mark.Alert); !strings.Contains(body, mark.ID) {
		t.Errorf("the alert in the restored copy: %s", body)
	}
	var again marked
	if post(t, s.Addr(), "/api/v1/sightings", "k", atGate5, &again); again != mark {
		t.Errorf("the same request again gives %+v, want %+v", again, mark)
	}
	s.stop()
	verify(t, other)
}
