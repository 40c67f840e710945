package mavlink

import (
	"slices"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

// BenchmarkFleetApply is what a frame costs the fleet, of vehicles that fly and tag nothing. Over two links each frame
// comes twice, and the copies count, each with the note of its origin.
func BenchmarkFleetApply(b *testing.B) {
	quiet := quietFlight(b)
	x := newField(b, testPlan())
	gimbal := x.frame(1, 154, &all.MessageGimbalDeviceAttitudeStatus{Flags: gimbalYawFromVehicle, Q: [4]float32{0.9, 0, -0.43, 0}})
	b.Run("a vehicle", func(b *testing.B) { benchmarkApply(b, quiet, 1, 0) })
	b.Run("over two links", func(b *testing.B) { benchmarkApply(b, quiet, 1, 2) })
	b.Run("with a camera", func(b *testing.B) {
		benchmarkApply(b, append(slices.Clone(quiet), gimbal, gimbal, gimbal), 1, 0)
	})
	b.Run("100 vehicles", func(b *testing.B) { benchmarkApply(b, quiet, 100, 0) })
}

// benchmarkApply folds the frames again and again, for vehicles in turn, each heard over so many links; 0: nobody tells.
func benchmarkApply(b *testing.B, frames []Frame, vehicles, links int) {
	f, news := NewFleet(testPlan()), &News{}
	for i := range links {
		f.Origin(OriginNote{Origin: uint16(i + 1), Link: "link", Address: "192.0.2." + string(rune('1'+i)) + ":14550"})
	}
	type sender struct {
		frames []Frame
		seq    [256]uint8 // by component
	}
	senders := make([]sender, vehicles)
	for i := range senders {
		senders[i].frames = slices.Clone(frames)
		for k := range frames {
			fr := &senders[i].frames[k]
			fr.Raw, fr.SysID = slices.Clone(fr.Raw), uint8(1+i)
		}
	}
	at, next := int64(fieldStart), 0
	b.ReportAllocs()
	for n := 0; b.Loop(); {
		s := &senders[n%vehicles]
		fr := &s.frames[next]
		at += 10_000 / int64(vehicles)
		fr.again(at, s.seq[fr.CompID])
		s.seq[fr.CompID]++
		for i := range max(1, links) {
			if links != 0 {
				f.Origin(OriginNote{Origin: uint16(i + 1), System: fr.SysID, Component: fr.CompID})
			}
			news.Reset()
			f.Advance(at, news)
			f.Apply(fr, news)
		}
		if n++; n%vehicles == 0 {
			if next++; next == len(frames) {
				next = 0
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(1, links)), "ns/frame")
}
