package daemon

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
)

// probeA2S asks whether something at an address answers A2S_INFO. It sends two
// packets at most: the address is one that a player named.
func probeA2S(ctx context.Context, at netip.AddrPort) (err error) {
	c := &a2s.Client{Timeout: 3 * time.Second, Retries: []time.Duration{time.Second, 2 * time.Second}}
	defer func() { err = errors.Join(err, c.Close()) }()
	_, err = c.Ping(ctx, at)
	return err
}
