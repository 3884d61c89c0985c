package matches

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	matchesPath = "/api/v1/matches"
	boardsPath  = "/api/v1/leaderboards"
	playerPath  = "/api/v1/players/{id}"
)

// Register adds the operations of the API to the server.
func (s *Service) Register(srv *web.Server) {
	ops := srv.Operations("matches")
	read, moderate := accounts.Require(accounts.ScopeMetaRead), accounts.Require(accounts.ScopeMetaModerate)
	const paged = " `next` is the cursor of the following page, empty on the last."

	web.Route(ops, http.MethodGet, matchesPath, s.listMatches, web.Describe("list-matches", "Matches", "The newest first."+paged, 400), read)
	web.Route(ops, http.MethodGet, matchesPath+"/{id}", s.getMatch, web.Describe("get-match", "One match",
		"With everybody who took part, why each rating changed as it did, and the recordings of it.", 404), read)
	web.Route(ops, http.MethodPost, matchesPath+"/{id}/void", s.postVoid, web.Describe("void-match", "Take a match out",
		"It counts no longer, and what followed on its server is rated anew. For moderators.", 400, 404, 409), moderate)
	web.Route(ops, http.MethodGet, playerPath+"/matches", s.listPlayed, web.Describe("list-player-matches", "Matches of a player",
		"The newest first, with what each did to his rating."+paged, 400, 404), read)
	web.Route(ops, http.MethodGet, playerPath+"/stats", s.getStats, web.Describe("get-player-stats", "Ratings and counters of a player",
		"Over all servers and on each, at most 500 of them, where he was last first.", 404), read)
	web.Route(ops, http.MethodGet, boardsPath+"/{board}", s.getBoard, web.Describe("get-leaderboard", "A leaderboard",
		"That of a server, or of all together, where a rating is the mean of those on the servers, weighted by matches. Of players with enough matches."+paged, 400, 404), read)
	web.Route(ops, http.MethodGet, boardsPath+"/{board}/players/{id}", s.getPlace, web.Describe("get-leaderboard-place", "The place of a player in a leaderboard", "", 404), read)
}

// number reads an id of a path or a query; fault.NotFound when it is none.
func number(text, what string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.NotFound, "There is no such %s", what)
	}
	return n, nil
}

// Selection is the query of a list of matches.
type Selection struct {
	Server string    `query:"server" maxLength:"20" doc:"Id of a game server."`
	Race   string    `query:"race" enum:"human,beast" doc:"A team of this race took part; of a player's matches: he was of it."`
	From   time.Time `query:"from" doc:"Reported then or later."`
	To     time.Time `query:"to" doc:"Reported before then."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string    `query:"cursor" maxLength:"100" doc:"next of the page before."`
	web.Known
}

func (in *Selection) filter() (f Filter, err error) {
	f = Filter{Race: Race(in.Race), From: in.From, To: in.To}
	if in.Server != "" {
		f.Server, err = number(in.Server, "server")
	}
	return f, err
}

type matchesInput struct {
	Player string `query:"player" maxLength:"20" doc:"Id of an account that took part."`
	Selection
}

type matchList struct {
	Matches []MatchView `json:"matches" nullable:"false"`
	Next    string      `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total   int64       `json:"total"`
}

func (s *Service) listMatches(ctx context.Context, in *matchesInput) (*web.Tagged[matchList], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.Player != "" {
		if f.Player, err = number(in.Player, "player"); err != nil {
			return nil, err
		}
	}
	all, next, total, err := s.List(ctx, f, Page{in.Limit, in.Cursor})
	if err != nil {
		return nil, err
	}
	views, err := s.View(ctx, all)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, matchList{views, next, total})
}

type matchInput struct {
	ID string `path:"id" maxLength:"20"`
	web.Known
}

func (s *Service) getMatch(ctx context.Context, in *matchInput) (*web.Tagged[DetailView], error) {
	n, err := number(in.ID, "match")
	if err != nil {
		return nil, err
	}
	m, err := s.Get(ctx, n)
	if err != nil {
		return nil, err
	}
	v, err := s.Describe(ctx, m)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, v)
}

// Describe shapes a match as the API shows it to the caller.
func (s *Service) Describe(ctx context.Context, m Match) (DetailView, error) {
	b, err := s.book(ctx, []Match{m}, nil, nil)
	if err != nil {
		return DetailView{}, err
	}
	v := b.detail(m, accounts.From(ctx).May(accounts.ScopeMetaModerate))
	server, ok := b.servers[m.Server]
	if s.options.Demos == nil || !ok || server.Host == "" {
		return v, nil
	}
	from, err := s.began(ctx, m)
	if err != nil {
		return DetailView{}, err
	}
	demos, err := s.options.Demos(ctx, server.Host, server.Port, from, m.At)
	if demos != nil {
		v.Demos = demos
	}
	return v, err
}

type voidInput struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Shown with the match."`
	}
}

type voidOutput struct{ Body MatchView }

func (s *Service) postVoid(ctx context.Context, in *voidInput) (*voidOutput, error) {
	n, err := number(in.ID, "match")
	if err != nil {
		return nil, err
	}
	m, err := s.Void(ctx, n, accounts.From(ctx).AccountID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	views, err := s.View(ctx, []Match{m})
	if err != nil {
		return nil, err
	}
	return &voidOutput{views[0]}, nil
}

type playedInput struct {
	ID string `path:"id" maxLength:"20"`
	Selection
}

type playedList struct {
	Matches []PlayedView `json:"matches" nullable:"false"`
	Next    string       `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total   int64        `json:"total"`
}

func (s *Service) listPlayed(ctx context.Context, in *playedInput) (*web.Tagged[playedList], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if f.Player, err = s.account(ctx, in.ID); err != nil {
		return nil, err
	}
	all, next, total, err := s.List(ctx, f, Page{in.Limit, in.Cursor})
	if err != nil {
		return nil, err
	}
	b, err := s.book(ctx, all, nil, nil)
	if err != nil {
		return nil, err
	}
	list := playedList{make([]PlayedView, len(all)), next, total}
	for i, m := range all {
		list.Matches[i] = b.played(m, f.Player)
	}
	return web.Tag(in.Known, list)
}

// account reads the id of an account that there is.
func (s *Service) account(ctx context.Context, text string) (int64, error) {
	n, err := number(text, "player")
	if err != nil {
		return 0, err
	}
	known, err := s.options.Players(ctx, []int64{n})
	if _, ok := known[n]; err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such player")
	}
	return n, err
}

type statsInput struct {
	ID string `path:"id" maxLength:"20"`
	web.Known
}

type statsBody struct {
	Overall StatsView   `json:"overall"`
	Servers []StatsView `json:"servers" nullable:"false" doc:"Where he was last first."`
}

func (s *Service) getStats(ctx context.Context, in *statsInput) (*web.Tagged[statsBody], error) {
	account, err := s.account(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	overall, servers, err := s.statsViews(ctx, account)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, statsBody{overall, servers})
}

// statsViews shapes what an account did on all servers and on each.
func (s *Service) statsViews(ctx context.Context, account int64) (overall StatsView, each []StatsView, err error) {
	all, of, err := s.PlaceOf(ctx, Overall, account)
	if err != nil {
		return StatsView{}, nil, err
	}
	places, totals, servers, err := s.places(ctx, account)
	if err != nil {
		return StatsView{}, nil, err
	}
	b, err := s.book(ctx, nil, nil, servers)
	each = make([]StatsView, len(places))
	for i, p := range places {
		each[i] = b.stats(p, totals[i])
	}
	return b.stats(all, of), each, err
}

type boardInput struct {
	Board  string `path:"board" maxLength:"20" doc:"Id of a game server, or overall."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"100" doc:"next of the page before."`
	web.Known
}

type boardBody struct {
	Players    []PlaceView `json:"players" nullable:"false"`
	Next       string      `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total      int64       `json:"total" doc:"As it was within the last seconds."`
	MinMatches int         `json:"min_matches" doc:"Those with fewer are not in it."`
}

const overallName = "overall"

// boardNumber reads which leaderboard is meant.
func boardNumber(text string) (int64, error) {
	if text == overallName {
		return Overall, nil
	}
	return number(text, "leaderboard")
}

func (s *Service) getBoard(ctx context.Context, in *boardInput) (*web.Tagged[boardBody], error) {
	server, err := boardNumber(in.Board)
	if err != nil {
		return nil, err
	}
	places, next, total, err := s.Board(ctx, server, Page{in.Limit, in.Cursor})
	if err != nil {
		return nil, err
	}
	views, err := s.ViewPlaces(ctx, places)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, boardBody{views, next, total, s.config.RankedMatches})
}

type placeInput struct {
	Board string `path:"board" maxLength:"20" doc:"Id of a game server, or overall."`
	ID    string `path:"id" maxLength:"20"`
	web.Known
}

func (s *Service) getPlace(ctx context.Context, in *placeInput) (*web.Tagged[StatsView], error) {
	server, err := boardNumber(in.Board)
	if err != nil {
		return nil, err
	}
	account, err := s.account(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p, of, err := s.PlaceOf(ctx, server, account)
	switch {
	case err != nil:
		return nil, err
	case p.Account == 0:
		return nil, fault.New(fault.NotFound, "The player has no matches there")
	}
	b, err := s.book(ctx, nil, nil, []int64{server})
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, b.stats(p, of))
}
