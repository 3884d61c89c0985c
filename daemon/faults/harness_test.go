package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quartermaster-faults-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "quartermaster")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, "../..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// seed prints and returns the source of everything random in a test.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv("QUARTERMASTER_TEST_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d", n)
	return rand.New(rand.NewPCG(n, n))
}

// program is one installation: a configuration, a data directory and the
// process that runs on them now, if any.
type program struct {
	t    testing.TB
	dir  string
	addr string
	log  *tail
	cmd  *exec.Cmd
}

// install writes the configuration; the text is added to a [http] table with
// a free port.
func install(t testing.TB, config string) *program {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, dir: t.TempDir(), addr: l.Addr().String(), log: &tail{}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[http]\nlisten = [%q]\n%s", p.addr, config)
	if err := os.WriteFile(p.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the program's log ends:\n%s", p.log)
		}
	})
	return p
}

func (p *program) config() string { return filepath.Join(p.dir, "config.toml") }
func (p *program) data() string   { return filepath.Join(p.dir, "data") }
func (p *program) url(path string) string {
	return "http://" + p.addr + path
}

// start runs the program and waits until it is ready.
func (p *program) start() {
	p.t.Helper()
	p.cmd = exec.Command(binary, "run", "--config", p.config(), "--data", p.data())
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if status, _, err := get(p.url("/readyz")); err == nil && status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the program is not ready after 20 s:\n%s", p.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill ends the process without a word, as a power cut would.
func (p *program) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.cmd = nil
}

// client opens a connection per request, as game clients do.
var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// get returns the status and the whole body, or an error when either is cut
// short.
func get(url string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// tail keeps the end of a log.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if len(l.b) > 1<<16 {
		l.b = bytes.Clone(l.b[len(l.b)-1<<15:])
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}
