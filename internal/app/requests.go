package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/internal/console"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// answerWithin is how long a person waits for an answer. A request that is not answered by then stays accepted: the
// same request under the same key gets the answer once it is there.
const answerWithin = 10 * time.Second

// maxAlertID is longer than any alert's id.
const maxAlertID = 64

// defaultMarkM is the radius of a mark whose author gives none.
const defaultMarkM = 10

// Mark takes a point that a person marks. When it returns without an error, the mark is on disk.
func (s *Station) Mark(ctx context.Context, r console.MarkRequest) (console.MarkReply, error) {
	radius := float64(defaultMarkM)
	if r.CE90M != nil {
		radius = *r.CE90M
	}
	note := mavlink.MarkNote{
		LatE7: int32(math.Round(r.Lat * 1e7)), LonE7: int32(math.Round(r.Lon * 1e7)),
		CE90DM: int32(math.Round(radius * 10)), Kind: r.Kind,
	}
	if !r.At.IsZero() {
		note.At = r.At.UnixMicro()
	}
	a, err := s.ask(ctx, ledger.Request{Key: r.Key, Kind: "mark", Note: r.Note}, r.By, r, func(number, by uint32) error {
		note.By = by
		return s.listener.Own(mavlink.OwnMark, number, note)
	})
	if err != nil {
		return console.MarkReply{}, err
	}
	if a.Refused != alerts.Done {
		return console.MarkReply{}, &console.ConflictError{Why: "marks are not among sightings.sources of this station's configuration"}
	}
	return console.MarkReply{ID: a.Sighting, Alert: a.Alert}, nil
}

// Act does what a person did to an alert. When it returns without an error, the act is on disk.
func (s *Station) Act(ctx context.Context, r console.ActRequest) (console.ActReply, error) {
	if len(r.Alert) > maxAlertID { // no frame has room for just anything
		return console.ActReply{}, console.ErrUnknownAlert
	}
	a, err := s.ask(ctx, ledger.Request{Key: r.Key, Kind: r.Act, Subject: r.Alert, Note: r.Note}, r.By, r, func(number, by uint32) error {
		return s.listener.Own(mavlink.OwnAct, number, mavlink.ActNote{Alert: r.Alert, Act: r.Act, By: by, Outcome: r.Outcome})
	})
	if err != nil {
		return console.ActReply{}, err
	}
	switch a.Refused {
	case alerts.Done:
		return console.ActReply{Alert: a.Alert, State: string(a.State)}, nil
	case alerts.RefusedOutcome:
		return console.ActReply{}, &console.InvalidError{Fields: []console.Field{{Name: "outcome", Detail: "is missing: say how it ended, e.g. helped, not_found, false_sighting"}}}
	case alerts.RefusedUndo:
		return console.ActReply{}, &console.ConflictError{State: string(a.State), Why: "only one's own last action can be taken back, within 60 s"}
	case alerts.RefusedUnknown:
		if _, err := s.ledger.Alert(r.Alert); err != nil {
			return console.ActReply{}, console.ErrUnknownAlert
		}
		return console.ActReply{}, &console.ConflictError{State: string(alerts.Closed)}
	default:
		return console.ActReply{}, &console.ConflictError{State: string(a.State)}
	}
}

// ask takes a person's request through the fold: store its words under the client's key, queue its frame, wait until
// the committer has kept the answer. whole is the request as a whole, to tell a repeated one from a re-used key.
func (s *Station) ask(ctx context.Context, r ledger.Request, by string, whole any, queue func(number, by uint32) error) (watch.Answer, error) {
	var a watch.Answer
	body, err := json.Marshal(whole)
	if err != nil {
		return a, fmt.Errorf("read the request again: %w", err)
	}
	person, err := s.ledger.Person(by)
	if err != nil {
		return a, storage(err)
	}
	r.By, r.Body = person, body
	accepted, err := s.ledger.Accept(r)
	switch {
	case errors.Is(err, ledger.ErrKeyReused):
		return a, console.ErrKeyReused
	case err != nil:
		return a, storage(err)
	case accepted.Reply != nil:
		if err := json.Unmarshal(accepted.Reply, &a); err != nil {
			return a, fmt.Errorf("read the stored reply: %w", err)
		}
		return a, nil
	}
	answered, first := s.committer.await(accepted.Number)
	if !first {
		// Another request under the same key is on its way, and its answer goes there.
		return a, console.ErrBusy
	}
	if r.Key != "" {
		// One that was on its way may have been answered since the ledger was asked; its frame must not come twice.
		if again, err := s.ledger.Accept(r); err != nil || again.Reply != nil {
			s.committer.abandon(accepted.Number)
			return a, errors.Join(console.ErrBusy, err)
		}
	}
	if err := queue(accepted.Number, person); err != nil {
		s.committer.abandon(accepted.Number)
		return a, errors.Join(console.ErrBusy, err)
	}
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case got := <-answered:
		if got.err != nil {
			return a, storage(got.err)
		}
		return got.Answer, nil
	case <-timer.C:
		return a, console.ErrBusy
	case <-ctx.Done():
		return a, ctx.Err()
	}
}

func storage(err error) error { return errors.Join(console.ErrStorage, err) }
