// Command sink is the least that taking streams into files can cost, beside
// which the demo sink is measured. Every connection gets a file of its own.
//
//	sink tcp ADDRESS FOLDER         what comes is written as it is
//	sink websocket ADDRESS FOLDER   frames are taken apart by the websocket library, and each is written
//
// Both make their files durable together, as often as the daemon does.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	bufferSize  = 64 << 10
	syncEvery   = 750 * time.Millisecond
	syncWorkers = 32
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: sink tcp|websocket ADDRESS FOLDER")
	}
	l, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	s := &sink{dir: os.Args[3], files: map[*file]struct{}{}}
	go s.sync()
	switch os.Args[1] {
	case "tcp":
		log.Fatal(s.tcp(l))
	case "websocket":
		log.Fatal(http.Serve(l, http.HandlerFunc(s.websocket)))
	}
	log.Fatalf("no such sink: %s", os.Args[1])
}

type sink struct {
	dir  string
	next atomic.Int64

	mu    sync.Mutex
	files map[*file]struct{}
}

type file struct {
	*os.File
	dirty atomic.Bool
}

// create makes a file for a connection, which done closes.
func (s *sink) create() (*file, error) {
	created, err := os.Create(filepath.Join(s.dir, fmt.Sprint(s.next.Add(1))))
	if err != nil {
		return nil, err
	}
	f := &file{File: created}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[f] = struct{}{}
	return f, nil
}

func (s *sink) done(f *file) {
	s.mu.Lock()
	delete(s.files, f)
	s.mu.Unlock()
	_ = f.Close() // only what is written counts
}

// add writes p behind what is there.
func (f *file) add(p []byte) error {
	_, err := f.Write(p)
	f.dirty.Store(true)
	return err
}

func (s *sink) tcp(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := s.copy(c); err != nil {
				log.Print(err)
			}
		}()
	}
}

// copy writes a connection into a file until it ends.
func (s *sink) copy(c net.Conn) error {
	buf := make([]byte, bufferSize)
	n, err := c.Read(buf)
	if err != nil {
		return nil // somebody asked whether we are there
	}
	f, err := s.create()
	if err != nil {
		return err
	}
	defer s.done(f)
	for err == nil { // else its end, as the client chose it
		if err := f.add(buf[:n]); err != nil {
			return err
		}
		n, err = c.Read(buf)
	}
	return nil
}

// sync makes the files durable together, again and again.
func (s *sink) sync() {
	for range time.Tick(syncEvery) {
		s.mu.Lock()
		var dirty []*file
		for f := range s.files {
			if f.dirty.Swap(false) {
				dirty = append(dirty, f)
			}
		}
		s.mu.Unlock()
		next := make(chan *file)
		var wg sync.WaitGroup
		for range syncWorkers {
			wg.Go(func() {
				for f := range next {
					_ = f.Sync() // it may have been closed meanwhile
				}
			})
		}
		for _, f := range dirty {
			next <- f
		}
		close(next)
		wg.Wait()
	}
}

func (s *sink) websocket(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" { // somebody asks whether we are there
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	f, err := s.create()
	if err != nil {
		log.Print(err)
		return
	}
	defer s.done(f)
	buf := make([]byte, bufferSize)
	for {
		_, message, err := c.Reader(context.Background())
		if err != nil {
			return // its end, as the client chose it
		}
		n, err := io.ReadFull(message, buf)
		for ; err == nil; n, err = io.ReadFull(message, buf) { // longer than the buffer
			if err := f.add(buf[:n]); err != nil {
				log.Print(err)
				return
			}
		}
		if err := f.add(buf[:n]); err != nil {
			log.Print(err)
			return
		}
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			return
		}
	}
}
