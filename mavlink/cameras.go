package mavlink

// cameraFeedback folds a CAMERA_FEEDBACK, which has two meanings (PROTOCOL 1.2).
func (f *Fleet) cameraFeedback(s *SystemState, fr *Frame, p []byte, out *News) {
	m := ReadCameraFeedback(p)
	if isPOIFeedback(&m) {
		if !f.heeds(s, fr.CompID, SourcePOIScript, out) {
			return
		}
		lat, lon := int64(m.Lat), int64(m.Lng)
		key := EvidenceKey{MsgID: idCameraFeedback, Track: s.track(), N: uint64(m.CompletedCaptures), LatE7: m.Lat, LonE7: m.Lng}
		t := tag{source: SourcePOIScript, basis: BasisTarget, lat: lat, lon: lon}
		t.key = s.press(fr.At, lat, lon, m.CompletedCaptures, key)
		f.tell(s, fr.At, &t, out)
		return
	}
	// The time tells apart two photos of one index with a reboot in between that nobody noticed.
	n := uint64(m.CamIdx)<<56 | uint64(m.ImgIdx)<<40 | m.TimeUsec&(1<<40-1)
	ph := photo{camera: m.CamIdx, index: int64(m.ImgIdx), n: n, lat: m.Lat, lon: m.Lng, heightMM: millimetres(m.AltRel)}
	f.photo(s, fr, &ph, out)
}

// isPOIFeedback tells mount-poi.lua's message, whose position is the point on the ground, from a photo's, whose position
// is the aircraft's. The script always sends image 1 and no angles, and one altitude, in centimetres, in both fields; a
// photo would need three angles of exactly 0 and a home at sea level to look like it.
func isPOIFeedback(m *CameraFeedback) bool {
	return m.ImgIdx == 1 && m.AltMsl == m.AltRel && m.Roll == 0 && m.Pitch == 0 && m.Yaw == 0 && m.FocLen == 0
}

// imageCaptured folds a CAMERA_IMAGE_CAPTURED. An image that failed is no photo.
func (f *Fleet) imageCaptured(s *SystemState, fr *Frame, p []byte, out *News) {
	m := ReadCameraImageCaptured(p)
	if m.CaptureResult != 1 {
		return
	}
	n := uint64(m.CameraID)<<32 | uint64(uint32(m.ImageIndex))
	ph := photo{camera: m.CameraID, index: int64(m.ImageIndex), n: n, lat: m.Lat, lon: m.Lon}
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
}

// photo gives a photo as evidence of something below the aircraft: its position is where the photo was taken from, and
// the radius says so.
func (f *Fleet) photo(s *SystemState, fr *Frame, ph *photo, out *News) {
	if !f.heeds(s, fr.CompID, SourcePhoto, out) {
		return
	}
	if !s.newest(fr, ph) {
		out.Rejected[RejectStale]++
		return
	}
	height := ph.heightMM
	if height <= 0 {
		var ok bool
		if height, ok = s.Position.height(fr.At); !ok {
			height = unknownHeightMM
		}
	}
	f.tell(s, fr.At, &tag{
		source: SourcePhoto, basis: BasisVehicle, lat: int64(ph.lat), lon: int64(ph.lon), ce90DM: aroundVehicleDM(height),
		key: EvidenceKey{MsgID: fr.MsgID, Track: s.track(), Comp: fr.CompID, N: ph.n},
	}, out)
}

// newest says whether a photo is the camera's newest, or the newest told again soon after. Cameras send the messages of
// old images again when asked to.
func (s *SystemState) newest(fr *Frame, ph *photo) bool {
	var oldest *CaptureState
	for i := range s.Captures {
		c := &s.Captures[i]
		if c.MsgID == fr.MsgID && c.Component == fr.CompID && c.Camera == ph.camera {
			ahead := ph.index - c.Index
			if fr.MsgID == idCameraFeedback {
				ahead = int64(int16(ahead)) // its index has 16 bits
			}
			if ahead > 0 {
				c.Index, c.Heard = ph.index, fr.At
				return true
			}
			return ahead == 0 && fr.At-c.Heard <= photoWindow
		}
		if oldest == nil || c.Heard < oldest.Heard {
			oldest = c
		}
	}
	c := CaptureState{MsgID: fr.MsgID, Component: fr.CompID, Camera: ph.camera, Index: ph.index, Heard: fr.At}
	if len(s.Captures) < maxCameras {
		s.Captures = append(s.Captures, c)
	} else {
		*oldest = c
	}
	return true
}

// trackingGeo folds a CAMERA_TRACKING_GEO_STATUS: a stream, while a camera follows an object, of where the object is.
// Its beginning is evidence, and then each 60 s or 50 m. A point that first comes after a beginning without one belongs
// to the same key.
func (f *Fleet) trackingGeo(s *SystemState, fr *Frame, p []byte, out *News) {
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
	why, nowhere := refusePoint(int64(m.Lat), int64(m.Lon))
	if t.Open {
		if nowhere {
			out.Rejected[why]++
			return
		}
		if t.Located && fr.At-t.Told < targetAgain && distanceMM(t.LatE7, t.LonE7, m.Lat, m.Lon) < targetMovedMM {
			return
		}
	}
	if !t.Open || t.Located {
		t.N = uint64(camera)<<56 | uint64(fr.At)&(1<<56-1)
	}
	t.Open, t.Told, t.Located, t.LatE7, t.LonE7 = true, fr.At, !nowhere, m.Lat, m.Lon
	e := tag{
		source: SourceTrackingGeo, basis: BasisTarget, lat: int64(m.Lat), lon: int64(m.Lon),
		key: EvidenceKey{MsgID: idCameraTrackingGeo, Track: s.track(), Comp: fr.CompID, N: t.N},
	}
	e.ce90DM, _ = statedCE90DM(m.HAcc)
	f.tell(s, fr.At, &e, out)
}

// target is what a camera follows, nil where it has not followed anything yet.
func (s *SystemState) target(comp, camera uint8) *TargetState {
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Component == comp && t.Camera == camera {
			return t
		}
	}
	return nil
}

func (s *SystemState) newTarget(t TargetState) *TargetState {
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
