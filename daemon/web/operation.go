package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Operations registers operations of the API under one tag of its document.
type Operations struct {
	api huma.API
	tag string
}

// Operations returns what Route registers operations of one tag with.
func (s *Server) Operations(tag string) Operations { return Operations{s.api, tag} }

// Route registers one operation, in the form of a row of a table: method and
// path, who answers, and what the document says of it.
func Route[I, O any](ops Operations, method, path string, handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation)) {
	o := huma.Operation{Method: method, Path: path, Tags: []string{ops.tag}}
	for _, option := range options {
		option(&o)
	}
	huma.Register(ops.api, o, handler)
}

// Describe says in the document what an operation does, and with which
// statuses it fails besides those that every operation has.
func Describe(id, summary, description string, errors ...int) func(*huma.Operation) {
	return func(o *huma.Operation) {
		o.OperationID, o.Summary, o.Description = id, summary, description
		o.Errors = append(o.Errors, errors...)
	}
}

// Known is the entity tag that the caller has already. Inputs of operations
// that answer with Tag embed it.
type Known struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000"`
}

// Tagged is an answer with an entity tag, so that a page that looks again
// costs no bytes when nothing changed.
type Tagged[B any] struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         B
}

// Tag shapes an answer that depends on who asks: 200 with the body, or 304 if
// known names it already.
func Tag[B any](known Known, body B) (*Tagged[B], error) {
	etag, err := ETag(body)
	if err != nil {
		return nil, err
	}
	out := &Tagged[B]{Status: http.StatusOK, ETag: etag, CacheControl: "private, no-cache", Body: body}
	if NoneMatch(known.IfNoneMatch, etag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// ETag returns a strong entity tag, in quotes, of what will be a JSON body.
func ETag(body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:16]) + `"`, nil
}

// NoneMatch reports whether an If-None-Match header names etag, which is in
// quotes: RFC 9110 §13.1.2, by weak comparison.
func NoneMatch(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}
