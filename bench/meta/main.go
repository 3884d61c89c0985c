// Command meta is what the metaserver is compared with.
//
//	meta empty ADDRESS
//
// is the daemon's listener and middleware over a handler that does nothing: it
// reads what is sent and answers "true", or, below /bytes/, as many bytes as
// the path says, from memory.
//
//	meta argon2id DURATION
//
// computes the hashes that passwords are kept as, one after the other on every
// processor, and prints how many there were as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

func main() {
	err := errors.New("usage: meta empty ADDRESS | meta argon2id DURATION")
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "empty":
			err = serve(os.Args[2])
		case "argon2id":
			err = loop(os.Args[2])
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}

// most is the longest answer.
const most = 16 << 20

func serve(address string) error {
	c := config.Default()
	c.HTTP.Listen = []string{address}
	srv, err := web.New(web.Options{HTTP: c.HTTP, Limits: c.Limits})
	if err != nil {
		return err
	}
	bytes := make([]byte, most)
	srv.First(func(raw string) bool { return raw != "/healthz" }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a client that is gone
		body := []byte("true")
		if text, ok := strings.CutPrefix(r.URL.Path, "/bytes/"); ok {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 || n > most {
				http.NotFound(w, r)
				return
			}
			body = bytes[:n]
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // as above
	}))
	ctx := context.Background()
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	return srv.Run(ctx)
}

// loop hashes with OWASP's smallest setting for argon2id, as the daemon does.
func loop(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	var n atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range runtime.NumCPU() {
		wg.Go(func() {
			salt := make([]byte, 16)
			for time.Since(start) < d {
				argon2.IDKey([]byte("correct horse battery"), salt, 2, 19*1024, 1, 32)
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"requests": float64(n.Load()), "seconds": time.Since(start).Seconds()})
}
