package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"riverwatch/mavlink"
)

// Info is what is in one log. Its JSON is the line of `info --output json`.
type Info struct {
	File          string         `json:"file"`
	Frames        uint64         `json:"frames"`         // verified
	BadFrames     uint64         `json:"bad_frames"`     // wrong CRC, right length
	UnknownFrames uint64         `json:"unknown_frames"` // ids outside the dialect
	SkippedBytes  uint64         `json:"skipped_bytes"`
	TrailingBytes uint64         `json:"trailing_bytes"`
	ClockSteps    uint64         `json:"clock_steps"`
	Start         string         `json:"start"` // UTC, with µs; "" where there is no frame
	End           string         `json:"end"`
	Systems       []SystemCount  `json:"systems"`  // verified frames, by system, then component
	Messages      []MessageCount `json:"messages"` // verified frames, by id
	Bounds        *Bounds        `json:"bounds"`   // of the positions on Earth that are not 0/0; null without any
}

// SystemCount counts the frames of one sender.
type SystemCount struct {
	System    uint8  `json:"system"`
	Component uint8  `json:"component"`
	Frames    uint64 `json:"frames"`
}

// MessageCount counts the frames of one message.
type MessageCount struct {
	ID     uint32 `json:"id"`
	Name   string `json:"name"`
	Frames uint64 `json:"frames"`
}

// Bounds is the box around positions, degrees (WGS-84).
type Bounds struct {
	South float64 `json:"south"`
	West  float64 `json:"west"`
	North float64 `json:"north"`
	East  float64 `json:"east"`
}

const msgGlobalPositionInt = 33

// Inspect reads a log or a session's log through and says what is in it. Times are those of the straightened clock
// (see Info.ClockSteps); a session's are as recorded. What is no flight log gives a [NotALogError].
func Inspect(path string) (Info, error) {
	s := &source{path: path, pool: new(pool), foreign: true}
	if _, err := s.peek(); err != nil {
		return Info{}, err
	}
	if err := s.open(); err != nil {
		return Info{}, err
	}
	defer s.close()
	s.whole = true
	var (
		info     = Info{File: path, Systems: []SystemCount{}, Messages: []MessageCount{}}
		senders  [1 << 16]uint64
		messages = make(map[uint32]uint64)
		start    = int64(-1)
		end      int64
		box      box
		f        = &s.frame
	)
	for {
		err := s.advance(f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Info{}, err
		}
		if start < 0 {
			start = f.At
		}
		end = f.At
		if !s.known {
			continue
		}
		senders[uint16(f.SysID)<<8|uint16(f.CompID)]++
		messages[f.MsgID]++
		if f.MsgID == msgGlobalPositionInt {
			p := mavlink.ReadGlobalPositionInt(mavlink.Payload(f.Raw))
			box.add(p.Lat, p.Lon)
		}
	}
	st := s.stats()
	info.Frames, info.BadFrames, info.UnknownFrames = st.Frames, st.Bad, st.Unknown
	info.SkippedBytes, info.TrailingBytes, info.ClockSteps = st.SkippedBytes, st.TrailingBytes, st.ClockSteps
	if start >= 0 {
		info.Start, info.End = formatTime(start), formatTime(end)
	}
	for i, n := range &senders {
		if n > 0 {
			info.Systems = append(info.Systems, SystemCount{uint8(i >> 8), uint8(i), n})
		}
	}
	for id, n := range messages {
		info.Messages = append(info.Messages, MessageCount{id, mavlink.MessageName(id), n})
	}
	slices.SortFunc(info.Messages, func(a, b MessageCount) int { return cmp.Compare(a.ID, b.ID) })
	info.Bounds = box.bounds()
	return info, nil
}

// Text is the information for a person, several lines.
func (i Info) Text() string {
	var b strings.Builder
	fmt.Fprintln(&b, i.File)
	if i.Start != "" {
		start, _ := time.Parse(time.RFC3339Nano, i.Start)
		end, _ := time.Parse(time.RFC3339Nano, i.End)
		fmt.Fprintf(&b, "  from %s to %s (%s)", i.Start, i.End, end.Sub(start))
		if i.ClockSteps > 0 {
			fmt.Fprintf(&b, ", %d clock steps taken out", i.ClockSteps)
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintf(&b, "  %d frames, %d with a wrong CRC, %d of unknown ids\n", i.Frames, i.BadFrames, i.UnknownFrames)
	fmt.Fprintf(&b, "  %d bytes skipped between records, %d after the last\n", i.SkippedBytes, i.TrailingBytes)
	if i.Bounds != nil {
		fmt.Fprintf(&b, "  bounds: %.7f %.7f to %.7f %.7f (lat lon)\n", i.Bounds.South, i.Bounds.West, i.Bounds.North, i.Bounds.East)
	}
	for _, s := range i.Systems {
		fmt.Fprintf(&b, "  %10d  system %d component %d\n", s.Frames, s.System, s.Component)
	}
	for _, m := range i.Messages {
		fmt.Fprintf(&b, "  %10d  %d %s\n", m.Frames, m.ID, m.Name)
	}
	return b.String()
}

// box grows around positions.
type box struct {
	any                      bool
	south, west, north, east int32
}

func (x *box) add(lat, lon int32) {
	switch {
	case lat == 0 && lon == 0, lat < -90e7, lat > 90e7, lon < -180e7, lon > 180e7: // nowhere on Earth
	case !x.any:
		*x = box{true, lat, lon, lat, lon}
	default:
		x.south, x.north = min(x.south, lat), max(x.north, lat)
		x.west, x.east = min(x.west, lon), max(x.east, lon)
	}
}

func (x *box) bounds() *Bounds {
	if !x.any {
		return nil
	}
	return &Bounds{float64(x.south) / 1e7, float64(x.west) / 1e7, float64(x.north) / 1e7, float64(x.east) / 1e7}
}
