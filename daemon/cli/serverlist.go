package cli

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

// ServerlistCmd groups the commands about the game servers that players
// registered. ID is the number of a server.
type ServerlistCmd struct {
	List   ServerlistListCmd   `cmd:"" help:"List the registered game servers, and why each is listed or not."`
	Show   ServerlistShowCmd   `cmd:"" help:"Show everything about a game server."`
	Add    ServerlistAddCmd    `cmd:"" help:"Register a game server for an account and print its password."`
	Hide   ServerlistHideCmd   `cmd:"" help:"Take a game server off the list; it may still report."`
	Close  ServerlistCloseCmd  `cmd:"" help:"Take a game server off the list and refuse its password."`
	Open   ServerlistOpenCmd   `cmd:"" help:"Undo hide and close."`
	Remove ServerlistRemoveCmd `cmd:"" help:"Delete a game server for good."`
}

// withServers opens the state, runs fn on the registered servers and closes.
func (s *session) withServers(fn func(*daemon.State, *serverlist.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Metaserver(nil)
		if err != nil {
			return err
		}
		return fn(state, service.Servers())
	})
}

// ServerlistListCmd lists.
type ServerlistListCmd struct {
	Online bool   `help:"Only those that are on the list."`
	Owner  string `placeholder:"ACCOUNT" help:"Only this account's."`
}

// Run prints one line per server, by number.
func (c ServerlistListCmd) Run(s *session) error {
	return s.withServers(func(state *daemon.State, service *serverlist.Service) error {
		all, err := c.find(s, state, service)
		if err != nil {
			return err
		}
		views, err := service.Describe(s.ctx, all)
		if err != nil {
			return err
		}
		return s.print(views, func() {
			if len(views) == 0 {
				s.printf("no server")
				return
			}
			t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tNAME\tADDRESS\tPLAYERS\tMAP\tOWNER\tLAST HEARTBEAT\tLISTED")
			for _, v := range views {
				fmt.Fprintf(t, "%s\t%s\t%s\t%d/%d\t%s\t%s\t%s\t%s\n", v.ID, printable(v.PlainName), printable(v.Connect), v.Players, v.MaxPlayers,
					printable(v.Map), printable(v.Owner.Name), dateText(v.Updated), v.Listing.Code)
			}
			t.Flush() // writes to standard output, which reports its own failure
		})
	})
}

func (c ServerlistListCmd) find(s *session, state *daemon.State, service *serverlist.Service) ([]serverlist.Server, error) {
	var owner int64
	if c.Owner != "" {
		a, err := state.Accounts.Account(s.ctx, c.Owner)
		if err != nil {
			return nil, err
		}
		owner = a.ID
	}
	all, err := everyPage(func(cursor string) ([]serverlist.Server, string, error) {
		var after int64
		if cursor != "" {
			after, _ = strconv.ParseInt(cursor, 10, 64) // written below
		}
		rows, _, err := service.Registered(s.ctx, after, pageSize)
		if len(rows) < pageSize {
			return rows, "", err
		}
		return rows, strconv.FormatInt(rows[len(rows)-1].ID, 10), err
	})
	kept := []serverlist.Server{}
	for i := range all {
		if (owner == 0 || all[i].Owner == owner) && (!c.Online || service.Explain(&all[i]).Listed) {
			kept = append(kept, all[i])
		}
	}
	return kept, err
}

// ServerlistShowCmd shows one.
type ServerlistShowCmd struct {
	ID string `arg:"" name:"id" help:"Number of the server."`
}

// Run prints what is known, and why it is listed or not.
func (c ServerlistShowCmd) Run(s *session) error {
	id, err := numberOf(c.ID, "server")
	if err != nil {
		return err
	}
	return s.withServers(func(_ *daemon.State, service *serverlist.Service) error {
		v, err := service.Server(s.ctx, id)
		if err != nil {
			return absent(err, "server", id)
		}
		return s.showServer(service, v)
	})
}

func (s *session) showServer(service *serverlist.Service, server serverlist.Server) error {
	views, err := service.Describe(s.ctx, []serverlist.Server{server})
	if err != nil {
		return err
	}
	v := views[0]
	return s.print(v, func() {
		s.printf("#%s %s", v.ID, printable(v.PlainName))
		s.printf("owner: #%s %s", v.Owner.ID, printable(v.Owner.Name))
		s.printf("address: %s", printable(v.Connect))
		if own := net.JoinHostPort(v.HostName, strconv.Itoa(v.HostPort)); own != v.Connect {
			s.printf("address that it names itself: %s", printable(own))
		}
		if !v.Updated.IsZero() {
			s.printf("last heartbeat: %s, %d of %d players on %s", dateText(v.Updated), v.Players, v.MaxPlayers, printable(v.Map))
		}
		s.printf("%s", printable(v.Listing.Text))
		for _, w := range v.Listing.Warnings {
			s.printf("warning: %s", printable(w.Text))
		}
		if v.Check != nil {
			s.printf("last check: %s", printable(v.Check.Text))
		}
	})
}

// ServerlistAddCmd registers one.
type ServerlistAddCmd struct {
	Account     string `arg:"" help:"Owner: display name, e-mail, #number or SteamID."`
	Host        string `arg:"" help:"An IP address, a DNS name or an https address."`
	Port        int    `required:"" placeholder:"N" help:"Port of the game."`
	Name        string `required:"" help:"What players see."`
	Description string `help:"A sentence about it."`
	GameType    string `placeholder:"T" help:"At most 10 characters, for example RTSS."`
	MaxPlayers  int64  `placeholder:"N" help:"Room for so many players."`
}

// Run prints the number of the server and its password, which is shown this
// once.
func (c ServerlistAddCmd) Run(s *session) error {
	return s.withServers(func(state *daemon.State, service *serverlist.Service) error {
		a, err := state.Accounts.Account(s.ctx, c.Account)
		if err != nil {
			return err
		}
		d := serverlist.Details{HostName: c.Host, Port: c.Port, Name: c.Name, Description: c.Description, GameType: c.GameType, MaxPlayers: c.MaxPlayers}
		v, password, err := service.Add(s.ctx, a.ID, d, serverlist.ExtrasChange{}, netip.Addr{})
		if err != nil {
			return err
		}
		answer := struct {
			ID       string `json:"id"`
			Password string `json:"password"`
		}{strconv.FormatInt(v.ID, 10), password}
		return s.print(answer, func() { s.printf("%s:%s", answer.ID, password) })
	})
}

// ServerlistHideCmd hides.
type ServerlistHideCmd struct {
	ID     string `arg:"" name:"id" help:"Number of the server."`
	Reason string `required:"" help:"What its owner is told."`
}

// Run hides the server.
func (c ServerlistHideCmd) Run(s *session) error {
	return s.moderateServer(c.ID, serverlist.StateHidden, c.Reason)
}

// ServerlistCloseCmd closes.
type ServerlistCloseCmd struct {
	ID     string `arg:"" name:"id" help:"Number of the server."`
	Reason string `required:"" help:"What its owner is told."`
}

// Run closes the server.
func (c ServerlistCloseCmd) Run(s *session) error {
	return s.moderateServer(c.ID, serverlist.StateClosed, c.Reason)
}

// ServerlistOpenCmd opens again.
type ServerlistOpenCmd struct {
	ID string `arg:"" name:"id" help:"Number of the server."`
}

// Run opens the server.
func (c ServerlistOpenCmd) Run(s *session) error {
	return s.moderateServer(c.ID, serverlist.StateOpen, "")
}

// moderateServer changes the state of a server; a running daemon follows
// within seconds.
func (s *session) moderateServer(number string, to serverlist.State, reason string) error {
	id, err := numberOf(number, "server")
	if err != nil {
		return err
	}
	return s.withServers(func(_ *daemon.State, service *serverlist.Service) error {
		v, err := service.Moderate(s.ctx, id, to, reason)
		if err != nil {
			return absent(err, "server", id)
		}
		return s.showServer(service, v)
	})
}

// ServerlistRemoveCmd deletes.
type ServerlistRemoveCmd struct {
	ID string `arg:"" name:"id" help:"Number of the server."`
}

// Run deletes the server.
func (c ServerlistRemoveCmd) Run(s *session) error {
	id, err := numberOf(c.ID, "server")
	if err != nil {
		return err
	}
	return s.withServers(func(_ *daemon.State, service *serverlist.Service) error {
		if err := service.Delete(s.ctx, serverlist.Everybody, id); err != nil {
			return absent(err, "server", id)
		}
		return s.print(map[string]any{"id": strconv.FormatInt(id, 10), "removed": true}, func() { s.printf("server #%d is deleted", id) })
	})
}
