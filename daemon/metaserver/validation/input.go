package validation

import (
	"mime"
	"net/url"
	"strings"
)

// Style says how the original declares a body, which shows in what it says of
// one that is empty, null or not an object.
type Style uint8

// The styles.
const (
	NoBody   Style = iota // the body is not read
	Model                 // an object that is judged as a whole
	Embedded              // fields that are judged one by one
)

// Body is a body that is JSON, or not there. The zero value is none.
type Body struct {
	style Style
	value value // null when there is none
}

// ParseBody reads a body. The error is a *SyntaxError or ErrUnreadable. What
// is neither JSON by its Content-Type nor empty counts as something that is not
// an object.
func ParseBody(style Style, contentType string, text []byte) (Body, error) {
	b := Body{style: style}
	if style == NoBody || len(text) == 0 {
		return b, nil
	}
	if !isJSON(contentType) {
		b.value.kind = kindOpaque
		return b, nil
	}
	v, err := parse(text)
	b.value = v
	return b, err
}

// isJSON reports whether a Content-Type is one of JSON; none is.
func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil { // a broken parameter does not change the type
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	sub, ok := strings.CutPrefix(media, "application/")
	return ok && (sub == "json" || strings.HasSuffix(sub, "+json"))
}

// Input is what one request brought, and what was found wrong with it so far.
type Input struct {
	query  url.Values
	path   map[string]string
	body   Body
	judged bool // the body as a whole
	errors Errors
}

// New returns the input of one request.
func New(query url.Values, path map[string]string, body Body) *Input {
	return &Input{query: query, path: path, body: body}
}

// Err returns everything that is wrong as Errors, or nil.
func (in *Input) Err() error {
	if in.body.style == Model {
		in.judge() // also when no field was asked for
	}
	if len(in.errors) == 0 {
		return nil
	}
	return in.errors
}

// Query returns the last value of a parameter.
func (in *Input) Query(name string) *Field {
	all, ok := in.query[name]
	f := &Field{in: in, root: "query", key: name, state: absent, all: all}
	if ok {
		f.state, f.value = present, value{kind: kindText, text: all[len(all)-1]}
	}
	return f
}

// Path returns a part of the path.
func (in *Input) Path(name string) *Field {
	return &Field{in: in, root: "path", key: name, state: present, value: value{kind: kindText, text: in.path[name]}}
}

// Body returns a field of the body. A body that is wrong as a whole is listed
// once, or for each field, as its style has it.
func (in *Input) Body(name string) *Field {
	f := &Field{in: in, root: "body", key: name, state: absent, model: in.body.style == Model}
	if f.model && !in.judge() {
		f.state = broken
		return f
	}
	if in.body.value.kind != kindObject {
		return f
	}
	f.find(in.body.value, name)
	return f
}

// Root lists something that is wrong with a model body as a whole, unless one
// of its fields is wrong already.
func (in *Input) Root(failures Failures) {
	for _, e := range in.errors {
		if e.Loc[0] == "body" {
			return
		}
	}
	in.add([]any{"body", "__root__"}, failures)
}

// judge looks at a model body as a whole.
func (in *Input) judge() bool {
	ok := in.body.value.kind == kindObject
	if in.judged || ok {
		return ok
	}
	in.judged = true
	if in.body.value.kind == kindNull {
		in.add([]any{"body"}, missing())
	} else {
		in.add([]any{"body"}, notObject())
	}
	return false
}

func (in *Input) add(loc []any, failures Failures) {
	for _, f := range failures {
		in.errors = append(in.errors, Entry{Loc: loc, Msg: f.Msg, Type: f.Type, Ctx: f.Ctx})
	}
}
