package mavlink

// Disputed names the vehicles whose identity is in conflict, by system id.
func (f *Fleet) Disputed() (names []string) {
	for id := range f.systems {
		y := f.systems[id]
		if y != nil && y.Conflict {
			names = append(names, f.names[id])
		}
	}
	return names
}

// Suspected names the tracks of the plan's vehicles whose positions are suspect, by system id and discriminator.
func (f *Fleet) Suspected() (names []string) {
	for id := range f.tracks {
		for _, s := range f.tracks[id] {
			if f.known[id] && !s.Identity.Tentative && s.Trust.SuspectSince != 0 {
				names = append(names, f.name(s))
			}
		}
	}
	return names
}

// Planned says whether a track is of a vehicle that the plan knows, or of another aircraft that claims its id.
func (f *Fleet) Planned(t Track) bool { return f.known[t.System()] }
