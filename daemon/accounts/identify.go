package accounts

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Names on the wire.
const (
	CookieName = "qm_session"
	CSRFHeader = "X-CSRF-Token"
	keyHeader  = "X-API-Key"
)

// Paths of operations that open a session.
const (
	sessionPath = "/api/v1/session"
	setupPath   = "/api/v1/setup"
)

// opens are the paths whose POST answers to a secret in the body alone: a page
// that shows them has no CSRF token yet.
var opens = map[string]bool{
	sessionPath: true, setupPath: true, registerPath: true, resetPath: true, resetPath + "/confirm": true,
}

// identify finds out who is calling. No credentials, and a session that is
// gone, make a guest: browsers send old cookies for ever. An API key that is
// not valid is fault.Unauthenticated, so that a program learns it at once. A
// request that changes something on the strength of a cookie must come from
// our own page (fault.Forbidden).
func (s *Service) identify(r *http.Request) (*http.Request, error) {
	key, err := presentedKey(r)
	if err != nil {
		return r, err
	}
	if key != "" {
		c, err := s.byKey(r.Context(), key)
		if err != nil {
			return r, err
		}
		return s.as(r, c), nil
	}
	opening := r.Method == http.MethodPost && opens[r.URL.Path]
	if opening {
		if err := s.checkOrigin(r); err != nil {
			return r, err
		}
	}
	cookie, err := r.Cookie(CookieName)
	if err != nil || cookie.Value == "" {
		return r, nil
	}
	c, err := s.bySession(r.Context(), cookie.Value)
	if fault.Is(err, fault.NotFound) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	c.csrf = csrfToken(cookie.Value)
	if changes(r.Method) && !opening {
		if err := s.checkOrigin(r); err != nil {
			return r, err
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(CSRFHeader)), []byte(c.csrf)) != 1 {
			return r, fault.New(fault.Forbidden, "The header %s is missing or belongs to another session", CSRFHeader).
				WithHint("GET %s answers the token as csrf; programs use an API key instead", sessionPath)
		}
	}
	return s.as(r, c), nil
}

// as returns r in the name of c.
func (s *Service) as(r *http.Request, c credential) *http.Request {
	c.ip = ipText(web.ClientIP(r))
	return r.WithContext(withCaller(r.Context(), c.caller))
}

// presentedKey returns the API key of a request, "" when there is none. What
// is not one of ours is refused on our own API; elsewhere it may belong to
// another protocol and is left alone.
func presentedKey(r *http.Request) (string, error) {
	key := r.Header.Get(keyHeader)
	if key == "" {
		if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			key = strings.TrimSpace(token)
		}
	}
	if key == "" || strings.HasPrefix(key, keyPrefix) || strings.HasPrefix(key, demosPrefix) {
		return key, nil
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return "", errKey
	}
	return "", nil
}

var (
	errKey        = fault.New(fault.Unauthenticated, "This API key is not valid")
	errKeyRevoked = fault.New(fault.Unauthenticated, "This API key was revoked")
	errKeyExpired = fault.New(fault.Unauthenticated, "This API key has expired")
)

// changes reports whether a method is unsafe in the sense of RFC 9110 §9.2.1.
func changes(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// checkOrigin refuses what a browser says comes from another site. Programs
// send neither header and pass.
func (s *Service) checkOrigin(r *http.Request) error {
	if s.origins.Check(r) == nil {
		return nil
	}
	// Behind a proxy that rewrites Host, only the proxy's word tells our name.
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == web.BaseURL(r) {
		return nil
	}
	return fault.New(fault.Forbidden, "This request comes from another site").
		WithHint("behind a reverse proxy, set http.public_url to the address that people use")
}

// credential is what a session token or an API key stands for.
type credential struct {
	caller
	keyID            int64
	created, seen    time.Time
	expires, revoked time.Time // zero: not
}

// bySession answers fault.NotFound for a session that is gone or over.
func (s *Service) bySession(ctx context.Context, token string) (credential, error) {
	h := hashToken(token)
	c, err := s.resolve(ctx, h, findSession)
	if err != nil {
		return credential{}, err
	}
	if !sessionEnd(c.created, c.seen).After(s.now()) {
		return credential{}, fault.New(fault.NotFound, "The session is over")
	}
	s.touch(ctx, h, c, func(ctx context.Context, tx *db.Tx, now time.Time) error {
		return touchSession(ctx, tx, c.sessionID, now)
	})
	return c, nil
}

// byKey answers fault.Unauthenticated for a key that is not valid.
func (s *Service) byKey(ctx context.Context, key string) (credential, error) {
	h := hashToken(key)
	c, err := s.resolve(ctx, h, findKey)
	switch {
	case fault.Is(err, fault.NotFound):
		return credential{}, errKey
	case err != nil:
		return credential{}, err
	case !c.revoked.IsZero():
		return credential{}, errKeyRevoked
	case !c.expires.IsZero() && !c.expires.After(s.now()):
		return credential{}, errKeyExpired
	}
	s.touch(ctx, h, c, func(ctx context.Context, tx *db.Tx, now time.Time) error {
		return touchKey(ctx, tx, c.keyID, now)
	})
	return c, nil
}

// resolve looks a token up, in the cache first.
func (s *Service) resolve(ctx context.Context, h tokenHash, find func(context.Context, *db.Tx, tokenHash) (credential, error)) (c credential, err error) {
	now := s.now()
	if c, ok := s.cache.get(h, now); ok {
		return c, nil
	}
	round := s.cache.round()
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		c, err = find(ctx, tx, h)
		return err
	})
	if err != nil {
		return credential{}, err
	}
	s.cache.put(h, c, now, round)
	return c, nil
}

// touch writes the time of use at most once a minute. The caller's request
// does not depend on it: on a full disk people can still sign out and look.
func (s *Service) touch(ctx context.Context, h tokenHash, c credential, write func(context.Context, *db.Tx, time.Time) error) {
	now := s.now()
	if now.Sub(c.seen) < seenStep || !s.cache.touch(h, now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.db.Write(ctx, func(tx *db.Tx) error { return write(ctx, tx, now) }); err != nil {
		s.log.Warn("time of use not recorded", slog.Int64("account", c.AccountID), slog.Any("error", err))
	}
}

// cacheSize bounds the cache; beyond it the least used entries go.
const cacheSize = 4096

// cache remembers for cacheFor what tokens stand for. Every change in this
// process empties it; another process's changes are seen when entries age.
// It is safe for concurrent use.
type cache struct {
	mu      sync.Mutex
	entries lru[tokenHash, cached]
	cleared uint64
}

type cached struct {
	credential
	at time.Time
}

func newCache() *cache { return &cache{entries: newLRU[tokenHash, cached](cacheSize)} }

func (c *cache) get(h tokenHash, now time.Time) (credential, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries.get(h)
	if age := now.Sub(e.at); !ok || age < 0 || age >= cacheFor {
		return credential{}, false
	}
	return e.credential, true
}

// round tells lookups apart that began before and after a change.
func (c *cache) round() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cleared
}

// put stores what a lookup found, unless something changed since it began.
func (c *cache) put(h tokenHash, found credential, now time.Time, round uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cleared == round {
		c.entries.put(h, cached{found, now})
	}
}

// touch notes a use and reports whether this is the first to note it.
func (c *cache) touch(h tokenHash, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries.get(h)
	if ok && now.Sub(e.seen) < seenStep {
		return false
	}
	if ok {
		e.seen = now
		c.entries.put(h, e)
	}
	return true
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleared++
	c.entries.clear()
}
