// Package notify delivers notices: one message to one recipient about one transition. The Book (the ledger) holds what
// is queued; New makes a Notifier of it, Run delivers until its context ends, Wake says that there may be more, and
// Direct delivers from memory what the Book cannot take because the disk is full.
//
// What it promises:
//
//   - Every queued notice is delivered at least once, or is recorded as failed or expired with the reason; over a
//     restart too. The key of a notice never changes: a receiver that remembers keys sees each notice once.
//   - One recipient's notices are tried in the order of their transitions, and no recipient waits for another. Only a
//     notice that its receiver has answered with a server error five times lets the ones behind it go first.
//   - A receiver that does not answer is left alone for 1 s, 2 s, 4 s ... 5 min, or as long as it asks for.
//   - A webhook's URL is never logged or recorded but for its scheme and host.
package notify
