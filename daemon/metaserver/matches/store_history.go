package matches

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// condition is a WHERE that is put together. Its parts have ? for parameters.
type condition struct {
	parts []string
	args  []any
}

func (w *condition) and(part string, args ...any) {
	var b strings.Builder
	n := len(w.args)
	for i := range len(part) {
		if part[i] != '?' {
			b.WriteByte(part[i])
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	w.parts, w.args = append(w.parts, b.String()), append(w.args, args...)
}

// sql is the condition, also when it has no parts.
func (w *condition) sql() string {
	if len(w.parts) == 0 {
		return "1 = 1"
	}
	return strings.Join(w.parts, " AND ")
}

// apply adds the filter to a condition.
func (f Filter) apply(w *condition) {
	if f.Server != 0 {
		w.and("server_id = ?", f.Server)
	}
	if !f.From.IsZero() {
		w.and("at >= ?", db.Micros(f.From))
	}
	if !f.To.IsZero() {
		w.and("at < ?", db.Micros(f.To))
	}
	switch {
	case f.Player != 0 && f.Race != "":
		w.and("id IN (SELECT p.match_id FROM matches_player p JOIN matches_team t ON t.match_id = p.match_id AND t.team = p.team"+
			" WHERE p.counted AND p.player = ? AND t.race = ?)", f.Player, string(f.Race))
	case f.Player != 0:
		w.and("id IN (SELECT match_id FROM matches_player WHERE counted AND player = ?)", f.Player)
	case f.Race == Human:
		w.and("human")
	case f.Race == Beast:
		w.and("beast")
	}
}

const matchColumns = "id, server_id, server_key, at, map, winner, formula, initial, team_weight, step, floor, voided_at, voided_by, void_reason"

func scanMatch(row scanner) (m Match, err error) {
	var key sql.NullString
	var at, voided int64
	var formula string
	p := &m.Parameters
	err = row.Scan(&m.ID, &m.Server, &key, &at, &m.Map, &m.Winner, &formula, &p.Initial, &p.Team, &p.Step, &p.Floor,
		&voided, &m.VoidedBy, &m.VoidReason)
	m.Key, m.At, m.VoidedAt, p.Formula = key.String, db.Time(at), db.Time(voided), rating.Formula(formula)
	return m, err
}

// matches returns a part of those that a filter selects, the newest first,
// with their teams and of the people the commanders and the player that was
// asked for; and how many the filter selects.
func (st store) matches(ctx context.Context, f Filter, before int64, limit int) (all []Match, total int64, err error) {
	var w condition
	f.apply(&w)
	count, counted := "SELECT COUNT(*) FROM matches_match WHERE "+w.sql(), slices.Clone(w.args)
	if before > 0 {
		w.and("id < ?", before)
	}
	where := w.sql()
	w.args = append(w.args, limit)
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow(ctx, count, counted...).Scan(&total); err != nil {
			return err
		}
		all, err = read(ctx, tx, scanMatch, "SELECT "+matchColumns+" FROM matches_match WHERE "+where+
			" ORDER BY id DESC LIMIT $"+strconv.Itoa(len(w.args)), w.args...)
		if err != nil {
			return err
		}
		return withTeams(ctx, tx, all, "(commander OR counted AND player = $1)", f.Player)
	})
	return all, total, err
}

// everybody is the condition that selects all who took part, with the lowest
// number as its parameter.
const everybody = "player >= $1"

// match returns one with everybody; fault.NotFound when there is none.
func match(ctx context.Context, tx *db.Tx, id int64) (Match, error) {
	m, err := scanMatch(tx.QueryRow(ctx, "SELECT "+matchColumns+" FROM matches_match WHERE id = $1", id))
	if err != nil {
		return Match{}, err
	}
	all := []Match{m}
	err = withTeams(ctx, tx, all, everybody, math.MinInt64)
	return all[0], err
}

// withTeams adds to matches their teams, and the people that a condition
// selects, whose first parameter is arg.
func withTeams(ctx context.Context, tx *db.Tx, all []Match, people string, arg int64) error {
	for some := range slices.Chunk(all, maxIn) {
		at, ids := make(map[int64]*Match, len(some)), make([]int64, len(some))
		for i := range some {
			at[some[i].ID], ids[i] = &some[i], some[i].ID
		}
		if err := addTeams(ctx, tx, at, ids); err != nil {
			return err
		}
		if err := addEntries(ctx, tx, at, ids, people, arg); err != nil {
			return err
		}
	}
	return nil
}

func addTeams(ctx context.Context, tx *db.Tx, at map[int64]*Match, ids []int64) error {
	in, args := list(1, ids)
	_, err := read(ctx, tx, func(row scanner) (t RatedTeam, err error) {
		var id int64
		var race string
		err = row.Scan(&id, &t.ID, &race, &t.Mean, &t.Opponent, &t.Field)
		t.Race = Race(race)
		if m := at[id]; m != nil {
			m.Teams = append(m.Teams, t)
		}
		return t, err
	}, "SELECT match_id, team, race, mean, opponent, field FROM matches_team WHERE match_id IN ("+in+") ORDER BY match_id, position", args...)
	return err
}

func addEntries(ctx context.Context, tx *db.Tx, at map[int64]*Match, ids []int64, people string, arg int64) error {
	in, args := list(2, ids)
	_, err := read(ctx, tx, func(row scanner) (e Entry, err error) {
		var id int64
		var team int
		var commander bool
		err = row.Scan(&id, &team, &commander, &e.Player, &e.Counted, &e.Before, &e.Expected, &e.After)
		if m := at[id]; m != nil {
			m.add(team, commander, e)
		}
		return e, err
	}, "SELECT match_id, team, commander, player, counted, before, expected, after FROM matches_player WHERE "+people+
		" AND match_id IN ("+in+") ORDER BY match_id, team, commander, player", append([]any{arg}, args...)...)
	return err
}

func (m *Match) add(team int, commander bool, e Entry) {
	for i := range m.Teams {
		switch t := &m.Teams[i]; {
		case t.ID != team:
		case commander:
			t.Commander = e
		default:
			t.Players = append(t.Players, e)
		}
	}
}

// endBefore returns when the match before one ended on its server; the zero
// time when there was none.
func endBefore(ctx context.Context, tx *db.Tx, m Match) (time.Time, error) {
	var at int64
	err := tx.QueryRow(ctx, "SELECT at FROM matches_match WHERE server_id = $1 AND id < $2 ORDER BY id DESC LIMIT 1", m.Server, m.ID).Scan(&at)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return db.Time(at), err
}
