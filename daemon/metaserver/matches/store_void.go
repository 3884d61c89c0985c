package matches

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

func markVoid(ctx context.Context, tx *db.Tx, m Match) error {
	_, err := tx.Exec(ctx, "UPDATE matches_match SET voided_at = $2, voided_by = $3, void_reason = $4 WHERE id = $1",
		m.ID, db.Micros(m.VoidedAt), m.VoidedBy, m.VoidReason)
	return err
}

// following returns the matches of a server that count and came after one, in
// order, with everybody.
func following(ctx context.Context, tx *db.Tx, server, id int64, limit int) ([]Match, error) {
	all, err := read(ctx, tx, scanMatch, "SELECT "+matchColumns+" FROM matches_match WHERE server_id = $1 AND id > $2 AND voided_at = 0 ORDER BY id LIMIT $3",
		server, id, limit)
	if err != nil || len(all) == limit {
		return all, err
	}
	return all, withTeams(ctx, tx, all, everybody, math.MinInt64)
}

// lastSeen returns when accounts last took part in a match of a server that
// counts; those who never did are left out.
func lastSeen(ctx context.Context, tx *db.Tx, server int64, accounts []int64) (map[int64]time.Time, error) {
	seen := map[int64]time.Time{}
	for some := range slices.Chunk(accounts, maxIn) {
		in, args := list(2, some)
		_, err := read(ctx, tx, func(row scanner) (account int64, err error) {
			var at int64
			err = row.Scan(&account, &at)
			seen[account] = db.Time(at)
			return account, err
		}, "SELECT p.player, MAX(m.at) FROM matches_player p JOIN matches_match m ON m.id = p.match_id"+
			" WHERE m.server_id = $1 AND m.voided_at = 0 AND p.counted AND p.player IN ("+in+") GROUP BY p.player",
			append([]any{server}, args...)...)
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// deleteStats removes accounts from a server, and from the sums, which the
// caller makes anew.
func deleteStats(ctx context.Context, tx *db.Tx, server int64, accounts []int64) error {
	for some := range slices.Chunk(accounts, maxIn) {
		in, args := list(2, some)
		if _, err := tx.Exec(ctx, "DELETE FROM matches_stats WHERE server_id = $1 AND account_id IN ("+in+")", append([]any{server}, args...)...); err != nil {
			return err
		}
		in, args = list(1, some)
		if _, err := tx.Exec(ctx, "DELETE FROM matches_standing WHERE account_id IN ("+in+")", args...); err != nil {
			return err
		}
	}
	return nil
}
