package replay

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/bluenviron/gomavlib/v3/pkg/dialect"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/tlog"

	"riverwatch/mavlink"
)

// benchLog is a real flight, 28,537 frames of 61 messages.
func benchLog(b *testing.B) (path string, data []byte) {
	b.Helper()
	path = needData(b, "tlog/sitl_yanwu_patrol.tlog")
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return path, data
}

// BenchmarkRead compares this package with gomavlib's reader, which also decodes each message and does not take its
// place again after a byte too many.
func BenchmarkRead(b *testing.B) {
	path, data := benchLog(b)
	mavlink.Known(0) // has the dialect made
	perFrame := func(b *testing.B, frames int) {
		b.Helper()
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
	}
	b.Run("records", func(b *testing.B) {
		b.ReportAllocs()
		p, frames := new(pool), 0
		for b.Loop() {
			s := newScanner(bytes.NewReader(data), p)
			var f mavlink.Frame
			for {
				if _, err := s.next(&f); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				frames++
			}
			s.close()
		}
		perFrame(b, frames)
	})
	b.Run("batches", func(b *testing.B) {
		b.ReportAllocs()
		frames := 0
		for b.Loop() {
			r, err := Open(ReaderOptions{Paths: []string{path}})
			if err != nil {
				b.Fatal(err)
			}
			for {
				batch, err := r.Next(context.Background())
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				frames += len(batch.Frames)
				batch.Release()
			}
		}
		perFrame(b, frames)
	})
	b.Run("gomavlib", func(b *testing.B) {
		rw := &dialect.ReadWriter{Dialect: all.Dialect}
		if err := rw.Initialize(); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		frames := 0
		for b.Loop() {
			r := &tlog.Reader{ByteReader: bytes.NewReader(data), DialectRW: rw}
			if err := r.Initialize(); err != nil {
				b.Fatal(err)
			}
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				frames++
			}
		}
		perFrame(b, frames)
	})
}
