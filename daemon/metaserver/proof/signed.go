package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Claims are what a signed proof says (RFC 7519 §4.1).
type Claims struct {
	Issuer   string `json:"iss,omitempty"` // the public address of the metaserver; "": it has not got any
	Subject  string `json:"sub"`           // the user's id
	Name     string `json:"name"`
	Issued   int64  `json:"iat"` // Unix seconds
	Expiry   int64  `json:"exp"` // Unix seconds
	ID       string `json:"jti"`
	Audience string `json:"aud,omitempty"` // the id of the one game server it is for; "": any
}

// maxSigned bounds the text of a signed proof.
const maxSigned = 4 << 10

type header struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
}

var raw64 = base64.RawURLEncoding.Strict()

// Sign returns the claims as a signed proof.
func (r *Ring) Sign(c Claims) (string, error) {
	k := r.Current()
	head, err := json.Marshal(header{"EdDSA", "JWT", k.kid})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	message := raw64.EncodeToString(head) + "." + raw64.EncodeToString(body)
	return message + "." + raw64.EncodeToString(ed25519.Sign(k.private, []byte(message))), nil
}

// CheckSigned reads a signed proof of the user that has not ended. known is
// false when it names a key that is not in the ring.
func (r *Ring) CheckSigned(text string, user int64, now time.Time) (c Claims, valid, known bool) {
	message, signature, ok := cutLast(text)
	if !ok || len(text) > maxSigned {
		return c, false, true
	}
	head, body, ok := strings.Cut(message, ".")
	if !ok {
		return c, false, true
	}
	var h header
	if !decode(head, &h) || h.Alg != "EdDSA" {
		return c, false, true
	}
	k := r.byName(h.Kid)
	if k == nil {
		return c, false, false
	}
	raw, err := raw64.DecodeString(signature)
	if err != nil || !ed25519.Verify(k.private.Public().(ed25519.PublicKey), []byte(message), raw) {
		return c, false, true
	}
	if !decode(body, &c) || c.Subject != strconv.FormatInt(user, 10) || !now.Before(time.Unix(c.Expiry, 0)) {
		return Claims{}, false, true
	}
	return c, true, true
}

func cutLast(text string) (before, after string, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}

// decode reads a part of a JWS, which is one JSON object.
func decode(part string, into any) bool {
	raw, err := raw64.DecodeString(part)
	if err != nil || !bytes.HasPrefix(raw, []byte("{")) {
		return false
	}
	return json.Unmarshal(raw, into) == nil
}
