package workshop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	maxMapcycle     = 4 << 20 // bytes of a map cycle file
	maxMonitored    = 10000
	collectionDepth = 3 // collections within collections
	// monitorSpacing bounds how often new collections are looked up at once.
	monitorSpacing = time.Minute
)

// runMonitor keeps the monitored items current: at start and then every
// interval ± 10 %.
func (s *Service) runMonitor(ctx context.Context) error {
	for {
		s.monitor(ctx)
		wait := float64(max(s.policy.monitor().Interval.Std(), 10*time.Second)) * (0.9 + 0.2*s.jitter())
		soon, due := s.clock.After(monitorSpacing), s.clock.After(time.Duration(wait))
		var relist <-chan struct{}
		for again := true; again; {
			select {
			case <-due:
				again = false
			case <-relist:
				again = false
			case <-soon:
				soon, relist = nil, s.relist
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// monitor has Steam asked about everything monitored, unless Steam cannot be
// asked now or another process does it.
func (s *Service) monitor(ctx context.Context) {
	c := s.policy.monitor()
	listed := s.readMapcycles(c.Mapcycle)
	watched, sets := s.policy.watchedItems(), s.policy.watchedSets()
	listing := len(c.IDs) + len(c.Collections) + len(c.Mapcycle) + len(watched) + len(sets)
	if len(c.Collections)+len(sets) == 0 {
		s.problems.clear(problemCollection)
	}
	if listing == 0 && c.Requested == 0 || s.steam.State().BreakerOpen {
		return
	}
	release, ok, err := s.store.db.Lock(ctx, "workshop.monitor")
	if err != nil || !ok {
		if err != nil && ctx.Err() == nil {
			s.log.Error("the database gave no lock for the monitor", "error", err)
		}
		return
	}
	defer release()
	found := map[ItemID]struct{}{}
	addItems(found, listed)
	roots := make([]uint64, 0, len(c.Collections)+len(sets))
	for _, id := range c.Collections {
		roots = append(roots, uint64(id))
	}
	held, err := s.collected(ctx, append(roots, sets...))
	if err != nil {
		s.log.Warn("Steam did not tell what the monitored collections hold", "error", err)
		for id := range *s.policy.found.Load() { // what was known goes on
			found[id] = struct{}{}
		}
	}
	for _, root := range roots {
		addItems(found, held.items(root))
	}
	s.policy.setFound(found)
	if err == nil {
		s.missCollections(append(roots, sets...), held)
	}
	s.radarHolds(ctx, held, sets, err == nil)
	inUse, err := s.inUse(ctx)
	if err == nil {
		s.policy.setInUse(inUse)
		err = s.recallEvicted(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("the database did not tell what clients ask for", "error", err)
	}
	for _, set := range []map[ItemID]struct{}{s.policy.current.Load().listed, found, inUse} {
		for id := range set {
			s.details.Ask(id)
		}
	}
	for id := range watched {
		s.details.Ask(id)
	}
}

func addItems(set map[ItemID]struct{}, ids []ItemID) {
	for _, id := range ids {
		if len(set) < maxMonitored {
			set[id] = struct{}{}
		}
	}
}

// collections are the children of collections, those within others too.
type collections map[uint64][]webapi.Child

// items returns the items of a collection and of the collections in it.
func (c collections) items(root uint64) []ItemID {
	var items []ItemID
	seen := map[uint64]bool{}
	next := []uint64{root}
	for range collectionDepth {
		var deeper []uint64
		for _, id := range next {
			if seen[id] {
				continue
			}
			seen[id] = true
			for _, child := range c[id] {
				if isCollection(child) {
					deeper = append(deeper, child.ID)
				} else {
					items = append(items, ItemID(child.ID))
				}
			}
		}
		next = deeper
	}
	return items
}

// isCollection sorts by Steam's EWorkshopFileType.
func isCollection(c webapi.Child) bool { return c.Type == 2 }

// collected asks Steam what the collections hold, and collections in them.
// One that Steam does not know is missing.
func (s *Service) collected(ctx context.Context, next []uint64) (collections, error) {
	held, asked := collections{}, map[uint64]bool{}
	var failed error
	for range collectionDepth {
		next = slices.Compact(slices.Sorted(slices.Values(next)))
		next = slices.DeleteFunc(next, func(id uint64) bool { return asked[id] })
		var deeper []uint64
		for batch := range slices.Chunk(next, webapi.MaxIDs) {
			for _, id := range batch {
				asked[id] = true
			}
			answers, err := s.steam.Collection(ctx, batch)
			failed = errors.Join(failed, err)
			for _, a := range answers {
				if a.Class() != webapi.Usable {
					continue
				}
				held[a.ID] = a.Children
				for _, child := range a.Children {
					if isCollection(child) {
						deeper = append(deeper, child.ID)
					}
				}
			}
		}
		next = deeper
	}
	return held, failed
}

// missCollections notes which of the named collections Steam does not know, as
// one problem. The log is told when it changes.
func (s *Service) missCollections(named []uint64, held collections) {
	var missing []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(named))) {
		if _, ok := held[id]; !ok {
			missing = append(missing, strconv.FormatUint(id, 10))
		}
	}
	if len(missing) == 0 {
		s.problems.clear(problemCollection)
		return
	}
	const most = 10
	text := strings.Join(missing[:min(len(missing), most)], ", ")
	if more := len(missing) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	p := Problem{
		Code: problemCollection, Text: "Steam does not know these collections, or hides them: " + text,
		Hint: "correct workshop.monitor.collections, or the collections of the game servers",
	}
	if s.problems.note(p) != p {
		p.log(s.log, slog.LevelWarn)
	}
}

// readMapcycles returns the mods that the map cycle files name. Those that
// cannot be read are one problem until all can; the log is told when it
// changes.
func (s *Service) readMapcycles(paths []string) []ItemID {
	var ids []ItemID
	var bad []string
	for _, path := range paths {
		some, err := readMapcycle(path)
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s (%v)", path, reason(err)))
			continue
		}
		ids = append(ids, some...)
	}
	if len(bad) == 0 {
		s.problems.clear(problemMapcycle)
		return ids
	}
	p := Problem{
		Code: problemMapcycle, Text: "Map cycle files that cannot be read: " + strings.Join(bad, ", "),
		Hint: "correct workshop.monitor.mapcycle or the files",
	}
	if s.problems.note(p) != p {
		p.log(s.log, slog.LevelWarn)
	}
	return ids
}

// readMapcycle returns the mods that a MapCycle.json of Natural Selection 2
// names, for all maps and for single ones. A string is hexadecimal, as the
// game reads it; a number is decimal.
func readMapcycle(path string) ([]ItemID, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxMapcycle {
		return nil, fmt.Errorf("it is larger than %d bytes", maxMapcycle)
	}
	text := make([]byte, info.Size())
	if _, err := f.ReadAt(text, 0); err != nil && info.Size() > 0 {
		return nil, err
	}
	return parseMapcycle(text)
}

// parseMapcycle reads the text of a MapCycle.json. Entries that are no item
// ids, and maps that are only names, are passed over.
func parseMapcycle(text []byte) ([]ItemID, error) {
	var cycle struct {
		Mods []json.RawMessage `json:"mods"`
		Maps []json.RawMessage `json:"maps"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\uFEFF")), &cycle); err != nil {
		return nil, err
	}
	mods := cycle.Mods
	for _, raw := range cycle.Maps {
		var m struct {
			Mods []json.RawMessage `json:"mods"`
		}
		if json.Unmarshal(raw, &m) == nil { // a plain name has no mods
			mods = append(mods, m.Mods...)
		}
	}
	var ids []ItemID
	for _, raw := range mods {
		if id, ok := mapcycleItem(raw); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func mapcycleItem(raw json.RawMessage) (ItemID, bool) {
	var text string
	base := 16
	if json.Unmarshal(raw, &text) != nil {
		text, base = string(raw), 10
	}
	text = strings.ToLower(strings.TrimSpace(text))
	if base == 16 {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "m")
	}
	id, err := strconv.ParseUint(text, base, 64)
	return ItemID(id), err == nil && id != 0
}
