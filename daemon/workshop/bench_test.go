package workshop

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// nullWriter is a response that goes nowhere.
type nullWriter struct{ h http.Header }

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}

func benchFace(b *testing.B, logTo io.Writer) (*Service, *http.Request) {
	b.Helper()
	r := newRigOn(b, dbtest.SQLite(b), b.TempDir(), nil)
	if logTo != nil {
		r.face.log.log = slog.New(slog.NewTextHandler(logTo, nil))
	} else {
		r.face.log.log = slog.New(slog.DiscardHandler)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/"+vector.File(), http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	req.RequestURI, req.RemoteAddr = "/"+vector.File(), "127.0.0.1:999"
	return r.Service, req
}

func BenchmarkNS2_Stored(b *testing.B) {
	for name, logTo := range map[string]io.Writer{"quiet": nil, "logged": io.Discard} {
		b.Run(name, func(b *testing.B) {
			s, req := benchFace(b, logTo)
			storeForBench(b, s, 4096)
			b.ReportAllocs()
			for b.Loop() {
				s.face.ServeHTTP(&nullWriter{http.Header{}}, req)
			}
		})
	}
}

func BenchmarkNS2_Missing(b *testing.B) {
	s, req := benchFace(b, nil)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		req.RequestURI = "/" + Name{ItemID(1<<32 + i%50000), 1}.File()
		s.face.ServeHTTP(&nullWriter{http.Header{}}, req)
	}
}

func BenchmarkDecide_Stored(b *testing.B) {
	s, _ := benchFace(b, nil)
	storeForBench(b, s, 1)
	q := request{name: vector, mayStart: func() bool { return true }}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a, _ := s.decide(time.Time{}, q); a != answerServed {
				b.Error(a.reason())
			}
		}
	})
}

// storeForBench puts a version of n bytes into the store and the index.
func storeForBench(b *testing.B, s *Service, n int) {
	b.Helper()
	w, err := s.blobs.Create(b.Context(), blobKey(vector))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(make([]byte, n)); err != nil {
		b.Fatal(err)
	}
	if _, err := w.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
	v := Version{Name: vector, State: Ready, Key: blobKey(vector), Size: int64(n), SHA256: make([]byte, 32), Source: sourceSteamURL}
	if v.Print, err = s.printOf(b.Context(), v.Key); err != nil {
		b.Fatal(err)
	}
	s.index.put(v)
}
