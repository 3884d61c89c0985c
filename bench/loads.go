package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// loadResult is what the load program prints; see bench/load.
type loadResult struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Unsent   int     `json:"unsent"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
	First    string  `json:"first_error"`
}

// load runs our own client against url.
func (b *bench) load(ctx context.Context, d time.Duration, url string, mode string, flags ...string) (loadResult, error) {
	var r loadResult
	path, err := b.program(ctx, "load", "./bench/load")
	if err != nil {
		return r, err
	}
	args := append([]string{mode, "-duration", d.String()}, flags...)
	out, err := output(exec.CommandContext(ctx, path, append(args, url)...))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Unsent > 0 {
		r.Errors += r.Unsent
		r.First = cmp.Or(r.First, "requests were not sent because too many were unanswered")
	}
	return r, nil
}

// wrk runs wrk, which is a cheaper client than ours for small answers.
func (b *bench) wrk(ctx context.Context, conns int, url string, more ...string) (loadResult, error) {
	path, err := installed("wrk", "wrk")
	if err != nil {
		return loadResult{}, err
	}
	seconds := max(1, int(b.settings.duration.Round(time.Second)/time.Second)) // it takes whole ones
	args := append([]string{"-t" + strconv.Itoa(min(conns, 2)), "-c" + strconv.Itoa(conns),
		"-d" + strconv.Itoa(seconds) + "s", "--timeout", "10s", "--latency"}, more...)
	out, err := output(exec.CommandContext(ctx, path, append(args, url)...))
	if err != nil {
		return loadResult{}, err
	}
	return parseWrk(string(out))
}

// output runs a client and returns what it wrote; the error has its complaint.
func output(cmd *exec.Cmd) ([]byte, error) {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

var (
	wrkTotal   = regexp.MustCompile(`(\d+) requests in ([\d.]+)(ms|s|m), ([\d.]+)(B|KB|MB|GB|TB) read`)
	wrkPercent = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$`)
	wrkErrors  = regexp.MustCompile(`connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkUnits   = map[string]float64{
		"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, // to milliseconds
		"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40,
	}
)

// parseWrk reads the report of wrk 4.
func parseWrk(text string) (loadResult, error) {
	m := wrkTotal.FindStringSubmatch(text)
	if m == nil {
		return loadResult{}, fmt.Errorf("cannot read the report of wrk: %q", text)
	}
	float := func(s string) float64 { x, _ := strconv.ParseFloat(s, 64); return x } // matched digits
	var r loadResult
	r.Requests, _ = strconv.Atoi(m[1])
	r.Seconds = float(m[2]) * wrkUnits[m[3]] / 1000
	r.Bytes = int64(float(m[4]) * wrkUnits[m[5]])
	for _, p := range wrkPercent.FindAllStringSubmatch(text, -1) {
		ms := float(p[2]) * wrkUnits[p[3]]
		if p[1] == "50" {
			r.P50 = ms
		} else {
			r.P99 = ms
		}
	}
	for _, e := range []*regexp.Regexp{wrkErrors, wrkStatus} {
		if m := e.FindStringSubmatch(text); m != nil {
			r.First = cmp.Or(r.First, m[0])
			for _, n := range m[1:] {
				r.Errors += int(float(n))
			}
		}
	}
	return r, nil
}
