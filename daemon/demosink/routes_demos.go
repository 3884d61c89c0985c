package demosink

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	demoPath       = demosPath + "/{id}"
	broadcastsPath = demosPath + "/broadcasts"
	reportsPath    = demosPath + "/reports"
)

// registerLibrary adds the operations on recordings and on what is said of
// them. The scope lets a caller in; what he may see is decided per recording.
func (s *Service) registerLibrary(srv *web.Server) {
	ops := srv.Operations("demos")
	read, analyse := accounts.Require(accounts.ScopeDemosRead), accounts.Require(accounts.ScopeDemosAnalyse)
	moderate, admin := accounts.Require(accounts.ScopeDemosModerate), accounts.Require(accounts.ScopeAdmin)
	const staff = " For analysts and moderators."

	web.Route(ops, http.MethodGet, demosPath, s.listDemos, web.Describe("list-demos", "Recordings",
		"Players see their own, analysts and moderators all, without the SteamIDs of those who sent them. `next` is the cursor of the following page, empty on the last.", 400), read)
	web.Route(ops, http.MethodGet, demosPath+"/live", s.getLive, web.Describe("list-live-demos", "Recordings that still grow",
		"At most 500, the newest first. Players see their own."), read)
	web.Route(ops, http.MethodGet, demosPath+"/queue", s.getQueue, web.Describe("get-demo-queue", "Recordings that wait to be judged",
		"Those with detections or new reports that nobody reviewed and nobody else works on, the oldest first."+staff), read)
	web.Route(ops, http.MethodGet, reportsPath, s.listReports, web.Describe("list-demo-reports", "Reports of players", "The newest first.", 400), moderate)
	web.Route(ops, http.MethodPost, reportsPath+"/{session}/{target}/handled", s.postHandled, web.Describe("handle-demo-report", "Note that a report was looked at", "", 400, 404), moderate)
	web.Route(ops, http.MethodGet, broadcastsPath, s.getBroadcasts, web.Describe("list-demo-broadcasts", "Messages to all players", "The newest first."), moderate)
	web.Route(ops, http.MethodPost, broadcastsPath, s.postBroadcast, web.Describe("add-demo-broadcast", "Add a message to all players",
		"The same message again gets a new date.", 400, 409), func(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }, moderate)
	web.Route(ops, http.MethodDelete, broadcastsPath, s.deleteBroadcast, web.Describe("delete-demo-broadcast", "Delete a message", "", 404), moderate)
	web.Route(ops, http.MethodGet, demoPath, s.getDemo, web.Describe("get-demo", "One recording",
		"With reports, and for analysts and moderators detections, reviews, and the recordings of others on the same server at that time.", 404), read)
	web.Route(ops, http.MethodDelete, demoPath, s.deleteDemo, web.Describe("delete-demo", "Delete a recording with all that is known about it", "", 404, 409), admin)
	web.Route(ops, http.MethodPost, demoPath+"/lease", s.postLease, web.Describe("lease-demo", "Work on a recording",
		"For half an hour it is in nobody else's queue; doing it again begins the time anew."+staff, 404, 409), read)
	web.Route(ops, http.MethodPut, demoPath+"/reviews", s.putReview, web.Describe("review-demo", "Judge a player in a recording",
		"In place of what one said before. Ends the lease."+staff, 400, 404), read)
	web.Route(ops, http.MethodPut, demoPath+"/analysis", s.putDemoAnalysis, web.Describe("put-demo-analysis", "Hand in what an analysis found",
		"A JSON object with author, detections (tick, algorithm, player, data), duration, map and server_ip.", 400, 404, 409, 413), web.MaxBody(maxAnalysis), web.Timeout(time.Minute), analyse)
	// The mux does not tell /demos/{id}/file from /demos/uploads/{id}, unless
	// one of the patterns is wider in all its parts.
	srv.Handle("GET "+demoPath+"/{part}", accounts.Guard(accounts.ScopeDemosRead, http.HandlerFunc(s.getPart)), fileContentOperation(read), evidenceListOperation(srv.API(), read))
	srv.Handle("DELETE "+demoPath+"/{part}", accounts.Guard(accounts.ScopeDemosRead, http.HandlerFunc(s.deleteLease)), releaseOperation(read))
}

func fileContentOperation(read func(*huma.Operation)) *huma.Operation {
	bytes := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	op := &huma.Operation{
		OperationID: "get-demo-file", Path: demoPath + "/file", Tags: []string{"demos"}, Summary: "The recording itself", Description: "Ranges are answered.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The recording", Content: bytes}, "206": {Description: "A part of it", Content: bytes}, "404": {Description: "There is none"},
		},
	}
	read(op)
	web.Timeout(0)(op)
	return op
}

func releaseOperation(read func(*huma.Operation)) *huma.Operation {
	op := &huma.Operation{
		OperationID: "release-demo", Path: demoPath + "/lease", Tags: []string{"demos"}, Summary: "Stop working on a recording",
		Description: "An admin may take it from anybody. For analysts and moderators.",
		Responses:   map[string]*huma.Response{"204": {Description: "Nobody works on it"}, "404": {Description: "There is no such recording"}},
	}
	read(op)
	return op
}

type listDemosInput struct {
	Map      string    `query:"map" maxLength:"260"`
	Server   string    `query:"server" maxLength:"260" doc:"ip:port of the game server."`
	Player   string    `query:"player" maxLength:"260" doc:"A SteamID: who was reported or detected. Else a part of the name of who recorded."`
	Uploader string    `query:"uploader" maxLength:"100" doc:"me, or for admins the SteamID of who sent it."`
	From     time.Time `query:"from" doc:"Began then or later."`
	To       time.Time `query:"to" doc:"Began before then."`
	State    string    `query:"state" enum:"live,idle,closed,empty,analysed,pruned"`
	Source   string    `query:"source" enum:"stream,watch,push,upload,demostf,matchzy,import"`
	Flagged  string    `query:"flagged" enum:"true,false" doc:"Unlike a demo, reported, or with detections."`
	Query    string    `query:"q" maxLength:"200" doc:"Part of the name, map, server or player."`
	Sort     string    `query:"sort" enum:"newest,oldest,size,score" default:"newest" doc:"score: those least like a demo first."`
	Limit    int       `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor   string    `query:"cursor" maxLength:"100" doc:"next of the page before."`
	web.Known
}

func (in *listDemosInput) filter() (Filter, error) {
	f := Filter{
		Map: in.Map, Server: in.Server, Player: in.Player, From: in.From, To: in.To, State: State(in.State), Source: Source(in.Source), Query: in.Query,
		Mine: in.Uploader == "me",
	}
	if in.Flagged != "" {
		yes := in.Flagged == "true"
		f.Flagged = &yes
	}
	if id, err := steam.Parse(in.Player); err == nil && id.Person() {
		f.Player, f.Target = "", id
	}
	if in.Uploader == "" || f.Mine {
		return f, nil
	}
	id, err := person(in.Uploader)
	f.Uploader = id
	return f, err
}

// person reads the SteamID of a person in any form.
func person(text string) (steam.ID, error) {
	id, err := steam.Parse(text)
	if err != nil || !id.Person() {
		return 0, fault.New(fault.Invalid, "%q is not the SteamID of a person", text).WithHint("write it as 76561197960287930")
	}
	return id, nil
}

func (s *Service) listDemos(ctx context.Context, in *listDemosInput) (*web.Tagged[demoList], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	all, next, total, err := s.List(ctx, c, f, Page{in.Sort, in.Limit, in.Cursor})
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, demoList{View(c, all), next, total})
}

type demoInput struct {
	ID string `path:"id" maxLength:"40"`
}

type getDemoInput struct {
	ID string `path:"id" maxLength:"40"`
	web.Known
}

func (s *Service) getDemo(ctx context.Context, in *getDemoInput) (*web.Tagged[DetailView], error) {
	c := callerOf(ctx)
	d, err := s.Get(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.Describe(ctx, c, d)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, v)
}

func (s *Service) deleteDemo(ctx context.Context, in *demoInput) (*struct{}, error) {
	return nil, s.Delete(ctx, in.ID)
}

func (s *Service) getPart(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("part") {
	case "file":
		s.getFile(w, r)
	case "evidence":
		s.getEvidenceList(w, r)
	default:
		web.WriteError(w, r, fault.New(fault.NotFound, "There is nothing here"))
	}
}

func (s *Service) getFile(w http.ResponseWriter, r *http.Request) {
	sess, err := s.Find(r.Context(), callerOf(r.Context()), r.PathValue("id"))
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	s.sendRecording(w, r, sess)
}

func (s *Service) sendRecording(w http.ResponseWriter, r *http.Request, sess Session) {
	o, err := s.Recording(r.Context(), sess)
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	defer o.Close() //nolint:errcheck // only read
	serveDemo(w, r, sess, o)
}

type queueInput struct {
	Algorithm string `query:"algorithm" maxLength:"260" doc:"Only with detections of this one."`
	Limit     int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	web.Known
}

func (s *Service) getQueue(ctx context.Context, in *queueInput) (*web.Tagged[queueList], error) {
	c := callerOf(ctx)
	all, total, err := s.Queue(ctx, c, in.Algorithm, in.Limit)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, queueList{View(c, all), total})
}

type leaseOutput struct{ Body leaseView }

func (s *Service) postLease(ctx context.Context, in *demoInput) (*leaseOutput, error) {
	l, err := s.Lease(ctx, callerOf(ctx), in.ID)
	return &leaseOutput{leaseView{Until: l.Until, Mine: true}}, err
}

func (s *Service) deleteLease(w http.ResponseWriter, r *http.Request) {
	err := error(fault.New(fault.NotFound, "There is nothing here"))
	if r.PathValue("part") == "lease" {
		err = s.Release(r.Context(), callerOf(r.Context()), r.PathValue("id"))
	}
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

type reviewInput struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Target  string `json:"target" maxLength:"100" doc:"SteamID of the player."`
		Verdict string `json:"verdict" enum:"none,benign,inconclusive,confirmed,error"`
		Note    string `json:"note,omitempty" maxLength:"4000"`
	}
}

type reviewOutput struct{ Body reviewView }

func (s *Service) putReview(ctx context.Context, in *reviewInput) (*reviewOutput, error) {
	target, err := person(in.Body.Target)
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	v, err := s.Review(ctx, c, in.ID, target, Verdict(in.Body.Verdict), in.Body.Note)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, []int64{v.Reviewer})
	return &reviewOutput{viewReview(c, v, names)}, err
}

type analysisInput struct {
	ID   string `path:"id" maxLength:"40"`
	Body json.RawMessage
}

type analysisOutput struct {
	Body struct {
		Detections int `json:"detections" doc:"How many there were."`
	}
}

func (s *Service) putDemoAnalysis(ctx context.Context, in *analysisInput) (*analysisOutput, error) {
	sess, err := s.Find(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	found, err := parseAnalysis(in.Body)
	if err != nil {
		return nil, err
	}
	if err := s.storeAnalysis(ctx, sess, in.Body); err != nil {
		return nil, err
	}
	out := &analysisOutput{}
	out.Body.Detections = len(found)
	return out, s.Ingest(ctx, string(sess.ID))
}

type listReportsInput struct {
	State  string `query:"state" enum:"open,handled,all" default:"open"`
	Target string `query:"target" maxLength:"100" doc:"SteamID of the reported player."`
	Reason string `query:"reason" enum:"bot,cheater"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"200" doc:"next of the page before."`
	web.Known
}

func (s *Service) listReports(ctx context.Context, in *listReportsInput) (*web.Tagged[reportList], error) {
	f := Inbox{Reason: Reason(in.Reason)}
	if in.State != "all" {
		handled := in.State == "handled"
		f.Handled = &handled
	}
	if in.Target != "" {
		var err error
		if f.Target, err = person(in.Target); err != nil {
			return nil, err
		}
	}
	all, next, total, err := s.Complaints(ctx, f, Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	handlers := make([]int64, 0, len(all))
	for _, r := range all {
		handlers = append(handlers, r.HandledBy)
	}
	names, err := s.names(ctx, handlers)
	if err != nil {
		return nil, err
	}
	out := reportList{Reports: make([]complaintView, 0, len(all)), Next: next, Total: total}
	for _, r := range all {
		out.Reports = append(out.Reports, complaintView{
			ReportView: viewReport(r.Report, names), Demo: string(r.Session), Name: r.Demo, Map: r.Map, StartAt: r.StartAt, Times: r.Times,
		})
	}
	return web.Tag(in.Known, out)
}

type handledInput struct {
	Session string `path:"session" maxLength:"40"`
	Target  string `path:"target" maxLength:"100"`
}

func (s *Service) postHandled(ctx context.Context, in *handledInput) (*struct{}, error) {
	target, err := person(in.Target)
	if err != nil {
		return nil, err
	}
	return nil, s.Handle(ctx, callerOf(ctx), in.Session, target)
}

type broadcastsInput struct{ web.Known }

func (s *Service) getBroadcasts(ctx context.Context, in *broadcastsInput) (*web.Tagged[broadcastList], error) {
	all, err := s.Broadcasts(ctx)
	if err != nil {
		return nil, err
	}
	out := broadcastList{Broadcasts: make([]broadcastView, 0, len(all)), Total: len(all)}
	for _, b := range all {
		out.Broadcasts = append(out.Broadcasts, broadcastView(b))
	}
	return web.Tag(in.Known, out)
}

type broadcastInput struct {
	Body struct {
		Message    string `json:"message" minLength:"1" maxLength:"1000"`
		Importance string `json:"importance,omitempty" maxLength:"100" doc:"Free text, shown by clients."`
	}
}

type broadcastOutput struct{ Body broadcastView }

func (s *Service) postBroadcast(ctx context.Context, in *broadcastInput) (*broadcastOutput, error) {
	b, err := s.Announce(ctx, in.Body.Message, in.Body.Importance)
	return &broadcastOutput{broadcastView(b)}, err
}

type deleteBroadcastInput struct {
	Message string `query:"message" required:"true" maxLength:"1000" doc:"The whole text."`
}

func (s *Service) deleteBroadcast(ctx context.Context, in *deleteBroadcastInput) (*struct{}, error) {
	return nil, s.Withdraw(ctx, in.Message)
}
