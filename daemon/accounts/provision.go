package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/singleflight"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Where players get their key for recordings; clients' manuals name it.
const (
	provisionPath = "/provision"
	handlerPath   = "/provision_handler"
)

// Texts that programs may look for.
const (
	textNotSupposed = "<span>You aren't supposed to be here!</span>"
	textNoLogin     = "<span>Could not log you in!</span>"
	textLimited     = "limited"
	textOldKey      = "Your old key was invalidated!"
)

// RegisterProvision adds the pages where players get a key for recordings. It
// does nothing when nobody can sign in through Steam.
func (s *Service) RegisterProvision(srv *web.Server) {
	if s.openid == nil {
		return
	}
	for path, h := range map[string]http.HandlerFunc{provisionPath: s.beginProvision, handlerPath: s.finishProvision} {
		summary := "Get a key for recordings, through Steam"
		if path == handlerPath {
			summary = "Where Steam sends people back to"
		}
		srv.Handle(path, onlyGet(h), &huma.Operation{
			OperationID: "get-" + strings.ReplaceAll(path[1:], "_", "-"), Method: http.MethodGet, Path: path,
			Tags: []string{"accounts"}, Summary: summary, Description: "A page for people.",
		})
		srv.Handle(path+"/{$}", onlyGet(h))
	}
	// The mux would redirect these to the address with single slashes.
	srv.First(func(raw string) bool {
		path, doubled := singleSlashes(raw)
		return doubled && (path == provisionPath || path == handlerPath)
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, _ := singleSlashes(r.URL.Path)
		at := *r.URL
		at.Path, at.RawPath = path, ""
		r = r.WithContext(r.Context())
		r.URL, r.RequestURI = &at, at.RequestURI()
		srv.ServeHTTP(w, r)
	}))
}

// singleSlashes collapses slashes and reports whether there was a double one.
func singleSlashes(path string) (single string, doubled bool) {
	doubled = strings.Contains(path, "//")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.TrimSuffix(path, "/"), doubled
}

// onlyGet answers other methods as the demo sink's other addresses do.
func onlyGet(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			h(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", "GET, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", "GET, OPTIONS")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusMethodNotAllowed)
			_, _ = io.WriteString(w, "Method Not Allowed")
		}
	}
}

// beginProvision sends the browser to Steam.
func (s *Service) beginProvision(w http.ResponseWriter, r *http.Request) {
	base, err := s.steamBase(r)
	if err == nil {
		err = s.address.take(web.ClientIP(r))
	}
	if err != nil {
		s.provisionFault(w, r, err)
		return
	}
	e := s.newErrand(base, handlerPath, "", 0, cookieValue(r, errandCookie))
	http.SetCookie(w, new(e.cookie(isSecure(r))))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", s.openid.URL(e.returnTo(), e.realm()))
	w.WriteHeader(http.StatusSeeOther)
}

// cookie is the cookie of an errand.
func (e errand) cookie(secure bool) http.Cookie {
	return http.Cookie{
		Name: errandCookie, Value: e.token, Path: "/", MaxAge: int(errandTime / time.Second),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// finishProvision shows the key. Loading the same address again shows the same
// key for a while; that is decided before Steam is asked, which confirms an
// assertion only once.
func (s *Service) finishProvision(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	for _, name := range []string{"openid.assoc_handle", "openid.signed", "openid.sig", "openid.ns"} {
		if err != nil || !query.Has(name) {
			provisionPage(w, textNotSupposed)
			return
		}
	}
	base, err := s.steamBase(r)
	if err == nil {
		err = s.address.take(web.ClientIP(r))
	}
	if err != nil {
		s.provisionFault(w, r, err)
		return
	}
	e := resume(base, handlerPath, query, 0, cookieValue(r, errandCookie))
	got, err := s.provisionOnce(r, e, query)
	switch {
	case err != nil:
		s.provisionFault(w, r, err)
	case got.limited:
		s.countSteam("limited")
		provisionHeader(w)
		_, _ = io.WriteString(w, textLimited)
	default:
		provisionPage(w, keyText(got))
	}
}

// provisionOnce remembers what came of an address. A reload that overtakes the
// first request waits for it, and that one goes on when its browser is gone.
func (s *Service) provisionOnce(r *http.Request, e errand, query url.Values) (issued, error) {
	callback := hashToken(e.base + r.URL.RequestURI())
	if got, ok := s.reloads.get(callback, e.token); ok {
		if _, _, err := s.ByDemosKey(r.Context(), got.key); err != nil {
			return issued{}, errReturned // it ended meanwhile
		}
		return got, nil
	}
	both := sha256.Sum256(append(callback[:], e.token...))
	v, err, _ := s.reloads.running.Do(string(both[:]), func() (any, error) {
		if got, ok := s.reloads.get(callback, e.token); ok {
			return got, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 30*time.Second)
		defer cancel()
		a, err := s.verify(ctx, e, query)
		if err != nil {
			return issued{}, err
		}
		got, err := s.provision(ctx, a, e, web.ClientIP(r))
		if err == nil && !got.limited {
			s.countSteam("provisioned")
			s.reloads.put(callback, e.token, got.key)
		}
		return got, err
	})
	if err != nil {
		return issued{}, err
	}
	return v.(issued), nil
}

func keyText(got issued) string {
	old := ""
	if got.replaced {
		old = textOldKey
	}
	return fmt.Sprintf("<span>Successfully authenticated! Your API key is '%s' %s Do not lose this as the client needs it!</span>",
		html.EscapeString(got.key), old) +
		"<p>This is the key of this server for sending recordings (masterbase_key). It is not your Steam Web API key, " +
		"and the Steam Web API key does not work in its place.</p>"
}

// provisionFault shows a person what went wrong. Only what is no fault of the
// sign-in itself has a status of its own.
func (s *Service) provisionFault(w http.ResponseWriter, r *http.Request, err error) {
	said := html.EscapeString(fault.Public(err))
	if hint := fault.Hint(err); hint != "" {
		said += ": " + html.EscapeString(hint)
	}
	again := `<p>` + said + `. <a href="` + provisionPath + `">Try again</a></p>`
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.Unavailable) {
		provisionPage(w, textNoLogin+again)
		return
	}
	web.WriteError(w, r, err)
}

func provisionHeader(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
}

// provisionPage writes a page around content, which is HTML.
func provisionPage(w http.ResponseWriter, content string) {
	provisionHeader(w)
	_, _ = io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">`+
		`<meta name="viewport" content="width=device-width"><title>Key for recordings</title></head>`+
		`<body><div>`+content+`</div></body></html>`) // a browser that is gone
}

// reloadTime is how long a key can be shown again at its own address.
const reloadTime = 5 * time.Minute

// reloads holds the keys that were shown just now, in memory alone, by the
// address that showed them. It is safe for concurrent use.
type reloads struct {
	now     func() time.Time
	running singleflight.Group

	mu    sync.Mutex
	shown lru[tokenHash, shownKey]
}

type shownKey struct {
	key     string
	browser tokenHash // of the cookie
	at      time.Time
}

func newReloads(now func() time.Time) *reloads {
	return &reloads{now: now, shown: newLRU[tokenHash, shownKey](1024)}
}

func (r *reloads) get(callback tokenHash, token string) (issued, bool) {
	browser := hashToken(token)
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.shown.get(callback)
	if !ok || r.now().Sub(e.at) >= reloadTime || subtle.ConstantTimeCompare(e.browser[:], browser[:]) != 1 {
		return issued{}, false
	}
	return issued{key: e.key}, true
}

func (r *reloads) put(callback tokenHash, token, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown.put(callback, shownKey{key, hashToken(token), r.now()})
}

// forget drops the keys that are not to be shown again.
func (r *reloads) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for callback, item := range r.shown.items {
		if e := item.Value.(lruItem[tokenHash, shownKey]); r.now().Sub(e.value.at) >= reloadTime {
			r.shown.order.Remove(item)
			delete(r.shown.items, callback)
		}
	}
}
