package daemon

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// raw sends a request with exactly these headers.
func (r *metaRig) raw(method, path, body string, header http.Header) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{t: r.t, status: res.StatusCode, header: res.Header, body: text}
}

func TestMetaRouting(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		const notFound, notAllowed = `{"detail":"Not Found"}`, `{"detail":"Method Not Allowed"}`
		for _, c := range []struct {
			method, path string
			status       int
			body         string
			allow        string
			location     string
		}{
			{"GET", "/", 200, `"OK"`, "", ""},
			{"GET", "/v1", 404, notFound, "", ""},
			{"GET", "/v1/", 404, notFound, "", ""},
			{"GET", "/v1/nothing", 404, notFound, "", ""},
			{"POST", "/v1/user", 404, notFound, "", ""},
			{"GET", "/v1/user/login", 405, notAllowed, "POST", ""},
			{"PUT", "/v1/user/login", 405, notAllowed, "POST", ""},
			{"OPTIONS", "/v1/user/by-id", 405, notAllowed, "GET", ""},
			{"POST", "/v1/user/by-id", 405, notAllowed, "GET", ""},
			{"HEAD", "/v1/user/login", 405, "", "POST", ""},
			{"GET", "/v1/user/by-id/?user_id=1&x=%20", 307, "", "", "/v1/user/by-id?user_id=1&x=%20"},
			{"POST", "/v1/user/login/", 307, "", "", "/v1/user/login"},
			{"GET", "/v1/user/login//", 307, "", "", "/v1/user/login"},
			{"GET", "/v1/nothing/", 404, notFound, "", ""},
			{"HEAD", "/v1/proof-keys", 200, "", "", ""},
			{"HEAD", "/docs", 200, "", "", ""},
			{"HEAD", "/docs/oauth2-redirect", 200, "", "", ""},
			{"HEAD", "/redoc", 200, "", "", ""},
		} {
			a := r.raw(c.method, c.path, "", nil)
			if a.status != c.status || string(a.body) != c.body || a.header.Get("Allow") != c.allow {
				t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, a.status, a.body, a.header.Get("Allow"))
			}
			if want := c.location; want != "" && a.header.Get("Location") != r.base+want {
				t.Errorf("%s %s: Location %q, want %q", c.method, c.path, a.header.Get("Location"), r.base+want)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s: %v", c.method, c.path, a.header)
			}
			if c.body != "" && a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %s", c.method, c.path, a.header.Get("Content-Type"))
			}
		}
	})
}

// The answers 401, each with WWW-Authenticate.
func TestMetaCredentials(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	r.user("foo")
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	const (
		none, invalid, wrong = "Not authenticated", "Invalid authentication credentials", "Incorrect username or password"
	)
	for _, c := range []struct{ header, want string }{
		{"", none}, {"Bearer abc", none}, {"Basic", invalid}, {"Basic !!", invalid}, {encode("no colon"), invalid},
		{encode("foo@example.com:wrong pass"), wrong}, {encode("nobody@example.com:12345678"), wrong}, {encode("foo:12345678"), wrong},
		{encode("1:12345678"), wrong}, {encode(":"), wrong}, {encode("foo@example.com:\x00"), wrong}, {encode("f\xfcr@example.com:12345678"), wrong},
	} {
		a := r.raw("POST", "/v1/user/login", "", http.Header{"Authorization": {c.header}})
		a.says(401, c.want)
		if got := a.header.Get("WWW-Authenticate"); got != "Basic" {
			t.Errorf("%q: WWW-Authenticate %q", c.header, got)
		}
	}
	for _, header := range []string{encode("foo@example.com:12345678"), "bAsIc " + encode("foo@example.com:12345678")[6:], encode("foo@EXAMPLE.com:12345678")} {
		r.raw("POST", "/v1/user/login", "", http.Header{"Authorization": {header}}).is(200)
	}
	for _, path := range []string{"/v1/user/email/renew-token", "/v1/user/login"} {
		r.post(path, nil, login{"nobody@example.com", "12345678"}).says(401, wrong)
	}
	closed := r.user("closed")
	if err := r.daemon.Accounts.CloseAccount(t.Context(), closed.id, "cheating"); err != nil {
		t.Fatal(err)
	}
	r.get("/v1/user/by-id?user_id=1", closed.auth).says(401, "User is deleted")
	r.post("/v1/user/email/renew-token", nil, closed.auth).says(403, "User already verified mail")
	r.get("/v1/clan/by-id?clan_id=1", closed.auth).says(401, wrong) // either mode speaks as to a server
	r.get("/v1/user/by-id?user_id=3", r.user("reader").auth).is(200)
	// Passwords and addresses of any script, in UTF-8 and Latin-1.
	r.post("/v1/user/register", fields{"username": "jürgen@example.com", "display_name": "j", "password": "pässwörd"}, login{}).is(200)
	for _, text := range []string{"jürgen@example.com:pässwörd", "j\xfcrgen@example.com:p\xe4ssw\xf6rd"} {
		r.raw("POST", "/v1/user/email/renew-token", "", http.Header{"Authorization": {encode(text)}}).is(429)
	}
}

// Malformed JSON is seen before the credentials, and these before fields.
func TestMetaOrderOfChecks(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	p := r.user("foo")
	const path = "/v1/user/change-display-name"
	r.post(path, `{"display_name":`, login{}).text(422, `{"detail":[{"loc":["body",16],"msg":"Expecting value: line 1 column 17 (char 16)","type":"value_error.jsondecode"}]}`)
	r.post(path, `{"other":1}`, login{}).says(401, "Not authenticated")
	r.post(path, `{"other":1}`, p.auth).text(422, `{"detail":[{"loc":["body","display_name"],"msg":"field required","type":"value_error.missing"}]}`)
	r.post(path, "", p.auth).text(422, `{"detail":[{"loc":["body","display_name"],"msg":"field required","type":"value_error.missing"}]}`)
	r.raw("POST", path, `{"display_name":"x"}`, http.Header{"Content-Type": {"text/plain"}, "Authorization": {basicHeader(p.auth)}}).is(422)
	r.raw("POST", path, `{"display_name":"new name"}`, http.Header{"Authorization": {basicHeader(p.auth)}}).is(200)
	r.raw("POST", path, `{"display_name":"other name"}`, http.Header{"Content-Type": {"application/x+json"}, "Authorization": {basicHeader(p.auth)}}).is(200)
	// A body where none is read does not matter.
	r.post("/v1/user/login", `{{{`, p.auth).is(200)
}

func basicHeader(as login) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(as.name+":"+as.password))
}

// wireEntry is one line of an answer 422.
func wireEntry(place, msg, kind string) string {
	return fmt.Sprintf(`{"loc":[%s],"msg":"%s","type":"%s"}`, place, msg, kind)
}

func wireLimit(place, msg, kind string, limit int) string {
	return fmt.Sprintf(`{"loc":[%s],"msg":"ensure this value %s","type":"%s","ctx":{"limit_value":%d}}`, place, msg, kind, limit)
}

func TestMetaRegisterFields(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	const (
		username, name, password = `"body","username"`, `"body","display_name"`, `"body","password"`
		email                    = "value is not a valid email address"
	)
	required := func(place string) string { return wireEntry(place, "field required", "value_error.missing") }
	wrongMail := wireEntry(username, email, "value_error.email")
	none := func(place string) string {
		return wireEntry(place, "none is not an allowed value", "type_error.none.not_allowed")
	}
	bytesLike := wireEntry(name, "expected string or bytes-like object", "type_error")
	for body, want := range map[string][]string{
		``:     {wireEntry(`"body"`, "field required", "value_error.missing")},
		`null`: {wireEntry(`"body"`, "field required", "value_error.missing")},
		`[]`:   {wireEntry(`"body"`, "value is not a valid dict", "type_error.dict")},
		`{}`:   {required(username), required(name), required(password)},
		`{"username":null,"display_name":null,"password":null}`:                               {none(username), bytesLike, none(password)},
		`{"username":5,"display_name":5,"password":12345678}`:                                 {wireEntry(username, "str type expected", "type_error.str"), bytesLike},
		`{"username":"a","display_name":"","password":"1234567"}`:                             {wrongMail, wireLimit(name, "has at least 1 characters", "value_error.any_str.min_length", 1), wireLimit(password, "has at least 8 characters", "value_error.any_str.min_length", 8)},
		`{"username":"a@b","display_name":"  ","password":"` + wireText(129) + `"}`:           {wrongMail, wireLimit(name, "has at least 1 characters", "value_error.any_str.min_length", 1), wireLimit(password, "has at most 128 characters", "value_error.any_str.max_length", 128)},
		`{"username":"a@b.test","display_name":"` + wireText(65) + `","password":"12345678"}`: {wrongMail, wireLimit(name, "has at most 64 characters", "value_error.any_str.max_length", 64)},
		`{"username":"@example.com","display_name":"a@example.com","password":[]}`:            {wrongMail, wireEntry(name, "Display name can't be an email address", "value_error"), wireEntry(password, "str type expected", "type_error.str")},
	} {
		r.post("/v1/user/register", body, login{}).text(422, `{"detail":[`+strings.Join(want, ",")+`]}`)
	}
	for _, address := range []string{
		"a..b@example.com", ".a@example.com", "a.@example.com", "a@example", "a@127.0.0.1", "a@[127.0.0.1]", "a@example.123", "a@example.local", "a@-example.com",
		`"a"@example.com`, "a b@example.com", wireText(65) + "@example.com", "a@" + wireText(250) + ".com", "a@example.com\x00", "a@exa\u200bmple.com",
	} {
		a := r.post("/v1/user/register", fields{"username": address, "display_name": "x", "password": "12345678"}, login{})
		a.text(422, `{"detail":[`+wrongMail+`]}`)
	}
	for _, name := range []string{"a\u202eb", "a\u200bb", "a\x00b", "a\nb", "\u2800", "a\u0000"} { // direction, zero width, controls, blank
		r.post("/v1/user/register", fields{"username": "a@example.com", "display_name": name, "password": "12345678"}, login{}).is(422)
	}
	// What is stored and what looks alike.
	o := r.post("/v1/user/register", fields{"username": "  Foo Bar <Foo@EXAMPLE.com> ", "display_name": "  Paul \n", "password": "12345678"}, login{}).is(200).object()
	if o["display_name"] != "Paul" {
		t.Errorf("the name is %q", o["display_name"])
	}
	r.post("/v1/user/email/renew-token", nil, login{"Foo@example.com", "12345678"}).is(429)
	r.post("/v1/user/register", fields{"username": "foo@example.com", "display_name": "other", "password": "12345678"}, login{}).says(409, "Username taken")
	r.post("/v1/user/register", fields{"username": "x@example.com", "display_name": "P\u0430ul", "password": "12345678"}, login{}).is(422)
	r.post("/v1/user/register", fields{"username": "Foo@example.com", "display_name": "PAUL", "password": "12345678"}, login{}).says(409, "Display name taken")
}

func wireText(n int) string { return strings.Repeat("x", n) }

func TestMetaUserFields(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	p := r.user("foo")
	unverified := r.register("bar")
	integer := "value is not a valid integer"
	for _, c := range []struct {
		method, path, body string
		as                 login
		want               string
	}{
		{"GET", "/v1/user/by-id", "", p.auth, wireEntry(`"query","user_id"`, "field required", "value_error.missing")},
		{"GET", "/v1/user/by-id?user_id=", "", p.auth, wireEntry(`"query","user_id"`, integer, "type_error.integer")},
		{"GET", "/v1/user/by-id?user_id=1.0", "", p.auth, wireEntry(`"query","user_id"`, integer, "type_error.integer")},
		{"GET", "/v1/user/by-id?user_id=99999999999999999999", "", p.auth, wireEntry(`"query","user_id"`, integer, "type_error.integer")},
		{"GET", "/v1/user/by-id/batch", "", p.auth, wireEntry(`"query","user_ids"`, "field required", "value_error.missing")},
		{"GET", "/v1/user/by-id/batch?user_ids=1&user_ids=x", "", p.auth, wireEntry(`"query","user_ids",1`, integer, "type_error.integer")},
		{"GET", "/v1/user/by-id/batch?" + strings.Repeat("user_ids=1&", 501), "", p.auth, wireLimit(`"query","user_ids"`, "has at most 500 items", "value_error.list.max_items", 500)},
		{"POST", "/v1/user/verify-user-proof", `{}`, login{}, wireEntry(`"body","user_id"`, "field required", "value_error.missing") + "," + wireEntry(`"body","user_proof"`, "field required", "value_error.missing")},
		{"POST", "/v1/user/verify-user-proof", `{"user_id":"x","user_proof":{}}`, login{}, wireEntry(`"body","user_id"`, integer, "type_error.integer") + "," + wireEntry(`"body","user_proof"`, "str type expected", "type_error.str")},
		{"POST", "/v1/user/verify-user-proof", `{"user_id":1e30,"user_proof":"x"}`, login{}, wireEntry(`"body","user_id"`, integer, "type_error.integer")},
		{"POST", "/v1/user/email/verify", `{"mail_token":"ÄÖÜÄÖ"}`, unverified.auth, wireLimit(`"body","mail_token"`, "has at least 6 characters", "value_error.any_str.min_length", 6)},
		{"POST", "/v1/user/email/verify", `{"mail_token":"1234567"}`, unverified.auth, wireLimit(`"body","mail_token"`, "has at most 6 characters", "value_error.any_str.max_length", 6)},
		{"POST", "/v1/user/login?server_id=0", ``, p.auth, wireLimit(`"query","server_id"`, "is greater than or equal to 1", "value_error.number.not_ge", 1)},
		{"POST", "/v1/user/change-display-name", `{"display_name":null}`, p.auth, wireEntry(`"body","display_name"`, "field required", "value_error.missing")},
		{"POST", "/v1/user/change-display-name", `{"display_name":""}`, p.auth, wireLimit(`"body","display_name"`, "has at least 1 characters", "value_error.any_str.min_length", 1)},
		{"POST", "/v1/user/change-display-name", `{"display_name":"a@example.com"}`, p.auth, wireEntry(`"body","display_name"`, "Display name can't be an email address", "value_error")},
	} {
		a := r.do(c.method, c.path, c.body, c.as)
		if a.status != 422 || string(a.body) != `{"detail":[`+c.want+`]}` {
			t.Errorf("%s %s %s:\ngot  %d %s\nwant %s", c.method, c.path, c.body, a.status, a.body, c.want)
		}
	}
	r.get("/v1/user/by-id?user_id=99", p.auth).says(404, "User not found")
	r.get("/v1/user/by-id?user_id=-9223372036854775808", p.auth).says(404, "User not found")
	r.get("/v1/user/by-id?user_id=x&user_id=%202%20&other=1", p.auth).is(200) // the last counts; an unverified one is shown
	r.post("/v1/user/email/verify", `{"mail_token":"ÄÖÜÄÖÜ"}`, unverified.auth).says(403, "Incorrect mail verification token")
	r.post("/v1/user/email/verify", `{"mail_token":123456}`, unverified.auth).says(403, "Incorrect mail verification token")
	r.post("/v1/user/verify-user-proof", fields{"user_id": unverified.id, "user_proof": unverified.proof}, login{}).text(200, "false")
	// A number will do for a text, and the order of keys does not matter.
	r.post("/v1/user/verify-user-proof", fmt.Sprintf(`{"user_proof":"%s","x":[],"user_id":"+%d "}`, p.proof, p.id), login{}).text(200, "true")
	// Lower case is what people type.
	r.post("/v1/user/email/verify", fields{"mail_token": strings.ToLower(r.mails.token(unverified.auth.name))}, unverified.auth).is(200)
}

// Bodies that no client sends cost little and never end in 500.
func TestMetaBodiesOutOfBounds(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	const path = "/v1/user/verify-user-proof"
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"deep":           {strings.Repeat(`{"a":`, 10_000), 400},
		"deep lists":     {strings.Repeat("[", 60_000), 400},
		"no UTF-8":       {"{\"user_id\":1,\"user_proof\":\"\xff\"}", 400},
		"a long number":  {`{"user_id":` + strings.Repeat("9", 5000) + `,"user_proof":"x"}`, 422},
		"a long body":    {`{"user_id":1,"user_proof":"` + wireText(70_000) + `"}`, 413},
		"half a pair":    {`{"user_id":1,"user_proof":"\ud800"}`, 200},
		"not a number":   {`{"user_id":NaN,"user_proof":"x"}`, 422},
		"many fields":    {`{` + strings.Repeat(`"a":0,`, 8000) + `"user_id":1,"user_proof":"x"}`, 200},
		"infinite":       {`{"user_id":-Infinity,"user_proof":"x"}`, 422},
		"two documents":  {`{} {}`, 422},
		"a lone bracket": {`[`, 422},
	} {
		if a := r.post(path, c.body, login{}); a.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
	}
	// 100 MB, announced and not.
	for _, length := range []int64{100 << 20, -1} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.base+path, io.LimitReader(wireZeros{}, 100<<20))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		res, err := r.client.Do(req)
		if err != nil { // the connection ended before all was sent
			continue
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("100 MB: %d", res.StatusCode)
		}
	}
}

type wireZeros struct{}

func (wireZeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A proof for one game server, and the modes of proofs.
func TestMetaProofAudience(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	p := r.user("foo")
	first, second := r.server(p), r.server(p)
	bound := r.post(fmt.Sprintf("/v1/user/login?server_id=%d", first.id), nil, p.auth).is(200).object()["signed_proof"]
	verify := func(as login) reply {
		return r.post("/v1/user/verify-user-proof", fields{"user_id": p.id, "user_proof": bound}, as)
	}
	verify(first.auth).text(200, "true")
	verify(second.auth).text(200, "false")
	verify(login{first.auth.name, "wrong"}).text(200, "false")
	free := r.post("/v1/user/login", nil, p.auth).is(200).object()["signed_proof"]
	for _, as := range []login{{}, first.auth, second.auth, {"1", "wrong"}, p.auth} {
		r.post("/v1/user/verify-user-proof", fields{"user_id": p.id, "user_proof": free}, as).text(200, "true")
	}
}

func TestMetaSignedProofMode(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.ProofMode = config.ProofModeSigned })
	p := r.user("foo")
	if strings.Count(p.proof, ".") != 2 {
		t.Fatalf("the proof is %s", p.proof)
	}
	r.post("/v1/user/verify-user-proof", fields{"user_id": p.id, "user_proof": p.proof}, login{}).text(200, "true")
}
