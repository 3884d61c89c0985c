package accounts

import (
	"context"
	"net/netip"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// How a caller identified himself.
const (
	ViaSession = "session"
	ViaKey     = "key"
	ViaCLI     = "cli"
	viaSetup   = "setup"
	viaSteam   = "steam"
	viaSystem  = "system"

	viaRegister = "register" // somebody who makes an account

	// ViaEmail is who knew an e-mail address and its password, or a mailed code.
	ViaEmail = "email"
)

// Principal is who is calling. The zero value is a guest. It is a value:
// changing a copy changes nothing.
type Principal struct {
	AccountID int64
	Name      string
	SteamID   steam.ID // 0: no Steam account is linked
	Roles     []Role
	Scopes    []string // of an API key; nil: everything the roles allow
	Via       string   // ViaSession, ViaKey, ViaCLI; "" for a guest

	// Unverified: the account's e-mail address is not proved yet. Such a
	// caller changes nothing but the own account.
	Unverified bool
}

// Guest reports whether nobody is signed in.
func (p Principal) Guest() bool { return p.Via == "" }

// Is reports whether the caller holds the role; an administrator holds them
// all, and everybody who is signed in is a player. An API key without the
// scope admin holds no role, so that a limited key cannot pass where a role
// is asked for.
func (p Principal) Is(r Role) bool {
	if p.Guest() {
		return false
	}
	if r == RolePlayer {
		return true
	}
	if p.Via == ViaKey && !slices.Contains(p.Scopes, ScopeAdmin) {
		return false
	}
	return slices.Contains(p.Roles, r) || slices.Contains(p.Roles, RoleAdmin)
}

// May reports whether the caller's roles carry the scope and, for an API key,
// whether the key was given it as well.
func (p Principal) May(scope string) bool {
	if p.Guest() {
		return false
	}
	if scope == SignedIn {
		return p.Via != ViaKey || p.May(ScopeAdmin)
	}
	return slices.Contains(p.effectiveScopes(), scope)
}

// effectiveScopes returns what the caller may, sorted; never nil.
func (p Principal) effectiveScopes() []string {
	scopes := []string{}
	if p.Guest() {
		return scopes
	}
	for _, s := range scopesOf(p.Roles) {
		if p.Unverified && s == ScopeMetaWrite {
			continue
		}
		if p.Via != ViaKey || slices.Contains(p.Scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// caller is what the context carries about a request that is not a guest's.
type caller struct {
	Principal
	sessionID int64  // 0 unless Via is ViaSession
	csrf      string // "" unless Via is ViaSession
	ip        string
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerFrom(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// From returns who is calling; a guest when nobody was identified.
func From(ctx context.Context) Principal { return callerFrom(ctx).Principal }

// With returns a context in which p is calling. The daemon identifies callers
// by itself; this is for jobs that act for somebody, and for tests.
func With(ctx context.Context, p Principal) context.Context {
	return withCaller(ctx, caller{Principal: p})
}

// WithAddress is With for a caller at an address, which the audit log shows.
func WithAddress(ctx context.Context, p Principal, ip netip.Addr) context.Context {
	return withCaller(ctx, caller{Principal: p, ip: ipText(ip)})
}

// Local returns a context for the command line: user is the operating
// system's account name. Whoever may read the data directory may do
// everything.
func Local(ctx context.Context, user string) context.Context {
	return With(ctx, Principal{Name: user, Roles: []Role{RoleAdmin}, Via: ViaCLI})
}
