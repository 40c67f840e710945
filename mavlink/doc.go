// Package mavlink is the only place that knows the protocol: bytes become frames, frames become vehicles, fixes and
// evidence of sightings.
//
// # Frames
//
// A Splitter finds the frames in what one source sends, be it datagrams or a stream, and counts what is none by reason.
// It emits only frames whose CRC holds and, marked as such, those of message ids that gomavlib's `all` dialect lacks,
// where their end is believable. Whoever has a frame alone, as the reader of a log has, asks Check. Of such a frame, and
// of no other bytes, Parse reads the header, Payload gives the payload, a Read function reads one of the frequent
// messages without allocating, and Decode has gomavlib decode any other.
//
//	var s mavlink.Splitter
//	s.Datagram(b, func(raw []byte, v mavlink.Verdict) {
//		if v == mavlink.Good {
//			f := mavlink.Parse(raw)
//			...
//		}
//	})
//
// Framing and checksum are ours, because gomavlib decodes only the first frame of a datagram and passes unknown ids
// unchecked; the protocol's definitions, encoding and decoding are gomavlib's. Fuzz tests hold the two equal.
//
// # Own frames
//
// The station writes what it does and decides into the same log, as MAVLink frames under its own id: AppendBeat and
// OwnFrames make them, an OwnInbox reads them.
//
// # Fleet
//
// A Fleet takes frames one by one and tells what they bring as News. It is one part of the fold: the same plan and the
// same frames give the same news, at whatever speed and on whatever day.
//
// # Promises
//
// Nothing here reads a clock, a file or a socket, starts a goroutine or logs. No bytes make it panic or hold more memory
// than its doc comments say.
package mavlink
