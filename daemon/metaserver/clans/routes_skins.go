package clans

import (
	"context"
	"net/http"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	skinsPath = "/api/v1/skins"
	skinPath  = skinsPath + "/{id}"
)

func (s *Service) registerSkins(srv *web.Server) {
	ops := srv.Operations("skins")
	read, admin := accounts.Require(accounts.ScopeMetaRead), accounts.Require(accounts.ScopeAdmin)
	web.Route(ops, http.MethodGet, skinsPath, s.listSkins, web.Describe("list-skins", "Skins",
		"All there are. `next` is the cursor of the following page, empty on the last.", 400), read)
	web.Route(ops, http.MethodPost, skinsPath, s.postSkin, web.Describe("create-skin", "Make a skin", "", 400), created, admin)
	web.Route(ops, http.MethodGet, skinPath, s.getSkin, web.Describe("get-skin", "One skin, and who was given it",
		"The first 1000 players and clans.", 404), admin)
	web.Route(ops, http.MethodPut, skinPath, s.putSkin, web.Describe("edit-skin", "Change a skin", "", 400, 404), admin)
	web.Route(ops, http.MethodDelete, skinPath, s.deleteSkin, web.Describe("delete-skin", "Delete a skin",
		"It is taken from everybody.", 404), admin)
	web.Route(ops, http.MethodPut, skinPath+"/players/{account}", s.putSkinPlayer, web.Describe("grant-skin-to-player", "Give a player a skin", "", 404), admin)
	web.Route(ops, http.MethodDelete, skinPath+"/players/{account}", s.deleteSkinPlayer, web.Describe("revoke-skin-from-player", "Take a skin from a player", "", 404), admin)
	web.Route(ops, http.MethodPut, skinPath+"/clans/{clan}", s.putSkinClan, web.Describe("grant-skin-to-clan", "Give a clan a skin", "", 404), admin)
	web.Route(ops, http.MethodDelete, skinPath+"/clans/{clan}", s.deleteSkinClan, web.Describe("revoke-skin-from-clan", "Take a skin from a clan", "", 404), admin)
	web.Route(ops, http.MethodGet, "/api/v1/me/skins", s.getMySkins, web.Describe("list-my-skins", "The skins you were given",
		"Those of your clans are shown with the clans."), read)
}

type listSkinsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"100" doc:"next of the page before."`
	web.Known
}

type skinsView struct {
	Skins []SkinView `json:"skins" nullable:"false"`
	Next  string     `json:"next"`
	Total int64      `json:"total"`
}

func (s *Service) listSkins(ctx context.Context, in *listSkinsInput) (*web.Tagged[skinsView], error) {
	after, err := int64(0), error(nil)
	if in.Cursor != "" {
		if after, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil {
			return nil, fault.New(fault.Invalid, "The cursor is not one of ours")
		}
	}
	all, total, err := s.Skins(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	v := skinsView{Total: total}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		v.Next = id(all[in.Limit-1].ID)
	}
	v.Skins = viewSkins(all)
	return web.Tag(in.Known, v)
}

type skinBody struct {
	Kind        string `json:"kind" minLength:"1" maxLength:"300"`
	Unit        string `json:"unit" minLength:"1" maxLength:"300"`
	ModelPath   string `json:"model_path" minLength:"1" maxLength:"300"`
	Description string `json:"description,omitempty" maxLength:"300"`
}

func (b skinBody) skin(number int64) Skin {
	return Skin{ID: number, Kind: b.Kind, Unit: b.Unit, ModelPath: b.ModelPath, Description: b.Description}
}

type skinOutput struct{ Body SkinView }

func (s *Service) postSkin(ctx context.Context, in *struct{ Body skinBody }) (*skinOutput, error) {
	k, err := s.AddSkin(ctx, in.Body.skin(0))
	return &skinOutput{k.JSON()}, err
}

// SkinPath is the path of a skin.
type SkinPath struct {
	ID int64 `path:"id"`
}

type getSkinInput struct {
	SkinPath
	web.Known
}

// SkinDetailView is a skin and who was given it, as JSON.
type SkinDetailView struct {
	SkinView
	Players []HolderView `json:"players" nullable:"false"`
	Clans   []HolderView `json:"clans" nullable:"false"`
}

// HolderView is an account or a clan as JSON.
type HolderView struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// DescribeSkin returns a skin and who was given it; fault.NotFound.
func (s *Service) DescribeSkin(ctx context.Context, skin int64) (v SkinDetailView, err error) {
	k, g, err := s.Skin(ctx, skin)
	if err != nil {
		return v, err
	}
	names, err := s.namesOf(ctx, g.Players)
	if err != nil {
		return v, err
	}
	v = SkinDetailView{k.JSON(), []HolderView{}, []HolderView{}}
	for _, n := range g.Players {
		v.Players = append(v.Players, HolderView{id(n), names[n]})
	}
	held, err := s.clanNames(ctx, g.Clans)
	for _, n := range g.Clans {
		v.Clans = append(v.Clans, HolderView{id(n), held[n]})
	}
	return v, err
}

func (s *Service) getSkin(ctx context.Context, in *getSkinInput) (*web.Tagged[SkinDetailView], error) {
	v, err := s.DescribeSkin(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, v)
}

type putSkinInput struct {
	SkinPath
	Body skinBody
}

func (s *Service) putSkin(ctx context.Context, in *putSkinInput) (*skinOutput, error) {
	if err := s.EditSkin(ctx, in.Body.skin(in.ID)); err != nil {
		return nil, err
	}
	k, _, err := s.Skin(ctx, in.ID)
	return &skinOutput{k.JSON()}, err
}

func (s *Service) deleteSkin(ctx context.Context, in *SkinPath) (*struct{}, error) {
	return nil, s.RemoveSkin(ctx, in.ID)
}

type playerGrantInput struct {
	SkinPath
	Account int64 `path:"account"`
}

func (s *Service) putSkinPlayer(ctx context.Context, in *playerGrantInput) (*struct{}, error) {
	return nil, s.Grant(ctx, in.ID, Grantee{Account: in.Account})
}

func (s *Service) deleteSkinPlayer(ctx context.Context, in *playerGrantInput) (*struct{}, error) {
	return nil, s.Revoke(ctx, in.ID, Grantee{Account: in.Account})
}

type clanGrantInput struct {
	SkinPath
	Clan int64 `path:"clan"`
}

func (s *Service) putSkinClan(ctx context.Context, in *clanGrantInput) (*struct{}, error) {
	return nil, s.Grant(ctx, in.ID, Grantee{Clan: in.Clan})
}

func (s *Service) deleteSkinClan(ctx context.Context, in *clanGrantInput) (*struct{}, error) {
	return nil, s.Revoke(ctx, in.ID, Grantee{Clan: in.Clan})
}

type mySkinsView struct {
	Skins []SkinView `json:"skins" nullable:"false"`
	Total int        `json:"total"`
}

func (s *Service) getMySkins(ctx context.Context, in *MineInput) (*web.Tagged[mySkinsView], error) {
	all, err := s.SkinsOf(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, mySkinsView{viewSkins(all), len(all)})
}
