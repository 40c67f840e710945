package sim

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// Traffic is what so many ArduPilot copters with a gimbal and a camera stream while they fly up and down a river: load
// for measurements, where a [Plan] is a story. It is a pure function of its fields as well, and cheap: each message is
// encoded once, then patched with time, place, sequence number and checksum.
//
// Each vehicle sends the 77 frames of its mix evenly over a second; the vehicles begin at different places of the mix, and
// speak in turn. Their clocks, tracks and sequence numbers hold together as those of real ones do.
type Traffic struct {
	Vehicles int           // 1 to 254: systems 1, 2, 3 ... without 245, which is the station's
	Start    time.Time     // what the vehicles' clocks show at the first frame; not zero
	Length   time.Duration // 0: endless
	// Times is how often a vehicle sends the mix in a second, 0 means 1: clocks and tracks stay true to time, the rates
	// of all messages are so many times higher.
	Times int
	// PressEvery is after what time each vehicle's pilot tags a person again, in whole seconds, as [Press] does; 0: never.
	PressEvery time.Duration
	River      []Point // the vehicles' way, there and back; nil: about 13 km of the Ciyao
}

// MixPerSecond is how many frames a vehicle sends in a second, where Times is 1.
const MixPerSecond = 77

const (
	maxVehicles = 254
	stationID   = 245
	flightMS    = 12.0 // speed over ground
	groundM     = 745.0
)

// Check returns all that is wrong with t, nil if it can be sent.
func (t Traffic) Check() error {
	var wrong []error
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if t.Vehicles < 1 || t.Vehicles > maxVehicles {
		note("%d vehicles: give 1 to %d", t.Vehicles, maxVehicles)
	}
	if t.Start.IsZero() {
		note("start is missing: give the time that the vehicles' clocks show at first")
	}
	if t.Times < 0 || t.Times > 10_000 {
		note("the mix %d times a second: give 1 to 10000", t.Times)
	}
	if t.PressEvery < 0 || t.PressEvery%time.Second != 0 {
		note("a press every %v: give whole seconds", t.PressEvery)
	}
	if t.River != nil && !(routeLength(t.River) >= 100) {
		note("a river of %.0f m: give at least 100", routeLength(t.River))
	}
	for _, p := range t.River {
		if !p.onEarth() {
			note("river point %v is not on the earth: give latitude, then longitude, in degrees", p)
		}
	}
	return errors.Join(wrong...)
}

// Steps yields the frames in the order of their times, without an allocation for each. It panics if Check does not pass.
func (t Traffic) Steps() iter.Seq[Step] {
	s := newStream(t)
	return func(yield func(Step) bool) {
		var buf []byte
		for n := int64(0); ; n++ {
			for v := range t.Vehicles {
				after := s.after(v, n)
				if t.Length > 0 && after >= t.Length {
					return
				}
				buf = s.frame(buf[:0], v, n)
				if !yield(Step{After: after, System: systemOf(v), Raw: buf}) {
					return
				}
			}
		}
	}
}

// systemOf is the system id of vehicle v, counted from 0.
func systemOf(v int) uint8 {
	if v++; v >= stationID {
		v++
	}
	return uint8(v)
}

// vehicleOf is the inverse of systemOf.
func vehicleOf(system uint8) (v int, ok bool) {
	v = int(system)
	if v > stationID {
		v--
	}
	return v - 1, system != 0 && system != stationID
}

// stream is Traffic made ready. Any of its frames can be had at any time, by vehicle and number. It belongs to one goroutine.
type stream struct {
	Traffic
	slots  [MixPerSecond]slot
	counts [256]int64 // frames of each component in one mix
	kinds  []kind
	rounds int64 // mixes between two presses, 0: none
	way    []waypoint
	moment moment // of the newest frame
}

// slot is one place in the mix.
type slot struct {
	*kind
	rank int64 // frames of its component that come before it in the mix
}

// waypoint is a metre of the river.
type waypoint struct {
	latE7, lonE7 float64
	heading      float64
}

func newStream(t Traffic) *stream {
	if err := t.Check(); err != nil {
		panic(fmt.Sprintf("sim: traffic that does not pass Check: %v", err))
	}
	t.Times = max(t.Times, 1)
	if t.River == nil {
		t.River = []Point{
			{37.274, 112.005}, {37.268, 112.008}, {37.266, 111.995}, {37.271, 111.985}, {37.271, 111.974}, {37.258, 111.971},
			{37.255, 111.950}, {37.246, 111.935}, {37.218, 111.945}, {37.204, 111.941}, {37.190, 111.942},
		}
	}
	s := &stream{Traffic: t, rounds: int64(t.PressEvery/time.Second) * int64(t.Times)}
	kinds := makeKinds()
	s.kinds = kinds
	// Where the j-th of r frames of a message falls: spread evenly, each message from another place on.
	var taken [MixPerSecond]bool
	for i := range kinds {
		for j := range kinds[i].perSecond {
			at := (j*MixPerSecond/kinds[i].perSecond + 7*i) % MixPerSecond
			for taken[at] {
				at = (at + 1) % MixPerSecond
			}
			taken[at] = true
			s.slots[at].kind = &kinds[i]
		}
	}
	for i := range s.slots {
		c := &s.counts[s.slots[i].component]
		s.slots[i].rank = *c
		*c++
	}
	for m := range int(routeLength(t.River)) {
		at, heading := along(t.River, float64(m))
		s.way = append(s.way, waypoint{at.Lat * 1e7, at.Lon * 1e7, heading})
	}
	return s
}

// after is when vehicle v sends its frame n, both counted from 0.
func (s *stream) after(v int, n int64) time.Duration {
	each := time.Second / time.Duration(MixPerSecond*s.Times)
	return time.Duration(n/MixPerSecond)*time.Second/time.Duration(s.Times) + time.Duration(n%MixPerSecond)*each +
		each*time.Duration(v)/time.Duration(s.Vehicles)
}

// spot is where a frame stands: what it is, which of its component's it is, and in which repetition of the mix.
type spot struct {
	*kind
	seq   uint8
	press int64 // which of its vehicle's presses it is of
}

// spot is where frame n of vehicle v stands.
func (s *stream) spot(v int, n int64) spot {
	place := n + int64(v)*31%MixPerSecond // vehicles are at different places of the mix
	round, at := place/MixPerSecond, int(place%MixPerSecond)
	slot := &s.slots[at]
	p := spot{kind: slot.kind, seq: uint8(round*s.counts[slot.component] + slot.rank)}
	if s.rounds > 0 && at >= pressAt && at <= pressAt+1 && round > 0 {
		if turned := round + int64(v)*s.rounds/int64(s.Vehicles); turned%s.rounds == 0 {
			p.kind, p.press = &s.kinds[kindText+at-pressAt], turned/s.rounds
		}
	}
	return p
}

// frame appends frame n of vehicle v to dst.
func (s *stream) frame(dst []byte, v int, n int64) []byte {
	p, after, m := s.spot(v, n), s.after(v, n), &s.moment
	*m = moment{
		bootUS: uint64((bootBefore + after).Microseconds()), start: s.Start.UnixMicro(), after: after,
		noise: mixed(uint64(v)<<48 ^ uint64(n)), presses: uint16(p.press),
	}
	if p.placed {
		s.locate(m, v)
	}
	return p.append(dst, p.seq, systemOf(v), m)
}

// pressAt is the place in the mix whose frame, and the next, make way for a press. Both are the autopilot's.
const pressAt = 40

// locate puts vehicle v on its way: each has its own stretch to begin with, its own height and its own side of the river.
func (s *stream) locate(m *moment, v int) {
	length := float64(len(s.way) - 1)
	d := math.Mod(m.after.Seconds()*flightMS+2*length*float64(v)/float64(s.Vehicles), 2*length)
	back := d > length
	if back {
		d = 2*length - d
	}
	i := min(int(d), len(s.way)-2)
	a, b, share := &s.way[i], &s.way[i+1], d-float64(i)
	side := float64(v%9-4) * 10 // metres; of a degree of latitude too, so that tracks do not coincide
	m.latE7 = int32(a.latE7 + share*(b.latE7-a.latE7) + side*90)
	m.lonE7 = int32(a.lonE7 + share*(b.lonE7-a.lonE7) + side*90)
	m.heading = a.heading
	if back {
		m.heading += math.Pi
	}
	if m.heading < 0 {
		m.heading += 2 * math.Pi
	}
	sin, cos := math.Sincos(m.heading)
	m.north, m.east = int16(100*flightMS*cos), int16(100*flightMS*sin)
	m.headingCD = uint16(m.heading*18000/math.Pi) % 36000
	m.relMM = int32(50_000 + v%6*10_000)
}

// mixed scatters x over 64 bits (the finalizer of SplitMix64).
func mixed(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
