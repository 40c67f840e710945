package mavlink

// Vehicle says whether the HEARTBEAT speaks for a vehicle, not for a part of one or for a station.
func (h Heartbeat) Vehicle() bool { return isVehicle(h.Type, h.Autopilot) }
