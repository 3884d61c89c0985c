package main

import (
	"slices"
	"sync"
	"time"
)

// Result is what one run saw. Latencies are in milliseconds. A request that
// fails, or is answered with an unexpected status, is an error and counts
// nowhere else; Unsent are requests of an open loop that found too many
// unanswered before them.
type Result struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Unsent   int     `json:"unsent,omitempty"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
	First    string  `json:"first_error,omitempty"`
}

// tally collects from many goroutines.
type tally struct {
	mu        sync.Mutex
	result    Result
	latencies []time.Duration
}

func (t *tally) ok(bytes int64, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Requests++
	t.result.Bytes += bytes
	t.latencies = append(t.latencies, took)
}

func (t *tally) partial(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Bytes += bytes
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Errors++
	if t.result.First == "" {
		t.result.First = err.Error()
	}
}

// sum closes the books after took.
func (t *tally) sum(took time.Duration) Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Seconds = took.Seconds()
	if n := len(t.latencies); n > 0 {
		slices.Sort(t.latencies)
		t.result.P50 = milliseconds(t.latencies[n/2])
		t.result.P99 = milliseconds(t.latencies[n*99/100])
		t.result.Max = milliseconds(t.latencies[n-1])
	}
	return t.result
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
