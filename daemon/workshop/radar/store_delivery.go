package radar

import (
	"context"
	"encoding/json"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// putDelivery puts a message on its way. It says all there is to say, so
// that older ones to the same server need not arrive any more.
func putDelivery(ctx context.Context, tx *db.Tx, d delivery) error {
	mods, err := json.Marshal(d.mods)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM workshop_radar_delivery WHERE server = $1`, d.server); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO workshop_radar_delivery (id, server, event, mods, created_at, retry_at)
		VALUES ($1, $2, $3, $4, $5, $5)`, d.id, d.server, d.event, string(mods), db.Micros(tx.Now))
	return err
}

// claim takes at most so many messages that are due, for the given time.
func (s store) claim(ctx context.Context, most int, lease time.Duration) (list []delivery, err error) {
	var due bool // most of the time nothing is, and then nothing is written
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		var n int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM workshop_radar_delivery WHERE retry_at <= $1 AND claimed_until <= $1`,
			db.Micros(tx.Now)).Scan(&n)
		due = n > 0
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `UPDATE workshop_radar_delivery SET claimed_until = $1
			WHERE id IN (SELECT id FROM workshop_radar_delivery WHERE retry_at <= $2 AND claimed_until <= $2
				ORDER BY retry_at, id LIMIT $3)
			RETURNING id, server, event, mods, attempts, created_at`, db.Micros(tx.Now.Add(lease)), db.Micros(tx.Now), most)
		return db.EachRow(rows, err, func() error {
			var d delivery
			var mods string
			var created int64
			if err := rows.Scan(&d.id, &d.server, &d.event, &mods, &d.attempts, &created); err != nil {
				return err
			}
			d.createdAt = db.Time(created)
			err := json.Unmarshal([]byte(mods), &d.mods)
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// nextDelivery returns when a message is due; ok is false if there is none.
func (s store) nextDelivery(ctx context.Context) (at time.Time, ok bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		var micros, n int64
		err := tx.QueryRow(ctx, `SELECT COALESCE(MIN(CASE WHEN retry_at > claimed_until THEN retry_at ELSE claimed_until END), 0),
			COUNT(*) FROM workshop_radar_delivery`).Scan(&micros, &n)
		at, ok = db.Time(micros), n > 0
		return err
	})
	return at, ok, err
}

// endDelivery takes a message off the list. It reports false if it was not
// there any more: a newer one took its place, or the server is gone.
func endDelivery(ctx context.Context, tx *db.Tx, id string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM workshop_radar_delivery WHERE id = $1`, id)
	return n > 0, err
}

// putOff has a message sent again later.
func putOff(ctx context.Context, tx *db.Tx, id string, attempts int, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_radar_delivery SET attempts = $1, retry_at = $2, claimed_until = 0 WHERE id = $3`,
		attempts, db.Micros(at), id)
	return err
}

// release lets other processes have the messages that were claimed.
func (s store) release(ctx context.Context, ids []string) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE workshop_radar_delivery SET claimed_until = 0 WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
}
