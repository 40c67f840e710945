package mavlink

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
)

// SystemState is what the fleet remembers of a system id, however many aircraft claim it.
type SystemState struct {
	System   uint8          `json:"system"`
	Speakers []SpeakerState `json:"speakers"` // where its components speak from, by component
	Conflict bool           `json:"conflict"` // told: who speaks under this id is in dispute
	Origin   PinState       `json:"origin"`   // how its pins fare: of link and address,
	Type     PinState       `json:"type"`     // of its type,
	UID2     PinState       `json:"uid2"`     // of its board

	uneasy bool // there is more to look at than whose stream a frame goes on with
}

// OriginState is one line of the session's list of origins.
type OriginState struct {
	Origin  uint16 `json:"origin"`
	Link    string `json:"link"`
	Address string `json:"address"`
}

// SpeakerState is where a component was last told to speak from.
type SpeakerState struct {
	Component uint8  `json:"component"`
	Origin    uint16 `json:"origin"`
	Link      string `json:"link"`
	Address   string `json:"address"`

	astray bool // not where the plan pins it
}

// IdentityState is what the fleet knows of who a track is. Times are µs, 0 for never.
type IdentityState struct {
	UID2   string                 `json:"uid2"`   // of AUTOPILOT_VERSION, hex; "" not heard
	Signed bool                   `json:"signed"` // its newest HEARTBEAT was
	Heard  int64                  `json:"heard"`  // newest claim
	Boot   [clocks]BootState      `json:"boot"`
	Points [pointKinds]PointState `json:"points"`
	Left   LeftState              `json:"left"`

	Tentative bool  `json:"tentative"` // it may yet turn out to be the aircraft that was there before
	Opened    int64 `json:"opened"`    // since when:
	Own       uint8 `json:"own"`       // claims of it that are none of the others',
	Others    uint8 `json:"others"`    // claims of the others that are none of it, since it must have been the only one
}

// LeftState is the clock or place that a track last jumped away from, its numbers running on: an aircraft that jumps
// does not come back again and again.
type LeftState struct {
	At     int64      `json:"at"`
	Series uint8      `json:"series"`
	Boot   BootState  `json:"boot"`
	Kind   uint8      `json:"kind"`
	Point  PointState `json:"point"`
	Times  uint8      `json:"times"` // back and forth
}

const (
	vouchFor    = 3_000_000  // so long a new stream's word on the vehicle's state waits for proof of whose it is
	maxFurther  = 16         // of the next numbers, one so far ahead at most goes on with a stream although it jumps
	switchesFor = 10_000_000 // back and forth within this is no jump
	maxSwitches = 4          // of places; of clocks one is too many
)

// meet makes the memory of a system id.
func (f *Fleet) meet(id uint8) *SystemState {
	y := &SystemState{System: id}
	f.systems[id] = y
	f.tracks[id] = []*TrackState{newTrack(id, 0)}
	i, _ := slices.BinarySearch(f.met, id)
	f.met = slices.Insert(f.met, i, id)
	return y
}

func newTrack(system, disc uint8) *TrackState {
	s := &TrackState{System: system, Disc: disc}
	s.Vehicle.Main, s.Vehicle.Pack = noBattery(), noBattery()
	return s
}

// speaker is where a component speaks from, nil where nobody told.
func (y *SystemState) speaker(comp uint8) *SpeakerState {
	lo, hi := 0, len(y.Speakers)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); y.Speakers[mid].Component < comp {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(y.Speakers) && y.Speakers[lo].Component == comp {
		return &y.Speakers[lo]
	}
	return nil
}

// spokenFrom is where a component of a system speaks from: the zero value where nobody told.
func (f *Fleet) spokenFrom(system, comp uint8) SpeakerState {
	if y := f.systems[system]; y != nil {
		if o := y.speaker(comp); o != nil {
			return *o
		}
	}
	return SpeakerState{Component: comp}
}

// origin takes over which origin a component speaks from. A note names an origin the first time that a session uses
// its number; numbers of the session before are told anew.
func (f *Fleet) origin(note OriginNote) {
	i, found := f.originAt(note.Origin)
	if note.Link != "" || note.Address != "" {
		if !found {
			f.origins = slices.Insert(f.origins, i, OriginState{Origin: note.Origin})
		}
		f.origins[i].Link, f.origins[i].Address = note.Link, note.Address
	} else if found {
		note.Link, note.Address = f.origins[i].Link, f.origins[i].Address
	}
	if note.System == 0 {
		return
	}
	y := f.systems[note.System]
	if y == nil {
		y = f.meet(note.System)
	}
	o := y.speaker(note.Component)
	if o == nil {
		i, _ := slices.BinarySearchFunc(y.Speakers, note.Component, func(o SpeakerState, c uint8) int { return cmp.Compare(o.Component, c) })
		y.Speakers = slices.Insert(y.Speakers, i, SpeakerState{Component: note.Component})
		o = &y.Speakers[i]
	}
	o.Origin, o.Link, o.Address = note.Origin, note.Link, note.Address
	if o.astray = !f.pins[note.System].place(o); o.astray {
		f.unsettle(y)
	}
	f.shortcuts[note.System].places[note.Component] = 0
}

// originAt is the place of an origin in the list, or the one where it belongs. Numbers are given out one by one, so it is
// mostly found by its distance from the first.
func (f *Fleet) originAt(n uint16) (i int, found bool) {
	if len(f.origins) > 0 {
		if i = int(n) - int(f.origins[0].Origin); i >= 0 && i < len(f.origins) && f.origins[i].Origin == n {
			return i, true
		}
	}
	return slices.BinarySearchFunc(f.origins, n, func(o OriginState, n uint16) int { return cmp.Compare(o.Origin, n) })
}

// unsettle makes the next frames of a system be looked at for more than whose stream they go on with.
func (f *Fleet) unsettle(y *SystemState) {
	y.uneasy = true
	f.lose(y.System)
}

// route gives the track that a frame belongs to, made at its first frame, with the frame counted; nil for one that is
// not to be folded: a copy, or the word of a stream of which nobody knows yet whose it is.
func (f *Fleet) route(fr *Frame, p []byte, out *News) *TrackState {
	y := f.systems[fr.SysID]
	if y == nil {
		y = f.meet(fr.SysID)
	}
	o := y.speaker(fr.CompID)
	if o == nil {
		o = &f.nowhere
	}
	check := fr.Checksum
	f.late = false
	if !y.uneasy {
		return f.routeAlone(y, o, fr, p, check, out)
	}
	f.pinOrigin(y, o, fr.At)
	var s *TrackState
	if len(f.tracks[fr.SysID]) == 1 {
		s = f.routeAlone(y, o, fr, p, check, out)
	} else {
		s = f.routeAmong(y, o, fr, p, check, out)
	}
	f.settle(y, fr.At, out)
	return s
}

// routeAlone is route where one aircraft is known.
func (f *Fleet) routeAlone(y *SystemState, o *SpeakerState, fr *Frame, p []byte, check uint16, out *News) *TrackState {
	s := f.tracks[fr.SysID][0]
	st, beside := s.stream(fr.CompID, o, fr.At)
	if st == nil {
		st = f.begin(s, o, fr, !beside)
	} else if fr.At-st.Heard > f.lostUS {
		f.due = math.MinInt64 // what its link says of its silence may be another thing now
	}
	if fr.Seq-st.Seq == 1 && st.Counting && st.Vouched && !beside && (!makesClaim(fr.MsgID) || !f.speaks(s, fr.CompID) || s.Identity.goesOn(fr, p)) {
		st.next(fr)
		f.find(y, s, st)
		return s
	}
	how, ahead := st.judge(fr.Seq, check)
	if fr.SysID == radioSystem && fr.CompID == radioComponent {
		how = orderFree
	}
	if how != orderCopy && f.speaks(s, fr.CompID) {
		if c, ok := claimOf(fr, p); ok {
			c.lag = st.LagMS
			if why := s.Identity.fit(&c, fr.At); why != fits {
				if !f.believes(s, st, &c, why, how, ahead, fr.At, out) {
					return f.doubt(y, s, o, &c, fr, check)
				}
			} else if how != orderNext && s.Identity.lags(&c, fr.At) {
				s.Trust.Broken = true
			}
			if c.boot != 0 {
				st.LagMS = s.Identity.lag(&c, fr.At)
			}
			c.lag = st.LagMS
			s.Identity.learn(&c, fr.At)
			st.vouch(&c, beside)
		} else if !st.Vouched && st.waits(fr, beside) {
			st.take(how, ahead, fr.Seq, check, fr.At)
			return nil
		}
	}
	f.late = beside && st.LagMS > lateMS
	if !f.enter(s, fr, p, st, how, ahead, check, beside) {
		return nil
	}
	return s
}

// begin makes a stream of s at its first frame.
func (f *Fleet) begin(s *TrackState, o *SpeakerState, fr *Frame, vouched bool) *StreamState {
	v := &s.Vehicle
	if !v.Exists || fr.CompID == v.Component || len(s.Streams) >= maxStreams && s.Streams[s.oldestStream()].Component == v.Component {
		f.due = math.MinInt64 // the vehicle's silence hangs on the streams of its autopilot
	}
	f.lose(s.System)
	return s.newStream(StreamState{
		Component: fr.CompID, Link: o.Link, Address: o.Address, Since: fr.At, Heard: fr.At, Vouched: vouched,
	})
}

// enter counts a frame in its stream, and says whether it is to be folded. A copy is not, but for a HEARTBEAT: it does
// no harm twice, and is the same each second.
func (f *Fleet) enter(s *TrackState, fr *Frame, p []byte, st *StreamState, how order, ahead uint8, check uint16, beside bool) bool {
	st.take(how, ahead, fr.Seq, check, fr.At)
	switch {
	case fr.MsgID == idHeartbeat:
	case how == orderCopy:
		return false
	case beside && s.copied(fr, p, st, f.signed[s.System] && fr.Signed):
		st.Duplicates++
		return false
	}
	return true
}

// vouch takes a claim that fits as proof of whose the stream is: beside another stream a place, since two aircraft may
// have been switched on at one instant.
func (st *StreamState) vouch(c *claim, beside bool) { st.Vouched = st.Vouched || c.point || !beside }

// waits says whether a frame of a new stream is passed over, since it may be another aircraft's and would turn this
// one's state: until a claim over the stream has shown whose it is, where there is another stream to go by.
func (st *StreamState) waits(fr *Frame, beside bool) bool {
	if !beside || fr.At-st.Since >= vouchFor {
		st.Vouched = true
		return false
	}
	switch fr.MsgID {
	case idHeartbeat, idSysStatus, idSystemTime, idGPSRawInt, idGlobalPositionInt, idRCChannels, idTerrainReport, idAltitude, idBatteryStatus,
		idAutopilotVersion, idEKFStatusReport, idEstimatorStatus, idExtendedSysState, idGNSSIntegrity,
		idGimbalAttitude, idMountOrientation, idMountStatus, idCameraFOVStatus:
		return true
	}
	return false
}

// lags says whether a claim is older than a link has been so far. What goes on with a stream was held up on its way;
// what does not may be another aircraft that booted a little later.
func (id *IdentityState) lags(c *claim, at int64) bool { return id.lag(c, at) > clockApartMS }

// lag is how far a claim came behind the quickest ones of its clock, ms.
func (id *IdentityState) lag(c *claim, at int64) int32 {
	b := &id.Boot[c.series]
	if b.MS == 0 || c.boot == 0 {
		return 0
	}
	return int32(c.off(at) - b.Off)
}

// believes says whether a claim that contradicts what s has said is of s all the same: where its numbers run on, or
// where s has been silent for a while. Then it has jumped, or was booted, or another aircraft has its place.
func (f *Fleet) believes(s *TrackState, st *StreamState, c *claim, why fit, how order, ahead uint8, at int64, out *News) bool {
	id := &s.Identity
	silent := at-id.Heard >= takeoverAfter && (why != notClock || !id.Left.old(c, at))
	left := LeftState{At: at, Series: uint8(c.series), Boot: id.Boot[c.series]}
	again := at-id.Left.At <= switchesFor
	switch {
	case st.runsOn(how, ahead, why, id.hastens(c, at)) && id.switches(c, why, at):
		// By chance it may be another's: nothing follows from the way there, but for a clock that hastens all the time.
		s.Trust.Broken = s.Trust.Broken || silent || !again
	case !silent:
		return false
	case why == notClock:
		f.forget(s)
		f.change(s, ChangeReboot, at, out)
		id.Left = left
	default:
		s.Trust.Broken = true
	}
	id.unlearn(why)
	return true
}

// old says whether a claim is by the clock that was left a while ago. Who has booted does not come back to it.
func (l *LeftState) old(c *claim, at int64) bool {
	return at-l.At <= conflictFor && l.Boot.MS != 0 && c.boot != 0 && l.Boot.fits(c, at)
}

// lives says whether a claim by the old clock was made when the new one was there already: a link may bring what was
// said before.
func (l *LeftState) lives(c *claim, at int64) bool {
	const surely = 1_000 // ms
	return l.old(c, at) && int32(c.boot+l.Boot.Off-uint32(l.At/1000)) > surely
}

// runsOn says whether a frame with a contradiction goes on with a stream that is known to be the track's. One number in 256 does by chance, sixteen in
// 256 where a place is at odds, for an aircraft's position may jump where frames were lost, and that is told as such; or
// where its clock hastens.
func (st *StreamState) runsOn(how order, ahead uint8, why fit, hastens bool) bool {
	return how == orderNext && st.Vouched && st.steady() && (ahead == 1 || ahead <= maxFurther && (why == notPlace || hastens))
}

// hastens says whether a clock that is ahead of the time that has passed is no further so than a simulation's, or that
// of a log which is sent faster than it was recorded.
func (id *IdentityState) hastens(c *claim, at int64) bool {
	b := &id.Boot[c.series]
	ahead, passed := int64(int32(c.boot-b.MS)), int64(int32(uint32(at/1000)-b.MS-b.Off))
	return b.MS != 0 && c.boot != 0 && ahead > 0 && ahead <= clockApartMS+maxRate*passed && id.Points[c.kind].near(c, at)
}

// switches takes note of a jump that the numbers vouch for, and says whether it is one: not a coming back to where
// the track was before, as where two aircraft speak through one counter.
func (id *IdentityState) switches(c *claim, why fit, at int64) bool {
	l := &id.Left
	if at-l.At > switchesFor {
		*l = LeftState{}
	}
	if l.At != 0 {
		switch {
		case why == notClock && l.Series == uint8(c.series) && l.Boot.MS != 0 && l.Boot.fits(c, at):
			return false
		case why == notPlace && l.Kind == uint8(c.kind) && l.Point.At != 0 && l.Point.near(c, at):
			if l.Times++; l.Times >= maxSwitches {
				return false
			}
		}
	}
	*l = LeftState{
		At: at, Series: uint8(c.series), Boot: id.Boot[c.series], Kind: uint8(c.kind), Point: id.Points[c.kind], Times: l.Times,
	}
	return true
}

// verified says whether what this frame says may be taken for its vehicle's own word (DESIGN 5): the plan knows the
// vehicle, nothing that can be checked speaks against it, and where its frames are to be signed this one was.
func (f *Fleet) verified(s *TrackState, fr *Frame) bool {
	return f.standsFor(s.System) && !s.Identity.Tentative && (!f.signed[s.System] || fr.Signed)
}

// standsFor says whether who speaks as the system is its vehicle of the plan, as far as is known.
func (f *Fleet) standsFor(system uint8) bool {
	y := f.systems[system]
	return f.known[system] && (y == nil || !y.Conflict)
}

// signature keeps how far the stream of a signed frame has come.
func (f *Fleet) signature(fr *Frame) {
	link, last := SignatureStamp(fr.Raw)
	key := SignatureState{System: fr.SysID, Component: fr.CompID, LinkID: link, Last: last}
	i, found := slices.BinarySearchFunc(f.signatures, key, func(a, b SignatureState) int {
		return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Component, b.Component), cmp.Compare(a.LinkID, b.LinkID))
	})
	if found {
		f.signatures[i].Last = max(f.signatures[i].Last, last)
		return
	}
	f.signatures = slices.Insert(f.signatures, i, key)
	if len(f.signatures) > maxSignedStreams {
		f.forgetSignature()
	}
}

// forgetSignature drops the stream that has come least far of the system that has most of them: the holder of one key
// must not push out what is known of another's, least of all of a vehicle without a clock.
func (f *Fleet) forgetSignature() {
	var streams [256]int
	most := uint8(0)
	for i := range f.signatures {
		id := f.signatures[i].System
		if streams[id]++; streams[id] > streams[most] {
			most = id
		}
	}
	least := -1
	for i := range f.signatures {
		if s := &f.signatures[i]; s.System == most && (least < 0 || s.Last < f.signatures[least].Last) {
			least = i
		}
	}
	f.signatures = slices.Delete(f.signatures, least, least+1)
}

// uid2At is where AUTOPILOT_VERSION has its uid2, 18 bytes.
const uid2At, uid2Len = 60, 18

// readUID2 reads the board's id in an AUTOPILOT_VERSION, "" where it is not told.
func readUID2(p []byte) string {
	var uid [uid2Len]byte
	if len(p) > uid2At {
		copy(uid[:], p[uid2At:])
	}
	if uid == [uid2Len]byte{} {
		return ""
	}
	return hex.EncodeToString(uid[:])
}

// autopilotVersion folds an AUTOPILOT_VERSION: the board's unique id.
func (f *Fleet) autopilotVersion(s *TrackState, fr *Frame, p []byte, out *News) {
	uid := readUID2(p)
	if uid == "" {
		return
	}
	s.Identity.UID2 = uid
	if want := f.pins[s.System].uid2; want != "" {
		f.pin(s.System, &f.systems[s.System].UID2, want, uid, fr.At, out)
	}
}
