package mavlink

import "encoding/binary"

// A frame on the wire (mavlink.io, guide/serialization):
//
//	MAVLink 1   FE len seq sys comp id                              payload[len] crc[2]
//	MAVLink 2   FD len incompat compat seq sys comp id id id        payload[len] crc[2] (signature[13] if incompat & 1)
const (
	startV1      = 0xFE
	startV2      = 0xFD
	headerV1     = 6
	headerV2     = 10
	crcLen       = 2
	signatureLen = 13
	flagSigned   = 0x01

	// MaxFrame is the length of the longest frame, in bytes: MAVLink 2, 255 bytes of payload, signed.
	MaxFrame = headerV2 + 255 + crcLen + signatureLen
)

// Verdict says how far a frame may be believed.
type Verdict uint8

// The verdicts. The order is not part of any format.
const (
	Good       Verdict = iota // the CRC holds
	BadCRC                    // the CRC does not hold
	UnknownID                 // the dialect does not have the message, so its CRC cannot be checked
	BadVersion                // MAVLink 2 with an incompatibility flag other than "signed": must be refused
	NotAFrame                 // no start byte, or not exactly one frame long
)

// String is the verdict's word in the metrics.
func (v Verdict) String() string {
	return [...]string{"good", "crc", "unknown_id", "version", "truncated"}[v]
}

// FrameLen returns the whole length, signature included, of the frame that starts at b[0]. Where it cannot tell, ok is
// false and n is the number of bytes that it needs to see; n is 0 where b[0] is not a start byte.
func FrameLen(b []byte) (n int, ok bool) {
	if len(b) == 0 {
		return 1, false
	}
	switch b[0] {
	case startV1:
		if len(b) < 2 {
			return 2, false
		}
		return headerV1 + int(b[1]) + crcLen, true
	case startV2:
		if len(b) < 3 {
			return 3, false
		}
		n = headerV2 + int(b[1]) + crcLen
		if b[2]&flagSigned != 0 {
			n += signatureLen
		}
		return n, true
	}
	return 0, false
}

// header returns what lies before the payload of a frame of at least its header's length.
func header(raw []byte) (id uint32, start int) {
	if raw[0] == startV1 {
		return uint32(raw[5]), headerV1
	}
	return uint32(raw[7]) | uint32(raw[8])<<8 | uint32(raw[9])<<16, headerV2
}

// Check tells what raw, one frame from start byte to CRC or signature, is worth. A signature is not verified.
func Check(raw []byte) Verdict {
	if n, ok := FrameLen(raw); !ok || n != len(raw) {
		return NotAFrame
	}
	return knownDialect().check(raw)
}

// check is Check for a raw of the right length.
func (d *dialect) check(raw []byte) Verdict {
	id, start := header(raw)
	return d.verify(raw, id, start)
}

// verify is check for a raw whose header has been read.
func (d *dialect) verify(raw []byte, id uint32, start int) Verdict {
	foreign := raw[0] == startV2 && raw[2]&^flagSigned != 0
	e := d.lookup(id)
	if !e.known() {
		if foreign {
			return BadVersion
		}
		return UnknownID
	}
	if CRC(raw[1:start+int(raw[1])], e.extra) != checksum(raw, start) {
		return BadCRC
	}
	if foreign {
		return BadVersion
	}
	return Good
}

// Parse reads the header of a frame that Check or a Splitter has passed. At and Origin are left zero, Raw is raw.
func Parse(raw []byte) Frame {
	id, start := header(raw)
	at := sender(start)
	return Frame{Seq: raw[at], SysID: raw[at+1], CompID: raw[at+2], MsgID: id, Checksum: checksum(raw, start), Raw: raw}
}

// checksum is the CRC that a frame carries whose header has the given end.
func checksum(raw []byte, start int) uint16 {
	return binary.LittleEndian.Uint16(raw[start+int(raw[1]):])
}

// sender is where the header with the given end says seq, sys and comp.
func sender(start int) int {
	if start == headerV2 {
		return 4
	}
	return 2
}

// Read is FrameLen, Check and Parse in one pass, for whoever reads frame after frame: it tells what the frame that b
// begins with is worth and sets all of f but At. n is its length, 0 where b begins with no whole frame.
func (f *Frame) Read(b []byte) (n int, v Verdict) {
	n, ok := FrameLen(b)
	if !ok || n > len(b) {
		return 0, NotAFrame
	}
	raw := b[:n:n]
	id, start := header(raw)
	at := sender(start)
	f.Origin, f.Signed = 0, false
	f.Seq, f.SysID, f.CompID, f.MsgID, f.Checksum, f.Raw = raw[at], raw[at+1], raw[at+2], id, checksum(raw, start), raw
	return n, knownDialect().verify(raw, id, start)
}

// Payload returns the payload of a frame that Check or a Splitter has passed, as received: a MAVLink 2 sender leaves out
// zero bytes at the end, which the readers of this package put back. What a MAVLink 1 sender appends to the message
// (extension fields, which MAVLink 1 does not have) is left out.
func Payload(raw []byte) []byte {
	if raw[0] == startV2 {
		return raw[headerV2:][:raw[1]:raw[1]]
	}
	return payloadV1(raw)
}

func payloadV1(raw []byte) []byte {
	end := headerV1 + int(raw[1])
	if e := knownDialect().lookup(uint32(raw[5])); e.known() {
		end = min(end, headerV1+int(e.base))
	}
	return raw[headerV1:end:end]
}

// Signed reports whether the frame carries a signature, which says nothing of whether it is authentic.
func Signed(raw []byte) bool {
	return len(raw) > 2 && raw[0] == startV2 && raw[2]&flagSigned != 0
}
