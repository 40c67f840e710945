package mavlink

import (
	"math"
	"slices"
)

// Two aircraft under one system id are told apart by their claims. A claim that fits no aircraft known is put aside,
// into a tentative track, so that nothing of the one gets into the other. If both go on, it is a conflict; if only the
// newcomer does, it was a reboot, or another drone has taken the place (PROTOCOL 5).

const (
	maxTracks     = 4          // of one system id; further claimants are taken for the last
	takeoverAfter = 3_000_000  // a track silent for so long gives way to the newcomer
	unsettledFor  = 12_000_000 // a tentative track that is nothing by then is given up
	conflictFor   = 60_000_000 // and so long after its last sign a conflict is over
	spokenFor     = 10_000_000 // an address is a track's so long after its autopilot spoke from there
	enoughClaims  = 2          // of each that the other cannot have made: A, B, A, B
	stragglersFor = 5_000_000  // what contradicts a newcomer for so long may be a slower link's, from before a boot
)

// routeAmong is route where several aircraft may be meant.
func (f *Fleet) routeAmong(y *SystemState, o *SpeakerState, fr *Frame, p []byte, check uint16, out *News) *TrackState {
	tracks := f.tracks[fr.SysID]
	var c claim
	claims := false
	if slices.ContainsFunc(tracks, func(t *TrackState) bool { return f.speaks(t, fr.CompID) }) {
		c, claims = claimOf(fr, p)
	}
	var best, jumped, seen *TrackState
	bestFollows := false
	var why fit // of jumped
	var least, since int64
	jumps := 0
	for _, t := range tracks {
		st, _ := t.stream(fr.CompID, o, fr.At)
		how, ahead := orderFresh, uint8(0)
		if st != nil {
			if how, ahead = st.judge(fr.Seq, check); how == orderCopy {
				seen = t
				continue
			}
		}
		if claims {
			if c.lag = 0; st != nil {
				c.lag = st.LagMS
			}
			if w := t.Identity.fit(&c, fr.At); w != fits {
				if st != nil && st.runsOn(how, ahead, w, t.Identity.hastens(&c, fr.At)) {
					jumped, why, jumps = t, w, jumps+1
				}
				continue
			}
		}
		cost, heard := t.cost(st, o, how, ahead, fr, p), int64(0)
		if claims {
			cost += t.Identity.cost(&c, fr.At)
		}
		if st != nil {
			heard = st.Heard
		}
		// Of two that are as likely, the one that it has been longer since.
		if best == nil || cost < least || cost == least && heard < since {
			best, least, since = t, cost, heard
			bestFollows = how == orderNext && ahead <= maxFurther && t.from(o, fr.At, spokenFor)
		}
	}
	// What one of the tracks has said already is a copy, unless another that speaks from there is to say its own next word:
	// two that count alike say some things alike.
	if seen != nil && !bestFollows {
		st, beside := seen.stream(fr.CompID, o, fr.At)
		if f.enter(seen, fr, p, st, orderCopy, 0, check, beside) {
			return seen
		}
		return nil
	}
	if best == nil {
		switch {
		case jumps == 1 && jumped.Identity.switches(&c, why, fr.At):
			best = jumped
		case len(tracks) < maxTracks:
			return f.doubt(y, nil, o, &c, fr, check)
		default:
			best = tracks[len(tracks)-1]
			why = best.Identity.fit(&c, fr.At)
		}
		best.Identity.unlearn(why)
	}
	st, beside := best.stream(fr.CompID, o, fr.At)
	if st == nil {
		st = f.begin(best, o, fr, !beside)
	} else if fr.At-st.Heard > f.lostUS {
		f.due = math.MinInt64
	}
	how, ahead := st.judge(fr.Seq, check)
	if claims {
		if c.boot != 0 {
			st.LagMS = best.Identity.lag(&c, fr.At)
		}
		c.lag = st.LagMS
		best.Identity.learn(&c, fr.At)
		if st.vouch(&c, beside); st.Vouched {
			for _, t := range tracks {
				if t != best {
					f.disown(t, fr.CompID, o)
				}
			}
			st, _ = best.stream(fr.CompID, o, fr.At)
		}
	} else if !st.Vouched && f.speaks(best, fr.CompID) && st.waits(fr, beside) {
		st.take(how, ahead, fr.Seq, check, fr.At)
		return nil
	}
	f.late = beside && st.LagMS > lateMS
	fold := f.enter(best, fr, p, st, how, ahead, check, beside)
	if claims {
		best = f.weigh(best, o, &c, fr.At, out)
	}
	if !fold {
		return nil
	}
	return best
}

// cost is how far a frame's number is from the next of a track's stream: small where it is likely the track's.
func (s *TrackState) cost(st *StreamState, o *SpeakerState, how order, ahead uint8, fr *Frame, p []byte) (n int64) {
	const otherWords, late, fresh, unheard, elsewhere = 8, 8, 64, 70, 100
	if !s.from(o, fr.At, spokenFor) {
		n = elsewhere // not from where its autopilot speaks
	}
	switch {
	case st == nil:
		n += unheard
	case how == orderNext:
		n += int64(ahead) - 1
	case how == orderLate:
		n += late + int64(-ahead)
	default:
		n += fresh
	}
	if v := &s.Vehicle; fr.MsgID == idHeartbeat && v.Exists {
		if hb := ReadHeartbeat(p); hb.Type != v.Type || hb.BaseMode != v.BaseMode || hb.CustomMode != v.CustomMode {
			n += otherWords
		}
	}
	return n
}

// from says whether the autopilot of s has spoken from o within so long.
func (s *TrackState) from(o *SpeakerState, at, within int64) bool {
	for i := range s.Streams {
		st := &s.Streams[i]
		if st.Vouched && st.comesFrom(o) && at-st.Heard <= within &&
			(!s.Vehicle.Exists || st.Component == s.Vehicle.Component) {
			return true
		}
	}
	return false
}

// disown drops a stream that nothing has vouched for: it was another track's.
func (f *Fleet) disown(s *TrackState, comp uint8, o *SpeakerState) {
	n := len(s.Streams)
	s.Streams = slices.DeleteFunc(s.Streams, func(st StreamState) bool {
		return !st.Vouched && st.Component == comp && st.comesFrom(o)
	})
	if len(s.Streams) != n {
		s.Folded = nil
		f.lose(s.System)
		f.due = math.MinInt64 // what its links say of its silence may be another thing now
	}
}

// doubt opens a tentative track with a claim that fits none of those known. from, if not nil, is the one that its stream
// was taken to be of.
func (f *Fleet) doubt(y *SystemState, from *TrackState, o *SpeakerState, c *claim, fr *Frame, check uint16) *TrackState {
	disc := uint8(1) // 0 is the vehicle's own
	for slices.ContainsFunc(f.tracks[y.System], func(t *TrackState) bool { return t.Disc == disc }) {
		disc++
	}
	s := newTrack(y.System, disc)
	if from != nil {
		f.disown(from, fr.CompID, o)
	}
	id := &s.Identity
	id.Tentative, id.Opened, id.Own = true, fr.At, 1
	if c.boot != 0 {
		for i := range id.Boot { // its other series are about the same
			id.Boot[i] = BootState{MS: c.boot, Off: c.off(fr.At)}
		}
	}
	id.learn(c, fr.At)
	if c.point {
		for i := range id.Points {
			id.Points[i] = id.Points[c.kind]
		}
	}
	st := f.begin(s, o, fr, true)
	st.take(orderFresh, 0, fr.Seq, check, fr.At)
	f.tracks[y.System] = append(f.tracks[y.System], s)
	slices.SortFunc(f.tracks[y.System], func(a, b *TrackState) int { return int(a.Disc) - int(b.Disc) })
	f.unsettle(y)
	return s
}

// weigh settles what can be settled of the tentative tracks after a claim of s that came from o, and returns the track
// that the claim's frame is of then.
func (f *Fleet) weigh(s *TrackState, o *SpeakerState, c *claim, at int64, out *News) *TrackState {
	id := &s.Identity
	alone := true                          // no other can have made the claim
	base, why := f.vacant(s, o, c, at)     // whose place it may take
	certain, only := 0, (*TrackState)(nil) // the last of those that are certain
	for _, t := range f.tracks[s.System] {
		if t == s {
			continue
		}
		w := t.Identity.fit(c, at)
		if w == fits {
			alone = false
		} else if t.Identity.Tentative && at-t.Identity.Opened > stragglersFor && t.Identity.Others < math.MaxUint8 {
			t.Identity.Others++
		}
		if !t.Identity.Tentative {
			certain++
			only = t
		}
	}
	if !id.Tentative {
		return s
	}
	if alone && id.Own < math.MaxUint8 {
		id.Own++
	}
	if certain == 1 && only.Identity.fit(c, at) == notClock && only.Identity.Left.lives(c, at) {
		id.Others = max(id.Others, enoughClaims)
	}
	switch {
	case id.Own >= enoughClaims && id.Others >= enoughClaims:
		id.Tentative = false
		f.due = math.MinInt64
		if s.Vehicle.Exists {
			f.change(s, ChangeHeard, at, out)
		}
		if s.Trust.SuspectSince != 0 {
			f.suspected(s, at, out)
		}
		if s.Flight.Flying {
			f.tellSortie(s, 0, out)
		}
	case base != nil && (certain == 1 || c.boot != 0):
		left := LeftState{At: at, Series: uint8(c.series), Boot: base.Identity.Boot[c.series]}
		f.join(base, s, why == notClock, at, out)
		if why == notClock {
			base.Identity.Left = left
		}
		return base
	}
	return s
}

// vacant finds the track that has fallen silent whose place a claim of a tentative one takes, and how the claim stands
// to it: the likeliest, then one that spoke from there, then the one that it has been longest since. It finds none while
// s may yet turn out to be an aircraft that was heard until s came.
func (f *Fleet) vacant(s *TrackState, o *SpeakerState, c *claim, at int64) (best *TrackState, why fit) {
	if !s.Identity.Tentative {
		return nil, fits
	}
	there := false // best spoke from there
	for _, t := range f.tracks[s.System] {
		id := &t.Identity
		if id.Tentative {
			continue
		}
		w := id.fit(c, at)
		here := slices.ContainsFunc(t.Streams, func(st StreamState) bool { return st.comesFrom(o) })
		if at-id.Heard < takeoverAfter {
			if id.Heard <= s.Identity.Opened && (w != notClock || here) {
				return nil, fits
			}
			continue
		}
		if w == notClock && id.Left.old(c, at) {
			continue
		}
		if best == nil || w < why || w == why && (here && !there || here == there && id.Heard < best.Identity.Heard) {
			best, why, there = t, w, here
		}
	}
	return best, why
}

// join makes a tentative track and the one that it was set apart from one again: that one has fallen silent. Where the
// clock is another one, it was booted, or another drone is in its place.
func (f *Fleet) join(base, s *TrackState, reborn bool, at int64, out *News) {
	if reborn {
		f.forget(base)
		f.change(base, ChangeReboot, at, out)
	}
	base.Trust.Broken = true
	uid := base.Identity.UID2
	base.Identity = s.Identity
	base.Identity.Tentative, base.Identity.Opened, base.Identity.Own, base.Identity.Others = false, 0, 0, 0
	if !reborn {
		base.Identity.UID2 = uid
	}
	for i := range s.Streams {
		o := SpeakerState{Link: s.Streams[i].Link, Address: s.Streams[i].Address}
		if st, _ := base.stream(s.Streams[i].Component, &o, at); st != nil {
			st.resume(&s.Streams[i])
		} else {
			base.newStream(s.Streams[i])
		}
	}
	base.Folded = nil
	f.drop(s)
}

// drop forgets a track.
func (f *Fleet) drop(s *TrackState) {
	f.tracks[s.System] = slices.DeleteFunc(f.tracks[s.System], func(t *TrackState) bool { return t == s })
	f.lose(s.System)
	f.due = math.MinInt64
}

// settle ends what time ends: tentative tracks that came to nothing, aircraft that have left, pins that hold again. Then
// it tells whether there is a conflict.
func (f *Fleet) settle(y *SystemState, at int64, out *News) {
	pins := &f.pins[y.System]
	y.Origin.settle(pins.origin(), at)
	y.Type.settle(pins.typ, at)
	y.UID2.settle(pins.uid2, at)
	if len(f.tracks[y.System]) > 1 {
		f.thin(y.System, at, out)
	}
	f.tellConflict(y, at, out)
}

// thin drops the tracks that have not been heard for so long that they are nothing, or gone.
func (f *Fleet) thin(system uint8, at int64, out *News) {
	newest := newestOf(f.tracks[system])
	for _, t := range slices.Clone(f.tracks[system]) {
		id := &t.Identity
		switch {
		case id.Tentative && at-id.Opened >= unsettledFor:
			if at-id.Heard < takeoverAfter { // it goes on and yet is no other: what it contradicted was wrong
				for _, b := range f.tracks[system] {
					b.Identity.unlearn(notClock)
				}
			}
			f.drop(t)
		case !id.Tentative && t != newest && f.quiet(t, at) >= conflictFor:
			if t.Flight.Flying {
				f.land(t, max(t.Vehicle.Heard, t.Flight.TookOff), out)
			}
			f.drop(t)
			if newest.Disc != 0 && !slices.ContainsFunc(f.tracks[system], func(b *TrackState) bool { return b != newest && !b.Identity.Tentative }) {
				f.inherit(newest, t, at, out)
			}
		}
	}
}

// lull ends the dispute of aircraft that have all been silent for as long as ends a sortie, and returns when to look
// again.
func (f *Fleet) lull(y *SystemState, at int64, out *News) (due int64) {
	newest := newestOf(f.tracks[y.System])
	if newest == nil || len(f.tracks[y.System]) == 1 {
		return never
	}
	since, hearing := f.silentSince(newest)
	if !hearing {
		return never
	}
	if due = max(since, newest.lastSign()) + maxSortieSilence; at < due {
		return due
	}
	f.thin(y.System, at, out)
	return never
}

// newestOf is the certain track with the newest sign of life.
func newestOf(tracks []*TrackState) (newest *TrackState) {
	for _, t := range tracks {
		if !t.Identity.Tentative && (newest == nil || t.lastSign() > newest.lastSign()) {
			newest = t
		}
	}
	return newest
}

// lastSign is when the track was last known to be heard.
func (s *TrackState) lastSign() int64 { return max(s.Identity.Heard, s.Vehicle.Heard) }

// quiet is for how long s has been silent while it could have been heard.
func (f *Fleet) quiet(s *TrackState, at int64) int64 {
	since, hearing := f.silentSince(s)
	if !hearing {
		return 0
	}
	return at - max(since, s.lastSign())
}

// inherit makes s, the last one left, the vehicle, after the track that was.
func (f *Fleet) inherit(s, was *TrackState, at int64, out *News) {
	s.Disc = 0
	s.Position.Fix.Track = s.Track()
	s.Trust.Broken = true
	if was.Vehicle.Standing == StandingLost && s.Vehicle.Standing == StandingHeard {
		f.change(s, ChangeBack, at, out)
	}
	if s.Trust.SuspectSince != 0 {
		f.suspected(s, at, out)
	}
	slices.SortFunc(f.tracks[s.System], func(a, b *TrackState) int { return int(a.Disc) - int(b.Disc) })
}

// tellConflict tells when a conflict begins and when it is over. It goes by memory and plan alone, not by time.
func (f *Fleet) tellConflict(y *SystemState, at int64, out *News) {
	pins, certain := &f.pins[y.System], 0
	for _, t := range f.tracks[y.System] {
		if !t.Identity.Tentative {
			certain++
		}
	}
	on := certain > 1 || y.Origin.broken(pins.origin()) || y.Type.broken(pins.typ) || y.UID2.broken(pins.uid2)
	if on != y.Conflict {
		kind := ChangeConflict
		if !on {
			kind = ChangeConflictOver
		}
		y.Conflict = on
		if !f.ignoreUnknown || f.known[y.System] {
			out.Changes = append(out.Changes, Change{At: at, Track: Track(y.System), Vehicle: f.names[y.System], Kind: kind})
		}
	}
	uneasy := on || len(f.tracks[y.System]) > 1 || y.Origin.At|y.Type.At|y.UID2.At != 0 ||
		slices.ContainsFunc(y.Speakers, func(o SpeakerState) bool { return o.astray })
	if y.uneasy = uneasy; uneasy {
		f.lose(y.System)
	}
}

// aside has tell told of a track beside the vehicle's own: under a name of its own and, while nobody knows what the
// track is, without its doings. What it tagged is told all the same, unverified.
func (f *Fleet) aside(s *TrackState, out *News, tell func()) {
	fixes, evidence, changes, sorties, lost := len(out.Fixes), len(out.Evidence), len(out.Changes), len(out.Sorties), len(out.LostTags)
	tell()
	if s.Identity.Tentative {
		out.Fixes, out.Changes, out.Sorties = out.Fixes[:fixes], out.Changes[:changes], out.Sorties[:sorties]
	}
	plain, name := f.names[s.System], f.name(s)
	rename := func(vehicle *string) {
		if *vehicle == plain {
			*vehicle = name
		}
	}
	for i := evidence; i < len(out.Evidence); i++ {
		rename(&out.Evidence[i].Vehicle)
	}
	for i := changes; i < len(out.Changes); i++ {
		rename(&out.Changes[i].Vehicle)
	}
	for i := sorties; i < len(out.Sorties); i++ {
		rename(&out.Sorties[i].Vehicle)
	}
	for i := lost; i < len(out.LostTags); i++ {
		rename(&out.LostTags[i].Vehicle)
	}
}
