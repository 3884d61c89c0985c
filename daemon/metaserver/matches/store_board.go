package matches

import (
	"context"
	"slices"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// standingColumns are statsColumns of the sums over all servers.
const standingColumns = "account_id, 0, first_seen_at, last_seen_at, played_field, played_command, won_field, won_command, rating, hidden"

// boardOf returns the columns and the table of a leaderboard and the condition
// for who is in it. The indexes begin with it.
func boardOf(server int64, least int) (columns, table string, w condition) {
	columns, table = standingColumns, "matches_standing"
	if server != Overall {
		columns, table = statsColumns, "matches_stats"
		w.and("server_id = ?", server)
	}
	w.and("NOT hidden")
	w.and("played_field >= ?", least)
	return columns, table, w
}

func board(ctx context.Context, tx *db.Tx, server int64, least int, from mark, limit int) ([]Stats, error) {
	columns, table, w := boardOf(server, least)
	if from.position > 0 {
		w.and("rating <= ? AND (rating < ? OR account_id > ?)", from.rating, from.rating, from.account)
	}
	query := "SELECT " + columns + " FROM " + table + " WHERE " + w.sql() + " ORDER BY rating DESC, account_id LIMIT $" + strconv.Itoa(len(w.args)+1)
	return read(ctx, tx, scanStats, query, append(w.args, limit)...)
}

// ladder returns the ratings of all who are in a leaderboard, the highest
// first.
func ladder(ctx context.Context, tx *db.Tx, server int64, least int) ([]float64, error) {
	_, table, w := boardOf(server, least)
	return read(ctx, tx, func(row scanner) (r float64, err error) {
		err = row.Scan(&r)
		return r, err
	}, "SELECT rating FROM "+table+" WHERE "+w.sql()+" ORDER BY rating DESC", w.args...)
}

// one returns the statistics of an account on a server, or on all of them;
// fault.NotFound when it never played there.
func one(ctx context.Context, tx *db.Tx, server, account int64) (Stats, error) {
	if server == Overall {
		return scanStats(tx.QueryRow(ctx, "SELECT "+standingColumns+" FROM matches_standing WHERE account_id = $1", account))
	}
	return scanStats(tx.QueryRow(ctx, "SELECT "+statsColumns+" FROM matches_stats WHERE account_id = $1 AND server_id = $2", account, server))
}

// everywhere returns the statistics of an account on each server.
func everywhere(ctx context.Context, tx *db.Tx, account int64, limit int) ([]Stats, error) {
	return read(ctx, tx, scanStats, "SELECT "+statsColumns+" FROM matches_stats WHERE account_id = $1 ORDER BY last_seen_at DESC, server_id LIMIT $2", account, limit)
}

// hide takes accounts out of the leaderboards, or puts them back.
func hide(ctx context.Context, tx *db.Tx, accounts []int64, hidden bool) error {
	for some := range slices.Chunk(accounts, maxIn) {
		in, args := list(2, some)
		for _, table := range []string{"matches_stats", "matches_standing"} {
			if _, err := tx.Exec(ctx, "UPDATE "+table+" SET hidden = $1 WHERE account_id IN ("+in+")", append([]any{hidden}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// hidden returns accounts that are in no leaderboard, by id.
func hidden(ctx context.Context, tx *db.Tx, after int64, limit int) ([]int64, error) {
	return read(ctx, tx, func(row scanner) (account int64, err error) {
		err = row.Scan(&account)
		return account, err
	}, "SELECT account_id FROM matches_standing WHERE hidden AND account_id > $1 ORDER BY account_id LIMIT $2", after, limit)
}

// sorted returns the ids in order, each once.
func sorted(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
