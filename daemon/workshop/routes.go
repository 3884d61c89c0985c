package workshop

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const modsPath = "/api/v1/mods"

// Register adds the game-client face and the operations of the API. Reading
// is public; what changes something asks for the scope mods:write.
func (s *Service) Register(srv *web.Server) {
	s.fastdl.Register(srv) // first: the other face takes every doubled slash
	s.catalog.Register(srv)
	srv.First(s.face.match, s.face, s.face.operations()...)
	ops, write := srv.Operations("mods"), accounts.Require(accounts.ScopeModsWrite)
	s.radar.Register(ops)

	web.Route(ops, http.MethodGet, modsPath, s.listMods, web.Describe("list-mods", "Mods",
		"Every item of which a version is stored or wanted, or that clients asked for lately. Answers carry an ETag; "+
			"`next` is the cursor of the following page, empty on the last.", 400))
	web.Route(ops, http.MethodPost, modsPath, s.addMod, web.Describe("add-mod", "Fetch a mod",
		"Puts the version on the queue, before everything nobody waits for. Version 0 or none is the current one.",
		400, 409), accepted, write)
	web.Route(ops, http.MethodGet, modsPath+"/status", s.getStatus, web.Describe("get-mods-status", "State of the workshop",
		"Steam, the operator's folders, the store, the queue, and everything that is wrong, with what to do about it."))
	web.Route(ops, http.MethodGet, modsPath+"/storage", s.getStorage, web.Describe("get-mods-storage", "What fills the store",
		"By game, by source and by what may go, the size on each of the last days, and until when there is room."))
	web.Route(ops, http.MethodGet, modsPath+"/backup-servers", s.getBackupServers, web.Describe("get-backup-servers", "Lines for a game server",
		"What goes into the `settings` object of Natural Selection 2's ServerConfig.json so that its players use this server."))
	web.Route(ops, http.MethodGet, modsPath+"/queue", s.listJobs, web.Describe("list-jobs", "Queue", "Jobs that are not done, in the order they are worked on."))
	web.Route(ops, http.MethodPost, modsPath+"/queue/{id}/retry", s.postRetry, web.Describe("retry-job", "Try a job again now",
		"Also one that was denied. Its count of failures begins anew.", 404), accepted, write)
	web.Route(ops, http.MethodDelete, modsPath+"/queue/{id}", s.deleteJob, web.Describe("cancel-job", "Cancel a job", "", 404), write)
	web.Route(ops, http.MethodPost, modsPath+"/verify", s.postVerifyAll, web.Describe("verify-mods", "Check everything that is stored",
		"Begins in the background. Damaged versions show up as quarantined and are fetched anew where that is possible."), accepted, write)
	web.Route(ops, http.MethodPost, modsPath+"/gc", s.postGC, web.Describe("gc-mods", "Remove what may go",
		"Removes superseded versions and, above the quota, what else the rules of retention let go; with dry_run only says so. "+
			"Every decision comes with its rule and its reason.", 409), slow, write)
	s.registerPeers(srv)
	web.Route(ops, http.MethodGet, modsPath+"/{item}", s.getMod, web.Describe("get-mod", "One mod",
		"The item is given in decimal, as m<hex> or as 0x<hex>.", 400, 404))
	web.Route(ops, http.MethodPost, modsPath+"/{item}/versions/{version}/verify", s.postVerify, web.Describe("verify-version", "Check a stored version",
		"Reads it from the first byte to the last. A damaged version is put aside at once.", 400, 404), slow, write)
	web.Route(ops, http.MethodPut, modsPath+"/{item}/versions/{version}/pin", s.putPin, web.Describe("pin-version", "Pin a version",
		"A pinned version is never removed automatically.", 400, 404), write)
	web.Route(ops, http.MethodDelete, modsPath+"/{item}/versions/{version}/pin", s.deletePin, web.Describe("unpin-version", "Unpin a version", "", 400, 404), write)
	web.Route(ops, http.MethodDelete, modsPath+"/{item}/versions/{version}", s.deleteVersion, web.Describe("delete-version", "Delete a stored version",
		"The only copy of an item goes only with force. Files in the operator's folders are never touched.", 400, 404, 409), write)
}

func accepted(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }

// slow is for operations that read whole files.
func slow(o *huma.Operation) { web.Timeout(10 * time.Minute)(o) }

// caller knows the address the caller reached us by.
type caller struct{ base string }

// Resolve is called by huma once the request is known.
func (c *caller) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	c.base = web.BaseURL(r)
	return nil
}

type listModsInput struct {
	caller
	Query  string   `query:"q" maxLength:"200" doc:"Part of the title, or the beginning of the id in any spelling."`
	State  []string `query:"state" doc:"Only mods in these states." enum:"ready,absent,resolving,queued,fetching,verifying,zipping,denied,failed,quarantined"`
	App    uint32   `query:"app" doc:"Only mods of this app id."`
	Sort   string   `query:"sort" enum:"requested,title,size,version,id" default:"requested"`
	Limit  int      `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string   `query:"cursor" maxLength:"100" doc:"next of the page before."`
	web.Known
}

func (s *Service) listMods(ctx context.Context, in *listModsInput) (*web.Tagged[modList], error) {
	f := Filter{Query: in.Query, App: in.App}
	for _, state := range in.State {
		f.States = append(f.States, State(state))
	}
	mods, err := s.List(ctx, f, in.Sort)
	if err != nil {
		return nil, err
	}
	from, err := cursorStart(mods, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := modList{Mods: []modView{}, Total: len(mods)}
	to := min(from+in.Limit, len(mods))
	for _, m := range mods[from:to] {
		out.Mods = append(out.Mods, s.modView(m, in.base).forCaller(ctx))
	}
	if to < len(mods) {
		out.Next = cursorAfter(mods, to)
	}
	return web.Tag(in.Known, out)
}

type modInput struct {
	caller
	Item string `path:"item" maxLength:"200" doc:"Decimal, m<hex> or 0x<hex>." example:"m706d242"`
	web.Known
}

func (s *Service) getMod(ctx context.Context, in *modInput) (*web.Tagged[modView], error) {
	id, err := ParseItem(in.Item)
	if err != nil {
		return nil, err
	}
	m, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, s.modView(m, in.base).forCaller(ctx))
}

type addModInput struct {
	Body struct {
		Item    string `json:"item" maxLength:"500" doc:"Decimal id, m<hex>, 0x<hex>, or the address of the Workshop page." example:"https://steamcommunity.com/sharedfiles/filedetails/?id=117887554"`
		Version int64  `json:"version,omitempty" minimum:"0" maximum:"999999999999" doc:"Unix seconds; 0 is the current version."`
	}
}

// jobOutput is answered with 202: the job goes on, and when to look again is
// said as everywhere.
type jobOutput struct {
	RetryAfter int `header:"Retry-After" doc:"Seconds."`
	Body       jobView
}

func (s *Service) jobAnswer(j Job) *jobOutput {
	return &jobOutput{RetryAfter: int(minBackoff.Seconds()), Body: s.jobView(j)}
}

func (s *Service) addMod(ctx context.Context, in *addModInput) (*jobOutput, error) {
	id, err := ParseItem(in.Body.Item)
	if err != nil {
		return nil, err
	}
	j, err := s.Add(ctx, id, in.Body.Version)
	if err != nil {
		return nil, err
	}
	return s.jobAnswer(j), nil
}

type jobsOutput struct{ Body jobList }

func (s *Service) listJobs(ctx context.Context, _ *struct{}) (*jobsOutput, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	out := &jobsOutput{jobList{Jobs: []jobView{}}}
	for _, j := range jobs {
		out.Body.Jobs = append(out.Body.Jobs, s.jobView(j))
	}
	return out, nil
}

type jobInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Service) postRetry(ctx context.Context, in *jobInput) (*jobOutput, error) {
	j, err := s.Retry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.jobAnswer(j), nil
}

func (s *Service) deleteJob(ctx context.Context, in *jobInput) (*struct{}, error) {
	_, err := s.Cancel(ctx, in.ID)
	return nil, err
}

type statusOutput struct{ Body statusView }

func (s *Service) getStatus(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	st, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &statusOutput{viewStatus(st).forCaller(ctx)}, nil
}

type storageInput struct{ web.Known }

func (s *Service) getStorage(ctx context.Context, in *storageInput) (*web.Tagged[storageView], error) {
	r, err := s.Storage(ctx)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, s.storageView(r))
}

type gcInput struct {
	Body struct {
		DryRun bool `json:"dry_run,omitempty" doc:"Only say what would be removed."`
	}
}

type gcOutput struct{ Body gcView }

func (s *Service) postGC(ctx context.Context, in *gcInput) (*gcOutput, error) {
	t, err := s.GC(ctx, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	return &gcOutput{viewTidied(t)}, nil
}

type verifyAllOutput struct {
	RetryAfter int `header:"Retry-After" doc:"Seconds."`
	Body       struct {
		Versions int `json:"versions" doc:"How many versions will be checked."`
	}
}

func (s *Service) postVerifyAll(context.Context, *struct{}) (*verifyAllOutput, error) {
	out := &verifyAllOutput{RetryAfter: int(minBackoff.Seconds())}
	_, out.Body.Versions, _ = s.index.totals()
	signal(s.scrub)
	return out, nil
}

type versionInput struct {
	Item    string `path:"item" maxLength:"200"`
	Version int64  `path:"version" minimum:"0" maximum:"999999999999" doc:"Unix seconds."`
}

func (in *versionInput) name() (Name, error) {
	id, err := ParseItem(in.Item)
	return Name{Item: id, Version: in.Version}, err
}

type verifyOutput struct {
	Body struct {
		OK     bool   `json:"ok"`
		Reason string `json:"reason,omitempty" doc:"Why the version is not sound."`
	}
}

func (s *Service) postVerify(ctx context.Context, in *versionInput) (*verifyOutput, error) {
	n, err := in.name()
	if err != nil {
		return nil, err
	}
	o, err := s.VerifyVersion(ctx, n)
	if err != nil {
		return nil, err
	}
	out := &verifyOutput{}
	out.Body.OK, out.Body.Reason = o.OK, o.Reason
	return out, nil
}

func (s *Service) putPin(ctx context.Context, in *versionInput) (*struct{}, error) {
	n, err := in.name()
	if err == nil {
		_, err = s.Pin(ctx, n)
	}
	return nil, err
}

func (s *Service) deletePin(ctx context.Context, in *versionInput) (*struct{}, error) {
	n, err := in.name()
	if err == nil {
		_, err = s.Unpin(ctx, n)
	}
	return nil, err
}

// deleteVersionInput repeats the fields of versionInput: huma does not fill
// those of an embedded type that is not exported.
type deleteVersionInput struct {
	Item    string `path:"item" maxLength:"200"`
	Version int64  `path:"version" minimum:"0" maximum:"999999999999" doc:"Unix seconds."`
	Force   bool   `query:"force" doc:"Also the only copy."`
}

func (s *Service) deleteVersion(ctx context.Context, in *deleteVersionInput) (*struct{}, error) {
	n, err := (&versionInput{Item: in.Item, Version: in.Version}).name()
	if err == nil {
		err = s.Delete(ctx, n, in.Force)
	}
	return nil, err
}

var errCursor = fault.New(fault.Invalid, "The cursor is not one of ours")
