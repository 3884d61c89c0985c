package clans

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestFound(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(7, "^123(Zzz", "Zaitev's Snore Club")
		want := Clan{ID: 1, Tag: "^123(Zzz", Name: "Zaitev's Snore Club", Icon: DefaultIcon, Members: 1, Founder: 7, Created: r.clock.Now()}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error("founded:", diff)
		}
		read, err := r.Clan(ctx, c.ID)
		r.ok(err)
		if diff := cmp.Diff(c, read); diff != "" {
			t.Error("read:", diff)
		}
		l, err := r.Link(ctx, c.ID, 7)
		r.ok(err)
		if diff := cmp.Diff(Link{Clan: 1, Account: 7, Rank: Owner, Invited: r.clock.Now(), Joined: r.clock.Now()}, l); diff != "" {
			t.Error("link:", diff)
		}
		for _, taken := range []struct {
			tag, name string
			want      Reason
		}{
			{"^123(Zzz", "Zaitev's Snore Club", TagTaken}, {"^r(^gzzz", "other", TagTaken}, {"(ΖΖΖ", "other", TagTaken},
			{"ABC", "zaitev's  snore club", NameTaken}, {"ABC", "Zаitev's Snоre Club", NameTaken}, {"^123(Zz2", "other", 0},
		} {
			_, err := r.Found(ctx, 8, Founding{Tag: Tag(taken.tag), Name: taken.name})
			r.refused(taken.tag+" "+taken.name, err, taken.want)
		}
		if !r.recorded("clan.create clan #1 Zaitev's Snore Club ^123(Zzz") {
			t.Errorf("the log is %q", r.audits)
		}
	})
}

func TestFoundTooMany(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		for i := range 10 {
			r.found(1, tagOf(i), tagOf(i))
		}
		_, err := r.Found(ctx, 1, Founding{Tag: "XXX", Name: "x"})
		r.refused("the eleventh", err, TooMany)
		r.ok(r.Disband(ctx, by(1), 1))
		_, err = r.Found(ctx, 1, Founding{Tag: "XXX", Name: "x"})
		r.refused("in place of one whose tag is still reserved", err, TooMany)
		r.clock.Advance(90 * 24 * time.Hour)
		r.found(1, "XXX", "x")
		r.found(2, "YYY", "y")
	})
}

func TestReservedTags(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		r.options.MaxPerUser = 0
		edit := func(who Actor, clan int64, tag, name string) error {
			r.clock.Advance(time.Microsecond)
			_, err := r.Edit(ctx, who, clan, Change{(*Tag)(&tag), &name})
			return err
		}
		takes := func(what string, account int64, tag, name string, want Reason) Clan {
			t.Helper()
			c, err := r.Found(ctx, account, Founding{Tag: Tag(tag), Name: name})
			r.refused(what, err, want)
			return c
		}
		a := r.found(1, "AAA", "first")
		r.ok(edit(by(1), a.ID, "^rBBB", "second"))
		takes("the tag a clan has now", 2, "bbb", "x", TagTaken)
		takes("the tag it had", 2, "aaa", "x", TagTaken)
		takes("the name it had", 2, "XXX", "FIRST", NameTaken)
		r.ok(edit(by(1), a.ID, "^gAAA", "first")) // it may go back
		for _, tag := range []string{"CCC", "DDD", "EEE", "FFF"} {
			r.ok(edit(by(1), a.ID, tag, "name "+tag))
		}
		takes("a tag given up before the last three", 2, "AAA", "first", 0)
		takes("one of the last three", 2, "EEE", "x", TagTaken)
		r.clock.Advance(90*24*time.Hour - time.Microsecond)
		takes("before the time is over", 2, "EEE", "x", TagTaken)
		r.clock.Advance(time.Microsecond)
		takes("after it", 2, "EEE", "x", 0)

		r.ok(r.Disband(ctx, by(1), a.ID))
		takes("the tag of a disbanded clan", 2, "FFF", "y", TagTaken)
		b := takes("the same by whoever disbanded it", 1, "FFF", "name FFF", 0)

		r.ok(edit(Actor{Account: 50, Moderator: true, Reason: "rude"}, b.ID, "GGG", "good"))
		r.refused("back to what a moderator took", edit(by(1), b.ID, "FFF", "good"), TagTaken)
		r.ok(r.Disband(ctx, Actor{Moderator: true, Reason: "rude"}, b.ID))
		takes("what a moderator disbanded, by its owner", 1, "GGG", "z", TagTaken)
		c, err := r.Clan(ctx, b.ID)
		r.ok(err)
		if c.Reason != "rude" || c.Members != 0 || c.Disbanded.IsZero() {
			t.Errorf("disbanded: %+v", c)
		}
		if !r.recorded("clan.disband", "good", "reason: rude") || !r.recorded("clan.rename", "before: FFF", "reason: rude") {
			t.Errorf("the log is %q", r.audits)
		}
		r.ok(r.Tend(ctx))
		takes("still reserved after tending", 2, "GGG", "z", TagTaken)
		r.clock.Advance(90 * 24 * time.Hour)
		r.ok(r.Tend(ctx))
		takes("free after it", 2, "GGG", "z", 0)
	})
}

func TestModerators(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "first")
		r.reach(c.ID, "owner")
		r.ok(r.Invite(ctx, 1, c.ID, 3))
		r.ok(r.Answer(ctx, 3, c.ID, true))
		tag := Tag("BBB")
		silent, moderator := Actor{Account: 50, Moderator: true}, Actor{Account: 50, Moderator: true, Reason: "because"}
		for what, err := range map[string]error{
			"rename":   func() error { _, err := r.Edit(ctx, silent, c.ID, Change{Tag: &tag}); return err }(),
			"icon":     func() error { _, err := r.SetIcon(ctx, silent, c.ID, DefaultIcon); return err }(),
			"disband":  r.Disband(ctx, silent, c.ID),
			"transfer": r.Transfer(ctx, silent, c.ID, 3),
		} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s without a reason: %v", what, err)
			}
		}
		r.ok(r.Transfer(ctx, moderator, c.ID, 3))
		r.members(c.ID, "1 admin, 2 admin, 3 owner")
		_, err := r.SetIcon(ctx, moderator, c.ID, DefaultIcon)
		r.ok(err)
		// In his own clan a moderator needs no reason and takes nothing away.
		r.ok(r.Disband(ctx, Actor{Account: 3, Moderator: true}, c.ID))
		if _, err := r.Found(ctx, 3, Founding{Tag: "AAA", Name: "first"}); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{"twice": r.Disband(ctx, moderator, c.ID), "rename": func() error { _, err := r.Edit(ctx, moderator, c.ID, Change{}); return err }()} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("disbanded, %s: %v", what, err)
			}
		}
	})
}

func TestLastOwner(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "first")
		r.refused("alone", r.Leave(ctx, 1, c.ID), LastOwner)
		r.reach(c.ID, "admin")
		r.refused("beside an admin", r.Leave(ctx, 1, c.ID), LastOwner)
		r.ok(r.Transfer(ctx, by(1), c.ID, 2))
		r.members(c.ID, "1 admin, 2 owner")
		r.ok(r.Leave(ctx, 1, c.ID))
		r.members(c.ID, "2 owner")
		if err := r.Transfer(ctx, by(2), c.ID, 2); !fault.Is(err, fault.Invalid) {
			t.Errorf("transfer to oneself: %v", err)
		}
		// Two owners: either may step down or leave, so neither is stuck.
		r.ok(r.Invite(ctx, 2, c.ID, 1))
		r.ok(r.Answer(ctx, 1, c.ID, true))
		_, err := r.SetRank(ctx, 2, c.ID, 1, Owner)
		r.ok(err)
		r.ok(r.Transfer(ctx, by(2), c.ID, 1))
		r.members(c.ID, "1 owner, 2 admin")
	})
}

// At once, of two owners who leave one stays; of many who take a tag one gets
// it; and what is counted is what there is.
func TestConcurrent(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		r.options.MaxPerUser = 0
		at := func(n int, do func(i int) error) []error {
			errs := make([]error, n)
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() { errs[i] = do(i) })
			}
			wg.Wait()
			return errs
		}
		count := func(errs []error, want Reason) (n int) {
			for _, err := range errs {
				if got := reasonOf(err); got == want && (err == nil) == (want == 0) {
					n++
				}
			}
			return n
		}
		for i := range 5 {
			c := r.found(1, tagOf(i), tagOf(i))
			r.reach(c.ID, "owner")
			errs := at(2, func(j int) error { return r.Leave(ctx, int64(j+1), c.ID) })
			if count(errs, 0) != 1 || count(errs, LastOwner) != 1 {
				t.Fatalf("two owners leave: %v", errs)
			}
		}
		errs := at(20, func(i int) error {
			_, err := r.Found(ctx, int64(i+1), Founding{Tag: "^rSAME", Name: fmt.Sprint("clan ", i)})
			return err
		})
		if count(errs, 0) != 1 || count(errs, TagTaken) != 19 {
			t.Errorf("twenty take a tag: %v", errs)
		}
		c := r.found(1, "BIG", "big")
		for _, err := range at(40, func(i int) error { return r.Invite(ctx, 1, c.ID, int64(i+2)) }) {
			r.ok(err)
		}
		errs = at(80, func(i int) error { // forty answer while they are kicked
			if i%2 == 0 {
				return r.Answer(ctx, int64(i/2+2), c.ID, true)
			}
			return r.Kick(ctx, 1, c.ID, int64(i/2+2))
		})
		if lost := len(errs) - count(errs, 0) - count(errs, WasRetracted) - count(errs, WasKicked) - count(errs, TargetNotMember); lost != 0 {
			t.Errorf("%d actions failed otherwise: %v", lost, errors.Join(errs...))
		}
		r.members(c.ID, "1 owner")
		errs = at(10, func(int) error { return r.Disband(ctx, by(1), c.ID) })
		if count(errs, 0) != 1 {
			t.Errorf("disbanded ten times at once: %v", errs)
		}
	})
}

func TestDepart(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		join := func(clan, account int64, rank Rank) {
			t.Helper()
			r.clock.Advance(time.Second)
			r.ok(r.Invite(ctx, 1, clan, account))
			r.ok(r.Answer(ctx, account, clan, true))
			if rank != Member {
				_, err := r.SetRank(ctx, 1, clan, account, rank)
				r.ok(err)
			}
		}
		a, b, c, d := r.found(1, "AAA", "a"), r.found(1, "BBB", "b"), r.found(1, "CCC", "c"), r.found(1, "DDD", "d")
		join(a.ID, 4, Member)
		join(a.ID, 3, Admin)
		join(a.ID, 2, Admin)
		join(b.ID, 5, Member)
		join(b.ID, 2, Member)
		join(d.ID, 6, Owner)
		r.ok(r.Invite(ctx, 1, c.ID, 9))
		k, err := r.AddSkin(ctx, Skin{Kind: "shield", Unit: "lego", ModelPath: "a/b.model"})
		r.ok(err)
		r.ok(r.Grant(ctx, k.ID, Grantee{Account: 1}))
		e := r.found(8, "EEE", "e")
		r.ok(r.Invite(ctx, 8, e.ID, 1))

		r.crowd.mu.Lock()
		r.crowd.gone[1] = true
		r.crowd.mu.Unlock()
		r.ok(r.Tend(ctx))
		r.members(a.ID, "2 admin, 3 owner, 4 member")
		r.members(b.ID, "2 member, 5 owner")
		if !r.recorded("clan.transfer clan #2 b", "to account #5, the last owner is gone") {
			t.Errorf("the log is %q", r.audits)
		}
		r.members(c.ID, "")
		r.members(d.ID, "6 owner")
		if got := r.state(e.ID, 1); got != "declined" {
			t.Errorf("an invitation of the deleted account is %s", got)
		}
		if gone, _ := r.Clan(ctx, c.ID); gone.Disbanded.IsZero() || r.state(c.ID, 9) != "retracted" {
			t.Errorf("the clan with nobody left: %+v, its invitation %s", gone, r.state(c.ID, 9))
		}
		if skins, err := r.SkinsOf(ctx, 1); err != nil || len(skins) != 0 {
			t.Errorf("skins of the deleted account: %v, %v", skins, err)
		}
		r.ok(r.Tend(ctx)) // nothing more to do
		r.members(a.ID, "2 admin, 3 owner, 4 member")
	})
}

// Closed accounts keep what they have until their owners delete them.
func TestClosedAccounts(t *testing.T) {
	each(t, func(r *rig) {
		c := r.found(90, "AAA", "a")
		r.ok(r.Tend(t.Context()))
		r.members(c.ID, "90 owner")
		r.ok(r.Invite(t.Context(), 90, c.ID, 2))
		gone := r.found(91, "BBB", "b")
		r.ok(r.Tend(t.Context()))
		r.members(gone.ID, "")
	})
}

func TestReads(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		a, b := r.found(2, "AAA", "a"), r.found(1, "BBB", "b")
		r.ok(r.Invite(ctx, 2, a.ID, 1))
		r.ok(r.Answer(ctx, 1, a.ID, true))
		r.ok(r.Invite(ctx, 2, a.ID, 3))
		r.ok(r.Disband(ctx, by(1), b.ID))

		all, err := r.All(ctx, true)
		r.ok(err)
		if len(all) != 2 || all[0].Icon == "" || all[1].Disbanded.IsZero() {
			t.Errorf("all: %+v", all)
		}
		if all, err = r.All(ctx, false); err != nil || all[0].Icon != "" {
			t.Errorf("all without icons: %+v, %v", all, err)
		}
		if some, err := r.Clans(ctx, []int64{2, 1, 9, 2}); err != nil || len(some) != 2 || some[0].ID != 1 {
			t.Errorf("some: %+v, %v", some, err)
		}
		if none, err := r.Clans(ctx, nil); err != nil || none == nil || len(none) != 0 {
			t.Errorf("none: %+v, %v", none, err)
		}
		for account, want := range map[int64]bool{1: true, 2: true, 3: false, 4: false} {
			if got, err := r.Membership(ctx, a.ID, account); err != nil || got != want {
				t.Errorf("membership of %d: %v, %v", account, got, err)
			}
		}
		links, err := r.Members(ctx, a.ID)
		r.ok(err)
		if !sortedByID(links) || len(links) != 2 {
			t.Errorf("members: %+v", links)
		}
		mine, err := r.ClansOf(ctx, 1)
		r.ok(err)
		if len(mine) != 1 || mine[0].Tag != "AAA" || mine[0].Name != "a" || mine[0].Rank != Member {
			t.Errorf("mine: %+v", mine)
		}
		many, err := r.ClansOfAll(ctx, []int64{1, 2, 3, 77})
		r.ok(err)
		if len(many) != 2 || len(many[1]) != 1 || len(many[2]) != 1 {
			t.Errorf("of many: %+v", many)
		}
		if none, err := r.ClansOfAll(ctx, nil); err != nil || len(none) != 0 {
			t.Errorf("of nobody: %+v, %v", none, err)
		}
		if invites, err := r.InvitesOf(ctx, 3); err != nil || len(invites) != 1 || !invites[0].Open() {
			t.Errorf("invites of 3: %+v, %v", invites, err)
		}
		for who, want := range map[Actor]int{by(1): 1, {Moderator: true}: 1} {
			if invites, err := r.Invites(ctx, who, a.ID); err != nil || len(invites) != want {
				t.Errorf("invites for %+v: %+v, %v", who, invites, err)
			}
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		r.options.MaxPerUser = 0
		for i, c := range []struct{ tag, name string }{{"^rB%", "beta"}, {"aaa", "Alpha"}, {"CCC", "gamma_1"}, {"Éé", "Ёлка"}, {"EEE", "delta!"}} {
			r.clock.Advance(time.Second)
			made := r.found(1, c.tag, c.name)
			for n := range i % 3 {
				r.ok(r.Invite(ctx, 1, made.ID, int64(n+2)))
				r.ok(r.Answer(ctx, int64(n+2), made.ID, true))
			}
		}
		r.ok(r.Disband(ctx, by(1), 5))
		walk := func(q Query) string {
			t.Helper()
			var got []string
			for q.Limit = 2; ; {
				page, next, total, err := r.List(ctx, q)
				r.ok(err)
				for _, c := range page {
					got = append(got, c.Name)
				}
				if next == "" {
					if int(total) != len(got) {
						t.Errorf("%+v: total %d of %d", q, total, len(got))
					}
					return strings.Join(got, " ")
				}
				q.Cursor = next
			}
		}
		for want, q := range map[string]Query{
			"Ёлка gamma_1 beta Alpha": {Sort: "none"}, "Alpha beta gamma_1 Ёлка": {Sort: "name"}, "gamma_1 Alpha Ёлка beta": {Sort: "members"},
			"Ёлка gamma_1 Alpha beta": {Sort: "created"}, "delta!": {State: "disbanded"}, "Alpha beta delta! gamma_1 Ёлка": {State: "all"},
			"beta": {Text: "b%"}, "gamma_1": {Text: "A_1"}, "Ёлка": {Text: "ёлк"}, "Alpha": {Text: " AAA "}, "": {Text: "zzz"},
		} {
			if q.Sort == "none" {
				if _, _, _, err := r.List(ctx, q); !fault.Is(err, fault.Invalid) {
					t.Errorf("sorted by nothing: %v", err)
				}
				continue
			}
			if got := walk(q); got != want {
				t.Errorf("%+v: %s; want %s", q, got, want)
			}
		}
		for _, cursor := range []string{"x", "1_x", "_", "9999999999999999999_1", "1_\x00"} {
			if _, _, _, err := r.List(ctx, Query{Sort: "members", Limit: 1, Cursor: cursor}); !fault.Is(err, fault.Invalid) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

func TestSkins(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "a")
		k, err := r.AddSkin(ctx, Skin{Kind: " shield ", Unit: "lego", ModelPath: "one/two/three/legoshield.model"})
		r.ok(err)
		k2, err := r.AddSkin(ctx, Skin{Kind: "sword", Unit: "human", ModelPath: "x", Description: "shiny"})
		r.ok(err)
		if diff := cmp.Diff(Skin{ID: 1, Kind: "shield", Unit: "lego", ModelPath: "one/two/three/legoshield.model", Created: r.clock.Now()}, k); diff != "" {
			t.Error(diff)
		}
		for _, bad := range []Skin{{}, {Kind: "a", Unit: "b"}, {Kind: "a", Unit: "b", ModelPath: "c\x00"}, {Kind: strings.Repeat("a", 301), Unit: "b", ModelPath: "c"}} {
			if _, err := r.AddSkin(ctx, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		for range 2 { // twice is once
			r.ok(r.Grant(ctx, k.ID, Grantee{Account: 2}))
			r.ok(r.Grant(ctx, k2.ID, Grantee{Clan: c.ID}))
		}
		for what, err := range map[string]error{
			"no skin": r.Grant(ctx, 9, Grantee{Account: 2}), "no account": r.Grant(ctx, 1, Grantee{Account: 500}), "no clan": r.Grant(ctx, 1, Grantee{Clan: 9}),
			"not given": r.Revoke(ctx, k2.ID, Grantee{Account: 2}), "remove": r.RemoveSkin(ctx, 9), "edit": r.EditSkin(ctx, Skin{ID: 9, Kind: "a", Unit: "b", ModelPath: "c"}),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		shows := func(what string, all []Skin, err error, want ...int64) {
			t.Helper()
			got := []int64{}
			for _, k := range all {
				got = append(got, k.ID)
			}
			if diff := cmp.Diff(append([]int64{}, want...), got); err != nil || diff != "" {
				t.Errorf("%s: %v %s", what, err, diff)
			}
		}
		mine, err := r.SkinsOf(ctx, 2)
		shows("of the account", mine, err, k.ID)
		theirs, err := r.SkinsOfClan(ctx, c.ID)
		shows("of the clan", theirs, err, k2.ID)
		_, err = r.SkinsOfClan(ctx, 77)
		r.refused("of no clan", err, NoClan)
		page, total, err := r.Skins(ctx, 1, 10)
		shows("all behind the first", page, err, k2.ID)
		if total != 2 {
			t.Errorf("total %d", total)
		}
		r.ok(r.EditSkin(ctx, Skin{ID: k.ID, Kind: "helmet", Unit: "lego", ModelPath: "y", Description: "new"}))
		edited, grants, err := r.Skin(ctx, k.ID)
		r.ok(err)
		if edited.Kind != "helmet" || !edited.Created.Equal(k.Created) || len(grants.Players) != 1 || len(grants.Clans) != 0 {
			t.Errorf("%+v %+v", edited, grants)
		}
		r.ok(r.Revoke(ctx, k.ID, Grantee{Account: 2}))
		r.ok(r.RemoveSkin(ctx, k2.ID))
		theirs, err = r.SkinsOfClan(ctx, c.ID)
		shows("after removal", theirs, err)
		for _, entry := range []string{"skin.create skin #1", "skin.grant skin #1 account #2", "skin.grant skin #2 clan #1", "skin.edit skin #1", "skin.revoke skin #1 account #2", "skin.remove skin #2"} {
			if !r.recorded(entry) {
				t.Errorf("the log lacks %s: %q", entry, r.audits)
			}
		}
	})
}

func TestRunEnds(t *testing.T) {
	each(t, func(r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.ok(r.Run(ctx))
	})
}
