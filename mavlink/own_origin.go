package mavlink

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
)

// AppendOrigin appends the own frame that tells of an origin whose link and address the session has told before. It is
// byte for byte what OwnFrames makes of that note, and allocates nothing: where one vehicle is heard over two links
// in turn, every other frame of the log is one of these.
func AppendOrigin(dst []byte, id OwnID, seq uint8, number uint32, origin uint16, system, component uint8) []byte {
	var memory [tunnelHeader + tunnelData]byte
	p := binary.LittleEndian.AppendUint16(memory[:0], OwnPayloadType)
	p = append(p, 0, 0, 0, ownVersion, byte(OwnOrigin), 0, 1)
	p = binary.LittleEndian.AppendUint32(p, number)
	p = append(p, `{"origin":`...)
	p = strconv.AppendUint(p, uint64(origin), 10)
	p = append(p, `,"system":`...)
	p = strconv.AppendUint(p, uint64(system), 10)
	p = append(p, `,"component":`...)
	p = strconv.AppendUint(p, uint64(component), 10)
	p = append(p, '}')
	p[4] = byte(len(p) - tunnelHeader)
	return appendV2(dst, seq, id.System, id.Component, knownDialect().lookup(idTunnel), p)
}

// ReadOrigin reads the body of an OwnOrigin message, and allocates nothing for one that AppendOrigin wrote. ok is false
// where it cannot be read.
func ReadOrigin(body []byte) (note OriginNote, ok bool) {
	origin, rest := cutNumber(body, `{"origin":`)
	system, rest := cutNumber(rest, `,"system":`)
	component, rest := cutNumber(rest, `,"component":`)
	if string(rest) == "}" && origin <= math.MaxUint16 && system <= math.MaxUint8 && component <= math.MaxUint8 {
		return OriginNote{Origin: uint16(origin), System: uint8(system), Component: uint8(component)}, true
	}
	return readOrigin(body)
}

func readOrigin(body []byte) (note OriginNote, ok bool) {
	ok = json.Unmarshal(body, &note) == nil
	return note, ok
}

// cutNumber reads a key and its number of up to five digits, and gives what follows; nil where they are not there.
func cutNumber(text []byte, key string) (n uint32, rest []byte) {
	if len(text) < len(key) || string(text[:len(key)]) != key {
		return 0, nil
	}
	text = text[len(key):]
	i := 0
	for i < min(len(text), 5) && text[i] >= '0' && text[i] <= '9' {
		n = n*10 + uint32(text[i]-'0')
		i++
	}
	if i == 0 || i > 1 && text[0] == '0' {
		return 0, nil
	}
	return n, text[i:]
}
