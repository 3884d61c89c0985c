package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// bySHA256 returns the oldest closed recording with these bytes;
// fault.NotFound when there is none.
func (st store) bySHA256(ctx context.Context, sum []byte) (s Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		s, err = one(ctx, tx, "sha256 = $1 AND NOT active ORDER BY created_at, id LIMIT 1", sum)
		return err
	})
	return s, err
}

const uploadColumns = "id, account_id, name, size, received, sha256, created_at, updated_at"

func scanUpload(row scanner) (u Upload, err error) {
	var created, updated int64
	err = row.Scan(&u.ID, &u.Account, &u.Name, &u.Size, &u.Received, &u.SHA256, &created, &updated)
	u.CreatedAt, u.UpdatedAt = db.Time(created), db.Time(updated)
	return u, err
}

// putUpload adds an upload, unless its account has as many as it may.
func (st store) putUpload(ctx context.Context, u Upload, most int) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM demos_upload WHERE account_id = $1 AND received < size", u.Account).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.TooMany, "There are %d unfinished uploads already", n).WithHint("finish or delete them; they expire by themselves after a day").
				WithRetryAfter(time.Minute)
		}
		_, err := tx.Exec(ctx, "INSERT INTO demos_upload ("+uploadColumns+") VALUES ("+db.In(1, 8)+")",
			u.ID, u.Account, u.Name, u.Size, u.Received, blobValue(u.SHA256), db.Micros(u.CreatedAt), db.Micros(u.UpdatedAt))
		return err
	})
}

// upload returns one by its id; fault.NotFound when there is none.
func (st store) upload(ctx context.Context, id string) (u Upload, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		u, err = scanUpload(tx.QueryRow(ctx, "SELECT "+uploadColumns+" FROM demos_upload WHERE id = $1", id))
		return err
	})
	if fault.Is(err, fault.NotFound) {
		err = errNoUpload
	}
	return u, err
}

// uploads returns all there are.
func (st store) uploads(ctx context.Context) (all []Upload, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all = nil
		rows, err := tx.Query(ctx, "SELECT "+uploadColumns+" FROM demos_upload ORDER BY updated_at")
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		for rows.Next() {
			u, err := scanUpload(rows)
			if err != nil {
				return err
			}
			all = append(all, u)
		}
		return rows.Err()
	})
	return all, err
}

// uploaded notes how much of an upload is on stable storage.
func (st store) uploaded(ctx context.Context, u Upload, now time.Time) error {
	return st.exec(ctx, "UPDATE demos_upload SET received = $2, sha256 = $3, updated_at = $4 WHERE id = $1",
		u.ID, u.Received, blobValue(u.SHA256), db.Micros(now))
}

func (st store) deleteUpload(ctx context.Context, id string) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM demos_upload WHERE id = $1", id)
		return err
	})
}
