package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// newAPI makes the huma API on our mux. What huma would serve by itself is
// switched off: its viewers load from other hosts, its schema links add a
// $schema member to our answers.
func newAPI(s *Server) huma.API {
	useProblems()
	c := huma.DefaultConfig("Quartermaster", s.options.Version)
	c.Info.Description = "Keeps what a community's game servers live on. " +
		"Errors are application/problem+json (RFC 9457) with a request id."
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Transformers = []huma.Transformer{completeProblem}
	c.Servers = []*huma.Server{{URL: "/", Description: "This server"}}
	return huma.NewAPI(c, adapter{s})
}

// document is the OpenAPI document in its two spellings. The bytes are built
// when they are first asked for, because the start of the process is worth
// more than the first look at the documentation.
type document struct {
	mu         sync.Mutex
	json, yaml *rendering
}

type rendering struct {
	body []byte
	etag string
}

func (d *document) stale() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.json, d.yaml = nil, nil
}

// add completes an operation that was written by hand and adds it.
func (d *document) add(o *huma.OpenAPI, op *huma.Operation) {
	d.stale()
	for name := range pathParams(op.Path) {
		described := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name })
		if !described {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			})
		}
	}
	if len(op.Responses) == 0 {
		op.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK)}}
	}
	o.AddOperation(op)
}

// pathParams yields the names in braces.
func pathParams(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			_, rest, ok := strings.Cut(path, "{")
			name, tail, closed := strings.Cut(rest, "}")
			if !ok || !closed || !yield(name) {
				return
			}
			path = tail
		}
	}
}

func (d *document) render(o *huma.OpenAPI, slot **rendering, marshal func() ([]byte, error)) (*rendering, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *slot == nil {
		body, err := marshal()
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		*slot = &rendering{body: body, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
	}
	return *slot, nil
}

func (s *Server) serveOpenAPI(slot **rendering, contentType string, marshal func() ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc, err := s.document.render(s.api.OpenAPI(), slot, marshal)
		if err != nil {
			WriteError(w, r, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", doc.etag)
		w.Header()["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(doc.body))
	})
}

func (s *Server) registerDocs() {
	o := s.api.OpenAPI()
	s.handle("GET /openapi.json", s.serveOpenAPI(&s.document.json, "application/json", o.MarshalJSON),
		ownOperation("get-openapi-json", "/openapi.json", "This document as JSON")).open()
	s.handle("GET /openapi.yaml", s.serveOpenAPI(&s.document.yaml, "application/yaml", o.YAML),
		ownOperation("get-openapi-yaml", "/openapi.yaml", "This document as YAML")).open()
	s.registerViewer()
}

func ownOperation(id, path, summary string) *huma.Operation {
	return &huma.Operation{OperationID: id, Path: path, Method: http.MethodGet, Tags: []string{"daemon"}, Summary: summary}
}
