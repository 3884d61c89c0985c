package workshop

import (
	"context"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// batchSize is how many versions are removed in one transaction.
const batchSize = 200

// namesIn is a condition on (item, version) for exactly batchSize names, the
// first of them parameter $start: one text, which is prepared once.
func namesIn(start int) string {
	var b strings.Builder
	b.WriteString("(item, version) IN (VALUES ")
	for i := range batchSize {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(CAST(" + db.In(start+2*i, 1) + " AS BIGINT), CAST(" + db.In(start+2*i+1, 1) + " AS BIGINT))")
	}
	b.WriteString(")")
	return b.String()
}

// nameArgs appends the parameters of namesIn: names, and the last one again
// until there are batchSize.
func nameArgs(args []any, names []Name) []any {
	for i := range batchSize {
		n := names[min(i, len(names)-1)]
		args = append(args, n.Item, n.Version)
	}
	return args
}

// buryVersions turns the rows of at most batchSize names into tombstones
// that still name the blobs: these are to be deleted next.
func buryVersions(ctx context.Context, tx *db.Tx, names []Name, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_version SET state = $1, reason = $2, path = '', pinned = $3, updated_at = $4
		WHERE `+namesIn(5), nameArgs([]any{string(Removed), reason, false, db.Micros(tx.Now)}, names)...)
	return err
}

// pinnedAmong returns which of at most batchSize versions are pinned.
func pinnedAmong(ctx context.Context, tx *db.Tx, names []Name) (map[Name]bool, error) {
	rows, err := tx.Query(ctx, `SELECT item, version FROM workshop_version WHERE pinned = $1 AND `+namesIn(2),
		nameArgs([]any{true}, names)...)
	if err != nil {
		return nil, err
	}
	pinned := map[Name]bool{}
	return pinned, db.EachRow(rows, err, func() error {
		var n Name
		err := rows.Scan(&n.Item, &n.Version)
		pinned[n] = true
		return err
	})
}

// forgetBlobs notes that the blobs of at most batchSize tombstones are gone.
func forgetBlobs(ctx context.Context, tx *db.Tx, names []Name) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_version SET blob_key = '' WHERE state = $1 AND `+namesIn(2),
		nameArgs([]any{string(Removed)}, names)...)
	return err
}

// blobsInUse returns which of at most batchSize blobs a version needs.
func blobsInUse(ctx context.Context, tx *db.Tx, keys []string) (map[string]bool, error) {
	used := map[string]bool{}
	if len(keys) == 0 {
		return used, nil
	}
	args := []any{string(Removed)}
	for i := range batchSize {
		args = append(args, keys[min(i, len(keys)-1)])
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT blob_key FROM workshop_version
		WHERE state <> $1 AND blob_key IN (`+db.In(2, batchSize)+`)`, args...)
	return used, db.EachRow(rows, err, func() error {
		var key string
		err := rows.Scan(&key)
		used[key] = true
		return err
	})
}

// buried is a tombstone whose blob may still be there.
type buried struct {
	name Name
	key  string
}

// buriedVersions returns the tombstones that name a blob, at most batchSize.
func (s store) buriedVersions(ctx context.Context) (list []buried, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = list[:0]
		rows, err := tx.Query(ctx, `SELECT item, version, blob_key FROM workshop_version
			WHERE state = $1 AND blob_key > '' LIMIT $2`, string(Removed), batchSize)
		return db.EachRow(rows, err, func() error {
			var b buried
			err := rows.Scan(&b.name.Item, &b.name.Version, &b.key)
			list = append(list, b)
			return err
		})
	})
	return list, err
}

// moveBlob lets every version that needs the blob from use the one at to.
func moveBlob(ctx context.Context, tx *db.Tx, from, to string, print Fingerprint) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_version SET blob_key = $1, mtime_ns = $2, inode = $3, ctime_ns = $4, updated_at = $5
		WHERE state <> $6 AND blob_key = $7`, to, print.ModTime, print.Inode, print.Change, db.Micros(tx.Now), string(Removed), from)
	return err
}

// supply is what the database knows of an item that decides whether a version
// of it can be had again.
type supply struct {
	current   int64
	url       bool // Steam names a download address
	gone      bool // Steam has no such item any more, or banned it
	app       uint32
	checkedAt time.Time
}

// supplies returns it for every item in one query: memory holds only those
// asked for last, and here the others matter.
func (s store) supplies(ctx context.Context) (map[ItemID]supply, error) {
	all := map[ItemID]supply{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		clear(all)
		rows, err := tx.Query(ctx, `SELECT id, current_version, url, result, banned, app, checked_at FROM workshop_item`)
		return db.EachRow(rows, err, func() error {
			var id ItemID
			var x supply
			var url string
			var result, app, checked int64
			err := rows.Scan(&id, &x.current, &url, &result, &x.gone, &app, &checked)
			x.url, x.gone, x.app, x.checkedAt = url != "", x.gone || result != webapi.ResultOK, uint32(app), db.Time(checked)
			all[id] = x
			return err
		})
	})
	return all, err
}

// putEvicted notes that versions of at most batchSize items were evicted.
func putEvicted(ctx context.Context, tx *db.Tx, items []ItemID) error {
	if len(items) == 0 {
		return nil
	}
	var b strings.Builder
	args := []any{db.Micros(tx.Now)}
	for i := range batchSize {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("CAST(" + db.In(i+2, 1) + " AS BIGINT)")
		args = append(args, items[min(i, len(items)-1)])
	}
	_, err := tx.Exec(ctx, `INSERT INTO workshop_evicted (item, at)
		SELECT DISTINCT item, CAST($1 AS BIGINT) FROM workshop_version WHERE item IN (`+b.String()+`)
		ON CONFLICT (item) DO UPDATE SET at = excluded.at`, args...)
	return err
}

// forgetEvicted forgets that versions of an item were evicted.
func forgetEvicted(ctx context.Context, tx *db.Tx, item ItemID) error {
	_, err := tx.Exec(ctx, `DELETE FROM workshop_evicted WHERE item = $1`, item)
	return err
}

// sweepEvicted forgets evictions before a moment.
func sweepEvicted(ctx context.Context, tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM workshop_evicted WHERE at < $1`, db.Micros(before))
	return err
}

// requestedItems returns the items that clients asked for since a moment, the
// most requested first, at most limit.
func (s store) requestedItems(ctx context.Context, since time.Time, limit int) (ids []ItemID, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		ids = ids[:0]
		rows, err := tx.Query(ctx, `SELECT id FROM workshop_item WHERE requested_at >= $1 AND result = $2
			ORDER BY requests DESC, requested_at DESC, id LIMIT $3`, db.Micros(since), webapi.ResultOK, limit)
		return db.EachRow(rows, err, func() error {
			var id ItemID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// StorageDay is what the store held on a UTC day.
type StorageDay struct {
	Day      string `json:"day" format:"date" doc:"In UTC."`
	Bytes    int64  `json:"bytes"`
	Versions int    `json:"versions"`
}

// putStorageDay writes the row of a day and forgets those before oldest.
func putStorageDay(ctx context.Context, tx *db.Tx, d StorageDay, oldest string) error {
	if _, err := tx.Exec(ctx, `INSERT INTO workshop_storage_day (day, bytes, versions) VALUES ($1, $2, $3)
		ON CONFLICT (day) DO UPDATE SET bytes = excluded.bytes, versions = excluded.versions`, d.Day, d.Bytes, d.Versions); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM workshop_storage_day WHERE day < $1`, oldest)
	return err
}

// storageDays returns the last days that were written, at most limit, the
// oldest first.
func (s store) storageDays(ctx context.Context, limit int) (days []StorageDay, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		days = days[:0]
		rows, err := tx.Query(ctx, `SELECT day, bytes, versions FROM (SELECT day, bytes, versions FROM workshop_storage_day
			ORDER BY day DESC LIMIT $1) AS latest ORDER BY day`, limit)
		return db.EachRow(rows, err, func() error {
			var d StorageDay
			err := rows.Scan(&d.Day, &d.Bytes, &d.Versions)
			days = append(days, d)
			return err
		})
	})
	return days, err
}
