package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"riverwatch/alerts"
)

// childDir names the directory of the ledger that this process, as a child of the test, is to write until it is killed.
const childDir = "RIVERWATCH_LEDGER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled accepts requests and commits transitions, and says each time what the ledger has taken.
func writeUntilKilled(dir string) {
	l, err := Open(Options{Dir: dir, Station: "yanwu"})
	for i := l.LastSeq() + 1; err == nil; i++ {
		var a Accepted
		if a, err = l.Accept(Request{Key: fmt.Sprint("k", i), Kind: "mark", Note: "seen"}); err == nil {
			fmt.Println("accepted", a.Number)
			_, err = l.Commit(&Changes{
				Transitions: []alerts.Transition{opened(i, fmt.Sprint("a", i), "post")},
				Answers:     []Answer{{Number: a.Number, Reply: []byte("{}")}},
			})
			fmt.Println("committed", i)
		}
	}
	fmt.Println("failed", err)
	os.Exit(1)
}

func TestWhatWasAcceptedIsThereAfterAKill(t *testing.T) {
	dir := t.TempDir()
	var accepted, committed uint64
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// Some rounds end between an accept and its commit, some after a commit; all race with the next write.
		lines, said := 40+3*round, 0
		for s := bufio.NewScanner(out); s.Scan(); {
			word, number, _ := strings.Cut(s.Text(), " ")
			n, err := strconv.ParseUint(number, 10, 64)
			if err != nil {
				t.Fatal(s.Text())
			}
			if word == "accepted" {
				accepted = n
			} else {
				committed = n
			}
			if said++; said == lines {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || said < lines {
			t.Fatalf("the child said %d lines and ended: %v", said, err)
		}

		l := openIn(t, dir)
		if err := l.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if got := l.LastSeq(); got < committed || got > committed+1 {
			t.Errorf("round %d: the ledger holds transitions up to %d, the last one committed was %d", round, got, committed)
		}
		queued, err := l.Queued("post", 1000)
		if err != nil || uint64(len(queued)) != l.LastSeq() {
			t.Errorf("round %d: %d notices are queued for %d transitions (%v)", round, len(queued), l.LastSeq(), err)
		}
		a, err := l.Accept(Request{Key: fmt.Sprint("after-", round), Kind: "mark"})
		if err != nil || uint64(a.Number) <= accepted {
			t.Errorf("round %d: the next request is number %d (%v), %d was given before", round, a.Number, err, accepted)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheFilesCopiedAtAnyMomentAreALedger(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir)
	for i := range uint64(20) {
		a, err := l.Accept(Request{Kind: "mark"})
		if err != nil {
			t.Fatal(err)
		}
		commit(t, l, &Changes{Transitions: []alerts.Transition{opened(i+1, fmt.Sprint("a", i), "post")}, Answers: []Answer{{Number: a.Number}}})
		if i%5 != 0 {
			continue
		}
		// As a power cut leaves them: the file and its write-ahead log, the latter torn in its last, unfinished frame.
		then := t.TempDir()
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, FileName+suffix))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if suffix == "-wal" {
				b = append(b, "half a frame that was being written"...)
			}
			if err := os.WriteFile(filepath.Join(then, FileName+suffix), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := openIn(t, then)
		if c.LastSeq() != i+1 || c.Verify(t.Context()) != nil {
			t.Errorf("the copy holds transitions up to %d, want %d; %v", c.LastSeq(), i+1, c.Verify(t.Context()))
		}
	}
}
