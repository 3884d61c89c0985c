package metaserver

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const playersPath = "/api/v1/players"

// registerPlayers adds who the players are.
func (s *Service) registerPlayers(srv *web.Server) {
	ops, read := srv.Operations("players"), accounts.Require(accounts.ScopeMetaRead)
	web.Route(ops, http.MethodGet, playersPath, s.listPlayers, web.Describe("list-players", "Players",
		"Everybody who has proved his e-mail address. Moderators may ask for others by `state`. `next` is the cursor of the following page, empty on the last.", 400), read)
	web.Route(ops, http.MethodGet, playersPath+"/{id}", s.getPlayer, web.Describe("get-player", "A player",
		"With his clans, and his rating over all servers.", 404), read)
}

// PlayerView is a player in a list.
type PlayerView struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	CreatedAt  time.Time `json:"created_at"`
	LastOnline time.Time `json:"last_online,omitzero" doc:"Absent: never."`
	Verified   bool      `json:"verified" doc:"He has proved his e-mail address."`
	Closed     bool      `json:"closed" doc:"A moderator closed the account."`
}

func viewPlayer(p accounts.Person) PlayerView {
	return PlayerView{
		ID: strconv.FormatInt(p.ID, 10), Name: p.Name, CreatedAt: p.Created, LastOnline: p.LastOnline,
		Verified: !p.Verified.IsZero(), Closed: !p.Closed.IsZero(),
	}
}

// ProfileView is everything that others may know of a player.
type ProfileView struct {
	PlayerView
	Clans  []clans.BelongingView `json:"clans" nullable:"false"`
	Rating *RatingView           `json:"rating,omitempty" doc:"Over all servers; absent: he has played no match that counts."`
}

// RatingView is a rating in short.
type RatingView struct {
	Rating float64 `json:"rating"`
	Rank   int64   `json:"rank" doc:"0: not in the leaderboard."`
	Of     int64   `json:"of" doc:"How many are in the leaderboard."`
	Played int64   `json:"played" doc:"Matches on the field."`
	Won    int64   `json:"won"`
}

type playersInput struct {
	Query  string `query:"q" maxLength:"64" doc:"Part of the name, in any case."`
	State  string `query:"state" enum:"unverified,closed,all" doc:"For moderators. Default: verified and not closed."`
	Sort   string `query:"sort" enum:"name,-last_online,-created" default:"name"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"600" doc:"next of the page before."`
	web.Known
}

type playerList struct {
	Players []PlayerView `json:"players" nullable:"false"`
	Next    string       `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total   int64        `json:"total"`
}

func (s *Service) listPlayers(ctx context.Context, in *playersInput) (*web.Tagged[playerList], error) {
	if in.State != "" && !accounts.From(ctx).May(accounts.ScopeMetaModerate) {
		return nil, fault.New(fault.Forbidden, "Only moderators see these players")
	}
	page, err := s.accounts.SearchPersons(ctx, accounts.PersonFilter{Name: in.Query, State: in.State, Sort: in.Sort}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	body := playerList{Players: make([]PlayerView, len(page.Persons)), Next: page.Next, Total: page.Total}
	for i, p := range page.Persons {
		body.Players[i] = viewPlayer(p)
	}
	return web.Tag(in.Known, body)
}

type playerInput struct {
	ID string `path:"id" maxLength:"20"`
	web.Known
}

func (s *Service) getPlayer(ctx context.Context, in *playerInput) (*web.Tagged[ProfileView], error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, errNoPlayer()
	}
	view, err := s.Profile(ctx, id)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, view)
}

func errNoPlayer() error { return fault.New(fault.NotFound, "There is no such player") }

// Profile returns what others may know of a player; fault.NotFound, also when
// he deleted his account.
func (s *Service) Profile(ctx context.Context, id int64) (v ProfileView, err error) {
	p, ok, err := s.accounts.Person(ctx, id)
	switch {
	case err != nil:
		return v, err
	case !ok || p.Deleted():
		return v, errNoPlayer()
	}
	v.PlayerView = viewPlayer(p)
	belongings, err := s.clans.ClansOf(ctx, id)
	if err != nil {
		return v, err
	}
	v.Clans = clans.ViewBelongings(belongings)
	place, of, err := s.matches.PlaceOf(ctx, 0, id)
	if err != nil || place.Account == 0 { // no match of his counts
		return v, err
	}
	v.Rating = &RatingView{Rating: place.Rating, Rank: place.Rank, Of: of, Played: place.PlayedField, Won: place.WonField}
	return v, nil
}
