package daemon

import (
	"context"
	"net/netip"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// demosFloor is how much of the disk stays free of new recordings: 1 GiB, on a
// small disk 2 %.
func (s *State) demosFloor() int64 {
	total, err := durable.Total(s.Loaded.DataDir)
	if err != nil {
		return 0 // the first recording will tell
	}
	return min(1<<30, total/50)
}

// Demos returns the demo sink over this state. The function, which may be
// nil, completes the options with what only a running daemon has.
func (s *State) Demos(complete func(*demosink.Options)) (*demosink.Service, error) {
	c := s.Loaded.Config
	o := demosink.Options{
		Config: c.Demos, Limits: c.Limits, DB: s.DB, Blobs: s.Blobs, DataDir: s.Loaded.DataDir, Log: s.Log,
		Accounts: demosAccounts{s.Accounts}, Audit: s.Accounts.Audit, Names: s.Accounts.Names, MinFree: s.demosFloor(),
	}
	if c.Steam.APIKey != "" {
		o.Steam = demosSteam{webapi.New(webapi.Options{
			BaseURL: c.Steam.APIURL, Key: c.Steam.APIKey, UserAgent: "quartermaster/" + s.Version,
			Budget: workshop.NewBudget(s.DB, c.Steam.DailyLimit),
		})}
	}
	if complete != nil {
		complete(&o)
	}
	return demosink.New(o)
}

// demosAccounts shows the accounts to the demo sink.
type demosAccounts struct{ accounts *accounts.Service }

// ByKey implements demosink.Directory.
func (d demosAccounts) ByKey(ctx context.Context, key string) (demosink.Caller, error) {
	p, id, err := d.accounts.ByDemosKey(ctx, key)
	if err != nil {
		return demosink.Caller{}, err
	}
	return demosink.Caller{
		Account: p.AccountID, SteamID: id,
		Analyst: p.May(accounts.ScopeDemosAnalyse), Moderator: p.May(accounts.ScopeDemosModerate), Admin: p.May(accounts.ScopeAdmin),
	}, nil
}

// DemosPeople takes over people for the import of a masterbase.
func (s *State) DemosPeople() demosink.People { return demosPeople{s.Accounts} }

type demosPeople struct{ accounts *accounts.Service }

// Adopt implements demosink.People.
func (d demosPeople) Adopt(ctx context.Context, p masterbase.Person, dryRun bool) (demosink.Adopted, error) {
	got, err := d.accounts.Adopt(ctx, accounts.Adoption{
		SteamID: p.SteamID, DemosKey: p.Key, KeyCreated: p.Created, Analyst: p.Analyst, Limited: p.Limited, Origin: "masterbase", DryRun: dryRun,
	})
	return demosink.Adopted(got), err
}

// demosSteam asks Steam for the demo sink.
type demosSteam struct{ client *webapi.Client }

// appTF2 is Team Fortress 2, whose clients send recordings.
const appTF2 = 440

// Server implements demosink.Verifier.
func (d demosSteam) Server(ctx context.Context, address string, fake bool) (bool, error) {
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return false, nil // nowhere
	case fake:
		return d.client.FakeServer(ctx, appTF2, at)
	}
	return d.client.ServerAt(ctx, at)
}

// Person implements demosink.Verifier.
func (d demosSteam) Person(ctx context.Context, id steam.ID) (exists, limited bool, err error) {
	all, err := d.client.PlayerSummaries(ctx, []steam.ID{id})
	if err != nil || len(all) == 0 {
		return false, err == nil, err
	}
	return true, !all[0].SetUp, nil
}
