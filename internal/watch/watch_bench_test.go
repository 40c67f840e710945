package watch_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"

	"riverwatch/internal/sim"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// patrol is five minutes of the demonstration's three drones.
func patrol(b *testing.B, j *watch.Judge) []mavlink.Frame { return flight(b, j, 5*time.Minute, nil) }

// mirrored has each frame come over two links, with the notes of its origin, as a station would record it.
func mirrored(b *testing.B, frames []mavlink.Frame) []mavlink.Frame {
	p := &tape{t: b}
	for i, address := range []string{"192.0.2.1:14550", "192.0.2.2:14550"} {
		p.own(start, mavlink.OwnOrigin, 0, mavlink.OriginNote{Origin: uint16(i + 1), System: 1, Component: 1, Link: []string{"field", "radio"}[i], Address: address})
	}
	for i := range frames {
		f := frames[i]
		if f.Origin == mavlink.OriginOwn {
			p.frames = append(p.frames, f)
			continue
		}
		for f.Origin = 1; f.Origin <= 2; f.Origin++ {
			p.frame(f.At, mavlink.AppendOrigin(nil, mavlink.DefaultOwnID, 0, 0, f.Origin, f.SysID, f.CompID), mavlink.OriginOwn)
			p.frames = append(p.frames, f)
		}
	}
	return p.frames
}

// watching gives each drone a gimbal that tells five times a second where it points.
func watching(b *testing.B, frames []mavlink.Frame) (out []mavlink.Frame) {
	raw, err := mavlink.AppendFrame(nil, 0, 1, 154, &all.MessageGimbalDeviceAttitudeStatus{Flags: 32, Q: [4]float32{0.9, 0, -0.43, 0}})
	if err != nil {
		b.Fatal(err)
	}
	seq := [256]uint8{}
	for i := range frames {
		out = append(out, frames[i])
		if f := frames[i]; f.MsgID == 30 {
			look := mavlink.Parse(raw)
			look.At, look.Origin, look.SysID, look.Seq = f.At, f.Origin, f.SysID, seq[f.SysID]
			seq[f.SysID]++
			out = append(out, look)
		}
	}
	return out
}

// hundred has the drone of system 1 and 99 others fly its way at once.
func hundred(frames []mavlink.Frame) (out []mavlink.Frame) {
	for i := range frames {
		switch f := frames[i]; {
		case f.Origin == mavlink.OriginOwn:
			out = append(out, f)
		case f.SysID == 1:
			for id := range uint8(100) {
				f.SysID = 1 + id
				out = append(out, f)
			}
		}
	}
	return out
}

// recorded are the frames of a real flight log, with a beat a second, as its reader would give them.
func recorded(b *testing.B, name string) []mavlink.Frame {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "tlog", name))
	if err != nil {
		return nil
	}
	p := &tape{t: b}
	for beat := int64(0); len(data) > 8; {
		n, ok := mavlink.FrameLen(data[8:])
		if !ok || len(data) < 8+n || mavlink.Check(data[8:8+n]) != mavlink.Good {
			data = data[1:]
			continue
		}
		at := int64(binary.BigEndian.Uint64(data))
		if at/second > beat {
			beat = at / second
			p.beat(beat * second)
		}
		p.frame(at, data[8:8+n], 0)
		data = data[8+n:]
	}
	return p.frames
}

// BenchmarkFold is what a frame costs the fold: fleet, zones, alerts. Of what comes over two links the copies count.
func BenchmarkFold(b *testing.B) {
	j := riverPlan(b, nil)
	quiet := patrol(b, j)
	flown := recorded(b, "sitl_yanwu_patrol.tlog")
	for _, c := range []struct {
		name   string
		frames []mavlink.Frame
	}{
		{"a real log", flown}, {"patrol", quiet}, {"over two links", mirrored(b, quiet)}, {"with cameras", watching(b, quiet)}, {"100 vehicles", hundred(quiet)},
	} {
		b.Run(c.name, func(b *testing.B) {
			if len(c.frames) == 0 {
				b.Skip("the flight log is not here")
			}
			n := 0
			for i := range c.frames {
				if c.frames[i].Origin != mavlink.OriginOwn {
					n++
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				w, e := newWatch(j), watch.Effects{}
				for i := range c.frames {
					if i%100 == 0 { // as with each batch
						e.Reset()
					}
					w.Apply(&c.frames[i], &e)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/frame")
		})
	}
}

// BenchmarkFoldTraffic is what a frame of so many copters costs the fold, each of which sends 77 in a second.
func BenchmarkFoldTraffic(b *testing.B) {
	j := riverPlan(b, nil)
	for _, vehicles := range []int{1, 10, 100, 254} {
		traffic := sim.Traffic{Vehicles: vehicles, Start: time.UnixMicro(start), Length: 2*time.Second + 60_000*time.Second/time.Duration(vehicles*sim.MixPerSecond)}
		p := &tape{t: b}
		p.own(start, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
		warm, log := 0, make([]byte, 0, 8<<20) // frames lie one behind the other, as in a batch
		for step := range traffic.Steps() {
			log = append(log, step.Raw...)
			f := mavlink.Parse(log[len(log)-len(step.Raw):])
			f.At, f.Origin = start+step.After.Microseconds(), 1
			p.frames = append(p.frames, f)
			if step.After < 2*time.Second {
				warm = len(p.frames)
			}
		}
		w, e := newWatch(j), watch.Effects{}
		for i := range p.frames[:warm] {
			w.Apply(&p.frames[i], &e)
		}
		saved, err := w.State()
		if err != nil {
			b.Fatal(err)
		}
		p.frames = p.frames[warm:]
		b.Run(fmt.Sprintf("%d vehicles", vehicles), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				w := newWatch(j)
				if err := w.Restore(saved); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				for i := range p.frames {
					if i%100 == 0 { // as with each batch
						e.Reset()
					}
					w.Apply(&p.frames[i], &e)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(p.frames)), "ns/frame")
		})
	}
}

// BenchmarkState saves and restores the memory of a hundred vehicles, with and without cameras.
func BenchmarkState(b *testing.B) {
	j := riverPlan(b, nil)
	quiet := patrol(b, j)
	for _, c := range []struct {
		name   string
		frames []mavlink.Frame
	}{{"100 vehicles", hundred(quiet)}, {"100 vehicles with cameras", hundred(watching(b, quiet))}} {
		w, e := newWatch(j), watch.Effects{}
		for i := range c.frames {
			e.Reset()
			w.Apply(&c.frames[i], &e)
		}
		saved, err := w.State()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"/save", func(b *testing.B) {
			for b.Loop() {
				if _, err := w.State(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(saved))/100, "bytes/vehicle")
		})
		b.Run(c.name+"/restore", func(b *testing.B) {
			for b.Loop() {
				if err := newWatch(j).Restore(saved); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSighting is what a press costs whose place is where the camera looks: line of sight, ground, zones, alert.
func BenchmarkSighting(b *testing.B) {
	j := riverPlan(b, everySource)
	w, e := newWatch(j), watch.Effects{}
	at, boot, count, seen, took := start, uint32(60_000), 0, 0, time.Duration(0)
	p := &tape{t: b}
	apply := func() {
		for i := range p.frames {
			e.Reset()
			w.Apply(&p.frames[i], &e)
		}
		p.frames = p.frames[:0]
	}
	p.own(at, mavlink.OwnPlan, 0, mavlink.PlanNote{Digest: j.Digest})
	for b.Loop() {
		at, boot, count = at+6*second, boot+6000, count%999+1
		p.says(at, 1, &all.MessageHeartbeat{Type: 2, Autopilot: 3, BaseMode: 209, SystemStatus: 4, MavlinkVersion: 3})
		p.says(at, 1, &all.MessageGpsRawInt{FixType: 3, Lat: gate1Lat, Lon: gate1Lon, Eph: 80, HAcc: 900, SatellitesVisible: 14})
		p.says(at, 1, &all.MessageAttitude{TimeBootMs: boot})
		p.says(at, 1, &all.MessageGlobalPositionInt{TimeBootMs: boot, Lat: gate1Lat, Lon: gate1Lon, Alt: 760_000, RelativeAlt: 60_000})
		p.says(at, 1, &all.MessageGimbalDeviceAttitudeStatus{TimeBootMs: boot, Flags: 12 | 32, Q: [4]float32{0.924, 0, -0.383, 0}})
		apply()
		p.says(at, 1, &all.MessageStatustext{Text: fmt.Sprintf("SIGHTING %d person", count)})
		begun := time.Now()
		apply()
		took += time.Since(begun)
		for i := range e.Sightings {
			if e.Sightings[i].Basis == string(mavlink.BasisRay) {
				seen++
			}
		}
	}
	if seen != b.N {
		b.Errorf("%d sightings by ray of %d presses", seen, b.N)
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/sighting")
}
