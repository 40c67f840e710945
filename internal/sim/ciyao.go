package sim

import (
	"math"
	"time"
)

// Ciyao is the patrol of the demo: egret-1 to egret-3, systems 1 to 3, up and down three stretches of the Ciyao river
// between Fenyang and Pingyao, by the illustrative course and gates of configs/ciyao.geojson. Two are on their way when
// it starts, the third takes off. Their pilots tag someone at a gate after three seconds, then at another gate, at the
// first one again (one incident), on the bank, far from everything, and a camera follows someone along the bank.
func Ciyao(start time.Time) Plan {
	var (
		gate1  = Point{Lat: 37.27400, Lon: 112.00500}
		gate5  = Point{Lat: 37.24000, Lon: 111.95000}
		gate6  = Point{Lat: 37.21844, Lon: 111.94533}
		bend   = Point{Lat: 37.26800, Lon: 112.00800} // of the river below gate 1
		reach  = Point{Lat: 37.21754, Lon: 111.94410} // of the river, 150 m below gate 6
		aloft  = armedFor + 20*time.Second            // how long they take to be up at 60 m
		demoed = func(system uint8, name string, ahead time.Duration, route ...Point) Drone {
			return Drone{
				System: system, Name: name, Route: route, SpeedMS: 8, AltM: 60, GroundM: 745,
				Laps: 1, Rest: 90 * time.Second, Ahead: ahead,
			}
		}
	)
	return Plan{
		Start: start,
		Drones: []Drone{
			demoed(1, "egret-1", aloft, gate1, bend, Point{37.266, 111.995}, Point{37.271, 111.985}, Point{37.271, 111.974}, Point{37.258, 111.971}),
			demoed(2, "egret-2", aloft, gate5, Point{37.246, 111.935}, Point{37.255, 111.936}, Point{37.255, 111.950}),
			demoed(3, "egret-3", -5*time.Second, gate6, Point{37.216, 111.942}, Point{37.204, 111.941}, Point{37.190, 111.942}),
		},
		Tags: []Tag{
			{System: 1, After: 3 * time.Second, At: gate1.offset(12, 34)},
			{System: 2, After: 12 * time.Second, At: gate5.offset(-10, 5)},
			{System: 1, After: 25 * time.Second, At: gate1.offset(20, 41)},
			{System: 3, After: 45 * time.Second, At: reach.offset(-12, 15)},
			{System: 2, After: 60 * time.Second, At: gate5.offset(900, -250)},
			{System: 1, After: 90 * time.Second, At: bend.offset(-6, 18), Source: Tracking},
		},
	}
}

// offset is the point so many metres north and east of p.
func (p Point) offset(north, east float64) Point {
	return Point{Lat: p.Lat + north/metresPerDegree, Lon: p.Lon + east/(metresPerDegree*math.Cos(p.Lat*math.Pi/180))}
}
