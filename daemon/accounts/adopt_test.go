package accounts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// TestAdopt wants a person to be taken over once, the key to work and to be
// stored as a hash, and a dry run to change nothing.
func TestAdopt(t *testing.T) {
	const key = "MB-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEF-"
	made := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		a := Adoption{SteamID: gabe, DemosKey: key, KeyCreated: made, Analyst: true, Origin: "there", DryRun: true}
		for range 2 {
			got, err := x.s.Adopt(t.Context(), a)
			if d := cmp.Diff(Adopted{Made: true, Key: true, Analyst: true}, got); err != nil || d != "" {
				t.Fatalf("%v %s", err, d)
			}
		}
		_, err := x.s.Account(t.Context(), gabe.Decimal())
		wantKind(t, err, fault.NotFound)

		// A key that was tried in vain works at once.
		_, _, err = x.s.ByDemosKey(t.Context(), key)
		wantKind(t, err, fault.Unauthenticated)
		a.DryRun = false
		got, err := x.s.Adopt(t.Context(), a)
		if d := cmp.Diff(Adopted{Account: got.Account, Made: true, Key: true, Analyst: true}, got); err != nil || d != "" || got.Account == 0 {
			t.Fatalf("%v %s", err, d)
		}
		p, id, err := x.s.ByDemosKey(t.Context(), key)
		if err != nil || id != gabe || p.AccountID != got.Account || !p.May(ScopeDemosAnalyse) {
			t.Errorf("%+v %v %v", p, id, err)
		}
		keys, _, err := x.s.Keys(t.Context(), got.Account, "", 10)
		if err != nil || len(keys) != 1 || keys[0].Label != "there" || keys[0].Prefix != key[:9] || !keys[0].CreatedAt.Equal(made) || keys[0].Kind != KindDemos {
			t.Errorf("%+v, %v", keys, err)
		}
		var stored int
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM accounts_key WHERE prefix = $1 OR label = $1 OR scopes LIKE $2", key, "%"+key+"%").Scan(&stored)
		})
		if err != nil || stored != 0 || strings.Contains(x.log.String(), key) {
			t.Errorf("the key is stored or logged: %d, %v", stored, err)
		}

		again, err := x.s.Adopt(t.Context(), a)
		if d := cmp.Diff(Adopted{Account: got.Account}, again); err != nil || d != "" {
			t.Errorf("again: %v %s", err, d)
		}
		if err := x.s.RevokeKey(t.Context(), keys[0].ID, 0); err != nil {
			t.Fatal(err)
		}
		if again, err = x.s.Adopt(t.Context(), a); err != nil || again.Key {
			t.Errorf("a revoked key came back: %+v, %v", again, err)
		}
	})
}

func TestAdopt_Refuses(t *testing.T) {
	const key = "MB-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEF_"
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		if _, err := x.s.Adopt(t.Context(), Adoption{SteamID: gabe, DemosKey: key}); err != nil {
			t.Fatal(err)
		}
		got, err := x.s.Adopt(t.Context(), Adoption{SteamID: robin, DemosKey: key})
		if err != nil || got.Key || got.Refused != "the key belongs to somebody else" || !got.Made {
			t.Errorf("%+v, %v", got, err)
		}
		for _, bad := range []string{"x", key + "x", key[:45], "qm_" + key[3:], key[:45] + "=", key[:45] + "\n", strings.Repeat("x", 1000)} {
			got, err := x.s.Adopt(t.Context(), Adoption{SteamID: robin, DemosKey: bad})
			if err != nil || got.Key || got.Refused != "the key is not of the form MB- and 43 characters" {
				t.Errorf("%q: %+v, %v", bad, got, err)
			}
		}
		_, err = x.s.Adopt(t.Context(), Adoption{SteamID: 7})
		wantKind(t, err, fault.Invalid)

		// Who is limited gets no account by that.
		for _, want := range []bool{true, false} {
			got, err := x.s.Adopt(t.Context(), Adoption{SteamID: 76561198000000005, Limited: true})
			if d := cmp.Diff(Adopted{Limited: want}, got); err != nil || d != "" {
				t.Errorf("%v %s", err, d)
			}
		}
		if limited, err := x.s.Limited(t.Context(), 76561198000000005); err != nil || !limited {
			t.Errorf("%t, %v", limited, err)
		}
		_, err = x.s.Account(t.Context(), "76561198000000005")
		wantKind(t, err, fault.NotFound)
	})
}
