package metaserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/proof"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// prove makes both forms of a proof; with a server the signed one is for that
// game server only. The issuer is what the operator says and nothing of the
// request, whose Host anybody may choose.
func (s *Service) prove(p accounts.Person, server int64) (short, signed string, err error) {
	ring, now := s.keys.ring.Load(), s.now()
	expiry := proof.Expiry(now, s.config.ProofTTL.Std())
	var unique [16]byte
	_, _ = rand.Read(unique[:]) // never fails, see its documentation
	claims := proof.Claims{
		Issuer: s.options.PublicURL, Subject: strconv.FormatInt(p.ID, 10), Name: p.Name,
		Issued: now.Unix(), Expiry: expiry.Unix(), ID: base64.RawURLEncoding.EncodeToString(unique[:]),
	}
	if p.Verified.IsZero() || !p.Closed.IsZero() {
		claims.Expiry = claims.Issued // who checks by himself cannot ask whether the address is proved
	}
	if server != 0 {
		claims.Audience = strconv.FormatInt(server, 10)
	}
	if signed, err = ring.Sign(claims); err != nil {
		return "", "", err
	}
	if s.config.ProofMode == config.ProofModeSigned {
		return signed, signed, nil
	}
	return ring.Short(p.ID, expiry), signed, nil
}

// verifyUserProof is asked by game servers whenever somebody joins. What it
// needs is in memory: it does not wait for the database. A game server that
// shows its credentials is told whether the proof is for it.
func verifyUserProof(c *call) (any, error) {
	id := c.in.Body("user_id").Int()
	text := c.in.Body("user_proof").Text()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	audience, valid, err := c.s.checkProof(c.r.Context(), text, id)
	if err != nil || !valid {
		return false, err
	}
	if audience != "" {
		mine, err := c.isFor(audience)
		if err != nil || !mine {
			return false, err
		}
	}
	ctx := c.r.Context()
	p, known, err := c.s.accounts.Person(ctx, id)
	if err != nil || !known || p.Verified.IsZero() || !p.Closed.IsZero() {
		return false, err
	}
	if _, err := c.s.accounts.SeenOnline(ctx, id); err != nil {
		return nil, err
	}
	return true, nil
}

// checkProof checks a proof of either form; audience is the server that it is
// for, "" any.
func (s *Service) checkProof(ctx context.Context, text string, user int64) (audience string, valid bool, err error) {
	check := func() (known bool) {
		ring, now := s.keys.ring.Load(), s.now()
		if len(text) == proof.ShortLength {
			valid, known = ring.CheckShort(text, user, now)
			return known
		}
		var claims proof.Claims
		claims, valid, known = ring.CheckSigned(text, user, now)
		audience = claims.Audience
		return known
	}
	if check() {
		return audience, valid, nil
	}
	if err := s.keys.refresh(ctx); err != nil {
		return "", false, err
	}
	check()
	return audience, valid, nil
}

// isFor reports whether a proof for one server may be accepted by who asks. A
// caller without credentials of a server says nothing of itself.
func (c *call) isFor(audience string) (bool, error) {
	name, password, err := basic(c.r.Header.Get("Authorization"))
	if err != nil {
		return true, nil
	}
	credential, err := c.s.servers.Authenticate(c.r.Context(), name, password)
	if fault.Is(err, fault.Unauthenticated) {
		// A name that is no number is that of a user, who says nothing of a server.
		_, notNumber := strconv.ParseInt(name, 10, 64)
		return notNumber != nil, nil
	}
	return err == nil && strconv.FormatInt(credential.Server, 10) == audience, err
}

// proofKeys publishes the keys with which game servers check signed proofs by
// themselves.
func proofKeys(c *call) (any, error) {
	set := c.s.keys.ring.Load().JWKS()
	etag, err := web.ETag(set)
	if err != nil {
		return nil, err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", etag)
	if web.NoneMatch(c.r.Header.Get("If-None-Match"), etag) {
		c.w.WriteHeader(http.StatusNotModified)
		c.sent = http.StatusNotModified
		return nil, nil
	}
	return set, nil
}
