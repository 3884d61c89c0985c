// Package steamtest is a Steam on loopback: the Workshop part of the Web API,
// the host that item files are downloaded from, the store's descriptions of
// apps and the pages of items on the community site, with every way in which
// the real ones go wrong. Tests, benchmarks and demonstrations use it.
//
// All methods are safe for concurrent use and take effect for the requests
// that follow.
package steamtest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Item is one Workshop item.
type Item struct {
	ID      uint64
	App     uint32 // 0 means 4920, Natural Selection 2
	Updated int64  // time_updated
	Title   string
	// Content is the file of a legacy item.
	Content []byte
	// UGC makes it an item without a file to download: its content lives in
	// a depot, under Manifest.
	UGC      bool
	Manifest uint64
	Filename string
	Creator  uint64
	// Result is the Steam EResult; 0 means 1, OK. Any other value leaves
	// nothing but the id and the result in the answer.
	Result     int
	Visibility int
	Banned     bool
	BanReason  string
	// Tags that are nil are sent as an empty list; Untold leaves them out.
	Tags   []string
	Untold bool
	// Created is time_created; 0 means Updated.
	Created     int64
	Description string
	Preview     string // preview_url
	// Children are the items it needs, Screenshots its further pictures. Only
	// a call with a key, and the item's page, tell them.
	Children    []uint64
	Screenshots []string
	// Size overrides the stated file_size.
	Size int64
	// URL overrides file_url, which otherwise points to our own file host.
	URL string
	// Omit leaves the item out of answers, Malformed describes it in a way
	// that cannot be used.
	Omit      bool
	Malformed bool
	// File is how the download of the file goes wrong.
	File Fault
}

// Call is one request to the Web API as it arrived.
type Call struct {
	Time     time.Time
	Method   string // GET or POST
	Path     string
	RawQuery string
	Form     string // the body of a POST
	Key      string
	IDs      []uint64
	Header   http.Header
}

// Download is one request to the file host.
type Download struct {
	Time   time.Time
	ID     uint64 // 0 when the path belongs to no item
	Path   string
	Header http.Header
}

// maxLog bounds each log; older entries are dropped.
const maxLog = 100_000

// Steam is the fake. Make one with Start or New.
type Steam struct {
	api, files, trap *http.Server
	apiURL, filesURL string
	trapURL          string
	done             chan struct{}
	closing          sync.Once

	mu          sync.Mutex
	items       map[uint64]Item
	collections map[uint64][]uint64
	players     map[uint64]Player
	servers     map[string]bool // known game servers
	plain       map[uint64]bool // file_url without the SHA-1
	fault       Fault
	faultsLeft  int // < 0: for ever
	retryAfter  time.Duration
	delay       time.Duration
	dripEvery   time.Duration
	key         string
	noKeyless   bool
	calls       []Call
	callCount   int
	downloads   []Download
	trapped     int
	apps        map[uint32]App

	store, community site
}

// Start begins to listen on two ports of 127.0.0.1. The caller calls Close.
func Start() (*Steam, error) {
	s := &Steam{
		items: map[uint64]Item{}, collections: map[uint64][]uint64{}, plain: map[uint64]bool{},
		apps: map[uint32]App{}, done: make(chan struct{}), retryAfter: 7 * time.Second, dripEvery: time.Second,
	}
	var err error
	if s.api, s.apiURL, err = s.serve(s.apiMux()); err != nil {
		return nil, err
	}
	if s.files, s.filesURL, err = s.serve(http.HandlerFunc(s.serveFile)); err != nil {
		s.Close()
		return nil, err
	}
	if s.trap, s.trapURL, err = s.serve(http.HandlerFunc(s.serveTrap)); err != nil {
		s.Close()
		return nil, err
	}
	for _, x := range []struct {
		site    *site
		handler http.HandlerFunc
	}{{&s.store, s.serveStore}, {&s.community, s.serveCommunity}} {
		if x.site.server, x.site.url, err = s.serve(x.handler); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// New is Start for tests: it fails t on error and closes at t's end. A nil t
// is allowed for programs that accept a panic when no port is free; they
// call Close themselves.
func New(t TB) *Steam {
	s, err := Start()
	switch {
	case t == nil && err != nil:
		panic(fmt.Sprintf("steamtest: %v", err))
	case t == nil:
		return s
	}
	t.Helper()
	if err != nil {
		t.Fatalf("steamtest: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *Steam) serve(h http.Handler) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l)
	return srv, "http://" + l.Addr().String(), nil
}

// Close ends every running answer and stops listening.
func (s *Steam) Close() {
	s.closing.Do(func() {
		close(s.done)
		for _, srv := range []*http.Server{s.api, s.files, s.trap, s.store.server, s.community.server} {
			if srv != nil {
				_ = srv.Close()
			}
		}
	})
}

// URL is the base of the Web API, what steam.api_url is set to.
func (s *Steam) URL() string { return s.apiURL }

// FileURL is where the file of the item is, as file_url says; "" for an
// unknown or UGC item.
func (s *Steam) FileURL(id uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fileURL(s.items[id])
}

func (s *Steam) fileURL(it Item) string {
	switch {
	case it.ID == 0 || it.UGC:
		return ""
	case it.URL != "":
		return it.URL
	}
	if s.plain[it.ID] {
		return fmt.Sprintf("%s/ugc/%d/", s.filesURL, it.ID)
	}
	sum := sha1.Sum(it.Content)
	return fmt.Sprintf("%s/ugc/%d/%s/", s.filesURL, it.ID, hex.EncodeToString(sum[:]))
}

// Put adds or replaces items.
func (s *Steam) Put(items ...Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range items {
		if it.App == 0 {
			it.App = 4920
		}
		if it.Result == 0 {
			it.Result = 1
		}
		s.items[it.ID] = it
	}
}

// Remove deletes an item; Steam then says 9, file not found.
func (s *Steam) Remove(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
}

// ServePlain leaves the checksum of the content out of the item's file_url.
func (s *Steam) ServePlain(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain[id] = true
}

// PutCollection adds or replaces a collection.
func (s *Steam) PutCollection(id uint64, children ...uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collections[id] = children
}

// FailAPI makes the next n calls to the Web API go wrong, all that follow
// when n is negative, none when n is 0.
func (s *Steam) FailAPI(f Fault, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faultsLeft = f, n
}

// SetRetryAfter sets the Retry-After header of answers 429 and 503, 7 s at
// the beginning; 0 leaves it out.
func (s *Steam) SetRetryAfter(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAfter = d
}

// SetDelay sets how long each answer of the Web API and of the file host is
// held back.
func (s *Steam) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// SetDrip sets the time between two bytes of a Drip, 1 s at the beginning.
func (s *Steam) SetDrip(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dripEvery = d
}

// RequireKey makes GetDetails answer 403 to any other key.
func (s *Steam) RequireKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// RefuseKeyless makes GetPublishedFileDetails answer 403.
func (s *Steam) RefuseKeyless(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noKeyless = on
}

// Calls returns the calls to the Web API so far, oldest first.
func (s *Steam) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// CallCount returns how many calls the Web API got.
func (s *Steam) CallCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callCount
}

// Downloads returns the requests to the file host so far, oldest first.
func (s *Steam) Downloads() []Download {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Download(nil), s.downloads...)
}

// Trapped returns how many requests followed RedirectLoopback. A correct
// client follows none.
func (s *Steam) Trapped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trapped
}
