package ledger

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"riverwatch/alerts"
)

func TestTheChainIsBoundByteForByteAsDocumented(t *testing.T) {
	// The bytes are spelled out here, not made with the package's own code.
	data := sha256.Sum256([]byte(`{"x":1}`))
	digest := sha256.Sum256([]byte("saltLi"))
	var b bytes.Buffer
	b.Write(make([]byte, 32))
	b.Write([]byte{0, 0, 0, 0, 0, 0, 0, 7})
	b.Write([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}) // at -2
	b.WriteString("\x00\x00\x00\x04mark\x00\x00\x00\x01a")
	b.Write(data[:])
	b.Write(digest[:])
	want := sha256.Sum256(b.Bytes())
	if got := link(make([]byte, 32), 7, -2, "mark", "a", []byte(`{"x":1}`), digestOf([]byte("salt"), "Li")); !bytes.Equal(got, want[:]) {
		t.Errorf("chain is %x, want %x", got, want)
	}
}

// filled is a closed ledger of one of each: ledger, person, request, sighting, transition, answer, notice.
func filled(t *testing.T) (dir string) {
	dir = t.TempDir()
	l := openIn(t, dir)
	by, err := l.Person("Li Xiaoming")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(Request{Key: "k", Kind: "mark", By: by, Note: "child in a red jacket", Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	tr := opened(1, "a", "post")
	commit(t, l, &Changes{Transitions: []alerts.Transition{tr}, Sightings: []alerts.Sighting{*tr.Sighting}, Answers: []Answer{{Number: 1, Alert: "a", Reply: []byte("{}")}}})
	if err := l.NoticeSent("yanwu/1/post", start); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerifyNamesTheFirstBrokenEvent(t *testing.T) {
	for name, c := range map[string]struct {
		tamper string
		n      int64 // 0: sound
	}{
		"untouched":                {`SELECT 1`, 0},
		"data changed":             {`UPDATE events SET data = replace(data, 'gate-3', 'gate-4') WHERE kind = 'transition'`, 5},
		"time changed":             {`UPDATE events SET at = at + 1 WHERE n = 4`, 4},
		"subject changed":          {`UPDATE events SET subject = 'b' WHERE n = 5`, 5},
		"kind changed":             {`UPDATE events SET kind = 'notice' WHERE n = 5`, 5},
		"name changed":             {`UPDATE events SET personal = 'Wang' WHERE n = 2`, 2},
		"name forged after all":    {`UPDATE events SET personal = 'Wang', salt = NULL WHERE n = 2`, 2},
		"words added to an event":  {`UPDATE events SET personal = 'x', salt = x'00' WHERE n = 5`, 5},
		"event removed":            {`DELETE FROM events WHERE n = 3`, 3},
		"digest changed":           {`UPDATE events SET digest = zeroblob(32) WHERE n = 6`, 6},
		"events swapped":           {`UPDATE events SET n = CASE n WHEN 4 THEN -5 ELSE -4 END WHERE n IN (4, 5); UPDATE events SET n = -n WHERE n < 0`, 4},
		"erased, as it is allowed": {`UPDATE events SET personal = NULL, salt = NULL WHERE n = 2`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			tamper(t, dir, c.tamper)
			err := openIn(t, dir).Verify(t.Context())
			var broken *BrokenError
			switch {
			case c.n == 0 && err != nil:
				t.Error(err)
			case c.n != 0 && (!errors.As(err, &broken) || broken.N != c.n):
				t.Errorf("found %v, want event %d", err, c.n)
			}
		})
	}
}

// tamper changes the file behind the ledger's back, without its triggers.
func tamper(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DROP TRIGGER events_append; DROP TRIGGER events_erase; DROP TRIGGER events_keep; ` + statement); err != nil {
		t.Fatal(err)
	}
}

func TestAHeadNotedElsewhereShowsACutTail(t *testing.T) {
	dir := filled(t)
	l := openIn(t, dir)
	n, head := l.Head()
	if got, err := l.ChainAt(n); err != nil || got != head {
		t.Fatalf("chain at the head is %s (%v), want %s", got, err, head)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tamper(t, dir, `DELETE FROM events WHERE n = (SELECT max(n) FROM events)`)
	if _, err := openIn(t, dir).ChainAt(n); !errors.Is(err, ErrNotFound) {
		t.Errorf("the cut event's chain: %v, want ErrNotFound", err)
	}
}

func TestCuttingTheTailOfAnOpenLedgerIsFound(t *testing.T) {
	dir := filled(t)
	l := openIn(t, dir)
	n, _ := l.Head()
	tamper(t, dir, `DELETE FROM events WHERE n = (SELECT max(n) FROM events)`)
	var broken *BrokenError
	if err := l.Verify(t.Context()); !errors.As(err, &broken) || broken.N != n {
		t.Errorf("found %v, want event %d missing", err, n)
	}
}

func TestEventsRefuseToBeChanged(t *testing.T) {
	l := openIn(t, filled(t))
	for _, statement := range []string{
		`UPDATE events SET data = '{}' WHERE n = 1`,
		`UPDATE events SET n = 99 WHERE n = 1`,
		`UPDATE events SET personal = 'Wang' WHERE n = 2`,
		`UPDATE events SET salt = x'00', personal = NULL WHERE n = 2`,
		`UPDATE events SET digest = x'00' WHERE n = 2`,
		`DELETE FROM events`,
		`INSERT OR REPLACE INTO events SELECT 3, at, kind, subject, '{}', personal, salt, digest, chain FROM events WHERE n = 3`,
		`INSERT INTO events SELECT 99, at, kind, subject, data, personal, salt, digest, chain FROM events WHERE n = 3`,
		`INSERT INTO events (at, kind, subject, data, digest, chain) VALUES (0, '', '', '', x'', x'')`,
	} {
		if _, err := l.conn.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestErasedWordsAreGoneAndTheChainHolds(t *testing.T) {
	dir := filled(t)
	l := openIn(t, dir)
	before, _ := l.Head()
	for _, n := range []int64{2, 3, 3} {
		if err := l.Erase(n); err != nil {
			t.Fatal(err)
		}
	}
	if after, _ := l.Head(); after != before+2 {
		t.Errorf("erasing two events left %d events of its own, want 2", after-before)
	}
	for _, n := range []int64{1, 99} {
		if err := l.Erase(n); !errors.Is(err, ErrNotFound) {
			t.Errorf("erasing event %d, which has no personal words: %v", n, err)
		}
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if name, err := l.PersonName(1); name != "" || err != nil {
		t.Errorf("person 1 is still %q (%v)", name, err)
	}
	if number, err := l.Person("Li Xiaoming"); number != 2 || err != nil {
		t.Errorf("the erased person's name is number %d (%v), want a new one: 2", number, err)
	}
	if a, err := l.Accept(Request{Key: "k", Kind: "mark", Body: []byte("{}")}); err != nil || string(a.Reply) != "{}" {
		t.Errorf("a request repeated after its words were erased: %+v %v", a, err)
	}
	if err := l.Erase(10); err != nil { // the new number's name
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"Xiaoming", "red jacket"} {
			if strings.Contains(string(b), words) {
				t.Errorf("%s still holds %q", filepath.Base(file), words)
			}
		}
	}
}

func FuzzTheChainOfTwoDifferentEventsDiffers(f *testing.F) {
	f.Add(int64(1), int64(0), "mark", "a", []byte("{}"), "mar", "ka", []byte("{}"))
	f.Add(int64(2), int64(-1), "", "", []byte(""), "", "\x00", []byte(""))
	f.Fuzz(func(t *testing.T, n, at int64, kind, subject string, data []byte, kind2, subject2 string, data2 []byte) {
		same := kind == kind2 && subject == subject2 && bytes.Equal(data, data2)
		a := hex.EncodeToString(link(make([]byte, 32), n, at, kind, subject, data, digestOf(nil, "")))
		b := hex.EncodeToString(link(make([]byte, 32), n, at, kind2, subject2, data2, digestOf(nil, "")))
		if (a == b) != same {
			t.Errorf("chains %s and %s of events that are the same: %t", a, b, same)
		}
	})
}
