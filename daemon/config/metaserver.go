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
	// OnlineWindow is for how long after its last report a game server is
	// listed.
	OnlineWindow Duration `toml:"online_window"`
	// Rating is the formula of the ratings: "readme" or "legacy".
	Rating string `toml:"rating"`
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
		Enabled: true, ProofTTL: Duration(5 * time.Minute), ProofKeyRotation: Duration(30 * 24 * time.Hour),
		MaxServersPerUser: 5, OnlineWindow: Duration(time.Minute), Rating: RatingReadme,
	}
}

func (m Metaserver) validate(k *check) {
	k.that(m.ProofTTL.Std() >= time.Minute && m.ProofTTL.Std() <= time.Hour, "metaserver.proof_ttl",
		"must be from 1m to 60m, not %s", m.ProofTTL)
	k.that(slices.Contains([]string{ProofModeShort, ProofModeSigned}, m.ProofMode), "metaserver.proof_mode",
		"must be empty or \"signed\", not %q", m.ProofMode)
	k.that(m.ProofKeyRotation == 0 || m.ProofKeyRotation.Std() >= 2*time.Hour, "metaserver.proof_key_rotation",
		"must be 0s (never) or at least 2h, not %s; the key before the last one ends with each rotation", m.ProofKeyRotation)
	k.that(m.MaxServersPerUser >= 0, "metaserver.max_servers_per_user", "must be 0 or more, not %d", m.MaxServersPerUser)
	k.that(m.OnlineWindow.Std() >= time.Second, "metaserver.online_window", "must be at least 1s, not %s", m.OnlineWindow)
	k.that(slices.Contains([]string{RatingReadme, RatingLegacy}, m.Rating), "metaserver.rating",
		"must be \"readme\" or \"legacy\", not %q", m.Rating)
}
