package mavlink

// A shortcut leads to the streams of a system about which nothing is in doubt: it is one vehicle, whose frames need not be
// signed, and each stream is the one that its component speaks over, with no other beside it. The frames that follow each
// other there, as nearly all do, take it. It follows from state and plan, and is found anew where it was lost.
type shortcut struct {
	track   *TrackState
	streams []StreamState // the track's
	places  [256]uint8    // by component: the place of its stream, from 1 on; 0: none is known
}

// find notes the shortcut to a stream on which a frame has just gone on with no other stream of its component beside it.
func (f *Fleet) find(y *SystemState, s *TrackState, st *StreamState) {
	if y.uneasy || f.signed[s.System] || s.Disc != 0 || !s.Vehicle.Exists || s.Clock.FirstHeard == 0 {
		return
	}
	for i := range s.Streams {
		if &s.Streams[i] == st {
			w := &f.shortcuts[s.System]
			w.track, w.streams, w.places[st.Component] = s, s.Streams, uint8(i+1)
		}
	}
}

// lose forgets the shortcuts to a system's streams: who it is, or what streams it has, is another thing now.
func (f *Fleet) lose(system uint8) { f.shortcuts[system] = shortcut{} }

// goOn folds a frame that goes on with its stream by a shortcut. It says false, and has done nothing, where the frame
// must be looked at more closely.
func (f *Fleet) goOn(w *shortcut, place uint8, how readingOf, fr *Frame, out *News) bool {
	st := &w.streams[place-1]
	if fr.Seq-st.Seq != 1 || fr.At-st.Heard > f.lostUS {
		return false
	}
	if how == readsOther {
		st.next(fr)
		return true
	}
	s := w.track
	r, p, speaks := &readers[how], Payload(fr.Raw), fr.CompID == s.Vehicle.Component
	if speaks && r.claims && !s.Identity.goesOn(fr, p) {
		return false
	}
	st.next(fr)
	if speaks || r.anyone {
		r.fold(f, s, fr, p, out)
	}
	return true
}

// next counts a frame that is the very next of its stream.
func (st *StreamState) next(fr *Frame) {
	st.Heard, st.Seq, st.Seen = fr.At, fr.Seq, st.Seen<<1|1
	st.Gone <<= 1
	st.Checks[fr.Seq%seqWindow] = fr.Checksum
	st.Frames++
}
