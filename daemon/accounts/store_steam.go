package accounts

import (
	"context"
	"database/sql"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// findAccountBySteam returns the account and its PHC string; fault.NotFound.
func findAccountBySteam(ctx context.Context, tx *db.Tx, id steam.ID) (Account, string, error) {
	return scanAccount(ctx, tx, tx.QueryRow(ctx, selectAccount+`WHERE t.steam_id = $1`, int64(id)))
}

func insertSteam(ctx context.Context, tx *db.Tx, account int64, id steam.ID, persona string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_steam (account_id, steam_id, persona, linked_at) VALUES ($1, $2, $3, $4)`,
		account, int64(id), persona, db.Micros(now))
	return err
}

func deleteSteam(ctx context.Context, tx *db.Tx, account int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_steam WHERE account_id = $1`, account)
	return err
}

func nameTaken(ctx context.Context, tx *db.Tx, name string) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_account WHERE name_key = $1`, nameKey(name)).Scan(&n)
	return n > 0, err
}

// lastAccount returns the highest number of an account, 0 when there is none.
func lastAccount(ctx context.Context, tx *db.Tx) (id int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(id), 0) FROM accounts_account`).Scan(&id)
	return id, err
}

// takeNonce remembers what counts once and reports whether it is new.
func takeNonce(ctx context.Context, tx *db.Tx, nonce string, expires time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO accounts_openid_nonce (nonce, expires_at) VALUES ($1, $2)
		ON CONFLICT (nonce) DO NOTHING`, nonce, db.Micros(expires))
	return n > 0, err
}

func deleteExpiredNonces(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_openid_nonce WHERE expires_at <= $1`, db.Micros(now))
	return err
}

func isLimited(ctx context.Context, tx *db.Tx, id steam.ID) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_limited WHERE steam_id = $1`, int64(id)).Scan(&n)
	return n > 0, err
}

func insertLimited(ctx context.Context, tx *db.Tx, id steam.ID, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_limited (steam_id, created_at, updated_at) VALUES ($1, $2, $2)
		ON CONFLICT (steam_id) DO UPDATE SET updated_at = $2`, int64(id), db.Micros(now))
	return err
}

// revokeKind revokes the keys of one kind of an account and returns how many
// were valid until then.
func revokeKind(ctx context.Context, tx *db.Tx, account int64, kind string, now time.Time) (int64, error) {
	var valid int64
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_key WHERE account_id = $1 AND kind = $2 AND revoked_at = 0
		AND (expires_at = 0 OR expires_at > $3)`, account, kind, db.Micros(now)).Scan(&valid)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE accounts_key SET revoked_at = $1 WHERE account_id = $2 AND kind = $3 AND revoked_at = 0`,
		db.Micros(now), account, kind)
	return valid, err
}

// lookUpMany asks for one value of each of many accounts. query ends with the
// column that holds the account's number.
func lookUpMany[T any](ctx context.Context, tx *db.Tx, query string, ids []int64) (map[int64]T, error) {
	type pair struct {
		id    int64
		value T
	}
	found := make(map[int64]T, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), 500)
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = id
		}
		ids = ids[n:]
		rows, err := tx.Query(ctx, query+` IN (`+db.In(1, n)+`)`, args...)
		all, err := collect(rows, err, func(r *sql.Rows, p *pair) error { return r.Scan(&p.id, &p.value) })
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			found[p.id] = p.value
		}
	}
	return found, nil
}

// errNoSteam says that an account has no Steam account.
var errNoSteam = fault.New(fault.NotFound, "No Steam account is linked to this account")
