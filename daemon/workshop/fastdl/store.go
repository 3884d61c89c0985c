package fastdl

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// store is all SQL of the workshop_fastdl_ tables. Paths are bytes: nobody
// promised that names on a disk are UTF-8.
type store struct{ db *db.DB }

const madeColumns = `tree, path, form, size, mtime_ns, sha256, state, reason, blob_key, blob_size, blob_mtime_ns,
	blob_sha256, made_at, requested_at`

type scanner interface{ Scan(dest ...any) error }

func scanMade(row scanner) (made, error) {
	var m made
	var madeAt, requested int64
	err := row.Scan(&m.Tree, &m.Path, &m.Form, &m.Size, &m.ModTime, &m.SHA256, &m.State, &m.Reason, &m.Blob, &m.BlobSize,
		&m.BlobTime, &m.BlobSHA256, &madeAt, &requested)
	m.MadeAt, m.RequestedAt = db.Time(madeAt), db.Time(requested)
	return m, err
}

// made returns all rows.
func (s store) made(ctx context.Context) (list []made, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `SELECT `+madeColumns+` FROM workshop_fastdl_made`)
		return db.EachRow(rows, err, func() error {
			m, err := scanMade(rows)
			list = append(list, m)
			return err
		})
	})
	return list, err
}

// shared returns what was made of a file with this content in the tree, under
// any name; fault.NotFound if there is nothing. Failures do not count.
func (s store) shared(ctx context.Context, k madeKey, sum []byte) (m made, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		m, err = scanMade(tx.QueryRow(ctx, `SELECT `+madeColumns+` FROM workshop_fastdl_made
			WHERE tree = $1 AND form = $2 AND sha256 = $3 AND state <> $4 ORDER BY made_at DESC LIMIT 1`,
			k.Tree, string(k.Form), sum, madeFailed))
		return err
	})
	return m, err
}

// put inserts or replaces a row.
func (s store) put(ctx context.Context, m made) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO workshop_fastdl_made (`+madeColumns+`) VALUES (`+db.In(1, 14)+`)
			ON CONFLICT (tree, path, form) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
				sha256 = excluded.sha256, state = excluded.state, reason = excluded.reason, blob_key = excluded.blob_key,
				blob_size = excluded.blob_size, blob_mtime_ns = excluded.blob_mtime_ns, blob_sha256 = excluded.blob_sha256,
				made_at = excluded.made_at, requested_at = excluded.requested_at`,
			m.Tree, []byte(m.Path), string(m.Form), m.Size, m.ModTime, m.SHA256, m.State, m.Reason, m.Blob, m.BlobSize, m.BlobTime,
			m.BlobSHA256, db.Micros(m.MadeAt), db.Micros(m.RequestedAt))
		return err
	})
}

// drop deletes a row. It returns how many rows still need its blob.
func (s store) drop(ctx context.Context, m made) (users int, err error) {
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM workshop_fastdl_made WHERE tree = $1 AND path = $2 AND form = $3`,
			m.Tree, []byte(m.Path), string(m.Form)); err != nil {
			return err
		}
		return countUsers(ctx, tx, m.Blob, &users)
	})
	return users, err
}

// users counts the rows that need a blob.
func (s store) users(ctx context.Context, key string) (n int, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error { return countUsers(ctx, tx, key, &n) })
	return n, err
}

func countUsers(ctx context.Context, tx *db.Tx, key string, n *int) error {
	return tx.QueryRow(ctx, `SELECT count(*) FROM workshop_fastdl_made WHERE blob_key = $1`, key).Scan(n)
}

// putAsked writes down when files were last requested.
func (s store) putAsked(ctx context.Context, asked map[madeKey]time.Time) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for k, at := range asked {
			if _, err := tx.Exec(ctx, `UPDATE workshop_fastdl_made SET requested_at = $1
				WHERE tree = $2 AND path = $3 AND form = $4 AND requested_at < $1`,
				db.Micros(at), k.Tree, []byte(k.Path), string(k.Form)); err != nil {
				return err
			}
		}
		return nil
	})
}

// misses returns what was asked for in vain.
func (s store) misses(ctx context.Context, tree string) (list []miss, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `SELECT path, plain, packed, server, first_at, last_at FROM workshop_fastdl_miss
			WHERE tree = $1 ORDER BY last_at DESC`, tree)
		return db.EachRow(rows, err, func() error {
			m := miss{stored: true}
			var first, last int64
			err := rows.Scan(&m.Path, &m.Plain, &m.Packed, &m.Server, &first, &last)
			m.First, m.Last = db.Time(first), db.Time(last)
			list = append(list, m)
			return err
		})
	})
	return list, err
}

// putMisses writes counts down and deletes what is forgotten.
func (s store) putMisses(ctx context.Context, tree string, changed []miss, gone []string) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, p := range gone {
			if _, err := tx.Exec(ctx, `DELETE FROM workshop_fastdl_miss WHERE tree = $1 AND path = $2`, tree, []byte(p)); err != nil {
				return err
			}
		}
		for _, m := range changed {
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_fastdl_miss (tree, path, plain, packed, server, first_at, last_at)
				VALUES (`+db.In(1, 7)+`) ON CONFLICT (tree, path) DO UPDATE SET plain = excluded.plain, packed = excluded.packed,
					server = excluded.server, first_at = excluded.first_at, last_at = excluded.last_at`,
				tree, []byte(m.Path), m.Plain, m.Packed, m.Server, db.Micros(m.First), db.Micros(m.Last)); err != nil {
				return err
			}
		}
		return nil
	})
}

// seen returns the files of a tree as they were last looked at.
func (s store) seen(ctx context.Context, tree string) (files map[string]seen, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		files = map[string]seen{}
		rows, err := tx.Query(ctx, `SELECT path, size, since, changed_at FROM workshop_fastdl_seen WHERE tree = $1`, tree)
		return db.EachRow(rows, err, func() error {
			var e seen
			var since, changed int64
			err := rows.Scan(&e.Path, &e.Size, &since, &changed)
			e.Since, e.ChangedAt = db.Time(since), db.Time(changed)
			files[e.Path] = e
			return err
		})
	})
	return files, err
}

// batch bounds one transaction.
const batch = 500

// putSeen writes down what changed and deletes what is gone.
func (s store) putSeen(ctx context.Context, tree string, changed []seen, gone []string) error {
	for len(changed)+len(gone) > 0 {
		some, less := changed[:min(len(changed), batch)], gone[:min(len(gone), batch)]
		err := s.db.Write(ctx, func(tx *db.Tx) error {
			for _, e := range some {
				if _, err := tx.Exec(ctx, `INSERT INTO workshop_fastdl_seen (tree, path, size, since, changed_at) VALUES (`+db.In(1, 5)+`)
					ON CONFLICT (tree, path) DO UPDATE SET size = excluded.size, changed_at = excluded.changed_at`,
					tree, []byte(e.Path), e.Size, db.Micros(e.Since), db.Micros(e.ChangedAt)); err != nil {
					return err
				}
			}
			for _, p := range less {
				if _, err := tx.Exec(ctx, `DELETE FROM workshop_fastdl_seen WHERE tree = $1 AND path = $2`, tree, []byte(p)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		changed, gone = changed[len(some):], gone[len(less):]
	}
	return nil
}
