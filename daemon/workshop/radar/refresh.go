package radar

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// refresh takes in what other processes wrote, what the servers' files say,
// and what is known of mods that are new in a list.
func (s *Service) refresh(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	if err := s.pull(ctx); err != nil {
		return err
	}
	if err := s.readFiles(ctx); err != nil {
		return err
	}
	return s.watch(ctx)
}

// pull reads the states that changed.
func (s *Service) pull(ctx context.Context) error {
	revisions, err := s.store.revisions(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	var stale []string
	for name, r := range revisions {
		if st := s.states[name]; st == nil || st.revision() != r {
			stale = append(stale, name)
		}
	}
	for name := range s.states {
		if _, ok := revisions[name]; !ok {
			delete(s.states, name)
		}
	}
	s.mu.Unlock()
	for _, name := range stale {
		st, err := s.store.state(ctx, name)
		if err != nil {
			return err
		}
		s.keep(name, st)
	}
	if _, sets := s.wanted(); len(sets) == 0 {
		return nil
	}
	held, err := s.store.collections(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.collections = held
	s.mu.Unlock()
	return nil
}

// keep makes st, as it was just read, the state of a server; nil: there is
// none.
func (s *Service) keep(name string, st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st == nil {
		delete(s.states, name)
		return
	}
	s.states[name] = st
}

// keepWritten makes st, as it was just written, the state of a server, unless
// a later write was faster.
func (s *Service) keepWritten(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.states[st.Name]
	if old != nil && old.CreatedAt == st.CreatedAt && old.Revision > st.Revision {
		return
	}
	s.states[st.Name] = st
}

// readFiles reads folders and map cycles. Its only error is ctx's.
func (s *Service) readFiles(ctx context.Context) error {
	s.mu.Lock()
	configs, readers := maps.Clone(s.config), map[string]Folder{}
	for name, x := range s.sources {
		readers[name] = x.folder
	}
	s.mu.Unlock()
	for name, c := range configs {
		if c.Folder == "" && c.Mapcycle == "" {
			continue
		}
		read, err := s.readSources(ctx, c, readers[name])
		if err != nil {
			return err
		}
		s.mu.Lock()
		if x := s.sources[name]; x != nil && x.folder == read.folder {
			if !read.cycleOK {
				read.cycle = x.cycle
			}
			s.sources[name] = read
		}
		s.mu.Unlock()
	}
	return nil
}

func (s *Service) readSources(ctx context.Context, c config.Server, folder Folder) (*sources, error) {
	x := &sources{folder: folder}
	if folder != nil {
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		var err error
		if x.found, x.whole, err = folder.Read(bounded); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			x.found, x.whole = nil, false // a disk that does not answer
		}
	}
	if c.Mapcycle != "" {
		ids, err := s.library.Mapcycle(c.Mapcycle)
		x.cycle, x.cycleOK = ids, err == nil
	}
	return x, nil
}

// watch tells the library which items to keep current, and fetches what it
// knows of the new ones.
func (s *Service) watch(ctx context.Context) error {
	ids, sets := s.wanted()
	s.mu.Lock()
	var unknown []uint64
	for _, id := range ids {
		if _, ok := s.steam[id]; !ok {
			unknown = append(unknown, id)
		}
	}
	running := s.running.Load()
	changed := !s.announced || !slices.Equal(ids, s.watched) || !slices.Equal(sets, s.watchedSets)
	fresh := slices.DeleteFunc(slices.Clone(unknown), func(id uint64) bool { _, was := slices.BinarySearch(s.watched, id); return was })
	s.watched, s.watchedSets, s.announced = ids, sets, running
	maps.DeleteFunc(s.steam, func(id uint64, _ Steam) bool { _, ok := slices.BinarySearch(ids, id); return !ok })
	s.mu.Unlock()
	if len(fresh) > 0 {
		known, err := s.library.Known(ctx, fresh)
		if err != nil {
			s.mu.Lock()
			s.watched = nil // so that it is asked again
			s.mu.Unlock()
			return err
		}
		s.mu.Lock()
		for id, said := range known {
			if old, ok := s.steam[id]; !ok || old.CheckedAt.Before(said.CheckedAt) {
				s.steam[id] = said
			}
		}
		s.mu.Unlock()
	}
	if changed && running {
		s.library.Watch(ids, sets)
	}
	return nil
}

// wanted returns the items and collections of all servers, sorted.
func (s *Service) wanted() (ids, sets []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items, collections := map[uint64]struct{}{}, map[uint64]struct{}{}
	for _, name := range s.namesLocked() {
		v := s.viewLocked(name)
		list, _ := v.list()
		for _, id := range list {
			items[id] = struct{}{}
		}
		for _, id := range v.sets {
			collections[id] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(items)), slices.Sorted(maps.Keys(collections))
}

// namesLocked returns the names of all servers, sorted. The caller holds the
// mutex.
func (s *Service) namesLocked() []string {
	names := map[string]struct{}{}
	for name := range s.config {
		names[name] = struct{}{}
	}
	for name, st := range s.states {
		if !st.Configured { // what is left of one that was in the configuration is no server
			names[name] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// viewLocked puts together what is known of a server. The caller holds the
// mutex; the view may be used without.
func (s *Service) viewLocked(name string) view {
	v := view{name: name, state: s.states[name], steam: s.steam, held: map[uint64][]uint64{}}
	if v.state == nil {
		v.state = &state{Name: name}
	}
	v.sets = v.state.Collections
	v.webhook, v.secret = v.state.Webhook, v.state.Secret
	if c, ok := s.config[name]; ok {
		v.configured, v.config = true, c
		v.sets = nil
		for _, id := range c.Collections {
			v.sets = append(v.sets, uint64(id))
		}
		v.webhook, v.secret = c.Webhook, c.WebhookSecret
		v.files = *s.sources[name]
	}
	for _, id := range v.sets {
		if items, ok := s.collections[id]; ok {
			v.held[id] = items
		}
	}
	v.steam = map[uint64]Steam{}
	list, _ := v.list()
	for _, id := range list {
		if said, ok := s.steam[id]; ok {
			v.steam[id] = said
		}
	}
	return v
}

// view returns what is known of a server; ok is false if there is none.
func (s *Service) view(name string) (v view, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := slices.BinarySearch(s.namesLocked(), name); !found {
		return view{}, false
	}
	return s.viewLocked(name), true
}

// views returns what is known of every server, in the order of their names.
func (s *Service) views() []view {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []view
	for _, name := range s.namesLocked() {
		all = append(all, s.viewLocked(name))
	}
	return all
}

// current returns views that are up to date also when nothing runs.
func (s *Service) current(ctx context.Context) ([]view, time.Time, error) {
	if !s.running.Load() {
		if err := s.refresh(ctx); err != nil {
			return nil, time.Time{}, err
		}
	}
	return s.views(), s.clock.Now(), nil
}
