package mavlink

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Pins are what a vehicle's identity is held to; zero values pin nothing.
type Pins struct {
	Link    string `json:"link,omitempty"`    // name of the only link it is heard on
	Address string `json:"address,omitempty"` // network, address or address:port that it sends from
	Type    string `json:"type,omitempty"`    // of its HEARTBEAT, in the words of VehicleView.Type
	UID2    string `json:"uid2,omitempty"`    // of its board, 36 hex digits
}

// PinsConfig is Pins as a configuration gives them.
type PinsConfig struct {
	Link    string `yaml:"link"`
	Address string `yaml:"address"`
	Type    string `yaml:"type"`
	UID2    string `yaml:"uid2"`
}

// Signing says what a vehicle's frames need.
type Signing string

// The modes of signing: not looked at; verified where there is a signature, and unverified without; refused without.
const (
	SigningOff     Signing = "off"
	SigningPrefer  Signing = "prefer"
	SigningRequire Signing = "require"
)

// VehicleIdentity is what a listener holds a vehicle's frames to before it takes them in.
type VehicleIdentity struct {
	System   uint8
	Link     string // the only link it is heard on; "": any
	Address  string // address, address:port, network or device that it sends from; "": any
	Signing  Signing
	Key      *[32]byte
	LaxClock bool // see SigningKey
}

// Identities are the vehicles that a listener holds to a link, an address or signatures, in the order of the
// configuration.
func (c Config) Identities() (all []VehicleIdentity) {
	for _, v := range c.Vehicles {
		id := VehicleIdentity{System: v.System, Link: v.Pins.Link, Address: v.Pins.Address, Signing: v.signing(), LaxClock: v.SigningClock == clockLax}
		if id.Signing != SigningOff {
			id.Key = v.Key
		}
		if id.Link != "" || id.Address != "" || id.Signing != SigningOff {
			all = append(all, id)
		}
	}
	return all
}

// The words of signing_clock.
const (
	clockStrict = "strict"
	clockLax    = "lax"
)

// signing is what the vehicle's frames need: a key that is given is used.
func (v *VehicleConfig) signing() Signing {
	switch {
	case v.Signing != "":
		return v.Signing
	case v.KeyFile != "":
		return SigningPrefer
	}
	return SigningOff
}

// signingPlan is signing as the plan has it.
func (v *VehicleConfig) signingPlan() Signing {
	if s := v.signing(); s != SigningOff {
		return s
	}
	return ""
}

func (p PinsConfig) plan() Pins {
	return Pins{Link: p.Link, Address: p.Address, Type: p.Type, UID2: strings.ToLower(p.UID2)}
}

// checkIdentity reports the mistakes in pins and signing. Which links there are only the caller's caller knows.
func (v *VehicleConfig) checkIdentity(at func(key string) string, report func(path, what, remedy string)) {
	if a := v.Pins.Address; a != "" && !addressed(a) {
		report(at("pins.address"), fmt.Sprintf("%q is no address", a),
			"give an address (192.0.2.7), one with its port (192.0.2.7:14550), a network (192.0.2.0/24) or a device (/dev/ttyUSB0)")
	}
	if t := v.Pins.Type; t != "" && !isTypeWord(t) {
		report(at("pins.type"), fmt.Sprintf("%q is no type of vehicle", t), "use the word that the station shows for it: quadrotor, hexarotor, fixed_wing, vtol ...")
	}
	if u := v.Pins.UID2; u != "" {
		uid, err := hex.DecodeString(u)
		if err != nil || len(uid) != uid2Len || strings.Trim(u, "0") == "" {
			report(at("pins.uid2"), fmt.Sprintf("%q is no board's id", u), fmt.Sprintf("give the %d hex digits of AUTOPILOT_VERSION.uid2, not all of them 0", 2*uid2Len))
		}
	}
	switch v.Signing {
	case "":
	case SigningOff:
		if v.KeyFile != "" {
			report(at("signing"), "is off, and yet there is a key_file", "leave one of them out")
		}
	case SigningPrefer, SigningRequire:
		if v.KeyFile == "" {
			report(at("signing"), fmt.Sprintf("is %s without a key_file", v.Signing), "name the file that holds the vehicle's key")
		}
	default:
		report(at("signing"), fmt.Sprintf("%q is not known", v.Signing), "use off, prefer or require")
	}
	if v.Key != nil && *v.Key == [32]byte{} {
		report(at("key_file"), "holds an all-zero key, which many programs take for none", "give vehicle and station a random one")
	}
	switch v.SigningClock {
	case "":
	case clockStrict, clockLax:
		if v.signing() == SigningOff {
			report(at("signing_clock"), "is said of a vehicle without signing", "leave it out, or give a key_file")
		}
	default:
		report(at("signing_clock"), fmt.Sprintf("%q is not known", v.SigningClock), "use strict, or lax for a vehicle that has no clock")
	}
}

// addressed says whether a is an address, an address:port, a network or the path of a device.
func addressed(a string) bool {
	if at, err := netip.ParseAddrPort(a); err == nil {
		return at.Port() != 0 // nobody sends from there
	}
	if _, err := netip.ParseAddr(a); err == nil {
		return true
	}
	if _, err := netip.ParsePrefix(a); err == nil {
		return true
	}
	return IsDevice(a)
}

// IsDevice says whether the address of a pin is the path of a serial device.
func IsDevice(a string) bool { return strings.HasPrefix(a, "/") || strings.HasPrefix(a, "COM") }

// isTypeWord says whether a word is one of VehicleView.Type that a vehicle may have.
func isTypeWord(w string) bool {
	for _, t := range &vehicleTypes {
		if t.word == w && !t.part {
			return true
		}
	}
	return false
}
