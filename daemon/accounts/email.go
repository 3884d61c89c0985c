package accounts

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Lengths of an e-mail address (RFC 5321 §4.5.3.1).
const (
	maxEmail = 254
	maxLocal = 64 // characters
)

// errEmail says that a text is no e-mail address we accept.
var errEmail = fault.New(fault.Invalid, "This is not a valid e-mail address")

// namedAddress is "Name <address>": people copy addresses that way.
var namedAddress = regexp.MustCompile(`^[\pL\pN_ \t]*<([^<>]*)>$`)

// reservedTLDs are top-level names that no mail reaches (RFC 6761, RFC 7686)
// and people type by mistake.
var reservedTLDs = map[string]bool{
	"arpa": true, "invalid": true, "local": true, "localhost": true, "onion": true, "test": true,
}

// NormalEmail returns an e-mail address as it is stored: without white space
// around it and without the name of "Name <address>", the domain in lower
// case, the local part as it was typed. Refused (fault.Invalid) is what is no
// dot-atom before the @ (RFC 5321 §4.1.2, letters of all scripts allowed as in
// RFC 6531, quotes not) and no domain name with a dot after it; literal
// addresses, top-level names of digits, and those that are reserved.
// Whether the domain exists is not asked.
func NormalEmail(text string) (string, error) {
	if len(text) > 4*maxEmail || !utf8.ValidString(text) { // before any work on it
		return "", errEmail
	}
	text = strings.TrimSpace(text)
	if m := namedAddress.FindStringSubmatch(text); m != nil {
		text = strings.TrimSpace(m[1])
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", errEmail
	}
	local := norm.NFC.String(text[:at])
	domain := strings.ToLower(norm.NFC.String(text[at+1:]))
	ascii, ok := asciiDomain(domain)
	if !ok || !validLocal(local) || len(local)+1+len(ascii) > maxEmail {
		return "", errEmail
	}
	return local + "@" + domain, nil
}

// validLocal reports whether text is a dot-atom.
func validLocal(text string) bool {
	if n := utf8.RuneCountInString(text); n < 1 || n > maxLocal {
		return false
	}
	for atom := range strings.SplitSeq(text, ".") {
		if atom == "" {
			return false
		}
		for _, r := range atom {
			if !isAtext(r) {
				return false
			}
		}
	}
	return true
}

// isAtext reports whether r may stand in an atom (RFC 5322 §3.2.3).
func isAtext(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) && !unicode.Is(unicode.Variation_Selector, r) && r != '\u034f'
}

// asciiDomain returns the form of a domain in lower case that the name system
// knows, and whether mail may go there.
func asciiDomain(domain string) (string, bool) {
	if len(domain) > 4*maxEmail {
		return "", false
	}
	ascii := domain
	for i := range len(domain) {
		if domain[i] >= utf8.RuneSelf {
			var err error
			if ascii, err = idna.Registration.ToASCII(domain); err != nil {
				return "", false
			}
			break
		}
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 || len(ascii) > 253 {
		return "", false
	}
	for _, label := range labels {
		if !validLabel(label) {
			return "", false
		}
	}
	top := labels[len(labels)-1]
	return ascii, !reservedTLDs[top] && strings.Trim(top, "0123456789") != ""
}

// validLabel reports whether text is a label of letters, digits and inner
// hyphens.
func validLabel(text string) bool {
	if text == "" || len(text) > 63 || text[0] == '-' || text[len(text)-1] == '-' {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// emailKey folds a stored address for comparison: without regard to case and
// to the way an international domain is written.
func emailKey(address string) string {
	at := strings.LastIndexByte(address, '@')
	domain := address[at+1:]
	if ascii, ok := asciiDomain(domain); ok {
		domain = ascii
	}
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(address[:at]))) + "@" + domain
}

// looksLikeEmail reports whether a display name would be taken for an address.
func looksLikeEmail(name string) bool {
	_, err := NormalEmail(name)
	return err == nil
}
