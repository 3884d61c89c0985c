package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A requester says for every turn of a connection what to send and which
// statuses are right answers.
type requester func(o *options, turn uint64, random *rand.Rand) (request []byte, statuses []int)

func wholeFile(o *options, _ uint64, _ *rand.Rand) ([]byte, []int) {
	return o.get(o.path, ""), whole
}

// rangeSize is the length of the ranges asked for, a usual step of clients
// that resume.
const rangeSize = 64 << 10

func randomRange(o *options, _ uint64, random *rand.Rand) ([]byte, []int) {
	from := random.Int64N(o.size - rangeSize)
	return o.get(o.path, fmt.Sprintf("Range: bytes=%d-%d\r\n", from, from+rangeSize-1)), part
}

// missingMod asks for 50 000 different ids. The answer is "come back later",
// or that there is no such mod once Steam has said so.
func missingMod(o *options, turn uint64, _ *rand.Rand) ([]byte, []int) {
	return o.get(fmt.Sprintf("/m%x_1.zip", 1_000_000+(o.seed+turn)%50_000), ""), missing
}

var whole, part, missing = []int{200}, []int{206}, []int{202, 404}

func (o *options) get(path, fields string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + o.address + "\r\n" + fields + "\r\n")
}

// closedLoop keeps o.conns requests under way: each connection asks again as
// soon as it is answered. Bytes of the requests that the end cuts off count.
func closedLoop(ctx context.Context, o options, next requester) Result {
	var t tally
	var wg sync.WaitGroup
	start := time.Now()
	for i := range o.conns {
		wg.Go(func() { turns(ctx, o, uint64(i), next, &t) })
	}
	wg.Wait()
	return t.sum(time.Since(start))
}

func turns(ctx context.Context, o options, number uint64, next requester, t *tally) {
	random := rand.New(rand.NewPCG(o.seed, number))
	var c *client
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for turn := number; ctx.Err() == nil; turn += uint64(o.conns) {
		if c == nil {
			var err error
			if c, err = dial(ctx, o.address); err != nil {
				if ctx.Err() == nil {
					t.fail(err)
				}
				return
			}
		}
		cutOff := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Now()) })
		reusable := turnOnce(ctx, c, &o, turn, next, random, t)
		cutOff()
		if !reusable || o.fresh {
			c.close()
			c = nil
		}
	}
}

func turnOnce(ctx context.Context, c *client, o *options, turn uint64, next requester, random *rand.Rand, t *tally) bool {
	request, want := next(o, turn, random)
	start := time.Now()
	var seen int64
	status, _, reusable, err := c.do(request, func(n int64) { seen += n })
	switch {
	case err != nil && ctx.Err() != nil:
		t.partial(seen)
		return false
	case err != nil:
		t.fail(err)
		return false
	case !slices.Contains(want, status):
		t.fail(fmt.Errorf("status %d instead of %v", status, want))
		return reusable
	}
	t.ok(seen, time.Since(start))
	return reusable
}
