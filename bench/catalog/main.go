// Command catalog is the catalogue of mods over a made-up library: the real
// listener, middleware, index and database, and no files.
//
//	catalog -fill N FOLDER           write a catalogue of N mods
//	catalog [-floor] -mods N ADDRESS FOLDER   serve it
//
// With -floor every answer is worked out once and then sent as bytes in
// memory by bare net/http: the least that the same answer can cost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

func main() {
	fill := flag.Int("fill", 0, "write so many mods and end")
	mods := flag.Int("mods", 0, "how many mods the folder has")
	floor := flag.Bool("floor", false, "send answers from memory by bare net/http")
	flag.Parse()
	var err error
	switch {
	case *fill > 0 && flag.NArg() == 1:
		err = write(*fill, flag.Arg(0))
	case *mods > 0 && flag.NArg() == 2:
		err = serve(*mods, *floor, flag.Arg(0), flag.Arg(1))
	default:
		err = errors.New("usage: catalog -fill N FOLDER | catalog [-floor] -mods N ADDRESS FOLDER")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func open(ctx context.Context, n int, dir string) (*catalog.Service, *db.DB, error) {
	d, err := db.Open(ctx, db.Options{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	s, err := catalog.New(catalog.Options{Config: config.Default().Workshop.Catalog, DB: d, Library: library{n}})
	return s, d, err
}

// write fills a new folder.
func write(n int, dir string) error {
	ctx := context.Background()
	s, d, err := open(ctx, n, dir)
	if err != nil {
		return err
	}
	const batch = 5000
	var items []catalog.Adopted
	for i := range n {
		items = append(items, item(i))
		if len(items) == batch || i == n-1 {
			if err := s.Adopt(ctx, nil, items); err != nil {
				return err
			}
			items = items[:0]
		}
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		for id := range games {
			if _, err := tx.Exec(ctx, "INSERT INTO workshop_catalog_game (id, name, type, updated_at) VALUES ($1, $2, 'game', $3)",
				firstGame+id, fmt.Sprint("Game ", id), db.Micros(tx.Now)); err != nil {
				return err
			}
		}
		// Long ago: what just changed is read again for a while.
		_, err := tx.Exec(ctx, "UPDATE workshop_catalog_mod SET complete = $1, complete_version = $2, updated_at = 1", true, version)
		return err
	})
	return errors.Join(err, d.Close())
}

func serve(n int, floor bool, address, dir string) error {
	ctx := context.Background()
	s, _, err := open(ctx, n, dir)
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	if floor {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		return (&http.Server{Handler: &canned{s: s}, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
	}
	c := config.Default()
	c.HTTP.Listen = []string{address}
	srv, err := web.New(web.Options{HTTP: c.HTTP, Limits: c.Limits})
	if err != nil {
		return err
	}
	s.Register(srv)
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	go func() { log.Fatal(s.Run(ctx)) }()
	return srv.Run(ctx)
}

// canned sends what the catalogue once answered.
type canned struct {
	s       *catalog.Service
	answers sync.Map // by address, of []byte
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := c.answers.Load(r.RequestURI)
	if !ok {
		first := httptest.NewRecorder()
		c.s.ServeHTTP(first, r)
		body = first.Body.Bytes()
		c.answers.Store(r.RequestURI, body)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body.([]byte)) // a client that is gone
}

const (
	firstID   = 1000
	firstGame = 294_100
	games     = 20
	tags      = 50
	version   = 1_712_827_267
)

// item is mod number i: one of twenty games, two of fifty-seven tags; every
// fifth needs another.
func item(i int) catalog.Adopted {
	d := details(i)
	d.Description = strings.Repeat("What this mod does and why. ", 1+i%40)
	d.Tags, d.Dependencies = []string{fmt.Sprint("tag ", i/games%tags), fmt.Sprint("kind ", i%7)}, []int64{}
	if i%5 == 0 {
		d.Dependencies = []int64{firstID + int64(i) + 1}
	}
	return catalog.Adopted{Details: d, Version: version, Source: catalog.SourceSteam, Downloads: int64(i * 17 % 3000), AddedAt: time.Unix(version, 0)}
}

func details(i int) catalog.Details {
	return catalog.Details{
		ID: firstID + int64(i), App: uint32(firstGame + i%games), Name: fmt.Sprintf("Mod %d of the %s", i, []string{"north", "south", "east", "west"}[i%4]),
		Size: int64(i * 31 % 100_000), Created: 1_583_056_800 + int64(i), Updated: version,
	}
}

// library has n mods, all of them stored.
type library struct{ n int }

func (l library) has(id int64) bool { return id >= firstID && id < firstID+int64(l.n) }

func (l library) Stock(id int64) catalog.Stock {
	if !l.has(id) {
		return catalog.Stock{}
	}
	return catalog.Stock{Stored: true, Version: version, Bytes: 1 << 20, AddedAt: time.Unix(version, 0), Source: catalog.SourceSteam}
}

func (l library) Each(fn func(int64, catalog.Stock)) {
	for id := int64(firstID); l.has(id); id++ {
		fn(id, l.Stock(id))
	}
}

func (l library) Details(id int64) (catalog.Details, bool) {
	if !l.has(id) {
		return catalog.Details{}, false
	}
	return details(int(id - firstID)), true
}

var errNothing = errors.New("there is nothing to be had")

func (library) Describe(context.Context, int64) (catalog.Details, error) {
	return catalog.Details{}, errNothing
}

func (library) Want(context.Context, int64, int64, time.Time, time.Time) (bool, error) {
	return false, errNothing
}

func (library) Queue() int { return 0 }

func (library) Ready() error { return errNothing }

func (library) Open(context.Context, int64) (catalog.Archive, error) {
	return catalog.Archive{}, errNothing
}
