package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// errandCookie ties what a browser brings back from Steam to the browser that
// was sent there. Its value leaves the browser only towards us; the address
// that Steam sees holds a state that follows from it.
const errandCookie = "qm_steam"

// errandTime is how long somebody may take at Steam, and how long what counts
// once is remembered: longer than an assertion is valid.
const errandTime = 30 * time.Minute

// errand is why a browser goes to Steam. All of it is part of the address that
// it comes back to, which Steam signs, or of the state in that address.
type errand struct {
	base    string // how the browser reaches us: http.public_url or this machine's own address
	path    string // where it comes back to
	to      string // the page shown afterwards, may be ""
	account int64  // that the Steam account is to be linked to, 0: signing in
	token   string // of the cookie
	serial  string // when it began and something random; may be used once
}

// newErrand makes an errand; token is that of the browser's cookie, if it has
// one, so that several tabs do not disturb each other.
func (s *Service) newErrand(base, path, to string, account int64, token string) errand {
	if !isToken(token) {
		token = newToken()
	}
	return errand{
		base: base, path: path, to: to, account: account, token: token,
		serial: strconv.FormatInt(s.now().Unix(), 36) + "." + rand.Text(),
	}
}

func isToken(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(raw) == 32
}

// returnTo is the address that the browser comes back to.
func (e errand) returnTo() string {
	q := url.Values{"state": {e.serial + "." + e.seal()}}
	if e.to != "" {
		q.Set("to", e.to)
	}
	if e.account != 0 {
		q.Set("link", "true")
	}
	return e.base + e.path + "?" + q.Encode()
}

// seal follows from the cookie and tells nothing about it.
func (e errand) seal() string {
	mac := hmac.New(sha256.New, []byte(e.token))
	for _, part := range []string{e.base, e.path, e.to, strconv.FormatInt(e.account, 10), e.serial} {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// realm is what Steam shows people: the origin of base.
func (e errand) realm() string {
	u, err := url.Parse(e.base)
	if err != nil {
		return e.base
	}
	return u.Scheme + "://" + u.Host + "/"
}

// resume takes up the errand of a browser that came back to path. The token is
// the cookie's, account the one that is signed in now.
func resume(base, path string, query url.Values, account int64, token string) errand {
	e := errand{base: base, path: path, to: query.Get("to"), token: token}
	if query.Get("link") == "true" {
		e.account = account
	}
	if i := strings.LastIndexByte(query.Get("state"), '.'); i >= 0 {
		e.serial = query.Get("state")[:i]
	}
	return e
}

// errReturned says that what a browser brought back is not worth anything.
var errReturned = fault.New(fault.Forbidden, "Steam did not confirm who you are").
	WithHint("begin again, in this browser, and finish within %d minutes", int(errandTime/time.Minute))

// verify asks Steam about what the browser brought back. errReturned when it
// proves nothing, errCancelled when the person turned back, fault.Unavailable
// when Steam cannot be asked. Whoever acts on the assertion calls once first.
func (s *Service) verify(ctx context.Context, e errand, query url.Values) (openid.Assertion, error) {
	if !isToken(e.token) || !s.fresh(e.serial) {
		s.countSteam("refused")
		return openid.Assertion{}, errReturned
	}
	a, err := s.openid.Verify(ctx, query, e.returnTo())
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, openid.ErrCancelled):
		s.countSteam("cancelled")
		return a, errCancelled
	case errors.Is(err, openid.ErrRefused):
		s.countSteam("refused")
		s.log.Info("sign-in through Steam refused", "reason", err)
		return a, errReturned
	}
	s.countSteam("unavailable")
	s.log.Warn("Steam could not be asked about a sign-in", "error", err)
	return a, fault.Wrap(err, fault.Unavailable, "Steam cannot be reached now").WithHint("try again in a moment")
}

var errCancelled = fault.New(fault.Forbidden, "You turned back at Steam")

// fresh reports whether an errand began within errandTime.
func (s *Service) fresh(serial string) bool {
	began, _, _ := strings.Cut(serial, ".")
	unix, err := strconv.ParseInt(began, 36, 64)
	if err != nil {
		return false
	}
	age := s.now().Sub(time.Unix(unix, 0))
	return age >= 0 && age < errandTime
}

// once makes an assertion and its errand count a single time, for all
// processes and over restarts. It belongs into the transaction that acts on
// the assertion. errReturned for those that counted before.
func (s *Service) once(ctx context.Context, tx *db.Tx, a openid.Assertion, e errand) error {
	for _, nonce := range []string{a.Nonce, "errand " + e.serial} {
		fresh, err := takeNonce(ctx, tx, nonce, s.now().Add(errandTime))
		if err != nil {
			return err
		}
		if !fresh {
			return errReturned
		}
	}
	return nil
}

// errNoAddress says that we do not know an address to come back to.
var errNoAddress = fault.New(fault.Invalid, "Sign-in through Steam needs the address that people use").
	WithHint("set http.public_url")

// steamBase returns how this browser reaches us. Without http.public_url only
// the addresses of this machine itself will do: anybody can send any name in
// the Host header, also that of a site of theirs, where others have signed in
// through Steam to them.
func (s *Service) steamBase(r *http.Request) (string, error) {
	if s.public != "" {
		return s.public, nil
	}
	if !ownHost(r) {
		return "", errNoAddress
	}
	return web.BaseURL(r), nil
}

// ownHost reports whether the Host header names the machine itself.
func ownHost(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return false
	}
	if ip.IsLoopback() {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap().WithZone("") == ip.Unmap().WithZone("")
}

// newSteamCounter counts how people came back from Steam.
func newSteamCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quartermaster_steam_sign_ins_total",
		Help: "People who came back from signing in at Steam, by how it ended.",
	}, []string{"result"})
}

func (s *Service) countSteam(result string) { s.steam.WithLabelValues(result).Inc() }
