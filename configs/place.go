package configs

import (
	"fmt"
	"net/netip"
	"slices"

	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// checkPlace reports an address of a vehicle that nothing on its link can have: all of its frames would be refused.
func (c *Config) checkPlace(p mavlink.PinsConfig, report func(path, what, remedy string)) {
	links := c.Links
	if p.Link != "" {
		i := slices.IndexFunc(links, func(l link.Config) bool { return l.Name == p.Link })
		if i < 0 {
			return // that has been said
		}
		links = links[i : i+1]
	}
	reachable := slices.ContainsFunc(links, func(l link.Config) bool { return heardOn(l, p.Address) })
	if p.Address == "" || reachable || len(links) == 0 {
		return
	}
	what := fmt.Sprintf("nothing is heard from %s on any link", p.Address)
	if p.Link != "" {
		what = fmt.Sprintf("nothing is heard from %s on link %s", p.Address, p.Link)
	}
	report("", what, "give the link's own device where it is serial, else a network address that its allow lets in; or leave it out")
}

// heardOn says whether a pinned address may be one that frames on a link come from. Where it is no address at all,
// somebody else says so.
func heardOn(l link.Config, address string) bool {
	var network netip.Prefix
	if at, err := netip.ParseAddrPort(address); err == nil {
		network = netip.PrefixFrom(at.Addr().Unmap().WithZone(""), at.Addr().Unmap().BitLen())
	} else if addr, err := netip.ParseAddr(address); err == nil {
		network = netip.PrefixFrom(addr.Unmap().WithZone(""), addr.Unmap().BitLen())
	} else if network, err = netip.ParsePrefix(address); err != nil {
		return l.Serial == address || !mavlink.IsDevice(address)
	}
	return l.Serial == "" && (len(l.Allow) == 0 || slices.ContainsFunc(l.Allow, func(s string) bool {
		allowed, err := netip.ParsePrefix(s)
		return err != nil || allowed.Overlaps(network)
	}))
}
