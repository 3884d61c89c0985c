package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/metaserver"
)

// ProofKeysCmd groups the commands about the keys of players' proofs.
type ProofKeysCmd struct {
	List   ProofKeysListCmd   `cmd:"" help:"List the keys that are accepted."`
	Rotate ProofKeysRotateCmd `cmd:"" help:"Make a new key; proofs made with the old one stay valid until they expire."`
}

// withMetaserver opens the state, runs fn on the metaserver and closes.
func (s *session) withMetaserver(fn func(*metaserver.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Metaserver(nil)
		if err != nil {
			return err
		}
		return fn(service)
	})
}

// ProofKeysListCmd lists.
type ProofKeysListCmd struct{}

// Run prints the keys, the one in use first.
func (c ProofKeysListCmd) Run(s *session) error {
	return s.withMetaserver(func(m *metaserver.Service) error {
		list, err := m.ProofKeys(s.ctx)
		if err != nil {
			return err
		}
		return s.printProofKeys(list)
	})
}

// ProofKeysRotateCmd makes a new key.
type ProofKeysRotateCmd struct {
	Revoke bool `help:"Accept no older key any more: every proof ends at once. For when a key became known."`
}

// Run prints the keys as they are now.
func (c ProofKeysRotateCmd) Run(s *session) error {
	return s.withMetaserver(func(m *metaserver.Service) error {
		list, err := m.RotateProofKeys(s.ctx, c.Revoke)
		if err != nil {
			return err
		}
		return s.printProofKeys(list)
	})
}

func (s *session) printProofKeys(list metaserver.ProofKeyList) error {
	return s.print(list, func() {
		w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKID\tMADE\tREPLACED")
		for _, k := range list.Keys {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", k.ID, k.Kid, dateText(k.CreatedAt), dateText(k.RetiredAt))
		}
		w.Flush()
	})
}
