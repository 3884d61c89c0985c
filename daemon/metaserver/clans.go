package metaserver

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
)

// newClans wires the clans.
func (s *Service) newClans() (*clans.Service, error) {
	s.allClans = map[bool]*clanList{false: {}, true: {}}
	o := s.options
	return clans.New(clans.Options{
		DB: o.DB, People: clanPeople{s.accounts}, Log: o.Log, Now: s.now, Audit: o.Audit,
		MaxPerUser: o.Config.MaxClansPerUser, Reserve: o.Config.ClanReserve.Std(),
	})
}

// Clans returns the clans, for commands and for what else runs with them.
func (s *Service) Clans() *clans.Service { return s.clans }

// clanPeople shows the accounts to the clans.
type clanPeople struct{ accounts Accounts }

// Known implements clans.People.
func (p clanPeople) Known(ctx context.Context, ids []int64) ([]clans.Person, error) {
	persons, err := p.accounts.Persons(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]clans.Person, len(persons))
	for i, person := range persons {
		all[i] = clanPerson(person)
	}
	return all, nil
}

func clanPerson(p accounts.Person) clans.Person {
	return clans.Person{ID: p.ID, Name: p.Name, Closed: !p.Closed.IsZero(), Gone: p.Deleted()}
}

// Find implements clans.People.
func (p clanPeople) Find(ctx context.Context, ref string) (clans.Person, error) {
	// Whose address it is, is nobody's business.
	if _, err := accounts.NormalEmail(ref); err == nil {
		return clans.Person{}, fault.New(fault.NotFound, "There is no player %q", ref)
	}
	a, err := p.accounts.Account(ctx, ref)
	if err != nil {
		return clans.Person{}, err
	}
	person, ok, err := p.accounts.Person(ctx, a.ID)
	if err == nil && !ok {
		return clans.Person{ID: a.ID, Name: a.Name}, nil
	}
	return clanPerson(person), err
}
