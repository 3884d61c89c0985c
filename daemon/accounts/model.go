package accounts

import (
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// Role is what an account may do beyond what every player may.
type Role string

// The roles. An administrator may do everything the others may.
const (
	RolePlayer    Role = "" // everybody who is signed in
	RoleAnalyst   Role = "analyst"
	RoleModerator Role = "moderator"
	RoleAdmin     Role = "admin"
)

// ParseRole reads the name of a role that can be granted.
func ParseRole(text string) (Role, error) {
	switch r := Role(text); r {
	case RoleAdmin, RoleModerator, RoleAnalyst:
		return r, nil
	}
	return "", fault.New(fault.Invalid, "%q is not a role", text).
		WithHint("the roles are admin, moderator and analyst")
}

// The scopes an API key can be limited to.
const (
	ScopeModsRead      = "mods:read"
	ScopeModsWrite     = "mods:write"
	ScopeDemosRead     = "demos:read"     // one's own recordings
	ScopeDemosAnalyse  = "demos:analyse"  // everybody's
	ScopeDemosModerate = "demos:moderate" // reports, reviews, what is kept
	ScopeMetaRead      = "meta:read"      // one's own things of the metaserver
	ScopeMetaWrite     = "meta:write"     // changing them
	ScopeMetaModerate  = "meta:moderate"  // everybody's
	ScopeAdmin         = "admin"
)

// SignedIn is a pseudo scope for Require: any session will do, whatever its
// roles. An API key passes only with the scope admin, so that a limited key
// cannot make itself a wider one.
const SignedIn = "account"

// roleScopes says which scopes a role carries; player scopes are everybody's.
var roleScopes = map[Role][]string{
	RolePlayer:    {ScopeModsRead, ScopeDemosRead, ScopeMetaRead, ScopeMetaWrite},
	RoleAnalyst:   {ScopeDemosAnalyse},
	RoleModerator: {ScopeModsWrite, ScopeDemosModerate, ScopeMetaModerate},
	RoleAdmin: {
		ScopeModsRead, ScopeModsWrite, ScopeDemosRead, ScopeDemosAnalyse, ScopeDemosModerate,
		ScopeMetaRead, ScopeMetaWrite, ScopeMetaModerate, ScopeAdmin,
	},
}

// demosScopes are what a key of KindDemos is for. It carries all of them, so
// that it follows its owner's roles.
var demosScopes = []string{ScopeDemosAnalyse, ScopeDemosModerate, ScopeDemosRead}

// scopesOf returns, sorted, every scope that an account with these roles has.
func scopesOf(roles []Role) []string {
	all := slices.Clone(roleScopes[RolePlayer])
	for _, r := range roles {
		all = append(all, roleScopes[r]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Account is a person or a program that can be signed in.
type Account struct {
	ID        int64     `json:"id" doc:"Number of the account, never used again after it is deleted"`
	Name      string    `json:"name" doc:"Display name, unique without regard to case"`
	Roles     []Role    `json:"roles" nullable:"false" doc:"admin, moderator or analyst; empty for a player"`
	SteamID   steam.ID  `json:"steam_id,omitzero" doc:"Its Steam account, in decimal; absent when there is none"`
	CreatedAt time.Time `json:"created_at"`
	LastLogin time.Time `json:"last_login,omitzero" doc:"Last sign-in; absent when there was none"`

	Email        string    `json:"email,omitempty" doc:"E-mail address; absent when there is none"`
	VerifiedAt   time.Time `json:"verified_at,omitzero" doc:"When the address was proved; absent: it is not"`
	ClosedAt     time.Time `json:"closed_at,omitzero" doc:"Since when nobody can use it; absent: it is open"`
	ClosedReason string    `json:"closed_reason,omitempty" doc:"Why it is closed"`
}

// Has reports whether the account holds the role itself.
func (a Account) Has(r Role) bool { return slices.Contains(a.Roles, r) }

// Session is one signed-in browser.
type Session struct {
	ID        int64     `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	LastSeen  time.Time `json:"last_seen" doc:"Exact to the minute"`
	IP        string    `json:"ip" doc:"Address at sign-in"`
	Agent     string    `json:"agent" doc:"User-Agent at sign-in"`
	Current   bool      `json:"current" doc:"The session that asks"`
}

// The kinds of keys.
const (
	KindAPI   = "api"   // qm_…, for programs
	KindDemos = "demos" // MB-…, for the clients that send recordings
)

// APIKey describes an API key. The key itself is shown once, when it is made.
type APIKey struct {
	ID        int64     `json:"id"`
	AccountID int64     `json:"account_id"`
	Account   string    `json:"account" doc:"Display name of the owner"`
	Kind      string    `json:"kind" enum:"api,demos"`
	Label     string    `json:"label" doc:"What its owner calls it"`
	Prefix    string    `json:"prefix" doc:"First characters of the key, to tell keys apart"`
	Scopes    []string  `json:"scopes" nullable:"false"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Absent: it does not expire"`
	LastUsed  time.Time `json:"last_used,omitzero" doc:"Exact to the minute; absent: never used"`
	RevokedAt time.Time `json:"revoked_at,omitzero" doc:"Absent: not revoked"`
}

// AuditEntry is one row of the audit record.
type AuditEntry struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`
	AccountID int64     `json:"account_id,omitempty" doc:"0 or absent: nobody was signed in"`
	Who       string    `json:"who" doc:"Display name at that time, or the operating system's user for the command line"`
	Via       string    `json:"via" enum:"session,key,cli,setup,steam,system,register,email" doc:"How the caller had identified himself"`
	Action    string    `json:"action" doc:"What was done, for example role.grant"`
	Target    string    `json:"target" doc:"To what, for example account #3"`
	Detail    string    `json:"detail"`
	IP        string    `json:"ip,omitempty"`
}

// Lifetimes. Idle and absolute lifetimes of a session are OWASP's two session
// timeouts.
const (
	sessionIdle     = 14 * 24 * time.Hour
	sessionAbsolute = 90 * 24 * time.Hour
	setupLifetime   = 30 * time.Minute
	auditLifetime   = 2 * 365 * 24 * time.Hour
	// seenStep is how coarse last_seen and last_used are: one write a minute.
	seenStep = time.Minute
	// cacheFor bounds how long another process's revocation stays unseen.
	cacheFor = 3 * time.Second
)

// Bounds on what one account may pile up.
const (
	maxSessions = 50
	maxKeys     = 200
	maxLabel    = 64
	maxAgent    = 200
	maxAudit    = 1000
)
