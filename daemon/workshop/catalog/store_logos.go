package catalog

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// logos returns the address of a picture of each item that has one.
func (s store) logos(ctx context.Context, items []int64) (urls map[int64]string, err error) {
	args := []any{resourceLogo}
	for _, id := range items {
		args = append(args, id)
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		urls = make(map[int64]string, len(items))
		rows, err := tx.Query(ctx, `SELECT item, url FROM workshop_catalog_resource WHERE type = $1 AND item IN (`+
			db.In(2, len(items))+`) ORDER BY item, sort, id`, args...)
		return db.EachRow(rows, err, func() error {
			var id int64
			var url string
			err := rows.Scan(&id, &url)
			if _, ok := urls[id]; !ok && err == nil {
				urls[id] = url
			}
			return err
		})
	})
	return urls, err
}
