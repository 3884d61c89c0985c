package metaserver

import (
	"fmt"
	"math"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

// settle counts a row that has a number of its own. take is false when there
// is nothing more to do with it.
func (im *importer) settle(n *numbers, count *ImportCount, old int64) (p place, what string, take bool) {
	p, what = n.places[old], fmt.Sprintf("%s %d", n.kind, old)
	switch p.fate {
	case fatePresent:
		count.Present++
	case fateJoined, fateTaken:
		count.Taken++
		return p, what, true
	default:
		count.Skipped++
		im.report.problem(ImportSkipped, what, "its number cannot be used")
	}
	return p, what, false
}

func (im *importer) takeUsers() error {
	return im.o.Source.Users(im.ctx, func(u savage.User) error {
		im.step("user")
		p, what, take := im.settle(im.users, &im.report.Users, u.ID)
		if !take {
			return nil
		}
		if err := im.users.took(im.ctx, im.tx, u.ID); err != nil {
			return err
		}
		if p.fate == fateJoined {
			im.changed(what, []string{fmt.Sprintf("his e-mail address is that of account #%d; he is this account, with its name and password", p.id)})
			return nil
		}
		im.closed[p.id] = !u.Deleted.IsZero()
		notes, err := im.o.People.TakeOver(im.ctx, im.tx, accounts.Arrival{
			ID: p.id, Email: u.Email, Name: u.Name, Salt: u.Salt, Key: u.Key, Created: u.Created, Verified: u.Verified,
			LastOnline: u.LastOnline, Closed: u.Deleted, ClosedReason: u.DeletedReason,
		})
		im.changed(what, u.Notes, notes)
		return err
	})
}

func (im *importer) takeSkins() error {
	return im.o.Source.Skins(im.ctx, func(k savage.Skin) error {
		im.step("skin")
		p, what, take := im.settle(im.skins, &im.report.Skins, k.ID)
		if !take {
			return nil
		}
		ok, err := im.s.clans.TakeOverSkin(im.ctx, im.tx, clans.Skin{ID: p.id, Description: k.Description, Kind: k.Kind, Unit: k.Unit, ModelPath: k.ModelPath})
		if err != nil {
			return err
		}
		if !ok {
			im.report.Skins.Taken--
			im.report.Skins.Skipped++
			im.report.problem(ImportSkipped, what, "a text of it is too long")
			im.skins.places[k.ID] = place{fate: fateSkipped}
			return nil
		}
		return im.skins.took(im.ctx, im.tx, k.ID)
	})
}

func (im *importer) takeClans() error {
	links, err := im.readLinks()
	if err != nil {
		return err
	}
	return im.o.Source.Clans(im.ctx, func(c savage.Clan) error {
		im.step("clan")
		p, what, take := im.settle(im.clans, &im.report.Clans, c.ID)
		if take {
			notes, err := im.s.clans.TakeOver(im.ctx, im.tx, clans.Clan{
				ID: p.id, Tag: clans.Tag(c.Tag), Name: c.Name, Icon: c.Icon, Created: c.Created, Disbanded: c.Deleted,
			})
			if err != nil {
				return err
			}
			im.changed(what, c.Notes, notes)
			if err := im.clans.took(im.ctx, im.tx, c.ID); err != nil {
				return err
			}
		} else if p.fate != fatePresent || !im.clans.there(p.id) {
			return nil
		}
		all := links[c.ID]
		taken, notes, err := im.s.clans.TakeOverLinks(im.ctx, im.tx, p.id, all)
		im.report.Links.Taken += taken
		im.report.Links.Present += len(all) - taken
		im.changed(what, notes)
		return err
	})
}

// readLinks returns the links of clans and users that are here, by clan.
func (im *importer) readLinks() (map[int64][]clans.Link, error) {
	all := map[int64][]clans.Link{}
	return all, im.o.Source.Links(im.ctx, func(l savage.Link) error {
		im.step("userclanlink")
		what := fmt.Sprintf("link of user %d to clan %d", l.User, l.Clan)
		account, known := im.users.at(l.User)
		if _, ok := im.clans.at(l.Clan); !ok || !known {
			im.report.Links.Dropped++
			im.report.problem(ImportDropped, what, "the user or the clan is not there")
			return nil
		}
		im.changed(what, l.Notes)
		all[l.Clan] = append(all[l.Clan], clans.Link{
			Account: account, Rank: clans.Rank(l.Rank), Invited: l.Invited, Joined: l.Joined, Closed: l.Deleted, Reason: clans.Closing(l.DeletedReason),
		})
		return nil
	})
}

func (im *importer) takeServers() error {
	return im.o.Source.Servers(im.ctx, func(v savage.Server) error {
		im.step("server")
		p, what, take := im.settle(im.servers, &im.report.Servers, v.ID)
		if !take {
			return nil
		}
		owner, ok := im.users.at(v.Owner)
		if !ok {
			im.changed(what, []string{fmt.Sprintf("its owner, user %d, is not there; it belongs to nobody", v.Owner)})
		}
		a := serverlist.Arrival{Salt: v.Salt, Key: v.Key, Server: serverlist.Server{
			ID: p.id, Owner: owner, Map: v.Map, Players: v.Players, Created: v.Created, Updated: v.Updated,
			Details: serverlist.Details{HostName: v.Host, Name: v.Name, Description: v.Description, GameType: v.GameType, MaxPlayers: v.MaxPlayers,
				Port: int(min(max(v.Port, -1), math.MaxInt32))},
		}}
		if !v.Deleted.IsZero() {
			a.State, a.Reason, a.Since = serverlist.StateDeleted, v.DeletedReason, v.Deleted
		}
		notes, err := im.s.servers.TakeOver(im.ctx, im.tx, a)
		if err != nil {
			return err
		}
		im.changed(what, v.Notes, notes)
		return im.servers.took(im.ctx, im.tx, v.ID)
	})
}

// statsBatch is how many statistics are written in one go.
const statsBatch = 256

func (im *importer) takeStats() error {
	var batch []matches.Stats
	var on int64 // the server of the batch, here
	flush := func() error {
		taken, err := im.s.matches.TakeOver(im.ctx, im.tx, on, batch, func(account int64, text string) {
			im.changed(fmt.Sprintf("statistics of account #%d on server #%d", account, on), []string{text})
		})
		im.report.Stats.Taken += taken
		im.report.Stats.Present += len(batch) - taken
		batch = batch[:0]
		return err
	}
	err := im.o.Source.Statistics(im.ctx, func(st savage.Stats) error {
		im.step("userstats")
		what := fmt.Sprintf("statistics of user %d on server %d", st.User, st.Server)
		account, known := im.users.at(st.User)
		server, ok := im.servers.at(st.Server)
		if !ok || !known {
			im.report.Stats.Dropped++
			im.report.problem(ImportDropped, what, "the user or the server is not there")
			return nil
		}
		im.changed(what, st.Notes)
		if server != on || len(batch) >= statsBatch {
			if err := flush(); err != nil {
				return err
			}
			on = server
		}
		batch = append(batch, matches.Stats{
			Account: account, FirstSeen: st.FirstSeen, LastSeen: st.LastSeen, PlayedField: st.PlayedField, PlayedCommand: st.PlayedCommand,
			WonField: st.WonField, WonCommand: st.WonCommand, Rating: st.Rating, Hidden: im.closed[account],
		})
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func (im *importer) takeGrants() error {
	return im.o.Source.Grants(im.ctx, func(g savage.Grant) error {
		im.step("skins")
		skin, known := im.skins.at(g.Skin)
		account, isUser := im.users.at(g.User)
		clan, isClan := im.clans.at(g.Clan)
		if !known || !im.skins.there(skin) || !isUser && (!isClan || !im.clans.there(clan)) {
			im.report.Grants.Dropped++
			im.report.problem(ImportDropped, g.String(), "one of them is not there")
			return nil
		}
		fresh, err := im.s.clans.TakeOverGrant(im.ctx, im.tx, skin, account, clan)
		if fresh {
			im.report.Grants.Taken++
		} else {
			im.report.Grants.Present++
		}
		return err
	})
}
