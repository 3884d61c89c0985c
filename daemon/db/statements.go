package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds what is kept prepared. The texts of the program are
// far fewer; only IN-lists of many lengths come near.
const maxStatements = 256

// statements keeps prepared statements by their text: parsing costs SQLite
// more than running most of ours.
type statements struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)

	mu   sync.RWMutex
	kept map[string]*sql.Stmt
}

func newStatements(prepare func(context.Context, string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, kept: make(map[string]*sql.Stmt)}
}

// get returns the statement for query, or nil when no more are kept.
func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st, full := s.kept[query], len(s.kept) >= maxStatements
	s.mu.RUnlock()
	if st != nil || full {
		return st, nil
	}
	st, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.kept[query]; first != nil {
		return first, st.Close()
	}
	s.kept[query] = st
	return st, nil
}

func (s *statements) close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, st := range s.kept {
		err = errors.Join(err, st.Close())
	}
	clear(s.kept)
	return err
}
