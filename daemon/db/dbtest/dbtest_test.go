package dbtest_test

import (
	"context"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

func TestEachGivesAnEmptyMigratedDatabase(t *testing.T) {
	for range 2 {
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			ctx := context.Background()
			err := d.Write(ctx, func(tx *db.Tx) error {
				var n int
				if err := tx.QueryRow(ctx, "SELECT count(*) FROM accounts_account").Scan(&n); err != nil || n != 0 {
					t.Errorf("count = %d, %v", n, err)
				}
				_, err := tx.Exec(ctx, "CREATE TABLE mine (a BIGINT PRIMARY KEY)")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Ping(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
