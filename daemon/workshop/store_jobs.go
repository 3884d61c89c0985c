package workshop

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const jobColumns = `id, item, version, state, boost, resting, source, attempts, first_failed_at, retry_at, error,
	bytes, total, owner, lease_until, created_at, updated_at`

func scanJob(row scanner) (Job, error) {
	var j Job
	var state string
	var first, retry, lease, created, updated int64
	err := row.Scan(&j.ID, &j.Name.Item, &j.Name.Version, &state, &j.Boost, &j.Resting, &j.Source, &j.Attempts,
		&first, &retry, &j.Error, &j.Bytes, &j.Total, &j.Owner, &lease, &created, &updated)
	j.State = State(state)
	j.FirstFailedAt, j.RetryAt, j.LeaseUntil = db.Time(first), db.Time(retry), db.Time(lease)
	j.CreatedAt, j.UpdatedAt = db.Time(created), db.Time(updated)
	return j, err
}

// putJob asks for n: a new row, or an old one that ended set going again. A
// job that is under way is only put first if boost says so; one that failed
// keeps its count of failures.
func putJob(ctx context.Context, tx *db.Tx, n Name, boost bool) (Job, error) {
	const ended = `workshop_job.state IN ('failed', 'denied', 'ready', 'removed')`
	const fresh = `workshop_job.state IN ('denied', 'ready', 'removed')`
	return scanJob(tx.QueryRow(ctx, `INSERT INTO workshop_job (item, version, state, boost, created_at, updated_at)
		VALUES ($1, $2, 'queued', $3, $4, $4)
		ON CONFLICT (item, version) DO UPDATE SET
			boost = (excluded.boost OR (workshop_job.boost AND NOT `+fresh+`)),
			resting = FALSE,
			retry_at = CASE WHEN `+ended+` THEN 0 ELSE workshop_job.retry_at END,
			created_at = CASE WHEN `+fresh+` THEN excluded.created_at ELSE workshop_job.created_at END,
			attempts = CASE WHEN `+fresh+` THEN 0 ELSE workshop_job.attempts END,
			first_failed_at = CASE WHEN `+fresh+` THEN 0 ELSE workshop_job.first_failed_at END,
			error = CASE WHEN `+fresh+` THEN '' ELSE workshop_job.error END,
			bytes = CASE WHEN `+ended+` THEN 0 ELSE workshop_job.bytes END,
			total = CASE WHEN `+ended+` THEN 0 ELSE workshop_job.total END,
			state = CASE WHEN `+ended+` THEN 'queued' ELSE workshop_job.state END,
			updated_at = excluded.updated_at
		RETURNING `+jobColumns, n.Item, n.Version, boost, db.Micros(tx.Now)))
}

// claimable is the condition on rows that may be taken at $1: what waits,
// what is to be retried, and what a process that is gone was working on.
const claimable = `((state = 'queued' AND retry_at <= $1)
	OR (state = 'failed' AND NOT resting AND retry_at <= $1)
	OR (state IN ('fetching', 'zipping', 'verifying') AND lease_until < $1))`

// anyClaimable reports whether claimJob would find something.
func (s store) anyClaimable(ctx context.Context) (found bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		var n int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT id FROM workshop_job WHERE `+claimable+` LIMIT 1) AS one`,
			db.Micros(tx.Now)).Scan(&n)
		found = n > 0
		return err
	})
	return found, err
}

// claimJob takes the next job for owner: first what clients wait for, then
// the oldest. With an id it takes that job only. The error is fault.NotFound
// when there is nothing to take.
func claimJob(ctx context.Context, tx *db.Tx, owner string, id int64) (Job, error) {
	// The condition is repeated outside: another process may have taken the
	// row between the choice and the update.
	return scanJob(tx.QueryRow(ctx, `UPDATE workshop_job SET owner = $2, lease_until = $3, state = 'fetching',
			bytes = 0, total = 0, source = '', updated_at = $1
		WHERE id = (SELECT id FROM workshop_job WHERE `+claimable+` AND (CAST($4 AS BIGINT) = 0 OR id = $4)
			ORDER BY boost DESC, created_at, id LIMIT 1) AND `+claimable+`
		RETURNING `+jobColumns, db.Micros(tx.Now), owner, db.Micros(tx.Now.Add(leaseFor)), id))
}

// renewJob extends the lease and writes down the progress. It reports false
// when the job is not the owner's any more: cancelled, or taken over.
func renewJob(ctx context.Context, tx *db.Tx, j Job) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE workshop_job SET lease_until = $1, state = $2, source = $3, bytes = $4, total = $5,
			updated_at = $6
		WHERE id = $7 AND owner = $8`, db.Micros(tx.Now.Add(leaseFor)), string(j.State), j.Source, j.Bytes, j.Total,
		db.Micros(tx.Now), j.ID, j.Owner)
	return n == 1, err
}

// settleJob writes how an attempt of owner ended. It reports false when the
// job was not the owner's any more.
func settleJob(ctx context.Context, tx *db.Tx, owner string, j Job) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE workshop_job SET state = $1, resting = $2, source = $3, attempts = $4,
			first_failed_at = $5, retry_at = $6, error = $7, bytes = $8, total = $9, boost = $10, owner = '',
			lease_until = 0, updated_at = $11
		WHERE id = $12 AND owner = $13`, string(j.State), j.Resting, j.Source, j.Attempts, db.Micros(j.FirstFailedAt),
		db.Micros(j.RetryAt), j.Error, j.Bytes, j.Total, j.Boost, db.Micros(tx.Now), j.ID, owner)
	return n == 1, err
}

// endJobs marks every job for n as done, whoever owns it.
func endJobs(ctx context.Context, tx *db.Tx, n Name) error {
	_, err := tx.Exec(ctx, `UPDATE workshop_job SET state = 'ready', owner = '', lease_until = 0, error = '', updated_at = $1
		WHERE item = $2 AND version = $3`, db.Micros(tx.Now), n.Item, n.Version)
	return err
}

// releaseJobs gives back what owner was working on when it was killed, and
// what any other process was that is known to be gone.
func (s store) releaseJobs(ctx context.Context, owner string) (n int64, err error) {
	var dead int64
	if since, alone := s.db.Alone(); alone {
		dead = db.Micros(since.Add(leaseFor))
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `UPDATE workshop_job SET state = 'queued', owner = '', lease_until = 0, retry_at = 0, updated_at = $1
			WHERE owner = $2 OR (owner <> '' AND lease_until < $3)`, db.Micros(tx.Now), owner, dead)
		return err
	})
	return n, err
}

// cancelJob ends a job that is not over; its owner notices when it renews
// the lease.
func cancelJob(ctx context.Context, tx *db.Tx, id int64) (Job, error) {
	j, err := scanJob(tx.QueryRow(ctx, `UPDATE workshop_job SET state = 'removed', owner = '', lease_until = 0,
			error = 'Cancelled', updated_at = $1
		WHERE id = $2 AND state NOT IN ('ready', 'removed') RETURNING `+jobColumns, db.Micros(tx.Now), id))
	return j, noJob(err, id)
}

// retryJob sets a job going that waits, failed or was denied, with a clean
// count of failures.
func retryJob(ctx context.Context, tx *db.Tx, id int64) (Job, error) {
	j, err := scanJob(tx.QueryRow(ctx, `UPDATE workshop_job SET state = 'queued', resting = FALSE, retry_at = 0,
			attempts = 0, first_failed_at = 0, boost = TRUE, updated_at = $1
		WHERE id = $2 AND state IN ('queued', 'failed', 'denied', 'removed') RETURNING `+jobColumns, db.Micros(tx.Now), id))
	return j, noJob(err, id)
}

func findJob(ctx context.Context, tx *db.Tx, id int64) (Job, error) {
	j, err := scanJob(tx.QueryRow(ctx, `SELECT `+jobColumns+` FROM workshop_job WHERE id = $1`, id))
	return j, noJob(err, id)
}

func noJob(err error, id int64) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "There is no job %d in a state for this", id)
	}
	return err
}

// jobsSince calls fn with the jobs changed at or after since, in the order
// they are worked on; with a zero time, with all that are not done.
func (s store) jobsSince(ctx context.Context, since time.Time, fn func(Job)) error {
	query := `SELECT ` + jobColumns + ` FROM workshop_job WHERE updated_at >= $1`
	if since.IsZero() {
		query += ` AND state NOT IN ('ready', 'removed')`
	}
	query += ` ORDER BY boost DESC, created_at, id LIMIT 10000`
	return s.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, query, db.Micros(since))
		return db.EachRow(rows, err, func() error {
			j, err := scanJob(rows)
			if err == nil {
				fn(j)
			}
			return err
		})
	})
}

// wantJob asks for n on behalf of somebody who asked at asked and has to be
// told whether the job is theirs: a new row, or an old one that ended set
// going again with a clean count of failures, not to be taken before
// notBefore. began is false when a job for n is under way; then nothing is
// changed.
func wantJob(ctx context.Context, tx *db.Tx, n Name, asked, notBefore time.Time) (j Job, began bool, err error) {
	j, err = scanJob(tx.QueryRow(ctx, `INSERT INTO workshop_job (item, version, state, boost, retry_at, created_at, updated_at)
		VALUES ($1, $2, 'queued', TRUE, $3, $4, $5)
		ON CONFLICT (item, version) DO UPDATE SET state = 'queued', boost = TRUE, resting = FALSE,
			retry_at = excluded.retry_at, created_at = excluded.created_at, attempts = 0, first_failed_at = 0,
			error = '', bytes = 0, total = 0, updated_at = excluded.updated_at
		WHERE workshop_job.state IN ('denied', 'ready', 'removed') OR (workshop_job.state = 'failed' AND workshop_job.resting)
		RETURNING `+jobColumns, n.Item, n.Version, db.Micros(notBefore), db.Micros(asked), db.Micros(tx.Now)))
	if fault.Is(err, fault.NotFound) {
		return Job{}, false, nil
	}
	return j, err == nil, err
}
