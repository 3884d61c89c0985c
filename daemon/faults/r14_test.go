package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// marker stands in files that nobody may be given.
const marker = "TOP-SECRET-MARKER"

// Paths, methods, ranges and conditions put together at random, sent as they
// are over sockets. The program answers each with one of the statuses that
// game clients know, never fails, and gives away no file but mods.
func TestR14_Paths(t *testing.T) {
	t.Parallel()
	random := seed(t)
	n := 3000
	if long() {
		n = 40_000
	}
	steam := steamtest.New(t)
	outside := t.TempDir()
	root := filepath.Join(outside, "Workshop")
	good := steamtest.Zip(map[string]string{"a.lua": "print()"})
	for path, content := range map[string][]byte{
		"Workshop/" + name(0x5f3f7c0):  good,
		"Workshop/log.txt":             []byte(marker),
		"Workshop/workshopbackup.json": []byte(marker),
		"secret.txt":                   []byte(marker),
		name(0x5f3f7c1):                []byte("PK" + marker),
	} {
		file := filepath.Join(outside, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\napi_key = %q\n[workshop]\nroots = [%q]\nmount = \"/ns2\"\n[log]\nlevel = \"warn\"\n", steam.URL(), marker, root))
	p.start()
	eventually(t, 10*time.Second, "the folder is scanned", func() bool {
		status, _, err := get(p.url("/" + name(0x5f3f7c0)))
		return err == nil && status == http.StatusOK
	})
	requests := make([]string, n)
	for i := range requests {
		requests[i] = fuzzRequest(random)
	}
	var mu sync.Mutex
	counts := map[int]int{}
	work := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for request := range work {
				status, answer, err := raw(p.addr, request)
				if why := wrongAnswer(status, answer, err); why != "" {
					t.Errorf("%s\n%.300q\n%.300q", why, request, answer)
				}
				mu.Lock()
				counts[status]++
				mu.Unlock()
			}
		})
	}
	for _, request := range requests {
		work <- request
	}
	close(work)
	wg.Wait()
	if status, body, err := get(p.url("/" + name(0x5f3f7c0))); err != nil || status != http.StatusOK || !bytes.Equal(body, good) {
		t.Errorf("afterwards: status %d, %v", status, err)
	}
	figures(t, "%d requests, answers by status: %v; 0 server errors, 0 files from outside", n, counts)
	if counts[http.StatusOK] == 0 || counts[http.StatusPartialContent] == 0 || counts[http.StatusNotFound] == 0 {
		t.Error("the requests do not reach enough of the program to prove anything")
	}
}

// wrongAnswer says what is wrong with an answer.
func wrongAnswer(status int, answer []byte, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case bytes.Contains(answer, []byte(marker)):
		return "a secret was given away"
	case !slices.Contains([]int{200, 206, 202, 304, 400, 403, 404, 405, 416}, status):
		return fmt.Sprintf("status %d", status)
	}
	return ""
}

// raw sends a request as it is and reads all that comes back.
func raw(addr, request string) (status int, answer []byte, err error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, nil, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		return 0, nil, err
	}
	line, err := bufio.NewReader(bytes.NewReader(answer)).ReadString('\n')
	if err != nil {
		return 0, answer, fmt.Errorf("no status line: %w", err)
	}
	_, err = fmt.Sscanf(strings.SplitN(line, " ", 2)[1], "%d", &status)
	return status, answer, err
}

// fuzzRequest puts a request together.
func fuzzRequest(random *rand.Rand) string {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	method := pick("GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get")
	target := fuzzTarget(random)
	if random.IntN(20) == 0 {
		target = "http://host" + target
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\nConnection: close\r\n", method, target, pick("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"), pick("x", "127.0.0.1:1", "[::1]"))
	if random.IntN(3) == 0 {
		fmt.Fprintf(&b, "Range: %s\r\n", fuzzRange(random))
	}
	if random.IntN(4) == 0 {
		fmt.Fprintf(&b, "%s: %s\r\n", pick("If-None-Match", "If-Modified-Since", "If-Range"),
			pick(`"x"`, `W/"x"`, "*", "", `"`, "Sat, 29 Sep 2012 22:27:50 GMT", "Sat, 29 Sep 2032 22:27:50 GMT", "yesterday", strings.Repeat(`"a",`, 500)))
	}
	if random.IntN(10) == 0 {
		fmt.Fprintf(&b, "%s: %s\r\n", pick("Accept", "Cache-Control", "Accept-Encoding", "X-Forwarded-For", "Cookie"),
			pick("*/*", "text/html", "no-cache", "gzip, br", "127.0.0.1", "qm_session=../../x", "%00"))
	}
	b.WriteString("\r\n")
	return b.String()
}

// fuzzTarget puts the path of a mod together from sound and unsound parts.
func fuzzTarget(random *rand.Rand) string {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	if random.IntN(5) == 0 { // a sound one, so that ranges and conditions meet a file
		return pick("/", "//", "/////", "/ns2/", "/ns2//") + "m" + pick("5f3f7c0", "5F3F7C0", "05f3f7c0") + "_1348957670.zip"
	}
	var b strings.Builder
	b.WriteString(pick("/", "/", "//", "///", "/ns2/", "/ns2", "/%2f", "/\\", "/%6d", "/..", "/m/../", "/%2e%2e/", "/..%2f", "/%5c..%5c"))
	for range random.IntN(3) {
		b.WriteString(pick("..", ".", "/", "%2e%2e", "%2f", "..%2f", "..\\", "%00", "\x01", "\xff", "secret.txt", "log.txt", "workshopbackup.json", "C:", "NUL", "m1_1.zip/"))
	}
	b.WriteString(pick("m", "m", "m", "M", "%6d", "mm", ""))
	b.WriteString(pick("5f3f7c0", "5f3f7c1", "5F3F7C0", "0", "1", "0x1", "-1", "+1", "zz", "", "ffffffffffffffff", "10000000000000000",
		strings.Repeat("a", 10<<10), "५", "5f3f7c0%00", fmt.Sprintf("%x", random.Uint64())))
	b.WriteString(pick("_", "_", "_", "__", "-", "%5f", ""))
	b.WriteString(pick("1348957670", "1348957670", "1", "0", "01348957670", "-0", "-1", "999999999999", "1000000000000", strings.Repeat("9", 400), "1e9", ""))
	b.WriteString(pick(".zip", ".zip", ".zip", ".ZIP", "%2ezip", ".zip/", ".zip.downloading", ".zip?x=1", ".zip?", ".zip#f", ".zip%00.txt", ".zip/../../secret.txt", ".zip;a", "", " .zip"))
	return b.String()
}

// fuzzRange puts a Range header together.
func fuzzRange(random *rand.Rand) string {
	number := func() string {
		return []string{"0", "0", "1", "2", "5", "50", "100", "", "", "999999999999", "18446744073709551616", "-1", "x"}[random.IntN(13)]
	}
	unit := []string{"bytes=", "bytes=", "bytes=", "bytes", "chunks=", "", "bytes= "}[random.IntN(7)]
	parts := make([]string, max(1, random.IntN(4)-1))
	if random.IntN(10) == 0 {
		parts = make([]string, 500)
	}
	for i := range parts {
		parts[i] = number() + "-" + number()
	}
	return unit + strings.Join(parts, ",")
}
