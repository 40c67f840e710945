package notify

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	notices *prometheus.CounterVec
}

// newMetrics registers the metrics, all present at 0; queued counts what waits.
func newMetrics(r prometheus.Registerer, queued func() (int, error)) *metrics {
	m := &metrics{promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "riverwatch_notices_total",
		Help: "Notices by channel and how they ended: sent, failed, expired.",
	}, []string{"channel", "outcome"})}
	for _, channel := range []string{byWebhook, byLog, noChannel} {
		for _, outcome := range []outcome{sent, failed, expired} {
			m.notices.WithLabelValues(channel, string(outcome))
		}
	}
	var last atomic.Int64
	promauto.With(r).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "riverwatch_notices_queued",
		Help: "Notices that wait to be delivered.",
	}, func() float64 {
		// A ledger that cannot be read now has what it had.
		if n, err := queued(); err == nil {
			last.Store(int64(n))
		}
		return float64(last.Load())
	})
	return m
}

func (m *metrics) count(channel string, o outcome) {
	m.notices.WithLabelValues(channel, string(o)).Inc()
}
