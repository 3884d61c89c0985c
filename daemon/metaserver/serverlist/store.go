package serverlist

import (
	"context"
	"encoding/json"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// store is all the SQL of the servers. Functions that take a Tx are parts of
// a transaction.
type store struct{ db *db.DB }

const columns = `id, account_id, host_name, port, display_name, description, game_type, max_player_count, current_map, current_player_count,
	extras, checked, state, reason, state_at, created_at, updated_at, offline_at, changed_at, revision`

type scanner interface{ Scan(dest ...any) error }

func scanServer(row scanner) (Server, error) {
	var s Server
	var extras, checked string
	var since, created, updated, offline, changed int64
	err := row.Scan(&s.ID, &s.Owner, &s.HostName, &s.Port, &s.Name, &s.Description, &s.GameType, &s.MaxPlayers, &s.Map, &s.Players,
		&extras, &checked, &s.State, &s.Reason, &since, &created, &updated, &offline, &changed, &s.revision)
	if err != nil {
		return Server{}, err
	}
	s.Since, s.Created, s.Updated, s.Offline, s.changed = db.Time(since), db.Time(created), db.Time(updated), db.Time(offline), db.Time(changed)
	if extras != "" {
		if err := json.Unmarshal([]byte(extras), &s.Extras); err != nil {
			return Server{}, err
		}
	}
	if checked != "" {
		if err := json.Unmarshal([]byte(checked), &s.Check); err != nil {
			return Server{}, err
		}
	}
	return s, nil
}

// insert stores a new server.
func insert(ctx context.Context, tx *db.Tx, s Server, hash [32]byte, from string) (Server, error) {
	extras, err := s.Extras.text()
	if err != nil {
		return Server{}, err
	}
	return scanServer(tx.QueryRow(ctx, `INSERT INTO serverlist_server
		(account_id, password, host_name, port, display_name, description, game_type, max_player_count, extras, registered_from, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING `+columns,
		s.Owner, hash[:], s.HostName, s.Port, s.Name, s.Description, s.GameType, s.MaxPlayers, extras, from, db.Micros(s.Created)))
}

// counts returns how many servers an account has, and how many were
// registered from a network.
func counts(ctx context.Context, tx *db.Tx, owner int64, from string) (owned, near int, err error) {
	if err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM serverlist_server WHERE account_id = $1 AND state <> 'deleted'", owner).Scan(&owned); err != nil {
		return 0, 0, err
	}
	err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM serverlist_server WHERE registered_from = $1 AND state <> 'deleted'", from).Scan(&near)
	return owned, near, err
}

// find returns a server that is not deleted; errNoServer.
func find(ctx context.Context, tx *db.Tx, id int64) (Server, error) {
	s, err := scanServer(tx.QueryRow(ctx, "SELECT "+columns+" FROM serverlist_server WHERE id = $1 AND state <> 'deleted'", id))
	if fault.Is(err, fault.NotFound) {
		err = errNoServer
	}
	return s, err
}

// heartbeat stores what a server says of itself, if its password is still
// the one it showed; ErrCredentials otherwise. It comes after the owner's
// taking the server off the list, whatever the clock did in between.
func heartbeat(ctx context.Context, tx *db.Tx, c Credential, st Status, now time.Time) (Server, error) {
	var description, extras *string
	if !st.KeepDescription {
		description = &st.Description
	}
	if !st.Extras.Empty() {
		s, err := find(ctx, tx, c.Server)
		if err != nil {
			return Server{}, err
		}
		changed, err := st.Extras.apply(s.Extras, true)
		if err != nil {
			return Server{}, err
		}
		text, err := changed.text()
		if err != nil {
			return Server{}, err
		}
		extras = &text
	}
	s, err := scanServer(tx.QueryRow(ctx, `UPDATE serverlist_server SET
		host_name = $1, port = $2, display_name = $3, description = COALESCE($4, description), game_type = $5, max_player_count = $6,
		current_map = $7, current_player_count = $8, extras = COALESCE($9, extras), updated_at = $10, changed_at = $10, revision = revision + 1,
		offline_at = CASE WHEN offline_at >= $10 THEN $10 - 1 ELSE offline_at END
		WHERE id = $11 AND password = $12 AND state IN ('open', 'hidden') RETURNING `+columns,
		st.HostName, st.Port, st.Name, description, st.GameType, st.MaxPlayers, st.Map, st.Players, extras, db.Micros(now), c.Server, c.hash[:]))
	if fault.Is(err, fault.NotFound) {
		err = ErrCredentials
	}
	return s, err
}

// save stores a server that was found in the same transaction and changed.
func save(ctx context.Context, tx *db.Tx, s Server, now time.Time) (Server, error) {
	extras, err := s.Extras.text()
	if err != nil {
		return Server{}, err
	}
	checked := ""
	if !s.Check.At.IsZero() {
		b, err := json.Marshal(s.Check)
		if err != nil {
			return Server{}, err
		}
		checked = string(b)
	}
	return scanServer(tx.QueryRow(ctx, `UPDATE serverlist_server SET
		host_name = $1, port = $2, display_name = $3, description = $4, game_type = $5, max_player_count = $6, extras = $7, checked = $8,
		state = $9, reason = $10, state_at = $11, offline_at = $12, changed_at = $13, revision = revision + 1,
		registered_from = CASE WHEN $9 = 'deleted' THEN '' ELSE registered_from END
		WHERE id = $14 RETURNING `+columns,
		s.HostName, s.Port, s.Name, s.Description, s.GameType, s.MaxPlayers, extras, checked,
		string(s.State), s.Reason, db.Micros(s.Since), db.Micros(s.Offline), db.Micros(now), s.ID))
}

func savePassword(ctx context.Context, tx *db.Tx, id int64, hash [32]byte) error {
	_, err := tx.Exec(ctx, "UPDATE serverlist_server SET password = $1 WHERE id = $2", hash[:], id)
	return err
}

// credential returns what a server has to show, without the hash, and what is
// stored of its password.
func (st store) credential(ctx context.Context, id int64) (c Credential, stored []byte, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT id, account_id, password FROM serverlist_server WHERE id = $1 AND state IN ('open', 'hidden')", id).
			Scan(&c.Server, &c.Owner, &stored)
	})
	return c, stored, err
}

// server returns one that is not deleted.
func (st store) server(ctx context.Context, id int64) (s Server, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		s, err = find(ctx, tx, id)
		return err
	})
	return s, err
}

// query returns servers by a condition on the columns.
func (st store) query(ctx context.Context, condition string, args ...any) ([]Server, error) {
	all := []Server{}
	err := st.db.Read(ctx, func(tx *db.Tx) error {
		all = all[:0]
		rows, err := tx.Query(ctx, "SELECT "+columns+" FROM serverlist_server WHERE "+condition, args...)
		return db.EachRow(rows, err, func() error {
			s, err := scanServer(rows)
			all = append(all, s)
			return err
		})
	})
	return all, err
}

// owned returns the servers of an account that are not deleted, by id.
func (st store) owned(ctx context.Context, owner int64) ([]Server, error) {
	return st.query(ctx, "account_id = $1 AND state <> 'deleted' ORDER BY id", owner)
}

// changed returns what changed since a time, deleted servers too.
func (st store) changed(ctx context.Context, since time.Time) ([]Server, error) {
	return st.query(ctx, "changed_at >= $1", db.Micros(since))
}

// registered returns servers that are not deleted by id, those after one.
func (st store) registered(ctx context.Context, after int64, n int) ([]Server, error) {
	return st.query(ctx, "id > $1 AND state <> 'deleted' ORDER BY id LIMIT $2", after, n)
}

func (st store) countRegistered(ctx context.Context) (n int64, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT COUNT(*) FROM serverlist_server WHERE state <> 'deleted'").Scan(&n)
	})
	return n, err
}

// ownedIDs returns the ids of an account's servers within a transaction.
func ownedIDs(ctx context.Context, tx *db.Tx, owner int64) ([]int64, error) {
	var ids []int64
	var id int64
	rows, err := tx.Query(ctx, "SELECT id FROM serverlist_server WHERE account_id = $1 AND state <> 'deleted' ORDER BY id", owner)
	err = db.EachRow(rows, err, func() error {
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
