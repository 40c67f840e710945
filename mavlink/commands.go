package mavlink

import (
	"math"
	"slices"
)

// The command that tags: MAV_CMD_SPATIAL_USER_1, whose position is that of what was seen.
const (
	cmdSpatialUser1 = 31005

	resultAccepted = 0 // MAV_RESULT
	resultDenied   = 2
)

// command folds a COMMAND_INT or COMMAND_LONG. MAV_CMD_SPATIAL_USER_1 to our own id, from a sender that the plan lists,
// is a sighting at its position, or without one where it gives none. It is the only thing that is ever answered: each
// copy, with equal keys, so that a repetition becomes no second sighting.
func (f *Fleet) command(s *TrackState, fr *Frame, p []byte, out *News) {
	c := readSpatialUser(fr.MsgID, p)
	own := f.tagging.own
	if c.command != cmdSpatialUser1 || own.System == 0 || c.system != own.System || c.component != 0 && c.component != own.Component {
		return
	}
	sender, heard := f.sender(s, fr)
	switch {
	case sender == nil:
		out.reject(RejectSender)
		return
	case f.sources[s.System]&setSpatialUser == 0:
		out.reject(RejectSourceOff)
		return
	}
	t := tag{
		source: SourceSpatialUser, basis: BasisTarget, seen: s.undated(fr.At), camera: fr.CompID, alien: true,
		lat: c.lat, lon: c.lon, ce90DM: unknownTargetDM + c.stepDM, none: c.nowhere,
		// A drone's companion is believed as far as its drone.
		verified: heard && (!f.known[s.System] || f.verified(s, fr)), vehicle: sender.Name,
		key: EvidenceKey{MsgID: fr.MsgID, Track: s.Track(), Comp: fr.CompID, N: c.hash, LatE7: clampE7(c.lat), LonE7: clampE7(c.lon)},
	}
	reply := Reply{Origin: fr.Origin, System: fr.SysID, Component: fr.CompID, Command: cmdSpatialUser1, Result: resultAccepted}
	why, refused := RejectUndecodable, c.local
	if !refused && !c.nowhere {
		why, refused = f.refuse(c.lat, c.lon)
	}
	if refused {
		out.reject(why)
		reply.Result = resultDenied
	} else {
		f.tell(s, fr.At, &t, out)
	}
	out.Replies = append(out.Replies, reply)
}

// sender is the entry of the plan by which the sender of a frame may tag, nil for none. heard says that it speaks over
// the link that the entry asks for; a log of others does not tell that.
func (f *Fleet) sender(s *TrackState, fr *Frame) (c *CommandSender, heard bool) {
	link := ""
	if y := f.systems[s.System]; y != nil {
		if o := y.speaker(fr.CompID); o != nil {
			link = o.Link
		}
	}
	i := slices.IndexFunc(f.tagging.senders, func(c CommandSender) bool {
		return c.System == fr.SysID && (c.Component == 0 || c.Component == fr.CompID) && (c.Link == "" || c.Link == link || link == "")
	})
	if i < 0 {
		return nil, false
	}
	c = &f.tagging.senders[i]
	return c, c.Link == "" || c.Link == link
}

// spatialUser is what the two messages have in common.
type spatialUser struct {
	command           uint16
	system, component uint8 // that it is for
	lat, lon          int64 // degrees x 1e7
	nowhere           bool  // it gives no position
	local             bool  // its numbers are no degrees
	stepDM            int32 // how coarse its numbers are
	hash              uint64
}

// MAV_FRAMEs of degrees: above mean sea level, home or terrain, of either form.
var globalFrames = []uint8{0, 3, 5, 6, 10, 11}

func readSpatialUser(id uint32, p []byte) spatialUser {
	if id == idCommandInt {
		m := ReadCommandInt(p)
		c := spatialUser{command: m.Command, system: m.TargetSystem, component: m.TargetComponent, lat: int64(m.X), lon: int64(m.Y)}
		c.nowhere = m.X == math.MaxInt32 || m.Y == math.MaxInt32
		c.local = !c.nowhere && !slices.Contains(globalFrames, m.Frame)
		c.hash = fnv1a(p[:min(len(p), 28)])
		return c
	}
	m := ReadCommandLong(p)
	c := spatialUser{command: m.Command, system: m.TargetSystem, component: m.TargetComponent}
	lat, lon := float64(m.Param5), float64(m.Param6)
	c.nowhere = math.IsNaN(lat) || math.IsNaN(lon)
	if !c.nowhere {
		// What is beyond any angle stays so: E7 of 1000 degrees does not fit 32 bits.
		c.lat, c.lon = int64(math.Round(max(-1000, min(1000, lat))*1e7)), int64(math.Round(max(-1000, min(1000, lon))*1e7))
		c.stepDM = stepDM(m.Param5, m.Param6)
	}
	c.hash = fnv1a(p[:min(len(p), 28)])
	return c
}

// stepDM is how far a point is from the next one that its 32-bit floats can tell, dm, at most: at a longitude of 112
// degrees they are 0.85 m apart at the equator.
func stepDM(lat, lon float32) int32 {
	const dmPerDegree = 1_113_200 // of the equator
	step := func(x float32) float64 {
		x = float32(math.Abs(float64(x)))
		return float64(math.Nextafter32(x, 1000)) - float64(x)
	}
	dm := math.Hypot(step(lat), step(lon)*math.Cos(float64(lat)*math.Pi/180)) * dmPerDegree
	return int32(math.Ceil(min(dm, 100)))
}
