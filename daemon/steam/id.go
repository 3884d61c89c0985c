// Package steam is the identity of Steam accounts, clans and game servers: the
// SteamID in all the ways it is written. It is pure: it asks nobody, and the
// names in custom addresses (/id/NAME, /groups/NAME) are left to a caller who
// has the Web API.
//
// The layout of the 64 bits and the textual forms are those of Valve's
// "SteamID" documentation.
package steam

import (
	"cmp"
	"errors"
	"fmt"
)

// ErrSteamID is wrapped by every error about a SteamID.
var ErrSteamID = errors.New("not a SteamID")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSteamID, fmt.Sprintf(format, args...))
}

// ID is a SteamID: universe (8 bits), type (4), instance (20) and account
// number (32), from the highest bit down. IDs are comparable with ==; the zero
// ID is no account at all.
type ID uint64

// Universe is the Steam installation that an ID belongs to.
type Universe uint8

// Universes. Everything players meet is Public.
const (
	Unspecified Universe = 0
	Public      Universe = 1
	Beta        Universe = 2
	Internal    Universe = 3
	Dev         Universe = 4
	RC          Universe = 5
)

// Type is the kind of account.
type Type uint8

// Types of accounts.
const (
	Invalid        Type = 0
	Individual     Type = 1
	Multiseat      Type = 2
	GameServer     Type = 3
	AnonGameServer Type = 4
	Pending        Type = 5
	ContentServer  Type = 6
	Clan           Type = 7
	Chat           Type = 8
	P2PSuperSeeder Type = 9
	AnonUser       Type = 10
)

// Instances of an individual, and the flags in the instance of a chat.
const (
	InstanceAll     = 0
	InstanceDesktop = 1
	InstanceConsole = 2
	InstanceWeb     = 4

	ChatClan             = 0x80000
	ChatLobby            = 0x40000
	ChatMatchmakingLobby = 0x20000
)

const (
	maxInstance = 1<<20 - 1
	maxZ        = 1<<31 - 1
)

// New puts an ID together. Only the lowest 4 bits of the type and the lowest
// 20 of the instance fit.
func New(universe Universe, kind Type, instance, account uint32) ID {
	return ID(uint64(universe)<<56 | uint64(kind&0xF)<<52 | uint64(instance&maxInstance)<<32 | uint64(account))
}

// FromAccount is the public individual with this account number.
func FromAccount(account uint32) ID { return New(Public, Individual, InstanceDesktop, account) }

// FromSteam2 makes an ID from the parts of STEAM_X:Y:Z, whose account number
// is 2Z+Y. z has 31 bits and y is 0 or 1. The unspecified universe becomes the
// public one.
func FromSteam2(z, y uint32, kind Type, universe Universe) (ID, error) {
	switch {
	case z > maxZ:
		return 0, invalid("the last number of STEAM_X:Y:Z is at most %d", maxZ)
	case y > 1:
		return 0, invalid("the middle number of STEAM_X:Y:Z is 0 or 1")
	case kind > AnonUser:
		return 0, invalid("there is no type %d", kind)
	case universe > RC:
		return 0, invalid("there is no universe %d", universe)
	}
	if universe == Unspecified {
		universe = Public
	}
	var instance uint32
	if kind == Individual {
		instance = InstanceDesktop
	}
	return New(universe, kind, instance, 2*z+y), nil
}

// Universe is the Steam installation of the account.
func (id ID) Universe() Universe { return Universe(id >> 56) }

// Type is the kind of account.
func (id ID) Type() Type { return Type(id >> 52 & 0xF) }

// Instance is the place of an individual, or the flags of a chat.
func (id ID) Instance() uint32 { return uint32(id>>32) & maxInstance }

// Account is the account number.
func (id ID) Account() uint32 { return uint32(id) }

// Valid applies Steam's own rule: a known universe and type, an account number
// where one is needed, and an instance that the type allows.
func (id ID) Valid() bool {
	kind := id.Type()
	if id.Universe() < Public || id.Universe() > Dev || kind < Individual || kind > AnonUser {
		return false
	}
	switch kind {
	case Individual:
		return id.Account() > 0 && id.Instance() <= InstanceWeb
	case Clan:
		return id.Account() > 0 && id.Instance() == 0
	case GameServer:
		return id.Account() > 0
	}
	return true
}

// Person reports whether id is the valid account of a person in the public
// universe: what may sign in, play and be banned.
func (id ID) Person() bool {
	return id.Valid() && id.Type() == Individual && id.Universe() == Public
}

// SameAccount compares without the instance, as Steam's site does. Use it for
// bans and roles.
func (id ID) SameAccount(other ID) bool {
	const instance = ID(maxInstance) << 32
	return id&^instance == other&^instance
}

// Compare orders IDs by their number.
func (id ID) Compare(other ID) int { return cmp.Compare(id, other) }

var typeNames = [...]struct{ constant, short string }{
	Invalid:        {"TYPE_INVALID", "invalid"},
	Individual:     {"TYPE_INDIVIDUAL", "individual"},
	Multiseat:      {"TYPE_MULTISEAT", "multiseat"},
	GameServer:     {"TYPE_GAME_SERVER", "game_server"},
	AnonGameServer: {"TYPE_ANON_GAME_SERVER", "anon_game_server"},
	Pending:        {"TYPE_PENDING", "pending"},
	ContentServer:  {"TYPE_CONTENT_SERVER", "content_server"},
	Clan:           {"TYPE_CLAN", "clan"},
	Chat:           {"TYPE_CHAT", "chat"},
	P2PSuperSeeder: {"TYPE_P2P_SUPER_SEEDER", "p2p_super_seeder"},
	AnonUser:       {"TYPE_ANON_USER", "anon_user"},
}

// Name is the type's name as a constant, "TYPE_INDIVIDUAL", or "" when there
// is no such type.
func (t Type) Name() string {
	if int(t) >= len(typeNames) {
		return ""
	}
	return typeNames[t].constant
}

// String is the type's short name, "individual".
func (t Type) String() string {
	if int(t) >= len(typeNames) {
		return fmt.Sprintf("type_%d", uint8(t))
	}
	return typeNames[t].short
}

var universeNames = [...]string{"unspecified", "public", "beta", "internal", "dev", "rc"}

// String is the universe's name, "public".
func (u Universe) String() string {
	if int(u) >= len(universeNames) {
		return fmt.Sprintf("universe_%d", uint8(u))
	}
	return universeNames[u]
}
