package mavlink

// An autopilot's frames say by what clock they were made and where: a claim. Claims tell one aircraft from another that
// has been given the same system id.

// claim is what a frame says of its sender's clock and place.
type claim struct {
	series int    // of the clock, of clockSystemTime and the like
	boot   uint32 // ms since boot, 0: not said
	kind   int    // of the point
	point  bool
	lat    int32
	lon    int32
	lag    int32 // ms, of the stream that brought it
}

// The kinds of point: the filter's, the GPS's.
const (
	pointFused = iota
	pointRaw
	pointKinds
)

// BootState is a series of times since boot. Senders stamp some messages up to a second earlier than others, so each
// series is compared with itself.
type BootState struct {
	MS  uint32 `json:"ms"`  // the newest; 0: none heard
	Off uint32 `json:"off"` // station time less time since boot, ms modulo 2^32, of the frames that came fastest
}

// PointState is the newest point of a kind.
type PointState struct {
	At     int64  `json:"at"` // 0: none heard
	BootMS uint32 `json:"boot_ms"`
	LatE7  int32  `json:"lat_e7"`
	LonE7  int32  `json:"lon_e7"`
}

const (
	clockApartMS = 5_000 // clocks further apart are not one clock, however late a frame is

	// Two points are not one aircraft's where they are further apart than this and 60 m for each second in between:
	// more than 200 m within a second (PROTOCOL 5).
	placeApartMM  = 100_000
	placeMMPerMS  = 60
	placeMaxAgeMS = 10_000 // a point older than this says nothing
	nearE7        = 8_000  // under 90 m in latitude and longitude: near, without arithmetic
	offLeak       = 1024
)

// makesClaim says whether a message may make a claim.
func makesClaim(id uint32) bool {
	return id == idAttitude || id == idGlobalPositionInt || id == idSystemTime || id == idGPSRawInt
}

// claimOf reads the claim of a frame; ok is false where it makes none.
func claimOf(fr *Frame, p []byte) (c claim, ok bool) {
	switch fr.MsgID {
	case idSystemTime:
		c.series, c.boot = clockSystemTime, u32(full(p, 12), 8)
	case idAttitude:
		c.series, c.boot = clockAttitude, u32(full(p, 4), 0)
	case idGlobalPositionInt:
		p = full(p, 12)
		c.series, c.boot = clockPosition, u32(p, 0)
		c.lat, c.lon, c.point = i32(p, 4), i32(p, 8), true
	case idGPSRawInt:
		p = full(p, 29)
		c.kind, c.lat, c.lon, c.point = pointRaw, i32(p, 8), i32(p, 12), p[28] >= fix2D
	default:
		return c, false
	}
	if c.point {
		_, refused := refusePoint(int64(c.lat), int64(c.lon))
		c.point = !refused
	}
	return c, c.boot != 0 || c.point
}

// fit is how a claim stands to what a track has said before.
type fit uint8

const (
	fits     fit = iota // or there is nothing to compare with
	notPlace            // too far away to have flown there
	notClock            // of another clock
)

// off is station time less time since boot, in ms modulo 2^32: it wraps together with the clock.
func (c *claim) off(at int64) uint32 { return uint32(at/1000) - c.boot }

// fits says whether a clock may be that of the series.
func (b *BootState) fits(c *claim, at int64) bool {
	if b.MS == 0 || c.boot == 0 {
		return true
	}
	// Not older than the newest but for a late frame, nor ahead of what the fastest frames say the time is now.
	return int32(c.boot-b.MS) > -clockApartMS && int32(b.Off-c.off(at)) < clockApartMS
}

// near says whether an aircraft that was at the point may have made the claim.
func (pt *PointState) near(c *claim, at int64) bool {
	if pt.At == 0 || !c.point {
		return true
	}
	if uint32(c.lat-pt.LatE7+nearE7) <= 2*nearE7 && uint32(c.lon-pt.LonE7+nearE7) <= 2*nearE7 {
		return true
	}
	ms := pt.apart(c, at)
	return ms > placeMaxAgeMS || distanceMM(pt.LatE7, pt.LonE7, c.lat, c.lon) <= placeApartMM+placeMMPerMS*ms
}

// made is when the claim was made, as far as can be told from when it came.
func (c *claim) made(at int64) int64 { return at - int64(max(c.lag, 0))*1000 }

// apart is the time between the point and a claim in ms: by their own clock where both have one, since a link may bring
// one of them late.
func (pt *PointState) apart(c *claim, at int64) int64 {
	if pt.BootMS != 0 && c.boot != 0 {
		return abs(int64(int32(c.boot - pt.BootMS)))
	}
	return abs(c.made(at)-pt.At) / 1000
}

// fit compares a claim with what the track has claimed so far.
func (id *IdentityState) fit(c *claim, at int64) fit {
	switch {
	case !id.Boot[c.series].fits(c, at):
		return notClock
	case id.Points[c.kind].near(c, at), c.kind == pointRaw && id.Points[pointFused].At != 0 && id.Points[pointFused].near(c, at):
		return fits
	}
	return notPlace
}

// learn takes a claim over.
func (id *IdentityState) learn(c *claim, at int64) {
	id.Heard = at
	newest := true
	if c.boot != 0 {
		b := &id.Boot[c.series]
		off := c.off(at)
		if b.MS == 0 {
			b.MS, b.Off = c.boot, off
		} else {
			if newest = int32(c.boot-b.MS) >= 0; newest {
				b.MS = c.boot
			}
			if d := int32(off - b.Off); d < 0 {
				b.Off = off
			} else {
				b.Off += uint32(d+offLeak-1) / offLeak // clocks drift, and a link may grow slower
			}
		}
	}
	if c.point && newest {
		id.Points[c.kind] = PointState{At: c.made(at), BootMS: c.boot, LatE7: c.lat, LonE7: c.lon}
	}
}

// goesOn is fit and learn in one for what nearly every claim is: a little later and near by. It says false, and has done
// nothing, where the claim is another one.
func (id *IdentityState) goesOn(fr *Frame, p []byte) bool {
	var boot uint32
	var b *BootState
	if len(p) < 12 {
		p = full(p, 12) // the zeros that a boot less than 4.6 hours ago ends a SYSTEM_TIME with are left out
	}
	switch fr.MsgID {
	case idAttitude:
		boot, b = u32(p, 0), &id.Boot[clockAttitude]
	case idGlobalPositionInt:
		boot, b = u32(p, 0), &id.Boot[clockPosition]
	case idSystemTime:
		boot, b = u32(p, 8), &id.Boot[clockSystemTime]
	case idGPSRawInt:
		if len(p) < 29 || p[28] < fix2D || !id.Points[pointRaw].goesOn(fr.At, 0, i32(p, 8), i32(p, 12)) {
			return false
		}
		id.Heard = fr.At
		return true
	default:
		return false
	}
	lag := int32(uint32(fr.At/1000) - boot - b.Off)
	if boot == 0 || b.MS == 0 || int32(boot-b.MS) < 0 || lag <= -clockApartMS || lag > clockApartMS {
		return false
	}
	if fr.MsgID == idGlobalPositionInt && !id.Points[pointFused].goesOn(fr.At, boot, i32(p, 4), i32(p, 8)) {
		return false
	}
	b.MS = boot
	if lag < 0 {
		b.Off += uint32(lag)
	} else {
		b.Off += uint32(lag+offLeak-1) / offLeak
	}
	id.Heard = fr.At
	return true
}

// goesOn is near and learn in one for a point close by; it says false, and has done nothing, where the point is not.
func (pt *PointState) goesOn(at int64, boot uint32, lat, lon int32) bool {
	if pt.At == 0 || uint32(lat-pt.LatE7+nearE7) > 2*nearE7 || uint32(lon-pt.LonE7+nearE7) > 2*nearE7 {
		return false
	}
	*pt = PointState{At: at, BootMS: boot, LatE7: lat, LonE7: lon}
	return true
}

// unlearn drops what a claim that is believed all the same contradicts.
func (id *IdentityState) unlearn(why fit) {
	if why == notClock {
		id.Boot = [clocks]BootState{}
	}
	id.Points = [pointKinds]PointState{}
}

// cost is how far a claim is from what the track would claim now: small where it is likely its own.
func (id *IdentityState) cost(c *claim, at int64) (n int64) {
	const unknown = 10
	if b := &id.Boot[c.series]; c.boot != 0 {
		if b.MS == 0 {
			n += unknown
		} else {
			n += min(abs(int64(int32(c.off(at)-b.Off)))/20, 64)
		}
	}
	if pt := &id.Points[pointFused]; c.point {
		if pt.At == 0 {
			pt = &id.Points[c.kind]
		}
		if pt.At == 0 || pt.apart(c, at) > placeMaxAgeMS {
			n += unknown
		} else {
			n += min(distanceMM(pt.LatE7, pt.LonE7, c.lat, c.lon)/2000, 128)
		}
	}
	return n
}
