// Package pytorrenttest makes the folder of a PyTorrent as that program left
// it: the two databases with the columns, types and habits of its object
// mapper, and archives compressed by bzip2. It is for tests.
package pytorrenttest

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dsnet/compress/bzip2"
	"modernc.org/sqlite" // and the driver "sqlite"
)

// The tables as the original makes them: no constraint beyond primary keys,
// no index, every other column may be null.
const (
	catalogue = `
CREATE TABLE games (id INTEGER NOT NULL, name VARCHAR, type VARCHAR, logo VARCHAR, short_description VARCHAR,
	description VARCHAR, mods_downloads INTEGER, mods_count INTEGER, creation_date DATETIME, source VARCHAR, PRIMARY KEY (id));
CREATE TABLE mods (id INTEGER NOT NULL, name VARCHAR, description VARCHAR, size INTEGER, condition INTEGER,
	date_creation DATETIME, date_update DATETIME, date_request DATETIME, source VARCHAR, downloads INTEGER, PRIMARY KEY (id));
CREATE TABLE resources_mods (id INTEGER NOT NULL, type VARCHAR, url VARCHAR, date_event DATETIME, owner_id INTEGER,
	PRIMARY KEY (id), FOREIGN KEY(owner_id) REFERENCES mods (id));
CREATE TABLE genres (id INTEGER NOT NULL, name VARCHAR, PRIMARY KEY (id));
CREATE TABLE tags (id INTEGER NOT NULL, name VARCHAR, PRIMARY KEY (id));
CREATE TABLE unity_games_genres (game_id INTEGER, genre_id INTEGER);
CREATE TABLE unity_allowed_mods_tags (game_id INTEGER, tag_id INTEGER);
CREATE TABLE unity_mods_tags (mod_id INTEGER, tag_id INTEGER);
CREATE TABLE unity_games_mods (game_id INTEGER, mod_id INTEGER);
CREATE TABLE unity_mods_dependencies (mod_id INTEGER, dependence INTEGER);`
	statistics = `
CREATE TABLE statistics_hour (id INTEGER NOT NULL, date_time DATETIME, type VARCHAR, count INTEGER, PRIMARY KEY (id));
CREATE TABLE statistics_day (id INTEGER NOT NULL, date DATE, type VARCHAR, count INTEGER, PRIMARY KEY (id));
CREATE TABLE processing_time (time DATETIME NOT NULL, type VARCHAR, delay INTEGER, PRIMARY KEY (time));`
)

// timeFormat is how the object mapper writes a DATETIME.
const timeFormat = "2006-01-02 15:04:05.000000"

// Server is an old server in a folder.
type Server struct {
	Dir                   string
	catalogue, statistics *sql.DB
}

// New makes the databases of an empty server in dir. The caller calls Close
// before anybody else reads them.
func New(dir string) (*Server, error) {
	// As the daemon has it, which may open its own database in this process
	// later; it cannot be changed then.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "sql"), 0o700); err != nil {
		return nil, err
	}
	// As the daemon has it, which may open its own database in this process
	// later; it cannot be changed then.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return nil, err
	}
	s := &Server{Dir: dir}
	for _, d := range []struct {
		db   **sql.DB
		name string
		ddl  string
	}{{&s.catalogue, "database.db", catalogue}, {&s.statistics, "statistics.db", statistics}} {
		opened, err := sql.Open("sqlite", filepath.Join(dir, "sql", d.name))
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		*d.db = opened
		if _, err := opened.ExecContext(context.Background(), d.ddl); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close closes the databases.
func (s *Server) Close() error {
	var errs []error
	for _, d := range []*sql.DB{s.catalogue, s.statistics} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// Insert adds a row to a table of either database. A time.Time is written as
// the object mapper does.
func (s *Server) Insert(table string, values ...any) error {
	d := s.catalogue
	if strings.HasPrefix(table, "statistics_") || table == "processing_time" {
		d = s.statistics
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
	args := slices.Clone(values)
	for i, v := range args {
		if t, ok := v.(time.Time); ok {
			args[i] = t.Format(timeFormat)
		}
	}
	_, err := d.ExecContext(context.Background(), `INSERT INTO `+table+` VALUES (`+marks+`)`, args...)
	return err
}

// Archive writes the archive of a mod and returns its bytes.
func (s *Server) Archive(game, mod int64, files map[string]string) ([]byte, error) {
	data, err := Zip(files)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.Dir, "steamapps", "workshop", "content", fmt.Sprint(game), fmt.Sprint(mod)+".zip")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return data, os.WriteFile(path, data, 0o600)
}

// methodBzip2 is the compression method of the archives (PKWARE APPNOTE.TXT
// 6.3.10 §4.4.5).
const methodBzip2 = 12

// Zip packs files by name as the old server did.
func Zip(files map[string]string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(methodBzip2, func(w io.Writer) (io.WriteCloser, error) { return bzip2.NewWriter(w, nil) })
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: methodBzip2, Modified: time.Date(2023, 8, 4, 12, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
