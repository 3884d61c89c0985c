package metaserver

import (
	"context"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// everybody finds an account for whatever it is asked.
type everybody struct{ Accounts }

func (everybody) Account(context.Context, string) (accounts.Account, error) {
	return accounts.Account{ID: 7, Name: "foo"}, nil
}

func (everybody) Person(context.Context, int64) (accounts.Person, bool, error) {
	return accounts.Person{ID: 7, Name: "foo"}, true, nil
}

// Players are found by what anybody may know of them, which is not their
// address.
func TestFindNobodyByAddress(t *testing.T) {
	find := clanPeople{accounts: everybody{}}
	for _, ref := range []string{"foo@example.com", " FOO@Example.COM ", "Foo <foo@example.com>"} {
		if p, err := find.Find(t.Context(), ref); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %+v, %v", ref, p, err)
		}
	}
	for _, ref := range []string{"foo", "#7", "f@o"} {
		if p, err := find.Find(t.Context(), ref); err != nil || p.ID != 7 {
			t.Errorf("%q: %+v, %v", ref, p, err)
		}
	}
}
