package mavlink

import "slices"

// A History is the newest samples of something that a vehicle tells several times a second, so that what it was at the
// instant of a tag, a little earlier, can be told. It holds up to 16; all but the newest are at least 150 ms apart, so
// that they reach back two seconds even at 50 Hz.
type History[V any] struct {
	Newest  int         `json:"newest"`  // index of the newest
	Samples []Sample[V] `json:"samples"` // in a ring: after the newest comes the oldest
}

// Sample is one of them.
type Sample[V any] struct {
	At     int64  `json:"at"`      // station time, µs: of arrival, where BootMS dates it
	BootMS uint32 `json:"boot_ms"` // of the autopilot's clock, 0 not dated
	Is     V      `json:"is"`
}

const (
	historyLen     = 16
	historySpacing = 150_000   // µs
	maxSkew        = 1_000_000 // a sample further from the tag says nothing of it (PROTOCOL 2.4)
)

// add makes room for a sample, in the newest one's place where that is too close behind its predecessor to be kept, and
// gives what is to be set.
func (h *History[V]) add(at int64, bootMS uint32) (is *V) {
	n := len(h.Samples)
	if n > 1 {
		before := h.Newest - 1
		if before < 0 {
			before = n - 1
		}
		x, y := &h.Samples[before], &h.Samples[h.Newest]
		apart := y.At - x.At
		if x.BootMS != 0 && y.BootMS > x.BootMS {
			apart = int64(y.BootMS-x.BootMS) * 1000 // a radio hands over several samples at once
		}
		if apart < historySpacing {
			y.At, y.BootMS = at, bootMS
			return &y.Is
		}
	}
	if n < historyLen {
		if n == 0 {
			h.Samples = make([]Sample[V], 0, historyLen)
		}
		h.Samples = append(h.Samples, Sample[V]{At: at, BootMS: bootMS})
		h.Newest = n
		return &h.Samples[n].Is
	}
	if h.Newest++; h.Newest == historyLen {
		h.Newest = 0
	}
	y := &h.Samples[h.Newest]
	y.At, y.BootMS = at, bootMS
	return &y.Is
}

// clone is a copy; of a ring that cannot be, as a damaged file may hold one, nothing.
func (h *History[V]) clone() History[V] {
	if n := len(h.Samples); n > historyLen || h.Newest < 0 || h.Newest >= max(n, 1) {
		return History[V]{}
	}
	c := *h
	c.Samples = slices.Clone(h.Samples)
	return c
}

// moment is where an instant lies among the samples of a history.
type moment[V any] struct {
	a, b *V      // on either side of it; the same one where it is held
	f    float64 // how far from a to b, 0..1
	gap  float64 // seconds from the held sample to the instant, less than 0 where that came later; 0 in between

	ra, rb *V      // two neighbours that tell the rate of change there, nil where there are none
	span   float64 // seconds from ra to rb
}

// at finds the samples around an instant of station time. Samples are dated by their own time since boot where they
// have one: the tag is, too. ok is false where none is near enough.
func (h *History[V]) at(s *TrackState, t int64) (m moment[V], ok bool) {
	var times [historyLen]int64
	var order [historyLen]uint8
	n := len(h.Samples)
	for i := range n {
		x := &h.Samples[i]
		times[i] = x.At
		if x.BootMS != 0 {
			times[i] = s.bootTime(x.At, x.BootMS).At
		}
		j := i
		for ; j > 0 && times[order[j-1]] > times[i]; j-- {
			order[j] = order[j-1]
		}
		order[j] = uint8(i)
	}
	after := 0 // how many are not later than t
	for after < n && times[order[after]] <= t {
		after++
	}
	sample := func(i int) *V { return &h.Samples[order[i]].Is }
	when := func(i int) int64 { return times[order[i]] }
	rate := func(i, j int) {
		if i >= 0 && j < n && when(j) > when(i) {
			m.ra, m.rb, m.span = sample(i), sample(j), float64(when(j)-when(i))/1e6
		}
	}
	earlier, later := after > 0 && t-when(after-1) <= maxSkew, after < n && when(after)-t <= maxSkew
	switch {
	case earlier && later:
		m.a, m.b = sample(after-1), sample(after)
		m.f = float64(t-when(after-1)) / float64(when(after)-when(after-1))
		rate(after-1, after)
	case earlier:
		m.hold(sample(after-1), t-when(after-1))
		if rate(after-2, after-1); m.span == 0 {
			rate(after-1, after)
		}
	case later:
		m.hold(sample(after), t-when(after))
		if rate(after, after+1); m.span == 0 {
			rate(after-1, after)
		}
	default:
		return m, false
	}
	return m, true
}

func (m *moment[V]) hold(x *V, gap int64) { m.a, m.b, m.f, m.gap = x, x, 0, float64(gap)/1e6 }

// nearest holds the nearer of the two samples, for what cannot be told between them.
func (m *moment[V]) nearest() {
	if m.a == m.b {
		return
	}
	if m.f <= 0.5 {
		m.b, m.gap = m.a, m.f*m.span
	} else {
		m.a, m.gap = m.b, (m.f-1)*m.span
	}
	m.f = 0
}
