package accounts

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Register makes srv know its callers and adds the routes of accounts. It
// must come before any feature registers operations, because Require is
// enforced for those that follow.
func (s *Service) Register(srv *web.Server) {
	srv.Identify(s.identify)
	srv.Events().Allow(s.mayHear)
	api := srv.API()
	describeSecurity(api.OpenAPI())
	api.UseMiddleware(enforce)
	ops := srv.Operations("accounts")
	srv.Registerer().MustRegister(s.steam)
	s.registerSteam(ops)
	s.registerMe(ops)
	s.registerClosing(ops)

	web.Route(ops, http.MethodGet, sessionPath, s.getSession, web.Describe("get-session", "Who am I",
		"Answers guests too. csrf is what the page sends as X-CSRF-Token with requests that change something."))
	web.Route(ops, http.MethodPost, sessionPath, s.signIn, web.Describe("sign-in", "Sign in with name and password",
		"Sets the cookie "+CookieName+". Unknown names and wrong passwords are answered alike.", 401, 403, 429))
	web.Route(ops, http.MethodDelete, sessionPath, s.signOut, web.Describe("sign-out", "Sign out", "Ends this session and removes the cookie."))
	web.Route(ops, http.MethodPost, setupPath, s.setUp, web.Describe("set-up", "Make the first admin",
		"Takes the token of the one-time setup link and signs the new admin in.", 400, 403, 409, 429))

	web.Route(ops, http.MethodGet, "/api/v1/sessions", s.listSessions, web.Describe("list-sessions", "My sessions", ""), Require(SignedIn))
	web.Route(ops, http.MethodDelete, "/api/v1/sessions/{id}", s.revokeSession,
		web.Describe("revoke-session", "End one of my sessions", "", 404), Require(SignedIn))
	web.Route(ops, http.MethodGet, "/api/v1/keys", s.listKeys, web.Describe("list-keys", "API keys",
		"My own; an admin may ask for another account's, or with all=true for everybody's."), Require(SignedIn))
	web.Route(ops, http.MethodPost, "/api/v1/keys", s.createKey, web.Describe("create-key", "Make an API key",
		"The key is in this answer and nowhere else. A player's key for recordings needs a linked Steam account.", 400, 409, 503), created, Require(SignedIn))
	web.Route(ops, http.MethodDelete, "/api/v1/keys/{id}", s.revokeKey,
		web.Describe("revoke-key", "Revoke an API key", "One's own; an admin may revoke any. It holds within five seconds everywhere.", 404), Require(SignedIn))

	web.Route(ops, http.MethodGet, "/api/v1/accounts", s.listAccounts, web.Describe("list-accounts", "Accounts", ""), Require(ScopeAdmin))
	web.Route(ops, http.MethodPost, "/api/v1/accounts", s.createAccount,
		web.Describe("create-account", "Make an account", "", 400, 409), created, Require(ScopeAdmin))
	web.Route(ops, http.MethodDelete, "/api/v1/accounts/{id}", s.deleteAccount,
		web.Describe("delete-account", "Delete an account with its sessions and keys", "The last admin stays.", 404, 409), Require(ScopeAdmin))
	web.Route(ops, http.MethodPut, "/api/v1/accounts/{id}/roles/{role}", s.grantRole,
		web.Describe("grant-role", "Give an account a role", "", 400, 404), Require(ScopeAdmin))
	web.Route(ops, http.MethodDelete, "/api/v1/accounts/{id}/roles/{role}", s.revokeRole,
		web.Describe("revoke-role", "Take a role away", "The last admin stays one.", 400, 404, 409), Require(ScopeAdmin))
	web.Route(ops, http.MethodPut, "/api/v1/accounts/{id}/password", s.setPassword,
		web.Describe("set-password", "Change a password", "One's own with the current password; an admin may set any other. "+
			"Ends the account's other sessions; its API keys stay valid.", 400, 404, 429), Require(SignedIn))
	web.Route(ops, http.MethodGet, "/api/v1/audit", s.listAudit,
		web.Describe("list-audit", "Who did what", "The newest first.", 400), Require(ScopeAdmin))
}

func created(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }

// mayHear decides who gets events of a scope, which may be several ones with
// spaces between: any of them will do. "staff" is one too. It looks the caller up anew, so
// that a stream that was opened before a role was taken away falls silent.
func (s *Service) mayHear(r *http.Request, scope string) bool {
	p := From(r.Context())
	if p.Guest() {
		return false
	}
	read := r.Clone(r.Context())
	read.Method = http.MethodGet
	now, err := s.identify(read)
	if err != nil {
		return false
	}
	p = From(now.Context())
	for alternative := range strings.FieldsSeq(scope) {
		name, owner, owned := strings.Cut(alternative, "@")
		switch {
		case owned && owner != strconv.FormatInt(p.AccountID, 10):
		case name == "staff" && (p.Is(RoleAnalyst) || p.Is(RoleModerator) || p.Is(RoleAdmin)), p.May(name):
			return true
		}
	}
	return false
}

// OwnScope is the scope of events that one account hears, if it holds the
// scope.
func OwnScope(scope string, account int64) string {
	return scope + "@" + strconv.FormatInt(account, 10)
}

// source is embedded in inputs that need to know where a request comes from.
type source struct {
	ip     netip.Addr
	agent  string
	secure bool
	token  string // of the session it came with, may be ""
}

// Resolve is huma's hook for inputs.
func (o *source) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	o.ip, o.agent, o.secure = web.ClientIP(r), r.UserAgent(), isSecure(r)
	if c, err := r.Cookie(CookieName); err == nil {
		o.token = c.Value
	}
	return nil
}

// isSecure reports whether the browser reached us over https, be it through a
// proxy. A public_url of https says so only for requests to that host: on the
// plain port beside it a Secure cookie would be lost.
func isSecure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	u, err := url.Parse(web.BaseURL(r))
	return err == nil && u.Scheme == "https" && strings.EqualFold(u.Host, r.Host)
}

func (o *source) cookie(token string) http.Cookie {
	return http.Cookie{
		Name: CookieName, Value: token, Path: "/", MaxAge: int(sessionAbsolute / time.Second),
		HttpOnly: true, Secure: o.secure, SameSite: http.SameSiteLaxMode,
	}
}

// Caller is the account as the page sees it.
type Caller struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Roles []Role `json:"roles" nullable:"false"`

	SteamID steam.ID `json:"steam_id,omitzero" doc:"The linked Steam account, in decimal; absent when there is none"`
}

func callerOf(p Principal) *Caller {
	return &Caller{ID: p.AccountID, Name: p.Name, Roles: append([]Role{}, p.Roles...), SteamID: p.SteamID}
}

// WhoAmI says who is calling.
type WhoAmI struct {
	Account    *Caller  `json:"account" doc:"null for a guest"`
	Via        string   `json:"via" enum:"session,key," doc:"How the caller identified himself; empty for a guest"`
	Scopes     []string `json:"scopes" nullable:"false" doc:"What the caller may do"`
	CSRF       string   `json:"csrf" doc:"For the header X-CSRF-Token; empty without a session"`
	NeedsSetup bool     `json:"needs_setup" doc:"There is no admin yet"`

	SteamSignIn  bool `json:"steam_sign_in" doc:"Whether one can sign in through Steam"`
	Demos        bool `json:"demos" doc:"Whether recordings of matches are taken here"`
	Registration bool `json:"registration" doc:"Whether one can make an account with an e-mail address"`
	Mail         bool `json:"mail" doc:"Whether mails can be sent, and with them new passwords be set"`
	Metaserver   bool `json:"metaserver" doc:"Whether players, clans, matches and the list of game servers are kept here"`
}

// whoIs fills in what every caller is told alike.
func (s *Service) whoIs(w WhoAmI) WhoAmI {
	w.SteamSignIn = s.openid != nil
	w.Demos = s.demos
	w.Mail = s.mail != nil && s.mail.Ready()
	w.Registration = w.Mail || s.autoVerify
	w.Metaserver = s.metaserver
	return w
}

type sessionOutput struct {
	SetCookie    []http.Cookie `header:"Set-Cookie"`
	CacheControl string        `header:"Cache-Control"`
	Body         WhoAmI
}

func (s *Service) getSession(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	needs, err := s.NeedsSetup(ctx)
	if err != nil {
		return nil, err
	}
	c := callerFrom(ctx)
	who := s.whoIs(WhoAmI{Via: c.Via, Scopes: c.effectiveScopes(), CSRF: c.csrf, NeedsSetup: needs})
	if !c.Guest() {
		who.Account = callerOf(c.Principal)
	}
	return &sessionOutput{CacheControl: "no-store", Body: who}, nil
}

// opened is the answer to a new session: its cookie, and what getSession will
// say from now on.
func (s *Service) opened(src source, o Opened) *sessionOutput {
	p := Principal{
		AccountID: o.Account.ID, Name: o.Account.Name, SteamID: o.Account.SteamID, Roles: o.Account.Roles, Via: ViaSession,
		Unverified: o.Account.Email != "" && o.Account.VerifiedAt.IsZero(),
	}
	return &sessionOutput{
		SetCookie: []http.Cookie{src.cookie(o.Token)}, CacheControl: "no-store",
		Body: s.whoIs(WhoAmI{Account: callerOf(p), Via: ViaSession, Scopes: p.effectiveScopes(), CSRF: csrfToken(o.Token)}),
	}
}

type signInInput struct {
	source
	Body struct {
		Name     string `json:"name" maxLength:"256" doc:"Display name"`
		Password string `json:"password" maxLength:"1024"`
	}
}

func (in *signInInput) attempt() Attempt {
	return Attempt{Name: in.Body.Name, Password: in.Body.Password, IP: in.ip, Agent: in.agent, Replaces: in.token}
}

func (s *Service) signIn(ctx context.Context, in *signInInput) (*sessionOutput, error) {
	o, err := s.SignIn(ctx, in.attempt())
	if err != nil {
		return nil, err
	}
	return s.opened(in.source, o), nil
}

type signOutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Service) signOut(ctx context.Context, in *struct{ source }) (*signOutOutput, error) {
	if err := s.SignOut(ctx); err != nil {
		return nil, err
	}
	gone := in.cookie("")
	gone.MaxAge = -1
	return &signOutOutput{SetCookie: gone}, nil
}

type setupInput struct {
	source
	Body struct {
		Token    string `json:"token" maxLength:"256" doc:"What follows the # of the setup link"`
		Name     string `json:"name" maxLength:"256" doc:"Display name of the first admin"`
		Password string `json:"password" maxLength:"1024" doc:"At least 8 characters"`
	}
}

func (s *Service) setUp(ctx context.Context, in *setupInput) (*sessionOutput, error) {
	o, err := s.Setup(ctx, in.Body.Token, Attempt{
		Name: in.Body.Name, Password: in.Body.Password, IP: in.ip, Agent: in.agent, Replaces: in.token,
	})
	if err != nil {
		return nil, err
	}
	return s.opened(in.source, o), nil
}

// SessionList is the answer to GET /api/v1/sessions.
type SessionList struct {
	Sessions []Session `json:"sessions" nullable:"false"`
}

func (s *Service) listSessions(ctx context.Context, in *web.Known) (*web.Tagged[SessionList], error) {
	all, err := s.Sessions(ctx, From(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	return web.Tag(*in, SessionList{all})
}

// IDInput is the number in a path.
type IDInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Service) revokeSession(ctx context.Context, in *IDInput) (*struct{}, error) {
	return nil, s.RevokeSession(ctx, From(ctx).AccountID, in.ID)
}

// PageInput is how every list is asked for. Like IDInput it is exported because
// huma does not look into unexported embedded structs.
type PageInput struct {
	Cursor string `query:"cursor" doc:"next of the page before; empty for the first page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	web.Known
}

type keysInput struct {
	PageInput
	Account int64 `query:"account" minimum:"0" doc:"Number of another account; for admins"`
	All     bool  `query:"all" doc:"The keys of all accounts; for admins"`
}

// KeyList is the answer to GET /api/v1/keys.
type KeyList struct {
	Keys []APIKey `json:"keys" nullable:"false"`
	Next string   `json:"next" doc:"Cursor of the next page; empty after the last"`
}

func (s *Service) listKeys(ctx context.Context, in *keysInput) (*web.Tagged[KeyList], error) {
	p := From(ctx)
	account := p.AccountID
	if in.Account != 0 {
		account = in.Account
	}
	if in.All {
		account = 0
	}
	if account != p.AccountID {
		if err := permit(p, ScopeAdmin); err != nil {
			return nil, err
		}
	}
	all, next, err := s.Keys(ctx, account, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, KeyList{all, next})
}

type createKeyInput struct {
	Body struct {
		Label     string   `json:"label,omitempty" maxLength:"64" doc:"What you call it"`
		Kind      string   `json:"kind,omitempty" default:"api" enum:"api,demos" doc:"demos: MB-…, for the clients that send recordings"`
		Scopes    []string `json:"scopes,omitempty" doc:"Absent: everything the account may do now"`
		ExpiresIn int64    `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Seconds from now; 0: never"`
		Replace   bool     `json:"replace,omitempty" doc:"Revoke my other keys of this kind"`
	}
}

type createKeyOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		APIKey
		Secret string `json:"key" doc:"The API key itself, shown this once"`
	}
}

func (s *Service) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	p := From(ctx)
	if in.Body.Kind == KindDemos {
		if err := s.mayHaveDemosKey(ctx, p); err != nil {
			return nil, err
		}
	}
	k, secret, err := s.CreateKey(ctx, NewKey{
		AccountID: p.AccountID, Kind: in.Body.Kind, Label: in.Body.Label, Replace: in.Body.Replace,
		Scopes: in.Body.Scopes, Expires: time.Duration(in.Body.ExpiresIn) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	out := &createKeyOutput{CacheControl: "no-store"}
	out.Body.APIKey, out.Body.Secret = k, secret
	return out, nil
}

func (s *Service) revokeKey(ctx context.Context, in *IDInput) (*struct{}, error) {
	p := From(ctx)
	owner := p.AccountID
	if p.May(ScopeAdmin) {
		owner = 0
	}
	return nil, s.RevokeKey(ctx, in.ID, owner)
}

// AccountList is the answer to GET /api/v1/accounts.
type AccountList struct {
	Accounts []Account `json:"accounts" nullable:"false"`
	Next     string    `json:"next" doc:"Cursor of the next page; empty after the last"`
}

type accountsInput struct {
	PageInput
	Search string `query:"q" maxLength:"256" doc:"Part of the name or of the e-mail address"`
}

func (s *Service) listAccounts(ctx context.Context, in *accountsInput) (*web.Tagged[AccountList], error) {
	all, next, err := s.Accounts(ctx, in.Search, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, AccountList{all, next})
}

type createAccountInput struct {
	Body struct {
		Name     string `json:"name" maxLength:"256" doc:"Display name"`
		Password string `json:"password" maxLength:"1024" doc:"At least 8 characters"`
		Role     string `json:"role,omitempty" enum:"admin,moderator,analyst" doc:"Absent: a player"`
	}
}

type accountOutput struct{ Body Account }

func (s *Service) createAccount(ctx context.Context, in *createAccountInput) (*accountOutput, error) {
	a, err := s.Create(ctx, in.Body.Name, in.Body.Password, Role(in.Body.Role))
	if err != nil {
		return nil, err
	}
	return &accountOutput{a}, nil
}

func (s *Service) deleteAccount(ctx context.Context, in *IDInput) (*struct{}, error) {
	return nil, s.Delete(ctx, in.ID)
}

type roleInput struct {
	IDInput
	Role string `path:"role" enum:"admin,moderator,analyst"`
}

func (s *Service) grantRole(ctx context.Context, in *roleInput) (*struct{}, error) {
	return nil, s.Grant(ctx, in.ID, Role(in.Role))
}

func (s *Service) revokeRole(ctx context.Context, in *roleInput) (*struct{}, error) {
	return nil, s.Revoke(ctx, in.ID, Role(in.Role))
}

type setPasswordInput struct {
	IDInput
	source
	Body struct {
		Current  string `json:"current,omitempty" maxLength:"1024" doc:"The present password; for one's own account"`
		Password string `json:"password" maxLength:"1024" doc:"At least 8 characters"`
	}
}

func (s *Service) setPassword(ctx context.Context, in *setPasswordInput) (*struct{}, error) {
	p := From(ctx)
	if in.ID == p.AccountID && p.Via == ViaSession {
		return nil, s.ChangePassword(ctx, in.Body.Current, in.Body.Password, in.ip)
	}
	if err := permit(p, ScopeAdmin); err != nil {
		return nil, err
	}
	return nil, s.SetPassword(ctx, in.ID, in.Body.Password, 0)
}

type auditInput struct {
	PageInput
	Action string `query:"action" maxLength:"64" pattern:"^[a-z._]*$" doc:"Only this action, for example role.grant"`
}

// AuditList is the answer to GET /api/v1/audit.
type AuditList struct {
	Entries []AuditEntry `json:"entries" nullable:"false"`
	Next    string       `json:"next" doc:"Cursor of the next page; empty after the last"`
}

func (s *Service) listAudit(ctx context.Context, in *auditInput) (*web.Tagged[AuditList], error) {
	all, next, err := s.AuditLog(ctx, in.Action, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, AuditList{all, next})
}
