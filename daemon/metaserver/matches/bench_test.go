package matches_test

import (
	"context"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

// BenchmarkReport stores matches of 64 players, from 32 servers at once.
func BenchmarkReport(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			c := config.Default().Metaserver
			c.MatchesPerHour = 0
			people := map[int64]matches.Player{}
			m := report(0, ids(64)[:32], ids(64)[32:])
			for _, id := range ids(64) {
				people[id] = matches.Player{Verified: true}
			}
			s, err := matches.New(matches.Options{Config: c, DB: open(b), Players: func(context.Context, []int64) (map[int64]matches.Player, error) { return people, nil }})
			if err != nil {
				b.Fatal(err)
			}
			b.SetParallelism(16)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := s.Report(context.Background(), m); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
