package mavlink

// The messages that the fleet reads.
const (
	idHeartbeat           = 0
	idSysStatus           = 1
	idSystemTime          = 2
	idGPSRawInt           = 24
	idAttitude            = 30
	idGlobalPositionInt   = 33
	idRCChannels          = 65
	idCommandInt          = 75
	idCommandLong         = 76
	idTerrainReport       = 136
	idAltitude            = 141
	idBatteryStatus       = 147
	idAutopilotVersion    = 148
	idMountStatus         = 158
	idCameraFeedback      = 180
	idEKFStatusReport     = 193
	idEstimatorStatus     = 230
	idExtendedSysState    = 245
	idNamedValueFloat     = 251
	idNamedValueInt       = 252
	idStatusText          = 253
	idButtonChange        = 257
	idCameraImageCaptured = 263
	idMountOrientation    = 265
	idCameraFOVStatus     = 271
	idCameraTrackingGeo   = 276
	idGimbalAttitude      = 285
	idGNSSIntegrity       = 441
)

// A readingOf is what the fleet makes of a message: a place in readers.
type readingOf uint8

const (
	readsNothing readingOf = iota // no dialect has the message: no CRC vouches for it
	readsOther                    // it is known, and nothing that the fleet reads
	readsFirst                    // the first of those that it does
)

// reader folds one kind of message.
type reader struct {
	id     uint32
	fold   func(f *Fleet, s *TrackState, fr *Frame, p []byte, out *News)
	anyone bool // any component of a system may say it, not its autopilot alone
	claims bool // by it an autopilot makes a claim
}

// readers are the messages that the fleet reads.
var readers = [...]reader{
	readsNothing: {},
	readsOther:   {},
	readsFirst:   {id: idHeartbeat, fold: (*Fleet).heartbeat, anyone: true},
	{id: idGlobalPositionInt, fold: (*Fleet).globalPosition, anyone: true, claims: true},
	{id: idAttitude, fold: (*Fleet).attitude, claims: true},
	{id: idGPSRawInt, fold: (*Fleet).gps, claims: true},
	{id: idSystemTime, fold: (*Fleet).systemTime, claims: true},
	{id: idEKFStatusReport, fold: (*Fleet).estimator},
	{id: idEstimatorStatus, fold: (*Fleet).estimator},
	{id: idExtendedSysState, fold: (*Fleet).extendedSysState},
	{id: idSysStatus, fold: (*Fleet).sysStatus},
	{id: idBatteryStatus, fold: (*Fleet).batteryStatus},
	{id: idGNSSIntegrity, fold: (*Fleet).integrity},
	{id: idAutopilotVersion, fold: (*Fleet).autopilotVersion},
	{id: idTerrainReport, fold: (*Fleet).groundHeight},
	{id: idAltitude, fold: (*Fleet).groundHeight},
	{id: idRCChannels, fold: (*Fleet).rcChannels},
	{id: idGimbalAttitude, fold: (*Fleet).gimbal, anyone: true},
	{id: idMountOrientation, fold: (*Fleet).gimbal, anyone: true},
	{id: idMountStatus, fold: (*Fleet).gimbal, anyone: true},
	{id: idCameraFOVStatus, fold: (*Fleet).gimbal, anyone: true},
	{id: idButtonChange, fold: (*Fleet).button, anyone: true},
	{id: idNamedValueFloat, fold: (*Fleet).namedValue, anyone: true},
	{id: idNamedValueInt, fold: (*Fleet).namedValue, anyone: true},
	{id: idCommandInt, fold: (*Fleet).command, anyone: true},
	{id: idCommandLong, fold: (*Fleet).command, anyone: true},
	{id: idStatusText, fold: (*Fleet).statusText, anyone: true},
	{id: idCameraFeedback, fold: (*Fleet).cameraFeedback, anyone: true},
	{id: idCameraImageCaptured, fold: (*Fleet).imageCaptured, anyone: true},
	{id: idCameraTrackingGeo, fold: (*Fleet).trackingGeo, anyone: true},
}

// readings is what the fleet makes of the messages with ids below denseIDs. It reads none above.
func readings(d *dialect) (all [denseIDs]readingOf) {
	for id := range all {
		if d.dense[id].known() {
			all[id] = readsOther
		}
	}
	for i := readsFirst; int(i) < len(readers); i++ {
		all[readers[i].id] = i
	}
	return all
}

// reading is what the fleet makes of a message.
func (f *Fleet) reading(id uint32) readingOf {
	if id < denseIDs {
		return f.readings[id]
	}
	return f.seldom(id)
}

func (f *Fleet) seldom(id uint32) readingOf {
	if f.dialect.lookup(id).known() {
		return readsOther
	}
	return readsNothing
}

// fold folds a frame of a track.
func (f *Fleet) fold(s *TrackState, how readingOf, fr *Frame, p []byte, out *News) {
	if s.Clock.FirstHeard == 0 {
		s.Clock.FirstHeard = fr.At
	}
	if f.late && s.overtaken(fr) {
		return
	}
	if r := &readers[how]; (r.anyone || f.speaks(s, fr.CompID)) && r.fold != nil {
		r.fold(f, s, fr, p, out)
	}
}
