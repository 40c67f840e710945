package replay

import (
	"context"
	"time"

	"riverwatch/mavlink"
)

// Source hands over batches of frames in their order; io.EOF at the end.
type Source interface {
	Next(ctx context.Context) (mavlink.Batch, error)
}

// Paced is a source whose frames come true to time.
type Paced struct {
	src   Source
	speed float64
	rest  mavlink.Batch // read, not yet handed on
	begun bool
	at    int64     // a frame's time ...
	wall  time.Time // ... and when it was handed on: what the others are measured from
	last  int64
}

// Pace makes the frames of src come true to time: the first at once, each other one no earlier than its distance from
// the first, divided by speed (1: as recorded, 20: twenty times as fast). A frame that is late because the caller was
// is handed on at once. Pauses over ten minutes are not waited for.
func Pace(src Source, speed float64) *Paced { return &Paced{src: src, speed: speed} }

// Next waits for the next frames to be due and returns those that are.
func (p *Paced) Next(ctx context.Context) (mavlink.Batch, error) {
	if len(p.rest.Frames) == 0 {
		b, err := p.src.Next(ctx)
		if err != nil {
			return mavlink.Batch{}, err
		}
		p.rest = b
	}
	first := p.rest.Frames[0].At
	if !p.begun || first-p.last > pauseUS {
		p.begun, p.at, p.wall = true, first, time.Now()
	} else if wait := time.Until(p.due(first)); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return mavlink.Batch{}, ctx.Err()
		case <-t.C:
		}
	}
	now := time.Now()
	n := 1
	p.last = first
	for ; n < len(p.rest.Frames); n++ {
		at := p.rest.Frames[n].At
		if at-p.last > pauseUS || p.due(at).After(now) {
			break
		}
		p.last = at
	}
	out := p.rest
	out.Frames = out.Frames[:n:n]
	if n < len(p.rest.Frames) {
		out.Retain()
		p.rest.Frames = p.rest.Frames[n:]
	} else {
		p.rest = mavlink.Batch{}
	}
	return out, nil
}

// due is when a frame of the given time is to be handed on.
func (p *Paced) due(at int64) time.Time {
	return p.wall.Add(time.Duration(float64(at-p.at) * float64(time.Microsecond) / p.speed))
}
