package demosink

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	demosPath   = "/api/v1/demos"
	uploadsPath = demosPath + "/uploads"

	headerOffset = "Upload-Offset"
	headerLength = "Upload-Length"
)

// registerIncoming adds the ways in which files come.
func (s *Service) registerIncoming(srv *web.Server) {
	ops, read := srv.Operations("demos"), accounts.Require(accounts.ScopeDemosRead)
	web.Route(ops, http.MethodPost, uploadsPath, s.postUpload, web.Describe("begin-demo-upload", "Begin to upload a demo",
		"The file may be packed as zip, bzip2 or gzip, and may come in several pieces, also after an interruption: PATCH the address in Location. "+
			"With its sha256 it is checked, and when it is stored already nothing is to be sent: `demo` is set.", 400, 413, 429, 507),
		func(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }, read)
	web.Route(ops, http.MethodGet, uploadsPath+"/{id}", s.getUpload, web.Describe("get-demo-upload", "How far an upload is",
		"`offset`, and the header Upload-Offset, count bytes that are on the disk and stay there. HEAD answers the headers alone.", 404), read)
	web.Route(ops, http.MethodDelete, uploadsPath+"/{id}", s.deleteUpload, web.Describe("delete-demo-upload", "Give an upload up", "", 404, 409), read)
	srv.Handle("PATCH "+uploadsPath+"/{id}", accounts.Guard(accounts.ScopeDemosRead, http.HandlerFunc(s.patchUpload)), patchOperation(srv.API(), read))
	srv.Handle("POST "+demosPath+"/matchzy", http.HandlerFunc(s.postMatchZy), matchZyOperation())
	srv.Handle("POST /upload", http.HandlerFunc(s.postDemosTF), demosTFOperation())
}

// callerOf is who is calling, as this package knows callers.
func callerOf(ctx context.Context) Caller {
	p := accounts.From(ctx)
	return Caller{
		Account: p.AccountID, SteamID: p.SteamID,
		Analyst: p.May(accounts.ScopeDemosAnalyse), Moderator: p.May(accounts.ScopeDemosModerate), Admin: p.May(accounts.ScopeAdmin),
	}
}

type postUploadInput struct {
	Body struct {
		Name   string `json:"name,omitempty" maxLength:"260" doc:"Of the file; only shown."`
		Size   int64  `json:"size" minimum:"1" doc:"Bytes of the file."`
		SHA256 string `json:"sha256,omitempty" pattern:"^[0-9a-fA-F]{64}$" doc:"Of the file."`
	}
}

type uploadView struct {
	ID     string    `json:"id,omitempty" doc:"Absent when nothing is to be sent."`
	Offset int64     `json:"offset" doc:"Bytes that are on the disk."`
	Size   int64     `json:"size"`
	Demo   SessionID `json:"demo,omitempty" doc:"The recording it became."`
}

func viewUpload(u Upload) uploadView { return uploadView{u.ID, u.Received, u.Size, u.Demo} }

type uploadOutput struct {
	Location     string `header:"Location"`
	Offset       int64  `header:"Upload-Offset"`
	Length       int64  `header:"Upload-Length"`
	CacheControl string `header:"Cache-Control"`
	Body         uploadView
}

func (s *Service) postUpload(ctx context.Context, in *postUploadInput) (*uploadOutput, error) {
	var sum []byte
	if in.Body.SHA256 != "" {
		var err error
		if sum, err = hex.DecodeString(in.Body.SHA256); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "sha256 is not hexadecimal")
		}
	}
	u, err := s.BeginUpload(ctx, callerOf(ctx), in.Body.Name, in.Body.Size, sum)
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{Offset: u.Received, Length: u.Size, CacheControl: "no-store", Body: viewUpload(u)}
	if u.ID != "" {
		out.Location = uploadsPath + "/" + u.ID
	}
	return out, nil
}

type uploadInput struct {
	ID string `path:"id" maxLength:"40"`
}

func (s *Service) getUpload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	u, err := s.Upload(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &uploadOutput{Offset: u.Received, Length: u.Size, CacheControl: "no-store", Body: viewUpload(u)}, nil
}

func (s *Service) deleteUpload(ctx context.Context, in *uploadInput) (*struct{}, error) {
	return nil, s.DropUpload(ctx, callerOf(ctx), in.ID)
}

// patchUpload takes a piece as it comes, without a limit of its time.
func (s *Service) patchUpload(w http.ResponseWriter, r *http.Request) {
	offset, err := strconv.ParseInt(r.Header.Get(headerOffset), 10, 64)
	if err != nil || offset < 0 {
		web.WriteError(w, r, fault.New(fault.Invalid, "The header %s is missing or no number", headerOffset))
		return
	}
	u, err := s.AppendUpload(r.Context(), callerOf(r.Context()), r.PathValue("id"), offset, r.Body)
	if u.Size > 0 {
		w.Header().Set(headerOffset, strconv.FormatInt(u.Received, 10))
		w.Header().Set(headerLength, strconv.FormatInt(u.Size, 10))
	}
	if err != nil {
		web.WriteError(w, r, bodyError(r, err))
		return
	}
	writeJSON(w, http.StatusOK, viewUpload(u))
}

// bodyError is what a sender is told whose bytes stopped coming. Mostly nobody
// reads it.
func bodyError(r *http.Request, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); !ok && r.Context().Err() != nil {
		return fault.Wrap(err, fault.Invalid, "%s", errBodyCut.Message)
	}
	return err
}

// pageOf is the address of a recording's page.
func pageOf(base string, id SessionID) string {
	return base + "/app/demos/" + url.PathEscape(string(id))
}

func patchOperation(api huma.API, options ...func(*huma.Operation)) *huma.Operation {
	upload := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[uploadView](), true, "Upload")
	o := &huma.Operation{
		OperationID: "append-demo-upload", Tags: []string{"demos"}, Summary: "Send a piece of an upload",
		Description: "The body is the file from Upload-Offset on, all of it or a part. Upload-Offset of the answer is where to go on; " +
			"what it counts is on the disk. The last piece makes the file a recording: `demo` is set.",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
			{Name: headerOffset, In: "header", Required: true, Schema: &huma.Schema{Type: "integer"}},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/offset+octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "It is on the disk", Content: map[string]*huma.MediaType{"application/json": {Schema: upload}}},
			"404": {Description: "There is no such upload"},
			"409": {Description: "The upload is at another offset, which Upload-Offset tells"},
			"400": {Description: "The file is no demo; the upload is forgotten"},
		},
	}
	for _, option := range append(options, web.MaxBody(-1), web.Timeout(0)) {
		option(o)
	}
	return o
}
