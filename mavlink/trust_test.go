package mavlink

import (
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// moving is a position north of home with a velocity to the north.
func (x *field) moving(north, speed float64) *all.MessageGlobalPositionInt {
	p := x.position(north, 0, 60)
	p.Vx = int16(speed * 100)
	return p
}

// flight lets the vehicle fly from home to the north at 10 m/s for a while, 5 positions a second. It returns how far.
func (x *field) flight(from float64, d time.Duration) float64 {
	x.t.Helper()
	for range d / (200 * time.Millisecond) {
		x.wait(200 * time.Millisecond)
		from += 2
		x.send(1, 1, x.moving(from, 10))
	}
	return from
}

// episodes are the changes of trust that have been told since the last call, as "why" and "trusted".
func (x *field) episodes() string {
	var words []string
	for _, c := range x.told.Changes {
		switch c.Kind {
		case ChangeSuspect:
			words = append(words, c.Why)
		case ChangeTrusted:
			words = append(words, "trusted")
		}
	}
	x.told.Changes = nil
	return strings.Join(words, " ")
}

func TestWhatContradictsAPositionMakesItSuspectUntilAllAgreesFor5Seconds(t *testing.T) {
	gpsAt := func(x *field, north float64) message.Message {
		gps := goodGPS()
		gps.Lat, gps.Lon = away(homeLat, homeLon, north, 0)
		return gps
	}
	for name, c := range map[string]struct {
		why       string
		begin     func(x *field, north float64) (at float64) // makes the next position suspect
		end       func(x *field, north float64)              // makes it none
		unfrozen  bool
		noGPSEver bool
	}{
		"ArduPilot's filter finds a glitch of the GPS": {why: "glitch",
			begin: func(x *field, n float64) float64 {
				x.send(1, 1, &all.MessageEkfStatusReport{Flags: 831 | 32768})
				return n
			},
			end: func(x *field, n float64) { x.send(1, 1, &all.MessageEkfStatusReport{Flags: 831}) }},
		"PX4's filter finds a glitch of the GPS": {why: "glitch",
			begin: func(x *field, n float64) float64 {
				x.send(1, 1, &all.MessageEstimatorStatus{Flags: 831 | 1024})
				return n
			},
			end: func(x *field, n float64) { x.send(1, 1, &all.MessageEstimatorStatus{Flags: 831}) }},
		"the receiver is deceived": {why: "spoofing",
			begin: func(x *field, n float64) float64 { x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 3}); return n },
			end:   func(x *field, n float64) { x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 1}) }},
		"the receiver deals with the deception": {why: "spoofing",
			begin: func(x *field, n float64) float64 { x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 3}); return n },
			end:   func(x *field, n float64) { x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 2}) }},
		"the second of two receivers is deceived": {why: "spoofing",
			begin: func(x *field, n float64) float64 {
				x.send(1, 1, &all.MessageGnssIntegrity{Id: 1, SpoofingState: 3})
				x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 1})
				x.send(1, 1, &all.MessageGnssIntegrity{Id: 2, SpoofingState: 2})
				return n
			},
			end: func(x *field, n float64) { x.send(1, 1, &all.MessageGnssIntegrity{Id: 1, SpoofingState: 1}) }},
		"GPS and filter are 120 m apart": {why: "divergence",
			begin: func(x *field, n float64) float64 { x.send(1, 1, gpsAt(x, n+120)); return n },
			end:   func(x *field, n float64) { x.send(1, 1, gpsAt(x, n)) }},
		"it jumps 60 m ahead": {why: "jump",
			begin: func(x *field, n float64) float64 { return n + 60 }, end: func(*field, float64) {}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(true))
			north := x.flight(0, 3*time.Second)
			if x.send(1, 1, gpsAt(x, north)); x.only(1).suspect(x.at) || x.episodes() != "" {
				t.Fatal("suspect from the start")
			}
			x.wait(200 * time.Millisecond)
			north = c.begin(x, north+2)
			news := x.send(1, 1, x.moving(north, 10))
			if len(news.Fixes) != 1 || !news.Fixes[0].Suspect || news.Fixes[0].Quality != QualityBad || !x.only(1).suspect(x.at) {
				t.Errorf("fixes %+v", news.Fixes)
			}
			x.send(1, 1, gpsAt(x, north))
			north = x.flight(north, 2*time.Second)
			if c.why == "divergence" {
				x.send(1, 1, gpsAt(x, north+120))
			}
			x.restart(testPlan())
			x.wait(200 * time.Millisecond)
			c.end(x, north)
			north += 2
			x.send(1, 1, x.moving(north, 10))
			north = x.flight(north, 2*time.Second)
			if got := x.episodes(); got != c.why || !x.only(1).suspect(x.at) {
				t.Fatalf("it tells %q", got)
			}
			x.told.Fixes = nil
			x.flight(north, 4*time.Second)
			if got := x.episodes(); got != "trusted" || x.only(1).suspect(x.at) {
				t.Fatalf("then it tells %q", got)
			}
			broken := 0
			for i, fix := range x.told.Fixes {
				if fix.Broken {
					broken++
					if fix.Suspect || i > 0 && !x.told.Fixes[i-1].Suspect {
						t.Errorf("broken: fix %d of %+v", i, x.told.Fixes)
					}
				}
			}
			if last := x.told.Fixes[len(x.told.Fixes)-1]; broken != 1 || last.Suspect || last.Quality < QualityDegraded {
				t.Errorf("%d broken, the last %+v", broken, last)
			}
		})
	}
}

func TestAgreementBeginsAnewWithEachContradiction(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	north := 0.0
	for range 5 { // a jump each 4 s
		north = x.flight(north, 4*time.Second) + 80
	}
	if got := x.episodes(); got != "jump" {
		t.Errorf("it tells %q", got)
	}
	x.flight(north, 5400*time.Millisecond)
	if got := x.episodes(); got != "trusted" {
		t.Errorf("then it tells %q", got)
	}
}

func TestAFrozenPositionIsNone(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	fixes, refused := 0, 0
	for i := range 100 { // 20 s at one point and 3 m/s
		x.wait(200 * time.Millisecond)
		news := x.send(1, 1, x.moving(0, 3))
		fixes += len(news.Fixes)
		refused += int(news.Rejected[RejectStale])
		if frozen := i*200 > 10_000; frozen != (len(news.Fixes) == 0) {
			t.Fatalf("after %d ms: %d fixes", i*200, len(news.Fixes))
		}
	}
	if got := x.episodes(); got != "frozen" || fixes+refused != 100 {
		t.Errorf("it tells %q, %d fixes, %d refused", got, fixes, refused)
	}
	if s := x.only(1); !s.suspect(x.at) {
		t.Error("evidence rests on it as if nothing were")
	} else if _, here := s.Position.last(x.at); !here {
		t.Error("its last position is too old 10 s after")
	}
	x.wait(time.Second)
	x.send(1, 1, x.moving(0, 3))
	if _, here := x.only(1).Position.last(x.at); here {
		t.Error("a tag 11 s after is put where the vehicle was")
	}
	x.told = News{}
	x.flight(70, 7*time.Second)
	if got := x.episodes(); got != "trusted" || len(x.told.Fixes) != 35 {
		t.Errorf("when it moves again it tells %q, %d fixes", got, len(x.told.Fixes))
	}
}

func TestTheGPSGivesAPositionWhereTheFilterIsFrozenOrHasNone(t *testing.T) {
	for name, c := range map[string]struct {
		quality Quality
		suspect bool
		wait    time.Duration
		filter  message.Message
	}{
		"frozen":  {QualityBad, true, 10200 * time.Millisecond, &all.MessageEkfStatusReport{Flags: 831}},
		"no word": {QualityDegraded, false, 0, &all.MessageEkfStatusReport{Flags: 167}},
	} {
		x := newField(t, testPlan())
		x.send(1, 1, copter(true))
		for range 200 { // 40 s; the GPS goes on at 3 m/s
			gps := goodGPS()
			gps.Lat, gps.Lon = away(homeLat, homeLon, float64(x.at-fieldStart)/1e6*3, 0)
			gps.Vel, gps.Cog = 300, 0
			x.send(1, 1, gps)
			x.send(1, 1, c.filter)
			x.send(1, 1, x.moving(0, 3))
			x.wait(200 * time.Millisecond)
		}
		last := x.told.Fixes[len(x.told.Fixes)-1]
		if last.At < x.at-sec || last.LatE7 == homeLat || last.Quality != c.quality || last.Suspect != c.suspect {
			t.Errorf("%s: the last fix %+v", name, last)
		}
		from := fieldStart + c.wait.Microseconds() + rawAfter
		n := 0
		for _, fix := range x.told.Fixes {
			if fix.At > from {
				n++
				if fix.LatE7 == homeLat {
					t.Fatalf("%s: %+v", name, fix)
				}
			}
		}
		if want := int((x.at - from) / 200_000); n < want-2 {
			t.Errorf("%s: %d fixes of the GPS, want %d", name, n, want)
		}
	}
}

func TestWhatIsNoContradiction(t *testing.T) {
	for name, fly := range map[string]func(x *field){
		"hovering at one point, to the last bit": func(x *field) {
			for range 100 {
				x.wait(200 * time.Millisecond)
				x.send(1, 1, x.moving(0, 1.9))
			}
		},
		"back at the same point after 15 s": func(x *field) {
			x.send(1, 1, x.moving(0, 3))
			for range 14 {
				x.wait(time.Second)
				x.send(1, 1, x.moving(3, 3))
				x.wait(time.Second)
				x.send(1, 1, x.moving(0, 3))
			}
		},
		"79 m/s": func(x *field) {
			for i := range 60 {
				x.wait(500 * time.Millisecond)
				x.send(1, 1, x.moving(79*0.5*float64(i), 79))
			}
		},
		"a turn that was not heard": func(x *field) {
			for i := range 20 {
				x.wait(200 * time.Millisecond)
				x.send(1, 1, x.moving(4*float64(i), 20))
			}
			x.wait(8 * time.Second) // at 20 m/s it would be 236 m ahead
			x.send(1, 1, x.moving(0, -20))
			x.wait(200 * time.Millisecond)
			x.send(1, 1, x.moving(-4, -20))
		},
		"a correction of 8 m between two samples": func(x *field) {
			for i := range 40 {
				x.wait(100 * time.Millisecond)
				x.send(1, 1, x.moving(float64(i%2)*8, 0))
			}
		},
		"a link that hands over 2 s at once": func(x *field) {
			for range 20 {
				x.at += 2_000_000
				for i := range 10 {
					p := x.position(float64(x.at-fieldStart)/1e6*20-float64(9-i)*4, 0, 60)
					p.TimeBootMs -= uint32(9-i) * 200
					p.Vx = 2000
					x.send(1, 1, p)
				}
			}
		},
		"a simulation 25 times as fast": func(x *field) {
			for i := range 60 {
				x.wait(100 * time.Millisecond)
				p := x.moving(float64(i)*25, 10)
				p.TimeBootMs = 60_000 + uint32(i)*2_500
				x.send(1, 1, p)
			}
		},
		"the GPS lags behind a fast drone": func(x *field) {
			for i := range 50 {
				x.wait(200 * time.Millisecond)
				gps := goodGPS()
				gps.Lat, gps.Lon = away(homeLat, homeLon, float64(i)*8-60, 0)
				x.send(1, 1, gps)
				x.send(1, 1, x.moving(float64(i)*8, 40))
			}
		},
		"a GPS without a fix is elsewhere": func(x *field) {
			x.send(1, 1, x.moving(0, 0))
			x.send(1, 1, &all.MessageGpsRawInt{FixType: 2, Lat: 368698581, Lon: 1108075334, Eph: 90})
			x.send(1, 1, x.moving(0, 0))
		},
		"a GPS that moves without telling its velocity": func(x *field) {
			for i := range 20 {
				x.wait(2 * time.Second)
				gps := goodGPS()
				gps.Lat, gps.Lon = away(homeLat, homeLon, float64(i)*60, 0)
				x.send(1, 1, gps)
			}
		},
		"ArduPilot's filter has not started, by the bit that is PX4's glitch": func(x *field) {
			x.send(1, 1, x.moving(0, 0))
			x.send(1, 1, &all.MessageEkfStatusReport{Flags: 1024})
			x.send(1, 1, x.moving(0, 0))
			x.wait(11 * time.Second)
			x.send(1, 1, x.moving(0, 0))
		},
		"PX4's filter has an accelerometer error, by the bit above": func(x *field) {
			x.send(1, 1, &all.MessageEstimatorStatus{Flags: 831 | 2048})
			x.send(1, 1, x.moving(0, 0))
		},
		"a receiver that is jammed": func(x *field) {
			x.send(1, 1, &all.MessageGnssIntegrity{JammingState: 3, SpoofingState: 1})
			x.send(1, 1, x.moving(0, 0))
		},
		"a camera that tells of deception": func(x *field) {
			x.send(1, 100, &all.MessageGnssIntegrity{SpoofingState: 3})
			x.send(1, 1, x.moving(0, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(true))
			fly(x)
			if got := x.episodes(); got != "" || len(x.told.Fixes) == 0 || x.only(1).suspect(x.at) {
				t.Errorf("it tells %q of %d fixes", got, len(x.told.Fixes))
			}
			for _, fix := range x.told.Fixes {
				if fix.Suspect || fix.Broken || fix.Quality < QualityDegraded {
					t.Fatalf("fix %+v", fix)
				}
			}
		})
	}
}

func TestWhatIsAJump(t *testing.T) {
	for name, fly := range map[string]func(x *field){
		"90 m/s, as its velocity says": func(x *field) {
			for i := range 10 {
				x.wait(200 * time.Millisecond)
				x.send(1, 1, x.moving(float64(i)*18, 90))
			}
		},
		"100 m/s at 10 Hz, while it claims to stand": func(x *field) {
			for i := range 30 {
				x.wait(100 * time.Millisecond)
				x.send(1, 1, x.moving(float64(i)*10, 0))
			}
		},
		"51 m at one instant": func(x *field) {
			x.send(1, 1, x.moving(0, 0))
			x.send(1, 1, x.moving(51, 0))
		},
		"1 km in 10 s of silence": func(x *field) {
			x.send(1, 1, x.moving(0, 0))
			x.wait(10 * time.Second)
			x.send(1, 1, x.moving(1000, 0))
		},
		"to the other side of the earth, over the antimeridian": func(x *field) {
			x.send(1, 1, &all.MessageGlobalPositionInt{Lat: 10, Lon: 1799999999})
			x.wait(time.Second)
			x.send(1, 1, &all.MessageGlobalPositionInt{Lat: 10, Lon: -1799999999})
			if got := x.episodes(); got != "" {
				x.t.Errorf("4 cm over the antimeridian: %q", got)
			}
			x.wait(time.Second)
			x.send(1, 1, &all.MessageGlobalPositionInt{Lat: 10, Lon: 1})
		},
		"of the GPS, without a velocity": func(x *field) {
			for i := range 10 {
				x.wait(time.Second)
				gps := goodGPS()
				gps.Lat, gps.Lon = away(homeLat, homeLon, float64(i)*85, 0)
				x.send(1, 1, gps)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(true))
			fly(x)
			if got := x.episodes(); got != "jump" {
				t.Errorf("it tells %q", got)
			}
		})
	}
}

func TestAfterARebootThePositionFollowsFromNone(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.flight(0, 2*time.Second)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 900})
	x.restart(testPlan())
	var fixes []Fix
	for i := range 3 {
		p := x.moving(5000, 0)
		p.TimeBootMs = 1000 + uint32(i)*200
		fixes = append(fixes, x.send(1, 1, p).Fixes...)
		x.wait(200 * time.Millisecond)
	}
	if len(fixes) != 3 || !fixes[0].Broken || fixes[1].Broken || fixes[2].Broken || fixes[0].Suspect || x.episodes() != "" {
		t.Errorf("fixes %+v", fixes)
	}
	if first := x.told.Fixes[0]; first.Broken {
		t.Error("the first fix of all is told as if one had been before it")
	}
}

func TestASuspectVehicleStaysSoOverAReboot(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.send(1, 1, &all.MessageGnssIntegrity{SpoofingState: 3})
	x.flight(0, 2*time.Second)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 900})
	x.told.Fixes = nil
	for i := range 40 {
		p := x.moving(5000, 0)
		p.TimeBootMs = 1000 + uint32(i)*200
		x.send(1, 1, p)
		x.wait(200 * time.Millisecond)
	}
	if got := x.episodes(); got != "spoofing trusted" || !x.told.Fixes[0].Suspect || x.told.Fixes[39].Suspect {
		t.Errorf("it tells %q", got)
	}
}

func TestAnUnknownVehicleThatIsIgnoredTellsNothingOfTrust(t *testing.T) {
	plan := testPlan()
	plan.Unknown = "ignore"
	x := newField(t, plan)
	x.send(9, 1, copter(true))
	x.send(9, 1, &all.MessageGnssIntegrity{SpoofingState: 3})
	x.send(9, 1, x.moving(0, 0))
	if got := x.episodes(); got != "" || len(x.told.Fixes) != 0 {
		t.Errorf("%q, %d fixes", got, len(x.told.Fixes))
	}
}
