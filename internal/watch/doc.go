// Package watch is the spine: the fold of frames into effects, readable in one place.
//
// A Watch is made with New, given a State by Restore (or started empty), and fed by Run from any Source. Live, the
// source is the listener of mavlink/link; in replay it is a reader of package replay; nothing in here can tell which.
// Apply takes one frame, lets the time between pass first, and appends what follows from both to Effects. It reads no
// clock, does no I/O, starts no goroutine, logs nothing and ranges over no map on the way to its output, so the same
// frames after the same State give the same effects to the byte.
//
// What Apply decides by comes in as frames: telemetry from vehicles, and own frames (see mavlink.OwnKind) for
// everything that happens in the station itself: the beat of time, links up and down, marks, acts, plans, trouble.
package watch
