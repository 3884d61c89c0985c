package faults

import (
	"net/http"
	"slices"
)

// problem is an entry of the lists of what is wrong.
type problem struct{ Code, Text, Hint string }

// problems asks the workshop's state and the overview what is wrong.
func (p *program) problems() (status, overview []problem) {
	p.t.Helper()
	var s struct{ Problems []problem }
	p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/status", nil, &s)
	var o struct{ Attention []problem }
	p.must(http.StatusOK, http.MethodGet, "/api/v1/overview", nil, &o)
	return s.Problems, o.Attention
}

func has(list []problem, code string) bool {
	return slices.ContainsFunc(list, func(p problem) bool { return p.Code == code && p.Text != "" })
}
