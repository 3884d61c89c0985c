package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// checkFiles looks at the files of a database that nobody has open. It
// reports whether the last program to use it stopped without closing it.
func checkFiles(path string) (unclean bool, err error) {
	info, err := os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Size() > 0, nil
}

func (d *DB) checkAfterCrash(ctx context.Context) error {
	return quickCheck(ctx, d)
}

func quickCheck(ctx context.Context, d *DB) error {
	var verdict string
	if err := d.write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return damaged(fmt.Errorf("quick_check: %s", verdict), "The database is damaged")
	}
	return nil
}
