package config

import (
	"slices"
	"time"
)

// Metaserver configures the metaserver: player accounts that game servers
// trust, clans, the list of game servers, and ratings.
type Metaserver struct {
	Enabled bool `toml:"enabled"`
	// AutoVerify counts the e-mail address of a new account as proved, so
	// that no mail needs to be sent.
	AutoVerify bool `toml:"auto_verify"`
	// MailTokenRenew is the pause between two codes that are mailed to one
	// account.
	MailTokenRenew Duration `toml:"mail_token_renew"`
	// UnverifiedFor is how long an account stays whose e-mail address is not
	// proved; 0: for ever.
	UnverifiedFor Duration `toml:"unverified_for"`
	// EmailBlocklist names a file of mail domains, one a line, whose addresses
	// are refused.
	EmailBlocklist string `toml:"email_blocklist"`
	// EmailBlocklistURL is where that list is fetched from once a day.
	EmailBlocklistURL string `toml:"email_blocklist_url"`
	// ProofTTL is how long a player's proof is valid; from 1 to 60 minutes.
	ProofTTL Duration `toml:"proof_ttl"`
	// ProofMode is empty for proofs of 64 hexadecimal digits, or "signed" for
	// proofs that are a JWS themselves, which old clients have no room for.
	ProofMode string `toml:"proof_mode"`
	// ProofKeyRotation is how old the key of the proofs gets before a new one
	// takes its place; 0 = only by hand.
	ProofKeyRotation Duration `toml:"proof_key_rotation"`
	// MaxServersPerUser bounds how many game servers one account registers.
	MaxServersPerUser int `toml:"max_servers_per_user"`
	// MaxClansPerUser bounds how many clans one account founds; 0 = any
	// number.
	MaxClansPerUser int `toml:"max_clans_per_user"`
	// ClanReserve is for how long nobody else can take the tag or the name
	// that a clan gave up.
	ClanReserve Duration `toml:"clan_reserve"`
	// MaxServersPerIP bounds how many game servers are registered from one
	// address; 0 = any.
	MaxServersPerIP int `toml:"max_servers_per_ip"`
	// ListUnreachable lists game servers also when the last check from outside,
	// which their owner asked for, did not reach them.
	ListUnreachable bool `toml:"list_unreachable"`
	// ProbePrivate lets owners have private addresses checked too.
	ProbePrivate bool `toml:"probe_private"`
	// OnlineWindow is for how long after its last report a game server is
	// listed.
	OnlineWindow Duration `toml:"online_window"`
	// Rating is the formula of the ratings: "readme" or "legacy".
	Rating string `toml:"rating"`
	// InitialRating is what a rating begins at. It is the scale of the formula
	// as well: a difference of so much makes one side ten times as likely to
	// win.
	InitialRating float64 `toml:"initial_rating"`
	// RatingTeamWeight is how much a player's chances follow from his team
	// and not from himself; from 0 to 1.
	RatingTeamWeight float64 `toml:"rating_team_weight"`
	// RatingStep is how many points a whole score more than expected is worth
	// at InitialRating.
	RatingStep float64 `toml:"rating_step"`
	// MatchesPerHour is how many matches one game server may report; 0 = any.
	MatchesPerHour int `toml:"matches_per_hour"`
	// RankedMatches is how many matches somebody must have played to be in a
	// leaderboard.
	RankedMatches int `toml:"ranked_matches"`
}

// The values of metaserver.proof_mode and metaserver.rating.
const (
	ProofModeShort  = ""
	ProofModeSigned = "signed"
	RatingReadme    = "readme"
	RatingLegacy    = "legacy"
)

func defaultMetaserver() Metaserver {
	return Metaserver{
		Enabled: true, MailTokenRenew: Duration(30 * time.Second), UnverifiedFor: Duration(7 * 24 * time.Hour), ProofTTL: Duration(5 * time.Minute), ProofKeyRotation: Duration(30 * 24 * time.Hour),
		MaxClansPerUser: 10, ClanReserve: Duration(90 * 24 * time.Hour),
		MaxServersPerUser: 5, MaxServersPerIP: 50, ListUnreachable: true, OnlineWindow: Duration(time.Minute), Rating: RatingReadme,
		InitialRating: 800, RatingTeamWeight: 0.8, RatingStep: 64, MatchesPerHour: 600, RankedMatches: 5,
	}
}

func (m Metaserver) validate(k *check) {
	k.that(m.MailTokenRenew.Std() >= time.Second && m.MailTokenRenew.Std() <= time.Hour, "metaserver.mail_token_renew",
		"must be from 1s to 1h, not %s", m.MailTokenRenew)
	k.that(m.UnverifiedFor == 0 || m.UnverifiedFor.Std() >= time.Hour, "metaserver.unverified_for",
		"must be 0s (for ever) or at least 1h, not %s", m.UnverifiedFor)
	k.that(m.EmailBlocklistURL == "" || validURL(m.EmailBlocklistURL), "metaserver.email_blocklist_url",
		"%q is not an http:// or https:// address", m.EmailBlocklistURL)
	k.that(m.ProofTTL.Std() >= time.Minute && m.ProofTTL.Std() <= time.Hour, "metaserver.proof_ttl",
		"must be from 1m to 60m, not %s", m.ProofTTL)
	k.that(slices.Contains([]string{ProofModeShort, ProofModeSigned}, m.ProofMode), "metaserver.proof_mode",
		"must be empty or \"signed\", not %q", m.ProofMode)
	k.that(m.ProofKeyRotation == 0 || m.ProofKeyRotation.Std() >= 2*time.Hour, "metaserver.proof_key_rotation",
		"must be 0s (never) or at least 2h, not %s; the key before the last one ends with each rotation", m.ProofKeyRotation)
	k.that(m.MaxServersPerUser >= 0, "metaserver.max_servers_per_user", "must be 0 or more, not %d", m.MaxServersPerUser)
	k.that(m.MaxClansPerUser >= 0, "metaserver.max_clans_per_user", "must be 0 (any number) or more, not %d", m.MaxClansPerUser)
	k.that(m.ClanReserve >= 0, "metaserver.clan_reserve", "must be 0s or more, not %s", m.ClanReserve)
	k.that(m.MaxServersPerIP >= 0, "metaserver.max_servers_per_ip", "must be 0 (any) or more, not %d", m.MaxServersPerIP)
	k.that(m.OnlineWindow.Std() >= time.Second, "metaserver.online_window", "must be at least 1s, not %s", m.OnlineWindow)
	k.that(slices.Contains([]string{RatingReadme, RatingLegacy}, m.Rating), "metaserver.rating",
		"must be \"readme\" or \"legacy\", not %q", m.Rating)
	m.validateRatings(k)
}

func (m Metaserver) validateRatings(k *check) {
	k.that(m.InitialRating >= 100 && m.InitialRating <= 1e6, "metaserver.initial_rating", "must be from 100 to 1000000, not %v", m.InitialRating)
	k.that(m.RatingTeamWeight >= 0 && m.RatingTeamWeight <= 1, "metaserver.rating_team_weight", "must be from 0 to 1, not %v", m.RatingTeamWeight)
	k.that(m.RatingStep >= 0 && m.RatingStep <= m.InitialRating, "metaserver.rating_step",
		"must be from 0 to metaserver.initial_rating, not %v", m.RatingStep)
	k.that(m.MatchesPerHour >= 0, "metaserver.matches_per_hour", "must be 0 (any) or more, not %d", m.MatchesPerHour)
	k.that(m.RankedMatches >= 1, "metaserver.ranked_matches", "must be 1 or more, not %d", m.RankedMatches)
}
