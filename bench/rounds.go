package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// cell is one workload. Its subjects take turns: A B C A B C …
type cell struct {
	name, about string
	subjects    []string // "daemon" and its peers
	run         func(ctx context.Context, b *bench, subject string) (sample, error)
	goals       []goal
}

// sample is what one subject did in one round.
type sample struct {
	Values map[string]float64 `json:"values"` // by metric, see README.md
	Errors int                `json:"errors"`
	First  string             `json:"first_error,omitempty"`
	CPU    float64            `json:"server_cpu_s"`
	PSS    float64            `json:"server_pss_mb"`
}

// goal is a bound on the daemon's metric divided by a peer's, or, without a
// peer, on the metric itself.
type goal struct {
	Metric  string  `json:"metric"`
	Peer    string  `json:"peer,omitempty"`
	AtMost  bool    `json:"at_most,omitempty"` // else at least
	Target  float64 `json:"target"`
	Comment string  `json:"comment,omitempty"`
}

// verdict is a goal and what came of it.
type verdict struct {
	goal
	Median  float64   `json:"median"`
	Low     float64   `json:"low"`
	High    float64   `json:"high"`
	Rounds  []float64 `json:"rounds"`
	Outcome string    `json:"outcome"` // met, missed, not decided, skipped
}

// cellResult is everything about one cell.
type cellResult struct {
	Name     string              `json:"name"`
	About    string              `json:"about"`
	Samples  map[string][]sample `json:"samples"` // by subject
	Skipped  map[string]string   `json:"skipped,omitempty"`
	Verdicts []verdict           `json:"verdicts"`
	Repeated bool                `json:"repeated"`
}

// spread is how far a round may be from the median before the cell says
// nothing: the machine was busy with something else.
const spread = 0.20

const (
	met        = "met"
	missed     = "MISSED"
	notDecided = "not decided"
	skipped    = "SKIPPED"
)

// measure runs all rounds of c, and once more if they disagree.
func (b *bench) measure(ctx context.Context, c cell) (cellResult, error) {
	r := cellResult{Name: c.name, About: c.about, Skipped: map[string]string{}}
	for attempt := range 2 {
		r.Repeated = attempt > 0
		if err := b.rounds(ctx, c, &r); err != nil {
			return r, err
		}
		r.Verdicts = r.Verdicts[:0]
		for _, g := range c.goals {
			r.Verdicts = append(r.Verdicts, judge(g, r.Samples))
		}
		if !slices.ContainsFunc(r.Verdicts, func(v verdict) bool { return v.Outcome == notDecided }) {
			break
		}
		if attempt == 0 {
			fmt.Fprintf(os.Stderr, "%s: rounds differ by more than %.0f %%, again\n", c.name, spread*100)
		}
	}
	return r, nil
}

func (b *bench) rounds(ctx context.Context, c cell, r *cellResult) error {
	r.Samples = map[string][]sample{}
	for round := range b.settings.rounds {
		for _, subject := range c.subjects {
			if r.Skipped[subject] != "" {
				continue
			}
			s, err := b.sample(ctx, c, subject)
			var missing *missingError
			if errors.As(err, &missing) {
				r.Skipped[subject] = missing.Error()
				fmt.Fprintf(os.Stderr, "%s: SKIPPED %s: %v\n", c.name, subject, missing)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", subject, round+1, err)
			}
			if s.Errors > 0 {
				fmt.Fprintf(os.Stderr, "%s: %s: %d errors: %s\n", c.name, subject, s.Errors, s.First)
			}
			r.Samples[subject] = append(r.Samples[subject], s)
		}
	}
	return nil
}

// sample bounds one measurement: set-up, the run itself, and what is left
// over.
func (b *bench) sample(ctx context.Context, c cell, subject string) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, b.settings.duration+2*time.Minute)
	defer cancel()
	return c.run(ctx, b, subject)
}

// judge compares round by round: neighbours in time had the same machine.
func judge(g goal, samples map[string][]sample) verdict {
	v := verdict{goal: g}
	ours, peers := samples["daemon"], samples[g.Peer]
	for i := range ours {
		value := ours[i].Values[g.Metric]
		if g.Peer != "" {
			if i >= len(peers) || peers[i].Values[g.Metric] == 0 {
				continue
			}
			value /= peers[i].Values[g.Metric]
		}
		v.Rounds = append(v.Rounds, value)
	}
	if len(v.Rounds) == 0 {
		v.Outcome = skipped
		return v
	}
	sorted := slices.Sorted(slices.Values(v.Rounds))
	v.Median, v.Low, v.High = median(sorted), sorted[0], sorted[len(sorted)-1]
	switch {
	case g.Peer != "" && (v.High > v.Median*(1+spread) || v.Low < v.Median*(1-spread)):
		v.Outcome = notDecided
	case g.AtMost == (v.Median <= g.Target), v.Median == g.Target:
		v.Outcome = met
	default:
		v.Outcome = missed
	}
	return v
}

// everyRound reports whether the goal held, or failed, in all rounds alike,
// which is worth saying when the rounds differ too much to decide.
func (v *verdict) everyRound() string {
	held := 0
	for _, x := range v.Rounds {
		if x == v.Target || v.AtMost == (x < v.Target) {
			held++
		}
	}
	return fmt.Sprintf("held in %d of %d rounds", held, len(v.Rounds))
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
