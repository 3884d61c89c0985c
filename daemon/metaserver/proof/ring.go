package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// MaxTTL bounds how long any proof is valid.
const MaxTTL = time.Hour

// grace is for how long a key that was replaced is accepted: proofs that were
// made with it in the last moment live MaxTTL, rounded up, and clocks of two
// processes differ.
const grace = MaxTTL + 5*time.Minute

// Sizes of secrets in bytes.
const (
	SecretSize = 32
	SeedSize   = ed25519.SeedSize
)

// Key is what proofs are made with.
type Key struct {
	ID      int64  // counts the keys there ever were
	Number  uint8  // on the wire of short proofs
	Secret  []byte // of the MAC; SecretSize bytes
	Seed    []byte // of the signature; SeedSize bytes
	Created time.Time
	Retired time.Time // when another took its place; zero: it is current

	private ed25519.PrivateKey
	public  string // base64url
	kid     string
}

// complete derives what follows from the seed.
func (k *Key) complete() {
	k.private = ed25519.NewKeyFromSeed(k.Seed)
	k.public = base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
	// RFC 7638 with the members that RFC 8037 §2 requires, in their order.
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + k.public + `"}`))
	k.kid = base64.RawURLEncoding.EncodeToString(sum[:])
}

// KeyID returns the name of the key in signed proofs.
func (k *Key) KeyID() string { return k.kid }

// Ring is the keys that are accepted; the first is the one in use.
type Ring struct {
	keys []Key
}

// NewRing keeps of all keys those that are accepted at a time. The one with the
// highest ID is current. fault.Invalid when there is none, or one is malformed.
func NewRing(all []Key, now time.Time) (*Ring, error) {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Key) int { return int(min(1, max(-1, b.ID-a.ID))) })
	r := &Ring{}
	for i, k := range sorted {
		if len(k.Secret) != SecretSize || len(k.Seed) != SeedSize {
			return nil, fault.New(fault.Invalid, "The proof key %d is damaged", k.ID)
		}
		if i > 1 && !k.Retired.Add(grace).After(now) {
			continue
		}
		k.complete()
		r.keys = append(r.keys, k)
	}
	if len(r.keys) == 0 {
		return nil, fault.New(fault.Invalid, "There is no proof key")
	}
	return r, nil
}

// Keys returns the accepted keys, the current one first. They must not be
// changed.
func (r *Ring) Keys() []Key { return r.keys }

// Current returns the key that proofs are made with.
func (r *Ring) Current() *Key { return &r.keys[0] }

// Next returns a number for a new key. fault.TooMany when keys were replaced so
// often that every number is still accepted.
func (r *Ring) Next() (uint8, error) {
	for step := 1; step < 256; step++ {
		number := r.Current().Number + uint8(step)
		if r.byNumber(number) == nil {
			return number, nil
		}
	}
	return 0, fault.New(fault.TooMany, "The key was replaced too often in the last hour").WithRetryAfter(grace)
}

func (r *Ring) byNumber(number uint8) *Key {
	for i := range r.keys {
		if r.keys[i].Number == number {
			return &r.keys[i]
		}
	}
	return nil
}

func (r *Ring) byName(kid string) *Key {
	for i := range r.keys {
		if r.keys[i].kid == kid {
			return &r.keys[i]
		}
	}
	return nil
}

// JWK is a public key as RFC 8037 §2 has it.
type JWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	X   string `json:"x"`
}

// JWKS is a set of public keys (RFC 7517 §5).
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWKS returns the public keys, the current one first.
func (r *Ring) JWKS() JWKS {
	set := JWKS{Keys: make([]JWK, len(r.keys))}
	for i, k := range r.keys {
		set.Keys[i] = JWK{Kty: "OKP", Crv: "Ed25519", Kid: k.kid, Alg: "EdDSA", Use: "sig", X: k.public}
	}
	return set
}

// Expiry is when a proof ends that is made now: a whole second, not before ttl
// has passed.
func Expiry(now time.Time, ttl time.Duration) time.Time {
	end := now.Add(min(ttl, MaxTTL))
	whole := end.Truncate(time.Second)
	if whole.Before(end) {
		whole = whole.Add(time.Second)
	}
	return whole
}

// String hides the secrets from logs.
func (k Key) String() string { return fmt.Sprintf("proof key %d", k.ID) }
