package mavlink

import (
	"math/rand/v2"
	"testing"
	"time"
)

// anyWay is a way of any latency up to so much, any loss up to three in ten, and perhaps bursts, silence or new ports.
func anyWay(r *rand.Rand, origin uint16, delay time.Duration) *way {
	w := over(origin, time.Duration(r.Int64N(int64(delay)))).losing([]float64{0, .1, .3}[r.IntN(3)])
	w.seq = uint8(r.IntN(256))
	switch r.IntN(5) {
	case 0:
		w.bursts(int64(r.IntN(20)), 100, int64(1+r.IntN(4)))
	case 1:
		from := int64(r.IntN(60))
		w.quiet(from, from+int64(r.IntN(40)))
	case 2:
		every := int64(1+r.IntN(40)) * 1_000_000
		w.ports(func(at int64) int64 { return at / every })
	}
	return w
}

func TestOverNoLinksIsOneDroneTwo(t *testing.T) {
	for n := range uint64(120) {
		r := rand.New(rand.NewPCG(9, n))
		j := &journey{to: 60, booted: -3600, speed: []float64{5, 15, 30, 50}[r.IntN(4)], noTime: r.IntN(2) == 0, lag: uint32(r.IntN(2) * 900)}
		for i := range uint16(1 + r.IntN(3)) {
			w := anyWay(r, 1+i, 4500*time.Millisecond)
			w.same = i > 0 && r.IntN(4) == 0
			j.ways = append(j.ways, w)
		}
		x := newField(t, testPlan())
		x.deliver(func() {}, j)
		if n := x.count(ChangeReboot) + x.count(ChangeConflict) + x.count(ChangeSuspect); n != 0 {
			t.Errorf("journey %d at %.0f m/s: it tells %s", n, j.speed, x.story())
		}
	}
}

func TestOverAnyLinksTwoDronesAreToldApart(t *testing.T) {
	late := 0
	const drones = 120
	for n := range uint64(drones) {
		r := rand.New(rand.NewPCG(10, n))
		ways := [2]*way{}
		for i := range ways {
			ways[i] = over(uint16(1+i*r.IntN(2)), time.Duration(r.Int64N(int64(slow)))).losing([]float64{0, .1, .3}[r.IntN(3)])
			ways[i].seq = uint8(r.IntN(256))
		}
		a := &journey{to: 60, booted: -5000, speed: []float64{5, 15, 25}[r.IntN(3)], ways: ways[:1]}
		apart, start := []float64{0, 150, 800, 3000}[r.IntN(4)], int64(10+r.IntN(10))
		b := &journey{from: start, to: 60, booted: -5000 + []int64{60, -60, 3000, -3000}[r.IntN(4)], speed: a.speed, ways: ways[1:]}
		if apart >= 800 && r.IntN(2) == 0 {
			b.booted = -5000
		}
		b.north = func(s float64) float64 { return apart + a.speed*s }
		x := newField(t, testPlan())
		x.deliver(func() {}, a, b)
		if x.count(ChangeConflict) != 1 || len(x.fleet.tracks[1]) != 2 {
			t.Errorf("pair %d, %.0f m apart: %d tracks, it tells %q", n, apart, len(x.fleet.tracks[1]), x.story())
			continue
		}
		for _, c := range x.told.Changes {
			if c.Kind == ChangeConflict && c.At > fieldStart+(start+10)*1_000_000 {
				late++
			}
		}
		if apart == 0 {
			continue
		}
		last := map[Track]Fix{}
		for _, f := range x.told.Fixes {
			if was, ok := last[f.Track]; ok && !f.Broken && f.Quality >= QualityDegraded {
				if d := distanceMM(was.LatE7, was.LonE7, f.LatE7, f.LonE7) / 1000; d > 75+(f.At-was.At)/40_000 {
					t.Errorf("pair %d, %.0f m apart: track %#x goes %d m in %.1f s", n, apart, uint16(f.Track), d, float64(f.At-was.At)/1e6)
				}
			}
			last[f.Track] = f
		}
	}
	if late > drones/20 {
		t.Errorf("%d of %d pairs were told after more than 10 s", late, drones)
	}
}
