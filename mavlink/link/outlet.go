package link

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/common"
	"go.uber.org/zap"

	"riverwatch/mavlink"
)

const (
	outletParcels = 16          // that wait to be written to one socket or connection
	writeTimeout  = time.Second // of one write
	repliesPerSec = 10          // to one source
)

var (
	errNoOrigin  = errors.New("the station does not know any more where it came from")
	errManyReply = fmt.Errorf("it has had %d answers within the last second", repliesPerSec)
	errGone      = errors.New("its connection is closed")
	errDeaf      = errors.New("it takes nothing: a write to it did not end within a second, or failed")
	errStuck     = fmt.Errorf("%d frames wait to be written there already", outletParcels)
)

// parcel is one frame on its way out; to is for sockets that serve many.
type parcel struct {
	raw []byte
	to  netip.AddrPort
}

// outlet is the way back to those who speak on one socket or connection: a short queue, and a goroutine of the line that
// empties it, so that whoever has something to say never waits for a peer.
type outlet struct {
	parcels chan parcel
	deaf    chan struct{} // closed when nothing more can be written
	many    bool          // a socket: parcels say where to, and a failure concerns nobody else
}

// openOutlet makes the way back to address, "" for whoever speaks on a socket. write is called by one goroutine, until
// the returned function is called, which waits for it; ended is false where a write hangs for longer than any may.
func (ln *line) openOutlet(address string, write func(parcel) error) (shut func() (ended bool)) {
	o := &outlet{parcels: make(chan parcel, outletParcels), deaf: make(chan struct{}), many: address == ""}
	ln.mu.Lock()
	if ln.outlets == nil {
		ln.outlets = map[string]*outlet{}
	}
	ln.outlets[address] = o
	ln.mu.Unlock()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case p := <-o.parcels:
				select {
				case <-quit: // a select with two ways open takes either
					return
				default:
				}
				if err := write(p); err != nil {
					ln.l.log.Debug("nothing can be sent there", zap.String("link", ln.cfg.Name), zap.String("address", address), zap.Stringer("to", p.to), zap.Error(err))
					if !o.many {
						// Half a frame may be out. The peer is heard all the same.
						close(o.deaf)
						return
					}
				}
			}
		}
	}()
	return func() bool {
		ln.mu.Lock()
		if ln.outlets[address] == o {
			delete(ln.outlets, address)
		}
		ln.mu.Unlock()
		close(quit)
		late := time.NewTimer(2 * writeTimeout)
		defer late.Stop()
		select {
		case <-done:
			return true
		case <-late.C:
			return false
		}
	}
}

// send queues raw, which it keeps, for the source at address. It does not wait.
func (ln *line) send(address string, raw []byte) error {
	p := parcel{raw: raw}
	ln.mu.Lock()
	o := ln.outlets[address]
	if o == nil {
		o = ln.outlets[""]
	}
	ln.mu.Unlock()
	if o == nil {
		return errGone
	}
	if o.many {
		var err error
		if p.to, err = netip.ParseAddrPort(address); err != nil {
			return errNoOrigin
		}
	}
	select {
	case <-o.deaf:
		return errDeaf
	default:
	}
	select {
	case o.parcels <- p:
		return nil
	default:
		return errStuck
	}
}

// Reply answers a command with a COMMAND_ACK from our own id, on the link and to the address that the command came from.
// It does not wait; nil says that the answer is on its way out. A source gets at most 10 a second.
func (l *Listener) Reply(r mavlink.Reply) error {
	ln, address, seq, err := l.queue.replyTo(r.Origin)
	if err == nil {
		var raw []byte
		raw, err = mavlink.AppendFrame(nil, seq, l.queue.id.System, l.queue.id.Component, &common.MessageCommandAck{
			Command: common.MAV_CMD(r.Command), Result: common.MAV_RESULT(r.Result), TargetSystem: r.System, TargetComponent: r.Component,
		})
		if err == nil {
			err = ln.send(address, raw)
		}
	}
	if err != nil {
		return fmt.Errorf("answer command %d of %d/%d: %w", r.Command, r.System, r.Component, err)
	}
	return nil
}

// replyTo is who speaks from origin, and the sequence number of what it is sent next.
func (q *queue) replyTo(origin uint16) (ln *line, address string, seq uint8, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.origins.find(origin)
	if o == nil {
		return nil, "", 0, errNoOrigin
	}
	if o.replies == nil {
		o.replies = newLimiter(repliesPerSec)
	}
	if !o.replies.allow(q.clock.stamp()) {
		return nil, "", 0, errManyReply
	}
	seq = o.sent
	o.sent++
	return o.line, o.address, seq, nil
}
