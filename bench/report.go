package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the whole run.
type report struct {
	Time     time.Time    `json:"time"`
	Machine  string       `json:"machine"`
	Go       string       `json:"go"`
	CPUs     int          `json:"cpus"`
	Rounds   int          `json:"rounds"`
	Duration string       `json:"duration"`
	Cells    []cellResult `json:"cells"`
}

func newReport(s settings) *report {
	return &report{
		Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Go: runtime.Version(),
		CPUs: runtime.NumCPU(), Rounds: s.rounds, Duration: s.duration.String(),
	}
}

// machine names the system and the processor.
func machine() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return name // not Linux
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return name + ", " + strings.TrimSpace(value)
		}
	}
	return name
}

// print writes two tables: what everybody did, and the ratios.
func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, %s, %d processors, %s; %d rounds of %s\n\n",
		r.Time.Format("2006-01-02 15:04"), r.Machine, r.CPUs, r.Go, r.Rounds, r.Duration)
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "cell\tserver\tmedians\terrors\tCPU s\tPSS MB")
	for _, c := range r.Cells {
		for _, subject := range slices.Sorted(maps.Keys(c.Samples)) {
			c.printSubject(tw, subject)
		}
	}
	_ = tw.Flush() // a terminal that is gone
	fmt.Fprintln(out)
	fmt.Fprintln(tw, "cell\tmetric\tdaemon : peer\trange\tgoal\toutcome")
	for _, c := range r.Cells {
		for _, v := range c.Verdicts {
			v.print(tw, c)
		}
	}
	_ = tw.Flush()
}

func (c *cellResult) printSubject(w io.Writer, subject string) {
	samples := c.Samples[subject]
	errors, cpu, pss := 0, 0.0, 0.0
	for _, s := range samples {
		errors += s.Errors
		cpu += s.CPU
		pss = max(pss, s.PSS)
	}
	var values []string
	for _, metric := range slices.Sorted(maps.Keys(samples[0].Values)) {
		var all []float64
		for _, s := range samples {
			all = append(all, s.Values[metric])
		}
		slices.Sort(all)
		values = append(values, number(median(all))+" "+metric)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.2f\t%.1f\n", c.Name, subject, strings.Join(values, ", "), errors, cpu, pss)
}

func (v *verdict) print(w io.Writer, c cellResult) {
	peer, sign := ": "+v.Peer, "≥"
	if v.Peer == "" {
		peer = "(itself)"
	}
	if v.AtMost {
		sign = "≤"
	}
	outcome := v.Outcome
	switch v.Outcome {
	case skipped:
		outcome += ": " + c.Skipped[v.Peer]
	case notDecided:
		outcome += ", " + v.everyRound()
	}
	if v.Comment != "" {
		outcome += " (" + v.Comment + ")"
	}
	fmt.Fprintf(w, "%s\t%s\t%s %s\t%s – %s\t%s %s\t%s\n", c.Name, v.Metric, number(v.Median), peer,
		number(v.Low), number(v.High), sign, number(v.Target), outcome)
}

// number keeps three digits.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1 || x == 0:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.2g", x)
}
