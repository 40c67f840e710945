package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"go.uber.org/zap"
)

// maxBody is the longest body that a request may have: 64 KiB.
const maxBody = 64 << 10

// guard is what every request passes before anything looks at it: it keeps out other web sites (DNS rebinding,
// cross-site posts), strangers and floods, in this order.
func (c *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			broken := recover()
			if broken == nil {
				return
			}
			if broken == http.ErrAbortHandler {
				panic(broken) // how net/http is told to drop a connection
			}
			c.log.Error("a request panicked; this is a mistake in the program, please report it",
				zap.String("path", r.URL.Path), zap.Any("panic", broken), zap.ByteString("stack", debug.Stack()))
			fail(w, http.StatusInternalServerError, "something is wrong in the station: its log says what")
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", c.page.csp)
		h.Set("Cache-Control", "no-store")

		if !c.hostAllowed(r) {
			fail(w, http.StatusMisdirectedRequest, "this station does not answer to the name %q: use localhost, or set http.public_url to the address that people use", r.Host)
			return
		}
		if err := c.sameSite.Check(r); err != nil {
			fail(w, http.StatusForbidden, "a page of another site sent this request: send it from the station's own page, or set http.public_url to the address that people use")
			return
		}
		if r.URL.Path != "/-/healthy" && !c.authorised(r) {
			h.Set("WWW-Authenticate", `Bearer realm="riverwatch"`)
			if isPage(r) {
				c.page.write(w, http.StatusUnauthorized)
				return
			}
			fail(w, http.StatusUnauthorized, "the station's token is missing or wrong: send it as \"Authorization: Bearer TOKEN\"; it is in the file that http.token_file names")
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed tells a request that came over the loopback interface under a foreign name: a web page whose name was
// made to point at this machine (DNS rebinding). Over other interfaces a token is needed, which such a page lacks.
func (c *Console) hostAllowed(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && !isLoopback(local.String()) {
		return true
	}
	name := hostOnly(r.Host)
	return strings.EqualFold(name, "localhost") || isLoopback(name) || c.publicHost != "" && strings.EqualFold(name, c.publicHost)
}

// hostOnly is a host without its port, and an IPv6 address without its brackets.
func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLoopback(addr string) bool {
	ip := net.ParseIP(hostOnly(addr))
	return ip != nil && ip.IsLoopback()
}

// authorised compares digests, so that neither length nor content of the token shows in the time it takes.
func (c *Console) authorised(r *http.Request) bool {
	if c.token == nil {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(got[:], c.token[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// parsePublicURL gives the host and the origin of http.public_url, both "" where it is not set.
func parsePublicURL(public string) (host, origin string, err error) {
	if public == "" {
		return "", "", nil
	}
	u, err := url.Parse(public)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", "", fmt.Errorf("http.public_url %q is no address of a page: give it like https://river.example.org", public)
	}
	return u.Hostname(), u.Scheme + "://" + u.Host, nil
}
