package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a server under measurement. It has 127.0.0.1 to itself on a port
// that was free.
type process struct {
	cmd     *exec.Cmd
	url     string // http://127.0.0.1:port
	started time.Time
	ready   time.Duration // from start to the first good answer
	log     string
	done    chan struct{}
	err     error // of Wait, after done
}

const readyTimeout = 60 * time.Second

// launch starts a server and waits until path answers with 200, or for path ""
// until somebody listens.
func launch(ctx context.Context, cmd *exec.Cmd, log, url, path string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	ownGroup(cmd)
	p := &process{cmd: cmd, url: url, log: log, started: time.Now(), done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.err = cmd.Wait(); close(p.done) }()
	if err := p.wait(ctx, path); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w\n%s", cmd.Path, err, tail(log))
	}
	return p, nil
}

func (p *process) wait(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
		if err != nil {
			return err
		}
		last := "no answer"
		if path == "" {
			if c, err := net.Dial("tcp", r.URL.Host); err == nil {
				return c.Close()
			}
		} else if res, err := client.Do(r); err == nil {
			_ = res.Body.Close() // only the status counts
			if res.StatusCode == http.StatusOK {
				p.ready = time.Since(p.started)
				return nil
			}
			last = res.Status
		}
		select {
		case <-p.done:
			return fmt.Errorf("ended by itself: %w", errors.Join(p.err, errEnded))
		case <-ctx.Done():
			return fmt.Errorf("not ready: %s", last)
		case <-time.After(time.Millisecond):
		}
	}
}

var errEnded = errors.New("the process is gone")

// stop asks the process to end and makes sure that it does.
func (p *process) stop() {
	interrupt(p.cmd)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		kill(p.cmd)
		<-p.done
	}
}

// tail is the end of a log, for an error.
func tail(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// freePort finds a port on loopback that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
