// Package link is where bytes come in: UDP sockets, TCP connections and serial ports, whose bytes it splits into
// frames, checks, stamps and queues for the fold.
//
//	l, err := link.New(link.Options{Links: links, Own: mavlink.DefaultOwnID, OneShot: oneShot, LastAt: lastAt})
//	go l.Run(ctx)            // opens every link, and opens it again when it dies
//	for {
//		b, err := l.Next(all) // io.EOF once ctx has ended and everything queued has been handed out
//		...
//		b.Release()
//	}
//
// What it promises:
//
//   - Every complete frame of every datagram and read, in the order of arrival; bytes of two sources are never joined.
//   - Nothing is ever written to a link.
//   - Station time never goes back. The clock is read once for each read; a frame's At is max(stamp, last At), given
//     in the same locked step as its place in the queue.
//   - What has been queued is handed out. What is not queued is counted by link and reason and told to the log once a
//     second in a `refused` frame: nothing gets lost silently, not even in the kernel's socket buffer (Linux).
//   - A frame's Origin is the one that the newest `origin` frame before it gave to its (system, component), so whoever
//     reads the frames back from a log finds the same.
//   - No allocation for a frame, once the memory of the queue has grown to what the traffic needs; two small ones for
//     a UDP datagram (its source address).
//
// The queue holds 65,536 frames. Ordinary frames are taken while it is under three quarters, and of one origin only
// up to half of it while another origin has been heard within a second; frames that may never be repeated (Options.
// OneShot) until it is full, at most 50 a second for each system. An `origin` frame shares the room and the fate of
// the frame that it goes before, because it is the sender who brings it about. Own frames have 4,096 places of their
// own.
//
// Frames of a message id that is in no dialect are queued, since the log keeps them, and believed by nobody: they do
// not move an origin.
package link
