package mavlink

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheEllipseLiesAlongTheBearingFromTheVehicle(t *testing.T) {
	for _, c := range []struct {
		north, east float64
		bearing     int16
	}{{200, 0, 0}, {-200, 0, 0}, {0, 200, 90}, {0, -200, 90}, {140, 140, 45}, {-140, -140, 45}, {140, -140, 135}, {-140, 140, 135}, {200, -1, 0}, {-200, 1, 0}} {
		e := targetEllipse(100, c.north, c.east, 3)
		if e.BearingDeg != c.bearing || e.MajorDM <= e.MinorDM {
			t.Errorf("%v north, %v east: %+v", c.north, c.east, e)
		}
	}
	// Low over the target and far aside the error across is the greater one; so is the GPS's alone.
	if e := targetEllipse(2000, 600, 0, 3); e.MinorDM > e.MajorDM || e.BearingDeg != 0 {
		t.Errorf("from high up: %+v", e)
	}
	if e := targetEllipse(100, 0, 0, 3); e.MinorDM != 64 || e.MajorDM < e.MinorDM {
		t.Errorf("straight below: %+v", e)
	}
	if e := targetEllipse(100, 0, 0, 0.1); e.MinorDM != minTargetDM {
		t.Errorf("straight below a vehicle with a very good GPS: %+v", e)
	}
	if e := targetEllipse(10, 3000, 0, 3); e.MajorDM != maxTargetDM || e.MinorDM != maxTargetDM {
		t.Errorf("near the horizon: %+v", e)
	}
}

func TestTheEllipseHoldsNineTargetsOfTen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, ahead := range []float64{10, 60, 173, 373} {
		along, across := targetSigmas(100, ahead, 3)
		e := targetEllipse(100, ahead*math.Sin(0.7), ahead*math.Cos(0.7), 3)
		if e.MajorDM == maxTargetDM || e.MinorDM == minTargetDM {
			t.Fatalf("%v m ahead: %+v is cut off", ahead, e)
		}
		const n = 100_000
		in := 0
		sin, cos := math.Sincos(float64(e.BearingDeg) * deg)
		for range n {
			// The error along the bearing and across it, turned to north and east and into the ellipse's axes.
			a, c := along*r.NormFloat64(), across*r.NormFloat64()
			north, east := a*math.Sin(0.7)-c*math.Cos(0.7), a*math.Cos(0.7)+c*math.Sin(0.7)
			major, minor := north*cos+east*sin, -north*sin+east*cos
			if math.Hypot(major/float64(e.MajorDM), minor/float64(e.MinorDM))*10 <= 1 {
				in++
			}
		}
		if share := float64(in) / n; math.Abs(share-0.9) > 0.01 {
			t.Errorf("%v m ahead: %+v holds %v", ahead, e, share)
		}
	}
}

func TestTheTableOfDegreesIsTheEllipsoids(t *testing.T) {
	for lat := int32(-90e7); lat <= 90e7-1000; lat += 123_457 {
		sin, cos := math.Sincos((float64(lat) + 500) * radPerE7)
		w := 1 - earthE2*sin*sin
		n := earthA / math.Sqrt(w)
		wantNorth, wantEast := 1000*radPerE7*n*(1-earthE2)/w, 1000*radPerE7*n*cos
		if north, east := offset(lat, 10, lat+1000, 1010); math.Abs(north-wantNorth) > 1e-6*wantNorth || math.Abs(east-wantEast) > 1e-6*wantNorth {
			t.Fatalf("at %d: %v, %v; want %v, %v", lat, north, east, wantNorth, wantEast)
		}
	}
	if north, east := offset(math.MaxInt32, 0, math.MaxInt32, 100); north != 0 || math.IsNaN(east) || math.IsInf(east, 0) {
		t.Errorf("beyond the pole %v, %v", north, east)
	}
}
