package mavlink

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// An own frame is a TUNNEL message (385) whose data is
//
//	version u8 = 1 | kind u8 | part u8 | parts u8 | number u32 LE | up to 120 bytes of JSON
const (
	idTunnel      = 385
	tunnelHeader  = 5 // payload_type u16, target_system, target_component, payload_length
	tunnelData    = 128
	ownVersion    = 1
	ownHeader     = 8
	ownPart       = tunnelData - ownHeader
	maxOwnParts   = 255
	typeOnboard   = 18 // MAV_TYPE_ONBOARD_CONTROLLER
	noAutopilot   = 8  // MAV_AUTOPILOT_INVALID
	stateActive   = 4  // MAV_STATE_ACTIVE
	mavlinkMinor  = 3  // HEARTBEAT.mavlink_version
	heartbeatSize = 9
)

// AppendBeat appends the beat, a HEARTBEAT from id, to dst as one MAVLink 2 frame.
func AppendBeat(dst []byte, id OwnID, seq uint8) []byte {
	payload := [heartbeatSize]byte{4: typeOnboard, 5: noAutopilot, 7: stateActive, 8: mavlinkMinor}
	return appendV2(dst, seq, id.System, id.Component, knownDialect().lookup(0), payload[:])
}

// OwnFrames returns body, as JSON, in as many MAVLink 2 frames as it needs, numbered from seq on. number is the same in
// all of them. A body of more than 30,600 bytes of JSON is an error.
func OwnFrames(id OwnID, seq uint8, kind OwnKind, number uint32, body any) ([][]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode own frame of kind %d: %w", kind, err)
	}
	parts := max(1, (len(text)+ownPart-1)/ownPart)
	if parts > maxOwnParts {
		return nil, fmt.Errorf("encode own frame of kind %d: %d bytes of JSON do not fit the %d of %d parts",
			kind, len(text), maxOwnParts*ownPart, maxOwnParts)
	}
	frames := make([][]byte, parts)
	e := knownDialect().lookup(idTunnel)
	for i := range frames {
		part := text[:min(len(text), ownPart)]
		text = text[len(part):]
		// JSON has no zero byte, so nothing is left to truncate behind the part.
		p := make([]byte, 0, tunnelHeader+tunnelData)
		p = binary.LittleEndian.AppendUint16(p, OwnPayloadType)
		p = append(p, 0, 0, byte(ownHeader+len(part)), ownVersion, byte(kind), byte(i), byte(parts))
		p = binary.LittleEndian.AppendUint32(p, number)
		p = append(p, part...)
		frames[i] = appendV2(make([]byte, 0, headerV2+len(p)+crcLen), seq+uint8(i), id.System, id.Component, e, p)
	}
	return frames, nil
}

// OwnMessage is what the parts of one OwnFrames call say together.
type OwnMessage struct {
	Kind   OwnKind
	Number uint32
	Body   []byte // JSON; of a message of one part, that of the frame: valid as long as it
}

// OwnInbox puts the parts of own frames together. Its exported fields are its whole state: saved as JSON between two
// parts and restored, it goes on as if nothing had been.
type OwnInbox struct {
	Kind    OwnKind `json:"kind"`
	Number  uint32  `json:"number"`
	Parts   uint8   `json:"parts"` // of the message at hand; 0: none
	Next    uint8   `json:"next"`  // part that must come now
	Body    []byte  `json:"body,omitempty"`
	Dropped uint64  `json:"dropped"` // frames and unfinished messages that could not be read
}

// Add takes one own frame and returns the message that it completes. Beats bring none. The parts of one message must
// follow one another; whatever else comes in between other than beats ends it unread.
func (in *OwnInbox) Add(f *Frame) (own OwnMessage, ok bool) {
	if f.MsgID != idTunnel {
		return OwnMessage{}, false
	}
	h, text, ok := readOwn(Payload(f.Raw))
	if !ok {
		in.drop()
		return OwnMessage{}, false
	}
	if h.part == 0 {
		if in.Parts != 0 {
			in.drop() // the message before lacks its end
		}
		if h.parts == 1 {
			return OwnMessage{Kind: h.kind, Number: h.number, Body: text}, true
		}
		in.Kind, in.Number, in.Parts, in.Body = h.kind, h.number, h.parts, nil
	} else if h.part != in.Next || h.parts != in.Parts || h.kind != in.Kind || h.number != in.Number {
		in.drop()
		return OwnMessage{}, false
	}
	// A copy each time: a State that was taken between two parts may share the old Body.
	in.Body = append(slices.Clip(in.Body), text...)
	in.Next = h.part + 1
	if in.Next < in.Parts {
		return OwnMessage{}, false
	}
	own = OwnMessage{Kind: in.Kind, Number: in.Number, Body: in.Body}
	in.reset()
	return own, true
}

func (in *OwnInbox) drop() {
	in.Dropped++
	in.reset()
}

func (in *OwnInbox) reset() { *in = OwnInbox{Dropped: in.Dropped} }

type ownHead struct {
	kind        OwnKind
	part, parts uint8
	number      uint32
}

// readOwn reads the payload of a TUNNEL message.
func readOwn(p []byte) (h ownHead, text []byte, ok bool) {
	if len(p) < tunnelHeader || binary.LittleEndian.Uint16(p) != OwnPayloadType {
		return h, nil, false
	}
	n := int(p[4])
	data := p[tunnelHeader:]
	if n < ownHeader || n > tunnelData || n > len(data) || data[0] != ownVersion {
		return h, nil, false
	}
	data = data[:n]
	h = ownHead{kind: OwnKind(data[1]), part: data[2], parts: data[3], number: binary.LittleEndian.Uint32(data[4:])}
	return h, data[ownHeader:], h.kind != 0 && h.part < h.parts
}
