package catalog

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	apiPath       = "/api/v1/catalog"
	maxDependents = 50
	maxPictures   = 100
	steamPage     = "https://steamcommunity.com/sharedfiles/filedetails/?id="
)

// Register adds the face of the catalogue's clients and the operations of our
// own API. Reading is public; what fetches something asks for the scope
// mods:write.
func (s *Service) Register(srv *web.Server) {
	srv.First(matches, s, faceOperations()...)
	ops := srv.Operations("catalog")
	web.Route(ops, http.MethodGet, apiPath+"/mods", s.getMods, web.Describe("list-catalog-mods", "Mods of the catalogue",
		"Everything that can be downloaded here or is being fetched. A \"-\" before the order reverses it. `next` is the cursor of "+
			"the following page, empty on the last.", 400))
	web.Route(ops, http.MethodGet, apiPath+"/mods/{id}", s.getMod, web.Describe("get-catalog-mod", "A mod of the catalogue", "", 400, 404))
	web.Route(ops, http.MethodPost, apiPath+"/mods/{id}/dependencies/fetch", s.postFetch, web.Describe("fetch-catalog-dependencies",
		"Fetch what a mod needs", "Puts on the queue what the mod needs and is not here, and what that needs, as far as it is known.", 400, 404),
		accounts.Require(accounts.ScopeModsWrite), web.Timeout(fetchTimeout), func(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted })
	web.Route(ops, http.MethodGet, apiPath+"/games", s.getGames, web.Describe("list-catalog-games", "Games of the catalogue", "", 400))
	web.Route(ops, http.MethodGet, apiPath+"/games/{id}", s.getGame, web.Describe("get-catalog-game", "A game of the catalogue", "", 400, 404))
	web.Route(ops, http.MethodGet, apiPath+"/genres", s.getGenres, web.Describe("list-catalog-genres", "Genres", "All, by name."))
	web.Route(ops, http.MethodGet, apiPath+"/tags", s.getTags, web.Describe("list-catalog-tags", "Tags", "All, or those of the mods of one game; the most used first.", 400))
	web.Route(ops, http.MethodGet, apiPath+"/statistics", s.getStatistics, web.Describe("get-catalog-statistics", "Counters by hour or day",
		"Hours and days are those of `time_zone`. A counter that stands at nothing has no row.", 400))
	web.Route(ops, http.MethodGet, apiPath+"/statistics/summary", s.getSummary, web.Describe("get-catalog-summary", "The catalogue in figures", ""))
}

// caller knows the address the caller reached us by.
type caller struct{ base string }

// Resolve is called by huma once the request is known.
func (c *caller) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	c.base = web.BaseURL(r)
	return nil
}

// current waits until the catalogue is there and up to date.
func (s *Service) current(ctx context.Context) error {
	select {
	case <-s.loaded:
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "The catalogue is still being read").WithRetryAfter(startPatience)
	}
	s.settle()
	return nil
}

type modsInput struct {
	Query       string  `query:"q" maxLength:"200" doc:"Part of the name, in any case."`
	Game        int64   `query:"game" minimum:"0" doc:"Steam app id."`
	Tag         []int64 `query:"tag,explode" maxItems:"30" doc:"Ids of tags; a mod has all of them."`
	Source      string  `query:"source" maxLength:"50"`
	Dependency  int64   `query:"dependency" minimum:"0" doc:"Only mods that need this one."`
	Independent bool    `query:"independent" doc:"Only mods that need no other."`
	State       string  `query:"state" enum:"ready,fetching" doc:"Only mods that are here, or only those that are not yet."`
	Sort        string  `query:"sort" default:"-downloads" enum:"downloads,name,size,created,updated,requested,-downloads,-name,-size,-created,-updated,-requested"`
	Limit       int     `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor      string  `query:"cursor" maxLength:"40" doc:"next of the page before."`
	web.Known
}

type modList struct {
	Mods  []modView `json:"mods"`
	Next  string    `json:"next" doc:"Cursor of the next page; empty: this is the last."`
	Total int       `json:"total"`
}

func (in *modsInput) search() search {
	key, desc := strings.CutPrefix(in.Sort, "-")
	keys := [...]string{"name", "size", "created", "updated", "requested", "source", "downloads"}
	q := search{
		order: order{sortKey(slices.Index(keys[:], key)), desc}, tags: in.Tag, dependency: in.Dependency, name: in.Query, limit: int64(in.Limit),
	}
	if in.Game != 0 {
		q.games = []int64{in.Game}
	}
	if in.Source != "" {
		q.sources = []string{in.Source}
	}
	if in.Independent {
		q.needing = needNone
	}
	if in.State != "" {
		fetching := in.State == "fetching"
		q.fetching = &fetching
	}
	return q
}

// cursor is where a page begins: behind an item, or, if that is gone, at a
// place.
type cursor struct {
	place int64
	last  int64 // 0: the beginning
}

func parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	place, last, _ := strings.Cut(text, ".")
	c.place, err = strconv.ParseInt(place, 10, 32)
	if err == nil {
		c.last, err = strconv.ParseInt(last, 10, 64)
	}
	if err != nil || c.place < 0 || c.last <= 0 {
		return cursor{}, fault.New(fault.Invalid, "The cursor is not one of ours")
	}
	return c, nil
}

// nextCursor is the cursor of the page after one that begins at a place, has n
// elements and ends with last; "" if nothing follows.
func nextCursor(place int64, n, total int, last int64) string {
	if place += int64(n); n > 0 && place < int64(total) {
		return strconv.FormatInt(place, 10) + "." + decimal(last)
	}
	return ""
}

func (s *Service) getMods(ctx context.Context, in *modsInput) (*web.Tagged[modList], error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	q := in.search()
	if id, ok := s.index.titled(q.name); ok {
		q.name, q.ids = "", []int64{id}
	}
	q.offset = from.place
	if from.last != 0 {
		if place, ok := s.index.after(q, from.last); ok {
			q.offset = place
		}
	}
	total, mods := s.index.find(q)
	list, err := s.viewMods(ctx, mods)
	if err != nil {
		return nil, err
	}
	out := modList{Mods: list, Total: total}
	if n := len(mods); n > 0 {
		out.Next = nextCursor(q.offset, n, total, mods[n-1].id)
	}
	return web.Tag(in.Known, out)
}

type modInput struct {
	caller
	ID string `path:"id" maxLength:"20" example:"2009463077"`
	web.Known
}

// entry returns the item that a path names.
func (s *Service) entry(ctx context.Context, id string) (*entry, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The id is not a number")
	}
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	e := s.lookup(n)
	if e == nil {
		return nil, fault.New(fault.NotFound, "There is no mod %d in the catalogue", n)
	}
	return e, nil
}

func (s *Service) getMod(ctx context.Context, in *modInput) (*web.Tagged[modDetailView], error) {
	e, err := s.entry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	texts, err := s.describe(ctx, []int64{e.id})
	if err != nil {
		return nil, err
	}
	_, pictures, err := s.store.resources(ctx, []int64{e.id}, nil, maxPictures, 0)
	if err != nil {
		return nil, err
	}
	logo := ""
	v := modDetailView{Resources: []resourceView{}, Dependents: []namedView{}}
	for _, r := range pictures {
		v.Resources = append(v.Resources, resourceView{r.Type, r.URL})
		if r.Type == resourceLogo {
			logo = r.URL
		}
	}
	if err := json.Unmarshal(texts[0], &v.Description); err != nil {
		return nil, err
	}
	m := s.viewMod(e, logo)
	v.ID, v.Hex, v.Name, v.Preview, v.Game, v.Size, v.ArchiveSize = m.ID, m.Hex, m.Name, m.Preview, m.Game, m.Size, m.ArchiveSize
	v.Condition, v.CreatedAt, v.UpdatedAt, v.RequestedAt = m.Condition, m.CreatedAt, m.UpdatedAt, m.RequestedAt
	v.Source, v.Downloads, v.Tags, v.Version = m.Source, m.Downloads, m.Tags, e.version
	v.Dependencies = s.viewNeeded(e.needs)
	_, dependents := s.index.find(search{order: order{byDownloads, true}, dependency: e.id, limit: maxDependents})
	for _, d := range dependents {
		v.Dependents = append(v.Dependents, namedView{decimal(d.id), d.title()})
	}
	v.DownloadURL, v.PageURL = in.base+"/download/"+v.ID, steamPage+v.ID
	return web.Tag(in.Known, v)
}

type gamesInput struct {
	Query  string `query:"q" maxLength:"200" doc:"Part of the name, in any case."`
	Type   string `query:"type" maxLength:"50" example:"game"`
	Genre  int64  `query:"genre" minimum:"0"`
	Sort   string `query:"sort" default:"-mods" enum:"name,mods,downloads,created,-name,-mods,-downloads,-created"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" maxLength:"40" doc:"next of the page before."`
	web.Known
}

type gameList struct {
	Games []gameView `json:"games"`
	Next  string     `json:"next" doc:"Cursor of the next page; empty: this is the last."`
	Total int        `json:"total"`
}

func (s *Service) getGames(ctx context.Context, in *gamesInput) (*web.Tagged[gameList], error) {
	begin, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	key, desc := strings.CutPrefix(in.Sort, "-")
	q := gameSearch{name: in.Query, order: gameOrdering{map[string]gameKey{
		"name": gamesByName, "mods": gamesByMods, "downloads": gamesByDownloads, "created": gamesByCreated,
	}[key], desc}}
	if in.Type != "" {
		q.types = []string{in.Type}
	}
	if in.Genre != 0 {
		q.genres = []int64{in.Genre}
	}
	games := s.findGames(q)
	out := gameList{Games: []gameView{}, Total: len(games)}
	from := min(int(begin.place), len(games))
	if i := slices.IndexFunc(games, func(g countedGame) bool { return g.ID == begin.last }); i >= 0 {
		from = i + 1
	}
	page := games[from:min(from+in.Limit, len(games))]
	for _, g := range page {
		out.Games = append(out.Games, viewGame(&g))
	}
	if n := len(page); n > 0 {
		out.Next = nextCursor(int64(from), n, len(games), page[n-1].ID)
	}
	return web.Tag(in.Known, out)
}

type gameInput struct {
	ID int64 `path:"id" minimum:"1" example:"294100"`
	web.Known
}

func (s *Service) getGame(ctx context.Context, in *gameInput) (*web.Tagged[gameDetailView], error) {
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	g := s.countedGame(in.ID)
	if g == nil {
		return nil, fault.New(fault.NotFound, "There is no game %d in the catalogue", in.ID)
	}
	return web.Tag(in.Known, gameDetailView{viewGame(g), g.Description, s.viewTagCounts(s.index.tagsOf(g.ID))})
}

type knownInput struct{ web.Known }

type genreView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Games int    `json:"games"`
}

type genreList struct {
	Genres []genreView `json:"genres"`
}

func (s *Service) getGenres(ctx context.Context, in *knownInput) (*web.Tagged[genreList], error) {
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	games := map[int64]int{}
	for _, g := range s.shelf.allGames() {
		for _, genre := range g.Genres {
			games[genre.ID]++
		}
	}
	out := genreList{Genres: []genreView{}}
	for _, g := range s.shelf.allGenres() {
		out.Genres = append(out.Genres, genreView{decimal(g.ID), g.Name, games[g.ID]})
	}
	slices.SortStableFunc(out.Genres, func(a, b genreView) int { return strings.Compare(a.Name, b.Name) })
	return web.Tag(in.Known, out)
}

type tagsInput struct {
	Game int64 `query:"game" minimum:"0" doc:"Steam app id; none: all games."`
	web.Known
}

type tagList struct {
	Tags []tagView `json:"tags"`
}

func (s *Service) getTags(ctx context.Context, in *tagsInput) (*web.Tagged[tagList], error) {
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	counts := s.index.tagsOf(in.Game)
	if in.Game == 0 {
		counts = s.index.tagCounts()
	}
	return web.Tag(in.Known, tagList{s.viewTagCounts(counts)})
}

// fetchTimeout bounds how long a request for dependencies may take: Steam is
// asked about each.
const fetchTimeout = 30 * time.Second
