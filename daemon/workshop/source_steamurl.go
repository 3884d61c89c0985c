package workshop

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"hash"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// SteamURLOptions configures the source "steam-url".
type SteamURLOptions struct {
	// APIURL is the configured base of the Web API. Files may be downloaded
	// from its host even when that is not a public address.
	APIURL string
	// Lookup asks Steam about an item anew; see Details.Lookup.
	Lookup    func(ctx context.Context, id ItemID) (*webapi.FileDetails, error)
	Clock     durable.Clock
	Log       *slog.Logger
	UserAgent string // empty: "quartermaster"
	// Connect bounds the connection, Header the wait for the answer, and
	// Stall the time in which stallBytes must arrive. 0 means 10 s, 30 s
	// and 30 s. There is no bound on the whole.
	Connect, Header, Stall time.Duration
	// Received is told of the bytes that arrive, and may wait to slow the
	// transfer down; see Options.Received. nil: nobody is told.
	Received func(ctx context.Context, n int) error
}

const (
	// stallBytes must arrive in each stall period. A sender that keeps the
	// line open with a byte now and then would otherwise hold one of the
	// few download slots for days.
	stallBytes    = 16 << 10
	transferBlock = 64 << 10
	// A host is left alone after a failure, for longer each time, up to a
	// minute: other items of the same host should not wait long.
	hostFirst, hostMost = 5 * time.Second, time.Minute
	maxHosts            = 64
)

var (
	errStalled = errors.New("the transfer stalled")
	// sha1Path finds the 40 hexadecimal digits that Steam's file host has
	// in its paths: "/ugc/<handle>/<40 hex>/".
	sha1Path = regexp.MustCompile(`/([0-9A-Fa-f]{40})(?:/|$)`)
)

// SteamURL downloads the file of a legacy item from the address in its
// details. Steam only has the current version there, and an item whose
// content lives in a depot has no such address. It is safe for concurrent
// use.
type SteamURL struct {
	o    SteamURLOptions
	http *http.Client

	mu    sync.Mutex
	hosts map[string]*webapi.Breaker
}

// NewSteamURL returns the source.
func NewSteamURL(o SteamURLOptions) *SteamURL {
	if o.UserAgent == "" {
		o.UserAgent = "quartermaster"
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&o.Connect, 10 * time.Second}, {&o.Header, 30 * time.Second}, {&o.Stall, 30 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	return &SteamURL{
		o:     o,
		http:  webapi.NewGuard(o.APIURL).Client(webapi.Transfer{Connect: o.Connect, Header: o.Header}),
		hosts: map[string]*webapi.Breaker{},
	}
}

// Name is "steam-url".
func (s *SteamURL) Name() string { return "steam-url" }

// Fetch downloads the current version when that is the wanted one, or when
// the wanted version is 0. What arrives is that version for certain only if
// Steam's details did not change meanwhile: either the address names the
// SHA-1 of the content and it matches, or Steam is asked once more.
func (s *SteamURL) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	before := want.Details
	if err := obtainable(want); err != nil {
		return Got{}, err
	}
	at, err := url.Parse(before.URL)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return Got{}, fault.New(fault.Invalid, "Steam names no usable download address")
	}
	breaker := s.breaker(at.Host)
	if err := breaker.Enter(); err != nil {
		return Got{}, s.resting(err)
	}
	t := &steamTransfer{source: s, details: before, dst: dst, sha1: sha1.New()}
	err = t.run(ctx, at)
	switch {
	case ctx.Err() != nil:
		breaker.Cancel()
		return Got{}, ctx.Err()
	case t.hostFailed:
		breaker.Fail(t.retryAfter)
	default:
		breaker.Succeed()
	}
	if err != nil {
		return Got{}, err
	}
	if !s.proven(want, at, t.sha1) {
		if err := s.unchanged(ctx, want); err != nil {
			return Got{}, err
		}
	}
	return Got{Version: before.Updated, Origin: at.Hostname(), State: Fetching}, nil
}

// obtainable returns nil if Steam offers the wanted version as a file.
func obtainable(want Want) error {
	d := want.Details
	switch {
	case d == nil:
		return fault.New(fault.Unavailable, "Steam has not described the item yet")
	case d.Class() != webapi.Usable:
		return fault.New(fault.NotFound, "Steam does not offer the item")
	case d.Banned:
		return fault.New(fault.NotFound, "Steam banned the item")
	case d.URL == "":
		return fault.New(fault.NotFound, "Steam offers no download address for the item")
	case want.Name.Version != 0 && want.Name.Version != d.Updated:
		return fault.New(fault.NotFound, "Steam only has version %d of the item", d.Updated)
	}
	return nil
}

// proven compares the content with the SHA-1 in the address. That Steam puts
// it there is not documented, so its absence or difference proves nothing.
func (s *SteamURL) proven(want Want, at *url.URL, sum hash.Hash) bool {
	m := sha1Path.FindStringSubmatch(at.Path)
	if m == nil {
		return false
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if strings.EqualFold(m[1], got) {
		return true
	}
	s.o.Log.Warn("the SHA-1 of a download differs from the one in its address",
		"mod", want.Name.Item.Hex(), "version", want.Details.Updated, "host", at.Hostname(), "address", m[1], "content", got)
	return false
}

// unchanged returns nil if Steam still says what it said before the download.
func (s *SteamURL) unchanged(ctx context.Context, want Want) error {
	after, err := s.o.Lookup(ctx, want.Name.Item)
	if err != nil {
		return err
	}
	before := want.Details
	if after.Updated != before.Updated || after.URL != before.URL || after.Size != before.Size {
		return fault.New(fault.Unavailable, "The item changed at Steam during the download").WithRetryAfter(hostFirst)
	}
	return nil
}

// breaker returns the breaker of a host.
func (s *SteamURL) breaker(host string) *webapi.Breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.hosts[host]
	if b == nil {
		if len(s.hosts) >= maxHosts {
			clear(s.hosts)
		}
		b = webapi.NewBreaker(hostFirst, hostMost, s.o.Clock.Now)
		s.hosts[host] = b
	}
	return b
}

// resting is the error for a host that is left alone.
func (s *SteamURL) resting(err error) error {
	f := fault.Wrap(err, fault.Unavailable, "Steam's file host failed a moment ago")
	if b, ok := errors.AsType[*webapi.BreakerError](err); ok {
		return f.WithRetryAfter(max(b.Until.Sub(s.o.Clock.Now()), time.Second))
	}
	return f
}
