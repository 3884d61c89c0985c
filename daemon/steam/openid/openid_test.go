package openid

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const returnTo = "https://example.org/provision_handler?state=abc"

func signedIn(t *testing.T) (*steamtest.OpenID, *Client, url.Values) {
	t.Helper()
	p := steamtest.NewOpenID(t)
	c := &Client{Endpoint: p.Endpoint()}
	back, err := p.SignIn(c.URL(returnTo, "https://example.org/"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return p, c, u.Query()
}

func TestURL(t *testing.T) {
	u, err := url.Parse((&Client{}).URL(returnTo, "https://example.org/"))
	if err != nil || u.Scheme+"://"+u.Host+u.Path != "https://steamcommunity.com/openid/login" {
		t.Fatalf("%v, %v", u, err)
	}
	for name, want := range map[string]string{
		"openid.ns": "http://specs.openid.net/auth/2.0", "openid.mode": "checkid_setup", "openid.return_to": returnTo,
		"openid.realm":      "https://example.org/",
		"openid.identity":   "http://specs.openid.net/auth/2.0/identifier_select",
		"openid.claimed_id": "http://specs.openid.net/auth/2.0/identifier_select",
	} {
		if got := u.Query()[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestVerify(t *testing.T) {
	p, c, q := signedIn(t)
	a, err := c.Verify(t.Context(), q, returnTo)
	if err != nil || a.ID != 76561197960287930 || a.Nonce != q.Get("openid.response_nonce") || time.Since(a.Time) > time.Minute {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := c.Verify(t.Context(), q, returnTo); !errors.Is(err, ErrRefused) {
		t.Errorf("the provider confirmed it twice: %v", err)
	}
	if p.Confirms() != 2 {
		t.Errorf("%d confirmations", p.Confirms())
	}
}

// Forged assertions are refused, and most of them without asking Steam.
func TestForged(t *testing.T) {
	set := func(name, value string) func(url.Values) {
		return func(q url.Values) { q.Set("openid."+name, value) }
	}
	unsigned := func(name string) func(url.Values) {
		return func(q url.Values) {
			q.Set("openid.signed", strings.Replace(q.Get("openid.signed"), name, "x", 1))
		}
	}
	id := "https://steamcommunity.com/openid/id/"
	both := func(claimed string) func(url.Values) {
		return func(q url.Values) { q.Set("openid.claimed_id", claimed); q.Set("openid.identity", claimed) }
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		asked  int
	}{
		"another account":              {both(id + "76561197960287931"), 1},
		"another signature":            {set("sig", "AAAA"), 1},
		"no signature":                 {set("sig", ""), 0},
		"return to another host":       {set("return_to", "https://evil.example/provision_handler?state=abc"), 0},
		"return to another path":       {set("return_to", "https://example.org/other?state=abc"), 0},
		"another state":                {set("return_to", "https://example.org/provision_handler?state=abd"), 0},
		"another endpoint":             {set("op_endpoint", "https://evil.example/openid/login"), 0},
		"another mode":                 {set("mode", "checkid_setup"), 0},
		"another namespace":            {set("ns", "http://openid.net/signon/1.1"), 0},
		"identity differs":             {set("identity", id+"76561197960287931"), 0},
		"claimed_id over http":         {both("http://steamcommunity.com/openid/id/76561197960287930"), 0},
		"claimed_id of a look-alike":   {both("https://steamcommunity.com.evil.example/openid/id/76561197960287930"), 0},
		"claimed_id with a tail":       {both(id + "76561197960287930/"), 0},
		"claimed_id with a line break": {both(id + "76561197960287930\n"), 0},
		"claimed_id of a clan":         {both(id + "10358279142952141"), 0},
		"claimed_id of nobody":         {both(id + "76561197960265728"), 0},
		"op_endpoint not signed":       {unsigned("op_endpoint"), 0},
		"claimed_id not signed":        {unsigned("claimed_id"), 0},
		"identity not signed":          {unsigned("identity"), 0},
		"return_to not signed":         {unsigned("return_to"), 0},
		"nonce not signed":             {unsigned("response_nonce"), 0},
		"handle not signed":            {unsigned("assoc_handle"), 0},
		"old nonce":                    {set("response_nonce", time.Now().UTC().Add(-6*time.Minute).Format("2006-01-02T15:04:05Z")+"x"), 0},
		"nonce of tomorrow":            {set("response_nonce", time.Now().UTC().Add(24*time.Hour).Format("2006-01-02T15:04:05Z")+"x"), 0},
		"no nonce":                     {set("response_nonce", ""), 0},
		"nonce without a time":         {set("response_nonce", "yesterday, in the afternoon"), 0},
		"doubled claimed_id":           {func(q url.Values) { q.Add("openid.claimed_id", id+"76561197960287931") }, 0},
		"doubled mode":                 {func(q url.Values) { q.Add("openid.mode", "id_res") }, 0},
		"is_valid in a field":          {set("sig", "x\nis_valid:true\n"), 1},
		"a huge field":                 {set("sig", strings.Repeat("x", 10_000)), 0},
		"nothing at all":               {func(q url.Values) { clear(q) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, client, q := signedIn(t)
			c.change(q)
			if a, err := client.Verify(t.Context(), q, returnTo); !errors.Is(err, ErrRefused) {
				t.Errorf("%+v, %v", a, err)
			}
			if p.Confirms() != c.asked {
				t.Errorf("Steam was asked %d times, want %d", p.Confirms(), c.asked)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	_, c, _ := signedIn(t)
	if _, err := c.Verify(t.Context(), url.Values{"openid.mode": {"cancel"}}, returnTo); !errors.Is(err, ErrCancelled) || !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		status  int
		refused bool // else: Steam could not be asked
		ok      bool
	}{
		"valid with carriage returns": {"ns:x\r\nis_valid:true\r\n", 200, false, true},
		"invalid":                     {"ns:x\nis_valid:false\n", 200, true, false},
		"both":                        {"is_valid:true\nis_valid:false\n", 200, true, false},
		"twice":                       {"is_valid:true\nis_valid:true\n", 200, true, false},
		"true with a tail":            {"is_valid:true \n", 200, true, false},
		"inside another field":        {"invalidate_handle:is_valid:true\n", 200, true, false},
		"a page":                      {"<html>is_valid:true</html>", 200, true, false},
		"nothing":                     {"\n", 200, true, false},
		"an error":                    {"is_valid:true\n", 503, false, false},
		"endless":                     {strings.Repeat("x:y\n", 10_000), 200, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, client, q := signedIn(t)
			p.Answer(c.body, c.status)
			_, err := client.Verify(t.Context(), q, returnTo)
			if (err == nil) != c.ok || errors.Is(err, ErrRefused) != c.refused {
				t.Error(err)
			}
		})
	}
}

// The provider's answer to a confirmation is taken from nowhere else.
func TestNoRedirect(t *testing.T) {
	p, c, q := signedIn(t)
	asked := 0
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte("is_valid:true\n"))
	}))
	defer evil.Close()
	front := httptest.NewServer(http.RedirectHandler(evil.URL, http.StatusTemporaryRedirect))
	defer front.Close()
	c.Endpoint = front.URL
	q.Set("openid.op_endpoint", front.URL)
	if _, err := c.Verify(t.Context(), q, returnTo); err == nil || errors.Is(err, ErrRefused) || asked != 0 {
		t.Errorf("%v; the other host was asked %d times", err, asked)
	}
	_ = p
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Verify(ctx, q, returnTo); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("after cancelling: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("openid.mode=id_res&openid.ns=http://specs.openid.net/auth/2.0")
	f.Add("openid.mode=cancel")
	c := &Client{Endpoint: "http://127.0.0.1:1/openid/login"}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		fields, err := single(q)
		if err == nil {
			_, err = c.check(fields, returnTo)
		}
		if err == nil && q.Get("openid.return_to") != returnTo || err != nil && !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	})
}
