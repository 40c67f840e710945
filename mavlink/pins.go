package mavlink

import (
	"fmt"
	"net/netip"
	"strings"
)

// PinState is how a pin fares that has been contradicted.
type PinState struct {
	Want  string `json:"want"`  // what the plan pinned then: a plan with another pin starts anew
	Heard string `json:"heard"` // what was heard instead
	At    int64  `json:"at"`    // when last, 0: never
	Held  int64  `json:"held"`  // since when it has held again, 0: it does not
}

// pins are a vehicle's Pins, ready for use. Zero values pin nothing.
type pins struct {
	link, address string
	typ, uid2     string
	prefix        netip.Prefix   // of an address or a network
	source        netip.AddrPort // of an address:port
}

func (p Pins) compile() pins {
	c := pins{link: p.Link, address: p.Address, typ: p.Type, uid2: p.UID2}
	if at, err := netip.ParseAddrPort(p.Address); err == nil {
		c.source = netip.AddrPortFrom(plain(at.Addr()), at.Port())
	} else if addr, err := netip.ParseAddr(p.Address); err == nil {
		addr = plain(addr)
		c.prefix = netip.PrefixFrom(addr, addr.BitLen())
	} else if prefix, err := netip.ParsePrefix(p.Address); err == nil {
		c.prefix = prefix.Masked()
	}
	return c
}

// plain is addr as it is compared: an IPv4 address in IPv6 clothes is the IPv4 address, and a link-local one is the same
// on each interface.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// origin is the pin of link and address in words, "" for none.
func (p *pins) origin() string {
	return strings.TrimSpace(p.link + " " + p.address)
}

// place says whether o is where the vehicle is pinned to, as far as it is known where that is.
func (p *pins) place(o *SpeakerState) bool {
	if p.link != "" && o.Link != "" && o.Link != p.link {
		return false
	}
	if p.address == "" || o.Address == "" {
		return true
	}
	at, err := netip.ParseAddrPort(o.Address)
	switch {
	case err != nil:
		return o.Address == p.address // a device
	case p.source.IsValid():
		return p.source == netip.AddrPortFrom(plain(at.Addr()), at.Port())
	case p.prefix.IsValid():
		return p.prefix.Contains(plain(at.Addr()))
	}
	return false
}

// pin compares what was heard with what is pinned, and tells where that turns the vehicle's identity.
func (f *Fleet) pin(system uint8, ps *PinState, want, heard string, at int64, out *News) {
	if want == heard {
		ps.holds(at)
	} else {
		*ps = PinState{Want: want, Heard: heard, At: at}
	}
	if ps.At != 0 {
		f.settle(f.systems[system], at, out)
	}
}

// pinOrigin compares where a frame comes from with what is pinned.
func (f *Fleet) pinOrigin(y *SystemState, o *SpeakerState, at int64) {
	if !o.astray {
		y.Origin.holds(at)
		return
	}
	y.Origin = PinState{Want: f.pins[y.System].origin(), Heard: strings.TrimSpace(o.Link + " " + o.Address), At: at}
}

// holds takes note that the pin holds.
func (ps *PinState) holds(at int64) {
	if ps.At != 0 && ps.Held == 0 {
		ps.Held = at
	}
}

// settle forgets a contradiction once the pin has held for a while, or is no more.
func (ps *PinState) settle(want string, at int64) {
	if ps.At != 0 && (ps.Want != want || ps.Held != 0 && at-ps.Held >= conflictFor) {
		*ps = PinState{}
	}
}

// broken says whether what the plan pins has been contradicted.
func (ps *PinState) broken(want string) bool { return ps.At != 0 && ps.Want == want }

// violations are the pins that do not hold, in words.
func (f *Fleet) violations(y *SystemState) (words []string) {
	pins := &f.pins[y.System]
	for _, pin := range []struct {
		what, want string
		state      *PinState
	}{{"heard from", pins.origin(), &y.Origin}, {"type is", pins.typ, &y.Type}, {"uid2 is", pins.uid2, &y.UID2}} {
		if pin.state.broken(pin.want) {
			words = append(words, fmt.Sprintf("%s %s, pinned %s", pin.what, pin.state.Heard, pin.want))
		}
	}
	return words
}
