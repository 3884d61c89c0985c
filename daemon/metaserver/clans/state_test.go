package clans

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// transitions says for every state of account 2 what an action of his own, or
// of the owner on him, comes to: why it is refused, or the next state.
var transitions = []struct {
	action string
	do     func(ctx context.Context, s *Service, clan int64) error
	// by the states of allStates
	reason [9]Reason
	next   [9]string
}{
	{"invite", func(ctx context.Context, s *Service, c int64) error { return s.Invite(ctx, 1, c, 2) },
		[9]Reason{0, AlreadyRelated, AlreadyRelated, AlreadyRelated, AlreadyRelated, 0, 0, 0, 0},
		[9]string{"invited", "", "", "", "", "invited", "invited", "invited", "invited"}},
	{"accept", func(ctx context.Context, s *Service, c int64) error { return s.Answer(ctx, 2, c, true) },
		[9]Reason{NotInvited, 0, AlreadyMember, AlreadyMember, AlreadyMember, WasDeclined, WasRetracted, HasLeft, WasKicked},
		[9]string{"", "member member"}},
	{"decline", func(ctx context.Context, s *Service, c int64) error { return s.Answer(ctx, 2, c, false) },
		[9]Reason{NotInvited, 0, AlreadyMember, AlreadyMember, AlreadyMember, WasDeclined, WasRetracted, HasLeft, WasKicked},
		[9]string{"", "declined"}},
	{"kick", func(ctx context.Context, s *Service, c int64) error { return s.Kick(ctx, 1, c, 2) },
		[9]Reason{TargetNotMember, 0, 0, TargetProtected, TargetProtected, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "retracted", "kicked after joining"}},
	{"retract", func(ctx context.Context, s *Service, c int64) error { return s.Retract(ctx, 1, c, 2) },
		[9]Reason{TargetNotMember, 0, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "retracted"}},
	{"promote to admin", rankBy(1, Admin),
		[9]Reason{TargetNotMember, TargetNotMember, 0, 0, NotOutranked, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "", "member admin", "member admin"}},
	{"make owner", rankBy(1, Owner),
		[9]Reason{TargetNotMember, TargetNotMember, 0, 0, NotOutranked, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "", "member owner", "member owner"}},
	{"demote", rankBy(1, Member),
		[9]Reason{TargetNotMember, TargetNotMember, 0, 0, NotOutranked, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "", "member member", "member member"}},
	{"transfer", func(ctx context.Context, s *Service, c int64) error { return s.Transfer(ctx, by(1), c, 2) },
		[9]Reason{TargetNotMember, TargetNotMember, 0, 0, 0, TargetNotMember, TargetNotMember, TargetNotMember, TargetNotMember},
		[9]string{"", "", "member owner", "member owner", "member owner"}},
	{"leave", func(ctx context.Context, s *Service, c int64) error { return s.Leave(ctx, 2, c) },
		[9]Reason{NotMember, NotMember, 0, 0, 0, NotMember, NotMember, NotMember, NotMember},
		[9]string{"", "", "left after joining", "left after joining", "left after joining"}},
	{"disband by the owner", func(ctx context.Context, s *Service, c int64) error { return s.Disband(ctx, by(1), c) }, [9]Reason{},
		[9]string{"none", "retracted", "left after joining", "left after joining", "left after joining", "declined", "retracted", "left after joining", "kicked after joining"}},
	{"be deleted", func(ctx context.Context, s *Service, _ int64) error { return departNow(ctx, s, 2) }, [9]Reason{},
		[9]string{"none", "declined", "left after joining", "left after joining", "left after joining", "declined", "retracted", "left after joining", "kicked after joining"}},
}

func rankBy(who int64, rank Rank) func(context.Context, *Service, int64) error {
	return func(ctx context.Context, s *Service, clan int64) error {
		_, err := s.SetRank(ctx, who, clan, 2, rank)
		return err
	}
}

func TestStates(t *testing.T) {
	each(t, func(r *rig) {
		r.options.MaxPerUser = 0
		n := 0
		for _, tr := range transitions {
			for i, state := range allStates {
				n++
				c := r.found(1, tagOf(n), fmt.Sprintf("state %d", n))
				r.reach(c.ID, state)
				if got := r.state(c.ID, 2); got != stored[state] {
					t.Fatalf("state %s is %q", state, got)
				}
				what := tr.action + " when " + state
				r.refused(what, tr.do(t.Context(), r.Service, c.ID), tr.reason[i])
				want := tr.next[i]
				if tr.reason[i] != 0 {
					want = stored[state]
				}
				if got := r.state(c.ID, 2); got != want {
					t.Errorf("%s: now %q, want %q", what, got, want)
				}
			}
		}
	})
}

// tagOf returns tags that do not look like each other.
func tagOf(n int) string {
	const letters = "ACDEFHJKLN"
	return strings.Map(func(d rune) rune { return rune(letters[d-'0']) }, fmt.Sprintf("%04d", n))
}

// powers says, for every state of account 2, whether he may do something in
// the clan of 1 to account 3, who is a member, or to 4, who is nothing yet.
func TestPermissions(t *testing.T) {
	type power struct {
		name   string
		do     func(ctx context.Context, s *Service, clan int64) error
		member Reason // of a plain member
		admin  Reason
		owner  Reason
	}
	red, name := Tag("^rRED"), "another name"
	powers := []power{
		{"see invites", func(ctx context.Context, s *Service, c int64) error { _, err := s.Invites(ctx, by(2), c); return err }, 0, 0, 0},
		{"invite", func(ctx context.Context, s *Service, c int64) error { return s.Invite(ctx, 2, c, 4) }, RankTooLow, 0, 0},
		{"kick", func(ctx context.Context, s *Service, c int64) error { return s.Kick(ctx, 2, c, 3) }, RankTooLow, 0, 0},
		{"kick an owner", func(ctx context.Context, s *Service, c int64) error { return s.Kick(ctx, 2, c, 1) }, RankTooLow, TargetProtected, TargetProtected},
		{"retract", func(ctx context.Context, s *Service, c int64) error { return s.Retract(ctx, 2, c, 5) }, RankTooLow, 0, 0},
		{"promote to admin", rankOf(3, Admin), NotOutranked, 0, 0},
		{"make an owner", rankOf(3, Owner), NotOutranked, RankTooHigh, 0},
		{"demote an admin", rankOf(6, Member), NotOutranked, NotOutranked, 0},
		{"demote an owner", rankOf(1, Member), NotOutranked, NotOutranked, NotOutranked},
		{"change his own rank", rankOf(2, Owner), NotOutranked, NotOutranked, NotOutranked},
		{"change the icon", func(ctx context.Context, s *Service, c int64) error {
			_, err := s.SetIcon(ctx, by(2), c, DefaultIcon)
			return err
		}, RankTooLow, 0, 0},
		{"change the name", func(ctx context.Context, s *Service, c int64) error {
			_, err := s.Edit(ctx, by(2), c, Change{Tag: &red, Name: &name})
			return err
		}, RankTooLow, RankTooLow, 0},
		{"transfer", func(ctx context.Context, s *Service, c int64) error { return s.Transfer(ctx, by(2), c, 3) }, RankTooLow, RankTooLow, 0},
		{"disband", func(ctx context.Context, s *Service, c int64) error { return s.Disband(ctx, by(2), c) }, RankTooLow, RankTooLow, 0},
	}
	r := newRig(t, dbtest.SQLite(t), nil)
	r.options.MaxPerUser = 0
	r.options.Reserve = 0
	n := 0
	for _, p := range powers {
		for _, state := range allStates {
			n++
			c := r.found(1, tagOf(n), fmt.Sprintf("power %d", n))
			for _, account := range []int64{3, 5, 6} {
				r.ok(r.Invite(t.Context(), 1, c.ID, account))
				if account != 5 {
					r.ok(r.Answer(t.Context(), account, c.ID, true))
				}
			}
			r.ok(rankOfBy(1, 6, Admin)(t.Context(), r.Service, c.ID))
			r.reach(c.ID, state)
			want := map[string]Reason{"member": p.member, "admin": p.admin, "owner": p.owner}
			reason, inside := want[state]
			if !inside {
				reason = NotMember
			}
			r.refused(p.name+" by one who is "+state, p.do(t.Context(), r.Service, c.ID), reason)
			if p.name == "change the name" && state == "owner" { // free what it has for the next
				r.ok(r.Disband(t.Context(), by(1), c.ID))
			}
		}
	}
}

func rankOf(account int64, rank Rank) func(context.Context, *Service, int64) error {
	return rankOfBy(2, account, rank)
}

func rankOfBy(who, account int64, rank Rank) func(context.Context, *Service, int64) error {
	return func(ctx context.Context, s *Service, clan int64) error {
		_, err := s.SetRank(ctx, who, clan, account, rank)
		return err
	}
}

func TestUnknownClans(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		for _, tr := range transitions {
			want := NotMember
			switch tr.action {
			case "accept", "decline":
				want = NotInvited
			case "be deleted":
				want = 0
			}
			r.refused(tr.action+" of no clan", tr.do(ctx, r.Service, 77), want)
		}
		_, err := r.Clan(ctx, 77)
		r.refused("no clan", err, NoClan)
		_, err = r.Members(ctx, 77)
		r.refused("members of no clan", err, NoClan)
		r.refused("disband by a moderator", r.Disband(ctx, Actor{Moderator: true}, 77), NoClan)
	})
}

func TestInviteOrder(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "first")
		r.reach(c.ID, "member")
		r.refused("nobody by an outsider", r.Invite(ctx, 3, c.ID, 500), NotMember)
		r.refused("nobody by a member", r.Invite(ctx, 2, c.ID, 500), RankTooLow)
		r.refused("himself by a member", r.Invite(ctx, 2, c.ID, 2), RankTooLow)
		r.refused("nobody by the owner", r.Invite(ctx, 1, c.ID, 500), NoPlayer)
		r.refused("a closed account", r.Invite(ctx, 1, c.ID, 90), NoPlayer)
		r.refused("himself by the owner", r.Invite(ctx, 1, c.ID, 1), AlreadyRelated)
	})
}

func TestReopenedLinks(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "first")
		r.reach(c.ID, "admin")
		r.ok(rankBy(1, Member)(ctx, r.Service, c.ID))
		r.ok(rankBy(1, Admin)(ctx, r.Service, c.ID))
		r.ok(r.Leave(ctx, 2, c.ID))
		before, _ := r.Link(ctx, c.ID, 2)
		r.clock.Advance(1e9)
		r.ok(r.Invite(ctx, 1, c.ID, 2))
		l, err := r.Link(ctx, c.ID, 2)
		r.ok(err)
		if l.Rank != Member || !l.Open() || l.Reason != "" || !l.Invited.After(before.Invited) {
			t.Errorf("an admin who left is invited as %+v", l)
		}
	})
}

func TestFull(t *testing.T) {
	each(t, func(r *rig) {
		ctx := t.Context()
		c := r.found(1, "AAA", "first")
		r.ok(r.Service.db.Write(ctx, func(tx *dbTx) error {
			for i := range int64(maxPeople - 2) {
				if err := putLink(ctx, tx, Link{Clan: c.ID, Account: 1000 + i, Rank: Member, Invited: r.clock.Now()}); err != nil {
					return err
				}
			}
			return nil
		}))
		r.ok(r.Invite(ctx, 1, c.ID, 2))
		err := r.Invite(ctx, 1, c.ID, 3)
		r.refused("one too many", err, Full)
		if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	})
}
