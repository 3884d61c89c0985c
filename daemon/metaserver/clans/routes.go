package clans

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	clansPath   = "/api/v1/clans"
	clanPath    = clansPath + "/{id}"
	invitesPath = clanPath + "/invites"
	memberPath  = clanPath + "/members/{account}"
	myClans     = "/api/v1/me/clans"
	myInvites   = "/api/v1/me/clan-invites"
)

// created answers 201.
func created(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }

// Register adds the operations on clans and skins to the server.
func (s *Service) Register(srv *web.Server) {
	ops := srv.Operations("clans")
	read, write := accounts.Require(accounts.ScopeMetaRead), accounts.Require(accounts.ScopeMetaWrite)
	const moderators = " Moderators may do it in any clan, and have to give a reason."

	web.Route(ops, http.MethodGet, clansPath, s.listClans, web.Describe("list-clans", "Clans",
		"Without their icons. `next` is the cursor of the following page, empty on the last.", 400), read)
	web.Route(ops, http.MethodPost, clansPath, s.postClan, web.Describe("create-clan", "Found a clan",
		"You become its owner.", 400, 409), created, web.MaxBody(maxIconText+4<<10), write)
	web.Route(ops, http.MethodGet, clanPath, s.getClan, web.Describe("get-clan", "One clan with its members", "", 404), read)
	web.Route(ops, http.MethodPatch, clanPath, s.patchClan, web.Describe("edit-clan", "Change tag or name of a clan",
		"For owners. What it had stays reserved for it for a time."+moderators, 400, 404, 409), write)
	web.Route(ops, http.MethodDelete, clanPath, s.deleteClan, web.Describe("disband-clan", "Disband a clan",
		"For owners. Its members leave, its tag stays reserved for a time."+moderators, 400, 404, 409), write)
	web.Route(ops, http.MethodPut, clanPath+"/icon", s.putIcon, web.Describe("set-clan-icon", "Change the icon of a clan",
		"For admins and owners. The body is a square PNG image of at most 64 by 64 pixels and 64 KiB.", 400, 404), web.MaxBody(2*MaxIconBytes), write)
	web.Route(ops, http.MethodDelete, clanPath+"/icon", s.deleteIcon, web.Describe("reset-clan-icon", "Take the icon of a clan away",
		"For admins and owners."+moderators, 400, 404), write)
	web.Route(ops, http.MethodPost, invitesPath, s.postInvite, web.Describe("invite-to-clan", "Invite a player",
		"For admins and owners.", 400, 404, 409), created, write)
	web.Route(ops, http.MethodDelete, invitesPath+"/{account}", s.deleteInvite, web.Describe("retract-clan-invite", "Retract an invitation",
		"For admins and owners.", 404), write)
	web.Route(ops, http.MethodPatch, memberPath, s.patchMember, web.Describe("set-clan-rank", "Change the rank of a member",
		"Only of somebody below your own rank, and not to one above it.", 400, 404), write)
	web.Route(ops, http.MethodDelete, memberPath, s.deleteMember, web.Describe("kick-from-clan", "Kick a member",
		"For admins and owners; admins and owners themselves need a lower rank first.", 404), write)
	web.Route(ops, http.MethodPost, clanPath+"/transfer", s.postTransfer, web.Describe("transfer-clan", "Make another member the owner",
		"For owners, who become admins. With a moderator every other owner becomes an admin."+moderators, 400, 404), write)

	web.Route(ops, http.MethodGet, myClans, s.getMyClans, web.Describe("list-my-clans", "The clans you belong to", ""), read)
	web.Route(ops, http.MethodDelete, myClans+"/{id}", s.deleteMyClan, web.Describe("leave-clan", "Leave a clan",
		"The last owner has to make somebody else one, or disband it.", 409), write)
	web.Route(ops, http.MethodGet, myInvites, s.getMyInvites, web.Describe("list-my-clan-invites", "Your open invitations", ""), read)
	web.Route(ops, http.MethodPost, myInvites+"/{id}", s.postAnswer, web.Describe("answer-clan-invite", "Accept or decline an invitation",
		"", 404, 409), write)
	s.registerSkins(srv)
}

// actor is who calls.
func actor(ctx context.Context, reason string) Actor {
	p := accounts.From(ctx)
	return Actor{Account: p.AccountID, Moderator: p.May(accounts.ScopeMetaModerate), Reason: reason}
}

// caller is the account that calls.
func caller(ctx context.Context) int64 { return accounts.From(ctx).AccountID }

type listInput struct {
	Text   string `query:"q" maxLength:"100" doc:"Part of the visible tag or the name."`
	State  string `query:"state" enum:"standing,disbanded,all" default:"standing"`
	Sort   string `query:"sort" enum:"name,members,created" default:"name" doc:"name: from A; members: the largest first; created: the newest first."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before."`
	web.Known
}

type listView struct {
	Clans []View `json:"clans" nullable:"false"`
	Next  string `json:"next"`
	Total int64  `json:"total"`
}

func (s *Service) listClans(ctx context.Context, in *listInput) (*web.Tagged[listView], error) {
	all, next, total, err := s.List(ctx, Query{in.Text, in.State, in.Sort, in.Limit, in.Cursor})
	if err != nil {
		return nil, err
	}
	v := listView{make([]View, len(all)), next, total}
	for i, c := range all {
		v.Clans[i] = c.JSON()
	}
	return web.Tag(in.Known, v)
}

// ClanPath is the path of a clan.
type ClanPath struct {
	ID int64 `path:"id"`
}

type viewOutput struct{ Body View }

type postClanInput struct {
	Body struct {
		Tag  string `json:"tag" maxLength:"100" doc:"Up to four visible characters, and up to four colour codes: ^ and three digits or one of rgbwkycm."`
		Name string `json:"name" maxLength:"200"`
		Icon string `json:"icon,omitempty" doc:"Base64 of a square PNG image of at most 64 by 64 pixels and 64 KiB."`
	}
}

func (s *Service) postClan(ctx context.Context, in *postClanInput) (*viewOutput, error) {
	tag, name, err := parseTexts(&in.Body.Tag, &in.Body.Name)
	if err != nil {
		return nil, err
	}
	if in.Body.Icon != "" {
		if err := CheckIcon(in.Body.Icon); err != nil {
			return nil, named(err, "icon")
		}
	}
	c, err := s.Found(ctx, caller(ctx), Founding{*tag, *name, in.Body.Icon})
	return &viewOutput{c.JSON()}, err
}

// parseTexts checks what there is of a tag and a name.
func parseTexts(tag, name *string) (*Tag, *string, error) {
	var t *Tag
	var n *string
	if tag != nil {
		parsed, err := ParseTag(*tag)
		if err != nil {
			return nil, nil, named(err, "tag")
		}
		t = &parsed
	}
	if name != nil {
		parsed, err := ParseName(*name)
		if err != nil {
			return nil, nil, named(err, "name")
		}
		n = &parsed
	}
	return t, n, nil
}

// named says which member of the body an error is about.
func named(err error, member string) error {
	return fault.Wrap(err, fault.Invalid, "%s", fault.Public(err)).WithFields(fault.Field{Name: "body." + member, Message: fault.Public(err)})
}

type getClanInput struct {
	ClanPath
	web.Known
}

func (s *Service) getClan(ctx context.Context, in *getClanInput) (*web.Tagged[DetailView], error) {
	v, err := s.Describe(ctx, actor(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, v)
}

type patchClanInput struct {
	ClanPath
	Body struct {
		Tag    *string `json:"tag,omitempty" maxLength:"100"`
		Name   *string `json:"name,omitempty" maxLength:"200"`
		Reason string  `json:"reason,omitempty" maxLength:"300" doc:"Why a moderator does it."`
	}
}

func (s *Service) patchClan(ctx context.Context, in *patchClanInput) (*viewOutput, error) {
	tag, name, err := parseTexts(in.Body.Tag, in.Body.Name)
	if err != nil {
		return nil, err
	}
	c, err := s.Edit(ctx, actor(ctx, in.Body.Reason), in.ID, Change{tag, name})
	return &viewOutput{c.JSON()}, err
}

type reasonInput struct {
	ClanPath
	Reason string `query:"reason" maxLength:"300" doc:"Why a moderator does it."`
}

func (s *Service) deleteClan(ctx context.Context, in *reasonInput) (*struct{}, error) {
	return nil, s.Disband(ctx, actor(ctx, in.Reason), in.ID)
}

type iconInput struct {
	ClanPath
	RawBody []byte `contentType:"image/png"`
}

func (s *Service) putIcon(ctx context.Context, in *iconInput) (*viewOutput, error) {
	icon, err := EncodeIcon(in.RawBody)
	if err != nil {
		return nil, err
	}
	c, err := s.SetIcon(ctx, Actor{Account: caller(ctx)}, in.ID, icon)
	return &viewOutput{c.JSON()}, err
}

func (s *Service) deleteIcon(ctx context.Context, in *reasonInput) (*viewOutput, error) {
	c, err := s.SetIcon(ctx, actor(ctx, in.Reason), in.ID, DefaultIcon)
	return &viewOutput{c.JSON()}, err
}

type postInviteInput struct {
	ClanPath
	Body struct {
		Account string `json:"account" minLength:"1" maxLength:"300" doc:"Display name, # and the number, or a SteamID."`
	}
}

type invitedOutput struct{ Body InvitedView }

func (s *Service) postInvite(ctx context.Context, in *postInviteInput) (*invitedOutput, error) {
	ref := trim(in.Body.Account)
	if !allShow(ref) {
		return nil, refuse(NoPlayer)
	}
	p, err := s.people.Find(ctx, ref)
	if err != nil {
		if fault.Is(err, fault.NotFound) { // the same for everybody who is not there
			err = refuse(NoPlayer)
		}
		return nil, err
	}
	if err := s.Invite(ctx, caller(ctx), in.ID, p.ID); err != nil {
		return nil, err
	}
	l, err := s.Link(ctx, in.ID, p.ID)
	return &invitedOutput{InvitedView{id(p.ID), p.Name, l.Invited}}, err
}

// MemberPath is the path of an account in a clan.
type MemberPath struct {
	ClanPath
	Account int64 `path:"account"`
}

func (s *Service) deleteInvite(ctx context.Context, in *MemberPath) (*struct{}, error) {
	return nil, s.Retract(ctx, caller(ctx), in.ID, in.Account)
}

type patchMemberInput struct {
	MemberPath
	Body struct {
		Rank Rank `json:"rank" enum:"owner,admin,member"`
	}
}

type memberOutput struct{ Body MemberView }

func (s *Service) patchMember(ctx context.Context, in *patchMemberInput) (*memberOutput, error) {
	l, err := s.SetRank(ctx, caller(ctx), in.ID, in.Account, in.Body.Rank)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, []Link{l})
	return &memberOutput{viewRoster([]Link{l}, names)[0]}, err
}

func (s *Service) deleteMember(ctx context.Context, in *MemberPath) (*struct{}, error) {
	l, err := s.Link(ctx, in.ID, in.Account)
	if err != nil {
		return nil, err
	}
	if l.Open() { // an invitation has an address of its own
		return nil, refuse(TargetNotMember)
	}
	return nil, s.Kick(ctx, caller(ctx), in.ID, in.Account)
}

type transferInput struct {
	ClanPath
	Body struct {
		Account string `json:"account" minLength:"1" maxLength:"20" pattern:"^[0-9]+$" doc:"Number of the account."`
		Reason  string `json:"reason,omitempty" maxLength:"300" doc:"Why a moderator does it."`
	}
}

func (s *Service) postTransfer(ctx context.Context, in *transferInput) (*struct{}, error) {
	account, err := strconv.ParseInt(in.Body.Account, 10, 64)
	if err != nil { // no account has such a number
		return nil, refuse(TargetNotMember)
	}
	return nil, s.Transfer(ctx, actor(ctx, in.Body.Reason), in.ID, account)
}

// MineInput asks for what is one's own.
type MineInput struct{ web.Known }

type belongingsView struct {
	Clans []BelongingView `json:"clans" nullable:"false"`
	Total int             `json:"total"`
}

func (s *Service) getMyClans(ctx context.Context, in *MineInput) (*web.Tagged[belongingsView], error) {
	return tagged(in.Known)(s.ClansOf(ctx, caller(ctx)))
}

func (s *Service) getMyInvites(ctx context.Context, in *MineInput) (*web.Tagged[belongingsView], error) {
	return tagged(in.Known)(s.InvitesOf(ctx, caller(ctx)))
}

func tagged(known web.Known) func([]Belonging, error) (*web.Tagged[belongingsView], error) {
	return func(all []Belonging, err error) (*web.Tagged[belongingsView], error) {
		if err != nil {
			return nil, err
		}
		return web.Tag(known, belongingsView{ViewBelongings(all), len(all)})
	}
}

func (s *Service) deleteMyClan(ctx context.Context, in *ClanPath) (*struct{}, error) {
	return nil, s.Leave(ctx, caller(ctx), in.ID)
}

type answerInput struct {
	ClanPath
	Body struct {
		Accept bool `json:"accept"`
	}
}

func (s *Service) postAnswer(ctx context.Context, in *answerInput) (*struct{}, error) {
	return nil, s.Answer(ctx, caller(ctx), in.ID, in.Body.Accept)
}
