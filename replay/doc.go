// Package replay reads and writes flight logs: what was received, in its order, with its time.
//
// A flight log (tlog) is a run of records without any header:
//
//	8 bytes  time, µs since the Unix epoch, big-endian
//	n bytes  one MAVLink frame, v1 or v2, signature included
//
// A session folder holds such a log and all that is needed to judge it again as it was:
//
//	sessions/20261123T075000.123456Z/
//	    manifest.json       format, program, station, own id, previous session, head of the audit chain
//	    start.json          the whole state of the fold when the session began
//	    plan-<digest>.json  each plan that judged any part of it
//	    terrain-<digest>.hgt each elevation tile that one of them names
//	    flight.tlog         every frame, those that the station made included
//	    transitions.jsonl   what the fold made of it; written at the end, or by the next start
//
// There are three ways to read and one to write:
//
//   - [Open] merges logs and session folders on one clock for a what-if: beats and link notes are added where no
//     station recorded them, foreign clocks are straightened.
//   - [OpenSession] and [Session.Frames] give a session back exactly as it was: nothing added, nothing moved.
//   - [Inspect] says what is in a log.
//   - [Create] begins a session; its [Recorder] takes batches and promises that what Sync returned for is on the disk.
//
// [Pace] makes any of them come true to time, [Send] puts logs on the wire, [List], [Newest] and [Sweep] look after the
// folder that the sessions stand in.
//
// What it promises: a log is read in constant memory, whatever its size; bytes that are no record never stop a reader
// and never pass uncounted; a file that is no flight log is refused with a [NotALogError] that says what it looks like
// and what to do; a session cut anywhere loads up to its last whole record.
package replay
