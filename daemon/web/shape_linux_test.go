package web

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// loopback returns a dialer from 127.0.0.n: on Linux all of 127.0.0.0/8 is
// this machine, so that one test can be many clients.
func loopback(n byte) net.Dialer {
	return net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, n)}}
}

// TestRatesShareByClient sets a client with twenty connections against one
// with a single one.
func TestRatesShareByClient(t *testing.T) {
	t.Parallel()
	_, address, _ := shapedServer(t, openTestFile(t, testContent(8<<20)), rates(20e6, 0, 0))
	var greedy, modest atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { drain(t, loopback(2), address, stop, &greedy) })
	}
	wg.Go(func() { drain(t, loopback(3), address, stop, &modest) })
	time.Sleep(time.Second)
	within(t, "the share of the client with one connection", 0.5, 0.1, func() float64 {
		g, m := greedy.Load(), modest.Load()
		time.Sleep(5 * time.Second)
		g, m = greedy.Load()-g, modest.Load()-m
		return float64(m) / float64(g+m)
	})
	close(stop)
	wg.Wait()
}

// TestRatesPerClient: several connections share the rate of their address,
// and an exempt address has none.
func TestRatesPerClient(t *testing.T) {
	_, address, _ := shapedServer(t, openTestFile(t, testContent(8<<20)), func(o *Options) {
		rates(0, 1e6, 0)(o)
		o.Limits.Exempt = []string{"127.0.0.9"}
	})
	var counts [4]atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for client, conns := range []int{1, 5, 10, 1} {
		n := byte(2 + client)
		if client == 3 {
			n = 9
		}
		for range conns {
			wg.Go(func() { drain(t, loopback(n), address, stop, &counts[client]) })
		}
	}
	time.Sleep(time.Second)
	var measuring sync.WaitGroup
	for client := range 3 {
		measuring.Go(func() {
			within(t, "bytes per second of one client", 1e6, 0.1, func() float64 { return speed(2*time.Second, counts[client].Load) })
		})
	}
	measuring.Wait()
	if got := speed(time.Second, counts[3].Load); got < 20e6 {
		t.Errorf("the exempt client gets %.0f bytes per second", got)
	}
	close(stop)
	wg.Wait()
}
