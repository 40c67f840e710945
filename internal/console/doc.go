// Package console is the station's face: the HTTP API, the live stream and the page that people watch.
//
//	c, err := console.New(console.Options{Station: station, Ledger: ledger, ...})
//	err = c.Serve(ctx, listener)      // blocks until ctx ends
//
// It decides nothing. What it shows it reads from the ledger and from the Station's snapshots; what people do it
// checks for form and hands to the Station, and it answers only when the Station has. It promises:
//
//   - A browser never slows the station. Nothing waits for a reader of the stream: one that does not take what it is sent
//     is cut off and comes back with Last-Event-ID to where it was. What all are told is read and encoded once.
//   - Every error is a problem document (RFC 9457) whose detail says what to do.
//   - With a token, everything but /-/healthy needs it. The page's own code is the exception that is none: without the
//     token it comes with status 401, contains no data, and asks for the token, which it sends as a header and keeps
//     for the tab only.
//   - The page asks nothing of other hosts.
package console
