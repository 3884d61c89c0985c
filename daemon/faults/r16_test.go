package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const steamProfile = "https://steamcommunity.com/openid/id/"

// visitor is a browser that keeps cookies and follows nothing by itself.
type visitor struct {
	t *testing.T
	p *program
	*http.Client
}

func newVisitor(t *testing.T, p *program) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, p, &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (v *visitor) open(address string) (location, body string) {
	v.t.Helper()
	res, err := v.Get(address)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.Header.Get("Location"), string(text)
}

// sentBack begins at a path and returns where Steam sends the browser.
func (v *visitor) sentBack(steam *steamtest.OpenID, path string) string {
	v.t.Helper()
	login, body := v.open(v.p.url(path))
	back, err := steam.SignIn(login)
	if err != nil || login == "" {
		v.t.Fatalf("%s leads to %q: %v %s", path, login, err, body)
	}
	return back
}

var demosKey = regexp.MustCompile(`MB-[A-Za-z0-9_-]{43}`)

// accepted brings an address back and reports whether that got the browser a
// session or a key.
func (v *visitor) accepted(address string) bool {
	v.t.Helper()
	_, page := v.open(address)
	_, who := v.open(v.p.url("/api/v1/session"))
	return demosKey.MatchString(page) || !strings.Contains(who, `"account":null`)
}

// forged are answers of Steam that were changed on the way.
func forged(random func() string) map[string]func(url.Values) {
	set := func(name, value string) func(url.Values) {
		return func(q url.Values) { q.Set("openid."+name, value) }
	}
	both := func(claimed string) func(url.Values) {
		return func(q url.Values) { q.Set("openid.claimed_id", claimed); q.Set("openid.identity", claimed) }
	}
	unsigned := func(name string) func(url.Values) {
		return func(q url.Values) {
			q.Set("openid.signed", strings.Replace(q.Get("openid.signed"), name, "mode", 1))
		}
	}
	stamp := func(age time.Duration) string {
		return time.Now().UTC().Add(-age).Format("2006-01-02T15:04:05Z") + random()
	}
	return map[string]func(url.Values){
		"return_to another host":     func(q url.Values) { swap(q, "openid.return_to", "127.0.0.1", "evil.example") },
		"return_to another path":     func(q url.Values) { swap(q, "openid.return_to", "?", "/x?") },
		"return_to another state":    func(q url.Values) { swap(q, "openid.return_to", "state=", "state=x") },
		"another state":              func(q url.Values) { swap(q, "state", ".", ".x") },
		"no state":                   func(q url.Values) { q.Del("state") },
		"claimed_id not signed":      unsigned("claimed_id"),
		"return_to not signed":       unsigned("return_to"),
		"op_endpoint not signed":     unsigned("op_endpoint"),
		"nonce not signed":           unsigned("response_nonce"),
		"claimed_id over http":       both("http" + strings.TrimPrefix(steamProfile, "https") + "76561197960287930"),
		"claimed_id of a look-alike": both("https://steamcommunity.com.evil.example/openid/id/76561197960287930"),
		"claimed_id of another":      both(steamProfile + "76561197960287931"),
		"another op_endpoint":        set("op_endpoint", "https://evil.example/openid/login"),
		"nonce of six minutes ago":   set("response_nonce", stamp(6*time.Minute)),
		"nonce of tomorrow":          set("response_nonce", stamp(-24*time.Hour)),
		"doubled claimed_id":         func(q url.Values) { q.Add("openid.claimed_id", steamProfile+"76561197960287931") },
		"doubled return_to":          func(q url.Values) { q.Add("openid.return_to", q.Get("openid.return_to")) },
		"is_valid in a field":        set("assoc_handle", "x\nis_valid:true\n"),
		"another signature":          set("sig", random()),
		"cancelled":                  set("mode", "cancel"),
	}
}

func swap(q url.Values, name, old, new string) {
	q.Set(name, strings.Replace(q.Get(name), old, new, 1))
}

// Somebody comes back from Steam with an answer that was changed, made for
// another site or browser, or used before, also before a kill. Nobody gets in.
func TestR16_ForgedSignIns(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.NewOpenID(t)
	p := install(t, fmt.Sprintf("[steam]\ncommunity_url = %q\n", strings.TrimSuffix(steam.Endpoint(), "/openid/login")))
	p.start()
	paths := []string{"/api/v1/session/steam?to=/app/mods", "/provision"}
	tried := 0
	for _, path := range paths {
		for name, forge := range forged(func() string { return fmt.Sprint(random.Uint64()) }) {
			v := newVisitor(t, p)
			back, err := url.Parse(v.sentBack(steam, path))
			if err != nil {
				t.Fatal(err)
			}
			q := back.Query()
			forge(q)
			back.RawQuery = q.Encode()
			if tried++; v.accepted(back.String()) {
				t.Errorf("%s, %s: accepted", path, name)
			}
		}
		tried += strangers(t, p, steam, path)
	}
	replays := 0
	for _, path := range paths {
		v := newVisitor(t, p)
		back := v.sentBack(steam, path)
		if !v.accepted(back) {
			t.Fatalf("%s: what Steam sent is refused", path)
		}
		// From here on Steam would confirm anything.
		steam.Answer("ns:http://specs.openid.net/auth/2.0\nis_valid:true\n", 0)
		again := newVisitor(t, p)
		again.Jar.SetCookies(v.origin(), errandOnly(v.Jar.Cookies(v.origin())))
		if path != "/provision" { // there the same browser is shown the same key
			if replays++; again.accepted(back) {
				t.Errorf("%s: accepted twice", path)
			}
		}
		p.kill()
		p.start()
		if replays++; again.accepted(back) {
			t.Errorf("%s: accepted again after a kill", path)
		}
		steam.Answer("", 0)
	}
	figures(t, "%d forged answers and %d replays, 0 accepted; 2 of 2 good ones accepted", tried, replays)
}

// strangers brings back good answers that were made for somebody else.
func strangers(t *testing.T, p *program, steam *steamtest.OpenID, path string) (tried int) {
	t.Helper()
	v := newVisitor(t, p)
	login, _ := v.open(p.url(path))
	evil, err := steam.SignIn(strings.ReplaceAll(login, url.QueryEscape("http://"+p.addr), url.QueryEscape("https://evil.example")))
	if err != nil || !strings.HasPrefix(evil, "https://evil.example/") {
		t.Fatal(evil, err)
	}
	if v.accepted(strings.Replace(evil, "https://evil.example", "http://"+p.addr, 1)) {
		t.Errorf("%s: another site's answer is accepted", path)
	}
	// The attacker sends it with the other site's name as Host.
	req, err := http.NewRequest(http.MethodGet, strings.Replace(evil, "https://evil.example", "http://"+p.addr, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	res, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || demosKey.Match(page) || strings.Contains(res.Header.Get("Set-Cookie"), "qm_session") {
		t.Errorf("%s: another site's answer is accepted under its name: %v", path, err)
	}
	victim := newVisitor(t, p)
	victim.sentBack(steam, path)
	if victim.accepted(v.sentBack(steam, path)) {
		t.Errorf("%s: another browser's answer is accepted", path)
	}
	return 3
}

// origin is where a visitor's cookies belong.
func (v *visitor) origin() *url.URL { return &url.URL{Scheme: "http", Host: v.p.addr, Path: "/"} }

// errandOnly leaves the cookie that ties a browser to its way to Steam.
func errandOnly(cookies []*http.Cookie) []*http.Cookie {
	for _, c := range cookies {
		if c.Name == "qm_steam" {
			return []*http.Cookie{c}
		}
	}
	return nil
}
