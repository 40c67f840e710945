package mavlink

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pressPlan has every source on for every vehicle.
func pressPlan() *FleetPlan {
	p := testPlan()
	p.Vehicles[1].Sources = nil
	p.Sources = sortedSources(Sources())
	p.Own = DefaultOwnID
	p.Options = SourceOptions{
		StatusText: &StatusTextOptions{Pattern: `(?i)\bsighting (?P<count>\d+)( (?P<kind>[a-z]+))?`, Kind: "person"},
		RCSwitch:   &RCSwitchOptions{Channel: 7, Edge: EdgeHigh, DebounceUS: 200_000, Kind: "person"},
		Button:     &ButtonOptions{Button: 2, Kind: "person"},
		NamedValue: &NamedValueOptions{Name: "SIGHT", Kind: "person"},
	}
	p.Commands = []CommandSender{{Name: "post", System: 255, Component: 190}}
	return p
}

// fixtureFrame is a frame of testdata/presses.txt, ms after the vehicle's boot.
type fixtureFrame struct {
	ms  int64
	raw []byte
}

// scene is a press of testdata/presses.txt.
type scene struct {
	source, title string
	frames        []fixtureFrame
	want          string
}

func scenes(t testing.TB) (all []scene) {
	file, err := os.Open("testdata/presses.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case words[0] == "press":
			all = append(all, scene{source: words[1], title: strings.Join(words[2:], " ")})
		case words[0] == "=":
			all[len(all)-1].want = line[2:]
		default:
			ms, err := strconv.ParseInt(words[0], 10, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			raw, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if v := Check(raw); v != Good {
				t.Fatalf("%q is %v", line, v)
			}
			s := &all[len(all)-1]
			s.frames = append(s.frames, fixtureFrame{ms, raw})
		}
	}
	return all
}

func TestEachPressByteByByteIsOneSightingAtItsPlaceAndTime(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range scenes(t) {
		seen[sc.source] = true
		t.Run(sc.source+" "+sc.title, func(t *testing.T) {
			x := newField(t, pressPlan())
			x.hover(1, 60)
			x.told = News{}
			for _, fr := range sc.frames {
				at := fieldStart + (fr.ms-60_000)*1000
				for x.at+500_000 < at { // the vehicle goes on hovering
					x.at += 500_000
					x.send(1, 1, copter(true))
					x.send(1, 1, goodGPS())
					x.send(1, 1, x.position(0, 0, 60))
				}
				x.at = at
				f := Parse(fr.raw)
				f.At = at
				x.last.Reset()
				x.fleet.Advance(at, &x.last)
				x.fleet.Apply(&f, &x.last)
				x.keep()
			}
			x.wait(5e9)
			if len(x.told.Evidence) == 0 {
				t.Fatalf("no sighting; rejected %v", x.told.Rejected)
			}
			best := x.told.Evidence[0]
			for _, e := range x.told.Evidence {
				if e.Key != x.told.Evidence[0].Key {
					t.Errorf("keys %+v and %+v: two sightings", x.told.Evidence[0].Key, e.Key)
				}
				if e.Seen.Source == TimeBoot && best.Seen.Source != TimeBoot { // a text has no time of its own
					best = e
				}
			}
			got := fmt.Sprint(60_000+(best.Seen.At-fieldStart)/1000, " - -")
			if best.Located {
				got = fmt.Sprint(60_000+(best.Seen.At-fieldStart)/1000, " ", best.LatE7, " ", best.LonE7)
			}
			got += fmt.Sprintf(" %s %s %d", best.Basis, best.Kind, best.Count)
			if got != sc.want {
				t.Errorf("got  %s\nwant %s\nof %+v", got, sc.want, x.told.Evidence)
			}
			if best.Source != Source(sc.source) || !best.Verified || best.Located && (best.CE90DM < minTargetDM || best.CE90DM > maxAroundDM) {
				t.Errorf("%+v", best)
			}
		})
	}
	for _, s := range Sources() {
		if !seen[string(s)] && s != SourceMark {
			t.Errorf("no press of %s", s)
		}
	}
}

func TestCopiesOfEachPressOverASecondLinkAreTheSameSighting(t *testing.T) {
	for _, sc := range scenes(t) {
		for _, late := range []int64{0, 1_200_000} {
			x := newField(t, pressPlan())
			x.hover(1, 60)
			x.told = News{}
			type arrival struct {
				at  int64
				raw []byte
			}
			var all []arrival
			for _, fr := range sc.frames {
				at := fieldStart + (fr.ms-60_000)*1000
				all = append(all, arrival{at, fr.raw}, arrival{at + late, fr.raw})
			}
			slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
			for _, a := range all {
				f := Parse(a.raw)
				x.at, f.At = a.at, a.at
				x.last.Reset()
				x.fleet.Advance(x.at, &x.last)
				x.fleet.Apply(&f, &x.last)
				x.keep()
			}
			x.wait(5e9)
			keys := map[EvidenceKey]bool{}
			for _, e := range x.told.Evidence {
				keys[e.Key] = true
			}
			if len(keys) != 1 {
				t.Errorf("%s %s, copies %d ms later: %d sightings: %+v", sc.source, sc.title, late/1000, len(keys), x.told.Evidence)
			}
		}
	}
}
