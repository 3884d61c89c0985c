package accounts

import (
	"context"
	"database/sql"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const selectRecord = `SELECT a.id, a.name, a.created_at, a.last_online_at, a.closed_at, a.closed_reason, a.password,
	COALESCE(e.address, ''), COALESCE(e.address_key, ''), COALESCE(e.lang, ''), COALESCE(e.verified_at, 0)
	FROM accounts_account a LEFT JOIN accounts_email e ON e.account_id = a.id `

func scanRecord(scan func(...any) error, r *record) error {
	var created, online, closed, verified int64
	err := scan(&r.ID, &r.Name, &created, &online, &closed, &r.ClosedReason, &r.phc, &r.Email, &r.key, &r.lang, &verified)
	r.Created, r.LastOnline, r.Closed, r.Verified = db.Time(created), db.Time(online), db.Time(closed), db.Time(verified)
	return err
}

// findRecord returns an account as a person; fault.NotFound.
func findRecord(ctx context.Context, tx *db.Tx, id int64) (r record, err error) {
	err = scanRecord(tx.QueryRow(ctx, selectRecord+`WHERE a.id = $1`, id).Scan, &r)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "There is no such account")
	}
	return r, err
}

// findRecordByEmail finds the account an address belongs to; fault.NotFound.
func findRecordByEmail(ctx context.Context, tx *db.Tx, key string) (r record, err error) {
	return r, scanRecord(tx.QueryRow(ctx, selectRecord+`WHERE e.address_key = $1`, key).Scan, &r)
}

// findRecords returns those of the accounts that exist.
func findRecords(ctx context.Context, tx *db.Tx, ids []int64) (all []record, err error) {
	for len(ids) > 0 {
		n := min(len(ids), 500)
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = id
		}
		ids = ids[n:]
		rows, err := tx.Query(ctx, selectRecord+`WHERE a.id IN (`+db.In(1, n)+`)`, args...)
		some, err := collect(rows, err, func(r *sql.Rows, one *record) error { return scanRecord(r.Scan, one) })
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func updateOnline(ctx context.Context, tx *db.Tx, id, micros int64) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET last_online_at = $1 WHERE id = $2 AND last_online_at < $1`, micros, id)
	return err
}

func emailTaken(ctx context.Context, tx *db.Tx, key string, but int64) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_email WHERE address_key = $1 AND account_id <> $2`, key, but).Scan(&n)
	return n > 0, err
}

// putEmail makes address the account's; verified may be the zero time.
func putEmail(ctx context.Context, tx *db.Tx, account int64, address, lang string, verified time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_email (account_id, address, address_key, lang, verified_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id) DO UPDATE SET address = $2, address_key = $3, lang = $4, verified_at = $5`,
		account, address, emailKey(address), lang, db.Micros(verified))
	return err
}

// markVerified notes that the account's address is proved.
func markVerified(ctx context.Context, tx *db.Tx, account int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_email SET verified_at = $1 WHERE account_id = $2 AND verified_at = 0`,
		db.Micros(now), account)
	return err
}

func updateName(ctx context.Context, tx *db.Tx, id int64, name string) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET name = $1, name_key = $2 WHERE id = $3`, name, nameKey(name), id)
	return err
}

// nameTakenBut reports whether another account than one has the name.
func nameTakenBut(ctx context.Context, tx *db.Tx, name string, but int64) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_account WHERE name_key = $1 AND id <> $2`, nameKey(name), but).Scan(&n)
	return n > 0, err
}

// mailToken is a code that was mailed.
type mailToken struct {
	hash    []byte
	address string
	created time.Time
	tries   int
}

// findMailToken returns the code of an account for a purpose; fault.NotFound.
func findMailToken(ctx context.Context, tx *db.Tx, account int64, purpose string) (t mailToken, err error) {
	var created int64
	err = tx.QueryRow(ctx, `SELECT hash, address, created_at, tries FROM accounts_mail_token
		WHERE account_id = $1 AND purpose = $2`, account, purpose).Scan(&t.hash, &t.address, &created, &t.tries)
	t.created = db.Time(created)
	return t, err
}

// putMailToken makes h the only code of an account for a purpose.
func putMailToken(ctx context.Context, tx *db.Tx, account int64, purpose string, t mailToken) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_mail_token (account_id, purpose, hash, address, created_at, tries)
		VALUES ($1, $2, $3, $4, $5, 0)
		ON CONFLICT (account_id, purpose) DO UPDATE SET hash = $3, address = $4, created_at = $5, tries = 0`,
		account, purpose, t.hash, t.address, db.Micros(t.created))
	return err
}

func deleteMailToken(ctx context.Context, tx *db.Tx, account int64, purpose string) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_mail_token WHERE account_id = $1 AND purpose = $2`, account, purpose)
	return err
}

// countTokenTry counts a try and reports whether there is a code that was not
// tried too often before.
func countTokenTry(ctx context.Context, tx *db.Tx, account int64, purpose string, most int) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE accounts_mail_token SET tries = tries + 1
		WHERE account_id = $1 AND purpose = $2 AND tries < $3`, account, purpose, most)
	return n > 0, err
}

func deleteExpiredMailTokens(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_mail_token WHERE created_at <= $1`, db.Micros(now.Add(-mailTokenLifetime)))
	return err
}
