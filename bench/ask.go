package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// modRoute is what the daemon calls requests for mods in its metrics.
const modRoute = "/m{item}_{version}.zip"

// sent is what a daemon says of the mods that it sent.
type sent struct{ files, seconds float64 }

// hasSent reads from the daemon's own metrics how many requests for mods there
// were and how long it took to answer them, once there were so many. The end
// of an answer is counted a moment after its client has seen it.
func (p *process) hasSent(ctx context.Context, files float64) (s sent, err error) {
	const name = "quartermaster_http_request_duration_seconds"
	_, err = p.until(ctx, "/metrics", func(body string) bool {
		n, ok := metric(body, name+`_count{route="`+modRoute+`"}`)
		seconds, ok2 := metric(body, name+`_sum{route="`+modRoute+`"}`)
		s = sent{n, seconds}
		return ok && ok2 && n >= files
	})
	if err == nil && s.files > files {
		err = fmt.Errorf("there were %v requests for mods, expected %v", s.files, files)
	}
	return s, err
}

// askEvery is how often a daemon is asked whether it is done.
const askEvery = 5 * time.Millisecond

// until asks for path until the answer is 200 and has what is wanted; nil
// wants nothing and asks for the header only, after the first time. It returns
// how often it asked.
func (p *process) until(ctx context.Context, path string, wanted func(body string) bool) (asked int, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	method := http.MethodGet
	for {
		asked++
		status, body, err := p.ask(ctx, method, path)
		if err != nil {
			return asked, fmt.Errorf("%s: %w\n%s", path, err, tail(p.log))
		}
		if status == http.StatusOK && (wanted == nil || wanted(body)) {
			return asked, nil
		}
		if wanted == nil {
			method = http.MethodHead
		}
		select {
		case <-ctx.Done():
			return asked, fmt.Errorf("%s: still %d: %.200s\n%s", path, status, body, tail(p.log))
		case <-time.After(askEvery):
		}
	}
}

func (p *process) get(ctx context.Context, path string) (int, string, error) {
	return p.ask(ctx, http.MethodGet, path)
}

func (p *process) ask(ctx context.Context, method, path string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// metric finds the value of a series in the text that Prometheus reads.
func metric(text, series string) (float64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return value, err == nil
		}
	}
	return 0, false
}
