package geofence

import "math"

// circleRing is a closed ring of n corners around c.
func circleRing(c Point, radiusDM float64, n int) []Point {
	f := newFrame(c)
	ring := make([]Point, 0, n+1)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		ring = append(ring, moved(&f, radiusDM*sin, radiusDM*cos))
	}
	return append(ring, ring[0])
}

// moved is the frame's point moved by decimetres east and north.
func moved(f *frame, east, north float64) Point {
	return Point{f.p.LatE7 + int32(math.Round(north/f.ky)), f.p.LonE7 + int32(math.Round(east/f.kx))}
}

// offsetM is p moved by metres east and north.
func offsetM(p Point, east, north float64) Point {
	f := newFrame(p)
	return moved(&f, east*10, north*10)
}
