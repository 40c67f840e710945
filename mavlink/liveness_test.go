package mavlink

import (
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/google/go-cmp/cmp"
)

func TestAVehicleBeginsWithAnAutopilotsHeartbeat(t *testing.T) {
	for name, c := range map[string]struct {
		beat *all.MessageHeartbeat
		sys  uint8
		want bool
	}{
		"copter":              {beatOf(2, 3), 1, true},
		"PX4 plane":           {beatOf(1, 12), 1, true},
		"generic autopilot":   {beatOf(0, 0), 7, true},
		"type of the future":  {beatOf(200, 3), 7, true},
		"ground station":      {beatOf(6, 8), 255, false},
		"old Mission Planner": {beatOf(6, 3), 255, false},
		"gimbal":              {beatOf(26, 3), 1, false},
		"companion":           {beatOf(18, 8), 1, false},
		"camera":              {beatOf(30, 8), 1, false},
		"antenna tracker":     {beatOf(5, 3), 3, false},
		"ADS-B receiver":      {beatOf(27, 0), 3, false},
		"autopilot invalid":   {beatOf(2, 8), 1, false},
		"copter as system 0":  {beatOf(2, 3), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			news := x.send(c.sys, 1, c.beat)
			if got := x.heard() == 1; got != c.want {
				t.Errorf("vehicle: %v", got)
			}
			if got := len(news.Changes) == 1 && news.Changes[0].Kind == ChangeHeard; got != c.want {
				t.Errorf("changes %+v", news.Changes)
			}
		})
	}
}

func TestNothingIsLearntFromAnIDOutsideTheDialect(t *testing.T) {
	x := newField(t, testPlan())
	fr := x.frame(77, 1, copter(true))
	fr.MsgID = 1 << 23
	x.fleet.Apply(&fr, &x.last)
	if st := x.fleet.State(); len(st.Tracks) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestSilenceIsToldOnce(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.wait(2900 * time.Millisecond)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeHeard}) {
		t.Fatalf("within 3 s: %v", got)
	}
	x.wait(200 * time.Millisecond)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeStale}) || x.view(1).State != "stale" {
		t.Fatalf("after 3 s: %v, %s", got, x.view(1).State)
	}
	x.send(1, 1, copter(true))
	x.wait(time.Minute)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeHeard, ChangeStale, ChangeLost}) || x.view(1).State != "lost" {
		t.Fatalf("after a minute: %v, %s", got, x.view(1).State)
	}
	// Positions and the heartbeat of its camera are no sign of life of the autopilot.
	x.send(1, 1, x.position(0, 0, 0))
	x.send(1, 100, beatOf(30, 8))
	if got := x.kinds(); got != nil {
		t.Fatalf("without its heartbeat: %v", got)
	}
	x.send(1, 1, copter(true))
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeBack}) {
		t.Errorf("heard again: %v", got)
	}
}

func TestALeapOverAllTimersTellsThemInOrder(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(false))
	x.kinds()
	x.at += time.Hour.Microseconds()
	x.fleet.Advance(x.at, &x.told)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeStale, ChangeLost}) {
		t.Error(got)
	}
}

func TestALossMattersWhereTheVehicleWasArmedOrHigh(t *testing.T) {
	for name, c := range map[string]struct {
		armed bool
		up    float64
		want  bool
	}{
		"armed on the ground":    {true, 0, true},
		"disarmed at 3.1 m":      {false, 3.1, true},
		"disarmed on the ground": {false, 2.9, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.second(1, c.armed, 0, 0, c.up)
			news := x.wait(20 * time.Second)
			i := slices.IndexFunc(news.Changes, func(c Change) bool { return c.Kind == ChangeLost })
			if i < 0 || news.Changes[i].Missed != c.want {
				t.Errorf("changes %+v", news.Changes)
			}
		})
	}
}

func TestNothingFollowsFromSilenceWhileTheLinkIsDown(t *testing.T) {
	x := newField(t, testPlan())
	link := func(up bool) { x.fleet.Link(x.at, LinkNote{Link: "radio", Up: up}, &x.told) }
	link(true)
	x.fleet.Origin(OriginNote{System: 1, Component: 1, Link: "radio", Address: "/dev/ttyUSB0"})
	x.send(1, 1, copter(true))
	x.send(2, 1, copter(true)) // on another link
	if v := x.view(1); v.Link != "radio" || v.Address != "/dev/ttyUSB0" {
		t.Errorf("link %q, address %q", v.Link, v.Address)
	}
	x.kinds()
	x.wait(time.Second)
	link(false)
	x.wait(time.Minute)
	for _, c := range x.told.Changes {
		if c.Track == 1 {
			t.Fatalf("told while the link is down: %+v", c)
		}
	}
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeStale, ChangeLost}) {
		t.Fatalf("of the vehicle on the other link: %v", got)
	}
	link(true)
	x.wait(2900 * time.Millisecond)
	if got := x.kinds(); got != nil {
		t.Fatalf("right after the link is up: %v", got)
	}
	x.wait(8 * time.Second)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeStale, ChangeLost}) {
		t.Errorf("10 s after the link is up: %v", got)
	}
}

func TestWhatWasDueBeforeTheLinkFellIsTold(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.kinds()
	x.at += 4_000_000
	x.fleet.Link(x.at, LinkNote{Up: false}, &x.told)
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeStale}) {
		t.Error(got)
	}
}

func TestATimerThatCameDueWhileDownFiresUnlessTheLinkComesUpFirst(t *testing.T) {
	for _, linkFirst := range []bool{false, true} {
		x := newField(t, testPlan())
		x.fleet.Link(x.at, LinkNote{Link: "field", Up: true}, &x.told)
		x.fleet.Origin(OriginNote{System: 1, Component: 1, Link: "field"})
		x.send(1, 1, copter(true))
		x.kinds()
		x.at += 60_000_000
		x.restart(testPlan())
		want := []ChangeKind{ChangeStale, ChangeLost}
		if linkFirst {
			x.fleet.Link(x.at, LinkNote{Link: "field", Up: true}, &x.told)
			want = nil
		}
		x.fleet.Advance(x.at, &x.told)
		if got := x.kinds(); !slices.Equal(got, want) {
			t.Errorf("link first %v: %v, want %v", linkFirst, got, want)
		}
	}
}

func TestTimeCostsNothingWhileNothingIsDue(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 1, copter(true))
	x.fleet.Advance(x.at, &x.last)
	due := x.fleet.due
	x.fleet.Advance(due-1, &x.last)
	if x.fleet.due != due {
		t.Error("the vehicles were looked at before anything was due")
	}
	x.wait(20 * time.Second)
	if x.fleet.due != never {
		t.Errorf("a lost vehicle on the ground is looked at again at %d", x.fleet.due)
	}
}

func TestArmingModeAndRebootAreTold(t *testing.T) {
	x := newField(t, testPlan())
	x.second(1, false, 0, 0, 0)
	auto := copter(true)
	auto.CustomMode = 3
	x.send(1, 1, auto)
	x.send(1, 1, auto)
	x.send(1, 1, copter(false))
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeHeard, ChangeArmed, ChangeMode, ChangeDisarmed, ChangeMode}) {
		t.Errorf("%v", got)
	}
	if c := (x.send(1, 1, auto).Changes); len(c) != 2 || c[0] != (Change{At: x.at, Track: 1, Vehicle: "egret-1", Kind: ChangeArmed}) {
		t.Errorf("%+v", c)
	}
}

func TestGoingBackInTimeSinceBootIsARebootALateFrameOrAWrap(t *testing.T) {
	for name, c := range map[string]struct {
		first, then uint32
		reboot      bool
		fixes       int
	}{
		"on it goes":         {60_000, 61_000, false, 1},
		"the same again":     {60_000, 60_000, false, 1},
		"not filled in":      {60_000, 0, false, 1},
		"late by 4.9 s":      {60_000, 55_100, false, 0},
		"back by 5 s":        {60_000, 55_000, true, 1},
		"reboot":             {3_600_000, 900, true, 1},
		"wrap of 32 bits":    {1<<32 - 200, 800, false, 1},
		"reboot before wrap": {1<<32 - 700_000, 800, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			x.send(1, 1, copter(false))
			pos := x.position(0, 0, 10)
			pos.TimeBootMs = c.first
			x.send(1, 1, pos)
			x.kinds()
			pos.TimeBootMs = c.then
			news := x.send(1, 1, pos)
			if got := slices.Equal(x.kinds(), []ChangeKind{ChangeReboot}); got != c.reboot || len(news.Fixes) != c.fixes {
				t.Errorf("reboot %v, fixes %d, rejected %v", got, len(news.Fixes), news.Rejected)
			}
		})
	}
}

func TestARebootForgetsThePositionAndKeepsTheVehicle(t *testing.T) {
	x := newField(t, testPlan())
	x.hover(1, 40)
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 90_000})
	x.send(1, 1, &all.MessageSystemTime{TimeBootMs: 90_000})
	sortie := x.view(1).Sortie
	x.send(1, 1, &all.MessageAttitude{TimeBootMs: 500})
	v := x.view(1)
	if v.Position != nil || v.Airborne || v.Name != "egret-1" || v.Sortie != sortie || sortie == "" {
		t.Errorf("%+v", v)
	}
	x.kinds()
	x.send(1, 1, &all.MessageSystemTime{TimeBootMs: 600})
	if got := x.kinds(); got != nil {
		t.Errorf("one reboot told twice: %v", got)
	}
	if q := x.send(1, 1, x.position(0, 0, 0)).Fixes[0].Quality; q != QualityDegraded {
		t.Errorf("quality %v by what the GPS said before the reboot", q)
	}
}

func TestTheAutopilotsComponentGivesWayOnlyToAutopilots(t *testing.T) {
	x := newField(t, testPlan())
	x.send(1, 191, copter(false)) // a companion that poses as the autopilot
	x.send(1, 1, copter(false))
	x.send(1, 191, copter(true))
	if v := x.view(1); v.Armed {
		t.Error("the companion speaks for the vehicle")
	}
	if n := len(x.send(1, 1, x.position(0, 0, 0)).Fixes); n != 1 {
		t.Error("the autopilot is not believed")
	}
	x.wait(20 * time.Second)
	x.kinds()
	x.send(1, 191, copter(true))
	if got := x.kinds(); !slices.Equal(got, []ChangeKind{ChangeBack, ChangeArmed}) {
		t.Errorf("the autopilot is lost, another component speaks: %v", got)
	}
}

func TestModesAreWordsThatPilotsKnow(t *testing.T) {
	for _, c := range []struct {
		autopilot, typ, base uint8
		custom               uint32
		want                 string
	}{
		{3, 2, 1, 5, "loiter"},
		{3, 14, 1, 29, "rate_acro"},
		{3, 2, 1, 12, "mode 12"},
		{3, 2, 1, 1 << 31, "mode 2147483648"},
		{3, 1, 1, 5, "fbwa"},
		{3, 20, 1, 19, "qloiter"},
		{3, 10, 1, 12, "smart_rtl"},
		{3, 11, 1, 4, "hold"},
		{3, 12, 1, 19, "manual"},
		{3, 250, 1, 3, "mode 3"},
		{3, 0, 1, 3, "mode 3"},
		{12, 2, 1, 4<<16 | 4<<24, "mission"},
		{12, 2, 1, 4<<16 | 99<<24, "mode 99"},
		{12, 2, 1, 3 << 16, "position"},
		{12, 2, 1, 3<<16 | 1<<24, "position"},
		{12, 2, 1, 77 << 16, "mode 77"},
		{0, 2, 1, 3, "mode 3"},
		{3, 2, 0, 5, "mode 5"}, // the custom mode is not in force
	} {
		if got := modeWord(c.autopilot, c.typ, c.base, c.custom); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestAVehicleOfThePlanIsShownBeforeItIsHeard(t *testing.T) {
	x := newField(t, testPlan())
	x.send(2, 1, beatOf(2, 3))
	x.send(77, 1, beatOf(2, 3))
	type row struct {
		name, state   string
		known, silent bool
	}
	var got []row
	for _, v := range x.fleet.Vehicles(x.at) {
		got = append(got, row{v.Name, v.State, v.Known, v.LastHeard == "" && v.Position == nil})
	}
	if want := []row{{"egret-1", "unheard", true, true}, {"egret-2", "heard", true, false}, {"system-77", "heard", false, false}}; !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	x.fleet.SetPlan(&FleetPlan{})
	if n := len(x.fleet.Vehicles(x.at)); n != 2 {
		t.Errorf("%d vehicles after a plan without any, want the 2 that were heard", n)
	}
}

func TestAViewShowsWhatIsKnown(t *testing.T) {
	x := newField(t, testPlan())
	x.fleet.Origin(OriginNote{System: 1, Component: 1, Link: "field", Address: "192.0.2.7:14550"})
	x.send(1, 1, beatOf(2, 3))
	if v := x.view(1); v.BatteryPercent != nil || v.Voltage != nil || v.Position != nil {
		t.Errorf("nothing has been told, and yet %+v", v)
	}
	x.send(1, 1, &all.MessageBatteryStatus{Voltages: [10]uint16{4100, 4000, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535}, BatteryRemaining: 80})
	x.send(1, 1, &all.MessageBatteryStatus{Id: 1, BatteryRemaining: 3})
	x.send(1, 1, &all.MessageSysStatus{VoltageBattery: 65535, BatteryRemaining: -1})
	if v := x.view(1); *v.BatteryPercent != 80 || *v.Voltage != 8.1 {
		t.Errorf("battery %d %%, %v V", *v.BatteryPercent, *v.Voltage)
	}
	x.send(1, 1, &all.MessageSysStatus{VoltageBattery: 15200, BatteryRemaining: 64})
	pos := x.position(0, 0, 55.5)
	pos.Vx, pos.Vy = 300, -400
	x.send(1, 1, goodGPS())
	x.send(1, 1, pos)
	x.wait(2500 * time.Millisecond)
	x.send(1, 1, copter(true))
	v := x.view(1)
	want := VehicleView{
		Name: "egret-1", System: 1, Known: true, Verified: true, Violated: []string{}, Type: "quadrotor", Autopilot: "ardupilot", Mode: "loiter", Status: "active",
		Armed: true, Airborne: true, State: "heard", LastHeard: "2026-11-23T07:46:42.500000Z",
		Position: v.Position, BatteryPercent: v.BatteryPercent, Voltage: v.Voltage, Frames: 8, Link: "field", Address: "192.0.2.7:14550",
		Streams: []StreamView{{Component: 1, Link: "field", Address: "192.0.2.7:14550", Frames: 8, LastHeard: "2026-11-23T07:46:42.500000Z"}},
		Sortie:  "1-1795420002500000",
	}
	if diff := cmp.Diff(want, *v); diff != "" {
		t.Errorf("view (-want +got):\n%s", diff)
	}
	if *v.BatteryPercent != 64 || *v.Voltage != 15.2 {
		t.Errorf("battery %d %%, %v V", *v.BatteryPercent, *v.Voltage)
	}
	p := v.Position
	if p.Lat != 37.25 || p.Lon != 111.95 || p.AltM != 795.5 || p.RelAltM != 55.5 || *p.HeadingDeg != 90 || p.GroundSpeedMS != 5 ||
		p.Quality != "degraded" || p.AgeMS != 2500 {
		t.Errorf("position %+v", p)
	}
	x.wait(8 * time.Second)
	if q := x.view(1).Position.Quality; q != "bad" {
		t.Errorf("quality %q of a position 10.5 s old", q)
	}
}

func TestUnknownVehiclesAreUnverifiedOrIgnored(t *testing.T) {
	p := testPlan()
	x := newField(t, p)
	x.hover(9, 50)
	e := x.send(9, 1, &all.MessageStatustext{Text: "POI 37.2510000, 111.9500000, 690.00 (asml)"}).Evidence
	if len(x.told.Fixes) != 2 || len(x.told.Sorties) != 1 || len(e) != 1 || e[0].Verified || e[0].Vehicle != "system-9" {
		t.Errorf("unverified: %d fixes, %d sorties, evidence %+v", len(x.told.Fixes), len(x.told.Sorties), e)
	}
	if name, verified := x.fleet.Name(9); name != "system-9" || verified {
		t.Errorf("%q, verified %v", name, verified)
	}
	if name, verified := x.fleet.Name(1); name != "egret-1" || !verified {
		t.Errorf("%q, verified %v", name, verified)
	}

	p.Unknown = "ignore"
	x = newField(t, p)
	x.hover(9, 50)
	x.send(9, 1, &all.MessageStatustext{Text: "POI 37.2510000, 111.9500000, 690.00 (asml)"})
	x.wait(20 * time.Second)
	if n := len(x.told.Fixes) + len(x.told.Sorties) + len(x.told.Evidence) + len(x.told.Changes); n != 0 || x.told.Rejected[RejectIgnored] != 3 {
		t.Errorf("ignored: %+v", x.told)
	}
	if v := x.view(9); v.Known || v.State != "lost" {
		t.Errorf("%+v", v)
	}
}

func TestAVehicleOverTwoLinksIsSilentOnlyWhereOneThatCarriesItIsUp(t *testing.T) {
	over := func(x *field, origin uint16) {
		x.from(1, 1, origin, []string{"", "field", "radio"}[origin], []string{"", "192.0.2.1:1", "/dev/ttyUSB0"}[origin])
		x.send(1, 1, copter(true))
	}
	link := func(x *field, name string, up bool) { x.fleet.Link(x.at, LinkNote{Link: name, Up: up}, &x.told) }
	silent := []ChangeKind{ChangeStale, ChangeLost}
	for name, c := range map[string]struct {
		then func(x *field)
		want []ChangeKind
	}{
		"both are up":                      {func(*field) {}, silent},
		"one goes down":                    {func(x *field) { link(x, "radio", false) }, silent},
		"the other one goes down":          {func(x *field) { link(x, "field", false) }, silent},
		"both go down":                     {func(x *field) { link(x, "radio", false); link(x, "field", false) }, nil},
		"the one it has moved to is down":  {func(x *field) { x.alone(over, 2); link(x, "radio", false) }, nil},
		"the one that it has left is down": {func(x *field) { x.alone(over, 2); link(x, "field", false) }, silent},
		"it has moved from one that is down": {func(x *field) {
			link(x, "field", false)
			x.wait(12 * time.Second)
			over(x, 2)
		}, silent},
	} {
		t.Run(name, func(t *testing.T) {
			x := newField(t, testPlan())
			link(x, "field", true)
			link(x, "radio", true)
			over(x, 1)
			x.wait(500 * time.Millisecond)
			over(x, 2)
			x.kinds()
			c.then(x)
			x.kinds()
			x.restart(testPlan())
			x.wait(time.Minute)
			if got := x.kinds(); !slices.Equal(got, c.want) {
				t.Errorf("it tells %v, want %v", got, c.want)
			}
		})
	}
}

// alone lets the vehicle be heard over one origin only, for long enough to count as having moved there.
func (x *field) alone(over func(*field, uint16), origin uint16) {
	for range 15 {
		x.wait(time.Second)
		over(x, origin)
	}
}
