package mavlink

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMistakesInACameraAreReportedWithARemedy(t *testing.T) {
	for title, c := range map[string]struct {
		camera CameraConfig
		want   []string
	}{
		"none":                       {CameraConfig{}, nil},
		"a gimbal":                   {CameraConfig{Mount: MountGimbal, Component: 154, SigmaPitchDeg: 0.5, SigmaYawDeg: 45}, nil},
		"fixed":                      {CameraConfig{Mount: MountFixed, RollDeg: 180, PitchDeg: -90, YawDeg: 270, SigmaYawDeg: 0.1}, nil},
		"fixed, looking ahead":       {CameraConfig{Mount: MountFixed}, nil},
		"a mount nobody has":         {CameraConfig{Mount: "pole"}, []string{"mount"}},
		"a gimbal with angles":       {CameraConfig{PitchDeg: -30, YawDeg: 90}, []string{"pitch_deg", "yaw_deg"}},
		"a fixed gimbal":             {CameraConfig{Mount: MountFixed, Component: 1}, []string{"component"}},
		"angles beyond any":          {CameraConfig{Mount: MountFixed, RollDeg: 181, PitchDeg: -91, YawDeg: 361}, []string{"roll_deg", "pitch_deg", "yaw_deg"}},
		"angles that are no numbers": {CameraConfig{Mount: MountFixed, PitchDeg: nan, YawDeg: math.Inf(1)}, []string{"pitch_deg", "yaw_deg"}},
		"no error at all":            {CameraConfig{SigmaPitchDeg: 0.01, SigmaYawDeg: -2}, []string{"sigma_pitch_deg", "sigma_yaw_deg"}},
		"errors beyond any":          {CameraConfig{SigmaPitchDeg: 46, SigmaYawDeg: nan}, []string{"sigma_pitch_deg", "sigma_yaw_deg"}},
	} {
		var conf Config
		conf.SetDefaults()
		conf.Vehicles = []VehicleConfig{{Name: "egret-1", System: 1}, {Name: "egret-2", System: 2, Camera: c.camera}}
		var got []string
		conf.Check(func(path, what, remedy string) {
			if what == "" || remedy == "" {
				t.Errorf("%s: %s: %q, remedy %q", title, path, what, remedy)
			}
			got = append(got, strings.TrimPrefix(path, "vehicles[1].camera."))
		})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: reported (-want +got):\n%s", title, diff)
		}
	}
}

func TestACameraBecomesAPlanInIntegers(t *testing.T) {
	var conf Config
	conf.SetDefaults()
	conf.Vehicles = []VehicleConfig{
		{Name: "egret-1", System: 1, Camera: CameraConfig{Mount: MountFixed, RollDeg: 0.0005, PitchDeg: -62.5, YawDeg: 90, SigmaPitchDeg: 0.25, SigmaYawDeg: 3}},
		{Name: "egret-2", System: 2, Camera: CameraConfig{Mount: MountGimbal, Component: 2}},
		{Name: "egret-3", System: 3},
	}
	want := []CameraPlan{
		{Mount: MountFixed, RollMDeg: 1, PitchMDeg: -62_500, YawMDeg: 90_000, SigmaPitchMDeg: 250, SigmaYawMDeg: 3000},
		{Component: 2}, {},
	}
	for i, v := range conf.Plan().Vehicles {
		if v.Camera != want[i] {
			t.Errorf("%s: %+v, want %+v", v.Name, v.Camera, want[i])
		}
		if i == 2 && strings.Contains(asJSON(t, v), "camera") {
			t.Errorf("a vehicle without one has a camera in its plan: %s", asJSON(t, v))
		}
	}
}
