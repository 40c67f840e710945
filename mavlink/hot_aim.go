package mavlink

// The readers of what tells where a camera looks, as in hot.go: no allocation, zeros beyond the payload's end.

// GimbalDeviceAttitudeStatus is GIMBAL_DEVICE_ATTITUDE_STATUS (285): quaternion w, x, y, z in the frame that Flags
// (GIMBAL_DEVICE_FLAGS) name, rad/s, radians. Unknown numbers are NaN. DeltaYaw and what follows are extensions.
type GimbalDeviceAttitudeStatus struct {
	TimeBootMs                                           uint32
	Q                                                    [4]float32
	AngularVelocityX, AngularVelocityY, AngularVelocityZ float32
	FailureFlags                                         uint32
	Flags                                                uint16
	TargetSystem, TargetComponent                        uint8
	DeltaYaw, DeltaYawVelocity                           float32
	GimbalDeviceID                                       uint8
}

// ReadGimbalDeviceAttitudeStatus reads a GIMBAL_DEVICE_ATTITUDE_STATUS.
func ReadGimbalDeviceAttitudeStatus(payload []byte) GimbalDeviceAttitudeStatus {
	p := full(payload, 49)
	return GimbalDeviceAttitudeStatus{
		TimeBootMs: u32(p, 0), Q: [4]float32{f32(p, 4), f32(p, 8), f32(p, 12), f32(p, 16)},
		AngularVelocityX: f32(p, 20), AngularVelocityY: f32(p, 24), AngularVelocityZ: f32(p, 28),
		FailureFlags: u32(p, 32), Flags: u16(p, 36), TargetSystem: p[38], TargetComponent: p[39],
		DeltaYaw: f32(p, 40), DeltaYawVelocity: f32(p, 44), GimbalDeviceID: p[48],
	}
}

// MountOrientation is MOUNT_ORIENTATION (265), degrees: Roll and Pitch against the horizon, Yaw from the vehicle's
// heading, YawAbsolute (an extension) from north. NaN is invalid.
type MountOrientation struct {
	TimeBootMs                    uint32
	Roll, Pitch, Yaw, YawAbsolute float32
}

// ReadMountOrientation reads a MOUNT_ORIENTATION.
func ReadMountOrientation(payload []byte) MountOrientation {
	p := full(payload, 20)
	return MountOrientation{TimeBootMs: u32(p, 0), Roll: f32(p, 4), Pitch: f32(p, 8), Yaw: f32(p, 12), YawAbsolute: f32(p, 16)}
}

// MountStatus is MOUNT_STATUS (158) of ArduPilot, centidegrees: PointingA pitch, PointingB roll, PointingC yaw from the
// vehicle's heading. MountMode, an extension, is MAV_MOUNT_MODE.
type MountStatus struct {
	PointingA, PointingB, PointingC          int32
	TargetSystem, TargetComponent, MountMode uint8
}

// ReadMountStatus reads a MOUNT_STATUS.
func ReadMountStatus(payload []byte) MountStatus {
	p := full(payload, 15)
	return MountStatus{
		PointingA: i32(p, 0), PointingB: i32(p, 4), PointingC: i32(p, 8), TargetSystem: p[12], TargetComponent: p[13], MountMode: p[14],
	}
}

// CameraFovStatus is CAMERA_FOV_STATUS (271): degrees x 1e7, mm above mean sea level, quaternion w, x, y, z from north,
// degrees. Unknown: INT32_MAX, NaN; an image centre at infinity: INT32_MIN. CameraDeviceID is an extension.
type CameraFovStatus struct {
	TimeBootMs                      uint32
	LatCamera, LonCamera, AltCamera int32
	LatImage, LonImage, AltImage    int32
	Q                               [4]float32
	Hfov, Vfov                      float32
	CameraDeviceID                  uint8
}

// ReadCameraFovStatus reads a CAMERA_FOV_STATUS.
func ReadCameraFovStatus(payload []byte) CameraFovStatus {
	p := full(payload, 53)
	return CameraFovStatus{
		TimeBootMs: u32(p, 0), LatCamera: i32(p, 4), LonCamera: i32(p, 8), AltCamera: i32(p, 12),
		LatImage: i32(p, 16), LonImage: i32(p, 20), AltImage: i32(p, 24),
		Q:    [4]float32{f32(p, 28), f32(p, 32), f32(p, 36), f32(p, 40)},
		Hfov: f32(p, 44), Vfov: f32(p, 48), CameraDeviceID: p[52],
	}
}

// TerrainReport is TERRAIN_REPORT (136): the ground's height above mean sea level at a point (degrees x 1e7), and the
// vehicle's above that, m. Spacing 0: the height is not known.
type TerrainReport struct {
	Lat, Lon                     int32
	TerrainHeight, CurrentHeight float32
	Spacing, Pending, Loaded     uint16
}

// ReadTerrainReport reads a TERRAIN_REPORT.
func ReadTerrainReport(payload []byte) TerrainReport {
	p := full(payload, 22)
	return TerrainReport{
		Lat: i32(p, 0), Lon: i32(p, 4), TerrainHeight: f32(p, 8), CurrentHeight: f32(p, 12),
		Spacing: u16(p, 16), Pending: u16(p, 18), Loaded: u16(p, 20),
	}
}

// Altitude is ALTITUDE (141), the vehicle's heights in m: AltitudeAmsl above mean sea level, AltitudeTerrain above the
// ground below it (under -1000 unknown).
type Altitude struct {
	TimeUsec                         uint64
	AltitudeMonotonic, AltitudeAmsl  float32
	AltitudeLocal, AltitudeRelative  float32
	AltitudeTerrain, BottomClearance float32
}

// ReadAltitude reads an ALTITUDE.
func ReadAltitude(payload []byte) Altitude {
	p := full(payload, 32)
	return Altitude{
		TimeUsec: u64(p, 0), AltitudeMonotonic: f32(p, 8), AltitudeAmsl: f32(p, 12), AltitudeLocal: f32(p, 16),
		AltitudeRelative: f32(p, 20), AltitudeTerrain: f32(p, 24), BottomClearance: f32(p, 28),
	}
}
