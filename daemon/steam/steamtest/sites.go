package steamtest

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// App is what the store says of an app.
type App struct {
	ID                                        uint32
	Type, Name, Image, ShortText, Description string
	// Genres are pairs of an id and a name. nil leaves them out, as the real
	// store does for some apps.
	Genres [][2]string
	// Unsold makes the store answer that it has no such app.
	Unsold bool
}

// Faults of the store and the community site only, beside the common ones.
const (
	Null    Fault = "null"     // 200 with the body null, the store's way to say "too often"
	Empty   Fault = "empty"    // 200 with {}
	AgeGate Fault = "age-gate" // a page that asks for the visitor's age
	Rebuilt Fault = "rebuilt"  // a page of an item with other markup
	Cut     Fault = "cut"      // a page that breaks off in the list of required items
)

// Visit is one request to the store or the community site.
type Visit struct {
	Time          time.Time
	Path, Query   string
	ID            uint64 // of the app or the item
	UserAgent     string
	AcceptsPlain  bool // without compression
	AcceptedTypes string
}

// site is what the store and the community site have in common. Its fields
// are guarded by the mutex of Steam.
type site struct {
	server *http.Server
	url    string
	fault  Fault
	left   int // < 0: for ever
	visits []Visit
}

// StoreURL is the base of the store, what steam.store_url is set to.
func (s *Steam) StoreURL() string { return s.store.url }

// CommunityURL is the base of the community site, what steam.community_url is
// set to.
func (s *Steam) CommunityURL() string { return s.community.url }

// PutApp adds or replaces apps of the store. An app that was never put is one
// the store does not sell.
func (s *Steam) PutApp(apps ...App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range apps {
		s.apps[a.ID] = a
	}
}

// FailStore makes the next n answers of the store go wrong, all when n is
// negative, none when n is 0.
func (s *Steam) FailStore(f Fault, n int) { s.failSite(&s.store, f, n) }

// FailCommunity does the same to the community site.
func (s *Steam) FailCommunity(f Fault, n int) { s.failSite(&s.community, f, n) }

func (s *Steam) failSite(x *site, f Fault, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.fault, x.left = f, n
}

// StoreVisits returns the requests to the store so far, oldest first.
func (s *Steam) StoreVisits() []Visit { return s.visitsOf(&s.store) }

// CommunityVisits returns the requests to the community site so far.
func (s *Steam) CommunityVisits() []Visit { return s.visitsOf(&s.community) }

func (s *Steam) visitsOf(x *site) []Visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Visit(nil), x.visits...)
}

// visit logs a request and returns the fault in force.
func (s *Steam) visit(x *site, r *http.Request, id uint64) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()

	if len(x.visits) >= maxLog {
		x.visits = append([]Visit(nil), x.visits[maxLog/2:]...)
	}
	x.visits = append(x.visits, Visit{
		Time: time.Now(), Path: r.URL.Path, Query: r.URL.RawQuery, ID: id, UserAgent: r.UserAgent(),
		AcceptsPlain: r.Header.Get("Accept-Encoding") == "", AcceptedTypes: r.Header.Get("Accept"),
	})
	if x.left == 0 {
		return None
	}
	if x.left > 0 {
		x.left--
	}
	return x.fault
}

// serveStore answers /api/appdetails as the store does.
func (s *Steam) serveStore(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.URL.Query().Get("appids"), 10, 32)
	fault := s.visit(&s.store, r, id)
	if !s.wait(r, s.settings().delay) {
		return
	}
	if r.Method != http.MethodGet || r.URL.Path != "/api/appdetails" || err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "null")
		return
	}
	s.mu.Lock()
	app, known := s.apps[uint32(id)]
	s.mu.Unlock()
	good, err := json.Marshal(map[string]any{strconv.FormatUint(id, 10): app.answer(known)})
	if err != nil {
		panic(err) // strings only
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	switch fault {
	case None:
		_, _ = w.Write(good)
	case Null:
		_, _ = io.WriteString(w, "null")
	case Empty:
		_, _ = io.WriteString(w, "{}")
	default:
		s.fail(w, r, fault, good)
	}
}

func (a App) answer(known bool) map[string]any {
	if !known || a.Unsold {
		return map[string]any{"success": false}
	}
	data := map[string]any{
		"type": a.Type, "name": a.Name, "steam_appid": a.ID, "required_age": 0, "is_free": false,
		"short_description": a.ShortText, "detailed_description": a.Description, "header_image": a.Image,
		"categories": []any{map[string]any{"id": 2, "description": "Single-player"}},
	}
	if a.Genres != nil {
		list := []any{}
		for _, g := range a.Genres {
			list = append(list, map[string]any{"id": g[0], "description": g[1]})
		}
		data["genres"] = list
	}
	return map[string]any{"success": true, "data": data}
}

// serveCommunity answers with the page of an item as the community site does:
// with status 200 also when there is no such item.
func (s *Steam) serveCommunity(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.URL.Query().Get("id"), 10, 64)
	fault := s.visit(&s.community, r, id)
	if !s.wait(r, s.settings().delay) {
		return
	}
	if err != nil || !strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/filedetails") {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	it, known := s.items[id]
	s.mu.Unlock()
	good := missingPage
	if known && it.Result == 1 {
		good = it.page()
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	switch fault {
	case None:
		_, _ = io.WriteString(w, good)
	case AgeGate:
		_, _ = io.WriteString(w, `<html><body><div class="adult_content_age_gate">How old are you?</div></body></html>`)
	case Rebuilt:
		_, _ = io.WriteString(w, `<html><body><div id="root" data-page="{}"></div></body></html>`)
	case Cut:
		before, _, _ := strings.Cut(good, "requiredItem\"")
		_, _ = io.WriteString(w, before)
	default:
		s.fail(w, r, fault, []byte(good))
	}
}

const missingPage = `<!DOCTYPE html><html><head><title>Steam Community :: Error</title></head><body>
<div id="message"><h3>There was a problem accessing the item.  Please try again.</h3></div></body></html>`

// page is the part of an item's page that programs have read for years, in
// the same order and with what lies between.
func (it Item) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html><html><head><title>Steam Workshop::%[1]s</title><script>var x = "<div class=\"requiredItemsContainer\">";</script></head>
<body><div class="breadcrumbs"><a href="https://steamcommunity.com/app/%[2]d">Game</a></div>
<div class="workshopItemTitle">%[1]s</div>
`, html.EscapeString(it.Title), it.App)
	for _, u := range it.Screenshots {
		fmt.Fprintf(&b, `<div class="screenshot_holder"><div><a onclick="ShowEnlargedImagePreview( &#39;%[1]s&#39; );" href="javascript:void(0)"><img src="%[1]s&amp;thumb"></a></div></div>
`, html.EscapeString(u))
	}
	if len(it.Children) > 0 {
		b.WriteString(`<div class="requiredItemsContainer" id="RequiredItems"><div class="wide">` + "\n")
		for _, id := range it.Children {
			fmt.Fprintf(&b, `<a href="https://steamcommunity.com/workshop/filedetails/?id=%[1]d" target="_blank"><div class="requiredItem">Item %[1]d</div></a>
`, id)
		}
		b.WriteString("</div></div>\n")
	}
	fmt.Fprintf(&b, `<div class="workshopItemDescription" id="highlightContent">%s</div>
<a href="https://steamcommunity.com/sharedfiles/filedetails/?id=424242">another one</a></body></html>`, html.EscapeString(it.Description))
	return b.String()
}
