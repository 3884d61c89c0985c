package web

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui/v5/static"
)

func documented(t *testing.T) *Server {
	t.Helper()
	s, _ := newTestServer(t)
	s.Handle("GET /download/{name...}", text("x"), &huma.Operation{OperationID: "download", Summary: "A file"})
	s.Handle("/condition/{id}/", text("x"),
		&huma.Operation{OperationID: "get-condition"},
		&huma.Operation{OperationID: "put-condition", Method: "PUT", Responses: map[string]*huma.Response{"204": {Description: "Stored"}}})
	s.Handle("GET /hidden", text("x"))
	s.First(func(string) bool { return false }, text("x"), &huma.Operation{OperationID: "get-mod", Path: "/m{hex}_{version}.zip"})
	s.Document(&huma.Operation{OperationID: "stream", Method: "GET", Path: "/demos"})
	type output struct {
		Body struct{ Names []string }
	}
	huma.Get(s.API(), "/api/v1/mods/{item}", func(context.Context, *struct {
		Item string `path:"item"`
	}) (*output, error) {
		return nil, nil
	})
	return s
}

// TestOpenAPIDocument checks the rules of the OpenAPI 3.1 specification that
// a document made by hand commonly breaks.
func TestOpenAPIDocument(t *testing.T) {
	w := call(documented(t), "GET", "/openapi.json", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	doc := decode[map[string]any](t, w)
	info, _ := doc["info"].(map[string]any)
	if v, _ := doc["openapi"].(string); !strings.HasPrefix(v, "3.1.") || info["title"] != "Quartermaster" || info["version"] != "1.2.3" {
		t.Errorf("openapi %v, info %v", doc["openapi"], info)
	}
	paths, _ := doc["paths"].(map[string]any)
	ids := map[any]bool{}
	for path, item := range paths {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "...") || strings.Contains(path, "$") {
			t.Errorf("path %q", path)
		}
		for method, v := range item.(map[string]any) {
			checkOperation(t, method+" "+path, path, v.(map[string]any), ids)
		}
	}
	for _, want := range []string{
		"/download/{name} get", "/condition/{id}/ get", "/condition/{id}/ put", "/m{hex}_{version}.zip get", "/demos get",
		"/api/v1/mods/{item} get", "/api/v1/events get", "/ get", "/healthz get", "/readyz get", "/metrics get",
		"/openapi.json get", "/openapi.yaml get", "/docs get", "/schema get",
	} {
		path, method, _ := strings.Cut(want, " ")
		if item, _ := paths[path].(map[string]any); item[method] == nil {
			t.Errorf("%s is missing", want)
		}
	}
	if paths["/hidden"] != nil {
		t.Error("a route without an operation is documented")
	}
	checkRefs(t, doc, doc)
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	if schemas["Problem"] == nil || strings.Contains(w.Body.String(), "$schema") {
		t.Error("errors are not documented as problems, or $schema appears")
	}
}

func checkOperation(t *testing.T, name, path string, op map[string]any, ids map[any]bool) {
	t.Helper()
	if id := op["operationId"]; id == nil || ids[id] {
		t.Errorf("%s: operationId %v is missing or taken", name, id)
	} else {
		ids[id] = true
	}
	responses, _ := op["responses"].(map[string]any)
	if len(responses) == 0 {
		t.Errorf("%s: no responses", name)
	}
	for code, r := range responses {
		if !regexp.MustCompile(`^([1-5][0-9][0-9]|[1-5]XX|default)$`).MatchString(code) || r.(map[string]any)["description"] == nil {
			t.Errorf("%s: response %s %v", name, code, r)
		}
	}
	declared := map[any]bool{}
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		p := p.(map[string]any)
		if p["in"] == "path" {
			declared[p["name"]] = true
			if p["required"] != true {
				t.Errorf("%s: path parameter %v is not required", name, p["name"])
			}
		}
		if p["schema"] == nil && p["content"] == nil {
			t.Errorf("%s: parameter %v has no schema", name, p["name"])
		}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared[m[1]] {
			t.Errorf("%s: path parameter %s is not declared", name, m[1])
		}
		delete(declared, m[1])
	}
	if len(declared) > 0 {
		t.Errorf("%s: parameters that are not in the path: %v", name, declared)
	}
}

// checkRefs resolves every $ref within the document.
func checkRefs(t *testing.T, doc map[string]any, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			checkRefs(t, doc, e)
		}
	case map[string]any:
		for name, e := range v {
			if ref, ok := e.(string); name == "$ref" && ok {
				var at any = doc
				for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := at.(map[string]any)
					at = m[part]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			checkRefs(t, doc, e)
		}
	}
}

func TestOpenAPICaching(t *testing.T) {
	s := documented(t)
	for path, media := range map[string]string{"/openapi.json": "application/json", "/openapi.yaml": "application/yaml"} {
		w := call(s, "GET", path, "")
		tag := w.Header().Get("ETag")
		if w.Code != 200 || tag == "" || w.Header().Get("Content-Type") != media || w.Body.Len() < 1000 {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := call(s, "GET", path, "", "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("%s again: %d", path, w.Code)
		}
		if w := call(s, "HEAD", path, ""); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
		s.Handle("GET /late"+path, text("x"), &huma.Operation{OperationID: "late" + path})
		if w := call(s, "GET", path, "", "If-None-Match", tag); w.Code != 200 || !strings.Contains(w.Body.String(), "/late"+path) {
			t.Errorf("%s after a new route: %d", path, w.Code)
		}
	}
	if body := call(s, "GET", "/openapi.yaml", "").Body.String(); !strings.Contains(body, "openapi: 3.1.0") || strings.Contains(body, "{\"") {
		t.Errorf("not YAML: %.100s", body)
	}
}

// TestViewerStaysOnThisServer follows what the page names. What its scripts
// might ask for besides is stopped by the policy, which names no other host.
func TestViewerStaysOnThisServer(t *testing.T) {
	s, _ := newTestServer(t)
	for _, path := range []string{"/docs", "/schema", "/schema/", "/schema/swagger", "/schema/redoc"} {
		w := call(s, "GET", path, "", "Accept", browser)
		page := w.Body.String()
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(csp, "*") {
			t.Errorf("%s: policy %q", path, csp)
		}
		links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(links) < 4 || regexp.MustCompile(`(?i)<style|<script>|\son\w+=|://`).MatchString(page) {
			t.Errorf("%s: the page has inline parts, other hosts or no files:\n%s", path, page)
		}
		for _, m := range links {
			if w := call(s, "GET", m[1], ""); w.Code != 200 || w.Body.Len() == 0 {
				t.Errorf("%s: %s is %d", path, m[1], w.Code)
			}
		}
	}
	for path, same := range map[string]string{"/schema/openapi.json": "/openapi.json", "/schema/openapi.yaml": "/openapi.yaml"} {
		got, want := call(s, "GET", path, ""), call(s, "GET", same, "")
		if got.Code != 200 || got.Body.String() != want.Body.String() || got.Header().Get("Content-Type") != want.Header().Get("Content-Type") {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
	script := call(s, "GET", "/docs/viewer.js", "").Body.String()
	if !strings.Contains(script, "validatorUrl: null") || !strings.Contains(script, "'/openapi.json'") {
		t.Errorf("the viewer asks elsewhere:\n%s", script)
	}
}

func TestViewerFilesAreCompressed(t *testing.T) {
	s, _ := newTestServer(t)
	packed, err := fs.ReadFile(static.FS, "swagger-ui-bundle.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	for accept, encoding := range map[string]string{"gzip, br": "gzip", "": "", "gzip;q=0": "", "br": ""} {
		w := call(s, "GET", "/docs/swagger-ui-bundle.js", "", "Accept-Encoding", accept)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Encoding") != encoding || h.Get("Vary") != "Accept-Encoding" || !strings.HasPrefix(h.Get("Content-Type"), "text/javascript") {
			t.Errorf("%q: %d %v", accept, w.Code, h)
		}
		if compressed := w.Body.Len() == len(packed); compressed != (encoding == "gzip") {
			t.Errorf("%q: %d bytes", accept, w.Body.Len())
		}
	}
}

func TestHumaServesNothingByItself(t *testing.T) {
	s := documented(t)
	for _, path := range []string{"/schemas/Problem.json", "/openapi-3.0.json", "/docs/"} {
		if w := call(s, "GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	var v any
	if err := json.Unmarshal(call(s, "GET", "/nope", "").Body.Bytes(), &v); err != nil {
		t.Error(err)
	}
}
