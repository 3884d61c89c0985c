package workshop

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// duplicates frees bytes that lie here twice, as far as room is needed: two
// blobs with the same bytes become one that the versions share, and a blob
// that one of the operator's folders holds as a zip too is dropped for that,
// unless it is pinned. No version goes away by it.
func (c *clearing) duplicates(ctx context.Context) error {
	if c.need <= 0 {
		return nil
	}
	if err := c.mergeBlobs(ctx); err != nil {
		return err
	}
	return c.dropDoubles(ctx)
}

// move is a blob that gives way to another with the same bytes.
type move struct {
	from, to string
	print    Fingerprint // of to
	versions []int       // positions in clearing.all of those that need from
}

// mergeBlobs lets versions with the same bytes share one blob.
func (c *clearing) mergeBlobs(ctx context.Context) error {
	type content struct {
		sum  [32]byte
		size int64
	}
	keepers := map[content]*stored{}
	at := map[string]int{} // position in moves by from
	var moves []move
	for i, st := range c.all {
		if !st.ours() || !st.servable() || len(st.SHA256) != 32 || c.sharing[st.Key] == 0 {
			continue
		}
		what := content{[32]byte(st.SHA256), st.Size}
		keeper := keepers[what]
		if keeper == nil {
			if print, err := c.s.printOf(ctx, st.Key); err == nil && print == st.Print {
				keepers[what] = st
			}
			continue
		}
		if keeper.Key == st.Key {
			continue
		}
		k, known := at[st.Key]
		if !known {
			if c.need <= 0 {
				continue
			}
			k, at[st.Key] = len(moves), len(moves)
			moves = append(moves, move{from: st.Key, to: keeper.Key, print: keeper.Print})
			c.freed(Removal{
				Name: st.Name, Size: st.Size, Frees: st.Size, Rule: RuleDuplicate,
				Why: fmt.Sprintf("the same bytes as %s, which it shares from now on", keeper.Name.File()),
			})
		}
		moves[k].versions = append(moves[k].versions, i)
	}
	for batch := range slices.Chunk(moves, batchSize) {
		if err := c.merge(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// merge carries out moves: rows first, then the blobs that nobody needs.
func (c *clearing) merge(ctx context.Context, moves []move) error {
	s := c.s
	for _, m := range moves {
		defer s.holds.take(m.to)()
	}
	now := c.now
	if !c.dry {
		err := s.store.db.Write(ctx, func(tx *db.Tx) error {
			now = db.Time(db.Micros(tx.Now))
			for _, m := range moves {
				if err := moveBlob(ctx, tx, m.from, m.to, m.print); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, m := range moves {
		for _, i := range m.versions {
			v := c.all[i].Version
			v.Key, v.Print, v.UpdatedAt = m.to, m.print, now
			c.replace(i, v)
		}
		if c.dry {
			continue
		}
		if _, err := s.deleteBlob(ctx, m.from); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a changed version into the snapshot, and into the index unless
// nothing is to happen.
func (c *clearing) replace(i int, v Version) {
	old := c.all[i]
	c.sharing[old.Key]--
	if v.ours() {
		c.sharing[v.Key]++
	}
	if c.dry {
		c.all[i] = &stored{Version: v, etagText: v.etag(), hits: old.hits}
		return
	}
	c.all[i] = c.s.index.put(v)
	c.s.changed(v.Name.Item)
}

// dropDoubles gives up blobs of which the operator's folders hold the very
// bytes under the same name. Their file is read to be sure.
func (c *clearing) dropDoubles(ctx context.Context) error {
	s := c.s
	for i, st := range c.all {
		if c.need <= 0 {
			return nil
		}
		if !st.ours() || !st.servable() || st.Pinned || len(st.SHA256) != 32 || c.sharing[st.Key] != 1 {
			continue
		}
		f, ok := s.roots.lookup(st.Name)
		if !ok || f.Kind != Zip || f.Size != st.Size {
			continue
		}
		check, err := s.roots.Check(ctx, st.Name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || check.Damage != nil || !bytes.Equal(check.SHA256, st.SHA256) {
			continue
		}
		v := s.foundVersion(check.Found)
		v.SHA256, v.VerifiedAt, v.StoredAt = check.SHA256, check.At, st.StoredAt
		if !c.dry {
			if err := s.putOver(ctx, &v); err != nil {
				return err
			}
		}
		c.replace(i, v)
		c.freed(Removal{
			Name: st.Name, Size: st.Size, Frees: st.Size, Rule: RuleDuplicate,
			Why: "the same bytes lie in " + f.Path() + ", which is served from now on",
		})
		if c.dry {
			continue
		}
		if _, err := s.deleteBlob(ctx, st.Key); err != nil {
			return err
		}
	}
	return nil
}

// putOver writes the row of v and sets v to what is in the database then. The
// index is the caller's.
func (s *Service) putOver(ctx context.Context, v *Version) error {
	var put Version
	err := s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		put, err = putVersion(ctx, tx, *v)
		return err
	})
	if err == nil {
		*v = put
	}
	return err
}

// supplier is who could supply a version again.
type supplier string

const (
	nobody  supplier = ""
	nearby  supplier = "nearby" // one of the operator's folders
	bySteam supplier = "steam"
	byPeer  supplier = "peer" // that has to confirm it first
)

// supplier says who, as far as is known, could supply a version again. Steam
// has the current one only, and SteamCMD may be needed for it; a peer may have
// any.
func (s *Service) supplier(n Name, known supply) supplier {
	if _, ok := s.roots.lookup(n); ok {
		return nearby
	}
	current := !known.gone && known.current == n.Version && s.policy.fetches(n.Item, known.app)
	switch {
	case current && (known.url && s.hasSource(sourceSteamURL) || s.steamcmd != nil):
		return bySteam
	case s.elsewhere(n):
		return byPeer
	}
	return nobody
}

// hasSource reports whether a source is configured.
func (s *Service) hasSource(name string) bool {
	return slices.ContainsFunc(s.sources, func(x Source) bool { return x.Name() == name })
}

// irreplaceable reports whether, as far as is known, no source could supply
// the version again.
func (s *Service) irreplaceable(n Name) bool {
	known := supply{gone: true}
	if item, ok := s.records.item(n.Item); ok {
		known = supplyOf(item)
	}
	return s.supplier(n, known) == nobody
}

func supplyOf(item Item) supply {
	return supply{current: item.Updated, url: item.URL != "", gone: item.Banned, app: item.AppID, checkedAt: item.CheckedAt}
}
