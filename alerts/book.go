package alerts

import (
	"crypto/sha256"
	"encoding/base32"
	"math"
	"slices"
	"strconv"
)

const (
	// undoFor is how long a person may take back their own last action.
	undoFor = 60_000_000
	// manyOpen is where the Book stops opening alerts for sightings of a rule that has one already: a flood of tags
	// far apart is counted in the open ones instead of growing memory without bound.
	manyOpen = 10_000
	// manyAlso bounds the other zones that an alert names, the best of them: more stand there only by a mistake in a file.
	manyAlso = 32
)

// Options is what a Book is made with.
type Options struct {
	Station string
	// DistanceDM is the distance of two points on the ground in decimetres.
	DistanceDM func(latA, lonA, latB, lonB Degrees) int64
}

// Book holds the alerts that are not closed and decides what becomes of them.
type Book struct {
	o      Options
	plan   *Plan
	planID string
	s      BookState
	due    Time // no closed alert is to be forgotten before this instant
}

// BookState is all that the Book remembers. It goes through JSON unchanged.
type BookState struct {
	Seq    uint64  `json:"seq"`    // of the newest transition
	Alerts []Alert `json:"alerts"` // not closed, or closed less than a minute ago; oldest first
}

// Alert is the Book's memory of one incident.
type Alert struct {
	ID        string    `json:"id"`
	Kind      Kind      `json:"kind"`
	Subject   string    `json:"subject,omitempty"`
	Rule      string    `json:"rule,omitempty"`
	Severity  Severity  `json:"severity"`
	State     State     `json:"state"`
	Owner     uint32    `json:"owner,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Verified  bool      `json:"verified"`
	Place     Place     `json:"place"`
	Sightings int       `json:"sightings"`
	Last      *Sighting `json:"last,omitempty"` // newest located sighting, the newest where none is
	LastAt    Time      `json:"last_at"`        // station time at which it came
	Deed      *LastDeed `json:"deed,omitempty"`
}

// Place is where an alert stands: the zone of its newest located sighting.
type Place struct {
	Zone      string     `json:"zone"`
	Kind      string     `json:"kind"`
	Distance  Decimetres `json:"distance"`
	Bearing   Bearing    `json:"bearing"`
	Side      string     `json:"side"`
	Certainty string     `json:"certainty"`
	Also      []Near     `json:"also,omitempty"`
}

// LastDeed is what the last person did, so that they can take it back.
type LastDeed struct {
	At    Time   `json:"at"`
	By    uint32 `json:"by"`
	From  State  `json:"from"`
	Owner uint32 `json:"owner"` // before
}

// NewBook returns an empty book; SetPlan must be called before anything is observed.
func NewBook(o Options) *Book { return &Book{o: o, plan: &Plan{}} }

// SetPlan changes what is judged by from here on; open alerts live on. id is the plan's digest.
func (b *Book) SetPlan(p *Plan, id string) {
	b.plan, b.planID = p, id[:min(8, len(id))]
}

// State is what the book remembers; it shares memory with the book until the next call.
func (b *Book) State() BookState { return b.s }

// Restore replaces what the book remembers.
func (b *Book) Restore(s BookState) { b.s, b.due = s, 0 }

// OpenBySeverity counts the alerts that are not closed, by rank in Severities.
func (b *Book) OpenBySeverity() (n [len(severities) - 1]int) {
	for i := range b.s.Alerts {
		if a := &b.s.Alerts[i]; a.State != Closed {
			n[max(rank(severities[:], a.Severity), 1)-1]++
		}
	}
	return n
}

// Advance lets time pass: it forgets closed alerts that nobody can take back any more. It costs a comparison while
// there are none.
func (b *Book) Advance(at Time) {
	if at >= b.due {
		b.forget(at)
	}
}

func (b *Book) forget(at Time) {
	b.due = math.MaxInt64
	b.s.Alerts = slices.DeleteFunc(b.s.Alerts, func(a Alert) bool {
		if a.State != Closed {
			return false
		}
		if a.Deed == nil || at-a.Deed.At > undoFor {
			return true
		}
		b.due = min(b.due, a.Deed.At+undoFor+1)
		return false
	})
}

// Observe judges a new sighting that came at the given time; nears is what the zones say of it, best first. It gives
// the id of the alert that the sighting opened or joined, "" where no rule has a near zone.
func (b *Book) Observe(at Time, s Sighting, nears []Near, out *[]Transition) string {
	rule, zone := b.plan.match(&s, nears)
	if rule == nil {
		return ""
	}
	a := b.joined(at, rule, &s)
	event, from := Sighted, NoState
	if a == nil {
		b.s.Alerts = append(b.s.Alerts, Alert{
			ID: b.id(OfSighting, "", s.ID), Kind: OfSighting, Rule: rule.Name, State: Open, Verified: s.Verified,
			Place: Place{Distance: NoLength, Bearing: NoBearing, Certainty: unlocated},
		})
		a, event = &b.s.Alerts[len(b.s.Alerts)-1], Opened
	} else {
		from = a.State
	}
	a.Sightings++
	a.LastAt = at
	was := a.Severity
	b.place(a, rule, &s, nears, zone)
	b.tell(at, a, event, from, 0, a.Severity != was, out)
	return a.ID
}

// Refine gives the book a better position of a sighting for which Observe, or Refine, gave this alert, and gives the
// sighting's alert now. The alert moves with it unless a newer sighting says where the alert is; it can become more
// severe all the same. A sighting that was near nothing is judged anew; of one whose alert is closed nothing follows.
func (b *Book) Refine(at Time, alert string, s Sighting, nears []Near, out *[]Transition) string {
	if alert == "" {
		return b.Observe(at, s, nears, out)
	}
	a := b.find(alert)
	if a == nil || a.State == Closed {
		return alert
	}
	rule, zone := b.plan.match(&s, nears)
	was := a.Severity
	if a.Last.ID == s.ID || !a.Last.Located {
		b.place(a, rule, &s, nears, zone)
	} else if a.weigh(rule, nears, zone); a.Severity == was {
		return alert
	}
	b.tell(at, a, Refined, a.State, 0, a.Severity != was, out)
	return alert
}

// place moves the alert to a sighting. A position that no rule has a zone for leaves the alert where it is.
func (b *Book) place(a *Alert, rule *Rule, s *Sighting, nears []Near, zone int) {
	a.Last = s
	a.weigh(rule, nears, zone)
	if rule == nil || zone < 0 {
		return
	}
	n := &nears[zone]
	a.Place = Place{Zone: n.Zone, Kind: n.ZoneKind, Distance: n.Distance, Bearing: n.Bearing, Side: n.Side, Certainty: n.Certainty}
	for i := range nears {
		if i != zone && len(a.Place.Also) < manyAlso {
			also := &nears[i]
			a.Place.Also = append(a.Place.Also, Near{Zone: also.Zone, ZoneKind: also.ZoneKind, Distance: also.Distance, Side: also.Side, Certainty: also.Certainty})
		}
	}
}

// weigh makes the alert as severe as a sighting that this rule and zone judge; never less than it was.
func (a *Alert) weigh(rule *Rule, nears []Near, zone int) {
	if rule == nil {
		return
	}
	severity := rule.Severity
	if zone >= 0 && nears[zone].Severity != "" {
		severity = nears[zone].Severity
	}
	a.Severity = worse(a.Severity, severity)
}

// joined finds the alert that a sighting belongs to: of the same rule and the same verified, not closed, whose last
// sighting is at most quiet ago and at most within plus both radii away; of several the nearest, then the oldest.
func (b *Book) joined(at Time, rule *Rule, s *Sighting) *Alert {
	var best, crowd *Alert
	bestDM, open := int64(0), 0
	for i := range b.s.Alerts {
		a := &b.s.Alerts[i]
		if a.State == Closed || a.Kind != OfSighting {
			continue
		}
		open++
		if a.Rule != rule.Name || a.Verified != s.Verified {
			continue
		}
		crowd = a
		if int64(at-a.LastAt) > rule.QuietUS {
			continue
		}
		if !s.Located || !a.Last.Located {
			// Without two positions only the drone says whether it is one incident.
			if s.Located == a.Last.Located && s.Vehicle == a.Last.Vehicle && best == nil {
				return a
			}
			continue
		}
		within := rule.WithinDM + int64(s.CE90) + int64(a.Last.CE90)
		// 1e-7 degrees of latitude are more than a tenth of a decimetre: in a flood of tags this spares the true distance.
		if north := int64(s.Lat) - int64(a.Last.Lat); max(north, -north)/10 > within {
			continue
		}
		if d := b.o.DistanceDM(s.Lat, s.Lon, a.Last.Lat, a.Last.Lon); d <= within && (best == nil || d < bestDM) {
			best, bestDM = a, d
		}
	}
	if best == nil && open >= manyOpen {
		return crowd
	}
	return best
}

// Cause is what a station alert is about.
type Cause struct {
	Kind    Kind
	Subject string
	Near    []Near // of the vehicle's last position or the gate itself, best first; may be empty
}

// causeSeverity is how urgent the station's own alerts are.
var causeSeverity = map[Kind]Severity{
	OfVehicleLost: High, OfGateUnseen: Medium, OfIdentityConflict: High, OfPositionSuspect: Medium, OfTrouble: Medium,
}

// Raise opens the station's own alert of a cause, unless one is open.
func (b *Book) Raise(at Time, c Cause, out *[]Transition) {
	if b.cause(c) != nil {
		return
	}
	a := Alert{
		ID: b.id(c.Kind, c.Subject, at.String()), Kind: c.Kind, Subject: c.Subject, State: Open,
		Severity: causeSeverity[c.Kind], Verified: true, Place: Place{Distance: NoLength, Bearing: NoBearing},
	}
	if len(c.Near) > 0 {
		n := &c.Near[0]
		a.Place = Place{Zone: n.Zone, Kind: n.ZoneKind, Distance: n.Distance, Bearing: n.Bearing, Side: n.Side, Certainty: n.Certainty}
		if n.Severity != "" {
			a.Severity = n.Severity
		}
	}
	b.s.Alerts = append(b.s.Alerts, a)
	b.tell(at, &b.s.Alerts[len(b.s.Alerts)-1], Opened, NoState, 0, true, out)
}

// Cleared is the outcome of a station alert that closed itself.
const Cleared = "cleared"

// Clear closes the station's own alert of a cause that has ended, if one is open.
func (b *Book) Clear(at Time, c Cause, out *[]Transition) {
	if a := b.cause(c); a != nil {
		from := a.State
		a.State, a.Outcome, a.Deed = Closed, Cleared, nil
		b.tell(at, a, DidClose, from, 0, true, out)
	}
}

// Raised gives the subjects of the station's own alerts of a kind that are not closed, oldest first.
func (b *Book) Raised(kind Kind) (subjects []string) {
	for i := range b.s.Alerts {
		if a := &b.s.Alerts[i]; a.State != Closed && a.Kind == kind {
			subjects = append(subjects, a.Subject)
		}
	}
	return subjects
}

// Standing gives the state of each alert that is not closed, by id.
func (b *Book) Standing() map[string]State {
	open := map[string]State{}
	for i := range b.s.Alerts {
		if a := &b.s.Alerts[i]; a.State != Closed {
			open[a.ID] = a.State
		}
	}
	return open
}

func (b *Book) cause(c Cause) *Alert {
	for i := range b.s.Alerts {
		if a := &b.s.Alerts[i]; a.State != Closed && a.Kind == c.Kind && a.Subject == c.Subject {
			return a
		}
	}
	return nil
}

// id names an alert by what it is about and its first sighting, not by zone or plan, so that the alerts of two
// what-ifs can be compared.
func (b *Book) id(kind Kind, subject, first string) string {
	return Digest("alert", b.o.Station, string(kind), subject, first)
}

// Digest is a short name, unique over stations, of what the words say: 16 letters and digits (80 bits of SHA-256).
func Digest(words ...string) string {
	h := sha256.New()
	for _, w := range words {
		h.Write(strconv.AppendInt(nil, int64(len(w)), 10))
		h.Write([]byte{':'})
		h.Write([]byte(w))
	}
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").EncodeToString(h.Sum(nil)[:10])
}

// tell appends the transition that the alert has just gone through. News that changes nothing for who must go
// (another sighting of the same, a refined point) is not sent to the recipients unless the alert became more severe.
func (b *Book) tell(at Time, a *Alert, event Event, from State, by uint32, urgent bool, out *[]Transition) {
	b.s.Seq++
	t := Transition{
		Seq: b.s.Seq, At: at, Alert: a.ID, Rule: a.Rule, Severity: a.Severity, From: from, To: a.State,
		Zone: a.Place.Zone, ZoneKind: a.Place.Kind, Distance: a.Place.Distance, Bearing: a.Place.Bearing,
		Side: a.Place.Side, Certainty: a.Place.Certainty, Verified: a.Verified, Sightings: a.Sightings,
		Sighting: a.Last, Event: event, Kind: a.Kind, Also: a.Place.Also, By: by, Outcome: a.Outcome,
		Station: b.o.Station, Plan: b.planID, Subject: a.Subject, Owner: a.Owner,
	}
	if urgent || event != Sighted && event != Refined {
		t.Tell = b.plan.Recipients
	}
	if a.State == Closed {
		b.due = min(b.due, at)
	}
	*out = append(*out, t)
}

// Seq is the number of the newest transition.
func (b *Book) Seq() uint64 { return b.s.Seq }

// Adopt replaces the open alerts by what a ledger knows of them: for each its newest transition and its owner. It is
// for a ledger that went on while the log could not.
func (b *Book) Adopt(seq uint64, open []Adopted) {
	b.Restore(BookState{Seq: seq})
	for _, o := range open {
		t := &o.Newest
		a := Alert{
			ID: t.Alert, Kind: t.Kind, Subject: t.Subject, Rule: t.Rule, Severity: t.Severity, State: t.To, Owner: o.Owner,
			Verified: t.Verified, Sightings: t.Sightings, Last: t.Sighting,
			Place: Place{Zone: t.Zone, Kind: t.ZoneKind, Distance: t.Distance, Bearing: t.Bearing, Side: t.Side, Certainty: t.Certainty, Also: t.Also},
		}
		if t.Sighting != nil {
			t.Sighting.Verified, a.LastAt = t.Verified, t.Sighting.At
		}
		b.s.Alerts = append(b.s.Alerts, a)
	}
}

// Adopted is what a ledger knows of an alert that is not closed.
type Adopted struct {
	Newest Transition
	Owner  uint32
}
