package replay

import (
	"sync"
	"sync/atomic"

	"riverwatch/mavlink"
)

const (
	chunkSize   = 256 << 10
	batchFrames = 1024
)

// pool keeps the memory that logs are read into and that batches are built in. Frames point into chunks; a batch holds
// the chunks of its frames until it is released by all.
type pool struct {
	chunks  sync.Pool
	batches sync.Pool
}

// chunk is a piece of a file in memory.
type chunk struct {
	buf  []byte
	refs atomic.Int32
	home *pool
}

func (p *pool) chunk() *chunk {
	c, _ := p.chunks.Get().(*chunk)
	if c == nil {
		c = &chunk{buf: make([]byte, chunkSize), home: p}
	}
	c.refs.Store(1)
	return c
}

func (c *chunk) release() {
	if c.refs.Add(-1) == 0 {
		c.home.chunks.Put(c)
	}
}

// outgoing is a batch that is being built: frames of any chunks, and in the arena's own memory the frames added.
type outgoing struct {
	arena *mavlink.Arena
	held  []*chunk
}

func (p *pool) batch() *outgoing {
	if o, _ := p.batches.Get().(*outgoing); o != nil {
		return o
	}
	o := new(outgoing)
	o.arena = mavlink.NewArena(func(*mavlink.Arena) {
		for i, c := range o.held {
			c.release()
			o.held[i] = nil
		}
		o.held = o.held[:0]
		o.arena.Reset()
		p.batches.Put(o)
	})
	return o
}

// hold keeps c for as long as the batch lives.
func (o *outgoing) hold(c *chunk) {
	c.refs.Add(1)
	o.held = append(o.held, c)
}
