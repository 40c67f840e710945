package console

import (
	"context"
	"iter"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// tab is one page in a headless browser.
type tab struct {
	t        *testing.T
	ctx      context.Context
	messages iter.Seq2[chromedp.ConsoleMessage, error]
	stop     context.CancelFunc // of messages
}

// browse starts a headless browser and opens url in it. The test is skipped where there is no browser.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("skipped: there is no chromium on the PATH; install one to test the page in a browser")
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	heard, quiet := context.WithCancel(ctx)
	p.messages, p.stop = chromedp.Console(heard), quiet
	t.Cleanup(quiet)
	p.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	return p
}

// do takes steps in the page, which have half a minute for all of them.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	for _, step := range steps {
		err := chromedp.Do(ctx, step)
		for err != nil && strings.Contains(err.Error(), "Could not find node") {
			err = chromedp.Do(ctx, step) // the page drew it anew between the look and the touch: nothing was touched yet
		}
		if err != nil {
			p.t.Fatalf("%v; the page complained: %q", err, p.complaints())
		}
	}
}

// see waits until all selectors are visible.
func (p *tab) see(selectors ...string) {
	p.t.Helper()
	for _, s := range selectors {
		ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
		err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(s)))
		cancel()
		if err != nil {
			p.t.Fatalf("%s is not to be seen: %v; the page complained: %q", s, err, p.complaints())
		}
	}
}

// text is what an element shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return get(p, chromedp.Text(chromedp.CSS(selector)))
}

func get[T any](p *tab, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// complaints are errors and warnings of the page's scripts and of the browser about the page: among them what its
// content security policy stopped. No more are heard afterwards.
func (p *tab) complaints() (said []string) {
	p.stop()
	for m, err := range p.messages {
		if err != nil {
			break
		}
		if m.Type != "log" && m.Type != "info" && m.Type != "debug" {
			said = append(said, m.Text)
		}
	}
	return said
}

// scene is a station in the middle of a busy night.
func scene(t *testing.T) (*fakeStation, *fakeLedger) {
	t.Helper()
	zones, err := os.ReadFile("../../configs/ciyao.geojson")
	if err != nil {
		t.Fatal(err)
	}
	s, l := fakes()
	s.at = time.Now()
	s.zones = string(zones)
	l.alerts, l.sightings = nil, nil
	now := func(ago time.Duration) alerts.Time { return alerts.Time(s.at.Add(-ago).UnixMicro()) }
	alert := func(id, zone, kind string, sev alerts.Severity, state alerts.State, ago time.Duration, lat, lon alerts.Degrees, change func(*ledger.Alert)) {
		ce90 := alerts.Decimetres(120)
		a := ledger.Alert{
			ID: id, Station: "yanwu", State: state, OpenedAt: now(ago + time.Minute), UpdatedAt: now(ago), Rule: "crossing", Severity: sev, Kind: alerts.OfSighting,
			Zone: zone, ZoneKind: kind, Distance: 42, Bearing: 87, Certainty: "likely", Verified: true, Sightings: 1, Lat: &lat, Lon: &lon, CE90: &ce90,
		}
		if change != nil {
			change(&a)
		}
		l.alerts = append(l.alerts, a)
		if a.Kind == alerts.OfSighting {
			l.sightings = append(l.sightings, ledger.Sighting{Alert: id, Sighting: alerts.Sighting{
				ID: "s-" + id, At: a.UpdatedAt, Vehicle: "egret-1", Source: "poi_script", Kind: "person", Located: true, Lat: lat, Lon: lon, CE90: ce90, Basis: "target", Verified: true,
			}})
		}
	}
	alert("a-1", "gate-1", "gate", alerts.High, alerts.Open, 8*time.Second, 372741234, 1120054234, func(a *ledger.Alert) { a.Sightings = 3 })
	alert("a-2", "ciyao", "bank", alerts.High, alerts.Open, 3*time.Minute, 372175000, 1119443000, func(a *ledger.Alert) {
		a.Verified, a.Side, a.Certainty, a.Distance = false, "left", "possible", 0
	})
	alert("a-3", "gate-5", "gate", alerts.Critical, alerts.Acknowledged, 11*time.Minute, 372399000, 1119501000, func(a *ledger.Alert) {
		a.OwnerName, a.Owner, a.Certainty, a.Distance = "Li Na", 1, "certain", 0
	})
	alert("a-4", "", "", alerts.Medium, alerts.Open, time.Minute, 0, 0, func(a *ledger.Alert) {
		a.Kind, a.Subject, a.Lat, a.Lon, a.CE90, a.Certainty = alerts.OfVehicleLost, "egret-3", nil, nil, nil, ""
	})
	alert("a-5", "", "", alerts.Medium, alerts.Open, 4*time.Minute, 0, 0, func(a *ledger.Alert) {
		a.Lat, a.Lon, a.CE90, a.Certainty, a.Distance, a.Bearing = nil, nil, nil, "unlocated", alerts.NoLength, alerts.NoBearing
	})
	alert("a-6", "ciyao", "bank", alerts.Low, alerts.Open, 5*time.Minute, 372655000, 1119990000, func(a *ledger.Alert) { a.Distance = 310 })
	for i := range l.sightings {
		switch s := &l.sightings[i]; s.Alert {
		case "a-5":
			s.Located, s.Basis = false, "none"
		case "a-6":
			s.Source, s.Basis, s.CE90 = "photo", "vehicle", 770
		}
	}
	alert("a-7", "", "", alerts.Medium, alerts.Acknowledged, 55*time.Second, 0, 0, func(a *ledger.Alert) {
		a.Kind, a.Subject, a.Lat, a.Lon, a.CE90, a.Certainty, a.OwnerName = alerts.OfTrouble, "link radio", nil, nil, nil, "", "lead-2"
	})
	l.sightings = append(l.sightings, ledger.Sighting{Sighting: alerts.Sighting{ID: "s-far", At: now(time.Hour), Vehicle: "egret-2", Kind: "person", Located: true, Lat: 372480000, Lon: 1119470000, CE90: 200}})
	turn := func(v float64) *float64 { return &v }
	view := func(name string, system uint8, state string, silent time.Duration, lat, lon, heading float64, percent int, change func(*mavlink.VehicleView)) {
		v := s.vehicles[0]
		v.Name, v.System, v.State, v.LastHeard, v.BatteryPercent = name, system, state, s.at.Add(-silent).UTC().Format(time.RFC3339Nano), &percent
		v.Position = &mavlink.PositionView{Lat: lat, Lon: lon, RelAltM: 60, HeadingDeg: turn(heading), GroundSpeedMS: 8, Quality: "good"}
		if change != nil {
			change(&v)
		}
		s.vehicles = append(s.vehicles, v)
	}
	view("egret-1", 1, "heard", 300*time.Millisecond, 37.2722, 112.0062, 150, 83, nil)
	view("egret-2", 2, "stale", 5*time.Second, 37.2434, 111.9414, 300, 31, func(v *mavlink.VehicleView) { v.Position.Quality = "degraded" })
	view("egret-3", 3, "lost", 74*time.Second, 37.2110, 111.9415, 185, 14, func(v *mavlink.VehicleView) { v.Position.Quality = "bad" })
	view("system-42", 42, "heard", 200*time.Millisecond, 37.2560, 111.9580, 80, 64, func(v *mavlink.VehicleView) {
		v.Known, v.Verified, v.Position, v.BatteryPercent, v.Mode, v.Armed, v.Airborne = false, false, nil, nil, "STABILIZE", false, false
	})
	s.vehicles = append(s.vehicles[1:4:4], mavlink.VehicleView{Name: "egret-4", System: 4, Known: true, Verified: true, State: "unheard"}, s.vehicles[4])
	s.links = append(s.links, link.LinkStatus{
		Name: "radio", Kind: "serial", Address: "/dev/ttyUSB0", Error: "no such device: plug the radio in", Since: s.at.Add(-time.Minute),
	})
	return s, l
}

// openScene serves the console of a scene and opens it.
func openScene(t *testing.T, s *fakeStation, l *fakeLedger, path string, change func(*Options)) *tab {
	t.Helper()
	server := httptest.NewServer(newConsole(t, s, l, change))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return browse(t, server.URL+path)
}

func TestThePageShowsTheStationInABrowser(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/", func(o *Options) { o.Location = shanghai(t) })
	p.see(`.alert.high .copy`, `#vehicles tr.lost`, `#map circle.zone`, `#map .sight.high`)
	for _, tc := range []struct{ where, want string }{
		{"#alerts", "Gate 1|person|4.2 m away to the east|likely near|3 sightings|Pingyao side|unverified|acknowledged by Li Na|seen 3 min ago|" +
			"37.27412, 112.00542|±\u00a012\u00a0m|37.21750, 111.94430|south-west of Gate 6|" +
			"Vehicle lost: egret-3|, 60 m up|37.21100, 111.94150|link radio|no such device|" +
			"position of the aircraft, ±\u00a077\u00a0m|Position unknown|told of it without a position"},
		{"#vehicles", "egret-1|heard|stale|lost 1 min|83 %|degraded|system-42|unverified|disarmed|egret-4|not heard yet"},
		{"#vehicles-sub", "1 of 4 heard, 1 unknown"},
		{"#links", "field|up|down|plug the radio in"},
		{"#station", "yanwu"}, {"#contact", "connected"}, {"#hearing", "1 of 4 heard, 1 unknown"}, {"#clock", "Asia/Shanghai"}, {"#tally", "5 open, 2 in hand"},
	} {
		shown := p.text(tc.where)
		for want := range strings.SplitSeq(tc.want, "|") {
			if !strings.Contains(shown, want) {
				t.Errorf("%s does not show %q:\n%s", tc.where, want, shown)
			}
		}
	}
	if title := get(p, chromedp.Title()); title != "(5) yanwu" {
		t.Errorf("title %q", title)
	}
	for _, scheme := range []string{"light", "dark"} {
		p.shot("laptop-"+scheme, 1280, 800, scheme)
		p.shot("phone-"+scheme, 390, 844, scheme)
		if wide := get(p, chromedp.Evaluate[float64](`document.documentElement.scrollWidth`)); wide > 390 {
			t.Errorf("on a phone of 390 points the page is %v wide", wide)
		}
	}
	if said := p.complaints(); len(said) != 0 {
		t.Errorf("the page complained: %q", said)
	}
}

func TestAnAcknowledgeAsksForTheNameAndMovesNothingUnderTheFinger(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/", nil)
	p.see(`.alert.high .copy`)
	p.do(chromedp.Click(chromedp.CSS(`.alert .does button.main`)), chromedp.WaitVisible(chromedp.CSS(`#name-box`)))
	if n := len(s.asked()); n != 0 {
		t.Fatalf("the station was asked %d times before the name was known", n)
	}
	p.shot("name", 390, 844, "light")
	p.do(chromedp.EmulateViewport(1280, 800), chromedp.SendKeys(chromedp.CSS(`#name`), "lead-2\r"))
	p.see(`.alert:first-child.acknowledged`) // where it was
	if shown := p.text(`.alert:first-child`); !strings.Contains(shown, "acknowledged by lead-2") || !strings.Contains(shown, "seen ") || !strings.Contains(shown, "Undo") {
		t.Errorf("the card says\n%s", shown)
	}
	p.shot("acknowledged", 1280, 800, "light")
	p.see(`.alert:nth-child(n+5).acknowledged [title^="take back"]`) // when the finger is gone
	p.do(chromedp.Click(chromedp.CSS(`.alert [title^="take back"]`)), chromedp.WaitNotPresent(chromedp.CSS(`.alert [title^="take back"]`)))
	acts := s.asked()
	if len(acts) != 2 || acts[0].Act != "acknowledge" || acts[0].Alert != "a-1" || acts[0].Key == "" || acts[0].By != "lead-2" || acts[1].Act != "undo" || acts[1].By != "lead-2" {
		t.Errorf("the station was asked %+v", acts)
	}
	if who := get(p, chromedp.Value(chromedp.CSS(`#who`))); who != "lead-2" {
		t.Errorf("the page keeps the name %q", who)
	}
	if said := p.complaints(); len(said) != 0 {
		t.Errorf("the page complained: %q", said)
	}
}

func TestADeafStationIsNotQuiet(t *testing.T) {
	for _, tc := range []struct {
		name, tone, says, instead string
		make                      func(*fakeStation)
	}{
		{"link-down", "bad", "nothing is heard: 0 of 1 links up", "Nothing is heard", func(s *fakeStation) {
			s.links[0].Up, s.links[0].Error = false, "listen udp 127.0.0.1:14550: bind: address already in use: another program has the port, stop it or give the link another"
		}},
		{"no-link", "bad", "nothing is heard: no link is configured", "Nothing is heard", func(s *fakeStation) { s.links = nil }},
		{"unheard", "warn", "no drone is heard", "No drone is heard", func(s *fakeStation) {
			s.vehicles = []mavlink.VehicleView{
				{Name: "egret-1", System: 1, Known: true, Verified: true, State: "unheard"}, {Name: "egret-2", System: 2, Known: true, Verified: true, State: "unheard"},
			}
		}},
		{"lost", "bad", "no drone is heard", "No drone is heard", func(s *fakeStation) { s.vehicles[0].State = "lost" }},
		{"well", "good", "drones: 1 of 1 heard", "All quiet", func(*fakeStation) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, l := fakes()
			s.at, l.alerts, l.sightings = time.Now(), nil, nil
			tc.make(s)
			p := openScene(t, s, l, "/", nil)
			p.see(`#hearing.`+tc.tone, `.empty`)
			p.shot("deaf-"+tc.name, 1280, 800, "light")
			p.shot("deaf-"+tc.name+"-phone", 390, 844, "dark")
			if shown := p.text(`#hearing`); shown != tc.says {
				t.Errorf("the head says %q, want %q", shown, tc.says)
			}
			if shown := p.text(`#alerts`); !strings.HasPrefix(shown, tc.instead) {
				t.Errorf("the list says %q, want %q", shown, tc.instead)
			}
		})
	}
}

func TestAnOpenedAlertGivesItsPlaceAndShowsItOnTheMap(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/a/a-2", nil)
	p.see(`.alert.chosen .where a`, `.alert.chosen .line li`)
	if href, want := get(p, chromedp.Evaluate[string](`document.querySelector('.chosen .where a').getAttribute('href')`)), "geo:37.2175,111.9443;u=12"; href != want {
		t.Errorf("the link is %q, want %q", href, want)
	}
	p.shot("opened", 1280, 800, "dark")
	p.shot("opened-phone", 390, 844, "light")
	p.do(chromedp.Click(chromedp.CSS(`.chosen .where .go button`)))
	get(p, chromedp.Evaluate[bool](`new Promise((done) => {
		const look = () => document.querySelector('#map .sight.chosen').getBoundingClientRect().top < innerHeight ? done(true) : requestAnimationFrame(look);
		look();
	})`, chromedp.EvalAwaitPromise))
	p.shot("opened-map-phone", 390, 844, "light")
}

func TestTheMapSaysThatItLeavesZonesOut(t *testing.T) {
	s, l := fakes()
	zone := s.zones[strings.Index(s.zones, `[{`)+1 : strings.LastIndex(s.zones, `]`)]
	s.zones = strings.Replace(s.zones, zone, zone+strings.Repeat(","+zone, 3000), 1)
	p := openScene(t, s, l, "/", nil)
	p.see(`#left-out`)
	if shown := p.text(`#left-out`); !strings.Contains(shown, "3 000 of 3 001 zones") {
		t.Errorf("the map says %q", shown)
	}
}

func TestThePageShowsATransitionAtOnceAndLosesNoHalfWrittenNote(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/", nil)
	p.see(`.alert.high`, `#map circle.zone`)
	p.do(chromedp.Click(chromedp.CSS(`.alert .does button:not(.main)`)), chromedp.SendKeys(chromedp.CSS(`.alert textarea`), "by the willow"))
	p.shot("closing", 1280, 800, "light")
	l.store("transition", "a-new", strings.Replace(transition("a-new", 9), `"severity":"high"`, `"severity":"critical"`, 1), "")
	p.see(`.alert:first-child.critical.open`)
	if note := get(p, chromedp.Value(chromedp.CSS(`.alert textarea`))); note != "by the willow" {
		t.Errorf("the note is %q", note)
	}
	if first := p.text(`.alert:first-child .tags`); !strings.Contains(strings.ToLower(first), "critical") {
		t.Errorf("the first alert is %q", first)
	}
}

func TestThePageSaysThatItHasNoContactAndComesBack(t *testing.T) {
	s, l := scene(t)
	c := newConsole(t, s, l, nil)
	server := httptest.NewServer(c)
	address := server.Listener.Addr().String()
	p := browse(t, server.URL)
	p.see(`#contact.good`, `.alert`)
	server.CloseClientConnections()
	server.Close()
	p.see(`#contact.bad`)
	p.shot("no-contact", 1280, 800, "light")
	if shown := p.text("#contact"); !strings.HasPrefix(shown, "no contact for ") {
		t.Errorf("it says %q", shown)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewUnstartedServer(c)
	_ = server.Listener.Close()
	server.Listener = ln
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	p.see(`#contact.good`)
}

func TestThePageAsksForTheTokenAndSendsItAsAHeader(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/a/a-3", func(o *Options) { o.Token = "correct horse" })
	p.see(`#token`)
	p.shot("login", 1280, 800, "light")
	p.do(chromedp.SendKeys(chromedp.CSS(`#token`), "a guess\r"))
	p.see(`#login-error:not(:empty)`)
	if shown := p.text(`#login-error`); !strings.Contains(shown, "not the station") {
		t.Errorf("a wrong token: %q", shown)
	}
	p.do(chromedp.SendKeys(chromedp.CSS(`#token`), "correct horse\r"))
	p.see(`.alert.chosen.critical .line li`)
	p.shot("chosen", 1280, 800, "light")
	if at := get(p, chromedp.Location()); !strings.HasSuffix(at, "/a/a-3") {
		t.Errorf("the address is %s", at)
	}
}

func TestSomeoneMarksASightingOnTheMap(t *testing.T) {
	s, l := scene(t)
	p := openScene(t, s, l, "/", nil)
	p.see(`#map circle.zone`)
	p.do(chromedp.SendKeys(chromedp.CSS(`#who`), "Li Na\t"), chromedp.Click(chromedp.CSS(`#mark`)), chromedp.Click(chromedp.CSS(`#map`)))
	p.see(`#mark-send`)
	p.do(chromedp.SendKeys(chromedp.CSS(`#mark-note`), "two men <b>wading</b>"))
	p.shot("mark", 1280, 800, "light")
	p.do(chromedp.Click(chromedp.CSS(`#mark-send`)), chromedp.WaitNotVisible(chromedp.CSS(`#mark-box`)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.marks) != 1 || s.marks[0].By != "Li Na" || s.marks[0].Note != "two men <b>wading</b>" || s.marks[0].Kind != "person" {
		t.Fatalf("the station was told %+v", s.marks)
	}
	// The middle of the map is the middle of the zones.
	if at := s.marks[0]; at.Lat < 37.1 || at.Lat > 37.3 || at.Lon < 111.9 || at.Lon > 112.05 {
		t.Errorf("the mark lies at %v %v", at.Lat, at.Lon)
	}
}

// shot keeps a picture of the page in the folder that RIVERWATCH_SHOTS names, for people to look at; without it, it
// only lays the page out in that size.
func (p *tab) shot(name string, width, height int64, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
	get(p, chromedp.Evaluate[bool](`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise))
	dir := os.Getenv("RIVERWATCH_SHOTS")
	if dir == "" {
		return
	}
	pictures := map[string][]byte{name: get(p, chromedp.CaptureScreenshot())}
	if width < 600 {
		pictures[name+"-whole"] = get(p, chromedp.FullScreenshot(100))
	}
	for name, picture := range pictures {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}
