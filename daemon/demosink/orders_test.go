package demosink

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// TestOrdersHaveIndexes asks SQLite how it would read a page of each order:
// from an index, without sorting.
func TestOrdersHaveIndexes(t *testing.T) {
	d := lite(t)
	for sort, index := range map[string]string{
		"newest": "demos_session_start", "oldest": "demos_session_start", "size": "demos_session_size", "score": "demos_session_score",
	} {
		o, err := orderOf(sort)
		if err != nil {
			t.Fatal(err)
		}
		for _, cursor := range []string{"", o.cursor(Session{ID: "7", StartAt: time.Unix(1, 0), Size: 1, Score: 1, HasScore: true})} {
			var w condition
			if err := o.after(&w, cursor); err != nil {
				t.Fatal(err)
			}
			query := "EXPLAIN QUERY PLAN SELECT " + sessionColumns + " FROM demos_session WHERE " + w.sql() + " ORDER BY " + o.sql() + w.limit(2)
			if plan := explained(t, d, query, w.args...); !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s after %q: %s", sort, cursor, plan)
			}
		}
	}
}

func explained(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	var plan []string
	err := d.Read(context.Background(), func(tx *db.Tx) error {
		rows, err := tx.Query(context.Background(), query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan = append(plan, detail)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}

// TestWitnesses has whose recordings are of the same match: those whose times
// overlap and that name the same server, by what the client said or by what
// the header has.
func TestWitnesses(t *testing.T) {
	const fake, real = "169.254.189.228:41928", "203.0.113.5:27015"
	hour := func(minutes int) time.Time { return recordedAt.Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []struct {
		name                     string
		fakeIP, server           string // of the one that is looked at
		otherFakeIP, otherServer string
		from, to                 int // minutes; the other one's is from 0 to 30
		want                     bool
	}{
		{"what both clients said", fake, "", fake, "", 0, 30, true},
		{"only just at the same time", fake, "", fake, "", 30, 60, true},
		{"later: the address was given to another server", fake, "", fake, "", 31, 60, false},
		{"before", fake, "", fake, "", -30, -1, false},
		{"a file and a stream", "", real, real, "", 10, 20, true},
		{"a stream and a file", real, "", "", real, 10, 20, true},
		{"two files", "", real, "", real, 10, 20, true},
		{"the header has the name of the server", real, "Some server", real, "Another name", 10, 20, true},
		{"only that name", "", "Some server", "", "Some server", 10, 20, false},
		{"another port", real, "", "203.0.113.5:27016", "", 0, 30, false},
		{"nothing is known", "", "", "", "", 0, 30, false},
		{"their own machines", "127.0.0.1:27015", "", "127.0.0.1:27015", "", 0, 30, false},
		{"no machine at all", "0.0.0.0:27015", "", "0.0.0.0:27015", "", 0, 30, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, lite(t), nil)
			for id, s := range map[string]Session{
				"1": {FakeIP: c.fakeIP, Server: c.server, StartAt: hour(c.from), EndAt: hour(c.to)},
				"2": {FakeIP: c.otherFakeIP, Server: c.otherServer, StartAt: hour(0), EndAt: hour(30)},
			} {
				row := closedSession(id)
				row.FakeIP, row.Server, row.StartAt, row.EndAt = s.FakeIP, s.Server, s.StartAt, s.EndAt
				r.add(row, nil)
			}
			for _, id := range []string{"1", "2"} {
				d, err := r.Get(context.Background(), Caller{Analyst: true}, id)
				if err != nil || len(d.Witnesses) > 0 != c.want {
					t.Errorf("%s has %d witnesses, %v", id, len(d.Witnesses), err)
				}
			}
		})
	}
}

// TestPagesOfEqualKeys walks through recordings that the order does not tell
// apart, each once.
func TestPagesOfEqualKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		const n = 7
		for i := range n {
			r.add(closedSession(fmt.Sprint(10+i)), nil)
		}
		for _, sort := range []string{"newest", "oldest", "size", "score"} {
			seen := map[SessionID]bool{}
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				all, next, _, err := r.List(context.Background(), Caller{Admin: true}, Filter{}, Page{sort, 2, cursor})
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range all {
					if seen[x.ID] {
						t.Errorf("%s: %s twice", sort, x.ID)
					}
					seen[x.ID] = true
				}
				cursor = next
			}
			if len(seen) != n {
				t.Errorf("%s: %d of %d", sort, len(seen), n)
			}
		}
	})
}
