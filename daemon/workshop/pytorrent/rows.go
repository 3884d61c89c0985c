package pytorrent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The old tables have neither constraints nor indexes: every column may be
// null, and rows may be there twice. DATETIME columns are text without a zone,
// and are read as text, since the driver would take them for UTC.

// each calls fn for every row of a query.
func each(ctx context.Context, d *sql.DB, query string, fn func(scan func(...any) error) error) (err error) {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("read the old database: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// text and number read a column that may be null.
func text(column string) string   { return `COALESCE(CAST(` + column + ` AS TEXT), '')` }
func number(column string) string { return `COALESCE(CAST(` + column + ` AS INTEGER), 0)` }

// Mods returns every mod, by id. Its description comes from Description.
func (in *Installation) Mods(ctx context.Context) ([]*Mod, error) {
	var list []*Mod
	byID := map[int64]*Mod{}
	err := each(ctx, in.catalogue, `SELECT id, `+text("name")+`, `+number("size")+`, COALESCE(CAST(condition AS INTEGER), -1), `+
		text("date_creation")+`, `+text("date_update")+`, `+text("date_request")+`, `+text("source")+`, `+number("downloads")+
		` FROM mods ORDER BY id`, func(scan func(...any) error) error {
		m := new(Mod)
		var created, updated, requested string
		err := scan(&m.ID, &m.Name, &m.Size, &m.Condition, &created, &updated, &requested, &m.Source, &m.Downloads)
		m.Created, m.Updated, m.Requested = in.time(created), in.time(updated), in.time(requested)
		list, byID[m.ID] = append(list, m), m
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, in.links(ctx, byID)
}

// links fills in what refers to the mods.
func (in *Installation) links(ctx context.Context, mods map[int64]*Mod) error {
	pairs := func(query string, fn func(m *Mod, to int64)) error {
		return each(ctx, in.catalogue, query, func(scan func(...any) error) error {
			var mod, to int64
			err := scan(&mod, &to)
			if m := mods[mod]; err == nil && m != nil {
				fn(m, to)
			}
			return err
		})
	}
	tags := map[int64]string{}
	err := each(ctx, in.catalogue, `SELECT id, `+text("name")+` FROM tags`, func(scan func(...any) error) error {
		var id int64
		var name string
		err := scan(&id, &name)
		tags[id] = name
		return err
	})
	if err != nil {
		return err
	}
	// Each update added another link to the game.
	err = pairs(`SELECT DISTINCT mod_id, game_id FROM unity_games_mods WHERE mod_id IS NOT NULL AND game_id IS NOT NULL
		ORDER BY 1, 2 DESC`, func(m *Mod, game int64) { m.Game = game })
	if err == nil {
		err = pairs(`SELECT DISTINCT mod_id, tag_id FROM unity_mods_tags WHERE mod_id IS NOT NULL AND tag_id IS NOT NULL
			ORDER BY 1, 2`, func(m *Mod, tag int64) {
			if name := tags[tag]; name != "" {
				m.Tags = append(m.Tags, name)
			}
		})
	}
	if err == nil {
		err = pairs(`SELECT DISTINCT mod_id, dependence FROM unity_mods_dependencies
			WHERE mod_id IS NOT NULL AND dependence IS NOT NULL ORDER BY 1, 2`, func(m *Mod, to int64) {
			m.Dependencies = append(m.Dependencies, to)
		})
	}
	if err != nil {
		return err
	}
	return each(ctx, in.catalogue, `SELECT owner_id, `+text("type")+`, url, `+text("date_event")+`
		FROM resources_mods WHERE owner_id IS NOT NULL AND url <> '' ORDER BY owner_id, id`, func(scan func(...any) error) error {
		var mod int64
		var r Resource
		var changed string
		err := scan(&mod, &r.Type, &r.URL, &changed)
		r.Changed = in.time(changed)
		if m := mods[mod]; err == nil && m != nil {
			m.Resources = append(m.Resources, r)
		}
		return err
	})
}

// Description returns the description of a mod.
func (in *Installation) Description(ctx context.Context, id int64) (description string, err error) {
	err = in.catalogue.QueryRowContext(ctx, `SELECT `+text("description")+` FROM mods WHERE id = ?`, id).Scan(&description)
	return description, err
}

// Games returns every game with its genres, by id.
func (in *Installation) Games(ctx context.Context) ([]*Game, error) {
	var list []*Game
	byID := map[int64]*Game{}
	err := each(ctx, in.catalogue, `SELECT id, `+text("name")+`, `+text("type")+`, `+text("logo")+`, `+text("short_description")+`, `+
		text("description")+`, `+number("mods_downloads")+`, `+text("creation_date")+`, `+text("source")+`
		FROM games ORDER BY id`, func(scan func(...any) error) error {
		g := new(Game)
		var created string
		err := scan(&g.ID, &g.Name, &g.Type, &g.Logo, &g.ShortDescription, &g.Description, &g.Downloads, &created, &g.Source)
		g.Created = in.time(created)
		list, byID[g.ID] = append(list, g), g
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, each(ctx, in.catalogue, `SELECT DISTINCT l.game_id, g.id, `+text("g.name")+`
		FROM unity_games_genres l JOIN genres g ON g.id = l.genre_id WHERE l.game_id IS NOT NULL
		ORDER BY 1, 2`, func(scan func(...any) error) error {
		var game int64
		var genre Genre
		err := scan(&game, &genre.ID, &genre.Name)
		if g := byID[game]; err == nil && g != nil {
			g.Genres = append(g.Genres, genre)
		}
		return err
	})
}

// Genres returns every genre, also those that no game has, by id.
func (in *Installation) Genres(ctx context.Context) (list []Genre, err error) {
	err = each(ctx, in.catalogue, `SELECT id, `+text("name")+` FROM genres ORDER BY id`, func(scan func(...any) error) error {
		var g Genre
		err := scan(&g.ID, &g.Name)
		list = append(list, g)
		return err
	})
	return list, err
}

// Hours calls fn with every counter of an hour.
func (in *Installation) Hours(ctx context.Context, fn func(Hour) error) error {
	return in.counters(ctx, "statistics_hour", "date_time", `SUM(`+number("count")+`)`, ` GROUP BY 1, 2`, func(at, kind string, n int64) error {
		t := in.time(at)
		if t.IsZero() {
			return nil
		}
		return fn(Hour{At: t, Type: kind, Count: n})
	})
}

// Days calls fn with every counter of a day.
func (in *Installation) Days(ctx context.Context, fn func(Day) error) error {
	return in.counters(ctx, "statistics_day", "date", `SUM(`+number("count")+`)`, ` GROUP BY 1, 2`, func(at, kind string, n int64) error {
		day, err := time.Parse(time.DateOnly, at[:min(len(at), len(time.DateOnly))])
		if err != nil {
			return nil //nolint:nilerr // a row without a day says nothing
		}
		return fn(Day{Day: day.Format(time.DateOnly), Type: kind, Count: n})
	})
}

// Timings calls fn with what is known of how long things took.
func (in *Installation) Timings(ctx context.Context, fn func(Timing) error) error {
	return in.counters(ctx, "processing_time", "time", number("delay"), ``, func(at, kind string, n int64) error {
		t := in.time(at)
		if t.IsZero() {
			return nil
		}
		return fn(Timing{At: t, Type: kind, MS: n})
	})
}

// counters reads a table of the statistics, if there is one. Rows without a
// type or a count are left out.
func (in *Installation) counters(ctx context.Context, table, at, count, group string, fn func(at, kind string, n int64) error) error {
	if in.statistics == nil {
		return nil
	}
	var n int
	err := in.statistics.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, table).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	return each(ctx, in.statistics, `SELECT `+text(at)+`, `+text("type")+`, `+count+` FROM `+table+
		` WHERE type <> ''`+group+` ORDER BY 1, 2`, func(scan func(...any) error) error {
		var when, kind string
		var n int64
		if err := scan(&when, &kind, &n); err != nil || n < 0 {
			return err
		}
		return fn(when, kind, n)
	})
}

// time reads a DATETIME as SQLAlchemy writes it; zero when it is none.
func (in *Installation) time(value string) time.Time {
	value = strings.Replace(value, "T", " ", 1)
	t, err := time.ParseInLocation(time.DateTime, value, in.zone) // a fraction is accepted
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
