package replay

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"riverwatch/mavlink"
)

// counted is a source of batches of one frame that ends with an error, and counts those that nobody has released.
type counted struct {
	left int
	err  error
	out  chan struct{} // one for each batch that is held
}

func (c *counted) Next(ctx context.Context) (mavlink.Batch, error) {
	if err := ctx.Err(); err != nil {
		return mavlink.Batch{}, err
	}
	if c.left == 0 {
		return mavlink.Batch{}, c.err
	}
	c.left--
	c.out <- struct{}{}
	a := mavlink.NewArena(func(*mavlink.Arena) { <-c.out })
	a.Append(heartbeats(1, 1, t0+int64(c.left), 0)[0])
	return a.Batch(), nil
}

func TestReadingAheadEndsWithAllThatCameBeforeTheError(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, end := range []error{io.EOF, errDisk} {
		src := &counted{left: 50, err: end, out: make(chan struct{}, 50)}
		a := ReadAhead(src)
		for range 50 {
			b, err := a.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		for range 2 {
			if _, err := a.Next(t.Context()); !errors.Is(err, end) {
				t.Errorf("got %v, want %v", err, end)
			}
		}
		a.Close()
		a.Close()
	}
}

func TestReadingAheadStopsWhereItIsWhenClosedAndHoldsNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	for taken := range 10 {
		src := &counted{left: 1000, err: io.EOF, out: make(chan struct{}, 1000)}
		a := ReadAhead(src)
		for range taken {
			b, err := a.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		a.Close()
		if src.left < 1000-taken-aheadBatches-1 {
			t.Errorf("%d batches taken, %d read", taken, 1000-src.left)
		}
		if n := len(src.out); n != 0 {
			t.Errorf("%d batches are still held", n)
		}
		if _, err := a.Next(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// endless waits for its context.
type endless struct{}

func (endless) Next(ctx context.Context) (mavlink.Batch, error) {
	<-ctx.Done()
	return mavlink.Batch{}, ctx.Err()
}

func TestReadingAheadWaitsNoLongerThanItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	a := ReadAhead(endless{})
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := a.Next(ctx)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := a.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAPacedSourceMayBeReadAhead(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "a.tlog")
	writeLog(t, path, heartbeats(1, 5, t0, secondUS)...)
	a := ReadAhead(open(t, path))
	defer a.Close()
	if n := len(drain(t, Pace(a, 1e6))); n != 1+5+4 {
		t.Errorf("%d frames", n)
	}
}
