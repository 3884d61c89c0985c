package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// openLoop sends o.rate requests per second whether or not the earlier ones
// are answered, as strangers do. A latency runs from the moment the request
// was due, so a server that stalls is charged for every request it held up.
func openLoop(ctx context.Context, o options) Result {
	p := pool{o: &o, idle: make(chan *client, maxUnanswered), busy: make(chan struct{}, maxUnanswered)}
	request := o.get(o.path, "")
	start := time.Now()
	var wg sync.WaitGroup
	total := int(float64(o.rate) * o.duration.Seconds())
	for i := range total {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(o.rate))
		time.Sleep(time.Until(due))
		select {
		case p.busy <- struct{}{}:
			wg.Go(func() { p.ask(request, due) })
		default:
			p.t.mu.Lock()
			p.t.result.Unsent++
			p.t.mu.Unlock()
		}
	}
	took := time.Since(start)
	wg.Wait()
	close(p.idle)
	for c := range p.idle {
		c.close()
	}
	return p.t.sum(took)
}

// maxUnanswered bounds the connections of an open loop.
const maxUnanswered = 4096

type pool struct {
	o    *options
	t    tally
	idle chan *client
	busy chan struct{}
}

func (p *pool) ask(request []byte, due time.Time) {
	defer func() { <-p.busy }()
	var c *client
	if !p.o.fresh {
		select {
		case c = <-p.idle:
		default:
		}
	}
	if c == nil {
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		var err error
		if c, err = dial(ctx, p.o.address); err != nil {
			p.t.fail(err)
			return
		}
	}
	var seen int64
	status, _, reusable, err := c.do(request, func(n int64) { seen += n })
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d instead of 200", status)
	}
	if err != nil || !reusable || p.o.fresh {
		c.close()
	} else {
		p.idle <- c
	}
	if err != nil {
		p.t.fail(err)
		return
	}
	p.t.ok(seen, time.Since(due))
}
