package accounts

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Paths of the sign-in through Steam.
const (
	steamPath       = "/api/v1/session/steam"
	steamReturnPath = steamPath + "/return"
)

// registerSteam adds the operations around Steam accounts.
func (s *Service) registerSteam(ops web.Operations) {
	web.Route(ops, http.MethodDelete, "/api/v1/accounts/{id}/steam", s.unlinkSteam, web.Describe("unlink-steam", "Unlink a Steam account",
		"One's own; an admin may unlink any. Its keys for recordings end. An account without a password keeps it.", 404, 409), Require(SignedIn))
	if s.openid == nil {
		return
	}
	slow := web.Timeout(20 * time.Second) // Steam is asked
	away := func(o *huma.Operation) { o.DefaultStatus = http.StatusSeeOther }
	web.Route(ops, http.MethodGet, steamPath, s.toSteam, web.Describe("begin-steam-sign-in", "Go to Steam to sign in",
		"For browsers: redirects to Steam's page, which sends the browser back to the address below. With link=true the Steam account "+
			"is linked to the account that is signed in. What goes wrong is told by the page, as its parameter steam."), slow, away)
	web.Route(ops, http.MethodGet, steamReturnPath, s.fromSteam, web.Describe("finish-steam-sign-in", "Come back from Steam",
		"For browsers: what Steam sent is checked with Steam, a session is opened, and an account made at the first time."), slow, away)
}

// steamSource is what the sign-in through Steam needs of a request.
type steamSource struct {
	source
	request *http.Request
}

// Resolve is huma's hook for inputs.
func (in *steamSource) Resolve(ctx huma.Context) []error {
	in.request, _ = humago.Unwrap(ctx)
	return in.source.Resolve(ctx)
}

// redirect sends a browser elsewhere.
type redirect struct {
	Status       int
	Location     string        `header:"Location"`
	CacheControl string        `header:"Cache-Control"`
	SetCookie    []http.Cookie `header:"Set-Cookie"`
}

func redirectTo(location string, cookies ...http.Cookie) *redirect {
	return &redirect{Status: http.StatusSeeOther, Location: location, CacheControl: "no-store", SetCookie: cookies}
}

type toSteamInput struct {
	steamSource
	To   string `query:"to" maxLength:"1000" doc:"Page of ours to come back to, for example /app/mods"`
	Link bool   `query:"link" doc:"Link the Steam account to the account that is signed in"`
}

func (s *Service) toSteam(ctx context.Context, in *toSteamInput) (*redirect, error) {
	e, err := s.beginErrand(ctx, in)
	if err != nil {
		return s.steamFailed(in.Link, in.To, err), nil
	}
	return redirectTo(s.openid.URL(e.returnTo(), e.realm()), e.cookie(in.secure)), nil
}

func (s *Service) beginErrand(ctx context.Context, in *toSteamInput) (errand, error) {
	base, err := s.steamBase(in.request)
	if err != nil {
		return errand{}, err
	}
	if err := s.address.take(in.ip); err != nil {
		return errand{}, err
	}
	p := From(ctx)
	if !in.Link {
		p.AccountID = 0
	} else if p.Via != ViaSession {
		return errand{}, fault.New(fault.Unauthenticated, "Sign in first")
	}
	return s.newErrand(base, steamReturnPath, ownPage(in.To, ""), p.AccountID, cookieValue(in.request, errandCookie)), nil
}

func (s *Service) fromSteam(ctx context.Context, in *struct{ steamSource }) (*redirect, error) {
	query, err := url.ParseQuery(in.request.URL.RawQuery)
	link, to := query.Get("link") == "true", query.Get("to")
	if err != nil {
		return s.steamFailed(link, to, errReturned), nil
	}
	base, err := s.steamBase(in.request)
	if err == nil {
		err = s.address.take(in.ip)
	}
	if err != nil {
		return s.steamFailed(link, to, err), nil
	}
	p := From(ctx)
	e := resume(base, steamReturnPath, query, p.AccountID, cookieValue(in.request, errandCookie))
	if link {
		if p.Via != ViaSession {
			return s.steamFailed(link, to, fault.New(fault.Unauthenticated, "Sign in first")), nil
		}
		if err := s.linkThroughSteam(ctx, e, query); err != nil {
			return s.steamFailed(link, to, err), nil
		}
		return redirectTo(withSteam(ownPage(to, accountPage), "linked")), nil
	}
	o, err := s.signInThroughSteam(ctx, e, query, Attempt{IP: in.ip, Agent: in.agent, Replaces: in.token})
	if err != nil {
		return s.steamFailed(link, to, err), nil
	}
	return redirectTo(ownPage(to, "/app/"), in.cookie(o.Token)), nil
}

// Pages that tell how it went.
const (
	accountPage = "/app/account"
	signInPage  = "/app/signin"
)

// steamFailed sends the browser to the page that says what went wrong.
func (s *Service) steamFailed(link bool, to string, err error) *redirect {
	reason := "failed"
	switch {
	case errors.Is(err, errCancelled):
		reason = "cancelled"
	case errors.Is(err, errSteamTaken):
		reason = "taken"
	case errors.Is(err, errSteamOther):
		reason = "other"
	case errors.Is(err, errNoAddress):
		reason = "address"
	case fault.Is(err, fault.TooMany):
		reason = "busy"
	case fault.Is(err, fault.Unavailable):
		reason = "away"
	case fault.Is(err, fault.Unauthenticated):
		return redirectTo(signInPage + "?" + url.Values{"to": {accountPage}}.Encode())
	case !fault.Is(err, fault.Forbidden):
		s.log.Error("sign-in through Steam failed", slog.Any("error", err))
	}
	if link {
		return redirectTo(withSteam(ownPage(to, accountPage), reason))
	}
	page := withSteam(signInPage, reason)
	if to = ownPage(to, ""); to != "" {
		page += "&" + url.Values{"to": {to}}.Encode()
	}
	return redirectTo(page)
}

// withSteam adds how it went to the address of a page.
func withSteam(page, result string) string {
	join := "?"
	if strings.Contains(page, "?") {
		join = "&"
	}
	return page + join + "steam=" + result
}

// ownPage returns to when it is a page of ours, else otherwise. A browser must
// not be led to another site by an address that begins with ours.
func ownPage(to, otherwise string) string {
	rest, ok := strings.CutPrefix(to, "/app")
	if !ok || rest != "" && rest[0] != '/' && rest[0] != '?' || len(to) > 1000 {
		return otherwise
	}
	for _, r := range to {
		if r <= ' ' || r == '\\' || r == '#' || r > '~' {
			return otherwise
		}
	}
	return to
}

func (s *Service) unlinkSteam(ctx context.Context, in *IDInput) (*struct{}, error) {
	p := From(ctx)
	if in.ID != p.AccountID || p.Via == ViaKey {
		if err := permit(p, ScopeAdmin); err != nil {
			return nil, err
		}
	}
	return nil, s.UnlinkSteam(ctx, in.ID)
}
