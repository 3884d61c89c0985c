package demosink

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Evidence is a moment of a recording that is shown to everybody who has its
// token. The token itself is not stored, only its hash.
type Evidence struct {
	Session   SessionID
	Tick      int64
	Note      string
	CreatedBy int64 // account
	CreatedAt time.Time
	ExpiresAt time.Time // zero = never

	hash []byte // SHA-256 of the token
}

// ID names evidence among that of its recording. The token cannot be told
// from it.
func (e Evidence) ID() string { return hex.EncodeToString(e.hash[:evidenceIDBytes]) }

const (
	evidenceIDBytes = 8
	tokenBytes      = 32
	maxEvidence     = 100 // of one recording
	maxExpiry       = 10 * 365 * 24 * time.Hour
)

var errNoEvidence = fault.New(fault.NotFound, "This evidence does not exist or has ended")

// hashToken is what is stored of a token; false: it cannot be one.
func hashToken(token string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes {
		return nil, false
	}
	sum := sha256.Sum256(b)
	return sum[:], true
}

// EvidenceOf returns the evidence of a recording that has not expired, the
// newest first; never nil. It is for analysts and moderators.
func (s *Service) EvidenceOf(ctx context.Context, c Caller, id string) ([]Evidence, error) {
	if err := mayJudge(c); err != nil {
		return nil, err
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return s.store.evidenceOf(ctx, sess.ID, s.clock.Now())
}

// Share makes a moment of a recording visible to everybody who is given the
// token, which is returned this once. It expires after so long; 0 is never.
// fault.Conflict: there is too much evidence of this recording.
func (s *Service) Share(ctx context.Context, c Caller, id string, tick int64, note string, expires time.Duration) (token string, e Evidence, err error) {
	if err := mayJudge(c); err != nil {
		return "", e, err
	}
	if tick < 0 || expires < 0 || expires > maxExpiry {
		return "", e, fault.New(fault.Invalid, "The tick may not be negative, and evidence expires within ten years or never")
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return "", e, err
	}
	var secret [tokenBytes]byte
	_, _ = rand.Read(secret[:]) // does not fail
	sum := sha256.Sum256(secret[:])
	now := db.Time(db.Micros(s.clock.Now()))
	e = Evidence{Session: sess.ID, Tick: tick, Note: clean(note), CreatedBy: c.Account, CreatedAt: now, hash: sum[:]}
	if expires > 0 {
		e.ExpiresAt = now.Add(expires)
	}
	err = s.store.addEvidence(ctx, e, func(tx *db.Tx) error { return s.audit(ctx, tx, "demo.evidence.add", string(sess.ID), e.ID()) })
	if err != nil {
		return "", Evidence{}, err
	}
	return base64.RawURLEncoding.EncodeToString(secret[:]), e, nil
}

// Unshare ends evidence: its token is worth nothing any more.
func (s *Service) Unshare(ctx context.Context, c Caller, id, evidence string) error {
	if err := mayJudge(c); err != nil {
		return err
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return err
	}
	return s.store.deleteEvidence(ctx, sess.ID, evidence, func(tx *db.Tx) error {
		return s.audit(ctx, tx, "demo.evidence.delete", string(sess.ID), evidence)
	})
}

// Shown returns what a token shows. fault.NotFound: nobody was ever given it,
// it has expired, or it was taken back; which of these is not told.
func (s *Service) Shown(ctx context.Context, token string) (Evidence, Session, error) {
	hash, ok := hashToken(token)
	if !ok {
		return Evidence{}, Session{}, errNoEvidence
	}
	e, err := s.store.evidence(ctx, hash, s.clock.Now())
	if fault.Is(err, fault.NotFound) {
		return Evidence{}, Session{}, errNoEvidence
	}
	if err != nil {
		return Evidence{}, Session{}, err
	}
	sess, err := s.store.session(ctx, e.Session)
	if fault.Is(err, fault.NotFound) { // deleted this moment
		err = errNoEvidence
	}
	return e, sess, err
}

// downloadable reports whether the bytes of the recording are there.
func (s *Session) downloadable() bool {
	return !s.Active && s.Owner == "" && !s.Pruned && s.HasSize && s.Size > 0
}
