package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
	"riverwatch/mavlink"
	"riverwatch/mavlink/link"
)

// Ledger is what the console reads; a *ledger.Ledger is one.
type Ledger interface {
	ID() string
	Head() (n int64, chain string)
	Grown() <-chan struct{}
	Events(after int64, limit int) ([]ledger.Stored, error)
	Alerts(f ledger.Filter) (page []ledger.Alert, next string, err error)
	Alert(id string) (ledger.Detail, error)
	Sightings(f ledger.Filter) (page []ledger.Sighting, next string, err error)
	Sorties(f ledger.Filter) (page []ledger.Sortie, next string, err error)
	ZoneEvents(f ledger.Filter) (page []ledger.ZoneEvent, next string, err error)
}

// The sizes of a page of a list, and how many alerts a snapshot has at most.
const (
	defaultLimit  = 50
	maxLimit      = 500
	snapshotLimit = 500
)

// The bodies of the answers and of the stream's events.
type (
	alertsBody struct {
		Alerts []ledger.Alert `json:"alerts"`
		Next   string         `json:"next"`
	}
	sightingsBody struct {
		Sightings []ledger.Sighting `json:"sightings"`
		Next      string            `json:"next"`
	}
	sortiesBody struct {
		Sorties []ledger.Sortie `json:"sorties"`
		Next    string          `json:"next"`
	}
	zoneEventsBody struct {
		ZoneEvents []ledger.ZoneEvent `json:"zone_events"`
		Next       string             `json:"next"`
	}
	vehiclesBody struct {
		At       alerts.Time           `json:"at"` // station time
		Vehicles []mavlink.VehicleView `json:"vehicles"`
	}
	linksBody struct {
		Links []link.LinkStatus `json:"links"`
	}
	snapshotBody struct {
		Station  string                `json:"station"`
		Version  string                `json:"version"`
		Timezone string                `json:"timezone"` // IANA name
		At       alerts.Time           `json:"at"`
		Alerts   []ledger.Alert        `json:"alerts"` // the newest that are not closed
		More     bool                  `json:"more"`   // there are older ones
		Vehicles []mavlink.VehicleView `json:"vehicles"`
		Links    []link.LinkStatus     `json:"links"`
	}
)

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	handle := func(method, path string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+path, h)
		methods[path] = append(methods[path], method)
	}
	page := func(w http.ResponseWriter, _ *http.Request) { c.page.write(w, http.StatusOK) }
	handle("GET", "/{$}", page)
	handle("GET", "/a/{id}", page)

	handle("GET", "/api/v1/alerts", func(w http.ResponseWriter, r *http.Request) {
		answerList(c, w, r, "active, open, acknowledged, en_route, intercepted or closed", c.o.Ledger.Alerts,
			func(p []ledger.Alert, next string) any { return alertsBody{p, next} })
	})
	handle("GET", "/api/v1/sightings", func(w http.ResponseWriter, r *http.Request) {
		answerList(c, w, r, "", c.o.Ledger.Sightings, func(p []ledger.Sighting, next string) any { return sightingsBody{p, next} })
	})
	handle("GET", "/api/v1/sorties", func(w http.ResponseWriter, r *http.Request) {
		answerList(c, w, r, "", c.o.Ledger.Sorties, func(p []ledger.Sortie, next string) any { return sortiesBody{p, next} })
	})
	handle("GET", "/api/v1/zone-events", func(w http.ResponseWriter, r *http.Request) {
		answerList(c, w, r, "", c.o.Ledger.ZoneEvents, func(p []ledger.ZoneEvent, next string) any { return zoneEventsBody{p, next} })
	})
	handle("GET", "/api/v1/alerts/{id}", c.alert)
	handle("GET", "/api/v1/vehicles", func(w http.ResponseWriter, r *http.Request) {
		at, vehicles := c.o.Station.Vehicles()
		c.answer(w, r, http.StatusOK, vehiclesBody{At: alerts.Time(at), Vehicles: list(vehicles)})
	})
	handle("GET", "/api/v1/links", func(w http.ResponseWriter, r *http.Request) {
		c.answer(w, r, http.StatusOK, linksBody{Links: list(c.o.Station.Links())})
	})
	handle("GET", "/api/v1/zones", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, "application/geo+json", c.o.Station.ZonesJSON())
	})
	handle("GET", "/api/v1/stream", c.stream)
	handle("POST", "/api/v1/sightings", c.mark)
	handle("POST", "/api/v1/alerts/{id}/{act}", c.act)

	handle("GET", "/metrics", c.o.Metrics.ServeHTTP)
	handle("GET", "/-/healthy", c.check("healthy", func() error { return c.o.Station.Healthy() }))
	handle("GET", "/-/ready", c.check("ready", func() error { return c.o.Station.Ready() }))
	handle("POST", "/-/reload", c.reload)

	for path, allowed := range methods {
		allow := strings.Join(allowed, ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			fail(w, http.StatusMethodNotAllowed, "%s does not go here: use %s", r.Method, allow)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "there is nothing at %q: the page is at /, the API at /api/v1/", r.URL.Path)
	})
	return mux
}

// answerList answers with one page of a list of the ledger. states says which states may be asked for, "" for none.
func answerList[T any](c *Console, w http.ResponseWriter, r *http.Request, states string,
	read func(ledger.Filter) ([]T, string, error), body func([]T, string) any) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // URL.Query would leave out what it cannot read: the list would be of something else
		fail(w, http.StatusUnprocessableEntity, "the parameters cannot be read (%.100v): separate them by &, and escape what is special", err)
		return
	}
	f, err := filterOf(q, states)
	if err != nil {
		c.failWith(w, r, err)
		return
	}
	items, next, err := read(f)
	if errors.Is(err, ledger.ErrFilter) {
		fail(w, http.StatusUnprocessableEntity, "%v", err)
		return
	}
	if err != nil {
		c.failWith(w, r, err)
		return
	}
	c.answer(w, r, http.StatusOK, body(list(items), next))
}

// filterOf reads the parameters of a list. An unknown one is a mistake that would otherwise pass for "all".
func filterOf(q url.Values, states string) (ledger.Filter, error) {
	f := ledger.Filter{Limit: defaultLimit}
	var wrong []Field
	for _, name := range sortedKeys(q) {
		values := q[name]
		switch {
		case len(values) > 1:
			wrong = append(wrong, Field{name, "is given more than once: give it once"})
		case name == "limit":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 || n > maxLimit {
				wrong = append(wrong, Field{name, "give a whole number from 1 to " + strconv.Itoa(maxLimit)})
			}
			f.Limit = n
		case name == "after":
			f.After = values[0]
		case name == "state" && states != "":
			f.State = values[0]
		default:
			known := "limit, after"
			if states != "" {
				known += ", state"
			}
			wrong = append(wrong, Field{shortened(name), "is no parameter of this list: it has " + known})
		}
	}
	if wrong != nil {
		return f, &InvalidError{wrong}
	}
	return f, nil
}

func (c *Console) alert(w http.ResponseWriter, r *http.Request) {
	d, err := c.o.Ledger.Alert(r.PathValue("id"))
	if errors.Is(err, ledger.ErrNotFound) {
		err = ErrUnknownAlert
	}
	if err != nil {
		c.failWith(w, r, err)
		return
	}
	c.answer(w, r, http.StatusOK, d)
}

// snapshot is everything that a page shows at first but the zones, which it asks for once.
func (c *Console) snapshot() ([]byte, error) {
	active, next, err := c.o.Ledger.Alerts(ledger.Filter{State: "active", Limit: snapshotLimit})
	if err != nil {
		return nil, err
	}
	at, vehicles := c.o.Station.Vehicles()
	return json.Marshal(snapshotBody{
		Station: c.o.Name, Version: c.o.Version, Timezone: c.o.Location.String(), At: alerts.Time(at),
		Alerts: list(active), More: next != "", Vehicles: list(vehicles), Links: list(c.o.Station.Links()),
	})
}

// check answers 200 or, with the reason, 503.
func (c *Console) check(what string, ask func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := ask(); err != nil {
			fail(w, http.StatusServiceUnavailable, "the station is not %s: %v", what, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(what + "\n"))
	}
}

func (c *Console) answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		c.failWith(w, r, err)
		return
	}
	writeJSON(w, status, "application/json", append(data, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone: nobody is left to tell
}

// list makes of no items an empty list, which in JSON is [] and not null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
