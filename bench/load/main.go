// Command load is the client side of the benchmarks: it asks one server on
// loopback for one kind of thing for a while and prints what it saw as one
// JSON object. It runs as a process of its own so that its processor time is
// not counted as the server's.
//
//	load drain  -conns 32 -duration 4s URL        pull a file again and again, the kernel dropping the bytes
//	load ranges -conns 32 -duration 4s URL        pull 64 KiB ranges at random offsets
//	load misses -conns 32 -duration 4s URL        ask for mods that do not exist, another id each time
//	load open   -rate 500 -duration 4s URL        a fixed number of requests per second, whatever the server does
//	load stream -conns 500 -frame 16384 -keys FILE -duration 4s URL   send recordings, with 64 KiB per system call
//
// Only addresses of the loopback interface are accepted.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"net/url"
	"os"
	"time"
)

type options struct {
	conns    int
	rate     int
	duration time.Duration
	fresh    bool // open: a new connection for every request
	size     int64
	seed     uint64
	frame    int    // stream: bytes of a frame
	tcp      bool   // stream: without websockets
	keys     string // stream: a file with API keys of the demo sink; "": a bare websocket
	closers  int    // stream: sessions that are opened and closed meanwhile
	address  string // host:port
	path     string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: load drain|ranges|misses|open|stream [flags] URL")
	}
	var o options
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.IntVar(&o.conns, "conns", 1, "connections")
	flags.IntVar(&o.rate, "rate", 500, "open: requests per second; stream: bytes per second and connection, 0 for as many as are taken")
	flags.DurationVar(&o.duration, "duration", 4*time.Second, "how long")
	flags.BoolVar(&o.fresh, "fresh", false, "open, misses: a new connection for every request")
	flags.Int64Var(&o.size, "size", 50<<20, "ranges: length of the file")
	flags.Uint64Var(&o.seed, "seed", 1, "ranges, misses: where the sequence starts")
	flags.IntVar(&o.frame, "frame", 16<<10, "stream: bytes of a frame")
	flags.BoolVar(&o.tcp, "tcp", false, "stream: without websockets")
	flags.StringVar(&o.keys, "keys", "", "stream: `file` with API keys of the demo sink; without, bare websockets")
	flags.IntVar(&o.closers, "closers", 0, "stream: so many sessions more are opened, filled and closed all the time")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	if err := o.target(flags.Arg(0)); err != nil {
		log.Fatal(err)
	}
	result, err := run(os.Args[1], o)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func run(mode string, o options) (Result, error) {
	if mode == "stream" {
		return stream(o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.duration)
	defer cancel()
	switch mode {
	case "drain":
		return closedLoop(ctx, o, wholeFile), nil
	case "ranges":
		return closedLoop(ctx, o, randomRange), nil
	case "misses":
		return closedLoop(ctx, o, missingMod), nil
	case "open":
		return openLoop(ctx, o), nil
	}
	return Result{}, fmt.Errorf("unknown mode %q", mode)
}

// target splits the URL and refuses any that leaves this machine.
func (o *options) target(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" {
		return fmt.Errorf("not an http URL: %q", raw)
	}
	at, err := netip.ParseAddrPort(u.Host)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("%s is not a loopback address: load is only sent to this machine", u.Host)
	}
	o.address, o.path = u.Host, u.RequestURI()
	return nil
}
