package catalog

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const gameColumns = `id, name, type, logo, short_description, description, downloads, created_at, source, placeholder,
	refreshed_at, retry_at`

func scanGame(row scanner) (*Game, error) {
	g := new(Game)
	var created, refreshed, retry int64
	err := row.Scan(&g.ID, &g.Name, &g.Type, &g.Logo, &g.ShortDescription, &g.Description, &g.Downloads, &created,
		&g.Source, &g.Placeholder, &refreshed, &retry)
	g.CreatedAt, g.RefreshedAt, g.RetryAt = db.Time(created), db.Time(refreshed), db.Time(retry)
	return g, err
}

// games returns the games changed at or after since, with their genres.
func (s store) games(ctx context.Context, since time.Time) (list []*Game, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		byID := map[int64]*Game{}
		rows, err := tx.Query(ctx, `SELECT `+gameColumns+` FROM workshop_catalog_game WHERE updated_at >= $1`, db.Micros(since))
		err = db.EachRow(rows, err, func() error {
			g, err := scanGame(rows)
			if err == nil {
				list, byID[g.ID] = append(list, g), g
			}
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT gg.game, ge.id, ge.name FROM workshop_catalog_game_genre gg
			JOIN workshop_catalog_genre ge ON ge.id = gg.genre ORDER BY gg.game, ge.id`)
		return db.EachRow(rows, err, func() error {
			var game int64
			var genre Genre
			err := rows.Scan(&game, &genre.ID, &genre.Name)
			if g := byID[game]; err == nil && g != nil {
				g.Genres = append(g.Genres, genre)
			}
			return err
		})
	})
	return list, err
}

// game returns one game with its genres; ok is false if there is none.
func (s store) game(ctx context.Context, id int64) (g *Game, ok bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		var err error
		g, err = scanGame(tx.QueryRow(ctx, `SELECT `+gameColumns+` FROM workshop_catalog_game WHERE id = $1`, id))
		if ok = err == nil; fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT ge.id, ge.name FROM workshop_catalog_game_genre gg
			JOIN workshop_catalog_genre ge ON ge.id = gg.genre WHERE gg.game = $1 ORDER BY ge.id`, id)
		return db.EachRow(rows, err, func() error {
			var genre Genre
			err := rows.Scan(&genre.ID, &genre.Name)
			g.Genres = append(g.Genres, genre)
			return err
		})
	})
	return g, ok, err
}

// putGame inserts or refreshes a game. Its downloads and the time of its
// registration stay, and a placeholder replaces nothing but a placeholder.
func putGame(ctx context.Context, tx *db.Tx, g Game) error {
	if g.Source == "" {
		g.Source = SourceSteam
	}
	n, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_game (id, name, type, logo, short_description, description, created_at,
			source, placeholder, refreshed_at, retry_at, updated_at) VALUES (`+db.In(1, 12)+`)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, logo = excluded.logo,
			short_description = excluded.short_description, description = excluded.description,
			placeholder = excluded.placeholder, refreshed_at = excluded.refreshed_at, retry_at = excluded.retry_at,
			updated_at = excluded.updated_at
		WHERE workshop_catalog_game.placeholder OR NOT excluded.placeholder`,
		g.ID, clean(g.Name), clean(g.Type), clean(g.Logo), clean(g.ShortDescription), clean(g.Description), db.Micros(tx.Now),
		g.Source, g.Placeholder, db.Micros(g.RefreshedAt), db.Micros(g.RetryAt), db.Micros(tx.Now))
	if err != nil || n == 0 || g.Placeholder {
		return err
	}
	return setGenres(ctx, tx, g.ID, g.Genres)
}

// setGenres makes genres those of a game. The game has a row. Nil leaves them.
func setGenres(ctx context.Context, tx *db.Tx, game int64, genres []Genre) error {
	if genres == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM workshop_catalog_game_genre WHERE game = $1`, game); err != nil {
		return err
	}
	for _, g := range genres {
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_genre (id, name) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name`, g.ID, clean(g.Name)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_game_genre (game, genre) VALUES ($1, $2)
			ON CONFLICT (game, genre) DO NOTHING`, game, g.ID); err != nil {
			return err
		}
	}
	return nil
}

// tags returns all tags, by id.
func (s store) tags(ctx context.Context) (list []Tag, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `SELECT id, name FROM workshop_catalog_tag ORDER BY id`)
		return db.EachRow(rows, err, func() error {
			var t Tag
			err := rows.Scan(&t.ID, &t.Name)
			list = append(list, t)
			return err
		})
	})
	return list, err
}

// genres returns all genres, by id.
func (s store) genres(ctx context.Context) (list []Genre, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `SELECT id, name FROM workshop_catalog_genre ORDER BY id`)
		return db.EachRow(rows, err, func() error {
			var g Genre
			err := rows.Scan(&g.ID, &g.Name)
			list = append(list, g)
			return err
		})
	})
	return list, err
}

// clean makes text of strangers fit for every database: valid UTF-8 without
// NUL.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// placeholder is a game of which only the id is known.
func placeholder(id int64) Game {
	return Game{ID: id, Name: "App " + strconv.FormatInt(id, 10), Type: "app", Placeholder: true}
}
