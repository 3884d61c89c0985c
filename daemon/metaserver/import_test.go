package metaserver

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage/savagetest"
)

// mover is a metaserver that takes old databases over.
type mover struct {
	*Service
	t      *testing.T
	db     *db.DB
	people *accounts.Service
}

func newMover(t *testing.T, d *db.DB) mover {
	t.Helper()
	people := accounts.New(accounts.Options{DB: d})
	s, err := New(Options{Config: config.Default().Metaserver, DB: d, Accounts: people, Audit: people.Audit})
	if err != nil {
		t.Fatal(err)
	}
	return mover{s, t, d, people}
}

// oldDatabase makes an old database and returns its path.
func oldDatabase(t *testing.T, fill func(d *savagetest.Database) error) string {
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

// move takes a database over.
func (m mover) move(path string, change func(o *ImportOptions)) (ImportReport, error) {
	m.t.Helper()
	source, err := savage.Open(m.t.Context(), path, m.t.TempDir())
	if err != nil {
		m.t.Fatal(err)
	}
	defer source.Close()
	o := ImportOptions{Source: source, People: m.people}
	if change != nil {
		change(&o)
	}
	return m.Import(m.t.Context(), o)
}

func (m mover) moved(path string, change func(o *ImportOptions)) ImportReport {
	m.t.Helper()
	r, err := m.move(path, change)
	if err != nil {
		m.t.Fatalf("%v\n%v", err, told(r))
	}
	return r
}

func dryRun(o *ImportOptions)   { o.DryRun = true }
func renumber(o *ImportOptions) { o.Renumber = true }

// told are the problems of a report as lines.
func told(r ImportReport) []string {
	all := []string{}
	for _, p := range r.Problems {
		all = append(all, p.Kind+" "+p.What+": "+p.Why)
	}
	return all
}

func (m mover) tells(r ImportReport, want ...string) {
	m.t.Helper()
	got := told(r)
	slices.Sort(got)
	if d := cmp.Diff(slices.Sorted(slices.Values(want)), got); d != "" {
		m.t.Errorf("told: %s", d)
	}
}

// everything returns all rows of the tables an import writes.
func (m mover) everything() (all []string) {
	m.t.Helper()
	for table, columns := range map[string]string{
		"accounts_account":       "id || ' ' || name || ' ' || password || ' ' || created_at || ' ' || last_online_at || ' ' || closed_at || ' ' || closed_reason",
		"accounts_email":         "account_id || ' ' || address || ' ' || verified_at",
		"metaserver_clan":        "id || ' ' || tag || ' ' || name || ' ' || founder || ' ' || members || ' ' || created_at || ' ' || disbanded_at",
		"metaserver_clan_link":   "clan_id || ' ' || account_id || ' ' || rank || ' ' || invited_at || ' ' || joined_at || ' ' || closed_at || ' ' || reason",
		"metaserver_clan_handle": "kind || ' ' || handle || ' ' || clan_id || ' ' || until",
		"metaserver_skin":        "id || ' ' || kind", "metaserver_skin_player": "skin_id || ' ' || account_id", "metaserver_skin_clan": "skin_id || ' ' || clan_id",
		"serverlist_server": "id || ' ' || account_id || ' ' || host_name || ' ' || port || ' ' || display_name || ' ' || state || ' ' || changed_at",
		"matches_stats":     "account_id || ' ' || server_id || ' ' || played_field || ' ' || won_field", "matches_standing": "account_id || ' ' || played_field",
		"metaserver_import": "kind || ' ' || old_id || ' ' || mark || ' ' || new_id",
		"accounts_audit":    "id || ' ' || action || ' ' || detail",
	} {
		err := m.db.Read(m.t.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query(m.t.Context(), "SELECT "+columns+" FROM "+table)
			return db.EachRow(rows, err, func() error {
				var text string
				err := rows.Scan(&text)
				all = append(all, table+": "+text)
				return err
			})
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

// rows are those of one table, without its name.
func (m mover) rows(table string) (some []string) {
	m.t.Helper()
	for _, line := range m.everything() {
		if rest, ok := strings.CutPrefix(line, table+": "); ok {
			some = append(some, rest)
		}
	}
	return some
}

// rated demands the ratings on a server, to the bit.
func (m mover) rated(server int64, want map[int64]float64) {
	m.t.Helper()
	all, err := m.matches.Stats(m.t.Context(), server, []int64{1, 2, 41, 42})
	if err != nil {
		m.t.Fatal(err)
	}
	got := map[int64]float64{}
	for _, st := range all {
		got[st.Account] = st.Rating
	}
	if d := cmp.Diff(want, got); d != "" {
		m.t.Errorf("ratings on server #%d: %s", server, d)
	}
}

func micros(seconds int) int64 { return savagetest.At(seconds).UnixMicro() }

// Every state of a link that the old metaserver left, and what it is here.
func TestImport_LinkStates(t *testing.T) {
	at, never := savagetest.At, time.Time{}
	path := oldDatabase(t, func(d *savagetest.Database) error {
		err := errors.Join(d.Insert("clan", 1, "Zzz", "Snore", savagetest.Icon, at(1), never), d.Insert("clan", 2, "Gone", "Gone", savagetest.Icon, at(1), at(900)))
		for id := range int64(16) {
			err = errors.Join(err, d.User(id+1, fmt.Sprintf("p%d@example.com", id+1), fmt.Sprintf("p%d", id+1)))
		}
		for i, l := range []struct {
			rank            string
			joined, deleted time.Time
			reason          string
		}{
			{"owner", at(310), never, ""}, {"member", never, never, ""}, {"admin", never, never, ""}, {"admin", at(311), never, ""},
			{"member", never, at(320), "declined"}, {"member", never, at(320), "retracted"}, {"member", at(312), at(320), "left"}, {"admin", at(312), at(320), "kicked"},
			{"member", never, at(320), "kicked"}, {"member", never, at(320), "left"}, {"member", at(312), at(320), "declined"},
			{"member", at(312), at(320), "retracted"}, {"member", never, at(320), ""}, {"member", at(312), at(320), ""}, {"king", at(313), never, "left"},
		} {
			err = errors.Join(err, d.Link(1, int64(i+1), l.rank, l.joined, l.deleted, l.reason))
		}
		return errors.Join(err, d.Link(1, 99, "member", at(1), never, ""), d.Link(9, 1, "owner", at(1), never, ""),
			d.Link(2, 1, "owner", at(310), never, ""), d.Link(2, 2, "member", never, never, ""))
	})
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		m := newMover(t, d)
		r := m.moved(path, nil)
		m.tells(r,
			"changed clan 1: account #3: invited as admin; invited as a plain member",
			"changed clan 1: account #9: kicked without having joined; retracted",
			"changed clan 1: account #10: left without having joined; declined",
			"changed clan 1: account #11: declined after joining; left",
			"changed clan 1: account #12: retracted after joining; kicked",
			"changed clan 1: account #13: closed for no reason without having joined; retracted",
			"changed clan 1: account #14: closed for no reason after joining; left",
			`changed clan 1: account #15: the rank "king" is none; a plain member`,
			"dropped link of user 99 to clan 1: the user or the clan is not there",
			"dropped link of user 1 to clan 9: the user or the clan is not there",
		)
		if want := (ImportCount{Taken: 17, Dropped: 2}); r.Links != want || !r.Whole() {
			t.Errorf("links %+v, want %+v", r.Links, want)
		}
		link := func(clan, account int, rank string, joined, closed int, reason string) string {
			since := func(n int) int64 {
				if n == 0 {
					return 0
				}
				return micros(n)
			}
			return fmt.Sprintf("%d %d %s %d %d %d %s", clan, account, rank, micros(300), since(joined), since(closed), reason)
		}
		want := []string{
			link(1, 1, "owner", 310, 0, ""), link(1, 2, "member", 0, 0, ""), link(1, 3, "member", 0, 0, ""), link(1, 4, "admin", 311, 0, ""),
			link(1, 5, "member", 0, 320, "declined"), link(1, 6, "member", 0, 320, "retracted"), link(1, 7, "member", 312, 320, "left"),
			link(1, 8, "admin", 312, 320, "kicked"), link(1, 9, "member", 0, 320, "retracted"), link(1, 10, "member", 0, 320, "declined"),
			link(1, 11, "member", 312, 320, "left"), link(1, 12, "member", 312, 320, "kicked"), link(1, 13, "member", 0, 320, "retracted"),
			link(1, 14, "member", 312, 320, "left"), link(1, 15, "member", 313, 0, ""),
			link(2, 1, "owner", 310, 900, "left"), link(2, 2, "member", 0, 900, "retracted"),
		}
		slices.Sort(want)
		if d := cmp.Diff(want, m.rows("metaserver_clan_link")); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{
			fmt.Sprintf("1 Zzz Snore 1 3 %d 0", micros(1)), fmt.Sprintf("2 Gone Gone 1 0 %d %d", micros(1), micros(900)),
		}, m.rows("metaserver_clan")); d != "" {
			t.Error(d)
		}
	})
}

// small is an old database with one of everything.
func small(first time.Duration) func(d *savagetest.Database) error {
	return func(d *savagetest.Database) error {
		at := func(s int) time.Time { return savagetest.At(s).Add(first) }
		return errors.Join(
			d.Insert("user", 1, "foo@example.com", "foo", savagetest.Key, savagetest.Salt, at(1), at(2), nil, nil, nil),
			d.Insert("user", 2, "bar@example.com", "bar", savagetest.Key, savagetest.Salt, at(2), at(3), nil, nil, nil),
			d.Insert("user", 41, "far@example.com", "far", savagetest.Key, savagetest.Salt, at(41), at(42), nil, nil, nil),
			d.Insert("clan", 1, "Zzz", "Snore", savagetest.Icon, at(3), nil), d.Link(1, 1, "owner", at(4), time.Time{}, ""), d.Link(1, 2, "member", at(5), time.Time{}, ""),
			d.Insert("server", 28, savagetest.Key, savagetest.Salt, "10.0.0.67", 11235, "n", "", "RTSS", 0, "", 42, at(6), nil, nil, nil, 1),
			d.Insert("userstats", 1, 28, at(7), at(8), 2, 0, 1, 0, 829.174035521201), d.Insert("userstats", 2, 28, at(7), at(8), 2, 0, 1, 0, 771.0614615186989),
			d.Insert("skin", 7, nil, "shield", "lego", "p"), d.Insert("userskinlink", 7, 1), d.Insert("clanskinlink", 7, 1),
		)
	}
}

func TestImport_DryRunAndAgain(t *testing.T) {
	path := oldDatabase(t, small(0))
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		m := newMover(t, d)
		want := ImportReport{Users: ImportCount{Taken: 3}, Clans: ImportCount{Taken: 1}, Links: ImportCount{Taken: 2}, Servers: ImportCount{Taken: 1},
			Stats: ImportCount{Taken: 2}, Skins: ImportCount{Taken: 1}, Grants: ImportCount{Taken: 2}, Problems: []ImportProblem{}}
		before := m.everything()
		dry := m.moved(path, dryRun)
		if !dry.DryRun {
			t.Error("the report is not of a dry run")
		}
		dry.DryRun = false
		if d := cmp.Diff(want, dry); d != "" {
			t.Errorf("dry run: %s", d)
		}
		if d := cmp.Diff(before, m.everything()); d != "" {
			t.Errorf("a dry run changed %s", d)
		}
		if d := cmp.Diff(want, m.moved(path, nil)); d != "" {
			t.Errorf("report: %s", d)
		}
		after := m.everything()
		m.rated(28, map[int64]float64{1: 829.174035521201, 2: 771.0614615186989})
		again := m.moved(path, nil)
		if d := cmp.Diff(ImportReport{Users: ImportCount{Present: 3}, Clans: ImportCount{Present: 1}, Links: ImportCount{Present: 2}, Servers: ImportCount{Present: 1},
			Stats: ImportCount{Present: 2}, Skins: ImportCount{Present: 1}, Grants: ImportCount{Present: 2}, Problems: []ImportProblem{}}, again); d != "" || again.Changed() {
			t.Errorf("again: %s", d)
		}
		if d := cmp.Diff(after, m.everything()); d != "" {
			t.Errorf("doing it again changed %s", d)
		}
		a, err := m.people.Create(t.Context(), "next", "correct horse battery", accounts.RolePlayer)
		if err != nil || a.ID != 42 {
			t.Errorf("the next account is #%d, %v; want 42", a.ID, err)
		}
	})
}

// What was changed here since stays so, and what is new there comes along.
func TestImport_LaterCopy(t *testing.T) {
	path := oldDatabase(t, small(0))
	later := oldDatabase(t, func(d *savagetest.Database) error {
		return errors.Join(small(0)(d), d.Exec(`UPDATE "user" SET display_name = 'other' WHERE id = 1`),
			d.User(42, "new@example.com", "new"), d.Link(1, 42, "member", savagetest.At(9), time.Time{}, ""))
	})
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		m := newMover(t, d)
		m.moved(path, nil)
		if err := m.people.EmptyAccount(t.Context(), 41); err != nil {
			t.Fatal(err)
		}
		if _, err := m.people.Rename(t.Context(), 2, "bar two"); err != nil {
			t.Fatal(err)
		}
		r := m.moved(later, nil)
		if r.Users != (ImportCount{Taken: 1, Present: 3}) || r.Links != (ImportCount{Taken: 1, Present: 2}) {
			t.Errorf("users %+v, links %+v", r.Users, r.Links)
		}
		for id, name := range map[int64]string{1: "foo", 2: "bar two", 41: "#41", 42: "new"} {
			if p, ok, err := m.people.Person(t.Context(), id); err != nil || !ok || p.Name != name {
				t.Errorf("account #%d is %+v, %v, want %s", id, p, err, name)
			}
		}
		if got := m.rows("metaserver_clan"); len(got) != 1 || !strings.HasPrefix(got[0], "1 Zzz Snore 1 3 ") {
			t.Errorf("clans %v", got)
		}
	})
}

func TestImport_NumbersThatAreTaken(t *testing.T) {
	path, other := oldDatabase(t, small(0)), oldDatabase(t, func(d *savagetest.Database) error {
		return errors.Join(small(time.Hour)(d), d.Exec(`UPDATE "user" SET username = 'x' || username, display_name = 'x' || display_name WHERE id > 1`),
			d.Exec(`UPDATE clan SET tag = 'Xxx', name = 'Xxx'`), d.Exec(`UPDATE skin SET model_path = 'x'`))
	})
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		m := newMover(t, d)
		m.moved(path, nil)
		before := m.everything()
		for range 2 {
			r, err := m.move(other, nil)
			if !fault.Is(err, fault.Conflict) || r.Conflict != 5 || r.Changed() {
				t.Errorf("got %+v, %v", r, err)
			}
			m.tells(r,
				"conflict user 2: account #2 is another one here", "conflict user 41: account #41 is another one here",
				"conflict clan 1: clan #1 is another one here", "conflict server 28: server #28 is another one here", "conflict skin 7: skin #7 is another one here",
			)
		}
		if d := cmp.Diff(before, m.everything()); d != "" {
			t.Errorf("the refused import changed %s", d)
		}
		m.tells(m.moved(other, func(o *ImportOptions) { dryRun(o); renumber(o) }), renumbered...)
		if d := cmp.Diff(before, m.everything()); d != "" {
			t.Errorf("the dry run changed %s", d)
		}
		m.tells(m.moved(other, renumber), renumbered...)
		if got := m.rows("metaserver_clan_link"); len(got) != 4 || !strings.HasPrefix(got[2], "2 1 owner ") || !strings.HasPrefix(got[3], "2 42 member ") {
			t.Errorf("links %v", got)
		}
		m.rated(28, map[int64]float64{1: 829.174035521201, 2: 771.0614615186989})
		m.rated(29, map[int64]float64{1: 829.174035521201, 42: 771.0614615186989})
		after := m.everything()
		if r := m.moved(other, nil); r.Changed() || r.Users.Present != 3 {
			t.Errorf("again: %+v", r)
		}
		if r := m.moved(path, nil); r.Changed() || r.Users.Present != 3 {
			t.Errorf("the first one again: %+v", r)
		}
		if d := cmp.Diff(after, m.everything()); d != "" {
			t.Errorf("doing it again changed %s", d)
		}
	})
}

var renumbered = []string{
	"renumbered user 2: it is account #42 here", "renumbered user 41: it is account #43 here", "renumbered clan 1: it is clan #2 here",
	"renumbered server 28: it is server #29 here", "renumbered skin 7: it is skin #8 here",
	"changed user 1: his e-mail address is that of account #1; he is this account, with its name and password",
}
