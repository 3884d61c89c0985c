package workshop

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// remove takes one version of our own away; see removeAll.
func (s *Service) remove(ctx context.Context, st *stored, why string) error {
	if !st.ours() {
		return fault.New(fault.Conflict, "%s lies in a folder that we only read", st.Path).
			WithHint("remove the file yourself")
	}
	return s.removeBatch(ctx, []*stored{st}, why, nil)
}

// removeAll takes versions of our own away in batches, except those that were
// pinned since they were chosen. more, which may be nil, writes what belongs
// to a batch in the same transaction.
func (s *Service) removeAll(ctx context.Context, list []*stored, why string, more func(tx *db.Tx, batch []*stored) error) error {
	for batch := range slices.Chunk(list, batchSize) {
		err := s.removeBatch(ctx, batch, why, func(tx *db.Tx, batch []*stored) ([]*stored, error) {
			pinned, err := pinnedAmong(ctx, tx, namesOf(batch))
			if err != nil {
				return nil, err
			}
			free := slices.DeleteFunc(slices.Clone(batch), func(st *stored) bool { return pinned[st.Name] })
			if len(free) > 0 && more != nil {
				err = more(tx, free)
			}
			return free, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func namesOf(list []*stored) []Name {
	names := make([]Name, len(list))
	for i, st := range list {
		names[i] = st.Name
	}
	return names
}

// removeBatch takes at most batchSize versions of our own out of database,
// index and store, in this order. The rows become tombstones that name the
// blobs until these are deleted, so that what is cut short is finished later
// and a row never stands without its blob. among, which may be nil, says
// which of them go, in the transaction that removes them.
func (s *Service) removeBatch(ctx context.Context, batch []*stored, why string, among func(*db.Tx, []*stored) ([]*stored, error)) error {
	going := batch
	var used map[string]bool
	err := s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		if going = batch; among != nil {
			if going, err = among(tx, batch); err != nil || len(going) == 0 {
				return err
			}
		}
		if err := buryVersions(ctx, tx, namesOf(going), why); err != nil {
			return err
		}
		keys := make([]string, len(going))
		for i, st := range going {
			keys[i] = st.Key
		}
		used, err = blobsInUse(ctx, tx, keys)
		return err
	})
	if err != nil || len(going) == 0 {
		return err
	}
	dead := make([]buried, len(going))
	for i, st := range going {
		dead[i] = buried{st.Name, st.Key}
		s.index.drop(st.Name)
		s.changed(st.Name.Item)
		s.log.Info("removed", "name", st.Name.String(), "bytes", st.Size, "why", why)
	}
	return s.deleteBuried(ctx, dead, used)
}

// deleteBuried deletes the blobs of tombstones that no version needs and
// notes it. What fails is left for finishRemovals.
func (s *Service) deleteBuried(ctx context.Context, dead []buried, used map[string]bool) error {
	var failed error
	var done []Name
	for _, b := range dead {
		if used[b.key] {
			done = append(done, b.name)
			continue
		}
		deleted, err := s.deleteBlob(ctx, b.key)
		failed = errors.Join(failed, err)
		if deleted && err == nil {
			done = append(done, b.name)
		}
	}
	if len(done) == 0 {
		return failed
	}
	return errors.Join(failed, s.store.db.Write(ctx, func(tx *db.Tx) error { return forgetBlobs(ctx, tx, done) }))
}

// deleteBlob deletes a blob unless a job of this process is about to name it
// in a row, or has done so.
func (s *Service) deleteBlob(ctx context.Context, key string) (deleted bool, err error) {
	return s.holds.unlessHeld(key, func() error {
		if s.index.uses(key) {
			return nil
		}
		return s.blobs.Delete(ctx, key)
	})
}

// finishRemovals deletes the blobs that removals cut short left behind.
func (s *Service) finishRemovals(ctx context.Context) error {
	for {
		dead, err := s.store.buriedVersions(ctx)
		if err != nil || len(dead) == 0 {
			return err
		}
		keys := make([]string, len(dead))
		for i, b := range dead {
			keys[i] = b.key
		}
		var used map[string]bool
		err = s.store.db.Read(ctx, func(tx *db.Tx) (err error) {
			used, err = blobsInUse(ctx, tx, keys)
			return err
		})
		if err == nil {
			err = s.deleteBuried(ctx, dead, used)
		}
		if err != nil || len(dead) < batchSize {
			return err
		}
	}
}

// holds are the blobs that jobs of this process are about to name in a row:
// between the one and the other nobody may delete them. The zero value is
// ready; it is safe for concurrent use.
type holds struct {
	mu   sync.Mutex
	keys map[string]int
}

// take holds key until release is called.
func (h *holds) take(key string) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys == nil {
		h.keys = map[string]int{}
	}
	h.keys[key]++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.keys[key]--; h.keys[key] == 0 {
			delete(h.keys, key)
		}
	})
}

// unlessHeld calls fn while nobody can take key, and reports false, having
// done nothing, if somebody holds it.
func (h *holds) unlessHeld(key string, fn func() error) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys[key] > 0 {
		return false, nil
	}
	return true, fn()
}
