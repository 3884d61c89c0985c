package demosink

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// What keeps a session from being opened, used or closed.
var (
	// ErrInSession: the player has a session that is not closed.
	ErrInSession = fault.New(fault.Conflict, "User already in a session, either remember your session token or close it out at `/close_session`!")
	// ErrNoSession: the player has none.
	ErrNoSession = fault.New(fault.Conflict, "User is not in a session, create one at `/session_id`!")
	// ErrConnected: another connection is attached to the session.
	ErrConnected = fault.New(fault.Conflict, "This session has a connection already")
	// ErrLate: these are no late bytes.
	ErrLate = fault.New(fault.Invalid, "invalid late_bytes")
	// ErrLateStored: the session has other late bytes.
	ErrLateStored = fault.New(fault.Conflict, "already submitted")
	// ErrLateSession: the session that the late bytes are for takes none.
	ErrLateSession = fault.New(fault.Conflict, "no active session")
	// ErrStopping: the server stops.
	ErrStopping = fault.New(fault.Unavailable, "The server is about to stop")
	// ErrFloor: the disk has too little room for a new recording.
	ErrFloor = fault.New(fault.NoSpace, "The disk of the server is almost full")
)

// Opening is what a client says about a recording it is about to send.
type Opening struct {
	FakeIP   string // ip:port of the game server
	Map      string
	DemoName string
	Verified bool // Steam knows the game server
}

// mayOpen returns nil when the player has no session, or one that Open will
// close: its last connection ended with a Close, so nothing more comes.
// Otherwise it waits for the player's other request to close it, at most
// holdFor, because clients send both at once.
func (s *Service) mayOpen(ctx context.Context, account int64) error {
	p := s.players.enter(account)
	defer p.leave()
	var timeout <-chan time.Time
	for {
		old, err := s.store.active(ctx, account)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil
		case err != nil:
			return err
		case old.CleanClose && !old.Open && p.live == nil:
			return nil
		}
		if timeout == nil {
			timeout = s.clock.After(holdFor)
		}
		changed := p.changed
		p.mu.Unlock()
		over := false
		select {
		case <-changed:
		case <-timeout:
			over = true
		case <-ctx.Done():
			over = true
		case <-s.ending:
			over = true
		}
		p.mu.Lock()
		if over {
			return s.stillIn(ctx, account)
		}
	}
}

// stillIn returns ErrInSession if the player has a session.
func (s *Service) stillIn(ctx context.Context, account int64) error {
	_, err := s.store.active(ctx, account)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	return ErrInSession
}

// Open begins a session.
func (s *Service) Open(ctx context.Context, c Caller, o Opening) (Session, error) {
	if s.ballast.full.Load() {
		return Session{}, ErrFloor
	}
	if free, err := s.blobs.Free(ctx); err == nil && free < s.options.MinFree {
		if err := s.room(ctx, 0, 0); err != nil {
			return Session{}, err
		}
	}
	p := s.players.enter(c.Account)
	defer p.leave()
	old, err := s.store.active(ctx, c.Account)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return Session{}, err
	case !old.CleanClose || old.Open || p.live != nil:
		return Session{}, ErrInSession
	default:
		if _, err := s.closeLocked(ctx, p, old); err != nil {
			return Session{}, err
		}
	}
	now := s.clock.Now()
	sess := Session{
		ID: NewSessionID(), Account: c.Account, SteamID: c.SteamID, Source: SourceStream, DemoName: text(o.DemoName), Active: true,
		Verified: o.Verified, StartAt: now, FakeIP: text(o.FakeIP), Map: text(o.Map), GraceUntil: now.Add(createdGrace),
		Owner: s.spool.owner, LeaseUntil: now.Add(leaseFor), CreatedAt: now, UpdatedAt: now,
	}
	err = s.store.insert(ctx, sess)
	if fault.Is(err, fault.Conflict) { // by another process
		return Session{}, ErrInSession
	}
	if err != nil {
		return Session{}, err
	}
	s.rewake()
	s.publish(sess.Account, sess.ID, "open")
	return sess, nil
}

// unknownSession is the refusal of a session that is not the caller's.
type unknownSession string

// Error is the text that clients know.
func (id unknownSession) Error() string { return "Unknown session ID " + string(id) }

func errUnknownSession(id string) error { return unknownSession(text(id)) }

// Attach makes a stream of the player's session, if it is the one named.
// serveStream or detach must follow. A connection that was silent for long is
// ended in favour of the new one.
func (s *Service) Attach(ctx context.Context, account int64, id string) (*stream, error) {
	p := s.players.enter(account)
	defer p.leave()
	for tried := false; ; tried = true {
		sess, err := s.store.active(ctx, account)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil, ErrNoSession
		case err != nil:
			return nil, err
		case string(sess.ID) != id:
			return nil, errUnknownSession(id)
		case sess.Owner != s.spool.owner: // another machine has what came so far
			return nil, ErrConnected
		}
		if s.ballast.full.Load() {
			return nil, ErrFloor
		}
		select {
		case <-s.ending:
			return nil, ErrStopping
		default:
		}
		if p.live == nil {
			return s.attachLocked(ctx, p, sess)
		}
		if tried || p.live.silent(s.clock.Now()) < silentFor {
			return nil, ErrConnected
		}
		p.live.cut(endReplaced, 0)
		s.awaitEnd(ctx, p, drainFor)
	}
}

// awaitEnd waits for the end of the player's connection, at most d. The mutex
// is let go of meanwhile.
func (s *Service) awaitEnd(ctx context.Context, p *player, d time.Duration) {
	live := p.live
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-live.done:
	case <-s.clock.After(d):
	case <-ctx.Done():
	}
}

func (s *Service) attachLocked(ctx context.Context, p *player, sess Session) (*stream, error) {
	st, err := s.openStream(p, sess)
	if err != nil {
		return nil, err
	}
	if err := s.store.attached(ctx, sess.ID, s.spool.owner, s.clock.Now().Add(leaseFor)); err != nil {
		st.shut()
		return nil, err
	}
	p.live = st
	s.players.hold(p)
	s.metrics.live.Inc()
	p.notify()
	if !st.dirty.IsZero() {
		s.syncer.add(st)
	}
	s.publish(p.account, st.id, "streaming")
	return st, nil
}

// detach stores what a stream brought and starts the grace timer. clean says
// that the client ended it with a Close.
func (s *Service) detach(st *stream, clean bool) {
	progress := st.shut()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p := st.player
	p.mu.Lock()
	if err := s.store.detached(ctx, st.id, progress, clean, s.graceEnd()); err != nil {
		// The bytes are in the spool; runGrace finds that nobody is attached.
		s.log.Error("the end of a connection could not be noted", slog.String("session", string(st.id)), slog.Any("error", err))
	}
	p.live = nil
	p.notify()
	p.mu.Unlock()
	close(st.done)
	s.players.release(p)
	s.metrics.live.Dec()
	s.rewake()
	s.publish(p.account, st.id, "idle")
}

// graceEnd is when a session without a connection is closed; zero is never.
func (s *Service) graceEnd() time.Time {
	if s.config.Grace == 0 {
		return time.Time{}
	}
	return s.clock.Now().Add(s.config.Grace.Std())
}

// Close ends the player's session: what its connection still brings is taken
// for a moment, then everything becomes a blob. late, which may be nil, is
// stored before unless there is something already. It returns when that is
// done or goes on by itself.
func (s *Service) Close(ctx context.Context, account int64, late []byte) error {
	if late != nil && len(late) != demofile.LateSize {
		return ErrLate
	}
	p := s.players.enter(account)
	done, err := s.closeActive(ctx, p, late)
	p.leave()
	if err == nil && done != nil {
		s.await(ctx, done, finishFor)
	}
	return err
}

func (s *Service) closeActive(ctx context.Context, p *player, late []byte) (<-chan struct{}, error) {
	first, err := s.store.active(ctx, p.account)
	if fault.Is(err, fault.NotFound) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	if late != nil && first.Late == nil {
		if err := s.store.setLate(ctx, first.ID, late, s.clock.Now()); err != nil {
			return nil, err
		}
	}
	if p.live != nil {
		p.live.hurry()
		s.awaitEnd(ctx, p, drainFor)
	}
	if p.live != nil {
		p.live.cut(endClosed, 0)
		s.awaitEnd(ctx, p, time.Second)
	}
	if p.live != nil {
		return nil, fault.New(fault.Unavailable, "The disk is too slow at the moment").WithRetryAfter(5 * time.Second)
	}
	sess, err := s.store.active(ctx, p.account)
	if fault.Is(err, fault.NotFound) || err == nil && sess.ID != first.ID {
		return nil, nil // somebody else closed it meanwhile
	}
	if err != nil {
		return nil, err
	}
	return s.closeLocked(ctx, p, sess)
}

// closeLocked ends a session that has no connection. The caller holds the
// player's mutex. The channel is closed when its blob is there; it is nil when
// there will be none.
func (s *Service) closeLocked(ctx context.Context, p *player, sess Session) (<-chan struct{}, error) {
	keep, err := s.spool.has(sess.ID)
	if err != nil {
		return nil, err
	}
	if sess.Received > 0 && !keep { // made a blob of before the row could be written
		keep = true
	}
	if err := s.store.closed(ctx, sess.ID, keep, s.clock.Now()); err != nil {
		return nil, err
	}
	p.notify()
	s.publish(sess.Account, sess.ID, "closed")
	s.metrics.closed.Inc()
	if !keep {
		return nil, nil
	}
	return s.finish.start(sess.ID), nil
}

// await waits for a channel, at most d.
func (s *Service) await(ctx context.Context, done <-chan struct{}, d time.Duration) {
	select {
	case <-done:
	case <-s.clock.After(d):
	case <-ctx.Done():
	}
}

// takesLate returns the session that late bytes of the player are for: the
// one that is active, else the newest if it was closed just now and has none.
// ErrNoSession when there is neither.
func (s *Service) takesLate(ctx context.Context, account int64) (Session, error) {
	sess, err := s.store.active(ctx, account)
	if !fault.Is(err, fault.NotFound) {
		return sess, err
	}
	sess, err = s.lateClosed(ctx, account)
	if fault.Is(err, fault.NotFound) {
		return Session{}, ErrNoSession
	}
	return sess, err
}

// lateClosed returns the newest closed session if it may be patched,
// fault.NotFound otherwise.
func (s *Service) lateClosed(ctx context.Context, account int64) (Session, error) {
	sess, err := s.store.lastClosed(ctx, account)
	if err != nil {
		return Session{}, err
	}
	stored := sess.HasSize || sess.finishing()
	if !stored || sess.Late != nil || sess.Ingested || sess.Pruned || !s.clock.Now().Before(sess.EndAt.Add(recentFor)) {
		return Session{}, fault.New(fault.NotFound, "There is no such recording")
	}
	return sess, nil
}

// SubmitLate stores the bytes that the game filled in when it stopped
// recording: those of the session named, or of the one that takesLate finds
// when id is "".
func (s *Service) SubmitLate(ctx context.Context, account int64, id string, late []byte) error {
	if len(late) != demofile.LateSize {
		return ErrLate
	}
	p := s.players.enter(account)
	done, err := s.lateLocked(ctx, account, id, late)
	p.leave()
	if err == nil && done != nil {
		s.await(ctx, done, lateFor)
	}
	return err
}

func (s *Service) lateLocked(ctx context.Context, account int64, id string, late []byte) (<-chan struct{}, error) {
	sess, err := s.takesLate(ctx, account)
	if err == nil && id != "" && string(sess.ID) != id && sess.Active {
		sess, err = s.lateClosed(ctx, account)
	}
	if err == ErrNoSession || fault.Is(err, fault.NotFound) || err == nil && id != "" && string(sess.ID) != id {
		return nil, ErrLateSession
	}
	switch {
	case err != nil:
		return nil, err
	case bytes.Equal(sess.Late, late):
		return nil, nil
	case sess.Late != nil:
		return nil, ErrLateStored
	case sess.Active:
		return nil, s.store.setLate(ctx, sess.ID, late, s.clock.Now())
	}
	err = s.store.repatch(ctx, sess.ID, late, s.spool.owner, s.clock.Now())
	if fault.Is(err, fault.NotFound) {
		return nil, ErrLateSession
	}
	if err != nil {
		return nil, err
	}
	return s.finish.start(sess.ID), nil
}
