package mavlink

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// ErrUnknownID says that the dialect does not have a message.
var ErrUnknownID = errors.New("message id is not in the dialect")

// Decode returns the message in a frame that Check or a Splitter has passed, as a pointer to the type of gomavlib's
// `all` dialect. It allocates; the frequent messages have readers of their own. A payload that is shorter than its
// message reads as zero there, in MAVLink 1 too, as in mavlink/c_library_v2 (mavlink_helpers.h).
func Decode(raw []byte) (message.Message, error) {
	id, start := header(raw)
	d := knownDialect()
	e := d.lookup(id)
	if !e.known() {
		return nil, fmt.Errorf("decode message %d: %w", id, ErrUnknownID)
	}
	// The capacity is cut too: gomavlib appends the missing zeros to the slice that it is given, and would write them
	// over the CRC and whatever frame lies behind it.
	payload := Payload(raw)
	if start == headerV1 && len(payload) < int(e.base) {
		payload = append(make([]byte, 0, e.base), payload...)[:e.base]
	}
	m, err := d.defs[e.def-1].rw.Read(&message.MessageRaw{ID: id, Payload: payload}, start == headerV2)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", d.defs[e.def-1].name, err)
	}
	return m, nil
}

// AppendFrame appends msg to dst as an unsigned MAVLink 2 frame.
func AppendFrame(dst []byte, seq, sys, comp uint8, msg message.Message) ([]byte, error) {
	d := knownDialect()
	e := d.lookup(msg.GetID())
	if !e.known() {
		return dst, fmt.Errorf("encode message %d: %w", msg.GetID(), ErrUnknownID)
	}
	payload := d.defs[e.def-1].rw.Write(msg, true).Payload
	return appendV2(dst, seq, sys, comp, e, payload), nil
}

// AppendFrameV1 appends msg to dst as a MAVLink 1 frame, without its extension fields. Ids above 255 do not fit.
func AppendFrameV1(dst []byte, seq, sys, comp uint8, msg message.Message) ([]byte, error) {
	d := knownDialect()
	e := d.lookup(msg.GetID())
	if !e.known() {
		return dst, fmt.Errorf("encode message %d: %w", msg.GetID(), ErrUnknownID)
	}
	if e.id > 255 {
		return dst, fmt.Errorf("encode %s: id %d does not fit MAVLink 1", d.defs[e.def-1].name, e.id)
	}
	payload := d.defs[e.def-1].rw.Write(msg, false).Payload
	at := len(dst)
	dst = append(dst, startV1, byte(len(payload)), seq, sys, comp, byte(e.id))
	dst = append(dst, payload...)
	return binary.LittleEndian.AppendUint16(dst, CRC(dst[at+1:], e.extra)), nil
}

// appendV2 frames a payload that is truncated already.
func appendV2(dst []byte, seq, sys, comp uint8, e entry, payload []byte) []byte {
	at := len(dst)
	dst = append(dst, startV2, byte(len(payload)), 0, 0, seq, sys, comp, byte(e.id), byte(e.id>>8), byte(e.id>>16))
	dst = append(dst, payload...)
	return binary.LittleEndian.AppendUint16(dst, CRC(dst[at+1:], e.extra))
}
