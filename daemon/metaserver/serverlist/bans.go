package serverlist

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Ban keeps a player from a server. It is the game server that does so; this
// is the list that it reads.
type Ban struct {
	Account int64
	Reason  string
	By      int64 // account
	At      time.Time
	Until   time.Time // zero: for ever
}

// maxBans bounds the bans of one server.
const maxBans = 5000

func (s *Service) owns(ctx context.Context, tx *db.Tx, owner, id int64) (Server, error) {
	v, err := find(ctx, tx, id)
	if err == nil && owner != Everybody && v.Owner != owner {
		err = errNoServer
	}
	return v, err
}

// Ban keeps an account from a server, in place of what was said of it before.
// fault.Invalid, fault.NotFound; fault.Conflict: there are too many.
func (s *Service) Ban(ctx context.Context, owner, id int64, b Ban) error {
	b.Reason = Clean(b.Reason)
	if b.Account < 1 || utf8.RuneCountInString(b.Reason) > maxReason {
		return fault.New(fault.Invalid, "A ban needs an account, and a reason of at most %d characters", maxReason)
	}
	if !b.Until.IsZero() && !b.Until.After(s.now()) {
		return fault.New(fault.Invalid, "The ban would be over already")
	}
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		v, err := s.owns(ctx, tx, owner, id)
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM serverlist_ban WHERE server_id = $1 AND account_id <> $2", id, b.Account).Scan(&n); err != nil {
			return err
		}
		if n >= maxBans {
			return fault.New(fault.Conflict, "This server keeps %d players out already", maxBans)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO serverlist_ban (server_id, account_id, reason, created_by, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (server_id, account_id) DO UPDATE SET
			reason = excluded.reason, created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at`,
			id, b.Account, b.Reason, b.By, db.Micros(s.now()), db.Micros(b.Until)); err != nil {
			return err
		}
		return s.audit(ctx, tx, "server.ban", target(&v), fmt.Sprintf("account #%d: %s", b.Account, b.Reason))
	})
}

// Unban lets an account in again. fault.NotFound: it was not kept out.
func (s *Service) Unban(ctx context.Context, owner, id, account int64) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		v, err := s.owns(ctx, tx, owner, id)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "DELETE FROM serverlist_ban WHERE server_id = $1 AND account_id = $2", id, account)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "This account is not kept out")
		}
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, "server.unban", target(&v), fmt.Sprintf("account #%d", account))
	})
}

// Bans returns who is kept from a server of an owner at the moment, by
// account.
func (s *Service) Bans(ctx context.Context, owner, id int64) (all []Ban, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		all = []Ban{}
		if _, err := s.owns(ctx, tx, owner, id); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT account_id, reason, created_by, created_at, expires_at FROM serverlist_ban
			WHERE server_id = $1 AND (expires_at = 0 OR expires_at > $2) ORDER BY account_id`, id, db.Micros(s.now()))
		return db.EachRow(rows, err, func() error {
			var b Ban
			var at, until int64
			err := rows.Scan(&b.Account, &b.Reason, &b.By, &at, &until)
			b.At, b.Until = db.Time(at), db.Time(until)
			all = append(all, b)
			return err
		})
	})
	return all, err
}

func deleteBans(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM serverlist_ban WHERE server_id = $1", id)
	return err
}

// pruneBans forgets those that are over.
func pruneBans(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, "DELETE FROM serverlist_ban WHERE expires_at > 0 AND expires_at <= $1", db.Micros(now))
	return err
}
