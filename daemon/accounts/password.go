package accounts

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Password length: at least 8 characters (OWASP ASVS 5, 6.2.1), at most 512
// bytes, 128 characters of any script, so that a request cannot make the hash
// read megabytes. Nothing is ever cut off.
const (
	minPassword      = 8
	maxPasswordBytes = 512
)

// commonPasswords lists passwords of 8 and more characters that lead every
// published list, one per line, in lower case.
//
//go:embed passwords.txt
var commonPasswords string

// normalPassword makes the same typed text the same bytes on every system.
func normalPassword(password string) string { return norm.NFC.String(password) }

// checkPassword refuses (fault.Invalid) a password that is too short or long,
// is among the first that anybody would try, or is the account's name.
func checkPassword(name, password string) error {
	password = normalPassword(password)
	if utf8.RuneCountInString(password) < minPassword {
		return fault.New(fault.Invalid, "The password needs at least %d characters", minPassword)
	}
	if len(password) > maxPasswordBytes {
		return fault.New(fault.Invalid, "The password is longer than %d bytes", maxPasswordBytes)
	}
	lower := strings.ToLower(password)
	if isSequence(lower) || strings.Contains("\n"+commonPasswords, "\n"+lower+"\n") {
		return fault.New(fault.Invalid, "This password is among the first that an attacker tries").
			WithHint("four random words make a good password")
	}
	const around = "0123456789!?.,_-*#@$ "
	core := strings.Trim(lower, around)
	if core != "" && nameKey(core) == strings.Trim(nameKey(name), around) {
		return fault.New(fault.Invalid, "The password is too close to the account's name")
	}
	return nil
}

// isSequence reports whether each character follows from the one before in
// the same way: "aaaaaaaa", "12345678", "hgfedcba".
func isSequence(s string) bool {
	r := []rune(s)
	if len(r) < 2 {
		return true
	}
	step := r[1] - r[0]
	if step < -1 || step > 1 {
		return false
	}
	for i := 2; i < len(r); i++ {
		if r[i]-r[i-1] != step {
			return false
		}
	}
	return true
}
