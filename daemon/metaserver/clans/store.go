package clans

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// All SQL of the clans and their links. Every function runs inside its
// caller's transaction.

type scanner interface{ Scan(dest ...any) error }

const clanColumns = "id, tag, name, members, founder, created_at, disbanded_at, disband_reason"

func scanClan(row scanner, more ...any) (c Clan, err error) {
	var created, disbanded int64
	err = row.Scan(append([]any{&c.ID, &c.Tag, &c.Name, &c.Members, &c.Founder, &created, &disbanded, &c.Reason}, more...)...)
	c.Created, c.Disbanded = db.Time(created), db.Time(disbanded)
	return c, err
}

// selectClans returns clans; a condition follows WHERE.
func selectClans(ctx context.Context, tx *db.Tx, icons bool, where string, args ...any) (all []Clan, err error) {
	columns := clanColumns
	if icons {
		columns += ", icon"
	}
	all = []Clan{}
	rows, err := tx.Query(ctx, "SELECT "+columns+" FROM metaserver_clan WHERE "+where, args...)
	err = db.EachRow(rows, err, func() error {
		var icon string
		var more []any
		if icons {
			more = append(more, &icon)
		}
		c, err := scanClan(rows, more...)
		c.Icon = icon
		all = append(all, c)
		return err
	})
	return all, err
}

// selectClan returns one clan with its icon; NoClan.
func selectClan(ctx context.Context, tx *db.Tx, id int64) (Clan, error) {
	var icon string
	c, err := scanClan(tx.QueryRow(ctx, "SELECT "+clanColumns+", icon FROM metaserver_clan WHERE id = $1", id), &icon)
	if fault.Is(err, fault.NotFound) {
		err = refuse(NoClan)
	}
	c.Icon = icon
	return c, err
}

// hasClan returns NoClan when there is no such clan.
func hasClan(ctx context.Context, tx *db.Tx, id int64) error {
	var one int
	err := tx.QueryRow(ctx, "SELECT 1 FROM metaserver_clan WHERE id = $1", id).Scan(&one)
	if fault.Is(err, fault.NotFound) {
		err = refuse(NoClan)
	}
	return err
}

func insertClan(ctx context.Context, tx *db.Tx, c *Clan, now time.Time) error {
	return tx.QueryRow(ctx, `INSERT INTO metaserver_clan (tag, name, icon, name_key, search, founder, members, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7) RETURNING id`,
		string(c.Tag), c.Name, c.Icon, Fold(c.Name), searchText(c.Tag, c.Name), c.Founder, db.Micros(now)).Scan(&c.ID)
}

// searchText is what a search looks through.
func searchText(tag Tag, name string) string { return Fold(tag.Visible()) + "\n" + Fold(name) }

// touchClan takes the clan for this transaction and reports whether there is
// one.
func touchClan(ctx context.Context, tx *db.Tx, id int64, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, "UPDATE metaserver_clan SET updated_at = $1 WHERE id = $2", db.Micros(now), id)
	return n > 0, err
}

func updateText(ctx context.Context, tx *db.Tx, c Clan) error {
	_, err := tx.Exec(ctx, "UPDATE metaserver_clan SET tag = $1, name = $2, name_key = $3, search = $4 WHERE id = $5",
		string(c.Tag), c.Name, Fold(c.Name), searchText(c.Tag, c.Name), c.ID)
	return err
}

func updateIcon(ctx context.Context, tx *db.Tx, id int64, icon string) error {
	_, err := tx.Exec(ctx, "UPDATE metaserver_clan SET icon = $1 WHERE id = $2", icon, id)
	return err
}

func disbandClan(ctx context.Context, tx *db.Tx, id int64, reason string, now time.Time) error {
	_, err := tx.Exec(ctx, "UPDATE metaserver_clan SET disbanded_at = $1, disband_reason = $2 WHERE id = $3", db.Micros(now), reason, id)
	return err
}

// countMembers makes the number of members what the links say.
func countMembers(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, `UPDATE metaserver_clan SET members = (SELECT COUNT(*) FROM metaserver_clan_link
		WHERE clan_id = $1 AND joined_at <> 0 AND closed_at = 0) WHERE id = $1`, id)
	return err
}

const linkColumns = "l.clan_id, l.account_id, l.rank, l.invited_at, l.joined_at, l.closed_at, l.reason"

func scanLink(row scanner, more ...any) (l Link, err error) {
	var invited, joined, closed int64
	err = row.Scan(append([]any{&l.Clan, &l.Account, &l.Rank, &invited, &joined, &closed, &l.Reason}, more...)...)
	l.Invited, l.Joined, l.Closed = db.Time(invited), db.Time(joined), db.Time(closed)
	return l, err
}

// Conditions on a link l.
const (
	isMember  = "l.joined_at <> 0 AND l.closed_at = 0"
	isInvited = "l.joined_at = 0 AND l.closed_at = 0"
)

// selectLinks returns links by clan and account; a condition follows WHERE.
func selectLinks(ctx context.Context, tx *db.Tx, where string, args ...any) (all []Link, err error) {
	all = []Link{}
	rows, err := tx.Query(ctx, "SELECT "+linkColumns+" FROM metaserver_clan_link l WHERE "+where+" ORDER BY l.clan_id, l.account_id", args...)
	err = db.EachRow(rows, err, func() error {
		l, err := scanLink(rows)
		all = append(all, l)
		return err
	})
	return all, err
}

// selectLink returns what the account has to do with the clan; the zero Link
// when that is nothing.
func selectLink(ctx context.Context, tx *db.Tx, clan, account int64) (Link, error) {
	l, err := scanLink(tx.QueryRow(ctx, "SELECT "+linkColumns+" FROM metaserver_clan_link l WHERE l.clan_id = $1 AND l.account_id = $2", clan, account))
	if fault.Is(err, fault.NotFound) {
		return Link{}, nil
	}
	return l, err
}

// selectBelongings returns links with their clans; a condition on l follows
// WHERE.
func selectBelongings(ctx context.Context, tx *db.Tx, where string, args ...any) (all []Belonging, err error) {
	all = []Belonging{}
	rows, err := tx.Query(ctx, "SELECT "+linkColumns+", c.tag, c.name FROM metaserver_clan_link l JOIN metaserver_clan c ON c.id = l.clan_id WHERE "+
		where+" ORDER BY l.account_id, l.clan_id", args...)
	err = db.EachRow(rows, err, func() error {
		var b Belonging
		b.Link, err = scanLink(rows, &b.Tag, &b.Name)
		all = append(all, b)
		return err
	})
	return all, err
}

// putLink writes a link, whether there was one or not.
func putLink(ctx context.Context, tx *db.Tx, l Link) error {
	_, err := tx.Exec(ctx, `INSERT INTO metaserver_clan_link (clan_id, account_id, rank, invited_at, joined_at, closed_at, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (clan_id, account_id) DO UPDATE SET rank = $3, invited_at = $4, joined_at = $5, closed_at = $6, reason = $7`,
		l.Clan, l.Account, string(l.Rank), db.Micros(l.Invited), db.Micros(l.Joined), db.Micros(l.Closed), string(l.Reason))
	return err
}

// closeAll closes every link of a clan: its members leave, its invitations
// are retracted.
func closeAll(ctx context.Context, tx *db.Tx, clan int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE metaserver_clan_link SET closed_at = $1,
		reason = CASE WHEN joined_at <> 0 THEN 'left' ELSE 'retracted' END WHERE clan_id = $2 AND closed_at = 0`, db.Micros(now), clan)
	return err
}

// countLinks counts the members and open invitations, and the owners.
func countLinks(ctx context.Context, tx *db.Tx, clan int64) (open, owners int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN joined_at <> 0 AND rank = 'owner' THEN 1 ELSE 0 END), 0) AS BIGINT)
		FROM metaserver_clan_link WHERE clan_id = $1 AND closed_at = 0`, clan).Scan(&open, &owners)
	return open, owners, err
}

// linkedAccounts returns up to n accounts above after that have open links.
func linkedAccounts(ctx context.Context, tx *db.Tx, after int64, n int) (all []int64, err error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT account_id FROM metaserver_clan_link
		WHERE closed_at = 0 AND account_id > $1 ORDER BY account_id LIMIT $2`, after, n)
	err = db.EachRow(rows, err, func() error {
		var id int64
		err := rows.Scan(&id)
		all = append(all, id)
		return err
	})
	return all, err
}
