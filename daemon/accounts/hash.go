package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// argon holds the cost of argon2id (RFC 9106).
type argon struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// current is OWASP's smallest recommended setting for argon2id: 19 MiB.
var current = argon{memory: 19 * 1024, time: 2, threads: 1}

const (
	saltLen = 16
	hashLen = 32
	// hashQueue bounds how many callers wait for a hash.
	hashQueue = 32
)

// hasher computes password hashes, at most one per processor at a time, so
// that a flood of sign-ins costs bounded memory and leaves the rest of the
// daemon responsive. It is safe for concurrent use.
type hasher struct {
	cost    argon
	running chan struct{} // one token per hash under way
	queued  chan struct{} // one token per hash under way or waiting
	dummy   string        // verified when there is no such account
}

func newHasher() *hasher {
	n := min(runtime.GOMAXPROCS(0), hashQueue)
	// The dummy's salt and hash are zeros. No password gives that hash, and
	// finding that out costs as much as for a real account.
	zero := encodePHC(current, make([]byte, saltLen), make([]byte, hashLen))
	return &hasher{
		cost: current, dummy: zero,
		running: make(chan struct{}, n), queued: make(chan struct{}, n+hashQueue),
	}
}

// enter waits for a turn. It answers fault.TooMany at once when the queue is
// full. The caller must call leave after a nil error.
func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.queued <- struct{}{}:
	default:
		return fault.New(fault.TooMany, "Too many people are signing in right now").WithRetryAfter(2 * time.Second)
	}
	select {
	case h.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.queued
		return fmt.Errorf("wait for a password hash: %w", ctx.Err())
	}
}

func (h *hasher) leave() {
	<-h.running
	<-h.queued
}

// hash returns the PHC string of the password under a new salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, saltLen)
	rand.Read(salt) // never fails, see crypto/rand
	return encodePHC(h.cost, salt, h.cost.key(password, salt, hashLen)), nil
}

// verify reports whether the password belongs to the PHC string and whether
// that string should be replaced by one of the current cost. An empty string
// stands for an account that does not exist or has no password: it takes as
// long and never matches.
func (h *hasher) verify(ctx context.Context, phc, password string) (match, stale bool, err error) {
	known := phc != ""
	if !known {
		phc = h.dummy
	}
	if old, ok := decodeLegacy(phc); ok {
		return h.verifyLegacy(ctx, old, password)
	}
	cost, salt, want, err := decodePHC(phc)
	if err != nil {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	got := cost.key(password, salt, uint32(len(want)))
	match = subtle.ConstantTimeCompare(got, want) == 1 && known
	return match, cost != h.cost || len(want) != hashLen, nil
}

func (a argon) key(password string, salt []byte, n uint32) []byte {
	return argon2.IDKey([]byte(password), salt, a.time, a.memory, a.threads, n)
}

var errPHC = errors.New("stored password hash is not an argon2id PHC string that this version accepts")

// encodePHC writes the PHC string format: $argon2id$v=19$m=…,t=…,p=…$salt$hash
// with unpadded standard base64.
func encodePHC(a argon, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		a.memory, a.time, a.threads, b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decodePHC reads what encodePHC writes, with costs up to 256 MiB and 16
// passes: a row in the database must not be able to stop the daemon.
func decodePHC(text string) (a argon, salt, hash []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads); err != nil {
		return a, nil, nil, errPHC
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, saltErr := b64.DecodeString(parts[4])
	hash, hashErr := b64.DecodeString(parts[5])
	ok := saltErr == nil && hashErr == nil && encodePHC(a, salt, hash) == text &&
		len(salt) >= 8 && len(salt) <= 64 && len(hash) >= 16 && len(hash) <= 64 &&
		a.threads >= 1 && a.threads <= 16 && a.time >= 1 && a.time <= 16 &&
		a.memory >= 8*uint32(a.threads) && a.memory <= 256*1024
	if !ok {
		return a, nil, nil, errPHC
	}
	return a, salt, hash, nil
}
