package link

// shares tell when a system has its part of a queue that does not suffice for all. Reads come in bursts of one socket:
// without them whoever is read first would fill the queue, and the vehicles of the other sockets would lose the more.
type shares struct {
	now, before offered // in the second that runs, and in the one before
	began       int64   // the second that runs, station time
	systems     int     // that have offered any frame in either
}

// offered counts the frames of a second, by system and in all.
type offered struct {
	by  [256]int
	all int
}

// heard counts a frame of a system that is offered at at.
func (t *shares) heard(system uint8, at int64) {
	if at-t.began >= second {
		t.before, t.now, t.systems = t.now, offered{}, 0
		if at-t.began >= 2*second { // that was longer ago
			t.before = offered{}
		}
		t.began = at
		for i := range t.before.by {
			if t.before.by[i] > 0 {
				t.systems++
			}
		}
	}
	if t.now.by[system]+t.before.by[system] == 0 {
		t.systems++
	}
	t.now.by[system]++
	t.now.all++
}

// exceeded says whether a system that would hold so much of a queue so full is to leave the rest of it to others: it is
// beyond its equal part, and what they offer in a second would not find room.
func (t *shares) exceeded(system uint8, held, full int) bool {
	if full <= fairFrom || held <= ordinaryLimit/t.systems {
		return false
	}
	others := max(t.now.all-t.now.by[system], t.before.all-t.before.by[system])
	return full+others > ordinaryLimit
}
