// Package app wires the parts into the two programs that the product is: Live, a station that listens, and Replay, the
// same fold over recorded logs. It is the only package that knows all the others.
//
//	links ─ listener ─ watch.Run ─ committer ─ session log, ledger ─ console, notifier
//	logs ── reader ─── watch.Run ─ printed transitions
package app
