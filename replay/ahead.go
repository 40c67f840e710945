package replay

import (
	"context"

	"riverwatch/mavlink"
)

// aheadBatches is how far reading may be ahead: enough that neither side waits for the other's next turn on its core, and
// little enough that what has been read is still in the cache when it is folded.
const aheadBatches = 4

// Ahead reads a source in a goroutine of its own, a few batches before they are asked for, so that reading and folding
// take a core each. It gives the same batches in the same order.
type Ahead struct {
	batches chan mavlink.Batch
	err     error // why there are no more, once batches is closed
	stop    context.CancelFunc
}

// ReadAhead begins to read src, which belongs to the Ahead until it is closed or has given an error: what the source
// counts is complete then, and not to be looked at before. Close must be called.
func ReadAhead(src Source) *Ahead {
	ctx, stop := context.WithCancel(context.Background())
	a := &Ahead{batches: make(chan mavlink.Batch, aheadBatches), stop: stop}
	go a.read(ctx, src)
	return a
}

func (a *Ahead) read(ctx context.Context, src Source) {
	defer close(a.batches)
	for {
		b, err := src.Next(ctx)
		if err != nil {
			a.err = err
			return
		}
		select {
		case a.batches <- b:
		case <-ctx.Done():
			b.Release()
			a.err = ctx.Err()
			return
		}
	}
}

// Next returns the next frames; io.EOF after the last, as the source says it.
func (a *Ahead) Next(ctx context.Context) (mavlink.Batch, error) {
	if err := ctx.Err(); err != nil {
		return mavlink.Batch{}, err
	}
	select {
	case b, more := <-a.batches:
		if !more {
			return mavlink.Batch{}, a.err
		}
		return b, nil
	case <-ctx.Done():
		return mavlink.Batch{}, ctx.Err()
	}
}

// Close ends reading, wherever it is, and waits for that. Batches that were handed out stay valid. It does not close
// the source.
func (a *Ahead) Close() {
	a.stop()
	for b := range a.batches {
		b.Release()
	}
}
