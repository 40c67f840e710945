package link

import "github.com/prometheus/client_golang/prometheus"

// collector shows the counters that the listener keeps anyway, so that counting a frame costs no look-up of a label,
// and every series is there from the start.
type collector struct {
	l                                                   *Listener
	frames, errors, dropped, skipped, buffer, up, queue *prometheus.Desc
	radio                                               [7]*prometheus.Desc
}

func newCollector(l *Listener) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("riverwatch_"+name, help, labels, nil)
	}
	return &collector{
		l:       l,
		frames:  desc("frames_total", "Frames received whose checksum holds, queued or not.", "link"),
		errors:  desc("frame_errors_total", "Frames refused, by reason; those of an unknown id are recorded all the same. A router that mirrors one signed stream to two links makes the second copy of each frame 'replayed'.", "link", "reason"),
		dropped: desc("frames_dropped_total", "Good frames lost, by reason; of reason kernel, datagrams.", "link", "reason"),
		skipped: desc("skipped_bytes_total", "Bytes received that belong to no frame.", "link"),
		buffer:  desc("socket_buffer_bytes", "Size of the receive buffer that the kernel granted, 0 where there is none.", "link"),
		up:      desc("link_up", "1 while the link is open.", "link"),
		queue:   desc("queue_frames", "Frames that wait for the fold."),
		radio: [...]*prometheus.Desc{
			desc("radio_rssi", "Signal that the link's radio hears, in its own units; absent where it told none within the last minute.", "link"),
			desc("radio_remote_rssi", "Signal that the radio at the other end hears, in its own units; absent where none was told within the last minute.", "link"),
			desc("radio_noise", "Noise that the link's radio hears, in its own units; absent where it told none within the last minute.", "link"),
			desc("radio_remote_noise", "Noise that the radio at the other end hears, in its own units; absent where none was told within the last minute.", "link"),
			desc("radio_txbuf_percent", "Free room in the send buffer of the link's radio; absent where it told nothing within the last minute.", "link"),
			desc("radio_rx_errors", "Packets that the link's radio could not read since it started, modulo 65536; absent where it told nothing within the last minute.", "link"),
			desc("radio_fixed", "Packets that the link's radio repaired since it started, modulo 65536; absent where it told nothing within the last minute.", "link"),
		},
	}
}

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range append([]*prometheus.Desc{c.frames, c.errors, c.dropped, c.skipped, c.buffer, c.up, c.queue}, c.radio[:]...) {
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
		if r := st.Radio; r != nil {
			for i, level := range [...]*uint8{r.RSSI, r.RemoteRSSI, r.Noise, r.RemoteNoise} {
				if level != nil {
					send(c.radio[i], prometheus.GaugeValue, float64(*level), name)
				}
			}
			for i, n := range [...]uint16{uint16(r.TxBuf), r.RxErrors, r.Fixed} {
				send(c.radio[4+i], prometheus.GaugeValue, float64(n), name)
			}
		}
	}
	send(c.queue, prometheus.GaugeValue, float64(c.l.queue.length()))
}
