package catalog

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxConditions   = 50
	maxDependencies = 20
	maxResourceIDs  = 100
)

// pathID reads the id in the path; what is no number is a problem.
func (p *params) pathID(name, text string) int64 {
	id, ok := parseID(text)
	if !ok {
		p.problems = append(p.problems, paramProblem{"path", name, "value is not a valid integer"})
	}
	return id
}

// pathIDs reads the array of ids in the path. ok is false if there is none,
// or one of the wrong length: doubles count.
func (p *params) pathIDs(name, text string, most int) (ids []int64, ok bool) {
	elements, isArray, nested := parseArray(strings.TrimSpace(text))
	if nested {
		p.problems = append(p.problems, paramProblem{"path", name, errNested})
		return nil, false
	}
	for _, e := range elements {
		id, _ := parseElement(e)
		ids = append(ids, id)
	}
	return ids, isArray && len(ids) >= 1 && len(ids) <= most
}

// infoMod is /info/mod/{mod_id}.
func infoMod(x *exchange, param string) {
	p := x.params()
	id := p.pathID("mod_id", param)
	withNeeds, withGame := p.boolean("dependencies", false), p.boolean("game", false)
	shown := p.fields()
	if !x.begin(countInfoMod, p) {
		return
	}
	b := []byte(`{"result":null`)
	var needs []int64
	if e := x.s.lookup(id); e != nil {
		needs = e.needs
		text, err := x.s.describe(x.r.Context(), []int64{id})
		if err != nil {
			x.broken(err)
			return
		}
		b = appendMod([]byte(`{"result":`), e, text[0], shown)
		if withGame {
			b = x.s.appendGameName(append(b, `,"game":`...), e.game)
		}
		b = append(b, '}')
	}
	if withNeeds {
		b = appendIDs(append(b, `,"dependencies":`...), needs[:min(len(needs), maxDependencies)])
		b = strconv.AppendInt(append(b, `,"dependencies_count":`...), int64(len(needs)), 10)
	}
	x.write(http.StatusOK, append(b, '}'))
}

// lookup returns an item of the list, nil if there is none. One that the
// library has and that nobody told of yet is found all the same: clients take
// an absent item for a failed download.
func (s *Service) lookup(id int64) *entry {
	if e := s.index.get(id); e != nil || id <= 0 || !s.library.Stock(id).listed() {
		return e
	}
	s.Changed(id)
	s.settle()
	return s.index.get(id)
}

// GameName returns the name of an app, "" if it is not known. It reads memory
// only.
func (s *Service) GameName(app uint32) string {
	if g := s.shelf.game(int64(app)); g != nil {
		return g.Name
	}
	return ""
}

func (s *Service) appendGameName(b []byte, id int64) []byte {
	if id == 0 {
		return append(b, "null"...)
	}
	g := s.shelf.game(id)
	if g == nil {
		p := placeholder(id)
		g = &p
	}
	b = strconv.AppendInt(append(b, `{"id":`...), id, 10)
	return append(appendString(append(b, `,"name":`...), g.Name), '}')
}

func appendIDs(b []byte, ids []int64) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return append(b, ']')
}

// infoGame is /info/game/{game_id}.
func infoGame(x *exchange, param string) {
	p := x.params()
	id, shown := p.pathID("game_id", param), p.fields()
	if !x.begin(countInfoGame, p) {
		return
	}
	g := x.s.countedGame(id)
	if g == nil {
		x.write(http.StatusOK, []byte(`{"result":null}`))
		return
	}
	x.write(http.StatusOK, append(appendGame([]byte(`{"result":`), g, shown), '}'))
}

// condition is /condition/mod/{ids_array}, which clients ask every second. It
// takes no query of the database.
func condition(x *exchange, param string) {
	p := x.params()
	ids, ok := p.pathIDs("ids_array", param, maxConditions)
	extended := p.boolean("extended", false)
	if !x.begin(countCondition, p) {
		return
	}
	if !ok {
		x.fail(http.StatusRequestEntityTooLarge, textArraySize, 1)
		return
	}
	b := append(make([]byte, 0, 20*len(ids)+2), '{')
	for i, e := range x.s.lookupAll(ids) {
		if e == nil || slices.Contains(ids[:i], e.id) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '"'), e.id, 10)
		c := e.waitCondition()
		if extended && e.queued {
			c = conditionQueued
		}
		b = append(b, '"', ':', '0'+c)
	}
	x.write(http.StatusOK, append(b, '}'))
}

// lookupAll is lookup for several items.
func (s *Service) lookupAll(ids []int64) []*entry {
	list := make([]*entry, len(ids))
	s.index.mu.RLock()
	for i, id := range ids {
		list[i] = s.index.byID[id]
	}
	s.index.mu.RUnlock()
	for i, e := range list {
		if e == nil {
			list[i] = s.lookup(ids[i])
		}
	}
	return list
}

// listTags is /list/tags/{game_id}.
func listTags(x *exchange, param string) {
	p := x.params()
	id, page := p.pathID("game_id", param), p.paging()
	if !x.begin(countListTags, p) || x.refusePage(page) {
		return
	}
	counts := x.s.index.tagsOf(id)
	ids := make([]int64, 0, len(counts))
	for tag := range counts {
		ids = append(ids, tag)
	}
	tags := x.s.shelf.tagNames(ids)
	b := appendTags(envelope(len(tags), page.offset(), false), slicePage(page, tags))
	x.write(http.StatusOK, append(b, `]}`...))
}

// appendTags appends tags with commas between them.
func appendTags(b []byte, tags []Tag) []byte {
	for i, t := range tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"id":`...), t.ID, 10)
		b = append(appendString(append(b, `,"name":`...), t.Name), '}')
	}
	return b
}

func genreTags(genres []Genre) []Tag {
	tags := make([]Tag, len(genres))
	for i, g := range genres {
		tags[i] = Tag(g)
	}
	return tags
}

// listGenres is /list/genres.
func listGenres(x *exchange, _ string) {
	p := x.params()
	page := p.paging()
	if !x.begin(countListGenres, p) || x.refusePage(page) {
		return
	}
	genres := genreTags(x.s.shelf.allGenres())
	b := appendTags(envelope(len(genres), page.offset(), false), slicePage(page, genres))
	x.write(http.StatusOK, append(b, `]}`...))
}

// listResources is /list/resources_mods/{mod_id}, where an array of ids may
// stand too.
func listResources(x *exchange, param string) {
	p := x.params()
	ids, ok := p.pathIDs("mod_id", param, maxResourceIDs)
	if !strings.HasPrefix(strings.TrimSpace(param), "[") {
		ids, ok = []int64{p.pathID("mod_id", param)}, true
	}
	page, types := p.paging(), p.texts("types_resources")
	if !x.begin(countListResources, p) || x.refusePage(page) {
		return
	}
	if len(types) > maxResources {
		x.fail(http.StatusRequestEntityTooLarge, textComplexity, 2)
		return
	}
	if !ok {
		x.fail(http.StatusRequestEntityTooLarge, textArraySize, 3)
		return
	}
	slices.Sort(ids)
	total, list, err := x.s.store.resources(x.r.Context(), x.s.listed(slices.Compact(ids)), types, page.size, page.offset())
	if err != nil {
		x.broken(err)
		return
	}
	b := envelope(total, page.offset(), false)
	for i, r := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendResource(b, r)
	}
	x.write(http.StatusOK, append(b, `]}`...))
}

// listed returns those of ids that are on the list.
func (s *Service) listed(ids []int64) []int64 {
	var found []int64
	for _, e := range s.lookupAll(ids) {
		if e != nil {
			found = append(found, e.id)
		}
	}
	return found
}

func appendResource(b []byte, r Resource) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), r.ID, 10)
	b = appendString(append(b, `,"type":`...), r.Type)
	b = appendString(append(b, `,"url":`...), r.URL)
	b = strconv.AppendInt(append(b, `,"owner_id":`...), r.Item, 10)
	return append(appendTime(append(b, `,"date_event":`...), r.ChangedAt, formatMicro), '}')
}

// The addresses of the successor of PyTorrent that have no twin in the
// original follow. They count nothing.

// dependenciesOfMod is /mods/{id}/dependencies.
func dependenciesOfMod(x *exchange, param string) {
	p := x.params()
	id, page := p.pathID("mod_id", param), p.paging()
	if !x.begin("", p) || x.refusePage(page) {
		return
	}
	var needs []int64
	if e := x.s.lookup(id); e != nil {
		needs = e.needs
	}
	b := strconv.AppendInt([]byte(`{"database_size":`), int64(len(needs)), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), page.offset(), 10)
	x.write(http.StatusOK, append(appendIDs(append(b, `,"results":`...), slicePage(page, needs)), '}'))
}

// tagsOfMod is /mods/{id}/tags.
func tagsOfMod(x *exchange, param string) {
	p := x.params()
	id, page := p.pathID("mod_id", param), p.paging()
	if !x.begin("", p) || x.refusePage(page) {
		return
	}
	var tags []Tag
	if e := x.s.lookup(id); e != nil {
		tags = x.s.shelf.tagNames(e.tags)
	}
	b := appendTags(envelope(len(tags), page.offset(), false), slicePage(page, tags))
	x.write(http.StatusOK, append(b, `]}`...))
}

// tagsOfMods is /list/tags/mods/{ids_array}.
func tagsOfMods(x *exchange, param string) {
	x.byID(param, func(id int64) ([]Tag, bool) {
		e := x.s.lookup(id)
		if e == nil {
			return nil, false
		}
		return x.s.shelf.tagNames(e.tags), true
	})
}

// genresOfGames is /list/genres/games/{ids_array}.
func genresOfGames(x *exchange, param string) {
	x.byID(param, func(id int64) ([]Tag, bool) {
		g := x.s.shelf.game(id)
		if g == nil {
			return nil, false
		}
		return genreTags(g.Genres), true
	})
}

// byID answers with an object that has a list for each id that is known.
func (x *exchange) byID(param string, of func(id int64) ([]Tag, bool)) {
	p := x.params()
	ids, ok := p.pathIDs("ids_array", param, maxBatch)
	if !x.begin("", p) {
		return
	}
	if !ok {
		x.fail(http.StatusRequestEntityTooLarge, textArraySize, 1)
		return
	}
	slices.SortFunc(ids, cmp.Compare[int64])
	b := []byte{'{'}
	for _, id := range slices.Compact(ids) {
		tags, known := of(id)
		if !known {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '"'), id, 10)
		b = append(appendTags(append(b, `":[`...), tags), ']')
	}
	x.write(http.StatusOK, append(b, '}'))
}
