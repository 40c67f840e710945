package console

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// files are the page's sources; page/*.js share one scope, in the order of scripts.
//
//go:embed page/*
var files embed.FS

var scripts = []string{"dom.js", "api.js", "sight.js", "map.js", "alerts.js", "fleet.js", "main.js"}

// page is the whole page as one document: a browser cannot send the station's token with a request for a script or a
// style sheet, so there are none to ask for.
type page struct {
	html []byte
	csp  string // allows exactly this document's script and style, and requests to the station itself
}

func newPage() page {
	read := func(name string) string {
		b, err := files.ReadFile("page/" + name)
		if err != nil {
			panic(err) // embedded at compile time
		}
		return string(b)
	}
	style := read("style.css")
	var script strings.Builder
	for _, name := range scripts {
		script.WriteString(read(name))
	}
	html := strings.Replace(read("index.html"), "/*style*/", style, 1)
	html = strings.Replace(html, "/*script*/", script.String(), 1)
	return page{html: []byte(html), csp: "default-src 'none'; connect-src 'self'; img-src 'self' data:" +
		"; style-src " + cspHash(style) + "; script-src " + cspHash(script.String()) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

func cspHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) write(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(p.html)))
	w.WriteHeader(status)
	_, _ = w.Write(p.html) // the client is gone: nobody is left to tell
}

// isPage tells a request for the page or for one alert in it.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	id, ok := strings.CutPrefix(r.URL.Path, "/a/")
	return r.URL.Path == "/" || ok && id != "" && !strings.Contains(id, "/")
}
