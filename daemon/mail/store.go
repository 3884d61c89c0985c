package mail

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// All SQL of the table mail_message; every function runs inside its caller's
// transaction.

func insertMail(ctx context.Context, tx *db.Tx, m envelope) error {
	_, err := tx.Exec(ctx, `INSERT INTO mail_message
		(message_id, recipient, subject, body_text, body_html, created_at, expires_at, next_at, attempts, failed_at, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $6, 0, 0, '')`,
		m.messageID, m.to, m.subject, m.text, m.html, db.Micros(m.at), db.Micros(m.expires))
	return err
}

func countQueued(ctx context.Context, tx *db.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM mail_message WHERE failed_at = 0`).Scan(&n)
	return n, err
}

// claimMails returns up to n mails that are due, the longest waiting first. For
// claimFor they are nobody else's.
func claimMails(ctx context.Context, tx *db.Tx, now time.Time, n int) ([]envelope, error) {
	var due []envelope
	var next []int64
	var m envelope
	var at, expires, nextAt int64
	rows, err := tx.Query(ctx, `SELECT id, message_id, recipient, subject, body_text, body_html, created_at, expires_at, next_at, attempts
		FROM mail_message WHERE failed_at = 0 AND next_at <= $1 ORDER BY next_at, id LIMIT $2`, db.Micros(now), n)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		err := rows.Scan(&m.id, &m.messageID, &m.to, &m.subject, &m.text, &m.html, &at, &expires, &nextAt, &m.attempts)
		if err != nil {
			return nil, err
		}
		m.at, m.expires = db.Time(at), db.Time(expires)
		due, next = append(due, m), append(next, nextAt)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	claimed := due[:0]
	for i, m := range due {
		n, err := tx.Exec(ctx, `UPDATE mail_message SET next_at = $1, attempts = attempts + 1
			WHERE id = $2 AND next_at = $3 AND failed_at = 0`, db.Micros(now.Add(claimFor)), m.id, next[i])
		if err != nil {
			return nil, err
		}
		if n == 1 { // else another process was first
			m.attempts++
			claimed = append(claimed, m)
		}
	}
	return claimed, nil
}

func deleteMail(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM mail_message WHERE id = $1`, id)
	return err
}

func postponeMail(ctx context.Context, tx *db.Tx, id int64, next time.Time, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE mail_message SET next_at = $1, reason = $2 WHERE id = $3 AND failed_at = 0`,
		db.Micros(next), reason, id)
	return err
}

// failMail gives a mail up. What it said is forgotten: it may hold a code.
func failMail(ctx context.Context, tx *db.Tx, id int64, now time.Time, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE mail_message SET failed_at = $1, reason = $2, body_text = '', body_html = '' WHERE id = $3`,
		db.Micros(now), reason, id)
	return err
}

// expireMails gives up what would come too late.
func expireMails(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE mail_message SET failed_at = $1, body_text = '', body_html = '',
		reason = CASE WHEN reason = '' THEN 'it was never sent' ELSE reason END
		WHERE failed_at = 0 AND expires_at <= $1 AND next_at <= $1`, db.Micros(now))
	return err
}

// trimFailed forgets failed mails but the latest n, and those before since.
func trimFailed(ctx context.Context, tx *db.Tx, n int, since time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM mail_message WHERE failed_at > 0 AND (failed_at < $1 OR id NOT IN (
		SELECT id FROM mail_message WHERE failed_at > 0 ORDER BY failed_at DESC, id DESC LIMIT $2))`, db.Micros(since), n)
	return err
}

// listMails returns up to n entries with ids below before, the newest first;
// failed: only those that were given up.
func listMails(ctx context.Context, tx *db.Tx, failed bool, before int64, n int) ([]Entry, error) {
	all := []Entry{}
	floor := int64(-1)
	if failed {
		floor = 0
	}
	var e Entry
	var at, next, failedAt int64
	rows, err := tx.Query(ctx, `SELECT id, recipient, subject, created_at, next_at, attempts, failed_at, reason
		FROM mail_message WHERE id < $1 AND failed_at > $2 ORDER BY id DESC LIMIT $3`, before, floor, n)
	err = db.EachRow(rows, err, func() error {
		if err := rows.Scan(&e.ID, &e.To, &e.Subject, &at, &next, &e.Attempts, &failedAt, &e.Reason); err != nil {
			return err
		}
		e.CreatedAt, e.NextTry, e.FailedAt = db.Time(at), db.Time(next), db.Time(failedAt)
		if failedAt > 0 {
			e.NextTry = time.Time{}
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

func countMails(ctx context.Context, tx *db.Tx, failed bool) (n int, err error) {
	floor := -1
	if failed {
		floor = 0
	}
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM mail_message WHERE failed_at > $1`, floor).Scan(&n)
	return n, err
}

// retryMail makes a mail due now. What failed for good has no text any more.
func retryMail(ctx context.Context, tx *db.Tx, id int64, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE mail_message SET next_at = $1 WHERE id = $2 AND failed_at = 0`, db.Micros(now), id)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "No mail with this number is waiting")
	}
	return err
}
