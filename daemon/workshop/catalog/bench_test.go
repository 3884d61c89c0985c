package catalog

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// benchListing is a catalogue of n mods: twenty games, fifty tags, a fifth of
// the mods needs others.
func benchListing(b *testing.B, n int) *Service {
	b.Helper()
	lib := newWarehouse(b)
	s, err := New(Options{Config: config.Default().Workshop.Catalog, DB: dbtest.SQLite(b), Library: lib})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		for i := range n {
			id := int64(1000 + i)
			d := Details{
				ID: id, App: uint32(1 + i%20), Name: fmt.Sprintf("Mod %d of the %s", i*7919%n, []string{"north", "south", "east", "west"}[i%4]),
				Description: strings.Repeat("What it does. ", 1+i%40), Size: int64(i * 31 % 100_000), Created: harmonyCreated + int64(i),
				Updated: harmonyUpdated + int64(i*7%5000), Tags: []string{fmt.Sprintf("tag %d", i%50), fmt.Sprintf("kind %d", i%7)},
			}
			if i%5 == 0 {
				d.Dependencies = []int64{id + 1}
			}
			if err := putMetadata(ctx, tx, metadata{Details: d, Complete: true}); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET downloads = $2 WHERE item = $1`, id, i*17%3000); err != nil {
				return err
			}
			d.Description = ""
			lib.details[id], lib.stock[id] = d, Stock{Stored: true, Version: d.Updated, Bytes: 100, Source: SourceSteam, AddedAt: time.Unix(harmonyUpdated, 0)}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := s.Load(ctx); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d mods are loaded in %v", n, time.Since(start))
	return s
}

func benchRequests(b *testing.B, targets func(i int) string) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchListing(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				r := httptest.NewRequest(http.MethodGet, targets(i), http.NoBody)
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// The figures below hold for the handler with a recorder, which itself takes
// some microseconds.
func BenchmarkListMods(b *testing.B) {
	for name, query := range map[string]string{
		"plain":    "sort=iDOWNLOADS&page=%d",
		"filtered": "games=[%d]&tags=[2]&sort=iDOWNLOADS&dependencies=true",
		"name":     "name=mod+%d&sort=NAME",
		"page":     "sort=iDATE_UPDATE&page_size=50&page=%d",
	} {
		b.Run(name, func(b *testing.B) {
			benchRequests(b, func(i int) string { return "/list/mods/?" + fmt.Sprintf(query, 1+i%20) })
		})
	}
}

func BenchmarkCondition(b *testing.B) {
	ids := make([]string, 50)
	benchRequests(b, func(i int) string {
		for k := range ids {
			ids[k] = fmt.Sprint(1000 + (i*37+k*19)%1000)
		}
		return "/condition/mod/[" + strings.Join(ids, ",") + "]"
	})
}

func BenchmarkCount(b *testing.B) {
	s := benchListing(b, 1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.count(countSent)
		}
	})
	if err := s.stats.flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkChanged(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchListing(b, n)
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				s.Delivered(int64(1000+i%n), "ns2")
				s.settle()
			}
		})
	}
}
