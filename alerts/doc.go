// Package alerts turns signals into alerts and alerts into transitions.
//
// The Book is the only way to use it: Observe gives it a sighting with what the zones say of it, Raise and Clear a
// cause in the station itself, Act what a person did, Advance the time. Each appends the transitions that follow from
// it to a slice. The Book knows no clock and no geometry, does no I/O, and starts nothing: the same calls in the same
// order give the same transitions to the byte, before and after its State went through JSON. What keeps transitions
// is alerts/ledger, what delivers notices of them is alerts/notify.
package alerts
