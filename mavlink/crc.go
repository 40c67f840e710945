package mavlink

import "encoding/binary"

// CRC is the checksum that ends a frame: CRC-16/MCRF4XX over b (the frame without its start byte, to the end of its
// payload) and then over extra, the message's CRC extra. Source: mavlink.io, guide/serialization, "checksum".
//
// It needs no table, because the polynomial is sparse. Modulo P = x^16 + x^12 + x^5 + 1, where squaring squares each
// term (coefficients are bits), x^64 is x^48 + x^20 + 1 and x^128 is x^96 + x^40 + 1. The least bit of a byte comes
// first, so in a stream of bits a bit at place i can be traded for bits at i+16, i+44 and i+64, or at i+32, i+88 and
// i+128, and a word of 64 bits that is loaded from memory holds a run of the stream, the lowest bit first. Word by word
// the stream is traded for what it leaves on the words behind it, until the last 64 bits are left.
func CRC(b []byte, extra byte) uint16 {
	if len(b) < 8 {
		crc := uint16(0xFFFF)
		for _, x := range b {
			crc = crcByte(crc, x)
		}
		return crcByte(crc, extra)
	}
	last := binary.LittleEndian.Uint64(b[len(b)-8:])>>8 | uint64(extra)<<56
	// The bytes that are no whole word go first, zeros before them, which have no weight. The register begins as ones,
	// which is the same as to turn the first 16 bits.
	odd := uint(len(b)+1) & 7
	next := crcFold((binary.LittleEndian.Uint64(b)^0xFFFF)<<(64-8*odd)) ^ 0xFFFF>>(8*odd)
	b = b[odd:]
	var second uint64               // what is left on the word behind the next one
	for ; len(b) >= 23; b = b[8:] { // two more words come behind this one, extra among them
		w := binary.LittleEndian.Uint64(b) ^ next
		w ^= w << 32
		next, second = second^w>>32^w<<24, w^w>>40
	}
	if len(b) >= 8 {
		next = crcFold(binary.LittleEndian.Uint64(b)^next) ^ second
	}
	return crcEnd(last ^ next)
}

// crcFold trades 64 bits for what they leave on the next 64. Of the bits at i+16 and i+44 some lie in the word itself and
// are traded in turn, which comes to a multiplication by 1/(1 + s^16 + s^44), s being a shift by one place.
func crcFold(w uint64) uint64 {
	t := w ^ w<<16
	w = t ^ t<<32 ^ w<<44
	return w ^ w>>48 ^ w>>20
}

// crcEnd is the register behind the last 64 bits. A bit at i is traded for bits at i+4, i+11 and i+16: a multiplication
// by 1/Q, where Q = 1 + s^4 + s^11 + s^16, and 1/Q is Q * Q^2 / Q^4.
func crcEnd(w uint64) uint16 {
	t := w ^ w<<16
	w = t ^ t<<32 ^ w<<44
	w ^= w<<8 ^ w<<22 ^ w<<32
	w ^= w<<4 ^ w<<11 ^ w<<16
	return uint16(w>>60 ^ w>>53 ^ w>>48)
}

// crcByte is the register behind one byte more: crc_accumulate of mavlink/c_library_v2 (checksum.h).
func crcByte(crc uint16, x byte) uint16 {
	x ^= byte(crc)
	x ^= x << 4
	return crc>>8 ^ uint16(x)<<8 ^ uint16(x)<<3 ^ uint16(x)>>4
}
