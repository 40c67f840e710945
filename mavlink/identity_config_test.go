package mavlink

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMistakesInPinsAndSigningAreReportedUnderTheirKeys(t *testing.T) {
	key := &[32]byte{1}
	for title, tt := range map[string]struct {
		spoil func(*VehicleConfig)
		want  []string
	}{
		"all that there is": {func(v *VehicleConfig) {
			v.Pins = PinsConfig{Link: "field", Address: "192.0.2.0/24", Type: "hexarotor", UID2: strings.Repeat("A7", 18)}
			v.Signing, v.KeyFile, v.Key, v.SigningClock = SigningRequire, "egret-1.key", key, "lax"
		}, nil},
		"an address with its port":     {func(v *VehicleConfig) { v.Pins.Address = "[2001:db8::7]:14550" }, nil},
		"a device":                     {func(v *VehicleConfig) { v.Pins.Address = "/dev/ttyUSB0" }, nil},
		"a key alone":                  {func(v *VehicleConfig) { v.KeyFile, v.Key = "egret-1.key", key }, nil},
		"a host's name":                {func(v *VehicleConfig) { v.Pins.Address = "egret-1.local" }, []string{"vehicles[0].pins.address"}},
		"an address without an end":    {func(v *VehicleConfig) { v.Pins.Address = "192.0.2." }, []string{"vehicles[0].pins.address"}},
		"a network too wide":           {func(v *VehicleConfig) { v.Pins.Address = "192.0.2.0/33" }, []string{"vehicles[0].pins.address"}},
		"a type nobody has":            {func(v *VehicleConfig) { v.Pins.Type = "quadcopter" }, []string{"vehicles[0].pins.type"}},
		"a type of no vehicle":         {func(v *VehicleConfig) { v.Pins.Type = "gimbal" }, []string{"vehicles[0].pins.type"}},
		"a board's id cut short":       {func(v *VehicleConfig) { v.Pins.UID2 = "a7a7" }, []string{"vehicles[0].pins.uid2"}},
		"a board's id of other digits": {func(v *VehicleConfig) { v.Pins.UID2 = strings.Repeat("zz", 18) }, []string{"vehicles[0].pins.uid2"}},
		"a board that has none":        {func(v *VehicleConfig) { v.Pins.UID2 = strings.Repeat("00", 18) }, []string{"vehicles[0].pins.uid2"}},
		"a mode nobody has":            {func(v *VehicleConfig) { v.Signing = "maybe" }, []string{"vehicles[0].signing"}},
		"required without a key":       {func(v *VehicleConfig) { v.Signing = SigningRequire }, []string{"vehicles[0].signing"}},
		"preferred without a key":      {func(v *VehicleConfig) { v.Signing = SigningPrefer }, []string{"vehicles[0].signing"}},
		"off with a key":               {func(v *VehicleConfig) { v.Signing, v.KeyFile, v.Key = SigningOff, "egret-1.key", key }, []string{"vehicles[0].signing"}},
		"a key of zeros":               {func(v *VehicleConfig) { v.KeyFile, v.Key = "egret-1.key", &[32]byte{} }, []string{"vehicles[0].key_file"}},
		"a clock nobody has":           {func(v *VehicleConfig) { v.KeyFile, v.SigningClock = "egret-1.key", "sundial" }, []string{"vehicles[0].signing_clock"}},
		"a clock without signing":      {func(v *VehicleConfig) { v.SigningClock = "lax" }, []string{"vehicles[0].signing_clock"}},
	} {
		t.Run(title, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.Vehicles = []VehicleConfig{{Name: "egret-1", System: 1}}
			tt.spoil(&c.Vehicles[0])
			var got []string
			c.Check(func(path, what, remedy string) {
				if what == "" || remedy == "" {
					t.Errorf("%s: %q, remedy %q", path, what, remedy)
				}
				got = append(got, path)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKeyIsUsedUnlessSigningSaysOtherwise(t *testing.T) {
	key := &[32]byte{1}
	var c Config
	c.SetDefaults()
	c.Vehicles = []VehicleConfig{
		{Name: "a", System: 1, KeyFile: "a.key", Key: key},
		{Name: "b", System: 2, KeyFile: "b.key", Key: key, Signing: SigningRequire, SigningClock: "lax"},
		{Name: "c", System: 3, Signing: SigningOff, Pins: PinsConfig{Link: "field", Address: "192.0.2.7", UID2: strings.Repeat("A7", 18)}},
		{Name: "d", System: 4, Pins: PinsConfig{Type: "quadrotor"}},
	}
	var signing []Signing
	for _, v := range c.Plan().Vehicles {
		signing = append(signing, v.Signing)
	}
	if diff := cmp.Diff([]Signing{SigningPrefer, SigningRequire, "", ""}, signing); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if got, want := c.Plan().Vehicles[2].Pins, (Pins{Link: "field", Address: "192.0.2.7", UID2: strings.Repeat("a7", 18)}); got != want {
		t.Errorf("pins %+v, want %+v", got, want)
	}
	want := []VehicleIdentity{
		{System: 1, Signing: SigningPrefer, Key: key},
		{System: 2, Signing: SigningRequire, Key: key, LaxClock: true},
		{System: 3, Link: "field", Address: "192.0.2.7", Signing: SigningOff},
	}
	if diff := cmp.Diff(want, c.Identities()); diff != "" {
		t.Errorf("identities (-want +got):\n%s", diff)
	}
}
