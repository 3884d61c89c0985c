package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// checkAtOpen is the size up to which a database that was not closed is
// looked through before it is used, a quarter of a second's work. A larger
// one is looked through by Run, while it serves already.
const checkAtOpen = 32 << 20

// checkFiles looks at the files of a database that nobody has open. unclean
// says that the last program to use it stopped without closing it.
func checkFiles(path string) (unclean bool, err error) {
	log, err := os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r, err := checkWAL(path)
	if err != nil {
		return true, err
	}
	if r.lost() {
		return true, fault.New(fault.Unavailable,
			"The write-ahead log %s-wal is damaged: changes that were acknowledged cannot be read", path).
			WithHint("To go on without those changes move that file away. Otherwise restore a copy: %s", restoreHint)
	}
	main, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	if r.readable > 0 && (err != nil || main.Size() == 0) {
		// SQLite would drop a log without its database.
		return true, fault.New(fault.Unavailable, "The database %s is gone, but its write-ahead log is not", path).
			WithHint("Put the database back, or restore a copy: %s", restoreHint)
	}
	return true, nil
}

// checkAfterCrash looks a small database through before it is used.
func (d *DB) checkAfterCrash(ctx context.Context) error {
	info, err := os.Stat(d.Path())
	if err != nil {
		return err
	}
	if info.Size() > checkAtOpen {
		return nil
	}
	d.unclean = false
	return quickCheck(ctx, d.write)
}

// quickCheck returns an error when SQLite finds the database damaged.
func quickCheck(ctx context.Context, pool *sql.DB) error {
	rows, err := pool.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return mapError(err)
	}
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return errors.Join(mapError(err), rows.Close())
		}
		found = append(found, line)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return mapError(err)
	}
	if len(found) == 1 && found[0] == "ok" {
		return nil
	}
	return damaged(fmt.Errorf("quick_check: %s", strings.Join(found, "; ")), "The database is damaged")
}
