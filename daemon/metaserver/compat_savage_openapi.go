package metaserver

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
)

// Clients generated from the original's document depend on its operation ids
// and the names of its schemas; both are kept.

const schemaRoot = "#/components/schemas/"

// The kinds of values.
func ref(name string) *huma.Schema { return &huma.Schema{Ref: schemaRoot + name} }

func listOf(item *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: item} }

func integer() *huma.Schema { return &huma.Schema{Type: huma.TypeInteger} }

func text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func boolean() *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

func enum(values ...any) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Enum: values} }

// instant is UTC without a zone, which no format of JSON Schema describes.
func instant() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{"2022-11-13T21:14:43.123456"}}
}

func nullable(s *huma.Schema) *huma.Schema {
	s.Nullable = true
	return s
}

func anything() *huma.Schema { return &huma.Schema{} }

// property is a member of an object; one whose name ends in "?" may be left
// out.
type property struct {
	name   string
	schema *huma.Schema
}

func object(properties ...property) *huma.Schema {
	o := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	for _, p := range properties {
		name, optional := strings.CutSuffix(p.name, "?")
		o.Properties[name] = p.schema
		if !optional {
			o.Required = append(o.Required, name)
		}
	}
	return o
}

// Parameters of a query.
func ints(names ...string) []*huma.Param { return params(true, integer, names...) }

func optionalInts(names ...string) []*huma.Param { return params(false, integer, names...) }

func intLists(names ...string) []*huma.Param {
	return params(true, func() *huma.Schema { return listOf(integer()) }, names...)
}

func params(required bool, schema func() *huma.Schema, names ...string) []*huma.Param {
	list := make([]*huma.Param, len(names))
	for i, name := range names {
		list[i] = &huma.Param{Name: name, In: "query", Required: required, Schema: schema()}
	}
	return list
}

// schemeBasic is the security scheme of the face.
const schemeBasic = "HTTPBasic"

var nonWord = regexp.MustCompile(`\W`)

// operationID is what FastAPI makes of a prefix, a path and a method.
func (e *endpoint) operationID() string {
	return e.op + nonWord.ReplaceAllString(e.path, "_") + "_" + strings.ToLower(e.method)
}

// tag is the part of the path that the original groups by.
func (e *endpoint) tag() string {
	part, _, _ := strings.Cut(strings.TrimPrefix(e.path, faceRoot+"/"), "/")
	return part
}

// schemaOfBody is the name of the schema of the body.
func (e *endpoint) schemaOfBody() string {
	if e.body == validation.Embedded {
		return "Body_" + e.operationID()
	}
	return e.doc.request
}

// operations document the face.
func (f *face) operations() (ops []*huma.Operation) {
	for i := range f.all {
		if !f.all[i].hidden {
			ops = append(ops, f.all[i].operation())
		}
	}
	return ops
}

func (e *endpoint) operation() *huma.Operation {
	op := &huma.Operation{
		OperationID: e.operationID(), Method: e.method, Path: e.path, Summary: e.doc.summary, Parameters: e.doc.query,
		Responses: map[string]*huma.Response{"200": answer("Successful Response", e.answer(), e.media())},
	}
	if !e.untagged {
		op.Tags = []string{e.tag()}
	}
	if name := e.schemaOfBody(); name != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: ref(name)}}}
	}
	for _, name := range braced(e.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: integer()})
	}
	if len(op.Parameters) > 0 || op.RequestBody != nil {
		op.Responses["422"] = answer("Validation Error", ref("HTTPValidationError"), "application/json")
	}
	failures := append([]int{http.StatusTooManyRequests}, e.doc.errors...)
	if e.auth != authNone {
		failures = append(failures, http.StatusUnauthorized)
		op.Security = []map[string][]string{{schemeBasic: {}}}
	}
	for _, status := range failures {
		op.Responses[strconv.Itoa(status)] = answer(http.StatusText(status), ref("HTTPError"), "application/json")
	}
	return op
}

func (e *endpoint) answer() *huma.Schema {
	if e.doc.answer == nil {
		return anything()
	}
	return e.doc.answer
}

func (e *endpoint) media() string {
	if e.doc.media != "" {
		return e.doc.media
	}
	return "application/json"
}

func answer(description string, schema *huma.Schema, media string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{media: {Schema: schema}}}
}

// braced are the parameters of a path.
func braced(path string) (names []string) {
	for _, part := range strings.Split(path, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	return names
}

// describe adds the schemas and the security scheme to a document.
func describe(o *huma.OpenAPI) {
	if o.Components.SecuritySchemes == nil {
		o.Components.SecuritySchemes = map[string]*huma.SecurityScheme{}
	}
	o.Components.SecuritySchemes[schemeBasic] = &huma.SecurityScheme{Type: "http", Scheme: "basic"}
	all := o.Components.Schemas.Map()
	for name, schema := range schemas() {
		all[name] = schema
	}
}
