package radar

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// state is what is remembered of a server. Times are Unix microseconds, 0 for
// none, so that states can be compared.
type state struct {
	Name        string
	Configured  bool     // the list is the configuration's
	Collections []uint64 // of a list of the API
	Webhook     string   // of a server of the API
	Secret      string
	// Told is what the webhook was last told: items and the versions they lack.
	Told                                   map[uint64]int64
	RestartedAt, DeliveredAt, FailingSince int64
	Error                                  string // of the last delivery
	Revision, CreatedAt, UpdatedAt         int64
	Mods                                   map[uint64]mod
}

// mod is what is remembered of one mod of a server. Versions are 0 if unknown.
type mod struct {
	Listed           bool // the API named it
	Reported         int64
	Found            int64
	Assumed          int64
	SeenAt           int64
	Since, NoticedAt int64
}

// revision names a state of a server.
type revision struct{ number, at int64 }

func (s *state) revision() revision { return revision{s.Revision, s.UpdatedAt} }

// clone returns a copy that may be changed.
func (s *state) clone() *state {
	c := *s
	c.Collections, c.Told, c.Mods = slices.Clone(s.Collections), maps.Clone(s.Told), maps.Clone(s.Mods)
	if c.Told == nil {
		c.Told = map[uint64]int64{}
	}
	if c.Mods == nil {
		c.Mods = map[uint64]mod{}
	}
	return &c
}

// same reports whether two states differ in nothing but their revision.
func (s *state) same(o *state) bool {
	return s.Configured == o.Configured && slices.Equal(s.Collections, o.Collections) && s.Webhook == o.Webhook && s.Secret == o.Secret &&
		maps.Equal(s.Told, o.Told) && s.RestartedAt == o.RestartedAt && s.DeliveredAt == o.DeliveredAt &&
		s.FailingSince == o.FailingSince && s.Error == o.Error && maps.Equal(s.Mods, o.Mods)
}

// delivery is one message on its way to a webhook.
type delivery struct {
	id, server, event string
	mods              []messageMod
	attempts          int
	createdAt         time.Time
}

// store is all SQL of the workshop_radar_ tables. Functions that take a
// *db.Tx join its transaction.
type store struct{ db *db.DB }

// revisions returns the revision of every stored state.
func (s store) revisions(ctx context.Context) (all map[string]revision, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all = map[string]revision{}
		rows, err := tx.Query(ctx, `SELECT name, revision, updated_at FROM workshop_radar_server`)
		return db.EachRow(rows, err, func() error {
			var name string
			var r revision
			err := rows.Scan(&name, &r.number, &r.at)
			all[name] = r
			return err
		})
	})
	return all, err
}

// state returns the stored state of a server, nil if there is none.
func (s store) state(ctx context.Context, name string) (st *state, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		st, err = findState(ctx, tx, name)
		return err
	})
	return st, err
}

func findState(ctx context.Context, tx *db.Tx, name string) (*state, error) {
	st := &state{Name: name, Mods: map[uint64]mod{}}
	var collections, told string
	err := tx.QueryRow(ctx, `SELECT configured, collections, webhook, secret, told, restarted_at, delivered_at, failing_since,
			error, revision, created_at, updated_at FROM workshop_radar_server WHERE name = $1`, name).
		Scan(&st.Configured, &collections, &st.Webhook, &st.Secret, &told, &st.RestartedAt, &st.DeliveredAt, &st.FailingSince,
			&st.Error, &st.Revision, &st.CreatedAt, &st.UpdatedAt)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if st.Collections, err = unpackItems(collections); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(told), &st.Told); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT item, listed, reported, found, assumed, seen_at, since, noticed_at
		FROM workshop_radar_mod WHERE server = $1`, name)
	err = db.EachRow(rows, err, func() error {
		var id int64
		var m mod
		err := rows.Scan(&id, &m.Listed, &m.Reported, &m.Found, &m.Assumed, &m.SeenAt, &m.Since, &m.NoticedAt)
		st.Mods[uint64(id)] = m
		return err
	})
	return st, err
}

// change runs fn on the stored state of a server, or a new one, and writes
// what it changed. It returns the state as it is then.
func (s store) change(ctx context.Context, name string, fn func(tx *db.Tx, st *state) error) (st *state, err error) {
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		old, err := findState(ctx, tx, name)
		if err != nil {
			return err
		}
		fresh := old == nil
		if fresh {
			old = &state{Name: name, CreatedAt: tx.Now.UnixMicro()}
		}
		st = old.clone()
		if err := fn(tx, st); err != nil {
			return err
		}
		if !fresh && st.same(old) {
			return nil
		}
		return putState(ctx, tx, old, st)
	})
	return st, err
}

// putState writes what differs between two states.
func putState(ctx context.Context, tx *db.Tx, old, st *state) error {
	st.Revision, st.UpdatedAt = old.Revision+1, tx.Now.UnixMicro()
	told, err := json.Marshal(st.Told)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO workshop_radar_server (name, configured, collections, webhook, secret, told,
			restarted_at, delivered_at, failing_since, error, revision, created_at, updated_at)
		VALUES (`+db.In(1, 13)+`)
		ON CONFLICT (name) DO UPDATE SET configured = excluded.configured, collections = excluded.collections,
			webhook = excluded.webhook, secret = excluded.secret, told = excluded.told, restarted_at = excluded.restarted_at,
			delivered_at = excluded.delivered_at, failing_since = excluded.failing_since, error = excluded.error,
			revision = excluded.revision, updated_at = excluded.updated_at`,
		st.Name, st.Configured, packItems(st.Collections), st.Webhook, st.Secret, string(told), st.RestartedAt, st.DeliveredAt,
		st.FailingSince, st.Error, st.Revision, st.CreatedAt, st.UpdatedAt); err != nil {
		return err
	}
	for id, m := range st.Mods {
		if was, ok := old.Mods[id]; ok && was == m {
			continue
		}
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_radar_mod (server, item, listed, reported, found, assumed, seen_at, since,
				noticed_at) VALUES (`+db.In(1, 9)+`)
			ON CONFLICT (server, item) DO UPDATE SET listed = excluded.listed, reported = excluded.reported, found = excluded.found,
				assumed = excluded.assumed, seen_at = excluded.seen_at, since = excluded.since, noticed_at = excluded.noticed_at`,
			st.Name, int64(id), m.Listed, m.Reported, m.Found, m.Assumed, m.SeenAt, m.Since, m.NoticedAt); err != nil {
			return err
		}
	}
	for id := range old.Mods {
		if _, ok := st.Mods[id]; ok {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM workshop_radar_mod WHERE server = $1 AND item = $2`, st.Name, int64(id)); err != nil {
			return err
		}
	}
	return nil
}

// removeState forgets a server.
func removeState(ctx context.Context, tx *db.Tx, name string) error {
	for _, query := range []string{
		`DELETE FROM workshop_radar_mod WHERE server = $1`, `DELETE FROM workshop_radar_delivery WHERE server = $1`,
		`DELETE FROM workshop_radar_server WHERE name = $1`,
	} {
		if _, err := tx.Exec(ctx, query, name); err != nil {
			return err
		}
	}
	return nil
}

// packItems writes ids as JSON: a list of strings, since they have 64 bits.
func packItems(ids []uint64) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatUint(id, 10)
	}
	text, _ := json.Marshal(list) // strings do not fail
	return string(text)
}

func unpackItems(text string) ([]uint64, error) {
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	var ids []uint64
	for _, s := range list {
		id, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// putCollections writes what collections hold, and forgets those not watched
// that have not changed since before.
func (s store) putCollections(ctx context.Context, held map[uint64][]uint64, watched []uint64, before time.Time) error {
	old := []int64{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		old = old[:0]
		rows, err := tx.Query(ctx, `SELECT collection FROM workshop_radar_collection WHERE updated_at < $1`, db.Micros(before))
		return db.EachRow(rows, err, func() error {
			var id int64
			err := rows.Scan(&id)
			if !slices.Contains(watched, uint64(id)) {
				old = append(old, id)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, id := range old {
			if _, err := tx.Exec(ctx, `DELETE FROM workshop_radar_collection WHERE collection = $1`, id); err != nil {
				return err
			}
		}
		for id, items := range held {
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_radar_collection (collection, items, updated_at) VALUES ($1, $2, $3)
				ON CONFLICT (collection) DO UPDATE SET items = excluded.items, updated_at = excluded.updated_at`,
				int64(id), packItems(items), db.Micros(tx.Now)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s store) collections(ctx context.Context) (held map[uint64][]uint64, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		held = map[uint64][]uint64{}
		rows, err := tx.Query(ctx, `SELECT collection, items FROM workshop_radar_collection`)
		return db.EachRow(rows, err, func() error {
			var id int64
			var text string
			if err := rows.Scan(&id, &text); err != nil {
				return err
			}
			items, err := unpackItems(text)
			held[uint64(id)] = items
			return err
		})
	})
	return held, err
}
