// Package peers fetches versions of Workshop items from other backup servers
// and tells them what is to be had here.
//
// A peer is anything that answers GET /m<hex>_<version>.zip: another
// Quartermaster, the old Python server, or a plain file server. Mods are
// programs that run on players' machines, so nothing of a peer is passed on
// before it was proven in the way that the configuration demands of that peer;
// see DESIGN.md.
package peers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// Name identifies one version of one item.
type Name struct {
	Item    uint64 // Steam Workshop item id
	Version int64  // time_updated in Unix seconds
}

// File returns the canonical file name, "m<hex>_<version>.zip".
func (n Name) File() string {
	return "m" + strconv.FormatUint(n.Item, 16) + "_" + strconv.FormatInt(n.Version, 10) + ".zip"
}

// Want says which version is wanted and what Steam says of it.
type Want struct {
	Name Name
	// Size is what Steam states of the version when it is the current one,
	// 0 when it is not or nobody knows.
	Size int64
	// Depot means that Steam keeps the item as single files. Size may then
	// be the sum of their sizes instead of the archive's.
	Depot bool
}

// Sink takes the bytes of a version once they are proven.
type Sink interface {
	io.Writer
	// Expect announces the total number of bytes.
	Expect(total int64) error
	// Progress tells how far the transfer is that precedes the bytes.
	Progress(done, total int64)
}

// Got says who delivered a version and what proved it.
type Got struct {
	Peer       string // its configured address
	Host       string
	VerifiedBy string // size, quorum or key, see the constants of config
}

// Options say what a Service is made of. DB must not be nil; without Peers it
// only publishes.
type Options struct {
	Peers []config.Peer
	DB    *db.DB
	// Dir holds what has come of unfinished transfers. It is made when it is
	// needed.
	Dir string
	// MaxBytes bounds one archive, Zip what is in it.
	MaxBytes int64
	Zip      modzip.Limits
	// Space returns fault.NoSpace when so many more bytes do not fit.
	Space func(ctx context.Context, more int64) error
	// Stock lists what is served here, in any order.
	Stock func(yield func(Entry) bool)
	// Listed is called with versions that a peer has come to list. It must
	// not block.
	Listed func([]Name)
	// Limit waits until so many bytes may be received; nil: at once.
	Limit func(ctx context.Context, bytes int) error

	Clock      durable.Clock
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
	UserAgent  string                // empty: "quartermaster"
	// Connect bounds a connection, Header the wait for an answer, and Stall
	// the time in which stallBytes must arrive. 0: 10 s, 30 s and 30 s.
	Connect, Header, Stall time.Duration
	// Retry is the first wait after a broken transfer. 0: 1 s.
	Retry time.Duration
}

// Service knows the peers and what is published here. It is safe for
// concurrent use.
type Service struct {
	o       Options
	log     *slog.Logger
	clock   durable.Clock
	store   store
	peers   []*peer
	reading chan struct{} // capacity 1: who holds the text of an index
	running atomic.Bool   // Run is running
	metrics *metrics

	keys    sync.Mutex
	signer  *signer
	publish publication
}

// New wires a Service; it does no work. The error is fault.Invalid when a peer
// cannot be used.
func New(o Options) (*Service, error) {
	if o.DB == nil {
		return nil, errors.New("peers: DB is needed")
	}
	o.defaults()
	s := &Service{o: o, log: o.Log, clock: o.Clock, store: store{o.DB}, reading: make(chan struct{}, 1)}
	for _, c := range o.Peers {
		p, err := newPeer(c, &o)
		if err != nil {
			return nil, err
		}
		s.peers = append(s.peers, p)
	}
	s.metrics = newMetrics(o.Registerer, s)
	return s, nil
}

func (o *Options) defaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = durable.System
	}
	if o.UserAgent == "" {
		o.UserAgent = "quartermaster"
	}
	if o.Space == nil {
		o.Space = func(context.Context, int64) error { return nil }
	}
	if o.Limit == nil {
		o.Limit = func(context.Context, int) error { return nil }
	}
	if o.Listed == nil {
		o.Listed = func([]Name) {}
	}
	if o.Stock == nil {
		o.Stock = func(func(Entry) bool) {}
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 2 << 30
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&o.Connect, 10 * time.Second}, {&o.Header, 30 * time.Second}, {&o.Stall, 30 * time.Second}, {&o.Retry, time.Second}} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
}

// Enabled reports whether there are peers to ask.
func (s *Service) Enabled() bool { return len(s.peers) > 0 }

// May reports whether asking the peers for n is worth while: one of them lists
// it, or has not said lately that it does not have it. It only looks at what
// is in memory.
func (s *Service) May(n Name) bool {
	now := s.clock.Now()
	return slices.ContainsFunc(s.peers, func(p *peer) bool { return p.may(now, n) })
}

// Forget drops what the peers said of n, so that all are asked again: a person
// wants to know.
func (s *Service) Forget(n Name) {
	for _, p := range s.peers {
		p.forget(n)
	}
}

// Has reports whether the index of a peer lists n, with these bytes if sum is
// not nil. Indexes that could not be read again for a day do not count.
func (s *Service) Has(n Name, sum []byte) bool {
	now := s.clock.Now()
	return slices.ContainsFunc(s.peers, func(p *peer) bool {
		e, ok := p.lists(now, n)
		return ok && (sum == nil || string(sum) == string(e.SHA256[:]))
	})
}

// maxUnanswered is how often a peer may leave a question of one Confirming
// unanswered.
const maxUnanswered = 2

// Confirming asks the peers what they have, one version after the other. A
// peer that leaves two questions unanswered is not asked again, or a dead one
// would hold up the whole run. It is for one goroutine.
type Confirming struct {
	s          *Service
	unanswered map[*peer]int
}

// Confirming begins a run of questions.
func (s *Service) Confirming() *Confirming { return &Confirming{s, map[*peer]int{}} }

// Confirm reports whether a peer that lists n serves it this very moment, with
// these bytes. It is for who wants to remove a copy because others have one: two
// servers that do so at a time must not rely on each other's lists.
func (c *Confirming) Confirm(ctx context.Context, n Name, size int64, sum []byte) bool {
	for _, p := range c.s.peers {
		e, ok := p.lists(c.s.clock.Now(), n)
		if !ok || e.Size != size || !bytes.Equal(e.SHA256[:], sum) || c.unanswered[p] >= maxUnanswered {
			continue
		}
		held, err := c.s.holds(ctx, p, n, size, sum)
		if err != nil {
			c.unanswered[p]++
		}
		if held {
			return true
		}
	}
	return false
}

// holds asks the peer for the header of a file. An error means that the peer
// gave no answer.
func (s *Service) holds(ctx context.Context, p *peer, n Name, size int64, sum []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Header)
	defer cancel()
	resp, err := s.head(ctx, p, n)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	digest, stated := reprDigest(resp.Header)
	return resp.StatusCode == http.StatusOK && resp.ContentLength == size && (!stated || bytes.Equal(digest, sum)), nil
}
