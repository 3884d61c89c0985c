package serverlist

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// ExtrasBody is what owners say of a server that old clients know nothing of.
type ExtrasBody struct {
	Passworded *bool     `json:"passworded,omitempty"`
	Region     *string   `json:"region,omitempty" maxLength:"32"`
	Version    *string   `json:"version,omitempty" maxLength:"64" doc:"Of the game."`
	App        *string   `json:"app,omitempty" maxLength:"10" doc:"Application id at Steam; empty for none."`
	Mods       *[]string `json:"mods,omitempty" maxItems:"100" doc:"Workshop ids of items that players need."`
	PublicHost *string   `json:"public_host,omitempty" maxLength:"2083" doc:"Where players connect, when the server is behind a router or a tunnel; empty for none."`
	PublicPort *int      `json:"public_port,omitempty" minimum:"0" maximum:"65535" doc:"0 for none."`
}

func (b *ExtrasBody) change() (ExtrasChange, error) {
	c := ExtrasChange{Passworded: b.Passworded, Region: b.Region, Version: b.Version, PublicHost: b.PublicHost, PublicPort: b.PublicPort}
	if b.App != nil {
		app, err := strconv.ParseUint(*b.App, 10, 32)
		if err != nil && *b.App != "" {
			return c, fault.New(fault.Invalid, "%q is no application id", *b.App)
		}
		n := uint32(app)
		c.App = &n
	}
	if b.Mods != nil {
		mods := make([]uint64, 0, len(*b.Mods))
		for _, text := range *b.Mods {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return c, fault.New(fault.Invalid, "%q is no Workshop id", text)
			}
			mods = append(mods, n)
		}
		c.Mods = &mods
	}
	return c, nil
}

type newServerInput struct {
	Body struct {
		HostName    string `json:"host_name" maxLength:"2083" doc:"An https URL, an IP address or a DNS name."`
		Port        int    `json:"port" minimum:"1" maximum:"65535"`
		Name        string `json:"name" maxLength:"100"`
		Description string `json:"description,omitempty" maxLength:"200"`
		GameType    string `json:"game_type,omitempty" maxLength:"10"`
		MaxPlayers  int64  `json:"max_players" minimum:"0"`
		ExtrasBody
	}
	from netip.Addr
}

// Resolve implements huma.Resolver: it notes from where the request came.
func (in *newServerInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	in.from = web.ClientIP(r)
	return nil
}

// secretOutput is an answer that no cache may keep.
type secretOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		OwnerView
		Password string `json:"password" doc:"32 hexadecimal digits, shown this once. The name that goes with it is the id."`
	}
}

func (s *Service) secret(ctx context.Context, v *Server, password string) *secretOutput {
	out := &secretOutput{CacheControl: "no-store"}
	out.Body.OwnerView, out.Body.Password = s.ownerView(ctx, v), password
	return out
}

func (s *Service) postMine(ctx context.Context, in *newServerInput) (*secretOutput, error) {
	owner := accounts.From(ctx).AccountID
	if owner < 1 {
		return nil, fault.New(fault.Forbidden, "You have no account")
	}
	extras, err := in.Body.change()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	v, password, err := s.Add(ctx, owner, Details{b.HostName, b.Port, b.Name, b.Description, b.GameType, b.MaxPlayers}, extras, in.from)
	if err != nil {
		return nil, err
	}
	return s.secret(ctx, &v, password), nil
}

type editInput struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		HostName    *string `json:"host_name,omitempty" maxLength:"2083"`
		Port        *int    `json:"port,omitempty" minimum:"1" maximum:"65535"`
		Name        *string `json:"name,omitempty" maxLength:"100"`
		Description *string `json:"description,omitempty" maxLength:"200"`
		GameType    *string `json:"game_type,omitempty" maxLength:"10"`
		MaxPlayers  *int64  `json:"max_players,omitempty" minimum:"0"`
		ExtrasBody
	}
}

type ownerOutput struct{ Body OwnerView }

func (s *Service) patchOwn(ctx context.Context, in *editInput) (*ownerOutput, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	extras, err := in.Body.change()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	v, err := s.Edit(ctx, owner, n, DetailsChange{
		HostName: b.HostName, Name: b.Name, Description: b.Description, GameType: b.GameType, Port: b.Port, MaxPlayers: b.MaxPlayers,
	}, extras)
	return s.shown(ctx, v, err)
}

func (s *Service) shown(ctx context.Context, v Server, err error) (*ownerOutput, error) {
	if err != nil {
		return nil, err
	}
	return &ownerOutput{s.ownerView(ctx, &v)}, nil
}

type ownInput struct {
	ID string `path:"id" maxLength:"20"`
}

func (s *Service) deleteOwn(ctx context.Context, in *ownInput) (*struct{}, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.Delete(ctx, owner, n)
}

func (s *Service) postRotate(ctx context.Context, in *ownInput) (*secretOutput, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v, password, err := s.Rotate(ctx, owner, n)
	if err != nil {
		return nil, err
	}
	return s.secret(ctx, &v, password), nil
}

func (s *Service) postOffline(ctx context.Context, in *ownInput) (*ownerOutput, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.TakeOffline(ctx, owner, n)
	return s.shown(ctx, v, err)
}

type checkInput struct {
	ID   string `path:"id" maxLength:"20"`
	Kind string `query:"kind" enum:"a2s,tcp" doc:"Without it a2s, if this daemon can."`
}

func (s *Service) postCheck(ctx context.Context, in *checkInput) (*ownerOutput, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.Check(ctx, owner, n, in.Kind)
	return s.shown(ctx, v, err)
}

type banView struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero" doc:"Absent: for ever."`
}

type bansView struct {
	Bans  []banView `json:"bans" nullable:"false"`
	Total int       `json:"total"`
}

func (s *Service) getBans(ctx context.Context, in *serverInput) (*web.Tagged[bansView], error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.Bans(ctx, owner, n)
	if err != nil {
		return nil, err
	}
	accounts := make([]int64, 0, len(all))
	for _, b := range all {
		accounts = append(accounts, b.Account)
	}
	names := map[int64]string{}
	if s.options.Names != nil && len(all) > 0 {
		if names, err = s.options.Names(ctx, accounts); err != nil {
			return nil, err
		}
	}
	out := bansView{Bans: make([]banView, 0, len(all)), Total: len(all)}
	for _, b := range all {
		out.Bans = append(out.Bans, banView{text(b.Account), names[b.Account], b.Reason, b.At, b.Until})
	}
	return web.Tag(in.Known, out)
}

type banInput struct {
	ID      string `path:"id" maxLength:"20"`
	Account string `path:"account" maxLength:"20" doc:"Number of the player's account."`
	Body    struct {
		Reason string    `json:"reason,omitempty" maxLength:"500"`
		Until  time.Time `json:"until,omitzero" doc:"Absent: for ever."`
	}
}

func (s *Service) putBan(ctx context.Context, in *banInput) (*struct{}, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	account, ok := parseID(in.Account)
	if !ok {
		return nil, fault.New(fault.Invalid, "%q is not the number of an account", in.Account)
	}
	if s.options.Names != nil {
		names, err := s.options.Names(ctx, []int64{account})
		if err != nil {
			return nil, err
		}
		if _, ok := names[account]; !ok {
			return nil, fault.New(fault.NotFound, "There is no account #%d", account)
		}
	}
	return nil, s.Ban(ctx, owner, n, Ban{Account: account, Reason: in.Body.Reason, By: owner, Until: in.Body.Until})
}

type unbanInput struct {
	ID      string `path:"id" maxLength:"20"`
	Account string `path:"account" maxLength:"20"`
}

func (s *Service) deleteBan(ctx context.Context, in *unbanInput) (*struct{}, error) {
	owner, n, err := mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	account, ok := parseID(in.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "This account is not kept out")
	}
	return nil, s.Unban(ctx, owner, n, account)
}

// registerModeration adds what moderators do.
func (s *Service) registerModeration(srv *web.Server) {
	ops := srv.Operations("server list")
	moderate := accounts.Require(accounts.ScopeMetaModerate)
	web.Route(ops, http.MethodGet, listPath+"/registered", s.getRegistered, web.Describe("list-registered-servers", "Every game server",
		"Listed or not, with its owner.", 400), reached, moderate)
	web.Route(ops, http.MethodPut, listPath+"/{id}/state", s.putState, web.Describe("moderate-server", "Hide, close or open a game server",
		"A hidden server may report and is not listed; the password of a closed one is not accepted either. The owner is shown the reason.", 400, 404), reached, moderate)
	web.Route(ops, http.MethodDelete, listPath+"/{id}", s.deleteServer, web.Describe("delete-server", "Delete a game server for good", "", 404), moderate)
}

type registeredInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"20" doc:"next of the page before."`
	web.Known
}

type registeredView struct {
	Servers []OwnerView `json:"servers" nullable:"false"`
	Next    string      `json:"next"`
	Total   int64       `json:"total"`
}

func (s *Service) getRegistered(ctx context.Context, in *registeredInput) (*web.Tagged[registeredView], error) {
	var after int64
	if in.Cursor != "" {
		var ok bool
		if after, ok = parseID(in.Cursor); !ok {
			return nil, fault.New(fault.Invalid, "The cursor is not one of this list").WithHint("begin without one")
		}
	}
	all, total, err := s.Registered(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := registeredView{Total: total}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Next = text(all[in.Limit-1].ID)
	}
	if out.Servers, err = s.Describe(ctx, all); err != nil {
		return nil, err
	}
	return web.Tag(in.Known, out)
}

type stateInput struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		State  string `json:"state" enum:"open,hidden,closed"`
		Reason string `json:"reason,omitempty" maxLength:"500" doc:"For the owner; needed unless it is opened."`
	}
}

func (s *Service) putState(ctx context.Context, in *stateInput) (*ownerOutput, error) {
	n, err := number(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.Moderate(ctx, n, State(in.Body.State), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	all, err := s.Describe(ctx, []Server{v})
	if err != nil {
		return nil, err
	}
	return &ownerOutput{all[0]}, nil
}

func (s *Service) deleteServer(ctx context.Context, in *ownInput) (*struct{}, error) {
	n, err := number(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.Delete(ctx, Everybody, n)
}
