package workshop

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// store is all SQL of the workshop_ tables. Exported-style methods open the
// transaction; the functions that take a *db.Tx join one.
type store struct{ db *db.DB }

const versionColumns = `item, version, state, reason, blob_key, path, size, mtime_ns, inode, ctime_ns,
	sha256, source, origin, peer, verified_by, fetched_at, pinned, stored_at, verified_at, requested_at, requests,
	updated_at`

type scanner interface{ Scan(dest ...any) error }

func scanVersion(row scanner) (Version, error) {
	var v Version
	var state string
	var fetched, stored, verified, requested, updated int64
	err := row.Scan(&v.Name.Item, &v.Name.Version, &state, &v.Reason, &v.Key, &v.Path, &v.Size,
		&v.Print.ModTime, &v.Print.Inode, &v.Print.Change, &v.SHA256, &v.Source, &v.Origin, &v.Peer, &v.VerifiedBy, &fetched,
		&v.Pinned, &stored, &verified, &requested, &v.Requests, &updated)
	v.State, v.Print.Size = State(state), v.Size
	v.FetchedAt = db.Time(fetched)
	v.StoredAt, v.VerifiedAt = db.Time(stored), db.Time(verified)
	v.RequestedAt, v.UpdatedAt = db.Time(requested), db.Time(updated)
	return v, err
}

// versionsSince calls fn with every version changed at or after since,
// removed ones included unless since is zero.
func (s store) versionsSince(ctx context.Context, since time.Time, fn func(Version)) error {
	return s.db.Read(ctx, func(tx *db.Tx) error {
		query, args := `SELECT `+versionColumns+` FROM workshop_version WHERE updated_at >= $1`, []any{db.Micros(since)}
		if since.IsZero() {
			query, args = `SELECT `+versionColumns+` FROM workshop_version WHERE state <> $1`, []any{string(Removed)}
		}
		rows, err := tx.Query(ctx, query, args...)
		return db.EachRow(rows, err, func() error {
			v, err := scanVersion(rows)
			if err == nil {
				fn(v)
			}
			return err
		})
	})
}

// findVersion returns the row of n, fault.NotFound if there is none or only
// a tombstone.
func findVersion(ctx context.Context, tx *db.Tx, n Name) (Version, error) {
	v, err := scanVersion(tx.QueryRow(ctx, `SELECT `+versionColumns+` FROM workshop_version
		WHERE item = $1 AND version = $2 AND state <> $3`, n.Item, n.Version, string(Removed)))
	if fault.Is(err, fault.NotFound) {
		return v, fault.New(fault.NotFound, "%s is not stored here", n.File())
	}
	return v, err
}

// putVersion inserts or replaces the row of v. Pins and request counts of an
// older row stay. It returns v as stored.
func putVersion(ctx context.Context, tx *db.Tx, v Version) (Version, error) {
	v.UpdatedAt = tx.Now
	row := tx.QueryRow(ctx, `INSERT INTO workshop_version (`+versionColumns+`)
		VALUES (`+db.In(1, 22)+`)
		ON CONFLICT (item, version) DO UPDATE SET state = excluded.state, reason = excluded.reason,
			blob_key = excluded.blob_key, path = excluded.path, size = excluded.size,
			mtime_ns = excluded.mtime_ns, inode = excluded.inode, ctime_ns = excluded.ctime_ns,
			sha256 = excluded.sha256, source = excluded.source, origin = excluded.origin,
			peer = excluded.peer, verified_by = excluded.verified_by, fetched_at = excluded.fetched_at,
			stored_at = excluded.stored_at, verified_at = excluded.verified_at, updated_at = excluded.updated_at
		RETURNING `+versionColumns,
		v.Name.Item, v.Name.Version, string(v.State), v.Reason, v.Key, v.Path, v.Size,
		v.Print.ModTime, v.Print.Inode, v.Print.Change, v.SHA256, v.Source, v.Origin, v.Peer, v.VerifiedBy,
		db.Micros(v.FetchedAt), v.Pinned, db.Micros(v.StoredAt), db.Micros(v.VerifiedAt), db.Micros(v.RequestedAt), v.Requests, db.Micros(v.UpdatedAt))
	return scanVersion(row)
}

// setPinned pins or unpins n and returns the row.
func setPinned(ctx context.Context, tx *db.Tx, n Name, pinned bool) (Version, error) {
	if _, err := tx.Exec(ctx, `UPDATE workshop_version SET pinned = $1, updated_at = $2
		WHERE item = $3 AND version = $4`, pinned, db.Micros(tx.Now), n.Item, n.Version); err != nil {
		return Version{}, err
	}
	return findVersion(ctx, tx, n)
}

// removeVersion turns the row of n into a tombstone.
func removeVersion(ctx context.Context, tx *db.Tx, n Name, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_version SET state = $1, reason = $2, blob_key = '', path = '',
			pinned = $3, updated_at = $4
		WHERE item = $5 AND version = $6`, string(Removed), reason, false, db.Micros(tx.Now), n.Item, n.Version)
	return err
}

// sweepTombstones deletes versions removed, unless their blob is still to be
// deleted, and jobs refused or at rest since before resting, and jobs done
// since before done. Clients may ask for any number of versions that nobody
// has; those are done too.
func sweepTombstones(ctx context.Context, tx *db.Tx, resting, done time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM workshop_version WHERE state = 'removed' AND updated_at < $1 AND blob_key = ''`,
		db.Micros(resting)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM workshop_job WHERE state IN ('ready', 'removed') AND updated_at < $1
		OR state = 'denied' AND error = $3 AND retry_at < $1
		OR (state = 'denied' OR state = 'failed' AND resting) AND updated_at < $2`,
		db.Micros(done), db.Micros(resting), answerOldVersion.reason())
	return err
}

// flushHits adds request counts in one transaction.
func (s store) flushHits(ctx context.Context, hits []hit) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, h := range hits {
			if _, err := tx.Exec(ctx, `UPDATE workshop_version SET requests = requests + $1, requested_at = $2
				WHERE item = $3 AND version = $4 AND requested_at <= $2`,
				h.n, h.at, h.name.Item, h.name.Version); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE workshop_item SET requests = requests + $1, requested_at = $2
				WHERE id = $3 AND requested_at <= $2`, h.n, h.at, h.name.Item); err != nil {
				return err
			}
		}
		return nil
	})
}

// Item is what is known of a Workshop item: what Steam said last, when, and
// how often clients asked for it.
type Item struct {
	webapi.FileDetails
	CheckedAt   time.Time
	RequestedAt time.Time
	Requests    int64
	UpdatedAt   time.Time
}

const itemColumns = `id, title, app, current_version, size, url, manifest, filename, creator, preview, banned,
	result, checked_at, requested_at, requests, updated_at`

func scanItem(row scanner) (Item, error) {
	var d Item
	var id ItemID
	var app, checked, requested, updated int64
	err := row.Scan(&id, &d.Title, &app, &d.Updated, &d.Size, &d.URL, &d.Manifest, &d.Filename, &d.Creator,
		&d.Preview, &d.Banned, &d.Result, &checked, &requested, &d.Requests, &updated)
	d.ID, d.AppID = uint64(id), uint32(app)
	d.CheckedAt, d.RequestedAt, d.UpdatedAt = db.Time(checked), db.Time(requested), db.Time(updated)
	return d, err
}

// putItem stores what Steam said of an item at d.CheckedAt. An answer that
// the item is gone keeps what was known and only changes the result.
func putItem(ctx context.Context, tx *db.Tx, d Item) error {
	if d.Result != webapi.ResultOK {
		_, err := tx.Exec(ctx, `UPDATE workshop_item SET result = $1, checked_at = $2, updated_at = $3 WHERE id = $4`,
			d.Result, db.Micros(d.CheckedAt), db.Micros(tx.Now), ItemID(d.ID))
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO workshop_item (`+itemColumns+`) VALUES (`+db.In(1, 16)+`)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, app = excluded.app,
			current_version = excluded.current_version, size = excluded.size, url = excluded.url,
			manifest = excluded.manifest, filename = excluded.filename, creator = excluded.creator,
			preview = excluded.preview, banned = excluded.banned, result = excluded.result,
			checked_at = excluded.checked_at, updated_at = excluded.updated_at`,
		ItemID(d.ID), d.Title, int64(d.AppID), d.Updated, d.Size, d.URL, d.Manifest, d.Filename, d.Creator,
		d.Preview, d.Banned, d.Result, db.Micros(d.CheckedAt), db.Micros(d.RequestedAt), d.Requests, db.Micros(tx.Now))
	return err
}

// items returns what is known of the given items; unknown ones are missing.
func (s store) items(ctx context.Context, ids []ItemID) ([]Item, error) {
	var out []Item
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		out = out[:0]
		rows, err := tx.Query(ctx, `SELECT `+itemColumns+` FROM workshop_item WHERE id IN (`+db.In(1, len(ids))+`)`, args...)
		return db.EachRow(rows, err, func() error {
			d, err := scanItem(rows)
			out = append(out, d)
			return err
		})
	})
	return out, err
}

// recentItems calls fn with the items that Steam described, those asked for
// last first, at most limit.
func (s store) recentItems(ctx context.Context, limit int, since time.Time, fn func(Item)) error {
	return s.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+itemColumns+` FROM workshop_item WHERE updated_at >= $1
			ORDER BY requested_at DESC, checked_at DESC LIMIT $2`, db.Micros(since), limit)
		return db.EachRow(rows, err, func() error {
			d, err := scanItem(rows)
			if err == nil {
				fn(d)
			}
			return err
		})
	})
}
