package metaserver

import (
	"context"
	"fmt"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage"
)

// maxOldID is the highest number that is taken over. Programs have seen it as
// a number of JSON, which is exact up to here.
const maxOldID = 1 << 53

// fate says what becomes of an old row.
type fate int

const (
	fateUnknown fate = iota // there is no such row
	fateSkipped             // its number is none
	fatePresent             // it was taken over before
	fateJoined              // it is one with what is here
	fateTaken               // it is taken over
)

// place is where an old row is here.
type place struct {
	id   int64
	fate fate
	mark int64
}

// numbers says what becomes of the rows of one kind, by their old numbers.
type numbers struct {
	kind, table string
	before      map[[2]int64]int64 // old number and mark to the one here: earlier imports
	have        map[int64]bool     // numbers that are in use here
	places      map[int64]place
	again       []int64 // those who get new numbers
	highest     int64   // that is or will be here
}

func (im *importer) numbers(kind, table string) (*numbers, error) {
	n := &numbers{kind: kind, table: table, before: map[[2]int64]int64{}, have: map[int64]bool{}, places: map[int64]place{}}
	rows, err := im.tx.Query(im.ctx, "SELECT old_id, mark, new_id FROM metaserver_import WHERE kind = $1", kind)
	err = db.EachRow(rows, err, func() error {
		var old, mark, id int64
		err := rows.Scan(&old, &mark, &id)
		n.before[[2]int64{old, mark}] = id
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = im.tx.Query(im.ctx, "SELECT id FROM "+table)
	return n, db.EachRow(rows, err, func() error {
		var id int64
		err := rows.Scan(&id)
		n.have[id] = true
		return err
	})
}

// decide says what becomes of a row. holder is who here it is one with, 0 for
// nobody.
func (n *numbers) decide(im *importer, old, mark, holder int64) {
	what := fmt.Sprintf("%s %d", n.kind, old)
	if id, ok := n.before[[2]int64{old, mark}]; ok {
		n.places[old] = place{id: id, fate: fatePresent}
		return
	}
	if old < 1 || old > maxOldID {
		n.places[old] = place{fate: fateSkipped}
		return
	}
	n.highest = max(n.highest, old) // it is given to nobody else, even where it is not used
	switch {
	case holder == old:
		n.places[old] = place{id: holder, fate: fateJoined, mark: mark}
	case holder != 0:
		n.conflict(im, what, fmt.Sprintf("his e-mail address belongs to account #%d here", holder))
		n.places[old] = place{id: holder, fate: fateJoined, mark: mark}
	case n.have[old]:
		n.conflict(im, what, fmt.Sprintf("%s #%d is another one here", thing(n.kind), old))
		n.again = append(n.again, old)
		fallthrough
	default:
		n.places[old] = place{id: old, fate: fateTaken, mark: mark}
	}
}

func thing(kind string) string {
	if kind == "user" {
		return "account"
	}
	return kind
}

func (n *numbers) conflict(im *importer, what, why string) {
	if !im.o.Renumber {
		im.report.Conflict++
		im.report.problem(ImportConflict, what, why)
	}
}

// renumber gives new numbers to those who need them, above all others.
func (n *numbers) renumber(im *importer) error {
	last, err := im.s.options.DB.LastID(im.ctx, im.tx, n.table)
	if err != nil {
		return err
	}
	n.highest = max(n.highest, last)
	for _, old := range n.again {
		p := n.places[old]
		n.highest++
		p.id = n.highest
		n.places[old] = p
		im.report.problem(ImportRenumbered, fmt.Sprintf("%s %d", n.kind, old), fmt.Sprintf("it is %s #%d here", thing(n.kind), p.id))
	}
	return nil
}

// took remembers that a row was taken over.
func (n *numbers) took(ctx context.Context, tx *db.Tx, old int64) error {
	p := n.places[old]
	n.have[p.id] = true
	_, err := tx.Exec(ctx, "INSERT INTO metaserver_import (kind, old_id, mark, new_id) VALUES ($1, $2, $3, $4)", n.kind, old, p.mark, p.id)
	return err
}

// at returns where an old row is here; ok is false when it is nowhere.
func (n *numbers) at(old int64) (id int64, ok bool) {
	p := n.places[old]
	return p.id, p.fate >= fatePresent
}

// there reports whether what has a number here is still there.
func (n *numbers) there(id int64) bool { return n.have[id] }

// plan decides about every row that has a number of its own.
func (im *importer) plan() (err error) {
	for _, k := range []struct {
		to          **numbers
		kind, table string
		read        func(n *numbers) error
	}{
		{&im.users, "user", "accounts_account", im.planUsers},
		{&im.clans, "clan", "metaserver_clan", func(n *numbers) error {
			return im.o.Source.Clans(im.ctx, func(c savage.Clan) error { n.decide(im, c.ID, c.Mark(), 0); return nil })
		}},
		{&im.servers, "server", "serverlist_server", func(n *numbers) error {
			return im.o.Source.Servers(im.ctx, func(v savage.Server) error { n.decide(im, v.ID, v.Mark(), 0); return nil })
		}},
		{&im.skins, "skin", "metaserver_skin", func(n *numbers) error {
			return im.o.Source.Skins(im.ctx, func(k savage.Skin) error { n.decide(im, k.ID, k.Mark(), 0); return nil })
		}},
	} {
		n, err := im.numbers(k.kind, k.table)
		if err != nil {
			return err
		}
		if err := k.read(n); err != nil {
			return err
		}
		if len(n.again) > 0 && im.o.Renumber {
			if err := n.renumber(im); err != nil {
				return err
			}
		}
		*k.to = n
	}
	return nil
}

// planUsers joins users with accounts here that have the same address, when it
// is proved in both.
func (im *importer) planUsers(n *numbers) error {
	return im.o.Source.Users(im.ctx, func(u savage.User) error {
		holder, verified, err := im.o.People.HolderOf(im.ctx, im.tx, u.Email)
		if err != nil {
			return err
		}
		if !verified || u.Verified.IsZero() {
			holder = 0
		}
		n.decide(im, u.ID, u.Mark(), holder)
		return nil
	})
}

// reserve keeps the numbers that were taken over from being given again.
func (im *importer) reserve() error {
	if im.o.DryRun {
		return nil
	}
	for _, n := range []*numbers{im.users, im.clans, im.servers, im.skins} {
		if n.highest == 0 {
			continue
		}
		if err := im.s.options.DB.ReserveIDs(im.ctx, im.tx, n.table, n.highest); err != nil {
			return err
		}
	}
	return nil
}
