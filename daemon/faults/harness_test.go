package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run builds the program and runs the tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quartermaster-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "quartermaster")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args := append([]string{"build", "-o", binary}, strings.Fields(os.Getenv("QUARTERMASTER_TEST_BUILDFLAGS"))...)
	if out, err := exec.Command("go", append(args, "../..")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	// The rows mostly wait for clocks, so many of them fit side by side.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
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

// figures prints what the table of "make faults" shows beside the test.
func figures(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("figures: "+format, args...)
}

// long reports whether there is time for the full sizes of the plan.
func long() bool { return os.Getenv("QUARTERMASTER_TEST_LONG") == "1" }

// program is one installation: a configuration, a data directory and the
// process that runs on them now, if any.
type program struct {
	t    testing.TB
	dir  string
	data string
	addr string
	key  string // API key of an admin, once there is one
	log  *tail
	cmd  *exec.Cmd
	done chan error // the process ended

	files int // how many files it may have open; 0: as many as we may
}

// install writes the configuration, to which a listener on a free port of
// the loopback interface is added.
func install(t testing.TB, config string) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{t: t, dir: dir, data: filepath.Join(dir, "data"), addr: freeAddress(t), log: &tail{}}
	text := fmt.Sprintf("[http]\nlisten = [%q]\n%s", p.addr, config)
	if err := os.WriteFile(p.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		for _, sign := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if strings.Contains(p.log.String(), sign) {
				t.Errorf("the log tells of a %s", strings.Trim(sign, ":"))
			}
		}
		if t.Failed() {
			t.Logf("the program's log ends:\n%s", p.log)
		}
	})
	return p
}

// freeAddress returns a port of the loopback on which nobody listens. It lies
// below those that the system gives to connections, so that none of these
// takes it before the program does.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000))))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func (p *program) config() string         { return filepath.Join(p.dir, "config.toml") }
func (p *program) url(path string) string { return "http://" + p.addr + path }
func (p *program) blob(key string) string {
	return filepath.Join(p.data, "blobs", filepath.FromSlash(key))
}

// environment is ours without what configures the program or these tests, and
// with nothing to ask beside the Web API of the test.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "QUARTERMASTER_") })
	return append(env, "QUARTERMASTER_STEAM_STORE_URL=", "QUARTERMASTER_STEAM_COMMUNITY_PAGES=false")
}

// launch runs the program and does not wait for anything.
func (p *program) launch() {
	p.t.Helper()
	args := []string{binary, "run", "--config", p.config(), "--data", p.data}
	if p.files > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, p.files)}, args...)
	}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env, p.cmd.Stderr = environment(), p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func(cmd *exec.Cmd) { done <- cmd.Wait() }(p.cmd)
	p.done = done
}

// start runs the program and returns how long it took to be ready.
func (p *program) start() time.Duration {
	p.t.Helper()
	began := time.Now()
	p.launch()
	for {
		if status, _, err := get(p.url("/readyz")); err == nil && status == http.StatusOK {
			return time.Since(began)
		}
		select {
		case err := <-p.done:
			p.cmd = nil
			p.t.Fatalf("the program ended while it was starting: %v\n%s", err, p.log)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > 30*time.Second {
			p.t.Fatalf("the program is not ready after 30 s:\n%s", p.log)
		}
	}
}

// refused runs the program, which must end by itself with an error, and
// returns what it printed.
func (p *program) refused() string {
	p.t.Helper()
	said, ok := p.refuses()
	if !ok {
		p.t.Fatalf("the program runs although it should have refused to start:\n%s", said)
	}
	return said
}

// refuses runs the program and reports whether it ended by itself with an
// error before it was ready, and what it printed.
func (p *program) refuses() (said string, refused bool) {
	p.t.Helper()
	p.log = &tail{}
	p.launch()
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		select {
		case err := <-p.done:
			p.cmd = nil
			if err == nil {
				p.t.Fatalf("the program ended without an error:\n%s", p.log)
			}
			return p.log.String(), true
		case <-time.After(10 * time.Millisecond):
		}
		if status, _, err := get(p.url("/readyz")); err == nil && status == http.StatusOK {
			return p.log.String(), false
		}
	}
	p.t.Fatalf("the program neither starts nor ends:\n%s", p.log)
	return "", false
}

// kill ends the process without a word, as a power cut would.
func (p *program) kill() {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	<-p.done
	p.cmd = nil
}

// stop asks the process to end and returns how long that took and its exit
// code.
func (p *program) stop() (time.Duration, int) {
	p.t.Helper()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	return p.ended(began)
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) ended(began time.Time) (time.Duration, int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the program has not ended after 30 s:\n%s", p.log)
	}
	code := p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return time.Since(began), code
}

// run executes a command of the program beside the daemon and returns its
// output.
func (p *program) run(stdin string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(binary, append(args, "--config", p.config(), "--data", p.data)...)
	cmd.Env, cmd.Stdin = environment(), strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, &problems)
	}
	return out.String()
}

// admin makes an admin with an API key, which call uses from then on.
func (p *program) admin() {
	p.t.Helper()
	p.run("correct horse battery\n", "admin", "create", "Operator", "--password-file", "-")
	p.key = strings.TrimSpace(p.run("", "key", "create", "Operator", "--kind", "api"))
}

// call makes a request to the API; in and out are JSON and may be nil. It
// returns 0 and an error when no whole answer came.
func (p *program) call(method, path string, in, out any) (status int, err error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url(path), &body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.key)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if out != nil && res.StatusCode < 300 {
		err = json.Unmarshal(answer, out)
	}
	return res.StatusCode, err
}

// must is call that fails the test unless the status is the wanted one.
func (p *program) must(want int, method, path string, in, out any) {
	p.t.Helper()
	if status, err := p.call(method, path, in, out); err != nil || status != want {
		p.t.Fatalf("%s %s: status %d, %v, want %d", method, path, status, err, want)
	}
}

// client opens a connection per request, as game clients do.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

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

// eventually asks until ok is true and returns how long that took.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > within {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

// leaveOut ends a test that this machine cannot run; under CI=true that is a
// failure.
func leaveOut(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("LEFT OUT: " + why)
}
