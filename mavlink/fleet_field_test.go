package mavlink

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// A field is a fleet, the bytes that are sent to it, and what it told.
type field struct {
	t     testing.TB
	fleet *Fleet
	at    int64
	seq   map[[2]uint8]uint8
	last  News // of the last frame, or of the last wait
	told  News // of all
}

const fieldStart = 1_795_420_000_000_000 // 23 November 2026

func testPlan() *FleetPlan {
	return &FleetPlan{
		Vehicles: []VehiclePlan{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2, Sources: []Source{SourcePhoto}}},
		Unknown:  "unverified",
		Sources:  []Source{SourceMark, SourcePOIScript, SourceTrackingGeo},
		StaleUS:  3_000_000, LostUS: 10_000_000,
	}
}

func newField(t testing.TB, p *FleetPlan) *field {
	return &field{t: t, fleet: NewFleet(p), at: fieldStart, seq: map[[2]uint8]uint8{}}
}

// frame makes the next frame of a component.
func (x *field) frame(sys, comp uint8, m message.Message) Frame {
	x.t.Helper()
	key := [2]uint8{sys, comp}
	raw, err := AppendFrame(nil, x.seq[key], sys, comp, m)
	if err != nil {
		x.t.Fatal(err)
	}
	x.seq[key]++
	fr := Parse(raw)
	fr.At = x.at
	return fr
}

func (x *field) send(sys, comp uint8, m message.Message) *News {
	x.t.Helper()
	fr := x.frame(sys, comp, m)
	x.last.Reset()
	x.fleet.Advance(x.at, &x.last)
	x.fleet.Apply(&fr, &x.last)
	x.keep()
	return &x.last
}

// wait lets time pass, as a station does that hears nothing but its own beat.
func (x *field) wait(d time.Duration) *News {
	x.last.Reset()
	for end := x.at + d.Microseconds(); x.at < end; {
		x.at = min(x.at+1_000_000, end)
		x.fleet.Advance(x.at, &x.last)
	}
	x.keep()
	return &x.last
}

func (x *field) keep() {
	x.told.Fixes = append(x.told.Fixes, x.last.Fixes...)
	x.told.Evidence = append(x.told.Evidence, x.last.Evidence...)
	x.told.Changes = append(x.told.Changes, x.last.Changes...)
	x.told.Sorties = append(x.told.Sorties, x.last.Sorties...)
	x.told.LostTags = append(x.told.LostTags, x.last.LostTags...)
	x.told.Replies = append(x.told.Replies, x.last.Replies...)
	for r, n := range x.last.Rejected {
		x.told.Rejected[r] += n
	}
}

// restart saves the fleet's memory as JSON and gives it to a new fleet.
func (x *field) restart(p *FleetPlan) {
	x.t.Helper()
	x.fleet = restarted(x.t, x.fleet, p)
}

func restarted(t testing.TB, f *Fleet, p *FleetPlan) *Fleet {
	t.Helper()
	b, err := json.Marshal(f.State())
	if err != nil {
		t.Fatal(err)
	}
	var st FleetState
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	f = NewFleet(p)
	f.Restore(st)
	return f
}

// heard counts the vehicles that are more than a line of the plan.
func (x *field) heard() (n int) {
	for _, v := range x.fleet.Vehicles(x.at) {
		if v.State != "unheard" {
			n++
		}
	}
	return n
}

func (x *field) view(system uint8) *VehicleView {
	x.t.Helper()
	for _, v := range x.fleet.Vehicles(x.at) {
		if v.System == system {
			return &v
		}
	}
	x.t.Fatalf("no vehicle %d among %d", system, len(x.fleet.Vehicles(x.at)))
	return nil
}

func (x *field) kinds() []ChangeKind {
	var kinds []ChangeKind
	for _, c := range x.told.Changes {
		kinds = append(kinds, c.Kind)
	}
	x.told.Changes = nil
	return kinds
}

// A copter of ArduPilot in loiter; in the air it is armed.
func copter(armed bool) *all.MessageHeartbeat {
	mode := all.MAV_MODE_FLAG(modeFlagCustom)
	if armed {
		mode |= modeFlagArmed
	}
	return &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: mode, CustomMode: 5, SystemStatus: 4, MavlinkVersion: 3}
}

func beatOf(typ all.MAV_TYPE, autopilot all.MAV_AUTOPILOT) *all.MessageHeartbeat {
	return &all.MessageHeartbeat{Type: typ, Autopilot: autopilot}
}

const homeLat, homeLon = 372500000, 1119500000

// position is north and east metres from home, up metres above it.
func (x *field) position(north, east, up float64) *all.MessageGlobalPositionInt {
	lat, lon := away(homeLat, homeLon, north, east)
	return &all.MessageGlobalPositionInt{
		TimeBootMs: uint32((x.at-fieldStart)/1000) + 60_000, Lat: lat, Lon: lon,
		Alt: 740_000 + int32(up*1000), RelativeAlt: int32(up * 1000), Hdg: 9000,
	}
}

func goodGPS() *all.MessageGpsRawInt {
	return &all.MessageGpsRawInt{FixType: 3, Lat: homeLat, Lon: homeLon, Alt: 740_000, Eph: 90, Epv: 120, Vel: math.MaxUint16, Cog: math.MaxUint16, SatellitesVisible: 14}
}

// away inverts offset.
func away(lat, lon int32, north, east float64) (int32, int32) {
	perLat, _ := offset(lat, lon, lat+10_000, lon)
	_, perLon := offset(lat, lon, lat, lon+10_000)
	return lat + int32(math.Round(north/perLat*10_000)), lon + int32(math.Round(east/perLon*10_000))
}

// second sends what a healthy vehicle sends in a second, and lets it pass.
func (x *field) second(sys uint8, armed bool, north, east, up float64) {
	x.t.Helper()
	gps := goodGPS()
	gps.Lat, gps.Lon = away(homeLat, homeLon, north, east)
	x.send(sys, 1, copter(armed))
	x.send(sys, 1, gps)
	x.send(sys, 1, x.position(north, east, up))
	x.wait(time.Second)
}

// hover gets a vehicle into the air with a good position.
func (x *field) hover(sys uint8, up float64) {
	x.t.Helper()
	x.second(sys, true, 0, 0, up)
	x.send(sys, 1, x.position(0, 0, up))
}
