package alerts

// Act is what a person does to an alert.
type Act string

// The acts of this version.
const (
	Acknowledge Act = "acknowledge"
	Release     Act = "release"
	Go          Act = "en_route"
	Intercept   Act = "intercept"
	Close       Act = "close"
	Undo        Act = "undo"
)

// Acts lists the acts that the Book knows.
func Acts() []Act { return []Act{Acknowledge, Release, Go, Intercept, Close, Undo} }

// Deed is one act by one person on one alert.
type Deed struct {
	Alert   string
	Act     Act
	By      uint32 // a person's number, 0 unknown
	Outcome string // of a close
}

// Refusal is why the Book did not do what a person asked for; "" when it did.
type Refusal string

// The refusals. RefusedState: the alert's present state does not allow it.
const (
	Done           Refusal = ""
	RefusedUnknown Refusal = "unknown_alert" // closed for more than a minute, or never there
	RefusedAct     Refusal = "unknown_act"
	RefusedState   Refusal = "state"
	RefusedUndo    Refusal = "undo" // not one's own last action, or more than 60 s ago
	RefusedOutcome Refusal = "outcome_missing"
)

// onward is what the forward acts lead to and how the transition is called.
var onward = map[Act]struct {
	to    State
	event Event
}{
	Acknowledge: {Acknowledged, DidAcknowledge},
	Go:          {EnRoute, DidGo},
	Intercept:   {Intercepted, DidIntercept},
	Close:       {Closed, DidClose},
}

var states = [...]State{NoState, Open, Acknowledged, EnRoute, Intercepted, Closed}

// Do applies a deed. It gives the alert's state afterwards and why the deed was refused, if it was. Forward acts may
// skip states; the first one makes its actor the owner.
func (b *Book) Do(at Time, d Deed, out *[]Transition) (State, Refusal) {
	a := b.find(d.Alert)
	if a == nil {
		return NoState, RefusedUnknown
	}
	if d.Act == Undo {
		return b.undo(at, a, d, out)
	}
	from, owner := a.State, a.Owner
	event := Reopened
	switch step, forward := onward[d.Act]; {
	case forward && rank(states[:], step.to) <= rank(states[:], from):
		return from, RefusedState
	case forward && d.Act == Close && d.Outcome == "":
		return from, RefusedOutcome
	case forward:
		a.State, event = step.to, step.event
		if a.Owner == 0 {
			a.Owner = d.By
		}
		if d.Act == Close {
			a.Outcome = d.Outcome
		}
	case d.Act != Release:
		return from, RefusedAct
	case from == Open || from == Closed:
		return from, RefusedState
	default:
		a.State, a.Owner = Open, 0
	}
	a.Deed = &LastDeed{At: at, By: d.By, From: from, Owner: owner}
	b.tell(at, a, event, from, d.By, false, out)
	return a.State, Done
}

func (b *Book) undo(at Time, a *Alert, d Deed, out *[]Transition) (State, Refusal) {
	last := a.Deed
	if last == nil || last.By != d.By || at-last.At > undoFor {
		return a.State, RefusedUndo
	}
	if a.State == Closed && b.cause(Cause{Kind: a.Kind, Subject: a.Subject}) != nil && a.Kind != OfSighting {
		return a.State, RefusedUndo // the cause came again and has an alert of its own
	}
	from := a.State
	a.State, a.Owner, a.Outcome, a.Deed = last.From, last.Owner, "", nil
	event := Corrected
	if a.State == Open || from == Closed {
		event = Reopened
	}
	b.tell(at, a, event, from, d.By, false, out)
	return a.State, Done
}

func (b *Book) find(id string) *Alert {
	for i := range b.s.Alerts {
		if b.s.Alerts[i].ID == id {
			return &b.s.Alerts[i]
		}
	}
	return nil
}
