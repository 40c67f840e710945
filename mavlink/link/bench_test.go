package link

import (
	"context"
	"fmt"
	"net"
	"testing"

	"riverwatch/mavlink"
)

// BenchmarkAdmit is datagrams of ten frames from splitter to queue, of vehicles in turn, each from an address of its own.
func BenchmarkAdmit(b *testing.B) {
	b.Run("a vehicle", func(b *testing.B) { benchmarkAdmit(b, 1) })
	b.Run("100 vehicles", func(b *testing.B) { benchmarkAdmit(b, 100) })
}

func benchmarkAdmit(b *testing.B, vehicles int) {
	l, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID, OneShot: isText})
	if err != nil {
		b.Fatal(err)
	}
	sources, datagrams := make([]*source, vehicles), make([][]byte, vehicles)
	for v := range vehicles {
		sources[v] = newSource(l.lines[0], fmt.Sprintf("192.0.2.%d:1", 1+v))
		for i := range uint8(10) {
			datagrams[v] = append(datagrams[v], heartbeat(uint8(1+v), i)...)
		}
	}
	b.ReportAllocs()
	frames := 0
	for i := 0; b.Loop(); i++ {
		sources[i%vehicles].datagram(datagrams[i%vehicles], l.clock.stamp())
		if frames += 10; frames%1000 == 0 {
			batch, err := l.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
}

// BenchmarkAdmitAlternating is the same for drones that are each heard over two links in turn: every frame brings an
// origin frame along.
func BenchmarkAdmitAlternating(b *testing.B) {
	l, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}, {Name: "radio", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID, OneShot: isText})
	if err != nil {
		b.Fatal(err)
	}
	sources := []*source{newSource(l.lines[0], "192.0.2.1:1"), newSource(l.lines[1], "192.0.2.2:1")}
	var datagram []byte
	for i := range uint8(10) {
		datagram = append(datagram, heartbeat(1+i, i)...)
	}
	b.ReportAllocs()
	frames := 0
	for i := 0; b.Loop(); i++ {
		sources[i%2].datagram(datagram, l.clock.stamp())
		if frames += 10; frames%1000 == 0 {
			batch, err := l.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
}

// BenchmarkUDP is datagrams of one frame over the loopback, sender included.
func BenchmarkUDP(b *testing.B) {
	l, err := New(Options{Links: []Config{{Name: "field", UDP: "127.0.0.1:0"}}, Own: mavlink.DefaultOwnID})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	defer func() { stop(); <-done }()
	<-l.Ready()
	c, err := net.Dial("udp", l.Addrs()["field"])
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	raw := heartbeat(1, 0)
	b.ReportAllocs()
	sent, got := 0, 0
	for b.Loop() {
		send(b, c, raw)
		sent++
		for sent-got >= 1000 { // never so far ahead that the kernel drops any
			batch, err := l.Next(ctx)
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range batch.Frames {
				if f.Origin != mavlink.OriginOwn {
					got++
				}
			}
			batch.Release()
		}
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "datagrams/s")
}
