package web

import (
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// usedSendfile reports whether a transfer of this connection went through the
// sendfile loop.
func (c *conn) usedSendfile() bool { return c.send.step != nil }

func TestSendfileIsUsed(t *testing.T) {
	content := testContent(1<<20 + 5)
	f := openTestFile(t, content)
	tests := map[string]func(w http.ResponseWriter, r *http.Request){
		"ServeFile": func(w http.ResponseWriter, r *http.Request) { ServeFile(w, r, f) },
		"ServeFile behind the middleware": func(w http.ResponseWriter, r *http.Request) {
			ServeFile(newResponse(w, nil), r, f)
		},
		"io.Copy of a file": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = f.Content.Seek(0, io.SeekStart)
			_, _ = io.Copy(w, f.Content)
		},
		"http.ServeContent": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "x.zip", time.Time{}, struct{ *os.File }{f.Content})
		},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			used := make(chan bool, 1)
			address := testServer(t, connOptions{}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1048581")
				h(w, r)
				used <- requestConn(r).usedSendfile()
			})
			res, err := http.Get("http://" + address)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if got := body(t, res); got != string(content) {
				t.Errorf("%d bytes", len(got))
			}
			if !<-used {
				t.Error("sendfile was not used")
			}
		})
	}
}

// TestSendfileFallsBack sends what sendfile cannot read from: a pipe.
func TestSendfileFallsBack(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = w.Write(testContent(100_000))
		_ = w.Close()
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = wrapListener(l, connOptions{})
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if n, err := c.(*conn).ReadFrom(r); n != 100_000 || err != nil {
			t.Errorf("sent %d, %v", n, err)
		}
	}()
	if got, err := io.ReadAll(talk(t, l.Addr().String(), "")); err != nil || string(got) != string(testContent(100_000)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
