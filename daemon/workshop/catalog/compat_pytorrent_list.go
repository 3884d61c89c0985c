package catalog

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

const (
	defaultPageSize = 10
	maxPageSize     = 50
	maxElements     = 30 // of all lists of filters together
	maxResources    = 20 // types of resources
	maxBatch        = 50 // ids in a path
	maxBuffer       = 256 << 10

	textPageSize   = "incorrect page size"
	textComplexity = "the maximum complexity of filters is 30 elements in sum"
	textArraySize  = "the size of the array is not correct"

	// formatSecond and formatMicro are the dates of the wire, in UTC.
	formatSecond = "2006-01-02 15:04:05"
	formatMicro  = "2006-01-02 15:04:05.000000"
)

// paging is the part of a list that a client wants.
type paging struct {
	size, page int64
}

func (p *params) paging() paging {
	return paging{p.integer("page_size", defaultPageSize), max(p.integer("page", 0), 0)}
}

// offset is where the page begins. It stays within int64.
func (g paging) offset() int64 { return saturated(g.size, g.page) }

// refuse answers if the size of the page is not allowed.
func (x *exchange) refusePage(g paging) bool {
	if g.size >= 1 && g.size <= maxPageSize {
		return false
	}
	x.fail(http.StatusRequestEntityTooLarge, textPageSize, 1)
	return true
}

// slice returns the part of a list that lies on the page.
func slicePage[T any](g paging, list []T) []T {
	from := min(g.offset(), int64(len(list)))
	return list[from:min(from+g.size, int64(len(list)))]
}

// envelope begins the answer of a list. The README of the original spells the
// offset "offeset" in two lists; they get both.
func envelope(total int, offset int64, both bool) []byte {
	b := strconv.AppendInt(append(make([]byte, 0, 128), `{"database_size":`...), int64(total), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), offset, 10)
	if both {
		b = strconv.AppendInt(append(b, `,"offeset":`...), offset, 10)
	}
	return append(b, `,"results":[`...)
}

// fields says which groups of keys an object has.
type fields struct {
	general, description, short, dates, statistics bool
}

// fields reads which keys are wanted. Clients of the original say nothing and
// get what it sent.
func (p *params) fields() fields {
	return fields{
		general: p.boolean("general", true), description: p.boolean("description", true), dates: p.boolean("dates", true),
		short: p.boolean("short_description", false), statistics: p.boolean("statistics", true),
	}
}

// listMods is /list/mods/.
func listMods(x *exchange, _ string) {
	p := x.params()
	page, shown := p.paging(), p.fields()
	q := search{
		order: modOrder(p), tags: p.ids("tags"), games: p.ids("games"), sources: p.texts("primary_sources"),
		ids: slices.Concat(p.ids("allowed_ids"), p.ids("allowed_sources_ids")), needing: x.s.needing(p),
	}
	q.name, _ = p.last("name")
	if _, ok := p.query["game"]; ok {
		q.games = append(q.games, positive(p.integer("game", 0)))
	}
	if !x.begin(countListMods, p) || x.refusePage(page) {
		return
	}
	if len(q.tags)+len(q.games)+len(q.sources) > maxElements || len(q.ids) > maxBatch {
		x.fail(http.StatusRequestEntityTooLarge, textComplexity, 2)
		return
	}
	q.offset, q.limit = page.offset(), page.size
	total, mods := x.s.index.find(q)
	buffer := x.s.buffers.Get().(*[]byte)
	defer x.s.buffers.Put(buffer)
	b, err := x.s.appendMods(x.r.Context(), append((*buffer)[:0], envelope(total, q.offset, true)...), mods, shown)
	if err != nil {
		x.broken(err)
		return
	}
	x.write(http.StatusOK, append(b, `]}`...))
	if cap(b) <= maxBuffer {
		*buffer = b
	}
}

// positive turns what cannot be an id into one that nothing has.
func positive(id int64) int64 {
	if id <= 0 || id == math.MaxInt64 {
		return unknownID
	}
	return id
}

// modOrder reads sort: the plain key ascends, "i" before it descends.
func modOrder(p *params) order {
	name, _ := p.last("sort")
	rest, desc := strings.CutPrefix(name, "i")
	keys := [...]string{"NAME", "SIZE", "DATE_CREATION", "DATE_UPDATE", "DATE_REQUEST", "SOURCE", "DOWNLOADS"}
	i := slices.Index(keys[:], rest)
	if i < 0 {
		return order{key: byDownloads}
	}
	return order{sortKey(i), desc}
}

// needing reads which mods are wanted by what they need. What "dependencies"
// means, the README and the code of the original disagree on.
func (s *Service) needing(p *params) needing {
	if text, _ := p.last("independents"); text != "" {
		p.boolean("dependencies", false)
		if p.boolean("independents", false) {
			return needNone
		}
		return anyNeeds
	}
	original := s.options.Config.DependenciesFilter == config.FilterOriginal
	if p.boolean("dependencies", false) == original {
		return needNone
	}
	return anyNeeds
}

// appendMods appends mods as JSON objects with commas between them.
func (s *Service) appendMods(ctx context.Context, b []byte, mods []*entry, shown fields) ([]byte, error) {
	var texts [][]byte
	if shown.description || shown.short {
		ids := make([]int64, len(mods))
		for i, e := range mods {
			ids[i] = e.id
		}
		var err error
		if texts, err = s.describe(ctx, ids); err != nil {
			return nil, err
		}
	}
	for i, e := range mods {
		if i > 0 {
			b = append(b, ',')
		}
		var text []byte
		if texts != nil {
			text = texts[i]
		}
		b = append(appendMod(b, e, text, shown), '}')
	}
	return b, nil
}

// appendMod appends a mod as a JSON object without its last brace.
func appendMod(b []byte, e *entry, description []byte, shown fields) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), e.id, 10)
	if shown.general {
		b = appendString(append(b, `,"name":`...), e.name)
	}
	if shown.description {
		b = append(append(b, `,"description":`...), description...)
	}
	if shown.short {
		b = appendString(append(b, `,"short_description":`...), shorten(description))
	}
	if shown.general {
		b = strconv.AppendInt(append(b, `,"size":`...), e.size, 10)
		b = strconv.AppendInt(append(b, `,"condition":`...), int64(e.waitCondition()), 10)
	}
	if shown.dates {
		b = appendTime(append(b, `,"date_creation":`...), time.Unix(e.created, 0), formatSecond)
		b = appendTime(append(b, `,"date_update":`...), time.Unix(e.updated, 0), formatSecond)
		b = appendTime(append(b, `,"date_request":`...), time.UnixMicro(e.requested), formatMicro)
	}
	if shown.general {
		b = appendString(append(b, `,"source":`...), e.source)
		b = strconv.AppendInt(append(b, `,"downloads":`...), e.downloads, 10)
		b = strconv.AppendInt(append(b, `,"archive_size":`...), e.archive, 10)
	}
	return b
}

func appendTime(b []byte, t time.Time, format string) []byte {
	b = t.UTC().AppendFormat(append(b, '"'), format)
	return append(b, '"')
}

// listGames is /list/games/.
func listGames(x *exchange, _ string) {
	p := x.params()
	page, shown := p.paging(), p.fields()
	q := gameSearch{order: gameOrder(p), types: p.texts("type_app"), genres: p.ids("genres"), sources: p.texts("primary_sources")}
	q.name, _ = p.last("name")
	if !x.begin(countListGames, p) || x.refusePage(page) {
		return
	}
	if len(q.types)+len(q.genres)+len(q.sources) > maxElements {
		x.fail(http.StatusRequestEntityTooLarge, textComplexity, 2)
		return
	}
	games := x.s.findGames(q)
	b := envelope(len(games), page.offset(), true)
	for i, g := range slicePage(page, games) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendGame(b, &g, shown)
	}
	x.write(http.StatusOK, append(b, `]}`...))
}

// gameOrder reads sort. What is not known descends by downloads, although what
// is missing ascends.
func gameOrder(p *params) gameOrdering {
	name, given := p.last("sort")
	rest, desc := strings.CutPrefix(name, "i")
	keys := [...]string{"NAME", "TYPE", "CREATION_DATE", "MODS_DOWNLOADS", "MODS_COUNT", "SOURCE"}
	i := slices.Index(keys[:], rest)
	if i < 0 {
		return gameOrdering{gamesByDownloads, given && name != ""}
	}
	return gameOrdering{gameKey(i), desc}
}

func appendGame(b []byte, g *countedGame, shown fields) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), g.ID, 10)
	if shown.general {
		b = appendString(append(b, `,"name":`...), g.Name)
		b = appendString(append(b, `,"type":`...), g.Type)
		b = appendString(append(b, `,"logo":`...), g.Logo)
	}
	if shown.general || shown.short {
		b = appendString(append(b, `,"short_description":`...), g.ShortDescription)
	}
	if shown.description {
		b = appendString(append(b, `,"description":`...), g.Description)
	}
	if shown.statistics {
		b = strconv.AppendInt(append(b, `,"mods_downloads":`...), g.Downloads, 10)
		b = strconv.AppendInt(append(b, `,"mods_count":`...), int64(g.mods), 10)
	}
	if shown.dates {
		b = appendTime(append(b, `,"creation_date":`...), g.CreatedAt, formatMicro)
	}
	if shown.general {
		b = appendString(append(b, `,"source":`...), g.Source)
	}
	return append(b, '}')
}
