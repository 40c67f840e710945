package watch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"riverwatch/alerts"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// causes tells what became of the station's own alerts: kind, subject and event.
func causes(ts []alerts.Transition) string {
	told := []string{}
	for i := range ts {
		if ts[i].Kind != alerts.OfSighting {
			told = append(told, fmt.Sprint(ts[i].Kind, " ", ts[i].Subject, " ", ts[i].Event))
		}
	}
	return fmt.Sprint(told)
}

// unwell is a station with each of its own alerts open: the plan's gate-5 nobody looks at, egret-1 is lost in the air,
// link radio has been down too long, and recording has stopped.
func unwell(t *testing.T, j *watch.Judge) (*watch.Watch, int64, []alerts.Transition) {
	t.Helper()
	p := &tape{t: t}
	for _, f := range flight(t, j, 30*time.Second, nil) {
		if f.Origin == mavlink.OriginOwn || f.SysID == 1 && f.At < start+10*second {
			p.frames = append(p.frames, f)
		}
		if len(p.frames) == 1 {
			p.own(f.At, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "radio"})
			p.own(f.At, mavlink.OwnTrouble, 0, mavlink.TroubleNote{Subject: "recording", On: true})
		}
	}
	w := newWatch(j)
	raised := transitions(t, w, p.frames)
	const want = "[trouble recording opened trouble link radio opened vehicle_lost egret-1 opened gate_unseen gate-5 opened]"
	if got := causes(raised); got != want {
		t.Fatalf("raised %s", got)
	}
	return w, p.frames[len(p.frames)-1].At, raised
}

// mended is what ends each of the causes: a drone comes back and looks at the gate, the link is up.
func mended(t *testing.T, j *watch.Judge, at int64) []mavlink.Frame {
	t.Helper()
	p := &tape{t: t}
	p.own(at, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "radio", Up: true})
	p.own(at, mavlink.OwnTrouble, 0, mavlink.TroubleNote{Subject: "recording"})
	first := int64(0)
	for _, f := range flight(t, j, 10*time.Second, nil) {
		if f.Origin != mavlink.OriginOwn && (f.SysID == 1 || f.SysID == 2) {
			if first == 0 {
				first = f.At
			}
			f.At += at - first
			p.frames = append(p.frames, f)
		}
	}
	return p.frames
}

// TestCausesThatCameFromElsewhereEndAllTheSame: after a change of version, or when the ledger knew more than the log,
// the book has alerts that fleet, zones and links do not remember.
func TestCausesThatCameFromElsewhereEndAllTheSame(t *testing.T) {
	j := riverPlan(t, nil)
	w, at, raised := unwell(t, j)
	adopted := make([]alerts.Adopted, len(raised))
	for i := range raised {
		adopted[i].Newest = raised[i]
	}
	other := func() *watch.Watch {
		saved, err := w.State()
		if err != nil {
			t.Fatal(err)
		}
		next := newWatch(j)
		if err := next.Restore(append([]byte(`{"format":0,`), saved[len(`{"format":1,`):]...)); err != watch.ErrOtherFormat {
			t.Fatal(err)
		}
		return next
	}
	early := func() *watch.Watch { // of the log only the beginning is left
		next := newWatch(j)
		transitions(t, next, flight(t, j, 5*time.Second, nil))
		next.Adopt(w.Seq(), adopted)
		return next
	}
	empty := func() *watch.Watch {
		next := newWatch(j)
		next.Adopt(w.Seq(), adopted)
		p := &tape{t: t}
		p.own(at, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
		if got := causes(transitions(t, next, p.frames)); got != "[]" {
			t.Errorf("the plan alone told %s", got)
		}
		return next
	}
	for name, next := range map[string]*watch.Watch{"as it was": w, "another format": other(), "a shorter log": early(), "no log": empty()} {
		got := causes(transitions(t, next, mended(t, j, at+second)))
		for _, want := range []string{"trouble recording closed", "trouble link radio closed", "vehicle_lost egret-1 closed", "gate_unseen gate-5 closed"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s: told %s, want once in it: %s", name, got, want)
			}
		}
	}
}

// TestPlanThatDoesNotKnowTheSubjectEndsTheAlert: nothing else would ever end it.
func TestPlanThatDoesNotKnowTheSubjectEndsTheAlert(t *testing.T) {
	j := riverPlan(t, nil)
	w, at, _ := unwell(t, j)
	next := riverPlan(t, func(p *watch.Plan) {
		p.Zones[1].MaxUnseenUS = 0
		p.Fleet.Vehicles[0].Name = "heron-1"
	})
	saved, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	w = newWatch(j, next)
	if err := w.Restore(saved); err != nil {
		t.Fatal(err)
	}
	p := &tape{t: t}
	p.own(at+1, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	p.own(at+2, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: next.Digest})
	if got := causes(transitions(t, w, p.frames)); got != "[gate_unseen gate-5 closed vehicle_lost egret-1 closed]" {
		t.Errorf("told %s", got)
	}
}

// TestLinkThatIsGoneIsNoLongerDown: it was taken out of the configuration, and a link that was up when the station was
// killed does not make silence mean something.
func TestLinkThatIsGoneIsNoLongerDown(t *testing.T) {
	j := riverPlan(t, nil)
	w, at, _ := unwell(t, j)
	if got := fmt.Sprint(w.Links()); got != "[radio field]" {
		t.Errorf("links %s", got)
	}
	p := &tape{t: t}
	p.own(at, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "radio", Gone: true})
	if got := causes(transitions(t, w, p.frames)); got != "[trouble link radio closed]" {
		t.Errorf("told %s", got)
	}
	gates := riverPlan(t, func(p *watch.Plan) { p.Zones[0].MaxUnseenUS = 20 * second })
	w = newWatch(gates)
	p = &tape{t: t}
	p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: gates.Digest})
	p.own(start, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "old", Up: true})
	p.own(start, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "old", Gone: true})
	p.own(start, mavlink.OwnLink, 0, mavlink.LinkNote{Link: "field"})
	for i := range int64(60) {
		p.beat(start + i*second)
	}
	if got := causes(transitions(t, w, p.frames)); got != "[trouble link field opened]" {
		t.Errorf("with no link up: told %s", got)
	}
}
