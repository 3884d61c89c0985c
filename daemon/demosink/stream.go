package demosink

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// Reasons for which a stream takes no more bytes.
var (
	errSessionFull = errors.New("the recording has reached the largest size")
	errDiskFull    = errors.New("the disk is full")
	errDamaged     = errors.New("the file cannot be written any more")
)

// stream is the one owner of what a connection brings to a session: the file
// in the spool and what is known of its bytes. One goroutine writes; the
// syncer makes durable what it wrote.
type stream struct {
	s      *Service
	id     SessionID
	player *player
	limit  int64 // of the size
	done   chan struct{}

	syncing sync.Mutex // held over a sync; guards file against being closed
	file    durable.File

	turn     turn
	hurrying sync.Once

	mu     sync.Mutex
	socket *socket // nil before the upgrade and after the end
	size   int64
	stats  anomaly.State
	last   time.Time // of the last byte, or of the beginning
	meter  meter
	dry    bool      // the client's bytes are awaited
	behind sizeAt    // when there was nothing left to take for the last time
	dirty  time.Time // of the first byte that is not durable; zero: none
	due    int64     // bytes that the flow counts as not durable
	synced progress
	why    ending
	failed error // of a sync; nothing is taken after it
}

// openStream opens the spool of a session behind what is there. Bytes that a
// process which died had not scored are scored now.
func (s *Service) openStream(p *player, sess Session) (*stream, error) {
	f, size, err := s.spool.append(sess.ID)
	if err != nil {
		return nil, err
	}
	st := &stream{
		s: s, id: sess.ID, player: p, limit: int64(s.config.MaxSessionBytes), done: make(chan struct{}),
		file: f, size: size, stats: sess.Statistics, last: s.clock.Now(),
		turn: turn{given: make(chan struct{}, 1), hurry: make(chan struct{})},
	}
	if err := scoreRest(f, s.model, &st.stats, sess.Received, size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if st.synced.statistics, err = statisticsText(st.stats); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	st.meter = newMeter(st.last, size)
	st.synced.id, st.synced.received, st.synced.last = sess.ID, size, sess.LastByteAt
	if size > sess.Received { // nobody knows whether these are durable
		st.dirty = st.last
	}
	return st, nil
}

// scoreRest adds the bytes between two offsets of a file to the statistics.
func scoreRest(f io.ReaderAt, m *anomaly.Model, stats *anomaly.State, from, to int64) error {
	if from >= to {
		return nil
	}
	b := chunks.Get().(*chunk)
	defer chunks.Put(b)
	for from < to {
		n, err := f.ReadAt(b[:min(int64(len(b)), to-from)], from)
		stats.Add(m, b[:n])
		from += int64(n)
		if err != nil && (err != io.EOF || from < to) {
			return err
		}
	}
	return nil
}

// write appends p. What is written when it fails stays.
func (st *stream) write(p []byte) error {
	st.mu.Lock()
	room, failed := st.limit-st.size, st.failed
	st.mu.Unlock()
	if failed != nil {
		return errDamaged
	}
	if st.s.ballast.full.Load() {
		return errDiskFull
	}
	full := int64(len(p)) > room
	if full {
		p = p[:max(room, 0)]
	}
	st.s.flow.take(&st.turn, int64(len(p)))
	n, err := st.file.Write(p)
	st.s.flow.give(int64(len(p) - n))
	st.s.metrics.bytes.Add(float64(n))
	now := st.s.clock.Now()
	st.mu.Lock()
	st.size += int64(n)
	st.due += int64(n)
	st.stats.Add(st.s.model, p[:n])
	st.last = now
	st.meter.see(now, st.size)
	fresh := n > 0 && st.dirty.IsZero()
	if fresh {
		st.dirty = now
	}
	st.mu.Unlock()
	if fresh {
		st.s.syncer.add(st)
	}
	switch {
	case durable.NoSpace(err):
		st.s.diskFull()
		return errDiskFull
	case err != nil:
		return fmt.Errorf("%w: %w", errDamaged, err)
	case full:
		return errSessionFull
	}
	return nil
}

// beginSync has the system begin with what sync will wait for.
func (st *stream) beginSync() {
	st.syncing.Lock()
	defer st.syncing.Unlock()
	if st.file != nil {
		durable.BeginSync(st.file)
	}
}

// sync makes durable what was written so far and returns how much that is and
// how much of it is new. After a failure the file is given up: syncing it again
// could lie.
func (st *stream) sync() (_ progress, fresh int64, err error) {
	st.syncing.Lock()
	defer st.syncing.Unlock()
	st.mu.Lock()
	size, stats, last, dirty, failed := st.size, st.stats, st.last, st.dirty, st.failed
	due, synced := st.due, st.synced
	st.dirty, st.due = time.Time{}, 0
	st.mu.Unlock()
	defer st.s.flow.give(due)
	if failed != nil || dirty.IsZero() || st.file == nil {
		return synced, 0, failed
	}
	statistics, err := statisticsText(stats)
	if err == nil {
		err = st.file.Sync()
	}
	st.s.metrics.lag.Observe(st.s.clock.Now().Sub(dirty).Seconds())
	st.mu.Lock()
	defer st.mu.Unlock()
	if err != nil {
		st.failed = err
		st.s.finish.damage(st.id)
		st.s.log.Error("a recording cannot be made durable; its connection is ended", slog.String("session", string(st.id)), slog.Any("error", err))
		return st.synced, 0, err
	}
	st.synced = progress{st.id, size, last, statistics}
	return st.synced, due, nil
}

// shut makes everything durable and closes the file.
func (st *stream) shut() progress {
	p, _, err := st.sync()
	st.s.syncer.remove(st)
	st.syncing.Lock()
	defer st.syncing.Unlock()
	if st.file != nil {
		err = errors.Join(err, st.file.Close())
		st.file = nil
	}
	if err != nil {
		st.s.log.Error("the end of a recording may not be durable", slog.String("session", string(st.id)), slog.Any("error", err))
	}
	return p
}

// silent returns for how long nothing came.
func (st *stream) silent(now time.Time) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return now.Sub(st.last)
}

// ending is why the server ends a connection, as a Close frame says it
// (RFC 6455 §7.4.1).
type ending struct {
	code   int
	reason string
}

// Endings. Reasons have at most 123 bytes.
var (
	endClosed   = ending{1000, "The session was closed"}
	endProtocol = ending{1002, "The frames are not those of a websocket"}
	endText     = ending{1003, "Only binary frames are taken"}
	endReplaced = ending{1008, "Another connection took the session over"}
	endIdle     = ending{1008, "Nothing came for too long; connect again to go on"}
	endDamaged  = ending{1011, "The recording cannot be written; what came before is kept"}
	endRestart  = ending{1012, "The server stops; what came is kept, connect again to go on"}
	endSlow     = ending{1013, "The disk of the server is too slow for all; what came is kept"}
	endDisk     = ending{1013, "The disk of the server is full; what came is kept"}
)

func endFull(limit int64) ending {
	return ending{1009, "The recording has reached the limit of " + config.Size(limit).String() + "; what came is kept"}
}

// cut makes the connection end after d at the latest, for a reason that is
// told when it does. The first reason counts.
func (st *stream) cut(why ending, d time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.why.code == 0 {
		st.why = why
	}
	if st.socket != nil {
		st.socket.endAfter(d)
	}
	st.hurry()
}

// hurry lets the stream write what it has without waiting for its turn.
func (st *stream) hurry() { st.hurrying.Do(func() { close(st.turn.hurry) }) }

// connect says that the connection is there.
func (st *stream) connect(c *socket) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.socket = c
	st.behind = sizeAt{st.s.clock.Now(), st.size}
	if st.why.code != 0 {
		c.endAfter(0)
	}
}

// endWith sets why the connection ends unless that is known already.
func (st *stream) endWith(why ending) ending {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.why.code == 0 {
		st.why = why
	}
	return st.why
}

// reason is what the server ended the connection for; its code is 0 when it
// did not.
func (st *stream) reason() ending {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.why
}
