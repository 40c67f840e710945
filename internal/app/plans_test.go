package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"riverwatch/internal/watch"
)

func TestAReloadedStationHoldsThePlanInForceAlone(t *testing.T) {
	file := writeConfig(t)
	s := startStation(t, file)
	text := readFile(t, file)
	for i := range 5 {
		writeFile(t, file, strings.Replace(text, "severity: high", "severity: "+[]string{"critical", "high", "medium"}[i%3], 1))
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the plans before the one in force to be forgotten", func() bool {
		s.plans.mu.Lock()
		defer s.plans.mu.Unlock()
		return len(s.plans.all) == 1 && len(s.plans.shown) == 0 && s.plans.all[0].Digest == s.snapshot.Load().plan
	})
	if s.o.Zones != nil {
		t.Error("the zones of the start are held beside those of the plan")
	}
}

func TestAPlanThatComesAgainIsNotForgottenForItsFirstTime(t *testing.T) {
	var p plans
	forgotten := make(chan *watch.Judge, 1)
	p.forgetBy(func(j *watch.Judge) { forgotten <- j })
	var all []*watch.Judge
	for i := range 4 {
		j := &watch.Judge{Digest: fmt.Sprint("plan ", i%2)}
		all = append(all, j)
		p.add(j)
	}
	held := func(want ...*watch.Judge) {
		t.Helper()
		if !slices.Equal(p.all, want) {
			t.Fatalf("%d plans are held, want the last %d", len(p.all), len(want))
		}
	}
	p.take(all[1].Digest)
	first := <-forgotten
	if first != all[1] {
		t.Fatal("a plan was forgotten that may still come into force")
	}
	p.since(first)
	held(all[1:]...)
	p.take(all[2].Digest)
	p.since(<-forgotten)
	held(all[2:]...)
	p.since(first) // late
	held(all[2:]...)
}
