package matches

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// store is all SQL of matches.
type store struct{ db *db.DB }

type scanner interface{ Scan(dest ...any) error }

// read returns all rows of a query.
func read[T any](ctx context.Context, tx *db.Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	all := []T{}
	err = db.EachRow(rows, err, func() error {
		v, err := scan(rows)
		all = append(all, v)
		return err
	})
	return all, err
}

// inSizes are the lengths of lists in statements. There are few, so that all
// statements are kept prepared.
var inSizes = [...]int{1, 4, 16, 64, 256}

// maxIn is the longest list.
const maxIn = 256

// list returns the parameters beginning with number start for a list of at
// most maxIn ids, and the ids, the last of them repeated to fill it.
func list(start int, ids []int64) (string, []any) {
	if len(ids) == 0 {
		return "NULL", nil
	}
	size := inSizes[slices.IndexFunc(inSizes[:], func(n int) bool { return n >= len(ids) })]
	args := make([]any, size)
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)]
	}
	return db.In(start, size), args
}

// put inserts rows of equal length by as few statements as there are, of a few
// lengths. head goes before VALUES, tail after them.
func put(ctx context.Context, tx *db.Tx, head, tail string, rows [][]any) error {
	for size := 128; size > 0; size /= 2 {
		for len(rows) >= size {
			if _, err := tx.Exec(ctx, head+" VALUES "+values(size, len(rows[0]))+tail, slices.Concat(rows[:size]...)...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}

// values are the parameters of n rows: ($1,$2),($3,$4)
func values(n, columns int) string {
	var b strings.Builder
	for i := range n * columns {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%columns == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// insertMatch adds a match without its teams. When its server reported it
// before, fresh is false and id that of the match.
func insertMatch(ctx context.Context, tx *db.Tx, m Match, human, beast bool) (id int64, fresh bool, err error) {
	key := sql.NullString{String: m.Key, Valid: m.Key != ""}
	p := m.Parameters
	err = tx.QueryRow(ctx, "INSERT INTO matches_match (server_id, server_key, at, map, winner, human, beast, formula, initial, team_weight, step, floor) VALUES ("+
		db.In(1, 12)+") ON CONFLICT (server_id, server_key) DO NOTHING RETURNING id",
		m.Server, key, db.Micros(m.At), m.Map, m.Winner, human, beast, string(p.Formula), p.Initial, p.Team, p.Step, p.Floor).Scan(&id)
	if !fault.Is(err, fault.NotFound) {
		return id, true, err
	}
	err = tx.QueryRow(ctx, "SELECT id FROM matches_match WHERE server_id = $1 AND server_key = $2", m.Server, m.Key).Scan(&id)
	return id, false, err
}

// putTeams writes the teams of a match.
func putTeams(ctx context.Context, tx *db.Tx, match int64, teams []RatedTeam) error {
	rows := make([][]any, len(teams))
	for i, t := range teams {
		rows[i] = []any{match, t.ID, i, string(t.Race), t.Mean, t.Opponent, t.Field}
	}
	return put(ctx, tx, "INSERT INTO matches_team (match_id, team, position, race, mean, opponent, field)",
		" ON CONFLICT (match_id, team) DO UPDATE SET mean = excluded.mean, opponent = excluded.opponent", rows)
}

// putEntries writes who took part in matches.
func putEntries(ctx context.Context, tx *db.Tx, matches []*Match) error {
	var rows [][]any
	for _, m := range matches {
		for _, t := range m.Teams {
			for _, e := range t.Players {
				rows = append(rows, []any{m.ID, t.ID, false, e.Player, e.Counted, e.Before, e.Expected, e.After})
			}
			rows = append(rows, []any{m.ID, t.ID, true, t.Commander.Player, t.Commander.Counted, 0.0, 0.0, 0.0})
		}
	}
	return put(ctx, tx, "INSERT INTO matches_player (match_id, team, commander, player, counted, before, expected, after)",
		" ON CONFLICT (match_id, team, commander, player) DO UPDATE SET before = excluded.before, expected = excluded.expected, after = excluded.after", rows)
}

const statsColumns = "account_id, server_id, first_seen_at, last_seen_at, played_field, played_command, won_field, won_command, rating, hidden"

func scanStats(row scanner) (st Stats, err error) {
	var first, last int64
	err = row.Scan(&st.Account, &st.Server, &first, &last, &st.PlayedField, &st.PlayedCommand, &st.WonField, &st.WonCommand, &st.Rating, &st.Hidden)
	st.FirstSeen, st.LastSeen = db.Time(first), db.Time(last)
	return st, err
}

// statsOn returns the statistics that accounts have on a server, by account.
func statsOn(ctx context.Context, tx *db.Tx, server int64, accounts []int64) (map[int64]Stats, error) {
	found := make(map[int64]Stats, len(accounts))
	for some := range slices.Chunk(accounts, maxIn) {
		in, args := list(2, some)
		all, err := read(ctx, tx, scanStats, "SELECT "+statsColumns+" FROM matches_stats WHERE server_id = $1 AND account_id IN ("+in+")",
			append([]any{server}, args...)...)
		if err != nil {
			return nil, err
		}
		for _, st := range all {
			found[st.Account] = st
		}
	}
	return found, nil
}

// putStats writes statistics, whether there were any or not.
func putStats(ctx context.Context, tx *db.Tx, all []Stats) error {
	rows := make([][]any, len(all))
	for i, st := range all {
		rows[i] = []any{st.Account, st.Server, db.Micros(st.FirstSeen), db.Micros(st.LastSeen),
			st.PlayedField, st.PlayedCommand, st.WonField, st.WonCommand, st.Rating, st.Hidden}
	}
	return put(ctx, tx, "INSERT INTO matches_stats ("+statsColumns+")",
		" ON CONFLICT (account_id, server_id) DO UPDATE SET first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at,"+
			" played_field = excluded.played_field, played_command = excluded.played_command, won_field = excluded.won_field,"+
			" won_command = excluded.won_command, rating = excluded.rating, hidden = excluded.hidden", rows)
}

// refreshStandings computes the sums over all servers of accounts anew. The
// rating is the mean of those on the servers, each weighted by the matches in
// the field there.
func refreshStandings(ctx context.Context, tx *db.Tx, accounts []int64) error {
	for some := range slices.Chunk(accounts, maxIn) {
		in, args := list(1, some)
		_, err := tx.Exec(ctx, "INSERT INTO matches_standing (account_id, first_seen_at, last_seen_at, played_field, played_command, won_field, won_command, rating, hidden)"+
			" SELECT account_id, MIN(first_seen_at), MAX(last_seen_at), SUM(played_field), SUM(played_command), SUM(won_field), SUM(won_command),"+
			" CASE WHEN SUM(played_field) > 0 THEN SUM(rating * played_field) / SUM(played_field) ELSE MAX(rating) END,"+
			" SUM(CASE WHEN hidden THEN 1 ELSE 0 END) > 0 FROM matches_stats WHERE account_id IN ("+in+") GROUP BY account_id"+
			" ON CONFLICT (account_id) DO UPDATE SET first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at,"+
			" played_field = excluded.played_field, played_command = excluded.played_command, won_field = excluded.won_field,"+
			" won_command = excluded.won_command, rating = excluded.rating, hidden = excluded.hidden", args...)
		if err != nil {
			return err
		}
	}
	return nil
}
