package console

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// What is ambiguous, or would be taken in part, is refused: a mark at the wrong place sends people there.
func TestARequestThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	const mark, good = "/api/v1/sightings", `{"lat":37,"lon":112}`
	for name, tc := range map[string]struct {
		target, body string
		header       http.Header
		status       int
		says         string
	}{
		"a field twice":                  {mark, `{"lat":37,"lat":38,"lon":112}`, nil, 400, "lat"},
		"a field in capitals":            {mark, `{"LAT":37,"lon":112}`, nil, 400, "LAT"},
		"a field again in capitals":      {mark, `{"lat":37,"lon":112,"Lon":5}`, nil, 400, "Lon"},
		"a field twice, once escaped":    {mark, `{"lat":37,"l\u0061t":38,"lon":112}`, nil, 400, "lat"},
		"an unknown field":               {mark, `{"lat":37,"lon":112,"extra":{"lat":1}}`, nil, 400, "extra"},
		"a field of a megabyte's kin":    {mark, `{"` + strings.Repeat("x", 50_000) + `":1}`, nil, 400, "xxx…"},
		"a list":                         {mark, `[]`, nil, 400, "the body is a list: send one JSON object"},
		"a text":                         {mark, `"lat"`, nil, 400, "is a text: send one JSON object"},
		"a number":                       {mark, `37`, nil, 400, "is a number: send one JSON object"},
		"nothing":                        {mark, `null`, nil, 400, "is null: send one JSON object"},
		"two objects":                    {mark, good + good, nil, 400, "after it"},
		"half an object":                 {mark, `{"lat":37,`, nil, 400, "not JSON"},
		"a deep nest":                    {mark, strings.Repeat(`{"lat":`, 9_000), nil, 400, "not JSON"},
		"a compressed body":              {mark, good, http.Header{"Content-Encoding": {"gzip"}}, 415, "Content-Encoding"},
		"another character set":          {mark, good, http.Header{"Content-Type": {"application/json; charset=gbk"}}, 415, "UTF-8"},
		"a time that is none":            {mark, `{"lat":37,"lon":112,"at":"yesterday"}`, nil, 422, "like 2026-11-23T07:50:00Z"},
		"a time as a number":             {mark, `{"lat":37,"lon":112,"at":1795000000}`, nil, 422, "at: is a number"},
		"half a surrogate":               {mark, `{"lat":37,"lon":112,"note":"\ud800"}`, nil, 422, "note"},
		"a name that runs backwards":     {mark, "{\"lat\":37,\"lon\":112,\"by\":\"li\u202edael\"}", nil, 422, "by"},
		"a note that runs backwards":     {mark, "{\"lat\":37,\"lon\":112,\"note\":\"\u2066x\"}", nil, 422, "note"},
		"a parameter where none belongs": {mark + "?lat=1", good, nil, 422, "lat"},
	} {
		t.Run(name, func(t *testing.T) {
			s, l := fakes()
			w := do(newConsole(t, s, l, nil), "POST", tc.target, tc.body, tc.header)
			p := problemIn(t, w, tc.status)
			if !strings.Contains(p.Detail, tc.says) || strings.Contains(p.Detail, "Go ") || len(p.Detail) > 400 {
				t.Errorf("%.400q does not say %q, plainly and briefly", p.Detail, tc.says)
			}
			if len(s.marks) > 0 {
				t.Errorf("and it was marked: %v", s.marks)
			}
		})
	}
}

func TestAListIsNotGivenForParametersThatWereOnlyReadInPart(t *testing.T) {
	s, l := fakes()
	c := newConsole(t, s, l, nil)
	for _, q := range []string{"state=active;limit=2", "state=active&limit=%zz", "%"} {
		if w := do(c, "GET", "/api/v1/alerts?"+q, "", nil); w.Code != 422 {
			t.Errorf("%q gave %d: %s", q, w.Code, w.Body)
		}
	}
}

func TestWordsInEveryScriptPass(t *testing.T) {
	s, l := fakes()
	body := `{"lat":37,"lon":112,"at":null,"by":"李 " ,"note":"兩人\n👨\u200d👩\u200d👧 می\u200cروند \ud83d\ude00","ce90_m":null}`
	w := do(newConsole(t, s, l, nil), "POST", "/api/v1/sightings", body, http.Header{"Content-Type": {`application/json; charset="UTF-8"`}})
	if w.Code != 201 {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// While the disk is full the log must not fill what is left of it.
func TestAFloodOfRefusalsIsNotAFloodInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := fakes()
		s.err = ErrStorage
		core, logged := observer.New(zap.InfoLevel)
		c := newConsole(t, s, l, func(o *Options) { o.Log = zap.New(core) })
		for range 1000 {
			if w := do(c, "POST", "/api/v1/sightings", `{"lat":37,"lon":112}`, nil); w.Code != 507 {
				t.Fatal(w.Code)
			}
		}
		if n := logged.Len(); n == 0 || n > 20 {
			t.Errorf("1000 refusals in a second gave %d lines", n)
		}
	})
}
