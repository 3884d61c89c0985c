package serverlist

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	listPath = "/api/v1/serverlist"
	minePath = "/api/v1/me/servers"
)

// Register adds the operations on the server list to our API.
func (s *Service) Register(srv *web.Server) {
	s.registerPublic(srv)
	s.registerOwn(srv)
	s.registerModeration(srv)
}

// reached notes the address that the caller reached us by, for the addresses
// in the answer.
func reached(o *huma.Operation) {
	o.Middlewares = append(o.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		next(huma.WithValue(ctx, baseKey{}, web.BaseURL(r)))
	})
}

// registerPublic adds what everybody may see.
func (s *Service) registerPublic(srv *web.Server) {
	ops := srv.Operations("server list")
	web.Route(ops, http.MethodGet, listPath, s.getList, web.Describe("list-servers", "Game servers that are online",
		"Those whose last heartbeat is young enough. `next` is the cursor of the following page, empty on the last.", 400), reached)
	web.Route(ops, http.MethodGet, listPath+"/history", s.getHistory, web.Describe("get-serverlist-history", "Servers and players of the last day",
		"The most there were in each five minutes. Times in which the daemon did not run are left out."))
	web.Route(ops, http.MethodGet, listPath+"/{id}", s.getServer, web.Describe("get-server", "One game server",
		"Also while it is not online. One that never was, or that a moderator hid, is shown to nobody but its owner.", 404), reached)
}

// registerOwn adds what an owner does with his servers.
func (s *Service) registerOwn(srv *web.Server) {
	ops := srv.Operations("server list")
	read, write := accounts.Require(accounts.ScopeMetaRead), accounts.Require(accounts.ScopeMetaWrite)
	created := func(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }
	const one = minePath + "/{id}"

	web.Route(ops, http.MethodGet, minePath, s.getMine, web.Describe("list-own-servers", "One's own game servers",
		"With why each is listed or not."), reached, read)
	web.Route(ops, http.MethodPost, minePath, s.postMine, web.Describe("add-own-server", "Register a game server",
		"The answer has its password, which is shown this once. The server is listed after its first heartbeat.", 400), reached, write, created)
	web.Route(ops, http.MethodGet, one, s.getOwn, web.Describe("get-own-server", "One of one's own game servers", "", 404), reached, read)
	web.Route(ops, http.MethodPatch, one, s.patchOwn, web.Describe("edit-own-server", "Change what is said of a game server",
		"What the server reports itself it replaces with its next heartbeat.", 400, 404, 409), reached, write)
	web.Route(ops, http.MethodDelete, one, s.deleteOwn, web.Describe("delete-own-server", "Delete a game server for good",
		"Its password is void at once.", 404), write)
	web.Route(ops, http.MethodPost, one+"/rotate", s.postRotate, web.Describe("rotate-own-server", "Give a game server a new password",
		"The old one is void at once; the new one is shown this once.", 404, 409), reached, write)
	web.Route(ops, http.MethodPost, one+"/offline", s.postOffline, web.Describe("take-own-server-offline", "Take a game server off the list",
		"Until its next heartbeat.", 404), reached, write)
	web.Route(ops, http.MethodPost, one+"/check", s.postCheck, web.Describe("check-own-server", "Look whether a game server can be reached from here",
		"The daemon sends something to the address of a server only when it is asked to, here.", 400, 404, 429), reached, write)
	web.Route(ops, http.MethodGet, one+"/bans", s.getBans, web.Describe("list-own-server-bans", "Players whom a game server does not let in", "", 404), read)
	web.Route(ops, http.MethodPut, one+"/bans/{account}", s.putBan, web.Describe("ban-from-own-server", "Keep a player from a game server", "", 400, 404, 409), write)
	web.Route(ops, http.MethodDelete, one+"/bans/{account}", s.deleteBan, web.Describe("unban-from-own-server", "Let a player in again", "", 404), write)
}

type listInput struct {
	Query         string `query:"q" maxLength:"200" doc:"Part of the name, description, map or host."`
	GameType      string `query:"game_type" maxLength:"100"`
	Map           string `query:"map" maxLength:"200" doc:"Part of it."`
	Region        string `query:"region" maxLength:"100"`
	Version       string `query:"version" maxLength:"100"`
	HasPlayers    bool   `query:"has_players"`
	NotFull       bool   `query:"not_full"`
	NotPassworded bool   `query:"not_passworded"`
	Mod           uint64 `query:"mod" doc:"Workshop id of an item that players need."`
	Sort          string `query:"sort" enum:"players,room,name,map,game_type,updated" default:"players" doc:"Numbers and times: the highest first; texts: from A."`
	Reverse       bool   `query:"reverse" doc:"The other way round."`
	Limit         int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor        string `query:"cursor" maxLength:"1000" doc:"next of the page before."`
	web.Known
}

type serversView struct {
	Servers []View     `json:"servers" nullable:"false"`
	Next    string     `json:"next"`
	Total   int        `json:"total" doc:"That the filter selects."`
	Totals  totalsView `json:"totals" doc:"Of all servers that are online."`
}

func (s *Service) getList(ctx context.Context, in *listInput) (*web.Tagged[serversView], error) {
	all, next, total, err := s.Browse(Filter{
		Query: in.Query, GameType: in.GameType, Map: in.Map, Region: in.Region, Version: in.Version,
		HasPlayers: in.HasPlayers, NotFull: in.NotFull, NotPassworded: in.NotPassworded, Mod: in.Mod,
	}, Sorting{in.Sort, in.Reverse}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := serversView{Servers: make([]View, 0, len(all)), Next: next, Total: total, Totals: totalsView(s.Totals())}
	for i := range all {
		out.Servers = append(out.Servers, s.view(ctx, &all[i]))
	}
	return web.Tag(in.Known, out)
}

type historyInput struct {
	Hours int `query:"hours" minimum:"1" maximum:"24" default:"24"`
	web.Known
}

func (s *Service) getHistory(ctx context.Context, in *historyInput) (*web.Tagged[historyView], error) {
	all, err := s.History(ctx, s.now().Add(-time.Duration(in.Hours)*time.Hour))
	if err != nil {
		return nil, err
	}
	out := historyView{Points: make([]pointView, 0, len(all)), Now: totalsView(s.Totals())}
	for _, p := range all {
		out.Points = append(out.Points, pointView{p.At, p.Servers, p.Players})
	}
	return web.Tag(in.Known, out)
}

type serverInput struct {
	ID string `path:"id" maxLength:"20"`
	web.Known
}

// number reads the id of a server in a path.
func number(text string) (int64, error) {
	n, ok := parseID(text)
	if !ok {
		return 0, errNoServer
	}
	return n, nil
}

func (s *Service) getServer(ctx context.Context, in *serverInput) (*web.Tagged[View], error) {
	n, err := number(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.Server(ctx, n)
	if err == nil && (v.State != StateOpen || v.Updated.IsZero()) {
		err = errNoServer
	}
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, s.view(ctx, &v))
}

// mine returns the caller's account, and the id of a server.
func mine(ctx context.Context, text string) (owner, n int64, err error) {
	owner = accounts.From(ctx).AccountID
	if owner < 1 {
		return 0, 0, fault.New(fault.Forbidden, "You have no account")
	}
	n, err = number(text)
	return owner, n, err
}

type mineInput struct{ web.Known }

type mineView struct {
	Servers []OwnerView `json:"servers" nullable:"false"`
	Total   int         `json:"total"`
	Most    int         `json:"most" doc:"Servers that one account may have; 0: as many as it likes."`
}

func (s *Service) getMine(ctx context.Context, in *mineInput) (*web.Tagged[mineView], error) {
	all, err := s.Owned(ctx, accounts.From(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	out := mineView{Servers: make([]OwnerView, 0, len(all)), Total: len(all), Most: s.options.MaxPerUser}
	for i := range all {
		out.Servers = append(out.Servers, s.ownerView(ctx, &all[i]))
	}
	return web.Tag(in.Known, out)
}

// own finds a server of the caller.
func (s *Service) own(ctx context.Context, text string) (Server, error) {
	owner, n, err := mine(ctx, text)
	if err != nil {
		return Server{}, err
	}
	v, err := s.Server(ctx, n)
	if err == nil && v.Owner != owner {
		err = errNoServer
	}
	return v, err
}

func (s *Service) getOwn(ctx context.Context, in *serverInput) (*web.Tagged[OwnerView], error) {
	v, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, s.ownerView(ctx, &v))
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
