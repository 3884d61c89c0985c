package clans

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// crowd are the accounts 1 to 99, named p1 to p99. 90 and 91 are closed and
// 91 is gone.
type crowd struct {
	mu   sync.Mutex
	gone map[int64]bool
}

func (c *crowd) person(id int64) (Person, bool) {
	if id < 1 || id > 99 {
		return Person{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Person{ID: id, Name: fmt.Sprintf("p%d", id), Closed: id == 90 || id == 91 || c.gone[id], Gone: id == 91 || c.gone[id]}, true
}

func (c *crowd) Known(_ context.Context, ids []int64) (all []Person, err error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for _, id := range ids {
		if p, ok := c.person(id); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

func (c *crowd) Find(_ context.Context, ref string) (Person, error) {
	var id int64
	if _, err := fmt.Sscanf(strings.NewReplacer("#", "", "p", "").Replace(ref), "%d", &id); err == nil {
		if p, ok := c.person(id); ok {
			return p, nil
		}
	}
	return Person{}, fault.New(fault.NotFound, "There is no account %q", ref)
}

// rig is a Service with a clock of its own.
type rig struct {
	*Service
	t      *testing.T
	crowd  *crowd
	clock  *durabletest.Clock
	mu     sync.Mutex
	audits []string
}

func newRig(t *testing.T, d *db.DB, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, crowd: &crowd{gone: map[int64]bool{}}, clock: durabletest.NewClock(time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC))}
	o := Options{DB: d, People: r.crowd, Now: r.clock.Now, Reserve: 90 * 24 * time.Hour, MaxPerUser: 10,
		Audit: func(_ context.Context, _ *db.Tx, action, target, detail string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.audits = append(r.audits, action+" "+target+" "+detail)
			return nil
		}}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Service = s
	return r
}

// each runs a test on both databases.
func each(t *testing.T, test func(*rig)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(newRig(t, d, nil)) })
}

func (r *rig) found(account int64, tag, name string) Clan {
	r.t.Helper()
	c, err := r.Found(r.t.Context(), account, Founding{Tag: Tag(tag), Name: name})
	if err != nil {
		r.t.Fatalf("found %s: %v", tag, err)
	}
	return c
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// refused fails unless an action was refused for a reason; 0: it was not.
func (r *rig) refused(what string, err error, want Reason) {
	r.t.Helper()
	if got := reasonOf(err); got != want || (err != nil) != (want != 0) {
		r.t.Errorf("%s: reason %d, %v; want %d", what, got, err, want)
	}
}

func reasonOf(err error) Reason {
	if x, ok := errors.AsType[*Refusal](err); ok {
		return x.Reason
	}
	return 0
}

// state is a link in one word, with its rank: "member admin", "kicked member".
func (r *rig) state(clan, account int64) string {
	r.t.Helper()
	l, err := r.Link(r.t.Context(), clan, account)
	r.ok(err)
	switch {
	case l == Link{}:
		return "none"
	case l.Open():
		return "invited"
	case l.Member():
		return string("member " + l.Rank)
	}
	joined := ""
	if !l.Joined.IsZero() {
		joined = " after joining"
	}
	return string(l.Reason) + joined
}

// members checks who belongs to a clan, in ranks, and what is counted.
func (r *rig) members(clan int64, want string) {
	r.t.Helper()
	links, err := r.Members(r.t.Context(), clan)
	r.ok(err)
	var got []string
	for _, l := range links {
		got = append(got, fmt.Sprintf("%d %s", l.Account, l.Rank))
	}
	c, err := r.Clan(r.t.Context(), clan)
	r.ok(err)
	if text := strings.Join(got, ", "); text != want || c.Members != int64(len(links)) {
		r.t.Errorf("members: %s, counted %d; want %s", text, c.Members, want)
	}
}

// recorded reports whether the audit log has an entry with these parts.
func (r *rig) recorded(parts ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.audits, func(entry string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(entry, part) })
	})
}

// reach brings account 2 into a state with the clan, by ordinary actions of
// the owner, 1, and of 2.
func (r *rig) reach(clan int64, state string) {
	r.t.Helper()
	ctx := r.t.Context()
	invite := func() { r.t.Helper(); r.ok(r.Invite(ctx, 1, clan, 2)) }
	join := func() { r.t.Helper(); invite(); r.ok(r.Answer(ctx, 2, clan, true)) }
	rank := func(rank Rank) {
		r.t.Helper()
		join()
		_, err := r.SetRank(ctx, 1, clan, 2, rank)
		r.ok(err)
	}
	switch state {
	case "none":
	case "invited":
		invite()
	case "member":
		join()
	case "admin":
		rank(Admin)
	case "owner":
		rank(Owner)
	case "declined":
		invite()
		r.ok(r.Answer(ctx, 2, clan, false))
	case "retracted":
		invite()
		r.ok(r.Retract(ctx, 1, clan, 2))
	case "left":
		join()
		r.ok(r.Leave(ctx, 2, clan))
	case "kicked":
		join()
		r.ok(r.Kick(ctx, 1, clan, 2))
	default:
		r.t.Fatalf("no state %q", state)
	}
}

var allStates = []string{"none", "invited", "member", "admin", "owner", "declined", "retracted", "left", "kicked"}

// stored is what state calls each of them.
var stored = map[string]string{
	"none": "none", "invited": "invited", "member": "member member", "admin": "member admin", "owner": "member owner",
	"declined": "declined", "retracted": "retracted", "left": "left after joining", "kicked": "kicked after joining",
}

func sortedByID(links []Link) bool {
	return slices.IsSortedFunc(links, func(a, b Link) int { return cmp.Compare(a.Account, b.Account) })
}

type dbTx = db.Tx

// departNow deletes an account's part in all clans.
func departNow(ctx context.Context, s *Service, account int64) error {
	return s.db.Write(ctx, func(tx *dbTx) error { return s.Depart(ctx, tx, account) })
}
