package demosink

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	sharedPath   = "/api/v1/evidence/{token}"
	evidencePath = demoPath + "/evidence"
)

// registerEvidence adds what shows moments of recordings to who has no
// account. The list is one of the parts that getPart answers.
func (s *Service) registerEvidence(srv *web.Server) {
	ops, read := srv.Operations("demos"), accounts.Require(accounts.ScopeDemosRead)
	web.Route(ops, http.MethodPost, evidencePath, s.postEvidence, web.Describe("share-demo", "Show a moment of a recording to everybody",
		"The answer has the address, this once. Whoever has it sees the recording without an account, and not who sent it. For analysts and moderators.", 400, 404, 409),
		func(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }, read)
	web.Route(ops, http.MethodDelete, evidencePath+"/{evidence}", s.deleteEvidence, web.Describe("unshare-demo", "Take an address back",
		"It is worth nothing any more. For analysts and moderators.", 404), read)
	web.Route(ops, http.MethodGet, sharedPath, s.getShared, web.Describe("get-evidence", "What an address shows", "For everybody who has it.", 404))
	bytes := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	file := &huma.Operation{
		OperationID: "get-evidence-file", Tags: []string{"demos"}, Summary: "The recording that an address shows", Description: "Ranges are answered.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The recording", Content: bytes}, "206": {Description: "A part of it", Content: bytes}, "404": {Description: "There is none"},
		},
	}
	web.Timeout(0)(file)
	srv.Handle("GET "+sharedPath+"/file", http.HandlerFunc(s.getSharedFile), file)
}

type evidenceView struct {
	ID        string    `json:"id"`
	Tick      int64     `json:"tick"`
	Note      string    `json:"note"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Absent: never."`
}

type evidenceList struct {
	Evidence []evidenceView `json:"evidence" nullable:"false"`
}

// evidenceListOperation documents the list.
func evidenceListOperation(api huma.API, read func(*huma.Operation)) *huma.Operation {
	list := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[evidenceList](), true, "EvidenceList")
	op := &huma.Operation{
		OperationID: "list-demo-evidence", Path: evidencePath, Tags: []string{"demos"}, Summary: "Addresses that show a recording",
		Description: "Those that have not expired, the newest first. The addresses themselves are not stored. For analysts and moderators.",
		Responses:   map[string]*huma.Response{"200": {Description: "The list", Content: map[string]*huma.MediaType{"application/json": {Schema: list}}}, "404": {Description: "There is no such recording"}},
	}
	read(op)
	return op
}

func (s *Service) getEvidenceList(w http.ResponseWriter, r *http.Request) {
	all, err := s.EvidenceOf(r.Context(), callerOf(r.Context()), r.PathValue("id"))
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	out := evidenceList{make([]evidenceView, 0, len(all))}
	for _, e := range all {
		out.Evidence = append(out.Evidence, evidenceView{e.ID(), e.Tick, e.Note, e.CreatedAt, e.ExpiresAt})
	}
	writeJSON(w, http.StatusOK, out)
}

// reached knows how the caller reaches us.
type reached struct{ base string }

// Resolve is called by huma once the request is known.
func (c *reached) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	c.base = web.BaseURL(r)
	return nil
}

type shareInput struct {
	reached
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Tick      int64  `json:"tick" minimum:"0"`
		Note      string `json:"note,omitempty" maxLength:"4000"`
		ExpiresIn int64  `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Seconds; 0 is never."`
	}
}

type shareOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		URL string `json:"url" doc:"Not shown again."`
	}
}

func (s *Service) postEvidence(ctx context.Context, in *shareInput) (*shareOutput, error) {
	token, _, err := s.Share(ctx, callerOf(ctx), in.ID, in.Body.Tick, in.Body.Note, time.Duration(in.Body.ExpiresIn)*time.Second)
	if err != nil {
		return nil, err
	}
	out := &shareOutput{CacheControl: "no-store"}
	out.Body.URL = in.base + "/app/evidence/" + token
	return out, nil
}

type unshareInput struct {
	ID       string `path:"id" maxLength:"40"`
	Evidence string `path:"evidence" maxLength:"40"`
}

func (s *Service) deleteEvidence(ctx context.Context, in *unshareInput) (*struct{}, error) {
	return nil, s.Unshare(ctx, callerOf(ctx), in.ID, in.Evidence)
}

// sharedDemo is what a stranger may know of a recording: nothing of who sent
// it.
type sharedDemo struct {
	Name    string    `json:"name"`
	Map     string    `json:"map"`
	Server  string    `json:"server"`
	Player  string    `json:"player" doc:"Name of who recorded, by the header."`
	StartAt time.Time `json:"start_at"`
	Size    int64     `json:"size" doc:"Bytes of the stored recording."`
	Seconds float64   `json:"seconds"`
	Ticks   int64     `json:"ticks"`
}

type sharedView struct {
	Demo        sharedDemo `json:"demo"`
	Tick        int64      `json:"tick"`
	Note        string     `json:"note"`
	ExpiresAt   time.Time  `json:"expires_at,omitzero" doc:"Absent: never."`
	DownloadURL string     `json:"download_url,omitempty" doc:"Absent when the recording is not stored any more, or not yet."`
}

type sharedInput struct {
	Token string `path:"token" maxLength:"100"`
	web.Known
}

func (s *Service) getShared(ctx context.Context, in *sharedInput) (*web.Tagged[sharedView], error) {
	e, d, err := s.Shown(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	v := sharedView{
		Demo: sharedDemo{d.DemoName, d.Map, cmp.Or(d.FakeIP, d.Server), d.Player, d.StartAt, d.Size, d.Seconds, d.Ticks},
		Tick: e.Tick, Note: e.Note, ExpiresAt: e.ExpiresAt,
	}
	if d.downloadable() {
		v.DownloadURL = "/api/v1/evidence/" + in.Token + "/file"
	}
	return web.Tag(in.Known, v)
}

func (s *Service) getSharedFile(w http.ResponseWriter, r *http.Request) {
	_, sess, err := s.Shown(r.Context(), r.PathValue("token"))
	if err == nil && !sess.downloadable() {
		err = fault.New(fault.NotFound, "The recording is not stored")
	}
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	s.sendRecording(w, r, sess)
}
