package accounts

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// legacyPrefix begins the stored form of passwords of the Savage metaserver:
// PBKDF2-HMAC-SHA256 (RFC 8018 §5.2) with 10 000 iterations. The salt is text:
// its hexadecimal digits themselves are the bytes.
const legacyPrefix = "$pbkdf2-sha256$i=10000$"

const legacyIterations = 10000

// legacy is a decoded password of the Savage metaserver.
type legacy struct {
	salt string
	key  []byte
}

// LegacyPassword returns the stored form of a password of the Savage
// metaserver, for accounts that are taken over: salt is 16 hexadecimal digits,
// key 64. It is replaced when its owner signs in. fault.Invalid.
func LegacyPassword(salt, key string) (string, error) {
	stored := legacyPrefix + salt + "$" + strings.ToLower(key)
	if _, ok := decodeLegacy(stored); !ok {
		return "", fault.New(fault.Invalid, "This is not a password of the Savage metaserver")
	}
	return stored, nil
}

func decodeLegacy(stored string) (l legacy, ok bool) {
	rest, ok := strings.CutPrefix(stored, legacyPrefix)
	if !ok {
		return legacy{}, false
	}
	salt, text, _ := strings.Cut(rest, "$")
	raw, err := hex.DecodeString(salt)
	if err != nil || len(raw) != 8 {
		return legacy{}, false
	}
	key, err := hex.DecodeString(text)
	return legacy{salt, key}, err == nil && len(key) == sha256.Size
}

// verifyLegacy is verify for such a password. A wrong one costs a present hash
// besides, so that its time is much like that of an unknown name.
func (h *hasher) verifyLegacy(ctx context.Context, l legacy, password string) (match, stale bool, err error) {
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	got, err := pbkdf2.Key(sha256.New, password, []byte(l.salt), legacyIterations, sha256.Size)
	if err != nil {
		return false, false, err
	}
	if match = subtle.ConstantTimeCompare(got, l.key) == 1; !match {
		h.cost.key(password, make([]byte, saltLen), hashLen)
	}
	return match, true, nil
}
