package mavlink

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The table of PROTOCOL 2.4: h 100 m, errors of 1 deg in pitch, 2 deg in yaw, 5 m in height, 2 m in position (1 sigma).
// Here the errors are in what the vehicle sends.
func TestErrorsInWhatAVehicleSendsMoveTheTargetAsPublished(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 4))
	for _, c := range []struct{ depression, ahead, along, across, ce90 float64 }{
		{60, 58, 4, 3, 8}, {30, 173, 11, 6, 20}, {15, 373, 32, 13, 55}, {10, 567, 65, 20, 109}, {6, 951, 0, 33, 286},
		{5, 1143, 0, 40, 414}, {3, 1908, 0, 67, 1425}, {2, 2864, 0, 100, 5389},
	} {
		x := newField(t, testPlan())
		x.hover(1, 100)
		var off []float64
		var along2, across2, n float64
		for range 10_000 {
			x.at += 200_000
			p := x.position(2*r.NormFloat64(), 2*r.NormFloat64(), 100+5*r.NormFloat64())
			x.send(1, 1, p)
			x.send(1, 1, x.gimbal(0, -c.depression+r.NormFloat64(), 2*r.NormFloat64(), nan, 64))
			ray, ok := x.aims(0)
			if !ok {
				t.Fatal("no ray")
			}
			n++
			if ray.Down <= 0 { // above the horizon
				off = append(off, math.Inf(1))
				continue
			}
			north, east := ray.ground(float64(ray.AboveHomeMM) / 1000)
			n0, e0 := offset(homeLat, homeLon, ray.LatE7, ray.LonE7)
			a, b := n0+north-100/math.Tan(c.depression*deg), e0+east
			off = append(off, math.Hypot(a, b))
			along2, across2 = along2+a*a, across2+b*b
		}
		slices.Sort(off)
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 0.1*want+0.5 { // the table is rounded
				t.Errorf("%v deg down: %s %.1f m, published %v", c.depression, what, got, want)
			}
		}
		near("CE90", off[len(off)*9/10], c.ce90)
		if c.along != 0 { // nearer to the horizon it is single draws that make a sigma; the published one is the formula's
			near("along", math.Sqrt(along2/n), c.along)
			near("across", math.Sqrt(across2/n), c.across)
		}
		if math.Abs(100/math.Tan(c.depression*deg)-c.ahead) > 1 {
			t.Errorf("%v deg down is not %v m ahead", c.depression, c.ahead)
		}
	}
}

func TestThePhotosOfARecordedFlightHaveALineOfSight(t *testing.T) {
	p := testPlan()
	p.Vehicles, p.Sources = nil, []Source{SourcePhoto}
	f := NewFleet(p)
	var out News
	photos := 0
	for _, fr := range readLog(t, "sitl_yanwu_patrol.tlog") {
		out.Reset()
		f.Advance(fr.At, &out)
		f.Apply(&fr, &out)
		for i := range out.Evidence {
			e := &out.Evidence[i]
			if photos++; e.Ray == nil {
				t.Errorf("the photo at %d has none", e.Seen.At)
				continue
			}
			checkRay(t, e.Ray)
			// A gimbal at some 31 deg down on a copter that swings; GPS good to a metre, no terrain loaded.
			pitch := vec{e.Ray.North, e.Ray.East, e.Ray.Down}.pitch() / deg
			if pitch < -70 || pitch > 15 || e.Ray.SigmaPosM > 2 || e.Ray.SigmaYaw > 5*deg || e.Ray.GroundKnown || e.Ray.HitKnown || !e.Ray.AMSLKnown {
				t.Errorf("the photo at %d: %v deg up, %+v", e.Seen.At, pitch, e.Ray)
			}
		}
	}
	if photos != 30 {
		t.Errorf("%d photos, want 30", photos)
	}
}
