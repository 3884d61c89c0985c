package workshop

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
)

// newPeers wires what asks the backup servers of others. Without any it only
// publishes what is here.
func (s *Service) newPeers() (err error) {
	s.peers, err = peers.New(peers.Options{
		Peers: s.config.Peers, DB: s.options.DB, Dir: filepath.Join(s.options.DataDir, "peers"),
		MaxBytes: int64(s.config.MaxItemBytes), Zip: s.zipLimits(), Space: s.checkSpace, Stock: s.stock, Listed: s.peersList,
		Limit: s.options.Received, Clock: s.clock, Log: s.log, Registerer: s.options.Registerer, UserAgent: s.options.UserAgent,
	})
	return err
}

// peerSource is the source "peers": backup servers of others, the only ones
// that may have an old version.
type peerSource struct{ s *Service }

// Name returns "peers".
func (peerSource) Name() string { return sourcePeers }

// Fetch asks the peers for the wanted version. An item that Steam banned, or
// whose game is unknown or not to be fetched, counts as absent.
func (p peerSource) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	item, known := p.s.records.item(want.Name.Item)
	if want.Details != nil {
		item.FileDetails, known = *want.Details, true
	}
	switch {
	case known && item.Banned:
		return Got{}, fault.New(fault.NotFound, "Steam banned the item")
	case !p.s.policy.fetches(want.Name.Item, item.AppID):
		return Got{}, fault.New(fault.NotFound, "Nobody knows which game the item belongs to")
	}
	w := peers.Want{Name: peerName(want.Name)}
	if known && item.Updated == want.Name.Version {
		w.Size, w.Depot = item.Size, item.URL == ""
	}
	got, err := p.s.peers.Fetch(ctx, w, dst)
	return Got{Version: want.Name.Version, Origin: got.Host, Peer: got.Peer, VerifiedBy: got.VerifiedBy, State: Fetching}, err
}

func peerName(n Name) peers.Name { return peers.Name{Item: uint64(n.Item), Version: n.Version} }

// peersMay reports whether a peer may have n and may be asked for it.
func (s *Service) peersMay(n Name) bool {
	return s.asksPeers() && s.peers.May(peerName(n))
}

// asksPeers reports whether "peers" is one of the sources.
func (s *Service) asksPeers() bool {
	for _, src := range s.sources {
		if src.Name() == sourcePeers {
			return true
		}
	}
	return false
}

// elsewhere reports whether a peer lists the version, with the bytes that are
// stored here if any are.
func (s *Service) elsewhere(n Name) bool {
	var sum []byte
	if st := s.index.get(n); st != nil {
		sum = st.SHA256
	}
	return s.asksPeers() && s.peers.Has(peerName(n), sum)
}

// peersList is called with versions that a peer has come to list: what was
// refused because nobody had it may be asked for again.
func (s *Service) peersList(names []peers.Name) {
	for _, n := range names {
		s.records.reopen(Name{Item: ItemID(n.Item), Version: n.Version})
	}
}

// stock lists what is served here and was hashed.
func (s *Service) stock(yield func(peers.Entry) bool) {
	for _, st := range s.index.all() {
		if !st.servable() || len(st.SHA256) != 32 || !s.policy.serves(st.Name.Item) || st.Name.Item == 0 {
			continue
		}
		e := peers.Entry{Name: peerName(st.Name), Size: st.Size, SHA256: [32]byte(st.SHA256), Irreplaceable: s.irreplaceable(st.Name)}
		if !yield(e) {
			return
		}
	}
}

// peerProblems are the problems with the peers.
func (s *Service) peerProblems() []Problem {
	if !s.asksPeers() {
		return nil
	}
	var list []Problem
	for _, p := range s.peers.Problems() {
		list = append(list, Problem{Code: "peer_" + p.Code, Text: p.Text, Hint: p.Hint})
	}
	return list
}

// PeersStatus says how the backup servers of others do, and how they name us.
type PeersStatus struct {
	// PublicKey is the key that others pin, in base64.
	PublicKey string
	Peers     []peers.Status
	// BackupServers is what goes into mod_backup_servers of a game server:
	// this server and its peers.
	BackupServers []string
	// Block is what another Quartermaster puts into its configuration to
	// have this one as a peer.
	Block config.Peer
}

// Peers returns how the peers do. base is the address by which others reach
// this server. When it is empty and http.public_url too, the place of the
// address is held by "ADDRESS".
func (s *Service) Peers(ctx context.Context, base string) (PeersStatus, error) {
	key, err := s.peers.PublicKey(ctx)
	if err != nil {
		return PeersStatus{}, err
	}
	list, err := s.peers.Status(ctx)
	if err != nil {
		return PeersStatus{}, err
	}
	if base == "" {
		base = "http://ADDRESS:" + strconv.Itoa(s.options.ListenPort)
	}
	own, _ := s.backupServer(base, outwardAddr)
	st := PeersStatus{PublicKey: key, Peers: list, BackupServers: []string{own + s.face.mount}}
	for _, p := range list {
		st.BackupServers = append(st.BackupServers, p.URL)
	}
	st.Block = config.Peer{URL: own + s.face.mount, Trust: config.TrustKey, Key: key}
	return st, nil
}
