package cli

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
	"github.com/quartermasterd/quartermaster/daemon/workshop/radar"
)

// ModsServersCmd groups the commands about the mods of game servers.
type ModsServersCmd struct {
	List      ModsServersListCmd      `cmd:"" default:"withargs" help:"Say which mods of the game servers are out of date. Exit code 1 if there are any."`
	Restarted ModsServersRestartedCmd `cmd:"" help:"Say that a game server was started just now."`
}

// ModsServersListCmd lists.
type ModsServersListCmd struct {
	Server   []string `placeholder:"NAME" help:"Only these game servers."`
	Outdated bool     `help:"Only mods that are out of date."`
	Untried  bool     `help:"Do not count mods that a restart since has not brought up to date, so that a script does not restart for ever."`
}

// Run prints one line per mod, or the servers as JSON. The exit code is 1 when
// a mod is out of date.
func (c ModsServersListCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		all, err := w.Radar().Servers(s.ctx)
		if err != nil {
			return err
		}
		servers, outdated, err := c.choose(all)
		if err != nil {
			return err
		}
		if err := s.print(radar.JSON(servers), func() { s.listServers(servers, c.Outdated || c.Untried) }); err != nil {
			return err
		}
		if outdated > 0 {
			return silent{ExitFailure}
		}
		return nil
	})
}

// choose returns what the flags leave, and how many mods of it are out of
// date.
func (c ModsServersListCmd) choose(all []radar.Server) (servers []radar.Server, outdated int, err error) {
	wanted := map[string]bool{}
	for _, name := range c.Server {
		wanted[name] = true
	}
	for _, server := range all {
		if len(c.Server) > 0 && !wanted[server.Name] {
			continue
		}
		delete(wanted, server.Name)
		mods := []radar.Mod{}
		server.Outdated = 0
		for _, m := range server.Mods {
			counts := m.State == radar.Outdated && !(c.Untried && m.Tried)
			if counts {
				server.Outdated++
			}
			if counts || !c.Outdated && !c.Untried {
				mods = append(mods, m)
			}
		}
		server.Mods = mods
		outdated += server.Outdated
		servers = append(servers, server)
	}
	for name := range wanted {
		return nil, 0, fault.New(fault.NotFound, "there is no game server %q", name).WithHint("\"quartermaster mods servers\" lists them")
	}
	return servers, outdated, nil
}

func (s *session) listServers(servers []radar.Server, outdated bool) {
	if len(servers) == 0 {
		s.printf("no game servers; name some in the configuration under [[workshop.servers]]")
		return
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tMOD\tSTATE\tRUNNING\tCURRENT\tSINCE\tTITLE")
	lines := 0
	for _, server := range servers {
		for _, m := range server.Mods {
			state := string(m.State)
			if m.Tried {
				state += ", restarted since"
			}
			fmt.Fprintf(t, "%s\tm%s\t%s\t%s\t%s\t%s\t%s\n", server.Name, strconv.FormatUint(m.ID, 16), state,
				versionText(m.Running), versionText(m.Current), dayText(m.Since), about(m.Title, ""))
			lines++
		}
	}
	if lines == 0 {
		if outdated {
			s.printf("no mod is out of date")
		} else {
			s.printf("no mod of a game server is known yet")
		}
		return
	}
	t.Flush() // writes to standard output, which reports its own failure
}

// versionText writes a version, "?" if it is unknown.
func versionText(version int64) string {
	if version == 0 {
		return "?"
	}
	return strconv.FormatInt(version, 10)
}

func dayText(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04")
}

// ModsServersRestartedCmd notes a start.
type ModsServersRestartedCmd struct {
	Name string `arg:"" help:"Name of the game server."`
}

// Run notes that the server was started. A running daemon follows within
// seconds.
func (c ModsServersRestartedCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		server, err := w.Radar().Restarted(s.ctx, c.Name, nil)
		if err != nil {
			return err
		}
		return s.print(radar.JSON([]radar.Server{server}), func() {
			s.printf("%s was restarted; %d of its %d mods are out of date%s", server.Name, server.Outdated, len(server.Mods), untoldText(server.Mods))
		})
	})
}

// untoldText adds of how many mods nobody can say whether they are current.
func untoldText(mods []radar.Mod) string {
	untold := 0
	for _, m := range mods {
		if m.State == radar.Unknown {
			untold++
		}
	}
	if untold == 0 {
		return ""
	}
	return fmt.Sprintf("; of %d Steam has not said what is current", untold)
}
