package geofence

import (
	"math"
	"slices"
)

// box is a rectangle in degrees x 1e7, edges included.
type box struct{ minLat, minLon, maxLat, maxLon int32 }

// noBox is the empty box: joined with another it gives the other.
func noBox() box { return box{math.MaxInt32, math.MaxInt32, math.MinInt32, math.MinInt32} }

func pointBox(p Point) box { return box{p.LatE7, p.LonE7, p.LatE7, p.LonE7} }

func segmentBox(a, b Point) box {
	return box{min(a.LatE7, b.LatE7), min(a.LonE7, b.LonE7), max(a.LatE7, b.LatE7), max(a.LonE7, b.LonE7)}
}

func (b box) join(c box) box {
	return box{min(b.minLat, c.minLat), min(b.minLon, c.minLon), max(b.maxLat, c.maxLat), max(b.maxLon, c.maxLon)}
}

func (b box) overlaps(c box) bool {
	return b.minLat <= c.maxLat && c.minLat <= b.maxLat && b.minLon <= c.maxLon && c.minLon <= b.maxLon
}

// grow is b with everything that lies within dm decimetres of it, and a little more.
func (b box) grow(dm float64) box {
	far := max(math.Abs(float64(b.minLat)), math.Abs(float64(b.maxLat)))
	dLat := dm*(1.02*e7/1_105_000) + 2 // a degree of latitude is at least 110.5 km
	far = min(far+dLat, 89.9*e7)
	dLon := dLat / math.Cos(far/e7*(math.Pi/180))
	clamp := func(v float64) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, v))) }
	return box{clamp(float64(b.minLat) - dLat), clamp(float64(b.minLon) - dLon),
		clamp(float64(b.maxLat) + dLat), clamp(float64(b.maxLon) + dLon)}
}

// nearer2 is a lower bound for the square of the distance from the frame's point to anything in b. It is taken 2 %
// short: the frame's radii change by less than that over the distances at which anything is decided (350 km at 37
// degrees, 20 km at 85).
func (f *frame) nearer2(b *box) float64 {
	var x, y float64
	if f.p.LonE7 < b.minLon {
		x = float64(b.minLon) - float64(f.p.LonE7)
	} else if f.p.LonE7 > b.maxLon {
		x = float64(f.p.LonE7) - float64(b.maxLon)
	}
	if f.p.LatE7 < b.minLat {
		y = float64(b.minLat) - float64(f.p.LatE7)
	} else if f.p.LatE7 > b.maxLat {
		y = float64(f.p.LatE7) - float64(b.maxLat)
	}
	x, y = x*f.kx, y*f.ky
	return (x*x + y*y) * (0.98 * 0.98)
}

// fan is how many boxes of one level a box of the next holds, and how many segments a box of the lowest.
const fan = 8

// pyramid is a packed R-tree: level 0 holds the boxes of the leaves in their order, each box of a further level the
// union of fan boxes below it. It is as good as the order of its leaves: along a line they are good by nature, zones
// are put along a Hilbert curve.
type pyramid [][]box

func newPyramid(leaves []box) pyramid {
	p := pyramid{leaves}
	for len(leaves) > fan {
		up := make([]box, 0, (len(leaves)+fan-1)/fan)
		for run := range slices.Chunk(leaves, fan) {
			b := noBox()
			for _, c := range run {
				b = b.join(c)
			}
			up = append(up, b)
		}
		p, leaves = append(p, up), up
	}
	return p
}

// walk is a stack of boxes still to be opened, each a level in the upper four bits and an index. A pyramid over all
// that 28 bits can count has 10 levels and so leaves at most 80 boxes waiting.
type walk struct {
	n     int
	items [96]uint32
}

func (w *walk) push(level, i int) { w.items[w.n] = uint32(level)<<28 | uint32(i); w.n++ }

func (w *walk) pop() (level, i int) {
	w.n--
	return int(w.items[w.n] >> 28), int(w.items[w.n] & (1<<28 - 1))
}

// start puts the boxes of the top level on the stack.
func (p pyramid) start(w *walk) {
	w.n = 0
	top := len(p) - 1
	for i := len(p[top]) - 1; i >= 0; i-- {
		w.push(top, i)
	}
}

// open puts the boxes below box i of a level above 0 on the stack.
func (p pyramid) open(w *walk, level, i int) {
	for c := min((i+1)*fan, len(p[level-1])) - 1; c >= i*fan; c-- {
		w.push(level-1, c)
	}
}

// near puts boxes lo to hi of a level on the stack, those that may hold something nearer than the root of limit2: the
// nearest on top, for what it holds closes most of the others.
func (p pyramid) near(w *walk, level, lo, hi int, f *frame, limit2 float64) {
	var bounds [fan]float64
	top, boxes := 0, p[level][lo:hi]
	for c := range boxes {
		if bounds[c] = f.nearer2(&boxes[c]); bounds[c] < bounds[top] {
			top = c
		}
	}
	if bounds[top] >= limit2 {
		return
	}
	for c := range boxes {
		if c != top && bounds[c] < limit2 {
			w.push(level, lo+c)
		}
	}
	w.push(level, lo+top)
}

// startNear and openNear are start and open, nearest on top.
func (p pyramid) startNear(w *walk, f *frame, limit2 float64) {
	w.n = 0
	top := len(p) - 1
	p.near(w, top, 0, len(p[top]), f, limit2)
}

func (p pyramid) openNear(w *walk, level, i int, f *frame, limit2 float64) {
	p.near(w, level-1, i*fan, min((i+1)*fan, len(p[level-1])), f, limit2)
}

// overlapping appends to out the leaves whose boxes meet b, in their order.
func (p pyramid) overlapping(b box, out []int32) []int32 {
	var w walk
	for p.start(&w); w.n > 0; {
		level, i := w.pop()
		switch {
		case !p[level][i].overlaps(b):
		case level == 0:
			out = append(out, int32(i))
		default:
			p.open(&w, level, i)
		}
	}
	return out
}

// alongHilbert orders boxes by the place of their middles on a Hilbert curve over all of them, so that neighbours in
// the order are neighbours on the ground.
func alongHilbert(boxes []box) []int32 {
	all := noBox()
	for _, b := range boxes {
		all = all.join(b)
	}
	width, height := int64(all.maxLon)-int64(all.minLon)+1, int64(all.maxLat)-int64(all.minLat)+1
	keys := make([]uint64, len(boxes))
	for i, b := range boxes {
		x := ((int64(b.minLon)+int64(b.maxLon))/2 - int64(all.minLon)) << 16 / width
		y := ((int64(b.minLat)+int64(b.maxLat))/2 - int64(all.minLat)) << 16 / height
		keys[i] = uint64(hilbert(uint32(x), uint32(y)))<<32 | uint64(i)
	}
	slices.Sort(keys)
	order := make([]int32, len(boxes))
	for i, k := range keys {
		order[i] = int32(uint32(k))
	}
	return order
}

// hilbert is the place of a cell of a 65536 x 65536 grid on the Hilbert curve over it (the usual loop, as in
// en.wikipedia.org/wiki/Hilbert_curve, xy2d).
func hilbert(x, y uint32) uint32 {
	var d uint32
	for s := uint32(1 << 15); s > 0; s >>= 1 {
		var rx, ry uint32
		if x&s != 0 {
			rx = 1
		}
		if y&s != 0 {
			ry = 1
		}
		d += s * s * ((3 * rx) ^ ry)
		if ry == 0 {
			if rx == 1 {
				x, y = 1<<16-1-x, 1<<16-1-y
			}
			x, y = y, x
		}
	}
	return d
}
