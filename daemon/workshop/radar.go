package workshop

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/radar"
)

// newRadar wires what watches the mods of game servers.
func (s *Service) newRadar() (err error) {
	o := radar.Options{
		Servers: s.config.Servers, DB: s.options.DB, Library: radarLibrary{s}, Log: s.options.Log, Clock: s.clock,
		Registerer: s.options.Registerer, UserAgent: s.options.UserAgent, Transport: s.options.WebhookTransport, Audit: s.options.Audit,
	}
	if s.hub != nil {
		o.Hub = s.hub
	}
	s.radar, err = radar.New(o)
	return err
}

// Radar returns what watches the mods of game servers.
func (s *Service) Radar() *radar.Service { return s.radar }

// radarProblems are the problems of the game servers.
func (s *Service) radarProblems() []Problem {
	var list []Problem
	for _, p := range s.radar.Problems() {
		list = append(list, Problem{Code: p.Code, Text: p.Text, Hint: p.Hint})
	}
	return list
}

// steamOf is what Steam said of an item, as the radar wants it.
func steamOf(item Item) radar.Steam {
	return radar.Steam{
		Title: item.Title, Version: item.Updated, Gone: item.Class() != webapi.Usable || item.Banned, CheckedAt: item.CheckedAt,
	}
}

// radarHolds tells the radar what the collections of its servers hold. While
// Steam does not tell all, what was known goes on.
func (s *Service) radarHolds(ctx context.Context, held collections, sets []uint64, whole bool) {
	if !whole {
		return
	}
	told := map[uint64][]uint64{}
	for _, set := range sets {
		if _, ok := held[set]; !ok {
			continue
		}
		ids := []uint64{}
		for _, id := range held.items(set) {
			ids = append(ids, uint64(id))
		}
		slices.Sort(ids)
		told[set] = slices.Compact(ids)
	}
	s.radar.Holds(ctx, told)
}

// radarLibrary is the library as the radar sees it.
type radarLibrary struct{ s *Service }

// Known returns what the database knows of the items.
func (l radarLibrary) Known(ctx context.Context, ids []uint64) (map[uint64]radar.Steam, error) {
	known := map[uint64]radar.Steam{}
	for batch := range slices.Chunk(ids, 500) {
		items := make([]ItemID, len(batch))
		for i, id := range batch {
			items[i] = ItemID(id)
		}
		found, err := l.s.store.items(ctx, items)
		if err != nil {
			return nil, err
		}
		for _, item := range found {
			if !item.CheckedAt.IsZero() {
				known[item.ID] = steamOf(item)
			}
		}
	}
	return known, nil
}

// Watch adds the items to those that are kept current, and has Steam asked
// about the new ones.
func (l radarLibrary) Watch(ids, sets []uint64) {
	old := l.s.policy.watched.Load()
	now := &watchlist{items: make(map[ItemID]struct{}, len(ids)), sets: sets}
	for _, id := range ids[:min(len(ids), maxMonitored)] {
		now.items[ItemID(id)] = struct{}{}
	}
	l.s.policy.watched.Store(now)
	for _, id := range slices.Sorted(maps.Keys(now.items)) {
		if _, ok := old.items[id]; !ok {
			l.s.details.Ask(id)
		}
	}
	if slices.ContainsFunc(sets, func(id uint64) bool { return !slices.Contains(old.sets, id) }) {
		signal(l.s.relist)
	}
}

// Mapcycle reads a MapCycle.json.
func (l radarLibrary) Mapcycle(path string) ([]uint64, error) {
	items, err := readMapcycle(path)
	ids := make([]uint64, len(items))
	for i, id := range items {
		ids[i] = uint64(id)
	}
	return ids, err
}

// ParseItem is ParseItem.
func (l radarLibrary) ParseItem(text string) (uint64, error) {
	id, err := ParseItem(text)
	return uint64(id), err
}

// Folder reads the folder of a game server as one of workshop.roots, but
// never a file in it.
func (l radarLibrary) Folder(path string) radar.Folder {
	return &serverFolder{NewRoots(RootsOptions{
		Dirs: []string{path}, Clock: l.s.clock, Log: l.s.log, LogLevel: slog.LevelDebug,
	})}
}

// serverFolder reads where a game server keeps its mods.
type serverFolder struct{ roots *Roots }

// Read returns the newest version of each item.
func (f *serverFolder) Read(ctx context.Context) (map[uint64]int64, bool, error) {
	if err := f.roots.Scan(ctx); err != nil {
		return nil, false, err
	}
	versions := map[uint64]int64{}
	for found := range f.roots.All() {
		id := uint64(found.Name.Item)
		versions[id] = max(versions[id], found.Name.Version)
	}
	status := f.roots.Status()[0]
	incomplete := slices.ContainsFunc(status.Problems, func(p RootProblem) bool {
		// What concerns single zips says nothing about the list.
		return slices.Contains([]string{"version_unknown", "root_unreadable", "unreadable", "root_empty"}, p.Code)
	})
	return versions, status.OK && !incomplete, nil
}
