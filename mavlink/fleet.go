package mavlink

import (
	"math"
	"slices"
	"strconv"
)

// Fleet is what the station believes of the vehicles that it hears: who is there, where, in what state, and what they
// tagged. It is a fold over frames. It knows no clock but the frames' and gives the same News for the same frames.
// It is not safe for concurrent use.
type Fleet struct {
	// Of the plan, by system id.
	names         [256]string
	known         [256]bool
	sources       [256]sourceSet
	ignoreUnknown bool
	staleUS       int64
	lostUS        int64

	systems [256]*SystemState
	links   []LinkState
	due     int64 // no timer is due before this instant
}

// FleetState is all that a Fleet remembers, and nothing of its plan. Its JSON round trip is exact.
type FleetState struct {
	Links   []LinkState   `json:"links"`   // by name
	Systems []SystemState `json:"systems"` // by system id
}

const (
	defaultStaleUS = 3_000_000
	defaultLostUS  = 10_000_000

	never = math.MaxInt64
)

// NewFleet returns a fleet that has heard nothing yet and judges by p.
func NewFleet(p *FleetPlan) *Fleet {
	f := &Fleet{}
	f.SetPlan(p)
	return f
}

// SetPlan makes the fleet judge by p from the next frame on. What it remembers of the vehicles lives on.
func (f *Fleet) SetPlan(p *FleetPlan) {
	f.ignoreUnknown = p.Unknown == "ignore"
	f.staleUS, f.lostUS = p.StaleUS, p.LostUS
	if f.staleUS <= 0 {
		f.staleUS = defaultStaleUS
	}
	if f.lostUS <= 0 {
		f.lostUS = defaultLostUS
	}
	all := sourcesOf(p.Sources)
	for id := range f.names {
		f.names[id], f.known[id], f.sources[id] = "system-"+strconv.Itoa(id), false, all
	}
	for i := range p.Vehicles {
		v := &p.Vehicles[i]
		f.names[v.System], f.known[v.System] = v.Name, true
		if v.Sources != nil {
			f.sources[v.System] = sourcesOf(v.Sources)
		}
	}
	f.due = math.MinInt64
}

// Name is what people call the vehicle of a track: its name in the plan, else "system-N". It is verified where the
// plan knows it.
func (f *Fleet) Name(t Track) (name string, verified bool) {
	return f.names[t.System()], f.known[t.System()]
}

// LastFix gives the track's last believed position, however old; ok is false where there is none.
func (f *Fleet) LastFix(t Track) (fix Fix, ok bool) {
	s := f.systems[t.System()]
	if s == nil || !s.Position.Known {
		return Fix{}, false
	}
	return s.Position.Fix, true
}

// State is a copy of all that the fleet remembers.
func (f *Fleet) State() FleetState {
	st := FleetState{Links: slices.Clone(f.links)}
	for _, s := range &f.systems {
		if s != nil {
			st.Systems = append(st.Systems, s.clone())
		}
	}
	return st
}

// Restore makes the fleet remember st and nothing else. A timer that came due in between fires at the next Advance,
// unless Link tells before it that the vehicle's link has come up.
func (f *Fleet) Restore(st FleetState) {
	f.systems = [256]*SystemState{}
	for i := range st.Systems {
		s := st.Systems[i].clone()
		f.systems[s.System] = &s
	}
	f.links = slices.Clone(st.Links)
	f.due = math.MinInt64
}

// The messages that the fleet reads. ATTITUDE is read for its time alone.
const (
	idHeartbeat           = 0
	idSysStatus           = 1
	idSystemTime          = 2
	idGPSRawInt           = 24
	idAttitude            = 30
	idGlobalPositionInt   = 33
	idBatteryStatus       = 147
	idCameraFeedback      = 180
	idEKFStatusReport     = 193
	idEstimatorStatus     = 230
	idExtendedSysState    = 245
	idStatusText          = 253
	idCameraImageCaptured = 263
	idCameraTrackingGeo   = 276
)

// Apply folds one frame, whose CRC holds, and adds what it brought to out. Frames of the station itself are not for
// Apply: see Origin and Link. Frames of ids outside the dialect are passed over, since no CRC vouches for them.
// The caller has called Advance with the frame's time.
func (f *Fleet) Apply(fr *Frame, out *News) {
	if !Known(fr.MsgID) {
		return
	}
	p := Payload(fr.Raw)
	if fr.SysID == 0 {
		// 0 is the address of all systems, no system's own: nothing can be learnt of a sender that gives no name.
		if fr.MsgID == idGlobalPositionInt || isTag(fr.MsgID, p) {
			out.Rejected[RejectComponent]++
		}
		return
	}
	s := f.system(fr.SysID)
	s.component(fr.CompID).count(fr)

	switch fr.MsgID {
	case idHeartbeat:
		f.heartbeat(s, fr, p, out)
	case idSystemTime:
		if f.speaks(s, fr.CompID) {
			f.clock(s, clockSystemTime, ReadSystemTime(p).TimeBootMs, fr.At, out)
		}
	case idAttitude:
		if f.speaks(s, fr.CompID) {
			f.clock(s, clockAttitude, ReadAttitude(p).TimeBootMs, fr.At, out)
		}
	case idGlobalPositionInt:
		f.globalPosition(s, fr, p, out)
	case idGPSRawInt:
		if f.speaks(s, fr.CompID) {
			f.gps(s, fr, p, out)
		}
	case idEKFStatusReport, idEstimatorStatus:
		if f.speaks(s, fr.CompID) {
			s.Position.estimator(fr, p)
		}
	case idExtendedSysState:
		if f.speaks(s, fr.CompID) {
			s.Vehicle.Landed, s.Vehicle.LandedAt = ReadExtendedSysState(p).LandedState, fr.At
			f.flight(s, fr.At, out)
		}
	case idSysStatus:
		if f.speaks(s, fr.CompID) {
			s.Vehicle.Main.sysStatus(p)
		}
	case idBatteryStatus:
		if f.speaks(s, fr.CompID) {
			s.Vehicle.Pack.batteryStatus(p)
		}
	case idStatusText:
		f.statusText(s, fr, p, out)
	case idCameraFeedback:
		f.cameraFeedback(s, fr, p, out)
	case idCameraImageCaptured:
		f.imageCaptured(s, fr, p, out)
	case idCameraTrackingGeo:
		f.trackingGeo(s, fr, p, out)
	}
}

// system is the memory of a system id, made at its first frame.
func (f *Fleet) system(id uint8) *SystemState {
	s := f.systems[id]
	if s == nil {
		s = &SystemState{System: id}
		s.Vehicle.Main, s.Vehicle.Pack = noBattery(), noBattery()
		f.systems[id] = s
	}
	return s
}

// ignored says whether the plan has no ear for s.
func (f *Fleet) ignored(s *SystemState) bool { return f.ignoreUnknown && !f.known[s.System] }

// speaks says whether comp is the autopilot of s: the component whose HEARTBEAT made it a vehicle. A system of the
// plan whose heartbeat has not been heard yet is believed through component 1, the autopilot's usual id, unless that
// has shown itself to be something else.
func (f *Fleet) speaks(s *SystemState, comp uint8) bool {
	if s.Vehicle.Exists {
		return comp == s.Vehicle.Component
	}
	return comp == 1 && f.known[s.System] && !s.component(comp).TypeKnown
}
