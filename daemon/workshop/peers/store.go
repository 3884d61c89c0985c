package peers

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// store is all SQL of the tables workshop_peer and workshop_peer_key.
type store struct{ db *db.DB }

// seed returns the seed of our key. The first to ask stores fresh.
func (s store) seed(ctx context.Context, fresh []byte) (seed []byte, err error) {
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_peer_key (id, seed, created_at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO NOTHING`, fresh, db.Micros(tx.Now)); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT seed FROM workshop_peer_key WHERE id = 1`).Scan(&seed)
	})
	return seed, err
}

// rows returns what is kept of every peer by its address.
func (s store) rows(ctx context.Context) (map[string]row, error) {
	out := map[string]row{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		clear(out)
		rows, err := tx.Query(ctx, `SELECT url, state, software, versions, seen_at, failing_since, last_error, refusal,
			refused_at, fetched, fetched_bytes, refused, retry_at FROM workshop_peer`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			var seen, failing, refused, retry int64
			if err := rows.Scan(&r.URL, &r.State, &r.Software, &r.Versions, &seen, &failing, &r.LastError, &r.Refusal,
				&refused, &r.Fetched, &r.FetchedBytes, &r.Refused, &retry); err != nil {
				return err
			}
			r.SeenAt, r.FailingSince, r.RefusedAt, r.RetryAt = db.Time(seen), db.Time(failing), db.Time(refused), db.Time(retry)
			out[r.URL] = r
		}
		return rows.Err()
	})
	return out, err
}

// putRows writes what changed of peers; counts are added to the stored ones.
func putRows(ctx context.Context, tx *db.Tx, rows []row) error {
	for _, r := range rows {
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_peer (url, state, software, versions, seen_at, failing_since,
				last_error, refusal, refused_at, fetched, fetched_bytes, refused, retry_at, updated_at)
			VALUES (`+db.In(1, 14)+`)
			ON CONFLICT (url) DO UPDATE SET state = excluded.state, software = excluded.software, versions = excluded.versions,
				seen_at = excluded.seen_at, failing_since = excluded.failing_since, last_error = excluded.last_error,
				refusal = excluded.refusal, refused_at = excluded.refused_at, retry_at = excluded.retry_at,
				fetched = workshop_peer.fetched + excluded.fetched,
				fetched_bytes = workshop_peer.fetched_bytes + excluded.fetched_bytes,
				refused = workshop_peer.refused + excluded.refused, updated_at = excluded.updated_at`,
			r.URL, r.State, r.Software, r.Versions, db.Micros(r.SeenAt), db.Micros(r.FailingSince), r.LastError, r.Refusal,
			db.Micros(r.RefusedAt), r.Fetched, r.FetchedBytes, r.Refused, db.Micros(r.RetryAt), db.Micros(tx.Now)); err != nil {
			return err
		}
	}
	return nil
}
