package main

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wrkReport = `Running 2s test @ http://127.0.0.1:1/x
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   655.87us    1.33ms  31.92ms   95.90%
    Req/Sec    19.01k     3.50k   26.39k    70.00%
  Latency Distribution
     50%  370.00us
     75%  560.00us
     90%    1.03ms
     99%    6.68ms
  75659 requests in 2.00s, 1.50GB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 4
Requests/sec:  37792.86
Transfer/sec:    767.30MB
`

func TestParseWrk(t *testing.T) {
	got, err := parseWrk(wrkReport)
	want := loadResult{
		Requests: 75659, Seconds: 2, Bytes: 3 << 29, P50: 0.37, P99: 6.68, Errors: 10,
		First: "connect 1, read 2, write 0, timeout 3",
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if _, err := parseWrk("unable to connect"); err == nil {
		t.Error("no error for a report without figures")
	}
}

func rounds(metric string, values ...float64) []sample {
	var all []sample
	for _, v := range values {
		all = append(all, sample{Values: map[string]float64{metric: v}})
	}
	return all
}

func TestJudge(t *testing.T) {
	peer := rounds("x", 10, 20, 30, 10, 20)
	tests := []struct {
		name    string
		goal    goal
		ours    []sample
		peer    []sample
		median  float64
		outcome string
	}{
		{"at least", least("x", "p", 0.9), rounds("x", 9, 18, 27, 10, 20), peer, 0.9, met},
		{"not enough", least("x", "p", 1.1), rounds("x", 10, 20, 30, 10, 20), peer, 1, missed},
		{"at most", most("x", "p", 1), rounds("x", 9, 18, 27, 9, 18), peer, 0.9, met},
		{"too much", most("x", "p", 0.8), rounds("x", 9, 18, 27, 9, 18), peer, 0.9, missed},
		{"rounds disagree", least("x", "p", 0.5), rounds("x", 10, 20, 30, 10, 40), peer, 1, notDecided},
		{"no peer", least("x", "p", 0.5), rounds("x", 10), nil, 0, skipped},
		{"no daemon", least("x", "p", 0.5), nil, peer, 0, skipped},
		{"a figure of our own may vary", most("x", "", 3), rounds("x", 0, 1, 2), nil, 1, met},
	}
	for _, tt := range tests {
		v := judge(tt.goal, map[string][]sample{"daemon": tt.ours, "p": tt.peer})
		if v.Median != tt.median || v.Outcome != tt.outcome {
			t.Errorf("%s: median %v, %q; want %v, %q", tt.name, v.Median, v.Outcome, tt.median, tt.outcome)
		}
	}
}

func TestParseFlags(t *testing.T) {
	s, err := parse([]string{"-quick", "-cells", "mod-(small|mid)"})
	if err != nil || s.rounds != 2 || s.duration != 500*time.Millisecond || !s.cells.MatchString("mod-mid") || s.cells.MatchString("mod-big-1") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range [][]string{{"-cells", "("}, {"-rounds", "0"}, {"-duration", "2h"}, {"extra"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestCellsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cells() {
		if seen[c.name] || c.about == "" || c.run == nil || len(c.goals) == 0 {
			t.Errorf("cell %q", c.name)
		}
		seen[c.name] = true
		subjects := strings.Join(c.subjects, " ") + " "
		for _, g := range c.goals {
			if !strings.Contains(subjects, "daemon ") || !strings.Contains(subjects, g.Peer+" ") {
				t.Errorf("cell %q compares with %q, which does not take part", c.name, g.Peer)
			}
		}
	}
}

func TestRandomZip(t *testing.T) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b, err := randomZip(size)
		if err != nil || len(b) != size {
			t.Fatalf("%d bytes, %v; want %d", len(b), err, size)
		}
		if _, err := zip.NewReader(bytes.NewReader(b), int64(size)); err != nil {
			t.Error(err)
		}
	}
}
