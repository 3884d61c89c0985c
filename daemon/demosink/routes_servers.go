package demosink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Game servers send their demos when a match is over: in Team Fortress 2 by
// the plugin of demos.tf, in Counter-Strike by MatchZy or Get5.

// writeJSON sends an answer that depends on who asked.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone needs no answer
}

// sender finds out who sends a file: who is signed in, or whose key it is.
func (s *Service) sender(ctx context.Context, key string) (Caller, error) {
	if p := accounts.From(ctx); p.May(accounts.ScopeDemosRead) {
		return callerOf(ctx), nil
	}
	if key == "" {
		return Caller{}, fault.New(fault.Unauthenticated, "The API key is missing")
	}
	return s.options.Accounts.ByKey(ctx, key)
}

// keyOf looks for a key in the headers of a game server. Operators choose the
// name of the header there, so that every value that looks like a key counts.
func keyOf(h http.Header) string {
	for _, name := range []string{"X-Api-Key", "Authorization"} {
		if v := strings.TrimPrefix(h.Get(name), "Bearer "); isKey(v) {
			return v
		}
	}
	for _, values := range h {
		for _, v := range values {
			if isKey(v) {
				return v
			}
		}
	}
	return ""
}

func isKey(v string) bool { return strings.HasPrefix(v, "MB-") || strings.HasPrefix(v, "qm_") }

// matchZyAnswer tells what became of a demo.
type matchZyAnswer struct {
	Demo  SessionID `json:"demo"`
	Known bool      `json:"known"` // it was stored before
	URL   string    `json:"url"`
}

// postMatchZy takes the body of a request, whose headers say what it is:
// MatchZy-FileName, or Get5-FileName and Get5-DemoName.
func (s *Service) postMatchZy(w http.ResponseWriter, r *http.Request) {
	c, err := s.sender(r.Context(), keyOf(r.Header))
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	name := ""
	for _, h := range []string{"MatchZy-FileName", "Get5-FileName", "Get5-DemoName"} {
		name = cmp.Or(name, r.Header.Get(h))
	}
	f, err := s.receiveDirect(r.Context(), r.Body, r.ContentLength)
	if err != nil {
		web.WriteError(w, r, bodyError(r, err))
		return
	}
	sess, known, err := s.takeDirect(context.WithoutCancel(r.Context()), f, Arrival{Name: name, Source: SourceMatchZy, Account: c.Account, SteamID: c.SteamID})
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, matchZyAnswer{sess.ID, known, pageOf(web.BaseURL(r), sess.ID)})
}

// takeDirect makes a recording of a file and forgets the file.
func (s *Service) takeDirect(ctx context.Context, f *received, a Arrival) (Session, bool, error) {
	sess, known, err := s.Take(ctx, f.file, f.size, a)
	if e := f.Close(); e != nil {
		s.log.Warn("an uploaded file could not be removed; it is tried again in a day", slog.Any("error", e))
	}
	return sess, known, err
}

// Bounds of the form.
const (
	maxFormParts = 32
	maxFormValue = 4 << 10
)

// demosTFForm is what the plugin sends.
type demosTFForm struct {
	values map[string]string // key, name, red, blu, private
	demo   *received         // nil when it was not in the form
	file   string            // the name of the file
}

// postDemosTF takes the form that the plugin of demos.tf sends to
// https://api.demos.tf/upload. Its answer is a text that the plugin prints
// into the chat.
func (s *Service) postDemosTF(w http.ResponseWriter, r *http.Request) {
	sess, err := s.takeDemosTF(r)
	if err != nil {
		err = bodyError(r, err)
		status, text := demosTFRefusal(err)
		s.log.Warn("a demo of a game server was not taken", slog.Int("status", status), slog.Any("error", err))
		plain(w, status, text)
		return
	}
	plain(w, http.StatusOK, "STV available at: "+pageOf(web.BaseURL(r), sess.ID))
}

// demosTFRefusal is what the plugin is told of an error.
func demosTFRefusal(err error) (status int, text string) {
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return http.StatusUnauthorized, "Invalid key"
	case fault.Internal:
		return http.StatusInternalServerError, "Error while storing the demo"
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, fault.Public(err)
	case fault.Unavailable:
		return http.StatusServiceUnavailable, fault.Public(err)
	case fault.NoSpace:
		return http.StatusInsufficientStorage, fault.Public(err)
	}
	return http.StatusBadRequest, fault.Public(err)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a server that is gone needs no answer
}

func (s *Service) takeDemosTF(r *http.Request) (Session, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		return Session{}, fault.New(fault.Invalid, "This is no form with a file")
	}
	form, err := s.readDemosTF(r.Context(), multipart.NewReader(r.Body, params["boundary"]))
	if err != nil {
		return Session{}, errors.Join(err, form.forget())
	}
	c, err := s.sender(r.Context(), form.values["key"])
	if err == nil && form.demo == nil {
		err = fault.New(fault.Invalid, "No demo found in request")
	}
	if err != nil {
		return Session{}, errors.Join(err, form.forget())
	}
	sess, _, err := s.takeDirect(context.WithoutCancel(r.Context()), form.demo, Arrival{
		Name: form.name(), Source: SourceDemosTF, Account: c.Account, SteamID: c.SteamID,
	})
	return sess, err
}

// name is the name of the file, or that of the match.
func (f *demosTFForm) name() string {
	teams := ""
	if f.values["red"] != "" || f.values["blu"] != "" {
		teams = f.values["red"] + " vs " + f.values["blu"]
	}
	return cmp.Or(f.values["name"], f.file, teams)
}

func (f *demosTFForm) forget() error {
	if f.demo == nil {
		return nil
	}
	return f.demo.Close()
}

// readDemosTF reads the form. The file comes before the key with some
// versions of the plugin; so it is stored aside before it is known whose it
// is, a few at a time. A wrong key that comes first ends it at once.
func (s *Service) readDemosTF(ctx context.Context, in *multipart.Reader) (*demosTFForm, error) {
	form := &demosTFForm{values: map[string]string{}}
	for range maxFormParts {
		part, err := in.NextRawPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if err != nil {
			return form, fault.Wrap(err, fault.Invalid, "The form is damaged")
		}
		if part.FormName() == "demo" && form.demo == nil {
			form.file = part.FileName()
			if key := form.values["key"]; key != "" {
				if _, err := s.sender(ctx, key); err != nil {
					return form, err
				}
			}
			if form.demo, err = s.receiveDirect(ctx, part, -1); err != nil {
				form.demo = nil
				return form, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFormValue))
		if err != nil {
			return form, fault.Wrap(err, fault.Invalid, "The form is damaged")
		}
		form.values[part.FormName()] = string(value)
	}
	return form, fault.New(fault.Invalid, "The form has too many fields")
}

// fileOperation documents an operation that takes a file of a game server.
func fileOperation(id, summary, description, mediaType string, schema *huma.Schema) *huma.Operation {
	o := &huma.Operation{
		OperationID: id, Tags: []string{"game servers"}, Summary: summary, Description: description,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaType: {Schema: schema}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "It is stored"}, "401": {Description: "The key is missing or wrong"},
			"413": {Description: "It is too large"}, "503": {Description: "Too many are coming at the moment"}, "507": {Description: "The disk is full"},
		},
	}
	web.MaxBody(-1)(o)
	web.Timeout(0)(o)
	return o
}

func matchZyOperation() *huma.Operation {
	return fileOperation("upload-demo-matchzy", "Take the demo of a match from MatchZy or Get5",
		"The body is the demo, or a zip with it. The key may be in X-API-Key, in Authorization after Bearer, or in a header of any other name.",
		"application/octet-stream", &huma.Schema{Type: "string", Format: "binary"})
}

func demosTFOperation() *huma.Operation {
	text := &huma.Schema{Type: "string"}
	return fileOperation("upload-demo-demostf", "Take the demo of a match as demos.tf does",
		"For the plugin of demos.tf with this server as its address. The answer is a line of text with the address of the recording.",
		"multipart/form-data", &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{
			"key": text, "name": text, "red": text, "blu": text, "private": text, "demo": {Type: "string", Format: "binary"},
		}})
}
