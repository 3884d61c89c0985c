package clans

import (
	"strings"
	"time"
)

// Clan is a clan, standing or disbanded.
type Clan struct {
	ID        int64
	Tag       Tag
	Name      string
	Icon      string // base64 as it was sent; empty where it was not asked for
	Members   int64
	Founder   int64 // account
	Created   time.Time
	Disbanded time.Time // zero while it stands
	Reason    string    // why a moderator disbanded it
}

// Rank is what a member may do.
type Rank string

// Ranks, from the highest.
const (
	Owner  Rank = "owner"
	Admin  Rank = "admin"
	Member Rank = "member"
)

func (r Rank) level() int {
	switch r {
	case Owner:
		return 3
	case Admin:
		return 2
	case Member:
		return 1
	}
	return 0
}

// Valid reports whether it is one of the ranks.
func (r Rank) Valid() bool { return r.level() > 0 }

// Closing is why a link was closed.
type Closing string

// Closings.
const (
	Declined  Closing = "declined"
	Kicked    Closing = "kicked"
	Left      Closing = "left"
	Retracted Closing = "retracted"
)

// Link is what an account has to do with a clan.
type Link struct {
	Clan, Account int64
	Rank          Rank
	Invited       time.Time
	Joined        time.Time // zero: never
	Closed        time.Time // zero: it is open
	Reason        Closing   // of a closed one
}

// Member reports whether the account belongs to the clan.
func (l Link) Member() bool { return !l.Joined.IsZero() && l.Closed.IsZero() }

// Open reports whether the account is invited and has not answered.
func (l Link) Open() bool { return !l.Invited.IsZero() && l.Joined.IsZero() && l.Closed.IsZero() }

// may reports whether the link is a membership of at least this rank.
func (l Link) may(least Rank) bool { return l.Member() && l.Rank.level() >= least.level() }

// Belonging is a link together with the clan it leads to.
type Belonging struct {
	Link
	Tag  Tag
	Name string
}

// Actor is who acts on a clan. A moderator needs no rank.
type Actor struct {
	Account   int64
	Moderator bool
	Reason    string // why a moderator does it; for the record
}

// by returns the actor who is a player and nothing more.
func by(account int64) Actor { return Actor{Account: account} }

// Founding is a clan that is to be made.
type Founding struct {
	Tag  Tag
	Name string
	Icon string // base64 of a PNG image; empty: DefaultIcon
}

// Change is what to change of a clan; nil leaves as it is.
type Change struct {
	Tag  *Tag
	Name *string
}

// Skin is a model that players and clans are given.
type Skin struct {
	ID          int64
	Description string // empty: none
	Kind, Unit  string
	ModelPath   string
	Created     time.Time
}

// maxSkinText is the length of each text of a skin in bytes.
const maxSkinText = 300

// clean trims the texts.
func (s *Skin) clean() {
	for _, p := range []*string{&s.Description, &s.Kind, &s.Unit, &s.ModelPath} {
		*p = strings.TrimSpace(*p)
	}
}
