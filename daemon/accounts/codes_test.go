package accounts

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Codes of many accounts cannot be guessed from one address, nor can mails to
// all of them be asked for.
func TestCodesAreBoundedByAddress(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	person := func(i int) Person { return x.join(fmt.Sprintf("p%d", i), fmt.Sprintf("p%d@example.com", i)) }
	people := make([]Person, 12)
	for i := range people {
		people[i] = person(i)
	}
	tries := 0
	try := func(from netip.Addr, p Person, code string) error {
		ctx := WithAddress(t.Context(), Principal{AccountID: p.ID, Name: p.Name, Via: ViaEmail}, from)
		tries++
		var err error
		if tries%3 == 0 {
			err = x.s.RenewMailToken(ctx, p.ID)
		} else {
			_, err = x.s.VerifyEmail(ctx, p.ID, code)
		}
		return err
	}
	tooMany := func(err error) bool {
		var soon *TooSoon
		return fault.Is(err, fault.TooMany) && !errors.As(err, &soon)
	}
	for i := range codeBurst {
		if err := try(world, people[i%len(people)], "??????"); tooMany(err) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if err := try(world, people[0], "??????"); !tooMany(err) {
		t.Errorf("after %d tries: %v", codeBurst, err)
	}
	ctx := WithAddress(t.Context(), Principal{AccountID: people[0].ID, Via: ViaEmail}, world)
	if _, err := x.s.ConfirmEmail(ctx, "??????"); !tooMany(err) {
		t.Errorf("on the page: %v", err)
	}
	// Others are not held up, and neither are exempt networks.
	other := WithAddress(t.Context(), Principal{}, netip.MustParseAddr("198.51.100.7"))
	if _, err := x.s.VerifyEmail(other, people[1].ID, b.last(t, people[1].Email).Code); err != nil {
		t.Errorf("from another address: %v", err)
	}
	for range 2 * codeBurst {
		if err := try(lan, people[2], "??????"); tooMany(err) {
			t.Fatalf("from an exempt network: %v", err)
		}
	}
	x.clock.add(2 * time.Second)
	if err := try(world, people[0], "??????"); tooMany(err) {
		t.Errorf("two seconds later: %v", err)
	}
}
