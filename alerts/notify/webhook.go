package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"riverwatch/alerts"
)

// tried is what came of one try.
type tried struct {
	ok         bool
	final      bool // trying again is of no use
	refused    bool // the receiver is there and says that it cannot take this notice
	reason     string
	retryAfter time.Duration
}

// The channels, as the metrics name them; "none" is that of a recipient that is not known any more.
const (
	byWebhook = "webhook"
	byLog     = "log"
	noChannel = "none"
)

func channelOf(c Config) string {
	if c.Log {
		return byLog
	}
	return byWebhook
}

// try delivers a notice once.
func (n *Notifier) try(ctx context.Context, c Config, key string, t *alerts.Transition) tried {
	text := Text(called(t, n.o.Place), n.o.Zone)
	if c.Log {
		n.o.Log.Info(text, zap.String("recipient", c.Name), zap.String("notice", key), zap.String("alert", t.Alert))
		return tried{ok: true}
	}
	body := struct {
		Notice     string            `json:"notice"`
		Alert      string            `json:"alert"`
		Transition alerts.Transition `json:"transition"`
		Text       string            `json:"text"`
		URL        string            `json:"url"`
	}{key, t.Alert, *t, text, ""}
	if n.o.PublicURL != "" {
		body.URL = strings.TrimRight(n.o.PublicURL, "/") + "/a/" + url.PathEscape(t.Alert)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return tried{final: true, reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Webhook, bytes.NewReader(b))
	if err != nil {
		return tried{final: true, reason: "the webhook is not a URL"} // err would show it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("User-Agent", "riverwatch")
	resp, err := n.client.Do(req)
	if err != nil {
		return tried{reason: fmt.Sprintf("%s://%s: %v", req.URL.Scheme, req.URL.Host, withoutURL(err))}
	}
	// The answer's body is of no interest, but a connection whose answer was read can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
	return judge(resp, n.o.Clock())
}

// judge says what a status means for a notice.
func judge(resp *http.Response, now time.Time) tried {
	status := resp.StatusCode
	t := tried{reason: strings.TrimSpace(fmt.Sprintf("the receiver answered %d %s", status, http.StatusText(status)))}
	switch {
	case status/100 == 2:
		return tried{ok: true}
	case status == http.StatusBadRequest, status == http.StatusGone, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		t.final = true
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
	case status >= 400: // a 401, 403 or 404 too: a reverse proxy says so while what is behind it starts
		t.refused = true
	}
	after := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		t.retryAfter = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		t.retryAfter = at.Sub(now)
	}
	t.retryAfter = min(t.retryAfter, longestRest)
	return t
}

// newClient gives a client that sends a notice to the configured host only. A redirect elsewhere, or one that would
// turn the POST into a GET, is not followed: it is the receiver's answer, and another try may find it gone (the log-in
// page of a network does that).
func newClient(c *http.Client) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0]
		if req.Method != http.MethodPost || req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme || len(via) > 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &own
}

// withoutURL takes the address out of an error of the client: its path and query may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		return u.Err
	}
	return err
}
