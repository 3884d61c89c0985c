package accounts

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// All SQL of the tables accounts_…; every function runs inside its caller's
// transaction.

// collect reads all rows. It takes the results of Tx.Query as they are.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows, *T) error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func insertAccount(ctx context.Context, tx *db.Tx, name, phc string, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `INSERT INTO accounts_account (name, name_key, password, created_at, last_login_at)
		VALUES ($1, $2, $3, $4, 0) RETURNING id`, name, nameKey(name), phc, db.Micros(now)).Scan(&id)
	if fault.Is(err, fault.Conflict) {
		return 0, fault.New(fault.Conflict, "The name %q is taken", name)
	}
	return id, err
}

const accountColumns = `a.id, a.name, a.created_at, a.last_login_at, a.closed_at, a.closed_reason,
	COALESCE(t.steam_id, 0), COALESCE(e.address, ''), COALESCE(e.verified_at, 0)`

const accountTables = ` FROM accounts_account a LEFT JOIN accounts_steam t ON t.account_id = a.id
	LEFT JOIN accounts_email e ON e.account_id = a.id `

const selectAccount = `SELECT a.password, ` + accountColumns + accountTables

// scanColumns reads accountColumns.
func (a *Account) scanColumns(scan func(...any) error, before ...any) error {
	var created, login, closed, verified int64
	err := scan(append(before, &a.ID, &a.Name, &created, &login, &closed, &a.ClosedReason, &a.SteamID, &a.Email, &verified)...)
	a.CreatedAt, a.LastLogin, a.ClosedAt, a.VerifiedAt = db.Time(created), db.Time(login), db.Time(closed), db.Time(verified)
	return err
}

// findAccountByName returns the account and its PHC string; fault.NotFound. Of
// two accounts whose names were made equal later, the exact name decides.
func findAccountByName(ctx context.Context, tx *db.Tx, name string) (Account, string, error) {
	return scanAccount(ctx, tx, tx.QueryRow(ctx, selectAccount+`WHERE a.name_key = $1 OR a.name = $2
		ORDER BY CASE WHEN a.name = $2 THEN 0 ELSE 1 END, a.id LIMIT 1`, nameKey(name), name))
}

// findAccount returns the account and its PHC string; fault.NotFound.
func findAccount(ctx context.Context, tx *db.Tx, id int64) (Account, string, error) {
	return scanAccount(ctx, tx, tx.QueryRow(ctx, selectAccount+`WHERE a.id = $1`, id))
}

func scanAccount(ctx context.Context, tx *db.Tx, row *db.Row) (a Account, phc string, err error) {
	if err := a.scanColumns(row.Scan, &phc); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "There is no such account")
		}
		return Account{}, "", err
	}
	a.Roles, err = rolesOf(ctx, tx, a.ID)
	return a, phc, err
}

func rolesOf(ctx context.Context, tx *db.Tx, account int64) ([]Role, error) {
	rows, err := tx.Query(ctx, `SELECT role FROM accounts_role WHERE account_id = $1 ORDER BY role`, account)
	return collect(rows, err, func(r *sql.Rows, role *Role) error { return r.Scan(role) })
}

// listAccounts returns up to n accounts with ids above after, by id. like is a
// pattern of LIKE for the name or the address, folded; "": all.
func listAccounts(ctx context.Context, tx *db.Tx, like string, after int64, n int) ([]Account, error) {
	rows, err := tx.Query(ctx, `SELECT `+accountColumns+accountTables+`WHERE a.id > $1
		AND ($2 = '' OR a.name_key LIKE $2 ESCAPE '\' OR e.address_key LIKE $3 ESCAPE '\') ORDER BY a.id LIMIT $4`,
		after, skeletonPattern(like), like, n)
	all, err := collect(rows, err, func(r *sql.Rows, a *Account) error {
		a.Roles = []Role{}
		return a.scanColumns(r.Scan)
	})
	if err != nil || len(all) == 0 {
		return all, err
	}
	type grant struct {
		account int64
		role    Role
	}
	rows, err = tx.Query(ctx, `SELECT account_id, role FROM accounts_role
		WHERE account_id BETWEEN $1 AND $2 ORDER BY account_id, role`, all[0].ID, all[len(all)-1].ID)
	grants, err := collect(rows, err, func(r *sql.Rows, g *grant) error { return r.Scan(&g.account, &g.role) })
	for i := range all {
		for len(grants) > 0 && grants[0].account <= all[i].ID {
			if grants[0].account == all[i].ID {
				all[i].Roles = append(all[i].Roles, grants[0].role)
			}
			grants = grants[1:]
		}
	}
	return all, err
}

func deleteAccount(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_account WHERE id = $1`, id)
	return err
}

func updatePassword(ctx context.Context, tx *db.Tx, id int64, phc string) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET password = $1 WHERE id = $2`, phc, id)
	return err
}

// replacePassword stores a new hash of the same password, unless the password
// was changed meanwhile.
func replacePassword(ctx context.Context, tx *db.Tx, id int64, old, phc string) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET password = $1 WHERE id = $2 AND password = $3`, phc, id, old)
	return err
}

func updateLogin(ctx context.Context, tx *db.Tx, id int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET last_login_at = $1 WHERE id = $2`, db.Micros(now), id)
	return err
}

// insertRole reports whether the account did not have the role yet.
func insertRole(ctx context.Context, tx *db.Tx, account int64, role Role, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO accounts_role (account_id, role, granted_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, role) DO NOTHING`, account, string(role), db.Micros(now))
	return n > 0, err
}

// deleteRole reports whether the account had the role.
func deleteRole(ctx context.Context, tx *db.Tx, account int64, role Role) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM accounts_role WHERE account_id = $1 AND role = $2`, account, string(role))
	return n > 0, err
}

func countAdmins(ctx context.Context, tx *db.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_role WHERE role = $1`, string(RoleAdmin)).Scan(&n)
	return n, err
}

// countOtherAdmins counts the admins that an account would leave behind.
// Whoever is closed keeps his roles and cannot use them.
func countOtherAdmins(ctx context.Context, tx *db.Tx, account int64) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_role r JOIN accounts_account a ON a.id = r.account_id
		WHERE r.role = $1 AND a.id <> $2 AND a.closed_at = 0`, string(RoleAdmin), account).Scan(&n)
	return n, err
}

func insertSession(ctx context.Context, tx *db.Tx, account int64, h tokenHash, s Session) (int64, error) {
	err := tx.QueryRow(ctx, `INSERT INTO accounts_session (account_id, hash, created_at, last_seen_at, ip, agent)
		VALUES ($1, $2, $3, $3, $4, $5) RETURNING id`,
		account, h[:], db.Micros(s.CreatedAt), s.IP, s.Agent).Scan(&s.ID)
	return s.ID, err
}

// trimSessions leaves the n sessions of an account that were seen last.
func trimSessions(ctx context.Context, tx *db.Tx, account int64, n int) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_session WHERE account_id = $1 AND id NOT IN (
		SELECT id FROM accounts_session WHERE account_id = $1 ORDER BY last_seen_at DESC, id DESC LIMIT $2)`, account, n)
	return err
}

// findSession returns what a session's token stands for; fault.NotFound.
func findSession(ctx context.Context, tx *db.Tx, h tokenHash) (credential, error) {
	c := credential{caller: caller{Principal: Principal{Via: ViaSession}}}
	var created, seen, verified int64
	err := tx.QueryRow(ctx, `SELECT s.id, s.created_at, s.last_seen_at, a.id, a.name, COALESCE(t.steam_id, 0), COALESCE(e.verified_at, 1)
		FROM accounts_session s JOIN accounts_account a ON a.id = s.account_id
		LEFT JOIN accounts_steam t ON t.account_id = a.id LEFT JOIN accounts_email e ON e.account_id = a.id
		WHERE s.hash = $1 AND a.closed_at = 0`, h[:]).
		Scan(&c.sessionID, &created, &seen, &c.AccountID, &c.Name, &c.SteamID, &verified)
	if err != nil {
		return credential{}, err
	}
	c.created, c.seen, c.Unverified = db.Time(created), db.Time(seen), verified == 0
	c.Roles, err = rolesOf(ctx, tx, c.AccountID)
	return c, err
}

func touchSession(ctx context.Context, tx *db.Tx, id int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_session SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1`,
		db.Micros(now), id)
	return err
}

// listSessions returns the sessions of an account, the last seen first.
func listSessions(ctx context.Context, tx *db.Tx, account int64) ([]Session, error) {
	rows, err := tx.Query(ctx, `SELECT id, created_at, last_seen_at, ip, agent FROM accounts_session
		WHERE account_id = $1 ORDER BY last_seen_at DESC, id DESC`, account)
	return collect(rows, err, func(r *sql.Rows, s *Session) error {
		var created, seen int64
		err := r.Scan(&s.ID, &created, &seen, &s.IP, &s.Agent)
		s.CreatedAt, s.LastSeen = db.Time(created), db.Time(seen)
		return err
	})
}

// deleteSession reports whether the account had the session.
func deleteSession(ctx context.Context, tx *db.Tx, account, id int64) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM accounts_session WHERE account_id = $1 AND id = $2`, account, id)
	return n > 0, err
}

func deleteSessionByHash(ctx context.Context, tx *db.Tx, h tokenHash) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_session WHERE hash = $1`, h[:])
	return err
}

// deleteOtherSessions ends all sessions of an account but one (0: all).
func deleteOtherSessions(ctx context.Context, tx *db.Tx, account, keep int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_session WHERE account_id = $1 AND id <> $2`, account, keep)
	return err
}

func deleteExpiredSessions(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_session WHERE last_seen_at <= $1 OR created_at <= $2`,
		db.Micros(now.Add(-sessionIdle)), db.Micros(now.Add(-sessionAbsolute)))
	return err
}

func insertKey(ctx context.Context, tx *db.Tx, k APIKey, h tokenHash) (int64, error) {
	err := tx.QueryRow(ctx, `INSERT INTO accounts_key
		(account_id, kind, label, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0) RETURNING id`,
		k.AccountID, k.Kind, k.Label, k.Prefix, h[:], strings.Join(k.Scopes, " "),
		db.Micros(k.CreatedAt), db.Micros(k.ExpiresAt)).Scan(&k.ID)
	return k.ID, err
}

// findKey returns what an API key stands for; fault.NotFound.
func findKey(ctx context.Context, tx *db.Tx, h tokenHash) (credential, error) {
	c := credential{caller: caller{Principal: Principal{Via: ViaKey}}}
	var used, expires, revoked, verified int64
	var scopes string
	err := tx.QueryRow(ctx, `SELECT k.id, k.scopes, k.last_used_at, k.expires_at, k.revoked_at, a.id, a.name, COALESCE(t.steam_id, 0),
		COALESCE(e.verified_at, 1) FROM accounts_key k JOIN accounts_account a ON a.id = k.account_id
		LEFT JOIN accounts_steam t ON t.account_id = a.id LEFT JOIN accounts_email e ON e.account_id = a.id
		WHERE k.hash = $1 AND a.closed_at = 0`, h[:]).
		Scan(&c.keyID, &scopes, &used, &expires, &revoked, &c.AccountID, &c.Name, &c.SteamID, &verified)
	if err != nil {
		return credential{}, err
	}
	c.Scopes, c.Unverified = strings.Fields(scopes), verified == 0
	c.seen, c.expires, c.revoked = db.Time(used), db.Time(expires), db.Time(revoked)
	c.Roles, err = rolesOf(ctx, tx, c.AccountID)
	return c, err
}

func touchKey(ctx context.Context, tx *db.Tx, id int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_key SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1`,
		db.Micros(now), id)
	return err
}

// listKeys returns up to n keys of an account (0: of all), the newest first,
// with ids below before.
func listKeys(ctx context.Context, tx *db.Tx, account, before int64, n int) ([]APIKey, error) {
	rows, err := tx.Query(ctx, `SELECT k.id, k.account_id, a.name, k.kind, k.label, k.prefix, k.scopes,
		k.created_at, k.expires_at, k.last_used_at, k.revoked_at
		FROM accounts_key k JOIN accounts_account a ON a.id = k.account_id
		WHERE (k.account_id = $1 OR $1 = 0) AND k.id < $2 ORDER BY k.id DESC LIMIT $3`, account, before, n)
	return collect(rows, err, func(r *sql.Rows, k *APIKey) error {
		var created, expires, used, revoked int64
		var scopes string
		err := r.Scan(&k.ID, &k.AccountID, &k.Account, &k.Kind, &k.Label, &k.Prefix, &scopes,
			&created, &expires, &used, &revoked)
		k.Scopes = append([]string{}, strings.Fields(scopes)...)
		k.CreatedAt, k.ExpiresAt = db.Time(created), db.Time(expires)
		k.LastUsed, k.RevokedAt = db.Time(used), db.Time(revoked)
		return err
	})
}

// countKeys counts the keys of an account that are not revoked.
func countKeys(ctx context.Context, tx *db.Tx, account int64) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_key WHERE account_id = $1 AND revoked_at = 0`, account).Scan(&n)
	return n, err
}

// revokeKey marks a key of the account (0: of any) and returns its prefix and
// owner; fault.NotFound.
func revokeKey(ctx context.Context, tx *db.Tx, id, account int64, now time.Time) (prefix, owner string, err error) {
	err = tx.QueryRow(ctx, `SELECT k.prefix, a.name FROM accounts_key k JOIN accounts_account a ON a.id = k.account_id
		WHERE k.id = $1 AND (k.account_id = $2 OR $2 = 0)`, id, account).Scan(&prefix, &owner)
	if fault.Is(err, fault.NotFound) {
		return "", "", fault.New(fault.NotFound, "There is no such API key")
	}
	if err != nil {
		return "", "", err
	}
	_, err = tx.Exec(ctx, `UPDATE accounts_key SET revoked_at = $1 WHERE id = $2 AND revoked_at = 0`, db.Micros(now), id)
	return prefix, owner, err
}

func insertAudit(ctx context.Context, tx *db.Tx, e AuditEntry) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_audit (at, account_id, who, via, action, target, detail, ip)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		db.Micros(e.At), e.AccountID, e.Who, e.Via, e.Action, e.Target, e.Detail, e.IP)
	return err
}

// listAudit returns up to n entries with ids below before, the newest first;
// action "" means all.
func listAudit(ctx context.Context, tx *db.Tx, action string, before int64, n int) ([]AuditEntry, error) {
	rows, err := tx.Query(ctx, `SELECT id, at, account_id, who, via, action, target, detail, ip FROM accounts_audit
		WHERE id < $1 AND ($2 = '' OR action = $2) ORDER BY id DESC LIMIT $3`, before, action, n)
	return collect(rows, err, func(r *sql.Rows, e *AuditEntry) error {
		var at int64
		err := r.Scan(&e.ID, &at, &e.AccountID, &e.Who, &e.Via, &e.Action, &e.Target, &e.Detail, &e.IP)
		e.At = db.Time(at)
		return err
	})
}

// listAuditOf returns what an account did, the newest first, at most n entries.
func listAuditOf(ctx context.Context, tx *db.Tx, account int64, n int) ([]AuditEntry, error) {
	rows, err := tx.Query(ctx, `SELECT id, at, account_id, who, via, action, target, detail, ip FROM accounts_audit
		WHERE account_id = $1 ORDER BY id DESC LIMIT $2`, account, n)
	return collect(rows, err, func(r *sql.Rows, e *AuditEntry) error {
		var at int64
		err := r.Scan(&e.ID, &at, &e.AccountID, &e.Who, &e.Via, &e.Action, &e.Target, &e.Detail, &e.IP)
		e.At = db.Time(at)
		return err
	})
}

func deleteOldAudit(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_audit WHERE at < $1`, db.Micros(now.Add(-auditLifetime)))
	return err
}

// putSetup makes h the only open first-run link.
func putSetup(ctx context.Context, tx *db.Tx, h tokenHash, expires time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts_setup (id, hash, expires_at) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET hash = $1, expires_at = $2`, h[:], db.Micros(expires))
	return err
}

// hasSetup reports whether the link is open.
func hasSetup(ctx context.Context, tx *db.Tx, h tokenHash, now time.Time) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_setup WHERE hash = $1 AND expires_at > $2`,
		h[:], db.Micros(now)).Scan(&n)
	return n > 0, err
}

// takeSetup closes the link and reports whether it was open.
func takeSetup(ctx context.Context, tx *db.Tx, h tokenHash, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM accounts_setup WHERE hash = $1 AND expires_at > $2`, h[:], db.Micros(now))
	return n > 0, err
}

func deleteSetup(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM accounts_setup`)
	return err
}
