// Package notify delivers notices: one message to one recipient about one transition. The Book (the ledger) holds what
// is queued; New makes a Notifier of it, Run delivers until its context ends, Wake says that there may be more, and
// Direct delivers from memory what the Book cannot take because the disk is full.
//
// What it promises:
//
//   - Every queued notice is delivered at least once, or is recorded as failed or expired with the reason; over a
//     restart too. The key of a notice never changes: a receiver that remembers keys sees each notice once.
//   - One recipient's notices are tried in the order of their transitions, and no recipient waits for another. Only a
//     notice that its receiver has answered with an error five times (but 408, 425, 429, 502, 503 and 504, which are
//     about the receiver as a whole) lets the ones behind it go first.
//   - A receiver that fails is left alone for 1 s, 2 s, 4 s ... 60 s, or as long as it asks for (10 min at most). What is
//     queued in that time has one try at once all the same; where it gets through, those before it follow.
//   - Every answer but 2xx is tried again until the deadline, 401, 403 and 404 too: a reverse proxy gives them while
//     what is behind it restarts. Only 400, 410, 413 and 422 fail a notice for good: this very body will never be taken.
//   - A webhook's URL is never logged or recorded but for its scheme and host.
package notify
