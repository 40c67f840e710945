package mavlink

import (
	"math"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

func TestPositionsAreBelievedOrRefusedForAReason(t *testing.T) {
	at := func(lat, lon int32) *all.MessageGlobalPositionInt {
		return &all.MessageGlobalPositionInt{TimeBootMs: 61_000, Lat: lat, Lon: lon, Alt: 800_000, RelativeAlt: 60_000, Hdg: 36000}
	}
	ekf := func(flags all.EKF_STATUS_FLAGS) message.Message { return &all.MessageEkfStatusReport{Flags: flags} }
	box := func(south, west, north, east int32) *Theatre {
		return &Theatre{SouthE7: south * 1e7, WestE7: west * 1e7, NorthE7: north * 1e7, EastE7: east * 1e7}
	}
	for name, c := range map[string]struct {
		before  []message.Message
		wait    time.Duration
		pos     *all.MessageGlobalPositionInt
		comp    uint8
		theatre *Theatre
		refuse  Reject
		fixes   int
	}{
		"over the river":                {pos: at(homeLat, homeLon), fixes: 1},
		"far south and west":            {pos: at(-899999999, -1799999999), fixes: 1},
		"on the equator":                {pos: at(0, homeLon), fixes: 1},
		"0/0":                           {pos: at(0, 0), refuse: RejectZero},
		"INT32_MAX":                     {pos: at(math.MaxInt32, math.MaxInt32), refuse: RejectSentinel},
		"INT32_MIN in one of them":      {pos: at(homeLat, math.MinInt32), refuse: RejectSentinel},
		"latitude beyond the pole":      {pos: at(900000001, homeLon), refuse: RejectRange},
		"longitude beyond the dateline": {pos: at(homeLat, -1800000001), refuse: RejectRange},
		"from a gimbal":                 {pos: at(homeLat, homeLon), comp: 154, refuse: RejectComponent},
		"the GPS has no fix":            {before: []message.Message{&all.MessageGpsRawInt{FixType: 1}}, pos: at(homeLat, homeLon), refuse: RejectNoFix},
		"the GPS had no fix long ago": {before: []message.Message{&all.MessageGpsRawInt{FixType: 1}}, wait: 11 * time.Second,
			pos: at(homeLat, homeLon), fixes: 1},
		"the GPS has fallen silent": {before: []message.Message{goodGPS(), goodGPS(), goodGPS()}, wait: 11 * time.Second,
			pos: at(homeLat, homeLon), refuse: RejectStale},
		"the filter has no absolute position":      {before: []message.Message{goodGPS(), ekf(1 | 2 | 4)}, pos: at(homeLat, homeLon), refuse: RejectEstimator},
		"the filter is in constant position mode":  {before: []message.Message{goodGPS(), ekf(16 | 128)}, pos: at(homeLat, homeLon), refuse: RejectEstimator},
		"the filter has not started, by 1024":      {before: []message.Message{goodGPS(), ekf(16 | 1024)}, pos: at(homeLat, homeLon), refuse: RejectEstimator},
		"PX4's filter has no absolute position":    {before: []message.Message{goodGPS(), &all.MessageEstimatorStatus{Flags: 8}}, pos: at(homeLat, homeLon), refuse: RejectEstimator},
		"the filter has one, by PX4's 128":         {before: []message.Message{goodGPS(), &all.MessageEstimatorStatus{Flags: 16 | 128}}, pos: at(homeLat, homeLon), fixes: 1},
		"the filter had none long ago":             {before: []message.Message{ekf(0)}, wait: 11 * time.Second, pos: at(homeLat, homeLon), fixes: 1},
		"the filter has none, and the GPS no fix":  {before: []message.Message{&all.MessageGpsRawInt{FixType: 1}, ekf(0)}, pos: at(homeLat, homeLon), refuse: RejectNoFix},
		"south of the theatre":                     {theatre: box(30, 110, 40, 120), pos: at(299999999, 1150000000), refuse: RejectOutside},
		"latitude and longitude exchanged":         {theatre: box(30, 110, 40, 120), pos: at(897500000, 372500000), refuse: RejectOutside},
		"on the edge of the theatre":               {theatre: box(30, 110, 40, 120), pos: at(300000000, 1200000000), fixes: 1},
		"in a theatre across the antimeridian":     {theatre: box(-10, 170, 10, -170), pos: at(50000000, -1750000000), fixes: 1},
		"between the edges of one across it":       {theatre: box(-10, 170, 10, -170), pos: at(50000000, 1600000000), refuse: RejectOutside},
		"0/0 is no position, whatever the theatre": {theatre: box(-10, -10, 10, 10), pos: at(0, 0), refuse: RejectZero},
		"beyond the pole, whatever the theatre":    {theatre: box(30, 110, 40, 120), pos: at(900000001, homeLon), refuse: RejectRange},
		"older than one heard before": {before: []message.Message{&all.MessageGlobalPositionInt{TimeBootMs: 62_000, Lat: homeLat, Lon: homeLon}},
			pos: at(homeLat, homeLon), refuse: RejectStale},
	} {
		t.Run(name, func(t *testing.T) {
			plan := testPlan()
			plan.Theatre = c.theatre
			x := newField(t, plan)
			x.send(1, 1, copter(false))
			for _, m := range c.before {
				x.send(1, 1, m)
			}
			x.wait(c.wait)
			news := x.send(1, max(c.comp, 1), c.pos)
			if len(news.Fixes) != c.fixes {
				t.Fatalf("%d fixes, want %d: rejected %v", len(news.Fixes), c.fixes, news.Rejected)
			}
			var want Rejections
			if c.fixes == 0 {
				want[c.refuse] = 1
			} else if fix := news.Fixes[0]; fix.LatE7 != c.pos.Lat || fix.LonE7 != c.pos.Lon || fix.RelAltMM != 60_000 || fix.HeadingCD != 0 || fix.Track != 1 {
				t.Errorf("fix %+v", fix)
			}
			if news.Rejected != want {
				t.Errorf("rejected %v, want %v", news.Rejected, want)
			}
		})
	}
}

func TestQualityFollowsWhatTheGPSAndTheFilterSay(t *testing.T) {
	raw := func(fix all.GPS_FIX_TYPE, eph uint16, hAcc uint32) message.Message {
		return &all.MessageGpsRawInt{FixType: fix, Eph: eph, HAcc: hAcc, Vel: math.MaxUint16}
	}
	ekf := func(flags all.EKF_STATUS_FLAGS) message.Message { return &all.MessageEkfStatusReport{Flags: flags} }
	px4 := func(flags all.ESTIMATOR_STATUS_FLAGS, vel, pos, mag, accuracy float32) message.Message {
		return &all.MessageEstimatorStatus{Flags: flags, VelRatio: vel, PosHorizRatio: pos, MagRatio: mag, PosHorizAccuracy: accuracy}
	}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		said []message.Message
		want Quality
		hAcc int32
	}{
		"no GPS message ever":                     {nil, QualityDegraded, 0},
		"3D, HDOP 0.9":                            {[]message.Message{raw(3, 90, 0)}, QualityGood, 0},
		"RTK, 2 cm":                               {[]message.Message{raw(6, 65535, 20)}, QualityGood, 20},
		"2D":                                      {[]message.Message{raw(2, 90, 0)}, QualityDegraded, 0},
		"3D, HDOP 2.6":                            {[]message.Message{raw(3, 260, 0)}, QualityDegraded, 0},
		"3D, HDOP unknown":                        {[]message.Message{raw(3, 65535, 0)}, QualityDegraded, 0},
		"3D, 10 m":                                {[]message.Message{raw(3, 90, 10_000)}, QualityGood, 10_000},
		"3D, 12 m, though HDOP 0.9":               {[]message.Message{raw(3, 90, 12_000)}, QualityDegraded, 12_000},
		"3D, 51 m":                                {[]message.Message{raw(3, 90, 51_000)}, QualityBad, 51_000},
		"3D, accuracy beyond int32":               {[]message.Message{raw(3, 90, math.MaxUint32)}, QualityBad, math.MaxInt32},
		"HDOP 11":                                 {[]message.Message{raw(3, 1100, 0)}, QualityBad, 0},
		"filter well":                             {[]message.Message{raw(3, 90, 0), ekf(831)}, QualityGood, 0},
		"filter without a test of what it has":    {[]message.Message{raw(3, 90, 0), px4(831, nan, nan, nan, nan)}, QualityGood, 0},
		"filter turns the GPS's position away":    {[]message.Message{raw(3, 90, 0), px4(831, 0.1, 1.1, 0.1, 0)}, QualityBad, 0},
		"filter turns the GPS's velocity away":    {[]message.Message{raw(3, 90, 0), px4(831, float32(math.Inf(1)), 0.1, 0.1, 0)}, QualityBad, 0},
		"filter turns the compass away":           {[]message.Message{raw(3, 90, 0), px4(831, 0.1, 0.1, 1.1, 0)}, QualityDegraded, 0},
		"filter knows what the GPS does not say":  {[]message.Message{raw(3, 65535, 0), px4(831, 0.1, 0.1, 0.1, 1.5)}, QualityGood, 1500},
		"the GPS knows better than the filter":    {[]message.Message{raw(3, 90, 12_000), px4(831, 0.1, 0.1, 0.1, 1.5)}, QualityDegraded, 12_000},
		"filter off by 60 m, by itself":           {[]message.Message{raw(3, 90, 0), px4(831, 0.1, 0.1, 0.1, 60)}, QualityBad, 60_000},
		"filter off by 1.5 m, no GPS message":     {[]message.Message{px4(831, 0.1, 0.1, 0.1, 1.5)}, QualityDegraded, 1500},
		"filter's accuracy is no number":          {[]message.Message{raw(3, 90, 0), px4(831, 0.1, 0.1, 0.1, float32(math.Inf(1)))}, QualityGood, 0},
		"ArduPilot's variance of the position":    {[]message.Message{raw(3, 90, 0), &all.MessageEkfStatusReport{Flags: 831, PosHorizVariance: 1.01}}, QualityBad, 0},
		"ArduPilot's variance of the velocity":    {[]message.Message{raw(3, 90, 0), &all.MessageEkfStatusReport{Flags: 831, VelocityVariance: 1.01}}, QualityBad, 0},
		"ArduPilot's variance of the compass":     {[]message.Message{raw(3, 90, 0), &all.MessageEkfStatusReport{Flags: 831, CompassVariance: 1.01}}, QualityDegraded, 0},
		"ArduPilot's variance of height alone":    {[]message.Message{raw(3, 90, 0), &all.MessageEkfStatusReport{Flags: 831, PosVertVariance: 2, TerrainAltVariance: 3}}, QualityGood, 0},
		"deception that the receiver dealt with":  {[]message.Message{raw(3, 90, 0), &all.MessageGnssIntegrity{SpoofingState: 2}}, QualityDegraded, 0},
		"a receiver that hears no deception":      {[]message.Message{raw(3, 90, 0), &all.MessageGnssIntegrity{SpoofingState: 1}}, QualityGood, 0},
		"a receiver that can not tell":            {[]message.Message{raw(3, 90, 0), &all.MessageGnssIntegrity{SpoofingState: 0}}, QualityGood, 0},
		"one of two receivers is jammed, no more": {[]message.Message{raw(3, 90, 0), &all.MessageGnssIntegrity{Id: 1, JammingState: 3}}, QualityGood, 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(false))
			for _, m := range c.said {
				x.send(1, 1, m)
			}
			news := x.send(1, 1, x.position(0, 0, 60))
			if len(news.Fixes) != 1 || news.Fixes[0].Quality != c.want || news.Fixes[0].HAccMM != c.hAcc {
				t.Errorf("fixes %+v, want quality %v, h_acc %d", news.Fixes, c.want, c.hAcc)
			}
		})
	}
}

func TestGPSAloneGivesAPositionOnlyWhereNoOtherComes(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.send(1, 1, x.position(0, 0, 60))
	gps := goodGPS()
	gps.Alt, gps.Vel, gps.Cog = 790_000, 1000, 27000
	x.send(1, 1, gps)
	x.wait(4 * time.Second)
	if n := len(x.send(1, 1, gps).Fixes); n != 0 {
		t.Fatalf("%d fixes 4 s after a GLOBAL_POSITION_INT", n)
	}
	x.wait(2 * time.Second)
	news := x.send(1, 1, gps)
	want := Fix{At: x.at, Track: 1, LatE7: homeLat, LonE7: homeLon, AltMM: 790_000, RelAltMM: 50_000, VEastCM: -1000,
		HeadingCD: math.MaxUint16, Quality: QualityGood, Airborne: true}
	if len(news.Fixes) != 1 || news.Fixes[0] != want {
		t.Errorf("got %+v\nwant %+v", news.Fixes, want)
	}
	other := newField(t, testPlan()) // one that has never sent another position
	other.send(1, 1, copter(true))
	other.send(1, 1, gps)
	other.wait(6 * time.Second)
	if len(other.told.Fixes) != 0 || len(other.send(1, 1, gps).Fixes) != 1 {
		t.Error("the GPS alone is believed at once, or never")
	}
	gps.FixType = 2
	if n := len(x.send(1, 1, gps).Fixes); n != 0 {
		t.Errorf("%d fixes from a 2D GPS", n)
	}
}

func TestPositionsOfAPlannedSystemAreBelievedBeforeItsFirstHeartbeat(t *testing.T) {
	x := newField(t, testPlan())
	if n := len(x.send(1, 1, x.position(0, 0, 60)).Fixes); n != 1 {
		t.Errorf("%d fixes from component 1 of a planned system", n)
	}
	if got := x.send(1, 100, x.position(0, 0, 60)).Rejected[RejectComponent]; got != 1 {
		t.Error("its camera's position is taken for the vehicle's")
	}
	if got := x.send(9, 1, x.position(0, 0, 60)).Rejected[RejectComponent]; got != 1 {
		t.Error("a position makes an unknown system a vehicle")
	}
	x.send(2, 1, beatOf(6, 8))
	if got := x.send(2, 1, x.position(0, 0, 60)).Rejected[RejectComponent]; got != 1 {
		t.Error("a ground station's position is taken for the vehicle's")
	}
	if got := x.send(0, 1, x.position(0, 0, 60)).Rejected[RejectComponent]; got != 1 {
		t.Error("system 0 is taken for a vehicle")
	}
	if n := x.heard(); n != 0 {
		t.Errorf("%d vehicles without a heartbeat", n)
	}
}

func TestAnOffsetAgreesWithTheGeodesic(t *testing.T) {
	// Vincenty's inverse formula on WGS-84.
	for _, c := range []struct {
		aLat, aLon, bLat, bLon int32
		wantMM                 int64
	}{
		{372500000, 1119500000, 372500000, 1119500000, 0},
		{372500000, 1119500000, 372590000, 1119500000, 998_842},
		{372500000, 1119500000, 372500000, 1119600000, 887_194},
		{0, 1799995000, 0, -1799995000, 111_319},
	} {
		if got := distanceMM(c.aLat, c.aLon, c.bLat, c.bLon); abs(got-c.wantMM) > 1+c.wantMM/100_000 {
			t.Errorf("%+v: %d mm", c, got)
		}
	}
}

func TestCE90IsTheCircularErrorOfTheTwoSigmas(t *testing.T) {
	// Integrated numerically: P(x2 + y2 <= r2) = 0.9 for sigmas 1 and c.
	for _, c := range []struct{ c, r float64 }{
		{0, 1.6449}, {0.1, 1.6479}, {0.2, 1.6573}, {0.3, 1.6738}, {0.4, 1.6992}, {0.5, 1.7371},
		{0.6, 1.7915}, {0.7, 1.8625}, {0.8, 1.9472}, {0.9, 2.0424}, {1, 2.1460},
	} {
		for _, scale := range []float64{1, 25} {
			got := ce90(scale*c.c, scale) / scale
			if math.Abs(got/c.r-1) > 0.005 || got != ce90(scale, scale*c.c)/scale {
				t.Errorf("c %.1f: %.4f, want %.4f", c.c, got, c.r)
			}
		}
	}
}

func TestATargetsRadiusGrowsTowardsTheHorizon(t *testing.T) {
	for _, c := range []struct {
		height, ahead, posM float64
		wantDM              int32 // by the formula of PROTOCOL 2.4, worked by hand
	}{
		{100, 0, 3, 69},     // straight down: 1.7 m and 3 m along, 3 m across
		{100, 173, 3, 320},  // 30 deg: 18.9 m and 6.7 m
		{100, 567, 3, 1351}, // 10 deg: 81.1 m and 20.0 m
		{100, 700, 3, 1500}, // capped
		{0, 0, 0, 50},       // the floor
		{-20, 300, 3, 1500}, // below home
	} {
		got := targetCE90DM(c.height, c.ahead, 0, c.posM)
		if got != c.wantDM {
			t.Errorf("%+v: %d dm", c, got)
		}
	}
	last := int32(0)
	for ahead := 0.0; ahead < 400; ahead += 20 {
		got := targetCE90DM(100, ahead, 0, 3)
		if got < last {
			t.Errorf("at %v m ahead %d dm, nearer %d dm", ahead, got, last)
		}
		last = got
	}
}
