package serverlist

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The stored form of a password is its SHA-256. That of a server which was
// taken over from a Savage metaserver, and has not shown its password since, is
// longer: the 16 characters of the salt, and the 32 bytes of
// PBKDF2-HMAC-SHA256 (RFC 8018 §5.2) with 10 000 iterations. The salt is text:
// its hexadecimal digits themselves are the bytes.
const (
	legacySalt       = 16
	legacyLen        = legacySalt + sha256.Size
	legacyIterations = 10000
)

// Bounds of passwords of the old form that are looked at: at a time, and
// together with those that wait.
const (
	legacyAtOnce = 2
	legacyQueue  = 64
)

// newPassword returns 32 hexadecimal digits, and what is stored of them.
func newPassword() (password string, hash [32]byte) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	password = hex.EncodeToString(b[:])
	return password, sha256.Sum256([]byte(password))
}

// legacyPassword returns the stored form of a password of a Savage metaserver:
// salt is 16 hexadecimal digits, key 64.
func legacyPassword(salt, key string) (stored []byte, ok bool) {
	if raw, err := hex.DecodeString(salt); err != nil || len(raw) != legacySalt/2 {
		return nil, false
	}
	b, err := hex.DecodeString(strings.ToLower(key))
	return append([]byte(salt), b...), err == nil && len(b) == sha256.Size
}

// right reports whether a password, whose SHA-256 is hash, is the one that was
// stored, and whether that is in the old form. fault.TooMany: too many of the
// old form are being looked at.
func (s *Service) right(ctx context.Context, stored []byte, password string, hash [32]byte) (right, legacy bool, err error) {
	if len(stored) != legacyLen {
		return subtle.ConstantTimeCompare(stored, hash[:]) == 1, false, nil
	}
	select {
	case s.legacyQueued <- struct{}{}:
		defer func() { <-s.legacyQueued }()
	default:
		return false, true, fault.New(fault.TooMany, "Too many servers are signing in right now").WithRetryAfter(2 * time.Second)
	}
	select {
	case s.legacyRunning <- struct{}{}:
		defer func() { <-s.legacyRunning }()
	case <-ctx.Done():
		return false, true, ctx.Err()
	}
	got, err := pbkdf2.Key(sha256.New, password, slices.Clone(stored[:legacySalt]), legacyIterations, sha256.Size)
	return err == nil && subtle.ConstantTimeCompare(got, stored[legacySalt:]) == 1, true, err
}

// upgrade stores the SHA-256 of a password in place of its old form.
// ErrCredentials when it was changed meanwhile.
func (s *Service) upgrade(ctx context.Context, id int64, stored []byte, hash [32]byte) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE serverlist_server SET password = $1 WHERE id = $2 AND password IN ($3, $1)", hash[:], id, stored)
		if err == nil && n == 0 {
			err = ErrCredentials
		}
		return err
	})
}
