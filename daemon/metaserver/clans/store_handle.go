package clans

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The kinds of handles.
const (
	handleTag  = "tag"
	handleName = "name"
)

// maxGivenUp is how many tags, and how many names, a clan that stands keeps
// others from taking besides those it has.
const maxGivenUp = 3

// nobody as the heir of a handle keeps it from everybody, its clan too.
const nobody = -1

// claim gives a tag or name to a clan, or answers false when another has it.
// One that was given up is free for its clan and for its heir at any time, and
// for all when its time is over.
func claim(ctx context.Context, tx *db.Tx, kind, handle string, clan, account int64, now time.Time) (bool, error) {
	var holder, heir, until int64
	err := tx.QueryRow(ctx, "SELECT clan_id, account_id, until FROM metaserver_clan_handle WHERE kind = $1 AND handle = $2", kind, handle).
		Scan(&holder, &heir, &until)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	if err == nil {
		over := until != 0 && until <= db.Micros(now)
		own := holder == clan && heir != nobody
		inherited := until != 0 && heir != 0 && heir == account
		if !over && !own && !inherited {
			return false, nil
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO metaserver_clan_handle (kind, handle, clan_id, account_id, until) VALUES ($1, $2, $3, 0, 0)
		ON CONFLICT (kind, handle) DO UPDATE SET clan_id = $3, account_id = 0, until = 0`, kind, handle, clan)
	return err == nil, err
}

// giveUp reserves what a clan has of a kind until a time: for the clan, and
// for the heir unless that is 0; or for nobody.
func giveUp(ctx context.Context, tx *db.Tx, kind string, clan, heir int64, until time.Time) error {
	_, err := tx.Exec(ctx, "UPDATE metaserver_clan_handle SET until = $1, account_id = $2 WHERE kind = $3 AND clan_id = $4 AND until = 0",
		db.Micros(until), heir, kind, clan)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM metaserver_clan_handle WHERE kind = $1 AND clan_id = $2 AND until <> 0 AND account_id <> -1 AND handle NOT IN (
		SELECT handle FROM metaserver_clan_handle WHERE kind = $1 AND clan_id = $2 AND until <> 0 AND account_id <> -1 ORDER BY until DESC, handle LIMIT $3)`,
		kind, clan, maxGivenUp)
	return err
}

// countFounded counts the clans that the account founded and that stand or
// still keep others from their tag.
func countFounded(ctx context.Context, tx *db.Tx, account int64, now time.Time) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM metaserver_clan c WHERE c.founder = $1 AND (c.disbanded_at = 0
		OR EXISTS (SELECT 1 FROM metaserver_clan_handle h WHERE h.clan_id = c.id AND h.until > $2))`, account, db.Micros(now)).Scan(&n)
	return n, err
}

// forgetGivenUp frees what was reserved until now.
func forgetGivenUp(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, "DELETE FROM metaserver_clan_handle WHERE until <> 0 AND until <= $1", db.Micros(now))
	return err
}
