package link

// shares keep a queue that fills up from being filled by a few: they count what each system holds of it, and how many
// systems there are to share it. Reads come in bursts of one socket, so without them the vehicles of the socket that is
// read last would lose more than others.
type shares struct {
	systems  [256]share
	speakers int // systems heard within a second; those that fell silent since counted are among them
	counted  int64
}

// share is one system's.
type share struct {
	swap  uint64 // the queue that held counts
	held  int    // its places there, those of one-shot frames apart
	heard int64  // station time, 0: never
}

// of is the share of a system that is heard at at.
func (t *shares) of(system uint8, at int64, swap uint64) *share {
	s := &t.systems[system]
	if s.heard == 0 || at-s.heard >= second {
		t.speakers++
	}
	s.heard = at
	if s.swap != swap {
		s.swap, s.held = swap, 0
	}
	if at-t.counted >= second { // those who have fallen silent go
		t.counted, t.speakers = at, 0
		for i := range t.systems {
			if o := &t.systems[i]; o.heard != 0 && at-o.heard < second {
				t.speakers++
			}
		}
	}
	return s
}
