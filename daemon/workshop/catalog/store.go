package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// store is all SQL of the workshop_catalog_, workshop_statistic_ and
// workshop_timing tables. Methods open a transaction, functions join one.
type store struct{ db *db.DB }

type scanner interface{ Scan(dest ...any) error }

const recordColumns = `item, created_at, source, downloads, delivered_at, added_at, complete, complete_version,
	attempts, retry_at, updated_at`

func scanRecord(row scanner) (*record, error) {
	r := new(record)
	var created, delivered, added, retry, updated int64
	err := row.Scan(&r.Item, &created, &r.Source, &r.Downloads, &delivered, &added, &r.Complete, &r.CompleteVersion,
		&r.Attempts, &retry, &updated)
	r.UpdatedAt = db.Time(updated)
	r.CreatedAt, r.DeliveredAt, r.AddedAt, r.RetryAt = db.Time(created), db.Time(delivered), db.Time(added), db.Time(retry)
	return r, err
}

// records returns all rows, with their tags and dependencies.
func (s store) records(ctx context.Context) (list []*record, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list, err = readRecords(ctx, tx, "")
		return err
	})
	return list, err
}

// recordsOf returns the rows of those items that have one, with their tags and
// dependencies.
func (s store) recordsOf(ctx context.Context, items []int64) (list []*record, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		for chunk := range slices.Chunk(items, maxChunk) {
			args := make([]any, len(chunk))
			for i, id := range chunk {
				args[i] = id
			}
			part, err := readRecords(ctx, tx, ` WHERE item IN (`+db.In(1, len(chunk))+`)`, args...)
			if err != nil {
				return err
			}
			list = append(list, part...)
		}
		return nil
	})
	return list, err
}

// maxChunk bounds the items of one query.
const maxChunk = 500

// record returns the row of one item; ok is false if there is none.
func (s store) record(ctx context.Context, item int64) (r *record, ok bool, err error) {
	list, err := s.recordsOf(ctx, []int64{item})
	if err != nil || len(list) == 0 {
		return nil, false, err
	}
	return list[0], true, nil
}

// readRecords returns rows; where chooses items and is the same for all tables.
func readRecords(ctx context.Context, tx *db.Tx, where string, args ...any) (list []*record, err error) {
	byItem := map[int64]*record{}
	rows, err := tx.Query(ctx, `SELECT `+recordColumns+` FROM workshop_catalog_mod`+where, args...)
	err = db.EachRow(rows, err, func() error {
		r, err := scanRecord(rows)
		if err == nil {
			list, byItem[r.Item] = append(list, r), r
		}
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var item, to int64
	rows, err = tx.Query(ctx, `SELECT item, tag FROM workshop_catalog_mod_tag`+where+` ORDER BY item, tag`, args...)
	err = db.EachRow(rows, err, func() error {
		err := rows.Scan(&item, &to)
		if r := byItem[item]; err == nil && r != nil {
			r.Tags = append(r.Tags, to)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `SELECT item, dependency FROM workshop_catalog_dependency`+where+` ORDER BY item, dependency`, args...)
	err = db.EachRow(rows, err, func() error {
		err := rows.Scan(&item, &to)
		if r := byItem[item]; err == nil && r != nil {
			r.Dependencies = append(r.Dependencies, to)
		}
		return err
	})
	return list, err
}

// changed calls fn with every row written at or after since: its item, and
// when it was written.
func (s store) changed(ctx context.Context, since time.Time, fn func(item int64, at time.Time)) error {
	return s.db.Read(ctx, func(tx *db.Tx) error {
		var item, at int64
		rows, err := tx.Query(ctx, `SELECT item, updated_at FROM workshop_catalog_mod WHERE updated_at >= $1`, db.Micros(since))
		return db.EachRow(rows, err, func() error {
			err := rows.Scan(&item, &at)
			if err == nil {
				fn(item, db.Time(at))
			}
			return err
		})
	})
}

// descriptions returns the descriptions of some items.
func (s store) descriptions(ctx context.Context, items []int64) (texts map[int64]string, err error) {
	args := make([]any, len(items))
	for i, id := range items {
		args[i] = id
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		texts = make(map[int64]string, len(items))
		rows, err := tx.Query(ctx, `SELECT item, description FROM workshop_catalog_mod WHERE item IN (`+db.In(1, len(items))+`)`, args...)
		return db.EachRow(rows, err, func() error {
			var id int64
			var text string
			err := rows.Scan(&id, &text)
			texts[id] = text
			return err
		})
	})
	return texts, err
}

// addRecord makes sure that the item has a row.
func addRecord(ctx context.Context, tx *db.Tx, item int64, source string) error {
	_, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_mod (item, source, added_at, updated_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (item) DO NOTHING`, item, source, db.Micros(tx.Now))
	return err
}

// putMetadata writes what became known of an item.
func putMetadata(ctx context.Context, tx *db.Tx, m metadata) error {
	d := m.Details
	if err := addRecord(ctx, tx, d.ID, SourceSteam); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET complete = $2, complete_version = $3, attempts = $4, retry_at = $5,
		updated_at = $6 WHERE item = $1`, d.ID, m.Complete, m.Version, m.Attempts, db.Micros(m.RetryAt), db.Micros(tx.Now))
	if err != nil {
		return err
	}
	if d.Description != "" || !m.Partial {
		if _, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET description = $2 WHERE item = $1`, d.ID, clean(d.Description)); err != nil {
			return err
		}
	}
	if d.Created != 0 || !m.Partial {
		if _, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET created_at = $2 WHERE item = $1`, d.ID, d.Created*1_000_000); err != nil {
			return err
		}
	}
	if d.Tags != nil {
		if err := setTags(ctx, tx, d.ID, d.Tags); err != nil {
			return err
		}
	}
	if d.Dependencies != nil {
		if err := setDependencies(ctx, tx, d.ID, d.Dependencies); err != nil {
			return err
		}
	}
	if d.Logo != "" {
		if err := setResources(ctx, tx, d.ID, resourceLogo, []string{d.Logo}); err != nil {
			return err
		}
	}
	if d.Screenshots != nil {
		if err := setResources(ctx, tx, d.ID, resourceScreenshot, d.Screenshots); err != nil {
			return err
		}
	}
	if m.Game != nil {
		return putGame(ctx, tx, *m.Game)
	}
	return nil
}

// setTags makes names the tags of an item. The item has a row.
func setTags(ctx context.Context, tx *db.Tx, item int64, names []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM workshop_catalog_mod_tag WHERE item = $1`, item); err != nil {
		return err
	}
	for _, name := range names {
		if name = clean(name); name == "" {
			continue
		}
		id, err := tagID(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_mod_tag (item, tag) VALUES ($1, $2)
			ON CONFLICT (item, tag) DO NOTHING`, item, id); err != nil {
			return err
		}
	}
	return nil
}

// tagID returns the id of a tag and makes it if there is none of that name.
func tagID(ctx context.Context, tx *db.Tx, name string) (id int64, err error) {
	const find = `SELECT id FROM workshop_catalog_tag WHERE name = $1`
	err = tx.QueryRow(ctx, find, name).Scan(&id)
	if !fault.Is(err, fault.NotFound) {
		return id, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO workshop_catalog_tag (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, name)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, find, name).Scan(&id)
	return id, err
}

// setDependencies makes ids what an item needs. The item has a row.
func setDependencies(ctx context.Context, tx *db.Tx, item int64, ids []int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM workshop_catalog_dependency WHERE item = $1`, item); err != nil {
		return err
	}
	for _, id := range ids {
		if id == item {
			continue
		}
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_dependency (item, dependency) VALUES ($1, $2)
			ON CONFLICT (item, dependency) DO NOTHING`, item, id); err != nil {
			return err
		}
	}
	return nil
}

// setResources makes urls the resources of one type that an item has. Rows
// whose address stays keep their id and time. The item has a row.
func setResources(ctx context.Context, tx *db.Tx, item int64, kind string, urls []string) error {
	have := map[string]int64{}
	rows, err := tx.Query(ctx, `SELECT id, url FROM workshop_catalog_resource WHERE item = $1 AND type = $2`, item, kind)
	err = db.EachRow(rows, err, func() error {
		var id int64
		var url string
		err := rows.Scan(&id, &url)
		have[url] = id
		return err
	})
	if err != nil {
		return err
	}
	for url, id := range have {
		if !slices.Contains(urls, url) {
			if _, err := tx.Exec(ctx, `DELETE FROM workshop_catalog_resource WHERE id = $1`, id); err != nil {
				return err
			}
		}
	}
	for i, url := range urls {
		// An address may change its type: the preview that was a screenshot.
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_resource (item, type, url, sort, changed_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (item, url) DO UPDATE SET sort = excluded.sort`, item, kind, clean(url), i, db.Micros(tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

const failureColumns = `item, attempts, reason, last_at, permanent, retry_at`

// failure returns what is remembered of failed downloads of an item; ok is
// false if none failed since the last success.
func (s store) failure(ctx context.Context, item int64) (f failure, ok bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		var last, retry int64
		err := tx.QueryRow(ctx, `SELECT `+failureColumns+` FROM workshop_catalog_failure WHERE item = $1`, item).
			Scan(&f.Item, &f.Attempts, &f.Reason, &last, &f.Permanent, &retry)
		f.LastAt, f.RetryAt = db.Time(last), db.Time(retry)
		if ok = err == nil; fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	return f, ok, err
}

// putFailure inserts or replaces the row of f.Item.
func (s store) putFailure(ctx context.Context, f failure) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_failure (`+failureColumns+`) VALUES (`+db.In(1, 6)+`)
			ON CONFLICT (item) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason, last_at = excluded.last_at,
				permanent = excluded.permanent, retry_at = excluded.retry_at`,
			f.Item, f.Attempts, clean(f.Reason), db.Micros(f.LastAt), f.Permanent, db.Micros(f.RetryAt))
		return err
	})
}

// clearFailure forgets the failures of an item.
func (s store) clearFailure(ctx context.Context, item int64) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM workshop_catalog_failure WHERE item = $1`, item)
		return err
	})
}

// resources returns how many resources of some types items have and a part of
// them: logos first, in the order they were told in.
func (s store) resources(ctx context.Context, items []int64, types []string, limit, offset int64) (total int, list []Resource, err error) {
	if len(items) == 0 {
		return 0, nil, nil
	}
	args := make([]any, 0, len(items)+len(types)+2)
	for _, id := range items {
		args = append(args, id)
	}
	where := ` WHERE item IN (` + db.In(1, len(items)) + `)`
	if len(types) > 0 {
		where += ` AND type IN (` + db.In(len(args)+1, len(types)) + `)`
		for _, t := range types {
			args = append(args, clean(t))
		}
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM workshop_catalog_resource`+where, args...).Scan(&total); err != nil {
			return err
		}
		if offset >= int64(total) {
			return nil
		}
		rows, err := tx.Query(ctx, `SELECT id, item, type, url, changed_at FROM workshop_catalog_resource`+where+
			` ORDER BY item, type, sort, id LIMIT `+db.In(len(args)+1, 1)+` OFFSET `+db.In(len(args)+2, 1), append(args, limit, offset)...)
		return db.EachRow(rows, err, func() error {
			var r Resource
			var changed int64
			err := rows.Scan(&r.ID, &r.Item, &r.Type, &r.URL, &changed)
			r.ChangedAt = db.Time(changed)
			list = append(list, r)
			return err
		})
	})
	return total, list, err
}
