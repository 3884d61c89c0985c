package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// ModsPeersCmd shows the backup servers of others.
type ModsPeersCmd struct{}

// Run prints how each peer does as the daemon wrote it down last, and what the
// other side needs to name this server.
func (c ModsPeersCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		st, err := w.Peers(s.ctx, "")
		if err != nil {
			return err
		}
		return s.print(w.JSON(st), func() { s.listPeers(st) })
	})
}

func (s *session) listPeers(st workshop.PeersStatus) {
	if len(st.Peers) == 0 {
		s.printf("no peers; [[workshop.peers]] in the configuration names them")
	} else {
		t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "PEER\tTRUST\tSTATE\tLISTS\tFETCHED\tREFUSED\tSEEN\tREMARK")
		for _, p := range st.Peers {
			lists, seen := "-", "never"
			if p.Indexed {
				lists = fmt.Sprint(p.Versions)
			}
			if !p.LastSeen.IsZero() {
				seen = p.LastSeen.UTC().Format(time.DateTime)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d, %s\t%d\t%s\t%s\n", p.URL, p.Trust, p.State, lists, p.Fetched, bytesText(p.FetchedBytes),
				p.Refused, seen, printable(p.LastError))
		}
		t.Flush() // writes to standard output, which reports its own failure
	}
	servers, err := json.Marshal(st.BackupServers)
	if err != nil { // a list of texts
		return
	}
	s.printf("\npublic key: %s", st.PublicKey)
	s.printf("\nfor another Quartermaster:\n\n%s", st.BlockText())
	s.printf("for the settings of a game server, and for older backup servers:\n\n\"mod_backup_servers\": %s", servers)
	if strings.Contains(st.Block.URL, "//ADDRESS:") {
		s.printf("\nput the address of this machine in place of ADDRESS, or set http.public_url")
	}
}
