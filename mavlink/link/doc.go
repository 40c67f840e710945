// Package link is where bytes come in: UDP sockets, TCP connections and serial ports, whose bytes it splits into
// frames, checks, stamps and queues for the fold.
//
//	l, err := link.New(link.Options{Links: links, Own: mavlink.DefaultOwnID, OneShot: oneShot, LastAt: lastAt, Vehicles: pinsAndKeys})
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
//   - Nothing is written to a link, but for the answers to commands that the station takes (Reply), and on links of mode
//     request the heartbeats and asks of asker. No write holds up a reader or a caller.
//   - Station time never goes back. The clock is read once for each read; a frame's At is max(stamp, last At), given
//     in the same locked step as its place in the queue.
//   - What has been queued is handed out. What is not queued is counted by link and reason and told to the log once a
//     second in a `refused` frame: nothing gets lost silently, not even in the kernel's socket buffer (Linux). People
//     read of it at once, then once a minute while it goes on, with the newest sender where it lies with the sender.
//   - A frame's Origin is where it came from, and the one that the newest `origin` frame before it gave to its (system,
//     component), so whoever reads the frames back from a log finds the same. Each change is told, however often: two
//     drones that share an id, and one that is heard over two links, are told apart frame by frame.
//   - What Options.Vehicles holds a vehicle to is looked at after the checksum and before anything else: the link and
//     the address that its frames must come from, then their signatures. What fails is counted and told, never queued;
//     nothing is learnt from it. Pins go by the system id, whatever the component and whatever is signed. A frame of
//     MAVLink 1 where signatures are required counts as unsigned, as does where they are preferred what a component that
//     signs sends without, tags excepted. Copies of a signed frame, over several links and in
//     one, and frames that overtook each other, count as replayed: the rules of signing want times that increase
//     strictly within (system, component, link id). A vehicle that signs with a link id for each of its channels is
//     heard over all of them.
//   - No allocation for a frame, once the memory of the queue has grown to what the traffic needs; two small ones for
//     a UDP datagram (its source address).
//
// The queue holds 65,536 frames. Ordinary frames are taken while it is under three quarters, of one origin only up to
// half of it while another origin has been heard within a second. From an eighth on, where what others offer in a second
// would not find room beside it, an origin has for each system only an equal part of the queue, so that what must be lost
// is lost evenly. Both are counted under reason origin. Frames that may never be repeated (Options.OneShot) are taken
// until it is full, at most 50 a second for each system, verified ones apart. An `origin` frame shares the room and the
// fate of the frame that it goes before, because it is the sender who brings it about. Own frames have 4,096 places of
// their own.
//
// A session tells some 32,000 sources apart. A link gives an index to 128 new ones at once and one a second from then
// on; others, as those of a network that gives each packet a new port or of a forger, are one origin of that link with
// the address "other". The indices of a session and of the one before are different, so that an answer finds its way.
//
// Frames of a message id that is in no dialect are queued, since the log keeps them, and believed by nobody: they do
// not move an origin.
package link
