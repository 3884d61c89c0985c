package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomEntry is an item with few different values, so that filters find
// several and many are equal.
func randomEntry(r *rand.Rand, id int64) *entry {
	words := []string{"Alpha", "beta", "Gamma ", "Δέλτα", "x_%", "ß", "Harmony", ""}
	e := &entry{
		id: id, game: 1 + r.Int64N(3), name: words[r.IntN(len(words))] + words[r.IntN(len(words))], source: []string{"steam", "local"}[r.IntN(2)],
		size: r.Int64N(5), created: r.Int64N(5), updated: r.Int64N(5), requested: r.Int64N(5), downloads: r.Int64N(3), condition: uint8(r.IntN(3)),
	}
	e.folded = fold(e.name)
	for tag := range int64(4) {
		if r.IntN(2) == 0 {
			e.tags = append(e.tags, tag)
		}
	}
	for need := range int64(3) {
		if r.IntN(4) == 0 {
			e.needs = append(e.needs, 100+need)
		}
	}
	return e
}

func randomSearch(r *rand.Rand) search {
	q := search{order: orderNumbered(r.IntN(2 * int(sortKeys))), needing: needing(r.IntN(3)), limit: r.Int64N(20), offset: r.Int64N(30)}
	if r.IntN(2) == 0 {
		q.tags = []int64{r.Int64N(5)}
	}
	if r.IntN(3) == 0 {
		q.tags = append(q.tags, r.Int64N(4))
	}
	if r.IntN(2) == 0 {
		q.games = []int64{1 + r.Int64N(4), 1 + r.Int64N(4)}[:1+r.IntN(2)]
	}
	if r.IntN(3) == 0 {
		q.sources = []string{"steam", "local", "none"}[r.IntN(2):]
	}
	if r.IntN(2) == 0 {
		q.name = []string{"a", "AL", "mon", "harmony", "ΔΈ", "SS", "_", "%", "lphab", "zzz"}[r.IntN(10)]
	}
	if r.IntN(5) == 0 {
		q.dependency = 100 + r.Int64N(4)
	}
	if r.IntN(5) == 0 {
		yes := r.IntN(2) == 0
		q.fetching = &yes
	}
	if r.IntN(5) == 0 {
		for range 20 {
			q.ids = append(q.ids, r.Int64N(200))
		}
	}
	return q
}

// slowFind is find by the definition.
func slowFind(all map[int64]*entry, q search) (total int, page []*entry) {
	var list []*entry
	for _, e := range all {
		if slices.ContainsFunc(q.tags, func(id int64) bool { return !slices.Contains(e.tags, id) }) ||
			len(q.games) > 0 && !slices.Contains(q.games, e.game) || len(q.sources) > 0 && !slices.Contains(q.sources, e.source) ||
			len(q.ids) > 0 && !slices.Contains(q.ids, e.id) || !strings.Contains(e.folded, fold(q.name)) ||
			q.needing == needNone && len(e.needs) > 0 || q.needing == needOthers && len(e.needs) == 0 ||
			q.dependency != 0 && !slices.Contains(e.needs, q.dependency) ||
			q.fetching != nil && *q.fetching != (e.condition == conditionFetching) {
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, q.order.compare)
	from := min(int(q.offset), len(list))
	return len(list), list[from:min(from+int(q.limit), len(list))]
}

// The index answers as a plain walk over everything would, whatever came,
// changed and went before.
func TestIndex_FindsWhatAWalkFinds(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	all := map[int64]*entry{}
	ix := newIndex()
	var first []*entry
	for range 100 {
		e := randomEntry(r, r.Int64N(200))
		if all[e.id] == nil {
			first, all[e.id] = append(first, e), e
		}
	}
	ix.load(first)
	for step := range 3000 {
		id := r.Int64N(200)
		switch r.IntN(5) {
		case 0:
			ix.remove(id)
			delete(all, id)
		case 1, 2:
			all[id] = randomEntry(r, id)
			ix.put(all[id])
		}
		q := randomSearch(r)
		total, page := ix.find(q)
		wantTotal, wantPage := slowFind(all, q)
		if total != wantTotal || !slices.Equal(page, wantPage) {
			t.Fatalf("seed %d, step %d, %+v: %d %v, want %d %v", seed, step, q, total, named(page), wantTotal, named(wantPage))
		}
	}
	tags := map[int64]map[int64]int{}
	for _, e := range all {
		for _, tag := range e.tags {
			if tags[e.game] == nil {
				tags[e.game] = map[int64]int{}
			}
			tags[e.game][tag]++
		}
	}
	if fmt.Sprint(tags) != fmt.Sprint(ix.gameTags) {
		t.Errorf("tags of games %v, want %v", ix.gameTags, tags)
	}
	for id := range all {
		ix.remove(id)
	}
	if mods, needing, fetching := ix.totals(); mods+needing+fetching+len(ix.names)+len(ix.tags)+len(ix.games)+len(ix.needs)+len(ix.sources)+len(ix.gameTags) != 0 {
		t.Errorf("an empty index keeps %d names, %d tags, %d games", len(ix.names), len(ix.tags), len(ix.games))
	}
}

func named(list []*entry) (names []string) {
	for _, e := range list {
		names = append(names, fmt.Sprint(e.id, e.name))
	}
	return names
}
