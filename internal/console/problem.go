package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// The errors by which a Station refuses. Everything else that it returns is a 500 whose cause only the log tells.
var (
	ErrUnknownAlert = errors.New("no alert has this id") // 404
	ErrStorage      = errors.New("the ledger cannot be written")
	ErrKeyReused    = errors.New("the Idempotency-Key was used for another request") // 422
	ErrBusy         = errors.New("the station is busy")                              // 503
)

// ConflictError says that the alert's present state does not allow the act: 409.
type ConflictError struct {
	State string // of the alert, now; "" where it is not about an alert
	Why   string // one sentence, "" where the state says it all
}

// Error names the state.
func (e *ConflictError) Error() string {
	if e.Why != "" {
		return e.Why
	}
	return "the alert is " + e.State
}

// InvalidError says what a request lacks or has wrong: 422.
type InvalidError struct{ Fields []Field }

// Field is one thing wrong with a request.
type Field struct {
	Name   string `json:"name"`   // of the field, header or parameter
	Detail string `json:"detail"` // what is wrong and what to give instead
}

// Error lists the fields.
func (e *InvalidError) Error() string {
	var words []string
	for _, f := range e.Fields {
		words = append(words, f.Name+": "+f.Detail)
	}
	return strings.Join(words, "; ")
}

// problem is an RFC 9457 document. Type is about:blank throughout, so Title is the status in words and Detail tells
// what happened and what to do. State and Errors are extensions.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	State  string  `json:"state,omitempty"`
	Errors []Field `json:"errors,omitempty"`
}

// fail writes a problem document.
func fail(w http.ResponseWriter, status int, format string, args ...any) {
	writeProblem(w, problem{Status: status, Detail: fmt.Sprintf(format, args...)})
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone: nobody is left to tell
}

// failWith writes what err says, and logs what only the operator of the station may know.
func (c *Console) failWith(w http.ResponseWriter, r *http.Request, err error) {
	var (
		conflict *ConflictError
		invalid  *InvalidError
		tooBig   *http.MaxBytesError
	)
	switch {
	case errors.As(err, &conflict):
		detail := conflict.Error()
		if conflict.State != "" {
			detail += ": look at the alert's timeline, then decide again"
		}
		writeProblem(w, problem{Status: http.StatusConflict, State: conflict.State, Detail: detail})
	case errors.As(err, &invalid):
		writeProblem(w, problem{Status: http.StatusUnprocessableEntity, Detail: invalid.Error(), Errors: invalid.Fields})
	case errors.As(err, &tooBig):
		fail(w, http.StatusRequestEntityTooLarge, "the body is longer than %d bytes: send less", tooBig.Limit)
	case errors.Is(err, ErrUnknownAlert):
		fail(w, http.StatusNotFound, "no alert has this id: GET /api/v1/alerts lists them")
	case errors.Is(err, ErrKeyReused):
		fail(w, http.StatusUnprocessableEntity, "this Idempotency-Key came with another request before: use a new key for each new request")
	case errors.Is(err, ErrStorage):
		c.log.Error("a request was refused because the ledger cannot be written", zap.String("path", r.URL.Path), zap.Error(err))
		fail(w, http.StatusInsufficientStorage, "nothing was done, because the station cannot write to its disk: make room in data_dir (its log says what is wrong), then send the request again with the same Idempotency-Key")
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "the station is busy: send the request again with the same Idempotency-Key")
	case r.Context().Err() != nil:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "the request ended before the station could answer: send it again with the same Idempotency-Key")
	default:
		c.log.Error("a request failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
		fail(w, http.StatusInternalServerError, "something is wrong in the station: its log says what")
	}
}
