package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"

	"riverwatch/alerts"
)

// The limits of what people write.
const (
	maxNote  = 2000 // runes
	maxBy    = 64   // runes
	maxKey   = 128  // bytes
	maxCE90M = 10_000
	// A mark may be of what was seen earlier; a clock that is a little fast is forgiven.
	maxMarkAge  = 24 * time.Hour
	maxMarkLead = time.Minute
)

var word = regexp.MustCompile(`^[a-z_]{1,32}$`)

// mark serves POST /api/v1/sightings.
func (c *Console) mark(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Lat  *float64   `json:"lat"`
		Lon  *float64   `json:"lon"`
		CE90 *float64   `json:"ce90_m"`
		Kind string     `json:"kind"`
		Note string     `json:"note"`
		By   string     `json:"by"`
		At   *time.Time `json:"at"`
	}
	if !c.readBody(w, r, &body) {
		return
	}
	var form form
	req := MarkRequest{
		Lat: form.number("lat", body.Lat, -90, 90), Lon: form.number("lon", body.Lon, -180, 180),
		CE90M: body.CE90, Kind: body.Kind, Note: form.note(body.Note), By: form.by(body.By), Key: form.key(r),
	}
	if body.CE90 != nil {
		form.number("ce90_m", body.CE90, 0, maxCE90M)
	}
	if body.Kind == "" {
		req.Kind = "person"
	} else {
		form.word("kind", body.Kind)
	}
	if body.At != nil {
		req.At = *body.At
		if age := c.o.Now().Sub(req.At); age > maxMarkAge || age < -maxMarkLead {
			form.wrong("at", "lies more than 24 h back or in the future: give when it was seen, or leave it out for now")
		}
	}
	ask(c, w, r, form, http.StatusCreated, func(ctx context.Context) (MarkReply, error) { return c.o.Station.Mark(ctx, req) })
}

// act serves POST /api/v1/alerts/{id}/{act}.
func (c *Console) act(w http.ResponseWriter, r *http.Request) {
	act := r.PathValue("act")
	if !slices.Contains(alerts.Acts(), alerts.Act(act)) {
		fail(w, http.StatusNotFound, "%q cannot be done to an alert: it is one of %v", act, alerts.Acts())
		return
	}
	var body struct {
		By      string `json:"by"`
		Note    string `json:"note"`
		Outcome string `json:"outcome"`
	}
	if !c.readBody(w, r, &body) {
		return
	}
	var form form
	req := ActRequest{
		Alert: r.PathValue("id"), Act: act, By: form.by(body.By), Note: form.note(body.Note), Outcome: body.Outcome, Key: form.key(r),
	}
	switch closing := act == string(alerts.Close); {
	case closing && body.Outcome == "":
		form.wrong("outcome", "is missing: say how it ended, e.g. helped, turned_back, not_found, false_sighting")
	case closing:
		form.word("outcome", body.Outcome)
	case body.Outcome != "":
		form.wrong("outcome", "belongs to close only: leave it out")
	}
	ask(c, w, r, form, http.StatusOK, func(ctx context.Context) (ActReply, error) { return c.o.Station.Act(ctx, req) })
}

// ask hands a request of correct form to the station and answers with its reply.
func ask[R any](c *Console, w http.ResponseWriter, r *http.Request, form form, status int, do func(context.Context) (R, error)) {
	if form.fields != nil {
		c.failWith(w, r, &InvalidError{form.fields})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.timing.actWithin)
	defer cancel()
	reply, err := do(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrBusy
	}
	if err != nil {
		c.failWith(w, r, err)
		return
	}
	c.answer(w, r, status, reply)
}

// reload serves POST /-/reload.
func (c *Console) reload(w http.ResponseWriter, r *http.Request) {
	if err := c.o.Station.Reload(r.Context()); err != nil {
		c.log.Warn("the configuration was not reloaded", zap.Error(err))
		fail(w, http.StatusUnprocessableEntity, "nothing has changed: %v", err)
		return
	}
	c.answer(w, r, http.StatusOK, struct {
		Reloaded bool `json:"reloaded"`
	}{true})
}

// readBody reads the one JSON object that a request consists of; no body is an empty object. It answers itself where
// it says false.
func (c *Console) readBody(w http.ResponseWriter, r *http.Request, into any) bool {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
			c.failWith(w, r, err)
		} else {
			fail(w, http.StatusBadRequest, "the body ended early: send it again")
		}
		return false
	}
	if len(data) == 0 {
		return true
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "send the body as JSON, with the header \"Content-Type: application/json\"")
		return false
	}
	if !utf8.Valid(data) {
		fail(w, http.StatusBadRequest, "the body is not UTF-8: send it in UTF-8")
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil && d.Decode(new(json.RawMessage)) != io.EOF {
		err = errors.New("there is something after it")
	}
	if err == nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte("null")) {
		err = errors.New("it is null")
	}
	if err == nil {
		return true
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		fail(w, http.StatusBadRequest, "the body is not JSON, from byte %d on (%v): send one JSON object", syntax.Offset, err)
	case errors.As(err, &kind) && kind.Field != "":
		c.failWith(w, r, &InvalidError{[]Field{{kind.Field, fmt.Sprintf("is a %s: give a %s", kind.Value, plainType(kind.Type.Kind().String()))}}})
	default:
		fail(w, http.StatusBadRequest, "the body is not what this request takes (%s): send one JSON object with its fields only",
			strings.TrimPrefix(err.Error(), "json: "))
	}
	return false
}

func plainType(kind string) string {
	switch kind {
	case "float64":
		return "number"
	case "struct":
		return "time as text, like 2026-11-23T07:50:00Z"
	}
	return kind
}

// form collects what is wrong with a request, so that a person hears of all of it at once.
type form struct{ fields []Field }

func (f *form) wrong(name, detail string) { f.fields = append(f.fields, Field{name, detail}) }

// number checks a number that must be there. JSON knows neither NaN nor infinities, the range refuses them all the same.
func (f *form) number(name string, v *float64, low, high float64) float64 {
	switch {
	case v == nil:
		f.wrong(name, fmt.Sprintf("is missing: give a number from %v to %v", low, high))
		return 0
	case !(*v >= low && *v <= high) || math.IsNaN(*v):
		f.wrong(name, fmt.Sprintf("is %v: give a number from %v to %v", *v, low, high))
	}
	return *v
}

func (f *form) word(name, v string) {
	if !word.MatchString(v) {
		f.wrong(name, "give one word of a to z and _, up to 32 letters")
	}
}

func (f *form) note(v string) string {
	if utf8.RuneCountInString(v) > maxNote {
		f.wrong("note", fmt.Sprintf("is longer than %d characters: shorten it", maxNote))
	}
	if strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
		f.wrong("note", "has control characters in it: leave them out")
	}
	return v
}

func (f *form) by(v string) string {
	v = strings.TrimSpace(v)
	if utf8.RuneCountInString(v) > maxBy || strings.ContainsFunc(v, unicode.IsControl) {
		f.wrong("by", fmt.Sprintf("give a name of up to %d characters on one line", maxBy))
	}
	return v
}

func (f *form) key(r *http.Request) string {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return ""
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		f.wrong("Idempotency-Key", fmt.Sprintf("give one key of 1 to %d visible ASCII characters", maxKey))
	}
	return key
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
