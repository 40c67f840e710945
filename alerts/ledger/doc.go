// Package ledger keeps what a station decided and what people did: one SQLite file, riverwatch.db, in the data
// directory. It is opened with Open and written by Commit (what the fold brought about), Accept (what a person asked
// for), Person (who they are) and the Notice methods (what became of a notice); everything else reads.
//
// What it promises:
//
//   - What returned without error is on disk: one transaction, one sync of the write-ahead log. A transition and its
//     notices are in the same transaction.
//   - Writing the same again changes nothing: transitions are known by station and seq, sightings and sorties by id,
//     zone events by time, vehicle, zone and event, requests by key, answers by request, notices by key.
//   - A write that fails leaves the ledger as it was, says ErrUnavailable, and the next one may succeed.
//   - Nothing in the table of events changes afterwards but that personal words can be erased; triggers refuse all
//     else. Every other table is a projection of it, written in the same transaction.
//   - A page of a list costs the same at the end of a million rows as at the start.
//
// # Events
//
// An event is a row (n, at, kind, subject, data, personal, salt, digest, chain). n counts from 1 without gaps; at is
// µs since the Unix epoch, UTC; data is JSON without personal words; personal is UTF-8 text. The kinds:
//
//	ledger      the first event            subject: the ledger's id   data: id, station
//	person      a name got a number        subject: the number        data: number        personal: the name
//	request     a person asked for a thing subject: the alert or ""   data: number, key, act, by   personal: the note
//	answer      what the fold said to it   subject: the alert or ""   data: number, alert, reply
//	transition  an alert changed           subject: the alert         data: the transition's line; where they are
//	                                       not empty followed by "subject", "tell" (the recipients),
//	                                       "owner" (a person's number) and "also_sides" (of the zones in "also")
//	sighting    new, or better known       subject: its id            data: as in a transition, and "verified"
//	zone_event  a track and a zone         subject: the vehicle       data: ZoneEvent
//	sortie      took off; landed           subject: its id            data: Sortie
//	notice      sent, tried, failed, expired   subject: the alert     data: Notice
//	erased      personal words were erased subject: the event's n     data: n
//
// # The chain
//
// Every event binds all before it. With || for joining bytes, u64 and i64 for 8 bytes big-endian and u32 for 4:
//
//	digest   = SHA-256(salt || personal)        salt: 32 random bytes where the event has personal words, else empty
//	chain(0) = 32 bytes of 0
//	chain(n) = SHA-256(chain(n-1) || u64 n || i64 at ||
//	                   u32 length of kind || kind || u32 length of subject || subject ||
//	                   SHA-256(data) || digest)
//
// digest and chain are stored as 32 bytes. Erasing sets personal and salt to NULL and leaves digest as it was, so the
// chain still holds, and without the salt nobody can try out names against the digest.
package ledger
