package mavlink

import (
	"encoding/binary"
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
