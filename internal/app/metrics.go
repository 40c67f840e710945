package app

import (
	"net/http"
	"runtime"

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
	sightings  *prometheus.CounterVec
	zoneEvents *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	open       [4]prometheus.Gauge
	vehicles   *prometheus.GaugeVec
	reloadOK   prometheus.Gauge
	recording  prometheus.Gauge
	recorded   prometheus.Counter
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
		sightings:  counter("sightings_total", "Sightings: presses, however many messages told of each.", "source"),
		zoneEvents: counter("zone_events_total", "Zone events of tracks, by kind of zone.", "kind", "event"),
		alerts:     counter("alerts_total", "Alerts opened; rule is the kind for the station's own.", "rule", "severity"),
		vehicles:   gauge("vehicles", "Vehicles known, by liveness.", "state"),
		reloadOK:   gauge("config_reload_ok", "1 if the newest reload was taken, 0 if it was refused.").WithLabelValues(),
	}
	m.recording = gauge("recording", "1 while a session is recorded, 0 while recording has stopped.").WithLabelValues()
	m.recorded = counter("recorded_frames_total", "Frames written to a session's log.").WithLabelValues()
	m.commits = counter("ledger_commits_total", "Commits to the ledger, by outcome.", "outcome")
	m.commits.WithLabelValues("done")
	m.commits.WithLabelValues("failed")
	rejected := counter("rejected_total", "Positions and messages that tag something that were not believed, by reason.", "reason")
	for _, reason := range mavlink.Rejects() {
		m.rejected[reason] = rejected.WithLabelValues(reason.String())
	}
	for _, s := range mavlink.Sources() {
		m.sightings.WithLabelValues(string(s))
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
	for _, kind := range []alerts.Kind{alerts.OfVehicleLost, alerts.OfGateUnseen, alerts.OfTrouble} {
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

// record counts frames written to a session's log. Like recordingIs and commit it does nothing on a nil receiver.
func (m *metrics) record(frames int) {
	if m != nil {
		m.recorded.Add(float64(frames))
	}
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
