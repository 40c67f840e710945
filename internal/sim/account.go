package sim

import (
	"bytes"

	"riverwatch/mavlink"
)

// Account finds out what became of every frame of a load. Frames carry no mark for it: the traffic is a function, so
// what comes is compared, byte for byte, with what the sender made at that number.
type Account struct {
	load     Load
	stream   *stream
	vehicles []account
	strange  int64
	buf      []byte
}

// account is what has come of one vehicle.
type account struct {
	Fate
	next int64    // the number behind the highest that came
	came []uint64 // a bit for each number
}

// Fate is what became of the frames of one vehicle, or of all.
type Fate struct {
	Sent, Came         int64 // each frame counts once, however often it came
	OneShots, ShotCame int64 // those of them that are part of a press
	Doubled            int64 // copies that came after the first
	Late               int64 // came after one that was sent later
}

// Lost is how many frames never came.
func (f *Fate) Lost() int64 { return f.Sent - f.Came }

// ShotsLost is how many of them were part of a press.
func (f *Fate) ShotsLost() int64 { return f.OneShots - f.ShotCame }

// NewAccount is an account of what was sent of a load.
func NewAccount(l Load, sent Sent) *Account {
	a := &Account{load: l, stream: newStream(l.Traffic)}
	for v := range l.Traffic.Vehicles {
		n := l.sentOf(v, sent.Datagrams)
		one := account{Fate: Fate{Sent: n}, came: make([]uint64, n/64+1)}
		for i := range n {
			if a.stream.spot(v, i).press > 0 {
				one.OneShots++
			}
		}
		a.vehicles = append(a.vehicles, one)
	}
	return a
}

// Frame notes that raw came, in the order in which frames do.
func (a *Account) Frame(raw []byte) {
	f := mavlink.Parse(raw)
	v, ok := vehicleOf(f.SysID)
	if !ok || v >= len(a.vehicles) {
		a.strange++
		return
	}
	c := &a.vehicles[v]
	n, ok := a.find(v, c, &f)
	if !ok {
		a.strange++
		return
	}
	if c.came[n/64]>>(n%64)&1 != 0 {
		c.Doubled++
		return
	}
	c.came[n/64] |= 1 << (n % 64)
	c.Came++
	if a.stream.spot(v, n).press > 0 {
		c.ShotCame++
	}
	if n < c.next {
		c.Late++
	}
	c.next = max(c.next, n+1)
}

// find is the number of f: from where the vehicle is on, as a rule the very next; else one before.
func (a *Account) find(v int, c *account, f *mavlink.Frame) (int64, bool) {
	for n := c.next; n < c.Sent; n++ {
		if a.is(v, n, f) {
			return n, true
		}
	}
	for n := c.next - 1; n >= 0; n-- {
		if a.is(v, n, f) {
			return n, true
		}
	}
	return 0, false
}

// is says whether f is frame n of vehicle v, to the byte.
func (a *Account) is(v int, n int64, f *mavlink.Frame) bool {
	at := a.stream.spot(v, n)
	if at.seq != f.Seq || at.id != f.MsgID || at.component != f.CompID {
		return false
	}
	a.buf = a.stream.frame(a.buf[:0], v, n)
	return bytes.Equal(a.buf, f.Raw)
}

// Vehicles is what became of each vehicle's frames, in the order of their systems.
func (a *Account) Vehicles() []Fate {
	all := make([]Fate, len(a.vehicles))
	for v := range a.vehicles {
		all[v] = a.vehicles[v].Fate
	}
	return all
}

// Strange is how many frames came that were never sent.
func (a *Account) Strange() int64 { return a.strange }

// All is what became of all frames.
func (a *Account) All() (sum Fate) {
	for v := range a.vehicles {
		f := &a.vehicles[v].Fate
		sum.Sent += f.Sent
		sum.Came += f.Came
		sum.OneShots += f.OneShots
		sum.ShotCame += f.ShotCame
		sum.Doubled += f.Doubled
		sum.Late += f.Late
	}
	return sum
}

// Spread is the smallest and the largest share of its frames that a vehicle lost, 0 to 1.
func (a *Account) Spread() (least, most float64) {
	least = 1
	for v := range a.vehicles {
		f := &a.vehicles[v].Fate
		share := float64(f.Lost()) / float64(max(f.Sent, 1))
		least, most = min(least, share), max(most, share)
	}
	return least, most
}
