package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Options say how a patrol is put on the wire.
type Options struct {
	To    string  // UDP address, "host:port"
	Speed float64 // times real time; 0 means 1
	// Coalesce puts all that a drone says at one instant into one datagram, as many radios do; else each frame has its own.
	Coalesce bool
}

// Send flies p: each drone has a UDP socket of its own and sends to o.To until the patrol ends (nil) or ctx does (its
// error). Nobody has to listen: like a drone, it does not notice. A sender that was held up for more than a second (a
// laptop that slept) does not catch up in a burst: the patrol goes on from there.
func Send(ctx context.Context, p Plan, o Options) error {
	socks := map[uint8]net.Conn{}
	defer func() {
		for _, c := range socks {
			_ = c.Close() // nothing is buffered in a UDP socket that could still fail
		}
	}()
	for _, d := range p.Drones {
		if socks[d.System] != nil {
			continue // Check refuses the plan below
		}
		c, err := (&net.Dialer{}).DialContext(ctx, "udp", o.To)
		if err != nil {
			return fmt.Errorf("simulated patrol to %s: %w: give the address of a UDP link as host:port", o.To, err)
		}
		socks[d.System] = c
	}
	return send(ctx, p, o, func(system uint8, datagram []byte) error {
		_, err := socks[system].Write(datagram)
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOBUFS) {
			return nil // an earlier datagram found nobody, or this one no room: lost like one in the air
		}
		return err
	})
}

// send paces p and hands each datagram, valid during the call, to out.
func send(ctx context.Context, p Plan, o Options, out func(system uint8, datagram []byte) error) error {
	if err := p.Check(); err != nil {
		return fmt.Errorf("simulated patrol: %w", err)
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if !(o.Speed > 0 && o.Speed <= 1000) {
		return fmt.Errorf("simulated patrol: a speed of %v: give more than 0 and at most 1000", o.Speed)
	}
	var (
		datagram = make([]byte, 0, maxDatagram)
		from     Step // the newest step in datagram
		pace     = pacer{base: time.Now(), speed: o.Speed}
	)
	flush := func() error {
		if len(datagram) == 0 {
			return nil
		}
		if err := pace.wait(ctx, from.After); err != nil {
			return err
		}
		if err := out(from.System, datagram); err != nil {
			return fmt.Errorf("simulated patrol, system %d: %w", from.System, err)
		}
		datagram = datagram[:0]
		return nil
	}
	for s := range p.Steps() {
		if !o.Coalesce || s.System != from.System || s.After != from.After || len(datagram)+len(s.Raw) > maxDatagram {
			if err := flush(); err != nil {
				return err
			}
		}
		datagram = append(datagram, s.Raw...)
		from = s
	}
	return flush()
}

// maxDatagram keeps a datagram within one Ethernet frame.
const maxDatagram = 1400

// pacer holds a sender to the time of its steps.
type pacer struct {
	base  time.Time // when step 0 was, or would have been, due
	speed float64
}

func (p *pacer) wait(ctx context.Context, after time.Duration) error {
	due := p.base.Add(time.Duration(float64(after) / p.speed))
	ahead := time.Until(due)
	if ahead < -time.Second {
		p.base = p.base.Add(-ahead)
	}
	if ahead <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(ahead)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
