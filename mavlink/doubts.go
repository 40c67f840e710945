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

// Suspected names the tracks whose positions are suspect, by system id and discriminator.
func (f *Fleet) Suspected() (names []string) {
	for id := range f.tracks {
		for _, s := range f.tracks[id] {
			if s.Trust.SuspectSince != 0 {
				name, _ := f.Name(s.Track())
				names = append(names, name)
			}
		}
	}
	return names
}
