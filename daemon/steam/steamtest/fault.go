package steamtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is a way in which an answer goes wrong.
type Fault string

// The faults, for the Web API and for the file host alike.
const (
	None             Fault = ""
	Hang             Fault = "hang"              // accepts the request and never answers
	Stall            Fault = "stall"             // sends half and then nothing more
	Drip             Fault = "drip"              // one byte per second
	Endless          Fault = "endless"           // the answer goes on for ever and has no stated length
	Truncated        Fault = "truncated"         // closes before the stated length
	Short            Fault = "short"             // a complete answer, one byte too short
	Long             Fault = "long"              // a complete answer, one byte too long
	Corrupt          Fault = "corrupt"           // the right length, other bytes
	HTML             Fault = "html"              // 200 with a page of HTML
	Reset            Fault = "reset"             // closes without an answer
	ServerError      Fault = "500"               // 500 with a page of HTML
	Unavailable      Fault = "503"               // 503, with Retry-After when set
	TooMany          Fault = "429"               // 429, with Retry-After when set
	Forbidden        Fault = "403"               // 403
	NotFound         Fault = "404"               // 404
	RedirectLoopback Fault = "redirect-loopback" // to another port of 127.0.0.1, see Trapped
	RedirectMetadata Fault = "redirect-metadata" // to 169.254.169.254
	RedirectLoop     Fault = "redirect-loop"     // to itself
	GzipBomb         Fault = "gzip-bomb"         // 64 MiB of zeros in 64 KiB
)

// Faults lists all of them but None.
func Faults() []Fault {
	return []Fault{
		Hang, Stall, Drip, Endless, Truncated, Short, Long, Corrupt, HTML, Reset, ServerError, Unavailable,
		TooMany, Forbidden, NotFound, RedirectLoopback, RedirectMetadata, RedirectLoop, GzipBomb,
	}
}

const page = "<!DOCTYPE html><html><head><title>Steam</title></head><body><h1>An error has occurred</h1></body></html>"

type settings struct{ delay, drip, retryAfter time.Duration }

func (s *Steam) settings() settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return settings{s.delay, s.dripEvery, s.retryAfter}
}

// wait reports false when the client or the fake went away meanwhile.
func (s *Steam) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// fail answers with f in place of good.
func (s *Steam) fail(w http.ResponseWriter, r *http.Request, f Fault, good []byte) {
	set, h := s.settings(), w.Header()
	if status, err := strconv.Atoi(string(f)); err == nil {
		if set.retryAfter > 0 && (f == TooMany || f == Unavailable) {
			h.Set("Retry-After", strconv.Itoa(int(set.retryAfter/time.Second)))
		}
		h.Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, page)
		return
	}
	switch f {
	case HTML:
		h.Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, page)
	case RedirectLoopback:
		http.Redirect(w, r, s.trapURL+r.URL.Path, http.StatusFound)
	case RedirectMetadata:
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	case RedirectLoop:
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusFound)
	case GzipBomb:
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb())
	case Short, Long, Corrupt:
		good = bytes.Clone(good)
		switch {
		case f == Long:
			good = append(good, 'x')
		case len(good) > 0 && f == Short:
			good = good[:len(good)-1]
		case len(good) > 0:
			good[len(good)/2] ^= 0xff
		}
		_, _ = w.Write(good)
	default:
		s.failBody(w, r, f, good, set)
	}
}

// failBody plays the faults that concern the connection.
func (s *Steam) failBody(w http.ResponseWriter, r *http.Request, f Fault, good []byte, set settings) {
	flush := http.NewResponseController(w).Flush
	switch f {
	case Hang:
		s.wait(r, time.Hour)
		panic(http.ErrAbortHandler)
	case Stall:
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		_, _ = w.Write(good[:len(good)/2])
		_ = flush()
		s.wait(r, time.Hour)
		panic(http.ErrAbortHandler)
	case Drip:
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		for i := range good {
			if _, err := w.Write(good[i : i+1]); err != nil || flush() != nil || !s.wait(r, set.drip) {
				return
			}
		}
	case Endless:
		block := []byte(strings.Repeat(" ", 32<<10))
		_, _ = w.Write(good)
		_ = flush()
		for s.wait(r, time.Microsecond) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	case Truncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		_, _ = w.Write(good[:len(good)/2])
		_ = flush()
		panic(http.ErrAbortHandler)
	case Reset:
		panic(http.ErrAbortHandler)
	default:
		http.Error(w, fmt.Sprintf("steamtest: unknown fault %q", f), http.StatusInternalServerError)
	}
}

// bomb is 64 MiB of zeros, compressed. A gzip file may consist of several
// members (RFC 1952 §2.2), so one mebibyte is compressed once and repeated.
func bomb() []byte {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(make([]byte, 1<<20)) // a bytes.Buffer does not fail
	_ = z.Close()
	return bytes.Repeat(member.Bytes(), 64)
}
