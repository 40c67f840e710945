package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/bluenviron/gomavlib/v3/pkg/dialect"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/frame"

	"riverwatch/internal/sim"
	"riverwatch/mavlink"
)

// benchWire splits and verifies a stream of frames, as a link does, beside gomavlib's reader, which decodes them too.
func benchWire(ctx context.Context, b *bench) error {
	patrol := sim.Ciyao(time.Date(2026, 11, 23, 7, 50, 0, 0, time.UTC))
	patrol.Length = 5 * time.Minute
	var stream []byte
	frames := 0
	for step := range patrol.Steps() {
		stream = append(stream, step.Raw...)
		frames++
	}
	rw := &dialect.ReadWriter{Dialect: all.Dialect}
	if err := rw.Initialize(); err != nil {
		return err
	}
	ours := side{"riverwatch", func(n int) (int, error) {
		var s mavlink.Splitter
		for range n {
			s.Feed(stream, func([]byte, mavlink.Verdict) {})
		}
		if s.Tally.Frames != uint64(n*frames) {
			return 0, fmt.Errorf("split %d of %d frames", s.Tally.Frames, n*frames)
		}
		return n * frames, nil
	}}
	gomavlib := side{"gomavlib, decoding", func(n int) (int, error) {
		for range n {
			in := &frame.Reader{BufByteReader: bufio.NewReader(bytes.NewReader(stream)), DialectRW: rw}
			if err := in.Initialize(); err != nil {
				return 0, err
			}
			for range frames {
				if _, err := in.Read(); err != nil {
					return 0, err
				}
			}
		}
		return n * frames, nil
	}}
	return b.compare(ctx, "split and verify a frame of a stream", ours, gomavlib, 25)
}
