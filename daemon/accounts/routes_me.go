package accounts

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Paths of what everybody may do.
const (
	mePath       = "/api/v1/me"
	registerPath = "/api/v1/registration"
	resetPath    = "/api/v1/password-reset"
)

// registerMe adds what people do with their own account.
func (s *Service) registerMe(ops web.Operations) {
	web.Route(ops, http.MethodPost, registerPath, s.postRegistration, web.Describe("register", "Make an account with an e-mail address",
		"Mails a code that proves the address, and signs the new account in.", 400, 403, 409, 429, 503), created)
	web.Route(ops, http.MethodPost, resetPath, s.postReset, web.Describe("request-password-reset", "Ask for a code to set a new password",
		"Answers alike whether or not an account has the address.", 400, 403, 429, 503), accepted)
	web.Route(ops, http.MethodPost, resetPath+"/confirm", s.postResetConfirm,
		web.Describe("reset-password", "Set a new password with a mailed code", "Ends the account's sessions.", 400, 403, 429))

	web.Route(ops, http.MethodGet, mePath, s.getMe, web.Describe("get-me", "My account", "", 404), Require(SignedIn))
	web.Route(ops, http.MethodDelete, mePath, s.deleteMe, web.Describe("delete-me", "Delete my account",
		"Name and address are free at once; the number stays, so that matches keep their sense. Cannot be undone.", 403, 409, 429), Require(SignedIn))
	web.Route(ops, http.MethodGet, mePath+"/export", s.getExport, web.Describe("export-me", "Everything kept about me", "", 404), Require(SignedIn))
	web.Route(ops, http.MethodPut, mePath+"/name", s.putMyName, web.Describe("rename-me", "Change my display name", "", 400, 409), Require(SignedIn))
	web.Route(ops, http.MethodPut, mePath+"/password", s.putMyPassword,
		web.Describe("change-my-password", "Change my password", "Ends my other sessions; API keys stay valid.", 400, 403, 429), Require(SignedIn))
	web.Route(ops, http.MethodPut, mePath+"/email", s.putMyEmail, web.Describe("change-my-email", "Change my e-mail address",
		"A proved address stays mine until the code that is mailed to the new one is entered.", 400, 403, 409, 429, 503), accepted, Require(SignedIn))
	web.Route(ops, http.MethodPost, mePath+"/email/verify", s.postMyCode,
		web.Describe("verify-my-email", "Enter the code that was mailed to my address", "", 403, 409), Require(SignedIn))
	web.Route(ops, http.MethodPost, mePath+"/email/code", s.postNewCode,
		web.Describe("renew-my-code", "Mail me another code", "", 403, 409, 429, 503), accepted, Require(SignedIn))
}

func accepted(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }

// reader is embedded in inputs that need the language of the browser.
type reader struct {
	source
	lang string
}

// Resolve is huma's hook for inputs.
func (o *reader) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	o.lang = r.Header.Get("Accept-Language")
	return o.source.Resolve(ctx)
}

// Me is an account as its owner sees it.
type Me struct {
	ID          int64     `json:"id,string"`
	Name        string    `json:"name"`
	Roles       []Role    `json:"roles" nullable:"false"`
	Email       string    `json:"email,omitempty" doc:"Absent: none"`
	VerifiedAt  time.Time `json:"verified_at,omitzero" doc:"When the address was proved; absent: it is not"`
	NewEmail    string    `json:"new_email,omitempty" doc:"Address that waits for its code"`
	SteamID     steam.ID  `json:"steam_id,omitzero" doc:"The linked Steam account, in decimal; absent: none"`
	HasPassword bool      `json:"has_password"`
	CreatedAt   time.Time `json:"created_at"`
	LastOnline  time.Time `json:"last_online,omitzero"`
}

func (s *Service) getMe(ctx context.Context, in *web.Known) (*web.Tagged[Me], error) {
	me, err := s.me(ctx, From(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	return web.Tag(*in, me)
}

func (s *Service) me(ctx context.Context, id int64) (Me, error) {
	a, err := s.Account(ctx, fmt.Sprintf("#%d", id))
	if err != nil {
		return Me{}, err
	}
	r, err := s.record(ctx, id)
	if err != nil {
		return Me{}, err
	}
	pending, err := s.pendingEmail(ctx, id)
	return Me{
		ID: id, Name: a.Name, Roles: a.Roles, Email: a.Email, VerifiedAt: a.VerifiedAt, NewEmail: pending,
		SteamID: a.SteamID, HasPassword: r.phc != "", CreatedAt: a.CreatedAt, LastOnline: r.LastOnline,
	}, err
}

type registrationInput struct {
	reader
	Body struct {
		Email    string `json:"email" maxLength:"320"`
		Name     string `json:"name" maxLength:"256" doc:"Display name"`
		Password string `json:"password" maxLength:"1024" doc:"8 to 128 characters"`
	}
}

func (s *Service) postRegistration(ctx context.Context, in *registrationInput) (*sessionOutput, error) {
	b := in.Body
	if err := checkPassword(b.Name, b.Password); err != nil { // pages can ask again
		return nil, err
	}
	p, err := s.RegisterPerson(ctx, NewPerson{Email: b.Email, Name: b.Name, Password: b.Password, Lang: in.lang}, in.ip)
	if err != nil {
		return nil, err
	}
	o, err := s.openFresh(ctx, p.ID, Attempt{IP: in.ip, Agent: in.agent, Replaces: in.token})
	if err != nil {
		return nil, err
	}
	return s.opened(in.source, o), nil
}

type resetInput struct {
	source
	Body struct {
		Email string `json:"email" maxLength:"320"`
	}
}

func (s *Service) postReset(_ context.Context, in *resetInput) (*struct{}, error) {
	return nil, s.RequestReset(in.Body.Email, in.ip)
}

type resetConfirmInput struct {
	source
	Body struct {
		Email    string `json:"email" maxLength:"320"`
		Code     string `json:"code" maxLength:"32" doc:"The six letters of the mail"`
		Password string `json:"password" maxLength:"1024" doc:"The new one, 8 to 128 characters"`
	}
}

func (s *Service) postResetConfirm(ctx context.Context, in *resetConfirmInput) (*struct{}, error) {
	return nil, s.ResetPassword(ctx, in.Body.Email, in.Body.Code, in.Body.Password, in.ip)
}

type deleteMeInput struct {
	source
	Body struct {
		Password string `json:"password,omitempty" maxLength:"1024" doc:"The present password; absent if there is none"`
	}
}

func (s *Service) deleteMe(ctx context.Context, in *deleteMeInput) (*signOutOutput, error) {
	if err := s.DeleteSelf(ctx, in.Body.Password, in.ip); err != nil {
		return nil, err
	}
	gone := in.cookie("")
	gone.MaxAge = -1
	return &signOutOutput{SetCookie: gone}, nil
}

type exportOutput struct {
	CacheControl       string `header:"Cache-Control"`
	ContentDisposition string `header:"Content-Disposition"`
	Body               map[string]any
}

func (s *Service) exported(ctx context.Context, id int64) (*exportOutput, error) {
	all, err := s.Export(ctx, id)
	if err != nil {
		return nil, err
	}
	return &exportOutput{
		CacheControl: "no-store", Body: all,
		ContentDisposition: fmt.Sprintf(`attachment; filename="account-%d.json"`, id),
	}, nil
}

func (s *Service) getExport(ctx context.Context, _ *struct{}) (*exportOutput, error) {
	return s.exported(ctx, From(ctx).AccountID)
}

type nameInput struct {
	Body struct {
		Name string `json:"name" maxLength:"256" doc:"Display name"`
	}
}

type meOutput struct{ Body Me }

func (s *Service) putMyName(ctx context.Context, in *nameInput) (*meOutput, error) {
	id := From(ctx).AccountID
	if _, err := s.Rename(ctx, id, in.Body.Name); err != nil {
		return nil, err
	}
	return s.meNow(ctx, id)
}

func (s *Service) meNow(ctx context.Context, id int64) (*meOutput, error) {
	me, err := s.me(ctx, id)
	return &meOutput{me}, err
}

type myPasswordInput struct {
	source
	Body struct {
		Current  string `json:"current,omitempty" maxLength:"1024" doc:"The present password; absent if there is none"`
		Password string `json:"password" maxLength:"1024" doc:"The new one, 8 to 128 characters"`
	}
}

func (s *Service) putMyPassword(ctx context.Context, in *myPasswordInput) (*struct{}, error) {
	c := callerFrom(ctx)
	if err := checkLength(in.Body.Password); err != nil {
		return nil, err
	}
	if err := s.confirm(ctx, c.Principal, in.Body.Current, in.ip); err != nil {
		return nil, err
	}
	return nil, s.SetPassword(ctx, c.AccountID, in.Body.Password, c.sessionID)
}

type emailInput struct {
	reader
	Body struct {
		Email    string `json:"email" maxLength:"320"`
		Password string `json:"password,omitempty" maxLength:"1024" doc:"The present password; absent if there is none"`
	}
}

func (s *Service) putMyEmail(ctx context.Context, in *emailInput) (*meOutput, error) {
	if err := s.ChangeEmail(ctx, in.Body.Email, in.Body.Password, in.lang, in.ip); err != nil {
		return nil, err
	}
	return s.meNow(ctx, From(ctx).AccountID)
}

type codeInput struct {
	Body struct {
		Code string `json:"code" maxLength:"32" doc:"The six letters of the mail"`
	}
}

func (s *Service) postMyCode(ctx context.Context, in *codeInput) (*meOutput, error) {
	if _, err := s.ConfirmEmail(ctx, in.Body.Code); err != nil {
		return nil, err
	}
	return s.meNow(ctx, From(ctx).AccountID)
}

func (s *Service) postNewCode(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.RenewMailToken(ctx, From(ctx).AccountID)
}
