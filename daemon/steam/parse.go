package steam

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxText bounds what is looked at; no form is longer.
const maxText = 256

// VanityError says that an address names an account by a custom name, which
// only Steam can resolve (ISteamUser/ResolveVanityURL).
type VanityError struct {
	Name string
	// Kind is the url_type of ResolveVanityURL: 1 individual, 2 group,
	// 3 official game group.
	Kind int
}

// Error implements error.
func (e *VanityError) Error() string {
	return fmt.Sprintf("%q is a custom name that only Steam can resolve", e.Name)
}

// Unwrap makes a VanityError an ErrSteamID.
func (e *VanityError) Unwrap() error { return ErrSteamID }

// Parse reads a SteamID in any form: the decimal 64-bit number or 0x and its
// hexadecimal digits, STEAM_X:Y:Z, [U:1:N], STEAM_ID_PENDING, UNKNOWN, or the
// address of a page at steamcommunity.com. An account number alone is not
// taken, since nothing tells it from a cut 64-bit number. The error wraps
// ErrSteamID; it is a *VanityError for addresses with a custom name.
func Parse(text string) (ID, error) {
	t := strings.TrimSpace(text)
	switch {
	case t == "":
		return 0, invalid("it is empty")
	case len(t) > maxText:
		return 0, invalid("it is too long")
	case t[0] == '[':
		return parseSteam3(t)
	case t == unknownText:
		return New(Unspecified, Invalid, 0, 0), nil
	case t == pendingText:
		return New(Unspecified, Pending, 0, 0), nil
	case len(t) > 6 && strings.EqualFold(t[:6], "steam_"):
		return parseSteam2(t[6:])
	case isNumber(t):
		return parseNumber(t)
	}
	return ParseURL(t)
}

func isNumber(t string) bool {
	return t[0] >= '0' && t[0] <= '9' && !strings.ContainsAny(t, "./")
}

// parseNumber reads a 64-bit number. Those below the first individual of the
// first universe are not IDs but account numbers or typing mistakes.
func parseNumber(t string) (ID, error) {
	var n uint64
	var err error
	if hex, ok := cutFold(t, "0x"); ok {
		n, err = strconv.ParseUint(hex, 16, 64)
	} else {
		n, err = strconv.ParseUint(t, 10, 64)
	}
	switch {
	case err != nil:
		return 0, invalid("%q is not a 64-bit number", t)
	case n < 1<<52:
		return 0, invalid("%s is too small for a 64-bit SteamID", t)
	}
	id := ID(n)
	if id.Type() > AnonUser || id.Universe() > RC {
		return 0, invalid("%s has no universe or type that exists", t)
	}
	return id, nil
}

func cutFold(t, prefix string) (string, bool) {
	if len(t) < len(prefix) || !strings.EqualFold(t[:len(prefix)], prefix) {
		return t, false
	}
	return t[len(prefix):], true
}

// ParseAccount reads an account number, in decimal, of a public individual.
func ParseAccount(text string) (ID, error) {
	n, err := parseUint(strings.TrimSpace(text), 1<<32-1)
	if err != nil {
		return 0, invalid("%q is not an account number", text)
	}
	return FromAccount(uint32(n)), nil
}

// parseSteam2 reads X:Y:Z. 0 and 1 are the same, public universe.
func parseSteam2(t string) (ID, error) {
	parts := strings.Split(t, ":")
	if len(parts) != 3 {
		return 0, invalid("STEAM_ is followed by three numbers")
	}
	x, err := parseUint(parts[0], uint64(RC))
	if err != nil {
		return 0, invalid("%q is not a universe", parts[0])
	}
	y, err := parseUint(parts[1], 1)
	if err != nil {
		return 0, invalid("the middle number of STEAM_X:Y:Z is 0 or 1")
	}
	z, err := parseUint(parts[2], maxZ)
	if err != nil {
		return 0, invalid("the last number of STEAM_X:Y:Z is at most %d", maxZ)
	}
	return FromSteam2(uint32(z), uint32(y), Individual, Universe(x))
}

// parseSteam3 reads [letter:universe:account] and [letter:universe:account:instance].
func parseSteam3(t string) (ID, error) {
	inner, ok := strings.CutSuffix(t[1:], "]")
	parts := strings.Split(inner, ":")
	if !ok || len(parts) < 3 || len(parts) > 4 || len(parts[0]) != 1 {
		return 0, invalid("%q is not of the form [U:1:N]", t)
	}
	kind, instance, ok := fromLetter(parts[0][0])
	if !ok {
		return 0, invalid("there is no type %q", parts[0])
	}
	universe, err := parseUint(parts[1], uint64(RC))
	if err != nil {
		return 0, invalid("%q is not a universe", parts[1])
	}
	account, err := parseUint(parts[2], 1<<32-1)
	if err != nil {
		return 0, invalid("%q is not an account number", parts[2])
	}
	if len(parts) == 4 {
		n, err := parseUint(parts[3], maxInstance)
		if err != nil {
			return 0, invalid("%q is not an instance", parts[3])
		}
		if kind == Chat {
			n |= uint64(instance) // the letter's flag stays
		}
		instance = uint32(n)
	}
	return New(Universe(universe), kind, instance, uint32(account)), nil
}

// fromLetter returns the type and the instance that a letter stands for.
// Letters are case-sensitive.
func fromLetter(letter byte) (kind Type, instance uint32, ok bool) {
	switch letter {
	case 'c':
		return Chat, ChatClan, true
	case 'L':
		return Chat, ChatLobby, true
	}
	for kind, l := range letters {
		if l == letter && l != 0 {
			if Type(kind) == Individual {
				instance = InstanceDesktop
			}
			return Type(kind), instance, true
		}
	}
	return 0, 0, false
}

// parseUint reads decimal digits and nothing else.
func parseUint(t string, max uint64) (uint64, error) {
	n, err := strconv.ParseUint(t, 10, 64)
	if err != nil || n > max || t[0] == '+' {
		return 0, ErrSteamID
	}
	return n, nil
}

// ParseURL reads the address of a profile or group at steamcommunity.com, with
// or without scheme, "www." and a slash at the end. A query does not matter.
func ParseURL(text string) (ID, error) {
	t := strings.TrimSpace(text)
	if !strings.Contains(t, "://") {
		t = "https://" + t
	}
	u, err := url.Parse(t)
	if err != nil || len(text) > maxText || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return 0, invalid("%q is no form of a SteamID", clip(text))
	}
	if host := strings.ToLower(u.Host); host != "steamcommunity.com" && host != "www.steamcommunity.com" {
		return 0, invalid("%q is no form of a SteamID", clip(text))
	}
	kind, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if !ok || name == "" || strings.Contains(name, "/") {
		return 0, invalid("the address names no profile and no group")
	}
	switch strings.ToLower(kind) {
	case "profiles":
		return parsePath(name, Individual)
	case "gid":
		return parsePath(name, Clan)
	case "groups":
		if name[0] == '[' {
			return parsePath(name, Clan)
		}
		return 0, &VanityError{Name: name, Kind: 2}
	case "games":
		return 0, &VanityError{Name: name, Kind: 3}
	case "id":
		return 0, &VanityError{Name: name, Kind: 1}
	}
	return 0, invalid("the address names no profile and no group")
}

// parsePath reads the number or Steam3 form in an address, which has to be of
// the kind that the address is for.
func parsePath(name string, want Type) (ID, error) {
	var id ID
	var err error
	switch {
	case name[0] == '[':
		id, err = parseSteam3(name)
	case isNumber(name):
		id, err = parseNumber(name)
	default:
		return 0, invalid("%q is not a SteamID", clip(name))
	}
	if err == nil && id.Type() != want {
		return 0, invalid("the address is for the type %s, the ID has the type %s", want, id.Type())
	}
	return id, err
}

func clip(t string) string {
	if len(t) > 80 {
		return strings.ToValidUTF8(t[:80], "") + "…"
	}
	return t
}
