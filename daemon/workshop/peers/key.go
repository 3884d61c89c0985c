package peers

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Headers of an index.
const (
	// HeaderSignature carries the Ed25519 signature (RFC 8032) over the
	// bytes of the body, in base64.
	HeaderSignature = "X-Signature-Ed25519"
	// HeaderKeyID names the key: the first 16 hexadecimal digits of the
	// SHA-256 of the public key.
	HeaderKeyID = "X-Key-Id"
)

// KeyID names a public key.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// verifySignature checks the signature of a body against a pinned key.
func verifySignature(key ed25519.PublicKey, body []byte, signature, id string) error {
	sig, err := base64.StdEncoding.DecodeString(signature)
	switch {
	case signature == "":
		return fmt.Errorf("it is not signed")
	case err != nil || len(sig) != ed25519.SignatureSize:
		return fmt.Errorf("its signature is not one")
	case !ed25519.Verify(key, body, sig):
		if id != "" && id != KeyID(key) {
			return fmt.Errorf("it is signed with another key (%.16q, configured is %s)", id, KeyID(key))
		}
		return fmt.Errorf("its signature is wrong")
	}
	return nil
}

// signer is our own key.
type signer struct {
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// key returns our key, which is made once and kept in the database.
func (s *Service) key(ctx context.Context) (*signer, error) {
	s.keys.Lock()
	defer s.keys.Unlock()
	if s.signer != nil {
		return s.signer, nil
	}
	fresh := make([]byte, ed25519.SeedSize)
	rand.Read(fresh)
	seed, err := s.store.seed(ctx, fresh)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key in the database has %d bytes", len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	s.signer = &signer{private: private, public: private.Public().(ed25519.PublicKey)}
	return s.signer, nil
}

// PublicKey returns the key that others pin, in base64.
func (s *Service) PublicKey(ctx context.Context) (string, error) {
	k, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(k.public), nil
}
