package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Problem is one fault of a configuration.
type Problem struct {
	// Source is the file, "environment" or "flag".
	Source string
	// Line is the line in the file, 0 when unknown or not a file.
	Line int
	// Key is the dotted path of the setting, for example
	// "workshop.monitor.interval"; for the environment the variable's name.
	Key string
	// Message says what is wrong and, where possible, what to write instead.
	Message string
}

// String returns "file:line: key: message" without the parts that are empty.
func (p Problem) String() string {
	var b strings.Builder
	if p.Source != "" {
		b.WriteString(p.Source)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the list of all faults of a configuration, in the order of
// the file. It is an error of kind fault.Invalid.
type Problems []Problem

// Error returns one fault per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets fault.KindOf see the kind.
func (ps Problems) Unwrap() error { return fault.New(fault.Invalid, "The configuration is wrong") }

func (ps Problems) sorted() Problems {
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].Line < ps[j].Line })
	return ps
}
