package mavlink

import (
	"testing"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
)

func TestPressesThatWereNeverHeardAreToldOnce(t *testing.T) {
	at := func(n int) (lat, lon int32) { return away(homeLat, homeLon, float64(20*n), 0) }
	for name, c := range map[string]struct {
		heard string // by their number: a feedback by its digit, a text by its letter (a is press 1); space: 4 s, _: 31 s
		want  []uint32
	}{
		"all":                        {"a1b2c3", nil},
		"one lost":                   {"a1 c3", []uint32{1}},
		"copies":                     {"1133113", []uint32{1}},
		"heard as a text only":       {"a1 b c3", nil},
		"one of two lost":            {"a1 b d4", []uint32{1}},
		"texts at the end":           {"1 b c d4", nil},
		"feedback before its text":   {"1a 2b 4d", []uint32{1}},
		"only texts, then feedback":  {"a b c 3", nil},
		"the first heard is the 5th": {"5 6", nil},
		"overtaken":                  {"1 3 2 4", []uint32{1}}, // told before the late one came
		"the script begins anew":     {"5 6 _ 1 2", nil},
		"and then loses one":         {"5 6 _ 1 3", []uint32{1}},
	} {
		x := newField(t, testPlan())
		x.hover(1, 60)
		for _, c := range c.heard {
			switch {
			case c == ' ':
				x.wait(4 * time.Second)
			case c == '_':
				x.wait(31 * time.Second)
			case c >= 'a':
				lat, lon := at(int(c - 'a' + 1))
				x.send(1, 1, text("POI "+e7(lat)+", "+e7(lon)+", 690.00 (asml)"))
			default:
				lat, lon := at(int(c - '0'))
				x.send(1, 1, pressed(uint16(c-'0'), lat, lon))
			}
			if c != ' ' {
				x.send(1, 1, x.position(0, 0, 60))
			}
		}
		lost(t, name, x, SourcePOIScript, c.want)
	}

	x := newField(t, testPlan())
	x.hover(1, 60)
	for _, n := range []uint16{65534, 65535, 0, 1, 3, 1600} {
		x.wait(4 * time.Second)
		x.send(1, 1, pressed(n, homeLat+int32(n), homeLon))
	}
	lost(t, "a wrap, a loss, and a new beginning far off", x, SourcePOIScript, []uint32{1})
}

func e7(n int32) string {
	s := []byte{}
	for i := range 10 {
		if i == 7 {
			s = append(s, '.')
		}
		s = append(s, byte('0'+n%10))
		n /= 10
	}
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
	return string(s)
}

func lost(t *testing.T, name string, x *field, source Source, want []uint32) {
	t.Helper()
	var got []uint32
	for _, l := range x.told.LostTags {
		if got = append(got, l.N); l.Source != source || l.Vehicle == "" || l.At == 0 || l.Track == 0 {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: lost %d, want %d", name, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: lost %d, want %d", name, got, want)
		}
	}
}

func TestPhotosThatWereNeverHeardAreToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		indexes []int32
		lost    []uint32
		photos  int
	}{
		"all":                       {[]int32{7, 8, 9}, nil, 3},
		"two lost":                  {[]int32{7, 10, 11}, []uint32{2}, 3},
		"copies":                    {[]int32{7, 7, 9, 9, 7}, []uint32{1}, 4},
		"overtaken":                 {[]int32{7, 9, 8, 10}, []uint32{1}, 4},
		"old ones sent again":       {[]int32{7, 8, 9, 1, 2, 7}, nil, 3},
		"far ahead":                 {[]int32{7, 2000, 2001}, nil, 3},
		"failed ones are none lost": {[]int32{7, -8, 9}, nil, 2},
		"far behind":                {[]int32{100, 150, 117, 118, 119}, []uint32{49}, 4}, // only the last 32 are known
	} {
		x := newField(t, testPlan())
		for i, n := range c.indexes {
			m := &all.MessageCameraImageCaptured{CameraId: 1, Lat: homeLat, Lon: homeLon, ImageIndex: n, CaptureResult: 1}
			if n < 0 {
				m.ImageIndex, m.CaptureResult = -n, 0
			}
			x.send(2, 100, m)
			if i > 0 && i == len(c.indexes)-1 {
				x.wait(time.Second)
			}
		}
		lost(t, name, x, SourcePhoto, c.lost)
		if len(x.told.Evidence) != c.photos {
			t.Errorf("%s: %d photos, want %d", name, len(x.told.Evidence), c.photos)
		}
	}

	x := newField(t, testPlan())
	x.send(1, 1, &all.MessageCameraImageCaptured{ImageIndex: 1, CaptureResult: 1, Lat: homeLat})
	x.send(1, 1, &all.MessageCameraImageCaptured{ImageIndex: 5, CaptureResult: 1, Lat: homeLat})
	x.send(1, 1, &all.MessageCameraImageCaptured{ImageIndex: 9, CaptureResult: 0, Lat: homeLat})
	lost(t, "photos do not count", x, SourcePhoto, nil)

	const noon = fieldStart
	x = newField(t, testPlan())
	for i, n := range []int32{500, 501, 1, 2, 501} { // the camera was switched off and on; and then its last old photo again
		taken := uint64(noon + 1_000_000*i)
		if i == 4 {
			taken = noon + 1_000_000
		}
		x.send(2, 100, &all.MessageCameraImageCaptured{ImageIndex: n, CaptureResult: 1, Lat: homeLat, Lon: homeLon, TimeUtc: taken})
		x.wait(time.Second)
	}
	lost(t, "a camera that begins anew", x, SourcePhoto, []uint32{})
	if n := len(x.told.Evidence); n != 4 {
		t.Errorf("a camera that begins anew: %d photos", n)
	}
}
