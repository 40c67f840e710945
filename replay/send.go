package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"riverwatch/mavlink"
)

// SendOptions says what is put on the wire, where and how fast.
type SendOptions struct {
	Paths    []string                // logs and session folders
	To       string                  // "udp:HOST:PORT"; HOST is of the loopback unless Remote
	Speed    float64                 // 1: as recorded, 20: twenty times as fast, 0: as fast as it goes
	Systems  []uint8                 // one a path: the system id that its vehicle gets; none: all keep theirs
	Remote   bool                    // send to another machine, and only telemetry of vehicles
	Progress func(done, total int64) // bytes of the logs, now and then; may be nil
}

// SendStats is what was sent.
type SendStats struct {
	Frames   uint64        // one datagram each
	Withheld uint64        // own frames, SETUP_SIGNING, and what Remote leaves out
	Refused  uint64        // datagrams that the other side's machine answered with "nothing listens here"
	Systems  []SystemCount // verified frames as sent, by system, then component
}

const (
	msgHeartbeat = 0
	msgTunnel    = 385

	typeGCS          = 6   // MAV_TYPE_GCS
	autopilotInvalid = 8   // MAV_AUTOPILOT_INVALID: not an autopilot's heartbeat
	compGCS          = 190 // MAV_COMP_ID_MISSIONPLANNER

	// burst frames may leave without a pause when they are late: what a receiver's socket buffer takes in any case.
	burst      = 64
	burstPause = time.Millisecond
	sendBuffer = 4 << 20
)

// Send puts logs on the wire, one frame a datagram, its bytes as received. Logs whose times overlap, or follow within
// ten minutes, keep their distance; else each begins at once. Pauses over ten minutes are not waited for.
//
// Never sent: a station's own frames (by the session's manifest; in a bare log, beats and notes of the default own id)
// and SETUP_SIGNING. To another machine goes only telemetry of vehicles: no frame that has a target, none of a ground
// station, none that is not verified.
//
// Systems gives the vehicle of each log another system id: the frames of the system that has the most autopilot
// heartbeats (or, in a log without any, the most frames), of all its components. Other systems (ground stations,
// radios, further vehicles) keep theirs. It is refused for signed frames, whose signature would no longer hold, and
// where another system of the log has the id.
func Send(ctx context.Context, o SendOptions) (SendStats, error) {
	if err := o.validate(); err != nil {
		return SendStats{}, err
	}
	conn, err := dial(o.To, o.Remote)
	if err != nil {
		return SendStats{}, err
	}
	defer func() { _ = conn.Close() }()
	surveys := make([]survey, len(o.Paths))
	for i, path := range o.Paths {
		if surveys[i], err = surveyLog(ctx, path); err != nil {
			return SendStats{}, err
		}
		if len(o.Systems) > 0 {
			if err := surveys[i].canBecome(path, o.Systems[i]); err != nil {
				return SendStats{}, err
			}
		}
	}
	r, err := newReader(o.Paths, readerMode{foreign: true, sender: true, shifts: shifts(surveys)})
	if err != nil {
		return SendStats{}, err
	}
	defer r.Close()
	w := &sender{conn: conn, options: o, surveys: surveys, targets: make(map[uint32]bool)}
	var src Source = r
	if o.Speed > 0 {
		src = Pace(r, o.Speed)
	}
	for {
		b, err := src.Next(ctx)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.send(ctx, b)
		}
		if err != nil {
			return w.result(), fmt.Errorf("send: %w", err)
		}
		if o.Progress != nil {
			o.Progress(r.Progress())
		}
	}
	st := w.result()
	if st.Refused > 0 && st.Refused+1 >= st.Frames {
		return st, fmt.Errorf("send: nothing listens at %s: start riverwatch run with that link first", o.To)
	}
	return st, nil
}

func (o *SendOptions) validate() error {
	switch {
	case len(o.Systems) > 0 && len(o.Systems) != len(o.Paths):
		return fmt.Errorf("send: %d system ids for %d logs: give one a log", len(o.Systems), len(o.Paths))
	case slices.Contains(o.Systems, 0):
		return errors.New("send: system id 0 means everyone: give 1 to 255")
	case !(o.Speed >= 0):
		return fmt.Errorf("send: speed %v: give a number above 0, or max", o.Speed)
	}
	return nil
}

// dial opens the socket for an address of the form udp:HOST:PORT.
func dial(to string, remote bool) (*net.UDPConn, error) {
	address, ok := strings.CutPrefix(to, "udp:")
	if !ok {
		return nil, fmt.Errorf("send to %q: not of the form udp:HOST:PORT", to)
	}
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("send to %q: %w", to, err)
	}
	if addr.Port == 0 {
		return nil, fmt.Errorf("send to %q: port 0 is none: give the port of a link", to)
	}
	if !remote && !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("send to %q: not on this machine: add --remote if the receiver may take it for real flights", to)
	}
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil, fmt.Errorf("send to %q: %w", to, err)
	}
	if err := conn.SetWriteBuffer(sendBuffer); err != nil {
		return nil, fmt.Errorf("send to %q: %w", to, errors.Join(err, conn.Close()))
	}
	return conn, nil
}

// survey is what must be known of a log before any of it is sent.
type survey struct {
	first, last int64
	any         bool
	vehicle     uint8 // the system that Systems renames
	speaks      [256]bool
	signed      [256]bool
	autopilot   [256]bool // sends an autopilot's heartbeats
	ground      map[uint16]bool
}

func surveyLog(ctx context.Context, path string) (survey, error) {
	v := survey{ground: make(map[uint16]bool)}
	r, err := newReader([]string{path}, readerMode{foreign: true})
	if err != nil {
		return v, err
	}
	defer r.Close()
	var frames, heartbeats [256]uint64
	for {
		b, err := r.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return v, fmt.Errorf("send: %w", err)
		}
		for i := range b.Frames {
			f := &b.Frames[i]
			if !v.any {
				v.first, v.any = f.At, true
			}
			v.last = f.At
			if own(f) || !mavlink.Known(f.MsgID) {
				continue
			}
			v.speaks[f.SysID] = true
			v.signed[f.SysID] = v.signed[f.SysID] || mavlink.Signed(f.Raw)
			frames[f.SysID]++
			if f.CompID == compGCS {
				v.ground[sender16(f)] = true
			}
			if f.MsgID == msgHeartbeat {
				switch h := mavlink.ReadHeartbeat(mavlink.Payload(f.Raw)); {
				case h.Type == typeGCS:
					v.ground[sender16(f)] = true
				case h.Autopilot != autopilotInvalid:
					heartbeats[f.SysID]++
					v.autopilot[f.SysID] = true
				}
			}
		}
		b.Release()
	}
	best := heartbeats
	if best == ([256]uint64{}) {
		best = frames
	}
	for system, n := range &best {
		if n > best[v.vehicle] {
			v.vehicle = uint8(system)
		}
	}
	return v, nil
}

// canBecome reports why the log's vehicle cannot have another system id.
func (v *survey) canBecome(path string, system uint8) error {
	switch {
	case system == v.vehicle:
		return nil
	case v.signed[v.vehicle]:
		return fmt.Errorf("send %s: frames of system %d are signed: with another system id the signature would not hold: send it without --system", path, v.vehicle)
	case v.speaks[system]:
		return fmt.Errorf("send %s: system %d speaks in it already, besides its vehicle, system %d: choose another id", path, system, v.vehicle)
	}
	return nil
}

// shifts brings logs to one beginning, unless their times lie together anyway.
func shifts(all []survey) []int64 {
	var heard []survey
	for _, v := range all {
		if v.any {
			heard = append(heard, v)
		}
	}
	slices.SortFunc(heard, func(a, b survey) int { return int(min(max(a.first-b.first, -1), 1)) })
	together := true
	for i := 1; i < len(heard); i++ {
		together = together && heard[i].first-heard[i-1].last <= pauseUS
		heard[i].last = max(heard[i].last, heard[i-1].last)
	}
	by := make([]int64, len(all))
	if !together {
		for i, v := range all {
			if v.any {
				by[i] = heard[0].first - v.first
			}
		}
	}
	return by
}

// own reports whether a frame was made by a station: by its session, or, in a bare log, by the default own id.
func own(f *mavlink.Frame) bool {
	if f.Origin == mavlink.OriginOwn {
		return true
	}
	if f.SysID != mavlink.DefaultOwnID.System || f.CompID != mavlink.DefaultOwnID.Component {
		return false
	}
	if f.MsgID == msgHeartbeat {
		return true
	}
	payload := mavlink.Payload(f.Raw)
	return f.MsgID == msgTunnel && len(payload) >= 2 && binary.LittleEndian.Uint16(payload) == mavlink.OwnPayloadType
}

// sender puts frames on one socket.
type sender struct {
	conn    net.Conn
	options SendOptions
	surveys []survey
	targets map[uint32]bool // by message id: it has a target field
	buf     []byte
	run     int // frames since the last pause
	stats   SendStats
	counts  [1 << 16]uint64
}

func (w *sender) send(ctx context.Context, b mavlink.Batch) error {
	defer b.Release()
	w.run = 0 // whoever hands out paced batches has waited
	for i := range b.Frames {
		f := &b.Frames[i]
		if own(f) || (w.options.Remote && !w.telemetry(f)) {
			w.stats.Withheld++
			continue
		}
		raw, system := f.Raw, f.SysID
		if v := &w.surveys[f.Origin]; len(w.options.Systems) > 0 && system == v.vehicle && system != w.options.Systems[f.Origin] {
			system = w.options.Systems[f.Origin]
			w.buf = appendWithSystem(w.buf[:0], raw, system)
			raw = w.buf
		}
		if w.options.Speed > 0 {
			if w.run++; w.run > burst {
				w.run = 1
				if err := sleep(ctx, burstPause); err != nil {
					return err
				}
			}
		}
		if err := w.write(raw); err != nil {
			return err
		}
		w.stats.Frames++
		if mavlink.Known(f.MsgID) {
			w.counts[uint16(system)<<8|uint16(f.CompID)]++
		}
	}
	return nil
}

// write sends one datagram. That nobody listens is told by a write that follows, which then has not sent its own: a
// real drone would go on sending, and so does this.
func (w *sender) write(raw []byte) error {
	_, err := w.conn.Write(raw)
	if errors.Is(err, syscall.ECONNREFUSED) {
		w.stats.Refused++
		_, err = w.conn.Write(raw)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
	}
	return err
}

// telemetry reports whether a frame may go to another machine: a vehicle's, and addressed to nobody.
func (w *sender) telemetry(f *mavlink.Frame) bool {
	v := &w.surveys[f.Origin]
	if !v.autopilot[f.SysID] || v.ground[sender16(f)] || !mavlink.Known(f.MsgID) {
		return false
	}
	has, seen := w.targets[f.MsgID]
	if !seen {
		has = hasTarget(f.Raw)
		w.targets[f.MsgID] = has
	}
	return !has
}

// hasTarget reports whether the message has a field that names the system it is for.
func hasTarget(raw []byte) bool {
	m, err := mavlink.Decode(raw)
	if err != nil {
		return true
	}
	t := reflect.TypeOf(m).Elem()
	for i := range t.NumField() {
		if name := t.Field(i).Name; name == "TargetSystem" || name == "Target" {
			return true
		}
	}
	return false
}

// result is the statistics so far.
func (w *sender) result() SendStats {
	st := w.stats
	for i, n := range &w.counts {
		if n > 0 {
			st.Systems = append(st.Systems, SystemCount{uint8(i >> 8), uint8(i), n})
		}
	}
	return st
}

// appendWithSystem appends the unsigned frame raw with another system id. The checksum is linear: the old and the new
// one differ by what the two contents differ by, whatever was added at the end. So it works for every message, and a
// frame whose checksum was wrong stays wrong.
func appendWithSystem(dst, raw []byte, system uint8) []byte {
	at := 3
	if raw[0] == startV2 {
		at = 5
	}
	start := len(dst)
	dst = append(dst, raw...)
	b := dst[start:]
	end := len(b) - 2
	b[at] = system
	crc := binary.LittleEndian.Uint16(raw[end:]) ^ mavlink.CRC(raw[1:end], 0) ^ mavlink.CRC(b[1:end], 0)
	binary.LittleEndian.PutUint16(b[end:], crc)
	return dst
}

func sender16(f *mavlink.Frame) uint16 { return uint16(f.SysID)<<8 | uint16(f.CompID) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
