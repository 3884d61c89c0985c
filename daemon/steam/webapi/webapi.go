// Package webapi asks the Steam Web API about Workshop items and collections.
//
// With an API key it calls IPublishedFileService/GetDetails, without one
// ISteamRemoteStorage/GetPublishedFileDetails, which needs none. Every call
// has a deadline, a bound on the answer's size and a circuit breaker behind
// it, so that an outage of Steam costs a few calls and never a flood of them.
// The API key travels in a URL; no error, state or log text of this package
// ever holds it.
//
// The package also holds Guard, which keeps requests whose address came from
// outside from reaching the machine's own network.
//
// A Client is safe for concurrent use.
package webapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// DefaultBaseURL is Valve's own Web API.
const DefaultBaseURL = "https://api.steampowered.com"

const (
	// MaxIDs is how many ids one call may name.
	MaxIDs = 100
	// callTimeout bounds one call from the dial to the last byte.
	callTimeout = 10 * time.Second
	// maxBody bounds an answer after decompression. A full answer of 100
	// items is below 1 MiB.
	maxBody = 8 << 20
)

// Options configures a Client. The zero value is usable.
type Options struct {
	// BaseURL is the root of the Web API; empty means DefaultBaseURL. An
	// address that already ends in a method and its version, such as
	// "https://mirror.example/IPublishedFileService/GetDetails/v1/", is kept
	// as the endpoint that details are asked from.
	BaseURL string
	// Key is the Web API key; empty uses the calls that need none.
	Key string
	// HTTP sends the requests; nil uses a client behind a Guard that admits
	// BaseURL. Its CheckRedirect is replaced: a call follows redirects only
	// to the same scheme, host and port, because the key is in the URL.
	HTTP *http.Client
	// Budget is asked before each call; nil means no budget.
	Budget Budget
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// UserAgent names us to Steam; empty means "quartermaster".
	UserAgent string
}

// Budget bounds how many calls are made.
type Budget interface {
	// Take uses up one call. It returns ErrBudget when none is left for
	// today; any other error means that the count could not be kept, and no
	// call is made either.
	Take(ctx context.Context) error
}

// State is what people are shown of the connection to Steam.
type State struct {
	Keyed       bool      // a key is configured
	BreakerOpen bool      // no call is made before RetryAt
	RetryAt     time.Time // zero when the last call succeeded
	LastError   string    // of the last failed call; empty when the last call succeeded
	Unreachable bool      // the last call failed before any answer came
	Calls       int64     // calls made since the start
}

// Client calls the Web API.
type Client struct {
	key       string
	details   endpoint
	coll      endpoint
	http      *http.Client
	budget    Budget
	now       func() time.Time
	userAgent string
	breaker   *Breaker
	timeout   time.Duration

	mu        sync.Mutex
	lastError string
	silent    bool // the last call brought no answer at all
	calls     int64
}

// endpoint is one method of the Web API.
type endpoint struct {
	method string // http.MethodGet or http.MethodPost
	url    string // without the parameters of a call
}

// New returns a Client. It makes no call. A BaseURL that cannot be parsed
// makes every call fail with an error that says so.
func New(o Options) *Client {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UserAgent == "" {
		o.UserAgent = "quartermaster"
	}
	if o.HTTP == nil {
		o.HTTP = NewGuard(o.BaseURL).Client(Transfer{Connect: callTimeout, Header: callTimeout, Decompress: true})
	}
	h := *o.HTTP
	h.CheckRedirect = SameOrigin
	c := &Client{
		key: o.Key, http: &h, budget: o.Budget, now: o.Now, userAgent: o.UserAgent,
		breaker: NewBreaker(breakerFirst, breakerMost, o.Now), timeout: callTimeout,
	}
	c.details, c.coll = endpoints(o.BaseURL, o.Key != "")
	return c
}

// State returns how the last calls went.
func (c *Client) State() State {
	c.mu.Lock()
	s := State{Keyed: c.key != "", LastError: c.lastError, Unreachable: c.silent, Calls: c.calls}
	c.mu.Unlock()
	s.BreakerOpen, s.RetryAt = c.breaker.State()
	return s
}

const (
	pathDetails    = "/IPublishedFileService/GetDetails/v1"
	pathKeyless    = "/ISteamRemoteStorage/GetPublishedFileDetails/v1"
	pathCollection = "/ISteamRemoteStorage/GetCollectionDetails/v1"
)

// methodPath matches "/Interface/Method/v1", how every method of the Web API
// ends.
var methodPath = regexp.MustCompile(`/[A-Za-z0-9_]+/[A-Za-z0-9_]+/v[0-9]+$`)

// endpoints derives both methods from the configured base.
func endpoints(base string, keyed bool) (details, collection endpoint) {
	u, err := url.Parse(base)
	if err != nil {
		// The text of a parse error repeats the URL, which may hold secrets.
		return endpoint{}, endpoint{}
	}
	path := strings.TrimRight(u.Path, "/")
	root := methodPath.ReplaceAllString(path, "")
	at := func(path string) string {
		v := *u
		v.Path, v.RawPath, v.Fragment = path+"/", "", ""
		return v.String()
	}
	collection = endpoint{http.MethodPost, at(root + pathCollection)}
	switch {
	case strings.HasSuffix(path, pathKeyless):
		details = endpoint{http.MethodPost, at(path)}
	case root != path && (keyed || u.Hostname() != "api.steampowered.com"):
		details = endpoint{http.MethodGet, at(path)}
	case keyed:
		details = endpoint{http.MethodGet, at(root + pathDetails)}
	default:
		// Valve's own GetDetails refuses a call without a key.
		details = endpoint{http.MethodPost, at(root + pathKeyless)}
	}
	return details, collection
}

// SameOrigin is a CheckRedirect that refuses a redirect to another scheme,
// host or port, which would carry a key elsewhere or reach what nobody
// configured.
func SameOrigin(req *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("too many redirects")
	}
	if req.URL.Scheme != via[0].URL.Scheme || req.URL.Host != via[0].URL.Host {
		return errors.New("redirected to another host")
	}
	return nil
}
