package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	pagesFor  = 5 * time.Second // that the pages of one number are watched
	pageMarks = 40              // marks while they are
)

// benchPages opens more and more pages on one station that hears three drones: what a page costs the station in a
// second and at each transition, how soon all have one, and that those who do not read cost the others nothing.
func benchPages(ctx context.Context, b *bench) (err error) {
	data, err := os.MkdirTemp(b.dir, "pages-")
	if err != nil {
		return err
	}
	p, err := b.startProcess(ctx, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	land := p.fly(3, 1)
	defer func() { err = errors.Join(err, land()) }()
	numbers := []int{0, 1, 10, 50, 200}
	var pages pages
	defer pages.close()
	var quiet, marked, answered, told, resident []float64
	for _, n := range numbers {
		opened := time.Now()
		if err := pages.open(p.http, n-len(pages.all)); err != nil {
			return err
		}
		if n == numbers[len(numbers)-1] {
			b.figure("150 more pages have their first view", nanoseconds(float64(time.Since(opened))), "", true)
		}
		m, err := watchPages(ctx, p, &pages)
		if err != nil {
			return err
		}
		quiet, marked, resident = append(quiet, m.quiet), append(marked, m.mark), append(resident, m.resident)
		answered, told = append(answered, m.answered), append(told, m.told)
	}
	words := fmt.Sprint(numbers)
	words = ", " + strings.ReplaceAll(words[1:len(words)-1], " ", " / ") + " pages"
	percent := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
	b.figure("processor"+words, written(quiet, percent), "", true)
	last := len(numbers) - 1
	b.figure("a page, for a second", nanoseconds(1e9*max(0, quiet[last]-quiet[0])/float64(numbers[last])), "", true)
	b.figure("processor for a mark and its transition"+words, written(marked, nanoseconds), "", true)
	b.figure("a page, for a transition", nanoseconds(max(0, marked[last]-marked[0])/float64(numbers[last])), "", true)
	b.figure("a mark answered"+words, written(answered, nanoseconds), "", true)
	b.figure("and told on all pages"+words, written(told, nanoseconds), "", true)
	b.figure("resident memory"+words, written(resident, mib), "", true)

	// 50 that ask and never read: those who read do not notice.
	var stuck []net.Conn
	defer func() {
		for _, c := range stuck {
			_ = c.Close() // nothing was to come of it
		}
	}()
	for range 50 {
		c, err := net.Dial("tcp", p.http)
		if err != nil {
			return err
		}
		stuck = append(stuck, c)
		if _, err := fmt.Fprintf(c, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
	}
	m, err := watchPages(ctx, p, &pages)
	if err != nil {
		return err
	}
	b.figure("a mark told on all 200 pages, beside 50 that never read", nanoseconds(m.told), "as without them", m.told < 2*told[last]+2e6)
	return nil
}

// pagesMeasured is what so many pages cost a station; times in ns.
type pagesMeasured struct {
	quiet    float64 // of a core, while nothing happens but that drones fly
	mark     float64 // processor time
	answered float64
	told     float64 // from the mark to the last page
	resident float64 // bytes
}

func watchPages(ctx context.Context, p *process, pages *pages) (m pagesMeasured, err error) {
	before, err := p.use()
	if err != nil {
		return m, err
	}
	begun := time.Now()
	if err := pause(ctx, pagesFor); err != nil {
		return m, err
	}
	after, err := p.use()
	if err != nil {
		return m, err
	}
	m.quiet = (after.cpu - before.cpu).Seconds() / time.Since(begun).Seconds()
	m.resident = float64(after.resident)
	var answered, told []float64
	begun = time.Now()
	for range pageMarks {
		sent := time.Now()
		seen := pages.expect()
		answer, err := http.Post("http://"+p.http+"/api/v1/sightings", "application/json", strings.NewReader(`{"lat":37.274,"lon":112.005,"ce90_m":5}`))
		if err != nil {
			return m, err
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			return m, fmt.Errorf("a mark was answered with %s", answer.Status)
		}
		answered = append(answered, float64(time.Since(sent)))
		for range pages.all {
			select {
			case <-seen:
			case <-time.After(5 * time.Second):
				return m, errors.New("a page was not told of a transition within 5 s")
			}
		}
		told = append(told, float64(time.Since(sent)))
	}
	marks, err := p.use()
	if err != nil {
		return m, err
	}
	m.mark = max(0, float64(marks.cpu-after.cpu)-m.quiet*float64(time.Since(begun))) / pageMarks
	m.answered, m.told = median(answered), median(told)
	return m, nil
}

// pages are open live streams.
type pages struct {
	all  []net.Conn
	mu   sync.Mutex
	seen chan struct{} // has one for each transition that a page was told of
	done sync.WaitGroup
}

// open opens n more and waits until each has its snapshot.
func (ps *pages) open(addr string, n int) error {
	ready := make(chan error, n)
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		ps.all = append(ps.all, c)
		if _, err := fmt.Fprintf(c, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		ps.done.Go(func() { ps.read(c, ready) })
	}
	for range n {
		if err := <-ready; err != nil {
			return err
		}
	}
	return nil
}

func (ps *pages) read(c net.Conn, ready chan<- error) {
	in := bufio.NewReaderSize(c, 16<<10)
	begun := false
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // the rest of a long line is no name of an event
		case err != nil:
			if !begun {
				ready <- err
			}
			return
		case bytes.Equal(line, []byte("event: snapshot\n")) && !begun:
			begun = true
			ready <- nil
		case bytes.Equal(line, []byte("event: transition\n")):
			ps.mu.Lock()
			seen := ps.seen
			ps.mu.Unlock()
			if seen != nil {
				seen <- struct{}{}
			}
		}
	}
}

// expect gives a channel that has one for each page that is told of a transition from now on.
func (ps *pages) expect() <-chan struct{} {
	seen := make(chan struct{}, 4*len(ps.all)+1)
	ps.mu.Lock()
	ps.seen = seen
	ps.mu.Unlock()
	return seen
}

func (ps *pages) close() {
	for _, c := range ps.all {
		_ = c.Close() // nothing more is wanted
	}
	ps.done.Wait()
}
