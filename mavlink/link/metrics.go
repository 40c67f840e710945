package link

import "github.com/prometheus/client_golang/prometheus"

// collector shows the counters that the listener keeps anyway, so that counting a frame costs no look-up of a label,
// and every series is there from the start.
type collector struct {
	l                                                   *Listener
	frames, errors, dropped, skipped, buffer, up, queue *prometheus.Desc
}

func newCollector(l *Listener) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("riverwatch_"+name, help, labels, nil)
	}
	return &collector{
		l:       l,
		frames:  desc("frames_total", "Frames received whose checksum holds, queued or not.", "link"),
		errors:  desc("frame_errors_total", "Frames refused, by reason; those of an unknown id are recorded all the same.", "link", "reason"),
		dropped: desc("frames_dropped_total", "Good frames lost, by reason; of reason kernel, datagrams.", "link", "reason"),
		skipped: desc("skipped_bytes_total", "Bytes received that belong to no frame.", "link"),
		buffer:  desc("socket_buffer_bytes", "Size of the receive buffer that the kernel granted, 0 where there is none.", "link"),
		up:      desc("link_up", "1 while the link is open.", "link"),
		queue:   desc("queue_frames", "Frames that wait for the fold."),
	}
}

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.frames, c.errors, c.dropped, c.skipped, c.buffer, c.up, c.queue} {
		out <- d
	}
}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, ln := range c.l.lines {
		name := ln.cfg.Name
		send(c.frames, prometheus.CounterValue, float64(ln.counters.frames.Load()), name)
		send(c.skipped, prometheus.CounterValue, float64(ln.counters.skipped.Load()), name)
		for r := range ln.counters.by {
			d := c.errors
			if reason(r) >= lostQueue {
				d = c.dropped
			}
			send(d, prometheus.CounterValue, float64(ln.counters.by[r].Load()), name, reasonNames[r])
		}
		st := ln.status()
		up := 0.0
		if st.Up {
			up = 1
		}
		send(c.up, prometheus.GaugeValue, up, name)
		send(c.buffer, prometheus.GaugeValue, float64(st.BufferBytes), name)
	}
	send(c.queue, prometheus.GaugeValue, float64(c.l.queue.length()))
}
