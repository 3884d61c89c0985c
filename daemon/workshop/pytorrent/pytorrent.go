// Package pytorrent reads what a PyTorrent left: a server of Workshop mods
// whose catalogue and statistics lie in two SQLite files and whose archives lie
// in Steam's folders. Nothing of the old installation is ever written; its
// databases are read from copies.
package pytorrent

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Where things lie below the folder of an installation.
const (
	catalogueFile  = "sql/database.db"
	statisticsFile = "sql/statistics.db"
	contentDir     = "steamapps/workshop/content"
)

// Mod is a row of the old table of mods with everything that refers to it.
type Mod struct {
	ID        int64
	Name      string
	Size      int64 // unpacked, in bytes
	Condition int64 // 0: complete, 1: only the archive is
	// Created and Updated are times at Steam, Requested when the archive was
	// last sent; zero when the row does not say.
	Created, Updated, Requested time.Time
	Source                      string
	Downloads                   int64
	Game                        int64 // Steam app id, 0 unknown
	Tags                        []string
	Dependencies                []int64
	Resources                   []Resource
}

// Resource is a picture of a mod.
type Resource struct {
	Type, URL string
	Changed   time.Time
}

// Game is a row of the old table of games.
type Game struct {
	ID                                              int64 // Steam app id
	Name, Type, Logo, ShortDescription, Description string
	Downloads                                       int64
	Created                                         time.Time // registered there
	Source                                          string
	Genres                                          []Genre
}

// Genre is a genre of the Steam store.
type Genre struct {
	ID   int64
	Name string
}

// Hour counts something in the hour that begins at At.
type Hour struct {
	At    time.Time
	Type  string
	Count int64
}

// Day counts something on a day, "YYYY-MM-DD".
type Day struct {
	Day, Type string
	Count     int64
}

// Timing says how long something took.
type Timing struct {
	At   time.Time
	Type string
	MS   int64
}

// Installation is an old installation whose databases are open. It is for one
// goroutine.
type Installation struct {
	dir        string
	zone       *time.Location
	temp       string
	catalogue  *sql.DB
	statistics *sql.DB // nil: there is none
}

// Open copies the databases of the installation in dir below temp and opens
// the copies. The old server wrote times without saying in which zone. The
// error is fault.NotFound when there is no installation in dir and
// fault.Invalid when its database cannot be read. The caller calls Close.
func Open(ctx context.Context, dir, temp string, zone *time.Location) (_ *Installation, err error) {
	in := &Installation{dir: dir, zone: zone}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.Close())
		}
	}()
	if in.temp, err = os.MkdirTemp(temp, "pytorrent-*"); err != nil {
		return nil, err
	}
	in.catalogue, err = in.open(ctx, catalogueFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "There is no PyTorrent in %s: it has no %s", dir, catalogueFile).
			WithHint("name the folder that holds sql and steamapps")
	}
	if err != nil {
		return nil, err
	}
	in.statistics, err = in.open(ctx, statisticsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return in, nil
}

// Close removes the copies.
func (in *Installation) Close() error {
	var errs []error
	for _, d := range []*sql.DB{in.catalogue, in.statistics} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if in.temp != "" {
		errs = append(errs, os.RemoveAll(in.temp))
	}
	return errors.Join(errs...)
}

// open copies one database, with what a server that was killed left beside
// it, and checks the copy.
func (in *Installation) open(ctx context.Context, name string) (*sql.DB, error) {
	from := filepath.Join(in.dir, filepath.FromSlash(name))
	to := filepath.Join(in.temp, filepath.Base(from))
	if err := copyFile(ctx, from, to); err != nil {
		return nil, err
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if err := copyFile(ctx, from+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	d, err := sql.Open("sqlite", to)
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(1)
	var verdict string
	if err = d.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err == nil && verdict != "ok" {
		err = errors.New(verdict)
	}
	if err != nil {
		err = fault.Wrap(err, fault.Invalid, "%s is no sound SQLite database", from).WithHint("stop the old server and try again")
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// copyFile copies a regular file.
func copyFile(ctx context.Context, from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, reader{ctx, src})
	return errors.Join(err, dst.Close())
}

// reader stops when its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
