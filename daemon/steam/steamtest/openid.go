package steamtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

const openIDNamespace = "http://specs.openid.net/auth/2.0"

var openIDSigned = []string{"signed", "op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle"}

// OpenID is Steam's sign-in page on loopback: whoever comes is sent back at
// once as the account of As. Like Steam, it confirms an assertion once.
type OpenID struct {
	server *httptest.Server
	key    []byte

	mu       sync.Mutex
	as       uint64
	now      func() time.Time
	answer   string
	status   int
	used     map[string]bool
	confirms int
}

// NewOpenID starts one that runs until the test ends.
func NewOpenID(t TB) *OpenID {
	t.Helper()
	o := &OpenID{key: make([]byte, 32), as: 76561197960287930, now: time.Now, used: map[string]bool{}}
	if _, err := rand.Read(o.key); err != nil {
		t.Fatalf("steamtest: %v", err)
	}
	o.server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.server.Close)
	return o
}

// Endpoint is the address that stands for openid.Endpoint.
func (o *OpenID) Endpoint() string { return o.server.URL + "/openid/login" }

// As sets who signs in from now on.
func (o *OpenID) As(id uint64) { o.set(func() { o.as = id }) }

// Clock sets the clock that nonces are made by.
func (o *OpenID) Clock(now func() time.Time) { o.set(func() { o.now = now }) }

// Answer replaces what confirmations are answered with; "" and 0 end it.
func (o *OpenID) Answer(body string, status int) {
	o.set(func() { o.answer, o.status = body, status })
}

// Confirms counts the confirmations that were asked for.
func (o *OpenID) Confirms() (n int) {
	o.set(func() { n = o.confirms })
	return n
}

func (o *OpenID) set(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
}

// SignIn does what a browser does at login, the address of openid.Client.URL:
// it returns the address that Steam sends the browser to.
func (o *OpenID) SignIn(login string) (returned string, err error) {
	u, err := url.Parse(login)
	if err != nil {
		return "", err
	}
	return o.assertion(u.Query().Get("openid.return_to")), nil
}

func (o *OpenID) assertion(returnTo string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := fmt.Sprintf("https://steamcommunity.com/openid/id/%d", o.as)
	f := url.Values{
		"openid.ns": {openIDNamespace}, "openid.mode": {"id_res"}, "openid.op_endpoint": {o.Endpoint()},
		"openid.claimed_id": {id}, "openid.identity": {id}, "openid.return_to": {returnTo},
		"openid.response_nonce": {o.now().UTC().Format("2006-01-02T15:04:05Z") + rand.Text()},
		"openid.assoc_handle":   {"1234567890"}, "openid.signed": {strings.Join(openIDSigned, ",")},
	}
	f.Set("openid.sig", o.sign(f))
	join := "?"
	if strings.Contains(returnTo, "?") {
		join = "&"
	}
	return returnTo + join + f.Encode()
}

func (o *OpenID) sign(f url.Values) string {
	mac := hmac.New(sha256.New, o.key)
	for _, name := range strings.Split(f.Get("openid.signed"), ",") {
		fmt.Fprintf(mac, "%s:%s\n", name, f.Get("openid."+name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (o *OpenID) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.URL.Path != "/openid/login" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	switch r.Form.Get("openid.mode") {
	case "checkid_setup":
		http.Redirect(w, r, o.assertion(r.Form.Get("openid.return_to")), http.StatusFound)
	case "check_authentication":
		o.confirm(w, r)
	default:
		http.Error(w, "bad mode", http.StatusBadRequest)
	}
}

func (o *OpenID) confirm(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirms++
	if o.answer != "" || o.status != 0 {
		w.WriteHeader(max(o.status, 200))
		fmt.Fprint(w, o.answer)
		return
	}
	nonce := r.PostForm.Get("openid.response_nonce")
	valid := r.Method == http.MethodPost && !o.used[nonce] &&
		hmac.Equal([]byte(o.sign(r.PostForm)), []byte(r.PostForm.Get("openid.sig")))
	o.used[nonce] = true
	fmt.Fprintf(w, "ns:%s\nis_valid:%t\n", openIDNamespace, valid)
}
