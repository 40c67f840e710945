package app

import (
	"net/http"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"riverwatch/alerts"
	"riverwatch/configs"
	"riverwatch/internal/watch"
	"riverwatch/mavlink"
)

// metrics counts what the fold did, from its effects, and what the station as a whole is.
type metrics struct {
	fixes      prometheus.Counter
	rejected   [mavlink.RejectReasons]prometheus.Counter
	evidence   *prometheus.CounterVec
	lostTags   *prometheus.CounterVec
	hearing    *hearing
	sightings  *prometheus.CounterVec
	zoneEvents *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	open       [4]prometheus.Gauge
	vehicles   *prometheus.GaugeVec
	reloadOK   prometheus.Gauge
	recording  prometheus.Gauge
	recorded   prometheus.Counter
	unrecorded prometheus.Counter
	commits    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, c *configs.Config, version string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "riverwatch_" + name, Help: help}, labels)
		r.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "riverwatch_" + name, Help: help}, labels)
		r.MustRegister(v)
		return v
	}
	m := &metrics{
		fixes:      counter("fixes_total", "Positions of vehicles that were believed.").WithLabelValues(),
		evidence:   counter("evidence_total", "Messages that tag something, by source and what became of them.", "source", "outcome"),
		lostTags:   counter("tags_lost_total", "Tags that a vehicle sent and that were never heard, by the counters that the messages of some sources carry.", "source"),
		hearing:    newHearing(r, c),
		sightings:  counter("sightings_total", "Sightings: presses, however many messages told of each.", "source"),
		zoneEvents: counter("zone_events_total", "Zone events of tracks, by kind of zone.", "kind", "event"),
		alerts:     counter("alerts_total", "Alerts opened; rule is the kind for the station's own.", "rule", "severity"),
		vehicles:   gauge("vehicles", "Vehicles known, by liveness.", "state"),
		reloadOK:   gauge("config_reload_ok", "1 if the newest reload was taken, 0 if it was refused.").WithLabelValues(),
	}
	m.recording = gauge("recording", "1 while a session is recorded, 0 while recording has stopped.").WithLabelValues()
	m.recorded = counter("recorded_frames_total", "Frames written to a session's log.").WithLabelValues()
	m.unrecorded = counter("unrecorded_frames_total", "Frames of vehicles that were folded and are in no session's log: recording had stopped.").WithLabelValues()
	m.commits = counter("ledger_commits_total", "Commits to the ledger, by outcome.", "outcome")
	m.commits.WithLabelValues("done")
	m.commits.WithLabelValues("failed")
	rejected := counter("rejected_total", "Positions, tags and lines of sight that were not believed, by reason; a garbled text is read as far as it is legible.", "reason")
	for _, reason := range mavlink.Rejects() {
		m.rejected[reason] = rejected.WithLabelValues(reason.String())
	}
	for _, s := range mavlink.Sources() {
		m.sightings.WithLabelValues(string(s))
		m.lostTags.WithLabelValues(string(s))
		for _, outcome := range []string{"sighting", "merged", mavlink.RejectSourceOff.String()} {
			m.evidence.WithLabelValues(string(s), outcome)
		}
	}
	for _, kind := range []string{"gate", "bank", "area"} {
		for _, event := range []string{"seen_inside", "entered", "left", "crossed"} {
			m.zoneEvents.WithLabelValues(kind, event)
		}
	}
	m.zoneEvents.WithLabelValues("", "seen_outside")
	open := gauge("alerts_open", "Alerts that are not closed.", "severity")
	for i, s := range alerts.Severities() {
		m.open[i] = open.WithLabelValues(string(s))
	}
	for _, rule := range c.Rules {
		for _, s := range alerts.Severities() {
			m.alerts.WithLabelValues(rule.Name, string(s))
		}
	}
	for _, kind := range []alerts.Kind{alerts.OfVehicleLost, alerts.OfGateUnseen, alerts.OfIdentityConflict, alerts.OfPositionSuspect, alerts.OfTrouble} {
		for _, s := range alerts.Severities() {
			m.alerts.WithLabelValues(string(kind), string(s))
		}
	}
	for _, state := range liveness {
		m.vehicles.WithLabelValues(state)
	}
	m.reloadOK.Set(1)
	gauge("build_info", "Always 1; the labels tell the program.", "version", "go", "goarch").
		WithLabelValues(version, runtime.Version(), runtime.GOARCH).Set(1)
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// liveness are the states of a vehicle, see mavlink.VehicleView.
var liveness = [...]string{"heard", "stale", "lost"}

// count counts what a batch came to.
func (m *metrics) count(e *watch.Effects) {
	m.fixes.Add(float64(e.Counts.Fixes))
	for reason, n := range e.Counts.Rejected {
		if n > 0 {
			m.rejected[reason].Add(float64(n))
		}
	}
	for _, c := range e.Counts.Evidence {
		m.evidence.WithLabelValues(c.Source, c.Outcome).Inc()
		if c.Outcome == "sighting" {
			m.sightings.WithLabelValues(c.Source).Inc()
		}
	}
	for _, t := range e.LostTags {
		m.lostTags.WithLabelValues(string(t.Source)).Add(float64(t.N))
	}
	for _, z := range e.ZoneEvents {
		m.zoneEvents.WithLabelValues(z.ZoneKind, z.Event).Inc()
	}
	for i := range e.Transitions {
		if t := &e.Transitions[i]; t.Event == alerts.Opened {
			rule := t.Rule
			if rule == "" {
				rule = string(t.Kind)
			}
			m.alerts.WithLabelValues(rule, string(t.Severity)).Inc()
		}
	}
}

// look shows what stands in a snapshot.
func (m *metrics) look(s *snapshot) {
	m.hearing.look(s)
	for i, n := range s.open {
		m.open[i].Set(float64(n))
	}
	var states [len(liveness)]int
	for i := range s.vehicles {
		for j, word := range liveness {
			if s.vehicles[i].State == word {
				states[j]++
			}
		}
	}
	for j, word := range liveness {
		m.vehicles.WithLabelValues(word).Set(float64(states[j]))
	}
}

// record counts frames written to a session's log. Like unrecord, recordingIs and commit it does nothing on a nil receiver.
func (m *metrics) record(frames int) {
	if m != nil {
		m.recorded.Add(float64(frames))
	}
}

// unrecord counts the frames of vehicles in a batch that is in no session's log.
func (m *metrics) unrecord(b mavlink.Batch) {
	if m == nil {
		return
	}
	n := 0
	for i := range b.Frames {
		if b.Frames[i].Origin != mavlink.OriginOwn {
			n++
		}
	}
	m.unrecorded.Add(float64(n))
}

func (m *metrics) recordingIs(on bool) {
	switch {
	case m == nil:
	case on:
		m.recording.Set(1)
	default:
		m.recording.Set(0)
	}
}

func (m *metrics) commit(err error) {
	switch {
	case m == nil:
	case err != nil:
		m.commits.WithLabelValues("failed").Inc()
	default:
		m.commits.WithLabelValues("done").Inc()
	}
}

func (m *metrics) reloaded(ok bool) {
	m.reloadOK.Set(0)
	if ok {
		m.reloadOK.Set(1)
	}
}

func metricsHandler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{Registry: r})
}

// others is the label of all vehicles and links that are not configured: whoever sends can make up any number of them.
const others = "other"

// hearing counts how the vehicles are heard, from what the snapshots show of their streams. A stream's own counts are no
// counters: they outlive a restart, fall when a late frame turns up, and go with the stream when a newer one takes its
// place. What is counted is by how much they have grown.
type hearing struct {
	links  map[string]bool
	counts [streamCounts]*prometheus.CounterVec
	was    map[streamKey]streamTally // of the newest snapshot; nil: there was none
	spare  map[streamKey]streamTally

	views     atomic.Pointer[[]mavlink.VehicleView]
	skew      *prometheus.Desc
	doubtedBy *prometheus.Desc
}

const (
	streamFrames = iota
	streamLost
	streamDuplicates
	streamOutOfOrder
	streamCounts
)

type streamTally [streamCounts]uint64

type streamKey struct {
	system, disc, component uint8
	link, address           string
}

func newHearing(r prometheus.Registerer, c *configs.Config) *hearing {
	h := &hearing{
		links: map[string]bool{},
		skew: prometheus.NewDesc("riverwatch_vehicle_clock_skew_seconds",
			"A vehicle's UTC less the station's, where that is more than 5 s, so that its times are not used; 0 while it is less, or the vehicle does not know the time.", []string{"vehicle"}, nil),
		doubtedBy: prometheus.NewDesc("riverwatch_vehicle_doubted",
			"1 while a configured vehicle is not to be believed, by doubt: another claims its identity or a pin does not hold, what it says is not verified, its position is suspect.", []string{"vehicle", "doubt"}, nil),
	}
	for i, m := range [...]struct{ name, help string }{
		{"stream_frames_total", "Frames of vehicles by vehicle and link, without those that came twice over one link; beside the configured ones all others together."},
		{"sequence_lost_total", "Frames missing in the numbering of a vehicle's streams: lost on the way, or kept back by a router."},
		{"duplicate_frames_total", "Frames of vehicles that had come before, over this link or another."},
		{"out_of_order_frames_total", "Frames of vehicles that came after later ones."},
	} {
		h.counts[i] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "riverwatch_" + m.name, Help: m.help}, []string{"vehicle", "link"})
		r.MustRegister(h.counts[i])
	}
	for _, l := range c.Links {
		h.links[l.Name] = true
		h.begin(others, l.Name)
	}
	h.begin(others, others)
	silent := make([]mavlink.VehicleView, len(c.Mavlink.Vehicles))
	for i := range silent {
		silent[i] = mavlink.VehicleView{Name: c.Mavlink.Vehicles[i].Name, Known: true, Verified: true}
	}
	h.show(silent)
	r.MustRegister(h)
	return h
}

func (h *hearing) begin(vehicle, link string) {
	for _, v := range h.counts {
		v.WithLabelValues(vehicle, link)
	}
}

// show makes the vehicles those that Collect tells of, with all of their series.
func (h *hearing) show(vehicles []mavlink.VehicleView) {
	h.views.Store(&vehicles)
	for i := range vehicles {
		if v := &vehicles[i]; configured(v) {
			for link := range h.links {
				h.begin(v.Name, link)
			}
		}
	}
}

// look takes in what a snapshot shows. One from before the first plan knows no vehicle yet: those configured stay.
func (h *hearing) look(s *snapshot) {
	if s.plan != "" {
		h.show(s.vehicles)
	}
	first := h.was == nil
	now := h.spare
	if now == nil {
		now = map[streamKey]streamTally{}
	}
	clear(now)
	for i := range s.vehicles {
		v := &s.vehicles[i]
		name := others
		if configured(v) {
			name = v.Name
		}
		for j := range v.Streams {
			st := &v.Streams[j]
			key := streamKey{v.System, v.Disc, st.Component, st.Link, st.Address}
			tally := streamTally{st.Frames, st.Lost, st.Duplicates, st.OutOfOrder}
			was, known := h.was[key]
			if tally[streamFrames] < was[streamFrames] {
				was = streamTally{} // it went, and came again
			}
			link := st.Link
			if !h.links[link] {
				link = others
			}
			for n := range tally {
				tally[n] = max(tally[n], was[n])
				if more := tally[n] - was[n]; more > 0 && (known || !first) {
					h.counts[n].WithLabelValues(name, link).Add(float64(more))
				}
			}
			now[key] = tally
		}
	}
	h.was, h.spare = now, h.was
}

// configured says whether a view is of a vehicle of the plan, and not of another aircraft that claims to be it.
func configured(v *mavlink.VehicleView) bool { return v.Known && v.Disc == 0 }

// Describe and Collect make a hearing the collector of what stands now: a vehicle that a reload drops is gone.
func (h *hearing) Describe(out chan<- *prometheus.Desc) {
	out <- h.skew
	out <- h.doubtedBy
}

// Collect gives the gauges of the configured vehicles.
func (h *hearing) Collect(out chan<- prometheus.Metric) {
	views := *h.views.Load()
	for i := range views {
		v := &views[i]
		if !configured(v) {
			continue
		}
		skew := 0.0
		if v.ClockSkewS != nil {
			skew = *v.ClockSkewS
		}
		out <- prometheus.MustNewConstMetric(h.skew, prometheus.GaugeValue, skew, v.Name)
		for _, d := range [...]struct {
			doubt string
			holds bool
		}{{"conflict", v.Conflict}, {"unverified", !v.Verified}, {"suspect", v.Suspect != ""}} {
			n := 0.0
			if d.holds {
				n = 1
			}
			out <- prometheus.MustNewConstMetric(h.doubtedBy, prometheus.GaugeValue, n, v.Name, d.doubt)
		}
	}
}
