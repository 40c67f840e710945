package console

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"riverwatch/alerts"
	"riverwatch/alerts/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

func request(method, target, body string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8070"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		r.Header[k] = v
	}
	return r
}

func TestEachRouteAnswersInItsGoldenShape(t *testing.T) {
	for _, tc := range []struct {
		name, method, target, body string
		status                     int
	}{
		{"alerts", "GET", "/api/v1/alerts?state=active&limit=1", "", 200},
		{"alert", "GET", "/api/v1/alerts/a-gate", "", 200},
		{"vehicles", "GET", "/api/v1/vehicles", "", 200},
		{"links", "GET", "/api/v1/links", "", 200},
		{"zones", "GET", "/api/v1/zones", "", 200},
		{"sightings", "GET", "/api/v1/sightings", "", 200},
		{"sorties", "GET", "/api/v1/sorties", "", 200},
		{"zone-events", "GET", "/api/v1/zone-events", "", 200},
		{"mark", "POST", "/api/v1/sightings", `{"lat":37.27,"lon":112}`, 201},
		{"act", "POST", "/api/v1/alerts/a-gate/acknowledge", `{"by":"Li"}`, 200},
		{"reload", "POST", "/-/reload", "", 200},
		{"problem-404", "GET", "/api/v1/alerts/none", "", 404},
		{"problem-422", "POST", "/api/v1/alerts/a-gate/close", `{}`, 422},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, l := fakes()
			w := do(newConsole(t, s, l, nil), tc.method, tc.target, tc.body, nil)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			var body any
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			got, err := json.MarshalIndent(body, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + tc.name + ".json"
			if *update {
				if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("the shape changed (-golden +now):\n%s", diff)
			}
		})
	}
}

func TestPlainRoutesAnswer(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	for target, want := range map[string]string{
		"/": "<!doctype html>", "/a/a-gate": "<!doctype html>", "/metrics": "riverwatch_build_info", "/-/healthy": "healthy", "/-/ready": "ready",
	} {
		if w := do(c, "GET", target, "", nil); w.Code != 200 || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("GET %s: %d %.60q, want %q", target, w.Code, w.Body, want)
		}
	}
	s.sick = errors.New("no link is up")
	for _, target := range []string{"/-/healthy", "/-/ready"} {
		if w := do(c, "GET", target, "", nil); w.Code != 503 || !strings.Contains(w.Body.String(), "no link is up") {
			t.Errorf("GET %s of a sick station: %d %s", target, w.Code, w.Body)
		}
	}
}

// problemIn checks that the answer is a whole problem document of that status and gives it.
func problemIn(t *testing.T, w *httptest.ResponseRecorder, status int) problem {
	t.Helper()
	var p problem
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("it is %q, not a problem document: %s", kind, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if p.Status != status || p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("the problem document is not whole: %+v", p)
	}
	return p
}

func TestBadRequestsAreRefusedWithWhatToDo(t *testing.T) {
	long := strings.Repeat("界", maxNote+1)
	for _, tc := range []struct {
		name, method, target, body string
		header                     http.Header
		status                     int
		says                       string
	}{
		{"unknown path", "GET", "/api/v1/nothing", "", nil, 404, "the API at"},
		{"wrong method", "DELETE", "/api/v1/alerts", "", nil, 405, "use GET"},
		{"two methods of one path", "PUT", "/api/v1/sightings", "", nil, 405, "use GET, POST"},
		{"an act for later", "POST", "/api/v1/alerts/a-gate/split", "{}", nil, 404, "acknowledge"},
		{"limit 0", "GET", "/api/v1/alerts?limit=0", "", nil, 422, "1 to 500"},
		{"limit 501", "GET", "/api/v1/alerts?limit=501", "", nil, 422, "1 to 500"},
		{"limit is a word", "GET", "/api/v1/sorties?limit=all", "", nil, 422, "1 to 500"},
		{"limit twice", "GET", "/api/v1/alerts?limit=1&limit=2", "", nil, 422, "once"},
		{"unknown parameter", "GET", "/api/v1/alerts?stat=open", "", nil, 422, "stat"},
		{"state of a list without", "GET", "/api/v1/sightings?state=open", "", nil, 422, "state"},
		{"unknown state", "GET", "/api/v1/alerts?state=nonsense", "", nil, 422, "no such list"},
		{"no JSON", "POST", "/api/v1/sightings", `{"lat":`, nil, 400, "one JSON object"},
		{"two objects", "POST", "/api/v1/sightings", `{"lat":1,"lon":2}{}`, nil, 400, "after it"},
		{"an array", "POST", "/api/v1/sightings", `[]`, nil, 400, "one JSON object"},
		{"null", "POST", "/api/v1/sightings", `null`, nil, 400, "null"},
		{"not UTF-8", "POST", "/api/v1/sightings", "{\"note\":\"\xff\"}", nil, 400, "UTF-8"},
		{"unknown field", "POST", "/api/v1/sightings", `{"lat":1,"lon":2,"ce90":3}`, nil, 400, "ce90"},
		{"text for a number", "POST", "/api/v1/sightings", `{"lat":"1","lon":2}`, nil, 422, "lat: is a string: give a number"},
		{"too large a number", "POST", "/api/v1/sightings", `{"lat":1e999,"lon":2}`, nil, 422, "lat"},
		{"an unreadable time", "POST", "/api/v1/sightings", `{"lat":1,"lon":2,"at":"today"}`, nil, 422, "today"},
		{"form encoding", "POST", "/api/v1/sightings", `{}`, http.Header{"Content-Type": {"text/plain"}}, 415, "application/json"},
		{"nothing", "POST", "/api/v1/sightings", ``, nil, 422, "lat: is missing"},
		{"latitude 90.1", "POST", "/api/v1/sightings", `{"lat":90.1,"lon":0}`, nil, 422, "-90 to 90"},
		{"longitude -180.1", "POST", "/api/v1/sightings", `{"lat":0,"lon":-180.1}`, nil, 422, "-180 to 180"},
		{"negative radius", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"ce90_m":-1}`, nil, 422, "0 to 10000"},
		{"huge radius", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"ce90_m":10001}`, nil, 422, "0 to 10000"},
		{"kind with a capital", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"kind":"Person"}`, nil, 422, "kind"},
		{"long note", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"note":"` + long + `"}`, nil, 422, "2000"},
		{"bell in a note", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"note":"\u0007"}`, nil, 422, "control"},
		{"long name", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"by":"` + strings.Repeat("x", maxBy+1) + `"}`, nil, 422, "64"},
		{"name on two lines", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"by":"a\nb"}`, nil, 422, "by"},
		{"of tomorrow", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"at":"2026-11-24T04:00:00Z"}`, nil, 422, "future"},
		{"of last week", "POST", "/api/v1/sightings", `{"lat":0,"lon":0,"at":"2026-11-16T04:00:00Z"}`, nil, 422, "24 h"},
		{"empty key", "POST", "/api/v1/sightings", `{"lat":0,"lon":0}`, http.Header{"Idempotency-Key": {""}}, 422, "Idempotency-Key"},
		{"long key", "POST", "/api/v1/sightings", `{"lat":0,"lon":0}`, http.Header{"Idempotency-Key": {strings.Repeat("k", maxKey+1)}}, 422, "128"},
		{"two keys", "POST", "/api/v1/sightings", `{"lat":0,"lon":0}`, http.Header{"Idempotency-Key": {"a", "b"}}, 422, "one key"},
		{"close without outcome", "POST", "/api/v1/alerts/a-gate/close", `{"by":"Li"}`, nil, 422, "outcome: is missing"},
		{"close with a sentence", "POST", "/api/v1/alerts/a-gate/close", `{"outcome":"It was nobody."}`, nil, 422, "one word"},
		{"outcome of an acknowledge", "POST", "/api/v1/alerts/a-gate/acknowledge", `{"outcome":"helped"}`, nil, 422, "close only"},
		{"too long a body", "POST", "/api/v1/sightings", `{"note":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "65536 bytes"},
		{"another site by name", "GET", "/api/v1/alerts", "", http.Header{"Host": {"evil.example"}}, 421, "evil.example"},
		{"another site posts", "POST", "/-/reload", "", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "another site"},
		{"another origin posts", "POST", "/-/reload", "", http.Header{"Origin": {"http://evil.example"}}, 403, "another site"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, l := fakes()
			r := request(tc.method, tc.target, tc.body, tc.header)
			if host := r.Header.Get("Host"); host != "" {
				r.Host = host
			}
			w := httptest.NewRecorder()
			newConsole(t, s, l, nil).ServeHTTP(w, r)
			if p := problemIn(t, w, tc.status); !strings.Contains(p.Detail, tc.says) {
				t.Errorf("the detail %q does not say %q", p.Detail, tc.says)
			}
			if len(s.marks)+len(s.acts)+s.reloads != 0 {
				t.Error("the station was asked all the same")
			}
		})
	}
}

func TestAllMistakesOfARequestAreToldAtOnce(t *testing.T) {
	s, l := fakes()
	w := do(newConsole(t, s, l, nil), "POST", "/api/v1/sightings", `{"lat":91,"ce90_m":-1,"kind":"?"}`, nil)
	p := problemIn(t, w, 422)
	var names []string
	for _, f := range p.Errors {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"lat", "lon", "ce90_m", "kind"}, names); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestTheStationsRefusalsBecomeTheirStatus(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		state  string
	}{
		{ErrUnknownAlert, 404, ""},
		{fmt.Errorf("act: %w", &ConflictError{State: "closed"}), 409, "closed"},
		{&ConflictError{Why: "marks are off"}, 409, ""},
		{&InvalidError{Fields: []Field{{"outcome", "is missing"}}}, 422, ""},
		{ErrKeyReused, 422, ""},
		{errors.Join(ErrStorage, errors.New("disk full")), 507, ""},
		{ErrBusy, 503, ""},
		{context.DeadlineExceeded, 503, ""},
		{errors.New("a secret path"), 500, ""},
	} {
		t.Run(fmt.Sprint(tc.status, tc.err), func(t *testing.T) {
			s, l := fakes()
			s.err = tc.err
			p := problemIn(t, do(newConsole(t, s, l, nil), "POST", "/api/v1/alerts/a-gate/acknowledge", "", nil), tc.status)
			if p.State != tc.state {
				t.Errorf("state %q, want %q", p.State, tc.state)
			}
			if strings.Contains(p.Detail, "secret") || strings.Contains(p.Detail, "disk full") {
				t.Errorf("the detail tells what only the log may: %q", p.Detail)
			}
		})
	}
}

func TestWhatAPersonSaysReachesTheStationWhole(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	key := http.Header{"Idempotency-Key": {"k-1"}}
	do(c, "POST", "/api/v1/sightings", `{"lat":37.25,"lon":111.95,"ce90_m":0,"kind":"boat","note":"two\nmen","by":" 李 ","at":"2026-11-23T11:00:00+08:00"}`, key)
	do(c, "POST", "/api/v1/sightings", `{"lat":0,"lon":0}`, nil)
	zero := 0.0
	want := []MarkRequest{
		{Lat: 37.25, Lon: 111.95, CE90M: &zero, Kind: "boat", Note: "two\nmen", By: "李", At: noon.Truncate(time.Hour).Add(-time.Hour), Key: "k-1"},
		{Kind: "person"},
	}
	if diff := cmp.Diff(want, s.marks, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	for _, act := range alerts.Acts() {
		body := `{"by":"Li","note":"n"}`
		if act == alerts.Close {
			body = `{"by":"Li","note":"n","outcome":"helped"}`
		}
		if w := do(c, "POST", "/api/v1/alerts/a%2Fb/"+string(act), body, key); w.Code != 200 {
			t.Fatalf("%s: %d %s", act, w.Code, w.Body)
		}
		got := s.acts[len(s.acts)-1]
		want := ActRequest{Alert: "a/b", Act: string(act), By: "Li", Note: "n", Key: "k-1"}
		if act == alerts.Close {
			want.Outcome = "helped"
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestAFilterReachesTheLedger(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	do(c, "GET", "/api/v1/alerts?state=active&limit=500&after=17", "", nil)
	do(c, "GET", "/api/v1/sightings", "", nil)
	if diff := cmp.Diff([]ledger.Filter{{State: "active", Limit: 500, After: "17"}, {Limit: 50}}, l.filters); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
}

func TestAStationThatDoesNotAnswerIsBusy(t *testing.T) {
	s, l := fakes()
	s.onAct = func(ctx context.Context, _ ActRequest) { <-ctx.Done() }
	c := newConsole(t, s, l, nil)
	c.timing.actWithin = time.Millisecond
	w := do(c, "POST", "/api/v1/alerts/a-gate/acknowledge", "", nil)
	problemIn(t, w, 503)
	if w.Header().Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
}

func TestARequestThatPanicsIsAnsweredAndTheNextOneServed(t *testing.T) {
	s, l := fakes()
	s.onAct = func(context.Context, ActRequest) { panic("a mistake") }
	c := newConsole(t, s, l, nil)
	problemIn(t, do(c, "POST", "/api/v1/alerts/a-gate/acknowledge", "", nil), 500)
	if w := do(c, "GET", "/-/healthy", "", nil); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestWithATokenEverythingButHealthyNeedsIt(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, func(o *Options) { o.Token = "correct horse" })
	bearer := func(v string) http.Header { return http.Header{"Authorization": {v}} }
	for _, tc := range []struct{ method, target string }{
		{"GET", "/api/v1/alerts"}, {"GET", "/api/v1/alerts/a-gate"}, {"GET", "/api/v1/vehicles"}, {"GET", "/api/v1/zones"}, {"GET", "/api/v1/sightings"},
		{"GET", "/api/v1/sorties"}, {"GET", "/api/v1/zone-events"}, {"GET", "/api/v1/links"}, {"GET", "/api/v1/stream"}, {"GET", "/metrics"}, {"GET", "/-/ready"},
		{"POST", "/-/reload"}, {"POST", "/api/v1/sightings"}, {"POST", "/api/v1/alerts/a-gate/acknowledge"}, {"GET", "/nothing"},
	} {
		for _, h := range []http.Header{nil, bearer("Bearer wrong"), bearer("Basic correct horse"), bearer("correct horse"), bearer("Bearer")} {
			w := do(c, tc.method, tc.target, "", h)
			problemIn(t, w, 401)
			if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s: no WWW-Authenticate", tc.method, tc.target)
			}
		}
		if w := do(c, tc.method, tc.target+"?token=correct+horse", "", nil); w.Code != 401 {
			t.Errorf("%s %s: a token in the address was taken: %d", tc.method, tc.target, w.Code)
		}
	}
	if len(s.acts)+len(s.marks)+s.reloads+len(l.filters) != 0 {
		t.Error("station or ledger were asked without the token")
	}
	for _, target := range []string{"/", "/a/a-gate"} {
		w := do(c, "GET", target, "", nil)
		if w.Code != 401 || !strings.Contains(w.Body.String(), `id="login"`) {
			t.Errorf("GET %s without a token: %d, want 401 with the page's login", target, w.Code)
		}
		if strings.Contains(w.Body.String(), "yanwu") {
			t.Errorf("GET %s without a token tells the station's name", target)
		}
	}
	if w := do(c, "GET", "/-/healthy", "", nil); w.Code != 200 {
		t.Errorf("healthy: %d", w.Code)
	}
	if w := do(c, "GET", "/api/v1/alerts", "", bearer("bearer correct horse")); w.Code != 200 {
		t.Errorf("with the token: %d", w.Code)
	}
}

func TestOnlyItsOwnNamesAreAnsweredOverLoopback(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, func(o *Options) { o.PublicURL = "https://watch.example.org/" })
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8070}
	outside := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8070}
	for _, tc := range []struct {
		host  string
		local net.Addr
		want  int
	}{
		{"localhost:8070", loopback, 200}, {"LOCALHOST", loopback, 200}, {"127.0.0.1:8070", loopback, 200}, {"127.9.9.9", loopback, 200}, {"[::1]:8070", loopback, 200},
		{"[::1]", loopback, 200}, {"watch.example.org", loopback, 200}, {"watch.example.org:443", loopback, 200},
		{"evil.example:8070", loopback, 421}, {"192.0.2.7", loopback, 421}, {"", loopback, 421}, {"localhost.evil.example", loopback, 421}, {"evil.example", nil, 421},
		{"station.lan", outside, 200},
	} {
		r := request("GET", "/-/healthy", "", nil)
		r.Host = tc.host
		if tc.local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tc.local))
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("host %q on %v: %d, want %d", tc.host, tc.local, w.Code, tc.want)
		}
	}
}

func TestThePublicOriginMayPost(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, func(o *Options) { o.PublicURL = "https://watch.example.org" })
	h := http.Header{"Origin": {"https://watch.example.org"}, "Sec-Fetch-Site": {"cross-site"}}
	if w := do(c, "POST", "/-/reload", "", h); w.Code != 200 {
		t.Errorf("behind a proxy: %d %s", w.Code, w.Body)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	s, l := fakes()
	good := Options{Station: s, Ledger: l, Metrics: http.NotFoundHandler()}
	for name, change := range map[string]func(*Options){
		"no station": func(o *Options) { o.Station = nil }, "no ledger": func(o *Options) { o.Ledger = nil }, "no metrics": func(o *Options) { o.Metrics = nil },
		"public_url without scheme": func(o *Options) { o.PublicURL = "watch.example.org" }, "public_url of a file": func(o *Options) { o.PublicURL = "file:///x" },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

func TestThePageAsksNothingOfOthersAndRunsOnlyItsOwnCode(t *testing.T) {
	s, l := fakes()
	w := do(newConsole(t, s, l, nil), "GET", "/", "", nil)
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	html := w.Body.String()
	for _, bad := range []string{"unsafe-", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "src=\"http", "href=\"http", "@import", "/*style*/", "/*script*/", "style=\""} {
		if strings.Contains(html+csp, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if n := strings.Count(html, "http://") - strings.Count(html, "http://www.w3.org/2000/svg"); n != 0 {
		t.Errorf("the page names %d addresses of others", n)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
