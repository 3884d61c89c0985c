package savage

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage/savagetest"
)

// old makes an old database and returns its path.
func old(t *testing.T, fill func(d *savagetest.Database) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metaserver.db")
	d, err := savagetest.New(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fill(d), d.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *Database {
	t.Helper()
	d, err := Open(t.Context(), path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// rows collects what a reader hands out.
func rows[T any](t *testing.T, read func(context.Context, func(T) error) error) (all []T) {
	t.Helper()
	if err := read(t.Context(), func(v T) error { all = append(all, v); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRows(t *testing.T) {
	at := savagetest.At
	path := old(t, func(d *savagetest.Database) error {
		return errors.Join(
			d.Insert("user", 1, "waits@example.com", "waits", "k", "s", at(1), nil, nil, nil, nil),
			d.Insert("user", 2, "foo@example.com", "foo\xff", "k", "s", at(2), at(3), at(4), "why", at(5)),
			d.Insert("user", 3, "bad@example.com", "bad", "k", "s", "yesterday", at(3), nil, nil, "2022-11-13 21:14:43"),
			d.Insert("clan", 1, "^123(Zzz", "name", "icon", at(1), at(2)),
			d.Link(1, 2, "owner", at(3), time.Time{}, ""),
			d.Server(28, 2, "n"),
			d.Insert("userstats", 2, 28, at(1), at(2), 1, 2, 3, 4, 829.174035521201),
			d.Insert("userstats", 3, 28, at(1), at(2), 1, 2, 3, 4, "many"),
			d.Insert("skin", 7, nil, "shield", "lego", "path"),
			d.Insert("userskinlink", 7, 2), d.Insert("clanskinlink", 7, 1),
		)
	})
	d := open(t, path)
	unreadableNote := "its time created cannot be read; it is 1970-01-01 00:00:01 here"
	want := []User{ // those with a proved address first
		{ID: 2, Email: "foo@example.com", Name: "foo\uFFFD", Key: "k", Salt: "s", Created: at(2), Verified: at(3), Deleted: at(4), DeletedReason: "why", LastOnline: at(5)},
		{ID: 3, Email: "bad@example.com", Name: "bad", Key: "k", Salt: "s", Created: time.Unix(1, 0).UTC(), Verified: at(3),
			LastOnline: time.Date(2022, 11, 13, 21, 14, 43, 0, time.UTC), Notes: []string{unreadableNote}},
		{ID: 1, Email: "waits@example.com", Name: "waits", Key: "k", Salt: "s", Created: at(1)},
	}
	if d := cmp.Diff(want, rows(t, d.Users)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Clan{{ID: 1, Tag: "^123(Zzz", Name: "name", Icon: "icon", Created: at(1), Deleted: at(2)}}, rows(t, d.Clans)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Link{{Clan: 1, User: 2, Rank: "owner", Invited: at(300), Joined: at(3)}}, rows(t, d.Links)); d != "" {
		t.Error(d)
	}
	server := Server{ID: 28, Key: savagetest.Key, Salt: savagetest.Salt, Host: "10.0.0.67", Name: "n", Description: "A server", GameType: "RTSS",
		Map: "eden2", Port: 11235, Players: 1, MaxPlayers: 42, Created: at(428), Updated: at(500), Owner: 2}
	if d := cmp.Diff([]Server{server}, rows(t, d.Servers)); d != "" {
		t.Error(d)
	}
	stats := Stats{User: 2, Server: 28, FirstSeen: at(1), LastSeen: at(2), PlayedField: 1, PlayedCommand: 2, WonField: 3, WonCommand: 4, Rating: 829.174035521201}
	none := stats
	none.User, none.Rating = 3, math.NaN()
	if d := cmp.Diff([]Stats{stats, none}, rows(t, d.Statistics), cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Skin{{ID: 7, Kind: "shield", Unit: "lego", ModelPath: "path"}}, rows(t, d.Skins)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Grant{{Skin: 7, User: 2}, {Skin: 7, Clan: 1}}, rows(t, d.Grants)); d != "" {
		t.Error(d)
	}
	counts, err := d.Counts(t.Context())
	if err != nil || counts["user"] != 3 || counts["clanskinlink"] != 1 || counts["emailtoken"] != 0 {
		t.Errorf("counts %v, %v", counts, err)
	}
}

// What a running metaserver has not moved into the file yet is read, and
// nothing beside the file changes.
func TestOpen_LogBesideTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metaserver.db")
	d, err := savagetest.New(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(d.Exec("PRAGMA journal_mode = WAL"), d.User(5, "late@example.com", "late")); err != nil {
		t.Fatal(err)
	}
	before := files(t, filepath.Dir(path))
	if before["metaserver.db-wal"] == "" {
		t.Fatal("there is no log")
	}
	if users := rows(t, open(t, path).Users); len(users) != 1 || users[0].ID != 5 {
		t.Errorf("users %+v", users)
	}
	if d := cmp.Diff(before, files(t, filepath.Dir(path))); d != "" {
		t.Errorf("the old files were changed: %s", d)
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func TestOpen_Refuses(t *testing.T) {
	whole := old(t, func(d *savagetest.Database) error {
		return d.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO "user"
			SELECT i, i || '@example.com', printf('%.*c', i, 'n') || i, 'k', 's', '2022-11-13 21:14:43.123456', NULL, NULL, NULL, NULL FROM n`)
	})
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	scribbled := bytes.Clone(content)
	for i := 4096; i < len(scribbled); i += 4096 {
		copy(scribbled[i:], "scribbled over")
	}
	for _, c := range []struct {
		name    string
		content []byte
		said    string
	}{
		{"empty", nil, "is no database of a Savage metaserver"},
		{"text", []byte(strings.Repeat("no database\n", 1000)), "is no sound SQLite database"},
		{"cut", content[:len(content)/2], "is no sound SQLite database"},
		{"header", content[:100], "is no sound SQLite database"},
		{"scribbled", scribbled, "is no sound SQLite database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, temp := filepath.Join(t.TempDir(), "metaserver.db"), t.TempDir()
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), path, temp)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Public(err), c.said) {
				t.Errorf("got %v, want %q", err, c.said)
			}
			if left := files(t, temp); len(left) > 0 {
				t.Errorf("left behind: %d files", len(left))
			}
		})
	}
}

// meddling is a context that has something done when it is first asked.
type meddling struct {
	context.Context
	do func()
}

func (m *meddling) Err() error {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Context.Err()
}

func TestOpen_WrittenMeanwhile(t *testing.T) {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		path := old(t, func(*savagetest.Database) error { return nil })
		ctx := &meddling{t.Context(), func() {
			f, err := os.OpenFile(path+suffix, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			if err == nil {
				_, err = f.WriteString("more")
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
			}
		}}
		_, err := Open(ctx, path, t.TempDir())
		if !fault.Is(err, fault.Unavailable) || fault.Hint(err) != "stop the old metaserver and try again" {
			t.Errorf("%q: got %v", suffix, err)
		}
	}
}

func TestCounts_Bounded(t *testing.T) {
	d := open(t, old(t, func(d *savagetest.Database) error {
		return errors.Join(d.Insert("userskinlink", 1, 1), d.Insert("userskinlink", 1, 2), d.Insert("userskinlink", 1, 3))
	}))
	if d.most != 1_000_000 {
		t.Errorf("at most %d rows", d.most)
	}
	for most, refused := range map[int64]bool{2: true, 3: false} {
		d.most = most
		if _, err := d.Counts(t.Context()); fault.Is(err, fault.TooLarge) != refused || !refused && err != nil {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}

func TestOpen_ThingsThatAreNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), dir, t.TempDir()); !fault.Is(err, fault.Invalid) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "none"), t.TempDir()); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, old(t, func(*savagetest.Database) error { return nil }), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2022, 11, 13, 21, 14, 43, 123456000, time.UTC)
	for text, ok := range map[string]bool{
		"2022-11-13 21:14:43.123456": true, "2022-11-13T21:14:43.123456": true, "2022-11-13 21:14:43.123456789": true,
		"2022-11-13": false, "13.11.2022": false, "0001-01-01 00:00:00": false, "2022-11-13 25:14:43": false, "NULL": false,
	} {
		got, good := parseTime(text)
		if good != ok || ok && !got.Equal(want) || !ok && got != unreadable {
			t.Errorf("%q is %v, %v", text, got, good)
		}
	}
	if got, ok := parseTime(""); !ok || !got.IsZero() {
		t.Errorf("nothing is %v, %v", got, ok)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"", "2022-11-13 21:14:43.123456", "2022-11-13T21:14:43Z", "9999-12-31 23:59:59.999999", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseTime(text)
		if text != "" && (got.IsZero() || got.UnixMicro() < 1) || got.Nanosecond()%1000 != 0 {
			t.Errorf("%q is %v, %v", text, got, ok)
		}
	})
}
