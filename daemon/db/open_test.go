package db_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestNewerDatabaseIsRefused(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		d, err := db.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		write(t, d, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, $1)", true)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = db.Open(ctx, o)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "99999") || fault.Hint(err) == "" {
			t.Errorf("Open = %v, want conflict that names version 99999, with a hint", err)
		}
	})
}

// Programs that start together on an empty database make its tables once.
func TestOpenTogetherFromEmpty(t *testing.T) {
	empty := map[string]func(t *testing.T) db.Options{
		db.SQLite: func(t *testing.T) db.Options { return db.Options{Dir: t.TempDir()} },
		db.Postgres: func(t *testing.T) db.Options {
			o := db.Options{URL: dbtest.PostgresURL(t), Dir: t.TempDir()}
			d, err := db.Open(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			write(t, d, "DROP SCHEMA public CASCADE")
			write(t, d, "CREATE SCHEMA public")
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			return o
		},
	}
	for kind, options := range empty {
		t.Run(kind, func(t *testing.T) {
			o := options(t)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					d, err := db.Open(ctx, o)
					if err != nil {
						t.Error(err)
						return
					}
					var n int
					err = d.Read(ctx, func(tx *db.Tx) error {
						return tx.QueryRow(ctx, "SELECT count(*) FROM accounts_account").Scan(&n)
					})
					if err != nil || n != 0 {
						t.Errorf("%d accounts, %v", n, err)
					}
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}
