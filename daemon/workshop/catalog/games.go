package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// countedGame is a game with the number of its mods.
type countedGame struct {
	Game
	mods   int
	folded string
}

// gameKey names an order of the list of games.
type gameKey uint8

const (
	gamesByName gameKey = iota
	gamesByType
	gamesByCreated
	gamesByDownloads
	gamesByMods
	gamesBySource
)

// gameOrdering is a direction of a key; among equals the lower id comes first.
type gameOrdering struct {
	key  gameKey
	desc bool
}

func (o gameOrdering) compare(a, b countedGame) int {
	var c int
	switch o.key {
	case gamesByName:
		c = cmp.Or(strings.Compare(a.folded, b.folded), strings.Compare(a.Name, b.Name))
	case gamesByType:
		c = strings.Compare(a.Type, b.Type)
	case gamesByCreated:
		c = a.CreatedAt.Compare(b.CreatedAt)
	case gamesByMods:
		c = cmp.Compare(a.mods, b.mods)
	case gamesBySource:
		c = strings.Compare(a.Source, b.Source)
	default:
		c = cmp.Compare(a.Downloads, b.Downloads)
	}
	if o.desc {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.ID, b.ID))
}

// gameSearch says which games are wanted. An empty slice or text is no filter.
type gameSearch struct {
	order   gameOrdering
	types   []string // any of them
	genres  []int64  // all of them
	sources []string // any of them
	name    string
}

// findGames returns the games that a search finds, in its order. There are
// hundreds, not hundreds of thousands, so they are simply looked through.
func (s *Service) findGames(q gameSearch) []countedGame {
	counts := s.index.gameCounts()
	part := fold(q.name)
	var list []countedGame
	for _, g := range s.shelf.allGames() {
		c := countedGame{Game: g, mods: counts[g.ID], folded: fold(g.Name)}
		if q.admits(c, part) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, q.order.compare)
	return list
}

func (q gameSearch) admits(g countedGame, part string) bool {
	return (len(q.types) == 0 || slices.Contains(q.types, g.Type)) &&
		(len(q.sources) == 0 || slices.Contains(q.sources, g.Source)) &&
		strings.Contains(g.folded, part) &&
		!slices.ContainsFunc(q.genres, func(id int64) bool { return !g.hasGenre(id) })
}

func (g *Game) hasGenre(id int64) bool {
	return slices.ContainsFunc(g.Genres, func(genre Genre) bool { return genre.ID == id })
}

// countedGame returns one game, nil if it is not known.
func (s *Service) countedGame(id int64) *countedGame {
	g := s.shelf.game(id)
	if g == nil {
		return nil
	}
	return &countedGame{Game: *g, mods: s.index.gameCounts()[id]}
}
