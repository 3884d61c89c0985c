package matches

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// filled is a Service with so many players on server 28, of whom every tenth
// has played too little, and one player is hidden.
func filled(t testing.TB, d *db.DB, players int) *Service {
	t.Helper()
	s, err := New(Options{Config: config.Default().Metaserver, DB: d, Players: everybodyKnown})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	all := make([]Stats, players)
	for i := range all {
		all[i] = Stats{Account: int64(i + 1), Server: 28, FirstSeen: now, LastSeen: now, PlayedField: 20, Rating: 100 + float64((i*7919)%players)/10, Hidden: i == 0}
		if i%10 == 9 {
			all[i].PlayedField = 4
		}
	}
	err = d.Write(context.Background(), func(tx *db.Tx) error {
		if err := putStats(context.Background(), tx, all); err != nil {
			return err
		}
		return refreshStandings(context.Background(), tx, accountsOf(all))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func everybodyKnown(_ context.Context, ids []int64) (map[int64]Player, error) {
	known := map[int64]Player{}
	for _, id := range ids {
		known[id] = Player{Name: fmt.Sprint("player ", id)}
	}
	return known, nil
}

// TestClosedAccounts: who was closed since he played is not shown, and is
// again when the account is open.
func TestClosedAccounts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := filled(t, d, 20)
		closed := map[int64]bool{3: true, 4: true}
		gone := map[int64]bool{5: true}
		s.options.Players = func(ctx context.Context, ids []int64) (map[int64]Player, error) {
			known, err := everybodyKnown(ctx, ids)
			for id := range known {
				if gone[id] {
					delete(known, id)
				} else if closed[id] {
					known[id] = Player{Closed: true}
				}
			}
			return known, err
		}
		look := func(server int64) map[int64]bool {
			t.Helper()
			places, _, total, err := s.Board(t.Context(), server, Page{Limit: 100})
			if err != nil || int(total) != len(places) {
				t.Fatalf("%d places of %d, %v", len(places), total, err)
			}
			shown := map[int64]bool{}
			for _, p := range places {
				shown[p.Account] = true
			}
			return shown
		}
		for _, server := range []int64{28, Overall} {
			if shown := look(server); shown[3] || shown[4] || shown[5] || len(shown) != 20-2-1-3 {
				t.Errorf("%d: shown %v", server, shown)
			}
		}
		closed[4] = false
		if err := s.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, server := range []int64{28, Overall} {
			// The first was hidden though his account is open.
			if shown := look(server); shown[3] || !shown[4] || shown[5] || !shown[1] {
				t.Errorf("%d: afterwards shown %v", server, shown)
			}
		}
	})
}

// TestBoardPages goes through whole leaderboards, page by page.
func TestBoardPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := filled(t, d, 1000)
		for _, server := range []int64{28, Overall} {
			seen, cursor, last := map[int64]bool{}, "", Place{}
			for page := 0; ; page++ {
				places, next, total, err := s.Board(t.Context(), server, Page{Limit: 70, Cursor: cursor})
				if err != nil || total != 899 {
					t.Fatalf("%d in all, %v", total, err)
				}
				for _, p := range places {
					rank := int64(len(seen) + 1)
					if p.Rating == last.Rating {
						rank = last.Rank
					}
					if seen[p.Account] || p.Rank != rank || last.Account != 0 && p.Rating > last.Rating || p.Hidden || p.PlayedField < 5 {
						t.Fatalf("after %+v comes %+v", last, p)
					}
					seen[p.Account], last = true, p
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if len(seen) != 899 {
				t.Errorf("%d on all pages", len(seen))
			}
			if p, _, err := s.PlaceOf(t.Context(), server, last.Account); err != nil || p.Rank != last.Rank {
				t.Errorf("the last is %d, on the page %d, %v", p.Rank, last.Rank, err)
			}
			for _, account := range []int64{1, 10} {
				if p, _, err := s.PlaceOf(t.Context(), server, account); err != nil || p.Rank != 0 || p.Account != account {
					t.Errorf("%d is in the list: %+v, %v", account, p, err)
				}
			}
		}
	})
}

func TestEqualRatingsHaveOneRank(t *testing.T) {
	d := dbtest.SQLite(t)
	s := filled(t, d, 0)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		var all []Stats
		for i, r := range []float64{900, 800, 800, 800, 700} {
			all = append(all, Stats{Account: int64(i + 1), Server: 28, PlayedField: 9, Rating: r})
		}
		return putStats(t.Context(), tx, all)
	})
	if err != nil {
		t.Fatal(err)
	}
	var ranks []int64
	for cursor := ""; ; {
		places, next, _, err := s.Board(t.Context(), 28, Page{Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range places {
			ranks = append(ranks, p.Rank)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if fmt.Sprint(ranks) != "[1 2 2 2 5]" {
		t.Error(ranks)
	}
	for account, want := range []int64{1, 2, 2, 2, 5} {
		if p, _, err := s.PlaceOf(t.Context(), 28, int64(account+1)); err != nil || p.Rank != want {
			t.Errorf("%d has rank %d, %v, want %d", account+1, p.Rank, err, want)
		}
	}
}

// TestBoardIsIndexed: a page of a large leaderboard is read from the index,
// from where it begins, and nothing is sorted.
func TestBoardIsIndexed(t *testing.T) {
	d := dbtest.SQLite(t)
	filled(t, d, 5000)
	for _, server := range []int64{28, Overall} {
		_, table, w := boardOf(server, 5)
		w.and("rating <= ? AND (rating < ? OR account_id > ?)", 5000.0, 5000.0, 7)
		var plan strings.Builder
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			_, err := read(t.Context(), tx, func(row scanner) (s string, err error) {
				var a, b, c int
				err = row.Scan(&a, &b, &c, &s)
				plan.WriteString(s + "\n")
				return s, err
			}, "EXPLAIN QUERY PLAN SELECT * FROM "+table+" WHERE "+w.sql()+" ORDER BY rating DESC, account_id LIMIT 100", w.args...)
			return err
		})
		if err != nil || !strings.Contains(plan.String(), "SEARCH "+table+" USING INDEX "+table+"_board") || strings.Contains(plan.String(), "TEMP B-TREE") {
			t.Errorf("%s: %s %v", table, plan.String(), err)
		}
	}
}

// BenchmarkBoard reads pages of a leaderboard of 100 000 players, and the rank
// of one of them.
func BenchmarkBoard(b *testing.B) {
	s := filled(b, dbtest.SQLite(b), 100_000)
	b.Run("page", func(b *testing.B) {
		cursor := ""
		for b.Loop() {
			places, next, _, err := s.Board(context.Background(), 28, Page{Limit: 100, Cursor: cursor})
			if err != nil || len(places) == 0 {
				b.Fatal(len(places), err)
			}
			cursor = next
		}
	})
	b.Run("rank", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.PlaceOf(context.Background(), 28, 7); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestCursors(t *testing.T) {
	want := mark{829.174035521201, 7, 100, 98}
	got, err := parseMark(want.String())
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"x", "1_2_3", "1_2_3_x", "1_0_1_1", "1_1_-1_1", "1_1_1_1_1", "_1_1_1", "NaN_1_1_1", "Inf_1_1_1"} {
		if _, err := parseMark(text); err == nil {
			t.Errorf("%q is a cursor", text)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("829.174035521201_7_100_98")
	f.Add("NaN_1_1_1")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMark(text)
		if err != nil || text == "" {
			return
		}
		if again, err := parseMark(m.String()); err != nil || again != m {
			t.Errorf("%q: %+v, again %+v, %v", text, m, again, err)
		}
	})
}
