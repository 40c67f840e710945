package mavlink

// TargetState is an object that a camera follows.
type TargetState struct {
	Component uint8  `json:"component"`
	Camera    uint8  `json:"camera"`
	Open      bool   `json:"open"`
	Heard     int64  `json:"heard"`   // last message that the object is being followed
	N         uint64 `json:"n"`       // of the key
	Told      int64  `json:"told"`    // when evidence was last given
	Located   bool   `json:"located"` // with a position:
	LatE7     int32  `json:"lat_e7"`
	LonE7     int32  `json:"lon_e7"`
}

// CaptureState is the newest photo of a camera.
type CaptureState struct {
	MsgID     uint32 `json:"msgid"`
	Component uint8  `json:"component"`
	Camera    uint8  `json:"camera"`
	Index     int64  `json:"index"`
	Heard     int64  `json:"heard"`
	Taken     uint64 `json:"taken"`  // µs, as its message has it, 0 unknown
	Before    uint32 `json:"before"` // bit n: the photo n+1 before it has been heard, or is older than the count
}

const (
	maxCameras = 16 // per system; the one heard longest ago gives way

	targetSilence = 5_000_000
	targetAgain   = 60_000_000
	targetMovedMM = 50_000

	photoWindow = 30_000_000 // a photo told again within this is the same piece of evidence
)

// CAMERA_TRACKING_STATUS_FLAGS.
const (
	trackingActive   = 1
	trackingError    = 2
	trackingCoasting = 8
)

// cameraFeedback folds a CAMERA_FEEDBACK, which has two meanings (PROTOCOL 1.2).
func (f *Fleet) cameraFeedback(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadCameraFeedback(p)
	if isPOIFeedback(&m) {
		f.poiFeedback(s, fr, &m, out)
		return
	}
	// The time tells apart two photos of one index with a reboot in between that nobody noticed.
	n := uint64(m.CamIdx)<<56 | uint64(m.ImgIdx)<<40 | m.TimeUsec&(1<<40-1)
	ph := photo{
		camera: m.CamIdx, index: int64(m.ImgIdx), n: n, lat: m.Lat, lon: m.Lng, heightMM: millimetres(m.AltRel),
		seen: s.usecTime(fr.At, m.TimeUsec), taken: m.TimeUsec,
	}
	f.photo(s, fr, &ph, out)
}

// isPOIFeedback tells mount-poi.lua's message, whose position is the point on the ground, from a photo's, whose position
// is the aircraft's. The script always sends image 1 and no angles, and one altitude, in centimetres, in both fields; a
// photo would need three angles of exactly 0 and a home at sea level to look like it.
func isPOIFeedback(m *CameraFeedback) bool {
	return m.ImgIdx == 1 && m.AltMsl == m.AltRel && m.Roll == 0 && m.Pitch == 0 && m.Yaw == 0 && m.FocLen == 0
}

// imageCaptured folds a CAMERA_IMAGE_CAPTURED.
func (f *Fleet) imageCaptured(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadCameraImageCaptured(p)
	n := uint64(m.CameraID)<<32 | uint64(uint32(m.ImageIndex))
	ph := photo{camera: m.CameraID, index: int64(m.ImageIndex), n: n, lat: m.Lat, lon: m.Lon, taken: m.TimeUtc, failed: m.CaptureResult != 1}
	if ph.seen = s.usecTime(fr.At, m.TimeUtc); ph.seen.Source == TimeReceived {
		ph.seen = s.componentTime(fr.CompID, fr.At, m.TimeBootMs)
	}
	if m.RelativeAlt > 0 && m.RelativeAlt < maxHeightMM { // PX4: -1000 where it does not know the terrain
		ph.heightMM = m.RelativeAlt
	}
	f.photo(s, fr, &ph, out)
}

// millimetres is a length in m as mm, 0 where it is none.
func millimetres(m float32) int32 {
	if mm := float64(m) * 1000; mm > -maxHeightMM && mm < maxHeightMM {
		return int32(mm)
	}
	return 0
}

// photo is what the two photo messages have in common.
type photo struct {
	camera   uint8
	index    int64
	n        uint64 // of the key
	lat, lon int32  // of the aircraft
	heightMM int32  // 0 or less: unknown
	seen     Stamp
	taken    uint64 // µs as the message has it, since 1970 or since boot, 0 unknown
	failed   bool
}

// photo gives a photo as evidence of something that the camera looked at. Its position is where it was taken from, and
// the radius says so; where the camera's line of sight is known, and the options do not say otherwise, that comes along.
func (f *Fleet) photo(s *TrackState, fr *Frame, ph *photo, out *News) {
	if ph.failed { // no photo, but one of the count
		if f.hears(s, fr.CompID, SourcePhoto) {
			lost, _ := s.newest(fr, ph)
			f.lost(s, fr.At, SourcePhoto, lost, out)
		}
		return
	}
	if !f.heeds(s, fr.CompID, SourcePhoto, out) {
		return
	}
	lost, fresh := s.newest(fr, ph)
	if !fresh {
		out.reject(RejectStale)
		return
	}
	f.lost(s, fr.At, SourcePhoto, lost, out)
	height := ph.heightMM
	if height <= 0 {
		var ok bool
		if height, ok = s.Position.height(fr.At); !ok {
			height = unknownHeightMM
		}
	}
	f.tell(s, fr.At, &tag{
		source: SourcePhoto, basis: BasisVehicle, lat: int64(ph.lat), lon: int64(ph.lon), ce90DM: aroundVehicleDM(height),
		key:  EvidenceKey{MsgID: fr.MsgID, Track: s.Track(), Comp: fr.CompID, N: ph.n},
		seen: ph.seen, verified: f.verified(s, fr), camera: fr.CompID, look: f.tagging.rules[s.System].photoRay,
	}, out)
}

// newest says whether a photo counts: one ahead of all others of its camera; the newest told again soon after; or one
// that was overtaken on its way. Cameras send the messages of old images again when asked to, and those do not count.
// lost is how many photos before it have not been heard.
func (s *TrackState) newest(fr *Frame, ph *photo) (lost uint32, fresh bool) {
	var oldest *CaptureState
	for i := range s.Captures {
		c := &s.Captures[i]
		if c.MsgID == fr.MsgID && c.Component == fr.CompID && c.Camera == ph.camera {
			return c.add(fr, ph)
		}
		if oldest == nil || c.Heard < oldest.Heard {
			oldest = c
		}
	}
	c := CaptureState{MsgID: fr.MsgID, Component: fr.CompID, Camera: ph.camera}
	c.begin(fr, ph)
	if len(s.Captures) < maxCameras {
		s.Captures = append(s.Captures, c)
	} else {
		*oldest = c
	}
	return 0, true
}

// begin makes a photo the first of its camera's count.
func (c *CaptureState) begin(fr *Frame, ph *photo) {
	c.Index, c.Heard, c.Taken, c.Before = ph.index, fr.At, ph.taken, ^uint32(0)
}

// add takes note of a photo of the camera, see newest.
func (c *CaptureState) add(fr *Frame, ph *photo) (lost uint32, fresh bool) {
	ahead := ph.index - c.Index
	if fr.MsgID == idCameraFeedback {
		ahead = int64(int16(ahead)) // its index has 16 bits
	}
	behind := -ahead
	soon := fr.At-c.Heard <= photoWindow
	switch {
	case ahead > maxLost, ahead < 0 && ph.taken > c.Taken && c.Taken != 0: // a new count: taken later all the same
		c.begin(fr, ph)
		return 0, true
	case ahead > 32 && ph.taken != 0 && ph.taken < c.Taken: // of the count before
		return 0, false
	case ahead > 0:
		c.Before = c.Before<<1 | 1 // the one that was the newest
		c.Before <<= min(ahead-1, 32)
		c.Index, c.Heard, c.Taken = ph.index, fr.At, ph.taken
		return uint32(ahead - 1), true
	case ahead == 0:
		return 0, soon
	case behind <= 32 && soon && c.Before&(1<<(behind-1)) == 0:
		c.Before |= 1 << (behind - 1)
		return 0, true
	}
	return 0, false
}

// trackingGeo folds a CAMERA_TRACKING_GEO_STATUS: a stream, while a camera follows an object, of where the object is.
// Its beginning is evidence, and then each 60 s or 50 m. A point that first comes after a beginning without one belongs
// to the same key.
func (f *Fleet) trackingGeo(s *TrackState, fr *Frame, p []byte, out *News) {
	m := ReadCameraTrackingGeoStatus(p)
	if m.TrackingStatus&trackingError != 0 {
		return
	}
	camera := m.CameraDeviceID
	if camera > 6 { // 1 to 6 are cameras without a component id of their own
		camera = 0
	}
	if m.TrackingStatus&(trackingActive|trackingCoasting) == 0 {
		if t := s.target(fr.CompID, camera); t != nil {
			t.Open = false
		}
		return
	}
	if !f.heeds(s, fr.CompID, SourceTrackingGeo, out) {
		return
	}
	t := s.target(fr.CompID, camera)
	if t == nil {
		t = s.newTarget(TargetState{Component: fr.CompID, Camera: camera})
	}
	if fr.At-t.Heard > targetSilence {
		t.Open = false
	}
	t.Heard = fr.At
	if m.TrackingStatus&trackingCoasting != 0 {
		return // a guess of the tracker's, nothing that it sees
	}
	why, nowhere := f.refuse(int64(m.Lat), int64(m.Lon))
	if t.Open {
		if nowhere {
			out.reject(why)
			return
		}
		if t.Located && fr.At-t.Told < targetAgain && distanceMM(t.LatE7, t.LonE7, m.Lat, m.Lon) < targetMovedMM {
			return
		}
	}
	// Where an object is lost and followed again at once, or a copy of an older message says so, it is still the same.
	again := !t.Open && t.Located && !nowhere && fr.At-t.Told < targetSilence && distanceMM(t.LatE7, t.LonE7, m.Lat, m.Lon) < targetMovedMM
	if !again && (!t.Open || t.Located) {
		t.N = uint64(camera)<<56 | uint64(fr.At)&(1<<56-1)
	}
	t.Open, t.Told, t.Located, t.LatE7, t.LonE7 = true, fr.At, !nowhere, m.Lat, m.Lon
	e := tag{
		source: SourceTrackingGeo, basis: BasisTarget, lat: int64(m.Lat), lon: int64(m.Lon),
		key:  EvidenceKey{MsgID: idCameraTrackingGeo, Track: s.Track(), Comp: fr.CompID, N: t.N},
		seen: s.undated(fr.At), verified: f.verified(s, fr), camera: fr.CompID,
	}
	e.ce90DM, _ = statedCE90DM(m.HAcc)
	f.tell(s, fr.At, &e, out)
}

// target is what a camera follows, nil where it has not followed anything yet.
func (s *TrackState) target(comp, camera uint8) *TargetState {
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Component == comp && t.Camera == camera {
			return t
		}
	}
	return nil
}

func (s *TrackState) newTarget(t TargetState) *TargetState {
	if len(s.Targets) < maxCameras {
		s.Targets = append(s.Targets, t)
		return &s.Targets[len(s.Targets)-1]
	}
	oldest := &s.Targets[0]
	for i := range s.Targets {
		if s.Targets[i].Heard < oldest.Heard {
			oldest = &s.Targets[i]
		}
	}
	*oldest = t
	return oldest
}
