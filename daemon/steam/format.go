package steam

import (
	"strconv"
)

// The two words that Source servers print for players without an ID.
const (
	pendingText = "STEAM_ID_PENDING"
	unknownText = "UNKNOWN"
)

// letters are the types' letters in the Steam3 form; 0: it has none.
var letters = [...]byte{
	Invalid: 'I', Individual: 'U', Multiseat: 'M', GameServer: 'G', AnonGameServer: 'A', Pending: 'P',
	ContentServer: 'C', Clan: 'g', Chat: 'T', AnonUser: 'a',
}

// String is how Source servers write the ID: STEAM_0:Y:Z for individuals,
// STEAM_ID_PENDING and UNKNOWN for those that have none, and the Steam3 form
// for every other type, which STEAM_ would lose.
func (id ID) String() string {
	switch id.Type() {
	case Individual:
		return id.Steam2(false)
	case Pending:
		return pendingText
	case Invalid:
		return unknownText
	}
	return id.Steam3()
}

// Steam2 is STEAM_X:Y:Z, or "" for types that have no such form. The public
// universe is written 0, as most games do, or 1 when newer is set.
func (id ID) Steam2(newer bool) string {
	if id.Type() != Individual {
		return ""
	}
	universe := id.Universe()
	if universe == Public && !newer {
		universe = 0
	}
	b := append(make([]byte, 0, 24), "STEAM_"...)
	b = strconv.AppendUint(b, uint64(universe), 10)
	b = append(b, ':', '0'+byte(id&1), ':')
	return string(strconv.AppendUint(b, uint64(id.Account()>>1), 10))
}

// Steam3 is [U:1:N], with the instance behind it where it is part of the
// identity. A type without a letter gives "".
func (id ID) Steam3() string {
	letter := id.letter()
	if letter == 0 {
		return ""
	}
	b := append(make([]byte, 0, 32), '[', letter, ':')
	b = strconv.AppendUint(b, uint64(id.Universe()), 10)
	b = strconv.AppendUint(append(b, ':'), uint64(id.Account()), 10)
	if id.printsInstance() {
		b = strconv.AppendUint(append(b, ':'), uint64(id.Instance()), 10)
	}
	return string(append(b, ']'))
}

// printsInstance reports whether the instance cannot be told from the letter.
func (id ID) printsInstance() bool {
	switch id.Type() {
	case Multiseat, AnonGameServer:
		return true
	case Individual:
		return id.Instance() != InstanceDesktop
	}
	return false
}

func (id ID) letter() byte {
	kind := id.Type()
	switch {
	case kind == Chat && id.Instance()&ChatClan != 0:
		return 'c'
	case kind == Chat && id.Instance()&ChatLobby != 0:
		return 'L'
	case int(kind) >= len(letters):
		return 0
	}
	return letters[kind]
}

const community = "https://steamcommunity.com/"

// URL is the account's page, or "" for types that have none. With number it
// holds the 64-bit number, otherwise the Steam3 form.
func (id ID) URL(number bool) string {
	var path string
	switch id.Type() {
	case Individual:
		path = "profiles/"
	case Clan:
		path = "gid/"
		if !number {
			path = "groups/"
		}
	default:
		return ""
	}
	if !number {
		return community + path + id.Steam3()
	}
	return community + path + strconv.FormatUint(uint64(id), 10)
}

// Decimal is the 64-bit number in decimal, as the Web API writes it.
func (id ID) Decimal() string { return strconv.FormatUint(uint64(id), 10) }

// MarshalText writes the 64-bit number in decimal: JavaScript's numbers do not
// hold it, so in JSON it is a string.
func (id ID) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(id), 10), nil
}

// UnmarshalText reads any form that Parse knows.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}
