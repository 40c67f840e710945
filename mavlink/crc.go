package mavlink

import "encoding/binary"

// crcTable[k][x] is what byte x contributes to the CRC register when k more bytes follow it.
var crcTable = makeCRCTable()

func makeCRCTable() (t [16][256]uint16) {
	const reflected = 0x8408 // 0x1021, bit-reversed
	for i := range t[0] {
		crc := uint16(i)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ reflected
			} else {
				crc >>= 1
			}
		}
		t[0][i] = crc
	}
	for k := 1; k < len(t); k++ {
		for i := range t[k] {
			below := t[k-1][i]
			t[k][i] = below>>8 ^ t[0][byte(below)]
		}
	}
	return t
}

// CRC is the checksum that ends a frame: CRC-16/MCRF4XX over b (the frame without its start byte, to the end of its
// payload) and then over extra, the message's CRC extra. Source: mavlink.io, guide/serialization, "checksum".
//
// 16 bytes are taken at a time. Only the first two look-ups of a step wait for the step before: the register has no more
// than two bytes.
func CRC(b []byte, extra byte) uint16 {
	t := &crcTable
	crc := uint16(0xFFFF)
	if len(b) < 8 {
		for _, x := range b {
			crc = crc>>8 ^ t[0][byte(crc)^x]
		}
		return crc>>8 ^ t[0][byte(crc)^extra]
	}
	last := binary.LittleEndian.Uint64(b[len(b)-8:])
	for len(b) >= 16 {
		v, w := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		rest := t[13][byte(v>>16)] ^ t[12][byte(v>>24)] ^ t[11][byte(v>>32)] ^ t[10][byte(v>>40)] ^
			t[9][byte(v>>48)] ^ t[8][byte(v>>56)] ^ t[7][byte(w)] ^ t[6][byte(w>>8)] ^ t[5][byte(w>>16)] ^
			t[4][byte(w>>24)] ^ t[3][byte(w>>32)] ^ t[2][byte(w>>40)] ^ t[1][byte(w>>48)] ^ t[0][byte(w>>56)]
		crc ^= uint16(v)
		crc = rest ^ t[15][byte(crc)] ^ t[14][byte(crc>>8)]
		b = b[16:]
	}
	if len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		rest := t[5][byte(w>>16)] ^ t[4][byte(w>>24)] ^ t[3][byte(w>>32)] ^ t[2][byte(w>>40)] ^
			t[1][byte(w>>48)] ^ t[0][byte(w>>56)]
		crc ^= uint16(w)
		crc = rest ^ t[7][byte(crc)] ^ t[6][byte(crc>>8)]
		b = b[8:]
	}
	// The bytes that are left, up to 7, and extra are one more step of 8, filled up with zeros in front, which do not
	// change a register that has been moved behind them.
	fill := 56 - 8*uint(len(b))
	w := last>>8>>(fill&63) | uint64(extra)<<((56-fill)&63)
	w = (w ^ uint64(crc)) << (fill & 63)
	sum := t[7][byte(w)] ^ t[6][byte(w>>8)] ^ t[5][byte(w>>16)] ^ t[4][byte(w>>24)] ^
		t[3][byte(w>>32)] ^ t[2][byte(w>>40)] ^ t[1][byte(w>>48)] ^ t[0][byte(w>>56)]
	if len(b) == 0 {
		sum ^= crc >> 8 // extra is alone: the register's second byte lies behind it
	}
	return sum
}
