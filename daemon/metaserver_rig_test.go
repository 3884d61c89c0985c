package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// metaRig is a whole daemon on an empty data directory, asked by HTTP as the
// clients of the metaserver do. Its mails go to an SMTP server of the test.
type metaRig struct {
	t      *testing.T
	daemon *Daemon
	base   string // http(s)://host:port
	client *http.Client
	mails  *mailbox
}

// eachMeta runs a test against a fresh daemon, once over plain HTTP and once
// over TLS. The functions, if any, change the configuration.
func eachMeta(t *testing.T, test func(t *testing.T, r *metaRig), change ...func(*config.Config)) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			r := newMetaRig(t, t.TempDir(), change...)
			if scheme == "https" {
				r.secure()
			}
			test(t, r)
		})
	}
}

// newMetaRig starts a daemon, which ends with the test.
func newMetaRig(t *testing.T, dir string, change ...func(*config.Config)) *metaRig {
	r := &metaRig{t: t, mails: newMailbox(t), client: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32},
	}}
	t.Cleanup(r.client.CloseIdleConnections)
	c := config.Default()
	c.HTTP.Listen = []string{"127.0.0.1:0"}
	c.HTTP.TrustedProxies = []string{"127.0.0.1"}
	c.Workshop.Enabled, c.Demos.Enabled = false, false
	c.Mail.URL, c.Mail.From = "smtp://"+r.mails.addr(), "noreply@example.org"
	for _, f := range change {
		f(&c)
	}
	if problems := c.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	r.start(Options{Loaded: &config.Loaded{Config: c, DataDir: dir}, Version: "test", Log: slog.New(slog.DiscardHandler)})
	return r
}

// start runs a daemon until the test ends, or until what it returns is called.
func (r *metaRig) start(o Options) (stop func()) {
	r.t.Helper()
	d, err := New(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	started, ended := make(chan Started, 1), make(chan error, 1)
	go func() { ended <- d.Run(ctx, Hooks{Started: func(s Started) { started <- s }}) }()
	select {
	case s := <-started:
		r.base = "http://" + s.Listen[0]
	case err := <-ended:
		cancel()
		r.t.Fatalf("the daemon did not start: %v", err)
	}
	r.daemon = d
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("the daemon ended with %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// secure puts TLS before the daemon, as a proxy does.
func (r *metaRig) secure() {
	target, err := url.Parse(r.base)
	if err != nil {
		r.t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host
		p.SetXForwarded()
	}})
	r.t.Cleanup(proxy.Close)
	transport := proxy.Client().Transport.(*http.Transport).Clone()
	r.t.Cleanup(transport.CloseIdleConnections)
	r.base, r.client.Transport = proxy.URL, transport
}

// login are credentials for HTTP Basic; the zero value is none.
type login struct{ name, password string }

// reply is an answer, read to its end.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do sends a request; a body that is no string goes out as JSON.
func (r *metaRig) do(method, path string, body any, as login) reply {
	r.t.Helper()
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			r.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, content)
	if err != nil {
		r.t.Fatal(err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if as != (login{}) {
		req.SetBasicAuth(as.name, as.password)
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

func (r *metaRig) get(path string, as login) reply {
	r.t.Helper()
	return r.do(http.MethodGet, path, nil, as)
}

func (r *metaRig) post(path string, body any, as login) reply {
	r.t.Helper()
	return r.do(http.MethodPost, path, body, as)
}

// fields is any JSON object.
type fields map[string]any

// is demands a status.
func (a reply) is(status int) reply {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// says demands a status and a detail that is one text.
func (a reply) says(status int, detail string) {
	a.t.Helper()
	if got, _ := a.is(status).object()["detail"].(string); got != detail {
		a.t.Fatalf("detail %q, want %q", got, detail)
	}
}

// text demands a status and a body.
func (a reply) text(status int, body string) {
	a.t.Helper()
	if string(a.is(status).body) != body {
		a.t.Fatalf("got %s, want %s", a.body, body)
	}
}

// object reads the answer; numbers are float64.
func (a reply) object() (o fields) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, &o); err != nil {
		a.t.Fatalf("%s: %v", a.body, err)
	}
	return o
}

// list reads an answer that is a list of objects.
func (a reply) list() (l []fields) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, &l); err != nil {
		a.t.Fatalf("%s: %v", a.body, err)
	}
	return l
}

// player is a user who has registered and entered the code of the mail.
type player struct {
	id    int64
	name  string
	proof string
	auth  login
}

const playerPassword = "12345678"

// register makes an account named name, with the address name@example.com, and
// does not verify it.
func (r *metaRig) register(name string) player {
	r.t.Helper()
	p := player{name: name, auth: login{name + "@example.com", playerPassword}}
	o := r.post("/v1/user/register", fields{"username": p.auth.name, "display_name": name, "password": playerPassword}, login{}).is(200).object()
	p.id, p.proof = int64(o["id"].(float64)), o["proof"].(string)
	return p
}

// user makes a verified account.
func (r *metaRig) user(name string) player {
	r.t.Helper()
	p := r.register(name)
	o := r.post("/v1/user/email/verify", fields{"mail_token": r.mails.token(p.auth.name)}, p.auth).is(200).object()
	p.proof = o["proof"].(string)
	return p
}

// gameServer is a registered game server.
type gameServer struct {
	id   int64
	auth login
}

// server registers a game server of a player.
func (r *metaRig) server(owner player) gameServer {
	r.t.Helper()
	o := r.post("/v1/server/register", fields{
		"host_name": "10.0.0.67", "port": 11235, "display_name": "Unnamed", "description": "A server", "game_type": "Snoozing", "max_player_count": 42,
	}, owner.auth).is(200).object()
	s := gameServer{auth: login{o["username"].(string), o["password"].(string)}}
	if _, err := fmt.Sscan(s.auth.name, &s.id); err != nil {
		r.t.Fatal(err)
	}
	return s
}
