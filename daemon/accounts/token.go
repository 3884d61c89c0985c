package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
)

// keyPrefix marks our API keys, so that people and secret scanners know one
// when they see it.
const keyPrefix = "qm_"

// demosPrefix begins the keys for recordings: clients know them by it.
const demosPrefix = "MB-"

// keyShown is how many characters of a key lists show.
const keyShown = len(keyPrefix) + 6

// tokenHash is what the database holds of a token. The tokens carry 256
// random bits, so that a plain hash is enough: there is nothing to guess.
type tokenHash [sha256.Size]byte

func hashToken(token string) tokenHash { return sha256.Sum256([]byte(token)) }

// newToken returns 32 random bytes as 43 URL-safe characters.
func newToken() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(raw)
}

// newKey returns an API key: qm_ and 32 random bytes as 43 base-62 digits.
func newKey() string {
	raw := make([]byte, 32)
	rand.Read(raw)
	digits := new(big.Int).SetBytes(raw).Text(62)
	return keyPrefix + strings.Repeat("0", 43-len(digits)) + digits
}

// newDemosKey returns a key for recordings: MB- and 32 random bytes as 43
// URL-safe characters.
func newDemosKey() string { return demosPrefix + newToken() }

// csrfToken derives the token that a page must send along with the session
// cookie. It follows from the session's token and tells nothing about it, so
// nothing needs to be stored.
func csrfToken(sessionToken string) string {
	mac := hmac.New(sha256.New, []byte(sessionToken))
	mac.Write([]byte("csrf"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
