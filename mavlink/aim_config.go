package mavlink

import (
	"fmt"
	"math"
)

// CameraPlan is how a vehicle's camera is mounted and how well its pointing is known, in thousandths of a degree. The
// zero value is a camera on the gimbal with the lowest id, of the usual accuracy.
type CameraPlan struct {
	Mount          Mount `json:"mount,omitempty"`     // "": gimbal
	Component      uint8 `json:"component,omitempty"` // of the gimbal: its component, or its device id (1 to 6); 0: the lowest
	RollMDeg       int32 `json:"roll_mdeg,omitempty"` // of a fixed camera against the airframe
	PitchMDeg      int32 `json:"pitch_mdeg,omitempty"`
	YawMDeg        int32 `json:"yaw_mdeg,omitempty"`
	SigmaPitchMDeg int32 `json:"sigma_pitch_mdeg,omitempty"` // 1 sigma, 0: the default
	SigmaYawMDeg   int32 `json:"sigma_yaw_mdeg,omitempty"`
}

// Mount says what holds a camera.
type Mount string

// The mounts: a gimbal that tells its attitude, or the airframe.
const (
	MountGimbal Mount = "gimbal"
	MountFixed  Mount = "fixed"
)

// CameraConfig is CameraPlan as a configuration gives it. Angles are degrees: yaw to the right of the nose, pitch up
// (straight down is -90), roll to the right.
type CameraConfig struct {
	Mount         Mount   `yaml:"mount"`     // "": gimbal
	Component     uint8   `yaml:"component"` // of the gimbal; 0: the lowest that is heard
	RollDeg       float64 `yaml:"roll_deg"`
	PitchDeg      float64 `yaml:"pitch_deg"`
	YawDeg        float64 `yaml:"yaw_deg"`
	SigmaPitchDeg float64 `yaml:"sigma_pitch_deg"` // 1 sigma; 0: 1
	SigmaYawDeg   float64 `yaml:"sigma_yaw_deg"`   // 1 sigma; 0: 2, or 5 where the heading is but a compass's
}

// check reports every mistake in c; at makes a path of a key.
func (c *CameraConfig) check(at func(key string) string, report func(path, what, remedy string)) {
	switch c.Mount {
	case "", MountGimbal:
		for _, a := range []struct {
			key string
			deg float64
		}{{"roll_deg", c.RollDeg}, {"pitch_deg", c.PitchDeg}, {"yaw_deg", c.YawDeg}} {
			if a.deg != 0 {
				report(at("camera."+a.key), "is of a fixed camera", "add mount: fixed, or leave it out: a gimbal tells its own angles")
			}
		}
	case MountFixed:
		if c.Component != 0 {
			report(at("camera.component"), "is of a gimbal", "leave it out: a fixed camera looks where the airframe does")
		}
		within := func(key string, v, least, most float64) {
			if !(v >= least && v <= most) {
				report(at("camera."+key), fmt.Sprintf("%v is not an angle of a mounting", v), fmt.Sprintf("use %v to %v degrees", least, most))
			}
		}
		within("roll_deg", c.RollDeg, -180, 180)
		within("pitch_deg", c.PitchDeg, -90, 90)
		within("yaw_deg", c.YawDeg, -360, 360)
	default:
		report(at("camera.mount"), fmt.Sprintf("%q is not known", c.Mount), "use gimbal or fixed")
	}
	sigma := func(key string, v float64) {
		if v != 0 && !(v >= 0.1 && v <= 45) {
			report(at("camera."+key), fmt.Sprintf("%v is not an error that a camera's pointing has", v), "use 0.1 to 45 degrees, 1 sigma, or leave it out")
		}
	}
	sigma("sigma_pitch_deg", c.SigmaPitchDeg)
	sigma("sigma_yaw_deg", c.SigmaYawDeg)
}

// plan is what the fold judges by.
func (c *CameraConfig) plan() CameraPlan {
	mdeg := func(v float64) int32 { return int32(math.Round(v * 1000)) }
	p := CameraPlan{
		Mount: c.Mount, Component: c.Component, RollMDeg: mdeg(c.RollDeg), PitchMDeg: mdeg(c.PitchDeg), YawMDeg: mdeg(c.YawDeg),
		SigmaPitchMDeg: mdeg(c.SigmaPitchDeg), SigmaYawMDeg: mdeg(c.SigmaYawDeg),
	}
	if p.Mount == MountGimbal {
		p.Mount = ""
	}
	return p
}

// camera is a CameraPlan made ready to reckon with.
type camera struct {
	fixed                bool
	component            uint8
	mounting             quat    // of a fixed camera
	sigmaPitch, sigmaYaw float64 // radians, 0: the default
}

func (p *CameraPlan) camera() camera {
	rad := func(mdeg int32) float64 { return float64(mdeg) / 1000 * deg }
	return camera{
		fixed: p.Mount == MountFixed, component: p.Component,
		mounting:   turned(rad(p.RollMDeg), rad(p.PitchMDeg), rad(p.YawMDeg)),
		sigmaPitch: rad(p.SigmaPitchMDeg), sigmaYaw: rad(p.SigmaYawMDeg),
	}
}
