package db_test

import (
	"fmt"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

func TestReserveIDs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const table = "metaserver_skin"
		add := func(tx *db.Tx) (id int64) {
			t.Helper()
			err := tx.QueryRow(t.Context(), `INSERT INTO metaserver_skin (kind, unit, model_path, created_at) VALUES ('', '', '', 1) RETURNING id`).Scan(&id)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		write := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		last := func(tx *db.Tx) string {
			t.Helper()
			n, err := d.LastID(t.Context(), tx, table)
			return fmt.Sprint(n, err)
		}
		write(func(tx *db.Tx) error {
			if got := last(tx); got != "0 <nil>" {
				t.Errorf("last of an empty table: %s", got)
			}
			if err := d.ReserveIDs(t.Context(), tx, table, 0); err != nil {
				return err
			}
			return d.ReserveIDs(t.Context(), tx, table, 41)
		})
		write(func(tx *db.Tx) error {
			if got := add(tx); got != 42 {
				t.Errorf("got %d, want 42", got)
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO metaserver_skin (id, kind, unit, model_path, created_at) VALUES (50, '', '', '', 1)`)
			if err != nil {
				return err
			}
			if got := last(tx); got != "50 <nil>" {
				t.Errorf("last: %s, want 50", got)
			}
			return d.ReserveIDs(t.Context(), tx, table, 7) // nothing is taken back
		})
		write(func(tx *db.Tx) error {
			if got := add(tx); got != 51 {
				t.Errorf("got %d, want 51", got)
			}
			return nil
		})
		write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "DELETE FROM metaserver_skin")
			if got := last(tx); err == nil && got != "51 <nil>" {
				t.Errorf("last after all was deleted: %s, want 51", got)
			}
			return err
		})
	})
}
