package fastdl

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const apiPath = "/api/v1/fastdl"

// Register adds the face of game clients and the operations of the API. What
// tells of the operator's disk or changes something asks for the scope
// mods:write.
func (s *Service) Register(srv *web.Server) {
	srv.First(match, s, faceOperations()...)
	ops, operator := srv.Operations("fastdl"), accounts.Require(accounts.ScopeModsWrite)

	web.Route(ops, http.MethodGet, apiPath, s.listTrees, web.Describe("list-fastdl", "FastDL trees",
		"Every tree with its address and the lines for server.cfg. Folders and problems are shown to operators only."))
	web.Route(ops, http.MethodGet, apiPath+"/{name}", s.getTree, web.Describe("get-fastdl", "One FastDL tree", "", http.StatusNotFound))
	web.Route(ops, http.MethodGet, apiPath+"/{name}/server-cfg", s.getServerConfig, web.Describe("get-fastdl-server-cfg", "Lines for server.cfg",
		"What goes into the server.cfg of a game server so that its players download from here.", http.StatusNotFound))
	web.Route(ops, http.MethodGet, apiPath+"/{name}/misses", s.listMisses, web.Describe("list-fastdl-misses", "What players asked for in vain",
		"At most 1000 files, the most wanted first, each with the reason why it was not served.", http.StatusNotFound), operator)
	web.Route(ops, http.MethodDelete, apiPath+"/{name}/misses", s.deleteMisses, web.Describe("delete-fastdl-misses", "Begin the report anew", "", http.StatusNotFound), operator)
	web.Route(ops, http.MethodGet, apiPath+"/{name}/lint", s.getLint, web.Describe("lint-fastdl", "What keeps players from downloading",
		"Reads the game folders. The findings have the severities error, warning and info, the worst come first.", http.StatusNotFound),
		web.Timeout(5*time.Minute), operator)
	web.Route(ops, http.MethodPost, apiPath+"/{name}/scan", s.postScan, web.Describe("scan-fastdl", "Read the game folders now",
		"They are read every minute anyway, and a file that was just put there is found when it is asked for by its exact name.", http.StatusNotFound),
		func(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }, operator)
}

// faceOperations documents the face of game clients.
func faceOperations() (ops []*huma.Operation) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		ops = append(ops, &huma.Operation{
			OperationID: "fastdl-" + method, Method: method, Path: "/fastdl/{name}/{path}", Tags: []string{"game clients"},
			Summary: "Download a game file as Source and GoldSrc games do",
			Description: "`path` has as many parts as the file's place in the game folder, in any case. A file is there under its own name and " +
				"under that with `.bz2` behind it. The compressed form is made when it is first asked for, which is answered 404; clients " +
				"then ask for the plain file. Nothing is ever redirected, and no refusal has a body.",
			Responses: map[string]*huma.Response{
				"200": fileResponse("The file"),
				"206": fileResponse("The parts asked for (RFC 9110 §14)"),
				"304": {Description: "Not modified"},
				"403": {Description: "The client came from a game server that is not in `referers`"},
				"404": {Description: "No such file, or none that is served"},
				"405": {Description: "Neither GET nor HEAD"},
				"412": {Description: "A precondition does not hold"},
				"416": {Description: "The range lies outside of the file"},
			},
		})
	}
	return ops
}

func fileResponse(text string) *huma.Response {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{typePlain: binary, typePacked: binary}}
}

// caller knows the address the caller reached us by.
type caller struct{ base string }

// Resolve is called by huma once the request is known.
func (c *caller) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	c.base = web.BaseURL(r)
	return nil
}

type treesInput struct{ caller }

type treesOutput struct {
	Body struct {
		Trees []treeView `json:"trees"`
	}
}

func (s *Service) listTrees(ctx context.Context, in *treesInput) (*treesOutput, error) {
	out := &treesOutput{}
	out.Body.Trees = []treeView{}
	for _, name := range s.Names() {
		v, err := s.treeView(ctx, name, in.base)
		if err != nil {
			continue // taken out of the configuration just now
		}
		out.Body.Trees = append(out.Body.Trees, v)
	}
	return out, nil
}

type treeInput struct {
	caller
	Name string `path:"name" maxLength:"32" example:"tf2"`
}

type treeOutput struct{ Body treeView }

func (s *Service) getTree(ctx context.Context, in *treeInput) (*treeOutput, error) {
	v, err := s.treeView(ctx, in.Name, in.base)
	return &treeOutput{v}, err
}

type serverConfigOutput struct{ Body serverConfigView }

func (s *Service) getServerConfig(_ context.Context, in *treeInput) (*serverConfigOutput, error) {
	c, err := s.ServerConfig(in.Name, in.base)
	return &serverConfigOutput{viewServerConfig(c)}, err
}

type missesInput struct {
	Name  string `path:"name" maxLength:"32" example:"tf2"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
}

type missesOutput struct {
	Body struct {
		Misses []missView `json:"misses"`
		Total  int        `json:"total"`
	}
}

func (s *Service) listMisses(_ context.Context, in *missesInput) (*missesOutput, error) {
	list, err := s.Misses(in.Name)
	if err != nil {
		return nil, err
	}
	out := &missesOutput{}
	out.Body.Misses, out.Body.Total = []missView{}, len(list)
	for _, m := range list[:min(len(list), in.Limit)] {
		out.Body.Misses = append(out.Body.Misses, viewMiss(m))
	}
	return out, nil
}

type nameInput struct {
	Name string `path:"name" maxLength:"32" example:"tf2"`
}

func (s *Service) deleteMisses(_ context.Context, in *nameInput) (*struct{}, error) {
	return nil, s.ForgetMisses(in.Name)
}

type lintOutput struct{ Body lintView }

func (s *Service) getLint(ctx context.Context, in *nameInput) (*lintOutput, error) {
	reports, err := s.Lint(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &lintOutput{viewLint(reports[0])}, nil
}

type scanOutput struct {
	RetryAfter int `header:"Retry-After" doc:"Seconds."`
}

func (s *Service) postScan(_ context.Context, in *nameInput) (*scanOutput, error) {
	if _, err := s.named(in.Name); err != nil {
		return nil, err
	}
	s.Rescan()
	return &scanOutput{RetryAfter: 2}, nil
}
