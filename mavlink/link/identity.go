package link

import (
	"net/netip"
	"sync"

	"riverwatch/mavlink"
)

// identities hold the frames of vehicles to what is configured of them: the link and address that they come from, and
// their signatures. A reader holds reading for a whole read, so that no frame that was judged by one configuration is
// queued after the plan that goes with the next: set waits for those under way.
type identities struct {
	reading sync.RWMutex
	pins    [256]*pin // by system; nil: neither pinned nor signed

	mu    sync.Mutex // frames of one stream may come over several sources at once
	judge *mavlink.SignatureJudge
}

// pin is what a system is held to.
type pin struct {
	link   string
	place  string         // as configured; "": any
	source netip.AddrPort // of an "address:port"
	prefix netip.Prefix   // of a network or an address
	signed bool           // its signatures are looked at
}

func newIdentities(vehicles []mavlink.VehicleIdentity, known []mavlink.SignatureState) *identities {
	ids := &identities{judge: mavlink.NewSignatureJudge(nil, known)}
	ids.set(vehicles)
	return ids
}

// set holds all frames that are read from now on to vehicles.
func (ids *identities) set(vehicles []mavlink.VehicleIdentity) {
	var pins [256]*pin
	var keys []mavlink.SigningKey
	for _, v := range vehicles {
		p := &pin{link: v.Link, place: v.Address, signed: v.Signing == mavlink.SigningPrefer || v.Signing == mavlink.SigningRequire}
		// What is none of these is a device, and a mistake matches nothing.
		if at, err := netip.ParseAddrPort(v.Address); err == nil {
			p.source = netip.AddrPortFrom(plain(at.Addr()), at.Port())
		} else if addr, err := netip.ParseAddr(v.Address); err == nil {
			addr = plain(addr)
			p.prefix = netip.PrefixFrom(addr, addr.BitLen())
		} else if prefix, err := netip.ParsePrefix(v.Address); err == nil {
			p.prefix = prefix.Masked()
		}
		if p.link != "" || p.place != "" || p.signed {
			pins[v.System] = p
		}
		keys = append(keys, mavlink.SigningKey{System: v.System, Mode: v.Signing, Key: v.Key, LaxClock: v.LaxClock})
	}
	ids.reading.Lock()
	defer ids.reading.Unlock()
	ids.pins = pins
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.judge.SetKeys(keys)
}

// admit says whether a frame of src may come in, and notes in it whether its signature was verified. The caller holds
// reading.
func (ids *identities) admit(src *source, f *mavlink.Frame) reason {
	p := ids.pins[f.SysID]
	if p == nil {
		return admitted
	}
	if !p.holds(src) {
		return pinned
	}
	if !p.signed {
		return admitted
	}
	ids.mu.Lock()
	verdict := ids.judge.Judge(f.Raw, src.stamp)
	ids.mu.Unlock()
	switch verdict {
	case mavlink.SignatureMissing:
		return unsigned
	case mavlink.SignatureBad:
		return signature
	case mavlink.SignatureReplayed:
		return replayed
	case mavlink.SignatureFuture:
		return future
	}
	f.Signed = verdict == mavlink.SignatureVerified
	return admitted
}

// holds says whether src is where the system has been pinned to.
func (p *pin) holds(src *source) bool {
	switch {
	case p.link != "" && p.link != src.line.cfg.Name:
		return false
	case p.place == "":
		return true
	case p.source.IsValid():
		return p.source == src.from
	case p.prefix.IsValid():
		return p.prefix.Contains(src.from.Addr())
	}
	return p.place == src.address
}

func (ids *identities) state() []mavlink.SignatureState {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	return ids.judge.State()
}

// plain is addr as it is compared: an IPv4 address in IPv6 clothes is the IPv4 address, and a link-local one is the same
// on each interface.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
