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
	"reflect"
	"regexp"
	"slices"
	"strconv"
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
		Lat  *float64 `json:"lat"`
		Lon  *float64 `json:"lon"`
		CE90 *float64 `json:"ce90_m"`
		Kind string   `json:"kind"`
		Note string   `json:"note"`
		By   string   `json:"by"`
		At   *string  `json:"at"`
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
		var err error
		if req.At, err = time.Parse(time.RFC3339Nano, *body.At); err != nil {
			form.wrong("at", fmt.Sprintf("is %s: give a time like 2026-11-23T07:50:00Z", shortened(*body.At)))
		} else if age := c.o.Now().Sub(req.At); age > maxMarkAge || age < -maxMarkLead {
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
	if r.URL.RawQuery != "" {
		fail(w, http.StatusUnprocessableEntity, "this request takes no parameters in its address (%.40q): send all of it in the body", r.URL.RawQuery)
		return false
	}
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
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "send the body as JSON, with the header \"Content-Type: application/json\"")
		return false
	}
	if set, ok := params["charset"]; ok && !strings.EqualFold(set, "utf-8") {
		fail(w, http.StatusUnsupportedMediaType, "the body is said to be in %.40q: send it in UTF-8", set)
		return false
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		fail(w, http.StatusUnsupportedMediaType, "the body comes with Content-Encoding %.40q: send it as it is", coding)
		return false
	}
	if !utf8.Valid(data) {
		fail(w, http.StatusBadRequest, "the body is not UTF-8: send it in UTF-8")
		return false
	}
	if what := checkObject(data, into); what != "" {
		fail(w, http.StatusBadRequest, "%s: send one JSON object with the fields of this request, each once", what)
		return false
	}
	err = json.Unmarshal(data, into)
	if mistyped := new(json.UnmarshalTypeError); errors.As(err, &mistyped) {
		c.failWith(w, r, &InvalidError{[]Field{{mistyped.Field, fmt.Sprintf("is a %s: give a %s", mistyped.Value, plainType(mistyped.Type.Kind().String()))}}})
		return false
	}
	if err != nil {
		c.failWith(w, r, err)
		return false
	}
	return true
}

// checkObject says what keeps data from being one object with the fields of the struct that into points to, "" for
// nothing. encoding/json takes a field in any case, and of a field given twice the last: a mark would be somewhere else
// than its sender meant.
func checkObject(data []byte, into any) (what string) {
	d := json.NewDecoder(bytes.NewReader(data))
	var whole json.RawMessage
	switch err := d.Decode(&whole); {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return "the body is not JSON: it ends early"
	case err != nil:
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
			return fmt.Sprintf("the body is not JSON, from byte %d on (%v)", syntax.Offset, err)
		}
		return fmt.Sprintf("the body is not JSON (%v)", err)
	}
	if err := d.Decode(new(json.RawMessage)); err != io.EOF {
		return "there is something after it in the body"
	}
	switch c := whole[0]; {
	case c == '[':
		return "the body is a list"
	case c == '"':
		return "the body is a text"
	case c == 'n':
		return "the body is null"
	case c == 't' || c == 'f':
		return "the body is true or false"
	case c != '{':
		return "the body is a number"
	}
	var known []string
	for t, i := reflect.TypeOf(into).Elem(), 0; i < t.NumField(); i++ {
		known = append(known, t.Field(i).Tag.Get("json"))
	}
	d = json.NewDecoder(bytes.NewReader(whole))
	if _, err := d.Token(); err != nil {
		return err.Error()
	}
	var given []string
	for d.More() {
		key, err := d.Token()
		if err == nil {
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err.Error()
		}
		name, _ := key.(string)
		switch {
		case !slices.Contains(known, name):
			return fmt.Sprintf("the body has an unknown field %s (this request takes %s)", shortened(name), strings.Join(known, ", "))
		case slices.Contains(given, name):
			return fmt.Sprintf("the field %q is given twice", name)
		}
		given = append(given, name)
	}
	return ""
}

// shortened is a name of a client's for a message: quoted, and cut where it is long.
func shortened(name string) string {
	const most = 40
	if utf8.RuneCountInString(name) > most {
		name = string([]rune(name)[:most]) + "…"
	}
	return strconv.Quote(name)
}

func plainType(kind string) string {
	if kind == "float64" {
		return "number"
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
	if strings.ContainsFunc(v, misleads) {
		f.wrong("note", "has characters in it that are none, or that turn the direction of writing: leave them out")
	}
	if strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
		f.wrong("note", "has control characters in it: leave them out")
	}
	return v
}

// misleads tells characters that show people something else than was written: half a surrogate pair, which JSON can
// hold, comes as U+FFFD; overrides and isolates of the direction make a name look like another.
func misleads(r rune) bool {
	return r == utf8.RuneError || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

func (f *form) by(v string) string {
	v = strings.TrimSpace(v)
	if utf8.RuneCountInString(v) > maxBy || strings.ContainsFunc(v, unicode.IsControl) || strings.ContainsFunc(v, misleads) {
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
