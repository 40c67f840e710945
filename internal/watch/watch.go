package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

const (
	// linkDownFor is how long a link may be down before that is an alert, µs.
	linkDownFor = 10_000_000
	// deafAfter is how long the log may hold nothing, not even a beat, before that says that nobody listened, µs.
	deafAfter = 5_000_000
)

// Options is what a Watch is made with.
type Options struct {
	Station string // its name; "-" for a foreign log
	// Plans finds a plan that a frame or a state names by its digest; nil where there is none.
	Plans func(digest string) *Judge
	// WhatIf, if set, judges everything: plans in the log are passed over and people's actions are left out.
	WhatIf *Judge
}

// Watch folds frames into effects. It belongs to one goroutine.
type Watch struct {
	o       Options
	judge   *Judge
	fleet   *mavlink.Fleet
	zones   *geofence.Tracker
	book    *alerts.Book
	s       State // Fleet, Zones and Book of it are filled by State only
	leftOut int
	linkDue int64 // no link has been down too long before this instant

	// Scratch memory, empty between two calls.
	news   mavlink.News
	events []geofence.Event
	unseen []geofence.Unseen
	nears  []geofence.Near
}

// New returns a watch that remembers nothing.
func New(o Options) *Watch {
	w := &Watch{o: o}
	w.book = alerts.NewBook(alerts.Options{Station: o.Station, DistanceDM: func(latA, lonA, latB, lonB alerts.Degrees) int64 {
		return geofence.DistanceDM(point(latA, lonA), point(latB, lonB))
	}})
	w.fleet = mavlink.NewFleet(&mavlink.FleetPlan{})
	w.judge = &Judge{Plan: &Plan{}, Index: geofence.NewIndex(nil)}
	w.zones = geofence.NewTracker(w.judge.Index)
	if o.WhatIf != nil {
		w.judgeBy(o.WhatIf)
	}
	return w
}

// At is the time of the newest frame, µs.
func (w *Watch) At() int64 { return w.s.At }

// Seq is the number of the newest transition.
func (w *Watch) Seq() uint64 { return w.book.Seq() }

// Adopt takes over what a ledger knows beyond the log, see alerts.Book.
func (w *Watch) Adopt(seq uint64, open []alerts.Adopted) {
	w.book.Adopt(seq, open)
	w.reconcile()
}

// Standing gives the state of each alert that is not closed.
func (w *Watch) Standing() map[string]alerts.State { return w.book.Standing() }

// Troubled says whether trouble with the subject is an alert that is not closed.
func (w *Watch) Troubled(subject string) bool {
	return slices.Contains(w.book.Raised(alerts.OfTrouble), subject)
}

// Links are the names of the links that the fold knows.
func (w *Watch) Links() (names []string) {
	for _, l := range w.s.Links {
		names = append(names, l.Name)
	}
	return names
}

// Judge is the plan in force.
func (w *Watch) Judge() *Judge { return w.judge }

// LeftOut counts people's actions that a what-if has left out.
func (w *Watch) LeftOut() int { return w.leftOut }

// Vehicles gives the vehicles for people to look at.
func (w *Watch) Vehicles() []mavlink.VehicleView { return w.fleet.Vehicles(w.s.At) }

// Signatures is how far the streams of signed frames have come, for a listener to go on from.
func (w *Watch) Signatures() []mavlink.SignatureState { return w.fleet.State().Signatures }

// Open counts the alerts that are not closed, in the order of alerts.Severities.
func (w *Watch) Open() []int {
	n := w.book.OpenBySeverity()
	return n[:]
}

func (w *Watch) judgeBy(j *Judge) {
	w.judge = j
	w.s.Plan = j.Digest
	w.fleet.SetPlan(&j.Plan.Fleet)
	before := w.zones
	w.zones = geofence.NewTracker(j.Index)
	w.zones.Follow(before)
	w.recall()
	w.book.SetPlan(&j.Plan.Book, j.Digest)
}

// Run folds everything that src gives and hands each batch with its effects on, until io.EOF, which it takes for a
// good end, or an error. The batch is released, and the effects used again, when hand has returned.
func (w *Watch) Run(ctx context.Context, src Source, hand func(mavlink.Batch, *Effects) error) error {
	var out Effects
	for {
		b, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out.Reset()
		for i := range b.Frames {
			w.Apply(&b.Frames[i], &out)
		}
		err = hand(b, &out)
		b.Release()
		if err != nil {
			return err
		}
	}
}

// Apply folds one frame.
func (w *Watch) Apply(f *mavlink.Frame, out *Effects) {
	at := f.At
	if w.s.At != 0 && at-w.s.At > deafAfter {
		w.wasDeaf(at)
	}
	w.s.At = at
	if w.s.Settle && w.s.Plan != "" {
		w.settle(at, out)
	}
	due := w.fleet.Advance(at, &w.news)
	w.book.Advance(alerts.Time(at))
	if at >= w.linkDue {
		w.advanceLinks(at, out)
	}
	if w.s.Hearing != 0 {
		w.unseen = w.zones.Unseen(at, w.s.Hearing, w.unseen[:0])
		for _, u := range w.unseen {
			w.gateUnseen(u, out)
		}
	}
	if due {
		w.report(out)
	}
	if f.Origin == mavlink.OriginOwn {
		w.applyOwn(f, out)
	} else {
		w.fleet.Apply(f, &w.news)
	}
	if !w.news.Empty() {
		w.report(out)
	}
}

// wasDeaf follows a stretch without so much as a beat: the station was down. Nobody was silent then, nobody listened;
// what is concluded from silence counts from here.
func (w *Watch) wasDeaf(at int64) {
	nameless := true // vehicles whose link nobody told go by the link ""
	for _, l := range w.s.Links {
		nameless = nameless && l.Name != ""
		if l.Up {
			w.fleet.Link(at, mavlink.LinkNote{Link: l.Name, Up: true}, &w.news)
		}
	}
	if nameless {
		w.fleet.Link(at, mavlink.LinkNote{Up: true}, &w.news)
	}
	if w.s.Hearing != 0 {
		w.s.Hearing = at
	}
}

// report passes on what the fleet has told: first how vehicles fare, then where they are, then what they tagged.
func (w *Watch) report(out *Effects) {
	n := &w.news
	for i := range n.Changes {
		w.vehicleChanged(&n.Changes[i], out)
	}
	for i := range n.Fixes {
		w.vehicleFixed(&n.Fixes[i], out)
	}
	for i := range n.Evidence {
		w.tagged(&n.Evidence[i], out)
	}
	if len(n.Sorties)+len(n.LostTags)+len(n.Replies) > 0 {
		out.Sorties = append(out.Sorties, n.Sorties...)
		out.LostTags = append(out.LostTags, n.LostTags...)
		out.Replies = append(out.Replies, n.Replies...)
	}
	if n.Refused() {
		for reason, c := range n.Rejected {
			out.Counts.Rejected[reason] += uint64(c)
		}
	}
	n.Reset()
}

func (w *Watch) vehicleChanged(c *mavlink.Change, out *Effects) {
	at := alerts.Time(c.At)
	// Of several that claim to be the vehicle any may be it: as long as one of them is heard it is not lost.
	vehicle, _ := w.fleet.Name(mavlink.Track(c.Track.System()))
	lost := alerts.Cause{Kind: alerts.OfVehicleLost, Subject: vehicle}
	conflict := alerts.Cause{Kind: alerts.OfIdentityConflict, Subject: c.Vehicle}
	suspect := alerts.Cause{Kind: alerts.OfPositionSuspect, Subject: c.Vehicle}
	switch c.Kind {
	case mavlink.ChangeLost:
		if c.Missed && w.fleet.Planned(c.Track) {
			lost.Near = w.nearVehicle(c.Track)
			w.book.Raise(at, lost, &out.Transitions)
		}
	case mavlink.ChangeHeard, mavlink.ChangeBack: // heard for the first time: its being lost was adopted from a ledger
		w.book.Clear(at, lost, &out.Transitions)
	case mavlink.ChangeConflict:
		conflict.Near = w.nearVehicle(c.Track)
		w.book.Raise(at, conflict, &out.Transitions)
	case mavlink.ChangeConflictOver:
		w.book.Clear(at, conflict, &out.Transitions)
		w.endCauses(c.At, out) // an aircraft that is no more leaves no alert behind
	case mavlink.ChangeSuspect:
		if w.fleet.Planned(c.Track) {
			suspect.Near = w.nearVehicle(c.Track)
			w.book.Raise(at, suspect, &out.Transitions)
		}
	case mavlink.ChangeTrusted:
		w.book.Clear(at, suspect, &out.Transitions)
	}
}

// planned says whether the plan knows a vehicle of this name.
func (w *Watch) planned(name string) bool {
	return slices.ContainsFunc(w.judge.Plan.Fleet.Vehicles, func(v mavlink.VehiclePlan) bool { return v.Name == name })
}

// nearVehicle is what the zones say of where a track was last.
func (w *Watch) nearVehicle(t mavlink.Track) []alerts.Near {
	fix, ok := w.fleet.LastFix(t)
	if !ok {
		return nil
	}
	return w.words(w.judge.Index.Near(geofence.Point{LatE7: fix.LatE7, LonE7: fix.LonE7}, 0, w.nears[:0]))
}

func (w *Watch) vehicleFixed(f *mavlink.Fix, out *Effects) {
	out.Counts.Fixes++
	if f.Quality < mavlink.QualityDegraded {
		if f.Broken {
			w.zones.Break(uint16(f.Track))
		}
		return
	}
	w.events = w.zones.Observe(geofence.Fix{
		At: f.At, Track: uint16(f.Track), LatE7: f.LatE7, LonE7: f.LonE7, HAccMM: f.HAccMM, Airborne: f.Airborne, Broken: f.Broken,
	}, w.events[:0])
	for _, e := range w.events {
		name, _ := w.fleet.Name(f.Track)
		z := ZoneEvent{At: alerts.Time(e.At), Vehicle: name, Event: string(e.Kind), Side: string(e.Side)}
		if e.Zone >= 0 {
			z.Zone, z.ZoneKind = w.judge.Plan.Zones[e.Zone].ID, string(w.judge.Plan.Zones[e.Zone].Kind)
		}
		out.ZoneEvents = append(out.ZoneEvents, z)
	}
}

func (w *Watch) gateUnseen(u geofence.Unseen, out *Effects) {
	z := &w.judge.Plan.Zones[u.Zone]
	cause := alerts.Cause{Kind: alerts.OfGateUnseen, Subject: z.ID, Near: []alerts.Near{{
		Zone: z.ID, ZoneKind: string(z.Kind), Distance: alerts.NoLength, Bearing: alerts.NoBearing, Severity: alerts.Severity(z.Severity),
	}}}
	if u.Over {
		w.book.Clear(alerts.Time(u.At), cause, &out.Transitions)
	} else {
		w.book.Raise(alerts.Time(u.At), cause, &out.Transitions)
	}
}

// words gives the answers of the zones in the book's words, best first.
func (w *Watch) words(nears []geofence.Near) []alerts.Near {
	w.nears = nears
	if len(nears) == 0 {
		return nil
	}
	words := make([]alerts.Near, len(nears))
	for i, n := range nears {
		z := &w.judge.Plan.Zones[n.Zone]
		words[i] = alerts.Near{
			Zone: z.ID, ZoneKind: string(z.Kind), Distance: alerts.Decimetres(max(n.SignedDM, 0)), Bearing: alerts.Bearing(n.BearingDeg),
			Side: string(n.Side), Certainty: string(n.Certainty), Severity: alerts.Severity(z.Severity),
		}
	}
	return words
}

// applyOwn folds what happened in the station itself. A body that cannot be read is passed over: it was written by a
// newer version, or damaged and passed its checksum by chance.
func (w *Watch) applyOwn(f *mavlink.Frame, out *Effects) {
	own, ok := w.s.Inbox.Add(f)
	if !ok {
		return
	}
	switch own.Kind {
	case mavlink.OwnOrigin:
		if n, ok := mavlink.ReadOrigin(own.Body); ok {
			w.fleet.Origin(n)
		}
	case mavlink.OwnLink:
		read(own, func(n mavlink.LinkNote) { w.linkChanged(f.At, n, out) })
	case mavlink.OwnMark:
		read(own, func(n mavlink.MarkNote) { w.marked(f.At, own.Number, n, out) })
	case mavlink.OwnAct:
		read(own, func(n mavlink.ActNote) { w.acted(f.At, own.Number, n, out) })
	case mavlink.OwnPlan:
		read(own, func(n mavlink.PlanNote) {
			if w.o.WhatIf != nil {
				return
			}
			if j := w.o.Plans(n.Digest); j != nil {
				w.judgeBy(j)
				w.settle(f.At, out)
			} else {
				out.MissingPlan = n.Digest
			}
		})
	case mavlink.OwnTrouble:
		read(own, func(n mavlink.TroubleNote) { w.troubled(f.At, n, out) })
	case mavlink.OwnRefused, mavlink.OwnClock, mavlink.OwnEnd: // for whoever reads the log
	}
}

// settle makes the station's own alerts agree with what the fold knows of their causes, where a new plan or a ledger's
// alerts may have parted them: nothing else would ever clear an alert of what the plan does not know any more.
func (w *Watch) settle(at int64, out *Effects) {
	w.endCauses(at, out)
	for _, subject := range w.fleet.Disputed() {
		w.book.Raise(alerts.Time(at), alerts.Cause{Kind: alerts.OfIdentityConflict, Subject: subject}, &out.Transitions)
	}
	for _, subject := range w.fleet.Suspected() {
		w.book.Raise(alerts.Time(at), alerts.Cause{Kind: alerts.OfPositionSuspect, Subject: subject}, &out.Transitions)
	}
	w.s.Settle = false
}

// endCauses clears the station's own alerts of what cannot be their cause any more.
func (w *Watch) endCauses(at int64, out *Effects) {
	for _, k := range []struct {
		kind alerts.Kind
		may  func(subject string) bool
	}{
		{alerts.OfGateUnseen, func(id string) bool {
			z, ok := w.judge.Index.Find(id)
			return ok && w.judge.Plan.Zones[z].MaxUnseenUS > 0
		}},
		{alerts.OfVehicleLost, w.planned},
		{alerts.OfIdentityConflict, setOf(w.fleet.Disputed()).holds},
		{alerts.OfPositionSuspect, setOf(w.fleet.Suspected()).holds},
	} {
		for _, subject := range w.book.Raised(k.kind) {
			if !k.may(subject) {
				w.book.Clear(alerts.Time(at), alerts.Cause{Kind: k.kind, Subject: subject}, &out.Transitions)
			}
		}
	}
}

func read[T any](own mavlink.OwnMessage, then func(T)) {
	var body T
	if json.Unmarshal(own.Body, &body) == nil {
		then(body)
	}
}

func (w *Watch) linkChanged(at int64, n mavlink.LinkNote, out *Effects) {
	w.fleet.Link(at, n, &w.news)
	i := slices.IndexFunc(w.s.Links, func(l LinkState) bool { return l.Name == n.Link })
	if i < 0 {
		i = len(w.s.Links)
		w.s.Links = append(w.s.Links, LinkState{Name: n.Link})
	}
	l := &w.s.Links[i]
	l.Up, l.Since = n.Up, at
	w.linkDue = at
	if n.Up || n.Gone {
		l.Told = false
		w.book.Clear(alerts.Time(at), linkCause(l.Name), &out.Transitions)
	}
	if n.Gone {
		w.s.Links = slices.Delete(w.s.Links, i, i+1)
	}
	if !w.hears() {
		w.s.Hearing = 0
	} else if w.s.Hearing == 0 {
		w.s.Hearing = at
	}
}

// hears says whether silence means anything: the recording runs (link "" is not down), and of the links that are known
// one is up.
func (w *Watch) hears() bool {
	named, up := false, false
	for i := range w.s.Links {
		l := &w.s.Links[i]
		if l.Name == "" && !l.Up {
			return false
		}
		named = named || l.Name != ""
		up = up || l.Name != "" && l.Up
	}
	return up || !named
}

// advanceLinks raises an alert for each link of ours that has been down too long. The link of a foreign log, "", is
// down where its recorder was off, and nobody can mend that now.
func (w *Watch) advanceLinks(at int64, out *Effects) {
	w.linkDue = math.MaxInt64
	for i := range w.s.Links {
		l := &w.s.Links[i]
		switch {
		case l.Up, l.Told, l.Name == "":
		case at-l.Since < linkDownFor:
			w.linkDue = min(w.linkDue, l.Since+linkDownFor)
		default:
			l.Told = true
			w.book.Raise(alerts.Time(at), linkCause(l.Name), &out.Transitions)
		}
	}
}

// linkSubject is followed by the link's name.
const linkSubject = "link "

func linkCause(name string) alerts.Cause {
	return alerts.Cause{Kind: alerts.OfTrouble, Subject: linkSubject + name}
}

func (w *Watch) troubled(at int64, n mavlink.TroubleNote, out *Effects) {
	cause := alerts.Cause{Kind: alerts.OfTrouble, Subject: n.Subject}
	if n.On {
		w.book.Raise(alerts.Time(at), cause, &out.Transitions)
	} else {
		w.book.Clear(alerts.Time(at), cause, &out.Transitions)
	}
}

func (w *Watch) acted(at int64, number uint32, n mavlink.ActNote, out *Effects) {
	if w.o.WhatIf != nil {
		w.leftOut++
		return
	}
	state, refusal := w.book.Do(alerts.Time(at), alerts.Deed{
		Alert: n.Alert, Act: alerts.Act(n.Act), By: n.By, Outcome: n.Outcome,
	}, &out.Transitions)
	out.Answers = append(out.Answers, Answer{Number: number, Refused: refusal, Alert: n.Alert, State: state})
}

func point(lat, lon alerts.Degrees) geofence.Point {
	return geofence.Point{LatE7: int32(lat), LonE7: int32(lon)}
}

// Err says what in the log made the effects incomplete, if anything did.
func (e *Effects) Err() error {
	if e.MissingPlan != "" {
		return fmt.Errorf("the log names plan %.8s, which is not beside it", e.MissingPlan)
	}
	return nil
}
