package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The bounds of one shared commit: nobody waits longer for others than
// batchTime plus the last write that began within it.
const (
	queueLength = 1024
	batchCount  = 256
	batchTime   = 10 * time.Millisecond
)

var errClosed = fault.New(fault.Unavailable, "The database is closed")

// writer is SQLite's group commit. One goroutine owns the one connection that
// writes. It takes the writes that wait, runs each in a savepoint of one
// immediate transaction, commits once and then answers all of them.
type writer struct {
	pool *sql.DB
	now  func() time.Time

	queue   chan *job
	quit    chan struct{} // closed: run what is queued, then stop
	stopped chan struct{} // closed: nothing runs any more

	// Owned by the goroutine:
	conn  *sql.Conn
	stmts *statements
	batch []*job // have run, wait for the commit
}

// job is one Write. It is begun by the writer or abandoned by its caller,
// whoever is first.
type job struct {
	ctx   context.Context
	fn    func(tx *Tx) error
	taken atomic.Bool
	err   error      // of fn; kept until the commit is known
	done  chan error // has room for the one answer
}

func newWriter(pool *sql.DB, now func() time.Time) *writer {
	w := &writer{
		pool:    pool,
		now:     now,
		queue:   make(chan *job, queueLength),
		quit:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	go w.loop()
	return w
}

// close waits until every write that was accepted is answered.
func (w *writer) close() error {
	close(w.quit)
	<-w.stopped
	return w.disconnect()
}

// do hands fn to the writer and waits for the commit.
func (w *writer) do(ctx context.Context, fn func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case <-w.quit:
		return errClosed
	default:
	}
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return errClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-j.done // begun: the truth is a moment away
	case <-w.stopped:
		if j.taken.CompareAndSwap(false, true) {
			return errClosed
		}
		return <-j.done
	}
}

// loop serves the queue. A function that ends its goroutine, as
// testing.T.FailNow does, takes this one with it; another then goes on.
func (w *writer) loop() {
	ended := false
	defer func() {
		if ended {
			close(w.stopped)
			return
		}
		w.abandon(errors.New("a transaction's function ended its goroutine"))
		go w.loop()
	}()
	for {
		select {
		case j := <-w.queue:
			w.commit(j)
			continue
		default:
		}
		select {
		case j := <-w.queue:
			w.commit(j)
		case <-w.quit:
			if len(w.queue) == 0 {
				ended = true
				return
			}
		}
	}
}

// commit runs first and what else waits, and acknowledges them together.
func (w *writer) commit(first *job) {
	ctx := context.Background()
	if err := w.connect(ctx); err != nil {
		w.refuse(first, mapError(err))
		return
	}
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		w.refuse(first, mapError(err))
		w.reconnectAfter(err)
		return
	}
	until := time.Now().Add(batchTime)
	for j := first; j != nil; j = w.next(until) {
		if !j.taken.CompareAndSwap(false, true) {
			continue
		}
		w.batch = append(w.batch, j)
		if err := w.run(j); err != nil {
			w.abandon(err)
			return
		}
	}
	if _, err := w.exec(ctx, "COMMIT"); err != nil {
		w.abandon(err)
		return
	}
	w.answer(nil)
}

// next returns one more waiting write, or nil when it is time to commit.
func (w *writer) next(until time.Time) *job {
	if len(w.batch) >= batchCount || !time.Now().Before(until) {
		return nil
	}
	select {
	case j := <-w.queue:
		return j
	default:
		return nil
	}
}

// run runs one write in a savepoint. Its own failure is kept in j; an error
// that is returned has spoilt the whole transaction.
func (w *writer) run(j *job) error {
	ctx := context.Background()
	if _, err := w.exec(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	tx := &Tx{Now: w.now(), run: w.conn, prepare: w.stmts.get, detach: true}
	j.err = tx.call(j.fn)
	if j.err == nil {
		_, err := w.exec(ctx, "RELEASE one")
		return err
	}
	// Some failures, a full disk among them, make SQLite roll everything
	// back; the savepoint is gone then and this fails too.
	if _, err := w.exec(ctx, "ROLLBACK TO one"); err != nil {
		return errors.Join(j.err, err)
	}
	_, err := w.exec(ctx, "RELEASE one")
	return err
}

// abandon rolls the transaction back and tells everybody in it.
func (w *writer) abandon(cause error) {
	if w.conn != nil {
		if _, err := w.exec(context.Background(), "ROLLBACK"); err != nil {
			// It may have been rolled back already. A fresh connection is
			// certain to be in no transaction.
			cause = errors.Join(cause, w.disconnect())
		}
		w.reconnectAfter(cause)
	}
	w.answer(mapError(fmt.Errorf("the commit failed: %w", cause)))
}

// answer ends the batch. Failures of single writes are answered only now as
// well: they may rest on what others in the batch had written.
func (w *writer) answer(err error) {
	for i, j := range w.batch {
		if err != nil && j.err == nil {
			j.err = err
		}
		j.done <- j.err
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
}

// refuse answers a write that could not be begun.
func (w *writer) refuse(j *job, err error) {
	if j.taken.CompareAndSwap(false, true) {
		j.done <- err
	}
}

func (w *writer) exec(ctx context.Context, query string) (sql.Result, error) {
	s, err := w.stmts.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return w.conn.ExecContext(ctx, query)
	}
	return s.ExecContext(ctx)
}

func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.stmts = conn, newStatements(conn.PrepareContext)
	return nil
}

// reconnectAfter gives the connection up when err came from the disk: a
// descriptor whose fsync failed must not be trusted with another.
func (w *writer) reconnectAfter(err error) {
	if fault.Is(mapError(err), fault.Unavailable) || errors.Is(err, driver.ErrBadConn) {
		// The commit has failed already, and that is what callers are told.
		_ = w.disconnect()
	}
}

// disconnect closes the connection itself, not only its hold in the pool.
func (w *writer) disconnect() error {
	if w.conn == nil {
		return nil
	}
	err := w.stmts.close()
	// ErrBadConn is how a pool is told to drop a connection.
	if e := w.conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(e, driver.ErrBadConn) {
		err = errors.Join(err, e)
	}
	if e := w.conn.Close(); !errors.Is(e, sql.ErrConnDone) {
		err = errors.Join(err, e)
	}
	w.conn, w.stmts = nil, nil
	return err
}
