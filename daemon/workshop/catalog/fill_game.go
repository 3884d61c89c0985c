package catalog

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	steamstore "github.com/quartermasterd/quartermaster/daemon/steam/store"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	gameFresh    = 30 * 24 * time.Hour // a game is not asked about again sooner
	gameUnsold   = 7 * 24 * time.Hour  // the store said that it has no such app
	gameRetry    = 10 * time.Minute    // first wait after a failure
	gameRetries  = 7 * 24 * time.Hour  // longest one of a placeholder
	gameStale    = 6 * time.Hour       // wait after a game could not be refreshed
	gamesAtOnce  = 5                   // that the items of one batch wait for
	gamePatience = 20 * time.Second    // with one answer of the store, its turn included
)

// gameDue reports whether the store is to be asked about a game.
func gameDue(g Game, now time.Time) bool {
	return !g.RetryAt.After(now) && (g.Placeholder || !now.Before(g.RefreshedAt.Add(gameFresh)))
}

// meet returns what to write of a game that has no row or a placeholder's.
// Nothing waits long for the store: a placeholder is put right later.
func (f *filler) meet(ctx context.Context, id int64, ask bool) Game {
	now := f.s.clock.Now()
	g := placeholder(id)
	if f.apps == nil {
		return g
	}
	if !ask {
		f.mu.Lock()
		f.games[id] = struct{}{}
		f.mu.Unlock()
		return g
	}
	app, err := f.app(ctx, id)
	if err != nil {
		g.RetryAt = now.Add(gameRetry)
		if errors.Is(err, steamstore.ErrUnknown) {
			g.RetryAt = now.Add(gameUnsold)
		}
		return g
	}
	return gameOf(app, now)
}

// app asks the store, in bounded time.
func (f *filler) app(ctx context.Context, id int64) (steamstore.App, error) {
	if id <= 0 || id >= 1<<32 {
		return steamstore.App{}, steamstore.ErrUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, gamePatience)
	defer cancel()
	app, err := f.apps.App(ctx, uint32(id))
	if err != nil && !errors.Is(err, webapi.ErrBreakerOpen) {
		f.s.log.Debug("the Steam store did not describe an app", slog.Int64("app", id), slog.Any("error", err))
	}
	return app, err
}

// gameOf translates an answer of the store.
func gameOf(a steamstore.App, now time.Time) Game {
	g := Game{
		ID: int64(a.ID), Name: a.Name, Type: cmp.Or(a.Type, "app"), Logo: a.Logo, ShortDescription: a.ShortDescription,
		Description: a.Description, RefreshedAt: now,
	}
	if a.Genres != nil {
		g.Genres = make([]Genre, 0, len(a.Genres))
		for _, x := range a.Genres {
			g.Genres = append(g.Genres, Genre{ID: int64(x.ID), Name: x.Name})
		}
	}
	return g
}

// takeGame returns a game that is due.
func (f *filler) takeGame(now bool) (id int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !now {
		return 0, false
	}
	for id := range f.games {
		delete(f.games, id)
		return id, true
	}
	return 0, false
}

// game asks the store about a game that has a row and writes what it says.
func (f *filler) game(ctx context.Context, id int64) error {
	now := f.s.clock.Now()
	old := f.s.shelf.game(id)
	if old == nil || !gameDue(*old, now) {
		return nil
	}
	app, err := f.app(ctx, id)
	var g Game
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		g = gameOf(app, now)
	case errors.Is(err, webapi.ErrBreakerOpen): // costs nothing; the sweep tries again
		return nil
	default:
		g = *old
		g.Genres = nil
		g.RetryAt = now.Add(gameWait(*old, err, now))
	}
	if err := f.s.store.db.Write(ctx, func(tx *db.Tx) error { return putGame(ctx, tx, g) }); err != nil {
		return err
	}
	return f.s.reread(ctx, nil, []int64{id})
}

// gameWait is when to ask again about a game after a failure. The wait for a
// placeholder is as long as it has been one, which doubles it each time and
// survives a restart.
func gameWait(g Game, err error, now time.Time) time.Duration {
	switch {
	case !g.Placeholder && errors.Is(err, steamstore.ErrUnknown):
		return gameFresh
	case !g.Placeholder:
		return gameStale
	case errors.Is(err, steamstore.ErrUnknown):
		return gameUnsold
	}
	return min(max(now.Sub(g.CreatedAt), gameRetry), gameRetries)
}
