package ledger

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"riverwatch/alerts"
)

// TestTheWriteAheadLogIsCopiedBesideTheWriter: no commit does it, and the file has it all the same.
func TestTheWriteAheadLogIsCopiedBesideTheWriter(t *testing.T) {
	l := openIn(t, t.TempDir())
	before := sizeOf(t, l.path)
	for seq := range uint64(checkpointEvery) {
		commit(t, l, &Changes{Transitions: []alerts.Transition{opened(seq+1, fmt.Sprint("a", seq))}})
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if sizeOf(t, l.path) > before {
			return
		}
		<-tick.C
	}
	t.Fatalf("after %d commits the ledger's file is as long as at first, %d bytes", checkpointEvery, before)
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestNothingIsInTheLedgerBeforeWhatItWaitsFor: the flight log that a transition rests on is synced meanwhile.
func TestNothingIsInTheLedgerBeforeWhatItWaitsFor(t *testing.T) {
	l := openIn(t, t.TempDir())
	inside := func() int {
		list, _, err := l.Alerts(Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	waited := 0
	stored, err := l.CommitAfter(func() {
		if waited++; inside() != 0 || l.LastSeq() != 0 {
			t.Error("it was there before")
		}
	}, &Changes{Transitions: []alerts.Transition{opened(1, "a")}})
	if err != nil || len(stored) != 1 || waited != 1 || inside() != 1 {
		t.Errorf("%v, %d stored, waited %d times, %d alerts", err, len(stored), waited, inside())
	}
}

// TestWordsAreErasedWhileTheWriteAheadLogIsCopied: SQLite lets only one checkpoint run and does not wait for another.
func TestWordsAreErasedWhileTheWriteAheadLogIsCopied(t *testing.T) {
	l := openIn(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		for ctx.Err() == nil {
			_ = l.copier.copy(ctx) // cancelled at last
		}
	}()
	defer func() { stop(); <-copied }()
	for i := range 100 {
		a, err := l.Accept(Request{Kind: "mark", Note: "a boat"})
		if err != nil {
			t.Fatal(err)
		}
		n, _ := l.Head()
		if err := l.Erase(n); err != nil {
			t.Fatalf("request %d, the %d. time: %v", a.Number, i, err)
		}
	}
}
